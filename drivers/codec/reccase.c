#include "drivers/codec/reccase.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/jscan.h"
#include "policies/recname.h"
#include "policies/reconcile.h"

#define MOST_ITEMS 4096

static const char *const kinds[] = {"", "vm", "volume", "network", NULL};
static const char *const wanteds[] = {"",       "running", "stopped", "present",
                                      "binned", "absent",  NULL};
static const char *const powers[] = {"unknown", "running", "paused", "off", "crashed", NULL};
static const char *const fills[] = {"none", "filling", "done", NULL};

enum rc_type {
    RC_STR,
    RC_STRS, /* a pointer and, at off2, how many */
    RC_U32,
    RC_U64,
    RC_I64,
    RC_BOOL,
    RC_ENUM,
    RC_SKIP /* read elsewhere, or by people only */
};
struct rc_row {
    const char *name; /* NULL ends the table */
    enum rc_type type;
    size_t off, off2;
    int64_t def;
    const char *const *names;
};

#define ROW(s, m, t, d)                                                                            \
    {                                                                                              \
#m, t, offsetof(struct s, m), 0, d, NULL                                                   \
    }
#define ROW_ENUM(s, m, d, n)                                                                       \
    {                                                                                              \
#m, RC_ENUM, offsetof(struct s, m), 0, d, n                                                \
    }
#define ROW_STRS(s, m)                                                                             \
    {                                                                                              \
#m, RC_STRS, offsetof(struct s, m), offsetof(struct s, n_##m), 0, NULL                     \
    }

