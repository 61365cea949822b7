/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages of the IPVS family: requests byte by byte, answers whole, cut, bent and random. */
#include "tests/unit/lbd_ipvs/wire.h"

#include <errno.h>
#include <linux/netlink.h>

#define FAMILY 0x1c
#define SEEDS  500

static _Alignas(8) uint8_t buf[8192];

static struct ipvs_batch batch(size_t cap)
{
	memset(buf, 0xee, sizeof(buf)); /* what is not written is seen */
	return (struct ipvs_batch){ .buf = buf, .cap = cap, .family = FAMILY };
}

/* ---- requests ---- */

#define A4 "cb007101000000000000000000000000"
#define A6 "20010db8000000000000000000000001"
#define B4 "0a010001000000000000000000000000"
#define B6 "20010db8000100000000000000000001"
#define NONE                                                                                                           \
	{                                                                                                              \
		.weight = 0                                                                                            \
	}
#define KEY4                              "af=2 proto=6 addr=" A4 " port=0050"
#define FULL(sched, flags, timeout, mask) " sched=" sched " flags=" flags "/ffffffff timeout=" timeout " mask=" mask

static const struct {
	const char *what;
	enum ipvs_op_type type;
	const char *key;
	struct ipvs_service svc; /* without key */
	const char *dest;
	struct ipvs_dest d; /* without address and port */
	const char *text;
} requests[] = {
	{ "a TCP listener: all four of scheduler, flags, timeout and mask, even unused", IPVS_OP_SERVICE_ADD,
		"203.0.113.1:80/tcp", { .scheduler = "wlc", .prefix = 32 }, NULL, NONE,
		"cmd=1 flags=1 | " KEY4 FULL("wlc", "0", "0", "ffffffff") },
	{ "no prefix at all is the whole address", IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp", { .scheduler = "wlc" },
		NULL, NONE, "cmd=1 flags=1 | " KEY4 FULL("wlc", "0", "0", "ffffffff") },
	{ "an IPv6 listener: the prefix length is a number", IPVS_OP_SERVICE_ADD, "[2001:db8::1]:53/udp",
		{ .scheduler = "rr", .flags = IPVS_FLAG_ONEPACKET, .prefix = 128 }, NULL, NONE,
		"cmd=1 flags=1 | af=10 proto=17 addr=" A6 " port=0035" FULL("rr", "4", "0", "128") },
	{ "no prefix at all is 128 for IPv6, where 0 is refused", IPVS_OP_SERVICE_ADD, "[2001:db8::1]:53/udp",
		{ .scheduler = "rr" }, NULL, NONE,
		"cmd=1 flags=1 | af=10 proto=17 addr=" A6 " port=0035" FULL("rr", "0", "0", "128") },
	{ "SCTP", IPVS_OP_SERVICE_ADD, "203.0.113.1:80/sctp", { .scheduler = "rr" }, NULL, NONE,
		"cmd=1 flags=1 | af=2 proto=132 addr=" A4 " port=0050" FULL("rr", "0", "0", "ffffffff") },
	{ "a mark has neither protocol nor address", IPVS_OP_SERVICE_ADD, "fwmark:4660/ipv4", { .scheduler = "wlc" },
		NULL, NONE, "cmd=1 flags=1 | af=2 mark=4660" FULL("wlc", "0", "0", "ffffffff") },
	{ "a mark for IPv6", IPVS_OP_SERVICE_ADD, "fwmark:4660/ipv6", { .scheduler = "wlc" }, NULL, NONE,
		"cmd=1 flags=1 | af=10 mark=4660" FULL("wlc", "0", "0", "128") },
	{ "persistence of IPv4 networks: the mask is in network order", IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp",
		{ .scheduler = "wlc", .flags = IPVS_FLAG_PERSISTENT, .timeout = 300, .prefix = 20 }, NULL, NONE,
		"cmd=1 flags=1 | " KEY4 FULL("wlc", "1", "300", "fffff000") },
	{ "persistence of one bit", IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp",
		{ .scheduler = "wlc", .flags = IPVS_FLAG_PERSISTENT, .timeout = 300, .prefix = 1 }, NULL, NONE,
		"cmd=1 flags=1 | " KEY4 FULL("wlc", "1", "300", "80000000") },
	{ "persistence of IPv6 networks", IPVS_OP_SERVICE_ADD, "[2001:db8::1]:53/udp",
		{ .scheduler = "wlc", .flags = IPVS_FLAG_PERSISTENT, .timeout = 300, .prefix = 64 }, NULL, NONE,
		"cmd=1 flags=1 | af=10 proto=17 addr=" A6 " port=0035" FULL("wlc", "1", "300", "64") },
	{ "an engine, flags of mh, and HASHED that is never sent", IPVS_OP_SERVICE_SET, "203.0.113.1:80/tcp",
		{ .scheduler = "mh",
			.engine = "sip",
			.flags = 1 | IPVS_FLAG_HASHED | IPVS_FLAG_SCHED1 | IPVS_FLAG_SCHED2,
			.timeout = 60 },
		NULL, NONE, "cmd=2 flags=1 | " KEY4 FULL("mh", "19", "60", "ffffffff") " pe=sip" },
	{ "names of full length", IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp",
		{ .scheduler = "abcdefghijklmno", .engine = "ABCDEFGHIJKLMNO" }, NULL, NONE,
		"cmd=1 flags=1 | " KEY4 FULL("abcdefghijklmno", "0", "0", "ffffffff") " pe=ABCDEFGHIJKLMNO" },
	{ "a removal needs the key alone", IPVS_OP_SERVICE_DEL, "203.0.113.1:80/tcp", { .scheduler = "wlc" }, NULL,
		NONE, "cmd=3 flags=1 | " KEY4 },
	{ "a backend behind nat: no word of tunnels", IPVS_OP_DEST_ADD, "203.0.113.1:80/tcp", { .scheduler = "wlc" },
		"10.1.0.1:8080", { .weight = 5, .upper = 100, .lower = 75, .tunnel = { 1, 1, 1 } },
		"cmd=5 flags=1 | " KEY4 " | addr=" B4 " port=1f90 fwd=0 weight=5 upper=100 lower=75 af=2" },
	{ "dr, the largest weight", IPVS_OP_DEST_SET, "203.0.113.1:80/tcp", { .scheduler = "wlc" }, "10.1.0.1:80",
		{ .method = IPVS_METHOD_DR, .weight = 2147483647 },
		"cmd=6 flags=1 | " KEY4 " | addr=" B4 " port=0050 fwd=3 weight=2147483647 upper=0 lower=0 af=2" },
	{ "ipip to the other family: the backend's family is said", IPVS_OP_DEST_ADD, "203.0.113.1:80/tcp",
		{ .scheduler = "wlc" }, "[2001:db8:1::1]:80", { .method = IPVS_METHOD_TUN, .weight = 1 },
		"cmd=5 flags=1 | " KEY4 " | addr=" B6
		" port=0050 fwd=2 weight=1 upper=0 lower=0 af=10 tun=0 tunport=0000 tunflags=0" },
	{ "gue has a port in network order", IPVS_OP_DEST_ADD, "203.0.113.1:80/tcp", { .scheduler = "wlc" },
		"10.1.0.1:80",
		{ .method = IPVS_METHOD_TUN, .weight = 1, .tunnel = { IPVS_TUNNEL_GUE, IPVS_TUNNEL_REMCSUM, 6080 } },
		"cmd=5 flags=1 | " KEY4 " | addr=" B4
		" port=0050 fwd=2 weight=1 upper=0 lower=0 af=2 tun=1 tunport=17c0 tunflags=2" },
	{ "gre", IPVS_OP_DEST_SET, "203.0.113.1:80/tcp", { .scheduler = "wlc" }, "10.1.0.1:80",
		{ .method = IPVS_METHOD_TUN, .tunnel = { IPVS_TUNNEL_GRE, IPVS_TUNNEL_CSUM, 0 } },
		"cmd=6 flags=1 | " KEY4 " | addr=" B4
		" port=0050 fwd=2 weight=0 upper=0 lower=0 af=2 tun=2 tunport=0000 tunflags=1" },
	{ "a backend of a mark, any port", IPVS_OP_DEST_ADD, "fwmark:9/ipv4", { .scheduler = "wlc" }, "10.1.0.1",
		{ .weight = 1 },
		"cmd=5 flags=1 | af=2 mark=9 | addr=" B4 " port=0000 fwd=0 weight=1 upper=0 lower=0 af=2" },
	{ "a backend that goes is named and no more", IPVS_OP_DEST_DEL, "203.0.113.1:80/tcp", { .scheduler = "wlc" },
		"10.1.0.1:80", { .weight = 5 }, "cmd=7 flags=1 | " KEY4 " | addr=" B4 " port=0050 af=2" },
};

