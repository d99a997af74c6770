#ifndef BY_CONTROLLER_CLI_COMPLETE_H
#define BY_CONTROLLER_CLI_COMPLETE_H
/* The rows of complete.def.  Threads: immutable. */
#include <stddef.h>

#include "drivers/codec/jmap.h"

struct complete_row {
    const char *kind, *words, *path;
    const struct jm_field *list;
    size_t list_size, item_size, name_off;
};
extern const struct complete_row complete_rows[]; /* ends with kind NULL */

/** The row whose words have this one, or NULL. */
const struct complete_row *complete_of(const char *word);
#endif
