#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# native.sh BUILD_DIR FILE [ARGUMENT OF pytest]...
# native.sh BUILD_DIR PLACE: all files that where.tsv sends there, several at once: they mostly wait. With LBD_SECOND_TRY=1
#   what failed has one (second_try.sh) when all of them have ended
#
# Tests of this folder on this machine, for what needs no IPVS: what they measure are the times of a machine, and they
# take a tenth of the processor that a guest does. Each file has a network, names of networks and users of its own, so
# names do not collide, and nothing of the machine is changed. Exit status 77 and a word: it cannot run here.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
# shellcheck source=tests/lab/second_try.sh
. "$here/second_try.sh"
skip() {
    echo "skipped: $*"
    exit 77
}

# In its own namespaces: NAME:UID of the users that the packages make, known to whoever looks from in here.
users=(lbd:61881 lbd-probe:61882 lbadmin:61883 lbobserve:61884)
inside() {
    local user own
    own=$(mktemp -d) || exit 1
    mkdir -p /run/netns && mount -t tmpfs none /run/netns || exit 1
    cp /etc/passwd /etc/group "$own/" && chmod 644 "$own"/* || exit 1
    for user in "${users[@]}"; do
        getent group "${user%:*}" >/dev/null || echo "${user%:*}:x:${user#*:}:" >>"$own/group"
        getent passwd "${user%:*}" >/dev/null ||
            echo "${user%:*}:x:${user#*:}:${user#*:}::/nonexistent:/usr/sbin/nologin" >>"$own/passwd"
    done
    mount --bind "$own/passwd" /etc/passwd && mount --bind "$own/group" /etc/group || exit 1
    rm -rf "$own"
    exec "$@"
}
if [[ ${1-} == --inside ]]; then
    shift
    inside "$@"
fi

(($# >= 2)) || { sed -n '4,5s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
build=$(cd "$1" && pwd) || exit 2
what=$2
shift 2
[[ $(id -u) == 0 ]] || skip "needs root"
for program in conntrack ip keepalived nft unshare; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done
/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || skip "python3-pytest is not installed"
apart=(unshare --net --mount --propagation private bash "$here/native.sh" --inside)
"${apart[@]}" ip netns add lbd-probe-of-rights 2>/dev/null || skip "no right to make a network namespace"

# run CACHE FILE [ARGUMENT of pytest]...
run() {
    LBD_BUILD=$build LBD_LAB_NATIVE=1 PYTHONDONTWRITEBYTECODE=1 "${apart[@]}" \
        /usr/bin/python3 -m pytest -o cache_dir="$1" -v --tb=short --rootdir="$here" "$here/$2" "${@:3}"
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
if [[ -e $here/$what ]]; then
    run "$work" "$what" "$@"
    exit
fi

readarray -t names < <(awk -F'\t' -v place="$what" '!/^#/ && $2 == place { print $1 }' "$here/where.tsv")
((${#names[@]})) || { echo "native.sh: nothing runs at '$what'" >&2; exit 2; }
at_once=$((4 * $(nproc))) running=0
for name in "${names[@]}"; do
    ((running++ < at_once)) || wait -n
    { run "$work/$name.cache" "test_$name.py" >"$work/$name.log" 2>&1; echo "$?" >"$work/$name.status"; } &
done
wait

caches=() failed=()
for name in "${names[@]}"; do
    (($(<"$work/$name.status") == 0)) || failed+=("$name") caches+=("$work/$name.cache")
done
status=0
((${#failed[@]} == 0)) || status=1
if ((status)) && may_try_again "${caches[@]}"; then
    status=0
    for name in "${failed[@]}"; do
        cp -r "$work/$name.cache" "$work/$name.first"
        if run "$work/$name.cache" "test_$name.py" "${again[@]}" >"$work/$name.again" 2>&1; then
            tell_again "$work/$name.first" # above all else: of what passes ctest keeps the beginning
        else
            status=1
        fi
    done
fi
for name in "${names[@]}"; do
    cat "$work/$name.log"
    [[ ! -e $work/$name.again ]] || cat "$work/$name.again"
done
exit "$status"
