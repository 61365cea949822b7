#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node router outside=203.0.113.1/24 far=198.51.100.1/24
node client far=198.51.100.2/24 via 198.51.100.1
node lb outside=203.0.113.2/24,203.0.113.10/32 via 203.0.113.1
for i in 1 2; do node app$i outside=203.0.113.2$i/24 via 203.0.113.1; done
on router sysctl -qw net.ipv4.ip_forward=1

say "The side of the servers"
for i in 1 2; do as_written app$i 'sysctl -w net.ipv4.conf.all.arp_ignore=1'; done
serve http:80,https:443 app1 app2
start lb
await lb service/web up
await lb service/web-tls up
show lb lbctl backend list

say "Connections to both ports"
forget
ask client 24 http://203.0.113.10/
holds "app1 answered" "$(answers app1) > 0"
holds "app2 answered" "$(answers app2) > 0"
ask client 6 https://203.0.113.10/
is "servers saw" 198.51.100.2 "$(seen peer)"
is "and were asked for" 203.0.113.10 "$(seen local)"

say "A megabyte: the answer does not pass through the load balancer"
sent() { on lb cat /sys/class/net/eth0/statistics/tx_bytes; }
before=$(sent)
big=$(on client curl -sS -m 30 http://203.0.113.10/big?1 | wc -c)
holds "the client has got" "$big > 1000000"
holds "the load balancer has sent" "$(sent) - $before < 200000"

say "Whom the router takes for the service address"
show router ip neigh show 203.0.113.10
mac() { on "$1" cat /sys/class/net/eth0/address; }
is "it is the load balancer" "$(mac lb)" "$(on router ip neigh show 203.0.113.10 | grep -o '[0-9a-f:]\{17\}')"
finish