static const struct rc_row want_rows[] = {
    ROW(rec_want, id, RC_STR, 0),
    ROW_ENUM(rec_want, kind, MO_VM, kinds),
    ROW_ENUM(rec_want, wanted, 0, wanteds),
    ROW(rec_want, system, RC_STR, 0),
    ROW(rec_want, term, RC_U64, 1),
    ROW(rec_want, generation, RC_U64, 1),
    ROW(rec_want, wanted_now, RC_BOOL, 1),
    ROW(rec_want, held, RC_BOOL, 0),
    ROW(rec_want, quarantined, RC_BOOL, 0),
    ROW(rec_want, may_restart, RC_BOOL, 0),
    ROW(rec_want, restart_from_ms, RC_I64, 0),
    ROW(rec_want, live_failed, RC_BOOL, 0),
    ROW(rec_want, seen_once, RC_BOOL, 0),
    ROW(rec_want, restated, RC_BOOL, 0),
    ROW(rec_want, vcpus, RC_U32, 2),
    ROW(rec_want, mem_mib, RC_U64, 1024),
    ROW(rec_want, bytes, RC_U64, 10),
    ROW(rec_want, root, RC_STR, 0),
    ROW(rec_want, seed, RC_STR, 0),
    ROW_STRS(rec_want, volumes),
    ROW_STRS(rec_want, networks),
    ROW_ENUM(rec_want, root_fill, MO_FILL_DONE, fills),
    ROW_ENUM(rec_want, seed_fill, MO_FILL_DONE, fills),
    ROW_ENUM(rec_want, fill, MO_FILL_DONE, fills),
    ROW(rec_want, binned_at_ms, RC_I64, 0),
    ROW(rec_want, hold_ms, RC_I64, 1000),
    ROW(rec_want, not_before_ms, RC_I64, 0),
    ROW(rec_want, erase_begun, RC_BOOL, 0),
    ROW(rec_want, erased, RC_BOOL, 0),
    ROW(rec_want, stop_asked_ms, RC_I64, 0),
    ROW(rec_want, retry_at_ms, RC_I64, 0),
    ROW(rec_want, existing, RC_BOOL, 0),
    ROW(rec_want, segment_left, RC_BOOL, 0),
    ROW(rec_want, obstacle, RC_STR, 0),
    {0},
};
static const struct rc_row dom_rows[] = {
    ROW(rec_dom, id, RC_STR, 0),
    ROW(rec_dom, ours, RC_BOOL, 1),
    ROW_ENUM(rec_dom, power, MO_PW_RUNNING, powers),
    ROW(rec_dom, no_space, RC_BOOL, 0),
    ROW(rec_dom, term, RC_U64, 1),
    ROW(rec_dom, generation, RC_U64, 1),
    ROW(rec_dom, vcpus, RC_U32, 2),
    ROW(rec_dom, live_vcpus, RC_U32, UINT32_MAX),
    ROW(rec_dom, live_vcpus_max, RC_U32, 0),
    ROW(rec_dom, live_mem_max_mib, RC_U64, 0),
    ROW(rec_dom, live_parts_lack, RC_BOOL, 0),
    ROW(rec_dom, mem_mib, RC_U64, 1024),
    ROW(rec_dom, live_mem_mib, RC_U64, -1),
    ROW(rec_dom, defined, RC_BOOL, 1),
    ROW(rec_dom, parts_equal, RC_BOOL, 1),
    ROW(rec_dom, live_parts_equal, RC_BOOL, 1),
    ROW_STRS(rec_dom, volumes),
    ROW_STRS(rec_dom, networks),
    {0},
};
static const struct rc_row vol_rows[] = {
    ROW(rec_vol, id, RC_STR, 0),
    ROW(rec_vol, capacity_bytes, RC_U64, 10),
    ROW(rec_vol, format_equal, RC_BOOL, 1),
    {0},
};
static const struct rc_row net_rows[] = {
    ROW(rec_net, id, RC_STR, 0),           ROW(rec_net, ours, RC_BOOL, 1),
    ROW(rec_net, active, RC_BOOL, 1),      ROW(rec_net, term, RC_U64, 1),
    ROW(rec_net, generation, RC_U64, 1),   ROW(rec_net, hosts_equal, RC_BOOL, 1),
    ROW(rec_net, segment_off, RC_BOOL, 0), {0},
};
static const struct rc_row seen_rows[] = {
    {"ok", RC_BOOL, offsetof(struct rec_world, observed_ok), 0, 1, NULL},
    ROW(rec_world, heard, RC_BOOL, 1),
    ROW(rec_world, clock_suspect, RC_BOOL, 0),
    ROW(rec_world, pool_free_bytes, RC_U64, 1 << 30),
    {"domains", RC_SKIP, 0, 0, 0, NULL},
    {"volumes", RC_SKIP, 0, 0, 0, NULL},
    {"networks", RC_SKIP, 0, 0, 0, NULL},
    {0},
};
static const struct rc_row case_rows[] = {
    {"about", RC_SKIP, 0, 0, 0, NULL},
    {"desired", RC_SKIP, 0, 0, 0, NULL},
    {"observed", RC_SKIP, 0, 0, 0, NULL},
    {"expect", RC_SKIP, 0, 0, 0, NULL},
    {"now", RC_I64, offsetof(struct rec_world, now_ms), 0, 1000000, NULL},
    ROW(rec_world, stop_grace_ms, RC_I64, 60000),
    {0},
};

struct rc_read {
    struct arena *a;
    struct err *e;
    char where[48]; /* "desired[2]." */
};

static int
rc_bad(const struct rc_read *r, const char *key, const char *why)
{
    char at[96];

    (void)snprintf(at, sizeof(at), "%s%.40s", r->where, key);
    return err_field(r->e, BY_E_INVALID, at, "%s %s", at, why);
}

static int
rc_strs(struct rc_read *r, const struct rc_row *row, struct json_object *v, void *out)
{
    size_t n =
        v != NULL && json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
    const char **list;

    if ((v != NULL && !json_object_is_type(v, json_type_array)) || n > MOST_ITEMS)
        return rc_bad(r, row->name, "must be a list of names");
    list = arena_alloc(r->a, (n + 1) * sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(v, i);

        if (!json_object_is_type(s, json_type_string))
            return rc_bad(r, row->name, "must be a list of names");
        list[i] = arena_strdup(r->a, json_object_get_string(s));
    }
    *(const char *const **)(void *)((char *)out + row->off) = list;
    *(size_t *)(void *)((char *)out + row->off2) = n;
    return 0;
}

