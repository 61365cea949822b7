/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two cores say to each other on its way through the sync process: what ours said and the link has not taken
 * yet. It is not looked at here; who may say how much is the business of the two cores (lbd/ctl/ctl_talk.h), and what
 * does not keep to that is more than any of them says.
 *
 * A link has a number. What our core said to one that has ended does not go out on the next.
 */
#pragma once

#include "common/time.h"
#include "lbd/sync/sync_msg.h"

#define SYNC_TALK_QUEUE   (4u * 1024u * 1024u)  /* bytes that wait for the link, at most */
#define SYNC_TALK_RATE    10000u                /* frames per second that the peer may send */
#define SYNC_TALK_PENDING (16u * 1024u * 1024u) /* bytes that may wait for our core */

struct sync_talk_item;

struct sync_talks {
	struct sync_talk_item *head, **tail; /* tail NULL = &head */
	size_t bytes;
	uint32_t link;  /* the number of the one that talks; 0 = none does */
	uint32_t links; /* numbers used */
	uint32_t said;  /* link, as it was told to the core */
	uint32_t tokens;
	struct lb_time tokens_at;
};

/* A link can talk, or can not any more: what waits is gone. */
void sync_talks_link(struct sync_talks *t, bool up, struct lb_time now);
void sync_talks_done(struct sync_talks *t);

/* Queues a copy. 0, also when that link is over; -ENOBUFS it is more than may wait; -ENOMEM. */
int sync_talks_put(struct sync_talks *t, uint32_t link, const struct sync_talk *m);
/* The next one as a frame; false: there is none, or w has too little room for it. */
bool sync_talks_next(struct sync_talks *t, struct lb_writer *w);
/* One came. False: the peer says more than anybody does. */
bool sync_talks_came(struct sync_talks *t, struct lb_time now);
