# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# A cloud for run_faults_qemu, on a private libvirt with QEMU: pool, libvirt's state and log folders
# and the serial logs lie on one small ext4 loop image ($DISK), so that the pool can be really full
# and the image can be searched.  Guests have an empty disk: their firmware halts, so many of them
# cost next to nothing; that guests boot is shown by run_story.  Source it with TOP set; root only.
DEMO_DIR=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-faults.XXXXXX")
export DEMO_DIR DEMO_PRIVATE=1 CPU_OVERCOMMIT=2000 MEM_OVERCOMMIT=200
chmod 711 "$DEMO_DIR"
# shellcheck source=demo/lib.sh
. "$TOP/demo/lib.sh"
# shellcheck source=tests/e2e/erase_image.sh
. "$TOP/tests/e2e/erase_image.sh"
remember() { # as lib.sh's; and bash says nothing when we kill it
    echo "$2 $(start_time "$2")" >"$DEMO_DIR/$1.pid"
    disown "$2" 2>/dev/null || true
}
DISK=$DEMO_DIR/disk.img
DISK_AT=$DEMO_DIR/host/var
POOL=$DISK_AT/pool
PAPERS=$DEMO_DIR/papers
UNIT=市卫生健康委员会

# shellcheck source=tests/testbed/within.sh
. "$TOP/tests/testbed/within.sh"

agent_configure() { # quick deadlines: each wait of a scenario is a multiple of them
    mkdir -p "$POOL" "$DISK_AT/serial"
    cat >"$DEMO_DIR/agent/agent.conf" <<CONF
[controller]
url = $AGENTS_URL
poll_wait_ms = 5000
report_ms = 2000
retry_ms = 200
[libvirt]
uri = $AGENT_URI
pool_name = bianyun-faults
pool_path = $POOL
image_dir = $DEMO_DIR/images
serial_dir = $DISK_AT/serial
resync_ms = 2000
call_deadline_ms = 4000
stop_grace_ms = 500
CONF
}
cloud_up() {
    # Placement counts whole capacities: much room, of which next to nothing is ever allocated.
    image_up "$DISK" 40960 "$DISK_AT" -m 0 -i 1048576 -J size=16
    libvirt_find
    mkdir -p "$DEMO_DIR/images" "$PAPERS"
    truncate -s 1M "$DEMO_DIR/base"
    IMAGE=$(sha256sum <"$DEMO_DIR/base" | cut -d' ' -f1)
    mv "$DEMO_DIR/base" "$DEMO_DIR/images/$IMAGE.img"
    controller_up
    people_up
    sed 's/"demo-1"/"faults-1"/; s/"least_hold_ms": [0-9]*/"least_hold_ms": 100/; s/"window_ms": [0-9]*/"window_ms": 6000/
        s/"min_age_ms": [0-9]*/"min_age_ms": 1000/; s/"sample_ms": [0-9]*/"sample_ms": 500/; s/"slot_ms": [0-9]*/"slot_ms": 1000/' \
        "$TOP/policies/rules/demo.json" >"$DEMO_DIR/policy.json"
    run by bureau policies set "$DEMO_DIR/policy.json"
    grant_key_up
    papers_up
    host_up
    run by tenant systems add 测试系统 --unit $UNIT --purpose "测试" --mlps 2
    # The controller comes back under the same addresses after each end of it.
    end_process controller
    printf '[people]\naddress = %s\nport = %s\n[agents]\naddress = %s\nport = %s\n[server]\nsilent_seconds = 6\n[images]\nunregistered = yes\n' \
        "$ADDRESS" "${PEOPLE_URL##*:}" "$ADDRESS" "${AGENTS_URL##*:}" >"$DEMO_DIR/controller/controller.conf"
    controller_start
}
cloud_down() {
    local pid
    for pid in $(qemu_pids) $(cat "$DEMO_DIR/host/run/libvirt/libvirtd.pid" 2>/dev/null); do
        kill -CONT "$pid" 2>/dev/null || true
    done
    end_process agent
    end_process controller
    [ ! -e "$DEMO_DIR/host" ] || "$HOST_TOOL" down "$DEMO_DIR/host" || true
    mountpoint -q "$DISK_AT" && { umount "$DISK_AT" || umount -l "$DISK_AT"; }
    [ -n "${KEEP:-}" ] || rm -rf --one-file-system "$DEMO_DIR"
}

