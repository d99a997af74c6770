/* Legal clocks in a controller: started, met, judged and told, whoever ran when. */
#include <CUnit/CUnit.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/jobs.h"
#include "controller/live.h"
#include "controller/meta.h"
#include "drivers/db/migrate.h"
#include "tests/unit/flow.h"
#include "tests/unit/tmpdir.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
#define DAY INT64_C(86400000)

/* One step in the writer. */
struct act {
    enum { START, MEET, CANCEL } what;
    struct clock_spec spec;
    int64_t at_ms;
    struct clock_row row;
};

static int
act_step(void *arg, struct tx *t, struct err *e)
{
    struct act *x = arg;

    switch (x->what) {
    case START:
        return clock_start(t, "tester", &x->spec, &x->row, e);
    case MEET:
        return clock_meet(t, "tester", x->spec.kind, x->spec.subject, x->at_ms, e);
    case CANCEL:
        return clock_cancel(t, "tester", x->spec.kind, x->spec.subject, "withdrawn", e);
    }
    return -1;
}

static int64_t
now(struct flow *f)
{
    return f->ctl.c.wall_ms();
}

static struct act
start(struct flow *f, enum clock_kind k, int64_t start_ms, int32_t event_day)
{
    struct act x = {.what = START,
                    .spec = {.kind = k,
                             .subject_kind = "case",
                             .subject = flow_uuid(f),
                             .title = "A-1",
                             .unit = f->unit[FLOW_TENANT],
                             .start_ms = start_ms,
                             .event_day = event_day}};

    OK(commit_run(f->ctl.c.commit, act_step, &x, &f->err));
    return x;
}

static struct clock_row
load(struct flow *f, const char *id)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);
    struct clock_row r;

    OK(clock_load(d, id, &r, &f->err));
    return r;
}

static void
run_job(struct flow *f)
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

    OK(job_run(&f->ctl.c, d, JOB_CLOCKS, &f->err));
}

static int
count_told(void *arg, const struct clock_event *ev, int64_t told_ms, struct err *e)
{
    (void)told_ms;
    (void)e;
    ((size_t *)arg)[ev->what]++;
    return 0;
}

static void
told(struct flow *f, const char *id, size_t n[3])
{
    SCOPED(db_free) struct db *d = ctl_db(&f->ctl);

    n[0] = n[1] = n[2] = 0;
    OK(clock_told_each(d, id, count_told, n, &f->err));
}

static void
a_clock_is_judged_by_its_own_instant_however_late(void)
{
    struct flow f;
    size_t n[3];

    flow_start(&f);
    struct act x = start(&f, CLK_REVIEW, now(&f) - 60 * DAY, 0);
    run_job(&f);
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(r.overdue_ms, r.due_ms);
    CU_ASSERT_EQUAL(clock_state_of(&f.ctl.c, &r, now(&f)), CLS_OVERDUE);
    told(&f, r.id, n);
    CU_ASSERT_EQUAL(n[CLE_REMIND], 0); /* a reminder of what is over helps nobody */
    CU_ASSERT_EQUAL(n[CLE_ESCALATE], 5);
    run_job(&f);
    told(&f, r.id, n);
    CU_ASSERT_EQUAL(n[CLE_ESCALATE], 5);
    CU_ASSERT_EQUAL(load(&f, r.id).next_ms, 0);
    x.what = MEET;
    x.at_ms = now(&f);
    OK(commit_run(f.ctl.c.commit, act_step, &x, &f.err));
    r = load(&f, r.id);
    CU_ASSERT_EQUAL(clock_state_of(&f.ctl.c, &r, now(&f)), CLS_MET_LATE);
    OK(ctl_verify(&f.ctl, &(uint64_t){0}, &f.err));
    flow_stop(&f);
}

static int
confirm_step(void *arg, struct tx *t, struct err *e)
{
    (void)arg;
    return meta_set_int(t->d, META_CLOCK_JUMP, 0, e);
}

/* As an administrator who signs in anew: sessions do not outlast such a jump. */
static void
confirm_clock(struct flow *f)
{
    OK(commit_run(f->ctl.c.commit, confirm_step, NULL, &f->err));
    live_jump_end(f->ctl.c.live);
}

