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

# wait_for TENTHS CMD...: bounded wait, 0 as soon as CMD succeeds.
wait_for() {
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
    read -r pid start <"$DEMO_DIR/$1.pid" 2>/dev/null || return 1
    [ -n "$start" ] && [ "$(start_time "$pid")" = "$start" ] && [ "$(awk '{sub(/.*\) /, ""); print $1}' "/proc/$pid/stat")" != Z ]
}
end_process() { # NAME
    local pid
    alive "$1" || { rm -f "$DEMO_DIR/$1.pid"; return 0; }
    read -r pid _ <"$DEMO_DIR/$1.pid"
    kill "$pid" 2>/dev/null || true
    gone() { ! alive "$1"; }
    wait_for 100 gone "$1" || kill -9 "$pid" 2>/dev/null || true
    wait_for 50 gone "$1" || true
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
            wait_for 50 libvirt_answers || true
        fi
        if libvirt_answers; then
            MODE=system URI=qemu:///system AGENT_URI=$URI ADDRESS=127.0.0.1
            return
        fi
    fi
    MODE=private
    "$HOST_TOOL" up "$DEMO_DIR/host" --link >"$DEMO_DIR/host.info" 2>"$DEMO_DIR/host.log" ||
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
