#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every file that somebody wrote starts with its licence: the line is among the first three (a script begins with its
# interpreter, a man page with its title). Data has none: golden files, fuzz corpora, and what knows no comments.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

found=$(
    {
        lint_files '*.c' '*.h' '*.sh' '*.py' '*.cmake' CMakeLists.txt '*.in' '*.scd' '*.allow'
        lint_files '*' | grep -E '^(packaging|\.ci|examples)/' | grep -v -E '\.(md|json)$|^packaging/debian/(changelog|copyright|lbd\.docs|source/format)$'
        # scripts without a suffix
        find tests -type f ! -name '*.*' ! -path '*/corpus/*' -exec grep -lE -m1 '^#!' {} +
    } | grep -v -E '^tests/(golden/(hostile|config/(ok|bad))|fuzz/corpus)/|/generated/' | LC_ALL=C sort -u |
        xargs awk '
            FNR == 1 { if (file != "" && !found) print file; file = FILENAME; found = 0 }
            FNR <= 3 && /SPDX-License-Identifier: GPL-2\.0-or-later/ { found = 1 }
            FNR == 3 { nextfile }
            END { if (!found) print file }'
)
nl=$'\n'
[[ -z $found ]] || lint_say "${found//$nl/: no SPDX line$nl}: no SPDX line"
# What the package says of all of them is the same.
copyright=packaging/debian/copyright
if [[ $(grep -c '^Files:' $copyright) != 1 ]] ||
    ! grep -A2 -x 'Files: \*' $copyright | grep -qx 'License: GPL-2.0-or-later'; then
    lint_say "$copyright has another licence than the files"
fi
lint_end
