#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lbd under valgrind, with all its rooms: a file of complaints for each process, empty if there are none. What libraries keep
# to the end and can still reach is no complaint.
exec valgrind --quiet --vgdb=no --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible --num-callers=30 --log-file="$LBD_LAB_OUT/memcheck.%p" "$LBD_BUILD/lbd/lbd" "$@"
