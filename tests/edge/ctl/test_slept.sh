#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test_slept.sh LBD LBCTL SLEPT.so: an override with an end on a machine that sleeps meanwhile.

set -u
lbd=$(realpath "${1:?usage: test_slept.sh LBD LBCTL SLEPT.so}") lbctl=$(realpath "$2") shim=$(realpath "$3")
if [[ $(id -u) != 0 ]] || ! unshare --net true 2>/dev/null; then
    echo "skipped: no right to make a network namespace"
    exit 77
fi
work=$(mktemp -d) || exit 2
pid=
trap 'rm -rf "$work"; [[ $pid ]] && kill "$pid" && wait "$pid"' EXIT
cd "$work" || exit 2
failed=0 cases=0
export LBCTL_SOCKET=$work/run/control.sock

must() {
    cases=$((cases + 1))
    "${@:2}" && return
    printf '%s: no (%s)\n' "$1" "${*:2}" >&2
    failed=$((failed + 1))
}

# COMMAND...: true within half a minute
soon() {
    local i
    for ((i = 0; i < 600; i++)); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.05
    done
    return 1
}

cat >lbd.yaml <<'YAML'
services:
  web:
    listen: 192.0.2.1:80
    backends:
      a: {address: 192.0.2.11}
YAML
echo 0 >slept
# a sanitizer wants to be the first library
SLEPT=$work/slept ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 LD_PRELOAD=$shim \
    unshare --net "$lbd" --config lbd.yaml --run-dir run --state-dir state --user root 2>said &
pid=$!
must "it starts" soon "$lbctl" status
must "maintenance for an hour" "$lbctl" backend maint web/a --for 1h
echo 7200 >slept
must "two hours end it" soon grep -q 'backend/web/a: override expired' said
must "and no clock was set" test "$(grep -c 'the clock was set' said)" == 0

echo "$cases cases, $failed failures"
((!failed))
