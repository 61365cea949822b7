/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules across keys: what each value allows by itself is in the schema. */
#include "lbd/config/config_build.h"

#include "common/sort.h"
#include "lbd/ipvs/ipvs_sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SUGGEST_FROM 256u /* names that are looked at for "did you mean": their distances take time */

static void rule_listens(struct config_builder *b)
{
	const struct schema_value *listen = &b->now.keys->v[SERVICE_LISTEN];
	struct config_path up = { &b->now.path, "listen", 6, 0 };
	bool list = listen->at->kind == CONFIG_NODE_SEQ;
	bool portless = (b->now.s->flags & IPVS_FLAG_PERSISTENT) || b->now.keys->v[SERVICE_PERSISTENCE].wrong;
	bool families = b->now.s->method == IPVS_METHOD_TUN || b->now.keys->v[SERVICE_MODE].wrong;
	for (uint32_t i = 0; listen->set && i < listen->n; i++) {
		const struct schema_value *l = &listen->list[i];
		struct config_path item = { &up, NULL, 0, i };
		const struct config_path *path = list ? &item : &up;
		if (lb_ip_is_any(&l->ip))
			config_say(b, l->at, path, "the kernel needs one address; write the virtual address",
				"cannot listen on every address");
		else if (lb_ip_is_multicast(&l->ip))
			config_say(b, l->at, path, NULL, "cannot listen on a multicast address");
		if (!l->port && !portless)
			config_say(b, l->at, path, "add a port, or `persistence` to take every port of the address",
				"listen has no port");
		if (l->ip.family != listen->list[0].ip.family && !families)
			config_say(b, l->at, path, "make two services, or use mode tun",
				"IPv4 and IPv6 in one service, whose backends are of one family");
	}
}

/* listen or fwmark, and what goes with each. */
static void rule_match(struct config_builder *b)
{
	const struct schema_value *v = b->now.keys->v;
	const struct config_node *where = b->now.entry->key;
	const struct config_path *path = &b->now.path;
	bool marked = v[SERVICE_FWMARK].at, listens = v[SERVICE_LISTEN].at;
	if (marked && listens)
		config_say(b, v[SERVICE_FWMARK].at, path, "make two services", "listen and fwmark in one service");
	else if (!marked && !listens)
		config_say(
			b, where, path, "where clients connect: `listen: 192.0.2.1:80`", "this service has no listen");
	if (marked && v[SERVICE_PROTOCOL].at)
		config_say(b, v[SERVICE_PROTOCOL].at, path, "the firewall's mark decides what belongs to the service",
			"a service with fwmark has no protocol");
	if (!marked && v[SERVICE_FAMILY].at)
		config_say(b, v[SERVICE_FAMILY].at, path, "the address in listen tells the family",
			"family is for services with fwmark");
	if (listens)
		rule_listens(b);
}

static void rule_flags(struct config_builder *b, const struct schema_value *v, const struct config_path *service)
{
	if (!v->at || !v->set)
		return;
	const struct schema_value *flags = &v->obj->v[SCHEDULER_FLAGS];
	if (!v->obj->v[SCHEDULER_NAME].set)
		return;
	const struct ipvs_sched_row *row = &ipvs_scheds[v->obj->v[SCHEDULER_NAME].num];
	struct config_path up = { service, "scheduler", 9, 0 }, path = { &up, "flags", 5, 0 };
	const char *words[sizeof(row->flags) / sizeof(row->flags[0])];
	size_t n = 0;
	while (n < sizeof(words) / sizeof(words[0]) && row->flags[n].name) {
		words[n] = row->flags[n].name;
		n++;
	}
	for (uint32_t i = 0; flags->set && i < flags->n; i++) {
		const struct schema_value *f = &flags->list[i];
		if (ipvs_sched_flag_bit(row, f->text, f->n))
			continue;
		char help[SCHEMA_SAY];
		schema_suggest(f->text, f->n, words, n, help);
		config_say(b, f->at, &path, help, "scheduler %s has no flag '%s'", row->name,
			config_shown(f->text, f->n).s);
	}
}

