/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_fd_io.h"

#include "common/unix_io.h"

#include <sys/stat.h>
#include <unistd.h>

int ctl_fd_take(struct lb_frame *f, int *fd, struct lb_err *e)
{
	struct stat st;
	int got = lb_frame_take_fd(f);
	if (got < 0)
		return lb_err_set(e, LB_CODE_USAGE, "no file came with the request");
	if (fstat(got, &st) || !S_ISREG(st.st_mode)) {
		close(got);
		return lb_err_set(e, LB_CODE_USAGE, "what came with the request is no regular file");
	}
	*fd = got;
	return 0;
}

void ctl_fd_drop(struct lb_frame *f)
{
	int fd;
	while ((fd = lb_frame_take_fd(f)) >= 0)
		close(fd);
}

void ctl_leaving_add(struct ctl_leaving *l, int child)
{
	if (child < 0)
		return;
	if (ctl_leaving_full(l)) /* only by clients that were here before it was */
		close(child);
	else
		l->of[l->n++] = (struct pollfd){ .fd = child, .events = POLLIN };
}

void ctl_leave(int fd, struct ctl_leaving *l)
{
	ctl_leaving_add(l, lb_unix_leave(fd));
}

bool ctl_leaving_full(struct ctl_leaving *l)
{
	if (l->n < CTL_LEAVING_MAX || poll(l->of, l->n, 0) <= 0)
		return l->n == CTL_LEAVING_MAX;
	nfds_t kept = 0;
	for (nfds_t i = 0; i < l->n; i++) {
		if (l->of[i].revents)
			close(l->of[i].fd);
		else
			l->of[kept++] = l->of[i];
	}
	l->n = kept;
	return false;
}

void ctl_leaving_done(struct ctl_leaving *l)
{
	for (nfds_t i = 0; i < l->n; i++)
		close(l->of[i].fd);
	l->n = 0;
}
