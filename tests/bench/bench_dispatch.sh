#!/bin/bash
# bench_dispatch.sh [BUILD-FOLDER]: machines made by their units' own acts through the API, signed, placed,
# fetched and verified by simulated hosts (tests/sim); beside it a bare program that writes the same rows
# in the same groups; see bench_dispatch.c.  All share this machine's processors: CPU is told apart.
# BENCH_HOSTS (1000), BENCH_CREATES as fast as it goes (10000), BENCH_VMS in all at the end (20000),
# BENCH_CLIENTS (32), BENCH_PACED acts one by one at BENCH_RATE a second (600 at 20).
# BENCH_PROFILE=FILE: perf of the controller during the creates (perf record's data).
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
B=$(basename "${1:-build/release}")
export B
# shellcheck source=tests/e2e/fake_lib.sh
. "$TOP/tests/e2e/fake_lib.sh"
# shellcheck source=tests/e2e/sim_lib.sh
. "$TOP/tests/e2e/sim_lib.sh"
trap sim_down EXIT
make -C "$TOP" --no-print-directory -s -j2 B="$B" all hostsim bench-programs >&2
hosts=${BENCH_HOSTS:-1000} creates=${BENCH_CREATES:-10000} vms=${BENCH_VMS:-20000}
clients=${BENCH_CLIENTS:-32} paced=${BENCH_PACED:-600} rate=${BENCH_RATE:-20}
bench=$BIN/bench-dispatch store=$DEMO_DIR/controller/store.db
say() { echo "dispatch: $*" >&2; }
line() { printf '{"name": "dispatch.%s", "value": %s, "unit": "%s"%s}\n' "$1" "$2" "$3" "${4:+, $4}"; }
calc() { awk "BEGIN {printf \"%.3f\", $1}"; }
ticks() { # NAME: seconds of CPU
    local pid _
    read -r pid _ <"$DEMO_DIR/$1.pid"
    awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print ($12 + $13) / hz}' "/proc/$pid/stat"
}
rss_mb() { # NAME
    local pid _
    read -r pid _ <"$DEMO_DIR/$1.pid"
    awk '/^VmRSS/ {print $2 / 1024}' "/proc/$pid/status"
}
sim_cloud >&2
sed -i 's/^\[people\]/[server]\nlog = warn\n[people]/' "$DEMO_DIR/controller/controller.conf"
# Units with their own accounts; each has grants of 1,000 machines.
: >"$DEMO_DIR/who"
systems=$(((vms + creates + 2 * paced) / 900 + 1))
[ $systems -ge 16 ] || systems=16
for i in $(seq "$systems"); do
    unit=压测单位$(((i - 1) % 16 + 1)) who=load$(((i - 1) % 16 + 1))
    if [ "$i" -le 16 ]; then
        run by admin units add "$unit"
        person "$who" "压测$i" "$unit" tenant bureau
    fi
    run by "$who" systems add "sys$i" --unit "$unit" --purpose load --mlps 2
    sim_grant "sys$i" 1000
    echo "$(session "$who") $(by bureau grants list --json | items | grep "\"测试 sys$i\"" | field id)" >>"$DEMO_DIR/who"
done
say "$systems systems of 16 units are granted"
sim_start "$hosts" --over 15000 # as their samples are apart in life
opened() { [ -n "$(sim_line open)" ]; }
wait_for 6000 opened || die "the hosts did not open: $(tail -2 "$DEMO_DIR/sim.log")"
wait_for 6000 sim_polls "$hosts" || die "not all hosts poll: $(sim_report)"
say "$hosts hosts poll"
export BENCH_URL=$PEOPLE_URL BENCH_CA=$DEMO_DIR/controller/ca.pem
quiet() { [ "$(by admin status --json | field orders_open)" = 0 ]; }
settle() { wait_for 6000 quiet || die "orders stay open: $(by admin orders list --open | head -3)"; }

# ---- one by one, at a pace: what an act takes when nothing waits -----------------------------------
"$bench" load "$DEMO_DIR/who" "$clients" "$paced" "$rate" "$DEMO_DIR/acks.paced" >"$DEMO_DIR/paced"
settle
sim_report >/dev/null # flushes what was seen
"$bench" join "$DEMO_DIR/acks.paced" "$DEMO_DIR/sim.seen" >"$DEMO_DIR/joined"
say "paced: $(cat "$DEMO_DIR/paced" "$DEMO_DIR/joined")"

# ---- as fast as it goes ----------------------------------------------------------------------------
"$bench" copy "$store" "$DEMO_DIR/before.db"
cp "$DEMO_DIR/before.db" "$DEMO_DIR/again.db"
cpu=$(ticks controller) sim_cpu=$(ticks sim)
if [ -n "${BENCH_PROFILE:-}" ]; then
    read -r pid _ <"$DEMO_DIR/controller.pid"
    perf record -q --call-graph dwarf,16384 -F 199 -o "$BENCH_PROFILE" -p "$pid" >&2 &
    profiler=$!
