#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The packages: built twice and compared, looked at by lintian, and installed, started, upgraded, removed and purged on a
# fresh Debian whose first process is systemd, in namespaces. Of what is committed.
# shellcheck disable=SC2317 # what part calls is reached

usage() {
    cat <<'USAGE'
usage: tests/package.sh [OPTION]...

  --debs DIR   the packages in DIR, instead of building them
  --guest      the life of the packages once more in a guest of the lab, where IPVS and AppArmor are in the kernel
               (emulated, it takes some minutes)
  --no-rpm     not the recipe for rpm

What is missing: tests/lab/install.sh build, lab and package. The last line is "N passed, N failed, N skipped".
USAGE
}

set -u -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
debs='' guest='' rpm=1
while (($#)); do
    case $1 in
    --debs)
        (($# >= 2)) || { echo "package.sh: --debs wants a folder" >&2; exit 2; }
        debs=$(readlink -e -- "$2") || { echo "package.sh: no such folder: $2" >&2; exit 2; }
        shift
        ;;
    --guest) guest=1 ;;
    --no-rpm) rpm='' ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        echo "package.sh: unknown option $1 (--help)" >&2
        exit 2
        ;;
    esac
    shift
done

work=$(mktemp -d "${TMPDIR:-/tmp}/lbd-package.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
logs=$root/build/logs/package
mkdir -p "$logs" || exit 1

passed=0 failed=0 skipped=0
# part NAME FUNCTION [ARGUMENT]...: its last line is printed; 77 is "cannot run here"
part() {
    local name=$1 from=$SECONDS status=0 log
    log=$logs/${name// /-}.log
    shift
    "$@" >"$log" 2>&1 || status=$?
    case $status in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) ;;
    *) failed=$((failed + 1)) ;;
    esac
    case $status in
    0) printf '%-18s ok: %-54s %4d s\n' "$name" "$(tail -1 "$log" | cut -c1-54)" $((SECONDS - from)) ;;
    77) printf '%-18s skipped: %s\n' "$name" "$(tail -1 "$log" | cut -c1-100)" ;;
    *)
        printf '%-18s FAILED, all of it in %s\n' "$name" "$log"
        tail -25 "$log" | cut -c1-160 | sed 's/^/  | /'
        ;;
    esac
    return "$status"
}
finish() {
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    ((failed == 0 && passed > 0))
    exit
}

# ---------------------------------------------------------------- parts

build() {
    DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck parallel=$(nproc)} packaging/deb.sh "$debs" || return 1
    du -ch "$debs"/lbd_*.deb "$debs"/lbctl_*.deb | awk 'END { print "packages of " $1 }'
}

# Everything that a build can see and that must not be seen in what comes out: folder, time, user's mask, language, zone.
build_again() {
    local file bad=0
    mkdir -p "$work/another-place" "$work/again"
    (
        umask 027
        export TMPDIR="$work/another-place" TZ=Asia/Kathmandu LC_ALL=C.UTF-8 HOME=/nonexistent CCACHE_DISABLE=1
        DEB_BUILD_OPTIONS=${DEB_BUILD_OPTIONS-nocheck parallel=$(nproc)} packaging/deb.sh "$work/again"
    ) || return 1
    for file in "$debs"/*.deb; do
        cmp "$file" "$work/again/${file##*/}" || bad=1
    done
    ((bad == 0)) && echo "the same packages, bit by bit"
}

lint() {
    command -v lintian >/dev/null || { echo "lintian is not installed"; return 77; }
    lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$debs"/*.changes || return 1
    [[ ! -e packaging/debian/lbd.lintian-overrides && ! -e packaging/debian/source/lintian-overrides ]] || return 1
    echo "lintian has no error and no warning"
}

apparmor() {
    command -v apparmor_parser >/dev/null || { echo "apparmor_parser is not installed"; return 77; }
    apparmor_parser -QK packaging/apparmor/usr.sbin.lbd && echo "the profile is understood"
}

# The names of what our packages depend on: a fresh system gets these, so that nothing is missing and nothing helps out.
depends() {
    local file
    for file in "$debs"/lbd_*.deb "$debs"/lbctl_*.deb; do
        dpkg-deb -f "$file" Depends Pre-Depends | sed 's/^[A-Za-z-]*: //' | tr ',' '\n'
    done | sed 's/|.*//; s/(.*//; s/[[:space:]]//g' | grep -v -x -e lbctl -e '' | sort -u
}

# The same packages with a higher version, in their papers and in the programs (a string of the same length).
make_newer() {
    local file tree version newer='' program
    mkdir -p "$work/newer" "$work/older"
    cp "$debs"/lbd_*.deb "$debs"/lbctl_*.deb "$work/older/" || return 1
    for file in "$debs"/lbctl_*.deb "$debs"/lbd_*.deb; do
        tree=$work/tree-${file##*/}
        rm -rf "$tree"
        dpkg-deb -R "$file" "$tree" || return 1
        version=$(dpkg-deb -f "$file" Version)
        newer=${version%%-*}
        newer=${newer%?}$(((${newer: -1} + 1) % 10))
        sed -i "s/$version/$newer-1/g" "$tree/DEBIAN/control"
        for program in "$tree"/usr/{bin/lbctl,sbin/lbd}; do
            [[ ! -e $program ]] || sed -i "s/${version%%-*}/$newer/g" "$program"
        done
        dpkg-deb --root-owner-group -b "$tree" "$work/newer/" || return 1
    done
}

fresh_root() {
    local -a names
    readarray -t names < <(depends)
    make_newer >&2 || return 1
    tests/package/root.sh systemd systemd-sysv apparmor iproute2 kmod procps perl-base "${names[@]}"
}

# life COMMAND...: COMMAND runs system.sh
life() {
    local fresh status=0
    fresh=$(fresh_root) || status=$?
    ((status == 0)) || return "$status"
    "$@" tests/package/system.sh "$fresh" "$work/older" "$work/newer"
}

# ---------------------------------------------------------------- the run

part apparmor apparmor
if [[ -z $debs ]]; then
    debs=$work/debs
    mkdir "$debs"
    part build build || finish
    part again build_again
fi
part lintian lint
part life life
if [[ -n $guest ]]; then
    part "life in a guest" life tests/lab/lab --cpus 2 --timeout 900 --out "$logs" --
fi
if [[ -n $rpm && -x tests/package/rpm.sh ]]; then
    part rpm tests/package/rpm.sh "$work/rpm"
fi
finish
