# shellcheck shell=bash disable=SC2034 # sourced: what it sets is used by those who source it
# Private hosts with guests of guest-image in them: what libvirt and the guests say.  Source it with
# $host (private-host) and $work set; host H has the folder $work/H, and serial_log H ID says where
# the console of the guest ID on it is written.  `said` is the newest answer.
said='' marks=0
declare -A console marked
not() { ! "$@"; }
# shellcheck source=tests/testbed/within.sh
. "$(dirname "${BASH_SOURCE[0]}")/within.sh"
vir() { timeout 60 virsh -q -c "qemu+unix:///system?socket=$work/$1/run/libvirt/libvirt-sock" "${@:2}"; }
on() { "$host" exec "$work/$1" "${@:2}"; }
# A guest's shell is on its serial console: what it prints is in its log.  QEMU reads the console
# only while somebody has it open, and a guest that started again has another.
guest_tell() { # HOST ID COMMAND: it begins
    local pty fd
    pty=$(vir "$1" ttyconsole "$2") || return 1
    if [ "${console[$2]:-}" != "$pty" ]; then
        exec {fd}<>"$pty"
        console[$2]=$pty console[$2.fd]=$fd
        cat <&"$fd" >/dev/null 2>&1 & # ends with the guest's QEMU
        disown
    fi
    fd=${console[$2.fd]}
    marks=$((marks + 1))
    marked[$2]=DONE-$marks-
    echo "$3; echo ${marked[$2]}\$?" >&"$fd"
}
guest_answer() { # HOST ID SECONDS: its exit status is 0
    local log mark=${marked[$2]}
    log=$(serial_log "$1" "$2")
    answered() { grep -aq "^${mark}[0-9]" "$log"; }
    within "$3" answered || { said="the guest did not end"; return 1; }
    said=$(grep -a "^${mark}[0-9]" "$log" | tail -1 | tr -d '\r')
    [ "$said" = "${mark}0" ]
}
guest() { guest_tell "$1" "$2" "$4" && guest_answer "$1" "$2" "$3"; } # HOST ID SECONDS COMMAND
boots() { grep -ac "GUEST-ADDRESS eth0 $3" "$(serial_log "$1" "$2")"; } # HOST ID ADDRESS
has_address() { [ "$(boots "$@")" -gt 0 ]; }
pings() { guest "$1" "$2" 300 "ping -c 3 -W 10 $3 >/dev/null"; }
# The guest itself says that nothing came back: one that does not answer at all passes nothing.
silent() { guest "$1" "$2" 300 "! ping -c 2 -W 2 $3 >/dev/null"; }
reaches() { # HOST ID ADDRESS: within the time that a learning network may take
    local n
    for n in 1 2 3 4 5; do pings "$@" && return 0; done
    return 1
}
# What the guest's neighbour table has for an address is the hardware address of this bridge.
sees_gateway_of() { # HOST ID ADDRESS BRIDGE_HOST BRIDGE
    local mac
    mac=$(on "$4" cat "/sys/class/net/$5/address")
    guest "$1" "$2" 300 "ping -c 3 -W 10 $3 >/dev/null; arp -n | grep -i '($3) at $mac'"
}
leases() { vir "$1" net-dhcp-leases "$2" | awk '/ipv4/{print $3}' | sort | paste -sd' '; } # HOST NET
# What a part's guests ask of DHCP: how often it came to the VXLAN port, and how often it crossed.
dhcp_watch() { # HOST
    on "$1" nft -f - <<NFT
table bridge probe {
    chain tried { type filter hook postrouting priority 300; policy accept; oifname "bx*" udp dport 67 counter; }
    chain crossed { type filter hook postrouting priority 400; policy accept; oifname "bx*" udp dport 67 counter; }
}
NFT
}
counted() { # HOST CHAIN: packets that the probe counted
    on "$1" nft list chain bridge probe "$2" | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p'
}
