#ifndef BY_CONTROLLER_MADE_H
#define BY_CONTROLLER_MADE_H
/* The register's row of a resource that an order makes.  Threads: the writer. */
#include "controller/api.h"
#include "drivers/db/store_resource.h"

void made_row(const struct w_order *o, const char *unit, int64_t now_ms, struct resource_row *r);
/** Row and addresses; both unique by SQL. */
int made_insert(struct tx *t, const struct w_order *o, const char *unit, struct resource_row *r,
                struct err *e);
/** Later machines of its system stay away from its host when it must be apart. */
int made_apart(struct tx *t, const struct resource_row *r, enum w_apart apart, struct err *e);
#endif
