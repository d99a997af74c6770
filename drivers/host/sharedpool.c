#include "drivers/host/sharedpool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jclass.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"

#define HOME ".bianyun"
#define IDENTITY "pool"
#define STEWARD "steward"
#define LOCK "steward.lock"

static const char *const folders[SHAREDPOOL_KIND__MAX] = {
    [SHAREDPOOL_ASK] = "ask",
    [SHAREDPOOL_ANSWER] = "answer",
    [SHAREDPOOL_FILLED] = "filled",
};

enum { UUID_LEN = 36, PATH_ROOM = 64 + SHAREDPOOL_NAME, STEWARD_BYTES = 4096 };

/* ---- folders, never by a link ---- */

static int
folder_open(int at, const char *name, const char *pool, struct err *e)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 ? fd : durable_errno(e, errno, "open the shared pool at", pool);
}

static int
home_open(const char *pool, struct err *e)
{
    SCOPED(fd) int root = open(pool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (root < 0)
        return durable_errno(e, errno, "open the pool at", pool);
    return folder_open(root, HOME, pool, e);
}

static int
kind_open(const char *pool, enum sharedpool_kind kind, struct err *e)
{
    SCOPED(fd) int home = home_open(pool, e);

    return home < 0 ? -1 : folder_open(home, folders[kind], pool, e);
}

/* durable.h takes paths; this one leads through the open folder and nowhere else. */
static void
path_in(int folder, const char *name, char out[PATH_ROOM])
{
    (void)snprintf(out, PATH_ROOM, "/proc/self/fd/%d/%s", folder, name);
}

static int
write_in(int folder, const char *pool, const char *name, const char *text, struct err *e)
{
    char path[PATH_ROOM];

    path_in(folder, name, path);
    if (durable_write(path, text, strlen(text), 0644, e) < 0)
        return err_wrap(e, "shared pool at %s, file %s", pool, name);
    return 0;
}

/* Only a plain file is read: a pipe would never end. */
static int
read_in(int folder, const char *pool, const char *name, size_t max, struct strbuf *out,
        struct err *e)
{
    SCOPED(fd) int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char path[PATH_ROOM];
    struct stat st;

    if ((fd < 0 && errno != ELOOP) || (fd >= 0 && fstat(fd, &st) < 0))
        return durable_errno(e, errno, "read in the shared pool file", name);
    if (fd < 0 || !S_ISREG(st.st_mode))
        return err_set(e, BY_E_CONFLICT, "%s in the shared pool at %s is no plain file", name,
                       pool);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (durable_read(path, max, out, e) < 0)
        return err_wrap(e, "shared pool at %s, file %s", pool, name);
    return 0;
}

/* ---- identity ---- */

/* The first 36 characters; others may follow. */
static bool
is_uuid(const char *s)
{
    return strnlen(s, UUID_LEN) == UUID_LEN && jclass_fault(JM_UUID, s, UUID_LEN) == NULL;
}

static int
identity_read(int home, const char *pool, char id[W_ID], struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    if (read_in(home, pool, IDENTITY, W_ID, &b, e) < 0)
        return -1;
    if (b.len < UUID_LEN || !is_uuid(b.s) || (b.len > UUID_LEN && b.s[UUID_LEN] != '\n'))
        return err_set(e, BY_E_CONFLICT, "the identity of the shared pool at %s is not readable",
                       pool);
    (void)snprintf(id, W_ID, "%.36s", b.s);
    return 0;
}

int
sharedpool_identify(const char *pool, char id[W_ID], struct err *e)
{
    SCOPED(fd) int home = home_open(pool, e);

    return home < 0 ? -1 : identity_read(home, pool, id, e);
}

/* The file is made beside and linked: never half, and the first of two hosts wins. */
static int
identity_make(int home, const char *pool, struct err *e)
{
    char id[W_ID], text[W_ID + 1], mine[W_ID + 8];
    int rc;

    random_uuid(id);
    (void)snprintf(text, sizeof(text), "%s\n", id);
    (void)snprintf(mine, sizeof(mine), "new-%s", id);
    if (write_in(home, pool, mine, text, e) < 0)
        return -1;
    rc = linkat(home, mine, home, IDENTITY, 0);
    if (rc < 0 && errno != EEXIST)
        rc = durable_errno(e, errno, "mark the shared pool at", pool);
    else
        rc = fsync(home) < 0 ? durable_errno(e, errno, "sync the shared pool at", pool) : 0;
    (void)unlinkat(home, mine, 0); /* a second name of the same bytes: it means nothing */
    return rc;
}

int
sharedpool_share(const char *pool, char id[W_ID], struct err *e)
{
    SCOPED(strbuf) struct strbuf path = {0};
    SCOPED(fd) int home = -1;

    for (int k = 0; k < SHAREDPOOL_KIND__MAX; k++) {
        strbuf_reset(&path);
        strbuf_addf(&path, "%s/" HOME "/%s", pool, folders[k]);
        if (durable_mkdirs(strbuf_peek(&path), 0755, e) < 0)
            return -1;
    }
    home = home_open(pool, e);
    if (home < 0)
        return -1;
    if (identity_read(home, pool, id, e) == 0)
        return 0;
    if (e->code != BY_E_NOT_FOUND)
        return -1;
    err_clear(e);
    return identity_make(home, pool, e) < 0 ? -1 : identity_read(home, pool, id, e);
}

/* ---- the steward ---- */

int
sharedpool_steward_read(const char *pool, struct strbuf *out, struct err *e)
{
    SCOPED(fd) int home = home_open(pool, e);

    return home < 0 ? -1 : read_in(home, pool, STEWARD, STEWARD_BYTES, out, e);
}

int
sharedpool_steward_write(const char *pool, const char *text, struct err *e)
{
    SCOPED(fd) int home = home_open(pool, e);

    return home < 0 ? -1 : write_in(home, pool, STEWARD, text, e);
}

int
sharedpool_lock(const char *pool, int *fd, struct err *e)
{
    SCOPED(fd) int home = home_open(pool, e);
    SCOPED(fd) int lock = -1;

    if (home < 0)
        return -1;
    lock = openat(home, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0)
        return durable_errno(e, errno, "open the steward's lock of the shared pool at", pool);
    if (durable_lock(lock, 0) < 0) {
        if (errno != EWOULDBLOCK)
            return durable_errno(e, errno, "lock the shared pool at", pool);
        return err_set(e, BY_E_BUSY,
                       "the steward's lock of the shared pool at %s is held by another agent",
                       pool);
    }
    *fd = lock;
    lock = -1;
    return 0;
}

/* ---- asks, answers, filled volumes ---- */

void
sharedpool_name(const char *resource, const char *host, char out[SHAREDPOOL_NAME])
{
    (void)snprintf(out, SHAREDPOOL_NAME, "%.36s.%.36s", resource, host);
}

bool
sharedpool_name_split(const char *name, char resource[W_ID], char host[W_ID])
{
    if (strlen(name) != 2 * UUID_LEN + 1 || name[UUID_LEN] != '.' || !is_uuid(name) ||
        !is_uuid(name + UUID_LEN + 1))
        return false;
    (void)snprintf(resource, W_ID, "%.36s", name);
    (void)snprintf(host, W_ID, "%s", name + UUID_LEN + 1);
    return true;
}

static bool
name_is_good(enum sharedpool_kind kind, const char *name)
{
    char resource[W_ID], host[W_ID];

    if (kind == SHAREDPOOL_FILLED)
        return strlen(name) == UUID_LEN && is_uuid(name);
    return sharedpool_name_split(name, resource, host);
}

static int64_t
age_ms(const struct stat *st)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)(now.tv_sec - st->st_mtim.tv_sec) * 1000 +
           (now.tv_nsec - st->st_mtim.tv_nsec) / 1000000;
}

