/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "lbd/check/check_msg.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t any(void)
{
	return (uint32_t)rand() << 16 ^ (uint32_t)rand();
}

static uint32_t among(uint32_t min, uint32_t max)
{
	return min + any() % (max - min + 1);
}

static struct check_state random_state(void)
{
	struct check_state s = { .n = (uint16_t)any(), .judged = any() & 1 };
	s.up = s.judged && (any() & 1);
	s.last.code = (enum check_code)among(0, CHECK_CODE_COUNT - 1);
	s.last.latency_us = any();
	size_t n = any() % CHECK_TEXT_MAX;
	for (size_t i = 0; i < n; i++)
		s.last.text[i] = (char)among(0x20, 0x7e); /* quotes and backslashes included */
	return s;
}

static struct lb_text params;

/* Some keys in order, some of them twice, with any bytes. */
static struct check_params random_params(void)
{
	char value[200];
	params.n = 0;
	for (unsigned key = 1; key < CHECK_PARAM_COUNT; key += among(1, 12))
		for (unsigned n = among(1, 2); n; n--) {
			size_t len = any() % sizeof(value);
			for (size_t i = 0; i < len; i++)
				value[i] = (char)any();
			ck_assert_int_eq(check_param_put(&params, (enum check_param)key, value, len), 0);
		}
	return (struct check_params){ (const uint8_t *)params.s, (uint32_t)params.n };
}

static struct check_spec random_spec(void)
{
	struct check_spec s = { .port = (uint16_t)among(1, 65535),
		.interval_ms = among(1, 86400000),
		.interval_down_ms = among(1, 86400000),
		.timeout_ms = among(1, 86400000),
		.rise = (uint16_t)among(1, 32768),
		.fall = (uint16_t)among(1, 32768) };
	s.addr.family = any() & 1 ? 2 : 10; /* AF_INET, AF_INET6 */
	for (size_t i = 0; i < (s.addr.family == 2 ? 4u : 16u); i++)
		s.addr.b[i] = (uint8_t)any();
	if (any() & 1)
		s.params = random_params();
	if (any() & 1)
		s.source = s.addr;
	s.after = any() & 1 ? any() : 0;
	s.type = (enum check_type)(any() % CHECK_TYPE_COUNT);
	return s;
}

static struct check_msg_ran random_ran(void)
{
	struct check_msg_ran r = { any(), any(), random_state().last, { .n = among(0, CHECK_STEPS_MAX) } };
	for (unsigned i = 0; i < r.trace.n; i++) {
		r.trace.steps[i].at_us = any();
		size_t n = any() % CHECK_STEP_TEXT;
		for (size_t k = 0; k < n; k++)
			r.trace.steps[i].text[k] = (char)among(0x20, 0x7e);
	}
	return r;
}

static void random_text(char *out, size_t max)
{
	size_t n = any() % max;
	for (size_t k = 0; k < n; k++)
		out[k] = (char)among(0x20, 0x7e);
	out[n] = '\0';
}

static void random_device(char out[CHECK_CUT_NAME])
{
	size_t n = among(1, CHECK_CUT_NAME - 1);
	for (size_t k = 0; k < n; k++)
		out[k] = (char)among('a', 'z');
	out[n] = '\0';
}

static struct check_msg_hook_run random_hook(void)
{
	struct check_msg_hook_run h = { .id = any(), .timeout_ms = among(1, 86400000) };
	h.path[0] = '/';
	random_text(h.path + 1, sizeof(h.path) - 1);
	h.n_args = among(0, CHECK_HOOK_ARGS);
	for (uint32_t i = 0; i < h.n_args; i++)
		random_text(h.args[i], sizeof(h.args[i]));
	return h;
}

static struct check_cuts random_cuts(void)
{
	struct check_cuts c = { .n = among(0, CHECK_CUTS_MAX) };
	for (uint32_t i = 0; i < c.n; i++) {
		c.v[i].index = among(0, INT32_MAX);
		random_device(c.v[i].name);
	}
	return c;
}

