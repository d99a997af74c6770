/* seeds - many runs of the whole system in one thread each, on virtual time; each is what its seed
 * says, and the same again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/log.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/sim.h"

enum { STEPS = 40, JOBS_MAX = 16, RUN_SECONDS = 120 };

static struct {
    uint64_t from, count;
    int steps, jobs;
    bool trace, debug;
    const char *find; /* one that breaks a law of this number is what is wanted, or NULL */
    const char *plant;
    char skip[256]; /* steps that are left out: '1' */
    char root[100];
} opt = {.from = 1, .count = 1, .steps = STEPS, .jobs = 1};

/* What goes wrong is wanted here: the programs' own words only with --debug. */
void __wrap_log_at(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void
__wrap_log_at(enum log_level level, const char *event, const char *fmt, ...)
{
    va_list ap;

    (void)level;
    if (strcmp(event, "action") == 0 && sim_host_of(fiber_node()) != NULL)
        laws_orders(sim_host_of(fiber_node()));
    if (!opt.debug)
        return;
    printf("%10.3f %3d      [%d] %s ", (double)fiber_now_ns() / 1e9, sim.step, fiber_node(), event);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

/* ---- one run -----------------------------------------------------------------------------------
 */

static void
run_main(void *arg)
{
    (void)arg;
    sim_open();
    laws_step();
    for (sim.step = 1; sim.step <= sim.steps && sim.broken[0] == '\0'; sim.step++) {
        uint64_t random = fiber_mix(sim.seed, (uint64_t)sim.step + 100);

        sim_returns();
        if (opt.skip[sim.step % 256] != '1')
            acts_step(&random);
        laws_step();
    }
    if (sim.broken[0] != '\0')
        return;
    acts_heal();
    laws_end();
}

/* "law 4 one host: …": a bug that was put in must be found by the law that is there for it. */
static bool
is_wanted(void)
{
    size_t n = opt.find != NULL ? strlen(opt.find) : 0;

    return opt.find == NULL ||
           (strncmp(sim.broken + 4, opt.find, n) == 0 && sim.broken[4 + n] == ' ');
}

/* In a process of its own: what a killed node had is nobody's to free. */
static int
run_child(uint64_t seed, int steps)
{
    const struct rlimit most = {.rlim_cur = RUN_SECONDS, .rlim_max = RUN_SECONDS};

    (void)setrlimit(RLIMIT_CPU, &most); /* a run that does not end is broken too */
    sim.seed = seed;
    sim.steps = steps;
    sim.trace = opt.trace;
    sim.plant = opt.plant;
    fiber_init(seed);
    fiber_run(run_main, NULL);
    if (sim.broken[0] != '\0')
        printf("seed %llu steps %d: broken at step %d: %s\n", (unsigned long long)seed, steps,
               sim.step, sim.broken);
    (void)fflush(stdout);
    sim_remove(sim.root);
    return sim.broken[0] == '\0' ? 0 : is_wanted() ? 1 : 2;
}

static pid_t
run_start(uint64_t seed, int steps)
{
    pid_t pid;

    (void)fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(run_child(seed, steps));
    if (pid < 0)
        printf("seed %llu: cannot be started: %s\n", (unsigned long long)seed, strerror(errno));
    return pid;
}

/* ---- many ---------------------------------------------------------------------------------------
 */

static int
usage(void)
{
    fputs("usage: seeds [--seed N] [--count N] [--steps K] [--jobs N] [--plant NAME] [--skip "
          "K,K…] [--find LAW] [--trace] [--debug]\n",
          stderr);
    return 2;
}

static void
skip_add(const char *list)
{
    char *at = NULL;

    for (long k = strtol(list, &at, 10); at != list; k = strtol(list, &at, 10)) {
        if (k > 0 && k < 256)
            opt.skip[k] = '1';
        if (*at == '\0')
            break;
        list = at + 1;
    }
}

static bool
options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--trace") == 0) {
            opt.trace = true;
            continue;
        }
        if (strcmp(argv[i], "--debug") == 0) {
            opt.debug = true;
            continue;
        }
        if (strcmp(argv[i], "--seed") == 0)
            opt.from = strtoull(v, NULL, 10);
        else if (strcmp(argv[i], "--count") == 0)
            opt.count = strtoull(v, NULL, 10);
        else if (strcmp(argv[i], "--steps") == 0)
            opt.steps = (int)strtol(v, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            opt.jobs = (int)strtol(v, NULL, 10);
        else if (strcmp(argv[i], "--plant") == 0)
            opt.plant = v;
        else if (strcmp(argv[i], "--find") == 0)
            opt.find = v;
        else if (strcmp(argv[i], "--skip") == 0)
            skip_add(v);
        else
            return false;
        i++;
    }
    return opt.jobs >= 1 && opt.jobs <= JOBS_MAX && opt.steps >= 0 && opt.steps < 256;
}

struct many {
    uint64_t next, seeds[JOBS_MAX], broken,
        lost;   /* lost: just ended, or by another law than --find's */
    bool stuck; /* no process can be made */
    pid_t pids[JOBS_MAX];
    int busy;
};

/* With --find that law broken once is enough; a run that just ends has found nothing. */
static bool
goes_on(const struct many *m)
{
    return m->next < opt.from + opt.count && !m->stuck && !(opt.find != NULL && m->broken > 0);
}

static void
fill(struct many *m)
{
    for (int i = 0; i < opt.jobs && goes_on(m); i++) {
        if (m->pids[i] != 0)
            continue;
        m->seeds[i] = m->next++;
        m->pids[i] = run_start(m->seeds[i], opt.steps);
        m->busy += m->pids[i] > 0;
        if (m->pids[i] < 0) {
            m->pids[i] = 0;
            m->stuck = true;
        }
    }
}

static void
ended(struct many *m, pid_t pid, int status)
{
    int i = 0;

    while (i < opt.jobs && m->pids[i] != pid)
        i++;
    if (i == opt.jobs)
        return;
    m->pids[i] = 0;
    m->busy--;
    if (WIFSIGNALED(status))
        printf("seed %llu steps %d: ended by signal %d\n", (unsigned long long)m->seeds[i],
               opt.steps, WTERMSIG(status));
    m->lost += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
    m->broken += WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static int
run_all(void)
{
    struct many m = {.next = opt.from};

    while (goes_on(&m) || m.busy > 0) {
        int status = 0;
        pid_t pid;

        fill(&m);
        pid = wait(&status);
        if (pid > 0)
            ended(&m, pid, status);
    }
    printf("%llu seeds, %llu broken, %llu without an end\n",
           (unsigned long long)(m.next - opt.from), (unsigned long long)m.broken,
           (unsigned long long)m.lost);
    if (m.stuck)
        return 2;
    return (opt.find != NULL ? m.broken > 0 : m.broken + m.lost == 0) ? 0 : 1;
}

int
main(int argc, char **argv)
{
    int rc;

    if (!options(argc, argv))
        return usage();
    (void)snprintf(opt.root, sizeof(opt.root), "%s/bianyun-seeds-XXXXXX",
                   getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/dev/shm");
    if (mkdtemp(opt.root) == NULL || setenv("TMPDIR", opt.root, 1) != 0)
        return 2;
    sim_template(opt.root);
    rc = run_all();
    sim_remove(opt.root);
    return rc;
}
