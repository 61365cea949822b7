#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzzes what reads bytes of others, the target with the least time first, and keeps account of it in campaign.tsv.

usage() {
    cat <<'USAGE'
usage: tests/fuzz/campaign.sh [OPTION]... [TARGET]...

  --seconds N   of processor time in all (default 3600)
  --slice N     of it for one target before the next has its turn (default 300)
  --jobs N      at the same time (default: as many as there are processors)
  --list        what has been done, and ends

The account has a line for each target: the time since the sources that it reads with were last changed (those whose
headers it includes), inputs tried, edges reached, files in its corpus. What was found anew goes into corpus/TARGET,
as small as -merge makes it and as long as there is room; all of it stays in build/fuzz/corpus, for the next campaign. A crash is written to corpus/TARGET/crash-..., told with its stack, and the exit status is 1.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=$(cd "$here/../.." && pwd) || exit 1
account=$here/campaign.tsv
seconds=3600 slice=300 jobs=$(nproc) list='' targets=()
enough=7200 # seconds of processor time that a reader is to have had
room=64     # KiB of a corpus in the tree
files_room=150

fail() {
    printf 'campaign: %s\n' "$*" >&2
    exit 2
}
while (($#)); do
    case $1 in
    --seconds | --slice | --jobs)
        [[ ${2-} =~ ^[1-9][0-9]*$ ]] || fail "$1 wants a number"
        declare "${1#--}=$2"
        shift
        ;;
    --list) list=1 ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*) fail "unknown option $1 (--help)" ;;
    *)
        [[ -e $here/$1.c && $1 != replay_main ]] || fail "no target named $1"
        targets+=("$1")
        ;;
    esac
    shift
