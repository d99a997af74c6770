#ifndef BY_DRIVERS_NET_HTTPC_H
#define BY_DRIVERS_NET_HTTPC_H
/* HTTPS client over libcurl, TLS 1.3.  Blocking form for the CLI; multi form for the agent's loop.
 * Proxies of the environment are not used, redirects are not followed.  The first handle makes the
 * process ignore SIGPIPE.  Threads: one owner per handle; httpc_wakeup() from any. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "policies/say.h"

#define HTTPC_MAX_CALLS 64 /* started and not done, per handle */

struct httpc;

enum { HTTPC_IN = 1, HTTPC_OUT = 2 };
/* For an owner of many handles who waits for all of them at once: it is told what to wait for, and
 * calls httpc_event() instead of httpc_run(). */
struct httpc_watch {
    void (*socket)(void *arg, int fd, int wanted); /* HTTPC_IN | HTTPC_OUT; 0: no longer */
    void (*timer)(void *arg, int in_ms);           /* -1: none */
    void *arg;
};

struct httpc_config {
    const char *base_url;             /* https://host:port */
    const char *ca_file;              /* pinned CA, a PEM file; or NULL and … */
    const char *ca_pem;               /* … its text */
    const char *cert_file, *key_file; /* client certificate, or NULL */
    enum say_lang lang;               /* of the sentences of errors */
    bool page;                        /* a page is liked better than JSON, as by a browser */
    size_t max_answer_bytes;          /* default 16 MiB */
    int connect_timeout_ms;           /* default 5 s */
    const struct httpc_watch *watch;  /* copied; or NULL */
    bool once; /* a call whose connection dies fails; else libcurl may ask again, at once */
};

struct httpc_answer {
    int status; /* 0: no answer; err says why */
    char *body; /* caller frees (httpc_answer_clear) */
    size_t len;
    struct err err; /* set unless 2xx: from the problem document, or from the transport */
};
void httpc_answer_clear(struct httpc_answer *a);

int httpc_new(const struct httpc_config *c, struct httpc **out, struct err *e);
void httpc_free(struct httpc *h); /* calls under way are dropped without done() */
SCOPE_FN(httpc_free, struct httpc)
/** Bearer token for all calls; kept in memory only. */
void httpc_token(struct httpc *h, const char *token);
/** Blocking call; body NULL for none.  -1 unless 2xx, *e from the problem document. */
int httpc_call(struct httpc *h, const char *method, const char *path, const char *body, size_t len,
               int timeout_ms, struct httpc_answer *out, struct err *e);

/** Bytes of an answer as they come; -1 ends the call. */
typedef int (*httpc_take)(void *arg, const char *bytes, size_t len);
/** Blocking GET of an answer of any length, given to take() as it comes.  -1 unless it was 2xx and
 * came to its end, or when for a minute nothing came. */
int httpc_stream(struct httpc *h, const char *path, httpc_take take, void *arg, struct err *e);

typedef void (*httpc_done)(void *arg, struct httpc_answer *a); /* a is cleared after return */
/** Start a call; done runs in httpc_run() of the owner, always once unless the handle is freed.
 * BUSY when HTTPC_MAX_CALLS are under way. */
int httpc_start(struct httpc *h, const char *method, const char *path, const char *body, size_t len,
                int timeout_ms, httpc_done done, void *arg, struct err *e);
/** Drive started calls, at most wait_ms, or until httpc_wakeup(). */
void httpc_run(struct httpc *h, int wait_ms);
void httpc_wakeup(struct httpc *h);
/** With a watch: this socket is ready, or its time has come (fd -1, ready 0). */
void httpc_event(struct httpc *h, int fd, int ready);
/** Fetch the CA of a listener that we do not know yet and check it against its pin: the PEM of the
 * certificate in the presented chain whose SHA-256 (DER) is ca_sha256; DENIED when none. */
int httpc_fetch_ca(const char *base_url, const char *ca_sha256, char **pem, struct err *e);
#endif
