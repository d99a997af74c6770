#ifndef BY_TESTS_UNIT_SIGNERS_H
#define BY_TESTS_UNIT_SIGNERS_H
/* Approvers elsewhere, as their own offices would make them with OpenSSL: certificates that sign
 * CMS, keys that sign raw.  Aborts when one cannot be made. */
#include <openssl/cms.h>
#include <openssl/x509.h>

#include "drivers/base/arena.h"
#include "drivers/crypto/sigkey.h"

struct signer {
    EVP_PKEY *pk; /* of a certificate */
    X509 *x;
    struct sigkey *key; /* of a public key */
    const char *pem;
};

struct signed_bytes {
    const void *p;
    size_t n;
};

/** P-256, or RSA with 2048 bits. */
struct signer signer_certificate(bool rsa, struct arena *a);
struct signer signer_key(const char *alg, struct arena *a);
void signer_clear(struct signer *s);
/** As whoever approves would do it with the openssl program. */
struct signed_bytes signer_sign(const struct signer *s, const char *doc, struct arena *a);
/** A CMS over purpose, 0, doc with these flags and digest; second: one more signer, or NULL. */
struct signed_bytes signer_cms(const struct signer *s, const char *purpose, const char *doc,
                               unsigned flags, const EVP_MD *md, const struct signer *second,
                               struct arena *a);
/** Its private key, PEM. */
const char *signer_private(const struct signer *s, struct arena *a);
#endif
