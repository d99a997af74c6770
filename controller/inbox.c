#include "controller/inbox.h"

#include <stdio.h>
#include <string.h>

#include "controller/listing.h"
#include "controller/own.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/store_case.h"
#include "policies/authz.h"
#include "policies/case_todo.h"
#include "policies/roles.h"

#define NO_DUE CASE_NO_DUE
enum { BIND_MAX = 10 };

/* Row NOTE of inbox.def is written with these. */
_Static_assert(ROLE_BUREAU == 2 && (int)CASE_NEW == 1 && (int)CASE_CHANGE == 2 &&
                   (int)CASE_IS_REVIEW == 2 && VERDICT_UNDERUSED == 2 && VERDICT_IDLE == 3,
               "numbers that inbox.def uses");

struct kind {
    unsigned roles; /* kinds of cases: case_waits() says */
    bool dated;
    const char *const *states;
    const char *bind;
    const char *todo, *command, *route;
    enum db_stmt page, count, page_unit, count_unit;
};

#define STATEMENTS(NAME)                                                                           \
    .page = DB_INBOX_##NAME, .count = DB_INBOX_##NAME##_COUNT,                                     \
    .page_unit = DB_INBOX_##NAME##_UNIT, .count_unit = DB_INBOX_##NAME##_UNIT_COUNT
#define FORM_DATED true
#define FORM_PLAIN false
static const struct kind kinds[INBOX__MAX] = {
#define KIND(name, word)                                                                           \
    [INBOX_##name] = {.dated = true, .states = w_case_state_names, .bind = "rk", STATEMENTS(name)},
#include "policies/case_fsm.def"
#define INBOX(NAME, word, roles_, form, state_, bind_, todo_, command_, route_, source)            \
    [INBOX_##NAME] = {.roles = (roles_),                                                           \
                      .dated = FORM_##form,                                                        \
                      .states = (state_),                                                          \
                      .bind = (bind_),                                                             \
                      .todo = (todo_),                                                             \
                      .command = (command_),                                                       \
                      .route = (route_),                                                           \
                      STATEMENTS(NAME)},
#include "drivers/db/inbox.def"
#undef INBOX
};

unsigned
inbox_roles(enum inbox_kind k)
{
    unsigned roles = kinds[k].roles;

    if ((int)k < CASE_KIND__MAX)
        for (int s = 0; s < CASE_STATE__MAX; s++)
            roles |= case_waits((enum case_kind)k, (enum case_state)s);
    return roles;
}

bool
inbox_is_dated(enum inbox_kind k)
{
    return kinds[k].dated;
}

const char *
inbox_todo(enum inbox_kind k)
{
    return kinds[k].todo;
}

enum db_stmt
inbox_stmt(enum inbox_kind k, bool of_unit)
{
    return of_unit ? kinds[k].page_unit : kinds[k].page;
}

/* ---- who asks ------------------------------------------------------------------------------- */

struct asker {
    unsigned role;    /* AZ_ bit */
    enum w_role turn; /* whose turn it is in what he sees: a county looks at its tenants' */
    const char *unit; /* own_filter() */
    unsigned gives;   /* bits of the roles that he assigns */
};

static int
asker_of(struct api_call *k, struct tx *t, struct asker *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    *out = (struct asker){.role = own_role(k->who.role),
                          .turn = k->who.role == ROLE_COUNTY ? ROLE_TENANT : k->who.role,
                          .unit = own_filter(k)};
    for (int role = ROLE_ADMIN; role < ROLE__MAX; role++)
        if (roles_assigner(own_role((enum w_role)role)) == out->role)
            out->gives |= own_role((enum w_role)role);
    if (out->role != AZ_ADMIN)
        return 0;
    /* The first security administrator: roles.h, none_yet. */
    if (DB_QUERY(t->d, DB_ACCOUNT_OTHERS, &r, e, DBI(ROLE_SECADMIN), DBI(t->now_ms), DBS("")) < 0 ||
        db_next(r, e) != 1)
        return -1;
    if (db_int(r, 0) == 0)
        out->gives |= AZ_SECADMIN;
    return 0;
}

/* The row is for his own role, not as the county above a tenant. */
static bool
own_turn(const struct asker *who, enum inbox_kind k)
{
    return (inbox_roles(k) & who->role) != 0;
}

static bool
asks_for(const struct asker *who, const struct inbox_ask *a, enum inbox_kind k)
{
    unsigned roles = inbox_roles(k);

    if (a->kind != INBOX_NONE && a->kind != k)
        return false;
    if (a->overdue && !kinds[k].dated)
        return false;
    if (kinds[k].bind[0] == 'm' && who->gives == 0)
        return false;
    return (roles & who->role) != 0 || (who->role == AZ_COUNTY && (roles & AZ_TENANT) != 0);
}

/* Values of the source, then the scope of units. */
static size_t
bind_source(const struct asker *who, enum inbox_kind k, struct db_value *v)
{
    size_t n = 0;

    for (const char *b = kinds[k].bind; *b != '\0'; b++)
        v[n++] = *b == 'r' ? DBI(who->turn) : *b == 'k' ? DBI(k) : DBI(who->gives);
    if (who->unit[0] != '\0')
        v[n++] = DBS(who->unit);
    return n;
}

/* ---- a page ----------------------------------------------------------------------------------
 */

struct source {
    enum inbox_kind kind;
    struct db_rows *rows;
    bool more;        /* rows stand on the next one */
    bool act;         /* it is the asker's own turn */
    uint32_t n, late; /* of the page */
};
struct merge {
    struct asker who;
    const struct inbox_ask *ask;
    struct source s[INBOX__MAX];
    size_t n;
    struct strbuf line;
};

enum { ID, NUMBER, TITLE, STATE, UNIT, UNIT_NAME, SUBJECT, SINCE, DUE };

static int
source_step(struct source *s, struct err *e)
{
    int rc = db_next(s->rows, e);

    s->more = rc == 1;
    return rc < 0 ? -1 : 0;
}

/* Kinds without a deadline come last: a page that ended before them begins with their first. */
static int
source_open(struct merge *m, struct tx *t, enum inbox_kind k, struct err *e)
{
    const struct inbox_ask *a = m->ask;
    struct source *s = &m->s[m->n];
    struct db_value v[BIND_MAX];
    size_t n = bind_source(&m->who, k, v);
    bool into = a->after_id[0] != '\0' && a->after_due_ms == NO_DUE;

    if (kinds[k].dated) {
        v[n++] = DBI(a->after_due_ms);
        v[n++] = DBI(a->after_since_ms);
        v[n++] = DBS(a->after_id);
        v[n++] = DBI(a->overdue ? a->late_ms : NO_DUE);
    } else {
        v[n++] = DBI(into ? a->after_since_ms : -1);
        v[n++] = DBS(into ? a->after_id : "");
    }
    v[n++] = DBI(a->limit + 1);
    s->kind = k;
    s->act = own_turn(&m->who, k);
    if (db_query(t->d, inbox_stmt(k, m->who.unit[0] != '\0'), v, n, &s->rows, e) < 0)
        return -1;
    m->n++;
    return source_step(s, e);
}

static bool
before(const struct source *x, const struct source *y)
{
    static const int keys[] = {DUE, SINCE};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        int64_t a = db_int(x->rows, keys[i]), b = db_int(y->rows, keys[i]);

        if (a != b)
            return a < b;
    }
    return strcmp(db_str(x->rows, ID), db_str(y->rows, ID)) < 0;
}

