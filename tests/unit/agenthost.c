#include "tests/unit/agenthost.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/papers.h"
#include "agent/report.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "tests/unit/tmpdir.h"

enum { GUARD_MS = 60000, IMAGE_BYTES = 1 << 20, STEP_MS = 20 };

static void
must(int rc, const struct err *e)
{
    if (rc == 0)
        return;
    fprintf(stderr, "agenthost: %s\n", e->msg);
    abort();
}

/* A base image of zeros with a mark, named by its hash. */
static void
make_image(const char *dir, char sha[65])
{
    SCOPED(free) char *bytes = calloc(1, IMAGE_BYTES);
    char path[512];
    struct err e = {0};

    if (bytes == NULL)
        abort();
    memcpy(bytes, "base image", 10);
    digest_sha256_hex(bytes, IMAGE_BYTES, sha);
    must(durable_mkdirs(dir, 0755, &e), &e);
    (void)snprintf(path, sizeof(path), "%s/%s.img", dir, sha);
    must(durable_write(path, bytes, IMAGE_BYTES, 0644, &e), &e);
}

static void
enrol(struct agenthost *h)
{
    SCOPED(arena) struct arena a = {0};
    const char *ca_key = NULL, *ca = NULL, *key = NULL, *csr = NULL, *cert = NULL;
    struct ident id = {.incarnation = 1, .serial = 1, .url = "https://127.0.0.1:1"};
    int64_t now = clock_wall_ms() / 1000;
    char dir[400];
    struct err e = {0};

    must(x509_ca_new("test", 1, &a, &ca_key, &ca, &e), &e);
    must(x509_csr_new("h1", &a, &key, &csr, &e), &e);
    must(x509_issue(ca_key, ca, csr, "h1", "bianyun:host:x:1", false, now - 60, now + 3600, &a,
                    &cert, &e),
         &e);
    (void)snprintf(id.host, sizeof(id.host), "%s", h->m.host);
    (void)snprintf(id.store, sizeof(id.store), "%s", h->m.store);
    (void)snprintf(id.name, sizeof(id.name), "%s", h->guest ? "west" : "h1");
    random_uuid(id.receipts);
    must(durable_mkdirs(h->dir, 0700, &e), &e);
    must(ident_pin(h->dir, ca, h->m.root_pem, &e), &e);
    (void)snprintf(dir, sizeof(dir), "%s/receipts", h->dir);
    must(receipts_create(dir, id.receipts, false, &e), &e);
    must(ident_save(h->dir, &id, key, cert, &e), &e);
}

static void
paths(struct agenthost *h)
{
    (void)snprintf(h->dir, sizeof(h->dir), "%s/agent", h->tmp);
    (void)snprintf(h->world, sizeof(h->world), "%s/world", h->tmp);
    (void)snprintf(h->pool, sizeof(h->pool), "%s/pool", h->tmp);
    (void)snprintf(h->config, sizeof(h->config), "%s/agent.conf", h->tmp);
}

static void
configure(struct agenthost *h, const char *uri, const char *images, const char *extra)
{
    char text[2000];
    struct err e = {0};

    must(durable_mkdirs(h->pool, 0755, &e), &e);
    (void)snprintf(text, sizeof(text),
                   "[libvirt]\nuri = %s\npool_path = %s\nresync_ms = 200\n"
                   "image_dir = %s\nserial_dir = %s/serial\nstop_grace_ms = 100\n%s",
                   uri, h->pool, images, h->tmp, extra != NULL ? extra : "");
    must(durable_write(h->config, text, strlen(text), 0644, &e), &e);
}

void
agenthost_new(struct agenthost *h, const char *extra)
{
    char images[400], uri[400], sha[65];

    memset(h, 0, sizeof(*h));
    h->tmp = tmpdir_new();
    paths(h);
    (void)snprintf(images, sizeof(images), "%s/images", h->tmp);
    (void)snprintf(uri, sizeof(uri), "fake://%s", h->world);
    make_image(images, sha);
    mill_open(&h->m, ALG_P256, sha);
    configure(h, uri, images, extra);
    enrol(h);
}

void
agenthost_at(struct agenthost *h, const char *dir, const char *uri, const char *images,
             const char *sha, const char *extra)
{
    memset(h, 0, sizeof(*h));
    h->tmp = strdup(dir);
    if (h->tmp == NULL)
        abort();
    paths(h);
    mill_open(&h->m, ALG_P256, sha);
    if (access(h->dir, F_OK) == 0)
        return;
    configure(h, uri, images, extra);
    enrol(h);
}

