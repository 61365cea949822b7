#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# system.sh ROOT DEBS NEWER: starts the fresh system in the folder ROOT, systemd first, in namespaces of its own, and runs
# life.sh on it. DEBS and NEWER hold the two packages, NEWER of a higher version. What it writes is in memory and goes away.
# Runs on any machine that lets root do so, and in a guest of the lab, where IPVS and AppArmor are in the kernel, too.
# Exit status 77: it cannot run here. Part of tests/package.sh.

set -u -o pipefail
fresh=${1:?usage: system.sh ROOT DEBS NEWER} debs=$2 newer=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ $(id -u) == 0 ]] || { echo "needs root"; exit 77; }
modules=
[[ ${LBD_LAB-} != 1 || ${LBD_LAB_WHERE-} == host ]] || modules=/lib/modules/$(uname -r)

work=$(mktemp -d) || exit 1
cg=$work/cg box=$work/cg/lbd-package-$$
clean_up() {
    local tries
    [[ -z ${init-} ]] || kill -KILL "$init"
    for ((tries = 50; tries; tries--)); do
        find "$box" -depth -type d -exec rmdir {} + 2>/dev/null
        [[ -e $box ]] || break
        sleep 0.1
    done
    umount "$cg" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# In all namespaces but that of files: an overlay over the fresh system, and what a system finds mounted. Settings of the
# kernel that are not of this network cannot be changed, nor modules loaded, unless the whole machine is ours. A root of its
# own, not only a folder one changed to: units get mount namespaces made from it.
# shellcheck disable=SC2016
inner='
    memory=$1 fresh=$2 modules=$3 files=$4
    mount -t tmpfs none "$memory" && cd "$memory" && mkdir up below root &&
        mount -t overlay -o "lowerdir=$fresh,upperdir=up,workdir=below" root root && cd root &&
        mount -t proc proc proc && mount -t sysfs sys sys && mount -t cgroup2 cgroup sys/fs/cgroup &&
        mount -t tmpfs -o mode=755 dev dev && mkdir dev/shm dev/pts && ln -s pts/ptmx dev/ptmx &&
        mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && mount -t tmpfs run run || exit
    for node in null zero full random urandom tty; do
        touch "dev/$node" && mount --bind "/dev/$node" "dev/$node" || exit
    done
    if [[ -n $modules ]]; then
        mount -t securityfs securityfs sys/kernel/security
        mkdir -p ".$modules" && mount --bind "$modules" ".$modules" || exit
    else
        mount --bind proc/sys proc/sys && mount --bind proc/sys/net proc/sys/net &&
            mount -o remount,bind,ro proc/sys && mount -o remount,bind,ro sys || exit
    fi
    # what takes long at a first start, and what a machine has and a namespace has not
    echo 0123456789abcdef0123456789abcdef >etc/machine-id
    touch etc/.updated var/.updated
    for unit in getty.target systemd-{logind,udevd,udev-trigger,tmpfiles-setup-dev,random-seed,update-utmp}.service \
        apparmor.service e2scrub_reap.service {apt-daily,apt-daily-upgrade,dpkg-db-backup}.timer; do
        ln -sf /dev/null "etc/systemd/system/$unit"
    done
    mkdir debs && cp "$files"/* debs/ || exit
    ip link set lo up && ip link add wan0 type veth peer name far0 && ip link set wan0 up && ip link set far0 up &&
        ip address add 203.0.113.2/24 dev wan0 || exit
    hostname lb-a
    pivot_root . mnt && exec chroot . /bin/sh -c "
        umount -l /mnt
        exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd"'
inside() { nsenter -t "$init" --mount --net --pid --uts --ipc --cgroup --root --wd -- "$@"; }

mkdir -p "$work/files" "$work/memory" "$cg"
cp "$debs"/*.deb "$newer"/*.deb "$here/life.sh" "$here/../../packaging/debian/tests/examples" "$work/files/" || exit 1
if ! mount -t cgroup2 cgroup "$cg" || ! mkdir "$box"; then
    echo "no right to a control group"
    exit 77
fi
(
    echo "$BASHPID" >"$box/cgroup.procs" &&
        exec setpriv --pdeathsig KILL -- unshare --fork --kill-child --pid --mount --net --uts --ipc --cgroup --propagation private \
            bash -c "$inner" - "$work/memory" "$fresh" "$modules" "$work/files"
) </dev/null >"$work/start.log" 2>&1 &
outer=$!
init=
for ((tries = 600; tries; tries--)); do
    init=$(pgrep -P $outer) && [[ -S /proc/$init/root/run/systemd/private ]] && break
    kill -0 $outer 2>/dev/null || break
    sleep 0.1
done
if ! inside systemctl is-system-running --wait; then
    cat "$work/start.log"
    echo "systemd does not start in namespaces here"
    exit 77
fi
old=$(dpkg-deb -f "$debs"/lbd_*.deb Version) new=$(dpkg-deb -f "$newer"/lbd_*.deb Version)
printf 'systemd %s is up after %d s, now %s\n' "$(inside systemctl --version | awk 'NR == 1 { print $2 }')" "$SECONDS" "$old"
inside env PATH=/usr/sbin:/usr/bin:/sbin:/bin bash /debs/life.sh "$old" "$new"
