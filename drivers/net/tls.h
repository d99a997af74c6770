#ifndef BY_DRIVERS_NET_TLS_H
#define BY_DRIVERS_NET_TLS_H
/* TLS 1.3 settings of listeners and facts about a peer's certificate.  Threads: a context is
 * immutable after it is made. */
#include <openssl/ssl.h>

#include "drivers/base/error.h"

/** Server context.  client_ca_pem (one or more certificates) not NULL: a client certificate that
 * this CA signed for client use is required. */
int tls_server(const char *cert_pem, const char *key_pem, const char *client_ca_pem, SSL_CTX **out,
               struct err *e);
/** SHA-256 of the DER certificate, hex. */
int tls_fingerprint(const X509 *cert, char out[65]);
/** First SAN URI into out; -1 when there is none, it does not fit, or is not plain ASCII. */
int tls_san_uri(const X509 *cert, char *out, size_t size);
/** Oldest entry of OpenSSL's queue of this thread in words; the queue is empty after. */
int tls_err(struct err *e, const char *what);
#endif
