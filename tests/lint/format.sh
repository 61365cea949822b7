#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Layout as .clang-format says. Only clang-format 14 is asked: other versions lay out differently. To mend:
# clang-format-14 -i FILE

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in clang-format-14 clang-format ''; do
    [[ -n $tool ]] || lint_skip "clang-format 14 is not installed"
    "$tool" --version 2>/dev/null | grep -q 'version 14\.' && break
done
found=$(lint_files '*.c' '*.h' | xargs "$tool" --dry-run -ferror-limit=1 2>&1 |
    grep -E '(warning|error):' | LC_ALL=C sort -u)
[[ -z $found ]] || lint_say "$found"
lint_end
