/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/config_value.h"

#include "common/time.h"
#include "lbd/ipvs/ipvs_sched.h"

#include <string.h>
#include <sys/socket.h>

static unsigned put(struct lb_text *out, const char *s, size_t n)
{
	lb_text_put(out, s, n);
	lb_text_put(out, "", 1);
	return 1;
}

static unsigned put_word(struct lb_text *out, const char *s)
{
	return put(out, s, strlen(s));
}

static unsigned put_bool(struct lb_text *out, bool b)
{
	return put_word(out, b ? "true" : "false");
}

static unsigned put_num(struct lb_text *out, uint64_t n)
{
	lb_text_printf(out, "%llu", (unsigned long long)n);
	return put(out, "", 0);
}

static unsigned put_duration(struct lb_text *out, int64_t ms)
{
	char s[LB_DURATION_STRLEN];
	return put_word(out, lb_duration_str(ms, s));
}

static unsigned put_or_off(struct lb_text *out, int64_t ms)
{
	return ms ? put_duration(out, ms) : put_word(out, "off");
}

static unsigned put_endpoint(struct lb_text *out, const struct lb_ip *ip, uint16_t port)
{
	char s[LB_ENDPOINT_STRLEN];
	return put_word(out, lb_endpoint_str(ip, port, s));
}

static unsigned control_value(const struct config *c, unsigned key, struct lb_text *out)
{
	return put_word(out, key == CONTROL_ADMIN_GROUP ? c->admin_group : c->observe_group);
}

static unsigned metrics_value(const struct config *c, struct lb_text *out)
{
	return c->metrics.family ? put_endpoint(out, &c->metrics, c->metrics_port) : put_word(out, "off");
}

static unsigned put_share(struct lb_text *out, uint32_t value, bool percent)
{
	lb_text_printf(out, "%u%s", value, percent ? "%" : "");
	return put(out, "", 0);
}

/* One value of a param as the file has it. */
static unsigned put_param(struct lb_text *out, const struct schema_row *row, const char *v, size_t n)
{
	switch ((int)row->type) {
	case SCHEMA_TYPE_BOOL: return put_bool(out, *v != '0');
	case SCHEMA_TYPE_HEX:
		for (size_t i = 0; i < n; i++)
			lb_text_printf(out, "%02x", (uint8_t)v[i]);
		return put(out, "", 0);
	default: return put(out, v, n);
	}
}

static unsigned param_value(const struct check_spec *s, const struct schema_row *row, struct lb_text *out)
{
	unsigned count = 0;
	size_t n = 0;
	if (row->only && !(row->only >> s->type & 1))
		return 0;
	for (const char *v = NULL; row->param && (v = check_param_next(&s->params, row->param, v, &n));) {
		bool binary = memchr(v, 0, n), hex = row->type == SCHEMA_TYPE_HEX;
		/* one param, two keys: what YAML cannot say as text is said in hexadecimal */
		if (row->param == CHECK_PARAM_SEND || row->param == CHECK_PARAM_EXPECT)
			if (binary != hex)
				continue;
		count += put_param(out, row, v, n);
	}
	return count;
}

static unsigned damping_value(const struct config_check *c, unsigned key, struct lb_text *out)
{
	return key == DAMPING_SUPPRESS ? put_num(out, c->suppress / 1000) : put_duration(out, c->half_life_ms);
}

/* Whether the spec has a param of this mapping. */
static bool has_params(const struct check_spec *s, enum schema_kind_id kind)
{
	for (unsigned i = 0; i < schema_kinds[kind].n; i++)
		if (check_param(&s->params, schema_kinds[kind].rows[i].param))
			return true;
	return false;
}

static const void *check_object(const struct config_check *c, unsigned key)
{
	switch (key) {
	case CHECK_KEY_DAMPING: return c->suppress ? c : NULL;
	case CHECK_KEY_TLS: return has_params(&c->spec, SCHEMA_TLS) ? c : NULL;
	case CHECK_KEY_WEIGHT: return has_params(&c->spec, SCHEMA_WEIGHT) ? c : NULL;
	default: return NULL;
	}
}

