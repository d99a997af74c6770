#ifndef BY_TESTS_UNIT_PROMTEXT_H
#define BY_TESTS_UNIT_PROMTEXT_H
/* Reads the Prometheus text format as strictly as its description says, against the rows. */
#include "drivers/base/metric.h"

/** Every row is there once with its help and kind, every series belongs to a row, stands once and
 * has words of its labels, histograms add up; 0, or -1 with the line that is wrong. */
int promtext_check(const char *text, const struct metric_row *rows, size_t n, struct err *e);
/** Value of a series as it stands there, "NAME" or "NAME{label=\"word\"}"; -1 when it is not. */
double promtext_value(const char *text, const char *series);
#endif
