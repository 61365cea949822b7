#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The ten longest files and functions; and each one past its aim (file 600 lines, function 60) must stand in
# sizes.allow with the size it was allowed and the reason: growth is a decision then, not an accident.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

file_max=600 function_max=60
ctags --version 2>/dev/null | grep -q 'Universal Ctags' || lint_skip "universal-ctags is not installed"

mapfile -t code < <(lint_code '*.c' '*.h')
files=$(wc -l "${code[@]}" | awk '$2 != "total" { print $1, $2 }' | sort -rn)
functions=$(ctags -x --languages=C --map-C=+.h --kinds-C=f --fields=+ne --_xformat='%{line} %{end} %{input} %{name}' "${code[@]}" |
    awk '{ print $2 - $1 + 1, $3 ":" $4 }' | sort -rn)

printf 'longest files\n%s\nlongest functions\n%s\n' "$(head -10 <<<"$files")" "$(head -10 <<<"$functions")"

found=$(awk -v file_max=$file_max -v function_max=$function_max '
    FNR == NR {
        if ($0 !~ /^#/ && NF) {
            if (NF < 3) print "sizes.allow:" FNR ": wants: NAME LINES REASON"
            allowed[$1] = $2
        }
        next
    }
    {
        aim = $2 ~ /:/ ? function_max : file_max
        seen[$2] = 1
        if ($1 > aim && !($2 in allowed)) printf "%s has %d lines, the aim is %d\n", $2, $1, aim
        else if ($1 > aim && $1 > allowed[$2]) printf "%s has %d lines, sizes.allow says %d\n", $2, $1, allowed[$2]
        else if (($2 in allowed) && $1 <= aim) printf "%s is back within its aim: remove it from sizes.allow\n", $2
    }
    END { for (name in allowed) if (!(name in seen)) printf "sizes.allow: %s is no more\n", name }
' tests/lint/sizes.allow <(printf '%s\n%s\n' "$files" "$functions"))
[[ -z $found ]] || lint_say "$found"
lint_end
