/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our table in the tables of a network namespace of its own. */
#include "lbd/nft/nft_io.h"
#include "lbd/nft/nft_look_io.h"
#include "lbd/nft/nft_text.h"

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define V4(last)                                                                                                       \
	{                                                                                                              \
		AF_INET,                                                                                               \
		{                                                                                                      \
			10, 7, 0, last                                                                                 \
		}                                                                                                      \
	}
#define V6(last)                                                                                                       \
	{                                                                                                              \
		AF_INET6,                                                                                              \
		{                                                                                                      \
			0xfd, 7, [15] = last                                                                           \
		}                                                                                                      \
	}

static const struct lb_ip closed[] = { V4(100), V6(100) };
static const struct nft_port open_ports[] = { { V4(100), IPPROTO_TCP, 443 }, { V4(101), IPPROTO_TCP, 0 },
	{ V4(101), IPPROTO_TCP, 80 }, { V6(100), IPPROTO_SCTP, 443 }, { V6(101), IPPROTO_UDP, 0 },
	{ V6(101), IPPROTO_UDP, 53 } };
static const struct nft_snat snats[] = { { { V4(100), IPPROTO_TCP, 443 }, V4(1) },
	{ { V4(101), IPPROTO_TCP, 0 }, V4(1) }, { { V6(100), IPPROTO_SCTP, 443 }, V6(1) },
	{ { V6(101), IPPROTO_UDP, 0 }, V6(1) } };
static const uint32_t marks[] = { 7 };
static const struct nft_want everything = { closed, LEN(closed), open_ports, LEN(open_ports), marks, LEN(marks), snats,
	LEN(snats) };

static int answer;
static char said[160];

static void before_exec(void)
{
}

static void done(int err, const char *says, void *arg)
{
	answer = err;
	snprintf(said, sizeof(said), "%s", says);
	ev_break(arg, EVBREAK_ALL);
}

static int load(const char *text, size_t n)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	struct nft_run run = { 0 };
	answer = 1;
	ck_assert_int_eq(nft_run_start(&run, loop, text, n, before_exec, done, loop), 0);
	ev_run(loop, 0);
	return answer;
}

static int write_it(const struct nft_want *w)
{
	struct lb_text text = LB_TEXT_INIT;
	nft_text(w, &text);
	int err = load(text.s, text.n);
	ck_assert_msg(err == 0, "%s\n%s", said, text.s);
	lb_text_done(&text);
	return err;
}

START_TEST(it_comes_and_goes)
{
	static const char others[] = "table inet other { chain c { type filter hook input priority 0; }; }\n";
	static const char flush[] = "flush ruleset\n", no_text[] = "table inet lbd { nonsense }\n";
	static const struct nft_want part[] = { { .closed = closed, .n_closed = 1 }, { .snats = snats, .n_snats = 1 },
		{ .snats = &snats[3], .n_snats = 1, .open = open_ports, .n_open = LEN(open_ports) } };
	ck_assert_int_eq(nft_look(), 0);
	write_it(&everything);
	ck_assert_int_eq(nft_look(), 1);
	write_it(&everything); /* over one that is there */
	for (size_t i = 0; i < LEN(part); i++) {
		write_it(&part[i]);
		ck_assert_int_eq(nft_look(), 1);
	}
	ck_assert_int_eq(load(no_text, strlen(no_text)), -EIO);
	ck_assert_str_ne(said, "");
	ck_assert_int_eq(nft_look(), 1);
	ck_assert_int_eq(load(others, strlen(others)), 0);
	write_it(&(const struct nft_want){ 0 });
	ck_assert_int_eq(nft_look(), 0);
	write_it(&(const struct nft_want){ 0 }); /* nor does it have to be there */
	write_it(&everything);
	ck_assert_int_eq(load(flush, strlen(flush)), 0);
	ck_assert_int_eq(nft_look(), 0);
}
END_TEST

int main(void)
{
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("no network namespace: %s\n", strerror(errno));
		return 77;
	}
	if (access("/usr/sbin/nft", X_OK)) {
		printf("nft is not installed\n");
		return 77;
	}
	Suite *s = suite_create("nft");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 40);
	tcase_add_test(tc, it_comes_and_goes);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
