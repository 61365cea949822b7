/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_program_io.h"

#include "common/room_io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE  16384
#define DRAIN_MOST 16 /* reads when the program is over: more than a pipe holds */

static void stream_close(struct check_program *p, struct check_program_stream *st)
{
	ev_io_stop(p->loop, &st->io);
	if (st->fd >= 0)
		close(st->fd);
	st->fd = -1;
}

/* One read: 1 there may be more, 0 not now, -1 never again. */
static int stream_read(struct check_program_stream *st)
{
	char piece[READ_SIZE];
	ssize_t n = read(st->fd, piece, sizeof(piece));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	size_t keep = sizeof(st->head) - st->n;
	keep = keep < (size_t)n ? keep : (size_t)n;
	memcpy(st->head + st->n, piece, keep);
	st->n += keep;
	return 1;
}

/* One read per turn of the loop: a program that pours must not starve the others. */
static void on_stream(struct ev_loop *loop, ev_io *io, int events)
{
	struct check_program_stream *st =
		(struct check_program_stream *)((char *)io - offsetof(struct check_program_stream, io));
	/* a program that nobody reads would come to stand, and that would be held against the backend */
	if (lb_room_deaf(loop, events, "output of a program"))
		return;
	if (stream_read(st) < 0)
		ev_io_stop(loop, io); /* closed; it may go on for all that */
}

/* Returns the end for the program, or -errno. */
static int stream_open(struct check_program *p, struct check_program_stream *st)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
		int err = errno;
		close(ends[0]);
		close(ends[1]);
		return -err;
	}
	st->fd = ends[0];
	ev_io_init(&st->io, on_stream, st->fd, EV_READ);
	ev_io_start(p->loop, &st->io);
	return ends[1];
}

void check_program_init(struct check_program *p, struct ev_loop *loop)
{
	p->loop = loop;
	p->keeper = NULL;
	p->out.fd = p->err.fd = -1;
	p->out.n = p->err.n = 0;
	ev_init(&p->out.io, on_stream);
	ev_init(&p->err.io, on_stream);
}

int check_program_start(struct check_program *p, int program, char *const *argv, check_keeper_fn *ended, void *arg)
{
	struct check_keeper_job job = { .program = program, .argv = argv };
	job.out = stream_open(p, &p->out);
	if (job.out < 0)
		return job.out;
	job.err = stream_open(p, &p->err);
	int rc = job.err < 0 ? job.err : check_keeper_start(p->loop, &job, ended, arg, &p->keeper);
	close(job.out);
	if (job.err >= 0)
		close(job.err);
	return rc;
}

bool check_program_report(const struct check_program *p, struct check_script_end *end)
{
	return check_keeper_report(p->keeper, end);
}

struct check_script_said check_program_said(struct check_program *p)
{
	for (int i = 0; i < DRAIN_MOST && stream_read(&p->out) > 0; i++)
		;
	for (int i = 0; i < DRAIN_MOST && stream_read(&p->err) > 0; i++)
		;
	return (struct check_script_said){ p->out.head, p->err.head, p->out.n, p->err.n };
}

void check_program_kill(struct check_program *p)
{
	check_keeper_stop(p->keeper);
}

void check_program_close(struct check_program *p)
{
	stream_close(p, &p->out);
	stream_close(p, &p->err);
	if (p->keeper)
		check_keeper_let_go(p->keeper);
	p->keeper = NULL;
}
