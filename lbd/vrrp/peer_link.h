/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of one other node over the second path, as a function: peer_link_take(link, beat, path, now).
 *
 *   - Of the other node counts only what repeats a beat of ours that is not older than dead_after: nobody can replay
 *     that. What does not (its first beat after a start) is asked again: PEER_TAKE_ASK, at most every PEER_ASK_MS, to
 * be answered with the numbers of that very beat, and nothing else of it is believed.
 *   - A beat goes out over every path with the same number. The first copy counts as news, later ones only say that
 *     their path works.
 *   - Another session is a restart only where it repeats something that we sent after the session we know had begun for
 *     us. The one before that had ended by then: what is left of it cannot come back, however fresh and late.
 *   - Silence of dead_after on all paths: it is gone. Of one path: that path is down.
 *
 * Pure: time is passed in. Owned by peer_io; nothing is allocated.
 */
#pragma once

#include "common/time.h"
#include "lbd/vrrp/peer_pkt.h"

#define PEER_PATHS_MAX   16
#define PEER_ASK_MS      20
#define PEER_SENT_MAX    64    /* beats of ours whose time is remembered, at most */
#define PEER_SENT_MAX_MS 60000 /* and for how long: no dead_after is longer */

/* What this node numbers its beats with: one for all other nodes. */
struct peer_self {
	uint64_t session; /* random, not 0, once per run */
	uint64_t seq;     /* of the last one; 0 = none */
	/* When beats were sent, oldest first, so that an echo has an age. Where more were sent than fit, some share the
	 * time of one before them: so they look older than they are, by a part of their age that is small while they
	 * are young, and never younger. What is older than the oldest is not known. */
	struct peer_sent {
		uint64_t seq;
		struct lb_time at;
	} sent[PEER_SENT_MAX];
	size_t n_sent;
};

struct peer_path {
	uint64_t seq; /* of the last fresh beat that came over it; 0 = none of this session */
	struct lb_time heard_at;
	bool up;
	uint32_t rtt_us; /* there over the fastest path and back over this one, without the time that the other side
			  * held it; 0 = not known */
};

struct peer_link {
	uint64_t node;          /* whose beats these are */
	uint32_t dead_after_ms; /* 1..PEER_SENT_MAX_MS */
	size_t n_paths;
	struct peer_path paths[PEER_PATHS_MAX];
	bool up;                   /* one of the paths is */
	uint64_t session, seq;     /* of its last news; session 0 = none yet */
	struct lb_time heard_at;   /* the first copy of that */
	uint64_t floor;            /* ours when its session began for us: none that ended can repeat a later one */
	struct lb_time said_after; /* its last news repeats what we sent then: that is no older */
	struct lb_time said_at;    /* nor than this, if it held ours for as long as it says: late by a round trip */
	struct lb_time asked_at;   /* when we last asked back; us 0 = never */
	struct lb_time since;      /* of up, or of down */
	int64_t offset_us;         /* its wall clock minus ours, give or take half of the round trip */
	uint32_t restarts;         /* other sessions since we know it */
	struct peer_beat last;     /* the news without its entries (n is 0): they are handed over in the call */
};

enum peer_take {
	PEER_TAKE_OLD, /* nothing new: a copy over another path; what was asked about a moment ago (PEER_ASK_MS); or one
			* that is older than what we have had (then *why is PEER_REPLAY) */
	PEER_TAKE_ASK, /* not fresh: answer with a beat that repeats its session and seq */
	PEER_TAKE_NEWS, /* fresh: its entries count */
};

struct peer_change { /* set by each call */
	bool node;   /* up or session changed; also where both sides of a silence are in one call */
	bool paths;  /* a path went up or down */
};

/* A beat of ours is about to be sent: its number. */
uint64_t peer_self_next(struct peer_self *s, struct lb_time now);

/* node, dead_after_ms and n_paths are set by the caller beforehand, everything else zero. */
void peer_link_init(struct peer_link *l, struct lb_time now);

/* An authentic beat of this node (b->node == l->node) arrived over this path. wall_us: our own clock, UTC. *why is
 * PEER_OK but for what PEER_TAKE_OLD says. */
enum peer_take peer_link_take(struct peer_link *l, const struct peer_self *self, const struct peer_beat *b, size_t path,
	struct lb_time now, int64_t wall_us, enum peer_refusal *why, struct peer_change *change);

/* Time has passed: who was silent for too long is gone. Returns when to call again at the latest (LB_TIME_NEVER). */
struct lb_time peer_link_time(struct peer_link *l, struct lb_time now, struct peer_change *change);

/* What a beat to this node repeats: echo_session, echo_seq, echo_held_us of *b. */
void peer_link_echo(const struct peer_link *l, struct lb_time now, struct peer_beat *b);
