cases-update: $(O)/unit ## write the expectations of tests/cases anew; review the diff
	CASES_UPDATE=1 $< >/dev/null; git diff --stat -- tests/cases

.PHONY: cases-update
