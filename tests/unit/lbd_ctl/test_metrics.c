/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of metrics, from a model made of text and a kernel that a function plays. */
#include "lbd/ctl/metrics.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/fixture.h"

#include <errno.h>
#include <sys/socket.h>

#define TEXT                                                                                                           \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.1:80, 203.0.113.1:443], backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n"               \
	"  mail: { listen: \"[2001:db8::1]:25\", check: none, backends: { m: \"[2001:db8::5]:25\" } }\n"

static struct {
	struct world w;
	struct ctl_env env;
	struct ipvs_reconciler *ipvs;
	struct ctl_lag lag;
	int kernel_err;
	unsigned dumps;
} k;

/* What a backend has been counted: told from its last byte and the port, so that a mix-up is seen. */
static void stats_of(uint8_t last, uint16_t port, struct ipvs_stats *s)
{
	*s = (struct ipvs_stats){ .conns = last * 1000u + port, .in_bytes = 5 };
}

static int services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	(void)arg;
	for (uint32_t i = 0; i < k.w.m->n_listeners && !k.kernel_err; i++) {
		struct ipvs_service svc = { .key = k.w.m->listeners[i].key };
		struct ipvs_stats st;
		stats_of(0, svc.key.port, &st);
		fn(&svc, &st, fn_arg);
	}
	return k.kernel_err;
}

/* Newest first, and one that is not ours; b is not in the kernel behind port 443. */
static int dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	static const char *const addrs[] = { "10.9.9.9", "10.1.0.2", "10.1.0.1", "2001:db8::5" };
	(void)arg;
	k.dumps++;
	for (size_t i = 0; i < COUNT(addrs); i++) {
		struct ipvs_dest d = { .port = key->port };
		struct ipvs_counts c = { .active = 3, .inactive = 2, .persistent = 1 };
		struct ipvs_stats st;
		ck_assert_int_eq(lb_ip_parse(addrs[i], strlen(addrs[i]), &d.addr), 0);
		if (d.addr.family != key->addr.family || (i == 1 && key->port == 443))
			continue;
		stats_of(d.addr.family == AF_INET ? d.addr.b[3] : d.addr.b[15], key->port, &st);
		fn(&d, &c, &st, fn_arg);
	}
	return 0;
}

static struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static size_t op_workers(void *arg, struct ctl_worker_info *out, size_t n)
{
	(void)arg;
	if (n)
		out[0] = (struct ctl_worker_info){ .name = "probe", .restarts = 2, .rss_kib = 3, .up = true };
	return 1;
}

static const struct ctl_ops ops = { .now = op_now, .workers = op_workers };

static void setup(void)
{
	static const struct ipvs_events none;
	const struct ipvs_kernel kernel = { .services = services, .dests = dests };
	memset(&k, 0, sizeof(k));
	world_start(&k.w, TEXT);
	k.ipvs = ipvs_new(&kernel, &none);
	k.env = (struct ctl_env){ .model = k.w.m,
		.ipvs = k.ipvs,
		.overrides = k.w.ov,
		.lag = &k.lag,
		.version = "1.0 \"x\"\\\n",
		.started_wall_ms = WALL,
		.rss_kib = 7,
		.generation = 17,
		.ops = &ops };
}

static void teardown(void)
{
	ipvs_free(k.ipvs);
	world_end(&k.w);
}

/* All of it, and in how many pieces. */
static char *text_with(const char *prefix, unsigned *pieces)
{
	struct metrics *m = metrics_begin(&k.env, prefix);
	struct lb_text out = LB_TEXT_INIT;
	int more = 1;
	ck_assert(m != NULL);
	for (*pieces = 0; more == 1; ++*pieces)
		more = metrics_next(m, &out);
	ck_assert_int_eq(more, 0);
	metrics_end(m);
	return out.s ? out.s : strdup("");
}

static void expect(const char *what, const char *prefix, const char *text)
{
	unsigned pieces;
	char *got = text_with(prefix, &pieces);
	ck_assert_msg(strcmp(got, text) == 0, "%s:\n%s\ninstead of\n%s", what, got, text);
	free(got);
}

START_TEST(each_backend_has_what_the_kernel_counts_for_it)
{
	setup();
	expect("by listener and backend, in the order of the keys", "lbd_backend_connections_total",
		"# HELP lbd_backend_connections_total Connections scheduled, counted by IPVS.\n"
		"# TYPE lbd_backend_connections_total counter\n"
		"lbd_backend_connections_total{service=\"web\",listen=\"203.0.113.1:80/tcp\",backend=\"a\"} 1080\n"
		"lbd_backend_connections_total{service=\"web\",listen=\"203.0.113.1:80/tcp\",backend=\"b\"} 2080\n"
		"lbd_backend_connections_total{service=\"web\",listen=\"203.0.113.1:443/tcp\",backend=\"a\"} 1443\n"
		"lbd_backend_connections_total{service=\"mail\",listen=\"[2001:db8::1]:25/tcp\",backend=\"m\"} 5025\n");
	expect("of a service", "lbd_service_connections_total",
		"# HELP lbd_service_connections_total Connections scheduled, counted by IPVS.\n"
		"# TYPE lbd_service_connections_total counter\n"
		"lbd_service_connections_total{service=\"web\",listen=\"203.0.113.1:80/tcp\"} 80\n"
		"lbd_service_connections_total{service=\"web\",listen=\"203.0.113.1:443/tcp\"} 443\n"
		"lbd_service_connections_total{service=\"mail\",listen=\"[2001:db8::1]:25/tcp\"} 25\n");
	k.kernel_err = -EIO;
	expect("a kernel that cannot be read has no samples and no heads", "lbd_backend_connections_total", "");
	k.env.kernel_missing = true;
	k.dumps = 0;
	expect("nor one that is not there", "lbd_backend_connections", "");
	ck_assert_uint_eq(k.dumps, 0);
	teardown();
}
END_TEST

