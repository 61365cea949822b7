/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of connection tracking: what is one, what is the same, how long they are kept, how they get into a kernel. */
#include "lbd/sync/ct_book.h"
#include "lbd/sync/ct_order.h"
#include "lbd/sync/sync_link.h"
#include "lbd/sync/sync_msg.h"
#include "lbd/sync/sync_out.h"
#include "tests/unit/lbd_sync/flows.h"

#include <errno.h>

/* 10.1.0.2:1024 -> 10.2.0.2:80, translated to 10.2.0.9:2000 */
static struct flow entry_of(uint8_t protocol, uint16_t state, uint32_t timeout_s)
{
	struct flow f = flow_of(protocol, "10.1.0.2:1024", "10.2.0.2:80", "10.2.0.2:80");
	f.has_ct = true;
	endpoint("10.2.0.9:2000", &f.ct.to, &f.ct.to_port);
	f.state = state;
	f.timeout_s = timeout_s;
	f.flags = CT_SEEN_REPLY | CT_SRC_NAT;
	return f;
}

static void other_zone(struct flow *f)
{
	f->key.zone = 7;
}
static void no_ct(struct flow *f)
{
	f->has_ct = false;
}
static void template(struct flow *f)
{
	f->key.template = true;
}
static void no_timeout(struct flow *f)
{
	f->timeout_s = 0;
}
static void state_none(struct flow *f)
{
	f->state = 0;
}
static void state_last(struct flow *f)
{
	f->state = CT_TCP_LAST;
}
static void state_beyond(struct flow *f)
{
	f->state = CT_TCP_LAST + 1;
}
static void flags_beyond(struct flow *f)
{
	f->flags |= 0x08;
}
static void flags_gone(struct flow *f)
{
	f->flags |= CT_GONE;
}
static void tcp_flags_beyond(struct flow *f)
{
	f->ct.tcp_flags[1] = 0x08;
}
static void tcp_flags_all(struct flow *f)
{
	f->ct.tcp_flags[1] = CT_TCP_FLAGS;
}
static void scale_beyond(struct flow *f)
{
	f->ct.tcp_scale[0] = 15;
}
static void scale_last(struct flow *f)
{
	f->ct.tcp_scale[0] = 14;
}
static void tag(struct flow *f)
{
	f->ct.sctp_tag[1] = 1;
}
static void family(struct flow *f)
{
	f->ct.to.family = AF_INET6;
}
static void no_family(struct flow *f)
{
	f->ct.to = (struct lb_ip){ 0 };
}
static void engine(struct flow *f)
{
	f->pe_data_n = 1;
}
static void seq(struct flow *f)
{
	f->has_seq = true;
}
static void udp(struct flow *f)
{
	f->key.protocol = IPPROTO_UDP, f->state = 0;
}
static void udp_state(struct flow *f)
{
	f->key.protocol = IPPROTO_UDP, f->state = 1;
}
static void udp_scale(struct flow *f)
{
	udp(f), f->ct.tcp_scale[1] = 1;
}
static void sctp(struct flow *f)
{
	f->key.protocol = IPPROTO_SCTP, f->state = 4, f->ct.sctp_tag[0] = 5;
}
static void sctp_beyond(struct flow *f)
{
	sctp(f), f->state = CT_SCTP_LAST + 1;
}
static void icmp(struct flow *f)
{
	f->key.protocol = IPPROTO_ICMP, f->state = 0;
}
static void nothing(struct flow *f)
{
	(void)f;
}

static const struct {
	const char *what;
	void (*change)(struct flow *f);
	bool valid;
} valid[] = {
	{ "as it is", nothing, true },
	{ "another zone", other_zone, true },
	{ "of IPVS", no_ct, false },
	{ "a template", template, false },
	{ "without a timeout", no_timeout, false },
	{ "TCP without a state", state_none, false },
	{ "TCP, the last state", state_last, true },
	{ "TCP, a state that there is not", state_beyond, false },
	{ "a status bit that is the kernel's own", flags_beyond, false },
	{ "one that has gone", flags_gone, true },
	{ "all flags of TCP", tcp_flags_all, true },
	{ "a flag of TCP that is not carried", tcp_flags_beyond, false },
	{ "the largest scale", scale_last, true },
	{ "a scale that nobody may have", scale_beyond, false },
	{ "tags of SCTP in TCP", tag, false },
	{ "two families", family, false },
	{ "no address for answers", no_family, false },
	{ "data of a persistence engine", engine, false },
	{ "sequence numbers of IPVS", seq, false },
	{ "UDP", udp, true },
	{ "UDP with a state", udp_state, false },
	{ "UDP with a scale", udp_scale, false },
	{ "SCTP", sctp, true },
	{ "SCTP, a state that there is not", sctp_beyond, false },
	{ "ICMP", icmp, false },
};

START_TEST(what_is_valid)
{
	struct flow f = entry_of(IPPROTO_TCP, CT_TCP_ESTABLISHED, 100);
	valid[_i].change(&f);
	ck_assert_msg(ct_flow_is_valid(&f) == valid[_i].valid, "%s", valid[_i].what);
	ck_assert_msg(!valid[_i].valid || !flow_is_valid(&f), "%s: not for IPVS", valid[_i].what);
}
END_TEST

/* ---- the record ---- */

