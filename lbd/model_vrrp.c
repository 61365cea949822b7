/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_vrrp.h"

#include "lbd/vrrp/vrrp_group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- configuration -> what the process gets ---- */

static void put_vips(struct vip *out, uint32_t *n, const struct config_vip *v, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		out[i].ip = v[i].ip;
		out[i].prefix = v[i].prefix;
	}
	*n = count;
}

/* The first line, without what ends it. */
static int read_password(
	const struct config_vrrp *v, const struct lb_text *text, struct vrrp_conf *out, struct lb_err *e)
{
	size_t n = text->n ? strcspn(text->s, "\r\n") : 0;
	if (n == 0 || n > VRRP_PASSWORD)
		return lb_err_set(e, LB_CODE_INVALID, "%s: a password is 1 to %u characters in the first line",
			v->key_file, VRRP_PASSWORD);
	memcpy(out->password, text->s, n);
	out->with_password = true;
	return 0;
}

static int read_key(
	const struct config_vrrp *v, model_vrrp_key_fn *read, void *arg, struct vrrp_conf *out, struct lb_err *e)
{
	struct lb_text text = LB_TEXT_INIT;
	struct lb_err why;
	int err = read(v->key_file, &text, e, arg);
	if (!err && text.bad)
		err = lb_err_set(e, LB_CODE_FAILED, "out of memory");
	else if (!err && v->auth == CONFIG_AUTH_PASSWORD)
		err = read_password(v, &text, out, e);
	else if (!err && vrrp_auth_keys(&out->auth, text.n ? text.s : "", text.n, &why))
		err = lb_err_set(e, LB_CODE_INVALID, "%s: %s", v->key_file, why.text);
	if (text.n)
		explicit_bzero(text.s, text.n);
	lb_text_done(&text);
	if (!err)
		return 0;
	why = *e;
	return lb_err_set(e, why.code, "vrrp/%s: %s", v->name, why.text);
}

/* out is zero: two of them are compared byte by byte. */
static void conf_of(const struct config_vrrp *v, struct vrrp_conf *out)
{
	snprintf(out->name, sizeof(out->name), "%s", v->name);
	snprintf(out->group, sizeof(out->group), "%s", v->group);
	snprintf(out->interface, sizeof(out->interface), "%s", v->interface);
	out->family = v->family;
	out->version = v->version;
	out->vrid = v->vrid;
	out->prio = v->priority;
	out->sum = v->sum;
	out->rules.version = v->version;
	out->rules.interval_cs = v->interval_cs;
	out->rules.preempt = v->preempt;
	out->rules.preempt_delay_ms = v->preempt_delay_ms;
	out->rules.startup_delay_ms = v->startup_delay_ms;
	put_vips(out->addrs, &out->n_addrs, v->addresses, v->n_addresses);
	put_vips(out->excluded, &out->n_excluded, v->excluded, v->n_excluded);
	for (uint32_t i = 0; i < v->n_routes; i++)
		out->routes[i] = v->routes[i];
	out->n_routes = v->n_routes;
	for (uint32_t i = 0; i < v->n_rules; i++)
		out->policy[i] = v->rules[i];
	out->n_policy = v->n_rules;
	memcpy(out->peers, v->peers, v->n_peers * sizeof(out->peers[0]));
	out->n_peers = v->n_peers;
	out->source = v->source;
	out->min_ttl = v->min_ttl;
	out->lease_s = v->lease_s;
	/* an owner's address is the card's own */
	out->virtual_mac = v->virtual_mac && v->priority != VRRP_PRIO_OWNER;
	out->announce.count = v->announce_count;
	out->announce.delay_ms = v->announce_delay_ms;
	out->announce.refresh_ms = v->announce_refresh_ms;
	/* a master that died keeps answering until its lease is over: neighbours are told once more then */
	out->announce.again_ms = v->announce_count ? (int64_t)v->lease_s * 1000 : 0;
	out->auth.mode = v->auth_mode;
	out->auth.window_ms = v->auth_window_ms;
}

