#ifndef BY_DRIVERS_BASE_METRIC_H
#define BY_DRIVERS_BASE_METRIC_H
/* Figures about a daemon, one row each, and their Prometheus text (exposition format 0.0.4).  What
 * a label can say is a fixed list of words: no id and no text of a user ever becomes a label.
 * Threads: any, without a lock; what is observed is two additions, so a text may have the one and
 * not yet the other.  A NULL struct metrics is fine: nothing is kept. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
/* Seconds are kept in nanoseconds and printed in seconds. */
enum metric_unit { METRIC_COUNT, METRIC_SECONDS, METRIC_BYTES };

/* A label and every word that it can have. */
struct metric_label {
    const char *name;
    const char *const *words;
    size_t n;
};

struct metric_row {
    const char *name; /* with its prefix and the unit at its end, as Prometheus wants it */
    enum metric_kind kind;
    enum metric_unit unit;
    const struct metric_label *label, *label2; /* NULL: none */
    const char *help;
};

/* Tables of words, and rows from a .def: M(ID, name, kind, unit, label, label2, help). */
#define METRIC_LABEL(ID, text, list)                                                               \
    static const struct metric_label AT_##ID[1] = {{text, list, ARRAY_LEN(list)}}
#define METRIC_ROW(name_, kind_, unit_, l1, l2, help_)                                             \
    {                                                                                              \
        .name = name_, .kind = METRIC_##kind_, .unit = METRIC_##unit_, .label = AT_##l1,           \
        .label2 = AT_##l2, .help = help_                                                           \
    }
#define AT_NONE NULL

#define METRIC_BOUNDS 19       /* of a histogram: 1, 2, 5, 10, … a million times the smallest */
#define METRIC_FEW 32          /* a counter of more series than these prints only those above 0 */
#define METRIC_MINUTES 5       /* that metric_recent() looks back */
#define METRIC_UNSET INT64_MIN /* a gauge that nobody has set is not printed */

struct metrics;

int metrics_new(const struct metric_row *rows, size_t n, struct metrics **out, struct err *e);
void metrics_free(struct metrics *m);

/* id: the row; series: the label's word, with two labels word * (words of label2) + word2. */
void metric_add(struct metrics *m, size_t id, size_t series, int64_t n);
void metric_set(struct metrics *m, size_t id, size_t series, int64_t v);
/** A gauge that only rises: whoever comes late with less changes nothing. */
void metric_raise(struct metrics *m, size_t id, size_t series, int64_t v);
void metric_observe(struct metrics *m, size_t id, size_t series, int64_t v);
/** Value of a counter or gauge; how often a histogram was given something. */
int64_t metric_get(const struct metrics *m, size_t id, size_t series);

/** Once a minute: what metric_recent() compares with. */
void metrics_tick(struct metrics *m);
/** What that many per mille of a histogram's values of the last minutes do not exceed, worked out
 * between the bounds; METRIC_UNSET when there were none. */
int64_t metric_recent(struct metrics *m, size_t id, size_t series, unsigned per_mille);

/** All of it as text. */
void metrics_text(const struct metrics *m, struct strbuf *out);
#define METRIC_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

size_t metric_series(const struct metric_row *r);
const char *metric_kind_name(enum metric_kind k);
SCOPE_FN(metrics_free, struct metrics)
#endif
