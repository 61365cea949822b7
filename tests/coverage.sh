#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh [--no-build] [--account] [FOLDER OR FILE]...
#
# How much of the pure core (what the archives hold that lint/pure.sh looks at: lbd/ and common/ without edges and
# wiring) the tests reach that need no kernel: unit, golden, sim, and the corpora of the fuzz targets. A table by folder,
# the worst files first; of what is named, the lines and branches that nothing reaches. Exit status 1 below the bounds. --account keeps the table
# by folder in coverage.tsv.
#
# Not counted, and why:
#   assert()             what it says cannot be otherwise: its other branch ends the process
#   HASH_*, DL_*         uthash in one line: thirty branches of the library, not of ours
# Out of memory is counted: some tests (*_memory) let every allocation fail; where none does, the branch is not reached.
bound_lines=95 bound_branches=90
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1
build='' account=''
while [[ ${1-} == --* ]]; do
    case $1 in
    --no-build) build=there ;;
    --account) account=tests/coverage.tsv ;;
    *) sed -n '4s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
    shift
done
command -v gcovr >/dev/null || { echo "skipped: gcovr is not installed"; exit 77; }
mkdir -p build/logs
log=build/logs/coverage.log
if [[ -z $build ]]; then
    { cmake --preset coverage && cmake --build --preset coverage; } >"$log" 2>&1 || { tail -20 "$log"; exit 1; }
    find build/coverage -name '*.gcda' -delete
    # this build is the slowest of all, and the limits of the tests are wall clock: ctest has one of its own
    CK_DEFAULT_TIMEOUT=60 CK_TIMEOUT_MULTIPLIER=5 ctest --test-dir build/coverage --parallel "$(nproc)" --output-on-failure \
        -L 'unit|golden|fuzz' -LE slow >>"$log" 2>&1 || { tail -40 "$log"; exit 1; }
fi
data=build/coverage/coverage.json
gcovr --root . --object-directory build/coverage --filter 'lbd/' --filter 'common/' --exclude '.*_io\.c' \
    --exclude-throw-branches --exclude-unreachable-branches --exclude-branches-by-pattern '.*\b(assert|HASH_[A-Z_]+|DL_[A-Z_]+)\(.*' \
    --json "$data" build/coverage >>"$log" 2>&1 || { tail -20 "$log"; exit 1; }
COVERAGE_ACCOUNT=$account python3 tests/coverage.py build/coverage "$data" "$bound_lines" "$bound_branches" "$@"