static void rule_tunnel(struct config_builder *b, const struct schema_value *v, const struct config_path *up)
{
	if (!v->at || !v->set)
		return;
	const struct schema_value *t = v->obj->v;
	struct config_path path = { up, "tunnel", 6, 0 };
	int64_t type = t[TUNNEL_TYPE].num, csum = t[TUNNEL_CHECKSUM].num;
	if (t[TUNNEL_TYPE].wrong)
		return;
	if (type == IPVS_TUNNEL_GUE && !t[TUNNEL_PORT].at)
		config_say(b, v->at, &path, "tunnel: { type: gue, port: 6080 }", "a gue tunnel needs a port");
	if (type != IPVS_TUNNEL_GUE && t[TUNNEL_PORT].set)
		config_say(b, config_at_or(&t[TUNNEL_PORT], v->at), &path, NULL, "only a gue tunnel has a port");
	if ((csum == IPVS_TUNNEL_CSUM && type == IPVS_TUNNEL_IPIP) ||
		(csum == IPVS_TUNNEL_REMCSUM && type != IPVS_TUNNEL_GUE))
		config_say(b, config_at_or(&t[TUNNEL_CHECKSUM], v->at), &path,
			"csum is for gue and gre, remcsum for gue", "a tunnel of type %s has no checksum '%s'",
			ipvs_tunnel_name((uint8_t)type), ipvs_csum_name((uint8_t)csum));
}

static void unknown_check(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	const struct config_node *at = v->at;
	if (!config_report_wants(b->report, false, config_node_place(at)))
		return;
	uint32_t n = b->n_slots < SUGGEST_FROM ? b->n_slots : SUGGEST_FROM;
	const char *words[SUGGEST_FROM + 1];
	for (uint32_t i = 0; i < n; i++)
		words[i] = b->slots[i].name;
	words[n] = "none";
	char help[SCHEMA_SAY];
	schema_suggest(v->text, v->n, words, n + 1, help);
	config_say(b, at, path, help, "unknown check '%s'", config_shown(v->text, v->n).s);
}

static void rule_check_list(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	if (v->n > CONFIG_SERVICE_CHECKS_MAX)
		config_say(b, v->at, path, NULL, "more than %u checks", CONFIG_SERVICE_CHECKS_MAX);
	for (uint32_t i = 0; i < v->n && i < CONFIG_SERVICE_CHECKS_MAX; i++) {
		const struct schema_value *name = &v->list[i];
		bool none = config_is_none(name);
		const struct config_check *ck = none ? NULL : config_check_slot(b, name->text, name->n);
		const char *help = NULL, *missing = NULL;
		if (none && v->n > 1)
			config_say(b, name->at, path, NULL, "none stands alone, not beside other checks");
		if (!none && !ck)
			unknown_check(b, name, path);
		if (ck && !ck->line)
			missing = config_check_lacks(ck->spec.type, b->check_defaults->v, &help);
		if (ck && !ck->line)
			config_rules_quiet(b, ck, name->at, path);
		if (missing)
			config_say(b, name->at, path, "define a check of this type under `checks` and name that",
				"the check %s by itself has no %s", ck->name, missing);
	}
}

/* The names under the key check of a service. */
static void rule_check_names(struct config_builder *b, const struct schema_value *v, const struct config_path *service)
{
	struct config_path path = { service, "check", 5, 0 };
	unsigned given = 0;
	if (!v->at || !v->set)
		return;
	for (unsigned i = CHECKS_ALL; i < CHECKS_COUNT; i++) {
		const struct schema_value *list = &v->obj->v[i];
		given += list->set || list->wrong;
		if (list->set)
			rule_check_list(b, list, &path);
	}
	if (given != 1)
		config_say(b, v->at, &path, given ? NULL : "names of checks; what a check is stands under `checks`",
			given ? "one of all, any and stages, not several" : "one of all, any and stages is wanted");
}

