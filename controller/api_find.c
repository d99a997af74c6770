/* One word, whatever it may be: the beginning of a name, a number or an id, an address of a
 * machine. At most FEW of each, within what the caller may see. */
#include <stdio.h>
#include <string.h>

#include "controller/hosts.h"
#include "controller/listing.h"
#include "controller/own.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "policies/authz.h"

enum { FEW = 20, ID_LEAST = 4 };

struct find {
    struct api_call *k;
    struct tx *t;
    struct w_find_list *out;
    const char *word, *end, *mine; /* [word, end): all that begin so */
    bool hosts;                    /* who sees the list of hosts */
};

static const char *
what_of(const char *what, int kind)
{
    return what[0] != '\0' ? what : w_res_kind_names[kind];
}

static const char *
command_of(struct find *f, const char *what, const char *id, const char *name)
{
    static const struct {
        const char *what, *how;
    } rows[] = {
        {"case", "cases show"},       {"grant", "grants show"}, {"host", "hosts list"},
        {"network", "networks show"}, {"order", "orders show"}, {"system", "vms list --system"},
        {"unit", "vms list --unit"},  {"vm", "vms show"},       {"volume", "volumes show"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i].what, what) == 0)
            return strcmp(what, "host") == 0
                       ? arena_printf(f->k->a, "bianyun vms list --host %s", name)
                       : arena_printf(f->k->a, "bianyun %s %s", rows[i].how, id);
    return "";
}

static bool
is_there(const struct find *f, const char *what, const char *id)
{
    for (size_t i = 0; i < f->out->items.n; i++) {
        const struct w_find_item *it = JM_ITEM(f->out->items, const struct w_find_item, i);

        if (strcmp(it->what, what) == 0 && strcmp(it->id, id) == 0)
            return true;
    }
    return false;
}

/* Rows of one statement; what "": the kind of the row. */
static int
take(struct find *f, const char *what, enum db_stmt s, const struct db_value *v, size_t n,
     struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (db_query(f->t->d, s, v, n, &r, e) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        const char *is = what_of(what, (int)db_int(r, 2));
        struct w_find_item *it;

        if (is_there(f, is, db_str(r, 0)))
            continue;
        it = listing_add(&f->out->items, sizeof(*it), f->k->a);
        (void)snprintf(it->what, sizeof(it->what), "%s", is);
        db_copy(r, 0, it->id, sizeof(it->id));
        db_copy(r, 1, it->name, sizeof(it->name));
        db_copy(r, 3, it->unit, sizeof(it->unit));
        it->detail = arena_strdup(f->k->a, db_str(r, 4));
        it->command = command_of(f, is, it->id, it->name);
    }
    return rc;
}

/* Ids in [word, end) that the caller may see. */
static int
ids(struct find *f, const char *what, enum db_stmt s, struct err *e)
{
    const struct db_value v[] = {DBS(f->word), DBS(f->end), DBS(f->mine), DBS(f->mine), DBI(FEW)};

    return take(f, what, s, v, ARRAY_LEN(v), e);
}

/* What begins so in the city, or in one's own units. */
static int
named(struct find *f, const char *what, enum db_stmt in_city, enum db_stmt in_unit, struct err *e)
{
    const struct db_value city[] = {DBS(f->word), DBS(f->end), DBI(FEW)},
                          own[] = {DBS(f->mine), DBS(f->word), DBS(f->end), DBI(FEW)};

    return f->mine[0] == '\0' ? take(f, what, in_city, city, ARRAY_LEN(city), e)
                              : take(f, what, in_unit, own, ARRAY_LEN(own), e);
}

static int
by_name(struct find *f, struct err *e)
{
    const struct db_value city[] = {DBS(f->word), DBS(f->end), DBI(FEW)};

    if (named(f, "grant", DB_FIND_GRANT, DB_FIND_GRANT_UNIT, e) < 0 ||
        named(f, "case", DB_FIND_CASE, DB_FIND_CASE_UNIT, e) < 0 ||
        named(f, "", DB_FIND_RES_NAME, DB_FIND_RES_NAME_UNIT, e) < 0 ||
        named(f, "system", DB_FIND_SYSTEM, DB_FIND_SYSTEM_UNIT, e) < 0 ||
        named(f, "unit", DB_FIND_UNIT, DB_FIND_UNIT_UNIT, e) < 0)
        return -1;
    return f->hosts ? take(f, "host", DB_FIND_HOST, city, ARRAY_LEN(city), e) : 0;
}

static int
by_id(struct find *f, struct err *e)
{
    const struct db_value city[] = {DBS(f->word), DBS(f->end), DBI(FEW)};

    if (strlen(f->word) < ID_LEAST || f->word[strspn(f->word, "0123456789abcdef-")] != '\0')
        return 0;
    if (ids(f, "", DB_FIND_RES_ID, e) < 0 || ids(f, "order", DB_FIND_ORDER_ID, e) < 0)
        return -1;
    return f->hosts ? take(f, "host", DB_FIND_HOST_ID, city, ARRAY_LEN(city), e) : 0;
}

static int
by_address(struct find *f, struct err *e)
{
    const struct db_value v[] = {DBS(f->word), DBS(f->mine), DBS(f->mine), DBI(FEW)};

    if (strchr(f->word, ':') != NULL)
        return take(f, "", DB_FIND_RES_MAC, v, ARRAY_LEN(v), e);
    return strchr(f->word, '.') != NULL ? take(f, "", DB_FIND_RES_IP, v, ARRAY_LEN(v), e) : 0;
}

/* The state of a host is worked out, not only stored. */
static int
states_now(struct find *f, struct err *e)
{
    for (size_t i = 0; i < f->out->items.n; i++) {
        struct w_find_item *it = JM_ITEM(f->out->items, struct w_find_item, i);
        struct w_host_view h;

        if (strcmp(it->what, "host") != 0)
            continue;
        if (hosts_view(f->t, it->id, f->k->a, &h, e) < 0)
            return -1;
        it->detail = arena_strdup(f->k->a, h.state);
    }
    return 0;
}

int
api_find_get(struct api_call *k, struct tx *t, struct err *e)
{
    char none[W_ID];
    struct find f = {
        .k = k, .t = t, .out = k->out, .word = param_text(k, "q"), .mine = own_filter(k)};

    if (f.word[0] == '\0')
        return err_field(e, BY_E_INVALID, "q", "say what to look for: ?q=");
    f.hosts = (route_find("GET", "/v1/hosts", none)->roles & (1U << k->who.role)) != 0;
    f.end = arena_printf(k->a, "%s\xf4\x8f\xbf\xbf", f.word); /* behind every text that begins so */
    if (by_address(&f, e) < 0 || by_id(&f, e) < 0 || by_name(&f, e) < 0)
        return -1;
    return states_now(&f, e);
}
