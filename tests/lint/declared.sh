#!/bin/sh
# Every function that a C file shows to others is declared in exactly one header of its folder: the
# one of its base name, or one that a family of files shares (virt_fake.h for virt_fake_world.c).
# Handlers of routes (api_, prepare_) and commands (cmd_) are named by their tables.
# $1: folder of debug objects.
set -u
bad=0
for c in $(find policies drivers agent controller -name '*.c' -not -name main.c | LC_ALL=C sort); do
    o="$1/${c%.c}.o"
    [ -f "$o" ] || { echo "$o is missing: build first"; exit 1; }
    dir=${c%/*}
    for fn in $(nm -g --defined-only "$o" | awk '$2 == "T" {print $3}'); do
        case $fn in api_* | prepare_* | cmd_*) continue ;; esac
        in=$(for h in $(grep -lE "(^|[^A-Za-z0-9_])$fn\(" "$dir"/*.h 2>/dev/null); do
            # Without comments; a declaration, not a use in an inline function.
            gcc -fpreprocessed -E -P -x c "$h" 2>/dev/null | tr '\n' ' ' |
                grep -qE "[A-Za-z0-9_] [*]*$fn\([^;{]*\)[^;{]*;" && echo "$h"
        done)
        n=$(echo "$in" | grep -c .)
        [ "$n" -eq 1 ] || { echo "$c: $fn is declared in $n headers of $dir" $in; bad=1; }
    done
done
exit $bad
