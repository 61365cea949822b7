#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs shellcheck over every script of the tree, those without a suffix included.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v shellcheck >/dev/null || lint_skip "shellcheck is not installed"
mapfile -t scripts < <({
    lint_files '*.sh'
    find tests/lab .ci packaging examples -type f ! -name '*.*' -exec grep -lE '^#!.*[ /](ba|da)?sh' {} +
} | LC_ALL=C sort -u)
found=$(printf '%s\n' "${scripts[@]}" | xargs -P "$(nproc)" -n 4 shellcheck --external-sources --format=gcc)
[[ -z $found ]] || lint_say "$found"
lint_end
