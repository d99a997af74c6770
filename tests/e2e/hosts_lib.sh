# shellcheck shell=bash disable=SC2034,SC2154 # sourced: what it sets is used by those who source it
# A controller and some private libvirt hosts with agents, for run_two and run_shared.  Source it with
# TOP, STORY (a short name) and HOSTS set; host H is called host-H and its folder is $work/H.  KEEP=1
# leaves the folder, TIMES=1 says how far it is, FAST=1 ends at the first failure.
DEMO_DIR=$(mktemp -d "${TMPDIR:-/tmp}/bianyun-$STORY.XXXXXX")
export DEMO_DIR
chmod 711 "$DEMO_DIR"
# shellcheck source=demo/lib.sh
. "$TOP/demo/lib.sh"
host=$HOST_TOOL work=$DEMO_DIR CPU_OVERCOMMIT=2000 MEM_OVERCOMMIT=400
# shellcheck source=tests/testbed/guests.sh
. "$TOP/tests/testbed/guests.sh"
passed=0 failed=0
part_of_story() { [ -z "${TIMES:-}" ] || echo "$SECONDS s: $1"; }
check() { # SENTENCE CMD...
    local what=$1
    shift
    said=''
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $what ($*): ${said:-$(tail -2 "$DEMO_DIR/last.log")}"
        by admin orders list --open 2>/dev/null | head -5
        tail -n 2 "$DEMO_DIR"/agent-*.log
        [ -z "${FAST:-}" ] || exit 1
    fi
}
agent_signal() { # SIGNAL HOST
    local pid
    ! alive "agent-$2" || { read -r pid _ <"$DEMO_DIR/agent-$2.pid" && kill "-$1" "$pid"; }
}
# shellcheck disable=SC2317 # called by the trap
finish() {
    local h left=''
    for h in $HOSTS; do agent_signal CONT "$h"; end_process "agent-$h"; done
    end_process controller
    for h in $HOSTS; do "$host" down "$work/$h" || left="$left $h"; done
    [ -n "${KEEP:-}$left" ] || rm -rf --one-file-system "$DEMO_DIR"
}
trap finish EXIT

# ---- hosts -------------------------------------------------------------------------------------------
serial_log() { echo "$work/serial-$1/$2.log"; }
outer() { sed -n 's/^outer=//p' "$work/$1.info"; }
agent_up() { # HOST
    (exec "$host" exec "$work/$1" "$BIN/bianyun-agent" run --dir "$work/agent-$1" --config "$work/agent-$1/agent.conf" </dev/null >>"$work/agent-$1.log" 2>&1) &
    remember "agent-$1" $!
    disown
}
enrol() { # HOST POOL IMAGES
    mkdir -p "$2" "$3" "$work/serial-$1"
    host_enrol "host-$1" "$work/agent-$1" on "$1"
    cat >"$work/agent-$1/agent.conf" <<CONF
[controller]
url = $AGENTS_URL
poll_wait_ms = 5000
report_ms = 2000
retry_ms = 500
[libvirt]
uri = qemu:///system
pool_name = bianyun-$STORY
pool_path = $2
image_dir = $3
serial_dir = $work/serial-$1
resync_ms = 2000
stop_grace_ms = 500
CONF
}
controller_again() { # under the same addresses; a host is silent soon
    end_process controller
    printf '[people]\naddress = %s\nport = %s\n[agents]\naddress = %s\nport = %s\n[server]\nsilent_seconds = 20\n' \
        "$ADDRESS" "${PEOPLE_URL##*:}" "$ADDRESS" "${AGENTS_URL##*:}" >"$DEMO_DIR/controller/controller.conf"
    controller_start
}
# People, keys, rules and the image NAME at a controller that listens at $ADDRESS.
cloud_up() { # NAME
    IMAGE=$("$TOP/tests/testbed/guest-image" "${GUEST_IMAGES:-$work/guest}" 2>"$DEMO_DIR/last.log") || die "no guest image: $(tail -2 "$DEMO_DIR/last.log")"
    controller_up
    people_up
    sed 's/"demo-1"/"'"$STORY"'-1"/; s/"least_hold_ms": [0-9]*/"least_hold_ms": 100/' "$TOP/policies/rules/demo.json" >"$DEMO_DIR/policy.json"
    run by bureau policies set "$DEMO_DIR/policy.json"
    image_publish "${GUEST_IMAGES:-$work/guest}/$IMAGE.qcow2" "$1" --firmware both --min-disk 1 --min-mem 96
    grant_key_up
    papers_up
    controller_again
}

# ---- what the controller says ------------------------------------------------------------------------
value() { by tenant "$1" show "$2" --json 2>/dev/null | field "$3"; } # NOUN NAME FIELD
host_line() { by provider hosts list --json 2>/dev/null | items | grep "\"name\":\"host-$1\""; }
host_is() { # HOST STATE
    said=$(host_line "$1")
    [ "$(field state <<<"$said")" = "$2" ]
}
stands_on() { local h; h=$(value vms "$1" host_name); echo "${h#host-}"; } # VM
is() { # NOUN NAME SEEN: read back so and equal
    said=$(by tenant "$1" show "$2" --json 2>/dev/null)
    [ "$(field seen <<<"$said")" = "$3" ] && [ "$(field equal <<<"$said")" = true ]
}
all_equal() {
    local k
    [ "$(by admin status --json 2>/dev/null | field orders_open)" = 0 ] || return 1
    for k in vms volumes networks; do
        said=$(by tenant $k list --json 2>/dev/null)
        [[ $said == *'"items"'* && $said != *'"equal":false'* ]] || return 1
    done
}
gone_for_good() { # NOUN NAME [OPTION]: its hold may not be over at once
    run by tenant "$1" bin "$2" --watch --timeout 5m && within 60 run by tenant "$1" erase "$2" "${@:3}" --watch --timeout 5m
}
processes() { # HOST: what runs in it, but for the daemons
    local p
    for p in $("$host" members "$work/$1"); do cat "/proc/$p/comm" 2>/dev/null; done |
        grep -vxE 'sleep|libvirtd|virtlogd|virtlockd|bianyun-agent' | sort | tr '\n' ' '
}
no_process() { said=$(processes "$1"); [ -z "$said" ]; }
