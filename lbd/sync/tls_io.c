/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tls_io.h"

#include "common/log_io.h"
#include "lbd/sync/tls_conn_io.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG         64
#define ACCEPTS_AT_ONCE 16 /* of one listener in one turn */
#define PENDING_MAX     8
#define PENDING_EACH    4 /* from one address */
#define BACKOFF_MIN_MS  100u
#define BACKOFF_MAX_MS  4000u /* and up to a quarter more */
#define LIVED_S         5.0   /* a link that lived so long was one: silence is noticed before */
#define RELISTEN_S      1.0
#define PAUSE_S         0.1 /* until descriptors may be there again */

const char *const tls_reasons[] = {
	[TLS_REASON_NONE] = "",
	[TLS_REASON_REFUSED] = "refused",
	[TLS_REASON_UNREACHABLE] = "unreachable",
	[TLS_REASON_TIMEOUT] = "timeout",
	[TLS_REASON_KEY] = "key",
	[TLS_REASON_CLOSED] = "closed",
	[TLS_REASON_PROTOCOL] = "protocol",
	[TLS_REASON_REPLACED] = "replaced",
	[TLS_REASON_OURS] = "error",
};
_Static_assert(sizeof(tls_reasons) / sizeof(tls_reasons[0]) == TLS_REASON_COUNT, "one word per reason");

struct door { /* of one of our addresses */
	struct tls_link *of;
	struct lb_ip ours;
	int fd; /* -1 = not open now */
	ev_io acceptable;
};

struct tls_link {
	struct ev_loop *loop;
	const struct tls_calls *calls;
	void *arg;
	struct tls_auth auth;
	bool dials;
	uint16_t port;
	size_t n_paths, n_doors;
	struct lb_path paths[TLS_PATHS_MAX];
	struct door doors[TLS_PATHS_MAX];
	ev_timer relisten, pause, redial, lived;

	struct tls_conn *up, *dialled;
	LIST_HEAD(, tls_conn) pending; /* accepted, not authenticated; the newest first */
	size_t n_pending;

	size_t path, key; /* to dial next */
	size_t keys_failed;
	uint32_t backoff_ms, random;
	enum tls_reason told;
	struct tls_stats stats;
	unsigned held; /* in callbacks: freed when the last one is over */
	bool ended;
};

/* ---- life: the owner may free the link in each of its calls ---- */

static void hold(struct tls_link *l)
{
	l->held++;
}

static void release(struct tls_link *l)
{
	if (--l->held == 0 && l->ended)
		free(l);
}

static void tell_down(struct tls_link *l, enum tls_reason why, const char *text)
{
	l->told = why;
	if (!l->ended)
		l->calls->down(why, text, l->arg);
}

/* Why there still is none. */
static void tell_none(struct tls_link *l, enum tls_reason why, const char *text)
{
	if (!l->up && l->told != why)
		tell_down(l, why, text);
}

/* ---- dialling ---- */

static uint32_t next_random(struct tls_link *l)
{
	l->random = l->random * 1664525u + 1013904223u;
	return l->random >> 16;
}

static void arm(struct tls_link *l, ev_timer *t, double after)
{
	ev_timer_stop(l->loop, t);
	ev_now_update(l->loop);
	ev_timer_set(t, after, 0.0);
	ev_timer_start(l->loop, t);
}

static void dial_later(struct tls_link *l)
{
	uint32_t ms = l->backoff_ms + l->backoff_ms * (next_random(l) % 256) / 1024;
	if (!l->ended && l->dials && !l->up && !l->dialled)
		arm(l, &l->redial, ms / 1000.0);
}