static const struct {
	const char *what, *bytes;
	void (*change)(struct flow *f);
	bool yours;
} records[] = {
	{ "TCP, with source NAT",
		"00 06 0000 0400 0050 0050 07d0 0003 00000012 00000000 00000064 00000005 "
		"0a010002 0a020002 0a020002 0a020009 00 00 00 00",
		nothing, false },
	{ "flags and scales, the peer's own",
		"08 06 0000 0400 0050 0050 07d0 0003 00000012 00000000 00000064 00000005 "
		"0a010002 0a020002 0a020002 0a020009 00 00 07 00",
		tcp_flags_all, true },
	{ "UDP in a zone: no details",
		"00 11 0000 0400 0050 0050 07d0 0000 00000012 00000000 00000064 00000005 "
		"0a010002 0a020002 0a020002 0a020009",
		udp, false },
	{ "SCTP has tags",
		"00 84 0000 0400 0050 0050 07d0 0004 00000012 00000000 00000064 00000005 "
		"0a010002 0a020002 0a020002 0a020009 00000005 00000000",
		sctp, false },
	{ "one that has gone, in a zone",
		"00 06 0000 0400 0050 0050 07d0 0003 80000012 00000000 00000064 00000005 "
		"0a010002 0a020002 0a020002 0a020009 00 00 00 00",
		flags_gone, false },
};

static int read_exact(const uint8_t *p, size_t n, struct flow *out, struct sync_from *from)
{
	uint8_t *copy = exact(p, n);
	int r = sync_ct_read(copy, n, out, from);
	free(copy);
	return r;
}

START_TEST(a_record)
{
	uint8_t want[128], got[128];
	size_t n = hex(records[_i].bytes, want, sizeof(want) - 4);
	struct lb_writer w = { got, got + sizeof(got), false };
	struct sync_from from = { 5, records[_i].yours };
	struct flow f = entry_of(IPPROTO_TCP, CT_TCP_ESTABLISHED, 100), out;
	records[_i].change(&f);
	sync_ct_write(&w, &f, &from);
	ck_assert_msg(!w.bad && (size_t)(w.p - got) == n && memcmp(got, want, n) == 0, "%s", records[_i].what);
	memset(want + n, 0xee, 4); /* a newer peer knows more */
	for (size_t more = 0; more <= 4; more += 4) {
		from = (struct sync_from){ 0 };
		ck_assert_msg(read_exact(want, n + more, &out, &from) == 0, "%s", records[_i].what);
		ck_assert_msg(ct_flow_same(&f, &out) && out.timeout_s == 100, "%s", records[_i].what);
		ck_assert(from.age_ms == 5 && from.yours == records[_i].yours);
	}
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(read_exact(want, cut, &out, &from) == -EINVAL, "%s: cut at %zu", records[_i].what, cut);
}
END_TEST

/* What no kernel would take is no record, however well it is written. */
START_TEST(a_record_of_nonsense)
{
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	struct sync_from from = { 0 };
	struct flow f = entry_of(IPPROTO_TCP, CT_TCP_ESTABLISHED, 100), out;
	if (valid[_i].valid)
		return;
	valid[_i].change(&f);
	if (!f.has_ct || !flow_is_whole(&f) || f.key.template || f.ct.sctp_tag[1] || f.ct.tcp_scale[1])
		return; /* there are no bytes for it */
	sync_ct_write(&w, &f, &from);
	ck_assert_msg(read_exact(bytes, (size_t)(w.p - bytes), &out, &from) == -EINVAL, "%s is taken", valid[_i].what);
}
END_TEST

START_TEST(a_record_of_ipv6)
{
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	struct sync_from from = { 0 };
	struct flow f = flow_of(IPPROTO_TCP, "[fd01::2]:1024", "[fd02::2]:80", "[fd02::3]:8080"), out;
	f.has_ct = true;
	f.key.zone = 0x1234;
	f.fwmark = 0xdeadbeef;
	f.state = 1;
	f.timeout_s = UINT32_MAX;
	f.flags = CT_DST_NAT | CT_ASSURED;
	endpoint("[fd02::9]:2000", &f.ct.to, &f.ct.to_port);
	f.ct.tcp_scale[1] = 14;
	sync_ct_write(&w, &f, &from);
	size_t n = (size_t)(w.p - bytes);
	ck_assert(n == 30 + 4 * 16 + 4 && read_exact(bytes, n, &out, &from) == 0 && ct_flow_same(&f, &out));
	ck_assert(out.timeout_s == UINT32_MAX && out.key.zone == 0x1234);
}
END_TEST

/* ---- what is the same ---- */

static void mark(struct flow *f)
{
	f->fwmark = 1;
}
static void state(struct flow *f)
{
	f->state = 4;
}
static void to_port(struct flow *f)
{
	f->ct.to_port++;
}
static void dest(struct flow *f)
{
	f->dest.b[3]++;
}
static void dest_port(struct flow *f)
{
	f->dest_port++;
}
static void to(struct flow *f)
{
	f->ct.to.b[3]++;
}
static void status(struct flow *f)
{
	f->flags |= CT_ASSURED;
}
static void nat(struct flow *f)
{
	f->flags |= CT_DST_NAT;
}
static void client(struct flow *f)
{
	f->key.client_port++;
}
static void timeout(struct flow *f)
{
	f->timeout_s++;
}

static const struct {
	const char *what;
	void (*change)(struct flow *f);
	bool same, same_nat;
} sames[] = {
	{ "nothing differs", nothing, true, true },
	{ "the timeout is no difference", timeout, true, true },
	{ "a mark", mark, false, true },
	{ "a state", state, false, true },
	{ "a status", status, false, true },
	{ "a flag of TCP", tcp_flags_all, false, true },
	{ "a scale", scale_last, false, true },
	{ "a tag", tag, false, true },
	{ "a zone", other_zone, false, true },
	{ "another client", client, false, true },
	{ "another port of the translation", to_port, false, false },
	{ "another address of it", to, false, false },
	{ "another server", dest, false, false },
	{ "another port of it", dest_port, false, false },
	{ "both translations", nat, false, false },
};

