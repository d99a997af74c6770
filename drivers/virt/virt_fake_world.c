#include "drivers/virt/virt_fake_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"

#define FILE_MAX_BYTES ((size_t)16 << 20)
#define NAMES_MAX 100000

/* ---- files ---------------------------------------------------------------------------------- */

int
fake_path(const char *world, char *out, const char *folder, const char *name, const char *ending,
          struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s%s%s%s", world, *folder == '\0' ? "" : "/", folder,
                     *name == '\0' ? "" : "/", name, ending);

    if (n < 0 || n >= PATH_MAX)
        return err_set(e, BY_E_INVALID, "fake: the path of %s/%s is too long", folder, name);
    return 0;
}

/* Under the lock there is one writer, so one name for the temporary file is enough; what a killed
 * process left there is simply written over. */
int
fake_put(const char *path, const void *bytes, size_t len, struct err *e)
{
    SCOPED(fd) int fd = -1;
    char tmp[PATH_MAX];
    ssize_t n;

    if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
        return durable_errno(e, ENAMETOOLONG, "write", path);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return durable_errno(e, errno, "write", tmp);
    n = write(fd, bytes, len);
    if (n != (ssize_t)len)
        return durable_errno(e, n < 0 ? errno : ENOSPC, "write", tmp);
    if (rename(tmp, path) < 0)
        return durable_errno(e, errno, "replace", path);
    return 0;
}

int
fake_get(const char *path, struct strbuf *out, struct err *e)
{
    return durable_read(path, FILE_MAX_BYTES, out, e);
}

int
fake_drop(const char *path, struct err *e)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return durable_errno(e, errno, "remove", path);
    return 0;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A name that ends so, without the ending; NULL for others and for hidden ones. */
static const char *
name_stem(const char *name, const char *ending, struct arena *a)
{
    size_t len = strlen(name), tail = strlen(ending);

    if (name[0] == '.' || len <= tail || strcmp(name + len - tail, ending) != 0)
        return NULL;
    return arena_strndup(a, name, len - tail);
}

int
fake_names(const char *world, const char *folder, const char *ending, struct arena *a,
           const char *const **out, size_t *n, struct err *e)
{
    size_t count = 0, cap = 64;
    const char **names = arena_alloc(a, cap * sizeof(*names));
    char path[PATH_MAX];
    struct dirent *d;
    DIR *dir;

    if (fake_path(world, path, folder, "", "", e) < 0)
        return -1;
    dir = opendir(path);
    if (dir == NULL)
        return durable_errno(e, errno, "list", path);
    while ((d = readdir(dir)) != NULL && count < NAMES_MAX) {
        const char *stem = name_stem(d->d_name, ending, a);

        if (stem == NULL)
            continue;
        if (count == cap) {
            const char **more = arena_alloc(a, 2 * cap * sizeof(*more));

            memcpy(more, names, cap * sizeof(*more));
            names = more;
            cap *= 2;
        }
        names[count++] = stem;
    }
    (void)closedir(dir);
    qsort(names, count, sizeof(*names), compare_names);
    *out = names;
    *n = count;
    return 0;
}

long long
fake_number(const char *text, const char *key, long long otherwise)
{
    size_t len = strlen(key);

    for (const char *at = text; (at = strstr(at, key)) != NULL; at += len)
        if ((at == text || strchr(" \t\n", at[-1]) != NULL) && at[len] == '=')
            return strtoll(at + len + 1, NULL, 10);
    return otherwise;
}

long long
fake_setting(const char *world, const char *file, const char *key, long long otherwise)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char path[PATH_MAX];

    if (fake_path(world, path, "", file, "", NULL) < 0 || fake_get(path, &text, NULL) < 0)
        return otherwise;
    return fake_number(strbuf_peek(&text), key, otherwise);
}

int
fake_id_check(const char *id, struct err *e)
{
    size_t len = strlen(id);

    if (len == 0 || len >= W_ID || strspn(id, "0123456789abcdef-") != len)
        return err_set(e, BY_E_INVALID, "fake: '%.60s' is no id", id);
    return 0;
}

