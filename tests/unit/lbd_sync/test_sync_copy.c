/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which flows are copied. */
#include "lbd/sync/sync_copy.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct lb_ip ip(const char *text)
{
	struct lb_ip out = { 0 };
	ck_assert_int_eq(lb_ip_parse(text, strlen(text), &out), 0);
	return out;
}

/* As sync_skip_cmp wants them: sorted below. */
static struct sync_skip skips[5];

static const struct row {
	const char *what;
	uint8_t protocol;
	bool template;
	uint16_t port, state;
	uint32_t fwmark;
	const char *virtual;
	bool copied;
} rows[] = {
	{ "TCP established", IPPROTO_TCP, false, 80, 1, 0, "10.0.0.1", true },
	{ "TCP that begins is not worth it", IPPROTO_TCP, false, 80, 3, 0, "10.0.0.1", false },
	{ "TCP that has sent a SYN", IPPROTO_TCP, false, 80, 2, 0, "10.0.0.1", false },
	{ "TCP of which nothing is known yet", IPPROTO_TCP, false, 80, 0, 0, "10.0.0.1", false },
	{ "TCP that ends: the other node must forget it, too", IPPROTO_TCP, false, 80, 7, 0, "10.0.0.1", true },
	{ "UDP has no such state", IPPROTO_UDP, false, 80, 0, 0, "10.0.0.1", true },
	{ "SCTP before it is established", IPPROTO_SCTP, false, 80, 7, 0, "10.0.0.1", false },
	{ "SCTP established", IPPROTO_SCTP, false, 80, 8, 0, "10.0.0.1", true },
	{ "a template", IPPROTO_TCP, true, 80, 0, 0, "10.0.0.1", true },
	{ "a template of UDP, which no packet counts", IPPROTO_UDP, true, 80, 0, 0, "10.0.0.1", true },
	{ "a service that is off", IPPROTO_TCP, false, 81, 1, 0, "10.0.0.1", false },
	{ "its templates", IPPROTO_TCP, true, 81, 0, 0, "10.0.0.1", false },
	{ "the same port over UDP is another service", IPPROTO_UDP, false, 81, 0, 0, "10.0.0.1", true },
	{ "another address is another service", IPPROTO_TCP, false, 81, 1, 0, "10.0.0.2", true },
	{ "all: what begins, too", IPPROTO_TCP, false, 82, 3, 0, "10.0.0.1", true },
	{ "off for a whole address", IPPROTO_TCP, false, 4711, 1, 0, "10.0.0.9", false },
	{ "off for a mark", IPPROTO_TCP, false, 80, 1, 7, "10.0.0.1", false },
	{ "a mark that is copied: its address means nothing", IPPROTO_TCP, false, 81, 1, 8, "10.0.0.1", true },
	{ "no listener has the mark", IPPROTO_TCP, false, 80, 1, 9, "10.0.0.1", true },
	{ "no listener has the mark: its address is off", IPPROTO_TCP, false, 81, 1, 9, "10.0.0.1", false },
	{ "the same of a template", IPPROTO_TCP, true, 81, 0, 9, "10.0.0.1", false },
	{ "the same, all", IPPROTO_TCP, false, 82, 3, 9, "10.0.0.1", true },
	{ "the same of a whole address", IPPROTO_TCP, false, 4711, 1, 9, "10.0.0.9", false },
	{ "the same mark of the other family", IPPROTO_TCP, false, 80, 1, 7, "fd00::1", true },
};

static int compare(const void *a, const void *b)
{
	return sync_skip_cmp(a, b);
}

static void setup(void)
{
	skips[0] = (struct sync_skip){ .what = SYNC_OFF, .protocol = IPPROTO_TCP, .port = 81, .addr = ip("10.0.0.1") };
	skips[1] = (struct sync_skip){ .what = SYNC_ALL, .protocol = IPPROTO_TCP, .port = 82, .addr = ip("10.0.0.1") };
	skips[2] = (struct sync_skip){ .what = SYNC_OFF, .protocol = IPPROTO_TCP, .addr = ip("10.0.0.9") };
	skips[3] = (struct sync_skip){ .what = SYNC_OFF, .fwmark = 7, .addr.family = AF_INET };
	skips[4] = (struct sync_skip){ .what = SYNC_ESTABLISHED, .fwmark = 8, .addr.family = AF_INET };
	qsort(skips, 5, sizeof(skips[0]), compare);
}

START_TEST(row)
{
	const struct row *r = &rows[_i];
	const struct sync_conf conf = { .n_skips = 5, .skips = skips };
	const struct flow f = { .key = { .protocol = r->protocol,
					.template = r->template,
					.client_port = 1000,
					.virtual_port = r->port,
					.virtual = ip(r->virtual) },
		.state = r->state,
		.fwmark = r->fwmark };
	ck_assert_msg(sync_copied(&conf, &f) == r->copied, "%s", r->what);
}
END_TEST

