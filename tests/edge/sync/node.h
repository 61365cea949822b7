/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node with a link, and the network, the loop and the waiting that its tests share. */
#pragma once

#include "common/clock_io.h"
#include "lbd/sync/tls_io.h"
#include "tests/edge/wait.h"

#include <check.h>
#include <ev.h>

#define PORT  9789
#define ALPHA "127.0.0.1" /* its name sorts first: it dials */
#define BETA  "127.0.0.2"

struct node {
	struct tls_conf conf;
	struct tls_link *link;
	unsigned ups, downs, frames, writes;
	unsigned because[TLS_REASON_COUNT]; /* of downs */
	char text[TLS_TEXT_MAX];            /* of the last one */
	uint64_t bytes;
	uint8_t last[TLS_FRAME_MAX];
	size_t last_n;
	/* what a test does in a call; may be NULL */
	void (*on_up)(struct node *n);
	void (*on_down)(struct node *n);
	void (*on_frame)(struct node *n);
	void (*on_write)(struct node *n);
	uint64_t sent;
};

extern struct ev_loop *loop;

/* A network of our own, with a loopback device; false: no right to one. */
bool world_make(void);
void world_lo(bool up);
/* In the network: "ip ..." */
void world_ip(const char *args);

/* The loop with a tick of a millisecond; at the beginning of each test. */
void begin(void);

/* As alpha or beta is configured, with one path and the key that is 32 times `key`. */
struct tls_conf conf_of(const char *self, const char *peer, const char *ours, const char *theirs);
void conf_key(struct tls_conf *c, size_t at, uint8_t key); /* 0 = none */
void conf_path(struct tls_conf *c, const char *ours, const char *theirs);
void alpha_init(struct node *n);
void beta_init(struct node *n);
void node_start(struct node *n);
void node_stop(struct node *n);

size_t count_fds(void);

/* Lets time pass in which something must not happen. */
#define PASS(ms)                                                                                                       \
	do {                                                                                                           \
		int64_t until_ = lb_clock_now().us + (ms)*1000;                                                        \
		while (lb_clock_now().us < until_)                                                                     \
			ev_run(loop, EVRUN_ONCE);                                                                      \
	} while (0)
