/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that does not watch a descriptor, as when it has no memory or fs.epoll.max_user_watches is reached: libev's
 * calls come here, too. One file of a program includes this. */
#pragma once

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNWATCHED_NONE (-1)
#define UNWATCHED_ALL  (-2)

static int unwatched = UNWATCHED_NONE; /* a descriptor */
static unsigned n_unwatched;           /* how often it was said */

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	if (op != EPOLL_CTL_DEL && (unwatched == UNWATCHED_ALL || unwatched == fd)) {
		n_unwatched++;
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}
