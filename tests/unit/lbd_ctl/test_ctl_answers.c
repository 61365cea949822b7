/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an operator is shown of services, backends, the kernel and the configuration: the whole way from a text through
 * the plan into a kernel made of rows, and back out as an answer. Every row is held against the table of its columns.
 */
#include "lbd/ctl/ctl_wait.h"
#include "tests/unit/lbd_ctl/node.h"

#define TEXT                                                                                                           \
	"checks: { c: { type: tcp, rise: 2, fall: 2 } }\n"                                                             \
	"services:\n"                                                                                                  \
	"  web: { listen: [203.0.113.1:80, 203.0.113.1:81], scheduler: { name: mh, flags: [mh-port] }, check: c,\n"    \
	"    quorum: { up: 1 }, sorry: 10.1.0.9:80, persistence: { timeout: 5m },\n"                                   \
	"    drain: { timeout: 30s, then: cut },\n"                                                                    \
	"    backends: { a: { address: 10.1.0.1, weight: 5, max_connections: 10, resume_below: 5 }, b: 10.1.0.2 } }\n" \
	"  dns: { listen: 203.0.113.1:53, protocol: udp, one_packet: true, check: none,\n"                             \
	"    backends: { d: { address: 10.1.0.3, mode: tun, tunnel: { type: gue, port: 6080 } } } }\n"                 \
	"  six: { drain: keep, listen: \"[2001:db8::1]:80\", check: none, mode: dr, backends: { s: \"2001:db8::2\" } " \
	"}\n"                                                                                                          \
	"  mark: { fwmark: 7, check: none, backends: { m: 10.1.0.4:80 } }\n"

static void setup(void)
{
	node_start(TEXT);
}

/* ---- one cell of one row of an answer ---- */

static const struct {
	const char *what, *name, *args;
	int code; /* of the end */
	size_t n_rows, row;
	const char *key, *value;
} cells[] = {
	{ "a service with all that it has", "service.list", "{}", 0, 4, 3, "scheduler", "\"mh\"" },
	{ "its flags by name", "service.list", "{}", 0, 4, 3, "flags", "[\"mh-port\"]" },
	{ "one packet is a flag, too", "service.list", "{}", 0, 4, 0, "flags", "[\"one-packet\"]" },
	{ "both listeners", "service.list", "{}", 0, 4, 3, "listen",
		"[\"203.0.113.1:80/tcp\",\"203.0.113.1:81/tcp\"]" },
	{ "a mark is a listener", "service.list", "{}", 0, 4, 1, "listen", "[\"fwmark:7/ipv4\"]" },
	{ "flows", "service.list", "{}", 0, 4, 2, "active", "2" },
	{ "a sorry server waits", "service.show", "{\"service\": \"web\"}", 0, 1, 0, "sorry", "\"10.1.0.9:80\"" },
	{ "or serves, as nothing was ever checked", "service.show", "{\"service\": \"web\"}", 0, 1, 0, "sorry_active",
		"true" },
	{ "persistence", "service.show", "{\"service\": \"web\"}", 0, 1, 0, "persistence", "300" },
	{ "what is not there", "service.show", "{\"service\": \"wep\"}", 4, 0, 0, NULL, NULL },
	{ "every backend", "backend.list", "{}", 0, 5, 1, "backend", "\"m\"" },
	{ "limits", "backend.list", "{\"service\": \"web\"}", 0, 2, 0, "max_connections", "10" },
	{ "a tunnel with its port", "backend.show", "{\"backend\": \"dns/d\"}", 0, 1, 0, "tunnel", "\"gue:6080\"" },
	{ "counts of one", "backend.show", "{\"backend\": \"dns/d\"}", 0, 1, 0, "inactive", "3" },
	{ "one that is not there", "backend.show", "{\"backend\": \"web/z\"}", 4, 0, 0, NULL, NULL },
	{ "a list of what is not there", "backend.list", "{\"service\": \"mail\"}", 4, 0, 0, NULL, NULL },
	{ "counters by listener", "service.stats", "{}", 0, 5, 1, "connections", "100" },
	{ "rates by listener", "service.stats", "{\"rate\": true}", 0, 5, 1, "connections_per_second", "105" },
	{ "of one service", "service.stats", "{\"service\": \"six\"}", 0, 1, 0, "incoming_bytes", "203" },
	{ "counters by backend", "backend.stats", "{\"service\": \"dns\"}", 0, 1, 0, "outgoing_bytes", "1004" },
	{ "with what it holds", "backend.stats", "{\"service\": \"dns\"}", 0, 1, 0, "active", "2" },
	{ "rates by backend", "backend.stats", "{\"service\": \"dns\", \"rate\": true}", 0, 1, 0,
		"incoming_packets_per_second", "1006" },
	{ "of what is not there", "backend.stats", "{\"service\": \"mail\"}", 4, 0, 0, NULL, NULL },
	{ "the kernel's own head", "service.list", "{\"kernel\": true}", 0, 15, 0, "version", "\"1.2.1\"" },
	{ "a service of the kernel", "service.stats", "{\"kernel\": true}", 0, 15, 7, "scheduler", "\"mh\"" },
	{ "and its timeout", "service.list", "{\"kernel\": true}", 0, 15, 7, "persistent", "300" },
	{ "a mark of the kernel", "service.list", "{\"kernel\": true}", 0, 15, 3, "fwmark", "7" },
	{ "a tunnel of the kernel", "service.list", "{\"kernel\": true}", 0, 15, 2, "tunnel_type", "\"gue\"" },
	{ "what way a packet goes", "config.export", "{\"format\": \"ipvsadm\"}", 0, 15, 6, "method", "\"dr\"" },
	{ "the kernel is as it should be", "kernel.diff", "{}", 0, 0, 0, NULL, NULL },
	{ "the daemon", "daemon.info", "{}", 0, 1, 0, "kernel_services", "5" },
	{ "with what they have", "daemon.info", "{}", 0, 1, 0, "kernel_dests", "9" },
	{ "when it was loaded", "daemon.info", "{}", 0, 1, 0, "loaded", "\"2023-11-14T22:13:21.000Z\"" },
	{ "the kernel's version", "daemon.info", "{}", 0, 1, 0, "ipvs_version", "\"1.2.1\"" },
};

