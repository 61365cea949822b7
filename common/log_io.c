/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/log_io.h"

#include "common/buf.h"
#include "common/clock_io.h"
#include "common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_PLAIN 512  /* bytes of a line that needs no memory */
#define AGAIN_MS   1000 /* between two tries to find the journal */

/* Set once at start, per process. */
static struct {
	const char *name;
	enum lb_log_level level; /* the highest of: */
	enum lb_log_level parts[LB_LOG_OTHER + 1];
	int journal;          /* datagram socket, -1 = standard error */
	struct lb_time again; /* not before */
} sink = { "lbd", LB_LOG_INFO,
	{ LB_LOG_INFO, LB_LOG_INFO, LB_LOG_INFO, LB_LOG_INFO, LB_LOG_INFO, LB_LOG_INFO, LB_LOG_INFO }, -1, { 0 } };

/* Standard error belongs to others, too, so what they have open is not made non-blocking: ours is opened anew, for us
 * and the processes that we start. A file would be written from its beginning then, and a socket cannot be opened;
 * where we may not, put_error alone must do. */
static void own_error(void)
{
	struct stat st;
	if (fstat(STDERR_FILENO, &st) || !(S_ISFIFO(st.st_mode) || isatty(STDERR_FILENO)))
		return;
	int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)dup2(fd, STDERR_FILENO);
	close(fd);
}

/* The socket that there is, as a room cannot make another one. It does not wait. */
static bool join_journal(void)
{
	static const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
	return connect(sink.journal, (const struct sockaddr *)&to, sizeof(to)) == 0;
}

void lb_log_init(const char *name, enum lb_log_level level)
{
	sink.name = name;
	lb_log_set_level(level);
	signal(SIGPIPE,
		SIG_IGN); /* who reads may go away, and the service manager's own setting does not reach workers */
	own_error();
	if (!getenv("JOURNAL_STREAM"))
		return;
	if (sink.journal >= 0)
		close(sink.journal);
	sink.journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sink.journal >= 0)
		(void)join_journal(); /* else with a line, when it is there */
}

void lb_log_set_level(enum lb_log_level level)
{
	for (int i = 0; i <= LB_LOG_OTHER; i++)
		sink.parts[i] = level;
	sink.level = level;
}

void lb_log_set_part(enum lb_log_part part, enum lb_log_level level)
{
	sink.parts[part] = level;
	sink.level = LB_LOG_ERROR;
	for (int i = 0; i <= LB_LOG_OTHER; i++)
		if (sink.parts[i] > sink.level)
			sink.level = sink.parts[i];
}

enum lb_log_level lb_log_get_level(void)
{
	return sink.level;
}

/* Where it is not ours alone, standard error is asked whether it takes something. A pipe that does takes PIPE_BUF bytes
 * at once; so much of a line is told, and s[n - 1], its newline, may move for that. Errors have nowhere to go. */
static void put_error(char *s, size_t n)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return;
	if (n > PIPE_BUF) {
		n = PIPE_BUF;
		s[n - 1] = '\n';
	}
	(void)!write(STDERR_FILENO, s, n);
}

void lb_log_report(const char *text, size_t n)
{
	while (n) {
		char part[LINE_PLAIN];
		const char *nl = memchr(text, '\n', n < sizeof(part) ? n : sizeof(part));
		size_t len = nl ? (size_t)(nl + 1 - text) : n < sizeof(part) ? n : sizeof(part);
		memcpy(part, text, len);
		put_error(part, len);
		text += len;
		n -= len;
	}
}

/* Where there is no memory for a line, or for as long a one: its beginning, to standard error, which the service
 * manager reads. That it is out is what has to be said then. */
static void emit_plain(enum lb_log_level level, const char *raw)
{
	char out[LINE_PLAIN];
	int n = snprintf(out, sizeof(out), "%s: %s: %s", sink.name, lb_log_level_name(level), raw);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(out) ? (size_t)n : sizeof(out) - 1;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)out[i] < ' ' || out[i] == 0x7f)
			out[i] = '?';
		else if ((unsigned char)out[i] == 0xc2 && ((unsigned char)out[i + 1] & 0xe0) == 0x80) /* C1, as UTF-8 */
			out[i] = out[i + 1] = '?';
	out[len] = '\n'; /* in place of the NUL */
	put_error(out, len + 1);
}

/* Its socket was made anew (journald's units are started again), or is not there. */
static bool journal_is_back(int err)
{
	if (err != ECONNREFUSED && err != ENOTCONN && err != ENOENT && err != EPIPE)
		return false;
	struct lb_time now = lb_clock_now();
	if (lb_time_cmp(now, sink.again) < 0)
		return false;
	sink.again = lb_time_add_ms(now, AGAIN_MS);
	return join_journal();
}

static bool to_journal(const struct lb_text *out)
{
	return send(sink.journal, out->s, out->n, MSG_NOSIGNAL) >= 0 ||
	       (journal_is_back(errno) && send(sink.journal, out->s, out->n, MSG_NOSIGNAL) >= 0);
}

/* A lost line must not end a load balancer: errors of the sink itself have nowhere to go and are dropped. False: there
 * is no memory. */
static bool emit(enum lb_log_level level, const char *fields, const struct lb_text *line)
{
	struct lb_text out = LB_TEXT_INIT;
	if (sink.journal >= 0) {
		lb_text_printf(
			&out, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n%sMESSAGE=%s\n", level, sink.name, fields, line->s);
		if (!out.bad && to_journal(&out))
			goto done;
		lb_text_clear(&out);
	}
	lb_text_printf(&out, "%s: %s: %s\n", sink.name, lb_log_level_name(level), line->s);
	if (!out.bad)
		put_error(out.s, out.n);
done:;
	bool had = !out.bad;
	lb_text_done(&out);
	return had;
}

bool lb_log_wants(enum lb_log_level level, const char *raw)
{
	return level <= sink.level && level <= sink.parts[lb_log_part_of(raw)];
}

void lb_log_fields(enum lb_log_level level, const char *fields, const char *raw)
{
	if (!lb_log_wants(level, raw))
		return;
	int saved = errno;
	struct lb_text line = LB_TEXT_INIT;
	lb_text_escape(&line, raw, strlen(raw), 4096);
	if (line.bad || (line.s && !emit(level, fields ? fields : "", &line)))
		emit_plain(level, raw);
	lb_text_done(&line);
	errno = saved;
}

void lb_log(enum lb_log_level level, const char *fmt, ...)
{
	if (level > sink.level)
		return;
	int saved = errno;
	char small[LINE_PLAIN], *large = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		va_start(ap, fmt);
		if (vasprintf(&large, fmt, ap) < 0)
			large = NULL;
		va_end(ap);
	}
	if (n >= 0)
		lb_log_fields(level, NULL, large ? large : small);
	free(large);
	errno = saved;
}
