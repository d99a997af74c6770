#include "controller/recall.h"

#include <stdio.h>
#include <string.h>

#include "controller/ledger.h"
#include "controller/routes.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpd.h"

/* Body of the ledger line. */
struct audit {
    char name[W_NAME], employer[W_NAME], unit[W_ID], request[W_ID], body_sha256[W_HASH];
    int role;
    const char *body, *what;
};
#define AUDIT_AT(m) .off = offsetof(struct audit, m), .size = sizeof(((struct audit *)0)->m)
static const struct jm_field schema_audit[] = {
    {.name = "body", .type = JM_TEXT, .max = RECALL_BODY_MAX, AUDIT_AT(body)},
    {.name = "body_sha256", .type = JM_STR, AUDIT_AT(body_sha256)},
    {.name = "employer", .type = JM_STR, AUDIT_AT(employer)},
    {.name = "name", .type = JM_STR, AUDIT_AT(name)},
    {.name = "request", .type = JM_STR, AUDIT_AT(request)},
    {.name = "role", .type = JM_ENUM, .names = w_role_names, AUDIT_AT(role)},
    {.name = "unit", .type = JM_STR, AUDIT_AT(unit)},
    {.name = "what", .type = JM_TEXT, .max = 200, AUDIT_AT(what)},
    {0},
};

static const struct jm_field *
recall_field(const struct jm_field *f, const char *name)
{
    for (; f != NULL && f->name != NULL; f++)
        if (strcmp(f->name, name) == 0 && f->type == JM_STR)
            return f;
    return NULL;
}

static bool
recall_has_secret(const struct jm_field *f)
{
    for (; f != NULL && f->name != NULL; f++)
        if ((f->flags & JM_SECRET) != 0 && (f->flags & JM_RO) == 0)
            return true;
    return false;
}

void
recall_prepare(struct recall *r, const struct api_call *k)
{
    const struct jm_field *f = recall_field(k->route->in, "request");

    digest_sha256_hex(k->body_len == 0 ? "" : k->body, k->body_len, r->body_sha256);
    (void)snprintf(r->what, sizeof(r->what), "%s %.140s", k->route->method, http_req_path(k->req));
    if (f != NULL && k->in != NULL && k->who.role != ROLE_NONE)
        (void)snprintf(r->request, sizeof(r->request), "%s", (const char *)k->in + f->off);
}

int
recall_find(const struct recall *r, struct api_call *k, struct tx *t, struct strbuf *answer,
            bool *again, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    *again = false;
    if (r->request[0] == '\0')
        return 0;
    if (DB_QUERY(t->d, DB_REQUEST_GET, &rows, e, DBS(k->who.account), DBS(r->request)) < 0 ||
        (rc = db_next(rows, e)) < 0)
        return -1;
    if (rc == 0)
        return 0;
    if (strcmp(db_str(rows, 1), r->what) == 0 && strcmp(db_str(rows, 0), r->body_sha256) != 0)
        return err_field(e, BY_E_CONFLICT, "request",
                         "request %s was carried out already, with another content: look at what "
                         "came of it before you ask anew with a new id",
                         r->request);
    if (strcmp(db_str(rows, 1), r->what) != 0)
        return err_field(e, BY_E_CONFLICT, "request",
                         "request id %s was used for something else: take a new id", r->request);
    k->status = (int)db_int(rows, 2);
    strbuf_reset(answer);
    strbuf_adds(answer, db_str(rows, 3));
    *again = true;
    return 0;
}

int
recall_store(const struct recall *r, const struct api_call *k, struct tx *t, const char *answer,
             struct err *e)
{
    if (r->request[0] == '\0')
        return 0;
    return DB_EXEC(t->d, DB_REQUEST_ADD, NULL, e, DBS(k->who.account), DBS(r->request),
                   DBS(r->body_sha256), DBS(r->what), DBI(k->status), DBS(answer), DBI(t->now_ms));
}

int
recall_audit(const struct recall *r, const struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const struct jm_field *id = recall_field(k->route->out, "id");
    struct audit au = {.role = (int)k->who.role, .what = r->what};
    const char *subject = k->id;
    char act[40];

    if (k->who.role == ROLE_NONE)
        return 0;
    if (subject == NULL && id != NULL && k->status != 204)
        subject = (const char *)k->out + id->off;
    if (subject == NULL || subject[0] == '\0')
        subject = k->who.account;
    memcpy(au.name, k->who.name, sizeof(au.name));
    memcpy(au.employer, k->who.employer, sizeof(au.employer));
    memcpy(au.unit, k->who.unit, sizeof(au.unit));
    memcpy(au.request, r->request, sizeof(au.request));
    if (!recall_has_secret(k->route->in)) /* whoever has the hash can try passwords against it */
        memcpy(au.body_sha256, r->body_sha256, sizeof(au.body_sha256));
    if (k->body_len > 0 && k->body_len <= RECALL_BODY_MAX && !recall_has_secret(k->route->in))
        au.body = arena_strndup(k->a, k->body, k->body_len);
    jm_encode(schema_audit, &au, &b);
    (void)snprintf(act, sizeof(act), "call.%.34s", k->route->name);
    return ledger_append(t, k->who.account, act, subject, strbuf_peek(&b), e);
}