static struct ipvs_op request_op(size_t i)
{
	struct ipvs_op op = { .type = requests[i].type, .svc = requests[i].svc, .dest = requests[i].d };
	op.svc.key = key_of(requests[i].key);
	if (requests[i].dest) {
		struct ipvs_dest d = dest_of(requests[i].dest, 0);
		op.dest.addr = d.addr;
		op.dest.port = d.port;
	}
	return op;
}

START_TEST(requests_say_what_the_kernel_wants_to_hear)
{
	char text[1024];
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct ipvs_batch b = batch(sizeof(buf));
		struct ipvs_op op = request_op(i);
		ck_assert_int_eq(ipvs_msg_op(&b, 77, &op), 0);
		size_t at = 0;
		struct wire_request r = wire_read(buf, b.len, &at);
		ck_assert_msg(strcmp(wire_text(&r, text), requests[i].text) == 0, "%s:\n%s\nand not\n%s",
			requests[i].what, text, requests[i].text);
		ck_assert_msg(at == b.len && r.type == FAMILY && r.seq == 77 && r.version == 1, "%s: header",
			requests[i].what);
		ck_assert_msg(b.len <= IPVS_MSG_OP_MAX, "%s: %zu bytes", requests[i].what, b.len);
	}
}
END_TEST

