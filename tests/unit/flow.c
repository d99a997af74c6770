#include "tests/unit/flow.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/dispatch.h"
#include "controller/paths.h"
#include "controller/server.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/x509.h"

#define IMAGE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
enum { CALL_MS = 60000 };

static void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "flow: %s: %s\n", what, e->msg);
    abort();
}

const char *
flow_text(struct flow *f, const char *fmt, ...)
{
    char buf[8192];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    return arena_strdup(&f->a, buf);
}

const char *
flow_quote(struct flow *f, const char *s)
{
    struct w_paper p = {.text = s};
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_paper, &p, &b); /* {"text":"..."} */
    return arena_strndup(&f->a, b.s + 8, b.len - 9);
}

const char *
flow_uuid(struct flow *f)
{
    char id[37];

    random_uuid(id);
    return arena_strdup(&f->a, id);
}

int
flow_call(struct flow *f, struct httpc *h, const char *method, const char *path, const char *body,
          const struct jm_field *schema, size_t size, void *out)
{
    struct httpc_answer ans = {0};
    int rc;

    err_clear(&f->err);
    rc = httpc_call(h, method, path, body, body == NULL ? 0 : strlen(body), CALL_MS, &ans, &f->err);
    f->status = ans.status;
    if (rc == 0 && schema != NULL)
        rc = jm_decode(arena_strndup(&f->a, ans.body, ans.len), ans.len, schema, size, JM_PEER,
                       &f->a, out, &f->err);
    httpc_answer_clear(&ans);
    return rc;
}

/* ---- people ------------------------------------------------------------------------------------
 */

static struct httpc *
client(struct flow *f, int port, const char *cert, const char *key)
{
    struct httpc_config c = {.base_url = flow_text(f, "https://127.0.0.1:%d", port),
                             .ca_pem = f->ctl.c.ca_pem,
                             .cert_file = cert,
                             .key_file = key};
    struct httpc *h = NULL;

    if (httpc_new(&c, &h, &f->err) < 0)
        die("client", &f->err);
    return h;
}

static void
sign_in(struct flow *f, enum flow_who who, const char *token)
{
    struct httpc *h = client(f, server_people_port(&f->ctl.c), NULL, NULL);
    struct w_session s;

    if (FLOW_CALL(f, h, "POST", "/v1/sessions", flow_text(f, "{\"one_time_token\":\"%s\"}", token),
                  session, &s) < 0)
        die("session", &f->err);
    httpc_token(h, s.token);
    f->token[who] = strdup(s.token);
    f->people[who] = h;
}

static void
add_unit(struct flow *f, const char *name, char id[W_ID])
{
    struct w_unit u;

    if (FLOW_CALL(f, f->people[FLOW_ADMIN], "POST", "/v1/units",
                  flow_text(f, "{\"name\":\"%s\"}", name), unit, &u) < 0)
        die("unit", &f->err);
    memcpy(id, u.id, W_ID);
}

static void
add_person(struct flow *f, enum flow_who who, const char *login, const char *unit, enum w_role role)
{
    struct caller made;
    char token[64];

    ctl_person(&f->ctl, login, unit, role, &made, token);
    memcpy(f->account[who], made.account, W_ID);
    memcpy(f->unit[who], unit, W_ID);
    f->token[who] = strdup(token);
    f->people[who] = client(f, server_people_port(&f->ctl.c), NULL, NULL);
    httpc_token(f->people[who], token);
}

static void
key_entry(const struct sigkey *k, int use, const char *holder, struct arena *a,
          struct w_key_entry *o)
{
    (void)snprintf(o->id, sizeof(o->id), "%s", sigkey_id(k));
    (void)snprintf(o->alg, sizeof(o->alg), "%s", sigkey_alg(k));
    (void)snprintf(o->holder, sizeof(o->holder), "%s", holder);
    o->use = use;
    o->public_pem = sigkey_public_pem(k, a);
    o->not_before_ms = 0;
    o->not_after_ms = INT64_C(4102444800000);
}

