#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A node fails: how long a client has no answer, and how long both nodes hold the address. Started by run.sh, on this
# machine and not in a guest: virtual addresses need no IPVS, only namespaces, and a down interval of 36 ms, or probes
# 5 ms apart, would be measured against an emulated clock and a processor ten times slower than any that fails over.
#
# Two nodes and a client on a bridge, priorities 150 and 100, VRRP 3, everything else as each side has it by default.
# When between two adverts a fault comes is the same for both sides, and another time in each run.
# The client asks the address by ICMP echo every 5 ms; the kernel of the node that has it answers. Per fault, advert
# interval and side:
#
#   outage      the longest time without an answer, from just before the fault to the end, so a second gap when the
#               first node comes back counts, too. Without any it is 5 ms, the grain of this measure. Up to three late
#               probes count only near the fault, its end, or an address that comes or goes: else it is the machine.
#   dual        for how long both kernels had the address (address events of both namespaces). What still lasts when we
#               end watching is cut there.
#   dual-end    when they last did, counted from the fault, but for less than 50 ms: so one that lives hands over
#
#   link          the switch port of the master goes down
#   sigterm       the daemon is told to end
#   sigkill       all its processes are killed, that of VRRP first, and stay dead
#   sigkill-vrrp  that of VRRP alone; its parent starts another one, which takes the address back
#   sigstop       all its processes stand still for 6 s (1 s adverts: 9 s), then go on
#   planned       lbd: lbctl failover --wait; while that cannot be had the cell is called resign and is lbctl vrrp resign.
#                 keepalived has no such thing: SIGTERM
#
# The node that fails did not leave the switch after a kill or stop: its kernel answers until the other one has told the
# client better, so hardly an answer is lost. What tells the sides apart then is dual: as long as it lasts, whoever asks
# for the address anew may be told the dead one.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
if [[ ${LBD_BENCH_NATIVE-} != inside ]]; then
    [[ -n ${LBD_BENCH_BUILD-} ]] || {
        echo "start it with tests/bench/run.sh failover" >&2
        exit 1
    }
    ((EUID == 0)) || {
        echo "bench: failover needs root: it makes network namespaces" >&2
        exit 1
    }
    # Namespaces of its own: nothing is left behind, no process either. All sides go before what else runs here: it is
    # they that are measured, not who they share a processor with.
    export LBD_BENCH_NATIVE=inside LBD_LAB_WHERE=native
    LBD_LAB_KERNEL=$(uname -r)
    LBD_BENCH_WORK=$(mktemp -d) || exit 1
    export LBD_LAB_KERNEL LBD_BENCH_WORK
    trap 'rmdir "$LBD_BENCH_WORK"' EXIT
    nice -n -10 setpriv --pdeathsig KILL -- \
        unshare --net --mount --pid --fork --kill-child --mount-proc "${BASH_SOURCE[0]}"
    exit $?
fi

lbd=$LBD_BENCH_BUILD/lbd/lbd
mkdir -p /run/netns || exit 1
mount -t tmpfs netns /run/netns || exit 1
mount -t tmpfs work "$LBD_BENCH_WORK" || exit 1
grain=5    # ms between two probes
planned=20 # ms

value() { bench_value "failover/$1" "$2"; }

# print_cell CELL: figures and checks of a cell that is over
print_cell() {
    local cell=$1 side measure how theirs
    for side in lbd keepalived; do
        for measure in outage dual dual-end; do
            for how in p50 p99; do
                [[ -z $(value "$cell/$measure/$side" $how) ]] ||
                    bench_print "failover/$cell/$measure-$how/$side" "$(value "$cell/$measure/$side" $how)" ms
            done
        done
    done
    theirs=$(value "$cell/outage/keepalived" p99)
    # its last word may be that the machine stood still in each run: then there is nothing to compare with
    if [[ -n $theirs ]]; then
        bench_check "failover/$cell/outage-vs-keepalived" "$(value "$cell/outage/lbd" p99)" \
            "<=$(awk -v v="$theirs" -v g=$grain 'BEGIN { printf "%.1f", v + g }')"
    else
        bench_say "$cell: keepalived was not measured, so nothing is compared"
    fi
    case $cell in
    *-sigkill | *-sigkill-vrrp | *-sigstop)
        bench_check "failover/$cell/dual-end/lbd" "$(value "$cell/dual-end/lbd" p99)" "<=$(value "$cell/lease/lbd" p99 | awk '{ print $1 + 1000 }')"
        ;;
    *-planned) bench_check "failover/$cell/outage/lbd" "$(value "$cell/outage/lbd" p99)" "<=$planned" ;;
    *-resign) bench_aim "failover/$cell/outage/lbd" "$(value "$cell/outage/lbd" p99)" "<=$planned" ;;
    esac
}

bench_header lbd keepalived
bench_say "load of the machine before: $(cut -d' ' -f1-3 /proc/loadavg)"
while read -r word cell measure side number; do
    case $word in
    sample) bench_sample "failover/$cell/$measure/$side" "$number" ;;
    cell) print_cell "$cell" ;;
    note) bench_say "$cell $measure $side $number" ;;
    broken) bench_missed=$((bench_missed + 1)) ;;
    esac
done < <("$here/failover.py" "$LBD_BENCH_REPS" "$LBD_BENCH_CELLS" || echo broken)
bench_say "load of the machine after: $(cut -d' ' -f1-3 /proc/loadavg)"
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
