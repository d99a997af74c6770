$(O)/gendoc: $(O)/tools/gendoc.o $(call obj,agent/metrics.c controller/metrics.c controller/openapi.c controller/openapi_schema.c controller/params.c) $(O)/lib.a
	@$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

docs: $(O)/gendoc ## write docs/api.md, docs/metrics.md and docs/openapi.json out of the rows
	@mkdir -p docs && $< > $(O)/api.md && cp $(O)/api.md docs/api.md
	@$< metrics > $(O)/metrics.md && cp $(O)/metrics.md docs/metrics.md
	@$< openapi > $(O)/openapi.json && cp $(O)/openapi.json docs/openapi.json

docs-check: $(O)/gendoc ## what is generated in docs/ is what the rows say
	@$< > $(O)/api.md && $< openapi > $(O)/openapi.json && $< metrics > $(O)/metrics.md
	@for f in api.md metrics.md openapi.json; do cmp -s $(O)/$$f docs/$$f || { diff -u docs/$$f $(O)/$$f | head -40; \
	    echo "docs/$$f is out of date: run 'make docs' and commit it"; exit 1; }; done
.PHONY: docs docs-check
check-docs: docs-check
	@sh tests/lint/requirement_map.sh
	@sh tests/lint/metrics_named.sh
	@tests/openapi/validate docs/openapi.json
check-metrics: $(O)/gendoc ## promtool reads what both daemons print, the alert rules and their tests
	@tests/promtool/check $<
.PHONY: check-docs check-metrics
