/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_msg.h"

#include "common/buf.h"
#include "common/fields.h"
#include "lbd/check/check_fsm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A day: longer intervals are a typing error, and 32 bits of microseconds are not left behind by any of these. */
#define INTERVAL_MAX_MS 86400000

static enum check_code get_code(struct lb_fields *f)
{
	int code = check_code_parse(lb_field_str(f, "code", 16));
	f->bad |= code < 0;
	return code < 0 ? CHECK_CODE_INI : (enum check_code)code;
}

/* Absent = none. m owns the bytes. */
static int params_read(struct lb_fields *f, struct check_msg *m, struct check_params *out)
{
	if (!lb_field_has(f, "params"))
		return 0;
	const char *hex = lb_field_str(f, "params", 2 * CHECK_PARAMS_MAX);
	size_t n = strlen(hex);
	m->bytes = malloc(n / 2 + 1);
	if (!m->bytes)
		return -ENOMEM;
	f->bad |= n == 0 || !lb_hex_read(hex, n, m->bytes) || !check_params_ok(m->bytes, n / 2);
	*out = (struct check_params){ m->bytes, (uint32_t)(n / 2) };
	return 0;
}

static json_t *state_write(const struct check_state *s)
{
	json_t *o = json_pack("{s:i, s:b, s:b, s:s, s:s, s:I}", "n", (int)s->n, "judged", s->judged, "up", s->up,
		"code", check_codes[s->last.code].name, "text", s->last.text, "latency_us",
		(json_int_t)s->last.latency_us);
	if (o && s->last.weight.kind &&
		(json_object_set_new(o, "weight", json_integer(s->last.weight.value)) ||
			json_object_set_new(o, "percent", json_boolean(s->last.weight.kind == CHECK_WEIGHT_PERCENT)))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static struct check_state state_read(struct lb_fields *outer)
{
	struct lb_fields f = { json_object_get(outer->from, "state"), outer->bad };
	struct check_state s = { .n = (uint16_t)lb_field_u32(&f, "n", 0, UINT16_MAX) };
	s.judged = lb_field_bool(&f, "judged");
	s.up = lb_field_bool(&f, "up");
	f.bad |= s.up && !s.judged;
	s.last.code = get_code(&f);
	lb_field_text(&f, "text", s.last.text, CHECK_TEXT_MAX);
	s.last.latency_us = lb_field_u32(&f, "latency_us", 0, UINT32_MAX);
	if (lb_field_has(&f, "weight")) {
		s.last.weight.value = (uint16_t)lb_field_u32(&f, "weight", 0, UINT16_MAX);
		s.last.weight.kind = lb_field_bool(&f, "percent") ? CHECK_WEIGHT_PERCENT : CHECK_WEIGHT_VALUE;
	}
	outer->bad = f.bad;
	return s;
}

/* The pairs: message -> members, members -> message. */

static json_t *hello_write(const struct check_msg *m)
{
	return json_pack("{s:I, s:s, s:I}", "version", (json_int_t)m->u.hello.version, "level",
		lb_log_level_name(m->u.hello.level), "seed", (json_int_t)m->u.hello.seed);
}

static int hello_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.hello.version = lb_field_u32(f, "version", 1, UINT32_MAX);
	m->u.hello.level = lb_field_level(f, "level");
	m->u.hello.seed = lb_field_u32(f, "seed", 0, UINT32_MAX);
	return 0;
}

static json_t *target_set_write(const struct check_msg *m)
{
	const struct check_msg_target *t = &m->u.target_set;
	const struct check_spec *s = &t->spec;
	char addr[LB_IP_STRLEN];
	json_t *o = json_pack("{s:I, s:s, s:s, s:i, s:I, s:I, s:I, s:i, s:i, s:o}", "id", (json_int_t)t->id, "type",
		check_types[s->type].name, "addr", lb_ip_str(&s->addr, addr), "port", (int)s->port, "interval",
		(json_int_t)s->interval_ms, "interval_down", (json_int_t)s->interval_down_ms, "timeout",
		(json_int_t)s->timeout_ms, "rise", (int)s->rise, "fall", (int)s->fall, "state", state_write(&t->state));
	char source[LB_IP_STRLEN];
	int rc = o ? 0 : -1;
	if (!rc && s->after)
		rc = json_object_set_new(o, "after", json_integer(s->after));
	if (!rc && s->source.family)
		rc = json_object_set_new(o, "source", json_string(lb_ip_str(&s->source, source)));
	if (!rc && s->params.n)
		rc = json_object_set_new(o, "params", lb_hex_write(s->params.bytes, s->params.n));
	if (rc) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static void type_read(struct lb_fields *f, struct check_spec *s)
{
	const char *word = lb_field_str(f, "type", 32);
	for (int i = 0; i < CHECK_TYPE_COUNT; i++)
		if (strcmp(check_types[i].name, word) == 0) {
			s->type = (enum check_type)i;
			return;
		}
	f->bad = true;
}

static int target_set_read(struct lb_fields *f, struct check_msg *m)
{
	struct check_msg_target *t = &m->u.target_set;
	struct check_spec *s = &t->spec;
	t->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	type_read(f, s);
	s->addr = lb_field_ip(f, "addr");
	s->port = (uint16_t)lb_field_u32(f, "port", 0, UINT16_MAX);
	s->interval_ms = lb_field_u32(f, "interval", 1, INTERVAL_MAX_MS);
	s->interval_down_ms = lb_field_u32(f, "interval_down", 1, INTERVAL_MAX_MS);
	s->timeout_ms = lb_field_u32(f, "timeout", 1, INTERVAL_MAX_MS);
	s->rise = (uint16_t)lb_field_u32(f, "rise", 1, UINT16_MAX);
	s->fall = (uint16_t)lb_field_u32(f, "fall", 1, UINT16_MAX);
	f->bad |= !check_fsm_limits_ok(s->rise, s->fall);
	f->bad |= !s->port && !check_types[s->type].portless;
	t->state = state_read(f);
	if (lb_field_has(f, "after"))
		s->after = lb_field_u32(f, "after", 1, UINT32_MAX);
	if (lb_field_has(f, "source"))
		s->source = lb_field_ip(f, "source");
	return f->bad ? 0 : params_read(f, m, &s->params);
}

static json_t *target_del_write(const struct check_msg *m)
{
	return json_pack("{s:I}", "id", (json_int_t)m->u.target_del);
}

static int target_del_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.target_del = lb_field_u32(f, "id", 0, UINT32_MAX);
	return 0;
}

static json_t *log_write(const struct check_msg *m)
{
	return json_pack("{s:s}", "level", lb_log_level_name(m->u.log));
}

static int log_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.log = lb_field_level(f, "level");
	return 0;
}

