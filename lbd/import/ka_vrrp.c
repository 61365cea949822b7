/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vrrp_instance and vrrp_sync_group as instances of vrrp. */
#include "lbd/import/ka.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define SECOND        INT64_C(1000000)
#define ADDRESSES_MAX 20  /* of an advert */
#define EXCLUDED_MAX  255 /* of an instance of lbd */
#define V3_MAX        (SECOND / 100 * 4095)
#define COUNT_MAX     50 /* of announcements */
#define OWNER         255
#define STRICT        "in strict mode (vrrp_strict, strict_mode)"

struct address {
	struct imp_place at;
	struct lb_ip ip;
	const char *text; /* with its prefix */
};

struct instance {
	struct ka *k;
	const struct ka_node *n;
	struct y *y;
	const char *name;
	int64_t version;
	uint8_t family;
	bool unicast;
	LB_VEC(struct address) addresses, excluded;
};

/* ---- addresses ---- */

/* "192.0.2.1/24 brd + dev eth1 label eth1:1": what follows the address. */
static void options(struct instance *in, const struct ka_node *n, const char *interface)
{
	static const char *const with_value[] = { "brd", "broadcast", "scope", "label", "peer", "preferred_lft",
		"track_group" };
	for (size_t i = 1; i < n->n; i++) {
		const char *w = n->w[i];
		bool pair = false;
		if (strcmp(w, "dev") == 0 && i + 1 < n->n) {
			if (strcmp(n->w[++i], interface) != 0)
				imp_say(in->k->im, &n->at, IMP_LOST,
					"dev %s: addresses are on the interface of their instance; make one for that "
					"interface, "
					"in the same group",
					imp_shown(in->k->im, n->w[i]));
			continue;
		}
		for (size_t j = 0; j < sizeof(with_value) / sizeof(with_value[0]); j++)
			pair = pair || strcmp(w, with_value[j]) == 0;
		imp_say(in->k->im, &n->at, IMP_LOST, "%s: an address has its prefix, and nothing else",
			imp_shown(in->k->im, w));
		i += pair;
	}
}

static bool read_address(struct instance *in, const struct ka_node *n, struct address *out)
{
	const char *s = ka_arg(n, 0);
	size_t len = strcspn(s, "/");
	int64_t prefix = 0;
	*out = (struct address){ .at = n->at };
	if (lb_ip_parse(s, len, &out->ip) ||
		(s[len] && ka_parse_num(s + len + 1, 1, lb_ip_is_v6(&out->ip) ? 128 : 32, &prefix))) {
		imp_say(in->k->im, &n->at, IMP_ERROR, "%s is not an address with its prefix", imp_shown(in->k->im, s));
		return false;
	}
	char text[LB_IP_STRLEN];
	if (!prefix)
		prefix = lb_ip_is_v6(&out->ip) ? 128 : 32;
	out->text = imp_str(in->k->im, "%s/%lld", lb_ip_str(&out->ip, text), (long long)prefix);
	return true;
}

static void keep(struct instance *in, bool excluded, const struct address *a)
{
	lb_vec_foreach (b, &in->addresses)
		if (lb_ip_cmp(&a->ip, &b->ip) == 0) {
			imp_say(in->k->im, &a->at, excluded ? IMP_NOTE : IMP_LOST,
				"%s is there already, from line %u%s", a->text, b->at.line,
				excluded ? "" : "; adverts of keepalived name it twice, those of lbd once");
			return;
		}
	lb_vec_foreach (b, &in->excluded)
		if (lb_ip_cmp(&a->ip, &b->ip) == 0)
			return;
	struct address *to = excluded ? lb_vec_push(&in->excluded) : lb_vec_push(&in->addresses);
	if (to)
		*to = *a;
	else
		in->k->im->oom = true;
}

