#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24
node lb-a outside=203.0.113.2/24 inside=10.0.0.2/24
node lb-b outside=203.0.113.3/24 inside=10.0.0.3/24
for i in 1 2; do node app$i inside=10.0.0.1$i/24 via 10.0.0.1; done
for node in lb-a lb-b; do on $node sysctl -qw net.ipv4.ip_forward=1; done

serve http:8080 app1 app2
start lb-a
await lb-a vrrp/wan master
start lb-b
for node in lb-a lb-b; do await $node service/web up; done
await lb-b vrrp/wan backup
show lb-a lbctl vrrp
show lb-b lbctl vrrp

say "lb-a is master of both addresses"
alone lb-a 203.0.113.10 10.0.0.1
forget
ask client 6 http://203.0.113.10/

say "It hands over, for work on it"
show lb-a lbctl vrrp resign wan --wait
alone lb-b 203.0.113.10 10.0.0.1
ask client 6 http://203.0.113.10/

die lb-b
await lb-a vrrp/wan master
ask client 6 http://203.0.113.10/
say "The kernel of lb-b lets go by itself"
alone lb-a 203.0.113.10 10.0.0.1
show lb-a lbctl vrrp
ask client 6 http://203.0.113.10/
is "servers saw all the time" 203.0.113.100 "$(seen peer)"
finish
