# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What all benchmarks share: how a figure is printed, and how it is held against its bound.
#
#   figure BENCH/CASE/MEASURE/SIDE VALUE UNIT          a number that was measured
#   ratio  BENCH/CASE/MEASURE/SIDE:OTHER VALUE         how SIDE compares with OTHER, both measured here
#   check  NAME ok|MISS VALUE BOUND                    a promise
#   aim    NAME ok|over VALUE BOUND                    what we would like; never a failure

# The sides, spelled the same in every benchmark. What is behind each is in its column.
# shellcheck disable=SC2034 # read by the benchmarks
declare -Ar BENCH_SIDES=(
    [lbd]="this project"
    [keepalived]="keepalived of the distribution"
    [ipvsadm]="ipvsadm -R"
    [kernel]="the synchronisation of the kernel itself"
    [conntrackd]="conntrackd of the distribution"
    [haproxy]="haproxy of the distribution, TCP mode"
    [nginx]="nginx of the distribution, stream"
    [direct]="no balancer"
    [floor]="one batched netlink stream, nothing else (floor.c)"
)

bench_missed=0
declare -A bench_samples=()

bench_say() { printf '# %s\n' "$*"; }

# sample NAME VALUE: one of several measurements of the same thing; figures prints them.
bench_sample() { bench_samples[$1]+="$2 "; }

# bench_value NAME [min|median|p50|p99]: the best one is compared, because on a busy machine the others
# tell what else was running. Where the worst is what matters it is a percentile: the sample that so many
# of a hundred are not above.
bench_value() {
    tr ' ' '\n' <<<"${bench_samples[$1]-}" | grep . | sort -n | awk -v how="${2-min}" '
        { v[NR] = $1 }
        END {
            if (!NR)
                exit
            share = substr(how, 2) * NR / 100
            print how == "min" ? v[1] : how == "median" ? v[int(NR / 2) + 1] : v[int(share) + (share > int(share))]
        }'
}

bench_print() {
    local value=$2
    [[ $value != *.* ]] || value=$(awk -v v="$value" 'BEGIN { printf v < 100 ? "%.1f" : "%.0f", v }')
    printf 'figure %s %s %s\n' "$1" "$value" "$3"
}

# bench_figures NAME UNIT: the least and the middle one of the samples of NAME.
bench_figures() {
    local median
    [[ -n ${bench_samples[$1]-} ]] || return 0
    bench_print "$1" "$(bench_value "$1")" "$2"
    median=$(bench_value "$1" median)
    [[ $(wc -w <<<"${bench_samples[$1]}") == 1 ]] || bench_print "${1%/*}-median/${1##*/}" "$median" "$2"
}

# Nothing when one of them was not measured.
bench_divide() { awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b > 0) printf "%.3f", a / b }'; }

