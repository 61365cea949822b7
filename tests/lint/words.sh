#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Words that do not belong into the tree: paths of one machine, and marks of unfinished work.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# written so that this file does not contain the words itself
marks='\b(TO''DO|FIX''ME|X''XX|HA''CK)\b'
places='(^|[^[:alnum:]_.}])/(ho''me/[a-z]|ro''ot/[a-z.]|wo''rk/)'
mapfile -t files < <(lint_files '*' | grep -v -E '^(LICENSE$|tests/(golden|fuzz/corpus)/)')
found=$(
    printf '%s\0' "${files[@]}" | xargs -0 grep -nHIE "$marks" | sed 's/$/   <- unfinished work/'
    printf '%s\0' "${files[@]}" | xargs -0 grep -nHIE "$places" | sed 's/$/   <- a path of one machine/'
    # a checkout at / or at a one-word path would match everything
    [[ $lint_root == /*/* ]] &&
        printf '%s\0' "${files[@]}" | xargs -0 grep -nHIF "$lint_root/" | sed 's/$/   <- the path of this checkout/'
)
[[ -z $found ]] || lint_say "$found"
lint_end