START_TEST(a_cell)
{
	ask(cells[_i].name, cells[_i].args);
	ended(&k.c, cells[_i].code, lb_proto_str(k.c.end, "message"));
	ck_assert_msg(json_array_size(k.c.rows) == cells[_i].n_rows, "%s: %zu rows", cells[_i].what,
		json_array_size(k.c.rows));
	if (cells[_i].key)
		ck_assert_msg(strcmp(cell(&k.c, cells[_i].row, cells[_i].key), cells[_i].value) == 0, "%s: %s",
			cells[_i].what, cell(&k.c, cells[_i].row, cells[_i].key));
	done();
}
END_TEST

START_TEST(rows_are_as_their_table_says)
{
	ask("service.show", "{\"service\": \"web\"}");
	rows_fit(&k.c, LB_ROW_SERVICE);
	done();
	ask("backend.list", "{}");
	rows_fit(&k.c, LB_ROW_BACKEND);
	done();
	ask("status", "{}");
	rows_fit(&k.c, LB_ROW_STATUS);
	done();
	ask("daemon.info", "{}");
	rows_fit(&k.c, LB_ROW_DAEMON);
	for (const struct lb_field *f = lb_rows[LB_ROW_DAEMON].fields; f->key; f++)
		ck_assert_msg(strcmp(cell(&k.c, 0, f->key), "-") != 0, "nothing fills %s", f->key);
	done();
}
END_TEST

#define MANY 5000u

static void start_with_many(void)
{
	struct lb_text t = LB_TEXT_INIT;
	node_end();
	lb_text_puts(&t, "services:\n  web:\n    listen: 203.0.113.1:80\n    check: none\n    backends:\n");
	for (unsigned i = 0; i < MANY; i++)
		lb_text_printf(&t, "      app%04u: 10.1.%u.%u\n", i, i / 200, i % 200 + 1);
	node_start(t.s);
	lb_text_done(&t);
}

START_TEST(a_service_of_many_backends_is_shown)
{
	start_with_many();
	ask("service.show", "{\"service\": \"web\"}");
	ended(&k.c, LB_CODE_OK, "");
	rows_fit(&k.c, LB_ROW_SERVICE);
	const json_t *row = json_array_get(k.c.rows, 0);
	size_t shown = json_array_size(json_object_get(row, "members"));
	ck_assert_uint_gt(shown, 100);
	ck_assert_int_eq(lb_proto_int(row, "members_more", 0), MANY - (long long)shown);
	done();
}
END_TEST

/* What a client reads between two steps, and what is done in one: no more than somebody who waits would notice. */
static const struct {
	const char *what, *name, *args;
	size_t rows, bytes; /* in all; at most in a step, of the text of a row */
} long_ones[] = {
	{ "backends", "backend.list", "{}", MANY, 0 },
	{ "their counters", "backend.stats", "{}", MANY, 0 },
	{ "what the kernel has", "service.list", "{\"kernel\": true}", MANY + 2, 0 },
	{ "what it does not have", "kernel.diff", "{}", MANY, 0 },
	{ "busy ones", "top", "{\"kind\": \"backend\"}", 0, 40000 },
};

static bool always_later(void *arg)
{
	(void)arg;
	return true;
}

START_TEST(a_long_answer_is_cut_into_steps)
{
	size_t had = 0;
	start_with_many();
	json_t *args = json_loads(long_ones[_i].args, 0, NULL);
	const struct ctl_peer peer = { .user = "alice", .level = CTL_LEVEL_ADMIN };
	struct ctl_request rq = { .cmd = lb_command_wire(long_ones[_i].name), .args = args, .peer = &peer, .fd = -1 };
	ck_assert_int_eq(ctl_collect_init(&k.c), 0);
	struct ctl_sink sink = *k.c.reply.sink;
	sink.later = always_later;
	k.c.reply.sink = &sink;
	if (strcmp(long_ones[_i].name, "kernel.diff") == 0)
		k.rows[0].dests.n = 0;
	ctl_cmd(&k.env, &rq, &k.c.reply);
	do {
		size_t n = json_array_size(k.c.rows);
		ck_assert_msg(n - had <= CTL_STEP_ROWS + 1, "%s: %zu rows in a step", long_ones[_i].what, n - had);
		for (; had < n; had++) {
			const json_t *text = json_object_get(json_array_get(k.c.rows, had), "text");
			ck_assert_uint_le(json_string_length(text), long_ones[_i].bytes);
		}
	} while (ctl_reply_pump(&k.c.reply));
	ended(&k.c, strcmp(long_ones[_i].name, "kernel.diff") == 0 ? LB_CODE_NO : LB_CODE_OK, "");
	if (long_ones[_i].rows)
		ck_assert_uint_eq(json_array_size(k.c.rows), long_ones[_i].rows);
	done();
	json_decref(args);
}
END_TEST

/* ---- a kernel that cannot be read, or is not as it was left ---- */

