#include "policies/histogram.h"

#include <string.h>

static const uint64_t rate_edges[] = {
#define EDGE(v) v,
#include "policies/histogram_rate.def"
#undef EDGE
};

#define RATE_EDGES (sizeof(rate_edges) / sizeof(rate_edges[0]))

/* hybrid3: first bin, first value and width of each stretch, in 1/100 percent. */
static const struct {
    size_t bin;
    uint64_t from, width;
} stretches[] = {{0, 0, 20}, {25, 500, 50}, {55, 2000, 100}};

#define PERCENT_BINS 164 /* the last is everything from 128 % */
#define PERCENT_TOP 12800

_Static_assert(RATE_EDGES + 1 <= HIST_BINS_MAX && PERCENT_BINS <= HIST_BINS_MAX, "bins fit");

size_t
hist_bins(enum hist_kind kind)
{
    return kind == HIST_PERCENT ? PERCENT_BINS : RATE_EDGES + 1;
}

uint64_t
hist_edge(enum hist_kind kind, size_t bin)
{
    size_t s = 0;

    if (bin >= hist_bins(kind))
        return UINT64_MAX;
    if (kind == HIST_RATE)
        return bin == 0 ? 0 : rate_edges[bin - 1];
    while (s + 1 < sizeof(stretches) / sizeof(stretches[0]) && bin >= stretches[s + 1].bin)
        s++;
    return stretches[s].from + (bin - stretches[s].bin) * stretches[s].width;
}

