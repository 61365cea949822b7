/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_request.h"

#include "common/buf.h"
#include "common/text.h"

#include <string.h>

#define ID_MAX 9007199254740991LL /* 2^53 - 1: what a JSON reader in any language keeps exact */

static const char *const known_keys[] = { "id", "cmd", "args", "if_generation", "peer" };

static bool is_known(const char *key)
{
	for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++)
		if (strcmp(known_keys[i], key) == 0)
			return true;
	return false;
}

static int check_keys(json_t *msg, struct lb_err *e)
{
	for (void *it = json_object_iter(msg); it; it = json_object_iter_next(msg, it)) {
		const char *key = json_object_iter_key(it);
		if (is_known(key))
			continue;
		struct lb_text shown = LB_TEXT_INIT;
		lb_text_escape(&shown, key, strlen(key), 64);
		lb_err_set(e, LB_CODE_USAGE, "a request has no key '%s'", shown.bad ? "?" : shown.s);
		lb_text_done(&shown);
		return -1;
	}
	return 0;
}

static int check_id(const json_t *msg, long long *id, struct lb_err *e)
{
	const json_t *v = json_object_get(msg, "id");
	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > ID_MAX)
		return lb_err_set(e, LB_CODE_USAGE, "a request needs an id, a whole number from 1");
	*id = json_integer_value(v);
	return 0;
}

static int check_command(const json_t *msg, enum ctl_level level, const struct lb_command **cmd, struct lb_err *e)
{
	const char *name = lb_proto_str(msg, "cmd");
	if (!name)
		return lb_err_set(e, LB_CODE_USAGE, "a request needs a cmd");
	const struct lb_command *c = lb_command_wire(name);
	if (!c) {
		struct lb_text shown = LB_TEXT_INIT;
		lb_text_escape(&shown, name, strlen(name), 64);
		lb_err_set(e, LB_CODE_USAGE, "unknown command '%s'", shown.bad ? "?" : shown.s);
		lb_text_done(&shown);
		return -1;
	}
	if (c->level == LB_LEVEL_NONE)
		return lb_err_set(e, LB_CODE_USAGE, "lbctl does '%s' alone", name);
	if (lb_command_level(c, json_object_get(msg, "args")) == LB_LEVEL_ADMIN && level != CTL_LEVEL_ADMIN)
		return lb_err_set(e, LB_CODE_DENIED, "%s", ""); /* the edge knows the name of the group */
	*cmd = c;
	return 0;
}

static int check_generation(const json_t *msg, long long *generation, struct lb_err *e)
{
	const json_t *v = json_object_get(msg, "if_generation");
	if (v && (!json_is_integer(v) || json_integer_value(v) < 1))
		return lb_err_set(e, LB_CODE_USAGE, "if_generation is a whole number from 1");
	*generation = json_integer_value(v);
	return 0;
}

static bool has_file(const struct lb_command *cmd, const json_t *args)
{
	for (const struct lb_arg *a = cmd->args; a->name; a++)
		if (a->kind == LB_ARG_FILE && json_object_get(args, a->name))
			return true;
	return false;
}

static int check_peer(const json_t *msg, bool *peer, struct lb_err *e)
{
	const json_t *v = json_object_get(msg, "peer");
	if (v && !json_is_boolean(v))
		return lb_err_set(e, LB_CODE_USAGE, "peer is true or false");
	*peer = json_is_true(v);
	return 0;
}

int ctl_message_read(json_t *msg, enum ctl_level level, struct ctl_message *out, struct lb_err *e)
{
	struct ctl_message m = { 0 };
	out->id = 0;
	int failed = check_id(msg, &out->id, e) || check_keys(msg, e) || check_command(msg, level, &m.cmd, e) ||
		     check_generation(msg, &m.if_generation, e) || check_peer(msg, &m.peer, e);
	json_t *args = json_object_get(msg, "args");
	m.args = args ? json_incref(args) : json_object();
	if (!failed && !m.args)
		failed = lb_err_set(e, LB_CODE_FAILED, "out of memory");
	if (failed || lb_command_check_args(m.cmd, m.args, e)) {
		json_decref(m.args);
		return -1;
	}
	m.id = out->id;
	m.wants_fd = has_file(m.cmd, m.args);
	*out = m;
	return 0;
}

int ctl_message_parse(const char *line, size_t n, enum ctl_level level, struct ctl_message *out, struct lb_err *e)
{
	out->id = 0;
	json_t *msg = lb_proto_parse(line, n, e);
	int failed = msg ? ctl_message_read(msg, level, out, e) : -1;
	json_decref(msg);
	return failed;
}

void ctl_message_done(struct ctl_message *m)
{
	json_decref(m->args);
	*m = (struct ctl_message){ 0 };
}
