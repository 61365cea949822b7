#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may include whom:
#
#   common <- topic (ipvs check host state ...) <- config <- model, plan, override, history, trace <- ctl <- daemon*, main
#
# Topics never include each other; a pure file never includes the header of an edge (*_io.h); worker and sandbox see
# common alone; lbctl sees common alone. And which file may include the headers of a library that touches the world.
# A new exception is a line here, with its reason.

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

found=$(lint_code '*.c' '*.h' | xargs grep -HnE '^[[:space:]]*#[[:space:]]*include' | LC_ALL=C awk '
BEGIN {
    # headers that belong to an edge although their name does not end in _io.h
    edge_header["lbd/check/check_probe.h"] = 1    # what a probe and its owner agree on: it has watchers in it

    # sideways, on purpose: one header of another topic, pure, because of the values in it
    sideways["state", "lbd/ipvs/ipvs_table.h"] = 1    # the record of owned listeners is a list of ipvs_key
    sideways["config", "ipvs"] = sideways["config", "check"] = sideways["config", "vrrp"] = 1    # a configuration is made of their values

    # library header (a prefix) -> who may include it, as a regular expression over paths
    confined["ev.h"]             = "^common/room_io\\.[ch]$|^lbd/(daemon[^/]*|worker)\\.[ch]$|^lbd/[^/]+/[^/]*_io\\.[ch]$|^lbd/check/check_probe\\.h$"
    confined["yaml.h"]           = "^lbd/config/config_yaml\\.c$"
    confined["netlink/"]         = "^lbd/ipvs/ipvs_io\\.c$"
    confined["linux/ip_vs.h"]    = "^lbd/ipvs/ipvs_msg\\.c$|^lbd/sync/ipvs_daemon_msg\\.c$"
    confined["seccomp.h"]        = "^lbd/sandbox_filter\\.c$"
    confined["cap-ng.h"]         = "^lbd/sandbox\\.c$"
    confined["pcre2.h"]          = "^lbd/check/check_regex\\.c$"
    # check_curl names the error numbers of libcurl and calls nothing
    confined["curl/"]            = "^lbd/check/(probe_[a-z]+|curl_(link|load|loop))_io\\.[ch]$|^lbd/check/check_curl\\.c$"
    confined["microhttpd.h"]     = "^lbd/ctl/metrics(_load)?_io\\.[ch]$"
    # curl_load has one number of it; these take a HMAC or a digest over bytes in memory, and no more
    confined["openssl/"]         = "^lbd/check/curl_load_io\\.c$|^lbd/sync/[a-z_]+_io\\.c$|^lbd/vrrp/(hmac256|vrrp_auth|peer_pkt)\\.c$|^lbd/state/generation\\.c$"
    confined["libnetfilter_conntrack/"] = "^lbd/sync/[a-z_]+_io\\.c$"
    # JSON is the form of messages and of printed tables: nothing that forwards packets is described in it
    confined["jansson.h"]        = "^common/|^lbctl/|^lbd/(sandbox|override|model|event|daemon|main|worker)|^lbd/(ctl|check)/|^lbd/config/schema_print\\.c$"
}
function complain(why) { printf "%s:%s: %s: %s\n", file, line, inc, why }
function edge_file(p)  { return p ~ /_io\.[ch]$/ || (p in edge_header) }
# Where a path lives: common, lbctl, a folder below lbd/, or (for files right in lbd/) model, worker, daemon.
function room(p,    part) {
    if (p ~ /^common\//) return "common"
    if (p ~ /^lbctl\//) return "lbctl"
    if (p !~ /^lbd\//) return "?"
    if (split(p, part, "/") > 2) return part[2]
    if (part[2] ~ /^(model[^.]*|plan|override[^.]*|history|event|trace)\./) return "model"
    if (part[2] ~ /^(worker|sandbox|sandbox_filter)\./) return "worker"
    if (part[2] ~ /^(daemon[^.]*|main)\./) return "daemon"
    return "?"
}
{
    split($0, head, ":"); file = head[1]; line = head[2]
    if (!match($0, /["<][^">]+[">]/)) { inc = $0; complain("not understood"); next }
    inc = substr($0, RSTART, RLENGTH); path = substr(inc, 2, length(inc) - 2)
    if (inc ~ /^</) {
        for (lib in confined)
            if (index(path, lib) == 1 && (lib ~ /\/$/ || path == lib) && file !~ confined[lib])
                complain("this library is not for this file")
        next
    }
    from = room(file); to = room(path)
    if (from == "?") { complain("tests/lint/layers.sh does not know where this file belongs"); next }
    if (to == "?") { complain("included not from the root of the tree, or from nowhere"); next }
    if (from != "daemon" && to != "common" && edge_file(path) && !edge_file(file) && file !~ /^lbctl\/main\.c$/)
        complain("a pure file includes an edge")
    if (to == "common") {
        if (edge_file(path) && !edge_file(file) && from != "daemon" && from != "worker" && file != "lbctl/main.c")
            complain("a pure file includes an edge")
        next
    }
    if (from == to || (from == "daemon" && to != "lbctl"))
        next
    if (to == "daemon" || to == "lbctl" || from == "common" || from == "lbctl" || from == "worker") {
        complain(from " must not know " to); next
    }
    if (((from, path) in sideways) || ((from, to) in sideways))
        next
    # what stands above: model over config and its topics, ctl over model
    if (from == "model" && to ~ /^(config|ipvs|check|vrrp|sync)$/) next
    if (from == "ctl" && !edge_file(file) && to ~ /^(model|config|ipvs|check|vrrp|sync|state)$/) next
    complain((edge_file(file) ? "an edge sees common and its own folder: " : "") from " must not know " to)
}')
[[ -z $found ]] || lint_say "$found"
lint_end
