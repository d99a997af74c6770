#include "drivers/crypto/x509.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"

enum { X509_MAX_PEM = 65536, X509_MAX_NAMES = 32 };

SCOPE_FN(EVP_PKEY_free, EVP_PKEY)
SCOPE_FN(X509_free, X509)
SCOPE_FN(X509_REQ_free, X509_REQ)
SCOPE_FN(BIO_free_all, BIO)
SCOPE_FN(GENERAL_NAMES_free, GENERAL_NAMES)
SCOPE_FN(GENERAL_NAME_free, GENERAL_NAME)
SCOPE_FN(BN_free, BIGNUM)

static int
x509_fail(struct err *e, enum err_code code, const char *what)
{
    unsigned long n = ERR_peek_last_error();
    const char *why = n != 0 ? ERR_reason_error_string(n) : NULL;

    ERR_clear_error();
    return err_set(e, code, "%s%s%s", what, why != NULL ? ": " : "", why != NULL ? why : "");
}

/* ---- PEM in and out ---------------------------------------------------------------------------
 */

static int
x509_no_password(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

static BIO *
x509_reader(const char *pem)
{
    return strlen(pem) <= X509_MAX_PEM ? BIO_new_mem_buf(pem, -1) : NULL;
}

static X509 *
x509_read_cert(const char *pem, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = x509_reader(pem);
    X509 *c = b != NULL ? PEM_read_bio_X509(b, NULL, x509_no_password, NULL) : NULL;

    if (c == NULL)
        (void)x509_fail(e, BY_E_INVALID, "not a certificate in PEM form");
    return c;
}

static EVP_PKEY *
x509_read_key(const char *pem, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = x509_reader(pem);
    EVP_PKEY *k = b != NULL ? PEM_read_bio_PrivateKey(b, NULL, x509_no_password, NULL) : NULL;

    if (k == NULL)
        (void)x509_fail(e, BY_E_INVALID, "not a private key in PEM form without password");
    return k;
}

static const char *
x509_bio_text(BIO *b, struct arena *a)
{
    char *text;
    long n = BIO_get_mem_data(b, &text);

    return arena_strndup(a, text, (size_t)n);
}

static int
x509_write_cert(X509 *c, struct arena *a, const char **out, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());

    if (b == NULL || PEM_write_bio_X509(b, c) != 1)
        return x509_fail(e, BY_E_BUG, "cannot write a certificate");
    *out = x509_bio_text(b, a);
    return 0;
}

static int
x509_write_key(EVP_PKEY *k, struct arena *a, const char **out, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());

    if (b == NULL || PEM_write_bio_PKCS8PrivateKey(b, k, NULL, NULL, 0, NULL, NULL) != 1)
        return x509_fail(e, BY_E_BUG, "cannot write a private key");
    *out = x509_bio_text(b, a); /* the library clears its own copy */
    return 0;
}

/* ---- building ---------------------------------------------------------------------------------
 */

static int
x509_set_name(X509_NAME *n, const char *cn, struct err *e)
{
    size_t len = strlen(cn);

    if (len == 0 || len > 64)
        return err_set(e, BY_E_INVALID, "a common name has 1 to 64 bytes, '%.80s' has %zu", cn,
                       len);
    if (X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn,
                                   (int)len, -1, 0) != 1)
        return x509_fail(e, BY_E_INVALID, "the common name cannot be used");
    return 0;
}

/* 128 random bits, never zero, positive. */
static int
x509_set_serial(X509 *c, struct err *e)
{
    SCOPED(BN_free) BIGNUM *bn = NULL;
    unsigned char b[16];

    random_bytes(b, sizeof(b));
    b[15] |= 1;
    bn = BN_bin2bn(b, sizeof(b), NULL);
    if (bn == NULL || BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c)) == NULL)
        return x509_fail(e, BY_E_BUG, "cannot set a serial number");
    return 0;
}

static int
x509_add_ext(X509 *c, X509 *issuer, int nid, const char *value, struct err *e)
{
    X509_EXTENSION *x;
    X509V3_CTX ctx;
    int ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value); /* only constant text of ours as value */
    ok = x != NULL && X509_add_ext(c, x, -1) == 1;
    X509_EXTENSION_free(x);
    return ok ? 0 : x509_fail(e, BY_E_BUG, "cannot add an extension to a certificate");
}

