/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_build.h"
#include "lbd/check/check_reply.h"

#include "common/sort.h"
#include "common/text.h"
#include "lbd/ipvs/ipvs_sched.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STRING_ROOM  4096u
#define SCRATCH_KEEP 3072u /* small services share the small first chunk of an arena, which costs no page faults */

int config_builder_init(struct config_builder *b, struct config_report *r, struct lb_arena *tree, struct config *c)
{
	*b = (struct config_builder){ .report = r, .tree = tree, .c = c, .rd = { .report = r, .arena = tree } };
	if (schema_reader_init(&b->rd))
		return -ENOMEM;
	b->root = schema_object_new(&b->rd, SCHEMA_ROOT);
	b->check_keys = schema_object_new(&b->rd, SCHEMA_CHECK);
	b->now.backend = schema_object_new(&b->rd, SCHEMA_BACKEND);
	b->now.keys = schema_object_new(&b->rd, SCHEMA_SERVICE);
	b->files = lb_arena_alloc(&c->arena, r->n_sources * sizeof(*b->files));
	if (!b->root || !b->check_keys || !b->now.backend || !b->now.keys || !b->files)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_sources; i++)
		if (!(b->files[i] = lb_arena_strndup(&c->arena, r->sources[i].name, strlen(r->sources[i].name))))
			return -ENOMEM;
	return 0;
}

void config_builder_done(struct config_builder *b)
{
	lb_arena_done(&b->scratch);
	lb_vec_done(&b->checks);
	lb_vec_done(&b->services);
	lb_vec_done(&b->vrrp);
	lb_vec_done(&b->check_ids);
	lb_vec_done(&b->listeners);
	lb_vec_done(&b->mixed);
	lb_vec_done(&b->translated);
}

void config_say(struct config_builder *b, const struct config_node *at, const struct config_path *path,
	const char *help, const char *fmt, ...)
{
	struct config_finding f = { .at = config_node_place(at), .path = path, .help = help };
	if (!config_report_wants(b->report, false, f.at))
		return;
	char text[SCHEMA_SAY];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	config_report_add(b->report, &f, "%s", text);
}

/* A copy with the life of the config. Never NULL. */
const char *config_keep(struct config_builder *b, const char *s, size_t n)
{
	if (n + 1 > b->string_left) {
		size_t room = n + 1 > STRING_ROOM ? n + 1 : STRING_ROOM;
		char *fresh = lb_arena_alloc(&b->c->arena, room);
		if (!fresh) {
			b->report->oom = true;
			return "";
		}
		b->string_room = fresh;
		b->string_left = room;
	}
	char *p = b->string_room;
	memcpy(p, s, n);
	p[n] = '\0';
	b->string_room += n + 1;
	b->string_left -= n + 1;
	return p;
}

static void *keep_array(struct config_builder *b, struct lb_arena *a, size_t n, size_t size)
{
	void *p = lb_arena_alloc(a, n * size);
	b->report->oom |= !p;
	return p;
}

static void build_metrics(struct config_builder *b, const struct schema_object *keys)
{
	const struct schema_value *listen = &keys->v[METRICS_LISTEN];
	if (listen->off)
		return;
	b->c->metrics = listen->ip;
	b->c->metrics_port = listen->port;
	if (listen->set && !listen->port) {
		struct config_path in = { NULL, "metrics", 7, 0 }, path = { &in, "listen", 6, 0 };
		config_say(b, listen->at, &path, "write it behind the address: 127.0.0.1:9788",
			"metrics.listen has no port");
	}
}

