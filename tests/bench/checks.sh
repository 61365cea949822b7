#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Health checks: what a probe costs, and whether probes come when they are due. Runs in a guest: started by run.sh.
#
# The balancer has a namespace of its own and reaches the backends over a veth pair; they are addresses of a second
# one, all answered by one server. N probes per second are N*2 targets, each probed every 2 s. Per side and rate:
#
#   rate     probes per second: connections that the kernel opened (ActiveOpens of the balancer's namespace), so
#            neither side counts for itself
#   cpu      seconds of processor time of all its processes per 10,000 of those (user and system, /proc/PID/stat).
#            Almost all of what the kernel does for a probe is in it, the far end of the veth pair included: packets
#            between namespaces are received in the context of whoever sends.
#   busy     share of a processor that its busiest process takes
#   late     how late a probe starts, median and 99th percentile.
#            lbd: start minus due, as its worker tells it (`lbctl daemon info`). Its probes come up to 10 % of the
#            interval sooner on purpose, so that the times of arrival cannot tell.
#            keepalived: the time between two SYNs of one target minus the configured period. It counts its period
#            from the end of a probe, so the time of a probe (below a ms here) is in it.
#   rss      resident memory of all its processes, at most targets

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh checks" >&2
    exit 1
}
build=$LBD_BENCH_BUILD
lbd=$build/lbd/lbd lbctl=$build/lbctl/lbctl floor=$build/tests/bench/bench_floor target=$build/tests/bench/bench_target
read -r -a rates <<<"$LBD_BENCH_SIZES"
work=/tmp/bench
period=2 # seconds between two probes of a target
per=100 # backends of a service
cpu_window=12 late_window=11 # the worker tells of the last 10 to 20 s
patience=90 # seconds until every target has been probed once
far=bench-far
ticks=$(getconf CLK_TCK)

# ---------------------------------------------------------------- configurations

# write_config SIDE TYPE TARGETS: the same services for both sides; addresses as in floor.c
write_config() {
    awk -v side="$1" -v type="$2" -v n="$(($3 / per))" -v m="$per" -v period="$period" '
        function ip(a) { return int(a / 16777216) "." int(a / 65536) % 256 "." int(a / 256) % 256 "." a % 256 }
        BEGIN {
            if (side == "lbd")
                printf "checks:\n  probe: { type: %s, interval: %ds, timeout: 1s }\n" \
                    "defaults:\n  service: { check: probe, scheduler: rr, mode: nat }\nservices:\n", type, period
            for (i = 1; i <= n; i++) {
                vip = ip(167772160 + i)
                if (side == "lbd")
                    printf "  s%05d:\n    listen: %s:80\n    backends:\n", i, vip
                else
                    printf "virtual_server %s 80 {\n  delay_loop %d\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n",
                        vip, period
                for (j = 0; j < m; j++) {
                    to = ip(2886729728 + i * m + j)
                    if (side == "lbd")
                        printf "      b%d: %s:8080\n", j + 1, to
                    else if (type == "tcp")
                        printf "  real_server %s 8080 {\n    weight 1\n    TCP_CHECK { connect_timeout 1\n }\n  }\n", to
                    else
                        printf "  real_server %s 8080 {\n    weight 1\n    HTTP_GET {\n      url {\n        path /\n" \
                            "        status_code 200\n      }\n      connect_timeout 1\n    }\n  }\n", to
                }
                if (side == "keepalived")
                    printf "}\n"
            }
        }' >"$work/$1.conf"
}

# ---------------------------------------------------------------- the two namespaces

# far_end TYPE: the backends, and who answers there: $server
far_end() {
    local -a command=("$floor" serve 8080)
    [[ $1 == tcp ]] || command=("$target" http 8080)
    ip netns add $far
    ip -n $far link set lo up
    ip -n "$bench_net" link add near type veth peer name far netns $far
    ip -n "$bench_net" addr add 192.0.2.1/30 dev near
    ip -n "$bench_net" link set near up
    ip -n $far addr add 192.0.2.2/30 dev far
    ip -n $far link set far up
    ip -n $far route add local 172.16.0.0/12 dev lo
    ip -n "$bench_net" route add 172.16.0.0/12 via 192.0.2.2
    ip netns exec $far sysctl -qw net.ipv4.tcp_max_syn_backlog=65536 net.core.somaxconn=65536
    ip netns exec $far "${command[@]}" &
    server=$!
}

# launch SIDE: $pid
launch() {
    local -a command
    case $1 in
    lbd) command=("$lbd" -c "$work/lbd.conf" --run-dir "$work/run" --state-dir "$work/state" --log-level warning) ;;
    # without -G its log of every object goes to the emulated serial console: ten times its own time
    keepalived) command=(keepalived -C -n -G -f "$work/keepalived.conf" -p "$work/ka.pid" -c "$work/ka-check.pid") ;;
    esac
    # not through bench_in: its shell would be in between
    ip netns exec "$bench_net" "${command[@]}" 2>>"$work/log" &
    pid=$!
}

