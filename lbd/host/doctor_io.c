/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/doctor_io.h"

#include "common/interface_io.h"
#include "common/route_io.h"
#include "lbd/host/doctor_child_io.h"
#include "lbd/host/host_io.h"

#include <errno.h>
#include <grp.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RULESET_MAX (4u << 20)
#define CHILD_MS    5000

/* ---- modules ---- */

/* One that is part of the kernel has no line in /proc/modules and maybe no folder. */
static bool built_in(const char *name)
{
	struct utsname u;
	char path[512], line[512], want[96];
	bool found = false;
	if (uname(&u))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", u.release);
	snprintf(want, sizeof(want), "/%s.ko", name);
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		size_t n = strlen(line), w = strlen(want);
		found = n >= w && strcmp(line + n - w, want) == 0;
	}
	if (f)
		fclose(f);
	return found;
}

static void look_modules(struct doctor *d)
{
	char path[128];
	lb_vec_foreach (m, &d->modules) {
		snprintf(path, sizeof(path), "/sys/module/%s", m->name);
		m->loaded = access(path, F_OK) == 0 || built_in(m->name);
	}
}

/* ---- cards and addresses ---- */

static struct lb_ip ip_of(const struct sockaddr *sa)
{
	struct lb_ip ip = { 0 };
	if (sa && sa->sa_family == AF_INET) {
		ip.family = AF_INET;
		memcpy(ip.b, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa && sa->sa_family == AF_INET6) {
		ip.family = AF_INET6;
		memcpy(ip.b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
	return ip;
}

static bool card_of_vrrp(struct doctor *d, const char *dev)
{
	lb_vec_foreach (c, &d->cards)
		if (!c->tracked && strcmp(c->name, dev) == 0)
			return true;
	return false;
}

static void look_cards(struct doctor *d, const struct ifaddrs *all)
{
	lb_vec_foreach (c, &d->cards) {
		for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
			if (strcmp(i->ifa_name, c->name) != 0)
				continue;
			c->there = true;
			c->up = i->ifa_flags & IFF_UP;
			c->carrier = i->ifa_flags & IFF_RUNNING;
			c->address |= i->ifa_addr && i->ifa_addr->sa_family == c->family;
		}
	}
}

static void look_arp(struct doctor_address *a)
{
	char name[96];
	long all = -1, one = -1, higher[2];
	static const char *const keys[] = { "arp_ignore", "arp_announce" };
	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "net.ipv4.conf.all.%s", keys[i]);
		if (!host_sysctl(name, &all))
			all = -1;
		snprintf(name, sizeof(name), "/proc/sys/net/ipv4/conf/%s/%s", a->dev, keys[i]);
		if (!host_number(name, &one)) /* by path: a card may have a dot in its name */
			one = -1;
		higher[i] = all > one ? all : one;
	}
	a->arp_ignore = higher[0];
	a->arp_announce = higher[1];
}

static void look_addresses(struct doctor *d, const struct ifaddrs *all)
{
	lb_vec_foreach (a, &d->addresses) {
		struct lb_way way;
		for (const struct ifaddrs *i = all; i && !a->dev[0]; i = i->ifa_next) {
			struct lb_ip ip = ip_of(i->ifa_addr);
			if (lb_ip_cmp(&ip, &a->ip) == 0)
				snprintf(a->dev, sizeof(a->dev), "%s", i->ifa_name);
		}
		/* a whole network may be local without an address on any card */
		a->local = a->dev[0] ||
			   (lb_route(d->route_fd, &(struct lb_packet){ .to = &a->ip }, &way) == 0 && way.local);
		a->moved = a->dev[0] && card_of_vrrp(d, a->dev);
		if (a->dev[0])
			look_arp(a);
	}
}

static unsigned mtu_of(const char *dev)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	unsigned mtu = fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0 ? (unsigned)r.ifr_mtu : 0;
	if (fd >= 0)
		close(fd);
	return mtu;
}

/* As an error of a route: those are the kernel's words, others say that it could not be asked. */
static int no_way(int err)
{
	if (err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EINVAL || err == -EACCES)
		return -err;
	return err ? -1 : 0;
}

