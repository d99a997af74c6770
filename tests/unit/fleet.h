#ifndef BY_TESTS_UNIT_FLEET_H
#define BY_TESTS_UNIT_FLEET_H
/* Many hosts at once, straight in the store of a running flow: ready, heard of, played by nobody.
 */
#include "tests/unit/flow.h"

struct fleet_of {
    const char *name; /* its hosts are name-0, name-1, … */
    int n;
    const char *arch;     /* NULL: x86_64 */
    const char *cidr;     /* of one network on each, or NULL */
    const char *grant;    /* of those networks */
    uint64_t promise_mib; /* of the 16 GiB of each, by others */
};
void fleet_add(struct flow *f, const struct fleet_of *of);
/** Entries of the ledger with that act. */
int fleet_ledger(struct flow *f, const char *act);
#endif
