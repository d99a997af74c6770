#include <CUnit/CUnit.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/sigkey.h"
#include "drivers/crypto/x509.h"

#define URI "bianyun:host:1b4e28ba-2fa1-41d2-883f-0016d3cca427:3"

struct x509_world {
    struct arena a;
    const char *ca_key, *ca, *key, *csr;
    int64_t now;
};

static void
world_open(struct x509_world *w)
{
    struct err e = {0};

    *w = (struct x509_world){.now = clock_wall_ms() / 1000};
    CU_ASSERT_EQUAL_FATAL(x509_ca_new("test CA", 30, &w->a, &w->ca_key, &w->ca, &e), 0);
    CU_ASSERT_EQUAL_FATAL(x509_csr_new("a hint only", &w->a, &w->key, &w->csr, &e), 0);
}

static X509 *
cert_of(const char *pem)
{
    BIO *b = BIO_new_mem_buf(pem, -1);
    X509 *c = PEM_read_bio_X509(b, NULL, NULL, NULL);

    BIO_free(b);
    return c;
}

/* 1 when OpenSSL itself takes leaf for purpose under ca. */
static int
openssl_takes(const char *ca_pem, const char *leaf_pem, int purpose)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *ca = cert_of(ca_pem), *leaf = cert_of(leaf_pem);
    int r;

    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX_init(ctx, store, leaf, NULL);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_purpose(ctx, purpose);
    r = X509_verify_cert(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(ca);
    X509_free(leaf);
    return r;
}

static void
issues_a_client_certificate_that_openssl_takes(void)
{
    struct x509_world w;
    struct err e = {0};
    const char *cert = NULL, *uri = NULL, *pem = NULL;
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(sigkey_free) struct sigkey *pub = NULL;
    int64_t from, to;

    world_open(&w);
    CU_ASSERT_EQUAL_FATAL(x509_issue(w.ca_key, w.ca, w.csr, "host-1", URI, false, w.now - 60,
                                     w.now + 3600, &w.a, &cert, &e),
                          0);
    CU_ASSERT_EQUAL(openssl_takes(w.ca, cert, X509_PURPOSE_SSL_CLIENT), 1);
    CU_ASSERT_EQUAL(openssl_takes(w.ca, cert, X509_PURPOSE_SSL_SERVER), 0);
    CU_ASSERT_EQUAL(x509_san_uri(cert, &w.a, &uri, &e), 0);
    CU_ASSERT_STRING_EQUAL(uri, URI);
    CU_ASSERT_EQUAL(x509_validity(cert, &from, &to, &e), 0);
    CU_ASSERT_EQUAL(from, w.now - 60);
    CU_ASSERT_EQUAL(to, w.now + 3600);
    CU_ASSERT_EQUAL_FATAL(sigkey_from_pem(w.key, &k, &e), 0);
    CU_ASSERT_EQUAL_FATAL(x509_public_pem(cert, &w.a, &pem, &e), 0);
    CU_ASSERT_EQUAL_FATAL(sigkey_from_pem(pem, &pub, &e), 0);
    CU_ASSERT_STRING_EQUAL(sigkey_id(k), sigkey_id(pub));
    arena_clear(&w.a);
}

