#!/bin/sh
# Every metric that alert rules and operations.md name is a row.
set -u
bad=0
for f in docs/prometheus/rules.yml docs/operations.md; do
    for m in $(grep -oE '\bbianyun_[a-z_]+|\bprocess_[a-z_]+' "$f" | sort -u); do
        grep -qE "^\| \`$(echo "$m" | sed 's/_bucket$\|_count$\|_sum$//')\` " docs/metrics.md && continue
        grep -qE "^\| \`$m\` " docs/metrics.md && continue
        echo "$f: $m is no metric"
        bad=1
    done
done
exit $bad