static int
rc_enum(struct rc_read *r, const struct rc_row *row, struct json_object *v, int *out)
{
    const char *word = v == NULL ? NULL : json_object_get_string(v);

    *out = (int)row->def;
    if (v == NULL)
        return 0;
    for (int i = 0; row->names[i] != NULL; i++) {
        if (strcmp(row->names[i], word) == 0) {
            *out = i;
            return 0;
        }
    }
    return rc_bad(r, row->name, "is not one of its words");
}

static int
rc_number(struct rc_read *r, const struct rc_row *row, struct json_object *v, void *at)
{
    int64_t n = v == NULL ? row->def : json_object_get_int64(v);

    if (v != NULL && (!json_object_is_type(v, json_type_int) || (row->type != RC_I64 && n < 0) ||
                      (row->type == RC_U32 && n > UINT32_MAX)))
        return rc_bad(r, row->name, "must be a whole number in its range");
    if (row->type == RC_U32)
        *(uint32_t *)at = (uint32_t)n;
    else
        *(int64_t *)at = n; /* uint64_t and int64_t alike */
    return 0;
}

static int
rc_value(struct rc_read *r, const struct rc_row *row, struct json_object *v, void *out)
{
    void *at = (char *)out + row->off;

    switch (row->type) {
    case RC_STR:
        if (v != NULL && !json_object_is_type(v, json_type_string))
            return rc_bad(r, row->name, "must be text");
        *(const char **)at = v == NULL ? NULL : arena_strdup(r->a, json_object_get_string(v));
        return 0;
    case RC_STRS:
        return rc_strs(r, row, v, out);
    case RC_U32:
    case RC_U64:
    case RC_I64:
        return rc_number(r, row, v, at);
    case RC_BOOL:
        if (v != NULL && !json_object_is_type(v, json_type_boolean))
            return rc_bad(r, row->name, "must be true or false");
        *(bool *)at = v == NULL ? row->def != 0 : json_object_get_boolean(v) != 0;
        return 0;
    case RC_ENUM:
        return rc_enum(r, row, v, at);
    case RC_SKIP:
        return 0;
    }
    return 0;
}

/* Fill *out from an object; o NULL: from the defaults. */
static int
rc_object(struct rc_read *r, struct json_object *o, const struct rc_row *rows, void *out)
{
    if (o != NULL && !json_object_is_type(o, json_type_object))
        return rc_bad(r, "", "must be an object");
    if (o != NULL) {
        json_object_object_foreach(o, key, unused)
        {
            const struct rc_row *row = rows;

            (void)unused;
            while (row->name != NULL && strcmp(row->name, key) != 0)
                row++;
            if (row->name == NULL)
                return rc_bad(r, key, "is not a name that a case has");
        }
    }
    for (const struct rc_row *row = rows; row->name != NULL; row++) {
        struct json_object *v = NULL;

        if (o != NULL)
            (void)json_object_object_get_ex(o, row->name, &v); /* absent is NULL */
        if (rc_value(r, row, v, out) < 0)
            return -1;
    }
    return 0;
}

/* What depends on other values of the same object. */
static void
want_finish(struct arena *a, struct rec_want *w)
{
    if (w->id == NULL)
        w->id = "";
    if (w->wanted == 0)
        w->wanted = w->kind == MO_VM ? MO_RUNNING : MO_PRESENT;
    if (w->root == NULL)
        w->root = arena_printf(a, "%s-root", w->id);
    if (w->seed == NULL)
        w->seed = arena_printf(a, "%s-seed", w->id);
}

static void
dom_finish(struct rec_dom *d)
{
    if (d->live_vcpus == UINT32_MAX)
        d->live_vcpus = d->vcpus;
    if (d->live_mem_mib == UINT64_MAX)
        d->live_mem_mib = d->mem_mib;
}