static json_t *ping_write(const struct check_msg *m)
{
	return json_pack("{s:I}", "n", (json_int_t)m->u.ping);
}

static int ping_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.ping = lb_field_u32(f, "n", 0, UINT32_MAX);
	return 0;
}

static json_t *ready_write(const struct check_msg *m)
{
	return json_pack("{s:I, s:I}", "version", (json_int_t)m->u.ready.version, "pid", (json_int_t)m->u.ready.pid);
}

static int ready_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.ready.version = lb_field_u32(f, "version", 1, UINT32_MAX);
	m->u.ready.pid = (int32_t)lb_field_u32(f, "pid", 1, INT32_MAX);
	return 0;
}

static json_t *state_msg_write(const struct check_msg *m)
{
	const struct check_msg_state *s = &m->u.state;
	return json_pack("{s:I, s:b, s:o}", "id", (json_int_t)s->id, "flip", s->flip, "state", state_write(&s->state));
}

static int state_msg_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.state.id = lb_field_u32(f, "id", 0, UINT32_MAX);
	m->u.state.flip = lb_field_bool(f, "flip");
	m->u.state.state = state_read(f);
	return 0;
}

static json_t *pong_write(const struct check_msg *m)
{
	const struct check_msg_pong *p = &m->u.pong;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "n", (json_int_t)p->n, "targets",
		(json_int_t)p->targets, "running", (json_int_t)p->running, "waiting", (json_int_t)p->waiting, "lag_us",
		(json_int_t)p->lag_us, "rss_kib", (json_int_t)p->rss_kib, "probes", (json_int_t)p->probes,
		"late_p50_us", (json_int_t)p->late_p50_us, "late_p99_us", (json_int_t)p->late_p99_us);
}

