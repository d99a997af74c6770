#include "drivers/codec/jmap.h"

#include <endian.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jclass.h"
#include "drivers/codec/jscan.h"
#include "drivers/codec/utf8.h"

#define JM_MAX_INT 9007199254740991 /* 2^53 - 1: RFC 8785 numbers are doubles */
#define JM_MAX_FIELDS 64            /* of one table */

static void
jm_put(struct json_object *o)
{
    (void)json_object_put(o); /* says whether it was the last reference: always, here */
}

SCOPE_FN(jm_put, struct json_object)
SCOPE_FN(json_tokener_free, struct json_tokener)

/* What every step of one reading needs; path is that of the field at hand. */
struct jm_read {
    enum jm_mode mode;
    struct arena *a;
    struct err *e;
    char path[sizeof(((struct err *)0)->field)];
    size_t path_len; /* may pass the buffer's end: then the tail is not shown */
};

/* ---- limits of rows -------------------------------------------------------------------------- */

static int64_t
jm_least(const struct jm_field *f)
{
    return f->min;
}

/* A max of 0 is "no limit but the type's", unless min is negative. */
static int64_t
jm_most(const struct jm_field *f)
{
    if (f->max != 0 || f->min < 0)
        return f->max;
    return f->type == JM_U32 ? UINT32_MAX : JM_MAX_INT;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void
jm_path_add(struct jm_read *r, const char *part)
{
    for (; *part != '\0'; part++, r->path_len++)
        if (r->path_len < sizeof(r->path) - 1) {
            r->path[r->path_len] = *part;
            r->path[r->path_len + 1] = '\0';
        }
}

/* Go into a field; the answer takes jm_path_pop() back to where we are. */
static size_t
jm_path_push(struct jm_read *r, const char *name)
{
    size_t before = r->path_len;

    if (before > 0)
        jm_path_add(r, ".");
    jm_path_add(r, name);
    return before;
}

static size_t
jm_path_push_index(struct jm_read *r, size_t index)
{
    size_t before = r->path_len;
    char part[32];

    (void)snprintf(part, sizeof(part), "[%zu]", index);
    jm_path_add(r, part);
    return before;
}

static void
jm_path_pop(struct jm_read *r, size_t before)
{
    r->path_len = before;
    if (before < sizeof(r->path))
        r->path[before] = '\0';
}

/* "vcpus must be ..." with the path as the field at fault. */
static int
jm_fault(struct jm_read *r, const char *what)
{
    return err_field(r->e, BY_E_INVALID, r->path, "%s %s",
                     r->path[0] != '\0' ? r->path : "the document", what);
}

static int jm_read_object(struct jm_read *r, const struct jm_field *schema, json_object *o,
                          char *out);

static int
jm_read_int(struct jm_read *r, const struct jm_field *f, json_object *o, void *at)
{
    int64_t v, lo = jm_least(f), hi = jm_most(f);
    char what[96];

    if (!json_object_is_type(o, json_type_int))
        return jm_fault(r, "must be a whole number");
    v = json_object_get_int64(o); /* clamps above int64, which is above every limit */
    if (v < lo || v > hi) {
        (void)snprintf(what, sizeof(what), "must be from %lld to %lld", (long long)lo,
                       (long long)hi);
        return jm_fault(r, what);
    }
    if (f->type == JM_U32)
        *(uint32_t *)at = (uint32_t)v;
    else if (f->type == JM_U64)
        *(uint64_t *)at = (uint64_t)v;
    else
        *(int64_t *)at = v;
    return 0;
}

static int
jm_read_text(struct jm_read *r, const struct jm_field *f, json_object *o, void *at)
{
    size_t most = f->type == JM_STR ? f->size - 1 : (size_t)f->max, len;
    const char *s, *fault;
    char what[96];

    if (!json_object_is_type(o, json_type_string))
        return jm_fault(r, "must be text");
    s = json_object_get_string(o);
    len = (size_t)json_object_get_string_len(o);
    if (len > most) {
        (void)snprintf(what, sizeof(what), "has %zu bytes; at most %zu are allowed", len, most);
        return jm_fault(r, what);
    }
    if (len == 0 && (f->flags & JM_REQ) != 0)
        return jm_fault(r, "must not be empty");
    fault = jclass_fault(f->cls, s, len);
    if (fault != NULL && (len > 0 || (f->flags & JM_KEEP0) == 0))
        return jm_fault(r, fault);
    if (f->type == JM_STR)
        memcpy(at, s, len + 1);
    else
        *(const char **)at = arena_strndup(r->a, s, len);
    return 0;
}

static int
jm_read_enum(struct jm_read *r, const struct jm_field *f, json_object *o, void *at)
{
    char what[240] = "must be one of";
    size_t n = strlen(what);

    if (json_object_is_type(o, json_type_string)) {
        const char *s = json_object_get_string(o);
        size_t len = (size_t)json_object_get_string_len(o);
        int from = (f->flags & JM_REQ) != 0;

        for (int i = from; f->names[i] != NULL; i++)
            if (strlen(f->names[i]) == len && memcmp(f->names[i], s, len) == 0) {
                *(int *)at = i;
                return 0;
            }
    }
    for (int i = 1; f->names[i] != NULL && n < sizeof(what) - 1; i++)
        n += (size_t)snprintf(what + n, sizeof(what) - n, "%s %s", i > 1 ? "," : "", f->names[i]);
    return jm_fault(r, what);
}

static int
jm_read_list(struct jm_read *r, const struct jm_field *f, json_object *o, void *at)
{
    struct jm_list *l = at;
    char *items;
    char what[96];
    size_t n;

    if (!json_object_is_type(o, json_type_array))
        return jm_fault(r, "must be a list");
    n = json_object_array_length(o);
    if (n > (size_t)f->max) {
        (void)snprintf(what, sizeof(what), "has %zu items; at most %lld are allowed", n,
                       (long long)f->max);
        return jm_fault(r, what);
    }
    if (n == 0)
        return 0;
    items = arena_alloc(r->a, n * f->sub_size);
    for (size_t i = 0; i < n; i++) {
        size_t before = jm_path_push_index(r, i);

        if (jm_read_object(r, f->sub, json_object_array_get_idx(o, i), items + i * f->sub_size) < 0)
            return -1;
        jm_path_pop(r, before);
    }
    *l = (struct jm_list){.items = items, .n = n};
    return 0;
}

static int
jm_read_value(struct jm_read *r, const struct jm_field *f, json_object *o, void *at)
{
    if (o == NULL)
        return jm_fault(r, "must not be null; leave it out instead");
    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        return jm_read_text(r, f, o, at);
    case JM_U32:
    case JM_U64:
    case JM_I64:
        return jm_read_int(r, f, o, at);
    case JM_BOOL:
        if (!json_object_is_type(o, json_type_boolean))
            return jm_fault(r, "must be true or false");
        *(bool *)at = json_object_get_boolean(o);
        return 0;
    case JM_ENUM:
        return jm_read_enum(r, f, o, at);
    case JM_OBJ:
        return jm_read_object(r, f->sub, o, at);
    case JM_LIST:
        return jm_read_list(r, f, o, at);
    }
    return jm_fault(r, "has a type that this program does not know");
}

