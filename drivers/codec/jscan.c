#include "drivers/codec/jscan.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/codec/utf8.h"

/* A key of an open object.  Keys with escapes are kept decoded in the side buffer. */
struct jscan_key {
    uint32_t off, len; /* in the side buffer when side, else in the text */
    uint32_t at;       /* where it stands in the text, for the message */
    bool side;
};

struct jscan_level {
    bool object;
    uint32_t first_key, side_len; /* sizes of the two stacks when the level was opened */
};

struct jscan {
    const char *s;
    size_t len, i;
    struct err *e;
    struct jscan_level level[JSCAN_MAX_DEPTH];
    int depth;
    size_t keys_total;
    struct jscan_key *keys; /* of open objects, innermost last */
    size_t n_keys, cap_keys;
    char *side;
    size_t side_len, side_cap;
};

static int
jscan_fail_at(struct jscan *j, size_t at, const char *what)
{
    return err_set(j->e, BY_E_INVALID, "JSON, byte %zu: %s", at, what);
}

static int
jscan_fail(struct jscan *j, const char *what)
{
    if (j->i >= j->len)
        return jscan_fail_at(j, j->len, "the text ends too early");
    return jscan_fail_at(j, j->i, what);
}

static void *
jscan_grown(void *p, size_t *cap, size_t need, size_t size)
{
    size_t want = *cap != 0 ? *cap : 64;

    while (want < need)
        want *= 2;
    if (want == *cap)
        return p;
    p = realloc(p, want * size);
    if (p == NULL)
        abort(); /* bounded: depth times keys of one object */
    *cap = want;
    return p;
}

static int
jscan_hex4(struct jscan *j, uint32_t *out)
{
    uint32_t v = 0;

    if (j->len - j->i < 4) {
        j->i = j->len;
        return jscan_fail(j, "");
    }
    for (int k = 0; k < 4; k++, j->i++) {
        char c = j->s[j->i];

        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return jscan_fail(j, "\\u needs four hex digits");
    }
    *out = v;
    return 0;
}

/* After "\u": one code point, surrogate pairs joined. */
static int
jscan_unicode(struct jscan *j, uint32_t *cp)
{
    size_t at = j->i - 2;
    uint32_t low;

    if (jscan_hex4(j, cp) < 0)
        return -1;
    if (*cp == 0)
        return jscan_fail_at(j, at, "\\u0000 is not allowed");
    if (*cp >= 0xdc00 && *cp <= 0xdfff)
        return jscan_fail_at(j, at, "a low surrogate without its high one");
    if (*cp < 0xd800 || *cp > 0xdbff)
        return 0;
    if (j->len - j->i < 2 || j->s[j->i] != '\\' || j->s[j->i + 1] != 'u')
        return jscan_fail_at(j, at, "a high surrogate without its low one");
    j->i += 2;
    if (jscan_hex4(j, &low) < 0)
        return -1;
    if (low < 0xdc00 || low > 0xdfff)
        return jscan_fail_at(j, at, "a high surrogate without its low one");
    *cp = 0x10000 + ((*cp - 0xd800) << 10) + (low - 0xdc00);
    return 0;
}

static int
jscan_escape(struct jscan *j, uint32_t *cp)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;

    j->i++; /* the backslash */
    if (j->i >= j->len)
        return jscan_fail(j, "");
    if (j->s[j->i] == 'u') {
        j->i++;
        return jscan_unicode(j, cp);
    }
    at = j->s[j->i] != '\0' ? strchr(from, j->s[j->i]) : NULL;
    if (at == NULL)
        return jscan_fail(j, "no such escape in JSON");
    *cp = (uint32_t)to[at - from];
    j->i++;
    return 0;
}

static void
jscan_side_add(struct jscan *j, const char *bytes, size_t n)
{
    j->side = jscan_grown(j->side, &j->side_cap, j->side_len + n, 1);
    memcpy(j->side + j->side_len, bytes, n);
    j->side_len += n;
}

/* One character or escape of a string; with keep it is also put, decoded, into the side buffer. */
static int
jscan_char(struct jscan *j, bool keep)
{
    uint32_t cp = 0;
    char bytes[4];
    size_t n;

    if (j->s[j->i] == '\\') {
        if (jscan_escape(j, &cp) < 0)
            return -1;
        if (keep)
            jscan_side_add(j, bytes, utf8_put(cp, bytes));
        return 0;
    }
    n = utf8_next(j->s + j->i, j->len - j->i, &cp);
    if (n == 0)
        return jscan_fail(j, "not UTF-8");
    if (cp < 0x20)
        return jscan_fail(j, cp == 0 ? "a NUL byte" : "a bare control character; escape it");
    if (keep)
        jscan_side_add(j, j->s + j->i, n);
    j->i += n;
    return 0;
}

