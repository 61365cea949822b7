/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A family that is gone: its module was unloaded, and has another number when it is there again. And what is no such
 * thing: nobody could be asked. */
#include "lbd/ipvs/ipvs_io.h"

#include <check.h>
#include <errno.h>
#include <netlink/errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOBODY 1023 /* the highest number of a family, which no kernel comes to: it answers as for one that is gone */

struct nl_sock;
int __wrap_genl_ctrl_resolve(
	struct nl_sock *sock, const char *name); /* NOLINT(bugprone-reserved-identifier): ld's name */

int __real_genl_ctrl_resolve(
	struct nl_sock *sock, const char *name); /* NOLINT(bugprone-reserved-identifier): ld's name */

static int looked_up;
static bool really;
static int found = NOBODY, found_errno; /* what the library says, and what a system call has said to it */

/* NOLINTNEXTLINE(bugprone-reserved-identifier): ld's name */
int __wrap_genl_ctrl_resolve(struct nl_sock *sock, const char *name)
{
	ck_assert_str_eq(name, "IPVS");
	looked_up++;
	if (really)
		return __real_genl_ctrl_resolve(sock, name);
	if (found_errno)
		errno = found_errno;
	return found;
}

static void no_service(const struct ipvs_service *svc, const struct ipvs_stats *stats, void *arg)
{
	(void)svc;
	(void)stats;
	(void)arg;
	ck_abort_msg("a service of nobody");
}

static void no_dest(
	const struct ipvs_dest *d, const struct ipvs_counts *counts, const struct ipvs_stats *stats, void *arg)
{
	(void)d;
	(void)counts;
	(void)stats;
	(void)arg;
	ck_abort_msg("a destination of nobody");
}

static const struct ipvs_service web = {
	.key = { .addr = { AF_INET, { 203, 0, 113, 1 } }, .protocol = 6, .port = 80 },
	.scheduler = "rr",
};

START_TEST(what_reads_says_so_and_looks_again)
{
	struct ipvs_io *io = ipvs_io_new();
	struct ipvs_kernel k = ipvs_io_kernel(io);
	struct ipvs_service svc;
	uint32_t version, size;
	for (int i = 1; i <= 3; i++) {
		looked_up = 0;
		ck_assert_int_eq(k.services(k.arg, no_service, NULL), -ENOPROTOOPT);
		ck_assert_int_eq(k.dests(k.arg, &web.key, no_dest, NULL), -ENOPROTOOPT);
		ck_assert_int_eq(k.service(k.arg, &web.key, &svc), -ENOPROTOOPT);
		ck_assert_int_eq(k.zero(k.arg, &web.key), -ENOPROTOOPT);
		ck_assert_int_eq(ipvs_io_info(io, &version, &size), -ENOPROTOOPT);
		ck_assert_int_eq(looked_up, 5);
	}
	ipvs_io_free(io);
}
END_TEST

/* Its answers are those that a write to IPVS can have, too: of a scheduler or a destination that is not there. */
START_TEST(a_write_is_no_refusal)
{
	const struct ipvs_op ops[] = {
		{ .type = IPVS_OP_SERVICE_ADD, .svc = web },
		{ .type = IPVS_OP_DEST_ADD, .svc = web, .dest = { .addr = { AF_INET, { 10, 1, 0, 1 } }, .port = 80 } },
	};
	struct ipvs_io *io = ipvs_io_new();
	struct ipvs_kernel k = ipvs_io_kernel(io);
	looked_up = 0;
	for (size_t n = 1; n <= 2; n++) {
		int errs[2] = { 0 };
		ck_assert_int_eq(k.write(k.arg, ops, n, errs), -ENOPROTOOPT);
	}
	ck_assert_int_eq(looked_up, 2);
	ipvs_io_free(io);
}
END_TEST

/* Who takes an error of our own for a kernel without IPVS believes that nothing of ours is in it. */
START_TEST(only_what_is_not_there_is_not_there)
{
	static const struct {
		int says, err, is;
	} rows[] = {
		{ -NLE_OBJ_NOTFOUND, 0, -ENOPROTOOPT },
		{ -NLE_OBJ_NOTFOUND, ENOMEM, -ENOMEM },
		{ -NLE_OBJ_NOTFOUND, ENOBUFS, -ENOBUFS },
		{ -NLE_INTR, EINTR, -EINTR },
		{ -NLE_NOMEM, 0, -ENOMEM },
		{ -NLE_SEQ_MISMATCH, 0, -EIO },
	};
	struct ipvs_io *io = ipvs_io_new();
	uint32_t version, size;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		found = rows[i].says;
		found_errno = rows[i].err;
		errno = EBADF; /* something long ago */
		int r = ipvs_io_info(io, &version, &size);
		ck_assert_msg(r == rows[i].is, "%zu: %d", i, r);
	}
	ipvs_io_free(io);
}
END_TEST

START_TEST(without_a_descriptor_nobody_was_asked)
{
	struct ipvs_io *io = ipvs_io_new();
	struct ipvs_kernel k = ipvs_io_kernel(io);
	uint32_t version, size;
	struct rlimit was, none;
	int errs[1] = { 0 }, next = dup(0);
	const struct ipvs_op op = { .type = IPVS_OP_SERVICE_DEL, .svc = web };
	really = true;
	int here = ipvs_io_info(io, &version, &size); /* whatever this kernel has, and whatever we may */
	ck_assert_msg(here == 0 || here == -ENOPROTOOPT || here == -EPERM, "%d", here);
	ipvs_io_free(io);
	io = ipvs_io_new();
	k.arg = io;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)next;
	close(next);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(ipvs_io_info(io, &version, &size), -EMFILE);
	ck_assert_int_eq(k.services(k.arg, no_service, NULL), -EMFILE);
	ck_assert_int_eq(k.write(k.arg, &op, 1, errs), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	ck_assert_int_eq(ipvs_io_info(io, &version, &size), here);
	ipvs_io_free(io);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipvs_io");
	TCase *c = tcase_create("ipvs_io");
	suite_add_tcase(s, c);
	tcase_add_test(c, what_reads_says_so_and_looks_again);
	tcase_add_test(c, a_write_is_no_refusal);
	tcase_add_test(c, only_what_is_not_there_is_not_there);
	tcase_add_test(c, without_a_descriptor_nobody_was_asked);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
