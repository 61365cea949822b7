#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# page.sh PAGE TABLES: the manual page PAGE (lbd.8) from its source beside this script and the tables in the folder
# TABLES. A line "@include NAME" in a source stands for a table.

set -eu -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
page=${1:?usage: page.sh PAGE TABLES} tables=${2:?usage: page.sh PAGE TABLES}
awk -v tables="$tables" '
    /^; SPDX/ { next }
    /^@include / {
        name = tables "/" $2
        while ((got = (getline line < name)) > 0) print line
        if (got < 0) { print name ": cannot be read" >"/dev/stderr"; exit 1 }
        close(name); next
    }
    { print }' "$here/$page.scd" | scdoc
