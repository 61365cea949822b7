/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the vrrp process: what its files hand each other. */
#pragma once

#include "common/room_io.h"
#include "lbd/vrrp/peer_link.h"
#include "lbd/vrrp/peer_move.h"
#include "lbd/vrrp/vip_io.h"
#include "lbd/vrrp/vmac.h"
#include "lbd/vrrp/vrrp_alarm.h"
#include "lbd/vrrp/vrrp_ask.h"
#include "lbd/vrrp/vrrp_dup.h"
#include "lbd/vrrp/vrrp_group.h"
#include "lbd/vrrp/vrrp_msg.h"
#include "lbd/vrrp/way_book.h"

#include <ev.h>
#include <sys/queue.h>

#define ROOM_LOST_MAX       3 /* an address that others removed so often in ROOM_LOST_MS is handed over */
#define ROOM_LOST_MS        10000
/* What is taken away within that time is one loss: who clears a card is done with it in a few milliseconds, and has
 * looked again whether anything is left; who fights for an address goes on, and has it after a second. */
#define ROOM_LOST_ONE_MS    500
/* The kernel ends a lease up to so much later: between two of its looks (check_lifetime in devinet.c) is a second at
 * least (ADDRCONF_TIMER_FUZZ_MAX), and it rounds by a quarter of one. */
#define ROOM_LEASE_SLACK_MS 1300

struct inst;
struct lookout;
struct peers;
struct room;

struct sock { /* adverts of one card and family */
	struct room *w;
	struct vip_card *card;
	uint8_t family;
	unsigned refs;
	int fd;    /* -1 = not open: there is no such card, or it cannot be */
	int index; /* of the card when it was opened */
	uint32_t life, life6;
	int refused;     /* -errno: it cannot be opened just now, and that was told */
	bool unfiltered; /* what is of no instance is read, too */
	ev_io readable;
	struct inst *by_vrid[256];
	LIST_ENTRY(sock) next;
};

/* Why an instance must not be master; the first that is set is the reason that people see. */
enum inst_fault {
	INST_FAULT_LINK,      /* "link_down", or "no_interface" where there is no card of that name */
	INST_FAULT_DEAF,      /* "link_enslaved": no advert would be heard there, so silence means nothing */
	INST_FAULT_SOURCE,    /* "no_address" */
	INST_FAULT_CONTENDED, /* "vip_contended" */
	INST_FAULT_CORE,      /* "core_silent" */
	INST_FAULT_KERNEL,    /* "kernel_busy" */
	INST_FAULT_TRACK,     /* the core's words */
};
#define INST_FAULT_COUNT (INST_FAULT_TRACK + 1)

struct group {
	char name[VRRP_NAME_MAX]; /* "" = of one instance */
	struct vrrp_group g;
	struct inst *member[VRRP_GROUP_MAX];
	LIST_ENTRY(group) next;
};

