/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_sync.h"

#include "common/proto.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_talk.h"

#include <stdio.h>
#include <string.h>

/* Why there is no copy, and what is missing. */
static const char *const why_not[] = {
	[CONFIG_FLOWS_COPIED] = "not yet",
	[CONFIG_FLOWS_ALONE] = "there is no other node: see cluster in lbd.yaml",
	[CONFIG_FLOWS_MANY] = "that is between two nodes only, and cluster.nodes has more",
	[CONFIG_FLOWS_NO_KEY] = "cluster.key_file is missing: on both nodes the same file, openssl rand -hex 32",
	[CONFIG_FLOWS_NO_SELF] = "this node is not under cluster.nodes, tell its name with lbd --node",
	[CONFIG_FLOWS_NO_SERVICE] = "there is no service",
	[CONFIG_FLOWS_OFF] = "sync is off in all services",
	[CONFIG_FLOWS_KERNEL] = "the kernel does it by itself (sync.multicast), see ipvsadm -L --daemon",
};
_Static_assert(sizeof(why_not) / sizeof(why_not[0]) == CONFIG_FLOWS_KERNEL + 1, "one text per reason");

/* What to do about a reason of the process. */
static const struct {
	const char *reason, *help;
} helps[] = {
	{ "key_mismatch", "copy the file cluster.key_file names from one node to the other, then lbctl daemon reload" },
	{ "refused", "is lbd running there, with this cluster? lbctl peer status" },
	{ "silent", "is it up, and cluster.port open between the nodes? lbctl peer status" },
	{ "version", "the nodes run versions of lbd that do not know each other: upgrade the older one" },
};

static bool copied(const struct ctl_env *env)
{
	return env->sync && model_sync_flows(env->sync);
}

static const char *help_of(const struct model_sync *s)
{
	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++)
		if (strcmp(helps[i].reason, s->state.reason) == 0)
			return helps[i].help;
	return "";
}

static bool is_down(const struct model_sync *s)
{
	return s->spoke && s->state.is == SYNC_IS_DOWN;
}

int ctl_sync_not(const struct ctl_env *env, struct lb_err *e)
{
	return lb_err_set(e, LB_CODE_NOT_FOUND, "flows are not copied: %s", why_not[config_flows(env->model->config)]);
}

int ctl_sync_in_sync(const struct ctl_env *env)
{
	if (!copied(env))
		return -1;
	return model_sync_answered(env->sync) && env->sync->state.is == SYNC_IS_SYNC;
}

/* ---- sync status ---- */

static json_t *bulk(const struct model_sync *s, const struct sync_msg_stats *st)
{
	char text[48];
	uint64_t all = st->bulk_all + st->sent_all, done = st->bulk_done + st->sent_done;
	if (s->state.is != SYNC_IS_BULK || !all)
		return NULL;
	snprintf(text, sizeof(text), "%llu of %llu", (unsigned long long)done, (unsigned long long)all);
	return json_string(text);
}

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static void put_stats(json_t *row, const struct model_sync *s, enum sync_kind kind)
{
	const struct sync_msg_stats *st = &s->stats[kind];
	uint32_t lag_ms;
	if (!s->has_stats[kind])
		return;
	if (model_sync_kind_lag(s, kind, &lag_ms))
		ctl_put(row, "lag", ctl_seconds(lag_ms));
	ctl_put(row, "local_flows", count(st->local));
	ctl_put(row, "peer_flows", count(st->peer));
	ctl_put(row, "sent", count(st->sent));
	ctl_put(row, "received", count(st->received));
	ctl_put(row, "injected", count(st->injected));
	ctl_put(row, "refused", count(st->refused));
	ctl_put(row, "lost", count(st->lost));
	if (kind == SYNC_IPVS)
		ctl_put(row, "unsure", count(st->unsure));
	ctl_put(row, "bulk", bulk(s, st));
	ctl_put(row, "resyncs", count(st->resyncs));
	ctl_put(row, "full", count(st->full));
}

static void put_text(json_t *row, const char *key, const char *text)
{
	if (text[0])
		ctl_put(row, key, json_string(text));
}

static json_t *alarms(const struct model_sync *s)
{
	json_t *list = s->lagging || s->mismatch || s->full ? json_array() : NULL;
	if (s->lagging)
		json_array_append_new(list, json_string(MODEL_SYNC_LAGGING));
	if (s->mismatch)
		json_array_append_new(list, json_string(MODEL_SYNC_MISMATCH));
	if (s->full)
		json_array_append_new(list, json_string(MODEL_SYNC_FULL));
	return list;
}

