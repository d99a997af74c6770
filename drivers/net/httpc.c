#include "drivers/net/httpc.h"

#include <curl/curl.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/strbuf.h"
#include "drivers/net/problem.h"
#include "drivers/net/tls.h"

#define ANSWER_MAX (16u << 20)
#define CONNECT_MS 5000
#define STREAM_IDLE_S 60
/* A connection that was idle for longer is not used again: our listeners close it after 30 s. */
#define IDLE_S 20

TAILQ_HEAD(call_list, call);

struct httpc {
    CURLM *multi;
    char *base_url, *ca_file, *ca_pem, *cert_file, *key_file, *token;
    size_t max_answer_bytes;
    int connect_timeout_ms;
    enum say_lang lang;
    bool page;
    struct httpc_watch watch;
    bool once;
    httpc_take take; /* of the call that is being started */
    void *take_arg;
    struct call_list calls;
    int ncalls;
};

struct call {
    TAILQ_ENTRY(call) next;
    struct httpc *h;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    struct strbuf answer;
    bool too_large, sent;
    char why[CURL_ERROR_SIZE];
    httpc_done done;
    void *arg;
    httpc_take take; /* NULL: the answer is kept */
    void *take_arg;
};

static void
curl_start(void)
{
    (void)signal(SIGPIPE, SIG_IGN);              /* cannot fail for this signal */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* its failure shows when a handle is made */
}

static int
copy_string(char **to, const char *from)
{
    *to = from == NULL ? NULL : strdup(from);
    return from != NULL && *to == NULL ? -1 : 0;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *kept)
{
    const struct httpc_watch *w = &((struct httpc *)arg)->watch;
    int wanted = what == CURL_POLL_IN      ? HTTPC_IN
                 : what == CURL_POLL_OUT   ? HTTPC_OUT
                 : what == CURL_POLL_INOUT ? HTTPC_IN | HTTPC_OUT
                                           : 0;

    (void)easy;
    (void)kept;
    w->socket(w->arg, fd, wanted);
    return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
    const struct httpc_watch *w = &((struct httpc *)arg)->watch;

    (void)multi;
    w->timer(w->arg, (int)ms);
    return 0;
}

static int
watch_set(struct httpc *h, const struct httpc_watch *w, struct err *e)
{
    int bad = 0;

    if (w == NULL)
        return 0;
    h->watch = *w;
    bad |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    bad |= curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    bad |= curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    bad |= curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return bad == 0 ? 0 : err_set(e, BY_E_BUG, "libcurl refuses to be watched");
}