static void read_addresses(struct instance *in, enum ka_word word, const char *interface)
{
	bool excluded = word == KA_VIRTUAL_IPADDRESS_EXCLUDED;
	struct address a;
	for (const struct ka_node *list = ka_first(in->n, word); list; list = ka_next(list))
		for (const struct ka_node *n = list->child; n; n = n->next) {
			if (!n->n || !read_address(in, n, &a))
				continue;
			options(in, n, interface);
			if (!excluded && !in->family)
				in->family = a.ip.family;
			bool aside = !excluded && a.ip.family != in->family;
			bool full = !excluded && in->addresses.n == ADDRESSES_MAX;
			if (aside)
				imp_say(in->k->im, &a.at, IMP_LOST,
					"%s is of another family than the first; it is put under excluded, where "
					"adverts do not name it",
					a.text);
			else if (full)
				imp_say(in->k->im, &a.at, IMP_LOST,
					"an advert names %d addresses; the rest is put under excluded: do so on the "
					"other node, too",
					ADDRESSES_MAX);
			keep(in, excluded || aside || full, &a);
		}
}

static bool is_link_local(const struct lb_ip *ip)
{
	return lb_ip_is_v6(ip) && ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80;
}

/* Adverts of IPv6 begin with a link-local address. */
static void link_local_first(struct instance *in)
{
	size_t i = 0;
	if (in->family != AF_INET6)
		return;
	while (i < in->addresses.n && !is_link_local(&in->addresses.v[i].ip))
		i++;
	if (i == in->addresses.n) {
		imp_say(in->k->im, &in->addresses.v[0].at, IMP_ERROR,
			"the first IPv6 address of an instance is a link-local one: put fe80::%lld/64 in front, on "
			"both nodes",
			(long long)ka_num(ka_get(in->n, KA_VRID), 1));
		return;
	}
	if (i == 0)
		return;
	struct address a = in->addresses.v[i];
	memmove(in->addresses.v + 1, in->addresses.v, i * sizeof(a));
	in->addresses.v[0] = a;
	imp_say(in->k->im, &a.at, IMP_NOTE, "a link-local address stands first, as the RFC says");
}

static void put_addresses(struct instance *in)
{
	struct y *list = y_list(in->k->im, in->y, "addresses");
	lb_vec_foreach (a, &in->addresses)
		y_set(in->k->im, list, NULL, "%s", a->text);
	if (in->excluded.n > EXCLUDED_MAX) {
		imp_say(in->k->im, &in->n->at, IMP_LOST,
			"more than %d addresses outside of adverts: make a second instance "
			"of the same group",
			EXCLUDED_MAX);
		in->excluded.n = EXCLUDED_MAX;
	}
	if (!in->excluded.n)
		return;
	list = y_list(in->k->im, in->y, "excluded");
	lb_vec_foreach (a, &in->excluded)
		y_set(in->k->im, list, NULL, "%s", a->text);
}

/* ---- keys ---- */

static bool has_member(const struct ka_node *group, const char *name)
{
	for (const struct ka_node *list = ka_first(group, KA_GROUP); list; list = ka_next(list))
		for (const struct ka_node *n = list->child; n; n = n->next)
			for (size_t i = 0; i < n->n; i++)
				if (strcmp(n->w[i], name) == 0)
					return true;
	return false;
}

/* The next group that the instance is a member of; after NULL: the first. */
static const struct ka_node *group_of(const struct instance *in, const struct ka_node *after)
{
	const struct ka_node *g = after ? ka_next(after) : ka_first(in->k->root, KA_VRRP_SYNC_GROUP);
	while (g && !has_member(g, ka_arg(in->n, 1)))
		g = ka_next(g);
	return g;
}

/* Groups whose names are alike in what lbd takes of a name stay two. */
static const char *group_name(struct ka *k, const char *text)
{
	const char *name = ka_name_of(&k->groups, text);
	if (name)
		return name;
	name = imp_name_in(k->im, &k->groups, text);
	y_set(k->im, &k->groups, name, "%s", text);
	return name;
}

/* What the group tracks is tracked by each member, with its weight; a member's own weights do not count. */
static void put_track(struct instance *in)
{
	const struct ka_node *group = group_of(in, NULL);
	ka_track(in->k, in->n, !group || ka_get(group, KA_GROUP_WEIGHT), in->y);
	for (; group; group = group_of(in, group))
		ka_track(in->k, group, true, in->y);
}