START_TEST(one_request_byte_by_byte)
{
	/* NEW_DEST as strace shows it on a little-endian machine */
	static const uint8_t want[] = {
		0xa4, 0, 0, 0, 0x1c, 0, 0x01, 0, 0x4d, 0, 0, 0, 0, 0, 0, 0, /* nlmsghdr: 164, family, REQUEST, seq 77 */
		5, 1, 0, 0,                                                 /* NEW_DEST, version 1 */
		0x30, 0, 1, 0x80,                                           /* SERVICE, nested, 48 */
		6, 0, 1, 0, 2, 0, 0, 0,                                     /* AF_INET */
		6, 0, 2, 0, 6, 0, 0, 0,                                     /* TCP */
		20, 0, 3, 0, 203, 0, 113, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 203.0.113.1 */
		6, 0, 4, 0, 0, 80, 0, 0,                                         /* port 80, big endian */
		0x60, 0, 2, 0x80,                                                /* DEST, nested, 96 */
		6, 0, 11, 0, 2, 0, 0, 0,                                         /* AF_INET */
		20, 0, 1, 0, 10, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    /* 10.1.0.1 */
		6, 0, 2, 0, 0x1f, 0x90, 0, 0,                                    /* port 8080 */
		8, 0, 3, 0, 2, 0, 0, 0,                                          /* TUNNEL */
		8, 0, 4, 0, 5, 0, 0, 0,                                          /* weight */
		8, 0, 5, 0, 0, 1, 0, 0,                                          /* upper 256 */
		8, 0, 6, 0, 3, 0, 0, 0,                                          /* lower */
		5, 0, 13, 0, 1, 0, 0, 0,                                         /* GUE */
		6, 0, 14, 0, 0x17, 0xc0, 0, 0,                                   /* port 6080, big endian */
		6, 0, 15, 0, 1, 0, 0, 0,                                         /* CSUM */
	};
	struct ipvs_op op = { .type = IPVS_OP_DEST_ADD,
		.svc = svc_of("203.0.113.1:80/tcp", "wlc"),
		.dest = dest_of("10.1.0.1:8080", 5) };
	op.dest.method = IPVS_METHOD_TUN;
	op.dest.upper = 256;
	op.dest.lower = 3;
	op.dest.tunnel = (struct ipvs_tunnel){ IPVS_TUNNEL_GUE, IPVS_TUNNEL_CSUM, 6080 };
	struct ipvs_batch b = batch(sizeof(buf));
	ck_assert_int_eq(ipvs_msg_op(&b, 77, &op), 0);
	ck_assert_uint_eq(b.len, sizeof(want));
	if (htons(1) == 1)
		return; /* the bytes above are those of a little-endian machine; the test before this one holds
			   everywhere */
	for (size_t i = 0; i < sizeof(want); i++)
		ck_assert_msg(buf[i] == want[i], "byte %zu is %02x and not %02x", i, buf[i], want[i]);
}
END_TEST

START_TEST(requests_that_read)
{
	char text[1024];
	struct ipvs_key key = key_of("203.0.113.1:80/tcp"), mark = key_of("fwmark:9/ipv6");
	struct ipvs_batch b = batch(sizeof(buf));
	ck_assert_int_eq(ipvs_msg_dump_services(&b, 1), 0);
	ck_assert_int_eq(ipvs_msg_dump_dests(&b, 2, &key), 0);
	ck_assert_int_eq(ipvs_msg_dump_dests(&b, 3, &mark), 0);
	ck_assert_int_eq(ipvs_msg_get_service(&b, 4, &key), 0);
	ck_assert_int_eq(ipvs_msg_get_info(&b, 5), 0);
	static const char *const want[] = { "cmd=4 flags=301", "cmd=8 flags=301 | " KEY4,
		"cmd=8 flags=301 | af=10 mark=9", "cmd=4 flags=1 | " KEY4, "cmd=15 flags=1" };
	size_t at = 0;
	for (uint32_t i = 0; i < COUNT(want); i++) {
		struct wire_request r = wire_read(buf, b.len, &at);
		ck_assert_str_eq(wire_text(&r, text), want[i]);
		ck_assert_uint_eq(r.seq, i + 1);
	}
	ck_assert_uint_eq(at, b.len);
}
END_TEST

