#include "controller/listing.h"

#include <string.h>

void *
listing_add(struct jm_list *l, size_t item_size, struct arena *a)
{
    /* Grown at each power of two, so no capacity has to be kept. */
    if ((l->n & (l->n - 1)) == 0) {
        void *bigger = arena_alloc(a, (l->n == 0 ? 1 : 2 * l->n) * item_size);

        if (l->n != 0)
            memcpy(bigger, l->items, l->n * item_size);
        l->items = bigger;
    }
    return (char *)l->items + item_size * l->n++;
}
