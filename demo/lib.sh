# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# Shared by demo, demo-stop and the end-to-end tests: where things are, starting and ending
# processes by pid, the CLI with a profile of its own.  Source it; needs TOP (the clone).
: "${DEMO_DIR:=/var/lib/bianyun-demo}"
: "${B:=debug}"
BIN=$TOP/build/$B
HOST_TOOL=$TOP/tests/testbed/private-host
export XDG_CONFIG_HOME=$DEMO_DIR/config

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# wait_for TENTHS CMD...: bounded wait, 0 as soon as CMD succeeds; a minute is the least, for slow machines.
wait_for() { wait_short $(($1 < 600 ? 600 : $1)) "${@:2}"; }
# wait_short TENTHS CMD...: the same, and no longer than that.
wait_short() {
    local n=$1
    shift
    until "$@"; do
        n=$((n - 1))
        [ "$n" -gt 0 ] || return 1
        sleep 0.1
    done
}

# A process is named by pid and start time, so that a pid used again is never ours.
start_time() { awk '{sub(/.*\) /, ""); print $20}' "/proc/$1/stat" 2>/dev/null; }
remember() { echo "$2 $(start_time "$2")" >"$DEMO_DIR/$1.pid"; } # NAME PID
alive() { # NAME
    local pid start
    { read -r pid start <"$DEMO_DIR/$1.pid"; } 2>/dev/null || return 1
    [ -n "$start" ] && [ "$(start_time "$pid")" = "$start" ] && [ "$(awk '{sub(/.*\) /, ""); print $1}' "/proc/$pid/stat" 2>/dev/null)" != Z ]
}
end_process() { # NAME
    local pid
    alive "$1" || { rm -f "$DEMO_DIR/$1.pid"; return 0; }
    read -r pid _ <"$DEMO_DIR/$1.pid"
    kill "$pid" 2>/dev/null || true
    gone() { ! alive "$1"; }
    wait_short 100 gone "$1" || kill -9 "$pid" 2>/dev/null || true
    wait_short 50 gone "$1" || true
    rm -f "$DEMO_DIR/$1.pid"
}

# Value of a field of canonical JSON, first occurrence: field NAME <<<"$json".  Strings and numbers.
field() { grep -o "\"$1\":\(\"[^\"]*\"\|[0-9a-z]*\)" | head -1 | cut -d: -f2- | tr -d '"'; }
# Lines of items: one object a line, for flat lists.
items() { sed 's/^{"items":\[//; s/\].*$//; s/},{/}\n{/g'; echo; }

by() { # PROFILE NOUN...: the command line as that person
    local profile=$1
    shift
    BIANYUN_PROFILE=$profile "$BIN/bianyun" "$@"
}