lbctl() { "$lbctl" --socket "$work/run/control.sock" "$@"; }

# ---------------------------------------------------------------- reading

# Connections opened in the namespace of $pid; nothing is started to look.
opened() {
    local name word at=0
    while read -r -a word; do
        [[ ${word[0]} == Tcp: ]] || continue
        if ((at)); then
            echo "${word[at]}"
            return
        fi
        for name in "${!word[@]}"; do
            [[ ${word[name]} != ActiveOpens ]] || at=$name
        done
    done <"/proc/$pid/net/snmp"
    echo 0
}

# Processor time of $pids so far, in ticks: one number each. One that is gone costs the figure: no guessing.
spent() {
    local p stat
    local -a word all=()
    for p in "${pids[@]}"; do
        read -r stat 2>/dev/null <"/proc/$p/stat" || return 1
        read -r -a word <<<"${stat##*) }"
        all+=($((word[11] + word[12])))
    done
    echo "${all[*]}"
}

# less A B: element by element
less() {
    local i
    local -a a b
    read -r -a a <<<"$1"
    read -r -a b <<<"$2"
    for i in "${!a[@]}"; do
        a[i]=$((a[i] - b[i]))
    done
    echo "${a[*]}"
}

rss() {
    local p
    for p in "${pids[@]}"; do
        cat "/proc/$p/status"
    done | awk '/^VmRSS/ { n += $2 } END { printf "%.1f", n / 1024 }'
}

# lbd_late p50|p99: of its worker, in ms
lbd_late() {
    lbctl daemon info -j | tr ',{}' '\n' | awk -F: -v key="\"late_$1\"" '$1 == key { printf "%.2f", $2 * 1e3; exit }'
}

# ---------------------------------------------------------------- one run of one side

# The codes of the most backends of lbd, for the reason why a case is skipped.
lbd_codes() {
    lbctl backend list -j 2>/dev/null | tr ',{}' '\n' | sed -n 's/^ *"check": *"\(.*\)"/\1/p' |
        sort | uniq -c | sort -rn | head -n 2 | tr -s ' \n' ' '
}

# Every target was probed once, and the kernel's tables hold all of them: $why is empty.
settled() {
    local tries=0 services dests n
    why=''
    while n=$(opened) && ((n < targets)); do
        # a type that it does not have opens nothing at all
        if ((++tries == patience * 2 || (n == 0 && tries == 20))) || [[ ! -d /proc/$pid ]]; then
            why="$n connections of $targets"
            break
        fi
        sleep 0.5
    done
    if [[ -z $why ]]; then
        # a second round, so that the first one is over; and what failed has left the tables of both sides
        sleep $((period * 2))
        read -r services dests < <(bench_in "$floor" count)
        ((dests == targets)) && return
        why="$dests of $targets backends are up in ${services:-0} services"
    fi
    [[ $side != lbd ]] || why+="; codes: $(lbd_codes)"
    why+="; $(tail -n 1 "$work/log")"
}

