#ifndef BY_CONTROLLER_CONTROLLER_H
#define BY_CONTROLLER_CONTROLLER_H
/* The controller's state, passed down everywhere.  Fields are set before the threads start and only
 * read afterwards; what changes while it runs is behind a function here.  Threads: any. */
#include <stdbool.h>
#include <stdint.h>

#include "controller/api.h"
#include "controller/config.h"
#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/paper.h"

struct auth;
struct commit;
struct dispatch;
struct hosttable;
struct httpd;
struct imager;
struct jobs;
struct live;
struct metrics;
struct notices;
struct pool;
struct server;
struct signin;
struct units;
struct watching;

struct controller {
    struct controller_config conf;
    char dir[256];        /* store, keys, run/ */
    char store_path[300]; /* the database file: readers open it themselves */
    char store[W_ID];     /* id of the store */
    const char *root_pem; /* public key of the root */
    const char *ca_pem;   /* certificate of our CA */
    const char *ca_key;   /* its key: host certificates are issued with it */
    char ca_sha256[W_HASH];
    struct sigkey *order_key;
    struct sigkey *grant_key; /* NULL unless configured */
    struct arena arena;       /* of the strings above */

    struct metrics *metrics;   /* rows of metrics.def */
    struct live *live;         /* term, recovery, newest head, key ring */
    struct auth *auth;         /* sessions and host certificates in memory */
    struct signin *signin;     /* passwords in memory */
    struct units *units;       /* the tree of units in memory */
    struct commit *commit;     /* the one writer */
    struct hosttable *hosts;   /* the writer's: hosts in memory, for placing */
    struct pool *readers;      /* each thread has its own read connection */
    struct pool *workers;      /* signatures, hashes, decoding */
    struct pool *hashers;      /* passwords: slow, so that they keep nobody else waiting */
    struct watching *watching; /* lists that wait for news */
    struct server *server;     /* routes */
    struct httpd *httpd;       /* both listeners; set by server_start() */
    int people, agents;        /* listeners */
    struct dispatch *dispatch; /* long polls */
    struct jobs *jobs;         /* clocks, sweeps, evaluations */
    struct imager *imager;     /* looks at images that were sent; NULL: nobody does */
    struct notices *notices;   /* mails and webhooks; NULL: nothing leaves */
    /** Wake the long polls of a host; set by dispatch before threads start, may be NULL. */
    void (*wake_host)(struct controller *c, const char *host);
    int64_t (*wall_ms)(void), (*mono_ms)(void); /* clocks; tests bring their own */
    int64_t opened_ms;                          /* monotonic */
};

/** Open store, keys and pools; no listener yet (server.h).  Free with controller_free(), also after
 * -1. */
int controller_open(struct controller *c, const char *dir, const struct controller_config *conf,
                    struct err *e);
/** After server_stop(): finish what is queued, join the threads, close the store. */
void controller_free(struct controller *c);

/** Everything about people and hosts in memory anew from the store. */
int controller_load_people(struct controller *c, struct db *d, struct err *e);
uint64_t controller_term(struct controller *c);
/** Minutes east of UTC by which the city counts its days. */
int32_t controller_tz_minutes(const struct controller *c);
/** Behind its hosts: nothing is dispatched or allocated until a person decides. */
bool controller_recovery(struct controller *c);
bool controller_clock_jumped(struct controller *c);
/** The time that everything here goes by: the system's; after a jump of it, what it was and what
 * has passed since, until a person confirms.  Else one wrong hour in the ledger would keep each
 * later order ahead of the hosts' clocks, which refuse what is signed in their future. */
int64_t controller_now_ms(struct controller *c);
/** Newest signed ledger head, copied into the arena; NULL before the first. */
const char *controller_head(struct controller *c, struct arena *a);
uint64_t controller_head_seq(struct controller *c);
/** keyring_check() with the key statements in force. */
int controller_paper_check(struct controller *c, const char *text, size_t len, const char *purpose,
                           const char *batch_purpose, enum w_key_use use, int64_t at_ms,
                           struct arena *a, const char **body, struct err *e);
/** For steps: this store is behind its hosts.  Kept in the store; takes effect with the commit. */
int controller_enter_recovery(struct tx *t, const char *reason, struct err *e);
enum { TERM_LEAP_MAX = 1000000 };
/** For steps: a host has seen this term; the next one after recovery will be above it.  INVALID for
 * one that is more than TERM_LEAP_MAX above ours. */
int controller_note_term(struct tx *t, uint64_t term, struct err *e);
#endif
