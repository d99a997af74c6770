/* Plans (方案): the bureau's authority to take away, made and signed here with its own key. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"

#define GIB ((uint64_t)1 << 30)

static const struct w_finding_view *
newest_finding(const struct w_finding_list *l, const char *vm)
{
    const struct w_finding_view *best = NULL;

    for (size_t i = 0; i < l->items.n; i++) {
        const struct w_finding_view *f = JM_ITEM(l->items, const struct w_finding_view, i);

        if (strcmp(f->vm, vm) == 0 && (best == NULL || f->at_ms > best->at_ms))
            best = f;
    }
    return best;
}

/* The finding that the plan answers: as given, else the VM's newest. */
static int
find_finding(struct cli *c, const struct w_resource_view *r, struct w_plan *p, struct err *e)
{
    const char *given = cli_opt(c, "finding"), *reason = cli_opt(c, "reason");
    const struct w_finding_view *f;
    struct w_finding_list l;

    if (CLI_GET(c, cli_query(c, "/v1/findings?all=1", "vm", r->id), finding_list, &l, e) < 0)
        return -1;
    f = newest_finding(&l, r->id);
    for (size_t i = 0; given != NULL && i < l.items.n; i++)
        if (strcmp(JM_ITEM(l.items, const struct w_finding_view, i)->id, given) == 0)
            f = JM_ITEM(l.items, const struct w_finding_view, i);
    if (f == NULL && given == NULL)
        return err_set(e, BY_E_NOT_FOUND,
                       "there is no finding about '%s'; name the finding that this plan answers "
                       "with --finding",
                       r->name);
    if (cli_copy(p->finding, sizeof(p->finding), "finding", given != NULL ? given : f->id, e) < 0)
        return -1;
    p->reason = reason != NULL ? reason : f != NULL ? f->reason : "by decision of the bureau";
    return 0;
}

static int
plan_begin(struct cli *c, struct w_plan *p, struct w_resource_view *r, bool *free_shape,
           struct err *e)
{
    struct w_account me;
    struct w_grant_view g;