void config_build_settings(struct config_builder *b)
{
	const struct schema_value *v = b->root->v;
	const struct schema_object *control = v[ROOT_CONTROL].set ? v[ROOT_CONTROL].obj : &b->rd.base[SCHEMA_CONTROL];
	const struct schema_object *log = v[ROOT_LOG].set ? v[ROOT_LOG].obj : &b->rd.base[SCHEMA_LOG];
	const struct schema_object *metrics = v[ROOT_METRICS].set ? v[ROOT_METRICS].obj : &b->rd.base[SCHEMA_METRICS];
	const struct schema_object *sync = v[ROOT_SYNC].set ? v[ROOT_SYNC].obj : &b->rd.base[SCHEMA_SYNC];
	const struct schema_value *admin = &control->v[CONTROL_ADMIN_GROUP],
				  *observe = &control->v[CONTROL_OBSERVE_GROUP];
	b->c->admin_group = config_keep(b, admin->text, admin->n);
	b->c->observe_group = config_keep(b, observe->text, observe->n);
	b->c->sync_rate = (uint32_t)sync->v[SYNC_RATE_LIMIT].num;
	b->c->sync_conntrack = (enum config_conntrack)sync->v[SYNC_CONNTRACK_KEY].num;
	b->c->log_level = (enum lb_log_level)log->v[LOG_LEVEL].num;
	if (!v[ROOT_METRICS].off)
		build_metrics(b, metrics);
	b->check_defaults = &b->rd.base[SCHEMA_CHECK];
	b->service_defaults = &b->rd.base[SCHEMA_SERVICE];
	b->vrrp_defaults = &b->rd.base[SCHEMA_VRRP];
	if (v[ROOT_DEFAULTS].set) {
		struct schema_value *d = v[ROOT_DEFAULTS].obj->v;
		if (d[DEFAULTS_CHECK].set)
			*b->check_defaults = *d[DEFAULTS_CHECK].obj;
		if (d[DEFAULTS_SERVICE].set)
			*b->service_defaults = *d[DEFAULTS_SERVICE].obj;
		if (d[DEFAULTS_VRRP].set)
			*b->vrrp_defaults = *d[DEFAULTS_VRRP].obj;
	}
	if (v[ROOT_VERSION].num > CONFIG_VERSION) {
		struct config_path path = { NULL, "version", 7, 0 };
		config_say(b, v[ROOT_VERSION].at, &path, "a newer lbd is needed to read this file",
			"version %lld is newer than version %u, which this lbd reads", (long long)v[ROOT_VERSION].num,
			CONFIG_VERSION);
	}
}

/* where: what is being read, NULL for a bare type. */
static void build_check(struct config_builder *b, const struct schema_object *keys, struct config_check *ck,
	const struct config_node *where)
{
	const struct schema_value *v = keys->v;
	struct check_spec *s = &ck->spec;
	s->name = ck->name;
	if (v[CHECK_KEY_ADDRESS].set)
		s->addr = v[CHECK_KEY_ADDRESS].ip;
	if (v[CHECK_KEY_SOURCE].set)
		s->source = v[CHECK_KEY_SOURCE].ip;
	s->port = (uint16_t)v[CHECK_KEY_PORT].num;
	if (v[CHECK_KEY_DAMPING].set) {
		const struct schema_value *d = v[CHECK_KEY_DAMPING].obj->v;
		ck->suppress = (uint32_t)d[DAMPING_SUPPRESS].num * 1000;
		ck->half_life_ms = (uint32_t)d[DAMPING_HALF_LIFE].num;
	}
	s->interval_ms = (uint32_t)v[CHECK_KEY_INTERVAL].num;
	s->interval_down_ms =
		v[CHECK_KEY_INTERVAL_DOWN].set ? (uint32_t)v[CHECK_KEY_INTERVAL_DOWN].num : s->interval_ms;
	s->timeout_ms = (uint32_t)v[CHECK_KEY_TIMEOUT].num;
	s->rise = (uint16_t)v[CHECK_KEY_RISE].num;
	s->fall = (uint16_t)v[CHECK_KEY_FALL].num;
	config_build_params(b, keys, s, where);
	bool said = v[CHECK_KEY_TIMEOUT].at || b->check_defaults->v[CHECK_KEY_TIMEOUT].at;
	if (!said && config_check_is_quiet(s))
		s->timeout_ms = CHECK_REPLY_QUIET_MS;
}

/* The type whose name this is, or -1. */
static int type_of(const char *name)
{
	for (int i = 0; i < CHECK_TYPE_COUNT; i++)
		if (strcmp(check_types[i].name, name) == 0)
			return i;
	return -1;
}

static void build_named_check(struct config_builder *b, const struct config_entry *e, struct config_check *ck)
{
	struct config_path up = { NULL, "checks", 6, 0 }, path = { &up, e->key->text, e->key->len, 0 };
	struct schema_object *keys = b->check_keys;
	schema_object_reset(keys, b->check_defaults);
	ck->name = config_keep(b, e->key->text, e->key->len);
	ck->line = e->key->line;
	if (!schema_read(&b->rd, e->value, e->key, &path, false, keys))
		return;
	int named = type_of(ck->name);
	const struct schema_value *type = &keys->v[CHECK_KEY_TYPE];
	if (strcmp(ck->name, "none") == 0)
		config_say(b, e->key, &path, NULL, "a check cannot be named 'none'");
	else if (named >= 0 && type->at && type->set && type->num != named)
		config_say(b, type->at, &path, NULL, "the check named '%s' is of another type", ck->name);
	else if (named < 0 && !type->set && !type->at)
		config_say(b, e->key, &path, "how to probe, for example `type: tcp`", "this check has no type");
	ck->spec.type = named >= 0 ? (enum check_type)named : (enum check_type)type->num;
	build_check(b, keys, ck, e->key);
	config_rules_check(b, keys, &path, ck, e->key);
}

