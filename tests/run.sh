#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs what is missing, builds, and runs every test. From a bare Debian 12 and a checkout, nothing else.
# shellcheck disable=SC2317 # what run_apart calls is reached

usage() {
    cat <<'USAGE'
usage: tests/run.sh [OPTION]...

  --all              whole: also what takes long, each test of an edge in each build, and what sees the
                     kernel on each kernel; this is what a change must pass in the end
  --fast             unit, golden, fuzz corpora and quick lints, with sanitizers; no lab
  --no-lab           everything but the lab
  --kernel 6.1|6.12  the lab on this kernel only (default: both)
  --preset NAME      build and test this preset only (default: dev and asan; the lab takes the first)
  -k WORD            only tests whose name has this in it (a regular expression for
                     ctest, an expression of pytest -k for the lab)
  -h, --help         this text

The last line is "N passed, N failed, N skipped". Exit status 1 if a test failed or none passed.
Logs are in build/logs. Environment: LBD_NO_INSTALL=1 installs nothing.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
# shellcheck source=tests/lab/second_try.sh
. tests/lab/second_try.sh
export LBD_SECOND_TRY=1
exec </dev/null
logs=build/logs

fast='' whole='' lab=1 pattern='' cpus=$(nproc)
presets=(dev asan) kernels=(6.12 6.1)
while (($#)); do
    case $1 in
    --all) whole=1 ;;
    --fast) fast=1 lab='' presets=(asan) ;;
    --no-lab) lab='' ;;
    --kernel | --preset | -k)
        (($# >= 2)) || { echo "run.sh: $1 wants a value" >&2; exit 2; }
        case $1 in
        --kernel) kernels=("$2") ;;
        --preset) presets=("$2") ;;
        -k) pattern=$2 ;;
        esac
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        echo "run.sh: unknown option $1 (--help)" >&2
        exit 2
        ;;
    esac
    shift
done

passed=0 failed=0 skipped=0

# One line per part: its name while it runs, what came out and how long it took at its end.
part_start() {
    part_name=$1 part_took='' part_from=$SECONDS
    if [[ -t 1 ]]; then
        printf '%-28s ...\r' "$1"
    fi
}
part_end() { printf '%-28s %-38s %4d s\n' "$part_name" "$1" "${part_took:-$((SECONDS - part_from))}"; }

