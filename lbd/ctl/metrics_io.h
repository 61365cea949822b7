/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endpoint of Prometheus: GET and HEAD of /metrics over HTTP/1.1, and nothing else. libmicrohttpd speaks, on the
 * loop of the core; what it says comes from metrics.h, a piece per turn of the loop.
 *
 * Nobody who comes is trusted: connections are few, each has a time for its request and one for its answer, and few
 * answers are written at once (the others get 503). A place that is idle gives way to who is new.
 *
 * When the address cannot be had (it is taken, or not there yet) it is tried again, and said once.
 */
#pragma once

#include "common/addr.h"
#include "common/log.h"

#include <stdbool.h>
#include <stdint.h>

struct ctl_env;
struct ev_loop;

#define METRICS_CONNECTIONS_MAX 16u
#define METRICS_ANSWERS_MAX     4u

typedef void metrics_say_fn(enum lb_log_level level, const char *text);

struct metrics_server_config {
	struct lb_ip ip;
	uint16_t port;
	struct ctl_env *env; /* borrowed, read in every turn */
	metrics_say_fn *say;
	uint32_t request_ms, answer_ms; /* 0 = 10 s and 120 s */
};

struct metrics_server;

/* NULL: no memory. Listens at once, or as soon as it can. */
struct metrics_server *metrics_server_new(struct ev_loop *loop, const struct metrics_server_config *config);
/* Whether it is at that address already. */
bool metrics_server_is(const struct metrics_server *s, const struct metrics_server_config *config);
void metrics_server_free(struct metrics_server *s);
