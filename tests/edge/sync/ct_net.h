/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection tracking of the real kernel, in networks of our own:
 *
 *   client -- c1 [one] s1 -- server      Both routers have the same addresses and the same rules: NAT, and whatever
 *          \- c2 [two] s2 -/             does not begin with SYN and is not known is dropped. Which one is used is a
 *                                       route.
 *
 * And what the tests of that share: connections through them, what their kernels say, and a table for each.
 */
#pragma once

#include "common/clock_io.h"
#include "lbd/sync/sync_ct_io.h"
#include "tests/edge/wait.h"

#include <check.h>
#include <ev.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

enum { CLIENT, ONE, TWO, SERVER, NETS };
extern struct ev_loop *loop;

/* Whether there is the right to all that. */
bool may(void);
/* The world and the loop, with a tick of a millisecond; at the beginning of each test. */
void begin(void);
void enter(int net);
/* In the network: a line of a shell, which must do. */
__attribute__((format(printf, 2, 3))) void sh(int net, const char *fmt, ...);
/* The way goes through router "1" or "2" from now on. */
void use(const char *number);

/* ---- connections ---- */

struct talk {
	int client, server, listener;
	uint16_t seen_port; /* of the client, as the server sees it */
	struct sockaddr_storage from;
	bool udp;
};

/* From the client's address to that one, where the server listens as `server`. It has said a word. */
void talk_begin(struct talk *t, const char *from, const char *to, uint16_t port, const char *server,
	uint16_t server_port, bool udp);
/* There and back. UDP: the answer goes to whoever it came from. */
bool says(struct talk *t, const char *word, int ms);
void talk_end(struct talk *t);
uint16_t port_of(const struct sockaddr_storage *a);
/* The longest that it waits to read and to write. */
void for_a_while(int fd, int ms);

/* ---- what the kernel says ---- */

struct heard {
	struct flow flows[64]; /* the first of them; of a look only what it sees */
	unsigned n, changed, gone, there, lost, looks, strict;
	int look_err;
	bool looking;
};

struct ct_io *listen_at(int net, struct heard *h, int receive_bytes);
/* What is there now, at most 64 of it. */
void look_at(struct ct_io *c, struct heard *h);
/* 0, or -errno. */
int put(struct ct_io *c, const struct flow *f);
/* Connections that nobody has. */
struct flow made(unsigned i);
void make_many(struct ct_io *c, unsigned from, unsigned n);

/* ---- with a table ---- */

extern struct sync_conf conf_all;
extern unsigned found; /* looks that were for what was not known */

/* One that copies all. Its first look is going on when this returns. */
void side_begin(struct sync_ct *s, int net, int receive_bytes);
/* The same, and it is over. */
void side_open(struct sync_ct *s, int net, int receive_bytes);
/* What one has behind the last time goes to the other. How many. */
unsigned carry_in(struct sync_flow_source *from, struct sync_ct *to, const struct sync_in *in);
unsigned carry(struct sync_flow_source *from, struct sync_ct *to);
/* The other one has acknowledged all. */
void heard_all(struct sync_ct *s);
/* For WAIT: done, after a turn. */
bool turned(struct sync_ct *a, bool done);
/* Looks once more, now. */
void next_look(struct sync_ct *s);
/* Both sides, and three entries of somebody that b knows from a: made(0) to made(2). */
void three_copied(struct sync_ct *a, struct sync_ct *b, struct sync_flow_source *out, struct ct_io *somebody);
void all_end(struct sync_ct *a, struct sync_ct *b, struct sync_flow_source *out, struct ct_io *somebody,
	struct ct_io *there);