/* The root names the bureau's grant key beside the order key. */
static void
add_keys(struct flow *f)
{
    SCOPED(sigkey_free) struct sigkey *root = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_key_entry keys[2];
    struct w_key_statement st = {.version = 1, .serial = 2, .keys = {keys, 2}};
    const char *paper;
    char path[400];

    memset(keys, 0, sizeof(keys));
    st.issued_at_ms = f->ctl.c.wall_ms();
    if (sigkey_generate(sigkey_alg(f->ctl.c.order_key), &f->grant_key, &f->err) < 0 ||
        paths_join(f->ctl.dir, PATH_ROOT_KEY, path, sizeof(path), &f->err) < 0 ||
        sigkey_load(path, &root, &f->err) < 0)
        die("root key", &f->err);
    key_entry(f->ctl.c.order_key, KEY_ORDER, "controller", &f->a, &keys[0]);
    key_entry(f->grant_key, KEY_GRANT, "bureau", &f->a, &keys[1]);
    jm_encode(schema_key_statement, &st, &b);
    if (paper_sign(root, PAPER_KEYS, strbuf_peek(&b), &f->a, &paper, &f->err) < 0 ||
        flow_call(f, f->people[FLOW_ADMIN], "POST", "/v1/keys",
                  flow_text(f, "{\"statement\":%s}", flow_quote(f, paper)), NULL, 0, NULL) < 0)
        die("keys", &f->err);
}

static void
add_system(struct flow *f)
{
    struct w_system s;

    if (FLOW_CALL(f, f->people[FLOW_TENANT], "POST", "/v1/systems",
                  flow_text(f,
                            "{\"name\":\"land\",\"unit\":\"%s\",\"mlps_level\":2,\"purpose\":"
                            "\"land register\"}",
                            f->unit[FLOW_TENANT]),
                  system, &s) < 0)
        die("system", &f->err);
    memcpy(f->system, s.id, W_ID);
}

/* ---- the host
 * ------------------------------------------------------------------------------------ */

static const char *
file_of(struct flow *f, const char *name, const char *text)
{
    const char *path = flow_text(f, "%s/%s", f->ctl.dir, name);
    FILE *out = fopen(path, "w");

    if (out == NULL || fputs(text, out) < 0 || fclose(out) != 0)
        abort();
    return path;
}

static void
enrol(struct flow *f)
{
    struct w_host_token tok;
    struct w_enrol_answer ans;
    const char *key, *csr;

    if (FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/hosts",
                  flow_text(f, "{\"name\":\"%s\",\"cpu_overcommit_percent\":400}", f->host_name),
                  host_token, &tok) < 0 ||
        x509_csr_new(f->host_name, &f->a, &key, &csr, &f->err) < 0 ||
        FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/enrol",
                  flow_text(f, "{\"token\":\"%s\",\"name\":\"%s\",\"csr_pem\":%s}", tok.token,
                            f->host_name, flow_quote(f, csr)),
                  enrol_answer, &ans) < 0 ||
        sigkey_from_pem(key, &f->host_key, &f->err) < 0)
        die("enrol", &f->err);
    memcpy(f->host, ans.host, W_ID);
    (void)file_of(f, flow_text(f, "%s-cert.pem", f->host_name), ans.certificate_pem);
    (void)file_of(f, flow_text(f, "%s-key.pem", f->host_name), key);
    random_uuid(f->boot);
}

static void
connect_agent(struct flow *f)
{
    f->agent = client(f, server_agents_port(&f->ctl.c),
                      flow_text(f, "%s/%s-cert.pem", f->ctl.dir, f->host_name),
                      flow_text(f, "%s/%s-key.pem", f->ctl.dir, f->host_name));
}

