#ifndef BY_TESTS_SIM_SIM_H
#define BY_TESTS_SIM_SIM_H
/* Many hosts in one process: the agent's own code over real mTLS, each on a fake hypervisor.
 * Threads: everything is the main thread's but sim_wake() and the crew, which runs the hosts'
 * calls. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/queue.h>

#include "agent/agent.h"
#include "drivers/net/httpc.h"

enum { SIM_FDS = 16, SIM_HOST_FILES = 7, SIM_HOSTS_MAX = 20000 };

struct sim;

/* A connection of a link; also one that is kept for later and is not waited for. */
struct sim_conn {
    int fd;
    ino_t inode; /* 0: none; the descriptor may have become another's */
    bool waits;
};

struct sim_host {
    struct sim *s;
    int n; /* from 1 */
    char dir[400], world[420], config[420];
    char boot[W_ID];
    struct agent ag;
    bool open;
    struct httpc_watch watch;
    struct sim_conn conns[SIM_FDS]; /* in no order */
    bool cut;                       /* no connection of it lives */
    bool threads;                   /* its hypervisor may be slow or hang */
    bool queued;                    /* in sim.ready; under sim.lock */
    bool offered, leaves;           /* a call waits; none is taken any more; under crew.lock */
    TAILQ_ENTRY(sim_host) in_crew;  /* while offered */
    int64_t timer_ms;               /* monotonic; of its link */
    int64_t round_ms;               /* monotonic; of its next round */
    size_t heap_at;                 /* place in sim.heap, from 1 */
    char (*known)[W_ID]; /* its resources with a durable order, sorted; n_known of them */
    size_t n_known;
    bool lost;        /* its connections end, and it has not noticed yet */
    int64_t storm_ms; /* after the newest restoration: when it polled again; 0: not yet */
    unsigned connects;
    int64_t arrived_ns; /* monotonic: when it last heard something */
};

struct sim_options {
    int hosts, threads, over_ms;
    unsigned long long seed;
    const char *dir, *api, *agents, *ca, *token_file, *images, *script, *control, *seen, *prefix;
    const char *settings; /* file with more lines of each agent's configuration */
    int cpus;
    long long mem_mib;
    bool verbose, again;
};

/* A line of the script. */
struct sim_line {
    int64_t at_ms; /* since the start */
    char *text;
};

struct sim_crew {
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t changed;
    TAILQ_HEAD(, sim_host) hosts; /* with calls that wait */
    struct sim_host *at;          /* a call of it runs */
    bool ends;
};

struct sim {
    struct sim_options o;
    struct sim_crew crew;
    struct sim_host *hosts; /* o.hosts of them */
    int epoll, event;
    struct sim_host **heap; /* by the earlier of their two times; n_heap of them */
    size_t n_heap;
    pthread_mutex_t lock; /* of ready */
    struct sim_host **ready;
    size_t n_ready;
    int64_t start_ms, storm_ms; /* monotonic: the start; the newest restoration, 0: none */
    struct sim_line *lines;     /* by time; next of n_lines */
    size_t n_lines, next_line;
    int control; /* read end of the control pipe, or -1 */
    char control_text[4096];
    size_t control_len;
    FILE *seen; /* see main.c */
    uint64_t orders, connects;
    uint64_t random;
    bool ended;
    int64_t *connect_at; /* ring of the newest connections' times */
    size_t n_connect_at;
};

enum { SIM_CONNECT_RING = 1 << 17 };

/* loop.c */
int sim_loop_open(struct sim *s, struct err *e);
void sim_loop_close(struct sim *s);
/** Until a command says quit. */
void sim_loop_run(struct sim *s);
/** One wait of at most so long, and what it brings. */
void sim_loop_step(struct sim *s, int wait_ms);
/** Its times have changed. */
void sim_loop_due(struct sim_host *h);
/** Its next round is due now; from any thread.  What the crew ends is told by sim_wake_now(). */
void sim_wake(void *host);
void sim_wake_now(struct sim_host *h);
void sim_loop_socket(void *host, int fd, int wanted);
/** Every connection that it has ends. */
void sim_loop_sever(struct sim_host *h);
void sim_loop_timer(void *host, int in_ms);

/* crew.c */
int sim_crew_start(struct sim_crew *c, struct err *e);
void sim_crew_end(struct sim_crew *c);
void sim_crew_join(struct sim_host *h);
/** Once the call that runs has ended; none of it runs any more. */
void sim_crew_leave(struct sim_host *h);
void sim_crew_offer(void *host);
/** The caller is the crew. */
bool sim_crew_runs(void);

/* host.c */
int sim_host_prepare(struct sim_host *h, struct err *e); /* folder and settings; once enrolled */
int sim_host_start(struct sim_host *h, struct err *e);
/** As by kill -9; false when a call still hangs. */
bool sim_host_kill(struct sim_host *h);
void sim_host_round(struct sim_host *h);
void sim_host_reboot_id(struct sim_host *h);

/* enrol.c */
int sim_enrol(struct sim *s, struct err *e);

/* command.c */
int sim_script_load(struct sim *s, const char *file, struct err *e);
/** What is due of the script; milliseconds until the next, at most wait_ms. */
int sim_script_step(struct sim *s, int wait_ms);
void sim_control_read(struct sim *s);
int sim_command(struct sim *s, const char *text, struct err *e);

/* misdeed.c: what no agent would do, with a host's own certificate */
int sim_steal(struct sim_host *h, const char *args, struct err *e);
int sim_flood(struct sim_host *h, long count, struct err *e);
int sim_clone(struct sim_host *h, struct err *e);

/* summary.c */
void sim_summary(struct sim *s, const char *event, FILE *to);

uint64_t sim_random(struct sim *s);
#endif