static size_t
bin_of(enum hist_kind kind, uint64_t value)
{
    size_t lo = 0, hi = hist_bins(kind);

    if (kind == HIST_PERCENT) {
        if (value >= PERCENT_TOP)
            return PERCENT_BINS - 1;
        for (size_t s = 2;; s--)
            if (value >= stretches[s].from)
                return stretches[s].bin + (value - stretches[s].from) / stretches[s].width;
    }
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (value >= hist_edge(kind, mid))
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

bool
hist_is_edge(enum hist_kind kind, uint64_t value)
{
    return hist_edge(kind, bin_of(kind, value)) == value;
}

void
hist_init(struct hist *h, enum hist_kind kind)
{
    memset(h, 0, sizeof(*h));
    h->kind = kind;
}

void
hist_add(struct hist *h, uint64_t value)
{
    uint32_t *count = &h->bin[bin_of(h->kind, value)];

    if (*count == UINT32_MAX)
        return; /* 136 years of seconds */
    (*count)++;
    h->sum = h->sum > UINT64_MAX - value ? UINT64_MAX : h->sum + value;
    h->min = h->n == 0 || value < h->min ? value : h->min;
    h->max = h->n == 0 || value > h->max ? value : h->max;
    h->n++;
}

bool
hist_merge(struct hist *into, const struct hist *from)
{
    if (into->kind != from->kind || into->sum > UINT64_MAX - from->sum)
        return false;
    for (size_t i = 0; i < HIST_BINS_MAX; i++)
        if (into->bin[i] > UINT32_MAX - from->bin[i])
            return false;
    if (from->n == 0)
        return true;
    for (size_t i = 0; i < HIST_BINS_MAX; i++)
        into->bin[i] += from->bin[i];
    into->min = into->n == 0 || from->min < into->min ? from->min : into->min;
    into->max = into->n == 0 || from->max > into->max ? from->max : into->max;
    into->sum += from->sum;
    into->n += from->n;
    return true;
}

/* Rounded up; at most UINT64_MAX. */
static uint64_t
scaled(uint64_t value, uint64_t num, uint64_t den)
{
    return value > (UINT64_MAX - den) / num ? UINT64_MAX : (value * num + den - 1) / den;
}

bool
hist_merge_scaled(struct hist *into, const struct hist *from, uint64_t num, uint64_t den)
{
    struct hist h;
    size_t n = hist_bins(from->kind);

    if (num <= den || den == 0)
        return hist_merge(into, from);
    hist_init(&h, from->kind);
    h.n = from->n;
    h.sum = scaled(from->sum, num, den);
    h.min = scaled(from->min, num, den);
    h.max = scaled(from->max, num, den);
    for (size_t i = 0; i < n; i++) {
        uint64_t top = i + 1 < n ? hist_edge(from->kind, i + 1) - 1 : from->max;
        uint32_t *count =
            &h.bin[bin_of(h.kind, scaled(top < from->max ? top : from->max, num, den))];

        if (*count > UINT32_MAX - from->bin[i])
            return false;
        *count += from->bin[i];
    }
    return hist_merge(into, &h);
}

/* Rank of the quantile, from 1. */
static uint64_t
rank_of(const struct hist *h, uint32_t permyriad)
{
    uint64_t r;

    if (permyriad > 10000)
        permyriad = 10000;
    r = (h->n * permyriad + 9999) / 10000;
    return r == 0 ? 1 : r;
}

uint64_t
hist_quantile(const struct hist *h, uint32_t permyriad)
{
    uint64_t left = rank_of(h, permyriad), lo, hi;
    size_t bin = 0, n = hist_bins(h->kind);

    if (h->n == 0)
        return 0;
    while (bin + 1 < n && h->bin[bin] < left)
        left -= h->bin[bin++];
    lo = hist_edge(h->kind, bin) > h->min ? hist_edge(h->kind, bin) : h->min;
    hi = bin + 1 < n ? hist_edge(h->kind, bin + 1) - 1 : h->max;
    if (hi > h->max)
        hi = h->max;
    return lo + (hi - lo) / 2;
}

enum hist_answer
hist_quantile_below(const struct hist *h, uint32_t permyriad, uint64_t limit)
{
    uint64_t rank = rank_of(h, permyriad), surely = 0, perhaps;
    size_t bin = bin_of(h->kind, limit);

    if (h->n == 0)
        return HIST_UNSURE;
    if (limit > h->max)
        return HIST_YES;
    if (limit <= h->min)
        return HIST_NO;
    for (size_t i = 0; i < bin; i++)
        surely += h->bin[i];
    perhaps = surely + (hist_edge(h->kind, bin) == limit ? 0 : h->bin[bin]);
    if (surely >= rank)
        return HIST_YES;
    return perhaps < rank ? HIST_NO : HIST_UNSURE;
}

uint64_t
hist_mean(const struct hist *h)
{
    return h->n == 0 ? 0 : h->sum / h->n;
}

/* ---- text ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Six bits a character; the last character is filled with zero bits. */
struct pen {
    char *out;
    size_t len, cap;
    uint32_t bits;
    unsigned n_bits;
    bool full;
};

static void
pen_char(struct pen *p, uint32_t six)
{
    if (p->len + 1 >= p->cap) {
        p->full = true;
        return;
    }
    p->out[p->len++] = digits[six & 63];
}

static void
pen_byte(struct pen *p, uint8_t byte)
{
    p->bits = (p->bits << 8) | byte;
    for (p->n_bits += 8; p->n_bits >= 6; p->n_bits -= 6)
        pen_char(p, p->bits >> (p->n_bits - 6));
}

static void
pen_varint(struct pen *p, uint64_t v)
{
    for (; v >= 128; v >>= 7)
        pen_byte(p, (uint8_t)(v | 128));
    pen_byte(p, (uint8_t)v);
}

size_t
hist_encode(const struct hist *h, char *out, size_t cap)
{
    struct pen p = {.out = out, .cap = cap};
    size_t last = 0;

    pen_varint(&p, (uint64_t)h->kind);
    pen_varint(&p, h->n);
    pen_varint(&p, h->sum);
    pen_varint(&p, h->min);
    pen_varint(&p, h->max);
    for (size_t i = 0; i < hist_bins(h->kind); i++) {
        if (h->bin[i] == 0)
            continue;
        pen_varint(&p, i - last);
        pen_varint(&p, h->bin[i]);
        last = i;
    }
    if (p.n_bits > 0)
        pen_char(&p, p.bits << (6 - p.n_bits));
    if (p.full || cap == 0)
        return 0;
    out[p.len] = '\0';
    return p.len;
}

struct eye {
    const char *at;
    uint32_t bits;
    unsigned n_bits;
};

/* The next byte, or -1 at the end (fewer than 8 bits left) and at a character that is no digit. */
static int
eye_byte(struct eye *e)
{
    while (e->n_bits < 8) {
        const char *d = *e->at != '\0' ? strchr(digits, *e->at) : NULL;

        if (d == NULL)
            return -1;
        e->bits = (e->bits << 6) | (uint32_t)(d - digits);
        e->n_bits += 6;
        e->at++;
    }
    e->n_bits -= 8;
    return (int)((e->bits >> e->n_bits) & 255);
}

static bool
eye_varint(struct eye *e, uint64_t *out)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        int b = eye_byte(e);

        if (b < 0)
            return false;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool
decode_bins(struct eye *e, struct hist *h)
{
    uint64_t gap, count, bin = 0, n = 0;

    while (eye_varint(e, &gap)) {
        if (gap >= HIST_BINS_MAX || bin + gap >= hist_bins(h->kind) || !eye_varint(e, &count) ||
            count == 0 || count > UINT32_MAX)
            return false;
        bin += gap;
        h->bin[bin] = (uint32_t)count;
        n += count;
    }
    return n == h->n;
}

bool
hist_decode(const char *text, struct hist *h)
{
    struct eye e = {.at = text};
    struct hist got;
    uint64_t kind;
    char again[HIST_TEXT_MAX];

    if (!eye_varint(&e, &kind) || (kind != HIST_PERCENT && kind != HIST_RATE))
        return false;
    hist_init(&got, (enum hist_kind)kind);
    if (!eye_varint(&e, &got.n) || !eye_varint(&e, &got.sum) || !eye_varint(&e, &got.min) ||
        !eye_varint(&e, &got.max) || !decode_bins(&e, &got) || got.min > got.max)
        return false;
    if (got.n > 0 &&
        (got.bin[bin_of(got.kind, got.min)] == 0 || got.bin[bin_of(got.kind, got.max)] == 0))
        return false;
    /* One histogram has one text: what would be written differently was not written by us. */
    if (hist_encode(&got, again, sizeof(again)) == 0 || strcmp(again, text) != 0)
        return false;
    *h = got;
    return true;
}
