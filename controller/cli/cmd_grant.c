/* Grants: check, sign (with the bureau's key, here, offline), submit; orders. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"

#define DAY_MS ((int64_t)86400000)

int
cli_hash_paper(struct cli *c, const char *option, bool required, char out[W_HASH], struct err *e)
{
    const char *file = cli_opt(c, option);
    char hex[65];

    if (file == NULL && required)
        return err_set(e, BY_E_INVALID,
                       "--%s FILE is missing: a grant names the hash of that document", option);
    if (file == NULL)
        digest_sha256_hex("", 0, hex);
    else if (digest_file_sha256_hex(file, hex, e) < 0)
        return err_wrap(e, "--%s", option);
    (void)snprintf(out, W_HASH, "%s", hex);
    return 0;
}

/* Draft + papers + who I am -> a whole grant. */
static int
complete_draft(struct cli *c, bool papers_required, struct w_grant *g, struct err *e)
{
    struct w_grant_draft d;
    struct w_system s;
    struct w_account me;
    const char *text;
    size_t len;
    int64_t now = clock_wall_ms();

    if (cli_read_file(c, c->argv[0], 262144, &text, &len, e) < 0)
        return -1;
    if (cli_resolve_images(c, text, &text, e) < 0 ||
        W_DECODE(grant_draft, text, strlen(text), JM_PEOPLE, &c->a, &d, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    if (cli_find_system(c, d.system, &s, e) < 0 || CLI_GET(c, "/v1/me", account, &me, e) < 0)
        return -1;
    *g = (struct w_grant){.version = 1, .lines = d.lines};
    if (d.shape == SHAPE_FREE)
        grant_free_shape(g, d.resources_max);
    grant_version_fit(g);
    random_uuid(g->id);
    (void)snprintf(g->number, sizeof(g->number), "%s", d.number);
    (void)snprintf(g->system, sizeof(g->system), "%s", s.id);
    (void)snprintf(g->unit, sizeof(g->unit), "%s", s.unit);
    (void)snprintf(g->approver, sizeof(g->approver), "%s", me.id);
    g->approved_at_ms = d.approved_at_ms != 0 ? d.approved_at_ms : now;
    g->valid_from_ms = g->approved_at_ms < now ? g->approved_at_ms : now;
    g->valid_to_ms = now + (d.valid_days != 0 ? (int64_t)d.valid_days : 365) * DAY_MS;
    g->hold_ms = d.hold_ms;
    if (d.hold_ms == 0 && cli_least_hold(c, &g->hold_ms, e) < 0)
        return -1;
    return cli_hash_paper(c, "approval", papers_required, g->approval_sha256, e) < 0 ||
                   cli_hash_paper(c, "agreement", papers_required, g->agreement_sha256, e) < 0 ||
                   cli_hash_paper(c, "declaration", papers_required, g->declaration_sha256, e) < 0
               ? -1
               : 0;
}

static int
print_check(struct cli *c, const struct w_grant_check *k, struct err *e)
{
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_grant_check, k, e);
    for (size_t i = 0; i < k->placements.n; i++) {
        const struct w_placement *p = JM_ITEM(k->placements, const struct w_placement, i);

        cli_line(c, stdout, "line %u no. %u: %s%s%s", p->line, p->ordinal,
                 p->host_name[0] != '\0' ? p->host_name : "nowhere", p->reason != NULL ? ": " : "",
                 p->reason != NULL ? p->reason : "");
    }
    if (!k->fits)
        return err_set(e, BY_E_CONFLICT, "it does not fit: %s",
                       k->reason != NULL ? k->reason : "see above");
    cli_line(c, stdout, "it fits");
    return 0;
}

static int
check_text(struct cli *c, const char *grant_text, struct err *e)
{
    struct w_grant_request in = {.grant = grant_text};
    struct w_grant_check out;

    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/grants:check", grant_request, &in, grant_check, &out, e) < 0)
        return -1;
    return print_check(c, &out, e);
}

int
cmd_grant_check(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant g;

    if (complete_draft(c, false, &g, e) < 0)
        return -1;
    jm_encode(schema_grant, &g, &b);
    return check_text(c, strbuf_peek(&b), e);
}

int
cmd_grant_sign(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    const char *key_file, *out, *paper;
    struct w_grant g;

    if (cli_need(c, "key", &key_file, e) < 0 || cli_need(c, "out", &out, e) < 0 ||
        complete_draft(c, true, &g, e) < 0)
        return -1;
    jm_encode(schema_grant, &g, &b);
    if (cli_opt(c, "dry-run") != NULL)
        return check_text(c, strbuf_peek(&b), e);
    if (sigkey_load(key_file, &key, e) < 0 ||
        paper_sign(key, PAPER_GRANT, strbuf_peek(&b), &c->a, &paper, e) < 0 ||
        cli_write_file(out, paper, strlen(paper), 0644, e) < 0)
        return -1;
    fprintf(
        stderr,
        "grant %s, number %s, signed with key %.12s…; submit it with: bianyun grants submit %s\n",
        g.id, g.number, sigkey_id(key), out);
    return 0;
}

int
cmd_grant_submit(struct cli *c, struct err *e)
{
    struct w_grant_request in = {0};
    struct w_accepted out;
    struct w_envelope env;
    size_t len;

    if (cli_read_file(c, c->argv[0], 524288, &in.grant, &len, e) < 0 ||
        paper_parse(in.grant, len, &c->a, &env, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    if (cli_opt(c, "dry-run") != NULL)
        return check_text(c, env.body, e);
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/grants", grant_request, &in, accepted, &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}

int
cmd_grant_list(struct cli *c, struct err *e)
{
    struct w_grant_list l;

    if (CLI_LIST(c, "/v1/grants", grant_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_grant_list, &l,
                          "number system_name approved_at_ms orders orders_open id", e);
}

static int
keep_paper(struct cli *c, const char *paper, struct err *e)
{
    const char *file = cli_opt(c, "paper");

    return file != NULL && paper != NULL ? cli_write_file(file, paper, strlen(paper), 0644, e) : 0;
}

int
cmd_grant_show(struct cli *c, struct err *e)
{
    struct w_grant_view g, out;

    if (cli_find_grant(c, c->argv[0], &g, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/grants/%s", g.id), grant_view, &out, e) < 0 ||
        keep_paper(c, out.paper, e) < 0)
        return -1;
    return cli_print_one(c, schema_grant_view, &out, e);
}

int
cmd_order_list(struct cli *c, struct err *e)
{
    const char *grant = cli_opt(c, "grant"), *resource = cli_opt(c, "resource"),
               *host = cli_opt(c, "host"), *path;
    struct w_grant_view g = {0};
    struct w_resource_view r = {0};
    struct w_host_view h = {0};
    struct w_order_list l;

    if ((grant != NULL && cli_find_grant(c, grant, &g, e) < 0) ||
        (resource != NULL && cli_find_resource(c, resource, &r, e) < 0) ||
        (host != NULL && cli_find_host(c, host, &h, e) < 0))
        return -1;
    path = cli_query(c, cli_query(c, "/v1/orders", "grant", g.id), "resource", r.id);
    path = cli_query(c, path, "host", h.id);
    path = cli_query(c, path, "open", cli_opt(c, "open") != NULL ? "1" : NULL);
    if (CLI_LIST(c, path, order_list, &l, e) < 0)
        return -1;
    return cli_print_list(
        c, schema_order_list, &l,
        "id kind name host verb wanted generation issued_at_ms closed_at_ms superseded reason", e);
}

int
cmd_order_show(struct cli *c, struct err *e)
{
    struct w_order_view o;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/orders/%s", cli_escape(c, c->argv[0])), order_view, &o,
                e) < 0 ||
        keep_paper(c, o.paper, e) < 0)
        return -1;
    return cli_print_one(c, schema_order_view, &o, e);
}
