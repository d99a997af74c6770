#include "drivers/net/post.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/crypto/totp.h"
#include "drivers/net/post_int.h"
#include "policies/notice.h"

enum { SECRET_MAX = 4096, RECEIVED_MAX = 65536, REPLY_S = 30, HOOK_CONNECT_MS = 5000 };

static void
start_once(void)
{
    (void)signal(SIGPIPE, SIG_IGN);              /* cannot fail for this signal */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* its failure shows when a handle is made */
}

/* ---- one letter under way ------------------------------------------------------------------ */

void
flight_free(struct flight *f)
{
    if (f == NULL)
        return;
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->list);
    strbuf_clear(&f->bytes);
    free(f);
}

/* What the other side says is not kept; it may not say it for ever. */
static size_t
swallow(char *bytes, size_t one, size_t n, void *arg)
{
    struct flight *f = arg;

    (void)bytes;
    f->got += one * n;
    return f->got > RECEIVED_MAX ? 0 : one * n;
}

static bool
line_is(const char *s, size_t n, const char *with)
{
    return n >= strlen(with) && memcmp(s, with, strlen(with)) == 0;
}

/* The last line of a mail server's answer to the whole mail. */
static void
keep_answer(struct flight *f, const char *s, size_t n)
{
    size_t i;

    while (n > 0 && (s[n - 1] == '\r' || s[n - 1] == '\n'))
        n--;
    for (i = 0; i < n && i < sizeof(f->answer) - 1; i++)
        f->answer[i] = (char)(s[i] >= ' ' && s[i] <= '~' ? s[i] : '?');
    f->answer[i] = '\0';
}

/* Line by line: heads of HTTP and answers of SMTP. */
static size_t
hear(char *bytes, size_t one, size_t n, void *arg)
{
    struct flight *f = arg;
    long status = 0;

    if (f->bytes.len > 0 && f->at == f->bytes.len && f->answer[0] == '\0' &&
        line_is(bytes, n, "250"))
        keep_answer(f, bytes, n);
    if (f->bytes.len == 0 && (line_is(bytes, n, "\r\n") || line_is(bytes, n, "\n"))) {
        (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE,
                                &status); /* 0 when there is none */
        f->status = status >= 200 ? (int)status : 0;
    }
    return swallow(bytes, one, n, arg);
}

static void
address_of(const struct curl_sockaddr *a, unsigned char ip[16])
{
    memset(ip, 0, 16); /* no address, and refused as such */
    if (a->family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&a->addr;

        ip[10] = ip[11] = 0xff;
        memcpy(ip + 12, &in->sin_addr, 4);
    } else if (a->family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)&a->addr;

        memcpy(ip, &in6->sin6_addr, 16);
    }
}

/* By the address that is really connected to: a name may mean another one by now. */
static curl_socket_t
connect_to(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct flight *f = arg;
    unsigned char ip[16];

    (void)purpose;
    address_of(a, ip);
    if (!notice_ip_ok(ip, f->plain)) {
        f->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

int
flight_line(struct flight *f, const char *line, struct err *e)
{
    struct curl_slist *more = curl_slist_append(f->list, line);

    if (more == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    f->list = more;
    return 0;
}

/* 0 when curl took all. */
static int
settings(struct flight *f, const char *url, const char *protocols)
{
    const struct way *w = f->w;
    CURL *h = f->easy;
    int bad = 0;

    bad |= curl_easy_setopt(h, CURLOPT_URL, url);
    bad |= curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, protocols);
    bad |= curl_easy_setopt(h, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs holds nobody up */
    bad |= curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    bad |= curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)w->total_ms);
    bad |= curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)w->connect_ms);
    /* Also after a QUIT, where the limit of the whole does not count. */
    bad |= curl_easy_setopt(h, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                            w->total_ms < REPLY_S * 1000 ? (w->total_ms + 999L) / 1000 : REPLY_S);
    bad |= curl_easy_setopt(h, CURLOPT_ERRORBUFFER, f->why);
    bad |= curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, swallow);
    bad |= curl_easy_setopt(h, CURLOPT_WRITEDATA, f);
    bad |= curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, hear);
    bad |= curl_easy_setopt(h, CURLOPT_HEADERDATA, f);
    bad |= curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, connect_to);
    bad |= curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, f);
    bad |= curl_easy_setopt(h, CURLOPT_PRIVATE, f);
    if (w->c.ca_file != NULL && w->c.ca_file[0] != '\0') {
        bad |= curl_easy_setopt(h, CURLOPT_CAINFO, w->c.ca_file);
        bad |= curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
    }
    return bad;
}