static int check_cmp(const void *x, const void *y)
{
	return strcmp(((const struct config_check *)x)->name, ((const struct config_check *)y)->name);
}

void config_build_checks(struct config_builder *b)
{
	if (b->checks.n > CONFIG_CHECKS_MAX) {
		config_say(b, b->checks.v[CONFIG_CHECKS_MAX].key, NULL, NULL, "more than %u checks", CONFIG_CHECKS_MAX);
		b->checks.n = CONFIG_CHECKS_MAX;
	}
	b->slots = keep_array(b, b->tree, b->checks.n + CHECK_TYPE_COUNT, sizeof(*b->slots));
	if (!b->slots)
		return;
	for (size_t i = 0; i < b->checks.n; i++) {
		struct config_check *ck = &b->slots[b->n_slots++];
		ck->name = "";
		build_named_check(b, &b->checks.v[i], ck);
	}
	uint32_t named = b->n_slots;
	for (int t = 0; t < CHECK_TYPE_COUNT; t++) {
		struct config_check bare = { .name = check_types[t].name, .spec = { .type = (enum check_type)t } };
		if (bsearch(&bare, b->slots, named, sizeof(bare), check_cmp))
			continue;
		build_check(b, b->check_defaults, &bare, NULL);
		b->slots[b->n_slots++] = bare;
	}
	lb_sort(b->slots, b->n_slots, sizeof(*b->slots), check_cmp);
	b->slot_used = keep_array(b, b->tree, b->n_slots, sizeof(*b->slot_used));
	for (uint32_t i = 0; b->slot_used && i < b->n_slots; i++)
		b->slot_used[i] = b->slots[i].line != 0;
	if (b->root->v[ROOT_DEFAULTS].set)
		config_rules_defaults(b, b->root->v[ROOT_DEFAULTS].obj);
}

bool config_is_none(const struct schema_value *name)
{
	return name->n == 4 && memcmp(name->text, "none", 4) == 0;
}

const struct config_check *config_check_slot(const struct config_builder *b, const char *name, size_t n)
{
	char key[64] = ""; /* as long as a name can be */
	memcpy(key, name, n < sizeof(key) ? n : sizeof(key) - 1);
	struct config_check want = { .name = key };
	return b->n_slots ? bsearch(&want, b->slots, b->n_slots, sizeof(*b->slots), check_cmp) : NULL;
}

/* An unknown name is a rule's business. */
static void use_check(struct config_builder *b, const char *name, size_t n)
{
	const struct config_check *slot = config_check_slot(b, name, n);
	uint32_t *id = slot ? lb_vec_push(&b->check_ids) : NULL;
	if (!id) {
		b->report->oom |= slot != NULL;
		return;
	}
	*id = (uint32_t)(slot - b->slots);
	b->slot_used[*id] = true;
	b->now.s->n_checks++;
}

/* What a service is checked with that names no check; NULL = nothing. */
static const char *default_check(const struct config_facts *f)
{
	return f->tcp ? check_types[CHECK_TYPE_TCP].name : NULL;
}

static void build_service_checks(struct config_builder *b)
{
	const struct schema_value *v = &b->now.keys->v[SERVICE_CHECK];
	const char *name = !v->set && !v->at ? default_check(&b->now.facts) : NULL;
	if (name)
		use_check(b, name, strlen(name));
	if (!v->set)
		return;
	for (unsigned mode = CHECKS_ALL; mode < CHECKS_COUNT; mode++) {
		const struct schema_value *list = &v->obj->v[mode];
		if (!list->set || b->now.s->n_checks)
			continue;
		b->now.s->check_mode = (enum config_check_mode)mode;
		for (uint32_t i = 0; i < list->n && i < CONFIG_SERVICE_CHECKS_MAX; i++)
			if (!config_is_none(&list->list[i]))
				use_check(b, list->list[i].text, list->list[i].n);
	}
}

static int key_cmp(const void *x, const void *y)
{
	return ipvs_key_cmp(x, y);
}

