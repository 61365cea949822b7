#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test_check.sh LBCTL LBD: a configuration is checked by lbctl with no daemon, also from standard input.

set -u
lbctl=$(realpath "${1:?usage: test_check.sh LBCTL LBD}") LBD_BIN=$(realpath "${2:?usage: test_check.sh LBCTL LBD}")
export LBD_BIN
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
good='services: {}' bad='servces: {}'
failed=0 cases=0

# check WHAT STATUS PATTERN INPUT FILE [OPTION]: the whole answer matches PATTERN
check() {
    local got status
    got=$("$lbctl" "${@:6}" config check "$5" 2>&1 <<<"$4")
    status=$?
    cases=$((cases + 1))
    # shellcheck disable=SC2053
    [[ $status == "$2" && $got == $3 ]] && return
    printf '%s: exit status %d, not %d, and:\n%s\n' "$1" "$status" "$2" "$got" >&2
    failed=$((failed + 1))
}

printf '%s\n' "$bad" >./-
printf '%s\n' "$good" >good.yaml
check 'a file' 0 'good.yaml: ok (0 services, 0 backends)' "$bad" good.yaml
check 'standard input, and not the file of that name' 0 '<stdin>: ok (0 services, 0 backends)' "$good" -
check 'what is wrong in standard input' 6 '<stdin>:1:*servces*' "$bad" -
check 'the file of that name' 6 './-:1:*servces*' "$good" ./-
check 'a file that is missing' 6 'none.yaml: *' "$good" none.yaml
check 'a file, as JSON' 0 '{"schema":1,"command":"config.check","message":"good.yaml: ok (0 services, 0 backends)",*}' '' \
    good.yaml -j
error='{"schema":1,"error":{"code":6,"name":"invalid","message":'
check 'what is wrong, as JSON, a line for each' 6 \
    "$error"'"unknown key '"'servces'"'*"file":"<stdin>","line":1,"column":3,*}}
'"$error"'"*"line":1,"column":21*}}' '{ servces: {}, log: 1 }' - -j
warned='services: { a: { listen: 192.0.2.1:80, backends: {} } }'
check 'a warning, as JSON' 0 '{"schema":1,"command":"config.check","message":"<stdin>:1:*warning: *<stdin>: ok (1 service*' \
    "$warned" - -j
check 'what is no reason is not among the errors' 6 "$error"'"unknown key*"severity":"error"*"line":2,*}}' \
    "$warned"$'\nfoo: 1' - -j
check 'a file that is missing, as JSON' 6 "$error"'"none.yaml: *"}}' '' none.yaml -j
LBD_BIN=/nonexistent/lbd check 'no lbd, as JSON' 8 '{"schema":1,"error":{"code":8,*LBD_BIN*}}' '' good.yaml -j
LBD_BIN='' check 'the lbd that was built with it' 0 'good.yaml: ok (0 services, 0 backends)' '' good.yaml

echo "$cases cases, $failed failures"
((!failed))
