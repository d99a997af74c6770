#ifndef BY_TESTS_CONTRACT_ROWS_H
#define BY_TESTS_CONTRACT_ROWS_H
/* The functions behind rows.def; each checks one promise.  Defined in rows_*.c. */
#include "tests/contract/contract.h"

#define ROW(fn, needs, sentence) void fn(struct contract *c);
#include "tests/contract/rows.def"
#undef ROW
#endif
