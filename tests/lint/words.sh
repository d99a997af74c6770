#!/bin/sh
# No path of somebody's machine, and nothing that says it is not finished.
set -u
bad=0
files() {
    find policies drivers agent controller tests docs mk Makefile README* .clang-tidy .ci \
        -type f -not -name '*.png' -not -path 'tests/lint/words.sh' 2>/dev/null
}
hits=$(files | xargs -d '\n' grep -nE '/(work|home|Users)/[a-z]' /dev/null)
[ -z "$hits" ] || { echo "path of a machine: $hits"; bad=1; }
hits=$(files | xargs -d '\n' grep -nwE 'TODO|FIXME|XXX|HACK' /dev/null)
[ -z "$hits" ] || { echo "unfinished: $hits"; bad=1; }
exit $bad
