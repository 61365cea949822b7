# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the run.sh of every example is written in: nodes with cables, servers, lbd with the example's own file, a client,
# and what must hold in the end. Each node is a network namespace; all of it goes away with the script.
#
#   node NAME [SWITCH=ADDRESS[,ADDRESS]...]... [via GATEWAY]...   cards are eth0, eth1 ... in this order
#   on NODE COMMAND...          runs there; `on lb lbctl ...` talks to the lbd of that node
#   show NODE COMMAND...        the same, with its output
#   as_written NODE WORDS [nft] the commands of README.md there: indented lines, from the one with WORDS up to a comment
#   serve PROTO:PORT[,...] NODE...   servers that answer with their name and note whom they saw (servers.py)
#   start NODE                  lbd, until it is ready
#   await NODE WHAT CONDITION   `lbctl wait` there
#   die NODE                    kill -9 of what lbd is there
#   alone NODE ADDRESS...       until no other balancer has them, as the kernels say
#   ask NODE COUNT URL [OPTION of curl]...   as many connections, one after the other; the answers are in $got
#   answers NAME                how many of them came from that server
#   seen COLUMN                 what the servers saw since `forget`: node, port, peer or local, without the probes of lbd
#   is WHAT WANTED GOT          must be so; `holds WHAT EXPRESSION` of arithmetic too
#   finish                      the last line, and the exit status

example=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd) || exit 1
lib=${BASH_SOURCE[0]%/*}
root=$(cd "$example/../.." && pwd) || exit 1
example_name=${example##*/}
[[ ${LBD_LAB-} == 1 ]] || exec "$root/examples/quickstart.sh" "$@" "$example_name"
if [[ ${LBD_EXAMPLE-} != "$example_name" ]]; then
    # Names, processes and users of our own: what was started ends with the first process of these namespaces.
    export LBD_EXAMPLE=$example_name
    exec unshare --net --mount --pid --fork --kill-child --mount-proc \
        bash "$root/tests/lab/native.sh" --inside bash "$example/run.sh"
fi

