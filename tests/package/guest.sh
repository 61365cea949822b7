#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest.sh ROOT DEBS NEWER: the life of the packages, from installation to purge, on the fresh system in the folder ROOT,
# whose systemd is started in namespaces of its own. DEBS and NEWER hold the two packages, NEWER of a higher version.
# Runs in a guest of the lab, where nothing of it stays. Part of tests/package.sh.

set -u -o pipefail
fresh=${1:?usage: guest.sh ROOT DEBS NEWER} debs=$2 newer=$3
[[ ${LBD_LAB-} == 1 && ${LBD_LAB_WHERE-} != host ]] || {
    echo "guest.sh: needs a guest of the lab, whose files may be changed"
    exit 2
}
vip=203.0.113.10

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

# ---------------------------------------------------------------- the system

# A root of its own, not only a folder one changed to: units get mount namespaces made from it.
start_system() {
    local release
    release=$(uname -r)
    mkdir -p "$fresh/lib/modules/$release" "$fresh/mnt"
    # what a machine has and a namespace has not
    ln -sf /dev/null "$fresh/etc/systemd/system/systemd-udevd.service"
    for unit in getty.target systemd-logind.service systemd-udev-trigger.service apt-daily.timer apt-daily-upgrade.timer; do
        ln -sf /dev/null "$fresh/etc/systemd/system/$unit"
    done
    mount -t securityfs securityfs /sys/kernel/security 2>/dev/null
    # shellcheck disable=SC2016
    unshare --fork --pid --mount --uts --ipc --cgroup --propagation private bash -c '
        mount --rbind "$1" "$1" && cd "$1" || exit
        mount -t proc proc proc && mount --rbind /sys sys && mount -t cgroup2 cgroup sys/fs/cgroup &&
            mount --rbind /dev dev && mount -t tmpfs run run &&
            mount --bind "/lib/modules/$2" "lib/modules/$2" || exit
        hostname lb-a
        pivot_root . mnt && exec chroot . /bin/sh -c "
            umount -l /mnt
            exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd"
    ' - "$fresh" "$release" </dev/null >/dev/null 2>&1 &
    unshare_pid=$!
    for ((tries = 600; tries; tries--)); do
        init=$(pgrep -P $unshare_pid) && inside true 2>/dev/null && [[ -d /proc/$init/root/run/systemd/system ]] && break
        sleep 0.1
    done
    inside systemctl is-system-running --wait
}
inside() { nsenter -t "$init" --mount --pid --uts --ipc --cgroup --root --wd -- "$@"; }
lbctl() { inside lbctl "$@"; }
here() { printf '%s' "/proc/$init/root$1"; }
mode_of() { inside stat -c '%U:%G %a' "$1"; }
unit_is() { is "$(inside systemctl show -p "$1" --value lbd.service)" "$2"; }
main_pid() { inside systemctl show -p MainPID --value lbd.service; }
install_debs() { inside env DEBIAN_FRONTEND=noninteractive dpkg -i "$@"; }
has_address() { has "$(ip -o address show dev wan0)" " $vip/"; }
no_address() { not has_address; }

write_config() {
    inside sh -c 'head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n" >/etc/lbd/cluster.key'
    for name in check hook; do
        printf '#!/bin/sh\nexit 0\n' >"$(here /usr/local/lib/lbd/$name)"
        chmod 755 "$(here /usr/local/lib/lbd/$name)"
    done
    mkdir -p "$(here /etc/lbd/conf.d)"
    cat >"$(here /etc/lbd/lbd.yaml)" <<CONF
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
    cat >"$(here /etc/lbd/conf.d/more.yaml)" <<CONF
services:
  mail: { listen: $vip:25, check: [hello, ping], backends: { mx1: 203.0.113.2:25 } }
checks:
  hello: { type: smtp, interval: 2s, timeout: 1s }
  ping: { type: icmp, interval: 2s, timeout: 1s }
CONF
    echo 'LBD_NODE=lb-one' >>"$(here /etc/default/lbd)"
}

