#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24,203.0.113.101/24
node lb outside=203.0.113.1/24,203.0.113.10/32 inside=10.0.0.1/24
for i in 1 2; do node app$i inside=10.0.0.1$i/24 via 10.0.0.1; done
on lb sysctl -qw net.ipv4.ip_forward=1

as_written lb 'table inet marks {' nft
serve http:80,https:443 app1 app2
start lb
await lb service/shop up
show lb lbctl service list

say "Each client has one server, on both ports"
for client in 203.0.113.100 203.0.113.101; do
    forget
    ask client 4 http://203.0.113.10/ --interface $client
    ask client 4 https://203.0.113.10/ --interface $client
    is "servers of $client" 1 "$(seen node | wc -w)"
    is "its ports there" "443 80" "$(seen port)"
    is "who it is there" $client "$(seen peer)"
done
show lb lbctl conn list

say "A port without the mark belongs to the load balancer itself"
on client curl -sS -m 10 http://203.0.113.10:81/
is "connection refused, says curl" 7 $?
finish
