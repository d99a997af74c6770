/* Mail: the letter in words of RFC 5322 and 2047, handed over by SMTP. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/base/arena.h"
#include "drivers/crypto/base64.h"
#include "drivers/net/post_int.h"

enum {
    LINE_BYTES = 57, /* 76 characters of base64 */
    WORD_BYTES = 42,
    GREETING_MS = 30000 /* some let strangers wait before they greet */
};

static void
add_base64(struct strbuf *b, const char *text)
{
    SCOPED(arena) struct arena a = {0};
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i += LINE_BYTES)
        strbuf_addf(b, "%s\r\n",
                    base64_encode(text + i, len - i < LINE_BYTES ? len - i : LINE_BYTES, &a));
}

/* Encoded words of at most 75 characters, cut between characters; a line of text and no more. */
static void
add_subject(struct strbuf *b, const char *s)
{
    SCOPED(arena) struct arena a = {0};
    char *line = arena_strdup(&a, s);

    for (char *p = line; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    strbuf_adds(b, "Subject:");
    for (s = line; *s != '\0';) {
        size_t n = strlen(s);

        if (n > WORD_BYTES)
            for (n = WORD_BYTES; n > WORD_BYTES - 4 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
                ;
        strbuf_addf(b, "%s =?UTF-8?B?%s?=", s == line ? "" : "\r\n", base64_encode(s, n, &a));
        s += n;
    }
    strbuf_adds(b, "\r\n");
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

static size_t
give(char *to, size_t one, size_t n, void *arg)
{
    struct flight *f = arg;
    size_t left = f->bytes.len - f->at;

    n = one * n < left ? one * n : left;
    memcpy(to, f->bytes.s + f->at, n);
    f->at += n;
    return n;
}

/* Login and password, a line each. */
static int
mail_login(struct flight *f, const char *path, struct err *e)
{
    char text[600];
    size_t len;
    char *password, *end;
    int bad;

    if (path == NULL || path[0] == '\0')
        return 0;
    if (post_file(path, text, sizeof(text), &len, e) < 0)
        return -1;
    password = strchr(text, '\n');
    if (password == NULL) {
        explicit_bzero(text, sizeof(text));
        return err_set(e, BY_E_INVALID, "%s: the login in a line, the password in the next", path);
    }
    *password++ = '\0';
    end = strchr(password, '\n');
    if (end != NULL)
        *end = '\0';
    bad = curl_easy_setopt(f->easy, CURLOPT_USERNAME, text) |
          curl_easy_setopt(f->easy, CURLOPT_PASSWORD, password);
    explicit_bzero(text, sizeof(text));
    return bad == 0 ? 0 : err_set(e, BY_E_NOMEM, "login of the mail server");
}

static int
mail_judge(struct flight *f, CURLcode rc, struct err *e)
{
    long status = 0;

    if (rc == CURLE_OK)
        return 0;
    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when there is none */
    f->answer[0] = '\0';
    /* A no to sender, receiver, or the whole mail is about this letter. */
    if (rc == CURLE_SEND_ERROR || (rc == CURLE_WEIRD_SERVER_REPLY && f->at == f->bytes.len)) {
        if (status >= 500 && status < 600)
            return err_set(e, BY_E_INVALID, "the mail server refuses this mail with %ld", status);
        if (status >= 400 && status < 500)
            return err_set(e, BY_E_BUSY, "the mail server puts this mail off with %ld", status);
    }
    return flight_failed(f, rc, e);
}

static int
mail_start(void *self, const struct post_letter *l, post_done done, void *arg, struct err *e)
{
    struct way *w = self;
    SCOPED(flight_free) struct flight *f = NULL;
    char line[160];
    int bad = 0;

    if (flight_new(w, w->c.server, "smtp,smtps", w->c.plain, &f, e) < 0)
        return -1;
    mail_write(w, l, &f->bytes);
    (void)snprintf(line, sizeof(line), "<%s>", l->to);
    if (flight_line(f, line, e) < 0 || mail_login(f, w->c.login_file, e) < 0)
        return -1;
    (void)snprintf(line, sizeof(line), "<%s>", w->c.from);
    bad |= curl_easy_setopt(f->easy, CURLOPT_USE_SSL,
                            (long)(w->c.plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    bad |= curl_easy_setopt(f->easy, CURLOPT_MAIL_FROM, line);
    bad |= curl_easy_setopt(f->easy, CURLOPT_MAIL_RCPT, f->list);
    bad |= curl_easy_setopt(f->easy, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, give);
    bad |= curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
    if (bad != 0)
        return err_set(e, BY_E_BUG, "libcurl refuses a setting for mail");
    return flight_go_take(TAKE(f), done, arg, e);
}

static const struct post_ops mail_ops = {
    .name = "mail", .start = mail_start, .run = way_run, .free = way_free};

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
    return way_new(c, &mail_ops, GREETING_MS, POST_MAIL_MS, mail_judge, out, e);
}
