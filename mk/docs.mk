$(O)/gendoc: $(O)/tools/gendoc.o $(O)/lib.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

docs: $(O)/gendoc ## write docs/api.md out of the rows
	@mkdir -p docs && $< > $(O)/api.md && cp $(O)/api.md docs/api.md

docs-check: $(O)/gendoc ## docs/api.md is what the rows say
	@$< > $(O)/api.md
	@cmp -s $(O)/api.md docs/api.md || { diff -u docs/api.md $(O)/api.md | head -40; \
	    echo "docs/api.md is out of date: run 'make docs' and commit it"; exit 1; }
.PHONY: docs docs-check
check-docs: docs-check
	@sh tests/lint/requirement_map.sh
.PHONY: check-docs
