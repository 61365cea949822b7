#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rpm.sh DIR: the recipe for rpm makes packages, in DIR, as far as a Debian can tell: with macros that stand for Fedora's,
# and without asking whether Fedora has what it needs. Part of tests/package.sh.

set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
top=${1:?usage: rpm.sh DIR}
spec=packaging/rpm/lbd.spec
command -v rpmbuild >/dev/null || { echo "rpmbuild is not installed"; exit 77; }
fail() {
    printf '%s\n' "$*"
    exit 1
}

version=$(sed -n 's/^project(lbd VERSION \([0-9.]*\) .*/\1/p' CMakeLists.txt)
[[ $(rpmspec -q --srpm --qf '%{version}' --load=tests/package/macros $spec) == "$version" ]] ||
    fail "$spec has another version than CMakeLists.txt, $version"
if command -v rpmlint >/dev/null; then
    said=$(rpmlint $spec 2>&1)
    # buildroot is set by rpm for ten years now; the source is made from the tree
    grep -E ' [EW]: ' <<<"$said" | grep -v -e no-buildroot-tag -e 'invalid-url Source0' && fail "rpmlint (above)"
fi

mkdir -p "$top"/{SOURCES,BUILD,RPMS,SRPMS} || exit 1
git archive --prefix="lbd-$version/" -o "$top/SOURCES/lbd-$version.tar.gz" HEAD || exit 1
rpmbuild -bb --nodeps --load=tests/package/macros --define "_topdir $(readlink -f "$top")" --define 'debug_package %{nil}' $spec ||
    fail "rpmbuild failed (above)"
one=$(echo "$top"/RPMS/*/lbd-"$version"-*.rpm) other=$(echo "$top"/RPMS/*/lbctl-"$version"-*.rpm)
files=$(rpm -qlp "$one" "$other") || exit 1
for path in /usr/sbin/lbd /usr/bin/lbctl /usr/lib/systemd/system/lbd.service /etc/sysconfig/lbd /usr/lib/sysusers.d/lbd.conf \
    /usr/lib/tmpfiles.d/lbd.conf /usr/lib/modprobe.d/lbd.conf /usr/share/lbd/schema.json; do
    grep -qx "$path" <<<"$files" || fail "$path is in no package"
done
rpm2cpio "$one" | cpio -i --quiet --to-stdout './usr/lib/systemd/system/lbd.service' |
    grep -qx 'EnvironmentFile=-/etc/sysconfig/lbd' || fail "the unit reads another environment than Fedora's"
rpm -qp --scripts "$one" | grep -q '^[^#]*restart' && fail "an upgrade would restart the service"
printf '%d files in two packages, %s\n' "$(wc -l <<<"$files")" "$(rpm -qp --qf '%{version}-%{release}' "$one")"
