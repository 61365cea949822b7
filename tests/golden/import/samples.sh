#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# samples.sh LBD [--update]: every sample of the package keepalived is imported, and of each it is known what is said:
# the exit status, and which lines are not carried over, and why.
# 77: the samples are not there, or are those of another version.

set -u
lbd=$(realpath "${1:?usage: samples.sh LBD [--update]}") update=${2-}
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
dir=/usr/share/doc/keepalived/samples
[[ -d $dir ]] || { echo "skipped: $dir is not there"; exit 77; }
sum=$(cat $dir/keepalived.conf.* | sha256sum | cut -c1-16)
known=$(sed -n 's/^samples //p' samples.expected)
[[ $sum == "$known" || $update == --update ]] || { echo "skipped: samples $sum, known are those of $known"; exit 77; }
got=$(
    echo "samples $sum"
    cd $dir || exit
    for file in keepalived.conf.*; do
        said=$("$lbd" --import=keepalived "$file" 2>&1 >/dev/null)
        printf -- '---- %s: exit %d\n' "${file#keepalived.conf.}" $?
        printf '%s\n' "${said//$file:/:}"
    done
)
if [[ $update == --update ]]; then
    printf '%s\n' "$got" >samples.expected
    exit
fi
diff -u --label samples.expected --label got samples.expected - <<<"$got"
