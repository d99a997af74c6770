# shellcheck shell=bash disable=SC2154 # sourced by faults_fake, which sets what is used here
# The stories that the fault table is played on.  A story is story_NAME STEM CIDR: it says each thing
# until it is answered, as people would, and leaves nothing in the world; WORLD, IMAGE and the papers
# are those of fake_lib.sh.

# An answer that was lost: what the command line makes of the moment (a revision, a signature of now) is
# another content, so the same request is told that it was carried out.
carried_out() { grep -q "was carried out already" "$1"; } # LOG
# The same request again and again until it is answered: it acts once.
insist() { # CMD...
    local id
    id=$(cat /proc/sys/kernel/random/uuid)
    again() { run "$@" --request "$id" || carried_out "$DEMO_DIR/last.log"; }
    wait_for 300 again "$@" || die "gave up: $* : $(tail -2 "$DEMO_DIR/last.log")"
}
seen() { # KIND NAME SEEN
    seen_now() { [ "$(by tenant "$1" show "$2" --json 2>/dev/null | tee "$DEMO_DIR/seen.json" | field seen)" = "$3" ] && grep -q '"equal":true' "$DEMO_DIR/seen.json"; }
    wait_for 300 seen_now "$@" || die "$2 is not $3: $(cat "$DEMO_DIR/seen.json")"
}
# A machine that somebody made by hand, running on a file of its own: claimed, confirmed, taken over.
existing() { # NAME
    local id
    id=$(cat /proc/sys/kernel/random/uuid)
    mkdir -p "$DEMO_DIR/existing"
    head -c 1048576 /dev/zero >"$DEMO_DIR/existing/$1.img"
    cat >"$DEMO_DIR/existing/$1.xml" <<XML
<domain type='qemu'><name>$1-old</name><uuid>$id</uuid><metadata><x:note xmlns:x='urn:somebody-else'/></metadata>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$DEMO_DIR/existing/$1.img'/><target dev='vda'/></disk>
<watchdog model='i6300esb' action='none'/></devices></domain>
XML
    run "$FAKE_TOOL" "$WORLD" foreign "$id" "$DEMO_DIR/existing/$1.xml" running
    insist by tenant adopt claim "$id" --system 测试系统
    run by tenant adopt list --json
    claim=$(items <"$DEMO_DIR/last.log" | grep "$id" | grep '"state":"claimed"' | field id)
    confirmed() {
        rm -f "$DEMO_DIR/papers/$1-old.paper"
        run by bureau adopt confirm "$claim" --number "存量 $1" --hold 100ms --key "$DEMO_DIR/papers/bureau.key" --approval "$DEMO_DIR/papers/approval.txt" \
            --agreement "$DEMO_DIR/papers/agreement.txt" --declaration "$DEMO_DIR/papers/declaration.txt" --out "$DEMO_DIR/papers/$1-old.paper"
    }
    wait_for 100 confirmed "$1" || die "the confirmation was not signed: $(tail -2 "$DEMO_DIR/last.log")"
    insist by bureau adopt submit "$DEMO_DIR/papers/$1-old.paper"
    seen vms "$1-old" running
    grep -q "1 running ours generation=1 .* run=0" <<<"$("$FAKE_TOOL" "$WORLD" list | sed "s/^$id/1/")" || die "it was not taken over as it ran: $("$FAKE_TOOL" "$WORLD" list)"
}
# Its unit gives it up: overwritten where it lies.
existing_gone() { # NAME
    insist by tenant vms bin "$1-old"
    seen vms "$1-old" binned
    insist by tenant vms erase "$1-old" --backup-declared
    seen vms "$1-old" absent
    [ ! -e "$DEMO_DIR/existing/$1.img" ] || die "the disk of $1-old is still there"
}
# A grant, its machine grown, downgraded, in the recycle bin, restored, erased; one taken over as it ran.
story_main() { # NAME CIDR
    existing "$1"
    cat >"$DEMO_DIR/papers/$1.json" <<JSON
{"number":"测试 $1","system":"测试系统","hold_ms":100,"shape":"free","lines":[
 {"line":1,"kind":"network","name":"$1-net","count":1,"cidr":"$2"},
 {"line":2,"kind":"vm","name":"$1-vm","count":1,"vcpus":2,"mem_mib":512,"disk_gib":1,"image":"$IMAGE","firmware":"bios","network_line":1},
 {"line":3,"kind":"volume","name":"$1-data","count":1,"disk_gib":1,"format":"qcow2","attach_line":2},
 {"line":4,"kind":"vm","name":"$1-more","count":1,"vcpus":2,"mem_mib":512,"disk_gib":1,"image":"$IMAGE","deferred":true}]}
JSON
    signed() { rm -f "$DEMO_DIR/papers/$1.paper"; grant_sign "$DEMO_DIR/papers/$1.json" "$DEMO_DIR/papers/$1.paper"; }
    wait_for 100 signed "$1" || die "the grant was not signed"
    insist by bureau grants submit "$DEMO_DIR/papers/$1.paper"
    seen vms "$1-vm" running
    # The unit grows both while the machine runs.
    insist by tenant vms resize "$1-vm" --vcpus 3 --mem-mib 640
    insist by tenant volumes resize "$1-data" --disk-gib 2
    seen volumes "$1-data" present
    seen vms "$1-vm" running
    [ "$(field vcpus <"$DEMO_DIR/seen.json")" = 3 ] || die "$1-vm did not grow: $(cat "$DEMO_DIR/seen.json")"
    idle() { by bureau findings list --json 2>/dev/null | items | grep "\"$1-vm\"" | grep -Eq '"verdict":"(idle|underused)"'; }
    wait_for 600 idle "$1" || die "$1-vm does nothing and was not found idle: $(by bureau findings list --all 2>&1 | grep "$1-vm")"
    # A plan rests on a finding, which may change until it is submitted: then it is signed anew.
    planned() {
        local id
        id=$(cat /proc/sys/kernel/random/uuid)
        rm -f "$DEMO_DIR/papers/$1.plan"
        run by bureau downgrade "$1-vm" --key "$DEMO_DIR/papers/bureau.key" --vcpus 1 --mem-mib 256 --out "$DEMO_DIR/papers/$1.plan" || return 1
        submitted() { run by bureau plans submit "$DEMO_DIR/papers/$1.plan" --request "$id" || grep -q "supports no plan" "$DEMO_DIR/last.log"; }
        wait_for 300 submitted "$1" && ! grep -q "supports no plan" "$DEMO_DIR/last.log"
    }
    wait_for 300 planned "$1" || die "no finding to base a plan on: $(tail -1 "$DEMO_DIR/last.log")"
    seen vms "$1-vm" running
    [ "$(field vcpus <"$DEMO_DIR/seen.json")" = 1 ] || die "$1-vm was not downgraded: $(cat "$DEMO_DIR/seen.json")"
    insist by tenant vms bin "$1-vm"
    seen vms "$1-vm" binned
    insist by tenant restore "$1-vm" --reason "仍需使用"
    seen vms "$1-vm" running
    insist by tenant vms bin "$1-vm"
    seen vms "$1-vm" binned
    insist by tenant vms erase "$1-vm" --backup-declared
    seen vms "$1-vm" absent
    existing_gone "$1"
    for what in volumes:"$1-data" networks:"$1-net"; do
        insist by tenant "${what%%:*}" bin "${what#*:}"
        seen "${what%%:*}" "${what#*:}" binned
        insist by tenant "${what%%:*}" erase "${what#*:}" --backup-declared
        seen "${what%%:*}" "${what#*:}" absent
    done
}