int
httpc_new(const struct httpc_config *c, struct httpc **out, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    SCOPED(httpc_free) struct httpc *h = calloc(1, sizeof(*h));

    (void)pthread_once(&once, curl_start); /* cannot fail with these arguments */
    if (h == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    TAILQ_INIT(&h->calls);
    if (c->base_url == NULL || strncmp(c->base_url, "https://", 8) != 0)
        return err_set(e, BY_E_INVALID, "the address of the controller must begin with https://");
    if (c->ca_file == NULL && c->ca_pem == NULL)
        return err_set(e, BY_E_INVALID, "the CA of the controller is not known: give its file");
    h->max_answer_bytes = c->max_answer_bytes > 0 ? c->max_answer_bytes : ANSWER_MAX;
    h->connect_timeout_ms = c->connect_timeout_ms > 0 ? c->connect_timeout_ms : CONNECT_MS;
    h->lang = c->lang;
    h->page = c->page;
    h->once = c->once;
    h->multi = curl_multi_init();
    if (h->multi == NULL || copy_string(&h->base_url, c->base_url) < 0 ||
        copy_string(&h->ca_file, c->ca_file) < 0 || copy_string(&h->ca_pem, c->ca_pem) < 0 ||
        copy_string(&h->cert_file, c->cert_file) < 0 || copy_string(&h->key_file, c->key_file) < 0)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (watch_set(h, c->watch, e) < 0)
        return -1;
    *out = TAKE(h);
    return 0;
}

static void
call_free(struct call *c)
{
    if (c == NULL)
        return;
    if (c->easy != NULL)
        curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    free(c->body);
    strbuf_clear(&c->answer);
    free(c);
}
SCOPE_FN(call_free, struct call)

/* Take it off the handle's list. */
static void
call_end(struct call *c)
{
    TAILQ_REMOVE(&c->h->calls, c, next);
    c->h->ncalls--;
    (void)curl_multi_remove_handle(c->h->multi, c->easy); /* it is there: it was added */
}

void
httpc_free(struct httpc *h)
{
    struct call *c;

    if (h == NULL)
        return;
    while ((c = TAILQ_FIRST(&h->calls)) != NULL) {
        call_end(c);
        call_free(c);
    }
    if (h->multi != NULL)
        (void)curl_multi_cleanup(h->multi); /* nothing is left in it */
    if (h->token != NULL)
        explicit_bzero(h->token, strlen(h->token));
    free(h->token);
    free(h->base_url);
    free(h->ca_file);
    free(h->ca_pem);
    free(h->cert_file);
    free(h->key_file);
    free(h);
}

void
httpc_token(struct httpc *h, const char *token)
{
    if (h->token != NULL)
        explicit_bzero(h->token, strlen(h->token));
    free(h->token);
    h->token = token == NULL ? NULL : strdup(token);
}

static size_t
call_write(char *bytes, size_t one, size_t n, void *arg)
{
    struct call *c = arg;
    long status = 0;

    (void)one; /* always 1 */
    if (c->take != NULL &&
        curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
        status / 100 == 2)
        return c->take(c->take_arg, bytes, n) == 0 ? n : 0;
    if (n > c->h->max_answer_bytes - c->answer.len) {
        c->too_large = true;
        return 0;
    }
    strbuf_add(&c->answer, bytes, n);
    return n;
}

static int
call_headers(struct call *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf bearer = {0};
    const char *lines[4] = {c->h->page ? "Accept: text/html,*/*;q=0.8"
                                       : "Accept: application/json"};
    size_t n = 1;

    if (c->h->lang == SAY_ZH)
        lines[n++] = "Accept-Language: zh";
    if (c->body != NULL)
        lines[n++] = "Content-Type: application/json; charset=utf-8";
    if (c->h->token != NULL) {
        strbuf_addf(&bearer, "Authorization: Bearer %s", c->h->token);
        lines[n++] = strbuf_peek(&bearer);
    }
    for (size_t i = 0; i < n; i++) {
        struct curl_slist *more = curl_slist_append(c->headers, lines[i]);

        if (more == NULL)
            return err_set(e, BY_E_NOMEM, "out of memory");
        c->headers = more;
    }
    if (bearer.len > 0)
        explicit_bzero(bearer.s, bearer.len);
    return 0;
}

/* Settings that make a connection to our listeners; 0 when curl took all. */
static int
easy_tls(CURL *easy, const struct httpc *h)
{
    int bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    bad |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (h == NULL)
        return bad;
    bad |= curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (h->ca_file != NULL) {
        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
    } else {
        struct curl_blob blob = {h->ca_pem, strlen(h->ca_pem), CURL_BLOB_NOCOPY};

        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (h->cert_file != NULL)
        bad |= curl_easy_setopt(easy, CURLOPT_SSLCERT, h->cert_file);
    if (h->key_file != NULL)
        bad |= curl_easy_setopt(easy, CURLOPT_SSLKEY, h->key_file);
    return bad;
}

/* About to be sent: a second time, libcurl would repeat it over another connection that it has. */
static int
call_sent(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct call *c = arg;

    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    if (c->sent)
        return CURL_PREREQFUNC_ABORT;
    c->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* Or over a new one. */
static curl_socket_t
call_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    if (((struct call *)arg)->sent)
        return CURL_SOCKET_BAD;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Closed by us as it was opened by us: ThreadSanitizer overlooks what libcurl calls, and would take
 * the number's next use in another thread for a race with the socket. */
static int
call_closes(void *arg, curl_socket_t fd)
{
    (void)arg;
    return close(fd);
}

static int
call_once(struct call *c)
{
    int bad = 0;

    bad |= curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, call_sent);
    bad |= curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c);
    bad |= curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETFUNCTION, call_socket);
    bad |= curl_easy_setopt(c->easy, CURLOPT_OPENSOCKETDATA, c);
    bad |= curl_easy_setopt(c->easy, CURLOPT_CLOSESOCKETFUNCTION, call_closes);
    return bad;
}

static int
call_setup(struct call *c, const char *method, const char *path, size_t len, int timeout_ms,
           struct err *e)
{
    SCOPED(strbuf) struct strbuf url = {0};
    int bad;

    strbuf_addf(&url, "%s%s", c->h->base_url, path);
    bad = easy_tls(c->easy, c->h);
    bad |= curl_easy_setopt(c->easy, CURLOPT_URL, strbuf_peek(&url));
    bad |= curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);
    bad |= curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    bad |= curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->why);
    bad |= curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, call_write);
    bad |= curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    bad |= curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    if (c->body != NULL || strcmp(method, "POST") == 0) {
        bad |= curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
        bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
        bad |= curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body == NULL ? "" : c->body);
    }
    bad |= curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
    if (c->h->once)
        bad |= call_once(c);
    if (c->take != NULL) {
        bad |= curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
        bad |= curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME, (long)STREAM_IDLE_S);
    }
    if (call_headers(c, e) < 0)
        return -1;
    bad |= curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    return bad == 0 ? 0 : err_set(e, BY_E_BUG, "%s %s: libcurl refuses a setting", method, path);
}

