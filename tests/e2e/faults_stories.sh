# shellcheck shell=bash disable=SC2154 # sourced by faults_fake, which sets what is used here
# The stories that the fault table is played on.  A story is story_NAME STEM CIDR: it says each thing
# until it is answered, as people would, and leaves nothing in the world; WORLD, IMAGE and the papers
# are those of fake_lib.sh.

# The same request again and again until it is answered: it acts once.
insist() { # CMD...
    local id
    id=$(cat /proc/sys/kernel/random/uuid)
    again() { run "$@" --request "$id"; }
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
acts() { # STEM: all of them, oldest first
    by tenant undo --json 2>/dev/null | items | grep "\"name\":\"$1-" | sed 's/.*"what":"\([a-z]*\)".*/\1/' | tac | paste -sd' '
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
        told() {
            st=0
            "${@:2}" --request "$id" >"$out.log" 2>&1 || st=$?
            case $st in 0 | 2 | 3 | 4 | 5) ;; *) return 1 ;; esac
        }
        wait_for 300 told "$@" || st=99
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
    acts "$1" >"$DEMO_DIR/acts"
    [ "$(cat "$DEMO_DIR/acts")" = "resize create create attach resize detach attach rename rename bin restore" ] || die "acts twice, or not at all: $(cat "$DEMO_DIR/acts")"
    erased vms "$other"
    erased vms "$1-web"
    erased volumes "$1-logs"
    erased networks "$1-lan"
}

# ---- the doors --------------------------------------------------------------------------------------
doors_up() { :; }
