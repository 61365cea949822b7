/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/model_sync.h"

#include "common/sort.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MISMATCH "key_mismatch" /* a reason of the process */

_Static_assert(PEER_KEY_MAX == SYNC_KEY_MAX && PEER_KEY_MIN == SYNC_KEY_MIN, "both links have the same key");
_Static_assert(CONFIG_SYNC_LISTENS_MAX <= SYNC_SKIP_MAX, "they have room");
_Static_assert((int)CONFIG_SYNC_OFF == SYNC_OFF && (int)CONFIG_SYNC_ESTABLISHED == SYNC_ESTABLISHED &&
		       (int)CONFIG_SYNC_ALL == SYNC_ALL,
	"one number per word");
_Static_assert((int)CONFIG_CONNTRACK_AUTO == SYNC_CONNTRACK_AUTO && (int)CONFIG_CONNTRACK_ALL == SYNC_CONNTRACK_ALL &&
		       (int)CONFIG_CONNTRACK_OFF == SYNC_CONNTRACK_OFF,
	"one number per word");

/* ---- configuration -> what the process gets ---- */

static int skip_cmp(const void *x, const void *y)
{
	return sync_skip_cmp(x, y);
}

/* Also one with a mark that is copied as is the rule: flows have the mark of their packets, whatever listener they came
 * through, and only these marks mean one. */
static bool is_told(const struct config_service *s, const struct ipvs_key *key)
{
	return s->sync != CONFIG_SYNC_ESTABLISHED || key->fwmark;
}

/* Into out unless it is NULL. Returns how many there are. */
static size_t skip_listens(const struct config *c, struct sync_skip *out)
{
	size_t n = 0;
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		for (uint32_t k = 0; k < s->n_listens; k++) {
			const struct ipvs_key *key = &s->listens[k];
			if (!is_told(s, key))
				continue;
			if (out)
				out[n] = (struct sync_skip){ .what = (enum sync_what)s->sync,
					.protocol = key->protocol,
					.port = key->port,
					.fwmark = key->fwmark,
					.addr = key->addr };
			n++;
		}
	}
	return n;
}

/* 0, or -1: no memory. */
static int collect_skips(const struct config *c, struct sync_conf *out)
{
	const size_t n = skip_listens(c, NULL);
	if (!n)
		return 0;
	out->skips = calloc(n, sizeof(*out->skips));
	if (!out->skips)
		return -1;
	out->n_skips = (uint32_t)skip_listens(c, out->skips);
	lb_sort(out->skips, n, sizeof(*out->skips), skip_cmp);
	return 0;
}

static bool is_nat(const struct config_service *s)
{
	bool nat = s->method == IPVS_METHOD_NAT;
	for (uint32_t i = 0; !nat && i < s->n_backends; i++)
		nat = s->backends[i].method == IPVS_METHOD_NAT;
	return nat && s->sync != CONFIG_SYNC_OFF;
}

/* Listeners without a mark, which says nothing of an entry; into out unless it is NULL. */
static size_t nat_listens(const struct config *c, struct sync_skip *out)
{
	size_t n = 0;
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		for (uint32_t k = 0; (s->source_nat.family || is_nat(s)) && k < s->n_listens; k++) {
			const struct ipvs_key *at = &s->listens[k];
			if (at->fwmark)
				continue;
			if (out)
				out[n] = (struct sync_skip){
					.what = SYNC_ALL, .protocol = at->protocol, .port = at->port, .addr = at->addr
				};
			n++;
		}
	}
	return n;
}

/* Who is translated is known to connection tracking, too. Where one service has source_nat the kernel tracks those of
 * all others: with an old entry of a connection, or one that began in its middle, packets are invalid, and a rule for
 * sources gives such a packet another port, which its backend resets. So all of mode nat are copied then. More than a
 * message has room for: everything is. 0, or -1: no memory. */
