/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signed adverts: the two vectors of the format, every bit of them, and what two nodes say to each other while keys are
 * changed, clocks are set and packets come twice. */
#include "lbd/vrrp/vrrp_auth.h"
#include "tests/unit/lbd_vrrp/frames.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#define KEY1 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY2 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define S    INT64_C(1000000)
#define HOUR (3600 * S)
#define T0   (INT64_C(0x68000000) * S + S / 2) /* the clock of the vectors */

static struct vrrp_auth auth_of(enum vrrp_auth_mode mode, const char *keys)
{
	struct vrrp_auth a = { .mode = mode, .window_ms = 5000 };
	struct lb_err e;
	ck_assert_msg(vrrp_auth_keys(&a, keys, strlen(keys), &e) == 0, "%s", keys);
	return a;
}

/* ---- the vectors ---- */

static const struct {
	const char *what, *from, *to, *vip, *bytes;
	size_t len;
} vectors[] = {
	{ "IPv4", "198.51.100.10", "224.0.0.18", "192.0.2.100",
		"3133c80100644402c0000264 010100006800000080000000 1b84bc4e8e43892dc6d98448f8ee2265", 12 },
	{ "IPv6", "fe80::10", "fe80::20", "fe80::100",
		"3133c8010064a2e9fe800000000000000000000000000100 010100006800000080000000 "
		"c8c56146ebfd66ee10ec4d8186461b78",
		24 },
};

struct vector {
	struct lb_ip vip, peer;
	struct vrrp_wire w;
	struct vrrp_datagram d;
	struct vrrp_advert a; /* as it was read */
	uint8_t bytes[64];
};

static void take_vector(int i, struct vector *v)
{
	v->vip = ip(vectors[i].vip);
	v->peer = ip(vectors[i].from);
	v->w = (struct vrrp_wire){ .family = v->vip.family,
		.version = 3,
		.vrid = 51,
		.sum = VRRP_SUM_RFC9568,
		.interval_cs = 100,
		.addrs = &v->vip,
		.n_addrs = 1,
		.peers = &v->peer,
		.min_ttl = 255 };
	v->w.n_peers = v->vip.family == AF_INET6;
	v->d = (struct vrrp_datagram){ v->peer, ip(vectors[i].to), 255, v->bytes,
		hex(vectors[i].bytes, v->bytes, sizeof(v->bytes)) };
	enum vrrp_discard why = vrrp_pkt_read(&v->w, &v->d, true, &v->a);
	ck_assert_msg(why == VRRP_DISCARD_NONE, "%s: %s", vectors[i].what, vrrp_discards[why].name);
	ck_assert_uint_eq(v->a.trailer, vectors[i].len);
}

START_TEST(is_signed_as_others_sign)
{
	struct vector v;
	struct vrrp_auth a = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1);
	uint8_t room[VRRP_PKT_MAX];
	take_vector(_i, &v);
	memset(room, 0xee, sizeof(room));
	v.w.source = v.peer;
	size_t n = vrrp_pkt_write(&v.w, 200, &v.d.to, room);
	n = vrrp_auth_sign(&a, &v.peer, T0, room, n);
	if (v.w.family == AF_INET6)
		vrrp_pkt_sum6(&v.peer, &v.d.to, room, n);
	ck_assert_uint_eq(n, v.d.len);
	for (size_t i = 0; i < sizeof(room); i++)
		ck_assert_msg(
			room[i] == (i < n ? v.bytes[i] : 0xee), "%s: byte %zu is %02x", vectors[_i].what, i, room[i]);
	ck_assert_uint_eq(a.sent, UINT64_C(0x6800000080000000));
}
END_TEST

START_TEST(is_believed_once)
{
	struct vector v;
	struct vrrp_auth a = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1);
	take_vector(_i, &v);
	ck_assert_int_eq(vrrp_auth_verify(&a, &v.d, &v.a, T0), VRRP_DISCARD_NONE);
	struct vrrp_auth before = a;
	ck_assert_int_eq(vrrp_auth_verify(&a, &v.d, &v.a, T0 + S), VRRP_DISCARD_REPLAY);
	ck_assert_mem_eq(&a, &before, sizeof(a));
}
END_TEST

