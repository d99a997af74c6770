# Cheapest first; each part can be run alone.  tidy is slow and therefore incremental: one stamp per
# file, made again when the file, a header that it includes, or .clang-tidy changed.
LINT_SCRIPTS := format banned arrows sizes faults say sorted words shell requirement_map
TIDY := $(patsubst %.c,$(O)/tidy/%.ok,$(wildcard policies/*.c drivers/*/*.c agent/*.c controller/*.c controller/cli/*.c))
HEADERS_OK := $(HDRS:%=$(O)/lint/%.ok)

lint: lint-scripts lint-headers lint-objects lint-tidy ## house rules: format, calls, arrows, purity, sizes, clang-tidy
	@echo "lint: clean"

lint-scripts: ## the rules that need no build; each is tried on a planted fault first
	@bash tests/lint/selftest.sh
	@bash tests/lint/check_selftest.sh
	@bash tests/lint/keep_selftest.sh
	@bad=0; for s in $(LINT_SCRIPTS); do sh tests/lint/$$s.sh || { echo "lint: $$s failed"; bad=1; }; done; exit $$bad

lint-headers: $(HEADERS_OK) ## every header compiles alone

$(O)/lint/%.h.ok: %.h $(HDRS)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-unused-function -fsyntax-only -include $< -x c /dev/null && touch $@

lint-objects: $(call obj,$(LIB) $(CTRL) $(AGENT) $(CLI)) ## purity of policies, declarations in their header
	@bad=0; for s in purity declared; do sh tests/lint/$$s.sh $(O) || { echo "lint: $$s failed"; bad=1; }; done; exit $$bad

lint-tidy: $(TIDY) ## clang-tidy, one stamp per file

# The object is built first: its .d file names the headers, and through it the stamp follows them.
$(O)/tidy/%.ok: $(O)/%.o .clang-tidy tests/lint/tidy.h
	@mkdir -p $(@D)
	@clang-tidy --quiet $*.c -- $(CPPFLAGS) -std=gnu11 $(filter -D%,$(FLAGS_$(B))) \
	    $(if $(filter drivers/base/error policies/%,$*),,-include tests/lint/tidy.h) 2>$(@:.ok=.err) >$(@:.ok=.out) || { cat $(@:.ok=.out) $(@:.ok=.err); exit 1; }
	@touch $@

.PHONY: lint lint-scripts lint-headers lint-objects lint-tidy
