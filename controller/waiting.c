#include "controller/waiting.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/codec/wire.h"

struct due {
    char host[W_ID]; /* first: the tree knows it by this */
    int64_t since_ns;
};

struct waiting {
    pthread_mutex_t lock;
    void *tree;
};

static int
due_cmp(const void *x, const void *y)
{
    return strcmp(x, y);
}

int
waiting_new(struct waiting **out, struct err *e)
{
    struct waiting *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    (void)pthread_mutex_init(&w->lock, NULL);
    *out = w;
    return 0;
}

void
waiting_free(struct waiting *w)
{
    if (w == NULL)
        return;
    tdestroy(w->tree, free);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

void
waiting_begin(struct waiting *w, const char *host, int64_t now_ns)
{
    struct due *n = calloc(1, sizeof(*n));
    void **at;

    if (n == NULL)
        return; /* only a measurement */
    (void)snprintf(n->host, sizeof(n->host), "%s", host);
    n->since_ns = now_ns;
    (void)pthread_mutex_lock(&w->lock);
    at = tsearch(n, &w->tree, due_cmp);
    if (at == NULL || *at != n)
        free(n);
    (void)pthread_mutex_unlock(&w->lock);
}

int64_t
waiting_end(struct waiting *w, const char *host, int64_t looked_ns)
{
    int64_t since = 0;
    void **at;

    (void)pthread_mutex_lock(&w->lock);
    at = tfind(host, &w->tree, due_cmp);
    if (at != NULL && (*(struct due **)at)->since_ns <= looked_ns) {
        struct due *n = *at;

        since = n->since_ns;
        (void)tdelete(host, &w->tree, due_cmp);
        free(n);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return since;
}
