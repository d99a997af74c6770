#include "controller/hosttable.h"

#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/hosts.h"
#include "drivers/base/log.h"
#include "policies/host_fsm.h"

/* So many changed rows are read at once after a commit, not before the next placing. */
enum { DIRTY_MANY = 64 };

enum { FLAG_DIRTY = 1 << 0, FLAG_TOUCHED = 1 << 1 };

/* A host's place is its row number in the store, less one: rows are never removed. */
struct hosttable {
    struct controller *c;
    struct db *d; /* whose changes it hears */
    size_t n, room;
    struct host_facts *row;
    uint8_t *flags, *base, *state, *arch; /* base: as the store has it */
    const char **name;
    int64_t *vcpus, *mem, *disk;
    int64_t *alive_until_ms;
    uint32_t *cpus, *can, *zone, *pool_class;
    size_t *dirty, *touched; /* places, each at most once */
    size_t n_dirty, n_touched;
    /* Shared pools: of each the bytes that its hosts use together.  Number 0 is none. */
    uint32_t *pool;     /* of each host */
    uint64_t *counted;  /* of each host: what it adds to its pool's sum */
    uint64_t *pool_sum; /* of each pool; room for as many as there are words */
    size_t n_sums;
    bool sums_moved; /* since free room was reckoned from them */
    char **words;    /* of zones, classes and pools; their numbers are their places, plus one */
    size_t n_words;
    struct place_hosts cols;
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void *
grow(void *p, size_t was, size_t room, size_t size)
{
    void *more = realloc(p, room * size);

    if (more == NULL)
        abort(); /* as arena and strbuf: a process without memory starts again */
    memset((char *)more + was * size, 0, (room - was) * size);
    return more;
}

static void
table_grow(struct hosttable *t, size_t n)
{
    size_t room = t->room == 0 ? 64 : t->room;

    while (room < n)
        room *= 2;
    if (room == t->room)
        return;
#define GROW(m) t->m = grow(t->m, t->room, room, sizeof(*t->m))
    GROW(row);
    GROW(flags);
    GROW(base);
    GROW(state);
    GROW(arch);
    GROW(vcpus);
    GROW(mem);
    GROW(disk);
    GROW(alive_until_ms);
    GROW(cpus);
    GROW(can);
    GROW(zone);
    GROW(pool_class);
    GROW(pool);
    GROW(counted);
    GROW(dirty);
    GROW(touched);
#undef GROW
    t->name = grow(t->name, t->room, room, sizeof(*t->name));
    for (size_t i = 0; i < room; i++) /* rows moved */
        t->name[i] = t->row[i].name;
    t->room = room;
}

size_t
hosttable_count(const struct hosttable *t)
{
    return t->n;
}

int
hosttable_new(struct controller *c, struct hosttable **out, struct err *e)
{
    struct hosttable *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    t->c = c;
    *out = t;
    return 0;
}

void
hosttable_free(struct hosttable *t)
{
    if (t == NULL)
        return;
    if (t->d != NULL)
        db_on_change(t->d, NULL, NULL);
    free(t->row);
    free(t->flags);
    free(t->base);
    free(t->state);
    free(t->arch);
    free(t->name);
    free(t->vcpus);
    free(t->mem);
    free(t->disk);
    free(t->alive_until_ms);
    free(t->cpus);
    free(t->can);
    free(t->zone);
    free(t->pool_class);
    free(t->pool);
    free(t->counted);
    free(t->pool_sum);
    free(t->dirty);
    free(t->touched);
    for (size_t i = 0; i < t->n_words; i++)
        free(t->words[i]);
    free(t->words);
    free(t);
}

/* ---- what has changed ------------------------------------------------------------------------ */

static void
dirty_add(struct hosttable *t, size_t i)
{
    if ((t->flags[i] & FLAG_DIRTY) != 0)
        return;
    t->flags[i] |= FLAG_DIRTY;
    t->dirty[t->n_dirty++] = i;
}

/* In the middle of a statement: nothing may be read here. */
static void
on_change(void *arg, const char *table, int64_t row)
{
    struct hosttable *t = arg;
    size_t i = (size_t)row - 1;

    if (row < 1 || row > HOSTTABLE_MAX || strcmp(table, "host") != 0)
        return;
    if (i >= t->n) {
        table_grow(t, i + 1);
        t->n = i + 1;
    }
    dirty_add(t, i);
    if ((t->flags[i] & FLAG_TOUCHED) == 0) {
        t->flags[i] |= FLAG_TOUCHED;
        t->touched[t->n_touched++] = i;
    }
}

void
hosttable_taken_back(struct hosttable *t)
{
    for (size_t i = 0; i < t->n_touched; i++)
        dirty_add(t, t->touched[i]);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static uint32_t
word_number(struct hosttable *t, const char *word)
{
    if (word[0] == '\0')
        return 0;
    for (size_t i = 0; i < t->n_words; i++)
        if (strcmp(t->words[i], word) == 0)
            return (uint32_t)i + 1;
    t->words = grow(t->words, t->n_words, t->n_words + 1, sizeof(*t->words));
    t->words[t->n_words] = strdup(word);
    if (t->words[t->n_words] == NULL)
        abort();
    return (uint32_t)++t->n_words;
}

static bool
row_silent(struct hosttable *t, size_t i, int64_t now_ms)
{
    int64_t heard;

    if (t->alive_until_ms[i] >= now_ms && !t->row[i].inventory_unknown)
        return false;
    heard = host_heard_ms(t->c, t->row[i].id, t->row[i].seen_ms);
    t->alive_until_ms[i] = heard + t->c->conf.silent_seconds * 1000;
    return host_is_silent(t->c, heard, t->row[i].inventory_unknown, now_ms);
}

/* The row adds so much to the sum of its shared pool, and what it added before no more. */
static void
row_counts(struct hosttable *t, size_t i, uint32_t pool, uint64_t bytes)
{
    if (pool == t->pool[i] && bytes == t->counted[i])
        return;
    if (pool >= t->n_sums) {
        t->pool_sum = grow(t->pool_sum, t->n_sums, (size_t)pool + 1, sizeof(*t->pool_sum));
        t->n_sums = (size_t)pool + 1;
    }
    t->pool_sum[t->pool[i]] -= t->counted[i];
    t->pool_sum[pool] += bytes;
    t->pool[i] = pool;
    t->counted[i] = bytes;
    t->sums_moved = true;
}

/* A pool that several hosts see is counted once. */
static void
sums_settle(struct hosttable *t)
{
    for (size_t i = 0; t->sums_moved && i < t->n; i++)
        if (t->pool[i] != 0)
            t->disk[i] = place_free(t->row[i].pool_bytes, 100, t->pool_sum[t->pool[i]]);
    t->sums_moved = false;
}

static void
row_columns(struct hosttable *t, size_t i)
{
    const struct host_facts *h = &t->row[i];
    uint32_t pool = word_number(t, h->pool);

    t->vcpus[i] = place_free(h->cpus, (uint32_t)h->cpu_overcommit_percent, h->vcpus_used);
    t->mem[i] = place_free(h->mem_mib, (uint32_t)h->mem_overcommit_percent, h->mem_used_mib);
    row_counts(t, i, pool, pool == 0 ? 0 : h->bytes_used);
    t->disk[i] = place_free(h->pool_bytes, 100, pool == 0 ? h->bytes_used : t->pool_sum[pool]);
    t->base[i] = (uint8_t)host_state_of(h->state);
    t->cpus[i] = (uint32_t)h->cpus;
    t->can[i] = h->underlay ? PLACE_CAN_REACH : 0;
    t->zone[i] = word_number(t, h->zone);
    t->pool_class[i] = word_number(t, h->pool_class);
    t->arch[i] = (uint8_t)place_arch_of(h->arch);
    t->name[i] = h->name;
    t->alive_until_ms[i] = 0; /* looked up when it is asked for */
}

static int
rows_read(struct hosttable *t, struct db_rows *r, struct err *e)
{
    int rc;

    while ((rc = db_next(r, e)) == 1) {
        int64_t number = db_int(r, 0);
        size_t i = (size_t)number - 1;

        if (number < 1 || number > HOSTTABLE_MAX)
            return err_set(e, BY_E_TOO_LARGE, "the store has more than %d hosts", HOSTTABLE_MAX);
        if (i >= t->n) {
            table_grow(t, i + 1);
            t->n = i + 1;
        }
        host_facts_read(r, 1, &t->row[i]);
        row_columns(t, i);
    }
    return rc;
}

static int
row_read(struct hosttable *t, size_t i, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    memset(&t->row[i], 0, sizeof(t->row[i])); /* its making may have been taken back */
    row_columns(t, i);
    if (DB_QUERY(t->d, DB_HOST_ROW, &r, e, DBI(i + 1)) < 0)
        return -1;
    return rows_read(t, r, e);
}

/* Every row as the store has it now. */
static int
refresh(struct hosttable *t, struct err *e)
{
    while (t->n_dirty > 0) {
        size_t i = t->dirty[t->n_dirty - 1];

        if (row_read(t, i, e) < 0)
            return err_wrap(e, "host table"); /* still dirty */
        t->flags[i] &= (uint8_t)~FLAG_DIRTY;
        t->n_dirty--;
    }
    return 0;
}

int
hosttable_load(struct hosttable *t, struct db *d, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    t->d = d;
    db_on_change(d, on_change, t);
    if (db_query(d, DB_HOST_ROWS, NULL, 0, &r, e) < 0 || rows_read(t, r, e) < 0)
        return err_wrap(e, "host table");
    return 0;
}

void
hosttable_kept(struct hosttable *t)
{
    struct err e = {0};

    for (size_t i = 0; i < t->n_touched; i++)
        t->flags[t->touched[i]] &= (uint8_t)~FLAG_TOUCHED;
    t->n_touched = 0;
    if (t->n_dirty >= DIRTY_MANY && refresh(t, &e) < 0)
        log_warn("hosttable.unread", "reason=" LOG_Q, e.msg); /* the next placing tries again */
}

/* ---- questions ------------------------------------------------------------------------------- */

/* A host that observes and does not act makes nothing: what is held takes nothing new. */
static enum host_state
state_now(struct hosttable *t, size_t i, int64_t now_ms)
{
    if (row_silent(t, i, now_ms))
        return HS_SILENT;
    return t->base[i] == HS_READY && t->row[i].held_until_ms > now_ms ? HS_HELD
                                                                      : (enum host_state)t->base[i];
}

static int
look(struct hosttable *t, int64_t now_ms, struct err *e)
{
    if (refresh(t, e) < 0)
        return -1;
    sums_settle(t);
    for (size_t i = 0; i < t->n; i++)
        t->state[i] = t->base[i] == HS_READY ? (uint8_t)state_now(t, i, now_ms) : t->base[i];
    t->cols = (struct place_hosts){.n = t->n,
                                   .name = t->name,
                                   .state = t->state,
                                   .vcpus_free = t->vcpus,
                                   .mem_free_mib = t->mem,
                                   .disk_free_bytes = t->disk,
                                   .cpus = t->cpus,
                                   .can = t->can,
                                   .zone = t->zone,
                                   .pool_class = t->pool_class,
                                   .arch = t->arch};
    return 0;
}

int
hosttable_columns(struct hosttable *t, int64_t now_ms, const struct place_hosts **out,
                  struct err *e)
{
    if (look(t, now_ms, e) < 0)
        return -1;
    *out = &t->cols;
    return 0;
}

static bool
is_or_any(const char *asked, const char *is)
{
    return asked == NULL || strcmp(asked, is) == 0;
}

static bool
has_room(const struct hosttable *t, size_t i, const struct hosttable_need *need)
{
    return t->mem[i] >= (int64_t)need->mem_mib && t->vcpus[i] >= (int64_t)need->vcpus &&
           t->disk[i] >= (int64_t)need->bytes && t->cpus[i] >= need->largest_vcpus;
}

static bool
is_what_it_asks_for(const struct hosttable *t, size_t i, const struct hosttable_need *need)
{
    return (need->arch == PLACE_ARCH_ANY || t->arch[i] == (uint8_t)need->arch) &&
           (!need->reach || (t->can[i] & PLACE_CAN_REACH) != 0) &&
           is_or_any(need->zone, t->row[i].zone) &&
           is_or_any(need->pool_class, t->row[i].pool_class);
}

static bool
fits(const struct hosttable *t, size_t i, const struct hosttable_need *need, size_t n)
{
    if (t->state[i] != HS_READY)
        return false;
    for (size_t k = 0; k < n; k++)
        if (has_room(t, i, &need[k]) && is_what_it_asks_for(t, i, &need[k]))
            return true;
    return false;
}

struct pick {
    size_t at;
    bool fits, ready;
};

/* a is asked before b. */
static bool
before(const struct hosttable *t, const struct pick *a, const struct pick *b)
{
    if (a->fits != b->fits)
        return a->fits;
    if (a->ready != b->ready)
        return a->ready;
    if (t->mem[a->at] != t->mem[b->at]) /* the fullest; where none fits, the one that lacks least */
        return (t->mem[a->at] < t->mem[b->at]) == a->fits;
    return strcmp(t->row[a->at].name, t->row[b->at].name) < 0;
}

/* Into its place among the best so far. */
static void
insert(const struct hosttable *t, struct pick *best, size_t *n, size_t limit, struct pick p)
{
    size_t from = 0, to = *n;

    if (*n == limit && before(t, &best[limit - 1], &p))
        return;
    while (from < to) {
        size_t mid = (from + to) / 2;

        if (before(t, &best[mid], &p))
            from = mid + 1;
        else
            to = mid;
    }
    if (*n < limit)
        (*n)++;
    memmove(&best[from + 1], &best[from], (*n - from - 1) * sizeof(*best));
    best[from] = p;
}

int
hosttable_pick(struct hosttable *t, const struct hosttable_need *need, size_t n_needs,
               int64_t now_ms, size_t limit, const uint8_t *passed, struct arena *a,
               struct hosttable_picked *out, struct err *e)
{
    struct pick *best = arena_alloc(a, (limit + 1) * sizeof(*best));

    if (look(t, now_ms, e) < 0)
        return -1;
    out->n = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct pick p = {
            .at = i, .fits = fits(t, i, need, n_needs), .ready = t->base[i] == HS_READY};

        if (t->base[i] != HS_NONE && (passed == NULL || passed[i] == 0))
            insert(t, best, &out->n, limit, p);
    }
    out->hosts = arena_alloc(a, (out->n + 1) * sizeof(*out->hosts));
    out->state = arena_alloc(a, out->n + 1);
    out->at = arena_alloc(a, (out->n + 1) * sizeof(*out->at));
    out->more = out->n == limit && limit > 0 && best[limit - 1].fits;
    for (size_t i = 0; i < out->n; i++) {
        out->hosts[i] = t->row[best[i].at];
        out->at[i] = best[i].at;
        if (t->pool[best[i].at] != 0)
            out->hosts[i].pool_used_bytes = t->pool_sum[t->pool[best[i].at]];
        out->state[i] = (uint8_t)state_now(t, best[i].at, now_ms);
    }
    return 0;
}

static bool
same_facts(const struct host_facts *a, const struct host_facts *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->state, b->state) == 0 && strcmp(a->zone, b->zone) == 0 &&
           strcmp(a->pool_class, b->pool_class) == 0 && strcmp(a->pool, b->pool) == 0 &&
           strcmp(a->arch, b->arch) == 0 && a->incarnation == b->incarnation &&
           a->cpus == b->cpus && a->mem_mib == b->mem_mib &&
           a->cpu_overcommit_percent == b->cpu_overcommit_percent &&
           a->mem_overcommit_percent == b->mem_overcommit_percent &&
           a->pool_bytes == b->pool_bytes && a->pool_free_bytes == b->pool_free_bytes &&
           a->seen_ms == b->seen_ms && a->inventory_ms == b->inventory_ms &&
           a->held_until_ms == b->held_until_ms && a->inventory_unknown == b->inventory_unknown &&
           a->underlay == b->underlay && a->vcpus_used == b->vcpus_used &&
           a->mem_used_mib == b->mem_used_mib && a->bytes_used == b->bytes_used;
}

