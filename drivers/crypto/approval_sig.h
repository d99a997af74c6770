#ifndef BY_DRIVERS_CRYPTO_APPROVAL_SIG_H
#define BY_DRIVERS_CRYPTO_APPROVAL_SIG_H
/* Signatures over approvals that were given elsewhere.  The signed bytes are the purpose, one 0
 * byte and the document, exactly.  A certificate (P-256, or RSA from 2048 bits) signs as a detached
 * CMS (RFC 5652); a public key (SM2 with SM3, P-256 with SHA-256) as its raw DER signature.  The
 * credential is pinned: certificates inside a CMS, and who issued any, have no say.  Threads: any.
 */
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"

#define APPROVAL_PURPOSE "bianyun import 1"
#define APPROVAL_SIG_MAX 65536 /* bytes of a signature */
#define APPROVAL_DOC_MAX 131072

/* What a certificate or public key says of itself. */
struct approver_cred {
    char alg[16];                        /* cms-p256, cms-rsa, sm2-sm3, p256-sha256 */
    char sha256[65];                     /* of the DER certificate, or of the DER public key */
    int64_t not_before_ms, not_after_ms; /* of a certificate; 0 of a key */
};

/** INVALID or UNSUPPORTED say what is wrong with it. */
int approver_cred_read(const char *pem, struct approver_cred *out, struct err *e);
/** DENIED unless the signature is the credential's over purpose, 0, document. */
int approval_sig_check(const char *pem, const void *doc, size_t len, const void *sig,
                       size_t sig_len, struct err *e);
/** A signature as it lies in a file - DER, PEM or base64 - as DER, in the arena. */
int approval_sig_read(const void *bytes, size_t len, struct arena *a, const void **der, size_t *n,
                      struct err *e);
#endif
