#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Filling the kernel, reloading, memory. Runs in a guest: started by run.sh.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=sides.sh
source "$(dirname "${BASH_SOURCE[0]}")/sides.sh"

[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh program" >&2
    exit 1
}
read -r -a sizes <<<"$LBD_BENCH_SIZES"

# memory CASE CHECK: what 10,000 x 10 takes once all is settled
memory() {
    local case=$1 check=$2 worker tries=240 server='' pss=0 p
    fresh
    bench_services lbd 10000 10 "$work/lbd.conf" "$check"
    # the addresses of the backends are our own, and somebody answers there: checks pass
    bench_in ip route add local 172.16.0.0/12 dev lo
    ip netns exec "$bench_net" "$floor" serve 8080 &
    server=$!
    local -a command
    lbd_command
    # not through bench_in: its shell would be in between
    ip netns exec "$bench_net" "${command[@]}" 2>>"$work/log" &
    pid=$!
    while ((tries--)); do
        sleep 1
        [[ -d /proc/$pid ]] || {
            bench_say "$case: lbd is gone: $(tail -n 1 "$work/log")"
            bench_gone "$server"
            return
        }
        # the first verdict of everything, and the kernel as it should be
        lbctl -t 1s wait daemon ready >/dev/null 2>&1 && break
    done
    ((tries >= 0)) || bench_say "$case: not ready in time; sampled anyway"
    lbctl >"$work/status" 2>&1
    bench_say "$case: $(sed -n 2p "$work/status")"
    sleep 3
    worker=$(pgrep -P "$pid" | head -1)
    bench_sample "program/$case/rss-core/lbd" "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$pid/status")"
    bench_sample "program/$case/rss-core-peak/lbd" "$(awk '/^VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$pid/status")"
    bench_sample "program/$case/rss-probe/lbd" "$(awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$worker/status")"
    for p in "$pid" "$worker"; do
        pss=$((pss + $(awk '/^Pss:/ { print $2 }' "/proc/$p/smaps_rollup")))
    done
    bench_sample "program/$case/pss-total/lbd" "$(awk -v k="$pss" 'BEGIN { printf "%.1f", k / 1024 }')"
    bench_gone "$pid" "$server"
    ip netns del "$bench_net"
    local measure
    for measure in rss-core rss-core-peak rss-probe pss-total; do
        bench_figures "program/$case/$measure/lbd" MiB
    done
}

# ---------------------------------------------------------------- all of it

sides_begin
bench_header lbd keepalived ipvsadm floor

for n in "${sizes[@]}"; do
    sides_configure "$n" 4
    for ((rep = 1; rep <= LBD_BENCH_REPS; rep++)); do
        for side in floor lbd keepalived ipvsadm; do
            # beyond that half a minute and more each, and nothing is checked against it
            [[ $side == ipvsadm && $rep -gt 1 && $n -gt 5000 ]] || one_side "$side" "$n" 4
        done
    done
    for side in floor lbd keepalived ipvsadm; do
        bench_figures "program/${n}x4/start/$side" ms
    done
    # keepalived does its work in a child, which this does not see
    for side in floor lbd ipvsadm; do
        bench_figures "program/${n}x4/start-user/$side" ms
        bench_figures "program/${n}x4/start-system/$side" ms
    done
    for side in lbd keepalived; do
        bench_figures "program/${n}x4/reload/$side" ms
    done
    bench_figures "program/${n}x4/reload-answer/lbd" ms
    for side in floor lbd keepalived ipvsadm; do
        bench_print "program/${n}x4/start-writes/$side" "$(bench_value "program/${n}x4/start-writes/$side")" writes
    done
    for side in lbd keepalived; do
        bench_print "program/${n}x4/reload-writes/$side" "$(bench_value "program/${n}x4/reload-writes/$side" median)" writes
    done
    bench_print "program/${n}x4/reload-same-writes/lbd" "$(bench_value "program/${n}x4/reload-same-writes/lbd" median)" writes
    bench_print "program/${n}x4/reload-same-writes-said/lbd" "$(bench_value "program/${n}x4/reload-same-writes-said/lbd" median)" writes
done
memory 10000x10-unchecked none
# nobody probes 100,000 targets each second under emulation; memory does not depend on the pace
memory 10000x10-tcp slow

for n in "${sizes[@]}"; do
    bench_ratio "program/${n}x4/start/lbd" floor
    bench_ratio "program/${n}x4/start/lbd" keepalived
    bench_ratio "program/${n}x4/start/lbd" ipvsadm
    bench_ratio "program/${n}x4/reload/lbd" keepalived
done
value() { bench_value "program/$1"; }
bench_check program/5000x4/start/lbd:keepalived "$(bench_divide "$(value 5000x4/start/lbd)" "$(value 5000x4/start/keepalived)")" "<=0.5"
bench_check program/5000x4/start/lbd:ipvsadm "$(bench_divide "$(value 5000x4/start/lbd)" "$(value 5000x4/start/ipvsadm)")" "<=0.1"
bench_aim program/5000x4/start/lbd:floor "$(bench_divide "$(value 5000x4/start/lbd)" "$(value 5000x4/start/floor)")" "<=1.3"
bench_check program/5000x4/reload/lbd:keepalived "$(bench_divide "$(value 5000x4/reload/lbd)" "$(value 5000x4/reload/keepalived)")" "<=0.25"
bench_check program/5000x4/reload-same-writes/lbd "$(bench_value program/5000x4/reload-same-writes/lbd median)" "=0"
bench_check program/5000x4/reload-writes/lbd "$(bench_value program/5000x4/reload-writes/lbd median)" "=5"
if [[ " ${sizes[*]} " == *" 1000 "* && " ${sizes[*]} " == *" 10000 "* ]]; then # not with --quick
    bench_check program/start/lbd:10000/1000 "$(bench_divide "$(value 10000x4/start/lbd)" "$(value 1000x4/start/lbd)")" "<=12"
fi
for case in 10000x10-unchecked 10000x10-tcp; do
    bench_check "program/$case/rss-core/lbd" "$(value $case/rss-core/lbd)" "<=64"
    bench_check "program/$case/rss-probe/lbd" "$(value $case/rss-probe/lbd)" "<=64"
done
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