# ---- an approved change: each step an application, a grant that takes the older one's place -----------
# Applied for, granted, carried out; a draft more, where an answer was lost, is none of the story.
changed() { # OLDER NUMBER LINES
    local older=$1 number=$2 lines=$3
    applied() { change_apply "$older" "$lines" now true; }
    wait_for 300 applied || die "the change of $older was not handed in: $(tail -2 "$DEMO_DIR/last.log")"
    granted() { [ "$(by tenant applications show "$CHANGE" --json 2>/dev/null | field state)" = granted ]; }
    approved() { granted || change_approve "$number" --hold 100ms || granted; }
    wait_for 300 approved || die "$number was not granted: $(tail -2 "$DEMO_DIR/last.log")"
}
change_lines() { # NAME CIDR VCPUS MIB GIB
    printf '{"line":1,"kind":"network","name":"%s-net","count":1,"cidr":"%s"},
{"line":2,"kind":"vm","name":"%s-vm","count":1,"vcpus":%d,"mem_mib":%d,"disk_gib":1,"image":"%s","firmware":"bios","network_line":1},
{"line":3,"kind":"volume","name":"%s-data","count":1,"disk_gib":%d,"format":"qcow2","attach_line":2}' "$1" "$2" "$1" "$3" "$4" "$IMAGE" "$1" "$5"
}
has_size() { # NAME VCPUS GIB: ID is the machine's
    seen vms "$1-vm" running
    ID=$(field id <"$DEMO_DIR/seen.json")
    [ "$(field vcpus <"$DEMO_DIR/seen.json")" = "$2" ] || die "$1-vm has not $2 vCPUs: $(cat "$DEMO_DIR/seen.json")"
    seen volumes "$1-data" present
    [ "$(field bytes <"$DEMO_DIR/seen.json")" = $(($3 << 30)) ] || die "$1-data has not $3 GiB: $(cat "$DEMO_DIR/seen.json")"
}
# A grant changed by three others: grown, made smaller, given up; the older ones are superseded.
story_change() { # NAME CIDR
    local stem=$1 id
    printf '{"number":"%s 一","system":"测试系统","hold_ms":100,"lines":[%s]}' "$stem" "$(change_lines "$stem" "$2" 1 256 1)" >"$DEMO_DIR/papers/$stem.json"
    signed() { rm -f "$DEMO_DIR/papers/$stem.paper"; grant_sign "$DEMO_DIR/papers/$stem.json" "$DEMO_DIR/papers/$stem.paper"; }
    wait_for 100 signed || die "the grant was not signed"
    insist by bureau grants submit "$DEMO_DIR/papers/$stem.paper"
    has_size "$stem" 1 1
    id=$ID
    changed "$stem 一" "$stem 二" "$(change_lines "$stem" "$2" 3 512 2)"
    has_size "$stem" 3 2
    changed "$stem 二" "$stem 三" "$(change_lines "$stem" "$2" 2 256 2)"
    has_size "$stem" 2 2
    [ "$ID" = "$id" ] || die "$stem-vm is another machine"
    changed "$stem 三" "$stem 四" "$(change_lines "$stem" "$2" 1 256 1 | sed 's/,$//;q')"
    for what in vms:"$stem-vm" volumes:"$stem-data" networks:"$stem-net"; do
        [ "${what%%:*}" != networks ] || insist by tenant networks bin "$stem-net"
        seen "${what%%:*}" "${what#*:}" binned
        insist by tenant "${what%%:*}" erase "${what#*:}" --backup-declared
        seen "${what%%:*}" "${what#*:}" absent
    done
}

