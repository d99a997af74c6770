/* Approvals given elsewhere (批复导入): who may sign them, bringing one in, confirming it with the
 * bureau's own grant. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/codec/approval.h"
#include "drivers/crypto/approval_sig.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/durable.h"
#include "policies/calendar.h"
#include "policies/case_fsm.h"

/* ---- approvers ---------------------------------------------------------------------------------
 */

int
cmd_approver_list(struct cli *c, struct err *e)
{
    struct w_approver_list l;

    if (CLI_LIST(c, "/v1/approvers", approver_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_approver_list, &l,
                          "name unit alg not_after_ms withdrawn_at_ms reason sha256", e);
}

static int
expires_ms(struct cli *c, int64_t *out, struct err *e)
{
    const char *day = cli_opt(c, "expires");
    int32_t d;

    *out = 0;
    if (day == NULL)
        return 0;
    if (!cal_parse(day, &d))
        return err_set(e, BY_E_INVALID, "--expires must be a day, YYYY-MM-DD");
    *out = cal_ms_of_day(d + 1, c->utc_offset_min);
    return 0;
}

int
cmd_approver_add(struct cli *c, struct err *e)
{
    struct w_approver_request in = {0};
    struct approver_cred cred;
    const char *unit, *file;
    struct w_approver out;

    if (cli_need(c, "unit", &unit, e) < 0 || cli_need(c, "credential", &file, e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", c->argv[0], e) < 0 ||
        cli_copy(in.unit, sizeof(in.unit), "unit", unit, e) < 0 ||
        expires_ms(c, &in.not_after_ms, e) < 0 ||
        cli_read_file(c, file, 16384, &in.credential, NULL, e) < 0)
        return -1;
    if (approver_cred_read(in.credential, &cred, e) < 0)
        return err_wrap(e, "%s", file);
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/approvers", approver_request, &in, approver, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_approver, &out, e);
}

/* In force, by name or id. */
static int
find_approver(struct cli *c, const char *name, struct w_approver *out, struct err *e)
{
    struct w_approver_list l;

    if (CLI_GET(c, "/v1/approvers", approver_list, &l, e) < 0)
        return -1;
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_approver *p = JM_ITEM(l.items, struct w_approver, i);

        if (strcmp(p->id, name) == 0 || (p->withdrawn_at_ms == 0 && strcmp(p->name, name) == 0)) {
            *out = *p;
            return 0;
        }
    }
    return err_set(e, BY_E_NOT_FOUND, "no approver '%s'; see: bianyun approvers list", name);
}

int
cmd_approver_withdraw(struct cli *c, struct err *e)
{
    struct w_act_request in = {.dry_run = cli_opt(c, "dry-run") != NULL};
    struct w_approver p, out;

    if (cli_need(c, "reason", &in.reason, e) < 0 || find_approver(c, c->argv[0], &p, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/approvers/%s:withdraw", p.id), act_request, &in,
                 approver, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_approver, &out, e);
}

/* ---- bringing one in ---------------------------------------------------------------------------
 */

static int
read_signature(struct cli *c, const char *file, const void **der, size_t *n, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    void *bytes;

    if (durable_read(file, 2 * (size_t)APPROVAL_SIG_MAX, &b, e) < 0)
        return -1;
    bytes = memcpy(arena_alloc(&c->a, b.len + 1), strbuf_peek(&b), b.len);
    return approval_sig_read(bytes, b.len, &c->a, der, n, e) < 0 ? err_wrap(e, "%s", file) : 0;
}

/* Whose signature is it?  Only what is registered is tried. */
static int
find_signer(struct cli *c, const char *doc, size_t len, const void *sig, size_t n,
            struct w_approver *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf names = {0};
    struct err why = {0};
    struct w_approver_list l;

    if (CLI_GET(c, "/v1/approvers", approver_list, &l, e) < 0)
        return -1;
    for (size_t i = 0; i < l.items.n; i++) {
        const struct w_approver *p = JM_ITEM(l.items, struct w_approver, i);

        if (approval_sig_check(p->credential, doc, len, sig, n, &why) == 0) {
            *out = *p;
            return 0;
        }
        if (p->withdrawn_at_ms == 0 && names.len < 120)
            strbuf_addf(&names, "%s%s", names.len == 0 ? "" : ", ", p->name);
    }
    return err_set(e, BY_E_DENIED,
                   "no registered approver signed these bytes (%s%s): was the file changed after "
                   "it was signed?",
                   names.len == 0 ? "none is registered" : "registered: ", strbuf_peek(&names));
}

static int
print_result(struct cli *c, const struct w_import_result *r, struct err *e)
{
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_import_result, r, e);
    cli_line(c, stderr, "%s%s", r->fits ? "lawful, and it fits" : "it cannot be carried out now: ",
             r->fits || r->reason == NULL ? "" : r->reason);
    if (r->case_id[0] == '\0') {
        cli_line(c, stderr, "nothing was kept");
        return 0;
    }
    if (r->state == CASE_IS_CONFIRM)
        cli_line(c, stderr,
                 "it waits for the bureau: bianyun imports confirm %s --key FILE --reason …",
                 r->case_number);
    return cli_print_one(c, schema_import_result, r, e);
}

int
cmd_grant_import(struct cli *c, struct err *e)
{
    struct w_import_request in = {.dry_run = cli_opt(c, "dry-run") != NULL};
    const char *file, *name = cli_opt(c, "approver");
    struct w_approval_import doc;
    struct w_import_result out;
    struct w_approver p;
    const void *sig;
    size_t len, n;

    if (cli_need(c, "signature", &file, e) < 0 ||
        cli_read_file(c, c->argv[0], APPROVAL_DOC_MAX, &in.document, &len, e) < 0)
        return -1;
    if (memchr(in.document, '\r', len) != NULL)
        return err_set(
            e, BY_E_INVALID,
            "%s has lines that end in CR LF: the signed document must end them in LF alone",
            c->argv[0]);
    if (W_DECODE(approval_import, in.document, len, JM_SIGNED, &c->a, &doc, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    if (read_signature(c, file, &sig, &n, e) < 0 ||
        (name != NULL ? find_approver(c, name, &p, e)
                      : find_signer(c, in.document, len, sig, n, &p, e)) < 0)
        return -1;
    in.signature = base64_encode(sig, n, &c->a);
    in.credential = p.credential;
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/grants:import", import_request, &in, import_result, &out, e) < 0)
        return -1;
    cli_line(c, stderr, "signed by %s (%s), %s %.12s…", p.name, p.unit, p.alg, p.sha256);
    return print_result(c, &out, e);
}

/* ---- its case ----------------------------------------------------------------------------------
 */

int
cmd_import_list(struct cli *c, struct err *e)
{
    struct w_case_list l;

    if (CLI_LIST(c, cli_query(c, "/v1/cases?kind=import", "state", cli_opt(c, "state")), case_list,
                 &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_case_list, &l,
                          "number title unit_name system_name state due_ms opened_at_ms", e);
}

/* By the case's number, its id, or the approval number of one of the newest. */
static int
find_import(struct cli *c, const char *name, struct w_case_view *out, struct err *e)
{
    const char *id = NULL;
    struct w_case_list l;

    if (CLI_GET(c, "/v1/cases?kind=import", case_list, &l, e) < 0)
        return -1;
    for (size_t i = 0; i < l.items.n && id == NULL; i++) {
        const struct w_case_item *v = JM_ITEM(l.items, struct w_case_item, i);

        if (strcmp(v->number, name) == 0 || strcmp(v->id, name) == 0 || strcmp(v->title, name) == 0)
            id = v->id;
    }
    if (id == NULL && strlen(name) < 32) {
        if (CLI_GET(c, cli_query(c, "/v1/cases?kind=import", "number", name), case_list, &l, e) < 0)
            return -1;
        if (l.items.n == 1)
            id = JM_ITEM(l.items, struct w_case_item, 0)->id;
    }
    if (id == NULL && strlen(name) != 36)
        return err_set(e, BY_E_NOT_FOUND, "no import '%s'; see: bianyun imports list", name);
    if (CLI_GET(c, arena_printf(&c->a, "/v1/cases/%s", cli_escape(c, id == NULL ? name : id)),
                case_view, out, e) < 0)
        return -1;
    return out->kind == CASE_IMPORT ? 0
                                    : err_set(e, BY_E_INVALID, "case %s is no import", out->number);
}

int
cmd_import_show(struct cli *c, struct err *e)
{
    struct w_case_view v;

    return find_import(c, c->argv[0], &v, e) < 0 ? -1 : cli_print_one(c, schema_case_view, &v, e);
}

/* What is confirmed is looked at here too: the approver's signature over it, and its date. */
static int
check_imported(struct cli *c, const struct w_imported *v, struct w_approval_import *doc,
               struct err *e)
{
    struct w_approver p;
    const void *sig;
    int32_t day, at = cal_day_of_ms(v->approved_at_ms, c->utc_offset_min);
    size_t n;

    if (W_DECODE(approval_import, v->document, strlen(v->document), JM_SIGNED, &c->a, doc, e) < 0 ||
        base64_decode(v->signature, &c->a, &sig, &n, e) < 0 ||
        find_approver(c, v->approver, &p, e) < 0 ||
        approval_sig_check(p.credential, v->document, strlen(v->document), sig, n, e) < 0)
        return err_wrap(e, "the imported approval");
    if (!cal_parse(doc->date, &day) || day - at > 1 || at - day > 1)
        return err_set(e, BY_E_INVALID, "the controller counts from another day than %s",
                       doc->date);
    cli_line(c, stderr, "%s, dated %s, signed by %s (%s), %s %.12s…", doc->number, doc->date,
             p.name, p.unit, p.alg, p.sha256);
    return 0;
}

static int
grant_of(struct cli *c, const struct w_imported *v, const struct w_approval_import *doc,
         struct w_grant *g, struct err *e)
{
    struct w_account me;
    int64_t hold_ms;

    if (cli_least_hold(c, &hold_ms, e) < 0 || CLI_GET(c, "/v1/me", account, &me, e) < 0)
        return -1;
    approval_grant(doc, v->approved_at_ms, hold_ms, g);
    random_uuid(g->id);
    memcpy(g->approver, me.id, sizeof(g->approver));
    return 0;
}

static int
try_confirm(struct cli *c, const char *id, struct err *e)
{
    struct w_case_check out;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/cases/%s:check", id), case_check, &out, e) < 0)
        return -1;
    if (!out.fits)
        return err_set(e, BY_E_CONFLICT, "it cannot be carried out now: %s",
                       out.reason != NULL ? out.reason : "it does not fit");
    cli_line(c, stdout, "it fits");
    return 0;
}

int
cmd_import_confirm(struct cli *c, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_case_approve in = {0};
    struct w_approval_import doc;
    const char *file, *reason;
    struct w_accepted out;
    struct w_case_view v;
    struct w_grant g;

    if (cli_need(c, "key", &file, e) < 0 || cli_need(c, "reason", &reason, e) < 0 ||
        find_import(c, c->argv[0], &v, e) < 0 || check_imported(c, &v.imported, &doc, e) < 0 ||
        grant_of(c, &v.imported, &doc, &g, e) < 0)
        return -1;
    if (cli_opt(c, "dry-run") != NULL)
        return try_confirm(c, v.id, e);
    jm_encode(schema_grant, &g, &b);
    in.rev = v.rev;
    in.reason = reason;
    cli_request_id(c, in.request);
    if (sigkey_load(file, &key, e) < 0 ||
        paper_sign(key, PAPER_GRANT, strbuf_peek(&b), &c->a, &in.grant, e) < 0 ||
        CLI_POST(c, arena_printf(&c->a, "/v1/cases/%s:confirm", v.id), case_approve, &in, accepted,
                 &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}

int
cmd_import_refuse(struct cli *c, struct err *e)
{
    struct w_case_move in = {.event = CASE_EV_REFUSE};
    struct w_case_view v, out;

    if (cli_need(c, "reason", &in.reason, e) < 0 || find_import(c, c->argv[0], &v, e) < 0)
        return -1;
    in.rev = v.rev;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/cases/%s:move", v.id), case_move, &in, case_view, &out,
                 e) < 0)
        return -1;
    cli_line(c, stderr, "case %s is refused; the number %s is free again", out.number, out.title);
    return 0;
}
