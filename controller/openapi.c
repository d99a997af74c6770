/* Paths, operations and components.  Which failure an operation can answer follows from its row:
 * what has a path id or a body may miss a thing, what writes may conflict or find no space. */
#include "controller/openapi.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "controller/params.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/net/problem.h"

#define schema_none NULL
#define schema_raw NULL

struct row {
    const char *method, *path, *roles, *name;
    const struct jm_field *in, *out;
    const char *body, *answer, *doc;
};

/* Not routes[]: that one names the handlers, and this text is made without them too. */
static const struct row rows[] = {
#define ROUTE(m, p, r, h, i, o, d) {#m, p, #r, #h, schema_##i, schema_##o, #i, #o, d},
#include "controller/routes.def"
#undef ROUTE
};

static bool
for_agents(const struct row *r)
{
    return strcmp(r->roles, "AGENT") == 0;
}

static bool
is_open(const struct row *r)
{
    return strcmp(r->roles, "OPEN") == 0;
}

static void
put(struct json_object *o, const char *key, struct json_object *value)
{
    (void)json_object_object_add(o, key, value);
}

static void
put_text(struct json_object *o, const char *key, const char *value)
{
    put(o, key, json_object_new_string(value));
}

static void
add_text(struct json_object *list, const char *value)
{
    (void)json_object_array_add(list, json_object_new_string(value));
}

static struct json_object *
new_object(struct json_object *in, const char *key)
{
    struct json_object *o = json_object_new_object();

    put(in, key, o);
    return o;
}

static struct json_object *
new_list(struct json_object *in, const char *key)
{
    struct json_object *o = json_object_new_array();

    put(in, key, o);
    return o;
}

static void
put_server(struct json_object *in, const char *url)
{
    struct json_object *one = json_object_new_object();

    put_text(one, "url", url);
    (void)json_object_array_add(new_list(in, "servers"), one);
}

/* ---- roles and security ---------------------------------------------------------------------- */

static void
put_roles(struct json_object *op, const char *roles)
{
    struct json_object *list = new_list(op, "x-roles");
    char word[20];
    size_t n = 0;

    for (const char *p = roles;; p++) {
        if (*p >= 'A' && *p <= 'Z' && n < sizeof(word) - 1) {
            word[n++] = (char)(*p - 'A' + 'a');
        } else if (n > 0) {
            word[n] = '\0';
            add_text(list, word);
            n = 0;
        }
        if (*p == '\0')
            break;
    }
}