/* Forward over a deadline: the very round that meets the jump judges nothing by it; back over it
 * again nothing is taken back.  Only what a person confirms is judged. */
static void
a_jump_over_a_deadline_judges_nothing_until_it_is_confirmed(void)
{
    struct flow f;
    size_t n[3];

    flow_start(&f);
    struct act x = start(&f, CLK_REVIEW, now(&f), 0);
    ctl_clock(60 * DAY, 1000);
    run_job(&f);
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_TRUE(controller_clock_jumped(&f.ctl.c));
    CU_ASSERT_EQUAL(r.overdue_ms, 0);
    told(&f, r.id, n);
    CU_ASSERT_EQUAL(n[CLE_ESCALATE], 0);
    ctl_clock(2000, 2000); /* and back */
    run_job(&f);
    CU_ASSERT_EQUAL(load(&f, r.id).overdue_ms, 0);
    confirm_clock(&f);
    run_job(&f);
    CU_ASSERT_EQUAL(load(&f, r.id).overdue_ms, 0);
    ctl_clock(60 * DAY, 60 * DAY); /* it really passes */
    run_job(&f);
    CU_ASSERT_EQUAL(load(&f, r.id).overdue_ms, r.due_ms);
    flow_stop(&f);
}

static void
one_met_late_before_anybody_looked_is_late_all_the_same(void)
{
    struct flow f;

    flow_start(&f);
    struct act x = start(&f, CLK_DEPLOY, now(&f) - 60 * DAY, 0);
    x.what = MEET;
    x.at_ms = now(&f) - DAY;
    OK(commit_run(f.ctl.c.commit, act_step, &x, &f.err));
    run_job(&f);
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(r.overdue_ms, r.due_ms);
    CU_ASSERT_EQUAL(r.met_ms, x.at_ms);
    CU_ASSERT_EQUAL(r.next_ms, 0);
    flow_stop(&f);
}

static void
reminders_are_told_once_and_stop_when_it_is_met(void)
{
    struct flow f;
    size_t n[3];

    flow_start(&f);
    int64_t to_noon = (DAY + DAY / 2 - (now(&f) + CAL_TZ_CHINA * INT64_C(60000)) % DAY) % DAY;
    ctl_clock(to_noon, to_noon);
    /* An expansion ends tomorrow: both notices lie behind, one is told. */
    int32_t today = cal_day_of_ms(now(&f), CAL_TZ_CHINA);
    struct act x = start(&f, CLK_EXPANSION_END, now(&f) - 30 * DAY, today + 1);
    run_job(&f);
    run_job(&f);
    told(&f, x.row.id, n);
    CU_ASSERT_EQUAL(n[CLE_REMIND], 1);
    CU_ASSERT_EQUAL(n[CLE_ESCALATE], 0);
    CU_ASSERT_EQUAL(load(&f, x.row.id).next_ms, x.row.due_ms);
    x.what = MEET;
    x.at_ms = now(&f);
    OK(commit_run(f.ctl.c.commit, act_step, &x, &f.err));
    CU_ASSERT_EQUAL(load(&f, x.row.id).next_ms, 0);
    flow_stop(&f);
}

static void
a_kind_has_one_open_clock_on_a_subject(void)
{
    struct flow f;

    flow_start(&f);
    struct act x = start(&f, CLK_REVIEW, now(&f), 0), again = x;
    CU_ASSERT_EQUAL(commit_run(f.ctl.c.commit, act_step, &again, &f.err), -1);
    CU_ASSERT_EQUAL(f.err.code, BY_E_CONFLICT);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, "runs already"));
    x.what = CANCEL;
    OK(commit_run(f.ctl.c.commit, act_step, &x, &f.err));
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(clock_state_of(&f.ctl.c, &r, now(&f) + 90 * DAY), CLS_CANCELLED);
    OK(commit_run(f.ctl.c.commit, act_step, &again, &f.err)); /* handed in again */
    x.what = MEET;
    x.spec.subject = flow_uuid(&f);
    OK(commit_run(f.ctl.c.commit, act_step, &x, &f.err)); /* none there: nothing to do */
    flow_stop(&f);
}

