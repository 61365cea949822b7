/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/rows.h"

#include <string.h>

static const struct lb_field none_fields[] = { { .key = NULL } };

static const struct lb_field service_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "name" },
	{ "status", LB_FIELD_STATE, LB_PLACE_TABLE, "STATUS", NULL, "up, degraded, sorry, down, maint" },
	{ "listen", LB_FIELD_LIST, LB_PLACE_TABLE, "LISTEN", NULL, "listeners: 203.0.113.10:80/tcp, fwmark:10/ipv4" },
	{ "scheduler", LB_FIELD_TEXT, LB_PLACE_TABLE, "SCHEDULER", NULL, "kernel scheduler" },
	{ "mode", LB_FIELD_TEXT, LB_PLACE_TABLE, "MODE", NULL, "nat, dr, tun" },
	{ "backends", LB_FIELD_NUMBER, LB_PLACE_TABLE, "BACKENDS", NULL, "configured backends" },
	{ "in_pool", LB_FIELD_NUMBER, LB_PLACE_TABLE, "POOL", NULL, "backends that get new flows" },
	{ "active", LB_FIELD_COUNTER, LB_PLACE_TABLE, "ACTIVE", NULL, "established connections" },
	{ "inactive", LB_FIELD_COUNTER, LB_PLACE_WIDE, "INACT", NULL, "connections in any other state" },
	{ "flags", LB_FIELD_LIST, LB_PLACE_WIDE, "FLAGS", NULL, "scheduler flags, one-packet" },
	{ "persistence", LB_FIELD_SECONDS, LB_PLACE_WIDE, "PERSISTENCE", NULL, "how long a client keeps its backend" },
	{ "checks", LB_FIELD_LIST, LB_PLACE_WIDE, "CHECKS", NULL, "checks of its backends" },
	{ "reasons", LB_FIELD_LIST, LB_PLACE_WIDE, "REASON", NULL, "why it is not up" },
	{ "overrides", LB_FIELD_OVERRIDES, LB_PLACE_SHOW, "OVERRIDES", NULL, "values an operator has set" },
	{ "since", LB_FIELD_TIME, LB_PLACE_WIDE, "SINCE", NULL, "last change of status" },
	{ "mask", LB_FIELD_NUMBER, LB_PLACE_SHOW, "MASK", "persistence", "bits of the client address that count" },
	{ "engine", LB_FIELD_TEXT, LB_PLACE_SHOW, "ENGINE", NULL, "persistence engine" },
	{ "source_nat", LB_FIELD_TEXT, LB_PLACE_SHOW, "SOURCE", NULL, "what backends see in place of the client" },
	{ "quorum", LB_FIELD_TEXT, LB_PLACE_SHOW, "QUORUM", "quorum", "backends that must be in the pool" },
	{ "quorum_reached", LB_FIELD_BOOL, LB_PLACE_SHOW, "REACHED", NULL, "whether they are" },
	{ "on_loss", LB_FIELD_TEXT, LB_PLACE_SHOW, "ONLOSS", NULL, "sorry, rest, open, withdraw" },
	{ "sorry", LB_FIELD_TEXT, LB_PLACE_SHOW, "SORRY", NULL, "the server that takes over when they are not" },
	{ "sorry_active", LB_FIELD_BOOL, LB_PLACE_SHOW, "INSTEAD", NULL, "whether it has taken over" },
	{ "on_fail", LB_FIELD_TEXT, LB_PLACE_SHOW, "ONFAIL", NULL, "drain, remove, cut" },
	{ "drain_timeout", LB_FIELD_SECONDS, LB_PLACE_SHOW, "DRAIN", "drain",
		"how long a drained backend keeps flows" },
	{ "drain_then", LB_FIELD_TEXT, LB_PLACE_SHOW, "THEN", NULL, "cut, keep" },
	{ "sync", LB_FIELD_TEXT, LB_PLACE_SHOW, "SYNC", "flows",
		"which are copied to the other node: off, established, all" },
	{ "file", LB_FIELD_TEXT, LB_PLACE_SHOW, "FILE", "written in", "configuration file" },
	{ "line", LB_FIELD_NUMBER, LB_PLACE_SHOW, "LINE", NULL, "line in it" },
	{ "members", LB_FIELD_ROWS, LB_PLACE_SHOW, "BACKENDS", NULL, "its backends (service show)" },
	{ "members_more", LB_FIELD_NUMBER, LB_PLACE_SHOW, "MORE", NULL,
		"backends beyond those in members; lbctl asks for them, and shows all" },
	{ .key = NULL },
};

static const struct lb_field service_stats_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "name" },
	{ "listen", LB_FIELD_TEXT, LB_PLACE_TABLE, "LISTEN", NULL, "listener" },
	{ "connections", LB_FIELD_COUNTER, LB_PLACE_TABLE, "CONNS", NULL, "connections so far" },
	{ "incoming_packets", LB_FIELD_COUNTER, LB_PLACE_TABLE, "INPKTS", NULL, "packets from clients" },
	{ "outgoing_packets", LB_FIELD_COUNTER, LB_PLACE_TABLE, "OUTPKTS", NULL, "packets to clients (nat)" },
	{ "incoming_bytes", LB_FIELD_BYTES, LB_PLACE_TABLE, "INBYTES", NULL, "bytes from clients" },
	{ "outgoing_bytes", LB_FIELD_BYTES, LB_PLACE_TABLE, "OUTBYTES", NULL, "bytes to clients (nat)" },
	{ .key = NULL },
};

