/* JSON Schemas and examples out of the rows of wire.def.  A schema is never narrower than the
 * reader (drivers/codec/jmap.c) for what people may send, and never wider for what the server
 * writes. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "controller/openapi.h"
#include "drivers/codec/jclass.h"
#include "drivers/codec/wire.h"

#define MAX_INT INT64_C(9007199254740991) /* as in jmap.c */

static const struct {
    const char *pattern, *format, *sample;
} classes[] = {
    [JM_ANY] = {NULL, NULL, "text"},
    [JM_LINE] = {"^[^\\n]*$", NULL, "text"},
    [JM_NAME] = {"^[^<>&\"'`$;|*?/\\\\\\t\\n]*$", NULL, "汴云"},
    [JM_HOST] = {"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", NULL, "host-1"},
    [JM_UUID] = {"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "uuid",
                 "1b4e28ba-2fa1-41d2-883f-0016d3cca427"},
    [JM_SHA256] = {"^[0-9a-f]{64}$", NULL,
                   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    [JM_MAC] = {"^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$", NULL, "52:54:00:12:34:56"},
    [JM_IPV4] = {"^[0-9]{1,3}(\\.[0-9]{1,3}){3}$", "ipv4", "10.0.0.5"},
    [JM_CIDR4] = {"^[0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}$", NULL, "10.0.0.0/24"},
};

static void
put_text(struct json_object *o, const char *key, const char *value)
{
    (void)json_object_object_add(o, key, json_object_new_string(value));
}

static void
put_int(struct json_object *o, const char *key, int64_t value)
{
    (void)json_object_object_add(o, key, json_object_new_int64(value));
}

struct json_object *
openapi_ref(const char *kind, const char *name)
{
    struct json_object *o = json_object_new_object();
    char to[128];

    (void)snprintf(to, sizeof(to), "#/components/%s/%s", kind, name);
    put_text(o, "$ref", to);
    return o;
}

const char *
openapi_name(const struct jm_field *rows)
{
    for (const struct w_object *o = w_objects; o->name != NULL; o++)
        if (o->schema == rows)
            return o->name;
    return "none";
}

static int64_t
text_most(const struct jm_field *f)
{
    return f->type == JM_STR ? (int64_t)f->size - 1 : f->max;
}

/* Length in code points, which are at most as many as the bytes that the reader counts. */
static void
text_schema(struct json_object *o, const struct jm_field *f)
{
    bool empty = (f->flags & JM_KEEP0) != 0 && (f->flags & JM_REQ) == 0;
    const char *pattern = classes[f->cls].pattern;
    char or_none[200];

    put_text(o, "type", "string");
    if ((f->flags & JM_REQ) != 0)
        put_int(o, "minLength", 1);
    put_int(o, "maxLength", text_most(f));
    if (jclass_room(f->cls) == 2)
        put_int(o, "x-max-bytes", text_most(f));
    if (pattern != NULL && empty) {
        (void)snprintf(or_none, sizeof(or_none), "^$|%s", pattern);
        pattern = or_none;
    }
    if (pattern != NULL)
        put_text(o, "pattern", pattern);
    if (classes[f->cls].format != NULL && !empty)
        put_text(o, "format", classes[f->cls].format);
    if ((f->flags & JM_SECRET) != 0)
        put_text(o, "format", "password");
}

static int64_t
number_most(const struct jm_field *f)
{
    if (f->max != 0 || f->min < 0)
        return f->max;
    return f->type == JM_U32 ? UINT32_MAX : MAX_INT;
}

static void
word_schema(struct json_object *o, const struct jm_field *f)
{
    struct json_object *words = json_object_new_array();

    put_text(o, "type", "string");
    /* The reader takes "" as not given. */
    for (int i = (f->flags & JM_REQ) != 0 ? 1 : 0; f->names[i] != NULL; i++)
        (void)json_object_array_add(words, json_object_new_string(f->names[i]));
    (void)json_object_object_add(o, "enum", words);
}

struct json_object *
openapi_field(const struct jm_field *f)
{
    struct json_object *o;

    if (f->type == JM_OBJ)
        return openapi_ref("schemas", openapi_name(f->sub));
    o = json_object_new_object();
    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        text_schema(o, f);
        break;
    case JM_U32:
    case JM_U64:
    case JM_I64:
        put_text(o, "type", "integer");
        put_text(o, "format", "int64");
        put_int(o, "minimum", f->min);
        put_int(o, "maximum", number_most(f));
        break;
    case JM_BOOL:
        put_text(o, "type", "boolean");
        break;
    case JM_ENUM:
        word_schema(o, f);
        break;
    case JM_LIST:
        put_text(o, "type", "array");
        (void)json_object_object_add(o, "items", openapi_ref("schemas", openapi_name(f->sub)));
        put_int(o, "maxItems", f->max);
        break;
    case JM_OBJ:
        break;
    }
    return o;
}

/* Is it in every document? */
static bool
always(const struct jm_field *f, bool answer)
{
    return (f->flags & JM_REQ) != 0 || (answer && (f->flags & JM_KEEP0) != 0);
}

struct json_object *
openapi_object(const struct jm_field *rows, const char *doc, bool answer)
{
    struct json_object *o = json_object_new_object(), *fields = json_object_new_object();
    struct json_object *required = json_object_new_array();

    put_text(o, "type", "object");
    put_text(o, "description", doc);
    for (const struct jm_field *f = rows; f->name != NULL; f++) {
        struct json_object *s = openapi_field(f);

        put_text(s, "description", f->doc);
        if ((f->flags & JM_RO) != 0)
            (void)json_object_object_add(s, "readOnly", json_object_new_boolean(1));
        (void)json_object_object_add(fields, f->name, s);
        if (always(f, answer))
            (void)json_object_array_add(required, json_object_new_string(f->name));
    }
    (void)json_object_object_add(o, "properties", fields);
    if (json_object_array_length(required) > 0)
        (void)json_object_object_add(o, "required", required);
    else
        (void)json_object_put(required);
    return o;
}

static struct json_object *
text_sample(const struct jm_field *f)
{
    size_t len = strlen(classes[f->cls].sample);

    return json_object_new_string_len(classes[f->cls].sample,
                                      len < (size_t)text_most(f) ? (int)len : (int)text_most(f));
}

struct json_object *
openapi_sample(const struct jm_field *f)
{
    struct json_object *o;

    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        return text_sample(f);
    case JM_U32:
    case JM_U64:
    case JM_I64:
        return json_object_new_int64(f->min > 0 || number_most(f) < 1 ? f->min : 1);
    case JM_BOOL:
        return json_object_new_boolean(0);
    case JM_ENUM:
        return json_object_new_string(f->names[1]);
    case JM_OBJ:
        return openapi_example(f->sub, true);
    case JM_LIST:
        o = json_object_new_array();
        (void)json_object_array_add(o, openapi_example(f->sub, true));
        return o;
    }
    return NULL;
}

/* What must be there, and what people are most likely to give: all that is no list. */
struct json_object *
openapi_example(const struct jm_field *rows, bool answer)
{
    struct json_object *o = json_object_new_object();

    for (const struct jm_field *f = rows; f->name != NULL; f++)
        if (always(f, answer) || (!answer && f->type != JM_LIST && (f->flags & JM_RO) == 0))
            (void)json_object_object_add(o, f->name, openapi_sample(f));
    return o;
}
