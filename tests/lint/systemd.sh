#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The unit: understood to the last line, and exposed no more than 2.5 (systemd-analyze security; 10 is the worst). And
# what systemd would do otherwise, where it is not what a balancer needs.
# Other versions of systemd may count differently, so the gate is that of Debian 12 (252).

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v systemd-analyze >/dev/null || lint_skip "systemd-analyze is not installed"
version=$(systemd-analyze --version | awk 'NR == 1 { print $2 }')

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
unit=$tmp/lbd.service
# verify looks for the programs and the manual pages; here they are not installed
sed -e 's,^ExecStart=/usr/sbin/lbd,ExecStart=/bin/true,' -e 's,^ExecReload=/usr/bin/lbctl,ExecReload=/bin/true,' \
    -e '/^Documentation=/d' packaging/systemd/lbd.service >"$unit"
said=$(systemd-analyze verify --man=no "$unit" 2>&1)
# of our unit only: a container has incomplete units of its own
if grep -E 'lbd\.service' <<<"$said" | grep -qi -E 'ignoring|unknown|invalid|failed'; then
    lint_say "$said"
fi
# of itself it stops the whole unit when the kernel kills one process of it for memory
grep -qx 'OOMPolicy=continue' "$unit" || lint_say "lbd.service: without OOMPolicy=continue a killed script stops lbd"
# a start that was not possible may not count for the limit, which is there for crashes
hold_off=$(sed -n 's/^#define HOLD_OFF_MS \([0-9]*\).*/\1/p' lbd/main.c)
limit=$(awk -F= '/^StartLimitIntervalSec=/ { s = $2 } /^StartLimitBurst=/ { n = $2 } END { print 1000 * s / n }' "$unit")
((hold_off > limit)) || lint_say "lbd.service gives up after starts that were not possible: $hold_off ms, $limit ms"
if [[ $version == 252 ]]; then
    said=$(systemd-analyze security --no-pager --offline=yes --threshold=25 "$unit" 2>&1) || lint_say "$said"
    tail -1 <<<"$said"
else
    printf 'systemd %s counts differently from 252: the score is not checked\n' "$version"
fi
lint_end