START_TEST(without_a_kernel_it_is_said)
{
	static const char *const asked[][2] = { { "service.stats", "{}" }, { "service.list", "{\"kernel\": true}" },
		{ "kernel.diff", "{}" } };
	for (size_t i = 0; i < COUNT(asked); i++) {
		k.err = -ENOPROTOOPT;
		ask(asked[i][0], asked[i][1]);
		ended(&k.c, LB_CODE_FAILED, "the kernel cannot be read: it has no IPVS (modprobe ip_vs)");
		done();
	}
}
END_TEST

/* Half a list that ends well would be believed. */
START_TEST(a_list_that_breaks_off_says_so)
{
	static const char *const asked[][2] = { { "service.list", "{\"kernel\": true}" }, { "backend.stats", "{}" },
		{ "kernel.diff", "{}" } };
	for (size_t i = 0; i < COUNT(asked); i++) {
		k.err_of_dests = -ENOBUFS;
		ask(asked[i][0], asked[i][1]);
		ended(&k.c, LB_CODE_FAILED, "the kernel cannot be read: No buffer space available");
		done();
	}
}
END_TEST

START_TEST(a_difference_is_told_in_operations)
{
	struct ipvs_row foreign = k.rows[0];
	foreign.svc.key.port = 999;
	k.rows[4].dests.n = 0;                                  /* somebody emptied web on :81 */
	snprintf(k.rows[0].svc.scheduler, IPVS_NAME_MAX, "lc"); /* and gave dns another scheduler */
	memset(&foreign.dests, 0, sizeof(foreign.dests));
	k.rows[k.n_rows++] = foreign;
	ck_assert_int_eq(ipvs_audit_begin(k.env.ipvs), 1); /* the stranger is seen */
	ask("kernel.diff", "{}");
	ended(&k.c, LB_CODE_NO, "");
	ck_assert_uint_eq(json_array_size(k.c.rows), 5);
	ck_assert_str_eq(cell(&k.c, 0, "op"), "\"change\"");
	ck_assert_str_eq(cell(&k.c, 0, "object"), "\"203.0.113.1:53/udp\"");
	ck_assert_str_eq(cell(&k.c, 1, "op"), "\"add\"");
	ck_assert_str_eq(cell(&k.c, 1, "object"), "\"203.0.113.1:81/tcp -> 10.1.0.1:81\"");
	ck_assert_str_eq(cell(&k.c, 4, "op"), "\"keep\"");
	done();
}
END_TEST

START_TEST(what_the_kernel_refused_is_shown_everywhere)
{
	k.refused = 53;
	world_load(&k.w,
		"services: { dns: { listen: 203.0.113.2:53, check: none, backends: { d: 10.1.0.3 } },\n"
		"  ok: { listen: 203.0.113.2:80, check: none, backends: { x: 10.1.0.3:80, y: 10.1.0.3:53 } } }\n");
	k.env.model = k.w.m;
	reconcile();
	ask("status", "{\"check\": true}");
	ended(&k.c, LB_CODE_NO, "");
	ck_assert_str_eq(cell(&k.c, 0, "alarms"), "[\"kernel_refused\"]");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "findings"), "203.0.113.2:53"));
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "problems"), "kernel_refused"));
	done();
	ask("service.list", "{}");
	ck_assert_str_eq(cell(&k.c, 0, "status"), "\"down\""); /* not taken at all */
	ck_assert_str_eq(cell(&k.c, 0, "in_pool"), "0");
	ck_assert_str_eq(cell(&k.c, 1, "status"), "\"degraded\""); /* in part */
	ck_assert_str_eq(cell(&k.c, 1, "reasons"), "[\"kernel_refused\"]");
	done();
	ask("backend.show", "{\"backend\": \"ok/y\"}");
	ck_assert_str_eq(cell(&k.c, 0, "state"), "\"down\"");
	ck_assert_str_eq(cell(&k.c, 0, "reason"), "\"kernel_refused\"");
	done();
}
END_TEST

START_TEST(a_list_ends_when_the_configuration_changes_under_it)
{
	static const char *const asked[] = { "service.list", "backend.list", "backend.stats", "kernel.diff" };
	for (size_t i = 0; i < COUNT(asked); i++) {
		k.reloads = true;
		ask(asked[i], "{}");
		ck_assert_int_eq(lb_proto_int(k.c.end, "code", -1), LB_CODE_REFUSED);
		ck_assert_ptr_nonnull(strstr(lb_proto_str(k.c.end, "message"), "run it again"));
		done();
	}
}
END_TEST

/* ---- what an operator says ---- */

