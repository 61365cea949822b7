#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Second half of the start of a lab guest, as process 1 on the overlay: make it a system one can
# work in, run the job, hand back its status, switch the machine off.

lab=/run/lbd-lab
ctl=$lab/ctl
bb=$lab/busybox
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

mkdir_p() { $bb mkdir -p "$@"; }
p9=trans=virtio,version=9p2000.L,msize=512000

# devtmpfs has the device nodes; the links and the rest is what udev would have added.
mkdir_p /dev/pts /dev/shm /dev/net
$bb mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
$bb mount -t tmpfs -o mode=1777 shm /dev/shm
$bb ln -sfn /proc/self/fd /dev/fd
$bb ln -sfn fd/0 /dev/stdin
$bb ln -sfn fd/1 /dev/stdout
$bb ln -sfn fd/2 /dev/stderr
[ -e /dev/net/tun ] || $bb mknod /dev/net/tun c 10 200
mkdir_p /run/lock /run/netns

# /tmp starts empty and in memory, except for what the job itself names there (its working folder,
# a script), which has been listed for us. The overlay below is kept open at /run/lbd-lab/tmp.
mkdir_p $lab/tmp
$bb mount -o bind /tmp $lab/tmp
$bb mount -t tmpfs -o mode=1777 tmp /tmp
while read -r name; do
    if [ -d "$lab/tmp/$name" ]; then
        mkdir_p "/tmp/$name"
    else
        : >"/tmp/$name"
    fi
    $bb mount -o bind "$lab/tmp/$name" "/tmp/$name"
done <$ctl/tmp

# Results are read by the caller when the guest is gone; cache=mmap writes through and still lets
# programs map what they write (coverage profiles do).
$bb mount -t 9p -o $p9,cache=mmap out $lab/out
while read -r name; do
    mkdir_p "$lab/share/$name"
    $bb mount -t 9p -o $p9,cache=mmap "share_$name" "$lab/share/$name"
done <$ctl/shares

$bb hostname lbd-lab
echo '127.0.1.1 lbd-lab' >>/etc/hosts
$bb date -s "@$($bb cat $ctl/clock)" >/dev/null
$bb ip link set lo up

# The job writes into pipes, as it would anywhere else; what comes out goes to files that the host
# follows. A file written through 9p is on the host when the write returns, so nothing is lost when
# the machine goes off, and unlike a serial line it takes any byte.
$bb mkfifo $lab/stdout $lab/stderr
$bb cat $lab/stdout >>$ctl/stdout &
cat1=$!
$bb cat $lab/stderr >>$ctl/stderr &
cat2=$!
: >$ctl/started
if [ -e $ctl/one-stream ]; then
    # Both go to one place at the caller's: one pipe keeps them in order.
    : >$lab/stderr
    $bb setsid /bin/bash $ctl/job.sh </dev/null >$lab/stdout 2>&1 &
else
    $bb setsid /bin/bash $ctl/job.sh </dev/null >$lab/stdout 2>$lab/stderr &
fi
wait $!
status=$?

# A daemon left behind may hold the pipes open for ever, so there is an end to the patience.
patience=20
while [ $patience -gt 0 ] && { kill -0 $cat1 || kill -0 $cat2; } 2>/dev/null; do
    $bb sleep 0.1
    patience=$((patience - 1))
done

# The kernel remembers that it died somewhere (128), warned (512) or sat in a lock (16384): worth
# knowing even when the job did not notice.
if [ $(($($bb cat /proc/sys/kernel/tainted) & (128 | 512 | 16384))) -ne 0 ]; then
    $bb dmesg >$ctl/dmesg
fi

$bb umount $lab/out 2>/dev/null
$bb sync
echo $status >$ctl/status.new
$bb mv $ctl/status.new $ctl/status
$bb poweroff -f
