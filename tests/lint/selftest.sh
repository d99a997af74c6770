#!/bin/bash
# Each rule finds what it is there to find: plants one violation at a time in a tree of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
bad=0
plant() { # rule, file, text
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{policies,drivers/base,drivers/db,agent,controller/cli,tests/unit,tests/lint,mk}
    cp "$here/../../.clang-format" "$tree/.clang-format"
    mkdir -p "$tree/$(dirname "$2")"
    printf '%s\n' "$3" >"$tree/$2"
    if (cd "$tree" && sh "$here/$1.sh" . >/dev/null 2>&1); then
        echo "lint: $1 does not find: $3"
        bad=1
    fi
}
clean() { # rule, file, text
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{policies,drivers/base,drivers/db,agent,controller/cli,tests/unit,tests/lint,mk}
    mkdir -p "$tree/$(dirname "$2")"
    printf '%s\n' "$3" >"$tree/$2"
    (cd "$tree" && sh "$here/$1.sh" . >/dev/null 2>&1) || { echo "lint: $1 dislikes: $3"; bad=1; }
}
plant format agent/a.c 'int   f( void );'
plant banned agent/a.c '    strcpy(a, b);'
plant banned agent/a.c '    printf("x");'
plant banned drivers/base/a.c '    n = system(cmd);'
clean banned agent/a.c '    jm_system(x); /* not system(3) */'
clean banned controller/cli/a.c '    printf("x");'
plant arrows policies/a.c '#include "drivers/base/log.h"'
plant arrows drivers/base/a.c '#include "agent/loop.h"'
plant arrows agent/a.c '#include "controller/api.h"'
plant arrows controller/a.c '#include "agent/loop.h"'
plant arrows controller/cli/a.c '#include "controller/api.h"'
clean arrows agent/a.c '#include "policies/model.h"'
plant sizes agent/a.c "$(seq 801)"
plant sizes agent/a.h "$(seq 301)"
plant sizes agent/a.c "$(printf 'f(void)\n{\n'; seq 60; printf '}\n')"
plant sizes tests/lint/sizes.allow 'agent/gone.c 900'
plant faults drivers/base/fault.def 'FAULT(NOWHERE, "x")'
plant sorted tests/unit/suites.def "$(printf 'SUITE(b)\nSUITE(a)')"
plant sorted tests/unit/suites.def "$(printf 'SUITE(a)\nSUITE(a)')"
plant words agent/a.c "/* TO""DO */"
plant words agent/a.c "/* /ho""me/someone */"
plant say agent/a.c 'f(say(l, "no such text"));'
plant say controller/cli/a.c 'return err_set(e, BY_E_INVALID, "no such %s", x);'
plant say controller/cli/a.c 'return err_set(e, BY_E_INVALID, "%s%s", x, b ? "" : " of it", c ? "no text" : "");'
plant say policies/a.c 'return rest(SEEN, "waits for " "a thing");'
clean say controller/cli/a.c 'log_info("a.b", "no such %s text", x); return err_set(e, BY_E_INVALID, "%s: %s", x, y);'
plant shell tests/lint/a.sh "$(printf '#!/bin/sh\nif')"
map() { sed -E "$1" "$here/../../docs/requirement-map.md"; } # its test files are not in the tree
plant requirement_map docs/requirement-map.md "$(map '/^\| R57 /d; s/`tests[^`]*`//g; s/ (part|done) / planned /')"
plant requirement_map docs/requirement-map.md "$(map 's/^\| R57 /| R56 /; s/`tests[^`]*`//g; s/ (part|done) / planned /')"
plant requirement_map docs/requirement-map.md "$(map 's/`tests[^`]*`//g; s/ (part|done) / planned /; s/ planned / nearly /')"
plant requirement_map docs/requirement-map.md "$(map 's/`tests[^`]*`//g')"
plant requirement_map docs/requirement-map.md "$(map 's/ (part|done) / planned /')"
clean requirement_map docs/requirement-map.md "$(map 's/`tests[^`]*`//g; s/ (part|done) / planned /')"
exit $bad