START_TEST(what_is_the_same)
{
	struct flow a = entry_of(IPPROTO_TCP, CT_TCP_ESTABLISHED, 100), b = a;
	sames[_i].change(&b);
	ck_assert_msg(
		ct_flow_same(&a, &b) == sames[_i].same && ct_flow_same(&b, &a) == sames[_i].same, "%s", sames[_i].what);
	ck_assert_msg(ct_flow_same_nat(&a, &b) == sames[_i].same_nat, "%s", sames[_i].what);
}
END_TEST

/* ---- how long ---- */

static const struct {
	const char *what;
	uint8_t protocol;
	uint16_t state;
	uint32_t timeout_s, gone_s, hold_s;
	bool established, closing;
} times[] = {
	{ "TCP, SYN", IPPROTO_TCP, 1, 120, 30, 120, false, false },
	{ "TCP, the answer", IPPROTO_TCP, 2, 60, 30, 60, false, false },
	{ "TCP, open from both sides", IPPROTO_TCP, CT_TCP_LAST, 120, 30, 120, false, false },
	{ "TCP, established", IPPROTO_TCP, 3, 432000, 300, 432000, true, false },
	{ "TCP, established and quiet for long", IPPROTO_TCP, 3, 40, 40, 60, true, false },
	{ "TCP, it closes", IPPROTO_TCP, 4, 120, 30, 120, true, true },
	{ "TCP, it was reset", IPPROTO_TCP, 8, 10, 10, 10, true, true },
	{ "UDP, one packet", IPPROTO_UDP, 0, 30, 30, 60, true, false },
	{ "UDP, a stream", IPPROTO_UDP, 0, 120, 30, 120, true, false },
	{ "SCTP, it begins", IPPROTO_SCTP, 3, 3, 3, 60, false, false },
	{ "SCTP, established", IPPROTO_SCTP, 4, 432000, 300, 432000, true, false },
	{ "SCTP, it closes", IPPROTO_SCTP, 7, 3, 3, 3, true, true },
};

START_TEST(how_long)
{
	struct flow f = entry_of(times[_i].protocol, times[_i].state, times[_i].timeout_s);
	ck_assert_msg(ct_flow_is_established(&f) == times[_i].established, "%s", times[_i].what);
	ck_assert_msg(ct_flow_is_closing(&f) == times[_i].closing, "%s", times[_i].what);
	ck_assert_msg(ct_flow_gone_s(&f) == times[_i].gone_s, "%s: %u", times[_i].what, ct_flow_gone_s(&f));
	ck_assert_msg(ct_flow_hold_s(&f) == times[_i].hold_s, "%s: %u", times[_i].what, ct_flow_hold_s(&f));
	f.flags |= CT_GONE;
	ck_assert_uint_eq(ct_flow_hold_s(&f), times[_i].timeout_s);
}
END_TEST

START_TEST(what_is_refreshed)
{
	static const struct {
		const char *what;
		uint32_t known_s, left_s;
		bool is;
	} rows[] = {
		{ "nothing happened", 100, 100, false },
		{ "it grows older", 100, 90, false },
		{ "UDP with a packet 30 s later", 90, 120, true },
		{ "a little", 101, 120, false },
		{ "short ones: from 25 s on", 5, 30, true },
		{ "not before", 6, 30, false },
		{ "long ones: a quarter", 432000 - 108000, 432000, true },
		{ "not before that", 432001 - 108000, 432000, false },
		{ "it had ended here", 0, 30, true },
	};
	for (size_t i = 0; i < LEN(rows); i++)
		ck_assert_msg(ct_flow_is_refreshed(rows[i].known_s, rows[i].left_s) == rows[i].is, "%s", rows[i].what);
}
END_TEST

/* ---- orders ---- */