static unsigned check_value(const struct config_check *c, unsigned key, struct lb_text *out)
{
	const struct check_spec *s = &c->spec;
	switch (key) {
	case CHECK_KEY_TYPE: return put_word(out, check_types[s->type].name);
	case CHECK_KEY_ADDRESS: return s->addr.family ? put_endpoint(out, &s->addr, 0) : 0;
	case CHECK_KEY_SOURCE: return s->source.family ? put_endpoint(out, &s->source, 0) : 0;
	case CHECK_KEY_PORT: return s->port ? put_num(out, s->port) : 0;
	case CHECK_KEY_INTERVAL: return put_duration(out, s->interval_ms);
	case CHECK_KEY_INTERVAL_DOWN: return put_duration(out, s->interval_down_ms);
	case CHECK_KEY_TIMEOUT: return put_duration(out, s->timeout_ms);
	case CHECK_KEY_RISE: return put_num(out, s->rise);
	case CHECK_KEY_FALL: return put_num(out, s->fall);
	default: return param_value(s, &schema_check_rows[key], out);
	}
}

/* listens is the product of addresses and protocols: the addresses are those of any one protocol. */
static unsigned listen_value(const struct config_service *s, struct lb_text *out)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < s->n_listens; i++)
		if (s->listens[i].protocol && s->listens[i].protocol == s->listens[0].protocol)
			n += put_endpoint(out, &s->listens[i].addr, s->listens[i].port);
	return n;
}

static unsigned protocol_value(const struct config_service *s, struct lb_text *out)
{
	unsigned n = 0;
	int64_t protocol;
	schema_word_fn *word = schema_kinds[SCHEMA_SERVICE].rows[SERVICE_PROTOCOL].word;
	for (size_t p = 0; word(p, &protocol); p++)
		for (uint32_t i = 0; i < s->n_listens; i++)
			if (s->listens[i].protocol == protocol) {
				n += put_word(out, ipvs_protocol_name((uint8_t)protocol));
				break;
			}
	return n;
}

static unsigned service_checks_value(const struct config_service *s, unsigned key, struct lb_text *out)
{
	if (key != (unsigned)s->check_mode)
		return 0;
	for (uint32_t i = 0; i < s->n_checks; i++)
		put_word(out, s->checks[i]->name);
	return s->n_checks ? s->n_checks : put_word(out, "none");
}

static unsigned quorum_value(const struct config_service *s, unsigned key, struct lb_text *out)
{
	switch (key) {
	case QUORUM_UP: return put_share(out, s->quorum.value, s->quorum.percent);
	case QUORUM_HYSTERESIS: return put_num(out, s->quorum_more);
	default: return put_word(out, schema_word_of(schema_kinds[SCHEMA_QUORUM].rows[key].word, s->on_loss));
	}
}

static unsigned put_rate(struct lb_text *out, uint32_t per_second)
{
	lb_text_printf(out, "%u/s", per_second);
	return put(out, "", 0);
}

static unsigned service_value(const struct config_service *s, unsigned key, struct lb_text *out)
{
	uint32_t mark = s->n_listens ? s->listens[0].fwmark : 0;
	switch (key) {
	case SERVICE_LISTEN: return listen_value(s, out);
	case SERVICE_PROTOCOL: return protocol_value(s, out);
	case SERVICE_FWMARK: return mark ? put_num(out, mark) : 0;
	case SERVICE_FAMILY: return mark ? put_word(out, lb_ip_is_v6(&s->listens[0].addr) ? "ipv6" : "ipv4") : 0;
	case SERVICE_MODE: return put_word(out, ipvs_method_name(s->method));
	case SERVICE_SOURCE_NAT:
		return s->source_nat.family ? put_endpoint(out, &s->source_nat, 0) : put_word(out, "off");
	case SERVICE_ONE_PACKET: return put_bool(out, s->flags & IPVS_FLAG_ONEPACKET);
	case SERVICE_SORRY: return s->sorry.family ? put_endpoint(out, &s->sorry, s->sorry_port) : 0;
	case SERVICE_ON_FAIL:
		return put_word(out, schema_word_of(schema_kinds[SCHEMA_SERVICE].rows[key].word, s->on_fail));
	case SERVICE_FAIL_OPEN:
		return s->fail_open_percent ? put_share(out, s->fail_open_percent, true) : put_word(out, "off");
	case SERVICE_SLOW_START: return put_or_off(out, s->slow_start_ms);
	case SERVICE_SYNC: return put_word(out, schema_word_of(schema_kinds[SCHEMA_SERVICE].rows[key].word, s->sync));
	default: return 0;
	}
}

