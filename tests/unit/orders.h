#ifndef BY_TESTS_UNIT_ORDERS_H
#define BY_TESTS_UNIT_ORDERS_H
/* An order as hosts judge it (policies/order_check.h): a machine of line 1 of grant "g" that is in
 * order, and what a host holds beside it.  Tests change one thing at a time. */
#include "policies/order_check.h"

extern const struct oc_host orders_host;
extern const struct oc_nic orders_nics[1], orders_other_nics[1]; /* of its machine, of another */
extern const char *const orders_volumes[1];
/** A new machine vm1 with one card and the volume vol1. */
struct oc_order orders_vm(void);
/** The machine at an older generation, and another of the same grant; how many: 2. */
size_t orders_held(struct oc_held held[2]);
/** The verdict's reason, told by name when it is another. */
void orders_expect(const char *what, struct oc_verdict v, enum oc_reason reason);
#endif
