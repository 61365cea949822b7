/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How each type is probed. */
#include "lbd/check/check_probe.h"

const struct check_ops *const check_ops[CHECK_TYPE_COUNT] = {
	[CHECK_TYPE_TCP] = &check_tcp_ops,
	[CHECK_TYPE_UDP] = &check_udp_ops,
	[CHECK_TYPE_ICMP] = &check_icmp_ops,
	[CHECK_TYPE_AGENT] = &check_agent_ops,
};