    *p = (struct w_plan){.version = 1, .issued_at_ms = clock_wall_ms()};
    if (cli_find_resource(c, c->argv[0], r, e) < 0 || CLI_GET(c, "/v1/me", account, &me, e) < 0 ||
        find_finding(c, r, p, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/grants/%s", r->grant), grant_view, &g, e) < 0)
        return -1;
    random_uuid(p->id);
    (void)snprintf(p->grant, sizeof(p->grant), "%s", r->grant);
    (void)snprintf(p->system, sizeof(p->system), "%s", r->system);
    (void)snprintf(p->approver, sizeof(p->approver), "%s", me.id);
    if (g.paper != NULL) { /* the hold is the grant's unless more is asked */
        struct w_envelope env;
        struct w_grant body;

        if (paper_parse(g.paper, strlen(g.paper), &c->a, &env, e) < 0 ||
            W_DECODE(grant, env.body, strlen(env.body), JM_PEER, &c->a, &body, e) < 0)
            return -1;
        p->hold_ms = body.hold_ms;
        *free_shape = body.shape == SHAPE_FREE;
    }
    return cli_opt_ms(c, "hold", p->hold_ms, &p->hold_ms, e);
}

/* Under a grant of free shape what is taken is taken from its totals too, so that it stays so. */
static void
plan_bind(struct w_plan *p, struct w_plan_line *l, const struct w_resource_view *r)
{
    bool runs = r->kind == RES_VM && (r->wanted == WANT_RUNNING || r->wanted == WANT_STOPPED);

    if (runs && (l->verb == VERB_DOWNGRADE || l->verb == VERB_BIN)) {
        l->less_vcpus = r->vcpus - l->vcpus;
        l->less_mem_mib = r->mem_mib - l->mem_mib;
    }
    if (l->verb == VERB_ERASE && r->kind != RES_NETWORK)
        l->less_disk_gib = (r->bytes + GIB - 1) / GIB;
    if (l->less_vcpus != 0 || l->less_mem_mib != 0 || l->less_disk_gib != 0)
        p->version = 2;
}

static int
plan_submit(struct cli *c, struct w_plan *p, struct w_plan_line *line, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    struct w_plan_request in = {0};
    struct w_accepted out;
    const char *key_file, *out_file = cli_opt(c, "out");

    line->not_before_ms = p->issued_at_ms;
    p->lines = (struct jm_list){.items = line, .n = 1};
    jm_encode(schema_plan, p, &b);
    if (cli_opt(c, "dry-run") != NULL)
        return cli_print_one(c, schema_plan, p, e);
    if (cli_need(c, "key", &key_file, e) < 0 || sigkey_load(key_file, &key, e) < 0 ||
        paper_sign(key, PAPER_PLAN, strbuf_peek(&b), &c->a, &in.plan, e) < 0)
        return -1;
    if (out_file != NULL) {
        if (cli_write_file(out_file, in.plan, strlen(in.plan), 0644, e) < 0)
            return -1;
        cli_line(c, stderr,
                 "plan %s, signed with key %.12s…; submit it with: bianyun plans submit %s", p->id,
                 sigkey_id(key), out_file);
        return 0;
    }
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/plans", plan_request, &in, accepted, &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}

int
cmd_plan_submit(struct cli *c, struct err *e)
{
    struct w_plan_request in = {0};
    struct w_accepted out;
    struct w_envelope env;
    struct w_plan plan;
    size_t len;

    if (cli_read_file(c, c->argv[0], 262144, &in.plan, &len, e) < 0 ||
        paper_parse(in.plan, len, &c->a, &env, e) < 0 ||
        W_DECODE(plan, env.body, strlen(env.body), JM_SIGNED, &c->a, &plan, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    if (cli_opt(c, "dry-run") != NULL)
        return cli_print_one(c, schema_plan, &plan, e);
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/plans", plan_request, &in, accepted, &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}

int
cmd_downgrade(struct cli *c, struct err *e)
{
    struct w_plan p;
    struct w_plan_line line = {.verb = VERB_DOWNGRADE};
    struct w_resource_view r;
    uint64_t vcpus, mem;
    bool free_shape = false;

    if (plan_begin(c, &p, &r, &free_shape, e) < 0 ||
        cli_opt_u64(c, "vcpus", r.vcpus, UINT32_MAX, &vcpus, e) < 0 ||
        cli_opt_u64(c, "mem-mib", r.mem_mib, INT64_MAX, &mem, e) < 0)
        return -1;
    if (r.kind != RES_VM)
        return err_set(e, BY_E_INVALID, "'%s' is a %s; only a VM can be downgraded", r.name,
                       w_res_kind_names[r.kind]);
    if (vcpus > r.vcpus || mem > r.mem_mib || (vcpus == r.vcpus && mem == r.mem_mib))
        return err_set(
            e, BY_E_INVALID,
            "a downgrade makes smaller: '%s' has %u vCPUs and %llu MiB; give --vcpus or --mem-mib",
            r.name, r.vcpus, (unsigned long long)r.mem_mib);
    line.kind = r.kind;
    line.vcpus = (uint32_t)vcpus;
    line.mem_mib = mem;
    (void)snprintf(line.resource, sizeof(line.resource), "%s", r.id);
    if (free_shape)
        plan_bind(&p, &line, &r);
    return plan_submit(c, &p, &line, e);
}

static int
plan_take(struct cli *c, enum w_verb verb, struct err *e)
{
    struct w_plan p;
    struct w_plan_line line = {.verb = (int)verb};
    struct w_resource_view r;
    bool free_shape = false;

    if (plan_begin(c, &p, &r, &free_shape, e) < 0)
        return -1;
    line.kind = r.kind;
    (void)snprintf(line.resource, sizeof(line.resource), "%s", r.id);
    if (free_shape)
        plan_bind(&p, &line, &r);
    return plan_submit(c, &p, &line, e);
}

/* What earlier plans took from it, given back: out of the bin, or to the size of before. */
int
cmd_plan_return(struct cli *c, struct err *e)
{
    struct w_plan p;
    struct w_plan_line line = {.verb = VERB_RESTORE};
    struct w_resource_view r;
    bool free_shape = false;

    if (plan_begin(c, &p, &r, &free_shape, e) < 0)
        return -1;
    p.version = 2;
    line.kind = r.kind;
    if (r.kind == RES_VM) {
        bool back = r.wanted != WANT_BINNED && r.prior_vcpus != 0;

        line.vcpus = back ? r.prior_vcpus : r.vcpus;
        line.mem_mib = back ? r.prior_mem_mib : r.mem_mib;
    }
    (void)snprintf(line.resource, sizeof(line.resource), "%s", r.id);
    return plan_submit(c, &p, &line, e);
}

int
cmd_reclaim(struct cli *c, struct err *e)
{
    return plan_take(c, VERB_BIN, e);
}

int
cmd_plan_erase(struct cli *c, struct err *e)
{
    return plan_take(c, VERB_ERASE, e);
}

int
cmd_certificate_list(struct cli *c, struct err *e)
{
    const char *resource = cli_opt(c, "resource");
    struct w_certificate_list l;
    struct w_resource_view r;

    if (resource != NULL && cli_find_resource(c, resource, &r, e) < 0)
        return -1;
    if (CLI_LIST(c, cli_query(c, "/v1/certificates", "resource", resource != NULL ? r.id : NULL),
                 certificate_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_certificate_list, &l, "name kind unit system issued_at_ms id",
                          e);
}

int
cmd_certificate_show(struct cli *c, struct err *e)
{
    const char *html = cli_opt(c, "html"), *file = cli_opt(c, "paper");
    struct w_certificate_view v;
    struct w_envelope env;
    struct w_certificate cert;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/certificates/%s", cli_escape(c, c->argv[0])),
                certificate_view, &v, e) < 0)
        return -1;
    if ((html != NULL && cli_write_file(html, v.page, strlen(v.page), 0644, e) < 0) ||
        (file != NULL && cli_write_file(file, v.paper, strlen(v.paper), 0644, e) < 0))
        return -1;
    if (paper_parse(v.paper, strlen(v.paper), &c->a, &env, e) < 0 ||
        W_DECODE(certificate, env.body, strlen(env.body), JM_PEER, &c->a, &cert, e) < 0)
        return -1;
    return cli_print_one(c, schema_certificate, &cert, e);
}