START_TEST(orders)
{
	static const struct {
		const char *what;
		enum ct_order did;
		int err;
		enum ct_order next;
		bool full;
	} rows[] = {
		{ "made", CT_ORDER_CREATE, 0, CT_ORDER_DONE, false },
		{ "there already", CT_ORDER_CREATE, -EEXIST, CT_ORDER_CHANGE, false },
		{ "no room", CT_ORDER_CREATE, -ENOMEM, CT_ORDER_FAILED, true },
		{ "no room the second time", CT_ORDER_AGAIN, -ENOMEM, CT_ORDER_FAILED, true },
		{ "no right", CT_ORDER_CREATE, -EPERM, CT_ORDER_FAILED, false },
		{ "changed", CT_ORDER_CHANGE, 0, CT_ORDER_DONE, false },
		{ "the kernel knows more", CT_ORDER_CHANGE, -EBUSY, CT_ORDER_REST, false },
		{ "the rest", CT_ORDER_REST, 0, CT_ORDER_DONE, false },
		{ "not even that", CT_ORDER_REST, -EBUSY, CT_ORDER_FAILED, false },
		{ "it was somebody else", CT_ORDER_CHANGE, -ENOENT, CT_ORDER_CLEAR, false },
		{ "who has gone", CT_ORDER_CLEAR, 0, CT_ORDER_AGAIN, false },
		{ "or had already", CT_ORDER_CLEAR, -ENOENT, CT_ORDER_AGAIN, false },
		{ "or stays", CT_ORDER_CLEAR, -EBUSY, CT_ORDER_FAILED, false },
		{ "made at last", CT_ORDER_AGAIN, 0, CT_ORDER_DONE, false },
		{ "and not for ever", CT_ORDER_AGAIN, -EEXIST, CT_ORDER_FAILED, false },
		{ "made short", CT_ORDER_SHORTEN, 0, CT_ORDER_DONE, false },
		{ "it had gone here, too", CT_ORDER_SHORTEN, -ENOENT, CT_ORDER_DONE, false },
		{ "dropped", CT_ORDER_DROP, 0, CT_ORDER_DONE, false },
		{ "was not there", CT_ORDER_DROP, -ENOENT, CT_ORDER_DONE, false },
		{ "relaxed", CT_ORDER_RELAX, 0, CT_ORDER_DONE, false },
		{ "it has ended meanwhile", CT_ORDER_RELAX, -ENOENT, CT_ORDER_DONE, false },
		{ "changed without room for another", CT_ORDER_UPDATE, 0, CT_ORDER_DONE, false },
		{ "which it would be", CT_ORDER_UPDATE, -ENOENT, CT_ORDER_FAILED, true },
		{ "the kernel knows more then, too", CT_ORDER_UPDATE, -EBUSY, CT_ORDER_REST, false },
		{ "no room is not what a change says", CT_ORDER_CHANGE, -ENOMEM, CT_ORDER_FAILED, false },
	};
	struct flow f = entry_of(IPPROTO_TCP, 3, 100);
	ck_assert_int_eq(ct_order_first(&f, true), CT_ORDER_CREATE);
	ck_assert_int_eq(ct_order_first(&f, false), CT_ORDER_UPDATE);
	f.flags |= CT_GONE;
	ck_assert_int_eq(ct_order_first(&f, true), CT_ORDER_SHORTEN);
	ck_assert_int_eq(ct_order_first(&f, false), CT_ORDER_SHORTEN);
	for (size_t i = 0; i < LEN(rows); i++) {
		ck_assert_msg(ct_order_next(rows[i].did, rows[i].err) == rows[i].next, "%s", rows[i].what);
		ck_assert_msg(ct_order_is_full(rows[i].did, rows[i].err) == rows[i].full, "%s", rows[i].what);
	}
}
END_TEST

/* ---- what words of the kernel mean ---- */

static struct lb_time at_s(int64_t s)
{
	return (struct lb_time){ s * 1000000 };
}

/* Known at 1000 s, with 100 s left then. */
static const struct {
	const char *what;
	int known; /* -1: not; else the origin */
	bool known_gone, in_kernel, first;
	enum ct_said said;
	uint16_t state;
	uint32_t left_s; /* what the kernel says */
	int64_t now_s;
	enum ct_verdict verdict;
} words[] = {
	{ "a new one", -1, false, false, false, CT_SAID_CHANGED, 3, 100, 1000, CT_LOCAL },
	{ "another state", FLOW_LOCAL, false, false, false, CT_SAID_CHANGED, 4, 100, 1000, CT_LOCAL },
	{ "packets of the other node's come by here", FLOW_PEER, false, true, false, CT_SAID_CHANGED, 4, 100, 1000,
		CT_LOCAL },
	{ "at start: nobody knows since when", -1, false, false, true, CT_SAID_THERE, 3, 100, 1000, CT_OLD },
	{ "later: nobody said a word of it", -1, false, false, false, CT_SAID_THERE, 3, 100, 1000, CT_LOCAL },
	{ "as it is known", FLOW_LOCAL, false, false, false, CT_SAID_THERE, 3, 90, 1010, CT_SAW },
	{ "its packets are told now and then", FLOW_LOCAL, false, false, false, CT_SAID_THERE, 3, 100, 1030, CT_LOCAL },
	{ "not each of them", FLOW_LOCAL, false, false, false, CT_SAID_THERE, 3, 100, 1020, CT_SAW },
	{ "a change that nobody told", FLOW_LOCAL, false, false, false, CT_SAID_THERE, 4, 90, 1010, CT_LOCAL },
	{ "it was thought to have gone", FLOW_LOCAL, true, false, false, CT_SAID_THERE, 3, 90, 1010, CT_LOCAL },
	{ "the other node's, as it was put", FLOW_PEER, false, true, false, CT_SAID_THERE, 3, 90, 1010, CT_SAW },
	{ "rounded, and a little late", FLOW_PEER, false, true, false, CT_SAID_THERE, 3, 94, 1010, CT_SAW },
	{ "packets come by", FLOW_PEER, false, true, false, CT_SAID_THERE, 3, 95, 1010, CT_LOCAL },
	{ "its state was not told by this kernel", FLOW_PEER, false, true, false, CT_SAID_THERE, 4, 90, 1010, CT_SAW },
	{ "what was there before it was put", FLOW_PEER, false, false, false, CT_SAID_THERE, 4, 500, 1010, CT_SAW },
	{ "it has gone there, and lives here", FLOW_PEER, true, true, false, CT_SAID_THERE, 3, 100, 1010, CT_LOCAL },
	{ "the first look read it before that", FLOW_PEER, true, true, true, CT_SAID_THERE, 3, 100, 1010, CT_SAW },
	{ "gone", FLOW_LOCAL, false, false, false, CT_SAID_GONE, 0, 1, 1010, CT_GO },
	{ "it ends there by itself", FLOW_LOCAL, false, false, false, CT_SAID_GONE, 0, 1, 1097, CT_FORGET },
	{ "as late as rounding and the way may make it", FLOW_LOCAL, false, false, false, CT_SAID_GONE, 0, 1, 1096,
		CT_FORGET },
	{ "a second before that it must be told", FLOW_LOCAL, false, false, false, CT_SAID_GONE, 0, 1, 1095, CT_GO },
	{ "gone, and that was known", FLOW_LOCAL, true, false, false, CT_SAID_GONE, 0, 1, 1010, CT_SAW },
	{ "the other node's: the next look mends it", FLOW_PEER, false, true, false, CT_SAID_GONE, 0, 1, 1010,
		CT_NOTHING },
	{ "nobody knew of it", -1, false, false, false, CT_SAID_GONE, 0, 1, 1010, CT_NOTHING },
};

