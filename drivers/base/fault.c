#include "drivers/base/fault.h"

static const char *const names[BY_FAULT__MAX] = {
#define FAULT(id, doc) [BY_FAULT_##id] = #id,
#include "drivers/base/fault.def"
#undef FAULT
};

const char *
fault_name(enum fault_point p)
{
    return p < BY_FAULT__MAX ? names[p] : "?";
}

#ifdef BY_FAULTS
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Counting must be exact across threads: tests name the K-th passing. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned passed[BY_FAULT__MAX];
static _Atomic int64_t *machine_ms; /* the machine's jump, in the file that its processes share */
static pthread_once_t machine_once = PTHREAD_ONCE_INIT;

static void
fault_trace(enum fault_point p)
{
    const char *file = getenv("BIANYUN_FAULT_TRACE");
    char line[80];
    int fd, n;

    if (file == NULL)
        return;
    fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    n = snprintf(line, sizeof(line), "%s\n", names[p]);
    (void)!write(fd, line, (size_t)n);
    (void)close(fd);
}

void
fault_restart(void)
{
    (void)pthread_mutex_lock(&lock);
    memset(passed, 0, sizeof(passed));
    (void)pthread_mutex_unlock(&lock);
}

static void
machine_open(void)
{
    const char *file = getenv("BIANYUN_FAULT_CLOCK");
    int fd = file == NULL ? -1 : open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *at;

    if (fd < 0)
        return;
    at = ftruncate(fd, sizeof(*machine_ms)) < 0
             ? MAP_FAILED
             : mmap(NULL, sizeof(*machine_ms), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        machine_ms = at;
    (void)close(fd);
}

int64_t
fault_wall_ms(void)
{
    (void)pthread_once(&machine_once, machine_open);
    return machine_ms == NULL ? 0 : atomic_load(machine_ms);
}

static void
fault_jump(void)
{
    (void)pthread_once(&machine_once, machine_open);
    if (machine_ms != NULL)
        (void)atomic_fetch_add(machine_ms, 600000);
}

/* A disk that is full, not one that is said to be: pages first, then what is left of the last. */
static void
fault_fill(void)
{
    static const char page[4096];
    const char *file = getenv("BIANYUN_FAULT_FILL");
    int fd = file == NULL ? -1 : open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return;
    while (write(fd, page, sizeof(page)) > 0)
        continue;
    while (write(fd, page, 1) > 0)
        continue;
    (void)close(fd);
}

enum fault_verdict
fault_at(enum fault_point p)
{
    const char *spec = getenv("BIANYUN_FAULT");
    char name[40], what[16];
    unsigned k, now;

    (void)pthread_mutex_lock(&lock);
    now = ++passed[p];
    (void)pthread_mutex_unlock(&lock);
    fault_trace(p);
    if (spec == NULL || sscanf(spec, "%39[A-Z_]:%u:%15s", name, &k, what) != 3 ||
        strcmp(name, names[p]) != 0 || k != now)
        return FAULT_NONE;
    if (strcmp(what, "kill") == 0)
        (void)raise(SIGKILL);
    if (strcmp(what, "stop") == 0)
        (void)raise(SIGSTOP);
    if (strcmp(what, "slow") == 0)
        (void)nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    if (strcmp(what, "full") == 0)
        fault_fill();
    if (strcmp(what, "jump") == 0)
        fault_jump();
    if (strcmp(what, "fail") == 0)
        return FAULT_FAIL;
    return strcmp(what, "lose") == 0 ? FAULT_LOSE : FAULT_NONE;
}
#endif
