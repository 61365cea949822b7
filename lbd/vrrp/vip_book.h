/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the watched cards and of the addresses on them, and what of it the owner must be told. Fed with what
 * was asked, how the kernel answered and what it told; it has no socket.
 *
 * Our own changes come back as notifications like everybody's. They are told apart by what we asked for:
 *
 *   WANTED: an address that appears is ours, or renewed. One that leaves: told (the end of its lease, too), -> LOST.
 *   GONE, LOST: one that leaves is nothing. One that appears: told. NONE: the same, if the owner calls it virtual.
 *
 * Between a removal and its notification the address may be wanted again, and an older notification of ours may still
 * be on its way: `dels` counts the removals whose notification has not come, and that many are taken as ours.
 *
 * A dump is one truth for all: what it does not mention is not there. The caller reads no notifications while it reads
 * a dump; they come after it, and the last one about an address or a card is true.
 */
#pragma once

#include "common/vec.h"
#include "lbd/vrrp/vip_msg.h"

#include <uthash.h>

enum vip_ask { VIP_ASK_NONE, VIP_ASK_WANTED, VIP_ASK_GONE, VIP_ASK_LOST };

struct vip_entry { /* an address that is on a card, or was asked for */
	struct vip v;
	UT_hash_handle hh; /* its order is that of the kernel: the first primary address is the first */
	bool there, secondary, unfit;
	uint8_t scope, proto;
	enum vip_ask ask;
	uint32_t pending;  /* requests without an answer */
	uint32_t dels;     /* removals without a notification */
	uint32_t dump;     /* the last one that mentioned it */
	uint32_t asked_in; /* the dump that ran when it was last asked for or against; 0 = none */
};

struct vip_slot {
	struct vip_card card;
	struct vip_card told; /* as the owner knows it */
	struct vip_slot *next;
	unsigned users;      /* 0 = freed by vip_book_sweep */
	bool dirty;          /* look for its sources again */
	bool tell;           /* even if nothing changed */
	uint32_t dump;       /* the last one that mentioned its card */
	int renamed;         /* the index of the card that had its name until now, and another one since; 0 = none */
	uint32_t settled_by; /* the dump that must be over before the owner is told */
	struct vip_entry *entries;
};

enum vip_event_type { VIP_EVENT_LEFT, VIP_EVENT_CAME, VIP_EVENT_ADD_REFUSED, VIP_EVENT_DEL_REFUSED };

struct vip_event {
	enum vip_event_type type;
	struct vip_slot *slot; /* NULL: nobody watches that card any more */
	struct vip v;          /* as it is there: a removal with another prefix would not touch it */
	int err;
};

struct vip_book {
	struct vip_slot *slots;
	LB_VEC(struct vip_event) events;
	bool (*mine)(const struct lb_ip *ip, void *arg);
	void *arg;
	uint32_t dump;     /* number of the last one that began; they count from 1 */
	uint32_t complete; /* of the last one that ended */
	bool lost;         /* memory ran out for something that was heard: read everything again */
};

void vip_book_done(struct vip_book *b);

/* A slot by name, made when there is none (one more user); NULL: out of memory, or no name of a card. */
struct vip_slot *vip_book_get(struct vip_book *b, const char *name);
struct vip_slot *vip_book_find(const struct vip_book *b, const struct vip_card *c);
void vip_book_put(struct vip_book *b, struct vip_slot *s); /* one user less */
void vip_book_sweep(struct vip_book *b);                   /* frees slots without users */

/* n addresses are about to be asked for or against. 0; -ENOMEM: nothing has changed. */
int vip_book_ask(struct vip_book *b, struct vip_slot *s, const struct vip *v, size_t n, bool add);
/* The kernel's answer to one; err a positive errno or 0; -1: it was lost, nobody knows. */
void vip_book_answer(struct vip_book *b, struct vip_slot *s, const struct vip *v, bool add, int err);

/* A message of a dump or a notification. */
void vip_book_hear(struct vip_book *b, const struct vip_heard *h);

void vip_book_dump_begin(struct vip_book *b);
void vip_book_links_end(struct vip_book *b); /* of its first half, the links */
/* whole: what it did not mention is not there. */
void vip_book_dump_end(struct vip_book *b, bool whole);
bool vip_book_wants_dump(const struct vip_book *b);
/* Notifications were lost: forget which of ours are still to come. */
void vip_book_overrun(struct vip_book *b);

/* It is virtual from now on, or no longer: whoever put it on the card, the owner is told where it is there. */
void vip_book_look(struct vip_book *b, struct vip_slot *s, const struct lb_ip *ip);

/* Whether it is on the card, added by a process of ours, and nobody asked for it since. */
bool vip_book_left(struct vip_slot *s, const struct vip *v);

/* Whether the owner is to be told of this slot now; it counts as told then. Finds its sources. */
bool vip_book_tell(struct vip_book *b, struct vip_slot *s);