static const struct ct_reach all_heard = { UINT64_MAX, UINT64_MAX };

static const struct flow_entry *known(struct flow_table *t, int origin, bool gone)
{
	const struct flow_entry *e = NULL;
	struct flow f = entry_of(IPPROTO_TCP, 3, 100);
	f.flags |= gone ? CT_GONE : 0;
	if (origin >= 0)
		ck_assert_int_eq(flow_table_put(t, &f, (enum flow_origin)origin, at_s(1000), &e), 0);
	return e;
}

START_TEST(what_the_kernel_says)
{
	struct flow_table *t = flow_table_new(1, 10);
	const struct flow_entry *have = known(t, words[_i].known, words[_i].known_gone);
	struct flow f = entry_of(IPPROTO_TCP, words[_i].state, words[_i].left_s);
	enum ct_verdict got = ct_book_said(
		have, &f, words[_i].said, words[_i].in_kernel, words[_i].first, &all_heard, at_s(words[_i].now_s));
	ck_assert_msg(got == words[_i].verdict, "%s: %d", words[_i].what, got);
	flow_table_free(t);
}
END_TEST

START_TEST(what_a_look_does_not_see)
{
	static const struct {
		const char *what;
		enum flow_origin origin;
		bool gone, in_kernel;
		enum ct_missing missing;
		int64_t now_s;
		enum ct_verdict verdict;
	} rows[] = {
		{ "it went without a word", FLOW_LOCAL, false, false, CT_MISSING_LOST, 1010, CT_GO },
		{ "as was told", FLOW_LOCAL, true, false, CT_MISSING_LOST, 1010, CT_NOTHING },
		{ "it ends anyway", FLOW_LOCAL, false, false, CT_MISSING_LOST, 1097, CT_NOTHING },
		{ "the kernel lost the other node's", FLOW_PEER, false, true, CT_MISSING_LOST, 1010, CT_AGAIN },
		{ "it has not got it yet", FLOW_PEER, false, false, CT_MISSING_LOST, 1010, CT_NOTHING },
		{ "the other node's, and it is not copied any more", FLOW_PEER, false, true, CT_MISSING_ENDED, 1010,
			CT_GO },
		{ "that, or it never was there", FLOW_PEER, false, true, CT_MISSING_LACKING, 1010, CT_FORGET },
		{ "its own: the other node may let go of it", FLOW_LOCAL, false, false, CT_MISSING_ENDED, 1010, CT_GO },
		{ "it has gone there", FLOW_PEER, true, true, CT_MISSING_LOST, 1010, CT_NOTHING },
		{ "as was told, and it has ended there, too", FLOW_LOCAL, true, false, CT_MISSING_LOST, 1101,
			CT_FORGET },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct flow_table *t = flow_table_new(1, 10);
		const struct flow_entry *have = known(t, rows[i].origin, rows[i].gone);
		enum ct_verdict got =
			ct_book_unseen(have, rows[i].in_kernel, rows[i].missing, &all_heard, at_s(rows[i].now_s));
		ck_assert_msg(got == rows[i].verdict, "%s: %d", rows[i].what, got);
		flow_table_free(t);
	}
}
END_TEST

/* A reload copies less: of what the other node told before nothing is done, and its last words of it are taken. It is
 * over when this kernel changes it. */
START_TEST(what_is_not_copied_any_more)
{
	struct flow_table *t = flow_table_new(1, 10);
	ck_assert_int_eq(ct_book_said_apart(NULL, CT_SAID_THERE), CT_NOTHING);
	ck_assert(!ct_book_takes_apart(NULL));
	const struct flow_entry *have = known(t, FLOW_LOCAL, false);
	ck_assert(ct_book_said_apart(have, CT_SAID_THERE) == CT_NOTHING && !ct_book_takes_apart(have));
	have = known(t, FLOW_PEER, false);
	ck_assert(ct_book_said_apart(have, CT_SAID_THERE) == CT_SAW && ct_book_takes_apart(have));
	ck_assert_int_eq(ct_book_said_apart(have, CT_SAID_CHANGED), CT_GO);
	ck_assert_int_eq(ct_book_said_apart(have, CT_SAID_GONE), CT_GO);
	have = known(t, FLOW_PEER, true);
	ck_assert(!ct_book_takes_apart(have));
	ck_assert_int_eq(ct_book_said_apart(have, CT_SAID_GONE), CT_NOTHING); /* it stands there for the other node */
	flow_table_free(t);
}
END_TEST

