#!/bin/bash
# bench_provision.sh [BUILD-FOLDER]: a grant of one VM against the same calls made directly; see
# bench_provision.c.  BENCH_PAIRS pairs (60).
set -euo pipefail
# shellcheck source=tests/bench/cloud.sh
. "$(dirname "$0")/cloud.sh" "${1:-build/release}"
cloud_up >&2
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
