/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_talk.h"

#include "lbd/check/check_result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What one line of a server says. */
enum answer {
	ANSWER_MORE, /* the answer goes on, or this line is not part of it */
	ANSWER_YES,
	ANSWER_NO, /* an answer, but not the wanted one */
	ANSWER_BAD /* not this protocol */
};

struct check_talk_step {
	const char *send; /* NULL: the server speaks first */
	const char *want; /* the answer begins so; its form is the protocol's */
	const char *what; /* for people: no answer to ... */
	bool for_tls;     /* only with STARTTLS, before TLS; its yes is followed by the handshake */
};

/* RFC 5321, 3207 */
static const struct check_talk_step smtp[] = {
	{ NULL, "220", "greeting", false },
	{ "EHLO localhost\r\n", "250", "EHLO", false },
	{ "STARTTLS\r\n", "220", "STARTTLS", true },
	{ "EHLO localhost\r\n", "250", "EHLO", false },
	{ "NOOP\r\n", "250", "NOOP", false },
	{ 0 },
};

/* RFC 9051, 2595. The tag is the first word that is sent. */
static const struct check_talk_step imap[] = {
	{ NULL, "*", "greeting", false },
	{ "a1 STARTTLS\r\n", "a1", "STARTTLS", true },
	{ "a2 NOOP\r\n", "a2", "NOOP", false },
	{ 0 },
};

/* RFC 1939, 2449, 2595 */
static const struct check_talk_step pop3[] = {
	{ NULL, "+OK", "greeting", false },
	{ "STLS\r\n", "+OK", "STLS", true },
	{ "CAPA\r\n", "+OK", "CAPA", false },
	{ 0 },
};

/* RFC 959, 4217. A server that greets is up; whether it would let us in is not asked. */
static const struct check_talk_step ftp[] = {
	{ NULL, "220", "greeting", false },
	{ "AUTH TLS\r\n", "234", "AUTH TLS", true },
	{ 0 },
};

/* RFC 4511; send is made by check_ldap */
static const struct check_talk_step ldap[] = {
	{ "", "", "StartTLS", true },
	{ "", "", "search", false },
	{ 0 },
};

static const struct check_talk_step *steps_of(enum check_type type)
{
	switch ((int)type) {
	case CHECK_TYPE_SMTP: return smtp;
	case CHECK_TYPE_IMAP: return imap;
	case CHECK_TYPE_POP3: return pop3;
	case CHECK_TYPE_FTP: return ftp;
	case CHECK_TYPE_LDAP: return ldap;
	default: return NULL;
	}
}

bool check_talk_knows(enum check_type type)
{
	return steps_of(type) != NULL;
}

/* ---- going on ---- */

static enum check_talk_next end(struct check_talk *t, enum check_code code, const char *text)
{
	check_result_set(&t->result, code, text);
	return CHECK_TALK_END;
}

static enum check_talk_next end_reply(
	struct check_talk *t, enum check_code code, const char *why, const void *line, size_t n)
{
	check_result_reply(&t->result, why, line, n < 48 ? n : 48, n > 48);
	t->result.code = code;
	return CHECK_TALK_END;
}

/* What this step sends, if it does, or that its answer is waited for. */
static enum check_talk_next begin(struct check_talk *t)
{
	const struct check_talk_step *s = t->step;
	if (!s->what)
		return end(t, CHECK_CODE_L7OK, t->secured ? "good answers, TLS" : "good answers");
	if (!s->send)
		return CHECK_TALK_READ;
	if (t->type == CHECK_TYPE_LDAP) {
		t->out_n = s->for_tls ? check_ldap_starttls(t->out, 1) : check_ldap_search(t->out, 2, t->base);
		return t->out_n ? CHECK_TALK_SEND : end(t, CHECK_CODE_SOCKERR, "the base DN is too long");
	}
	t->out_n = strlen(s->send);
	memcpy(t->out, s->send, t->out_n);
	return CHECK_TALK_SEND;
}

/* Over what only STARTTLS needs: its own step, and in SMTP the EHLO before it is then the only one. */
static void skip(struct check_talk *t)
{
	if (!t->step->for_tls || t->starttls)
		return;
	t->step += t->type == CHECK_TYPE_SMTP ? 2 : 1;
}

static enum check_talk_next yes(struct check_talk *t)
{
	if (t->step->for_tls)
		return CHECK_TALK_TLS;
	t->step++;
	skip(t);
	return begin(t);
}