static void back_off(struct tls_link *l)
{
	l->backoff_ms = l->backoff_ms < BACKOFF_MAX_MS / 2 ? l->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void next_path(struct tls_link *l)
{
	l->path = (l->path + 1) % l->n_paths;
	if (l->path == 0) /* all were tried */
		back_off(l);
}

/* Whether there is another key to try at the same address before anything is said. */
static bool other_key(struct tls_link *l, enum tls_reason why)
{
	if (why == TLS_REASON_KEY) {
		l->key = (l->key + 1) % l->auth.n_keys;
		if (++l->keys_failed < l->auth.n_keys)
			return true;
	}
	l->keys_failed = 0;
	return false;
}

static void dial_failed(struct tls_link *l, enum tls_reason why, const char *text)
{
	l->stats.ended[why]++;
	if (!other_key(l, why)) {
		next_path(l);
		tell_none(l, why, text);
	}
	dial_later(l);
}

static void dial(struct tls_link *l);

static void on_redial(struct ev_loop *loop, ev_timer *t, int events)
{
	struct tls_link *l = t->data;
	(void)loop, (void)events;
	hold(l);
	if (!l->up && !l->dialled)
		dial(l);
	release(l);
}

/* ---- connections ---- */

static void forget(struct tls_link *l, struct tls_conn *c)
{
	if (c == l->up) {
		l->up = NULL;
	} else if (c == l->dialled) {
		l->dialled = NULL;
	} else {
		LIST_REMOVE(c, next);
		l->n_pending--;
	}
}

/* The link. One that ended soon is dialled less and less often. An address that carries a beginning and no more (long
 * packets are lost on its way) looks like a good one each time: where a link ended soon, or in silence, it is not the
 * next. */
static void lost(struct tls_link *l, bool silent)
{
	if (silent || ev_is_active(&l->lived))
		next_path(l);
	ev_timer_stop(l->loop, &l->lived);
}

static void put_up(struct tls_link *l, struct tls_conn *c)
{
	struct tls_conn *old = l->up;
	forget(l, c);
	l->up = c;
	ev_timer_stop(l->loop, &l->redial);
	arm(l, &l->lived, LIVED_S);
	l->stats.ups++;
	if (old) {
		char text[TLS_TEXT_MAX], ip[LB_IP_STRLEN];
		snprintf(text, sizeof(text), "%s: a new connection took its place", lb_ip_str(&c->theirs, ip));
		l->stats.ended[TLS_REASON_REPLACED]++;
		tls_conn_close(old, false);
		tell_down(l, TLS_REASON_REPLACED, text);
	}
	if (l->ended || l->up != c)
		return;
	if (l->dialled) { /* whoever dialled us was faster */
		tls_conn_close(l->dialled, false);
		l->dialled = NULL;
	}
	l->told = TLS_REASON_NONE;
	l->keys_failed = 0;
	l->calls->up(l->arg);
}

static void on_ready(struct tls_conn *c)
{
	struct tls_link *l = c->arg;
	hold(l);
	put_up(l, c);
	release(l);
}

static void on_frame(struct tls_conn *c, const uint8_t *p, size_t n)
{
	struct tls_link *l = c->arg;
	l->stats.bytes_in += n;
	l->calls->frame(p, n, l->arg);
}

static void on_wrote(struct tls_conn *c)
{
	struct tls_link *l = c->arg;
	if (tls_link_room(l) == TLS_FRAME_MAX)
		l->calls->can_write(l->arg);
}

static void on_ended(struct tls_conn *c, enum tls_reason why, const char *text)
{
	struct tls_link *l = c->arg;
	bool was_up = c == l->up, was_dialled = c == l->dialled;
	hold(l);
	forget(l, c);
	if (was_dialled) {
		dial_failed(l, why, text);
	} else if (was_up) {
		l->stats.ended[why]++;
		lost(l, why == TLS_REASON_TIMEOUT || why == TLS_REASON_UNREACHABLE);
		tell_down(l, why, text);
		dial_later(l);
	} else {
		l->stats.ended[why]++;
		/* not at the first one: whoever dials may have a second key */
		if (why == TLS_REASON_KEY && !l->up && !l->dials && ++l->keys_failed >= TLS_KEYS_MAX)
			tell_none(l, why, text);
	}
	release(l);
}

static const struct tls_conn_calls conn_calls = { on_ready, on_frame, on_wrote, on_ended };

static struct tls_conn_new about(struct tls_link *l)
{
	return (struct tls_conn_new){
		.loop = l->loop, .calls = &conn_calls, .arg = l, .auth = &l->auth, .key = l->key
	};
}

static void dial(struct tls_link *l)
{
	const struct tls_conn_new n = about(l);
	const struct lb_path *path = &l->paths[l->path];
	char text[TLS_TEXT_MAX], ip[LB_IP_STRLEN];
	int err = 0;
	l->dialled = tls_conn_dial(&n, path, l->port, &err);
	if (l->dialled)
		return;
	/* the address that is not there is our own */
	const struct lb_ip *whose = err == -EADDRNOTAVAIL ? &path->ours : &path->theirs;
	snprintf(text, sizeof(text), "%s: %s", lb_ip_str(whose, ip), strerror(-err));
	dial_failed(l, tls_conn_errno(-err), text);
}

static void on_lived(struct ev_loop *loop, ev_timer *t, int events)
{
	struct tls_link *l = t->data;
	(void)loop, (void)events;
	l->backoff_ms = BACKOFF_MIN_MS;
}

/* ---- accepting ---- */

static bool is_peer(const struct tls_link *l, const struct lb_ip *ip)
{
	for (size_t i = 0; i < l->n_paths; i++)
		if (lb_ip_cmp(&l->paths[i].theirs, ip) == 0)
			return true;
	return false;
}

/* Who has to go for one more from this address: of those that may stay no longer the oldest, first of those that seem
 * not to have the key. NULL: there is room. */
static struct tls_conn *too_many(const struct tls_link *l, const struct lb_ip *from)
{
	size_t same = 0;
	struct tls_conn *c, *victim = NULL;
	LIST_FOREACH (c, &l->pending, next)
		same += lb_ip_cmp(&c->theirs, from) == 0;
	if (same < PENDING_EACH && l->n_pending < PENDING_MAX)
		return NULL;
	LIST_FOREACH (c, &l->pending, next) { /* the newest first */
		if (same >= PENDING_EACH && lb_ip_cmp(&c->theirs, from) != 0)
			continue;
		if (!victim || tls_conn_proved(victim) || !tls_conn_proved(c))
			victim = c;
	}
	return victim;
}

static void close_at_once(int fd)
{
	const struct linger reset = { .l_onoff = 1 };
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

static void take(struct tls_link *l, int fd, const struct lb_ip *from)
{
	if (!is_peer(l, from)) {
		l->stats.foreign++;
		close_at_once(fd);
		return;
	}
	struct tls_conn *victim = too_many(l, from);
	if (victim) {
		l->stats.crowded++;
		forget(l, victim);
		tls_conn_close(victim, false);
	}
	const struct tls_conn_new n = about(l);
	struct tls_conn *c = tls_conn_accept(&n, fd, from);
	if (!c) {
		l->stats.accept_errors++;
		return;
	}
	l->stats.accepted++;
	l->n_pending++;
	LIST_INSERT_HEAD(&l->pending, c, next);
}

static void doors_watch(struct tls_link *l, bool on)
{
	for (size_t i = 0; i < l->n_doors; i++) {
		struct door *d = &l->doors[i];
		if (on && d->fd >= 0)
			ev_io_start(l->loop, &d->acceptable);
		else
			ev_io_stop(l->loop, &d->acceptable);
	}
}

static void door_pause(struct door *d)
{
	d->of->stats.accept_errors++;
	doors_watch(d->of, false);
	arm(d->of, &d->of->pause, PAUSE_S);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	struct door *d = io->data;
	(void)loop;
	if (events & EV_ERROR) { /* the kernel would not watch it; it may do so later */
		door_pause(d);
		return;
	}
	for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
		union tls_addr from = { 0 };
		socklen_t len = sizeof(from);
		int fd = accept4(d->fd, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			struct lb_ip ip = tls_addr_ip(&from);
			take(d->of, fd, &ip);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN) /* it stays acceptable: not to be asked again and again */
			door_pause(d);
		return;
	}
}

static void on_pause_over(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	doors_watch(t->data, true);
}

/* An address that the host does not have yet will do (IP_FREEBIND). 0 or -errno. */
static int door_open(struct door *d)
{
	union tls_addr a;
	const int on = 1;
	bool v6 = d->ours.family == AF_INET6;
	socklen_t len = tls_addr_of(&d->ours, d->of->port, &a);
	int fd = socket(d->ours.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, &on, sizeof(on));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &a.any, len) || listen(fd, BACKLOG)) {
		int err = errno;
		close(fd);
		return -err;
	}
	d->fd = fd;
	ev_io_set(&d->acceptable, fd, EV_READ);
	if (!ev_is_active(&d->of->pause))
		ev_io_start(d->of->loop, &d->acceptable);
	return 0;
}