/* 1 working day is too short for a thing that must be asked for 3 before. */
static void
a_late_filing_is_marked_and_no_breach(void)
{
    struct flow f;

    flow_start(&f);
    int32_t today = cal_day_of_ms(now(&f), CAL_TZ_CHINA);
    struct act x = start(&f, CLK_EXPANSION_ASK, now(&f), cal_plus_working(NULL, today, 2).day);
    x.what = MEET;
    x.at_ms = now(&f);
    OK(commit_run(f.ctl.c.commit, act_step, &x, &f.err));
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(clock_state_of(&f.ctl.c, &r, now(&f)), CLS_LATE_FILING);
    flow_stop(&f);
}

/* ---- a calendar that changes -------------------------------------------------------------- */

static int
import(struct flow *f, const char *document, const char *reason, bool dry,
       struct w_calendar_list *out)
{
    return FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", "/v1/calendars",
                     flow_text(f,
                               "{\"request\":\"%s\",\"document\":%s,\"reason\":%s,\"dry_run\":%s}",
                               flow_uuid(f), flow_quote(f, document), flow_quote(f, reason),
                               dry ? "true" : "false"),
                     calendar_list, out);
}

/* The year after the last one that is compiled in: Spring Festival in its first full week of
 * February, and the first week of October. */
static const char *
notice_of(struct flow *f, int32_t year, const char *off)
{
    return flow_text(f,
                     "{\"version\":1,\"year\":%d,\"number\":\"国办发明电〔%d〕7号\",\"off\":["
                     "{\"first\":\"%d-01-01\",\"last\":\"%d-01-03\",\"name\":\"元旦\"},"
                     "{\"first\":\"%d-02-05\",\"last\":\"%d-02-11\"}%s,"
                     "{\"first\":\"%d-10-01\",\"last\":\"%d-10-07\"}]}",
                     year, year - 1, year, year, year, year, off, year, year);
}

static int32_t
next_year(void)
{
    return cal_base()->years[cal_base()->n_years - 1] + 1;
}

static int64_t
noon(int32_t year, int32_t month, int32_t day)
{
    return cal_ms_of_day(cal_day(year, month, day), CAL_TZ_CHINA) + DAY / 2;
}

static void
a_provisional_clock_is_computed_again_when_the_notice_comes(void)
{
    struct flow f;
    struct w_calendar_list l;
    struct cal_deadline due;
    int32_t year = next_year();

    flow_start(&f);
    struct act x = start(&f, CLK_TESTS, noon(year, 1, 9), 0); /* due 9 February: in the break */
    struct act y = start(&f, CLK_REVIEW, noon(year, 3, 1), 0);
    struct act z = start(&f, CLK_REVIEW, noon(year - 1, 3, 2), 0);
    CU_ASSERT(x.row.provisional && y.row.provisional && !z.row.provisional);
    OK(import(&f, notice_of(&f, year, ""), "", true, &l)); /* a dry run keeps nothing */
    CU_ASSERT_EQUAL(l.items.n, cal_base()->n_years);
    OK(import(&f, notice_of(&f, year, ""), "", false, &l));
    CU_ASSERT_EQUAL(l.recomputed, 3);
    CU_ASSERT_EQUAL(l.due_moved, 1);
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    CU_ASSERT(JM_ITEM(l.items, struct w_calendar_view, 0)->imported);
    struct clock_row r = load(&f, x.row.id), before = x.row;
    int32_t day;
    CU_ASSERT(cal_parse(r.due_day, &day) && day >= cal_day(year, 2, 12));
    CU_ASSERT_FALSE(r.provisional);
    CU_ASSERT_STRING_NOT_EQUAL(r.calendar, before.calendar);
    CU_ASSERT_EQUAL(r.due_ms, cal_ms_of_day(day + 1, CAL_TZ_CHINA));
    CU_ASSERT_FALSE(load(&f, y.row.id).provisional);
    { /* Each verdict can be made again by the calendar of its time. */
        SCOPED(db_free) struct db *d = ctl_db(&f.ctl);
        struct tx t = {.c = &f.ctl.c, .d = d, .now_ms = now(&f)};

        OK(clock_replay(&t, &r, &due, &f.err));
        CU_ASSERT_EQUAL(due.overdue_ms, r.due_ms);
        OK(clock_replay(&t, &before, &due, &f.err));
        CU_ASSERT_EQUAL(due.overdue_ms, before.due_ms);
        CU_ASSERT(due.provisional);
    }
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_CALENDAR_SEQ), 1);
    OK(ctl_verify(&f.ctl, &(uint64_t){0}, &f.err));
    flow_stop(&f);
}

