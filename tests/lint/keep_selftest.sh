#!/bin/bash
# keep() of tests/e2e/fake_lib.sh: what cannot start is not started without a pause, ends the test that
# waits for it and says why; unkeep waits for no pause.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
bad=0
story() { # WHAT IS DONE, where starts are counted in $DEMO_DIR/daemon.log
    TOP=$top bash -euc '. "$TOP/tests/e2e/fake_lib.sh"
        trap "st=\$?; trap - EXIT; unkeep daemon; rm -rf \"\$DEMO_DIR\"; exit \$st" EXIT
        starts() { [ "$(grep -c . "$DEMO_DIR/daemon.log" 2>/dev/null)" -ge "$1" ]; }
        kept() { keep daemon "" /dev/null sh -c "echo cannot start; exit 3"; }
        '"$1" 2>&1
}
out=$(story 'KEEP_ENDS=2; kept; wait_for 600 false') && echo "keep: passes although the daemon never starts" && bad=1
grep -q "daemon ended 2 times, the last with 3: cannot start" <<<"$out" || { echo "keep: says: $out" && bad=1; }
out=$(story 'KEEP_ENDS=1000; kept; wait_for 600 starts 1; unkeep daemon; ! starts 10; ! [ -e "$DEMO_DIR/daemon.keeper" ]') || { echo "keep: starts without a pause, or is not ended: $out" && bad=1; }
exit $bad
