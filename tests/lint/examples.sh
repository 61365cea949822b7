#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# examples.sh LBD: every configuration among the examples is one that lbd takes, and every folder says what it is, where lbd stands
# in it, and what shows that it works; and it has a run.sh that does show it (tests/lab/test_examples.py runs them).

# shellcheck source-path=SCRIPTDIR source=lib.sh
lbd=$(readlink -e "${1:?usage: examples.sh LBD}") || exit 1
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

count=0
while IFS= read -r file; do
    count=$((count + 1))
    said=$("$lbd" --check "$file" 2>&1) || lint_say "$said"
    [[ -x ${file%/*}/run.sh ]] || lint_say "${file%/*} has no run.sh that can be run"
    page=${file%/*}/README.md
    [[ -e $page ]] || { lint_say "${file%/*} has no README.md"; continue; }
    grep -q '^    .*\[ .*lbd.* \]' "$page" || lint_say "$page has no picture of who talks to whom"
    grep -q '^\*\*What to look at\*\*' "$page" || lint_say "$page does not say what to look at"
done < <(find examples -name '*.yaml' | LC_ALL=C sort)
((count)) || lint_say "no example was found"
printf '%d examples\n' "$count"
lint_end