/* Late by the calendar that was known, in time by the one that came: and the other way round. */
static void
a_correction_takes_a_verdict_back(void)
{
    struct flow f;
    struct w_calendar_list l;
    int32_t year;

    flow_start(&f);
    year = cal_date(cal_day_of_ms(now(&f), CAL_TZ_CHINA)).year + 1;
    OK(import(&f, notice_of(&f, year, ""), "a test", false, &l));
    int64_t plus = noon(year, 7, 8) - now(&f);
    CU_ASSERT_FATAL(plus > 0);
    ctl_clock(plus, plus);
    struct act x = start(&f, CLK_ACCOUNT, noon(year, 7, 5), 0);
    while (load(&f, x.row.id).due_ms > now(&f)) {
        plus += DAY;
        ctl_clock(plus, plus);
    }
    run_job(&f);
    struct clock_row late = load(&f, x.row.id);
    CU_ASSERT_EQUAL(late.overdue_ms, late.due_ms);
    { /* the bureau's session is over by now: its import straight into the store */
        SCOPED(db_free) struct db *d = NULL;
        char body[600];

        OK(db_open(f.ctl.c.store_path, false, &d, &f.err));
        (void)snprintf(body, sizeof(body), "%s",
                       notice_of(&f, year,
                                 flow_text(&f, ",{\"first\":\"%d-07-05\",\"last\":\"%d-07-12\"}",
                                           year, year)));
        OK(DB_EXEC(d, DB_CALENDAR_ADD, NULL, &f.err, DBI(year), DBS(body), DBS("storm"), DBS("x"),
                   DBI(now(&f))));
    }
    run_job(&f);
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT(r.due_ms > late.due_ms);
    CU_ASSERT_EQUAL(r.overdue_ms, 0);
    CU_ASSERT_EQUAL(clock_state_of(&f.ctl.c, &r, now(&f)), CLS_RUNNING);
    flow_stop(&f);
}

static void
a_calendar_file_is_refused_with_what_is_wrong(void)
{
    static const struct {
        const char *document, *says;
    } rows[] = {
        {"{\"version\":1,\"year\":2999,\"number\":\"x\",\"off\":[{\"first\":\"2999-01-01\"}]}",
         "cannot be out yet"},
        {"{\"version\":1,\"year\":%d,\"number\":\"x\",\"off\":[]}", "names no day off"},
        {"{\"version\":1,\"year\":%d,\"number\":\"x\",\"off\":[{\"first\":\"2025-05-01\"}]}",
         "2025-05-01: this day is neither"},
        {"{\"version\":1,\"year\":%d,\"number\":\"x\",\"off\":[{\"first\":\"2027-02-30\"}]}",
         "'2027-02-30' is no day"},
        {"{\"version\":1,\"year\":%d,\"number\":\"x\",\"holidays\":[]}", "holidays"},
        {"{\"version\":2,\"year\":%d,\"number\":\"x\",\"off\":[]}", "version"},
        {"{\"version\":1,\"year\":2026,\"number\":\"x\",\"off\":[{\"first\":\"2026-01-01\"}]}",
         "say why it is corrected"},
        {"not json", "calendar"},
    };
    struct flow f;
    struct w_calendar_list l;

    flow_start(&f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[300], year[8];
        const char *at = strstr(rows[i].document, "%d");

        (void)snprintf(year, sizeof(year), "%d", next_year());
        (void)snprintf(text, sizeof(text), "%.*s%s%s",
                       at == NULL ? 0 : (int)(at - rows[i].document), rows[i].document,
                       at == NULL ? "" : year, at == NULL ? rows[i].document : at + 2);
        CU_ASSERT_EQUAL(import(&f, text, "", false, &l), -1);
        if (strstr(f.err.msg, rows[i].says) == NULL)
            fprintf(stderr, "row %zu: %s\n", i, f.err.msg);
        CU_ASSERT_PTR_NOT_NULL(strstr(f.err.msg, rows[i].says));
        CU_ASSERT(f.status == 400 || f.status == 409 || f.status == 422);
    }
    CU_ASSERT_EQUAL(ctl_int(&f.ctl, DB_CALENDAR_SEQ), 0);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/calendars?year=2030", NULL,
                              calendar_list, &l),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", "/v1/calendars?year=2026", NULL, calendar_list,
                 &l));
    CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_calendar_view, 0)->working_days, 248);
    CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_calendar_view, 0)->off.n, 7);
    flow_stop(&f);
}