struct inst {
	struct room *w;
	struct vrrp_conf conf;
	struct vrrp fsm;
	struct vrrp_wire wire; /* borrows addrs and conf.peers */
	struct lb_ip addrs[VRRP_ADDRS_MAX];
	struct vip vips[VRRP_ADDRS_MAX + VRRP_EXCLUDED_MAX];
	size_t n_vips;
	struct way_book ways;                       /* routes, then rules */
	struct vip_card *way_cards[WAY_ROUTES_MAX]; /* of the routes; NULL = none, or memory was out */
	struct inst_mac {                           /* the device with the virtual hardware address */
		struct vip_card *card;              /* NULL = there is to be none */
		uint32_t id; /* of this one in the answers of the kernel: another one may have its name */
		uint8_t address[6];
		bool known;       /* the kernel has told of it */
		bool making;      /* it was asked for, and has not been seen yet */
		bool refused;     /* it cannot be: the card's own address is used */
		bool mtu_asked;   /* it was asked for that of its card, in this second */
		bool mtu_refused; /* which the kernel did not give it: not again before the card changes */
		uint32_t life;    /* of the device that is in use; 0 = none */
		unsigned pending; /* what was asked about it and is not answered */
	} mac;
	struct group *group;
	struct sock *sock;
	bool resuming;   /* as the state machine said last */
	bool started;    /* the kernel has told of its card */
	bool no_delay;   /* it came with a reload: its startup delay is over */
	uint32_t faults; /* bits 1 << enum inst_fault */
	char track_reason[VRRP_REASON_MAX], told_reason[VRRP_REASON_MAX];
	struct lb_ip told_master;
	uint8_t told_master_prio;
	bool told_resigned;
	int32_t track_add;
	ev_timer timer;    /* the deadline of the state machine */
	ev_timer renew;    /* of the lease, while it has addresses */
	ev_timer announce; /* the next frames */
	ev_timer follow;   /* to ask for routes and rules again, while it has them */
	ev_timer calm;     /* the end of INST_FAULT_CONTENDED */
	ev_timer restore;  /* behind the turn in which addresses were taken away */
	struct vrrp_announce burst;
	uint8_t announced_mac[6];              /* what neighbours were told last, or are being told */
	struct lb_time lost_at[ROOM_LOST_MAX]; /* the last losses that counted, newest first */
	struct lb_ip lost;                     /* the first address that was taken away in this turn */
	size_t n_lost;                         /* and how many were */
	struct lb_time found_at;               /* one where it should not be, the last time */
	struct inst_restoring {                /* asked for again; what came of it is not told yet */
		size_t n;
		struct lb_ip ip; /* the first of them */
		bool same, refused;
	} restoring;
	struct inst_refused { /* by the kernel, since they were last asked for */
		bool is[VRRP_ADDRS_MAX + VRRP_EXCLUDED_MAX];
		size_t n;
		size_t n_new; /* in this turn, of which the first: */
		struct lb_ip ip;
		int err;
		char text[VRRP_REASON_MAX]; /* of the alarm */
		unsigned rounds;            /* in a row in which all of them were */
		bool resigned;              /* because of that, and it still counts */
		struct lb_time resigned_at;
	} refused;
	/* the second path: what we say of this instance, and what others said of it */
	uint64_t peer_id;
	bool beat_due;            /* in the beat of this turn */
	struct lb_ip said_source; /* its own address, or the last one that it had: whose word it is */
	struct peer_move move;
	ev_timer move_timer;
	struct inst_theirs {
		bool known;
		enum vrrp_state state;
		uint8_t prio;
		struct lb_time heard_at;
	} theirs[VRRP_NODES_MAX];
	struct vrrp_msg_moved moved;      /* to be told when the kernel has the addresses */
	struct lb_time moved_at;          /* us 0 = nothing to be told */
	struct inst_taken {               /* when what was, of becoming master; us 0 = not yet */
		struct lb_time heard;     /* the last advert that counted */
		struct lb_time due, woke; /* of the timer that is being served */
		struct lb_time advert;    /* the first one was sent */
		struct lb_time held;      /* the kernel had the addresses */
		struct lb_time announced; /* the first frames */
		bool telling;             /* of the last two as soon as both are known */
	} taken;
	struct vrrp_msg_stats stats;
	struct vrrp_alarms alarms; /* of single adverts */
	struct lb_time made_at;
	struct lb_ip owner; /* who says over the second path that it is, until it says otherwise; family 0 = nobody */
	bool watched;       /* while it has the addresses: whether somebody else says so, too */
	struct lb_time watched_since;
	struct vrrp_dup dup;
	ev_timer dup_timer;
	struct vrrp_ask ask;
	ev_timer ask_timer;
	uint16_t ip_id;
	unsigned unsent; /* adverts in a row that did not leave for all who should hear them */
	LIST_ENTRY(inst) next;
};

struct room {
	struct lb_room base;
	struct vip_net *net;
	struct peers *peers; /* NULL = no second path */
	unsigned depth;      /* of steps within steps */
	uint32_t macs;       /* devices with a virtual hardware address, so far */
	LIST_HEAD(, inst) insts;
	LIST_HEAD(, group) groups;
	LIST_HEAD(, sock) socks;
	LIST_HEAD(, lookout) lookouts;
	struct lb_time heard_at;
	int64_t slept_us;                    /* that the machine has slept, as far as is known */
	struct lb_time polled_at, rested_at; /* the last poll; and the last time that this process waited */
	bool begun;                          /* the instances of its start are here: who comes now came with a reload */
	bool swept;                          /* what a process before us left is looked for */
	bool sweeping;                       /* the core is to be told when that is over */
	bool leaving;                        /* the core said that the node leaves */
	bool abandoned;                      /* ends without a word to anybody, and leaves what it has */
	unsigned silent;                     /* looks in a row at a kernel that does not answer */
};

/* ---- vrrp_io.c ---- */
void room_send(struct room *w, const struct vrrp_msg *m);

/* ---- vrrp_set_io.c ---- */
/* Makes it, or changes it where it stands: what did not change goes on undisturbed. */
void inst_set(struct room *w, const struct vrrp_conf *conf);
void inst_del(struct room *w, uint32_t id);
/* All of them leave, with priority 0 and without addresses, or without a word where the room is abandoned; then they
 * are freed. */
