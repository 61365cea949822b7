/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The channel between the core and the process that copies flows. */
#include "common/buf.h"
#include "tests/unit/lbd_sync/room_msgs.h"

#include <errno.h>

#define ROUNDS 300

static void same_stats(const struct sync_msg_stats *a, const struct sync_msg_stats *b)
{
	ck_assert(a->kind == b->kind && a->local == b->local && a->peer == b->peer && a->sent == b->sent);
	ck_assert(a->received == b->received && a->injected == b->injected && a->refused == b->refused);
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
	ck_assert_str_eq(a->trouble, b->trouble);
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
	case SYNC_MSG_READY:
		ck_assert(a->u.ready.version == b->u.ready.version && a->u.ready.pid == b->u.ready.pid);
		break;
	case SYNC_MSG_STATE: same_state(&a->u.state, &b->u.state); break;
	case SYNC_MSG_STATS: same_stats(&a->u.stats, &b->u.stats); break;
	case SYNC_MSG_PONG:
		ck_assert(a->u.pong.n == b->u.pong.n && a->u.pong.lag_us == b->u.pong.lag_us);
		ck_assert_uint_eq(a->u.pong.rss_kib, b->u.pong.rss_kib);
		break;
	}
}

static json_t *line_of(const struct sync_room_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	sync_room_msg_write(m, &line);
	ck_assert(!line.bad && line.n > 1 && line.s[line.n - 1] == '\n');
	ck_assert_ptr_null(memchr(line.s, '\n', line.n - 1));
	json_t *o = lb_proto_parse(line.s, line.n - 1, NULL);
	ck_assert_ptr_nonnull(o);
	lb_text_done(&line);
	return o;
}