/* ---- as people see them -------------------------------------------------------------------- */

static struct w_clock_list
list(struct flow *f, enum flow_who who, const char *query)
{
    struct w_clock_list l = {0};

    OK(FLOW_CALL(f, f->people[who], "GET", flow_text(f, "/v1/clocks%s", query), NULL, clock_list,
                 &l));
    return l;
}

static void
each_sees_the_clocks_of_its_own_matters(void)
{
    struct flow f;
    struct w_clock_detail d;

    flow_start(&f);
    struct act late = start(&f, CLK_DEPLOY, now(&f) - 60 * DAY, 0);
    struct act open = start(&f, CLK_REVIEW, now(&f), 0);
    CU_ASSERT_EQUAL(list(&f, FLOW_TENANT, "").items.n, 2);
    CU_ASSERT_EQUAL(list(&f, FLOW_OTHER, "").items.n, 0);
    CU_ASSERT_EQUAL(list(&f, FLOW_OTHER, "").counts.n, 0);
    CU_ASSERT_EQUAL(list(&f, FLOW_BUREAU, "").items.n, 2);
    struct w_clock_list l = list(&f, FLOW_TENANT, "?overdue=1");
    CU_ASSERT_EQUAL_FATAL(l.items.n, 1);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_clock_view, 0)->id, late.row.id);
    CU_ASSERT_EQUAL(JM_ITEM(l.items, struct w_clock_view, 0)->state, CLS_OVERDUE);
    CU_ASSERT_EQUAL_FATAL(l.counts.n, 2); /* by kind: deploy, then review */
    CU_ASSERT_EQUAL(JM_ITEM(l.counts, struct w_clock_count, 0)->overdue, 1);
    CU_ASSERT_EQUAL(JM_ITEM(l.counts, struct w_clock_count, 1)->running, 1);
    CU_ASSERT_EQUAL(list(&f, FLOW_TENANT, "?mine=1").items.n, 1);
    CU_ASSERT_EQUAL(list(&f, FLOW_BUREAU, "?mine=1&kind=review").items.n, 1);
    CU_ASSERT_EQUAL(list(&f, FLOW_BUREAU, flow_text(&f, "?subject=%s", open.row.subject)).items.n,
                    1);
    l = list(&f, FLOW_BUREAU, "?limit=1");
    CU_ASSERT_EQUAL(l.items.n, 1);
    l = list(&f, FLOW_BUREAU, flow_text(&f, "?limit=1&after=%s", l.next));
    CU_ASSERT_EQUAL(l.items.n, 1);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(l.items, struct w_clock_view, 0)->id, open.row.id);
    CU_ASSERT_PTR_NULL(l.next);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "GET", flow_text(&f, "/v1/clocks/%s", late.row.id),
                 NULL, clock_detail, &d));
    CU_ASSERT(d.replay_equal);
    CU_ASSERT_STRING_EQUAL(d.basis, "G16");
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_OTHER], "GET",
                              flow_text(&f, "/v1/clocks/%s", late.row.id), NULL, clock_detail, &d),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    flow_stop(&f);
}

