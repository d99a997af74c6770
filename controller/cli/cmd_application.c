/* Applications (申请): written in a file, checked, handed in; and the bureau's decisions.  An
 * approval is the signed grant: it is made and signed here, with the bureau's own key. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/cases.h"
#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "policies/case_fsm.h"

#define DAY_MS ((int64_t)86400000)
#define GIB (UINT64_C(1) << 30)
enum { APPLICATION_BYTES = 262144, PAPERS = 3 };

/* ---- writing one --------------------------------------------------------------------------------
 */

/* The documents that are given are uploaded and join those that the file names. */
static int
add_papers(struct cli *c, struct w_application *app, struct err *e)
{
    static const struct {
        const char *option;
        int what;
    } known[PAPERS] = {
        {"approval", DOC_APPROVAL}, {"agreement", DOC_AGREEMENT}, {"declaration", DOC_DECLARATION}};
    struct w_case_paper *p = arena_alloc(&c->a, (app->papers.n + PAPERS) * sizeof(*p));
    size_t n = app->papers.n;

    if (n > 0)
        memcpy(p, app->papers.items, n * sizeof(*p));
    for (size_t i = 0; i < PAPERS; i++) {
        const char *file = cli_opt(c, known[i].option);
        struct w_attachment v;

        if (file == NULL)
            continue;
        if (cli_upload(c, file, &v, e) < 0)
            return err_wrap(e, "--%s", known[i].option);
        p[n].what = known[i].what;
        memcpy(p[n++].attachment, v.id, sizeof(p->attachment));
    }
    app->papers = (struct jm_list){p, n};
    return 0;
}

static int
read_application(struct cli *c, const char *file, struct w_application *app, struct err *e)
{
    const char *text, *system = cli_opt(c, "system"), *change = cli_opt(c, "change-of");
    struct w_grant_view g;
    struct w_system s;
    size_t len;

    if (cli_read_file(c, file, APPLICATION_BYTES, &text, &len, e) < 0)
        return -1;
    if (cli_resolve_images(c, text, &text, e) < 0 ||
        W_DECODE(application, text, strlen(text), JM_PEOPLE, &c->a, app, e) < 0)
        return err_wrap(e, "%s", file);
    if (system != NULL) {
        if (cli_find_system(c, system, &s, e) < 0)
            return -1;
        memcpy(app->system, s.id, sizeof(app->system));
    }
    if (change != NULL) {
        if (cli_find_grant(c, change, &g, e) < 0)
            return -1;
        memcpy(app->change_of, g.id, sizeof(app->change_of));
    }
    return add_papers(c, app, e);
}

static int
tell(struct cli *c, const struct w_case_view *v, struct err *e)
{
    return cli_print_one(c, schema_case_view, v, e);
}

int
cmd_application_add(struct cli *c, struct err *e)
{
    struct w_case_request in = {0};
    struct w_case_view v;

    if (read_application(c, c->argv[0], &in.application, e) < 0)
        return -1;
    in.kind = in.application.change_of[0] != '\0' ? CASE_CHANGE : CASE_NEW;
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/cases", case_request, &in, case_view, &v, e) < 0)
        return -1;
    cli_line(c, stderr, "application %s is a draft; look at it with: bianyun applications check %s",
             v.number, v.number);
    return tell(c, &v, e);
}

int
cmd_application_copy(struct cli *c, struct err *e)
{
    struct w_case_request in = {.kind = CASE_NEW};
    struct w_case_view old, v;

    if (cli_find_case(c, c->argv[0], &old, e) < 0 || add_papers(c, &in.application, e) < 0)
        return -1;
    memcpy(in.copy_of, old.id, sizeof(in.copy_of));
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/cases", case_request, &in, case_view, &v, e) < 0)
        return -1;
    return tell(c, &v, e);
}

