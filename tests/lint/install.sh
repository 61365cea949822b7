#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh BUILD_DIR: `cmake --install` gives every file that a host needs, with the mode it needs, and none elsewhere.

# shellcheck source-path=SCRIPTDIR source=lib.sh
build=$(cd "${1:?usage: install.sh BUILD_DIR}" && pwd) || exit 1
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")
said=$(umask 022 && DESTDIR=$tmp cmake --install "$build" 2>&1) || {
    lint_say "cmake --install failed: $said"
    lint_end
}

# mode and path below the prefix, or absolute; pages and examples by themselves
must='755 sbin/lbd
755 bin/lbctl
644 lib/systemd/system/lbd.service
644 lib/sysusers.d/lbd.conf
644 lib/tmpfiles.d/lbd.conf
644 lib/sysctl.d/60-lbd.conf
644 lib/modules-load.d/lbd.conf
644 lib/modprobe.d/lbd.conf
644 share/bash-completion/completions/lbctl
644 share/zsh/vendor-completions/_lbctl
644 share/fish/vendor_completions.d/lbctl.fish
644 share/lbd/schema.json
644 share/lbd/sysctl/lbd-host.conf
644 share/doc/lbd/README.md
644 share/doc/lbd/CHANGELOG.md
644 /etc/default/lbd
644 /etc/needrestart/conf.d/lbd.conf
644 /etc/apparmor.d/usr.sbin.lbd
750 /etc/lbd'
for folder in examples/*/; do
    [[ ! -e ${folder}lbd.yaml ]] || must+=$'\n'"644 share/lbd/${folder}lbd.yaml"$'\n'"644 share/lbd/${folder}README.md"
done
if command -v scdoc >/dev/null; then
    for page in packaging/man/*.scd; do
        page=$(basename "$page" .scd)
        must+=$'\n'"644 share/man/man${page##*.}/$page"
    done
fi
while read -r mode path; do
    [[ $path == /* ]] || path=$prefix/$path
    is=$(stat -c %a "$tmp$path" 2>/dev/null) || { lint_say "not installed: $path"; continue; }
    [[ $is == "$mode" ]] || lint_say "$path has mode $is, not $mode"
done <<<"$must"
# whatever comes besides
found=$(cd "$tmp" && find . -type f ! -perm 644 ! -perm 755 -o -type d -empty ! -path ./etc/lbd)
[[ -z $found ]] || lint_say "neither 644 nor 755, or an empty folder:" "$found"
found=$(cd "$tmp" && find . -type f | sed 's,^\.,,' | grep -v -e "^$prefix/\(s\?bin\|lib\|share\)/" -e '^/etc/' -e '/systemd/system/')
[[ -z $found ]] || lint_say "where no file of ours belongs:" "$found"
# the unit starts what was installed
unit=$(find "$tmp" -name lbd.service)
grep -qx "ExecStart=$prefix/sbin/lbd --foreground" "$unit" || lint_say "the unit starts another program: $(grep ExecStart= "$unit")"
file=$(sed -n 's/^EnvironmentFile=-//p' "$unit")
[[ -e $tmp$file ]] || lint_say "the unit reads $file, which is not installed"
printf '%d files\n' "$(find "$tmp" -type f | wc -l)"
lint_end
