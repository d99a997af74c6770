#include "agent/link.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/enrol.h"
#include "agent/metrics.h"
#include "agent/papers.h"
#include "agent/report.h"
#include "agent/sample.h"
#include "agent/shared.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/segment.h"
#include "drivers/net/httpc.h"
#include "policies/retry.h"

enum {
    CALL_MS = 20000,
    POLL_SLACK_MS = 15000,
    RENEW_CHECK_MS = 3600000,
    FAR_MS = 60000,
    UNDERLAY_MS = 5000, /* how often its address is looked for */
    FORGET_MS = 5000,
    RECOVERY_POLL_MS = 1000,
    AGAIN_MS = 300000,
    GAP_MS = 5000,           /* how long a poll waits for the call before it */
    LONG_SLOT_MS = 60000,    /* slots of this length are not urgent */
    RENEW_AGAIN_MS = 300000, /* a renewal that did not help */
};
#define RETRY_CAP_MS 30000

/* How far the asking has come since the hello. */
enum asked {
    ASKED_NOT,   /* the first poll does not wait for news */
    ASKED_FIRST, /* that one is under way: all else comes after it, over its connection */
    ASKED_ONCE,  /* the next one waits for a part of the usual time */
    ASKED_OFTEN,
};

/* One kind of call: at most one of it at a time. */
struct lane {
    struct link *l;
    const char *path;
    bool busy;
    uint32_t failures;
    int64_t due_ms; /* monotonic */
};

struct link {
    struct agent *ag;
    struct httpc *http;
    pthread_mutex_t lock; /* http against link_wake() from other threads */
    struct lane hello, poll, status, samples, receipts, renew;
    int64_t underlay_due_ms;
    int64_t again_ms;    /* monotonic: when the whole set is asked for again, 0: not */
    int64_t full_due_ms; /* next full inventory */
    int64_t spread_ms;   /* the controller's word over how long all hosts come back */
    int64_t gap_until;   /* the next poll waits for a call that goes before it, 0: it does not */
    int64_t slots_from_ms, slots_wait_ms; /* finished slots wait since then, at most so long */
    int64_t renewed_ms;                   /* the last renewal because of renew_now, 0: none */
    uint64_t cursor;
    uint64_t foreign_hash, last_seq;
    struct report report; /* in flight */
    struct sample_batch batch;
    struct arena renew_arena;
    const char *renew_key;
    bool renew_now; /* the controller does not know our certificate, as after an older backup */
    bool reopen;    /* the certificate changed: no new calls until it is in use */
    bool hello_ok;
    bool hello_blind;    /* said before libvirt had answered: again when it has */
    bool hello_underlay; /* what it said of the underlay address */
    bool want_receipts;
    enum asked asked;
    bool touched; /* something may be worth a report */
    bool quiet;   /* the last poll brought no order */
    bool told_unknown;
};

static int64_t
later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint64_t
seed_now(void)
{
    uint64_t s;

    random_bytes(&s, sizeof(s));
    return s;
}

static void
lane_failed(struct lane *k, const struct err *e)
{
    const struct retry_rule rule = {.base_ms = k->l->ag->conf.retry_ms, .cap_ms = RETRY_CAP_MS};
    int64_t now = clock_mono_ms();

    am_contact(k->l->ag, false);
    k->failures++;
    k->due_ms = (k->failures == 1 ? retry_first(&rule, k->l->spread_ms, now, seed_now())
                                  : retry_next(&rule, k->failures, true, now, seed_now()))
                    .next_ms;
    if (k->failures == 1 || k->failures % 20 == 0)
        log_warn("link.failed", "path=%s failures=%u next_ms=%lld reason=" LOG_Q, k->path,
                 k->failures, (long long)(k->due_ms - now), e->msg);
}

static void
lane_ok(struct lane *k, int64_t next_in_ms)
{
    if (k->failures > 0)
        log_info("link.restored", "path=%s after=%u", k->path, k->failures);
    am_contact(k->l->ag, true);
    k->failures = 0;
    k->due_ms = clock_mono_ms() + next_in_ms;
}

