#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24
node lb outside=203.0.113.1/24,203.0.113.10/32 inside=10.0.0.1/24
node router inside=10.0.0.254/24 other=192.0.2.1/24
node app1 inside=10.0.0.11/24
node far other=192.0.2.12/24 via 192.0.2.1
on router sysctl -qw net.ipv4.ip_forward=1
on lb ip route add 192.0.2.0/24 via 10.0.0.254

as_written lb 'sysctl -w net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1'
serve http:8080 app1 far
start lb
await lb service/web up
show lb lbctl

say "app1 has no way back to the client at all, and answers"
show app1 ip route
forget
ask client 10 http://203.0.113.10/
holds "app1 answered" "$(answers app1) > 0"
holds "far answered" "$(answers far) > 0"
is "servers saw" 10.0.0.1 "$(seen peer)"

say "What does it"
show lb nft list table inet lbd
is "what status misses" "" "$(on lb lbctl status | grep -o 'net\.ipv4[a-z_.]*')"
finish
