#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Filling the kernel, reloading, memory. Runs in a guest: started by run.sh.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh program" >&2
    exit 1
}
build=$LBD_BENCH_BUILD
lbd=$build/lbd/lbd lbctl=$build/lbctl/lbctl floor=$build/tests/bench/bench_floor
read -r -a sizes <<<"$LBD_BENCH_SIZES"
work=/tmp/bench

# ---------------------------------------------------------------- one run of one side

fresh() {
    bench_space
    rm -rf "$work/run" "$work/state"
    bench_quiet
}

lbd_command() { command=("$lbd" -c "$work/lbd.conf" --run-dir "$work/run" --state-dir "$work/state" --log-level warning); }
lbctl() { "$lbctl" --socket "$work/run/control.sock" "$@"; }

# start SIDE N M: result in $seen and $pid
start() {
    local side=$1 n=$2 m=$3
    local -a command
    case $side in
    lbd) lbd_command ;;
    # without -G its log of every object goes to the emulated serial console: ten times its own time
    keepalived) command=(keepalived -C -n -G -f "$work/keepalived.conf" -p "$work/ka.pid" -c "$work/ka-check.pid") ;;
    ipvsadm) command=(sh -c "exec ipvsadm -R <$work/ipvsadm.conf") ;;
    floor) command=("$floor" fill "$n" "$m") ;;
    esac
    read -r seen _ pid user sys < <(bench_in "$floor" time "$n" "$m" -- "${command[@]}" 2>>"$work/log")
    [[ -n $seen && $seen != 0.0 ]] # 0.0: not all of it was there when patience ended
}

reload() {
    local side=$1 n=$2 m=$3 case=$4 answered
    case $side in
    lbd)
        read -r seen answered _ < <(bench_in "$floor" wait "$n" "$m" -- "$lbctl" --socket "$work/run/control.sock" daemon reload 2>>"$work/log")
        bench_sample "program/$case/reload-answer/lbd" "$answered"
        ;;
    keepalived) read -r seen _ _ < <(bench_in "$floor" wait "$n" "$m" -- kill -HUP "$pid" 2>>"$work/log") ;;
    esac
}

own_count() { lbctl daemon info -j | sed -n 's/.*"kernel_writes": *\([0-9]*\).*/\1/p'; }

# How many changes the kernel saw, and how many lbd says it asked for.
reload_writes() {
    local name=$1 n=$2 m=$3 before seen
    before=$(own_count)
    bench_writes_clear
    bench_in "$floor" wait "$n" "$m" -- "$lbctl" --socket "$work/run/control.sock" daemon reload >>"$work/log" 2>&1
    seen=$(bench_writes)
    bench_say "$name: the kernel saw:$(bench_writes list)"
    bench_sample "$name/lbd" "$seen"
    bench_sample "${name}-said/lbd" "$(($(own_count) - before))"
}

one_side() {
    local side=$1 n=$2 m=$3 case=${2}x$3
    fresh
    bench_writes_clear
    if ! start "$side" "$n" "$m"; then
        bench_say "$case $side failed: $(tail -n 3 "$work/log")"
        bench_gone "$pid"
        return
    fi
    bench_sample "program/$case/start/$side" "$seen"
    bench_sample "program/$case/start-user/$side" "$user"
    bench_sample "program/$case/start-system/$side" "$sys"
    bench_sample "program/$case/start-writes/$side" "$(bench_writes)"
    if [[ $side == lbd || $side == keepalived ]]; then
        local ext=$work/$side.conf
        bench_quiet
        [[ $side != lbd ]] || reload_writes "program/$case/reload-same-writes" "$n" "$m"
        mv "$ext" "$ext.old"
        cp "$ext.more" "$ext"
        bench_quiet
        bench_writes_clear
        reload "$side" $((n + 1)) "$m" "$case"
        bench_sample "program/$case/reload/$side" "$seen"
        bench_sample "program/$case/reload-writes/$side" "$(bench_writes)"
        mv "$ext.old" "$ext"
    fi
    bench_gone "$pid"
    ip netns del "$bench_net"
}

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

mkdir -p "$work"
chmod 755 "$work"
bench_users
bench_near "$lbd" "$lbctl" "$floor" keepalived ipvsadm
bench_writes_start
bench_header lbd keepalived ipvsadm floor

for n in "${sizes[@]}"; do
    for side in lbd keepalived ipvsadm; do
        bench_services "$side" "$n" 4 "$work/$side.conf"
        bench_services "$side" $((n + 1)) 4 "$work/$side.conf.more"
    done
    for ((rep = 1; rep <= LBD_BENCH_REPS; rep++)); do
        for side in floor lbd keepalived ipvsadm; do
            # half a minute and more each; it is never close
            [[ $side == ipvsadm && $rep -gt 1 && $n -gt 1000 ]] || one_side "$side" "$n" 4
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
bench_check program/start/lbd:10000/1000 "$(bench_divide "$(value 10000x4/start/lbd)" "$(value 1000x4/start/lbd)")" "<=12"
for case in 10000x10-unchecked 10000x10-tcp; do
    bench_check "program/$case/rss-core/lbd" "$(value $case/rss-core/lbd)" "<=64"
    bench_check "program/$case/rss-probe/lbd" "$(value $case/rss-probe/lbd)" "<=64"
done
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
