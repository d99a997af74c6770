#include "tests/seeds/fiber.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { FIBERS = 512, STACK_BYTES = 512 << 10 };
#define EPOCH_MS INT64_C(1790000000000) /* a day in 2026 */
#define MONO_NS INT64_C(1000000000000)  /* what a boot clock says at the beginning */

enum state { FREE, READY, WAITING, DONE };

struct fiber {
    enum state state;
    int home, node;
    ucontext_t ctx;
    void *stack;
    void *(*fn)(void *);
    void *arg;
    const void *key;
    int64_t until;
    bool timed_out, detached;
};

static struct fiber fibers[FIBERS];
static int n_fibers, current;
static int64_t now_ns, lag_ns, skew_ms[FIBER_NODES], boot_ns[FIBER_NODES];
static uint64_t choices, bytes_state;
static ucontext_t outside;
static void (*main_fn)(void *);
static void *main_arg;

/* ---- chance --------------------------------------------------------------------------------- */

uint64_t
fiber_random(uint64_t *s)
{
    uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t
fiber_mix(uint64_t a, uint64_t b)
{
    uint64_t s = a * 31 + b;

    return fiber_random(&s);
}

uint64_t
fiber_chance(void)
{
    return fiber_random(&choices);
}

/* ---- switching ------------------------------------------------------------------------------ */

static int
pick_ready(void)
{
    int list[FIBERS], n = 0;

    for (int i = 0; i < n_fibers; i++)
        if (fibers[i].state == READY)
            list[n++] = i;
    return n == 0 ? -1 : list[n == 1 ? 0 : fiber_chance() % (uint64_t)n];
}

/* Time passes to the next thing that is due. */
static void
pass_time(void)
{
    int64_t next = FIBER_FOREVER;

    for (int i = 0; i < n_fibers; i++)
        if (fibers[i].state == WAITING && fibers[i].until < next)
            next = fibers[i].until;
    if (next == FIBER_FOREVER) {
        fprintf(stderr, "seeds: every fiber waits for ever\n");
        abort();
    }
    if (next > now_ns)
        now_ns = next + lag_ns;
    for (int i = 0; i < n_fibers; i++) {
        if (fibers[i].state != WAITING || fibers[i].until > now_ns)
            continue;
        fibers[i].state = READY;
        fibers[i].timed_out = true;
    }
}

static void
switch_away(void)
{
    int from = current, to;

    while ((to = pick_ready()) < 0)
        pass_time();
    if (to == from)
        return;
    current = to;
    (void)swapcontext(&fibers[from].ctx, &fibers[to].ctx);
}

static void
fiber_start(void)
{
    struct fiber *f = &fibers[current];

    (void)f->fn(f->arg);
    f->state = f->detached ? FREE : DONE; /* its stack is used until it has switched away */
    fiber_wake(f);
    switch_away();
    abort(); /* nobody goes back to what is done */
}

static int
fiber_make(int node, void *(*fn)(void *), void *arg)
{
    int i = 0;
    struct fiber *f;

    while (i < n_fibers && fibers[i].state != FREE)
        i++;
    if (i == FIBERS) {
        fprintf(stderr, "seeds: too many fibers\n");
        abort();
    }
    if (i == n_fibers)
        n_fibers++;
    f = &fibers[i];
    if (f->stack == NULL)
        f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (f->stack == MAP_FAILED)
        abort();
    f->state = READY;
    f->home = f->node = node;
    f->detached = false;
    f->fn = fn;
    f->arg = arg;
    (void)getcontext(&f->ctx);
    f->ctx.uc_stack.ss_sp = f->stack;
    f->ctx.uc_stack.ss_size = STACK_BYTES;
    f->ctx.uc_link = NULL;
    makecontext(&f->ctx, fiber_start, 0);
    return i;
}

void
fiber_init(uint64_t seed)
{
    for (int i = 0; i < n_fibers; i++)
        fibers[i].state = FREE;
    n_fibers = 0;
    now_ns = lag_ns = 0;
    memset(skew_ms, 0, sizeof(skew_ms));
    memset(boot_ns, 0, sizeof(boot_ns));
    choices = fiber_mix(seed, 1);
    bytes_state = fiber_mix(seed, 2);
}

static void *
main_start(void *arg)
{
    (void)arg;
    main_fn(main_arg);
    (void)setcontext(&outside);
    return NULL;
}

void
fiber_run(void (*fn)(void *), void *arg)
{
    main_fn = fn;
    main_arg = arg;
    current = fiber_make(0, main_start, NULL);
    (void)swapcontext(&outside, &fibers[current].ctx);
    fibers[current].state = DONE;
}

void
fiber_go(int node, void *(*fn)(void *), void *arg)
{
    (void)fiber_make(node, fn, arg);
}

int
fiber_node(void)
{
    return fibers[current].node;
}

int
fiber_as(int node)
{
    int old = fibers[current].node;

    fibers[current].node = node;
    return old;
}

void
fiber_kill(int node)
{
    for (int i = 0; i < n_fibers; i++)
        if (fibers[i].home == node && (fibers[i].state == READY || fibers[i].state == WAITING))
            fibers[i].state = FREE;
    if (fibers[current].state == FREE)
        switch_away();
}

bool
fiber_wait(const void *key, int64_t until_ns)
{
    struct fiber *f = &fibers[current];

    f->key = key;
    f->until = until_ns;
    f->timed_out = false;
    f->state = WAITING;
    switch_away();
    return !f->timed_out;
}

void
fiber_wake(const void *key)
{
    for (int i = 0; i < n_fibers; i++)
        if (fibers[i].state == WAITING && fibers[i].key == key)
            fibers[i].state = READY;
}

void
fiber_sleep_ms(int64_t ms)
{
    (void)fiber_wait(&now_ns, now_ns + ms * 1000000);
}

/* ---- clocks --------------------------------------------------------------------------------- */

int64_t
fiber_now_ns(void)
{
    return now_ns;
}

void
fiber_skip_ns(int64_t ns)
{
    now_ns = ns > now_ns ? ns : now_ns;
}

void
fiber_lag_ms(int64_t ms)
{
    lag_ns = ms * 1000000;
}

void
fiber_skew_ms(int node, int64_t ms)
{
    skew_ms[node] = ms;
}

int64_t
fiber_skew_of(int node)
{
    return skew_ms[node];
}

void
fiber_boot(int node)
{
    boot_ns[node] = now_ns + MONO_NS - 5000000000; /* up for five seconds */
}

int64_t
fiber_wall_ms(void)
{
    return EPOCH_MS + now_ns / 1000000;
}

static int64_t
mono_ns(void)
{
    return MONO_NS + now_ns - boot_ns[fiber_node()];
}

/* ---- what the linker puts in place of the system's ------------------------------------------- */

int __wrap_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_nanosleep(const struct timespec *t, struct timespec *rest);
int __wrap_usleep(unsigned us);
int __wrap_RAND_bytes(unsigned char *out, int len);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_join(pthread_t t, void **out);
int __wrap_pthread_detach(pthread_t t);
int __wrap_pthread_setname_np(pthread_t t, const char *name);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t);
int __wrap_pthread_cond_signal(pthread_cond_t *c);
int __wrap_pthread_cond_broadcast(pthread_cond_t *c);

