#include "policies/notice.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *word, *text;
} rows[NOTICE_KIND__MAX] = {
    {"", ""},
#define NOTICE(NAME, word, text) {word, text},
#include "policies/notice.def"
#undef NOTICE
};

const char *
notice_text(enum notice_kind k)
{
    return k > NOTICE_KIND_NONE && k < NOTICE_KIND__MAX ? rows[k].text : "";
}

static size_t
word_len(const char *list)
{
    const char *comma = strchr(list, ',');

    return comma == NULL ? strlen(list) : (size_t)(comma - list);
}

static bool
is_word(const char *list, size_t len, const char *word)
{
    return strlen(word) == len && strncmp(list, word, len) == 0;
}

bool
notice_takes(const char *kinds, enum notice_kind k)
{
    if (k <= NOTICE_KIND_NONE || k >= NOTICE_KIND__MAX)
        return false;
    if (kinds[0] == '\0' || k == NOTICE_TEST)
        return true;
    for (;;) {
        size_t n = word_len(kinds);

        if (is_word(kinds, n, rows[k].word))
            return true;
        if (kinds[n] == '\0')
            return false;
        kinds += n + 1;
    }
}

bool
notice_kinds_ok(const char *kinds)
{
    while (kinds[0] != '\0') {
        size_t n = word_len(kinds);
        bool known = false;

        for (int k = NOTICE_KIND_NONE + 1; k < NOTICE_KIND__MAX && !known; k++)
            known = is_word(kinds, n, rows[k].word);
        if (!known || (kinds[n] == ',' && kinds[n + 1] == '\0'))
            return false;
        kinds += n + (kinds[n] == ',' ? 1 : 0);
    }
    return true;
}

int64_t
notice_mail_at(int64_t now_ms, int64_t last_ms)
{
    return last_ms == 0 || last_ms + NOTICE_DIGEST_MS < now_ms ? now_ms
                                                               : last_ms + NOTICE_DIGEST_MS;
}

static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-+", c) != NULL);
}

bool
notice_address_ok(const char *address)
{
    const char *at = strchr(address, '@');

    if (at == NULL || at == address || at[1] == '\0' || address[0] == '-' || at[1] == '-')
        return false;
    for (const char *p = address; *p != '\0'; p++)
        if (p != at && !is_plain(*p))
            return false;
    return true;
}

static bool
begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

bool
notice_url_ok(const char *url)
{
    static const char *const here[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};

    for (const char *p = url; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f || *p == '@' || *p == '\\')
            return false;
    if (begins(url, "https://"))
        return url[8] != '\0' && url[8] != '/';
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
        size_t n = strlen(here[i]);

        if (begins(url, here[i]) && (url[n] == ':' || url[n] == '/' || url[n] == '\0'))
            return true;
    }
    return false;
}

static bool
is_v4(const unsigned char ip[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(ip, mapped, sizeof(mapped)) == 0;
}

bool
notice_ip_ok(const unsigned char ip[16], bool plain)
{
    static const unsigned char zeros[15];
    bool v4 = is_v4(ip), low = memcmp(ip, zeros, sizeof(zeros)) == 0;

    if (plain)
        return v4 ? ip[12] == 127 : low && ip[15] == 1;
    if (v4)
        return ip[12] != 0 && ip[12] < 224 && !(ip[12] == 169 && ip[13] == 254);
    return !(low && ip[15] != 1) && ip[0] != 0xff && !(ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
}
