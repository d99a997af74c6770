/* Certificates of hosts: the first one against a one-time token, the next over mTLS. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/auth.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/hostauth.h"
#include "controller/routes.h"
#include "drivers/base/log.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "drivers/net/httpd.h"

#define HOST_CERT_DAYS 90
#define DAY_MS INT64_C(86400000)

struct enrolment {
    char host[W_ID], token_sha256[W_HASH], csr_sha256[W_HASH];
    uint64_t incarnation; /* the new one */
    char done[W_HASH];    /* fingerprint given out for this token and request before */
};

/* One answer for every token that does not count: nobody learns which ones once were. */
static int
enrol_judge(struct tx *t, const struct w_enrol_request *in, struct enrolment *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    bool again;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_TOKEN_GET, &r, e, DBS(n->token_sha256)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    again = rc == 1 && db_int(r, 3) != 0 && strcmp(db_str(r, 4), n->csr_sha256) == 0;
    if (rc == 0 || strcmp(db_str(r, 1), in->name) != 0 || db_int(r, 2) <= t->now_ms ||
        (db_int(r, 3) != 0 && !again))
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "this enrolment token is unknown, used, expired or for another host name: "
                       "have a new one made: bianyun hosts add %s",
                       in->name);
    (void)snprintf(n->host, sizeof(n->host), "%s", db_str(r, 0));
    n->incarnation = (uint64_t)db_int(r, 6) + (again ? 0 : 1);
    if (again)
        (void)snprintf(n->done, sizeof(n->done), "%s", db_str(r, 5));
    return 0;
}

static int
enrol_issue(struct tx *t, const char *host, uint64_t incarnation, const char *csr, struct arena *a,
            struct auth_cert *cert, const char **pem, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    int64_t now_s = t->now_ms / 1000;
    const char *public_pem = NULL;
    char san[96];

    (void)snprintf(san, sizeof(san), "bianyun:host:%s:%" PRIu64, host, incarnation);
    cert->incarnation = incarnation;
    cert->not_after_ms = t->now_ms + HOST_CERT_DAYS * DAY_MS;
    (void)snprintf(cert->host, sizeof(cert->host), "%s", host);
    if (x509_issue(t->c->ca_key, t->c->ca_pem, csr, host, san, false, now_s - DAY_MS / 1000,
                   cert->not_after_ms / 1000, a, pem, e) < 0 ||
        x509_fingerprint(*pem, cert->fingerprint, e) < 0 ||
        x509_public_pem(*pem, a, &public_pem, e) < 0 || sigkey_from_pem(public_pem, &key, e) < 0)
        return err_field(e, e->code, "csr_pem", "%s", arena_strdup(a, e->msg));
    return DB_EXEC(t->d, DB_HOST_CERT_ADD, NULL, e, DBS(cert->fingerprint), DBS(sigkey_id(key)),
                   DBS(host), DBI(incarnation), DBS(*pem), DBI(t->now_ms), DBI(cert->not_after_ms));
}

static void
enrol_answer(struct tx *t, const char *host, uint64_t incarnation, const char *pem,
             struct w_enrol_answer *out)
{
    (void)snprintf(out->host, sizeof(out->host), "%s", host);
    out->incarnation = incarnation;
    out->certificate_pem = pem;
    out->ca_pem = t->c->ca_pem;
    out->root_pem = t->c->root_pem;
    memcpy(out->store, t->c->store, sizeof(out->store));
}

static void
enrol_gone(void *arg, const char *fingerprint)
{
    struct controller *c = arg;

    if (c->httpd != NULL)
        httpd_revoke(c->httpd, fingerprint);
}

/* A new incarnation: what the machine had before is void. */
static void
enrol_live(struct controller *c, void *arg)
{
    struct auth_cert *cert = arg;

    auth_cert_add(c->auth, cert);
    auth_host_end(c->auth, cert->host, cert->fingerprint, enrol_gone, c);
    log_info("host.enrolled", "host=%s incarnation=%" PRIu64, cert->host, cert->incarnation);
}

/* The answer was lost: the same token with the same request gets the same certificate. */
static int
enrol_again(struct api_call *k, struct tx *t, const struct enrolment *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(t->d, DB_HOST_CERT_GET, &r, e, DBS(n->done)) < 0)
        return -1;
    if (db_next(r, e) != 1)
        return err_set(e, BY_E_CONFLICT, "the certificate of this token is no longer in force");
    enrol_answer(t, n->host, n->incarnation, arena_strdup(k->a, db_str(r, 0)), k->out);
    return 0;
}

