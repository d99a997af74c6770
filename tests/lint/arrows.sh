#!/bin/sh
# Who may include whom: policies <- drivers <- agent, controller; agent and controller never meet;
# the CLI speaks only the public API.
set -u
bad=0
check() { # folder, files that it may include (regular expression), files left out
    [ -d "$1" ] || return 0
    hits=$(find "$1" -name '*.[ch]' -not -path "$3" -exec grep -nH '^#include "' {} + | grep -vE "\"($2)" || true)
    if [ -n "$hits" ]; then
        echo "$1 includes what it may not ($2):"
        echo "$hits"
        bad=1
    fi
}
check policies 'policies/' -
check drivers 'drivers/|policies/' -
check agent 'agent/|drivers/|policies/' -
check controller 'controller/|drivers/|policies/' 'controller/cli/*'
check controller/cli 'controller/cli/|controller/routes\.def|drivers/|policies/' -
hits=$(find controller -name '*.[ch]' -not -path 'controller/cli/*' -exec grep -nH '"controller/cli/' {} + || true)
[ -z "$hits" ] || { echo "the controller includes the CLI: $hits"; bad=1; }
exit $bad
