#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Debian packages of what is committed. dpkg wants debian/ at the root of a source, which this tree does not have: it
# is exported into a folder where the recipe of packaging/debian stands in place.

usage() {
    cat <<'USAGE'
usage: packaging/deb.sh [OUT_DIR]

  OUT_DIR   receives the packages and their source (default: build/packages)

Builds what is committed (HEAD). DEB_BUILD_OPTIONS is passed on: nocheck, parallel=N. What the build needs:
tests/lab/install.sh build && tests/lab/install.sh package
USAGE
}

set -u -o pipefail
say() { printf 'deb.sh: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

case ${1-} in
-h | --help)
    usage
    exit 0
    ;;
-*) fail "unknown option $1 (--help)" ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
out=$(readlink -m -- "${1:-$root/build/packages}")
command -v dh >/dev/null || fail "debhelper is missing; run: tests/lab/install.sh package"
git -C "$root" rev-parse -q --verify HEAD >/dev/null || fail "the packages are made from a checkout of git, this is none"
[[ -z $(git -C "$root" status --porcelain --untracked-files=no) ]] ||
    say "note: what is changed and not committed is not in the packages"
mkdir -p "$out" || fail "cannot make $out"

# The version stands in two places that people edit; they say the same.
changelog=$root/packaging/debian/changelog
version=$(dpkg-parsechangelog -l "$changelog" -S Version) || fail "$changelog cannot be read"
upstream=${version%-*}
named=$(sed -n 's/^project(lbd VERSION \([0-9.]*\) .*/\1/p' "$root/CMakeLists.txt")
[[ $upstream == "$named" ]] ||
    fail "packaging/debian/changelog says $upstream, CMakeLists.txt says $named: write the same in both"

work=$(mktemp -d "${TMPDIR:-/tmp}/lbd-deb.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
source=$work/lbd-$upstream
# gzip -n: no time and no name in it, so that the same commit is the same file
if ! git -C "$root" archive --format=tar --prefix="lbd-$upstream/" HEAD | gzip -n -9 >"$work/lbd_$upstream.orig.tar.gz" ||
    ! tar -xzf "$work/lbd_$upstream.orig.tar.gz" -C "$work" || ! cp -a "$source/packaging/debian" "$source/debian"; then
    fail "cannot export the tree"
fi
(cd "$source" && dpkg-buildpackage -us -uc) || fail "the build failed (above)"
rm -rf "$source"
mv -f "$work"/*.* "$out/" || fail "cannot write to $out"
ls "$out"/lbd_"$version"_*.changes >/dev/null || fail "no packages came out"
printf '%s\n' "$out"/*_"$version"_*.deb
