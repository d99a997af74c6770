#ifndef BY_AGENT_TASK_H
#define BY_AGENT_TASK_H
/* One action in progress: a row of phases, each run by a worker of its pool.  Between two phases
 * the owner makes durable what the last one learnt, before the next begins.  A task owns copies of
 * all it needs; workers never see receipts or the world.  Threads: a phase's run has the task to
 * itself; everything else is the owner's. */
#include "agent/agent.h"
#include "agent/calls.h"
#include "policies/model.h"

enum { TASK_COPIES_MAX = 32 };

/* A file that holds data of what is erased. */
struct task_copy {
    const char *what; /* static text */
    const char *path;
    bool volume; /* removed by the pool, else unlinked */
    char volume_id[W_ID];
    struct w_erased_copy report;
};

struct task {
    struct worker_job job; /* first: a job is its task */
    struct agent *ag;
    struct arena a;
    enum rec_op op;
    const struct task_phase *phases; /* ends with run NULL */
    int phase;
    char id[W_ID];
    struct w_order order;
    struct receipt_facts facts; /* changed by phases, kept when they succeed */
    bool facts_changed;
    struct reading *reading; /* what the phase read back */
    int64_t started_ms;      /* monotonic */
    /* inputs, copied from the owner's state */
    const struct virt_net_host *hosts; /* fixed addresses wanted */
    size_t n_hosts;
    uint32_t segment_nics; /* as in virt_dom_spec */
    char serial_log[512];
    const char *pool_path, *image_dir, *image_cache;
    bool wants_image; /* it failed for want of its base image, which is being fetched */
    /* a shared pool */
    bool acting;              /* as its steward: the lock is kept until this ends */
    bool asking;              /* its volumes are the steward's to touch */
    bool waits_steward;       /* it failed for want of the steward's answer */
    const char *steward_name; /* for people; "" unknown */
    const char *envelope;     /* asking: the exact order */
    struct w_pool_answer answer;
    /* erasure */
    struct task_copy copies[TASK_COPIES_MAX];
    size_t n_copies;
    struct strbuf limits;
    struct strbuf manual; /* what only a person can erase, in words */
    int64_t erase_started_ms;
    struct task *next; /* in agent.ready */
};

struct task_phase {
    enum agent_call call;
    bool disk;  /* runs in the disk pool, without a connection */
    bool aside; /* needs no connection, and is short */
    int (*run)(struct task *t, struct virt *v, struct err *e);
    /** On the owner's thread after success, before the commit; may be NULL. */
    int (*after)(struct task *t, struct err *e);
};

/** A task of an action on a receipt; not yet submitted. */
struct task *task_new(struct agent *ag, enum rec_op op, const struct receipt *t,
                      const struct task_phase *phases, struct err *e);
/** Hand the next phase to its pool, or finish. */
void task_submit(struct task *t);
/** End with this failure: its resource is tried again later. */
void task_fail(struct task *t, const struct err *e);
void task_free(struct task *t);
/** Free what it holds, not itself. */
void task_clear(struct task *t);
/** Change a fact of the receipt: staged now, durable with the next commit. */
void task_stage(struct task *t);
/** A reading for this phase. */
struct reading *task_reading(struct task *t);
#endif
