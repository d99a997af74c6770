#!/bin/bash
# bench_inbox.sh [BUILD-FOLDER]: 16 people look into an inbox of 100,000 open cases; see bench_inbox.c.
# BENCH_LOOKS looks each (60), BENCH_CASES cases (100000).
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
B=$(basename "${1:-build/release}")
export B
# shellcheck source=tests/e2e/fake_lib.sh
. "$TOP/tests/e2e/fake_lib.sh"
trap fake_down EXIT
fake_up >&2
token() { sed -n 's/^token=//p' "$XDG_CONFIG_HOME/bianyun/profiles/$1"; }
BENCH_UNIT=$(by tenant systems list --json | field unit)
BENCH_TOKEN=$(token bureau)
export BENCH_UNIT BENCH_TOKEN BENCH_STORE=$DEMO_DIR/controller/store.db
export BENCH_URL=$PEOPLE_URL BENCH_CA=$DEMO_DIR/controller/ca.pem
"$BIN/bench-inbox" "${BENCH_LOOKS:-60}" "${BENCH_CASES:-100000}"