# ---- a unit reshapes its grant -----------------------------------------------------------------------
newest() { # WHAT NAME: the unit's newest act of that kind on that resource
    by tenant undo --json 2>/dev/null | items | grep "\"name\":\"$2\"" | grep "\"what\":\"$1\"" | head -1 | field id
}
acts() { # STEM: all of them, oldest first, from the list
    items | grep "\"name\":\"$1-" | sed 's/.*"what":"\([a-z]*\)".*/\1/' | tac | paste -sd' '
}
erased() { # NOUN NAME: by its unit, for good
    insist by tenant "$1" bin "$2"
    seen "$1" "$2" binned
    insist by tenant "$1" erase "$2" --backup-declared
    seen "$1" "$2" absent
}
# Two ask at the same moment: exactly one is answered with yes, the other with a refusal.
race() { # CMD_A... -- CMD_B...: WON is a or b
    local a=() sure=()
    while [ "$1" != -- ]; do
        a+=("$1")
        shift
    done
    shift
    until_told() { # OUT CMD...: yes (0) or a refusal, not a failure that may pass
        local out=$1 id st
        id=$(cat /proc/sys/kernel/random/uuid)
        settled() {
            st=0
            "${@:2}" --request "$id" >"$out.log" 2>&1 || st=$?
            ! carried_out "$out.log" || st=0
            case $st in 0 | 2 | 3 | 4 | 5) ;; *) return 1 ;; esac
        }
        wait_for 300 settled "$@" || st=99
        echo "$st" >"$out"
    }
    until_told "$DEMO_DIR/race.a" "${a[@]}" &
    sure=$!
    until_told "$DEMO_DIR/race.b" "$@"
    wait "$sure"
    case "$(cat "$DEMO_DIR/race.a"):$(cat "$DEMO_DIR/race.b")" in
    0:[2-5]) WON=a ;;
    [2-5]:0) WON=b ;;
    *) die "of two at once not exactly one was told yes: ${a[*]} ($(cat "$DEMO_DIR/race.a"): $(tail -1 "$DEMO_DIR/race.a.log")) -- $* ($(cat "$DEMO_DIR/race.b"): $(tail -1 "$DEMO_DIR/race.b.log"))" ;;
    esac
}
# Machines made, made smaller, grown, renamed; a volume joins one and leaves it; deleted; each taken back.
story_self() { # NAME CIDR
    local other=$1-b
    cat >"$DEMO_DIR/papers/$1.json" <<JSON
{"number":"测试 $1","system":"测试系统","hold_ms":100,"shape":"free","lines":[
 {"line":1,"kind":"network","name":"$1-lan","count":1,"cidr":"$2"},
 {"line":2,"kind":"vm","name":"$1-web","count":1,"vcpus":3,"mem_mib":384,"disk_gib":2,"image":"$IMAGE","firmware":"bios","network_line":1},
 {"line":3,"kind":"volume","name":"$1-spare","count":1,"disk_gib":3,"deferred":true}]}
JSON
    signed() { rm -f "$DEMO_DIR/papers/$1.paper"; grant_sign "$DEMO_DIR/papers/$1.json" "$DEMO_DIR/papers/$1.paper"; }
    wait_for 100 signed "$1" || die "the grant was not signed"
    insist by bureau grants submit "$DEMO_DIR/papers/$1.paper"
    local grant=(--grant "测试 $1")
    seen vms "$1-web" running
    insist by tenant vms resize "$1-web" --vcpus 1 --mem-mib 128 --restart now --yes
    seen vms "$1-web" running
    # Only one of two fits.
    race by tenant vms create "$1-a" --vcpus 2 --mem-mib 256 --disk-gib 1 --network "$1-lan" "${grant[@]}" \
        -- by tenant vms create "$1-b" --vcpus 2 --mem-mib 256 --disk-gib 1 --network "$1-lan" "${grant[@]}"
    [ "$WON" = b ] || other=$1-a
    seen vms "$other" running
    insist by tenant volumes create "$1-logs" --disk-gib 1 "${grant[@]}"
    seen volumes "$1-logs" present
    insist by tenant volumes attach "$1-logs" --vm "$other"
    seen vms "$other" running
    insist by tenant volumes resize "$1-logs" --disk-gib 2
    seen volumes "$1-logs" present
    insist by tenant volumes detach "$1-logs" --restart now
    seen vms "$other" running
    undone() { run by tenant undo "$(newest "$2" "$1")" --restart now --yes --request "$3"; }
    undo() { wait_for 300 undone "$1" "$2" "$(cat /proc/sys/kernel/random/uuid)" || die "$2 of $1 was not undone: $(tail -2 "$DEMO_DIR/last.log")"; }
    undo "$1-logs" detach
    seen volumes "$1-logs" present
    insist by tenant vms rename "$other" --name "$1-c"
    undo "$1-c" rename
    seen vms "$other" running
    insist by tenant vms bin "$other"
    seen vms "$other" binned
    insist by tenant restore "$other"
    seen vms "$other" running
    told "$DEMO_DIR/seen.json" tenant undo --json
    acts "$1" <"$DEMO_DIR/seen.json" >"$DEMO_DIR/acts"
    [ "$(cat "$DEMO_DIR/acts")" = "resize create create attach resize detach attach rename rename bin restore" ] || die "acts twice, or not at all: $(cat "$DEMO_DIR/acts")"
    erased vms "$other"
    erased vms "$1-web"
    erased volumes "$1-logs"
    erased networks "$1-lan"
}