static int
x509_set_times(X509 *c, int64_t not_before_s, int64_t not_after_s, struct err *e)
{
    if (not_before_s >= not_after_s || not_before_s < 0 || not_after_s > 253402300799)
        return err_set(e, BY_E_INVALID,
                       "a certificate must end after it begins, before year 10000");
    if (ASN1_TIME_set(X509_getm_notBefore(c), (time_t)not_before_s) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(c), (time_t)not_after_s) == NULL)
        return x509_fail(e, BY_E_BUG, "cannot set the validity of a certificate");
    return 0;
}

static bool
x509_plain(const char *s, size_t len)
{
    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i < len; i++)
        if (s[i] <= ' ' || s[i] > '~' || s[i] == ',')
            return false;
    return true;
}

/* "DNS:name", "IP:address" or a URI (anything else that is plain ASCII with a colon). */
static GENERAL_NAME *
x509_one_name(const char *s, size_t len, struct err *e)
{
    SCOPED(GENERAL_NAME_free) GENERAL_NAME *g = NULL;
    char text[256];
    int type = GEN_URI;
    size_t skip = 0;

    if (x509_plain(s, len) && len > 4 && memcmp(s, "DNS:", 4) == 0) {
        type = GEN_DNS;
        skip = 4;
    } else if (x509_plain(s, len) && len > 3 && memcmp(s, "IP:", 3) == 0) {
        type = GEN_IPADD;
        skip = 3;
    } else if (!x509_plain(s, len) || memchr(s, ':', len) == NULL) {
        (void)err_set(e, BY_E_INVALID, "'%.*s' is no name for a certificate",
                      (int)(len < 100 ? len : 100), s);
        return NULL;
    }
    memcpy(text, s + skip, len - skip);
    text[len - skip] = '\0';
    g = a2i_GENERAL_NAME(NULL, NULL, NULL, type, text, 0);
    if (g == NULL)
        (void)x509_fail(e, BY_E_INVALID, "a name cannot be put into a certificate");
    return TAKE(g);
}

static int
x509_add_san(X509 *c, const char *san, struct err *e)
{
    SCOPED(GENERAL_NAMES_free) GENERAL_NAMES *all = GENERAL_NAMES_new();
    int n = 0;

    for (const char *at = san;; n++) {
        size_t len = strcspn(at, ",");
        GENERAL_NAME *g = NULL;

        if (n >= X509_MAX_NAMES)
            return err_set(e, BY_E_TOO_LARGE, "at most %d names for one certificate",
                           X509_MAX_NAMES);
        g = x509_one_name(at, len, e);
        if (g == NULL)
            return -1;
        if (all == NULL || sk_GENERAL_NAME_push(all, g) <= 0) {
            GENERAL_NAME_free(g);
            return x509_fail(e, BY_E_NOMEM, "cannot keep a name");
        }
        if (at[len] == '\0')
            break;
        at += len + 1;
    }
    if (X509_add1_ext_i2d(c, NID_subject_alt_name, all, 0, 0) != 1)
        return x509_fail(e, BY_E_BUG, "cannot add names to a certificate");
    return 0;
}

static X509 *
x509_start(EVP_PKEY *public_key, const char *cn, const X509_NAME *issuer, int64_t from_s,
           int64_t to_s, struct err *e)
{
    SCOPED(X509_free) X509 *c = X509_new();

    if (c == NULL || X509_set_version(c, X509_VERSION_3) != 1 ||
        X509_set_pubkey(c, public_key) != 1) {
        (void)x509_fail(e, BY_E_BUG, "cannot begin a certificate");
        return NULL;
    }
    if (x509_set_serial(c, e) < 0 || x509_set_times(c, from_s, to_s, e) < 0 ||
        x509_set_name(X509_get_subject_name(c), cn, e) < 0)
        return NULL;
    if (X509_set_issuer_name(c, issuer != NULL ? issuer : X509_get_subject_name(c)) != 1) {
        (void)x509_fail(e, BY_E_BUG, "cannot name the issuer");
        return NULL;
    }
    return TAKE(c);
}