void insts_stop(struct room *w);

/* ---- vrrp_inst_io.c ---- */
struct inst *inst_find(struct room *w, uint32_t id); /* NULL */
void inst_track(struct room *w, const struct vrrp_msg_track *t);
void inst_do(struct room *w, const struct vrrp_msg_do *d);
/* An advert that counts. */
void inst_advert(struct inst *i, const struct vrrp_advert *a);
/* The core has been silent too long, or speaks again. */
void insts_core(struct room *w, bool silent);
/* Once a second: counters to the core, and another try where something could not be had. */
void insts_stats(struct room *w);
/* The machine slept for so long: before anything is sent. */
void insts_slept(struct room *w, int64_t us);
/* Of the network. */
void insts_card(struct room *w, struct vip_card *c);

/* One event: its group steps, what comes out is done, the timers are armed. */
void inst_step(struct inst *i, const struct vrrp_event *ev);
size_t inst_member(const struct inst *i); /* its place in its group */
/* It was stopped and taken out of the list of members: the others go on without it. */
void inst_left(struct group *g, size_t member);
void inst_tell_alarm(struct inst *i, enum vrrp_alarm alarm, bool on, const char *text);
/* Whatever makes us look at an instance: had it been standing still, it must know that first. */
void inst_look(struct inst *i);
/* What a process before us left may stay: it is not decided yet whether we go on as master. */
bool inst_may_go_on(const struct inst *i);
/* Once its card is known: otherwise each start would begin with a fault of a few milliseconds. */
void inst_start(struct inst *i);
void inst_timers(struct inst *i); /* made, not armed */
void inst_set_fault(struct inst *i, enum inst_fault f, bool on);
uint8_t inst_prio(const struct inst *i); /* of the configuration and what tracking adds */
void inst_set_prio(struct inst *i);
void inst_set_source(struct inst *i);
/* Who owns an address has it for good, with or without VRRP: it is neither leased nor removed. */
bool inst_is_owner(const struct inst *i);
void inst_have_addresses(struct inst *i);
bool inst_is_leased(const struct inst *i);
int64_t inst_renew_ms(const struct inst *i);
/* They are asked for again, unless that is to be anyway. */
void inst_renew_in(struct inst *i, int64_t ms);
/* Whether v, with its prefix, is one of its addresses. */
bool inst_has_vip(const struct inst *i, const struct vip *v);
/* Whether another master has it on that card. */
bool inst_is_anothers(const struct inst *i, const struct vip_card *card, const struct vip *v);
/* Asks against n addresses on a card, but for those that another master has there by now. */
void inst_drop_addresses(struct inst *i, struct vip_card *card, const struct vip *v, size_t n);
void inst_announce(struct inst *i, struct lb_time now);

/* ---- vrrp_lost_io.c ---- */
bool insts_own(const struct room *w, const struct lb_ip *ip);
void insts_address(struct room *w, struct vip_card *c, const struct vip *v, bool added);
/* Its addresses may be others than before: those that are on its cards already, where they should not be, go. */
void inst_look_for_addresses(struct inst *i);
/* Addresses of it, or the device with all of them, were taken away. False: too often, and it has been given up. */
bool inst_lost_one(struct inst *i);
/* Behind each turn, refused: something was in it, answered: nothing is to come. Tells once what came of a loss. */
void inst_restored(struct inst *i, bool refused, bool answered);
/* Asks for everything that a master has, and announces it. */
void inst_restore(struct inst *i);
/* An address with our label that was on a card when we looked. */
void insts_address_left(struct room *w, const char *card, int index, const struct vip *v);
void inst_lost_timers(struct inst *i); /* made, not armed */

/* ---- vrrp_refused_io.c ---- */
/* The kernel would not add it: whether there is a master that wants it there. */
bool insts_refused(struct room *w, const struct vip_card *c, const struct lb_ip *ip, int err);
/* Before the loop sleeps. */
void refused_tell(struct room *w);
/* Once a second. */
void inst_refused_look(struct inst *i);
/* What the kernel refuses, where it resigned because of that; else "". */
const char *inst_refused_why(const struct inst *i);
/* They are about to be asked for again. Whether all of its group were refused in so many renewals in a row, and it is
 * to resign. */
bool inst_refused_all(struct inst *i, unsigned renewals, struct lb_time now);