static void
issues_a_server_certificate_with_names_and_addresses(void)
{
    struct x509_world w;
    struct err e = {0};
    const char *cert = NULL, *uri = "untouched";
    X509 *c;

    world_open(&w);
    CU_ASSERT_EQUAL_FATAL(x509_issue(w.ca_key, w.ca, w.csr, "controller",
                                     "DNS:cloud.test,IP:10.1.2.3,IP:::1", true, w.now - 60,
                                     w.now + 3600, &w.a, &cert, &e),
                          0);
    CU_ASSERT_EQUAL(openssl_takes(w.ca, cert, X509_PURPOSE_SSL_SERVER), 1);
    c = cert_of(cert);
    CU_ASSERT_EQUAL(X509_check_host(c, "cloud.test", 0, 0, NULL), 1);
    CU_ASSERT_EQUAL(X509_check_host(c, "other.test", 0, 0, NULL), 0);
    CU_ASSERT_EQUAL(X509_check_ip_asc(c, "10.1.2.3", 0), 1);
    CU_ASSERT_EQUAL(X509_check_ip_asc(c, "::1", 0), 1);
    CU_ASSERT_EQUAL(X509_check_ip_asc(c, "10.1.2.4", 0), 0);
    X509_free(c);
    CU_ASSERT_EQUAL(x509_san_uri(cert, &w.a, &uri, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_STRING_EQUAL(uri, "untouched");
    arena_clear(&w.a);
}

static void
gives_every_certificate_its_own_serial_and_fingerprint(void)
{
    struct x509_world w;
    struct err e = {0};
    const char *one = NULL, *two = NULL;
    char f1[65], f2[65];

    world_open(&w);
    CU_ASSERT_EQUAL_FATAL(
        x509_issue(w.ca_key, w.ca, w.csr, "h", URI, false, w.now, w.now + 9, &w.a, &one, &e), 0);
    CU_ASSERT_EQUAL_FATAL(
        x509_issue(w.ca_key, w.ca, w.csr, "h", URI, false, w.now, w.now + 9, &w.a, &two, &e), 0);
    CU_ASSERT_EQUAL(x509_fingerprint(one, f1, &e), 0);
    CU_ASSERT_EQUAL(x509_fingerprint(two, f2, &e), 0);
    CU_ASSERT_STRING_NOT_EQUAL(f1, f2);
    arena_clear(&w.a);
}

static void
refuses_what_is_wrong_and_leaves_the_output(void)
{
    struct x509_world w, other;
    const char *bad_csr, *cert = "untouched";
    struct err e;

    world_open(&w);
    world_open(&other);
    bad_csr = arena_strdup(&w.a, w.csr);
    {
        char *mid = strstr(bad_csr, "-----END") - 12; /* inside the signature */

        *mid = *mid == 'A' ? 'B' : 'A';
    }
    const struct {
        const char *key, *ca, *csr, *cn, *san;
        int64_t from, to;
        enum err_code code;
    } rows[] = {
        {other.ca_key, w.ca, w.csr, "h", URI, w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, "no pem", "h", URI, w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.ca, "h", URI, w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, "", w.csr, "h", URI, w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.csr, "", URI, w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.csr, "h", "", w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.csr, "h", "DNS:a,,DNS:b", w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.csr, "h", "DNS:a b", w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.csr, "h", "IP:300.1.1.1", w.now, w.now + 9, BY_E_INVALID},
        {w.ca_key, w.ca, w.csr, "h", URI, w.now, w.now, BY_E_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        e = (struct err){0};
        CU_ASSERT_EQUAL(x509_issue(rows[i].key, rows[i].ca, rows[i].csr, rows[i].cn, rows[i].san,
                                   true, rows[i].from, rows[i].to, &w.a, &cert, &e),
                        -1);
        CU_ASSERT_EQUAL(e.code, rows[i].code);
        CU_ASSERT(strlen(e.msg) > 10);
        CU_ASSERT_STRING_EQUAL(cert, "untouched");
    }
    e = (struct err){0};
    CU_ASSERT_EQUAL(
        x509_issue(w.ca_key, w.ca, bad_csr, "h", URI, true, w.now, w.now + 9, &w.a, &cert, &e), -1);
    CU_ASSERT(e.code == BY_E_DENIED || e.code == BY_E_INVALID);
    arena_clear(&w.a);
    arena_clear(&other.a);
}

CU_TestInfo x509_tests[] = {
    {"issues a client certificate that OpenSSL takes",
     issues_a_client_certificate_that_openssl_takes},
    {"issues a server certificate with names and addresses",
     issues_a_server_certificate_with_names_and_addresses},
    {"gives every certificate its own serial and fingerprint",
     gives_every_certificate_its_own_serial_and_fingerprint},
    {"refuses what is wrong and leaves the output", refuses_what_is_wrong_and_leaves_the_output},
    CU_TEST_INFO_NULL,
};
