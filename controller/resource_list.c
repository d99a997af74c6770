/* Machines, volumes and networks, page by page in the order of their names.  What one index answers
 * is one statement; other filters look at the rows in that order, at most LOOKED of them a page: a
 * page may then be short, or empty, and still have a next one. */
#include <stdio.h>
#include <string.h>

#include "controller/api_resource.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/silence.h"
#include "controller/parts.h"
#include "controller/units.h"
#include "controller/controller.h"

enum { LOOKED = 20000 };

struct list {
    struct tx *t;
    struct paging p;
    struct arena *a;
    const char *unit; /* whose: own_filter() */
    const char *name, *system, *host, *of_unit, *starts, *contains;
    int kind, seen, wanted, verdict;
    bool gone;
    int looked;
    struct silent_hosts silent; /* when filtered by what is seen */
};

static int
page_add(void *arg, const struct resource_row *r, struct err *e)
{
    struct list *l = arg;
    struct w_resource_view *to = paging_add(&l->p, 0, r->id, r->name);

    if (to == NULL)
        return 0;
    resource_view_fill(l->t, r, l->a, to);
    return parts_weigh(l->t, to, l->a, e);
}

/* ---- filters that no index answers ---------------------------------------------------------- */

static int
has_verdict(struct list *l, const char *vm, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (l->verdict == 0)
        return 1;
    rc = DB_FIRST(l->t->d, DB_FINDING_OF_VM, &r, e, DBS(vm));
    return rc == 1 ? db_int(r, 0) == l->verdict : rc;
}

/* Columns of WALK_COLS.  1: it is asked for. */
static int
is_asked(struct list *l, const struct db_rows *r, struct err *e)
{
    int seen = (int)db_int(r, 4);

    if (seen == SEEN_NONE ||
        (l->seen != 0 && seen != SEEN_ABSENT && silent_hosts_have(&l->silent, db_str(r, 5))))
        seen = SEEN_UNKNOWN;
    if ((l->kind != 0 && db_int(r, 2) != l->kind) ||
        (l->wanted != 0 && db_int(r, 3) != l->wanted) || (l->seen != 0 && seen != l->seen) ||
        (l->host[0] != '\0' && strcmp(db_str(r, 5), l->host) != 0) ||
        (l->of_unit[0] != '\0' && strcmp(db_str(r, 6), l->of_unit) != 0) ||
        (l->unit[0] == '+' && !units_is_under(l->t->c->units, db_str(r, 6), l->unit + 1)) ||
        strncmp(db_str(r, 0), l->starts, strlen(l->starts)) != 0 ||
        (l->contains[0] != '\0' && strstr(db_str(r, 0), l->contains) == NULL))
        return 0;
    return has_verdict(l, db_str(r, 1), e);
}

static int
walk_query(struct list *l, struct db_rows **r, struct err *e)
{
    const char *unit = l->unit;
    struct db_value name = DBS(l->p.from.text), id = DBS(l->p.from.id), gone = DBI(l->gone);

    if (l->starts[0] != '\0' && strcmp(l->p.from.text, l->starts) < 0) {
        name = DBS(l->starts);
        id = DBS("");
    }
    if (l->name[0] != '\0')
        return DB_QUERY(l->t->d, DB_WALK_NAMED, r, e, gone, DBS(l->name), gone, DBS(l->name),
                        DBS(unit), DBS(unit), DBS(l->system), DBS(l->system), name, id);
    if (l->system[0] != '\0')
        return DB_QUERY(l->t->d, DB_WALK_SYSTEM, r, e, gone, DBS(l->system), DBS(unit), DBS(unit),
                        name, id);
    if (l->host[0] != '\0')
        return DB_QUERY(l->t->d, DB_WALK_HOST, r, e, gone, DBS(l->host), DBS(unit), DBS(unit), name,
                        id);
    if (l->of_unit[0] != '\0' || (unit[0] != '\0' && unit[0] != '+'))
        return DB_QUERY(l->t->d, DB_WALK_UNIT, r, e, gone,
                        DBS(l->of_unit[0] != '\0' ? l->of_unit : unit), name, id);
    return DB_QUERY(l->t->d, DB_WALK, r, e, gone, name, id);
}

/* A row of the walk that is asked for, whole. */
static int
walk_add(struct list *l, const char *id, const char *name, struct err *e)
{
    struct w_resource_view *to = paging_add(&l->p, 0, id, name);
    struct resource_row r;

    if (to == NULL)
        return 0;
    if (resource_get(l->t->d, id, l->a, &r, e) < 0)
        return -1;
    resource_view_fill(l->t, &r, l->a, to);
    return parts_weigh(l->t, to, l->a, e);
}

static int
walk(struct list *l, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    size_t starts = strlen(l->starts);
    int rc = 0;

    if (walk_query(l, &r, e) < 0)
        return -1;
    while (*l->p.next == NULL && (rc = db_next(r, e)) == 1) {
        int asked;

        if (strncmp(db_str(r, 0), l->starts, starts) != 0)
            break; /* behind all that start so */
        if (l->looked++ == LOOKED) {
            paging_stop(&l->p);
            break;
        }
        asked = is_asked(l, r, e);
        if (asked < 0 || (asked == 1 && walk_add(l, db_str(r, 1), db_str(r, 0), e) < 0))
            return -1;
        if (asked == 0)
            paging_pass(&l->p, 0, db_str(r, 1), db_str(r, 0));
    }
    return rc < 0 ? -1 : 0;
}

/* ---- the list ------------------------------------------------------------------------------- */

static bool
needs_walk(const struct list *l)
{
    return l->host[0] != '\0' || l->of_unit[0] != '\0' || l->starts[0] != '\0' ||
           l->contains[0] != '\0' || l->seen != 0 || l->wanted != 0 || l->verdict != 0;
}

int
api_resource_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_resource_list *out = k->out;
    struct list l = {.t = t,
                     .a = k->a,
                     .unit = own_filter(k),
                     .name = param_text(k, "name"),
                     .system = param_text(k, "system"),
                     .host = param_text(k, "host"),
                     .of_unit = param_text(k, "unit"),
                     .starts = param_text(k, "starts"),
                     .contains = param_text(k, "contains"),
                     .kind = param_word(k, "kind"),
                     .seen = param_word(k, "seen"),
                     .wanted = param_word(k, "wanted"),
                     .verdict = param_word(k, "verdict"),
                     .gone = param_flag(k, "gone")};
    struct resource_page q = {
        .unit = l.unit, .system = l.system, .name = l.name, .kind = l.kind, .gone = l.gone};

    if (PAGING_OPEN(&l.p, k, out, resource_view, 0, e) < 0 ||
        (l.of_unit[0] != '\0' && own_check(k, l.of_unit, "unit", e) < 0))
        return -1;
    if (needs_walk(&l))
        return l.seen != 0 && silent_hosts_get(t, k->a, &l.silent, e) < 0 ? -1 : walk(&l, e);
    q.after_name = l.p.from.text;
    q.after_id = l.p.from.id;
    q.limit = l.p.from.limit;
    return resource_each_page(t->d, &q, k->a, page_add, &l, e);
}
