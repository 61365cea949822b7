/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/vrrp/vrrp_word.h"

/* Its word, or the one that ends first. */
static struct vrrp_word *word_of(struct vrrp_words *w, const struct lb_ip *from)
{
	struct vrrp_word *first = &w->v[0];
	for (size_t i = 0; i < VRRP_WORDS_MAX; i++) {
		if (lb_ip_cmp(from, &w->v[i].from) == 0)
			return &w->v[i];
		if (lb_time_cmp(w->v[i].until, first->until) < 0)
			first = &w->v[i];
	}
	return first;
}

void vrrp_words_note(struct vrrp_words *w, const struct lb_ip *from, bool on, int64_t for_ms, struct lb_time now)
{
	struct vrrp_word *word = word_of(w, from);
	if (on)
		*word = (struct vrrp_word){ *from, now, lb_time_add_ms(now, for_ms) };
	else if (lb_ip_cmp(from, &word->from) == 0)
		*word = (struct vrrp_word){ 0 };
}

struct lb_time vrrp_words_until(const struct vrrp_words *w, struct lb_time after)
{
	struct lb_time until = { 0 };
	for (size_t i = 0; i < VRRP_WORDS_MAX; i++)
		if (lb_time_cmp(w->v[i].at, after) > 0 && lb_time_cmp(w->v[i].until, until) > 0)
			until = w->v[i].until;
	return until;
}
