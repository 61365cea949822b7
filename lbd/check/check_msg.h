/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core and the probe worker say to each other, in the frame of common/channel_msg.h.
 *
 *   core -> probe   hello       once, first: protocol version, log level, seed of the spread
 *                   target.set  make a target or replace the one of that id, with what is known of its state
 *                   target.del
 *                   log         the log level changed
 *                   ping        answered by pong at once
 *                   run         probe this target now, beside its schedule, and note each step
 *                   cut         interfaces that have no link, while this node serves nothing for that: who fails and
 *                               would be reached by one of them has not failed (check_cut.h). None = it is over
 *                   hook.run    run this program, which is no check: one at a time, in the room of scripts
 *   probe -> core   ready       the answer to hello
 *                   state       a target's counter, side or code changed: a healthy steady state sends nothing
 *                   pong        with the figures of the process
 *                   ran         the one answer to run: what the probe found, step by step. SOCKERR when it could not
 *                               be (no such target, too many at once, the target went meanwhile)
 *                   hook.done   the one answer to hook.run, when nothing of the program is left: PROCOK it ended with
 *                               0; SOCKERR it could not be run, or nobody knows how it ended
 */
#pragma once

#include "common/channel_msg.h"
#include "common/proto.h"
#include "common/time.h"
#include "lbd/check/check_cut.h"
#include "lbd/check/check_trace.h"
#include "lbd/check/check_types.h"

enum check_msg_type {
	CHECK_MSG_HELLO,
	CHECK_MSG_TARGET_SET,
	CHECK_MSG_TARGET_DEL,
	CHECK_MSG_LOG,
	CHECK_MSG_PING,
	CHECK_MSG_RUN,
	CHECK_MSG_CUT,
	CHECK_MSG_HOOK_RUN,
	CHECK_MSG_READY,
	CHECK_MSG_STATE,
	CHECK_MSG_PONG,
	CHECK_MSG_RAN,
	CHECK_MSG_HOOK_DONE
};
#define CHECK_MSG_COUNT 13

#define CHECK_HOOK_PATH 1025 /* bytes of the path of a program, with its NUL */
#define CHECK_HOOK_ARGS 8    /* arguments behind it, at most */
#define CHECK_HOOK_ARG  96   /* bytes of one, with its NUL */

struct check_msg_hello {
	struct lb_msg_hello worker; /* as to every worker */
	uint32_t seed;
};

struct check_msg_target {
	uint32_t id;
	struct check_spec spec; /* name is not sent: NULL after reading */
	struct check_state state;
	uint8_t *bytes; /* owned where it was read: the params of spec */
};

struct check_msg_state {
	uint32_t id;
	struct check_state state;
	bool flip; /* up differs from what was last told, or the target has just been judged for the first time */
	struct lb_time at; /* when the probe decided that; monotonic, so both processes have the same */
};

struct check_msg_pong {
	uint32_t n; /* of the ping */
	uint32_t targets, running;
	uint32_t waiting; /* due, not started: for want of a descriptor (RLIMIT_NOFILE) or of time */
	uint32_t lag_us;  /* the worst of the loop since the last pong */
	uint32_t rss_kib;
	uint32_t probes;                   /* started since the process began; wraps around */
	uint32_t late_p50_us, late_p99_us; /* how late they started, see check_late.h */
};

struct check_msg_run {
	uint32_t token; /* given back by ran */
	uint32_t id;    /* of the target */
};

struct check_msg_ran {
	uint32_t token, id;
	struct check_result result; /* weight is not sent */
	struct check_trace trace;
};

struct check_msg_hook_run {
	uint32_t id; /* given back by hook.done */
	uint32_t timeout_ms;
	char path[CHECK_HOOK_PATH];
	uint32_t n_args;
	char args[CHECK_HOOK_ARGS][CHECK_HOOK_ARG]; /* printable ASCII */
};

struct check_msg_hook_done {
	uint32_t id;
	struct check_result result; /* its latency: how long the program took. weight is not sent */
};

struct check_msg {
	enum check_msg_type type;
	union {
		struct check_msg_hello hello;
		struct check_msg_target target_set;
		uint32_t target_del; /* id */
		enum lb_log_level log;
		uint32_t ping; /* n */
		struct check_msg_run run;
		struct check_cuts cut;
		struct check_msg_hook_run hook_run;
		struct lb_msg_ready ready;
		struct check_msg_state state;
		struct check_msg_pong pong;
		struct check_msg_ran ran;
		struct check_msg_hook_done hook_done;
	} u;
};

/* Appends the message as one line. Sticky error in out (no memory, or a value that no reader would accept). */
void check_msg_write(const struct check_msg *m, struct lb_text *out);

/* The two directions. 0 and *m, to be freed with check_msg_done; -EBADMSG or -ENOMEM, *m untouched. */
int check_msg_read_probe(const json_t *line, struct check_msg *m); /* what the probe worker receives */
int check_msg_read_core(const json_t *line, struct check_msg *m);  /* what the core receives */

void check_msg_done(struct check_msg *m);

/* The word of a type: "target.set". */
const char *check_msg_name(enum check_msg_type type);
