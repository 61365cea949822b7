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
# A kernel folder holds kernel, release, lib/modules/RELEASE and the initramfs images made for it. When this file is sourced the functions lab_kernel_* do the same.

LAB_KERNEL_SERIES=(6.12 6.1)

lab_kernel_say() { printf 'lab: %s\n' "$*" >&2; }

# The v2 is the layout: another layout never meets the folders of this one.
lab_cache_dir() { printf '%s/v2\n' "${LBD_LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lbd-lab}"; }

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

# A bzImage unpacks itself at every boot: 1.5 s (zstd) to 4 s (xz) under emulation. qemu also starts
# the ELF file inside (these kernels have the PVH entry), so it is taken out once, here.
lab_kernel_uncompress() {
    local position tool magic
    for tool in 'zstd -dqc:\x28\xb5\x2f\xfd' 'xz -dqc --single-stream:\xfd7zXZ\x00' 'gzip -dqc:\x1f\x8b\x08'; do
        magic=${tool#*:} tool=${tool%%:*}
        while IFS=: read -r position _; do
            # The unpackers complain about what follows the packed part; the result tells.
            # shellcheck disable=SC2086
            tail -c +$((position + 1)) "$1" | $tool >"$2" 2>/dev/null || true
            if [[ $(head -c 4 "$2" | od -An -tx1) == " 7f 45 4c 46" ]]; then
                return 0
            fi
        done < <(LC_ALL=C grep -aboP "$magic" "$1" | tr -d '\0')
    done
    rm -f "$2"
    return 1
}

# Makes the folder $2 from the package $1, in a temporary folder; the result appears under its name
# in one rename, so a half-made one is never seen. Runs as a process of its own because a shell
# forgets "set -e" inside anything whose status is asked for.
lab_kernel_make() {
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
    modules=$(echo tree/lib/modules/* tree/usr/lib/modules/*)
    for modules in $modules; do
        [[ ! -d $modules/kernel ]] || break
    done
    release=${modules##*/}
    mkdir -p made/lib/modules
    lab_kernel_prune "$modules"
    lab_kernel_unpack_modules "$modules"
    mv "$modules" "made/lib/modules/$release"
    depmod -b "$work/made" "$release"
    lab_kernel_uncompress "tree/boot/vmlinuz-$release" made/kernel ||
        cp "tree/boot/vmlinuz-$release" made/kernel
    printf '%s\n' "$release" >made/release
    chmod 755 made
    mv -T made "$target"
}

# The first root of a guest: a static busybox, the modules that reach the host's files, and
# guest-init.sh. Prints its path. The name carries a hash of all that goes in, so a change makes a
# new one and nobody boots an old one.
lab_kernel_initramfs() {
    local folder=$1 here release busybox image work key path name
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    release=$(<"$folder/release")
    busybox=$(command -v busybox) || {
        lab_kernel_say "busybox is missing"
        return 1
    }
    if ldd "$busybox" >/dev/null 2>&1; then
        lab_kernel_say "$busybox is not static; the package is busybox-static"
        return 1
    fi
    key=$(cat "$busybox" "$here/guest-init.sh" "$here/kernels.sh" | sha256sum | cut -c1-16)
    image=$folder/initramfs-$key
    if [[ -e $image ]]; then
        printf '%s\n' "$image"
        return 0
    fi
    work=$(mktemp -d "$folder/.initramfs.XXXXXX") || return 1
    mkdir -p "$work/root/bin" "$work/root/modules"
    cp "$busybox" "$work/root/bin/busybox"
    cp "$here/guest-init.sh" "$work/root/init"
    chmod 755 "$work/root/init"
    for name in virtio_pci 9pnet_virtio 9p overlay; do
        # -C: this machine's own modprobe settings are not the guest's.
        modprobe -C /dev/null -d "$folder" -S "$release" --show-depends "$name" || return 1
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$work/list"
    while read -r path; do
        cp "$path" "$work/root/modules/"
        printf '%s\n' "${path##*/}"
    done <"$work/list" >"$work/root/modules/order"
    # No compression: reading 2 MB is cheaper than unpacking them under emulation.
    if (cd "$work/root" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) >"$work/image" &&
        [[ -s $work/root/modules/order ]] && mv "$work/image" "$image"; then
        rm -rf "$work"
        printf '%s\n' "$image"
        return 0
    fi
    rm -rf "$work"
    lab_kernel_say "cannot make the initramfs for $release"
    return 1
}

# lab_kernel_get SERIES [fresh]: prints the folder. Exit 3: this system offers no such kernel.
lab_kernel_get() {
    local series=$1 fresh=${2-} cache link name lock self status=0
    self=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/kernels.sh
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
        if ! bash "$self" --make "$name" "$cache/$name"; then
            # Old package lists name files that the mirror no longer has.
            if ((EUID != 0)); then
                return 1
            fi
            lab_kernel_say "once more with fresh package lists"
            apt-get -q update >/dev/null 2>&1
            name=$(lab_kernel_offered "$series") || return 3
            [[ -e $cache/$name/release ]] || bash "$self" --make "$name" "$cache/$name" || return 1
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
    --make:?*) lab_kernel_make "$2" "$3" ;;
    *)
        echo "usage: ${0##*/} get|update|offered SERIES  |  ${0##*/} list" >&2
        exit 2
        ;;
    esac
fi
