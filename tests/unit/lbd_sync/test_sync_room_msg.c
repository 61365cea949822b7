/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel between the core and the process that copies flows. */
#include "tests/unit/lbd_sync/room_msgs.h"

#define ROUNDS 300

static void same_stats(const struct sync_msg_stats *a, const struct sync_msg_stats *b)
{
	ck_assert(a->kind == b->kind && a->local == b->local && a->peer == b->peer && a->sent == b->sent);
	ck_assert(a->received == b->received && a->injected == b->injected && a->refused == b->refused);
	ck_assert_int_eq(a->kernel_full, b->kernel_full);
	ck_assert_uint_eq(a->unsure, b->unsure);
	ck_assert(a->lost == b->lost && a->resyncs == b->resyncs && a->lag_ms == b->lag_ms && a->full == b->full);
	ck_assert(a->bulk_done == b->bulk_done && a->bulk_all == b->bulk_all);
	ck_assert(a->sent_done == b->sent_done && a->sent_all == b->sent_all);
}

static void same_state(const struct sync_msg_state *a, const struct sync_msg_state *b)
{
	ck_assert_int_eq(a->is, b->is);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_str_eq(a->text, b->text);
	ck_assert_str_eq(a->version, b->version);
	ck_assert(a->sent_all == b->sent_all && a->have_all == b->have_all && a->same_config == b->same_config);
	ck_assert(a->held == b->held && a->order == b->order);
	ck_assert(memcmp(a->stopped, b->stopped, sizeof(a->stopped)) == 0);
	ck_assert_str_eq(a->trouble, b->trouble);
}

static void same_ask(const struct conn_ask *a, const struct conn_ask *b)
{
	const struct conn_filter *x = &a->filter, *y = &b->filter;
	ck_assert(a->id == b->id && a->cut == b->cut);
	ck_assert(lb_ip_cmp(&x->client, &y->client) == 0 && x->prefix == y->prefix && x->client_port == y->client_port);
	ck_assert(x->some == y->some && x->n == y->n);
	for (uint32_t i = 0; i < x->n; i++)
		ck_assert_int_eq(conn_match_cmp(&x->v[i], &y->v[i]), 0);
}

static void same_rows(const struct conn_rows *a, const struct conn_rows *b)
{
	char x[CONN_ROW_STRLEN], y[CONN_ROW_STRLEN];
	ck_assert(a->id == b->id && a->n == b->n);
	for (uint32_t i = 0; i < a->n; i++)
		ck_assert_str_eq(conn_row_str(&a->v[i], x), conn_row_str(&b->v[i], y));
}

static void same_end(const struct conn_end *a, const struct conn_end *b)
{
	ck_assert(a->id == b->id && a->err == b->err && a->seen == b->seen && a->ended == b->ended);
	ck_assert(a->left == b->left && a->unsure == b->unsure);
	ck_assert_str_eq(a->text, b->text);
}

static void same_ways(const struct conn_ways *a, const struct conn_ways *b)
{
	char x[CONN_WAY_STRLEN], y[CONN_WAY_STRLEN];
	ck_assert(a->id == b->id && a->first == b->first && a->last == b->last && a->n == b->n);
	for (uint32_t i = 0; i < a->n; i++)
		ck_assert_str_eq(conn_way_str(&a->v[i], x), conn_way_str(&b->v[i], y));
}

static void same_looked(const struct conn_looked *a, const struct conn_looked *b)
{
	ck_assert(a->id == b->id && a->err == b->err && a->found == b->found && a->unsure == b->unsure);
}

static void same(const struct sync_room_msg *a, const struct sync_room_msg *b, uint64_t seed)
{
	ck_assert_int_eq(a->type, b->type);
	switch (a->type) {
	case SYNC_MSG_HELLO:
		ck_assert(a->u.hello.version == b->u.hello.version && a->u.hello.level == b->u.hello.level);
		break;
	case SYNC_MSG_SET:
		ck_assert_msg(
			sync_conf_same(a->u.set, b->u.set), "sync.set differs, seed %llu", (unsigned long long)seed);
		break;
	case SYNC_MSG_DO:
		ck_assert_int_eq(a->u.run.what, b->u.run.what);
		for (unsigned i = 0; i < SYNC_KIND_COUNT; i++)
			ck_assert_int_eq(a->u.run.kinds[i], b->u.run.kinds[i]);
		break;
	case SYNC_MSG_MULTICAST:
		ck_assert_int_eq(a->u.multicast.master, b->u.multicast.master);
		ck_assert_str_eq(a->u.multicast.device, b->u.multicast.device);
		ck_assert(a->u.multicast.id == b->u.multicast.id && a->u.multicast.port == b->u.multicast.port);
		ck_assert_int_eq(lb_ip_cmp(&a->u.multicast.group, &b->u.multicast.group), 0);
		break;
	case SYNC_MSG_LOG: ck_assert_int_eq(a->u.log, b->u.log); break;
	case SYNC_MSG_PING: ck_assert_uint_eq(a->u.ping, b->u.ping); break;
	case SYNC_MSG_TALK_OUT:
	case SYNC_MSG_TALK_IN:
		ck_assert(a->u.talk.id == b->u.talk.id && a->u.talk.flags == b->u.talk.flags);
		ck_assert(a->u.talk.n == b->u.talk.n && memcmp(a->u.talk.text, b->u.talk.text, a->u.talk.n) == 0);
		ck_assert_uint_eq(a->u.talk.link, b->u.talk.link);
		break;
	case SYNC_MSG_TALK_LINK: ck_assert_uint_eq(a->u.talk.link, b->u.talk.link); break;
	case SYNC_MSG_READY:
		ck_assert(a->u.ready.version == b->u.ready.version && a->u.ready.pid == b->u.ready.pid);
		break;
	case SYNC_MSG_STATE: same_state(&a->u.state, &b->u.state); break;
	case SYNC_MSG_STATS: same_stats(&a->u.stats, &b->u.stats); break;
	case SYNC_MSG_PONG:
		ck_assert(a->u.pong.n == b->u.pong.n && a->u.pong.lag_us == b->u.pong.lag_us);
		ck_assert_uint_eq(a->u.pong.rss_kib, b->u.pong.rss_kib);
		break;
	case SYNC_MSG_CONN_LIST:
	case SYNC_MSG_CONN_KILL:
	case SYNC_MSG_CONN_BIND: same_ask(&a->u.conn_ask, &b->u.conn_ask); break;
	case SYNC_MSG_CONN_MORE:
	case SYNC_MSG_CONN_STOP: ck_assert_uint_eq(a->u.conn_id, b->u.conn_id); break;
	case SYNC_MSG_CONN_ROWS: same_rows(&a->u.conn_rows, &b->u.conn_rows); break;
	case SYNC_MSG_CONN_END: same_end(&a->u.conn_end, &b->u.conn_end); break;
	case SYNC_MSG_LOOK_WAYS: same_ways(&a->u.ways, &b->u.ways); break;
	case SYNC_MSG_LOOK_WANT: break;
	case SYNC_MSG_LOOK_END: same_looked(&a->u.looked, &b->u.looked); break;
	}
}

