/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core and the vrrp process say to each other, in the frame of common/channel_msg.h.
 *
 *   core -> vrrp   hello       once, first
 *                  vrrp.set    make an instance or replace the one of that id; one that did not change is not sent
 *                  vrrp.del
 *                  vrrp.track  what tracked objects say: added to the priority, or a fault with its reason
 *                  vrrp.do     an operator's word for one instance
 *                  vrrp.peers  the other nodes and the second path to them; anew when anything of it changed
 *                  vrrp.end    the node leaves: priority 0, and nothing stays. A channel that ends without it leaves
 *                              the addresses, for as long as their lease, to the process that follows
 *                  vrrp.sweep  there is no instance, and none comes: what a process before left is removed
 *                  log, ping   as with every worker; ping also means that the core lives
 *   vrrp -> core   ready       the answer to hello
 *                  vrrp.node   another node: when it or a path changed, and behind each pong
 *                  vrrp.theirs how an instance is there, when that changed
 *                  vrrp.moved  how a planned hand-over ended
 *                  vrrp.swept  that is done
 *                  vrrp.state  an instance's state, priority or reason changed, or that it has resigned; also the first
 *                              word about each
 *                  vrrp.alarm  on or off
 *                  pong        with the figures of the process
 *                  vrrp.stats  one per instance behind each pong: counters, all since the instance began
 *
 * Members of a group have the same group name; the process finds them itself. Keys are in the message: the core reads
 * the files, the process opens none.
 */
#pragma once

#include "common/channel_msg.h"
#include "common/proto.h"
#include "lbd/vrrp/peer_link.h"
#include "lbd/vrrp/vip.h"
#include "lbd/vrrp/vrrp_announce.h"
#include "lbd/vrrp/vrrp_auth.h"
#include "lbd/vrrp/vrrp_fsm.h"
#include "lbd/vrrp/vrrp_pkt.h"
#include "lbd/vrrp/way_book.h"

#define VRRP_NAME_MAX     64 /* bytes of a name, with its NUL */
#define VRRP_REASON_MAX   80 /* "track:gateway", with its NUL */
#define VRRP_EXCLUDED_MAX 255
#define VRRP_PEERS_MAX    16
#define VRRP_NODES_MAX    7 /* others of a cluster */

enum vrrp_msg_type {
	VRRP_MSG_HELLO,
	VRRP_MSG_SET,
	VRRP_MSG_DEL,
	VRRP_MSG_TRACK,
	VRRP_MSG_DO,
	VRRP_MSG_PEERS,
	VRRP_MSG_END,
	VRRP_MSG_SWEEP,
	VRRP_MSG_LOG,
	VRRP_MSG_PING,
	VRRP_MSG_READY,
	VRRP_MSG_STATE,
	VRRP_MSG_ALARM,
	VRRP_MSG_NODE,
	VRRP_MSG_THEIRS,
	VRRP_MSG_MOVED,
	VRRP_MSG_TAKEN,
	VRRP_MSG_SWEPT,
	VRRP_MSG_PONG,
	VRRP_MSG_STATS,
};
#define VRRP_MSG_COUNT (VRRP_MSG_STATS + 1)

/* An instance as the process needs it: values, nothing borrowed. */
struct vrrp_conf {
	uint32_t id;
	char name[VRRP_NAME_MAX], group[VRRP_NAME_MAX]; /* group "" = none */
	char interface[16];                             /* IFNAMSIZ */
	uint8_t family, version, vrid;
	uint8_t prio; /* of the configuration or of an operator, before tracking */
	enum vrrp_sum sum;
	struct vrrp_rules rules;
	struct vip addrs[VRRP_ADDRS_MAX]; /* in the order in which adverts name them */
	uint32_t n_addrs;
	struct vip excluded[VRRP_EXCLUDED_MAX];
	uint32_t n_excluded;
	struct route routes[WAY_ROUTES_MAX]; /* no two in one place (way_same), here or in another instance */
	uint32_t n_routes;
	struct rule policy[WAY_RULES_MAX]; /* rules; the same */
	uint32_t n_policy;
	struct lb_ip peers[VRRP_PEERS_MAX]; /* none: multicast */
	uint32_t n_peers;
	struct lb_ip source; /* family 0 = that of the interface */
	uint8_t min_ttl;
	uint32_t lease_s;              /* 0 = none */
	bool virtual_mac;              /* the addresses have 00:00:5e:00:01:VRID, on a device of their own */
	bool resigned;                 /* as the process said last; of one that it does not have: it begins so */
	char refused[VRRP_REASON_MAX]; /* the same: what the kernel refuses, and why it resigned; else "" */
	struct vrrp_announce_rules announce;
	bool with_password;
	uint8_t password[VRRP_PASSWORD];
	struct vrrp_auth auth; /* mode, window, keys */
};

struct vrrp_msg_track {
	uint32_t id;
	int32_t add; /* to the priority; the sum is held within 1..254 */
	bool fault;
	char reason[VRRP_REASON_MAX]; /* of the fault: "track:lan0" */
};

enum vrrp_do {
	VRRP_DO_RESIGN,
	VRRP_DO_ANNOUNCE,
	VRRP_DO_HANDOVER, /* resign as soon as another node says that it is ready; not at all if none does in for_ms */
	VRRP_DO_TAKE,     /* ask the master for that, for for_ms */
};
#define VRRP_DO_COUNT (VRRP_DO_TAKE + 1)

struct vrrp_msg_do {
	uint32_t id;
	enum vrrp_do what; /* "resign" "announce" "handover" "take" */
	uint32_t for_ms;   /* handover, take: 1..60000; else 0 */
};

