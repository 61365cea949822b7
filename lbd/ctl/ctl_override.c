/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_override.h"

#include "common/commands.h"
#include "common/time.h"
#include "lbd/ctl/ctl_vrrp.h"

#include <stdio.h>
#include <string.h>

uint32_t ctl_backend_of(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct lb_err e;
	uint32_t b = model_object_find(env->model, ctl_arg_str(rq, "backend"), &e);
	if (b == MODEL_NONE)
		ctl_reply_error(r, &e);
	return b;
}

static struct override_who who_of(struct ctl_env *env, const struct ctl_request *rq)
{
	return (struct override_who){ rq->peer->user, ctl_arg_str(rq, "reason"), env->ops->wall_ms(env->arg),
		env->ops->boot(env->arg), ctl_arg_ms(rq, "for"), false };
}

/* The closing line of a change says what is now true, with what could go wrong about it. */
static void override_done(struct ctl_env *env, const struct ctl_request *rq, const char *object,
	enum override_kind kind, const char *text, struct ctl_reply *r)
{
	struct override_who who = who_of(env, rq);
	char line[500], alone[120] = "";
	env->ops->override_changed(env->arg, object, kind, &who);
	if (env->words && env->sync->conf.n_paths && override_words_alone(env->words, env->overrides, object, kind))
		snprintf(alone, sizeof(alone),
			" (on this node alone: two nodes tell each other of %d overrides at most)", OVERRIDE_WORDS_MAX);
	snprintf(line, sizeof(line), "%s%s", text, alone);
	ctl_reply_end_stored(r, line, env->ops->overrides_stored, env->arg);
}

static const char *until(int64_t for_ms, char out[48])
{
	char d[LB_DURATION_STRLEN];
	out[0] = '\0';
	if (for_ms)
		snprintf(out, 48, " for %s", lb_duration_str(for_ms, d));
	return out;
}

static void set_state(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r, enum config_state state)
{
	uint32_t b = ctl_backend_of(env, rq, r);
	if (b == MODEL_NONE)
		return;
	const struct model_backend *be = &env->model->backends[b];
	const struct config_service *s = env->model->services[be->service].cfg;
	const char *object = ctl_arg_str(rq, "backend");
	struct override_who who = who_of(env, rq);
	char text[300], t[48], d[LB_DURATION_STRLEN];
	int err = 0;
	/* enabling what the configuration enables needs no override: the old one goes */
	if (state == CONFIG_STATE_ENABLED && be->cfg->state == CONFIG_STATE_ENABLED)
		(void)overrides_clear_state(env->overrides, object);
	else
		err = overrides_set_state(env->overrides, object, state, &who);
	if (err) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	if (state == CONFIG_STATE_ENABLED)
		snprintf(text, sizeof(text), "backend %s is enabled%s: health and weight decide", object,
			until(who.for_ms, t));
	else if (state == CONFIG_STATE_MAINT)
		snprintf(text, sizeof(text), "backend %s is in maintenance%s: no flows, no row in the kernel", object,
			until(who.for_ms, t));
	else if (s->drain_then == CONFIG_THEN_CUT && s->drain_ms)
		snprintf(text, sizeof(text), "backend %s drains%s: no new flows, the ones it has may go on for %s",
			object, until(who.for_ms, t), lb_duration_str(s->drain_ms, d));
	else
		snprintf(text, sizeof(text), "backend %s drains%s: no new flows, the ones it has go on until they end",
			object, until(who.for_ms, t));
	override_done(env, rq, object, OVERRIDE_STATE, text, r);
}

void ctl_override_enable(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	set_state(env, rq, r, CONFIG_STATE_ENABLED);
}

void ctl_override_drain(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	set_state(env, rq, r, CONFIG_STATE_DRAIN);
}

void ctl_override_maint(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	set_state(env, rq, r, CONFIG_STATE_MAINT);
}

/* Weights are whole numbers: what a share comes to, where it may not be what one would think. */
static void say_weight(struct ctl_env *env, const struct ctl_request *rq, const struct model_backend *b, char out[300])
{
	const char *object = ctl_arg_str(rq, "backend");
	struct override_who who = who_of(env, rq);
	struct model_backend with = *b;
	char t[48];
	with.ov = overrides_find(env->overrides, object);
	int n = snprintf(
		out, 300, "backend %s has weight %.20s%s", object, ctl_arg_str(rq, "weight"), until(who.for_ms, t));
	uint32_t w = model_admin_weight(&with), all = b->cfg->weight;
	bool share = with.ov && with.ov->weight_kind == OVERRIDE_WEIGHT_PERCENT;
	if (share)
		snprintf(out + n, 300 - (size_t)n, ", which is %u of %u%s", w, all,
			w && w == all && with.ov->weight != 100
				? ": weights are whole numbers; for shares give the backends "
				  "larger ones in the file, such as 100"
				: "");
	else
		snprintf(out + n, 300 - (size_t)n, " (configured: %u)", b->cfg->weight);
}

