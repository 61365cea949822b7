#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs benchmarks: installs what is missing, builds the release, and measures all sides in one place.

# NAME|WHERE|REPS|SIZES|SECONDS|QUICK|TEXT: guest: runs in the lab's guest; counted: in one of a single processor whose clock
# counts instructions; native: on this machine, as root. How often and at which sizes it measures unless told otherwise, when
# it is ended, and how often and at which sizes with --quick. What runs is NAME.sh.
benches=(
    "program|guest|3|1000 5000 10000|7200|1 1000 5000|filling the kernel, reloading, memory; sizes are services"
    "checks|guest|1|500 2000 5000|1800|1 500 2000|probing: processor time, punctuality, memory; sizes are probes per second"
    "datapath|counted|8|1 10 100 1000|7200|2 1 100|forwarding, beside ipvsadm, haproxy, nginx; sizes are services"
    "sync|guest|1|10000 100000|3600|1 10000|copying flows to the other node; sizes are flows"
    "takeover|guest|1|1000|7200|1 250|connections that a takeover costs; sizes are connections per mode and family"
    "operator|native|9|10000|1800|3 10000|what is looked at: status, lists, top, memory; sizes are services of 10 backends"
    "budget|guest|10|1 5000|1800|3 1 1000|in which parts a flip, a reload and a takeover spend their time; sizes are services"
    "guard|guest|3|600|600|1 600|ratios that a test holds, in a minute and a half; sizes are services"
    "failover|native|20|-|7200|3 -|a node of a pair fails: outage, and address on both nodes; about 25 minutes"
)

usage() {
    local row name where reps sizes text
    cat <<'USAGE'
usage: tests/bench/run.sh BENCH... [OPTION]...
       tests/bench/run.sh all [OPTION]...        one after the other: about three hours; --quick: one
       tests/bench/run.sh compare OLD.json NEW.json   what got worse; exit 1 if something did
       tests/bench/run.sh page FOLDER            a page and plots of the results there

USAGE
    for row in "${benches[@]}"; do
        IFS='|' read -r name where reps sizes _ _ text <<<"$row"
        if [[ $sizes == - ]]; then sizes=''; else sizes=" --sizes \"$sizes\""; fi
        printf '  %-11s %s\n%14s(%s, --reps %s%s)\n' "$name" "$text" '' "$where" "$reps" "$sizes"
    done
    cat <<'USAGE'

  --strict        exit 1 when a bound is missed
  --quick         few repetitions and small sizes: whether all of it works, and about what comes out
  --reps N        measure everything N times
  --sizes "N..."  at these sizes
  --cells "P..."  only the cells that match. failover: "1s-*", "*-sigkill 100ms-planned"; sync: "bulk-*", "rate-*";
                  takeover: "cut-*", "*-keepalived"; datapath: "http-close", "services-*", "crowd"; operator: "look", "memory", "top"
  --build DIR     build there (default build/release)
  --out FILE      a copy of what is printed
  --json FILE     a copy of the results

Results go to build/results/DATE: BENCH.json has what was printed, the machine, its load, the command; README.md shows it.
Lines: figure BENCH/CASE/MEASURE/SIDE VALUE UNIT; ratio; check NAME ok|MISS VALUE BOUND.
A guest runs by emulation, about ten times slower than a machine: only ratios mean something. What is counted has
seconds of 500 million instructions, whatever else the machine does. What is native is measured in real milliseconds,
and a busy machine is in them.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd) || exit 1
fail() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

strict='' quick='' set_reps='' set_sizes='' cells='*' build=$root/build/release out=/dev/null json='' words=()
while (($#)); do
    case $1 in
    --strict) strict=1 ;;
    --quick) quick=1 ;;
    --reps | --sizes | --cells | --build | --out | --json)
        (($# >= 2)) || fail "$1 wants a value"
        case $1 in
        --reps) set_reps=$2 ;;
        --sizes) set_sizes=$2 ;;
        --cells) cells=$2 ;;
        --build) build=$2 ;;
        --out) out=$2 ;;
        --json) json=$2 ;;
        esac
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*) fail "unknown option $1 (--help)" ;;
    *) words+=("$1") ;;
    esac
    shift
