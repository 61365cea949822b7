/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of the link as bytes: golden ones, what a newer peer may have behind them, every cut, and records. */
#include "lbd/sync/sync_msg.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>

static const struct {
	const char *what, *bytes;
	struct sync_msg m;
} golden[] = {
	{ "hello, with what we have of the other side",
		"01 0001 0002 1122334455667788 03 6c6231 c0ffee00c0ffee11 00000007 00000001 8877665544332211 02 "
		"000000000000000a 0000000000000000",
		{ SYNC_FRAME_HELLO,
			.u.hello = { 1, 2, UINT64_C(0x1122334455667788), "lb1", UINT64_C(0xc0ffee00c0ffee11), 7,
				SYNC_FEATURE_CONNTRACK, UINT64_C(0x8877665544332211), { 10, 0 } } } },
	{ "an acknowledgement", "03 01 00000002 0000000000000100", { SYNC_FRAME_ACK, .u.ack = { 1, 2, 256 } } },
	{ "begin again", "04 02 0a 00000003", { SYNC_FRAME_RESYNC, .u.resync = { 2, SYNC_WHY_GAP, 3 } } },
	{ "a round begins", "05 01 01 00000001 0000000000000005 0000000000000009",
		{ SYNC_FRAME_MARK, .u.mark = { 1, SYNC_MARK_BEGIN, 1, 5, 9 } } },
	{ "that is all", "05 01 02 00000001 0000000000000005 0000000000000009",
		{ SYNC_FRAME_MARK, .u.mark = { 1, SYNC_MARK_FINAL, 1, 5, 9 } } },
	{ "ping", "06 0000000000000001", { SYNC_FRAME_PING, .u.stamp = 1 } },
	{ "pong", "07 ffffffffffffffff", { SYNC_FRAME_PONG, .u.stamp = UINT64_MAX } },
	{ "goodbye", "08 04", { SYNC_FRAME_BYE, .u.bye = SYNC_WHY_VERSION } },
	{ "hold", "09 01 01", { SYNC_FRAME_HOLD, .u.hold = { 1, true } } },
};

static int read_exact(const uint8_t *p, size_t n, struct sync_msg *out)
{
	uint8_t *copy = exact(p, n);
	int r = sync_msg_read(copy, n, out);
	free(copy);
	return r;
}

static void write_again(const struct sync_msg *m, const uint8_t *want, size_t n, const char *what)
{
	uint8_t out[SYNC_SMALL_MAX];
	struct lb_writer w = { out, out + sizeof(out), false };
	sync_msg_write(&w, m);
	ck_assert_msg(!w.bad && (size_t)(w.p - out) == n && memcmp(out, want, n) == 0, "%s", what);
}

START_TEST(is_written_as_it_should_be_and_read)
{
	uint8_t bytes[SYNC_SMALL_MAX];
	struct sync_msg m;
	size_t n = hex(golden[_i].bytes, bytes, sizeof(bytes) - 3);
	write_again(&golden[_i].m, bytes, n, golden[_i].what);
	ck_assert_msg(read_exact(bytes, n, &m) == 0 && m.type == golden[_i].m.type, "%s", golden[_i].what);
	write_again(&m, bytes, n, golden[_i].what);
	memset(bytes + n, 0xee, 3); /* a newer peer knows more fields */
	ck_assert_msg(read_exact(bytes, n + 3, &m) == 0, "%s: more behind it", golden[_i].what);
	write_again(&m, bytes, n, golden[_i].what);
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(read_exact(bytes, cut, &m) == -EBADMSG, "%s: cut at %zu", golden[_i].what, cut);
}
END_TEST

