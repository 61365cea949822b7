#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The part of the quick start that runs where IPVS is: a client, two balancers and three nginx, each
# in a network namespace of its own. Started by ../quickstart.sh in namespaces or in a guest that
# go away afterwards, with every process in them.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with examples/quickstart.sh" >&2
    exit 2
}
build=$LBD_BUILD
vip=198.51.100.10 gateway=10.1.0.1
grace=0.2 # seconds between the decision and the last packet that was under way
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
exec 2>&1

broken=0 results=()
title() { printf '\n%s\n' "$1"; }
note() { printf '  %s\n' "$*"; }
stop() {
    note "$*"
    tail -q -n 20 "$work"/*.log
    exit 1
}

# show COMMAND...: as one would see it
show() {
    local at=lb-a
    [[ $1 != *_b ]] || at=lb-b
    printf '  %s$ %s\n' $at "${*/#lbctl_b/lbctl}"
    "$@" | sed 's/^/  /'
    return "${PIPESTATUS[0]}"
}
lbctl() { "$build/lbctl/lbctl" "$@"; }

# of the second balancer
lbctl_b() { "$build/lbctl/lbctl" --socket "$work/run-lb-b/control.sock" "$@"; }

# since T0 T1: seconds in between, with two places
since() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b - a }'; }
holds() { awk "BEGIN { exit !($1) }"; }

# ---------------------------------------------------------------- the stage

# The daemon gives its rights away to users that packages make. Here they exist only for us: the
# files are covered, in our own mount namespace, by copies that have them.
add_users() {
    cp /etc/passwd "$work/passwd"
    cp /etc/group "$work/group"
    local name id=64900
    for name in lbd lbd-probe; do
        id=$((id + 1))
        getent passwd $name >/dev/null ||
            echo "$name:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>"$work/passwd"
        getent group $name >/dev/null || echo "$name:x:$id:" >>"$work/group"
    done
    for name in lbadmin lbobserve; do
        id=$((id + 1))
        getent group $name >/dev/null || echo "$name:x:$id:" >>"$work/group"
    done
    mount --bind "$work/passwd" /etc/passwd && mount --bind "$work/group" /etc/group
}

# join NODE BRIDGE CARD: a cable from the switch
join() {
    ip -n switch link add "$1-$3" type veth peer name "$3" netns "$1" &&
        ip -n switch link set "$1-$3" master "$2" up && ip -n "$1" link set "$3" up
}

add_network() {
    local i ns
    for ns in switch client lb-a lb-b web1 web2 web3; do
        ip netns add $ns && ip -n $ns link set lo up || return 1
    done
    for ns in outside inside; do
        # a bridge that learns where multicast listens takes some seconds for it
        ip -n switch link add $ns type bridge stp_state 0 mcast_snooping 0 &&
            ip -n switch link set $ns up || return 1
    done
    join client outside eth0 || return 1
    ip -n client address add 198.51.100.2/24 dev eth0
    i=1
    for ns in lb-a lb-b; do
        i=$((i + 1))
        join $ns outside wan0 && join $ns inside lan0 || return 1
        ip -n $ns address add 198.51.100.1$i/24 dev wan0
        ip -n $ns address add 10.1.0.$i/24 dev lan0
        ip netns exec $ns sysctl -qw net.ipv4.ip_forward=1
    done
    for i in 1 2 3; do
        join web$i inside eth0 || return 1
        ip -n web$i address add 10.1.0.1$i/24 dev eth0
        ip -n web$i route add default via $gateway
    done
    # a balancer without a second one has its addresses for good
    ip -n lb-a address add $vip/32 dev wan0
    ip -n lb-a address add $gateway/32 dev lan0
}

# web N: a real server that answers its name
web() {
    local name=web$1 dir=$work/web$1
    mkdir -p "$dir"
    cat >"$dir/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $dir/pid;
error_log $dir/error.log;
events { worker_connections 512; }
http {
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
    uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
    server { listen 80; location / { return 200 "$name\n"; } }
}
CONF
    setsid ip netns exec "$name" nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf" &
    web_pid[$1]=$!
    disown # nobody wants to hear from the shell that it was killed
}
web_pid=()

