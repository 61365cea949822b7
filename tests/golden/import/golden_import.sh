#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# golden_import.sh LBD [--update]: every configuration of another balancer here, imported, against what is expected:
#   X.conf, X.rules  of keepalived, of ipvsadm; in a first line "#: ARGUMENTS" further arguments of lbd
#   X.out            the exit status, what was said, and the result
#
# A file with a secret that a result names is one that the packages give to lbd (tmpfiles).
# An exit status other than 6 also says that lbd would start with the result: that is checked by the import itself.

set -u
lbd=$(realpath "${1:?usage: golden_import.sh LBD [--update]}") update=${2-}
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
failed=0 cases=0
said=$(mktemp) || exit 2 # not here: two builds may be tested at the same time
trap 'rm -f "$said"' EXIT
for file in *.conf *.rules; do
    case $file in
    *.conf) what=keepalived ;;
    *) what=ipvsadm ;;
    esac
    read -ra words < <(sed -n '1s/^#: //p' "$file")
    yaml=$("$lbd" "--import=$what" "${words[@]}" "$file" 2>"$said")
    status=$?
    got=$(printf 'exit %d\n---- standard error\n' $status && cat "$said" && printf -- '---- standard output\n%s\n' "$yaml")
    cases=$((cases + 1))
    expected=${file%.*}.out
    if [[ $update == --update ]]; then
        printf '%s\n' "$got" >"$expected"
    elif ! diff -u --label "$expected" --label got "$expected" - <<<"$got"; then
        failed=$((failed + 1))
    fi
done
tmpfiles=../../../packaging/tmpfiles/lbd.conf
while read -r file; do
    given=0
    while read -r pattern; do
        # shellcheck disable=SC2053 # it is a pattern
        [[ $file == $pattern ]] && given=1
    done < <(awk '$1 == "z" { print $2 }' $tmpfiles)
    ((given)) || echo "$tmpfiles: $file is not given to lbd"
    ((failed += !given))
done < <(grep -ho 'key_file: /etc/lbd/[^ ,}]*' ./*.out | sed 's,^key_file: ,,' | sort -u)
echo "$cases cases, $failed failures"
((cases && !failed))
