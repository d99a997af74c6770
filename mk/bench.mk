# Each C helper tests/bench/bench_<group>.c becomes $(O)/bench-<group>; the scripts that use them are
# tests/bench/bench_<group>.sh and get the build folder as their argument.  Figures come from a
# release build.
BENCH := $(patsubst tests/bench/bench_%.c,$(O)/bench-%,$(wildcard tests/bench/bench_*.c))

$(O)/bench-%: $(O)/tests/bench/bench_%.o $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench: ## print one JSON line a figure (ONLY=group runs one); release build
	@tests/bench/bench
	@$(MAKE) --no-print-directory -s B=release all bench-programs >&2
	@tests/bench/bench build/release

# Fills a store; with the controller's own steps.
$(O)/bench-fill: $(O)/tests/bench/fill.o $(call obj,$(CTRL)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

bench-programs: $(BENCH) $(O)/bench-fill

plots: ## draw docs/benchmarks/*.svg from the figures recorded there
	@tests/bench/plot.py docs/benchmarks/results.jsonl docs/benchmarks
check-docs: check-plots
check-plots: # what is drawn is what is recorded
	@tests/bench/plot.py docs/benchmarks/results.jsonl $(O)/plots
	@for f in $(O)/plots/*.svg; do cmp -s $$f docs/benchmarks/$${f##*/} || { echo "docs/benchmarks/$${f##*/}: run 'make plots'"; exit 1; }; done
.PHONY: bench bench-programs plots check-plots
.PRECIOUS: $(O)/tests/bench/%.o
