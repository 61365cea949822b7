#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# First process of a lab guest, in the initramfs: mount the files of the host, put a memory overlay
# over them, go there. What comes next is guest-main.sh, which arrives through the control share,
# so that this small image rarely changes.

bb=/bin/busybox

give_up() {
    echo "lab-guest: $*"
    $bb poweroff -f
}

$bb mkdir -p /proc /sys /dev /host /memory /new
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev

while read -r module; do
    $bb insmod "/modules/$module" || give_up "cannot load $module"
done </modules/order

# Nothing on the host changes under a guest that may matter to it (a run gets a new guest), hence
# the loose cache. Each share is one virtio device; msize is the largest that one request carries.
p9=trans=virtio,version=9p2000.L,msize=512000
$bb mount -t 9p -o $p9,cache=loose,ro host /host || give_up "cannot mount the files of the host"
$bb mount -t tmpfs -o size=75%,mode=755 memory /memory
$bb mkdir /memory/upper /memory/work
$bb mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work root /new ||
    give_up "cannot mount the overlay"

# The machinery lives in /run, which is memory anyway.
run=/new/run
$bb mount -t tmpfs -o mode=755 run $run
$bb mkdir -p $run/lbd-lab/ctl $run/lbd-lab/out $run/lbd-lab/share
$bb cp /bin/busybox $run/lbd-lab/busybox
$bb mount -t 9p -o $p9,cache=none ctl $run/lbd-lab/ctl || give_up "cannot mount the control share"

# Straight from the host mount: the cache folder may lie below something that is covered later.
read -r kernel <$run/lbd-lab/ctl/kernel
release=$($bb uname -r)
$bb mkdir -p "/new/lib/modules/$release"
$bb mount -o bind "/host$kernel/lib/modules/$release" "/new/lib/modules/$release"

$bb mount -o move /proc /new/proc
$bb mount -o move /sys /new/sys
$bb mount -o move /dev /new/dev
exec $bb switch_root /new /run/lbd-lab/busybox sh /run/lbd-lab/ctl/guest-main.sh
