/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator asks of whole services and of the log: top, service zero, maint and enable, log level. */
#include "common/log.h"
#include "lbd/ipvs/ipvs_reconcile.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/fixture.h"

#include <errno.h>
#include <sys/socket.h>

#define WEB                                                                                                            \
	"services:\n"                                                                                                  \
	"  web: { listen: 203.0.113.1:80, check: none, backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"                     \
	"  dns: { listen: 203.0.113.1:53, protocol: udp, check: none, backends: { c: 10.1.0.3 } }\n"

static struct {
	struct world w;
	struct ctl_env env;
	struct ipvs_reconciler *ipvs;
	struct ctl_collect c;
	int err; /* of every call of the kernel */
	char zeroed[200], object[64];
	struct ctl_level_info levels[LB_LOG_PARTS];
} k;

static const struct ipvs_stats counted = {
	.conns = 1, .in_packets = 2, .out_packets = 3, .in_bytes = 4, .out_bytes = 5
};

static int services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	(void)arg;
	for (uint32_t i = 0; !k.err && i < k.w.m->n_listeners; i++) {
		struct ipvs_service s = { .key = k.w.m->listeners[i].key };
		fn(&s, &counted, fn_arg);
	}
	struct ipvs_service other = { .key = k.w.m->listeners[0].key };
	other.key.port = 999;
	if (!k.err)
		fn(&other, &counted, fn_arg);
	return k.err;
}

static int dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	(void)arg;
	const struct ipvs_counts counts = { .active = 6, .inactive = 7 };
	for (uint8_t i = 1; !k.err && i <= 4; i++) { /* 10.1.0.4 is of somebody else */
		struct ipvs_dest d = { .addr = { .family = AF_INET, .b = { 10, 1, 0, i } }, .port = key->port };
		fn(&d, &counts, &counted, fn_arg);
	}
	return k.err;
}

static int zero(void *arg, const struct ipvs_key *key)
{
	char text[IPVS_KEY_STRLEN];
	(void)arg;
	size_t n = strlen(k.zeroed);
	snprintf(k.zeroed + n, sizeof(k.zeroed) - n, "%s ", ipvs_key_str(key, text));
	return k.err;
}

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static int64_t op_wall_ms(void *arg)
{
	(void)arg;
	return WALL;
}

static void op_override_changed(void *arg, const char *object, enum override_kind kind, const struct override_who *who)
{
	(void)arg, (void)kind, (void)who;
	snprintf(k.object, sizeof(k.object), "%s", object);
	model_override_changed(k.w.m, object);
	world_settle(&k.w);
}

static void op_level_get(void *arg, enum lb_log_part part, struct ctl_level_info *out)
{
	(void)arg;
	*out = k.levels[part];
}

static void op_level_set(void *arg, enum lb_log_part part, enum lb_log_level level, int64_t for_ms)
{
	(void)arg;
	k.levels[part] = (struct ctl_level_info){ level, LB_LOG_INFO, for_ms ? WALL + for_ms : 0, true };
}

static void op_level_clear(void *arg, enum lb_log_part part)
{
	(void)arg;
	k.levels[part] = (struct ctl_level_info){ LB_LOG_INFO, LB_LOG_INFO, 0, false };
}

static const struct ctl_ops ops = { .now = op_now,
	.wall_ms = op_wall_ms,
	.boot = op_now,
	.wait = op_wait,
	.asked = op_asked_for,
	.override_changed = op_override_changed,
	.overrides_stored = op_overrides_stored,
	.level_get = op_level_get,
	.level_set = op_level_set,
	.level_clear = op_level_clear };

static void setup(void)
{
	const struct ipvs_kernel kernel = { .services = services, .dests = dests, .zero = zero };
	const struct ipvs_events events = { 0 };
	memset(&k, 0, sizeof(k));
	for (int i = 0; i < LB_LOG_PARTS; i++)
		op_level_clear(NULL, (enum lb_log_part)i);
	world_start(&k.w, WEB);
	k.ipvs = ipvs_new(&kernel, &events);
	k.env = (struct ctl_env){ .model = k.w.m, .overrides = k.w.ov, .ipvs = k.ipvs, .ops = &ops };
}

static void teardown(void)
{
	ipvs_free(k.ipvs);
	world_end(&k.w);
}

/* An answer: how it ended, then the texts of its rows, or all of the rows. */
static const char *said(const char *name, const char *args, int err)
{
	static char out[4000];
	size_t i, n;
	json_t *row;
	k.err = err;
	command(&k.env, &k.c, name, args);
	const char *message = lb_proto_str(k.c.end, "message");
	n = (size_t)snprintf(out, sizeof(out), "%lld %s|", lb_proto_int(k.c.end, "code", -1), message ? message : "");
	json_array_foreach (k.c.rows, i, row) {
		const char *text = lb_proto_str(row, "text");
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", text ? text : "");
	}
	ctl_collect_done(&k.c);
	return out;
}