static void on_relisten(struct ev_loop *loop, ev_timer *t, int events)
{
	struct tls_link *l = t->data;
	bool all = true;
	(void)loop, (void)events;
	for (size_t i = 0; i < l->n_doors; i++)
		all = (l->doors[i].fd >= 0 || door_open(&l->doors[i]) == 0) && all;
	if (!all)
		arm(l, &l->relisten, RELISTEN_S);
}

static void listen_on(struct tls_link *l, const struct lb_ip *ours)
{
	char text[LB_IP_STRLEN];
	for (size_t i = 0; i < l->n_doors; i++)
		if (lb_ip_cmp(&l->doors[i].ours, ours) == 0)
			return;
	struct door *d = &l->doors[l->n_doors++];
	*d = (struct door){ .of = l, .ours = *ours, .fd = -1 };
	ev_init(&d->acceptable, on_acceptable);
	ev_set_priority(&d->acceptable, -1); /* behind the link, and behind those that were let in */
	d->acceptable.data = d;
	int err = door_open(d);
	if (err) {
		lb_log(LB_LOG_ERROR, "sync: cannot listen on %s port %u: %s; trying again", lb_ip_str(ours, text),
			l->port, strerror(-err));
		arm(l, &l->relisten, RELISTEN_S);
	}
}

