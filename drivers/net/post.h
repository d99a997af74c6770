#ifndef BY_DRIVERS_NET_POST_H
#define BY_DRIVERS_NET_POST_H
/* Ways out of the house for notices, behind one small vtable: mail by SMTP and signed HTTP posts,
 * both over libcurl.  Nothing of the environment (proxies, .netrc) is used, redirects are not
 * followed, certificates are always checked, and what the other side says is bounded in time
 * (POST_HOOK_MS, POST_MAIL_MS) and bytes, whatever it does.  Threads: one owner per handle. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"

enum {
    POST_HOOK_MS = 15000,
    POST_MAIL_MS = 60000, /* a mail server looks at a mail before it takes it */
    POST_FLIGHTS = 64,    /* letters under way at once, per handle */
    POST_ANSWER = 120
};

struct post_letter {
    const char *id;      /* the same at every attempt */
    const char *to;      /* mail address, or URL */
    const char *subject; /* mail only */
    const char *body;    /* mail: plain text; webhook: JSON */
    const char *secret;  /* webhook: key of the signature */
    size_t secret_len;
    int64_t at_ms; /* of this attempt */
};

/** failed NULL: the other side has said that it took the letter.  TIMEOUT, IO: it was not reached
 * or did not answer, the next letter would fare the same; BUSY: not this letter, not now; else it
 * refused this letter.  The reason names neither address nor URL.  answer: what it said, in one
 * line of printable ASCII; of a webhook the status alone, never the body. */
typedef void (*post_done)(void *arg, const char *answer, const struct err *failed);

struct post_ops {
    const char *name;
    /** Begin to hand it over; the letter is copied.  done runs once, from run(), unless the handle
     * is freed.  -1: nothing was begun; BUSY: as many as may be are under way.  Repeating a letter
     * is harmless to who reads its id. */
    int (*start)(void *self, const struct post_letter *l, post_done done, void *arg, struct err *e);
    /** Go on with what was begun until a letter has ended, at most wait_ms. */
    void (*run)(void *self, int wait_ms);
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
    const char *ca_file;    /* it alone is believed; "": the system's */
    int timeout_ms;         /* 0: POST_HOOK_MS, POST_MAIL_MS */
};

/** The texts of the configuration are borrowed for the life of the handle. */
int post_mail_new(const struct post_config *c, struct post *out, struct err *e);
int post_hook_new(const struct post_config *c, struct post *out, struct err *e);
void post_clear(struct post *p); /* NULL and half-built are fine */
/** A secret of 16 to 4096 bytes, in a file that only its owner reads; its last line end does not
 * count.  Into out, NUL-terminated; *len says how long. */
int post_secret(const char *path, char *out, size_t size, size_t *len, struct err *e);
#endif
