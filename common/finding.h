/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `lbctl doctor` can find: one row per kind of finding, with what it looks at, how it is said, and the line that
 * mends it. Who judges (lbd/host/doctor.c about the host, lbctl/doctor.c about the daemon) fills in the places {0},
 * {1} ... and decides nothing about words.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum lb_finding_id {
	LB_FINDING_DAEMON,
	LB_FINDING_VERSION,
	LB_FINDING_CONFIG,
	LB_FINDING_DIFFERS,
	LB_FINDING_ALARM,
	LB_FINDING_PEER_VERSION,
	LB_FINDING_PEER_CLOCK,
	LB_FINDING_MODULE,
	LB_FINDING_SYSCTL,
	LB_FINDING_ARP,
	LB_FINDING_ADDRESS,
	LB_FINDING_NO_CARD,
	LB_FINDING_CARD_DOWN,
	LB_FINDING_CARRIER,
	LB_FINDING_SOURCE,
	LB_FINDING_ROUTE,
	LB_FINDING_GATEWAY,
	LB_FINDING_CHECK_ROUTE,
	LB_FINDING_MTU,
	LB_FINDING_FIREWALL_VRRP,
	LB_FINDING_FIREWALL_PEER,
	LB_FINDING_FIREWALL_FORWARD,
	LB_FINDING_PROGRAM,
	LB_FINDING_CLOCK,
	LB_FINDING_USER,
	LB_FINDING_GROUP,
	LB_FINDING_NO_FILE,
	LB_FINDING_FILE_SECRET,
	LB_FINDING_FILE_READ,
	LB_FINDING_FILE_KEY,
	LB_FINDING_STATE_DIR,
	LB_FINDING_SOCKET
};
#define LB_FINDING_COUNT 32

struct lb_finding_row {
	const char *name;     /* "sysctl": findings that belong together have the same */
	const char *looks_at; /* for the manual page */
	const char *text, *mend;
};

extern const struct lb_finding_row lb_findings[LB_FINDING_COUNT];

#define LB_FINDING_ARGS 6

/* The template with its places filled; a place without an argument stays empty. Cut at size. Returns out. */
const char *lb_finding_fill(const char *template, const char *const args[LB_FINDING_ARGS], char *out, size_t size);

/* One as LB_ROW_FINDING: new reference, NULL without memory. skipped: it could not be looked at. fix may be NULL or "".
 */
json_t *lb_finding_json(const char *check, bool skipped, const char *object, const char *text, const char *fix);
