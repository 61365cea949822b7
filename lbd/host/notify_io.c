/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/notify_io.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct {
	struct sockaddr_un to;
	socklen_t len; /* 0 = nobody listens */
	int fd;        /* kept: a daemon that has no descriptor left is alive, and has to say so */
	double interval;
} notify = { .fd = -1 };

/* Not connected: who listens may have bound the address anew since. */
static bool has_socket(void)
{
	if (notify.fd < 0)
		notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return notify.fd >= 0;
}

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *usec = getenv("WATCHDOG_USEC");
	size_t n = path ? strlen(path) : 0;
	if (n > 1 && n < sizeof(notify.to.sun_path) && (path[0] == '/' || path[0] == '@')) {
		notify.to.sun_family = AF_UNIX;
		memcpy(notify.to.sun_path, path, n);
		if (path[0] == '@') /* the abstract namespace */
			notify.to.sun_path[0] = '\0';
		notify.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
		(void)has_socket();
	}
	if (usec)
		notify.interval =
			strtod(usec, NULL) / 2e6; /* twice as often as asked, as sd_watchdog_enabled(3) advises */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

bool notify_is_managed(void)
{
	return notify.len != 0;
}

void notify_send(const char *state)
{
	if (notify.len && has_socket())
		(void)sendto(notify.fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
			(const struct sockaddr *)&notify.to, notify.len);
}

double notify_watchdog_interval(void)
{
	return notify.len ? notify.interval : 0;
}