/* The other nodes. n_nodes 0: there is no second path (then the rest does not count). */
struct vrrp_peers {
	char self[VRRP_NAME_MAX]; /* the name of this node */
	uint8_t cluster;          /* cluster.id, 1..255 */
	uint16_t port;
	uint32_t heartbeat_ms, dead_after_ms;
	uint64_t config; /* a digest of the configuration that runs, equal on nodes with the same */
	struct peer_key key;
	uint32_t n_nodes;
	struct vrrp_peer {
		char name[VRRP_NAME_MAX];
		uint32_t n_paths; /* 1..PEER_PATHS_MAX */
		struct lb_path paths[PEER_PATHS_MAX];
	} nodes[VRRP_NODES_MAX];
};

struct vrrp_msg_node {
	char name[VRRP_NAME_MAX];
	bool up;
	bool same_config;               /* while up */
	char version[PEER_VERSION_MAX]; /* of lbd there; "" = never heard */
	uint32_t instances;             /* there, in all */
	uint32_t restarts;              /* since we know it */
	int64_t offset_us;              /* its wall clock minus ours, about */
	uint32_t n_paths;
	struct {
		struct lb_ip theirs;
		bool up;
		uint32_t rtt_us; /* 0 = not known */
	} paths[PEER_PATHS_MAX];
	uint64_t refused[PEER_REFUSAL_COUNT]; /* beats, of all nodes together; [0] = taken */
};

struct vrrp_msg_theirs {
	uint32_t id;
	char node[VRRP_NAME_MAX];
	bool known; /* false: that node is gone or has no such instance; then the rest does not count */
	enum vrrp_state state;
	uint8_t prio;
};

struct vrrp_msg_moved {
	uint32_t id;
	bool ok;
	bool away;                    /* from here; else to here */
	char reason[VRRP_REASON_MAX]; /* not ok: "no node is ready" */
	uint32_t outage_us; /* ok: to here: from the old master's last word to having the addresses; away: from our last
			     * word to the first of the new master */
};

/* It became master, in these parts of the way. */
struct vrrp_msg_taken {
	uint32_t id;
	uint32_t silent_us;    /* from the last advert that counted until the timer was due */
	uint32_t woke_us;      /* how late it was served */
	uint32_t advert_us;    /* until our first advert was sent */
	uint32_t addresses_us; /* until the kernel had the addresses */
	uint32_t announced_us; /* until the first announcement, where that was later; else 0 */
};

struct vrrp_msg_state {
	uint32_t id;
	enum vrrp_state state, was;
	enum vrrp_cause cause;
	uint8_t prio;                 /* effective */
	char reason[VRRP_REASON_MAX]; /* in FAULT: "link_down"; else "" */
	struct lb_ip master;          /* whom it follows; family 0 = nobody, or we are it */
	uint8_t master_prio;
	struct lb_ip source; /* our own */
	/* for the process that follows this one: it does not take back what it gave up; and what the kernel refuses,
	 * where that is why, else "" */
	bool resigned;
	char refused[VRRP_REASON_MAX];
};

struct vrrp_msg_alarm {
	uint32_t id;
	enum vrrp_alarm alarm;
	bool on;
	char text[VRRP_REASON_MAX]; /* who: "10.0.0.2 at 02:00:00:00:00:01 with priority 100", may be "" */
};

struct vrrp_msg_stats {
	uint32_t id;
	uint64_t sent, received; /* adverts; received: those that counted */
	uint64_t discarded[VRRP_DISCARD_COUNT_OF];
	uint64_t renewals;    /* of leases, per batch */
	uint64_t transitions; /* to MASTER */
	uint64_t conflicts;   /* as master: times that somebody else said it has one of our addresses */
	uint32_t late_us;     /* the worst of an advert since the last pong */
	bool sum9568;         /* the last advert that counted had the sum of RFC 9568 */
};

struct vrrp_msg_pong {
	uint32_t n; /* of the ping */
	uint32_t instances;
	uint32_t lag_us; /* the worst of the loop since the last pong */
	uint32_t rss_kib;
};

struct vrrp_msg {
	enum vrrp_msg_type type;
	union {
		struct lb_msg_hello hello;
		struct vrrp_conf *set; /* owned where it was read */
		uint32_t del;          /* id */
		struct vrrp_msg_track track;
		struct vrrp_msg_do run;
		struct vrrp_peers *peers; /* owned where it was read */
		enum lb_log_level log;
		uint32_t ping; /* n */
		struct lb_msg_ready ready;
		struct vrrp_msg_state state;
		struct vrrp_msg_alarm alarm;
		struct vrrp_msg_node node;
		struct vrrp_msg_theirs theirs;
		struct vrrp_msg_moved moved;
		struct vrrp_msg_taken taken;
		struct vrrp_msg_pong pong;
		struct vrrp_msg_stats stats;
	} u;
};

/* Appends the message as one line. Sticky error in out. */
void vrrp_msg_write(const struct vrrp_msg *m, struct lb_text *out);

/* The two directions. 0 and *m, to be freed with vrrp_msg_done; -EBADMSG or -ENOMEM, *m untouched. */
int vrrp_msg_read_vrrp(const json_t *line, struct vrrp_msg *m); /* what the vrrp process receives */
int vrrp_msg_read_core(const json_t *line, struct vrrp_msg *m); /* what the core receives */

void vrrp_msg_done(struct vrrp_msg *m);

const char *vrrp_msg_name(enum vrrp_msg_type type); /* "vrrp.set" */

extern const char *const vrrp_dos[VRRP_DO_COUNT];
