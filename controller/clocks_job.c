/* What runs out, and who is told. */
#include <stdio.h>
#include <string.h>

#include "controller/calendars.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/meta.h"
#include "controller/notice.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"

enum { CLOCKS_MAX = 100 };

struct round {
    char id[CLOCKS_MAX][W_ID];
    size_t n;
};

static int
say(struct tx *t, const struct clock_row *r, const char *act, const struct clock_event *ev,
    struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_clock_act body = {.kind = (int)r->kind, .due_ms = r->due_ms, .at_ms = ev->at_ms};

    (void)snprintf(body.to, sizeof(body.to), "%s", clock_to_name(ev->to));
    body.days = ev->what == CLE_REMIND ? -ev->days : ev->days;
    jm_encode(schema_clock_act, &body, &b);
    return ledger_append(t, "controller", act, r->subject, strbuf_peek(&b), e);
}

/* By the clock: time in the ledger may stand still in a future that has not come, when a person
 * confirmed one. */
static int64_t
judged_at(const struct tx *t)
{
    int64_t now = controller_now_ms(t->c);

    return now < t->now_ms ? now : t->now_ms;
}

/* Late from its own instant, however late that is noticed. */
static int
judge(struct tx *t, struct clock_row *r, struct err *e)
{
    struct clock_event at = {.at_ms = r->due_ms};
    enum clock_state s = clock_state_of(t->c, r, judged_at(t));

    if (r->overdue_ms != 0 || !clock_is_late(s))
        return 0;
    r->overdue_ms = r->due_ms;
    log_warn("clock.overdue", "clock=%s kind=%s subject=%s", r->id, clock_rule(r->kind)->name,
             r->subject);
    if (say(t, r, s == CLS_LATE_FILING ? "clock.late_filing" : "clock.overdue", &at, e) < 0)
        return -1;
    return notice_clock(t, r, NOTICE_OVERDUE, CLT_DUTY, e);
}

