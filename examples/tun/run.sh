#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node router outside=203.0.113.1/24 one=198.51.100.1/24 two=192.0.2.1/24 clients=10.20.0.1/24
node client clients=10.20.0.2/24 via 10.20.0.1
node lb outside=203.0.113.2/24,203.0.113.10/32 via 203.0.113.1
node here one=198.51.100.11/24 via 198.51.100.1
node there two=192.0.2.12/24 via 192.0.2.1
on router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.{all,eth1,eth2}.rp_filter=0 # it lets them send

say "The side of the servers"
as_written here 'modprobe ipip && ip link set tunl0 up'
as_written there 'modprobe fou && ip fou add port 6080 gue'
for i in here there; do as_written $i 'ip addr add 203.0.113.10/32 dev tunl0'; done
serve http:80 here there
start lb
await lb service/web up
show lb lbctl backend list

say "Ten connections, and what came through the tunnels"
forget
ask client 10 http://203.0.113.10/
for i in here there; do
    show $i ip -s link show tunl0
    holds "$i answered" "$(answers $i) > 0"
    holds "packets out of the tunnel" "$(on $i cat /sys/class/net/tunl0/statistics/rx_packets) >= 4 * $(answers $i)"
done
is "servers saw" 10.20.0.2 "$(seen peer)"

say "A megabyte comes straight from the server"
sent() { on lb cat /sys/class/net/eth0/statistics/tx_bytes; }
before=$(sent)
big=$(on client curl -sS -m 30 http://203.0.113.10/big?1 | wc -c)
holds "the client has got" "$big > 1000000"
holds "the load balancer has sent" "$(sent) - $before < 200000"

say "An upload of 100,000 bytes: the servers ask for segments that have room for the tunnel"
on here ip route change default via 198.51.100.1 advmss 1440
on there ip route change default via 192.0.2.1 advmss 1420
head -c 100000 /dev/zero >"$work/upload"
ask client 4 http://203.0.113.10/ --data-binary @"$work/upload"
is "uploads that came whole" 4 "$(grep -c ' 100000 bytes' <<<"$got")"
finish
