#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# life.sh OLD NEW: the life of the packages, from installation to purge, on the fresh system where it runs, whose first
# process is systemd. The packages of both versions are in /debs. Started by system.sh.

set -u -o pipefail
old=$1 new=$2
vip=203.0.113.10
export DEBIAN_FRONTEND=noninteractive

steps=0 bad=0
# must WHAT COMMAND...: the command succeeds
must() {
    local what=$1 said
    shift
    steps=$((steps + 1))
    if said=$("$@" 2>&1); then
        printf '%4d s  ok      %s\n' $SECONDS "$what"
    else
        bad=$((bad + 1))
        printf '%4d s  FAILED  %s\n' $SECONDS "$what"
        printf '        | %s\n' "$*" "$said"
    fi
}
not() { ! "$@"; }
is() { [[ $1 == "$2" ]] || { printf 'is "%s", not "%s"\n' "$1" "$2"; return 1; }; }
has() { [[ $1 == *"$2"* ]] || { printf '"%s" is not in: %s\n' "$2" "$1"; return 1; }; }
gone() { [[ ! -e $1 ]] || { ls -ld "$1"; return 1; }; }

mode_of() { stat -c '%U:%G %a %n' "$@"; }
unit_is() { is "$(systemctl show -p "$1" --value lbd.service)" "$2"; }
main_pid() { systemctl show -p MainPID --value lbd.service; }
both() { dpkg --force-unsafe-io -i /debs/lbd_"$1"_amd64.deb /debs/lbctl_"$1"_amd64.deb; }
# It may come a moment after its node has become master.
has_address() {
    local tries
    for tries in {1..40}; do
        [[ $(ip -o address show dev wan0) != *" $vip/"* ]] || return 0
        sleep 0.05
    done
    has "$(ip -o address show dev wan0)" " $vip/"
}
no_address() { not has "$(ip -o address show dev wan0)" " $vip/"; }
workers() { pgrep -c -f '^lbd: '; }
# others than that process
another_core() {
    local tries
    for ((tries = 300; tries; tries--)); do
        [[ $(main_pid) =~ ^(0|$1)$ ]] || { lbctl daemon info && return; }
        sleep 0.1
    done
    return 1
}
another_probe() {
    local tries
    for ((tries = 300; tries; tries--)); do
        [[ $(pgrep -o -f '^lbd: probe') =~ ^[0-9]+$ && ${BASH_REMATCH[0]} != "$1" ]] && return
        sleep 0.1
    done
    return 1
}

write_config() {
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >/etc/lbd/cluster.key
    for name in check hook; do
        printf '#!/bin/sh\nexit 0\n' >/usr/local/lib/lbd/$name
        chmod 755 /usr/local/lib/lbd/$name
    done
    mkdir -p /etc/lbd/conf.d
    cat >/etc/lbd/lbd.yaml <<CONF
cluster:
  id: 1
  key_file: /etc/lbd/cluster.key
  nodes:
    lb-one: { address: 203.0.113.2, priority: 150 }
    lb-two: { address: 203.0.113.3, priority: 100 }
vrrp:
  wan: { interface: wan0, vrid: 51, addresses: $vip/24, accept: false, advert_interval: 200ms, track: { interface: wan0 } }
hooks: { state: /usr/local/lib/lbd/hook }
services:
  web:
    listen: $vip:80
    check: program
    source_nat: $vip
    backends: { app1: 203.0.113.2:80 }
  api: { listen: $vip:8080, check: page, backends: { app1: 203.0.113.2:80 } }
  name: { listen: $vip:53, protocol: [udp, tcp], check: question, backends: { ns1: 203.0.113.2 } }
checks:
  program: { type: script, path: /usr/local/lib/lbd/check, interval: 2s, timeout: 2s }
  page: { type: https, path: /, interval: 2s, timeout: 1s }
  question: { type: dns, query: www.example.com A, interval: 2s, timeout: 1s }
CONF
    cat >/etc/lbd/conf.d/more.yaml <<CONF
services:
  mail: { listen: $vip:25, check: [hello, ping], backends: { mx1: 203.0.113.2:25 } }
checks:
  hello: { type: smtp, interval: 2s, timeout: 1s }
  ping: { type: icmp, interval: 2s, timeout: 1s }
CONF
    echo 'LBD_NODE=lb-one' >>/etc/default/lbd
}

# With apparmor in the kernel: what the profile does not list is allowed, and the kernel says so.
apparmor_said() {
    dmesg | grep -E 'apparmor="(ALLOWED|DENIED)".*profile="lbd' | sed 's/.*\(operation=.*\)/\1/; s/ pid=[0-9]*//' | sort | uniq -c
}

# ---------------------------------------------------------------- installed

must "both packages go in, and need nothing else" both "$old"
must "the users and groups are there" getent passwd lbd lbd-probe
must "lbd is in the groups it gives its sockets to" has "$(id -Gn lbd)" "lbadmin lbobserve"
must "the probes are in no other group" is "$(id -Gn lbd-probe)" lbd-probe
must "folders belong to those who need them" is "$(mode_of /etc/lbd /var/lib/lbd /run/lbd /usr/local/lib/lbd)" \
    'root:lbd 750 /etc/lbd
lbd:lbd 700 /var/lib/lbd
lbd:lbd 755 /run/lbd
root:root 755 /usr/local/lib/lbd'
must "the service is enabled" is "$(systemctl is-enabled lbd)" enabled
must "without a configuration it waits, and has not failed" unit_is ActiveState inactive
must "the examples are taken (autopkgtest)" sh /debs/examples
if modprobe -nq ip_vs 2>/dev/null; then
    must "the modules are loaded" grep -q ^ip_vs_mh /proc/modules
    # as many as are wanted, unless there is not the memory for it; 12 is what the kernel takes by itself
    must "with a large connection table" test "$(cat /sys/module/ip_vs/parameters/conn_tab_bits)" -gt 12
    must "sysctls of IPVS are set" grep -q ^1 /proc/sys/net/ipv4/vs/expire_quiescent_template
