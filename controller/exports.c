#include "controller/exports.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/params.h"
#include "controller/pool.h"
#include "controller/routes.h"
#include "controller/server.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/csv.h"
#include "drivers/net/httpd.h"

#define PAGE_ROWS 500
#define PIECE_BYTES (64u * 1024)

struct exports {
    struct controller *c;
    pthread_mutex_t lock;            /* of what follows */
    struct pool *threads, *counters; /* from the first export, the first count on */
    bool stopping;
    struct api_call *calls[EXPORTS_AT_ONCE]; /* in work; NULL: free */
};

/* One of them, on its thread. */
struct export
{
    struct api_call *k;
    enum w_list_format format;
    const struct jm_field *items, *next;
    struct strbuf piece;
    int64_t until_ms; /* monotonic */
    size_t rows;
    bool begun;
    char after[256];
};

/* ---- rows into pieces ----------------------------------------------------------------------- */

static const struct jm_field *
field(const struct jm_field *schema, const char *name)
{
    while (schema->name != NULL && strcmp(schema->name, name) != 0)
        schema++;
    return schema->name == NULL ? NULL : schema;
}

static int
send_piece(struct export *x, struct err *e)
{
    int rc = httpd_stream_piece(x->k->req, x->piece.s, x->piece.len);

    strbuf_reset(&x->piece);
    return rc == 0 ? 0 : err_set(e, BY_E_IO, "the client is gone or too slow, or we stop");
}

static int
add_rows(struct export *x, struct err *e)
{
    const struct jm_list *l =
        (const struct jm_list *)(const void *)((const char *)x->k->out + x->items->off);
    bool csv = x->format == LIST_CSV;

    x->rows += l->n;
    if (x->format == LIST_COUNT)
        return 0;
    if (!x->begun) {
        httpd_stream(x->k->req, 200,
                     csv ? "text/csv; charset=utf-8; header=present" : "application/jsonl");
        x->begun = true;
        if (csv)
            csv_head(&x->piece, x->items->sub);
    }
    for (size_t i = 0; i < l->n; i++) {
        const char *row = (const char *)l->items + i * x->items->sub_size;

        if (csv) {
            csv_row(&x->piece, x->items->sub, row);
        } else {
            jm_encode(x->items->sub, row, &x->piece);
            strbuf_addc(&x->piece, '\n');
        }
        if (x->piece.len >= PIECE_BYTES && send_piece(x, e) < 0)
            return -1;
    }
    return 0;
}

/* One page more; *more: there is another. */
static int
add_page(struct export *x, struct db *d, int64_t now_ms, bool *more, struct err *e)
{
    SCOPED(arena) struct arena page = {0};
    struct arena *kept = x->k->a;
    const char *next = NULL;
    int rc;

    if (clock_mono_ms() > x->until_ms)
        return err_set(e, BY_E_TIMEOUT, "it took longer than %d s", EXPORT_MS / 1000);
    memset(x->k->out, 0, x->k->route->out_size);
    x->k->page_after = x->after;
    x->k->page_limit = PAGE_ROWS;
    x->k->a = &page;
    rc = server_look(x->k, d, now_ms, e);
    if (rc == 0)
        rc = add_rows(x, e);
    if (rc == 0)
        memcpy(&next, (const char *)x->k->out + x->next->off, sizeof(next));
    *more = next != NULL;
    (void)snprintf(x->after, sizeof(x->after), "%s", next == NULL ? "" : next);
    x->k->a = kept;
    return rc;
}

static int
add_all(struct export *x, struct err *e)
{
    SCOPED(db_free) struct db *d = NULL;
    struct controller *c = x->k->c;
    int64_t now_ms = server_now(c);
    bool more = true;
    int rc = 0;

    if (db_open(c->store_path, true, &d, e) < 0 || db_begin(d, e) < 0)
        return -1;
    while (rc == 0 && more && (x->format != LIST_COUNT || x->rows <= COUNT_MOST))
        rc = add_page(x, d, now_ms, &more, e);
    db_rollback(d);
    return rc;
}

/* A count is no stream: nothing was sent before it is known. */
static void
answer_count(struct export *x)
{
    bool more = x->rows > COUNT_MOST;

    x->k->raw = arena_printf(x->k->a, "{\"count\":%zu%s}", more ? (size_t)COUNT_MOST : x->rows,
                             more ? ",\"more\":true" : "");
    server_answer(x->k);
}

/* ---- in work -------------------------------------------------------------------------------- */

/* From here on nobody cuts it: its request may go at any moment. */
static void
leave(struct exports *x, const struct api_call *k)
{
    (void)pthread_mutex_lock(&x->lock);
    for (size_t i = 0; i < EXPORTS_AT_ONCE; i++)
        if (x->calls[i] == k)
            x->calls[i] = NULL;
    (void)pthread_mutex_unlock(&x->lock);
}

