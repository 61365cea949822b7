#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where the time of a change goes, as `lbctl trace` tells it: a verdict that flips, a configuration that is taken, an
# address that is taken over. Runs in a guest: started by run.sh.
#
#   flip-N, config-N   beside N services; of flips and of reloads that change one service
#   takeover           of a pair in two namespaces, adverts of 100 ms, whose master is killed
#   NAME/PART          the middle one of all rounds; NAME/total their sum; NAME/largest: which part that is

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with tests/bench/run.sh budget" >&2
    exit 1
}
build=$LBD_BENCH_BUILD
lbd=$build/lbd/lbd lbctl=$build/lbctl/lbctl
read -r -a sizes <<<"$LBD_BENCH_SIZES"
rounds=$LBD_BENCH_REPS
work=/tmp/bench
mkdir -p "$work"

# start NODE FILE: in namespace $bench_net; its process in $pid
start() {
    ip netns exec "$bench_net" "$lbd" -c "$2" --node "$1" --run-dir "$work/$1" --state-dir "$work/$1.state" \
        --log-level warning 2>>"$work/log" &
    pid=$!
}
lbctl() { "$lbctl" --socket "$work/$1/control.sock" "${@:2}"; }
give_up() {
    bench_say "$*: $(tail -n 3 "$work/log")"
    exit 1
}
# until_true WHAT COMMAND...
until_true() {
    local tries=300 what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries--)) || give_up "not within a minute: $what"
        sleep 0.2
    done
}

# traced NODE KIND CASE: each part of what it tells, as samples
traced() {
    local name value
    while read -r name value; do
        bench_sample "budget/$3/$name/lbd" "$value"
    done < <(lbctl "$1" -j trace "$2" | python3 -c '
import json, sys
for row in json.load(sys.stdin)["data"]:
    for name, seconds in [*row["parts"].items(), ("total", row["total"])]:
        print(name, f"{seconds * 1000:.3f}")')
}

# tell CASE PART...: the middle ones, and the largest
tell() {
    local case=$1 part value most=0 which=''
    shift
    for part in "$@" total; do
        value=$(bench_value "budget/$case/$part/lbd" median)
        printf 'figure budget/%s/%s/lbd %s ms\n' "$case" "$part" "${value:-not-measured}"
        if [[ $part != total ]] && awk -v a="${value:-0}" -v b="$most" 'BEGIN { exit !(a > b) }'; then
            most=$value which=$part
        fi
    done
    bench_say "$case: the largest part is: $which"
}

# ---------------------------------------------------------------- one node

# listener PORT: in $heard
listener() {
    ip netns exec "$bench_net" python3 -c '
import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    s.accept()[0].close()' "$1" &
    heard=$!
}
weight() { lbctl one backend list -j | grep -q "\"backend\":\"flips\",[^}]*\"weight\":$1[,}]"; }

one_node() {
    local services=$1 i schedulers=(wlc rr)
    bench_space
    rm -rf "$work"/one*
    bench_services lbd "$services" 1 "$work/one.yaml"
    cat >>"$work/one.yaml" <<'YAML'
  flipping:
    listen: 203.0.113.1:80
    scheduler: rr
    check: quick
    backends: { flips: "127.0.0.1:9000" }
YAML
    sed -i 's/^checks:$/&\n  quick: { type: tcp, interval: 200ms, timeout: 150ms, rise: 1, fall: 1 }/' "$work/one.yaml"
    listener 9000
    start one "$work/one.yaml"
    until_true "ready" lbctl one -t 1s wait daemon ready
    until_true "the server is seen" lbctl one -t 1s wait backend/flipping/flips up
    for ((i = 0; i < rounds; i++)); do
        bench_gone "$heard"
        lbctl one -t 60s wait backend/flipping/flips down >/dev/null || give_up "no flip"
        listener 9000
        lbctl one -t 60s wait backend/flipping/flips up >/dev/null || give_up "no flip back"
    done
    traced one flip "flip-$services"
    for ((i = 0; i < rounds; i++)); do
        sed -i "s/^    scheduler: .*/    scheduler: ${schedulers[i % 2]}/" "$work/one.yaml"
        lbctl one -t 60s daemon reload >/dev/null || give_up "not taken"
    done
    traced one config "config-$services"
    bench_gone "$pid" "$heard"
}

# ---------------------------------------------------------------- a pair

pair_file() {
    cat >"$work/pair.yaml" <<'YAML'
cluster:
  id: 1
  nodes: { a: { address: 10.9.0.1, priority: 150 }, b: { address: 10.9.0.2, priority: 100 } }
vrrp:
  wan: { interface: eth0, vrid: 51, addresses: 203.0.113.10/24, advert_interval: 100ms }
services:
  web: { listen: "203.0.113.10:80", check: none, backends: { one: "10.9.0.9:80" } }
YAML
}

pair() {
    local i nets=() pids=()
    pair_file
    for i in 1 2; do
        bench_space
        nets+=("$bench_net")
    done
    ip -n "${nets[0]}" link add eth0 type veth peer name eth0 netns "${nets[1]}"
    for i in 1 2; do
        ip -n "${nets[i - 1]}" address add "10.9.0.$i/24" dev eth0
        ip -n "${nets[i - 1]}" link set eth0 up
    done
    for ((i = 0; i < rounds; i++)); do
        rm -rf "$work"/[ab] "$work"/[ab].state
        bench_net=${nets[0]}
        start a "$work/pair.yaml"
        pids[0]=$pid
        until_true "a is master" lbctl a -t 1s wait vrrp/wan master
        bench_net=${nets[1]}
        start b "$work/pair.yaml"
        pids[1]=$pid
        until_true "b is backup" lbctl b -t 1s wait vrrp/wan backup
        until_true "b is ready" lbctl b -t 1s wait daemon ready
        sleep 1
        # shellcheck disable=SC2046 # ids
        kill -KILL $(ip netns pids "${nets[0]}")
        until_true "b is master" lbctl b -t 1s wait vrrp/wan master
        until_true "it is told" traced_one
        traced b takeover takeover
        # shellcheck disable=SC2046
        kill -KILL $(ip netns pids "${nets[1]}")
        wait "${pids[@]}" 2>/dev/null
        sleep 5 # the leases of those who were killed
    done
}
traced_one() { [[ $(lbctl b -j trace takeover) == *'"kind"'* ]]; }

# ---------------------------------------------------------------- all

bench_users
bench_near "$lbd" "$lbctl" ip python3 sed awk bash
bench_header lbd
for size in "${sizes[@]}"; do
    one_node "$size"
    tell "flip-$size" probed told waited planned kernel
    tell "config-$size" loaded stored waited planned kernel
done
pair
tell takeover silent woke advert addresses announced
bench_say "$bench_missed missed"
