# Each C helper tests/bench/bench_<group>.c becomes $(O)/bench-<group>; the scripts that use them are
# tests/bench/bench_<group>.sh and get the build folder as their argument.  Figures come from a
# release build.
BENCH := $(patsubst tests/bench/bench_%.c,$(O)/bench-%,$(wildcard tests/bench/bench_*.c))

$(O)/bench-%: $(O)/tests/bench/bench_%.o $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench: ## print one JSON line a figure (ONLY=group runs one); release build
	@$(MAKE) --no-print-directory -s B=release all bench-programs >&2
	@tests/bench/bench build/release

# Fills a store; with the controller's own steps.
$(O)/bench-fill: $(O)/tests/bench/fill.o $(call obj,$(CTRL)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench-programs: $(BENCH) $(O)/bench-fill
.PHONY: bench bench-programs
.PRECIOUS: $(O)/tests/bench/%.o
