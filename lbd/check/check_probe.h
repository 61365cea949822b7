/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One running probe and the contract of every probe_*_io.c: `start` never calls back before it returns; then comes
 * exactly one `done`, unless `cancel` is called first. An answer that is known at once (refused on localhost) is fed
 * to the loop. The owner may free the probe inside `done`, so the edge touches nothing after it.
 *
 * A type has a struct of its own whose first member is the probe; ops->size of it are allocated, zeroed, by the owner.
 * What all types share is in check_probe_io.c: the one deadline, the latency, the way out, sockets towards a target.
 */
#pragma once

#include "common/time.h"
#include "lbd/check/check_trace.h"
#include "lbd/check/check_types.h"

#include <ev.h>
#include <netinet/in.h>
#include <sys/socket.h>

struct check_probe;
typedef void check_done_fn(struct check_probe *p, const struct check_result *r, void *arg);

struct check_ops {
	size_t size;
	/* The owner has filled the first part. -errno: not started, done never comes. now is the clock, read just now.
	 */
	int (*start)(struct check_probe *p, struct lb_time now);
	/* Stops watchers, closes and frees what start made; idempotent, also after done. */
	void (*cancel)(struct check_probe *p);
	/* The deadline has come: finish with what it was waiting for. */
	void (*expired)(struct check_probe *p);
};

struct check_probe {
	/* the owner's */
	struct ev_loop *loop;
	const struct check_ops *ops;
	const struct check_spec *spec; /* borrowed until done or cancel */
	check_done_fn *done;
	void *arg;
	struct check_trace *trace; /* NULL = nobody wants the steps */
	/* of check_probe_io.c */
	struct lb_time started, deadline;
	ev_timer timer;
	bool early;
	struct check_result result;
};

extern const struct check_ops check_agent_ops, check_dns_ops, check_file_ops, check_http_ops, check_icmp_ops,
	check_script_ops, check_talk_ops, check_tcp_ops, check_tls_ops, check_udp_ops;

/* The table: NULL = no such type in this program. */
extern const struct check_ops *const check_ops[CHECK_TYPE_COUNT];

/* ---- for the edges ---- */

/* First thing in start: the clock of the probe runs, `expired` comes at its end. */
void check_probe_begin(struct check_probe *p, struct lb_time now);

/* The result is known inside start: it is delivered from the loop. */
void check_probe_early(struct check_probe *p, const struct check_result *r);

/* Stops the clock; to be called by every cancel. Idempotent. */
void check_probe_end(struct check_probe *p);

/* The one way out: fills in the latency, cancels and tells the owner. The probe may be gone when it returns. */
void check_probe_finish(struct check_probe *p, const struct check_result *r);
void check_probe_finish_code(struct check_probe *p, enum check_code code, const char *text);

/* Notes a step for whoever watches this probe; costs nothing when nobody does. */
__attribute__((format(printf, 2, 3))) void check_probe_step(struct check_probe *p, const char *fmt, ...);

union check_peer {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Where a spec points, as the kernel wants it. Returns its length. */
socklen_t check_probe_peer(const struct check_spec *s, union check_peer *out);

/* A non-blocking socket of the target's family, bound to the spec's source and interface. -errno. */
int check_probe_socket(const struct check_spec *s, int type, int protocol);
