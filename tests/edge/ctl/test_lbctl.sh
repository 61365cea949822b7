#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lbctl as people run it, against a daemon with canned answers: exit codes, questions, globs, files, waiting.
#
#   test_lbctl.sh LBCTL CANNED_DAEMON

lbctl=$1 daemon=$2
failed=0 cases=0
work=$(mktemp -d) || exit 1
daemon_pid=''

stop() {
    [[ -z $keep ]] || exec {keep}>&-
    [[ -z $daemon_pid ]] || wait "$daemon_pid" 2>/dev/null
    keep='' daemon_pid=''
}

clean_up() {
    stop
    rm -rf "$work"
}
keep=''
trap clean_up EXIT
mkfifo "$work/in" "$work/up" "$work/pipe"
unset LBCTL_COLOR NO_COLOR

# start ANSWERS: a daemon that gives them. It ends when its standard input does.
start() {
    local word=''
    printf '%s\n' "$1" >"$work/answers"
    : >"$work/log"
    "$daemon" "$work/run" "$work/answers" "$work/log" <"$work/in" >"$work/up" 2>"$work/daemon.err" &
    daemon_pid=$!
    exec {keep}>"$work/in"
    read -r -t 20 word <"$work/up"
    [[ $word == ready ]] || {
        echo "the daemon did not start: $(cat "$work/daemon.err")" >&2
        exit 1
    }
}

answers() {
    printf '%s\n' "$1" >"$work/answers"
    : >"$work/log"
}

# run WHAT STATUS ARG...: stdout and stderr in $out and $err, stdin from $input.
input=/dev/null
run() {
    local what=$1 want=$2 got
    shift 2
    cases=$((cases + 1))
    out=$("$lbctl" "$@" <"$input" 2>"$work/err")
    got=$?
    err=$(cat "$work/err")
    log=$(cat "$work/log" 2>/dev/null)
    if ((got != want)); then
        echo "FAIL $what: exit status $got, wanted $want" >&2
        printf '%s\n' "$out" "$err" >&2
        failed=$((failed + 1))
    fi
}

# has TEXT PART: the text has that part.
has() {
    if [[ $1 != *"$2"* ]]; then
        printf 'FAIL: "%s" is not in:\n%s\n' "$2" "$1" >&2
        failed=$((failed + 1))
    fi
}

is() {
    if [[ $1 != "$2" ]]; then
        printf 'FAIL: wanted:\n%s\ngot:\n%s\n' "$2" "$1" >&2
        failed=$((failed + 1))
    fi
}

# ---- no daemon ----

export LBCTL_SOCKET=$work/run/control.sock
run 'nobody answers' 3 status
has "$err" 'systemctl status lbd'
run 'nobody answers, as JSON' 3 status -j
has "$err" '"code":3,"name":"unreachable"'
run 'a wrong word' 2 statsu
run 'help needs nobody' 0 help
run 'version needs nobody' 0 version
has "$out" 'lbctl '
run 'a version as JSON' 0 version -j
is "$out" '{"schema":1,"command":"version","data":[{"lbctl":"0.1.0"}]}'
run 'the option is for people' 0 -V -j
is "$out" 'lbctl 0.1.0'
run 'an archive, as JSON' 0 support -j --out "$work/archive.tar"
has "$out" '{"schema":1,"command":"support","message":"'"$work"'/archive.tar: '
has "$out" ',"file":"'"$work"'/archive.tar","data":[]}'
run 'completion needs nobody' 0 complete -- backend drain ''
is "$out" ''
run 'a dry run needs nobody' 0 backend drain web/app1 -n --for 30m
is "$out" 'would do: backend drain web/app1 --for 30m'
run 'a dry run, as JSON' 0 -j backend drain web/app1 -n --reason 'a "b"'
is "$out" '{"schema":1,"command":"backend.drain","message":"would do: backend drain web/app1 --reason '"'a \\\"b\\\"'"'","data":[]}'
run 'a dry run has no data' 0 backend drain web/app1 -n -o jsonl
is "$out" ''
run 'what only looks needs somebody' 3 log level -n
run 'and what sets a level nobody' 0 log level all debug -n
is "$out" 'would do: log level all debug'
run 'early close' 0 help
LBD_BIN=/nonexistent/lbd run 'lbd is not installed' 8 config check x.yaml
cat >"$work/lbd" <<'LBD'
#!/bin/sh
echo "lbd $*"
exit 6
LBD
chmod +x "$work/lbd"
LBD_BIN=$work/lbd run 'config check runs lbd as the caller' 6 config check x.yaml
is "$out" 'lbd --check x.yaml'
LBD_BIN=$work/lbd run 'config check without a file' 6 config check
is "$out" 'lbd --check'
LBD_BIN=$work/lbd run 'config schema' 6 config schema
is "$out" 'lbd --print=schema'

