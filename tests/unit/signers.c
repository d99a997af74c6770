#include "tests/unit/signers.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/strbuf.h"
#include "drivers/crypto/approval_sig.h"

static const char *
bio_text(BIO *b, struct arena *a)
{
    char *text;
    long n = BIO_get_mem_data(b, &text);
    const char *out = arena_strndup(a, text, (size_t)n);

    BIO_free_all(b);
    return out;
}

struct signer
signer_certificate(bool rsa, struct arena *a)
{
    struct signer s = {.pk = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), .x = X509_new()};
    BIO *b = BIO_new(BIO_s_mem());

    X509_set_version(s.x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(s.x), 7);
    X509_gmtime_adj(X509_getm_notBefore(s.x), -86400L * 60);
    X509_gmtime_adj(X509_getm_notAfter(s.x), 86400L * 365);
    X509_set_pubkey(s.x, s.pk);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(s.x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"approver", -1, -1, 0);
    X509_set_issuer_name(s.x, X509_get_subject_name(s.x));
    if (X509_sign(s.x, s.pk, EVP_sha256()) == 0 || PEM_write_bio_X509(b, s.x) != 1)
        abort();
    s.pem = bio_text(b, a);
    return s;
}

struct signer
signer_key(const char *alg, struct arena *a)
{
    struct signer s = {0};
    struct err e;

    if (sigkey_generate(alg, &s.key, &e) < 0)
        abort();
    s.pem = sigkey_public_pem(s.key, a);
    return s;
}

void
signer_clear(struct signer *s)
{
    X509_free(s->x);
    EVP_PKEY_free(s->pk);
    sigkey_free(s->key);
}

struct signed_bytes
signer_cms(const struct signer *s, const char *purpose, const char *doc, unsigned flags,
           const EVP_MD *md, const struct signer *second, struct arena *a)
{
    SCOPED(strbuf) struct strbuf m = {0};
    unsigned char *der = NULL;
    CMS_ContentInfo *cms;
    struct signed_bytes out;
    BIO *b;
    int n;

    strbuf_add(&m, purpose, strlen(purpose) + 1);
    strbuf_adds(&m, doc);
    b = BIO_new_mem_buf(m.s, (int)m.len);
    cms = CMS_sign(NULL, NULL, NULL, b, CMS_PARTIAL | CMS_BINARY | flags);
    if (cms == NULL || CMS_add1_signer(cms, s->x, s->pk, md, CMS_BINARY) == NULL ||
        (second != NULL && CMS_add1_signer(cms, second->x, second->pk, md, CMS_BINARY) == NULL) ||
        CMS_final(cms, b, NULL, CMS_BINARY | flags) != 1)
        abort();
    n = i2d_CMS_ContentInfo(cms, &der);
    out.p = memcpy(arena_alloc(a, (size_t)n), der, (size_t)n);
    out.n = (size_t)n;
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(b);
    return out;
}

/* As whoever approves would do it with the openssl program. */
struct signed_bytes
signer_sign(const struct signer *s, const char *doc, struct arena *a)
{
    SCOPED(strbuf) struct strbuf m = {0};
    unsigned char *sig;
    struct signed_bytes out;
    struct err e;

    if (s->key == NULL)
        return signer_cms(s, APPROVAL_PURPOSE, doc, CMS_DETACHED, EVP_sha256(), NULL, a);
    strbuf_add(&m, APPROVAL_PURPOSE, sizeof(APPROVAL_PURPOSE));
    strbuf_adds(&m, doc);
    sig = arena_alloc(a, SIGKEY_MAX_SIG);
    if (sigkey_sign(s->key, m.s, m.len, sig, &out.n, &e) < 0)
        abort();
    out.p = sig;
    return out;
}

const char *
signer_private(const struct signer *s, struct arena *a)
{
    BIO *b = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PrivateKey(b, s->pk, NULL, NULL, 0, NULL, NULL) != 1)
        abort();
    return bio_text(b, a);
}