# ---- approvals given elsewhere, handover -----------------------------------------------------------
doors_up() { # once a cloud: a second reviewer, an approver elsewhere, the year whose notice is to come
    NEXT_YEAR=$(($(by bureau calendars list --json | grep -o '"year":[0-9]*' | cut -d: -f2 | sort -n | tail -1) + 1))
    person reviewer 复核员 市政务服务和大数据管理局 bureau security
    run openssl genpkey -algorithm SM2 -out "$DEMO_DIR/papers/approver.key"
    run openssl pkey -in "$DEMO_DIR/papers/approver.key" -pubout -out "$DEMO_DIR/papers/approver.pem"
    run by security approvers add 市发改委审批处 --unit 市发展和改革委员会 --credential "$DEMO_DIR/papers/approver.pem"
    SYSTEM_ID=$(by tenant systems list --json | field id) UNIT_ID=$(by tenant systems list --json | field unit)
}
listed() { # PROFILE NOUN WORDS: what of a list has the words, one a line; asked until it is answered
    local list=$DEMO_DIR/list.$BASHPID
    told "$list" "$1" "$2" list --json
    items <"$list" | grep -F "$3" || true
    rm -f "$list"
}
told() { # FILE PROFILE NOUN...: what is shown, asked until it is answered
    ask() { by "${@:2}" >"$1" 2>"$DEMO_DIR/last.log"; }
    wait_for 300 ask "$@" || die "no answer: ${*:2}: $(tail -1 "$DEMO_DIR/last.log")"
}
# The sheet of that number, which comes with the last readback; the newest link opens, once.
handed_over() { # NUMBER
    local sheet link
    sheet_came() { sheet=$(listed tenant handovers "$1" | field number) && [ -n "$sheet" ]; }
    wait_for 300 sheet_came "$1" || die "no handover sheet for $1"
    [ "$(listed tenant handovers "$1" | wc -l)" = 1 ] || die "two handover sheets for $1"
    opened() { # a link whose answer was lost is asked for anew, one that was used up too
        link=$(by tenant handovers link "$1" 2>"$DEMO_DIR/last.log") || return 1
        run curl -sSf --cacert "$DEMO_DIR/controller/ca.pem" "$link" && # looking does not use it up
            run curl -sSf --cacert "$DEMO_DIR/controller/ca.pem" -X POST "$link"
    }
    wait_for 300 opened "$sheet" || die "no link of $sheet opened: $(tail -2 "$DEMO_DIR/last.log")"
    ! curl -sSf --cacert "$DEMO_DIR/controller/ca.pem" -X POST "$link" >"$DEMO_DIR/last.log" 2>&1 || die "a link opened twice: $link"
    insist by tenant cases accept "$sheet" --reason "与交付单一致"
    told "$DEMO_DIR/seen.json" tenant cases show "$sheet" --json
    [ "$(grep -o '"event":"accept"' "$DEMO_DIR/seen.json" | wc -l)" = 1 ] || die "$sheet was not accepted once"
}
# The same number comes in by two at once; one of two reviewers confirms, the other refuses.
story_import() { # NAME CIDR
    local doc=$DEMO_DIR/papers/$1.json number="外批 $1"
    sum() { sha256sum <"$DEMO_DIR/papers/$1.txt" | cut -c1-64; }
    cat >"$doc" <<JSON
{"version":1,"number":"$number","system":"$SYSTEM_ID","unit":"$UNIT_ID","date":"$(TZ=Asia/Shanghai date -d '-40 days' +%F)","hold_ms":100,
 "approval_sha256":"$(sum approval)","agreement_sha256":"$(sum agreement)","declaration_sha256":"$(sum declaration)",
 "lines":[{"line":1,"kind":"network","name":"$1-net","count":1,"cidr":"$2"},{"line":2,"kind":"volume","name":"$1-archive","count":1,"disk_gib":1}]}
JSON
    { printf 'bianyun import 1\0' && cat "$doc"; } |
        openssl dgst -sm3 -sign "$DEMO_DIR/papers/approver.key" -sigopt distid:1234567812345678 -out "$doc.sig"
    local bring=(grants import "$doc" --signature "$doc.sig") confirm=(imports confirm "$number" --key "$DEMO_DIR/papers/bureau.key" --reason "与原件一致")
    race by provider "${bring[@]}" -- by bureau "${bring[@]}"
    [ "$(listed bureau imports "$number" | wc -l)" = 1 ] || die "$number was imported twice"
    race by bureau "${confirm[@]}" -- by reviewer imports refuse "$number" --reason "与我局记录不符"
    if [ "$WON" = b ]; then # its number is free again
        insist by provider "${bring[@]}"
        insist by bureau "${confirm[@]}"
    fi
    [ "$(listed bureau grants "$number" | wc -l)" = 1 ] || die "$number is not one grant"
    seen volumes "$1-archive" present
    seen networks "$1-net" present
    handed_over "$number"
    erased volumes "$1-archive"
    erased networks "$1-net"
}

