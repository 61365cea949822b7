/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define WHOLE_PACKET 1500u /* what clients send */
#define SAME_MAX     3u    /* findings of one kind about backends, then they are counted */

/* lb_vec_foreach, over what is const. */
#define EACH(type, it, vec) for (const type *it = (vec)->v; it && it < (vec)->v + (vec)->n; it++)

void doctor_done(struct doctor *d)
{
	lb_vec_done(&d->modules);
	lb_vec_done(&d->addresses);
	lb_vec_done(&d->cards);
	lb_vec_done(&d->backends);
	lb_vec_done(&d->probes);
	lb_vec_done(&d->files);
	lb_vec_done(&d->firewall.chains);
}

struct telling {
	doctor_fn *fn;
	void *arg;
};

/* The rest are the arguments of the templates. */
#define TELL(t, id, object, ...) tell(t, id, object, (const char *const[LB_FINDING_ARGS]){ __VA_ARGS__ })

static void tell(
	const struct telling *t, enum lb_finding_id id, const char *object, const char *const args[LB_FINDING_ARGS])
{
	char text[DOCTOR_TEXT_MAX], fix[DOCTOR_TEXT_MAX];
	lb_finding_fill(lb_findings[id].text, args, text, sizeof(text));
	lb_finding_fill(lb_findings[id].mend, args, fix, sizeof(fix));
	t->fn(t->arg, (int)id, object, text, fix);
}

static void tell_skipped(const struct telling *t, const char *what)
{
	t->fn(t->arg, -1, "host", what, "");
}

static void judge_kernel(const struct doctor *d, const struct telling *t)
{
	EACH(struct doctor_module, m, &d->modules)
	if (!m->loaded)
		TELL(t, LB_FINDING_MODULE, m->object, m->name, m->why);
	for (size_t i = 0; i < d->n_host; i++)
		TELL(t, LB_FINDING_SYSCTL, d->host[i].object, d->host[i].text, d->host[i].fix);
}

static void judge_addresses(const struct doctor *d, const struct telling *t)
{
	char ip[LB_IP_STRLEN], ignore[24], announce[24];
	EACH(struct doctor_address, a, &d->addresses)
	{
		lb_ip_str(&a->ip, ip);
		if (!a->local && !a->carried)
			TELL(t, LB_FINDING_ADDRESS, a->object, ip, lb_ip_is_v6(&a->ip) ? "128" : "32");
		/* an address that VRRP moves is there on the master only; another one is there on both nodes */
		if (!d->pair || !a->dr || lb_ip_is_v6(&a->ip) || !a->dev[0] || a->moved || a->arp_ignore < 0 ||
			(a->arp_ignore >= 1 && a->arp_announce >= 2))
			continue;
		snprintf(ignore, sizeof(ignore), "%ld", a->arp_ignore);
		snprintf(announce, sizeof(announce), "%ld", a->arp_announce);
		TELL(t, LB_FINDING_ARP, a->object, ip, a->dev, ignore, announce);
	}
}

static void judge_cards(const struct doctor *d, const struct telling *t)
{
	EACH(struct doctor_card, c, &d->cards)
	{
		if (!c->there)
			TELL(t, LB_FINDING_NO_CARD, c->object, c->name);
		if (!c->there || c->tracked)
			continue;
		if (!c->up)
			TELL(t, LB_FINDING_CARD_DOWN, c->object, c->name);
		else if (!c->carrier)
			TELL(t, LB_FINDING_CARRIER, c->object, c->name);
		if (!c->address && !c->source)
			TELL(t, LB_FINDING_SOURCE, c->object, c->name, c->family == AF_INET6 ? "IPv6" : "IPv4");
	}
}

/* Ten thousand backends behind one missing route are one fault: the first few are named, the others counted. */
static bool counted(unsigned *n)
{
	return ++*n > SAME_MAX;
}

static void judge_mtu(const struct doctor_backend *b, const struct telling *t)
{
	char whole[16], mtu[16], tunnel[16], more[16];
	snprintf(whole, sizeof(whole), "%u", WHOLE_PACKET);
	snprintf(mtu, sizeof(mtu), "%u", b->mtu);
	snprintf(tunnel, sizeof(tunnel), "%u", b->tunnel);
	snprintf(more, sizeof(more), "%u", WHOLE_PACKET + b->tunnel);
	TELL(t, LB_FINDING_MTU, b->object, whole, b->dev, mtu, tunnel, more);
}