static int
note_cause(struct flow *f, enum flow_who who, const char *id, const char *rest,
           struct w_clock_detail *d)
{
    return FLOW_CALL(f, f->people[who], "POST", flow_text(f, "/v1/clocks/%s:cause", id),
                     flow_text(f, "{\"request\":\"%s\",%s}", flow_uuid(f), rest), clock_detail, d);
}

static void
a_cause_stands_beside_a_clock_and_never_stops_it(void)
{
    struct flow f;
    struct w_clock_detail d;

    flow_start(&f);
    struct act x = start(&f, CLK_CONFIGURE, now(&f) - 60 * DAY, 0);
    OK(note_cause(&f, FLOW_PROVIDER, x.row.id,
                  "\"cause\":\"capacity\",\"note\":\"no room in zone B\"", &d));
    CU_ASSERT_EQUAL_FATAL(d.causes.n, 1);
    const struct w_clock_cause_view *c = JM_ITEM(d.causes, struct w_clock_cause_view, 0);
    CU_ASSERT_EQUAL(c->cause, CAUSE_CAPACITY);
    CU_ASSERT_STRING_EQUAL(c->account, f.account[FLOW_PROVIDER]);
    CU_ASSERT(c->since_ms > 0 && c->at_ms >= c->since_ms);
    CU_ASSERT_EQUAL(d.clock.state, CLS_OVERDUE);
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(r.due_ms, x.row.due_ms);
    CU_ASSERT_EQUAL(note_cause(&f, FLOW_OTHER, x.row.id, "\"cause\":\"unit\",\"note\":\"x\"", &d),
                    -1);
    CU_ASSERT_EQUAL(f.status, 404);
    CU_ASSERT_EQUAL(note_cause(&f, FLOW_TENANT, x.row.id, "\"cause\":\"unit\",\"note\":\"\"", &d),
                    -1);
    CU_ASSERT_EQUAL(note_cause(&f, FLOW_TENANT, x.row.id, "\"cause\":\"rain\",\"note\":\"x\"", &d),
                    -1);
    CU_ASSERT_EQUAL(note_cause(&f, FLOW_TENANT, x.row.id,
                               flow_text(&f, "\"cause\":\"unit\",\"note\":\"x\",\"since_ms\":%lld",
                                         (long long)(now(&f) + DAY)),
                               &d),
                    -1);
    OK(note_cause(&f, FLOW_TENANT, x.row.id, "\"cause\":\"unit\",\"note\":\"our papers were late\"",
                  &d));
    CU_ASSERT_EQUAL(d.causes.n, 2);
    flow_stop(&f);
}

/* ---- the feed */

static int
fetch_feed(struct flow *f, const char *path, struct httpc_answer *ans)
{
    SCOPED(httpc_free) struct httpc *h = ctl_client(&f->ctl, NULL);

    return httpc_call(h, "GET", path, NULL, 0, 60000, ans, &f->err);
}