START_TEST(what_is_written_is_read)
{
	struct sync_room_msg untouched;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (uint64_t seed = 0; seed < ROUNDS * SYNC_MSG_COUNT; seed++) {
		uint64_t s = seed * 1000003;
		enum sync_msg_type type = (enum sync_msg_type)(seed % SYNC_MSG_COUNT);
		struct msgs_room room;
		struct sync_room_msg m, got, wrong = untouched;
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
		ck_assert_int_eq(memcmp(&wrong, &untouched, sizeof(wrong)), 0);
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
	"{\"msg\":\"sync.set\",\"self\":\"lb-a\",\"peer\":\"lb-b\",\"cluster\":7,\"port\":9789,"                       \
	"\"config\":\"00000000deadbeef\",\"generation\":17,\"rate\":50000,\"key\":\"" KEY "\","                        \
	"\"paths\":[{\"ours\":\"10.0.0.1\",\"theirs\":\"10.0.0.2\"},{\"ours\":\"fd00::1\",\"theirs\":\"fd00::2\"}],"   \
	"\"skips\":[\"off tcp 203.0.113.10\",\"off tcp 203.0.113.10:80\",\"all udp 203.0.113.10:80\","                 \
	"\"off sctp [2001:db8::1]:443\",\"all mark 10 ipv4\",\"off mark 10 ipv6\"]}"
#define STATE                                                                                                          \
	"{\"msg\":\"sync.state\",\"is\":\"down\",\"reason\":\"key_mismatch\",\"text\":\"who knows\","                  \
	"\"version\":\"1\",\"sent_all\":true,\"have_all\":false,\"same_config\":true,\"trouble\":\"no module\"}"
#define STATS                                                                                                          \
	"{\"msg\":\"sync.stats\",\"kind\":\"conntrack\",\"local\":1,\"peer\":2,\"sent\":3,\"received\":4,"             \
	"\"injected\":5,\"refused\":6,\"lost\":7,\"resyncs\":8,\"bulk_done\":9,\"bulk_all\":10,\"sent_done\":11,"      \
	"\"sent_all\":12,\"lag_ms\":13,\"full\":14}"

static const char *const bases[SYNC_MSG_COUNT] = {
	[SYNC_MSG_HELLO] = "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}",
	[SYNC_MSG_SET] = SET,
	[SYNC_MSG_DO] = "{\"msg\":\"sync.do\",\"what\":\"pause\",\"kinds\":[\"conntrack\"]}",
	[SYNC_MSG_MULTICAST] = "{\"msg\":\"sync.multicast\",\"master\":true,\"device\":\"sync0\",\"id\":7,"
			       "\"group\":\"224.0.0.81\",\"port\":8848}",
	[SYNC_MSG_LOG] = "{\"msg\":\"log\",\"level\":\"debug\"}",
	[SYNC_MSG_PING] = "{\"msg\":\"ping\",\"n\":5}",
	[SYNC_MSG_READY] = "{\"msg\":\"ready\",\"version\":1,\"pid\":4711}",
	[SYNC_MSG_STATE] = STATE,
	[SYNC_MSG_STATS] = STATS,
	[SYNC_MSG_PONG] = "{\"msg\":\"pong\",\"n\":5,\"lag_us\":2,\"rss_kib\":3}",
};

static json_t *parse(const char *text, const char *what)
{
	json_t *o = lb_proto_parse(text, strlen(text), NULL);
	ck_assert_msg(o != NULL, "%s: no JSON: %s", what, text);
	return o;
}

enum kind { INT, BOOL, WORD, TEXT, IP, HEX, LIST };

/* Each member of each message. INT: from min to max. TEXT: so many bytes; HEX: so many digits. Members of a list are
 * those of its first item. */
static const struct member {
	enum sync_msg_type msg;
	const char *path;
	enum kind kind;
	int64_t min, max;
} members[] = {
	{ SYNC_MSG_HELLO, "version", INT, 1, UINT32_MAX },
	{ SYNC_MSG_HELLO, "level", WORD, 0, 0 },
	{ SYNC_MSG_SET, "self", TEXT, 1, 63 },
	{ SYNC_MSG_SET, "peer", TEXT, 1, 63 },
	{ SYNC_MSG_SET, "cluster", INT, 1, 255 },
	{ SYNC_MSG_SET, "port", INT, 1, 65535 },
	{ SYNC_MSG_SET, "config", HEX, 16, 16 },
	{ SYNC_MSG_SET, "generation", INT, 0, UINT32_MAX },
	{ SYNC_MSG_SET, "rate", INT, 1, SYNC_RATE_MAX },
	{ SYNC_MSG_SET, "key", HEX, 64, 128 },
	{ SYNC_MSG_SET, "paths", LIST, 0, 0 },
	{ SYNC_MSG_SET, "paths.ours", IP, 0, 0 },
	{ SYNC_MSG_SET, "paths.theirs", IP, 0, 0 },
	{ SYNC_MSG_SET, "skips", LIST, 0, 0 },
	{ SYNC_MSG_DO, "what", WORD, 0, 0 },
	{ SYNC_MSG_DO, "kinds", LIST, 0, 0 },
	{ SYNC_MSG_MULTICAST, "master", BOOL, 0, 0 },
	{ SYNC_MSG_MULTICAST, "device", TEXT, 1, 15 },
	{ SYNC_MSG_MULTICAST, "id", INT, 1, 255 },
	{ SYNC_MSG_MULTICAST, "group", IP, 0, 0 },
	{ SYNC_MSG_MULTICAST, "port", INT, 1, 65535 },
	{ SYNC_MSG_LOG, "level", WORD, 0, 0 },
	{ SYNC_MSG_PING, "n", INT, 0, UINT32_MAX },
	{ SYNC_MSG_READY, "version", INT, 1, UINT32_MAX },
	{ SYNC_MSG_READY, "pid", INT, 1, INT32_MAX },
	{ SYNC_MSG_STATE, "is", WORD, 0, 0 },
	{ SYNC_MSG_STATE, "reason", TEXT, 0, 63 },
	{ SYNC_MSG_STATE, "text", TEXT, 0, 199 },
	{ SYNC_MSG_STATE, "version", TEXT, 0, 31 },
	{ SYNC_MSG_STATE, "sent_all", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "have_all", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "same_config", BOOL, 0, 0 },
	{ SYNC_MSG_STATE, "trouble", TEXT, 0, 199 },
	{ SYNC_MSG_STATS, "kind", WORD, 0, 0 },
	{ SYNC_MSG_STATS, "local", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "peer", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "sent", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "received", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "injected", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "refused", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "lost", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "resyncs", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "bulk_done", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "bulk_all", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "sent_done", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "sent_all", INT, 0, INT64_MAX },
	{ SYNC_MSG_STATS, "lag_ms", INT, 0, UINT32_MAX },
	{ SYNC_MSG_STATS, "full", INT, 0, UINT32_MAX },
	{ SYNC_MSG_PONG, "n", INT, 0, UINT32_MAX },
	{ SYNC_MSG_PONG, "lag_us", INT, 0, UINT32_MAX },
	{ SYNC_MSG_PONG, "rss_kib", INT, 0, UINT32_MAX },
};

/* The object that the last part of a path is a member of; *key is that part. */
static json_t *parent_of(json_t *o, const char *path, const char **key)
{
	const char *dot = strchr(path, '.');
	if (dot) {
		char name[32];
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		o = json_array_get(json_object_get(o, name), 0);
		path = dot + 1;
	}
	ck_assert_msg(json_object_get(o, path) != NULL, "there is no member %s", path);
	*key = path;
	return o;
}

/* The base with another value (NULL: without the member) is read as expected. Takes over the value. */
static void expect(const struct member *row, json_t *value, int rc)
{
	const char *key;
	struct sync_room_msg got;
	json_t *o = parse(bases[row->msg], row->path), *parent = parent_of(o, row->path, &key);
	char *shown = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	ck_assert_int_eq(value ? json_object_set_new(parent, key, value) : json_object_del(parent, key), 0);
	int is = msgs_read(row->msg, o, &got);
	ck_assert_msg(
		is == rc, "%s: %s is %s: %d", sync_room_msg_name(row->msg), row->path, shown ? shown : "missing", is);
	if (is == 0)
		sync_room_msg_done(&got);
	free(shown);
	json_decref(o);
}

static json_t *repeated(char c, int64_t n)
{
	char text[256];
	ck_assert_int_lt(n, sizeof(text));
	memset(text, c, (size_t)n);
	return json_stringn(text, (size_t)n);
}

static void other_types(const struct member *row)
{
	expect(row, json_null(), -EBADMSG);
	expect(row, json_real(100.0), -EBADMSG);
	expect(row, json_object(), -EBADMSG);
	if (row->kind != INT)
		expect(row, json_integer(1), -EBADMSG);
	if (row->kind != BOOL)
		expect(row, json_true(), -EBADMSG);
	if (row->kind == INT || row->kind == BOOL || row->kind == LIST)
		expect(row, json_string("1"), -EBADMSG);
	if (row->kind != LIST)
		expect(row, json_array(), -EBADMSG);
	expect(row, json_pack("[i]", 5), -EBADMSG);
	expect(row, json_pack("[n]"), -EBADMSG);
	expect(row, json_pack("[[]]"), -EBADMSG);
	expect(row, json_pack("[{}]"), -EBADMSG);
	expect(row, json_pack("[s]", "x"), -EBADMSG);
	expect(row, json_pack("[s]", ""), -EBADMSG);
}

static void beyond_its_ends(const struct member *row)
{
	switch (row->kind) {
	case INT:
		expect(row, json_integer(row->min), 0);
		expect(row, json_integer(row->max), 0);
		expect(row, json_integer(row->min - 1), -EBADMSG);
		if (row->max < INT64_MAX)
			expect(row, json_integer(row->max + 1), -EBADMSG);
		break;
	case WORD:
		expect(row, json_string(""), -EBADMSG);
		expect(row, json_string("nonsense"), -EBADMSG);
		expect(row, json_string("a word that is longer than any that there is"), -EBADMSG);
		break;
	case TEXT:
		expect(row, repeated('x', row->min), 0);
		expect(row, repeated('x', row->max), 0);
		expect(row, repeated('x', row->max + 1), -EBADMSG);
		if (row->min)
			expect(row, repeated('x', row->min - 1), -EBADMSG);
		expect(row, json_string("\033[2J"), -EBADMSG);
		expect(row, json_string("a\nb"), -EBADMSG);
		expect(row, json_string("\177"), -EBADMSG);
		expect(row, json_string("\xc2\x9b"), -EBADMSG); /* moves a cursor, too */
		break;
	case IP:
		expect(row, json_string(""), -EBADMSG);
		expect(row, json_string("-"), -EBADMSG);
		expect(row, json_string("eth0"), -EBADMSG);
		expect(row, json_string("203.0.113.1/24"), -EBADMSG);
		expect(row, json_string("2001:db8::1"), -EBADMSG); /* what stands beside it is IPv4 */
		break;
	case HEX:
		expect(row, repeated('a', row->min), 0);
		expect(row, repeated('a', row->max), 0);
		expect(row, repeated('a', row->min - 2), -EBADMSG);
		expect(row, repeated('a', row->max + 2), -EBADMSG);
		expect(row, repeated('a', row->max - 1), -EBADMSG);
		expect(row, repeated('g', row->min), -EBADMSG);
		expect(row, repeated('A', row->min), -EBADMSG);
		break;
	case BOOL:
		expect(row, json_true(), 0);
		expect(row, json_false(), 0);
		break;
	case LIST: break;
	}
}

START_TEST(every_member_counts)
{
	const struct member *row = &members[_i];
	expect(row, NULL, -EBADMSG);
	other_types(row);
	beyond_its_ends(row);
}
END_TEST

/* The table above has each member that is written. */
static void has_rows(enum sync_msg_type type, const char *prefix, json_t *o)
{
	const char *key;
	json_t *value;
	json_object_foreach (o, key, value) {
		char path[80];
		bool found = strcmp(key, "msg") == 0;
		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", key);
		for (size_t i = 0; i < LEN(members); i++)
			found |= members[i].msg == type && strcmp(members[i].path, path) == 0;
		ck_assert_msg(found, "%s: no row for %s", sync_room_msg_name(type), path);
		if (json_is_object(json_array_get(value, 0)))
			has_rows(type, path, json_array_get(value, 0));
	}
}

START_TEST(every_member_has_a_row)
{
	uint64_t s = 4;
	for (int t = 0; t < SYNC_MSG_COUNT; t++) {
		struct msgs_room room;
		struct sync_room_msg m;
		msgs_random(&s, (enum sync_msg_type)t, &m, &room);
		json_t *o = line_of(&m);
		has_rows((enum sync_msg_type)t, "", o);
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
	{ "no path", PATHS(""), -EBADMSG },
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
	{ "a message that is a number", "{\"msg\":5}", -EBADMSG },
	{ "a message of the other direction", "{\"msg\":\"sync.state\"}", -EBADMSG },
	{ "a message with a very long name", "{\"msg\":\"sync.set.sync.set.sync.set.sync.set.sync.set\"}", -EBADMSG },
};

START_TEST(rules_across_members)
{
	json_t *o = parse(SET, rules[_i].what), *change = parse(rules[_i].change, rules[_i].what);
	struct sync_room_msg m;
	ck_assert_int_eq(json_object_update(o, change), 0);
	int rc = sync_room_msg_read_sync(o, &m);
	ck_assert_msg(rc == rules[_i].rc, "%s: %d", rules[_i].what, rc);
	if (rc == 0)
		sync_room_msg_done(&m);
	json_decref(change);
	json_decref(o);
}
END_TEST

static const struct {
	const char *what, *line;
	int rc;
	bool core;
} lines[] = {
	{ "no name", "{}", -EBADMSG, false },
	{ "nobody else's message", "{\"msg\":\"vrrp.set\",\"id\":1}", -EBADMSG, false },
	{ "an order for nothing", "{\"msg\":\"sync.do\",\"what\":\"pause\",\"kinds\":[]}", -EBADMSG, false },
	{ "an order for all", "{\"msg\":\"sync.do\",\"what\":\"resync\",\"kinds\":[\"conntrack\",\"ipvs\"]}", 0,
		false },
	{ "the same kind twice", "{\"msg\":\"sync.do\",\"what\":\"resync\",\"kinds\":[\"ipvs\",\"ipvs\"]}", -EBADMSG,
		false },
	{ "more kinds than there are",
		"{\"msg\":\"sync.do\",\"what\":\"resync\",\"kinds\":[\"ipvs\",\"conntrack\",\"ipvs\"]}", -EBADMSG,
		false },
	{ "a text names what need not be ASCII",
		"{\"msg\":\"sync.state\",\"is\":\"down\",\"reason\":\"\",\"text\":\"\xc3\xbc\",\"version\":\"\","
		"\"sent_all\":false,\"have_all\":false,\"same_config\":false,\"trouble\":\"\xc3\xbc\"}",
		0, true },
	{ "a reason is a word",
		"{\"msg\":\"sync.state\",\"is\":\"down\",\"reason\":\"\xc3\xbc\",\"text\":\"\",\"version\":\"\","
		"\"sent_all\":false,\"have_all\":false,\"same_config\":false,\"trouble\":\"\"}",
		-EBADMSG, true },
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

START_TEST(anything_but_an_object)
{
	struct sync_room_msg m;
	json_t *const values[] = { NULL, json_null(), json_array(), json_string("hello"), json_integer(1) };
	for (size_t i = 0; i < LEN(values); i++) {
		ck_assert_int_eq(sync_room_msg_read_sync(values[i], &m), -EBADMSG);
		ck_assert_int_eq(sync_room_msg_read_core(values[i], &m), -EBADMSG);
		json_decref(values[i]);
	}
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
	static const size_t offsets[] = { offsetof(struct sync_conf, self), offsetof(struct sync_conf, peer),
		offsetof(struct sync_conf, cluster), offsetof(struct sync_conf, port),
		offsetof(struct sync_conf, config), offsetof(struct sync_conf, generation),
		offsetof(struct sync_conf, rate), offsetof(struct sync_conf, key), offsetof(struct sync_conf, key_n),
		offsetof(struct sync_conf, n_paths), offsetof(struct sync_conf, paths),
		offsetof(struct sync_conf, n_skips) };
	struct msgs_room room, other;
	uint64_t s = 21;
	do
		msgs_conf(&s, &room);
	while (room.conf.n_skips < 2);
	for (size_t i = 0; i < LEN(offsets); i++) {
		other = room;
		ck_assert(sync_conf_same(&room.conf, &other.conf));
		((uint8_t *)&other.conf)[offsets[i]] ^= 1;
		ck_assert_msg(!sync_conf_same(&room.conf, &other.conf), "offset %zu", offsets[i]);
	}
	other = room;
	other.conf.skips = other.skips;
	ck_assert(sync_conf_same(&room.conf, &other.conf));
	other.skips[1].what = other.skips[1].what == SYNC_OFF ? SYNC_ALL : SYNC_OFF;
	ck_assert(!sync_conf_same(&room.conf, &other.conf));
	other.skips[1] = room.skips[1];
	other.skips[0].addr.b[0] ^= 1;
	ck_assert(!sync_conf_same(&room.conf, &other.conf));
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
	sync_conf_done(&c);
	for (size_t i = 0; i < sizeof(c.key); i++)
		ck_assert_uint_eq(c.key[i], 0);
	ck_assert(!c.skips && !c.n_skips && !c.n_paths);
	sync_conf_done(&c);
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
	tcase_add_loop_test(tc, lines_that_are_none, 0, LEN(lines));
	tcase_add_test(tc, anything_but_an_object);
	tcase_add_test(tc, the_longest_list);
	tcase_add_test(tc, on_the_wire);
	tcase_add_test(tc, what_is_alike);
	tcase_add_test(tc, keys_do_not_stay);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
