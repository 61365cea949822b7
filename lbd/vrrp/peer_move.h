/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A planned hand-over of one instance, as a function: what an operator and the other nodes say -> what our entry says,
 * and what is to be done.
 *
 *   operator "take" --WANT--> master --ARM--> backup: ready, for a while   --ARMED--> master: RESIGN, priority 0
 *               "handover" -----^                                                     backup: master at once (planned)
 *
 *   - Who leaves goes only when somebody said ARMED after we said ARM. Nobody does: we stay, and say so.
 *   - All flags are soft: each beat says them anew, and a word counts for PEER_MOVE_WORD_MS from the moment after which
 *     it must have been said (peer_link.said_after; no clock of the other side). One that cannot be shown to be young
 * is asked back: PEER_MOVE_SAY gives the other side a beat of ours to repeat.
 *   - A backup that says ARMED is ready (VRRP_EVENT_ARM) for longer than that word counts, whatever is lost or late.
 *   - Of several backups those with the worse claim wait their turn, so that one arms. Who wants it comes first.
 *   - Each word of an operator ends with exactly one PEER_MOVE_MOVED: at its for_ms, at PEER_MOVE_AFTER_MS later where
 *     that must be waited for, or earlier.
 *
 * A group of instances: all members get the word, all but one of them quietly. RESIGN of one is done when
 * peer_move_ready is true of all that are master, by one of them; until then it is said again.
 *
 * Every function settles everything: what comes out is to be done in its order, then the timer armed to `deadline`.
 * Whatever is done to the state machine is followed by peer_move_look. Nothing is allocated.
 */
#pragma once

#include "common/time.h"
#include "lbd/vrrp/peer_pkt.h"
#include "lbd/vrrp/vrrp_fsm.h"

#define PEER_MOVE_NODES_MAX 7    /* others */
#define PEER_MOVE_WORD_MS   500  /* so long a word counts */
#define PEER_MOVE_ARM_MS    1000 /* so long VRRP_EVENT_ARM makes ready */
#define PEER_MOVE_WANT_MS   1000 /* so long a master tries because another node wants it, from the last such word on */
#define PEER_MOVE_REPEAT_MS 100  /* from one beat to the next while there is something to say */
#define PEER_MOVE_TURN_MS   200  /* how long one with a worse claim waits for each that has a better one */
#define PEER_MOVE_AFTER_MS  2000 /* behind the last moment of a word: so long its outcome may take */

enum peer_move_word { PEER_MOVE_HANDOVER, PEER_MOVE_TAKE };

/* How a word ended; the texts are in peer_move_reasons. */
enum peer_move_reason {
	PEER_MOVE_DONE,
	PEER_MOVE_NOT_MASTER, /* handover: nothing to hand over */
	PEER_MOVE_NOT_READY,  /* nobody said ARMED */
	PEER_MOVE_LOST,       /* no longer master, and not of our own accord */
	PEER_MOVE_NOT_TAKEN,  /* we left, and nobody is master, or we are again */
	PEER_MOVE_NOT_GIVEN,  /* take: the master did not leave */
	PEER_MOVE_CANNOT,     /* take: in FAULT, or not begun */
	PEER_MOVE_REPLACED,   /* the same word came once more: that one counts */
};
#define PEER_MOVE_REASON_COUNT (PEER_MOVE_REPLACED + 1)
extern const char *const peer_move_reasons[PEER_MOVE_REASON_COUNT]; /* "" "this node is not master" ... */

enum peer_move_act_type {
	PEER_MOVE_ARM,    /* VRRP_EVENT_ARM for PEER_MOVE_ARM_MS, now */
	PEER_MOVE_RESIGN, /* VRRP_EVENT_RESIGN, if its group may; said in each call while it holds */
	PEER_MOVE_SAY,    /* a beat to every node now: its flags changed, or must be repeated */
	PEER_MOVE_MOVED,  /* away, reason, outage_us */
};

struct peer_move_act {
	enum peer_move_act_type type;
	bool away; /* from here; else to here */
	enum peer_move_reason reason;
	uint32_t outage_us; /* DONE: from the old master's last word (its priority 0) to the new one's first; 0 = not
			     * known. To here: without the time that our addresses take */
};

#define PEER_MOVE_ACTS_MAX 8
struct peer_move_acts { /* set by each call; bounded */
	size_t n;
	struct peer_move_act v[PEER_MOVE_ACTS_MAX];
};

struct peer_move_said { /* by another node of this instance, last */
	bool known;
	enum vrrp_state state;
	uint8_t prio, flags;
	struct lb_ip source;
	struct lb_time after; /* it was said after that */
};

struct peer_move { /* all zero before the first call */
	struct peer_move_said said[PEER_MOVE_NODES_MAX];
	struct {
		bool on, quiet, left; /* left: resigned, waiting for the new master */
		struct lb_time until;
		struct lb_time left_at;
	} leave;
	struct {
		bool on, quiet;
		struct lb_time until; /* WANT until then; its end is PEER_MOVE_ARM_MS later */
	} take;
	struct lb_time want_until;  /* another node wants it, and we are master */
	struct lb_time arm_since;   /* we say ARM; us 0 = we do not */
	struct lb_time asked_since; /* somebody says ARM; us 0 = nobody does */
	struct lb_time last_word;   /* the last priority 0 of a master; us 0 = none */
	uint8_t flags;              /* what our entry says since the last PEER_MOVE_SAY */
	bool armed;
	struct lb_time said_at;  /* of that */
	struct lb_time deadline; /* peer_move_look is due then: LB_TIME_NEVER */
};

/* Every function: v is the instance itself, as it is now. */

/* An operator's word for for_ms. quiet: no MOVED comes of it. */
void peer_move_do(struct peer_move *m, const struct vrrp *v, enum peer_move_word word, uint32_t for_ms, bool quiet,
	struct lb_time now, struct peer_move_acts *out);

/* News of a node (0..PEER_MOVE_NODES_MAX-1) about this instance. said_after: of its link. e NULL: it is gone, or has no
 * such instance any more. */
void peer_move_hear(struct peer_move *m, const struct vrrp *v, size_t node, const struct peer_entry *e,
	struct lb_time said_after, struct lb_time now, struct peer_move_acts *out);

/* An advert of another node, with this priority, is about to be an event of v (peer_move_look comes behind that). */
void peer_move_advert(
	struct peer_move *m, const struct vrrp *v, uint8_t prio, struct lb_time now, struct peer_move_acts *out);

/* The state of v may have changed, or time has passed. */
void peer_move_look(struct peer_move *m, const struct vrrp *v, struct lb_time now, struct peer_move_acts *out);

/* PEER_ENTRY_* of our entry in a beat of now. */
uint8_t peer_move_flags(const struct peer_move *m, const struct vrrp *v, struct lb_time now);

/* We are master and may leave: another node is ready for it. */
bool peer_move_ready(const struct peer_move *m, const struct vrrp *v, struct lb_time now);