static void
the_feed_is_ones_own_and_revocable(void)
{
    struct flow f;
    struct w_clock_feed feed, next;
    struct httpc_answer ans = {0};

    flow_start(&f);
    struct act mine = start(&f, CLK_DEPLOY, now(&f), 0);
    struct act theirs = start(&f, CLK_REVIEW, now(&f), 0);
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/clocks:feed", NULL, clock_feed, &feed));
    OK(fetch_feed(&f, feed.path, &ans));
    CU_ASSERT_PTR_NOT_NULL_FATAL(ans.body);
    CU_ASSERT_EQUAL(strncmp(ans.body, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", 30), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "END:VCALENDAR\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, flow_text(&f, "UID:%s@", mine.row.id)));
    CU_ASSERT_PTR_NULL(strstr(ans.body, theirs.row.id)); /* the bureau's duty */
    int32_t due;
    CU_ASSERT(cal_parse(mine.row.due_day, &due));
    struct cal_date d = cal_date(due), after = cal_date(due + 1);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ans.body,
               flow_text(&f, "DTSTART;VALUE=DATE:%04d%02d%02d\r\nDTEND;VALUE=DATE:%04d%02d%02d\r\n",
                         d.year, d.month, d.day, after.year, after.month, after.day)));
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "SUMMARY:开始部署 A-1\r\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(ans.body, mine.row.provisional ? "STATUS:TENTATIVE" : "STATUS:CONFIRMED"));
    httpc_answer_clear(&ans);
    /* Another unit of the same role has an empty one. */
    OK(FLOW_CALL(&f, f.people[FLOW_OTHER], "POST", "/v1/clocks:feed", NULL, clock_feed, &next));
    OK(fetch_feed(&f, next.path, &ans));
    CU_ASSERT_PTR_NULL(strstr(ans.body, "VEVENT"));
    httpc_answer_clear(&ans);
    /* A new address ends the old one, and revoking ends that. */
    OK(FLOW_CALL(&f, f.people[FLOW_TENANT], "POST", "/v1/clocks:feed", NULL, clock_feed, &next));
    CU_ASSERT_STRING_NOT_EQUAL(feed.path, next.path);
    (void)fetch_feed(&f, feed.path, &ans);
    CU_ASSERT_EQUAL(ans.status, 404);
    httpc_answer_clear(&ans);
    struct act cancel = {.what = CANCEL, .spec = mine.spec};
    OK(commit_run(f.ctl.c.commit, act_step, &cancel, &f.err));
    OK(fetch_feed(&f, next.path, &ans));
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, "STATUS:CANCELLED"));
    CU_ASSERT_PTR_NOT_NULL(strstr(ans.body, flow_text(&f, "UID:%s@", mine.row.id)));
    httpc_answer_clear(&ans);
    OK(flow_call(&f, f.people[FLOW_TENANT], "DELETE", "/v1/clocks:feed", NULL, NULL, 0, NULL));
    (void)fetch_feed(&f, next.path, &ans);
    CU_ASSERT_EQUAL(ans.status, 404);
    httpc_answer_clear(&ans);
    OK(ctl_verify(&f.ctl, &(uint64_t){0}, &f.err));
    flow_stop(&f);
}

/* ---- a jump of the system clock ------------------------------------------------------------ */

static void
a_jump_holds_verdicts_until_the_administrator_confirms(void)
{
    struct flow f;
    struct w_status_view s;

    flow_start(&f);
    struct act x = start(&f, CLK_ACCOUNT, now(&f), 0);
    ctl_clock(CLOCK_JUMP_MS + 60000, 0);
    x.row = start(&f, CLK_DEPLOY, now(&f) - 60 * DAY, 0).row;
    run_job(&f);
    struct clock_row r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(r.overdue_ms, 0);
    CU_ASSERT_EQUAL(clock_state_of(&f.ctl.c, &r, now(&f)), CLS_HELD);
    CU_ASSERT_EQUAL(list(&f, FLOW_BUREAU, "?overdue=1").items.n, 0);
    CU_ASSERT_EQUAL(FLOW_CALL(&f, f.people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
                              flow_text(&f, "{\"request\":\"%s\"}", flow_uuid(&f)), status_view,
                              &s),
                    -1);
    CU_ASSERT_STRING_EQUAL(f.err.field, "reason");
    OK(FLOW_CALL(
        &f, f.people[FLOW_ADMIN], "POST", "/v1/recovery:confirm",
        flow_text(&f, "{\"request\":\"%s\",\"reason\":\"time server mended\"}", flow_uuid(&f)),
        status_view, &s));
    CU_ASSERT_FALSE(s.clock_jump);
    run_job(&f);
    r = load(&f, x.row.id);
    CU_ASSERT_EQUAL(r.overdue_ms, r.due_ms);
    CU_ASSERT_EQUAL(list(&f, FLOW_BUREAU, "?overdue=1").items.n, 1);
    flow_stop(&f);
}

/* ---- a store of before -------------------------------------------------------------------- */