static void
export_run(void *arg, struct db *none)
{
    struct api_call *k = arg;
    struct exports *all = k->parked;
    struct export x = {.k = k,
                       .format = (enum w_list_format)param_word(k, "format"),
                       .items = field(k->route->out, "items"),
                       .next = field(k->route->out, "next"),
                       .until_ms = clock_mono_ms() + EXPORT_MS};
    struct err e = {0};
    int64_t begun_ms = clock_mono_ms();
    int rc = add_all(&x, &e);

    (void)none;
    if (rc == 0)
        rc = send_piece(&x, &e);
    if (rc == 0 && x.format == LIST_COUNT)
        log_debug("count.done", "route=%s rows=%zu", k->route->name, x.rows);
    else if (rc == 0)
        log_info("export.done", "route=%s rows=%zu ms=%lld", k->route->name, x.rows,
                 (long long)(clock_mono_ms() - begun_ms));
    else
        log_warn("export.cut", "route=%s rows=%zu reason=" LOG_Q, k->route->name, x.rows, e.msg);
    leave(all, k);
    strbuf_clear(&x.piece);
    if (x.format == LIST_COUNT && rc == 0)
        answer_count(&x);
    else if (x.begun)
        server_streamed(k, rc == 0);
    else
        server_fail(k, &e);
}

bool
exports_wanted(const struct api_call *k)
{
    return http_req_query(k->req, "format") != NULL && param_word(k, "format") != LIST_FORMAT_NONE;
}

/* What an export leaves out: its rows are all, and whole. */
static int
check(const struct api_call *k, struct err *e)
{
    if (param_text(k, "after")[0] != '\0' || param_number(k, "limit", 0) != 0)
        return err_field(e, BY_E_INVALID, "format",
                         "an export has every row: leave out ?after= and ?limit=");
    if (!http_req_takes_pieces(k->req))
        return err_field(e, BY_E_INVALID, "format",
                         "an export is sent in chunks: ask by HTTP/1.1, else a cut one would look "
                         "whole");
    return 0;
}

static int
enter(struct exports *x, struct api_call *k, struct err *e)
{
    const struct pool_config conf = {
        .name = "export", .threads = EXPORTS_AT_ONCE, .queue = EXPORTS_AT_ONCE};
    size_t at = EXPORTS_AT_ONCE;
    bool own = false, stopping;
    int rc = 0;

    (void)pthread_mutex_lock(&x->lock);
    stopping = x->stopping;
    for (size_t i = 0; i < EXPORTS_AT_ONCE; i++)
        if (x->calls[i] == NULL)
            at = i;
        else if (strcmp(x->calls[i]->who.account, k->who.account) == 0)
            own = true;
    if (at < EXPORTS_AT_ONCE && !own && !stopping) {
        if (x->threads == NULL)
            rc = pool_new(&conf, &x->threads, e);
        if (rc == 0)
            x->calls[at] = k;
    }
    (void)pthread_mutex_unlock(&x->lock);
    if (rc < 0)
        return -1;
    if (stopping)
        return err_set(e, BY_E_BUSY, "the controller is stopping: try again in a moment");
    if (own)
        return err_set(e, BY_E_BUSY,
                       "an export of this account is under way: wait for its end, or end it");
    return at < EXPORTS_AT_ONCE
               ? 0
               : err_set(e, BY_E_BUSY, "%d exports are under way: try again in a moment",
                         EXPORTS_AT_ONCE);
}

/* A count is short, and waits for no export that somebody reads slowly. */
static int
count_submit(struct exports *x, struct api_call *k, struct err *e)
{
    const struct pool_config conf = {
        .name = "count", .threads = COUNTS_AT_ONCE, .queue = COUNTS_WAITING};
    int rc = 0;

    (void)pthread_mutex_lock(&x->lock);
    if (x->stopping)
        rc = err_set(e, BY_E_BUSY, "the controller is stopping: try again in a moment");
    else if (x->counters == NULL)
        rc = pool_new(&conf, &x->counters, e);
    (void)pthread_mutex_unlock(&x->lock);
    if (rc < 0)
        return -1;
    k->parked = x;
    return pool_submit(x->counters, export_run, k, e);
}

int
exports_submit(struct exports *x, struct api_call *k, struct err *e)
{
    if (check(k, e) < 0)
        return -1;
    if (param_word(k, "format") == LIST_COUNT)
        return count_submit(x, k, e);
    if (enter(x, k, e) < 0)
        return -1;
    k->parked = x;
    if (pool_submit(x->threads, export_run, k, e) == 0)
        return 0;
    leave(x, k);
    return -1;
}

/* ---- life ----------------------------------------------------------------------------------- */

int
exports_new(struct controller *c, struct exports **out, struct err *e)
{
    struct exports *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    x->c = c;
    (void)pthread_mutex_init(&x->lock, NULL);
    *out = x;
    return 0;
}

void
exports_stop(struct exports *x)
{
    (void)pthread_mutex_lock(&x->lock);
    x->stopping = true;
    for (size_t i = 0; i < EXPORTS_AT_ONCE; i++)
        if (x->calls[i] != NULL)
            httpd_stream_cut(x->calls[i]->req);
    (void)pthread_mutex_unlock(&x->lock);
}

void
exports_free(struct exports *x)
{
    if (x == NULL)
        return;
    pool_free(TAKE(x->threads));
    pool_free(TAKE(x->counters));
    (void)pthread_mutex_destroy(&x->lock);
    free(x);
}
