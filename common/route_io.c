/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/route_io.h"

#include "common/nlmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

int lb_route_open(void)
{
	/* the kernel answers within the call that asks: who had to wait would wait for ever */
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	return fd < 0 ? -errno : fd;
}

static struct lb_ip ip_of(const struct lb_nl_attr *a, uint8_t family, size_t skip)
{
	struct lb_ip ip = { 0 };
	size_t n = family == AF_INET6 ? 16 : 4;
	if (a->data && a->n >= skip + n) {
		ip.family = family;
		memcpy(ip.b, a->data + skip, n);
	}
	return ip;
}

static int route_read(const struct lb_nl_msg *m, struct lb_way *out)
{
	struct lb_nl_attr by[RTA_VIA + 1] = { { 0 } };
	struct rtmsg rt;
	if (m->n < sizeof(rt))
		return -EBADMSG;
	memcpy(&rt, m->body, sizeof(rt));
	const size_t head = NLMSG_ALIGN(sizeof(rt));
	if (m->n < head || !lb_nl_parse(m->body + head, m->n - head, by, RTA_VIA + 1))
		return -EBADMSG;
	*out = (struct lb_way){ .local = rt.rtm_type == RTN_LOCAL, .index = lb_nl_get_u32(&by[RTA_OIF], 0) };
	out->via = ip_of(&by[RTA_GATEWAY], rt.rtm_family, 0);
	if (!out->via.family && by[RTA_VIA].data) /* IPv4 by way of IPv6: family, then the address */
		out->via = ip_of(&by[RTA_VIA], AF_INET6, 2);
	return 0;
}

static bool put_packet(struct lb_nl_batch *b, const struct lb_packet *p, size_t len)
{
	uint16_t port = htons(p->dport);
	const struct rtmsg rt = { .rtm_family = p->to->family,
		.rtm_dst_len = (uint8_t)(len * 8),
		.rtm_src_len = p->from && p->from->family ? (uint8_t)(len * 8) : 0 };
	return lb_nl_begin(b, 1, RTM_GETROUTE, 0, &rt, sizeof(rt)) && lb_nl_attr(b, RTA_DST, p->to->b, len) &&
	       (!rt.rtm_src_len || lb_nl_attr(b, RTA_SRC, p->from->b, len)) &&
	       (!p->oif || lb_nl_attr(b, RTA_OIF, &p->oif, sizeof(p->oif))) &&
	       (!p->owned || lb_nl_attr(b, RTA_UID, &p->uid, sizeof(p->uid))) &&
	       (!p->proto || lb_nl_attr(b, RTA_IP_PROTO, &p->proto, sizeof(p->proto))) &&
	       (!p->proto || !port || lb_nl_attr(b, RTA_DPORT, &port, sizeof(port)));
}

int lb_route(int fd, const struct lb_packet *p, struct lb_way *out)
{
	uint8_t buf[4096];
	struct lb_nl_batch b = { .buf = buf, .cap = sizeof(buf) };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	size_t len = lb_ip_is_v6(p->to) ? 16 : 4, at = 0;
	struct lb_nl_msg m;
	int status;
	if (fd < 0)
		return -EBADF;
	int err = lb_nl_end(&b, 0, put_packet(&b, p, len));
	if (err)
		return err;
	if (sendto(fd, b.buf, b.len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -ECOMM;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return -ECOMM;
	if (lb_nl_next(buf, (size_t)n, &at, &m) <= 0)
		return -EBADMSG;
	if (m.type == RTM_NEWROUTE)
		return route_read(&m, out);
	return m.type == NLMSG_ERROR && lb_nl_status(&m, &status) == 0 && status ? status : -EBADMSG;
}
