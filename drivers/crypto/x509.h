#ifndef BY_DRIVERS_CRYPTO_X509_H
#define BY_DRIVERS_CRYPTO_X509_H
/* Our own small CA for TLS, always P-256 (OpenSSL 3.0 TLS takes no SM2 key).  Threads: any. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"

/** New CA: key (PEM, private) and self-signed certificate. */
int x509_ca_new(const char *common_name, int days, struct arena *a, const char **key_pem,
                const char **cert_pem, struct err *e);
/** New key and certificate request; the subject is only a hint. */
int x509_csr_new(const char *common_name, struct arena *a, const char **key_pem,
                 const char **csr_pem, struct err *e);
/** Issue: checks the request's own signature, ignores its subject and extensions.  CN = cn, one SAN
 * URI (agent: "bianyun:host:<id>:<incarnation>") or DNS/IP list "DNS:a,IP:1.2.3.4"; server or
 * client EKU; 128-bit serial. */
int x509_issue(const char *ca_key_pem, const char *ca_cert_pem, const char *csr_pem, const char *cn,
               const char *san, bool server, int64_t not_before_s, int64_t not_after_s,
               struct arena *a, const char **cert_pem, struct err *e);
/** SHA-256 of the DER certificate, hex. */
int x509_fingerprint(const char *cert_pem, char out[65], struct err *e);
int x509_validity(const char *cert_pem, int64_t *not_before_s, int64_t *not_after_s, struct err *e);
/** The first SAN URI, in the arena. */
int x509_san_uri(const char *cert_pem, struct arena *a, const char **out, struct err *e);
/** Public key of a certificate as PEM, to check a host's papers with. */
int x509_public_pem(const char *cert_pem, struct arena *a, const char **out, struct err *e);
#endif