static int
enrol_record(struct tx *t, const struct enrolment *n, const struct auth_cert *cert, struct err *e)
{
    char body[200];

    (void)snprintf(body, sizeof(body), "{\"fingerprint\":\"%s\",\"incarnation\":%" PRIu64 "}",
                   cert->fingerprint, n->incarnation);
    return ledger_append(t, n->host, "host.enrolled", n->host, body, e);
}

int
api_host_enrol(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_enrol_request *in = k->in;
    struct auth_cert *cert = arena_alloc(tx_arena(t), sizeof(*cert));
    struct enrolment n = {0};
    const char *pem = NULL;
    size_t restated = 0;

    digest_sha256_hex(in->token, strlen(in->token), n.token_sha256);
    digest_sha256_hex(in->csr_pem, strlen(in->csr_pem), n.csr_sha256);
    if (enrol_judge(t, in, &n, e) < 0)
        return -1;
    if (n.done[0] != '\0')
        return enrol_again(k, t, &n, e);
    if (DB_EXEC(t->d, DB_HOST_CERT_REVOKE, NULL, e, DBI(t->now_ms), DBS(n.host), DBS("")) < 0 ||
        enrol_issue(t, n.host, n.incarnation, in->csr_pem, k->a, cert, &pem, e) < 0 ||
        DB_EXEC(t->d, DB_HOST_TOKEN_USE, NULL, e, DBI(t->now_ms), DBS(n.csr_sha256),
                DBS(cert->fingerprint), DBS(n.token_sha256)) < 0 ||
        DB_EXEC(t->d, DB_HOST_ENROLLED, NULL, e, DBI(n.incarnation), DBS(n.host)) < 0 ||
        enrol_record(t, &n, cert, e) < 0)
        return err_wrap(e, "enrolling host %s", in->name);
    if (n.incarnation > 1 && !controller_recovery(t->c) &&
        hostauth_restate(t, n.host, &restated, e) < 0)
        return -1;
    enrol_answer(t, n.host, n.incarnation, pem, k->out);
    commit_after(t, enrol_live, cert);
    return 0;
}

/* ---- the next certificate ------------------------------------------------------------------- */

enum {
    YOUNGER_MAX = 3, /* asks with one certificate that are answered late or never */
    REPLACED_MAX = 16
};

struct renewed {
    struct auth_cert cert;
    char replaced[REPLACED_MAX][W_HASH];
    size_t n_replaced;
};

static void
renew_live(struct controller *c, void *arg)
{
    struct renewed *n = arg;

    for (size_t i = 0; i < n->n_replaced; i++) {
        auth_cert_end(c->auth, n->replaced[i]);
        enrol_gone(c, n->replaced[i]);
    }
    auth_cert_add(c->auth, &n->cert);
    log_info("host.renewed", "host=%s", n->cert.host);
}

/* The one that asked stays good until it expires, so a lost answer locks nobody out; so do the
 * newest of those that it got before: which answer came last to the host nobody here knows. */
static int
renew_replace(struct tx *t, const char *host, const char *old, struct renewed *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_HOST_CERT_REPLACED, &r, e, DBS(host), DBS(old), DBS(host), DBS(old),
                 DBS(old), DBI(YOUNGER_MAX - 1), DBI(REPLACED_MAX)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        (void)snprintf(n->replaced[n->n_replaced++], W_HASH, "%s", db_str(r, 0));
    for (size_t i = 0; rc == 0 && i < n->n_replaced; i++)
        rc = DB_EXEC(t->d, DB_HOST_CERT_REVOKE_ONE, NULL, e, DBI(t->now_ms), DBS(n->replaced[i]));
    return rc < 0 ? -1 : 0;
}

int
api_agent_renew(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_renew_request *in = k->in;
    struct renewed *n = arena_alloc(tx_arena(t), sizeof(*n));
    const char *pem = NULL;
    char body[120];

    n->n_replaced = 0;
    if (renew_replace(t, k->who.host, http_req_cert_fingerprint(k->req), n, e) < 0 ||
        enrol_issue(t, k->who.host, k->who.incarnation, in->csr_pem, k->a, &n->cert, &pem, e) < 0)
        return err_wrap(e, "renewing the certificate of host %s", k->who.host);
    enrol_answer(t, k->who.host, k->who.incarnation, pem, k->out);
    commit_after(t, renew_live, n);
    (void)snprintf(body, sizeof(body), "{\"fingerprint\":\"%s\"}", n->cert.fingerprint);
    return ledger_append(t, k->who.host, "host.renewed", k->who.host, body, e);
}