/* What makes one host another, while the test plays a third. */
struct flow_side {
    struct flow_side *next;
    struct httpc *agent;
    char host[W_ID], host_name[W_NAME], boot[W_ID], underlay[20], pool[W_ID];
    const char *steward;
    uint64_t steward_term, pool_bytes;
    uint64_t seq, cursor;
    struct sigkey *host_key;
    char *head;
};

static void
swap(void *a, void *b, size_t n)
{
    unsigned char *x = a, *y = b;

    for (size_t i = 0; i < n; i++) {
        unsigned char kept = x[i];

        x[i] = y[i];
        y[i] = kept;
    }
}

static void
side_swap(struct flow *f, struct flow_side *s)
{
    swap(&f->agent, &s->agent, sizeof(s->agent));
    swap(f->host, s->host, sizeof(s->host));
    swap(f->host_name, s->host_name, sizeof(s->host_name));
    swap(f->boot, s->boot, sizeof(s->boot));
    swap(f->underlay, s->underlay, sizeof(s->underlay));
    swap(f->pool, s->pool, sizeof(s->pool));
    swap(&f->steward, &s->steward, sizeof(s->steward));
    swap(&f->steward_term, &s->steward_term, sizeof(s->steward_term));
    swap(&f->pool_bytes, &s->pool_bytes, sizeof(s->pool_bytes));
    swap(&f->seq, &s->seq, sizeof(s->seq));
    swap(&f->cursor, &s->cursor, sizeof(s->cursor));
    swap(&f->host_key, &s->host_key, sizeof(s->host_key));
    swap(&f->head, &s->head, sizeof(s->head));
    memset(&f->set, 0, sizeof(f->set));
}

void
flow_as(struct flow *f, const char *name)
{
    if (strcmp(f->host_name, name) == 0)
        return;
    for (struct flow_side *s = f->sides; s != NULL; s = s->next)
        if (strcmp(s->host_name, name) == 0) {
            side_swap(f, s);
            return;
        }
    die(name, &f->err);
}

void
flow_host_add(struct flow *f, const char *name, const char *underlay)
{
    struct flow_side *s = arena_alloc(&f->a, sizeof(*s));

    s->next = f->sides;
    f->sides = s;
    side_swap(f, s);
    (void)snprintf(f->host_name, sizeof(f->host_name), "%s", name);
    (void)snprintf(f->underlay, sizeof(f->underlay), "%s", underlay);
    enrol(f);
    connect_agent(f);
    if (flow_hello(f) < 0)
        die("hello", &f->err);
    side_swap(f, s);
}

int
flow_hello(struct flow *f)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_hello h = {.agent_version = "1",
                        .arch = "x86_64",
                        .cpus = 8,
                        .mem_mib = f->host_mem_mib != 0 ? f->host_mem_mib : 16384,
                        .pool_bytes = f->pool_bytes != 0 ? f->pool_bytes : 1ULL << 40,
                        .pool_free_bytes = f->pool_bytes != 0 ? f->pool_bytes : 1ULL << 40,
                        .term = f->term,
                        .steward = f->steward,
                        .head = f->head};
    struct w_hello_answer ans;

    memcpy(h.boot, f->boot, sizeof(h.boot));
    memcpy(h.underlay, f->underlay, sizeof(h.underlay));
    memcpy(h.pool, f->pool, sizeof(h.pool));
    jm_encode(schema_hello, &h, &b);
    if (FLOW_CALL(f, f->agent, "POST", "/a/v1/hello", strbuf_peek(&b), hello_answer, &ans) < 0)
        return -1;
    f->want_receipts = ans.want_receipts;
    return 0;
}

int
flow_desired(struct flow *f, int64_t wait_ms)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_desired_request q = {
        .cursor = f->cursor, .wait_ms = wait_ms, .steward_term = f->steward_term, .head = f->head};

    jm_encode(schema_desired_request, &q, &b);
    if (FLOW_CALL(f, f->agent, "POST", "/a/v1/desired", strbuf_peek(&b), desired_answer, &f->set) <
        0)
        return -1;
    f->cursor = f->set.revision;
    if (f->set.head != NULL && !f->set.recovery) {
        free(f->head);
        f->head = strdup(f->set.head);
    }
    return 0;
}