# ---- applications -----------------------------------------------------------------------------------
# A draft with its documents; it is edited, recalled and approved at the same moments.
story_application() { # NAME CIDR
    local doc=$DEMO_DIR/papers/$1.json number="批复 $1" case papers=()
    for p in approval agreement declaration; do papers+=(--$p "$DEMO_DIR/papers/$p.txt"); done
    cat >"$doc" <<JSON
{"purpose":"$1 业务网段","basis":"按试点推算","users":400,"share_reason":"暂无可共享数据","lines":[
 {"line":1,"kind":"network","name":"$1-net","count":1,"cidr":"$2"},{"line":2,"kind":"volume","name":"$1-more","count":2,"disk_gib":1}]}
JSON
    insist by tenant applications add "$doc" --system 测试系统 "${papers[@]}"
    [ "$(listed tenant applications '"state":"draft"' | wc -l)" = 1 ] || die "not one draft: $(listed tenant applications '"state":"draft"')"
    case=$(listed tenant applications '"state":"draft"' | field number)
    insist by tenant applications submit "$case"
    local approve=(applications approve "$case" --number "$number" --key "$DEMO_DIR/papers/bureau.key" --reason "按需核定" --reduce 2.count=1 --hold 100ms)
    local recall=(applications recall "$case" --reason "补充用途")
    race by reviewer applications return "$case" --reason "请写明用途" -- by tenant "${recall[@]}"
    sed -i 's/"users":400/"users":500/' "$doc"
    insist by tenant applications edit "$case" --file "$doc" "${papers[@]}"
    insist by tenant applications submit "$case"
    # Edited under review: the approval is of what was read, or it is refused.
    race by bureau "${approve[@]}" -- by tenant "${recall[@]}"
    if [ "$WON" = b ]; then
        insist by tenant applications submit "$case"
        # Two reviewers at once.
        race by bureau "${approve[@]}" -- by reviewer applications return "$case" --reason "再核实"
        if [ "$WON" = b ]; then
            insist by tenant applications submit "$case"
            insist by bureau "${approve[@]}"
        fi
    fi
    told "$DEMO_DIR/seen.json" tenant applications show "$case" --json
    [ "$(grep -o '"event":"reduce"' "$DEMO_DIR/seen.json" | wc -l)" = 1 ] || die "$case was not granted once: $(cat "$DEMO_DIR/seen.json")"
    [ "$(listed bureau grants "$number" | wc -l)" = 1 ] || die "$number is not one grant"
    seen networks "$1-net" present
    seen volumes "$1-more" present
    handed_over "$number"
    erased volumes "$1-more"
    erased networks "$1-net"
}