static void build_listens(struct config_builder *b)
{
	const struct schema_value *v = b->now.keys->v;
	struct config_service *s = b->now.s;
	const struct schema_value *listen = &v[SERVICE_LISTEN], *protocol = &v[SERVICE_PROTOCOL];
	bool marked = v[SERVICE_FWMARK].set;
	size_t n = marked ? 1 : listen->set && !protocol->wrong ? (size_t)listen->n * 3 : 0;
	struct ipvs_key *keys = keep_array(b, &b->scratch, n, sizeof(*keys));
	if (!keys)
		return;
	if (marked) {
		keys[0].addr.family = (uint8_t)v[SERVICE_FAMILY].num;
		keys[0].fwmark = (uint32_t)v[SERVICE_FWMARK].num;
		s->n_listens = 1;
	}
	bool seen[256] = { false }; /* a protocol named twice is an error already */
	for (uint32_t p = 0; !marked && n && p < protocol->n; p++) {
		uint8_t number = (uint8_t)protocol->list[p].num;
		for (uint32_t i = 0; i < listen->n && !seen[number]; i++)
			keys[s->n_listens++] = (struct ipvs_key){
				.addr = listen->list[i].ip, .port = listen->list[i].port, .protocol = number
			};
		seen[number] = true;
	}
	lb_sort(keys, s->n_listens, sizeof(*keys), key_cmp);
	struct ipvs_key *kept = keep_array(b, &b->c->arena, s->n_listens, sizeof(*kept));
	if (kept)
		memcpy(kept, keys, s->n_listens * sizeof(*kept));
	s->n_listens = kept ? s->n_listens : 0;
	s->listens = kept;
}

static struct config_facts facts_of(const struct config_service *s)
{
	struct config_facts f = { .port = s->n_listens ? s->listens[0].port : 0 };
	for (uint32_t i = 0; i < s->n_listens; i++) {
		const struct ipvs_key *k = &s->listens[i];
		f.marked |= k->fwmark != 0;
		f.tcp |= k->protocol == IPPROTO_TCP;
		f.udp |= k->protocol == IPPROTO_UDP;
		f.sctp |= k->protocol == IPPROTO_SCTP;
		f.ipv4 |= k->addr.family == AF_INET;
		f.ipv6 |= k->addr.family == AF_INET6;
		f.every_port |= !k->fwmark && !k->port;
		f.ports |= k->port != f.port;
	}
	return f;
}

static struct ipvs_tunnel build_tunnel(const struct schema_object *o)
{
	return (struct ipvs_tunnel){ .type = (uint8_t)o->v[TUNNEL_TYPE].num,
		.csum = (uint8_t)o->v[TUNNEL_CHECKSUM].num,
		.port = (uint16_t)o->v[TUNNEL_PORT].num };
}

static void build_scheduler(struct config_service *s, const struct schema_object *o)
{
	const struct ipvs_sched_row *row = &ipvs_scheds[o->v[SCHEDULER_NAME].num];
	s->scheduler = row->name;
	const struct schema_value *flags = &o->v[SCHEDULER_FLAGS];
	if (!flags->at)
		s->flags |= row->fallback;
	for (uint32_t i = 0; flags->set && i < flags->n; i++)
		s->flags |= ipvs_sched_flag_bit(row, flags->list[i].text, flags->list[i].n);
}

/* What happens when backends fail. */
static void build_pool_rules(struct config_service *s, const struct schema_value *v)
{
	const struct schema_value *q = v[SERVICE_QUORUM].obj->v;
	s->quorum = (struct config_share){ (uint32_t)q[QUORUM_UP].num, q[QUORUM_UP].percent };
	s->quorum_more = (uint32_t)q[QUORUM_HYSTERESIS].num;
	if (v[SERVICE_SORRY].set) {
		s->sorry = v[SERVICE_SORRY].ip;
		s->sorry_port = v[SERVICE_SORRY].port;
	}
	s->on_loss = q[QUORUM_ON_LOSS].set  ? (enum config_loss)q[QUORUM_ON_LOSS].num
		     : v[SERVICE_SORRY].set ? CONFIG_LOSS_SORRY
					    : CONFIG_LOSS_REST;
	s->on_fail = (enum config_fail)v[SERVICE_ON_FAIL].num;
	s->fail_open_percent = v[SERVICE_FAIL_OPEN].set ? (uint32_t)v[SERVICE_FAIL_OPEN].num : 0;
	s->slow_start_ms = v[SERVICE_SLOW_START].set ? v[SERVICE_SLOW_START].num : 0;
}

