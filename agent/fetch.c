#include "agent/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/link.h"
#include "agent/shared.h"
#include "agent/steward.h"
#include "drivers/base/clock.h"
#include "drivers/base/fault.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/host/image.h"
#include "drivers/host/image_head.h"
#include "drivers/host/image_tables.h"
#include "drivers/net/httpc.h"

enum { WANTED_MAX = 16, CALL_MS = 60000, TELL_MS = 1000 };

enum stage { QUEUED, FETCHING, CHECKING, ENDED };

struct wanted {
    char sha256[65];
    enum stage stage;
    uint64_t have, size;
    struct err err; /* once ENDED; code OK: it is there */
};

struct fetch {
    struct agent *ag; /* its configuration is immutable; the rest is the owner's */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t cond;
    bool stop, news;
    struct wanted wanted[WANTED_MAX];
    size_t n;
    char *cert_file, *key_file; /* as they are now */
};

/* One image on its way; the thread's own. */
struct job {
    struct fetch *f;
    const char *sha256;
    struct httpc *http;
    struct w_image_view view;
    struct arena a;
    int fd;
    char part[512];
    int64_t began_ms, told_ms;
    uint64_t began_at; /* bytes that were there */
};

/* ---- talk between the threads ------------------------------------------------------------------
 */

/* The lock is held. */
static struct wanted *
find(struct fetch *f, const char *sha256)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->wanted[i].sha256, sha256) == 0)
            return &f->wanted[i];
    return NULL;
}

static void
describe(const struct wanted *w, char text[FETCH_TEXT])
{
    if (w->stage == QUEUED)
        (void)snprintf(text, FETCH_TEXT, "image %.12s… waits to be fetched", w->sha256);
    else if (w->stage == CHECKING)
        (void)snprintf(text, FETCH_TEXT, "image %.12s… is there, its hash is being checked",
                       w->sha256);
    else
        (void)snprintf(text, FETCH_TEXT, "fetching image %.12s…: %" PRIu64 " %% of %" PRIu64 " MiB",
                       w->sha256, w->size == 0 ? 0 : w->have * 100 / w->size, w->size >> 20);
}

static void *fetch_main(void *arg);

/* The thread begins with the first image that is wanted; the lock is held. */
static bool
start(struct fetch *f)
{
    if (!f->started)
        f->started = pthread_create(&f->thread, NULL, fetch_main, f) == 0;
    return f->started;
}

int
fetch_want(struct fetch *f, const char *sha256, struct err *e)
{
    char text[FETCH_TEXT] = "";
    struct wanted *w;

    (void)pthread_mutex_lock(&f->lock);
    if (!start(f)) {
        (void)pthread_mutex_unlock(&f->lock);
        return err_set(e, BY_E_NOMEM, "no thread to fetch images");
    }
    w = find(f, sha256);
    if (w == NULL && f->n < WANTED_MAX) {
        w = &f->wanted[f->n++];
        memset(w, 0, sizeof(*w));
        (void)snprintf(w->sha256, sizeof(w->sha256), "%s", sha256);
        (void)pthread_cond_signal(&f->cond);
    }
    if (w != NULL)
        describe(w, text);
    (void)pthread_mutex_unlock(&f->lock);
    if (text[0] == '\0')
        return err_set(e, BY_E_BUSY, "%d images wait to be fetched already", WANTED_MAX);
    return err_set(e, BY_E_BUSY, "%s", text);
}

bool
fetch_busy(struct fetch *f, const char *sha256, char text[FETCH_TEXT])
{
    const struct wanted *w;
    bool busy;

    (void)pthread_mutex_lock(&f->lock);
    w = find(f, sha256);
    busy = w != NULL && w->stage != ENDED;
    if (busy)
        describe(w, text);
    (void)pthread_mutex_unlock(&f->lock);
    return busy;
}

