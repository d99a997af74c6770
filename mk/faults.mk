check-faults-qemu: all ## what may break on a host breaks, on a private libvirt with QEMU (root)
	@tests/e2e/run_faults_qemu $(SEED)
.PHONY: check-faults-qemu
