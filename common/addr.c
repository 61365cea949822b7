/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* As inet_pton reads them: four numbers, no leading zeros. A file of 10,000 services has 50,000 of them. */
static bool ip4_parse(const char *s, size_t n, uint8_t out[4])
{
	const char *end = s + n;
	for (unsigned i = 0; i < 4; i++) {
		unsigned v = 0;
		const char *from = s;
		while (s < end && *s >= '0' && *s <= '9' && s - from < 3)
			v = v * 10 + (unsigned)(*s++ - '0');
		if (s == from || v > 255 || (*from == '0' && s - from > 1))
			return false;
		out[i] = (uint8_t)v;
		if (i < 3 && (s == end || *s++ != '.'))
			return false;
	}
	return s == end;
}

int lb_ip_parse(const char *s, size_t n, struct lb_ip *out)
{
	struct lb_ip ip = { 0 };
	if (ip4_parse(s, n, ip.b)) {
		ip.family = AF_INET;
		*out = ip;
		return 0;
	}
	char text[LB_IP_STRLEN];
	if (n == 0 || n >= sizeof(text) || memchr(s, '\0', n))
		return -EINVAL;
	memcpy(text, s, n);
	text[n] = '\0';
	ip = (struct lb_ip){ .family = AF_INET6 };
	if (inet_pton(AF_INET6, text, ip.b) != 1) /* it refuses zones for us */
		return -EINVAL;
	*out = ip;
	return 0;
}

int lb_ip_cmp(const struct lb_ip *a, const struct lb_ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

/* The end of what it wrote. */
static char *put_number(char *out, unsigned v)
{
	char digits[10];
	unsigned n = 0;
	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	while (n)
		*out++ = digits[--n];
	return out;
}

/* By hand, as they are read: each listener is written down before the kernel has it. */
static void ip4_str(const uint8_t b[4], char *out)
{
	for (unsigned i = 0; i < 4; i++) {
		out = put_number(out, b[i]);
		*out++ = i < 3 ? '.' : '\0';
	}
}

const char *lb_ip_str(const struct lb_ip *ip, char out[LB_IP_STRLEN])
{
	if (ip->family == AF_INET)
		ip4_str(ip->b, out);
	else if (!ip->family || !inet_ntop(ip->family, ip->b, out, LB_IP_STRLEN))
		strcpy(out, "-");
	return out;
}

bool lb_ip_is_v6(const struct lb_ip *ip)
{
	return ip->family == AF_INET6;
}

bool lb_ip_is_any(const struct lb_ip *ip)
{
	static const uint8_t zero[16];
	return memcmp(ip->b, zero, sizeof(zero)) == 0;
}

bool lb_ip_is_net(const struct lb_ip *ip, unsigned prefix)
{
	unsigned bits = ip->family == AF_INET6 ? 128 : 32;
	for (unsigned i = prefix; i < bits; i++)
		if (ip->b[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

bool lb_ip_is_multicast(const struct lb_ip *ip)
{
	return ip->family == AF_INET6 ? ip->b[0] == 0xff : (ip->b[0] & 0xf0) == 0xe0;
}

static int port_parse(const char *s, size_t n, bool allow_zero, uint16_t *out)
{
	if (n == 0 || n > 5 || (n > 1 && s[0] == '0'))
		return -EINVAL;
	unsigned v = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v > 65535 || (v == 0 && !allow_zero))
		return -EINVAL;
	*out = (uint16_t)v;
	return 0;
}

int lb_endpoint_parse(const char *s, size_t n, bool allow_zero, struct lb_ip *ip, uint16_t *port)
{
	const char *host = s, *colon = NULL;
	size_t host_len = n;
	if (n && s[0] == '[') {
		const char *close = memchr(s, ']', n);
		if (!close)
			return -EINVAL;
		host = s + 1;
		host_len = (size_t)(close - host);
		if (close + 1 < s + n) {
			colon = close + 1;
			if (*colon != ':')
				return -EINVAL;
		}
	} else {
		colon = memchr(s, ':', n);
		if (colon && memchr(colon + 1, ':', (size_t)(s + n - colon - 1)))
			colon = NULL; /* two colons and no bracket: an IPv6 address alone */
		if (colon)
			host_len = (size_t)(colon - s);
	}
	struct lb_ip a;
	uint16_t p = 0;
	if (lb_ip_parse(host, host_len, &a) || (s[0] == '[' && !lb_ip_is_v6(&a)))
		return -EINVAL;
	if (colon && port_parse(colon + 1, (size_t)(s + n - colon - 1), allow_zero, &p))
		return -EINVAL;
	*ip = a;
	*port = p;
	return 0;
}

const char *lb_endpoint_str(const struct lb_ip *ip, uint16_t port, char out[LB_ENDPOINT_STRLEN])
{
	bool box = port && lb_ip_is_v6(ip);
	lb_ip_str(ip, out + box);
	if (!port)
		return out;
	char *end = out + strlen(out + box) + box;
	if (box) {
		out[0] = '[';
		*end++ = ']';
	}
	*end++ = ':';
	*put_number(end, port) = '\0';
	return out;
}
