/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/lbd_vrrp/vrrp_msgs.h"

#define ROUNDS 300

/* ---- whole messages ---- */

static void same_bytes(const void *a, const void *b, size_t n, const char *what, uint64_t seed)
{
	ck_assert_msg(memcmp(a, b, n) == 0, "%s differs, seed %llu", what, (unsigned long long)seed);
}

static void same_state(const struct vrrp_msg_state *a, const struct vrrp_msg_state *b)
{
	ck_assert(a->id == b->id && a->state == b->state && a->was == b->was && a->cause == b->cause);
	ck_assert(a->prio == b->prio && a->master_prio == b->master_prio && a->resigned == b->resigned);
	ck_assert_str_eq(a->reason, b->reason);
	ck_assert_str_eq(a->refused, b->refused);
	ck_assert(lb_ip_cmp(&a->master, &b->master) == 0 && lb_ip_cmp(&a->source, &b->source) == 0);
}

static void same_stats(const struct vrrp_msg_stats *a, const struct vrrp_msg_stats *b, uint64_t seed)
{
	ck_assert(a->id == b->id && a->sent == b->sent && a->received == b->received);
	same_bytes(a->discarded, b->discarded, sizeof(a->discarded), "discarded", seed);
	ck_assert(a->renewals == b->renewals && a->transitions == b->transitions);
	ck_assert(a->conflicts == b->conflicts);
	ck_assert(a->late_us == b->late_us && a->sum9568 == b->sum9568);
}

static void same_node(const struct vrrp_msg_node *a, const struct vrrp_msg_node *b, uint64_t seed)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_str_eq(a->version, b->version);
	ck_assert(a->up == b->up && a->same_config == b->same_config && a->offset_us == b->offset_us);
	ck_assert(a->instances == b->instances && a->restarts == b->restarts && a->n_paths == b->n_paths);
	for (uint32_t i = 0; i < a->n_paths; i++) {
		ck_assert(lb_ip_cmp(&a->paths[i].theirs, &b->paths[i].theirs) == 0);
		ck_assert(a->paths[i].up == b->paths[i].up && a->paths[i].rtt_us == b->paths[i].rtt_us);
	}
	same_bytes(a->refused, b->refused, sizeof(a->refused), "refused", seed);
}

static void same_moved(const struct vrrp_msg_moved *a, const struct vrrp_msg_moved *b)
{
	ck_assert(a->id == b->id && a->ok == b->ok && a->away == b->away && a->outage_us == b->outage_us);
	ck_assert_str_eq(a->reason, b->reason);
}

static void same(const struct vrrp_msg *a, const struct vrrp_msg *b, uint64_t seed)
{
	ck_assert_int_eq(a->type, b->type);
	switch (a->type) {
	case VRRP_MSG_HELLO:
		ck_assert(a->u.hello.version == b->u.hello.version && a->u.hello.level == b->u.hello.level);
		break;
	case VRRP_MSG_SET: same_bytes(a->u.set, b->u.set, sizeof(*a->u.set), "instance", seed); break;
	case VRRP_MSG_DEL: ck_assert_uint_eq(a->u.del, b->u.del); break;
	case VRRP_MSG_TRACK:
		ck_assert(a->u.track.id == b->u.track.id && a->u.track.add == b->u.track.add);
		ck_assert(a->u.track.fault == b->u.track.fault);
		ck_assert_str_eq(a->u.track.reason, b->u.track.reason);
		break;
	case VRRP_MSG_DO:
		ck_assert(a->u.run.id == b->u.run.id && a->u.run.what == b->u.run.what);
		ck_assert_uint_eq(a->u.run.for_ms, b->u.run.for_ms);
		break;
	case VRRP_MSG_PEERS: same_bytes(a->u.peers, b->u.peers, sizeof(*a->u.peers), "peers", seed); break;
	case VRRP_MSG_END:
	case VRRP_MSG_SWEEP:
	case VRRP_MSG_SWEPT: break;
	case VRRP_MSG_LOG: ck_assert_int_eq(a->u.log, b->u.log); break;
	case VRRP_MSG_PING: ck_assert_uint_eq(a->u.ping, b->u.ping); break;
	case VRRP_MSG_READY:
		ck_assert(a->u.ready.version == b->u.ready.version && a->u.ready.pid == b->u.ready.pid);
		break;
	case VRRP_MSG_STATE: same_state(&a->u.state, &b->u.state); break;
	case VRRP_MSG_ALARM:
		ck_assert(a->u.alarm.id == b->u.alarm.id && a->u.alarm.alarm == b->u.alarm.alarm);
		ck_assert(a->u.alarm.on == b->u.alarm.on);
		ck_assert_str_eq(a->u.alarm.text, b->u.alarm.text);
		break;
	case VRRP_MSG_NODE: same_node(&a->u.node, &b->u.node, seed); break;
	case VRRP_MSG_THEIRS:
		ck_assert(a->u.theirs.id == b->u.theirs.id && a->u.theirs.known == b->u.theirs.known);
		ck_assert(a->u.theirs.state == b->u.theirs.state && a->u.theirs.prio == b->u.theirs.prio);
		ck_assert_str_eq(a->u.theirs.node, b->u.theirs.node);
		break;
	case VRRP_MSG_MOVED: same_moved(&a->u.moved, &b->u.moved); break;
	case VRRP_MSG_TAKEN: same_bytes(&a->u.taken, &b->u.taken, sizeof(a->u.taken), "taken", seed); break;
	case VRRP_MSG_PONG: same_bytes(&a->u.pong, &b->u.pong, sizeof(a->u.pong), "pong", seed); break;
	case VRRP_MSG_STATS: same_stats(&a->u.stats, &b->u.stats, seed); break;
	}
}