START_TEST(a_batch_asks_for_one_acknowledgement)
{
	struct ipvs_batch b = batch(sizeof(buf));
	for (uint32_t i = 0; i < COUNT(requests); i++) {
		struct ipvs_op op = request_op(i);
		ck_assert_int_eq(ipvs_msg_op(&b, 100 + i, &op), 0);
	}
	ipvs_msg_ack_last(&b);
	size_t at = 0;
	for (uint32_t i = 0; i < COUNT(requests); i++) {
		struct wire_request r = wire_read(buf, b.len, &at);
		ck_assert_uint_eq(r.seq, 100 + i);
		ck_assert_uint_eq(r.flags, NLM_F_REQUEST | (i + 1 == COUNT(requests) ? NLM_F_ACK : 0));
	}
	ck_assert_uint_eq(at, b.len);
}
END_TEST

START_TEST(a_full_buffer_refuses_and_keeps_what_it_has)
{
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct ipvs_op op = request_op(i);
		struct ipvs_batch b = batch(sizeof(buf));
		ck_assert_int_eq(ipvs_msg_op(&b, 1, &op), 0);
		size_t first = b.len;
		for (size_t cap = first; cap < 2 * first; cap++) {
			b = batch(cap);
			ck_assert_int_eq(ipvs_msg_op(&b, 1, &op), 0);
			ck_assert_msg(ipvs_msg_op(&b, 2, &op) == -EMSGSIZE && b.len == first, "%s: %zu bytes of %zu",
				requests[i].what, b.len, cap);
			for (size_t k = cap; k < 2 * first + 16; k++)
				ck_assert_msg(buf[k] == 0xee, "%s: byte %zu behind a buffer of %zu", requests[i].what,
					k, cap);
			ipvs_msg_ack_last(&b); /* still a whole batch: the last message is the first */
			size_t at = 0;
			struct wire_request r = wire_read(buf, b.len, &at);
			ck_assert_msg(r.seq == 1 && r.flags == (NLM_F_REQUEST | NLM_F_ACK), "%s: the ACK is lost",
				requests[i].what);
		}
		b = batch(2 * first);
		ck_assert_int_eq(ipvs_msg_op(&b, 1, &op), 0);
		ck_assert_int_eq(ipvs_msg_op(&b, 2, &op), 0);
	}
}
END_TEST

/* ---- answers ---- */

static int next(const struct wire *w, size_t *at, struct ipvs_answer *a)
{
	/* exact length on the heap: the sanitizer sees what is read behind the end */
	uint8_t *exact = malloc(w->n ? w->n : 1);
	memcpy(exact, w->b, w->n);
	int r = ipvs_msg_next(exact, w->n, at, AF_INET, a);
	free(exact);
	return r;
}

static uint32_t mask4(unsigned bits)
{
	return htonl(bits ? UINT32_MAX << (32 - bits) : 0);
}

START_TEST(a_service_of_a_dump)
{
	struct wire w = { 0 };
	struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "mh"), v6 = svc_of("[2001:db8::1]:80/tcp", "rr"),
			    mark = svc_of("fwmark:9/ipv6", "none");
	s.flags = IPVS_FLAG_PERSISTENT | IPVS_FLAG_SCHED1;
	s.timeout = 300;
	s.prefix = 24;
	strcpy(s.engine, "sip");
	wire_service(&w, 5, &s, mask4(24));
	wire_service(&w, 6, &v6, 128);
	wire_service(&w, 7, &mark, 64);
	mark.prefix = 64;
	const struct ipvs_service *const want[] = { &s, &v6, &mark };
	size_t at = 0;
	struct ipvs_answer a;
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(next(&w, &at, &a), 1);
		ck_assert_int_eq(a.kind, IPVS_ANSWER_SERVICE);
		ck_assert_uint_eq(a.seq, 5 + i);
		ck_assert_msg(same_service(&a.svc, want[i]) && a.svc.prefix == want[i]->prefix, "service %u", i);
		/* the 64-bit counters, not the ones that wrap */
		ck_assert_uint_eq(a.stats.conns, 0x100000001u);
		ck_assert_uint_eq(a.stats.in_packets, 0x100000002u);
		ck_assert_uint_eq(a.stats.out_packets, 0x100000003u);
		ck_assert_uint_eq(a.stats.in_bytes, 0x100000004u);
		ck_assert_uint_eq(a.stats.out_bytes, 0x100000005u);
		ck_assert_uint_eq(a.stats.cps, 0x100000006u);
		ck_assert_uint_eq(a.stats.in_pps, 0x100000007u);
		ck_assert_uint_eq(a.stats.out_pps, 0x100000008u);
		ck_assert_uint_eq(a.stats.in_bps, 0x100000009u);
		ck_assert_uint_eq(a.stats.out_bps, 0x10000000au);
	}
	ck_assert_int_eq(next(&w, &at, &a), 0);
	ck_assert_uint_eq(at, w.n);
}
END_TEST