# ---- accounts, the calendar -------------------------------------------------------------------------
# A person is registered, given a role, signs in, is locked out by a stranger and unlocked, and is put
# out in the middle of an act; the notice of a year comes in.
story_people() { # NAME
    local me=$1 dir=$DEMO_DIR/people status
    mkdir -p "$dir"
    id_number $((500 + n)) >"$dir/id"
    printf 'Bian-liang-%s' 2026 >"$dir/right"
    printf 'not-this-Aa-%s' 2026 >"$dir/wrong"
    registered() {
        run by admin accounts add "$me" --name "$me" --unit 市卫生健康委员会 --role tenant --id-file "$dir/id" || grep -q "is taken" "$DEMO_DIR/last.log"
    }
    wait_for 300 registered || die "$me was not registered: $(tail -1 "$DEMO_DIR/last.log")"
    [ "$(listed admin accounts "\"login\":\"$me\"" | wc -l)" = 1 ] || die "$me is not there once"
    assigned() { by bureau accounts assign "$me" >"$dir/token" 2>"$DEMO_DIR/last.log"; }
    wait_for 300 assigned || die "$me got no role: $(tail -1 "$DEMO_DIR/last.log")"
    in_by_token() { # a token whose sign-in was not answered is used up: there is a new one
        run by "$me" login --url "$PEOPLE_URL" --ca "$DEMO_DIR/controller/ca.pem" --token-file "$dir/token" ||
            { by security accounts token "$me" >"$dir/token" 2>/dev/null && false; }
    }
    wait_for 300 in_by_token || die "$me cannot sign in by a token: $(tail -1 "$DEMO_DIR/last.log")"
    in_by_word() { run by "$me" login --login "$me" --password-file "$dir/right"; }
    word_set() { run by "$me" passwd --new-password-file "$dir/right" || in_by_word; }
    wait_for 300 word_set || die "$me has no password: $(tail -1 "$DEMO_DIR/last.log")"
    state_is() { listed security accounts "\"login\":\"$me\"" | grep -q "\"state\":\"$1\""; }
    locked() { # failures that are no lock yet are forgotten by a restart: a stranger tries again
        run by stranger login --url "$PEOPLE_URL" --ca "$DEMO_DIR/controller/ca.pem" --login "$me" --password-file "$dir/wrong"
        state_is locked
    }
    wait_for 50 locked || die "$me was not locked: $(tail -1 "$DEMO_DIR/last.log")"
    out_by_word() { ! in_by_word && ! grep -q "is the controller running" "$DEMO_DIR/last.log"; }
    wait_for 100 out_by_word || die "a locked account signed in"
    run by "$me" whoami || wait_for 100 run by "$me" whoami || die "the live session of a locked account ended: $(tail -1 "$DEMO_DIR/last.log")"
    unlocked() { run by security accounts unlock "$me" && state_is active; }
    wait_for 300 unlocked || die "$me was not unlocked: $(tail -1 "$DEMO_DIR/last.log")"
    wait_for 300 in_by_word || die "$me cannot sign in: $(tail -1 "$DEMO_DIR/last.log")"

    # Put out while it acts: what was answered with yes is there, once; what was refused is not.
    status=0
    by "$me" systems add "$me" --unit 市卫生健康委员会 --purpose "测试" --mlps 2 >"$dir/act" 2>&1 &
    local act=$!
    out() { run by admin accounts disable "$me"; }
    wait_for 300 out || die "$me was not disabled: $(tail -1 "$DEMO_DIR/last.log")"
    wait $act || status=$?
    local there
    there_now() { there=$(by bureau systems list --json 2>/dev/null | tee "$dir/systems" | items | grep -c "\"name\":\"$me\""); [ -s "$dir/systems" ]; }
    wait_for 300 there_now
    case $status:$there in
    0:1 | 3:0 | [68]:[01]) ;;
    *) die "an act of a disabled account: status $status, there $there: $(cat "$dir/act")" ;;
    esac
    refused() { status=0; run by "$me" whoami || status=$?; [ $status != 6 ]; }
    wait_for 300 refused
    [ $status = 3 ] || die "a disabled account's session lives: $(cat "$DEMO_DIR/last.log")"
    wait_for 100 out_by_word || die "a disabled account signed in"

    # The notice of a year, corrected again and again: the last one that was acknowledged is in force.
    cat >"$DEMO_DIR/papers/$1.calendar" <<JSON
{"version":1,"year":$NEXT_YEAR,"number":"通知 $1","off":[{"first":"$NEXT_YEAR-01-01","last":"$NEXT_YEAR-01-03","name":"元旦"},
 {"first":"$NEXT_YEAR-02-05","last":"$NEXT_YEAR-02-11"},{"first":"$NEXT_YEAR-10-01","last":"$NEXT_YEAR-10-07"}]}