int
flight_new(struct way *w, const char *url, const char *protocols, bool plain, struct flight **out,
           struct err *e)
{
    struct flight *f;

    if (w->n == POST_FLIGHTS)
        return err_set(e, BY_E_BUSY, "%d letters are under way", POST_FLIGHTS);
    f = calloc(1, sizeof(*f));
    if (f == NULL || (f->easy = curl_easy_init()) == NULL) {
        flight_free(f);
        return err_set(e, BY_E_NOMEM, "out of memory");
    }
    f->w = w;
    f->plain = plain;
    if (settings(f, url, protocols) != 0) {
        flight_free(f);
        return err_set(e, BY_E_BUG, "libcurl refuses a setting");
    }
    *out = f;
    return 0;
}

int
flight_go_take(struct flight *f, post_done done, void *arg, struct err *e)
{
    struct way *w = f->w;

    f->done = done;
    f->arg = arg;
    if (curl_multi_add_handle(w->multi, f->easy) != CURLM_OK) {
        flight_free(f);
        return err_set(e, BY_E_NOMEM, "libcurl takes no transfer");
    }
    w->flights[w->n++] = f;
    return 0;
}

int
flight_failed(const struct flight *f, CURLcode rc, struct err *e)
{
    if (f->forbidden)
        return err_set(e, BY_E_DENIED, "%s",
                       f->plain ? "without TLS only to this machine: the name means another one"
                                : "nothing is sent to link-local, multicast or no address");
    if (f->got > RECEIVED_MAX)
        return err_set(e, BY_E_IO, "it answered with more than %d bytes", RECEIVED_MAX);
    return err_set(e, rc == CURLE_OPERATION_TIMEDOUT ? BY_E_TIMEOUT : BY_E_IO, "%s",
                   f->why[0] != '\0' ? f->why : curl_easy_strerror(rc));
}

/* ---- all of a way -------------------------------------------------------------------------- */

static void
way_drop(struct way *w, const struct flight *f)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->flights[i] == f) {
            w->flights[i] = w->flights[--w->n];
            return;
        }
}

static void
way_land(struct way *w, CURL *easy, CURLcode rc)
{
    SCOPED(flight_free) struct flight *f = NULL;
    struct err e = {0};
    void *mine = NULL;
    int bad;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &mine);
    f = mine;
    (void)curl_multi_remove_handle(w->multi, easy); /* it is there */
    way_drop(w, f);
    bad = w->judge(f, rc, &e);
    f->done(f->arg, f->answer, bad < 0 ? &e : NULL);
}

void
way_run(void *self, int wait_ms)
{
    struct way *w = self;
    int64_t end = clock_mono_ms() + wait_ms;
    bool landed = false;

    while (w->n > 0 && !landed) {
        int running, left;
        int64_t now;
        CURLMsg *m;

        if (curl_multi_perform(w->multi, &running) != CURLM_OK)
            return;
        while ((m = curl_multi_info_read(w->multi, &left)) != NULL)
            if (m->msg == CURLMSG_DONE) {
                way_land(w, m->easy_handle, m->data.result);
                landed = true;
            }
        now = clock_mono_ms();
        if (landed || now >= end || w->n == 0)
            return;
        (void)curl_multi_poll(w->multi, NULL, 0, (int)(end - now), NULL);
    }
}

void
way_free(void *self)
{
    struct way *w = self;

    if (w == NULL)
        return;
    while (w->n > 0) {
        struct flight *f = w->flights[--w->n];

        (void)curl_multi_remove_handle(w->multi, f->easy);
        flight_free(f);
    }
    (void)curl_multi_cleanup(w->multi); /* NULL is fine */
    free(w);
}

int
way_new(const struct post_config *c, const struct post_ops *ops, int connect_ms, int total_ms,
        int (*judge)(struct flight *, CURLcode, struct err *), struct post *out, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct way *w = calloc(1, sizeof(*w));

    (void)pthread_once(&once, start_once); /* cannot fail with these arguments */
    if (w == NULL || (w->multi = curl_multi_init()) == NULL) {
        free(w);
        return err_set(e, BY_E_NOMEM, "out of memory");
    }
    w->c = *c;
    w->total_ms = c->timeout_ms > 0 ? c->timeout_ms : total_ms;
    w->connect_ms = connect_ms < w->total_ms ? connect_ms : w->total_ms;
    w->judge = judge;
    *out = (struct post){ops, w};
    return 0;
}

