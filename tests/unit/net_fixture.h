#ifndef BY_TESTS_UNIT_NET_FIXTURE_H
#define BY_TESTS_UNIT_NET_FIXTURE_H
/* A CA with certificates, and a TLS client that can misbehave, for tests of drivers/net. */
#include "drivers/base/scope.h"
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "drivers/base/arena.h"

struct pki {
    struct arena a;
    const char *ca_key, *ca_cert;
    const char *server_key, *server_cert; /* server_cert: with the CA after it */
    const char *client_key, *client_cert;
    const char *stale_key, *stale_cert;       /* expired */
    const char *stranger_key, *stranger_cert; /* of another CA */
    char ca_pin[65], client_pin[65];
};
void pki_make(struct pki *p);
void pki_clear(struct pki *p);

struct raw; /* one TLS connection */
/** NULL when the handshake fails. cert NULL: none. */
struct raw *raw_open(int port, const char *cert_pem, const char *key_pem);
void raw_free(struct raw *r);
SCOPE_FN(raw_free, struct raw)
/** false when the other side has closed. */
bool raw_send(struct raw *r, const char *bytes, size_t len);
bool raw_says(struct raw *r, const char *text);
/** One whole answer (Content-Length): its status, 0 on a close, -1 after ms without one. */
int raw_status(struct raw *r, int ms);
const char *raw_head(const struct raw *r); /* of the newest answer */
const char *raw_body(const struct raw *r); /* of the newest answer */
/** true when the other side closes within ms. */
bool raw_closed(struct raw *r, int ms);
int raw_fd(const struct raw *r);
/** A TCP connection to the port on 127.0.0.1, or -1. */
int tcp_open(int port);
#endif