int
httpc_start(struct httpc *h, const char *method, const char *path, const char *body, size_t len,
            int timeout_ms, httpc_done done, void *arg, struct err *e)
{
    SCOPED(call_free) struct call *c = calloc(1, sizeof(*c));

    if (h->ncalls >= HTTPC_MAX_CALLS)
        return err_set(e, BY_E_BUSY, "%d calls are under way already", h->ncalls);
    if (c == NULL || (c->easy = curl_easy_init()) == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    c->h = h;
    c->done = done;
    c->arg = arg;
    c->take = h->take;
    c->take_arg = h->take_arg;
    if (body != NULL) {
        c->body = malloc(len + 1);
        if (c->body == NULL)
            return err_set(e, BY_E_NOMEM, "out of memory");
        memcpy(c->body, body, len);
        c->body[len] = '\0';
    }
    if (call_setup(c, method, path, len, timeout_ms, e) < 0)
        return -1;
    if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
        return err_set(e, BY_E_NOMEM, "libcurl takes no further call");
    TAILQ_INSERT_TAIL(&h->calls, c, next);
    h->ncalls++;
    (void)TAKE(c);
    return 0;
}

static enum err_code
transport_code(CURLcode rc, const char *why)
{
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return BY_E_TIMEOUT;
    if (rc == CURLE_OUT_OF_MEMORY)
        return BY_E_NOMEM;
    if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CERTPROBLEM ||
        rc == CURLE_SSL_CACERT_BADFILE || rc == CURLE_SSL_ISSUER_ERROR ||
        strstr(why, "alert") != NULL) /* TLS 1.3: a refused client certificate comes late */
        return BY_E_DENIED;
    return rc == CURLE_URL_MALFORMAT ? BY_E_INVALID : BY_E_IO;
}

static const char *
transport_advice(CURLcode rc)
{
    if (rc == CURLE_COULDNT_CONNECT)
        return "; is the controller running, and is the address right?";
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return "; the certificate is not of the controller that we know";
    return "";
}

static void
call_judge(struct call *c, CURLcode rc, struct httpc_answer *a)
{
    const char *why = c->why[0] != '\0' ? c->why : curl_easy_strerror(rc);
    long status = 0;

    if (c->too_large) {
        (void)err_set(&a->err, BY_E_TOO_LARGE, "%s: the answer has more than %zu bytes",
                      c->h->base_url, c->h->max_answer_bytes);
        return;
    }
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when there is none */
    if (rc != CURLE_OK) {
        (void)err_set(&a->err, transport_code(rc, why), "%s: %s%s", c->h->base_url, why,
                      transport_advice(rc));
        return;
    }
    a->status = (int)status;
    a->len = c->answer.len;
    a->body = strbuf_take(&c->answer);
    if (status < 200 || status > 299)
        problem_read((int)status, a->body, a->len, &a->err);
}

static void
call_finish(struct call *c, CURLcode rc)
{
    struct httpc_answer a = {0};

    call_judge(c, rc, &a);
    call_end(c);
    c->done(c->arg, &a); /* may start calls, may not free the handle */
    httpc_answer_clear(&a);
    call_free(c);
}

/* Finish what is done: how many. */
static int
multi_finish(struct httpc *h)
{
    CURLMsg *m;
    int n = 0, finished = 0;

    while ((m = curl_multi_info_read(h->multi, &n)) != NULL) {
        CURLcode rc = m->data.result;
        char *p = NULL;

        if (m->msg != CURLMSG_DONE ||
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p) != CURLE_OK)
            continue;
        call_finish((struct call *)(void *)p, rc);
        finished++;
    }
    return finished;
}

/* Let curl work, then finish what is done: how many. */
static int
multi_step(struct httpc *h)
{
    int n = 0;

    (void)curl_multi_perform(h->multi, &n); /* errors of a call come as its message */
    return multi_finish(h);
}

void
httpc_event(struct httpc *h, int fd, int ready)
{
    int n = 0, what = ((ready & HTTPC_IN) != 0 ? CURL_CSELECT_IN : 0) |
                      ((ready & HTTPC_OUT) != 0 ? CURL_CSELECT_OUT : 0);

    (void)curl_multi_socket_action(h->multi, fd < 0 ? CURL_SOCKET_TIMEOUT : fd, what, &n);
    (void)multi_finish(h);
}

