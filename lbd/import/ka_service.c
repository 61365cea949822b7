/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtual_server and real_server as services and backends. What keepalived mends in silence is mended here, too, and
 * said. One virtual_server becomes one service, or several: of each family one, and one for each mark. */
#include "lbd/import/ka.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define WEIGHT_MAX    65535
#define THRESHOLD_MAX 65535

struct server { /* a real_server */
	const struct ka_node *n;
	struct lb_ip ip;
	uint16_t port; /* 0: the listener's */
	int64_t weight;
	const char *mode;
	bool inhibit, out; /* out: not in this service */
	struct ka_built checks;
};

struct virtual
{ /* a virtual_server */
	const struct ka_node *n;
	uint8_t protocol;
	size_t first, n_listens; /* of all */
	const char *mode;
	LB_VEC(struct server) servers;
};

struct maker {
	struct ka *k;
	ka_listen_vec listens;
};

struct service { /* one that is being made */
	struct virtual *v;
	const struct ka_listen **listens;
	size_t n;
	struct y *y;
};

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "sctp";
}

static uint8_t protocol_of(struct ka *k, const struct ka_node *vs)
{
	static const uint8_t all[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	const struct ka_node *said = ka_get(vs, KA_PROTOCOL);
	bool marked = strcmp(ka_arg(vs, 1), "fwmark") == 0;
	for (size_t i = 0; said && i < 3; i++)
		if (strcasecmp(ka_arg(said, 1), protocol_name(all[i])) == 0) {
			if (marked)
				imp_say(k->im, &said->at, IMP_NOTE, "a service with fwmark has no protocol");
			return all[i];
		}
	if (said)
		imp_say(k->im, &said->at, IMP_ERROR, "unknown protocol %s: TCP, UDP or SCTP",
			imp_shown(k->im, ka_arg(said, 1)));
	else if (!marked)
		imp_say(k->im, &vs->at, IMP_NOTE, "no protocol: keepalived takes UDP; was TCP meant?");
	return IPPROTO_UDP;
}

/* ---- the way packets take ---- */

static const char *mode_of(struct ka *k, const struct ka_node *said, const char *absent)
{
	static const char *const words[] = { "NAT", "DR", "TUN" }, *const modes[] = { "nat", "dr", "tun" };
	for (size_t i = 0; said && i < 3; i++)
		if (strcasecmp(ka_arg(said, 1), words[i]) == 0)
			return modes[i];
	if (said)
		imp_say(k->im, &said->at, IMP_ERROR, "unknown forwarding method %s: NAT, DR or TUN",
			imp_shown(k->im, ka_arg(said, 1)));
	return absent;
}

/* "TUN type gue port 6080 csum" */
static void put_tunnel(struct ka *k, const struct ka_node *said, struct y *to)
{
	static const char *const sums[] = { "nocsum", "csum", "remcsum" };
	const char *type = NULL, *port = NULL, *sum = NULL;
	for (size_t i = 2; said && i < said->n; i++) {
		const char *w = said->w[i];
		bool is_sum = false;
		for (size_t s = 0; s < 3; s++)
			if (strcmp(w, sums[s]) == 0) {
				sum = sums[s];
				is_sum = true;
			}
		if (strcmp(w, "type") == 0 && i + 1 < said->n)
			type = said->w[++i];
		else if (strcmp(w, "port") == 0 && i + 1 < said->n)
			port = said->w[++i];
		else if (!is_sum)
			imp_say(k->im, &said->at, IMP_ERROR, "%s: unknown word %s", said->row->name,
				imp_shown(k->im, w));
	}
	if (!type && !port && !sum)
		return;
	struct y *t = y_map(k->im, to, "tunnel");
	t->flow = true;
	y_set(k->im, t, "type", "%s", type ? type : "ipip");
	if (port)
		y_set(k->im, t, "port", "%s", port);
	if (sum)
		y_set(k->im, t, "checksum", "%s", sum);
}

/* ---- real servers ---- */

static bool reads_as(struct ka *k, const struct ka_node *n, struct lb_ip *ip, uint16_t *port)
{
	int64_t v = 0;
	if (lb_ip_parse(ka_arg(n, 1), strlen(ka_arg(n, 1)), ip)) {
		imp_say(k->im, &n->at, IMP_ERROR, "%s is not an IP address", imp_shown(k->im, ka_arg(n, 1)));
		return false;
	}
	if (n->n > 2 && ka_parse_num(ka_arg(n, 2), 0, 65535, &v)) {
		imp_say(k->im, &n->at, IMP_ERROR, "%s is not a port", imp_shown(k->im, ka_arg(n, 2)));
		return false;
	}
	*port = (uint16_t)v;
	return true;
}

/* The only port of the listeners; 0: there are several, or marks. */
static uint16_t only_port(const struct maker *m, const struct virtual *v)
{
	uint16_t port = v->n_listens ? m->listens.v[v->first].port : 0;
	for (size_t i = 0; i < v->n_listens; i++)
		if (m->listens.v[v->first + i].port != port || m->listens.v[v->first + i].fwmark)
			return 0;
	return port;
}

static void add_server(struct maker *m, struct virtual *v, const struct ka_node *n)
{
	struct imp *im = m->k->im;
	uint16_t asked;
	struct server s = { .n = n, .mode = mode_of(m->k, ka_get(n, KA_LVS_METHOD), v->mode) };
	const struct ka_chain chain = { { n, v->n } };
	if (!reads_as(m->k, n, &s.ip, &s.port))
		return;
	asked = s.port;
	if (strcmp(s.mode, "nat") != 0 && s.port) {
		uint16_t want = only_port(m, v);
		if (s.port != want)
			imp_say(im, &n->at, IMP_NOTE,
				"port %u is not that of the listener: with DR and TUN it has no effect", s.port);
		s.port = 0;
	}
	lb_vec_foreach (o, &v->servers)
		if (lb_ip_cmp(&o->ip, &s.ip) == 0 && o->port == s.port) {
			imp_say(im, &n->at, IMP_ERROR, "the same real server stands in line %u; left out here",
				o->n->at.line);
			return;
		}
	s.weight = ka_num(ka_find(&chain, KA_WEIGHT), 1);
	s.inhibit = ka_bool(ka_find(&chain, KA_INHIBIT));
	ka_check_build(m->k,
		&(struct ka_checked){
			v->n, n, s.ip, s.port ? s.port : only_port(m, v), asked, v->protocol == IPPROTO_TCP },
		&s.checks);
	struct server *p = lb_vec_push(&v->servers);
	if (p)
		*p = s;
	else
		im->oom = true;
}

static void threshold(struct ka *k, const struct ka_node *n, const char *key, struct y *to)
{
	int64_t v = ka_num(n, 0);
	if (v > THRESHOLD_MAX)
		imp_say(k->im, &n->at, IMP_LOST, "%s: lbd takes 0 to %d", n->row->name, THRESHOLD_MAX);
	else if (v)
		y_set(k->im, to, key, "%lld", (long long)v);
}

static void put_server(struct ka *k, const struct service *s, const struct server *rs, int64_t heaviest, struct y *all)
{
	char text[LB_ENDPOINT_STRLEN], ip[LB_IP_STRLEN];
	const struct ka_chain chain = { { rs->n, s->v->n } };
	const char *name = imp_name(k->im, lb_ip_str(&rs->ip, ip));
	int64_t weight = rs->weight;
	if (y_find(all, name))
		name = imp_name_in(k->im, all, imp_str(k->im, "%s-%u", name, rs->port));
	if (heaviest > WEIGHT_MAX && weight)
		weight = weight * WEIGHT_MAX / heaviest ? weight * WEIGHT_MAX / heaviest : 1;
	struct y *y = y_map(k->im, all, name);
	y->flow = true;
	y_set(k->im, y, "address", "%s", lb_endpoint_str(&rs->ip, rs->port, text));
	if (weight != 1)
		y_set(k->im, y, "weight", "%lld", (long long)weight);
	threshold(k, ka_find(&chain, KA_UTHRESHOLD), "max_connections", y);
	if (y_find(y, "max_connections"))
		threshold(k, ka_find(&chain, KA_LTHRESHOLD), "resume_below", y);
	if (strcmp(rs->mode, s->v->mode) != 0)
		y_set(k->im, y, "mode", "%s", rs->mode);
	if (strcmp(rs->mode, "tun") == 0)
		put_tunnel(k, ka_get(rs->n, KA_LVS_METHOD), y);
	if (y->child == y->last) { /* only an address: it may stand alone */
		y->kind = Y_SCALAR;
		y->value = y->child->value;
		y->child = y->last = NULL;
	}
}

/* ---- families ---- */

static const char *family_name(uint8_t family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* Whether a server cannot serve there for its family. */
static bool is_apart(const struct lb_ip *ip, uint8_t family, const char *mode)
{
	return ip->family != family && strcmp(mode, "tun") != 0;
}

/* A group may have both families, and servers for each. */
static enum imp_level apart_level(const struct virtual *v)
{
	return strcmp(ka_arg(v->n, 1), "group") == 0 ? IMP_NOTE : IMP_ERROR;
}

/* ---- keys of a service ---- */

static void put_listens(struct ka *k, const struct service *s)
{
	const struct ka_listen *l = s->listens[0];
	char text[LB_ENDPOINT_STRLEN];
	if (l->fwmark) {
		y_set(k->im, s->y, "fwmark", "%u", l->fwmark);
		if (l->family == AF_INET6)
			y_set(k->im, s->y, "family", "ipv6");
		return;
	}
	struct y *list = s->n > 1 ? y_list(k->im, s->y, "listen") : NULL;
	for (size_t i = 0; i < s->n; i++)
		y_set(k->im, list ? list : s->y, list ? NULL : "listen", "%s",
			lb_endpoint_str(&s->listens[i]->ip, s->listens[i]->port, text));
	if (l->protocol != IPPROTO_TCP)
		y_set(k->im, s->y, "protocol", "%s", protocol_name(l->protocol));
}

/* flag-1 is what the kernel calls by a name in the schedulers that have it. */
static const char *flag_of(const char *sched, const char *word)
{
	if (strcmp(sched, "sh") != 0 && strcmp(sched, "mh") != 0)
		return NULL;
	bool sh = *sched == 's';
	if (strcmp(word, "flag-1") == 0)
		return sh ? "sh-fallback" : "mh-fallback";
	if (strcmp(word, "flag-2") == 0)
		return sh ? "sh-port" : "mh-port";
	return strncmp(word, sched, 2) == 0 ? word : NULL;
}

static void put_scheduler(struct ka *k, const struct service *s)
{
	static const char *const known[] = { "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq",
		"fo", "ovf", "twos" };
	const struct ka_node *said = ka_get(s->v->n, KA_LVS_SCHED);
	const char *name = said ? ka_arg(said, 1) : "wlc";
	size_t i = 0, n = sizeof(known) / sizeof(known[0]);
	while (i < n && strcmp(known[i], name) != 0)
		i++;
	if (i == n) {
		imp_say(k->im, &said->at, IMP_ERROR, "unknown scheduler %s; wlc is taken", imp_shown(k->im, name));
		name = "wlc";
	}
	if (!said)
		imp_say(k->im, &s->v->n->at, IMP_NOTE, "no lb_algo: wlc, as in keepalived");
	struct y *flags = NULL, *map = NULL;
	for (const struct ka_node *f = ka_first(s->v->n, KA_SCHED_FLAG); f; f = ka_next(f)) {
		const char *flag = flag_of(name, f->row->name);
		if (!flag) {
			imp_say(k->im, &f->at, IMP_NOTE, "%s does nothing with scheduler %s", f->row->name, name);
			continue;
		}
		if (!map) {
			map = y_map(k->im, s->y, "scheduler");
			map->flow = true;
			y_set(k->im, map, "name", "%s", name);
			flags = y_list(k->im, map, "flags");
		}
		y_set(k->im, flags, NULL, "%s", flag);
	}
	if (!map && strcmp(name, "wlc") != 0)
		imp_scheduler(k->im, s->y, name);
}

static bool has(const struct y *list, const char *value)
{
	const struct y *y = list->child;
	while (y && strcmp(y->value, value) != 0)
		y = y->next;
	return y != NULL;
}

/* The checks that most backends have, of equal numbers rather some than none; those of the others are listed. */
static void put_check(struct ka *k, const struct service *s)
{
	struct imp *im = k->im;
	const struct server *best = NULL;
	size_t most = 0;
	bool tie = false;
	lb_vec_foreach (a, &s->v->servers) {
		size_t n = 0;
		if (a->out || (best && strcmp(a->checks.text, best->checks.text) == 0))
			continue;
		lb_vec_foreach (b, &s->v->servers)
			n += !b->out && strcmp(a->checks.text, b->checks.text) == 0;
		tie = n > most ? false : tie || n == most;
		if (n > most || (n == most && !best->checks.n))
			best = a;
		most = n > most ? n : most;
	}
	lb_vec_foreach (a, &s->v->servers)
		if (best && !a->out && strcmp(a->checks.text, best->checks.text) != 0)
			imp_say(im, &a->n->at, IMP_LOST,
				"this server is checked otherwise than line %u; a service has one set of checks, %s "
				"of most servers; make a service of its own where that matters",
				best->n->at.line, tie ? "and no set is that" : "that");
	if (!best || !best->checks.n) {
		y_set(im, s->y, "check", "none");
		return;
	}
	struct y *list = y_list(im, s->y, "check");
	for (size_t i = 0; i < best->checks.n; i++) {
		const char *name = ka_check_name(k, best->checks.keys[i]);
		if (!has(list, name)) /* two checkers that do the same */
			y_set(im, list, NULL, "%s", name);
	}
	if (list->child == list->last) { /* one may stand alone */
		list->kind = Y_SCALAR;
		list->value = list->child ? list->child->value : "";
		list->child = list->last = NULL;
	}
}

static int64_t up_to(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

/* keepalived counts weights: lost below quorum - hysteresis, back at quorum + hysteresis. lbd counts backends. */
static void put_quorum(struct ka *k, const struct service *s)
{
	struct imp *im = k->im;
	const struct ka_node *said = ka_get(s->v->n, KA_QUORUM), *more = ka_get(s->v->n, KA_HYSTERESIS);
	int64_t quorum = ka_num(said, 1), h = ka_num(more, 0), sum = 0, one = 0, n = 0;
	bool equal = true;
	lb_vec_foreach (rs, &s->v->servers) {
		if (rs->out)
			continue;
		equal = equal && (n == 0 || rs->weight == one);
		one = rs->weight;
		sum += rs->weight;
		n++;
	}
	if ((!said && !more) || sum == 0)
		return;
	if (quorum > sum) {
		imp_say(im, &said->at, IMP_NOTE, "the quorum is above the sum of weights, and becomes %lld",
			(long long)sum);
		quorum = sum;
	}
	if (h >= quorum) {
		h = quorum - 1;
		if (more && ka_num(more, 0))
			imp_say(im, &more->at, IMP_NOTE, "hysteresis is not below the quorum, and becomes %lld",
				(long long)h);
	}
	if (!equal) {
		int64_t share = up_to(quorum * 100, sum);
		if (share > 1 && quorum > 1)
			y_set(im, s->y, "quorum", "%lld%%", (long long)share);
		if (quorum > 1)
			imp_say(im, &said->at, IMP_LOST,
				"the quorum counts weights, which differ here; lbd counts backends: %lld%% of them%s",
				(long long)share, h ? ", without hysteresis" : "");
		return;
	}
	int64_t up = up_to(quorum - h, one), back = up_to(quorum + h, one);
	if (back > n) {
		imp_say(im, &(more ? more : said)->at, IMP_NOTE,
			"quorum and hysteresis are more than all backends together");
		back = n;
	}
	if (up <= 1 && back <= 1)
		return;
	if (back == up) {
		y_set(im, s->y, "quorum", "%lld", (long long)up);
		return;
	}
	struct y *y = y_map(im, s->y, "quorum");
	y->flow = true;
	y_set(im, y, "up", "%lld", (long long)up);
	y_set(im, y, "hysteresis", "%lld", (long long)(back - up));
}

static void put_sorry(struct ka *k, const struct service *s)
{
	const struct ka_node *said = ka_get(s->v->n, KA_SORRY_SERVER);
	char text[LB_ENDPOINT_STRLEN];
	struct lb_ip ip;
	uint16_t port;
	if (!said || !reads_as(k, said, &ip, &port))
		return;
	if (is_apart(&ip, s->listens[0]->family, s->v->mode)) {
		imp_say(k->im, &said->at, apart_level(s->v),
			"an %s sorry_server behind an %s address: only in a tunnel; left out", family_name(ip.family),
			family_name(s->listens[0]->family));
		return;
	}
	if (strcmp(s->v->mode, "nat") != 0)
		port = 0;
	y_set(k->im, s->y, "sorry", "%s", lb_endpoint_str(&ip, port, text));
}

static void put_on_fail(struct ka *k, const struct service *s)
{
	size_t with = 0, all = 0;
	lb_vec_foreach (rs, &s->v->servers) {
		all += !rs->out;
		with += !rs->out && rs->inhibit;
	}
	if (with == all)
		return; /* drain, the default */
	y_set(k->im, s->y, "on_fail", "remove");
	lb_vec_foreach (rs, &s->v->servers)
		if (!rs->out && rs->inhibit)
			imp_say(k->im, &rs->n->at, IMP_LOST,
				"inhibit_on_failure of this server alone: on_fail is a key of the service");
}

static void put_backends(struct ka *k, const struct service *s)
{
	int64_t heaviest = 0;
	lb_vec_foreach (rs, &s->v->servers)
		heaviest = !rs->out && rs->weight > heaviest ? rs->weight : heaviest;
	if (heaviest > WEIGHT_MAX)
		imp_say(k->im, &s->v->n->at, IMP_NOTE, "weights above %d: all of this service are scaled down alike",
			WEIGHT_MAX);
	struct y *all = y_map(k->im, s->y, "backends");
	lb_vec_foreach (rs, &s->v->servers)
		if (!rs->out)
			put_server(k, s, rs, heaviest, all);
}

/* ---- a service ---- */

static const char *name_of(struct ka *k, const struct service *s)
{
	const struct ka_listen *l = s->listens[0];
	char ip[LB_IP_STRLEN];
	bool grouped = strcmp(ka_arg(s->v->n, 1), "group") == 0;
	const char *group = grouped ? ka_arg(s->v->n, 2) : "", *dash = grouped ? "-" : "";
	if (l->fwmark)
		return imp_str(k->im, "%s%sfwmark-%u", group, dash, l->fwmark);
	const char *protocol = l->protocol == IPPROTO_TCP ? "" : imp_str(k->im, "-%s", protocol_name(l->protocol));
	if (grouped)
		return imp_str(k->im, "%s%s", group, protocol);
	return l->port ? imp_str(k->im, "%s-%u%s", lb_ip_str(&l->ip, ip), l->port, protocol)
		       : imp_str(k->im, "%s%s", lb_ip_str(&l->ip, ip), protocol);
}

static void pick_servers(struct ka *k, struct virtual *v, uint8_t family)
{
	lb_vec_foreach (rs, &v->servers) {
		rs->out = is_apart(&rs->ip, family, rs->mode);
		if (rs->out)
			imp_say(k->im, &rs->n->at, apart_level(v),
				"an %s server behind an %s address: only in a tunnel; left out",
				family_name(rs->ip.family), family_name(family));
	}
}

static void make(struct ka *k, struct service *s)
{
	struct y *all = y_at(k->im, &k->im->root, "services");
	const struct ka_node *ops = ka_get(s->v->n, KA_OPS), *kind = ka_get(s->v->n, KA_LVS_METHOD);
	pick_servers(k, s->v, s->listens[0]->family);
	s->y = y_map(k->im, all, imp_name_in(k->im, all, name_of(k, s)));
	s->y->comment = imp_str(k->im, "%s:%u", imp_shown(k->im, imp_file(k->im, s->v->n->at.file)), s->v->n->at.line);
	put_listens(k, s);
	put_scheduler(k, s);
	if (strcmp(s->v->mode, "nat") != 0)
		y_set(k->im, s->y, "mode", "%s", s->v->mode);
	if (strcmp(s->v->mode, "tun") == 0)
		put_tunnel(k, kind, s->y);
	ka_persistence(
		k, s->v->n, !s->listens[0]->fwmark && s->listens[0]->port == 0, s->v->protocol == IPPROTO_UDP, s->y);
	if (ka_bool(ops) && (s->listens[0]->fwmark || s->v->protocol == IPPROTO_UDP))
		y_set(k->im, s->y, "one_packet", "true");
	else if (ka_bool(ops))
		imp_say(k->im, &ops->at, IMP_NOTE, "ops has no effect without UDP");
	put_check(k, s);
	put_quorum(k, s);
	put_sorry(k, s);
	put_on_fail(k, s);
	put_backends(k, s);
}

/* One for each family, and for each mark. */
static void make_all(struct maker *m, struct virtual *v)
{
	struct service s = { .v = v, .listens = imp_alloc(m->k->im, (v->n_listens + 1) * sizeof(struct ka_listen *)) };
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	for (size_t f = 0; s.listens && f < 2; f++) {
		s.n = 0;
		for (size_t i = 0; i < v->n_listens; i++) {
			const struct ka_listen *l = &m->listens.v[v->first + i];
			if (!l->dropped && !l->fwmark && l->family == families[f])
				s.listens[s.n++] = l;
		}
		if (s.n)
			make(m->k, &s);
	}
	for (size_t i = 0; s.listens && i < v->n_listens && !m->k->im->oom; i++) {
		s.listens[0] = &m->listens.v[v->first + i];
		s.n = 1;
		if (s.listens[0]->fwmark && !s.listens[0]->dropped)
			make(m->k, &s);
	}
}

/* A mark has the family that is said, that of the first server, or IPv4. */
static uint8_t family_of(struct ka *k, const struct ka_node *vs)
{
	const struct ka_node *said = ka_get(vs, KA_IP_FAMILY), *rs = ka_first(vs, KA_REAL_SERVER);
	struct lb_ip ip;
	(void)k;
	if (said)
		return strcmp(ka_arg(said, 1), "inet6") == 0 ? AF_INET6 : AF_INET;
	return rs && lb_ip_parse(ka_arg(rs, 1), strlen(ka_arg(rs, 1)), &ip) == 0 ? ip.family : AF_INET;
}

static void begin(struct maker *m, struct virtual *v, const struct ka_node *n)
{
	const struct ka_node *kind = ka_get(n, KA_LVS_METHOD);
	*v = (struct virtual){ .n = n, .protocol = protocol_of(m->k, n), .first = m->listens.n };
	v->mode = mode_of(m->k, kind, "nat");
	if (!kind)
		imp_say(m->k->im, &n->at, IMP_NOTE, "no lb_kind: NAT, as in keepalived");
	ka_listen(m->k, n, v->protocol, &m->listens);
	v->n_listens = m->listens.n - v->first;
	for (size_t i = 0; i < v->n_listens; i++)
		if (!m->listens.v[v->first + i].family)
			m->listens.v[v->first + i].family = family_of(m->k, n);
}

static void unused_groups(struct ka *k)
{
	for (const struct ka_node *g = ka_first(k->root, KA_VIRTUAL_SERVER_GROUP); g; g = ka_next(g)) {
		const struct ka_node *vs = ka_first(k->root, KA_VIRTUAL_SERVER);
		while (vs && !(strcmp(ka_arg(vs, 1), "group") == 0 && strcmp(ka_arg(vs, 2), ka_arg(g, 1)) == 0))
			vs = ka_next(vs);
		if (!vs)
			imp_say(k->im, &g->at, IMP_NOTE,
				"virtual_server_group %s is left out: no virtual_server has it",
				imp_shown(k->im, ka_arg(g, 1)));
	}
}

void ka_services(struct ka *k)
{
	struct maker m = { .k = k };
	size_t n = 0;
	for (const struct ka_node *vs = ka_first(k->root, KA_VIRTUAL_SERVER); vs; vs = ka_next(vs))
		n++;
	struct virtual *all = imp_alloc(k->im, (n + 1) * sizeof(*all)), *v = all;
	for (const struct ka_node *vs = ka_first(k->root, KA_VIRTUAL_SERVER); all && vs; vs = ka_next(vs))
		begin(&m, v++, vs);
	if (all)
		ka_listen_twice(k, &m.listens);
	for (size_t i = 0; all && i < n; i++) {
		for (const struct ka_node *rs = ka_first(all[i].n, KA_REAL_SERVER); rs; rs = ka_next(rs))
			add_server(&m, &all[i], rs);
		make_all(&m, &all[i]);
		lb_vec_done(&all[i].servers);
	}
	lb_vec_done(&m.listens);
	unused_groups(k);
}
