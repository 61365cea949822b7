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

# a key with which it would not start is found before it is started
printf 'short\n' >"$work/key" && printf 'longer than eight\n' >"$work/password" && chmod 600 "$work/key" "$work/password"
cat >"$work/keys.yaml" <<EOF
cluster:
  id: 1
  key_file: $work/key
  nodes: { lb-a: { address: 192.0.2.1 }, lb-b: { address: 192.0.2.2 } }
vrrp:
  wan: { interface: lo, vrid: 1, addresses: 192.0.2.9, version: 2, auth: { type: password, key_file: $work/password } }
EOF
"$lbd" --doctor --config "$work/keys.yaml" --node lb-a >said 2>&1
must "the doctor looks into the key of the cluster" grep -qF "cluster.key_file: $work/key: not a key" said
must "the doctor looks into passwords" grep -qF "vrrp/wan: $work/password: a password is 1 to 8 characters" said
openssl rand -hex 32 >"$work/key" && printf 'eight\n' >"$work/password"
"$lbd" --doctor --config "$work/keys.yaml" --node lb-a >said 2>&1
must "and finds none where they are right" test "$(grep -cE 'not a key|a password is' said)" -eq 0
: >said

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
