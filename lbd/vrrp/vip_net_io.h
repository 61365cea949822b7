/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside vip_io.c and vip_req_io.c: requests and their answers. */
#pragma once

#include "common/time.h"
#include "lbd/vrrp/link_msg.h"
#include "lbd/vrrp/vip_book.h"
#include "lbd/vrrp/vip_io.h"
#include "lbd/vrrp/vip_macs.h"
#include "lbd/vrrp/way_msg.h"

#define VIP_RECV_SIZE    65536u /* above what the kernel puts into one part of a dump */
#define VIP_ANSWERS_SIZE 262144 /* above what the helper puts into one datagram */
#define VIP_BATCH_MAX    512    /* requests in one datagram */
#define VIP_RETRY_S      0.02

enum vip_req_kind { VIP_REQ_ADDR, VIP_REQ_WAY, VIP_REQ_LINK };

struct vip_req {
	uint32_t seq;
	enum vip_req_kind kind;
	struct vip_slot *slot; /* of an address; NULL: nobody watches that card */
	bool add;              /* address, way */
	int index;
	uint32_t lease_s, metric; /* of an address */
	uint32_t owner;           /* of a way */
	union {
		struct vip v;
		struct way way;
		struct link_ask link;
	};
};

struct vip_way_answer {
	uint32_t owner;
	bool add;
	int err;
	struct way way;
};

struct vip_link_answer {
	int err;
	struct link_ask link;
};

struct vip_addr_left {
	struct vip v;
	int index;
	char name[16]; /* of its card; "" = that came or went meanwhile */
};

struct vip_link_left {
	char name[16];
	int index;
};

/* From DUMP_OUR_ADDRS on: asked for once, at the start, to find what is left of ours. */
enum dump_phase {
	DUMP_NONE,
	DUMP_LINKS,
	DUMP_ADDRS,
	DUMP_OUR_ADDRS,
	DUMP_OUR_LINKS, /* behind the addresses: it has the names of their cards */
	DUMP_ROUTES4,
	DUMP_ROUTES6,
	DUMP_RULES,
};

struct vip_net {
	struct ev_loop *loop;
	const struct vip_calls *calls;
	void *arg;
	struct vip_book book;
	struct vip_macs macs;
	int ask, listen, frames; /* frames: -1 until the first one */
	bool helped;             /* ask leads to the helper, not to the kernel */
	bool broken;             /* and that is gone */
	bool told_broken;
	ev_io ask_watch, listen_watch, write_watch;
	ev_timer later;
	LB_VEC(struct vip_req) requests;
	LB_VEC(struct vip_way_answer) way_answers;
	LB_VEC(struct way) ways_left; /* of ours, as the dump has them */
	LB_VEC(struct vip_addr_left) addrs_left;
	LB_VEC(struct vip_link_answer) link_answers;
	LB_VEC(struct vip_link_left) links_left;
	size_t first, sent; /* requests.v[first, first + sent) wait for their answer, those behind for being sent */
	size_t window;      /* most that wait for an answer */
	uint32_t seq;
	enum dump_phase phase;
	uint32_t dump_seq;
	unsigned interrupts; /* dumps in a row */
	bool interrupted;    /* the one that runs */
	bool again;          /* a dump is wanted */
	bool overrun;        /* to be told when that is done */
	bool forget;         /* notifications of ours were lost, or may have been: do not wait for them */
	bool sweep;          /* what is left of ours is to be read */
	bool swept;          /* and to be told */
	unsigned sweeps;     /* in a row that others changed under us */
	bool telling, ending;
	struct lb_time moved_at; /* when an answer last came, or something was asked while nothing was waiting */
	size_t n_answer;         /* bytes of an answer that waits until everything before it has been heard */
	uint8_t send[VIP_BATCH_MAX * VIP_MSG_MAX], recv[VIP_RECV_SIZE], answer[VIP_ANSWERS_SIZE];
};

/* In so many seconds at the latest the loop looks at it again. */
void vip_soon(struct vip_net *n, double s);

/* For an answer: of a request or of a dump. */
bool vip_req_waiting(const struct vip_net *n);
/* 0, -EAGAIN (all of it, later: that is seen to), -errno. */
int vip_req_send(struct vip_net *n, const struct vip_batch *b);
/* The first that waits has its answer: a positive errno, 0, or -1: it was lost. */
void vip_req_answered(struct vip_net *n, int err);
/* Everything that waits to be sent and may be. */
void vip_req_flush(struct vip_net *n);