START_TEST(a_destination_of_a_dump)
{
	struct wire w = { 0 };
	struct ipvs_dest d = dest_of("10.1.0.1:8080", 65535);
	d.method = IPVS_METHOD_TUN;
	d.tunnel = (struct ipvs_tunnel){ IPVS_TUNNEL_GUE, IPVS_TUNNEL_CSUM, 6080 };
	d.upper = 9;
	d.lower = 7;
	wire_dest(&w, 8, &d);
	size_t at = 0;
	struct ipvs_answer a;
	ck_assert_int_eq(next(&w, &at, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_DEST);
	ck_assert(same_dest(&a.dest, &d)); /* the twelve bytes behind an IPv4 address were rubbish */
	ck_assert_uint_eq(a.counts.active, 11);
	ck_assert_uint_eq(a.counts.inactive, 12);
	ck_assert_uint_eq(a.counts.persistent, 13);
	ck_assert_uint_eq(a.stats.out_bps, 0x20000000au);
}
END_TEST

START_TEST(an_old_kernel_leaves_out_what_it_does_not_know)
{
	struct wire w = { 0 };
	size_t msg = wire_begin_genl(&w, 1, 5), nest = wire_open(&w, 2);
	struct ipvs_dest d = dest_of("10.1.0.1:80", 3);
	d.method = IPVS_METHOD_TUN;
	wire_addr(&w, 1, &d.addr);
	wire_put_u16(&w, 2, htons(80));
	wire_put_u32(&w, 3, 2);
	wire_put_u32(&w, 4, 3);
	wire_put_u32(&w, 5, 0);
	wire_put_u32(&w, 6, 0);
	wire_close(&w, nest);
	wire_end(&w, msg);
	size_t at = 0;
	struct ipvs_answer a;
	ck_assert_int_eq(next(&w, &at, &a), 1);
	ck_assert(same_dest(&a.dest, &d));
	ck_assert_uint_eq(a.stats.conns, 0);
	at = 0; /* the family is then that of the service; without one it cannot be read */
	ck_assert_int_eq(ipvs_msg_next(w.b, w.n, &at, 0, &a), -EBADMSG);
}
END_TEST

static const struct {
	const char *what;
	uint32_t mask; /* host order */
	uint8_t prefix;
} masks[] = {
	{ "a host", 0xffffffff, 32 },
	{ "a network", 0xfffff000, 20 },
	{ "one bit", 0x80000000, 1 },
	{ "nothing: all clients are one", 0, 0 },
	{ "a hole: no prefix says that, so it must equal none that we want", 0xff00ff00, 0 },
	{ "low bits only, as from a netmask typed as a number", 24, 0 },
};

START_TEST(masks_of_persistence)
{
	for (size_t i = 0; i < COUNT(masks); i++) {
		struct wire w = { 0 };
		struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "wlc");
		struct ipvs_answer a;
		size_t at = 0;
		wire_service(&w, 1, &s, htonl(masks[i].mask));
		ck_assert_int_eq(next(&w, &at, &a), 1);
		ck_assert_msg(a.svc.prefix == masks[i].prefix, "%s: %u", masks[i].what, a.svc.prefix);
	}
	struct wire w = { 0 };
	struct ipvs_service s = svc_of("[2001:db8::1]:80/tcp", "wlc");
	struct ipvs_answer a;
	size_t at = 0;
	wire_service(&w, 1, &s, 129);
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
}
END_TEST

START_TEST(unknown_messages_and_attributes_are_skipped)
{
	struct wire w = { 0 };
	wire_end(&w, wire_begin(&w, NLMSG_NOOP, 1));
	wire_end(&w, wire_begin_genl(&w, 2, 99));
	size_t msg = wire_begin_genl(&w, 3, 1), nest = wire_open(&w, 1 | NLA_F_NESTED);
	wire_put(&w, 31, "new", 3);
	wire_put(&w, 32, "newer", 5);
	wire_put(&w, 0x3fff, "newest", 6);
	wire_put_u16(&w, 1 | NLA_F_NET_BYTEORDER, AF_INET);
	wire_put_u16(&w, 2, 6);
	struct ipvs_key key = key_of("203.0.113.1:80/tcp");
	wire_addr(&w, 3, &key.addr);
	wire_put_u16(&w, 4, htons(80));
	wire_put(&w, 6, "wlc", 4);
	wire_put(&w, 6, "rr", 2); /* again and without its NUL: the last of a type wins */
	uint32_t flags[3] = { 0, ~0u, 7 };
	wire_put(&w, 7, flags, sizeof(flags)); /* longer than we know */
	wire_put_u32(&w, 8, 0);
	wire_put_u32(&w, 9, mask4(32));
	wire_close(&w, nest);
	wire_put(&w, 40, "x", 1);
	wire_end(&w, msg);
	size_t at = 0;
	struct ipvs_answer a;
	ck_assert_int_eq(next(&w, &at, &a), 1);
	ck_assert_uint_eq(a.seq, 3);
	ck_assert_str_eq(a.svc.scheduler, "rr");
	char text[IPVS_KEY_STRLEN];
	ck_assert_str_eq(ipvs_key_str(&a.svc.key, text), "203.0.113.1:80/tcp");
	ck_assert_int_eq(next(&w, &at, &a), 0);
}
END_TEST