_Static_assert(CONFIG_ROUTES_MAX <= WAY_ROUTES_MAX && CONFIG_RULES_MAX <= WAY_RULES_MAX, "they have room");
_Static_assert(CONFIG_EXCLUDED_MAX <= VRRP_EXCLUDED_MAX && CONFIG_UNICAST_MAX <= VRRP_PEERS_MAX, "they have room");
_Static_assert(CONFIG_GROUP_MAX <= VRRP_GROUP_MAX, "they have room");
_Static_assert(MODEL_TRACK_REASON == VRRP_REASON_MAX, "it goes into a message");

struct vrrp_conf *model_vrrp_confs(const struct config *c, model_vrrp_key_fn *read, void *arg, struct lb_err *e)
{
	struct vrrp_conf *confs = calloc(c->n_vrrp + 1u, sizeof(*confs));
	if (!confs) {
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
		return NULL;
	}
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		conf_of(&c->vrrp[i], &confs[i]);
		if (!c->vrrp[i].key_file[0] || !read_key(&c->vrrp[i], read, arg, &confs[i], e))
			continue;
		model_vrrp_confs_free(confs, c->n_vrrp);
		return NULL;
	}
	return confs;
}

int model_vrrp_key_check(const struct config_vrrp *v, model_vrrp_key_fn *read, void *arg, struct lb_err *e)
{
	struct vrrp_conf *conf = calloc(1, sizeof(*conf));
	int err = conf ? read_key(v, read, arg, conf, e) : lb_err_set(e, LB_CODE_FAILED, "out of memory");
	model_vrrp_confs_free(conf, 1);
	return err;
}

void model_vrrp_confs_free(struct vrrp_conf *confs, uint32_t n)
{
	if (confs)
		explicit_bzero(confs, n * sizeof(*confs));
	free(confs);
}

/* ---- what runs ---- */

static void one_free(struct model_vrrp *v)
{
	model_vrrp_confs_free(v->conf, 1);
	free(v->tracks);
}

/* Who fails over together counts as one: one priority, and what is tracked of any of them counts for all. */
struct members {
	uint32_t n;
	const struct model_vrrp *v[CONFIG_GROUP_MAX];
};

/* Those of its group, in the order of the configuration; itself, where it is in none. */
static struct members members_of(const struct model_vrrps *vs, const struct model_vrrp *v)
{
	struct members of = { 0 };
	for (uint32_t i = 0; i < vs->n && of.n < CONFIG_GROUP_MAX; i++) {
		const struct model_vrrp *m = &vs->v[i];
		if (m == v || (v->cfg->group[0] && strcmp(m->cfg->group, v->cfg->group) == 0))
			of.v[of.n++] = m;
	}
	return of;
}

static uint8_t prio_set(const struct model_vrrp *v, const struct overrides *ov)
{
	char object[80];
	snprintf(object, sizeof(object), OVERRIDE_VRRP "%s", v->cfg->name);
	const struct override *o = overrides_find(ov, object);
	return o && o->prio_item.set ? o->prio : 0;
}

static void set_prio(const struct model_vrrps *vs, struct model_vrrp *v, const struct overrides *ov)
{
	struct members of = members_of(vs, v);
	uint8_t configured[CONFIG_GROUP_MAX], set[CONFIG_GROUP_MAX], prio = VRRP_PRIO_OWNER;
	for (uint32_t i = 0; i < of.n; i++) {
		configured[i] = of.v[i]->cfg->priority;
		set[i] = prio_set(of.v[i], ov);
	}
	if (v->cfg->priority != VRRP_PRIO_OWNER)
		prio = vrrp_group_prio(configured, set, of.n);
	v->conf_due |= prio != v->conf->prio;
	v->track_due |= prio != v->conf->prio; /* to or from that of an owner it begins anew, and is told again */
	v->conf->prio = prio;
}