void ctl_override_weight(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t b = ctl_backend_of(env, rq, r);
	struct lb_weight w;
	if (b == MODEL_NONE)
		return;
	const char *object = ctl_arg_str(rq, "backend");
	struct override_who who = who_of(env, rq);
	char text[300];
	if (lb_weight_parse(ctl_arg_str(rq, "weight"), &w)) {
		ctl_reply_end(r, LB_CODE_USAGE, "a weight is 0..65535, a share like 50%, or auto", NULL);
		return;
	}
	if (w.kind == LB_WEIGHT_AUTO)
		(void)overrides_clear_weight(env->overrides, object);
	else if (overrides_set_weight(env->overrides, object,
			 w.kind == LB_WEIGHT_SHARE ? OVERRIDE_WEIGHT_PERCENT : OVERRIDE_WEIGHT_VALUE, w.value, &who)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	const struct model_backend *be = &env->model->backends[b];
	if (w.kind == LB_WEIGHT_AUTO)
		snprintf(text, sizeof(text), "backend %s has its configured weight %u", object, be->cfg->weight);
	else
		say_weight(env, rq, be, text);
	override_done(env, rq, object, OVERRIDE_WEIGHT, text, r);
}

/* What an operator says of health; state goes first, so a drained backend is told of. */
void ctl_override_force(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t b = ctl_backend_of(env, rq, r);
	if (b == MODEL_NONE)
		return;
	const char *object = ctl_arg_str(rq, "backend"), *word = ctl_arg_str(rq, "force");
	const struct model_backend *be = &env->model->backends[b];
	enum override_force force = strcmp(word, "up") == 0 ? OVERRIDE_FORCE_UP : OVERRIDE_FORCE_DOWN;
	struct override_who who = who_of(env, rq);
	char text[300], t[48];
	bool automatic = strcmp(word, "auto") == 0;
	if (automatic) {
		(void)overrides_clear_force(env->overrides, object);
	} else if (overrides_set_force(env->overrides, object, force, &who)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	if (automatic)
		snprintf(text, sizeof(text), "backend %s: its checks decide again", object);
	else
		snprintf(text, sizeof(text), "backend %s is forced %s%s, whatever its checks say%s", object, word,
			until(who.for_ms, t),
			model_admin_state(be) == CONFIG_STATE_MAINT   ? " (it stays in maintenance)"
			: model_admin_state(be) == CONFIG_STATE_DRAIN ? " (it goes on draining)"
								      : "");
	override_done(env, rq, object, OVERRIDE_FORCE, text, r);
}

void ctl_override_service(
	struct ctl_env *env, struct ctl_request *rq, uint32_t service, bool maint, struct ctl_reply *r)
{
	const char *name = env->model->services[service].cfg->name;
	struct override_who who = who_of(env, rq);
	char object[96], text[300], t[48];
	snprintf(object, sizeof(object), OVERRIDE_SERVICE "%s", name);
	if (!maint) {
		(void)overrides_clear_state(env->overrides, object);
	} else if (overrides_set_state(env->overrides, object, CONFIG_STATE_MAINT, &who)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	if (maint)
		snprintf(text, sizeof(text), "service %s is in maintenance%s: no flows, no backend in the kernel", name,
			until(who.for_ms, t));
	else
		snprintf(text, sizeof(text), "service %s is enabled: its backends decide", name);
	override_done(env, rq, object, OVERRIDE_STATE, text, r);
}

void ctl_override_priority(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	const struct model_vrrp *v = ctl_vrrp_of(env, ctl_arg_str(rq, "vrrp"), r);
	struct override_who who = who_of(env, rq);
	char object[80], text[300], t[48];
	uint8_t prio;
	if (!v)
		return;
	const char *name = v->cfg->name, *group = v->cfg->group;
	struct lb_err e;
	if (lb_priority_parse(ctl_arg_str(rq, "priority"), &prio)) {
		ctl_reply_end(r, LB_CODE_USAGE, "a priority is 1..254, or auto", NULL);
		return;
	}
	if (prio && ctl_vrrp_owned(env, v, &e)) {
		ctl_reply_error(r, &e);
		return;
	}
	snprintf(object, sizeof(object), OVERRIDE_VRRP "%s", name);
	if (!prio) {
		(void)overrides_clear_prio(env->overrides, object);
	} else if (overrides_set_prio(env->overrides, object, prio, &who)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	if (!prio)
		snprintf(text, sizeof(text), "vrrp %s has its configured priority %u%s%s%s", name, v->cfg->priority,
			group[0] ? "; group " : "", group, group[0] ? " has one for all its instances" : "");
	else
		snprintf(text, sizeof(text), "vrrp %s has priority %u%s%s%s (configured: %u)", name, prio,
			until(who.for_ms, t), group[0] ? ", with all of group " : "", group, v->cfg->priority);
	override_done(env, rq, object, OVERRIDE_PRIO, text, r);
}