static bool is_master(const struct instance *in)
{
	return strcasecmp(ka_arg(ka_get(in->n, KA_STATE), 1), "MASTER") == 0;
}

/* What keepalived calls strict is less than the RFC: it also forgets settings. */
static bool is_strict(const struct instance *in)
{
	const struct ka_node *own = ka_get(in->n, KA_STRICT_MODE);
	return ka_bool(own ? own : ka_global(in->k, KA_VRRP_STRICT));
}

/* state is a hint, except that a MASTER of which nothing else is said is the owner of the addresses. */
static void put_priority(struct instance *in)
{
	const struct ka_node *said = ka_get(in->n, KA_PRIORITY);
	bool owner = !said && is_master(in);
	struct y *y = y_set(in->k->im, in->y, "priority", "%lld", (long long)ka_num(said, owner ? OWNER : 100));
	y->comment = "of this node; of both in one file: { lb-a: 150, lb-b: 100 }";
	if (owner)
		imp_say(in->k->im, &ka_get(in->n, KA_STATE)->at, IMP_NOTE,
			"state MASTER without priority is 255 in keepalived");
}

static void put_accept(struct instance *in)
{
	bool owner = ka_num(ka_get(in->n, KA_PRIORITY), is_master(in) ? OWNER : 100) == OWNER;
	bool strict = is_strict(in) && !owner && !ka_get(in->n, KA_ACCEPT);
	if (strict || ka_bool(ka_get(in->n, KA_NO_ACCEPT)))
		y_set(in->k->im, in->y, "accept", "false");
}

static void put_interval(struct instance *in)
{
	const struct ka_node *said = ka_get(in->n, KA_ADVERT_INT);
	int64_t us = ka_time(said, SECOND);
	if (in->version == 2 && us % SECOND) {
		us = (us / SECOND + 1) * SECOND;
		imp_say(in->k->im, &said->at, IMP_ERROR, "version 2 has whole seconds; %lld is taken",
			(long long)(us / SECOND));
	}
	if (in->version == 3 && us > V3_MAX) {
		us = V3_MAX;
		imp_say(in->k->im, &said->at, IMP_ERROR, "version 3 has at most 40.95 seconds, which is taken");
	}
	us -= us % (SECOND / 100);
	if (us != SECOND)
		y_time(in->k->im, in->y, "advert_interval", us);
}

static void put_preempt(struct instance *in)
{
	const struct ka_node *no = ka_get(in->n, KA_NOPREEMPT), *delay = ka_get(in->n, KA_PREEMPT_DELAY);
	bool master = is_master(in), keeps = ka_bool(no);
	if (delay && !keeps && !master && is_strict(in)) {
		imp_say(in->k->im, &delay->at, IMP_NOTE, "preempt_delay is left out: keepalived forgets it %s", STRICT);
		return;
	}
	if (master && (keeps || delay))
		imp_say(in->k->im, keeps ? &no->at : &delay->at, IMP_NOTE,
			"keepalived forgets %s with state MASTER; lbd has no such state and does as it says",
			keeps ? "nopreempt" : "preempt_delay");
	if (keeps)
		y_set(in->k->im, in->y, "preempt", "false");
	if (delay && keeps)
		imp_say(in->k->im, &delay->at, IMP_NOTE, "preempt_delay has no effect with nopreempt");
	else if (ka_time(delay, 0))
		y_time(in->k->im, in->y, "preempt_delay", ka_time(delay, 0));
}

