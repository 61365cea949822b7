/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_read_io.h"

#include "common/clock_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH        "/proc/net/ip_vs_conn"
#define PATH_ORIGIN "/proc/net/ip_vs_conn_sync"
#define PIECE_BYTES 4096u /* a larger buffer is not filled either */
#define SLICE_US    2000
#define PAUSE_MIN_S 0.0005

struct conn_read {
	struct ev_loop *loop;
	int fd;
	ev_timer next;
	bool held;
	ipvs_conn_fn *fn;
	conn_read_done_fn *done;
	void *arg;
	struct ipvs_conn_reader reader;
};

static void finish(struct conn_read *r, int err)
{
	conn_read_done_fn *done = r->done;
	void *arg = r->arg;
	uint64_t given, refused;
	if (!err)
		ipvs_conn_read_end(&r->reader, r->fn, arg);
	given = r->reader.given;
	refused = r->reader.refused;
	conn_read_stop(r);
	done(err, given, refused, arg);
}

static void on_next(struct ev_loop *loop, ev_timer *w, int events)
{
	struct conn_read *r = w->data;
	char piece[PIECE_BYTES];
	struct lb_time from = lb_clock_now();
	int64_t took = 0;
	(void)events;
	do {
		ssize_t n = read(r->fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			finish(r, n < 0 ? -errno : 0);
			return;
		}
		ipvs_conn_read(&r->reader, piece, (size_t)n, r->fn, r->arg);
		took = lb_time_diff_us(lb_clock_now(), from);
	} while (took < SLICE_US && !r->held);
	if (r->held)
		return;
	double pause_s = (double)took / 1e6;
	ev_now_update(loop);
	ev_timer_set(w, pause_s > PAUSE_MIN_S ? pause_s : PAUSE_MIN_S, 0);
	ev_timer_start(loop, w);
}

static int open_to_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int conn_read_open(void)
{
	return open_to_read(PATH);
}

int conn_read_open_origin(void)
{
	return open_to_read(PATH_ORIGIN);
}

struct conn_read *conn_read_start(
	struct ev_loop *loop, int fd, ipvs_conn_fn *fn, conn_read_done_fn *done, void *arg, int *err)
{
	if (lseek(fd, 0, SEEK_SET) < 0) {
		*err = -errno;
		return NULL;
	}
	struct conn_read *r = calloc(1, sizeof(*r));
	if (!r) {
		*err = -ENOMEM;
		return NULL;
	}
	*r = (struct conn_read){ .loop = loop, .fd = fd, .fn = fn, .done = done, .arg = arg };
	ev_timer_init(&r->next, on_next, 0, 0);
	r->next.data = r;
	ev_timer_start(loop, &r->next);
	return r;
}

void conn_read_stop(struct conn_read *r)
{
	if (!r)
		return;
	ev_timer_stop(r->loop, &r->next);
	free(r);
}

void conn_read_hold(struct conn_read *r)
{
	r->held = true;
}

void conn_read_resume(struct conn_read *r)
{
	if (!r->held)
		return;
	r->held = false;
	ev_now_update(r->loop);
	ev_timer_set(&r->next, PAUSE_MIN_S, 0);
	ev_timer_start(r->loop, &r->next);
}