# ---- answers ----

start '= backend.list
{"service":"web","backend":"app1","state":"up","weight":10}
{"service":"web","backend":"app2","state":"up","weight":10}
{"service":"mail","backend":"app1","state":"up","weight":10}
end {"code":0}
= service.list
{"service":"web","status":"up"}
{"service":"mail","status":"maint"}
end {"code":0}
= status
end {"code":1}
= service.show
{"service":"web","status":"up","members_more":2,"members":[{"service":"web","backend":"app1","state":"up","weight":10}]}
end {"code":0}
= backend.drain
{"service":"web","backend":"app1","state":"drain"}
end {"code":0,"message":"it drains"}
= backend.show
end {"code":4,"message":"no such backend"}
= wait
end {"code":0,"message":"it is true"}
= vrrp.resign
end {"code":0,"message":"it gives up"}
= vrrp.list
{"vrrp":"wan4","state":"master"}
end {"code":0}
= config.diff
{"op":"add","object":"service/web"}
end {"code":1}
= config.apply
end {"code":0,"message":"generation 18 runs"}
= config.show
{"text":"a: b\n"}
end {"code":0}
= daemon.stop
end {"code":0,"message":"stopped"}
= kernel.repair
end {"code":8,"message":"EPERM"}
= kernel.diff
hold'

run 'a list' 0 backend list
has "$out" '3 backends'
run 'the generation of an answer' 0 backend list -j
has "$out" '"generation":17'
run 'a negative answer' 1 status --check
run 'not found' 4 backend show web/app9
run 'failed' 8 kernel repair
run 'another generation runs' 7 backend list --if-generation 16
has "$err" 'generation 17 runs'
run 'this generation runs' 0 backend list --if-generation 17
run 'the time is over' 9 kernel diff -t 300ms
run 'the socket by option' 0 backend list --socket "$work/run/observe.sock"
run 'an observer may not' 5 backend drain web/app1 --socket "$work/run/observe.sock"
has "$err" 'the group root'
mv "$work/run/control.sock" "$work/run/away.sock"
run 'who has only the other socket looks' 0 backend list --socket "$work/run/control.sock"
run 'and changes nothing' 5 backend drain web/app1 --socket "$work/run/control.sock"
mv "$work/run/away.sock" "$work/run/control.sock"
run 'version names the daemon' 0 version
has "$out" 'lbd 0.1.0 (running on lb-a)'
run 'and so for programs' 0 version -j
is "$out" '{"schema":1,"command":"version","node":"lb-a","data":[{"lbctl":"0.1.0","lbd":"0.1.0","node":"lb-a"}]}'
run 'a line of it' 0 version -o jsonl
is "$out" '{"lbctl":"0.1.0","lbd":"0.1.0","node":"lb-a"}'
run 'text goes through' 0 config show
is "$out" 'a: b'

# stdout closed early is no error
"$lbctl" backend list -o jsonl | :
is "${PIPESTATUS[0]}" 0

answers "$(cat "$work/answers")"
run 'a change' 0 backend drain web/app1 --for 30m --reason 'kernel update'
is "$out" 'it drains'
is "$log" 'backend.drain {"backend":"web/app1","for":1800,"reason":"kernel update"}'
run 'a quiet one' 0 backend drain web/app1 -q
is "$out" ''

# a service of more backends than its row has room for
: >"$work/log"
run 'all backends of a service' 0 -j service show web
is "$out" '{"schema":1,"command":"service.show","node":"lb-a","generation":17,"data":['\
'{"service":"web","status":"up","members":[{"service":"web","backend":"app1","state":"up","weight":10},'\
'{"service":"web","backend":"app2","state":"up","weight":10},{"service":"mail","backend":"app1","state":"up","weight":10}]}]}'
is "$log" 'service.show {"service":"web"}
backend.list {"service":"web"}'
: >"$work/log"
run 'and for people' 0 service show web
has "$out" 'app2'
[[ $out != *' more'* ]] || is "$out" 'nothing of more'

