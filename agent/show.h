#ifndef BY_AGENT_SHOW_H
#define BY_AGENT_SHOW_H
/* What the program prints for people: receipts, and measurements without a controller.
 * Threads: one. */
#include <stdio.h>

#include "drivers/base/error.h"

/** The newest ledger head that this host keeps as a witness, an envelope; NOT_FOUND before the
 * first. */
int show_head(const char *dir, FILE *out, struct err *e);
/** id NULL: a line for each; else everything about one, with the exact order. */
int show_receipts(const char *dir, const char *id, FILE *out, struct err *e);
/** Measure every running machine for so many seconds (0: 30) through a read-only connection; writes
 * nothing anywhere but to out. */
int show_observe(const char *config_file, long seconds, FILE *out, struct err *e);
#endif
