/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "node.h"

#include <dirent.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct ev_loop *loop;
static ev_timer ticker;

/* ---- the world ---- */

static bool set_lo(bool up)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ifr.ifr_flags = up ? IFF_UP | IFF_RUNNING : 0;
	bool set = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;
	if (fd >= 0)
		close(fd);
	return set;
}

void world_lo(bool up)
{
	ck_assert(set_lo(up));
}

/* Not in a test yet: it asserts nothing. */
bool world_make(void)
{
	return (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) && set_lo(true);
}

void world_ip(const char *args)
{
	char line[256];
	snprintf(line, sizeof(line), "ip %s", args);
	ck_assert_int_eq(system(line), 0);
}

static void tick(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l, (void)t, (void)events;
}

void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	loop = ev_default_loop(EVFLAG_AUTO);
	ev_timer_init(&ticker, tick, 0.001, 0.001);
	ev_timer_start(loop, &ticker);
	ck_assert(tls_prepare());
}

size_t count_fds(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* ---- a node ---- */

static void on_up(void *arg)
{
	struct node *n = arg;
	n->ups++;
	if (n->on_up)
		n->on_up(n);
}

static void on_down(enum tls_reason why, const char *text, void *arg)
{
	struct node *n = arg;
	n->downs++;
	n->because[why]++;
	snprintf(n->text, sizeof(n->text), "%s", text);
	if (n->on_down)
		n->on_down(n);
}

static void on_frame(const uint8_t *p, size_t len, void *arg)
{
	struct node *n = arg;
	ck_assert(len > 0 && len <= TLS_FRAME_MAX && n->link);
	n->frames++;
	n->bytes += len;
	memcpy(n->last, p, len);
	n->last_n = len;
	if (n->on_frame)
		n->on_frame(n);
}

static void on_write(void *arg)
{
	struct node *n = arg;
	n->writes++;
	ck_assert_uint_eq(tls_link_room(n->link), TLS_FRAME_MAX);
	if (n->on_write)
		n->on_write(n);
}

static const struct tls_calls calls = { on_up, on_down, on_frame, on_write };

void conf_key(struct tls_conf *c, size_t at, uint8_t key)
{
	c->keys[at].n = key ? 32 : 0;
	memset(c->keys[at].bytes, key, 32);
}

void conf_path(struct tls_conf *c, const char *ours, const char *theirs)
{
	struct lb_path *p = &c->paths[c->n_paths++];
	ck_assert_int_eq(lb_ip_parse(ours, strlen(ours), &p->ours), 0);
	ck_assert_int_eq(lb_ip_parse(theirs, strlen(theirs), &p->theirs), 0);
}

struct tls_conf conf_of(const char *self, const char *peer, const char *ours, const char *theirs)
{
	struct tls_conf c = { .cluster = 7, .port = PORT, .seed = 1 };
	snprintf(c.self, sizeof(c.self), "%s", self);
	snprintf(c.peer, sizeof(c.peer), "%s", peer);
	conf_path(&c, ours, theirs);
	conf_key(&c, 0, 0x11);
	return c;
}

void alpha_init(struct node *n)
{
	*n = (struct node){ .conf = conf_of("alpha", "beta", ALPHA, BETA) };
}

void beta_init(struct node *n)
{
	*n = (struct node){ .conf = conf_of("beta", "alpha", BETA, ALPHA) };
}

void node_start(struct node *n)
{
	n->link = tls_link_new(loop, &n->conf, &calls, n);
	ck_assert_ptr_nonnull(n->link);
	ck_assert_uint_eq(n->ups + n->downs, 0); /* nothing is called from inside */
}

void node_stop(struct node *n)
{
	tls_link_free(n->link);
	n->link = NULL;
}