: >"$work/log"
run 'several, and nobody to ask' 7 backend drain 'web/*'
has "$err" '-y says yes'
is "$log" 'backend.list {}'
: >"$work/log"
run 'several, and yes' 0 backend drain 'web/*' -y
is "$log" 'backend.list {}
backend.drain {"backend":"web/app1"}
backend.drain {"backend":"web/app2"}'
: >"$work/log"
run 'one needs no question' 0 backend drain 'mail/*'
is "$log" 'backend.list {}
backend.drain {"backend":"mail/app1"}'
: >"$work/log"
run 'a star does not reach over the slash' 4 backend drain 'w*'
has "$err" "no backend matches 'w*'"
: >"$work/log"
run 'a glob and a dry run' 0 backend drain '*/app1' -n
is "$log" 'backend.list {}'
is "$out" 'would do: backend drain web/app1
would do: backend drain mail/app1'
run 'as JSON' 0 -j backend drain '*/app1' -n
has "$out" ',"message":"would do: backend drain web/app1\nwould do: backend drain mail/app1","data":[]}'
run 'a glob that changes nothing is no dry run' 4 backend show 'web/*' -n
is "$out" ''
run 'the worst exit code' 4 backend show 'web/*'
run 'a glob of services' 0 service list

: >"$work/log"
run 'wait for a change' 0 backend drain web/app1 --wait=90s
is "$log" 'backend.drain {"backend":"web/app1"}
wait {"condition":"drained","object":"backend/web/app1","timeout":90.0}'
is "$out" 'it drains
it is true'
: >"$work/log"
run 'wait for a role' 0 vrrp resign wan4 --wait=9s
is "$log" 'vrrp.resign {"vrrp":"wan4"}
wait {"condition":"backup","object":"vrrp/wan4","timeout":9.0}'
: >"$work/log"
run 'all changes first, then all waits' 0 backend drain 'web/*' -y --wait
is "$log" 'backend.list {}
backend.drain {"backend":"web/app1"}
backend.drain {"backend":"web/app2"}
wait {"condition":"drained","object":"backend/web/app1"}
wait {"condition":"drained","object":"backend/web/app2"}'
: >"$work/log"
run 'wait with a limit' 0 wait daemon ready -t 5s
is "$log" 'wait {"condition":"ready","object":"daemon","timeout":5.0}'

: >"$work/log"
printf 'services: {}\n' >"$work/x.yaml"
run 'a file' 0 config apply "$work/x.yaml" -m why
is "$log" "config.apply {\"file\":\"$work/x.yaml\",\"message\":\"why\"} fd=services: {}"
is "$out" 'generation 18 runs'
: >"$work/log"
input=$work/x.yaml
run 'standard input' 0 config apply -
is "$log" 'config.apply {"file":"<stdin>"} fd=services: {}'
input=/dev/null
: >"$work/log"
run 'a dry run is the diff' 1 config apply "$work/x.yaml" -n
has "$log" 'config.diff {"file":"'
is "$out" '+ service/web
Plan: 1 to add, 0 to change, 0 to remove'
run 'a file that is not there' 4 config apply "$work/none.yaml"
run 'a folder' 4 config apply "$work"
: >"$work/log"
run 'without a file' 0 config apply
is "$log" 'config.apply {}'

run 'stop asks' 7 daemon stop
run 'stop and yes' 0 daemon stop -y
is "$out" 'stopped'

run 'names for the shell' 0 complete -- backend drain web/
is "$out" $'web/app1\tup\nweb/app2\tup'
run 'objects for the shell' 0 complete -- wait service/
is "$out" $'service/web\tup\nservice/mail\tmaint'
run 'instances for the shell' 0 complete -- vrrp resign ''
is "$out" $'wan4\tmaster'
run 'instances to wait for' 0 complete -- wait vrrp/
is "$out" $'vrrp/wan4\tmaster'
if [[ -n ${BASH_VERSION-} ]]; then
    # shellcheck disable=SC1090
    source <("$lbctl" completion bash)
    COMP_WORDS=("$lbctl" backend drain w) COMP_CWORD=3
    _lbctl
    is "${COMPREPLY[*]}" 'web/app1 web/app2'
    COMP_WORDS=("$lbctl" config apply "$work/x") COMP_CWORD=3
    _lbctl 2>/dev/null
    is "${COMPREPLY[*]}" "$work/x.yaml"
fi

