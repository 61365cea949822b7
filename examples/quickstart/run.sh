#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The part of the quick start that runs where IPVS is: a client, the balancer and three nginx, each
# in a network namespace of its own. Started by ../quickstart.sh in namespaces or in a guest that
# go away afterwards, with every process in them.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
[[ ${LBD_LAB-} == 1 ]] || {
    echo "start it with examples/quickstart.sh" >&2
    exit 2
}
build=$LBD_QUICKSTART_BUILD
vip=198.51.100.10
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
    [[ ! -s $work/lbd.log ]] || tail -n 20 "$work/lbd.log"
    exit 1
}

# show COMMAND...: as one would see it
show() {
    printf '  $ %s\n' "$*"
    "$@" | sed 's/^/  /'
    return "${PIPESTATUS[0]}"
}
lbctl() { "$build/lbctl/lbctl" "$@"; }

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

add_network() {
    local i ns
    for ns in client lb web1 web2 web3; do
        ip netns add $ns && ip -n $ns link set lo up || return 1
    done
    ip -n lb link add lan0 type bridge || return 1
    ip -n lb link set lan0 up
    ip -n lb link add wan0 type veth peer name eth0 netns client || return 1
    ip -n lb link set wan0 up
    ip -n lb address add 198.51.100.1/24 dev wan0
    ip -n lb address add $vip/32 dev wan0
    ip -n lb address add 10.1.0.1/24 dev lan0
    ip -n client address add 198.51.100.2/24 dev eth0
    ip -n client link set eth0 up
    for i in 1 2 3; do
        ip -n lb link add port$i type veth peer name eth0 netns web$i || return 1
        ip -n lb link set port$i master lan0 up
        ip -n web$i address add 10.1.0.1$i/24 dev eth0
        ip -n web$i link set eth0 up
        ip -n web$i route add default via 10.1.0.1
    done
    ip netns exec lb sysctl -qw net.ipv4.ip_forward=1
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

# As a unit with Restart=always does it; `lbctl daemon stop` ends with 10.
supervise() {
    local code=0
    while ((code != 10)); do
        ip netns exec lb "$build/lbd/lbd" -c "$work/lbd.yaml" --node lb \
            --run-dir "$work/run" --state-dir "$work/state"
        code=$?
        sleep 0.1
    done
}
stamp() {
    local line
    while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done
}
daemon_pid() { lbctl daemon info -j 2>/dev/null | sed -n 's/.*"pid": *\([0-9]*\),"uptime.*/\1/p'; }

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

write_config() { # WEIGHT of web1
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

title "A client, a load balancer and three web servers, each in its own namespace"
add_users || stop "cannot add users"
add_network || stop "cannot set up the network"
for i in 1 2 3; do web $i; done
note "client 198.51.100.2 -- $vip lb 10.1.0.1 -- web1 10.1.0.11, web2 .12, web3 .13"

title "The configuration, lbd.yaml"
write_config 1
sed 's/^/  | /' "$work/lbd.yaml"
export LBCTL_SOCKET=$work/run/control.sock
supervise 2> >(stamp >"$work/lbd.log") &
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
cat >>"$work/lbd.yaml" <<CONF
  api:
    listen: $vip:8080
    check: alive
    backends: { web1: 10.1.0.11:80, web3: 10.1.0.13:80 }
CONF
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
step end
no_failure back
no_failure returned
note "answered by ${new//\// }"

title "Summary"
printf '  %-18s %8s %7s  %-7s %s\n' step requests failed promise ""
printf '  %s\n' "${results[@]}"
lbctl -y daemon stop >/dev/null
if ((broken)); then
    note "$broken of ${#results[@]} promises were broken. What the daemon said:"
    tail -n 40 "$work/lbd.log" | while read -r at line; do
        printf '  %s %s\n' "$(date -d "@$at" +%T.%2N)" "$line"
    done
    exit 1
fi
note "All ${#results[@]} promises held, in $SECONDS s."
