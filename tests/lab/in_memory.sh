#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# in_memory.sh BUILD_DIR: what tests start and read again and again comes into the memory of a guest.
#
# For a guest whose clock counts instructions: while all of it waits for a file of the machine below, time jumps from
# timer to timer, and a deadline of seconds is over before a program has started.
build=${1-}
[[ ${LBD_LAB-} == 1 && ${LBD_LAB_WHERE-} != host && -d $build ]] || { echo "in_memory.sh: not in a guest" >&2; exit 2; }

names=(bash busybox cat conntrack ip ipvsadm keepalived kmod modprobe mount nft ping python3 rm sleep sysctl tc true umount)
files=()
for name in "${names[@]}"; do
    file=$(command -v "$name") && files+=("$(readlink -f "$file")")
done
for file in "$build"/lbd/lbd "$build"/lbctl/lbctl "$build"/tests/bench/bench_*; do
    [[ -f $file && -x $file ]] && files+=("$file")
done
# Of what is linked, and what is looked up by name.
readarray -t linked < <(ldd "${files[@]}" 2>/dev/null | grep -oE '/[^ ):]+' | xargs readlink -f | sort -u)
# Whoever changes a file of the machine below gets a copy of it in memory.
find "${files[@]}" "${linked[@]}" /etc/iproute2 /etc/ld.so.cache /etc/nsswitch.conf /etc/passwd /etc/group /etc/protocols \
    /etc/services /etc/modprobe.d /usr/lib/modprobe.d /etc/ssl/openssl.cnf /usr/lib/x86_64-linux-gnu/ossl-modules -type f -exec touch -c {} + 2>/dev/null

modules=/lib/modules/$(uname -r)
[[ -d $modules/kernel/net ]] || exit 0
own=$(mktemp -d) && mount -t tmpfs modules "$own" || exit 1
(cd "$modules" && find modules.* kernel/net kernel/lib kernel/crypto kernel/arch kernel/drivers/net -maxdepth 20 \
    -not -path 'kernel/drivers/net/*/*' -type f -print0 | tar --null -cf - -T -) | tar -C "$own" -xf - || exit 1
mount --move "$own" "$modules" || exit 1

# What else the first of them would read: here nothing has a deadline.
ip netns add warm && ip -n warm -force -batch - <<'BATCH'
link set lo up
link add v0 type veth peer name v1
link add b0 type bridge
link set v0 master b0 up
link set v1 up
link set b0 up
addr add 192.0.2.1/32 dev v1
addr add 2001:db8::1/128 dev v1 nodad
link add t0 type ipip local 192.0.2.1
link add t1 type ip6tnl mode any local 2001:db8::1
rule add from 192.0.2.1 table 7
BATCH
ip netns del warm
