/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out at any allocation of a table: a put fails and changes nothing, or goes on with longer chains;
 * with memory again all is as if nothing had been, and nothing is lost. With the sanitizer the test says so and passes.
 */
#include "lbd/sync/flow_table.h"
#include "tests/unit/lbd_sync/flows.h"
#include "tests/unit/memory.h"

#include <stdio.h>

#define FLOWS 6000u /* more than buckets of one segment, entries of eleven slabs */
#define NOW   ((struct lb_time){ 7000000 })

/* The i-th of many; one in 100 has more. */
static struct flow nth(uint32_t i, uint16_t state)
{
	struct flow f = { .key = { .protocol = IPPROTO_TCP, .client_port = 1024, .virtual_port = 80 },
		.state = state,
		.timeout_s = 900 };
	f.key.client = f.key.virtual = f.dest = (struct lb_ip){ .family = AF_INET };
	f.key.client.b[2] = (uint8_t)(i >> 8);
	f.key.client.b[3] = (uint8_t)i;
	if (i % 100 == 0) {
		f.pe_name_n = f.pe_data_n = 3;
		memcpy(f.pe_name, "sip", 3);
		f.pe_data[2] = (uint8_t)state;
	}
	return f;
}

static bool holds(const struct flow_table *t, uint32_t i, uint16_t state)
{
	struct flow want = nth(i, state), got;
	const struct flow_entry *e = flow_table_find(t, &want.key);
	if (!e)
		return false;
	flow_entry_get(e, &got);
	return flow_same(&got, &want);
}

/* Assertions allocate, so what is wrong is only noted. */
static const char *wrong;

static void must(bool ok, const char *what)
{
	if (!ok && !wrong)
		wrong = what;
}

/* Puts it until it is in; returns how often there was no memory. */
static unsigned put(struct flow_table *t, uint32_t i, uint16_t state, uint64_t number)
{
	unsigned refused = 0;
	struct flow f = nth(i, state);
	const struct flow_entry *e = NULL;
	int rc;
	while ((rc = flow_table_put(t, &f, FLOW_LOCAL, NOW, &e)) == -ENOMEM) {
		must(e == NULL && flow_table_last(t) == number - 1, "a refused put changed something");
		must(state == 1 ? !flow_table_find(t, &f.key) : holds(t, i, 1), "a refused put did something");
		must(++refused < 1000, "no end of it");
	}
	must(rc == 0 && e && e->number == number, "not put");
	return refused;
}

/* Returns how many calls were refused; -1: the table could not be made. */
static int work(void)
{
	int refused = 0;
	uint64_t number = 0;
	struct flow_table *t = flow_table_new(7, FLOWS);
	if (!t)
		return -1;
	for (uint16_t state = 1; state <= 2; state++)
		for (uint32_t i = 0; i < FLOWS; i += state == 1 ? 1 : 100)
			refused += (int)put(t, i, state, ++number);
	must(flow_table_count(t, FLOW_LOCAL) == FLOWS, "another count");
	for (uint32_t i = 0; i < FLOWS; i++)
		must(holds(t, i, i % 100 == 0 ? 2 : 1), "not what was put");
	must(flow_table_expire(t, lb_time_add_ms(NOW, 900000), FLOWS) == FLOWS, "not all expired");
	flow_table_free(t);
	return refused;
}

START_TEST(every_allocation)
{
	if (!REPLACED)
		return;
	long n = 0, refused = 0, tables = 0;
	for (bool spare = false; !spare && n < 100000; n++) {
		left = n;
		starving = 1 + n % 3;
		long before = live;
		int rc = work();
		must(live == before, "memory was not given back");
		spare = left > 0;
		left = -1;
		ck_assert_msg(!wrong, "%s, allocation %ld", wrong, n);
		refused += rc > 0 ? rc : 0;
		tables += rc < 0;
	}
	/* the table, its segments; slabs and what 60 flows have besides, twice */
	ck_assert_msg(n > 100 && tables >= 3 && refused > 100, "%ld allocations, %ld refused, %ld tables", n, refused,
		tables);
}
END_TEST

START_TEST(and_with_memory)
{
	ck_assert_int_eq(work(), 0);
	ck_assert_ptr_null(wrong);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flow_table_memory");
	TCase *t = tcase_create("flow_table_memory");
	tcase_set_timeout(t, 100);
	tcase_add_test(t, every_allocation);
	tcase_add_test(t, and_with_memory);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