# -w goes on until it is interrupted; the third table proves that it repeats
"$lbctl" backend list -w100ms >"$work/pipe" &
watcher=$!
seen=0
while read -r -t 20 line; do
    [[ $line == *'3 backends'* ]] && seen=$((seen + 1))
    ((seen < 3)) || break
done <"$work/pipe"
kill -INT "$watcher" 2>/dev/null
wait "$watcher"
status=$?
is "$seen" 3
# its reader may have left first: 0; else it was interrupted
[[ $status == 130 || $status == 0 ]] || is "$status" 130

# interrupted while it waits
"$lbctl" kernel diff >/dev/null &
waiter=$!
for ((i = 0; i < 2000; i++)); do
    grep -q '^kernel.diff' "$work/log" && break
    read -r -t 0.01 <>"$work/pipe" || :
done
kill -INT "$waiter"
wait "$waiter"
is "$?" 130

# a glob that is interrupted, or has no time left: the daemon is sent nothing more
if command -v python3 >/dev/null; then
    cut_short() { # cut_short int|time ARG...: what came after the list in $log, and $status, $err
        log=$(
            python3 - "$work/slow.sock" "$@" <<'PY' 2>"$work/err"
import json, signal, socket, subprocess, sys
path, how, *command = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
client = subprocess.Popen([*command, "--socket", path], stdin=subprocess.DEVNULL)
talk = server.accept()[0].makefile("rwb")


def say(msg):
    talk.write(json.dumps(msg).encode() + b"\n")
    talk.flush()


say({"lbd": "0.1.0", "protocol": 1, "schema": 1, "node": "lb-a", "level": "admin"})
n = json.loads(talk.readline())["id"]
for i in range(6):
    say({"id": n, "row": {"service": "web", "backend": f"app{i}"}})
say({"id": n, "end": {"code": 0}})
for i, line in enumerate(talk):
    msg = json.loads(line)
    print(msg["cmd"], msg["args"]["backend"])
    if i < 2:
        say({"id": msg["id"], "end": {"code": 0}})
    elif i == 2 and how == "int":
        client.send_signal(signal.SIGINT)
sys.exit(client.wait())
PY
        )
        status=$?
        err=$(cat "$work/err")
        rm -f "$work/slow.sock"
    }
    three='backend.maint web/app0
backend.maint web/app1
backend.maint web/app2'
    stopped='lbctl: stopped after 2 of 6 backends; whether it was done for web/app2 is to be looked at'
    cut_short int "$lbctl" -y backend maint 'web/*'
    is "$status" 130
    is "$log" "$three"
    is "$err" "$stopped"
    cut_short time "$lbctl" -y -t 1s backend maint 'web/*'
    is "$status" 9
    is "$log" "$three"
    is "$err" "lbctl: no answer in time
$stopped"
    # of many there are several on their way, in the order of the list, and what is in doubt is named
    out=$(
        python3 - "$work/wide.sock" "$lbctl" -y backend maint 'web/*' <<'PY' 2>&1
import json, signal, socket, subprocess, sys
path, *command = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen()
client = subprocess.Popen([*command, "--socket", path], stdin=subprocess.DEVNULL)
conn = server.accept()[0]
conn.settimeout(20)
talk = conn.makefile("rwb")


def say(msg):
    talk.write(json.dumps(msg).encode() + b"\n")
    talk.flush()


say({"lbd": "0.1.0", "protocol": 1, "schema": 1, "node": "lb-a", "level": "admin"})
n = json.loads(talk.readline())["id"]
for i in range(1000):
    say({"id": n, "row": {"service": "web", "backend": f"app{i}"}})
say({"id": n, "end": {"code": 0}})
for i in range(112):
    msg = json.loads(talk.readline())
    assert msg["args"]["backend"] == f"web/app{i}", msg
    if i < 100:
        say({"id": msg["id"], "end": {"code": 0}})
client.send_signal(signal.SIGINT)
print("after that:", talk.read())
sys.exit(client.wait())
PY
    )
    is "$?" 130
    is "$out" "lbctl: stopped after 100 of 1000 backends; whether it was done for web/app100 to web/app111, 12 of them, is to be looked at
after that: b''"
    cut_short int "$lbctl" -y -j backend maint 'web/*'
    is "$status" 130
    has "$err" '"name":"interrupted","message":"stopped after 2 of 6 backends; '
fi

