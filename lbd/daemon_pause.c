/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes pause while this node serves nothing for want of a link: see check/check_cut.h. As long as an instance may be
 * master they do not: its services may depend on what is behind that link, and who tracks them must hear of it. Nor
 * where a service is reached at other addresses than those of the instances. */
#include "common/clock_io.h"
#include "common/interface_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"
#include "lbd/host/track_io.h"

#include <stdio.h>
#include <string.h>

/* Of an instance that has not spoken nobody knows. */
static bool all_at_fault(const struct model_vrrps *vs)
{
	for (uint32_t i = 0; i < vs->n; i++)
		if (!vs->v[i].spoke || vs->v[i].state.state != VRRP_STATE_FAULT)
			return false;
	return vs->n > 0;
}

static void add(struct check_cuts *c, const char *name)
{
	for (uint32_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return;
	if (c->n == CHECK_CUTS_MAX || host_interface(name) != HOST_DOWN)
		return;
	struct check_cut *one = &c->v[c->n++];
	int index = lb_interface(name);
	one->index = index > 0 ? (unsigned)index : 0;
	snprintf(one->name, sizeof(one->name), "%s", name);
}

/* Interfaces of which each is a fault of an instance, so that the other node has been told. */
static void collect(const struct model_vrrps *vs, struct check_cuts *c)
{
	for (uint32_t i = 0; i < vs->n; i++) {
		const struct config_vrrp *cfg = vs->v[i].cfg;
		add(c, cfg->interface);
		for (uint32_t k = 0; k < cfg->n_tracks; k++)
			if (cfg->tracks[k].type == CONFIG_TRACK_INTERFACE && cfg->tracks[k].weight == 0)
				add(c, cfg->tracks[k].name);
	}
}

void daemon_pause_tell(struct daemon_room *room)
{
	struct check_msg m = { .type = CHECK_MSG_CUT, .u.cut = room->d->cuts };
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(&m, &line);
	(void)worker_send(&room->worker, &line);
	lb_text_done(&line);
}

static void log_pause(const struct check_cuts *c)
{
	if (!c->n)
		lb_log(LB_LOG_INFO, "checks no longer pause");
	for (uint32_t i = 0; i < c->n; i++)
		lb_log(LB_LOG_INFO, "checks pause that would leave by %s: it has no link, and all of VRRP is at fault",
			c->v[i].name);
}

void daemon_pause_turn(struct daemon *d)
{
	struct check_cuts cuts = { 0 };
	if (!d->vrrp.beside && all_at_fault(&d->vrrp.all))
		collect(&d->vrrp.all, &cuts);
	if (check_cuts_equal(&cuts, &d->cuts))
		return;
	d->cuts = cuts;
	d->env.checks_from = cuts.n ? LB_TIME_NEVER : lb_clock_now();
	log_pause(&cuts);
	for (size_t i = 0; i < CHECK_ROOM_COUNT; i++)
		if (d->rooms[i].worker.state == WORKER_STATE_READY)
			daemon_pause_tell(&d->rooms[i]);
}
