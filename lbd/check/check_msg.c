/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_msg.h"

#include "common/buf.h"
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

/* Absent = none. */
static int params_read(struct lb_fields *f, struct check_msg_target *t)
{
	if (!lb_field_has(f, "params"))
		return 0;
	const char *hex = lb_field_str(f, "params", 2 * CHECK_PARAMS_MAX);
	size_t n = strlen(hex);
	t->bytes = malloc(n / 2 + 1);
	if (!t->bytes)
		return -ENOMEM;
	f->bad |= n == 0 || !lb_hex_read(hex, n, t->bytes) || !check_params_ok(t->bytes, n / 2);
	t->spec.params = (struct check_params){ t->bytes, (uint32_t)(n / 2) };
	return 0;
}

static json_t *state_write(const struct check_state *s)
{
	struct lb_members o = { json_object(), false };
	lb_put_int(&o, "n", s->n);
	lb_put_bool(&o, "judged", s->judged);
	lb_put_bool(&o, "up", s->up);
	lb_put_str(&o, "code", check_codes[s->last.code].name);
	lb_put_str(&o, "text", s->last.text);
	lb_put_int(&o, "latency_us", s->last.latency_us);
	if (s->last.weight.kind) {
		lb_put_int(&o, "weight", s->last.weight.value);
		lb_put_bool(&o, "percent", s->last.weight.kind == CHECK_WEIGHT_PERCENT);
	}
	return lb_members_end(&o);
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

static void hello_write(const void *u, struct lb_members *o)
{
	const struct check_msg_hello *h = u;
	lb_msg_hello_write(&h->worker, o);
	lb_put_int(o, "seed", h->seed);
}

static int hello_read(struct lb_fields *f, void *u)
{
	struct check_msg_hello *h = u;
	h->seed = lb_field_u32(f, "seed", 0, UINT32_MAX);
	return lb_msg_hello_read(f, &h->worker);
}

static void target_set_write(const void *u, struct lb_members *o)
{
	const struct check_msg_target *t = u;
	const struct check_spec *s = &t->spec;
	char addr[LB_IP_STRLEN];
	lb_put_int(o, "id", t->id);
	lb_put_str(o, "type", check_types[s->type].name);
	lb_put_str(o, "addr", lb_ip_str(&s->addr, addr));
	lb_put_int(o, "port", s->port);
	lb_put_int(o, "interval", s->interval_ms);
	lb_put_int(o, "interval_down", s->interval_down_ms);
	lb_put_int(o, "timeout", s->timeout_ms);
	lb_put_int(o, "rise", s->rise);
	lb_put_int(o, "fall", s->fall);
	lb_put(o, "state", state_write(&t->state));
	if (s->after)
		lb_put_int(o, "after", s->after);
	lb_put_ip(o, "source", &s->source);
	if (s->params.n)
		lb_put(o, "params", lb_hex_write(s->params.bytes, s->params.n));
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

static int target_set_read(struct lb_fields *f, void *u)
{
	struct check_msg_target *t = u;
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
	return f->bad ? 0 : params_read(f, t);
}

static void target_del_write(const void *u, struct lb_members *o)
{
	lb_put_int(o, "id", *(const uint32_t *)u);
}

static int target_del_read(struct lb_fields *f, void *u)
{
	*(uint32_t *)u = lb_field_u32(f, "id", 0, UINT32_MAX);
	return 0;
}

static void state_msg_write(const void *u, struct lb_members *o)
{
	const struct check_msg_state *s = u;
	lb_put_int(o, "id", s->id);
	lb_put_bool(o, "flip", s->flip);
	lb_put_int(o, "at_us", s->at.us);
	lb_put(o, "state", state_write(&s->state));
}

static int state_msg_read(struct lb_fields *f, void *u)
{
	struct check_msg_state *s = u;
	s->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	s->flip = lb_field_bool(f, "flip");
	s->at.us = lb_field_int(f, "at_us", 0, INT64_MAX);
	s->state = state_read(f);
	return 0;
}

static void pong_write(const void *u, struct lb_members *o)
{
	const struct check_msg_pong *p = u;
	lb_put_int(o, "n", p->n);
	lb_put_int(o, "targets", p->targets);
	lb_put_int(o, "running", p->running);
	lb_put_int(o, "waiting", p->waiting);
	lb_put_int(o, "lag_us", p->lag_us);
	lb_put_int(o, "rss_kib", p->rss_kib);
	lb_put_int(o, "probes", p->probes);
	lb_put_int(o, "late_p50_us", p->late_p50_us);
	lb_put_int(o, "late_p99_us", p->late_p99_us);
}

static int pong_read(struct lb_fields *f, void *u)
{
	struct check_msg_pong *p = u;
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

static void run_write(const void *u, struct lb_members *o)
{
	const struct check_msg_run *r = u;
	lb_put_int(o, "token", r->token);
	lb_put_int(o, "id", r->id);
}

static int run_read(struct lb_fields *f, void *u)
{
	struct check_msg_run *r = u;
	r->token = lb_field_u32(f, "token", 0, UINT32_MAX);
	r->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	return 0;
}

static json_t *steps_write(const struct check_trace *t)
{
	json_t *steps = json_array();
	for (unsigned i = 0; i < t->n; i++) {
		struct lb_members o = { json_object(), false };
		lb_put_int(&o, "us", t->steps[i].at_us);
		lb_put_str(&o, "text", t->steps[i].text);
		if (!lb_list_add(steps, lb_members_end(&o)))
			return NULL;
	}
	return steps;
}

static void ran_write(const void *u, struct lb_members *o)
{
	const struct check_msg_ran *r = u;
	lb_put_int(o, "token", r->token);
	lb_put_int(o, "id", r->id);
	lb_put_str(o, "code", check_codes[r->result.code].name);
	lb_put_str(o, "text", r->result.text);
	lb_put_int(o, "latency_us", r->result.latency_us);
	lb_put(o, "steps", steps_write(&r->trace));
}

static int ran_read(struct lb_fields *f, void *u)
{
	struct check_msg_ran *r = u;
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

static json_t *cuts_write(const struct check_cuts *c)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < c->n; i++) {
		struct lb_members o = { json_object(), false };
		lb_put_str(&o, "name", c->v[i].name);
		lb_put_int(&o, "index", c->v[i].index);
		if (!lb_list_add(list, lb_members_end(&o)))
			return NULL;
	}
	return list;
}

static void cut_write(const void *u, struct lb_members *o)
{
	lb_put(o, "interfaces", cuts_write(u));
}

static int cut_read(struct lb_fields *f, void *u)
{
	struct check_cuts *c = u;
	const json_t *list = lb_field_list(f, "interfaces", CHECK_CUTS_MAX);
	c->n = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < c->n && !f->bad; i++) {
		struct lb_fields one = { .from = json_array_get(list, i) };
		lb_field_device(&one, "name", c->v[i].name);
		c->v[i].index = lb_field_u32(&one, "index", 0, INT32_MAX);
		f->bad |= one.bad;
	}
	return 0;
}

static json_t *args_write(const struct check_msg_hook_run *h)
{
	json_t *args = json_array();
	for (uint32_t i = 0; i < h->n_args; i++)
		if (!lb_list_add(args, json_string(h->args[i])))
			return NULL;
	return args;
}

static void hook_run_write(const void *u, struct lb_members *o)
{
	const struct check_msg_hook_run *h = u;
	lb_put_int(o, "id", h->id);
	lb_put_int(o, "timeout", h->timeout_ms);
	lb_put_str(o, "path", h->path);
	lb_put(o, "args", args_write(h));
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

static int hook_run_read(struct lb_fields *f, void *u)
{
	struct check_msg_hook_run *h = u;
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

static void hook_done_write(const void *u, struct lb_members *o)
{
	const struct check_msg_hook_done *h = u;
	lb_put_int(o, "id", h->id);
	lb_put_str(o, "code", check_codes[h->result.code].name);
	lb_put_str(o, "text", h->result.text);
	lb_put_int(o, "took_us", h->result.latency_us);
}

static int hook_done_read(struct lb_fields *f, void *u)
{
	struct check_msg_hook_done *h = u;
	h->id = lb_field_u32(f, "id", 0, UINT32_MAX);
	h->result.code = get_code(f);
	lb_field_text(f, "text", h->result.text, CHECK_TEXT_MAX);
	h->result.latency_us = lb_field_u32(f, "took_us", 0, UINT32_MAX);
	return 0;
}

static const struct lb_msg_row rows[] = {
	[CHECK_MSG_HELLO] = { "hello", true, hello_write, hello_read },
	[CHECK_MSG_TARGET_SET] = { "target.set", true, target_set_write, target_set_read },
	[CHECK_MSG_TARGET_DEL] = { "target.del", true, target_del_write, target_del_read },
	[CHECK_MSG_LOG] = { "log", true, lb_msg_log_write, lb_msg_log_read },
	[CHECK_MSG_PING] = { "ping", true, lb_msg_ping_write, lb_msg_ping_read },
	[CHECK_MSG_RUN] = { "run", true, run_write, run_read },
	[CHECK_MSG_CUT] = { "cut", true, cut_write, cut_read },
	[CHECK_MSG_HOOK_RUN] = { "hook.run", true, hook_run_write, hook_run_read },
	[CHECK_MSG_READY] = { "ready", false, lb_msg_ready_write, lb_msg_ready_read },
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
	struct lb_members o = { json_object(), false };
	rows[m->type].write(&m->u, &o);
	lb_put_str(&o, "msg", rows[m->type].name);
	lb_msg_line(&o, out);
}

static int read_msg(const json_t *line, bool to_probe, struct check_msg *m)
{
	int type = lb_msg_find(rows, CHECK_MSG_COUNT, to_probe, line);
	if (type < 0)
		return type;
	struct check_msg got = { .type = (enum check_msg_type)type };
	int rc = lb_msg_read(&rows[type], line, &got.u);
	if (rc)
		check_msg_done(&got);
	else
		*m = got;
	return rc;
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
	if (m->type == CHECK_MSG_TARGET_SET)
		free(m->u.target_set.bytes);
	*m = (struct check_msg){ 0 };
}