static struct lb_ip source_nat_of(const struct config_service *s, const struct schema_value *v)
{
	for (uint32_t i = 0; v->set && s->n_listens && i < v->n; i++)
		if (v->list[i].ip.family == s->listens[0].addr.family)
			return v->list[i].ip;
	return (struct lb_ip){ 0 };
}

/* Every key but backends and checks. */
static void build_head(struct config_builder *b)
{
	const struct schema_value *v = b->now.keys->v;
	struct config_service *s = b->now.s;
	build_listens(b);
	b->now.facts = facts_of(s);
	build_scheduler(s, v[SERVICE_SCHEDULER].obj);
	s->mask4 = 32;
	s->mask6 = 128;
	s->engine = "";
	if (v[SERVICE_PERSISTENCE].set) {
		const struct schema_value *p = v[SERVICE_PERSISTENCE].obj->v;
		s->flags |= IPVS_FLAG_PERSISTENT;
		s->persist_s = (uint32_t)(p[PERSISTENCE_TIMEOUT].num / 1000);
		s->mask4 = (uint8_t)p[PERSISTENCE_MASK4].num;
		s->mask6 = (uint8_t)p[PERSISTENCE_MASK6].num;
		if (p[PERSISTENCE_ENGINE].set)
			s->engine = config_keep(b, p[PERSISTENCE_ENGINE].text, p[PERSISTENCE_ENGINE].n);
	}
	if (v[SERVICE_ONE_PACKET].num)
		s->flags |= IPVS_FLAG_ONEPACKET;
	s->method = (uint8_t)v[SERVICE_MODE].num;
	if (s->method == IPVS_METHOD_TUN)
		s->tunnel = build_tunnel(v[SERVICE_TUNNEL].obj);
	s->source_nat = source_nat_of(s, &v[SERVICE_SOURCE_NAT]);
	build_pool_rules(s, v);
	s->sync = (enum config_sync)v[SERVICE_SYNC].num;
	const struct schema_value *d = v[SERVICE_DRAIN].obj->v;
	s->drain_then = (enum config_then)d[DRAIN_THEN].num;
	s->drain_ms = s->drain_then == CONFIG_THEN_KEEP ? 0 : d[DRAIN_TIMEOUT].num;
}

static void begin_service(struct config_builder *b, const struct config_entry *e)
{
	static const struct config_path services = { NULL, "services", 8, 0 };
	struct config_now *now = &b->now;
	struct config_service *s = &b->built[b->n_built];
	*now = (struct config_now){ .entry = e,
		.keys = now->keys,
		.backend = now->backend,
		.s = s,
		.path = { &services, e->key->text, e->key->len, 0 } };
	*s = (struct config_service){
		.name = config_keep(b, e->key->text, e->key->len), .file = b->files[e->key->file], .line = e->key->line
	};
	schema_object_reset(now->keys, b->service_defaults);
	now->usable = schema_read(&b->rd, e->value, e->key, &now->path, false, now->keys);
	if (!now->usable)
		return;
	build_head(b);
	build_service_checks(b);
	config_rules_head(b);
	const struct schema_value *backends = &now->keys->v[SERVICE_BACKENDS];
	if (!backends->set)
		return;
	struct config_path path = { &now->path, "backends", 8, 0 };
	schema_check_names(&b->rd, backends->named, &path);
	now->next_backend = backends->named->child;
	now->backends = keep_array(b, &b->c->arena, backends->named->len / 2, sizeof(*now->backends));
	now->backend_keys = keep_array(b, &b->scratch, backends->named->len / 2, sizeof(const struct config_node *));
	s->backends = now->backends;
}

