#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Stock Debian kernels for the lab: found with apt, downloaded, unpacked into a cache outside the
# tree. Nothing is installed.
#
#   tests/lab/kernels.sh get 6.12      print the folder of that kernel, making it first if need be
#   tests/lab/kernels.sh update 6.12   look again whether there is a newer one
#   tests/lab/kernels.sh offered 6.12  print the package this system offers; exit 3 when none
#   tests/lab/kernels.sh list          what is in the cache
#
# A kernel folder holds vmlinuz, release, modules/ (what belongs at /lib/modules/RELEASE) and the
# initramfs images made for it. When this file is sourced the functions lab_kernel_* do the same.

LAB_KERNEL_SERIES=(6.12 6.1)

lab_kernel_say() { printf 'lab: %s\n' "$*" >&2; }

# The v1 is the layout: another layout never meets the folders of this one.
lab_cache_dir() { printf '%s/v1\n' "${LBD_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lbd-lab}"; }

# Names of the plain flavour, newest first. The cloud flavour has no 9p, and rt is another kernel.
# The signed package and the unsigned one hold the same kernel; the unsigned one is the way out
# while a mirror does not have the signed one yet.
lab_kernel_packages() {
    local series=$1 names
    names=$(apt-cache pkgnames "linux-image-$series." 2>/dev/null |
        grep -E "^linux-image-${series//./\\.}\.[0-9][0-9a-z.+~]*(-[0-9]+)?-amd64(-unsigned)?$")
    {
        grep -v -e '-unsigned$' <<<"$names" | sort -rV
        grep -e '-unsigned$' <<<"$names" | sort -rV
    } | sed '/^$/d'
}

# pkgnames also lists names that only other packages speak of, hence the look at the candidate.
lab_kernel_offered() {
    local name candidate
    while read -r name; do
        candidate=$(LC_ALL=C apt-cache policy "$name" | sed -n 's/^  Candidate: //p')
        if [[ -n $candidate && $candidate != "(none)" ]]; then
            printf '%s\n' "$name"
            return 0
        fi
    done < <(lab_kernel_packages "$1")
    return 3
}

# What a guest without disks, screens or sound can never use; a third of the cache and of depmod.
lab_kernel_prune() {
    local keep
    local -a not=()
    rm -rf "$1"/kernel/sound
    for keep in block char net ptp vhost virtio; do
        not+=(! -name "$keep")
    done
    find "$1"/kernel/drivers -mindepth 1 -maxdepth 1 "${not[@]}" -exec rm -rf {} +
    for keep in ethernet wireless usb can wan arcnet hamradio ieee802154 fddi wwan; do
        rm -rf "$1/kernel/drivers/net/$keep"
    done
}

# Under emulation unpacking a module costs more than reading it, so it is done once, here.
lab_kernel_unpack_modules() {
    find "$1" -name '*.ko.xz' -exec xz -d {} +
    find "$1" -name '*.ko.zst' -exec zstd -q -d --rm {} +
    find "$1" -name '*.ko.gz' -exec gzip -d {} +
}

# Makes the folder $2 from the package $1. Runs in a subshell, in a temporary folder of its own;
# the result appears under its name in one rename, so a half-made one is never seen.
lab_kernel_make() (
    set -e
    package=$1 target=$2
    work=$(mktemp -d "${target%/*}/.making.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    cd "$work"
    # The folder is private, so apt's own download user cannot write here.
    options=()
    if ((EUID == 0)); then
        options=(-o APT::Sandbox::User=root)
    fi
    apt-get -q "${options[@]}" -o Acquire::Retries=3 download "$package" >download.log 2>&1 || {
        sed 's/^/lab:   /' download.log >&2
        exit 1
    }
    dpkg -x ./*.deb tree
    [[ -d tree/lib/modules ]] || ln -s usr/lib tree/lib
    release=$(cd tree/lib/modules && echo *)
    mkdir made
    # depmod wants the tree the way it is in a system.
    lab_kernel_prune "tree/lib/modules/$release"
    lab_kernel_unpack_modules "tree/lib/modules/$release"
    depmod -b "$work/tree" "$release"
    cp "tree/boot/vmlinuz-$release" made/vmlinuz
    mv "tree/lib/modules/$release" made/modules
    printf '%s\n' "$release" >made/release
    printf '%s\n' "$package" >made/package
    chmod 755 made
    mv -T made "$target"
)

# lab_kernel_get SERIES [fresh]: prints the folder. Exit 3: this system offers no such kernel.
lab_kernel_get() {
    local series=$1 fresh=${2-} cache link name lock status=0
    cache=$(lab_cache_dir)
    link=$cache/kernel-$series
    if [[ -z $fresh && -e $link/release ]]; then
        readlink -f "$link"
        return 0
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        lab_kernel_say "no apt-get or dpkg here: the lab takes its kernels from Debian packages"
        return 3
    fi
    mkdir -p "$cache" || return 1
    exec {lock}>"$cache/lock"
    flock "$lock"
    lab_kernel_get_locked || status=$?
    exec {lock}>&-
    return "$status"
}

# Uses the variables of lab_kernel_get.
lab_kernel_get_locked() {
    # Another caller may have made it while we waited.
    if [[ -z $fresh && -e $link/release ]]; then
        readlink -f "$link"
        return 0
    fi
    # What a caller killed halfway left behind; nobody else is at work, we hold the lock.
    rm -rf "$cache"/.making.*
    if ! name=$(lab_kernel_offered "$series"); then
        if ((EUID == 0)); then
            apt-get -q update >/dev/null 2>&1
        fi
        name=$(lab_kernel_offered "$series") || {
            lab_kernel_say "the package sources of this system offer no plain $series kernel (linux-image-$series.*-amd64)"
            return 3
        }
    fi
    if [[ ! -e $cache/$name/release ]]; then
        lab_kernel_say "fetching $name, this happens once"
        if ! lab_kernel_make "$name" "$cache/$name"; then
            # Old package lists name files that the mirror no longer has.
            if ((EUID != 0)); then
                return 1
            fi
            lab_kernel_say "once more with fresh package lists"
            apt-get -q update >/dev/null 2>&1
            name=$(lab_kernel_offered "$series") || return 3
            [[ -e $cache/$name/release ]] || lab_kernel_make "$name" "$cache/$name" || return 1
        fi
    fi
    ln -sfn "$name" "$link.new"
    mv -T "$link.new" "$link"
    readlink -f "$link"
}

lab_kernel_list() {
    local cache series
    cache=$(lab_cache_dir)
    for series in "${LAB_KERNEL_SERIES[@]}"; do
        if [[ -e $cache/kernel-$series/release ]]; then
            printf '%s %s\n' "$series" "$(readlink -f "$cache/kernel-$series")"
        fi
    done
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    case ${1-}:${2-} in
    get:?*) lab_kernel_get "$2" ;;
    update:?*) lab_kernel_get "$2" fresh ;;
    offered:?*) lab_kernel_offered "$2" ;;
    list:) lab_kernel_list ;;
    *)
        echo "usage: ${0##*/} get|update|offered SERIES  |  ${0##*/} list" >&2
        exit 2
        ;;
    esac
fi
