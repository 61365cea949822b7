#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the data path forwards. Runs in a guest with one processor, whose clock counts instructions: started by run.sh.
#
# Clients, balancer and four servers on the veth pairs of one guest, nothing else in between (datapath_net.py has a
# picture). All sides are set up at once and measured in slices of a second, one right after the other and then
# backwards; a ratio is the middle one of all pairs of slices of the same half round, with the range in which it is in 19 of
# 20 cases. Half of the rounds are of a second setup, in which lbd and ipvsadm have changed places.
#
#   lbd-nat, -dr, -tun     rules of lbd, which runs, with its checks of the servers, for 2 s; it does not run while others are measured
#   ipvsadm-nat, -dr, -tun the same rules, as `ipvsadm -Sn` told them, by `ipvsadm -R`; nothing runs
#   haproxy, nginx         TCP mode with splicing, a thread each processor; stream, a worker each processor; no logs
#   direct                 no balancer: what clients and servers cost alone
#
#   http-keep     16 connections that ask again and again (wrk); an answer has 3 bytes
#   http-close    a connection for each request
#   udp-64        datagrams in frames of 64 bytes, there and back; 16 flows with 8 under way each (udp.c)
#   bulk          2 connections that send from the client to a server, so that all bytes pass in every mode (iperf3)
#   services-N    http-close, and N - 1 services of 4 backends beside it that nobody asks
#   flows-N       http-close, and N flows in the kernel's table (for all of IPVS: namespaces share it)
#   connections-N http-close, and N open connections through either proxy
#
#   rps, pps, rate    middle of the slices; -spread: distance of the quartiles, in percent of it
#   p50, p99      of the time to an answer, middle of the slices
#   cpu           time of all processors of the guest, per request, datagram or MB
#   share         how much of that the balancer is: what it is more than direct, in percent. In modes dr and tun the answers
#                 go the way of direct. Whatever the balancer makes dearer elsewhere (caches, wakeups) is in it.
#   softirq       how much of cpu is said to be in softirqs. A packet that passes a veth pair is received in the context of
#                 whoever sends it, so a part of this is counted for programs.
#   busy          of the processors. A slice in which it is far below what is usual does not count: the machine stood still
#   own           of a processor that lbd and its rooms take, while it is forwarded; samples, as softirq

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh datapath" >&2
    exit 1
}
build=$LBD_BENCH_BUILD
lbd=$build/lbd/lbd
read -r -a sizes <<<"$LBD_BENCH_SIZES"

bench_users
bench_near "$lbd" "$build/lbctl/lbctl" "$build"/tests/bench/bench_{udp,target,talk} wrk iperf3 haproxy nginx ss ip ipvsadm
# Without a deadline: while the machine below reads a file for the guest, nothing runs there and its clock leaps ahead.
modprobe ip_vs conn_tab_bits=20 # packaging/modprobe; all namespaces share that table
modprobe -a ip_vs_rr ip_vs_wrr ipip veth nf_tables nf_conntrack 2>/dev/null
bench_header lbd ipvsadm haproxy nginx direct
broken=''
while read -r word name value more; do
    case $word in
    figure | ratio) printf '%s %s %s%s\n' "$word" "$name" "$value" "${more:+ $more}" ;;
    check) bench_check "$name" "$value" "$more" ;;
    aim) bench_aim "$name" "$value" "$more" ;;
    note) bench_say "$name $value $more" ;;
    broken) broken=1 ;;
    esac
done < <("$here/datapath.py" "$LBD_BENCH_REPS" "$LBD_BENCH_CELLS" "${sizes[@]}" || echo broken)
bench_say "$bench_missed missed"
[[ -z $broken ]] || exit 1 # nothing was measured: that is no result, strict or not
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