static void
lane_start(struct lane *k, const struct jm_field *schema, const void *body, int timeout_ms,
           httpc_done done)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    jm_encode(schema, body, &b);
    if (httpc_start(k->l->http, "POST", k->path, strbuf_peek(&b), b.len, timeout_ms, done, k, &e) <
        0) {
        lane_failed(k, &e);
        return;
    }
    k->busy = true;
}

static bool
lane_due(const struct lane *k, int64_t now)
{
    return !k->busy && now >= k->due_ms;
}

static int64_t
lane_next(const struct lane *k, bool wanted, int64_t next)
{
    return wanted && !k->busy && k->due_ms < next ? k->due_ms : next;
}

/* ---- hello ---- */

static void
hello_again(struct link *l)
{
    l->hello_ok = false;
    l->hello.due_ms = l->hello.due_ms > clock_mono_ms() ? l->hello.due_ms : clock_mono_ms();
}

static int
hello_take(struct link *l, const struct httpc_answer *a, struct err *e)
{
    SCOPED(arena) struct arena mem = {0};
    struct w_hello_answer h;

    if (W_DECODE(hello_answer, a->body, a->len, JM_PEER, &mem, &h, e) < 0)
        return err_wrap(e, "hello");
    if (strcmp(h.store, l->ag->id.store) != 0)
        return err_set(e, BY_E_DENIED,
                       "the controller has another store (%s) than the one that this host was "
                       "enrolled with (%s); enrol the host again if that is meant",
                       h.store, l->ag->id.store);
    l->ag->recovery = h.recovery;
    l->want_receipts = h.want_receipts;
    l->spread_ms = h.spread_ms;
    if (h.want_receipts)
        l->receipts.due_ms = 0;
    sampler_configure(l->ag->sampler, h.sample_ms, h.slot_ms);
    l->slots_wait_ms = h.slot_ms >= LONG_SLOT_MS ? h.slot_ms / 4 : 0;
    return 0;
}

static void
hello_done(void *arg, struct httpc_answer *a)
{
    struct lane *k = arg;
    struct link *l = k->l;
    struct err e = a->err;

    k->busy = false;
    if (e.code != BY_E_OK || hello_take(l, a, &e) < 0) {
        if (e.code == BY_E_UNAUTHENTICATED && !l->renew_now) {
            int64_t now = clock_mono_ms();

            l->renew_now = true;
            l->renew.due_ms = l->renewed_ms == 0 ? now : later(now, l->renewed_ms + RENEW_AGAIN_MS);
        }
        lane_failed(k, &e);
        return;
    }
    l->renew_now = false;
    l->renewed_ms = 0;
    lane_ok(k, 0);
    log_info("hello", "controller answers recovery=%d", l->ag->recovery);
    l->hello_ok = true;
    l->cursor = 0;
    l->asked = ASKED_NOT;
    l->gap_until = 0;
    if (l->poll.failures == 0) /* else it waits as long as it said: a hello mends no refused set */
        l->poll.due_ms = 0;
    l->full_due_ms = 0; /* a full inventory first */
    l->touched = true;
}

/* Said only while it is one of this host's. */
static bool
underlay_there(const struct agent *ag)
{
    return ag->conf.underlay[0] != '\0' && segment_has_address(ag->conf.underlay);
}

/* An address may come after the agent, or go. */
static bool
underlay_changed(struct link *l, int64_t now)
{
    if (l->ag->conf.underlay[0] == '\0' || now < l->underlay_due_ms)
        return false;
    l->underlay_due_ms = now + UNDERLAY_MS;
    if (underlay_there(l->ag) == l->hello_underlay)
        return false;
    log_warn("underlay", "address=%s there=%d", l->ag->conf.underlay, !l->hello_underlay);
    return true;
}

