/* A year's notice in the calendar: what is refused, and what changes with it. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/calendar_notice.h"
#include "tests/unit/days.h"

static void
put(struct cal_notice *n, int32_t first, int32_t last, bool works)
{
    n->facts[n->n++] = (struct cal_fact){.first = of(first), .last = of(last), .works = works};
}

/* Made up, in the manner of a real one. */
static void
of_2027(struct cal_notice *n)
{
    *n = (struct cal_notice){.year = 2027};
    put(n, 20270101, 20270103, false);
    put(n, 20270205, 20270211, false);
    put(n, 20270213, 20270213, true);
    put(n, 20270403, 20270405, false);
    put(n, 20270501, 20270505, false);
    put(n, 20270508, 20270508, true);
    put(n, 20270609, 20270609, false);
    put(n, 20271001, 20271007, false);
    put(n, 20270926, 20270926, true);
    put(n, 20271009, 20271009, true);
}

static void
a_notice_makes_its_year_certain(void)
{
    static struct cal_book b;
    struct cal_notice n;
    int32_t day;

    of_2027(&n);
    cal_book_begin(&b, cal_base(), 9999);
    CU_ASSERT_TRUE(cal_plus_working(&b.cal, of(20261230), 3).provisional);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_SOUND);
    CU_ASSERT(cal_has_year(&b.cal, 2027));
    struct cal_result r = cal_plus_working(&b.cal, of(20261230), 3);
    CU_ASSERT_FALSE(r.provisional);
    CU_ASSERT_EQUAL(to(r.day), 20270105); /* 31 December, then 4 and 5 January */
    CU_ASSERT_TRUE(cal_is_working(&b.cal, of(20270926)));
    CU_ASSERT_FALSE(cal_is_working(&b.cal, of(20270205)));
    CU_ASSERT_TRUE(cal_plus_working(&b.cal, of(20271230), 3).provisional);
    /* Years before are as they were, and the compiled-in calendar knows nothing of it. */
    CU_ASSERT_EQUAL(cal_working_days(&b.cal, 2026), 248);
    CU_ASSERT_TRUE(cal_is_working(NULL, of(20270205)));
    for (size_t i = 1; i < b.cal.n; i++)
        CU_ASSERT(b.cal.facts[i - 1].last < b.cal.facts[i].first);
}

static void
a_correction_replaces_its_year_whole(void)
{
    static struct cal_book b;
    struct cal_notice n;
    int32_t day;

    of_2027(&n);
    cal_book_begin(&b, cal_base(), 9999);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_SOUND);
    size_t facts = b.cal.n, years = b.cal.n_years;
    n.facts[6] = (struct cal_fact){.first = of(20270610), .last = of(20270610)};
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_SOUND);
    CU_ASSERT_EQUAL(b.cal.n, facts);
    CU_ASSERT_EQUAL(b.cal.n_years, years);
    CU_ASSERT_TRUE(cal_is_working(&b.cal, of(20270609)));
    CU_ASSERT_FALSE(cal_is_working(&b.cal, of(20270610)));
    cal_book_begin(&b, &(struct calendar){b.facts, b.cal.n, b.years, b.cal.n_years}, 2025);
    CU_ASSERT_FALSE(cal_has_year(&b.cal, 2026));
    CU_ASSERT(cal_has_year(&b.cal, 2025));
}

/* One change to a sound notice, and what is said of which day. */
static const struct {
    size_t at; /* which fact; beyond the last: one more */
    int32_t first, last;
    bool works;
    enum cal_notice_fault fault;
    int32_t day;
} wrong[] = {
    {10, 20270609, 20270609, false, CNF_TWICE, 20270609},
    {10, 20270504, 20270506, false, CNF_TWICE, 20270504},
    {10, 20271009, 20271009, true, CNF_TWICE, 20271009},
    {10, 20271003, 20271003, true, CNF_TWICE, 20271003}, /* off and worked */
    {10, 20270611, 20270611, true, CNF_NOT_WEEKEND, 20270611},
    {10, 20270610, 20270609, false, CNF_BACKWARDS, 20270610},
    {10, 20260501, 20260505, false, CNF_OTHER_YEAR, 20260501},
    {10, 20261223, 20261223, false, CNF_OTHER_YEAR, 20261223},
    {10, 20271231, 20280102, false, CNF_OTHER_YEAR, 20280102},
    {10, 20280101, 20280101, false, CNF_OTHER_YEAR, 20280101},
    {10, 20270701, 20270711, false, CNF_TOO_LONG, 20270701},
    {10, 20270701, 20270710, false, CNF_SOUND, 20270101},
    {10, 20261231, 20261231, false, CNF_SOUND, 20270101}, /* the turn of the year is its own */
    {0, 20270102, 20270103, false, CNF_SOUND, 20270101},
};

