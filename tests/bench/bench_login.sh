#!/bin/bash
# bench_login.sh [BUILD-FOLDER]: 16 people sign in while grants are approved, on the fake hypervisor;
# see bench_login.c.  BENCH_LOGINS sign-ins each (20).
set -euo pipefail
TOP=$(cd "$(dirname "$0")/../.." && pwd)
B=$(basename "${1:-build/release}")
export B
# shellcheck source=tests/e2e/fake_lib.sh
. "$TOP/tests/e2e/fake_lib.sh"
trap fake_down EXIT
fake_up >&2
token() { sed -n 's/^token=//p' "$XDG_CONFIG_HOME/bianyun/profiles/$1"; }
BENCH_PASSWORD='Bian-liang 2026'
echo "$BENCH_PASSWORD" >"$DEMO_DIR/password"
for n in {0..15}; do
    person "l$n" "员工 $n" 市卫生健康委员会 tenant bureau
    run by "l$n" passwd --new-password-file "$DEMO_DIR/password"
done
BENCH_SYSTEM=$(by tenant systems list --json | field id)
BENCH_UNIT=$(by tenant systems list --json | field unit)
BENCH_APPROVER=$(by admin accounts list --json | items | grep '"login":"bureau"' | field id)
BENCH_BUREAU_TOKEN=$(token bureau)
export BENCH_PASSWORD BENCH_SYSTEM BENCH_UNIT BENCH_APPROVER BENCH_BUREAU_TOKEN
export BENCH_URL=$PEOPLE_URL BENCH_CA=$DEMO_DIR/controller/ca.pem BENCH_KEY=$DEMO_DIR/papers/bureau.key
"$BIN/bench-login" "${BENCH_LOGINS:-20}"