int
fake_lock(const char *world, struct err *e)
{
    char path[PATH_MAX];
    int fd;

    if (fake_path(world, path, "", "lock", "", e) < 0)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return durable_errno(e, errno, "open", path);
    while (flock(fd, LOCK_EX) < 0) {
        if (errno == EINTR)
            continue;
        (void)close(fd);
        return durable_errno(e, errno, "lock", path);
    }
    return fd;
}

/* ---- script --------------------------------------------------------------------------------- */

enum what { WHAT_FAIL, WHAT_SLOW, WHAT_LOSE, WHAT_HALF, WHAT_HANG, WHAT_GONE, WHAT__MAX };

static const char *const what_names[WHAT__MAX] = {
    [WHAT_FAIL] = "fail", [WHAT_SLOW] = "slow", [WHAT_LOSE] = "lose",
    [WHAT_HALF] = "half", [WHAT_HANG] = "hang", [WHAT_GONE] = "gone",
};

struct line {
    char op[32], id[W_ID];
    unsigned long long from, to; /* calls, from 1 */
    enum what what;
    enum err_code code;
    long long ms;
};

static int
line_what(struct line *l, const char *what, const char *value)
{
    size_t i = 0;

    while (i < WHAT__MAX && strcmp(what, what_names[i]) != 0)
        i++;
    if (i == WHAT__MAX)
        return -1;
    l->what = (enum what)i;
    if (l->what == WHAT_SLOW) {
        l->ms = strtoll(value, NULL, 10);
        return l->ms > 0 ? 0 : -1;
    }
    if (l->what != WHAT_FAIL)
        return 0;
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++) {
        if (strcmp(value, err_code_name((enum err_code)c)) == 0) {
            l->code = (enum err_code)c;
            return 0;
        }
    }
    return -1;
}

/* 1: a line, 0: blank or a comment, -1: cannot be read. */
static int
line_parse(const char *text, struct line *l)
{
    char op[32] = "", k[24] = "", what[16] = "", v1[64] = "", v2[64] = "";
    int n = sscanf(text, "%31s %23s %15s %63s %63s", op, k, what, v1, v2);
    const char *id = strncmp(v1, "id=", 3) == 0 ? v1 : v2;
    char *end = NULL;

    memset(l, 0, sizeof(*l));
    if (n < 1 || op[0] == '#')
        return 0;
    if (n < 3 || line_what(l, what, v1) < 0)
        return -1;
    memcpy(l->op, op, sizeof(op));
    if (strncmp(id, "id=", 3) == 0)
        (void)snprintf(l->id, sizeof(l->id), "%.39s", id + 3);
    l->from = 1;
    l->to = ULLONG_MAX;
    if (strcmp(k, "*") == 0)
        return 1;
    l->from = strtoull(k, &end, 10);
    if (*end != '+')
        l->to = l->from;
    return l->from >= 1 && (*end == '\0' || strcmp(end, "+") == 0) ? 1 : -1;
}

/* One more call under this name; returns the new count, 0 when it cannot be kept. */
static unsigned long long
count_call(const struct fake *f, const char *name)
{
    SCOPED(strbuf) struct strbuf old = {0};
    unsigned long long n;
    char path[PATH_MAX], text[32];

    if (fake_path(f->world, path, "calls", name, "", NULL) < 0)
        return 0;
    (void)fake_get(path, &old, NULL); /* absent: the first call */
    n = strtoull(strbuf_peek(&old), NULL, 10) + 1;
    (void)snprintf(text, sizeof(text), "%llu\n", n);
    return fake_put(path, text, strlen(text), NULL) < 0 ? 0 : n;
}

