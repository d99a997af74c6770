#!/bin/bash
# units.sh: systemd's own reader finds nothing to say of our units, and notices a planted fault.  In
# a scratch root: no systemd runs, nothing of this machine is touched.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v systemd-analyze >/dev/null; then
    echo "units: skipped: systemd-analyze is missing (package systemd, purpose lint)"
    exit 0
fi
root=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-units.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/lib/systemd" "$root/etc/systemd/system" "$root/usr/sbin"
cp -r /lib/systemd/system "$root/lib/systemd/"
for p in bianyun-controller bianyun-agent; do
    printf '#!/bin/sh\n' >"$root/usr/sbin/$p"
    chmod 755 "$root/usr/sbin/$p"
done
verify() { # UNIT...: systemd 252 only warns of unknown keys, so any word is a fault
    cp "$@" "$root/etc/systemd/system/"
    said=$(systemd-analyze verify --man=no --root="$root" "${@##*/}" 2>&1) || true
    # Units of the machine itself are not ours to judge.
    ! grep -i bianyun <<<"$said"
}
verify install/bianyun-agent.service install/bianyun-controller.service ||
    { echo "units: systemd finds faults in the units"; exit 1; }
sed 's/^WatchdogSec=/WatchdogSecs=/' install/bianyun-agent.service >"$root/bianyun-planted.service"
! verify "$root/bianyun-planted.service" >/dev/null || { echo "units: a planted fault was not found"; exit 1; }
sed 's|/usr/sbin/bianyun-agent|/usr/sbin/bianyun-nothing|' install/bianyun-agent.service >"$root/bianyun-planted.service"
! verify "$root/bianyun-planted.service" >/dev/null || { echo "units: a missing program was not found"; exit 1; }
echo "units: clean"
