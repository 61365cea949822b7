#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# man.sh BUILD_DIR: the tables in packaging/man/generated are what the programs print today, and every page is one that
# scdoc takes. To mend: packaging/man/generate.sh BUILD_DIR --update

# shellcheck source-path=SCRIPTDIR source=lib.sh
build=$(cd "${1:?usage: man.sh BUILD_DIR}" && pwd) || exit 1
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
packaging/man/generate.sh "$build" "$tmp/tables" || lint_say "generate.sh failed"
said=$(diff -ru packaging/man/generated "$tmp/tables" 2>&1) ||
    lint_say "$said" "" "The tables are stale: packaging/man/generate.sh BUILD_DIR --update"
command -v scdoc >/dev/null || lint_skip "scdoc is not installed"
for source in packaging/man/*.scd; do
    page=$(basename "$source" .scd)
    packaging/man/page.sh "$page" "$tmp/tables" >"$tmp/$page" || lint_say "$page: scdoc refuses it"
    if command -v mandoc >/dev/null; then
        # scdoc writes a paragraph where none is needed, and lines as long as they are
        said=$(mandoc -T lint -W warning "$tmp/$page" 2>&1 | grep -v 'skipping paragraph macro: PP') && lint_say "$said"
    fi
    if command -v man >/dev/null; then
        said=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$tmp/$page" 2>&1 >/dev/null)
        [[ -z $said ]] || lint_say "$page: $said"
    fi
done
lint_end
