check-e2e: all ## the whole story on a private libvirt with QEMU (root)
	@tests/e2e/run_story
.PHONY: check-e2e
