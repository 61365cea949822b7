/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The handlers, one per row of the command table. They look at the model, change overrides, and leave everything else
 * to the operations of the daemon. */
#include "common/commands.h"
#include "common/time.h"
#include "lbd/ctl/ctl_check.h"
#include "lbd/ctl/ctl_conn.h"
#include "lbd/ctl/ctl_env.h"
#include "lbd/ctl/ctl_failover.h"
#include "lbd/ctl/ctl_kernel.h"
#include "lbd/ctl/ctl_level.h"
#include "lbd/ctl/ctl_life.h"
#include "lbd/ctl/ctl_override.h"
#include "lbd/ctl/ctl_peer.h"
#include "lbd/ctl/ctl_remote.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_run.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/ctl/ctl_top.h"
#include "lbd/ctl/ctl_trace.h"
#include "lbd/ctl/ctl_vrrp.h"
#include "lbd/ctl/ctl_wait.h"
#include "lbd/ctl/ctl_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_PART 32768u /* of a configuration per row: far below the longest line */

typedef void handler_fn(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* The service of an argument; MODEL_NONE after ending the answer. */
static uint32_t service_of(struct ctl_env *env, const char *name, struct ctl_reply *r)
{
	uint32_t s = model_service_find(env->model, name);
	if (s != MODEL_NONE)
		return s;
	struct lb_err e;
	char object[160];
	snprintf(object, sizeof(object), "%s/", name);
	(void)model_object_find(env->model, object, &e); /* for its words: it names the nearest */
	ctl_reply_error(r, &e);
	return MODEL_NONE;
}

/* ---- lists: a service, or some of its backends, per step ---- */

enum list_kind { LIST_SERVICES, LIST_BACKENDS };

struct list {
	struct ctl_env *env;
	uint64_t turn;
	enum list_kind kind;
	uint32_t at, end;
	/* while the backends of a service are told */
	struct ctl_counts counts; /* v NULL: they are not */
	uint32_t backend;
};

static void list_free(void *state)
{
	struct list *l = state;
	ctl_counts_done(&l->counts);
	free(l);
}

static int list_backends(struct list *l, struct ctl_reply *r)
{
	const struct model_service *s = &l->env->model->services[l->at];
	if (!l->counts.v) {
		if (ctl_counts_read(l->env, l->at, &l->counts))
			return -ENOMEM;
		l->backend = 0;
	}
	for (uint32_t i = 0; i < CTL_STEP_ROWS && l->backend < s->cfg->n_backends; i++, l->backend++)
		ctl_reply_row(r, ctl_row_backend(l->env, s->first_backend + l->backend, &l->counts.v[l->backend]));
	if (l->backend < s->cfg->n_backends)
		return 0;
	ctl_counts_done(&l->counts);
	l->at++;
	return 0;
}

static int list_next(struct ctl_reply *r, void *state)
{
	struct list *l = state;
	if (l->turn != l->env->turn) {
		ctl_reply_end(
			r, LB_CODE_REFUSED, "the configuration changed while the list was written: run it again", NULL);
		return 0;
	}
	if (l->at == l->end) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	if (l->kind == LIST_SERVICES) {
		ctl_reply_row(r, ctl_row_service(l->env, l->at++, false));
	} else if (list_backends(l, r)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return 0;
	}
	return 1;
}

static void list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r, enum list_kind kind)
{
	if (ctl_arg_flag(rq, "kernel")) {
		ctl_kernel_rows(env, r);
		return;
	}
	const char *only = ctl_arg_str(rq, "service");
	uint32_t s = only ? service_of(env, only, r) : 0;
	if (s == MODEL_NONE)
		return;
	struct list *l = calloc(1, sizeof(*l));
	if (!l) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	*l = (struct list){
		.env = env, .turn = env->turn, .kind = kind, .at = s, .end = only ? s + 1 : env->model->n_services
	};
	ctl_reply_stream(r, list_next, list_free, l);
}

static void do_service_list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	list(env, rq, r, LIST_SERVICES);
}

static void do_backend_list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	list(env, rq, r, LIST_BACKENDS);
}