static const struct {
	const char *what, *bytes;
	int result;
} frames[] = {
	{ "a type of a newer peer", "0b 01 02", -EPROTONOSUPPORT },
	{ "what a core says", "0a 00000007 11 7b7d0a", 0 },
	{ "nothing of a core", "0a 00000007 00", 0 },
	{ "two bytes that are one character", "0a 00000007 00 c3a9", 0 },
	{ "half a character", "0a 00000007 00 c3", -EBADMSG },
	{ "a NUL in what a core says", "0a 00000007 00 6100", -EBADMSG },
	{ "of nobody", "0a 00000000 00 7b7d0a", -EBADMSG },
	{ "a core that is cut", "0a 000000", -EBADMSG },
	{ "type 0", "00 01", -EPROTONOSUPPORT },
	{ "the last of all types", "ff", -EPROTONOSUPPORT },
	{ "stream 0", "03 00 00000002 0000000000000100", -EBADMSG },
	{ "a stream of a newer peer", "03 09 00000002 0000000000000100", 0 },
	{ "round 0", "05 01 01 00000000 0000000000000000 0000000000000000", -EBADMSG },
	{ "a mark before its beginning", "05 01 01 00000001 0000000000000005 0000000000000004", -EBADMSG },
	{ "a flag of a newer peer", "05 01 81 00000001 0000000000000000 0000000000000000", 0 },
	{ "goodbye for a reason of a newer peer", "08 c8", 0 },
	{ "hello without a name",
		"01 0001 0001 0000000000000001 00 0000000000000000 00000000 00000000 0000000000000000 00", -EBADMSG },
	{ "hello with a NUL in its name",
		"01 0001 0001 0000000000000001 02 6100 0000000000000000 00000000 00000000 0000000000000000 00",
		-EBADMSG },
	{ "hello of epoch 0",
		"01 0001 0001 0000000000000000 01 61 0000000000000000 00000000 00000000 0000000000000000 00",
		-EBADMSG },
	{ "hello of no version",
		"01 0002 0001 0000000000000001 01 61 0000000000000000 00000000 00000000 0000000000000000 00",
		-EBADMSG },
	{ "hello of version 0",
		"01 0000 0001 0000000000000001 01 61 0000000000000000 00000000 00000000 0000000000000000 00",
		-EBADMSG },
	{ "hello of a peer with three streams",
		"01 0001 0001 0000000000000001 01 61 0000000000000000 00000000 00000000 0000000000000000 03 "
		"0000000000000001 0000000000000002 0000000000000003",
		0 },
	{ "hello of a peer without streams",
		"01 0001 0001 0000000000000001 01 61 0000000000000000 00000000 00000000 0000000000000000 00", 0 },
	{ "no records, numbers go on", "02 01 00000001 0000000000000000 0000000000000009 0000", 0 },
	{ "numbers go back", "02 01 00000001 0000000000000009 0000000000000008 0000", -EBADMSG },
	{ "more records than numbers", "02 01 00000001 0000000000000001 0000000000000002 0002 0000 0000", -EBADMSG },
	{ "as many", "02 01 00000001 0000000000000001 0000000000000003 0002 0000 0000", 0 },
	{ "a record that is longer than the frame",
		"02 01 00000001 0000000000000001 0000000000000003 0001 0005 01020304", -EBADMSG },
	{ "fewer records than it says", "02 01 00000001 0000000000000001 0000000000000003 0002 0001 01", -EBADMSG },
};

START_TEST(is_judged)
{
	uint8_t bytes[256];
	struct sync_msg m;
	size_t n = hex(frames[_i].bytes, bytes, sizeof(bytes));
	int r = read_exact(bytes, n, &m);
	ck_assert_msg(r == frames[_i].result, "%s: %d", frames[_i].what, r);
	if (m.type == SYNC_FRAME_BYE && r == 0)
		ck_assert_int_eq(m.u.bye, SYNC_WHY_OTHER);
}
END_TEST

