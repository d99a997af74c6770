/* What is used, what is idle, what quota is left, what the policy says, why things are as they are.
 */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/codec/jclass.h"

int
cmd_usage(struct cli *c, struct err *e)
{
    const char *vm = c->argc > 0 ? c->argv[0] : cli_opt(c, "vm");
    struct w_usage_list l;
    struct w_resource_view r = {0};
    const char *path;
    int64_t window;

    if (cli_opt_ms(c, "window", 0, &window, e) < 0 ||
        (vm != NULL && cli_find_resource(c, vm, &r, e) < 0))
        return -1;
    path = cli_query(c, "/v1/usage", "vm", r.id);
    if (window != 0)
        path = cli_query(c, path, "window_ms", arena_printf(&c->a, "%lld", (long long)window));
    if (CLI_LIST(c, path, usage_list, &l, e) < 0)
        return -1;
    return cli_print_list(
        c, schema_usage_list, &l,
        "name metric coverage_percent slots avg p95 p95_peak max unknown from_ms to_ms vm", e);
}

int
cmd_finding_list(struct cli *c, struct err *e)
{
    const char *path = cli_query(c, "/v1/findings", "verdict", cli_opt(c, "verdict"));
    struct w_finding_list l;

    path = cli_query(c, path, "all", cli_opt(c, "all") != NULL ? "1" : NULL);
    if (CLI_LIST(c, path, finding_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_finding_list, &l,
                          "name verdict at_ms policy suggest_vcpus suggest_mem_mib reason id", e);
}

int
cmd_quota(struct cli *c, struct err *e)
{
    struct w_quota_list l;

    if (CLI_LIST(c, "/v1/quota", quota_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_quota_list, &l,
                          "number metric granted reserved used proven drift unproven grant", e);
}

int
cmd_policy_show(struct cli *c, struct err *e)
{
    struct w_policy p;

    if (CLI_GET(c, "/v1/policies", policy, &p, e) < 0)
        return -1;
    return cli_print_one(c, schema_policy, &p, e);
}

int
cmd_policy_set(struct cli *c, struct err *e)
{
    struct w_policy_request in = {0};
    struct w_policy p;

    if (cli_read_file(c, c->argv[0], 131072, &in.document, NULL, e) < 0)
        return -1;
    if (W_DECODE(policy, in.document, strlen(in.document), JM_PEOPLE, &c->a, &p, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    if (cli_opt(c, "dry-run") == NULL &&
        CLI_POST(c, "/v1/policies", policy_request, &in, policy, &p, e) < 0)
        return -1;
    return cli_print_one(c, schema_policy, &p, e);
}

/* The chain that everything hangs on, in one look. */
static void
print_chain(struct cli *c, const struct w_resource_view *r)
{
    printf("%s %s: %s, %s %s, %s\n", say(c->lang, w_res_kind_names[r->kind]), r->name,
           say(c->lang, w_seen_names[r->seen]), say(c->lang, "as of"), cli_time(c, r->as_of_ms),
           r->equal ? say(c->lang, "equal to its order") : say(c->lang, "not equal to its order"));
    printf("  <- %s %s\n", say(c->lang, "order"), r->order);
    printf("  <- %s %s\n", say(c->lang, "grant"), r->grant);
    printf("  <- %s %s\n\n", say(c->lang, "number"), r->number);
}

static void
print_explanation(struct cli *c, const struct w_explanation *x)
{
    for (size_t i = 0; i < x->lines.n; i++) {
        const struct w_explain_line *l = JM_ITEM(x->lines, const struct w_explain_line, i);

        printf("%s%s%s%s%s\n    %s\n", say(c->lang, l->step), l->id[0] != '\0' ? " " : "", l->id,
               l->at_ms != 0 ? "  " : "", l->at_ms != 0 ? cli_time(c, l->at_ms) : "",
               cli_sentence(c, l->text));
    }
    printf("%s: %s\n", say(c->lang, "computed again from the recorded facts"),
           x->replay_equal ? say(c->lang, "the same, byte for byte") : say(c->lang, "DIFFERENT"));
}

int
cmd_explain(struct cli *c, struct err *e)
{
    struct w_resource_view r = {0};
    struct w_grant_view g;
    struct w_explanation x;
    struct err none = {0};
    const char *id = c->argv[0];

    if (cli_find_resource(c, id, &r, &none) == 0) {
        id = r.id;
    } else if (cli_find_grant(c, id, &g, &none) == 0) {
        id = g.id;
    } else if (none.code != BY_E_NOT_FOUND) {
        *e = none;
        return -1;
    } else if (jclass_fault(JM_UUID, id, strlen(id)) != NULL) {
        return err_set(e, BY_E_NOT_FOUND, say(c->lang, "nothing that you may see is called '%s'"),
                       id);
    }
    if (CLI_GET(c, arena_printf(&c->a, "/v1/explain/%s", cli_escape(c, id)), explanation, &x, e) <
        0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_explanation, &x, e);
    if (r.id[0] != '\0')
        print_chain(c, &r);
    print_explanation(c, &x);
    return x.replay_equal ? 0
                          : err_set(e, BY_E_CONFLICT,
                                    "the decision recorded and the decision computed again differ; "
                                    "keep the ledger and tell the bureau");
}
