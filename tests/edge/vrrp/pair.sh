#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pair.sh BUILD_DIR [FILE [ARGUMENT OF pytest]...]: two nodes and one address, lbd with lbd and with keepalived, in
# namespaces of this machine: VRRP needs no IPVS, and its times are those of a machine, not of a guest.
# Without FILE all of them at once: they mostly wait. Each has namespaces of its own, so that names do not collide.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../lab" && pwd) || exit 1
files=(test_vrrp.py test_vrrp_accept.py test_vrrp_faults.py test_vrrp_mac.py test_vrrp_meet.py test_vrrp_routes.py test_vrrp_wire.py test_peer.py test_peer_talk.py test_hooks.py)
build=$1
skip() {
    echo "skipped: $*"
    exit 77
}
[[ $(id -u) == 0 ]] || skip "needs root"
for program in ip keepalived nft unshare; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done
/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || skip "python3-pytest is not installed"
# its own network, and its own place for the names of networks
apart=(unshare --net --mount --propagation private bash -c 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && exec "$@"' --)
"${apart[@]}" ip netns add lbd-probe-of-rights 2>/dev/null || skip "no right to make a network namespace"

run() {
    LBD_BUILD=$build PYTHONDONTWRITEBYTECODE=1 "${apart[@]}" /usr/bin/python3 -m pytest -p no:cacheprovider -v --tb=short \
        --rootdir="$lab" "$lab/$1" "${@:2}"
}
if (($# > 1)); then
    run "${@:2}"
    exit
fi
logs=$(mktemp -d) || exit 1
trap 'rm -rf "$logs"' EXIT
status=0
for file in "${files[@]}"; do
    run "$file" >"$logs/$file" 2>&1 &
    pids[$!]=$file
done
for pid in "${!pids[@]}"; do
    wait "$pid" || status=1
    cat "$logs/${pids[$pid]}"
done
exit "$status"
