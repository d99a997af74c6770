$(O)/erase-proof: $(call obj,tests/e2e/erase_proof.c) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

erase-proof: $(O)/erase-proof ## prove on a loop file system that erased data are gone (root, B=debug)
	tests/e2e/erase_proof.sh $<
.PHONY: erase-proof

check-erase-proof: $(O)/erase-proof
	@if [ "$$(id -u)" = 0 ]; then tests/e2e/erase_proof.sh $<; \
	else echo "erase-proof: skipped: it needs root, to mount a file system on a loop device"; fi
.PHONY: check-erase-proof
