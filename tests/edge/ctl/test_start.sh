#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test_start.sh LBD: a start that is not possible, by hand and under a service manager.

set -u
lbd=$(realpath "${1:?usage: test_start.sh LBD}")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failed=0 cases=0

must() {
    cases=$((cases + 1))
    "${@:2}" && return
    printf '%s: no (%s)\n' "$1" "${*:2}" >&2
    failed=$((failed + 1))
}

# wrong OPTION [WORD]: it is no option, or has no value, and if one is near that is named; nothing is started
wrong() {
    local status
    timeout 5 "$lbd" "$1" >said 2>&1
    status=$?
    must "$1 is refused" test $status -eq 2
    if [[ ${2-} ]]; then
        must "$1 is near to $2" grep -qF "Did you mean '$2'? Try 'lbd --help'." said
    else
        must "$1 is near to nothing" grep -qx "Try 'lbd --help'." said
    fi
}
wrong --chek --check
wrong --run_dir=/tmp --run-dir
wrong --zebra
wrong --check=file
wrong --config
wrong -Z

# must_say TEXT OPTION...: it is refused, with these words
must_say() {
    local status
    timeout 5 "$lbd" "${@:2}" >said 2>&1
    status=$?
    must "${*:2} is refused" test $status -eq 2
    must "${*:2} says why" grep -qF "$1" said
}
must_say "unexpected argument 'b'; --import reads one FILE" --import=keepalived a b
must_say "unexpected argument 'x'; --doctor reads the configuration" --doctor x
must_say "unexpected argument '--id'; --import=" --id x
must_say "unexpected argument 'x'; to check a file: lbd --check FILE" x

# no directory can be made there
start() { exec "$lbd" --config none --run-dir /proc/none --state-dir /proc/none --user "$(id -un)" 2>said; }

(start)
status=$?
must "by hand it ends by itself" test $status -eq 1
must "and says why" grep -q '/proc/none: ' said
: >said
(NOTIFY_SOCKET=$work/notify start) &
pid=$!
for ((i = 0; i < 600; i++)); do
    grep -q '/proc/none: ' said && break
    sleep 0.05
done
must "under a service manager it says so at once" grep -q '/proc/none: ' said
kill -TERM $pid
wait $pid
status=$?
must "and waits, until it is to end" test $status -eq 143

echo "$cases cases, $failed failures"
((!failed))
