#!/bin/bash
# erase_proof.sh PROGRAM: after an erasure the disk under the file system holds no trace, freed
# blocks included; and this test notices when a copy is left out.
#   1 control: unlink without overwriting leaves every copy on the disk
#   2 proof:   overwrite, undefine, unlink: nothing is found
#   3 each copy in turn is left out by a fault point: found by reading back, or by the search
set -euo pipefail
program=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
# shellcheck source=tests/e2e/erase_image.sh
. "$here/erase_image.sh"
[ "$(id -u)" = 0 ] || { echo "erase-proof: run as root: it mounts a file system on a loop device" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-erase-XXXXXX")
copies="console nvram overlay overlay-across-blocks raw-first raw-tail saved seed"
clean() {
    if mountpoint -q "$work/mnt"; then umount "$work/mnt"; fi
    rm -rf "$work"
}
trap clean EXIT

# play HOW [mkfs options]: plant on a fresh image, unmount, mount, do HOW, unmount.  Sets status and hits.
play() {
    local how=$1 marker
    shift
    marker=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    rm -f "$work/image"
    image_up "$work/image" 48 "$work/mnt" "$@"
    "$program" plant "$work/mnt" "$marker"
    image_down "$work/mnt"
    planted=$(image_hits "$work/image" "$marker" | sort -u | tr '\n' ' ')
    mount -o loop,data=ordered "$work/image" "$work/mnt"
    status=0
    "$program" "$how" "$work/mnt" >"$work/said" 2>&1 || status=$?
    image_down "$work/mnt"
    hits=$(image_hits "$work/image" "$marker" | sort -u | tr '\n' ' ')
}

fail() {
    echo "erase-proof: FAILED: $*" >&2
    [ ! -f "$work/said" ] || cat "$work/said" >&2
    exit 1
}

play unlink
[ "$planted" = "$copies " ] || fail "the search sees '$planted', planted were '$copies'"
[ "$hits" = "$copies " ] || fail "control: after a plain unlink the search sees only '$hits'"
echo "control: unlinked without overwriting, all 8 markers are still on the disk"

play erase
[ "$status" = 0 ] || fail "the erasure itself"
[ -z "$hits" ] || fail "still on the disk: $hits"
cat "$work/said"
echo "proof: overwritten, read back, unlinked: no marker on the disk, freed blocks and journal included"

# What cannot be overwritten must be said.  Inline data: small files' content goes through the journal.
play erase -O inline_data
[ "$status" = 0 ] || fail "the erasure on a file system with inline data"
case " $hits" in
*" saved "*) ;;
*) fail "inline data: the saved state was to be in the journal, found '$hits'; is this still so?" ;;
esac
grep -A1 '\.save' "$work/said" | grep -q 'limit: The content lay inside file system metadata' ||
    fail "inline data: the report does not say what it could not reach"
echo "limits: what inline data leave in the journal is said in the report"

play erase
files=$(wc -l <"$work/said")
for k in $(seq 1 "$files"); do
    export BIANYUN_FAULT=ERASE_SKIP:$k:lose
    play erase
    [ "$status" = 0 ] || fail "sabotage $k: the erasure was to claim success"
    [ -n "$hits" ] || fail "sabotage of copy $k was not noticed by the search"
    echo "sabotage $k: not overwritten, claimed to be: the search finds ${hits}"
    export BIANYUN_FAULT=ERASE_SKIP:$k:fail
    play erase
    [ "$status" != 0 ] || fail "sabotage of copy $k was not noticed by reading back"
    grep -q "read back .* not zero" "$work/said" || fail "sabotage $k: another failure"
    unset BIANYUN_FAULT
done
echo "erase-proof: passed; each of $files copies left out is noticed, by reading back and by the search"
