#!/bin/sh
# .c files to 800 lines, headers to 300, functions to 60.  sizes.allow names what is larger, with
# its size: an entry must be lowered when it shrinks and may not grow; a new one needs a review.
set -u
bad=0
found=$(
    find policies drivers agent controller tests -name '*.[ch]' | LC_ALL=C sort | while read -r f; do
        n=$(wc -l <"$f")
        case $f in *.c) max=800 ;; *) max=300 ;; esac
        [ "$n" -le $max ] || echo "$f $n"
        # A definition: its name alone in column 0, { and } in column 0.
        awk -v f="$f" '
            /^[a-z_0-9]+\(/ { name = $0; sub(/\(.*/, "", name) }
            /^\{$/ { from = NR; rows = 0 }
            /^[ \t]+[{"]/ { rows++ } # a row of a table is data
            /^\}$/ { n = NR - from + 1 - rows; if (from && n > 60) print f ":" name, n; from = 0 }' "$f"
    done
)
allow=$(grep -v '^#' tests/lint/sizes.allow 2>/dev/null || true)
echo "$found" | while read -r what n; do
    [ -n "$what" ] || continue
    was=$(echo "$allow" | awk -v w="$what" '$1 == w {print $2}')
    [ -n "$was" ] || { echo "$what has $n lines: divide it"; exit 1; }
    [ "$n" -le "$was" ] || { echo "$what grew from $was to $n lines: divide it"; exit 1; }
    [ "$n" -ge "$was" ] || { echo "$what shrank to $n lines: lower it in tests/lint/sizes.allow"; exit 1; }
done || bad=1
echo "$allow" | while read -r what n; do
    [ -n "$what" ] || continue
    echo "$found" | grep -q "^$what " || { echo "$what is no longer too large: take it out of tests/lint/sizes.allow"; exit 1; }
done || bad=1
exit $bad
