#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What must not get worse without somebody noticing: ratios that one run has measured itself, never seconds. Small enough
# for every whole run of the tests (tests/lab/test_bench_guard.py), where the build is not the release and the machine is
# busy; so the bounds are twice what was measured, or more. Runs in a guest: started by run.sh or by that test.
#
#   start         the kernel filled with N services of 4 backends, against `ipvsadm -R` and against the floor
#   reload        one service more: until the kernel has it, against filling everything at the floor
#   same-writes   changes that a reload of the same file asks the kernel for: none
#   more-writes   of one service more: the service and its backends
#   rss           bytes of the core per backend: between 1 and 1000 services of 10, none probed
#   looking       share of a processor that the core takes to look at 1000 services while nothing changes, in percent

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=sides.sh
source "$(dirname "${BASH_SOURCE[0]}")/sides.sh"

[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh guard" >&2
    exit 1
}
# measured on a busy machine: start 0.16 of ipvsadm -R and 2.8 of the floor, reload 0.96 of the floor, 267 bytes
start_of_ipvsadm=0.4 start_of_floor=6 reload_of_floor=2 rss_per_backend=600 looking_percent=6
n=${LBD_BENCH_SIZES%% *} case=${LBD_BENCH_SIZES%% *}x4
bench_case=guard

# resident N M: of the core, in bytes, when the kernel has N services of M backends
resident() {
    local -a command
    fresh
    bench_services lbd "$1" "$2" "$work/lbd.conf"
    lbd_command
    read -r _ _ pid _ < <(bench_in "$floor" time "$1" "$2" -- "${command[@]}" 2>>"$work/log")
    awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$pid/status"
    bench_gone "$pid"
    ip netns del "$bench_net"
}

# looking N M: of 10 s, after it has settled. Not ticks: it looks for 2 ms at a time
looking() {
    local -a command
    local before after from to
    fresh
    bench_services lbd "$1" "$2" "$work/lbd.conf"
    lbd_command
    read -r _ _ pid _ < <(bench_in "$floor" time "$1" "$2" -- "${command[@]}" 2>>"$work/log")
    sleep 3
    read -r before _ <"/proc/$pid/schedstat"
    from=${EPOCHREALTIME//[.,]/}
    sleep 10
    read -r after _ <"/proc/$pid/schedstat"
    to=${EPOCHREALTIME//[.,]/}
    awk -v ns=$((after - before)) -v us=$((to - from)) 'BEGIN { printf "%.2f", ns / us / 10 }'
    bench_gone "$pid"
    ip netns del "$bench_net"
}

sides_begin
bench_header lbd ipvsadm floor
sides_configure "$n" 4
for ((rep = 1; rep <= LBD_BENCH_REPS; rep++)); do
    for side in floor lbd ipvsadm; do
        [[ $side == ipvsadm && $rep -gt 1 ]] || one_side "$side" "$n" 4
    done
done
for side in floor lbd ipvsadm; do
    bench_figures "guard/$case/start/$side" ms
done
bench_figures "guard/$case/reload/lbd" ms
few=$(resident 1 10) many=$(resident 1000 10)
bench_sample "guard/$case/looking/lbd" "$(looking 1000 4)"
bench_figures "guard/$case/looking/lbd" %

value() { bench_value "guard/$case/$1"; }
bench_ratio "guard/$case/start/lbd" ipvsadm
bench_check "guard/start/lbd:ipvsadm" "$bench_quotient" "<=$start_of_ipvsadm"
bench_ratio "guard/$case/start/lbd" floor
bench_check "guard/start/lbd:floor" "$bench_quotient" "<=$start_of_floor"
bench_check "guard/reload/lbd:floor" "$(bench_divide "$(value reload/lbd)" "$(value start/floor)")" "<=$reload_of_floor"
bench_check "guard/same-writes/lbd" "$(bench_value "guard/$case/reload-same-writes/lbd" p100)" "=0"
bench_check "guard/more-writes/lbd" "$(bench_value "guard/$case/reload-writes/lbd" p100)" "=5"
bench_check "guard/rss/lbd" "$(((many - few) / 9990))" "<=$rss_per_backend"
bench_check "guard/looking/lbd" "$(value looking/lbd)" "<=$looking_percent"
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
