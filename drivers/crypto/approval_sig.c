#include "drivers/crypto/approval_sig.h"

#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/sigkey.h"

enum { CRED_MAX_PEM = 16384, RSA_LEAST = 2048, RSA_MOST = 8192 };

SCOPE_FN(BIO_free_all, BIO)
SCOPE_FN(CMS_ContentInfo_free, CMS_ContentInfo)
SCOPE_FN(X509_free, X509)

static int
sig_fail(struct err *e, enum err_code code, const char *what)
{
    ERR_clear_error();
    return err_set(e, code, "%s", what);
}

/* ---- credentials -------------------------------------------------------------------------------
 */

static bool
is_certificate(const char *pem)
{
    return strstr(pem, "-----BEGIN CERTIFICATE-----") != NULL;
}

static int
no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

/* The only one in the text. */
static int
cert_read(const char *pem, X509 **out, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = BIO_new_mem_buf(pem, -1);
    SCOPED(X509_free) X509 *c = NULL, *more = NULL;

    c = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, no_password, NULL);
    if (c == NULL)
        return sig_fail(e, BY_E_INVALID, "not a certificate in PEM form");
    more = PEM_read_bio_X509(b, NULL, no_password, NULL);
    ERR_clear_error();
    if (more != NULL)
        return err_set(e, BY_E_INVALID,
                       "more than one certificate: give the approver's own, without its issuers");
    *out = TAKE(c);
    return 0;
}

static int
cert_alg(X509 *c, char alg[16], struct err *e)
{
    EVP_PKEY *k = X509_get0_pubkey(c);
    char group[64] = "";

    if (k != NULL && EVP_PKEY_is_a(k, "RSA")) {
        if (EVP_PKEY_get_bits(k) < RSA_LEAST || EVP_PKEY_get_bits(k) > RSA_MOST)
            return err_set(e, BY_E_UNSUPPORTED, "its RSA key has %d bits; %d to %d are taken",
                           EVP_PKEY_get_bits(k), RSA_LEAST, RSA_MOST);
        (void)snprintf(alg, 16, "cms-rsa");
        return 0;
    }
    if (k != NULL && EVP_PKEY_is_a(k, "EC") &&
        EVP_PKEY_get_group_name(k, group, sizeof(group), NULL) == 1 &&
        strcmp(group, "prime256v1") == 0) {
        (void)snprintf(alg, 16, "cms-p256");
        return 0;
    }
    return sig_fail(e, BY_E_UNSUPPORTED,
                    "only certificates with a P-256 or RSA key are taken; of an SM2 certificate, "
                    "register the public key: its signatures are then raw");
}

static int
asn1_ms(const ASN1_TIME *at, int64_t *ms)
{
    struct tm epoch = {.tm_year = 70, .tm_mday = 1}, tm;
    int days, seconds;

    if (ASN1_TIME_to_tm(at, &tm) != 1 || OPENSSL_gmtime_diff(&days, &seconds, &epoch, &tm) != 1)
        return -1;
    *ms = ((int64_t)days * 86400 + seconds) * 1000;
    return 0;
}

static int
cert_cred(const char *pem, struct approver_cred *out, struct err *e)
{
    SCOPED(X509_free) X509 *c = NULL;
    unsigned char *der = NULL;
    int n;

    if (cert_read(pem, &c, e) < 0 || cert_alg(c, out->alg, e) < 0)
        return -1;
    if ((X509_get_key_usage(c) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
        return sig_fail(e, BY_E_INVALID, "the certificate is not for signing (its key usage)");
    if (asn1_ms(X509_get0_notBefore(c), &out->not_before_ms) < 0 ||
        asn1_ms(X509_get0_notAfter(c), &out->not_after_ms) < 0)
        return sig_fail(e, BY_E_INVALID, "the certificate has no valid times");
    n = i2d_X509(c, &der);
    if (n <= 0)
        return sig_fail(e, BY_E_INVALID, "the certificate cannot be read");
    digest_sha256_hex(der, (size_t)n, out->sha256);
    OPENSSL_free(der);
    return 0;
}

int
approver_cred_read(const char *pem, struct approver_cred *out, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    struct approver_cred got = {0};

    if (strlen(pem) > CRED_MAX_PEM)
        return err_set(e, BY_E_TOO_LARGE, "more than %d bytes", CRED_MAX_PEM);
    if (strstr(pem, "PRIVATE KEY-----") != NULL)
        return err_set(e, BY_E_INVALID,
                       "that is a private key: it never leaves its holder; give the certificate or "
                       "the public key");
    if (is_certificate(pem)) {
        if (cert_cred(pem, &got, e) < 0)
            return -1;
    } else {
        if (sigkey_from_pem(pem, &k, e) < 0)
            return -1;
        (void)snprintf(got.alg, sizeof(got.alg), "%s", sigkey_alg(k));
        (void)snprintf(got.sha256, sizeof(got.sha256), "%s", sigkey_id(k));
    }
    *out = got;
    return 0;
}

/* ---- checking ----------------------------------------------------------------------------------
 */

/* One signer, a digest of today, and nothing inside that could be taken for the document. */
static int
cms_form(CMS_ContentInfo *cms, struct err *e)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms); /* NULL: not signed data */
    X509_ALGOR *digest = NULL;
    int nid;

    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed || signers == NULL)
        return sig_fail(e, BY_E_DENIED, "the CMS is not of the kind 'signed data'");
    if (CMS_is_detached(cms) != 1)
        return sig_fail(e, BY_E_DENIED,
                        "the CMS carries content of its own: make it detached, over the document");
    if (sk_CMS_SignerInfo_num(signers) != 1)
        return sig_fail(e, BY_E_DENIED, "the CMS must have one signer");
    CMS_SignerInfo_get0_algs(sk_CMS_SignerInfo_value(signers, 0), NULL, NULL, &digest, NULL);
    nid = digest == NULL ? NID_undef : OBJ_obj2nid(digest->algorithm);
    if (nid != NID_sha256 && nid != NID_sha384 && nid != NID_sha512)
        return sig_fail(e, BY_E_DENIED, "the CMS must use SHA-256, SHA-384 or SHA-512");
    return 0;
}