else
    echo "        no IPVS in this kernel: what lbd says of it in the kernel is not looked at"
fi
# shellcheck disable=SC2016
must "needrestart's file is understood" perl -e \
    'our %nrconf; do "/etc/needrestart/conf.d/lbd.conf"; die $@ if $@; my ($k) = keys %{$nrconf{override_rc}}; "lbd.service" =~ $k or die'

# ---------------------------------------------------------------- started

write_config
must "tmpfiles gives what the administrator wrote to lbd" systemd-tmpfiles --create lbd.conf
must "keys are not for everybody" is "$(mode_of /etc/lbd/cluster.key)" "root:lbd 640 /etc/lbd/cluster.key"
must "the configuration has no error" lbd --check
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.ipv4.vs.conntrack=1 2>/dev/null
must "the service starts" systemctl start lbd
must "it is active" unit_is ActiveState active
must "it becomes master and takes the address" lbctl -t 60s wait vrrp/wan master
must "the address is there" has_address
if [[ -e /proc/net/ip_vs ]]; then
    must "its service comes up by the script" lbctl -t 60s wait service/web up
    must "IPVS has it" has "$(cat /proc/net/ip_vs)" "CB00710A:0050"
    must "single connections can be read" lbctl conn list
fi
must "nft has the rules" has "$(nft list table inet lbd 2>&1)" "table inet lbd"
must "the core is not root" is "$(stat -c %U "/proc/$(main_pid)")" lbd
must "root may reload it" systemctl reload lbd
echo 'services: { web: { listen: nowhere } }' >/etc/lbd/conf.d/wrong.yaml
must "a wrong file is refused by systemctl reload" not systemctl reload lbd
rm /etc/lbd/conf.d/wrong.yaml
must "and changes nothing" has "$(lbctl status)" "generation 1 "

# ---------------------------------------------------------------- upgraded

pid=$(main_pid)
must "an upgrade goes in" both "$new"
must "the running daemon stays" is "$(main_pid)" "$pid"
must "so does the address" has_address
must "the new lbctl says that a restart is pending" has "$(lbctl status)" "restart pending"
must "what the administrator changed stays" grep -qx LBD_NODE=lb-one /etc/default/lbd
must "/etc/lbd is still lbd's to read" is "$(mode_of /etc/lbd)" "root:lbd 750 /etc/lbd"
probe=$(pgrep -o -f '^lbd: probe')
kill -KILL "$probe"
must "a process of the old version is started again" another_probe "$probe"
must "lbctl restarts it" lbctl --yes daemon restart
must "there is another process" another_core "$pid"
must "it is master again" lbctl -t 60s wait vrrp/wan master
must "it went on with the address it had" has "$(lbctl -j vrrp list)" resumed
must "of the new version" not has "$(lbctl status)" "restart pending"

pid=$(main_pid)
kill -KILL "$pid"
must "a core that is killed is started again" another_core "$pid"
must "it is master again" lbctl -t 60s wait vrrp/wan master
must "it went on with the address, too" has "$(lbctl -j vrrp list)" resumed

# ---------------------------------------------------------------- stopped by somebody who has a reason

must "it can be stopped" systemctl stop lbd
must "the address is gone" no_address
must "an installation once more goes in" both "$new"
must "what was stopped is not started" unit_is ActiveState inactive

# ---------------------------------------------------------------- removed, and back

must "it starts" systemctl start lbd
must "and is master" lbctl -t 60s wait vrrp/wan master
must "lbd can be removed" dpkg -r lbd
must "no process is left" is "$(workers)" 0
must "no address" no_address
[[ ! -e /proc/net/ip_vs ]] || must "no service in the kernel" not grep -q '^\(TCP\|UDP\)' /proc/net/ip_vs
must "no rules" not nft list table inet lbd
must "no device" not has "$(ip -o link)" " lbd"
must "configuration and state stay" ls /etc/lbd/lbd.yaml /var/lib/lbd/generations
must "it goes in again" both "$old"
must "and starts: there is a configuration" unit_is ActiveState active
must "and is master" lbctl -t 60s wait vrrp/wan master

# ---------------------------------------------------------------- purged

must "both can be purged" dpkg --purge lbd lbctl
must "no process is left" is "$(workers)" 0
must "what it knew is gone" gone /var/lib/lbd
must "the configuration and its keys stay" ls /etc/lbd/lbd.yaml /etc/lbd/cluster.key
must "nothing else of it stays" is "$(find /etc /usr /var/lib /run -xdev -path '*lbd*' \
    ! -path '/etc/lbd*' ! -path '/usr/local/lib/lbd*' ! -path '/var/lib/dpkg/*' ! -path '/run/log/*' | tr '\n' ' ')" ""
must "no unit has failed" not has "$(systemctl --failed --plain --no-legend)" lbd
if [[ -e /sys/kernel/security/apparmor/profiles ]]; then
    must "AppArmor had nothing to say" is "$(apparmor_said)" ""
else
    echo "this kernel has no AppArmor: what the profile lists is not tried"
fi

if ((bad)); then
    journalctl --no-pager -o short -u lbd | tail -60
    systemctl --failed --no-pager
fi
printf '%d steps, %d failed\n' "$steps" "$bad"
((bad == 0))
