#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What README.md says, in the lab; the words are those of ../run-lib.sh.
# shellcheck source-path=SCRIPTDIR source=../run-lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../run-lib.sh"

node client outside=203.0.113.100/24
node lb outside=203.0.113.1/24,203.0.113.53/32 inside=10.0.0.1/24
node ns1 inside=10.0.0.53/24 via 10.0.0.1
node ns2 inside=10.0.0.54/24 via 10.0.0.1
on lb sysctl -qw net.ipv4.ip_forward=1

serve dns:53 ns1 ns2
start lb
await lb service/dns up
show lb lbctl check run dns/ns1

# resolve COUNT udp|tcp
resolve() {
    got=$(on client python3 "$lib/resolve.py" 203.0.113.53 www.example.com "$@" 2>>"$work/resolve.log")
    counted "client\$ resolve.py 203.0.113.53 www.example.com $2" "$1"
}
# of the client, without the probes
by() { grep -c "^$1 53 203.0.113.100 .* $2\$" "$work/seen"; }

say "Questions over both protocols"
forget
resolve 10 udp
is "all got the address" 10 "$(answers 192.0.2.80)"
holds "both servers were asked by UDP" "$(by ns1 udp) > 0 && $(by ns2 udp) > 0"
resolve 4 tcp
holds "and by TCP" "$(by ns1 tcp) > 0 && $(by ns2 tcp) > 0"

say "A server dies: its check finds that nobody answers"
kill "$(server_pid ns1)"
await lb backend/dns/ns1 down
show lb lbctl backend list
forget
resolve 10 udp
is "ns1 and ns2 were asked" "0 10" "$(by ns1 udp) $(by ns2 udp)"
finish
