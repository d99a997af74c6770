/* A request's head and its target, as a stranger may send them; a server's answer as a client may
 * get it.  Properties: what the scan takes has one reading, a decoded path has no control
 * character and no dot segment, a decoded parameter survives escaping. */
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/net/head.h"
#include "drivers/net/problem.h"
#include "drivers/net/url.h"
#include "tests/fuzz/fuzz.h"

static void
check_text(const char *s)
{
    for (; *s != '\0'; s++)
        fuzz_must((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void
check_param(const struct url_param *p, struct arena *a)
{
    char *target = arena_printf(a, "/?%s=%s", url_escape(p->name, a), url_escape(p->value, a));
    struct url again;

    check_text(p->name);
    check_text(p->value);
    if (strlen(target) > URL_MAX_BYTES)
        return; /* escaping makes it longer */
    fuzz_must(url_parse(target, strlen(target), a, &again, NULL) == 0);
    fuzz_must(again.n == 1 && strcmp(again.params[0].value, p->value) == 0);
}

static void
check_url(const char *target, size_t len)
{
    SCOPED(arena) struct arena a = {0};
    struct err e = {0};
    struct url u;

    if (url_parse(target, len, &a, &u, &e) < 0) {
        fuzz_must(e.code == BY_E_INVALID && e.msg[0] != '\0');
        return;
    }
    check_text(u.path);
    fuzz_must(u.path[0] == '/' && strstr(u.path, "/../") == NULL && strstr(u.path, "//") == NULL);
    for (size_t i = 0; i < u.n; i++)
        check_param(&u.params[i], &a);
    fuzz_planted(u.n == 2 && strncmp(u.path, "/v1/", 4) == 0);
}

static void
check_problem(const char *text, size_t len)
{
    struct err e = {0};

    problem_read(409, text, len, &e);
    fuzz_must(e.code != BY_E_OK && e.msg[0] != '\0');
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    const char *text = (const char *)bytes;
    struct head h = {.content_length = -7};
    struct err e = {0};
    int status = 0;

    if (head_scan(text, len, &h, &status, &e) < 0) {
        fuzz_must(status >= 400 && status < 600 && e.msg[0] != '\0' && h.content_length == -7);
        check_problem(text, len);
        return;
    }
    fuzz_must(h.content_length >= 0 && h.target_len > 0 && h.target[0] == '/');
    fuzz_must(h.content_length == 0 || h.method[0] == 'P');
    fuzz_must(memchr(text, '\0', len) == NULL || memchr(text, '\0', len) > (const void *)h.target);
    check_url(h.target, h.target_len);
}
