#ifndef BY_DRIVERS_DB_PAGE_H
#define BY_DRIVERS_DB_PAGE_H
/* Where a page of a list begins: behind a row, by what the list is ordered by.  Threads: a value.
 */
#include <stdint.h>

struct db_page {
    int64_t n; /* an instant or number */
    const char *id, *text;
    int limit; /* rows that are read: one more than the page has shows that there are more */
};
#endif