static struct check_msg random_msg(enum check_msg_type type)
{
	struct check_msg m = { .type = type };
	switch (type) {
	case CHECK_MSG_HELLO:
		m.u.hello.worker = (struct lb_msg_hello){ among(1, UINT32_MAX - 1), (enum lb_log_level)among(3, 7) };
		m.u.hello.seed = any();
		break;
	case CHECK_MSG_TARGET_SET:
		m.u.target_set.id = any();
		m.u.target_set.spec = random_spec();
		m.u.target_set.state = random_state();
		break;
	case CHECK_MSG_TARGET_DEL: m.u.target_del = any(); break;
	case CHECK_MSG_LOG: m.u.log = (enum lb_log_level)among(3, 7); break;
	case CHECK_MSG_PING: m.u.ping = any(); break;
	case CHECK_MSG_RUN: m.u.run = (struct check_msg_run){ any(), any() }; break;
	case CHECK_MSG_CUT: m.u.cut = random_cuts(); break;
	case CHECK_MSG_HOOK_RUN: m.u.hook_run = random_hook(); break;
	case CHECK_MSG_READY: m.u.ready = (struct lb_msg_ready){ 1, (int32_t)among(1, INT32_MAX - 1) }; break;
	case CHECK_MSG_STATE:
		m.u.state.id = any();
		m.u.state.flip = any() & 1;
		m.u.state.at.us = any();
		m.u.state.state = random_state();
		break;
	case CHECK_MSG_PONG:
		m.u.pong = (struct check_msg_pong){ any(), any(), any(), any(), any(), any(), any(), any(), any() };
		break;
	case CHECK_MSG_RAN: m.u.ran = random_ran(); break;
	case CHECK_MSG_HOOK_DONE: m.u.hook_done = (struct check_msg_hook_done){ any(), random_state().last }; break;
	}
	return m;
}

static void same_state(const struct check_state *a, const struct check_state *b)
{
	ck_assert_uint_eq(a->n, b->n);
	ck_assert(a->judged == b->judged && a->up == b->up && a->last.code == b->last.code);
	ck_assert_uint_eq(a->last.latency_us, b->last.latency_us);
	ck_assert_str_eq(a->last.text, b->last.text);
}

static void same(const struct check_msg *a, const struct check_msg *b)
{
	ck_assert_int_eq(a->type, b->type);
	switch (a->type) {
	case CHECK_MSG_HELLO: ck_assert_mem_eq(&a->u.hello, &b->u.hello, sizeof(a->u.hello)); break;
	case CHECK_MSG_TARGET_SET:
		ck_assert_uint_eq(a->u.target_set.id, b->u.target_set.id);
		ck_assert(check_spec_equal(&a->u.target_set.spec, &b->u.target_set.spec));
		same_state(&a->u.target_set.state, &b->u.target_set.state);
		break;
	case CHECK_MSG_TARGET_DEL: ck_assert_uint_eq(a->u.target_del, b->u.target_del); break;
	case CHECK_MSG_LOG: ck_assert_int_eq(a->u.log, b->u.log); break;
	case CHECK_MSG_PING: ck_assert_uint_eq(a->u.ping, b->u.ping); break;
	case CHECK_MSG_RUN: ck_assert_mem_eq(&a->u.run, &b->u.run, sizeof(a->u.run)); break;
	case CHECK_MSG_CUT: ck_assert(check_cuts_equal(&a->u.cut, &b->u.cut)); break;
	case CHECK_MSG_HOOK_RUN:
		ck_assert_uint_eq(a->u.hook_run.id, b->u.hook_run.id);
		ck_assert_uint_eq(a->u.hook_run.timeout_ms, b->u.hook_run.timeout_ms);
		ck_assert_str_eq(a->u.hook_run.path, b->u.hook_run.path);
		ck_assert_uint_eq(a->u.hook_run.n_args, b->u.hook_run.n_args);
		for (uint32_t i = 0; i < a->u.hook_run.n_args; i++)
			ck_assert_str_eq(a->u.hook_run.args[i], b->u.hook_run.args[i]);
		break;
	case CHECK_MSG_READY: ck_assert_mem_eq(&a->u.ready, &b->u.ready, sizeof(a->u.ready)); break;
	case CHECK_MSG_STATE:
		ck_assert(a->u.state.id == b->u.state.id && a->u.state.flip == b->u.state.flip);
		ck_assert(a->u.state.at.us == b->u.state.at.us);
		same_state(&a->u.state.state, &b->u.state.state);
		break;
	case CHECK_MSG_PONG: ck_assert_mem_eq(&a->u.pong, &b->u.pong, sizeof(a->u.pong)); break;
	case CHECK_MSG_RAN: ck_assert_mem_eq(&a->u.ran, &b->u.ran, sizeof(a->u.ran)); break;
	case CHECK_MSG_HOOK_DONE: ck_assert_mem_eq(&a->u.hook_done, &b->u.hook_done, sizeof(a->u.hook_done)); break;
	}
}