static void do_service_show(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t s = service_of(env, ctl_arg_str(rq, "service"), r);
	if (s == MODEL_NONE)
		return;
	ctl_reply_row(r, ctl_row_service(env, s, true));
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

static void do_backend_show(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t b = ctl_backend_of(env, rq, r);
	struct ctl_counts counts;
	if (b == MODEL_NONE)
		return;
	uint32_t s = env->model->backends[b].service;
	if (ctl_counts_read(env, s, &counts)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
		return;
	}
	ctl_reply_row(r, ctl_row_backend(env, b, &counts.v[b - env->model->services[s].first_backend]));
	ctl_counts_done(&counts);
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

static void stats(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r, bool backends)
{
	if (ctl_arg_flag(rq, "kernel")) {
		ctl_kernel_rows(env, r);
		return;
	}
	const char *only = ctl_arg_str(rq, "service");
	uint32_t s = only ? service_of(env, only, r) : MODEL_NONE;
	if (!only || s != MODEL_NONE)
		ctl_kernel_stats(env, s, backends, ctl_arg_flag(rq, "rate"), r);
}

static void do_service_stats(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	stats(env, rq, r, false);
}

static void do_backend_stats(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	stats(env, rq, r, true);
}

static void do_service_enable(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t s = service_of(env, ctl_arg_str(rq, "service"), r);
	if (s != MODEL_NONE)
		ctl_override_service(env, rq, s, false, r);
}

static void do_service_maint(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t s = service_of(env, ctl_arg_str(rq, "service"), r);
	if (s != MODEL_NONE)
		ctl_override_service(env, rq, s, true, r);
}

static void do_service_zero(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t s = service_of(env, ctl_arg_str(rq, "service"), r);
	if (s != MODEL_NONE)
		ctl_kernel_zero(env, s, r);
}

/* ---- checks ---- */

static void do_check_list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	ctl_check_list(env, ctl_arg_flag(rq, "names"), r);
}

static void do_check_show(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	ctl_check_show(env, ctl_arg_str(rq, "check"), rq->peer->level == CTL_LEVEL_ADMIN, r);
}

static void do_check_history(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	ctl_check_history(env, ctl_arg_str(rq, "check"), ctl_arg_str(rq, "backend"),
		(uint32_t)lb_proto_int(rq->args, "last", 0), r);
}

static void do_check_run(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	uint32_t b = ctl_backend_of(env, rq, r);
	if (b != MODEL_NONE)
		ctl_run(env, b, r);
}

/* ---- VRRP ---- */

static void do_vrrp_list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	(void)rq;
	ctl_vrrp_list(env, r);
}

static void do_vrrp_show(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	const char *name = ctl_arg_str(rq, "vrrp");
	if (name)
		ctl_vrrp_show(env, name, r);
	else
		ctl_vrrp_list(env, r);
}

static void do_vrrp_resign(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	ctl_vrrp_resign(env, ctl_arg_str(rq, "vrrp"), r);
}

static void do_vrrp_announce(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	ctl_vrrp_announce(env, ctl_arg_str(rq, "vrrp"), r);
}

/* ---- configuration ---- */

void ctl_texts_add(struct ctl_texts *t, const char *name, size_t name_n, const char *text, size_t n)
{
	struct ctl_text *one = lb_vec_push(&t->v);
	if (!one) {
		t->text.bad = true;
		return;
	}
	one->name = t->names.n;
	lb_text_put(&t->names, name, name_n);
	lb_text_put(&t->names, "", 1);
	lb_text_put(&t->text, text, n);
	one->end = t->text.n;
	t->text.bad |= t->names.bad;
}

static void texts_done(struct ctl_texts *t)
{
	lb_text_done(&t->text);
	lb_text_done(&t->names);
	lb_vec_done(&t->v);
}

struct text_stream {
	struct ctl_texts all;
	size_t at, file, to; /* bytes; of all.v: the one that is shown, and behind the last */
};

static void text_free(void *state)
{
	struct text_stream *t = state;
	texts_done(&t->all);
	free(t);
}

static const char *text_name(const struct ctl_texts *t, size_t i)
{
	return t->names.s + t->v.v[i].name;
}

