/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_dial_io.h"

#include "common/clock_io.h"
#include "common/room_io.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IDLE_MAX       32 /* sockets that are kept per family: as many as answer within one turn */
#define EVENTS_AT_ONCE 64
#define RANGE_EVERY_MS 60000

enum { V4, V6, FAMILIES };

struct dial_slot {
	struct dial_loop *of;
	struct dial_slot *next;  /* idle, or gone */
	struct check_dial *dial; /* NULL: idle */
	int fd;
	uint8_t family; /* V4, V6 */
	uint32_t batch; /* in which it began: events fetched before that are of its last use */
};

struct dial_loop { /* one per loop, made with the first dial and freed with the loop */
	struct dial_loop *next;
	struct ev_loop *loop;
	int epoll;
	ev_io readable;
	ev_cleanup cleanup;
	struct dial_slot *idle[FAMILIES];
	unsigned n_idle[FAMILIES];
	struct dial_slot *gone; /* freed when no event can name them any more */
	uint32_t batch;
	uint16_t port_from, port_to; /* of ports that connect() chooses here */
	struct lb_time range_until;
};

static struct dial_loop *all;

/* ---- sockets ---- */

static void slot_drop(struct dial_slot *s)
{
	struct dial_loop *l = s->of;
	close(s->fd);
	s->dial = NULL;
	s->next = l->gone;
	l->gone = s;
}

static void free_gone(struct dial_loop *l)
{
	while (l->gone) {
		struct dial_slot *s = l->gone;
		l->gone = s->next;
		free(s);
	}
}

/* NULL: errno says why. */
static struct dial_slot *slot_new(struct dial_loop *l, uint8_t family)
{
	struct dial_slot *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct dial_slot){ .of = l, .family = family };
	s->fd = socket(family == V6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = s };
	if (s->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &ev)) {
		int err = errno;
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		errno = err;
		return NULL;
	}
	return s;
}

static struct dial_slot *slot_take(struct dial_loop *l, uint8_t family)
{
	struct dial_slot *s = l->idle[family];
	if (!s)
		return slot_new(l, family);
	l->idle[family] = s->next;
	l->n_idle[family]--;
	return s;
}

/* Ends the connection, whatever its state; what the socket would tell of that is asked for here, so that its next user
 * does not hear it. */
static bool disconnect(int fd)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	int err;
	socklen_t len = sizeof(err);
	return connect(fd, &nowhere, sizeof(nowhere)) == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0;
}

static void slot_give(struct dial_slot *s)
{
	struct dial_loop *l = s->of;
	s->dial = NULL;
	if (!disconnect(s->fd) || l->n_idle[s->family] == IDLE_MAX) {
		slot_drop(s);
		return;
	}
	s->next = l->idle[s->family];
	l->idle[s->family] = s;
	l->n_idle[s->family]++;
}

/* ---- a connection that met itself ---- */

/* Where connect() chooses ports from; everything when that cannot be read. */
static void range_read(struct dial_loop *l)
{
	char text[64] = "", *second = text;
	unsigned long from = 0, to = 0;
	int fd = open("/proc/sys/net/ipv4/ip_local_port_range", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0) {
		from = strtoul(text, &second, 10);
		to = strtoul(second, NULL, 10);
	}
	if (fd >= 0)
		close(fd);
	bool known = from && to && to <= UINT16_MAX;
	l->port_from = known ? (uint16_t)from : 1;
	l->port_to = known ? (uint16_t)to : UINT16_MAX;
}

/* A connection to a port of this host that connect() may choose as its own can meet itself: "open" without anybody
 * listening. */
