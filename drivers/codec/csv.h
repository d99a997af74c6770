#ifndef BY_DRIVERS_CODEC_CSV_H
#define BY_DRIVERS_CODEC_CSV_H
/* Cells of CSV (RFC 4180) that spreadsheets cannot take for formulas.  Threads: any. */
#include <stdbool.h>

#include "drivers/base/strbuf.h"
#include "drivers/codec/jmap.h"

/** A quoted text; first: no comma before it.  One that a spreadsheet would calculate begins with an
 * apostrophe. */
void csv_text(struct strbuf *out, const char *s, bool first);
void csv_number(struct strbuf *out, int64_t v, bool first);
void csv_end(struct strbuf *out);
/** Has a column: a value, neither object nor list. */
bool csv_has(const struct jm_field *f);
/** The names of all fields that have a column. */
void csv_head(struct strbuf *out, const struct jm_field *schema);
/** Their values as JSON has them: times in milliseconds, words of enumerations, true or false. */
void csv_row(struct strbuf *out, const struct jm_field *schema, const void *row);
#endif