START_TEST(a_frame_has_a_limit)
{
	uint8_t *bytes = calloc(1, SYNC_FRAME_MAX + 1);
	struct sync_msg m;
	ck_assert_ptr_nonnull(bytes);
	bytes[0] = SYNC_FRAME_PING;
	ck_assert_int_eq(sync_msg_read(bytes, SYNC_FRAME_MAX, &m), 0);
	ck_assert_int_eq(sync_msg_read(bytes, SYNC_FRAME_MAX + 1, &m), -EBADMSG);
	free(bytes);
}
END_TEST

/* ---- records ---- */

static const char record[] = "06 06 9c41 1f90 1f91 0001 00000083 00000007 00000384 000005dc 0a000002 0a000064 ac10000c "
			     "00000001 00000002 00000003 00000004 00000005 00000006 03 736970 02 6162";

START_TEST(a_record_is_written_as_it_should_be)
{
	uint8_t want[128], out[128];
	struct flow f = flow_of(IPPROTO_TCP, "10.0.0.2:40001", "10.0.0.100:8080", "172.16.0.12:8081"), back;
	struct sync_from from = { 1500, false }, from_back;
	f.state = 1;
	f.flags = 0x83;
	f.fwmark = 7;
	f.timeout_s = 900;
	f.has_seq = true;
	f.seq_in = (struct flow_seq){ 1, 2, 3 };
	f.seq_out = (struct flow_seq){ 4, 5, 6 };
	f.pe_name_n = 3;
	memcpy(f.pe_name, "sip", 3);
	f.pe_data_n = 2;
	memcpy(f.pe_data, "ab", 2);
	size_t n = hex(record, want, sizeof(want) - 1);
	struct lb_writer w = { out, out + sizeof(out), false };
	sync_flow_write(&w, &f, &from);
	ck_assert(!w.bad && (size_t)(w.p - out) == n && memcmp(out, want, n) == 0);
	ck_assert_int_eq(sync_flow_read(want, n, &back, &from_back), 0);
	ck_assert(flow_same(&f, &back) && from_back.age_ms == 1500 && !from_back.yours);
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = exact(want, cut);
		ck_assert_msg(sync_flow_read(copy, cut, &back, &from_back) == -EINVAL, "cut at %zu", cut);
		free(copy);
	}
	ck_assert_int_eq(sync_flow_read(want, n + 1, &back, &from_back), 0); /* a newer peer */
	want[0] |= 0xf8;
	ck_assert_int_eq(sync_flow_read(want, n, &back, &from_back), 0);
	ck_assert(from_back.yours);
}
END_TEST

