#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a takeover costs: connections that exchange data through a pair are open, the forwarding node fails, and each of
# them says something and waits for the answer of the server that it had. Runs in a guest: started by run.sh.
#
# N connections through each of NAT, DR, TUN and source NAT, in IPv4 and IPv6. Half of them (busy) go on talking all the
# time, 200 words a second in all, the others (idle) say nothing between two counts. Beside them, through each, 32 UDP
# flows; and 30 clients of a service with persistence, each of which opens a new connection when it is asked (sticky). Who
# has no answer of his server is lost, and counts once.
#
#   cut           the cables of the master are pulled
#   healed        and put in again, 15 s later: it takes the addresses back as soon as it likes
#   sigkill       all processes of the master are killed at once; its kernel stays on the wire
#   back          15 s later the node comes back with an empty kernel, as after a reboot, and takes the addresses back
#   planned       lbd: lbctl failover --wait; keepalived has no such thing: SIGTERM
#   planned-back  the other way, 15 s later; keepalived: it is started again
#
# The clients of source NAT come from eight addresses with the same ports, so for most of them another port must be found,
# and a node that knows nothing of them finds another one.
#
# keepalived copies by the kernel's own synchronisation (lvs_sync_daemon), with the best settings that it has: the first
# packet of each flow is told and again every 10 s, each twice; 4 threads, buffers of 16 MB, sloppy_tcp; and it waits 5 s
# before it takes addresses back, so that busy connections may be told to it. For source NAT it has conntrackd beside it:
# mode FTFW, what was told is committed by the notify script that its documentation recommends. Everything else is as it
# is by default.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh takeover" >&2
    exit 1
}
# shellcheck disable=SC2034 # read by bench_header
lbd=$LBD_BENCH_BUILD/lbd/lbd
events=(cut healed sigkill back planned planned-back)
sides=(lbd keepalived)
kinds=(tcp busy idle udp sticky)
modes=(nat4 nat6 dr4 dr6 tun4 tun6 snat4 snat6)

bench_users
bench_header lbd keepalived conntrackd
# the worst of the repetitions, and of how many. (In the shell itself: a guest takes its time for each program it starts.)
declare -A of=() worst=()
while read -r word name number unit; do
    case $word in
    sample)
        ((number < ${worst[$name]--1})) || worst[$name]=$number of[$name]=$unit
        ;;
    note) bench_say "$name $number $unit" ;;
    broken) bench_missed=$((bench_missed + 1)) ;;
    esac
done < <("$here/takeover.py" "$LBD_BENCH_REPS" "$LBD_BENCH_CELLS" "${LBD_BENCH_SIZES%% *}" || echo broken)

for event in "${events[@]}"; do
    for mode in "${kinds[@]}" "${modes[@]}"; do
        for side in "${sides[@]}"; do
            at=$mode/$event/lost/$side
            [[ -z ${of[$at]-} ]] || printf 'figure takeover/%s %s connections\n' "$at" "${worst[$at]}"
        done
    done
done

# table FORMAT COLUMN...: who lost how many of how many, by event
table() {
    local format=$1 line row event side mode at
    shift
    bench_say
    # shellcheck disable=SC2059 # of the callers
    printf -v line "%-12s %-10s$format" lost by "$@"
    bench_say "$line"
    for event in "${events[@]}"; do
        for side in "${sides[@]}"; do
            [[ -n ${of[tcp/$event/lost/$side]-} ]] || continue
            row=()
            for mode; do
                at=$mode/$event/lost/$side
                row+=("${worst[$at]}/${of[$at]}")
            done
            # shellcheck disable=SC2059
            printf -v line "%-12s %-10s$format" "$event" "$side" "${row[@]}"
            bench_say "$line"
        done
    done
}
table ' %-11s %-11s %-11s %-11s %s' "${kinds[@]}"
table ' %-11s %-11s %-11s %s' "${modes[@]:0:4}"
table ' %-11s %-11s %-11s %s' "${modes[@]:4}"
bench_say
for event in "${events[@]}"; do
    for kind in tcp udp sticky; do
        at=$kind/$event/lost/lbd
        [[ -z ${of[$at]-} ]] || bench_check "takeover/$at" "${worst[$at]}" "=0"
    done
done
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