static void
file_see(int folder, const char *name, struct sharedpool_file *out)
{
    struct stat st;

    memset(out, 0, sizeof(*out));
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)sizeof(out->name) - 1, name);
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        out->age_ms = age_ms(&st);
}

int
sharedpool_list(const char *pool, enum sharedpool_kind kind, size_t max, struct arena *a,
                struct sharedpool_file **out, size_t *n, struct err *e)
{
    int folder = kind_open(pool, kind, e);
    struct dirent *d;
    DIR *dir;

    *n = 0;
    if (folder < 0)
        return -1;
    dir = fdopendir(folder);
    if (dir == NULL) {
        (void)close(folder); /* nothing was written through it */
        return durable_errno(e, errno, "read the shared pool at", pool);
    }
    *out = arena_alloc(a, (max + 1) * sizeof(**out));
    for (errno = 0; *n < max && (d = readdir(dir)) != NULL; errno = 0)
        if (name_is_good(kind, d->d_name))
            file_see(folder, d->d_name, &(*out)[(*n)++]);
    if (*n < max && errno != 0) {
        (void)durable_errno(e, errno, "read the shared pool at", pool);
        (void)closedir(dir); /* the first error counts */
        return -1;
    }
    (void)closedir(dir); /* nothing was written through it */
    return 0;
}

int
sharedpool_read(const char *pool, enum sharedpool_kind kind, const char *name, struct strbuf *out,
                struct err *e)
{
    SCOPED(fd) int folder = kind_open(pool, kind, e);

    return folder < 0 ? -1 : read_in(folder, pool, name, SHAREDPOOL_BYTES, out, e);
}

int
sharedpool_write(const char *pool, enum sharedpool_kind kind, const char *name, const char *text,
                 struct err *e)
{
    SCOPED(fd) int folder = kind_open(pool, kind, e);

    return folder < 0 ? -1 : write_in(folder, pool, name, text, e);
}

int
sharedpool_remove(const char *pool, enum sharedpool_kind kind, const char *name, struct err *e)
{
    SCOPED(fd) int folder = kind_open(pool, kind, e);
    char path[PATH_ROOM];

    if (folder < 0)
        return -1;
    path_in(folder, name, path);
    if (durable_remove(path, e) < 0)
        return err_wrap(e, "shared pool at %s, file %s", pool, name);
    return 0;
}
