/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of the administrator's while it runs: it has a keeper, so that nothing of it is left afterwards
 * (check_keeper_io.h), and two pipes. What it writes is read to the end, so that it never waits for us; the beginning
 * is kept. It runs without a shell, with an empty environment and nothing else open but /dev/null.
 */
#pragma once

#include "lbd/check/check_keeper_io.h"

#include <ev.h>
#include <stddef.h>

#define CHECK_PROGRAM_HEAD 4096

struct check_program_stream { /* one of its two outputs */
	ev_io io;
	int fd;
	size_t n;
	char head[CHECK_PROGRAM_HEAD];
};

struct check_program { /* embedded by the owner */
	struct ev_loop *loop;
	struct check_keeper *keeper; /* NULL = it does not run */
	struct check_program_stream out, err;
};

void check_program_init(struct check_program *p, struct ev_loop *loop);

/* program: a descriptor of check_path_open; argv: borrowed like it. `ended` comes once, from the loop, unless the
 * program was closed before. 0, or -errno: nothing was started, and check_program_close is wanted. */
int check_program_start(struct check_program *p, int program, char *const *argv, check_keeper_fn *ended, void *arg);

/* How it ended, as check_keeper_report. */
bool check_program_report(const struct check_program *p, struct check_script_end *end);

/* The beginning of what it wrote so far; borrowed. */
struct check_script_said check_program_said(struct check_program *p);

/* Kills it and all that it started; `ended` comes when nothing of it is left, or after a second. */
void check_program_kill(struct check_program *p);

/* Whatever it does, it is not needed any more: `ended` does not come, what still runs is killed. Idempotent. */
void check_program_close(struct check_program *p);
