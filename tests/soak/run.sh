#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A pair works for hours, and one looks whether it takes more and more.

usage() {
    cat <<'USAGE'
usage: tests/soak/run.sh [OPTION]...
       tests/soak/run.sh judge FILE.tsv     the verdict again
       tests/soak/run.sh page FOLDER        a page and charts of the .tsv there

  --minutes N     how long (default 120); after a quarter of that it counts
  --native        on this machine, in namespaces: without IPVS where its kernel has none
  --kernel 6.1|6.12   in a guest of the lab, with IPVS and traffic through it (default 6.12)
  --build DIR     what is looked at (default build/release; it must have been built). With a build of the preset asan each room
                  looks for leaks as it ends, and memory is not judged
  --memcheck      under valgrind, in a build of its own (build/memcheck); memory is not judged, but everything that
                  valgrind complains of
  --out DIR       receives NAME.tsv, NAME.log (default build/soak)
  --name NAME     default: native, guest, and what it is under

The last line is a verdict: flat, grows, restarted, unknown; of asan and memcheck: clean, or what they found.
USAGE
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2
root=$(cd "$here/../.." && pwd) || exit 2
fail() {
    echo "soak: $*" >&2
    exit 2
}

# inside MINUTES FILE: where the pair may live
inside() {
    export PYTHONDONTWRITEBYTECODE=1
    if [[ -n ${LBD_LAB-} ]]; then
        # shellcheck source-path=SCRIPTDIR source=../bench/lib.sh
        source "$here/../bench/lib.sh"
        bench_users
        [[ ${LBD_LAB_WHERE-} != icount ]] || "$here/../lab/in_memory.sh" "$LBD_BUILD" || exit 2
    fi
    exec /usr/bin/python3 -u "$here/soak.py" "$@"
}

case ${1-} in
--inside)
    shift
    inside "$@"
    ;;
judge | page) exec /usr/bin/python3 -B "$here/verdict.py" "$@" ;;
esac

minutes=120 native='' kernel=6.12 build=$root/build/release memcheck='' out=$root/build/soak name=''
words=("$@")
while (($#)); do
    case $1 in
    --native) native=1 ;;
    --memcheck) memcheck=1 ;;
    --minutes | --kernel | --build | --out | --name)
        (($# >= 2)) || fail "$1 wants a value"
        printf -v "${1#--}" '%s' "$2"
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) fail "unknown option $1 (--help)" ;;
    esac
    shift
done
[[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "--minutes wants a number"
mkdir -p "$out" || fail "cannot make $out"
out=$(cd "$out" && pwd) || exit 2

# The filter for system calls and what else of the sandbox a sanitizer cannot live in is as much in valgrind's way.
if [[ -n $memcheck ]]; then
    command -v valgrind >/dev/null || fail "valgrind is not installed"
    build=$root/build/memcheck
    if ! {
        cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-Og -g -D__SANITIZE_ADDRESS__=1' &&
            cmake --build "$build" --target lbd lbctl bench_talk
    } >"$out/build.log" 2>&1; then
        tail -20 "$out/build.log"
        fail "cannot build $build"
    fi
    export LBD_SOAK_PROGRAM=$here/memcheck.sh
fi
for program in lbd/lbd lbctl/lbctl tests/bench/bench_talk; do
    [[ -x $build/$program ]] || fail "$build/$program is not there: cmake --preset release; cmake --build --preset release"
done
LBD_BUILD=$(cd "$build" && pwd)
export LBD_BUILD
asan=''
nm -D "$LBD_BUILD/lbd/lbd" 2>/dev/null | grep -q __asan_init && asan=1
[[ -n $name ]] || name=${native:+native}${native:-guest}
name=${name/native1/native}${asan:+-asan}${memcheck:+-memcheck}
export ASAN_OPTIONS=${ASAN_OPTIONS-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
load=$(cut -d' ' -f1-3 /proc/loadavg)
printf 'soak: %s, %d minutes; what happens is told in %s\n' "$name" "$minutes" "$out/$name.log"
if [[ -n $native ]]; then
    where="kernel $(uname -r), native"
    export LBD_LAB_NATIVE=1 LBD_LAB_OUT=$work
    nice -n 5 unshare --net --mount --propagation private bash "$here/../lab/native.sh" --inside \
        "$here/run.sh" --inside "$minutes" "$work/samples.tsv" >"$out/$name.log" 2>&1
else
    # as in ../faults/run.sh: by such a clock a guest is as fast everywhere
    export LBD_LAB_ACCEL=${LBD_LAB_ACCEL-icount}
    where="kernel $kernel, guest with one processor, clock $LBD_LAB_ACCEL"
    # the file is on the share that the guest writes to; it starts and ends slowly
    # shellcheck disable=SC2016 # the guest knows where its share is
    "$here/../lab/lab" --kernel "$kernel" --cpus 1 --timeout $((minutes * 60 + 600)) --out "$work" -- \
        bash -c '"$1" --inside "$2" "$LBD_LAB_OUT/samples.tsv"' soak "$here/run.sh" "$minutes" >"$out/$name.log" 2>&1
fi
status=$?

if [[ -e $work/samples.tsv ]]; then
    {
        printf '# tests/soak/run.sh%s\n' "$(printf ' %s' "${words[@]}")"
        printf '# %s, commit %s; %s on %d processors %s; load of that machine before and after: %s | %s\n' "$(date -u +%Y-%m-%dT%H:%MZ)" \
            "$(git -C "$root" describe --always --dirty --exclude '*' 2>/dev/null)" "$where" "$(nproc)" \
            "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)" "$load" "$(cut -d' ' -f1-3 /proc/loadavg)"
        sed -n 's/^rounds /# rounds /p' "$out/$name.log"
        cat "$work/samples.tsv"
    } >"$out/$name.tsv"
fi
((status == 0)) || {
    tail -30 "$out/$name.log"
    echo "verdict broken: it ended with $status"
    exit 1
}
if [[ -n $memcheck ]]; then
    cat "$work"/memcheck.* >"$out/$name.valgrind" 2>/dev/null
    processes=$(find "$work" -name 'memcheck.*' | wc -l)
    if ((processes < 8)); then
        echo "verdict unknown: valgrind wrote of $processes processes, there are four of each node"
        exit 1
    fi
    if [[ -s $out/$name.valgrind ]]; then
        head -60 "$out/$name.valgrind"
        echo "verdict found: see $out/$name.valgrind"
        exit 1
    fi
    echo "verdict clean: valgrind had nothing to say of $processes processes"
    exit 0
fi
if [[ -n $asan ]]; then
    # what a sanitizer says ends the run with an error: it is looked for in the logs of the daemons
    echo "verdict clean: no room had a leak or anything else as it ended; $(sed -n 's/^# \(rounds [0-9]*\).*/\1/p' "$out/$name.tsv")"
    exit 0
fi
exec /usr/bin/python3 -B "$here/verdict.py" judge "$out/$name.tsv"
