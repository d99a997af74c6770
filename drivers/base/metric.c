#include "drivers/base/metric.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cells of a histogram: one a bound, one for what is above them, the sum. */
enum { HIST_ABOVE = METRIC_BOUNDS, HIST_SUM, HIST_CELLS };

struct metrics {
    const struct metric_row *rows;
    size_t n, cells;
    size_t *at; /* first cell of a row */
    _Atomic int64_t *cell;
    pthread_mutex_t lock; /* of what follows */
    int64_t *past;        /* all cells, METRIC_MINUTES times */
    unsigned ticks;
};

static size_t
words(const struct metric_label *l)
{
    return l == NULL ? 1 : l->n;
}

size_t
metric_series(const struct metric_row *r)
{
    return words(r->label) * words(r->label2);
}

static size_t
cells_each(const struct metric_row *r)
{
    return r->kind == METRIC_HISTOGRAM ? HIST_CELLS : 1;
}

const char *
metric_kind_name(enum metric_kind k)
{
    static const char *const names[] = {"counter", "gauge", "histogram"};

    return names[k];
}

int
metrics_new(const struct metric_row *rows, size_t n, struct metrics **out, struct err *e)
{
    struct metrics *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    *m = (struct metrics){.rows = rows, .n = n};
    (void)pthread_mutex_init(&m->lock, NULL);
    m->at = calloc(n, sizeof(*m->at));
    for (size_t i = 0; i < n && m->at != NULL; i++) {
        m->at[i] = m->cells;
        m->cells += metric_series(&rows[i]) * cells_each(&rows[i]);
    }
    m->cell = calloc(m->cells, sizeof(*m->cell));
    m->past = calloc(m->cells * METRIC_MINUTES, sizeof(*m->past));
    if (m->at == NULL || m->cell == NULL || m->past == NULL) {
        metrics_free(m);
        return err_set(e, BY_E_NOMEM, "out of memory");
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; rows[i].kind == METRIC_GAUGE && k < metric_series(&rows[i]); k++)
            m->cell[m->at[i] + k] = METRIC_UNSET;
    *out = m;
    return 0;
}

void
metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_destroy(&m->lock);
    free(m->at);
    free(m->cell);
    free(m->past);
    free(m);
}

/* ---- the hot path --------------------------------------------------------------------------- */

static _Atomic int64_t *
cell(const struct metrics *m, size_t id, size_t series)
{
    if (m == NULL || id >= m->n || series >= metric_series(&m->rows[id]))
        return NULL;
    return &m->cell[m->at[id] + series * cells_each(&m->rows[id])];
}

static void
bump(_Atomic int64_t *c, int64_t n)
{
    if (c != NULL)
        (void)atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

void
metric_add(struct metrics *m, size_t id, size_t series, int64_t n)
{
    bump(cell(m, id, series), n);
}

void
metric_set(struct metrics *m, size_t id, size_t series, int64_t v)
{
    _Atomic int64_t *c = cell(m, id, series);

    if (c != NULL)
        atomic_store_explicit(c, v, memory_order_relaxed);
}

void
metric_raise(struct metrics *m, size_t id, size_t series, int64_t v)
{
    _Atomic int64_t *c = cell(m, id, series);
    int64_t had;

    if (c == NULL)
        return;
    had = atomic_load_explicit(c, memory_order_relaxed);
    while (had < v && !atomic_compare_exchange_weak_explicit(c, &had, v, memory_order_relaxed,
                                                             memory_order_relaxed))
        ;
}

static int64_t
bound(enum metric_unit unit, size_t i)
{
    static const int64_t step[] = {1, 2, 5};
    int64_t v = unit == METRIC_SECONDS ? 100000 : 1; /* from 0.1 ms, or from one */

    for (size_t k = 0; k < i / 3; k++)
        v *= 10;
    return v * step[i % 3];
}

void
metric_observe(struct metrics *m, size_t id, size_t series, int64_t v)
{
    _Atomic int64_t *c = cell(m, id, series);
    size_t i = 0;

    if (c == NULL)
        return;
    while (i < METRIC_BOUNDS && v > bound(m->rows[id].unit, i))
        i++;
    bump(c + i, 1);
    bump(c + HIST_SUM, v);
}

int64_t
metric_get(const struct metrics *m, size_t id, size_t series)
{
    const _Atomic int64_t *c = cell(m, id, series);
    int64_t sum = 0;

    if (c == NULL)
        return METRIC_UNSET;
    for (size_t i = 0; i < (m->rows[id].kind == METRIC_HISTOGRAM ? HIST_SUM : 1); i++)
        sum += atomic_load_explicit(c + i, memory_order_relaxed);
    return sum;
}

/* ---- the last minutes ----------------------------------------------------------------------- */

void
metrics_tick(struct metrics *m)
{
    if (m == NULL)
        return;
    (void)pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->cells; i++)
        m->past[m->ticks % METRIC_MINUTES * m->cells + i] =
            atomic_load_explicit(&m->cell[i], memory_order_relaxed);
    m->ticks++;
    (void)pthread_mutex_unlock(&m->lock);
}

