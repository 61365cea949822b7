#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every test of the lab stands in tests/lab/where.tsv, once or by its tests, at places that exist; and what stands
# there is a test.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

table=tests/lab/where.tsv
places=' pair probes each first last alone - '
while IFS=$'\t' read -r name whole short more; do
    [[ $name != \#* ]] || continue
    [[ -e tests/lab/test_${name%%::*}.py ]] || lint_say "$table: $name: there is no tests/lab/test_${name%%::*}.py"
    [[ $whole != - && -z $more ]] || lint_say "$table: $name: wants a place in a whole run and one in a short one"
    for place in "$whole" "$short"; do
        [[ $places == *" $place "* ]] || lint_say "$table: $name: '$place' is no place of$places"
    done
    if [[ $name == *::* ]] && ! grep -q "^def ${name#*::}(" "tests/lab/test_${name%%::*}.py"; then
        lint_say "$table: there is no test ${name#*::}"
    fi
done <$table
for file in tests/lab/test_*.py; do
    name=${file#tests/lab/test_} name=${name%.py}
    cut -f1 $table | grep -qx "$name" || lint_say "$file: say in $table where it runs"
done
lint_end
