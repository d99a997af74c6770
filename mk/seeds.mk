# The whole system in one thread on virtual time (tests/seeds/README.md): the linker puts fibers in
# place of threads and clocks, memory in place of the network; no line of the programs knows.
SEEDS      := $(wildcard tests/seeds/*.c) tests/unit/flow.c tests/unit/ctl.c tests/unit/signers.c \
              tests/unit/tmpdir.c
SEEDS_WRAP := clock_gettime nanosleep usleep RAND_bytes pthread_create pthread_join \
              pthread_detach pthread_setname_np pthread_mutex_lock pthread_cond_wait \
              pthread_cond_timedwait pthread_cond_signal pthread_cond_broadcast fault_at fake_enter log_at \
              db_commit db_savepoint_rollback erasure_certify grant_row_get host_flow_get host_papers_load \
              journal_append order_check placing_decide recall_find reconcile resource_find \
              x509_issue
$(O)/seeds: $(call obj,$(SEEDS) $(CTRL) $(AGENT)) $(O)/lib.a
	$(CC) $(LDFLAGS) $(addprefix -Wl$(comma)--wrap=,$(SEEDS_WRAP)) -o $@ $(filter %.o,$^) $(O)/lib.a $(LDLIBS)
comma := ,
# A function that httpd.h or httpc.h gets is one in tests/seeds/net.c too: who adds it should see so.
# Not under the sanitizers: they do not follow a fiber's stack.
ifeq ($(B),debug)
$(O)/unit: | $(O)/seeds
endif

SEEDS_COUNT ?= 4
check-seeds: $(O)/seeds ## the whole system on virtual time: seeds that found something, some more, and planted bugs that few seeds find
	@sed -n 's/^\([0-9][0-9]*\) \([0-9][0-9]*\) .*/\1 \2/p' tests/seeds/regress | { n=0; while read -r s k; do \
	    $(O)/seeds --seed $$s --steps $$k || exit 1; n=$$((n + 1)); done; [ $$n -gt 0 ]; }
	@$(O)/seeds --seed 1 --count $(SEEDS_COUNT) --jobs 2
	@$(call plants,$$3 <= 3)
seeds-plants: $(O)/seeds ## planted bugs that take many seeds to find
	@$(call plants,$$3 > 3)
plants = awk '/^[a-z]/ && $(1) {print $$1, $$2, $$3, $$4}' tests/seeds/plants | { n=0; while read -r p s k l; do \
    $(O)/seeds --plant $$p --seed $$s --count $$k --find $$l || exit 1; n=$$((n + 1)); done; [ $$n -gt 0 ]; }
seeds-full: $(O)/seeds ## 1,000 seeds
	@$(O)/seeds --seed 1 --count 1000 --jobs $$(nproc)
.PHONY: check-seeds seeds-plants seeds-full
