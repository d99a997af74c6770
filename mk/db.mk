# SQL migrations become one C table: drivers/db/migrate/NNNN-what.sqlite.sql, in order of number.
MIGRATIONS := $(sort $(wildcard drivers/db/migrate/*.sqlite.sql))

$(O)/drivers/db/migrate_sql.h: $(MIGRATIONS) drivers/db/migrate mk/db.mk
	@mkdir -p $(@D)
	@for f in $(MIGRATIONS); do \
	    n=$$(basename $$f .sqlite.sql); \
	    printf '{.n = %d, .name = "%s", .sha256 = "%s", .sql = (const char[]){' \
	        "$$(echo $${n%%-*} | sed 's/^0*//')" "$$n" "$$(sha256sum <$$f | cut -c1-64)"; \
	    od -An -v -tx1 $$f | sed 's/ \(..\)/(char)0x\1,/g'; \
	    printf '0}},\n'; \
	done >$@.new && mv $@.new $@
$(O)/drivers/db/migrate.o: $(O)/drivers/db/migrate_sql.h
