#ifndef BY_POLICIES_HISTOGRAM_H
#define BY_POLICIES_HISTOGRAM_H
/* Utilization as counts between fixed edges: merging is integer addition, exact for any window,
 * order and replica; a limit that is an edge is answered exactly. HIST_PERCENT: values in 1/100
 * percent; bins of 0.2 points below 5 %, 0.5 to 20 %, 1 to 128 %, and one above; a quantile is
 * right within half a bin.  HIST_RATE: bytes per second; edges 100, then each 1.05 times the one
 * before, to 12.5 GB/s.  A bin holds lo <= value < hi.  Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hist_kind { HIST_PERCENT = 1, HIST_RATE };

#define HIST_BINS_MAX 400
#define HIST_TEXT_MAX 4096 /* enough for every histogram as text, with its NUL */

struct hist {
    enum hist_kind kind;
    uint64_t n, sum, min, max; /* of the values; min and max 0 when n is 0 */
    uint32_t bin[HIST_BINS_MAX];
};
enum hist_answer { HIST_NO, HIST_YES, HIST_UNSURE };

void hist_init(struct hist *h, enum hist_kind kind);
void hist_add(struct hist *h, uint64_t value);
/** false, and nothing changed, when the kinds differ or a count would overflow. */
bool hist_merge(struct hist *into, const struct hist *from);

/** The same with every value times num/den (at least 1): never below what it was; right within the
 * width of a bin, so scaled. */
bool hist_merge_scaled(struct hist *into, const struct hist *from, uint64_t num, uint64_t den);

size_t hist_bins(enum hist_kind kind);
uint64_t hist_edge(enum hist_kind kind,
                   size_t bin); /* its lower edge; bin hist_bins(): UINT64_MAX */
bool hist_is_edge(enum hist_kind kind, uint64_t value);

/** The value that `permyriad`/10000 of all are at or below: middle of its bin, within min and max;
 * 0 when n is 0. */
uint64_t hist_quantile(const struct hist *h, uint32_t permyriad);
/** Is that quantile below limit?  Exact when limit is an edge; UNSURE when the bin that holds limit
 * decides, and when n is 0. */
enum hist_answer hist_quantile_below(const struct hist *h, uint32_t permyriad, uint64_t limit);
uint64_t hist_mean(const struct hist *h);

/** Write as printable text (base64url of varints: only bins that are not empty); returns the length
 * without NUL, 0 when cap is too small. */
size_t hist_encode(const struct hist *h, char *out, size_t cap);
/** false, and *h untouched, unless the text is exactly what hist_encode() writes. */
bool hist_decode(const char *text, struct hist *h);
#endif
