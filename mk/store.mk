# The policy document that a new store starts with becomes a C array.
$(O)/controller/policy_default.h: policies/rules/default.json mk/store.mk
	@mkdir -p $(@D)
	@od -An -v -tx1 $< | sed 's/ \(..\)/(char)0x\1,/g' >$@.new && mv $@.new $@

$(O)/controller/policy.o: $(O)/controller/policy_default.h

# tests/unit/test_daemon.c starts the program that lies beside it.
$(O)/unit: | $(O)/bianyun-controller
