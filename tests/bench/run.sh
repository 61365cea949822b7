#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a benchmark: installs what is missing, builds the release, and measures all sides in one guest.

usage() {
    cat <<'USAGE'
usage: tests/bench/run.sh BENCH [OPTION]...

  program     filling the kernel, reloading, memory

  --strict        exit 1 when a bound is missed
  --reps N        measure everything N times (default 3)
  --sizes "N..."  numbers of services (default "1000 5000 10000")
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

bench='' strict='' reps=3 sizes='1000 5000 10000' build=$root/build/release out=/dev/null
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
[[ $bench == program ]] || fail "no benchmark named $bench (--help)"
[[ $reps =~ ^[1-9][0-9]*$ ]] || fail "--reps wants a number"
[[ $sizes =~ ^[0-9\ ]+$ ]] || fail "--sizes wants numbers"

"$root/tests/lab/install.sh" all || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if ! (cd "$root" && cmake --preset release -B "$build" && cmake --build "$build" --target lbd lbctl bench_floor) >"$log" 2>&1; then
    tail -30 "$log" >&2
    fail "cannot build"
fi

export LBD_BENCH_BUILD=$build LBD_BENCH_REPS=$reps LBD_BENCH_SIZES=$sizes LBD_BENCH_STRICT=$strict
# 3 GB: 100,000 backends are about half of that in kernel memory
"$root/tests/lab/lab" --kernel 6.12 --mem 3072 --timeout 7200 -- "$here/$bench.sh" | tee "$out"
exit "${PIPESTATUS[0]}"