/* Pools whose sum is not that of their hosts. */
static size_t
sums_wrong(const struct hosttable *t)
{
    size_t n = 0;

    for (size_t p = 1; p < t->n_sums; p++) {
        uint64_t sum = 0;

        for (size_t i = 0; i < t->n; i++)
            if (t->row[i].pool[0] != '\0' && strcmp(t->words[p - 1], t->row[i].pool) == 0)
                sum += t->row[i].bytes_used;
        n += sum != t->pool_sum[p];
    }
    return n;
}

int
hosttable_differs(struct hosttable *t, size_t *n, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    size_t here = 0, there = 0;
    int rc;

    *n = 0;
    if (refresh(t, e) < 0 || db_query(t->d, DB_HOST_ROWS, NULL, 0, &r, e) < 0)
        return -1;
    for (size_t i = 0; i < t->n; i++)
        here += t->row[i].id[0] != '\0';
    while ((rc = db_next(r, e)) == 1) {
        size_t i = (size_t)db_int(r, 0) - 1;
        struct host_facts h = {0};

        there++;
        host_facts_read(r, 1, &h);
        *n += i >= t->n || !same_facts(&t->row[i], &h);
    }
    *n += here > there ? here - there : 0;
    *n += sums_wrong(t);
    return rc;
}
