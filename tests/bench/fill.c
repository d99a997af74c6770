/* Fill the store of a controller that does not run: hosts, units with accounts, systems, grants
 * signed with the bureau's key, their networks, machines and volumes as signed orders that are read
 * back, utilization by days, findings.  Every row is made by the controller's own steps, so its
 * proofs hold on what comes out; only who asked and where a grant is placed are said here.
 *   bench-fill DIR GRANT_KEY APPROVER UNIT HOSTS VMS DAYS: UNIT is there and owns some of it.
 * Prints the key that the certificates of all hosts are about. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/act.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/finding.h"
#include "controller/granting.h"
#include "controller/made.h"
#include "controller/quota.h"
#include "controller/report.h"
#include "drivers/base/clock.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/x509.h"
#include "drivers/db/store_grant.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_quota.h"
#include "drivers/db/store_usage.h"

enum {
    HOSTS_A_STEP = 100,
    VMS_A_GRANT = 20,
    VOLUMES_A_GRANT = 4,
    GRANTS_A_STEP = 10,
    GRANTS_A_UNIT = 25,
    UNITS_A_COUNTY = 10,
    USAGE_A_STEP = 200
};
#define DAY_MS INT64_C(86400000)

struct host {
    char id[W_ID], boot[W_ID];
    uint64_t seq;
    struct w_observed *seen; /* everything on it */
    size_t n, room;
};
struct fill {
    struct controller c;
    struct sigkey *key;
    const char *approver;
    char image[65];
    const char *csr;
    struct host *hosts;
    size_t n_hosts, n_vms, n_grants, n_units;
    char (*units)[W_ID];
    char (*vms)[W_ID];
    size_t made_vms;
    int days;
    size_t from, to; /* of the step under way */
};

static void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "bench-fill: %s: %s\n", what, e->msg);
    exit(1);
}

static void *
need(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);

    if (p == NULL)
        abort();
    return p;
}