static void put_announce(struct instance *in)
{
	static const enum ka_word words[] = { KA_GARP_REPEAT, KA_GARP_DELAY, KA_GARP_REFRESH };
	const struct ka_node *said[3];
	for (size_t i = 0; i < 3; i++) {
		said[i] = ka_get(in->n, words[i]);
		said[i] = said[i] ? said[i] : ka_global(in->k, words[i]);
	}
	int64_t count = ka_num(said[0], 5), delay = ka_time(said[1], 5 * SECOND), refresh = ka_time(said[2], 0);
	if (count > COUNT_MAX) {
		imp_say(in->k->im, &said[0]->at, IMP_NOTE, "%s: lbd announces at most %d times at once",
			said[0]->row->name, COUNT_MAX);
		count = COUNT_MAX;
	}
	if (count == 0) {
		imp_say(in->k->im, &said[0]->at, IMP_NOTE, "%s 0 is 1 in keepalived", said[0]->row->name);
		count = 1;
	}
	if (count == 5 && delay == 5 * SECOND && !said[2])
		return;
	struct y *y = y_map(in->k->im, in->y, "announce");
	y->flow = true;
	y_set(in->k->im, y, "count", "%lld", (long long)count);
	if (delay != 5 * SECOND)
		y_time(in->k->im, y, "delay", delay);
	if (refresh)
		y_time(in->k->im, y, "refresh", refresh < SECOND ? SECOND : refresh);
	else if (said[2]) /* with a virtual MAC or to peers it is a minute otherwise */
		y_set(in->k->im, y, "refresh", "off");
}

/* The last one of all blocks: a second block adds to the first. */
static const struct ka_node *auth_get(const struct instance *in, enum ka_word word)
{
	const struct ka_node *found = NULL;
	for (const struct ka_node *a = ka_first(in->n, KA_AUTHENTICATION); a; a = ka_next(a)) {
		const struct ka_node *n = ka_get(a, word);
		found = n ? n : found;
	}
	return found;
}

static void put_auth(struct instance *in)
{
	struct imp *im = in->k->im;
	const struct ka_node *a = ka_get(in->n, KA_AUTHENTICATION), *type = auth_get(in, KA_AUTH_TYPE);
	const struct ka_node *pass = auth_get(in, KA_AUTH_PASS);
	if (!a || auth_get(in, KA_AUTH_HMAC))
		return;
	if (is_strict(in)) {
		imp_say(im, &a->at, IMP_NOTE, "authentication is left out: keepalived has none %s", STRICT);
		return;
	}
	if (!type || !pass || strcmp(ka_arg(type, 1), "PASS") != 0) {
		imp_say(im, &a->at, IMP_LOST,
			"authentication: only auth_type PASS with auth_pass is there; better is type hmac");
		return;
	}
	if (in->version == 3) {
		imp_say(im, &a->at, IMP_LOST, "authentication: version 3 has no password; see auth: type hmac");
		return;
	}
	struct y *y = y_map(im, in->y, "auth");
	y->flow = true;
	y_set(im, y, "type", "password");
	const char *file = imp_str(im, "/etc/lbd/%s.password", in->name);
	y_set(im, y, "key_file", "%s", file);
	imp_say(im, &pass->at, IMP_LOST,
		"auth_pass: secrets are not in lbd.yaml; write the password into %s, for root and "
		"group lbd alone (chmod 0640)",
		file);
	if (strlen(ka_arg(pass, 1)) > 8)
		imp_say(im, &pass->at, IMP_NOTE, "only 8 characters of a password count");
}

/* Where adverts leave from: two words for one thing, and the last one counts, with peers and without. */
static const struct ka_node *source_of(const struct instance *in)
{
	const struct ka_node *found = NULL;
	for (const struct ka_node *n = in->n->child; n; n = n->next)
		if (n->row && (n->row->word == KA_UNICAST_SRC_IP || n->row->word == KA_MCAST_SRC_IP))
			found = n;
	return found;
}

