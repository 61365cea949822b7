/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `conn list`, `count`, `kill`: the process that reads connections is asked, and the answer is held until it has said
 * the last word, or the client has gone. Rows come in batches, and the next one is asked for when the client has read
 * the last: nothing is kept for who reads slowly.
 */
#pragma once

#include "lbd/ctl/ctl_env.h"

struct ctl_conns *ctl_conns_new(void); /* NULL: no memory */
/* Every answer must have ended, or its client have gone. */
void ctl_conns_free(struct ctl_conns *c);

void ctl_conn_list(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_conn_count(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
void ctl_conn_kill(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);

/* Whether anybody waits. */
bool ctl_conns_busy(const struct ctl_conns *c);
/* The process is there now: it is asked what waited for it. */
void ctl_conns_ready(struct ctl_env *env);
/* No answer will come any more: whoever has asked it is told why. */
void ctl_conns_lost(struct ctl_conns *c, const char *why);
/* What it said. A number nobody waits for is ignored. */
void ctl_conns_rows(struct ctl_env *env, const struct conn_rows *rows);
void ctl_conns_end(struct ctl_env *env, const struct conn_end *end);
/* Asks for more where the client has read. */
void ctl_conns_turn(struct ctl_env *env);
