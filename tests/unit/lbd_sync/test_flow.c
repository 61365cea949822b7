/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows as values: how their keys are ordered and hashed, which of them the kernel would take, how long they last. */
#include "tests/unit/lbd_sync/flows.h"

#include <stdio.h>

#define SEEDS 2000

/* Of the paper and of its authors' table: key 00 01 .. 0f, message 00 01 .. */
static const struct {
	size_t n;
	uint64_t want;
} sip[] = {
	{ 0, UINT64_C(0x726fdb47dd0e0e31) },
	{ 1, UINT64_C(0x74f839c593dc67fd) },
	{ 2, UINT64_C(0x0d6c8009d9a94f5a) },
	{ 3, UINT64_C(0x85676696d7fb7e2d) },
	{ 15, UINT64_C(0xa129ca6149be45e5) },
};

START_TEST(siphash)
{
	uint8_t bytes[16];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	uint8_t *p = exact(bytes, sip[_i].n);
	uint64_t got = flow_siphash(UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908), p, sip[_i].n);
	ck_assert_msg(got == sip[_i].want, "%zu bytes: %016llx", sip[_i].n, (unsigned long long)got);
	free(p);
}
END_TEST

/* ---- keys: each row is greater than the one before ---- */

static const struct {
	const char *what;
	uint8_t protocol;
	bool template;
	const char *client, *virtual;
} ordered[] = {
	{ "a template of a mark", 0, true, "10.0.0.0:0", "0.0.0.7:0" },
	{ "the least of TCP", 6, false, "10.0.0.1:1", "10.0.0.100:80" },
	{ "the virtual port", 6, false, "10.0.0.1:1", "10.0.0.100:81" },
	{ "its high byte", 6, false, "10.0.0.1:1", "10.0.0.100:256" },
	{ "the virtual address before it", 6, false, "10.0.0.1:1", "10.0.0.101:80" },
	{ "the client port before them", 6, false, "10.0.0.1:2", "10.0.0.100:80" },
	{ "the client before it", 6, false, "10.0.0.2:1", "10.0.0.100:80" },
	{ "IPv6 is greater", 6, false, "[::]:1", "[::]:80" },
	{ "a template", 6, true, "10.0.0.1:1", "10.0.0.100:80" },
	{ "UDP", 17, false, "10.0.0.1:1", "10.0.0.100:80" },
};

static struct flow_key ordered_key(size_t i)
{
	struct flow_key k = { .protocol = ordered[i].protocol, .template = ordered[i].template };
	endpoint(ordered[i].client, &k.client, &k.client_port);
	endpoint(ordered[i].virtual, &k.virtual, &k.virtual_port);
	return k;
}

START_TEST(keys_have_an_order)
{
	for (size_t i = 0; i < LEN(ordered); i++)
		for (size_t j = 0; j < LEN(ordered); j++) {
			struct flow_key a = ordered_key(i), b = ordered_key(j);
			int want = i < j ? -1 : i > j, got = flow_key_cmp(&a, &b);
			ck_assert_msg(
				(got > 0) - (got < 0) == want, "%s, %s: %d", ordered[i].what, ordered[j].what, got);
			/* and each field of it counts */
			ck_assert_msg((flow_key_hash(&a, 7) == flow_key_hash(&b, 7)) == (i == j), "%s, %s: hash",
				ordered[i].what, ordered[j].what);
			ck_assert_msg(flow_key_hash(&a, 7) != flow_key_hash(&b, 8), "%s, %s: the seed does nothing",
				ordered[i].what, ordered[j].what);
		}
}
END_TEST

START_TEST(every_bit_of_a_key_is_hashed)
{
	struct flow_key k = ordered_key(1), six = ordered_key(7);
	for (unsigned bit = 0; bit < 16; bit++) {
		struct flow_key c = k, v = k;
		c.client_port ^= (uint16_t)(1u << bit);
		v.virtual_port ^= (uint16_t)(1u << bit);
		ck_assert_msg(flow_key_hash(&k, 7) != flow_key_hash(&c, 7), "client port, bit %u", bit);
		ck_assert_msg(flow_key_hash(&k, 7) != flow_key_hash(&v, 7), "virtual port, bit %u", bit);
	}
	for (unsigned bit = 0; bit < 128; bit++) {
		struct flow_key c = six, v = six;
		c.client.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		v.virtual.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(flow_key_hash(&six, 7) != flow_key_hash(&c, 7), "client, bit %u", bit);
		ck_assert_msg(flow_key_hash(&six, 7) != flow_key_hash(&v, 7), "virtual, bit %u", bit);
	}
}
END_TEST

/* ---- what the kernel would take ---- */

