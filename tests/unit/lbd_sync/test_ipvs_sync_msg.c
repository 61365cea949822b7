/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's datagrams: golden ones that a 6.1 kernel sent and took, byte for byte in both ways; every rule of its
 * receiver; and what is written is read. */
#include "lbd/sync/ipvs_sync_msg.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>
#include <stdio.h>

#define SEEDS 3000
#define MANY  64

struct taken {
	size_t n;
	struct flow v[MANY];
};

static void take(const struct flow *f, void *arg)
{
	struct taken *t = arg;
	ck_assert_uint_lt(t->n, MANY);
	t->v[t->n++] = *f;
}

static int read_exact(const uint8_t *bytes, size_t n, int sync_id, struct taken *t, unsigned *skipped)
{
	uint8_t *p = exact(bytes, n);
	t->n = 0;
	*skipped = 99;
	int rc = ipvs_sync_read(p, n, sync_id, take, t, skipped);
	ck_assert_uint_ne(*skipped, 99);
	ck_assert_msg(rc < 0 || (size_t)rc == t->n, "%d, but %zu were given", rc, t->n);
	free(p);
	return rc;
}

/* ---- golden ---- */

static struct flow nat(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.2:49024", "10.0.0.100:8080", "172.16.0.12:8080");
	f.state = 1;
	f.timeout_s = 900;
	return f;
}

static struct flow dr(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.7:40002", "10.0.0.100:8081", "172.16.0.11:8081");
	f.flags = 3 | FLOW_NOOUTPUT;
	f.state = 1;
	f.timeout_s = 900;
	return f;
}

static struct flow tun(void)
{
	struct flow f = dr();
	f.flags = 2 | FLOW_NOOUTPUT;
	return f;
}

static struct flow template(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.2:0", "10.0.0.100:8080", "172.16.0.12:8080");
	f.key.template = true;
	f.flags = FLOW_TEMPLATE | FLOW_INACTIVE;
	f.state = 1;
	f.timeout_s = 120;
	return f;
}

static struct flow udp(void)
{
	struct flow f = flow_of(IPPROTO_UDP, "10.0.0.7:40004", "10.0.0.100:5353", "172.16.0.11:5353");
	f.timeout_s = 300;
	return f;
}

static struct flow six(void)
{
	struct flow f = flow_of(IPPROTO_TCP, "[2001:db8::1]:40001", "[2001:db8::100]:8080", "[2001:db8:1::11]:8080");
	f.state = 1;
	f.timeout_s = 900;
	return f;
}

static struct flow end(void)
{
	struct flow f = nat();
	f.key.client_port = 48336;
	f.flags = FLOW_INACTIVE;
	f.state = 6;
	f.timeout_s = 1;
	return f;
}

static struct flow ftp(void)
{
	struct flow f = nat();
	f.flags = FLOW_SEQ_OUT | FLOW_SEQ_IN;
	f.has_seq = true;
	f.seq_in = (struct flow_seq){ 0x01020304, 5, 0xfffffffe };
	f.seq_out = (struct flow_seq){ 0xa1a2a3a4, 0, 7 };
	return f;
}

static struct flow sip(void)
{
	struct flow f = template();
	f.key.protocol = IPPROTO_UDP;
	f.fwmark = 7;
	f.pe_name_n = 3;
	memcpy(f.pe_name, "sip", 3);
	f.pe_data_n = 5;
	memcpy(f.pe_data, "a@b.c", 5);
	return f;
}

