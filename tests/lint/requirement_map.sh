#!/bin/sh
# docs/requirement-map.md has each of R1..R104 once, with a known status; what is done or part done
# names its tests, and every test file and every test name that a row quotes is there.
set -u
map=${MAP:-docs/requirement-map.md}
[ -f "$map" ] || { echo "$map is missing"; exit 1; }
bad=0
say() {
    echo "$map: $1"
    bad=1
}
rows=$(sed -nE 's/^\| (R[0-9]+) \|.*/\1/p' "$map" | sort)
for n in $(seq 104); do
    case $(echo "$rows" | grep -cx "R$n") in
    1) ;;
    0) say "R$n is missing" ;;
    *) say "R$n is there more than once" ;;
    esac
done
extra=$(echo "$rows" | grep -vxE "R([1-9]|[1-9][0-9]|10[0-4])")
[ -z "$extra" ] || say "no such requirement: $extra"
while IFS='|' read -r _ row _ _ status proof _; do
    row=$(echo "$row" | tr -d ' ')
    # shellcheck disable=SC2016 # backquotes of the table
    files=$(echo "$proof" | grep -oE '`tests/[^`]+`' | tr -d '`')
    case $status in
    " done " | " part ") [ -n "$files" ] || say "$row names no test" ;;
    " planned " | " people only ") ;;
    *) say "$row has the status '$status'" ;;
    esac
    here=
    for f in $files; do
        if [ -f "$f" ]; then here="$here $f"; else say "$row names $f, which is not there"; fi
    done
    [ -n "$here" ] || continue
    echo "$proof" | grep -oE '"[^"]+"' | tr -d '"' >"${TMPDIR:-/tmp}/requirement_map.$$"
    while IFS= read -r name; do
        # shellcheck disable=SC2086 # paths without spaces
        grep -qF -- "$name" $here || say "$row quotes a test that $here has not: $name"
    done <"${TMPDIR:-/tmp}/requirement_map.$$"
    rm -f "${TMPDIR:-/tmp}/requirement_map.$$"
done <<END
$(grep -E '^\| R[0-9]+ \|' "$map")
END
exit $bad
