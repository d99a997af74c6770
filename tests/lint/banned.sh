#!/bin/sh
# Calls that lose bounds or run a shell are nowhere; printing to stdout is for
# programs' main(), the CLI and tests, and so is what changes the locale or the environment, which
# other threads read without a lock.
set -u
bad=0
strip() { # comments and strings are not code
    sed -E 's/"([^"\\]|\\.)*"/""/g; s@//.*@@; s@/\*.*\*/@@g; s@^ \*.*@@; s@^/\*.*@@' "$1"
}
for f in $(find policies drivers agent controller tests -name '*.[ch]'); do
    hits=$(strip "$f" | grep -nE '(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|system|popen|alloca|tmpnam|mktemp)[[:space:]]*\(')
    case $f in
    tests/* | controller/cli/* | */main.c) ;;
    *) hits="$hits$(strip "$f" | grep -nE '(^|[^A-Za-z0-9_.>])(printf|puts|putchar|vprintf|iso_init|setenv|setlocale)[[:space:]]*\(')" ;;
    esac
    if [ -n "$hits" ]; then
        echo "$f: banned call: $hits"
        bad=1
    fi
done
exit $bad
