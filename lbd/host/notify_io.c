/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/notify_io.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	struct sockaddr_un to;
	socklen_t len; /* 0 = nobody listens */
	double interval;
} notify;

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
	}
	if (usec)
		notify.interval =
			strtod(usec, NULL) / 2e6; /* twice as often as asked, as sd_watchdog_enabled(3) advises */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void notify_send(const char *state)
{
	if (!notify.len)
		return;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(
		fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&notify.to, notify.len);
	close(fd);
}

double notify_watchdog_interval(void)
{
	return notify.len ? notify.interval : 0;
}