static void put_unicast(struct instance *in)
{
	struct imp *im = in->k->im;
	const struct ka_node *source = source_of(in);
	struct y *list = NULL;
	int64_t ttl = 0;
	for (const struct ka_node *peers = ka_first(in->n, KA_UNICAST_PEER); peers; peers = ka_next(peers))
		for (const struct ka_node *n = peers->child; n; n = n->next) {
			struct lb_ip ip;
			if (!n->n)
				continue;
			if (lb_ip_parse(n->w[0], strlen(n->w[0]), &ip)) {
				imp_say(im, &n->at, IMP_ERROR, "%s is not an IP address", imp_shown(im, n->w[0]));
				continue;
			}
			list = list ? list : y_list(im, in->y, "unicast");
			y_set(im, list, NULL, "%s", n->w[0]);
			for (size_t i = 1; i + 1 < n->n; i += 2)
				if (strcmp(n->w[i], "min_ttl") != 0 || ka_parse_num(n->w[i + 1], 1, 255, &ttl))
					imp_say(im, &n->at, IMP_LOST,
						"%s: only the least TTL of arriving adverts is looked at",
						imp_shown(im, n->w[i]));
		}
	if (source)
		y_set(im, in->y, "source", "%s", ka_arg(source, 1));
	else if (list)
		imp_say(im, &in->n->at, IMP_ERROR,
			"unicast without unicast_src_ip: write source: ADDRESS, that of this node");
	if (!list)
		return;
	y_set(im, in->y, "min_ttl", "%lld", ttl ? (long long)ttl : 1);
	if (!ttl)
		imp_say(im, &in->n->at, IMP_NOTE,
			"keepalived takes unicast adverts from any distance; where the nodes share a link, leave "
			"min_ttl out");
}

static void put_vmac(struct instance *in)
{
	const struct ka_node *said = ka_get(in->n, KA_USE_VMAC);
	if (!said)
		return;
	y_set(in->k->im, in->y, "virtual_mac", "true");
	if (said->n > 1)
		imp_say(in->k->im, &said->at, IMP_LOST, "use_vmac %s: the interface has a name of lbd's",
			imp_shown(in->k->im, ka_arg(said, 1)));
}

static void put_keys(struct instance *in)
{
	struct imp *im = in->k->im;
	const struct ka_node *sum = ka_get(in->n, KA_V3_CHECKSUM), *group = group_of(in, NULL);
	put_addresses(in);
	if (group)
		y_set(im, in->y, "group", "%s", group_name(in->k, ka_arg(group, 1)));
	if (in->version == 2)
		y_set(im, in->y, "version", "2");
	if (ka_bool(sum) && in->version == 3 && in->family == AF_INET)
		y_set(im, in->y, "checksum", "rfc9568");
	put_priority(in);
	put_interval(in);
	put_preempt(in);
	put_accept(in);
	put_vmac(in);
	put_unicast(in);
	put_auth(in);
	put_announce(in);
	put_track(in);
	ka_routes(in->k, in->n, in->y);
	ka_rules(in->k, in->n, in->y);
}

/* Whether an instance has the VRID on this interface already. */
static bool taken(const struct instance *in, const struct y *all, const char *interface, int64_t vrid)
{
	const char *id = imp_str(in->k->im, "%lld", (long long)vrid);
	for (const struct y *y = all->child; y; y = y->next) {
		const struct y *first = y_find(y, "addresses");
		bool v6 = first && first->child && strchr(first->child->value, ':');
		if (!in->unicast && !y_find(y, "unicast") && strcmp(y_find(y, "vrid")->value, id) == 0 &&
			strcmp(y_find(y, "interface")->value, interface) == 0 && v6 == (in->family == AF_INET6))
			return true;
	}
	return false;
}

