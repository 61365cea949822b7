/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_io.h"

#include "common/clock_io.h"
#include "common/frame_io.h"
#include "lbd/ctl/ctl_fd_io.h"
#include "lbd/ctl/ctl_reply.h"
#include "lbd/ctl/ctl_request.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CLIENTS    64u
#define MAX_PER_UID    16u
#define MORE_ADMINS    16u
#define DEADLINE_MS    30000u
#define HIGH_WATER     (256u * 1024u)
#define PENDING_MAX    (64u * 1024u * 1024u) /* a handler that does not stream must not eat the memory */
#define READ_AHEAD     (256u * 1024u)        /* requests read while one is being answered */
#define LINES_PER_TURN 64u
#define SLICE_US       5000 /* of one client at a time */
#define ACCEPTS        16u
#define PAUSE_S        0.1
#define WARN_EVERY_MS  10000
#define HANGUP_S       1.0

struct client {
	struct ctl_server *server;
	struct client *next;
	struct lb_frame frame;
	ev_io in, out;
	ev_timer deadline; /* runs while an answer waits for the client to read */
	ev_timer hangup;   /* runs while a half-closed client waits for its answer */
	struct ctl_peer peer;
	struct ctl_message message;
	struct ctl_request request;
	struct ctl_reply reply;
	struct lb_time active;
	struct lb_time slice; /* when its turn began */
	bool busy;            /* a request is being answered */
	bool ended;           /* its end was written */
	bool closing;         /* to be dropped when everything is written */
	bool dead;            /* to be dropped */
};

struct gate { /* a listening socket and its level */
	struct ctl_server *server;
	struct ctl_listener listener;
	ev_io accept;
	enum ctl_level level;
};

struct ctl_server {
	struct ev_loop *loop;
	struct ctl_server_config config;
	struct gate gates[2];
	ev_timer pause; /* a gate that accepts nothing does so until it ends */
	struct client *clients;
	unsigned n_clients;
	struct ctl_leaving leaving;
	int reserve;           /* a descriptor kept for the moment when there is none; -1: a client has it */
	struct lb_time warned; /* last time it was said why there is a pause */
	long long generation;
};

/* ---- writing ---- */

static void sink_line(void *arg, const char *s, size_t n)
{
	struct client *c = arg;
	if (c->dead)
		return;
	if (lb_frame_pending(&c->frame) + n > PENDING_MAX || lb_frame_queue(&c->frame, s, n))
		c->dead = true;
	ev_io_start(c->server->loop, &c->out);
}

static bool sink_full(void *arg)
{
	struct client *c = arg;
	return c->dead || lb_frame_pending(&c->frame) >= c->server->config.high_water;
}

static void sink_ended(void *arg)
{
	struct client *c = arg;
	c->ended = true;
	ev_io_start(c->server->loop, &c->out); /* the next request waits for this turn */
}

static bool slice_is_over(const struct client *c)
{
	return lb_time_diff_us(lb_clock_now(), c->slice) >= SLICE_US;
}

static bool sink_later(void *arg)
{
	struct client *c = arg;
	if (!slice_is_over(c))
		return false;
	ev_io_start(c->server->loop, &c->out); /* it may have written nothing */
	return true;
}

static const struct ctl_sink client_sink = { sink_line, sink_full, sink_ended, sink_later, true };

