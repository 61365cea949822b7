/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/curl_loop_io.h"

#include "common/room_io.h"
#include "lbd/check/curl_link_io.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct curl_loop {
	struct curl_loop *next;
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;      /* when libcurl wants to be called although no socket is ready */
	ev_cleanup cleanup;  /* the loop is destroyed */
	unsigned used;       /* by how many: a trust store that has changed is left when it is by none */
	struct stat as_read; /* what of it says that it is the same file; zeroes: there was none */
	char ca_file[];
};

struct watch { /* one socket libcurl waits for */
	struct curl_loop *c;
	ev_io io;
};

/* All there are: of a worker, one per trust store that its checks name. */
static struct curl_loop *all;

/* What has ended since the last call. A link may be ended, and others started, inside done. */
static void harvest(struct curl_loop *c)
{
	int left;
	c->used++;
	for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode rc = m->data.result; /* m is gone with its handle */
		char *link = NULL;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &link);
		struct curl_link *k = (struct curl_link *)(void *)link;
		k->done(k, rc);
	}
	c->used--;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	if (lb_room_deaf(loop, events, "connections of libcurl")) /* it would take it for an error of the server */
		return;
	struct curl_loop *c = ((struct watch *)((char *)io - offsetof(struct watch, io)))->c;
	int what = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;
	curl_multi_socket_action(c->multi, io->fd, what, &running); /* io may be gone */
	harvest(c);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop, (void)events;
	struct curl_loop *c = (struct curl_loop *)((char *)t - offsetof(struct curl_loop, timer));
	int running;
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(c);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	(void)easy;
	struct curl_loop *c = arg;
	struct watch *w = of_socket;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			ev_io_stop(c->loop, &w->io);
			curl_multi_assign(c->multi, fd, NULL);
			free(w);
		}
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1; /* the transfer ends with an error of ours, or at its deadline */
		w->c = c;
		ev_init(&w->io, on_io);
		curl_multi_assign(c->multi, fd, w);
	}
	ev_io_stop(c->loop, &w->io);
	ev_io_set(&w->io, fd, (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(c->loop, &w->io);
	return 0;
}

/* Also called inside curl_multi_add_handle: the answer is always a timer, never a call back into libcurl. */
static int want_timer(CURLM *multi, long ms, void *arg)
{
	(void)multi;
	struct curl_loop *c = arg;
	ev_timer_stop(c->loop, &c->timer);
	if (ms < 0)
		return 0;
	ev_timer_set(&c->timer, (double)ms / 1e3, 0.0);
	ev_timer_start(c->loop, &c->timer);
	return 0;
}

/* The owner has cancelled its probes before: the handle is empty. */
static void loop_free(struct curl_loop *c)
{
	if (!c)
		return;
	if (c->multi)
		curl_multi_cleanup(c->multi);
	ev_timer_stop(c->loop, &c->timer);
	free(c);
}

static void loop_leave(struct curl_loop *c)
{
	struct curl_loop **at = &all;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	ev_cleanup_stop(c->loop, &c->cleanup);
	loop_free(c);
}

static void on_cleanup(struct ev_loop *loop, ev_cleanup *w, int events)
{
	(void)loop, (void)events;
	loop_leave((struct curl_loop *)((char *)w - offsetof(struct curl_loop, cleanup)));
}

void curl_loop_prepare(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	/* with CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and OpenSSL writes without MSG_NOSIGNAL */
	signal(SIGPIPE, SIG_IGN);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Leaves on the way those that have parsed what the file was before. */
static struct curl_loop *loop_find(struct ev_loop *loop, const char *ca_file, const struct stat *now)
{
	struct curl_loop *found = NULL;
	for (struct curl_loop *c = all, *next; c; c = next) {
		next = c->next;
		if (c->loop != loop || strcmp(c->ca_file, ca_file) != 0)
			continue;
		if (is_same(&c->as_read, now))
			found = c;
		else if (c->used == 0)
			loop_leave(c);
	}
	return found;
}

static struct curl_loop *loop_new(struct ev_loop *loop, const char *ca_file, const struct stat *now)
{
	size_t n = strlen(ca_file) + 1;
	struct curl_loop *c = calloc(1, sizeof(*c) + n);
	if (!c)
		return NULL;
	memcpy(c->ca_file, ca_file, n);
	c->as_read = *now;
	curl_loop_prepare();
	c->loop = loop;
	ev_init(&c->timer, on_timer);
	c->multi = curl_multi_init();
	int rc = c->multi ? 0 : -1;
	if (rc == 0) {
		rc |= (int)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
		rc |= (int)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
		rc |= (int)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
		rc |= (int)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
		rc |= (int)curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	}
	if (rc) {
		loop_free(c);
		return NULL;
	}
	ev_cleanup_init(&c->cleanup, on_cleanup);
	ev_cleanup_start(loop, &c->cleanup);
	c->next = all;
	all = c;
	return c;
}

struct curl_loop *curl_loop_take(struct ev_loop *loop, const char *ca_file)
{
	struct stat now = { 0 };
	if (*ca_file && stat(ca_file, &now))
		now = (struct stat){ 0 }; /* libcurl will say so, and keeps nothing then */
	struct curl_loop *c = loop_find(loop, ca_file, &now);
	if (!c)
		c = loop_new(loop, ca_file, &now);
	if (c)
		c->used++;
	return c;
}

CURLM *curl_loop_multi(const struct curl_loop *c)
{
	return c->multi;
}

void curl_loop_give(struct curl_loop *c)
{
	if (c)
		c->used--;
}