/* Set how far it is; the owner is woken at most once a second for it. */
static void
tell(struct job *j, enum stage s, uint64_t have)
{
    int64_t now = clock_mono_ms();
    struct wanted *w;

    (void)pthread_mutex_lock(&j->f->lock);
    w = find(j->f, j->sha256);
    if (w != NULL) {
        w->stage = s;
        w->have = have;
        w->size = j->view.size_bytes;
    }
    if (now - j->told_ms >= TELL_MS) {
        j->told_ms = now;
        j->f->news = true;
    }
    (void)pthread_mutex_unlock(&j->f->lock);
    if (j->told_ms == now)
        agent_wake(j->f->ag);
}

/* Wait, or less when the agent ends; false then. */
static bool
pause_for(struct fetch *f, int64_t ms)
{
    int64_t at = clock_mono_ms() + ms;
    struct timespec ts = {.tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000};
    bool stop;

    (void)pthread_mutex_lock(&f->lock);
    while (!f->stop && ms > 0 && pthread_cond_timedwait(&f->cond, &f->lock, &ts) == 0)
        ;
    stop = f->stop;
    (void)pthread_mutex_unlock(&f->lock);
    return !stop;
}

/* ---- fetching ----------------------------------------------------------------------------------
 */

static int
http_open(struct job *j, struct err *e)
{
    const struct agent *ag = j->f->ag;
    struct httpc_config c = {.base_url = ag->conf.url[0] != '\0' ? ag->conf.url : ag->id.url,
                             .ca_file = ag->id.ca_file,
                             .max_answer_bytes = 2 << 20};

    (void)pthread_mutex_lock(&j->f->lock);
    c.cert_file = arena_strdup(&j->a, j->f->cert_file);
    c.key_file = arena_strdup(&j->a, j->f->key_file);
    (void)pthread_mutex_unlock(&j->f->lock);
    return httpc_new(&c, &j->http, e);
}

static int
ask_about(struct job *j, struct err *e)
{
    struct httpc_answer ans = {0};
    int rc = httpc_call(j->http, "GET", arena_printf(&j->a, "/a/v1/image?sha256=%s", j->sha256),
                        NULL, 0, CALL_MS, &ans, e);

    if (rc == 0)
        rc = W_DECODE(image_view, ans.body, ans.len, JM_PEER, &j->a, &j->view, e);
    httpc_answer_clear(&ans);
    if (rc < 0)
        return -1;
    if (strcmp(w_arch_names[j->view.arch], j->f->ag->host.arch) != 0)
        return err_set(e, BY_E_INVALID, "it is made for %s, this host is %s",
                       w_arch_names[j->view.arch], j->f->ag->host.arch);
    return 0;
}

static int
room(struct job *j, uint64_t bytes, struct err *e)
{
    const char *dir = j->f->ag->conf.image_dir;
    uint64_t spare = (uint64_t)j->f->ag->conf.fetch_spare_mib << 20, free_bytes;
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0)
        return durable_errno(e, errno, "measure", dir);
    free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (free_bytes >= spare && free_bytes - spare >= bytes)
        return 0;
    return err_set(e, BY_E_NO_SPACE,
                   "no room: %s has %" PRIu64 " MiB free, %" PRIu64
                   " MiB stay free, it needs %" PRIu64
                   " MiB; see 'bianyun-agent images list' for those that no machine here uses",
                   dir, free_bytes >> 20, spare >> 20, bytes >> 20);
}

static int
part_open(struct job *j, uint64_t *have, struct err *e)
{
    const char *dir = j->f->ag->conf.image_dir;
    struct stat st;

    if (durable_mkdirs(dir, 0755, e) < 0)
        return -1;
    if (snprintf(j->part, sizeof(j->part), "%s/%s.part", dir, j->sha256) >= (int)sizeof(j->part))
        return err_set(e, BY_E_INVALID, "the path of the images is too long");
    j->fd = open(j->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (j->fd < 0)
        return durable_errno(e, errno, "open", j->part);
    if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, BY_E_BUSY, "another agent fetches it into %s", dir);
    if (fstat(j->fd, &st) < 0)
        return durable_errno(e, errno, "look at", j->part);
    *have = (uint64_t)st.st_size;
    if (*have > j->view.size_bytes) {
        if (ftruncate(j->fd, 0) < 0)
            return durable_errno(e, errno, "cut", j->part);
        *have = 0;
    }
    return room(j, j->view.size_bytes - *have, e);
}

