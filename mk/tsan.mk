# Threaded suites under ThreadSanitizer.  OpenSSL and libevent are not built for it: tests/tsan.supp
# names what must be overlooked in them.
TSAN_SUITES := accounts adopt_agent agent cases change commit db enrol exports flow httpc httpd images issue keyring notices \
    server shared story stream watching workers
tsan-unit: ## the suites that use threads, under ThreadSanitizer
	@$(MAKE) --no-print-directory -s B=tsan build/tsan/unit
	@for s in $(TSAN_SUITES); do \
	    TSAN_OPTIONS="suppressions=tests/tsan.supp halt_on_error=1 second_deadlock_stack=1" \
	    build/tsan/unit $$s || exit 1; done
.PHONY: tsan-unit
