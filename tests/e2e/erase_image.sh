# Sourced: a loop file system to erase on, and the search under it.  Root only.
# shellcheck shell=bash

# image_up FILE MIB MOUNTPOINT [mkfs options]: make FILE, an ext4 file system, mounted.
# Without inline_data: with it, files of up to about 150 bytes lie in their inodes, whose old copies
# the journal keeps; extent_erase() says so in its report, nothing can overwrite them.
image_up() {
    local file=$1 mib=$2 at=$3
    shift 3
    truncate -s "${mib}M" "$file"
    mkfs.ext4 -q -F -O ^inline_data -E lazy_itable_init=0 "$@" "$file" >&2
    mkdir -p "$at"
    mount -o loop,data=ordered "$file" "$at"
}

# image_down MOUNTPOINT: unmounted, everything on the image, the loop device given back.
image_down() {
    sync -f "$1"
    umount "$1"
}

# image_hits FILE MARKER: what follows the marker, one line per place, freed blocks and journal
# included.
image_hits() {
    { grep -aoE "$2@[a-z-]+" "$1" || [ $? = 1 ]; } | sed 's/.*@//' | sort
}