/* All but the checksum is signed, and nothing that was forged moves a mark. */
START_TEST(each_bit_is_signed)
{
	struct vector v;
	const struct vrrp_auth fresh = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1);
	take_vector(_i, &v);
	for (size_t bit = 0; bit < v.d.len * 8; bit++) {
		struct vrrp_auth a = fresh;
		struct vrrp_advert out;
		bool sum = bit / 8 == 6 || bit / 8 == 7;
		v.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		enum vrrp_discard why = vrrp_auth_verify(&a, &v.d, &v.a, T0);
		ck_assert_msg(why == (sum ? VRRP_DISCARD_NONE : VRRP_DISCARD_AUTH), "%s: bit %zu: %s", vectors[_i].what,
			bit, vrrp_discards[why].name);
		ck_assert(sum || memcmp(&a, &fresh, sizeof(a)) == 0);
		if (sum)
			ck_assert_int_eq(vrrp_pkt_read(&v.w, &v.d, true, &out), VRRP_DISCARD_CHECKSUM);
		v.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

/* Trailers of another make, signed as well as ours: the first four bytes mean something. */
START_TEST(what_is_signed_must_be_ours)
{
	static const uint8_t makes[][4] = { { 1, 1, 0, 0 }, { 0, 1, 0, 0 }, { 2, 1, 0, 0 }, { 1, 2, 0, 0 },
		{ 1, 0, 0, 0 }, { 1, 1, 1, 0 }, { 1, 1, 0, 1 } };
	struct vector v;
	const struct vrrp_auth fresh = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1);
	take_vector(_i, &v);
	for (size_t i = 0; i < LEN(makes); i++) {
		struct vrrp_auth a = fresh;
		uint8_t in[20 + sizeof(v.bytes)] = { v.w.family == AF_INET6 ? 6 : 4, 3, 51 }, out[EVP_MAX_MD_SIZE];
		uint8_t *trailer = v.bytes + v.a.trailer;
		memcpy(trailer, makes[i], 4);
		memcpy(in + 4, v.peer.b, 16);
		memcpy(in + 20, v.bytes, v.d.len - 16);
		memset(in + 26, 0, 2);
		ck_assert(HMAC(EVP_sha256(), fresh.keys[0].bytes, 32, in, 20 + v.d.len, out, NULL) != NULL);
		memcpy(trailer + 12, out, 16);
		enum vrrp_discard why = vrrp_auth_verify(&a, &v.d, &v.a, T0);
		ck_assert_msg(why == (i ? VRRP_DISCARD_AUTH : VRRP_DISCARD_NONE), "%s: make %zu: %s", vectors[_i].what,
			i, vrrp_discards[why].name);
	}
}
END_TEST

START_TEST(who_sent_it_is_signed_where_it_goes_is_not)
{
	struct vector v;
	const struct vrrp_auth fresh = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1);
	struct vrrp_auth a = fresh;
	take_vector(_i, &v);
	for (int i = 0; i < (v.w.family == AF_INET ? 4 : 16); i++) {
		v.d.from.b[i] ^= 1;
		ck_assert_int_eq(vrrp_auth_verify(&a, &v.d, &v.a, T0), VRRP_DISCARD_AUTH);
		v.d.from.b[i] ^= 1;
	}
	v.d.to.b[3] ^= 1;
	v.d.ttl = 1;
	ck_assert_int_eq(vrrp_auth_verify(&a, &v.d, &v.a, T0), VRRP_DISCARD_NONE);
}
END_TEST

START_TEST(is_cut_at_every_byte)
{
	struct vector v;
	struct vrrp_advert out;
	take_vector(_i, &v);
	for (size_t n = 0; n < v.d.len; n++) {
		uint8_t *copy = exact(v.bytes, n);
		struct vrrp_datagram cut = { v.d.from, v.d.to, 255, copy, n };
		enum vrrp_discard why = vrrp_pkt_read(&v.w, &cut, true, &out), want = VRRP_DISCARD_LENGTH;
		if (n == v.a.trailer) /* a whole message; its sum has, or has not, the trailer in it */
			want = v.w.family == AF_INET ? VRRP_DISCARD_NONE : VRRP_DISCARD_CHECKSUM;
		ck_assert_msg(why == want, "%s: %zu: %s", vectors[_i].what, n, vrrp_discards[why].name);
		free(copy);
	}
}
END_TEST

