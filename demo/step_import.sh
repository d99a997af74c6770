# shellcheck shell=bash
# step_import.sh - an approval that another office gave is imported and confirmed: its approver's key
# and certificate are made here, with openssl, as that office would.  Read by demo/demo, after lib.sh;
# needs people_up, grant_key_up, papers_up, a ready host and the system's name.
import_foreign() { # SYSTEM
    local d=$DEMO_DIR/papers sys unit number=汴发改〔2026〕演示7号
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=approver \
        -keyout "$d/approver.key" -out "$d/approver.pem" 2>"$DEMO_DIR/last.log" || return 1
    run by security approvers add 市发改委审批处 --unit 市发展和改革委员会 --credential "$d/approver.pem" || return 1
    sys=$(by tenant systems list --json | items | grep "\"name\":\"$1\"" | field id)
    unit=$(by tenant systems list --json | items | grep "\"name\":\"$1\"" | field unit)
    sum() { sha256sum <"$d/$1.txt" | cut -c1-64; }
    cat >"$d/foreign.json" <<JSON
{"version":1,"number":"$number","system":"$sys","unit":"$unit","date":"$(TZ=Asia/Shanghai date +%F)","hold_ms":5000,
 "approval_sha256":"$(sum approval)","agreement_sha256":"$(sum agreement)","declaration_sha256":"$(sum declaration)",
 "lines":[{"line":1,"kind":"volume","name":"archive","count":1,"disk_gib":1,"format":"qcow2"}]}
JSON
    { printf 'bianyun import 1\0' && cat "$d/foreign.json"; } |
        openssl cms -sign -binary -signer "$d/approver.pem" -inkey "$d/approver.key" -md sha256 -outform DER -out "$d/foreign.cms" || return 1
    run by provider grants import "$d/foreign.json" --signature "$d/foreign.cms" || return 1
    run by bureau imports confirm "$number" --key "$d/bureau.key" --reason "与批复原件一致" --watch --timeout 3m
}
