#ifndef BY_DRIVERS_NET_POST_H
#define BY_DRIVERS_NET_POST_H
/* Ways out of the house for notices, behind one small vtable: mail by SMTP and signed HTTP posts,
 * both over libcurl.  Nothing of the environment (proxies, .netrc) is used, redirects are not
 * followed, every send ends within POST_TIMEOUT_MS.  Threads: one owner per handle. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"

enum { POST_CONNECT_MS = 5000, POST_TIMEOUT_MS = 15000 };

struct post_letter {
    const char *id;      /* the same at every attempt */
    const char *to;      /* mail address, or URL */
    const char *subject; /* mail only */
    const char *body;    /* mail: plain text; webhook: JSON */
    const char *secret;  /* webhook: key of the signature */
    size_t secret_len;
    int64_t at_ms; /* of this attempt */
};

struct post_ops {
    const char *name;
    /** Hand it over.  0: the other side has said that it took it.  TIMEOUT, IO: the other side was
     * not reached or did not answer, the next letter would fare the same; else it refused this
     * letter.  Repeating a letter is harmless to who reads its id. */
    int (*send)(void *self, const struct post_letter *l, struct err *e);
    void (*free)(void *self); /* may be NULL */
};
struct post {
    const struct post_ops *ops;
    void *self;
};

struct post_config {
    const char *server;     /* smtp://HOST[:PORT], smtps://HOST[:PORT]; mail only */
    const char *from;       /* mail only */
    const char *login_file; /* mail only; "": none */
    bool plain;             /* mail without TLS, on this machine only */
    const char *ca_file;    /* "": the system's */
    int timeout_ms;         /* 0: POST_TIMEOUT_MS */
};

/** The texts of the configuration are borrowed for the life of the handle. */
int post_mail_new(const struct post_config *c, struct post *out, struct err *e);
int post_hook_new(const struct post_config *c, struct post *out, struct err *e);
void post_clear(struct post *p); /* NULL and half-built are fine */
/** A secret of 16 to 4096 bytes, in a file that only its owner reads; its last line end does not
 * count.  Into out, NUL-terminated; *len says how long. */
int post_secret(const char *path, char *out, size_t size, size_t *len, struct err *e);
#endif
