#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# root.sh PACKAGE...: a fresh Debian, that of this machine, with these packages in it and nothing else; made once by
# debootstrap and kept beside the kernels of the lab. Prints its folder. Exit status 77: it cannot be made here.

set -u -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
# shellcheck source-path=SCRIPTDIR source=../lab/kernels.sh
source "$here/../lab/kernels.sh"
say() { printf 'root.sh: %s\n' "$*" >&2; }
skip() {
    say "skipped: $*"
    exit 77
}

[[ $(id -u) == 0 ]] || skip "needs root"
command -v debootstrap >/dev/null || skip "debootstrap is missing; run: tests/lab/install.sh package"
# shellcheck source=/dev/null
codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
    awk -v codename="$codename" '$2 == codename && $3 == "main" { print $1; exit }')
[[ -n $codename && -n $mirror ]] || skip "the package sources of this machine name no Debian of its own release"

cache=$(lab_cache_dir)
mkdir -p "$cache" || exit 1
names=$(printf '%s\n' "$@" | LC_ALL=C sort -u | paste -sd,)
root=$cache/root-$codename-$(printf '%s %s' "$mirror" "$names" | sha256sum | cut -c1-12)
exec {lock}>"$cache/lock-root"
flock "$lock"
if [[ ! -d $root ]]; then
    # older ones have other packages in them
    rm -rf "$cache"/.root.* "$cache/root-$codename"-*
    work=$(mktemp -d "$cache/.root.XXXXXX") || exit 1
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    say "making a fresh $codename, this happens once"
    debootstrap --variant=minbase --include="$names" "$codename" "$work/tree" "$mirror" >&2 ||
        skip "debootstrap failed (above)"
    rm -rf "$work"/tree/var/cache/apt/archives/*.deb "$work"/tree/var/lib/apt/lists/*
    mv -T "$work/tree" "$root" || exit 1
fi
printf '%s\n' "$root"