/* ---- two nodes ---- */

/* What one signs (or not) with its clock, as the other gets it with its own. */
static enum vrrp_discard say(
	struct vrrp_auth *from, int64_t from_us, struct vrrp_auth *to, int64_t to_us, const char *source)
{
	uint8_t room[VRRP_PKT_MAX];
	struct vrrp_wire w = wire_of(V3);
	struct vrrp_advert a;
	struct lb_ip group = vrrp_group_address(AF_INET);
	w.source = ip(source);
	size_t n = vrrp_pkt_write(&w, 150, &group, room);
	n = vrrp_auth_sign(from, &w.source, from_us, room, n);
	struct vrrp_datagram d = { w.source, group, 255, room, n };
	w.source = ip("10.9.0.9");
	enum vrrp_discard why = vrrp_pkt_read(&w, &d, to->mode != VRRP_AUTH_OFF, &a);
	return why ? why : vrrp_auth_verify(to, &d, &a, to_us);
}

#define A "10.9.0.1"

static const struct {
	const char *what;
	enum vrrp_auth_mode from, to;
	const char *from_keys, *to_keys;
	enum vrrp_discard why;
} pairs[] = {
	{ "nobody signs", VRRP_AUTH_OFF, VRRP_AUTH_OFF, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_NONE },
	{ "roll out: first everybody can read", VRRP_AUTH_OFF, VRRP_AUTH_RECEIVE_ONLY, "1 " KEY1, "1 " KEY1,
		VRRP_DISCARD_NONE },
	{ "who only reads does not sign", VRRP_AUTH_RECEIVE_ONLY, VRRP_AUTH_OFF, "1 " KEY1, "1 " KEY1,
		VRRP_DISCARD_NONE },
	{ "then one signs", VRRP_AUTH_PERMISSIVE, VRRP_AUTH_RECEIVE_ONLY, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_NONE },
	{ "and the other does not yet", VRRP_AUTH_RECEIVE_ONLY, VRRP_AUTH_PERMISSIVE, "1 " KEY1, "1 " KEY1,
		VRRP_DISCARD_NONE },
	{ "then both", VRRP_AUTH_PERMISSIVE, VRRP_AUTH_PERMISSIVE, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_NONE },
	{ "then one insists", VRRP_AUTH_PERMISSIVE, VRRP_AUTH_ENFORCE, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_NONE },
	{ "and is heard", VRRP_AUTH_ENFORCE, VRRP_AUTH_PERMISSIVE, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_NONE },
	{ "then both", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_NONE },
	{ "unsigned at one who insists", VRRP_AUTH_OFF, VRRP_AUTH_ENFORCE, "1 " KEY1, "1 " KEY1, VRRP_DISCARD_AUTH },
	{ "the same from one who only reads", VRRP_AUTH_RECEIVE_ONLY, VRRP_AUTH_ENFORCE, "1 " KEY1, "1 " KEY1,
		VRRP_DISCARD_AUTH },
	{ "signed at one who knows nothing of it", VRRP_AUTH_ENFORCE, VRRP_AUTH_OFF, "1 " KEY1, "1 " KEY1,
		VRRP_DISCARD_LENGTH },
	{ "wrongly signed is refused by who takes unsigned", VRRP_AUTH_PERMISSIVE, VRRP_AUTH_PERMISSIVE, "1 " KEY2,
		"1 " KEY1, VRRP_DISCARD_AUTH },
	{ "and by who only reads", VRRP_AUTH_PERMISSIVE, VRRP_AUTH_RECEIVE_ONLY, "1 " KEY2, "1 " KEY1,
		VRRP_DISCARD_AUTH },
	{ "the key that is not there yet", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "2 " KEY2, "1 " KEY1,
		VRRP_DISCARD_AUTH },
	{ "the same key under another ID", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "2 " KEY1, "1 " KEY1,
		VRRP_DISCARD_AUTH },
	{ "rotation: all know the new one", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "1 " KEY1, "1 " KEY1 "\n2 " KEY2,
		VRRP_DISCARD_NONE },
	{ "one signs with it", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "2 " KEY2 "\n1 " KEY1, "1 " KEY1 "\n2 " KEY2,
		VRRP_DISCARD_NONE },
	{ "the other not yet", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "1 " KEY1 "\n2 " KEY2, "2 " KEY2 "\n1 " KEY1,
		VRRP_DISCARD_NONE },
	{ "the old one goes", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "2 " KEY2 "\n1 " KEY1, "2 " KEY2,
		VRRP_DISCARD_NONE },
	{ "who still signs with it is refused", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "1 " KEY1 "\n2 " KEY2, "2 " KEY2,
		VRRP_DISCARD_AUTH },
	{ "a key of 64 bytes", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "255 " KEY1 KEY2, "255 " KEY1 KEY2,
		VRRP_DISCARD_NONE },
	{ "of which each byte counts", VRRP_AUTH_ENFORCE, VRRP_AUTH_ENFORCE, "255 " KEY1 KEY2, "255 " KEY1 KEY1,
		VRRP_DISCARD_AUTH },
};

