/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who says over the second path that it is master. Each other node has a word of its own, found by the address that its
 * adverts come from: another one that says the same, or takes it back, leaves it alone. Pure.
 */
#pragma once

#include "common/addr.h"
#include "common/time.h"

#include <stdbool.h>

#define VRRP_WORDS_MAX 7 /* other nodes of a cluster */

/* Zero = nobody has spoken. */
struct vrrp_words {
	struct vrrp_word {
		struct lb_ip from;
		struct lb_time at;    /* when it was said */
		struct lb_time until; /* it is good until then; us 0 = it never was, or was taken back */
	} v[VRRP_WORDS_MAX];
};

/* It is master for for_ms from now (on), or is not. Where there is no room (a node's address changed) the word that
 * ends first makes some. */
void vrrp_words_note(struct vrrp_words *w, const struct lb_ip *from, bool on, int64_t for_ms, struct lb_time now);

/* Until when the longest of the words is good that were said later than `after`, in the past where it has ended; us 0 =
 * there is none. */
struct lb_time vrrp_words_until(const struct vrrp_words *w, struct lb_time after);
