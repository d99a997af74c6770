#include "controller/calendars.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/log.h"

static int
day_of(const char *text, const char *field, size_t i, int32_t *day, struct err *e)
{
    char path[40];

    if (cal_parse(text, day))
        return 0;
    (void)snprintf(path, sizeof(path), "%s[%zu]", field, i);
    return err_field(e, BY_E_INVALID, path, "'%s' is no day that there is: write 2027-01-31", text);
}

int
calendar_notice_of(const struct w_calendar *in, struct cal_notice *out, struct err *e)
{
    *out = (struct cal_notice){.year = (int32_t)in->year};
    _Static_assert(CAL_NOTICE_FACTS >= 24 + 24, "both lists of a notice have room");
    for (size_t i = 0; i < in->off.n; i++) {
        const struct w_calendar_days *d = JM_ITEM(in->off, const struct w_calendar_days, i);
        struct cal_fact *f = &out->facts[out->n++];

        if (day_of(d->first, "off", i, &f->first, e) < 0 ||
            day_of(d->last[0] == '\0' ? d->first : d->last, "off", i, &f->last, e) < 0)
            return -1;
    }
    for (size_t i = 0; i < in->work.n; i++) {
        const struct w_calendar_day *d = JM_ITEM(in->work, const struct w_calendar_day, i);
        struct cal_fact *f = &out->facts[out->n++];

        if (day_of(d->day, "work", i, &f->first, e) < 0)
            return -1;
        f->last = f->first;
        f->works = true;
    }
    return 0;
}

/* What was accepted once is taken again; what does not fit a newer program's own notices is told
 * and left out, so that the cloud goes on. */
static int
add_stored(struct cal_book *b, const struct db_rows *r, struct arena *a, struct err *e)
{
    struct w_calendar doc;
    struct cal_notice n;
    enum cal_notice_fault f;
    int32_t day;

    if (W_DECODE(calendar, db_str(r, 2), db_len(r, 2), JM_SIGNED, a, &doc, e) < 0 ||
        calendar_notice_of(&doc, &n, e) < 0)
        return err_wrap(e, "calendar of %" PRId64, db_int(r, 1));
    f = cal_book_add(b, &n, 9999, &day);
    if (f != CNF_SOUND)
        log_error("calendar.left_out", "year=%" PRId32 " reason=" LOG_Q, n.year,
                  cal_notice_text(f));
    return 0;
}

static int
load(struct db *d, int32_t last_year, int64_t seq, struct arena *a, struct calendar *out,
     struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct cal_book *b;
    int rc;

    if (seq == 0 && last_year >= cal_base()->years[cal_base()->n_years - 1]) {
        *out = *cal_base();
        return 0;
    }
    b = arena_alloc(a, sizeof(*b));
    cal_book_begin(b, cal_base(), last_year);
    if (DB_QUERY(d, DB_CALENDAR_LIST, &r, e, DBI(seq)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1)
        if (add_stored(b, r, a, e) < 0)
            return -1;
    *out = b->cal;
    return rc;
}

int
calendar_load(struct db *d, struct arena *a, struct calendar *out, char *version, size_t size,
              struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int32_t last = cal_base()->years[cal_base()->n_years - 1];
    int64_t seq;

    if (db_query(d, DB_CALENDAR_SEQ, NULL, 0, &r, e) < 0 || db_next(r, e) != 1)
        return -1;
    seq = db_int(r, 0);
    (void)snprintf(version, size, "%" PRId32 "+%" PRId64, last, seq);
    return load(d, last, seq, a, out, e);
}

int
calendar_at(struct db *d, const char *version, struct arena *a, struct calendar *out, struct err *e)
{
    int32_t year;
    int64_t seq;

    if (sscanf(version, "%" SCNd32 "+%" SCNd64, &year, &seq) != 2)
        return err_set(e, BY_E_INVALID, "'%s' is no version of the calendar", version);
    return load(d, year, seq, a, out, e);
}