int
x509_ca_new(const char *common_name, int days, struct arena *a, const char **key_pem,
            const char **cert_pem, struct err *e)
{
    SCOPED(EVP_PKEY_free) EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    SCOPED(X509_free) X509 *c = NULL;
    const char *key = NULL, *cert = NULL;
    int64_t now = clock_wall_ms() / 1000;

    if (k == NULL)
        return x509_fail(e, BY_E_BUG, "cannot make a key");
    if (days < 1 || days > 36500)
        return err_set(e, BY_E_INVALID, "a CA lasts 1 to 36500 days, not %d", days);
    c = x509_start(k, common_name, NULL, now - 300, now + days * INT64_C(86400), e);
    if (c == NULL ||
        x509_add_ext(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0", e) < 0 ||
        x509_add_ext(c, c, NID_key_usage, "critical,keyCertSign,cRLSign", e) < 0 ||
        x509_add_ext(c, c, NID_subject_key_identifier, "hash", e) < 0)
        return err_wrap(e, "new CA");
    if (X509_sign(c, k, EVP_sha256()) <= 0)
        return x509_fail(e, BY_E_BUG, "cannot sign the CA certificate");
    if (x509_write_key(k, a, &key, e) < 0 || x509_write_cert(c, a, &cert, e) < 0)
        return -1;
    *key_pem = key;
    *cert_pem = cert;
    return 0;
}

int
x509_csr_new(const char *common_name, struct arena *a, const char **key_pem, const char **csr_pem,
             struct err *e)
{
    SCOPED(EVP_PKEY_free) EVP_PKEY *k = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    SCOPED(X509_REQ_free) X509_REQ *r = X509_REQ_new();
    SCOPED(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());
    const char *key = NULL;

    if (k == NULL || r == NULL || b == NULL)
        return x509_fail(e, BY_E_BUG, "cannot make a key and a request");
    if (x509_set_name(X509_REQ_get_subject_name(r), common_name, e) < 0)
        return -1;
    if (X509_REQ_set_version(r, X509_REQ_VERSION_1) != 1 || X509_REQ_set_pubkey(r, k) != 1 ||
        X509_REQ_sign(r, k, EVP_sha256()) <= 0 || PEM_write_bio_X509_REQ(b, r) != 1)
        return x509_fail(e, BY_E_BUG, "cannot sign a certificate request");
    if (x509_write_key(k, a, &key, e) < 0)
        return -1;
    *key_pem = key;
    *csr_pem = x509_bio_text(b, a);
    return 0;
}

/* ---- issuing ----------------------------------------------------------------------------------
 */

/* The public key of a request that its holder signed with the private one; P-256 only. */
static EVP_PKEY *
x509_request_key(const char *csr_pem, struct err *e)
{
    SCOPED(BIO_free_all) BIO *b = x509_reader(csr_pem);
    SCOPED(X509_REQ_free) X509_REQ *r = NULL;
    SCOPED(EVP_PKEY_free) EVP_PKEY *k = NULL;
    char group[64] = "";

    r = b != NULL ? PEM_read_bio_X509_REQ(b, NULL, x509_no_password, NULL) : NULL;
    if (r == NULL) {
        (void)x509_fail(e, BY_E_INVALID, "not a certificate request in PEM form");
        return NULL;
    }
    k = X509_REQ_get_pubkey(r);
    if (k == NULL || !EVP_PKEY_is_a(k, "EC") ||
        EVP_PKEY_get_group_name(k, group, sizeof(group), NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        ERR_clear_error();
        (void)err_set(e, BY_E_UNSUPPORTED, "the request's key must be P-256");
        return NULL;
    }
    if (X509_REQ_verify(r, k) != 1) {
        (void)x509_fail(e, BY_E_DENIED, "the request is not signed by its own key");
        return NULL;
    }
    return TAKE(k);
}

static int
x509_add_leaf_exts(X509 *c, X509 *ca, const char *san, bool server, struct err *e)
{
    if (x509_add_ext(c, ca, NID_basic_constraints, "critical,CA:FALSE", e) < 0 ||
        x509_add_ext(c, ca, NID_key_usage, "critical,digitalSignature", e) < 0 ||
        x509_add_ext(c, ca, NID_ext_key_usage, server ? "serverAuth" : "clientAuth", e) < 0 ||
        x509_add_ext(c, ca, NID_subject_key_identifier, "hash", e) < 0 ||
        x509_add_ext(c, ca, NID_authority_key_identifier, "keyid:always", e) < 0)
        return -1;
    return x509_add_san(c, san, e);
}

int
x509_issue(const char *ca_key_pem, const char *ca_cert_pem, const char *csr_pem, const char *cn,
           const char *san, bool server, int64_t not_before_s, int64_t not_after_s, struct arena *a,
           const char **cert_pem, struct err *e)
{
    SCOPED(EVP_PKEY_free) EVP_PKEY *ca_key = x509_read_key(ca_key_pem, e);
    SCOPED(X509_free) X509 *ca = ca_key != NULL ? x509_read_cert(ca_cert_pem, e) : NULL;
    SCOPED(EVP_PKEY_free) EVP_PKEY *k = NULL;
    SCOPED(X509_free) X509 *c = NULL;

    if (ca == NULL)
        return err_wrap(e, "CA");
    if (X509_check_private_key(ca, ca_key) != 1)
        return x509_fail(e, BY_E_INVALID, "the CA's key is not that of its certificate");
    k = x509_request_key(csr_pem, e);
    if (k == NULL)
        return -1;
    c = x509_start(k, cn, X509_get_subject_name(ca), not_before_s, not_after_s, e);
    if (c == NULL || x509_add_leaf_exts(c, ca, san, server, e) < 0)
        return err_wrap(e, "certificate for '%.64s'", cn);
    if (X509_sign(c, ca_key, EVP_sha256()) <= 0)
        return x509_fail(e, BY_E_BUG, "cannot sign a certificate");
    return x509_write_cert(c, a, cert_pem, e);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

int
x509_fingerprint(const char *cert_pem, char out[65], struct err *e)
{
    SCOPED(X509_free) X509 *c = x509_read_cert(cert_pem, e);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (c == NULL)
        return -1;
    if (X509_digest(c, EVP_sha256(), hash, &n) != 1 || n != DIGEST_BYTES)
        return x509_fail(e, BY_E_BUG, "cannot hash a certificate");
    digest_hex(hash, out);
    return 0;
}

static int
x509_seconds(const ASN1_TIME *t, int64_t *out, struct err *e)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1)
        return x509_fail(e, BY_E_INVALID, "a certificate with a broken time");
    *out = (int64_t)timegm(&tm);
    return 0;
}

int
x509_validity(const char *cert_pem, int64_t *not_before_s, int64_t *not_after_s, struct err *e)
{
    SCOPED(X509_free) X509 *c = x509_read_cert(cert_pem, e);
    int64_t from = 0, to = 0; /* gcc at -O2 does not see that both are set */

    if (c == NULL || x509_seconds(X509_get0_notBefore(c), &from, e) < 0 ||
        x509_seconds(X509_get0_notAfter(c), &to, e) < 0)
        return -1;
    *not_before_s = from;
    *not_after_s = to;
    return 0;
}

int
x509_san_uri(const char *cert_pem, struct arena *a, const char **out, struct err *e)
{
    SCOPED(X509_free) X509 *c = x509_read_cert(cert_pem, e);
    SCOPED(GENERAL_NAMES_free) GENERAL_NAMES *all = NULL;

    if (c == NULL)
        return -1;
    all = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; all != NULL && i < sk_GENERAL_NAME_num(all); i++) {
        int type = 0;
        const ASN1_STRING *s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type);
        const char *text = type == GEN_URI ? (const char *)ASN1_STRING_get0_data(s) : NULL;

        if (text == NULL)
            continue;
        if (strlen(text) != (size_t)ASN1_STRING_length(s))
            return err_set(e, BY_E_DENIED, "a certificate with a NUL in its name");
        *out = arena_strdup(a, text);
        return 0;
    }
    ERR_clear_error();
    return err_set(e, BY_E_NOT_FOUND, "the certificate names no URI");
}

int
x509_public_pem(const char *cert_pem, struct arena *a, const char **out, struct err *e)
{
    SCOPED(X509_free) X509 *c = x509_read_cert(cert_pem, e);
    SCOPED(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());

    if (c == NULL)
        return -1;
    if (b == NULL || PEM_write_bio_PUBKEY(b, X509_get0_pubkey(c)) != 1)
        return x509_fail(e, BY_E_INVALID, "a certificate whose key cannot be written");
    *out = x509_bio_text(b, a);
    return 0;
}