static int pong_read(struct lb_fields *f, struct check_msg *m)
{
	struct check_msg_pong *p = &m->u.pong;
	p->n = lb_field_u32(f, "n", 0, UINT32_MAX);
	p->targets = lb_field_u32(f, "targets", 0, UINT32_MAX);
	p->running = lb_field_u32(f, "running", 0, UINT32_MAX);
	p->waiting = lb_field_u32(f, "waiting", 0, UINT32_MAX);
	p->lag_us = lb_field_u32(f, "lag_us", 0, UINT32_MAX);
	p->rss_kib = lb_field_u32(f, "rss_kib", 0, UINT32_MAX);
	p->probes = lb_field_u32(f, "probes", 0, UINT32_MAX);
	p->late_p50_us = lb_field_u32(f, "late_p50_us", 0, UINT32_MAX);
	p->late_p99_us = lb_field_u32(f, "late_p99_us", 0, UINT32_MAX);
	return 0;
}

static json_t *run_write(const struct check_msg *m)
{
	return json_pack("{s:I, s:I}", "token", (json_int_t)m->u.run.token, "id", (json_int_t)m->u.run.id);
}

static int run_read(struct lb_fields *f, struct check_msg *m)
{
	m->u.run.token = lb_field_u32(f, "token", 0, UINT32_MAX);
	m->u.run.id = lb_field_u32(f, "id", 0, UINT32_MAX);
	return 0;
}

static json_t *ran_write(const struct check_msg *m)
{
	const struct check_msg_ran *r = &m->u.ran;
	json_t *steps = json_array();
	for (unsigned i = 0; i < r->trace.n; i++)
		if (json_array_append_new(steps, json_pack("{s:I, s:s}", "us", (json_int_t)r->trace.steps[i].at_us,
							 "text", r->trace.steps[i].text))) {
			json_decref(steps);
			return NULL;
		}
	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:o}", "token", (json_int_t)r->token, "id", (json_int_t)r->id,
		"code", check_codes[r->result.code].name, "text", r->result.text, "latency_us",
		(json_int_t)r->result.latency_us, "steps", steps);
}

static int ran_read(struct lb_fields *f, struct check_msg *m)
{
	struct check_msg_ran *r = &m->u.ran;
	r->token = lb_field_u32(f, "token", 0, UINT32_MAX);
	r->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	r->result.code = get_code(f);
	lb_field_text(f, "text", r->result.text, CHECK_TEXT_MAX);
	r->result.latency_us = lb_field_u32(f, "latency_us", 0, UINT32_MAX);
	const json_t *steps = lb_field_list(f, "steps", CHECK_STEPS_MAX);
	size_t n = json_array_size(steps);
	for (size_t i = 0; !f->bad && i < n; i++) {
		struct lb_fields step = { .from = json_array_get(steps, i) };
		r->trace.steps[i].at_us = lb_field_u32(&step, "us", 0, UINT32_MAX);
		lb_field_text(&step, "text", r->trace.steps[i].text, CHECK_STEP_TEXT);
		r->trace.n++;
		f->bad |= step.bad;
	}
	return 0;
}

static json_t *hook_run_write(const struct check_msg *m)
{
	const struct check_msg_hook_run *h = &m->u.hook_run;
	json_t *args = json_array();
	for (uint32_t i = 0; i < h->n_args; i++)
		if (json_array_append_new(args, json_string(h->args[i]))) {
			json_decref(args);
			return NULL;
		}
	return json_pack("{s:I, s:I, s:s, s:o}", "id", (json_int_t)h->id, "timeout", (json_int_t)h->timeout_ms, "path",
		h->path, "args", args);
}

/* One item of a list as lb_field_text reads a member. */
static void arg_read(struct lb_fields *f, const json_t *item, char out[CHECK_HOOK_ARG])
{
	const char *text = json_string_value(item);
	size_t n = text ? json_string_length(item) : CHECK_HOOK_ARG;
	f->bad |= n >= CHECK_HOOK_ARG;
	for (size_t i = 0; i < n && n < CHECK_HOOK_ARG; i++) {
		f->bad |= text[i] < 0x20 || text[i] >= 0x7f;
		out[i] = text[i];
	}
}

