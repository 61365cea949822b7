/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_msg.h"

#include "common/buf.h"
#include "lbd/vrrp/vrrp_conf.h"
#include "lbd/vrrp/vrrp_peer_msg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Beyond these nothing is meant, and no sum comes near the end of its type. */
#define ADD_MAX     65535
#define MOVE_MAX_MS 60000

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *const vrrp_dos[] = {
	[VRRP_DO_RESIGN] = "resign",
	[VRRP_DO_ANNOUNCE] = "announce",
	[VRRP_DO_HANDOVER] = "handover",
	[VRRP_DO_TAKE] = "take",
};
_Static_assert(COUNT(vrrp_dos) == VRRP_DO_COUNT, "one word per order");

/* Not only ASCII: cards may have such names, and a reason names what was tracked. */
static void reason_read(struct lb_fields *f, char out[VRRP_REASON_MAX])
{
	lb_field_line(f, "reason", out, VRRP_REASON_MAX);
}

/* Absent = none. */
static struct lb_ip ip_read(struct lb_fields *f, const char *key)
{
	return lb_field_has(f, key) ? lb_field_ip(f, key) : (struct lb_ip){ 0 };
}

static uint32_t id_read(struct lb_fields *f)
{
	return lb_field_u32(f, "id", 0, UINT32_MAX);
}

/* ---- the pairs: message -> members, members -> message ---- */

static void set_write(const void *u, struct lb_members *o)
{
	vrrp_conf_write(*(struct vrrp_conf *const *)u, o);
}

static int set_read(struct lb_fields *f, void *u)
{
	struct vrrp_conf *c = *(struct vrrp_conf **)u = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	vrrp_conf_read(f, c);
	return 0;
}

static void del_write(const void *u, struct lb_members *o)
{
	lb_put_int(o, "id", *(const uint32_t *)u);
}

static int del_read(struct lb_fields *f, void *u)
{
	*(uint32_t *)u = id_read(f);
	return 0;
}

static void track_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_track *t = u;
	lb_put_int(o, "id", t->id);
	lb_put_int(o, "add", t->add);
	lb_put_bool(o, "fault", t->fault);
	lb_put_str(o, "reason", t->reason);
}

static int track_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_track *t = u;
	t->id = id_read(f);
	t->add = (int32_t)lb_field_int(f, "add", -ADD_MAX, ADD_MAX);
	t->fault = lb_field_bool(f, "fault");
	reason_read(f, t->reason);
	return 0;
}

static bool takes_time(enum vrrp_do what)
{
	return what == VRRP_DO_HANDOVER || what == VRRP_DO_TAKE;
}

static void do_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_do *d = u;
	lb_put_int(o, "id", d->id);
	lb_put_str(o, "what", vrrp_dos[d->what]);
	if (takes_time(d->what))
		lb_put_int(o, "for_ms", d->for_ms);
}

static int do_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_do *d = u;
	d->id = id_read(f);
	d->what = (enum vrrp_do)lb_field_word(f, "what", vrrp_dos, COUNT(vrrp_dos));
	if (takes_time(d->what))
		d->for_ms = lb_field_u32(f, "for_ms", 1, MOVE_MAX_MS);
	return 0;
}

static void peers_write(const void *u, struct lb_members *o)
{
	vrrp_peers_write(*(struct vrrp_peers *const *)u, o);
}

static int peers_read(struct lb_fields *f, void *u)
{
	struct vrrp_peers *p = *(struct vrrp_peers **)u = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	vrrp_peers_read(f, p);
	return 0;
}

static void state_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_state *s = u;
	lb_put_int(o, "id", s->id);
	lb_put_str(o, "state", vrrp_state_names[s->state]);
	lb_put_str(o, "was", vrrp_state_names[s->was]);
	lb_put_str(o, "cause", vrrp_causes[s->cause]);
	lb_put_int(o, "prio", s->prio);
	lb_put_str(o, "reason", s->reason);
	lb_put_ip(o, "master", &s->master);
	lb_put_int(o, "master_prio", s->master_prio);
	lb_put_ip(o, "source", &s->source);
	if (s->resigned)
		lb_put_bool(o, "resigned", true);
	if (s->refused[0])
		lb_put_str(o, "refused", s->refused);
}

static int state_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_state *s = u;
	s->id = id_read(f);
	s->state = (enum vrrp_state)lb_field_word(f, "state", vrrp_state_names, VRRP_STATE_COUNT);
	s->was = (enum vrrp_state)lb_field_word(f, "was", vrrp_state_names, VRRP_STATE_COUNT);
	s->cause = (enum vrrp_cause)lb_field_word(f, "cause", vrrp_causes, VRRP_CAUSE_COUNT);
	s->prio = (uint8_t)lb_field_u32(f, "prio", 0, UINT8_MAX);
	reason_read(f, s->reason);
	s->master = ip_read(f, "master");
	s->master_prio = (uint8_t)lb_field_u32(f, "master_prio", 0, UINT8_MAX);
	s->source = ip_read(f, "source");
	s->resigned = lb_field_has(f, "resigned") && lb_field_bool(f, "resigned"); /* absent = not */
	if (lb_field_has(f, "refused"))
		lb_field_text(f, "refused", s->refused, sizeof(s->refused));
	return 0;
}

