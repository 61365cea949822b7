#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs what is missing, builds, and runs every test. From a bare Debian 12 and a checkout, nothing else.

usage() {
    cat <<'USAGE'
usage: tests/run.sh [OPTION]...

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
exec </dev/null
logs=build/logs

fast='' lab=1 pattern='' cpus=$(nproc)
presets=(dev asan) kernels=(6.12 6.1)
while (($#)); do
    case $1 in
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
lab_jobs=()

# One line per part: its name while it runs, what came out and how long it took at its end.
part_start() {
    part_name=$1 part_from=$SECONDS
    if [[ -t 1 ]]; then
        printf '%-28s ...\r' "$1"
    fi
}
part_end() { printf '%-28s %-38s %4d s\n' "$part_name" "$1" $((SECONDS - part_from)); }

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
    for job in "${lab_jobs[@]}"; do
        kill "$job" 2>/dev/null
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

build_preset() {
    local log=$logs/build-$1.log
    part_start "build $1"
    if cmake --preset "$1" >"$log" 2>&1 && cmake --build --preset "$1" >>"$log" 2>&1; then
        part_end "ok"
        return 0
    fi
    part_broken "$log" "failed"
    return 1
}

# The numbers are taken from the head of ctest's JUnit file: tests, failures, disabled, skipped.
ctest_preset() {
    local preset=$1 log=$logs/ctest-$1.log junit=$logs/ctest-$1.xml attr n_run=0 n_failed=0 n_skipped=0 status name
    local -a args=(--test-dir "build/$preset" --parallel "$cpus" --output-on-failure --no-tests=ignore
        --output-junit "$root/$junit")
    # slow checks of the sources say the same in every build: once is enough
    if [[ -n $fast || $preset != "${presets[0]}" ]]; then
        args+=(-LE slow)
    fi
    if [[ -n $fast ]]; then
        args+=(-L 'unit|golden|fuzz|lint')
    fi
    [[ -z $pattern ]] || args+=(-R "$pattern")
    part_start "test $preset"
    rm -f "$junit"
    ctest "${args[@]}" >"$log" 2>&1
    status=$?
    if [[ -e $junit ]]; then
        for attr in tests failures disabled skipped; do
            name=$(sed -n "s/^[[:space:]]*$attr=\"\([0-9]*\)\".*/\1/p" "$junit" | head -1)
            case $attr in
            tests) n_run=${name:-0} ;;
            failures) n_failed=${name:-0} ;;
            *) n_skipped=$((n_skipped + ${name:-0})) ;;
            esac
        done
    fi
    if ((status != 0 && n_failed == 0)); then
        part_broken "$log" "ctest ended with $status"
        return
    fi
    part_end "$((n_run - n_failed - n_skipped)) passed, $n_failed failed, $n_skipped skipped"
    count $((n_run - n_failed - n_skipped)) "$n_failed" "$n_skipped"
    # what was skipped, and why
    awk '/\*\*\*Skipped/ { print; next }  /^skipped: / { print "    " $0 }' "$log" | sort -u |
        sed 's/^ *[0-9]*\/[0-9]* //; s/^/  /' | cut -c1-100
    if ((n_failed)); then
        printf '  log: %s\n' "$log"
        sed -n '/The following tests FAILED/,$p' "$log" | grep -E '^[[:space:]]+[0-9]+ - ' | sed 's/^[[:space:]]*/  FAILED /'
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

# Runs in the background, as its own process; the numbers are read from its log afterwards.
# lab_start NAME KERNEL [ARG of pytest]...
lab_start() {
    local name=$1 kernel=$2 build=build/${presets[0]} log=$logs/lab-$1.log
    shift 2
    rm -rf "$logs/lab-$name"
    mkdir -p "$logs/lab-$name"
    tests/lab/lab --kernel "$kernel" --cpus 2 --timeout 1500 --out "$logs/lab-$name" \
        -- tests/lab/suite.sh "$build" "$@" ${pattern:+-k "$pattern"} >"$log" 2>&1
    printf '%d %d\n' "$?" "$SECONDS" >"$logs/lab-$name.status"
}

lab_end() {
    local name=$1 log=$logs/lab-$1.log status=125 ended=$SECONDS line=''
    [[ ! -e $logs/lab-$name.status ]] || read -r status ended <"$logs/lab-$name.status"
    part_name="lab $name" part_from=$((part_from + SECONDS - ended))
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
        elif ((status != 0)); then
            part_broken "$log" "ended with $status all the same"
        fi
    else
        part_broken "$log" "ended with $status and no result"
    fi
    grep -a '^lab: ' "$log" | head -1 | cut -c1-100 | sed 's/^/  /'
}

run_lab() {
    local kernel file
    local -a started=() busy=() less=()
    for file in vrrp vrrp_accept vrrp_faults vrrp_mac vrrp_meet vrrp_wire vrrp_routes hooks peer peer_talk; do # those are edge/pair: they need no guest
        less+=("--ignore=tests/lab/test_$file.py")
    done
    if [[ ! -x tests/lab/suite.sh ]]; then
        for kernel in "${kernels[@]}"; do
            lab_skip "$kernel" "there is no tests/lab/suite.sh"
        done
        return
    fi
    for kernel in "${kernels[@]}"; do
        part_start "kernel $kernel"
        if tests/lab/kernels.sh get "$kernel" >"$logs/kernel-$kernel.log" 2>&1; then
            part_end "ok"
            started+=("$kernel")
        else
            lab_skip "$kernel" "no such kernel to be had: $(tail -1 "$logs/kernel-$kernel.log" | cut -c1-90)"
        fi
    done
    # Both at once: a guest waits for deadlines half of its time, and the limits of the suite follow its measured speed.
    local from=$SECONDS
    for file in servers hostile flap detect; do
        busy+=("tests/lab/test_$file.py")
        less+=("--ignore=tests/lab/test_$file.py")
    done
    # What speaks to the kernel is seen by each of them: traffic, golden, reconcile, kill. The rest is seen once, half of
    # it by the first and half by the last, so that they end together.
    local -a first=({checks,config,ctl,scripts,pair}.py) last=({health,overrides}.py) skip
    for kernel in "${started[@]}"; do
        rm -f "$logs/lab-$kernel.status"
        skip=()
        [[ $kernel == "${started[0]}" ]] || skip+=("${first[@]/#/--ignore=tests/lab/test_}")
        [[ $kernel == "${started[-1]}" ]] || skip+=("${last[@]/#/--ignore=tests/lab/test_}")
        lab_start "$kernel" "$kernel" "${less[@]}" "${skip[@]}" &
        lab_jobs+=($!)
    done
    for kernel in "${!started[@]}"; do
        part_start "lab ${started[kernel]}"
        part_from=$from
        wait "${lab_jobs[kernel]}"
        lab_end "${started[kernel]}"
    done
    lab_jobs=()
    # What probes say of servers does not depend on the kernel, but it takes a machine of its own: a prober that comes
    # late itself does not judge.
    if ((${#started[@]})); then
        part_start "lab checks"
        rm -f "$logs/lab-checks.status"
        lab_start checks "${started[0]}" "${busy[@]}"
        lab_end checks
    fi
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
built=()
for preset in "${presets[@]}"; do
    if build_preset "$preset"; then
        built+=("$preset")
    fi
done
for preset in "${built[@]}"; do
    ctest_preset "$preset"
done
if [[ -n $lab && ${built[0]-} == "${presets[0]}" ]]; then
    run_lab
fi
finish
