# Under AddressSanitizer and UndefinedBehaviorSanitizer, leaks included: the unit tests, the contract
# without QEMU, and the three programs through the command line's own test.
asan: asan-unit ## unit tests, contract and programs under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -s B=asan all
	@ASAN_OPTIONS=detect_leaks=1 tests/e2e/run_cli build/asan

asan-unit: ## the unit tests and the contract alone
	@$(MAKE) --no-print-directory -s B=asan build/asan/unit
	@ASAN_OPTIONS=detect_leaks=1 build/asan/unit

coverage: ## how many lines and branches of each folder the unit tests reach
	@$(MAKE) --no-print-directory -s B=coverage build/coverage/unit
	@tests/coverage build/coverage
.PHONY: asan asan-unit coverage