static const struct {
	const char *what, *name, *args;
	int code;
	const char *said;
} words[] = {
	{ "a drain with its time", "backend.drain", "{\"backend\": \"web/a\"}", 0,
		"backend web/a drains: no new flows, the ones it has may go on for 30s" },
	{ "a drain without", "backend.drain", "{\"backend\": \"six/s\", \"for\": 60}", 0,
		"backend six/s drains for 1m: no new flows, the ones it has go on until they end" },
	{ "maintenance", "backend.maint", "{\"backend\": \"web/b\"}", 0,
		"backend web/b is in maintenance: no flows, no row in the kernel" },
	{ "enabled", "backend.enable", "{\"backend\": \"web/b\"}", 0,
		"backend web/b is enabled: health and weight decide" },
	{ "a weight", "backend.weight", "{\"backend\": \"web/a\", \"weight\": \"3\"}", 0,
		"backend web/a has weight 3 (configured: 5)" },
	{ "a share of one", "backend.weight", "{\"backend\": \"web/a\", \"weight\": \"50%\", \"for\": 60}", 0,
		"backend web/a has weight 50% for 1m, which is 3 of 5" },
	{ "of 1 there is none", "backend.weight", "{\"backend\": \"web/b\", \"weight\": \"10%\"}", 0,
		"backend web/b has weight 10%, which is 1 of 1: weights are whole numbers; for shares give the "
		"backends "
		"larger ones in the file, such as 100" },
	{ "nor below it", "backend.weight", "{\"backend\": \"web/b\", \"weight\": \"0%\"}", 0,
		"backend web/b has weight 0%, which is 0 of 1" },
	{ "all of it", "backend.weight", "{\"backend\": \"web/b\", \"weight\": \"100%\"}", 0,
		"backend web/b has weight 100%, which is 1 of 1" },
	{ "back to the configured one", "backend.weight", "{\"backend\": \"web/a\", \"weight\": \"auto\"}", 0,
		"backend web/a has its configured weight 5" },
	{ "forced", "backend.force", "{\"backend\": \"web/a\", \"force\": \"up\"}", 0,
		"backend web/a is forced up, whatever its checks say" },
	{ "its checks again", "backend.force", "{\"backend\": \"web/a\", \"force\": \"auto\"}", 0,
		"backend web/a: its checks decide again" },
	{ "the nearest name", "backend.drain", "{\"backend\": \"web/c\"}", 4, NULL },
	{ "of no service", "service.maint", "{\"service\": \"wbe\"}", 4, NULL },
};

START_TEST(an_override_says_what_is_true_now)
{
	ask(words[_i].name, words[_i].args);
	ended(&k.c, words[_i].code, words[_i].said ? words[_i].said : lb_proto_str(k.c.end, "message"));
	done();
}
END_TEST

/* Its minutes pass while the machine sleeps. */
START_TEST(an_override_ends_by_the_time_since_the_boot)
{
	k.boot = lb_time_add_ms(k.w.now, 3600000);
	ask("backend.drain", "{\"backend\": \"six/s\", \"for\": 60}");
	done();
	ck_assert_int_eq(overrides_find(k.w.ov, "six/s")->state_item.deadline.us, lb_time_add_ms(k.boot, 60000).us);
}
END_TEST

static const struct {
	const char *name, *args, *told;
} records[] = {
	{ "backend.drain", "{\"backend\": \"web/a\", \"reason\": \"kernel\"}", "state of web/a by alice: kernel" },
	{ "backend.weight", "{\"backend\": \"web/a\", \"weight\": \"5\"}", "weight of web/a by alice: -" },
	{ "backend.enable", "{\"backend\": \"web/a\"}", "state of web/a by alice: -" },
	{ "backend.force", "{\"backend\": \"web/a\", \"force\": \"auto\"}", "force of web/a by alice: -" },
	{ "service.enable", "{\"service\": \"web\"}", "state of service:web by alice: -" },
	{ "vrrp.announce", "{\"vrrp\": \"wan\"}", "vrrp announce vrrp=wan by alice" },
	{ "daemon.stop", "{\"flush\": true}", "daemon stop flush=true by alice" },
	{ "daemon.restart", "{}", "daemon restart by alice" },
	{ "status", "{}", "" },
};

START_TEST(who_did_it_is_told)
{
	*operator_said = '\0';
	ask(records[_i].name, records[_i].args);
	done();
	ck_assert_str_eq(operator_said, records[_i].told);
}
END_TEST

START_TEST(an_override_that_is_not_told_says_so)
{
	struct model_sync pair = { .conf = { .n_paths = 1 } };
	struct override_words *of_pair = override_words_new();
	ck_assert_ptr_nonnull(of_pair);
	k.env.words = of_pair;
	ask("backend.weight", "{\"backend\": \"web/a\", \"weight\": \"7\"}");
	ended(&k.c, 0, "backend web/a has weight 7 (configured: 5)"); /* there is no other node */
	done();
	k.env.sync = &pair;
	ask("backend.weight", "{\"backend\": \"web/a\", \"weight\": \"7\"}");
	ended(&k.c, 0,
		"backend web/a has weight 7 (configured: 5) (on this node alone: two nodes tell each other of 8192 "
		"overrides at most)");
	done();
	(void)override_words_said(of_pair, k.w.ov, "web/a", OVERRIDE_WEIGHT, 1);
	ask("backend.weight", "{\"backend\": \"web/a\", \"weight\": \"7\"}");
	ended(&k.c, 0, "backend web/a has weight 7 (configured: 5)");
	done();
	k.env.words = NULL;
	override_words_free(of_pair);
}
END_TEST

START_TEST(an_override_that_is_not_stored_holds_and_says_so)
{
	not_stored = "the state directory cannot be written";
	ask("backend.force", "{\"backend\": \"web/a\", \"force\": \"up\"}");
	ended(&k.c, 0,
		"backend web/a is forced up, whatever its checks say (not stored: the state directory cannot be "
		"written; it ends with the daemon)");
	done();
	ask("backend.drain", "{\"backend\": \"web/a\", \"reason\": \"disk\"}");
	done();
	ask("backend.force", "{\"backend\": \"web/a\", \"force\": \"down\"}");
	ck_assert_ptr_nonnull(strstr(lb_proto_str(k.c.end, "message"), "(it goes on draining)"));
	done();
	k.w.now = lb_time_add_ms(k.w.now, 10000);
	ask("backend.show", "{\"backend\": \"web/a\"}");
	rows_fit(&k.c, LB_ROW_BACKEND);
	ck_assert_str_eq(cell(&k.c, 0, "admin"), "\"drain\"");
	ck_assert_str_eq(cell(&k.c, 0, "drain_left"), "20");
	ck_assert_str_eq(cell(&k.c, 0, "force"), "\"down\"");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "overrides"), "\"reason\":\"disk\""));
	done();
}
END_TEST

