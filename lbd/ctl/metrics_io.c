/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/metrics_io.h"

#include "common/clock_io.h"
#include "lbd/ctl/metrics.h"
#include "lbd/ctl/metrics_load_io.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MS 10000u
#define ANSWER_MS  120000u
#define IDLE_MS    180000u /* between two requests: Prometheus asks every minute or more often */
#define TICK_S     0.5
#define RETRY_MS   5000
#define BACKLOG    16
#define MEMORY     65536u /* of a connection: its request and a piece of the answer have to fit */
#define BLOCK      32768u

/* A connection. libmicrohttpd owns the descriptor; here it is only shut down. */
struct visitor {
	struct metrics_server *server;
	int fd; /* -1 = the place is free */
	struct lb_time since, until;
	bool busy; /* an answer is being written */
};

struct metrics_server {
	struct ev_loop *loop;
	struct metrics_server_config config;
	const struct metrics_mhd *mhd;
	struct MHD_Daemon *http; /* NULL until somebody came */
	struct visitor visitors[METRICS_CONNECTIONS_MAX];
	unsigned n_answers;
	int fd;   /* that listens, -1 = none */
	int told; /* the error that was said last */
	struct lb_time retry_at;
	ev_io accept, work;
	ev_idle more; /* libmicrohttpd has something to do at once */
	ev_timer tick;
};

/* An answer that is being written. */
struct answer {
	struct metrics_server *server;
	struct metrics *metrics; /* NULL before the first piece */
	struct lb_text text;
	size_t at;
	bool last; /* there is nothing behind text */
};

__attribute__((format(printf, 3, 4))) static void say(
	const struct metrics_server *s, enum lb_log_level level, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->config.say(level, text);
}

/* ---- the answer ---- */

static void answer_free(void *arg)
{
	struct answer *a = arg;
	a->server->n_answers--;
	metrics_end(a->metrics);
	lb_text_done(&a->text);
	free(a);
}

/* At most one step of work: 0 = there is nothing to send yet, ask again in the next turn. */
static ssize_t answer_read(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct answer *a = arg;
	(void)pos;
	if (a->at == a->text.n && !a->last) {
		lb_text_clear(&a->text);
		a->at = 0;
		if (!a->metrics)
			a->metrics = metrics_begin(a->server->config.env, NULL);
		int more = a->metrics ? metrics_next(a->metrics, &a->text) : -ENOMEM;
		if (more < 0) /* who reads sees that it is cut off, and asks again */
			return MHD_CONTENT_READER_END_WITH_ERROR;
		a->last = more == 0;
	}
	size_t n = a->text.n - a->at;
	if (n == 0)
		return a->last ? MHD_CONTENT_READER_END_OF_STREAM : 0;
	if (n > max)
		n = max;
	memcpy(buf, a->text.s + a->at, n);
	a->at += n;
	return (ssize_t)n;
}

static enum MHD_Result reply(struct metrics_server *s, struct MHD_Connection *c, unsigned code, struct MHD_Response *r,
	const char *header, const char *value)
{
	if (!r)
		return MHD_NO;
	(void)s->mhd->add_response_header(r, header, value);
	enum MHD_Result queued = s->mhd->queue_response(c, code, r);
	s->mhd->destroy_response(r);
	return queued;
}

static enum MHD_Result refuse(
	struct metrics_server *s, struct MHD_Connection *c, unsigned code, const char *header, const char *value)
{
	static char text[] = "Here is /metrics, for GET and HEAD.\n";
	return reply(s, c, code, s->mhd->create_response_from_buffer(sizeof(text) - 1, text, MHD_RESPMEM_PERSISTENT),
		header, value);
}

static enum MHD_Result answer(struct metrics_server *s, struct MHD_Connection *c)
{
	if (s->n_answers >= METRICS_ANSWERS_MAX)
		return refuse(s, c, MHD_HTTP_SERVICE_UNAVAILABLE, "Retry-After", "1");
	struct answer *a = calloc(1, sizeof(*a));
	if (!a)
		return MHD_NO;
	a->server = s;
	s->n_answers++;
	struct MHD_Response *r =
		s->mhd->create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, answer_read, a, answer_free);
	if (!r)
		answer_free(a);
	return reply(s, c, MHD_HTTP_OK, r, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
}

/* ---- what libmicrohttpd calls ---- */

