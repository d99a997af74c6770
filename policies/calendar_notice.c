#include "policies/calendar_notice.h"

#include <string.h>

enum { YEAR_FIRST = 2000, BLOCK_MAX = 10, WORKING_MIN = 240, WORKING_MAX = 256, TURN_DAY = 24 };

const char *
cal_notice_text(enum cal_notice_fault f)
{
    static const char *const texts[CNF__MAX] = {
#define CNF(name, text) text,
#include "policies/calendar_notice.def"
#undef CNF
    };

    return f < CNF__MAX ? texts[f] : "";
}

bool
cal_has_year(const struct calendar *c, int32_t year)
{
    for (size_t i = 0; i < c->n_years; i++)
        if (c->years[i] == year)
            return true;
    return false;
}

int32_t
cal_working_days(const struct calendar *c, int32_t year)
{
    int32_t n = 0;

    for (int32_t d = cal_day(year, 1, 1); d < cal_day(year + 1, 1, 1); d++)
        n += cal_is_working(c, d) ? 1 : 0;
    return n;
}

void
cal_book_begin(struct cal_book *b, const struct calendar *from, int32_t last_year)
{
    size_t n = 0, years = 0;

    for (size_t i = 0; i < from->n && n < CAL_FACTS_MAX; i++)
        if (from->facts[i].year <= last_year)
            b->facts[n++] = from->facts[i];
    for (size_t i = 0; i < from->n_years && years < CAL_YEARS_MAX; i++)
        if (from->years[i] <= last_year)
            b->years[years++] = from->years[i];
    b->cal = (struct calendar){b->facts, n, b->years, years};
}

static bool
belongs(int32_t day, int32_t year)
{
    return day >= cal_day(year - 1, 12, TURN_DAY) && day <= cal_day(year, 12, 31);
}

static bool
overlap(const struct cal_fact *a, const struct cal_fact *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* One fact by itself, and against those before it. */
static enum cal_notice_fault
judge_fact(const struct calendar *c, const struct cal_notice *n, size_t i, int32_t *day)
{
    const struct cal_fact *f = &n->facts[i];

    *day = f->first;
    if (f->last < f->first)
        return CNF_BACKWARDS;
    if (!belongs(f->first, n->year))
        return CNF_OTHER_YEAR;
    if (!belongs(f->last, n->year)) {
        *day = f->last;
        return CNF_OTHER_YEAR;
    }
    if (!f->works && f->last - f->first >= BLOCK_MAX)
        return CNF_TOO_LONG;
    if (f->works && cal_weekday(f->first) <= 5)
        return CNF_NOT_WEEKEND;
    for (size_t k = 0; k < i; k++)
        if (overlap(f, &n->facts[k])) {
            *day = f->first > n->facts[k].first ? f->first : n->facts[k].first;
            return CNF_TWICE;
        }
    for (size_t k = 0; k < c->n; k++)
        if (c->facts[k].year != n->year && overlap(f, &c->facts[k]))
            return CNF_OTHER_NOTICE;
    return CNF_SOUND;
}

static enum cal_notice_fault
judge(const struct calendar *c, const struct cal_notice *n, int32_t last_year, int32_t *day)
{
    bool off = false;

    *day = cal_day(n->year, 1, 1);
    if (n->year < YEAR_FIRST || n->year > last_year)
        return CNF_YEAR;
    for (size_t i = 0; i < n->n; i++)
        off = off || !n->facts[i].works;
    if (!off)
        return CNF_NOTHING;
    for (size_t i = 0; i < n->n; i++) {
        enum cal_notice_fault f = judge_fact(c, n, i, day);

        if (f != CNF_SOUND)
            return f;
    }
    *day = cal_day(n->year, 1, 1);
    return CNF_SOUND;
}

/* Working days that the notice leaves, without having it in a calendar. */
static int32_t
working_days(const struct cal_notice *n)
{
    int32_t sum = 0;

    for (int32_t d = cal_day(n->year, 1, 1); d < cal_day(n->year + 1, 1, 1); d++) {
        bool works = cal_weekday(d) <= 5;

        for (size_t i = 0; i < n->n; i++)
            if (d >= n->facts[i].first && d <= n->facts[i].last)
                works = n->facts[i].works;
        sum += works ? 1 : 0;
    }
    return sum;
}

static void
insert_fact(struct cal_book *b, const struct cal_fact *f)
{
    size_t at = b->cal.n;

    while (at > 0 && b->facts[at - 1].first > f->first)
        at--;
    memmove(&b->facts[at + 1], &b->facts[at], (b->cal.n - at) * sizeof(*f));
    b->facts[at] = *f;
    b->cal.n++;
}

static void
insert_year(struct cal_book *b, int32_t year)
{
    size_t at = b->cal.n_years;

    while (at > 0 && b->years[at - 1] > year)
        at--;
    memmove(&b->years[at + 1], &b->years[at], (b->cal.n_years - at) * sizeof(year));
    b->years[at] = year;
    b->cal.n_years++;
}

static void
remove_year(struct cal_book *b, int32_t year)
{
    size_t n = 0;

    for (size_t i = 0; i < b->cal.n; i++)
        if (b->facts[i].year != year)
            b->facts[n++] = b->facts[i];
    b->cal.n = n;
}

enum cal_notice_fault
cal_book_add(struct cal_book *b, const struct cal_notice *n, int32_t last_year, int32_t *day)
{
    enum cal_notice_fault f = judge(&b->cal, n, last_year, day);
    bool known = cal_has_year(&b->cal, n->year);
    int32_t sum;

    if (f != CNF_SOUND)
        return f;
    sum = working_days(n);
    if (sum < WORKING_MIN || sum > WORKING_MAX)
        return CNF_SUM;
    if (!known && b->cal.n_years == CAL_YEARS_MAX)
        return CNF_FULL;
    remove_year(b, n->year);
    if (b->cal.n + n->n > CAL_FACTS_MAX)
        return CNF_FULL;
    for (size_t i = 0; i < n->n; i++) {
        struct cal_fact one = n->facts[i];

        one.year = n->year;
        insert_fact(b, &one);
    }
    if (!known)
        insert_year(b, n->year);
    return CNF_SOUND;
}