START_TEST(endings)
{
	struct wire w = { 0 };
	wire_status(&w, NLMSG_ERROR, 1, 0);
	wire_status(&w, NLMSG_ERROR, 2, -ESRCH);
	wire_status(&w, NLMSG_DONE, 3, 0);
	wire_status(&w, NLMSG_DONE, 4, -EINTR);
	wire_end(&w, wire_begin(&w, NLMSG_DONE, 5)); /* without a body */
	static const struct {
		enum ipvs_answer_kind kind;
		int err;
	} want[] = { { IPVS_ANSWER_STATUS, 0 }, { IPVS_ANSWER_STATUS, ESRCH }, { IPVS_ANSWER_DONE, 0 },
		{ IPVS_ANSWER_DONE, EINTR }, { IPVS_ANSWER_DONE, 0 } };
	size_t at = 0;
	struct ipvs_answer a;
	for (uint32_t i = 0; i < COUNT(want); i++) {
		ck_assert_int_eq(next(&w, &at, &a), 1);
		ck_assert_msg(a.kind == want[i].kind && a.err == want[i].err && a.seq == i + 1,
			"ending %u: kind %d errno %d", i, a.kind, a.err);
	}
	ck_assert_int_eq(next(&w, &at, &a), 0);
	static const int32_t bad[] = { 1, INT32_MAX, INT32_MIN, -4096 };
	for (size_t i = 0; i < COUNT(bad); i++) {
		w.n = at = 0;
		wire_status(&w, NLMSG_ERROR, 1, bad[i]);
		ck_assert_msg(next(&w, &at, &a) == -EBADMSG, "errno %d was taken", bad[i]);
	}
	w.n = at = 0;
	wire_end(&w, wire_begin(&w, NLMSG_ERROR, 5));
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
}
END_TEST

START_TEST(info)
{
	struct wire w = { 0 };
	size_t msg = wire_begin_genl(&w, 1, 14), at = 0;
	wire_put_u32(&w, 1, 0x010201);
	wire_put_u32(&w, 2, 1 << 20);
	wire_end(&w, msg);
	struct ipvs_answer a;
	ck_assert_int_eq(next(&w, &at, &a), 1);
	ck_assert_int_eq(a.kind, IPVS_ANSWER_INFO);
	ck_assert_uint_eq(a.version, 0x010201);
	ck_assert_uint_eq(a.table_size, 1 << 20);
	w.n = at = 0;
	msg = wire_begin_genl(&w, 1, 14);
	wire_put_u32(&w, 1, 0x010201);
	wire_end(&w, msg);
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
}
END_TEST

/* A service and a destination, each attribute by itself made one byte shorter. */
START_TEST(an_attribute_that_is_too_short_is_an_error)
{
	struct wire whole = { 0 };
	struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "wlc");
	struct ipvs_dest d = dest_of("[2001:db8::1]:80", 1);
	d.method = IPVS_METHOD_TUN;
	size_t starts[2], tried = 0;
	wire_service(&whole, 1, &s, mask4(32));
	starts[0] = 0;
	starts[1] = whole.n;
	wire_dest(&whole, 2, &d);
	for (int m = 0; m < 2; m++) {
		size_t begin = starts[m] + 24, end = m == 0 ? starts[1] : whole.n;
		for (size_t at = begin; at < end; at += (wire_u16(whole.b + at) + 3u) & ~3u) {
			uint16_t len = wire_u16(whole.b + at), type = wire_u16(whole.b + at + 2);
			if (type == 10 || type == 12 || (m == 0 && (type == 6 || type == 3)))
				continue; /* nests, a text of any length, and sixteen bytes of which IPv4 needs four */
			struct wire w = whole;
			struct ipvs_answer a;
			len--;
			memcpy(w.b + at, &len, 2);
			size_t from = starts[m];
			int r = ipvs_msg_next(w.b, w.n, &from, AF_INET, &a);
			ck_assert_msg(
				r == -EBADMSG, "attribute %u of message %d with %u bytes gave %d", type, m, len - 4, r);
			tried++;
		}
	}
	ck_assert_uint_eq(tried, 19);
}
END_TEST