fi
"$bench" load "$DEMO_DIR/who" "$clients" "$creates" 0 "$DEMO_DIR/acks" >"$DEMO_DIR/load"
cpu_load=$(calc "$(ticks controller) - $cpu")
[ -z "${profiler:-}" ] || { kill -INT "$profiler" && wait "$profiler" || true; }
from=$(now_ms)
settle
say "quiet after $(($(now_ms) - from)) ms more"
cpu=$(calc "$(ticks controller) - $cpu") sim_cpu=$(calc "$(ticks sim) - $sim_cpu")
sim_report >"$DEMO_DIR/report"
"$bench" join "$DEMO_DIR/acks" "$DEMO_DIR/sim.seen" >"$DEMO_DIR/burst"
say "burst: $(cat "$DEMO_DIR/load" "$DEMO_DIR/burst")"
"$bench" floor "$store" "$DEMO_DIR/before.db" >"$DEMO_DIR/floor"
say "floor: $(cat "$DEMO_DIR/floor")"
acknowledged=$(field acknowledged <"$DEMO_DIR/load")
[ "$(field seen <"$DEMO_DIR/burst")" = "$acknowledged" ] || die "acknowledged and not seen: $(cat "$DEMO_DIR/burst")"
[ "$(field twice <"$DEMO_DIR/burst")" = 0 ] || die "at two hosts: $(cat "$DEMO_DIR/burst")"
value() { grep -o "\"$2\":[0-9.]*" "$DEMO_DIR/$1" | cut -d: -f2; }
# From the first act being asked to the last being durable at its host.
per_s=$(value burst seen_per_s) floor=$(value floor per_s)
reach=$(calc "$floor / 4 < 1000 ? $floor / 4 : 1000")
line creates_per_s "$per_s" 1/s "\"acknowledged_per_s\": $(value load per_s), \"reach\": $reach, \"hosts\": $hosts, \"creates\": $acknowledged, \"clients\": $clients, \"group\": $(calc "$acknowledged / $(value floor groups)"), \"ack_p50_ms\": $(value load ack_p50_ms), \"ack_p99_ms\": $(value load ack_p99_ms)"
line floor_ratio "$(calc "$per_s / $floor")" ratio "\"floor_per_s\": $floor"
line p50_ms "$(value joined seen_p50_ms)" ms "\"controller_ms\": $(value joined arrived_p50_ms), \"bare_commit_ms\": $(value floor single_p50_ms), \"at_full_load_ms\": $(value burst seen_p50_ms), \"rate\": $rate"
line p99_ms "$(value joined seen_p99_ms)" ms "\"controller_ms\": $(value joined arrived_p99_ms), \"bare_commit_ms\": $(value floor single_p99_ms), \"at_full_load_ms\": $(value burst seen_p99_ms), \"rate\": $rate"
line cpu_ms_per_create "$(calc "$cpu * 1000 / $acknowledged")" ms "\"while_creating\": $(calc "$cpu_load * 1000 / $acknowledged"), \"simulator_ms\": $(calc "$sim_cpu * 1000 / $acknowledged"), \"clients_ms\": $(calc "$(value load client_cpu_s) * 1000 / $acknowledged")"

# ---- many machines, then all connections end -------------------------------------------------------
more=$((vms - creates - paced))
if [ $more -gt 0 ]; then
    "$bench" load "$DEMO_DIR/who" "$clients" "$more" 0 "$DEMO_DIR/acks.more" >&2
    settle
fi
busy=$(calc "$(rss_mb controller)")
wait_for 1200 sim_connections "$hosts" || die "hosts keep more than one connection: $(sim_metric 'bianyun_connections{listener="agents"}')"
sleep 10 # what was freed is given back every 5 s
line rss_mb "$(calc "$(rss_mb controller)")" MB "\"reach\": 60, \"after_creating\": $busy, \"hosts\": $hosts, \"vms\": $((creates + paced + (more > 0 ? more : 0)))"
cpu=$(ticks controller) from=$(now_ms)
sim_say sever all
back() { [ "$(sim_report | field storm_back)" = "$hosts" ]; }
wait_for 6000 back || die "not all hosts came back: $(sim_report)"
settle
sim_report >"$DEMO_DIR/storm"
line storm_s "$(calc "$(value storm storm_last_ms) / 1000")" s "\"p50_ms\": $(value storm storm_p50_ms), \"p99_ms\": $(value storm storm_p99_ms), \"most_connections_in_100ms\": $(value storm storm_most_in_100ms), \"controller_cpu_s\": $(calc "$(ticks controller) - $cpu"), \"handshakes_at_1_2_ms_s\": $(calc "$hosts * 0.0012")"
