asan-unit: ## unit tests and contracts under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -s B=asan build/asan/unit
	@ASAN_OPTIONS=detect_leaks=1 build/asan/unit
.PHONY: asan-unit