START_TEST(what_is_written_is_read)
{
	struct vrrp_msg untouched;
	memset(&untouched, 0x5a, sizeof(untouched));
	for (uint64_t seed = 0; seed < ROUNDS * VRRP_MSG_COUNT; seed++) {
		uint64_t s = seed * 1000003;
		enum vrrp_msg_type type = (enum vrrp_msg_type)(seed % VRRP_MSG_COUNT);
		struct msgs_room room;
		struct vrrp_msg m, got, wrong = untouched;
		msgs_random(&s, type, &m, &room);
		json_t *o = line_of(&m);
		ck_assert_str_eq(lb_proto_str(o, "msg"), vrrp_msg_name(type));
		int rc = msgs_read(type, o, &got);
		ck_assert_msg(rc == 0, "%s: %d, seed %llu", vrrp_msg_name(type), rc, (unsigned long long)seed);
		same(&m, &got, seed);
		vrrp_msg_done(&got);
		vrrp_msg_done(&got); /* once more does no harm */
		/* and never by the side that sends it; what it had stays as it was */
		ck_assert_int_eq((msgs_to_vrrp(type) ? vrrp_msg_read_core : vrrp_msg_read_vrrp)(o, &wrong), -EBADMSG);
		same_bytes(&wrong, &untouched, sizeof(wrong), "what it had", seed);
		json_decref(o);
	}
}
END_TEST