size_t
flow_orders(struct flow *f, struct w_order *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < f->set.orders.n && n < cap; i++) {
        const char *text = JM_ITEM(f->set.orders, struct w_paper, i)->text, *body;

        if (controller_paper_check(&f->ctl.c, text, strlen(text), PAPER_ORDER, PAPER_ORDER_BATCH,
                                   KEY_ORDER, f->ctl.c.wall_ms(), &f->a, &body, &f->err) < 0 ||
            W_DECODE(order, body, strlen(body), JM_SIGNED, &f->a, &out[n], &f->err) < 0)
            die("order", &f->err);
        n++;
    }
    return n;
}

struct w_observed
flow_observed(struct flow *f, const struct w_order *o)
{
    static const int seen[WANT__MAX] = {[WANT_RUNNING] = SEEN_RUNNING,
                                        [WANT_STOPPED] = SEEN_STOPPED,
                                        [WANT_PRESENT] = SEEN_PRESENT,
                                        [WANT_BINNED] = SEEN_BINNED,
                                        [WANT_ABSENT] = SEEN_ABSENT};
    struct w_observed x = {.kind = o->kind,
                           .term = o->term,
                           .generation = o->generation,
                           .seen = seen[o->wanted],
                           .equal = true,
                           .at_ms = f->ctl.c.wall_ms()};

    memcpy(x.resource, o->resource, sizeof(x.resource));
    memcpy(x.order, o->id, sizeof(x.order));
    if (o->wanted != WANT_ABSENT) {
        x.vcpus = o->vm.vcpus;
        x.mem_mib = o->vm.mem_mib;
        x.bytes = o->kind == RES_VM ? o->vm.root_bytes : o->volume.size_bytes;
    } else if (o->kind != RES_NETWORK) {
        x.erasure = flow_erasure(f, o);
    }
    return x;
}

int
flow_status(struct flow *f, const struct w_observed *o, size_t n, bool complete)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_status s = {.seq = ++f->seq, .complete = complete, .pool_free_bytes = 1ULL << 40};
    struct w_status_answer ans;

    memcpy(s.boot, f->boot, sizeof(s.boot));
    s.items = (struct jm_list){(void *)(uintptr_t)o, n};
    jm_encode(schema_status, &s, &b);
    return FLOW_CALL(f, f->agent, "POST", "/a/v1/status", strbuf_peek(&b), status_answer, &ans);
}

int
flow_carry_out(struct flow *f)
{
    struct w_order o[64];
    struct w_observed x[64];
    size_t n;

    if (flow_desired(f, 0) < 0)
        return -1;
    n = flow_orders(f, o, 64);
    for (size_t i = 0; i < n; i++)
        x[i] = flow_observed(f, &o[i]);
    return n > 0 && flow_status(f, x, n, false) < 0 ? -1 : (int)n;
}

static const char *
erasure_paper(struct flow *f, const struct w_order *o, const struct sigkey *k, bool never_made)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_erased_copy copy = {.what = "root disk",
                                 .path = "/pool/by-x",
                                 .size_bytes = 4096,
                                 .overwritten_bytes = 4096,
                                 .read_back_bytes = 4096,
                                 .existed = true};
    struct w_erased_copy none = {.what = "data volume", .path = "/pool/by-x"};
    struct w_erasure x = {.version = never_made ? 2 : 1,
                          .never_made = never_made,
                          .kind = o->kind,
                          .started_at_ms = 1,
                          .finished_at_ms = 2,
                          .method = "one pass of zeros, fsync, read back",
                          .limits = "earlier discards",
                          .copies = {never_made ? &none : &copy, 1}};
    const char *paper;

    memcpy(x.order, o->id, sizeof(x.order));
    memcpy(x.host, o->host, sizeof(x.host));
    memcpy(x.resource, o->resource, sizeof(x.resource));
    jm_encode(schema_erasure, &x, &b);
    if (paper_sign(k, PAPER_ERASURE, strbuf_peek(&b), &f->a, &paper, &f->err) < 0)
        die("erasure", &f->err);
    return paper;
}