__attribute__((format(printf, 4, 5))) static void refuse(
	struct client *c, long long id, enum lb_code code, const char *fmt, ...)
{
	struct lb_err e;
	char text[sizeof(e.text)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ctl_reply_begin(&c->reply, id, c->server->generation);
	ctl_reply_end(&c->reply, code, text, NULL);
	c->ended = false; /* it was no request of its own */
}

/* ---- leaving ---- */

static void keep_reserve(struct ctl_server *s)
{
	if (s->reserve < 0)
		s->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void drop(struct client *c)
{
	struct ctl_server *s = c->server;
	ev_io_stop(s->loop, &c->in);
	ev_io_stop(s->loop, &c->out);
	ev_timer_stop(s->loop, &c->deadline);
	ev_timer_stop(s->loop, &c->hangup);
	struct client **p = &s->clients;
	while (*p != c) /* it is in the list as long as it lives */
		p = &(*p)->next;
	*p = c->next;
	s->n_clients--;
	ctl_reply_done(&c->reply); /* tells who holds the answer */
	ctl_message_done(&c->message);
	if (c->request.fd >= 0)
		close(c->request.fd);
	ctl_leaving_add(&s->leaving, lb_frame_leave(&c->frame));
	free(c);
	keep_reserve(s);
}

/* ---- requests ---- */

static void finish_request(struct client *c)
{
	c->busy = c->ended = false;
	ctl_message_done(&c->message);
	if (c->request.fd >= 0)
		close(c->request.fd);
	c->request.fd = -1;
	c->active = lb_clock_now();
}

static const char *group_of(const struct ctl_server *s, enum ctl_level level)
{
	return level == CTL_LEVEL_ADMIN ? s->config.admin_group : s->config.observe_group;
}

static void deny(struct client *c, long long id)
{
	refuse(c, id, LB_CODE_DENIED, "this needs the right to change: members of the group %s have it",
		group_of(c->server, CTL_LEVEL_ADMIN));
}

static void handle(struct client *c, const char *line, size_t n)
{
	struct ctl_server *s = c->server;
	struct ctl_message *m = &c->message;
	struct lb_err e = { 0 };
	int fd = -1;
	if (ctl_message_parse(line, n, c->peer.level, m, &e)) {
		if (e.code == LB_CODE_DENIED)
			deny(c, m->id);
		else
			refuse(c, m->id, e.code, "%s", e.text);
		return;
	}
	/* of the other node, when that is to do it */
	if (m->if_generation && !m->peer && m->if_generation != s->generation) {
		refuse(c, m->id, LB_CODE_REFUSED, "generation %lld runs, not %lld", s->generation, m->if_generation);
		ctl_message_done(m);
		return;
	}
	if (m->wants_fd && ctl_fd_take(&c->frame, &fd, &e)) {
		refuse(c, m->id, e.code, "%s", e.text);
		ctl_message_done(m);
		return;
	}
	c->busy = true;
	c->request = (struct ctl_request){ .cmd = m->cmd,
		.args = m->args,
		.peer = &c->peer,
		.fd = fd,
		.to_peer = m->peer,
		.if_generation = m->if_generation };
	ctl_reply_begin(&c->reply, m->id, s->generation);
	s->config.dispatch(&c->request, &c->reply, s->config.arg);
	ctl_reply_settle(&c->reply);
}

/* Answers what has arrived, a few lines per turn. Returns whether more is waiting. */
static bool answer_lines(struct client *c)
{
	const char *line;
	size_t n;
	for (unsigned i = 0; i < LINES_PER_TURN && !(i && slice_is_over(c)); i++) {
		if (c->ended)
			finish_request(c);
		if (c->busy || c->closing || c->dead)
			return false;
		int got = lb_frame_line(&c->frame, &line, &n);
		if (got == 1) {
			handle(c, line, n);
			continue;
		}
		if (got < 0) {
			refuse(c, 0, LB_CODE_USAGE, "line longer than %u bytes", LB_PROTO_LINE_MAX);
			c->closing = true;
		} else if (c->frame.in_n == c->frame.in_off) {
			ctl_fd_drop(&c->frame);
		}
		if (c->frame.eof)
			c->closing = true;
		return false;
	}
	return true;
}

/* ---- the turn of a client ---- */

static void arm(struct client *c, bool more)
{
	struct ev_loop *loop = c->server->loop;
	bool waiting = lb_frame_pending(&c->frame) > 0, stream = c->reply.state == CTL_REPLY_STREAM;
	if (!waiting && !stream) /* a stream that is to go on later waits for the client, too */
		ev_timer_stop(loop, &c->deadline);
	else if (!ev_is_active(&c->deadline))
		ev_timer_again(loop, &c->deadline);
	if (waiting || stream || more || c->ended)
		ev_io_start(loop, &c->out);
	else
		ev_io_stop(loop, &c->out);
	/* reading goes on during an answer, or a client that leaves would not be noticed; but not without end */
	size_t ahead = c->frame.in_n - c->frame.in_off;
	if (c->frame.eof || c->closing || (c->busy && ahead > READ_AHEAD) || (more && ahead > READ_AHEAD))
		ev_io_stop(loop, &c->in);
	else
		ev_io_start(loop, &c->in);
	if (c->frame.eof && c->busy)
		ev_timer_again(loop, &c->hangup);
	else
		ev_timer_stop(loop, &c->hangup);
}

/* Everything that can be done now. c may be gone afterwards. */
static void turn(struct client *c)
{
	bool goes_on = c->reply.next && !sink_full(c);
	c->slice = lb_clock_now();
	if (c->reply.next)
		ctl_reply_pump(&c->reply);
	bool more = answer_lines(c);
	ctl_reply_say_kept(&c->reply);
	size_t before = lb_frame_pending(&c->frame);
	int left = c->dead ? -EPIPE : lb_frame_write(&c->frame);
	if (left < 0) {
		drop(c);
		return;
	}
	if (goes_on || lb_frame_pending(&c->frame) != before) {
		c->active = lb_clock_now();
		ev_timer_stop(c->server->loop, &c->deadline); /* it reads: the time starts anew */
	}
	if (c->closing && lb_frame_pending(&c->frame) == 0 && !c->busy) {
		drop(c);
		return;
	}
	arm(c, more);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct client *c = w->data;
	(void)loop;
	if (events & EV_ERROR) { /* the kernel would not watch it, and nothing more would be heard of it */
		drop(c);
		return;
	}
	long n = lb_frame_read(&c->frame);
	if (n == -EAGAIN)
		return;
	if (n == -EBADMSG && !c->busy) { /* every command that takes a file changes something, or could */
		deny(c, 0);
		c->closing = true;
	} else if (n < 0 || (n == 0 && ctl_hung_up(c->frame.fd))) {
		drop(c);
		return;
	}
	if (n > 0)
		c->active = lb_clock_now();
	turn(c);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	if (events & EV_ERROR)
		drop(w->data);
	else
		turn(w->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	drop(w->data);
}

static void on_hangup(struct ev_loop *loop, ev_timer *w, int events)
{
	struct client *c = w->data;
	(void)loop;
	(void)events;
	if (ctl_hung_up(c->frame.fd))
		drop(c);
}

/* ---- coming ---- */

/* The place of the one that has been idle longest, among those of a uid or among all. */
static bool drop_idle(struct ctl_server *s, const uid_t *uid)
{
	struct client *oldest = NULL;
	for (struct client *c = s->clients; c; c = c->next)
		if (!c->busy && !lb_frame_pending(&c->frame) && (!uid || c->peer.uid == *uid) &&
			(!oldest || lb_time_cmp(c->active, oldest->active) <= 0))
			oldest = c;
	if (oldest)
		drop(oldest);
	return oldest != NULL;
}

static unsigned count_uid(const struct ctl_server *s, uid_t uid)
{
	unsigned n = 0;
	for (const struct client *c = s->clients; c; c = c->next)
		n += c->peer.uid == uid;
	return n;
}

/* Whoever looks or waits: who may change finds a place on the other socket, to see what is wrong and to end it. */
static bool has_place(const struct gate *g, uid_t uid)
{
	struct ctl_server *s = g->server;
	unsigned max = s->config.max_clients + (g->level == CTL_LEVEL_ADMIN ? s->config.more_admins : 0);
	if (uid != 0 && count_uid(s, uid) >= s->config.max_per_uid && !drop_idle(s, &uid))
		return false;
	return s->n_clients < s->config.max_clients || drop_idle(s, NULL) || s->n_clients < max;
}

static void greet(struct client *c)
{
	struct lb_text line = LB_TEXT_INIT;
	ctl_greeting(&line, c->server->config.version, c->server->config.node, c->peer.level == CTL_LEVEL_ADMIN);
	if (line.bad)
		c->dead = true;
	else
		sink_line(c, line.s, line.n);
	lb_text_done(&line);
}

static void admit(struct gate *g, int fd, const struct ctl_creds *creds)
{
	struct ctl_server *s = g->server;
	struct client *c = calloc(1, sizeof(*c));
	if (!c) {
		ctl_leave(fd, &s->leaving);
		return;
	}
	c->server = s;
	c->peer = (struct ctl_peer){ .uid = creds->uid, .pid = creds->pid, .level = g->level };
	ctl_user_name(creds->uid, c->peer.user);
	c->request.fd = -1;
	c->active = lb_clock_now();
	lb_frame_init(&c->frame, fd, LB_PROTO_LINE_MAX);
	c->frame.takes_fds = g->level == CTL_LEVEL_ADMIN;
	ctl_reply_init(&c->reply, &client_sink, c);
	ev_io_init(&c->in, on_readable, fd, EV_READ);
	ev_io_init(&c->out, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->deadline, on_deadline, 0, s->config.deadline_ms / 1000.0);
	ev_timer_init(&c->hangup, on_hangup, 0, HANGUP_S);
	c->in.data = c->out.data = c->deadline.data = c->hangup.data = c;
	c->next = s->clients;
	s->clients = c;
	s->n_clients++;
	greet(c);
	turn(c);
}

static void welcome(struct gate *g, int fd)
{
	struct ctl_server *s = g->server;
	struct ctl_creds creds;
	struct ctl_leaving *l = &s->leaving;
	if (ctl_creds_read(fd, &creds)) {
		ctl_turn_away(fd, l, LB_CODE_DENIED, "the kernel does not say who you are");
		return;
	}
	/* who may change may look */
	bool may = ctl_creds_may(&creds, g->listener.group) ||
		   (g->level == CTL_LEVEL_OBSERVE && ctl_creds_may(&creds, s->gates[0].listener.group));
	if (!may)
		ctl_turn_away(
			fd, l, LB_CODE_DENIED, "this socket is for members of the group %s", group_of(s, g->level));
	else if (!has_place(g, creds.uid))
		ctl_turn_away(fd, l, LB_CODE_REFUSED, "too many clients are busy here, try again");
	else
		admit(g, fd, &creds);
	ctl_creds_done(&creds);
}

static void on_resume(struct ev_loop *loop, ev_timer *w, int events)
{
	struct ctl_server *s = w->data;
	(void)events;
	ev_timer_stop(loop, w);
	for (unsigned i = 0; i < 2; i++)
		ev_io_start(loop, &s->gates[i].accept);
}

static void pause_for(struct ctl_server *s, const char *why)
{
	struct lb_time now = lb_clock_now();
	ev_timer_again(s->loop, &s->pause);
	if (!s->config.warn || (s->warned.us && lb_time_cmp(now, lb_time_add_ms(s->warned, WARN_EVERY_MS)) < 0))
		return;
	s->warned = now;
	s->config.warn(why, s->config.arg);
}

/* No descriptor left: the connection would stay readable for ever and the loop would spin on it. So the reserve gives
 * way to this caller, for it is now that somebody wants to know what is wrong; and nothing is accepted for a moment.
 * The next one gets it when this one has gone, or in the place of one who says nothing. `waits`: there is a caller. */
static void out_of_fds(struct gate *g, int err, bool waits)
{
	struct ctl_server *s = g->server;
	char text[128];
	if (s->reserve < 0 && waits)
		(void)drop_idle(s, NULL);
	if (s->reserve >= 0) {
		close(s->reserve);
		s->reserve = -1;
		int fd = accept4(g->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			welcome(g, fd);
		keep_reserve(s);
	}
	for (unsigned i = 0; i < 2; i++)
		ev_io_stop(s->loop, &s->gates[i].accept);
	snprintf(text, sizeof(text), "clients are let in one at a time: %s", strerror(err));
	pause_for(s, text);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct gate *g = w->data;
	if (events & EV_ERROR) { /* the kernel would not watch it; it may do so in a moment */
		out_of_fds(g, ENOMEM, true);
		return;
	}
	for (unsigned i = 0; i < ACCEPTS; i++) {
		if (g->level == CTL_LEVEL_OBSERVE && ctl_leaving_full(&g->server->leaving)) {
			ev_io_stop(loop, w); /* the other socket stays open for who may change */
			pause_for(g->server, "observe.sock waits: what its clients passed cannot be closed");
			return;
		}
		int fd = accept4(g->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			welcome(g, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			out_of_fds(g, errno, i == 0);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return;
		}
	}
}

/* ---- the whole ---- */

static int open_gate(struct ctl_server *s, enum ctl_level level, const char *name, struct lb_err *e)
{
	struct gate *g = &s->gates[level == CTL_LEVEL_ADMIN ? 0 : 1];
	g->server = s;
	g->level = level;
	if (ctl_listen(s->config.dir, name, group_of(s, level), s->config.warn, s->config.arg, &g->listener, e))
		return -1;
	ev_io_init(&g->accept, on_accept, g->listener.fd, EV_READ);
	g->accept.data = g;
	ev_io_start(s->loop, &g->accept);
	return 0;
}

struct ctl_server *ctl_server_new(struct ev_loop *loop, const struct ctl_server_config *config, struct lb_err *e)
{
	struct ctl_server *s = calloc(1, sizeof(*s));
	if (!s) {
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
		return NULL;
	}
	s->loop = loop;
	s->config = *config;
	s->config.max_clients = config->max_clients ? config->max_clients : MAX_CLIENTS;
	s->config.max_per_uid = config->max_per_uid ? config->max_per_uid : MAX_PER_UID;
	s->config.more_admins = config->more_admins ? config->more_admins : MORE_ADMINS;
	s->config.deadline_ms = config->deadline_ms ? config->deadline_ms : DEADLINE_MS;
	s->config.high_water = config->high_water ? config->high_water : HIGH_WATER;
	s->gates[0].listener.fd = s->gates[1].listener.fd = -1;
	s->reserve = -1;
	keep_reserve(s);
	ev_timer_init(&s->pause, on_resume, 0, PAUSE_S);
	s->pause.data = s;
	if (open_gate(s, CTL_LEVEL_ADMIN, "control.sock", e) || open_gate(s, CTL_LEVEL_OBSERVE, "observe.sock", e)) {
		ctl_server_free(s);
		return NULL;
	}
	return s;
}

void ctl_server_look(struct ctl_server *s)
{
	for (struct gate *g = s->gates; g < s->gates + 2; g++) {
		if (!ctl_listen_lost(&g->listener))
			continue;
		ev_io_stop(s->loop, &g->accept);
		ctl_listen_mend(
			&g->listener, s->config.dir, s->config.warn, s->config.fail, s->config.arg, &s->leaving);
		ev_io_set(&g->accept, g->listener.fd, EV_READ);
		if (!ev_is_active(&s->pause))
			ev_io_start(s->loop, &g->accept);
	}
}

void ctl_server_free(struct ctl_server *s)
{
	if (!s)
		return;
	for (struct client *c = s->clients, *next; c; c = next) {
		next = c->next;
		lb_frame_write(&c->frame);
		drop(c);
	}
	ev_timer_stop(s->loop, &s->pause);
	for (unsigned i = 0; i < 2; i++) {
		ev_io_stop(s->loop, &s->gates[i].accept);
		ctl_unlisten(&s->gates[i].listener, &s->leaving);
	}
	if (s->reserve >= 0)
		close(s->reserve);
	ctl_leaving_done(&s->leaving);
	free(s);
}

void ctl_server_set_generation(struct ctl_server *s, long long generation)
{
	s->generation = generation;
	/* answers that are under way end with what is true then */
	for (struct client *c = s->clients; c; c = c->next)
		c->reply.generation = generation;
}

unsigned ctl_server_clients(const struct ctl_server *s)
{
	return s->n_clients;
}

bool ctl_server_pending(const struct ctl_server *s)
{
	for (const struct client *c = s->clients; c; c = c->next)
		if (lb_frame_pending(&c->frame))
			return true;
	return false;
}