static void more_like_it(const struct telling *t, enum lb_finding_id id, unsigned n)
{
	char text[80];
	if (n <= SAME_MAX)
		return;
	snprintf(text, sizeof(text), "%u more of the same", n - SAME_MAX);
	t->fn(t->arg, (int)id, "backends", text, "");
}

static void judge_backends(const struct doctor *d, const struct telling *t)
{
	char ip[LB_IP_STRLEN], via[LB_IP_STRLEN];
	unsigned routes = 0, gateways = 0;
	const char *told_mtu = NULL; /* once per card */
	EACH(struct doctor_backend, b, &d->backends)
	{
		lb_ip_str(&b->ip, ip);
		if (b->err > 0 && !counted(&routes))
			TELL(t, LB_FINDING_ROUTE, b->object, ip, strerror(b->err));
		if (b->err)
			continue;
		if (b->dr && b->via.family && !counted(&gateways))
			TELL(t, LB_FINDING_GATEWAY, b->object, ip, lb_ip_str(&b->via, via), b->service);
		if (b->tunnel && b->mtu && b->mtu < WHOLE_PACKET + b->tunnel &&
			(!told_mtu || strcmp(told_mtu, b->dev) != 0)) {
			judge_mtu(b, t);
			told_mtu = b->dev;
		}
	}
	more_like_it(t, LB_FINDING_ROUTE, routes);
	more_like_it(t, LB_FINDING_GATEWAY, gateways);
}

#define WAY_STRLEN (LB_IP_STRLEN + 80)

static const char *way_str(int err, const struct lb_ip *via, const char *dev, char out[WAY_STRLEN])
{
	char ip[LB_IP_STRLEN];
	if (err > 0)
		snprintf(out, WAY_STRLEN, "nowhere (%s)", strerror(err));
	else if (via->family)
		snprintf(out, WAY_STRLEN, "by %s over %s", dev, lb_ip_str(via, ip));
	else
		snprintf(out, WAY_STRLEN, "by %s", dev);
	return out;
}

static bool same_way(const struct doctor_probe *p, const struct doctor_backend *b)
{
	return p->err == 0 && strcmp(p->dev, b->dev) == 0 && lb_ip_cmp(&p->via, &b->via) == 0;
}

/* A check that goes another way than the traffic says nothing about it. */
static void judge_probes(const struct doctor *d, const struct telling *t)
{
	char ip[LB_IP_STRLEN], probes[WAY_STRLEN], packets[WAY_STRLEN], mend[DOCTOR_TEXT_MAX];
	unsigned n = 0;
	EACH(struct doctor_probe, p, &d->probes)
	{
		const struct doctor_backend *b = &d->backends.v[p->backend];
		if (b->err || p->err < 0 || same_way(p, b) || counted(&n))
			continue;
		if (p->source.family || p->interface)
			snprintf(mend, sizeof(mend), "lbctl config apply   # without source and interface in checks.%s",
				p->check);
		else
			snprintf(mend, sizeof(mend), "ip rule show");
		TELL(t, LB_FINDING_CHECK_ROUTE, b->object, p->check, lb_ip_str(&b->ip, ip),
			way_str(p->err, &p->via, p->dev, probes), way_str(0, &b->via, b->dev, packets), mend);
	}
	more_like_it(t, LB_FINDING_CHECK_ROUTE, n);
}

static const struct doctor_backend *forwarded(const struct doctor *d, const char *family)
{
	EACH(struct doctor_backend, b, &d->backends)
	if (b->nat && (strcmp(family, "inet") == 0 || lb_ip_is_v6(&b->ip) == (strcmp(family, "ip6") == 0)))
		return b;
	return NULL;
}

