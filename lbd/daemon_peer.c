/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The other nodes seen from the core: the second path goes out to the room of VRRP, which speaks over it; what it says
 * of them comes in and is told. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/ctl/ctl_failover.h"
#include "lbd/daemon_rooms.h"

#include <string.h>

int daemon_peer_prepare(struct daemon *d, const struct config *c, struct daemon_key *key, struct lb_err *e)
{
	return model_peers_conf(c, daemon_key_read, key, &d->peer.next, e);
}

void daemon_peer_unprepare(struct daemon *d)
{
	explicit_bzero(&d->peer.next, sizeof(d->peer.next));
}

bool daemon_peer_take(struct daemon *d)
{
	bool changed = model_peers_take(&d->peer.all, &d->peer.next, lb_clock_now());
	model_peers_prune(&d->peer.all, &d->vrrp.all);
	return changed;
}

void daemon_peer_send(struct daemon *d, struct lb_text *line)
{
	const struct vrrp_msg m = { .type = VRRP_MSG_PEERS, .u.peers = &d->peer.all.conf };
	if (d->peer.all.due)
		d->peer.all.due = daemon_vrrp_send(d, &m, line) != 0;
}

/* What changed, one line for each. */
static void tell(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	int64_t wall_ms = lb_clock_wall_ms();
	struct model_line line;
	for (uint32_t i = 0; i < d->peer.all.n; i++)
		while (model_peer_next(&d->peer.all.v[i], now, wall_ms, &line)) {
			daemon_event_line(d, &line, NULL);
			d->changed = true;
		}
}

static void log_moved(struct daemon *d, const struct model_vrrp *v, const struct vrrp_msg_moved *m)
{
	if (m->ok)
		daemon_event(d, &(struct event){ .id = LB_EVENT_VRRP_MOVED, .new = m->away ? "away" : "here" },
			"vrrp/%s: handed over %s (outage=%u.%03ums)", v->conf->name,
			m->away ? "to another node" : "to this node", m->outage_us / 1000, m->outage_us % 1000);
	else
		daemon_event(d,
			&(struct event){ .id = LB_EVENT_VRRP_MOVED, .level = LB_LOG_WARNING, .reason = m->reason },
			"vrrp/%s: not handed over (%s)", v->conf->name, m->reason);
}

bool daemon_peer_said(struct daemon *d, const struct vrrp_msg *m)
{
	const struct model_vrrp *v;
	if (m->type == VRRP_MSG_NODE) {
		model_peers_said_node(&d->peer.all, &m->u.node);
		tell(d);
	} else if (m->type == VRRP_MSG_THEIRS) {
		if (model_vrrp_by_id(&d->vrrp.all, m->u.theirs.id))
			model_peers_said_theirs(&d->peer.all, &m->u.theirs);
	} else if (m->type == VRRP_MSG_MOVED) {
		if ((v = model_vrrp_by_id(&d->vrrp.all, m->u.moved.id)))
			log_moved(d, v, &m->u.moved);
		ctl_failover_moved(d->failovers, &m->u.moved);
		if (m->u.moved.ok && m->u.moved.away)
			(void)daemon_look_ask(d, NULL); /* for the flows that began while it was handed over */
	} else {
		return false;
	}
	return true;
}

void daemon_peer_forget(struct daemon *d, const char *why)
{
	model_peers_forget(&d->peer.all, lb_clock_now());
	ctl_failovers_lost(d->failovers, why);
}

void daemon_peer_tick(struct daemon *d)
{
	tell(d);
}

void daemon_peer_turn(struct daemon *d)
{
	struct lb_time next = ctl_failovers_look(d->failovers, lb_clock_now());
	daemon_deadline(d, next);
}

void daemon_peer_done(struct daemon *d)
{
	daemon_peer_unprepare(d);
	model_peers_done(&d->peer.all);
}
