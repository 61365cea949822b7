#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs what building, testing and the lab need, and only what is missing.
#
#   tests/lab/install.sh build|lab|all|package|bench      install that set
#   tests/lab/install.sh list build|lab|all|package|bench print the names this system would use
#
# It can also be sourced; then call: lab_install build|lab|all|package|bench
#
# A word "a|b|c" means: any of them will do; the first one that the system offers is taken.
# A word that ends in "?" is good to have: where the system offers none, it is left out with a note.

LAB_PACKAGES_BUILD=(
  gcc cmake ninja-build "pkgconf|pkg-config" libc6-dev
  libnl-3-dev libnl-genl-3-dev libyaml-dev libev-dev libjansson-dev uthash-dev
  libseccomp-dev libpcre2-dev libcurl4-openssl-dev libssl-dev libnetfilter-conntrack-dev libmicrohttpd-dev openssl check
  "clang-14|clang" "clang-format-14|clang-format" "clang-tidy-14|clang-tidy"
  "libclang-rt-14-dev|libclang-rt-dev|libclang-rt-19-dev?"
  universal-ctags scdoc shellcheck git ca-certificates "gcovr?"
)
LAB_PACKAGES_LAB=(
  qemu-system-x86 busybox-static cpio kmod xz-utils zstd
  iproute2 ipvsadm "nginx-light|nginx" curl socat nftables conntrack conntrackd keepalived
  tcpdump python3 python3-pytest python3-scapy wrk procps psmisc iputils-ping
  openssl exim4-daemon-light dovecot-imapd dovecot-pop3d slapd vsftpd redis-server memcached unbound
)

# To make packages and to try them; not in "all", which is for the tests of the programs.
LAB_PACKAGES_PACKAGE=(
  debhelper dh-apparmor dpkg-dev fakeroot lintian debootstrap apparmor mandoc man-db rpm "rpmlint?" systemd
)

# What the benchmarks measure beside us, and nothing else needs.
LAB_PACKAGES_BENCH=(haproxy libnginx-mod-stream iperf3)

lab_install_say() { printf 'install: %s\n' "$*" >&2; }

lab_install_have() {
    local status
    status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) && [[ $status == ?i* ]]
}

lab_install_offered() {
    local candidate
    candidate=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p')
    [[ -n $candidate && $candidate != "(none)" ]]
}

# The words of a set.
lab_install_words() {
    case $1 in
    build) printf '%s\n' "${LAB_PACKAGES_BUILD[@]}" ;;
    lab) printf '%s\n' "${LAB_PACKAGES_LAB[@]}" ;;
    package) printf '%s\n' "${LAB_PACKAGES_PACKAGE[@]}" ;;
    bench) printf '%s\n' "${LAB_PACKAGES_BENCH[@]}" ;;
    all) printf '%s\n' "${LAB_PACKAGES_BUILD[@]}" "${LAB_PACKAGES_LAB[@]}" ;;
    *) return 2 ;;
    esac
}

# From words on stdin to what is to be done: "have NAME", "need NAME", "none WORD".
lab_install_resolve() {
    local word name found
    local -a names
    while read -r word; do
        found=
        IFS='|' read -r -a names <<<"${word%\?}"
        for name in "${names[@]}"; do
            if lab_install_have "$name"; then
                found="have $name"
                break
            fi
        done
        if [[ -z $found ]]; then
            for name in "${names[@]}"; do
                if lab_install_offered "$name"; then
                    found="need $name"
                    break
                fi
            done
        fi
        printf '%s\n' "${found:-none $word}"
    done
}

# Packages such as nginx start their daemon when they are installed. The tests start their own, on
# their own ports and in their own namespaces, so a guard says no for as long as we install. What
# was there before comes back afterwards, also after a run that was cut off.
LAB_INSTALL_POLICY=/usr/sbin/policy-rc.d
LAB_INSTALL_SAVED=/usr/sbin/policy-rc.d.lbd-lab-saved

lab_install_guard_off() {
    if [[ -e $LAB_INSTALL_SAVED ]]; then
        mv -f "$LAB_INSTALL_SAVED" "$LAB_INSTALL_POLICY"
    elif grep -qs 'lbd-lab guard' "$LAB_INSTALL_POLICY"; then
        rm -f "$LAB_INSTALL_POLICY"
    fi
}

