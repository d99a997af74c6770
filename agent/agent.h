#ifndef BY_AGENT_AGENT_H
#define BY_AGENT_AGENT_H
/* The agent's state.  All of it belongs to the main thread (agent.c); workers get copies in tasks.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/ident.h"
#include "agent/receipts.h"
#include "agent/track.h"
#include "agent/workers.h"
#include "agent/world.h"
#include "drivers/crypto/keyring.h"
#include "drivers/crypto/sigkey.h"
#include "drivers/host/hostinfo.h"
#include "drivers/virt/virt.h"

struct fetch;
struct httpc_watch;
struct link;
struct metrics;
struct sampler;
struct segments;
struct shared;
struct task;

/* One of many agents in a process that waits for all of them at once (tests/sim).  Left zero, an
 * agent is alone. */
struct agent_among {
    const struct httpc_watch *watch; /* of its link; lives as long as the agent */
    void (*wake)(void *arg);         /* its next round is due now; from any thread */
    /** A call waits for agent_run_call(); from its own thread.  NULL: its rounds run its calls. */
    void (*offer)(void *arg);
    void *arg;
    bool threads;     /* its calls may hang: workers of its own all the same */
    const char *boot; /* boot id, or NULL: the machine's */
};

struct agent {
    struct agent_config conf; /* immutable after start */
    struct agent_among among; /* likewise */
    struct arena forever;
    struct ident id;
    struct hostinfo host;
    int lock_fd;
    struct sigkey *key; /* signs what this host says */
    struct keyring *keys;
    struct receipts *receipts;
    struct world *world;
    struct tracks tracks;
    struct workers *calls;     /* to the hypervisor */
    struct segments *segments; /* workers use it too */
    struct workers *disk;      /* overwriting; its jobs take no connection */
    struct link *link;         /* to the controller */
    struct sampler *sampler;
    struct metrics *metrics; /* NULL unless the configuration wants them */
    int64_t metrics_at_ms;   /* monotonic: when they are written next */
    bool metrics_failed;     /* last time they could not be */
    bool metrics_looking;    /* a worker looks how much room is free */
    struct fetch *fetch;     /* base images from the controller */
    struct shared *shared;   /* the pool, when other hosts see it too */

    struct virt_caps caps; /* valid with has_caps */
    bool has_caps;
    /* observation */
    int observers;           /* whole readings under way; more than one only when some hang */
    uint64_t observe_serial; /* of the newest one */
    int64_t observe_at_ms;   /* monotonic: when the next one is due */
    int64_t observing_since_ms;
    struct err observe_err; /* code OK: the newest one succeeded */
    int64_t trim_at_ms;     /* monotonic: when unused memory is given back; 0: not now */
    int64_t decide_at_ms;   /* monotonic: when time alone may change the decision */
    bool dirty;             /* something changed: decide again */
    bool heard;             /* the controller's set and holds were heard since this start */
    uint64_t set_serial;    /* counts full sets */
    int64_t head_kept_ms;   /* monotonic: when a ledger head was last written down */
    bool head_fell;         /* the controller's ledger was seen to be behind ours */
    bool recovery;          /* the controller is behind its hosts */
    bool clock_suspect;
    int64_t clock_base_ms; /* wall minus monotonic, as first trusted */
    /* emergency holds, newest answer */
    struct arena holds_arena;
    struct jm_list holds;
    char holds_kept[65]; /* hash of what was written down */
    sigset_t ends;
    atomic_bool stopping; /* set once; workers look at it in long work */
    struct task *ready;   /* tasks whose next phase waits for the commit */
};

struct agent_options {
    const char *dir;         /* identity folder */
    const char *config_file; /* or NULL: agent.conf in dir, if it is there */
    const sigset_t *ends;    /* for agent_run(): see signals_hold() */
    struct agent_among among;
};

/** The main loop: observe, decide, make durable, act, report.  It sleeps until a call ends, the
 * controller answers, or the next thing is due.  Runs until a signal of o->ends and then ends the
 * process; returns -1 when it could not start. */
int agent_run(const struct agent_options *o, struct err *e);

/* Its parts, for tests that drive a host without a controller. */
int agent_open(struct agent *ag, const struct agent_options *o, struct err *e);
/** Half-opened is fine.  false: a call still runs and uses *ag, nothing was freed; the process
 * ends, or closes it again later. */
bool agent_close(struct agent *ag);
/** Take what ended, start what is due, decide; returns milliseconds until something is due. */
int agent_round(struct agent *ag);
/** Sleep at most so long, or until a call ends or the controller answers. */
void agent_wait(struct agent *ag, int wait_ms);
/** Wake it from any thread. */
void agent_wake(void *agent);
/** Run one of its calls that wait, in the caller's thread; false: none does.  See
 * agent_among.offer. */
bool agent_run_call(struct agent *ag);
/** Who runs the jobs of a pool with so many threads, when it is alone, and who is told. */
void agent_pool(struct agent *ag, int threads, struct workers_config *c);
#endif