/* Where the wanted one of n values lies: linear inside its step. */
static int64_t
between(const int64_t counts[HIST_SUM], enum metric_unit unit, int64_t n, unsigned per_mille)
{
    int64_t want = (n * per_mille + 999) / 1000, below = 0;

    for (size_t i = 0; i < METRIC_BOUNDS; i++) {
        int64_t from = i == 0 ? 0 : bound(unit, i - 1), to = bound(unit, i);

        if (below + counts[i] >= want)
            return from + (to - from) / counts[i] * (want - below);
        below += counts[i];
    }
    return bound(unit, METRIC_BOUNDS - 1);
}

int64_t
metric_recent(struct metrics *m, size_t id, size_t series, unsigned per_mille)
{
    const _Atomic int64_t *c = cell(m, id, series);
    int64_t counts[HIST_SUM], n = 0;
    const int64_t *past;

    if (c == NULL || m->rows[id].kind != METRIC_HISTOGRAM)
        return METRIC_UNSET;
    (void)pthread_mutex_lock(&m->lock);
    /* The oldest copy; before the ring is full it is all zeros: since the start. */
    past = m->past + m->ticks % METRIC_MINUTES * m->cells + (c - m->cell);
    for (size_t i = 0; i < HIST_SUM; i++) {
        counts[i] = atomic_load_explicit(c + i, memory_order_relaxed) - past[i];
        n += counts[i];
    }
    (void)pthread_mutex_unlock(&m->lock);
    return n == 0 ? METRIC_UNSET : between(counts, m->rows[id].unit, n, per_mille);
}

/* ---- text ----------------------------------------------------------------------------------- */

static void
put_value(enum metric_unit unit, int64_t v, struct strbuf *out)
{
    uint64_t abs = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    char digits[16];
    int n = 9;

    if (unit != METRIC_SECONDS) {
        strbuf_addf(out, "%" PRId64, v);
        return;
    }
    strbuf_addf(out, "%s%" PRIu64, v < 0 ? "-" : "", abs / 1000000000);
    (void)snprintf(digits, sizeof(digits), "%09" PRIu64, abs % 1000000000);
    while (n > 0 && digits[n - 1] == '0')
        n--;
    if (n > 0)
        strbuf_addf(out, ".%.*s", n, digits);
}

/* {label="word",…}; le: the bound of a histogram, or NULL. */
static void
put_labels(const struct metric_row *r, size_t series, const char *le, struct strbuf *out)
{
    const char *sep = "{";

    if (r->label != NULL) {
        strbuf_addf(out, "{%s=\"%s\"", r->label->name, r->label->words[series / words(r->label2)]);
        sep = ",";
    }
    if (r->label2 != NULL)
        strbuf_addf(out, ",%s=\"%s\"", r->label2->name, r->label2->words[series % r->label2->n]);
    if (le != NULL)
        strbuf_addf(out, "%sle=\"%s\"", sep, le);
    if (r->label != NULL || le != NULL)
        strbuf_addc(out, '}');
}

static void
put_histogram(const struct metric_row *r, size_t series, const _Atomic int64_t *c,
              struct strbuf *out)
{
    int64_t n = 0;

    for (size_t i = 0; i <= HIST_ABOVE; i++) {
        SCOPED(strbuf) struct strbuf le = {0};

        n += atomic_load_explicit(c + i, memory_order_relaxed);
        if (i < HIST_ABOVE)
            put_value(r->unit, bound(r->unit, i), &le);
        strbuf_addf(out, "%s_bucket", r->name);
        put_labels(r, series, i < HIST_ABOVE ? strbuf_peek(&le) : "+Inf", out);
        strbuf_addf(out, " %" PRId64 "\n", n);
    }
    strbuf_addf(out, "%s_sum", r->name);
    put_labels(r, series, NULL, out);
    strbuf_addc(out, ' ');
    put_value(r->unit, atomic_load_explicit(c + HIST_SUM, memory_order_relaxed), out);
    strbuf_addf(out, "\n%s_count", r->name);
    put_labels(r, series, NULL, out);
    strbuf_addf(out, " %" PRId64 "\n", n); /* as the last bucket, whatever is added meanwhile */
}

static void
put_series(const struct metrics *m, size_t id, size_t series, struct strbuf *out)
{
    const struct metric_row *r = &m->rows[id];
    const _Atomic int64_t *c = cell(m, id, series);
    int64_t v;

    if (r->kind == METRIC_HISTOGRAM) {
        put_histogram(r, series, c, out);
        return;
    }
    v = atomic_load_explicit(c, memory_order_relaxed);
    if (v == METRIC_UNSET || (v == 0 && r->kind == METRIC_COUNTER && metric_series(r) > METRIC_FEW))
        return;
    strbuf_adds(out, r->name);
    put_labels(r, series, NULL, out);
    strbuf_addc(out, ' ');
    put_value(r->unit, v, out);
    strbuf_addc(out, '\n');
}

static void
put_head(const char *name, const char *help, enum metric_kind kind, struct strbuf *out)
{
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, metric_kind_name(kind));
}

void
metrics_text(const struct metrics *m, struct strbuf *out)
{
    for (size_t i = 0; m != NULL && i < m->n; i++) {
        put_head(m->rows[i].name, m->rows[i].help, m->rows[i].kind, out);
        for (size_t k = 0; k < metric_series(&m->rows[i]); k++)
            put_series(m, i, k, out);
    }
}
