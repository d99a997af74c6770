/* What no agent would do with a host's own certificate, and what befalls certificates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "tests/seeds/acts.h"
#include "tests/seeds/fiber.h"

/* Its certificate and key in somebody's hands; NULL: it is down. */
static struct httpc *
as_host(const struct sim_host *h)
{
    struct httpc_config c = {.base_url = "https://127.0.0.1:2"};
    struct httpc *out = NULL;
    struct err e = {0};

    if (h->ag == NULL)
        return NULL;
    c.ca_file = h->ag->id.ca_file;
    c.cert_file = h->ag->id.cert_file;
    c.key_file = h->ag->id.key_file;
    if (httpc_new(&c, &out, &e) < 0)
        sim_trace("%s: its certificate: %s", h->name, e.msg);
    return out;
}

/* What it counts its reports by (agent/link.c). */
static uint64_t
seq_of(const struct sim_host *h)
{
    int old = fiber_as(h->node);
    uint64_t seq = (uint64_t)clock_mono_ms() + 1;

    (void)fiber_as(old);
    return seq;
}

static int64_t
seen_of(const char *id)
{
    char sql[120];

    (void)snprintf(sql, sizeof(sql), "SELECT seen FROM resource WHERE id='%s'", id);
    return query_int(sql);
}

/* A machine of another host is said to be here, gone, or missing. */
void
act_lie(struct pick *p)
{
    static const int says[] = {SEEN_RUNNING, SEEN_STOPPED, SEEN_MISSING, SEEN_ABSENT};
    const struct query_row *r = pick_resource(p, RES_VM, PICK_LIVE | PICK_BINNED);
    const struct sim_host *h = pick_host(p), *other = r == NULL ? NULL : sim_host_by_id(r->col[3]);
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(httpc_free) struct httpc *http = NULL;
    struct w_observed o = {.kind = RES_VM, .term = 1, .equal = true};
    struct w_status s = {.items = {&o, 1}};
    struct w_status_answer ans;
    struct flow *f = &sim.f;
    int64_t before, after;

    if (other == NULL || other == h || !sim.up || (http = as_host(h)) == NULL)
        return;
    memcpy(o.resource, r->col[0], W_ID - 1);
    o.seen = says[pick_roll(p, 4)];
    o.generation = pick_roll(p, 20);
    o.at_ms = f->ctl.c.wall_ms();
    s.seq = seq_of(h);
    memcpy(s.boot, h->boot, W_ID - 1);
    jm_encode(schema_status, &s, &b);
    before = seen_of(r->col[0]);
    (void)FLOW_CALL(f, http, "POST", "/a/v1/status", strbuf_peek(&b), status_answer, &ans);
    sim_trace("%s says that %s is %s: %d %s", h->name, r->col[0], w_seen_names[o.seen], f->status,
              f->err.msg);
    if (!sim.up)
        return;
    after = seen_of(r->col[0]);
    if (after != before && after == o.seen && (after == SEEN_MISSING || after == SEEN_ABSENT) &&
        laws_has(other, r->col[0]))
        laws_break("7 a host speaks for itself", "%s said that %s of %s is %s, and was believed",
                   h->name, r->col[0], other->name, w_seen_names[o.seen]);
}

/* Somebody copied it: the same certificate, another boot. */
void
act_clone(struct pick *p)
{
    const struct sim_host *h = pick_host(p);
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(httpc_free) struct httpc *http = as_host(h);
    struct w_hello q = {.agent_version = "1", .arch = "x86_64", .cpus = 1, .mem_mib = 1024};
    struct w_hello_answer ans;

    if (http == NULL)
        return;
    random_uuid(q.boot);
    jm_encode(schema_hello, &q, &b);
    (void)FLOW_CALL(&sim.f, http, "POST", "/a/v1/hello", strbuf_peek(&b), hello_answer, &ans);
    sim_trace("a copy of %s says hello: %d %s", h->name, sim.f.status, sim.f.err.msg);
}

/* ---- certificates -------------------------------------------------------------------------------
 */

int __real_x509_issue(const char *ca_key_pem, const char *ca_cert_pem, const char *csr_pem,
                      const char *cn, const char *san, bool server, int64_t not_before_s,
                      int64_t not_after_s, struct arena *a, const char **cert_pem, struct err *e);
int __wrap_x509_issue(const char *ca_key_pem, const char *ca_cert_pem, const char *csr_pem,
                      const char *cn, const char *san, bool server, int64_t not_before_s,
                      int64_t not_after_s, struct arena *a, const char **cert_pem, struct err *e);

/* Hosts' certificates last for hours, not for months. */
int
__wrap_x509_issue(const char *ca_key_pem, const char *ca_cert_pem, const char *csr_pem,
                  const char *cn, const char *san, bool server, int64_t not_before_s,
                  int64_t not_after_s, struct arena *a, const char **cert_pem, struct err *e)
{
    int64_t now_s = fiber_wall_ms() / 1000;

    return __real_x509_issue(ca_key_pem, ca_cert_pem, csr_pem, cn, san, server,
                             server ? not_before_s : now_s,
                             server ? not_after_s : now_s + SIM_CERT_MS / 1000, a, cert_pem, e);
}

/* All were enrolled together: they are due for renewal together. */
void
act_certificates_due(struct pick *p)
{
    int64_t left = SIM_CERT_MS / 16 * 15 - fiber_now_ns() / 1000000;

    (void)p;
    if (left <= 0)
        return;
    sim_trace("all certificates come to be due");
    fiber_lag_ms(30000);
    sim_pass(left);
    fiber_lag_ms(0);
}

static bool
has_ended(const struct sim_host *h)
{
    int64_t from = 0, to = 0;

    return h->ag != NULL && x509_validity(h->ag->id.cert_pem, &from, &to, NULL) == 0 &&
           to <= fiber_wall_ms() / 1000;
}

static bool
is_refused(const struct sim_host *h)
{
    char sql[120];

    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM host WHERE id='%s' AND state='refused'",
                   h->id);
    return query_int(sql) > 0;
}

void
act_enrol_again(void)
{
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &sim.host[i];

        if (!has_ended(h) && !is_refused(h))
            continue;
        sim_trace("%s is enrolled again", h->name);
        sim_host_enrol_again(h);
    }
}
