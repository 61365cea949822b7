/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at the kernel's connections by the room of flow state (daemon_sync.c): it says when, or a hand-over waits for
 * one; the ways of all listeners go out in slices, and when it is over that is told to who waits.
 */
#include "common/clock_io.h"
#include "lbd/daemon_rooms.h"

#include <errno.h>
#include <stdlib.h>

static void begin(struct daemon_look *l)
{
	l->at = (struct model_sync_at){ 0 };
	l->first = l->due = true;
}

int daemon_look_ask(struct daemon *d, uint32_t *id)
{
	struct daemon_look *l = &d->look;
	/* the process that asks by itself waits for an answer, also when nothing is copied any more */
	if (!daemon_sync_talking(d) || (id && !model_sync_flows(&d->sync.all)))
		return -ENOTCONN;
	if (id) {
		l->last_id += l->last_id == UINT32_MAX ? 2 : 1;
		*id = l->id = l->last_id;
	}
	begin(l); /* who waits for one that is under way waits for this one */
	daemon_more(d);
	return 0;
}

/* One slice. Another configuration: from the beginning. */
void daemon_look_turn(struct daemon *d)
{
	struct daemon_look *l = &d->look;
	if (!l->due || !d->model || !daemon_sync_talking(d) || !daemon_sync_has_room(d))
		return;
	struct conn_way *v = calloc(CONN_WAYS_MAX, sizeof(*v));
	if (!v)
		return; /* the next turn tries again */
	if (l->turn != d->turn)
		begin(l);
	l->turn = d->turn;
	struct model_sync_at was = l->at;
	size_t n = model_sync_ways(d->model->config, &l->at, v, CONN_WAYS_MAX);
	const struct sync_room_msg m = { .type = SYNC_MSG_LOOK_WAYS,
		.u.ways = { .id = l->id, .first = l->first, .last = n < CONN_WAYS_MAX, .n = (uint32_t)n, .v = v } };
	if (daemon_sync_ask(d, &m)) {
		l->at = was; /* the next turn tries again */
	} else {
		l->first = false;
		l->due = !m.u.ways.last;
		if (l->due)
			daemon_more(d);
	}
	free(v);
}

/* The file was not there when the process began: once, another one is tried. */
static void look_at_error(struct daemon *d, const struct conn_looked *e)
{
	bool none = e->err == ENOENT || e->err == EIO;
	if (!none || d->look.restarted || d->kernel_missing || d->kernel_retry.us)
		return;
	d->look.restarted = true;
	daemon_sync_restart(d, "it began before the kernel had IPVS");
}

void daemon_look_said(struct daemon *d, const struct sync_room_msg *m)
{
	if (m->type == SYNC_MSG_LOOK_WANT) {
		(void)daemon_look_ask(d, NULL);
		return;
	}
	const struct conn_looked *e = &m->u.looked;
	if (e->id == d->look.id)
		d->look.id = 0;
	if (e->id)
		ctl_failovers_looked(d->failovers, e->id, e->err == 0);
	else
		look_at_error(d, e);
}

/* The room is another one, or there is none: who waits gets no answer. */
void daemon_look_lost(struct daemon *d)
{
	uint32_t id = d->look.last_id;
	d->look.due = false;
	d->look.id = 0;
	if (id)
		ctl_failovers_looked(d->failovers, id, false);
}
