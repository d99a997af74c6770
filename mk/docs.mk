$(O)/gendoc: $(O)/tools/gendoc.o $(call obj,controller/openapi.c controller/openapi_schema.c controller/params.c) $(O)/lib.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

docs: $(O)/gendoc ## write docs/api.md and docs/openapi.json out of the rows
	@mkdir -p docs && $< > $(O)/api.md && cp $(O)/api.md docs/api.md
	@$< openapi > $(O)/openapi.json && cp $(O)/openapi.json docs/openapi.json

docs-check: $(O)/gendoc ## docs/api.md and docs/openapi.json are what the rows say
	@$< > $(O)/api.md && $< openapi > $(O)/openapi.json
	@for f in api.md openapi.json; do cmp -s $(O)/$$f docs/$$f || { diff -u docs/$$f $(O)/$$f | head -40; \
	    echo "docs/$$f is out of date: run 'make docs' and commit it"; exit 1; }; done
.PHONY: docs docs-check
check-docs: docs-check
	@sh tests/lint/requirement_map.sh
	@tests/openapi/validate docs/openapi.json
.PHONY: check-docs
