#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24
node lb outside=203.0.113.1/24,203.0.113.10/32 inside=10.0.0.1/24
for i in 1 2 3; do node app$i inside=10.0.0.1$i/24 via 10.0.0.1; done
on lb sysctl -qw net.ipv4.ip_forward=1

serve http:8080 app1 app2 app3
start lb
await lb service/web up
show lb lbctl

say "Twelve connections: app3 is twice the size, and servers see the client as it is"
forget
ask client 12 http://203.0.113.10/
holds "app3 has more than app1" "$(answers app3) > $(answers app1) && $(answers app1) > 0"
holds "and more than app2" "$(answers app3) > $(answers app2) && $(answers app2) > 0"
is "servers saw" 203.0.113.100 "$(seen peer)"
is "at the port" 8080 "$(seen port)"

say "A server is drained, another one dies"
show lb lbctl backend drain web/app2
kill "$(server_pid app1)"
await lb backend/web/app1 down
show lb lbctl service show web
forget
ask client 6 http://203.0.113.10/
is "servers asked" app3 "$(seen node)"
show lb lbctl backend enable web/app2
await lb backend/web/app2 up
ask client 6 http://203.0.113.10/
holds "app2 is back" "$(answers app2) > 0"
finish
