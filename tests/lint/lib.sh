# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by the lints: where the tree is and which files are ours. Files are found on disk, not in the index of git,
# so that a lint also works in a source archive and sees a file before it is committed.

lint_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$lint_root" || exit 1
lint_bad=0

# lint_files PATTERN...: files whose name matches one of the shell patterns, sorted, from the root of the tree.
lint_files() {
    local -a names=()
    local pattern
    for pattern in "$@"; do
        names+=(-o -name "$pattern")
    done
    find . \( -path ./.git -o -path ./build -o -path ./out -o -name __pycache__ -o -name .pytest_cache \) -prune \
        -o -type f \( "${names[@]:1}" \) -print | sed 's,^\./,,' | LC_ALL=C sort
}

# The code of the two programs, without its tests.
lint_code() { lint_files "$@" | grep -E '^(common|lbd|lbctl)/'; }

lint_say() {
    printf '%s\n' "$*"
    lint_bad=1
}

# A check that cannot run here says why and counts as skipped.
lint_skip() {
    printf 'skipped: %s\n' "$*"
    exit 77
}

lint_end() { exit "$lint_bad"; }
