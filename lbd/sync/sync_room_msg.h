/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core and the sync process say to each other, in the frame of common/channel_msg.h.
 *
 *   core -> sync   hello        once, first
 *                  sync.set     all of it: who we are, who the peer is, the key; anew when anything of it changed
 *                  sync.do      an operator's word, numbered; a pause is in each sync.set from then on
 *                  talk.out     to the core of the peer
 *                  sync.multicast  in place of sync.set: the kernel's own synchronisation, and who we are in it
 *                  log, ping    as with every worker
 *                  conn.list ..  of single connections, and look.ways: see conn_msg.h
 *   sync -> core   ready        the answer to hello
 *                  sync.state   the link or the bulk changed; also the first word after sync.set, and after sync.do
 *                  sync.stats   behind each pong: counters, all since the process began
 *                  talk.link    the cores can talk to each other, on a link of that number; or cannot any more
 *                  talk.in      from the core of the peer
 *                  pong         with the figures of the process
 *                  conn.rows .., look.want, look.end
 *
 * sync.set without a path: there is no other node, and no key, or sync.multicast has the kernel's daemons. The process
 * is there for single connections then.
 *
 * Keys are in the message: the core reads the files, the process opens none.
 */
#pragma once

#include "common/addr.h"
#include "common/channel_msg.h"
#include "common/proto.h"
#include "lbd/sync/conn_msg.h"

#define SYNC_NAME_MAX  64  /* bytes of a name, with its NUL */
#define SYNC_TEXT_MAX  200 /* with its NUL */
#define SYNC_PATHS_MAX 4
#define SYNC_KEY_MIN   32
#define SYNC_KEY_MAX   64
#define SYNC_SKIP_MAX  16384 /* the longest texts of so many are one line (LB_PROTO_LINE_MAX), of more they are not */
#define SYNC_RATE_MAX  10000000

enum sync_what { SYNC_OFF, SYNC_ESTABLISHED, SYNC_ALL }; /* services.*.sync: "off" "established" "all" */

/* A listener whose flows are not copied as is the rule (ESTABLISHED), or one with a mark. */
struct sync_skip {
	enum sync_what what; /* ESTABLISHED with a mark only */
	uint8_t protocol;    /* 0: fwmark */
	uint16_t port;
	uint32_t fwmark;
	struct lb_ip addr; /* family only, for fwmark */
};

enum sync_kind { SYNC_IPVS, SYNC_CONNTRACK };
#define SYNC_KIND_COUNT (SYNC_CONNTRACK + 1) /* words "ipvs" "conntrack" */

/* Which entries of connection tracking are copied: "auto" those of the listeners in nats, "all", "off". */
enum sync_conntrack { SYNC_CONNTRACK_AUTO, SYNC_CONNTRACK_ALL, SYNC_CONNTRACK_OFF };

struct sync_conf {
	bool flows;     /* are copied; else there is a link to the peer, and that is all */
	bool multicast; /* the kernel's own synchronisation has both its daemons; there is no path */
	char self[SYNC_NAME_MAX], peer[SYNC_NAME_MAX];
	uint8_t cluster; /* 1..255; without a path also 0 */
	uint16_t port;
	uint64_t config;     /* a digest of the configuration that runs */
	uint32_t generation; /* its number here */
	uint32_t rate;       /* records per second, at most */
	uint8_t key[SYNC_KEY_MAX];
	uint32_t key_n;
	uint32_t n_paths; /* 0: flows are not copied, and of the above only multicast and the cluster mean something */
	struct lb_path paths[SYNC_PATHS_MAX];
	uint32_t n_skips;
	struct sync_skip *skips; /* owned where it was read; sorted by sync_skip_cmp, no two alike */
	bool ipvs;               /* any flow of IPVS is copied: the kernel's own synchronisation is to run */
	uint32_t ways; /* another number: the kernel may have connections that nobody could tell of before, see
			  conn_look.h */
	enum sync_conntrack conntrack;
	uint32_t n_nats;
	struct sync_skip *nats;       /* the same; `what` is ALL. Listeners whose flows get another source address */
	bool paused[SYNC_KIND_COUNT]; /* an operator's word, see SYNC_DO_PAUSE */
	bool forwards;                /* all packets come to this node: it is master of all instances, and has some */
};