const char *
flow_erasure_by(struct flow *f, const struct w_order *o, const struct sigkey *k)
{
    return erasure_paper(f, o, k, false);
}

const char *
flow_never_made(struct flow *f, const struct w_order *o)
{
    return erasure_paper(f, o, f->host_key, true);
}

const char *
flow_erasure(struct flow *f, const struct w_order *o)
{
    return flow_erasure_by(f, o, f->host_key);
}

/* ---- grants and plans
 * ----------------------------------------------------------------------------- */

struct w_grant *
flow_grant(struct flow *f, const char *number)
{
    struct w_grant *g = arena_alloc(&f->a, sizeof(*g));
    struct w_grant_line *l = arena_alloc(&f->a, 3 * sizeof(*l));
    int64_t now = f->ctl.c.wall_ms();

    g->version = 1;
    memcpy(g->id, flow_uuid(f), 37);
    (void)snprintf(g->number, sizeof(g->number), "%s", number);
    memcpy(g->system, f->system, W_ID);
    memcpy(g->unit, f->unit[FLOW_TENANT], W_ID);
    memcpy(g->approver, f->account[FLOW_BUREAU], W_ID);
    g->approved_at_ms = now - 1000;
    g->valid_from_ms = now - 1000;
    g->valid_to_ms = now + INT64_C(31536000000);
    g->hold_ms = INT64_C(15) * 86400000;
    memset(g->approval_sha256, '1', 64);
    memset(g->agreement_sha256, '2', 64);
    memset(g->declaration_sha256, '3', 64);
    l[0] = (struct w_grant_line){
        .line = 1, .kind = RES_NETWORK, .name = "lan", .count = 1, .cidr = "10.77.0.0/24"};
    l[1] = (struct w_grant_line){.line = 2,
                                 .kind = RES_VM,
                                 .name = "web",
                                 .count = 2,
                                 .vcpus = 2,
                                 .mem_mib = 1024,
                                 .disk_gib = 2,
                                 .image = IMAGE,
                                 .network_line = 1};
    l[2] = (struct w_grant_line){
        .line = 3, .kind = RES_VOLUME, .name = "data", .count = 1, .disk_gib = 1, .attach_line = 2};
    g->lines = (struct jm_list){l, 3};
    return g;
}

static int
hand_in(struct flow *f, const char *purpose, const char *body, const char *path, const char *field,
        const char *request, struct w_accepted *out)
{
    const char *paper;

    if (paper_sign(f->grant_key, purpose, body, &f->a, &paper, &f->err) < 0)
        die("sign", &f->err);
    return FLOW_CALL(
        f, f->people[FLOW_BUREAU], "POST", path,
        flow_text(f, "{\"request\":\"%s\",\"%s\":%s}", request, field, flow_quote(f, paper)),
        accepted, out);
}

int
flow_grant_add(struct flow *f, const struct w_grant *g, const char *request, struct w_accepted *out)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_grant, g, &b);
    return hand_in(f, PAPER_GRANT, strbuf_peek(&b), "/v1/grants", "grant", request, out);
}

int
flow_plan_add(struct flow *f, const struct w_plan *p, const char *request, struct w_accepted *out)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema_plan, p, &b);
    return hand_in(f, PAPER_PLAN, strbuf_peek(&b), "/v1/plans", "plan", request, out);
}

/* ---- life
 * ----------------------------------------------------------------------------------------- */

