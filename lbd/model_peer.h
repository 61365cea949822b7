/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other nodes of the cluster as the core knows them: what their process is told, and what it says of them.
 *
 *   configuration, key file -> vrrp_peers     the second path, or none
 *   vrrp.node               -> up, down, paths, version, clock
 *   vrrp.theirs             -> how our instances are there
 *
 * What changed is told as lines, one by one (model_peer_next). A node that nobody has heard of yet is unknown, and down
 * only after MODEL_PEER_GRACE_MS: nodes start after each other. Configurations that differ are an alarm after
 * MODEL_PEER_DIFFERS_MS: they are changed on one node after the other.
 *
 * Pure; lives as long as the core.
 */
#pragma once

#include "lbd/model_vrrp.h"

#define MODEL_PEER_GRACE_MS   10000
#define MODEL_PEER_DIFFERS_MS 10000

enum model_peer_state { MODEL_PEER_UNKNOWN, MODEL_PEER_UP, MODEL_PEER_DOWN };
extern const char *const model_peer_states[MODEL_PEER_DOWN + 1]; /* "unknown" "up" "down" */

struct model_theirs { /* an instance of ours there */
	uint32_t id;
	enum vrrp_state state;
	uint8_t prio;
};

struct model_peer {
	char name[VRRP_NAME_MAX];
	struct lb_time began; /* we began to listen for it */
	bool heard;           /* the process has spoken of it */
	struct vrrp_msg_node is;
	enum model_peer_state state; /* as it was told */
	int64_t since_wall_ms;       /* of the state */
	uint32_t told_paths;         /* bits of those that are up */
	uint32_t told_restarts;
	struct lb_time differs_since; /* up, with another configuration; us 0 = not */
	bool differs;                 /* the alarm */
	uint32_t n_theirs;
	struct model_theirs theirs[CONFIG_VRRP_MAX];
};

struct model_peers {
	struct vrrp_peers conf; /* what the process gets */
	bool due;               /* it is to be told */
	uint32_t n;
	struct model_peer v[VRRP_NODES_MAX]; /* in the order of the configuration; [0..n) */
};

/* The second path of c: n_nodes 0 = there is none (no key file, no other node, nothing to be master of). Reads the key.
 * 0, or -1 and *e: the key cannot be had. *out is all of it, bytes between members included. */
int model_peers_conf(
	const struct config *c, model_vrrp_key_fn *read, void *arg, struct vrrp_peers *out, struct lb_err *e);

/* The secret of the links between the nodes, from cluster.key_file. 0, or -1 and *e. */
int model_peer_key(const struct config *c, model_vrrp_key_fn *read, void *arg, struct peer_key *key, struct lb_err *e);

/* conf holds from now on; nodes that stay keep what is known of them. True when anything differs from before. */
bool model_peers_take(struct model_peers *ps, const struct vrrp_peers *conf, struct lb_time now);
/* Instances came and went: what is known of those that went is dropped. */
void model_peers_prune(struct model_peers *ps, const struct model_vrrps *vs);
/* The process is new: it knows nothing, and nothing is known of anybody. */
void model_peers_forget(struct model_peers *ps, struct lb_time now);
void model_peers_done(struct model_peers *ps); /* the key does not stay in memory */

/* What the process said. A node or an instance that we do not know (any more) is ignored. */
void model_peers_said_node(struct model_peers *ps, const struct vrrp_msg_node *m);
void model_peers_said_theirs(struct model_peers *ps, const struct vrrp_msg_theirs *m);

/* The next thing that changed, as a line; false: nothing more. To be called until then after each word of the process,
 * and once a second. */
bool model_peer_next(struct model_peer *p, struct lb_time now, int64_t wall_ms, struct model_line *out);

const struct model_peer *model_peer_find(const struct model_peers *ps, const char *name); /* NULL */
uint32_t model_peer_paths_up(const struct model_peer *p);
/* How our instance of that id is there; NULL: not known (the node is not up, or has no such instance). */
const struct model_theirs *model_peer_theirs(const struct model_peer *p, uint32_t id);