/* The first seven of a kernel; options by hand, after struct ip_vs_sync_conn_options and its comment. */
static const struct {
	const char *what;
	uint8_t sync_id;
	struct flow (*flow)(void);
	const char *bytes;
} golden[] = {
	{ "NAT", 77, nat, "004d002c01010000 00060024000000000001bf801f901f9000000000000003840a0000020a000064ac10000c" },
	{ "DR", 77, dr, "004d002c01010000 000600240000008300019c421f911f9100000000000003840a0000070a000064ac10000b" },
	{ "TUN", 77, tun, "004d002c01010000 000600240000008200019c421f911f9100000000000003840a0000070a000064ac10000b" },
	{ "a persistence template", 77, template,
		"004d002c01010000 0006002400001100000100001f901f9000000000000000780a0000020a000064ac10000c" },
	{ "UDP", 77, udp, "004d002c01010000 001100240000000000009c4414e914e9000000000000012c0a0000070a000064ac10000b" },
	{ "IPv6", 77, six,
		"004d005001010000 010600480000000000019c411f901f90000000000000038420010db8000000000000000000000001"
		"20010db8000000000000000000000100 20010db8000100000000000000000011" },
	{ "the end of a connection", 9, end,
		"0009002c01010000 00060024000001000006bcd01f901f9000000000000000010a0000020a000064ac10000c" },
	{ "sequence numbers: their record is not filled up when it is the last", 0, ftp,
		"0000004601010000 0006003e000006000001bf801f901f9000000000000003840a0000020a000064ac10000c"
		"0118 0102030400000005fffffffe a1a2a3a40000000000000007" },
	{ "data of an engine, and its name", 255, sip,
		"00ff003801010000 0011003000001100000100001f901f9000000007000000780a0000020a000064ac10000c"
		"0205 6140622e63 0303 736970" },
};

START_TEST(is_read)
{
	uint8_t bytes[IPVS_SYNC_PAYLOAD_MAX];
	struct taken t;
	unsigned skipped;
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes));
	struct flow want = golden[_i].flow();
	for (int id = -1; id <= 255; id++) {
		int fits = id == -1 || id == golden[_i].sync_id;
		int rc = read_exact(bytes, n, id, &t, &skipped);
		ck_assert_msg(
			rc == fits && skipped == 0, "%s: %d, %u skipped, id %d", golden[_i].what, rc, skipped, id);
		ck_assert_msg(!fits || flow_same(&t.v[0], &want), "%s", golden[_i].what);
	}
}
END_TEST

START_TEST(is_written)
{
	uint8_t want[IPVS_SYNC_PAYLOAD_MAX];
	struct ipvs_sync_writer w;
	size_t n = hex(golden[_i].bytes, want, sizeof(want));
	struct flow f = golden[_i].flow();
	memset(&w, 0xff, sizeof(w));
	ipvs_sync_begin(&w, golden[_i].sync_id);
	ck_assert_int_eq(ipvs_sync_add(&w, &f), 0);
	ipvs_sync_end(&w);
	ck_assert_msg(w.n == n && memcmp(w.bytes, want, n) == 0, "%s: %zu bytes", golden[_i].what, w.n);
}
END_TEST

START_TEST(is_cut_at_every_byte)
{
	uint8_t bytes[IPVS_SYNC_PAYLOAD_MAX];
	struct taken t;
	unsigned skipped;
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes));
	for (size_t cut = 0; cut < n; cut++) {
		/* as it was sent, and as if the sender had meant it */
		for (int meant = 0; meant < 2; meant++) {
			bytes[3] = (uint8_t)(meant ? cut : n);
			int rc = read_exact(bytes, cut, -1, &t, &skipped);
			ck_assert_msg(rc == -EBADMSG && t.n == 0, "%s: cut at %zu: %d", golden[_i].what, cut, rc);
		}
	}
	bytes[3] = (uint8_t)n;
	ck_assert_int_eq(read_exact(bytes, n + 1, -1, &t, &skipped), -EBADMSG);
}
END_TEST

/* Several in one datagram: fillings between them, none behind the last. */
START_TEST(one_behind_the_other)
{
	static const char want[] =
		"000000d405010000 "
		"0006003e000006000001bf801f901f9000000000000003840a0000020a000064ac10000c"
		"0118 0102030400000005fffffffe a1a2a3a40000000000000007 0000"
		"0006002400001100000100001f901f9000000000000000780a0000020a000064ac10000c"
		"0011003000001100000100001f901f9000000007000000780a0000020a000064ac10000c 0205 6140622e63 0303 736970"
		"001100240000000000009c4414e914e9000000000000012c0a0000070a000064ac10000b";
	struct flow flows[] = { ftp(), template(), sip(), udp() };
	uint8_t bytes[IPVS_SYNC_PAYLOAD_MAX];
	struct ipvs_sync_writer w;
	struct taken t;
	unsigned skipped;
	size_t n = hex(want, bytes, sizeof(bytes));
	bytes[3] = (uint8_t)n;
	bytes[4] = LEN(flows);
	ipvs_sync_begin(&w, 0);
	for (size_t i = 0; i < LEN(flows); i++)
		ck_assert_int_eq(ipvs_sync_add(&w, &flows[i]), 0);
	ipvs_sync_end(&w);
	ck_assert_uint_eq(w.n, n);
	ck_assert_mem_eq(w.bytes, bytes, n);
	ck_assert_int_eq(read_exact(bytes, n, 0, &t, &skipped), LEN(flows));
	for (size_t i = 0; i < LEN(flows); i++)
		ck_assert_msg(flow_same(&t.v[i], &flows[i]), "record %zu", i);
}
END_TEST

