#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Proves that the lab keeps its promises.
#
#   tests/lab/selftest.sh [6.12|6.1|host]...    default: every Debian kernel this system offers

# Checks are called by name.
# shellcheck disable=SC2317

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
lab=$here/lab
failed=0 count=0

ok() {
    count=$((count + 1))
    printf 'ok      %s\n' "$*"
}
bad() {
    count=$((count + 1)) failed=$((failed + 1))
    printf 'NOT OK  %s\n' "$*"
}
# check TEXT COMMAND...: ok when the command succeeds.
check() {
    local text=$1
    shift
    if "$@"; then ok "$text"; else bad "$text"; fi
}
# same TEXT WANT GOT
same() {
    if [[ $2 == "$3" ]]; then ok "$1"; else bad "$1: expected '$2', got '$3'"; fi
}

# ---------------------------------------------------------------- inside

SCHEDULERS=(rr wrr lc wlc lblc lblcr dh sh mh sed nq fo ovf twos)
MODULES=(nf_conntrack nf_conntrack_netlink nf_tables nft_ct nft_nat nft_masq nft_chain_nat nft_fib_inet
    xt_ipvs ipip ip6_tunnel sit gre ip_gre ip6_gre fou fou6 veth bridge dummy macvlan ipvlan vxlan tun
    sch_netem sch_tbf sch_ingress act_mirred cls_u32 sctp nfnetlink_log)

try_ipvs() {
    ip netns add lab1 && ip -n lab1 link set lo up &&
        ip netns exec lab1 ipvsadm -A -t 192.0.2.1:80 -s wrr &&
        ip netns exec lab1 ipvsadm -a -t 192.0.2.1:80 -r 127.0.0.1:8080 -m -w 5 &&
        ip netns exec lab1 ipvsadm -A -t '[2001:db8::1]:80' -s mh &&
        ip netns exec lab1 ipvsadm -A -f 7 -s rr &&
        ip netns exec lab1 ipvsadm -Ln | grep -q '127.0.0.1:8080 *Masq *5' &&
        [[ -z $(ipvsadm -Ln | sed 1,3d) ]]
}

# A request through the whole way: client, balancer with NAT, server; three namespaces.
try_traffic() {
    local answer name web
    for name in client lb web; do
        ip netns add "$name" && ip -n "$name" link set lo up || return 1
    done
    ip link add c netns client type veth peer name lc netns lb &&
        ip link add w netns web type veth peer name lw netns lb || return 1
    ip -n client addr add 10.1.0.2/24 dev c && ip -n lb addr add 10.1.0.1/24 dev lc
    ip -n web addr add 10.2.0.2/24 dev w && ip -n lb addr add 10.2.0.1/24 dev lw
    ip -n client link set c up && ip -n web link set w up && ip -n lb link set lc up && ip -n lb link set lw up
    ip -n web route add default via 10.2.0.1
    ip netns exec lb sysctl -qw net.ipv4.ip_forward=1
    ip netns exec lb ipvsadm -A -t 10.1.0.1:80 -s rr
    ip netns exec lb ipvsadm -a -t 10.1.0.1:80 -r 10.2.0.2:8000 -m
    (cd /etc && exec ip netns exec web python3 -m http.server 8000 >/dev/null 2>&1) &
    web=$!
    for _ in {1..50}; do
        answer=$(ip netns exec client curl -s -m 2 http://10.1.0.1/hostname) && break
        sleep 0.2
    done
    kill "$web"
    [[ -n $answer && $answer == "$(cat /etc/hostname)" ]]
}

try_nat() {
    ip netns add nat1 && ip netns exec nat1 nft -f - <<'RULES'
table inet t {
    chain post {
        type nat hook postrouting priority 100
        masquerade
    }
    chain pre {
        type nat hook prerouting priority -100
        tcp dport 80 dnat ip to 192.0.2.9:8080
    }
}
RULES
}

inside() {
    local name missing=() start
    echo "        $(uname -r), $LBD_LAB_WHERE"
    check "IPVS in a fresh namespace, IPv4, IPv6 and fwmark, unseen outside" try_ipvs
    check "a request through IPVS NAT" try_traffic
    check "nft NAT chains" try_nat
    for name in "${SCHEDULERS[@]}"; do
        modprobe "ip_vs_$name" 2>/dev/null || missing+=("$name")
    done
    case $(uname -r) in
    6.1.*) same "all schedulers, but twos which came with 6.2" twos "${missing[*]}" ;;
    *) same "all schedulers" '' "${missing[*]}" ;;
    esac
    missing=()
    for name in "${MODULES[@]}"; do
        modprobe "$name" 2>/dev/null || missing+=("$name")
    done
    same "all modules" '' "${missing[*]}"
    check "a GUE receiver" ip fou add port 6080 gue
    check "conntrack" eval 'conntrack -L >/dev/null 2>&1'
    check "a tunnel interface" ip link add tun7 type ipip local 192.0.2.1 remote 192.0.2.2
    check "packets can be caught" eval 'timeout 10 tcpdump -i lo -c 1 >/dev/null 2>&1 & sleep 2; ping -qc 2 127.0.0.1 >/dev/null; wait $!'
    check "scapy" /usr/bin/python3 -c 'from scapy.all import IP; IP()'
    start=$(date +%s)
    same "root" 0 "$(id -u)"
    same "the folder of the caller" "$LBD_SELFTEST_FOLDER" "$PWD"
    check "the clock is right" [ $((start - LBD_SELFTEST_CLOCK)) -ge 0 -a $((start - LBD_SELFTEST_CLOCK)) -lt 60 ]
    return $((failed > 0))
}