static json_t *line_of(const struct sync_room_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	sync_room_msg_write(m, &line);
	return parse_written(&line);
}

START_TEST(what_is_written_is_read)
{
	struct sync_room_msg untouched;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (uint64_t seed = 0; seed < ROUNDS * SYNC_MSG_COUNT; seed++) {
		uint64_t s = seed * 1000003;
		enum sync_msg_type type = (enum sync_msg_type)(seed % SYNC_MSG_COUNT);
		struct msgs_room room;
		struct sync_room_msg m, got, wrong;
		memset(&wrong, 0x5a, sizeof(wrong));
		msgs_random(&s, type, &m, &room);
		json_t *o = line_of(&m);
		ck_assert_str_eq(lb_proto_str(o, "msg"), sync_room_msg_name(type));
		int rc = msgs_read(type, o, &got);
		ck_assert_msg(rc == 0, "%s: %d, seed %llu", sync_room_msg_name(type), rc, (unsigned long long)seed);
		same(&m, &got, seed);
		sync_room_msg_done(&got);
		sync_room_msg_done(&got); /* once more does no harm */
		/* and never by the side that sends it; what it had stays as it was */
		ck_assert_int_eq(
			(msgs_to_sync(type) ? sync_room_msg_read_core : sync_room_msg_read_sync)(o, &wrong), -EBADMSG);
		ck_assert_int_eq(memcmp((const char *)&wrong, (const char *)&untouched, sizeof(wrong)), 0);
		json_decref(o);
	}
}
END_TEST