static void make(struct ka *k, const struct ka_node *n, struct y *all)
{
	struct instance in = { .k = k, .n = n, .unicast = ka_first(n, KA_UNICAST_PEER) != NULL };
	const struct ka_node *interface = ka_get(n, KA_INTERFACE), *vrid = ka_get(n, KA_VRID);
	const char *card = interface ? ka_arg(interface, 1) : "";
	in.version = ka_num(ka_get(n, KA_VERSION), ka_num(ka_global(k, KA_VRRP_VERSION), 2));
	read_addresses(&in, KA_VIRTUAL_IPADDRESS, card);
	read_addresses(&in, KA_VIRTUAL_IPADDRESS_EXCLUDED, card);
	if (in.family == AF_INET6)
		in.version = 3;
	if (!interface || !vrid || !in.addresses.n)
		imp_say(k->im, &n->at, IMP_ERROR, "vrrp_instance without %s: left out",
			!interface ? "interface"
			: !vrid    ? "virtual_router_id"
				   : "virtual_ipaddress");
	else if (taken(&in, all, card, ka_num(vrid, 0)))
		imp_say(k->im, &vrid->at, IMP_ERROR, "virtual_router_id %lld is taken on %s; this instance is left out",
			(long long)ka_num(vrid, 0), imp_shown(k->im, card));
	else {
		link_local_first(&in);
		in.name = imp_name_in(k->im, all, ka_arg(n, 1));
		in.y = y_map(k->im, all, in.name);
		in.y->comment = imp_str(k->im, "%s:%u", imp_shown(k->im, imp_file(k->im, n->at.file)), n->at.line);
		y_set(k->im, in.y, "interface", "%s", card);
		y_set(k->im, in.y, "vrid", "%lld", (long long)ka_num(vrid, 0));
		put_keys(&in);
	}
	lb_vec_done(&in.addresses);
	lb_vec_done(&in.excluded);
}

/* ---- what nobody asked for ---- */

static bool tracks(const struct ka_node *from, const char *script)
{
	for (const struct ka_node *list = ka_first(from, KA_TRACK_SCRIPT); list; list = ka_next(list))
		for (const struct ka_node *n = list->child; n; n = n->next)
			if (strcmp(ka_arg(n, 0), script) == 0)
				return true;
	return false;
}

static bool tracked(const struct ka *k, const char *script)
{
	static const enum ka_word words[] = { KA_VRRP_INSTANCE, KA_VRRP_SYNC_GROUP };
	for (size_t i = 0; i < 2; i++)
		for (const struct ka_node *n = ka_first(k->root, words[i]); n; n = ka_next(n))
			if (tracks(n, script))
				return true;
	return false;
}

/* A group or script that is used nowhere is no loss, but said; and what is another thing with a group. */
static void unused(struct ka *k)
{
	for (const struct ka_node *s = ka_first(k->root, KA_VRRP_SCRIPT); s; s = ka_next(s))
		if (!tracked(k, ka_arg(s, 1)))
			imp_say(k->im, &s->at, IMP_NOTE, "vrrp_script %s is left out: no instance tracks it",
				imp_shown(k->im, ka_arg(s, 1)));
	for (const struct ka_node *g = ka_first(k->root, KA_VRRP_SYNC_GROUP); g; g = ka_next(g)) {
		const struct ka_node *weights = ka_get(g, KA_GROUP_WEIGHT);
		if (weights)
			imp_say(k->im, &weights->at, IMP_LOST, "%s: a weight of any member counts for the whole group",
				weights->row->name);
		for (const struct ka_node *list = ka_first(g, KA_GROUP); list; list = ka_next(list))
			for (const struct ka_node *n = list->child; n; n = n->next)
				for (size_t i = 0; i < n->n; i++)
					if (!ka_named_node(k, KA_VRRP_INSTANCE, n->w[i]))
						imp_say(k->im, &n->at, IMP_ERROR, "there is no vrrp_instance %s",
							imp_shown(k->im, n->w[i]));
	}
}

void ka_vrrp(struct ka *k)
{
	struct y *all = y_at(k->im, &k->im->root, "vrrp");
	const struct ka_node *delay = ka_global(k, KA_VRRP_STARTUP_DELAY);
	for (const struct ka_node *n = ka_first(k->root, KA_VRRP_INSTANCE); n && !k->im->oom; n = ka_next(n))
		make(k, n, all);
	if (all->child && ka_time(delay, 0)) {
		struct y *y = y_map(k->im, y_at(k->im, &k->im->root, "defaults"), "vrrp");
		y->flow = true;
		y_time(k->im, y, "startup_delay", ka_time(delay, 0));
	}
	ka_sync(k);
	unused(k);
}
