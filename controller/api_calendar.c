/* The calendar of working days: what is in force, and a new year's notice. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/calendars.h"
#include "controller/clocks.h"
#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/listing.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"

enum { RECOMPUTE_AT_ONCE = 100 };

/* ---- reading ------------------------------------------------------------------------------- */

static const char *
base_source(int32_t year)
{
    switch (year) {
#define YEAR(y, notice)                                                                            \
    case y:                                                                                        \
        return notice;
#define OFF(y, a, b)
#define WORK(y, a)
#include "policies/calendar_facts.def"
#undef YEAR
#undef OFF
#undef WORK
    default:
        return "";
    }
}

static void
fill_days(const struct calendar *cal, struct arena *a, struct w_calendar_view *v)
{
    for (size_t i = 0; i < cal->n; i++) {
        const struct cal_fact *f = &cal->facts[i];

        if (f->year != (int32_t)v->year)
            continue;
        if (f->works) {
            struct w_calendar_day *w = listing_add(&v->work, sizeof(*w), a);

            cal_text(f->first, w->day);
        } else {
            struct w_calendar_days *o = listing_add(&v->off, sizeof(*o), a);

            cal_text(f->first, o->first);
            cal_text(f->last, o->last);
        }
    }
}

static int
fill_imported(struct tx *t, struct arena *a, struct w_calendar_list *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(t->d, DB_CALENDAR_LIST, &r, e, DBI(INT64_MAX)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_calendar doc;

        if (W_DECODE(calendar, db_str(r, 2), db_len(r, 2), JM_SIGNED, a, &doc, e) < 0)
            return -1;
        for (size_t i = 0; i < out->items.n; i++) {
            struct w_calendar_view *v = JM_ITEM(out->items, struct w_calendar_view, i);

            if (v->year != (uint32_t)db_int(r, 1))
                continue;
            v->imported = true;
            (void)snprintf(v->number, sizeof(v->number), "%s", doc.number);
            (void)snprintf(v->account, sizeof(v->account), "%s", db_str(r, 4));
            v->reason = arena_strdup(a, db_str(r, 3));
            v->at_ms = db_int(r, 5);
        }
    }
    return rc;
}

/* year 0: all, without their days. */
static int
list_fill(struct tx *t, int32_t year, struct arena *a, struct w_calendar_list *out, struct err *e)
{
    struct calendar cal;

    if (calendar_load(t->d, a, &cal, out->version, sizeof(out->version), e) < 0)
        return -1;
    for (size_t i = 0; i < cal.n_years; i++) {
        struct w_calendar_view *v;

        if (year != 0 && cal.years[i] != year)
            continue;
        v = listing_add(&out->items, sizeof(*v), a);
        v->year = (uint32_t)cal.years[i];
        v->working_days = (uint32_t)cal_working_days(&cal, cal.years[i]);
        (void)snprintf(v->number, sizeof(v->number), "%s", base_source(cal.years[i]));
        if (year != 0)
            fill_days(&cal, a, v);
    }
    if (year != 0 && out->items.n == 0)
        return err_set(e, BY_E_NOT_FOUND,
                       "the notice of %" PRId32 " is not in the calendar: deadlines that reach "
                       "into it are provisional until it is imported",
                       year);
    return fill_imported(t, a, out, e);
}

int
api_calendar_list(struct api_call *k, struct tx *t, struct err *e)
{
    return list_fill(t, (int32_t)param_number(k, "year", 0), k->a, k->out, e);
}

/* ---- importing ----------------------------------------------------------------------------- */

static int
judge(struct tx *t, const struct w_calendar *doc, const char *reason, struct arena *a,
      struct err *e)
{
    struct cal_book *b = arena_alloc(a, sizeof(*b));
    struct calendar cal;
    struct cal_notice n;
    enum cal_notice_fault f;
    char version[24], day[11];
    int32_t at, this_year = cal_date(cal_day_of_ms(t->now_ms, controller_tz_minutes(t->c))).year;

    if (calendar_load(t->d, a, &cal, version, sizeof(version), e) < 0 ||
        calendar_notice_of(doc, &n, e) < 0)
        return -1;
    if (cal_has_year(&cal, n.year) && (reason == NULL || reason[0] == '\0'))
        return err_field(e, BY_E_CONFLICT, "reason",
                         "the notice of %" PRId32 " is in the calendar: say why it is corrected",
                         n.year);
    cal_book_begin(b, &cal, 9999);
    f = cal_book_add(b, &n, this_year + 1, &at);
    if (f == CNF_SOUND)
        return 0;
    cal_text(at, day);
    return err_field(e, BY_E_INVALID, "document", "notice of %" PRId32 ", %s: %s", n.year, day,
                     cal_notice_text(f));
}

static int
keep(struct api_call *k, struct tx *t, const struct w_calendar *doc, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    const struct w_calendar_request *in = k->in;
    char hash[65], body[200];

    jm_encode(schema_calendar, doc, &b);
    digest_sha256_hex(strbuf_peek(&b), b.len, hash);
    (void)snprintf(body, sizeof(body), "{\"sha256\":\"%s\",\"year\":%" PRIu32 "}", hash, doc->year);
    if (DB_EXEC(t->d, DB_CALENDAR_ADD, NULL, e, DBI(doc->year), DBS(strbuf_peek(&b)),
                DBS(in->reason == NULL ? "" : in->reason), DBS(k->who.account), DBI(t->now_ms)) < 0)
        return -1;
    return ledger_append(t, k->who.account, "calendar.imported", t->c->store, body, e);
}

int
api_calendar_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_calendar_request *in = k->in;
    struct w_calendar_list *out = k->out;
    struct w_calendar doc;

    if (W_DECODE(calendar, in->document, strlen(in->document), JM_PEOPLE, k->a, &doc, e) < 0)
        return err_wrap(e, "calendar");
    if (judge(t, &doc, in->reason, k->a, e) < 0)
        return -1;
    if (in->dry_run)
        return list_fill(t, 0, k->a, out, e);
    if (keep(k, t, &doc, e) < 0 ||
        clocks_recompute(t, RECOMPUTE_AT_ONCE, &out->recomputed, &out->due_moved, e) < 0)
        return -1;
    return list_fill(t, (int32_t)doc.year, k->a, out, e);
}
