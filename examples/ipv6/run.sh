#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24,2001:db8:1::100/64,2001:db8:1::101/64
node lb outside=203.0.113.1/24,203.0.113.10/32,2001:db8:1::1/64,2001:db8:1::10/128 inside=10.0.0.1/24,2001:db8:2::1/64
for i in 1 2; do
    node app$i inside=10.0.0.1$i/24,2001:db8:2::1$i/64 via 10.0.0.1 via 2001:db8:2::1
done

on lb sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1
serve https:8443 app1 app2
start lb
await lb service/web6 up
await lb service/web4 up
show lb lbctl service list

say "IPv6: two devices of one home reach the same server"
forget
ask client 6 'https://[2001:db8:1::10]/' --interface 2001:db8:1::100
first=$(cut -d' ' -f1 <<<"$got" | sort -u)
ask client 6 'https://[2001:db8:1::10]/' --interface 2001:db8:1::101
is "the second device has the server of the first" "$first" "$(cut -d' ' -f1 <<<"$got" | sort -u)"
is "servers saw" "2001:db8:1::100 2001:db8:1::101" "$(seen peer)"

say "IPv4: the same servers"
forget
ask client 6 https://203.0.113.10/
is "servers asked" 1 "$(seen node | wc -w)"
is "servers saw" 203.0.113.100 "$(seen peer)"
is "at the port" 8443 "$(seen port)"
finish