/* Keys come from outside: only plain ones are repeated in an error. */
static int
jm_unknown(struct jm_read *r, const char *key)
{
    size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

    if (n == 0 || key[n] != '\0' || n > 40)
        key = "(unprintable)";
    (void)jm_path_push(r, key);
    return jm_fault(r, "is not a field that is known here; check its spelling");
}

static int
jm_read_member(struct jm_read *r, const struct jm_field *schema, const char *key, json_object *o,
               char *out, bool *given)
{
    for (size_t i = 0; schema[i].name != NULL; i++) {
        size_t before;

        if (strcmp(schema[i].name, key) != 0)
            continue;
        before = jm_path_push(r, key);
        if (r->mode == JM_PEOPLE && (schema[i].flags & JM_RO) != 0)
            return jm_fault(r, "is set by the server; leave it out");
        if (jm_read_value(r, &schema[i], o, out + schema[i].off) < 0)
            return -1;
        given[i] = true;
        jm_path_pop(r, before);
        return 0;
    }
    return r->mode == JM_PEER ? 0 : jm_unknown(r, key);
}

static int
jm_read_object(struct jm_read *r, const struct jm_field *schema, json_object *o, char *out)
{
    bool given[JM_MAX_FIELDS] = {false};
    struct json_object_iterator i, end;

    if (!json_object_is_type(o, json_type_object))
        return jm_fault(r, "must be an object");
    i = json_object_iter_begin(o);
    end = json_object_iter_end(o);
    for (; !json_object_iter_equal(&i, &end); json_object_iter_next(&i))
        if (jm_read_member(r, schema, json_object_iter_peek_name(&i),
                           json_object_iter_peek_value(&i), out, given) < 0)
            return -1;
    for (size_t k = 0; schema[k].name != NULL; k++)
        if ((schema[k].flags & JM_REQ) != 0 && !given[k]) {
            (void)jm_path_push(r, schema[k].name);
            return jm_fault(r, "is missing");
        }
    return 0;
}

