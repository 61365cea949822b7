#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tidy_file.sh BUILD_DIR FILE TOOL [ARGUMENT]...: what clang-tidy says of one file; for tidy.sh.
#
# A look takes seconds, and says the same of the same: what it said is kept under a hash of everything it was told, which
# is the preprocessed file with its comments (a NOLINT is one) and its macros, the checks, the version and the arguments.
# LBD_TIDY_CACHE=DIR keeps it there; LBD_TIDY_CACHE= looks anew. What was not asked for in 30 days goes.
build=$1 file=$2
shift 2
root=$PWD
cache=${LBD_TIDY_CACHE-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lbd-tidy}

# It says nothing of a good file, and gives no reason where it could not look.
look() {
    local said
    said=$("$@" -p "$build" "$root/$file" 2>/dev/null) || [[ -n $said ]] || said="$file:1:1: error: $1 cannot look at it [status]"
    printf '%s' "${said//$root\//}${said:+$'\n'}"
}

# The command that compiles it, without what it writes: "-o X.o -c FILE" are its last words.
command_of() {
    sed -n "\|\"command\": \".* -c $root/$1\"|{s/.*\"command\": \"//;s/ -o [^ ]* -c [^ ]*\",\$//;s/\\\\\\\\/\\\\/g;s/\\\\\"/\"/g;p;q}" \
        "$build/compile_commands.json"
}

key_of() {
    local compile seen
    compile=$(command_of "$file")
    [[ -n $compile ]] && seen=$(eval "$compile -w -E -CC -dD $root/$file" 2>/dev/null | sed "s,$root/,,g" | sha256sum) || return 1
    { echo "$seen" && "$1" --version && cat .clang-tidy && printf '%s\n' "$@" "${compile//$root/}"; } | sha256sum | cut -c1-64
}

if [[ -z $cache ]] || ! mkdir -p "$cache" 2>/dev/null || ! key=$(key_of "$@"); then
    look "$@"
    exit
fi
if [[ -e $cache/$key ]]; then
    touch -c "$cache/$key"
    exec cat "$cache/$key"
fi
find "$cache" -type f -mtime +30 -delete 2>/dev/null
look "$@" | tee "$cache/$key.$$"
[[ $(<"$cache/$key.$$") == *'[status]'* ]] || mv "$cache/$key.$$" "$cache/$key"
rm -f "$cache/$key.$$"