START_TEST(a_missing_attribute_that_we_need_is_an_error)
{
	/* renumbered to one that nobody knows, each by itself; true = may be missing */
	static const bool service_may[WIRE_TYPES] = { [6] = true, [10] = true, [11] = true, [12] = true };
	static const bool dest_may[WIRE_TYPES] = { [7] = true,
		[8] = true,
		[9] = true,
		[10] = true,
		[12] = true,
		[13] = true,
		[14] = true,
		[15] = true,
		[11] = true };
	for (int m = 0; m < 2; m++) {
		struct wire whole = { 0 };
		struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "wlc");
		struct ipvs_dest d = dest_of("10.1.0.1:80", 1);
		d.method = IPVS_METHOD_TUN;
		if (m == 0)
			wire_service(&whole, 1, &s, mask4(32));
		else
			wire_dest(&whole, 1, &d);
		for (size_t at = 24; at < whole.n; at += (wire_u16(whole.b + at) + 3u) & ~3u) {
			uint16_t type = wire_u16(whole.b + at + 2), other = 30;
			struct wire w = whole;
			struct ipvs_answer a;
			memcpy(w.b + at + 2, &other, 2);
			size_t from = 0;
			int r = next(&w, &from, &a), want = (m == 0 ? service_may : dest_may)[type] ? 1 : -EBADMSG;
			ck_assert_msg(r == want, "message %d without attribute %u gave %d", m, type, r);
		}
	}
}
END_TEST

START_TEST(a_message_cut_anywhere_is_an_error_and_reads_nothing_behind_it)
{
	struct wire whole = { 0 };
	struct ipvs_service s = svc_of("fwmark:9/ipv4", "mh");
	struct ipvs_dest d = dest_of("10.1.0.1:80", 1);
	wire_service(&whole, 1, &s, mask4(32));
	size_t second = whole.n;
	wire_dest(&whole, 2, &d);
	for (size_t n = 0; n <= whole.n; n++) {
		struct wire w = whole;
		struct ipvs_answer a;
		w.n = n;
		size_t at = 0;
		int got = 0, r;
		while ((r = next(&w, &at, &a)) > 0)
			got++;
		int want = n == 0 || n == second || n == whole.n ? 0 : -EBADMSG;
		ck_assert_msg(r == want && got == (n >= second) + (n >= whole.n), "cut at %zu of %zu: %d after %d", n,
			whole.n, r, got);
	}
}
END_TEST

START_TEST(lengths_that_lie)
{
	struct wire whole = { 0 };
	struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "wlc");
	wire_service(&whole, 1, &s, mask4(32));
	static const uint16_t lies[] = { 0, 1, 3, 0x7fff, 0xffff };
	for (size_t at = 20; at + 4 <= whole.n; at += at == 20 ? 4 : (wire_u16(whole.b + at) + 3u) & ~3u)
		for (size_t i = 0; i < COUNT(lies); i++) {
			struct wire w = whole;
			struct ipvs_answer a;
			memcpy(w.b + at, &lies[i], 2);
			size_t from = 0;
			ck_assert_msg(next(&w, &from, &a) == -EBADMSG, "the attribute at %zu says it has %u bytes", at,
				lies[i]);
		}
	static const uint32_t long_lies[] = { 0, 1, 15, 0x7fffffff, 0xffffffff };
	for (size_t i = 0; i < COUNT(long_lies); i++) {
		struct wire w = whole;
		struct ipvs_answer a;
		memcpy(w.b, &long_lies[i], 4);
		size_t from = 0;
		ck_assert_msg(next(&w, &from, &a) == -EBADMSG, "the message says it has %u bytes", long_lies[i]);
	}
	/* one byte more than its nest has: the inner length must not reach out of the outer one */
	struct wire w = whole;
	struct ipvs_answer a;
	size_t last = 24, from = 0;
	for (size_t at = 24; at < w.n; at += (wire_u16(w.b + at) + 3u) & ~3u)
		last = at;
	uint16_t len = (uint16_t)(wire_u16(w.b + last) + 1);
	memcpy(w.b + last, &len, 2);
	wire_status(&w, NLMSG_DONE, 1, 0);
	ck_assert_int_eq(next(&w, &from, &a), -EBADMSG);
}
END_TEST

START_TEST(numbers_that_cannot_be)
{
	struct wire w = { 0 };
	struct ipvs_answer a;
	size_t at = 0;
	struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "wlc");
	s.key.addr.family = AF_UNIX;
	wire_service(&w, 1, &s, 0);
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
	s = svc_of("fwmark:1/ipv4", "wlc");
	s.key.addr.family = AF_UNIX;
	w.n = at = 0;
	wire_service(&w, 1, &s, 0);
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
	/* names that do not fit */
	static const char name[] = "abcdefghijklmnop";
	for (size_t n = 15; n <= 17; n++) {
		w.n = at = 0;
		s = svc_of("203.0.113.1:80/tcp", "wlc");
		wire_service(&w, 1, &s, mask4(32));
		size_t nest = 20, msg = 0;
		wire_put(&w, 6, name, n);
		wire_close(&w, nest);
		wire_end(&w, msg);
		int r = next(&w, &at, &a);
		ck_assert_msg(r == (n == 15 ? 1 : -EBADMSG), "a name of %zu bytes gave %d", n, r);
	}
	/* a message that is long enough for its header and no more */
	w.n = at = 0;
	wire_end(&w, wire_begin(&w, FAMILY, 1));
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
	w.n = at = 0;
	wire_end(&w, wire_begin_genl(&w, 1, 1));
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
}
END_TEST

