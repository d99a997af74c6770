#ifndef BY_TESTS_UNIT_CTL_H
#define BY_TESTS_UNIT_CTL_H
/* A controller with a fresh store in a folder of its own, without listeners, for tests. */
#include "controller/controller.h"

struct ctl {
    char *dir;
    char token[64]; /* one-time token of the administrator */
    struct controller c;
};

/** Aborts when it cannot be made. */
void ctl_start(struct ctl *t, const char *alg);
/** Stop and start again on the same store. */
void ctl_restart(struct ctl *t);
void ctl_stop(struct ctl *t);
/** Its own read connection; db_free(). */
struct db *ctl_db(struct ctl *t);
/** First column of the first row of a statement without values; -1 when none. */
int64_t ctl_int(struct ctl *t, enum db_stmt s);
/** The clocks that ctl controllers run by: real ones plus these. */
void ctl_clock(int64_t wall_plus_ms, int64_t mono_plus_ms);
/** Listen on free ports of 127.0.0.1; ctl_stop() ends it. */
void ctl_serve(struct ctl *t);
/** A new account with this role in a unit of its own, and its session's token. */
void ctl_account(struct ctl *t, enum w_role role, struct caller *who, char token[64]);
/** The same with a login, and in a unit that is there; NULL: as ctl_account(). */
void ctl_person(struct ctl *t, const char *login, const char *unit, enum w_role role,
                struct caller *who, char token[64]);
/** Somebody of the provider whose account names no company. */
void ctl_nameless(struct ctl *t, struct caller *who, char token[64]);
/** A client of the people's listener; token NULL: not signed in. httpc_free(). */
struct httpc *ctl_client(struct ctl *t, const char *token);
struct httpc *ctl_browser(struct ctl *t); /* asks for pages */
/** Enrol a host of that name through the API as a new machine; its certificate and key go to
 * DIR/<name>.pem and .key.  Returns its id. */
void ctl_enrol(struct ctl *t, const char *name, char host[W_ID]);
/** A client of the agents' listener with the certificate of ctl_enrol(). */
struct httpc *ctl_agent(struct ctl *t, const char *name);
/** Check the whole ledger against its signed head; 0, or -1 with the reason. */
int ctl_verify(struct ctl *t, uint64_t *n, struct err *e);
#endif
