/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void check_result_set(struct check_result *r, enum check_code code, const char *text)
{
	r->code = code;
	size_t n = strnlen(text, sizeof(r->text) - 1); /* for every probe: no format is parsed */
	memcpy(r->text, text, n);
	r->text[n] = 0;
}

/* "Connection refused" -> "connection refused": the text stands inside a line. */
void check_result_errno(struct check_result *r, enum check_code code, int err)
{
	const char *text = strerrordesc_np(err);
	check_result_set(r, code, text ? text : "unknown error");
	if (r->text[0] >= 'A' && r->text[0] <= 'Z' && r->text[1] >= 'a' && r->text[1] <= 'z')
		r->text[0] = (char)(r->text[0] + 'a' - 'A');
}

static bool ours(int err, enum check_from from)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL: /* no source port is left, or no source address */
	case EADDRINUSE:
	case EAGAIN:
	case EINTR:
	case EPERM: /* our own packet filter; a seccomp filter answers the same */
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case EINVAL: /* see may_be_route */
	case EBADF:
	case ENODEV:
	case ENETDOWN: return true; /* our interface; a network that is gone elsewhere is ENETUNREACH */
	case EACCES: return from == CHECK_FROM_US;
	default: return false;
	}
}

/* Two words of a call have two meanings. EINVAL is a blackhole route, and as well a link-local address without its
 * interface, or a source that this host does not have (ip_nonlocal_bind); EACCES is a prohibit route, and as well an
 * LSM that does not let us connect, which must not take all backends down. No errno tells them apart: the kernel does
 * when it is asked for the route, so until then they are ours. */
static bool may_be_route(int err)
{
	return err == EINVAL || err == EACCES;
}

void check_result_connect(struct check_result *r, int err, enum check_from from)
{
	r->ask_route = ours(err, from) && may_be_route(err);
	if (ours(err, from))
		check_result_errno(r, CHECK_CODE_SOCKERR, err);
	else if (err == ETIMEDOUT)
		check_result_errno(r, CHECK_CODE_L4TOUT, err);
	else if (err == EACCES)
		check_result_set(r, CHECK_CODE_L4CON, "administratively prohibited");
	else
		check_result_errno(r, CHECK_CODE_L4CON, err);
}

void check_result_talk(struct check_result *r, int err)
{
	check_result_errno(
		r, err == ENOBUFS || err == ENOMEM || err == EPERM ? CHECK_CODE_SOCKERR : CHECK_CODE_L7RSP, err);
}

void check_result_distrust(struct check_result *r, int64_t stalled_us, uint32_t timeout_ms)
{
	bool timed_out = r->code == CHECK_CODE_L3TOUT || r->code == CHECK_CODE_L4TOUT || r->code == CHECK_CODE_L6TOUT ||
			 r->code == CHECK_CODE_L7TOUT || r->code == CHECK_CODE_PROCTOUT;
	if (timed_out && stalled_us * 4 > (int64_t)timeout_ms * 1000)
		check_result_set(r, CHECK_CODE_SOCKERR, "probe ran too late");
}

void check_result_quote(struct check_result *r, const char *bytes, size_t n, bool more)
{
	/* not lb_text_escape: the field is of fixed size, and an escape must not be cut in half */
	const size_t last = sizeof(r->text) - 1 - strlen("...");
	size_t at = strlen(r->text);
	if (at + 2 > last)
		return;
	memcpy(r->text + at, ": ", 3);
	at += 2;
	for (size_t i = 0; i < n; i++) {
		char one[5];
		bool plain = bytes[i] >= 0x20 && bytes[i] < 0x7f;
		int len = plain ? snprintf(one, sizeof(one), "%c", bytes[i])
				: snprintf(one, sizeof(one), "\\x%02x", (unsigned char)bytes[i]);
		if (at + (size_t)len > last) {
			more = true;
			break;
		}
		memcpy(r->text + at, one, (size_t)len);
		at += (size_t)len;
		r->text[at] = '\0';
	}
	if (more)
		memcpy(r->text + at, "...", sizeof("..."));
}

void check_result_reply(struct check_result *r, const char *why, const char *head, size_t n, bool more)
{
	r->code = CHECK_CODE_L7RSP;
	if (n == 0) {
		snprintf(r->text, sizeof(r->text), "%s, no byte came", why);
		return;
	}
	snprintf(r->text, sizeof(r->text), "%.24s", why);
	check_result_quote(r, head, n, more);
}