/* What several members track counts once: the greatest weight that one of them gives it, of equal ones the first. */
static bool counts_elsewhere(const struct members *of, uint32_t member, uint32_t track)
{
	const struct config_track *t = &of->v[member]->cfg->tracks[track];
	for (uint32_t i = 0; i < of->n; i++)
		for (uint32_t k = 0; i != member && k < of->v[i]->cfg->n_tracks; k++) {
			const struct config_track *o = &of->v[i]->cfg->tracks[k];
			int32_t more = abs(model_track_adds(o, &of->v[i]->tracks[k])) - abs(t->weight);
			if ((more > 0 || (more == 0 && i < member)) && model_track_same(o, t))
				return true;
		}
	return false;
}

static const struct model_vrrp *owner_of(const struct members *of)
{
	for (uint32_t i = 0; i < of->n; i++)
		if (of->v[i]->cfg->priority == VRRP_PRIO_OWNER)
			return of->v[i];
	return NULL;
}

/* Beside an owner nothing counts: it stays where it is. */
static int32_t members_add(const struct members *of)
{
	int32_t add = 0;
	for (uint32_t i = 0; i < of->n && !owner_of(of); i++) {
		const struct model_vrrp *v = of->v[i];
		for (uint32_t k = 0; k < v->cfg->n_tracks; k++) {
			int32_t one = model_track_adds(&v->cfg->tracks[k], &v->tracks[k]);
			add += one && !counts_elsewhere(of, i, k) ? one : 0;
		}
	}
	return add;
}

static void weigh(struct model_vrrps *vs, struct model_vrrp *v)
{
	struct model_track_sum sum;
	struct members of = members_of(vs, v);
	model_track_sum(v->cfg->tracks, v->tracks, v->cfg->n_tracks, &sum);
	sum.add = of.v[0] == v ? members_add(&of) : of.v[0]->track.add; /* the first has been weighed */
	v->track_due |= !model_track_sum_equal(&sum, &v->track);
	v->track = sum;
}

void model_vrrps_weigh(struct model_vrrps *vs)
{
	for (uint32_t i = 0; i < vs->n; i++)
		weigh(vs, &vs->v[i]);
}

static void keep_tracks(struct model_vrrp *v, const struct model_vrrp *was)
{
	for (uint32_t i = 0; i < v->cfg->n_tracks; i++)
		for (uint32_t k = 0; k < was->cfg->n_tracks; k++)
			if (model_track_same(&v->cfg->tracks[i], &was->cfg->tracks[k]))
				v->tracks[i] = was->tracks[k];
}

/* The same but for what is not of the configuration. */
static bool conf_differs(struct vrrp_conf *conf, const struct vrrp_conf *was)
{
	uint8_t prio = conf->prio;
	conf->id = was->id;
	conf->resigned = was->resigned;
	memcpy(conf->refused, was->refused, sizeof(conf->refused));
	conf->prio = was->prio; /* compared where an override is looked up */
	bool differs = memcmp(conf, was, sizeof(*conf)) != 0;
	conf->prio = prio;
	return differs;
}

/* Not before the flows of the other node are here: taking the addresses back would cut them. And after a fault not
 * before the checks have had their say: there would be no server to send a client to. */
static bool may_preempt(const struct model_vrrps *vs, const struct model_vrrp *v)
{
	return v->cfg->preempt && !vs->hold && !v->back;
}

static void set_preempt(const struct model_vrrps *vs, struct model_vrrp *v)
{
	bool preempt = may_preempt(vs, v);
	v->conf_due |= preempt != v->conf->rules.preempt;
	v->conf->rules.preempt = preempt;
}

static void begin(struct model_vrrps *vs, struct model_vrrp *v, const struct model_vrrp *was)
{
	v->back = was && was->back;
	v->conf->rules.preempt = may_preempt(vs, v);
	if (!was) {
		v->conf->id = ++vs->next_id;
		v->conf_due = v->track_due = true;
		return;
	}
	struct model_vrrp now = *was;
	uint8_t prio = was->conf->prio;
	now.cfg = v->cfg;
	now.conf = v->conf;
	now.tracks = v->tracks;
	now.conf_due |= conf_differs(now.conf, was->conf);
	now.track_due |= now.conf_due;
	now.conf->prio = prio;
	keep_tracks(v, was);
	*v = now;
}