static const struct lb_field service_rate_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "name" },
	{ "listen", LB_FIELD_TEXT, LB_PLACE_TABLE, "LISTEN", NULL, "listener" },
	{ "connections_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "CPS", NULL, "new connections" },
	{ "incoming_packets_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "INPPS", NULL, "packets from clients" },
	{ "outgoing_packets_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "OUTPPS", NULL, "packets to clients (nat)" },
	{ "incoming_bytes_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "INBPS", NULL, "bytes from clients" },
	{ "outgoing_bytes_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "OUTBPS", NULL, "bytes to clients (nat)" },
	{ .key = NULL },
};

static const struct lb_field backend_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "service it belongs to" },
	{ "backend", LB_FIELD_TEXT, LB_PLACE_TABLE, "BACKEND", NULL, "name" },
	{ "address", LB_FIELD_TEXT, LB_PLACE_TABLE, "ADDRESS", NULL,
		"address, and its port if that is not the listener's" },
	{ "state", LB_FIELD_STATE, LB_PLACE_TABLE, "STATE", NULL, "up, down, drain, maint, unchecked" },
	{ "admin", LB_FIELD_STATE, LB_PLACE_WIDE, "ADMIN", NULL, "enabled, drain, maint" },
	{ "force", LB_FIELD_STATE, LB_PLACE_WIDE, "FORCE", NULL, "up, down: holds instead of its checks" },
	{ "weight", LB_FIELD_NUMBER, LB_PLACE_TABLE, "WEIGHT", NULL, "weight in the kernel" },
	{ "weight_configured", LB_FIELD_NUMBER, LB_PLACE_WIDE, "CONFIGURED", NULL, "weight in the configuration" },
	{ "active", LB_FIELD_COUNTER, LB_PLACE_TABLE, "ACTIVE", NULL, "established connections" },
	{ "inactive", LB_FIELD_COUNTER, LB_PLACE_TABLE, "INACT", NULL, "connections in any other state" },
	{ "check", LB_FIELD_TEXT, LB_PLACE_TABLE, "CHECK", NULL, "result code of the check that decides" },
	{ "since", LB_FIELD_TIME, LB_PLACE_TABLE, "SINCE", NULL, "last change of state" },
	{ "reason", LB_FIELD_TEXT, LB_PLACE_TABLE, "REASON", NULL, "first reason" },
	{ "mode", LB_FIELD_TEXT, LB_PLACE_WIDE, "MODE", NULL, "nat, dr, tun" },
	{ "counter", LB_FIELD_TEXT, LB_PLACE_WIDE, "COUNTER", NULL, "rise 1/2, fall 2/3" },
	{ "latency", LB_FIELD_SECONDS, LB_PLACE_WIDE, "LATENCY", NULL, "of the last probe that found something new" },
	{ "max_connections", LB_FIELD_NUMBER, LB_PLACE_WIDE, "MAX", NULL, "no new connection above" },
	{ "resume_below", LB_FIELD_NUMBER, LB_PLACE_WIDE, "RESUME", NULL, "new connections again below" },
	{ "reasons", LB_FIELD_LIST, LB_PLACE_SHOW, "REASONS", NULL, "all reasons" },
	{ "overrides", LB_FIELD_OVERRIDES, LB_PLACE_SHOW, "OVERRIDES", NULL, "values an operator has set" },
	{ "check_name", LB_FIELD_TEXT, LB_PLACE_SHOW, "CHECK", "check", "name of the check that decides" },
	{ "check_text", LB_FIELD_TEXT, LB_PLACE_SHOW, "TEXT", NULL,
		"what its last probe found (or one up to a second before it)" },
	{ "check_error_since", LB_FIELD_TIME, LB_PLACE_SHOW, "ERROR", NULL,
		"its probes end in nothing but a fault of our own: what it said before that holds" },
	{ "drain_left", LB_FIELD_SECONDS, LB_PLACE_SHOW, "LEFT", "drain", "until its flows are ended" },
	{ "tunnel", LB_FIELD_TEXT, LB_PLACE_SHOW, "TUNNEL", "kernel", "ipip, gue:6080:csum, gre" },
	{ "listen", LB_FIELD_LIST, LB_PLACE_SHOW, "LISTEN", NULL, "listeners it serves in the kernel" },
	{ "line", LB_FIELD_NUMBER, LB_PLACE_SHOW, "LINE", "written in", "line in the configuration file" },
	{ .key = NULL },
};

static const struct lb_field backend_stats_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "service it belongs to" },
	{ "backend", LB_FIELD_TEXT, LB_PLACE_TABLE, "BACKEND", NULL, "name" },
	{ "listen", LB_FIELD_TEXT, LB_PLACE_WIDE, "LISTEN", NULL, "listener" },
	{ "connections", LB_FIELD_COUNTER, LB_PLACE_TABLE, "CONNS", NULL, "connections so far" },
	{ "incoming_packets", LB_FIELD_COUNTER, LB_PLACE_TABLE, "INPKTS", NULL, "packets from clients" },
	{ "outgoing_packets", LB_FIELD_COUNTER, LB_PLACE_TABLE, "OUTPKTS", NULL, "packets to clients (nat)" },
	{ "incoming_bytes", LB_FIELD_BYTES, LB_PLACE_TABLE, "INBYTES", NULL, "bytes from clients" },
	{ "outgoing_bytes", LB_FIELD_BYTES, LB_PLACE_TABLE, "OUTBYTES", NULL, "bytes to clients (nat)" },
	{ "active", LB_FIELD_COUNTER, LB_PLACE_WIDE, "ACTIVE", NULL, "established connections" },
	{ "inactive", LB_FIELD_COUNTER, LB_PLACE_WIDE, "INACT", NULL, "connections in any other state" },
	{ .key = NULL },
};

