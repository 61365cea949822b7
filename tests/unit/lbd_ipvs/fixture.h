/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of lbd_ipvs share: rows from text, random rows from a seed, comparison with words. */
#pragma once

#include "lbd/ipvs/ipvs_diff.h"
#include "lbd/ipvs/ipvs_sched.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline int run_suite(const char *name, const TTest *const *tests, size_t n)
{
	Suite *s = suite_create(name);
	TCase *tc = tcase_create(name);
	tcase_set_timeout(tc, 100);
	suite_add_tcase(s, tc);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* splitmix64: the same numbers on every machine, so a printed seed is a whole test case. */
struct rng {
	uint64_t s;
};

static inline uint32_t rnd(struct rng *r, uint32_t below)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ (z >> 31)) % below);
}

static inline struct ipvs_key key_of(const char *text)
{
	struct ipvs_key k;
	ck_assert_msg(ipvs_key_parse(text, strlen(text), &k) == 0, "not a key: %s", text);
	return k;
}

static inline struct ipvs_service svc_of(const char *key, const char *scheduler)
{
	struct ipvs_service s = { .key = key_of(key) };
	snprintf(s.scheduler, sizeof(s.scheduler), "%s", scheduler);
	s.prefix = lb_ip_is_v6(&s.key.addr) ? 128 : 32;
	return s;
}

static inline struct ipvs_dest dest_of(const char *endpoint, uint32_t weight)
{
	struct ipvs_dest d = { .weight = weight };
	ck_assert_msg(lb_endpoint_parse(endpoint, strlen(endpoint), true, &d.addr, &d.port) == 0, "not an endpoint: %s",
		endpoint);
	return d;
}

static inline void row_add(struct ipvs_row *row, struct ipvs_dest d)
{
	struct ipvs_dest *place = lb_vec_push(&row->dests);
	ck_assert_ptr_nonnull(place);
	*place = d;
	ipvs_row_sort(row);
}

/* "203.0.113.1:80/tcp wlc 10.1.0.1:80=1 10.1.0.2:80=5": key, scheduler, destinations with their weights. */
static inline struct ipvs_row row_of(const char *text)
{
	char copy[512], *save = NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	const char *key = strtok_r(copy, " ", &save), *scheduler = strtok_r(NULL, " ", &save);
	struct ipvs_row row = { .svc = svc_of(key, scheduler) };
	for (char *d; (d = strtok_r(NULL, " ", &save));) {
		char *weight = strchr(d, '=');
		*weight++ = '\0';
		row_add(&row, dest_of(d, (uint32_t)strtoul(weight, NULL, 10)));
	}
	return row;
}

static const char *const random_keys[] = { "203.0.113.1:80/tcp", "203.0.113.1:53/udp", "203.0.113.2:5060/sctp",
	"[2001:db8::1]:443/tcp", "fwmark:7/ipv4", "fwmark:7/ipv6" };

static inline struct ipvs_service random_service(struct rng *r, const char *key)
{
	static const char *const schedulers[] = { "wlc", "mh", "rr", "twos" };
	struct ipvs_service s = svc_of(key, schedulers[rnd(r, 4)]);
	if (rnd(r, 2)) {
		s.flags |= IPVS_FLAG_PERSISTENT;
		s.timeout = 60 * (1 + rnd(r, 3));
		s.prefix = (uint8_t)(1 + rnd(r, lb_ip_is_v6(&s.key.addr) ? 128 : 32));
	}
	if (rnd(r, 3) == 0)
		s.flags |= IPVS_FLAG_SCHED1;
	if (rnd(r, 4) == 0)
		strcpy(s.engine, "sip");
	return s;
}

static inline struct ipvs_dest random_dest(struct rng *r, bool v6)
{
	static const uint32_t weights[] = { 0, 0, 1, 2, 65535 };
	char text[LB_ENDPOINT_STRLEN];
	snprintf(text, sizeof(text), v6 ? "[2001:db8:1::%u]:80" : "10.1.0.%u:80", 1 + rnd(r, 9));
	struct ipvs_dest d = dest_of(text, weights[rnd(r, COUNT(weights))]);
	d.method = (uint8_t[]){ IPVS_METHOD_NAT, IPVS_METHOD_TUN, IPVS_METHOD_DR }[rnd(r, 3)];
	if (d.method == IPVS_METHOD_TUN) {
		d.tunnel.type = (uint8_t)rnd(r, 3);
		d.tunnel.csum = (uint8_t)rnd(r, 3);
		d.tunnel.port = d.tunnel.type == IPVS_TUNNEL_GUE ? 6080 : 0;
	}
	if (rnd(r, 3) == 0)
		d.upper = 100 + rnd(r, 2);
	d.lower = d.upper / 2;
	return d;
}

static inline struct ipvs_row random_row(struct rng *r, const char *key)
{
	struct ipvs_row row = { .svc = random_service(r, key) };
	for (uint32_t n = rnd(r, 7); n > 0; n--) {
		struct ipvs_dest d = random_dest(r, lb_ip_is_v6(&row.svc.key.addr));
		if (!ipvs_row_find(&row, &d))
			row_add(&row, d);
	}
	return row;
}

/* Every field, written out here and not by the functions under test. */
static inline bool same_dest(const struct ipvs_dest *a, const struct ipvs_dest *b)
{
	return a->addr.family == b->addr.family && memcmp(a->addr.b, b->addr.b, 16) == 0 && a->port == b->port &&
	       a->method == b->method && a->weight == b->weight && a->upper == b->upper && a->lower == b->lower &&
	       a->tunnel.type == b->tunnel.type && a->tunnel.csum == b->tunnel.csum && a->tunnel.port == b->tunnel.port;
}

static inline bool same_service(const struct ipvs_service *a, const struct ipvs_service *b)
{
	bool persistent = a->flags & IPVS_FLAG_PERSISTENT;
	return a->key.addr.family == b->key.addr.family && memcmp(a->key.addr.b, b->key.addr.b, 16) == 0 &&
	       a->key.port == b->key.port && a->key.protocol == b->key.protocol && a->key.fwmark == b->key.fwmark &&
	       strcmp(a->scheduler, b->scheduler) == 0 && strcmp(a->engine, b->engine) == 0 && a->flags == b->flags &&
	       (!persistent || (a->timeout == b->timeout && a->prefix == b->prefix));
}

static inline bool same_row(const struct ipvs_row *a, const struct ipvs_row *b)
{
	if (!same_service(&a->svc, &b->svc) || a->dests.n != b->dests.n)
		return false;
	for (size_t i = 0; i < a->dests.n; i++)
		if (!same_dest(&a->dests.v[i], &b->dests.v[i]))
			return false;
	return true;
}

static inline bool pool_alive(const struct ipvs_row *row)
{
	for (size_t i = 0; i < row->dests.n; i++)
		if (row->dests.v[i].weight > 0)
			return true;
	return false;
}

/* The ops as text, one a line, in a static buffer: for messages and for comparison with what is expected. */
static inline const char *ops_text(const struct ipvs_op *ops, size_t n)
{
	static char text[16384];
	char one[IPVS_OP_STRLEN];
	size_t at = 0;
	text[0] = '\0';
	for (size_t i = 0; i < n && at < sizeof(text) - IPVS_OP_STRLEN - 2; i++)
		at += (size_t)sprintf(text + at, "%s\n", ipvs_op_str(&ops[i], one));
	return text;
}