static unsigned scheduler_value(const struct config_service *s, unsigned key, struct lb_text *out)
{
	if (key == SCHEDULER_NAME)
		return put_word(out, s->scheduler);
	const struct ipvs_sched_row *row = ipvs_sched_find(s->scheduler, strlen(s->scheduler));
	unsigned n = 0;
	for (size_t i = 0; row && i < sizeof(row->flags) / sizeof(row->flags[0]) && row->flags[i].name; i++)
		if (s->flags & row->flags[i].bit)
			n += put_word(out, row->flags[i].name);
	return n || !row || !row->fallback ? n : put_word(out, "off"); /* absent says something else */
}

static unsigned persistence_value(const struct config_service *s, unsigned key, struct lb_text *out)
{
	switch (key) {
	case PERSISTENCE_TIMEOUT: return put_duration(out, (int64_t)s->persist_s * 1000);
	case PERSISTENCE_MASK4: return put_num(out, s->mask4);
	case PERSISTENCE_MASK6: return put_num(out, s->mask6);
	case PERSISTENCE_ENGINE: return s->engine[0] ? put_word(out, s->engine) : 0;
	default: return 0;
	}
}

static unsigned drain_value(const struct config_service *s, unsigned key, struct lb_text *out)
{
	if (key == DRAIN_THEN)
		return put_word(out, s->drain_then == CONFIG_THEN_KEEP ? "keep" : "cut");
	return s->drain_ms ? put_duration(out, s->drain_ms) : 0;
}

static unsigned tunnel_value(const struct ipvs_tunnel *t, unsigned key, struct lb_text *out)
{
	switch (key) {
	case TUNNEL_TYPE: return put_word(out, ipvs_tunnel_name(t->type));
	case TUNNEL_PORT: return t->port ? put_num(out, t->port) : 0;
	case TUNNEL_CHECKSUM: return put_word(out, ipvs_csum_name(t->csum));
	default: return 0;
	}
}

static unsigned backend_value(const struct config_backend *b, unsigned key, struct lb_text *out)
{
	switch (key) {
	case BACKEND_ADDRESS: return put_endpoint(out, &b->addr, b->port);
	case BACKEND_WEIGHT: return put_num(out, b->weight);
	case BACKEND_MAX_CONNECTIONS: return put_num(out, b->upper);
	case BACKEND_RESUME_BELOW: return put_num(out, b->lower);
	case BACKEND_STATE: return put_word(out, schema_word_of(schema_kinds[SCHEMA_BACKEND].rows[key].word, b->state));
	case BACKEND_MODE: return put_word(out, ipvs_method_name(b->method));
	default: return 0;
	}
}

static unsigned cluster_value(const struct config_cluster *c, unsigned key, struct lb_text *out)
{
	switch (key) {
	case CLUSTER_ID: return put_num(out, c->id);
	case CLUSTER_KEY_FILE: return c->key_file[0] ? put_word(out, c->key_file) : 0;
	case CLUSTER_PORT: return put_num(out, c->port);
	case CLUSTER_HEARTBEAT: return put_duration(out, c->heartbeat_ms);
	case CLUSTER_DEAD_AFTER: return put_duration(out, c->dead_after_ms);
	default: return 0;
	}
}

static unsigned put_ips(struct lb_text *out, const struct lb_ip *ips, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put_endpoint(out, &ips[i], 0);
	return n;
}

static unsigned put_vips(struct lb_text *out, const struct config_vip *vips, uint32_t n)
{
	char s[LB_IP_STRLEN];
	for (uint32_t i = 0; i < n; i++) {
		lb_text_printf(out, "%s/%u", lb_ip_str(&vips[i].ip, s), vips[i].prefix);
		put(out, "", 0);
	}
	return n;
}