static void
hello_start(struct link *l)
{
    struct agent *ag = l->ag;
    const struct virt_pool_seen *pool = world_pool(ag->world);
    struct w_hello h = {.cpus = ag->host.cpus,
                        .mem_mib = ag->host.mem_mib,
                        .receipts = receipts_count(ag->receipts),
                        .term = receipts_term(ag->receipts),
                        .receipts_lost = receipts_lost(ag->receipts),
                        .head = receipts_head(ag->receipts)};

    (void)snprintf(h.boot, sizeof(h.boot), "%s", ag->host.boot);
    (void)snprintf(h.agent_version, sizeof(h.agent_version), "%s", BY_VERSION);
    (void)snprintf(h.arch, sizeof(h.arch), "%s", ag->host.arch);
    if (pool != NULL) {
        h.pool_bytes = pool->capacity_bytes;
        h.pool_free_bytes = pool->free_bytes;
    }
    l->hello_blind = !ag->has_caps;
    l->hello_underlay = underlay_there(ag);
    if (l->hello_underlay)
        (void)snprintf(h.underlay, sizeof(h.underlay), "%s", ag->conf.underlay);
    if (shared_is_on(ag->shared)) {
        (void)snprintf(h.pool, sizeof(h.pool), "%s", ag->shared->id);
        h.steward = ag->shared->word_text;
    }
    if (ag->has_caps) {
        h.kvm = ag->caps.kvm;
        h.lock_manager = ag->caps.lock_manager;
        h.cpus = ag->caps.cpus > 0 ? ag->caps.cpus : h.cpus;
        h.mem_mib = ag->caps.mem_mib > 0 ? ag->caps.mem_mib : h.mem_mib;
    }
    lane_start(&l->hello, schema_hello, &h, CALL_MS, hello_done);
}

/* ---- the long poll ---- */

static int
poll_take(struct link *l, const struct httpc_answer *a, struct err *e)
{
    SCOPED(arena) struct arena mem = {0};
    struct w_desired_answer d;
    struct papers_result r;
    bool was_recovery = l->ag->recovery;

    if (W_DECODE(desired_answer, a->body, a->len, JM_PEER, &mem, &d, e) < 0)
        return err_wrap(e, "orders");
    if (papers_take(l->ag, &d, clock_wall_ms(), &r, e) < 0)
        return -1;
    l->cursor = d.revision;
    if (d.steward != NULL)
        shared_take_word(l->ag->shared, d.steward);
    if (r.later > 0 && l->again_ms == 0) /* it is not sent again by itself */
        l->again_ms = clock_mono_ms() + AGAIN_MS;
    if (d.recovery && !was_recovery)
        hello_again(l); /* it will ask for our receipts */
    l->quiet = r.accepted == 0 && r.refused == 0;
    if (r.accepted > 0 || r.refused > 0)
        log_info("orders", "accepted=%zu known=%zu refused=%zu revision=%llu", r.accepted, r.known,
                 r.refused, (unsigned long long)d.revision);
    l->touched = true;
    return 0;
}

static void
poll_done(void *arg, struct httpc_answer *a)
{
    struct lane *k = arg;
    struct link *l = k->l;
    struct err e = a->err;

    k->busy = false;
    if (l->asked == ASKED_FIRST)
        l->asked = ASKED_ONCE;
    if (e.code != BY_E_OK || poll_take(l, a, &e) < 0) {
        lane_failed(k, &e);
        if (e.code == BY_E_CONFLICT || e.code == BY_E_DENIED || k->failures > 1) {
            l->cursor = 0;
            hello_again(l); /* the controller may be another one than before */
        }
        return;
    }
    /* A controller in recovery answers at once, as it has nothing to dispatch. */
    lane_ok(k, l->ag->recovery ? RECOVERY_POLL_MS : 0);
}

static void
poll_start(struct link *l)
{
    if (l->again_ms != 0 && clock_mono_ms() >= l->again_ms) {
        l->cursor = 0;
        l->again_ms = 0;
    }

    struct w_desired_request q = {.cursor = l->cursor,
                                  .wait_ms = l->asked == ASKED_NOT ? 0 : l->ag->conf.poll_wait_ms,
                                  .steward_term = l->ag->shared->word.term,
                                  .head = receipts_head(l->ag->receipts)};

    /* Many hosts must not come back together, and those that said hello together least of all. */
    if (q.wait_ms > 0)
        q.wait_ms -=
            (int64_t)(seed_now() % (uint64_t)(q.wait_ms / (l->asked == ASKED_ONCE ? 1 : 8) + 1));
    l->asked = l->asked == ASKED_NOT ? ASKED_FIRST : ASKED_OFTEN;
    lane_start(&l->poll, schema_desired_request, &q, (int)q.wait_ms + POLL_SLACK_MS, poll_done);
    if (l->asked == ASKED_FIRST && !l->poll.busy) /* it could not be sent */
        l->asked = ASKED_ONCE;
}

/* ---- reports ---- */