void config_rules_defaults(struct config_builder *b, const struct schema_object *defaults)
{
	static const struct config_path up = { NULL, "defaults", 8, 0 };
	struct config_path check = { &up, "check", 5, 0 }, service = { &up, "service", 7, 0 };
	const struct schema_value *v = defaults->v;
	if (v[DEFAULTS_CHECK].set)
		config_rules_check(b, v[DEFAULTS_CHECK].obj, &check, NULL, NULL);
	if (v[DEFAULTS_SERVICE].set) {
		rule_flags(b, &v[DEFAULTS_SERVICE].obj->v[SERVICE_SCHEDULER], &service);
		rule_tunnel(b, &v[DEFAULTS_SERVICE].obj->v[SERVICE_TUNNEL], &service);
		rule_check_names(b, &v[DEFAULTS_SERVICE].obj->v[SERVICE_CHECK], &service);
		config_rules_weights_defaults(b, v[DEFAULTS_SERVICE].obj->v, &service);
	}
	if (v[DEFAULTS_VRRP].set)
		config_rules_vrrp_defaults(b, v[DEFAULTS_VRRP].obj);
}

static void rule_protocols(struct config_builder *b)
{
	const struct schema_value *v = b->now.keys->v;
	const struct config_service *s = b->now.s;
	const struct config_facts *f = &b->now.facts;
	const struct config_node *where = b->now.entry->key;
	if ((s->flags & IPVS_FLAG_ONEPACKET) && (f->tcp || f->sctp) && !f->udp)
		config_say(b, config_at_or(&v[SERVICE_ONE_PACKET], where), &b->now.path, NULL,
			"one_packet is for UDP and fwmark services");
	else if ((s->flags & IPVS_FLAG_ONEPACKET) && s->method == IPVS_METHOD_NAT && (f->udp || f->marked))
		/* the kernel keeps no connection to translate the answer with (measured: the client never gets it) */
		config_warn(b, config_at_or(&v[SERVICE_ONE_PACKET], where), &b->now.path,
			"one_packet with mode nat: answers leave with the backend's own address",
			"mode dr for protocols with answers; for syslog and the like this is right");
	if (s->engine[0] && (f->marked || f->tcp || f->sctp))
		config_say(b, config_at_or(&v[SERVICE_PERSISTENCE], where), &b->now.path, "write `protocol: udp`",
			"the persistence engine %s is for UDP services", s->engine);
}

void config_rules_head(struct config_builder *b)
{
	rule_match(b);
	rule_flags(b, &b->now.keys->v[SERVICE_SCHEDULER], &b->now.path);
	rule_tunnel(b, &b->now.keys->v[SERVICE_TUNNEL], &b->now.path);
	rule_check_names(b, &b->now.keys->v[SERVICE_CHECK], &b->now.path);
	rule_protocols(b);
	config_rules_source_nat(b);
}

/* dr and tun leave the packet as it is: the backend gets the port the client asked for. */
static void rule_port(struct config_builder *b, const struct config_backend *bk, const struct config_node *at,
	const struct config_path *path)
{
	const struct config_facts *f = &b->now.facts;
	const char *method = ipvs_method_name(bk->method), *help = "leave the port out";
	bool kept = bk->method != IPVS_METHOD_NAT;
	if (!bk->port || !b->now.s->n_listens)
		return;
	if (f->every_port)
		config_say(b, at, path, help, "the service takes every port: its backends have none of their own");
	else if (kept && f->marked)
		config_say(b, at, path, help, "a %s backend of a fwmark service has no port", method);
	else if (kept && f->ports)
		config_say(b, at, path, help, "mode %s cannot change every port to %u", method, bk->port);
	else if (kept && f->port != bk->port)
		config_say(
			b, at, path, help, "mode %s cannot change the port from %u to %u", method, f->port, bk->port);
}

/* Only mode tun can carry one family in the other, and that not always: config_rules_sync judges it. */
static void keep_mixed(struct config_builder *b, const struct config_backend *bk, const struct config_node *at)
{
	struct config_mixed *m = lb_vec_push(&b->mixed);
	b->report->oom |= !m;
	if (m)
		*m = (struct config_mixed){ at, b->now.s, bk->name, bk->addr.family == AF_INET };
}

static void rule_family(struct config_builder *b, const struct config_backend *bk, const struct config_node *at,
	const struct config_path *path)
{
	const struct config_facts *f = &b->now.facts;
	bool four = bk->addr.family == AF_INET;
	if (bk->method == IPVS_METHOD_TUN && (four ? f->ipv6 : f->ipv4))
		keep_mixed(b, bk, at);
	if (f->ipv4 && f->ipv6 && b->now.s->method != IPVS_METHOD_TUN)
		return; /* said of the listeners */
	if (bk->method != IPVS_METHOD_TUN && (four ? f->ipv6 : f->ipv4))
		config_say(b, at, path, "only mode tun can carry one in the other", "an %s backend in an %s service",
			four ? "IPv4" : "IPv6", four ? "IPv6" : "IPv4");
}