static void alarm_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_alarm *a = u;
	lb_put_int(o, "id", a->id);
	lb_put_str(o, "alarm", vrrp_alarms[a->alarm]);
	lb_put_bool(o, "on", a->on);
	lb_put_str(o, "text", a->text);
}

static int alarm_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_alarm *a = u;
	a->id = id_read(f);
	a->alarm = (enum vrrp_alarm)lb_field_word(f, "alarm", vrrp_alarms, VRRP_ALARM_COUNT);
	a->on = lb_field_bool(f, "on");
	lb_field_text(f, "text", a->text, sizeof(a->text));
	return 0;
}

static void node_write(const void *u, struct lb_members *o)
{
	vrrp_node_write(u, o);
}

static int node_read(struct lb_fields *f, void *u)
{
	vrrp_node_read(f, u);
	return 0;
}

static void theirs_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_theirs *t = u;
	lb_put_int(o, "id", t->id);
	lb_put_str(o, "node", t->node);
	lb_put_bool(o, "known", t->known);
	if (t->known) {
		lb_put_str(o, "state", vrrp_state_names[t->state]);
		lb_put_int(o, "prio", t->prio);
	}
}

static int theirs_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_theirs *t = u;
	t->id = id_read(f);
	lb_field_name(f, "node", t->node, sizeof(t->node));
	t->known = lb_field_bool(f, "known");
	if (t->known) {
		t->state = (enum vrrp_state)lb_field_word(f, "state", vrrp_state_names, VRRP_STATE_COUNT);
		t->prio = (uint8_t)lb_field_u32(f, "prio", 0, UINT8_MAX);
	}
	return 0;
}

static void moved_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_moved *v = u;
	lb_put_int(o, "id", v->id);
	lb_put_bool(o, "ok", v->ok);
	lb_put_bool(o, "away", v->away);
	lb_put_str(o, "reason", v->reason);
	lb_put_int(o, "outage_us", v->outage_us);
}

static int moved_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_moved *v = u;
	v->id = id_read(f);
	v->ok = lb_field_bool(f, "ok");
	v->away = lb_field_bool(f, "away");
	reason_read(f, v->reason);
	v->outage_us = lb_field_u32(f, "outage_us", 0, UINT32_MAX);
	return 0;
}

static void taken_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_taken *t = u;
	lb_put_int(o, "id", t->id);
	lb_put_int(o, "silent_us", t->silent_us);
	lb_put_int(o, "woke_us", t->woke_us);
	lb_put_int(o, "advert_us", t->advert_us);
	lb_put_int(o, "addresses_us", t->addresses_us);
	lb_put_int(o, "announced_us", t->announced_us);
}

static int taken_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_taken *t = u;
	t->id = id_read(f);
	t->silent_us = lb_field_u32(f, "silent_us", 0, UINT32_MAX);
	t->woke_us = lb_field_u32(f, "woke_us", 0, UINT32_MAX);
	t->advert_us = lb_field_u32(f, "advert_us", 0, UINT32_MAX);
	t->addresses_us = lb_field_u32(f, "addresses_us", 0, UINT32_MAX);
	t->announced_us = lb_field_u32(f, "announced_us", 0, UINT32_MAX);
	return 0;
}

static void pong_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_pong *p = u;
	lb_put_int(o, "n", p->n);
	lb_put_int(o, "instances", p->instances);
	lb_put_int(o, "lag_us", p->lag_us);
	lb_put_int(o, "rss_kib", p->rss_kib);
}

static int pong_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_pong *p = u;
	p->n = lb_field_u32(f, "n", 0, UINT32_MAX);
	p->instances = lb_field_u32(f, "instances", 0, UINT32_MAX);
	p->lag_us = lb_field_u32(f, "lag_us", 0, UINT32_MAX);
	p->rss_kib = lb_field_u32(f, "rss_kib", 0, UINT32_MAX);
	return 0;
}

/* By reason. NONE is no reason, and not sent. */
static json_t *discarded_write(const uint64_t *n)
{
	struct lb_members o = { json_object(), false };
	for (unsigned i = VRRP_DISCARD_NONE + 1; i < VRRP_DISCARD_COUNT_OF; i++)
		lb_put_int(&o, vrrp_discards[i].name, (int64_t)n[i]);
	return lb_members_end(&o);
}

static void discarded_read(struct lb_fields *outer, uint64_t *n)
{
	struct lb_fields f = { json_object_get(outer->from, "discarded"), outer->bad };
	for (unsigned i = VRRP_DISCARD_NONE + 1; i < VRRP_DISCARD_COUNT_OF; i++)
		n[i] = lb_field_counter(&f, vrrp_discards[i].name);
	outer->bad = f.bad;
}