/* Numbers from an index, the same each time. */
static uint32_t
draw(uint64_t i, uint32_t below)
{
    i = (i + 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
    i = (i ^ (i >> 29)) * 0x94d049bb133111ebULL;
    return (uint32_t)((i ^ (i >> 32)) % below);
}

/* Steps of at most `each` until `n` are done. */
static void
run(struct fill *f, const char *what, size_t n, size_t each, commit_step step)
{
    int64_t since = clock_mono_ms();
    struct err e = {0};

    for (f->from = 0; f->from < n; f->from = f->to) {
        f->to = f->from + each < n ? f->from + each : n;
        if (commit_run(f->c.commit, step, f, &e) < 0)
            die(what, &e);
    }
    fprintf(stderr, "%s: %zu in %.1f s\n", what, n, (double)(clock_mono_ms() - since) / 1000);
}

/* ---- hosts and units ------------------------------------------------------------------------ */

static int
host_enrol(struct fill *f, struct tx *t, const char *id, struct err *e)
{
    int64_t until = t->now_ms + 365 * DAY_MS;
    char san[80], fingerprint[65];
    const char *pem = NULL;

    (void)snprintf(san, sizeof(san), "URI:bianyun:host:%s:1", id);
    if (x509_issue(f->c.ca_key, f->c.ca_pem, f->csr, id, san + 4, false, t->now_ms / 1000 - 60,
                   until / 1000, tx_arena(t), &pem, e) < 0 ||
        x509_fingerprint(pem, fingerprint, e) < 0)
        return -1;
    return DB_EXEC(t->d, DB_HOST_CERT_ADD, NULL, e, DBS(fingerprint), DBS(""), DBS(id), DBI(1),
                   DBS(pem), DBI(t->now_ms), DBI(until)) < 0 ||
                   DB_EXEC(t->d, DB_HOST_ENROLLED, NULL, e, DBI(1), DBS(id)) < 0
               ? -1
               : ledger_append(t, id, "host.enrolled", id, "{\"incarnation\":1}", e);
}

static int
host_step(void *arg, struct tx *t, struct err *e)
{
    struct fill *f = arg;
    uint64_t share = f->n_vms / f->n_hosts + VMS_A_GRANT * 2;

    for (size_t i = f->from; i < f->to; i++) {
        struct host *h = &f->hosts[i];
        struct w_hello hello = {.agent_version = BY_VERSION,
                                .arch = "x86_64",
                                .cpus = (uint32_t)(share * 2 + 32),
                                .mem_mib = share * 16384 + 65536,
                                .pool_bytes = share * 200 * GIB_BYTES,
                                .pool_free_bytes = share * 150 * GIB_BYTES,
                                .kvm = true,
                                .lock_manager = true};
        char name[W_NAME], zone[16];

        random_uuid(h->id);
        random_uuid(h->boot);
        memcpy(hello.boot, h->boot, sizeof(hello.boot));
        (void)snprintf(name, sizeof(name), "node-%05zu", i + 1);
        (void)snprintf(zone, sizeof(zone), "zone-%zu", i % 3 + 1);
        if (DB_EXEC(t->d, DB_HOST_ADD, NULL, e, DBS(h->id), DBS(name), DBS(zone), DBI(400),
                    DBI(100), DBI(t->now_ms)) < 0 ||
            host_enrol(f, t, h->id, e) < 0 ||
            DB_EXEC(t->d, DB_HOST_BOOT_ADD, NULL, e, DBS(h->id), DBS(h->boot), DBI(1),
                    DBI(t->now_ms)) < 0 ||
            host_flow_hello(t->d, h->id, &hello, false, t->now_ms, e) < 0)
            return -1;
    }
    return 0;
}

static int
unit_step(void *arg, struct tx *t, struct err *e)
{
    struct fill *f = arg;

    for (size_t i = f->from; i < f->to; i++) {
        bool county = i % UNITS_A_COUNTY == 0;
        char name[W_NAME], login[W_NAME], account[W_ID];

        if (f->units[i][0] != '\0')
            continue; /* it was there */
        random_uuid(f->units[i]);
        random_uuid(account);
        (void)snprintf(name, sizeof(name), county ? "第%zu区县管理局" : "第%zu局", i + 1);
        (void)snprintf(login, sizeof(login), "unit-%zu", i + 1);
        if (DB_EXEC(t->d, DB_UNIT_ADD_TREE, NULL, e, DBS(f->units[i]), DBS(name), DBS(""),
                    DBI(county ? UNIT_COUNTY : UNIT_TENANT),
                    DBS(county ? "" : f->units[i - i % UNITS_A_COUNTY]), DBI(t->now_ms)) < 0 ||
            DB_EXEC(t->d, DB_ACCOUNT_ADD, NULL, e, DBS(account), DBS(login), DBS(name),
                    DBS(f->units[i]), DBS(""), DBI(county ? ROLE_COUNTY : ROLE_TENANT),
                    DBI(t->now_ms)) < 0 ||
            ledger_append(t, "bench", "unit.added", f->units[i], "{}", e) < 0)
            return -1;
    }
    return 0;
}

/* ---- grants and orders ---------------------------------------------------------------------- */

static size_t
grant_vms(const struct fill *f, size_t i)
{
    size_t left = f->n_vms - i * VMS_A_GRANT;

    return left < VMS_A_GRANT ? left : VMS_A_GRANT;
}

static void
grant_say(const struct fill *f, size_t i, const char *system, int64_t now_ms, struct arena *a,
          struct w_grant *g)
{
    static const char *const uses[] = {"web", "app", "db", "cache", "gateway", "batch", "search"};
    struct w_grant_line *l = arena_alloc(a, 3 * sizeof(*l));
    size_t vms = grant_vms(f, i);
    const char *use = uses[draw(i, ARRAY_LEN(uses))];

    memset(g, 0, sizeof(*g));
    g->version = 1;
    random_uuid(g->id);
    (void)snprintf(g->number, sizeof(g->number), "政数批〔2026〕%zu号", i + 1);
    (void)snprintf(g->system, sizeof(g->system), "%s", system);
    (void)snprintf(g->unit, sizeof(g->unit), "%s", f->units[i / GRANTS_A_UNIT]);
    (void)snprintf(g->approver, sizeof(g->approver), "%s", f->approver);
    g->approved_at_ms = now_ms;
    g->valid_from_ms = now_ms - 1000;
    g->valid_to_ms = now_ms + 3 * 365 * DAY_MS;
    g->hold_ms = 7 * DAY_MS;
    digest_sha256_hex("bench", 5, g->approval_sha256);
    digest_sha256_hex("bench", 5, g->agreement_sha256);
    digest_sha256_hex("bench", 5, g->declaration_sha256);
    l[0] = (struct w_grant_line){.line = 1, .kind = RES_NETWORK, .count = 1};
    (void)snprintf(l[0].name, sizeof(l[0].name), "net-%zu", i + 1);
    (void)snprintf(l[0].cidr, sizeof(l[0].cidr), "10.%zu.%zu.0/24", i / 256 % 256, i % 256);
    l[1] = (struct w_grant_line){.line = 2,
                                 .kind = RES_VM,
                                 .count = (uint32_t)vms,
                                 .vcpus = 1U << (1 + draw(i, 3)),
                                 .mem_mib = UINT64_C(4096) << draw(i + 7, 3),
                                 .disk_gib = 40,
                                 .firmware = FW_BIOS,
                                 .network_line = 1};
    (void)snprintf(l[1].name, sizeof(l[1].name), "%s-%05zu", use, i + 1);
    memcpy(l[1].image, f->image, sizeof(l[1].image));
    l[2] = (struct w_grant_line){.line = 3,
                                 .kind = RES_VOLUME,
                                 .count = (uint32_t)(vms < VOLUMES_A_GRANT ? vms : VOLUMES_A_GRANT),
                                 .disk_gib = 100,
                                 .format = FMT_QCOW2,
                                 .attach_line = 2};
    (void)snprintf(l[2].name, sizeof(l[2].name), "data-%05zu", i + 1);
    g->lines = (struct jm_list){l, 3};
}

static struct w_observed *
host_sees(struct host *h)
{
    if (h->n == h->room) {
        h->room = h->room == 0 ? 64 : h->room * 2;
        h->seen = realloc(h->seen, h->room * sizeof(*h->seen));
        if (h->seen == NULL)
            abort();
    }
    memset(&h->seen[h->n], 0, sizeof(h->seen[h->n]));
    return &h->seen[h->n++];
}

static void
read_back(struct fill *f, struct host *h, const struct w_order *o)
{
    struct w_observed *s = host_sees(h);

    s->kind = o->kind;
    memcpy(s->resource, o->resource, sizeof(s->resource));
    memcpy(s->order, o->id, sizeof(s->order));
    s->term = o->term;
    s->generation = o->generation;
    s->seen = o->kind == RES_VM ? SEEN_RUNNING : SEEN_PRESENT;
    s->equal = true;
    s->at_ms = o->issued_at_ms;
    s->vcpus = o->vm.vcpus;
    s->mem_mib = o->vm.mem_mib;
    s->bytes = o->kind == RES_VM ? o->vm.root_bytes : o->volume.size_bytes;
    if (o->kind == RES_VM)
        memcpy(f->vms[f->made_vms++], o->resource, W_ID);
}

static int
grant_record(struct tx *t, const struct fill *f, const struct w_grant *g, const char *sha256,
             const char *due_day, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant_record rec = {.approved_at_ms = g->approved_at_ms};

    memcpy(rec.number, g->number, sizeof(rec.number));
    memcpy(rec.system, g->system, sizeof(rec.system));
    memcpy(rec.unit, g->unit, sizeof(rec.unit));
    memcpy(rec.approver, g->approver, sizeof(rec.approver));
    (void)snprintf(rec.key, sizeof(rec.key), "%s", sigkey_id(f->key));
    (void)snprintf(rec.body_sha256, sizeof(rec.body_sha256), "%s", sha256);
    (void)snprintf(rec.due_day, sizeof(rec.due_day), "%s", due_day);
    jm_encode(schema_grant_record, &rec, &b);
    return ledger_append(t, g->approver, "grant.accepted", g->id, strbuf_peek(&b), e);
}

/* As api_grant.c does it, without placing. */
static int
grant_add(struct fill *f, struct tx *t, const struct w_grant *g, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct clock_spec spec = {.kind = CLK_CONFIGURE,
                              .subject_kind = "grant",
                              .subject = g->id,
                              .title = g->number,
                              .unit = g->unit,
                              .start_ms = g->approved_at_ms};
    struct clock_row clock;
    struct quota_size total;
    const char *paper = NULL;
    char sha256[65];

    jm_encode(schema_grant, g, &b);
    digest_sha256_hex(strbuf_peek(&b), b.len, sha256);
    quota_size_granted(g, &total);
    if (paper_sign(f->key, PAPER_GRANT, strbuf_peek(&b), tx_arena(t), &paper, e) < 0 ||
        grant_insert(t->d, g, f->approver, paper, sha256, t->now_ms, e) < 0 ||
        quota_grant(t, g->id, &total, e) < 0 || clock_compute(t, &spec, &clock, e) < 0 ||
        grant_record(t, f, g, sha256, clock.due_day, e) < 0)
        return -1;
    return clock_begin(t, f->approver, &clock, e);
}

static int
grant_make(struct fill *f, struct tx *t, size_t i, struct err *e)
{
    struct host *h = &f->hosts[i % f->n_hosts];
    struct expansion x = {0};
    struct w_grant g;
    char system[W_ID], name[W_NAME];

    random_uuid(system);
    (void)snprintf(name, sizeof(name), "业务系统-%05zu", i + 1);
    grant_say(f, i, system, t->now_ms, tx_arena(t), &g);
    if (DB_EXEC(t->d, DB_SYSTEM_ADD, NULL, e, DBS(system), DBS(name), DBS(g.unit), DBI(2),
                DBS("bench"), DBS(""), DBI(t->now_ms)) < 0 ||
        grant_add(f, t, &g, e) < 0 || granting_expand(t, &g, NULL, NULL, tx_arena(t), &x, e) < 0)
        return -1;
    for (size_t j = 0; j < x.n; j++) {
        struct w_order *o = &x.items[j].order;
        struct resource_row r;

        memcpy(o->host, h->id, sizeof(o->host));
        if (made_insert(t, o, g.unit, &r, e) < 0 || act_issue(t, f->approver, o, e) < 0)
            return err_wrap(e, "grant %s", g.number);
        read_back(f, h, o);
    }
    return 0;
}

static int
grant_step(void *arg, struct tx *t, struct err *e)
{
    struct fill *f = arg;

    for (size_t i = f->from; i < f->to; i++)
        if (grant_make(f, t, i, e) < 0)
            return -1;
    return 0;
}

/* ---- what hosts say ------------------------------------------------------------------------- */

static int
host_report(struct host *h, struct tx *t, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct w_status s = {.seq = ++h->seq,
                         .complete = true,
                         .pool_free_bytes = GIB_BYTES << 12,
                         .items = {h->seen, h->n}};

    memcpy(s.boot, h->boot, sizeof(s.boot));
    for (size_t i = 0; i < h->n; i++)
        h->seen[i].at_ms = t->now_ms;
    return report_take(t, h->id, &s, &a, e);
}

static int
report_step(void *arg, struct tx *t, struct err *e)
{
    struct fill *f = arg;

    for (size_t i = f->from; i < f->to; i++)
        if (host_report(&f->hosts[i], t, e) < 0)
            return -1;
    return 0;
}

static int
usage_step(void *arg, struct tx *t, struct err *e)
{
    struct fill *f = arg;

    for (size_t i = f->from; i < f->to; i++)
        for (int day = 1; day <= f->days; day++)
            for (int m = METRIC_CPU; m <= METRIC_MEM; m++) {
                struct w_slot s = {.metric = m,
                                   .at_ms = t->now_ms / DAY_MS * DAY_MS - day * DAY_MS,
                                   .running_ms = DAY_MS,
                                   .avg = draw(i, 10) == 0 ? 20 : 200 + draw(i, 6000),
                                   .peak = draw(i, 10) == 0 ? 60 : 900 + draw(i, 8000)};

                memcpy(s.vm, f->vms[i], sizeof(s.vm));
                if (hist_day_add(t->d, &s, e) < 0)
                    return -1;
            }
    return 0;
}

static int
count_drift(void *arg, const char *grant, const struct w_quota_row *rows, size_t n, struct err *e)
{
    int64_t *drift = arg;

    (void)grant;
    (void)e;
    for (size_t i = 0; i < n; i++)
        *drift += rows[i].drift != 0 || rows[i].unproven;
    return 0;
}

static void
prove(struct fill *f)
{
    SCOPED(db_free) struct db *d = NULL;
    struct err e = {0};
    int64_t unbalanced = 0, wrong = 0, hosts = 0, drift = 0;
    size_t n = 0;
    int64_t since = clock_mono_ms();

    if (db_open(f->c.store_path, true, &d, &e) < 0)
        die("store", &e);
    if (finding_evaluate(&f->c, d, &n, &e) < 0)
        die("findings", &e);
    fprintf(stderr, "findings: %zu in %.1f s\n", n, (double)(clock_mono_ms() - since) / 1000);
    since = clock_mono_ms();
    if (quota_prove_all(d, controller_now_ms(&f->c), count_drift, &drift, &e) < 0 ||
        quota_books_wrong(d, &unbalanced, &wrong, &e) < 0 || host_promises_wrong(d, &hosts, &e) < 0)
        die("proof", &e);
    wrong += drift;
    fprintf(stderr, "proof: in %.1f s; wrong: %" PRId64 " %" PRId64 " %" PRId64 "\n",
            (double)(clock_mono_ms() - since) / 1000, unbalanced, wrong, hosts);
    if (unbalanced + wrong + hosts != 0)
        exit(1);
}

int
main(int argc, char **argv)
{
    static struct fill f;
    SCOPED(arena) struct arena a = {0};
    struct controller_config conf;
    const char *key = NULL;
    struct err e = {0};

    if (argc != 8) {
        fprintf(stderr, "usage: bench-fill DIR GRANT_KEY APPROVER UNIT HOSTS VMS DAYS\n");
        return 2;
    }
    f.approver = argv[3];
    f.n_hosts = strtoul(argv[5], NULL, 10);
    f.n_vms = strtoul(argv[6], NULL, 10);
    f.days = (int)strtol(argv[7], NULL, 10);
    if (f.n_hosts < 1 || f.n_hosts > 30000 || f.n_vms < 1 || f.n_vms > 1000000 || f.days > 400)
        return 2;
    f.n_grants = (f.n_vms + VMS_A_GRANT - 1) / VMS_A_GRANT;
    f.n_units = (f.n_grants + GRANTS_A_UNIT - 1) / GRANTS_A_UNIT;
    f.hosts = need(f.n_hosts, sizeof(*f.hosts));
    f.units = need(f.n_units, sizeof(*f.units));
    f.vms = need(f.n_vms, sizeof(*f.vms));
    (void)snprintf(f.units[f.n_units > 1 ? 1 : 0], W_ID, "%s", argv[4]);
    digest_sha256_hex("image", 5, f.image);
    if (config_default(&conf, &e) < 0 || sigkey_load(argv[2], &f.key, &e) < 0 ||
        x509_csr_new("bench", &a, &key, &f.csr, &e) < 0 ||
        controller_open(&f.c, argv[1], &conf, &e) < 0)
        die("open", &e);
    run(&f, "hosts", f.n_hosts, HOSTS_A_STEP, host_step);
    run(&f, "units", f.n_units, 100, unit_step);
    run(&f, "grants", f.n_grants, GRANTS_A_STEP, grant_step);
    run(&f, "reports", f.n_hosts, 4, report_step);
    run(&f, "usage", f.n_vms, USAGE_A_STEP, usage_step);
    run(&f, "inventories", f.n_hosts, 16, report_step);
    prove(&f);
    fputs(key, stdout);
    controller_free(&f.c);
    return 0;
}
