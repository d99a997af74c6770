#ifndef BY_CONTROLLER_LISTING_H
#define BY_CONTROLLER_LISTING_H
/* Lists of an answer that grow row by row.  Threads: one owner. */
#include "drivers/base/arena.h"
#include "drivers/codec/jmap.h"

/** Room for one more item, zeroed; valid until the next. */
void *listing_add(struct jm_list *l, size_t item_size, struct arena *a);
#endif
