#!/bin/bash
# bench_provision.sh [BUILD-FOLDER]: a small cloud on a private libvirt (or the machine's, with DEMO_PRIVATE=0), then
# bench_provision.  BENCH_PAIRS pairs (60).
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
DEMO_DIR=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-bench.XXXXXX")
export DEMO_DIR DEMO_PRIVATE=${DEMO_PRIVATE:-1} CPU_OVERCOMMIT=2000 MEM_OVERCOMMIT=400
B=$(basename "${1:-build/release}")
export B
# shellcheck source=demo/lib.sh
. "$TOP/demo/lib.sh"
finish() {
    "$TOP/demo/demo-stop" >/dev/null 2>&1 || true
    rm -rf "$DEMO_DIR"
}
trap finish EXIT
make -C "$TOP" --no-print-directory -s -j2 B="$B" all bench-programs >&2
{
    libvirt_find
    printf 'MODE=%q URI=%q ADDRESS=%q\n' "$MODE" "$URI" "$ADDRESS" >"$DEMO_DIR/mode"
    mkdir -p "$DEMO_DIR/images"
    IMAGE=$("$TOP/tests/testbed/guest-image" "$DEMO_DIR/images")
    controller_up
    people_up
    run by bureau policies set "$TOP/policies/rules/demo.json"
    grant_key_up
    host_up
    run by tenant systems add bench --unit 市卫生健康委员会 --purpose bench --mlps 2
} >&2
token() { sed -n 's/^token=//p' "$XDG_CONFIG_HOME/bianyun/profiles/$1"; }
export BENCH_URI=$AGENT_URI BENCH_POOL=bianyun-demo BENCH_POOL_PATH=$DEMO_DIR/pool BENCH_IMAGE=$IMAGE
export BENCH_IMAGE_DIR=$DEMO_DIR/images BENCH_URL=$PEOPLE_URL BENCH_CA=$DEMO_DIR/controller/ca.pem BENCH_KEY=$DEMO_DIR/papers/bureau.key
BENCH_SYSTEM=$(by tenant systems list --json | field id)
BENCH_UNIT=$(by tenant systems list --json | field unit)
BENCH_APPROVER=$(by admin accounts list --json | items | grep '"login":"bureau"' | field id)
BENCH_BUREAU_TOKEN=$(token bureau)
BENCH_TENANT_TOKEN=$(token tenant)
export BENCH_SYSTEM BENCH_UNIT BENCH_APPROVER BENCH_BUREAU_TOKEN BENCH_TENANT_TOKEN BENCH_SERIAL_DIR=$DEMO_DIR/serial
(on_host "$BIN/bench-provision" "${BENCH_PAIRS:-60}")