START_TEST(modes_and_keys)
{
	struct vrrp_auth from = auth_of(pairs[_i].from, pairs[_i].from_keys);
	struct vrrp_auth to = auth_of(pairs[_i].to, pairs[_i].to_keys);
	for (int i = 0; i < 3; i++) { /* within one tick of the clock */
		enum vrrp_discard why = say(&from, T0, &to, T0, A);
		ck_assert_msg(why == pairs[_i].why, "%s: %s", pairs[_i].what, vrrp_discards[why].name);
	}
	bool signs = pairs[_i].from == VRRP_AUTH_PERMISSIVE || pairs[_i].from == VRRP_AUTH_ENFORCE;
	ck_assert_msg(from.sent == (signs ? UINT64_C(0x6800000080000002) : 0), "%s", pairs[_i].what);
}
END_TEST

static const struct {
	const char *what;
	int64_t ahead_us; /* of the receiver's clock is the sender's */
	enum vrrp_discard why;
} windows[] = {
	{ "the same time", 0, VRRP_DISCARD_NONE },
	{ "as far ahead as may be", 5 * S, VRRP_DISCARD_NONE },
	{ "farther", 5 * S + 1000, VRRP_DISCARD_AUTH },
	{ "as far behind as may be", -5 * S, VRRP_DISCARD_NONE },
	{ "farther", -5 * S - 1000, VRRP_DISCARD_AUTH },
	{ "a day ahead", 24 * HOUR, VRRP_DISCARD_AUTH },
	{ "a day behind", -24 * HOUR, VRRP_DISCARD_AUTH },
	{ "half of all time", (INT64_C(1) << 31) * S, VRRP_DISCARD_AUTH },
	{ "1970", -T0, VRRP_DISCARD_AUTH },
	{ "before that", -T0 - HOUR, VRRP_DISCARD_AUTH },
};

START_TEST(the_window)
{
	struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
	enum vrrp_discard why = say(&from, T0 + windows[_i].ahead_us, &to, T0, A);
	ck_assert_msg(why == windows[_i].why, "%s: %s", windows[_i].what, vrrp_discards[why].name);
	to.window_ms = 300000;
	int64_t far = windows[_i].ahead_us < 0 ? -windows[_i].ahead_us : windows[_i].ahead_us;
	why = say(&from, T0 + windows[_i].ahead_us, &to, T0, A);
	ck_assert_msg(
		(why == VRRP_DISCARD_NONE) == (far < 300 * S), "%s: %s", windows[_i].what, vrrp_discards[why].name);
}
END_TEST

/* One number per advert whatever the clock does: the counter runs over into the fraction, and time into 2106. */
START_TEST(numbers_grow)
{
	static const int64_t starts[] = { T0, (INT64_C(1) << 32) * S - 2 * S };
	uint8_t room[VRRP_PKT_MAX] = { 0x31, 52 };
	struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
	struct lb_ip source = ip(A);
	for (int i = 0; i < 70; i++) {
		int64_t at = starts[_i] + i * S / 10;
		ck_assert_msg(say(&from, at, &to, at, A) == VRRP_DISCARD_NONE, "after %d", i);
		ck_assert_msg(say(&from, at - 1, &to, at, A) == VRRP_DISCARD_NONE, "after %d", i);
	}
	from.sent |= 0xfffe;
	uint64_t last = from.sent;
	for (uint64_t i = 1; i < 4; i++) {
		vrrp_auth_sign(&from, &source, starts[_i] + 7 * S - S / 10, room, 12);
		ck_assert_uint_eq(from.sent, last + i);
	}
}
END_TEST