/* Documents that are not given anew stay. */
static void
keep_papers(struct cli *c, const struct w_case_view *old, struct w_application *app)
{
    struct w_case_paper *p = arena_alloc(&c->a, (app->papers.n + old->papers.n) * sizeof(*p));
    size_t n = app->papers.n;

    if (n > 0)
        memcpy(p, app->papers.items, n * sizeof(*p));
    for (size_t i = 0; i < old->papers.n; i++) {
        const struct w_case_paper *x = JM_ITEM(old->papers, struct w_case_paper, i);
        bool given = false;

        for (size_t j = 0; j < app->papers.n; j++)
            given = given || p[j].what == x->what;
        if (given)
            continue;
        p[n].what = x->what;
        memcpy(p[n++].attachment, x->attachment, sizeof(p->attachment));
    }
    app->papers = (struct jm_list){p, n};
}

int
cmd_application_edit(struct cli *c, struct err *e)
{
    const char *file = cli_opt(c, "file");
    struct w_case_request in = {0};
    struct w_case_view old, v;

    if (cli_find_case(c, c->argv[0], &old, e) < 0)
        return -1;
    in.application = old.application;
    in.application.papers = (struct jm_list){0};
    if ((file != NULL ? read_application(c, file, &in.application, e)
                      : add_papers(c, &in.application, e)) < 0)
        return -1;
    keep_papers(c, &old, &in.application);
    if (in.application.system[0] == '\0')
        memcpy(in.application.system, old.application.system, sizeof(old.application.system));
    if (in.application.change_of[0] == '\0')
        memcpy(in.application.change_of, old.application.change_of,
               sizeof(old.application.change_of));
    in.rev = old.rev;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/cases/%s:edit", old.id), case_request, &in, case_view,
                 &v, e) < 0)
        return -1;
    return tell(c, &v, e);
}

/* ---- looking at it ------------------------------------------------------------------------------
 */

/* Before and after, of what the older grant made. */
static void
print_changes(const struct jm_list *changes)
{
    for (size_t i = 0; i < changes->n; i++) {
        const struct w_grant_change *g = JM_ITEM(*changes, const struct w_grant_change, i);

        if (g->binned)
            printf("%-16s goes into the recycle bin\n", g->name);
        else if (g->kind == RES_VM)
            printf("%-16s %u vCPUs, %" PRIu64 " MiB, %" PRIu64 " GiB become %u, %" PRIu64
                   ", %" PRIu64 "%s\n",
                   g->name, g->before_vcpus, g->before_mem_mib, g->before_bytes / GIB,
                   g->after_vcpus, g->after_mem_mib, g->after_bytes / GIB,
                   g->restart ? ", with a restart" : "");
        else
            printf("%-16s %" PRIu64 " GiB become %" PRIu64 "\n", g->name, g->before_bytes / GIB,
                   g->after_bytes / GIB);
        if (g->warning != NULL)
            printf("%-16s %s\n", "", g->warning);
    }
}

