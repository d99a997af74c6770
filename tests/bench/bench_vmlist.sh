#!/bin/bash
# bench_vmlist.sh [BUILD-FOLDER]: lists of machines on filled stores; see bench_vmlist.c.  BENCH_SIZES
# thousands of machines (20k 250k; 1k 5k 20k 250k are drawn); BENCH_LOOKS looks of each client (60); BENCH_FILLED: filled.sh.
set -euo pipefail
# shellcheck source=tests/bench/filled.sh
. "$(dirname "$0")/filled.sh" "$@"
trap filled_down EXIT
for size in ${BENCH_SIZES:-20k 250k}; do
    filled_up "$([ "$size" = 250k ] && echo 10000 || echo 1000)" "${size%k}000"
    BENCH_BUREAU=$(token bureau) BENCH_TENANT=$(token tenant)
    export BENCH_BUREAU BENCH_TENANT BENCH_URL=$PEOPLE_URL BENCH_CA=$DEMO_DIR/controller/ca.pem BENCH_PID=$CONTROLLER_PID
    BENCH_VM=$(by tenant vms list --json | field id) || true # the pipe ends early
    export BENCH_VM
    filled_quiet
    "$BIN/bench-vmlist" "$size" "${BENCH_LOOKS:-60}" apart "/v1/resources?kind=vm&limit=*" floor "/v1/resources?kind=vm&limit=1"
    filled_down
done
