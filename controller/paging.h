#ifndef BY_CONTROLLER_PAGING_H
#define BY_CONTROLLER_PAGING_H
/* Lists page by page, by keyset: the cursor says of which list it is and what its last row was
 * ordered by, so that nothing is counted off, and what comes or goes in between neither repeats nor
 * hides another row.  Threads: one owner. */
#include "controller/api.h"
#include "drivers/db/page.h"

enum { PAGING_DEFAULT = 100, PAGING_MOST = 1000 };

struct paging {
    struct api_call *k;
    struct jm_list *items;
    size_t item_size, limit, room;
    const char **next;
    bool first;          /* no cursor was given */
    struct db_page from; /* for the statement */
    int64_t last_n;      /* of the newest row that was looked at */
    char last_id[W_NAME], last_text[W_NAME];
};

/** Reads ?after= and ?limit=; begin: the number that a first page begins at.  INVALID for a cursor
 * of another list. */
int paging_open(struct paging *p, struct api_call *k, struct jm_list *items, size_t item_size,
                const char **next, int64_t begin, struct err *e);
#define PAGING_OPEN(p, k, list, item, begin, e)                                                    \
    paging_open(p, k, &(list)->items, sizeof(struct w_##item), &(list)->next, begin, e)
/** Zeroed room for a row, and what it is ordered by (copied); NULL when the page is full: then
 * there is a next one. */
void *paging_add(struct paging *p, int64_t n, const char *id, const char *text);
/** A row that a filter left out: the next page begins behind it at the earliest. */
void paging_pass(struct paging *p, int64_t n, const char *id, const char *text);
/** Enough was looked at: the page ends here, with whatever is on it, and there is a next one. */
void paging_stop(struct paging *p);
#endif
