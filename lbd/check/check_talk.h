/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a probe and a server say to each other in SMTP, IMAP, POP3, FTP and LDAP: a table of steps per protocol, each a
 * line to send and the answer that is wanted, with TLS in between where the check asks for STARTTLS. The bytes of the
 * server come in pieces of any size, and the result does not depend on where they were cut.
 *
 * libcurl carries these bytes but does not speak them: when a transfer of its own SMTP, IMAP, POP3 or FTP ends, it says
 * QUIT and waits for the answer without returning to the loop (measured: 6 s for a server that took 6 s to answer, with
 * a limit of 2 s), and one such backend would hold up every other probe.
 */
#pragma once

#include "lbd/check/check_ldap.h"
#include "lbd/check/check_types.h"

#define CHECK_TALK_MAX   ((size_t)65536) /* bytes of the server in one probe */
#define CHECK_TALK_PIECE 4096u           /* the longest line, or LDAP message */

struct check_talk_step;

struct check_talk {
	enum check_type type;
	bool starttls, secured;
	const char *base; /* LDAP, borrowed */
	const struct check_talk_step *step;
	size_t seen, n, out_n;
	bool entry; /* LDAP: the entry has come */
	bool more;  /* FTP: inside a long answer */
	struct check_result result;
	uint8_t in[CHECK_TALK_PIECE];
	uint8_t out[CHECK_LDAP_OUT_MAX];
};

enum check_talk_next {
	CHECK_TALK_READ, /* more bytes of the server */
	CHECK_TALK_SEND, /* t->out, out_n bytes; then read */
	CHECK_TALK_TLS,  /* make the connection a TLS one, then check_talk_secured */
	CHECK_TALK_END   /* t->result */
};

/* Whether this type is a dialogue of this kind. */
bool check_talk_knows(enum check_type type);

/* The connection is open. base: the entry that LDAP asks for, NULL = the root. */
enum check_talk_next check_talk_open(struct check_talk *t, enum check_type type, bool starttls, const char *base);

/* Bytes of the server: any. */
enum check_talk_next check_talk_feed(struct check_talk *t, const void *bytes, size_t n);

/* The handshake that CHECK_TALK_TLS asked for is done. */
enum check_talk_next check_talk_secured(struct check_talk *t);

/* What the last thing sent was, for people: "EHLO". */
const char *check_talk_about(const struct check_talk *t);

/* The connection has ended, or the deadline has come: what that means now. */
void check_talk_closed(const struct check_talk *t, struct check_result *r);
void check_talk_waiting(const struct check_talk *t, char out[CHECK_TEXT_MAX]);

/* After a good end: the good-bye, in t->out. No answer is waited for. */
void check_talk_bye(struct check_talk *t);
