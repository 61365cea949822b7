/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One VRRP instance as a function: vrrp_step(state, event, now) -> actions (RFC 9568 6.4, RFC 3768 6.4).
 *
 *   INIT --start--> BACKUP --no advert for the down interval--> MASTER --a better advert--> BACKUP
 *   any --fault--> FAULT --over--> BACKUP
 *
 * The state carries its one `deadline`; the edge runs the actions in their order and arms its one timer to it. There is
 * no action that starts or stops a timer, so none can be forgotten. Nothing is allocated, nothing waits, and a packet
 * that was refused never comes here.
 *
 * What is more than the RFC:
 *   - A master that finds itself later than a whole down interval (it was stopped, its machine slept) says nothing and
 *     goes to BACKUP: somebody else is master by now. If nobody is, it goes on after little more than an interval. A
 *     backup that was late does not take over on that account: the
 *     adverts it missed are behind it.
 *   - The peer may say over another path that it is master and well: then silence on this path is an alarm, not a
 *     reason to take over (the second path). Two masters that hear each other only there are resolved there.
 *   - Where other members of the group hear the master that is silent here, that is an alarm, too: whoever took over
 * would take the others' addresses as well (vrrp_group.h).
 *   - A planned hand-over: the backup is armed, and takes the coming priority 0 as its word to go, without the skew.
 *   - Who resigned does not preempt until it is master again for another reason.
 *   - A process that was killed and is back at once may find the addresses it left: it listens for little more than one
 *     interval, and if nobody else has become master it goes on, before anybody has missed it.
 *   - Whoever meets another master sends and announces, so that every switch and neighbour hears from the winner last.
 */
#pragma once

#include "common/addr.h"
#include "common/time.h"
#include "lbd/vrrp/vrrp_word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vrrp_state { VRRP_STATE_INIT, VRRP_STATE_BACKUP, VRRP_STATE_MASTER, VRRP_STATE_FAULT };
#define VRRP_STATE_COUNT (VRRP_STATE_FAULT + 1)

/* Why the state changed; the words are those of events and of `lbctl vrrp show` (vrrp_causes). */
enum vrrp_cause {
	VRRP_CAUSE_STARTED,   /* INIT -> BACKUP, or MASTER of an owner */
	VRRP_CAUSE_NO_ADVERT, /* the down interval is over */
	VRRP_CAUSE_LEFT,      /* the master sent priority 0 */
	VRRP_CAUSE_PLANNED,   /* armed, and the master left */
	VRRP_CAUSE_BETTER,    /* an advert with a higher priority, or the same and a higher address */
	VRRP_CAUSE_PEER,      /* the same, heard over the second path */
	VRRP_CAUSE_FAULT,     /* the edge knows which */
	VRRP_CAUSE_RECOVERED,
	VRRP_CAUSE_RESIGNED, /* an operator's word */
	VRRP_CAUSE_GROUP,    /* another member of its group */
	VRRP_CAUSE_LATE,     /* we stood still for longer than the down interval */
	VRRP_CAUSE_STOPPED,
	VRRP_CAUSE_RESUMED, /* it was master when its process was killed or stood still, and nobody has become it since
			     */
};
#define VRRP_CAUSE_COUNT (VRRP_CAUSE_RESUMED + 1)

extern const char *const vrrp_state_names[VRRP_STATE_COUNT]; /* "init" "backup" "master" "fault" */
extern const char *const vrrp_causes[VRRP_CAUSE_COUNT];      /* "no_advert" */

#define VRRP_INTERVAL_CS_MAX 25500 /* of both versions: 8 bits of whole seconds of version 2 */

#define VRRP_DOWN_ADVERTS 3 /* intervals of silence (plus the skew) that make a backup take over */

struct vrrp_rules { /* of the configuration */
	uint8_t version;
	uint32_t interval_cs; /* version 3: 1..4095; version 2: whole seconds, up to VRRP_INTERVAL_CS_MAX */
	bool preempt;
	int64_t preempt_delay_ms; /* from the first lower advert on */
	int64_t startup_delay_ms; /* in INIT, deaf and dumb */
};

enum vrrp_event_type {
	VRRP_EVENT_START,  /* once, first; on: it was master a moment ago and the addresses are still here */
	VRRP_EVENT_TIMER,  /* at or after the deadline; early ones are harmless */
	VRRP_EVENT_ADVERT, /* one that was accepted: prio, interval_cs, from */
	VRRP_EVENT_PRIO,   /* our effective priority is now prio (1..254; 255 for an owner) */
	VRRP_EVENT_SOURCE, /* our own address is now from; family 0 = none, which the edge also reports as a fault */
	VRRP_EVENT_FAULT,  /* on: something without which we must not be master; off: all of it is over */
	VRRP_EVENT_RESIGN, /* give up now, and do not preempt */
	VRRP_EVENT_ARM,    /* for for_ms a priority 0 means: take over at once */
	VRRP_EVENT_PEER,   /* second path: for for_ms the peer is (on) or is not master; prio, from as in its adverts */
	VRRP_EVENT_JOIN,   /* the group goes master: so do we, if we can */
	VRRP_EVENT_YIELD,  /* the group goes backup: so do we, on: with priority 0, off: without a word, because our
			    * priority  here may beat whoever the group yielded to; for_ms: wait at least that long, 0 =
			    * our down interval */
	VRRP_EVENT_RULES,  /* v->rules has been replaced: nothing restarts that need not */
	VRRP_EVENT_SLEPT,  /* the machine did, for for_ms, of which no `now` tells; before anything else after that */
	VRRP_EVENT_STOP,   /* the instance ends: INIT */
};
#define VRRP_EVENT_COUNT (VRRP_EVENT_STOP + 1)