/* ---- what the owner calls ---- */

struct tls_link *tls_link_new(
	struct ev_loop *loop, const struct tls_conf *conf, const struct tls_calls *calls, void *arg)
{
	assert(conf->n_paths && conf->n_paths <= TLS_PATHS_MAX && conf->keys[0].n >= TLS_KEY_MIN);
	assert(strcmp(conf->self, conf->peer) != 0);
	struct tls_link *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct tls_link){ .loop = loop, .calls = calls, .arg = arg, .port = conf->port };
	if (tls_auth_init(&l->auth, conf)) {
		tls_auth_done(&l->auth);
		free(l);
		return NULL;
	}
	LIST_INIT(&l->pending);
	l->dials = strcmp(conf->self, conf->peer) < 0;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->random = conf->seed;
	l->n_paths = conf->n_paths;
	memcpy(l->paths, conf->paths, sizeof(l->paths));
	ev_init(&l->relisten, on_relisten);
	ev_init(&l->pause, on_pause_over);
	ev_init(&l->redial, on_redial);
	ev_init(&l->lived, on_lived);
	l->relisten.data = l->pause.data = l->redial.data = l->lived.data = l;
	for (size_t i = 0; i < l->n_paths; i++)
		listen_on(l, &l->paths[i].ours);
	if (l->dials)
		arm(l, &l->redial, 0.0);
	return l;
}

static void close_all(struct tls_link *l)
{
	struct tls_conn *c;
	while ((c = LIST_FIRST(&l->pending))) {
		forget(l, c);
		tls_conn_close(c, false);
	}
	if (l->dialled)
		tls_conn_close(l->dialled, false);
	if (l->up)
		tls_conn_close(l->up, true);
	l->dialled = l->up = NULL;
}

void tls_link_free(struct tls_link *l)
{
	if (!l || l->ended)
		return;
	close_all(l);
	doors_watch(l, false);
	for (size_t i = 0; i < l->n_doors; i++)
		if (l->doors[i].fd >= 0)
			close(l->doors[i].fd);
	ev_timer_stop(l->loop, &l->relisten);
	ev_timer_stop(l->loop, &l->pause);
	ev_timer_stop(l->loop, &l->redial);
	ev_timer_stop(l->loop, &l->lived);
	tls_auth_done(&l->auth);
	l->ended = true;
	if (!l->held)
		free(l);
}

bool tls_link_up(const struct tls_link *l)
{
	return l->up != NULL;
}

struct lb_ip tls_link_theirs(const struct tls_link *l)
{
	return l->up ? l->up->theirs : (struct lb_ip){ 0 };
}

size_t tls_link_room(const struct tls_link *l)
{
	size_t room = l->up ? tls_conn_room(l->up) : 0;
	room = room > 4 ? room - 4 : 0;
	return room < TLS_FRAME_MAX ? room : TLS_FRAME_MAX;
}

int tls_link_send(struct tls_link *l, const uint8_t *p, size_t n)
{
	if (!l->up)
		return -ENOTCONN;
	if (n == 0 || n > TLS_FRAME_MAX)
		return -EMSGSIZE;
	if (n > tls_link_room(l))
		return -ENOBUFS;
	tls_conn_send(l->up, p, n);
	l->stats.bytes_out += n;
	return 0;
}

void tls_link_drop(struct tls_link *l, bool silent)
{
	struct tls_conn *c = l->up;
	if (!c)
		return;
	l->up = NULL;
	l->told = TLS_REASON_NONE;
	lost(l, silent);
	tls_conn_close(c, true);
	dial_later(l);
}

const struct tls_stats *tls_link_stats(const struct tls_link *l)
{
	return &l->stats;
}