/* ---- configurations ---- */

START_TEST(files_of_a_set_are_told_apart)
{
	static const char mail[] = "/etc/lbd/conf.d/mail.yaml", *const names[] = { "mail.yaml", mail };
	ask("config.show", "{\"generation\": 2}");
	ended(&k.c, 0, "");
	size_t n = json_array_size(k.c.rows);
	ck_assert_str_eq(lb_proto_str(json_array_get(k.c.rows, n - 2), "file"), "/etc/lbd/conf.d/empty.yaml");
	ck_assert_str_eq(lb_proto_str(json_array_get(k.c.rows, n - 1), "file"), mail);
	ck_assert_str_eq(lb_proto_str(json_array_get(k.c.rows, n - 1), "text"), "services: {}");
	done();
	for (size_t i = 0; i < COUNT(names); i++) {
		char args[80];
		snprintf(args, sizeof(args), "{\"generation\": 2, \"file\": \"%s\"}", names[i]);
		ask("config.show", args);
		ended(&k.c, 0, "");
		ck_assert_uint_eq(json_array_size(k.c.rows), 1);
		ck_assert_str_eq(cell(&k.c, 0, "text"), "\"services: {}\"");
		done();
	}
	ask("config.show", "{\"generation\": 2, \"file\": \"ail.yaml\"}");
	ended(&k.c, LB_CODE_NOT_FOUND, "none of its 3 files is ail.yaml (lbctl config show names them)");
	done();
}
END_TEST

START_TEST(a_line_without_end_is_not_cut_within_a_character)
{
	size_t i, all = 0;
	json_t *row;
	ask("config.show", "{\"generation\": 1}");
	ended(&k.c, 0, "");
	json_array_foreach (k.c.rows, i, row) {
		ck_assert_ptr_nonnull(lb_proto_str(row, "text"));
		all += strlen(lb_proto_str(row, "text"));
	}
	ck_assert_uint_gt(all, 2 * 49999 + 2000 * 40);
	done();
}
END_TEST

START_TEST(a_text_comes_in_parts_that_end_at_a_line)
{
	size_t n, i, all = 0;
	json_t *row;
	ask("config.show", "{}");
	ended(&k.c, 0, "");
	n = json_array_size(k.c.rows);
	ck_assert_uint_gt(n, 1);
	json_array_foreach (k.c.rows, i, row) {
		const char *part = lb_proto_str(row, "text");
		all += strlen(part);
		ck_assert_int_eq(part[strlen(part) - 1], '\n');
		ck_assert_str_eq(lb_proto_str(row, "file"), "/etc/lbd/lbd.yaml");
	}
	ck_assert_uint_gt(all, 2000 * 40);
	done();
	ask("config.show", "{\"generation\": 9}");
	ended(&k.c, LB_CODE_NOT_FOUND, "there is no generation 9");
	done();
	ask("config.show", "{\"effective\": true, \"generation\": 2}");
	ended(&k.c, LB_CODE_USAGE, "--effective shows all of the generation that runs (3)");
	done();
	ask("config.show", "{\"effective\": true}");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "text"), "fwmark"));
	done();
}
END_TEST

#define SAYS                                                                                                           \
	"checks:\n"                                                                                                    \
	"  h: { type: http, path: /live?key=pw1, headers: { X-Any: pw2, Authorization: \"Bearer pw3\" }, data: pw4 "   \
	"}\n"                                                                                                          \
	"  t: { type: tcp, send: pw5 }\n"                                                                              \
	"  x: { type: tcp, send_hex: 70773670 }\n"                                                                     \
	"  s: { type: script, path: /usr/lib/s, args: [pw7, pw8] }\n"                                                  \
	"services: { web: { fwmark: 7, check: [h, t, x, s], backends: { a: 10.0.0.1:80 } } }\n"

/* As observe.sock has it. */
START_TEST(who_may_only_look_sees_no_password)
{
	static const char *const there[] = { "path: \"/live?(hidden)\"", "X-Any\": \"(hidden)\"",
		"Authorization\": \"(hidden)\"", "data: \"(hidden)\"", "send: \"(hidden)\"", "- \"(hidden)\"",
		"path: /usr/lib/s", "a:" };
	node_end();
	node_start(SAYS);
	ask("config.show", "{\"effective\": true}");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "text"), "pw1"));
	done();
	command_as(CTL_LEVEL_OBSERVE, &k.env, &k.c, "config.show", "{\"effective\": true}");
	ended(&k.c, 0, "");
	const char *text = lb_proto_str(json_array_get(k.c.rows, 0), "text");
	for (size_t i = 0; i < COUNT(there); i++)
		ck_assert_msg(strstr(text, there[i]) != NULL, "%s: %s", there[i], text);
	ck_assert_msg(!strstr(text, "pw") && !strstr(text, "7077"), "%s", text);
	done();
	ask("check.show", "{\"check\": \"h\"}");
	ck_assert_ptr_nonnull(strstr(cell(&k.c, 0, "settings"), "pw1"));
	done();
	for (size_t i = 0; i < 4; i++) {
		static const char *const shown[][2] = { { "{\"check\": \"h\"}",
								"{\"data\":\"(hidden)\",\"headers\":[\"X-Any: "
								"(hidden)\",\"Authorization: (hidden)\"]," },
			{ "{\"check\": \"t\"}", "{\"send\":\"(hidden)\"}" },
			{ "{\"check\": \"x\"}", "{\"send\":\"(hidden)\"}" },
			{ "{\"check\": \"s\"}", "{\"args\":[\"(hidden)\",\"(hidden)\"],\"path\":\"/usr/lib/s\"}" } };
		command_as(CTL_LEVEL_OBSERVE, &k.env, &k.c, "check.show", shown[i][0]);
		text = cell(&k.c, 0, "settings");
		ck_assert_msg(strncmp(text, shown[i][1], strlen(shown[i][1])) == 0 && !strstr(text, "pw"), "%s", text);
		done();
	}
	command_as(CTL_LEVEL_OBSERVE, &k.env, &k.c, "config.show", "{}");
	ended(&k.c, LB_CODE_DENIED,
		"a configuration may hold passwords: as it was written it is for members of the group lbadmin; "
		"`config show --effective` leaves them out");
	ck_assert_uint_eq(json_array_size(k.c.rows), 0);
	done();
	command_as(CTL_LEVEL_OBSERVE, &k.env, &k.c, "config.show", "{\"generation\": 1}");
	ended(&k.c, LB_CODE_DENIED, NULL);
	done();
}
END_TEST

