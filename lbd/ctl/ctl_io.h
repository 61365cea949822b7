/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control sockets: who may come in, lines in, lines out, limits and deadlines. What a request means is the
 * dispatcher's; this decides nothing.
 *
 * control.sock has level admin, observe.sock level observe. The file mode is the gate; what the kernel says of the
 * caller is asked as well. Requests of one client are answered in order, one at a time; a client that does not read is
 * dropped, one that is idle may stay until its place is needed.
 */
#pragma once

#include "lbd/ctl/ctl.h"
#include "lbd/ctl/ctl_listen_io.h"

#include <stddef.h>

struct ev_loop;

/* Answers rq through r, now or later (ctl.h). rq and its args live until the answer has ended or gone() has run. */
typedef void ctl_dispatch_fn(struct ctl_request *rq, struct ctl_reply *r, void *arg);

struct ctl_server_config { /* strings are borrowed until ctl_server_free */
	const char *dir;   /* "/run/lbd" */
	const char *admin_group, *observe_group;
	const char *version, *node;
	ctl_dispatch_fn *dispatch;
	ctl_warn_fn *warn, *fail;          /* may be NULL; fail: a socket is not there, and cannot be made */
	void *arg;                         /* of all of them */
	unsigned max_clients, max_per_uid; /* 0 = 64 and 16; root has no limit of its own */
	unsigned more_admins;              /* on control.sock alone, when all of those are busy; 0 = 16 */
	unsigned deadline_ms;              /* a client that does not read that long is dropped; 0 = 30000 */
	size_t high_water;                 /* bytes waiting that hold a stream; 0 = 256 KiB */
};

struct ctl_server;

/* Both sockets listen when it returns. NULL with *e. */
struct ctl_server *ctl_server_new(struct ev_loop *loop, const struct ctl_server_config *config, struct lb_err *e);

/* Listens again where somebody has taken the file of a socket away; who is connected stays. To be called now and then:
 * what cannot be mended is told once, and tried again by the next call. */
void ctl_server_look(struct ctl_server *s);

/* Writes what the sockets take at once (the answer to `daemon stop`), drops every client, removes the sockets. */
void ctl_server_free(struct ctl_server *s);

/* The generation that runs: in every end, and what if_generation is compared with. 0 = none. */
void ctl_server_set_generation(struct ctl_server *s, long long generation);

unsigned ctl_server_clients(const struct ctl_server *s);

/* Whether bytes wait to be written: a daemon that is about to end gives them a moment. */
bool ctl_server_pending(const struct ctl_server *s);