static json_t *line_of(const struct check_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	check_msg_write(m, &line);
	ck_assert(!line.bad && line.n > 1 && line.s[line.n - 1] == '\n');
	ck_assert_ptr_null(memchr(line.s, '\n', line.n - 1));
	json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
	ck_assert_ptr_nonnull(o);
	lb_text_done(&line);
	return o;
}

START_TEST(what_is_written_is_read)
{
	srand(5);
	for (int round = 0; round < 300; round++)
		for (int t = 0; t < CHECK_MSG_COUNT; t++) {
			struct check_msg m = random_msg((enum check_msg_type)t), got, wrong;
			json_t *o = line_of(&m);
			bool to_probe = t < CHECK_MSG_READY;
			ck_assert_int_eq((to_probe ? check_msg_read_probe : check_msg_read_core)(o, &got), 0);
			same(&m, &got);
			check_msg_done(&got);
			/* and never by the side that sends it */
			ck_assert_int_eq((to_probe ? check_msg_read_core : check_msg_read_probe)(o, &wrong), -EBADMSG);
			json_decref(o);
		}
}
END_TEST

/* Every member of every message: absent, or of another type, is a broken message. */
START_TEST(every_member_counts)
{
	srand(6);
	for (int t = 0; t < CHECK_MSG_COUNT; t++) {
		struct check_msg m = random_msg((enum check_msg_type)t), got;
		if (t == CHECK_MSG_TARGET_SET) { /* these may be absent */
			m.u.target_set.spec.params.n = m.u.target_set.spec.after = 0;
			m.u.target_set.spec.source.family = 0;
		}
		json_t *whole = line_of(&m);
		const char *key;
		json_t *value;
		void *next;
		json_object_foreach_safe(whole, next, key, value)
		{
			for (int kind = 0; kind < 3; kind++) {
				json_t *o = json_copy(whole);
				if (kind == 0)
					json_object_del(o, key);
				else
					/* a list stands for another type, except where one is wanted */
					json_object_set_new(
						o, key, kind == 1 || json_is_array(value) ? json_null() : json_array());
				int rc = (t < CHECK_MSG_READY ? check_msg_read_probe : check_msg_read_core)(o, &got);
				ck_assert_msg(
					rc == -EBADMSG, "%s without %s", check_msg_name((enum check_msg_type)t), key);
				json_decref(o);
			}
		}
		json_decref(whole);
	}
}
END_TEST

