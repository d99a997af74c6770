# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# A controller on a filled store, for benchmarks: source it with the build folder as $1, then
# `filled_up HOSTS VMS` starts one; `filled_down` ends it.  With BENCH_FILLED=FOLDER filled stores stay
# in there and are used again (their sessions live for 12 hours); else each is removed.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
B=$(basename "${1:-build/release}")
export B DEMO_DIR=/nonexistent
# shellcheck source=demo/lib.sh
. "$TOP/demo/lib.sh"
MODE=fake ADDRESS=127.0.0.1 UNREGISTERED=yes
filled_up() { # HOSTS VMS
    DEMO_DIR=${BENCH_FILLED:+$BENCH_FILLED/$1-$2}
    DEMO_DIR=${DEMO_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/bianyun-filled.XXXXXX")}
    export DEMO_DIR XDG_CONFIG_HOME=$DEMO_DIR/config
    if [ ! -e "$DEMO_DIR/filled" ]; then
        rm -rf "$DEMO_DIR" && mkdir -p "$DEMO_DIR"
        controller_up && people_up
        sed 's/"demo-1"/"bench-1"/; s/"sample_ms": [0-9]*/"sample_ms": 15000/; s/"slot_ms": [0-9]*/"slot_ms": 300000/
            s/"evaluate_ms": [0-9]*/"evaluate_ms": 3600000/; s/"window_ms": [0-9]*/"window_ms": 604800000/
            s/"min_age_ms": [0-9]*/"min_age_ms": 1000/; s/"min_coverage_percent": [0-9]*/"min_coverage_percent": 10/' \
            "$TOP/policies/rules/demo.json" >"$DEMO_DIR/policy.json"
        run by bureau policies set "$DEMO_DIR/policy.json"
        grant_key_up
        APPROVER=$(by bureau whoami --json | field id)
        UNIT=$(by tenant whoami --json | field unit)
        end_process controller
        "$BIN/bench-fill" "$DEMO_DIR/controller" "$DEMO_DIR/papers/bureau.key" "$APPROVER" "$UNIT" "$1" "$2" "${BENCH_DAYS:-2}" >"$DEMO_DIR/hosts.key"
        chmod 600 "$DEMO_DIR/hosts.key"
        touch "$DEMO_DIR/filled"
    fi
    controller_start
    sed -i "s|^url=.*|url=$PEOPLE_URL|" "$XDG_CONFIG_HOME"/bianyun/profiles/* # another port each time
    CONTROLLER_PID=$(cut -d' ' -f1 "$DEMO_DIR/controller.pid")
}
# The round of jobs that follows a start is over: nothing was burnt for two seconds.  Bounded.
filled_quiet() {
    local was=-1 is i
    for i in $(seq 300); do
        is=$(awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$CONTROLLER_PID/stat")
        [ $((is - was)) -gt 4 ] || return 0
        was=$is
        sleep 2
    done
    echo "the controller still works after $i rounds" >&2
}
filled_down() {
    [ -d "$DEMO_DIR" ] || return 0
    end_process controller
    [ -n "${BENCH_FILLED:-}" ] || rm -rf "$DEMO_DIR"
}
token() { sed -n 's/^token=//p' "$XDG_CONFIG_HOME/bianyun/profiles/$1"; }
