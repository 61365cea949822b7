#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh BUILD_DIR [ARGUMENT OF sweep.py]...   (--help names them)
#
# The n-th allocation, or the n-th system call, of one of our processes fails, for every n, while it starts, reloads,
# sees a backend die, takes over, is told flows, and ends: sweep.py says what must hold. Here: a network, users and an
# /etc of its own, so nothing of the machine is changed. Exit status 77 and a word: it cannot run here.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
lab=$here/../lab
skip() {
    echo "skipped: $*"
    exit 77
}

# A preload by environment does not reach a worker, which gets one of its own.
inside() {
    local own
    own=$(mktemp -d) && mount -t tmpfs none "$own" && chmod 755 "$own" && cp -a /etc/. "$own/" || exit 1
    mount --bind "$own" /etc && mount -t tmpfs none /run || exit 1
    install -m 644 "$LBD_SWEEP_TOOLS/starve.so" /etc/lbd-starve.so && mkdir /etc/lbd-inject &&
        cp "$LBD_SWEEP_TOOLS/inject" /etc/lbd-inject/lbd && echo /etc/lbd-starve.so >/etc/ld.so.preload || exit 1
    export LBD_SWEEP_INJECT=/etc/lbd-inject/lbd
    exec bash "$lab/native.sh" --inside /usr/bin/python3 "$here/sweep.py" "$@"
}
if [[ ${1-} == --inside ]]; then
    shift
    inside "$@"
fi

case ${1-} in
-h | --help)
    sed -n '4,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    PYTHONPATH=$lab exec /usr/bin/python3 "$here/sweep.py" --help
    ;;
'' | -*)
    sed -n '4s/^# //p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
LBD_BUILD=$(cd "$1" && pwd) || exit 2
shift
[[ $(id -u) == 0 ]] || skip "needs root"
for program in addr2line cc conntrack ip unshare; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done
/usr/bin/python3 -m pytest --version >/dev/null 2>&1 || skip "python3-pytest is not installed"
unshare --net --mount true 2>/dev/null || skip "no right to make a network namespace"
LBD_SWEEP_TOOLS=$(mktemp -d) || exit 1
trap 'rm -rf "$LBD_SWEEP_TOOLS"' EXIT
flags=(-O1 -g -Wall -Wextra -D_GNU_SOURCE)
cc "${flags[@]}" -shared -fPIC -o "$LBD_SWEEP_TOOLS/starve.so" "$here/starve.c" &&
    cc "${flags[@]}" -o "$LBD_SWEEP_TOOLS/inject" "$here/inject.c" || exit 1
export LBD_BUILD LBD_SWEEP_TOOLS LBD_LAB_NATIVE=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$lab
unshare --net --mount --propagation private bash "$here/run.sh" --inside "$@"
