#include "drivers/base/sorted.h"

#include <string.h>

size_t
sorted_index(const void *table, size_t n, const char *(*key_at)(const void *table, size_t i),
             const char *key, bool *found)
{
    size_t lo = 0, hi = n;

    *found = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(key_at(table, mid), key);

        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