static void
refuses_what_no_notice_ever_said(void)
{
    static struct cal_book b;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct cal_notice n;
        int32_t day = 0;

        of_2027(&n);
        if (wrong[i].at >= n.n)
            n.n = wrong[i].at + 1;
        n.facts[wrong[i].at] = (struct cal_fact){
            .first = of(wrong[i].first), .last = of(wrong[i].last), .works = wrong[i].works};
        cal_book_begin(&b, cal_base(), 9999);
        enum cal_notice_fault f = cal_book_add(&b, &n, 2027, &day);
        if (f != wrong[i].fault || to(day) != wrong[i].day)
            fprintf(stderr, "row %zu: %s at %d\n", i, cal_notice_text(f), to(day));
        CU_ASSERT_EQUAL(f, wrong[i].fault);
        CU_ASSERT_EQUAL(to(day), wrong[i].day);
        CU_ASSERT_EQUAL(cal_has_year(&b.cal, 2027), f == CNF_SOUND);
        CU_ASSERT(strlen(cal_notice_text(f)) > 5);
    }
}

static void
refuses_a_whole_year_that_cannot_be(void)
{
    static struct cal_book b;
    struct cal_notice n;
    int32_t day;

    cal_book_begin(&b, cal_base(), 9999);
    of_2027(&n);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2026, &day), CNF_YEAR); /* not out yet */
    n.year = 1999;
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_YEAR);
    n = (struct cal_notice){.year = 2027};
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_NOTHING);
    put(&n, 20270213, 20270213, true);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_NOTHING);
    put(&n, 20270101, 20270101, false);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_SUM); /* the rest is missing */
    of_2027(&n);
    for (int32_t m = 7; m <= 8; m++)
        put(&n, 20270000 + m * 100 + 12, 20270000 + m * 100 + 21, false);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_SUM); /* three weeks too many */
    CU_ASSERT_EQUAL(b.cal.n, cal_base()->n);
    /* The notice of 2023 decides about 31 December 2022. */
    n = (struct cal_notice){.year = 2022};
    put(&n, 20221231, 20221231, false);
    CU_ASSERT_EQUAL(cal_book_add(&b, &n, 2027, &day), CNF_OTHER_NOTICE);
}

static void
keeps_within_its_room(void)
{
    static struct cal_book b;
    int32_t day, year = 2027;
    enum cal_notice_fault f = CNF_SOUND;

    cal_book_begin(&b, cal_base(), 9999);
    for (; f == CNF_SOUND; year++) {
        struct cal_notice n = {.year = year};

        for (int32_t m = 1; m <= 12; m++) /* as many as there may be, on days off anyway */
            for (int32_t d = cal_day(year, m, 1), k = 0; k < 4 && n.n < CAL_NOTICE_FACTS; d++)
                if (cal_weekday(d) > 5 || k == 0) {
                    n.facts[n.n++] = (struct cal_fact){.first = d, .last = d};
                    k++;
                }
        f = cal_book_add(&b, &n, 9999, &day);
        CU_ASSERT_FATAL(year < 2200);
    }
    CU_ASSERT_EQUAL(f, CNF_FULL);
    CU_ASSERT_EQUAL(b.cal.n_years, CAL_YEARS_MAX);
    CU_ASSERT(b.cal.n <= CAL_FACTS_MAX);
}

CU_TestInfo calendar_notice_tests[] = {
    {"a notice makes its year certain", a_notice_makes_its_year_certain},
    {"a correction replaces its year whole", a_correction_replaces_its_year_whole},
    {"refuses what no notice ever said", refuses_what_no_notice_ever_said},
    {"refuses a whole year that cannot be", refuses_a_whole_year_that_cannot_be},
    {"keeps within its room", keeps_within_its_room},
    CU_TEST_INFO_NULL,
};
