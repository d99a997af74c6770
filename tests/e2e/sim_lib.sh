# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# A controller with many simulated hosts.  Source it with TOP set, after fake_lib.sh; ends with sim_down.
# On a tmpfs with 4 GiB free, if there is one: 20,000 machines take less than half of it.
sim_tmp() { [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -1)" -gt 4194304 ] 2>/dev/null && echo /dev/shm || echo "${TMPDIR:-/tmp}"; }
SIM_DIR=$(mktemp -d "$(sim_tmp)/bianyun-sim.XXXXXX")
SESSIONS=$XDG_CONFIG_HOME/bianyun/profiles
session() { sed -n 's/^token=//p' "$SESSIONS/$1"; } # PROFILE
# The cloud without a host: controller, people, key of the bureau.
sim_cloud() {
    fake_image
    controller_up
    people_up
    grant_key_up
    papers_up
}
sim_start() { # HOSTS [OPTION...]: they are open, or opening
    local hosts=$1
    shift
    [ -p "$DEMO_DIR/sim.control" ] || mkfifo "$DEMO_DIR/sim.control"
    (umask 077 && session provider >"$DEMO_DIR/sim.token")
    "$BIN/hostsim" --hosts "$hosts" --dir "$SIM_DIR" --api "$PEOPLE_URL" --agents "$AGENTS_URL" --ca "$DEMO_DIR/controller/ca.pem" \
        --token-file "$DEMO_DIR/sim.token" --images "$DEMO_DIR/images" --control "$DEMO_DIR/sim.control" --seen "$DEMO_DIR/sim.seen" "$@" \
        </dev/null >>"$DEMO_DIR/sim.out" 2>>"$DEMO_DIR/sim.log" 9>&- &
    remember sim $!
}
sim_say() { echo "$*" >"$DEMO_DIR/sim.control"; } # a command of hostsim
sim_line() { # EVENT: its newest line
    grep "^{\"event\":\"$1\"" "$DEMO_DIR/sim.out" | tail -1
}
SIM_ASKED=0
sim_report() { # a fresh summary on stdout
    local name n=0
    SIM_ASKED=$((SIM_ASKED + 1))
    name=r$SIM_ASKED-$BASHPID
    sim_say "report $name"
    until grep -q "^{\"event\":\"$name\".*}$" "$DEMO_DIR/sim.out"; do
        n=$((n + 1))
        [ $n -lt 600 ] && alive sim || return 1
        sleep 0.1
    done
    sim_line "$name"
}
sim_polls() { # N: so many hosts wait for orders
    [ "$(sim_report | field polling)" -ge "$1" ] 2>/dev/null
}
# A figure of the controller, read with the pinned CA, as Prometheus would.
sim_metric() { # NAME{LABELS}
    curl -sS --cacert "$DEMO_DIR/controller/ca.pem" -H "Authorization: Bearer $(session admin)" "$PEOPLE_URL/metrics" \
        2>"$DEMO_DIR/last.log" | grep -F "$1 " | cut -d' ' -f2
}
sim_connections() { # N: at most so many of hosts are open
    [ "$(sim_metric 'bianyun_connections{listener="agents"}')" -le "$1" ] 2>/dev/null
}
# A grant of free shape for VMS machines of one vCPU and 512 MiB.
sim_grant() { # SYSTEM VMS
    cat >"$DEMO_DIR/papers/$1.json" <<JSON
{"number":"测试 $1","system":"$1","hold_ms":1296000000,"shape":"free","resources_max":$2,"lines":[
 {"line":1,"kind":"vm","name":"vm","count":$2,"vcpus":1,"mem_mib":512,"disk_gib":1,"image":"$IMAGE","firmware":"bios","deferred":true}]}
JSON
    grant_sign "$DEMO_DIR/papers/$1.json" "$DEMO_DIR/papers/$1.paper"
    run by bureau grants submit "$DEMO_DIR/papers/$1.paper"
}
sim_down() {
    end_process sim
    end_process controller
    rm -rf "$DEMO_DIR" "$SIM_DIR"
}