static const struct {
	const char *what, *name, *args;
	int err;
	const char *out;
} rows[] = {
	{ "a line for each listener of ours, and none for others", "top", "{}", 0,
		"0 |dns\t203.0.113.1:53/udp\t1\t2\t3\t4\t5\nweb\t203.0.113.1:80/tcp\t1\t2\t3\t4\t5\n" },
	{ "of one service", "top", "{\"service\": \"dns\"}", 0, "0 |dns\t203.0.113.1:53/udp\t1\t2\t3\t4\t5\n" },
	{ "of one that is not there", "top", "{\"service\": \"mail\"}", 0, "4 there is no such service|" },
	{ "backends of ours, with what they hold", "top", "{\"kind\": \"backend\", \"service\": \"web\"}", 0,
		"0 |web/a\t203.0.113.1:80/tcp\t1\t2\t3\t4\t5\t6\t7\nweb/b\t203.0.113.1:80/tcp\t1\t2\t3\t4\t5\t6\t7\n" },
	{ "without IPVS it says so", "top", "{}", -ENOPROTOOPT,
		"8 the kernel cannot be read: it has no IPVS (modprobe ip_vs)|" },
	{ "and backends of one service are no exception", "top", "{\"kind\": \"backend\", \"service\": \"web\"}",
		-ENOPROTOOPT, "8 the kernel cannot be read: it has no IPVS (modprobe ip_vs)|" },
	{ "zero", "service.zero", "{\"service\": \"web\"}", 0, "0 service web is counted from 0 anew|" },
	{ "what is not in the kernel has counted nothing", "service.zero", "{\"service\": \"web\"}", -ESRCH,
		"0 service web is counted from 0 anew|" },
	{ "a kernel that does not", "service.zero", "{\"service\": \"web\"}", -ENOPROTOOPT,
		"8 service web: the kernel has not set the counters of 203.0.113.1:80/tcp to 0: "
		"it has no IPVS (modprobe ip_vs)|" },
};

START_TEST(who_asked_is_told)
{
	(void)said("log.level", "{}", 0);
	ck_assert_str_eq(operator_said, ""); /* that only looks */
	(void)said("log.level", "{\"subsystem\": \"vrrp\", \"level\": \"debug\", \"for\": 60}", 0);
	ck_assert_str_eq(operator_said, "log level subsystem=vrrp level=debug for=60 by alice");
	(void)said("service.zero", "{\"service\": \"web\"}", 0);
	ck_assert_str_eq(operator_said, "service zero service=web by alice");
}
END_TEST

START_TEST(an_answer)
{
	const char *out = said(rows[_i].name, rows[_i].args, rows[_i].err);
	ck_assert_msg(strcmp(out, rows[_i].out) == 0, "%s: '%s'", rows[_i].what, out);
	if (strcmp(rows[_i].name, "service.zero") == 0)
		ck_assert_str_eq(k.zeroed, "203.0.113.1:80/tcp ");
}
END_TEST

START_TEST(a_service_is_taken_out_and_comes_back)
{
	ck_assert_str_eq(said("service.maint", "{\"service\": \"web\", \"for\": 1800, \"reason\": \"move\"}", 0),
		"0 service web is in maintenance for 30m: no flows, no backend in the kernel|");
	ck_assert_str_eq(k.object, "service:web");
	command(&k.env, &k.c, "service.show", "{\"service\": \"web\"}");
	rows_fit(&k.c, LB_ROW_SERVICE);
	ck_assert_str_eq(cell(&k.c, 0, "status"), "\"maint\"");
	ck_assert_str_eq(cell(&k.c, 0, "reasons"), "[\"service_maint\"]");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "overrides"), "alice"));
	ctl_collect_done(&k.c);
	ck_assert_str_eq(
		said("service.enable", "{\"service\": \"web\"}", 0), "0 service web is enabled: its backends decide|");
	ck_assert_uint_eq(overrides_count(k.w.ov), 0);
	ck_assert_int_eq(k.w.m->services[0].status, MODEL_SERVICE_UP);
}
END_TEST

START_TEST(a_part_of_the_log_has_its_own_level)
{
	command(&k.env, &k.c, "log.level", "{\"subsystem\": \"check\", \"level\": \"debug\", \"for\": 600}");
	ended(&k.c, 0, "check is logged at level debug for 10m, then as the configuration says");
	rows_fit(&k.c, LB_ROW_LOG);
	ck_assert_uint_eq(json_array_size(k.c.rows), 1);
	ck_assert_str_eq(cell(&k.c, 0, "level"), "\"debug\"");
	ck_assert_str_eq(cell(&k.c, 0, "configured"), "\"info\"");
	ck_assert_str_eq(cell(&k.c, 0, "left"), "600");
	ctl_collect_done(&k.c);
	command(&k.env, &k.c, "log.level", "{}");
	ended(&k.c, 0, "");
	ck_assert_uint_eq(json_array_size(k.c.rows), LB_LOG_PARTS);
	ck_assert_str_eq(cell(&k.c, LB_LOG_CHECK, "level"), "\"debug\"");
	ck_assert_str_eq(cell(&k.c, LB_LOG_VRRP, "level"), "\"info\"");
	ck_assert_str_eq(cell(&k.c, LB_LOG_VRRP, "left"), "-");
	ctl_collect_done(&k.c);
	command(&k.env, &k.c, "log.level", "{\"subsystem\": \"all\", \"level\": \"auto\"}");
	ended(&k.c, 0, "everything is logged as the configuration says");
	ck_assert_str_eq(cell(&k.c, LB_LOG_CHECK, "level"), "\"info\"");
	ctl_collect_done(&k.c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_operator");
	TCase *c = tcase_create("ctl_operator");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, who_asked_is_told);
	tcase_add_loop_test(c, an_answer, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, a_service_is_taken_out_and_comes_back);
	tcase_add_test(c, a_part_of_the_log_has_its_own_level);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