START_TEST(a_change_is_handed_on_as_it_was_asked_for)
{
	ask("config.apply", "{\"file\": \"new.yaml\", \"confirm\": 90, \"message\": \"try\", \"both\": true}");
	ended(&k.c, 0, "taken");
	done();
	ck_assert(k.applied.kind == CTL_APPLY && k.applied.both && k.applied.confirm_ms == 90000);
	ck_assert_str_eq(k.applied_name, "new.yaml");
	ask("config.apply", "{\"confirm\": 90000}");
	ended(&k.c, LB_CODE_USAGE, "--confirm takes a day at most");
	done();
	ask("config.diff", "{\"ops\": true, \"generation\": 2}");
	done();
	ck_assert(k.applied.kind == CTL_DIFF && k.applied.with_ops && k.applied.generation == 2);
	ask("daemon.reload", "{}");
	done();
	ck_assert(k.applied.kind == CTL_RELOAD && !k.applied.confirm_ms);
	ask("config.confirm", "{}");
	done();
	ck_assert(k.confirmed);
	ask("config.rollback", "{\"generation\": 2}");
	done();
	ck_assert_int_eq(k.rolled_back, 2);
	ask("kernel.repair", "{}");
	done();
	ck_assert(k.repaired);
}
END_TEST

START_TEST(how_it_ends_is_said_before_it_does)
{
	ask("daemon.restart", "{}");
	ended(&k.c, 0,
		"the daemon ends; its service manager starts it again, the kernel keeps what it has, addresses too");
	done();
	ck_assert_int_eq(k.exit, CTL_EXIT_RESTART);
	ask("daemon.stop", "{}");
	ended(&k.c, 0, "the daemon has stopped; the kernel goes on forwarding, nothing checks the backends");
	done();
	ck_assert_int_eq(k.exit, CTL_EXIT_STOP);
	ask("daemon.stop", "{\"flush\": true}");
	ended(&k.c, 8, "something is left"); /* whoever removes it knows */
	done();
	ck_assert_int_eq(k.exit, CTL_EXIT_STOP_FLUSH);
}
END_TEST

START_TEST(history_has_damaged_ones_in_their_place)
{
	k.n_generations = 2; /* 2, 4 */
	k.n_damaged = 2;     /* 1, 5 */
	ask("config.history", "{}");
	ended(&k.c, 0, "");
	rows_fit(&k.c, LB_ROW_GENERATION);
	ck_assert_uint_eq(json_array_size(k.c.rows), 4);
	for (int i = 0; i < 4; i++) {
		static const char *const numbers_of[] = { "1", "2", "4", "5" };
		ck_assert_str_eq(cell(&k.c, (size_t)i, "generation"), numbers_of[i]);
	}
	ck_assert_str_eq(cell(&k.c, 0, "state"), "\"damaged\"");
	ck_assert_str_eq(cell(&k.c, 1, "state"), "\"confirmed\"");
	ck_assert_str_eq(cell(&k.c, 2, "state"), "\"rolled_back\"");
	done();
}
END_TEST

static const struct {
	const char *what;
	struct life life;
	const char *note; /* of the file */
	const char *state, *said;
} lives[] = {
	{ "nothing to say", { .phase = LIFE_RUNS, .runs = 3 }, NULL, "\"confirmed\"", "-" },
	{ "the file is another", { .phase = LIFE_RUNS, .runs = 3 }, "runs, not the file", "\"confirmed\"",
		"\"generation 3 runs, not the file\"" },
	{ "one that waits", { .phase = LIFE_PENDING, .runs = 3, .base = 2, .deadline = { 61000000 } }, NULL,
		"\"pending\"", "\"generation 3 goes back to 2 in 60 s: keep it with lbctl config confirm\"" },
	{ "for the other node", { .phase = LIFE_PENDING, .runs = 3, .base = 2, .deadline = { INT64_MAX } }, NULL,
		"\"pending\"", "\"generation 3 is being applied on both nodes\"" },
	{ "on its way back", { .phase = LIFE_BACK, .runs = 3, .gave_up = 3, .to = 2, .why = "asked" }, NULL,
		"\"rolling_back\"", "\"generation 3 is being rolled back to 2: asked\"" },
	{ "not sure yet", { .phase = LIFE_LOOK, .runs = 2, .gave_up = 3, .to = 2, .why = "asked" }, NULL,
		"\"rolling_back\"", "\"generation 3 is being rolled back to 2: asked\"" },
	{ "no way back", { .phase = LIFE_STUCK, .runs = 3, .deadline = { 61000000 } }, NULL, "\"stuck\"",
		"\"generation 3 still runs, it could not be rolled back: see the log, apply another one\"" },
	{ "on its way forward", { .phase = LIFE_FORWARD, .runs = 1, .to = 2 }, "runs, not the file", "\"loading\"",
		"\"generation 2 is being loaded\"" },
	{ "back, and looked at",
		{ .phase = LIFE_RUNS, .runs = 2, .gave_up = 3, .verdict = LIFE_VERIFIED, .why = "not confirmed" }, NULL,
		"\"confirmed\"", "\"generation 2 runs, verified: 3 was rolled back: not confirmed\"" },
	{ "back, and the kernel is not",
		{ .phase = LIFE_RUNS, .runs = 2, .gave_up = 3, .verdict = LIFE_DIFFERS, .why = "asked" }, NULL,
		"\"confirmed\"",
		"\"generation 2 runs, the kernel differs: lbctl kernel diff: 3 was rolled back: asked\"" },
};

