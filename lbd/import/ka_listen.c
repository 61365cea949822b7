/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a virtual_server listens on: an address, a mark, or a group of them with ranges. */
#include "lbd/import/ka.h"

#include "common/sort.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RANGE_MAX   65536u
#define LISTENS_MAX 65536u /* kernel services that lbd has */

/* Returns whether there is room for more. */
static bool push(struct ka *k, ka_listen_vec *out, const struct ka_listen *l)
{
	if (out->n >= LISTENS_MAX) {
		imp_say(k->im, &l->at, IMP_ERROR, "more than %u listeners in all; the rest is left out", LISTENS_MAX);
		return false;
	}
	struct ka_listen *p = lb_vec_push(out);
	if (p)
		*p = *l;
	k->im->oom = k->im->oom || !p;
	return p;
}

static void mark(struct ka *k, const struct ka_node *n, size_t from, ka_listen_vec *out)
{
	int64_t v;
	if (ka_parse_num(ka_arg(n, from), 1, UINT32_MAX, &v)) {
		imp_say(k->im, &n->at, IMP_ERROR, "fwmark wants a number above 0");
		return;
	}
	bool v6 = strcmp(ka_arg(n, from + 1), "inet6") == 0;
	push(k, out, &(struct ka_listen){ .at = n->at, .fwmark = (uint32_t)v, .family = v6 ? AF_INET6 : 0 });
}

/* The last number of an address: 8 bits of IPv4, 16 of IPv6. */
static unsigned tail(const struct lb_ip *ip)
{
	return lb_ip_is_v6(ip) ? (unsigned)ip->b[14] << 8 | ip->b[15] : ip->b[3];
}

static void add(struct lb_ip *ip)
{
	for (size_t i = lb_ip_is_v6(ip) ? 16 : 4; i-- > 0;)
		if (++ip->b[i])
			return;
}

/* How many addresses "1.2.3.4-9", "1.2.3.4-1.2.4.1" or "1.2.3.0/24" means, the first in *ip; 0: not understood. */
static unsigned range(const char *s, struct lb_ip *ip)
{
	size_t n = strcspn(s, "-/");
	struct lb_ip to;
	if (lb_ip_parse(s, n, ip))
		return 0;
	bool v6 = lb_ip_is_v6(ip);
	unsigned bits = v6 ? 128 : 32;
	int64_t len = 0;
	if (!s[n])
		return 1;
	if (s[n] == '/') {
		if (ka_parse_num(s + n + 1, bits - 16, bits, &len))
			return 0;
		unsigned count = 1u << (bits - (unsigned)len);
		for (unsigned i = 0; i < bits - (unsigned)len; i++)
			ip->b[bits / 8 - 1 - i / 8] &= (uint8_t) ~(1u << i % 8);
		return count;
	}
	if (lb_ip_parse(s + n + 1, strlen(s + n + 1), &to) == 0) {
		unsigned count = 1;
		for (struct lb_ip at = *ip; lb_ip_cmp(&at, &to) != 0; count++) {
			if (count >= RANGE_MAX || to.family != ip->family)
				return 0;
			add(&at);
		}
		return count;
	}
	char *end;
	unsigned long last = strtoul(s + n + 1, &end, v6 ? 16 : 10);
	if (*end || end == s + n + 1 || last > (v6 ? 0xffff : 0xff) || last < tail(ip))
		return 0;
	return (unsigned)last - tail(ip) + 1;
}

/* "IP [PORT]" from a word on. */
static void addresses(struct ka *k, const struct ka_node *n, size_t from, uint8_t protocol, ka_listen_vec *out)
{
	struct ka_listen l = { .at = n->at, .protocol = protocol };
	int64_t port = 0;
	unsigned count = range(ka_arg(n, from), &l.ip);
	if (!count) {
		imp_say(k->im, &n->at, IMP_ERROR, "%s is neither an address nor a range of them",
			imp_shown(k->im, ka_arg(n, from)));
		return;
	}
	if (n->n > from + 1 && ka_parse_num(ka_arg(n, from + 1), 0, 65535, &port)) {
		imp_say(k->im, &n->at, IMP_ERROR, "%s is not a port", imp_shown(k->im, ka_arg(n, from + 1)));
		return;
	}
	l.port = (uint16_t)port;
	l.family = l.ip.family;
	while (count-- && push(k, out, &l))
		add(&l.ip);
}

static void group(struct ka *k, const struct ka_node *vs, uint8_t protocol, ka_listen_vec *out)
{
	const struct ka_node *g = ka_first(k->root, KA_VIRTUAL_SERVER_GROUP);
	while (g && strcmp(ka_arg(g, 1), ka_arg(vs, 2)) != 0)
		g = ka_next(g);
	if (!g) {
		imp_say(k->im, &vs->at, IMP_ERROR, "there is no virtual_server_group %s",
			imp_shown(k->im, ka_arg(vs, 2)));
		return;
	}
	for (const struct ka_node *n = g->child; n; n = n->next) {
		if (strcmp(ka_arg(n, 0), "fwmark") == 0)
			mark(k, n, 1, out);
		else if (n->n)
			addresses(k, n, 0, protocol, out);
	}
}

void ka_listen(struct ka *k, const struct ka_node *vs, uint8_t protocol, ka_listen_vec *out)
{
	if (strcmp(ka_arg(vs, 1), "fwmark") == 0)
		mark(k, vs, 2, out);
	else if (strcmp(ka_arg(vs, 1), "group") == 0)
		group(k, vs, protocol, out);
	else
		addresses(k, vs, 1, protocol, out);
}

/* ---- those that occur twice ---- */

static int same(const struct ka_listen *a, const struct ka_listen *b)
{
	if (a->fwmark != b->fwmark)
		return a->fwmark < b->fwmark ? -1 : 1;
	if (a->fwmark)
		return (int)a->family - (int)b->family;
	int c = lb_ip_cmp(&a->ip, &b->ip);
	if (c)
		return c;
	return a->port != b->port ? (int)a->port - (int)b->port : (int)a->protocol - (int)b->protocol;
}

static int by_key(const void *va, const void *vb)
{
	const struct ka_listen *a = *(struct ka_listen *const *)va, *b = *(struct ka_listen *const *)vb;
	int c = same(a, b);
	return c ? c : a < b ? -1 : a > b;
}

void ka_listen_twice(struct ka *k, ka_listen_vec *all)
{
	struct ka_listen **v = imp_alloc(k->im, all->n * sizeof(struct ka_listen *));
	if (!v || !all->n)
		return;
	for (size_t i = 0; i < all->n; i++)
		v[i] = &all->v[i];
	lb_sort(v, all->n, sizeof(*v), by_key);
	for (size_t i = 1, first = 0; i < all->n; i++) {
		if (same(v[first], v[i]) != 0) {
			first = i;
			continue;
		}
		v[i]->dropped = true;
		char name[LB_ENDPOINT_STRLEN];
		const char *what = v[i]->fwmark ? imp_str(k->im, "fwmark %u", v[i]->fwmark)
						: lb_endpoint_str(&v[i]->ip, v[i]->port, name);
		imp_say(k->im, &v[i]->at, IMP_ERROR, "%s is there already, from %s:%u; left out here", what,
			imp_shown(k->im, v[first]->at.file), v[first]->at.line);
	}
}