/* Only the file of that name, or of that last part of a name. */
static int text_only(struct text_stream *t, const char *name, struct lb_err *e)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < t->all.v.n; i++) {
		const char *is = text_name(&t->all, i);
		size_t len = strlen(is);
		if (strcmp(is, name) != 0 && !(len > n && is[len - n - 1] == '/' && strcmp(is + len - n, name) == 0))
			continue;
		t->at = i ? t->all.v.v[i - 1].end : 0;
		t->file = i;
		t->to = i + 1;
		return 0;
	}
	return lb_err_set(
		e, LB_CODE_NOT_FOUND, "none of its %zu files is %s (lbctl config show names them)", t->all.v.n, name);
}

/* Parts end at a line, or between two characters. */
static int text_next(struct ctl_reply *r, void *state)
{
	struct text_stream *t = state;
	if (t->file == t->to) {
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
		return 0;
	}
	const char *from = t->all.text.s ? t->all.text.s + t->at : "";
	size_t left = t->all.v.v[t->file].end - t->at, n = left < TEXT_PART ? left : TEXT_PART;
	const char *nl = n < left ? memrchr(from, '\n', n) : NULL;
	if (nl)
		n = (size_t)(nl + 1 - from);
	while (!nl && n < left && n > 1 && ((unsigned char)from[n] & 0xc0) == 0x80)
		n--; /* a line without end: in front of a character */
	json_t *row = json_object();
	ctl_put(row, "file", json_string(text_name(&t->all, t->file)));
	ctl_put(row, "text", json_stringn(from, n));
	ctl_reply_row(r, row);
	t->at += n;
	t->file += n == left;
	return 1;
}

/* What is asked for. 0, or -1 and *e. */
static int texts_of(struct ctl_env *env, const struct ctl_request *rq, struct text_stream *t, struct lb_err *e)
{
	uint32_t generation = (uint32_t)lb_proto_int(rq->args, "generation", 0);
	const char *only = ctl_arg_str(rq, "file");
	bool admin = rq->peer->level == CTL_LEVEL_ADMIN;
	if (!admin && !ctl_arg_flag(rq, "effective"))
		return lb_err_set(e, LB_CODE_DENIED,
			"a configuration may hold passwords: as it was written it is for members of the group %s; "
			"`config show --effective` leaves them out",
			env->model->config->admin_group);
	if (ctl_arg_flag(rq, "effective")) {
		struct lb_text text = LB_TEXT_INIT;
		if (only || (generation && generation != env->generation))
			return lb_err_set(e, LB_CODE_USAGE, "--effective shows all of the generation that runs (%u)",
				env->generation);
		(admin ? config_print : config_print_hidden)(env->model->config, &text);
		ctl_texts_add(&t->all, env->config_path, strlen(env->config_path), text.s ? text.s : "", text.n);
		t->all.text.bad |= text.bad;
		lb_text_done(&text);
	} else if (env->ops->generation_texts(env->arg, generation, &t->all, e)) {
		return -1;
	}
	t->to = t->all.v.n;
	return t->all.text.bad ? lb_err_set(e, LB_CODE_FAILED, "out of memory") : only ? text_only(t, only, e) : 0;
}

static void do_config_show(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct text_stream *t = calloc(1, sizeof(*t));
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	if (t && texts_of(env, rq, t, &e) == 0) {
		ctl_reply_stream(r, text_next, text_free, t);
		return;
	}
	if (t)
		text_free(t);
	ctl_reply_error(r, &e);
}

static void apply(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r, enum ctl_apply_kind kind)
{
	const struct ctl_apply what = {
		.kind = kind,
		.fd = rq->fd,
		.name = ctl_arg_str(rq, "file"),
		.generation = (uint32_t)lb_proto_int(rq->args, "generation", 0),
		.digest = ctl_arg_str(rq, "if_digest"),
		.with_ops = ctl_arg_flag(rq, "ops"),
		.both = ctl_arg_flag(rq, "both"),
		.if_here = (uint32_t)rq->if_generation,
		.if_there = (uint32_t)lb_proto_int(rq->args, "if_there", 0),
		.confirm_ms = ctl_arg_ms(rq, "confirm"),
		.message = ctl_arg_str(rq, "message"),
	};
	if (what.confirm_ms > CTL_CONFIRM_MAX_MS) {
		ctl_reply_end(r, LB_CODE_USAGE, "--confirm takes a day at most", NULL);
		return;
	}
	rq->fd = -1;
	env->ops->apply(env->arg, &what, rq->peer, r);
}