/* ---- the rules for a record: it stands between two good ones ---- */

#define SEQ  "0118 000000010000000200000003 000000040000000500000006"
#define DATA "0203 616263"
#define NAME "0303 736970"

static const struct {
	const char *what;
	bool v6;
	const char *options;
	size_t at;
	const char *put; /* there */
	int rc;          /* of 3 */
	unsigned skipped;
} rules[] = {
	{ "as it is", false, "", 0, "", 3, 0 },
	{ "IPv6 as it is", true, "", 0, "", 3, 0 },
	{ "a type that is none", false, "", 0, "02", -EBADMSG, 0 },
	{ "a type above, and IPv6: the kernel looks at one bit", true, "", 0, "ff", 3, 0 },
	{ "IPv6, and too short for it", false, "", 0, "01", -EBADMSG, 0 },
	{ "IPv4, and the rest is no option", true, "", 0, "00", -EBADMSG, 0 },
	{ "UDP", false, "", 1, "11", 2, 1 },
	{ "UDP in its state", false, "", 1, "11 0024 00000000 0000", 3, 0 },
	{ "SCTP", false, "", 1, "84", 3, 0 },
	{ "ESP", false, "", 1, "32", 2, 1 },
	{ "no protocol", false, "", 1, "00", 2, 1 },
	{ "no protocol, a template", false, "", 1, "00 0024 00001000", 3, 0 },
	{ "any protocol and state, a template", false, "", 1, "fd 0024 00001000 ffff", 3, 0 },
	{ "the last state of TCP", false, "", 8, "000a", 3, 0 },
	{ "one behind it", false, "", 8, "000b", 2, 1 },
	{ "far behind it", false, "", 8, "0100", 2, 1 },
	{ "the last state of SCTP", false, "", 1, "84 0024 00000000 000d", 3, 0 },
	{ "one behind it", false, "", 1, "84 0024 00000000 000e", 2, 1 },
	{ "the version of a record", false, "", 2, "10", -EBADMSG, 0 },
	{ "its highest bit", false, "", 2, "80", -EBADMSG, 0 },
	{ "a size of nothing", false, "", 2, "0000", -EBADMSG, 0 },
	{ "a byte less than there must be", false, "", 2, "0023", -EBADMSG, 0 },
	{ "IPv6: a byte less", true, "", 2, "0047", -EBADMSG, 0 },
	{ "the longest size", false, "", 2, "0fff", -EBADMSG, 0 },
	{ "flags that are not kept", false, "", 4, "ffffe060", 3, 0 },
	{ "sequence numbers", false, SEQ, 0, "", 3, 0 },
	{ "sequence numbers, IPv6", true, SEQ, 0, "", 3, 0 },
	{ "they may be skipped, and are not", false, SEQ, 36, "41", 3, 0 },
	{ "one byte more", false, SEQ "00", 37, "19", -EBADMSG, 0 },
	{ "one byte less", false, "0117 000000010000000200000003 0000000400000005000000", 0, "", -EBADMSG, 0 },
	{ "twice", false, SEQ SEQ, 0, "", -EBADMSG, 0 },
	{ "twice, once skippable", false, SEQ SEQ, 62, "41", -EBADMSG, 0 },
	{ "data and name", false, DATA NAME, 0, "", 3, 0 },
	{ "name and data", false, NAME DATA, 0, "", 3, 0 },
	{ "all of them", true, NAME SEQ DATA, 0, "", 3, 0 },
	{ "data without a name", false, DATA, 0, "", 2, 1 },
	{ "a name without data", false, NAME, 0, "", 3, 0 },
	{ "data twice", false, DATA DATA NAME, 0, "", -EBADMSG, 0 },
	{ "a name twice", false, DATA NAME NAME, 0, "", -EBADMSG, 0 },
	{ "data of no bytes", false, "0200" NAME, 0, "", -EBADMSG, 0 },
	{ "16 letters", false, DATA "0310 30313233343536373839616263646566", 0, "", 3, 0 },
	{ "17 letters", false, DATA "0311 3031323334353637383961626364656667", 0, "", -EBADMSG, 0 },
	{ "an option nobody knows", false, "0401 00", 0, "", 2, 1 },
	{ "what stands behind it is not looked at", false, "0401 00 0200", 0, "", 2, 1 },
	{ "what stands before it is", false, "0200 0401 00", 0, "", -EBADMSG, 0 },
	{ "option 0", false, "0001 00", 0, "", 2, 1 },
	{ "its other high bit does not make it skippable", false, "8401 00", 0, "", 2, 1 },
	{ "nor makes it another one", false, "8103 000000", 0, "", 2, 1 },
	{ "a skippable one", false, "4401 00", 0, "", 3, 0 },
	{ "the same twice", false, "4401 00 4402 0000", 0, "", 3, 0 },
	{ "a skippable one with nothing in it", false, "4400", 0, "", -EBADMSG, 0 },
	{ "half an option", false, "02", 0, "", -EBADMSG, 0 },
	{ "an option that ends too late", false, "0204 616263", 0, "", -EBADMSG, 0 },
	{ "and that would be skipped", false, "4402 00", 0, "", -EBADMSG, 0 },
};

