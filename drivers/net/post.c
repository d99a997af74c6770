#include "drivers/net/post.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/arena.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/totp.h"

enum { SECRET_MAX = 4096, ANSWER_MAX = 65536, LINE_BYTES = 57 /* 76 characters of base64 */ };

struct way {
    struct post_config c;
};

/* What one transfer reads and what it said. */
struct transfer {
    CURL *easy;
    struct curl_slist *list;
    const char *bytes;
    size_t len, at, got;
    char why[CURL_ERROR_SIZE];
};

static void
transfer_clear(struct transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->list);
}
#define SCOPED_TRANSFER __attribute__((cleanup(transfer_clear))) struct transfer

static void
start_once(void)
{
    (void)signal(SIGPIPE, SIG_IGN);              /* cannot fail for this signal */
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* its failure shows when a handle is made */
}

static size_t
give(char *to, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t left = t->len - t->at;

    n = one * n < left ? one * n : left;
    memcpy(to, t->bytes + t->at, n);
    t->at += n;
    return n;
}

/* What the other side says is not kept; it may not say it for ever. */
static size_t
swallow(char *bytes, size_t one, size_t n, void *arg)
{
    struct transfer *t = arg;

    (void)bytes;
    t->got += one * n;
    return t->got > ANSWER_MAX ? 0 : one * n;
}

static int
add_line(struct transfer *t, const char *line, struct err *e)
{
    struct curl_slist *more = curl_slist_append(t->list, line);

    if (more == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    t->list = more;
    return 0;
}

/* Of both ways; 0 when curl took all. */
static int
common(struct transfer *t, const struct way *w, const char *url, const char *protocols)
{
    int bad = 0;

    bad |= curl_easy_setopt(t->easy, CURLOPT_URL, url);
    bad |= curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, protocols);
    bad |= curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    bad |= curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)POST_CONNECT_MS);
    bad |= curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS,
                            (long)(w->c.timeout_ms > 0 ? w->c.timeout_ms : POST_TIMEOUT_MS));
    bad |= curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->why);
    bad |= curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, swallow);
    bad |= curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    if (w->c.ca_file != NULL && w->c.ca_file[0] != '\0')
        bad |= curl_easy_setopt(t->easy, CURLOPT_CAINFO, w->c.ca_file);
    return bad;
}

static int
judge(const struct transfer *t, CURLcode rc, const char *to, struct err *e)
{
    const char *why = t->why[0] != '\0' ? t->why : curl_easy_strerror(rc);
    long status = 0;

    if (rc == CURLE_OK)
        return 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when there is none */
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return err_set(e, BY_E_TIMEOUT, "%s: %s", to, why);
    /* 5xx of SMTP to a sender or receiver is about this letter. */
    if (rc == CURLE_SEND_ERROR && status >= 500 && status < 600)
        return err_set(e, BY_E_INVALID, "%s: refused with %ld", to, status);
    return err_set(e, BY_E_IO, "%s: %s", to, why);
}

/* ---- secrets in files ---------------------------------------------------------------------- */

static int
file_read(const char *path, char *out, size_t size, size_t *len, struct err *e)
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
    if (file_read(path, out, size < SECRET_MAX + 2 ? size : SECRET_MAX + 2, len, e) < 0)
        return -1;
    while (*len > 0 && (out[*len - 1] == '\n' || out[*len - 1] == '\r'))
        out[--*len] = '\0';
    if (*len < 16)
        return err_set(e, BY_E_INVALID,
                       "%s: a secret has 16 bytes or more, e.g. from 'openssl rand -hex 32'", path);
    return 0;
}

/* ---- mail ---------------------------------------------------------------------------------- */

static void
add_base64(struct strbuf *b, const char *text)
{
    SCOPED(arena) struct arena a = {0};
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i += LINE_BYTES)
        strbuf_addf(b, "%s\r\n",
                    base64_encode(text + i, len - i < LINE_BYTES ? len - i : LINE_BYTES, &a));
}