/* Rises within a boot, also over restarts of the agent. */
static uint64_t
seq_next(struct link *l)
{
    uint64_t now = (uint64_t)clock_mono_ms() + 1;

    l->last_seq = now > l->last_seq ? now : l->last_seq + 1;
    return l->last_seq;
}

static void
status_done(void *arg, struct httpc_answer *a)
{
    struct lane *k = arg;
    struct link *l = k->l;

    k->busy = false;
    if (a->err.code != BY_E_OK) {
        lane_failed(k, &a->err);
        l->touched = true;
        if (a->err.code == BY_E_CONFLICT || a->err.code == BY_E_DENIED)
            hello_again(l);
    } else {
        lane_ok(k, 0);
        report_acknowledged(l->ag, &l->report);
        l->foreign_hash = l->report.foreign_hash;
        l->told_unknown = l->report.status.unknown;
        if (l->report.status.complete || l->report.status.unknown)
            l->full_due_ms = clock_mono_ms() + l->ag->conf.report_ms;
    }
    report_clear(&l->report);
}

static void
status_start(struct link *l, int64_t now, bool full)
{
    l->touched = false;
    report_build(l->ag, full, l->foreign_hash, clock_wall_ms(), now, &l->report);
    if (l->report.status.items.n == 0 && !l->report.status.complete &&
        (!l->report.status.unknown || (l->told_unknown && !full))) {
        report_clear(&l->report);
        return;
    }
    l->report.status.seq = seq_next(l);
    lane_start(&l->status, schema_status, &l->report.status, CALL_MS, status_done);
    if (!l->status.busy)
        report_clear(&l->report);
}

/* ---- samples ---- */

static void
samples_done(void *arg, struct httpc_answer *a)
{
    struct lane *k = arg;

    k->busy = false;
    if (a->err.code != BY_E_OK) {
        lane_failed(k, &a->err);
    } else {
        sampler_acknowledged(k->l->ag->sampler, &k->l->batch);
        lane_ok(k, 0);
    }
    sample_batch_clear(&k->l->batch);
}

/* Slots are there, and wait for the gap between two polls no longer. */
static bool
samples_due(struct link *l, bool gap, int64_t now)
{
    struct sampler_state s;

    sampler_state(l->ag->sampler, &s);
    if (s.slots == 0) {
        l->slots_from_ms = 0;
        return false;
    }
    if (l->slots_from_ms == 0)
        l->slots_from_ms = now;
    return lane_due(&l->samples, now) && (gap || now >= l->slots_from_ms + l->slots_wait_ms);
}

static void
samples_start(struct link *l)
{
    if (!sampler_batch(l->ag->sampler, &l->batch))
        return;
    (void)snprintf(l->batch.samples.boot, sizeof(l->batch.samples.boot), "%s", l->ag->host.boot);
    l->batch.samples.seq = seq_next(l);
    lane_start(&l->samples, schema_samples, &l->batch.samples, CALL_MS, samples_done);
    if (!l->samples.busy)
        sample_batch_clear(&l->batch);
}

/* ---- all receipts, for recovery ---- */

static void
receipts_done(void *arg, struct httpc_answer *a)
{
    struct lane *k = arg;

    k->busy = false;
    if (a->err.code != BY_E_OK) {
        lane_failed(k, &a->err);
        return;
    }
    lane_ok(k, 0);
    k->l->want_receipts = false;
    report_tell_anew(k->l->ag);
    k->l->full_due_ms = 0;
    log_info("receipts.sent", "all=%zu", receipts_count(k->l->ag->receipts));
}

static void
receipts_start(struct link *l)
{
    const struct receipts *r = l->ag->receipts;
    SCOPED(arena) struct arena a = {0};
    size_t n = receipts_count(r) + receipts_papers(r), at = 0;
    struct w_paper *papers = arena_alloc(&a, (n + 1) * sizeof(*papers));
    struct w_receipts w = {.term = receipts_term(r), .head = receipts_head(r)};

    for (size_t i = 0; i < receipts_papers(r); i++)
        if (receipts_paper_at(r, i)->kind != PAPER_KIND_KEYS)
            papers[at++].text = receipts_paper_at(r, i)->envelope;
    for (size_t i = 0; i < receipts_count(r); i++)
        papers[at++].text = receipts_at(r, i)->envelope;
    w.papers = (struct jm_list){.items = papers, .n = at};
    lane_start(&l->receipts, schema_receipts, &w, 3 * CALL_MS, receipts_done);
}