static json_t *sync_row(const struct model_sync *s, enum sync_kind kind)
{
	bool up = s->spoke && (s->state.is == SYNC_IS_SYNC || s->state.is == SYNC_IS_BULK);
	json_t *row = json_object();
	if (!row)
		return NULL;
	ctl_put(row, "kind", json_string(sync_kinds[kind]));
	ctl_put(row, "state", json_string(model_sync_word(s)));
	put_stats(row, s, kind);
	ctl_put(row, "peer", json_string(s->conf.peer));
	ctl_put(row, "since", ctl_time(s->since_wall_ms));
	if (up)
		ctl_put(row, "configuration", json_string(s->state.same_config ? "same" : "differs"));
	if (is_down(s)) {
		put_text(row, "reason", s->state.reason);
		put_text(row, "text", s->state.text);
		put_text(row, "help", help_of(s));
	}
	put_text(row, "trouble", s->state.trouble);
	put_text(row, "version", s->state.version);
	ctl_put(row, "alarms", alarms(s));
	return row;
}

/* An operator's word holds on the node that heard it. Who reads this may be on either (--peer), so nodes have names. */
static void paused_words(const struct model_sync *s, char *out, size_t size)
{
	const char *self = s->conf.self, *peer = s->conf.peer, *on = model_sync_held(s) ? peer : self;
	if (s->state.held && on == self)
		snprintf(out, size, "paused by an operator on %s and on %s: `lbctl sync resume` on both goes on", self,
			peer);
	else
		snprintf(out, size, "paused by an operator on %s: `lbctl sync resume` on %s goes on", on, on);
}

/* How it stands, in one line. */
static void words(const struct model_sync *s, char *out, size_t size)
{
	const char *why = s->state.text[0] ? s->state.text : s->state.reason, *help = help_of(s);
	uint64_t done, all;
	if (!s->spoke) {
		snprintf(out, size, "the process that copies flows has not spoken yet; try again in a moment");
		return;
	}
	switch (s->state.is) {
	case SYNC_IS_OFF: snprintf(out, size, "there is nothing to copy"); return;
	case SYNC_IS_DOWN:
		snprintf(out, size, "no link to %s%s%s%s%s", s->conf.peer, why[0] ? ": " : "", why, help[0] ? "; " : "",
			help);
		return;
	case SYNC_IS_BULK:
		if (model_sync_progress(s, &done, &all))
			snprintf(out, size, "copying all flows with %s, %llu of %llu", s->conf.peer,
				(unsigned long long)done, (unsigned long long)all);
		else
			snprintf(out, size, "copying all flows with %s", s->conf.peer);
		return;
	case SYNC_IS_SYNC: snprintf(out, size, "in sync with %s", s->conf.peer); return;
	case SYNC_IS_PAUSED: paused_words(s, out, size); return;
	}
}

int ctl_sync_no_talk(const struct ctl_env *env, struct lb_err *e)
{
	char text[3 * SYNC_TEXT_MAX];
	const struct model_sync *s = env->sync;
	if (!s || !model_sync_runs(s))
		return lb_err_set(e, LB_CODE_UNREACHABLE, "there is no link to another node: %s",
			why_not[config_flows(env->model->config)]);
	if (env->talk && ctl_talk_is_up(env->talk))
		return 0;
	if (!s->spoke)
		return lb_err_set(e, LB_CODE_UNREACHABLE,
			"the process that has the link to %s has not spoken yet; try again in a moment", s->conf.peer);
	if (!is_down(s))
		return lb_err_set(e, LB_CODE_UNREACHABLE,
			"%s runs an older version of lbd, which does not take commands", s->conf.peer);
	words(s, text, sizeof(text));
	return lb_err_set(e, LB_CODE_UNREACHABLE, "%s", text);
}

void ctl_sync_status(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	char text[3 * SYNC_TEXT_MAX];
	struct lb_err e;
	(void)rq;
	if (!copied(env)) {
		(void)ctl_sync_not(env, &e);
		ctl_reply_end(r, LB_CODE_OK, e.text, NULL);
		return;
	}
	const struct model_sync *s = env->sync;
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++)
		if (k == SYNC_IPVS || s->has_stats[k])
			ctl_reply_row(r, sync_row(s, (enum sync_kind)k));
	words(s, text, sizeof(text));
	size_t n = strlen(text);
	if (s->state.trouble[0])
		snprintf(text + n, sizeof(text) - n, "; %s", s->state.trouble);
	ctl_reply_end(r, LB_CODE_OK, text, NULL);
}

/* ---- orders ---- */

