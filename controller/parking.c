#include "controller/parking.h"

#include <stdlib.h>
#include <string.h>

size_t
parking_bucket(const char *host)
{
    uint64_t h = 1469598103934665603ULL;

    for (; *host != '\0'; host++)
        h = (h ^ (unsigned char)*host) * 1099511628211ULL;
    return h % PARKING_BUCKETS;
}

static size_t
req_bucket(const void *req)
{
    return ((uintptr_t)req >> 4) * 2654435761U % PARKING_BUCKETS;
}

/* ---- by the end of the wait ------------------------------------------------------------------ */

static void
heap_put(struct parking *g, size_t i, struct parked *p)
{
    g->heap[i] = p;
    p->heap_at = i;
}

static void
heap_up(struct parking *g, size_t i)
{
    struct parked *p = g->heap[i];

    while (i > 0 && g->heap[(i - 1) / 2]->deadline_mono_ms > p->deadline_mono_ms) {
        heap_put(g, i, g->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(g, i, p);
}

static void
heap_down(struct parking *g, size_t i)
{
    struct parked *p = g->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < g->n &&
            g->heap[child + 1]->deadline_mono_ms < g->heap[child]->deadline_mono_ms)
            child++;
        if (child >= g->n || g->heap[child]->deadline_mono_ms >= p->deadline_mono_ms)
            break;
        heap_put(g, i, g->heap[child]);
        i = child;
    }
    heap_put(g, i, p);
}

/* ---- in and out ------------------------------------------------------------------------------ */

void
parking_add(struct parking *g, struct parked *p)
{
    struct parked **host = &g->by_host[parking_bucket(p->host)];
    struct parked **req = &g->by_req[req_bucket(p->req)];

    if (g->n == g->room) {
        size_t room = g->room == 0 ? 64 : g->room * 2;

        g->heap = reallocarray(g->heap, room, sizeof(struct parked *));
        if (g->heap == NULL)
            abort(); /* as arena and strbuf: a process without memory starts again */
        g->room = room;
    }
    p->next = *host;
    if (p->next != NULL)
        p->next->prev_at = &p->next;
    p->prev_at = host;
    *host = p;
    p->req_next = *req;
    if (p->req_next != NULL)
        p->req_next->req_prev_at = &p->req_next;
    p->req_prev_at = req;
    *req = p;
    heap_put(g, g->n, p);
    heap_up(g, g->n++);
}

/* Out of all three, and in front of those taken already. */
static struct parked *
take(struct parking *g, struct parked *p, struct parked *before)
{
    size_t i = p->heap_at;
    struct parked *last = g->heap[--g->n];

    *p->prev_at = p->next;
    if (p->next != NULL)
        p->next->prev_at = p->prev_at;
    *p->req_prev_at = p->req_next;
    if (p->req_next != NULL)
        p->req_next->req_prev_at = p->req_prev_at;
    if (last != p) {
        heap_put(g, i, last);
        heap_up(g, i);
        heap_down(g, last->heap_at);
    }
    p->next = before;
    return p;
}

struct parked *
parking_take_host(struct parking *g, const char *host)
{
    struct parked *out = NULL, *p = g->by_host[parking_bucket(host)];

    while (p != NULL) {
        struct parked *next = p->next;

        if (strcmp(p->host, host) == 0)
            out = take(g, p, out);
        p = next;
    }
    return out;
}

struct parked *
parking_take_req(struct parking *g, const void *req)
{
    struct parked *out = NULL, *p = g->by_req[req_bucket(req)];

    while (p != NULL) {
        struct parked *next = p->req_next;

        if (p->req == req)
            out = take(g, p, out);
        p = next;
    }
    return out;
}

struct parked *
parking_take_due(struct parking *g, int64_t now_mono_ms)
{
    struct parked *out = NULL;

    while (g->n > 0 && g->heap[0]->deadline_mono_ms <= now_mono_ms)
        out = take(g, g->heap[0], out);
    return out;
}

int64_t
parking_next(const struct parking *g)
{
    return g->n == 0 ? 0 : g->heap[0]->deadline_mono_ms;
}

void
parking_clear(struct parking *g)
{
    free(g->heap);
    *g = (struct parking){0};
}