START_TEST(an_end_on_its_way)
{
	struct flow_table *t = flow_table_new(1, 10);
	struct flow out, gone = entry_of(IPPROTO_TCP, 3, 30), lives = gone;
	gone.flags |= CT_GONE;
	const struct flow_entry *have = known(t, FLOW_LOCAL, false);
	ct_book_gone(have, &out);
	ck_assert((out.flags & CT_FLAGS) == (CT_SEEN_REPLY | CT_SRC_NAT | CT_GONE) && out.ct.to_port == 2000);
	/* nobody takes away what this kernel told itself; the rest as any news */
	ck_assert_int_eq(ct_book_takes(have, &gone, true, false, at_s(1010)), CT_DOUBTED);
	ck_assert_int_eq(ct_book_takes(have, &gone, false, false, at_s(1010)), CT_REFUSED);
	ck_assert_int_eq(ct_book_takes(have, &lives, true, false, at_s(1010)), CT_TAKEN);
	have = known(t, FLOW_LOCAL, true); /* on both nodes */
	ck_assert_int_eq(ct_book_takes(have, &gone, true, false, at_s(1010)), CT_REFUSED);
	have = known(t, FLOW_PEER, false);
	ck_assert_int_eq(ct_book_takes(have, &gone, true, false, at_s(1010)), CT_TAKEN);
	ck_assert_int_eq(ct_book_takes(have, &gone, false, false, at_s(1010)), CT_REFUSED);
	ck_assert_int_eq(ct_book_takes(have, &lives, false, false, at_s(1010)), CT_REFUSED);
	ck_assert_int_eq(ct_book_takes(NULL, &gone, true, false, at_s(1010)), CT_REFUSED);
	ck_assert_int_eq(
		ct_book_takes(NULL, &gone, true, true, at_s(1010)), CT_TAKEN); /* the look may come to it later */
	ck_assert_int_eq(ct_book_takes(NULL, &gone, false, true, at_s(1010)), CT_REFUSED);
	ck_assert_int_eq(ct_book_takes(NULL, &lives, true, false, at_s(1010)), CT_TAKEN);
	flow_table_free(t);
}
END_TEST

/* The other node took over at 1000 s, and tells of a busy connection rarely. This one's kernel has given it up
 * meanwhile, keeps that, and does not believe an older word: it must hear of it again. What has had no packet stays
 * untold. */
START_TEST(an_end_of_what_lives)
{
	struct flow_table *t = flow_table_new(1, 10);
	struct flow f = entry_of(IPPROTO_TCP, 3, 432000), gone = f, again;
	const struct sync_from told = { 1170000, false };
	const struct flow_entry *have;
	gone.flags |= CT_GONE | CT_TOLD;
	ck_assert_int_eq(flow_table_put(t, &gone, FLOW_LOCAL, at_s(1270), &have), 0);
	ck_assert(!sync_is_news(have, &told, at_s(2170)) && sync_is_news(have, &(struct sync_from){ 0 }, at_s(2170)));
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, at_s(1000), &have), 0);
	struct flow packets = entry_of(IPPROTO_TCP, 3, 431990), idle = entry_of(IPPROTO_TCP, 3, 430800);
	ck_assert_int_eq(ct_book_said(have, &packets, CT_SAID_THERE, false, false, &all_heard, at_s(2200)), CT_SAW);
	ck_assert_int_eq(ct_book_takes(have, &gone, true, false, at_s(2170)), CT_DOUBTED);
	ck_assert(ct_book_doubt(have, at_s(2170), &again) && again.timeout_s == 430830);
	ck_assert_int_eq(flow_table_put_aged(t, &again, FLOW_LOCAL, 1170000, at_s(2170), &have), 0);
	ck_assert(have->put_at.us == at_s(1000).us && ct_flow_same(&f, &again));
	ck_assert_int_eq(ct_book_takes(have, &gone, true, false, at_s(2180)), CT_REFUSED);
	ck_assert_int_eq(ct_book_said(have, &idle, CT_SAID_THERE, false, false, &all_heard, at_s(2200)), CT_SAW);
	ck_assert_int_eq(ct_book_said(have, &packets, CT_SAID_THERE, false, false, &all_heard, at_s(2200)), CT_LOCAL);
	packets.timeout_s = 300; /* data is on its way whenever it is looked at */
	ck_assert_int_eq(ct_book_said(have, &packets, CT_SAID_THERE, false, false, &all_heard, at_s(2200)), CT_LOCAL);
	ck_assert(!ct_book_doubt(have, at_s(1000 + 432001), &again));
	flow_table_free(t);
}
END_TEST

/* Nor is the other node told of it before that: asked for all, it might have forgotten that it has told the end. */
START_TEST(a_doubted_one_is_not_told)
{
	struct flow_table *t = flow_table_new(1, 10);
	struct sync_flow_source s;
	struct sync_item item;
	struct flow f;
	const struct flow_entry *have = known(t, FLOW_LOCAL, false);
	sync_ct_source_init(&s, t);
	s.source.seek(&s.source, 0);
	ck_assert(s.source.next(&s.source, at_s(1010), &item) && !item.gone);
	ck_assert(ct_book_doubt(have, at_s(1010), &f));
	ck_assert_int_eq(flow_table_put_aged(t, &f, FLOW_LOCAL, 10000, at_s(1010), &have), 0);
	ck_assert(s.source.next(&s.source, at_s(1010), &item) && item.number == have->number && item.gone);
	ct_book_gone(have, &f);
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, at_s(1020), &have), 0);
	ck_assert(s.source.next(&s.source, at_s(1020), &item) && !item.gone);
	sync_flow_source_done(&s);
	flow_table_free(t);
}
END_TEST

/* Number 1, told at 1000 s; who listens again waits for the first look. */
START_TEST(old_words_wait)
{
	struct flow_table *t = flow_table_new(1, 10);
	const struct flow_entry *have = known(t, FLOW_PEER, false);
	ck_assert(ct_book_waits(have, 60000, have->number, at_s(1060)));
	ck_assert(ct_book_waits(have, CT_OLD_MS, have->number, at_s(1060)));
	ck_assert(!ct_book_waits(have, 50000, have->number, at_s(1060))); /* it has told that since */
	ck_assert(!ct_book_waits(have, 60000, have->number - 1, at_s(1060)));
	ck_assert(!ct_book_waits(NULL, 60000, UINT64_MAX, at_s(1060)));
	ck_assert(!ct_book_waits(known(t, FLOW_LOCAL, false), 60000, UINT64_MAX, at_s(1060)));
	flow_table_free(t);
}
END_TEST