static const char old_rows[] =
    "INSERT INTO unit(id, name, created_ms) VALUES('u', 'U', 1);"
    "INSERT INTO system(id, name, unit, mlps_level, purpose, created_ms)"
    " VALUES('s', 'S', 'u', 2, '', 1);"
    "INSERT INTO grant_(id, number, system, unit, approver, account, approved_ms, valid_from_ms,"
    " valid_to_ms, hold_ms, paper, body_sha256, accepted_ms)"
    " VALUES('g', 'N-1', 's', 'u', 'a', 'a', 5, 1, 9, 1, '', '', 1),"
    " ('h', 'N-2', 's', 'u', 'a', 'a', 5, 1, 9, 1, '', '', 1);"
    "INSERT INTO clock(grant_, start_ms, due_day, due_ms, provisional, met_ms, overdue_ms)"
    " VALUES('g', 5, '1970-01-06', 7, 1, 0, 7), ('h', 5, '1970-01-06', 7, 0, 6, 0);";

static void
a_store_of_before_keeps_its_clocks(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    char path[300];
    struct err e = {0};
    size_t count;
    const struct migration *m = migrate_list(&count);
    struct db_schema first = {.migrations = m, .migration_count = 1};
    struct db *d = NULL;
    sqlite3 *s = NULL;
    struct clock_row r;

    (void)snprintf(path, sizeof(path), "%s/store.db", dir);
    OK(db_open_schema(path, false, &first, &d, &e));
    db_free(d);
    OK(sqlite3_open(path, &s));
    OK(sqlite3_exec(s, old_rows, NULL, NULL, NULL));
    OK(sqlite3_close(s));
    if (db_open(path, false, &d, &e) < 0)
        CU_FAIL_FATAL(e.msg);
    OK(clock_load(d, "g", &r, &e));
    CU_ASSERT_EQUAL(r.kind, CLK_CONFIGURE);
    CU_ASSERT_STRING_EQUAL(r.subject, "g");
    CU_ASSERT_STRING_EQUAL(r.title, "N-1");
    CU_ASSERT_STRING_EQUAL(r.unit, "u");
    CU_ASSERT_STRING_EQUAL(r.due_day, "1970-01-06");
    CU_ASSERT_EQUAL(r.duty_role, ROLE_PROVIDER);
    CU_ASSERT_EQUAL(r.due_ms, 7);
    CU_ASSERT_EQUAL(r.overdue_ms, 7);
    CU_ASSERT(r.provisional);
    CU_ASSERT(r.next_ms > 0);
    OK(clock_load(d, "h", &r, &e));
    CU_ASSERT_EQUAL(r.met_ms, 6);
    CU_ASSERT_EQUAL(r.next_ms, 0);
    db_free(d);
}

CU_TestInfo clocks_tests[] = {
    {"a clock is judged by its own instant, however late",
     a_clock_is_judged_by_its_own_instant_however_late},
    {"a jump over a deadline judges nothing until it is confirmed",
     a_jump_over_a_deadline_judges_nothing_until_it_is_confirmed},
    {"one met late before anybody looked is late all the same",
     one_met_late_before_anybody_looked_is_late_all_the_same},
    {"reminders are told once and stop when it is met",
     reminders_are_told_once_and_stop_when_it_is_met},
    {"a kind has one open clock on a subject", a_kind_has_one_open_clock_on_a_subject},
    {"a late filing is marked and no breach", a_late_filing_is_marked_and_no_breach},
    {"a provisional clock is computed again when the notice comes",
     a_provisional_clock_is_computed_again_when_the_notice_comes},
    {"a correction takes a verdict back", a_correction_takes_a_verdict_back},
    {"a calendar file is refused with what is wrong",
     a_calendar_file_is_refused_with_what_is_wrong},
    {"each sees the clocks of its own matters", each_sees_the_clocks_of_its_own_matters},
    {"a cause stands beside a clock and never stops it",
     a_cause_stands_beside_a_clock_and_never_stops_it},
    {"the feed is one's own and revocable", the_feed_is_ones_own_and_revocable},
    {"a jump holds verdicts until the administrator confirms",
     a_jump_holds_verdicts_until_the_administrator_confirms},
    {"a store of before keeps its clocks", a_store_of_before_keeps_its_clocks},
    CU_TEST_INFO_NULL,
};
