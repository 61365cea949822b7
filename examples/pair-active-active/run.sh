#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node router outside=203.0.113.1/24 inside=10.0.0.254/24 clients=198.51.100.1/24
node client clients=198.51.100.2/24 via 198.51.100.1
node lb-a outside=203.0.113.2/24 inside=10.0.0.2/24
node lb-b outside=203.0.113.3/24 inside=10.0.0.3/24
for i in 1 2; do node app$i inside=10.0.0.1$i/24 via 10.0.0.254; done
on router sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.{all,eth1}.rp_filter=0 # lets servers send from there

say "The side of the servers"
for i in 1 2; do as_written app$i 'sysctl -w net.ipv4.conf.all.arp_ignore=1'; done
serve http:80 app1 app2
for node in lb-a lb-b; do start $node; done
await lb-a vrrp/left master
await lb-a vrrp/right backup
await lb-b vrrp/right master
await lb-b vrrp/left backup
for node in lb-a lb-b; do await $node service/web up; done
show lb-a lbctl vrrp
show lb-b lbctl vrrp

# packets NODE: of clients, as the IPVS of that node counts them, which adds up every 2 s what its processors have seen
packets() {
    sleep 3
    on "$1" ipvsadm -Ln --stats --exact | awk '/^TCP/ { sum += $4 } END { print sum + 0 }'
}
both() {
    ask client 8 http://203.0.113.10/
    ask client 8 http://203.0.113.20/
}

say "Each node works for its address"
alone lb-a 203.0.113.10
alone lb-b 203.0.113.20
forget
both
holds "packets through lb-a" "$(packets lb-a) > 0"
holds "packets through lb-b" "$(packets lb-b) > 0"
is "servers were asked for" "203.0.113.10 203.0.113.20" "$(seen local)"
is "and saw" 198.51.100.2 "$(seen peer)"

say "lb-a gives its address away"
show lb-a lbctl vrrp resign left
await lb-a vrrp/left backup
await lb-b vrrp/left master
alone lb-b 203.0.113.10 203.0.113.20
show lb-b lbctl vrrp
before=$(packets lb-a)
both
is "more packets through lb-a" 0 "$(($(packets lb-a) - before))"

die lb-b
await lb-a vrrp/left master
await lb-a vrrp/right master
both
say "The kernel of lb-b lets go by itself"
alone lb-a 203.0.113.10 203.0.113.20
before=$(packets lb-a)
both
holds "more packets through lb-a" "$(packets lb-a) - $before >= 64"
finish
