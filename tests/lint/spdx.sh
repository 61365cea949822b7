#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every file that somebody wrote starts with its licence: the line is among the first three (a script begins with its
# interpreter, a man page with its title). Data has none: golden files, fuzz corpora, and what knows no comments.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

while IFS= read -r file; do
    head -3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || lint_say "$file: no SPDX line"
done < <(
    {
        lint_files '*.c' '*.h' '*.sh' '*.py' '*.cmake' CMakeLists.txt '*.in' '*.scd' '*.allow'
        lint_files '*' | grep -E '^(packaging|\.ci|examples)/' | grep -v -E '\.md$|/generated/'
        lint_files '*' | grep -E '^tests/' | while IFS= read -r file; do
            head -c 2 "$file" | grep -qa '^#!' && printf '%s\n' "$file"
        done
    } | grep -v -E '^tests/(golden/(hostile|config/(ok|bad))|fuzz/corpus)/|/generated/' | LC_ALL=C sort -u
)
lint_end
