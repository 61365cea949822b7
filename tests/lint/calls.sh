#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Calls that cost more than they seem to: in the two programs they stand only where calls.allow says so, and why.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# the call, and what to use instead; comments may speak of them
declare -A instead=(
    [if_nametoindex]='the kernel runs modprobe for a name that it does not know: lb_interface() does not'
    [SIOC[GS]IF'[A-Z]*']='the kernel runs modprobe for a name that it does not know: ask lb_interface() first'
)
mapfile -t code < <(lint_code '*.c' '*.h')
found=$(for call in "${!instead[@]}"; do
    grep -noE "^[^*]*\b($call)\b" "${code[@]}" | sed -E "s/^([^:]*):([0-9]*):.*\b($call)\$/\1 \3 \2 ${instead[$call]}/"
done | awk '
    FNR == NR {
        if ($0 !~ /^#/ && NF) {
            if (NF < 3) print "calls.allow:" FNR ": wants: FILE CALL REASON"
            allowed[$1 " " $2] = 1
        }
        next
    }
    {
        seen[$1 " " $2] = 1
        if (($1 " " $2) in allowed) next
        where = $1 ":" $3 ": " $2
        sub(/^[^ ]+ [^ ]+ [^ ]+ /, "")
        print where ": " $0
    }
    END { for (name in allowed) if (!(name in seen)) print "calls.allow: " name " is no more" }
' tests/lint/calls.allow -)
[[ -z $found ]] || lint_say "$found"
lint_end
