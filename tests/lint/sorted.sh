#!/bin/sh
# Rows of tables are sorted, so that merges are clean.
set -u
bad=0
check() { # file, how to take the key out of a row
    [ -f "$1" ] || return 0
    keys=$(sed -nE "$2" "$1")
    [ -n "$keys" ] || return 0
    if [ "$keys" != "$(echo "$keys" | LC_ALL=C sort)" ]; then
        echo "$1 is not sorted:"
        echo "$keys" | LC_ALL=C sort -c 2>&1 | sed 's/.*disorder: /  /'
        bad=1
    fi
    [ -z "$(echo "$keys" | uniq -d)" ] || { echo "$1 has a row twice: $(echo "$keys" | uniq -d)"; bad=1; }
}
check tests/unit/suites.def 's/^SUITE\((.*)\)/\1/p'
check drivers/base/fault.def 's/^FAULT\(([A-Z_]+),.*/\1/p'
for f in drivers/db/stmt_*.def; do check "$f" 's/^STMT\(([A-Z0-9_]+),.*/\1/p'; done
check drivers/db/inbox.def 's/^INBOX\(([A-Z_]+),.*/\1/p'
check policies/case_todo.def 's/^DOES\(([A-Z]+, [A-Z]+),.*/\1/p'
check agent/calls.def 's/^CALL\(([A-Z_]+),.*/\1/p'
check policies/authz.def 's/^PERM\(([A-Z_]+),.*/\1/p'
for f in policies/*_fsm.def; do check "$f" 's/^T\((.*)\)/\1/p'; done
check policies/calendar_facts.def 's/^(OFF|WORK)\([0-9]+, ([0-9]+).*/\2/p'
check controller/cli/options.def 's/^OPTION\("([a-z0-9-]+)".*/\1/p'
check controller/params.def 's/^P_[A-Z]+\(([a-z_]+, [a-z_]+),.*/\1/p'
if grep -n '^ROUTE(.*?[a-z_]*=' controller/routes.def; then echo "a query parameter is a row of controller/params.def"; bad=1; fi
keys=$(sed -nE 's/^ROUTE\([A-Z]+, "([^"]*)".*/\1/p' controller/routes.def)
[ "$keys" = "$(echo "$keys" | LC_ALL=C sort)" ] || { echo "controller/routes.def is not sorted by path"; echo "$keys" | LC_ALL=C sort -c; bad=1; }
exit $bad