START_TEST(what_waits_and_what_went_back_is_in_status)
{
	char want[300];
	k.life = lives[_i].life;
	k.env.life_note = lives[_i].note;
	k.boot = (struct lb_time){ 1000000 };
	ask("status", "{}");
	const json_t *config = json_object_get(json_array_get(k.c.rows, 0), "config");
	const char *note = lb_proto_str(config, "note");
	snprintf(want, sizeof(want), note ? "\"%s\"" : "-", note);
	ck_assert_msg(strcmp(want, lives[_i].said) == 0, "%s: %s", lives[_i].what, want);
	snprintf(want, sizeof(want), "\"%s\"", lb_proto_str(config, "state"));
	ck_assert_str_eq(want, lives[_i].state);
	ck_assert(!k.life.gave_up == !strstr(cell(&k.c, 0, "alarms"), "config_rolled_back: generation 3"));
	done();
}
END_TEST

/* ---- waits ---- */

static int now_true(const char *args)
{
	ask("wait", args);
	done();
	ck_assert_ptr_nonnull(waiting.cond);
	return waiting.cond(waiting.state);
}

static void forget(void)
{
	waiting.free(waiting.state);
	memset(&waiting, 0, sizeof(waiting));
}

static const struct {
	const char *what, *args;
	int before, after; /* after what both checks say up, and the drain of six/s */
} waits[] = {
	{ "the daemon, until all is checked", "{\"object\": \"daemon\", \"condition\": \"ready\"}", 0, 1 },
	{ "a service", "{\"object\": \"service/web\", \"condition\": \"up\"}", 0, 1 },
	{ "one in its pool", "{\"object\": \"service/web\", \"condition\": \"quorum\"}", 0, 1 },
	{ "a backend", "{\"object\": \"backend/web/a\", \"condition\": \"up\"}", 0, 1 },
	{ "one that goes", "{\"object\": \"backend/web/a\", \"condition\": \"down\"}", 1, 0 },
	{ "a drain that nobody asked for", "{\"object\": \"backend/web/a\", \"condition\": \"drained\"}", -1, -1 },
	{ "a drain with flows", "{\"object\": \"backend/six/s\", \"condition\": \"drained\"}", -1, 0 },
	{ "a backend that is drained does not come up", "{\"object\": \"backend/six/s\", \"condition\": \"up\"}", 1,
		-1 },
	{ "what is confirmed", "{\"object\": \"config\", \"condition\": \"confirmed\"}", 1, 1 },
};

START_TEST(a_wait_ends_when_it_is_true)
{
	ck_assert_msg(now_true(waits[_i].args) == waits[_i].before, "before: %s", waits[_i].what);
	world_health(&k.w, "web/a", 0, true);
	world_health(&k.w, "web/b", 0, true);
	world_state(&k.w, "six/s", CONFIG_STATE_DRAIN, 0);
	reconcile();
	ck_assert_msg(waiting.cond(waiting.state) == waits[_i].after, "after: %s", waits[_i].what);
	forget();
}
END_TEST

START_TEST(the_daemon_is_ready_while_a_stage_rests)
{
	node_end();
	node_start("checks: { one: { type: tcp, port: 1 }, two: { type: tcp, port: 2 } }\n"
		   "services: { web: { listen: 203.0.113.1:80, check: { stages: [one, two] },\n"
		   "  backends: { a: 10.1.0.1, b: 10.1.0.2 } } }\n");
	for (uint32_t stage = 0; stage < 2; stage++)
		world_health(&k.w, "web/a", stage, true);
	ck_assert_int_eq(now_true("{\"object\": \"daemon\", \"condition\": \"ready\"}"), 0);
	world_health(&k.w, "web/b", 0, false);
	reconcile();
	ck_assert_int_eq(waiting.cond(waiting.state), 1);
	world_health(&k.w, "web/b", 0, true);
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	forget();
}
END_TEST

/* A probe that ends in a fault of our own says nothing; one that does so time and again will not say anything. */
START_TEST(the_daemon_is_ready_although_a_probe_cannot_be_sent)
{
	const struct check_state fault = { .last = { .code = CHECK_CODE_SOCKERR } }, none = { 0 };
	const struct check_spec *spec = &k.w.m->targets[0].check->spec;
	world_health(&k.w, "web/a", 0, true);
	ck_assert(model_health(k.w.m, target_id(&k.w, "web/b", 0), &fault, k.w.now, k.w.wall));
	ck_assert_int_eq(now_true("{\"object\": \"daemon\", \"condition\": \"ready\"}"), 0);
	world_wait(&k.w, (int64_t)spec->interval_ms + spec->timeout_ms - 1);
	ck_assert(model_health(k.w.m, target_id(&k.w, "web/b", 0), &fault, k.w.now, k.w.wall));
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	world_wait(&k.w, 1);
	ck_assert_int_eq(waiting.cond(waiting.state), 1);
	ck_assert(model_health(k.w.m, target_id(&k.w, "web/b", 0), &none, k.w.now, k.w.wall)); /* probed anew */
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	forget();
}
END_TEST

