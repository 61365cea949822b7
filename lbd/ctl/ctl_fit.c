/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_fit.h"

#include "common/commands.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/ctl/ctl_vrrp.h"

#include <string.h>

/* An end of the conversation is one of the question, too. */
static void end(struct ctl_fit *x, const struct lb_err *why)
{
	x->conv = NULL;
	x->over(x->arg, why);
}

static bool take_row(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct ctl_fit *x = arg;
	const json_t *services = json_object_get(json_object_get(msg, "row"), "services");
	(void)c;
	if (json_is_object(services)) {
		x->lost = lb_proto_int(services, "down", 0) + lb_proto_int(services, "sorry", 0);
		x->said = true;
	}
	return true;
}

static void take_end(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct ctl_fit *x = arg;
	struct lb_err why;
	const struct model_totals ours = model_totals(x->env->model);
	long long here = (long long)ours.services[MODEL_SERVICE_DOWN] + ours.services[MODEL_SERVICE_SORRY];
	long long taker = x->away ? x->lost : here, giver = x->away ? here : x->lost;
	(void)c;
	if (!x->said)
		lb_err_set(&why, LB_CODE_REFUSED, "%s does not say how its services are: %.120s; --force does not ask",
			x->peer, e ? e->text : "it has no answer");
	else if (taker > giver)
		lb_err_set(&why, LB_CODE_REFUSED,
			"%s would serve less (services down or sorry: %lld there, %lld here); %s service list says "
			"which, "
			"--force moves it all the same",
			x->away ? x->peer : "this node", x->lost, here, x->away ? "lbctl --peer" : "lbctl");
	end(x, !x->said || taker > giver ? &why : NULL);
}

static const struct ctl_conv_calls calls = { .line = take_row, .over = take_end };

bool ctl_fit_ask(struct ctl_fit *x)
{
	struct lb_err e;
	char name[LB_COMMAND_NAMELEN];
	if (ctl_sync_no_talk(x->env, &e) || strcmp(x->env->sync->conf.peer, x->peer) != 0)
		return false;
	x->said = false;
	x->conv = ctl_talk_ask(x->env->talk,
		json_pack("{s:s, s:s, s:s, s:b}", "talk", "command", "level", "observe", "user", "failover", "core", 1),
		&calls, x, &e);
	if (!x->conv)
		return false;
	ctl_conv_put(x->conv, json_pack("{s:i, s:s, s:{}}", "id", 1, "cmd",
				      lb_command_name(&lb_commands[LB_COMMAND_STATUS], '.', name), "args"));
	ctl_conv_end(x->conv);
	return true;
}

void ctl_fit_stop(struct ctl_fit *x)
{
	if (x->conv)
		ctl_conv_close(x->conv);
	x->conv = NULL;
}

void ctl_fit_late(struct ctl_fit *x, struct lb_err *e)
{
	ctl_fit_stop(x);
	lb_err_set(e, LB_CODE_REFUSED, "%s does not say within %us how its services are; --force does not ask", x->peer,
		CTL_FIT_MS / 1000);
}

int ctl_fit_owned(const struct ctl_env *env, struct lb_err *e)
{
	const struct model_vrrps *vs = env->vrrps;
	bool master = false;
	for (uint32_t i = 0; i < vs->n; i++) {
		bool here = vs->v[i].spoke && vs->v[i].state.state == VRRP_STATE_MASTER;
		if (here && ctl_vrrp_owned(env, &vs->v[i], e))
			return -1;
		master |= here;
	}
	for (uint32_t i = 0; i < env->peers->n * vs->n && !master; i++) {
		const struct model_peer *peer = &env->peers->v[i / vs->n];
		const struct model_vrrp *v = &vs->v[i % vs->n];
		const struct model_theirs *t = model_peer_theirs(peer, v->conf->id);
		if (t && t->state == VRRP_STATE_MASTER && t->prio == VRRP_PRIO_OWNER)
			return lb_err_set(e, LB_CODE_REFUSED,
				"vrrp %s has priority 255 on node %s: that always has the addresses", v->cfg->name,
				peer->name);
	}
	return 0;
}

bool ctl_fit_owned_there(const struct model_vrrps *vs, const struct model_peer *peer, const struct model_vrrp *v)
{
	for (uint32_t i = 0; i < vs->n; i++) {
		const struct model_vrrp *w = &vs->v[i];
		bool together = w == v || (v->cfg->group[0] && strcmp(w->cfg->group, v->cfg->group) == 0);
		const struct model_theirs *t = together ? model_peer_theirs(peer, w->conf->id) : NULL;
		if (t && t->prio == VRRP_PRIO_OWNER)
			return true;
	}
	return false;
}

int ctl_fit_nothing(const struct ctl_env *env, struct lb_err *e)
{
	const struct model_vrrps *vs = env->vrrps;
	const struct model_peers *ps = env->peers;
	uint32_t spoke = 0, up = 0;
	for (uint32_t i = 0; i < vs->n; i++)
		spoke += vs->v[i].spoke;
	for (uint32_t i = 0; i < ps->n; i++)
		up += ps->v[i].state == MODEL_PEER_UP;
	if (!vs->n)
		return lb_err_set(e, LB_CODE_REFUSED, "nothing to hand over: no VRRP instance is configured");
	if (!spoke)
		return lb_err_set(e, LB_CODE_FAILED, "the process of VRRP is not there now; try again in a moment");
	if (!ps->n)
		return lb_err_set(e, LB_CODE_REFUSED,
			"this node is master of nothing, and without a second path (cluster.key_file) it cannot ask "
			"for anything: run it on the master");
	if (!up)
		return lb_err_set(e, LB_CODE_REFUSED,
			"this node is master of nothing, and node %s is %s: there is nobody to take from",
			ps->v[0].name, model_peer_states[ps->v[0].state]);
	return lb_err_set(e, LB_CODE_REFUSED, "nothing to hand over: neither this node nor %s is master of anything",
		ps->n == 1 ? ps->v[0].name : "another one");
}