# Which libvirt: sets MODE (system, private) and URI, AGENT_URI, PEOPLE_ADDRESS.
libvirt_answers() { timeout 5 virsh -q -c qemu:///system version >/dev/null 2>&1; }
libvirt_find() {
    if [ "${DEMO_PRIVATE:-0}" != 1 ]; then
        if ! libvirt_answers && [ -d /run/systemd/system ]; then
            systemctl start libvirtd.service >/dev/null 2>&1 || systemctl start libvirtd.socket virtqemud.socket >/dev/null 2>&1 || true
            wait_short 50 libvirt_answers || true
        fi
        if libvirt_answers; then
            MODE=system URI=qemu:///system AGENT_URI=$URI ADDRESS=127.0.0.1
            return
        fi
    fi
    MODE=private
    "$HOST_TOOL" up "$DEMO_DIR/host" --link >"$DEMO_DIR/host.info" 2>"$DEMO_DIR/host.log" 9>&- ||
        die "the private libvirt did not start: $(tail -2 "$DEMO_DIR/host.log")"
    URI=$(sed -n 's/^uri=//p' "$DEMO_DIR/host.info")
    AGENT_URI=qemu:///system
    ADDRESS=$(sed -n 's/^outer=//p' "$DEMO_DIR/host.info")
}
# CMD as the agent's host sees the world; takes the place of the caller's subshell.
on_host() {
    if [ "$MODE" = private ]; then exec "$HOST_TOOL" exec "$DEMO_DIR/host" "$@"; fi
    exec "$@"
}

run() { "$@" >"$DEMO_DIR/last.log" 2>&1; } # keep quiet unless it fails

# ---- a small cloud, step by step; each sets what its comment says ------------------------------------
controller_up() { # PEOPLE_URL, AGENTS_URL; the administrator is signed in
    "$BIN/bianyun-controller" init --dir "$DEMO_DIR/controller" --name "汴云演示" --address "$ADDRESS" \
        >"$DEMO_DIR/admin.token" 2>"$DEMO_DIR/last.log" || die "init failed: $(tail -2 "$DEMO_DIR/last.log")"
    chmod 600 "$DEMO_DIR/admin.token"
    printf '[people]\naddress = %s\nport = 0\n[agents]\naddress = %s\nport = 0\n[images]\nunregistered = %s\nspare_mib = 64\n' \
        "$ADDRESS" "$ADDRESS" "${UNREGISTERED:-no}" >"$DEMO_DIR/controller/controller.conf"
    controller_start
    run by admin login --url "$PEOPLE_URL" --ca "$DEMO_DIR/controller/ca.pem" --token-file "$DEMO_DIR/admin.token"
    rm -f "$DEMO_DIR/admin.token"
}
controller_start() { # PEOPLE_URL, AGENTS_URL
    rm -f "$DEMO_DIR/controller/run/ports.json"
    "$BIN/bianyun-controller" run --dir "$DEMO_DIR/controller" --config "$DEMO_DIR/controller/controller.conf" \
        </dev/null >>"$DEMO_DIR/controller.log" 2>&1 9>&- &
    remember controller $!
    ports() { [ -s "$DEMO_DIR/controller/run/ports.json" ] && alive controller; }
    wait_for 100 ports || die "the controller did not start: $(tail -2 "$DEMO_DIR/controller.log")"
    PEOPLE_URL=https://$ADDRESS:$(field people <"$DEMO_DIR/controller/run/ports.json")
    AGENTS_URL=https://$ADDRESS:$(field agents <"$DEMO_DIR/controller/run/ports.json")
}
# An id number (made up) that nobody else here has: the last digit checks the others.
id_number() { # N
    local n i sum=0 w=(7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2) c=10X98765432
    n=$(printf '410200199%d0101%03d' $(($1 / 1000)) $(($1 % 1000)))
    for i in {0..16}; do sum=$((sum + ${n:i:1} * w[i])); done
    echo "$n${c:sum%11:1}"
}
# Registered by the administrator, given the role by whom the rule names, signed in.
person() { # LOGIN NAME UNIT ROLE ASSIGNER [OPTIONS]
    PEOPLE=$((${PEOPLE:-0} + 1))
    id_number $PEOPLE | by admin accounts add "$1" --name "$2" --unit "$3" --role "$4" --id-file - "${@:6}" >"$DEMO_DIR/last.log" 2>&1 &&
        by "$5" accounts assign "$1" 2>"$DEMO_DIR/last.log" |
        by "$1" login --url "$PEOPLE_URL" --ca "$DEMO_DIR/controller/ca.pem" --token-file - >"$DEMO_DIR/last.log" 2>&1
}
people_up() {
    run by admin units add 市政务服务和大数据管理局 --kind bureau
    run by admin units add 云服务提供方 --kind provider
    run by admin units add 市审计局 --kind auditor
    run by admin units add 市卫生健康委员会
    person security 安全管理员 市政务服务和大数据管理局 secadmin admin
    person bureau 审批员 市政务服务和大数据管理局 bureau security
    person provider 工程师 云服务提供方 provider security --employer 云服务提供方
    person tenant 系统管理员 市卫生健康委员会 tenant bureau
    person auditor 审计员 市审计局 auditor security
}
grant_key_up() { # papers/bureau.key, named by the root
    mkdir -p "$DEMO_DIR/papers"
    run by bureau keys new "$DEMO_DIR/papers/bureau.key" ${ALG:+--alg "$ALG"}
    run by admin keys statement --out "$DEMO_DIR/papers/keys-1.paper"
    run by admin keys sign "$DEMO_DIR/papers/keys-1.paper" --root-key "$DEMO_DIR/controller/root/root.key" \
        --add "$DEMO_DIR/papers/bureau.key.pub" --use grant --holder bureau --out "$DEMO_DIR/papers/keys-2.paper"
    run by admin keys register "$DEMO_DIR/papers/keys-2.paper"
}
image_publish() { # FILE NAME OPTION...: sent by the provider, published by the bureau
    run by provider images upload "$1" --name "$2" --os "Debian 12" --image-version 1 "${@:3}" || die "not uploaded: $(tail -2 "$DEMO_DIR/last.log")"
    run by bureau images publish "$2:1"
}
host_enrol() { # NAME FOLDER [ON…]: its key and certificate are in the folder; ON: what runs a command there
    local pin
    by provider hosts add "$1" --cpu-overcommit "${CPU_OVERCOMMIT:-400}" ${MEM_OVERCOMMIT:+--mem-overcommit "$MEM_OVERCOMMIT"} \
        --out "$DEMO_DIR/host.token" >"$DEMO_DIR/enrol" 2>"$DEMO_DIR/last.log" || die "no token for the host: $(tail -2 "$DEMO_DIR/last.log")"
    pin=$(sed -n 's/.*--ca-sha256 \([0-9a-f]*\).*/\1/p' "$DEMO_DIR/enrol")
    run "${@:3}" "$BIN/bianyun-agent" enrol --controller "$PEOPLE_URL" --name "$1" --ca-sha256 "$pin" \
        --token-file "$DEMO_DIR/host.token" --dir "$2" || die "the host could not enrol: $(tail -2 "$DEMO_DIR/last.log")"
    rm -f "$DEMO_DIR/host.token"
}
host_up() { # host-1 enrolled, its agent running and ready
    mkdir -p "$DEMO_DIR/pool" "$DEMO_DIR/images" "$DEMO_DIR/serial"
    host_enrol host-1 "$DEMO_DIR/agent"
    agent_configure
    agent_start
    host_ready() { [ "$(by provider hosts list --json 2>/dev/null | field state)" = ready ]; }
    wait_for 300 host_ready || die "the agent did not become ready: $(tail -2 "$DEMO_DIR/agent.log")"
}
agent_configure() {
    cat >"$DEMO_DIR/agent/agent.conf" <<CONF
[controller]
url = $AGENTS_URL
[libvirt]
uri = $AGENT_URI
pool_name = bianyun-demo
pool_path = $DEMO_DIR/pool
image_dir = $DEMO_DIR/images
serial_dir = $DEMO_DIR/serial
stop_grace_ms = ${STOP_GRACE_MS:-15000}
CONF
}
agent_start() {
    (on_host "$BIN/bianyun-agent" run --dir "$DEMO_DIR/agent" --config "$DEMO_DIR/agent/agent.conf" \
        </dev/null >>"$DEMO_DIR/agent.log" 2>&1 9>&-) &
    remember agent $!
}
papers_up() {
    local d
    for d in approval agreement declaration; do echo "$d, demo" >"$DEMO_DIR/papers/$d.txt"; done
}
grant_sign() { # DRAFT PAPER
    run by bureau grants sign "$1" --key "$DEMO_DIR/papers/bureau.key" --approval "$DEMO_DIR/papers/approval.txt" \
        --agreement "$DEMO_DIR/papers/agreement.txt" --declaration "$DEMO_DIR/papers/declaration.txt" --out "$2"
}

# ---- a machine that was there (存量) ------------------------------------------------------------------
# Made by hand with virsh, as before there was any order; runs from here on. Its firmware finds nothing
# to boot and waits, which costs no time.
existing_up() { # NAME [MEMORY_BALLOON]: EXISTING is its UUID
    local dir=$DEMO_DIR/existing
    mkdir -p "$dir" && chmod 711 "$dir"
    EXISTING=$(cat /proc/sys/kernel/random/uuid)
    echo "$EXISTING" >>"$dir/uuids" # demo-stop ends them, adopted or not
    run qemu-img create -q -f qcow2 "$dir/$1.qcow2" 64M
    cat >"$dir/$1.xml" <<XML
<domain type='qemu'><name>$1</name><uuid>$EXISTING</uuid>
<metadata><x:note xmlns:x='urn:somebody-else'>installed in 2019, do not touch</x:note></metadata>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
<on_reboot>restart</on_reboot>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='$dir/$1.qcow2'/><target dev='vda' bus='virtio'/></disk>
<watchdog model='i6300esb' action='none'><address type='pci' domain='0x0000' bus='0x02' slot='0x03' function='0x0'/></watchdog>
<memballoon model='${2:-virtio}'/></devices></domain>
XML
    run virsh -q -c "$URI" define "$dir/$1.xml"
    run virsh -q -c "$URI" start "$1"
}
existing_found() { [[ $(by bureau unregistered show "$EXISTING" --json 2>/dev/null) == *'"claim":"待认领"'* ]]; }
existing_claim() { # NAME SYSTEM: CLAIM
    by tenant adopt claim "$1" --system "$2" --reason "2019 年起运行" --json >"$DEMO_DIR/claim.json" 2>"$DEMO_DIR/last.log" || return 1
    CLAIM=$(field id <"$DEMO_DIR/claim.json")
}
existing_confirm() { # CLAIM NUMBER [OPTION...]
    by bureau adopt confirm "$1" --number "$2" --approved 2019-06-03 --key "$DEMO_DIR/papers/bureau.key" --approval "$DEMO_DIR/papers/approval.txt" \
        --agreement "$DEMO_DIR/papers/agreement.txt" --declaration "$DEMO_DIR/papers/declaration.txt" "${@:3}"
}

# ---- an approved change (配额变更) ---------------------------------------------------------------------
change_apply() { # OLDER-NUMBER LINES [now|later [true]]: handed in; CHANGE is its case
    printf '{"purpose":"配额变更","basis":"按实际使用测算","users":400,"share_reason":"无","restart":"%s","less_confirmed":%s,"lines":[%s]}' \
        "${3:-now}" "${4:-false}" "$2" >"$DEMO_DIR/papers/change.json"
    CHANGE=$(by tenant applications add "$DEMO_DIR/papers/change.json" --system 测试系统 --change-of "$1" --approval "$DEMO_DIR/papers/approval.txt" \
        --agreement "$DEMO_DIR/papers/agreement.txt" --declaration "$DEMO_DIR/papers/declaration.txt" --json 2>"$DEMO_DIR/last.log" | field number)
    [ -n "$CHANGE" ] && run by tenant applications submit "$CHANGE"
}
change_approve() { # NUMBER [OPTION...]
    run by bureau applications approve "$CHANGE" --number "$1" --key "$DEMO_DIR/papers/bureau.key" --reason 同意 "${@:2}"
}