static struct source *
most_urgent(struct merge *m)
{
    struct source *best = NULL;

    for (size_t i = 0; i < m->n; i++)
        if (m->s[i].more && (best == NULL || before(&m->s[i], best)))
            best = &m->s[i];
    return best;
}

/* A word of a command line, quoted when it must be. */
static void
put_word(struct strbuf *b, const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-/";
    bool bare = word[0] != '\0';

    for (const char *p = word; *p != '\0' && bare; p++)
        bare = (*p & 0x80) != 0 || strchr(plain, *p) != NULL;
    strbuf_addf(b, bare ? "%s" : "'%s'", word);
}

/* # and @ filled in. */
static const char *
command_line(struct arena *a, struct strbuf *b, const char *text, const struct w_inbox_item *v)
{
    strbuf_reset(b);
    strbuf_adds(b, "bianyun ");
    for (size_t n; *text != '\0'; text += n) {
        n = strcspn(text, "#@");
        strbuf_add(b, text, n);
        if (text[n] == '#')
            put_word(b, strchr(v->number, '\'') == NULL ? v->number : v->id);
        else if (text[n] == '@')
            strbuf_adds(b, v->id);
        n += text[n] != '\0';
    }
    return arena_strdup(a, strbuf_peek(b));
}

/* What to do with it, by whom it waits for; who only looks is shown where. */
static void
say_how(struct api_call *k, struct merge *m, const struct source *s, int64_t state,
        struct w_inbox_item *v)
{
    const struct kind *kind = &kinds[s->kind];
    bool is_case = v->kind < CASE_KIND__MAX;
    const struct case_todo look =
        is_case ? (struct case_todo){NULL, "cases show #", "GET /v1/cases/{id}"}
                : (struct case_todo){NULL, "clocks show @", "GET /v1/clocks/{id}"};
    const struct case_todo row = {kind->todo, kind->command, kind->route};
    const struct case_todo *does =
        is_case ? case_todo_of((enum case_kind)v->kind, (enum case_state)state) : &row;

