#ifndef BY_DRIVERS_CODEC_ICAL_H
#define BY_DRIVERS_CODEC_ICAL_H
/* Lines of iCalendar (RFC 5545), written: values escaped, lines folded at 75 octets without cutting
 * a character, ended by CR LF.  Threads: one owner of the buffer. */
#include <stdint.h>

#include "drivers/base/strbuf.h"

/** NAME:value as it stands; for what is no text: dates, BEGIN, END. */
void ical_line(struct strbuf *b, const char *name, const char *value);
/** NAME:value of the type TEXT. */
void ical_text(struct strbuf *b, const char *name, const char *value);
/** 20260131T010203Z. */
void ical_instant(struct strbuf *b, const char *name, int64_t utc_ms);
#endif
