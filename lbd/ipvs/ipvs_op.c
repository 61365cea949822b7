/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_op.h"

#include "lbd/ipvs/ipvs_sched.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A text of fixed size that is cut, never overrun. */
struct cut {
	char *s;
	size_t size, n;
};

__attribute__((format(printf, 2, 3))) static void add(struct cut *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(c->s + c->n, c->size - c->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		c->n = c->n + (size_t)n < c->size ? c->n + (size_t)n : c->size - 1;
}

static void add_key(struct cut *c, const struct ipvs_key *k)
{
	char ep[LB_ENDPOINT_STRLEN];
	if (k->fwmark)
		add(c, " -f %u%s", k->fwmark, lb_ip_is_v6(&k->addr) ? " -6" : "");
	else
		add(c, " %s %s",
			k->protocol == IPPROTO_TCP   ? "-t"
			: k->protocol == IPPROTO_UDP ? "-u"
						     : "--sctp-service",
			lb_endpoint_str(&k->addr, k->port, ep));
}

/* ipvsadm takes a length for IPv6 and only a dotted mask for IPv4: "-M 24" would mean 0.0.0.24 there. */
static void add_netmask(struct cut *c, const struct ipvs_service *s)
{
	if (lb_ip_is_v6(&s->key.addr)) {
		add(c, " -M %u", s->prefix);
		return;
	}
	uint32_t m = s->prefix >= 32 ? UINT32_MAX : ~(UINT32_MAX >> s->prefix);
	add(c, " -M %u.%u.%u.%u", m >> 24, m >> 16 & 255, m >> 8 & 255, m & 255);
}

static void add_service(struct cut *c, const struct ipvs_service *s)
{
	add(c, " -s %s", s->scheduler);
	const struct ipvs_sched_row *row = ipvs_sched_find(s->scheduler, strlen(s->scheduler));
	const char *lead = " -b "; /* one option, its words joined by commas */
	for (size_t i = 0; row && i < 2; i++)
		if (row->flags[i].name && (s->flags & row->flags[i].bit)) {
			add(c, "%s%s", lead, row->flags[i].name);
			lead = ",";
		}
	if (s->flags & IPVS_FLAG_PERSISTENT) {
		add(c, " -p %u", s->timeout);
		add_netmask(c, s);
	}
	if (s->engine[0])
		add(c, " --pe %s", s->engine);
	if (s->flags & IPVS_FLAG_ONEPACKET)
		add(c, " -o");
}

static void add_dest(struct cut *c, const struct ipvs_dest *d)
{
	static const char *const method[] = {
		[IPVS_METHOD_NAT] = "-m",
		[IPVS_METHOD_LOCAL] = "-m",
		[IPVS_METHOD_TUN] = "-i",
		[IPVS_METHOD_DR] = "-g",
		[IPVS_METHOD_BYPASS] = "-g",
	};
	add(c, " %s -w %u", d->method <= IPVS_METHOD_BYPASS ? method[d->method] : "-m", d->weight);
	if (d->method == IPVS_METHOD_TUN && d->tunnel.type != IPVS_TUNNEL_IPIP)
		add(c, " --tun-type %s", ipvs_tunnel_name(d->tunnel.type));
	if (d->method == IPVS_METHOD_TUN && d->tunnel.port)
		add(c, " --tun-port %u", d->tunnel.port);
	if (d->method == IPVS_METHOD_TUN && d->tunnel.csum)
		add(c, " --tun-%s", ipvs_csum_name(d->tunnel.csum));
	if (d->upper || d->lower)
		add(c, " -x %u -y %u", d->upper, d->lower);
}

const char *ipvs_op_str(const struct ipvs_op *op, char out[IPVS_OP_STRLEN])
{
	static const struct {
		const char *letter;
		bool dest, full;
	} rows[] = {
		[IPVS_OP_SERVICE_ADD] = { "-A", false, true },
		[IPVS_OP_SERVICE_SET] = { "-E", false, true },
		[IPVS_OP_SERVICE_DEL] = { "-D", false, false },
		[IPVS_OP_DEST_ADD] = { "-a", true, true },
		[IPVS_OP_DEST_SET] = { "-e", true, true },
		[IPVS_OP_DEST_DEL] = { "-d", true, false },
	};
	struct cut c = { out, IPVS_OP_STRLEN, 0 };
	char ep[LB_ENDPOINT_STRLEN];
	add(&c, "%s", rows[op->type].letter);
	add_key(&c, &op->svc.key);
	if (rows[op->type].dest)
		add(&c, " -r %s", lb_endpoint_str(&op->dest.addr, op->dest.port, ep));
	if (rows[op->type].full && rows[op->type].dest)
		add_dest(&c, &op->dest);
	else if (rows[op->type].full)
		add_service(&c, &op->svc);
	return out;
}

static void explain_service(const struct ipvs_op *op, int err, struct cut *c)
{
	const char *name = op->svc.scheduler;
	const struct ipvs_sched_row *row = ipvs_sched_find(name, strlen(name));
	if (err == ENOENT && op->svc.engine[0])
		add(c, "this kernel has no scheduler '%s' or no persistence engine '%s': load ip_vs_%s and ip_vs_pe_%s",
			name, op->svc.engine, name, op->svc.engine);
	else if (err == ENOENT && row && row->since[0])
		add(c, "this kernel has no scheduler '%s' (module ip_vs_%s, Linux %s or later): choose another", name,
			name, row->since);
	else if (err == ENOENT)
		add(c, "this kernel has no scheduler '%s': modprobe ip_vs_%s, or choose another", name, name);
	else if (err == EAFNOSUPPORT)
		add(c, "this kernel's IPVS has no IPv6");
	else if (err == EINVAL && row && row->most && op->type == IPVS_OP_SERVICE_SET)
		add(c, "%s takes at most %u backends", name, row->most);
	else
		add(c, "the kernel refused the service: %s", strerror(err));
}

bool ipvs_op_minds_daemons(const struct ipvs_op *op, int err)
{
	return err == EINVAL && op->dest.method == IPVS_METHOD_TUN &&
	       (op->type == IPVS_OP_DEST_ADD || op->type == IPVS_OP_DEST_SET) &&
	       op->dest.addr.family != op->svc.key.addr.family;
}

static void explain_dest(const struct ipvs_op *op, int err, struct cut *c)
{
	if (ipvs_op_minds_daemons(op, err))
		add(c, "an address of the other family is taken only while no sync daemon runs (tun)");
	else if (err == EINVAL)
		add(c, "the kernel takes no such address: it must be unicast, and the interface lo must be up (ip link "
		       "set lo up)");
	else if (err == ERANGE)
		add(c, "weight or thresholds are out of the kernel's range");
	else
		add(c, "the kernel refused the backend: %s", strerror(err));
}

void ipvs_op_explain(const struct ipvs_op *op, int err, char *out, size_t size)
{
	struct cut c = { out, size, 0 };
	out[0] = '\0';
	if (err == EPERM)
		add(&c, "not permitted: IPVS wants CAP_NET_ADMIN in the initial user namespace");
	else if (err == ENOMEM)
		add(&c, "the kernel is out of memory");
	else if (op->type == IPVS_OP_SERVICE_ADD || op->type == IPVS_OP_SERVICE_SET || op->type == IPVS_OP_SERVICE_DEL)
		explain_service(op, err, &c);
	else
		explain_dest(op, err, &c);
}