static struct model_vrrp *find(const struct model_vrrps *vs, const char *name)
{
	uint32_t lo = 0, hi = vs->n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = strcmp(vs->v[mid].conf->name, name);
		if (c == 0)
			return &vs->v[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void list_free(struct model_vrrp *v, uint32_t n)
{
	for (uint32_t i = 0; v && i < n; i++)
		one_free(&v[i]);
	free(v);
}

struct model_vrrp *model_vrrps_ended(struct model_vrrps *vs, struct vrrp_msg_state *m)
{
	if (vs->n_told == vs->n_ended) {
		list_free(vs->ended, vs->n_ended);
		vs->ended = NULL;
		vs->n_ended = vs->n_told = 0;
		return NULL;
	}
	struct model_vrrp *v = &vs->ended[vs->n_told++];
	*m = (struct vrrp_msg_state){
		.id = v->conf->id, .state = VRRP_STATE_INIT, .cause = VRRP_CAUSE_STOPPED, .prio = v->state.prio
	};
	return v;
}

/* Those of the old list that are in the new one no more, and whether they are to be told of. */
static void go(struct model_vrrps *vs, struct model_vrrp *old, uint32_t n, struct model_vrrp *ended)
{
	list_free(vs->ended, vs->n_ended); /* nobody asked for them */
	vs->ended = ended;
	vs->n_ended = vs->n_told = 0;
	for (uint32_t i = 0; i < n; i++) {
		bool gone = !find(vs, old[i].conf->name);
		if (gone && vs->n_gone < CONFIG_VRRP_MAX)
			vs->gone[vs->n_gone++] = old[i].conf->id;
		if (gone && old[i].spoke && old[i].state.state != VRRP_STATE_INIT)
			ended[vs->n_ended++] = old[i];
		else
			one_free(&old[i]);
	}
	free(old);
}

/* The configuration of the old list may be about to go: it is read here for the last time. */
int model_vrrps_take(
	struct model_vrrps *vs, const struct config *c, const struct vrrp_conf *confs, const struct overrides *ov)
{
	struct model_vrrp *v = calloc(c->n_vrrp + 1u, sizeof(*v)), *ended = v ? calloc(vs->n + 1u, sizeof(*v)) : NULL;
	for (uint32_t i = 0; ended && i < c->n_vrrp; i++) {
		v[i].cfg = &c->vrrp[i];
		v[i].conf = calloc(1, sizeof(*v[i].conf));
		v[i].tracks = calloc(c->vrrp[i].n_tracks + 1u, sizeof(*v[i].tracks));
		if (!v[i].conf || !v[i].tracks) {
			list_free(v, i + 1);
			free(ended);
			return -ENOMEM;
		}
		memcpy(v[i].conf, &confs[i], sizeof(confs[i]));
	}
	if (!ended) {
		free(v);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		begin(vs, &v[i], find(vs, v[i].cfg->name));
	struct model_vrrps old = *vs;
	vs->v = v;
	vs->n = c->n_vrrp;
	model_vrrps_override(vs, ov);
	go(vs, old.v, old.n, ended);
	return 0;
}

/* What signs, not how it is asked for. */
static bool same_keys(const struct vrrp_conf *a, const struct vrrp_conf *b)
{
	return memcmp(a->password, b->password, sizeof(a->password)) == 0 && a->auth.n_keys == b->auth.n_keys &&
	       memcmp(a->auth.keys, b->auth.keys, sizeof(a->auth.keys)) == 0;
}

uint32_t model_vrrps_new_keys(const struct model_vrrps *vs, const struct config *c, const struct vrrp_conf *confs)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		const char *file = c->vrrp[i].key_file;
		const struct model_vrrp *v = find(vs, c->vrrp[i].name);
		n += v && file[0] && strcmp(v->cfg->key_file, file) == 0 && !same_keys(v->conf, &confs[i]);
	}
	return n;
}

uint32_t model_vrrps_take_keys(struct model_vrrps *vs, const struct vrrp_conf *confs)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < vs->n; i++) {
		struct vrrp_conf *c = vs->v[i].conf;
		if (memcmp(c->password, confs[i].password, sizeof(c->password)) == 0 &&
			memcmp(&c->auth, &confs[i].auth, sizeof(c->auth)) == 0)
			continue;
		memcpy(c->password, confs[i].password, sizeof(c->password));
		memcpy(&c->auth, &confs[i].auth, sizeof(c->auth));
		vs->v[i].conf_due = true;
		n++;
	}
	return n;
}

