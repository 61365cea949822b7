#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tests that need a kernel with IPVS. Runs where `lab` put it:
#   tests/lab/lab -- tests/lab/suite.sh BUILD_DIR [pytest arguments]
# With LBD_SECOND_TRY=1 what failed has one (second_try.sh). The last line is `N passed, N failed, N skipped`; the exit
# status is 0 only when nothing failed and something passed. A JUnit report of the first try goes to
# $LBD_LAB_OUT/junit.xml where that is set.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 2
# shellcheck source=tests/lab/second_try.sh
. "$here/second_try.sh"
build=${1-}
if [[ -z $build || ! -x $build/lbd/lbd || ! -x $build/lbctl/lbctl ]]; then
    echo "usage: suite.sh BUILD_DIR [pytest arguments]   (BUILD_DIR/lbd/lbd and BUILD_DIR/lbctl/lbctl must be there)" >&2
    exit 2
fi
shift
LBD_BUILD=$(cd "$build" && pwd) || exit 2
export LBD_BUILD PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

if [[ -z ${LBD_LAB-} ]]; then
    echo "suite.sh: not in the lab; run: tests/lab/lab -- tests/lab/suite.sh $build" >&2
    exit 2
fi
# The kernel of a guest measures the speed of its processor while it boots, and gets it wrong when the machine below is
# very busy. Every deadline would be wrong then. Files on this share have the times of the machine below. A clock that
# counts instructions is another one by design, and true to those who live by it.
clock_is_true() {
    local out=${LBD_LAB_OUT-} from to
    [[ -d $out && ${LBD_LAB_WHERE-} != icount ]] || return 0
    from=$(date +%s%N)
    : >"$out/.clock-1"
    sleep 1
    : >"$out/.clock-2"
    to=$(date +%s%N)
    awk -v here=$((to - from)) -v a="$(stat -c %.9Y "$out/.clock-1")" -v b="$(stat -c %.9Y "$out/.clock-2")" 'BEGIN {
        ratio = here / 1e9 / (b - a + 0.001)
        if (ratio < 0.5 || ratio > 2)
            printf "suite.sh: the clock of this guest runs at %.2f times its speed; run it again\n", ratio
        exit !(ratio >= 0.5 && ratio <= 2)
    }'
    local status=$?
    rm -f "$out/.clock-1" "$out/.clock-2"
    return "$status"
}
if ! clock_is_true; then
    dmesg | grep -i 'tsc' | head -5
    echo "0 passed, 1 failed, 0 skipped"
    exit 125
fi

for group in lbd lbd-probe lbadmin lbobserve; do
    getent group "$group" >/dev/null || groupadd --system "$group" || exit 2
done
for user in lbd lbd-probe; do
    getent passwd "$user" >/dev/null ||
        useradd --system --gid "$user" --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$user" || exit 2
done

if [[ ${LBD_LAB_WHERE-} == icount ]]; then
    "$here/in_memory.sh" "$LBD_BUILD" || exit 2
fi

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cache=$work/cache report=$work/junit.xml report2=$work/again.xml
tests=("$here")
for word in "$@"; do
    [[ $word != -* && -e ${word%%::*} ]] && tests=()
done
# try REPORT [ARGUMENT of pytest]...
try() {
    /usr/bin/python3 -m pytest -o cache_dir="$cache" -v --tb=short --junit-xml="$1" --rootdir="$here" "${tests[@]}" "${@:2}"
}
try "$report" --durations=15 "$@"
status=$?
if [[ -n ${LBD_LAB_OUT-} && -e $report ]]; then
    cp "$report" "$LBD_LAB_OUT/junit.xml"
fi
if ((status == 1)) && may_try_again "$cache"; then
    cp -r "$cache" "$work/first"
    try "$report2" "$@" "${again[@]}"
    status=$?
    ((status)) || tell_again "$work/first"
fi
/usr/bin/python3 - "$status" "$report" "$report2" <<'PY'
import os
import sys
import xml.etree.ElementTree as tree
came = {}  # of each test: what came of it in the end
try:
    for report in filter(os.path.exists, sys.argv[2:]):
        for case in tree.parse(report).getroot().iter("testcase"):
            kinds = {child.tag for child in case}
            name = case.get("classname", ""), case.get("name", "")
            came[name] = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
except (OSError, tree.ParseError) as e:
    print(f"no report: {e}")
passed, failed, skipped = (list(came.values()).count(x) for x in ("passed", "failed", "skipped"))
status = int(sys.argv[1])
if status not in (0, 1) and not failed:
    failed += 1  # pytest itself failed: usage, interrupted, nothing collected
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(0 if status == 0 and passed and not failed else 1)
PY