# Numbers of one part into the sum: PASSED FAILED SKIPPED
count() {
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# A part that could not even run counts as one failure. part_broken LOG WHAT
part_broken() {
    part_end "$2"
    count 0 1 0
    printf '  log: %s\n' "$1"
    tail -25 "$1" | cut -c1-160 | sed 's/^/  | /'
}

finish() {
    local status=0 job
    for job in "${jobs[@]}"; do
        kill -- "-$job" 2>/dev/null
    done
    ((failed == 0 && passed > 0)) || status=1
    printf '%-28s %-38s %4d s\n' "all" "" "$SECONDS"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    exit "$status"
}
trap 'printf "interrupted\n"; failed=$((failed + 1)); finish' INT TERM HUP

# ---------------------------------------------------------------- parts

install_set() {
    [[ -z ${LBD_NO_INSTALL-} ]] || return 0
    part_start "install $1"
    if tests/lab/install.sh "$1" >"$logs/install-$1.log" 2>&1; then
        part_end "ok"
        return 0
    fi
    part_broken "$logs/install-$1.log" "failed"
    return 1
}

# What takes long runs as a process of its own, so that the processors always have something to do; its line is printed
# when it is waited for. run_apart NICE NAME FUNCTION [ARGUMENT]...: as job NAME; what it says goes to its log.
declare -A jobs=()
run_apart() {
    local nice=$1 name=$2
    shift 2
    rm -f "$logs/$name.status"
    set -m # a group of its own, that can be ended as a whole
    (
        trap - INT TERM HUP
        set +m
        renice -n "${nice:-0}" "$BASHPID" >/dev/null
        job_from=$SECONDS
        "$@" >"$logs/$name.log" 2>&1
        printf '%d %d\n' "$?" $((SECONDS - job_from)) >"$logs/$name.status"
    ) &
    set +m
    jobs[$name]=$!
}

# after NAME COMMAND [ARGUMENT]...: when that job has ended, however; NAME may be empty. Waiting is not counted.
after() {
    while [[ -n $1 && ! -e $logs/$1.status ]] && kill -0 "${jobs[$1]}"; do
        sleep 0.3
    done
    shift
    job_from=$SECONDS
    "$@"
}

# Waits for it: its status, and the seconds it took in part_took.
job_status=125 part_took=0
job_end() {
    wait "${jobs[$1]}"
    unset "jobs[$1]"
    job_status=125 part_took=0
    [[ ! -e $logs/$1.status ]] || read -r job_status part_took <"$logs/$1.status"
}

build() { cmake --preset "$1" && cmake --build --preset "$1"; }

build_end() {
    job_end "build-$1"
    part_name="build $1"
    if ((job_status)); then
        part_broken "$logs/build-$1.log" "failed"
        return 1
    fi
    part_end "ok"
}

# run_ctest NAME PRESET [ARGUMENT of ctest]...: the result is in NAME.xml
run_ctest() {
    local name=$1 preset=$2
    shift 2
    rm -f "$logs/$name".xml "$logs/$name".again.xml
    ctest --test-dir "build/$preset" --parallel "$cpus" --output-on-failure --no-tests=ignore \
        --output-junit "$root/$logs/$name.xml" ${pattern:+-R "$pattern"} "$@"
}

failed_of_ctest() { sed -n 's/^[[:space:]]*<testcase name="\([^"]*\)".* status="fail".*/\1/p' "$1"; }

# The same of edges, with a second try of its own for each that failed, where they are few; those of native.sh have theirs
# inside. A crash, and what a sanitizer found, is no fault of the machine. The result is in NAME.again.xml.
run_edges() {
    local name=$1 preset=$2 status
    run_ctest "$@" && return
    status=$?
    local -a bad
    readarray -t bad < <(failed_of_ctest "$logs/$name.xml")
    ((${#bad[@]} > 0 && ${#bad[@]} <= SECOND_TRIES)) || return "$status"
    ! grep -aqE 'Sanitizer|runtime error: |\*\*\*Exception' "$logs/$name.log" || return "$status"
    [[ " ${bad[*]} " != *" edge/pair "* && " ${bad[*]} " != *" edge/probes "* ]] || return "$status"
    ctest --test-dir "build/$preset" --output-on-failure --output-junit "$root/$logs/$name.again.xml" \
        -R "^($(IFS='|' && echo "${bad[*]}"))\$"
}

# The numbers are taken from the head of ctest's JUnit file: tests, failures, disabled, skipped.
ctest_end() {
    local log=$logs/$1.log junit=$logs/$1.xml attr n n_run=0 n_failed=0 n_skipped=0
    job_end "$1"
    part_name=$2
    if [[ -e $junit ]]; then
        for attr in tests failures disabled skipped; do
            n=$(sed -n "s/^[[:space:]]*$attr=\"\([0-9]*\)\".*/\1/p" "$junit" | head -1)
            case $attr in
            tests) n_run=${n:-0} ;;
            failures) n_failed=${n:-0} ;;
            *) n_skipped=$((n_skipped + ${n:-0})) ;;
            esac
        done
    fi
    if [[ -e $logs/$1.again.xml ]]; then
        n_failed=$(failed_of_ctest "$logs/$1.again.xml" | wc -l)
    fi
    if ((job_status != 0 && n_failed == 0)); then
        part_broken "$log" "ctest ended with $job_status"
        return
    fi
    part_end "$((n_run - n_failed - n_skipped)) passed, $n_failed failed, $n_skipped skipped"
    count $((n_run - n_failed - n_skipped)) "$n_failed" "$n_skipped"
    sed -n 's/^.*>\(at the second try: \)/\1/; s/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g
        s/^at the second try: .*/  &/p' "$junit" | cut -c1-100
    if [[ -e $logs/$1.again.xml ]]; then
        failed_of_ctest "$junit" | grep -vxFf <(failed_of_ctest "$logs/$1.again.xml") | sed 's/^/  at the second try: /'
    fi
    # what was skipped, and why
    awk '/\*\*\*Skipped/ { print; next }  /^skipped: / { print "    " $0 }' "$log" | sort -u |
        sed 's/^ *[0-9]*\/[0-9]* //; s/^/  /' | cut -c1-100
    if ((n_failed)); then
        printf '  log: %s\n' "$log"
        awk '/The following tests FAILED/ { list = "" } /^[ \t]+[0-9]+ - / { list = list $0 "\n" } END { printf "%s", list }' \
            "$log" | sed 's/^[[:space:]]*/  FAILED /'
        # the output of a failed test stands between its result and the next start or result
        awk '/\*\*\*(Failed|Timeout|Exception|Not Run)/ { show = 40 }
            /^ *(Start|[0-9]+\/[0-9]+) / && !/\*\*\*(Failed|Timeout|Exception|Not Run)/ { show = 0 }
            show-- > 0' "$log" | cut -c1-160 | sed 's/^/  | /' | head -120
    fi
}

lab_skip() {
    printf '%-28s skipped: %s\n' "lab $1" "$2"
    count 0 0 1
}

# run_guest NAME KERNEL [ARG of pytest]...
run_guest() {
    local name=$1 kernel=$2
    shift 2
    rm -rf "$logs/lab-$name"
    mkdir -p "$logs/lab-$name"
    tests/lab/lab --kernel "$kernel" --cpus 2 --timeout 3600 --out "$logs/lab-$name" \
        -- env LBD_SECOND_TRY=1 tests/lab/suite.sh "build/${presets[0]}" "$@" ${pattern:+-k "$pattern"}
}

lab_end() {
    local log=$logs/lab-$1.log line=''
    job_end "lab-$1"
    part_name="lab $1"
    if [[ -n $pattern ]] && grep -aqE ' 0 selected|no tests ran' "$log"; then
        part_end "no test of that name"
        return
    fi
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped[[:space:]]*$' "$log" | tail -1)
    if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped ]]; then
        part_end "${BASH_REMATCH[0]}"
        count "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}"
        if ((BASH_REMATCH[2])); then
            printf '  log: %s\n' "$log"
            tail -40 "$log" | cut -c1-160 | sed 's/^/  | /'
        elif ((job_status != 0)); then
            part_broken "$log" "ended with $job_status all the same"
        fi
    else
        part_broken "$log" "ended with $job_status and no result"
    fi
    grep -a '^at the second try: ' "$log" | cut -c1-100 | sed 's/^/  /'
    grep -a '^lab: ' "$log" | head -1 | cut -c1-100 | sed 's/^/  /'
}

