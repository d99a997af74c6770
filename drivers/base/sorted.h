#ifndef BY_DRIVERS_BASE_SORTED_H
#define BY_DRIVERS_BASE_SORTED_H
/* Finding a key in a table that is kept sorted by it. */
#include <stdbool.h>
#include <stddef.h>

/** Index of key among n, or where it belongs.  key_at: the key of the i-th. */
size_t sorted_index(const void *table, size_t n, const char *(*key_at)(const void *table, size_t i),
                    const char *key, bool *found);
#endif
