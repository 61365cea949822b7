#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pure.sh ARCHIVE...: what a pure library calls and neither it nor one before it in the list defines must be in
# pure.allow. A call of socket, clock_gettime or nl_send_auto is named with the object that makes it.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
sed -e 's/[[:space:]]*#.*//' -e '/^$/d' tests/lint/pure.allow | sed 's/.*/^(&) /' >"$tmp/allow"
: >"$tmp/defined"
[[ $# -gt 0 ]] || lint_say "no pure archive was named"

for archive in "$@"; do
    nm -g --defined-only "$archive" 2>/dev/null | awk 'NF >= 3 { print $3 }' >>"$tmp/defined"
    found=$(nm -u "$archive" 2>/dev/null | awk '
        /:$/ { object = substr($0, 1, length($0) - 1) }
        NF == 2 { print $2, object }' | sort -u |
        awk -v archive="${archive##*/}" '
            NR == FNR { have[$1] = 1; next }
            # versioned names are the same functions
            !($1 in have) { sub(/@.*/, "", $1); print $1 " " archive ": " $2 }' "$tmp/defined" - |
        grep -vEf "$tmp/allow" | awk '{ print $2, $3, "calls", $1 }')
    [[ -z $found ]] || lint_say "$found"
done
((lint_bad)) && printf 'A pure library decides and touches nothing: move the call to an *_io.c file.\n'
lint_end
