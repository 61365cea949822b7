/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs nft(8) with a text, as a child that nobody waits for. On the default loop: it is the one that sees children. */
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NFT_RUN_S 10 /* so long a transaction may take: the first one of a host loads modules */

/* err 0; -ETIMEDOUT; -EIO: says is what it said in its first line. */
typedef void nft_done_fn(int err, const char *says, void *arg);

struct nft_run { /* zero = nothing runs */
	struct ev_loop *loop;
	ev_child child;
	ev_timer deadline;
	pid_t pid; /* 0 = nothing runs */
	int out;
	bool late;
	nft_done_fn *done;
	void *arg;
};

/* before_exec: in the child, what gives it the right to change tables. 0, and `done` comes exactly once, from the loop;
 * -ENOENT: nft is not installed; -errno. Nothing may run. */
int nft_run_start(struct nft_run *r, struct ev_loop *loop, const char *text, size_t n, void (*before_exec)(void),
	nft_done_fn *done, void *arg);
/* Ends it; `done` does not come. */
void nft_run_stop(struct nft_run *r);