int
cmd_application_check(struct cli *c, struct err *e)
{
    struct w_case_view v;
    struct w_case_check k;

    if (cli_find_case(c, c->argv[0], &v, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/cases/%s:check", v.id), case_check, &k, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_case_check, &k, e);
    for (size_t i = 0; i < k.problems.n; i++) {
        const struct w_case_problem *p = JM_ITEM(k.problems, const struct w_case_problem, i);

        printf("%-16s %s\n", p->field, cli_sentence(c, p->text));
    }
    cli_line(c, stdout, "%s", k.ready ? "nothing is missing" : "it cannot be submitted yet");
    cli_line(c, stdout, "%s%s%s", k.fits ? "it fits" : "it does not fit",
             k.reason != NULL ? ": " : "", k.reason != NULL ? k.reason : "");
    print_changes(&k.changes);
    for (size_t i = 0; i < k.peers.n; i++) {
        const struct w_case_peer *p = JM_ITEM(k.peers, const struct w_case_peer, i);

        cli_line(c, stdout,
                 "a like system%s%s: %u VMs, %u vCPUs, %" PRIu64 " MiB; CPU %" PRIu64 ".%02" PRIu64
                 " %% on average, %" PRIu64 ".%02" PRIu64 " %% at most",
                 p->name[0] != '\0' ? ", " : "", p->name, p->vms, p->vcpus, p->mem_mib,
                 p->cpu_avg / 100, p->cpu_avg % 100, p->cpu_peak / 100, p->cpu_peak % 100);
    }
    return 0;
}

int
cmd_application_list(struct cli *c, struct err *e)
{
    return cli_case_list(c, "new", e);
}

/* ---- approving ----------------------------------------------------------------------------------
 */

static int
reduce_one(struct w_grant *g, const char *item, struct err *e)
{
    unsigned line = 0;
    unsigned long long n = 0;
    char field[16] = "", end;
    uint64_t was;

    if (strchr(item, '-') != NULL ||
        sscanf(item, "%u.%15[a-z_]=%llu%c", &line, field, &n, &end) != 3)
        return err_set(e, BY_E_INVALID,
                       "--reduce: '%s' is not LINE.FIELD=NUMBER, e.g. 2.count=1 or 2.vcpus=2",
                       item);
    for (size_t i = 0; i < g->lines.n; i++) {
        struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);

        if (l->line != line)
            continue;
        was = strcmp(field, "count") == 0      ? l->count
              : strcmp(field, "vcpus") == 0    ? l->vcpus
              : strcmp(field, "mem_mib") == 0  ? l->mem_mib
              : strcmp(field, "disk_gib") == 0 ? l->disk_gib
                                               : UINT64_MAX;
        if (was == UINT64_MAX)
            return err_set(e, BY_E_INVALID,
                           "--reduce: '%s' is not count, vcpus, mem_mib or disk_gib", field);
        if (n > was)
            return err_set(e, BY_E_INVALID,
                           "--reduce: line %u has %s %" PRIu64 ", and %llu is more: a larger quota "
                           "needs an application",
                           line, field, was, n);
        if (strcmp(field, "count") == 0)
            l->count = (uint32_t)n;
        else if (strcmp(field, "vcpus") == 0)
            l->vcpus = (uint32_t)n;
        else if (strcmp(field, "mem_mib") == 0)
            l->mem_mib = n;
        else
            l->disk_gib = n;
        return 0;
    }
    return err_set(e, BY_E_INVALID, "--reduce: there is no line %u", line);
}

/* A line whose count is 0 is not granted at all. */
static void
drop_empty(struct w_grant *g)
{
    struct w_grant_line *l = g->lines.items;
    size_t n = 0;

    for (size_t i = 0; i < g->lines.n; i++)
        if (l[i].count > 0)
            l[n++] = l[i];
    g->lines.n = n;
}

static int
reduce(struct cli *c, struct w_grant *g, struct err *e)
{
    const char *list = cli_opt(c, "reduce");
    char *text, *save = NULL;

    if (list == NULL)
        return 0;
    text = arena_strdup(&c->a, list);
    for (char *item = strtok_r(text, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save))
        if (reduce_one(g, item, e) < 0)
            return -1;
    drop_empty(g);
    return 0;
}

static void
take_hash(const struct w_case_view *v, int what, char out[W_HASH])
{
    for (size_t i = 0; i < v->papers.n; i++)
        if (JM_ITEM(v->papers, struct w_case_paper, i)->what == what)
            memcpy(out, JM_ITEM(v->papers, struct w_case_paper, i)->sha256, W_HASH);
}

static uint64_t
counts(const struct w_grant *g)
{
    uint64_t n = 0;

    for (size_t i = 0; i < g->lines.n; i++)
        n += JM_ITEM(g->lines, struct w_grant_line, i)->count;
    return n;
}

/* A change supersedes the grant that it is of, and keeps its shape. */
static int
make_change(struct cli *c, const char *change_of, struct w_grant *g, struct err *e)
{
    struct w_grant_view v;
    struct w_envelope env;
    struct w_grant old;
    uint64_t max;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/grants/%s", change_of), grant_view, &v, e) < 0 ||
        paper_parse(v.paper, strlen(v.paper), &c->a, &env, e) < 0 ||
        W_DECODE(grant, env.body, strlen(env.body), JM_SIGNED, &c->a, &old, e) < 0)
        return err_wrap(e, "grant %s", change_of);
    g->version = 4;
    memcpy(g->supersedes, v.id, sizeof(g->supersedes));
    g->shape = old.shape;
    max = old.resources_max + (counts(g) > counts(&old) ? counts(g) - counts(&old) : 0);
    g->resources_max = old.shape == SHAPE_FREE ? (uint32_t)(max > 1000 ? 1000 : max) : 0;
    return 0;
}