    v->todo = does == NULL ? NULL : does->todo;
    v->waits = (int)(s->act ? k->who.role : m->who.turn);
    if (!s->act || does == NULL)
        does = &look;
    v->command = command_line(k->a, &m->line, does->command, v);
    v->route = does->route;
}

static void
fill(struct api_call *k, struct merge *m, const struct source *s, struct w_inbox_item *v)
{
    const struct kind *kind = &kinds[s->kind];
    const char *number = db_str(s->rows, NUMBER);
    int64_t due = db_int(s->rows, DUE);

    v->kind = (int)s->kind;
    (void)snprintf(v->id, sizeof(v->id), "%s", db_str(s->rows, ID));
    v->number = arena_strdup(k->a, number[0] != '\0' ? number : v->id);
    v->title = arena_strdup(k->a, db_str(s->rows, TITLE));
    (void)snprintf(v->state, sizeof(v->state), "%s",
                   kind->states != NULL ? kind->states[db_int(s->rows, STATE)]
                                        : db_str(s->rows, STATE));
    (void)snprintf(v->unit, sizeof(v->unit), "%s", db_str(s->rows, UNIT));
    (void)snprintf(v->unit_name, sizeof(v->unit_name), "%s", db_str(s->rows, UNIT_NAME));
    (void)snprintf(v->subject, sizeof(v->subject), "%s", db_str(s->rows, SUBJECT));
    v->since_ms = db_int(s->rows, SINCE);
    v->due_ms = due == NO_DUE ? 0 : due;
    v->overdue = due <= m->ask->late_ms;
    say_how(k, m, s, db_int(s->rows, STATE), v);
}

static void
merge_clear(struct merge *m)
{
    for (size_t i = 0; i < m->n; i++)
        db_rows_free(m->s[i].rows);
    strbuf_clear(&m->line);
}

static int
merge_run(struct api_call *k, struct merge *m, struct w_inbox_list *out, struct err *e)
{
    struct source *s;

    while ((s = most_urgent(m)) != NULL) {
        if (out->items.n == (size_t)m->ask->limit) {
            const struct w_inbox_item *last =
                JM_ITEM(out->items, struct w_inbox_item, out->items.n - 1);

            out->next = arena_printf(k->a, "%lld %lld %s",
                                     (long long)(last->due_ms == 0 ? NO_DUE : last->due_ms),
                                     (long long)last->since_ms, last->id);
            return 0;
        }
        s->n++;
        s->late += db_int(s->rows, DUE) <= m->ask->late_ms;
        fill(k, m, s, listing_add(&out->items, sizeof(struct w_inbox_item), k->a));
        if (source_step(s, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- counts --------------------------------------------------------------------------------- */

static int
count_ask(struct tx *t, const struct merge *m, struct source *s, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const struct kind *kind = &kinds[s->kind];
    struct db_value v[BIND_MAX];
    size_t n = 0;

    if (kind->dated)
        v[n++] = DBI(m->ask->late_ms);
    n += bind_source(&m->who, s->kind, v + n);
    if (db_query(t->d, m->who.unit[0] != '\0' ? kind->count_unit : kind->count, v, n, &r, e) < 0 ||
        db_next(r, e) != 1)
        return -1;
    s->n = (uint32_t)db_int(r, 0);
    s->late = (uint32_t)db_int(r, 1);
    return 0;
}

/* Of what the first page shows whole nothing has to be asked. */
static int
counts(struct api_call *k, struct tx *t, struct merge *m, struct w_inbox_list *out, struct err *e)
{
    for (size_t i = 0; i < m->n; i++) {
        struct source *s = &m->s[i];
        struct w_inbox_count *c;

        if ((s->more || m->ask->overdue) && count_ask(t, m, s, e) < 0)
            return -1;
        if ((m->ask->overdue ? s->late : s->n) == 0)
            continue;
        c = listing_add(&out->counts, sizeof(*c), k->a);
        *c = (struct w_inbox_count){.kind = (int)s->kind, .to_do = s->n, .overdue = s->late};
        out->total += m->ask->overdue ? s->late : s->n;
        out->overdue += s->late;
    }
    return 0;
}

int
inbox_page(struct api_call *k, struct tx *t, const struct inbox_ask *a, struct w_inbox_list *out,
           struct err *e)
{
    struct merge m = {.ask = a};
    int rc = asker_of(k, t, &m.who, e);

    for (int kind = INBOX_NONE + 1; kind < INBOX__MAX && rc == 0; kind++)
        if (asks_for(&m.who, a, (enum inbox_kind)kind))
            rc = source_open(&m, t, (enum inbox_kind)kind, e);
    if (rc == 0)
        rc = merge_run(k, &m, out, e);
    if (rc == 0 && a->after_id[0] == '\0')
        rc = counts(k, t, &m, out, e);
    merge_clear(&m);
    return rc;
}