void
httpc_run(struct httpc *h, int wait_ms)
{
    int n = 0;

    if (multi_step(h) > 0)
        return;
    (void)curl_multi_poll(h->multi, NULL, 0, wait_ms, &n); /* a failed wait is a short one */
    (void)multi_step(h);
}

void
httpc_wakeup(struct httpc *h)
{
    (void)curl_multi_wakeup(h->multi); /* a full pipe means: awake already */
}

void
httpc_answer_clear(struct httpc_answer *a)
{
    free(a->body);
    *a = (struct httpc_answer){.status = 0};
}

struct blocking {
    bool done;
    struct httpc_answer *out;
};

static void
blocking_done(void *arg, struct httpc_answer *a)
{
    struct blocking *b = arg;

    b->done = true;
    *b->out = *a;
    a->body = NULL; /* moved */
}

int
httpc_call(struct httpc *h, const char *method, const char *path, const char *body, size_t len,
           int timeout_ms, struct httpc_answer *out, struct err *e)
{
    struct blocking b = {.out = out};

    *out = (struct httpc_answer){.status = 0};
    if (httpc_start(h, method, path, body, len, timeout_ms, blocking_done, &b, e) < 0)
        return -1;
    while (!b.done)
        httpc_run(h, 1000); /* ends by CURLOPT_TIMEOUT_MS at the latest */
    if (out->err.code == BY_E_OK)
        return 0;
    if (e != NULL)
        *e = out->err;
    return -1;
}

int
httpc_stream(struct httpc *h, const char *path, httpc_take take, void *arg, struct err *e)
{
    struct httpc_answer ans = {0};
    struct blocking b = {.out = &ans};
    int rc;

    h->take = take;
    h->take_arg = arg;
    rc = httpc_start(h, "GET", path, NULL, 0, 0, blocking_done, &b, e);
    h->take = NULL;
    if (rc < 0)
        return -1;
    while (!b.done)
        httpc_run(h, 1000); /* ends by CURLOPT_LOW_SPEED_TIME at the latest */
    rc = ans.err.code == BY_E_OK ? 0 : -1;
    if (rc < 0 && e != NULL)
        *e = ans.err;
    httpc_answer_clear(&ans);
    return rc;
}

/* The PEM text that has the pin, or NULL. */
static const char *
chain_find(const struct curl_certinfo *chain, const char *pin)
{
    for (int i = 0; i < chain->num_of_certs; i++) {
        for (const struct curl_slist *l = chain->certinfo[i]; l != NULL; l = l->next) {
            char hex[65];
            BIO *b;
            X509 *cert;
            bool same;

            if (strncmp(l->data, "Cert:", 5) != 0)
                continue;
            b = BIO_new_mem_buf(l->data + 5, -1);
            cert = b == NULL ? NULL : PEM_read_bio_X509(b, NULL, NULL, NULL);
            same = cert != NULL && tls_fingerprint(cert, hex) == 0 && strcasecmp(hex, pin) == 0;
            X509_free(cert);
            (void)BIO_free(b); /* memory only */
            if (same)
                return l->data + 5;
        }
    }
    return NULL;
}

int
httpc_fetch_ca(const char *base_url, const char *ca_sha256, char **pem, struct err *e)
{
    struct curl_certinfo *chain = NULL;
    char why[CURL_ERROR_SIZE] = "";
    const char *found;
    CURL *easy = curl_easy_init();
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    int bad;

    if (easy == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    /* Nothing is sent on this connection; what comes is believed only by its hash. */
    bad = easy_tls(easy, NULL);
    bad |= curl_easy_setopt(easy, CURLOPT_URL, base_url);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)CONNECT_MS);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    if (bad == 0)
        rc = curl_easy_perform(easy);
    if (rc != CURLE_OK) {
        (void)err_set(e, transport_code(rc, why), "%s: %s%s", base_url,
                      why[0] != '\0' ? why : curl_easy_strerror(rc), transport_advice(rc));
    } else if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
               (found = chain_find(chain, ca_sha256)) == NULL) {
        rc = CURLE_PEER_FAILED_VERIFICATION;
        (void)err_set(
            e, BY_E_DENIED,
            "%s shows no certificate with the SHA-256 that you gave: wrong controller, or "
            "someone between",
            base_url);
    } else if ((*pem = strdup(found)) == NULL) {
        rc = CURLE_OUT_OF_MEMORY;
        (void)err_set(e, BY_E_NOMEM, "out of memory");
    }
    curl_easy_cleanup(easy);
    return rc == CURLE_OK ? 0 : -1;
}
