#!/bin/bash
# bench_agent.sh [BUILD-FOLDER]: resident memory of the agent with 100 domains defined, 10 of them
# running, against a bare libvirt client that looks at the same domains.
set -euo pipefail
# shellcheck source=tests/bench/cloud.sh
. "$(dirname "$0")/cloud.sh" "${1:-build/release}"
cloud_up >&2
# An empty disk: the firmware finds nothing to boot and waits, so a hundred machines cost little CPU.
qemu-img create -q -f qcow2 "$DEMO_DIR/empty.qcow2" 16M
IMAGE=$(sha256sum "$DEMO_DIR/empty.qcow2" | cut -d' ' -f1)
mv "$DEMO_DIR/empty.qcow2" "$DEMO_DIR/images/$IMAGE.qcow2"
vms() { # NAME COUNT: granted and running
    echo "{\"number\":\"bench $1\",\"system\":\"bench\",\"lines\":[{\"line\":1,\"kind\":\"vm\",\"name\":\"$1\",\"count\":$2,\"vcpus\":1,\"mem_mib\":64,\"disk_gib\":1,\"image\":\"$IMAGE\",\"firmware\":\"bios\"}]}" >"$DEMO_DIR/papers/$1.json"
    grant_sign "$DEMO_DIR/papers/$1.json" "$DEMO_DIR/papers/$1.paper"
    by bureau grants submit "$DEMO_DIR/papers/$1.paper" --watch
}
for group in a b c d e f g h i; do
    vms "off-$group" 10
    for n in 1 2 3 4 5 6 7 8 9; do by tenant vms stop "off-$group-$n" --json >/dev/null; done
    by tenant vms stop "off-$group-10" --watch
done >&2
vms on 10 >&2
settled() { [ "$(virsh -q -c "$URI" list --name | grep -c .)" = 10 ] && [ "$(virsh -q -c "$URI" list --all --name | grep -c .)" = 100 ]; }
wait_for 1200 settled || die "100 domains, 10 running were not reached: $(virsh -q -c "$URI" list --all | wc -l)"
sleep_a_round() { [ "$(by bureau orders list --open --json | items | grep -c '"id"')" = 0 ]; }
wait_for 300 sleep_a_round || true
read -r pid _ <"$DEMO_DIR/agent.pid"
agent=$(awk '/^VmRSS:/ {print $2}' "/proc/$pid/status")
read -r domains bare < <(on_host "$BIN/bench-agent" "$AGENT_URI")
[ "$domains" = 100 ] || die "the bare client saw $domains domains"
awk -v a="$agent" -v b="$bare" 'BEGIN {printf "{\"name\":\"agent.rss_ratio\",\"value\":%.3f,\"unit\":\"ratio\",\"floor\":%.1f,\"ratio\":%.3f,\"agent_mib\":%.1f,\"bare_mib\":%.1f}\n", a / b, b / 1024, a / b, a / 1024, b / 1024}'
