#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest.sh ROOT DEBS NEWER: starts the fresh system in the folder ROOT, systemd first, in namespaces of its own, and runs
# life.sh on it. DEBS and NEWER hold the two packages, NEWER of a higher version. Runs in a guest of the lab, where nothing
# of it stays. Part of tests/package.sh.

set -u -o pipefail
fresh=${1:?usage: guest.sh ROOT DEBS NEWER} debs=$2 newer=$3
[[ ${LBD_LAB-} == 1 && ${LBD_LAB_WHERE-} != host ]] || {
    echo "guest.sh: needs a guest of the lab, whose files may be changed"
    exit 2
}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1

# What takes long at a first start, and what a machine has and a namespace has not.
make_small() {
    local unit
    echo 0123456789abcdef0123456789abcdef >"$fresh/etc/machine-id"
    touch "$fresh/etc/.updated" "$fresh/var/.updated"
    for unit in getty.target systemd-logind systemd-udevd systemd-udev-trigger systemd-tmpfiles-setup-dev apparmor \
        systemd-random-seed systemd-update-utmp systemd-hwdb-update e2scrub_reap {apt-daily,apt-daily-upgrade,dpkg-db-backup}.timer; do
        [[ $unit == *.* ]] || unit+=.service
        ln -sf /dev/null "$fresh/etc/systemd/system/$unit"
    done
}

# A root of its own, not only a folder one changed to: units get mount namespaces made from it.
start_system() {
    local release tries
    release=$(uname -r)
    mkdir -p "$fresh/lib/modules/$release"
    mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
    # shellcheck disable=SC2016
    unshare --fork --pid --mount --uts --ipc --cgroup --propagation private bash -c '
        mount --rbind "$1" "$1" && cd "$1" || exit
        mount -t proc proc proc && mount --rbind /sys sys && mount -t cgroup2 cgroup sys/fs/cgroup &&
            mount --rbind /dev dev && mount -t tmpfs run run &&
            mount --bind "/lib/modules/$2" "lib/modules/$2" || exit
        hostname lb-a
        pivot_root . mnt && exec chroot . /bin/sh -c "
            umount -l /mnt
            exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd"
    ' - "$fresh" "$release" </dev/null >/dev/null 2>&1 &
    unshare_pid=$!
    for ((tries = 600; tries; tries--)); do
        init=$(pgrep -P $unshare_pid) && [[ -S /proc/$init/root/run/systemd/private ]] && break
        sleep 0.1
    done
    inside systemctl is-system-running --wait
}
inside() { nsenter -t "$init" --mount --pid --uts --ipc --cgroup --root --wd -- "$@"; }

ip link add wan0 type veth peer name far0 && ip link set wan0 up && ip link set far0 up &&
    ip address add 203.0.113.2/24 dev wan0 || exit 1
make_small
mkdir -p "$fresh/debs"
cp "$debs"/*.deb "$newer"/*.deb "$here/life.sh" "$here/../../packaging/debian/tests/examples" "$fresh/debs/" || exit 1
start_system
old=$(dpkg-deb -f "$debs"/lbd_*.deb Version) new=$(dpkg-deb -f "$newer"/lbd_*.deb Version)
printf 'systemd %s is up after %d s, now %s\n' "$(inside systemctl --version | awk 'NR == 1 { print $2 }')" "$SECONDS" "$old"
inside env PATH=/usr/sbin:/usr/bin:/sbin:/bin bash /debs/life.sh "$old" "$new"