START_TEST(on_an_error_the_answer_is_left_alone)
{
	struct wire w = { 0 };
	struct ipvs_answer a, before;
	memset(&before, 0x5a, sizeof(before));
	a = before;
	size_t at = 0, msg = wire_begin_genl(&w, 1, 1);
	wire_end(&w, msg);
	ck_assert_int_eq(next(&w, &at, &a), -EBADMSG);
	ck_assert_mem_eq(&a, &before, sizeof(a));
}
END_TEST

START_TEST(what_the_kernel_echoes_is_what_was_sent)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct rng r = { seed };
		struct ipvs_row row = random_row(&r, random_keys[rnd(&r, COUNT(random_keys))]);
		struct ipvs_batch b = batch(sizeof(buf));
		struct ipvs_op op = { .type = IPVS_OP_SERVICE_ADD, .svc = row.svc };
		ck_assert_int_eq(ipvs_msg_op(&b, 1, &op), 0);
		for (size_t i = 0; i < row.dests.n; i++) {
			op = (struct ipvs_op){ .type = IPVS_OP_DEST_ADD, .svc = row.svc, .dest = row.dests.v[i] };
			ck_assert_int_eq(ipvs_msg_op(&b, (uint32_t)i + 2, &op), 0);
		}
		struct wire w = { 0 };
		for (size_t at = 0; at < b.len;) {
			struct wire_request q = wire_read(buf, b.len, &at);
			struct ipvs_service s;
			struct ipvs_dest d;
			uint32_t mask = 0;
			wire_keep_service(&q.svc, &s, &mask);
			if (q.has_dest) {
				wire_keep_dest(&q.dest, &d);
				wire_dest(&w, q.seq, &d);
			} else {
				wire_service(&w, q.seq, &s, mask);
			}
		}
		struct ipvs_row got = { 0 };
		struct ipvs_answer a;
		size_t at = 0;
		while (next(&w, &at, &a) > 0)
			if (a.kind == IPVS_ANSWER_SERVICE)
				got.svc = a.svc;
			else
				row_add(&got, a.dest);
		ck_assert_msg(at == w.n && same_row(&got, &row), "seed %u: it came back as another row", seed);
		ipvs_row_done(&got);
		ipvs_row_done(&row);
	}
}
END_TEST

START_TEST(any_bytes_end)
{
	struct wire whole = { 0 };
	struct ipvs_service s = svc_of("203.0.113.1:80/tcp", "wlc");
	struct ipvs_dest d = dest_of("10.1.0.1:80", 1);
	wire_service(&whole, 1, &s, mask4(32));
	wire_dest(&whole, 2, &d);
	wire_status(&whole, NLMSG_DONE, 2, 0);
	for (unsigned seed = 1; seed <= 4000; seed++) {
		struct rng r = { seed };
		struct wire w = whole;
		for (uint32_t k = 1 + rnd(&r, 4); k > 0; k--)
			w.b[rnd(&r, (uint32_t)w.n)] = (uint8_t)rnd(&r, 256);
		w.n -= rnd(&r, 3) ? 0 : rnd(&r, (uint32_t)w.n);
		struct ipvs_answer a;
		size_t at = 0, before = 0;
		while (next(&w, &at, &a) > 0) {
			ck_assert_msg(
				at > before && at <= w.n, "seed %u: from %zu to %zu of %zu", seed, before, at, w.n);
			ck_assert_msg(strnlen(a.svc.scheduler, IPVS_NAME_MAX) < IPVS_NAME_MAX,
				"seed %u: a name without an end", seed);
			before = at;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { requests_say_what_the_kernel_wants_to_hear, one_request_byte_by_byte,
		requests_that_read, a_batch_asks_for_one_acknowledgement, a_full_buffer_refuses_and_keeps_what_it_has,
		a_service_of_a_dump, a_destination_of_a_dump, an_old_kernel_leaves_out_what_it_does_not_know,
		masks_of_persistence, unknown_messages_and_attributes_are_skipped, endings, info,
		an_attribute_that_is_too_short_is_an_error, a_missing_attribute_that_we_need_is_an_error,
		a_message_cut_anywhere_is_an_error_and_reads_nothing_behind_it, lengths_that_lie,
		numbers_that_cannot_be, on_an_error_the_answer_is_left_alone, what_the_kernel_echoes_is_what_was_sent,
		any_bytes_end };
	return run_suite("ipvs_msg", tests, COUNT(tests));
}
