# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # bench_net is of lib.sh
#
# Who fills the kernel: one run of a side, from nothing to all services, and a reload. For program.sh and guard.sh.

build=$LBD_BENCH_BUILD
lbd=$build/lbd/lbd lbctl=$build/lbctl/lbctl floor=$build/tests/bench/bench_floor
work=/tmp/bench
bench_case=program # in front of all names

sides_begin() {
    mkdir -p "$work"
    chmod 755 "$work"
    bench_users
    bench_near "$lbd" "$lbctl" "$floor" keepalived ipvsadm
    bench_writes_start
}

# sides_configure N M: the files of all sides, and those with one service more
sides_configure() {
    local side
    for side in lbd keepalived ipvsadm; do
        bench_services "$side" "$1" "$2" "$work/$side.conf"
        bench_services "$side" $(($1 + 1)) "$2" "$work/$side.conf.more"
    done
}

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
        bench_sample "$bench_case/$case/reload-answer/lbd" "$answered"
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
    bench_sample "$bench_case/$case/start/$side" "$seen"
    bench_sample "$bench_case/$case/start-user/$side" "$user"
    bench_sample "$bench_case/$case/start-system/$side" "$sys"
    bench_sample "$bench_case/$case/start-writes/$side" "$(bench_writes)"
    if [[ $side == lbd || $side == keepalived ]]; then
        local ext=$work/$side.conf
        bench_quiet
        [[ $side != lbd ]] || reload_writes "$bench_case/$case/reload-same-writes" "$n" "$m"
        mv "$ext" "$ext.old"
        cp "$ext.more" "$ext"
        bench_quiet
        bench_writes_clear
        reload "$side" $((n + 1)) "$m" "$case"
        bench_sample "$bench_case/$case/reload/$side" "$seen"
        bench_sample "$bench_case/$case/reload-writes/$side" "$(bench_writes)"
        mv "$ext.old" "$ext"
    fi
    bench_gone "$pid"
    ip netns del "$bench_net"
}