void model_vrrps_hold(struct model_vrrps *vs, bool hold)
{
	vs->hold = hold;
	for (uint32_t i = 0; i < vs->n; i++)
		set_preempt(vs, &vs->v[i]);
}

void model_vrrp_at_fault(struct model_vrrps *vs, struct model_vrrp *v)
{
	v->back = true;
	set_preempt(vs, v);
}

bool model_vrrps_over(struct model_vrrps *vs)
{
	bool all = true;
	for (uint32_t i = 0; i < vs->n; i++) {
		struct model_vrrp *v = &vs->v[i];
		bool fault = v->spoke && v->state.state == VRRP_STATE_FAULT;
		all &= !fault;
		v->back &= fault;
		set_preempt(vs, v);
	}
	return all;
}

void model_vrrps_override(struct model_vrrps *vs, const struct overrides *ov)
{
	for (uint32_t i = 0; i < vs->n; i++)
		set_prio(vs, &vs->v[i], ov);
}

void model_vrrps_forget(struct model_vrrps *vs)
{
	vs->n_gone = 0;
	for (uint32_t i = 0; i < vs->n; i++) {
		struct model_vrrp *v = &vs->v[i];
		v->conf_due = v->track_due = true;
		v->spoke = v->has_stats = false;
		v->alarms = 0;
	}
}

void model_vrrps_done(struct model_vrrps *vs)
{
	list_free(vs->v, vs->n);
	list_free(vs->ended, vs->n_ended);
	*vs = (struct model_vrrps){ .next_id = vs->next_id };
}

struct model_vrrp *model_vrrp_by_id(struct model_vrrps *vs, uint32_t id)
{
	for (uint32_t i = 0; i < vs->n; i++)
		if (vs->v[i].conf->id == id)
			return &vs->v[i];
	return NULL;
}

const struct model_vrrp *model_vrrp_find(const struct model_vrrps *vs, const char *name)
{
	return find(vs, name);
}

const struct model_vrrp *model_vrrp_owner(const struct model_vrrps *vs, const struct model_vrrp *v)
{
	struct members of = members_of(vs, v);
	return owner_of(&of);
}

/* ---- what the process says ---- */

const char *model_vrrp_state_word(const struct model_vrrp *v)
{
	return v->spoke ? vrrp_state_names[v->state.state] : "unknown";
}

const char *model_vrrp_cause_word(const struct model_vrrp *v)
{
	if (!v->spoke)
		return "";
	return v->state.state == VRRP_STATE_FAULT && v->state.reason[0] ? v->state.reason : vrrp_causes[v->state.cause];
}

bool model_vrrps_forwards(const struct model_vrrps *vs)
{
	bool master = false;
	for (uint32_t i = 0; i < vs->n; i++)
		master |= vs->v[i].spoke && vs->v[i].state.state == VRRP_STATE_MASTER;
	return master || !vs->n;
}

/* What it says first may be where it went to since it was told to begin. */
bool model_vrrp_changes(const struct model_vrrp *v, const struct vrrp_msg_state *m, enum vrrp_state *from)
{
	*from = v->spoke ? v->state.state : m->was;
	return *from != m->state;
}