static void build_backend(struct config_builder *b, const struct config_node *key)
{
	struct config_now *now = &b->now;
	struct config_path up = { &now->path, "backends", 8, 0 }, path = { &up, key->text, key->len, 0 };
	schema_object_reset(now->backend, &b->rd.base[SCHEMA_BACKEND]);
	if (key->bad || !schema_read(&b->rd, key->next, key, &path, false, now->backend))
		return;
	const struct schema_value *v = now->backend->v;
	if (!v[BACKEND_ADDRESS].set)
		return;
	struct config_backend *bk = &now->backends[now->s->n_backends];
	*bk = (struct config_backend){
		.name = config_keep(b, key->text, key->len),
		.addr = v[BACKEND_ADDRESS].ip,
		.port = v[BACKEND_PORT].set ? (uint16_t)v[BACKEND_PORT].num : v[BACKEND_ADDRESS].port,
		.method = v[BACKEND_MODE].set ? (uint8_t)v[BACKEND_MODE].num : now->s->method,
		.weight = (uint32_t)v[BACKEND_WEIGHT].num,
		.upper = (uint32_t)v[BACKEND_MAX_CONNECTIONS].num,
		.lower = (uint32_t)v[BACKEND_RESUME_BELOW].num,
		.state = (enum config_state)v[BACKEND_STATE].num,
		.line = key->line,
	};
	if (bk->method == IPVS_METHOD_TUN)
		bk->tunnel =
			build_tunnel(v[BACKEND_TUNNEL].set ? v[BACKEND_TUNNEL].obj : now->keys->v[SERVICE_TUNNEL].obj);
	now->backend_keys[now->s->n_backends++] = key;
	b->c->n_backends++;
	config_rules_backend(b, bk, key, &path);
}

static int backend_cmp(const void *x, const void *y)
{
	return strcmp(
		(*(const struct config_backend *const *)x)->name, (*(const struct config_backend *const *)y)->name);
}

/* A reload looks for each backend in the configuration before it. */
static void sort_backends(struct config_builder *b)
{
	struct config_service *s = b->now.s;
	const struct config_backend **v =
		keep_array(b, &b->c->arena, s->n_backends, sizeof(const struct config_backend *));
	for (uint32_t i = 0; v && i < s->n_backends; i++)
		v[i] = &s->backends[i];
	if (v)
		lb_sort(v, s->n_backends, sizeof(const struct config_backend *), backend_cmp);
	s->by_name = v;
}

static void end_service(struct config_builder *b)
{
	sort_backends(b);
	if (b->now.usable)
		config_rules_service(b);
	b->now.s = NULL;
	b->n_built++;
	if (b->scratch.used > SCRATCH_KEEP)
		lb_arena_done(&b->scratch);
}

static bool begin_services(struct config_builder *b)
{
	if (b->services.n > CONFIG_SERVICES_MAX) {
		config_say(b, b->services.v[CONFIG_SERVICES_MAX].key, NULL, NULL, "more than %u services",
			CONFIG_SERVICES_MAX);
		b->services.n = CONFIG_SERVICES_MAX;
	}
	b->built = keep_array(b, &b->c->arena, b->services.n, sizeof(*b->built));
	b->c->services = b->built;
	return b->built;
}

int config_build_services(struct config_builder *b, unsigned budget)
{
	if (!b->built && !begin_services(b))
		return 0;
	b->rd.arena = &b->scratch;
	for (; budget && !b->report->oom; budget--) {
		struct config_now *now = &b->now;
		if (now->s && now->next_backend && now->next_backend->next) {
			build_backend(b, now->next_backend);
			now->next_backend = now->next_backend->next->next;
		} else if (now->s) {
			end_service(b);
		} else if (b->n_built < b->services.n) {
			begin_service(b, &b->services.v[b->n_built]);
		} else {
			return 0;
		}
	}
	return !b->report->oom;
}

void config_build_finish(struct config_builder *b)
{
	struct config *c = b->c;
	struct config_check *checks = keep_array(b, &c->arena, b->n_slots, sizeof(*checks));
	uint32_t *moved = keep_array(b, b->tree, b->n_slots, sizeof(*moved));
	const struct config_check **ptrs =
		keep_array(b, &c->arena, b->check_ids.n, sizeof(const struct config_check *));
	if (!checks || !moved || !ptrs)
		return;
	for (uint32_t i = 0; i < b->n_slots; i++) {
		moved[i] = c->n_checks;
		if (b->slot_used[i])
			checks[c->n_checks++] = b->slots[i];
	}
	c->checks = checks;
	for (size_t i = 0; i < b->check_ids.n; i++)
		ptrs[i] = &checks[moved[b->check_ids.v[i]]];
	for (uint32_t i = 0; i < b->n_built; i++) {
		struct config_service *s = &b->built[i];
		s->checks = ptrs;
		ptrs += s->n_checks;
		s->digest = config_service_digest(s);
	}
	c->n_services = b->n_built;
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		struct config_vrrp *v = b->instances[i].v;
		struct config_track *t = b->instances[i].tracks;
		for (uint32_t k = 0; k < v->n_tracks; k++)
			if (t[k].check)
				t[k].check = &checks[moved[t[k].check - b->slots]];
		v->digest = config_vrrp_digest(v);
	}
}