void
post_clear(struct post *p)
{
    if (p == NULL || p->ops == NULL)
        return;
    if (p->ops->free != NULL)
        p->ops->free(p->self);
    p->ops = NULL;
}

/* ---- secrets in files ---------------------------------------------------------------------- */

int
post_file(const char *path, char *out, size_t size, size_t *len, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return err_set(e, errno == ENOENT ? BY_E_NOT_FOUND : BY_E_IO, "opening %s: %s", path,
                       strerror(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, BY_E_INVALID, "%s is not a plain file", path);
    if ((st.st_mode & 077) != 0)
        return err_set(e, BY_E_DENIED, "%s can be read by others: make it mode 0600", path);
    if ((size_t)st.st_size >= size)
        return err_set(e, BY_E_TOO_LARGE, "%s has more than %zu bytes", path, size - 1);
    n = read(fd, out, size - 1);
    if (n < 0)
        return err_set(e, BY_E_IO, "reading %s: %s", path, strerror(errno));
    out[n] = '\0';
    *len = (size_t)n;
    return 0;
}

int
post_secret(const char *path, char *out, size_t size, size_t *len, struct err *e)
{
    if (post_file(path, out, size < SECRET_MAX + 2 ? size : SECRET_MAX + 2, len, e) < 0)
        return -1;
    while (*len > 0 && (out[*len - 1] == '\n' || out[*len - 1] == '\r'))
        out[--*len] = '\0';
    if (*len < 16)
        return err_set(e, BY_E_INVALID,
                       "%s: a secret has 16 bytes or more, e.g. from 'openssl rand -hex 32'", path);
    return 0;
}

/* ---- webhook ------------------------------------------------------------------------------- */

static int
hook_headers(struct flight *f, const struct post_letter *l, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char mac[65], line[160];
    int64_t s = l->at_ms / 1000;

    strbuf_addf(&text, "%" PRId64 ".%s", s, l->body);
    mac_sha256_hex(l->secret, l->secret_len, strbuf_peek(&text), mac);
    if (flight_line(f, "Content-Type: application/json; charset=utf-8", e) < 0 ||
        flight_line(f, "Expect:", e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "X-Bianyun-Delivery: %s", l->id);
    if (flight_line(f, line, e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "X-Bianyun-Timestamp: %" PRId64, s);
    if (flight_line(f, line, e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "X-Bianyun-Signature: sha256=%s", mac);
    return flight_line(f, line, e);
}

/* A complete head says all that counts: what comes after it, or does not, changes nothing. */
static int
hook_judge(struct flight *f, CURLcode rc, struct err *e)
{
    if (f->status == 0)
        return rc == CURLE_OK ? err_set(e, BY_E_IO, "no answer of HTTP") : flight_failed(f, rc, e);
    (void)snprintf(f->answer, sizeof(f->answer), "HTTP %d", f->status);
    if (f->status < 300)
        return 0;
    return err_set(e, f->status >= 500 || f->status == 429 ? BY_E_IO : BY_E_INVALID,
                   "answered %d, not 2xx%s", f->status,
                   f->status < 400 ? ": redirects are not followed" : "");
}

static int
hook_start(void *self, const struct post_letter *l, post_done done, void *arg, struct err *e)
{
    SCOPED(flight_free) struct flight *f = NULL;
    int bad = 0;

    if (flight_new(self, l->to, "https,http", strncmp(l->to, "https://", 8) != 0, &f, e) < 0 ||
        hook_headers(f, l, e) < 0)
        return -1;
    bad |= curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->list);
    bad |= curl_easy_setopt(f->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(l->body));
    bad |= curl_easy_setopt(f->easy, CURLOPT_COPYPOSTFIELDS, l->body);
    if (bad != 0)
        return err_set(e, BY_E_BUG, "libcurl refuses a setting for a webhook");
    return flight_go_take(TAKE(f), done, arg, e);
}

static const struct post_ops hook_ops = {
    .name = "webhook", .start = hook_start, .run = way_run, .free = way_free};

int
post_hook_new(const struct post_config *c, struct post *out, struct err *e)
{
    return way_new(c, &hook_ops, HOOK_CONNECT_MS, POST_HOOK_MS, hook_judge, out, e);
}
