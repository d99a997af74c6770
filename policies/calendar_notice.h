#ifndef BY_POLICIES_CALENDAR_NOTICE_H
#define BY_POLICIES_CALENDAR_NOTICE_H
/* One more notice of the State Council in the calendar: is it in order, and the calendar with it.
 * A notice replaces an earlier one of its year whole.  Pure; memory is the caller's. */
#include "policies/calendar.h"

#define CAL_NOTICE_FACTS 48 /* most facts of one notice */
#define CAL_YEARS_MAX 64    /* most notices in a calendar */
#define CAL_FACTS_MAX ((size_t)CAL_YEARS_MAX * CAL_NOTICE_FACTS)

enum cal_notice_fault {
#define CNF(name, text) CNF_##name,
#include "policies/calendar_notice.def"
#undef CNF
    CNF__MAX
};

struct cal_notice {
    int32_t year;
    struct cal_fact facts[CAL_NOTICE_FACTS]; /* as they stand in the notice */
    size_t n;
};
/* A calendar with room for more. */
struct cal_book {
    struct cal_fact facts[CAL_FACTS_MAX];
    int32_t years[CAL_YEARS_MAX];
    struct calendar cal; /* points into this book */
};

const char *cal_notice_text(enum cal_notice_fault f);
/** The notices of `from` up to a year. */
void cal_book_begin(struct cal_book *b, const struct calendar *from, int32_t last_year);
/** Judge a notice and put it in.  *day: the day at fault, its first of January when it is the whole
 * year.  The book is unchanged unless SOUND.  last_year: the latest that can be out. */
enum cal_notice_fault cal_book_add(struct cal_book *b, const struct cal_notice *n,
                                   int32_t last_year, int32_t *day);
bool cal_has_year(const struct calendar *c, int32_t year);
int32_t cal_working_days(const struct calendar *c, int32_t year);
#endif
