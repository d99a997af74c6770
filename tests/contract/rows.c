#include "tests/contract/rows.h"

#include <stddef.h>

const struct contract_row contract_rows[] = {
#define ROW(fn, needs_, sentence) {.name = #fn ": " sentence, .needs = needs_, .run = fn},
#include "tests/contract/rows.def"
#undef ROW
    {.name = NULL},
};