static int
jm_parse(const char *text, size_t len, json_object **out, struct err *e)
{
    SCOPED(json_tokener_free) struct json_tokener *t = json_tokener_new_ex(JSCAN_MAX_DEPTH + 1);

    if (t == NULL)
        return err_set(e, BY_E_NOMEM, "no memory to read %zu bytes of JSON", len);
    *out = json_tokener_parse_ex(t, text, (int)len); /* jscan keeps len far below INT_MAX */
    if (*out == NULL)
        return err_set(e, BY_E_INVALID, "JSON, byte %zu: %s", json_tokener_get_parse_end(t),
                       json_tokener_error_desc(json_tokener_get_error(t)));
    return 0;
}

int
jm_decode(const char *text, size_t len, const struct jm_field *schema, size_t out_size,
          enum jm_mode mode, struct arena *a, void *out, struct err *e)
{
    SCOPED(jm_put) struct json_object *o = NULL;
    struct jm_read r = {.mode = mode, .a = a, .e = e};
    size_t start = 0;

    memset(out, 0, out_size);
    if (jscan(text, len, e) < 0)
        return -1;
    while (start < len && strchr(" \t\r\n", text[start]) != NULL)
        start++;
    if (start >= len || text[start] != '{')
        return err_set(e, BY_E_INVALID, "the document must be a JSON object");
    if (jm_parse(text, len, &o, e) < 0)
        return -1;
    if (jm_read_object(&r, schema, o, out) < 0) {
        memset(out, 0, out_size);
        return -1;
    }
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void
jm_put_escaped(struct strbuf *out, unsigned char c)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *at = c != 0 ? strchr(plain, c) : NULL;

    if (at != NULL) {
        strbuf_addc(out, '\\');
        strbuf_addc(out, letter[at - plain]);
    } else {
        strbuf_addf(out, "\\u%04x", c);
    }
}

#define REPLACEMENT "\xef\xbf\xbd"

/* What a reader would refuse in a free text: not UTF-8, control characters, a second line. */
static bool
jm_is_foul(enum jm_class cls, size_t n, uint32_t cp)
{
    if (n == 0)
        return true;
    if (cls != JM_ANY && cls != JM_LINE)
        return false; /* other forms are checked where they come in */
    return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp <= 0x9f) ||
           (cls == JM_LINE && (cp == '\n' || cp == 0x2028 || cp == 0x2029));
}

/* 0x80 in each byte of eight that is not written as it is; a byte behind such a one may be marked
 * too. */
static uint64_t
jm_special(uint64_t v)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t low = v - ones * 0x20, quote = (v ^ ones * '"') - ones;
    uint64_t slash = (v ^ ones * '\\') - ones, del = v + ones;

    return (low | quote | slash | del | v) & tops;
}

/* Three bytes from U+3000 to U+CFFF, whatever the last two are: what Chinese is written in. */
static bool
jm_is_chinese(const char *s)
{
    unsigned char c = (unsigned char)s[0];

    return c >= 0xe3 && c <= 0xec && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80;
}

/* Copies what is written as it is in every class, up to the most bytes or the first other one: how
 * many. */