/* Nobody hears that one ends, so it must be known until somebody does: by then the other node may have kept what it
 * heard before for hours. Number 1, known at 1000 s with 100 s left. */
START_TEST(an_end_that_was_not_heard)
{
	static const struct {
		const char *what;
		bool earlier; /* the other node may have heard of it before */
		struct ct_reach reach;
		int64_t now_s;
		enum ct_verdict gone, unseen, expired;
	} rows[] = {
		{ "it heard how short it is", true, { 1, 1 }, 1100, CT_FORGET, CT_NOTHING, CT_FORGET },
		{ "on its way", false, { 1, 0 }, 1100, CT_GO, CT_NOTHING, CT_GO },
		{ "it heard another word of it", true, { 0, 0 }, 1100, CT_GO, CT_NOTHING, CT_GO },
		{ "it heard nothing of it", false, { 0, 0 }, 1100, CT_FORGET, CT_NOTHING, CT_FORGET },
		{ "nothing, and before its time", false, { 0, 0 }, 1010, CT_FORGET, CT_FORGET, CT_FORGET },
		{ "another word, and before its time", true, { 0, 0 }, 1010, CT_GO, CT_GO, CT_GO },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct flow_table *t = flow_table_new(1, 10);
		struct flow f = entry_of(IPPROTO_TCP, 3, 100);
		const struct flow_entry *have;
		f.flags |= rows[i].earlier ? CT_TOLD : 0;
		ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, at_s(1000), &have), 0);
		struct lb_time now = at_s(rows[i].now_s);
		const struct ct_reach *reach = &rows[i].reach;
		ck_assert_msg(ct_book_said(have, &f, CT_SAID_GONE, false, false, reach, now) == rows[i].gone, "%s",
			rows[i].what);
		ck_assert_msg(
			ct_book_unseen(have, false, CT_MISSING_LOST, reach, now) == rows[i].unseen, "%s", rows[i].what);
		ck_assert_msg(ct_book_expired(have, reach) == rows[i].expired, "%s", rows[i].what);
		flow_table_free(t);
	}
}
END_TEST

/* Kept for days, told as what ends at once; and not for ever when it was told. */
START_TEST(an_end_is_kept_until_it_was_heard)
{
	struct flow_table *t = flow_table_new(1, 10);
	struct flow gone, told;
	struct sync_from from = { 0 };
	struct sync_item item;
	struct sync_flow_source s;
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	const struct flow_entry *have = known(t, FLOW_LOCAL, false);
	ct_book_gone(have, &gone);
	ck_assert_int_eq(flow_table_put(t, &gone, FLOW_LOCAL, at_s(1100), &have), 0);
	ck_assert_uint_eq(flow_table_expire(t, at_s(1100 + 86400), 10), 0);
	ck_assert_int_eq(ct_book_unseen(have, false, CT_MISSING_LOST, &(struct ct_reach){ 1, 1 }, at_s(1100 + 86400)),
		CT_NOTHING);
	sync_ct_source_init(&s, t);
	s.source.seek(&s.source, 1);
	ck_assert(s.source.next(&s.source, at_s(1100 + 86400), &item));
	s.source.write(&s.source, &item, &from, at_s(1100 + 86400), &w);
	ck_assert_int_eq(sync_ct_read(bytes, (size_t)(w.p - bytes), &told, &from), 0);
	ck_assert(told.flags & CT_GONE && told.timeout_s == 300);
	ck_assert_int_eq(ct_book_unseen(have, false, CT_MISSING_LOST, &all_heard, at_s(1100 + 86400)), CT_FORGET);
	ck_assert_int_eq(ct_book_expired(have, &(struct ct_reach){ 2, 1 }), CT_FORGET);
	sync_flow_source_done(&s);
	flow_table_free(t);
}
END_TEST

/* What the other node told, or may have been told, is told to have ended; what it may have stays known with its next
 * word. */
START_TEST(what_the_other_node_may_have)
{
	struct flow_table *t = flow_table_new(1, 10);
	const struct ct_reach none = { 0, 0 };
	struct flow f = entry_of(IPPROTO_TCP, 3, 100), same = f;
	same.flags |= CT_TOLD;
	ck_assert(ct_flow_same(&f, &same));
	ck_assert(!ct_book_was_told(NULL, &all_heard));
	ck_assert(ct_book_was_told(known(t, FLOW_PEER, false), &none));
	ck_assert(!ct_book_was_told(known(t, FLOW_LOCAL, false), &none)); /* number 2 */
	const struct flow_entry *have = flow_table_find(t, &f.key);
	ck_assert(!ct_book_was_told(have, &(struct ct_reach){ 1, 1 }));
	ck_assert(ct_book_was_told(have, &(struct ct_reach){ 2, 0 }));
	ck_assert_int_eq(flow_table_put(t, &same, FLOW_LOCAL, at_s(1000), &have), 0);
	ck_assert(ct_book_was_told(have, &none));
	/* those that are due, one by one */
	ck_assert_ptr_null(flow_table_due(t, at_s(1099)));
	ck_assert_ptr_eq(flow_table_due(t, at_s(1101)), have);
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, at_s(1101), NULL), 0);
	ck_assert_ptr_null(flow_table_due(t, at_s(1101)));
	flow_table_free(t);
}
END_TEST

/* At its start a node takes whatever its kernel has for its own, on a standby also what the other node had told. Who
 * has run on has seen it end. */