void
agenthost_beside(struct agenthost *h, struct agenthost *first)
{
    char images[400], uri[400];

    memset(h, 0, sizeof(*h));
    h->tmp = tmpdir_new();
    paths(h);
    memcpy(h->pool, first->pool, sizeof(h->pool));
    (void)snprintf(images, sizeof(images), "%s/images", first->tmp);
    (void)snprintf(uri, sizeof(uri), "fake://%s", h->world);
    h->m = first->m;
    h->m.a = (struct arena){0};
    h->guest = true;
    random_uuid(h->m.host);
    random_uuid(h->m.net);
    random_uuid(h->m.vol);
    random_uuid(h->m.vm);
    random_uuid(h->m.root_vol);
    random_uuid(h->m.seed_vol);
    configure(h, uri, images, NULL);
    enrol(h);
}

void
agenthost_start(struct agenthost *h)
{
    struct agent_options o = {.dir = h->dir, .config_file = h->config};
    struct err e = {0};

    memset(&h->ag, 0, sizeof(h->ag));
    must(agent_open(&h->ag, &o, &e), &e);
    h->running = true;
}

/* Those over their deadline are not waited for by agent_close(). */
static void
calls_back(struct agenthost *h, int64_t end)
{
    struct workers_state w;

    for (;;) {
        workers_state(h->ag.calls, &w);
        if (w.overdue == 0)
            return;
        if (clock_mono_ms() > end) {
            fprintf(stderr, "agenthost: %d calls hang and were not released\n", w.overdue);
            abort();
        }
        agent_wait(&h->ag, STEP_MS);
    }
}

/* This process goes on, and h goes: a thread that still runs then would write into what comes in
 * its place.  A disk that is slow for a while is waited for. */
void
agenthost_stop(struct agenthost *h)
{
    int64_t end = clock_mono_ms() + GUARD_MS;

    if (!h->running)
        return;
    calls_back(h, end);
    while (!agent_close(&h->ag)) {
        if (clock_mono_ms() > end) {
            fprintf(stderr, "agenthost: a call or an overwrite does not end\n");
            abort();
        }
        agent_wait(&h->ag, STEP_MS);
    }
    CU_ASSERT_PTR_NULL(h->ag.ready);
    h->running = false;
}

void
agenthost_free(struct agenthost *h)
{
    agenthost_stop(h);
    if (h->guest)
        arena_clear(&h->m.a);
    else
        mill_close(&h->m);
    tmpdir_free(h->tmp);
}

void
agenthost_give(struct agenthost *h, const struct w_desired_answer *in)
{
    struct papers_result r;
    struct err e = {0};

    must(papers_take(&h->ag, in, clock_wall_ms(), &r, &e), &e);
}

void
agenthost_order(struct agenthost *h, const struct w_order *o)
{
    const char *text = mill_sign_order(&h->m, h->m.controller, o);
    struct w_desired_answer in;

    mill_answer(&h->m, &text, 1, &in);
    in.full = false;
    agenthost_give(h, &in);
}

static void
step(struct agenthost *h)
{
    int wait = agent_round(&h->ag);

    agent_wait(&h->ag, wait < STEP_MS ? wait : STEP_MS);
}

enum w_seen
agenthost_seen(struct agenthost *h, const char *id, bool *equal, char *why, size_t size)
{
    struct report r;
    enum w_seen seen = SEEN_NONE;

    *equal = false;
    report_build(&h->ag, true, 0, clock_wall_ms(), clock_mono_ms(), &r);
    for (size_t i = 0; i < r.status.items.n; i++) {
        const struct w_observed *o = JM_ITEM(r.status.items, struct w_observed, i);

        if (strcmp(o->resource, id) != 0 || (seen != SEEN_NONE && o->seen != SEEN_REFUSED))
            continue;
        seen = (enum w_seen)o->seen;
        *equal = o->equal;
        (void)snprintf(why, size, "%s %s", o->code, o->reason != NULL ? o->reason : "");
    }
    report_clear(&r);
    return seen;
}

bool
agenthost_until(struct agenthost *h, const char *id, enum w_seen seen)
{
    int64_t end = clock_mono_ms() + GUARD_MS;
    enum w_seen now = SEEN_NONE;
    char why[500] = "";
    bool equal = false;

    while (clock_mono_ms() < end) {
        step(h);
        now = agenthost_seen(h, id, &equal, why, sizeof(why));
        if (now == seen && (equal || seen == SEEN_REFUSED || seen == SEEN_FAILED))
            return true;
    }
    fprintf(stderr, "agenthost: %s is %s equal=%d %s, wanted %s\n", id, w_seen_names[now], equal,
            why, w_seen_names[seen]);
    return false;
}

bool
agenthost_settle(struct agenthost *h)
{
    int64_t begin = clock_mono_ns(), end = clock_mono_ms() + GUARD_MS;

    while (clock_mono_ms() < end) {
        bool busy = h->ag.dirty || h->ag.ready != NULL;

        for (size_t i = 0; i < h->ag.tracks.n; i++)
            busy = busy || h->ag.tracks.v[i]->busy;
        if (!busy && world_read_at(h->ag.world) > begin)
            return true;
        step(h);
    }
    return false;
}