# The tests that where.tsv sends to one of these places, as arguments. A test that has a line of its own goes where that
# says and not with its file. tests_of PLACE...
tests_of() {
    awk -F'\t' -v places=" $* " -v column=$((whole ? 2 : 3)) '
        /^#/ { next }
        { here = index(places, " " $column " ") }
        NR == FNR { taken[$1] = here; next }
        { split($1, part, "::"); file = "test_" part[1] ".py"; test = substr($1, length(part[1]) + 1) }
        test == "" && here { print "tests/lab/" file }
        test != "" && here && !taken[part[1]] { print "tests/lab/" file test }
        test != "" && !here && taken[part[1]] { print "--deselect=" file test }
    ' tests/lab/where.tsv tests/lab/where.tsv
}

run_lab() {
    local kernel places
    local -a started=() files=()
    for kernel in "${kernels[@]}"; do
        part_start "kernel $kernel"
        if tests/lab/kernels.sh get "$kernel" >"$logs/kernel-$kernel.log" 2>&1; then
            part_end "ok"
            started+=("$kernel")
        else
            lab_skip "$kernel" "no such kernel to be had: $(tail -1 "$logs/kernel-$kernel.log" | cut -c1-90)"
        fi
    done
    ((${#started[@]})) || return
    # Both at once: a guest waits for deadlines half of its time, and the limits of the suite follow its measured speed.
    for kernel in "${started[@]}"; do
        places=each
        [[ $kernel != "${started[0]}" ]] || places+=' first'
        [[ $kernel != "${started[-1]}" ]] || places+=' last'
        readarray -t files < <(tests_of "$places")
        run_apart 0 "lab-$kernel" run_guest "$kernel" "$kernel" "${files[@]}"
    done
    for kernel in "${started[@]}"; do
        part_start "lab $kernel"
        lab_end "$kernel"
    done
    [[ -n $whole ]] || return
    part_start "lab alone"
    readarray -t files < <(tests_of alone)
    run_apart 0 lab-alone run_guest alone "${started[0]}" "${files[@]}"
    lab_end alone
}

# ---------------------------------------------------------------- the run

mkdir -p "$logs"
install_set build || finish
# leaks are faults, too
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}
# check gives a test 4 s of wall clock, which a busy machine takes from a good one; ctest has limits of its own
export CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT-60}
if [[ -n $lab ]]; then
    install_set lab || finish
fi

# Builds and tests that compute fill what tests leave that wait: those go first, one build after the other, and each of
# the others has its turn as soon as what it needs is built. Where there are two builds, a short run has each test once, in
# the one with sanitizers, and in the first what is slow there and what looks at the sources.
previous='' built=() edges=(-L edge) rest=(-LE edge)
[[ -n $whole ]] || ((${#presets[@]} == 1)) || edges=(-L edge -L slow) rest=(-LE edge -L 'lint|slow')
[[ -n $whole ]] || export LBD_TIDY_NODES=${LBD_TIDY_NODES-0}
[[ -z $fast ]] || rest=(-L 'unit|golden|fuzz|lint' -LE 'slow|long')
for preset in "${presets[@]}"; do
    run_apart "${previous:+5}" "build-$preset" after "${previous:+build-$previous}" build "$preset"
    previous=$preset
done
for preset in "${presets[@]}"; do
    # what is slow, and what looks at the sources, says the same in every build: once is enough
    [[ $preset == "${presets[0]}" || -n $fast ]] || edges=(-L edge -LE slow) rest=(-LE 'edge|slow|lint')
    part_start "build $preset"
    build_end "$preset" || continue
    built+=("$preset")
    run_apart 5 "test-$preset" after "build-$previous" run_ctest "test-$preset" "$preset" "${rest[@]}"
    [[ -z $fast ]] || continue
    part_start "edges $preset"
    run_apart 0 "edge-$preset" run_edges "edge-$preset" "$preset" "${edges[@]}"
    ctest_end "edge-$preset" "edge $preset"
done
for preset in "${built[@]}"; do
    part_start "test $preset"
    ctest_end "test-$preset" "test $preset"
done
if [[ -n $lab && ${built[0]-} == "${presets[0]}" ]]; then
    run_lab
fi
finish
