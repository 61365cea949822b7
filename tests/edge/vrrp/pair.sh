#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pair.sh BUILD_DIR [FILE]: two nodes and one address, lbd with lbd and with keepalived, in namespaces of this machine: VRRP
# needs no IPVS, and its times are those of a machine, not of a guest.
lab=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../lab" && pwd) || exit 1
skip() {
    echo "skipped: $*"
    exit 77
}
[[ $(id -u) == 0 ]] || skip "needs root"
for program in ip keepalived; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done
/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || skip "python3-pytest is not installed"
ip netns add lbd-probe-of-rights 2>/dev/null || skip "no right to make a network namespace"
ip netns del lbd-probe-of-rights
LBD_BUILD=$1 PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -m pytest -p no:cacheprovider -v --tb=short \
    --rootdir="$lab" "$lab/${2-test_vrrp.py}"
