#include "tests/unit/net_fixture.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/crypto/x509.h"

static void
pki_issue(struct pki *p, const char *ca_key, const char *ca_cert, const char *san, bool server,
          int64_t from, int64_t to, const char **key, const char **cert)
{
    const char *csr = NULL;
    struct err e = {0};

    if (x509_csr_new("x", &p->a, key, &csr, &e) < 0 ||
        x509_issue(ca_key, ca_cert, csr, "x", san, server, from, to, &p->a, cert, &e) < 0) {
        fprintf(stderr, "test certificates: %s\n", e.msg);
        abort();
    }
}

void
pki_make(struct pki *p)
{
    int64_t now = (int64_t)time(NULL);
    const char *other_key = NULL, *other_cert = NULL;
    struct err e = {0};

    (void)signal(SIGPIPE, SIG_IGN); /* a server that closes is what is tested */
    memset(p, 0, sizeof(*p));
    if (x509_ca_new("test CA", 30, &p->a, &p->ca_key, &p->ca_cert, &e) < 0 ||
        x509_ca_new("other CA", 30, &p->a, &other_key, &other_cert, &e) < 0)
        abort();
    pki_issue(p, p->ca_key, p->ca_cert, "DNS:localhost,IP:127.0.0.1", true, now - 60, now + 3600,
              &p->server_key, &p->server_cert);
    p->server_cert = arena_printf(&p->a, "%s%s", p->server_cert, p->ca_cert);
    pki_issue(p, p->ca_key, p->ca_cert, "bianyun:host:h1:1", false, now - 60, now + 3600,
              &p->client_key, &p->client_cert);
    pki_issue(p, p->ca_key, p->ca_cert, "bianyun:host:h2:1", false, now - 3600, now - 60,
              &p->stale_key, &p->stale_cert);
    pki_issue(p, other_key, other_cert, "bianyun:host:h3:1", false, now - 60, now + 3600,
              &p->stranger_key, &p->stranger_cert);
    if (x509_fingerprint(p->ca_cert, p->ca_pin, &e) < 0 ||
        x509_fingerprint(p->client_cert, p->client_pin, &e) < 0)
        abort();
}

void
pki_clear(struct pki *p)
{
    arena_clear(&p->a);
}

struct raw {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    char in[65536];
    size_t have;
    char body[65536];
    char head[2000];
};

int
tcp_open(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void
raw_timeout(struct raw *r, int ms)
{
    struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    (void)setsockopt(r->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int
raw_identity(struct raw *r, const char *cert_pem, const char *key_pem)
{
    BIO *cb = BIO_new_mem_buf(cert_pem, -1), *kb = BIO_new_mem_buf(key_pem, -1);
    X509 *cert = PEM_read_bio_X509(cb, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(kb, NULL, NULL, NULL);
    int ok = SSL_CTX_use_certificate(r->ctx, cert) == 1 && SSL_CTX_use_PrivateKey(r->ctx, key) == 1;

    X509_free(cert);
    EVP_PKEY_free(key);
    (void)BIO_free(cb);
    (void)BIO_free(kb);
    return ok;
}

struct raw *
raw_open(int port, const char *cert_pem, const char *key_pem)
{
    struct raw *r = calloc(1, sizeof(*r));

    assert(r != NULL);
    r->ctx = SSL_CTX_new(TLS_client_method());
    assert(r->ctx != NULL);
    if (cert_pem != NULL && !raw_identity(r, cert_pem, key_pem))
        abort();
    r->fd = tcp_open(port);
    r->ssl = SSL_new(r->ctx);
    if (r->fd < 0 || SSL_set_fd(r->ssl, r->fd) != 1) {
        raw_free(r);
        return NULL;
    }
    raw_timeout(r, 60000);
    if (SSL_connect(r->ssl) != 1) {
        ERR_clear_error();
        raw_free(r);
        return NULL;
    }
    return r;
}

void
raw_free(struct raw *r)
{
    if (r == NULL)
        return;
    SSL_free(r->ssl);
    SSL_CTX_free(r->ctx);
    if (r->fd >= 0)
        (void)close(r->fd);
    free(r);
}

int
raw_fd(const struct raw *r)
{
    return r->fd;
}

bool
raw_send(struct raw *r, const char *bytes, size_t len)
{
    bool ok = SSL_write(r->ssl, bytes, (int)len) == (int)len;

    ERR_clear_error();
    return ok;
}

bool
raw_says(struct raw *r, const char *text)
{
    return raw_send(r, text, strlen(text));
}

/* 1 a byte more, 0 closed, -1 nothing in time */
static int
raw_more(struct raw *r, int64_t until)
{
    int64_t left = until - clock_mono_ms();
    int n, why;

    if (left <= 0 || r->have == sizeof(r->in) - 1)
        return -1;
    raw_timeout(r, (int)left);
    n = SSL_read(r->ssl, r->in + r->have, (int)(sizeof(r->in) - 1 - r->have));
    why = SSL_get_error(r->ssl, n);
    ERR_clear_error();
    if (n > 0) {
        r->have += (size_t)n;
        r->in[r->have] = '\0';
        return 1;
    }
    return why == SSL_ERROR_WANT_READ ? -1 : 0;
}

int
raw_status(struct raw *r, int ms)
{
    int64_t until = clock_mono_ms() + ms;

    for (;;) {
        char *end = r->have == 0 ? NULL : strstr(r->in, "\r\n\r\n");
        char *l = end == NULL ? NULL : strcasestr(r->in, "content-length:");
        size_t head = end == NULL ? 0 : (size_t)(end + 4 - r->in), body = 0;
        int rc, status;

        if (l != NULL && l < end)
            body = strtoul(l + 15, NULL, 10);
        if (end != NULL && r->have >= head + body) {
            status = (int)strtol(r->in + 9, NULL, 10);
            (void)snprintf(r->head, sizeof(r->head), "%.*s", (int)head, r->in);
            memcpy(r->body, r->in + head, body);
            r->body[body] = '\0';
            r->have -= head + body;
            memmove(r->in, r->in + head + body, r->have + 1);
            if (status != 100)
                return status;
            continue;
        }
        rc = raw_more(r, until);
        if (rc <= 0)
            return rc;
    }
}

const char *
raw_head(const struct raw *r)
{
    return r->head;
}

const char *
raw_body(const struct raw *r)
{
    return r->body;
}

bool
raw_closed(struct raw *r, int ms)
{
    int64_t until = clock_mono_ms() + ms;
    int rc;

    while ((rc = raw_more(r, until)) == 1)
        r->have = 0;
    return rc == 0;
}