lab_install_guard_on() {
    lab_install_guard_off
    if [[ -e $LAB_INSTALL_POLICY ]]; then
        mv "$LAB_INSTALL_POLICY" "$LAB_INSTALL_SAVED"
    fi
    printf '#!/bin/sh\n# lbd-lab guard: no daemon starts while the lab installs its packages\nexit 101\n' \
        >"$LAB_INSTALL_POLICY"
    chmod 755 "$LAB_INSTALL_POLICY"
}

# Runs as root, in a process of its own, so that its traps do not meet those of a caller.
lab_install_root() {
    local set=$1 kind name unit
    local -a need=() none=() apt

    # One installer at a time: the guard is a single file.
    mkdir -p /run/lock
    exec 9>/run/lock/lbd-lab-install.lock
    flock 9

    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)

    lab_install_scan() {
        need=() none=()
        while read -r kind name; do
            case $kind in
            need) need+=("$name") ;;
            none) none+=("$name") ;;
            esac
        done < <(lab_install_words "$set" | lab_install_resolve)
    }

    lab_install_scan
    if ((${#need[@]} + ${#none[@]} == 0)); then
        return 0
    fi
    # A word nobody offers may only mean that the package lists are absent.
    if ((${#none[@]})); then
        "${apt[@]}" update >&2 || lab_install_say "apt-get update failed, going on with the lists that are here"
        lab_install_scan
    fi
    local word missing=0
    for word in "${none[@]}"; do
        if [[ $word == *\? ]]; then
            lab_install_say "not offered by this system, left out: ${word%\?}"
        else
            lab_install_say "not offered by this system: $word"
            missing=1
        fi
    done
    if ((missing)); then
        return 1
    fi
    if ((${#need[@]} == 0)); then
        return 0
    fi

    lab_install_say "installing ${need[*]}"
    trap lab_install_guard_off EXIT
    trap 'exit 130' INT TERM HUP
    lab_install_guard_on
    # stdout belongs to the caller, who may be reading it
    if ! "${apt[@]}" install -y --no-install-recommends "${need[@]}" >&2; then
        # Lists that are a few days old name files the mirror no longer has.
        lab_install_say "once more with fresh package lists"
        "${apt[@]}" update >&2 || return 1
        "${apt[@]}" install -y --no-install-recommends "${need[@]}" >&2 || return 1
    fi

    # The guard only holds for now; without this the daemons would start at the next boot of a
    # machine whose owner only wanted to run our tests. Only units we brought are touched.
    if command -v systemctl >/dev/null; then
        for name in "${need[@]}"; do
            case $name in
            nginx | nginx-light) unit=nginx.service ;;
            keepalived | ipvsadm | nftables | haproxy | iperf3) unit=$name.service ;;
            slapd | vsftpd | redis-server | memcached | unbound) unit=$name.service ;;
            exim4-daemon-light) unit=exim4.service ;;
            dovecot-imapd | dovecot-pop3d) unit=dovecot.service ;;
            *) continue ;;
            esac
            systemctl disable --quiet "$unit" >/dev/null 2>&1 || true
        done
    fi
    return 0
}

# lab_install SET: root installs; anyone else goes through sudo; nothing missing needs neither.
lab_install() {
    local set=$1 here open
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/install.sh
    if ! lab_install_words "$set" >/dev/null; then
        lab_install_say "no such set: $set (build, lab, all, package or bench)"
        return 2
    fi
    if ! command -v apt-get >/dev/null; then
        lab_install_say "this is not a Debian system; please install by hand: $(lab_install_words "$set" | tr '\n' ' ')"
        return 1
    fi
    # Optional words that cannot be had leave nothing to do either.
    open=$(lab_install_words "$set" | lab_install_resolve | grep -v -e '^have ' -e '^none .*?$')
    if [[ -z $open ]]; then
        return 0
    fi
    if ((EUID == 0)); then
        bash "$here" --as-root "$set"
    elif command -v sudo >/dev/null; then
        sudo -- bash "$here" --as-root "$set"
    else
        lab_install_say "missing: $(printf '%s' "$open" | cut -d' ' -f2 | tr '\n' ' ')"
        lab_install_say "installing needs root and there is no sudo: run 'tests/lab/install.sh $set' as root"
        return 1
    fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    case ${1-} in
    --as-root) lab_install_root "${2-}" ;;
    list) lab_install_words "${2-all}" | lab_install_resolve ;;
    build | lab | all | package | bench) lab_install "$1" ;;
    *)
        echo "usage: ${0##*/} [list] build|lab|all|package|bench" >&2
        exit 2
        ;;
    esac
fi