/* The record of a golden datagram, behind what is there. Returns the length of all. */
static size_t append(uint8_t *bytes, size_t at, const char *datagram)
{
	uint8_t one[128];
	size_t n = hex(datagram, one, sizeof(one));
	memcpy(bytes + at, one + 8, n - 8);
	return at + n - 8;
}

/* Returns the length. */
static size_t three(uint8_t bytes[IPVS_SYNC_PAYLOAD_MAX], size_t i)
{
	uint8_t put[64];
	size_t begin = hex(golden[0].bytes, bytes, IPVS_SYNC_PAYLOAD_MAX);
	size_t n = append(bytes, begin, golden[rules[i].v6 ? 5 : 0].bytes);
	n += hex(rules[i].options, bytes + n, IPVS_SYNC_PAYLOAD_MAX - n);
	bytes[begin + 3] = (uint8_t)(n - begin);
	memcpy(bytes + begin + rules[i].at, put, hex(rules[i].put, put, sizeof(put)));
	while (n % 4)
		bytes[n++] = 0xee; /* nobody looks at it */
	n = append(bytes, n, golden[4].bytes);
	bytes[2] = (uint8_t)(n >> 8);
	bytes[3] = (uint8_t)n;
	bytes[4] = 3;
	return n;
}

START_TEST(a_record_has_rules)
{
	uint8_t bytes[IPVS_SYNC_PAYLOAD_MAX];
	struct taken t;
	unsigned skipped;
	size_t n = three(bytes, (size_t)_i);
	int rc = read_exact(bytes, n, -1, &t, &skipped);
	ck_assert_msg(
		rc == rules[_i].rc && skipped == rules[_i].skipped, "%s: %d, %u skipped", rules[_i].what, rc, skipped);
	struct flow first = nat(), last = udp();
	ck_assert_msg(t.n >= 1 && flow_same(&t.v[0], &first), "%s: the one before it", rules[_i].what);
	if (rc < 0)
		ck_assert_msg(t.n == 1, "%s: went on", rules[_i].what);
	else
		ck_assert_msg(flow_same(&t.v[t.n - 1], &last), "%s: the one behind it", rules[_i].what);
	for (size_t i = 0; i < t.n; i++)
		ck_assert_msg(flow_is_valid(&t.v[i]), "%s: %zu is not valid", rules[_i].what, i);
}
END_TEST