/* From the opening quote to behind the closing one; *escaped tells whether there were escapes. */
static int
jscan_string(struct jscan *j, bool keep, bool *escaped)
{
    *escaped = false;
    j->i++;
    for (;;) {
        while (!keep && j->i < j->len) { /* the common case, fast */
            unsigned char c = (unsigned char)j->s[j->i];

            if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
                break;
            j->i++;
        }
        if (j->i >= j->len)
            return jscan_fail(j, "");
        if (j->s[j->i] == '"') {
            j->i++;
            return 0;
        }
        if (j->s[j->i] == '\\')
            *escaped = true;
        if (jscan_char(j, keep) < 0)
            return -1;
    }
}

static int
jscan_key(struct jscan *j)
{
    size_t at = j->i, side = j->side_len;
    struct jscan_level *l = &j->level[j->depth - 1];
    struct jscan_key k = {.at = (uint32_t)at};
    bool escaped;

    if (j->i >= j->len || j->s[j->i] != '"')
        return jscan_fail(j, "a key in double quotes must stand here");
    if (jscan_string(j, false, &escaped) < 0)
        return -1;
    if (j->i - at - 2 > JSCAN_MAX_KEY_BYTES)
        return jscan_fail_at(j, at, "a key longer than 256 bytes");
    k.off = (uint32_t)at + 1;
    k.len = (uint32_t)(j->i - at - 2);
    if (escaped) {
        j->i = at;
        if (jscan_string(j, true, &escaped) < 0)
            return -1;
        k.side = true;
        k.off = (uint32_t)side;
        k.len = (uint32_t)(j->side_len - side);
    }
    if (++j->keys_total > JSCAN_MAX_KEYS)
        return jscan_fail_at(j, at, "more than 100000 keys in one text");
    if (j->n_keys - l->first_key >= JSCAN_MAX_OBJECT_KEYS)
        return jscan_fail_at(j, at, "more than 1000 keys in one object");
    j->keys = jscan_grown(j->keys, &j->cap_keys, j->n_keys + 1, sizeof(k));
    j->keys[j->n_keys++] = k;
    return 0;
}

static int
jscan_key_cmp(const void *pa, const void *pb, void *arg)
{
    const struct jscan_key *a = pa, *b = pb;
    const struct jscan *j = arg;

    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp((a->side ? j->side : j->s) + a->off, (b->side ? j->side : j->s) + b->off, a->len);
}

static int
jscan_twice(struct jscan *j, const struct jscan_key *a, const struct jscan_key *b)
{
    return jscan_fail_at(j, a->at > b->at ? a->at : b->at, "this key was already given");
}

/* Sorting on close keeps this O(n log n) whatever the keys are: no hash that could be flooded. */
static int
jscan_no_twins(struct jscan *j, struct jscan_key *k, size_t n)
{
    if (n > 8) {
        qsort_r(k, n, sizeof(*k), jscan_key_cmp, j);
        for (size_t i = 1; i < n; i++)
            if (jscan_key_cmp(&k[i - 1], &k[i], j) == 0)
                return jscan_twice(j, &k[i - 1], &k[i]);
        return 0;
    }
    for (size_t a = 1; a < n; a++)
        for (size_t b = 0; b < a; b++)
            if (jscan_key_cmp(&k[a], &k[b], j) == 0)
                return jscan_twice(j, &k[a], &k[b]);
    return 0;
}

static int
jscan_number(struct jscan *j)
{
    size_t at = j->i;
    bool minus = j->s[j->i] == '-';
    uint64_t v = 0, most = minus ? (uint64_t)INT64_MAX + 1 : UINT64_MAX;

    if (minus)
        j->i++;
    if (j->i >= j->len || j->s[j->i] < '0' || j->s[j->i] > '9')
        return jscan_fail(j, "a digit must follow the minus sign");
    if (j->s[j->i] == '0' && j->i + 1 < j->len && j->s[j->i + 1] >= '0' && j->s[j->i + 1] <= '9')
        return jscan_fail(j, "a number must not begin with 0");
    for (; j->i < j->len && j->s[j->i] >= '0' && j->s[j->i] <= '9'; j->i++) {
        uint64_t d = (uint64_t)(j->s[j->i] - '0');

        if (v > (most - d) / 10)
            return jscan_fail_at(j, at, "a number outside 64 bits");
        v = v * 10 + d;
    }
    if (minus && v == 0)
        return jscan_fail_at(j, at, "minus zero");
    if (j->i < j->len && (j->s[j->i] == '.' || j->s[j->i] == 'e' || j->s[j->i] == 'E'))
        return jscan_fail(j, "only whole numbers: no fraction, no exponent");
    return 0;
}

