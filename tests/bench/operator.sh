#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A balancer with many services is looked at. Started by run.sh, on this machine, in namespaces of its own; for `top`
# it starts a guest.
#
#   status, list  from the start of `lbctl status` and of `lbctl service list --json` to their end; the middle one counts
#   rss-100, rss-1100, grown
#                 resident memory of the daemon after so many calls, four of status to one list, and the difference
#   top-guest     what a look of `lbctl top` on a terminal costs in the guest: its own time of the processor, and what the
#                 daemon and its rooms take more than before
#   slower        what the list costs lbctl there and here
#   top           share of a core here that would be, at a look per second

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ -n ${LBD_BENCH_BUILD-} ]] || {
    echo "start it with tests/bench/run.sh operator" >&2
    exit 1
}
lbd=$LBD_BENCH_BUILD/lbd/lbd lbctl=$LBD_BENCH_BUILD/lbctl/lbctl
look=(status) list=(service list --json)
seconds=20 # of top
read -ra cells <<<"$LBD_BENCH_CELLS"

wanted() {
    local pattern
    for pattern in "${cells[@]}"; do
        # shellcheck disable=SC2053 # it is a pattern
        [[ $1 != $pattern ]] || return 0
    done
    return 1
}

# ---------------------------------------------------------------- where a daemon runs: samples as lines

sample() { printf 'sample %s %s\n' "$1" "$2"; }
broken() {
    printf 'broken %s\n' "$*"
    exit 1
}
lbctl() { "$lbctl" --socket "$work/run/control.sock" "$@"; }

# begin SERVICES: in $pid. Without IPVS it is never ready, but knows its services.
begin() {
    local services=$1 tries=300
    bench_services lbd "$services" 10 "$work/lbd.yaml"
    "$lbd" -c "$work/lbd.yaml" --run-dir "$work/run" --state-dir "$work/state" --log-level warning 2>"$work/log" &
    pid=$!
    while ((tries--)); do
        [[ -d /proc/$pid ]] || broken "lbd is gone: $(tail -n 1 "$work/log")"
        if [[ -e /proc/net/ip_vs ]]; then
            lbctl -t 2s wait daemon ready >/dev/null 2>&1 && return
        else
            [[ $(lbctl -t 2s status 2>&1) == *"services $services "* ]] && return
        fi
        sleep 0.2
    done
    broken "lbd has not begun: $(tail -n 1 "$work/log")"
}

# call CASE MEASURE WORD COUNT COMMAND...: how long that took. WORD has to be COUNT times in what it says
call() {
    local name=$1/$2 word=$3 count=$4 from=${EPOCHREALTIME//[.,]/} to
    shift 4
    lbctl "$@" >"$work/said" 2>&1
    to=${EPOCHREALTIME//[.,]/}
    [[ $(grep -o "$word" "$work/said" | wc -l) == "$count" ]] || broken "lbctl $*: $(head -c 300 "$work/said")"
    sample "operator/$name/lbd" "$(awk -v us=$((to - from)) 'BEGIN { printf "%.1f", us / 1000 }')"
}

# cost CASE MEASURE: the processor's time of lbctl for a list, in ms
cost() {
    local TIMEFORMAT='%U %S' user sys
    read -r user sys < <({ time lbctl "${list[@]}" >/dev/null 2>&1; } 2>&1)
    sample "operator/$1/$2/lbd" "$(awk -v u="$user" -v s="$sys" 'BEGIN { printf "%.1f", (u + s) * 1000 }')"
}

looks() {
    local case=$1 suffix=$2 rep
    for ((rep = 1; rep <= LBD_BENCH_REPS; rep++)); do
        call "$case" "status$suffix" "services $services " 1 "${look[@]}"
        call "$case" "list$suffix" '"service":"s[0-9]*"' "$services" "${list[@]}"
        cost "$case" "cost$suffix"
    done
}

memory() {
    local case=$1 i
    for ((i = 1; i <= 1100; i++)); do
        if ((i % 5)); then lbctl "${look[@]}"; else lbctl "${list[@]}"; fi >/dev/null 2>&1
        ((i != 100 && i != 1100)) ||
            sample "operator/$case/rss-$i/lbd" "$(awk '/^VmRSS/ { printf "%.2f", $2 / 1024 }' "/proc/$pid/status")"
    done
}

# ticks PID...: the processor's time of these
ticks() {
    local p
    for p; do
        [[ ! -e /proc/$p/stat ]] || sed 's/.*) //' "/proc/$p/stat"
    done | awk '{ n += $12 + $13 } END { print n + 0 }'
}

# drawn: how many screens top has drawn; each begins at the left upper corner
drawn() { grep -o $'\033\\[H' "$work/screen" | wc -l; }

top() {
    local case=$1 all idle before screen top spent looks input
    readarray -t all < <(
        echo "$pid"
        pgrep -P "$pid"
    )
    idle=$(ticks "${all[@]}")
    sleep "$seconds"
    idle=$(($(ticks "${all[@]}") - idle))
    exec {input}<> <(:)
    script -qfc "exec $lbctl --socket $work/run/control.sock top" "$work/screen" <&"$input" >/dev/null 2>&1 &
    screen=$!
    sleep 10 # it starts, and has its first rates
    top=$(pgrep -P "$screen") || broken "top has ended: $(tail -c 300 "$work/screen")"
    before=$(ticks "$top" "${all[@]}")
    looks=$(drawn)
    sleep "$seconds"
    looks=$(($(drawn) - looks))
    spent=$(($(ticks "$top" "${all[@]}") - before - idle))
    grep -q "$services listeners by inbytes" "$work/screen" || broken "top shows: $(tail -c 300 "$work/screen")"
    bench_gone "$top"
    sample "operator/$case/top-guest/lbd" \
        "$(awk -v n="$spent" -v hz="$(getconf CLK_TCK)" -v looks="$looks" 'BEGIN { if (looks) printf "%.1f", 1000 * n / hz / looks }')"
}

if [[ ${1-} == --native || ${1-} == --guest ]]; then
    work=$(mktemp -d) || exit 1
    mount -t tmpfs work "$work" && chmod 755 "$work" && ip link set lo up || exit 1
    sysctl -qw net.ipv4.ip_forward=1
    services=$2 case=${2}x10
    [[ $1 == --native ]] || {
        bench_users
        bench_near "$lbd" "$lbctl" script sed awk pgrep
    }
    begin "$services"
    if [[ $1 == --guest ]]; then
        LBD_BENCH_REPS=3
        looks "$case" -guest
        top "$case"
    else
        looks "$case" ''
        ! wanted memory || memory "$case"
    fi
    bench_gone "$pid"
    exit 0
fi

# ---------------------------------------------------------------- all of it

((EUID == 0)) || {
    echo "bench: operator needs root: it makes network namespaces" >&2
    exit 1
}

take() {
    local word name text
    while read -r word name text; do
        case $word in
        sample) bench_sample "$name" "$text" ;;
        *)
            bench_say "$word $name $text"
            bench_missed=$((bench_missed + 1))
            ;;
        esac
    done
}