/* Count the call and find its line: 1 and *l, or 0. */
static int
script_find(const struct fake *f, const char *op, const char *id, struct line *l, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    unsigned long long n = count_call(f, op), any = count_call(f, "any"), k;
    char path[PATH_MAX], *rest, *at;
    int found = 0;

    if (fake_path(f->world, path, "", "script", "", e) < 0)
        return -1;
    if (fake_get(path, &text, NULL) < 0 || text.len == 0)
        return 0;
    rest = text.s;
    while ((at = strsep(&rest, "\n")) != NULL) {
        struct line one;
        int r = line_parse(at, &one);

        if (r < 0)
            return err_set(e, BY_E_INVALID, "fake: cannot read the script's line '%.100s'", at);
        if (r == 0 || (strcmp(one.op, op) != 0 && strcmp(one.op, "any") != 0))
            continue;
        k = strcmp(one.op, "any") == 0 ? any : n;
        if (one.id[0] != '\0') {
            char name[32 + W_ID + 2];

            if (id == NULL || strcmp(one.id, id) != 0)
                continue;
            (void)snprintf(name, sizeof(name), "%s@%s", one.op, one.id);
            k = count_call(f, name);
        }
        if (found == 0 && k >= one.from && k <= one.to) {
            *l = one;
            found = 1;
        }
    }
    return found;
}

static void
wait_ms(long long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        continue;
}

/* As a hypervisor's call that never returns; a test lets it go by making the file. */
static void
hang(const char *world)
{
    char path[PATH_MAX];

    if (fake_path(world, path, "", "release", "", NULL) < 0)
        return;
    while (access(path, F_OK) < 0)
        wait_ms(5);
}

static int
obey(struct fake_call *c, const struct line *l, struct err *e)
{
    switch (l->what) {
    case WHAT_FAIL:
        return err_set(e, l->code, "fake: %s fails because the script says so", c->op);
    case WHAT_SLOW:
        wait_ms(l->ms);
        return 0;
    case WHAT_LOSE:
        c->lose = true;
        return 0;
    case WHAT_HALF:
        c->half = c->lose = true;
        return 0;
    case WHAT_HANG:
        hang(c->f->world);
        return 0;
    case WHAT_GONE:
        atomic_store(&c->f->gone, true);
        return 0;
    case WHAT__MAX:
        break;
    }
    return err_set(e, BY_E_BUG, "fake: no such event");
}

/* ---- calls ---------------------------------------------------------------------------------- */

static int
call_allowed(const struct fake *f, const char *op, int flags, struct err *e)
{
    char path[PATH_MAX];

    if (atomic_load(&f->gone))
        return err_set(e, BY_E_BUSY, "fake: %s: the connection is gone; open a new one", op);
    if ((flags & FAKE_CHANGES) != 0 && f->read_only)
        return err_set(e, BY_E_DENIED, "fake: %s: the connection is read-only", op);
    if ((flags & FAKE_NEEDS_POOL) == 0)
        return 0;
    if (fake_path(f->world, path, "", "pool-started", "", e) < 0)
        return -1;
    if (access(path, F_OK) < 0)
        return err_set(e, BY_E_IO, "fake: %s: the pool is not started; pool.ensure comes first",
                       op);
    return 0;
}

int
fake_enter(struct virt *v, const char *op, const char *id, int flags, struct fake_call *c,
           struct err *e)
{
    struct line l;
    int lock, r;

    *c = (struct fake_call){.f = (struct fake *)v, .op = op, .lock = -1};
    if (id != NULL && fake_id_check(id, e) < 0)
        return -1;
    lock = fake_lock(c->f->world, e);
    if (lock < 0)
        return -1;
    r = script_find(c->f, op, id, &l, e);
    if (r == 1) { /* whatever waits, waits without the lock */
        (void)close(lock);
        if (obey(c, &l, e) < 0)
            return -1;
        lock = fake_lock(c->f->world, e);
        r = lock < 0 ? -1 : 0;
    }
    if (r == 0)
        r = call_allowed(c->f, op, flags, e);
    if (r < 0 && lock >= 0)
        (void)close(lock);
    c->lock = lock;
    return r;
}

int
fake_leave(struct fake_call *c, int r, struct err *e)
{
    (void)close(c->lock);
    if (c->lose && r == 0)
        return err_set(e, BY_E_TIMEOUT, "fake: %s: the answer is lost because the script says so",
                       c->op);
    return r;
}