/* Without brackets the last group is none but that of an address: rarely what is meant where it reads as the port of a
 * listener. In brackets, or with a port, it is as it is meant. */
static void rule_no_brackets(
	struct config_builder *b, const struct schema_value *v, bool port, const struct config_path *path)
{
	const char *s = v->at && v->set && !port ? v->at->text : "", *colon = strrchr(s, ':');
	const struct config_service *of = b->now.s;
	struct lb_ip ip;
	char text[160], help[160], *end;
	if (!colon || lb_ip_parse(s, (size_t)(colon - s), &ip) || !lb_ip_is_v6(&ip) || !strchr("123456789", colon[1]))
		return;
	long last = strtol(colon + 1, &end, 10);
	for (uint32_t i = 0; !*end && i < of->n_listens; i++) {
		if (of->listens[i].port != last)
			continue;
		snprintf(text, sizeof(text), "all of %s is an address, and %ld is the port of a listener", s, last);
		snprintf(help, sizeof(help), "with a port it is \"[%.*s]:%ld\", without one \"[%s]\"", (int)(colon - s),
			s, last, s);
		config_warn(b, v->at, path, text, help);
		return;
	}
}

/* Quorum and sorry server. */
static void rule_pool(struct config_builder *b)
{
	const struct schema_value *v = b->now.keys->v;
	const struct config_service *s = b->now.s;
	const struct config_node *where = b->now.entry->key;
	struct config_path quorum = { &b->now.path, "quorum", 6, 0 }, sorry = { &b->now.path, "sorry", 5, 0 };
	const struct config_node *at = config_at_or(&v[SERVICE_QUORUM], where),
				 *at_sorry = config_at_or(&v[SERVICE_SORRY], where);
	if (!s->quorum.percent && s->quorum.value > s->n_backends && s->n_backends && s->quorum.value > 1)
		config_say(b, at, &quorum, NULL, "a quorum of %u, but there are %u backends", s->quorum.value,
			s->n_backends);
	if (s->on_loss == CONFIG_LOSS_SORRY && !s->sorry.family)
		config_say(
			b, at, &quorum, "add `sorry: 10.0.0.9:80`", "on_loss is sorry, but there is no sorry server");
	if (!s->sorry.family)
		return;
	if (lb_ip_is_any(&s->sorry) || lb_ip_is_multicast(&s->sorry))
		config_say(b, at_sorry, &sorry, NULL, "this is not the address of one host");
	const struct config_backend as = { .addr = s->sorry, .port = s->sorry_port, .method = s->method };
	rule_no_brackets(b, &v[SERVICE_SORRY], s->sorry_port, &sorry);
	rule_port(b, &as, at_sorry, &sorry);
	rule_family(b, &as, at_sorry, &sorry);
	for (uint32_t i = 0; i < s->n_backends; i++)
		if (!lb_ip_cmp(&s->backends[i].addr, &s->sorry) && s->backends[i].port == s->sorry_port)
			config_say(b, at_sorry, &sorry, NULL, "the sorry server is backend %s as well",
				s->backends[i].name);
}

