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
"$build/lbd/lbd" --print=reasons | sed 's/[_*\\]/\\&/g' |
    awk -F '\t' '{ printf "*%s*\n\t%s\n\n", $1, toupper(substr($2, 1, 1)) substr($2, 2) "." }' >"$to/lbd-reasons.scd"
"$build/lbd/lbd" --print=keepalived >"$to/keepalived-words.scd"
