/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A preload: the n-th allocation of one of our processes fails, in whatever library it is made. Which process, which n,
 * and whether those after it fail, too, stands in a file that everybody maps (struct control, known to sweep.py); the
 * answers stand there, too: how many there were, and who asked for the one that failed.
 *
 * A worker gets an environment of its own and is sealed before it reads a byte, so the preload comes by
 * /etc/ld.so.preload (of a private /etc), the file is mapped before main, and nothing here makes a system call later.
 */
#include "control.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct control *control; /* NULL = not this process */
static pid_t me;                /* a child that will be another program is not meant */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
/* of the sanitizer, where there is one: it must not be bypassed */
extern void *__interceptor_malloc(size_t n) __attribute__((weak));
extern void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
extern void *__interceptor_realloc(void *p, size_t n) __attribute__((weak));

/* Frames without those of this file. No allocation, no system call. */
static int32_t frames_of(void *const *stack, int depth, struct frame *out)
{
	int32_t kept = 0;
	for (int i = 2; i < depth; i++) {
		Dl_info info;
		if (!dladdr(stack[i], &info) || !info.dli_fname)
			continue;
		const char *slash = strrchr(info.dli_fname, '/');
		struct frame *f = &out[kept++];
		strncpy(f->object, slash ? slash + 1 : info.dli_fname, sizeof(f->object) - 1);
		f->offset = (uint64_t)((char *)stack[i] - (char *)info.dli_fbase);
	}
	return kept;
}

static void trace(int64_t n, void *const *stack, int depth)
{
	uint64_t mixed = 0;
	for (int i = 2; i < depth; i++)
		mixed = (mixed ^ (uintptr_t)stack[i]) * 1099511628211u;
	uint32_t hash = (uint32_t)(mixed >> 32 ^ mixed);
	if (n < TRACE)
		control->stacks[n] = hash;
	int32_t at = 0;
	while (at < control->n_seen && control->seen[at].hash != hash)
		at++;
	if (at == SEEN)
		return;
	struct seen *s = &control->seen[at];
	if (at == control->n_seen) {
		*s = (struct seen){ .hash = hash };
		s->n_frames = frames_of(stack, depth, s->frames);
		control->n_seen++;
	}
	s->count++;
}

/* Whether this one fails. */
static int starved(void)
{
	static atomic_bool unwinding; /* what the unwinder allocates is not meant */
	if (!control || atomic_load(&unwinding) || !atomic_load(&control->armed) || getpid() != me)
		return 0;
	void *stack[FRAMES];
	int64_t n = atomic_fetch_add(&control->count, 1);
	bool fails = control->n >= 0 && (n == control->n || (n > control->n && control->forever));
	bool first = fails && atomic_fetch_add(&control->failed, 1) == 0;
	if (control->trace || first) {
		atomic_store(&unwinding, true);
		int depth = backtrace(stack, FRAMES);
		if (control->trace)
			trace(n, stack, depth);
		if (first) {
			control->pid = me;
			control->n_frames = frames_of(stack, depth, control->frames);
		}
		atomic_store(&unwinding, false);
	}
	if (fails)
		errno = ENOMEM;
	return fails;
}

void *malloc(size_t n)
{
	if (starved())
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(n) : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	if (starved())
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	if (starved())
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, n) : __libc_realloc(p, n);
}

static const char *room_of(int argc, char **argv)
{
	static const char worker[] = "--worker=";
	if (argc > 1 && strncmp(argv[1], worker, sizeof(worker) - 1) == 0)
		return argv[1] + sizeof(worker) - 1;
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	if (!slash)
		return "";
	return strcmp(slash, "/lbd") == 0 ? "core" : slash + 1;
}

/* The C library hands its start's arguments to constructors. */
__attribute__((constructor)) static void begin(int argc, char **argv)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	struct control *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (c == MAP_FAILED)
		return;
	if (c->calls || strcmp(c->room, room_of(argc, argv)) != 0) {
		munmap(c, sizeof(*c));
		return;
	}
	void *stack[2];
	(void)backtrace(stack, 2); /* loads the unwinder */
	me = getpid();
	control = c;
}