# on a terminal: questions, the plan before an apply, prefixes
if command -v python3 >/dev/null; then
    terminal() { # terminal ANSWER ARG...: exit status in $status, what was seen in $out
        local answer=$1
        shift
        out=$(
            python3 - "$answer" "$lbctl" "$@" <<'PY'
import os, pty, sys
answer = sys.argv[1]
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
seen = b""
while True:
    try:
        part = os.read(fd, 4096)
    except OSError:
        break
    if not part:
        break
    seen += part
    if answer and b"[y/N] " in seen:
        os.write(fd, answer.encode() + b"\n")
        answer = ""
sys.stdout.write(seen.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
        )
        status=$?
        log=$(cat "$work/log")
    }
    : >"$work/log"
    terminal y daemon stop
    is "$status" 0
    has "$out" 'nothing checks the backends. [y/N] y'
    terminal n daemon stop
    is "$status" 7
    : >"$work/log"
    terminal y backend drain 'web/*'
    is "$status" 0
    has "$out" 'drain 2 backends (web/app1, web/app2)? [y/N] '
    : >"$work/log"
    terminal n config apply "$work/x.yaml"
    is "$status" 7
    has "$out" 'Plan: 1 to add'
    if [[ $log == *config.apply* ]]; then is "$log" 'no config.apply'; fi
    : >"$work/log"
    terminal y config apply "$work/x.yaml"
    is "$status" 0
    has "$log" 'config.apply {"file":"'
    has "$log" 'fd=services: {}'
    : >"$work/log"
    terminal y config apply --both "$work/x.yaml"
    is "$status" 0
    has "$out" 'Plan: 1 to add'
    has "$out" 'The other node:'
    has "$out" 'Apply it on both nodes? [y/N] y'
    has "$log" 'peer: config.diff {"file":"'
    has "$log" 'config.apply {"both":true,"file":"'
    terminal '' b l
    is "$status" 0
    has "$out" $'\033[32mup\033[0m'
    NO_COLOR=1 terminal '' b l
    if [[ $out == *$'\033'* ]]; then is "$out" 'no colours'; fi
    answers '= config.diff
end {"code":0}
= config.apply
end {"code":0,"message":"generation 18 runs"}'
    terminal '' config apply "$work/x.yaml"
    is "$status" 0
    has "$log" 'config.apply {"file":"' # nothing differs: nothing is asked
    for file in "$work/x.yaml" ''; do
        : >"$work/log"
        terminal n config apply --both ${file:+"$file"}
        is "$status" 7
        has "$out" 'Apply it on both nodes? [y/N] n'
        if [[ $log == *config.apply* ]]; then is "$log" 'no config.apply'; fi
    done
fi

# ---- restart ----

answers '= daemon.restart
exit
= wait
end {"code":0,"message":"ready"}'
"$lbctl" daemon restart --wait=20s >"$work/restart" 2>&1 &
restarter=$!
wait "$daemon_pid" # it goes by itself
stop
start "$(cat "$work/answers")"
wait "$restarter"
is "$?" 0
has "$(cat "$work/restart")" 'going
ready'
stop

# the socket of the new one is there, and closed to all for a moment
if command -v python3 >/dev/null; then
    : >"$work/log"
    python3 - "$work/again.sock" "$lbctl" daemon restart <<'PY' >"$work/restart" 2>&1
import json, os, socket, subprocess, sys
path, *command = sys.argv[1:]


def listen():
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    server.settimeout(20)
    return server


def take(server, first):
    talk = server.accept()[0].makefile("rwb")
    talk.write(json.dumps(first).encode() + b"\n")
    talk.flush()
    return talk


hello = {"lbd": "0.1.0", "protocol": 1, "schema": 1, "node": "lb-a", "level": "admin"}
server = listen()
client = subprocess.Popen([*command, "--wait=60s", "--socket", path], stdin=subprocess.DEVNULL)
for words in hello, {"end": {"code": 5, "message": "you may not"}}, hello:
    talk = take(server, words)
    request = json.loads(talk.readline() or b"{}")
    if request:
        talk.write(json.dumps({"id": request["id"], "end": {"code": 0, "message": "done"}}).encode() + b"\n")
    talk.close()
    if words == hello and request.get("cmd") == "daemon.restart":
        os.unlink(path)
        server.close()
        server = listen()
    elif request.get("cmd") == "wait":
        break
    if client.poll() is not None:
        break
sys.exit(client.wait())
PY
    is "$?" 0
    is "$(cat "$work/restart")" 'done
done'
fi

if ((failed)); then
    echo "$failed of $cases went wrong" >&2
    exit 1
fi
echo "$cases cases"
