#include "controller/erasure.h"

#include <stdio.h>
#include <string.h>

#include "controller/certificate_page.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/crypto/x509.h"
#include "drivers/db/store_host_flow.h"
#include "policies/calendar.h"

struct key_search {
    const struct w_envelope *env;
    struct arena *a;
    const char *pem; /* the certificate whose key signed */
    struct err why;
};

/* The certificate may have been renewed since: the report is checked with the one that signed it.
 */
static int
try_cert(void *arg, const char *pem, struct err *e)
{
    struct key_search *s = arg;
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    const char *public_pem;

    if (x509_public_pem(pem, s->a, &public_pem, e) < 0 || sigkey_from_pem(public_pem, &k, e) < 0)
        return -1;
    if (strcmp(sigkey_id(k), s->env->key) != 0)
        return 0;
    if (paper_check(s->env, PAPER_ERASURE, NULL, k, e) < 0)
        return -1;
    s->pem = arena_strdup(s->a, pem);
    return 1;
}

/* Nothing to overwrite is the truth only where nothing was ever read back. */
static int
check_never_made(struct tx *t, const struct resource_row *r, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;

    if (DB_QUERY(t->d, DB_ORDER_MADE, &rows, e, DBS(r->id)) < 0 || db_next(rows, e) < 0)
        return -1;
    if (db_int(rows, 0) > 0)
        return err_set(e, BY_E_DENIED,
                       "the host says that it was never made, but it was read back as ordered "
                       "before: find out where it is");
    return 0;
}

/* Only what was read back clean counts. */
static int
check_copies(struct tx *t, const struct resource_row *r, const struct w_erasure *x, struct err *e)
{
    size_t existed = 0;

    for (size_t i = 0; i < x->copies.n; i++) {
        const struct w_erased_copy *c = JM_ITEM(x->copies, struct w_erased_copy, i);

        if (!c->existed)
            continue;
        existed++;
        if (c->read_back_bytes < c->overwritten_bytes)
            return err_set(e, BY_E_DENIED,
                           "of %s, %llu bytes were overwritten and only %llu read back as zero",
                           c->path, (unsigned long long)c->overwritten_bytes,
                           (unsigned long long)c->read_back_bytes);
    }
    if (existed > 0 && x->never_made)
        return err_set(e, BY_E_DENIED, "the report says never made, and names a copy that existed");
    if (existed > 0 || x->kind == RES_NETWORK)
        return 0;
    return x->never_made ? check_never_made(t, r, e)
                         : err_set(e, BY_E_DENIED,
                                   "the report names no copy that existed, and the host does "
                                   "not say that it was never made");
}

static int
check_report(struct tx *t, const struct resource_row *r, const struct order_row *o,
             const char *paper, struct arena *a, struct w_erasure *x, const char **cert_pem,
             struct err *e)
{
    struct w_envelope env;
    struct key_search s = {.env = &env, .a = a};
    int rc;

    if (paper_parse(paper, strlen(paper), a, &env, e) < 0)
        return err_wrap(e, "erasure report");
    rc = host_flow_each_cert(t->d, r->host, env.key, try_cert, &s, e);
    if (rc < 0)
        return err_wrap(e, "erasure report");
    if (rc == 0 || s.pem == NULL)
        return err_set(e, BY_E_DENIED, "the erasure report is not signed by a key of host %s",
                       r->host_name);
    if (W_DECODE(erasure, env.body, strlen(env.body), JM_SIGNED, a, x, e) < 0)
        return err_wrap(e, "erasure report");
    if (strcmp(x->order, o->id) != 0 || strcmp(x->resource, r->id) != 0 ||
        strcmp(x->host, r->host) != 0 || x->kind != r->kind)
        return err_set(e, BY_E_DENIED,
                       "the erasure report is about another order, resource or host");
    *cert_pem = s.pem;
    return check_copies(t, r, x, e);
}

static int
certificate_fill(struct tx *t, const struct resource_row *r, const struct w_erasure *x,
                 struct arena *a, struct w_certificate *c, struct err *e)
{
    struct system_row sys;

