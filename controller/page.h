#ifndef BY_CONTROLLER_PAGE_H
#define BY_CONTROLLER_PAGE_H
/* Printable Chinese pages: one HTML file that needs nothing from outside; every value is escaped.
 * Threads: any. */
#include <stdint.h>

#include "drivers/base/strbuf.h"

/** Up to the heading; the page ends with page_end(). */
void page_begin(struct strbuf *out, const char *title);
void page_end(struct strbuf *out);
/** Escaped. */
void page_text(struct strbuf *out, const char *s);
/** A row of a table of labels and values; the label is ours. */
void page_row(struct strbuf *out, const char *label, const char *value);
/** tz_minutes: offset of the city's time from UTC. */
void page_time(struct strbuf *out, const char *label, int64_t ms, int tz_minutes);
/** enum w_res_kind in Chinese. */
const char *page_kind(int kind);
#endif