static void
put_security(struct json_object *op, const struct row *r)
{
    struct json_object *list = new_list(op, "security"), *one;

    if (is_open(r))
        return; /* none */
    one = json_object_new_object();
    (void)new_list(one, for_agents(r) ? "hostCertificate" : "session");
    (void)json_object_array_add(list, one);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static struct json_object *
parameter(const char *in, const struct jm_field *f)
{
    static const char *const flags[] = {"", "1", "0", NULL};
    struct jm_field as = *f;
    struct json_object *o = json_object_new_object();

    if (as.type == JM_BOOL) {
        as.type = JM_ENUM;
        as.names = flags;
    }
    as.flags |= JM_REQ; /* given is not empty */
    put_text(o, "name", f->name);
    put_text(o, "in", in);
    put_text(o, "description", f->doc);
    if (strcmp(in, "path") == 0)
        put(o, "required", json_object_new_boolean(1));
    put(o, "schema", openapi_field(&as));
    put(o, "example", openapi_sample(&as));
    return o;
}

static void
put_parameters(struct json_object *op, const struct row *r)
{
    static const struct jm_field id = {
        .name = "id", .doc = "id of the thing", .type = JM_TEXT, .cls = JM_UUID, .max = 36};
    struct json_object *list = json_object_new_array();

    if (strstr(r->path, "{id}") != NULL)
        (void)json_object_array_add(list, parameter("path", &id));
    for (size_t i = 0; i < params_count; i++)
        if (strcmp(params[i].route, r->name) == 0)
            (void)json_object_array_add(list, parameter("query", &params[i].f));
    if (json_object_array_length(list) > 0)
        put(op, "parameters", list);
    else
        (void)json_object_put(list);
}

/* ---- bodies and answers ---------------------------------------------------------------------- */

/* People's unknown fields are refused, a newer host's are ignored. */
static void
put_body(struct json_object *op, const struct row *r)
{
    struct json_object *body, *media, *schema;

    if (strcmp(r->body, "none") == 0)
        return;
    body = new_object(op, "requestBody");
    put(body, "required", json_object_new_boolean(1));
    if (r->in == NULL) { /* bytes */
        (void)new_object(new_object(body, "content"), "application/octet-stream");
        return;
    }
    media = new_object(new_object(body, "content"), "application/json");
    schema = openapi_ref("schemas", openapi_name(r->in));
    if (!for_agents(r))
        put(schema, "unevaluatedProperties", json_object_new_boolean(0));
    put(media, "schema", schema);
    put(media, "example", openapi_example(r->in, false));
}

static bool
may_fail(const struct row *r, enum err_code c)
{
    bool writes = strcmp(r->method, "GET") != 0;

    switch (c) {
    case BY_E_UNAUTHENTICATED:
        return !is_open(r) || r->in != NULL;
    case BY_E_DENIED:
        return strcmp(r->roles, "EVERYONE") != 0 || writes;
    case BY_E_NOT_FOUND:
        for (size_t i = 0; i < params_count; i++)
            if (strcmp(params[i].route, r->name) == 0)
                return true;
        return writes || strstr(r->path, "{id}") != NULL;
    case BY_E_CONFLICT:
    case BY_E_NO_SPACE:
        return writes;
    case BY_E_TOO_LARGE: /* a body where none is taken, too */
    case BY_E_INVALID:
    case BY_E_BUSY:
    case BY_E_TIMEOUT:
    case BY_E_NOMEM:
    case BY_E_IO:
    case BY_E_BUG:
        return true;
    case BY_E_OK:
    case BY_E_UNSUPPORTED: /* of the protocol, not of a route */
    case BY_E__MAX:
        break;
    }
    return false;
}

static bool
has_parameter(const struct row *r, const char *name)
{
    for (size_t i = 0; i < params_count; i++)
        if (strcmp(params[i].route, r->name) == 0 && strcmp(params[i].f.name, name) == 0)
            return true;
    return false;
}

/* With ?format=: rows as text. */
static void
put_exports(struct json_object *content)
{
    static const char *const types[] = {"text/csv", "application/jsonl"};

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        put_text(new_object(new_object(content, types[i]), "schema"), "type", "string");
}

static void
put_answers(struct json_object *op, const struct row *r)
{
    struct json_object *all = new_object(op, "responses"), *ok, *media, *content;
    bool none = strcmp(r->answer, "none") == 0;
    char key[16];

    ok = new_object(all, none ? "204" : "200");
    put_text(ok, "description", none ? "done; no content" : "done");
    if (r->out == NULL && !none) { /* as it is, of its own type */
        (void)new_object(new_object(ok, "content"), "*/*");
    } else if (!none) {
        content = new_object(ok, "content");
        media = new_object(content, "application/json");
        if (has_parameter(r, "format")) {
            struct json_object *any = new_list(new_object(media, "schema"), "anyOf");

            (void)json_object_array_add(any, openapi_ref("schemas", openapi_name(r->out)));
            (void)json_object_array_add(any, openapi_ref("schemas", "list_count"));
            put_exports(content);
        } else {
            put(media, "schema", openapi_ref("schemas", openapi_name(r->out)));
        }
        put(media, "example", openapi_example(r->out, true));
    }
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++) {
        (void)snprintf(key, sizeof(key), "%d", err_http_status((enum err_code)c));
        if (may_fail(r, (enum err_code)c) && json_object_object_get(all, key) == NULL)
            put(all, key, openapi_ref("responses", key));
    }
}

/* ---- paths ----------------------------------------------------------------------------------- */

static void
put_tag(struct json_object *op, const struct row *r)
{
    const char *from = for_agents(r) ? r->path + 3 : r->path + 4;
    char tag[40];

    (void)snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(from, "/:."), from);
    add_text(new_list(op, "tags"), for_agents(r) ? "agents" : tag);
}

static bool
has_request_id(const struct jm_field *f)
{
    for (; f != NULL && f->name != NULL; f++)
        if (strcmp(f->name, "request") == 0)
            return true;
    return false;
}

static void
put_operation(struct json_object *paths, const struct row *r)
{
    struct json_object *path = json_object_object_get(paths, r->path), *op;
    char method[8] = "";

    if (path == NULL)
        path = new_object(paths, r->path);
    for (size_t i = 0; r->method[i] != '\0' && i < sizeof(method) - 1; i++)
        method[i] = (char)(r->method[i] - 'A' + 'a');
    op = new_object(path, method);
    put_text(op, "operationId", r->name);
    put_text(op, "summary", r->doc);
    put_tag(op, r);
    put_roles(op, r->roles);
    if (has_request_id(r->in))
        put(op, "x-repeatable", json_object_new_boolean(1));
    put_security(op, r);
    put_parameters(op, r);
    put_body(op, r);
    put_answers(op, r);
    if (for_agents(r))
        put_server(op, "https://controller:8443");
}