measure() {
    local name=checks/$case from_n from_cpu from_at n cpu at packets p50 p99
    from_n=$(opened) from_cpu=$(spent) from_at=${EPOCHREALTIME/[.,]/}
    sleep $cpu_window
    n=$(($(opened) - from_n)) cpu=$(spent) at=$((${EPOCHREALTIME/[.,]/} - from_at))
    if [[ -z $cpu || $n == 0 ]]; then
        why="a process ended: $(tail -n 1 "$work/log")"
        return
    fi
    cpu=$(less "$cpu" "$from_cpu")
    bench_say "$case $side: $n connections and $cpu ticks in $((at / 1000)) ms"
    bench_sample "$name/rate/$side" "$(awk -v n="$n" -v us="$at" 'BEGIN { printf "%.0f", n * 1e6 / us }')"
    bench_sample "$name/cpu/$side" "$(awk -v n="$n" -v t="$((${cpu// / + }))" -v hz="$ticks" 'BEGIN { printf "%.3f", t / hz * 1e4 / n }')"
    bench_sample "$name/busy/$side" "$(awk -v t="$(tr ' ' '\n' <<<"$cpu" | sort -n | tail -n 1)" -v hz="$ticks" -v us="$at" \
        'BEGIN { printf "%.0f", t * 1e8 / hz / us }')"
    bench_sample "$name/rss/$side" "$(rss)"
    if [[ $side == lbd ]]; then
        sleep $late_window
        p50=$(lbd_late p50) p99=$(lbd_late p99)
    else
        read -r packets p50 p99 < <(ip netns exec $far "$target" gaps $late_window 8080 $((period * 1000)))
        [[ -z $packets ]] || bench_say "$case $side: $packets SYNs in $late_window s"
    fi
    bench_sample "$name/late-p50/$side" "$p50"
    bench_sample "$name/late-p99/$side" "$p99"
}

# one_side SIDE TYPE RATE; false: this side cannot do it, and it was said why
one_side() {
    side=$1 case=$2-${3}ps targets=$(($3 * period))
    bench_space
    rm -rf "$work/run" "$work/state"
    write_config "$side" "$2" "$targets"
    if [[ $side == lbd ]] && ! "$lbd" --check -c "$work/lbd.conf" >"$work/refused" 2>&1; then
        bench_say "$case lbd skipped: $(head -n 1 "$work/refused")"
        ip netns del "$bench_net"
        return 1
    fi
    far_end "$2"
    bench_quiet
    launch "$side"
    settled
    read -r -a pids < <(echo "$pid" "$(pgrep -P "$pid" | tr '\n' ' ')")
    [[ -n $why ]] || measure
    [[ -z $why ]] || bench_say "$case $side skipped: $why"
    bench_gone "$pid" "$server"
    ip netns del $far
    ip netns del "$bench_net"
    [[ -z $why ]]
}

value() { bench_value "checks/$1"; }

# The highest rate of those measured at which lbd opened what it should have, with a tenth of a processor to spare:
# without it every other program of the guest is seen in the lateness.
sustained() {
    local rate best=''
    for rate in "${rates[@]}"; do
        awk -v got="$(value "$1-${rate}ps/rate/lbd")" -v want="$rate" -v busy="$(value "$1-${rate}ps/busy/lbd")" \
            'BEGIN { exit !(got >= 0.95 * want && busy <= 90) }' && best=$rate
    done
    echo "$best"
}

figures() {
    local type=$1 rate side
    for rate in "${rates[@]}"; do
        for side in lbd keepalived; do
            [[ -n $(value "$type-${rate}ps/rate/$side") ]] || continue
            bench_print "checks/$type-${rate}ps/rate/$side" "$(value "$type-${rate}ps/rate/$side")" probes/s
            printf 'figure checks/%s-%sps/cpu/%s %s s/10k\n' "$type" "$rate" "$side" "$(value "$type-${rate}ps/cpu/$side")"
            bench_figures "checks/$type-${rate}ps/busy/$side" %
            bench_figures "checks/$type-${rate}ps/late-p50/$side" ms
            bench_figures "checks/$type-${rate}ps/late-p99/$side" ms
            bench_figures "checks/$type-${rate}ps/rss/$side" MiB
        done
        bench_ratio "checks/$type-${rate}ps/cpu/lbd" keepalived
    done
}

# ---------------------------------------------------------------- all of it

mkdir -p "$work"
chmod 755 "$work"
modprobe -q ip_vs
bench_users
bench_header lbd keepalived
bench_say "clock $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"

for ((rep = 1; rep <= LBD_BENCH_REPS; rep++)); do
    for rate in "${rates[@]}"; do
        for side in lbd keepalived; do
            one_side "$side" tcp "$rate"
        done
    done
    # one rate tells what a request costs in addition; without lbd there is nothing to compare
    one_side lbd http "${rates[0]}" && one_side keepalived http "${rates[0]}"
done
figures tcp
figures http

low=${rates[0]} top=${rates[-1]} best=$(sustained tcp)
bench_say "the guest sustains ${best:-none of the rates} probes/s of lbd"
# the cost of a probe is compared where both keep up: at the lowest rate as at all that lbd sustains
bench_check "checks/tcp-${best:-$low}ps/cpu/lbd:keepalived" \
    "$(bench_divide "$(value "tcp-${best:-$low}ps/cpu/lbd")" "$(value "tcp-${best:-$low}ps/cpu/keepalived")")" "<=1.0"
bench_aim "checks/tcp-${best:-$low}ps/cpu/lbd:keepalived" \
    "$(bench_divide "$(value "tcp-${best:-$low}ps/cpu/lbd")" "$(value "tcp-${best:-$low}ps/cpu/keepalived")")" "<=0.6"
bench_check "checks/tcp-${best:-$low}ps/late-p99/lbd" "$(value "tcp-${best:-$low}ps/late-p99/lbd")" "<=50"
bench_check "checks/tcp/cpu/lbd:$top/$low" "$(bench_divide "$(value "tcp-${top}ps/cpu/lbd")" "$(value "tcp-${low}ps/cpu/lbd")")" "<=1.3"
# libcurl speaks HTTP, TLS and HTTP/2 for us, which one plain request pays for
if [[ -n $(value "http-${low}ps/cpu/lbd") ]]; then
    bench_aim "checks/http-${low}ps/cpu/lbd:keepalived" \
        "$(bench_divide "$(value "http-${low}ps/cpu/lbd")" "$(value "http-${low}ps/cpu/keepalived")")" "<=1.0"
fi
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