void model_alarm_line(struct model_line *out, const char *alarm, bool on)
{
	*out = (struct model_line){
		.event = on ? LB_EVENT_ALARM_RAISED : LB_EVENT_ALARM_CLEARED,
		.level = lb_events[on ? LB_EVENT_ALARM_RAISED : LB_EVENT_ALARM_CLEARED].level,
		.old = on ? "clear" : "raised",
		.new = on ? "raised" : "clear",
	};
	snprintf(out->reason, sizeof(out->reason), "%s", alarm);
}

void model_vrrp_said_state(
	struct model_vrrp *v, const struct vrrp_msg_state *m, int64_t wall_ms, struct model_line *out)
{
	char *line = out->text;
	const char *name = v->conf->name;
	enum vrrp_state was;
	bool changed = model_vrrp_changes(v, m, &was) || !v->spoke;
	bool other_reason = m->state == VRRP_STATE_FAULT && strcmp(v->state.reason, m->reason) != 0;
	uint8_t prio_was = v->state.prio;
	struct lb_ip master_was = v->state.master;
	char ip[LB_IP_STRLEN];
	enum vrrp_cause cause = changed ? m->cause : v->state.cause; /* of the change, not of what is said since */
	v->state = *m;
	v->state.cause = cause;
	v->conf->resigned = m->resigned;                       /* the process knows */
	memset(v->conf->refused, 0, sizeof(v->conf->refused)); /* it is compared as bytes */
	snprintf(v->conf->refused, sizeof(v->conf->refused), "%s", m->refused);
	v->spoke = true;
	if (changed)
		v->since_wall_ms = wall_ms;
	v->transitions[m->state] += was != m->state;
	*out = (struct model_line){
		.event = LB_EVENT_VRRP_STATE, .old = vrrp_state_names[was], .new = vrrp_state_names[m->state]
	};
	snprintf(out->reason, sizeof(out->reason), "%s", model_vrrp_cause_word(v));
	out->level = m->state == VRRP_STATE_FAULT && (changed || other_reason) ? LB_LOG_WARNING : LB_LOG_NOTICE;
	if (changed)
		snprintf(line, MODEL_VRRP_LINE, "vrrp/%s: %s -> %s (%s, prio=%u%s%s)", name, vrrp_state_names[was],
			vrrp_state_names[m->state], model_vrrp_cause_word(v), m->prio,
			m->state == VRRP_STATE_BACKUP && m->master.family ? ", master=" : "",
			m->state == VRRP_STATE_BACKUP && m->master.family ? lb_ip_str(&m->master, ip) : "");
	else if (other_reason)
		snprintf(line, MODEL_VRRP_LINE, "vrrp/%s: still fault (%s)", name, model_vrrp_cause_word(v));
	else if (prio_was != m->prio)
		snprintf(line, MODEL_VRRP_LINE, "vrrp/%s: priority %u -> %u", name, prio_was, m->prio);
	else if (m->state == VRRP_STATE_BACKUP && m->master.family && lb_ip_cmp(&master_was, &m->master) != 0)
		snprintf(line, MODEL_VRRP_LINE, "vrrp/%s: follows %s (prio=%u)", name, lb_ip_str(&m->master, ip),
			m->master_prio);
}

void model_vrrp_said_alarm(struct model_vrrp *v, const struct vrrp_msg_alarm *m, struct model_line *out)
{
	uint32_t bit = 1u << m->alarm;
	bool was = v->alarms & bit;
	char *text = v->alarm_text[m->alarm];
	bool same = was == m->on && (!m->on || strcmp(text, m->text) == 0);
	snprintf(text, VRRP_REASON_MAX, "%s", m->on ? m->text : "");
	v->alarms = m->on ? v->alarms | bit : v->alarms & ~bit;
	model_alarm_line(out, vrrp_alarms[m->alarm], m->on);
	if (!same)
		snprintf(out->text, MODEL_VRRP_LINE, "vrrp/%s: alarm %s %s%s%s%s", v->conf->name, vrrp_alarms[m->alarm],
			m->on ? "raised" : "is over", m->on && m->text[0] ? " (" : "", m->on ? m->text : "",
			m->on && m->text[0] ? ")" : "");
}