static size_t
jm_copy_plain(char *to, const char *s, size_t most)
{
    size_t n = 0;

    for (;;) {
        while (n + 8 <= most) {
            uint64_t eight, special;

            memcpy(&eight, s + n, 8);
            memcpy(to + n, &eight, 8);
            special = jm_special(le64toh(eight));
            n += special == 0 ? 8 : (size_t)__builtin_ctzll(special) / 8;
            if (special != 0)
                break;
        }
        while (n < most && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\') {
            to[n] = s[n];
            n++;
        }
        if (most - n < 3 || !jm_is_chinese(s + n))
            return n;
        memcpy(to + n, s + n, 3);
        n += 3;
    }
}

static size_t
jm_text_max(const struct jm_field *f)
{
    return f->type == JM_TEXT && f->max > 0 ? (size_t)f->max : SIZE_MAX;
}

/* What the reader would refuse (a name from libvirt, a message cut in the middle or too long for
 * its row) becomes U+FFFD, a blank for a line's end, or is cut: one bad reason must not make a peer
 * refuse a whole report.  What the reader takes is written as it is. */
static void
jm_put_checked(struct strbuf *out, const struct jm_field *f, const char *s)
{
    size_t len = strlen(s), used = 0, max = jm_text_max(f);

    strbuf_addc(out, '"');
    for (size_t i = 0, n; i < len; i += n) {
        size_t most = len - i < max - used ? len - i : max - used, take;
        uint32_t cp = 0;
        const char *put;
        bool foul;

        n = jm_copy_plain(strbuf_reserve(out, most), s + i, most);
        if (n > 0) {
            strbuf_wrote(out, n);
            used += n;
            continue;
        }
        take = utf8_next(s + i, len - i, &cp);
        foul = jm_is_foul(f->cls, take, cp);
        put = take > 0 && cp == '\n' ? " " : REPLACEMENT;
        n = take == 0 ? 1 : take;
        used += foul ? strlen(put) : n;
        if (used > max)
            break;
        if (foul)
            strbuf_adds(out, put);
        else if (cp < 0x20 || cp == '"' || cp == '\\')
            jm_put_escaped(out, (unsigned char)cp);
        else
            strbuf_add(out, s + i, n);
    }
    strbuf_addc(out, '"');
}

/* An array is read once: its end is one more byte that is not plain. */
static void
jm_put_text(struct strbuf *out, const struct jm_field *f, const char *s)
{
    size_t most = f->type == JM_STR ? f->size - 1 : strlen(s), n;
    char *to;

    if (most <= jm_text_max(f)) {
        to = strbuf_reserve(out, most + 2);
        n = jm_copy_plain(to + 1, s, most);
        if (s[n] == '\0') {
            to[0] = to[n + 1] = '"';
            strbuf_wrote(out, n + 2);
            return;
        }
    }
    jm_put_checked(out, f, s);
}

static bool
jm_is_empty(const struct jm_field *f, const char *at)
{
    switch (f->type) {
    case JM_STR:
        return at[0] == '\0';
    case JM_TEXT:
        return *(const char *const *)(const void *)at == NULL;
    case JM_U32:
        return *(const uint32_t *)(const void *)at == 0;
    case JM_U64:
    case JM_I64:
        return *(const uint64_t *)(const void *)at == 0;
    case JM_BOOL:
        return !*(const bool *)at;
    case JM_ENUM:
        return *(const int *)(const void *)at == 0;
    case JM_LIST:
        return ((const struct jm_list *)(const void *)at)->n == 0;
    case JM_OBJ:
        for (const struct jm_field *s = f->sub; s->name != NULL; s++)
            if (!jm_is_empty(s, at + s->off))
                return false;
        return true;
    }
    return true;
}

/* Rows in the order of their names, each with the length of its name. */
struct jm_order {
    size_t n;
    unsigned char at[JM_MAX_FIELDS], len[JM_MAX_FIELDS];
};