static void judge_firewall(const struct doctor *d, const struct telling *t)
{
	char chain[160], port[16], ip[LB_IP_STRLEN];
	snprintf(port, sizeof(port), "%u", d->port);
	if (!d->firewall_read && d->nft_there)
		tell_skipped(t, "the firewall was not looked at: `nft list ruleset` needs root");
	EACH(struct doctor_chain, c, &d->firewall.chains)
	{
		const struct doctor_backend *b = c->forward ? forwarded(d, c->family) : NULL;
		snprintf(chain, sizeof(chain), "%s %s %s", c->family, c->table, c->name);
		if (!c->drops)
			continue;
		if (!c->forward && d->vrrp && !c->vrrp)
			TELL(t, LB_FINDING_FIREWALL_VRRP, "firewall", chain);
		if (!c->forward && d->port && !c->port)
			TELL(t, LB_FINDING_FIREWALL_PEER, "firewall", chain, port);
		if (b && !c->accepts)
			TELL(t, LB_FINDING_FIREWALL_FORWARD, "firewall", chain, lb_ip_is_v6(&b->ip) ? "ip6" : "ip",
				lb_ip_str(&b->ip, ip));
	}
}

static void judge_users(const struct doctor *d, const struct telling *t)
{
	static const char *const what[] = { "nobody but root may change anything", "nobody but root may look" };
	const char *const users[] = { d->user, d->probe_user };
	for (size_t i = 0; i < 2 && d->user[0]; i++) {
		if (!d->user_there[i])
			TELL(t, LB_FINDING_USER, "host", users[i]);
		if (!d->group_there[i])
			TELL(t, LB_FINDING_GROUP, "host", d->groups[i], what[i]);
	}
}

static bool readable(const struct doctor *d, const struct doctor_file *f)
{
	if (f->uid == d->uid)
		return f->mode & 0400;
	return f->mode & (f->gid == d->gid ? 0040 : 0004);
}

static void judge_files(const struct doctor *d, const struct telling *t)
{
	char mode[16];
	bool users = d->user[0] && d->user_there[0];
	EACH(struct doctor_file, f, &d->files)
	{
		snprintf(mode, sizeof(mode), "%o", f->mode & 07777);
		if (f->err == EACCES)
			tell_skipped(t, "keys were not looked at: that needs root");
		else if (f->err)
			TELL(t, LB_FINDING_NO_FILE, f->object, f->path, strerror(f->err));
		else if (f->kind == DOCTOR_KEY && (f->mode & 04))
			TELL(t, LB_FINDING_FILE_SECRET, f->object, f->path, mode);
		else if (f->kind == DOCTOR_KEY && users && !readable(d, f))
			TELL(t, LB_FINDING_FILE_READ, f->object, f->path, d->user);
	}
	if (d->state_err && d->state_err != EACCES)
		TELL(t, LB_FINDING_STATE_DIR, "host", d->state_dir,
			d->state_err == ENOENT ? "is not there" : strerror(d->state_err), users ? d->user : "lbd");
	else if (!d->state_err && users && d->state_uid != d->uid)
		TELL(t, LB_FINDING_STATE_DIR, "host", d->state_dir, "is of another user", d->user);
}

static void judge_sockets(const struct doctor *d, const struct telling *t)
{
	char mode[16], gid[16];
	for (size_t i = 0; i < 2 && d->user[0]; i++) {
		const struct doctor_socket *s = &d->sockets[i];
		if (!s->there || (s->mode & 07) == 0)
			continue; /* without a group it is of root alone, and the group is told of above */
		snprintf(mode, sizeof(mode), "%o", s->mode & 0777);
		snprintf(gid, sizeof(gid), "%u", s->gid);
		TELL(t, LB_FINDING_SOCKET, "host", s->path, mode, gid, s->group);
	}
}

void doctor_judge(const struct doctor *d, doctor_fn *fn, void *arg)
{
	const struct telling t = { fn, arg };
	judge_kernel(d, &t);
	judge_cards(d, &t);
	judge_addresses(d, &t);
	judge_backends(d, &t);
	judge_probes(d, &t);
	judge_firewall(d, &t);
	if (d->nft && !d->nft_there)
		TELL(&t, LB_FINDING_PROGRAM, "host", "nft", "source_nat and accept: false are rules of it", "nftables");
	if (d->pair && !d->clock_synced)
		TELL(&t, LB_FINDING_CLOCK, "host", "");
	judge_users(d, &t);
	judge_files(d, &t);
	judge_sockets(d, &t);
}