# supervise NODE: as a unit with Restart=always does it; `lbctl daemon stop` ends with 10.
supervise() {
    local code=0
    while ((code != 10)) && [[ ! -e $work/dead-$1 ]]; do
        ip netns exec "$1" "$build/lbd/lbd" -c "$work/lbd.yaml" --node "$1" \
            --run-dir "$work/run-$1" --state-dir "$work/state-$1"
        code=$?
        sleep 0.1
    done
}
stamp() {
    local line
    while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done
}
daemon_pid() { lbctl daemon info -j 2>/dev/null | sed -n 's/.*"pid": *\([0-9]*\),"uptime.*/\1/p'; }

# all_processes NODE: of lbd, workers included
all_processes() {
    local pid name
    for pid in $(ip netns pids "$1"); do
        name=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")
        [[ $name != *"lbd: "* && $name != "$build/lbd/lbd "* ]] || echo "$pid"
    done
}

# holders ADDRESS CARD: the balancers whose kernel has it
holders() {
    local node all=''
    for node in lb-a lb-b; do
        [[ $(ip -n $node -o address show dev "$2") != *" $1/"* ]] || all+=" $node"
    done
    echo "${all# }"
}

# holder_is NODE: within some seconds NODE alone has both addresses
holder_is() {
    local tries=100
    while ((tries--)); do
        [[ $(holders $vip wan0) == "$1" && $(holders $gateway lan0) == "$1" ]] && return
        sleep 0.1
    done
    return 1
}

# another_daemon PID: until one with another number answers and is ready
another_daemon() {
    local old=$1 new tries=100
    while ((tries--)); do
        new=$(daemon_pid)
        if [[ -n $new && $new != "$old" ]]; then
            lbctl -t 10s wait daemon ready >/dev/null
            return
        fi
        sleep 0.1
    done
    return 1
}

write_config() { # WEIGHT of web1, and what comes behind the services
    cat >"$work/lbd.yaml" <<CONF
checks:
  alive: { type: tcp, interval: 500ms, timeout: 400ms, rise: 2, fall: 2 }
services:
  web:
    listen: $vip:80
    scheduler: wrr
    check: alive
    backends:
      web1: { address: 10.1.0.11:80, weight: $1 }
      web2: { address: 10.1.0.12:80, weight: 2 }
      web3: { address: 10.1.0.13:80, weight: 3 }
CONF
}

add_api() {
    cat >>"$work/lbd.yaml" <<CONF
  api:
    listen: $vip:8080
    check: alive
    backends: { web1: 10.1.0.11:80, web3: 10.1.0.13:80 }
CONF
}

# Both addresses in one group: the servers' answers must leave through who has the service. With a key that both nodes
# have, each tells the other of its connections; the two sysctls let the kernel tell of each one soon.
add_pair() {
    local ns
    openssl rand -hex 32 >"$work/cluster.key" && chgrp lbd "$work/cluster.key" && chmod 640 "$work/cluster.key" || return 1
    for ns in lb-a lb-b; do
        ip netns exec $ns sysctl -qw net.ipv4.vs.sync_threshold="3 0" net.ipv4.vs.sync_refresh_period=10
    done
    cat >>"$work/lbd.yaml" <<CONF
cluster:
  id: 1
  key_file: $work/cluster.key
  nodes:
    lb-a: { address: 10.1.0.2, priority: 150 }
    lb-b: { address: 10.1.0.3, priority: 100 }
defaults:
  vrrp: { group: edge, advert_interval: 100ms }
vrrp:
  wan: { interface: wan0, vrid: 51, addresses: $vip/32 }
  lan: { interface: lan0, vrid: 52, addresses: $gateway/32 }
CONF
}

# ---------------------------------------------------------------- the client

ask() {
    printf '%s\n' "$*" >&"${LOAD[1]}"
    read -r answer <&"${LOAD[0]}" || stop "the client died"
}
step() { ask step "$1"; }

# taken STEP: $requests $failed $first $last $new $kept of a step that is over
taken() {
    ask report "$1"
    read -r requests failed first last new _ <<<"$answer"
}

