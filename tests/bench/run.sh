#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a benchmark: installs what is missing, builds the release, and measures all sides in one guest.

# NAME|REPS|SIZES|SECONDS|TEXT: how often and at which sizes it measures unless told otherwise, and when the guest is
# ended. What runs in the guest is NAME.sh.
benches=(
    "program|3|1000 5000 10000|7200|filling the kernel, reloading, memory; sizes are services"
    "checks|1|500 2000 5000|1800|probing: processor time, punctuality, memory; sizes are probes per second"
)

usage() {
    local row name reps sizes text
    printf 'usage: tests/bench/run.sh BENCH [OPTION]...\n\n'
    for row in "${benches[@]}"; do
        IFS='|' read -r name reps sizes _ text <<<"$row"
        printf '  %-11s %s\n%14s(--reps %s --sizes "%s")\n' "$name" "$text" '' "$reps" "$sizes"
    done
    cat <<'USAGE'

  --strict        exit 1 when a bound is missed
  --reps N        measure everything N times
  --sizes "N..."  at these sizes
  --build DIR     build there (default build/release)
  --out FILE      a copy of what is printed

Lines: figure BENCH/CASE/MEASURE/SIDE VALUE UNIT; ratio; check NAME ok|MISS VALUE BOUND.
A guest runs by emulation, about ten times slower than a machine: only ratios mean something.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd) || exit 1

fail() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

bench='' strict='' reps='' sizes='' build=$root/build/release out=/dev/null
while (($#)); do
    case $1 in
    --strict) strict=1 ;;
    --reps | --sizes | --build | --out)
        (($# >= 2)) || fail "$1 wants a value"
        case $1 in
        --reps) reps=$2 ;;
        --sizes) sizes=$2 ;;
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
seconds=''
for row in "${benches[@]}"; do
    IFS='|' read -r name of_reps of_sizes of_seconds _ <<<"$row"
    [[ $name != "$bench" ]] || reps=${reps:-$of_reps} sizes=${sizes:-$of_sizes} seconds=$of_seconds
done
[[ -n $seconds ]] || fail "no benchmark named $bench (--help)"
[[ $reps =~ ^[1-9][0-9]*$ ]] || fail "--reps wants a number"
[[ $sizes =~ ^[0-9\ ]+$ ]] || fail "--sizes wants numbers"

"$root/tests/lab/install.sh" all || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if ! (cd "$root" && cmake --preset release -B "$build" && cmake --build "$build" --target lbd lbctl bench_floor bench_target) >"$log" 2>&1; then
    tail -30 "$log" >&2
    fail "cannot build"
fi

export LBD_BENCH_BUILD=$build LBD_BENCH_REPS=$reps LBD_BENCH_SIZES=$sizes LBD_BENCH_STRICT=$strict
# 3 GB: 100,000 backends are about half of that in kernel memory
"$root/tests/lab/lab" --kernel 6.12 --mem 3072 --timeout "$seconds" -- "$here/$bench.sh" | tee "$out"
exit "${PIPESTATUS[0]}"
