#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# From a fresh Debian 12 or 13 to a load balancer at work: installs what is missing, builds, and
# shows real requests through it while backends are drained, killed and the daemon is restarted; or
# runs one of the other examples.
# Takes a few minutes the first time, about one after that, and leaves nothing behind but packages,
# build/release and a cached kernel.

usage() {
    cat <<'USAGE'
usage: examples/quickstart.sh [--kernel K] [--build DIR] [EXAMPLE]

  --kernel K    as tests/lab/lab: auto (default), host, 6.1 or 6.12
  --build DIR   build there (default build/release)
  EXAMPLE       a folder beside this script (default quickstart); the run.sh of the others starts itself this way

exit status: 0 when every promise held, 1 when one did not.
USAGE
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
say() { printf 'quickstart: %s\n' "$*"; }
fail() {
    say "$*" >&2
    exit 1
}

kernel=auto build=$root/build/release example=quickstart
while (($#)); do
    case $1 in
    --kernel | --build)
        (($# >= 2)) || fail "$1 wants a value"
        if [[ $1 == --kernel ]]; then kernel=$2; else build=$(readlink -m -- "$2"); fi
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*) fail "unknown option $1 (--help)" ;;
    *)
        example=${1%/}
        [[ -e $root/examples/$example/run.sh ]] || fail "there is no example $1 (--help)"
        ;;
    esac
    shift
done

"$root/tests/lab/install.sh" all ||
    fail "packages are missing and could not be installed (see above)"

mkdir -p "$build" 2>/dev/null
[[ -w $build ]] || fail "cannot write to $build; take another folder: --build DIR"
say "building lbd and lbctl in ${build#"$PWD"/}"
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if ! {
    cd "$root" && cmake --preset release -B "$build" &&
        cmake --build "$build" --target lbd lbctl
} >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    fail "cannot build (above: the end of what the build said)"
fi

# the lab says in one line where it runs
export LBD_BUILD=$build
"$root/tests/lab/lab" --kernel "$kernel" --timeout 900 -- "$root/examples/$example/run.sh"