START_TEST(what_options_mean)
{
	static const struct {
		const char *options;
		bool seq;
		uint8_t name_n, data_n;
	} rows[] = { { SEQ, true, 0, 0 }, { NAME, false, 0, 0 }, { NAME DATA, false, 3, 3 },
		{ "4401 ff" NAME SEQ "7f02 ffff" DATA, true, 3, 3 } };
	for (size_t i = 0; i < LEN(rows); i++) {
		uint8_t bytes[256];
		struct taken t;
		unsigned skipped;
		size_t n = hex(golden[0].bytes, bytes, sizeof(bytes));
		n += hex(rows[i].options, bytes + n, sizeof(bytes) - n);
		bytes[3] = (uint8_t)n;
		bytes[11] = (uint8_t)(n - 8);
		ck_assert_int_eq(read_exact(bytes, n, -1, &t, &skipped), 1);
		struct flow want = nat();
		want.has_seq = rows[i].seq;
		if (rows[i].seq) {
			want.seq_in = (struct flow_seq){ 1, 2, 3 };
			want.seq_out = (struct flow_seq){ 4, 5, 6 };
		}
		want.pe_name_n = rows[i].name_n;
		want.pe_data_n = rows[i].data_n;
		memcpy(want.pe_name, "sip", rows[i].name_n);
		memcpy(want.pe_data, "abc", rows[i].data_n);
		ck_assert_msg(flow_same(&t.v[0], &want), "%s", rows[i].options);
	}
}
END_TEST

/* ---- the header ---- */

static const struct {
	const char *what;
	size_t at;
	const char *put;
	size_t more; /* bytes behind it */
	int rc;
	size_t given;
} heads[] = {
	{ "as it is", 0, "", 0, 1, 1 },
	{ "an old one", 0, "01", 0, -EPROTONOSUPPORT, 0 },
	{ "an old version", 5, "00", 0, -EPROTONOSUPPORT, 0 },
	{ "a new version", 5, "02", 0, -EPROTONOSUPPORT, 0 },
	{ "a version below nothing", 5, "ff", 0, -EPROTONOSUPPORT, 0 },
	{ "what must be zero", 6, "0100", 0, -EPROTONOSUPPORT, 0 },
	{ "its low byte", 6, "0001", 0, -EPROTONOSUPPORT, 0 },
	{ "no record is said to be there", 4, "00", 0, 0, 0 },
	{ "one more is", 4, "02", 0, -EBADMSG, 1 },
	{ "and there is nearly one", 4, "02", 35, -EBADMSG, 1 },
	{ "255 are", 4, "ff", 0, -EBADMSG, 1 },
	{ "bytes behind the last", 0, "", 3, 1, 1 },
	{ "many of them", 0, "", 100, 1, 1 },
	{ "another id is no error, whatever else is wrong", 0, "01 4c", 0, 0, 0 },
};

START_TEST(the_header_has_rules)
{
	uint8_t bytes[256] = { 0 }, put[8];
	struct taken t;
	unsigned skipped;
	size_t n = hex(golden[0].bytes, bytes, sizeof(bytes)) + heads[_i].more;
	bytes[3] = (uint8_t)n;
	memcpy(bytes + heads[_i].at, put, hex(heads[_i].put, put, sizeof(put)));
	int rc = read_exact(bytes, n, 77, &t, &skipped);
	ck_assert_msg(
		rc == heads[_i].rc && t.n == heads[_i].given && skipped == 0, "%s: %d, %zu", heads[_i].what, rc, t.n);
	for (unsigned wrong = 0; wrong < 65536; wrong += wrong < 256 ? 1 : 251) {
		bytes[2] = (uint8_t)(wrong >> 8);
		bytes[3] = (uint8_t)wrong;
		rc = read_exact(bytes, n, 77, &t, &skipped);
		ck_assert_msg((rc == -EBADMSG && t.n == 0) || wrong == n, "%s: size %u", heads[_i].what, wrong);
	}
}
END_TEST

/* ---- writing ---- */