/* Whether there is anything to do with connection tracking. */
static inline bool sync_conf_tracks(const struct sync_conf *c)
{
	return c->conntrack == SYNC_CONNTRACK_ALL || (c->conntrack == SYNC_CONNTRACK_AUTO && c->n_nats);
}

enum sync_do { SYNC_DO_RESYNC, SYNC_DO_PAUSE, SYNC_DO_RESUME }; /* "resync" "pause" "resume" */
#define SYNC_DO_COUNT (SYNC_DO_RESUME + 1)

struct sync_msg_do {
	enum sync_do what;
	bool kinds[SYNC_KIND_COUNT]; /* at least one of them */
	uint32_t number;             /* another one each time */
};

struct sync_multicast {
	bool master; /* it sends; otherwise it receives */
	uint8_t id;  /* 1..255 */
	uint16_t port;
	struct lb_ip group;
	char device[16]; /* with its NUL */
};

/* How it stands with the peer. */
enum sync_link_is {
	SYNC_IS_OFF,   /* "off": there is nothing to do */
	SYNC_IS_DOWN,  /* "down": no link; why in text */
	SYNC_IS_BULK,  /* "bulk": the link is up, not everything of before has been copied */
	SYNC_IS_SYNC,  /* "in-sync" */
	SYNC_IS_PAUSED /* "paused": by an operator, here or at the other node */
};
#define SYNC_IS_COUNT (SYNC_IS_PAUSED + 1)

struct sync_msg_state {
	enum sync_link_is is;
	char reason[SYNC_NAME_MAX]; /* down: "key_mismatch" "refused" "silent" ..., a word; else "" */
	char text[SYNC_TEXT_MAX];   /* the reason in words */
	char version[32];           /* of the protocol, "1"; "" while down */
	bool sent_all, have_all;    /* the bulk of each direction is complete */
	bool same_config;
	uint32_t order;                /* the number of the last sync.do that this is of after; 0 = there was none */
	bool held;                     /* PAUSED: by an operator of the other node, of this one or not */
	bool stopped[SYNC_KIND_COUNT]; /* PAUSED: these are, by either; the other kind is copied */
	char trouble[SYNC_TEXT_MAX]; /* this node's kernel does not play along: why, and what to do; "" = all is well */
};

struct sync_msg_stats { /* of one kind */
	enum sync_kind kind;
	uint64_t local, peer;             /* flows known: of this node's kernel, of the peer */
	uint64_t sent, received;          /* records */
	uint64_t injected, refused, lost; /* into the kernel; that it did not take; that the tap missed */
	uint64_t unsure;                  /* ipvs: that the last look has left out, as their way is not known */
	uint64_t resyncs;                 /* full ones */
	uint64_t bulk_done, bulk_all;     /* of the bulk that runs or ran last, what we receive */
	uint64_t sent_done, sent_all;     /* the same of what we send */
	uint32_t lag_ms;                  /* age of the oldest record that the peer has not acknowledged */
	uint32_t full;                    /* records that found the table full */
	bool kernel_full;                 /* conntrack: the kernel has no room for more (nf_conntrack_max) */
};

/* How far it is from one number of a stream to another, for bulk_done and its like: 0 where the other one lies before
 * it, and no more than a member holds. What the peer says of its numbers need not make sense. */
uint64_t sync_msg_span(uint64_t from, uint64_t to);

#define SYNC_TALK_TEXT_MAX 16384 /* bytes in one message: what a frame takes */

