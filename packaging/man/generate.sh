#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# generate.sh BUILD_DIR DIR | --update: writes the tables of the manual pages, as the built programs print them, into
# DIR; with --update into the tree. They are in the tree so that a change of a table is seen in its review.

set -eu -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${1:?usage: generate.sh BUILD_DIR DIR|--update} to=${2:?usage: generate.sh BUILD_DIR DIR|--update}
[[ $to != --update ]] || to=$here/generated
mkdir -p "$to"

"$build/packaging/print_commands" commands >"$to/lbctl-commands.scd"
"$build/packaging/print_commands" options >"$to/lbctl-options.scd"
"$build/lbd/lbd" --print=keys >"$to/lbd-keys.scd"
# scdoc has _ and * for itself
table() {
    "$build/lbd/lbd" --print="$1" | sed 's/[_*\\]/\\&/g' |
        awk -F '\t' 'function sentence(s) { return toupper(substr(s, 1, 1)) substr(s, 2) (s ~ /\.$/ ? "" : ".") } '"$2" >"$to/$3"
}
# shellcheck disable=SC2016 # of awk, not of the shell
{
    table reasons '{ printf "*%s*\n\t%s\n\n", $1, sentence($2) }' lbd-reasons.scd
    table alarms '{ printf "*%s*\n\t%s\n\n", $1, sentence($2) }' lbd-alarms.scd
    table events '{ printf "*%s* (%s)\n\t%s\n\n", $1, $2, sentence($4) }' lbd-events.scd
    table metrics '{ printf "*%s* (%s%s)\n\t%s\n\n", $1, $2, $3 == "" ? "" : "; " $3, sentence($4) }' lbd-metrics.scd
}
"$build/lbd/lbd" --print=keepalived >"$to/keepalived-words.scd"