/* done: with the kind of flows in front, and the other node behind. */
static void order(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r, enum sync_do what, const char *done,
	const char *then)
{
	const char *kind = lb_proto_str(rq->args, "kind");
	struct sync_msg_do m = { .what = what };
	char text[3 * SYNC_NAME_MAX + 160];
	struct lb_err e;
	if (!copied(env)) {
		(void)ctl_sync_not(env, &e);
		ctl_reply_end(r, LB_CODE_REFUSED, e.text, NULL);
		return;
	}
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++)
		m.kinds[k] = !kind || strcmp(kind, sync_kinds[k]) == 0;
	if (env->ops->sync_do(env->arg, &m)) {
		ctl_reply_end(r, LB_CODE_FAILED,
			"the process that copies flows is not there now; try again in a moment", NULL);
		return;
	}
	snprintf(text, sizeof(text), "%s%sflows are %s %s%s", kind ? kind : "", kind ? " " : "", done,
		env->sync->conf.peer, then);
	ctl_reply_end(r, LB_CODE_OK, text, NULL);
}

void ctl_sync_resync(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	order(env, rq, r, SYNC_DO_RESYNC, "all copied anew with", "; lbctl sync status says how far it is");
}

void ctl_sync_pause(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	char then[SYNC_NAME_MAX + 40];
	snprintf(then, sizeof(then), " until `lbctl sync resume` on %s", env->sync ? env->sync->conf.self : "");
	order(env, rq, r, SYNC_DO_PAUSE, "not copied with", then);
}

/* Who asks the wrong node hears of it. */
void ctl_sync_resume(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	char text[3 * SYNC_TEXT_MAX], then[2 * SYNC_NAME_MAX + 80] = "";
	if (copied(env) && model_sync_held(env->sync)) {
		words(env->sync, text, sizeof(text));
		ctl_reply_end(r, LB_CODE_REFUSED, text, NULL);
		return;
	}
	if (copied(env) && env->sync->state.held)
		snprintf(then, sizeof(then), " as soon as %s goes on: `lbctl sync resume` on %s", env->sync->conf.peer,
			env->sync->conf.peer);
	order(env, rq, r, SYNC_DO_RESUME, "copied again with", then);
}

/* ---- status ---- */

void ctl_sync_alarms(const struct ctl_env *env, json_t *list)
{
	char text[SYNC_NAME_MAX + 60];
	uint32_t lag_ms;
	const struct model_sync *s = env->sync;
	if (!s || !model_sync_runs(s))
		return;
	(void)model_sync_lag(s, &lag_ms);
	if (s->lagging) {
		snprintf(text, sizeof(text), MODEL_SYNC_LAGGING ": peer/%s is %u.%u s behind", s->conf.peer,
			lag_ms / 1000, lag_ms % 1000 / 100);
		json_array_append_new(list, json_string(text));
	}
	if (s->mismatch) {
		snprintf(text, sizeof(text), MODEL_SYNC_MISMATCH ": peer/%s", s->conf.peer);
		json_array_append_new(list, json_string(text));
	}
	if (s->full)
		json_array_append_new(list, json_string(MODEL_SYNC_FULL ": net.netfilter.nf_conntrack_max is reached"));
}

void ctl_sync_findings(const struct ctl_env *env, json_t *list)
{
	const struct model_sync *s = env->sync;
	char object[SYNC_NAME_MAX + 8];
	if (s && model_sync_runs(s) && s->spoke && s->state.version[0] && !s->state.same_config) {
		snprintf(object, sizeof(object), "peer/%s", s->conf.peer);
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "object", object, "text",
				      "runs another configuration than this node", "fix", "lbctl peer diff"));
	}
	bool runs = copied(env) || (s && s->runs == CONFIG_FLOWS_KERNEL);
	if (runs && s->state.trouble[0])
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "object", "sync", "text", env->sync->state.trouble));
}

json_t *ctl_sync_role(const struct ctl_env *env)
{
	uint64_t done, all;
	uint32_t lag_ms;
	if (!copied(env))
		return NULL;
	const struct model_sync *s = env->sync;
	json_t *o = json_pack("{s:s, s:s}", "state", model_sync_word(s), "peer", s->conf.peer);
	if (model_sync_lag(s, &lag_ms))
		ctl_put(o, "lag", ctl_seconds(lag_ms));
	if (model_sync_progress(s, &done, &all)) {
		ctl_put(o, "done", count(done));
		ctl_put(o, "all", count(all));
	}
	if (is_down(s))
		put_text(o, "reason", s->state.reason);
	return o;
}
