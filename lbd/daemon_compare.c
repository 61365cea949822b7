/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lbctl config diff`: what an apply would change, of the configuration and in the kernel. */
#include "common/clock_io.h"
#include "lbd/daemon_apply.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_rooms.h"
#include "lbd/plan.h"

#include <stdio.h>

static void ops_rows(struct daemon_apply *a, struct ipvs_ops *ops)
{
	char text[IPVS_OP_STRLEN];
	lb_vec_foreach (op, &ops->ops)
		ctl_reply_row(a->reply, json_pack("{s:s, s:s}", "op", "kernel", "object", ipvs_op_str(op, text)));
	lb_vec_clear(&ops->ops);
}

/* The candidate is planned like the real thing and thrown away; target ids it would use are not consumed. */
static void compare_ops(struct daemon *d, struct model *m)
{
	struct ipvs_ops ops = { 0 };
	struct ipvs_row row = { 0 };
	struct lb_time now = lb_clock_now();
	for (uint32_t s = model_next_dirty(m); s != MODEL_NONE; s = model_next_dirty(m)) {
		model_settle(m, s, now, lb_clock_wall_ms(), NULL, NULL);
		for (uint32_t i = 0; i < m->services[s].cfg->n_listens; i++)
			if (plan_listener(m, s, i, &row) == 0)
				(void)ipvs_preview(d->ipvs, &row, &ops);
		ops_rows(d->apply, &ops);
	}
	for (uint32_t i = 0; i < d->model->n_listeners; i++)
		if (model_listener_service(m, &d->model->listeners[i].key) == MODEL_NONE)
			(void)ipvs_preview_drop(d->ipvs, &d->model->listeners[i].key, &ops);
	ops_rows(d->apply, &ops);
	lb_vec_done(&ops.ops);
	ipvs_row_done(&row);
}

void daemon_apply_compare(struct daemon *d, struct config *c)
{
	struct daemon_apply *a = d->apply;
	struct lb_err e;
	if (a->applicable && daemon_vrrp_prepare(d, c, &e)) {
		config_free(c);
		daemon_apply_reject(d, e.code, e.text);
		return;
	}
	const char *why = a->both ? daemon_apply_not_on_both(d, c) : NULL;
	daemon_vrrp_unprepare(d); /* no longer than needed: keys */
	if (why) {
		config_free(c);
		daemon_apply_finish(d, LB_CODE_REFUSED, why, NULL);
		return;
	}
	if (config_diff(d->model->config, c, daemon_apply_change, a) < 0) {
		config_free(c);
		daemon_apply_finish(d, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	daemon_overrides_lost(d, c, &a->lost);
	char absent[240] = "";
	if (a->applicable)
		daemon_cards_note(c, absent, sizeof(absent));
	if (a->with_ops && a->reply) {
		uint32_t next_id = d->next_target_id;
		struct model *m = daemon_model_build(d, c, &next_id);
		if (m)
			compare_ops(d, m);
		model_free(m);
	} else {
		config_free(c);
	}
	bool same = a->changes[0] + a->changes[1] + a->changes[2] == 0;
	char text[sizeof(a->message) + sizeof(a->lost) + sizeof(absent)];
	if (a->lost.text[0] && !a->message[0])
		snprintf(text, sizeof(text), "It drops overrides, since " DAEMON_LOST_WHY ": %s%s%s", a->lost.text,
			absent[0] ? "; " : "", absent);
	else if (absent[0] && !a->message[0])
		snprintf(text, sizeof(text), "%s", absent);
	else /* of another node, whose overrides are not asked for */
		snprintf(text, sizeof(text), "%s", a->message);
	json_t *extra = json_pack("{s:o}", "summary", daemon_apply_summary(a));
	char sha[GENERATION_SHA_LEN + 1];
	if (extra && a->applicable &&
		daemon_text_sha256(&a->text, sha) == 0) /* so that an apply can name what was shown */
		json_object_set_new(extra, "digest", json_string(sha));
	daemon_apply_finish(d, same ? LB_CODE_OK : LB_CODE_NO, text[0] ? text : NULL, extra);
}
