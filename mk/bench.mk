# Each C helper tests/bench/bench_<group>.c becomes $(O)/bench-<group>; the scripts that use them are
# tests/bench/bench_<group>.sh and get the build folder as their argument.  Figures come from a
# release build.
BENCH := $(patsubst tests/bench/bench_%.c,$(O)/bench-%,$(wildcard tests/bench/bench_*.c))

$(O)/bench-%: $(O)/tests/bench/bench_%.o $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench: ## print one JSON line a figure (ONLY=group runs one); release build
	@$(MAKE) --no-print-directory -s B=release all bench-programs >&2
	@tests/bench/bench build/release

bench-programs: $(BENCH)
.PHONY: bench bench-programs
.PRECIOUS: $(O)/tests/bench/%.o