static int collect_nats(const struct config *c, struct sync_conf *out)
{
	const bool any = out->conntrack == SYNC_CONNTRACK_AUTO && config_snats(c, NULL, 0);
	const size_t n = any ? nat_listens(c, NULL) : 0;
	if (n > CONFIG_SYNC_LISTENS_MAX - out->n_skips)
		out->conntrack = SYNC_CONNTRACK_ALL;
	if (!n || out->conntrack != SYNC_CONNTRACK_AUTO)
		return 0;
	out->nats = calloc(n, sizeof(*out->nats));
	if (!out->nats)
		return -1;
	out->n_nats = (uint32_t)nat_listens(c, out->nats);
	lb_sort(out->nats, n, sizeof(*out->nats), skip_cmp);
	return 0;
}

static bool any_ipvs(const struct config *c)
{
	for (uint32_t i = 0; i < c->n_services; i++)
		if (c->services[i].sync != CONFIG_SYNC_OFF)
			return true;
	return false;
}

static int take_key(const struct config *c, model_vrrp_key_fn *read, void *arg, struct sync_conf *out, struct lb_err *e)
{
	struct peer_key key = { .n = 0 };
	int err = model_peer_key(c, read, arg, &key, e);
	if (!err) {
		memcpy(out->key, key.bytes, key.n);
		out->key_n = (uint32_t)key.n;
	}
	explicit_bzero(&key, sizeof(key));
	return err;
}

/* The two nodes have a link, whether flows are copied or not: their cores talk to each other over it. */
static bool has_link(enum config_flows f)
{
	return f == CONFIG_FLOWS_COPIED || f == CONFIG_FLOWS_OFF || f == CONFIG_FLOWS_NO_SERVICE;
}

int model_sync_conf(const struct config *c, model_vrrp_key_fn *read, void *arg, struct sync_conf *out, struct lb_err *e)
{
	const struct config_cluster *k = &c->cluster;
	memset(out, 0, sizeof(*out));
	enum config_flows flows = config_flows(c);
	out->multicast = flows == CONFIG_FLOWS_KERNEL;
	if (!has_link(flows))
		return 0;
	out->flows = flows == CONFIG_FLOWS_COPIED;
	const struct config_peer *self = &k->nodes[k->self], *peer = &k->nodes[1 - k->self];
	snprintf(out->self, sizeof(out->self), "%s", self->name);
	snprintf(out->peer, sizeof(out->peer), "%s", peer->name);
	out->cluster = k->id;
	out->port = k->port;
	out->config = c->digest;
	out->rate = c->sync_rate;
	out->ipvs = any_ipvs(c);
	out->conntrack = (enum sync_conntrack)c->sync_conntrack;
	for (uint32_t i = 0; i < self->n_addresses && i < peer->n_addresses && i < SYNC_PATHS_MAX; i++) {
		out->paths[i].ours = self->addresses[i];
		out->paths[i].theirs = peer->addresses[i];
		out->n_paths++;
	}
	int err = take_key(c, read, arg, out, e);
	if (!err && out->flows && (collect_skips(c, out) || collect_nats(c, out)))
		err = lb_err_set(e, LB_CODE_FAILED, "out of memory");
	if (err)
		sync_conf_done(out);
	return err;
}

bool model_sync_multicast(const struct config *c, const struct model_vrrps *vs, struct sync_multicast *out)
{
	const struct config_multicast *m = &c->multicast;
	*out = (struct sync_multicast){ .id = m->id, .port = m->port, .group = m->group };
	snprintf(out->device, sizeof(out->device), "%s", m->interface);
	bool known = false;
	for (uint32_t i = 0; i < vs->n; i++) {
		known |= vs->v[i].spoke;
		out->master |= vs->v[i].spoke && vs->v[i].state.state == VRRP_STATE_MASTER;
	}
	return m->interface[0] && known;
}

/* ---- what is known ---- */

/* Nothing of what it said. */
static void begin(struct model_sync *s, struct lb_time now)
{
	struct model_sync fresh = {
		.conf = s->conf, .runs = s->runs, .due = model_sync_runs(s), .began = now, .orders = s->orders
	};
	*s = fresh;
	explicit_bzero(&fresh, sizeof(fresh));
}