/* Of reminders that were missed only the last is worth a word; steps of escalation all are. */
static int
tell(struct tx *t, struct clock_row *r, const struct clock_event *ev, size_t n, struct err *e)
{
    int64_t now = judged_at(t);

    r->next_ms = 0;
    for (size_t i = 0; i < n; i++) {
        bool stale = ev[i].what == CLE_REMIND && i + 1 < n && ev[i + 1].at_ms <= now;

        if (ev[i].at_ms > now) {
            r->next_ms = ev[i].at_ms;
            break;
        }
        if (ev[i].at_ms <= r->told_ms || stale)
            continue;
        if (clock_tell(t->d, r->id, &ev[i], t->now_ms, e) < 0 ||
            say(t, r, "clock.told", &ev[i], e) < 0 ||
            notice_clock(t, r, ev[i].what == CLE_REMIND ? NOTICE_REMINDER : NOTICE_ESCALATION,
                         ev[i].to, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < n && ev[i].at_ms <= now; i++)
        if (ev[i].at_ms > r->told_ms)
            r->told_ms = ev[i].at_ms;
    return 0;
}

static int
round_one(struct tx *t, const struct calendar *cal, const char *id, struct err *e)
{
    struct clock_event ev[CLK_EVENTS];
    struct clock_row r;
    struct clock_facts f;
    struct cal_deadline due = {0};
    int rc = clock_row_find(t->d, id, &r, e);

    if (rc <= 0)
        return rc;
    if (judge(t, &r, e) < 0)
        return -1;
    f = clock_facts_of(t->c, &r);
    (void)cal_parse(r.due_day, &due.due_day);
    if (r.met_ms > 0 || r.cancelled_ms > 0)
        r.next_ms = 0;
    else if (tell(t, &r, ev, clock_events(cal, &f, &due, ev), e) < 0)
        return -1;
    return clock_row_told(t->d, &r, e);
}

static int
round_step(void *arg, struct tx *t, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct round *x = arg;
    struct calendar cal;
    char version[24];

    if (tx_clock_jumped(t))
        return 0;
    if (calendar_load(t->d, &a, &cal, version, sizeof(version), e) < 0)
        return -1;
    for (size_t i = 0; i < x->n; i++)
        if (round_one(t, &cal, x->id[i], e) < 0)
            return err_wrap(e, "clock %s", x->id[i]);
    return 0;
}

/* ---- a calendar that changed --------------------------------------------------------------- */

/* Stores of before kept the due day, not the number that it was computed with. */
static uint32_t
number_of(const struct clock_facts *f, const char *due_day)
{
    struct clock_facts try = *f;
    char day[11];

    for (try.n = 1; f->n == 0 && try.n <= 100; try.n++) {
        cal_text(clock_due(cal_base(), &try).due_day, day);
        if (strcmp(day, due_day) == 0)
            return try.n;
    }
    return f->n;
}

static int
recompute_one(struct tx *t, const struct calendar *cal, const char *version, const char *id,
              uint32_t *moved, struct err *e)
{
    struct clock_row r, old;
    struct clock_facts f;
    struct cal_deadline due;
    int rc = clock_row_find(t->d, id, &r, e);

    if (rc <= 0)
        return rc;
    old = r;
    f = clock_facts_of(t->c, &r);
    f.n = r.n = number_of(&f, r.due_day);
    due = clock_due(cal, &f);
    (void)snprintf(r.calendar, sizeof(r.calendar), "%s", version);
    cal_text(due.due_day, r.due_day);
    r.due_ms = due.overdue_ms;
    r.provisional = due.provisional;
    if (r.due_ms == old.due_ms && r.provisional == old.provisional)
        return clock_row_recompute(t->d, &r, e);
    if (r.due_ms != old.due_ms) {
        r.overdue_ms = 0; /* judged anew by the new day */
        r.next_ms = r.met_ms == 0 || r.met_ms >= r.due_ms ? 1 : 0;
        (*moved)++;
    }
    return clock_row_recompute(t->d, &r, e) < 0
               ? -1
               : clock_record(t, "controller", "clock.recomputed", &r, &old, e);
}

static int
stale_ids(struct db *d, const char *version, uint32_t max, struct round *x, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    int rc;

    x->n = 0;
    if (DB_QUERY(d, DB_CLOCK_STALE, &rows, e, DBS(version), DBI(max)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1 && x->n < CLOCKS_MAX)
        (void)snprintf(x->id[x->n++], W_ID, "%s", db_str(rows, 0));
    return rc;
}

int
clocks_recompute(struct tx *t, uint32_t max, uint32_t *n, uint32_t *moved, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct calendar cal;
    struct round x;
    char version[24];

    *n = *moved = 0;
    if (max > CLOCKS_MAX)
        max = CLOCKS_MAX;
    if (calendar_load(t->d, &a, &cal, version, sizeof(version), e) < 0 ||
        stale_ids(t->d, version, max, &x, e) < 0)
        return -1;
    for (size_t i = 0; i < x.n; i++)
        if (recompute_one(t, &cal, version, x.id[i], moved, e) < 0)
            return err_wrap(e, "clock %s", x.id[i]);
    *n = (uint32_t)x.n;
    /* The last of them: no need to look again until the calendar changes. */
    return x.n < max ? meta_set(t->d, META_CALENDAR, version, e) : 0;
}

static int
recompute_step(void *arg, struct tx *t, struct err *e)
{
    uint32_t moved;

    return clocks_recompute(t, CLOCKS_MAX, arg, &moved, e);
}

/* Every open clock rests on the calendar in force before any is judged. */
static int
run_recompute(struct controller *c, struct db *d, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *done = NULL;
    struct calendar cal;
    char version[24];
    uint32_t n = CLOCKS_MAX;

    if (calendar_load(d, &a, &cal, version, sizeof(version), e) < 0 ||
        meta_get(d, META_CALENDAR, &a, &done, e) < 0)
        return -1;
    if (done != NULL && strcmp(done, version) == 0)
        return 0;
    while (n == CLOCKS_MAX)
        if (commit_run(c->commit, recompute_step, &n, e) < 0)
            return -1;
    return 0;
}

int
clocks_run(struct controller *c, struct db *d, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *rows = NULL;
    struct round x = {.n = 0};
    int rc;

    if (controller_clock_jumped(c)) /* no verdict by a clock that a person has not confirmed */
        return 0;
    if (run_recompute(c, d, e) < 0)
        return err_wrap(e, "clocks, after a change of the calendar");
    if (DB_QUERY(d, DB_CLOCK_NEXT, &rows, e, DBI(controller_now_ms(c)), DBI(CLOCKS_MAX)) < 0)
        return -1;
    while ((rc = db_next(rows, e)) == 1 && x.n < CLOCKS_MAX)
        (void)snprintf(x.id[x.n++], W_ID, "%s", db_str(rows, 0));
    db_rows_free(TAKE(rows)); /* the write must not wait for our reading */
    if (rc < 0)
        return -1;
    return x.n == 0 ? 0 : commit_run(c->commit, round_step, &x, e);
}
