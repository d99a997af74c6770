# Fuzzing.  A target NAME is tests/fuzz/fuzz_NAME.c and, if it has one, tests/fuzz/corpus/NAME/ and
# tests/fuzz/NAME.dict (else the dictionary made from the schema rows).  See tests/fuzz/README.md.
FUZZ_TARGETS := approvalsig conf csr domread http imagehead jscan paper sentence wire
FUZZ_JSON_TARGETS := jscan paper wire # these also mutate whole JSON elements
FUZZ_XML_TARGETS := domread # these whole XML elements
FUZZ_SECONDS ?= 60
FUZZ_CC ?= $(if $(shell command -v ccache),ccache )$(or $(shell command -v clang-14),clang)
FLAGS_fuzz := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
              -fno-sanitize-recover=all
F := build/fuzz

.PRECIOUS: $(O)/tests/fuzz/%.o
$(FUZZ_JSON_TARGETS:%=$(O)/fuzz_%) $(FUZZ_JSON_TARGETS:%=$(O)/planted_%): $(O)/tests/fuzz/mutate_json.o
$(FUZZ_XML_TARGETS:%=$(O)/fuzz_%) $(FUZZ_XML_TARGETS:%=$(O)/planted_%): $(O)/tests/fuzz/mutate_xml.o
$(O)/fuzz_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/engine.o $(O)/lib.a
	@$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
$(O)/planted_%: $(O)/tests/fuzz/planted_%.o $(O)/tests/fuzz/engine.o $(O)/lib.a
	@$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)
$(O)/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(O)/lib.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/fuzz-gen: $(O)/tests/fuzz/gen.o $(O)/lib.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(O)/tests/fuzz/planted_%.o: tests/fuzz/fuzz_%.c Makefile VERSION
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) -DBY_PLANTED_BUG -MMD -MP -c -o $@ $<

# Seeds and dictionary from the rows, made by the ordinary build.
$(O)/fuzz-seeds: $(O)/fuzz-gen
	@rm -rf $@ && mkdir -p $@/wire
	@$< seeds $@/wire && $< dict > $@/rows.dict

fuzz-binaries: $(FUZZ_TARGETS:%=$(O)/fuzz_%) $(FUZZ_TARGETS:%=$(O)/planted_%)

fuzz: $(O)/fuzz-seeds ## run every fuzz target for FUZZ_SECONDS (60), then look for the planted bugs
	@$(MAKE) --no-print-directory -s -j2 B=fuzz CC="$(FUZZ_CC)" fuzz-binaries
	@tests/fuzz/run find $(FUZZ_SECONDS) $(F) $(O)/fuzz-seeds $(FUZZ_TARGETS)
	@tests/fuzz/run planted 150 $(F) $(O)/fuzz-seeds $(FUZZ_TARGETS)

fuzz-planted: $(O)/fuzz-seeds ## every fuzz target must find its planted bug within 150 s
	@$(MAKE) --no-print-directory -s -j2 B=fuzz CC="$(FUZZ_CC)" fuzz-binaries
	@tests/fuzz/run planted 150 $(F) $(O)/fuzz-seeds $(FUZZ_TARGETS)

fuzz-replay: $(O)/fuzz-seeds $(FUZZ_TARGETS:%=$(O)/replay_%) ## run the corpora without a fuzzer
	@for t in $(FUZZ_TARGETS); do \
	    s=; [ ! -d $(O)/fuzz-seeds/$$t ] || s=$(O)/fuzz-seeds/$$t; \
	    $(O)/replay_$$t tests/fuzz/corpus/$$t $$s || exit 1; done
.PHONY: fuzz fuzz-planted fuzz-replay fuzz-binaries
check-fuzz: fuzz-replay
.PHONY: check-fuzz
