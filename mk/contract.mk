# One suite over every back end behind drivers/virt/virt.h.
CONTRACT := $(wildcard tests/contract/*.c)

$(O)/contract: $(call obj,$(CONTRACT)) $(O)/lib.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

contract: $(O)/contract ## run the hypervisor contract over the fake and libvirt's test driver
	@tests/contract/run $< xml fake test

contract-qemu: $(O)/contract ## run it over QEMU in a private libvirt host (root)
	@tests/contract/run $< qemu

# A part of `make check`: all of it, over QEMU too.
check-contract: $(O)/contract
	@tests/testbed/private-host-test
	@tests/contract/run $< xml fake test qemu

asan-contract: ## run it under AddressSanitizer, without QEMU
	@$(MAKE) --no-print-directory -s B=asan build/asan/contract
	@tests/contract/run build/asan/contract fake test
asan-unit: asan-contract

.PHONY: asan-contract contract contract-qemu check-contract