START_TEST(a_record_that_the_kernel_would_not_take)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} rows[] = { { "another protocol", 1, 47 }, { "a state that TCP has not", 9, 11 },
		{ "a flag that is none", 10, 1 }, { "an engine without a name", 62, 0 },
		{ "a name that is too long", 62, 17 }, { "an engine without data", 66, 0 } };
	uint8_t bytes[128];
	struct flow f;
	struct sync_from from;
	for (size_t i = 0; i < LEN(rows); i++) {
		size_t n = hex(record, bytes, sizeof(bytes));
		ck_assert_int_eq(sync_flow_read(bytes, n, &f, &from), 0);
		bytes[rows[i].at] = rows[i].value;
		ck_assert_msg(sync_flow_read(bytes, n, &f, &from) == -EINVAL, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(any_flow_comes_back)
{
	uint64_t s = (uint64_t)_i;
	uint8_t out[SYNC_RECORD_MAX];
	struct flow f = random_flow(&s), back;
	struct sync_from from = { (uint32_t)random_of(&s), random_of(&s) % 2 }, from_back;
	struct lb_writer w = { out, out + sizeof(out), false };
	sync_flow_write(&w, &f, &from);
	ck_assert_msg(!w.bad, "seed %d: too long", _i);
	ck_assert_msg(sync_flow_read(out, (size_t)(w.p - out), &back, &from_back) == 0, "seed %d", _i);
	ck_assert_msg(flow_same(&f, &back), "seed %d", _i);
	ck_assert_msg(from.age_ms == from_back.age_ms && from.yours == from_back.yours, "seed %d", _i);
}
END_TEST

/* As many as fit into some room, and they come back in their order. */
START_TEST(a_batch)
{
	static uint8_t out[2 * SYNC_BATCH_BYTES];
	uint64_t s = (uint64_t)_i + 1;
	size_t room = _i == 0 ? sizeof(out) : _i == 1 ? SYNC_FLOWS_HEAD + 2 + SYNC_RECORD_MAX : random_of(&s) % 8000;
	struct lb_writer w = { out, out + room, false };
	struct sync_from from = { 0 };
	struct sync_batch b;
	if (!sync_batch_begin(&b, &w)) {
		ck_assert_uint_lt(room, SYNC_FLOWS_HEAD);
		return;
	}
	uint64_t first = s;
	for (; sync_batch_fits(&b); sync_batch_record_end(&b)) {
		struct flow f = random_flow(&s);
		sync_batch_record(&b);
		sync_flow_write(&b.w, &f, &from);
	}
	sync_batch_end(&b, &(struct sync_flows){ .stream = 1, .round = 4, .after = 10, .last = 10 + SYNC_BATCH_MAX });
	if (_i < 2)
		ck_assert_uint_eq(b.count, _i == 0 ? SYNC_BATCH_MAX : 1);
	struct sync_msg m;
	struct flow got;
	uint8_t *copy = exact(out, (size_t)(b.w.p - out));
	ck_assert_int_eq(sync_msg_read(copy, (size_t)(b.w.p - out), &m), 0);
	ck_assert(m.u.flows.stream == 1 && m.u.flows.round == 4 && m.u.flows.after == 10 && m.u.flows.left == b.count);
	for (unsigned i = 0; i < b.count; i++) {
		struct flow f = random_flow(&first);
		ck_assert_int_eq(sync_flows_next(&m.u.flows, &got, &from), 1);
		ck_assert(flow_same(&f, &got));
	}
	ck_assert_int_eq(sync_flows_next(&m.u.flows, &got, &from), 0);
	free(copy);
}
END_TEST

START_TEST(a_record_that_is_wrong_does_not_hide_the_next)
{
	uint8_t bytes[256];
	struct sync_msg m;
	struct flow f;
	struct sync_from from;
	size_t n = hex("02 01 00000001 0000000000000000 0000000000000002 0002 0003 010203 0045", bytes, sizeof(bytes));
	n += hex(record, bytes + n, sizeof(bytes) - n);
	ck_assert_uint_eq(n, SYNC_FLOWS_HEAD + 2 + 3 + 2 + 0x45);
	ck_assert_int_eq(sync_msg_read(bytes, n, &m), 0);
	ck_assert_int_eq(sync_flows_next(&m.u.flows, &f, &from), -EINVAL);
	ck_assert_int_eq(sync_flows_next(&m.u.flows, &f, &from), 1);
	ck_assert_int_eq(sync_flows_next(&m.u.flows, &f, &from), 0);
}
END_TEST

START_TEST(every_reason_has_words)
{
	for (int i = 1; i < SYNC_WHY_COUNT; i++)
		ck_assert(sync_why_words[i][0] && sync_why_texts[i][0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_msg");
	TCase *t = tcase_create("frames");
	tcase_add_loop_test(t, is_written_as_it_should_be_and_read, 0, LEN(golden));
	tcase_add_loop_test(t, is_judged, 0, LEN(frames));
	tcase_add_test(t, a_frame_has_a_limit);
	tcase_add_test(t, a_record_is_written_as_it_should_be);
	tcase_add_test(t, a_record_that_the_kernel_would_not_take);
	tcase_add_loop_test(t, any_flow_comes_back, 1, 300);
	tcase_add_loop_test(t, a_batch, 0, 40);
	tcase_add_test(t, a_record_that_is_wrong_does_not_hide_the_next);
	tcase_add_test(t, every_reason_has_words);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
