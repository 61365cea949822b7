/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_types.h"

#include <string.h>

const struct check_type_row check_types[] = {
	[CHECK_TYPE_TCP] = { .name = "tcp", .help = "passes when a connection opens and, with expect, the bytes come" },
	[CHECK_TYPE_UDP] = { .name = "udp", .help = "passes when the reply comes; without expect, when no error does" },
	[CHECK_TYPE_ICMP] = { .name = "icmp",
		.portless = true,
		.help = "passes when the address answers an echo request" },
	[CHECK_TYPE_TLS] = { .name = "tls", .help = "passes when the handshake completes and the certificate is good" },
	[CHECK_TYPE_HTTP] = { .name = "http", .help = "passes on the wanted status and body" },
	[CHECK_TYPE_HTTPS] = { .name = "https", .help = "the same over TLS" },
	[CHECK_TYPE_SMTP] = { .name = "smtp", .help = "passes when the mail server greets and takes EHLO and NOOP" },
	[CHECK_TYPE_IMAP] = { .name = "imap", .help = "passes when the mail store greets and takes NOOP" },
	[CHECK_TYPE_POP3] = { .name = "pop3", .help = "passes when the mail store greets and takes CAPA" },
	[CHECK_TYPE_LDAP] = { .name = "ldap", .help = "passes when the directory shows its root entry" },
	[CHECK_TYPE_FTP] = { .name = "ftp", .help = "passes when the file server greets" },
	[CHECK_TYPE_DNS] = { .name = "dns", .help = "passes when the name resolves to what is expected" },
	[CHECK_TYPE_AGENT] = { .name = "agent",
		.weighs = true,
		.help = "one line from the backend, as HAProxy's agents say it: up (ready), down (fail, stopped, "
			"maint), "
			"drain, a weight or N%; maxconn:N changes nothing" },
	[CHECK_TYPE_SCRIPT] = { .name = "script",
		.room = CHECK_ROOM_SCRIPT,
		.portless = true,
		.help = "passes when the program exits with 0" },
	[CHECK_TYPE_FILE] = { .name = "file",
		.portless = true,
		.weighs = true,
		.help = "up, down or a weight, written by another program" },
};
_Static_assert(sizeof(check_types) / sizeof(check_types[0]) == CHECK_TYPE_COUNT, "one row per check type");

const struct check_code_row check_codes[] = {
	[CHECK_CODE_INI] = { "INI", CHECK_VERDICT_NONE, "not probed yet" },
	[CHECK_CODE_UNK] = { "UNK", CHECK_VERDICT_NONE, "no check configured" },
	[CHECK_CODE_SOCKERR] = { "SOCKERR", CHECK_VERDICT_ERROR, "our own fault: it never counts against a backend" },
	[CHECK_CODE_L3OK] = { "L3OK", CHECK_VERDICT_PASS, "echo reply" },
	[CHECK_CODE_L3TOUT] = { "L3TOUT", CHECK_VERDICT_FAIL, "no echo reply" },
	[CHECK_CODE_L3CON] = { "L3CON", CHECK_VERDICT_FAIL, "unreachable" },
	[CHECK_CODE_L4OK] = { "L4OK", CHECK_VERDICT_PASS, "connected" },
	[CHECK_CODE_L4TOUT] = { "L4TOUT", CHECK_VERDICT_FAIL, "no answer to the connection request" },
	[CHECK_CODE_L4CON] = { "L4CON", CHECK_VERDICT_FAIL, "connection refused or target unreachable" },
	[CHECK_CODE_L6OK] = { "L6OK", CHECK_VERDICT_PASS, "TLS handshake done" },
	[CHECK_CODE_L6TOUT] = { "L6TOUT", CHECK_VERDICT_FAIL,
		"connected, but TLS did not complete before the deadline" },
	[CHECK_CODE_L6RSP] = { "L6RSP", CHECK_VERDICT_FAIL, "TLS handshake or certificate wrong" },
	[CHECK_CODE_L7OK] = { "L7OK", CHECK_VERDICT_PASS, "reply as wanted" },
	[CHECK_CODE_L7OKC] = { "L7OKC", CHECK_VERDICT_PASS, "reply as wanted, and it asks for less" },
	[CHECK_CODE_L7TOUT] = { "L7TOUT", CHECK_VERDICT_FAIL, "connected, but no such reply before the deadline" },
	[CHECK_CODE_L7RSP] = { "L7RSP", CHECK_VERDICT_FAIL, "the reply is not what was expected" },
	[CHECK_CODE_L7STS] = { "L7STS", CHECK_VERDICT_FAIL, "the reply is well-formed and its status or body says no" },
	[CHECK_CODE_PROCOK] = { "PROCOK", CHECK_VERDICT_PASS, "the program says yes" },
	[CHECK_CODE_PROCTOUT] = { "PROCTOUT", CHECK_VERDICT_FAIL, "the program was killed at the deadline" },
	[CHECK_CODE_PROCERR] = { "PROCERR", CHECK_VERDICT_FAIL, "the program says no" },
};
_Static_assert(sizeof(check_codes) / sizeof(check_codes[0]) == CHECK_CODE_COUNT, "one row per code");

int check_code_parse(const char *word)
{
	for (int i = 0; i < CHECK_CODE_COUNT; i++)
		if (strcmp(check_codes[i].name, word) == 0)
			return i;
	return -1;
}

bool check_spec_weighs(const struct check_spec *s)
{
	return check_types[s->type].weighs || check_param(&s->params, CHECK_PARAM_WEIGHT_FROM);
}

bool check_spec_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->type == b->type && lb_ip_cmp(&a->addr, &b->addr) == 0 && a->port == b->port &&
	       a->interval_ms == b->interval_ms && a->interval_down_ms == b->interval_down_ms &&
	       a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall && a->after == b->after &&
	       lb_ip_cmp(&a->source, &b->source) == 0 && check_params_equal(&a->params, &b->params);
}

/* FNV-1a, 32 bit: the table of targets is private to the daemon, nobody outside can choose its keys freely. */
static uint32_t mix(uint32_t h, const void *data, size_t n)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

uint32_t check_spec_hash(const struct check_spec *s)
{
	/* field by field: the padding of the struct has no defined content */
	const uint32_t words[] = { (uint32_t)s->type, s->addr.family, s->port, s->interval_ms, s->interval_down_ms,
		s->timeout_ms, s->rise, s->fall, s->after, s->source.family, s->params.n };
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		h = (h ^ words[i]) * 16777619u;
	h = mix(h, s->addr.b, sizeof(s->addr.b));
	h = mix(h, s->source.b, sizeof(s->source.b));
	return mix(h, s->params.bytes, s->params.n);
}