START_TEST(a_wait_for_nothing_is_an_answer_at_once)
{
	static const char *const nothing[] = { "{\"object\": \"backend/web/z\", \"condition\": \"up\"}",
		"{\"object\": \"service/mail\", \"condition\": \"up\"}",
		"{\"object\": \"vrrp/wan\", \"condition\": \"master\"}",
		"{\"object\": \"peer/lb-b\", \"condition\": \"up\"}",
		"{\"object\": \"sync\", \"condition\": \"in-sync\"}" };
	for (size_t i = 0; i < COUNT(nothing); i++) {
		ask("wait", nothing[i]);
		ck_assert_int_ne(lb_proto_int(k.c.end, "code", -1), 0);
		ck_assert_ptr_nonnull(lb_proto_str(k.c.end, "message"));
		done();
		ck_assert_ptr_null(waiting.cond);
	}
	ck_assert_int_eq(now_true("{\"object\": \"backend/web/a\", \"condition\": \"drained\"}"), -1);
	world_load(&k.w, "services: {}\n"); /* what is waited for goes with a reload */
	k.env.model = k.w.m;
	ck_assert_int_eq(waiting.cond(waiting.state), -1);
	forget();
}
END_TEST

START_TEST(there_are_not_too_many_waits)
{
	void *states[CTL_WAITS_MAX];
	const char *ready = "{\"object\": \"daemon\", \"condition\": \"ready\"}";
	for (unsigned i = 0; i < CTL_WAITS_MAX; i++) {
		(void)now_true(ready);
		states[i] = waiting.state;
	}
	waiting.cond = NULL;
	ask("wait", ready);
	ended(&k.c, LB_CODE_REFUSED, "40 wait already: end one of them");
	done();
	ck_assert_ptr_null(waiting.cond);
	ask("wait", "{\"object\": \"backend/web/z\", \"condition\": \"up\"}");
	ended(&k.c, LB_CODE_NOT_FOUND, NULL); /* the better answer */
	done();
	waiting.free(states[7]);
	ck_assert_int_eq(now_true(ready), 0);
	states[7] = waiting.state;
	for (unsigned i = 0; i < CTL_WAITS_MAX; i++)
		waiting.free(states[i]);
	ck_assert_uint_eq(k.env.n_waits, 0);
	memset(&waiting, 0, sizeof(waiting));
}
END_TEST

START_TEST(drained_is_when_the_last_flow_has_ended)
{
	world_state(&k.w, "six/s", CONFIG_STATE_DRAIN, 0);
	reconcile();
	ck_assert_int_eq(now_true("{\"object\": \"backend/six/s\", \"condition\": \"drained\"}"), 0);
	k.env.converged = false;
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	k.env.converged = true;
	k.err_of_dests = -ENOBUFS; /* nothing is seen of it: nothing is known */
	ck_assert_int_eq(waiting.cond(waiting.state), 0);
	forget();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_answers");
	TCase *c = tcase_create("ctl_answers");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, node_end);
	tcase_add_loop_test(c, a_cell, 0, COUNT(cells));
	tcase_add_test(c, rows_are_as_their_table_says);
	tcase_add_test(c, a_service_of_many_backends_is_shown);
	tcase_add_loop_test(c, a_long_answer_is_cut_into_steps, 0, COUNT(long_ones));
	tcase_add_test(c, without_a_kernel_it_is_said);
	tcase_add_test(c, a_list_that_breaks_off_says_so);
	tcase_add_test(c, a_difference_is_told_in_operations);
	tcase_add_test(c, what_the_kernel_refused_is_shown_everywhere);
	tcase_add_test(c, a_list_ends_when_the_configuration_changes_under_it);
	tcase_add_loop_test(c, an_override_says_what_is_true_now, 0, COUNT(words));
	tcase_add_test(c, an_override_ends_by_the_time_since_the_boot);
	tcase_add_loop_test(c, who_did_it_is_told, 0, COUNT(records));
	tcase_add_test(c, an_override_that_is_not_told_says_so);
	tcase_add_test(c, an_override_that_is_not_stored_holds_and_says_so);
	tcase_add_test(c, files_of_a_set_are_told_apart);
	tcase_add_test(c, a_line_without_end_is_not_cut_within_a_character);
	tcase_add_test(c, a_text_comes_in_parts_that_end_at_a_line);
	tcase_add_test(c, who_may_only_look_sees_no_password);
	tcase_add_test(c, a_change_is_handed_on_as_it_was_asked_for);
	tcase_add_test(c, how_it_ends_is_said_before_it_does);
	tcase_add_test(c, history_has_damaged_ones_in_their_place);
	tcase_add_loop_test(c, what_waits_and_what_went_back_is_in_status, 0, COUNT(lives));
	tcase_add_loop_test(c, a_wait_ends_when_it_is_true, 0, COUNT(waits));
	tcase_add_test(c, the_daemon_is_ready_while_a_stage_rests);
	tcase_add_test(c, the_daemon_is_ready_although_a_probe_cannot_be_sent);
	tcase_add_test(c, a_wait_for_nothing_is_an_answer_at_once);
	tcase_add_test(c, there_are_not_too_many_waits);
	tcase_add_test(c, drained_is_when_the_last_flow_has_ended);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
