/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VRRP instances track: the host and the model are asked what of it is up, each debounced; what follows for the
 * instances goes out to their room (daemon_vrrp.c). Here, too, who does not preempt now. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"
#include "lbd/host/track_io.h"

#include <errno.h>
#include <string.h>

struct looking {
	struct daemon *d;
	struct lb_time now, next;
	int64_t wall_ms;
};

static enum model_seen seen_word(enum host_word w)
{
	return w == HOST_UP ? MODEL_SEEN_UP : w == HOST_DOWN ? MODEL_SEEN_DOWN : MODEL_SEEN_UNKNOWN;
}

static enum model_seen process_seen(const struct daemon_vrrp *v, const char *name)
{
	for (size_t i = 0; i < v->processes.n; i++)
		if (strcmp(v->processes.v[i].name, name) == 0)
			return seen_word(v->processes.v[i].is);
	return MODEL_SEEN_UNKNOWN;
}

static enum model_seen interface_seen(const struct daemon_vrrp *v, const char *name)
{
	for (size_t i = 0; i < v->interfaces.n; i++)
		if (strcmp(v->interfaces.v[i].name, name) == 0)
			return seen_word(v->interfaces.v[i].is);
	return MODEL_SEEN_UNKNOWN;
}

/* Where there is no IPVS, or one that lbd may not use (in a container without that right), nothing is ever decided of a
 * service, and that is known: none of them serves. */
static enum model_seen services_seen(const struct daemon *d, const struct config_share *share)
{
	bool none = d->kernel_missing || d->kernel_error == -EPERM;
	return none ? MODEL_SEEN_DOWN : model_seen_services(d->model, share);
}

static enum model_seen seen(const struct looking *l, const struct config_track *t)
{
	switch (t->type) {
	case CONFIG_TRACK_INTERFACE: return interface_seen(&l->d->vrrp, t->name);
	case CONFIG_TRACK_CHECK: return model_seen_check(l->d->model, t->check);
	case CONFIG_TRACK_PROCESS: return process_seen(&l->d->vrrp, t->name);
	case CONFIG_TRACK_SERVICES_UP: return services_seen(l->d, &t->services_up);
	}
	return MODEL_SEEN_UNKNOWN;
}

static void log_track(struct daemon *d, const struct model_vrrp *v, const struct config_track *t, enum model_seen was,
	enum model_seen is)
{
	static const char *const words[] = { "unknown", "up", "down" };
	char name[96];
	model_track_name(t, name, sizeof(name));
	enum lb_log_level level = is == MODEL_SEEN_DOWN       ? LB_LOG_WARNING
				  : was == MODEL_SEEN_UNKNOWN ? LB_LOG_INFO
							      : LB_LOG_NOTICE;
	daemon_event(d,
		&(struct event){ .id = LB_EVENT_VRRP_TRACK,
			.level = level,
			.old = words[was],
			.new = words[is],
			.data = json_pack("{s:s}", "track", name) },
		"vrrp/%s: track %s: %s -> %s", v->conf->name, name, words[was], words[is]);
}

static void look_one(struct looking *l, struct model_vrrp *v)
{
	for (uint32_t i = 0; i < v->cfg->n_tracks; i++) {
		const struct config_track *t = &v->cfg->tracks[i];
		enum model_seen was = v->tracks[i].is;
		l->next = lb_time_min(
			l->next, model_track_see(&v->tracks[i], seen(l, t), t->debounce_ms, l->now, l->wall_ms));
		if (v->tracks[i].is != was)
			log_track(l->d, v, t, was, v->tracks[i].is);
	}
}

static void add_process(struct daemon_vrrp *v, const char *name)
{
	lb_vec_foreach (p, &v->processes)
		if (strcmp(p->name, name) == 0)
			return;
	struct host_process *p = lb_vec_push(&v->processes); /* NULL: it stays unknown */
	if (p)
		p->name = name;
}

static void add_interface(struct daemon_vrrp *v, const char *name)
{
	lb_vec_foreach (i, &v->interfaces)
		if (strcmp(i->name, name) == 0)
			return;
	struct daemon_interface *i = lb_vec_push(&v->interfaces);
	if (i)
		i->name = name;
}

/* What is asked of the host, each thing once: many instances track the same. */
void daemon_track_collect(struct daemon_vrrp *v)
{
	lb_vec_clear(&v->processes);
	lb_vec_clear(&v->interfaces);
	for (uint32_t i = 0; i < v->all.n; i++)
		for (uint32_t k = 0; k < v->all.v[i].cfg->n_tracks; k++) {
			const struct config_track *t = &v->all.v[i].cfg->tracks[k];
			if (t->type == CONFIG_TRACK_PROCESS)
				add_process(v, t->name);
			else if (t->type == CONFIG_TRACK_INTERFACE)
				add_interface(v, t->name);
		}
}

/* Who does not preempt now. A node that came back has lost its flows: the other one keeps the addresses until they are
 * here, or until it took too long. One that was at fault has checks that did not reach their servers. */
static void look_at_hold(struct looking *l)
{
	struct daemon_vrrp *v = &l->d->vrrp;
	bool hold = model_sync_holds(&l->d->sync.all, l->now);
	if (hold != v->all.hold)
		model_vrrps_hold(&v->all, hold);
	if (v->fit.since.us == 0)
		return;
	if (model_fit_waits(&v->fit, l->d->model, l->now))
		l->next = lb_time_min(l->next, v->fit.until);
	else if (model_vrrps_over(&v->all))
		model_fit_forget(&v->fit);
}

/* After each turn in which something changed, and once a second: interfaces and processes are asked, nobody tells. */
void daemon_track_turn(struct daemon *d)
{
	struct daemon_vrrp *v = &d->vrrp;
	struct looking l = { d, lb_clock_now(), LB_TIME_NEVER, 0 };
	if (!v->all.n)
		daemon_pause_turn(d); /* the last one may have gone with a reload */
	if (!v->all.n || d->stopping || (!d->changed && !v->look && lb_time_cmp(l.now, v->next_look) < 0))
		return;
	l.wall_ms = lb_clock_wall_ms();
	v->look = false;
	for (uint32_t i = 0; i < v->all.n; i++)
		look_one(&l, &v->all.v[i]);
	model_vrrps_weigh(&v->all);
	look_at_hold(&l);
	daemon_pause_turn(d);
	v->next_look = l.next;
	daemon_deadline(d, l.next);
	daemon_vrrp_send_due(d);
}

/* Unknown is no fault, so nobody would notice. Said when it begins. err: why; 0 = they are hidden. */
static void say_unknown(struct daemon_vrrp *v, int err)
{
	bool unknown = false;
	lb_vec_foreach (p, &v->processes)
		unknown |= p->is == HOST_UNKNOWN;
	if (unknown && !v->unknown && err)
		lb_log(LB_LOG_WARNING,
			"vrrp: cannot look at the processes of this host: %s; what is tracked of them stays as it was",
			strerror(-err));
	else if (unknown && !v->unknown)
		lb_log(LB_LOG_WARNING,
			"vrrp: processes of others are hidden from lbd, what is tracked of them is unknown "
			"and counts for nothing; to mend: ProtectProc=default in a drop-in of the unit");
	v->unknown = unknown;
}

void daemon_track_tick(struct daemon *d)
{
	int err = d->vrrp.processes.n ? host_processes(d->vrrp.processes.v, d->vrrp.processes.n) : 0;
	say_unknown(&d->vrrp, err);
	lb_vec_foreach (i, &d->vrrp.interfaces)
		i->is = host_interface(i->name);
	d->vrrp.look = d->vrrp.all.n > 0;
}
