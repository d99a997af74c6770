#ifndef BY_TESTS_FUZZ_FUZZ_H
#define BY_TESTS_FUZZ_FUZZ_H
/* What a fuzz target is: tests/fuzz/fuzz_<name>.c defines fuzz_one() and lists its name in
 * FUZZ_TARGETS of mk/fuzz.mk.  It is built three ways: with libFuzzer; with BY_PLANTED_BUG, where
 * fuzz_planted() marks a place that only well-formed, unusual input reaches and that the fuzzer has
 * to reach within a minute; and with a plain main() that replays files.  Inputs: corpus/<name>/
 * (ours, committed) and what gen.c makes out of the schema rows. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** Judge one input; aborts when a property does not hold.  Says nothing, keeps nothing. */
void fuzz_one(const uint8_t *bytes, size_t len);

/* The deliberate bug of `make fuzz-planted`; nothing in every other build. */
static inline void
fuzz_planted(int reached)
{
#ifdef BY_PLANTED_BUG
    if (reached)
        abort();
#else
    (void)reached;
#endif
}

/* A property: what must hold for every input. */
static inline void
fuzz_must(int holds)
{
    if (!holds)
        abort();
}
#endif