static unsigned peer_value(const struct config_peer *p, unsigned key, struct lb_text *out)
{
	return key == NODE_ADDRESS ? put_ips(out, p->addresses, p->n_addresses) : put_num(out, p->priority);
}

static unsigned vrrp_value(const struct config_vrrp *v, unsigned key, struct lb_text *out)
{
	switch (key) {
	case INSTANCE_INTERFACE: return put_word(out, v->interface);
	case INSTANCE_VRID: return put_num(out, v->vrid);
	case INSTANCE_ADDRESSES: return put_vips(out, v->addresses, v->n_addresses);
	case INSTANCE_EXCLUDED: return put_vips(out, v->excluded, v->n_excluded);
	case INSTANCE_GROUP: return v->group[0] ? put_word(out, v->group) : 0;
	case INSTANCE_VERSION: return put_num(out, v->version);
	case INSTANCE_CHECKSUM: /* of version 3 over IPv4: nothing else has a choice */
		return v->version == 3 && v->family == AF_INET
			       ? put_word(out, schema_word_of(schema_vrrp_rows[key].word, v->sum))
			       : 0;
	case INSTANCE_PRIORITY: return put_num(out, v->priority);
	case INSTANCE_ADVERT_INTERVAL: return put_duration(out, (int64_t)v->interval_cs * 10);
	case INSTANCE_LEASE: return put_or_off(out, (int64_t)v->lease_s * 1000);
	case INSTANCE_PREEMPT: return put_bool(out, v->preempt);
	case INSTANCE_PREEMPT_DELAY: return put_or_off(out, v->preempt_delay_ms);
	case INSTANCE_STARTUP_DELAY: return put_or_off(out, v->startup_delay_ms);
	case INSTANCE_ACCEPT: return put_bool(out, v->accept);
	case INSTANCE_VIRTUAL_MAC: return put_bool(out, v->virtual_mac);
	case INSTANCE_UNICAST: return v->n_peers ? put_ips(out, v->peers, v->n_peers) : put_word(out, "off");
	case INSTANCE_SOURCE: return v->source.family ? put_endpoint(out, &v->source, 0) : 0;
	case INSTANCE_MIN_TTL: return v->n_peers ? put_num(out, v->min_ttl) : 0;
	default: return 0;
	}
}

static unsigned auth_value(const struct config_vrrp *v, unsigned key, struct lb_text *out)
{
	bool hmac = v->auth == CONFIG_AUTH_HMAC;
	switch (key) {
	case AUTH_TYPE: return put_word(out, schema_word_of(schema_auth_rows[key].word, v->auth));
	case AUTH_KEY_FILE: return put_word(out, v->key_file);
	case AUTH_MODE: return hmac ? put_word(out, schema_word_of(schema_auth_rows[key].word, v->auth_mode)) : 0;
	case AUTH_WINDOW: return hmac ? put_duration(out, v->auth_window_ms) : 0;
	default: return 0;
	}
}

static unsigned announce_value(const struct config_vrrp *v, unsigned key, struct lb_text *out)
{
	switch (key) {
	case ANNOUNCE_ROUNDS: return put_num(out, v->announce_count);
	case ANNOUNCE_DELAY: return put_or_off(out, v->announce_delay_ms);
	case ANNOUNCE_REFRESH: return put_or_off(out, v->announce_refresh_ms);
	default: return 0;
	}
}

static unsigned track_value(const struct config_track *t, unsigned key, struct lb_text *out)
{
	static const enum config_track_type types[] = { [TRACK_INTERFACE] = CONFIG_TRACK_INTERFACE,
		[TRACK_CHECK] = CONFIG_TRACK_CHECK,
		[TRACK_PROCESS] = CONFIG_TRACK_PROCESS,
		[TRACK_SERVICES_UP] = CONFIG_TRACK_SERVICES_UP };
	switch (key) {
	case TRACK_INTERFACE:
	case TRACK_CHECK:
	case TRACK_PROCESS: return t->type == types[key] ? put_word(out, t->name) : 0;
	case TRACK_SERVICES_UP:
		return t->type == types[key] ? put_share(out, t->services_up.value, t->services_up.percent) : 0;
	case TRACK_WEIGHT: lb_text_printf(out, "%d", t->weight); return put(out, "", 0);
	case TRACK_DEBOUNCE: return put_duration(out, t->debounce_ms);
	default: return 0;
	}
}

