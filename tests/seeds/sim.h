#ifndef BY_TESTS_SEEDS_SIM_H
#define BY_TESTS_SEEDS_SIM_H
/* The simulated world: one controller, a few hosts with their agents and fake hypervisors, and the
 * people; what a seed does to them (acts.c), and what must hold whatever it does (laws.c). */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent.h"
#include "drivers/base/fault.h"
#include "tests/unit/flow.h"
#include "tests/unit/signers.h"

enum { SIM_HOSTS = 3, SIM_CONTROLLER = 1, SIM_FIRST_HOST = 2, SIM_HOLD_MS = 1200000 };
enum { SIM_CERT_MS = 8 * 3600000, SIM_IMPOSTORS = 8 }; /* agents look every hour */

/* What goes wrong at a place of the programs (drivers/base/fault.def) of one node. */
struct sim_trap {
    bool armed, kill;
    enum fault_point at;
    int passes; /* so many times nothing happens */
    enum fault_verdict verdict;
};

struct sim_host {
    int node;
    char name[8], id[W_ID], boot[40];
    char dir[200], world[200], pool[200], config[200];
    int lives; /* each begins in a copy of the folder: what the one before had open stays with it */
    struct agent *ag;
    bool up;
    int64_t back_ns;            /* down: starts again then */
    int fail, lose, hang, slow; /* its hypervisor's calls, in 1,000 */
    bool full;                  /* the disk of its receipts */
    struct sim_trap trap;
};

/* A machine that somebody defined by hand under the id of one of ours. */
struct sim_impostor {
    struct sim_host *host;
    char id[W_ID];
};

struct sim {
    uint64_t seed;
    int steps, step;
    bool trace;
    const char *plant; /* a bug that is planted, or NULL */
    char root[160];    /* everything of this run */
    struct flow f;
    bool up; /* the controller */
    int lives;
    int64_t back_ns;
    struct sim_trap trap;
    struct sim_host host[SIM_HOSTS];
    char image[65];
    char grant[W_ID];
    struct signer approver; /* elsewhere: its approvals are imported */
    struct sim_impostor impostor[SIM_IMPOSTORS];
    int n_impostors;
    bool full;        /* the disk of the store */
    bool forgetful;   /* whole sets are told in part */
    bool backup;      /* there is one */
    char broken[500]; /* the first law that was broken; "" none */
};

extern struct sim sim; /* one to a process */

/* world.c */
void sim_template(const char *root); /* made once, under its own seed */
void sim_open(void);                 /* from a copy of the template */
void sim_controller_kill(int64_t back_in_ms);
void sim_controller_start(void);
/** A copy of its folder as it is; and back to it, with what that loses. */
void sim_controller_backup(void);
void sim_controller_restore(int64_t back_in_ms);
void sim_host_kill(struct sim_host *h, int64_t back_in_ms);
void sim_host_reboot(struct sim_host *h, int64_t back_in_ms);
void sim_host_start(struct sim_host *h);
/** A person makes it a new incarnation, its receipts stay; the network must be good. */
void sim_host_enrol_again(struct sim_host *h);
/** What its hypervisor says that it has. */
void sim_host_size(struct sim_host *h, int cpus, int mem_mib, int pool_gib);
/** Its folder of receipts is gone; the agent must be down. */
void sim_host_forget(struct sim_host *h);
/** Start what is due to come back. */
void sim_returns(void);
struct sim_host *sim_host_of(int node); /* NULL: none */
void sim_copy(const char *from, const char *to);
void sim_remove(const char *dir);
/** Let virtual time pass; in steps of the watch, which looks at the laws of hosts. */
void sim_pass(int64_t ms);

/* acts.c */
void acts_step(uint64_t *random);
void acts_heal(void);

/* laws.c */
void laws_begin(void);
void laws_world(struct sim_host *h);        /* after each changing call and each step */
void laws_orders(const struct sim_host *h); /* before each action: what it may do by then */
void laws_step(void);                       /* after each step */
bool laws_has(const struct sim_host *h, const char *id); /* a machine, as of the newest look */
bool laws_in_flight(const struct sim_host *h, const char *id); /* its agent calls about it */
void laws_end(void);                                           /* when all is quiet: converged */
void laws_acknowledged(const struct w_accepted *acc);          /* a client has this answer */
void laws_by_hand(const char *id);               /* somebody did something to it on the host */
void laws_all_by_hand(const struct sim_host *h); /* to all of it: a reboot */
void laws_receipts_lost(const struct sim_host *h);
void laws_store_goes_back(void); /* an older backup is put in its place: a declared loss */
void laws_break(const char *law, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* query.c: the store, read beside the controller */
int64_t query_int(const char *sql);
struct query_row {
    char col[10][64];
};
int query_rows(const char *sql, struct query_row *out, int max);
void query_close(void);

void sim_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#endif