#define TARGET(members)                                                                                                \
	"{\"msg\":\"target.set\",\"id\":1,\"type\":\"tcp\",\"addr\":\"10.0.0.1\",\"port\":80,\"interval\":2000,"       \
	"\"interval_down\":5000,\"timeout\":1000,\"rise\":2,\"fall\":3,\"state\":{\"n\":0,\"judged\":false,"           \
	"\"up\":false,\"code\":\"INI\",\"text\":\"\",\"latency_us\":0}" members "}"
#define RAN(steps)                                                                                                     \
	"{\"msg\":\"ran\",\"token\":1,\"id\":1,\"code\":\"L4OK\",\"text\":\"\",\"latency_us\":0,\"steps\":[" steps "]" \
	"}"
#define STEPS_2        "{\"us\":1,\"text\":\"a\"},{\"us\":2,\"text\":\"b\"},"
#define STEPS_8        STEPS_2 STEPS_2 STEPS_2 STEPS_2
#define STATE(members) "{\"msg\":\"state\",\"id\":1,\"flip\":true,\"at_us\":9,\"state\":{" members "}}"

#define CUT(cards) "{\"msg\":\"cut\",\"interfaces\":[" cards "]}"
#define HOOK(path, timeout, args)                                                                                      \
	"{\"msg\":\"hook.run\",\"id\":1,\"timeout\":" timeout ",\"path\":\"" path "\",\"args\":[" args "]}"
#define ARG_24 "abcdefghijklmnopqrstuvwx"

static const struct {
	const char *what, *line;
	int rc;
} rows[] = {
	{ "a good one", TARGET(""), 0 },
	{ "an unknown member is left alone", TARGET(",\"later\":{}"), 0 },
	{ "params", TARGET(",\"params\":\"020100610003000000\""), 0 },
	{ "an odd number of digits", TARGET(",\"params\":\"020100610\""), -EBADMSG },
	{ "no hex", TARGET(",\"params\":\"020100zz00\""), -EBADMSG },
	{ "upper case", TARGET(",\"params\":\"020100AA00\""), -EBADMSG },
	{ "params of another type", TARGET(",\"params\":5"), -EBADMSG },
	{ "empty params", TARGET(",\"params\":\"\""), -EBADMSG },
	{ "params that are none", TARGET(",\"params\":\"02ff006100\""), -EBADMSG },
	{ "a source that is none", TARGET(",\"source\":\"eth0\""), -EBADMSG },
	{ "no predecessor has this number", TARGET(",\"after\":0"), -EBADMSG },
	{ "no port",
		"{\"msg\":\"target.set\",\"id\":1,\"type\":\"tcp\",\"addr\":\"10.0.0.1\",\"port\":0,\"interval\":2000,"
		"\"interval_down\":5000,\"timeout\":1000,\"rise\":2,\"fall\":3,\"state\":{\"n\":0,\"judged\":false,"
		"\"up\":false,\"code\":\"INI\",\"text\":\"\",\"latency_us\":0}}",
		-EBADMSG },
	{ "no such message", "{\"msg\":\"target.get\"}", -EBADMSG },
	{ "no name", "{}", -EBADMSG },
	{ "a negative number", "{\"msg\":\"ping\",\"n\":-1}", -EBADMSG },
	{ "a number that is too large", "{\"msg\":\"ping\",\"n\":4294967296}", -EBADMSG },
	{ "a real number", "{\"msg\":\"ping\",\"n\":1.0}", -EBADMSG },
	{ "no such level", "{\"msg\":\"log\",\"level\":\"loud\"}", -EBADMSG },
	{ "a card without a link", CUT("{\"name\":\"eth1\",\"index\":3}"), 0 },
	{ "one that is not there", CUT("{\"name\":\"eth1\",\"index\":0}"), 0 },
	{ "none", CUT(""), 0 },
	{ "a card whose name is not ASCII", CUT("{\"name\":\"caf\xc3\xa9\",\"index\":3}"), 0 },
	{ "a card without a name", CUT("{\"name\":\"\",\"index\":3}"), -EBADMSG },
	{ "a card without a number", CUT("{\"name\":\"eth1\"}"), -EBADMSG },
	{ "a name that no card has", CUT("{\"name\":\"eth1567890123456\",\"index\":3}"), -EBADMSG },
	{ "no card", CUT("5"), -EBADMSG },
	{ "a hook", HOOK("/run/it", "10", "\"vrrp\",\"wan\""), 0 },
	{ "a hook without arguments", HOOK("/run/it", "10", ""), 0 },
	{ "a path that is none", HOOK("run/it", "10", ""), -EBADMSG },
	{ "no time", HOOK("/run/it", "0", ""), -EBADMSG },
	{ "a number as argument", HOOK("/run/it", "10", "1"), -EBADMSG },
	{ "as many arguments as may be", HOOK("/run/it", "10", "\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\""), 0 },
	{ "one more", HOOK("/run/it", "10", "\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\""), -EBADMSG },
	{ "a long argument", HOOK("/run/it", "10", "\"" ARG_24 ARG_24 ARG_24 "abcdefghijklmnopqrstuvw\""), 0 },
	{ "one that is too long", HOOK("/run/it", "10", "\"" ARG_24 ARG_24 ARG_24 ARG_24 "\""), -EBADMSG },
	{ "a control character", HOOK("/run/it", "10", "\"\\u001b[2J\""), -EBADMSG },
	{ "version 0", "{\"msg\":\"hello\",\"version\":0,\"level\":\"info\",\"seed\":1}", -EBADMSG },
};