/* ---- renewal from two thirds of the certificate's life on ---- */

static bool
renew_due(const struct link *l)
{
    int64_t from = 0, to = 0;

    if (x509_validity(l->ag->id.cert_pem, &from, &to, NULL) < 0)
        return false;
    return clock_wall_ms() / 1000 >= enrol_renew_at(l->ag->id.host, from, to);
}

static int
http_open(struct link *l, struct httpc **out, struct err *e)
{
    const struct agent *ag = l->ag;
    struct httpc_config c = {
        .base_url = ag->conf.url[0] != '\0' ? ag->conf.url : ag->id.url,
        .ca_file = ag->id.ca_file,
        .cert_file = ag->id.cert_file,
        .key_file = ag->id.key_file,
        .max_answer_bytes = 64 << 20,
        .connect_timeout_ms = CALL_MS, /* one that has many hosts at once is not asked twice */
        .once = true,                  /* they do not come back at once, nor together */
        .watch = ag->among.watch,
    };

    return httpc_new(&c, out, e);
}

/* Once no call is under way: the next ones use the new certificate. */
static void
reopen_when_idle(struct link *l)
{
    struct httpc *next = NULL, *old = l->http;
    struct err e = {0};

    if (l->hello.busy || l->poll.busy || l->status.busy || l->samples.busy || l->receipts.busy ||
        l->renew.busy)
        return;
    l->reopen = false;
    if (http_open(l, &next, &e) < 0) {
        log_error("link.reopen", "going on with the old certificate; reason=" LOG_Q, e.msg);
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->http = next;
    (void)pthread_mutex_unlock(&l->lock);
    httpc_free(old);
}

static void
renew_done(void *arg, struct httpc_answer *a)
{
    struct lane *k = arg;
    struct link *l = k->l;
    struct agent *ag = l->ag;
    struct sigkey *key = NULL;
    struct err e = a->err;

    k->busy = false;
    if (e.code != BY_E_OK ||
        enrol_renew_take(&ag->id, &ag->forever, l->renew_key, a->body, a->len, &e) < 0 ||
        sigkey_load(ag->id.key_file, &key, &e) < 0) {
        lane_failed(k, &e);
    } else {
        sigkey_free(ag->key);
        ag->key = key;
        l->reopen = true;
        if (l->renew_now) {
            l->hello.due_ms = 0;
            l->renewed_ms = clock_mono_ms();
        }
        l->renew_now = false;
        lane_ok(k, RENEW_CHECK_MS);
        log_info("renewed", "serial=%llu", (unsigned long long)ag->id.serial);
    }
    arena_clear(&l->renew_arena);
}

static void
renew_start(struct link *l)
{
    const char *body = NULL;
    struct err e = {0};

    l->renew.due_ms = clock_mono_ms() + RENEW_CHECK_MS;
    if (!l->renew_now && !renew_due(l))
        return;
    if (enrol_renew_request(&l->ag->id, &l->renew_arena, &l->renew_key, &body, &e) < 0 ||
        httpc_start(l->http, "POST", l->renew.path, body, strlen(body), CALL_MS, renew_done,
                    &l->renew, &e) < 0) {
        lane_failed(&l->renew, &e);
        arena_clear(&l->renew_arena);
        return;
    }
    l->renew.busy = true;
}

/* ---- driving ---- */

int
link_new(struct agent *ag, struct link **out, struct err *e)
{
    SCOPED(link_free) struct link *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return err_set(e, BY_E_NOMEM, "link");
    l->ag = ag;
    l->hello = (struct lane){.l = l, .path = "/a/v1/hello"};
    l->poll = (struct lane){.l = l, .path = "/a/v1/desired"};
    l->status = (struct lane){.l = l, .path = "/a/v1/status"};
    l->samples = (struct lane){.l = l, .path = "/a/v1/samples"};
    l->receipts = (struct lane){.l = l, .path = "/a/v1/receipts"};
    l->renew = (struct lane){.l = l, .path = "/a/v1/renew"};
    (void)pthread_mutex_init(&l->lock, NULL);
    if (http_open(l, &l->http, e) < 0)
        return -1;
    *out = TAKE(l);
    return 0;
}

void
link_free(struct link *l)
{
    if (l == NULL)
        return;
    httpc_free(l->http);
    report_clear(&l->report);
    sample_batch_clear(&l->batch);
    arena_clear(&l->renew_arena);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

/* What is not urgent goes before the next poll, over its connection: a host that has nothing to say
 * needs no second one, nor the handshake of it.  A poll waits for it, but not for ever. */
static void
calls_start(struct link *l, int64_t now)
{
    bool gap, early, full, was_busy = l->status.busy || l->samples.busy;

    if (l->want_receipts && lane_due(&l->receipts, now))
        receipts_start(l);
    if (l->asked == ASKED_NOT && lane_due(&l->poll, now))
        poll_start(l);
    if (l->asked == ASKED_FIRST)
        return;
    gap = lane_due(&l->poll, now);
    early = gap && l->quiet && l->gap_until == 0; /* once in a gap */
    full = now + (early ? l->ag->conf.poll_wait_ms : 0) >= l->full_due_ms;

    if (lane_due(&l->status, now) && (l->touched || full))
        status_start(l, now, full);
    if (samples_due(l, gap, now) && !(gap && l->status.busy))
        samples_start(l);
    if (!gap)
        return;
    if (!was_busy && (l->status.busy || l->samples.busy) && l->gap_until == 0)
        l->gap_until = now + GAP_MS;
    if ((l->status.busy || l->samples.busy) && now < l->gap_until)
        return;
    l->gap_until = 0;
    poll_start(l);
}

/* When something of it is due, if that is before next. */
static int64_t
calls_next(const struct link *l, int64_t next)
{
    next = lane_next(&l->receipts, l->want_receipts, next);
    if (l->asked == ASKED_FIRST)
        return next; /* its end wakes us */
    next = l->gap_until == 0 ? lane_next(&l->poll, true, next) : sooner(next, l->gap_until);
    next = lane_next(&l->status, l->touched, next);
    if (!l->status.busy)
        next = sooner(next, later(l->full_due_ms, l->status.due_ms));
    if (l->slots_from_ms != 0 && !l->samples.busy && (l->gap_until == 0 || !l->status.busy))
        next = sooner(next, later(l->slots_from_ms + l->slots_wait_ms, l->samples.due_ms));
    return next;
}

int
link_step(struct link *l, int64_t now)
{
    int64_t next = now + FAR_MS;

    if (l->reopen)
        reopen_when_idle(l);
    if (l->reopen)
        return FAR_MS; /* the end of a call wakes us */
    if (l->hello_ok && ((l->hello_blind && l->ag->has_caps) || underlay_changed(l, now)))
        hello_again(l);
    /* What the host can do is in the hello: it waits for the first reading, but not for ever. */
    if (!l->hello_ok && lane_due(&l->hello, now) && (l->ag->has_caps || l->ag->observe_err.code))
        hello_start(l);
    if (l->hello_ok)
        calls_start(l, now);
    if ((l->hello_ok || l->renew_now) && lane_due(&l->renew, now))
        renew_start(l);
    next = lane_next(&l->hello, !l->hello_ok && l->ag->has_caps, next);
    next = lane_next(&l->renew, l->renew_now, next);
    if (l->hello_ok)
        next = calls_next(l, next);
    return next > now ? (int)(next - now) : 0;
}

void
link_run(struct link *l, int wait_ms)
{
    httpc_run(l->http, wait_ms);
}

void
link_wake(struct link *l)
{
    (void)pthread_mutex_lock(&l->lock);
    httpc_wakeup(l->http);
    (void)pthread_mutex_unlock(&l->lock);
}

void
link_forget(struct link *l)
{
    l->cursor = 0;
    l->poll.due_ms = clock_mono_ms() + FORGET_MS; /* the disk may be full for a while */
}

void
link_hello_again(struct link *l)
{
    hello_again(l);
}

void
link_touch(struct link *l)
{
    l->touched = true;
}

bool
link_polls(const struct link *l)
{
    return l->hello_ok && l->poll.busy;
}

void
link_event(struct link *l, int fd, int ready)
{
    httpc_event(l->http, fd, ready);
}