static int
write_part(struct job *j, uint64_t at, const char *bytes, size_t len, struct err *e)
{
    if (fault_at(BY_FAULT_IMAGE_FETCH) == FAULT_FAIL)
        return err_set(e, BY_E_IO, "write %s: a fault was asked for", j->part);
    while (len > 0) {
        ssize_t n = pwrite(j->fd, bytes, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return durable_errno(e, errno, "write", j->part);
        at += (uint64_t)n;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* How long to wait so that no more than the configured rate is taken. */
static int64_t
ahead_ms(const struct job *j, uint64_t have)
{
    int64_t rate = j->f->ag->conf.fetch_mib_s;

    if (rate == 0)
        return 0;
    return (int64_t)((have - j->began_at) * 1000 / ((uint64_t)rate << 20)) -
           (clock_mono_ms() - j->began_ms);
}

static int
get_parts(struct job *j, uint64_t have, struct err *e)
{
    j->began_ms = clock_mono_ms();
    j->began_at = have;
    tell(j, FETCHING, have);
    while (have < j->view.size_bytes) {
        struct httpc_answer ans = {0};
        char path[160];
        int rc;

        (void)snprintf(path, sizeof(path), "/a/v1/image/data?sha256=%s&offset=%" PRIu64, j->sha256,
                       have);
        rc = httpc_call(j->http, "GET", path, NULL, 0, CALL_MS, &ans, e);
        if (rc == 0 && (ans.len == 0 || ans.len > j->view.size_bytes - have))
            rc = err_set(e, BY_E_CONFLICT, "the controller sent %zu bytes at %" PRIu64, ans.len,
                         have);
        if (rc == 0)
            rc = write_part(j, have, ans.body, ans.len, e);
        have += rc == 0 ? ans.len : 0;
        httpc_answer_clear(&ans);
        if (rc < 0)
            return -1;
        tell(j, FETCHING, have);
        if (!pause_for(j->f, ahead_ms(j, have)))
            return err_set(e, BY_E_BUSY, "the agent ends; it goes on from %" PRIu64 " bytes", have);
    }
    return 0;
}

/* Whole and right, or not there. */
static int
settle(struct job *j, struct err *e)
{
    const struct agent *ag = j->f->ag;
    struct image_head head;
    char found[65], whole[512];

    tell(j, CHECKING, j->view.size_bytes);
    if (fsync(j->fd) < 0)
        return durable_errno(e, errno, "sync", j->part);
    if (digest_file_sha256_hex(j->part, found, e) < 0)
        return -1;
    if (strcmp(found, j->sha256) != 0) {
        (void)durable_remove(j->part, NULL); /* else it is refused again the next time */
        return err_set(e, BY_E_IO, "its bytes came with the hash %s; it is fetched anew", found);
    }
    if (image_head_file(j->fd, &head, e) < 0 || image_tables_file(j->fd, e) < 0)
        return -1;
    (void)snprintf(whole, sizeof(whole), "%.400s/%s%s", ag->conf.image_dir, j->sha256,
                   head.format == FMT_QCOW2 ? ".qcow2" : ".img");
    if (rename(j->part, whole) < 0)
        return durable_errno(e, errno, "move", j->part);
    if (durable_sync_parent(whole, e) < 0)
        return -1;
    image_remember(whole, j->sha256, arena_printf(&j->a, "%s/images.cache", ag->id.dir));
    return 0;
}

static int
fetch_one(struct fetch *f, const char *sha256, struct err *e)
{
    struct job j = {.f = f, .sha256 = sha256, .fd = -1};
    uint64_t have = 0;
    int rc = 0;

    if (http_open(&j, e) < 0 || ask_about(&j, e) < 0 || part_open(&j, &have, e) < 0 ||
        get_parts(&j, have, e) < 0 || settle(&j, e) < 0)
        rc = -1;
    if (rc == 0)
        log_info("image.fetched", "sha256=%s bytes=%" PRIu64 " from=%" PRIu64, sha256,
                 j.view.size_bytes, have);
    if (j.fd >= 0)
        (void)close(j.fd); /* synced before it counts */
    httpc_free(j.http);
    arena_clear(&j.a);
    return rc;
}

/* ---- the thread --------------------------------------------------------------------------------
 */

/* The oldest that nobody fetched yet; false when the agent ends. */
static bool
next_wanted(struct fetch *f, char sha256[65])
{
    bool found = false;

    (void)pthread_mutex_lock(&f->lock);
    while (!f->stop && !found) {
        for (size_t i = 0; i < f->n && !found; i++) {
            if (f->wanted[i].stage != QUEUED)
                continue;
            memcpy(sha256, f->wanted[i].sha256, 65);
            found = true;
        }
        if (!found)
            (void)pthread_cond_wait(&f->cond, &f->lock);
    }
    (void)pthread_mutex_unlock(&f->lock);
    return found;
}

static void *
fetch_main(void *arg)
{
    struct fetch *f = arg;
    char sha256[65];

    while (next_wanted(f, sha256)) {
        struct err e = {0};
        struct wanted *w;

        if (fetch_one(f, sha256, &e) < 0)
            (void)err_wrap(&e, "image %.12s…", sha256);
        (void)pthread_mutex_lock(&f->lock);
        w = find(f, sha256);
        if (w != NULL) {
            w->stage = ENDED;
            w->err = e;
        }
        f->news = true;
        (void)pthread_mutex_unlock(&f->lock);
        agent_wake(f->ag);
    }
    return NULL;
}

/* ---- the owner ---------------------------------------------------------------------------------
 */

/* The certificate may have been renewed. */
static void
take_identity(struct fetch *f)
{
    const struct ident *id = &f->ag->id;

    if (f->cert_file != NULL && strcmp(f->cert_file, id->cert_file) == 0)
        return;
    free(f->cert_file);
    free(f->key_file);
    f->cert_file = strdup(id->cert_file);
    f->key_file = strdup(id->key_file);
    if (f->cert_file == NULL || f->key_file == NULL)
        abort(); /* out of memory */
}

static void
ended(struct fetch *f, const struct wanted *w)
{
    if (w->err.code != BY_E_OK)
        log_warn("image.failed", "sha256=%s reason=" LOG_Q, w->sha256, w->err.msg);
    for (size_t i = 0; i < f->ag->tracks.n; i++) {
        struct track *k = f->ag->tracks.v[i];

        if (strcmp(k->image, w->sha256) != 0)
            continue;
        k->image[0] = '\0';
        if (w->err.code == BY_E_OK)
            track_done(k);
        else
            track_failed(k, &w->err, clock_mono_ms());
    }
    works_image_ended(f->ag->shared->works, w->sha256, &w->err);
    f->ag->dirty = true;
}

void
fetch_step(struct fetch *f)
{
    struct wanted gone[WANTED_MAX];
    size_t n = 0, kept = 0;
    bool news;

    (void)pthread_mutex_lock(&f->lock);
    take_identity(f);
    news = f->news;
    f->news = false;
    for (size_t i = 0; i < f->n; i++) {
        if (f->wanted[i].stage == ENDED)
            gone[n++] = f->wanted[i];
        else
            f->wanted[kept++] = f->wanted[i];
    }
    f->n = kept;
    (void)pthread_mutex_unlock(&f->lock);
    for (size_t i = 0; i < n; i++)
        ended(f, &gone[i]);
    if (news)
        link_touch(f->ag->link);
}

int
fetch_new(struct agent *ag, struct fetch **out, struct err *e)
{
    SCOPED(fetch_free) struct fetch *f = calloc(1, sizeof(*f));
    pthread_condattr_t attr;

    if (f == NULL)
        return err_set(e, BY_E_NOMEM, "fetching of images");
    f->ag = ag;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    take_identity(f);
    *out = TAKE(f);
    return 0;
}

void
fetch_free(struct fetch *f)
{
    if (f == NULL)
        return;
    (void)pthread_mutex_lock(&f->lock);
    f->stop = true;
    (void)pthread_cond_broadcast(&f->cond);
    (void)pthread_mutex_unlock(&f->lock);
    if (f->started)
        (void)pthread_join(f->thread, NULL);
    free(f->cert_file);
    free(f->key_file);
    (void)pthread_cond_destroy(&f->cond);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}
