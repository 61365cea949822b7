#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a benchmark: installs what is missing, builds the release, and measures all sides in one place.

# NAME|WHERE|REPS|SIZES|SECONDS|TEXT: guest: runs in the lab's guest, native: on this machine, as root; how often and at
# which sizes it measures unless told otherwise, and when it is ended. What runs is NAME.sh.
benches=(
    "program|guest|3|1000 5000 10000|7200|filling the kernel, reloading, memory; sizes are services"
    "checks|guest|1|500 2000 5000|1800|probing: processor time, punctuality, memory; sizes are probes per second"
    "datapath|guest|8|1 10 100 1000|7200|forwarding, beside ipvsadm, haproxy, nginx; sizes are services"
    "sync|guest|1|10000 100000|3600|copying flows to the other node; sizes are flows"
    "takeover|guest|1|1000|7200|connections that a takeover costs; sizes are connections per mode and family"
    "operator|native|9|10000|1800|what is looked at: status, lists, top, memory; sizes are services of 10 backends"
    "failover|native|20|-|7200|a node of a pair fails: outage, and address on both nodes; about 25 minutes"
)

usage() {
    local row name where reps sizes text
    printf 'usage: tests/bench/run.sh BENCH [OPTION]...\n\n'
    for row in "${benches[@]}"; do
        IFS='|' read -r name where reps sizes _ text <<<"$row"
        if [[ $sizes == - ]]; then sizes=''; else sizes=" --sizes \"$sizes\""; fi
        printf '  %-11s %s\n%14s(%s, --reps %s%s)\n' "$name" "$text" '' "$where" "$reps" "$sizes"
    done
    cat <<'USAGE'

  --strict        exit 1 when a bound is missed
  --reps N        measure everything N times
  --sizes "N..."  at these sizes
  --cells "P..."  only the cells that match. failover: "1s-*", "*-sigkill 100ms-planned"; sync: "bulk-*", "rate-*";
                  takeover: "cut-*", "*-keepalived"; datapath: "http-close", "services-*", "crowd"; operator: "look", "memory", "top"
  --build DIR     build there (default build/release)
  --out FILE      a copy of what is printed

Lines: figure BENCH/CASE/MEASURE/SIDE VALUE UNIT; ratio; check NAME ok|MISS VALUE BOUND.
A guest runs by emulation, about ten times slower than a machine: only ratios mean something. What is native is
measured in real milliseconds, and a busy machine is in them.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd) || exit 1

fail() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

bench='' strict='' reps='' sizes='' cells='*' build=$root/build/release out=/dev/null
while (($#)); do
    case $1 in
    --strict) strict=1 ;;
    --reps | --sizes | --cells | --build | --out)
        (($# >= 2)) || fail "$1 wants a value"
        case $1 in
        --reps) reps=$2 ;;
        --sizes) sizes=$2 ;;
        --cells) cells=$2 ;;
        --build) build=$2 ;;
        --out) out=$2 ;;
        esac
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*) fail "unknown option $1 (--help)" ;;
    *)
        [[ -z $bench ]] || fail "one benchmark at a time"
        bench=$1
        ;;
    esac
    shift
done
[[ -n $bench ]] || {
    usage >&2
    exit 2
}
seconds='' where=''
for row in "${benches[@]}"; do
    IFS='|' read -r name of_where of_reps of_sizes of_seconds _ <<<"$row"
    [[ $name != "$bench" ]] || where=$of_where reps=${reps:-$of_reps} sizes=${sizes:-$of_sizes} seconds=$of_seconds
done
[[ -n $seconds ]] || fail "no benchmark named $bench (--help)"
[[ $reps =~ ^[1-9][0-9]*$ ]] || fail "--reps wants a number"
[[ $sizes =~ ^([0-9\ ]+|-)$ ]] || fail "--sizes wants numbers"

"$root/tests/lab/install.sh" all || exit 1
[[ $bench != datapath ]] || "$root/tests/lab/install.sh" bench || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if ! (cd "$root" && cmake --preset release -B "$build" && cmake --build "$build" --target lbd lbctl bench_floor bench_talk bench_target bench_udp bench_watch) >"$log" 2>&1; then
    tail -30 "$log" >&2
    fail "cannot build"
fi

export LBD_BENCH_BUILD=$build LBD_BENCH_REPS=$reps LBD_BENCH_SIZES=$sizes LBD_BENCH_CELLS=$cells LBD_BENCH_STRICT=$strict
if [[ $where == native ]]; then
    timeout "$seconds" "$here/$bench.sh" | tee "$out"
else
    # 3 GB: 100,000 backends are about half of that in kernel memory
    "$root/tests/lab/lab" --kernel 6.12 --mem 3072 --timeout "$seconds" -- "$here/$bench.sh" | tee "$out"
fi
exit "${PIPESTATUS[0]}"
