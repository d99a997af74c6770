#include "drivers/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"

static void
ctx_free(SSL_CTX *c)
{
    SSL_CTX_free(c);
}
static void
cert_free(X509 *c)
{
    X509_free(c);
}
static void
pkey_free(EVP_PKEY *k)
{
    EVP_PKEY_free(k);
}
static void
bio_free(BIO *b)
{
    (void)BIO_free(b); /* memory only */
}
SCOPE_FN(ctx_free, SSL_CTX)
SCOPE_FN(cert_free, X509)
SCOPE_FN(pkey_free, EVP_PKEY)
SCOPE_FN(bio_free, BIO)

int
tls_err(struct err *e, const char *what)
{
    unsigned long code = ERR_get_error();
    char text[160] = "unknown cause";

    if (code != 0)
        ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return err_set(e, BY_E_INVALID, "%s: %s", what, text);
}

/* The first certificate is ours, those after it are its chain. */
static int
tls_use_cert(SSL_CTX *ctx, const char *pem, struct err *e)
{
    SCOPED(bio_free) BIO *b = BIO_new_mem_buf(pem, -1);
    SCOPED(cert_free) X509 *own = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);

    if (own == NULL || SSL_CTX_use_certificate(ctx, own) != 1)
        return tls_err(e, "certificate of the listener");
    for (;;) {
        X509 *next = PEM_read_bio_X509(b, NULL, NULL, NULL);

        if (next == NULL)
            break;
        if (SSL_CTX_add0_chain_cert(ctx, next) != 1) {
            X509_free(next);
            return tls_err(e, "certificate chain of the listener");
        }
    }
    ERR_clear_error(); /* the end of the PEM text is told as an error */
    return 0;
}

static int
tls_use_key(SSL_CTX *ctx, const char *pem, struct err *e)
{
    SCOPED(bio_free) BIO *b = BIO_new_mem_buf(pem, -1);
    SCOPED(pkey_free)
    EVP_PKEY *key = b == NULL ? NULL : PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);

    if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return tls_err(e, "key of the listener");
    return 0;
}

static int
tls_require_client(SSL_CTX *ctx, const char *ca_pem, struct err *e)
{
    SCOPED(bio_free) BIO *b = BIO_new_mem_buf(ca_pem, -1);
    int n = 0;

    for (;; n++) {
        SCOPED(cert_free)
        X509 *ca = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);

        if (ca == NULL)
            break;
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) != 1 ||
            SSL_CTX_add_client_CA(ctx, ca) != 1)
            return tls_err(e, "CA of the clients");
    }
    if (n == 0)
        return tls_err(e, "CA of the clients");
    ERR_clear_error();
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ctx, 2);
    return 0;
}

static int
tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                    const unsigned char *in, unsigned inlen, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, outlen, ours, sizeof(ours) - 1, in,
                              inlen) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

int
tls_server(const char *cert_pem, const char *key_pem, const char *client_ca_pem, SSL_CTX **out,
           struct err *e)
{
    SCOPED(ctx_free) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
        return tls_err(e, "TLS");
    /* Buffers of idle connections are given back; no tickets: a revoked certificate must not come
     * back by resumption, and 10,000 agents need no ticket each. */
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (SSL_CTX_set_num_tickets(ctx, 0) != 1)
        return tls_err(e, "TLS tickets");
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ctx, tls_choose_protocol, NULL);
    if (tls_use_cert(ctx, cert_pem, e) < 0 || tls_use_key(ctx, key_pem, e) < 0)
        return -1;
    if (client_ca_pem != NULL && tls_require_client(ctx, client_ca_pem, e) < 0)
        return -1;
    *out = TAKE(ctx);
    return 0;
}

int
tls_fingerprint(const X509 *cert, char out[65])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (X509_digest(cert, EVP_sha256(), md, &n) != 1 || n != 32)
        return -1;
    for (unsigned i = 0; i < n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", md[i]);
    return 0;
}

int
tls_san_uri(const X509 *cert, char *out, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int rc = -1;

    for (int i = 0; rc < 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);
        const unsigned char *s;
        int n;

        if (g->type != GEN_URI)
            continue;
        s = ASN1_STRING_get0_data(g->d.uniformResourceIdentifier);
        n = ASN1_STRING_length(g->d.uniformResourceIdentifier);
        if (n <= 0 || (size_t)n >= size)
            break;
        rc = 0;
        for (int k = 0; k < n; k++)
            if (s[k] <= ' ' || s[k] >= 0x7f)
                rc = -1;
        memcpy(out, s, (size_t)n);
        out[n] = '\0';
        break;
    }
    GENERAL_NAMES_free(names);
    return rc;
}
