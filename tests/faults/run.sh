#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Breaks things in a pair with live traffic, and has one checker judge what happened.

usage() {
    cat <<'USAGE'
usage: tests/faults/run.sh [OPTION]... [NAME]...

  NAME               scenarios of --list; without any, and without --seed and --random: all
  --list             everything that can break, and where it is proved; then the scenarios
  --account          how often each passed in a row, where and when; the random schedules
  --seed N           the random schedule of that number (again)
  --random N         N random schedules; the first number is drawn, or --seed
  --seconds S        how long a schedule breaks things (default 30)
  --kernel 6.1|6.12  in a guest of the lab, with IPVS and traffic through it (default 6.12)
  --native           on this machine, in namespaces: without IPVS where its kernel has none, but
                     with the times of a machine
  --build DIR        default build/dev
  --out DIR          receives the events of each scenario (NAME.jsonl) and what the daemons wrote;
                     tests/faults/checker.py judges such a file again
  --timeout S        of the guest (default 3600)

The last line is "N passed, N failed, N skipped". A schedule that failed prints its number. What was played is added to
results/played.tsv.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2
lab=$here/../lab build=$here/../../build/dev
kernel=6.12 native='' seed='' random='' seconds=30 out='' timeout=3600
names=()
while (($#)); do
    case $1 in
    --list) exec /usr/bin/python3 -B "$here/list.py" ;;
    --account) exec /usr/bin/python3 -B "$here/account.py" ;;
    --native) native=1 ;;
    --seed | --random | --seconds | --kernel | --build | --out | --timeout)
        (($# >= 2)) || { echo "run.sh: $1 wants a value" >&2; exit 2; }
        case $1 in
        --kernel) kernel=$2 ;;
        --build) build=$2 ;;
        --out) out=$2 ;;
        *)
            [[ $2 =~ ^[0-9]+$ ]] || { echo "run.sh: $1 wants a number" >&2; exit 2; }
            printf -v "${1#--}" '%d' "$((10#$2))"
            ;;
        esac
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        echo "run.sh: unknown option $1 (--help)" >&2
        exit 2
        ;;
    *) names+=("$1") ;;
    esac
    shift
done
if [[ -n $random || -n $seed ]]; then
    first=${seed:-$((RANDOM * 32768 + RANDOM))}
    for ((i = 0; i < ${random:-1}; i++)); do
        names+=("seed-$((first + i))")
    done
fi
readarray -t known < <(/usr/bin/python3 -B "$here/list.py" names)
((${#names[@]})) || names=("${known[@]}")
for name in "${names[@]}"; do
    [[ $name == seed-* || " ${known[*]} " == *" $name "* ]] || { echo "run.sh: no scenario '$name' (--list)" >&2; exit 2; }
done

export LBD_FAULTS="${names[*]}" LBD_FAULTS_SECONDS=$seconds
# By a clock that counts instructions a guest is as fast everywhere, whatever else the machine does.
export LBD_LAB_ACCEL=${LBD_LAB_ACCEL-icount}
[[ -z $out ]] || mkdir -p "$out" || exit 2
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
# What is judged: asked before it runs, for it may change meanwhile.
commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
[[ -z $(git -C "$here" status --porcelain -- ../.. ':!results' 2>/dev/null) ]] || commit+=+

if [[ -n $native ]]; then
    where=native
    LBD_LAB_OUT=$out "$lab/native.sh" "$build" test_faults.py -s | tee "$log"
    status=${PIPESTATUS[0]}
    n() { grep -oE "[0-9]+ $1" <(tail -1 "$log") | grep -oE '^[0-9]+' || echo 0; }
    echo "$(n passed) passed, $(n failed) failed, $(n skipped) skipped"
else
    where=$kernel
    # one processor: a clock that counts instructions counts those of one, and 6.1 does not come up with more
    "$lab/lab" --kernel "$kernel" --cpus 1 --timeout "$timeout" ${out:+--out "$out"} -- \
        "$lab/suite.sh" "$build" "$lab/test_faults.py" -s | tee "$log"
    status=${PIPESTATUS[0]}
fi
/usr/bin/python3 -B "$here/account.py" add "$where" "$seconds" "$commit" <"$log"
exit "$status"