JSON
    insist by bureau calendars import "$DEMO_DIR/papers/$1.calendar" --reason "按通知更正"
    in_force() { by tenant calendars show "$NEXT_YEAR" --json >"$DEMO_DIR/seen.json" 2>/dev/null && grep -q "\"number\":\"通知 $1\"" "$DEMO_DIR/seen.json"; }
    wait_for 100 in_force "$1" || die "another calendar is in force: $(cat "$DEMO_DIR/seen.json")"
    wait_for 300 ledger_has 1 call.calendar_add "通知 $1"
}
ledger_has() { # TIMES ACT WORDS
    rm -f "$DEMO_DIR/ledger"
    run by auditor ledger export "$DEMO_DIR/ledger" || return 1
    [ "$(grep -F "$2" "$DEMO_DIR/ledger" | grep -cF "$3")" = "$1" ] || die "not $1 times in the ledger: $2 $3"
}

# ---- documents and images ---------------------------------------------------------------------------
# A document of several parts with an application, which is given up; an image sent, published, used by
# a machine on a host that fetches it, and retired.
story_upload() { # NAME CIDR
    local dir=$DEMO_DIR/upload number
    mkdir -p "$dir"
    { echo "$1"; head -c 1100000 /dev/zero | tr '\0' 'a'; } >"$dir/approval.txt"
    echo "{\"purpose\":\"$1 扩容\",\"basis\":\"按试点推算\",\"lines\":[{\"line\":1,\"kind\":\"network\",\"name\":\"$1-x\",\"count\":1,\"cidr\":\"$2\"}]}" >"$dir/application"
    insist by tenant applications add "$dir/application" --system 测试系统 --approval "$dir/approval.txt"
    [ "$(listed tenant applications '"state":"draft"' | wc -l)" = 1 ] || die "not one draft"
    number=$(listed tenant applications '"state":"draft"' | field number)
    back() {
        rm -f "$dir/back"
        doc=$(by tenant applications show "$number" --json 2>/dev/null | grep -o '"attachment":"[^"]*"' | cut -d'"' -f4)
        run by bureau attachments get "$doc" --out "$dir/back" || run by tenant attachments get "$doc" --out "$dir/back"
    }
    wait_for 300 back || die "the document does not come back: $(tail -1 "$DEMO_DIR/last.log")"
    cmp -s "$dir/approval.txt" "$dir/back" || die "another document than was sent"
    insist by tenant applications withdraw "$number" --reason "不再需要"

    head -c 2300000 /dev/urandom >"$dir/image"
    local sha
    sha=$(sha256sum <"$dir/image" | cut -d' ' -f1)
    sent() { run by provider images upload "$dir/image" --name "$1" --os "Debian 12" --image-version 1 || grep -Eq "is (here|there) already|checked" "$DEMO_DIR/last.log"; }
    wait_for 300 sent "$1" || die "the image was not sent: $(tail -1 "$DEMO_DIR/last.log")"
    checked() { [ "$(by provider images show "$1" --json 2>/dev/null | field state)" = checked ]; }
    wait_for 300 checked "$1" || die "the image was not looked at: $(by provider images show "$1")"
    [ "$(sha256sum <"$DEMO_DIR/controller/images/$sha" | cut -d' ' -f1)" = "$sha" ] || die "other bytes than were sent"
    insist by bureau images publish "$1"
    cat >"$DEMO_DIR/papers/$1.json" <<JSON
{"number":"测试 $1","system":"测试系统","hold_ms":100,"lines":[
 {"line":1,"kind":"vm","name":"$1-vm","count":1,"vcpus":1,"mem_mib":256,"disk_gib":1,"image":"$1","firmware":"bios"}]}
JSON
    signed() { rm -f "$DEMO_DIR/papers/$1.paper"; grant_sign "$DEMO_DIR/papers/$1.json" "$DEMO_DIR/papers/$1.paper"; }
    wait_for 100 signed "$1" || die "the grant was not signed"
    insist by bureau grants submit "$DEMO_DIR/papers/$1.paper"
    seen vms "$1-vm" running
    [ "$(sha256sum <"$DEMO_DIR/images/$sha.img" | cut -d' ' -f1)" = "$sha" ] || die "the image on the host is another"
    insist by provider images retire "$1"
    erased vms "$1-vm"
    rm -f "$DEMO_DIR/images/$sha.img"
}