START_TEST(words)
{
	static const char *const links[] = { "off", "down", "bulk", "in-sync", "paused" };
	static const char *const dos[] = { "resync", "pause", "resume" };
	static const char *const whats[] = { "off", "established", "all" };
	for (size_t i = 0; i < SYNC_IS_COUNT; i++)
		ck_assert_str_eq(sync_link_words[i], links[i]);
	for (size_t i = 0; i < SYNC_DO_COUNT; i++)
		ck_assert_str_eq(sync_dos[i], dos[i]);
	for (size_t i = 0; i <= SYNC_ALL; i++)
		ck_assert_str_eq(sync_whats[i], whats[i]);
	static const char *const conntracks[] = { "auto", "all", "off" };
	for (size_t i = 0; i <= SYNC_CONNTRACK_OFF; i++)
		ck_assert_str_eq(sync_conntracks[i], conntracks[i]);
	ck_assert_str_eq(sync_kinds[SYNC_IPVS], "ipvs");
	ck_assert_str_eq(sync_kinds[SYNC_CONNTRACK], "conntrack");
	for (int i = 0; i < SYNC_MSG_COUNT; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(
				sync_room_msg_name((enum sync_msg_type)i), sync_room_msg_name((enum sync_msg_type)k));
}
END_TEST

/* ---- messages with all their members ---- */

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SET                                                                                                            \
	"{\"msg\":\"sync.set\",\"flows\":true,\"multicast\":false,\"self\":\"lb-a\",\"peer\":\"lb-b\",\"cluster\":7,"  \
	"\"port\":9789,"                                                                                               \
	"\"config\":\"00000000deadbeef\",\"generation\":17,\"rate\":50000,\"key\":\"" KEY "\","                        \
	"\"paths\":[{\"ours\":\"10.0.0.1\",\"theirs\":\"10.0.0.2\"},{\"ours\":\"fd00::1\",\"theirs\":\"fd00::2\"}],"   \
	"\"skips\":[\"off tcp 203.0.113.10\",\"off tcp 203.0.113.10:80\",\"all udp 203.0.113.10:80\","                 \
	"\"off sctp [2001:db8::1]:443\",\"all mark 10 ipv4\",\"off mark 10 ipv6\"],"                                   \
	"\"ipvs\":true,\"ways\":3,\"conntrack\":\"auto\",\"nats\":[\"all tcp "                                         \
	"203.0.113.10:80\"],\"paused\":[\"ipvs\"],\"forwards\":true}"
#define STATE                                                                                                          \
	"{\"msg\":\"sync.state\",\"is\":\"down\",\"reason\":\"key_mismatch\",\"text\":\"who knows\","                  \
	"\"version\":\"1\",\"sent_all\":true,\"have_all\":false,\"same_config\":true,\"order\":9,\"held\":false,"      \
	"\"ipvs_stopped\":false,\"conntrack_stopped\":true,"                                                           \
	"\"trouble\":\"no module\"}"
#define STATS                                                                                                          \
	"{\"msg\":\"sync.stats\",\"kind\":\"conntrack\",\"local\":1,\"peer\":2,\"sent\":3,\"received\":4,"             \
	"\"injected\":5,\"refused\":6,\"lost\":7,\"unsure\":15,\"resyncs\":8,\"bulk_done\":9,\"bulk_all\":10,\"sent_"  \
	"done\":11,"                                                                                                   \
	"\"sent_all\":12,\"lag_ms\":13,\"full\":14,\"kernel_full\":true}"

#define ASK(name)                                                                                                      \
	"{\"msg\":\"" name "\",\"id\":7,\"cut\":true,\"client\":\"10.0.0.0\",\"prefix\":8,\"port\":40000,"             \
	"\"matches\":[\"udp 203.0.113.10:53 -\",\"tcp 203.0.113.10:80 10.1.0.11:8080\",\"any fwmark:10/ipv4 "          \
	"10.1.0.12\"]}"

static const char *const bases[SYNC_MSG_COUNT] = {
	[SYNC_MSG_HELLO] = "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}",
	[SYNC_MSG_SET] = SET,
	[SYNC_MSG_DO] = "{\"msg\":\"sync.do\",\"what\":\"pause\",\"kinds\":[\"conntrack\"],\"number\":4}",
	[SYNC_MSG_MULTICAST] = "{\"msg\":\"sync.multicast\",\"master\":true,\"device\":\"sync0\",\"id\":7,"
			       "\"group\":\"224.0.0.81\",\"port\":8848}",
	[SYNC_MSG_LOG] = "{\"msg\":\"log\",\"level\":\"debug\"}",
	[SYNC_MSG_PING] = "{\"msg\":\"ping\",\"n\":5}",
	[SYNC_MSG_CONN_LIST] = ASK("conn.list"),
	[SYNC_MSG_CONN_MORE] = "{\"msg\":\"conn.more\",\"id\":7}",
	[SYNC_MSG_CONN_STOP] = "{\"msg\":\"conn.stop\",\"id\":7}",
	[SYNC_MSG_CONN_KILL] = ASK("conn.kill"),
	[SYNC_MSG_CONN_BIND] = ASK("conn.bind"),
	[SYNC_MSG_CONN_ROWS] = "{\"msg\":\"conn.rows\",\"id\":7,\"rows\":["
			       "\"6 10.0.0.2:40000 203.0.113.10:80 10.1.0.11:8080 1 899 0 local\","
			       "\"0 10.0.0.0 0.0.0.10 10.1.0.12 1 300 10 template\"]}",
	[SYNC_MSG_CONN_END] = "{\"msg\":\"conn.end\",\"id\":7,\"err\":2,\"seen\":3,\"ended\":2,\"left\":1,"
			      "\"unsure\":true,\"text\":\"why\"}",
	[SYNC_MSG_LOOK_WAYS] = "{\"msg\":\"look.ways\",\"id\":7,\"first\":true,\"last\":false,\"ways\":["
			       "\"nat 0 tcp 203.0.113.10:80 -\",\"dr 300 any fwmark:10/ipv4 10.1.0.12\"]}",
	[SYNC_MSG_LOOK_WANT] = "{\"msg\":\"look.want\"}",
	[SYNC_MSG_LOOK_END] = "{\"msg\":\"look.end\",\"id\":7,\"err\":2,\"found\":3,\"unsure\":1}",
	[SYNC_MSG_TALK_OUT] = "{\"msg\":\"talk.out\",\"link\":2,\"id\":3,\"flags\":1,\"text\":\"{\\n\"}",
	[SYNC_MSG_TALK_LINK] = "{\"msg\":\"talk.link\",\"link\":2}",
	[SYNC_MSG_TALK_IN] = "{\"msg\":\"talk.in\",\"id\":3,\"flags\":17,\"text\":\"\"}",
	[SYNC_MSG_READY] = "{\"msg\":\"ready\",\"version\":1,\"pid\":4711}",
	[SYNC_MSG_STATE] = STATE,
	[SYNC_MSG_STATS] = STATS,
	[SYNC_MSG_PONG] = "{\"msg\":\"pong\",\"n\":5,\"lag_us\":2,\"rss_kib\":3}",
};

static const struct channel channel = { bases, msgs_name, msgs_check };

/* Each member of each message. */
static const struct member members[] = {
	{ SYNC_MSG_HELLO, "version", INT, 1, UINT32_MAX },
	{ SYNC_MSG_HELLO, "level", WORD, 0, 0 },
	{ SYNC_MSG_SET, "flows", BOOL, 0, 0 },
	{ SYNC_MSG_SET, "multicast", BOOL, 0, 0 },
	{ SYNC_MSG_SET, "self", TEXT, 1, 63 },
	{ SYNC_MSG_SET, "peer", TEXT, 1, 63 },
	{ SYNC_MSG_SET, "cluster", INT, 1, 255 },
	{ SYNC_MSG_SET, "port", INT, 1, 65535 },
	{ SYNC_MSG_SET, "config", HEX, 16, 16 },
	{ SYNC_MSG_SET, "generation", INT, 0, UINT32_MAX },
	{ SYNC_MSG_SET, "rate", INT, 1, SYNC_RATE_MAX },
	{ SYNC_MSG_SET, "ways", INT, 0, UINT32_MAX },
	{ SYNC_MSG_SET, "key", HEX, 64, 128 },
	{ SYNC_MSG_SET, "paths", LIST, 0, 0 },
	{ SYNC_MSG_SET, "paths.ours", IP, 0, 0 },
	{ SYNC_MSG_SET, "paths.theirs", IP, 0, 0 },
	{ SYNC_MSG_SET, "skips", LIST, 0, 0 },
	{ SYNC_MSG_SET, "ipvs", BOOL, 0, 0 },
	{ SYNC_MSG_SET, "conntrack", WORD, 0, 0 },
	{ SYNC_MSG_SET, "nats", LIST, 0, 0 },
	{ SYNC_MSG_SET, "paused", LIST, 0, 0 },
	{ SYNC_MSG_SET, "forwards", BOOL, 0, 0 },
	{ SYNC_MSG_DO, "what", WORD, 0, 0 },
	{ SYNC_MSG_DO, "kinds", LIST, 0, 0 },
	{ SYNC_MSG_DO, "number", INT, 0, UINT32_MAX },
	{ SYNC_MSG_MULTICAST, "master", BOOL, 0, 0 },
	{ SYNC_MSG_MULTICAST, "device", CARD, 1, 15 },
	{ SYNC_MSG_MULTICAST, "id", INT, 1, 255 },
	{ SYNC_MSG_MULTICAST, "group", IP, 0, 0 },
	{ SYNC_MSG_MULTICAST, "port", INT, 1, 65535 },
	{ SYNC_MSG_LOG, "level", WORD, 0, 0 },
	{ SYNC_MSG_PING, "n", INT, 0, UINT32_MAX },
	{ SYNC_MSG_TALK_OUT, "link", INT, 0, UINT32_MAX },
	{ SYNC_MSG_TALK_OUT, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_TALK_OUT, "flags", INT, 0, UINT8_MAX },
	{ SYNC_MSG_TALK_OUT, "text", LINES, 0, SYNC_TALK_TEXT_MAX },
	{ SYNC_MSG_TALK_LINK, "link", INT, 0, UINT32_MAX },
	{ SYNC_MSG_TALK_IN, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_TALK_IN, "flags", INT, 0, UINT8_MAX },
	{ SYNC_MSG_TALK_IN, "text", LINES, 0, SYNC_TALK_TEXT_MAX },
	{ SYNC_MSG_READY, "version", INT, 1, UINT32_MAX },
	{ SYNC_MSG_READY, "pid", INT, 1, INT32_MAX },
	{ SYNC_MSG_STATE, "is", WORD, 0, 0 },
	{ SYNC_MSG_STATE, "reason", TEXT, 0, 63 },
	{ SYNC_MSG_STATE, "text", TEXT, 0, 199 },
	{ SYNC_MSG_STATE, "version", TEXT, 0, 31 },
	{ SYNC_MSG_STATE, "sent_all", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "have_all", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "same_config", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "order", INT, 0, UINT32_MAX },
	{ SYNC_MSG_STATE, "held", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "ipvs_stopped", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "conntrack_stopped", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "trouble", TEXT, 0, 199 },
	{ SYNC_MSG_STATS, "kind", WORD, 0, 0 },
	{ SYNC_MSG_STATS, "local", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "peer", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "sent", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "received", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "injected", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "refused", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "lost", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "unsure", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "resyncs", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "bulk_done", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "bulk_all", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "sent_done", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "sent_all", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "lag_ms", INT, 0, UINT32_MAX },
	{ SYNC_MSG_STATS, "full", INT, 0, UINT32_MAX },
	{ SYNC_MSG_STATS, "kernel_full", BOOL, 0, 0 },
	{ SYNC_MSG_PONG, "n", INT, 0, UINT32_MAX },
	{ SYNC_MSG_PONG, "lag_us", INT, 0, UINT32_MAX },
	{ SYNC_MSG_PONG, "rss_kib", INT, 0, UINT32_MAX },
	{ SYNC_MSG_CONN_LIST, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_LIST, "cut", BOOL, 0, 0 },
	{ SYNC_MSG_CONN_KILL, "cut", BOOL, 0, 0 },
	{ SYNC_MSG_CONN_LIST, "port", INT, 0, UINT16_MAX },
	{ SYNC_MSG_CONN_MORE, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_STOP, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_KILL, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_KILL, "port", INT, 0, UINT16_MAX },
	{ SYNC_MSG_CONN_LIST, "client", IP | OPTIONAL, 0, 0 },
	{ SYNC_MSG_CONN_LIST, "prefix", INT, 7, 32 }, /* a network, with that client */
	{ SYNC_MSG_CONN_LIST, "matches", LIST | OPTIONAL, 0, 0 },
	{ SYNC_MSG_CONN_KILL, "client", IP | OPTIONAL, 0, 0 },
	{ SYNC_MSG_CONN_KILL, "prefix", INT, 7, 32 }, /* a network, with that client */
	{ SYNC_MSG_CONN_KILL, "matches", LIST | OPTIONAL, 0, 0 },
	{ SYNC_MSG_CONN_BIND, "cut", BOOL, 0, 0 },
	{ SYNC_MSG_CONN_BIND, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_BIND, "port", INT, 0, UINT16_MAX },
	{ SYNC_MSG_CONN_BIND, "client", IP | OPTIONAL, 0, 0 },
	{ SYNC_MSG_CONN_BIND, "prefix", INT, 7, 32 }, /* a network, with that client */
	{ SYNC_MSG_CONN_BIND, "matches", LIST | OPTIONAL, 0, 0 },
	{ SYNC_MSG_CONN_ROWS, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_ROWS, "rows", LIST, 0, 0 },
	{ SYNC_MSG_CONN_END, "id", INT, 1, UINT32_MAX },
	{ SYNC_MSG_CONN_END, "err", INT, 0, 4095 },
	{ SYNC_MSG_CONN_END, "seen", INT, 0, INT64_MAX },
	{ SYNC_MSG_CONN_END, "ended", INT, 0, INT64_MAX },
	{ SYNC_MSG_CONN_END, "left", INT, 0, INT64_MAX },
	{ SYNC_MSG_CONN_END, "unsure", BOOL, 0, 0 },
	{ SYNC_MSG_CONN_END, "text", TEXT, 0, 199 },
	{ SYNC_MSG_LOOK_WAYS, "id", INT, 0, UINT32_MAX },
	{ SYNC_MSG_LOOK_WAYS, "first", BOOL, 0, 0 },
	{ SYNC_MSG_LOOK_WAYS, "last", BOOL, 0, 0 },
	{ SYNC_MSG_LOOK_WAYS, "ways", LIST, 0, 0 },
	{ SYNC_MSG_LOOK_END, "id", INT, 0, UINT32_MAX },
	{ SYNC_MSG_LOOK_END, "err", INT, 0, 4095 },
	{ SYNC_MSG_LOOK_END, "found", INT, 0, INT64_MAX },
	{ SYNC_MSG_LOOK_END, "unsure", INT, 0, INT64_MAX },
};

START_TEST(every_member_counts)
{
	member_counts(&channel, &members[_i]);
}
END_TEST

START_TEST(every_member_has_a_row)
{
	uint64_t s = 4;
	for (int t = 0; t < SYNC_MSG_COUNT; t++) {
		struct msgs_room room;
		struct sync_room_msg m;
		msgs_random(&s, (enum sync_msg_type)t, &m, &room);
		json_t *o = line_of(&m);
		has_rows(members, LEN(members), t, "", o);
		json_decref(o);
	}
}
END_TEST

/* ---- the insides of lists ---- */

#define SKIPS(list)        "{\"skips\":[" list "]}"
#define PATHS(list)        "{\"paths\":[" list "]}"
#define PATH(ours, theirs) "{\"ours\":\"" ours "\",\"theirs\":\"" theirs "\"}"

static const struct {
	const char *what, *change;
	int rc;
} rules[] = {
	{ "as it is", "{}", 0 },
	{ "unknown members are left alone", "{\"later\":{}}", 0 },
	{ "a peer that is named as we are", "{\"peer\":\"lb-a\"}", -EBADMSG },
	{ "no path: there is no other node, and nothing else counts", PATHS(""), 0 },
	{ "no path, and a cluster that is none", "{\"paths\":[],\"cluster\":0}", 0 },
	{ "no path, and a cluster beyond its type", "{\"paths\":[],\"cluster\":256}", -EBADMSG },
	{ "no path, and no key", "{\"paths\":[],\"key\":\"\"}", 0 },
	{ "as many paths as there is room for",
		PATHS(PATH("10.0.0.1", "10.0.0.2") "," PATH("10.0.1.1", "10.0.1.2") "," PATH(
			"10.0.2.1", "10.0.2.2") "," PATH("10.0.3.1", "10.0.3.2")),
		0 },
	{ "and one more",
		PATHS(PATH("10.0.0.1", "10.0.0.2") "," PATH("10.0.1.1", "10.0.1.2") "," PATH(
			"10.0.2.1", "10.0.2.2") "," PATH("10.0.3.1", "10.0.3.2") "," PATH("10.0.4.1", "10.0.4.2")),
		-EBADMSG },
	{ "a path to ourselves", PATHS(PATH("10.0.0.1", "10.0.0.1")), -EBADMSG },
	{ "a path of two families", PATHS(PATH("10.0.0.1", "fd00::2")), -EBADMSG },
	{ "no exception", SKIPS(""), 0 },
	{ "nothing is paused", "{\"paused\":[]}", 0 },
	{ "a pause of no kind", "{\"paused\":[\"sctp\"]}", -EBADMSG },
	{ "everything of connection tracking", "{\"conntrack\":\"all\",\"nats\":[]}", 0 },
	{ "a listener with source_nat is copied", "{\"nats\":[\"off tcp 203.0.113.10:80\"]}", -EBADMSG },
	{ "two of them, not in their order", "{\"nats\":[\"all udp 203.0.113.10:80\",\"all tcp 203.0.113.10:80\"]}",
		-EBADMSG },
	{ "one", SKIPS("\"all tcp 203.0.113.10:80\""), 0 },
	{ "the rule is no exception", SKIPS("\"established tcp 203.0.113.10:80\""), -EBADMSG },
	{ "no such word", SKIPS("\"any tcp 203.0.113.10:80\""), -EBADMSG },
	{ "no such protocol", SKIPS("\"all icmp 203.0.113.10:80\""), -EBADMSG },
	{ "an empty protocol", SKIPS("\"all  203.0.113.10:80\""), -EBADMSG },
	{ "no address", SKIPS("\"all tcp\""), -EBADMSG },
	{ "an empty address", SKIPS("\"all tcp \""), -EBADMSG },
	{ "no protocol", SKIPS("\"all\""), -EBADMSG },
	{ "nothing", SKIPS("\"\""), -EBADMSG },
	{ "port 0", SKIPS("\"all tcp 203.0.113.10:0\""), -EBADMSG },
	{ "a port beyond its type", SKIPS("\"all tcp 203.0.113.10:65536\""), -EBADMSG },
	{ "something behind it", SKIPS("\"all tcp 203.0.113.10:80 \""), -EBADMSG },
	{ "something before it", SKIPS("\" all tcp 203.0.113.10:80\""), -EBADMSG },
	{ "a mark", SKIPS("\"all mark 4294967295 ipv6\""), 0 },
	{ "a mark as is the rule", SKIPS("\"established mark 10 ipv4\""), 0 },
	{ "mark 0", SKIPS("\"all mark 0 ipv6\""), -EBADMSG },
	{ "a mark beyond its type", SKIPS("\"all mark 4294967296 ipv6\""), -EBADMSG },
	{ "a mark that goes on and on", SKIPS("\"all mark 18446744073709551617 ipv6\""), -EBADMSG },
	{ "a mark with a leading zero", SKIPS("\"all mark 010 ipv6\""), -EBADMSG },
	{ "a mark that is none", SKIPS("\"all mark 1x ipv6\""), -EBADMSG },
	{ "a mark without a family", SKIPS("\"all mark 10\""), -EBADMSG },
	{ "a mark of no family", SKIPS("\"all mark 10 ipx\""), -EBADMSG },
	{ "a family and more", SKIPS("\"all mark 10 ipv4 \""), -EBADMSG },
	{ "twice the same", SKIPS("\"all tcp 203.0.113.10:80\",\"all tcp 203.0.113.10:80\""), -EBADMSG },
	{ "twice the same, one of them off", SKIPS("\"all tcp 203.0.113.10:80\",\"off tcp 203.0.113.10:80\""),
		-EBADMSG },
	{ "not in their order", SKIPS("\"off udp 203.0.113.10:80\",\"off tcp 203.0.113.10:80\""), -EBADMSG },
	{ "ports are numbers, not texts", SKIPS("\"off tcp 203.0.113.10:9\",\"off tcp 203.0.113.10:80\""), 0 },
	{ "marks stand behind addresses", SKIPS("\"off mark 1 ipv4\",\"off tcp 203.0.113.10:80\""), -EBADMSG },
	{ "the second is none", SKIPS("\"off tcp 203.0.113.10:9\",5"), -EBADMSG },
	{ "a very long one",
		SKIPS("\"all tcp [0000:0000:0000:0000:0000:0000:0000:0001]:0000000000000000000000000000000000000080\""),
		-EBADMSG },
	{ "another message", "{\"msg\":\"sync.get\"}", -EBADMSG },
	{ "a message of the other direction", "{\"msg\":\"sync.state\"}", -EBADMSG },
};

START_TEST(rules_across_members)
{
	changed_line(&channel, SYNC_MSG_SET, rules[_i].what, SET, rules[_i].change, rules[_i].rc);
}
END_TEST

#define MATCHES(list) "{\"matches\":[" list "]}"
static const struct {
	const char *what, *change;
	int rc;
} asks[] = {
	{ "as it is", "{}", 0 },
	{ "a prefix beyond the family", "{\"prefix\":33}", -EBADMSG },
	{ "bits behind the prefix", "{\"prefix\":4}", -EBADMSG },
	{ "all clients of a family", "{\"client\":\"::\",\"prefix\":0}", 0 },
	{ "one client", "{\"client\":\"2001:db8::7\",\"prefix\":128}", 0 },
	{ "a client that is none", "{\"client\":\"x\"}", -EBADMSG },
	{ "a client that is a number", "{\"client\":5}", -EBADMSG },
	{ "a client and half a prefix", "{\"prefix\":\"8\"}", -EBADMSG },
	{ "matches: nothing is meant", MATCHES(""), 0 },
	{ "matches that are no list", "{\"matches\":5}", -EBADMSG },
	{ "a match that is a number", MATCHES("5"), -EBADMSG },
	{ "a match that is none", MATCHES("\"tcp\""), -EBADMSG },
	{ "twice the same", MATCHES("\"udp 203.0.113.10:53 -\",\"udp 203.0.113.10:53 -\""), -EBADMSG },
	{ "not in their order", MATCHES("\"tcp 203.0.113.10:80 10.1.0.11:8080\",\"udp 203.0.113.10:53 -\""), -EBADMSG },
};

START_TEST(what_is_asked_for)
{
	json_t *o = parse(ASK("conn.kill"), asks[_i].what), *change = parse(asks[_i].change, asks[_i].what);
	struct sync_room_msg m;
	ck_assert_int_eq(json_object_update(o, change), 0);
	int rc = sync_room_msg_read_sync(o, &m);
	ck_assert_msg(rc == asks[_i].rc, "%s: %d", asks[_i].what, rc);
	if (rc == 0)
		sync_room_msg_done(&m);
	json_decref(change);
	json_decref(o);
}
END_TEST

/* As many as the core may ask about, and as many rows as it takes, are one line each. */
START_TEST(the_longest_asks)
{
	struct sync_room_msg m = { .type = SYNC_MSG_CONN_KILL, .u.conn_ask = { .id = 1, .filter.some = true } }, got;
	struct conn_filter *f = &m.u.conn_ask.filter;
	struct lb_text line = LB_TEXT_INIT;
	f->n = CONN_MATCH_MAX;
	f->v = calloc(f->n, sizeof(*f->v));
	ck_assert_ptr_nonnull(f->v);
	for (uint32_t i = 0; i < f->n; i++) {
		struct lb_ip ip = { .family = AF_INET6 };
		memset(ip.b, 0xff, sizeof(ip.b));
		ip.b[0] = 0x20;
		f->v[i] = (struct conn_match){
			.protocol = IPPROTO_SCTP, .virtual = ip, .virtual_port = 65535, .dest = ip, .dest_port = 65535
		};
		f->v[i].dest.b[2] = (uint8_t)(0x10 + (i >> 12));
		f->v[i].dest.b[4] = (uint8_t)(0x80 | (i >> 6 & 0x3f));
		f->v[i].dest.b[6] = (uint8_t)(0x80 | (i & 0x3f));
	}
	sync_room_msg_write(&m, &line);
	ck_assert(!line.bad);
	ck_assert_uint_lt(line.n, LB_PROTO_LINE_MAX);
	json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
	ck_assert_int_eq(sync_room_msg_read_sync(o, &got), 0);
	same_ask(&m.u.conn_ask, &got.u.conn_ask);
	sync_room_msg_done(&got);
	json_decref(o);
	free(f->v);
	lb_text_done(&line);
}
END_TEST

static const struct {
	const char *what, *line;
	int rc;
	bool core;
} lines[] = {
	{ "no rows are no message", "{\"msg\":\"conn.rows\",\"id\":7,\"rows\":[]}", -EBADMSG, true },
	{ "a row that is half one", "{\"msg\":\"conn.rows\",\"id\":7,\"rows\":[\"6 10.0.0.2:40000\"]}", -EBADMSG,
		true },
	{ "two rows in one",
		"{\"msg\":\"conn.rows\",\"id\":7,\"rows\":[\"6 1.1.1.1:1 1.1.1.1:1 1.1.1.1:1 1 1 0 local local\"]}",
		-EBADMSG, true },
	{ "nobody else's message", "{\"msg\":\"vrrp.set\",\"id\":1}", -EBADMSG, false },
	{ "an order for nothing", "{\"msg\":\"sync.do\",\"what\":\"pause\",\"kinds\":[],\"number\":1}", -EBADMSG,
		false },
	{ "an order for all",
		"{\"msg\":\"sync.do\",\"what\":\"resync\",\"kinds\":[\"conntrack\",\"ipvs\"],\"number\":1}", 0, false },
	{ "the same kind twice", "{\"msg\":\"sync.do\",\"what\":\"resync\",\"kinds\":[\"ipvs\",\"ipvs\"],\"number\":1}",
		-EBADMSG, false },
	{ "more kinds than there are",
		"{\"msg\":\"sync.do\",\"what\":\"resync\",\"kinds\":[\"ipvs\",\"conntrack\",\"ipvs\"],\"number\":1}",
		-EBADMSG, false },
	{ "a text names what need not be ASCII",
		"{\"msg\":\"sync.state\",\"is\":\"down\",\"reason\":\"\",\"text\":\"\xc3\xbc\",\"version\":\"\","
		"\"sent_all\":false,\"have_all\":false,\"same_config\":false,\"order\":9,\"held\":false,\"ipvs_"
		"stopped\":false,\"conntrack_stopped\":true,"
		"\"trouble\":\"\xc3\xbc\"}",
		0, true },
	{ "a reason is a word",
		"{\"msg\":\"sync.state\",\"is\":\"down\",\"reason\":\"\xc3\xbc\",\"text\":\"\",\"version\":\"\","
		"\"sent_all\":false,\"have_all\":false,\"same_config\":false,\"order\":9,\"held\":false,\"ipvs_"
		"stopped\":false,\"conntrack_stopped\":true,"
		"\"trouble\":\"\"}",
		-EBADMSG, true },
	{ "no way: nothing is copied", "{\"msg\":\"look.ways\",\"id\":0,\"first\":true,\"last\":true,\"ways\":[]}", 0,
		false },
	{ "a way that is none",
		"{\"msg\":\"look.ways\",\"id\":0,\"first\":true,\"last\":true,\"ways\":[\"nat 0 tcp - -\"]}", -EBADMSG,
		false },
	{ "a way that is a number", "{\"msg\":\"look.ways\",\"id\":0,\"first\":true,\"last\":true,\"ways\":[5]}",
		-EBADMSG, false },
	{ "the process does not say hello", "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}", -EBADMSG, true },
};

START_TEST(lines_that_are_none)
{
	struct sync_room_msg m;
	json_t *o = parse(lines[_i].line, lines[_i].what);
	int rc = (lines[_i].core ? sync_room_msg_read_core : sync_room_msg_read_sync)(o, &m);
	ck_assert_msg(rc == lines[_i].rc, "%s: %d", lines[_i].what, rc);
	if (rc == 0)
		sync_room_msg_done(&m);
	json_decref(o);
}
END_TEST

/* ---- as many listeners as there can be ---- */

static struct sync_skip *many(uint32_t n)
{
	struct sync_skip *v = calloc(n, sizeof(*v));
	ck_assert_ptr_nonnull(v);
	for (uint32_t i = 0; i < n; i++) {
		v[i] = (struct sync_skip){ .what = SYNC_OFF, .protocol = IPPROTO_SCTP, .port = 65535 };
		v[i].addr.family = AF_INET6;
		memset(v[i].addr.b, 0xff, sizeof(v[i].addr.b));
		v[i].addr.b[0] = 0x20;
		v[i].addr.b[2] = (uint8_t)(0x10 + (i >> 12)); /* each group of four digits stays one of four */
		v[i].addr.b[4] = (uint8_t)(0x80 | (i >> 6 & 0x3f));
		v[i].addr.b[6] = (uint8_t)(0x80 | (i & 0x3f));
	}
	return v;
}

/* The longest texts of so many fit into one line of the channel: what the core may write the process reads. */
START_TEST(the_longest_list)
{
	for (uint32_t more = 0; more < 2; more++) {
		struct msgs_room room;
		uint64_t s = 9;
		struct sync_room_msg m, got;
		struct lb_text line = LB_TEXT_INIT;
		msgs_random(&s, SYNC_MSG_SET, &m, &room);
		memset(room.conf.self, '"', SYNC_NAME_MAX - 1);
		memset(room.conf.peer, '\\', SYNC_NAME_MAX - 1);
		room.conf.n_skips = SYNC_SKIP_MAX + more;
		room.conf.skips = many(room.conf.n_skips);
		sync_room_msg_write(&m, &line);
		ck_assert(!line.bad && strstr(line.s, "\"off sctp [20ff:10ff:80ff:80ff:ffff:ffff:ffff:ffff]:65535\""));
		ck_assert_uint_lt(line.n, LB_PROTO_LINE_MAX);
		json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
		int rc = sync_room_msg_read_sync(o, &got);
		ck_assert_int_eq(rc, more ? -EBADMSG : 0);
		if (rc == 0) {
			ck_assert(sync_conf_same(&room.conf, got.u.set));
			sync_room_msg_done(&got);
		}
		json_decref(o);
		free(room.conf.skips);
		lb_text_done(&line);
	}
}
END_TEST

/* What a message looks like, once: the other tests would not see both ends change together. */
START_TEST(on_the_wire)
{
	json_t *o = parse(SET, "SET"), *again;
	struct sync_room_msg m;
	char ip[LB_IP_STRLEN];
	ck_assert_int_eq(sync_room_msg_read_sync(o, &m), 0);
	const struct sync_conf *c = m.u.set;
	ck_assert_str_eq(c->self, "lb-a");
	ck_assert_str_eq(c->peer, "lb-b");
	ck_assert(c->cluster == 7 && c->port == 9789 && c->config == 0xdeadbeef && c->generation == 17);
	ck_assert(c->rate == 50000 && c->key_n == 32 && c->key[31] == 0x1f && c->n_paths == 2);
	ck_assert_str_eq(lb_ip_str(&c->paths[1].theirs, ip), "fd00::2");
	ck_assert_uint_eq(c->n_skips, 6);
	ck_assert(c->skips[0].what == SYNC_OFF && c->skips[0].protocol == IPPROTO_TCP && c->skips[0].port == 0);
	ck_assert(c->skips[2].what == SYNC_ALL && c->skips[2].protocol == IPPROTO_UDP && c->skips[2].port == 80);
	ck_assert(c->skips[3].addr.family == AF_INET6 && c->skips[3].port == 443);
	ck_assert(c->skips[4].fwmark == 10 && c->skips[4].addr.family == AF_INET && !c->skips[4].protocol);
	ck_assert(c->skips[5].fwmark == 10 && c->skips[5].addr.family == AF_INET6);
	ck_assert(c->ipvs && c->ways == 3 && c->conntrack == SYNC_CONNTRACK_AUTO && c->n_nats == 1 &&
		  c->nats[0].port == 80);
	again = line_of(&m);
	ck_assert(json_equal(o, again));
	json_decref(again);
	json_decref(o);
	sync_room_msg_done(&m);
	/* each other one is written as it was read */
	for (int t = 0; t < SYNC_MSG_COUNT; t++) {
		o = parse(bases[t], "base");
		ck_assert_int_eq(msgs_read((enum sync_msg_type)t, o, &m), 0);
		again = line_of(&m);
		ck_assert_msg(json_equal(o, again), "%s", bases[t]);
		json_decref(again);
		json_decref(o);
		sync_room_msg_done(&m);
	}
}
END_TEST

START_TEST(what_is_alike)
{
	static const size_t offsets[] = { offsetof(struct sync_conf, flows), offsetof(struct sync_conf, multicast),
		offsetof(struct sync_conf, self), offsetof(struct sync_conf, peer), offsetof(struct sync_conf, cluster),
		offsetof(struct sync_conf, port), offsetof(struct sync_conf, config),
		offsetof(struct sync_conf, generation), offsetof(struct sync_conf, rate),
		offsetof(struct sync_conf, key), offsetof(struct sync_conf, key_n), offsetof(struct sync_conf, n_paths),
		offsetof(struct sync_conf, paths), offsetof(struct sync_conf, n_skips),
		offsetof(struct sync_conf, ipvs), offsetof(struct sync_conf, ways),
		offsetof(struct sync_conf, conntrack), offsetof(struct sync_conf, n_nats),
		offsetof(struct sync_conf, paused), offsetof(struct sync_conf, forwards) };
	struct msgs_room room, other;
	uint64_t s = 21;
	do
		msgs_conf(&s, &room);
	while (room.conf.n_skips < 2 || room.conf.n_nats < 2);
	for (size_t i = 0; i < LEN(offsets); i++) {
		other = room;
		ck_assert(sync_conf_same(&room.conf, &other.conf));
		((uint8_t *)&other.conf)[offsets[i]] ^= 1;
		ck_assert_msg(!sync_conf_same(&room.conf, &other.conf), "offset %zu", offsets[i]);
	}
	other = room;
	other.conf.skips = other.skips;
	ck_assert(sync_conf_same(&room.conf, &other.conf) && sync_conf_same_ipvs(&room.conf, &other.conf));
	other.skips[1].what = other.skips[1].what == SYNC_OFF ? SYNC_ALL : SYNC_OFF;
	ck_assert(!sync_conf_same(&room.conf, &other.conf) && !sync_conf_same_ipvs(&room.conf, &other.conf));
	other.skips[1] = room.skips[1];
	other.skips[0].addr.b[0] ^= 1;
	ck_assert(!sync_conf_same(&room.conf, &other.conf));
	other.skips[0] = room.skips[0];
	other.conf.nats = other.nats;
	ck_assert(sync_conf_same(&room.conf, &other.conf));
	other.nats[1].addr.b[0] ^= 1;
	ck_assert(!sync_conf_same(&room.conf, &other.conf) && !sync_conf_same_conntrack(&room.conf, &other.conf));
}
END_TEST

/* What else changes does not change which connections are copied. */
START_TEST(the_same_are_copied)
{
	struct msgs_room room, other;
	uint64_t s = 23;
	do
		msgs_conf(&s, &room);
	while (room.conf.n_paths < 2);
	other = room;
	other.conf.rate++;
	other.conf.generation++;
	other.conf.n_paths--;
	other.conf.n_nats = 0;
	other.conf.ways++;
	ck_assert(sync_conf_same_ipvs(&room.conf, &other.conf));
	other.conf.n_paths = 0;
	ck_assert(!sync_conf_same_ipvs(&room.conf, &other.conf));
	other = room;
	other.conf.ipvs = !other.conf.ipvs;
	ck_assert(!sync_conf_same_ipvs(&room.conf, &other.conf));
	other = room;
	other.conf.rate++;
	other.conf.generation++;
	other.conf.n_skips = 0;
	other.conf.ipvs = !other.conf.ipvs;
	other.conf.ways++;
	ck_assert(sync_conf_same_conntrack(&room.conf, &other.conf));
	other.conf.n_paths--; /* what there is between the nodes is not copied */
	ck_assert(!sync_conf_same_conntrack(&room.conf, &other.conf));
	other = room;
	other.conf.conntrack = other.conf.conntrack ? SYNC_CONNTRACK_AUTO : SYNC_CONNTRACK_ALL;
	ck_assert(!sync_conf_same_conntrack(&room.conf, &other.conf));
}
END_TEST

/* Keys are gone when a message or a configuration is done with. */
START_TEST(keys_do_not_stay)
{
	struct msgs_room room;
	uint64_t s = 22;
	msgs_conf(&s, &room);
	struct sync_conf c = room.conf;
	c.skips = calloc(1, sizeof(*c.skips));
	c.nats = calloc(1, sizeof(*c.nats));
	sync_conf_done(&c);
	for (size_t i = 0; i < sizeof(c.key); i++)
		ck_assert_uint_eq(c.key[i], 0);
	ck_assert(!c.skips && !c.n_skips && !c.n_paths);
	sync_conf_done(&c);
}
END_TEST

static const struct {
	uint64_t from, to, span;
} spans[] = {
	{ 0, 0, 0 },
	{ 5, 9, 4 },
	{ 9, 5, 0 },
	{ 100, 0, 0 },
	{ 0, INT64_MAX, INT64_MAX },
	{ 0, (uint64_t)INT64_MAX + 1, INT64_MAX },
	{ 1, UINT64_MAX, INT64_MAX },
};

START_TEST(how_far)
{
	ck_assert_uint_eq(sync_msg_span(spans[_i].from, spans[_i].to), spans[_i].span);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sync_room_msg");
	TCase *tc = tcase_create("sync_room_msg");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, words);
	tcase_add_loop_test(tc, every_member_counts, 0, LEN(members));
	tcase_add_test(tc, every_member_has_a_row);
	tcase_add_loop_test(tc, rules_across_members, 0, LEN(rules));
	tcase_add_loop_test(tc, what_is_asked_for, 0, LEN(asks));
	tcase_add_test(tc, the_longest_asks);
	tcase_add_loop_test(tc, lines_that_are_none, 0, LEN(lines));
	tcase_add_test(tc, the_longest_list);
	tcase_add_test(tc, on_the_wire);
	tcase_add_test(tc, what_is_alike);
	tcase_add_test(tc, the_same_are_copied);
	tcase_add_test(tc, keys_do_not_stay);
	tcase_add_loop_test(tc, how_far, 0, LEN(spans));
	return suite_run(s);
}