enum check_talk_next check_talk_open(struct check_talk *t, enum check_type type, bool starttls, const char *base)
{
	t->type = type;
	t->starttls = starttls;
	t->secured = t->entry = t->more = false;
	t->base = base ? base : "";
	t->step = steps_of(type);
	t->seen = t->n = t->out_n = 0;
	t->result = (struct check_result){ 0 };
	skip(t);
	return begin(t);
}

enum check_talk_next check_talk_secured(struct check_talk *t)
{
	t->secured = true;
	t->step++;
	skip(t);
	return begin(t);
}

/* ---- lines ---- */

static bool starts(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

/* "250-more" and "250 last" */
static enum answer numbered(const struct check_talk_step *s, const char *line, size_t n)
{
	for (size_t i = 0; i < 3; i++)
		if (i >= n || line[i] < '0' || line[i] > '9')
			return ANSWER_BAD;
	if (n > 3 && line[3] != ' ' && line[3] != '-')
		return ANSWER_BAD;
	if (!starts(line, n, s->want))
		return ANSWER_NO;
	return n > 3 && line[3] == '-' ? ANSWER_MORE : ANSWER_YES;
}

static enum answer of_imap(const struct check_talk_step *s, const char *line, size_t n)
{
	bool greeting = s->send == NULL;
	if (starts(line, n, "* BYE"))
		return ANSWER_NO;
	if (greeting)
		return starts(line, n, "* OK") || starts(line, n, "* PREAUTH") ? ANSWER_YES : ANSWER_BAD;
	if (starts(line, n, "* "))
		return ANSWER_MORE;
	if (!starts(line, n, s->want) || n < 4 || line[2] != ' ')
		return ANSWER_BAD;
	return starts(line + 3, n - 3, "OK") ? ANSWER_YES : ANSWER_NO;
}

static enum answer of_pop3(const struct check_talk_step *s, const char *line, size_t n)
{
	if (starts(line, n, "+OK"))
		return ANSWER_YES;
	if (!starts(line, n, "-ERR"))
		return ANSWER_BAD;
	return s->send && starts(s->send, 4, "CAPA") ? ANSWER_YES
						     : ANSWER_NO; /* older than CAPA, and it has answered */
}

/* Between "220-" and "220 " any line may stand (RFC 959 4.2). */
static enum answer of_ftp(struct check_talk *t, const char *line, size_t n)
{
	enum answer a = numbered(t->step, line, n);
	if (t->more && a != ANSWER_YES)
		return ANSWER_MORE;
	t->more = a == ANSWER_MORE;
	return a;
}

static enum answer line_says(struct check_talk *t, const char *line, size_t n)
{
	switch ((int)t->type) {
	case CHECK_TYPE_SMTP: return numbered(t->step, line, n);
	case CHECK_TYPE_IMAP: return of_imap(t->step, line, n);
	case CHECK_TYPE_POP3: return of_pop3(t->step, line, n);
	case CHECK_TYPE_FTP: return of_ftp(t, line, n);
	default: return ANSWER_BAD;
	}
}

static enum check_talk_next judge_line(struct check_talk *t, const char *line, size_t n)
{
	char not_this[24];
	while (n && line[n - 1] == '\r')
		n--;
	switch (line_says(t, line, n)) {
	case ANSWER_MORE: return CHECK_TALK_READ;
	case ANSWER_YES: return yes(t);
	case ANSWER_NO: return end_reply(t, CHECK_CODE_L7STS, t->step->what, line, n);
	case ANSWER_BAD: break;
	}
	snprintf(not_this, sizeof(not_this), "not %s", check_types[t->type].name);
	return end_reply(t, CHECK_CODE_L7RSP, not_this, line, n);
}

/* ---- LDAP ---- */

static enum check_talk_next judge_ldap(struct check_talk *t, const struct check_ldap_msg *m)
{
	char name[24], text[CHECK_TEXT_MAX];
	if (m->op == CHECK_LDAP_ENTRY || m->op == CHECK_LDAP_REFERENCE) {
		t->entry |= m->op == CHECK_LDAP_ENTRY;
		return t->step->for_tls ? end(t, CHECK_CODE_L7RSP, "an entry instead of StartTLS") : CHECK_TALK_READ;
	}
	bool notice = m->op == CHECK_LDAP_EXTENDED && m->id == 0; /* of disconnection, RFC 4511 4.4.1 */
	if (!notice && m->op != (t->step->for_tls ? CHECK_LDAP_EXTENDED : CHECK_LDAP_DONE))
		return end(t, CHECK_CODE_L7RSP, "another LDAP message than the answer");
	if (notice || m->result != 0) {
		snprintf(text, sizeof(text), "%s: %s", t->step->what, check_ldap_result(m->result, name));
		return end(t, CHECK_CODE_L7STS, text);
	}
	if (t->step->for_tls || t->entry)
		return yes(t);
	return end(t, CHECK_CODE_L7STS, "search: no entry");
}

/* ---- bytes ---- */

/* The first line or message of t->in: its length, 0 none yet. */
static size_t next_piece(struct check_talk *t, enum check_talk_next *next)
{
	if (t->type == CHECK_TYPE_LDAP) {
		struct check_ldap_msg m = { 0 };
		long n = check_ldap_read(t->in, t->n, sizeof(t->in), &m);
		if (n > 0)
			*next = judge_ldap(t, &m);
		else if (n < 0)
			*next = n == -EMSGSIZE ? end(t, CHECK_CODE_L7RSP, "an LDAP message of more than 4 KiB")
					       : end_reply(t, CHECK_CODE_L7RSP, "not ldap", t->in, t->n);
		return n > 0 ? (size_t)n : 0;
	}
	const uint8_t *lf = memchr(t->in, '\n', t->n);
	if (lf) {
		*next = judge_line(t, (const char *)t->in, (size_t)(lf - t->in));
		return (size_t)(lf - t->in) + 1;
	}
	if (t->n == sizeof(t->in))
		*next = end_reply(t, CHECK_CODE_L7RSP, "line too long", t->in, t->n);
	return 0;
}

enum check_talk_next check_talk_feed(struct check_talk *t, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;
	enum check_talk_next next = CHECK_TALK_READ;
	while (n && next == CHECK_TALK_READ) {
		size_t room = sizeof(t->in) - t->n, take = n < room ? n : room, used;
		memcpy(t->in + t->n, from, take);
		t->n += take;
		t->seen += take;
		from += take;
		n -= take;
		while (next == CHECK_TALK_READ && (used = next_piece(t, &next)) != 0) {
			t->n -= used;
			memmove(t->in, t->in + used, t->n);
		}
	}
	/* Whatever an attacker has put before the handshake must not count as said inside of it. */
	if (next == CHECK_TALK_TLS && (t->n || n))
		return end(t, CHECK_CODE_L7RSP, "bytes between the answer and the handshake");
	/* Only in IMAP may a server say something on its own at any time. */
	if (next == CHECK_TALK_SEND && (n || (t->n && t->type != CHECK_TYPE_IMAP)))
		return end(t, CHECK_CODE_L7RSP, "it speaks before it is asked");
	if (next == CHECK_TALK_READ && t->seen > CHECK_TALK_MAX)
		return end(t, CHECK_CODE_L7RSP, "more than 64 KiB and no answer");
	return next;
}

const char *check_talk_about(const struct check_talk *t)
{
	return t->step->what;
}

void check_talk_closed(const struct check_talk *t, struct check_result *r)
{
	char text[CHECK_TEXT_MAX];
	if (t->n) {
		check_result_reply(r, "closed", (const char *)t->in, t->n < 40 ? t->n : 40, t->n > 40);
		return;
	}
	snprintf(text, sizeof(text), "closed, no %s%s", t->step->send ? "answer to " : "", t->step->what);
	check_result_set(r, CHECK_CODE_L7RSP, text);
}

void check_talk_waiting(const struct check_talk *t, char out[CHECK_TEXT_MAX])
{
	if (t->step->send)
		snprintf(out, CHECK_TEXT_MAX, "no answer to %s", t->step->what);
	else
		snprintf(out, CHECK_TEXT_MAX, t->seen ? "the greeting did not end" : "connected, no greeting");
}

void check_talk_bye(struct check_talk *t)
{
	if (t->type == CHECK_TYPE_LDAP) {
		t->out_n = check_ldap_unbind(t->out, 3);
		return;
	}
	const char *bye = t->type == CHECK_TYPE_IMAP ? "a3 LOGOUT\r\n" : "QUIT\r\n";
	t->out_n = strlen(bye);
	memcpy(t->out, bye, t->out_n);
}
