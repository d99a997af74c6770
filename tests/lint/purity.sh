#!/bin/sh
# Policies are pure: no header but policies/ and libc's, and no symbol beyond ALLOWED_SYMBOLS.
# $1: folder of debug objects.
set -u
bad=0
hits=$(grep -nE '^#include <' policies/*.[ch] | grep -vE '<(inttypes|limits|stdarg|stdbool|stddef|stdint|stdio|stdlib|string)\.h>')
[ -z "$hits" ] || { echo "policies include more than libc's plain headers: $hits"; bad=1; }
own=$(nm --defined-only "$1"/policies/*.o | awk 'NF==3 {print $3}' | sort -u)
hits=$(nm -u "$1"/policies/*.o | awk 'NF==2 {print $2}' | sort -u |
    grep -vxF -e "$own" | grep -vxF -f policies/ALLOWED_SYMBOLS)
[ -z "$hits" ] || { echo "policies call what is not in policies/ALLOWED_SYMBOLS:" $hits; bad=1; }
# Tables of pointers are in .data.rel.ro: constant once they are loaded.
hits=$(objdump -t "$1"/policies/*.o | awk '$3 == "O" && ($4 ~ /^\.(data|bss)/ || $4 == "*COM*") && $4 !~ /^\.data\.rel\.ro/ {print $NF}')
[ -z "$hits" ] || { echo "policies keep something in memory of their own:" $hits; bad=1; }
exit $bad
