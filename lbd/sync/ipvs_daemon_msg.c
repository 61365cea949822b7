/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ipvs_daemon_msg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <string.h>

static bool begin(struct lb_nl_batch *b, uint32_t seq, uint16_t family, uint16_t flags, uint8_t cmd, uint8_t version)
{
	const struct genlmsghdr g = { .cmd = cmd, .version = version };
	return lb_nl_begin(b, seq, family, flags, &g, GENL_HDRLEN);
}

int ipvs_daemon_msg_family(struct lb_nl_batch *b, uint32_t seq)
{
	size_t from = b->len;
	return lb_nl_end(b, from,
		begin(b, seq, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1) &&
			lb_nl_text(b, CTRL_ATTR_FAMILY_NAME, IPVS_GENL_NAME));
}

int ipvs_daemon_read_family(const struct lb_nl_msg *m, uint16_t *family)
{
	struct lb_nl_attr attrs[CTRL_ATTR_FAMILY_ID + 1] = { 0 };
	if (m->type != GENL_ID_CTRL || m->n < GENL_HDRLEN ||
		!lb_nl_parse(m->body + GENL_HDRLEN, m->n - GENL_HDRLEN, attrs, CTRL_ATTR_FAMILY_ID + 1))
		return -EBADMSG;
	uint16_t id = lb_nl_get_u16(&attrs[CTRL_ATTR_FAMILY_ID], 0);
	if (id < NLMSG_MIN_TYPE)
		return -EBADMSG;
	*family = id;
	return 0;
}

static bool put_options(struct lb_nl_batch *b, const struct ipvs_daemon *d)
{
	if (d->max_bytes && !lb_nl_attr(b, IPVS_DAEMON_ATTR_SYNC_MAXLEN, &d->max_bytes, sizeof(d->max_bytes)))
		return false;
	if (d->group.family == AF_INET && !lb_nl_attr(b, IPVS_DAEMON_ATTR_MCAST_GROUP, d->group.b, 4))
		return false;
	if (d->group.family == AF_INET6 && !lb_nl_attr(b, IPVS_DAEMON_ATTR_MCAST_GROUP6, d->group.b, 16))
		return false;
	if (d->port && !lb_nl_attr(b, IPVS_DAEMON_ATTR_MCAST_PORT, &d->port, sizeof(d->port))) /* host order */
		return false;
	return !d->ttl || lb_nl_attr(b, IPVS_DAEMON_ATTR_MCAST_TTL, &d->ttl, sizeof(d->ttl));
}

int ipvs_daemon_msg_start(struct lb_nl_batch *b, uint32_t seq, uint16_t family, const struct ipvs_daemon *d)
{
	size_t from = b->len, nest;
	return lb_nl_end(b, from,
		begin(b, seq, family, NLM_F_ACK, IPVS_CMD_NEW_DAEMON, IPVS_GENL_VERSION) &&
			lb_nl_nest(b, IPVS_CMD_ATTR_DAEMON, &nest) &&
			lb_nl_u32(b, IPVS_DAEMON_ATTR_STATE, (uint32_t)d->role) &&
			lb_nl_text(b, IPVS_DAEMON_ATTR_MCAST_IFN, d->device) &&
			lb_nl_u32(b, IPVS_DAEMON_ATTR_SYNC_ID, d->sync_id) && put_options(b, d) &&
			lb_nl_nest_end(b, nest));
}

int ipvs_daemon_msg_stop(struct lb_nl_batch *b, uint32_t seq, uint16_t family, enum ipvs_daemon_role role)
{
	size_t from = b->len, nest;
	return lb_nl_end(b, from,
		begin(b, seq, family, NLM_F_ACK, IPVS_CMD_DEL_DAEMON, IPVS_GENL_VERSION) &&
			lb_nl_nest(b, IPVS_CMD_ATTR_DAEMON, &nest) &&
			lb_nl_u32(b, IPVS_DAEMON_ATTR_STATE, (uint32_t)role) && lb_nl_nest_end(b, nest));
}

int ipvs_daemon_msg_dump(struct lb_nl_batch *b, uint32_t seq, uint16_t family)
{
	size_t from = b->len;
	return lb_nl_end(b, from, begin(b, seq, family, NLM_F_DUMP, IPVS_CMD_GET_DAEMON, IPVS_GENL_VERSION));
}

static void read_group(const struct lb_nl_attr *attrs, struct lb_ip *group)
{
	const struct lb_nl_attr *v4 = &attrs[IPVS_DAEMON_ATTR_MCAST_GROUP], *v6 = &attrs[IPVS_DAEMON_ATTR_MCAST_GROUP6];
	if (v4->data && v4->n >= 4) {
		group->family = AF_INET;
		memcpy(group->b, v4->data, 4);
	} else if (v6->data && v6->n >= 16) {
		group->family = AF_INET6;
		memcpy(group->b, v6->data, 16);
	}
}

int ipvs_daemon_read(const struct lb_nl_msg *m, struct ipvs_daemon *out)
{
	struct lb_nl_attr top[IPVS_CMD_ATTR_DAEMON + 1] = { 0 }, attrs[IPVS_DAEMON_ATTR_MCAST_TTL + 1] = { 0 };
	if (m->n < GENL_HDRLEN || m->body[0] != IPVS_CMD_NEW_DAEMON ||
		!lb_nl_parse(m->body + GENL_HDRLEN, m->n - GENL_HDRLEN, top, IPVS_CMD_ATTR_DAEMON + 1))
		return -EBADMSG;
	const struct lb_nl_attr *nest = &top[IPVS_CMD_ATTR_DAEMON];
	if (!nest->data || !lb_nl_parse(nest->data, nest->n, attrs, IPVS_DAEMON_ATTR_MCAST_TTL + 1))
		return -EBADMSG;
	struct ipvs_daemon d = { .sync_id = lb_nl_get_u32(&attrs[IPVS_DAEMON_ATTR_SYNC_ID], 0),
		.max_bytes = lb_nl_get_u16(&attrs[IPVS_DAEMON_ATTR_SYNC_MAXLEN], 0),
		.port = lb_nl_get_u16(&attrs[IPVS_DAEMON_ATTR_MCAST_PORT], 0) };
	uint32_t role = lb_nl_get_u32(&attrs[IPVS_DAEMON_ATTR_STATE], 0);
	lb_nl_get_text(&attrs[IPVS_DAEMON_ATTR_MCAST_IFN], d.device, sizeof(d.device));
	if ((role != IPVS_DAEMON_MASTER && role != IPVS_DAEMON_BACKUP) || !d.device[0])
		return -EBADMSG;
	d.role = (enum ipvs_daemon_role)role;
	read_group(attrs, &d.group);
	if (attrs[IPVS_DAEMON_ATTR_MCAST_TTL].data && attrs[IPVS_DAEMON_ATTR_MCAST_TTL].n >= 1)
		d.ttl = attrs[IPVS_DAEMON_ATTR_MCAST_TTL].data[0];
	*out = d;
	return 0;
}

const char *ipvs_daemon_role_name(enum ipvs_daemon_role role)
{
	return role == IPVS_DAEMON_MASTER ? "master" : "backup";
}