void config_rules_backend(struct config_builder *b, const struct config_backend *bk, const struct config_node *where,
	const struct config_path *path)
{
	const struct schema_value *v = b->now.backend->v;
	const struct config_node *at = config_at_or(&v[BACKEND_ADDRESS], where);
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
	if (b->c->n_backends == CONFIG_BACKENDS_MAX + 1)
		config_say(b, where, path, NULL, "more than %u backends", CONFIG_BACKENDS_MAX);
	if (v[BACKEND_PORT].set && v[BACKEND_ADDRESS].port)
		config_say(b, config_at_or(&v[BACKEND_PORT], where), path, NULL,
			"the port is written with the address already");
	if (lb_ip_is_any(&bk->addr) || lb_ip_is_multicast(&bk->addr) ||
		(bk->addr.family == AF_INET && !memcmp(bk->addr.b, broadcast, 4)))
		config_say(b, at, path, NULL, "this is not the address of one host");
	if (v[BACKEND_MAX_CONNECTIONS].wrong)
		; /* said already */
	else if (bk->lower && !bk->upper)
		config_say(b, config_at_or(&v[BACKEND_RESUME_BELOW], where), path, NULL,
			"resume_below needs max_connections");
	else if (bk->lower > bk->upper)
		config_say(b, config_at_or(&v[BACKEND_RESUME_BELOW], where), path, NULL,
			"resume_below %u is above max_connections %u", bk->lower, bk->upper);
	if (v[BACKEND_TUNNEL].at && !v[BACKEND_MODE].wrong && bk->method != IPVS_METHOD_TUN)
		config_say(b, v[BACKEND_TUNNEL].at, path, "write `mode: tun`", "tunnel has no effect in mode %s",
			ipvs_method_name(bk->method));
	rule_tunnel(b, &v[BACKEND_TUNNEL], path);
	rule_no_brackets(b, &v[BACKEND_ADDRESS], bk->port, path);
	rule_port(b, bk, config_at_or(&v[BACKEND_PORT], at), path);
	rule_family(b, bk, at, path);
	config_rules_source_nat_backend(b, bk, config_at_or(&v[BACKEND_MODE], where), path);
}

struct target { /* for finding equal ones */
	const struct config_backend *bk;
	const struct config_node *key;
};

static int target_cmp(const void *x, const void *y)
{
	const struct target *a = x, *b = y;
	int d = lb_ip_cmp(&a->bk->addr, &b->bk->addr);
	if (d)
		return d;
	if (a->bk->port != b->bk->port)
		return a->bk->port < b->bk->port ? -1 : 1;
	if (a->key->line != b->key->line)
		return a->key->line < b->key->line ? -1 : 1;
	return a->key->column < b->key->column ? -1 : a->key->column > b->key->column;
}

static void duplicate_backend(struct config_builder *b, const struct target *x, const struct target *y)
{
	struct config_path path = { &b->now.path, "backends", 8, 0 };
	bool later = y->key->line > x->key->line || (y->key->line == x->key->line && y->key->column > x->key->column);
	const struct target *first = later ? x : y, *again = later ? y : x;
	char addr[LB_ENDPOINT_STRLEN], help[160];
	snprintf(help, sizeof(help), "first as %s at line %u", first->bk->name, first->key->line);
	config_say(b, again->key, &path, help, "backend %s has the address of another one: %s", again->bk->name,
		lb_endpoint_str(&again->bk->addr, again->bk->port, addr));
}

/* One bit per port the service listens on; NULL: no memory. */
static const uint8_t *port_set(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	uint8_t *bits = lb_arena_alloc(&b->scratch, 65536 / 8);
	b->report->oom |= !bits;
	for (uint32_t i = 0; bits && i < s->n_listens; i++)
		bits[s->listens[i].port / 8] |= (uint8_t)(1u << s->listens[i].port % 8);
	return bits;
}

/* The kernel knows a backend by address and port. A backend without port has those of the listeners. */
static void rule_duplicates(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	struct target *t = lb_arena_alloc(&b->scratch, s->n_backends * sizeof(*t));
	b->report->oom |= !t;
	for (uint32_t i = 0; t && i < s->n_backends; i++)
		t[i] = (struct target){ &s->backends[i], b->now.backend_keys[i] };
	if (!t || s->n_backends < 2)
		return;
	lb_sort(t, s->n_backends, sizeof(*t), target_cmp);
	const struct target *bare = NULL; /* the one without port among those of this address */
	const uint8_t *ports = NULL;
	for (uint32_t i = 0; i < s->n_backends; i++) {
		bool same = i && lb_ip_cmp(&t[i].bk->addr, &t[i - 1].bk->addr) == 0;
		uint16_t port = t[i].bk->port;
		if (same && bare && !ports && !(ports = port_set(b)))
			return;
		if (!same)
			bare = port ? NULL : &t[i];
		else if (port == t[i - 1].bk->port)
			duplicate_backend(b, &t[i - 1], &t[i]);
		else if (bare && (ports[port / 8] >> port % 8 & 1))
			duplicate_backend(b, bare, &t[i]);
	}
}

