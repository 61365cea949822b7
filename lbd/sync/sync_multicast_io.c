/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_multicast_io.h"

#include "common/log_io.h"
#include "lbd/sync/tap_daemon_io.h"
#include "lbd/sync/tap_link_msg.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#define LOOK_S 1.0

static void trouble(struct sync_multicast_run *m, const char *text)
{
	const int fits = sizeof(m->trouble) - 1;
	if (strncmp(m->trouble, text, (size_t)fits) == 0)
		return;
	snprintf(m->trouble, sizeof(m->trouble), "%.*s", fits, text);
	m->troubled(m->arg);
}

/* ---- the kernel ---- */

static int open_both(struct sync_multicast_run *m, struct lb_err *e)
{
	int err = tap_nl_open(&m->generic, NETLINK_GENERIC);
	if (err)
		return lb_err_set(e, LB_CODE_FAILED, "netlink: %s", strerror(-err));
	err = tap_nl_open(&m->route, NETLINK_ROUTE);
	if (err)
		lb_err_set(e, LB_CODE_FAILED, "netlink: %s", strerror(-err));
	if (err || tap_daemon_family(&m->generic, &m->family, e)) {
		tap_nl_close(&m->generic);
		tap_nl_close(&m->route);
		return -1;
	}
	m->open = true;
	return 0;
}

static void take_link(const struct lb_nl_msg *msg, void *arg)
{
	(void)tap_link_read(msg, arg);
}

/* The number of the interface; 0 and *e: it is not there, or not up. */
static int find_device(struct sync_multicast_run *m, struct lb_err *e)
{
	struct tap_link link = { .index = 0 };
	uint32_t seq = tap_nl_next(&m->route);
	int err = tap_nl_ask(&m->route, tap_link_msg_get(&m->route.b, seq, m->want.device), take_link, &link);
	if (!err && link.index && link.up)
		return link.index;
	lb_err_set(e, LB_CODE_FAILED, "sync.multicast: interface %s is %s", m->want.device,
		err || !link.index ? "not there" : "down");
	return 0;
}

static struct ipvs_daemon daemon_of(const struct sync_multicast *w, bool master)
{
	struct ipvs_daemon d = { .role = master ? IPVS_DAEMON_MASTER : IPVS_DAEMON_BACKUP,
		.sync_id = w->id,
		.group = w->group,
		.port = w->port };
	memcpy(d.device, w->device, sizeof(d.device));
	return d;
}

/* The one of that role, if it is ours. */
static int stop(struct sync_multicast_run *m, bool master, struct lb_err *e)
{
	const struct ipvs_daemon d = daemon_of(&m->want, master);
	if (m->is_master == master)
		m->index = 0;
	return tap_daemon_stop(&m->generic, m->family, &d, e);
}

static int keep(struct sync_multicast_run *m, struct lb_err *e)
{
	const struct ipvs_daemon d = daemon_of(&m->want, m->want.master);
	if (!m->open && open_both(m, e))
		return -1;
	int index = find_device(m, e);
	if (!index) {
		struct lb_err unsaid;
		(void)stop(m, true, &unsaid);
		(void)stop(m, false, &unsaid);
		return -1;
	}
	if (stop(m, !m->want.master, e))
		return -1;
	bool ours = m->index == index && m->is_master == m->want.master;
	if (tap_daemon_start(&m->generic, m->family, &d, ours, e))
		return -1;
	if (!ours)
		lb_log(LB_LOG_NOTICE, "the kernel's synchronisation: %s on %s, id %u", ipvs_daemon_role_name(d.role),
			d.device, d.sync_id);
	m->index = index;
	m->is_master = m->want.master;
	return 0;
}

static void look(struct sync_multicast_run *m)
{
	struct lb_err e = { .text = "" };
	if (!m->wanted)
		return;
	int err = keep(m, &e);
	trouble(m, err ? e.text : "");
}

static void on_look(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	look(ev->data);
}

/* ---- */

void sync_multicast_open(struct sync_multicast_run *m, struct ev_loop *loop)
{
	m->loop = loop;
	m->look.data = m;
	ev_timer_init(&m->look, on_look, LOOK_S, LOOK_S);
}

void sync_multicast_set(struct sync_multicast_run *m, const struct sync_multicast *want)
{
	struct lb_err unsaid;
	/* what runs with other values is not found by the new ones */
	if (m->wanted && m->open && strcmp(m->want.device, want->device) != 0) {
		(void)stop(m, true, &unsaid);
		(void)stop(m, false, &unsaid);
	}
	m->want = *want;
	m->wanted = true;
	ev_timer_start(m->loop, &m->look);
	look(m);
}

void sync_multicast_close(struct sync_multicast_run *m, bool orderly)
{
	struct lb_err e;
	if (m->loop)
		ev_timer_stop(m->loop, &m->look);
	if (!m->open)
		return;
	if (orderly && m->wanted && (stop(m, true, &e) || stop(m, false, &e)))
		lb_log(LB_LOG_WARNING, "%s", e.text);
	tap_nl_close(&m->generic);
	tap_nl_close(&m->route);
	m->open = false;
}
