#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tidy.sh BUILD_DIR [FILE...]: clang-tidy 14 with the checks of .clang-tidy, over the compile database of the build.
# Only version 14 is asked: others know other checks. A NOLINT names its check and the reason. What it said of a file is
# remembered (tidy_file.sh), so that a run costs what has changed.
#
# The analyzer follows a function for 40,000 states and not for its own 225,000: a fifth of the time, and the functions
# here are short. LBD_TIDY_NODES=225000 looks as deep as it can; 0 leaves the
# analyzer out, which takes a twentieth.

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
    whole=1
    mapfile -t files < <(lint_code '*.c')
else
    whole=''
    files=("$@")
fi
nodes=(--extra-arg={-Xclang,-analyzer-config,-Xclang,"max-nodes=${LBD_TIDY_NODES-40000}"})
if [[ ${LBD_TIDY_NODES-} == 0 ]]; then
    nodes=('--checks=-clang-analyzer-*' --extra-arg=-Wno-cast-qual) # in macros of others; gcc tells it of our own
    whole=''                                                        # what needs a line of tidy.allow is left out, too
fi
# gcc's own flags are nothing to worry about when another compiler front end reads them. Each says what it finds in one
# piece: two write at the same time.
# shellcheck disable=SC2016 # the words are for the shell inside
raw=$(printf '%s\n' "${files[@]}" | xargs -r -P "$(nproc)" -I {} \
    bash -c 'said=$("$@"); [[ -z $said ]] || flock "$0" printf "%s\n" "$said"' "$lint_root/tests/lint/tidy.allow" \
    tests/lint/tidy_file.sh "$build" {} "$tool" --quiet --extra-arg=-Wno-unknown-warning-option "${nodes[@]}")
# the first line of a finding: FILE:LINE:COLUMN: error: TEXT [CHECK,-warnings-as-errors]; its notes follow
found=$(awk -v whole="$whole" '
    FNR == NR {
        if ($0 !~ /^#/ && NF) {
            if (NF < 3) print "tidy.allow:" FNR ": wants: FILE CHECK REASON"
            allow[$1, $2] = 1
        }
        next
    }
    /^[^ :]+:[0-9]+:[0-9]+: (error|warning): / {
        file = substr($0, 1, index($0, ":") - 1)
        check = match($0, /\[[A-Za-z0-9.-]+[],]/) ? substr($0, RSTART + 1, RLENGTH - 2) : "compiler"
        quiet = (file, check) in allow
        if (quiet) used[file, check] = 1
    }
    !quiet
    END {
        if (whole)
            for (key in allow)
                if (!(key in used)) { split(key, k, SUBSEP); print "tidy.allow: nothing needs " k[1] " " k[2] }
    }' tests/lint/tidy.allow <(printf '%s\n' "$raw"))
[[ -z $found ]] || lint_say "$found"
lint_end