int
__wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t ns = mono_ns();

    if (id == CLOCK_REALTIME)
        ns = (EPOCH_MS + skew_ms[fiber_node()]) * 1000000 + now_ns;
    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
    return 0;
}

int
__wrap_nanosleep(const struct timespec *t, struct timespec *rest)
{
    (void)rest;
    fiber_sleep_ms((int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000);
    return 0;
}

int
__wrap_usleep(unsigned us)
{
    fiber_sleep_ms(us / 1000);
    return 0;
}

/* What a process wrote survives its end; machines do not lose power here.  Defined, not wrapped:
 * the library of SQLite finds these too. */
int
fsync(int fd)
{
    (void)fd;
    return 0;
}

int
fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int
__wrap_RAND_bytes(unsigned char *out, int len)
{
    for (int i = 0; i < len; i += 8) {
        uint64_t v = fiber_random(&bytes_state);

        memcpy(out + i, &v, len - i < 8 ? (size_t)(len - i) : 8);
    }
    return 1;
}

int
__wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    int how = PTHREAD_CREATE_JOINABLE, i = fiber_make(fiber_node(), fn, arg);

    if (attr != NULL)
        (void)pthread_attr_getdetachstate(attr, &how);
    fibers[i].detached = how == PTHREAD_CREATE_DETACHED;
    *t = (pthread_t)i + 1;
    return 0;
}

int
__wrap_pthread_join(pthread_t t, void **out)
{
    struct fiber *f = &fibers[t - 1];

    (void)out;
    while (f->state != DONE)
        (void)fiber_wait(f, FIBER_FOREVER);
    f->state = FREE;
    return 0;
}

int
__wrap_pthread_detach(pthread_t t)
{
    fibers[t - 1].detached = true;
    return 0;
}

int
__wrap_pthread_setname_np(pthread_t t, const char *name)
{
    (void)t;
    (void)name;
    return 0;
}

int
__wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
    while (pthread_mutex_trylock(m) != 0) { /* who has it waits for something */
        (void)fiber_wait(&now_ns, now_ns + 1000);
    }
    return 0;
}

int
__wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    (void)pthread_mutex_unlock(m);
    (void)fiber_wait(c, FIBER_FOREVER);
    return __wrap_pthread_mutex_lock(m);
}

int
__wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t)
{
    int64_t left = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec - mono_ns();
    bool woken;

    (void)pthread_mutex_unlock(m);
    woken = fiber_wait(c, now_ns + (left > 0 ? left : 0));
    (void)__wrap_pthread_mutex_lock(m);
    return woken ? 0 : ETIMEDOUT;
}

/* One of those that wait; the one who signals does not choose. */
int
__wrap_pthread_cond_signal(pthread_cond_t *c)
{
    int list[FIBERS], n = 0;

    for (int i = 0; i < n_fibers; i++)
        if (fibers[i].state == WAITING && fibers[i].key == c)
            list[n++] = i;
    if (n > 0)
        fibers[list[fiber_chance() % (uint64_t)n]].state = READY;
    return 0;
}

int
__wrap_pthread_cond_broadcast(pthread_cond_t *c)
{
    fiber_wake(c);
    return 0;
}
