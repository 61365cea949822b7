/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/interface_io.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket that is bound to it: the kernel looks the name up, and says to which one it is bound. */
static int index_of(int fd, const char *name)
{
	int index = 0;
	socklen_t len = sizeof(index);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)))
		return errno == ENODEV ? 0 : -errno;
	return getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, &len) ? -errno : index;
}

int lb_interface(const char *name)
{
	if (strlen(name) >= IFNAMSIZ) /* the kernel would look for its first 15 bytes */
		return 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int index = index_of(fd, name);
	close(fd);
	return index;
}
