#!/bin/sh
# Every metric that alert rules and operations.md name is a row.
set -u
bad=0
n=0
for f in docs/prometheus/rules.yml docs/operations.md; do
    [ -s "$f" ] || { echo "$f is not there"; exit 1; }
    for m in $(grep -oE '\bbianyun_[a-z_]+|\bprocess_[a-z_]+' "$f" | sort -u); do
        n=$((n + 1))
        grep -qE "^\| \`$(echo "$m" | sed 's/_bucket$\|_count$\|_sum$//')\` " docs/metrics.md && continue
        grep -qE "^\| \`$m\` " docs/metrics.md && continue
        echo "$f: $m is no metric"
        bad=1
    done
done
[ $n -gt 20 ] || { echo "only $n metrics are named"; exit 1; }
exit $bad