done
if ((${#targets[@]} == 0)); then
    for file in "$here"/*.c; do
        file=${file##*/}
        [[ $file == replay_main.c ]] || targets+=("${file%.c}")
    done
fi

# digest TARGET: of what it reads with
digest() {
    local header sources=()
    while read -r header; do
        sources+=("$root/$header")
        [[ ! -e $root/${header%.h}.c ]] || sources+=("$root/${header%.h}.c")
    done < <(sed -n 's/^#include "\(.*\)"$/\1/p' "$here/$1.c")
    cat "${sources[@]}" | sha256sum | cut -c1-12
}

# known TARGET: its line, with the time set to 0 when its sources are others by now
known() {
    awk -v t="$1" -v d="$(digest "$1")" -F'\t' -v OFS='\t' '
        $1 == t { found = 1; print t, d, $2 == d ? $3 : 0, $2 == d ? $4 : 0, $5, $6 }
        END { if (!found) print t, d, 0, 0, 0, 0 }' "$account"
}

[[ -e $account ]] || printf '# TARGET\tSOURCES\tSECONDS\tINPUTS\tEDGES\tCORPUS: see campaign.sh\n' >"$account"
if [[ $list ]]; then
    printf '%-18s %8s %14s %6s %6s\n' TARGET SECONDS INPUTS EDGES CORPUS
    done=0
    for target in "${targets[@]}"; do
        IFS=$'\t' read -r name _ spent inputs edges files < <(known "$target")
        printf '%-18s %8d %14d %6d %6d\n' "$name" "$spent" "$inputs" "$edges" "$files"
        ((spent < enough)) || done=$((done + 1))
    done
    echo "$done of ${#targets[@]} targets have had $enough s of processor time since their last change"
    exit 0
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
build=$root/build/fuzz
(cd "$root" && cmake --preset fuzz && cmake --build "$build" --target "${targets[@]/#/fuzz_}") >"$work/build.log" 2>&1 || {
    tail -30 "$work/build.log" >&2
    fail "cannot build"
}

# held FOLDER: bytes, files
held() { find "$1" -type f -printf '%s\n' | awk '{ bytes += $1 } END { print bytes + 0, NR }'; }
full() { (($1 / 1024 >= room || $2 > files_room)); } # BYTES FILES

# trim FOLDER: of what was added, the largest go until there is room
trim() {
    local bytes files size file
    read -r bytes files < <(held "$1")
    while read -r size file && full "$bytes" "$files"; do
        printf '%s\0' "$root/$file"
        bytes=$((bytes - size)) files=$((files - 1))
    done < <(cd "$root" && git ls-files -z -o --exclude-standard -- "$1" | xargs -0 -r stat -c '%s %n' | sort -rn) | xargs -0 -r rm -f
}

# run TARGET SECONDS: its new line in $work/TARGET.line; 1 when it crashed
run() {
    local target=$1 corpus=$here/corpus/$1 own=$build/corpus/$1 program=$build/tests/fuzz/fuzz_$1 log=$work/$1.log
    local name sum spent inputs edges files reached more tried status=0 dict=() TIMEFORMAT='cpu %U %S'
    [[ ! -e $here/$target.dict ]] || dict=(-dict="$here/$target.dict")
    IFS=$'\t' read -r name sum spent inputs edges files < <(known "$target")
    # every second slice, what brings two compared values closer counts as new, too
    mkdir -p "$corpus" "$own"
    (
        cd "$own" &&
            time "$program" -max_total_time="$2" -timeout=60 -rss_limit_mb=2500 -print_final_stats=1 "${dict[@]}" \
                -use_value_profile=$((spent / slice % 2)) -artifact_prefix="$corpus/" "$own" "$corpus" >"$log" 2>&1
    ) 2>"$work/$1.time" || status=1
    more=$(awk '/^cpu/ { printf "%d", $2 + $3 }' "$work/$1.time")
    tried=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    # a slice that was short of processor time has not read its corpus to the end
    reached=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -c6-)
    ((spent > 0 && edges > ${reached:-0})) || edges=${reached:-0}
    # shellcheck disable=SC2046
    if ((status == 0)) && ! full $(held "$corpus"); then
        # Merged with what is there, only what reaches something new is added; the smallest first.
        "$program" -merge=1 -timeout=60 "$corpus" "$own" >/dev/null 2>&1
        trim "$corpus"
    fi
    files=$(find "$corpus" -type f | wc -l)
    printf '%s\t%s\t%d\t%d\t%d\t%d\n' "$name" "$sum" $((spent + more)) $((inputs + ${tried:-0})) "${edges:-0}" "$files" \
        >"$work/$target.line"
    return $status
}

# The account is one file: lines are put in by one process, when a turn is over.
enter() {
    local target
    for target; do
        [[ -e $work/$target.line ]] || continue
        {
            grep -v "^$target"$'\t' "$account"
            cat "$work/$target.line"
        } | LC_ALL=C sort >"$work/account" && cat "$work/account" >"$account"
        rm -f "$work/$target.line"
    done
}

crashed=0 left=$seconds
while ((left > 0)); do
    mapfile -t next < <(for target in "${targets[@]}"; do known "$target"; done | sort -t$'\t' -k3n,3 | head -n "$jobs" | cut -f1)
    pids=()
    for target in "${next[@]}"; do
        run "$target" $((slice < left ? slice : left)) &
        pids+=($!)
    done
    for i in "${!pids[@]}"; do
        wait "${pids[i]}" || {
            crashed=1
            printf '%s: FOUND\n' "${next[i]}"
            grep -A30 -m1 'ERROR\|SUMMARY' "$work/${next[i]}.log" | cut -c1-160
        }
    done
    enter "${next[@]}"
    for target in "${next[@]}"; do
        IFS=$'\t' read -r name _ spent inputs edges files < <(known "$target")
        printf '%-18s %6d s, %d inputs, %d edges, %d files\n' "$name" "$spent" "$inputs" "$edges" "$files"
    done
    ((crashed == 0)) || exit 1
    left=$((left - slice * ${#next[@]}))
done