static void
jm_order_fill(const struct jm_field *schema, struct jm_order *o)
{
    size_t n = 0;

    for (; schema[n].name != NULL && n < JM_MAX_FIELDS; n++) {
        size_t k = n;

        for (; k > 0 && strcmp(schema[o->at[k - 1]].name, schema[n].name) > 0; k--) {
            o->at[k] = o->at[k - 1];
            o->len[k] = o->len[k - 1];
        }
        o->at[k] = (unsigned char)n;
        o->len[k] = (unsigned char)strlen(schema[n].name); /* at most 40: jm_schema_check() */
    }
    o->n = n;
}

static void jm_put_object(const struct jm_field *schema, const struct jm_order *o, const char *in,
                          struct strbuf *out);

static void
jm_put_list(const struct jm_field *f, const struct jm_list *l, struct strbuf *out)
{
    struct jm_order o;

    strbuf_addc(out, '[');
    if (l->n > 0)
        jm_order_fill(f->sub, &o);
    for (size_t i = 0, from = out->len; i < l->n; i++) {
        if (i > 0)
            strbuf_addc(out, ',');
        if (i == 1) /* as many bytes as the first, and some more */
            (void)strbuf_reserve(out, l->n * (out->len - from) / 7 * 8);
        jm_put_object(f->sub, &o, (const char *)l->items + i * f->sub_size, out);
    }
    strbuf_addc(out, ']');
}

static void
jm_put_whole(const struct jm_field *schema, const char *in, struct strbuf *out)
{
    struct jm_order o;

    jm_order_fill(schema, &o);
    jm_put_object(schema, &o, in, out);
}

static int
jm_enum_count(const struct jm_field *f)
{
    int n = 0;

    while (f->names[n] != NULL)
        n++;
    return n;
}

static void
jm_put_value(const struct jm_field *f, const char *at, struct strbuf *out)
{
    const void *p = at;
    int v;

    switch (f->type) {
    case JM_STR:
        jm_put_text(out, f, at);
        break;
    case JM_TEXT:
        jm_put_text(out, f, *(const char *const *)p != NULL ? *(const char *const *)p : "");
        break;
    case JM_U32:
        strbuf_addu(out, *(const uint32_t *)p);
        break;
    case JM_U64:
        strbuf_addu(out, *(const uint64_t *)p);
        break;
    case JM_I64:
        strbuf_addi(out, *(const int64_t *)p);
        break;
    case JM_BOOL:
        strbuf_adds(out, *(const bool *)p ? "true" : "false");
        break;
    case JM_ENUM:
        v = *(const int *)p;
        jm_put_text(out, f, v >= 0 && v < jm_enum_count(f) ? f->names[v] : "");
        break;
    case JM_OBJ:
        jm_put_whole(f->sub, at, out);
        break;
    case JM_LIST:
        jm_put_list(f, p, out);
        break;
    }
}

/* Plain ASCII: jm_schema_check(). */
static void
jm_put_name(struct strbuf *out, const char *name, size_t len, bool first)
{
    char *to = strbuf_reserve(out, len + 4);

    *to = ',';
    to += !first;
    to[0] = '"';
    memcpy(to + 1, name, len);
    to[len + 1] = '"';
    to[len + 2] = ':';
    strbuf_wrote(out, len + 3 + !first);
}

static void
jm_put_object(const struct jm_field *schema, const struct jm_order *o, const char *in,
              struct strbuf *out)
{
    bool first = true;

    strbuf_addc(out, '{');
    for (size_t i = 0; i < o->n; i++) {
        const struct jm_field *f = &schema[o->at[i]];

        if ((f->flags & (JM_REQ | JM_KEEP0)) == 0 && jm_is_empty(f, in + f->off))
            continue;
        jm_put_name(out, f->name, o->len[i], first);
        first = false;
        jm_put_value(f, in + f->off, out);
    }
    strbuf_addc(out, '}');
}

void
jm_encode(const struct jm_field *schema, const void *in, struct strbuf *out)
{
    jm_put_whole(schema, in, out);
}

/* ---- checking the tables ----------------------------------------------------------------------
 */

static int
jm_row_fault(const struct jm_field *f, const char *what, struct err *e)
{
    return err_field(e, BY_E_BUG, f->name, "schema row '%s': %s", f->name, what);
}

