/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a single advert has to be alarmed about, whether it was taken or refused, and when that is over: when none like
 * it came for a while. (Alarms that follow from what an instance does are of vrrp_fsm.h.)
 */
#pragma once

#include "lbd/vrrp/vrrp_fsm.h"
#include "lbd/vrrp/vrrp_pkt.h"

#define VRRP_QUIET_DOWNS 3 /* down intervals without a reason end an alarm: each is an advert's last chance */

/* An advert and what became of it. */
struct vrrp_heard {
	const struct vrrp_wire *wire; /* ours */
	const struct vrrp_datagram *d;
	enum vrrp_discard why;
	const struct vrrp_advert *a; /* why is NONE: what it says */
	bool master;                 /* we are */
	bool owner_known;            /* priority 255 would not surprise */
};

/* Bits 1 << enum vrrp_alarm. */
uint32_t vrrp_alarms_of(const struct vrrp_heard *h);

/* For people, of one of those bits: "10.0.0.2 every 0.50 s, we every 1.00 s". */
void vrrp_alarm_text(const struct vrrp_heard *h, enum vrrp_alarm alarm, char *text, size_t size);

/* Whom an alarm of vrrp_fsm.h is about: "10.0.0.2 with priority 100"; "" where nobody was heard. */
void vrrp_alarm_other(const struct vrrp *v, char *text, size_t size);

/* VRRP_QUIET_DOWNS down intervals, by the longer one of their interval and ours. */
int64_t vrrp_alarm_quiet_us(const struct vrrp_heard *h, int64_t down_us);

struct vrrp_alarms {                            /* zero = none */
	struct lb_time until[VRRP_ALARM_COUNT]; /* us 0 = not raised */
};

/* Whether it is news: raised once, however often it is noted. */
bool vrrp_alarm_note(struct vrrp_alarms *s, enum vrrp_alarm alarm, int64_t quiet_us, struct lb_time now);
/* Bits of those that are over now, and not raised any more. LB_TIME_NEVER: all of them. */
uint32_t vrrp_alarms_over(struct vrrp_alarms *s, struct lb_time now);
