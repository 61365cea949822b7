/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_icmp.h"

#include "lbd/check/check_result.h"

#include <stdio.h>
#include <string.h>

#define ECHO4_REQUEST 8
#define ECHO4_REPLY   0
#define ECHO6_REQUEST 128
#define ECHO6_REPLY   129

void check_icmp_request(const struct check_icmp *e, uint8_t out[CHECK_ICMP_LEN])
{
	memset(out, 0, 8);
	out[0] = e->v6 ? ECHO6_REQUEST : ECHO4_REQUEST;
	out[6] = (uint8_t)(e->seq >> 8);
	out[7] = (uint8_t)e->seq;
	memcpy(out + 8, e->payload, CHECK_ICMP_PAYLOAD);
}

static bool header_is(const struct check_icmp *e, const uint8_t *bytes, size_t n, uint8_t type)
{
	return n >= 8 && bytes[0] == type && bytes[1] == 0 && (bytes[6] << 8 | bytes[7]) == e->seq;
}

bool check_icmp_is_reply(const struct check_icmp *e, const uint8_t *bytes, size_t n)
{
	return n == CHECK_ICMP_LEN && header_is(e, bytes, n, e->v6 ? ECHO6_REPLY : ECHO4_REPLY) &&
	       memcmp(bytes + 8, e->payload, CHECK_ICMP_PAYLOAD) == 0;
}

bool check_icmp_is_request(const struct check_icmp *e, const uint8_t *bytes, size_t n)
{
	size_t quoted = n < CHECK_ICMP_LEN ? n : CHECK_ICMP_LEN;
	return header_is(e, bytes, n, e->v6 ? ECHO6_REQUEST : ECHO4_REQUEST) &&
	       memcmp(bytes + 8, e->payload, quoted - 8) == 0;
}

static const struct {
	bool v6;
	uint8_t type, code;
	const char *text;
} said[] = {
	/* RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1 */
	{ false, 3, 0, "network unreachable" },
	{ false, 3, 1, "host unreachable" },
	{ false, 3, 2, "protocol unreachable" },
	{ false, 3, 3, "port unreachable" },
	{ false, 3, 4, "fragmentation needed" },
	{ false, 3, 6, "network unknown" },
	{ false, 3, 7, "host unknown" },
	{ false, 3, 9, "network prohibited" },
	{ false, 3, 10, "host prohibited" },
	{ false, 3, 13, "prohibited" },
	{ false, 11, 0, "hop limit exceeded" },
	/* RFC 4443 3.1 to 3.3 */
	{ true, 1, 0, "no route" },
	{ true, 1, 1, "prohibited" },
	{ true, 1, 2, "beyond scope" },
	{ true, 1, 3, "address unreachable" },
	{ true, 1, 4, "port unreachable" },
	{ true, 1, 5, "source address refused" },
	{ true, 1, 6, "route rejected" },
	{ true, 2, 0, "packet too big" },
	{ true, 3, 0, "hop limit exceeded" },
};

/* Who sends a redirect or a source quench has taken the request on (RFC 792). Those that say it was dropped:
 * destination unreachable, time exceeded and parameter problem; in IPv6 all types below 128 (RFC 4443 2.1). */
static bool is_lost(bool v6, uint8_t type)
{
	return v6 ? type < ECHO6_REQUEST : type == 3 || type == 11 || type == 12;
}

bool check_icmp_error(struct check_result *out, bool v6, uint8_t type, uint8_t code, const struct lb_ip *from, int err)
{
	char by[LB_IP_STRLEN];
	const char *text = NULL;
	if (!from->family) {
		check_icmp_errno(out, err);
		return true;
	}
	if (!is_lost(v6, type))
		return false;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (said[i].v6 == v6 && said[i].type == type && said[i].code == code)
			text = said[i].text;
	out->code = CHECK_CODE_L3CON;
	if (text)
		snprintf(out->text, sizeof(out->text), "%s, says %s", text, lb_ip_str(from, by));
	else
		snprintf(out->text, sizeof(out->text), "ICMP %u/%u, says %s", type, code, lb_ip_str(from, by));
	return true;
}

void check_icmp_errno(struct check_result *out, int err)
{
	check_result_connect(out, err, CHECK_FROM_NET);
	if (out->code == CHECK_CODE_L4CON)
		out->code = CHECK_CODE_L3CON;
	else if (out->code == CHECK_CODE_L4TOUT)
		out->code = CHECK_CODE_L3TOUT;
}