struct sync_msg_talk {
	uint32_t link;    /* of talk.out and talk.link; 0 = there is none */
	uint32_t id;      /* of talk.out and talk.in */
	uint8_t flags;    /* the same */
	const char *text; /* borrowed from who wrote it, or from the line that was read; no NUL among the n bytes */
	size_t n;
};

struct sync_msg_pong {
	uint32_t n, lag_us, rss_kib;
};

enum sync_msg_type {
	SYNC_MSG_HELLO,
	SYNC_MSG_SET,
	SYNC_MSG_DO,
	SYNC_MSG_MULTICAST,
	SYNC_MSG_LOG,
	SYNC_MSG_PING,
	SYNC_MSG_CONN_LIST,
	SYNC_MSG_CONN_MORE,
	SYNC_MSG_CONN_STOP,
	SYNC_MSG_CONN_KILL,
	SYNC_MSG_CONN_BIND,
	SYNC_MSG_TALK_OUT,
	SYNC_MSG_LOOK_WAYS,
	SYNC_MSG_READY,
	SYNC_MSG_STATE,
	SYNC_MSG_STATS,
	SYNC_MSG_TALK_LINK,
	SYNC_MSG_TALK_IN,
	SYNC_MSG_PONG,
	SYNC_MSG_CONN_ROWS,
	SYNC_MSG_CONN_END,
	SYNC_MSG_LOOK_WANT,
	SYNC_MSG_LOOK_END
};
#define SYNC_MSG_COUNT (SYNC_MSG_LOOK_END + 1)

struct sync_room_msg {
	enum sync_msg_type type;
	union {
		struct lb_msg_hello hello;
		struct sync_conf *set; /* owned where it was read */
		struct sync_msg_do run;
		struct sync_multicast multicast;
		enum lb_log_level log;
		uint32_t ping; /* n */
		struct lb_msg_ready ready;
		struct sync_msg_state state;
		struct sync_msg_stats stats;
		struct sync_msg_talk talk;
		struct sync_msg_pong pong;
		struct conn_ask conn_ask; /* CONN_LIST, CONN_KILL, CONN_BIND */
		uint32_t conn_id;         /* CONN_MORE, CONN_STOP */
		struct conn_rows conn_rows;
		struct conn_end conn_end;
		struct conn_ways ways;
		struct conn_looked looked;
	} u;
};

/* Order of listeners: by mark, address, port, protocol; like memcmp. */
int sync_skip_cmp(const struct sync_skip *a, const struct sync_skip *b);

/* All values are alike. */
bool sync_conf_same(const struct sync_conf *a, const struct sync_conf *b);
/* The same connections of IPVS are copied. */
bool sync_conf_same_ipvs(const struct sync_conf *a, const struct sync_conf *b);
/* The same entries of connection tracking are. */
bool sync_conf_same_conntrack(const struct sync_conf *a, const struct sync_conf *b);
/* Frees what is in it; the key does not stay in memory. */
void sync_conf_done(struct sync_conf *c);

/* Appends the message as one line. Sticky error in out. */
void sync_room_msg_write(const struct sync_room_msg *m, struct lb_text *out);
/* The two directions. 0 and *m, to be freed with sync_room_msg_done; -EBADMSG or -ENOMEM, *m untouched. */
int sync_room_msg_read_sync(const json_t *line, struct sync_room_msg *m); /* what the sync process receives */
int sync_room_msg_read_core(const json_t *line, struct sync_room_msg *m);
void sync_room_msg_done(struct sync_room_msg *m); /* keys do not stay in memory */

const char *sync_room_msg_name(enum sync_msg_type type);

extern const char *const sync_kinds[SYNC_KIND_COUNT];
extern const char *const sync_link_words[SYNC_IS_COUNT];
extern const char *const sync_dos[SYNC_DO_COUNT];
extern const char *const sync_whats[SYNC_ALL + 1];
extern const char *const sync_conntracks[SYNC_CONNTRACK_OFF + 1];
