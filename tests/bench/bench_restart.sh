#!/bin/bash
# bench_restart.sh [BUILD-FOLDER]: a controller on filled stores is killed and started again; see
# bench_restart.c.  BENCH_SIZES thousands of machines (20k 250k); BENCH_FILLED: filled.sh.
set -euo pipefail
# shellcheck source=tests/bench/filled.sh
. "$(dirname "$0")/filled.sh" "$@"
trap filled_down EXIT
for size in ${BENCH_SIZES:-20k 250k}; do
    filled_up "$([ "$size" = 250k ] && echo 10000 || echo 1000)" "${size%k}000"
    BENCH_BUREAU=$(token bureau)
    export BENCH_BUREAU
    end_process controller
    "$BIN/bench-restart" "$size" 5 "$BIN/bianyun-controller" "$DEMO_DIR/controller" "$DEMO_DIR/hosts.key" 1000
    rm -f "$DEMO_DIR"/controller/bench-*.pem
    filled_down
done