bool model_sync_take(
	struct model_sync *s, const struct config *c, struct sync_conf *conf, uint32_t generation, struct lb_time now)
{
	bool other = strcmp(s->conf.peer, conf->peer) != 0;
	if (conf->n_paths)
		conf->generation = generation;
	s->runs = config_flows(c);
	memcpy(conf->paused, s->conf.paused, sizeof(conf->paused));
	conf->forwards = s->conf.forwards;
	if (sync_conf_same(&s->conf, conf)) {
		sync_conf_done(conf);
		return false;
	}
	sync_conf_done(&s->conf);
	s->conf = *conf;
	explicit_bzero(conf, sizeof(*conf));
	if (other)
		begin(s, now);
	if (!sync_conf_tracks(&s->conf)) { /* what there was of it is not there any more */
		s->has_stats[SYNC_CONNTRACK] = false;
		s->stats[SYNC_CONNTRACK] = (struct sync_msg_stats){ .kind = SYNC_CONNTRACK };
		s->told_resyncs[SYNC_CONNTRACK] = 0;
	}
	s->due = model_sync_runs(s);
	return true;
}

void model_sync_role(struct model_sync *s, const struct model_vrrps *vs)
{
	bool forwards = vs->n > 0;
	for (uint32_t i = 0; i < vs->n; i++)
		forwards &= vs->v[i].spoke && vs->v[i].state.state == VRRP_STATE_MASTER;
	s->due |= model_sync_runs(s) && s->conf.forwards != forwards;
	s->conf.forwards = forwards;
}

void model_sync_did(struct model_sync *s, const struct sync_msg_do *what)
{
	s->orders = what->number;
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++)
		if (what->kinds[k] && what->what != SYNC_DO_RESYNC)
			s->conf.paused[k] = what->what == SYNC_DO_PAUSE;
}

void model_sync_forget(struct model_sync *s, struct lb_time now)
{
	begin(s, now);
	s->orders = 0;
}

void model_sync_done(struct model_sync *s)
{
	sync_conf_done(&s->conf);
	*s = (struct model_sync){ .due = false };
}

bool model_sync_said_state(struct model_sync *s, const struct sync_msg_state *m, struct lb_time now, int64_t wall_ms)
{
	bool changed = !s->spoke || s->state.is != m->is, had_all = s->spoke && s->state.have_all;
	if (changed)
		s->since_wall_ms = wall_ms;
	if (changed && m->is == SYNC_IS_BULK)
		s->bulk_at = now;
	if (changed && m->is == SYNC_IS_SYNC) {
		s->synced_at = now;
		s->figures = false;
	}
	if (m->is != SYNC_IS_BULK && m->is != SYNC_IS_SYNC)
		s->bulk_at = (struct lb_time){ 0 };
	s->state = *m;
	s->spoke = true;
	return m->have_all && !had_all;
}

void model_sync_said_stats(struct model_sync *s, const struct sync_msg_stats *m)
{
	s->stats[m->kind] = *m;
	s->has_stats[m->kind] = true;
	s->figures = true;
}

const char *model_sync_word(const struct model_sync *s)
{
	return s->spoke ? sync_link_words[s->state.is] : "unknown";
}

bool model_sync_up(const struct model_sync *s)
{
	return s->spoke && s->state.is != SYNC_IS_OFF && s->state.is != SYNC_IS_DOWN;
}

bool model_sync_copies(const struct model_sync *s)
{
	enum sync_kind kind = s->conf.ipvs ? SYNC_IPVS : SYNC_CONNTRACK;
	return model_sync_flows(s) && model_sync_up(s) && !s->conf.paused[kind] && !s->state.stopped[kind];
}

bool model_sync_kind_lag(const struct model_sync *s, enum sync_kind kind, uint32_t *lag_ms)
{
	if (!model_sync_flows(s) || !s->spoke || s->state.is == SYNC_IS_OFF || s->state.stopped[kind])
		return false;
	if (kind == SYNC_IPVS && !s->conf.ipvs) /* of the other kind there are no figures then */
		return false;
	if (!s->has_stats[kind] || s->conf.paused[kind]) /* also while there is no link */
		return false;
	*lag_ms = s->stats[kind].lag_ms;
	return true;
}