static unsigned put_net(struct lb_text *out, const struct lb_ip *ip, unsigned prefix)
{
	char s[LB_IP_STRLEN];
	lb_text_printf(out, "%s/%u", lb_ip_str(ip, s), prefix);
	return put(out, "", 0);
}

static unsigned route_value(const struct route *r, unsigned key, struct lb_text *out)
{
	switch (key) {
	case ROUTE_TO: return put_net(out, &r->to, r->prefix);
	case ROUTE_VIA: return r->via.family ? put_endpoint(out, &r->via, 0) : 0;
	case ROUTE_DEV: return put_word(out, r->dev);
	case ROUTE_TABLE: return put_num(out, r->table);
	case ROUTE_METRIC: return r->metric ? put_num(out, r->metric) : 0;
	case ROUTE_SOURCE: return r->source.family ? put_endpoint(out, &r->source, 0) : 0;
	default: return 0;
	}
}

/* One of both families is always said: a rule of a mark alone has its family from there. */
static unsigned rule_value(const struct rule *r, unsigned key, struct lb_text *out)
{
	switch (key) {
	case RULE_FROM: return put_net(out, &r->from, r->from_prefix);
	case RULE_TO: return r->to_prefix ? put_net(out, &r->to, r->to_prefix) : 0;
	case RULE_FWMARK: return r->fwmark ? put_num(out, r->fwmark) : 0;
	case RULE_TABLE: return put_num(out, r->table);
	case RULE_PRIORITY: return put_num(out, r->priority);
	default: return 0;
	}
}

static unsigned hook_value(const struct config_hook *h, unsigned key, struct lb_text *out)
{
	return key == HOOK_PATH ? put_word(out, h->path) : put_duration(out, h->timeout_ms);
}

static unsigned sync_value(const struct config *c, unsigned key, struct lb_text *out)
{
	switch (key) {
	case SYNC_RATE_LIMIT: return put_rate(out, c->sync_rate);
	case SYNC_CONNTRACK_KEY:
		return put_word(out, schema_word_of(schema_kinds[SCHEMA_SYNC].rows[key].word, c->sync_conntrack));
	default: return 0;
	}
}

static unsigned multicast_value(const struct config_multicast *m, unsigned key, struct lb_text *out)
{
	switch (key) {
	case MULTICAST_INTERFACE: return put_word(out, m->interface);
	case MULTICAST_GROUP: return put_endpoint(out, &m->group, 0);
	case MULTICAST_PORT: return put_num(out, m->port);
	case MULTICAST_ID: return put_num(out, m->id);
	default: return 0;
	}
}

unsigned config_value(enum schema_kind_id kind, const void *obj, unsigned key, struct lb_text *out)
{
	switch (kind) {
	case SCHEMA_CONTROL: return control_value(obj, key, out);
	case SCHEMA_LOG: return put_word(out, lb_log_level_name(((const struct config *)obj)->log_level));
	case SCHEMA_METRICS: return metrics_value(obj, out);
	case SCHEMA_CHECK: return check_value(obj, key, out);
	case SCHEMA_SERVICE: return service_value(obj, key, out);
	case SCHEMA_SCHEDULER: return scheduler_value(obj, key, out);
	case SCHEMA_PERSISTENCE: return persistence_value(obj, key, out);
	case SCHEMA_DRAIN: return drain_value(obj, key, out);
	case SCHEMA_TUNNEL: return tunnel_value(obj, key, out);
	case SCHEMA_BACKEND: return backend_value(obj, key, out);
	case SCHEMA_CHECKS: return service_checks_value(obj, key, out);
	case SCHEMA_QUORUM: return quorum_value(obj, key, out);
	case SCHEMA_TLS:
	case SCHEMA_WEIGHT:
		return param_value(&((const struct config_check *)obj)->spec, &schema_kinds[kind].rows[key], out);
	case SCHEMA_DAMPING: return damping_value(obj, key, out);
	case SCHEMA_CLUSTER: return cluster_value(obj, key, out);
	case SCHEMA_NODE: return peer_value(obj, key, out);
	case SCHEMA_VRRP: return vrrp_value(obj, key, out);
	case SCHEMA_AUTH: return auth_value(obj, key, out);
	case SCHEMA_ANNOUNCE: return announce_value(obj, key, out);
	case SCHEMA_TRACK: return track_value(obj, key, out);
	case SCHEMA_ROUTE: return route_value(obj, key, out);
	case SCHEMA_RULE: return rule_value(obj, key, out);
	case SCHEMA_HOOK: return hook_value(obj, key, out);
	case SCHEMA_SYNC: return sync_value(obj, key, out);
	case SCHEMA_MULTICAST: return multicast_value(obj, key, out);
	case SCHEMA_ROOT:
	case SCHEMA_HOOKS:
	case SCHEMA_DEFAULTS: break;
	}
	return 0;
}

