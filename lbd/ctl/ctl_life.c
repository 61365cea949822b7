/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_life.h"

#include "lbd/ctl/ctl_rows.h"

#include <stdio.h>
#include <stdlib.h>

void ctl_life_confirm(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	env->ops->confirm(env->arg, rq->peer, r);
}

void ctl_life_rollback(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	env->ops->rollback(env->arg, (uint32_t)lb_proto_int(rq->args, "generation", 0), rq->peer, r);
}

/* ---- history ---- */

static void history_row(const struct ctl_env *env, const struct generation *g, struct ctl_reply *r)
{
	json_t *row = json_object();
	ctl_put(row, "generation", json_integer(g->number));
	ctl_put(row, "state", json_string(generation_states[g->state]));
	ctl_put(row, "runs", json_boolean(g->number == env->generation));
	ctl_put(row, "time", ctl_time(g->wall_ms));
	ctl_put(row, "user", json_string(g->by));
	if (g->message[0])
		ctl_put(row, "message", json_string(g->message));
	if (g->why[0])
		ctl_put(row, "why", json_string(g->why));
	ctl_put(row, "digest", json_string(g->sha256));
	ctl_reply_row(r, row);
}

static void damaged_row(uint32_t number, struct ctl_reply *r)
{
	ctl_reply_row(r, json_pack("{s:I, s:s, s:b}", "generation", (json_int_t)number, "state", "damaged", "runs", 0));
}

void ctl_life_history(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t damaged[LIFE_HEADS_MAX];
	struct generation *all = calloc(LIFE_HEADS_MAX, sizeof(*all));
	size_t n = all ? env->ops->generations(env->arg, all, LIFE_HEADS_MAX) : 0;
	size_t n_damaged = env->ops->generations_damaged(env->arg, damaged, LIFE_HEADS_MAX), at = 0;
	(void)rq;
	for (size_t i = 0; i < n; i++) {
		while (at < n_damaged && damaged[at] < all[i].number)
			damaged_row(damaged[at++], r);
		history_row(env, &all[i], r);
	}
	while (at < n_damaged)
		damaged_row(damaged[at++], r);
	ctl_reply_end(r, all ? LB_CODE_OK : LB_CODE_FAILED, all ? NULL : "out of memory", NULL);
	free(all);
}

/* ---- what waits, and what went back ---- */

int ctl_life_confirmed(const struct ctl_env *env)
{
	const struct life *l = env->life;
	return l->gave_up ? -1 : l->phase == LIFE_RUNS;
}

void ctl_life_alarms(const struct ctl_env *env, json_t *list)
{
	char text[400];
	const struct life *l = env->life;
	if (!l || !l->gave_up)
		return;
	snprintf(text, sizeof(text), "config_rolled_back: generation %u (%s)", l->gave_up, l->why);
	json_array_append_new(list, json_string(text));
}

/* The first line of `status`; "" = there is nothing to say. */
static void note_of(const struct ctl_env *env, double left, char *out, size_t size)
{
	const struct life *l = env->life;
	static const char *const verdicts[] = { [LIFE_UNKNOWN] = "",
		[LIFE_VERIFIED] = ", verified",
		[LIFE_DIFFERS] = ", the kernel differs: lbctl kernel diff" };
	out[0] = '\0';
	if (env->life_note && env->life_note[0])
		snprintf(out, size, "generation %u %s", l->runs, env->life_note);
	switch (l->phase) {
	case LIFE_PENDING:
		if (left < 0)
			snprintf(out, size, "generation %u is being applied on both nodes", l->runs);
		else
			snprintf(out, size,
				"generation %u goes back to %u in %.0f s: keep it with lbctl config confirm", l->runs,
				l->base, left);
		return;
	case LIFE_BACK:
	case LIFE_LOOK:
		snprintf(out, size, "generation %u is being rolled back to %u: %s", l->gave_up, l->to, l->why);
		return;
	case LIFE_FORWARD: snprintf(out, size, "generation %u is being loaded", l->to); return;
	case LIFE_STUCK:
		snprintf(out, size,
			"generation %u still runs, it could not be rolled back: see the log, apply another one",
			l->runs);
		return;
	case LIFE_RUNS:
		if (!out[0] && l->gave_up)
			snprintf(out, size, "generation %u runs%s: %u was rolled back: %s", l->runs,
				verdicts[l->verdict], l->gave_up, l->why);
		return;
	}
}

json_t *ctl_life_state(const struct ctl_env *env)
{
	static const char *const words[] = { [LIFE_RUNS] = "confirmed",
		[LIFE_PENDING] = "pending",
		[LIFE_BACK] = "rolling_back",
		[LIFE_LOOK] = "rolling_back",
		[LIFE_STUCK] = "stuck",
		[LIFE_FORWARD] = "loading" };
	const struct life *l = env->life;
	char note[500];
	json_t *o = l ? json_object() : NULL;
	if (!o)
		return NULL;
	double left = life_left(l, env->ops->boot(env->arg));
	note_of(env, left, note, sizeof(note));
	ctl_put(o, "state", json_string(words[l->phase]));
	if (note[0])
		ctl_put(o, "note", json_string(note));
	if (l->base)
		ctl_put(o, "base", json_integer(l->base));
	if (left >= 0)
		ctl_put(o, "left", json_real(left));
	if (l->gave_up) {
		ctl_put(o, "rolled_back", json_integer(l->gave_up));
		ctl_put(o, "why", json_string(l->why));
		if (l->verdict != LIFE_UNKNOWN)
			ctl_put(o, "verified", json_boolean(l->verdict == LIFE_VERIFIED));
	}
	return o;
}