bool model_sync_lag(const struct model_sync *s, uint32_t *lag_ms)
{
	bool any = false;
	uint32_t one;
	*lag_ms = 0;
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++) {
		if (!model_sync_kind_lag(s, (enum sync_kind)k, &one))
			continue;
		if (one > *lag_ms)
			*lag_ms = one;
		any = true;
	}
	return any;
}

static uint64_t copied(const struct model_sync *s, uint64_t *all)
{
	uint64_t done = 0;
	*all = 0;
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++) {
		done += s->stats[k].bulk_done + s->stats[k].sent_done;
		*all += s->stats[k].bulk_all + s->stats[k].sent_all;
	}
	return done;
}

bool model_sync_progress(const struct model_sync *s, uint64_t *done, uint64_t *all)
{
	*done = copied(s, all);
	return s->spoke && s->state.is == SYNC_IS_BULK && *all;
}

/* ---- what changed ---- */

static bool is_up(enum sync_link_is is)
{
	return is == SYNC_IS_BULK || is == SYNC_IS_SYNC;
}

static bool over(struct lb_time since, int64_t ms, struct lb_time now)
{
	return lb_time_cmp(now, lb_time_add_ms(since, ms)) >= 0;
}

/* What has come about and can be told now. */
static bool state_is_new(const struct model_sync *s, struct lb_time now)
{
	enum sync_link_is is = s->state.is;
	if (!s->spoke || (s->told_any ? s->told == is : is == SYNC_IS_OFF))
		return false;
	if (!s->conf.flows && is == SYNC_IS_BULK)
		return false; /* there is nothing that could take its time */
	if (is == SYNC_IS_DOWN && !s->told_any)
		return over(s->began, MODEL_SYNC_GRACE_MS, now);
	return is != SYNC_IS_SYNC || s->figures || over(s->synced_at, MODEL_SYNC_FIGURES_MS, now);
}

static void in_sync_words(const struct model_sync *s, char *out, size_t size)
{
	uint64_t all, done = copied(s, &all);
	if (!s->conf.flows) {
		snprintf(out, size, "the link to %s is up; no flows are copied", s->conf.peer);
		return;
	}
	if (!s->bulk_at.us) {
		snprintf(out, size, "in sync with %s", s->conf.peer);
		return;
	}
	int64_t ms = lb_time_diff_us(s->synced_at, s->bulk_at) / 1000;
	snprintf(out, size, "in sync with %s (took %lld.%llds, %llu flow%s)", s->conf.peer, (long long)(ms / 1000),
		(long long)(ms % 1000 / 100), (unsigned long long)done, done == 1 ? "" : "s");
}

static bool state_line(struct model_sync *s, struct model_line *out)
{
	const struct sync_msg_state *st = &s->state;
	char words[MODEL_VRRP_LINE / 2];
	bool lost = st->is == SYNC_IS_DOWN && s->told_any && is_up(s->told);
	switch (st->is) {
	case SYNC_IS_OFF: snprintf(words, sizeof(words), "off"); break;
	case SYNC_IS_DOWN:
		snprintf(words, sizeof(words), "%s to %s (%s)", lost ? "lost the link" : "no link", s->conf.peer,
			st->reason[0] ? st->reason : "down");
		break;
	case SYNC_IS_BULK: snprintf(words, sizeof(words), "copying all flows with %s", s->conf.peer); break;
	case SYNC_IS_SYNC: in_sync_words(s, words, sizeof(words)); break;
	case SYNC_IS_PAUSED:
		if (model_sync_held(s))
			snprintf(words, sizeof(words), "paused by an operator on %s", s->conf.peer);
		else
			snprintf(words, sizeof(words), "paused by an operator");
		break;
	}
	bool more = st->is == SYNC_IS_DOWN && st->text[0];
	*out = (struct model_line){ .event = LB_EVENT_SYNC_STATE,
		.old = s->told_any ? sync_link_words[s->told] : NULL,
		.new = sync_link_words[st->is] };
	if (st->is == SYNC_IS_DOWN)
		snprintf(out->reason, sizeof(out->reason), "%s", st->reason);
	snprintf(out->text, sizeof(out->text), "sync: %s%s%.*s", words, more ? ": " : "", more ? SYNC_TEXT_MAX : 0,
		st->text);
	out->level = st->is == SYNC_IS_DOWN ? LB_LOG_WARNING : LB_LOG_NOTICE;
	s->told = st->is;
	s->told_any = true;
	return true;
}

