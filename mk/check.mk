# What `make check` runs, in order; each prints its own closing line.  15 minutes at most.
check: ## install what is missing and run the tests
	@mk/install-packages build run guest check
	@$(MAKE) --no-print-directory -s -j2 B=debug all $(O)/unit $(O)/contract $(O)/fake-world $(O)/erase-proof $(O)/hostsim $(O)/bench-dispatch
	@tests/check

check-full: ## everything, whatever it takes
	@mk/install-packages build run guest check lint
	@FULL=1 $(MAKE) --no-print-directory check
.PHONY: check check-full
