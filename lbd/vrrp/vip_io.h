/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network of this host as the vrrp process needs it, over two netlink sockets (one that asks, one that listens) and
 * one packet socket: which cards are there and up, what our own address on each is, virtual addresses with a
 * lease, and frames that announce them. It decides nothing: it tells, and does what it is told.
 *
 * Nothing here waits: requests go out in one batch, through a helper (vip_ask_io.h), and the kernel's answers are read
 * when they come.
 *
 * Lease: an address is added with valid_lft = lease_s and renewed by vips_add with the same arguments (the kernel takes
 * NLM_F_REPLACE). Where nobody renews it the kernel removes it: a process that was killed or stopped holds nothing.
 * IPv4: /32 or as configured; IPv6: nodad, preferred_lft 0 (never chosen as a source).
 */
#pragma once

#include "lbd/vrrp/link_msg.h"
#include "lbd/vrrp/vip.h"
#include "lbd/vrrp/way.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vip_net; /* opaque */

struct vip_calls { /* all from the loop, never from inside a vip_* call */
	/* index, up, mac or a source of this card changed (once per batch of messages). */
	void (*card)(struct vip_card *c, void *arg);
	/* An address left a card although we did not ask for it, or (added) came back or came from somebody else,
	 * who may have given it another prefix. */
	void (*address)(struct vip_card *c, const struct vip *v, bool added, void *arg);
	/* The kernel refused to add or remove this one: errno. */
	void (*refused)(struct vip_card *c, const struct lb_ip *ip, bool add, int err, void *arg);
	/* An address with our label is on a card, watched or not: once for each of them after vip_ways_sweep. */
	void (*address_left)(const char *card, int index, const struct vip *v, void *arg);
	/* The kernel's answer about a route or rule of this owner: a positive errno, 0, or -1: it was lost. */
	void (*way)(uint32_t owner, const struct way *w, bool add, int err, void *arg);
	/* A route or rule of ours is in the kernel: once for each of them after vip_ways_sweep. */
	void (*way_left)(const struct way *w, void *arg);
	/* The kernel's answer about a device: a positive errno, 0, or -1: it was lost. Cards have been told of before.
	 */
	void (*link)(const struct link_ask *a, int err, void *arg);
	/* A macvlan that one of us made is in the kernel: once for each of them after vip_ways_sweep. */
	void (*link_left)(const char *name, int index, void *arg);
	/* Messages were lost (ENOBUFS): everything has been read again, cards have been told of. */
	void (*overrun)(void *arg);
	/* The helper is gone: nothing can be asked any more. */
	void (*broken)(void *arg);
};

/* helper: the socket to a vip_ask_main, taken over; -1 = requests go to the kernel from here, and may wait for whoever
 * holds its lock. NULL and *err = -errno when the sockets cannot be opened (then helper is still the caller's). Needs
 * CAP_NET_ADMIN and CAP_NET_RAW later, not here. */
struct vip_net *vip_net_new(struct ev_loop *loop, const struct vip_calls *calls, void *arg, int helper, int *err);
void vip_net_free(struct vip_net *n);

/* Waits until the helper has asked for everything that it was given, but no longer than ms: before the end. */
void vip_net_settle(struct vip_net *n, int ms);
/* Whether a request waits for its answer, or that to be told; and for how long nothing has come of what was asked,
 * dumps included, in milliseconds. */
bool vip_net_busy(const struct vip_net *n);
int64_t vip_net_waiting_ms(const struct vip_net *n);

/* Watches the card of this name, whether it exists yet or not. The same pointer for the same name; each call needs one
 * vip_card_put. NULL: out of memory. Its fields are true when vip_net_new's or this call's first dump was answered: the
 * `card` callback always comes once afterwards, even if nothing is there. */
struct vip_card *vip_card_get(struct vip_net *n, const char *name);
void vip_card_put(struct vip_net *n, struct vip_card *c);

/* Whether an address is virtual: asked when a card's own source is looked for. Set once after vip_net_new. */
void vip_net_mine(struct vip_net *n, bool (*mine)(const struct lb_ip *ip, void *arg));

/* Whether a process of ours that is no more left one of these on the card. Known as the card's fields are. */
bool vips_left(const struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v);
/* They are virtual from now on, or another one may have them: those that are on the card already are told of with the
 * `address` callback as added. */
void vips_look(struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v);
/* Adds or renews n addresses in one batch. lease_s 0 = for ever; VIP_HOSTS_OWN: and without our label. 0 or -errno
 * (nothing was sent). */
int vips_add(struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v, uint32_t lease_s);
/* Removes them in one batch; those that are not there are no error. Where the card was renamed: from there. */
int vips_del(struct vip_net *n, const struct vip_card *c, const struct vip *v, size_t n_v);

/* Asks for one route or rule, or against it, behind everything that was asked for before; it goes out with
 * vip_asked_send, or when something else does. index: of the card of a route that is added. 0, or -ENOMEM. */
int vip_way_ask(struct vip_net *n, uint32_t owner, const struct way *w, int index, bool add);
void vip_asked_send(struct vip_net *n);
/* The same for a device. 0, or -ENOMEM. */
int vip_link_ask(struct vip_net *n, const struct link_ask *a);
/* Asks against one address by the index of its card, watched or not; else as vip_way_ask. 0, or -ENOMEM. */
int vip_left_ask(struct vip_net *n, int index, const struct vip *v);
/* Looks once for addresses, devices, routes and rules that a process before us left. */
void vip_ways_sweep(struct vip_net *n);
/* Whether that is over, with everything that was asked for since. */
bool vip_ways_swept(const struct vip_net *n);

/* Whether a card of this host has that hardware address. */
bool vip_net_has_mac(const struct vip_net *n, const uint8_t mac[6]);

/* Sends one Ethernet frame out of the card. 0 or -errno; never waits (-EAGAIN: try the slice again). */
int vip_frame_send(struct vip_net *n, const struct vip_card *c, const uint8_t *frame, size_t len);
