/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses that the kernel refuses to a master (IPv6 that is switched off on the card, no memory): an alarm, which
 * begins with the first one and is over when two renewals in a row have been without. Those that it has are served
 * meanwhile. Who has had none at all for the time of a lease, nor has any other of its group, resigns: whoever can have
 * them shall be master, and this one does not come back of its own accord while another one is.
 */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/vrrp_room_io.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS  1000  /* where no lease is renewed */
#define RESIGN_MS 60000 /* from one time to the next: there may be nobody else */

static int64_t quiet_us(const struct inst *i)
{
	int64_t renew_ms = inst_is_leased(i) ? inst_renew_ms(i) : RETRY_MS;
	return 2 * renew_ms * 1000;
}

static void note(struct inst *i, const struct lb_ip *ip)
{
	struct inst_refused *r = &i->refused;
	for (size_t k = 0; k < i->n_vips; k++) {
		if (r->is[k] || lb_ip_cmp(&i->vips[k].ip, ip) != 0)
			continue;
		r->is[k] = true;
		r->n++;
	}
}

static bool wants(const struct inst *i, const struct vip_card *c, const struct lb_ip *ip)
{
	bool has = false;
	for (size_t k = 0; k < i->n_vips && !has; k++)
		has = lb_ip_cmp(&i->vips[k].ip, ip) == 0;
	return has && i->fsm.state == VRRP_STATE_MASTER && inst_card(i) == c;
}

bool insts_refused(struct room *w, const struct vip_card *c, const struct lb_ip *ip, int err)
{
	struct inst *i;
	LIST_FOREACH (i, &w->insts, next) {
		if (!wants(i, c, ip))
			continue;
		if (!i->refused.n_new++) {
			i->refused.ip = *ip;
			i->refused.err = err;
		}
		note(i, ip);
		return true;
	}
	return false;
}

static void raise_alarm(struct inst *i)
{
	struct inst_refused *r = &i->refused;
	char ip[LB_IP_STRLEN], more[32] = "";
	if (r->n > 1)
		snprintf(more, sizeof(more), " and %zu more", r->n - 1);
	snprintf(r->text, sizeof(r->text), "%s%s: %s", lb_ip_str(&r->ip, ip), more, strerror(r->err));
	sock_alarm(i, VRRP_ALARM_REFUSED, quiet_us(i), r->text);
}

void refused_tell(struct room *w)
{
	struct inst *i;
	bool answered = !vip_net_busy(w->net);
	LIST_FOREACH (i, &w->insts, next) {
		bool refused = i->refused.n_new != 0;
		if (refused) {
			raise_alarm(i);
			inst_renew_in(i, RETRY_MS);
		}
		i->refused.n_new = 0;
		inst_restored(i, refused, answered);
	}
}

void inst_refused_look(struct inst *i)
{
	i->refused.resigned &= i->fsm.resigned;
	if (i->refused.resigned)
		sock_alarm(i, VRRP_ALARM_REFUSED, quiet_us(i), i->refused.text);
}

const char *inst_refused_why(const struct inst *i)
{
	return i->fsm.resigned && i->refused.resigned ? i->refused.text : "";
}

static bool refused_whole_group(const struct group *g, unsigned renewals)
{
	for (size_t k = 0; k < g->g.n; k++)
		if (g->member[k]->refused.rounds < renewals)
			return false;
	return true;
}

bool inst_refused_all(struct inst *i, unsigned renewals, struct lb_time now)
{
	struct inst_refused *r = &i->refused;
	r->rounds = r->n == i->n_vips ? r->rounds + 1 : 0;
	r->n = 0;
	memset(r->is, 0, sizeof(r->is));
	bool soon = r->resigned_at.us && lb_time_diff_us(now, r->resigned_at) < RESIGN_MS * INT64_C(1000);
	if (soon || !refused_whole_group(i->group, renewals))
		return false;
	for (size_t k = 0; k < i->group->g.n; k++) {
		struct inst *member = i->group->member[k];
		member->refused.resigned = true;
		member->refused.resigned_at = now;
		lb_log(LB_LOG_WARNING, "vrrp/%s: the kernel refuses all of its addresses; left to others",
			member->conf.name);
	}
	return true;
}
