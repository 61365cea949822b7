/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a table of flows costs: flows [N [4|6]]. Times are the processor's, of this thread; the longest put is shown in
 * the clock's time, too, where the rest of the machine is in it.
 */
#include "lbd/sync/flow_table.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define RUN_S 900u

static double clock_s(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

/* The most that there ever was: asked for before anything is freed. */
static size_t resident(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (size_t)r.ru_maxrss * 1024;
}

static struct flow nth(uint32_t i, uint8_t family)
{
	struct flow f = {
		.key = { .protocol = IPPROTO_TCP, .client_port = (uint16_t)(i * 2654435761u), .virtual_port = 443 },
		.dest_port = 8443,
		.state = 1,
		.timeout_s = 1 + i % RUN_S
	};
	f.key.client.family = f.key.virtual.family = f.dest.family = family;
	memcpy(f.key.client.b, &i, sizeof(i));
	f.dest.b[0] = 10;
	f.dest.b[3] = (uint8_t)i;
	return f;
}

static void say(const char *what, uint32_t n, double seconds)
{
	printf("figure flows/%s %.2f M/s\n", what, n / seconds / 1e6);
}

struct put_times {
	double cpu, clock; /* of the longest */
	uint32_t over_1ms;
};

static double put_all(struct flow_table *t, uint32_t n, uint8_t family, struct lb_time now)
{
	double begin = cpu_s();
	for (uint32_t i = 0; i < n; i++) {
		struct flow f = nth(i, family);
		if (flow_table_put(t, &f, FLOW_LOCAL, now, NULL))
			abort();
	}
	return cpu_s() - begin;
}

/* One by one, in a table of its own: asking for the time costs more than a put. */
static struct put_times put_each(uint32_t n, uint8_t family)
{
	struct put_times longest = { 0 };
	struct flow_table *t = flow_table_new(4711, n);
	for (uint32_t i = 0; t && i < n; i++) {
		struct flow f = nth(i, family);
		double clock = clock_s(CLOCK_MONOTONIC), cpu = cpu_s();
		if (flow_table_put(t, &f, FLOW_LOCAL, (struct lb_time){ 1 }, NULL))
			abort();
		cpu = cpu_s() - cpu;
		clock = clock_s(CLOCK_MONOTONIC) - clock;
		longest.cpu = cpu > longest.cpu ? cpu : longest.cpu;
		longest.clock = clock > longest.clock ? clock : longest.clock;
		longest.over_1ms += clock > 1e-3;
	}
	flow_table_free(t);
	return longest;
}

static void find_all(struct flow_table *t, uint32_t n, uint8_t family)
{
	double begin = cpu_s();
	uint32_t found = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct flow f = nth((uint32_t)(i * UINT64_C(7919) % n), family);
		found += flow_table_find(t, &f.key) != NULL;
	}
	say("find", n, cpu_s() - begin);
	if (found != n)
		abort();
}

static void walk(struct flow_table *t, uint32_t n)
{
	struct flow_cursor c;
	const struct flow_entry *e;
	double begin = cpu_s();
	uint32_t seen = 0;
	flow_cursor_open(&c, t, 0);
	while ((e = flow_cursor_next(&c)))
		seen += e->number > 0;
	say("walk", n, cpu_s() - begin);
	flow_cursor_close(&c);
	if (seen != n)
		abort();
}

static void expire_all(struct flow_table *t, uint32_t n, struct lb_time now)
{
	double begin = cpu_s();
	for (uint32_t s = 1; s <= RUN_S + 1; s++)
		while (flow_table_expire(t, lb_time_add_ms(now, s * INT64_C(1000)), 1000) == 1000)
			;
	say("expire", n, cpu_s() - begin);
	if (flow_table_count(t, FLOW_LOCAL))
		abort();
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	uint8_t family = argc > 2 && strcmp(argv[2], "6") == 0 ? AF_INET6 : AF_INET;
	struct lb_time now = { 5000000 };
	size_t before = resident();
	struct flow_table *t = n ? flow_table_new(4711, n) : NULL;
	if (!t)
		return EXIT_FAILURE;
	say("put-new", n, put_all(t, n, family, now));
	printf("figure flows/memory/told %.1f bytes/flow\n", (double)flow_table_bytes(t) / n);
	printf("figure flows/memory/resident %.1f bytes/flow\n", (double)(resident() - before) / n);
	say("put-again", n, put_all(t, n, family, now));
	find_all(t, n, family);
	walk(t, n);
	expire_all(t, n, now);
	flow_table_free(t);
	struct put_times longest = put_each(n, family);
	printf("figure flows/longest-put/cpu %.3f ms\n", longest.cpu * 1e3);
	printf("figure flows/longest-put/clock %.3f ms\n", longest.clock * 1e3);
	printf("figure flows/puts-over-1ms %u\n", longest.over_1ms);
	return EXIT_SUCCESS;
}