/* A subject in words of at most 75 characters, cut between characters. */
static void
add_subject(struct strbuf *b, const char *s)
{
    SCOPED(arena) struct arena a = {0};

    strbuf_adds(b, "Subject:");
    while (*s != '\0') {
        size_t n = strlen(s);

        if (n > 42)
            for (n = 42; n > 30 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
                ;
        strbuf_addf(b, " =?UTF-8?B?%s?=\r\n", base64_encode(s, n, &a));
        s += n;
    }
}

static void
mail_write(const struct way *w, const struct post_letter *l, struct strbuf *b)
{
    const char *at = strchr(w->c.from, '@');
    time_t s = (time_t)(l->at_ms / 1000);
    struct tm tm;
    char date[64];

    (void)gmtime_r(&s, &tm);
    (void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
    strbuf_addf(b, "Date: %s\r\nFrom: <%s>\r\nTo: <%s>\r\n", date, w->c.from, l->to);
    add_subject(b, l->subject);
    strbuf_addf(b,
                "Message-ID: <%s%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                "Content-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\n",
                l->id, at == NULL ? "@bianyun" : at);
    add_base64(b, l->body);
}

/* Login and password, a line each. */
static int
mail_login(struct transfer *t, const char *path, struct err *e)
{
    char text[600];
    size_t len;
    char *password, *end;
    int bad;

    if (path == NULL || path[0] == '\0')
        return 0;
    if (file_read(path, text, sizeof(text), &len, e) < 0)
        return -1;
    password = strchr(text, '\n');
    if (password == NULL)
        return err_set(e, BY_E_INVALID, "%s: the login in a line, the password in the next", path);
    *password++ = '\0';
    end = strchr(password, '\n');
    if (end != NULL)
        *end = '\0';
    bad = curl_easy_setopt(t->easy, CURLOPT_USERNAME, text) |
          curl_easy_setopt(t->easy, CURLOPT_PASSWORD, password);
    explicit_bzero(text, sizeof(text));
    return bad == 0 ? 0 : err_set(e, BY_E_NOMEM, "login of the mail server");
}

static int
mail_send(void *self, const struct post_letter *l, struct err *e)
{
    const struct way *w = self;
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED_TRANSFER t = {.easy = curl_easy_init()};
    char line[160];
    int bad;

    if (t.easy == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    mail_write(w, l, &b);
    t.bytes = b.s;
    t.len = b.len;
    (void)snprintf(line, sizeof(line), "<%s>", l->to);
    if (add_line(&t, line, e) < 0 || mail_login(&t, w->c.login_file, e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "<%s>", w->c.from);
    bad = common(&t, w, w->c.server, "smtp,smtps");
    bad |= curl_easy_setopt(t.easy, CURLOPT_USE_SSL,
                            (long)(w->c.plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
    bad |= curl_easy_setopt(t.easy, CURLOPT_MAIL_FROM, line);
    bad |= curl_easy_setopt(t.easy, CURLOPT_MAIL_RCPT, t.list);
    bad |= curl_easy_setopt(t.easy, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(t.easy, CURLOPT_READFUNCTION, give);
    bad |= curl_easy_setopt(t.easy, CURLOPT_READDATA, &t);
    if (bad != 0)
        return err_set(e, BY_E_BUG, "libcurl refuses a setting for mail");
    return judge(&t, curl_easy_perform(t.easy), l->to, e);
}

/* ---- webhook ------------------------------------------------------------------------------- */

static int
hook_headers(struct transfer *t, const struct post_letter *l, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char mac[65], line[160];
    int64_t s = l->at_ms / 1000;

    strbuf_addf(&text, "%" PRId64 ".%s", s, l->body);
    mac_sha256_hex(l->secret, l->secret_len, strbuf_peek(&text), mac);
    if (add_line(t, "Content-Type: application/json; charset=utf-8", e) < 0 ||
        add_line(t, "Expect:", e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "X-Bianyun-Delivery: %s", l->id);
    if (add_line(t, line, e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "X-Bianyun-Timestamp: %" PRId64, s);
    if (add_line(t, line, e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "X-Bianyun-Signature: sha256=%s", mac);
    return add_line(t, line, e);
}

static int
hook_send(void *self, const struct post_letter *l, struct err *e)
{
    const struct way *w = self;
    SCOPED_TRANSFER t = {.easy = curl_easy_init()};
    long status = 0;
    int bad;

    if (t.easy == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    if (hook_headers(&t, l, e) < 0)
        return -1;
    bad = common(&t, w, l->to, "https,http");
    bad |= curl_easy_setopt(t.easy, CURLOPT_HTTPHEADER, t.list);
    bad |= curl_easy_setopt(t.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(l->body));
    bad |= curl_easy_setopt(t.easy, CURLOPT_POSTFIELDS, l->body);
    if (bad != 0)
        return err_set(e, BY_E_BUG, "libcurl refuses a setting for a webhook");
    if (judge(&t, curl_easy_perform(t.easy), l->to, e) < 0)
        return -1;
    (void)curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when there is none */
    if (status >= 200 && status < 300)
        return 0;
    return err_set(e, status >= 500 || status == 429 ? BY_E_IO : BY_E_INVALID,
                   "%s: answered %ld, not 2xx", l->to, status);
}

/* ---- handles ------------------------------------------------------------------------------- */

static const struct post_ops mail_ops = {.name = "mail", .send = mail_send, .free = free};
static const struct post_ops hook_ops = {.name = "webhook", .send = hook_send, .free = free};

static int
make(const struct post_config *c, const struct post_ops *ops, struct post *out, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct way *w = calloc(1, sizeof(*w));

    (void)pthread_once(&once, start_once); /* cannot fail with these arguments */
    if (w == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    w->c = *c;
    *out = (struct post){ops, w};
    return 0;
}

static bool
begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* This machine, as a server that may be spoken to without TLS. */
static bool
is_here(const char *server)
{
    static const char *const here[] = {"smtp://127.0.0.1", "smtp://localhost", "smtp://[::1]"};

    for (size_t i = 0; i < ARRAY_LEN(here); i++) {
        char next = begins(server, here[i]) ? server[strlen(here[i])] : 'x';

        if (next == '\0' || next == ':')
            return true;
    }
    return false;
}

int
post_mail_new(const struct post_config *c, struct post *out, struct err *e)
{
    if (!begins(c->server, "smtp://") && !begins(c->server, "smtps://"))
        return err_set(e, BY_E_INVALID, "notices.mail_server begins with smtp:// or smtps://");
    if (strpbrk(c->server + 7, "@\\?# \t") != NULL)
        return err_set(e, BY_E_INVALID,
                       "notices.mail_server is a host and a port; the login is in a file");
    if (c->plain && !is_here(c->server))
        return err_set(e, BY_E_INVALID,
                       "notices.mail_plain is for a mail server on this machine only");
    return make(c, &mail_ops, out, e);
}

int
post_hook_new(const struct post_config *c, struct post *out, struct err *e)
{
    return make(c, &hook_ops, out, e);
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
