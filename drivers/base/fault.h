#ifndef BY_DRIVERS_BASE_FAULT_H
#define BY_DRIVERS_BASE_FAULT_H
/* Fault points: places between two instructions where a test may end, delay or fail the process.
 * Every place is a row of fault.def; code can only name a row, so a hook without a row does not
 * build, and tests/e2e/faults walks the rows, so a row without a test fails.
 *
 * In builds with -DBY_FAULTS the environment variable BIANYUN_FAULT = "NAME:K:WHAT" acts at the
 * K-th passing (from 1) of the point: WHAT is kill (SIGKILL to itself), stop (SIGSTOP to itself: it
 * stands there until SIGCONT), slow (2 s), fail (the call fails), lose (the call happens, its
 * answer is lost), full (the disk of the file that BIANYUN_FAULT_FILL names is filled with it, to
 * the last byte), jump (from here on the wall clock of every process that shares the file
 * BIANYUN_FAULT_CLOCK is ten minutes ahead). BIANYUN_FAULT_TRACE=FILE appends the name of each
 * point passed.  Release builds compile to nothing.  Threads: any. */
#include <stdint.h>

enum fault_point {
#define FAULT(id, doc) BY_FAULT_##id,
#include "drivers/base/fault.def"
#undef FAULT
    BY_FAULT__MAX
};

enum fault_verdict { FAULT_NONE, FAULT_FAIL, FAULT_LOSE };

#ifdef BY_FAULTS
enum fault_verdict fault_at(enum fault_point p);
void fault_restart(void);    /* count passings from 1 again: for tests in one process */
int64_t fault_wall_ms(void); /* by how much the wall clock has jumped */
#else
static inline enum fault_verdict
fault_at(enum fault_point p)
{
    (void)p;
    return FAULT_NONE;
}
static inline int64_t
fault_wall_ms(void)
{
    return 0;
}
#endif
const char *fault_name(enum fault_point p);
#endif