static const struct lb_field backend_rate_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "service it belongs to" },
	{ "backend", LB_FIELD_TEXT, LB_PLACE_TABLE, "BACKEND", NULL, "name" },
	{ "listen", LB_FIELD_TEXT, LB_PLACE_WIDE, "LISTEN", NULL, "listener" },
	{ "connections_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "CPS", NULL, "new connections" },
	{ "incoming_packets_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "INPPS", NULL, "packets from clients" },
	{ "outgoing_packets_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "OUTPPS", NULL, "packets to clients (nat)" },
	{ "incoming_bytes_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "INBPS", NULL, "bytes from clients" },
	{ "outgoing_bytes_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "OUTBPS", NULL, "bytes to clients (nat)" },
	{ .key = NULL },
};

/* The text stands last: it is what may be long and is cut where there is no room. */
static const struct lb_field target_fields[] = {
	{ "check", LB_FIELD_TEXT, LB_PLACE_TABLE, "CHECK", NULL, "name of the check" },
	{ "type", LB_FIELD_TEXT, LB_PLACE_ROOM, "TYPE", NULL, "tcp, https ..." },
	{ "target", LB_FIELD_TEXT, LB_PLACE_TABLE, "TARGET", NULL, "address and port that are asked" },
	{ "state", LB_FIELD_STATE, LB_PLACE_TABLE, "STATE", NULL,
		"up, down, unchecked; maint: not probed, all that use it are in maintenance" },
	{ "since", LB_FIELD_TIME, LB_PLACE_TABLE, "SINCE", NULL, "last change of state" },
	{ "code", LB_FIELD_TEXT, LB_PLACE_TABLE, "CODE", NULL, "result code of the last probe" },
	{ "counter", LB_FIELD_TEXT, LB_PLACE_TABLE, "COUNTER", NULL, "rise 1/2, fall 2/3" },
	{ "latency", LB_FIELD_SECONDS, LB_PLACE_ROOM, "LATENCY", NULL, "of the last probe that found something new" },
	{ "backends", LB_FIELD_NUMBER, LB_PLACE_ROOM, "USED", NULL, "how many backends use it" },
	{ "text", LB_FIELD_WORDS, LB_PLACE_TABLE, "TEXT", NULL,
		"what the last probe found (or one up to a second before it)" },
	{ "used_by", LB_FIELD_LIST, LB_PLACE_WIDE, "USED BY", NULL, "the first 8 of them; vrrp/NAME: who tracks it" },
	{ .key = NULL },
};

static const struct lb_field check_fields[] = {
	{ "check", LB_FIELD_TEXT, LB_PLACE_TABLE, "CHECK", NULL, "name" },
	{ "type", LB_FIELD_TEXT, LB_PLACE_TABLE, "TYPE", NULL, "tcp, https ..." },
	{ "verdict", LB_FIELD_TEXT, LB_PLACE_SHOW, "VERDICT", NULL, "what its type wants to see" },
	{ "targets_up", LB_FIELD_NUMBER, LB_PLACE_SHOW, "UP", NULL, "targets that are up" },
	{ "targets_all", LB_FIELD_NUMBER, LB_PLACE_SHOW, "TARGETS", NULL, "targets it has" },
	{ "address", LB_FIELD_TEXT, LB_PLACE_SHOW, "ADDRESS", "probe", "its own; absent: the backend's" },
	{ "port", LB_FIELD_NUMBER, LB_PLACE_SHOW, "PORT", NULL, "its own; absent: the backend's" },
	{ "source", LB_FIELD_TEXT, LB_PLACE_SHOW, "SOURCE", NULL, "probed from; absent: the kernel's choice" },
	{ "interval", LB_FIELD_SECONDS, LB_PLACE_SHOW, "INTERVAL", NULL, "between two probes" },
	{ "interval_down", LB_FIELD_SECONDS, LB_PLACE_SHOW, "DOWN", NULL, "the same while it is down" },
	{ "timeout", LB_FIELD_SECONDS, LB_PLACE_SHOW, "TIMEOUT", NULL, "of a whole probe" },
	{ "rise", LB_FIELD_NUMBER, LB_PLACE_SHOW, "RISE", NULL, "passes in a row that take it up" },
	{ "fall", LB_FIELD_NUMBER, LB_PLACE_SHOW, "FALL", NULL, "failures in a row that take it down" },
	{ "settings", LB_FIELD_OBJECT, LB_PLACE_SHOW, "SETTINGS", NULL, "what only its type has: path, host ..." },
	{ "line", LB_FIELD_NUMBER, LB_PLACE_SHOW, "LINE", "written in", "line in the configuration file" },
	{ "targets", LB_FIELD_ROWS, LB_PLACE_SHOW, "TARGETS", NULL, "target rows, at most 500" },
	{ "targets_more", LB_FIELD_NUMBER, LB_PLACE_SHOW, "MORE", NULL, "targets beyond those listed" },
	{ .key = NULL },
};

static const struct lb_field transition_fields[] = {
	{ "time", LB_FIELD_TIME, LB_PLACE_TABLE, "AGO", NULL, "when" },
	{ "check", LB_FIELD_TEXT, LB_PLACE_TABLE, "CHECK", NULL, "name of the check" },
	{ "target", LB_FIELD_TEXT, LB_PLACE_ROOM, "TARGET", NULL, "address and port that were asked" },
	{ "backends", LB_FIELD_LIST, LB_PLACE_TABLE, "BACKENDS", NULL, "who used it, at most 8" },
	{ "old", LB_FIELD_STATE, LB_PLACE_TABLE, "OLD", NULL, "up, down, unchecked" },
	{ "new", LB_FIELD_STATE, LB_PLACE_TABLE, "NEW", NULL, "up, down" },
	{ "reason", LB_FIELD_TEXT, LB_PLACE_WIDE, "REASON", NULL, "check_passed, check_failed" },
	{ "code", LB_FIELD_TEXT, LB_PLACE_TABLE, "CODE", NULL, "result code of the probe that decided" },
	{ "latency", LB_FIELD_SECONDS, LB_PLACE_ROOM, "LATENCY", NULL, "of that probe" },
	{ "text", LB_FIELD_WORDS, LB_PLACE_TABLE, "TEXT", NULL, "what it found" },
	{ .key = NULL },
};

static const struct lb_field trace_fields[] = {
	{ "time", LB_FIELD_TIME, LB_PLACE_TABLE, "AGO", NULL, "when it was told" },
	{ "kind", LB_FIELD_TEXT, LB_PLACE_TABLE, "KIND", NULL, "flip, config, takeover" },
	{ "object", LB_FIELD_TEXT, LB_PLACE_TABLE, "OBJECT", NULL, "what changed, and to what" },
	{ "total", LB_FIELD_SECONDS, LB_PLACE_TABLE, "TOTAL", NULL, "all of its parts" },
	{ "parts", LB_FIELD_OBJECT, LB_PLACE_SHOW, "PARTS", NULL, "{part: seconds}, in the order of the way" },
	{ "text", LB_FIELD_WORDS, LB_PLACE_TABLE, "PARTS (MS)", NULL, "the same in milliseconds" },
	{ .key = NULL },
};

static const struct lb_field run_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "service of the backend" },
	{ "backend", LB_FIELD_TEXT, LB_PLACE_TABLE, "BACKEND", NULL, "name" },
	{ "check", LB_FIELD_TEXT, LB_PLACE_TABLE, "CHECK", NULL, "name of the check" },
	{ "type", LB_FIELD_TEXT, LB_PLACE_TABLE, "TYPE", NULL, "tcp, https ..." },
	{ "target", LB_FIELD_TEXT, LB_PLACE_TABLE, "TARGET", NULL, "address and port that were asked" },
	{ "result", LB_FIELD_STATE, LB_PLACE_TABLE, "RESULT", NULL, "passed, failed, error (our own fault)" },
	{ "code", LB_FIELD_TEXT, LB_PLACE_TABLE, "CODE", NULL, "result code" },
	{ "latency", LB_FIELD_SECONDS, LB_PLACE_TABLE, "LATENCY", NULL, "of the whole probe" },
	{ "text", LB_FIELD_TEXT, LB_PLACE_TABLE, "TEXT", NULL, "what it found" },
	{ "steps", LB_FIELD_ROWS, LB_PLACE_SHOW, "STEPS", NULL, "[{at, text}]: seconds from the start, what happened" },
	{ .key = NULL },
};

/* Why it is as it is stands last: that is what may be cut. */
static const struct lb_field vrrp_fields[] = {
	{ "vrrp", LB_FIELD_TEXT, LB_PLACE_TABLE, "VRRP", NULL, "name of the instance" },
	{ "state", LB_FIELD_STATE, LB_PLACE_TABLE, "STATE", NULL,
		"master, backup, fault, init; unknown: its process has not spoken yet" },
	{ "priority", LB_FIELD_NUMBER, LB_PLACE_TABLE, "PRIO", NULL, "that counts now, with what tracking adds" },
	{ "vrid", LB_FIELD_NUMBER, LB_PLACE_ROOM, "VRID", NULL, "number of the virtual router" },
	{ "interface", LB_FIELD_TEXT, LB_PLACE_TABLE, "INTERFACE", NULL, "where it speaks" },
	{ "group", LB_FIELD_TEXT, LB_PLACE_ROOM, "GROUP", NULL, "fails over together with" },
	{ "addresses", LB_FIELD_LIST, LB_PLACE_TABLE, "ADDRESSES", NULL, "virtual addresses that adverts name" },
	{ "master", LB_FIELD_TEXT, LB_PLACE_ROOM, "MASTER", NULL, "whom it follows; absent: nobody, or itself" },
	{ "since", LB_FIELD_TIME, LB_PLACE_TABLE, "SINCE", NULL, "last change of state" },
	{ "cause", LB_FIELD_WORDS, LB_PLACE_TABLE, "CAUSE", NULL,
		"of the last change: no_advert, better ...; in fault: which, link_down, no_interface, link_enslaved, "
		"track:NAME ..." },
	{ "alarms", LB_FIELD_LIST, LB_PLACE_WIDE, "ALARMS", NULL, "raised alarms, with what they know" },
	{ "master_priority", LB_FIELD_NUMBER, LB_PLACE_WIDE, "THEIRS", NULL, "priority of the master it follows" },
	{ "source", LB_FIELD_TEXT, LB_PLACE_WIDE, "SOURCE", NULL, "our own address, from which adverts are sent" },
	{ "configured", LB_FIELD_NUMBER, LB_PLACE_WIDE, "CONFIGURED", NULL, "priority in the configuration" },
	{ "overrides", LB_FIELD_OVERRIDES, LB_PLACE_SHOW, "OVERRIDES", NULL, "values an operator has set" },
	{ "excluded", LB_FIELD_LIST, LB_PLACE_SHOW, "EXCLUDED", NULL, "held addresses that adverts do not name" },
	{ "routes", LB_FIELD_LIST, LB_PLACE_SHOW, "ROUTES", NULL, "that the master has, and nobody else" },
	{ "rules", LB_FIELD_LIST, LB_PLACE_SHOW, "RULES", NULL, "policy rules that the master has" },
	{ "version", LB_FIELD_NUMBER, LB_PLACE_SHOW, "VERSION", "protocol", "of VRRP" },
	{ "advert_interval", LB_FIELD_SECONDS, LB_PLACE_SHOW, "INTERVAL", NULL, "from one advert to the next" },
	{ "peers", LB_FIELD_LIST, LB_PLACE_SHOW, "PEERS", NULL, "unicast peers; absent: multicast" },
	{ "preempt", LB_FIELD_BOOL, LB_PLACE_SHOW, "PREEMPT", NULL, "takes over from a lower priority" },
	{ "auth", LB_FIELD_TEXT, LB_PLACE_SHOW, "AUTH", NULL, "hmac, password; absent: none" },
	{ "lease", LB_FIELD_SECONDS, LB_PLACE_SHOW, "LEASE", NULL, "of the addresses in the kernel; absent: none" },
	{ "track", LB_FIELD_LIST, LB_PLACE_SHOW, "TRACK", "tracking", "what is tracked, with what it says" },
	{ "track_adds", LB_FIELD_TEXT, LB_PLACE_SHOW, "ADDS", NULL, "to the priority: +20, -50" },
	{ "track_fault", LB_FIELD_TEXT, LB_PLACE_SHOW, "FAULT", NULL, "what makes it a fault" },
	{ "sent", LB_FIELD_COUNTER, LB_PLACE_SHOW, "SENT", "counters", "adverts" },
	{ "received", LB_FIELD_COUNTER, LB_PLACE_SHOW, "RECEIVED", NULL, "adverts that counted" },
	{ "discarded", LB_FIELD_COUNTS, LB_PLACE_SHOW, "DISCARDED", NULL, "adverts that did not, by reason" },
	{ "transitions", LB_FIELD_COUNTER, LB_PLACE_SHOW, "BECAME", NULL, "times it became master" },
	{ "renewals", LB_FIELD_COUNTER, LB_PLACE_SHOW, "RENEWED", NULL, "times leases were renewed" },
	{ "conflicts", LB_FIELD_COUNTER, LB_PLACE_SHOW, "CONFLICTS", NULL,
		"times that somebody else said it has one of the addresses" },
	{ "late", LB_FIELD_SECONDS, LB_PLACE_SHOW, "LATE", NULL, "the latest of its adverts in the last second" },
	{ "checksum", LB_FIELD_TEXT, LB_PLACE_SHOW, "CHECKSUM", NULL,
		"form in the last advert that counted, version 3 over IPv4: rfc5798, rfc9568" },
	{ "file", LB_FIELD_TEXT, LB_PLACE_SHOW, "FILE", "written in", "configuration file" },
	{ "line", LB_FIELD_NUMBER, LB_PLACE_SHOW, "LINE", NULL, "line in it" },
	{ .key = NULL },
};

static const struct lb_field peer_fields[] = {
	{ "peer", LB_FIELD_TEXT, LB_PLACE_TABLE, "NODE", NULL, "name of the other node" },
	{ "state", LB_FIELD_STATE, LB_PLACE_TABLE, "STATE", NULL, "up, down; unknown: not heard of yet" },
	{ "since", LB_FIELD_TIME, LB_PLACE_TABLE, "SINCE", NULL, "last change of state" },
	{ "paths", LB_FIELD_LIST, LB_PLACE_TABLE, "PATHS", NULL,
		"its addresses, whether it is heard from there, and the round trip" },
	{ "version", LB_FIELD_TEXT, LB_PLACE_TABLE, "VERSION", NULL, "of lbd there" },
	{ "configuration", LB_FIELD_TEXT, LB_PLACE_TABLE, "CONFIGURATION", NULL,
		"same, differs: against what runs here" },
	{ "clock", LB_FIELD_SECONDS, LB_PLACE_TABLE, "CLOCK", NULL, "how far its clock is ahead of ours" },
	{ "instances", LB_FIELD_LIST, LB_PLACE_TABLE, "INSTANCES", NULL, "our VRRP instances as they are there" },
	{ "alarms", LB_FIELD_LIST, LB_PLACE_WIDE, "ALARMS", NULL, "peer_down, config_differs" },
	{ "restarts", LB_FIELD_NUMBER, LB_PLACE_WIDE, "RESTARTS", NULL, "of it since we know it" },
	{ "received", LB_FIELD_COUNTER, LB_PLACE_SHOW, "RECEIVED", NULL, "signs of life that counted, of all nodes" },
	{ "refused", LB_FIELD_COUNTS, LB_PLACE_SHOW, "REFUSED", NULL, "those that did not, by reason" },
	{ .key = NULL },
};

static const struct lb_field move_fields[] = {
	{ "vrrp", LB_FIELD_TEXT, LB_PLACE_TABLE, "VRRP", NULL, "name of the instance" },
	{ "result", LB_FIELD_STATE, LB_PLACE_TABLE, "RESULT", NULL,
		"moved, failed; resigned: given up to whoever takes it; waiting: not over yet" },
	{ "direction", LB_FIELD_TEXT, LB_PLACE_TABLE, "DIRECTION", NULL, "away: to the other node; here: from it" },
	{ "peer", LB_FIELD_TEXT, LB_PLACE_TABLE, "PEER", NULL, "the other node" },
	{ "outage", LB_FIELD_SECONDS, LB_PLACE_TABLE, "OUTAGE", NULL, "how long nobody had its addresses" },
	{ "reason", LB_FIELD_WORDS, LB_PLACE_TABLE, "REASON", NULL, "why it failed" },
	{ .key = NULL },
};

static const struct lb_field sync_fields[] = {
	{ "kind", LB_FIELD_TEXT, LB_PLACE_TABLE, "KIND", NULL, "of flows: ipvs, conntrack" },
	{ "state", LB_FIELD_STATE, LB_PLACE_TABLE, "STATE", NULL,
		"in-sync; bulk: all flows are being copied; down: no link; paused; unknown: its process has not spoken "
		"yet" },
	{ "lag", LB_FIELD_SECONDS, LB_PLACE_TABLE, "LAG", NULL,
		"age of the oldest change that the other node has not taken" },
	{ "local_flows", LB_FIELD_COUNTER, LB_PLACE_TABLE, "LOCAL", NULL, "flows of this node" },
	{ "peer_flows", LB_FIELD_COUNTER, LB_PLACE_TABLE, "PEER", NULL, "flows of the other node that are known here" },
	{ "sent", LB_FIELD_COUNTER, LB_PLACE_ROOM, "SENT", NULL, "changes of flows sent" },
	{ "received", LB_FIELD_COUNTER, LB_PLACE_ROOM, "RECEIVED", NULL, "changes of flows received" },
	{ "injected", LB_FIELD_COUNTER, LB_PLACE_ROOM, "TAKEN", NULL, "of these, given to the kernel" },
	{ "refused", LB_FIELD_COUNTER, LB_PLACE_TABLE, "REFUSED", NULL, "of these, not taken by the kernel" },
	{ "lost", LB_FIELD_COUNTER, LB_PLACE_TABLE, "LOST", NULL,
		"changes that the kernel told faster than they were read" },
	{ "unsure", LB_FIELD_COUNTER, LB_PLACE_WIDE, "UNSURE", NULL,
		"connections of before the start that are not copied: nobody knows how they are forwarded" },
	{ "bulk", LB_FIELD_WORDS, LB_PLACE_TABLE, "BULK", NULL, "how far all flows have been copied: 1200 of 10000" },
	{ "peer", LB_FIELD_TEXT, LB_PLACE_WIDE, "NODE", NULL, "the other node" },
	{ "since", LB_FIELD_TIME, LB_PLACE_WIDE, "SINCE", NULL, "last change of state" },
	{ "resyncs", LB_FIELD_COUNTER, LB_PLACE_WIDE, "RESYNCS", NULL, "times that all flows were copied" },
	{ "full", LB_FIELD_COUNTER, LB_PLACE_WIDE, "FULL", NULL, "changes that found no room for one more flow" },
	{ "configuration", LB_FIELD_TEXT, LB_PLACE_WIDE, "CONFIGURATION", NULL, "of the other node: same, differs" },
	{ "reason", LB_FIELD_TEXT, LB_PLACE_WIDE, "REASON", NULL,
		"why it is down: key_mismatch, refused, silent, version ..." },
	{ "text", LB_FIELD_TEXT, LB_PLACE_SHOW, "TEXT", NULL, "the same in words" },
	{ "help", LB_FIELD_TEXT, LB_PLACE_SHOW, "HELP", NULL, "what to do about it" },
	{ "trouble", LB_FIELD_TEXT, LB_PLACE_SHOW, "TROUBLE", NULL,
		"what the kernel of this node does not do, and what mends it" },
	{ "version", LB_FIELD_TEXT, LB_PLACE_SHOW, "VERSION", NULL, "of the protocol between the nodes" },
	{ "alarms", LB_FIELD_LIST, LB_PLACE_SHOW, "ALARMS", NULL, "sync_lagging, sync_key_mismatch, conntrack_full" },
	{ .key = NULL },
};

static const struct lb_field conn_fields[] = {
	{ "protocol", LB_FIELD_TEXT, LB_PLACE_TABLE, "PROTO", NULL, "tcp, udp, sctp; ip: template of a mark" },
	{ "state", LB_FIELD_TEXT, LB_PLACE_TABLE, "STATE", NULL,
		"the kernel's word: established, fin_wait ...; udp; none or assured of a template" },
	{ "expires", LB_FIELD_SECONDS, LB_PLACE_TABLE, "EXPIRES", NULL,
		"when it is forgotten, without another packet" },
	{ "client", LB_FIELD_TEXT, LB_PLACE_TABLE, "CLIENT", NULL, "its address and port; of a template no port" },
	{ "virtual", LB_FIELD_TEXT, LB_PLACE_ROOM, "VIRTUAL", NULL,
		"where it went; of a template of a mark the mark, written as an address" },
	{ "address", LB_FIELD_TEXT, LB_PLACE_ROOM, "ADDRESS", NULL, "of the backend" },
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "absent: none of ours" },
	{ "backend", LB_FIELD_TEXT, LB_PLACE_TABLE, "BACKEND", NULL, "absent: the sorry server, or one that has left" },
	{ "origin", LB_FIELD_TEXT, LB_PLACE_TABLE, "ORIGIN", NULL,
		"local; peer: the other node told of it; template: no connection, but where the client's next goes" },
	{ .key = NULL },
};

static const struct lb_field conn_count_fields[] = {
	{ "service", LB_FIELD_TEXT, LB_PLACE_TABLE, "SERVICE", NULL, "absent: none of ours" },
	{ "backend", LB_FIELD_TEXT, LB_PLACE_TABLE, "BACKEND", NULL, "absent: the sorry server, or one that has left" },
	{ "state", LB_FIELD_TEXT, LB_PLACE_TABLE, "STATE", NULL, "as in conn list; template" },
	{ "flows", LB_FIELD_COUNTER, LB_PLACE_TABLE, "FLOWS", NULL, "how many" },
	{ .key = NULL },
};

static const struct lb_field status_fields[] = {
	{ "node", LB_FIELD_TEXT, LB_PLACE_TABLE, "NODE", NULL, "this node" },
	{ "version", LB_FIELD_TEXT, LB_PLACE_TABLE, "VERSION", NULL, "of the daemon" },
	{ "generation", LB_FIELD_NUMBER, LB_PLACE_TABLE, "GENERATION", NULL, "configuration that runs" },
	{ "uptime", LB_FIELD_SECONDS, LB_PLACE_TABLE, "UPTIME", NULL, "since the daemon started" },
	{ "pid", LB_FIELD_NUMBER, LB_PLACE_WIDE, "PID", NULL, "of the core" },
	{ "ready", LB_FIELD_BOOL, LB_PLACE_WIDE, "READY", NULL, "first verdicts in, kernel as desired" },
	{ "services", LB_FIELD_COUNTS, LB_PLACE_TABLE, "SERVICES", NULL, "how many in each status" },
	{ "backends", LB_FIELD_COUNTS, LB_PLACE_TABLE, "BACKENDS", NULL, "how many in each state" },
	{ "vrrp", LB_FIELD_ROWS, LB_PLACE_SHOW, "VRRP", NULL, "[{vrrp, state, cause}]: instances by name" },
	{ "peers", LB_FIELD_ROWS, LB_PLACE_SHOW, "PEERS", NULL,
		"[{peer, state, since, paths, paths_up, configuration}]: the other nodes" },
	{ "sync", LB_FIELD_OBJECT, LB_PLACE_SHOW, "SYNC", NULL,
		"{state, peer, lag, done, all, reason}: how flows are copied to the other node" },
	{ "overrides", LB_FIELD_NUMBER, LB_PLACE_TABLE, "OVERRIDES", NULL, "values an operator has set" },
	{ "foreign_services", LB_FIELD_NUMBER, LB_PLACE_WIDE, "FOREIGN", NULL, "kernel services that are not ours" },
	{ "file", LB_FIELD_OBJECT, LB_PLACE_SHOW, "FILE", NULL, "{path, differs, error}: the file against what runs" },
	{ "config", LB_FIELD_OBJECT, LB_PLACE_SHOW, "CONFIG", NULL,
		"{state, note, base, left, rolled_back, why, verified}: whether it waits for a confirm or was rolled "
		"back" },
	{ "alarms", LB_FIELD_LIST, LB_PLACE_TABLE, "ALARMS", NULL, "raised alarms" },
	{ "findings", LB_FIELD_ROWS, LB_PLACE_SHOW, "FINDINGS", NULL, "[{object, text, fix}]" },
	{ "problems", LB_FIELD_ROWS, LB_PLACE_SHOW, "PROBLEMS", NULL, "backend rows that are not up" },
	{ "problems_more", LB_FIELD_NUMBER, LB_PLACE_SHOW, "MORE", NULL, "problems beyond those listed" },
	{ "workers", LB_FIELD_ROWS, LB_PLACE_SHOW, "WORKERS", NULL,
		"[{name, pid, restarts, rss, up}, and probes, late_p50, late_p99 or instances, lag]" },
	{ .key = NULL },
};

static const struct lb_field daemon_fields[] = {
	{ "node", LB_FIELD_TEXT, LB_PLACE_TABLE, "NODE", NULL, "this node" },
	{ "version", LB_FIELD_TEXT, LB_PLACE_TABLE, "VERSION", NULL, "of the daemon" },
	{ "pid", LB_FIELD_NUMBER, LB_PLACE_TABLE, "PID", NULL, "of the core" },
	{ "uptime", LB_FIELD_SECONDS, LB_PLACE_TABLE, "UPTIME", NULL, "since the daemon started" },
	{ "generation", LB_FIELD_NUMBER, LB_PLACE_TABLE, "GENERATION", NULL, "configuration that runs" },
	{ "ready", LB_FIELD_BOOL, LB_PLACE_TABLE, "READY", NULL, "first verdicts in, kernel as desired" },
	{ "started", LB_FIELD_TIME, LB_PLACE_SHOW, "STARTED", NULL, "when" },
	{ "file", LB_FIELD_TEXT, LB_PLACE_SHOW, "FILE", "configuration", "file the daemon was started with" },
	{ "state_dir", LB_FIELD_TEXT, LB_PLACE_SHOW, "STATE", NULL, "directory of overrides and generations" },
	{ "loaded", LB_FIELD_TIME, LB_PLACE_SHOW, "LOADED", NULL, "when the generation was applied" },
	{ "services", LB_FIELD_NUMBER, LB_PLACE_SHOW, "SERVICES", NULL, "configured" },
	{ "backends", LB_FIELD_NUMBER, LB_PLACE_SHOW, "BACKENDS", NULL, "configured" },
	{ "targets", LB_FIELD_NUMBER, LB_PLACE_SHOW, "TARGETS", NULL, "what is probed" },
	{ "kernel", LB_FIELD_TEXT, LB_PLACE_SHOW, "KERNEL", "kernel", "release" },
	{ "ipvs_version", LB_FIELD_TEXT, LB_PLACE_SHOW, "IPVS", NULL, "version of IPVS" },
	{ "conn_tab_size", LB_FIELD_NUMBER, LB_PLACE_SHOW, "BUCKETS", NULL, "of the connection table" },
	{ "kernel_services", LB_FIELD_NUMBER, LB_PLACE_SHOW, "SERVICES", NULL, "of ours in the kernel" },
	{ "kernel_dests", LB_FIELD_NUMBER, LB_PLACE_SHOW, "DESTS", NULL, "of ours in the kernel" },
	{ "foreign_services", LB_FIELD_NUMBER, LB_PLACE_SHOW, "FOREIGN", NULL, "kernel services that are not ours" },
	{ "kernel_writes", LB_FIELD_COUNTER, LB_PLACE_SHOW, "WRITES", NULL, "operations sent since the start" },
	{ "kernel_refusals", LB_FIELD_COUNTER, LB_PLACE_SHOW, "REFUSALS", NULL, "operations the kernel refused" },
	{ "audits", LB_FIELD_COUNTER, LB_PLACE_SHOW, "AUDITS", NULL, "times the kernel was compared" },
	{ "repairs", LB_FIELD_COUNTER, LB_PLACE_SHOW, "REPAIRS", NULL, "drift put right since the start" },
	{ "rss", LB_FIELD_BYTES, LB_PLACE_SHOW, "RSS", "process", "memory of the core" },
	{ "clients", LB_FIELD_NUMBER, LB_PLACE_SHOW, "CLIENTS", NULL, "on the control sockets" },
	{ "workers", LB_FIELD_ROWS, LB_PLACE_SHOW, "WORKERS", NULL,
		"[{name, pid, restarts, rss, up}, and probes, late_p50, late_p99 or instances, lag]" },
	{ .key = NULL },
};

static const struct lb_field log_fields[] = {
	{ "subsystem", LB_FIELD_TEXT, LB_PLACE_TABLE, "SUBSYSTEM", NULL, "config, ipvs, check, vrrp, sync, ctl" },
	{ "level", LB_FIELD_TEXT, LB_PLACE_TABLE, "LEVEL", NULL, "error, warning, notice, info, debug" },
	{ "configured", LB_FIELD_TEXT, LB_PLACE_TABLE, "CONFIGURED", NULL, "what it is without an operator's word" },
	{ "left", LB_FIELD_SECONDS, LB_PLACE_TABLE, "LEFT", NULL, "until that holds again; absent: not by itself" },
	{ "expires", LB_FIELD_TIME, LB_PLACE_SHOW, "EXPIRES", NULL, "when that is" },
	{ .key = NULL },
};

static const struct lb_field finding_fields[] = {
	{ "check", LB_FIELD_TEXT, LB_PLACE_TABLE, "CHECK", NULL, "what was looked at: sysctl, module, route ..." },
	{ "result", LB_FIELD_STATE, LB_PLACE_WIDE, "RESULT", NULL, "found; skipped: it could not be looked at" },
	{ "object", LB_FIELD_TEXT, LB_PLACE_TABLE, "OBJECT", NULL, "service/web, vrrp/wan4, host ..." },
	{ "text", LB_FIELD_TEXT, LB_PLACE_TABLE, "TEXT", NULL, "what is wrong" },
	{ "fix", LB_FIELD_TEXT, LB_PLACE_TABLE, "MEND", NULL, "the line that mends it" },
	{ .key = NULL },
};

static const struct lb_field change_fields[] = {
	{ "op", LB_FIELD_TEXT, LB_PLACE_TABLE, "OP", NULL, "add, change, remove; told, not counted: keep, refused" },
	{ "object", LB_FIELD_TEXT, LB_PLACE_TABLE, "OBJECT", NULL, "service/web, backend/web/app1, a kernel service" },
	{ "key", LB_FIELD_TEXT, LB_PLACE_TABLE, "KEY", NULL, "what of it; absent for the whole object" },
	{ "before", LB_FIELD_TEXT, LB_PLACE_TABLE, "BEFORE", NULL, "value that goes" },
	{ "after", LB_FIELD_TEXT, LB_PLACE_TABLE, "AFTER", NULL, "value that comes" },
	{ "note", LB_FIELD_TEXT, LB_PLACE_TABLE, "NOTE", NULL, "hidden by an override, not ours, ..." },
	{ .key = NULL },
};

static const struct lb_field generation_fields[] = {
	{ "generation", LB_FIELD_NUMBER, LB_PLACE_TABLE, "GENERATION", NULL, "its number" },
	{ "state", LB_FIELD_STATE, LB_PLACE_TABLE, "STATE", NULL,
		"confirmed; pending: waits for a confirm; rolled_back; failed; damaged: its file is set aside" },
	{ "runs", LB_FIELD_BOOL, LB_PLACE_TABLE, "RUNS", NULL, "it is the one that runs" },
	{ "time", LB_FIELD_TIME, LB_PLACE_TABLE, "SINCE", NULL, "when it was applied" },
	{ "user", LB_FIELD_TEXT, LB_PLACE_TABLE, "BY", NULL, "who applied it" },
	{ "message", LB_FIELD_WORDS, LB_PLACE_TABLE, "MESSAGE", NULL, "what it is for" },
	{ "why", LB_FIELD_WORDS, LB_PLACE_TABLE, "WHY", NULL, "why it was rolled back, or failed" },
	{ "digest", LB_FIELD_TEXT, LB_PLACE_SHOW, "DIGEST", NULL,
		"SHA-256 of its texts, as cat FILE... | sha256sum says" },
	{ .key = NULL },
};

static const struct lb_field text_fields[] = {
	{ "file", LB_FIELD_TEXT, LB_PLACE_TABLE, "FILE", NULL, "file of the set" },
	{ "text", LB_FIELD_TEXT, LB_PLACE_TABLE, "TEXT", NULL, "a part of it; rows of one file follow each other" },
	{ .key = NULL },
};

static const struct lb_field event_fields[] = {
	{ "schema", LB_FIELD_NUMBER, LB_PLACE_SHOW, "SCHEMA", NULL, "1" },
	{ "seq", LB_FIELD_NUMBER, LB_PLACE_TABLE, "SEQ", NULL, "number, without gaps within a run of the daemon" },
	{ "time", LB_FIELD_TIME, LB_PLACE_TABLE, "TIME", NULL, "" },
	{ "mono", LB_FIELD_SECONDS, LB_PLACE_SHOW, "MONO", NULL,
		"the monotonic clock: orders when the other one jumps" },
	{ "node", LB_FIELD_TEXT, LB_PLACE_SHOW, "NODE", NULL, "where it happened" },
	{ "event", LB_FIELD_TEXT, LB_PLACE_TABLE, "EVENT", NULL, "backend.health ..." },
	{ "level", LB_FIELD_TEXT, LB_PLACE_TABLE, "LEVEL", NULL, "error, warning, notice, info" },
	{ "object", LB_FIELD_TEXT, LB_PLACE_TABLE, "OBJECT", NULL, "backend/web/app1 ..." },
	{ "old", LB_FIELD_STATE, LB_PLACE_TABLE, "OLD", NULL, "the state before" },
	{ "new", LB_FIELD_STATE, LB_PLACE_TABLE, "NEW", NULL, "the state now" },
	{ "reason", LB_FIELD_TEXT, LB_PLACE_TABLE, "REASON", NULL, "why; of an alarm: its name" },
	{ "user", LB_FIELD_TEXT, LB_PLACE_SHOW, "USER", NULL, "who wanted it" },
	{ "data", LB_FIELD_OBJECT, LB_PLACE_SHOW, "DATA", NULL, "what else there is to say" },
	{ "line", LB_FIELD_WORDS, LB_PLACE_SHOW, "LINE", NULL, "all of it for people" },
	{ .key = NULL },
};

static const struct lb_field kernel_head_fields[] = {
	{ "type", LB_FIELD_TEXT, LB_PLACE_TABLE, "TYPE", NULL, "head" },
	{ "version", LB_FIELD_TEXT, LB_PLACE_TABLE, "VERSION", NULL, "of IPVS: 1.2.1" },
	{ "size", LB_FIELD_NUMBER, LB_PLACE_TABLE, "SIZE", NULL, "buckets of the connection table" },
	{ .key = NULL },
};

#define COUNTERS                                                                                                       \
	{ "connections", LB_FIELD_COUNTER, LB_PLACE_TABLE, "CONNS", NULL, "" },                                        \
		{ "incoming_packets", LB_FIELD_COUNTER, LB_PLACE_TABLE, "INPKTS", NULL, "" },                          \
		{ "outgoing_packets", LB_FIELD_COUNTER, LB_PLACE_TABLE, "OUTPKTS", NULL, "" },                         \
		{ "incoming_bytes", LB_FIELD_BYTES, LB_PLACE_TABLE, "INBYTES", NULL, "" },                             \
		{ "outgoing_bytes", LB_FIELD_BYTES, LB_PLACE_TABLE, "OUTBYTES", NULL, "" },                            \
		{ "connections_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "CPS", NULL, "" },                          \
		{ "incoming_packets_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "INPPS", NULL, "" },                   \
		{ "outgoing_packets_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "OUTPPS", NULL, "" },                  \
		{ "incoming_bytes_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "INBPS", NULL, "" },                     \
	{                                                                                                              \
		"outgoing_bytes_per_second", LB_FIELD_RATE, LB_PLACE_TABLE, "OUTBPS", NULL, ""                         \
	}

static const struct lb_field kernel_service_fields[] = {
	{ "type", LB_FIELD_TEXT, LB_PLACE_TABLE, "TYPE", NULL, "service" },
	{ "af", LB_FIELD_TEXT, LB_PLACE_TABLE, "AF", NULL, "inet, inet6" },
	{ "protocol", LB_FIELD_TEXT, LB_PLACE_TABLE, "PROTOCOL", NULL, "tcp, udp, sctp; absent for a mark" },
	{ "address", LB_FIELD_TEXT, LB_PLACE_TABLE, "ADDRESS", NULL, "absent for a mark" },
	{ "port", LB_FIELD_NUMBER, LB_PLACE_TABLE, "PORT", NULL, "absent for a mark" },
	{ "fwmark", LB_FIELD_NUMBER, LB_PLACE_TABLE, "FWMARK", NULL, "absent or 0: none" },
	{ "scheduler", LB_FIELD_TEXT, LB_PLACE_TABLE, "SCHEDULER", NULL, "" },
	{ "flags", LB_FIELD_LIST, LB_PLACE_TABLE, "FLAGS", NULL,
		"mh-port ..., flag-1 where the scheduler has no name" },
	{ "persistent", LB_FIELD_NUMBER, LB_PLACE_TABLE, "PERSISTENT", NULL, "seconds; absent: not persistent" },
	{ "prefix", LB_FIELD_NUMBER, LB_PLACE_TABLE, "PREFIX", NULL, "bits of the client address that count" },
	{ "engine", LB_FIELD_TEXT, LB_PLACE_TABLE, "ENGINE", NULL, "persistence engine; absent or empty: none" },
	{ "one_packet", LB_FIELD_BOOL, LB_PLACE_TABLE, "OPS", NULL, "" },
	COUNTERS,
	{ .key = NULL },
};

static const struct lb_field kernel_dest_fields[] = {
	{ "type", LB_FIELD_TEXT, LB_PLACE_TABLE, "TYPE", NULL, "dest, of the service before it" },
	{ "address", LB_FIELD_TEXT, LB_PLACE_TABLE, "ADDRESS", NULL, "" },
	{ "port", LB_FIELD_NUMBER, LB_PLACE_TABLE, "PORT", NULL, "" },
	{ "method", LB_FIELD_TEXT, LB_PLACE_TABLE, "METHOD", NULL, "nat dr tun local bypass" },
	{ "weight", LB_FIELD_NUMBER, LB_PLACE_TABLE, "WEIGHT", NULL, "" },
	{ "upper", LB_FIELD_NUMBER, LB_PLACE_TABLE, "UPPER", NULL, "" },
	{ "lower", LB_FIELD_NUMBER, LB_PLACE_TABLE, "LOWER", NULL, "" },
	{ "active", LB_FIELD_NUMBER, LB_PLACE_TABLE, "ACTIVE", NULL, "" },
	{ "inactive", LB_FIELD_NUMBER, LB_PLACE_TABLE, "INACTIVE", NULL, "" },
	{ "tunnel_type", LB_FIELD_TEXT, LB_PLACE_TABLE, "TUNNEL", NULL, "ipip gue gre; absent unless tun" },
	{ "tunnel_port", LB_FIELD_NUMBER, LB_PLACE_TABLE, "TUNPORT", NULL, "" },
	{ "tunnel_csum", LB_FIELD_TEXT, LB_PLACE_TABLE, "TUNCSUM", NULL, "nocsum csum remcsum" },
	COUNTERS,
	{ .key = NULL },
};

const struct lb_row lb_rows[] = {
	[LB_ROW_NONE] = { "none", none_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_SERVICE] = { "service", service_fields, "service", "services", "status", "up" },
	[LB_ROW_SERVICE_STATS] = { "service_stats", service_stats_fields, "listener", "listeners", NULL, NULL },
	[LB_ROW_SERVICE_RATE] = { "service_rate", service_rate_fields, "listener", "listeners", NULL, NULL },
	[LB_ROW_BACKEND] = { "backend", backend_fields, "backend", "backends", "state", "up" },
	[LB_ROW_BACKEND_STATS] = { "backend_stats", backend_stats_fields, "row", "rows", NULL, NULL },
	[LB_ROW_BACKEND_RATE] = { "backend_rate", backend_rate_fields, "row", "rows", NULL, NULL },
	[LB_ROW_TARGET] = { "target", target_fields, "target", "targets", "state", "up" },
	[LB_ROW_CHECK] = { "check", check_fields, "check", "checks", NULL, NULL },
	[LB_ROW_TRANSITION] = { "transition", transition_fields, "change", "changes", NULL, NULL },
	[LB_ROW_TRACE] = { "trace", trace_fields, "change", "changes", NULL, NULL },
	[LB_ROW_RUN] = { "run", run_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_CONN] = { "conn", conn_fields, "flow", "flows", NULL, NULL },
	[LB_ROW_CONN_COUNT] = { "conn_count", conn_count_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_VRRP] = { "vrrp", vrrp_fields, "instance", "instances", "state", "" },
	[LB_ROW_PEER] = { "peer", peer_fields, "node", "nodes", "state", "up" },
	[LB_ROW_MOVE] = { "move", move_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_SYNC] = { "sync", sync_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_STATUS] = { "status", status_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_DAEMON] = { "daemon", daemon_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_LOG] = { "log", log_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_FINDING] = { "finding", finding_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_CHANGE] = { "change", change_fields, "difference", "differences", NULL, NULL },
	[LB_ROW_TEXT] = { "text", text_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_EVENT] = { "event", event_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_GENERATION] = { "generation", generation_fields, "generation", "generations", NULL, NULL },
	[LB_ROW_KERNEL_HEAD] = { "kernel_head", kernel_head_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_KERNEL_SERVICE] = { "kernel_service", kernel_service_fields, NULL, NULL, NULL, NULL },
	[LB_ROW_KERNEL_DEST] = { "kernel_dest", kernel_dest_fields, NULL, NULL, NULL, NULL },
};
_Static_assert(sizeof(lb_rows) / sizeof(lb_rows[0]) == LB_ROW_COUNT, "one row per type of row");

const struct lb_reason lb_reasons[] = {
	{ "service_maint", true, "its service is in maintenance" },
	{ "admin_maint", true, "it is in maintenance" },
	{ "admin_drain", true, "it is being drained: no new flows" },
	{ "forced_down", true, "an operator has forced it down" },
	{ "check_failed", true, "the check fails" },
	{ "flapping", true, "it fell too often and is kept out until it has been calm" },
	{ "not_checked", true, "no check has judged it yet" },
	{ "zero_weight", true, "its weight is 0: no new flows" },
	{ "quorum_lost", true, "too few backends are up: all are out" },
	{ "kernel_refused", true, "the kernel refused it" },
	{ "fail_open", false, "too many failed at once: the fault is rather on this side, so it stays" },
	{ "quorum_open", false, "too few backends are up: its check is ignored" },
	{ "forced_up", false, "an operator has forced it up, whatever its check says" },
	{ "check_weight", false, "it asked for this weight itself" },
	{ "overloaded", false, "it is above max_connections, the kernel sends it no new flows" },
	{ "slow_start", false, "its weight is still rising" },
};
const size_t lb_reasons_n = sizeof(lb_reasons) / sizeof(lb_reasons[0]);

const struct lb_field *lb_row_field(enum lb_row_type type, const char *key)
{
	for (const struct lb_field *f = lb_rows[type].fields; f->key; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

const struct lb_reason *lb_reason_find(const char *code)
{
	for (size_t i = 0; i < lb_reasons_n; i++)
		if (strcmp(lb_reasons[i].code, code) == 0)
			return &lb_reasons[i];
	return NULL;
}