static const void *vrrp_object(const struct config_vrrp *v, unsigned key, unsigned i)
{
	switch (key) {
	case INSTANCE_AUTH: return v->auth && i == 0 ? v : NULL;
	case INSTANCE_ANNOUNCE: return i == 0 ? v : NULL;
	case INSTANCE_ROUTES: return i < v->n_routes ? &v->routes[i] : NULL;
	case INSTANCE_RULES: return i < v->n_rules ? &v->rules[i] : NULL;
	case INSTANCE_TRACK: return i < v->n_tracks ? &v->tracks[i] : NULL;
	default: return NULL;
	}
}

const void *config_value_object(enum schema_kind_id kind, const void *obj, unsigned key, unsigned i)
{
	if (kind == SCHEMA_VRRP)
		return vrrp_object(obj, key, i);
	if (i)
		return NULL;
	if (kind == SCHEMA_HOOKS) {
		const struct config *c = obj;
		return c->state_hook.path[0] ? &c->state_hook : NULL;
	}
	if (kind == SCHEMA_SYNC) {
		const struct config *c = obj;
		return key == SYNC_MULTICAST && c->multicast.interface[0] ? &c->multicast : NULL;
	}
	if (kind == SCHEMA_BACKEND && key == BACKEND_TUNNEL) {
		const struct config_backend *b = obj;
		return b->method == IPVS_METHOD_TUN ? &b->tunnel : NULL;
	}
	if (kind == SCHEMA_CHECK)
		return check_object(obj, key);
	if (kind != SCHEMA_SERVICE)
		return NULL;
	const struct config_service *s = obj;
	switch (key) {
	case SERVICE_SCHEDULER:
	case SERVICE_CHECK:
	case SERVICE_QUORUM:
	case SERVICE_DRAIN: return s;
	case SERVICE_PERSISTENCE: return s->flags & IPVS_FLAG_PERSISTENT ? s : NULL;
	case SERVICE_TUNNEL: return s->method == IPVS_METHOD_TUN ? &s->tunnel : NULL;
	default: return NULL;
	}
}

/* ---- for who may only look ---- */

size_t config_value_seen(const struct schema_row *row, const char *item, size_t n)
{
	const char *mark = memchr(item, row->flags & SCHEMA_QUERY ? '?' : ':', n);
	if (row->flags & SCHEMA_QUERY)
		return mark ? (size_t)(mark - item) + 1 : n;
	if (!(row->flags & SCHEMA_SECRET))
		return n;
	return row->type == SCHEMA_TYPE_MAP && mark ? (size_t)(mark - item) + 2 : 0;
}

void config_value_hide(const struct schema_row *row, struct lb_text *items, unsigned n)
{
	struct lb_text out = LB_TEXT_INIT;
	if (!(row->flags & (SCHEMA_SECRET | SCHEMA_QUERY)) || items->bad)
		return;
	for (const char *s = items->s; n; n--, s += strlen(s) + 1) {
		size_t len = strlen(s), keep = config_value_seen(row, s, len);
		lb_text_put(&out, s, keep);
		if (keep < len)
			lb_text_puts(&out, CONFIG_HIDDEN);
		lb_text_put(&out, "", 1);
	}
	lb_text_done(items);
	*items = out;
}