/* OpenSSL 3.0's CMS_verify() makes a second reader of a memory BIO and loses it when the digest set
 * names an algorithm that it does not know; of any other kind it reads itself. */
static BIO *
content_new(const struct strbuf *m)
{
    BIO *mem = BIO_new_mem_buf(m->s, (int)m->len), *front = BIO_new(BIO_f_null());

    if (mem == NULL || front == NULL)
        abort(); /* out of memory */
    return BIO_push(front, mem);
}

static int
cms_check(const char *pem, const struct strbuf *m, const void *sig, size_t sig_len, struct err *e)
{
    SCOPED(CMS_ContentInfo_free) CMS_ContentInfo *cms = NULL;
    SCOPED(BIO_free_all) BIO *content = content_new(m);
    SCOPED(X509_free) X509 *cert = NULL;
    const unsigned char *p = sig;
    STACK_OF(X509) * certs;
    int ok;

    if (cert_read(pem, &cert, e) < 0)
        return -1;
    cms = d2i_CMS_ContentInfo(NULL, &p, (long)sig_len);
    if (cms == NULL || p != (const unsigned char *)sig + sig_len)
        return sig_fail(e, BY_E_DENIED, "the signature is no CMS in DER form");
    if (cms_form(cms, e) < 0)
        return -1;
    certs = sk_X509_new_null();
    if (certs == NULL || sk_X509_push(certs, cert) != 1)
        abort();
    ok = CMS_verify(cms, certs, NULL, content, NULL,
                    CMS_BINARY | CMS_NOINTERN | CMS_NO_SIGNER_CERT_VERIFY);
    sk_X509_free(certs);
    return ok == 1 ? 0
                   : sig_fail(e, BY_E_DENIED,
                              "the signature is not of this certificate over these bytes");
}

int
approval_sig_check(const char *pem, const void *doc, size_t len, const void *sig, size_t sig_len,
                   struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    SCOPED(strbuf) struct strbuf m = {0};

    if (len == 0 || len > APPROVAL_DOC_MAX || sig_len == 0 || sig_len > APPROVAL_SIG_MAX)
        return err_set(e, BY_E_TOO_LARGE, "an approval has 1 to %d bytes, its signature 1 to %d",
                       APPROVAL_DOC_MAX, APPROVAL_SIG_MAX);
    strbuf_add(&m, APPROVAL_PURPOSE, sizeof(APPROVAL_PURPOSE)); /* with its NUL: the 0 byte */
    strbuf_add(&m, doc, len);
    if (is_certificate(pem))
        return cms_check(pem, &m, sig, sig_len, e);
    return sigkey_from_pem(pem, &k, e) < 0 ? -1 : sigkey_verify(k, m.s, m.len, sig, sig_len, e);
}

/* ---- as it lies in a file ----------------------------------------------------------------------
 */

static int
pem_read(const void *bytes, size_t len, struct arena *a, const void **der, size_t *n, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = BIO_new_mem_buf(bytes, (int)len);
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long got = 0;
    bool ok = b != NULL && PEM_read_bio(b, &name, &header, &data, &got) == 1;

    ok = ok && (strcmp(name, "CMS") == 0 || strcmp(name, "PKCS7") == 0);
    if (ok) {
        *der = memcpy(arena_alloc(a, (size_t)got + 1), data, (size_t)got);
        *n = (size_t)got;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return ok ? 0 : sig_fail(e, BY_E_INVALID, "not a signature in PEM form (BEGIN CMS)");
}

int
approval_sig_read(const void *bytes, size_t len, struct arena *a, const void **der, size_t *n,
                  struct err *e)
{
    const char *s = bytes;
    char *text;
    size_t k = 0;

    if (len == 0 || len > 2 * (size_t)APPROVAL_SIG_MAX)
        return err_set(e, BY_E_TOO_LARGE, "a signature has 1 to %d bytes", APPROVAL_SIG_MAX);
    if (s[0] == 0x30) { /* an ASN.1 sequence; base64 of one begins with 'M' */
        *der = bytes;
        *n = len;
        return 0;
    }
    if (len > 11 && memcmp(s, "-----BEGIN ", 11) == 0)
        return pem_read(bytes, len, a, der, n, e);
    text = arena_alloc(a, len + 1);
    for (size_t i = 0; i < len; i++)
        if (isspace((unsigned char)s[i]) == 0)
            text[k++] = s[i];
    text[k] = '\0';
    if (memchr(text, '\0', k) != NULL || base64_decode(text, a, der, n, e) < 0)
        return err_set(e, BY_E_INVALID, "neither DER, PEM nor base64");
    return 0;
}
