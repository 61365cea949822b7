#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lbd under valgrind, with all its rooms: a file of complaints for each process, empty if there are none. Rooms end by exit
# and have given back what they had, so what is still reachable then is a complaint, too, unless a library keeps it.
exec valgrind --quiet --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible --num-callers=30 --log-file="$LBD_LAB_OUT/memcheck.%p" "$LBD_BUILD/lbd/lbd" "$@"
