/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/conn_read_io.h"

#include "common/clock_io.h"
#include "lbd/sync/conn_whole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH        "/proc/net/ip_vs_conn"
#define PATH_ORIGIN "/proc/net/ip_vs_conn_sync"
#define SLICE_US    2000
#define PAUSE_MIN_S 0.0005

struct conn_read {
	struct ev_loop *loop;
	int fds[2];
	ev_timer next;
	bool held;
	bool carried; /* the first row of this piece began in the reader's piece before */
	ipvs_conn_fn *fn;
	conn_read_done_fn *done;
	void *arg;
	struct ipvs_conn_reader readers[2];
	struct conn_whole whole;
};

static void on_row(const struct flow *f, void *arg)
{
	struct conn_read *r = arg;
	if (!r->carried)
		conn_whole_row(&r->whole, conn_whole_id(&r->whole, f));
	r->carried = false;
	r->fn(f, r->arg);
}

static void finish(struct conn_read *r, int err)
{
	conn_read_done_fn *done = r->done;
	void *arg = r->arg;
	struct conn_read_end end = { .err = err, .whole = !err && conn_whole_is(&r->whole) };
	for (unsigned i = 0; i < 2; i++) {
		if (!err && r->fds[1] < 0) /* of two readers one has had what the other has the beginning of */
			ipvs_conn_read_end(&r->readers[i], r->fn, arg);
		end.given += r->readers[i].given;
		end.refused += r->readers[i].refused;
	}
	conn_read_stop(r);
	done(&end, arg);
}

/* 1: there is more; 0: that was the end; -errno. */
static int next_piece(struct conn_read *r)
{
	char piece[CONN_WHOLE_PIECE];
	size_t bytes = sizeof(piece);
	bool alone = r->fds[1] < 0;
	unsigned i = alone ? 0 : conn_whole_next(&r->whole, &bytes);
	struct ipvs_conn_reader *reader = &r->readers[i];
	ssize_t n = read(r->fds[i], piece, bytes);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	r->carried = reader->n || reader->too_long;
	if (alone)
		ipvs_conn_read(reader, piece, (size_t)n, r->fn, r->arg);
	else
		ipvs_conn_read(reader, piece, (size_t)n, on_row, r);
	return alone ? n > 0 : conn_whole_piece(&r->whole, (size_t)n);
}

static void on_next(struct ev_loop *loop, ev_timer *w, int events)
{
	struct conn_read *r = w->data;
	struct lb_time from = lb_clock_now();
	int64_t took = 0;
	(void)events;
	do {
		int more = next_piece(r);
		if (more <= 0) {
			finish(r, more);
			return;
		}
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

struct conn_read *conn_read_start(struct ev_loop *loop, const int fds[2], uint64_t seed, ipvs_conn_fn *fn,
	conn_read_done_fn *done, void *arg, int *err)
{
	for (unsigned i = 0; i < 2 && fds[i] >= 0; i++) {
		if (lseek(fds[i], 0, SEEK_SET) < 0) {
			*err = -errno;
			return NULL;
		}
	}
	struct conn_read *r = calloc(1, sizeof(*r));
	if (!r) {
		*err = -ENOMEM;
		return NULL;
	}
	*r = (struct conn_read){ .loop = loop, .fds = { fds[0], fds[1] }, .fn = fn, .done = done, .arg = arg };
	r->whole.seed = seed;
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
