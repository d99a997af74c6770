/* bench-erase FILE: overwrite FILE as an erasure does; prints nanoseconds spent overwriting and
 * syncing, nanoseconds spent reading back, and bytes overwritten. */
#include <stdio.h>

#include "drivers/host/extent.h"

int
main(int argc, char **argv)
{
    struct extent_report r = {0};
    struct err e = {0};

    if (argc != 2)
        return 2;
    if (extent_erase(argv[1], NULL, &r, &e) < 0) {
        fprintf(stderr, "bench-erase: %s\n", e.msg);
        return 1;
    }
    printf("%lld %lld %llu\n", (long long)r.write_ns, (long long)r.read_ns,
           (unsigned long long)r.overwritten_bytes);
    return 0;
}
