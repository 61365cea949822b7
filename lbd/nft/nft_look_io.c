/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/nft/nft_look_io.h"

#include "common/nlmsg.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET_TABLE (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE)
#define NEW_TABLE (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE)

static int ask(int fd)
{
	uint8_t buf[64];
	struct lb_nl_batch b = { .buf = buf, .cap = sizeof(buf) };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nfgenmsg head = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
	int err = lb_nl_end(
		&b, 0, lb_nl_begin(&b, 1, GET_TABLE, 0, &head, sizeof(head)) && lb_nl_text(&b, NFTA_TABLE_NAME, "lbd"));
	if (err)
		return err;
	return sendto(fd, b.buf, b.len, MSG_DONTWAIT, (struct sockaddr *)&kernel, sizeof(kernel)) < 0 ? -errno : 0;
}

/* It was answered while it was sent. */
static int answer(int fd)
{
	uint8_t buf[1024];
	struct sockaddr_nl from = { 0 };
	socklen_t from_len = sizeof(from);
	struct lb_nl_msg m;
	size_t at = 0;
	int err;
	ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	if (n < 0)
		return -errno;
	if (from.nl_pid != 0 || lb_nl_next(buf, (size_t)n, &at, &m) <= 0)
		return -EBADMSG;
	if (m.type == NEW_TABLE)
		return 1;
	if (m.type != NLMSG_ERROR || lb_nl_status(&m, &err))
		return -EBADMSG;
	return err == -ENOENT ? 0 : err ? err : -EBADMSG;
}

int nft_look(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	int r = ask(fd);
	if (!r)
		r = answer(fd);
	close(fd);
	return r;
}