# result STEP PROMISE: keeps the line for the end; PROMISE is a comparison for awk
result() {
    local word=ok
    holds "$2" || {
        word=BROKEN
        broken=$((broken + 1))
        ask errors "$1"
        if ((failed)); then
            note "failures: $answer"
            note "they began between $(date -d "@$first" +%T.%2N) and $(date -d "@$last" +%T.%2N)"
        fi
    }
    results+=("$(printf '%-18s %8d %7d  %-7s %s' "$1" "$requests" "$failed" $word "$3")")
}
no_failure() {
    taken "$1"
    note "$requests requests, $failed failed"
    result "$1" "$failed == 0 && $requests > 20" "none may fail"
}

# ---------------------------------------------------------------- the play

title "A client, two load balancers and three web servers, each in its own namespace"
add_users || stop "cannot add users"
add_network || stop "cannot set up the network"
for i in 1 2 3; do web $i; done
note "client 198.51.100.2 -- $vip [lb-a or lb-b] $gateway -- web1 10.1.0.11, web2 .12, web3 .13"
note "lb-a begins alone, lb-b joins later"

title "The configuration, lbd.yaml"
write_config 1
sed 's/^/  | /' "$work/lbd.yaml"
export LBCTL_SOCKET=$work/run-lb-a/control.sock
supervise lb-a 2> >(stamp >"$work/lbd.log") &
another_daemon 0 || stop "lbd does not answer"
title "lbd runs and has looked at all servers"
lbctl -t 20s wait service/web up >/dev/null || stop "the service did not come up"
show lbctl
show lbctl backend list

coproc LOAD { exec ip netns exec client python3 "$here/load.py" $vip 80 2>"$work/load.err"; }

title "1. 300 requests, one connection each: weights 1, 2, 3 make 50, 100, 150"
ask burst spread 300
taken spread
note "answered by ${new//\// }, $failed failed"
within='f == 0'
for i in 1 2 3; do
    [[ $new =~ web$i=([0-9]+) ]] && got=${BASH_REMATCH[1]} || got=0
    within+=" && $got >= $((i * 50)) * 0.95 && $got <= $((i * 50)) * 1.05"
done
result spread "${within/f == 0/$failed == 0}" "each within 5 % of its share"

title "2. From now on load without a pause, while things happen to it"
note "4 loops with a connection for each request, 6 that keep theirs"
step steady
ask start 4 6
sleep 2
step drain
no_failure steady

title "3. A backend is drained: it keeps its flows and gets no new ones"
show lbctl backend drain web/web2
step drained
sleep 2
show lbctl backend list
# from here on it may be asked again
step weights
show lbctl backend enable web/web2
taken drain
requests_drain=$requests failed_drain=$failed
taken drained
[[ $new =~ web2=([0-9]+) ]] && to_drained=${BASH_REMATCH[1]} || to_drained=0
requests=$((requests + requests_drain)) failed=$((failed + failed_drain))
note "$requests requests, $failed failed; new connections to web2 while drained: $to_drained"
result drain "$failed == 0 && $to_drained == 0 && $requests > 20" "none may fail, none new to web2"