static void stats_write(const void *u, struct lb_members *o)
{
	const struct vrrp_msg_stats *s = u;
	lb_put_int(o, "id", s->id);
	lb_put_int(o, "sent", (int64_t)s->sent);
	lb_put_int(o, "received", (int64_t)s->received);
	lb_put(o, "discarded", discarded_write(s->discarded));
	lb_put_int(o, "renewals", (int64_t)s->renewals);
	lb_put_int(o, "transitions", (int64_t)s->transitions);
	lb_put_int(o, "conflicts", (int64_t)s->conflicts);
	lb_put_int(o, "late_us", s->late_us);
	lb_put_bool(o, "sum9568", s->sum9568);
}

static int stats_read(struct lb_fields *f, void *u)
{
	struct vrrp_msg_stats *s = u;
	s->id = id_read(f);
	s->sent = lb_field_counter(f, "sent");
	s->received = lb_field_counter(f, "received");
	discarded_read(f, s->discarded);
	s->renewals = lb_field_counter(f, "renewals");
	s->transitions = lb_field_counter(f, "transitions");
	s->conflicts = lb_field_counter(f, "conflicts");
	s->late_us = lb_field_u32(f, "late_us", 0, UINT32_MAX);
	s->sum9568 = lb_field_bool(f, "sum9568");
	return 0;
}

static void bare_write(const void *u, struct lb_members *o)
{
	(void)u, (void)o;
}

static int bare_read(struct lb_fields *f, void *u)
{
	(void)f, (void)u;
	return 0;
}

static const struct lb_msg_row rows[] = {
	[VRRP_MSG_HELLO] = { "hello", true, lb_msg_hello_write, lb_msg_hello_read },
	[VRRP_MSG_SET] = { "vrrp.set", true, set_write, set_read },
	[VRRP_MSG_DEL] = { "vrrp.del", true, del_write, del_read },
	[VRRP_MSG_TRACK] = { "vrrp.track", true, track_write, track_read },
	[VRRP_MSG_DO] = { "vrrp.do", true, do_write, do_read },
	[VRRP_MSG_PEERS] = { "vrrp.peers", true, peers_write, peers_read },
	[VRRP_MSG_END] = { "vrrp.end", true, bare_write, bare_read },
	[VRRP_MSG_SWEEP] = { "vrrp.sweep", true, bare_write, bare_read },
	[VRRP_MSG_LOG] = { "log", true, lb_msg_log_write, lb_msg_log_read },
	[VRRP_MSG_PING] = { "ping", true, lb_msg_ping_write, lb_msg_ping_read },
	[VRRP_MSG_READY] = { "ready", false, lb_msg_ready_write, lb_msg_ready_read },
	[VRRP_MSG_STATE] = { "vrrp.state", false, state_write, state_read },
	[VRRP_MSG_ALARM] = { "vrrp.alarm", false, alarm_write, alarm_read },
	[VRRP_MSG_NODE] = { "vrrp.node", false, node_write, node_read },
	[VRRP_MSG_THEIRS] = { "vrrp.theirs", false, theirs_write, theirs_read },
	[VRRP_MSG_MOVED] = { "vrrp.moved", false, moved_write, moved_read },
	[VRRP_MSG_TAKEN] = { "vrrp.taken", false, taken_write, taken_read },
	[VRRP_MSG_SWEPT] = { "vrrp.swept", false, bare_write, bare_read },
	[VRRP_MSG_PONG] = { "pong", false, pong_write, pong_read },
	[VRRP_MSG_STATS] = { "vrrp.stats", false, stats_write, stats_read },
};
_Static_assert(COUNT(rows) == VRRP_MSG_COUNT, "one row per message");

const char *vrrp_msg_name(enum vrrp_msg_type type)
{
	return rows[type].name;
}

void vrrp_msg_write(const struct vrrp_msg *m, struct lb_text *out)
{
	lb_msg_write(&rows[m->type], &m->u, out);
}

static int read_msg(const json_t *line, bool to_vrrp, struct vrrp_msg *m)
{
	int type = lb_msg_find(rows, COUNT(rows), to_vrrp, line);
	if (type < 0)
		return type;
	struct vrrp_msg got = { .type = (enum vrrp_msg_type)type };
	int rc = lb_msg_read(&rows[type], line, &got.u);
	if (rc)
		vrrp_msg_done(&got);
	else
		*m = got;
	return rc;
}

int vrrp_msg_read_vrrp(const json_t *line, struct vrrp_msg *m)
{
	return read_msg(line, true, m);
}

int vrrp_msg_read_core(const json_t *line, struct vrrp_msg *m)
{
	return read_msg(line, false, m);
}

void vrrp_msg_done(struct vrrp_msg *m)
{
	/* there are keys in both */
	if (m->type == VRRP_MSG_SET && m->u.set) {
		explicit_bzero(m->u.set, sizeof(*m->u.set));
		free(m->u.set);
	} else if (m->type == VRRP_MSG_PEERS && m->u.peers) {
		explicit_bzero(m->u.peers, sizeof(*m->u.peers));
		free(m->u.peers);
	}
	*m = (struct vrrp_msg){ 0 };
}
