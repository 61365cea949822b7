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
for page in lbd.8 lbctl.1 lbd.yaml.5 lbd-migrating.7; do
    packaging/man/page.sh "$page" "$tmp/tables" >"$tmp/$page" || lint_say "$page: scdoc refuses it"
    if command -v mandoc >/dev/null; then
        said=$(mandoc -T lint -W error "$tmp/$page" 2>&1) || lint_say "$said"
    fi
done
lint_end
