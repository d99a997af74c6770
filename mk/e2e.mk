check-e2e: all ## the whole story, and a unit that reshapes its grant, on a private libvirt with QEMU (root)
	@tests/e2e/run_story
	@tests/e2e/run_self qemu
	@tests/e2e/run_adopt
.PHONY: check-e2e
check-adopt-life: all ## machines that were there: measured, migrating, changed meanwhile, and their life afterwards, on QEMU (root)
	@tests/e2e/run_adopt_life
.PHONY: check-adopt-life
check-debian: all ## a real Debian from apt: uploaded, granted, booted, asked through its guest agent (root)
	@mk/install-packages guest debian
	@tests/e2e/run_debian
.PHONY: check-debian