/* ---- components ------------------------------------------------------------------------------ */

static bool
reaches(const struct jm_field *from, const struct jm_field *to)
{
    if (from == to)
        return true;
    for (const struct jm_field *f = from; f != NULL && f->name != NULL; f++)
        if (f->sub != NULL && reaches(f->sub, to))
            return true;
    return false;
}

static bool
in_use(const struct jm_field *schema, bool requests)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (reaches(requests ? rows[i].in : rows[i].out, schema))
            return true;
    return false;
}

static void
put_schemas(struct json_object *components)
{
    struct json_object *all = new_object(components, "schemas");

    for (const struct w_object *o = w_objects; o->name != NULL; o++) {
        bool asked = in_use(o->schema, true);

        if (asked || in_use(o->schema, false) || o->schema == schema_problem ||
            o->schema == schema_list_count)
            put(all, o->name, openapi_object(o->schema, o->doc, !asked));
    }
}

static void
put_problem(struct json_object *all, enum err_code code)
{
    struct json_object *answer, *media, *example;
    int status = err_http_status(code);
    char key[16], doc[120];
    size_t n;

    (void)snprintf(key, sizeof(key), "%d", status);
    if (json_object_object_get(all, key) != NULL)
        return;
    n = (size_t)snprintf(doc, sizeof(doc), "%s:", problem_phrase(status));
    for (int c = code; c < BY_E__MAX; c++)
        if (err_http_status((enum err_code)c) == status && n < sizeof(doc))
            n += (size_t)snprintf(doc + n, sizeof(doc) - n, " %s", err_code_name((enum err_code)c));
    answer = new_object(all, key);
    put_text(answer, "description", doc);
    media = new_object(new_object(answer, "content"), "application/problem+json");
    put(media, "schema", openapi_ref("schemas", "problem"));
    example = new_object(media, "example");
    put_text(example, "type", "about:blank");
    put_text(example, "title", err_code_name(code));
    put(example, "status", json_object_new_int(status));
    put_text(example, "detail", "what happened, to what, what to do");
}

static void
put_components(struct json_object *doc)
{
    struct json_object *components = new_object(doc, "components"), *all, *one;

    put_schemas(components);
    all = new_object(components, "responses");
    for (int c = BY_E_OK + 1; c < BY_E__MAX; c++)
        if (c != BY_E_UNSUPPORTED)
            put_problem(all, (enum err_code)c);
    all = new_object(components, "securitySchemes");
    one = new_object(all, "session");
    put_text(one, "type", "http");
    put_text(one, "scheme", "bearer");
    put_text(one, "description", "token of a session, from POST /v1/sessions");
    one = new_object(all, "hostCertificate");
    put_text(one, "type", "mutualTLS");
    put_text(one, "description",
             "a host's certificate, from POST /v1/enrol, on the agents' listener");
}

static void
put_head(struct json_object *doc)
{
    struct json_object *info, *license;

    put_text(doc, "openapi", "3.1.0");
    info = new_object(doc, "info");
    put_text(info, "title", "Bianyun (汴云)");
    put_text(info, "version", BY_VERSION);
    put_text(
        info, "description",
        "Generated by 'make docs' from the rows that the router and the readers use. Times are "
        "UTC milliseconds since 1970. Lengths are checked in bytes of UTF-8 (x-max-bytes). "
        "Answers leave empty fields out. A page of a list that has 'next' is not the last, also "
        "when it has no rows. An operation with x-repeatable takes a request id: "
        "the same id with the same body gets the same answer. x-roles says who may ask: "
        "'any' is every signed-in account, 'open' needs none, 'agent' is a host.");
    license = new_object(info, "license");
    put_text(license, "name", "Apache License 2.0");
    put_text(license, "identifier", "Apache-2.0");
    put_server(doc, "https://controller:8442");
}

void
openapi_write(struct strbuf *out)
{
    struct json_object *doc = json_object_new_object(), *paths;

    put_head(doc);
    paths = new_object(doc, "paths");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        put_operation(paths, &rows[i]);
    put_components(doc);
    strbuf_adds(out, json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
                                                             JSON_C_TO_STRING_SPACED |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    strbuf_addc(out, '\n');
    (void)json_object_put(doc);
}
