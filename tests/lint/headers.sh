#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each header compiles alone and twice: it includes what it uses.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cc=${1:-cc}
read -r -a libs < <(pkg-config --cflags libnl-3.0 libnl-genl-3.0 yaml-0.1 jansson 2>/dev/null)
export cc
# shellcheck disable=SC2016 # expanded by the inner shell
found=$(lint_code '*.h' | xargs -P "$(nproc)" -I{} bash -c '
    printf "#include \"%s\"\n#include \"%s\"\n" "$1" "$1" |
        "$cc" -std=gnu17 -D_GNU_SOURCE -DLBD_VERSION=\"0\" -I. "${@:2}" -Wall -Wextra -Wstrict-prototypes \
            -fsyntax-only -x c - 2>&1 || printf "%s: does not compile alone\n" "$1"
' _ {} "${libs[@]}")
[[ -z $found ]] || lint_say "$found"
lint_end