START_TEST(broken_messages)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o = lb_proto_parse(rows[i].line, strlen(rows[i].line), NULL);
		ck_assert_msg(o != NULL, "%s: not JSON", rows[i].what);
		struct check_msg m;
		int rc = check_msg_read_probe(o, &m);
		ck_assert_msg(rc == rows[i].rc, "%s: %d", rows[i].what, rc);
		if (rc == 0)
			check_msg_done(&m);
		json_decref(o);
	}
	/* what the worker says is checked as strictly: it talks to strangers all day */
	const char *const lines[] = {
		RAN("{\"us\":1,\"text\":\"\\u001b[2J\"}"),
		RAN("{\"us\":-1,\"text\":\"\"}"),
		RAN("{\"us\":1}"),
		RAN("{\"text\":\"a\"}"),
		RAN("5"),
		RAN(STEPS_8 STEPS_8 STEPS_8 "{\"us\":1,\"text\":\"the 25th\"}"),
		"{\"msg\":\"ran\",\"token\":1,\"id\":1,\"code\":\"L9OK\",\"text\":\"\",\"latency_us\":0,\"steps\":[]}",
		"{\"msg\":\"hook.done\",\"id\":1,\"code\":\"PROC\",\"text\":\"\",\"took_us\":0}",
		"{\"msg\":\"hook.done\",\"id\":1,\"code\":\"PROCOK\",\"text\":\"\\u0007\",\"took_us\":0}",
		STATE("\"n\":0,\"judged\":false,\"up\":true,\"code\":\"L4OK\",\"text\":\"\",\"latency_us\":0"),
		STATE("\"n\":70000,\"judged\":true,\"up\":true,\"code\":\"L4OK\",\"text\":\"\",\"latency_us\":0"),
		STATE("\"n\":0,\"judged\":true,\"up\":true,\"code\":\"L9OK\",\"text\":\"\",\"latency_us\":0"),
		STATE("\"n\":0,\"judged\":true,\"up\":true,\"code\":\"L4OK\",\"text\":\"\\u001b[2J\",\"latency_us\":0"),
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *o = lb_proto_parse(lines[i], strlen(lines[i]), NULL);
		struct check_msg m;
		ck_assert_int_eq(check_msg_read_core(o, &m), -EBADMSG);
		json_decref(o);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("check_msg");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, every_member_counts);
	tcase_add_test(tc, broken_messages);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
