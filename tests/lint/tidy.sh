#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tidy.sh BUILD_DIR [FILE...]: clang-tidy 14 with the checks of .clang-tidy, over the compile database of the build.
# Only version 14 is asked: others know other checks. A NOLINT names its check and the reason.

# shellcheck source-path=SCRIPTDIR source=lib.sh
build=$(cd "${1:?usage: tidy.sh BUILD_DIR [FILE...]}" && pwd) || exit 1
shift
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for tool in clang-tidy-14 clang-tidy ''; do
    [[ -n $tool ]] || lint_skip "clang-tidy 14 is not installed"
    "$tool" --version 2>/dev/null | grep -q 'version 14\.' && break
done
[[ -e $build/compile_commands.json ]] || lint_skip "$build has no compile_commands.json"

if (($# == 0)); then
    mapfile -t files < <(lint_code '*.c')
else
    files=("$@")
fi
# gcc's own flags are nothing to worry about when another compiler front end reads them
found=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 "$tool" -p "$build" --quiet \
    --extra-arg=-Wno-unknown-warning-option 2>/dev/null | sed "s,$lint_root/,,g")
[[ -z $found ]] || lint_say "$found"
lint_end