static void do_config_diff(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	apply(env, rq, r, CTL_DIFF);
}

static void do_config_apply(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	apply(env, rq, r, CTL_APPLY);
}

static void do_daemon_reload(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	apply(env, rq, r, CTL_RELOAD);
}

static void do_config_export(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	(void)rq;
	ctl_kernel_rows(env, r);
}

/* ---- kernel and daemon ---- */

static void do_kernel_repair(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	(void)rq;
	env->ops->repair(env->arg, r);
}

static void do_status(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	json_t *row = ctl_row_status(env);
	bool alarm = json_array_size(json_object_get(row, "alarms")) > 0;
	ctl_reply_row(r, row);
	ctl_reply_end(r, alarm && ctl_arg_flag(rq, "check") ? LB_CODE_NO : LB_CODE_OK, NULL, NULL);
}

static void do_daemon_info(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	(void)rq;
	ctl_reply_row(r, ctl_row_daemon(env));
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

static void do_daemon_restart(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	(void)rq;
	ctl_reply_end(r, LB_CODE_OK,
		"the daemon ends; its service manager starts it again, the kernel keeps what it has, addresses too",
		NULL);
	env->ops->exit(env->arg, CTL_EXIT_RESTART);
}

static void do_daemon_stop(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	if (ctl_arg_flag(rq, "flush")) {
		env->ops->exit_flush(env->arg, r);
		return;
	}
	ctl_reply_end(r, LB_CODE_OK,
		"the daemon has stopped; the kernel goes on forwarding, nothing checks the backends", NULL);
	env->ops->exit(env->arg, CTL_EXIT_STOP);
}

static void do_wait(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	ctl_wait(env, ctl_arg_str(rq, "object"), ctl_arg_str(rq, "condition"), ctl_arg_ms(rq, "timeout"), r);
}

static handler_fn *const handlers[] = {
	[LB_COMMAND_STATUS] = do_status,
	[LB_COMMAND_TOP] = ctl_top,
	[LB_COMMAND_SERVICE_LIST] = do_service_list,
	[LB_COMMAND_SERVICE_SHOW] = do_service_show,
	[LB_COMMAND_SERVICE_STATS] = do_service_stats,
	[LB_COMMAND_SERVICE_ENABLE] = do_service_enable,
	[LB_COMMAND_SERVICE_MAINT] = do_service_maint,
	[LB_COMMAND_SERVICE_ZERO] = do_service_zero,
	[LB_COMMAND_BACKEND_LIST] = do_backend_list,
	[LB_COMMAND_BACKEND_SHOW] = do_backend_show,
	[LB_COMMAND_BACKEND_STATS] = do_backend_stats,
	[LB_COMMAND_BACKEND_ENABLE] = ctl_override_enable,
	[LB_COMMAND_BACKEND_DRAIN] = ctl_override_drain,
	[LB_COMMAND_BACKEND_MAINT] = ctl_override_maint,
	[LB_COMMAND_BACKEND_WEIGHT] = ctl_override_weight,
	[LB_COMMAND_BACKEND_FORCE] = ctl_override_force,
	[LB_COMMAND_CHECK_LIST] = do_check_list,
	[LB_COMMAND_CHECK_SHOW] = do_check_show,
	[LB_COMMAND_CHECK_HISTORY] = do_check_history,
	[LB_COMMAND_CHECK_RUN] = do_check_run,
	[LB_COMMAND_CONN_LIST] = ctl_conn_list,
	[LB_COMMAND_CONN_COUNT] = ctl_conn_count,
	[LB_COMMAND_CONN_KILL] = ctl_conn_kill,
	[LB_COMMAND_VRRP_LIST] = do_vrrp_list,
	[LB_COMMAND_VRRP_SHOW] = do_vrrp_show,
	[LB_COMMAND_VRRP_RESIGN] = do_vrrp_resign,
	[LB_COMMAND_VRRP_ANNOUNCE] = do_vrrp_announce,
	[LB_COMMAND_VRRP_PRIORITY] = ctl_override_priority,
	[LB_COMMAND_FAILOVER] = ctl_failover,
	[LB_COMMAND_PEER_STATUS] = ctl_peer_status,
	[LB_COMMAND_PEER_DIFF] = ctl_peer_diff,
	[LB_COMMAND_SYNC_STATUS] = ctl_sync_status,
	[LB_COMMAND_SYNC_RESYNC] = ctl_sync_resync,
	[LB_COMMAND_SYNC_PAUSE] = ctl_sync_pause,
	[LB_COMMAND_SYNC_RESUME] = ctl_sync_resume,
	[LB_COMMAND_CONFIG_SHOW] = do_config_show,
	[LB_COMMAND_CONFIG_DIFF] = do_config_diff,
	[LB_COMMAND_CONFIG_APPLY] = do_config_apply,
	[LB_COMMAND_CONFIG_CONFIRM] = ctl_life_confirm,
	[LB_COMMAND_CONFIG_ROLLBACK] = ctl_life_rollback,
	[LB_COMMAND_CONFIG_HISTORY] = ctl_life_history,
	[LB_COMMAND_CONFIG_EXPORT] = do_config_export,
	[LB_COMMAND_KERNEL_DIFF] = ctl_kernel_diff,
	[LB_COMMAND_KERNEL_REPAIR] = do_kernel_repair,
	[LB_COMMAND_LOG_LEVEL] = ctl_log_level,
	[LB_COMMAND_DAEMON_INFO] = do_daemon_info,
	[LB_COMMAND_DAEMON_RELOAD] = do_daemon_reload,
	[LB_COMMAND_DAEMON_RESTART] = do_daemon_restart,
	[LB_COMMAND_DAEMON_STOP] = do_daemon_stop,
	[LB_COMMAND_METRICS] = ctl_metrics,
	[LB_COMMAND_WATCH] = ctl_watch,
	[LB_COMMAND_TRACE] = ctl_trace,
	[LB_COMMAND_WAIT] = do_wait,
	/* the rest lbctl does alone */
	[LB_COMMAND_COUNT - 1] = NULL,
};
_Static_assert(sizeof(handlers) / sizeof(handlers[0]) == LB_COMMAND_COUNT, "one place per command");

/* What changes something and has no event of its own with the name of the user, as overrides and configurations have.
 */
static const bool told[LB_COMMAND_COUNT] = {
	[LB_COMMAND_SERVICE_ZERO] = true,
	[LB_COMMAND_CONN_KILL] = true,
	[LB_COMMAND_VRRP_RESIGN] = true,
	[LB_COMMAND_VRRP_ANNOUNCE] = true,
	[LB_COMMAND_FAILOVER] = true,
	[LB_COMMAND_SYNC_RESYNC] = true,
	[LB_COMMAND_SYNC_PAUSE] = true,
	[LB_COMMAND_SYNC_RESUME] = true,
	[LB_COMMAND_KERNEL_REPAIR] = true,
	[LB_COMMAND_LOG_LEVEL] = true,
	[LB_COMMAND_DAEMON_RELOAD] = true,
	[LB_COMMAND_DAEMON_RESTART] = true,
	[LB_COMMAND_DAEMON_STOP] = true,
};

/* "conn kill service=web" */
static void tell(struct ctl_env *env, const struct ctl_request *rq)
{
	char text[300], name[LB_COMMAND_NAMELEN];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", lb_command_name(rq->cmd, ' ', name));
	for (const struct lb_arg *a = rq->cmd->args; a->name; a++) {
		const json_t *v = json_object_get(rq->args, a->name);
		char *word = v && !json_is_string(v) ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
		if (v && n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %s=%.100s", a->name,
				json_is_string(v) ? json_string_value(v)
				: word            ? word
						  : "?");
		free(word);
	}
	env->ops->asked(env->arg, text, rq->peer);
}

void ctl_cmd(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	enum lb_command_id id = lb_command_id(rq->cmd);
	handler_fn *fn = handlers[id];
	if (fn && !rq->to_peer && told[id] && lb_command_changes(rq->cmd, rq->args))
		tell(env, rq);
	if (fn && rq->to_peer)
		ctl_remote_ask(env, rq, r);
	else if (fn)
		fn(env, rq, r);
	else
		ctl_reply_end(r, LB_CODE_USAGE, "this command is not for the daemon", NULL);
}