# With apparmor in the kernel: what the profile does not list is allowed, and the kernel says so.
apparmor_said() {
    dmesg | grep -E 'apparmor="(ALLOWED|DENIED)".*profile="lbd' | sed 's/.*\(operation=.*\)/\1/; s/ pid=[0-9]*//' | sort | uniq -c
}
profile_is_loaded() { grep -q '^lbd (complain)' /sys/kernel/security/apparmor/profiles; }

workers() { inside pgrep -c -f '^lbd: '; }

# ---------------------------------------------------------------- the life of the packages

ip link add wan0 type veth peer name far0 && ip link set wan0 up && ip link set far0 up &&
    ip address add 203.0.113.2/24 dev wan0 || exit 1
start_system
mkdir -p "$(here /debs)" "$(here /newer)"
cp "$debs"/*.deb "$(here /debs)/" && cp "$newer"/*.deb "$(here /newer)/" || exit 1
old=$(dpkg-deb -f "$debs"/lbd_*.deb Version) new=$(dpkg-deb -f "$newer"/lbd_*.deb Version)
printf 'systemd %s is up, installing %s\n' "$(inside systemctl --version | awk 'NR == 1 { print $2 }')" "$old"

# ---- installed
must "both packages go in, and need nothing else" install_debs /debs/lbd_"$old"_amd64.deb /debs/lbctl_"$old"_amd64.deb
must "the users and groups are there" inside sh -c 'getent passwd lbd lbd-probe && getent group lbadmin lbobserve'
must "lbd is in the groups it gives its sockets to" has "$(inside id -Gn lbd)" "lbadmin lbobserve"
must "the probes are in no other group" is "$(inside id -Gn lbd-probe)" lbd-probe
must "/etc/lbd is root's, and lbd's to read" is "$(mode_of /etc/lbd)" "root:lbd 750"
must "/var/lib/lbd is lbd's alone" is "$(mode_of /var/lib/lbd)" "lbd:lbd 700"
must "/run/lbd is there" is "$(mode_of /run/lbd)" "lbd:lbd 755"
must "/usr/local/lib/lbd is root's" is "$(mode_of /usr/local/lib/lbd)" "root:root 755"
must "the service is enabled" is "$(inside systemctl is-enabled lbd)" enabled
must "without a configuration it waits, and has not failed" unit_is ActiveState inactive
must "the examples are taken" inside sh -c 'for f in /usr/share/lbd/examples/*/lbd.yaml; do lbd --check "$f" || exit; done'
must "the modules are loaded" inside sh -c 'systemctl restart systemd-modules-load; grep -q ^ip_vs_mh /proc/modules'
must "with a large connection table" is "$(cat /sys/module/ip_vs/parameters/conn_tab_bits)" 20
must "sysctls of IPVS are set" inside sh -c 'systemctl restart systemd-sysctl && grep -q ^1 /proc/sys/net/ipv4/vs/expire_quiescent_template'
must "needrestart's file is understood" inside perl -e \
    'our %nrconf; do "/etc/needrestart/conf.d/lbd.conf" or die; my ($k) = keys %{$nrconf{override_rc}}; "lbd.service" =~ $k or die'

# ---- started
write_config
must "tmpfiles gives what the administrator wrote to lbd" inside systemd-tmpfiles --create lbd.conf
must "keys are not for everybody" is "$(mode_of /etc/lbd/cluster.key)" "root:lbd 640"
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.vs.conntrack=1
must "the service starts" inside systemctl start lbd
must "it is active" unit_is ActiveState active
must "it becomes master and takes the address" lbctl -t 60s wait vrrp/wan master
must "the address is there" has_address
must "its service comes up by the script" lbctl -t 60s wait service/web up
must "IPVS has it" has "$(cat /proc/net/ip_vs)" "CB00710A:0050"
must "nft has the rules" has "$(inside nft list table inet lbd)" "table inet lbd"
must "the core is not root" is "$(stat -c %U "/proc/$(inside pgrep -o -x lbd >/dev/null && pgrep -o -x lbd)")" \
    "$(stat -c %U "$(here /var/lib/lbd)")"