/* Whether probes of this type only make sense where TCP is spoken: a name server answers at its port over both. */
static bool wants_tcp(const struct config_check *ck)
{
	return !check_types[ck->spec.type].portless && ck->spec.type != CHECK_TYPE_UDP &&
	       ck->spec.type != CHECK_TYPE_DNS;
}

/* A check needs a port, and one that speaks its protocol. */
static void rule_check_ports(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	const struct schema_value *v = &b->now.keys->v[SERVICE_CHECK];
	const struct config_node *at = config_at_or(v, b->now.entry->key);
	struct config_path path = { &b->now.path, "check", 5, 0 };
	const struct config_facts *f = &b->now.facts;
	bool portless = false,
	     persistent = s->flags & IPVS_FLAG_PERSISTENT; /* without, the missing port is the error */
	for (uint32_t i = 0; i < s->n_backends; i++)
		portless |= !s->backends[i].port;
	for (uint32_t i = 0; i < s->n_checks; i++) {
		const struct config_check *ck = &b->slots[b->check_ids.v[b->check_ids.n - s->n_checks + i]];
		const char *type = check_types[ck->spec.type].name;
		if (check_types[ck->spec.type].portless || ck->spec.port)
			continue;
		if (wants_tcp(ck) && (f->udp || f->sctp) && !f->tcp)
			config_say(b, at, &path,
				"write `check: none`, or give the check the `port` of something that speaks TCP",
				"the %s check %s in a service without TCP",
				ck->spec.type == CHECK_TYPE_TCP ? "TCP" : type, ck->name);
		else if (((f->every_port && persistent) || f->marked) && portless)
			config_say(b, at, &path, "write `check: none`, or give the check a `port`",
				"the check %s has no port to probe", ck->name);
	}
}

/* Clients that are hashed to a backend stay so whatever its weight is. */
static void rule_share(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	const struct schema_value *v = &b->now.keys->v[SERVICE_SCHEDULER];
	const struct ipvs_sched_row *row = ipvs_sched_find(s->scheduler, strlen(s->scheduler));
	bool drains = s->on_fail == CONFIG_FAIL_DRAIN && s->n_checks;
	for (uint32_t i = 0; i < s->n_backends && !drains; i++)
		drains = s->backends[i].state == CONFIG_STATE_DRAIN;
	if (!drains || !row || !row->keeps_share || (s->flags & row->fallback) || v->obj->v[SCHEDULER_FLAGS].wrong)
		return;
	char flag[80];
	snprintf(flag, sizeof(flag), "add %s-fallback to flags, or write `on_fail: remove`", row->name);
	config_warn(b, config_at_or(v, b->now.entry->key), &b->now.path,
		"the clients of a backend that fails or is drained get no server",
		row->fallback ? flag : "write `on_fail: remove`");
}

/* A warning, because the kernel may have been built with a larger table, and nobody can ask it. */
static void rule_most(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	const struct schema_value *v = &b->now.keys->v[SERVICE_SCHEDULER];
	const struct ipvs_sched_row *row = ipvs_sched_find(s->scheduler, strlen(s->scheduler));
	char text[100];
	if (!row || !row->most || s->n_backends <= row->most)
		return;
	snprintf(text, sizeof(text), "scheduler %s has room for %u backends, and these are %u", row->name, row->most,
		s->n_backends);
	config_warn(b, config_at_or(v, b->now.entry->key), &b->now.path, text,
		"more get no clients, and a running service that is changed to it serves nobody: make several "
		"services, or choose another (unless CONFIG_IP_VS_MH_TAB_INDEX of your kernel is above 12)");
}

/* Of several ports the backends are probed at one, and nobody would notice that another is dead: unless a check names
 * its port, which says that this one stands for all. */
