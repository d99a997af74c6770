#ifndef BY_DRIVERS_NET_POST_INT_H
#define BY_DRIVERS_NET_POST_INT_H
/* What the two ways of post.h share: letters under way as transfers of libcurl.  Private to
 * post*.c. */
#include <curl/curl.h>

#include "drivers/base/strbuf.h"
#include "drivers/net/post.h"

struct flight {
    struct way *w;
    CURL *easy;
    struct curl_slist *list;
    struct strbuf bytes; /* what is sent */
    size_t at, got;      /* sent of it; received */
    int status;          /* of HTTP: whose head is complete */
    bool plain;          /* no TLS: to this machine only */
    bool forbidden;      /* an address that nothing is sent to */
    char answer[POST_ANSWER];
    char why[CURL_ERROR_SIZE];
    post_done done;
    void *arg;
};

struct way {
    struct post_config c;
    CURLM *multi;
    int connect_ms, total_ms; /* connecting: until a mail server lets us in */
    size_t n;
    struct flight *flights[POST_FLIGHTS];
    /** What became of one: 0, or -1 with the reason. */
    int (*judge)(struct flight *f, CURLcode rc, struct err *e);
};

/** A transfer with the settings of both ways; flight_free() until flight_go(). */
int flight_new(struct way *w, const char *url, const char *protocols, bool plain,
               struct flight **out, struct err *e);
void flight_free(struct flight *f); /* NULL is fine */
SCOPE_FN(flight_free, struct flight)
int flight_line(struct flight *f, const char *line, struct err *e);
/** Off it goes; what it says is a done() from now on.  Takes f, also on failure. */
int flight_go_take(struct flight *f, post_done done, void *arg, struct err *e);
/** Of a transfer that did not come to its end. */
int flight_failed(const struct flight *f, CURLcode rc, struct err *e);

int way_new(const struct post_config *c, const struct post_ops *ops, int connect_ms, int total_ms,
            int (*judge)(struct flight *, CURLcode, struct err *), struct post *out, struct err *e);
void way_run(void *self, int wait_ms);
void way_free(void *self);

/** A small file that only its owner reads, NUL-terminated. */
int post_file(const char *path, char *out, size_t size, size_t *len, struct err *e);
#endif
