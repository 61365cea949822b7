/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_sync */
/* Any bytes as what the kernel answers to who listens to its synchronisation: sockets, a device, its daemons. Texts
 * end, and addresses are of a family that there is. */
#include "lbd/sync/ipvs_daemon_msg.h"
#include "lbd/sync/tap_diag_msg.h"
#include "lbd/sync/tap_link_msg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool is_ip(const struct lb_ip *ip)
{
	return ip->family == AF_INET || ip->family == AF_INET6;
}

static void read_one(const struct lb_nl_msg *m)
{
	struct tap_diag diag;
	struct tap_link link;
	struct ipvs_daemon daemon;
	uint16_t family;
	if (tap_diag_read(m, &diag) == 0)
		must(is_ip(&diag.local) && is_ip(&diag.remote));
	if (tap_link_read(m, &link) == 0)
		must(memchr(link.name, 0, sizeof(link.name)) && memchr(link.kind, 0, sizeof(link.kind)) &&
			memchr(link.alias, 0, sizeof(link.alias)));
	if (ipvs_daemon_read(m, &daemon) == 0)
		must(memchr(daemon.device, 0, sizeof(daemon.device)) && ipvs_daemon_role_name(daemon.role));
	(void)ipvs_daemon_read_family(m, &family);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lb_nl_msg m = { .type = size ? data[0] : 0, .body = data, .n = size };
	size_t at = 0, before = 0;
	read_one(&m); /* as one body, too: then nothing is spent on the header */
	while (lb_nl_next(data, size, &at, &m) > 0) {
		int err;
		must(at > before && at <= size);
		before = at;
		read_one(&m);
		(void)lb_nl_status(&m, &err);
	}
	return 0;
}
