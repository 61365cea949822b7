/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out while a message is written, or read from what was parsed, is an error: never half a message,
 * never one that is called broken, and nothing stays behind. The n-th allocation fails, and all after it.
 */
#include "common/buf.h"
#include "common/proto.h"
#include "tests/unit/lbd_sync/room_msgs.h"

#include <errno.h>

/* The sanitizer has its own malloc, which must not be bypassed: there only jansson's allocations fail, and it is the
 * sanitizer that finds what stays behind. */
#if defined(__SANITIZE_ADDRESS__)
#define REPLACED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REPLACED 0
#endif
#endif
#ifndef REPLACED
#define REPLACED 1
#endif

static long left = -1; /* allocations that still succeed; -1 = all */
static long live;      /* those that were not freed */

static int out_of_memory(void)
{
	if (left < 0 || left-- > 0)
		return 0;
	left = 0;
	errno = ENOMEM;
	return 1;
}

#if REPLACED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

void *malloc(size_t n)
{
	return out_of_memory() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return out_of_memory() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (out_of_memory())
		return NULL;
	return p ? __libc_realloc(p, n) : counted(__libc_realloc(p, n));
}

void free(void *p)
{
	live -= p != NULL;
	__libc_free(p);
}
#else
static void *json_memory(size_t n)
{
	return out_of_memory() ? NULL : malloc(n);
}
#endif

/* Assertions allocate, so what is wrong is only noted. */
static const char *wrong;

static bool read_back(enum sync_msg_type type, const struct lb_text *line)
{
	struct sync_room_msg got;
	long limit = left;
	left = -1; /* the parser of jansson 2.14 ends the process by an assertion when its buffer cannot grow */
	json_t *o = lb_proto_parse(line->s, line->n - 1, NULL);
	left = limit;
	int rc = msgs_read(type, o, &got);
	json_decref(o);
	if (rc == 0)
		sync_room_msg_done(&got);
	else if (rc != -ENOMEM)
		wrong = "a whole message was called broken";
	return rc == 0;
}

/* False: memory was out somewhere. */
static bool there_and_back(const struct sync_room_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	sync_room_msg_write(m, &line);
	bool done = !line.bad && read_back(m->type, &line);
	lb_text_done(&line);
	return done;
}

static void sweep(const struct sync_room_msg *m)
{
	const char *name = sync_room_msg_name(m->type);
	long n = 0, before;
	bool done;
	do {
		before = live;
		left = n;
		done = there_and_back(m);
		bool spare = left > 0;
		left = -1;
		long after = live;
		ck_assert_msg(!wrong, "%s: %s, allocation %ld", name, wrong, n);
		ck_assert_msg(after == before, "%s: %ld left behind, allocation %ld", name, after - before, n);
		ck_assert_msg(done || !spare, "%s: gave up at %ld although there was memory", name, n);
		n++;
	} while (!done && n < 100000);
	ck_assert_msg(done && n > 4, "%s: %ld allocations", name, n);
}

START_TEST(every_allocation)
{
	uint64_t s = 11;
	struct msgs_room room;
	struct sync_room_msg m;
	for (int t = 0; t < SYNC_MSG_COUNT; t++)
		for (int round = 0; round < 5; round++) {
			msgs_random(&s, (enum sync_msg_type)t, &m, &room);
			sweep(&m);
		}
}
END_TEST

/* What was read before a member turned out to be wrong is freed, too. */
START_TEST(nothing_of_a_broken_message)
{
	uint64_t s = 12;
	struct msgs_room room;
	struct sync_room_msg m, got;
	do
		msgs_random(&s, SYNC_MSG_SET, &m, &room);
	while (room.conf.n_skips < 2);
	struct lb_text line = LB_TEXT_INIT;
	sync_room_msg_write(&m, &line);
	json_t *o = lb_proto_parse(line.s, line.n - 1, NULL), *list = json_object_get(o, "skips");
	/* the last that is read */
	ck_assert_int_eq(json_array_set_new(list, json_array_size(list) - 1, json_integer(5)), 0);
	long before = live;
	int rc = sync_room_msg_read_sync(o, &got);
	long after = live;
	ck_assert_int_eq(rc, -EBADMSG);
	ck_assert_int_eq(before, after);
	json_decref(o);
	lb_text_done(&line);
}
END_TEST

int main(void)
{
#if !REPLACED
	json_set_alloc_funcs(json_memory, free);
#endif
	Suite *s = suite_create("sync_room_msg_memory");
	TCase *tc = tcase_create("sync_room_msg_memory");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, every_allocation);
	tcase_add_test(tc, nothing_of_a_broken_message);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