static void rule_one_port(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	bool portless = false, probed = false;
	for (uint32_t i = 0; i < s->n_backends; i++)
		portless |= !s->backends[i].port;
	for (uint32_t i = 0; i < s->n_checks; i++) {
		const struct config_check *ck = &b->slots[b->check_ids.v[b->check_ids.n - s->n_checks + i]];
		if (ck->spec.port)
			return;
		probed |= !check_types[ck->spec.type].portless;
	}
	if (!b->now.facts.ports || !portless || !probed || !s->listens[0].port)
		return;
	char text[80];
	snprintf(text, sizeof(text), "of several ports only %u is probed", s->listens[0].port);
	config_warn(b, config_at_or(&b->now.keys->v[SERVICE_CHECK], b->now.entry->key), &b->now.path, text,
		"make a service for each port, or give the check the `port` that stands for all");
}

void config_rules_service(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	const struct schema_value *v = b->now.keys->v;
	const struct config_node *where = b->now.entry->key;
	bool tun = s->method == IPVS_METHOD_TUN || v[SERVICE_MODE].wrong;
	for (uint32_t i = 0; i < s->n_backends; i++)
		tun |= s->backends[i].method == IPVS_METHOD_TUN;
	if (v[SERVICE_TUNNEL].at && !tun)
		config_say(b, v[SERVICE_TUNNEL].at, &b->now.path, "write `mode: tun`",
			"tunnel has no effect in mode %s", ipvs_method_name(s->method));
	if (v[SERVICE_BACKENDS].set && v[SERVICE_BACKENDS].named->len == 0)
		config_warn(b, where, &b->now.path, "a service without backends answers nobody", NULL);
	rule_duplicates(b);
	rule_check_ports(b);
	config_rules_check_source(b);
	rule_one_port(b);
	rule_pool(b);
	rule_share(b);
	rule_most(b);
	config_rules_weights(b);
	const struct schema_value *l = &v[SERVICE_LISTEN];
	for (uint32_t i = 0; i < s->n_listens; i++) {
		struct config_listener *slot = lb_vec_push(&b->listeners);
		if (!slot) {
			b->report->oom = true;
			return;
		}
		*slot = (struct config_listener){ .key = s->listens[i],
			.at = config_at_or(v[SERVICE_FWMARK].set ? &v[SERVICE_FWMARK] : l, where),
			.service = s,
			.long_list = l->set && l->n > SCHEMA_REPEATS_MAX };
		for (uint32_t k = 0; l->set && k < l->n && !slot->long_list; k++)
			if (!lb_ip_cmp(&l->list[k].ip, &slot->key.addr) && l->list[k].port == slot->key.port)
				slot->at = l->list[k].at;
	}
}

static int listener_cmp(const void *x, const void *y)
{
	const struct config_listener *a = x, *b = y;
	int d = ipvs_key_cmp(&a->key, &b->key);
	if (d)
		return d;
	if (a->at->file != b->at->file)
		return a->at->file < b->at->file ? -1 : 1;
	if (a->at->line != b->at->line)
		return a->at->line < b->at->line ? -1 : 1;
	return a->at->column < b->at->column ? -1 : a->at->column > b->at->column;
}

void config_rules_all(struct config_builder *b)
{
	if (b->listeners.n > CONFIG_LISTENS_MAX)
		config_say(b, b->listeners.v[CONFIG_LISTENS_MAX].at, NULL, NULL,
			"more than %u listeners (addresses in listen, times protocols)", CONFIG_LISTENS_MAX);
	if (b->listeners.n < 2)
		return;
	lb_sort(b->listeners.v, b->listeners.n, sizeof(b->listeners.v[0]), listener_cmp);
	for (size_t i = 1; i < b->listeners.n; i++) {
		const struct config_listener *a = &b->listeners.v[i - 1], *c = &b->listeners.v[i];
		char text[IPVS_KEY_STRLEN], help[360];
		/* within a short list the reader of lists has found it, with the place of the item */
		if (ipvs_key_cmp(&a->key, &c->key) != 0 || (a->service == c->service && !c->long_list))
			continue;
		struct config_path up = { NULL, "services", 8, 0 },
				   path = { &up, c->service->name, (uint32_t)strlen(c->service->name), 0 };
		snprintf(help, sizeof(help), "first in service %s at %.200s:%u", a->service->name,
			b->report->sources[a->at->file].name, a->at->line);
		config_say(b, c->at, &path, help, "duplicate listener %s", ipvs_key_str(&c->key, text));
	}
}