/* A look tells nothing of how many packets a flow of UDP has had. */
START_TEST(seen)
{
	const struct sync_conf conf = { .n_skips = 5, .skips = skips };
	const struct row *r = &rows[_i];
	struct flow f = { .key = { .protocol = r->protocol,
				  .template = r->template,
				  .virtual_port = r->port,
				  .virtual = ip(r->virtual) },
		.state = r->state,
		.fwmark = r->fwmark };
	bool udp = r->protocol == IPPROTO_UDP && !r->template;
	ck_assert_msg(sync_copied_seen(&conf, &f) == (r->copied && !udp), "%s", r->what);
	f.key = (struct flow_key){ .protocol = IPPROTO_UDP, .virtual_port = 53, .virtual = ip("10.0.0.1") };
	f.fwmark = 0;
	skips[0] = (struct sync_skip){ .what = SYNC_ALL, .protocol = IPPROTO_UDP, .port = 53, .addr = ip("10.0.0.1") };
	qsort(skips, 5, sizeof(skips[0]), compare);
	ck_assert(sync_copied_seen(&conf, &f));
}
END_TEST

START_TEST(without_exceptions)
{
	const struct sync_conf conf = { .n_skips = 0 };
	const struct flow f = { .key = { .protocol = IPPROTO_TCP, .virtual = ip("10.0.0.1") }, .state = 1 };
	ck_assert(sync_copied(&conf, &f));
}
END_TEST

/* ---- connection tracking ---- */

/* By address and port, as sync_skip_cmp wants them. */
static struct sync_skip nats[2];

static const struct ct_row {
	const char *what;
	uint8_t protocol;
	uint16_t state, port;
	const char *client, *virtual;
	bool all, automatic;
} ct_rows[] = {
	{ "through a listener with source_nat", IPPROTO_TCP, 3, 80, "10.9.0.1", "10.0.0.1", true, true },
	{ "it closes", IPPROTO_TCP, 7, 80, "10.9.0.1", "10.0.0.1", true, true },
	{ "it only begins", IPPROTO_TCP, 1, 80, "10.9.0.1", "10.0.0.1", false, false },
	{ "the answer has come, and nothing more", IPPROTO_TCP, 2, 80, "10.9.0.1", "10.0.0.1", false, false },
	{ "both sides begin", IPPROTO_TCP, 9, 80, "10.9.0.1", "10.0.0.1", false, false },
	{ "another port", IPPROTO_TCP, 3, 81, "10.9.0.1", "10.0.0.1", true, false },
	{ "another protocol", IPPROTO_UDP, 0, 80, "10.9.0.1", "10.0.0.1", true, false },
	{ "a listener of all ports", IPPROTO_UDP, 0, 4711, "10.9.0.1", "10.0.0.2", true, true },
	{ "SCTP that begins", IPPROTO_SCTP, 3, 80, "10.9.0.1", "10.0.0.1", false, false },
	{ "this host with itself", IPPROTO_TCP, 3, 80, "127.0.0.1", "127.0.0.1", false, false },
	{ "from itself", IPPROTO_TCP, 3, 80, "127.1.2.3", "10.0.0.1", false, false },
	{ "to itself", IPPROTO_TCP, 3, 80, "10.9.0.1", "127.1.2.3", false, false },
	{ "the same over IPv6", IPPROTO_TCP, 3, 80, "::1", "::1", false, false },
	{ "another address of IPv6", IPPROTO_TCP, 3, 80, "::2", "fd00::1", true, false },
	{ "the link between the nodes", IPPROTO_TCP, 3, 9789, "10.8.0.1", "10.8.0.2", false, false },
	{ "a health check of this node", IPPROTO_TCP, 3, 80, "10.8.0.1", "10.0.0.1", false, false },
	{ "somebody at the other node", IPPROTO_TCP, 3, 22, "10.9.0.1", "10.8.0.2", false, false },
};

START_TEST(of_connection_tracking)
{
	const struct ct_row *r = &ct_rows[_i];
	struct sync_conf conf = { .n_paths = 1, .n_nats = 2, .nats = nats };
	const struct flow f = { .has_ct = true,
		.key = { .protocol = r->protocol,
			.client_port = 1000,
			.virtual_port = r->port,
			.client = ip(r->client),
			.virtual = ip(r->virtual) },
		.state = r->state };
	nats[0] = (struct sync_skip){ .what = SYNC_ALL, .protocol = IPPROTO_TCP, .port = 80, .addr = ip("10.0.0.1") };
	nats[1] = (struct sync_skip){ .what = SYNC_ALL, .protocol = IPPROTO_UDP, .addr = ip("10.0.0.2") };
	conf.paths[0].ours = ip("10.8.0.1");
	conf.paths[0].theirs = ip("10.8.0.2");
	conf.conntrack = SYNC_CONNTRACK_ALL;
	ck_assert_msg(sync_copied_ct(&conf, &f) == r->all, "all: %s", r->what);
	conf.conntrack = SYNC_CONNTRACK_AUTO;
	ck_assert_msg(sync_copied_ct(&conf, &f) == r->automatic, "auto: %s", r->what);
	ck_assert(sync_conf_tracks(&conf));
	conf.n_nats = 0;
	ck_assert_msg(!sync_copied_ct(&conf, &f) && !sync_conf_tracks(&conf), "auto, nothing: %s", r->what);
	conf.conntrack = SYNC_CONNTRACK_OFF;
	conf.n_nats = 2;
	ck_assert_msg(!sync_copied_ct(&conf, &f) && !sync_conf_tracks(&conf), "off: %s", r->what);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_copy");
	TCase *t = tcase_create("rows");
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, row, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(t, seen, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, without_exceptions);
	tcase_add_loop_test(t, of_connection_tracking, 0, (int)(sizeof(ct_rows) / sizeof(ct_rows[0])));
	suite_add_tcase(s, t);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
