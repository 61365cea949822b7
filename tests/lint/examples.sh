#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# examples.sh LBD: every configuration among the examples is one that lbd takes, and every folder says what it is.

# shellcheck source-path=SCRIPTDIR source=lib.sh
lbd=$(readlink -e "${1:?usage: examples.sh LBD}") || exit 1
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

count=0
while IFS= read -r file; do
    count=$((count + 1))
    said=$("$lbd" --check "$file" 2>&1) || lint_say "$said"
    [[ -e ${file%/*}/README.md ]] || lint_say "${file%/*} has no README.md"
done < <(find examples -name '*.yaml' | LC_ALL=C sort)
((count)) || lint_say "no example was found"
printf '%d examples\n' "$count"
lint_end
