#!/bin/bash
# tests/check goes on after a stage that hangs, names it and what it was doing, and leaves nothing of
# it; so does .ci/run.  Both are run on a makefile of three stages: one is fine, one hangs and cleans
# up, one hangs and takes no notice.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tests" "$tree/.ci"
cp "$top/tests/check" "$top/tests/within" "$tree/tests/"
cp "$top/.ci/run" "$tree/.ci/"
cat >"$tree/Makefile" <<'MAKE'
fine:
	@true
polite:
	@bash -c 'trap "rm -f $$TMPDIR/mine; exit 0" TERM; touch $$TMPDIR/mine; sleep 1000 & wait'
stray:
	@setsid sleep 1001 & wait
check:
	@sleep 1002
check-contract:
	@false
.DEFAULT:
	@true
MAKE
bad=0
expect() { # TEXT
    printf '%s\n' "$out" | grep -qF -- "$1" || { echo "check: does not say: $1" && bad=1; }
}
start=$(date +%s)
out=$(STAGES="fine polite stray fine" STAGE_SECONDS=1 "$tree/tests/check" 2>&1) && echo "check: passes although stages hang" && bad=1
expect "== polite: FAILED, it hung,"
expect "sleep 1000"
expect "== stray: FAILED, it hung,"
expect "left behind: process"
expect "failed: polite stray"
expect "2 passed, 2 failed"
! printf "%s\n" "$out" | grep -q "left behind: .*mine" || { echo "check: a stage could not clean up" && bad=1; }
if [ "$(id -u)" = 0 ]; then
    out=$(LANES=2 "$tree/tests/check" 2>&1) && echo "check: passes although a stage of the side lane fails" && bad=1
    expect "== check-contract: FAILED"
    expect "failed: check-contract"
    expect " passed, 1 failed"
    one=$(LANES=1 "$tree/tests/check" 2>&1)
    [ "$(printf '%s\n' "$out" | tail -2)" = "$(printf '%s\n' "$one" | tail -2)" ] || { echo "check: one lane says: $one" && bad=1; }
fi
out=$(STAGES="check" STAGE_SECONDS=1 "$tree/.ci/run" 2>&1) && echo "ci: passes although a stage hangs" && bad=1
expect "FAILED, it hung"
expect "failed: check"
expect "---- check:"
[ $(($(date +%s) - start)) -lt 300 ] || { echo "check: it took $(($(date +%s) - start)) s to end what hangs" && bad=1; }
[ $bad = 0 ] || printf '%s\n' "$out"
exit $bad