START_TEST(what_was_there_before)
{
	struct flow_table *t = flow_table_new(1, 10);
	const int64_t day_ms = 86400000;
	struct flow f = entry_of(IPPROTO_TCP, 3, 432000), gone = f, short_one = entry_of(IPPROTO_UDP, 0, 20);
	const struct flow_entry *have;
	gone.flags |= CT_GONE;
	ck_assert_uint_eq(ct_book_takes_s(NULL, &f, 31 * day_ms, true), 300);
	ck_assert_uint_eq(ct_book_takes_s(NULL, &short_one, 31 * day_ms, true), 20);
	ck_assert_uint_eq(ct_book_takes_s(NULL, &f, 29 * day_ms, true), 432000);
	ck_assert_uint_eq(ct_book_takes_s(NULL, &f, 31 * day_ms, false), 432000);
	ck_assert_uint_eq(ct_book_takes_s(NULL, &short_one, 0, true), 60);
	ck_assert_int_eq(flow_table_put_aged(t, &f, FLOW_LOCAL, CT_OLD_MS, at_s(1000), &have), 0);
	ck_assert_uint_eq(ct_book_takes_s(have, &f, 31 * day_ms, true), 432000);
	/* its end is believed, and so are its packets, soon */
	ck_assert_int_eq(ct_book_takes(have, &gone, true, false, at_s(1010)), CT_TAKEN);
	ck_assert_int_eq(ct_book_takes(have, &gone, false, false, at_s(1010)), CT_REFUSED);
	f.timeout_s = 431993;
	ck_assert_int_eq(ct_book_said(have, &f, CT_SAID_THERE, false, false, &all_heard, at_s(1010)), CT_SAW);
	f.timeout_s = 431998;
	ck_assert_int_eq(ct_book_said(have, &f, CT_SAID_THERE, false, false, &all_heard, at_s(1010)), CT_LOCAL);
	f.timeout_s = 300;
	ck_assert_int_eq(ct_book_said(have, &f, CT_SAID_THERE, false, false, &all_heard, at_s(1010)), CT_LOCAL);
	flow_table_free(t);
}
END_TEST

/* ---- in a table ---- */

START_TEST(a_table_of_them)
{
	struct flow_table *t = flow_table_new(1, 10);
	struct flow f = entry_of(IPPROTO_TCP, 3, 100), zone = f, got;
	const struct flow_entry *a, *b;
	zone.key.zone = 7;
	zone.ct.to_port = 1;
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, at_s(10), &a), 0);
	ck_assert_int_eq(flow_table_put(t, &zone, FLOW_PEER, at_s(10), &b), 0);
	ck_assert(a != b && flow_table_find(t, &f.key) == a && flow_table_find(t, &zone.key) == b);
	flow_entry_get(b, &got);
	ck_assert(ct_flow_same(&got, &zone) && got.key.zone == 7);
	/* IPVS has no zones, and nothing of what is not whole is kept */
	f.has_ct = false;
	f.key.zone = 7;
	ck_assert_int_eq(flow_table_put(t, &f, FLOW_LOCAL, at_s(10), NULL), -EINVAL);
	/* looks */
	flow_table_look(t);
	ck_assert(!flow_table_seen(t, a) && !flow_table_seen(t, b));
	flow_table_saw(t, a);
	ck_assert(flow_table_seen(t, a) && !flow_table_seen(t, b));
	flow_table_saw(t, b); /* the last one has nothing behind it */
	ck_assert(flow_table_seen(t, b));
	flow_table_look(t);
	ck_assert(!flow_table_seen(t, a));
	ck_assert_int_eq(flow_table_put(t, &zone, FLOW_PEER, at_s(10), &b), 0);
	ck_assert(flow_table_seen(t, b) && !flow_table_seen(t, a));
	/* one that is old: its time counts from now */
	ck_assert_int_eq(flow_table_put_aged(t, &zone, FLOW_LOCAL, 50000, at_s(10), &b), 0);
	ck_assert(b->put_at.us == -40 * INT64_C(1000000) && b->expires.us == 110 * INT64_C(1000000));
	ck_assert(flow_table_drop(t, &zone.key) && !flow_table_find(t, &zone.key));
	ck_assert_uint_eq(flow_table_expire(t, at_s(200), 10), 1);
	flow_table_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ct_flow");
	TCase *c = tcase_create("entries");
	tcase_add_loop_test(c, what_is_valid, 0, LEN(valid));
	tcase_add_loop_test(c, a_record, 0, LEN(records));
	tcase_add_loop_test(c, a_record_of_nonsense, 0, LEN(valid));
	tcase_add_test(c, a_record_of_ipv6);
	tcase_add_loop_test(c, what_is_the_same, 0, LEN(sames));
	tcase_add_loop_test(c, how_long, 0, LEN(times));
	tcase_add_test(c, what_is_refreshed);
	tcase_add_test(c, orders);
	tcase_add_loop_test(c, what_the_kernel_says, 0, LEN(words));
	tcase_add_test(c, what_a_look_does_not_see);
	tcase_add_test(c, what_is_not_copied_any_more);
	tcase_add_test(c, an_end_on_its_way);
	tcase_add_test(c, an_end_of_what_lives);
	tcase_add_test(c, a_doubted_one_is_not_told);
	tcase_add_test(c, old_words_wait);
	tcase_add_test(c, an_end_that_was_not_heard);
	tcase_add_test(c, an_end_is_kept_until_it_was_heard);
	tcase_add_test(c, what_the_other_node_may_have);
	tcase_add_test(c, what_was_there_before);
	tcase_add_test(c, a_table_of_them);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