START_TEST(every_word_is_one)
{
	for (size_t i = 0; i < VRRP_DO_COUNT; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(vrrp_dos[i], vrrp_dos[k]);
	for (int i = 0; i < VRRP_MSG_COUNT; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(vrrp_msg_name((enum vrrp_msg_type)i), vrrp_msg_name((enum vrrp_msg_type)k));
	/* the words of operators and of the configuration */
	ck_assert_str_eq(vrrp_dos[VRRP_DO_RESIGN], "resign");
	ck_assert_str_eq(vrrp_dos[VRRP_DO_ANNOUNCE], "announce");
	ck_assert_str_eq(vrrp_dos[VRRP_DO_HANDOVER], "handover");
	ck_assert_str_eq(vrrp_dos[VRRP_DO_TAKE], "take");
}
END_TEST

/* ---- messages with all their members ---- */

#define STATE                                                                                                          \
	"{\"msg\":\"vrrp.state\",\"id\":7,\"state\":\"fault\",\"was\":\"master\",\"cause\":\"fault\",\"prio\":150,"    \
	"\"reason\":\"link_down\",\"master\":\"203.0.113.2\",\"master_prio\":100,\"source\":\"203.0.113.1\","          \
	"\"resigned\":true,\"refused\":\"10.0.0.9: Permission denied\"}"
#define STATS                                                                                                          \
	"{\"msg\":\"vrrp.stats\",\"id\":7,\"sent\":1,\"received\":2,\"discarded\":{\"stranger\":1,\"source\":2,"       \
	"\"ttl\":3,\"version\":4,\"length\":5,\"checksum\":6,\"count\":7,\"interval\":8,\"auth\":9,\"replay\":10},"    \
	"\"renewals\":3,\"transitions\":4,\"conflicts\":6,\"late_us\":5,\"sum9568\":false}"
#define PEERS                                                                                                          \
	"{\"msg\":\"vrrp.peers\",\"self\":\"lb-a\",\"cluster\":7,\"port\":9789,\"heartbeat_ms\":10,"                   \
	"\"dead_after_ms\":60000,\"config\":\"00000000deadbeef\",\"key\":\"" KEY "\",\"nodes\":["                      \
	"{\"name\":\"lb-b\",\"paths\":[{\"ours\":\"10.0.0.1\",\"theirs\":\"10.0.0.2\"},"                               \
	"{\"ours\":\"fd00::1\",\"theirs\":\"fd00::2\"}]}]}"
#define NODE                                                                                                           \
	"{\"msg\":\"vrrp.node\",\"name\":\"lb-b\",\"up\":true,\"same_config\":true,\"version\":\"0.1.0\","             \
	"\"instances\":3,\"restarts\":1,\"offset_us\":-1200,"                                                          \
	"\"paths\":[{\"theirs\":\"10.0.0.2\",\"up\":true,\"rtt_us\":300}],\"taken\":5,"                                \
	"\"refused\":{\"length\":1,\"format\":2,\"version\":3,\"cluster\":4,\"key\":5,\"replay\":6,\"source\":7}}"
#define MOVED                                                                                                          \
	"{\"msg\":\"vrrp.moved\",\"id\":7,\"ok\":false,\"away\":true,\"reason\":\"no node is ready\",\"outage_us\":0}"

static const char *const bases[VRRP_MSG_COUNT] = {
	[VRRP_MSG_HELLO] = "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}",
	[VRRP_MSG_SET] = SET2,
	[VRRP_MSG_DEL] = "{\"msg\":\"vrrp.del\",\"id\":7}",
	[VRRP_MSG_TRACK] = "{\"msg\":\"vrrp.track\",\"id\":7,\"add\":-20,\"fault\":true,\"reason\":\"track:lan0\"}",
	[VRRP_MSG_DO] = "{\"msg\":\"vrrp.do\",\"id\":7,\"what\":\"handover\",\"for_ms\":2000}",
	[VRRP_MSG_PEERS] = PEERS,
	[VRRP_MSG_END] = "{\"msg\":\"vrrp.end\"}",
	[VRRP_MSG_SWEEP] = "{\"msg\":\"vrrp.sweep\"}",
	[VRRP_MSG_LOG] = "{\"msg\":\"log\",\"level\":\"debug\"}",
	[VRRP_MSG_PING] = "{\"msg\":\"ping\",\"n\":5}",
	[VRRP_MSG_READY] = "{\"msg\":\"ready\",\"version\":1,\"pid\":4711}",
	[VRRP_MSG_STATE] = STATE,
	[VRRP_MSG_ALARM] = "{\"msg\":\"vrrp.alarm\",\"id\":7,\"alarm\":\"two_masters\",\"on\":true,\"text\":\"who\"}",
	[VRRP_MSG_NODE] = NODE,
	[VRRP_MSG_THEIRS] = "{\"msg\":\"vrrp.theirs\",\"id\":7,\"node\":\"lb-b\",\"known\":true,\"state\":\"backup\","
			    "\"prio\":100}",
	[VRRP_MSG_MOVED] = MOVED,
	[VRRP_MSG_TAKEN] = "{\"msg\":\"vrrp.taken\",\"id\":7,\"silent_us\":360000,\"woke_us\":90,\"advert_us\":40,"
			   "\"addresses_us\":210,\"announced_us\":0}",
	[VRRP_MSG_SWEPT] = "{\"msg\":\"vrrp.swept\"}",
	[VRRP_MSG_PONG] = "{\"msg\":\"pong\",\"n\":5,\"instances\":1,\"lag_us\":2,\"rss_kib\":3}",
	[VRRP_MSG_STATS] = STATS,
};

static const struct channel channel = { bases, msgs_name, msgs_check };

/* Each member of each message. */
static const struct member members[] = {
	{ VRRP_MSG_HELLO, "version", INT, 1, UINT32_MAX },
	{ VRRP_MSG_HELLO, "level", WORD, 0, 0 },
	{ VRRP_MSG_SET, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_SET, "name", TEXT, 1, 63 },
	{ VRRP_MSG_SET, "group", TEXT, 0, 63 },
	{ VRRP_MSG_SET, "interface", CARD, 1, 15 },
	{ VRRP_MSG_SET, "family", WORD, 0, 0 },
	{ VRRP_MSG_SET, "version", INT, 2, 2 }, /* 3 has no password */
	{ VRRP_MSG_SET, "vrid", INT, 1, 255 },
	{ VRRP_MSG_SET, "prio", INT, 1, 255 },
	{ VRRP_MSG_SET, "sum", WORD, 0, 0 },
	{ VRRP_MSG_SET, "interval_cs", INT, 100, 25500 },
	{ VRRP_MSG_SET, "preempt", BOOL, 0, 0 },
	{ VRRP_MSG_SET, "preempt_delay_ms", INT, 0, 86400000 },
	{ VRRP_MSG_SET, "startup_delay_ms", INT, 0, 86400000 },
	{ VRRP_MSG_SET, "addrs", LIST, 0, 0 },
	{ VRRP_MSG_SET, "excluded", LIST, 0, 0 },
	{ VRRP_MSG_SET, "routes", LIST, 0, 0 },
	{ VRRP_MSG_SET, "routes.to", NET, 0, 0 },
	{ VRRP_MSG_SET, "routes.via", IP | OPTIONAL, 0, 0 },
	{ VRRP_MSG_SET, "routes.dev", CARD, 1, 15 },
	{ VRRP_MSG_SET, "routes.table", INT, 1, UINT32_MAX },
	{ VRRP_MSG_SET, "routes.metric", INT, 0, UINT32_MAX },
	{ VRRP_MSG_SET, "routes.source", IP | OPTIONAL, 0, 0 },
	{ VRRP_MSG_SET, "rules", LIST, 0, 0 },
	{ VRRP_MSG_SET, "rules.from", NET, 0, 0 },
	{ VRRP_MSG_SET, "rules.to", NET, 0, 0 },
	{ VRRP_MSG_SET, "rules.table", INT, 1, UINT32_MAX },
	{ VRRP_MSG_SET, "rules.priority", INT, 1, UINT32_MAX },
	{ VRRP_MSG_SET, "rules.fwmark", INT, 0, UINT32_MAX },
	{ VRRP_MSG_SET, "peers", LIST, 0, 0 },
	{ VRRP_MSG_SET, "source", IP | OPTIONAL, 0, 0 },
	{ VRRP_MSG_SET, "min_ttl", INT, 1, 255 },
	{ VRRP_MSG_SET, "lease_s", INT, 0, 86400 },
	{ VRRP_MSG_SET, "virtual_mac", BOOL, 0, 0 },
	{ VRRP_MSG_SET, "resigned", BOOL | OPTIONAL, 0, 0 },
	{ VRRP_MSG_SET, "refused", TEXT | OPTIONAL, 0, 79 },
	{ VRRP_MSG_SET, "announce", OBJECT, 0, 0 },
	{ VRRP_MSG_SET, "announce.count", INT, 0, 1000 },
	{ VRRP_MSG_SET, "announce.delay_ms", INT, 0, 86400000 },
	{ VRRP_MSG_SET, "announce.refresh_ms", INT, 0, 86400000 },
	{ VRRP_MSG_SET, "announce.again_ms", INT, 0, 86400000 },
	{ VRRP_MSG_SET, "password", HEX | OPTIONAL, 16, 16 },
	{ VRRP_MSG_SET, "auth", OBJECT, 0, 0 },
	{ VRRP_MSG_SET, "auth.mode", WORD, 0, 0 },
	{ VRRP_MSG_SET, "auth.window_ms", INT, 1000, 300000 },
	{ VRRP_MSG_SET, "auth.keys", LIST, 0, 0 },
	{ VRRP_MSG_SET, "auth.keys.id", INT, 1, 255 },
	{ VRRP_MSG_SET, "auth.keys.key", HEX, 64, 128 },
	{ VRRP_MSG_DEL, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TRACK, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TRACK, "add", INT, -65535, 65535 },
	{ VRRP_MSG_TRACK, "fault", BOOL, 0, 0 },
	{ VRRP_MSG_TRACK, "reason", TEXT, 0, 79 },
	{ VRRP_MSG_DO, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_DO, "what", WORD, 0, 0 },
	{ VRRP_MSG_DO, "for_ms", INT, 1, 60000 },
	{ VRRP_MSG_PEERS, "self", TEXT, 1, 63 },
	{ VRRP_MSG_PEERS, "cluster", INT, 1, 255 },
	{ VRRP_MSG_PEERS, "port", INT, 1, 65535 },
	{ VRRP_MSG_PEERS, "heartbeat_ms", INT, 10, 10000 },
	{ VRRP_MSG_PEERS, "dead_after_ms", INT, 30, 60000 },
	{ VRRP_MSG_PEERS, "config", HEX, 16, 16 },
	{ VRRP_MSG_PEERS, "key", HEX, 64, 128 },
	{ VRRP_MSG_PEERS, "nodes", LIST, 0, 0 },
	{ VRRP_MSG_PEERS, "nodes.name", TEXT, 1, 63 },
	{ VRRP_MSG_PEERS, "nodes.paths", LIST, 0, 0 },
	{ VRRP_MSG_PEERS, "nodes.paths.ours", IP, 0, 0 },
	{ VRRP_MSG_PEERS, "nodes.paths.theirs", IP, 0, 0 },
	{ VRRP_MSG_LOG, "level", WORD, 0, 0 },
	{ VRRP_MSG_PING, "n", INT, 0, UINT32_MAX },
	{ VRRP_MSG_READY, "version", INT, 1, UINT32_MAX },
	{ VRRP_MSG_READY, "pid", INT, 1, INT32_MAX },
	{ VRRP_MSG_STATE, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_STATE, "state", WORD, 0, 0 },
	{ VRRP_MSG_STATE, "was", WORD, 0, 0 },
	{ VRRP_MSG_STATE, "cause", WORD, 0, 0 },
	{ VRRP_MSG_STATE, "prio", INT, 0, 255 },
	{ VRRP_MSG_STATE, "reason", TEXT, 0, 79 },
	{ VRRP_MSG_STATE, "master", IP | OPTIONAL, 0, 0 },
	{ VRRP_MSG_STATE, "master_prio", INT, 0, 255 },
	{ VRRP_MSG_STATE, "source", IP | OPTIONAL, 0, 0 },
	{ VRRP_MSG_STATE, "resigned", BOOL | OPTIONAL, 0, 0 },
	{ VRRP_MSG_STATE, "refused", TEXT | OPTIONAL, 0, 79 },
	{ VRRP_MSG_ALARM, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_ALARM, "alarm", WORD, 0, 0 },
	{ VRRP_MSG_ALARM, "on", BOOL, 0, 0 },
	{ VRRP_MSG_ALARM, "text", TEXT, 0, 79 },
	{ VRRP_MSG_NODE, "name", TEXT, 1, 63 },
	{ VRRP_MSG_NODE, "up", BOOL, 0, 0 },
	{ VRRP_MSG_NODE, "same_config", BOOL, 0, 0 },
	{ VRRP_MSG_NODE, "version", TEXT, 0, 22 },
	{ VRRP_MSG_NODE, "instances", INT, 0, UINT32_MAX },
	{ VRRP_MSG_NODE, "restarts", INT, 0, UINT32_MAX },
	{ VRRP_MSG_NODE, "offset_us", INT, INT64_MIN, INT64_MAX },
	{ VRRP_MSG_NODE, "paths", LIST, 0, 0 },
	{ VRRP_MSG_NODE, "paths.theirs", IP, 0, 0 },
	{ VRRP_MSG_NODE, "paths.up", BOOL, 0, 0 },
	{ VRRP_MSG_NODE, "paths.rtt_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_NODE, "taken", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused", OBJECT, 0, 0 },
	{ VRRP_MSG_NODE, "refused.length", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused.format", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused.version", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused.cluster", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused.key", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused.replay", INT, 0, INT64_MAX },
	{ VRRP_MSG_NODE, "refused.source", INT, 0, INT64_MAX },
	{ VRRP_MSG_THEIRS, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_THEIRS, "node", TEXT, 1, 63 },
	{ VRRP_MSG_THEIRS, "known", BOOL, 0, 0 },
	{ VRRP_MSG_THEIRS, "state", WORD, 0, 0 },
	{ VRRP_MSG_THEIRS, "prio", INT, 0, 255 },
	{ VRRP_MSG_MOVED, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_MOVED, "ok", BOOL, 0, 0 },
	{ VRRP_MSG_MOVED, "away", BOOL, 0, 0 },
	{ VRRP_MSG_MOVED, "reason", TEXT, 0, 79 },
	{ VRRP_MSG_MOVED, "outage_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TAKEN, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TAKEN, "silent_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TAKEN, "woke_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TAKEN, "advert_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TAKEN, "addresses_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_TAKEN, "announced_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_PONG, "n", INT, 0, UINT32_MAX },
	{ VRRP_MSG_PONG, "instances", INT, 0, UINT32_MAX },
	{ VRRP_MSG_PONG, "lag_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_PONG, "rss_kib", INT, 0, UINT32_MAX },
	{ VRRP_MSG_STATS, "id", INT, 0, UINT32_MAX },
	{ VRRP_MSG_STATS, "sent", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "received", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded", OBJECT, 0, 0 },
	{ VRRP_MSG_STATS, "discarded.stranger", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.source", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.ttl", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.version", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.length", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.checksum", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.count", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.interval", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.auth", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "discarded.replay", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "renewals", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "transitions", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "conflicts", INT, 0, INT64_MAX },
	{ VRRP_MSG_STATS, "late_us", INT, 0, UINT32_MAX },
	{ VRRP_MSG_STATS, "sum9568", BOOL, 0, 0 },
};

START_TEST(every_member_counts)
{
	member_counts(&channel, &members[_i]);
}
END_TEST

START_TEST(every_member_has_a_row)
{
	uint64_t s = 4;
	for (int round = 0; round < 50; round++)
		for (int t = 0; t < VRRP_MSG_COUNT; t++) {
			struct msgs_room room;
			struct vrrp_msg m;
			msgs_random(&s, (enum vrrp_msg_type)t, &m, &room);
			json_t *o = line_of(&m);
			has_rows(members, LEN(members), t, "", o);
			json_decref(o);
		}
}
END_TEST

/* ---- rules across members, and the insides of lists ---- */

#define NODES(list)          "{\"nodes\":[" list "]}"
#define NODE_OF(name, paths) "{\"name\":\"" name "\",\"paths\":[" paths "]}"
#define PATH(ours, theirs)   "{\"ours\":\"10.0.0." ours "\",\"theirs\":\"10.0.0." theirs "\"}"

static const struct {
	const char *what, *change;
	int rc;
} rules[] = {
	{ "peers", "{}", 0 },
	{ "death after two heartbeats", "{\"heartbeat_ms\":200,\"dead_after_ms\":400}", -EBADMSG },
	{ "and a bit more", "{\"heartbeat_ms\":200,\"dead_after_ms\":401}", 0 },
	{ "a node without a path", NODES(NODE_OF("lb-b", "")), -EBADMSG },
	{ "a node named as we are", NODES(NODE_OF("lb-a", PATH("1", "2"))), -EBADMSG },
	{ "two nodes", NODES(NODE_OF("b", PATH("1", "2")) "," NODE_OF("c", PATH("1", "3"))), 0 },
	{ "of one name", NODES(NODE_OF("b", PATH("1", "2")) "," NODE_OF("b", PATH("1", "3"))), -EBADMSG },
	{ "of one address", NODES(NODE_OF("b", PATH("1", "2")) "," NODE_OF("c", PATH("1", "2"))), -EBADMSG },
	{ "two paths to one address", NODES(NODE_OF("b", PATH("1", "2") "," PATH("3", "2"))), -EBADMSG },
	{ "two paths from one address", NODES(NODE_OF("b", PATH("1", "2") "," PATH("1", "3"))), 0 },
	{ "a path to ourselves", NODES(NODE_OF("b", PATH("1", "2") "," PATH("3", "1"))), -EBADMSG },
	{ "a path of two families", NODES(NODE_OF("b", "{\"ours\":\"10.0.0.1\",\"theirs\":\"fd00::2\"}")), -EBADMSG },
};

START_TEST(rules_across_members)
{
	changed_line(&channel, VRRP_MSG_PEERS, rules[_i].what, PEERS, rules[_i].change, rules[_i].rc);
}
END_TEST

static const struct {
	const char *what, *line;
	int rc;
	bool core;
} lines[] = {
	{ "nobody else's message", "{\"msg\":\"target.del\",\"id\":1}", -EBADMSG, false },
	{ "resign carries no time", "{\"msg\":\"vrrp.do\",\"id\":1,\"what\":\"resign\"}", 0, false },
	{ "announce carries none, either", "{\"msg\":\"vrrp.do\",\"id\":1,\"what\":\"announce\",\"for_ms\":\"x\"}", 0,
		false },
	{ "handover does", "{\"msg\":\"vrrp.do\",\"id\":1,\"what\":\"handover\"}", -EBADMSG, false },
	{ "and take does", "{\"msg\":\"vrrp.do\",\"id\":1,\"what\":\"take\"}", -EBADMSG, false },
	{ "no second path needs no more", "{\"msg\":\"vrrp.peers\",\"nodes\":[]}", 0, false },
	{ "a second path without a key does", "{\"msg\":\"vrrp.peers\",\"nodes\":[{}]}", -EBADMSG, false },
	{ "a node that is gone has no state", "{\"msg\":\"vrrp.theirs\",\"id\":1,\"node\":\"b\",\"known\":false}", 0,
		true },
	{ "one that is there has", "{\"msg\":\"vrrp.theirs\",\"id\":1,\"node\":\"b\",\"known\":true}", -EBADMSG, true },
	{ "a node is written of without paths", "{\"msg\":\"vrrp.node\",\"name\":\"b\"}", -EBADMSG, true },
	{ "a reason names an interface, which need not be ASCII",
		"{\"msg\":\"vrrp.track\",\"id\":7,\"add\":0,\"fault\":true,\"reason\":\"track:\xc3\xbc\"}", 0, false },
	{ "but not what moves a cursor",
		"{\"msg\":\"vrrp.track\",\"id\":7,\"add\":0,\"fault\":true,\"reason\":\"track:\xc2\x9b\"}", -EBADMSG,
		false },
	{ "an alarm is ASCII",
		"{\"msg\":\"vrrp.alarm\",\"id\":7,\"alarm\":\"two_masters\",\"on\":true,\"text\":\"\xc3\xbc\"}",
		-EBADMSG, true },
	{ "no such alarm", "{\"msg\":\"vrrp.alarm\",\"id\":7,\"alarm\":\"three_masters\",\"on\":true,\"text\":\"\"}",
		-EBADMSG, true },
	{ "the process does not say hello", "{\"msg\":\"hello\",\"version\":1,\"level\":\"info\"}", -EBADMSG, true },
};

START_TEST(lines_that_are_none)
{
	struct vrrp_msg m;
	json_t *o = parse(lines[_i].line, lines[_i].what);
	int rc = (lines[_i].core ? vrrp_msg_read_core : vrrp_msg_read_vrrp)(o, &m);
	ck_assert_msg(rc == lines[_i].rc, "%s: %d", lines[_i].what, rc);
	if (rc == 0)
		vrrp_msg_done(&m);
	json_decref(o);
}
END_TEST

START_TEST(what_is_no_text_is_not_written)
{
	struct lb_text line = LB_TEXT_INIT;
	struct vrrp_msg m = { .type = VRRP_MSG_TRACK, .u.track = { 1, 0, true, "track:\xc3" } };
	vrrp_msg_write(&m, &line);
	ck_assert(line.bad);
	lb_text_done(&line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vrrp_msg");
	TCase *tc = tcase_create("vrrp_msg");
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, every_word_is_one);
	tcase_add_loop_test(tc, every_member_counts, 0, LEN(members));
	tcase_add_test(tc, every_member_has_a_row);
	tcase_add_loop_test(tc, rules_across_members, 0, LEN(rules));
	tcase_add_loop_test(tc, lines_that_are_none, 0, LEN(lines));
	tcase_add_test(tc, what_is_no_text_is_not_written);
	return suite_run(s);
}
