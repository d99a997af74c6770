#ifndef BY_CONTROLLER_UNITS_H
#define BY_CONTROLLER_UNITS_H
/* The tree of units in memory: which unit stands below which.  A copy of what the store has,
 * changed only after a commit.  Threads: any. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

#define UNITS_DEPTH 8 /* levels of units below the city */

struct units;
struct unit_place {
    char id[W_ID], parent[W_ID]; /* parent "": directly under the city */
};

int units_new(struct units **out, struct err *e);
void units_free(struct units *u);
/** Replace everything by what the store has. */
int units_load(struct units *u, struct db *d, struct err *e);
void units_put(struct units *u, const struct unit_place *p);
/** unit is top itself or stands below it; false for what is not known. */
bool units_is_under(struct units *u, const char *unit, const char *top);
#endif