static struct visitor *visitor_of(struct metrics_server *s, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = s->mhd->get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (unsigned i = 0; info && i < METRICS_CONNECTIONS_MAX; i++)
		if (s->visitors[i].fd == info->connect_fd)
			return &s->visitors[i];
	return NULL;
}

static void set_deadline(struct visitor *v, bool busy, uint32_t ms)
{
	v->busy = busy;
	v->since = lb_clock_now();
	v->until = lb_time_add_ms(v->since, ms);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *body, size_t *n_body, void **mark)
{
	struct metrics_server *s = arg;
	struct visitor *v = visitor_of(s, c);
	(void)version, (void)body;
	bool get = strcmp(method, "GET") == 0, head = strcmp(method, "HEAD") == 0;
	if (!get && !head) /* before its body: that is not read */
		return *mark || refuse(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow", "GET, HEAD") ? MHD_YES : MHD_NO;
	if (!*mark) { /* its head is there; an answer now would end the connection behind it */
		*mark = s;
		return MHD_YES;
	}
	if (*n_body) { /* a body of a GET is read and dropped */
		*n_body = 0;
		return MHD_YES;
	}
	if (v)
		set_deadline(v, true, s->config.answer_ms);
	if (strcmp(url, "/metrics") != 0)
		return refuse(s, c, MHD_HTTP_NOT_FOUND, "Content-Type", "text/plain; charset=utf-8");
	return answer(s, c);
}

static void on_done(void *arg, struct MHD_Connection *c, void **mark, enum MHD_RequestTerminationCode why)
{
	struct visitor *v = visitor_of(arg, c);
	(void)mark, (void)why;
	if (v)
		set_deadline(v, false, IDLE_MS);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **mark, enum MHD_ConnectionNotificationCode what)
{
	struct visitor *v = visitor_of(arg, c);
	(void)mark;
	if (v && what == MHD_CONNECTION_NOTIFY_CLOSED)
		v->fd = -1;
}

/* ---- the loop ---- */

static void run(struct metrics_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;
	(void)s->mhd->run(s->http);
	/* no timeout of its own is set, so this means: now */
	if (s->mhd->get_timeout(s->http, &ms) == MHD_YES)
		ev_idle_start(s->loop, &s->more);
	else
		ev_idle_stop(s->loop, &s->more);
}

static void on_work(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop, (void)events;
	run(w->data);
}

static void on_more(struct ev_loop *loop, ev_idle *w, int events)
{
	(void)loop, (void)events;
	run(w->data);
}

static bool start_http(struct metrics_server *s)
{
	const char *why = "out of memory or descriptors";
	if (s->http)
		return true;
	s->mhd = metrics_mhd(&why);
	if (s->mhd)
		s->http = s->mhd->start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, s,
			MHD_OPTION_NOTIFY_COMPLETED, on_done, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
			MHD_OPTION_CONNECTION_LIMIT, METRICS_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
			(size_t)MEMORY, MHD_OPTION_END);
	const union MHD_DaemonInfo *info = s->http ? s->mhd->get_daemon_info(s->http, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		if (s->told != ENOPKG)
			say(s, LB_LOG_ERROR, "libmicrohttpd cannot be used: %s; lbctl metrics goes on", why);
		s->told = ENOPKG;
		return false;
	}
	ev_io_init(&s->work, on_work, info->epoll_fd, EV_READ);
	s->work.data = s;
	ev_io_start(s->loop, &s->work);
	return true;
}

/* A free place, or that of who has been idle longest, which is free a moment later; NULL. */
static struct visitor *place(struct metrics_server *s)
{
	struct visitor *oldest = NULL;
	for (unsigned i = 0; i < METRICS_CONNECTIONS_MAX; i++) {
		struct visitor *v = &s->visitors[i];
		if (v->fd < 0)
			return v;
		if (!v->busy && (!oldest || lb_time_cmp(v->since, oldest->since) < 0))
			oldest = v;
	}
	if (!oldest)
		return NULL;
	(void)shutdown(oldest->fd, SHUT_RDWR);
	for (unsigned i = 0; i < 2 && oldest->fd >= 0; i++)
		run(s);
	return oldest->fd < 0 ? oldest : NULL;
}

