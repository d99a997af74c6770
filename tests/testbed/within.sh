# shellcheck shell=bash
# within SECONDS CMD...: bounded wait, 0 as soon as CMD succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}