static bool resync_line(struct model_sync *s, struct model_line *out)
{
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++) {
		uint64_t n = s->stats[k].resyncs;
		if (n <= s->told_resyncs[k])
			continue;
		s->told_resyncs[k] = n;
		*out = (struct model_line){ .event = LB_EVENT_SYNC_RESYNC, .level = LB_LOG_NOTICE };
		snprintf(out->text, sizeof(out->text),
			"sync: all %s flows are copied anew (number %llu since the start)", sync_kinds[k],
			(unsigned long long)n);
		return true;
	}
	return false;
}

/* True: the alarm was raised, or is over. */
static bool lagging_changed(struct model_sync *s, struct lb_time now, uint32_t *lag_ms)
{
	bool was = s->lagging;
	if (!model_sync_lag(s, lag_ms) || *lag_ms <= MODEL_SYNC_LAG_MS) {
		s->lag_since = (struct lb_time){ 0 };
		s->lagging = false;
	} else if (!s->lag_since.us) {
		s->lag_since = now;
	} else if (over(s->lag_since, MODEL_SYNC_LAGGING_MS, now)) {
		s->lagging = true;
	}
	return s->lagging != was;
}

static bool full_changed(struct model_sync *s)
{
	bool was = s->full;
	s->full = s->has_stats[SYNC_CONNTRACK] && s->stats[SYNC_CONNTRACK].kernel_full;
	return s->full != was;
}

static bool mismatch_changed(struct model_sync *s)
{
	bool was = s->mismatch;
	s->mismatch = s->spoke && s->state.is == SYNC_IS_DOWN && strcmp(s->state.reason, KEY_MISMATCH) == 0;
	return s->mismatch != was;
}

static bool alarm_line(struct model_line *out, const char *alarm, bool on, const char *more)
{
	model_alarm_line(out, alarm, on);
	snprintf(out->text, sizeof(out->text), "sync: alarm %s %s%s", alarm, on ? "raised" : "is over", more);
	return true;
}

static bool trouble_line(struct model_sync *s, struct model_line *out)
{
	if (strcmp(s->told_trouble, s->state.trouble) == 0)
		return false;
	memcpy(s->told_trouble, s->state.trouble, sizeof(s->told_trouble));
	bool on = s->told_trouble[0];
	*out = (struct model_line){ .event = LB_EVENT_SYNC_TROUBLE };
	out->level = on ? LB_LOG_WARNING : LB_LOG_NOTICE;
	snprintf(out->text, sizeof(out->text), "sync: %s",
		on ? s->told_trouble : "the kernel of this node plays along again");
	return true;
}

bool model_sync_next(struct model_sync *s, struct lb_time now, struct model_line *out)
{
	uint32_t lag_ms;
	char more[40] = "";
	if (s->runs == CONFIG_FLOWS_KERNEL)
		return trouble_line(s, out);
	if (!model_sync_runs(s))
		return false;
	if (state_is_new(s, now))
		return state_line(s, out);
	if (resync_line(s, out))
		return true;
	if (mismatch_changed(s))
		return alarm_line(out, MODEL_SYNC_MISMATCH, s->mismatch, "");
	if (full_changed(s))
		return alarm_line(out, MODEL_SYNC_FULL, s->full, "");
	if (lagging_changed(s, now, &lag_ms)) {
		if (s->lagging)
			snprintf(more, sizeof(more), " (lag %u.%us)", lag_ms / 1000, lag_ms % 1000 / 100);
		return alarm_line(out, MODEL_SYNC_LAGGING, s->lagging, more);
	}
	return trouble_line(s, out);
}

bool model_sync_holds(const struct model_sync *s, struct lb_time now)
{
	return model_sync_flows(s) && s->synced_at.us == 0 && !over(s->began, MODEL_SYNC_HOLD_MS, now);
}
