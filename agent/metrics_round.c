#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/calls.h"
#include "agent/facts.h"
#include "agent/metrics.h"
#include "agent/sample.h"
#include "agent/world.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/host/procinfo.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
enum { WAIT_MAX_MS = 60000 };

int
am_open(struct agent *ag, struct err *e)
{
    if (ag->conf.metrics_file[0] == '\0')
        return 0;
    return metrics_new(agent_metrics, AM__MAX, &ag->metrics, e);
}

/* ---- counting ------------------------------------------------------------------------------- */

static size_t
call_kind(const char *what)
{
    static const size_t kinds[CALL__MAX] = {
#define CALL(id, kind, text) [CALL_##id] = AM_##kind,
#include "agent/calls.def"
#undef CALL
    };

    for (size_t i = 0; i < CALL__MAX; i++)
        if (strcmp(call_text((enum agent_call)i), what) == 0)
            return kinds[i];
    return AM_OTHER;
}

void
am_call_ended(void *metrics, const struct worker_job *j)
{
    size_t kind = metrics == NULL || j->what == NULL ? AM_OTHER : call_kind(j->what);

    metric_observe(metrics, AM_CALL_SECONDS, kind, j->took_ms * NS_PER_MS);
    if (j->overdue)
        metric_add(metrics, AM_CALLS_OVERDUE, kind, 1);
}

void
am_contact(struct agent *ag, bool answered)
{
    if (answered)
        metric_set(ag->metrics, AM_CONTACT, 0, clock_wall_ms() * NS_PER_MS);
    else
        metric_add(ag->metrics, AM_CONTACT_FAILURES, 0, 1);
}

/* ---- looking -------------------------------------------------------------------------------- */

static void
look_workers(struct agent *ag)
{
    struct metrics *m = ag->metrics;
    struct workers_state calls, disk;
    char why[16];

    workers_state(ag->calls, &calls);
    workers_state(ag->disk, &disk);
    metric_set(m, AM_WORKERS, AM_RUNNING, calls.running);
    metric_set(m, AM_WORKERS, AM_QUEUED, calls.queued);
    metric_set(m, AM_WORKERS, AM_RETIRED, calls.retired);
    metric_set(m, AM_QUARANTINED, 0, calls.overdue + disk.overdue);
    metric_set(m, AM_HYPERVISOR_UP, 0, facts_observed_ok(ag, clock_mono_ms(), why, sizeof(why)));
}

/* A worker's: base images may be on a disk of the network, which may hang. */
struct room_job {
    struct worker_job job; /* first */
    struct agent *ag;
    int64_t images, receipts; /* free bytes; below 0: not known */
};

static int64_t
room_of(const char *path)
{
    struct statvfs fs;

    return statvfs(path, &fs) == 0 ? (int64_t)(fs.f_bavail * fs.f_frsize) : -1;
}

static int
room_run(struct worker_job *j, struct virt *v, struct err *e)
{
    struct room_job *r = (struct room_job *)j;

    (void)v;
    (void)e;
    r->images = room_of(r->ag->conf.image_dir);
    r->receipts = room_of(r->ag->id.receipts_dir);
    return 0;
}

static void
room_done(struct worker_job *j)
{
    struct room_job *r = (struct room_job *)j;

    r->ag->metrics_looking = false;
    if (j->rc == 0 && r->images >= 0)
        metric_set(r->ag->metrics, AM_DISK_FREE, AM_IMAGES, r->images);
    if (j->rc == 0 && r->receipts >= 0)
        metric_set(r->ag->metrics, AM_DISK_FREE, AM_RECEIPTS_DISK, r->receipts);
    free(r);
}

/* One at a time: while one hangs, what is known grows old. */
static void
look_room(struct agent *ag)
{
    const struct virt_pool_seen *pool = world_pool(ag->world);
    struct room_job *r;
    struct err e = {0};

    if (pool != NULL)
        metric_set(ag->metrics, AM_DISK_FREE, AM_POOL, (int64_t)pool->free_bytes);
    if (ag->metrics_looking)
        return;
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        abort(); /* out of memory */
    r->ag = ag;
    r->job.what = call_text(CALL_ROOM);
    r->job.no_conn = true;
    r->job.run = room_run;
    r->job.done = room_done;
    ag->metrics_looking = workers_submit(ag->calls, &r->job, &e) == 0;
    if (!ag->metrics_looking)
        free(r);
}