done
# What is to be typed again, after the name. Where a copy went makes no difference.
command="${strict:+ --strict}${quick:+ --quick}${set_reps:+ --reps $set_reps}${set_sizes:+ --sizes \"$set_sizes\"}"
[[ $cells == '*' ]] || command+=" --cells \"$cells\""
case ${words[0]-}:${#words[@]} in
:0)
    usage >&2
    exit 2
    ;;
compare:3 | page:2) exec "$here/results.py" "${words[@]}" ;;
compare:* | page:*) fail "compare wants OLD.json NEW.json, page wants a folder" ;;
all:1) words=("${benches[@]%%|*}") ;;
esac

# row NAME: where, reps, sizes, seconds; false: there is none
row() {
    local of name quick_how
    for of in "${benches[@]}"; do
        IFS='|' read -r name where reps sizes seconds quick_how _ <<<"$of"
        [[ $name == "$1" ]] || continue
        [[ -z $quick ]] || read -r reps sizes <<<"$quick_how"
        return 0
    done
    return 1
}
for name in "${words[@]}"; do
    row "$name" || fail "no benchmark named $name (--help)"
done
[[ ${#words[@]} == 1 || -z $set_sizes$json && $cells == '*' ]] || fail "--sizes, --cells and --json are for one benchmark"
[[ -z $set_reps || $set_reps =~ ^[1-9][0-9]*$ ]] || fail "--reps wants a number"
[[ -z $set_sizes || $set_sizes =~ ^([0-9\ ]+|-)$ ]] || fail "--sizes wants numbers"

"$root/tests/lab/install.sh" all || exit 1
[[ " ${words[*]} " != *" datapath "* ]] || "$root/tests/lab/install.sh" bench || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if ! (cd "$root" && cmake --preset release -B "$build" && cmake --build "$build" --target lbd lbctl bench_floor bench_talk bench_target bench_udp bench_watch) >"$log" 2>&1; then
    tail -30 "$log" >&2
    fail "cannot build"
fi
results=$root/build/results/$(date -u +%Y%m%d-%H%M%S)
mkdir -p "$results" || exit 1
commit=$(git -C "$root" describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)

# run_one NAME COMMAND: measures it; its results, and its status
run_one() {
    local name=$1 status begin=$SECONDS load where reps sizes seconds
    local -a lab
    row "$name"
    load=$(cut -d' ' -f1-3 /proc/loadavg)
    export LBD_BENCH_BUILD=$build LBD_BENCH_REPS=${set_reps:-$reps} LBD_BENCH_SIZES=${set_sizes:-$sizes} \
        LBD_BENCH_CELLS=$cells LBD_BENCH_STRICT=$strict
    # 3 GB: 100,000 backends are about half of that in kernel memory
    lab=("$root/tests/lab/lab" --kernel 6.12 --mem 3072 --timeout "$seconds")
    case $where in
    native) timeout "$seconds" "$here/$name.sh" ;;
    guest) "${lab[@]}" -- "$here/$name.sh" ;;
    counted) LBD_LAB_ACCEL=icount "${lab[@]}" --cpus 1 -- "$here/$name.sh" ;;
    esac | tee "$results/$name.txt"
    status=${PIPESTATUS[0]}
    "$here/results.py" write "$results/$name.txt" "$results/$name.json" "bench=$name" "command=$2" "commit=$commit" \
        "date=$(date -u +%Y-%m-%dT%H:%MZ)" "seconds=$((SECONDS - begin))" "status=$status" \
        "load=$load | $(cut -d' ' -f1-3 /proc/loadavg)"
    return "$status"
}

for name in "${words[@]}"; do
    ((${#words[@]} == 1)) || printf '# ---- %s\n' "$name"
    run_one "$name" "tests/bench/run.sh $name$command"
done | tee "$out"
[[ -z $json ]] || cp "$results/${words[0]}.json" "$json"
"$here/results.py" page "$results"
printf 'bench: results in %s\n' "${results#"$root"/}" >&2
# in the other half of a pipe nothing is remembered
failed=$((${#words[@]} - $(cat "$results"/*.json | grep -c '"status": "0"')))
[[ $failed == 0 ]] || fail "$failed of ${#words[@]} failed"