static int
jm_check_text(const struct jm_field *f, struct err *e)
{
    if (f->type == JM_STR && f->size < jclass_room(f->cls))
        return jm_row_fault(f, "the array is too short for its form", e);
    if (f->type == JM_TEXT && (f->size != sizeof(char *) || f->max <= 0))
        return jm_row_fault(f, "a text needs a pointer and a limit", e);
    return 0;
}

static int
jm_check_int(const struct jm_field *f, struct err *e)
{
    size_t want = f->type == JM_U32 ? sizeof(uint32_t) : sizeof(uint64_t);
    int64_t floor = f->type == JM_I64 ? -JM_MAX_INT : 0;
    int64_t ceiling = f->type == JM_U32 ? UINT32_MAX : JM_MAX_INT;

    if (f->size != want || f->off % want != 0)
        return jm_row_fault(f, "the size does not fit an integer of its type", e);
    if (jm_least(f) < floor || jm_most(f) > ceiling || jm_least(f) > jm_most(f))
        return jm_row_fault(f, "the range is empty or wider than the type", e);
    return 0;
}

static int jm_check_tree(const struct jm_field *schema, int depth, size_t *keys, struct err *e);

static int
jm_check_row(const struct jm_field *f, int depth, size_t *keys, struct err *e)
{
    size_t sub = 0;

    *keys += 1;
    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        return jm_check_text(f, e);
    case JM_U32:
    case JM_U64:
    case JM_I64:
        return jm_check_int(f, e);
    case JM_BOOL:
        return f->size == sizeof(bool) ? 0 : jm_row_fault(f, "not the size of a bool", e);
    case JM_ENUM:
        if (f->size != sizeof(int) || f->names == NULL || f->names[0] == NULL || f->names[0][0])
            return jm_row_fault(f, "an enum needs an int and names that begin with an empty one",
                                e);
        return 0;
    case JM_OBJ:
        if (f->sub == NULL || f->size != f->sub_size)
            return jm_row_fault(f, "an object needs its rows and a struct of their size", e);
        if (jm_check_tree(f->sub, depth + 1, &sub, e) < 0)
            return err_wrap(e, "%s", f->name);
        *keys += sub;
        return 0;
    case JM_LIST:
        if (f->sub == NULL || f->size != sizeof(struct jm_list) || f->sub_size == 0 || f->max <= 0)
            return jm_row_fault(f, "a list needs rows, the size of an item and a limit", e);
        if (jm_check_tree(f->sub, depth + 2, &sub, e) < 0)
            return err_wrap(e, "%s", f->name);
        if (sub > JSCAN_MAX_KEYS / (size_t)f->max)
            return jm_row_fault(f, "a full list has more keys than a document may have", e);
        *keys += sub * (size_t)f->max;
        return 0;
    }
    return jm_row_fault(f, "no such type", e);
}

/* keys: most keys that a document of these rows can have. */
static int
jm_check_tree(const struct jm_field *schema, int depth, size_t *keys, struct err *e)
{
    for (size_t i = 0; schema[i].name != NULL; i++) {
        const struct jm_field *f = &schema[i];

        if (i >= JM_MAX_FIELDS || depth > JSCAN_MAX_DEPTH)
            return jm_row_fault(f, "too many rows, or nested too deep", e);
        if (f->name[strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0' ||
            f->name[0] == '\0' || strlen(f->name) > 40)
            return jm_row_fault(f, "a name has a-z, 0-9 and _, at most 40", e);
        if (f->doc == NULL || f->doc[0] == '\0')
            return jm_row_fault(f, "it needs a word of documentation", e);
        for (size_t k = 0; k < i; k++)
            if (strcmp(schema[k].name, f->name) == 0)
                return jm_row_fault(f, "given twice", e);
        if (jm_check_row(f, depth, keys, e) < 0)
            return -1;
    }
    if (*keys > JSCAN_MAX_KEYS)
        return err_set(e, BY_E_BUG, "a full document has %zu keys; at most %d may be read", *keys,
                       JSCAN_MAX_KEYS);
    return 0;
}

int
jm_schema_check(const struct jm_field *schema, struct err *e)
{
    size_t keys = 0;

    return jm_check_tree(schema, 1, &keys, e);
}
