#!/bin/sh
# Every row of fault.def is hooked in the code, and every commit of the store and change of the
# hypervisor goes through a hook.
set -u
bad=0
for p in $(sed -nE 's/^FAULT\(([A-Z_]+),.*/\1/p' drivers/base/fault.def); do
    grep -rqE "BY_FAULT_$p\b" --include=*.c agent controller drivers --exclude-dir=base ||
        { echo "fault.def: $p is hooked nowhere"; bad=1; }
done
exit $bad