/* ---- vrrp_mac_io.c ---- */
/* Whether it has the virtual hardware address, and on a device of its own the addresses. */
bool inst_has_mac(const struct inst *i);
struct vip_card *inst_card(const struct inst *i); /* where its addresses are while it is master */
const uint8_t *inst_mac(const struct inst *i);    /* what is announced for them; NULL = the card has none */
void inst_mac_get(struct inst *i);                /* with the instance, as it is configured */
void inst_mac_put(struct inst *i);
void inst_mac_up(struct inst *i);   /* before the addresses come */
void inst_mac_down(struct inst *i); /* before they go */
/* The device is compared with what it should be, and that is asked for. */
void inst_mac_look(struct inst *i);
void inst_mac_look_again(struct inst *i); /* once a second: where its MTU was not as it should be */
void insts_mac_card(struct room *w, const struct vip_card *c);
void insts_link(struct room *w, const struct link_ask *a, int err);
/* A device of ours that was in the kernel when we looked. */
void insts_link_left(struct room *w, const char *name, int index);

/* ---- vrrp_way_io.c ---- */
/* Those of conf from now on; of a master, what it does not name any more goes. */
void inst_ways_set(struct inst *i, const struct vrrp_conf *conf);
void inst_ways_have(struct inst *i); /* asks for all of them, behind the addresses */
/* Where an address was lost routes with a source may have lost that: they are made anew by the next inst_ways_have. */
void inst_ways_renew_sources(struct inst *i);
void inst_ways_let_go(struct inst *i);
void inst_ways_timer(struct inst *i); /* made, not armed */
void inst_ways_free(struct inst *i);
void insts_ways_card(struct room *w, const struct vip_card *c);
void insts_way(struct room *w, uint32_t id, const struct way *way, bool add, int err);
/* A way of ours that was in the kernel when we looked. */
void insts_way_left(struct room *w, const struct way *way);

/* ---- vrrp_sock_io.c ---- */
/* The socket of the instance's card and family, with the instance in it. NULL: out of memory. */
struct sock *sock_get(struct room *w, struct vip_card *card, struct inst *i);
void sock_put(struct sock *s, struct inst *i);
/* The card changed, or something was refused: opens or closes, filters. Whether it is open now. */
bool sock_look(struct sock *s);
/* Ends alarms of adverts for which there was no reason for a while. Looked at once a second. */
void sock_calm(struct inst *i);
/* Notes one that what is said on this card is the reason for. text: of the first. */
void sock_alarm(struct inst *i, enum vrrp_alarm alarm, int64_t quiet_us, const char *text);
/* Reads what has arrived. */
void sock_drain(struct sock *s);
/* One advert, to the group or to each peer. Those that do not leave raise an alarm. */
void sock_advert(struct inst *i, uint8_t prio);

/* ---- vrrp_dup_io.c ---- */
/* It has the addresses from now on, or no longer. */
void inst_watch(struct inst *i, bool on);
/* Its addresses changed, or its card. */
void inst_watch_again(struct inst *i);
void inst_watch_timers(struct inst *i); /* made, not armed */
/* No instance is left on this card. */
void lookout_drop(struct room *w, const struct vip_card *card);

/* ---- vrrp_move_io.c ---- */
/* An operator's word about a planned hand-over. */
void inst_move(struct inst *i, enum peer_move_word word, uint32_t for_ms);
/* What node says of it, fresh, in the last news of l; e NULL: nothing any more. */
void inst_theirs(struct inst *i, size_t node, const struct peer_entry *e, const struct peer_link *l);
/* An advert is about to be its event. */
void inst_move_advert(struct inst *i, uint8_t prio);
/* Behind each step: what it means for hand-overs of the group. */
void moves_look(struct group *g, struct lb_time now);
/* Once the kernel has the addresses: how long it took. */
void moves_tell(struct room *w);

/* ---- vrrp_taken_io.c ---- */
/* It is becoming master: its advert has been sent. */
void taken_begin(struct inst *i, struct lb_time now);
void taken_announced(struct inst *i, struct lb_time now);
/* Before the loop sleeps: what is complete is told to the core. */
void taken_tell(struct room *w);
void inst_move_timer(struct inst *i); /* made, not armed */

/* ---- peer_io.c ---- */
/* The other nodes from now on; without nodes: none. What did not change goes on. */
void peers_set(struct room *w, const struct vrrp_peers *conf);
void peers_stop(struct room *w);
/* All that we have to say, to every node, before the loop sleeps. */
void peers_say(struct room *w);
/* Before the loop sleeps: beats that are due. */
void peers_flush(struct room *w);
/* To the core: how each node is. */
void peers_tell(struct room *w);
const char *peers_name(const struct room *w, size_t node);