# ---- what is on the host, asked of libvirt and the kernel, not of us ---------------------------------
vir() { timeout 20 virsh -q -c "$URI" "$@"; }
qemu_pids() { # of all our QEMUs, or of the domain $1
    local f pid
    for f in "$DEMO_DIR"/host/run/libvirt/qemu/*.pid; do
        pid=$(cat "$f" 2>/dev/null) || continue
        if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- "-uuid ${1:-}"; then echo "$pid"; fi
    done
}
pool_files() { find "$POOL" -type f | sort; }
# How much there is of everything; the same before and after means nothing came or went.
count_all() { echo "$(vir list --all --uuid | grep -c .) domains, $(pool_files | wc -l) files, $(vir net-list --all --uuid | grep -c .) networks"; }

# ---- what the controller says ------------------------------------------------------------------------
show() { by tenant "$1" show "$2" --json 2>/dev/null; } # KIND NAME
id_of() { show "$1" "$2" | field id; }
is() { # KIND NAME SEEN: read back so and equal
    local v
    v=$(show "$1" "$2")
    [ "$(field seen <<<"$v")" = "$3" ] && grep -q '"equal":true' <<<"$v"
}
closed() { [ "$(by admin status --json 2>/dev/null | field orders_open)" = 0 ]; }
host_state() { [ "$(by provider hosts list --json 2>/dev/null | field state)" = "$1" ]; }
all_equal() {
    local k
    closed && host_state ready || return 1
    for k in vms volumes networks; do
        by tenant $k list --json >"$DEMO_DIR/list.json" 2>/dev/null || return 1
        ! grep -q '"equal":false' "$DEMO_DIR/list.json" || return 1
    done
}
drift_zero() {
    local q
    q=$(by bureau quota --json 2>/dev/null) || return 1
    [ -n "$q" ] && ! grep -Eq '"drift":-?[1-9]' <<<"$q" && ! grep -q '"unproven":true' <<<"$q"
}
# The same request again and again until it is answered: it acts once.
insist() { # CMD...
    local id
    id=$(cat /proc/sys/kernel/random/uuid)
    again() { revive && run "$@" --request "$id"; }
    within "${PATIENCE:-30}" again "$@"
}
revive() { # what a service manager does
    alive controller || (controller_start) || true
    alive agent || agent_start
}
# A signed grant: NAME LINES (JSON, without the brackets).
grant_paper() { # NAME LINES
    printf '{"number":"测试 %s","system":"测试系统","hold_ms":100,"lines":[%s]}' "$1" "$2" >"$PAPERS/$1.json"
    grant_sign "$PAPERS/$1.json" "$PAPERS/$1.paper"
}
line_net() { printf '{"line":%d,"kind":"network","name":"%s","count":1,"cidr":"%s"}' "$@"; } # LINE NAME CIDR
line_vm() { # LINE NAME COUNT NETWORK-LINE [FIRMWARE [MIB]]
    printf '{"line":%d,"kind":"vm","name":"%s","count":%d,"network_line":%d,"vcpus":1,"mem_mib":%d,"disk_gib":1,"image":"%s","firmware":"%s"}' \
        "$1" "$2" "$3" "$4" "${6:-96}" "$IMAGE" "${5:-bios}"
}
line_volume() { # LINE NAME FORMAT [VM-LINE]
    printf '{"line":%d,"kind":"volume","name":"%s","count":1,"disk_gib":1,"format":"%s"%s}' "$1" "$2" "$3" "${4:+,\"attach_line\":$4}"
}

# disk_hits MARKER: what follows the marker on the image, one line per kind, freed blocks and journal
# included.  Only what is allocated is read: holes hold nothing.
disk_hits() {
    sync -f "$DISK_AT"
    python3 - "$DISK" "$1" <<'PY' | sort -u
import os, re, sys
want = re.compile(re.escape(sys.argv[2].encode()) + rb"@([a-z-]+)")
with open(sys.argv[1], "rb", buffering=0) as f:
    end, at = os.fstat(f.fileno()).st_size, 0
    while at < end:
        try:
            at = f.seek(at, os.SEEK_DATA)
        except OSError:
            break
        hole, tail = f.seek(at, os.SEEK_HOLE), b""
        f.seek(at)
        while at < hole:
            part = f.read(min(1 << 24, hole - at))
            for m in want.finditer(tail + part):
                print(m.group(1).decode())
            tail, at = part[-100:], at + len(part)
PY
}