START_TEST(how_many_fit)
{
	static const struct {
		struct flow (*flow)(void);
		unsigned want;
	} rows[] = { { nat, 40 }, { six, 20 } };
	for (size_t i = 0; i < LEN(rows); i++) {
		struct ipvs_sync_writer w;
		struct taken t;
		unsigned skipped, n = 0;
		struct flow f = rows[i].flow();
		ipvs_sync_begin(&w, 1);
		while (ipvs_sync_add(&w, &f) == 0)
			n++;
		ck_assert_uint_eq(n, rows[i].want);
		ck_assert_uint_eq(w.n, IPVS_SYNC_PAYLOAD_MAX);
		ck_assert_int_eq(ipvs_sync_add(&w, &f), -ENOSPC);
		ipvs_sync_end(&w);
		ck_assert_uint_eq(w.n, IPVS_SYNC_PAYLOAD_MAX);
		ck_assert_int_eq(read_exact(w.bytes, w.n, 1, &t, &skipped), (int)n);
	}
}
END_TEST

START_TEST(what_is_not_written)
{
	struct ipvs_sync_writer w;
	struct flow good = nat(), bad = nat(), big = sip();
	ipvs_sync_begin(&w, 1);
	bad.state = 11;
	ck_assert_int_eq(ipvs_sync_add(&w, &bad), -EINVAL);
	ipvs_sync_end(&w);
	ck_assert_uint_eq(w.n, 0);
	ipvs_sync_begin(&w, 1);
	ck_assert_int_eq(ipvs_sync_add(&w, &good), 0);
	struct ipvs_sync_writer before = w;
	ck_assert_int_eq(ipvs_sync_add(&w, &bad), -EINVAL);
	ck_assert_mem_eq(&w, &before, sizeof(w));
	while (ipvs_sync_add(&w, &good) == 0)
		;
	w.n -= 36; /* the last one did not come */
	w.count--;
	before = w;
	ck_assert_int_eq(ipvs_sync_add(&w, &big), -ENOSPC);
	ck_assert_mem_eq(&w, &before, sizeof(w));
	ck_assert_int_eq(ipvs_sync_add(&w, &good), 0); /* a smaller one still fits */
}
END_TEST

START_TEST(what_is_written_is_read)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		uint64_t s = seed * 1000003;
		struct flow want[MANY];
		struct ipvs_sync_writer w, again;
		struct taken t;
		unsigned skipped;
		size_t n = 0, most = 1 + random_of(&s) % 41;
		uint8_t id = (uint8_t)random_of(&s);
		ipvs_sync_begin(&w, id);
		for (int rc = 0; rc == 0 && n < most; n += rc == 0) {
			want[n] = random_flow(&s);
			rc = ipvs_sync_add(&w, &want[n]);
			ck_assert_msg(rc == 0 || (rc == -ENOSPC && n > 0), "seed %llu", (unsigned long long)seed);
		}
		ipvs_sync_end(&w);
		ck_assert_msg(read_exact(w.bytes, w.n, id, &t, &skipped) == (int)n && skipped == 0, "seed %llu",
			(unsigned long long)seed);
		ipvs_sync_begin(&again, id);
		for (size_t i = 0; i < n; i++) {
			ck_assert_msg(flow_same(&t.v[i], &want[i]), "seed %llu, %zu", (unsigned long long)seed, i);
			ck_assert_int_eq(ipvs_sync_add(&again, &t.v[i]), 0);
		}
		ipvs_sync_end(&again);
		ck_assert_msg(again.n == w.n && memcmp(again.bytes, w.bytes, w.n) == 0,
			"seed %llu: written differently", (unsigned long long)seed);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ipvs_sync_msg");
	TCase *t = tcase_create("datagrams");
	tcase_add_loop_test(t, is_read, 0, LEN(golden));
	tcase_add_loop_test(t, is_written, 0, LEN(golden));
	tcase_add_loop_test(t, is_cut_at_every_byte, 0, LEN(golden));
	tcase_add_test(t, one_behind_the_other);
	tcase_add_loop_test(t, a_record_has_rules, 0, LEN(rules));
	tcase_add_test(t, what_options_mean);
	tcase_add_loop_test(t, the_header_has_rules, 0, LEN(heads));
	tcase_add_test(t, how_many_fit);
	tcase_add_test(t, what_is_not_written);
	tcase_add_test(t, what_is_written_is_read);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
