#include "tests/unit/fleet.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_host_flow.h"
#include "drivers/db/store_resource.h"

struct fleet_step {
    const struct flow *f;
    const struct fleet_of *of;
};

static int
network_add(struct tx *t, const char *host, int i, const struct fleet_step *s, struct err *e)
{
    struct resource_row r = {.kind = RES_NETWORK, .created_ms = t->now_ms, .line = 9};

    r.ordinal = (uint32_t)i;
    random_uuid(r.id);
    memcpy(r.host, host, sizeof(r.host));
    memcpy(r.system, s->f->system, sizeof(r.system));
    memcpy(r.unit, s->f->unit[FLOW_TENANT], sizeof(r.unit));
    (void)snprintf(r.grant, sizeof(r.grant), "%s", s->of->grant);
    (void)snprintf(r.name, sizeof(r.name), "lan of %.8s", host);
    (void)snprintf(r.cidr, sizeof(r.cidr), "%s", s->of->cidr);
    return resource_insert(t->d, &r, e);
}

static int
host_add(struct tx *t, int i, const struct fleet_step *s, struct err *e)
{
    const struct fleet_of *of = s->of;
    struct w_hello h = {.cpus = 8, .mem_mib = 16384, .pool_bytes = 1ULL << 40};
    char id[W_ID], name[W_NAME];

    random_uuid(id);
    random_uuid(h.boot);
    (void)snprintf(name, sizeof(name), "%s-%d", of->name, i);
    (void)snprintf(h.arch, sizeof(h.arch), "%s", of->arch == NULL ? "x86_64" : of->arch);
    if (DB_EXEC(t->d, DB_HOST_ADD, NULL, e, DBS(id), DBS(name), DBS(""), DBI(400), DBI(100),
                DBI(t->now_ms)) < 0 ||
        DB_EXEC(t->d, DB_HOST_ENROLLED, NULL, e, DBI(1), DBS(id)) < 0 ||
        host_flow_hello(t->d, id, &h, false, t->now_ms, e) < 0 ||
        DB_EXEC(t->d, DB_HOST_FLOW_PROMISE, NULL, e, DBI(0), DBI(of->promise_mib), DBI(0),
                DBS(id)) < 0)
        return -1;
    return of->cidr == NULL ? 0 : network_add(t, id, i, s, e);
}

static int
fleet_step(void *arg, struct tx *t, struct err *e)
{
    const struct fleet_step *s = arg;

    for (int i = 0; i < s->of->n; i++)
        if (host_add(t, i, s, e) < 0)
            return -1;
    return 0;
}

void
fleet_add(struct flow *f, const struct fleet_of *of)
{
    struct fleet_step s = {f, of};
    int rc = commit_run(f->ctl.c.commit, fleet_step, &s, &f->err);

    if (rc < 0)
        fprintf(stderr, "fleet: %s\n", f->err.msg);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

int
fleet_ledger(struct flow *f, const char *act)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int n = 0;

    CU_ASSERT_EQUAL_FATAL(DB_QUERY(d, DB_LEDGER_PAGE, &r, &f->err, DBI(0), DBI(1000)), 0);
    while (db_next(r, &f->err) == 1)
        n += strcmp(db_str(r, 3), act) == 0;
    return n;
}