# print_case CASE: figures and checks
print_case() {
    local case=operator/$1 measure slower='' top='' grown=''
    for measure in status list cost status-guest list-guest cost-guest; do
        bench_figures "$case/$measure/lbd" ms
    done
    for measure in rss-100 rss-1100; do
        bench_figures "$case/$measure/lbd" MiB
    done
    bench_check "$case/status" "$(bench_value "$case/status/lbd" median)" "<=200"
    bench_check "$case/list" "$(bench_value "$case/list/lbd" median)" "<=2000"
    if wanted memory; then
        grown=$(awk -v a="$(bench_value "$case/rss-100/lbd")" -v b="$(bench_value "$case/rss-1100/lbd")" \
            'BEGIN { if (a != "" && b != "") printf "%.2f", b - a }')
        bench_check "$case/grown" "$grown" "<=1"
    fi
    if wanted top; then
        bench_figures "$case/top-guest/lbd" ms
        # the best of each: while this machine is busy, the guest counts what it waits for as time of its processor
        slower=$(bench_divide "$(bench_value "$case/cost-guest/lbd")" "$(bench_value "$case/cost/lbd")")
        [[ -z $slower ]] || bench_print "$case/slower/lbd" "$slower" times
        # ms of a second, in percent
        top=$(bench_divide "$(bench_divide "$(bench_value "$case/top-guest/lbd")" "$slower")" 10)
        bench_check "$case/top" "$top" "<=10"
    fi
}

LBD_LAB_KERNEL=$(uname -r) LBD_LAB_WHERE=native bench_header lbd
bench_say "load of the machine before: $(cut -d' ' -f1-3 /proc/loadavg)"
read -ra sizes <<<"$LBD_BENCH_SIZES"
for n in "${sizes[@]}"; do
    # nothing is left behind, no process either; and before what else runs here goes what is measured
    take < <(nice -n -10 setpriv --pdeathsig KILL -- unshare --net --mount --pid --fork --kill-child --mount-proc \
        bash "$here/../lab/native.sh" --inside "$here/operator.sh" --native "$n")
    ! wanted top || take < <("$here/../lab/lab" --kernel 6.12 --mem 3072 --timeout 900 -- "$here/operator.sh" --guest "$n")
    print_case "${n}x10"
done
bench_say "load of the machine after: $(cut -d' ' -f1-3 /proc/loadavg)"
bench_say "$bench_missed missed"
[[ -z $LBD_BENCH_STRICT || $bench_missed == 0 ]]