static void look_backends(struct doctor *d)
{
	const struct doctor_backend *before = NULL;
	lb_vec_foreach (b, &d->backends) {
		struct lb_way way;
		int err = lb_route(d->route_fd, &(struct lb_packet){ .to = &b->ip }, &way);
		b->err = no_way(err);
		if (err)
			continue;
		b->via = way.via;
		if_indextoname(way.index, b->dev);
		if (b->tunnel)
			b->mtu = before && strcmp(before->dev, b->dev) == 0 ? before->mtu : mtu_of(b->dev);
		before = b->tunnel ? b : before;
	}
}

/* A source that is not on this host now may be there when this node is master. */
static void look_probes(struct doctor *d)
{
	const struct passwd *user = d->probe_user[0] ? getpwnam(d->probe_user) : NULL;
	lb_vec_foreach (p, &d->probes) {
		struct lb_way way;
		const int oif = p->interface ? lb_interface(p->interface) : 0;
		const struct lb_packet packet = { .to = &d->backends.v[p->backend].ip,
			.from = &p->source,
			.oif = oif > 0 ? (unsigned)oif : 0,
			.owned = user != NULL,
			.uid = user ? user->pw_uid : 0,
			.proto = p->proto,
			.dport = p->port };
		bool absent = p->interface && !packet.oif;
		int err = absent ? -ENODEV : lb_route(d->route_fd, &packet, &way);
		p->err = absent ? ENODEV : err == -EINVAL && p->source.family ? -1 : no_way(err);
		if (err)
			continue;
		p->via = way.via;
		if_indextoname(way.index, p->dev);
	}
}

/* ---- users and files ---- */

static void look_users(struct doctor *d)
{
	const char *const users[] = { d->user, d->probe_user };
	for (size_t i = 0; i < 2 && d->user[0]; i++) {
		const struct passwd *p = getpwnam(users[i]);
		d->user_there[i] = p != NULL;
		if (p && i == 0) {
			d->uid = p->pw_uid;
			d->gid = p->pw_gid;
		}
		d->group_there[i] = getgrnam(d->groups[i]) != NULL;
	}
}

static void look_files(struct doctor *d)
{
	struct stat st;
	lb_vec_foreach (f, &d->files) {
		f->err = stat(f->path, &st) ? errno : 0;
		if (f->err)
			continue;
		f->mode = st.st_mode;
		f->uid = st.st_uid;
		f->gid = st.st_gid;
	}
	for (size_t i = 0; i < 2; i++) {
		struct doctor_socket *s = &d->sockets[i];
		s->there = stat(s->path, &st) == 0;
		if (s->there) {
			s->mode = st.st_mode;
			s->gid = st.st_gid;
		}
	}
	d->state_err = stat(d->state_dir, &st) ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	if (!d->state_err)
		d->state_uid = st.st_uid;
}

/* ---- the rest ---- */

static void look_firewall(struct doctor *d)
{
	static const char *const places[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft" };
	const char *nft = NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !nft; i++)
		if (access(places[i], X_OK) == 0)
			nft = places[i];
	d->nft_there = nft != NULL;
	if (!nft)
		return;
	const char *const argv[] = { nft, "list", "ruleset", NULL };
	struct lb_text out = LB_TEXT_INIT;
	d->firewall_read = doctor_child(argv, CHILD_MS, RULESET_MAX, &out) == 0 && !out.bad &&
			   doctor_firewall_read(&d->firewall, out.s ? out.s : "", out.n, d->port) == 0;
	lb_text_done(&out);
}

static bool clock_synced(void)
{
	struct timex t = { 0 };
	int state = adjtimex(&t);
	return state < 0 || (state != TIME_ERROR && !(t.status & STA_UNSYNC));
}

void doctor_look(struct doctor *d)
{
	struct ifaddrs *all = NULL;
	d->route_fd = lb_route_open();
	(void)getifaddrs(&all);
	look_modules(d);
	size_t n = host_read(&d->needs, d->host, sizeof(d->host) / sizeof(d->host[0]));
	d->n_host = n < sizeof(d->host) / sizeof(d->host[0]) ? n : sizeof(d->host) / sizeof(d->host[0]);
	look_cards(d, all);
	look_addresses(d, all);
	look_backends(d);
	look_probes(d);
	look_firewall(d);
	look_users(d);
	look_files(d);
	d->clock_synced = clock_synced();
	if (all)
		freeifaddrs(all);
	if (d->route_fd >= 0)
		close(d->route_fd);
}