must "root may reload it" inside systemctl reload lbd
echo 'services: { web: { listen: nowhere } }' >"$(here /etc/lbd/conf.d/wrong.yaml)"
must "a wrong file is refused by systemctl reload" not inside systemctl reload lbd
rm "$(here /etc/lbd/conf.d/wrong.yaml)"
must "and changes nothing" lbctl -t 20s wait service/web up
must "single connections can be read" lbctl conn list
must "and ended" lbctl --yes conn kill web

# ---- upgraded
pid=$(main_pid)
must "an upgrade goes in" install_debs /newer/lbd_"$new"_amd64.deb /newer/lbctl_"$new"_amd64.deb
must "the running daemon stays" is "$(main_pid)" "$pid"
must "so does the address" has_address
must "the new lbctl says that a restart is pending" has "$(lbctl status)" "restart pending"
must "what the administrator changed stays" inside grep -qx LBD_NODE=lb-one /etc/default/lbd
must "/etc/lbd is still lbd's to read" is "$(mode_of /etc/lbd)" "root:lbd 750"
probe=$(inside pgrep -f '^lbd: probe' | head -1)
inside kill -KILL "$probe"
must "a process of the old version is started again" inside sh -c \
    "for i in \$(seq 300); do n=\$(pgrep -f '^lbd: probe' | head -1); [ -n \"\$n\" ] && [ \"\$n\" != $probe ] && exit; sleep 0.1; done; exit 1"
must "and does its work" lbctl -t 30s check run api/app1 -j
must "lbctl restarts it" lbctl --yes daemon restart
must "it is there again" lbctl -t 60s wait daemon ready
must "with another process" not is "$(main_pid)" "$pid"
must "of the new version" not has "$(lbctl status)" "restart pending"
must "and is master again" lbctl -t 60s wait vrrp/wan master

# ---- stopped by somebody who has a reason
must "it can be stopped" inside systemctl stop lbd
must "the address is gone" no_address
must "an installation once more goes in" install_debs /newer/lbd_"$new"_amd64.deb
must "what was stopped is not started" unit_is ActiveState inactive

# ---- removed
must "it starts" inside systemctl start lbd
must "and is master" lbctl -t 60s wait vrrp/wan master
must "lbd can be removed" inside dpkg -r lbd
must "no process is left" is "$(workers)" 0
must "no address" no_address
must "no service in the kernel" not grep -q '^\(TCP\|UDP\)' /proc/net/ip_vs
must "no rules" not inside nft list table inet lbd
must "no device" not has "$(ip -o link)" " lbd"
must "the configuration stays" inside test -e /etc/lbd/lbd.yaml
must "what it knew stays" inside test -d /var/lib/lbd/generations

# ---- installed again, over what the first one left
must "it goes in again" install_debs /debs/lbctl_"$old"_amd64.deb /debs/lbd_"$old"_amd64.deb
must "and starts: there is a configuration" unit_is ActiveState active
must "and is master" lbctl -t 60s wait vrrp/wan master

# ---- purged
must "both can be purged" inside dpkg --purge lbd lbctl
must "no process is left" is "$(workers)" 0
must "what it knew is gone" not inside test -e /var/lib/lbd
must "the configuration and its keys stay" inside test -e /etc/lbd/lbd.yaml -a -e /etc/lbd/cluster.key
must "nothing else of it stays" is "$(inside sh -c 'find /etc /usr /var/lib /run -xdev -path "*lbd*" \
    ! -path "/etc/lbd*" ! -path "/usr/local/lib/lbd*" ! -path "/var/lib/dpkg/*" ! -path "/run/log/*"' | tr '\n' ' ')" ""
must "no unit has failed" not has "$(inside systemctl --failed --plain --no-legend)" lbd

if [[ -e /sys/kernel/security/apparmor/profiles ]]; then
    must "AppArmor had nothing to say" is "$(apparmor_said)" ""
else
    echo "this kernel has no AppArmor: what the profile lists is not tried"
fi

if ((bad)); then
    inside journalctl --no-pager -o short -u lbd | tail -60
    inside systemctl --failed --no-pager
fi
printf '%d steps, %d failed\n' "$steps" "$bad"
((bad == 0))