START_TEST(values_and_labels)
{
	setup();
	ctl_lag_add(&k.lag, 1000);
	ctl_lag_add(&k.lag, 1001);
	ctl_lag_add(&k.lag, 5000000);
	expect("labels are escaped", "lbd_build",
		"# HELP lbd_build_info Always 1; the version of the daemon that runs.\n"
		"# TYPE lbd_build_info gauge\n"
		"lbd_build_info{version=\"1.0 \\\"x\\\"\\\\\\n\"} 1\n");
	expect("times have their fraction", "lbd_start",
		"# HELP lbd_start_time_seconds When the core started, by the wall "
		"clock.\n# TYPE lbd_start_time_seconds gauge\n"
		"lbd_start_time_seconds 1700000000\n");
	expect("a histogram adds up", "lbd_worker_loop",
		"# HELP lbd_worker_loop_lag_seconds How late the loop of the process was, the worst of each second.\n"
		"# TYPE lbd_worker_loop_lag_seconds histogram\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.001\"} 1\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.005\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.01\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.025\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.05\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.1\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"0.25\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"1\"} 2\n"
		"lbd_worker_loop_lag_seconds_bucket{worker=\"core\",le=\"+Inf\"} 3\n"
		"lbd_worker_loop_lag_seconds_sum{worker=\"core\"} 5.002001\n"
		"lbd_worker_loop_lag_seconds_count{worker=\"core\"} 3\n");
	expect("processes", "lbd_worker_resident",
		"# HELP lbd_worker_resident_memory_bytes Resident memory of the process, as it says itself.\n"
		"# TYPE lbd_worker_resident_memory_bytes gauge\n"
		"lbd_worker_resident_memory_bytes{worker=\"core\"} 7168\n"
		"lbd_worker_resident_memory_bytes{worker=\"probe\"} 3072\n");
	world_health(&k.w, "web/b", 0, true);
	world_paused(&k.w, "web/a", 0);
	world_wait(&k.w, 61500);
	expect("only of a check that says nothing", "lbd_check_error",
		"# HELP lbd_check_error_seconds How long its probes have ended in nothing but a fault of our own; "
		"absent "
		"when they do not.\n"
		"# TYPE lbd_check_error_seconds gauge\n"
		"lbd_check_error_seconds{service=\"web\",backend=\"a\",check=\"tcp\"} 61.5\n");
	expect("an empty set: neither instances nor nodes", "lbd_vrrp", "");
	ck_assert(metrics_known("lbd_vrrp") && metrics_known("") && !metrics_known("lbd_x"));
	teardown();
}
END_TEST

/* Also a text of many pieces is the one that each metric alone gives, one after the other. */
START_TEST(it_is_written_in_pieces)
{
	unsigned pieces, few;
	struct lb_text big = LB_TEXT_INIT, parts = LB_TEXT_INIT;
	setup();
	world_end(&k.w);
	memset(&k.w, 0, sizeof(k.w));
	lb_text_puts(&big, "services:\n");
	for (unsigned i = 0; i < 400; i++)
		lb_text_printf(&big, "  s%03u: { listen: 203.0.113.%u:%u, backends: { a: 10.1.0.1, b: 10.1.0.2 } }\n",
			i, i % 250, 80 + i);
	world_start(&k.w, big.s);
	k.env.model = k.w.m;
	k.env.overrides = k.w.ov;
	char *all = text_with(NULL, &pieces);
	for (size_t i = 0; i < metrics_n; i++) {
		char *one = text_with(metrics_table[i].name, &few), *next = *one ? strstr(one + 1, "# HELP") : NULL;
		lb_text_put(&parts, one,
			next ? (size_t)(next - one) : strlen(one)); /* a name may be the start of another */
		free(one);
	}
	ck_assert_uint_gt(pieces, strlen(all) / 40000);
	ck_assert_str_eq(all, parts.s);
	free(all);
	lb_text_done(&big);
	lb_text_done(&parts);
	teardown();
}
END_TEST

START_TEST(another_configuration_ends_it)
{
	struct lb_text out = LB_TEXT_INIT;
	setup();
	struct metrics *m = metrics_begin(&k.env, NULL);
	ck_assert_int_eq(metrics_next(m, &out), 1);
	k.env.turn++;
	ck_assert_int_eq(metrics_next(m, &out), -ESTALE);
	metrics_end(m);
	lb_text_done(&out);
	teardown();
}
END_TEST

/* Each alarm of VRRP is in the list that its metric runs over. */
START_TEST(every_alarm_has_a_row)
{
	for (unsigned i = 0; i < VRRP_ALARM_COUNT; i++) {
		bool found = false;
		for (size_t n = 0; n < lb_alarms_n; n++)
			found |= strcmp(lb_alarms[n].name, vrrp_alarms[i]) == 0;
		ck_assert_msg(found, "%s", vrrp_alarms[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { each_backend_has_what_the_kernel_counts_for_it, values_and_labels,
		it_is_written_in_pieces, another_configuration_ends_it, every_alarm_has_a_row };
	return run_suite("metrics", tests, COUNT(tests));
}
