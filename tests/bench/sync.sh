#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Flows are copied to the other node of a pair. Runs in a guest: started by run.sh.
#
# Two nodes with a link between them, clients before the first one and servers behind it. The clients send one datagram
# per flow, with addresses and ports of their own (udp.c): that is the cheapest flow that there is, so many come fast.
#
#   bulk-N        the first node has N flows, then comes the other one, which has none
#     time          s from the start of its daemon until its kernel has all (with the start of the daemon)
#     time-told     s until both say that they are in sync
#     speed         flows/s from the first that its kernel has to the last
#   rate          new flows for 10 s, as fast as the guest opens them: no sender could be faster here
#     rate          flows/s that the first kernel took
#     settled       s from the last until the other kernel has them all, or nothing comes any more
#     lag           ms that lbd itself says it is behind, sampled every 0.3 s while flows come (it is measured each second)
#   conntrack-N   N connections through a router that translates their source address, answered once
#
#   missing       flows that the first kernel has and the other one has not when nothing comes any more
#   different     flows that are not the same in both, where all were read back
#   refused lost full    what lbd counts of that itself, -a on the first, -b on the other node
#   cpu           s of processor time per 10,000 flows: of the process on either node (-a, -b) and of the kernel's threads
#                 for its own synchronisation (-kernel), through which lbd reads and writes
#   rss-a rss-b   bytes that the process grew by, per flow
#
# kernel: the kernel's own synchronisation over the same wire, with the best settings that it has: 4 threads, the first
# packet of each flow is told, each twice, and buffers of 16 MB. It has no bulk at all, so there is nothing to compare.
# conntrackd: mode FTFW, written into the other kernel at once (no external cache), buffers of 16 MB.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh sync" >&2
    exit 1
}
lbd=$LBD_BENCH_BUILD/lbd/lbd
read -r -a sizes <<<"$LBD_BENCH_SIZES"
value() { bench_value "sync/$1" "${2-min}"; }
worst() { bench_value "sync/$1" p100; }

bench_users
bench_header lbd kernel conntrackd
declare -A units=()
names=()
while read -r word name number unit; do
    case $word in
    sample)
        [[ -n ${units[$name]-} ]] || names+=("$name")
        units[$name]=$unit
        [[ $number == none ]] || bench_sample "sync/$name" "$number"
        ;;
    absent) printf 'figure sync/%s n/a\n' "$name" ;;
    note) bench_say "$name $number $unit" ;;
    broken) bench_missed=$((bench_missed + 1)) ;;
    esac
done < <("$here/sync.py" "$LBD_BENCH_REPS" "$LBD_BENCH_CELLS" "${sizes[@]}" || echo broken)

for name in "${names[@]}"; do
    case $name in
    */lag/*)
        bench_print "sync/${name/lag/lag-p50}" "$(value "$name" p50)" "${units[$name]}"
        bench_print "sync/${name/lag/lag-p99}" "$(value "$name" p99)" "${units[$name]}"
        ;;
    */cpu*) printf 'figure sync/%s %s %s\n' "$name" "$(value "$name")" "${units[$name]}" ;;
    *) bench_figures "sync/$name" "${units[$name]}" ;;
    esac
done
for n in "${sizes[@]}"; do
    [[ -n $(value "bulk-$n/time/lbd") ]] || continue
    for measure in missing refused-a refused-b lost-a lost-b full-a full-b different; do
        [[ -z $(worst "bulk-$n/$measure/lbd") ]] ||
            bench_check "sync/bulk-$n/$measure/lbd" "$(worst "bulk-$n/$measure/lbd")" "=0"
    done
    [[ $n -lt 100000 ]] || for side in a b; do
        bench_check "sync/bulk-$n/rss-$side/lbd" "$(value "bulk-$n/rss-$side/lbd")" "<=200"
    done
done
if [[ -n $(value rate/rate/lbd) ]]; then
    for measure in missing refused-a refused-b lost-a lost-b full-a full-b; do
        bench_check "sync/rate/$measure/lbd" "$(worst "rate/$measure/lbd")" "=0"
    done
    bench_ratio sync/rate/cpu/lbd kernel
    bench_ratio sync/rate/rate/lbd kernel
fi
for n in "${sizes[@]}"; do
    [[ -z $(value "conntrack-$n/time/lbd") ]] || bench_check "sync/conntrack-$n/missing/lbd" "$(worst "conntrack-$n/missing/lbd")" "=0"
    bench_ratio "sync/conntrack-$n/cpu/lbd" conntrackd
done
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