/* ---- clocks that are set ---- */

static const struct {
	const char *what;
	struct {
		int64_t a, b; /* by how much the clocks are wrong, in seconds */
		int for_s;
		enum vrrp_discard why; /* of all that b hears meanwhile */
	} phases[4];
} steps[] = {
	{ "both an hour ahead, and set right", { { 0, 0, 10, VRRP_DISCARD_NONE }, { 3600, 3600, 10, VRRP_DISCARD_NONE },
						       { 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "the sender first", { { 3600, 3600, 10, VRRP_DISCARD_NONE }, { 0, 3600, 5, VRRP_DISCARD_AUTH },
				      { 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "the receiver first", { { 3600, 3600, 10, VRRP_DISCARD_NONE }, { 3600, 0, 5, VRRP_DISCARD_AUTH },
					{ 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "only the sender was ahead", { { 0, 0, 10, VRRP_DISCARD_NONE }, { 3600, 0, 10, VRRP_DISCARD_AUTH },
					       { 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "only the receiver was ahead", { { 0, 0, 10, VRRP_DISCARD_NONE }, { 0, 3600, 10, VRRP_DISCARD_AUTH },
						 { 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "both an hour behind", { { 0, 0, 10, VRRP_DISCARD_NONE }, { -3600, -3600, 10, VRRP_DISCARD_NONE },
					 { 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "only the sender was behind", { { 0, 0, 10, VRRP_DISCARD_NONE }, { -3600, 0, 10, VRRP_DISCARD_AUTH },
						{ 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "only the receiver was behind", { { 0, 0, 10, VRRP_DISCARD_NONE }, { 0, -3600, 10, VRRP_DISCARD_AUTH },
						  { 0, 0, 10, VRRP_DISCARD_NONE } } },
	{ "less than the window, forth and back",
		{ { 0, 0, 10, VRRP_DISCARD_NONE }, { 4, 0, 10, VRRP_DISCARD_NONE }, { 0, 0, 10, VRRP_DISCARD_NONE },
			{ -4, 0, 10, VRRP_DISCARD_NONE } } },
	{ "not quite right, wrong, not quite right",
		{ { 4, 0, 10, VRRP_DISCARD_NONE }, { 20, 0, 10, VRRP_DISCARD_AUTH }, { 4, 0, 10, VRRP_DISCARD_NONE },
			{ 0, 0, 10, VRRP_DISCARD_NONE } } },
};

START_TEST(clocks_are_set)
{
	struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
	int64_t now = T0;
	for (size_t p = 0; p < LEN(steps[_i].phases); p++)
		for (int n = 0; n < steps[_i].phases[p].for_s; n++) {
			now += S;
			enum vrrp_discard why =
				say(&from, now + steps[_i].phases[p].a * S, &to, now + steps[_i].phases[p].b * S, A);
			ck_assert_msg(why == steps[_i].phases[p].why, "%s: phase %zu, advert %d: %s", steps[_i].what, p,
				n, vrrp_discards[why].name);
		}
}
END_TEST

/* Whatever the clocks did: more than a window after they are right, everything is heard again. */
START_TEST(clocks_are_set_at_random)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		uint64_t s = seed;
		struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
		int64_t now = T0;
		for (int phase = 0; phase < 6; phase++) {
			int64_t wrong_from = (int64_t)(random_of(&s) % 40) * S / 2 - 10 * S;
			int64_t wrong_to = (int64_t)(random_of(&s) % 40) * S / 2 - 10 * S;
			for (uint64_t n = random_of(&s) % 8; n; n--) {
				now += S;
				say(&from, now + wrong_from, &to, now + wrong_to, A);
			}
		}
		for (int n = 0; n < 15; n++) {
			now += S;
			enum vrrp_discard why = say(&from, now, &to, now, A);
			ck_assert_msg(n <= 5 || why == VRRP_DISCARD_NONE, "seed %d: advert %d: %s", (int)seed, n,
				vrrp_discards[why].name);
		}
	}
}
END_TEST

START_TEST(a_restarted_sender_is_heard)
{
	struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(say(&from, T0 + i, &to, T0 + i, A), VRRP_DISCARD_NONE);
	from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1);
	ck_assert_int_eq(say(&from, T0 + S, &to, T0 + S, A), VRRP_DISCARD_NONE);
	from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1); /* a younger copy of it is not */
	ck_assert_int_eq(say(&from, T0 + S / 2, &to, T0 + S, A), VRRP_DISCARD_REPLAY);
}
END_TEST

/* ---- marks ---- */

static int mark_of(const struct vrrp_auth *a, const char *from)
{
	struct lb_ip want = ip(from);
	for (int i = 0; i < VRRP_SENDERS_MAX; i++)
		if (lb_ip_cmp(&a->senders[i].from, &want) == 0)
			return i;
	return -1;
}

START_TEST(four_senders_are_remembered)
{
	static const char *const names[] = { "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5" };
	struct vrrp_auth to = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), from[5];
	for (int i = 0; i < 5; i++)
		from[i] = to;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(say(&from[i], T0 + i, &to, T0 + i, names[i]), VRRP_DISCARD_NONE);
	ck_assert_int_eq(say(&from[0], T0 + 10, &to, T0 + 10, names[0]), VRRP_DISCARD_NONE);
	/* who has no key takes nobody's place */
	struct vrrp_auth forger = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY2), before = to;
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(say(&forger, T0 + 20, &to, T0 + 20, "10.9.0.66"), VRRP_DISCARD_AUTH);
	ck_assert_mem_eq(&to, &before, sizeof(to));
	/* the fifth takes that of the second, which was silent longest */
	ck_assert_int_eq(say(&from[4], T0 + 30, &to, T0 + 30, names[4]), VRRP_DISCARD_NONE);
	ck_assert_int_eq(mark_of(&to, names[1]), -1);
	for (int i = 0; i < 5; i++)
		ck_assert_msg(i == 1 || mark_of(&to, names[i]) >= 0, "%s", names[i]);
	/* a replay of those that are remembered is one still */
	from[0].sent = 0;
	ck_assert_int_eq(say(&from[0], T0, &to, T0 + 40, names[0]), VRRP_DISCARD_REPLAY);
}
END_TEST

/* After a clock was set back, the marks that it left in the future give way first, whatever the order of their times.
 */
START_TEST(a_mark_that_is_void_gives_way_first)
{
	struct vrrp_auth to = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), from = to;
	static const char *const names[] = { "10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4" };
	for (int i = 0; i < 4; i++) {
		int64_t at = T0 + (i == 2 ? HOUR : i * S / 10);
		from.sent = 0;
		ck_assert_int_eq(say(&from, at, &to, at, names[i]), VRRP_DISCARD_NONE);
	}
	from.sent = 0;
	ck_assert_int_eq(say(&from, T0 + S, &to, T0 + S, "10.9.0.5"), VRRP_DISCARD_NONE);
	ck_assert_int_eq(mark_of(&to, "10.9.0.3"), -1);
	ck_assert_int_eq(mark_of(&to, "10.9.0.5"), 2);
	for (int i = 0; i < 4; i++)
		ck_assert_msg(i == 2 || mark_of(&to, names[i]) == i, "%s", names[i]);
}
END_TEST

START_TEST(as_long_as_a_message_can_be)
{
	static uint8_t room[8 + 255 * 16 + VRRP_TRAILER] = { 0x31, 54, 1, 255, 0, 100 };
	struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
	struct lb_ip source = ip(LL), group = vrrp_group_address(AF_INET6);
	struct vrrp_wire w = wire_of(V6);
	struct vrrp_advert a;
	room[8] = 0xfe;
	room[9] = 0x80;
	size_t n = vrrp_auth_sign(&from, &source, T0, room, sizeof(room) - VRRP_TRAILER);
	ck_assert_uint_eq(n, sizeof(room));
	vrrp_pkt_sum6(&source, &group, room, n);
	struct vrrp_datagram d = { source, group, 255, room, n };
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_NONE);
	ck_assert_int_eq(vrrp_auth_verify(&to, &d, &a, T0), VRRP_DISCARD_NONE);
	room[8 + 254 * 16] ^= 1;
	ck_assert_int_eq(vrrp_auth_verify(&to, &d, &a, T0), VRRP_DISCARD_AUTH);
}
END_TEST

/* Version 2 has room for eight bytes of its own in front of the trailer. */
START_TEST(version_2_is_signed_too)
{
	uint8_t room[VRRP_PKT_MAX];
	struct vrrp_auth from = auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1), to = from;
	struct vrrp_wire w = wire_of(V2);
	struct lb_ip group = vrrp_group_address(AF_INET);
	struct vrrp_advert a;
	w.with_password = false;
	w.source = ip(A);
	size_t n = vrrp_pkt_write(&w, 100, &group, room);
	ck_assert_uint_eq(vrrp_auth_sign(&from, &w.source, T0, room, n), 52);
	struct vrrp_datagram d = { w.source, group, 255, room, n + VRRP_TRAILER };
	w.source = ip("10.9.0.9");
	ck_assert_int_eq(vrrp_pkt_read(&w, &d, true, &a), VRRP_DISCARD_NONE);
	ck_assert_uint_eq(a.trailer, 24);
	ck_assert_int_eq(vrrp_auth_verify(&to, &d, &a, T0), VRRP_DISCARD_NONE);
}
END_TEST

/* ---- key files ---- */

#define NINE     "1 " KEY1 "\n2 " KEY1 "\n3 " KEY1 "\n4 " KEY1 "\n5 " KEY1 "\n6 " KEY1 "\n7 " KEY1 "\n8 " KEY1 "\n9 " KEY1
#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *what, *text;
	size_t n;
	size_t n_keys; /* 0: refused */
	uint8_t first;
	const char *error;
} files[] = {
	{ "one key", BYTES("1 " KEY1 "\n"), 1, 1, NULL },
	{ "without an end of line", BYTES("255 " KEY1), 1, 255, NULL },
	{ "the first signs", BYTES("7 " KEY1 "\n3 " KEY2 "\n"), 2, 7, NULL },
	{ "comments, blanks, empty lines, ends of line of another system",
		BYTES("# key of 2026\n\n \t\r\n\t12\t " KEY1 " # new\r\n#13 " KEY2 "\n"), 1, 12, NULL },
	{ "digits in both cases", BYTES("1 AAbbCCddEEff0011AAbbCCddEEff0011AAbbCCddEEff0011AAbbCCddEEff0011"), 1, 1,
		NULL },
	{ "64 bytes", BYTES("1 " KEY1 KEY2), 1, 1, NULL },
	{ "eight keys", NINE, sizeof(NINE) - 1 - 2 - 64 - 1, 8, 1, NULL },
	{ "nine keys", BYTES(NINE), 0, 0, "line 9: there are more than 8 keys" },
	{ "nothing", BYTES(""), 0, 0, "line 1: there is no key in it" },
	{ "only comments", BYTES("# none\n# none\n"), 0, 0, "line 2: there is no key in it" },
	{ "31 bytes", BYTES("1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"), 0, 0,
		"line 1: a key has 32 to 64 bytes, two hexadecimal digits each" },
	{ "32 bytes and a half", BYTES("1 " KEY1 "0"), 0, 0,
		"line 1: a key has 32 to 64 bytes, two hexadecimal digits each" },
	{ "65 bytes", BYTES("1 " KEY1 KEY2 "00"), 0, 0,
		"line 1: a key has 32 to 64 bytes, two hexadecimal digits each" },
	{ "no bytes", BYTES("1 \n"), 0, 0, "line 1: a key has 32 to 64 bytes, two hexadecimal digits each" },
	{ "a key without ID", BYTES("\n" KEY1 "\n"), 0, 0,
		"line 2: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "ID 0", BYTES("0 " KEY1), 0, 0, "line 1: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "ID 256", BYTES("256 " KEY1), 0, 0, "line 1: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "ID 300", BYTES("300 " KEY1), 0, 0, "line 1: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "ID 4294967297", BYTES("4294967297 " KEY1), 0, 0,
		"line 1: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "ID -1", BYTES("-1 " KEY1), 0, 0, "line 1: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "ID 0x1", BYTES("0x1 " KEY1), 0, 0, "line 1: a line is 'ID HEX', and an ID is a number from 1 to 255" },
	{ "the same ID twice", BYTES("1 " KEY1 "\n2 " KEY1 "\n1 " KEY2), 0, 0, "line 3: two keys have the same ID" },
	{ "no hexadecimal", BYTES("1 " KEY1 "gg"), 0, 0, "line 1: a key is written in hexadecimal digits" },
	{ "two words", BYTES("1 " KEY1 " " KEY2), 0, 0, "line 1: a key is written in hexadecimal digits" },
	{ "a NUL in it", BYTES("1 " KEY1 "\0"), 0, 0, "line 1: a key is written in hexadecimal digits" },
	{ "a good one before a bad one", BYTES("1 " KEY1 "\n2 xx"), 0, 0,
		"line 2: a key is written in hexadecimal digits" },
};

START_TEST(key_files)
{
	struct vrrp_auth a = { .mode = VRRP_AUTH_PERMISSIVE, .window_ms = 1234, .sent = 9, .n_keys = 8 };
	memset(a.keys, 0x5a, sizeof(a.keys));
	const struct vrrp_auth before = a;
	struct lb_err e = { .text = "" };
	char *text = (char *)exact((const uint8_t *)files[_i].text, files[_i].n);
	int rc = vrrp_auth_keys(&a, text, files[_i].n, &e);
	ck_assert_msg(rc == (files[_i].n_keys ? 0 : -1), "%s: %d %s", files[_i].what, rc, e.text);
	free(text);
	if (rc) {
		ck_assert_msg(strcmp(e.text, files[_i].error) == 0, "%s: %s", files[_i].what, e.text);
		ck_assert_int_eq(e.code, LB_CODE_INVALID);
		ck_assert_mem_eq(&a, &before, sizeof(a));
		return;
	}
	ck_assert_msg(a.n_keys == files[_i].n_keys && a.keys[0].id == files[_i].first, "%s", files[_i].what);
	ck_assert(a.mode == VRRP_AUTH_PERMISSIVE && a.window_ms == 1234 && a.sent == 9);
	for (size_t i = 0; i < VRRP_KEYS_MAX; i++) /* of the old ones nothing is left */
		for (size_t at = i < a.n_keys ? a.keys[i].n : 0; at < VRRP_KEY_MAX; at++)
			ck_assert_msg(a.keys[i].bytes[at] == 0, "%s: key %zu", files[_i].what, i);
}
END_TEST

START_TEST(the_bytes_of_keys)
{
	struct vrrp_auth a =
		auth_of(VRRP_AUTH_ENFORCE, "1 " KEY1 KEY2 "\n"
					   "2 AAbbCCddEEff0011AAbbCCddEEff0011AAbbCCddEEff0011AAbbCCddEEff0099");
	ck_assert(a.n_keys == 2 && a.keys[0].n == 64 && a.keys[1].n == 32 && a.keys[1].id == 2);
	for (uint8_t i = 0; i < 64; i++)
		ck_assert_uint_eq(a.keys[0].bytes[i], i);
	ck_assert(a.keys[1].bytes[0] == 0xaa && a.keys[1].bytes[5] == 0xff && a.keys[1].bytes[31] == 0x99);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_auth");
	TCase *t = tcase_create("signed");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, is_signed_as_others_sign, 0, LEN(vectors));
	tcase_add_loop_test(t, is_believed_once, 0, LEN(vectors));
	tcase_add_loop_test(t, each_bit_is_signed, 0, LEN(vectors));
	tcase_add_loop_test(t, what_is_signed_must_be_ours, 0, LEN(vectors));
	tcase_add_loop_test(t, who_sent_it_is_signed_where_it_goes_is_not, 0, LEN(vectors));
	tcase_add_loop_test(t, is_cut_at_every_byte, 0, LEN(vectors));
	tcase_add_loop_test(t, modes_and_keys, 0, LEN(pairs));
	tcase_add_loop_test(t, the_window, 0, LEN(windows));
	tcase_add_loop_test(t, numbers_grow, 0, 2);
	tcase_add_loop_test(t, clocks_are_set, 0, LEN(steps));
	tcase_add_test(t, clocks_are_set_at_random);
	tcase_add_test(t, a_restarted_sender_is_heard);
	tcase_add_test(t, four_senders_are_remembered);
	tcase_add_test(t, a_mark_that_is_void_gives_way_first);
	tcase_add_test(t, as_long_as_a_message_can_be);
	tcase_add_test(t, version_2_is_signed_too);
	tcase_add_loop_test(t, key_files, 0, LEN(files));
	tcase_add_test(t, the_bytes_of_keys);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
