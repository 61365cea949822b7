/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sweep.py tells those who make something fail, and what they tell it: a file that all of them map. starve.py
 * knows the layout, too. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define CONTROL "/run/lbd-sweep"
#define FRAMES  28
#define TRACE   (1 << 20)
#define SEEN    4096

struct frame {
	char object[24]; /* a program or library; or the name of a system call */
	uint64_t offset;
};

struct control {
	char room[16]; /* core, lbctl, or the name of a worker */
	_Atomic int32_t armed;
	int32_t forever; /* all after the n-th fail, too */
	int64_t n;       /* from 0; -1 = only count */
	_Atomic int64_t count, failed;
	int32_t calls; /* system calls fail, not allocations */
	char call[20]; /* of these only those of this name; "" = all */
	int32_t n_frames;
	int32_t pid;                 /* who failed */
	struct frame frames[FRAMES]; /* who asked for it, the innermost first */
	int32_t trace;               /* whom each is for is written down, as a hash */
	int32_t n_seen;
	uint32_t stacks[TRACE];
	struct seen { /* each of them once; of allocations only */
		uint32_t hash, count;
		int32_t n_frames, spare;
		struct frame frames[FRAMES];
	} seen[SEEN];
};
