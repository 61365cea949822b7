/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copying of flows to the other node as the core knows it: what its process is told, and what it says.
 *
 *   configuration, key file -> sync_conf     with whom, by which paths, what; or why not at all
 *   sync.state              -> the link, the bulk, what the kernel does not do
 *   sync.stats              -> counters, how far the peer lags behind
 *
 * What changed is told as lines, one by one (model_sync_next). A peer that has not come yet is waited for: that there
 * is no link is told after MODEL_SYNC_GRACE_MS, since nodes start after each other. One that was there is told of at
 * once. A lag is an alarm when it was above MODEL_SYNC_LAG_MS for MODEL_SYNC_LAGGING_MS.
 *
 * Pure; lives as long as the core.
 */
#pragma once

#include "lbd/model_peer.h"
#include "lbd/model_vrrp.h"
#include "lbd/sync/sync_room_msg.h"

#define MODEL_SYNC_LAGGING  "sync_lagging"      /* the alarms by name */
#define MODEL_SYNC_MISMATCH "sync_key_mismatch" /* the keys of the two nodes are not the same */
#define MODEL_SYNC_FULL     "conntrack_full"    /* nf_conntrack_max is reached: entries do not get into the kernel */

#define MODEL_SYNC_GRACE_MS   10000
#define MODEL_SYNC_HOLD_MS    60000
#define MODEL_SYNC_LAG_MS     5000
#define MODEL_SYNC_LAGGING_MS 5000
#define MODEL_SYNC_FIGURES_MS 2000 /* a line waits for the figures that come with the next pong, at most so long */

struct model_sync {
	struct sync_conf conf;  /* what the process gets; owned. n_paths 0: there is no link, and no process */
	enum config_flows runs; /* CONFIG_FLOWS_COPIED, or why they are not */
	bool due;               /* the process is to be told */
	struct lb_time began;   /* we began to wait for that peer, or for a new process */

	uint32_t orders; /* to the process: the number of the last one */
	bool spoke;      /* it has said how it is */
	struct sync_msg_state state;
	int64_t since_wall_ms; /* of state.is */
	bool has_stats[SYNC_KIND_COUNT];
	struct sync_msg_stats stats[SYNC_KIND_COUNT];

	struct lb_time bulk_at;   /* the bulk that is running, or that ended in sync, began; us 0 = there was none */
	struct lb_time synced_at; /* state.is became SYNC */
	bool figures;             /* and there were stats since */
	struct lb_time lag_since; /* above the limit; us 0 = not */
	bool lagging, mismatch;   /* the alarms */
	bool full;
	bool told_any;          /* there was a line of the state */
	enum sync_link_is told; /* as it was told */
	uint64_t told_resyncs[SYNC_KIND_COUNT];
	char told_trouble[SYNC_TEXT_MAX];
};

/* With whom there is a link, and what flows of c are copied: n_paths 0 = there is none. Reads the key. 0, or -1 and *e:
 * the key cannot be had, or no memory. *out is to be freed with sync_conf_done. Its generation is 0 yet. */
int model_sync_conf(
	const struct config *c, model_vrrp_key_fn *read, void *arg, struct sync_conf *out, struct lb_err *e);

/* What the kernel's own synchronisation is to be: master when any instance is. False: c does not want it, or no
 * instance has said its state yet (what runs goes on then). */
bool model_sync_multicast(const struct config *c, const struct model_vrrps *vs, struct sync_multicast *out);

/* conf, of c, holds from now on; takes over what it owns, and leaves it empty. True when anything differs from before
 * (then it is due). With another peer nothing is known of the old one any more. */
bool model_sync_take(
	struct model_sync *s, const struct config *c, struct sync_conf *conf, uint32_t generation, struct lb_time now);
/* An instance may have another state: whether all packets come to this node (then it is due). Where there is none
 * nobody knows. */
void model_sync_role(struct model_sync *s, const struct model_vrrps *vs);
/* The process was told that, with a number behind s->orders. A pause lasts until it is told to go on: with another
 * configuration, another peer and a new process, too. */
void model_sync_did(struct model_sync *s, const struct sync_msg_do *what);
/* The process is new: it knows nothing, and nothing is known of it. */
void model_sync_forget(struct model_sync *s, struct lb_time now);
void model_sync_done(struct model_sync *s); /* the key does not stay in memory */

/* What the process said. True: all that the other node knows has come, or come anew, and is in the kernel. */
bool model_sync_said_state(struct model_sync *s, const struct sync_msg_state *m, struct lb_time now, int64_t wall_ms);
void model_sync_said_stats(struct model_sync *s, const struct sync_msg_stats *m);

/* By which ways the connections of c's listeners are forwarded, as far as they are copied (conn_look.h), piece by
 * piece: fills at most max. at begins as { 0 } and keeps the place; 0: that was all. */
struct model_sync_at {
	uint32_t service, listen, row; /* row 0: of all backends; n: of the n-th */
};
size_t model_sync_ways(const struct config *c, struct model_sync_at *at, struct conn_way *out, size_t max);
/* Whether c has listeners, methods, or backends that need a way of their own, that old (NULL = nothing) has not: the
 * kernel may have connections of them, by somebody else or from before, that no look could tell. Who only loses some
 * has no news. */
bool model_sync_gains(const struct config *old, const struct config *c);

/* The next thing that changed, as a line; false: nothing more. To be called until then after each word of the process,
 * and once a second. */
bool model_sync_next(struct model_sync *s, struct lb_time now, struct model_line *out);

/* There is a process, and it has a link to the peer or tries to. */
static inline bool model_sync_runs(const struct model_sync *s)
{
	return s->conf.n_paths > 0;
}

static inline bool model_sync_flows(const struct model_sync *s)
{
	return model_sync_runs(s) && s->conf.flows;
}

/* What the process said last is of after everything that it was told to do. */
static inline bool model_sync_answered(const struct model_sync *s)
{
	return s->spoke && s->state.order == s->orders;
}

/* An operator of this node has paused it. The process may not have heard of that yet. */
static inline bool model_sync_paused(const struct model_sync *s)
{
	return s->conf.paused[SYNC_IPVS] || s->conf.paused[SYNC_CONNTRACK];
}

/* Only the other node has paused it: only there it goes on. */
static inline bool model_sync_held(const struct model_sync *s)
{
	return s->spoke && s->state.is == SYNC_IS_PAUSED && s->state.held && !model_sync_paused(s);
}

/* "in-sync" ...; "unknown" before the process has spoken. */
const char *model_sync_word(const struct model_sync *s);
/* The link is there, whatever is copied over it. */
bool model_sync_up(const struct model_sync *s);
/* What its clients would miss most is copied, connections of IPVS where any are, and the peer is there to take it. */
bool model_sync_copies(const struct model_sync *s);
/* How far the peer is behind with one kind. False: not known, or nobody wants it copied (the configuration, an
 * operator): then *lag_ms stays as it is. */
bool model_sync_kind_lag(const struct model_sync *s, enum sync_kind kind, uint32_t *lag_ms);
/* The worst of all kinds. False: there is none, *lag_ms is 0. */
bool model_sync_lag(const struct model_sync *s, uint32_t *lag_ms);
/* How far the bulk is that runs, both directions and all kinds together. False: none does. */
bool model_sync_progress(const struct model_sync *s, uint64_t *done, uint64_t *all);
/* This node has no right yet to take addresses from one that lives: its flows have not come, for MODEL_SYNC_HOLD_MS at
 * most. Nothing keeps it from taking those of one that is silent. */
bool model_sync_holds(const struct model_sync *s, struct lb_time now);