build=${LBD_BUILD:?names the folder of the build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$work"
exec 2>&1
lib=$(cd "$lib" && pwd) held=0 broken='' asked=0 failed=0 got=''
declare -A switches=() lbd_pid=()
patience=60 # seconds for what happens by itself, on a machine that does other things, too

say() { printf '%s\n' "$*"; }
stop() {
    say "$example_name: cannot go on: $*"
    tail -q -n 30 "$work"/*.log
    exit 1
}

# ---------------------------------------------------------------- nodes

# as the package has them loaded
# shellcheck disable=SC2046
modprobe -qa $(grep -v '^#' "$root/packaging/modules-load/lbd.conf") 2>/dev/null
ip netns add switch || exit 1
node() {
    local name=$1 card=0 address cables='' own=$'link set lo up\n' routes=''
    shift
    while (($#)); do
        if [[ $1 == via ]]; then
            routes+="route add default via $2"$'\n'
            shift 2
            continue
        fi
        local at=${1%%=*}
        if [[ -z ${switches[$at]-} ]]; then
            # a bridge that learns where multicast listens takes some seconds for it
            cables+="link add $at type bridge stp_state 0 mcast_snooping 0"$'\n'"link set $at up"$'\n'
            switches[$at]=1
        fi
        cables+="link add $name-$card type veth peer name eth$card netns $name"$'\n'"link set $name-$card master $at up"$'\n'
        own+="link set eth$card up"$'\n'
        for address in $(tr , ' ' <<<"${1#*=}"); do
            own+="address add $address dev eth$card"$'\n'
        done
        card=$((card + 1))
        shift
    done
    ip netns add "$name" || stop "no node $name"
    # nobody else has an address of ours, and while that is being asked a card forwards no IPv6
    on "$name" sysctl -qew net.ipv6.conf.{all,default}.accept_dad=0
    ip -n switch -batch - <<<"$cables" || stop "$name has no cables"
    ip -n "$name" -batch - <<<"$own$routes" || stop "$name has no addresses"
}

on() {
    local node=$1
    shift
    if [[ $1 == lbctl ]]; then
        shift
        "$build/lbctl/lbctl" --socket "$work/$node/run/control.sock" "$@"
    else
        ip netns exec "$node" "$@"
    fi
}
show() {
    printf '  %s$ %s\n' "$1" "${*:2}"
    on "$@" | sed 's/^/  /'
    return "${PIPESTATUS[0]}"
}

as_written() {
    local text
    text=$(awk -v words="$2" '
        !/^    / || (taken && /^    #/) { if (taken) exit; next }
        index($0, words) { taken = 1 }
        taken { print substr($0, 5) }' "$example/README.md")
    [[ -n $text ]] || stop "README.md has no commands with: $2"
    printf '  %s$ %s\n' "$1" "${text//$'\n'/$'\n'  "$1"$ }"
    if [[ ${3-} == nft ]]; then
        ip netns exec "$1" nft -f - <<<"$text" || stop "nft does not take what README.md says"
    else
        ip netns exec "$1" sh -ec "$text" >/dev/null || stop "what README.md says fails on $1"
    fi
}

# ---------------------------------------------------------------- servers and lbd

serve() {
    if [[ ! -e $work/tls.pem && $1 =~ https|smtp|imaps ]]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=www.example.com \
            -keyout "$work/tls.pem" -out "$work/tls.crt" 2>"$work/openssl.log" || stop "no certificate"
        cat "$work/tls.crt" >>"$work/tls.pem"
    fi
    python3 "$lib/servers.py" "$work" "$@" 2>>"$work/servers.log" || stop "the servers do not start"
}
server_pid() { cat "$work/$1.pid"; }

start() {
    local deadline=$((SECONDS + patience))
    mkdir -p "$work/$1"
    cp "$example/lbd.yaml" "$work/lbd.yaml"
    ip netns exec "$1" "$build/lbd/lbd" -c "$work/lbd.yaml" --node "$1" --run-dir "$work/$1/run" \
        --state-dir "$work/$1/state" 2>"$work/$1.log" &
    lbd_pid[$1]=$!
    disown # nobody wants to hear from the shell that it was killed
    until on "$1" lbctl -t 5s wait daemon ready >/dev/null 2>&1; do
        if ((SECONDS > deadline)) || ! kill -0 "${lbd_pid[$1]}" 2>/dev/null; then stop "lbd on $1 does not get ready"; fi
        sleep 0.2
    done
}
await() { on "$1" lbctl -t ${patience}s wait "$2" "$3" >/dev/null || stop "on $1, still not: $2 $3"; }

die() {
    local pids
    mapfile -t pids < <(ip netns pids "$1")
    say "$1 dies: kill -9 of all ${#pids[@]} processes of lbd there"
    kill -KILL "${pids[@]}"
}
alone() {
    local node=$1 address other on deadline=$((SECONDS + patience))
    shift
    for address in "$@"; do
        while on=; do
            for other in "${!lbd_pid[@]}"; do
                [[ $(on "$other" ip -o address) != *" $address/"* ]] || on+=" $other"
            done
            [[ $on != " $node" ]] || break
            ((SECONDS < deadline)) || stop "$address is to be on $node alone, and is on:$on"
            sleep 0.2
        done
        verdict ok "$address is on $node alone"
    done
}

# ---------------------------------------------------------------- the client

answers() { grep -cE "^$1( |\$)" <<<"$got"; }

# what was asked in words, and who answered
counted() {
    local came
    came=$(grep -c . <<<"$got")
    asked=$((asked + $2)) failed=$((failed + $2 - came))
    printf '  %s   %d times, answered: %s\n' "$1" "$2" \
        "$(cut -d' ' -f1 <<<"$got" | sort | uniq -c | awk 'NF == 2 { printf "%s%s %d", comma, $2, $1; comma = ", " }')"
}
ask() {
    local node=$1 count=$2 url=$3
    shift 3
    got=$(on "$node" curl -sS -k -m 10 -H 'Connection: close' "$@" "$url?[1-$count]" 2>>"$work/curl.log")
    counted "$node\$ curl ${*:+$* }$url" "$count"
}

# servers.py writes a line for each request
forget() { : >"$work/seen"; }
seen() {
    awk -v what="$1" 'BEGIN { split("node port peer local", names); for (i in names) column[names[i]] = i }
        { print $column[what] }' "$work/seen" | sort -u | paste -sd' '
}

# ---------------------------------------------------------------- what must hold

verdict() {
    local line
    printf -v line '  %-6s %s\n' "$1" "$2"
    if [[ $1 == ok ]]; then held=$((held + 1)); else broken+=$line; fi
    printf %s "$line"
}
is() {
    if [[ $2 == "$3" ]]; then verdict ok "$1: $3"; else verdict BROKEN "$1: '$3', and it should be '$2'"; fi
}
holds() {
    if (($2)); then verdict ok "$1: $2"; else verdict BROKEN "$1: $2"; fi
}
finish() {
    local bad
    bad=$(grep -c . <<<"$broken")
    if ((bad + failed)); then
        tail -n 30 "$work"/*.log
        printf '\n%s' "$broken"
    fi
    printf '%s: %d requests, %d failed; %d of %d hold, in %d s\n' "$example_name" \
        $asked $failed $held $((held + bad)) $SECONDS
    exit $((bad + failed > 0))
}

# the picture of the example
awk '/^    / { print; seen = 1; next } seen { exit }' "$example/README.md"