# bench_ratio NAME/SIDE OTHER: prints it, and leaves it in $bench_quotient (empty: not measured).
bench_ratio() {
    bench_quotient=$(bench_divide "$(bench_value "$1")" "$(bench_value "${1%/*}/$2")")
    [[ -z $bench_quotient ]] || printf 'ratio %s:%s %s\n' "$1" "$2" "$bench_quotient"
}

bench_hold() {
    local word=$1 bad=$2 name=$3 value=$4 bound=$5 verdict=$2
    if [[ -n $value ]] && awk -v v="$value" -v b="${bound##*=}" -v op="${bound%%=*}" \
        'BEGIN { exit !(op == "<" ? v <= b : op == ">" ? v >= b : v == b) }'; then
        verdict=ok
    elif [[ $bad == MISS ]]; then
        bench_missed=$((bench_missed + 1))
    fi
    printf '%s %s %s %s %s\n' "$word" "$name" "$verdict" "${value:-not-measured}" "$bound"
}

# bench_check NAME VALUE "<=N", ">=N" or "=N"
bench_check() { bench_hold check MISS "$1" "$2" "$3"; }
bench_aim() { bench_hold aim over "$1" "$2" "$3"; }

# A removed namespace is taken down in the background, by the processors we measure with. Nothing
# is started to look: under emulation a process is so dear that looking would be the noise.
bench_quiet() {
    local tries=40 a b idle all
    exec {bench_clock}<> <(:)
    while ((tries--)); do
        read -ra a </proc/stat
        read -rt 0.3 -u "$bench_clock" || true
        read -ra b </proc/stat
        idle=$((b[4] - a[4]))
        all=$((b[1] + b[2] + b[3] + b[4] + b[5] + b[6] + b[7] - a[1] - a[2] - a[3] - a[4] - a[5] - a[6] - a[7]))
        ((idle * 100 < all * 85)) || break
    done
    exec {bench_clock}<&-
}

# Every run has a namespace of its own: what one removes lies in a trash list for minutes and
# makes the adds of the next one slower. Its name is in $bench_net.
bench_nets=0 bench_net=''
bench_space() {
    bench_nets=$((bench_nets + 1))
    bench_net=bench$bench_nets
    ip netns add "$bench_net"
    bench_in ip link set lo up
    bench_in sysctl -qw net.ipv4.ip_forward=1
}
bench_in() { ip netns exec "$bench_net" "$@"; }

# bench_near PROGRAM...: takes them, their libraries and the links to these into the memory of the guest. Its root is a
# network file system of the host under an overlay, where opening a file takes as long as a hundred changes of the
# kernel's tables; what was written lies in the upper layer, which is memory.
bench_near() {
    local program file
    [[ ${LBD_LAB_WHERE-} != host ]] || return 0
    for program; do
        program=$(command -v "$program") || continue
        while read -r file; do
            touch -c "$file"
            [[ ! -L $file ]] || ln -sfn "$(readlink "$file")" "$file"
        done < <(
            ldd "$program" | grep -o '/[^ ]*'
            echo "$program"
        )
    done
    for file in /lib /lib64; do
        [[ ! -L $file ]] || ln -sfn "$(readlink "$file")" "$file"
    done
}

# bench_gone PID...: ends them, waits for it
bench_gone() {
    local pid
    for pid; do
        kill "$pid" 2>/dev/null
        while [[ -d /proc/$pid ]] && ! grep -q '^State:.Z' "/proc/$pid/status" 2>/dev/null; do
            sleep 0.1
        done
    done
}

# The users and groups that a package makes.
bench_users() {
    local user group
    for user in lbd lbd-probe; do
        getent passwd $user >/dev/null || useradd --system --shell /usr/sbin/nologin $user
    done
    for group in lbadmin lbobserve; do
        getent group $group >/dev/null || groupadd --system $group
    done
}

# bench_services SIDE N M FILE [CHECK]: the same services for each side; addresses as in floor.c
bench_services() {
    awk -v side="$1" -v n="$2" -v m="$3" -v check="${5-none}" '
        function ip(a) { return int(a / 16777216) "." int(a / 65536) % 256 "." int(a / 256) % 256 "." a % 256 }
        BEGIN {
            if (side == "lbd")
                printf "checks:\n  slow: { type: tcp, interval: 60s }\n" \
                    "defaults:\n  service: { check: %s, scheduler: rr, mode: nat }\nservices:\n", check
            for (i = 1; i <= n; i++) {
                vip = ip(167772160 + i)
                if (side == "lbd")
                    printf "  s%05d:\n    listen: %s:80\n    backends:\n", i, vip
                else if (side == "keepalived")
                    printf "virtual_server %s 80 {\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n", vip
                else
                    printf "-A -t %s:80 -s rr\n", vip
                for (j = 0; j < m; j++) {
                    to = ip(2886729728 + i * m + j)
                    if (side == "lbd")
                        printf "      b%d: %s:8080\n", j + 1, to
                    else if (side == "keepalived")
                        printf "  real_server %s 8080 {\n    weight 1\n  }\n", to
                    else
                        printf "-a -t %s:80 -r %s:8080 -m -w 1\n", vip, to
                }
                if (side == "keepalived")
                    printf "}\n"
            }
        }' >"$4"
}

# bench_header SIDE...: who is measured, and where. The benchmark has set $lbd.
# shellcheck disable=SC2154
bench_header() {
    local side
    for side; do
        bench_say "$side: ${BENCH_SIDES[$side]}"
    done
    bench_say "kernel ${LBD_LAB_KERNEL}, ${LBD_LAB_WHERE}, $(nproc) processors," \
        "keepalived $(keepalived --version 2>&1 | sed -n '1s/.* v\([0-9.]*\).*/\1/p')," \
        "$("$lbd" --version)"
}

# From here on the kernel counts what it is asked to change: per process and command.
bench_writes_start() {
    modprobe -q ip_vs
    mountpoint -q /sys/kernel/tracing || mount -t tracefs tracing /sys/kernel/tracing
    # the second argument is a struct genl_info; its fourth word points at the generic header
    # shellcheck disable=SC2016 # the dollar is for the kernel
    echo 'p:lbd_bench ip_vs_genl_set_cmd cmd=+0(+24($arg2)):u8' >/sys/kernel/tracing/kprobe_events
    echo 'hist:keys=common_pid,cmd' >/sys/kernel/tracing/events/kprobes/lbd_bench/trigger
}

bench_writes_clear() {
    echo 'hist:keys=common_pid,cmd:clear' >>/sys/kernel/tracing/events/kprobes/lbd_bench/trigger
}

# bench_writes: all changes since then; services and backends apart with "list"
bench_writes() {
    awk -v how="${1-sum}" '
        BEGIN { split("add-service edit-service delete-service - add-backend edit-backend delete-backend", word, " ") }
        match($0, /cmd: *[0-9]+/) {
            c = substr($0, RSTART + 4, RLENGTH - 4) + 0; n = $NF
            sum += n; text = text " " n " " (c in word ? word[c] : "command-" c)
        }
        END { print how == "list" ? (text == "" ? " none" : text) : sum + 0 }
    ' /sys/kernel/tracing/events/kprobes/lbd_bench/hist
}
