# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# A small cloud for a benchmark, on a private libvirt, removed at the end.  Source it with the build
# folder as $1; then cloud_up makes it: IMAGE, PEOPLE_URL, the system `bench`, everyone signed in.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEMO_DIR=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-bench.XXXXXX")
chmod 711 "$DEMO_DIR"
export DEMO_DIR DEMO_PRIVATE=${DEMO_PRIVATE:-1} CPU_OVERCOMMIT=10000 MEM_OVERCOMMIT=400
# Machines are switched off at once: the figures are about making them.
export STOP_GRACE_MS=100 UNREGISTERED=yes
B=$(basename "${1:-build/release}")
export B
# shellcheck source=demo/lib.sh
. "$TOP/demo/lib.sh"
finish() {
    # A folder is never removed under a host that still runs: `down` could not find it any more.
    if "$TOP/demo/demo-stop" >/dev/null 2>&1; then rm -rf "$DEMO_DIR"; else echo "left standing: $DEMO_DIR" >&2; fi
}
trap finish EXIT
cloud_up() {
    make -C "$TOP" --no-print-directory -s -j2 B="$B" all bench-programs
    libvirt_find
    printf 'MODE=%q URI=%q ADDRESS=%q\n' "$MODE" "$URI" "$ADDRESS" >"$DEMO_DIR/mode"
    mkdir -p "$DEMO_DIR/images"
    IMAGE=$("$TOP/tests/testbed/guest-image" "$DEMO_DIR/images")
    controller_up
    people_up
    run by bureau policies set "$TOP/policies/rules/demo.json"
    grant_key_up
    papers_up
    host_up
    run by tenant systems add bench --unit 市卫生健康委员会 --purpose bench --mlps 2
}
