#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a takeover costs: connections that exchange data through a pair are open, the forwarding node fails, and each of
# them says something and waits for the answer of the server that it had. Runs in a guest: started by run.sh.
#
# N connections through each of NAT, DR and TUN, in IPv4 and IPv6. Half of them (busy) go on sending while the test
# waits, the others (idle) say nothing between two counts. Who has no answer of his server is lost, and counts once.
#
#   cut           the cables of the master are pulled
#   cut-healed    and put in again, 15 s later: it takes the addresses back as soon as it likes
#   sigkill       all processes of the master are killed at once; its kernel stays on the wire
#   back-empty    15 s later the node comes back with an empty kernel, as after a reboot, and takes the addresses back
#   planned       lbd: lbctl failover --wait; keepalived has no such thing: SIGTERM
#   planned-back  the other way, 15 s later; keepalived: it is started again
#
# keepalived copies by the kernel's own synchronisation (lvs_sync_daemon), with the best settings that it has: the first
# packet of each flow is told and again every 10 s, each twice; 4 threads, buffers of 16 MB, sloppy_tcp; and it waits 5 s
# before it takes addresses back, so that busy connections may be told to it. Everything else is as it is by default.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh takeover" >&2
    exit 1
}
# shellcheck disable=SC2034 # read by bench_header
lbd=$LBD_BENCH_BUILD/lbd/lbd
events=(cut cut-healed sigkill back-empty planned planned-back)
sides=(lbd keepalived)

bench_users
bench_header "${sides[@]}"
declare -A of=()
names=()
while read -r word name number unit; do
    case $word in
    sample)
        [[ -n ${of[$name]-} ]] || names+=("$name")
        of[$name]=$unit
        bench_sample "takeover/$name" "$number"
        ;;
    note) bench_say "$name $number $unit" ;;
    broken) bench_missed=$((bench_missed + 1)) ;;
    esac
done < <("$here/takeover.py" "$LBD_BENCH_REPS" "$LBD_BENCH_CELLS" "${LBD_BENCH_SIZES%% *}" || echo broken)

for name in "${names[@]}"; do
    # the worst of the repetitions, and of how many
    printf 'figure takeover/%s %s %s\n' "$name" "$(bench_value "takeover/$name" p100)" "${of[$name]}"
done
# the table: event, side, lost of how many, busy and idle ones
cell() { printf '%s/%s' "$(bench_value "takeover/$1/$2" p100)" "${of[$1/$2]#of-}"; }
for event in "${events[@]}"; do
    for side in "${sides[@]}"; do
        [[ -n ${of[$event/lost/$side]-} ]] || continue
        bench_say "$(printf '%-13s %-11s lost %-11s busy %-11s idle %s' "$event" "$side" "$(cell "$event/lost" "$side")" \
            "$(cell "$event/lost-busy" "$side")" "$(cell "$event/lost-idle" "$side")")"
    done
done
for event in "${events[@]}"; do
    [[ -z ${of[$event/lost/lbd]-} ]] || bench_check "takeover/$event/lost/lbd" "$(bench_value "takeover/$event/lost/lbd" p100)" "=0"
done
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