title "4. Another weight and one more service, by a reload"
write_config 3
add_api
show lbctl config diff
step reload
show lbctl daemon reload
sleep 2
show lbctl service list
api=$(ip netns exec client curl -s -m 5 http://$vip:8080/)
note "the new service is answered by ${api:-nobody}"
step restart
taken weights
requests_before=$requests failed_before=$failed
taken reload
requests=$((requests + requests_before)) failed=$((failed + failed_before))
note "$requests requests, $failed failed; who answered after it: ${new//\// }"
result reload "$failed == 0 && $requests > 20 && \"$api\" != \"\"" "none may fail, api answers"

title "5. The daemon ends and starts again, twice: the kernel goes on by itself"
old=$(daemon_pid)
note "SIGTERM to process $old"
kill -TERM "$old"
another_daemon "$old" || stop "lbd did not come back"
old=$(daemon_pid)
note "process $old has taken over what the kernel had"
show lbctl daemon restart
another_daemon "$old" || stop "lbd did not come back"
sleep 1
show lbctl
step kill
no_failure restart

title "6. A server dies: kill -9 of nginx on web3"
died=$EPOCHREALTIME
kill -KILL -- "-${web_pid[3]}"
lbctl -t 20s wait backend/web/web3 down >/dev/null || stop "nobody noticed"
sleep 2
show lbctl backend list
step after
taken kill
tripped=$(awk '/backend\/web\/web3: up -> down/ { t = $1 } END { print t }' "$work/lbd.log")
note "killed at 0.00 s; the check tripped at $(since "$died" "${tripped:-0}") s"
if ((failed)); then
    note "requests that failed began between $(since "$died" "$first") s and $(since "$died" "$last") s"
fi
note "$requests requests, $failed failed"
result kill "\"$tripped\" != \"\" && $requests > 20 && $last <= ${tripped:-0} + $grace" \
    "only before the check tripped"
sleep 1
step back
no_failure after

title "7. The server is back"
web 3
lbctl -t 20s wait backend/web/web3 up >/dev/null || stop "nobody noticed"
step returned
sleep 2
show lbctl
step pair
no_failure back
no_failure returned
note "answered by ${new//\// }"

title "8. A second balancer: the same file on both, with a pair in it"
add_pair || stop "no key, or no IPVS in the kernel"
sed -n '/^cluster/,$ s/^/  | /p' "$work/lbd.yaml"
show lbctl daemon reload
lbctl -t 10s wait vrrp/wan master >/dev/null || stop "lb-a did not become master"
supervise lb-b 2> >(stamp >"$work/lb-b.log") &
for ((tries = 100; tries; tries--)); do
    lbctl_b -t 10s wait vrrp/wan backup >/dev/null 2>&1 && break
    sleep 0.1
done
lbctl_b -t 20s wait service/web up >/dev/null || stop "lb-b does not see the servers"
lbctl_b -t 30s wait sync in-sync >/dev/null || stop "lb-b does not get the connections"
show lbctl vrrp
show lbctl_b vrrp
sleep 3 # what the kernel knows it tells within two seconds
show lbctl_b sync status
step dead
no_failure pair

title "9. The master dies: kill -9 of every process of lbd on lb-a, and nobody starts it again"
: >"$work/dead-lb-a"
mapfile -t victims < <(all_processes lb-a)
((${#victims[@]} >= 3)) || stop "found only ${#victims[@]} processes of lbd on lb-a"
ip -n lb-a -o monitor address > >(stamp >"$work/addresses") &
monitor=$!
sleep 0.5
died=$EPOCHREALTIME
kill -KILL "${victims[@]}"
note "${#victims[@]} processes are dead; the kernel of lb-a has the addresses until their lease is over"
lbctl_b -t 10s wait vrrp/wan master >/dev/null || stop "lb-b did not take over"
note "lb-b is master after $(since "$died" "$EPOCHREALTIME") s"
sleep 1
step survivor
holder_is lb-b || stop "after 10 s $vip is on: $(holders $vip wan0); $gateway on: $(holders $gateway lan0)"
kill $monitor
let_go=$(awk '/ Deleted .* '"$vip"'\// { t = $1 } END { print t }' "$work/addresses")
[[ -n $let_go ]] || stop "nobody saw lb-a lose $vip"
note "the kernel of lb-a let go of them after $(since "$died" "$let_go") s; both are on lb-b alone"
show lbctl_b vrrp
sleep 2
step end
taken dead
ask outage dead
read -r outage failed_new failed_kept <<<"$answer"
note "outage $outage ms: the longest time in which no request was answered"
note "$requests requests, $failed failed: $failed_new on new connections, $failed_kept on kept ones"
note "connections went on, with the same servers: lb-b had been told of them"
if ((failed)); then
    note "requests that failed began between $(since "$died" "$first") s and $(since "$died" "$last") s"
fi
result dead "$outage < 1000 && $failed_kept == 0 && $requests > 20" "no connection cut; outage $outage ms, below 1000"
taken survivor
note "since then $requests requests, $failed failed"
result survivor "$failed == 0 && $requests > 20" "none may fail, one holder"

title "Summary"
printf '  %-18s %8s %7s  %-7s %s\n' step requests failed promise ""
printf '  %s\n' "${results[@]}"
lbctl_b -y daemon stop >/dev/null
if ((broken)); then
    note "$broken of ${#results[@]} promises were broken. What the daemon said:"
    for log in lbd lb-b; do
        note "$log.log"
        tail -n 40 "$work/$log.log" | while read -r at line; do
            printf '  %s %s\n' "$(date -d "@$at" +%T.%2N)" "$line"
        done
    done
    exit 1
fi
note "All ${#results[@]} promises held, in $SECONDS s."