# ---------------------------------------------------------------- outside

outside() {
    local kernel=$1 work status begin
    local -a run=("$lab" --kernel "$kernel")
    work=$(mktemp -d)
    printf -- '-------- %s\n' "$kernel"

    LBD_SELFTEST_FOLDER=$PWD LBD_SELFTEST_CLOCK=$(date +%s) "${run[@]}" --times -- "$here/selftest.sh" --inside
    check "everything inside" [ $? = 0 ]

    # One boot for all that concerns what goes in and comes out.
    mkdir "$work/share"
    echo old >"$work/host-file"
    head -c 3000000 /dev/urandom >"$work/random"
    cat >"$work/job.sh" <<JOB
cat $work/random
echo to-stderr >&2
echo arrived >\$LBD_LAB_OUT/result
echo shared >\$LBD_LAB_SHARE_here/file
echo new >$work/host-file; echo new >/lab-selftest; rm -rf /etc/passwd
printf '%s|' "\$@" >\$LBD_LAB_OUT/arguments
echo "\$LBD_SELFTEST_X" >\$LBD_LAB_OUT/variable
sleep 1000 &
exit 7
JOB
    # shellcheck disable=SC2016
    LBD_SELFTEST_X=$'a b\n"c"' "${run[@]}" --out "$work/out" --share "$work/share=here" -- \
        bash "$work/job.sh" 'a b' "it's" $'new\nline' '' '$HOME' >"$work/stdout" 2>"$work/stderr"
    same "exit status 7 is passed on" 7 $?
    check "stdout is passed on byte by byte" cmp "$work/random" "$work/stdout"
    same "stderr is apart" to-stderr "$(tail -n 1 "$work/stderr")"
    same "one line says where it runs" 1 "$(grep -c '^lab: .*kernel' "$work/stderr")"
    same "a result arrives" arrived "$(cat "$work/out/result")"
    same "a share is written" shared "$(cat "$work/share/file")"
    same "arguments arrive whole" "a b|it's|"$'new\nline||$HOME|' "$(cat "$work/out/arguments")"
    same "LBD_* variables arrive whole" $'a b\n"c"' "$(cat "$work/out/variable")"
    if [[ $kernel != host ]]; then
        same "files of this machine are untouched" old "$(cat "$work/host-file")"
        check "nothing was added to this machine" [ ! -e /lab-selftest ]
        check "nothing was taken from this machine" [ -e /etc/passwd ]
    fi

    # Time: the first line has to be here long before the end comes.
    begin=$SECONDS
    "${run[@]}" --timeout 20 -- bash -c 'echo early; sleep 1000' 2>"$work/stderr" | {
        read -r line
        echo "$line $((SECONDS - begin < 18))" >"$work/early"
        cat >/dev/null
    }
    status=${PIPESTATUS[0]}
    same "a timeout is status 124" 124 "$status"
    check "and says so" grep -q 'time is up' "$work/stderr"
    same "output is there as it comes" "early 1" "$(cat "$work/early")"

    if [[ $kernel != host ]]; then
        "${run[@]}" --timeout 60 -- bash -c 'echo c >/proc/sysrq-trigger; sleep 60' >"$work/stdout" 2>"$work/stderr"
        same "a guest that dies is status 125" 125 $?
        check "with its last words" grep -q 'lab: .*panic' "$work/stderr"
        # Two at once.
        "${run[@]}" -- bash -c 'exit 11' 2>/dev/null &
        "${run[@]}" -- bash -c 'exit 12' 2>/dev/null
        status=$?
        wait $!
        same "two at once" "11 12" "$? $status"
    fi
    rm -rf "$work"
}

if [[ ${1-} == --inside ]]; then
    inside
    exit
fi
if (($# == 0)); then
    set --
    for kernel in 6.12 6.1; do
        if "$here/kernels.sh" get "$kernel" >/dev/null; then
            set -- "$@" "$kernel"
        else
            printf 'skipped %s: not offered here\n' "$kernel"
        fi
    done
fi
for kernel in "$@"; do
    outside "$kernel"
done
printf '%d checks, %d failed\n' "$count" "$failed"
exit $((failed > 0))
