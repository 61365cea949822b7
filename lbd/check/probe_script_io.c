/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The script probe: a program says whether a backend is well. It runs without a shell, with an empty environment and
 * nothing open but /dev/null and two pipes, and when the probe is over nothing of it is left (check_keeper_io.h). What
 * it writes is read to the end, so that it never waits for us; the beginning is kept.
 *
 * A program with an interpreter sees itself as /dev/fd/3: it is executed by the descriptor that was judged, so it does
 * not find files that lie beside it by its own name.
 */
#include "common/buf.h"
#include "lbd/check/check_keeper_io.h"
#include "lbd/check/check_path_io.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_script.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_SIZE  4096
#define READ_SIZE  16384
#define DRAIN_MOST 16 /* reads when the program is over: more than a pipe holds */

struct stream { /* one of its two outputs */
	ev_io io;
	int fd;
	size_t n;
	char head[HEAD_SIZE];
};

struct script {
	struct check_probe probe;
	struct check_keeper *keeper;
	struct stream out, err;
};

static void stream_close(struct script *s, struct stream *st)
{
	ev_io_stop(s->probe.loop, &st->io);
	if (st->fd >= 0)
		close(st->fd);
	st->fd = -1;
}

static void script_cancel(struct check_probe *p)
{
	struct script *s = (struct script *)p;
	check_probe_end(p);
	stream_close(s, &s->out);
	stream_close(s, &s->err);
	if (s->keeper)
		check_keeper_let_go(s->keeper);
	s->keeper = NULL;
}

/* One read: 1 there may be more, 0 not now, -1 never again. */
static int stream_read(struct stream *st)
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
	(void)events;
	struct stream *st = (struct stream *)((char *)io - offsetof(struct stream, io));
	if (stream_read(st) < 0)
		ev_io_stop(loop, io); /* closed; it may go on for all that */
}

static void finish(struct script *s, const struct check_script_end *end)
{
	for (int i = 0; i < DRAIN_MOST && stream_read(&s->out) > 0; i++)
		;
	for (int i = 0; i < DRAIN_MOST && stream_read(&s->err) > 0; i++)
		;
	const struct check_script_said said = { s->out.head, s->err.head, s->out.n, s->err.n };
	struct check_result r = { 0 };
	if (end)
		check_script_result(s->probe.spec, end, &said, &r);
	else
		check_script_text(&r, CHECK_CODE_PROCTOUT, "killed at the deadline", &said);
	check_probe_finish(&s->probe, &r);
}

static void on_ended(void *arg)
{
	struct script *s = arg;
	struct check_script_end end;
	if (check_keeper_report(s->keeper, &end))
		finish(s, &end);
	else
		check_probe_finish_code(&s->probe, CHECK_CODE_SOCKERR, "its keeper was killed");
}

/* It may have ended, and one of its children sleeps in the kernel and cannot be ended: that does not change its word.
 */
static void script_expired(struct check_probe *p)
{
	struct script *s = (struct script *)p;
	struct check_script_end end;
	finish(s, check_keeper_report(s->keeper, &end) ? &end : NULL);
}

/* Returns the end for the program, or -errno. */
static int stream_open(struct script *s, struct stream *st)
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
	ev_io_start(s->probe.loop, &st->io);
	return ends[1];
}

static int start_program(struct script *s, int program, char *const *argv)
{
	struct check_keeper_job job = { .program = program, .argv = argv };
	job.out = stream_open(s, &s->out);
	if (job.out < 0)
		return job.out;
	job.err = stream_open(s, &s->err);
	int rc = job.err < 0 ? job.err : check_keeper_start(s->probe.loop, &job, on_ended, s, &s->keeper);
	close(job.out);
	if (job.err >= 0)
		close(job.err);
	return rc;
}

static int start_with_args(struct script *s, int program)
{
	struct lb_text strings = LB_TEXT_INIT;
	size_t n = check_script_args(s->probe.spec, &strings);
	char **argv = strings.bad ? NULL : calloc(n + 1, sizeof(*argv));
	int rc = argv ? 0 : -ENOMEM;
	if (argv) {
		char *at = strings.s;
		for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
			argv[i] = at;
		rc = start_program(s, program, argv);
	}
	free(argv);
	lb_text_done(&strings);
	return rc;
}

static int script_start(struct check_probe *p, struct lb_time now)
{
	struct script *s = (struct script *)p;
	const char *path = check_param(&p->spec->params, CHECK_PARAM_PATH);
	struct check_result r = { 0 };
	s->out.fd = s->err.fd = -1;
	ev_init(&s->out.io, on_stream);
	ev_init(&s->err.io, on_stream);
	check_probe_begin(p, now);
	int program = check_path_open(path ? path : "", &r);
	if (program < 0) {
		check_probe_early(p, &r);
		return 0;
	}
	int rc = start_with_args(s, program);
	close(program);
	if (rc)
		script_cancel(p);
	else
		check_probe_step(p, "started");
	return rc;
}

const struct check_ops check_script_ops = { sizeof(struct script), script_start, script_cancel, script_expired };
