#include "drivers/codec/jclass.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "drivers/codec/utf8.h"

/* Code points that show nothing, or turn the direction of what follows: in a name they make two
 * different names look alike. */
static bool
jclass_unseen(uint32_t cp)
{
    return cp == 0xad || cp == 0x61c || cp == 0x180e || cp == 0xfeff || cp == 0x3164 ||
           (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x202a && cp <= 0x202e) ||
           (cp >= 0x2060 && cp <= 0x206f) || (cp >= 0xfff9 && cp <= 0xfffb) ||
           (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xe0000 && cp <= 0xe0fff);
}

static bool
jclass_blank(uint32_t cp)
{
    return cp == ' ' || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
           cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

static const char *
jclass_text(enum jm_class cls, const char *s, size_t len)
{
    uint32_t cp = 0, last = 0;

    for (size_t i = 0, n; i < len; i += n, last = cp) {
        n = utf8_next(s + i, len - i, &cp);
        if (n == 0)
            return "must be UTF-8";
        if ((cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp <= 0x9f))
            return "must not contain control characters";
        if (cls == JM_ANY)
            continue;
        if (cp == '\n' || cp == 0x2028 || cp == 0x2029)
            return "must be one line";
        if (cls == JM_LINE)
            continue;
        if (cp == '\t' || jclass_unseen(cp))
            return "must not contain tabs or invisible characters";
        if (cp < 0x80 && strchr("<>&\"'`$;|*?/\\", (int)cp) != NULL)
            return "must not contain any of < > & \" ' ` $ ; | * ? / \\";
        if (i == 0 && (cp == '.' || jclass_blank(cp)))
            return "must not begin with a blank or a dot";
    }
    if (cls == JM_NAME && (last == '.' || jclass_blank(last)))
        return "must not end with a blank or a dot";
    return NULL;
}

static bool
jclass_hex(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
            return false;
    return true;
}

static bool
jclass_host(const char *s, size_t len)
{
    if (len == 0 || len > 63 || s[0] == '-' || s[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'z') || s[i] == '-'))
            return false;
    return true;
}

static bool
jclass_uuid(const char *s, size_t len)
{
    return len == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
           jclass_hex(s, 8) && jclass_hex(s + 9, 4) && jclass_hex(s + 14, 4) &&
           jclass_hex(s + 19, 4) && jclass_hex(s + 24, 12);
}

static bool
jclass_mac(const char *s, size_t len)
{
    if (len != 17)
        return false;
    for (size_t i = 0; i < 6; i++)
        if (!jclass_hex(s + 3 * i, 2) || (i < 5 && s[3 * i + 2] != ':'))
            return false;
    return strchr("13579bdf", s[1]) == NULL; /* an odd first byte is a group address */
}

/* Exactly as inet_ntop() would write it: no leading zeros, no short forms. */
static bool
jclass_ipv4(const char *s, size_t len, uint32_t *out)
{
    char copy[INET_ADDRSTRLEN], again[INET_ADDRSTRLEN];
    struct in_addr a;

    if (len == 0 || len >= sizeof(copy))
        return false;
    memcpy(copy, s, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, &a) != 1 || inet_ntop(AF_INET, &a, again, sizeof(again)) == NULL ||
        strcmp(copy, again) != 0)
        return false;
    *out = ntohl(a.s_addr);
    return true;
}

static bool
jclass_cidr4(const char *s, size_t len)
{
    const char *slash = memchr(s, '/', len);
    size_t digits;
    uint32_t ip;
    int bits = 0;

    if (slash == NULL || !jclass_ipv4(s, (size_t)(slash - s), &ip))
        return false;
    digits = len - (size_t)(slash - s) - 1;
    if (digits < 1 || digits > 2 || slash[1] == '0')
        return false;
    for (size_t i = 1; i <= digits; i++) {
        if (slash[i] < '0' || slash[i] > '9')
            return false;
        bits = bits * 10 + (slash[i] - '0');
    }
    return bits >= 8 && bits <= 30 && (ip & (0xffffffffU >> bits)) == 0;
}

const char *
jclass_fault(enum jm_class cls, const char *s, size_t len)
{
    uint32_t ip;

    switch (cls) {
    case JM_ANY:
    case JM_LINE:
        return jclass_text(cls, s, len);
    case JM_NAME:
        return len == 0 ? "must not be empty" : jclass_text(cls, s, len);
    case JM_HOST:
        return jclass_host(s, len) ? NULL
                                   : "must be a host name: a to z, 0 to 9 and inner hyphens, at "
                                     "most 63";
    case JM_UUID:
        return jclass_uuid(s, len) ? NULL : "must be a UUID in lower case, 8-4-4-4-12 hex digits";
    case JM_SHA256:
        return len == 64 && jclass_hex(s, len) ? NULL : "must be 64 hex digits in lower case";
    case JM_MAC:
        return jclass_mac(s, len) ? NULL
                                  : "must be a unicast hardware address like 52:54:00:12:34:56, "
                                    "in lower case";
    case JM_IPV4:
        return jclass_ipv4(s, len, &ip) ? NULL : "must be an IPv4 address like 10.0.0.5";
    case JM_CIDR4:
        return jclass_cidr4(s, len) ? NULL
                                    : "must be an IPv4 range like 10.0.0.0/24, prefix 8 to 30, "
                                      "host bits zero";
    }
    return "has a form that this program does not know";
}

size_t
jclass_room(enum jm_class cls)
{
    switch (cls) {
    case JM_ANY:
    case JM_LINE:
    case JM_NAME:
    case JM_HOST:
        return 2;
    case JM_UUID:
        return 37;
    case JM_SHA256:
        return 65;
    case JM_MAC:
        return 18;
    case JM_IPV4:
        return INET_ADDRSTRLEN;
    case JM_CIDR4:
        return INET_ADDRSTRLEN + 3;
    }
    return 2;
}

const char *
jclass_name(enum jm_class cls)
{
    switch (cls) {
    case JM_ANY:
        return "text";
    case JM_LINE:
        return "line";
    case JM_NAME:
        return "name";
    case JM_HOST:
        return "host name";
    case JM_UUID:
        return "UUID";
    case JM_SHA256:
        return "64 hex digits";
    case JM_MAC:
        return "MAC address";
    case JM_IPV4:
        return "IPv4 address";
    case JM_CIDR4:
        return "IPv4 range";
    }
    return "text";
}