/* As the bureau decides, else as the unit wishes. */
static int
take_shape(struct cli *c, const struct w_case_view *v, struct w_grant *g, struct err *e)
{
    const char *said = cli_opt(c, "shape");
    bool change = v->application.change_of[0] != '\0';

    if (said != NULL && strcmp(said, "free") != 0 && strcmp(said, "exact") != 0)
        return err_set(e, BY_E_INVALID, "--shape is free or exact, not '%s'", said);
    if (said != NULL && change)
        return err_set(e, BY_E_INVALID, "--shape: a change keeps the shape of its grant");
    if (!change && (said != NULL ? strcmp(said, "free") == 0 : v->application.shape == SHAPE_FREE))
        grant_free_shape(g, 0);
    return 0;
}

static int
make_grant(struct cli *c, const struct w_case_view *v, struct w_grant *g, struct err *e)
{
    struct w_account me;
    const char *number;
    uint64_t days = v->application.valid_days == 0 ? 365 : v->application.valid_days;
    int64_t now = clock_wall_ms();

    *g = (struct w_grant){.version = 1,
                          .lines = v->application.lines,
                          .manual = v->application.manual,
                          .approved_at_ms = now,
                          .valid_from_ms = now};
    if (cli_need(c, "number", &number, e) < 0 || CLI_GET(c, "/v1/me", account, &me, e) < 0 ||
        cli_copy(g->number, sizeof(g->number), "number", number, e) < 0 ||
        cli_opt_u64(c, "days", days, 3660, &days, e) < 0 || cli_least_hold(c, &g->hold_ms, e) < 0 ||
        cli_opt_ms(c, "hold", g->hold_ms, &g->hold_ms, e) < 0 || reduce(c, g, e) < 0 ||
        take_shape(c, v, g, e) < 0)
        return -1;
    random_uuid(g->id);
    g->valid_to_ms = now + (int64_t)days * DAY_MS;
    memcpy(g->system, v->application.system, sizeof(g->system));
    memcpy(g->unit, v->unit, sizeof(g->unit));
    memcpy(g->approver, me.id, sizeof(g->approver));
    take_hash(v, DOC_APPROVAL, g->approval_sha256);
    take_hash(v, DOC_AGREEMENT, g->agreement_sha256);
    take_hash(v, DOC_DECLARATION, g->declaration_sha256);
    if (v->application.change_of[0] != '\0' && make_change(c, v->application.change_of, g, e) < 0)
        return -1;
    grant_version_fit(g);
    return 0;
}

static int
try_grant(struct cli *c, const char *application, const struct w_grant *g, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant_request in = {0};
    struct w_grant_check k;

    jm_encode(schema_grant, g, &b);
    in.grant = strbuf_peek(&b);
    memcpy(in.application, application, sizeof(in.application));
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/grants:check", grant_request, &in, grant_check, &k, e) < 0)
        return -1;
    return cli_print_one(c, schema_grant_check, &k, e);
}

int
cmd_application_approve(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    struct w_case_approve in = {0};
    struct w_accepted out;
    struct w_case_view v;
    const char *key_file;
    struct w_grant g;

    if (cli_find_case(c, c->argv[0], &v, e) < 0)
        return -1;
    if (v.state != CASE_IS_REVIEW)
        return err_set(e, BY_E_CONFLICT, "%s is %s: only what is under review can be approved",
                       v.number, w_case_state_names[v.state]);
    if (make_grant(c, &v, &g, e) < 0)
        return -1;
    if (cli_opt(c, "dry-run") != NULL)
        return try_grant(c, v.id, &g, e);
    if (cli_need(c, "key", &key_file, e) < 0 || cli_need(c, "reason", &in.reason, e) < 0 ||
        sigkey_load(key_file, &key, e) < 0)
        return -1;
    jm_encode(schema_grant, &g, &b);
    if (paper_sign(key, PAPER_GRANT, strbuf_peek(&b), &c->a, &in.grant, e) < 0)
        return -1;
    in.rev = v.rev;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/cases/%s:approve", v.id), case_approve, &in, accepted,
                 &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}