static int
jscan_word(struct jscan *j)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t w = 0; w < 3; w++) {
        size_t n = strlen(words[w]);

        if (j->len - j->i >= n && memcmp(j->s + j->i, words[w], n) == 0) {
            j->i += n;
            return 0;
        }
    }
    return jscan_fail(j, "a JSON value must stand here");
}

static void
jscan_blanks(struct jscan *j)
{
    while (j->i < j->len &&
           (j->s[j->i] == ' ' || j->s[j->i] == '\t' || j->s[j->i] == '\n' || j->s[j->i] == '\r'))
        j->i++;
}

static int
jscan_open(struct jscan *j)
{
    if (j->depth == JSCAN_MAX_DEPTH)
        return jscan_fail(j, "nested deeper than 32");
    j->level[j->depth++] = (struct jscan_level){
        .object = j->s[j->i] == '{',
        .first_key = (uint32_t)j->n_keys,
        .side_len = (uint32_t)j->side_len,
    };
    j->i++;
    return 0;
}

static int
jscan_close(struct jscan *j)
{
    struct jscan_level *l = &j->level[j->depth - 1];

    if (l->object && j->n_keys > l->first_key + 1 &&
        jscan_no_twins(j, j->keys + l->first_key, j->n_keys - l->first_key) < 0)
        return -1;
    j->n_keys = l->first_key;
    j->side_len = l->side_len;
    j->depth--;
    j->i++;
    return 0;
}

/* A key and its colon. */
static int
jscan_member(struct jscan *j)
{
    jscan_blanks(j);
    if (jscan_key(j) < 0)
        return -1;
    jscan_blanks(j);
    if (j->i >= j->len || j->s[j->i] != ':')
        return jscan_fail(j, "':' must follow the key");
    j->i++;
    return 0;
}

/* A scalar, an empty container, or the opening of one (then *opened). */
static int
jscan_value(struct jscan *j, bool *opened)
{
    bool escaped, object;

    *opened = false;
    jscan_blanks(j);
    if (j->i >= j->len)
        return jscan_fail(j, "");
    if (j->s[j->i] == '"')
        return jscan_string(j, false, &escaped);
    if (j->s[j->i] == '-' || (j->s[j->i] >= '0' && j->s[j->i] <= '9'))
        return jscan_number(j);
    if (j->s[j->i] != '{' && j->s[j->i] != '[')
        return jscan_word(j);
    object = j->s[j->i] == '{';
    if (jscan_open(j) < 0)
        return -1;
    jscan_blanks(j);
    if (j->i < j->len && j->s[j->i] == (object ? '}' : ']'))
        return jscan_close(j);
    *opened = true;
    return object ? jscan_member(j) : 0;
}

/* After a value: close what ends here; *more tells that another value follows. */
static int
jscan_after(struct jscan *j, bool *more)
{
    *more = false;
    while (j->depth > 0) {
        bool object = j->level[j->depth - 1].object;

        jscan_blanks(j);
        if (j->i < j->len && j->s[j->i] == ',') {
            j->i++;
            *more = true;
            return object ? jscan_member(j) : 0;
        }
        if (j->i >= j->len || j->s[j->i] != (object ? '}' : ']'))
            return jscan_fail(j,
                              object ? "',' or '}' must stand here" : "',' or ']' must stand here");
        if (jscan_close(j) < 0)
            return -1;
    }
    return 0;
}

static int
jscan_document(struct jscan *j)
{
    bool more = true, opened;

    while (more) {
        do {
            if (jscan_value(j, &opened) < 0)
                return -1;
        } while (opened);
        if (jscan_after(j, &more) < 0)
            return -1;
    }
    jscan_blanks(j);
    return j->i == j->len ? 0 : jscan_fail(j, "more text after the end of the value");
}

int
jscan(const char *text, size_t len, struct err *e)
{
    struct jscan j = {.s = text, .len = len, .e = e};
    int r;

    if (len > JSCAN_MAX_BYTES)
        return err_set(e, BY_E_TOO_LARGE, "the JSON text has %zu bytes; at most %d are read", len,
                       JSCAN_MAX_BYTES);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return jscan_fail(&j, "a byte order mark: save the file as UTF-8 without one");
    r = jscan_document(&j);
    free(j.keys);
    free(j.side);
    return r;
}