static void admit(struct metrics_server *s, int fd, const struct sockaddr *from, socklen_t len)
{
	struct visitor *v = start_http(s) ? place(s) : NULL;
	if (!v) {
		close(fd);
		return;
	}
	v->fd = fd; /* known before on_connection asks */
	set_deadline(v, false, s->config.request_ms);
	if (s->mhd->add_connection(s->http, fd, from, len) != MHD_YES) {
		v->fd = -1; /* it closed the descriptor */
		return;
	}
	run(s);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct metrics_server *s = w->data;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	if (events & EV_ERROR)
		return;
	int fd = accept4(s->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		admit(s, fd, (struct sockaddr *)&from, len);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		ev_io_stop(loop, w); /* the next tick looks again: it would stay readable, and the loop spin */
}

static int open_socket(const struct metrics_server *s)
{
	struct sockaddr_storage to = { 0 };
	struct sockaddr_in *in4 = (struct sockaddr_in *)&to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to;
	const struct lb_ip *ip = &s->config.ip;
	bool v6 = ip->family == AF_INET6;
	to.ss_family = ip->family;
	if (v6) {
		memcpy(&in6->sin6_addr, ip->b, 16);
		in6->sin6_port = htons(s->config.port);
	} else {
		memcpy(&in4->sin_addr, ip->b, 4);
		in4->sin_port = htons(s->config.port);
	}
	int on = 1, err, fd = socket(ip->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&to, v6 ? sizeof(*in6) : sizeof(*in4)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void try_listen(struct metrics_server *s)
{
	char at[LB_ENDPOINT_STRLEN];
	int fd = open_socket(s);
	lb_endpoint_str(&s->config.ip, s->config.port, at);
	if (fd < 0) {
		if (s->told != -fd)
			say(s, LB_LOG_WARNING, "nobody can read them on %s: %s; trying again", at, strerror(-fd));
		s->told = -fd;
		s->retry_at = lb_time_add_ms(lb_clock_now(), RETRY_MS);
		return;
	}
	if (s->told)
		say(s, LB_LOG_NOTICE, "to be read on %s now", at);
	s->told = 0;
	s->fd = fd;
	ev_io_init(&s->accept, on_accept, fd, EV_READ);
	s->accept.data = s;
	ev_io_start(s->loop, &s->accept);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct metrics_server *s = w->data;
	struct lb_time now = lb_clock_now();
	bool any = false;
	(void)events;
	if (s->fd < 0 && lb_time_cmp(now, s->retry_at) >= 0)
		try_listen(s);
	if (s->fd >= 0) /* also where the kernel would not watch it */
		ev_io_start(loop, &s->accept);
	if (s->http)
		ev_io_start(loop, &s->work);
	for (unsigned i = 0; i < METRICS_CONNECTIONS_MAX; i++)
		if (s->visitors[i].fd >= 0 && lb_time_cmp(now, s->visitors[i].until) >= 0) {
			(void)shutdown(s->visitors[i].fd, SHUT_RDWR);
			any = true;
		}
	if (any)
		run(s);
}

struct metrics_server *metrics_server_new(struct ev_loop *loop, const struct metrics_server_config *config)
{
	struct metrics_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->loop = loop;
	s->config = *config;
	s->config.request_ms = config->request_ms ? config->request_ms : REQUEST_MS;
	s->config.answer_ms = config->answer_ms ? config->answer_ms : ANSWER_MS;
	s->fd = -1;
	for (unsigned i = 0; i < METRICS_CONNECTIONS_MAX; i++)
		s->visitors[i] = (struct visitor){ .server = s, .fd = -1 };
	ev_idle_init(&s->more, on_more);
	ev_timer_init(&s->tick, on_tick, TICK_S, TICK_S);
	s->more.data = s->tick.data = s;
	ev_timer_start(loop, &s->tick);
	try_listen(s);
	return s;
}

bool metrics_server_is(const struct metrics_server *s, const struct metrics_server_config *config)
{
	return lb_ip_cmp(&s->config.ip, &config->ip) == 0 && s->config.port == config->port;
}

void metrics_server_free(struct metrics_server *s)
{
	if (!s)
		return;
	ev_timer_stop(s->loop, &s->tick);
	ev_idle_stop(s->loop, &s->more);
	if (s->fd >= 0) {
		ev_io_stop(s->loop, &s->accept);
		close(s->fd);
	}
	if (s->http) {
		ev_io_stop(s->loop, &s->work);
		s->mhd->stop_daemon(s->http);
	}
	free(s);
}