static bool met_itself(struct dial_loop *l, const struct check_spec *s, int fd)
{
	struct lb_time now = lb_clock_now();
	if (lb_time_cmp(now, l->range_until) >= 0) {
		l->range_until = lb_time_add_ms(now, RANGE_EVERY_MS);
		range_read(l);
	}
	if (s->port < l->port_from || s->port > l->port_to)
		return false;
	union check_peer own = { 0 }, peer = { 0 };
	socklen_t len = sizeof(own);
	if (getsockname(fd, &own.any, &len))
		return false;
	(void)check_probe_peer(s, &peer);
	if (own.any.sa_family == AF_INET)
		return own.in.sin_port == peer.in.sin_port && own.in.sin_addr.s_addr == peer.in.sin_addr.s_addr;
	return own.in6.sin6_port == peer.in6.sin6_port && !memcmp(&own.in6.sin6_addr, &peer.in6.sin6_addr, 16);
}

/* ---- the loop ---- */

static void tell(struct dial_slot *s, uint32_t events)
{
	struct check_dial *d = s->dial;
	struct check_probe *p = d->probe;
	int err = 0;
	socklen_t len = sizeof(err);
	if ((events & (EPOLLERR | EPOLLHUP)) && getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	if (!err && ((events & EPOLLHUP) || met_itself(s->of, p->spec, s->fd)))
		err = ECONNREFUSED;
	check_dial_close(d);
	d->done(p, err);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	if (lb_room_deaf(loop, events, "connections"))
		return;
	struct dial_loop *l = (struct dial_loop *)((char *)io - offsetof(struct dial_loop, readable));
	struct epoll_event ev[EVENTS_AT_ONCE];
	int n = epoll_wait(l->epoll, ev, EVENTS_AT_ONCE, 0);
	l->batch++;
	for (int i = 0; i < n; i++) {
		struct dial_slot *s = ev[i].data.ptr;
		/* idle, or taken again by one of those before: what is new then comes as a new event */
		if (s->dial && s->batch != l->batch)
			tell(s, ev[i].events);
	}
	free_gone(l);
}

static void loop_free(struct dial_loop *l)
{
	for (int f = 0; f < FAMILIES; f++)
		while (l->idle[f]) {
			struct dial_slot *s = l->idle[f];
			l->idle[f] = s->next;
			slot_drop(s);
		}
	free_gone(l);
	close(l->epoll);
	free(l);
}

static void on_cleanup(struct ev_loop *loop, ev_cleanup *w, int events)
{
	(void)events;
	struct dial_loop *l = (struct dial_loop *)((char *)w - offsetof(struct dial_loop, cleanup));
	ev_cleanup_stop(loop, w);
	struct dial_loop **at = &all;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	loop_free(l);
}

/* NULL: there can be none, errno says why. */
static struct dial_loop *loop_of(struct ev_loop *loop)
{
	struct dial_loop *l = all;
	while (l && l->loop != loop)
		l = l->next;
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->loop = loop;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		int err = errno;
		free(l);
		errno = err;
		return NULL;
	}
	ev_io_init(&l->readable, on_readable, l->epoll, EV_READ);
	ev_io_start(loop, &l->readable);
	ev_cleanup_init(&l->cleanup, on_cleanup);
	ev_cleanup_start(loop, &l->cleanup);
	l->next = all;
	all = l;
	return l;
}

/* ---- what probes call ---- */

bool check_dial_can(const struct check_spec *s)
{
	return !s->source.family && !check_param(&s->params, CHECK_PARAM_INTERFACE);
}

int check_dial_open(struct check_dial *d, int *err)
{
	const struct check_spec *spec = d->probe->spec;
	struct dial_loop *l = loop_of(d->probe->loop);
	struct dial_slot *s = l ? slot_take(l, lb_ip_is_v6(&spec->addr) ? V6 : V4) : NULL;
	if (!s)
		return -errno;
	union check_peer to;
	socklen_t len = check_probe_peer(spec, &to);
	int off = 0; /* forgotten with each connection */
	setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	s->batch = l->batch;
	if (connect(s->fd, &to.any, len) && errno != EINPROGRESS) {
		*err = errno;
		slot_give(s);
		return 0;
	}
	s->dial = d;
	d->slot = s;
	return 1;
}

void check_dial_close(struct check_dial *d)
{
	struct dial_slot *s = d->slot;
	d->slot = NULL;
	if (s)
		slot_give(s);
}
