#include "agent/enrol.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/receipts.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/net/httpc.h"

enum { CALL_MS = 20000, TOKEN_MAX = 256 };
#define AGENTS_PORT "8443"

static const char *
agents_url(const struct enrol_request *q, struct arena *a)
{
    const char *host = strstr(q->url, "://"), *colon;

    if (q->agents_url != NULL)
        return arena_strdup(a, q->agents_url);
    host = host != NULL ? host + 3 : q->url;
    colon = strrchr(host, ':');
    if (colon == NULL || strchr(colon, ']') != NULL)
        return arena_printf(a, "%s:" AGENTS_PORT, q->url);
    return arena_printf(a, "%.*s:" AGENTS_PORT, (int)(colon - q->url), q->url);
}

static int
read_token(const char *file, struct arena *a, const char **out, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    size_t len;

    if (durable_read(file, TOKEN_MAX, &b, e) < 0)
        return err_wrap(e, "token");
    len = strcspn(strbuf_peek(&b), " \t\r\n");
    if (len == 0)
        return err_set(e, BY_E_INVALID, "%s holds no token", file);
    *out = arena_strndup(a, strbuf_peek(&b), len);
    return 0;
}

/* One call to the people's listener, under the pinned CA. */
static int
call_enrol(const struct enrol_request *q, const char *csr_pem, struct arena *a,
           struct w_enrol_answer *out, struct err *e)
{
    struct w_enrol_request body = {.csr_pem = csr_pem};
    struct httpc_answer answer = {0};
    struct httpc *h = NULL;
    SCOPED(strbuf) struct strbuf b = {0};
    int rc;

    (void)snprintf(body.name, sizeof(body.name), "%s", q->name);
    if (read_token(q->token_file, a, &body.token, e) < 0)
        return -1;
    jm_encode(schema_enrol_request, &body, &b);
    if (httpc_new(&(struct httpc_config){.base_url = q->url,
                                         .ca_file = arena_printf(a, "%s/ca.pem", q->dir)},
                  &h, e) < 0)
        return -1;
    rc = httpc_call(h, "POST", "/v1/enrol", strbuf_peek(&b), b.len, CALL_MS, &answer, e);
    if (rc == 0)
        rc = W_DECODE(enrol_answer, answer.body, answer.len, JM_PEER, a, out, e);
    httpc_answer_clear(&answer);
    httpc_free(h);
    return rc;
}

/* Keep the folder of receipts of an earlier incarnation; else make one. */
static int
receipts_prepare(const struct enrol_request *q, struct arena *a, struct ident *id, struct err *e)
{
    struct ident old;
    struct err ignored = {0};

    if (ident_load(q->dir, a, &old, &ignored) == 0) {
        if (!q->again)
            return err_set(e, BY_E_CONFLICT,
                           "%s: this host is enrolled already; --again makes a new incarnation",
                           q->dir);
        (void)snprintf(id->receipts, sizeof(id->receipts), "%s", old.receipts);
        id->serial = old.serial + 1;
        return 0;
    }
    if (ignored.code != BY_E_NOT_FOUND)
        return err_set(e, ignored.code, "%s", ignored.msg);
    random_uuid(id->receipts);
    id->serial = 1;
    return 0;
}

int
enrol_run(const struct enrol_request *q, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(free) char *ca_pem = NULL;
    const char *key_pem = NULL, *csr_pem = NULL;
    struct w_enrol_answer answer;
    struct ident id = {0};

    if (durable_mkdirs(q->dir, 0700, e) < 0 || receipts_prepare(q, &a, &id, e) < 0 ||
        httpc_fetch_ca(q->url, q->ca_sha256, &ca_pem, e) < 0 ||
        ident_pin(q->dir, ca_pem, NULL, e) < 0 ||
        x509_csr_new(q->name, &a, &key_pem, &csr_pem, e) < 0 ||
        call_enrol(q, csr_pem, &a, &answer, e) < 0)
        return -1;
    (void)snprintf(id.host, sizeof(id.host), "%s", answer.host);
    (void)snprintf(id.store, sizeof(id.store), "%s", answer.store);
    (void)snprintf(id.name, sizeof(id.name), "%s", q->name);
    id.incarnation = answer.incarnation;
    id.url = agents_url(q, &a);
    if (ident_pin(q->dir, ca_pem, answer.root_pem, e) < 0)
        return -1;
    if (!q->again || id.serial == 1) {
        const char *dir = arena_printf(&a, "%s/receipts", q->dir);

        /* An enrolment that was cut off may have left an empty one with another id. */
        if (receipts_create(dir, id.receipts, false, e) < 0)
            return err_wrap(e, "remove %s, it is of an enrolment that did not end", dir);
    }
    return ident_save(q->dir, &id, key_pem, answer.certificate_pem, e);
}

int64_t
enrol_renew_at(const char *host, int64_t from, int64_t to)
{
    uint64_t h = 1469598103934665603ULL;
    int64_t life = to - from;

    for (; *host != '\0'; host++)
        h = (h ^ (unsigned char)*host) * 1099511628211ULL;
    h ^= h >> 32; /* ids differ in their last digits too */
    return from + life / 3 * 2 + life / 12 * (int64_t)(h % 1024) / 1024;
}

int
enrol_renew_request(const struct ident *id, struct arena *a, const char **key_pem,
                    const char **body, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_renew_request q = {0};

    if (x509_csr_new(id->name, a, key_pem, &q.csr_pem, e) < 0)
        return -1;
    jm_encode(schema_renew_request, &q, &b);
    *body = arena_strndup(a, strbuf_peek(&b), b.len);
    return 0;
}

int
enrol_renew_take(struct ident *id, struct arena *a, const char *key_pem, const char *answer,
                 size_t len, struct err *e)
{
    struct w_enrol_answer n;
    struct ident next = *id;

    if (W_DECODE(enrol_answer, answer, len, JM_PEER, a, &n, e) < 0)
        return -1;
    if (strcmp(n.host, id->host) != 0)
        return err_set(e, BY_E_DENIED, "the new certificate is for another host (%s)", n.host);
    next.serial++;
    next.incarnation = n.incarnation;
    if (ident_save(id->dir, &next, key_pem, n.certificate_pem, e) < 0)
        return -1;
    return ident_load(id->dir, a, id, e);
}