static int hook_run_read(struct lb_fields *f, struct check_msg *m)
{
	struct check_msg_hook_run *h = &m->u.hook_run;
	h->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	h->timeout_ms = lb_field_u32(f, "timeout", 1, INTERVAL_MAX_MS);
	const char *path = lb_field_str(f, "path", sizeof(h->path) - 1);
	f->bad |= path[0] != '/';
	memcpy(h->path, path, strlen(path) + 1);
	const json_t *args = lb_field_list(f, "args", CHECK_HOOK_ARGS);
	h->n_args = (uint32_t)json_array_size(args);
	for (uint32_t i = 0; i < h->n_args; i++)
		arg_read(f, json_array_get(args, i), h->args[i]);
	return 0;
}

static json_t *hook_done_write(const struct check_msg *m)
{
	const struct check_msg_hook_done *h = &m->u.hook_done;
	return json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)h->id, "code", check_codes[h->result.code].name,
		"text", h->result.text, "took_us", (json_int_t)h->result.latency_us);
}

static int hook_done_read(struct lb_fields *f, struct check_msg *m)
{
	struct check_msg_hook_done *h = &m->u.hook_done;
	h->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	h->result.code = get_code(f);
	lb_field_text(f, "text", h->result.text, CHECK_TEXT_MAX);
	h->result.latency_us = lb_field_u32(f, "took_us", 0, UINT32_MAX);
	return 0;
}

static const struct row {
	const char *name;
	bool to_probe;
	json_t *(*write)(const struct check_msg *m);
	int (*read)(struct lb_fields *f, struct check_msg *m); /* 0 or -ENOMEM; what is wrong goes to f->bad */
} rows[] = {
	[CHECK_MSG_HELLO] = { "hello", true, hello_write, hello_read },
	[CHECK_MSG_TARGET_SET] = { "target.set", true, target_set_write, target_set_read },
	[CHECK_MSG_TARGET_DEL] = { "target.del", true, target_del_write, target_del_read },
	[CHECK_MSG_LOG] = { "log", true, log_write, log_read },
	[CHECK_MSG_PING] = { "ping", true, ping_write, ping_read },
	[CHECK_MSG_RUN] = { "run", true, run_write, run_read },
	[CHECK_MSG_HOOK_RUN] = { "hook.run", true, hook_run_write, hook_run_read },
	[CHECK_MSG_READY] = { "ready", false, ready_write, ready_read },
	[CHECK_MSG_STATE] = { "state", false, state_msg_write, state_msg_read },
	[CHECK_MSG_PONG] = { "pong", false, pong_write, pong_read },
	[CHECK_MSG_RAN] = { "ran", false, ran_write, ran_read },
	[CHECK_MSG_HOOK_DONE] = { "hook.done", false, hook_done_write, hook_done_read },
};
_Static_assert(sizeof(rows) / sizeof(rows[0]) == CHECK_MSG_COUNT, "one row per message");

const char *check_msg_name(enum check_msg_type type)
{
	return rows[type].name;
}

void check_msg_write(const struct check_msg *m, struct lb_text *out)
{
	json_t *o = rows[m->type].write(m);
	if (!o || json_object_set_new(o, "msg", json_string(rows[m->type].name)))
		out->bad = true;
	else
		lb_proto_dump(o, out);
	json_decref(o);
}

static int read_msg(const json_t *line, bool to_probe, struct check_msg *m)
{
	struct lb_fields f = { .from = line };
	const char *name = lb_field_str(&f, "msg", 32);
	for (int i = 0; i < CHECK_MSG_COUNT; i++) {
		if (rows[i].to_probe != to_probe || strcmp(rows[i].name, name) != 0)
			continue;
		struct check_msg got = { .type = (enum check_msg_type)i };
		int rc = rows[i].read(&f, &got);
		if (rc == 0 && f.bad)
			rc = -EBADMSG;
		if (rc)
			check_msg_done(&got);
		else
			*m = got;
		return rc;
	}
	return -EBADMSG;
}

int check_msg_read_probe(const json_t *line, struct check_msg *m)
{
	return read_msg(line, true, m);
}

int check_msg_read_core(const json_t *line, struct check_msg *m)
{
	return read_msg(line, false, m);
}

void check_msg_done(struct check_msg *m)
{
	free(m->bytes);
	*m = (struct check_msg){ 0 };
}