static void
serve(struct flow *f)
{
    struct controller *c = &f->ctl.c;

    if (dispatch_new(c, &c->dispatch, &f->err) < 0)
        die("dispatch", &f->err);
    c->wake_host = dispatch_wake;
    if (server_start(c, &f->err) < 0)
        die("server", &f->err);
}

static void
unserve(struct flow *f)
{
    struct controller *c = &f->ctl.c;
    struct dispatch *d = c->dispatch;

    dispatch_stop(d);
    server_stop(c);
    c->dispatch = NULL;
    dispatch_free(d);
}

void
flow_begin(struct flow *f, const char *alg)
{
    char bureau[W_ID], provider[W_ID], tenant[W_ID], other[W_ID];

    memset(f, 0, sizeof(*f));
    ctl_start(&f->ctl, alg);
    serve(f);
    sign_in(f, FLOW_ADMIN, f->ctl.token);
    add_unit(f, "the bureau", bureau);
    add_unit(f, "the provider", provider);
    add_unit(f, "a tenant", tenant);
    add_unit(f, "another tenant", other);
    add_person(f, FLOW_BUREAU, "bureau", bureau, ROLE_BUREAU);
    add_person(f, FLOW_PROVIDER, "provider", provider, ROLE_PROVIDER);
    add_person(f, FLOW_TENANT, "tenant", tenant, ROLE_TENANT);
    add_person(f, FLOW_OTHER, "other", other, ROLE_TENANT);
    add_keys(f);
    add_system(f);
}

void
flow_start(struct flow *f)
{
    flow_begin(f, ALG_SM2);
    (void)snprintf(f->host_name, sizeof(f->host_name), "h1");
    enrol(f);
    connect_agent(f);
    if (flow_hello(f) < 0)
        die("hello", &f->err);
}

void
flow_pause(struct flow *f)
{
    unserve(f);
}

/* New ports, and the sessions as they were. */
static void
serve_again(struct flow *f)
{
    serve(f);
    for (int i = 0; i < FLOW__MAX; i++) {
        httpc_free(TAKE(f->people[i]));
        f->people[i] = client(f, server_people_port(&f->ctl.c), NULL, NULL);
        httpc_token(f->people[i], f->token[i]);
    }
    httpc_free(TAKE(f->agent));
    connect_agent(f);
    for (struct flow_side *s = f->sides; s != NULL; s = s->next) {
        side_swap(f, s);
        httpc_free(TAKE(f->agent));
        connect_agent(f);
        side_swap(f, s);
    }
}

void
flow_conf(struct flow *f, void (*change)(struct controller_config *))
{
    unserve(f);
    change(&f->ctl.c.conf);
    serve_again(f);
}

void
flow_restart(struct flow *f, const char *copy_of_store)
{
    char from[500], to[500];

    unserve(f);
    if (copy_of_store != NULL) {
        controller_free(&f->ctl.c);
        (void)snprintf(from, sizeof(from), "%s", copy_of_store);
        (void)snprintf(to, sizeof(to), "%s/%s", f->ctl.dir, PATH_STORE);
        for (const char *tail = "-wal"; tail != NULL; tail = tail[1] == 'w' ? "-shm" : NULL) {
            char more[520];

            (void)snprintf(more, sizeof(more), "%s%s", to, tail);
            (void)unlink(more);
        }
        if (rename(from, to) != 0)
            abort();
    }
    ctl_restart(&f->ctl);
    serve_again(f);
}

void
flow_stop(struct flow *f)
{
    for (int i = 0; i < FLOW__MAX; i++) {
        httpc_free(TAKE(f->people[i]));
        free(f->token[i]);
    }
    httpc_free(TAKE(f->agent));
    for (struct flow_side *s = f->sides; s != NULL; s = s->next) {
        httpc_free(s->agent);
        sigkey_free(s->host_key);
        free(s->head);
    }
    unserve(f);
    sigkey_free(f->grant_key);
    sigkey_free(f->host_key);
    free(f->head);
    ctl_stop(&f->ctl);
    arena_clear(&f->a);
}
