/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The synchronisation daemons of IPVS, of which a network namespace has at most one master and one backup: messages of
 * generic netlink as bytes (include/uapi/linux/ip_vs.h, include/uapi/linux/genetlink.h).
 */
#pragma once

#include "common/addr.h"
#include "common/nlmsg.h"

#define IPVS_DAEMON_PORT  8848u
#define IPVS_DAEMON_GROUP "224.0.0.81"

enum ipvs_daemon_role { IPVS_DAEMON_MASTER = 1, IPVS_DAEMON_BACKUP = 2 }; /* numbers of the kernel: IP_VS_STATE_x */

struct ipvs_daemon {
	enum ipvs_daemon_role role;
	char device[16];
	uint32_t sync_id; /* 1..255: a backup with 0 would take every id */
	/* of the datagrams; 0 or unset = the kernel's own choice when it starts one */
	uint16_t max_bytes;
	struct lb_ip group;
	uint16_t port;
	uint8_t ttl;
};

/* Asks for the id of the family IPVS: the kernel loads ip_vs for that where it may. */
int ipvs_daemon_msg_family(struct lb_nl_batch *b, uint32_t seq);
/* Reads an answer to it. 0 and the id; -EBADMSG. */
int ipvs_daemon_read_family(const struct lb_nl_msg *m, uint16_t *family);

/* An ACK is asked for. Stopping one that was only just started can be answered by nothing at all. */
int ipvs_daemon_msg_start(struct lb_nl_batch *b, uint32_t seq, uint16_t family, const struct ipvs_daemon *d);
int ipvs_daemon_msg_stop(struct lb_nl_batch *b, uint32_t seq, uint16_t family, enum ipvs_daemon_role role);
/* Asks which run: none to two answers, then NLMSG_DONE. */
int ipvs_daemon_msg_dump(struct lb_nl_batch *b, uint32_t seq, uint16_t family);
/* Reads one answer to that. 0 and *out; -EBADMSG. */
int ipvs_daemon_read(const struct lb_nl_msg *m, struct ipvs_daemon *out);

const char *ipvs_daemon_role_name(enum ipvs_daemon_role role);
