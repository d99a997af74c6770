# The command line's own code is unit-tested too; and the program against a real controller.
$(O)/unit: $(call obj,$(filter-out controller/cli/main.c,$(CLI)))

check-cli: all ## the command line against a controller of its own
	@tests/e2e/run_cli $(O)
.PHONY: check-cli