static void
look_papers(struct agent *ag)
{
    struct metrics *m = ag->metrics;
    int64_t before = 0, after = 0;
    char path[400];
    struct stat st;

    metric_set(m, AM_RECEIPTS, 0, (int64_t)receipts_count(ag->receipts));
    metric_set(m, AM_RECEIPTS_LOST, 0, receipts_lost(ag->receipts));
    (void)snprintf(path, sizeof(path), "%s/log", ag->id.receipts_dir);
    if (stat(path, &st) == 0)
        metric_set(m, AM_RECEIPTS_BYTES, 0, st.st_size);
    if (x509_validity(ag->id.cert_pem, &before, &after, NULL) == 0)
        metric_set(m, AM_CERT_EXPIRY, 0, after * NS_PER_S);
}

static void
look_process(struct metrics *m)
{
    struct procinfo p;
    struct err e = {0};

    if (procinfo_read(&p, &e) < 0)
        return; /* what is not known is not printed */
    metric_set(m, AM_PROC_RSS, 0, p.rss_bytes);
    metric_set(m, AM_PROC_CPU, 0, p.cpu_ns);
    metric_set(m, AM_PROC_START, 0, p.start_ns);
    if (p.fds >= 0)
        metric_set(m, AM_PROC_FDS, 0, p.fds);
    metric_set(m, AM_PROC_MAX_FDS, 0, p.max_fds);
}

static void
look(struct agent *ag)
{
    struct metrics *m = ag->metrics;
    struct sampler_state s;

    metric_set(m, AM_BUILD, 0, 1);
    metric_set(m, AM_CLOCK_SUSPECT, 0, ag->clock_suspect);
    metric_set(m, AM_HEARD, 0, ag->heard);
    metric_set(m, AM_HOLDS, 0, (int64_t)ag->holds.n);
    metric_set(m, AM_RECOVERY, 0, ag->recovery);
    sampler_state(ag->sampler, &s);
    metric_set(m, AM_SAMPLES, AM_TAKEN, (int64_t)s.taken);
    metric_set(m, AM_SAMPLES, AM_MISSED, (int64_t)s.missed);
    metric_set(m, AM_SAMPLES, AM_DROPPED, (int64_t)s.dropped);
    metric_set(m, AM_SLOTS, 0, (int64_t)s.slots);
    look_workers(ag);
    look_room(ag);
    look_papers(ag);
    look_process(m);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The old text or the new one, as the collector reads at any moment; a power cut may lose it. */
static int
write_text(const char *path, const struct strbuf *b, struct err *e)
{
    char tmp[300];
    SCOPED(fd) int fd = -1;
    ssize_t n;

    (void)snprintf(tmp, sizeof(tmp), "%s.new", path);
    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return durable_errno(e, errno, "open", tmp);
    n = write(fd, b->s, b->len);
    if (n < 0 || (size_t)n != b->len || rename(tmp, path) < 0) {
        int error = n >= 0 && (size_t)n != b->len ? ENOSPC : errno;

        (void)unlink(tmp); /* half of it is of no use */
        return durable_errno(e, error, "write", path);
    }
    return 0;
}

int
am_round(struct agent *ag, int64_t now)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    if (ag->metrics == NULL)
        return WAIT_MAX_MS;
    if (now < ag->metrics_at_ms)
        return (int)(ag->metrics_at_ms - now);
    ag->metrics_at_ms = now + ag->conf.metrics_ms;
    look(ag);
    metrics_text(ag->metrics, &b);
    if (write_text(ag->conf.metrics_file, &b, &e) < 0 && !ag->metrics_failed)
        log_warn("metrics.failed", "reason=" LOG_Q, e.msg);
    ag->metrics_failed = e.code != BY_E_OK;
    return (int)ag->conf.metrics_ms;
}