static void set_nothing(struct flow *f)
{
	(void)f;
}
static void set_last_state(struct flow *f)
{
	f->state = 10;
}
static void set_no_state(struct flow *f)
{
	f->state = 11;
}
static void set_udp(struct flow *f)
{
	f->key.protocol = IPPROTO_UDP;
}
static void set_udp_state(struct flow *f)
{
	f->key.protocol = IPPROTO_UDP;
	f->state = 1;
}
static void set_sctp(struct flow *f)
{
	f->key.protocol = IPPROTO_SCTP;
	f->state = 13;
}
static void set_sctp_state(struct flow *f)
{
	f->key.protocol = IPPROTO_SCTP;
	f->state = 14;
}
static void set_esp(struct flow *f)
{
	f->key.protocol = IPPROTO_ESP;
}
static void set_template(struct flow *f)
{
	f->key.template = true;
	f->flags |= FLOW_TEMPLATE;
	f->key.protocol = 0;
	f->state = 65535;
}
static void set_half_template(struct flow *f)
{
	f->key.template = true;
}
static void set_other_half(struct flow *f)
{
	f->flags |= FLOW_TEMPLATE;
}
static void set_all_flags(struct flow *f)
{
	f->flags = FLOW_FLAGS & ~FLOW_TEMPLATE;
}
static void set_sync_flag(struct flow *f)
{
	f->flags |= 0x20;
}
static void set_name(struct flow *f)
{
	f->pe_name_n = 3;
}
static void set_data(struct flow *f)
{
	f->pe_data_n = 3;
}
static void set_engine(struct flow *f)
{
	f->pe_data_n = 255;
	f->pe_name_n = 16;
}
static void set_long_name(struct flow *f)
{
	f->pe_data_n = 1;
	f->pe_name_n = 17;
}
static void set_families(struct flow *f)
{
	f->dest.family = AF_INET6;
}
static void set_families_too(struct flow *f)
{
	f->key.virtual.family = AF_INET6;
}
static void set_no_family(struct flow *f)
{
	f->key.client.family = f->key.virtual.family = f->dest.family = 0;
}
static void set_v6(struct flow *f)
{
	f->key.client.family = f->key.virtual.family = f->dest.family = AF_INET6;
}

static const struct {
	const char *what;
	void (*set)(struct flow *f);
	bool whole, valid;
} takes[] = {
	{ "TCP without a state", set_nothing, true, true },
	{ "the last state of TCP", set_last_state, true, true },
	{ "one behind it", set_no_state, true, false },
	{ "UDP", set_udp, true, true },
	{ "UDP has one state", set_udp_state, true, false },
	{ "the last state of SCTP", set_sctp, true, true },
	{ "one behind it", set_sctp_state, true, false },
	{ "a protocol that is not synchronised", set_esp, true, false },
	{ "a template is of any protocol and state", set_template, true, true },
	{ "its key says template, its flags do not", set_half_template, true, false },
	{ "its flags say template, its key does not", set_other_half, true, false },
	{ "all flags", set_all_flags, true, true },
	{ "a flag of the receiver's own", set_sync_flag, true, false },
	{ "a name without data", set_name, true, false },
	{ "data without a name", set_data, true, false },
	{ "the longest of both", set_engine, true, true },
	{ "a name that is too long", set_long_name, false, false },
	{ "a server of the other family", set_families, false, false },
	{ "a virtual address of the other family", set_families_too, false, false },
	{ "no address at all", set_no_family, false, false },
	{ "all of IPv6", set_v6, true, true },
};

START_TEST(what_is_valid)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.1:1", "10.0.0.100:80", "172.16.0.1:80");
	takes[_i].set(&f);
	ck_assert_msg(flow_is_whole(&f) == takes[_i].whole, "%s: whole", takes[_i].what);
	ck_assert_msg(flow_is_valid(&f) == takes[_i].valid, "%s: valid", takes[_i].what);
}
END_TEST

static const struct {
	const char *what;
	uint8_t protocol;
	bool template;
	uint16_t state;
	uint32_t want_s;
} lasts[] = {
	{ "TCP NONE", IPPROTO_TCP, false, 0, 2 },
	{ "TCP ESTABLISHED", IPPROTO_TCP, false, 1, 900 },
	{ "TCP FIN_WAIT", IPPROTO_TCP, false, 4, 120 },
	{ "TCP CLOSE", IPPROTO_TCP, false, 6, 10 },
	{ "TCP LAST_ACK", IPPROTO_TCP, false, 8, 30 },
	{ "TCP SYNACK", IPPROTO_TCP, false, 10, 120 },
	{ "a state that is none", IPPROTO_TCP, false, 11, 180 },
	{ "UDP", IPPROTO_UDP, false, 0, 300 },
	{ "SCTP ESTABLISHED", IPPROTO_SCTP, false, 8, 900 },
	{ "SCTP REJECTED", IPPROTO_SCTP, false, 12, 4 },
	{ "a template, whatever its state", IPPROTO_TCP, true, 1, 180 },
	{ "a template of a mark", 0, true, 0, 180 },
	{ "another protocol", IPPROTO_ESP, false, 0, 180 },
};

START_TEST(how_long_it_lasts)
{
	struct flow f = { .key = { .protocol = lasts[_i].protocol, .template = lasts[_i].template },
		.state = lasts[_i].state };
	uint32_t got = flow_default_timeout_s(&f);
	ck_assert_msg(got == lasts[_i].want_s, "%s: %u", lasts[_i].what, got);
}
END_TEST

START_TEST(random_ones_are_valid)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		uint64_t s = seed;
		struct flow f = random_flow(&s), g = f;
		ck_assert_msg(flow_is_valid(&f) && flow_same(&f, &g), "seed %llu", (unsigned long long)seed);
		ck_assert_msg(flow_key_hash(&f.key, seed) == flow_key_hash(&g.key, seed), "seed %llu",
			(unsigned long long)seed);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flow");
	TCase *t = tcase_create("flow");
	tcase_add_loop_test(t, siphash, 0, LEN(sip));
	tcase_add_test(t, keys_have_an_order);
	tcase_add_test(t, every_bit_of_a_key_is_hashed);
	tcase_add_loop_test(t, what_is_valid, 0, LEN(takes));
	tcase_add_loop_test(t, how_long_it_lasts, 0, LEN(lasts));
	tcase_add_test(t, random_ones_are_valid);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