    if (system_row_get(t->d, r->system, a, &sys, e) < 0)
        return -1;
    memset(c, 0, sizeof(*c));
    c->version = 1;
    random_uuid(c->id);
    memcpy(c->grant, r->grant, sizeof(c->grant));
    memcpy(c->number, r->number, sizeof(c->number));
    memcpy(c->system, r->system, sizeof(c->system));
    memcpy(c->system_name, sys.name, sizeof(c->system_name));
    memcpy(c->unit_name, sys.unit_name, sizeof(c->unit_name));
    memcpy(c->resource_name, r->name, sizeof(c->resource_name));
    c->issued_at_ms = t->now_ms;
    c->erasure = *x;
    return 0;
}

int
erasure_certify(struct tx *t, const struct resource_row *r, const struct order_row *o,
                const char *paper, struct arena *a, char id[W_ID], struct err *e)
{
    SCOPED(strbuf) struct strbuf body = {0}, page = {0};
    struct w_erasure x;
    struct w_certificate c;
    const char *cert_pem = NULL, *signed_paper;
    char hash[65];

    if (check_report(t, r, o, paper, a, &x, &cert_pem, e) < 0 ||
        certificate_fill(t, r, &x, a, &c, e) < 0)
        return -1;
    c.host_paper = paper;
    c.host_certificate_pem = cert_pem;
    jm_encode(schema_certificate, &c, &body);
    if (paper_sign(t->c->order_key, PAPER_CERTIFICATE, strbuf_peek(&body), a, &signed_paper, e) < 0)
        return err_wrap(e, "erasure certificate");
    digest_sha256_hex(signed_paper, strlen(signed_paper), hash);
    certificate_page(&c, hash, controller_tz_minutes(t->c), &page);
    if (DB_EXEC(t->d, DB_CERTIFICATE_INSERT, NULL, e, DBS(c.id), DBS(r->id), DBS(r->unit),
                DBS(o->id), DBS(signed_paper), DBS(strbuf_peek(&page)), DBI(t->now_ms)) < 0)
        return err_wrap(e, "erasure certificate");
    (void)snprintf(id, W_ID, "%s", c.id);
    return ledger_append(t, r->host, "certificate.issued", r->id, strbuf_peek(&body), e);
}

int
api_certificate_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    const char *unit = own_filter(k), *resource = param_text(k, "resource");
    struct w_certificate_list *out = k->out;
    struct w_certificate_item *i;
    struct paging p;
    int rc;

    if (PAGING_OPEN(&p, k, out, certificate_item, INT64_MAX, e) < 0 ||
        DB_QUERY(t->d, DB_CERTIFICATE_PAGE, &rows, e, DBS(unit), DBS(unit), DBS(resource),
                 DBS(resource), DBI(p.from.n), DBS(p.from.id), DBI(p.from.limit)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1 &&
           (i = paging_add(&p, db_int(rows, 7), db_str(rows, 0), "")) != NULL) {
        db_copy(rows, 0, i->id, sizeof(i->id));
        db_copy(rows, 1, i->resource, sizeof(i->resource));
        db_copy(rows, 2, i->name, sizeof(i->name));
        i->kind = (int)db_int(rows, 3);
        db_copy(rows, 4, i->unit, sizeof(i->unit));
        db_copy(rows, 5, i->system, sizeof(i->system));
        db_copy(rows, 6, i->order, sizeof(i->order));
        i->issued_at_ms = db_int(rows, 7);
    }
    return rc < 0 ? -1 : 0;
}

int
api_certificate_get(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct w_certificate_view *out = k->out;
    int rc;

    if (DB_QUERY(t->d, DB_CERTIFICATE_GET, &rows, e, DBS(k->id)) < 0 || (rc = db_next(rows, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no certificate %s", k->id);
    if (own_check(k, db_str(rows, 2), "certificate", e) < 0)
        return -1;
    (void)snprintf(out->id, sizeof(out->id), "%s", db_str(rows, 0));
    out->paper = arena_strdup(k->a, db_str(rows, 4));
    out->page = arena_strdup(k->a, db_str(rows, 5));
    return 0;
}