/* Fill a list; returns it, or NULL. */
static void *
rc_list(struct rc_read *r, struct json_object *of, const char *key, const struct rc_row *rows,
        size_t size, size_t *n)
{
    struct json_object *l = NULL;
    char *items;

    *n = 0;
    r->where[0] = '\0';
    if (of != NULL)
        (void)json_object_object_get_ex(of, key, &l); /* absent is empty */
    if (l != NULL &&
        (!json_object_is_type(l, json_type_array) || json_object_array_length(l) > MOST_ITEMS)) {
        (void)rc_bad(r, key, "must be a list");
        return NULL;
    }
    *n = l == NULL ? 0 : json_object_array_length(l);
    items = arena_alloc(r->a, (*n + 1) * size);
    for (size_t i = 0; i < *n; i++) {
        (void)snprintf(r->where, sizeof(r->where), "%s[%zu].", key, i);
        if (rc_object(r, json_object_array_get_idx(l, i), rows, items + i * size) < 0)
            return NULL;
    }
    r->where[0] = '\0';
    return items;
}

static int
world_read(struct rc_read *r, struct json_object *c, struct rec_world *w)
{
    struct json_object *seen = NULL;
    struct rec_want *wants;
    struct rec_dom *doms;

    if (rc_object(r, c, case_rows, w) < 0)
        return -1;
    (void)json_object_object_get_ex(c, "observed", &seen); /* absent: nothing is there */
    (void)snprintf(r->where, sizeof(r->where), "observed.");
    if (rc_object(r, seen, seen_rows, w) < 0 ||
        (wants = rc_list(r, c, "desired", want_rows, sizeof(*wants), &w->n_wants)) == NULL ||
        (doms = rc_list(r, seen, "domains", dom_rows, sizeof(*doms), &w->n_doms)) == NULL ||
        (w->vols = rc_list(r, seen, "volumes", vol_rows, sizeof(*w->vols), &w->n_vols)) == NULL ||
        (w->nets = rc_list(r, seen, "networks", net_rows, sizeof(*w->nets), &w->n_nets)) == NULL)
        return -1;
    for (size_t i = 0; i < w->n_wants; i++)
        want_finish(r->a, &wants[i]);
    for (size_t i = 0; i < w->n_doms; i++)
        dom_finish(&doms[i]);
    w->wants = wants;
    w->doms = doms;
    return 0;
}

int
reccase_read(const char *text, size_t len, struct arena *a, struct rec_world *out, struct err *e)
{
    struct rc_read r = {.a = a, .e = e};
    struct rec_world w = {0};
    struct json_tokener *t;
    struct json_object *c;
    int rc;

    if (jscan(text, len, e) < 0)
        return -1;
    if (len > INT_MAX || (t = json_tokener_new()) == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    c = json_tokener_parse_ex(t, text, (int)len);
    json_tokener_free(t);
    rc = c == NULL ? err_set(e, BY_E_INVALID, "a case must be an object") : world_read(&r, c, &w);
    json_object_put(c);
    if (rc == 0)
        *out = w;
    return rc;
}

void
reccase_answer(const struct rec_world *w, struct strbuf *out)
{
    SCOPED(free) struct rec_action *act = calloc(w->n_wants + 1, sizeof(*act));
    size_t n;

    if (act == NULL)
        abort();
    n = reconcile(w, act, w->n_wants + 1);
    strbuf_adds(out, "{\n    \"actions\": [");
    for (size_t i = 0; i < n; i++)
        strbuf_addf(out, "%s\n      \"%s %s: %s\"", i > 0 ? "," : "", rec_op_name(act[i].op),
                    w->wants[act[i].want].id, act[i].reason);
    strbuf_addf(out, "%s],\n    \"seen\": [", n > 0 ? "\n    " : "");
    for (size_t i = 0; i < w->n_wants; i++) {
        struct rec_verdict v = reconcile_judge(w, &w->wants[i]);

        strbuf_addf(out, "%s\n      \"%s %s%s%s\"", i > 0 ? "," : "", w->wants[i].id,
                    rec_seen_name(v.seen), v.equal ? ", equal" : ": ",
                    v.reason != NULL ? v.reason : "");
    }
    strbuf_addf(out, "%s]\n  }", w->n_wants > 0 ? "\n    " : "");
}
