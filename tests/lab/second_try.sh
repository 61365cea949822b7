# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A second try, for tests that hold programs to times on a machine that has other things to do; sourced. Where a few
# failed while much ran, they run again when it has ended. What fails then, too, has failed; what passes counts, and is
# named, so that one that needs it often is seen. Where many failed it was not the machine, and there is none; nor where
# LBD_SECOND_TRY is not set: who works on one test wants to see what it does.

SECOND_TRIES=6
# Of pytest, with the cache directory of the first try: what failed there and nothing else.
# shellcheck disable=SC2034 # of those who source this
again=(--last-failed --last-failed-no-failures none)

# The names of what failed, by pytest's own record. failed_in CACHE_DIR...
failed_in() {
    local dir
    for dir in "$@"; do
        [[ ! -e $dir/v/cache/lastfailed ]] ||
            /usr/bin/python3 -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$dir/v/cache/lastfailed"
    done
}

# Whether there is one. may_try_again CACHE_DIR...: each of somebody who failed; one without a record broke.
may_try_again() {
    local dir n
    [[ -n ${LBD_SECOND_TRY-} ]] || return 1
    for dir in "$@"; do
        [[ -e $dir/v/cache/lastfailed ]] || return 1
    done
    n=$(failed_in "$@" | wc -l)
    ((n > 0 && n <= SECOND_TRIES))
}

# Names them. tell_again CACHE_DIR: as the first try left it
tell_again() {
    failed_in "$1" | sed 's/^/at the second try: /'
}
