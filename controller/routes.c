#include "controller/routes.h"

#include <stdio.h>
#include <string.h>

/* The words of routes.def. */
#define ADMIN ROUTE_ADMIN
#define BUREAU ROUTE_BUREAU
#define PROVIDER ROUTE_PROVIDER
#define TENANT ROUTE_TENANT
#define AUDITOR ROUTE_AUDITOR
#define COUNTY ROUTE_COUNTY
#define SECADMIN ROUTE_SECADMIN
#define AUDITADMIN ROUTE_AUDITADMIN
#define ANY ROUTE_ANY
#define EVERYONE ROUTE_EVERYONE
#define OPEN ROUTE_OPEN
#define AGENT ROUTE_AGENT
#define SCRAPE ROUTE_SCRAPE
#define schema_none NULL
struct w_none {
    char nothing;
};
struct w_raw {
    char nothing;
};
const struct jm_field schema_raw[] = {{0}};

const struct route routes[] = {
#define ROUTE(m, p, r, h, i, o, d)                                                                 \
    {.method = #m,                                                                                 \
     .path = p,                                                                                    \
     .roles = r,                                                                                   \
     .name = #h,                                                                                   \
     .run = api_##h,                                                                               \
     .prepare = prepare_##h,                                                                       \
     .in = schema_##i,                                                                             \
     .out = schema_##o,                                                                            \
     .in_size = sizeof(struct w_##i),                                                              \
     .out_size = sizeof(struct w_##o),                                                             \
     .doc = d},
#include "controller/routes.def"
#undef ROUTE
};
const size_t routes_count = sizeof(routes) / sizeof(routes[0]);

static bool
route_is_uuid(const char *s, size_t len)
{
    if (len != 36)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s[i] != '-' : strchr("0123456789abcdef", s[i]) == NULL)
            return false;
    }
    return true;
}

/* The path but for what stands in its hole: *n bytes at *at, none when the route has no hole. */
static bool
route_fits(const struct route *r, const char *path, const char **at, size_t *n)
{
    size_t before = 0, after, len;

    *at = path;
    *n = 0;
    while (r->path[before] != '\0' && r->path[before] != '{' && r->path[before] == path[before])
        before++;
    if (r->path[before] != '{')
        return r->path[before] == path[before]; /* both end here */
    after = strlen(r->path + before + 4);       /* behind "{id}" */
    len = strlen(path);
    if (len < before + after || strcmp(path + len - after, r->path + before + 4) != 0)
        return false;
    *at = path + before;
    *n = len - before - after;
    return true;
}

static bool
route_matches(const struct route *r, const char *path, char id[W_ID])
{
    const char *at;
    size_t n;

    id[0] = '\0';
    if (!route_fits(r, path, &at, &n) || (strchr(r->path, '{') != NULL && !route_is_uuid(at, n)))
        return false;
    memcpy(id, at, n);
    id[n] = '\0';
    return true;
}

const struct route *
route_find(const char *method, const char *path, char id[W_ID])
{
    for (size_t i = 0; i < routes_count; i++)
        if (route_matches(&routes[i], path, id) && strcmp(routes[i].method, method) == 0)
            return &routes[i];
    id[0] = '\0';
    return NULL;
}

int
route_missing(const char *method, const char *path, bool agent, char allow[ROUTE_ALLOW_MAX],
              struct err *e)
{
    const char *at, *bad = NULL;
    size_t n, bad_n = 0;
    char id[W_ID];

    allow[0] = '\0';
    for (size_t i = 0; i < routes_count; i++) {
        const struct route *r = &routes[i];

        if (agent != ((r->roles & ROUTE_AGENT) != 0))
            continue;
        if (route_matches(r, path, id))
            (void)snprintf(allow + strlen(allow), ROUTE_ALLOW_MAX - strlen(allow), "%s%s",
                           allow[0] != '\0' ? ", " : "", r->method);
        else if (route_fits(r, path, &at, &n) && n > 0 && n <= 64 && strcspn(at, "/:") >= n &&
                 strcmp(r->method, method) == 0) {
            bad = at;
            bad_n = n;
        }
    }
    if (allow[0] != '\0')
        return err_set(e, BY_E_UNSUPPORTED, "%s is not served on %.100s; it takes %s", method, path,
                       allow);
    if (bad != NULL)
        return err_set(e, BY_E_NOT_FOUND, "'%.*s' is no id: ids are UUIDs in lower case",
                       (int)bad_n, bad);
    return err_set(e, BY_E_NOT_FOUND, "no such route: %s %.100s", method, path);
}

bool
route_reads(const struct route *r)
{
    /* POST because their question is a document or holds a connection; they change nothing
     * in the store. */
    return strcmp(r->method, "GET") == 0 || strcmp(r->name, "agent_desired") == 0 ||
           strcmp(r->name, "grant_check") == 0 || strcmp(r->name, "image_part") == 0 ||
           strcmp(r->name, "challenge_add") == 0;
}

bool
route_hashes(const struct route *r)
{
    return strcmp(r->name, "session_add") == 0 || strcmp(r->name, "password_set") == 0 ||
           strcmp(r->name, "account_add") == 0;
}

/* Escaped text may be six times as long as its bytes in the struct. */
static size_t
route_rows_max(const struct jm_field *f)
{
    size_t sum = 64;

    for (; f->name != NULL; f++) {
        size_t one = 32;

        if (f->type == JM_STR)
            one += 6 * f->size;
        else if (f->type == JM_TEXT)
            one += 2 * (size_t)f->max;
        else if (f->type == JM_OBJ)
            one += route_rows_max(f->sub);
        else if (f->type == JM_LIST)
            one += (size_t)f->max * route_rows_max(f->sub);
        sum += strlen(f->name) + one;
    }
    return sum;
}

size_t
route_max_body(const struct route *r)
{
    if (r->in == schema_raw)
        return ROUTE_RAW_MAX;
    /* Never so tight that a wrong field is told as a wrong size. */
    return r->in == NULL ? 16 : 4096 + route_rows_max(r->in);
}
