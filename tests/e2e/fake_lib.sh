# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# A controller and an agent on the fake hypervisor, with real sockets and stores, in a folder of
# their own.  Source it with TOP set; needs no root and no libvirt.  Call fake_down at the end.
DEMO_DIR=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-fake.XXXXXX")
export DEMO_DIR
# shellcheck source=demo/lib.sh
. "$TOP/demo/lib.sh"
MODE=fake ADDRESS=127.0.0.1
WORLD=$DEMO_DIR/world
AGENT_URI=fake://$WORLD
UNREGISTERED=${UNREGISTERED:-yes} # most tests are not about images
FAKE_TOOL=$TOP/build/$B/fake-world

# Settings of this agent: as the demo's, quicker.
agent_configure() {
    cat >"$DEMO_DIR/agent/agent.conf" <<CONF
[controller]
url = $AGENTS_URL
report_ms = 1000
retry_ms = 200
[libvirt]
uri = $AGENT_URI
pool_path = $DEMO_DIR/pool
image_dir = $DEMO_DIR/images
resync_ms = 500
stop_grace_ms = 500
CONF
}
fake_image() { # IMAGE: a small base image, named by its hash
    head -c 1048576 /dev/zero >"$DEMO_DIR/base"
    IMAGE=$(sha256sum <"$DEMO_DIR/base" | cut -d' ' -f1)
    mkdir -p "$DEMO_DIR/images" "$DEMO_DIR/papers"
    mv "$DEMO_DIR/base" "$DEMO_DIR/images/$IMAGE.img"
}
fake_up() { # all of it, with one system and the papers for grants
    fake_image
    controller_up
    people_up
    sed 's/"demo-1"/"fake-1"/; s/"least_hold_ms": [0-9]*/"least_hold_ms": 100/
        s/"sample_ms": [0-9]*/"sample_ms": 100/; s/"slot_ms": [0-9]*/"slot_ms": 1000/
        s/"evaluate_ms": [0-9]*/"evaluate_ms": 1000/; s/"window_ms": [0-9]*/"window_ms": 4000/
        s/"min_age_ms": [0-9]*/"min_age_ms": 1000/
        s/"min_coverage_percent": [0-9]*/"min_coverage_percent": 20/' \
        "$TOP/policies/rules/demo.json" >"$DEMO_DIR/policy.json"
    run by bureau policies set "$DEMO_DIR/policy.json"
    grant_key_up
    host_up
    papers_up
    run by tenant systems add 测试系统 --unit 市卫生健康委员会 --purpose "测试" --mlps 2
}
fake_down() {
    end_process agent
    end_process controller
    rm -rf "$DEMO_DIR"
}
# A process that is started again whenever it ends, the first time with a fault.  After any other end
# the next start waits, as a supervisor would have it; too many of them end the shell that asked.
KEEP_ENDS=60
keep() { # NAME FAULT TRACE CMD...
    local name=$1 fault=$2 trace=$3 asked=$BASHPID
    shift 3
    rm -f "$DEMO_DIR/$name.wake"
    mkfifo "$DEMO_DIR/$name.wake"
    (
        trap - EXIT
        exec 8<>"$DEMO_DIR/$name.wake"
        ends=0
        while [ ! -e "$DEMO_DIR/$name.stop" ]; do
            BIANYUN_FAULT=$fault BIANYUN_FAULT_TRACE=$trace BIANYUN_FAULT_FILL=$DEMO_DIR/$name/fill BIANYUN_FAULT_CLOCK=$DEMO_DIR/clock "$@" </dev/null >>"$DEMO_DIR/$name.log" 2>&1 8>&- 9>&- &
            remember "$name" $!
            st=0
            wait $! || st=$?
            case $st in 134 | 135 | 139) echo "$name ended by itself, status $st" >>"$DEMO_DIR/broken" ;; esac
            if [ -n "$fault" ]; then
                echo "$fault" >>"$DEMO_DIR/struck"
                fault=
                continue
            fi
            ends=$((ends + 1))
            if [ "$ends" -ge "$KEEP_ENDS" ] && [ ! -e "$DEMO_DIR/$name.stop" ]; then
                echo "$name ended $ends times, the last with $st: $(tail -n 2 "$DEMO_DIR/$name.log")" | tee -a "$DEMO_DIR/broken"
                kill "$asked"
                break
            fi
            read -rt 1 -u 8 _ || true # or until unkeep
        done
    ) 2>/dev/null &
    echo $! >"$DEMO_DIR/$name.keeper"
}
unkeep() { # NAME
    [ -e "$DEMO_DIR/$1.keeper" ] || return 0
    touch "$DEMO_DIR/$1.stop"
    end_process "$1"
    echo 1<>"$DEMO_DIR/$1.wake"
    kept() { ! kill -0 "$1" 2>/dev/null; } # often no child of this shell
    wait "$(cat "$DEMO_DIR/$1.keeper")" 2>/dev/null || wait_short 100 kept "$(cat "$DEMO_DIR/$1.keeper")" || true
    rm -f "$DEMO_DIR/$1.keeper" "$DEMO_DIR/$1.stop" "$DEMO_DIR/$1.wake"
}
# A grant of one network, one machine with one data volume: NAME is the stem of all three.
fake_grant() { # NAME HOLD_MS CIDR
    cat >"$DEMO_DIR/papers/$1.json" <<JSON
{"number":"测试 $1","system":"测试系统","hold_ms":$2,"lines":[
 {"line":1,"kind":"network","name":"$1-net","count":1,"cidr":"$3"},
 {"line":2,"kind":"vm","name":"$1-vm","count":1,"vcpus":2,"mem_mib":512,"disk_gib":1,"image":"$IMAGE","firmware":"bios","network_line":1},
 {"line":3,"kind":"volume","name":"$1-data","count":1,"disk_gib":1,"format":"qcow2","attach_line":2}]}
JSON
    grant_sign "$DEMO_DIR/papers/$1.json" "$DEMO_DIR/papers/$1.paper"
    run by bureau grants submit "$DEMO_DIR/papers/$1.paper" --watch --timeout 5m
}
calls() { cat "$WORLD/calls/$1" 2>/dev/null || echo 0; } # OP: how often it was called