struct vrrp_event {
	enum vrrp_event_type type;
	uint8_t prio;
	bool on;
	uint32_t interval_cs;
	int64_t for_ms;
	struct lb_ip from;
};

enum vrrp_act_type {
	VRRP_ACT_ADVERT,   /* send one with prio */
	VRRP_ACT_ADDRS,    /* on: have them, in one batch; off: let go of them */
	VRRP_ACT_ANNOUNCE, /* gratuitous ARP, unsolicited NA: a burst */
	VRRP_ACT_REPORT,   /* the state changed: was, cause (the new one is in the state) */
	VRRP_ACT_ALARM,    /* on or off: alarm */
};

enum vrrp_alarm {
	VRRP_ALARM_TWO_MASTERS,  /* somebody else is master, too, and does not yield */
	VRRP_ALARM_PATH_DOWN,    /* there is a master, and it is well, but its adverts do not arrive */
	VRRP_ALARM_SAME_ADDRESS, /* an advert with our own source address and priority */
	VRRP_ALARM_TWO_OWNERS,   /* priority 255 from somebody else, and we have it, too */
	/* from here on raised by the edge: nothing that was refused comes here, nor what does not change a state */
	VRRP_ALARM_AUTH_FAILED,      /* adverts arrive that are not authentic, or are replayed */
	VRRP_ALARM_ADDRESSES_DIFFER, /* an advert with other addresses than ours */
	VRRP_ALARM_INTERVAL_DIFFERS, /* an advert with another interval than ours */
	VRRP_ALARM_UNKNOWN_OWNER,    /* priority 255 from somebody who is not known to own the addresses */
	VRRP_ALARM_DUPLICATE,        /* somebody else has one of our addresses (vrrp_dup.h) */
	VRRP_ALARM_NO_VIRTUAL_MAC,   /* the card's own hardware address is used in its place */
	VRRP_ALARM_UNSENT,           /* our adverts do not leave this host */
	VRRP_ALARM_REFUSED,          /* the kernel refuses one of the addresses */
};
#define VRRP_ALARM_COUNT (VRRP_ALARM_REFUSED + 1)
#define VRRP_ALARM_EDGE  VRRP_ALARM_AUTH_FAILED         /* the first of those */
extern const char *const vrrp_alarms[VRRP_ALARM_COUNT]; /* "two_masters" "vrrp_path_down" ... */

struct vrrp_act {
	enum vrrp_act_type type;
	uint8_t prio;
	bool on;
	enum vrrp_state was;
	enum vrrp_cause cause;
	enum vrrp_alarm alarm;
};

#define VRRP_ACTS_MAX 12
struct vrrp_acts { /* bounded: a step cannot run out of memory */
	size_t n;
	struct vrrp_act v[VRRP_ACTS_MAX];
};

/* Written by vrrp_step only, read by everybody, but for rules, held and held_until. Zero before START, but for rules,
 * prio and whether it had resigned before it was made anew. */
struct vrrp {
	struct vrrp_rules rules;
	/* Written by vrrp_group: its group cannot be master now, so neither can it; and until when silence is no reason
	 * to become it, because others of the group hear a master. us 0 = they do not */
	bool held;
	struct lb_time held_until;
	enum vrrp_state state;
	uint8_t prio; /* effective: base and what tracking adds */
	bool fault, resigned;
	bool left;           /* the down timer runs because of a priority 0 */
	bool resuming;       /* the down timer is short: we were master before we were killed, or stood still */
	bool late;           /* the down timer came too late once: the next time it counts */
	uint8_t passed_prio; /* the best of those that the down timer runs out on because we preempt; 0 = none spoke */
	struct lb_ip passed; /* who sent that */
	struct lb_ip source;
	uint32_t master_interval_cs; /* learned (version 3); our own while master */
	struct lb_ip master;         /* who sent the last advert that counted; family 0 = nobody yet. Kept as MASTER */
	uint8_t master_prio;
	struct lb_ip met; /* the other master that was met last, while MASTER; family 0 = none */
	uint8_t met_prio;
	uint32_t alarms;            /* bits 1 << enum vrrp_alarm */
	struct lb_time heard_at;    /* its last advert that counted; us 0 = there was none */
	struct lb_time deadline;    /* LB_TIME_NEVER in FAULT and after STOP */
	struct lb_time since;       /* of the state */
	struct lb_time preempt_at;  /* us 0 = no lower advert yet: preempting begins then */
	struct lb_time armed_until; /* planned hand-over */
	struct vrrp_words words;    /* what the second path says */
	struct lb_time
		met_since;     /* this meeting with another master: after an interval of it, VRRP_ALARM_TWO_MASTERS */
	struct lb_time met_at; /* when another master was last met: ends VRRP_ALARM_TWO_MASTERS */
	struct lb_time announced_at; /* because of another master */
	struct lb_time sent_at;      /* our last advert */
};

/* Appends to *out (out->n is set to 0 first). Never more than VRRP_ACTS_MAX. */
void vrrp_step(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out);

/* The effective priority: within 1..254 whatever is added, and 255 of an owner for good. */
uint8_t vrrp_effective_prio(uint8_t base, int64_t add);

/* Microseconds. The skew: (256 - prio)/256 of a second (version 2) or of the master's interval (version 3); the down
 * interval: VRRP_DOWN_ADVERTS intervals and the skew. */
int64_t vrrp_skew_us(const struct vrrp *v);
int64_t vrrp_down_us(const struct vrrp *v);
