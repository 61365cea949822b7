/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_talk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sync_talk_item {
	struct sync_talk_item *next;
	struct sync_talk talk;
	char text[];
};

static size_t size_of(const struct sync_talk *m)
{
	return sizeof(struct sync_talk_item) + m->n;
}

static void drop_first(struct sync_talks *t)
{
	struct sync_talk_item *first = t->head;
	t->bytes -= size_of(&first->talk);
	t->head = first->next;
	if (!t->head)
		t->tail = NULL;
	free(first);
}

void sync_talks_done(struct sync_talks *t)
{
	while (t->head)
		drop_first(t);
	t->link = 0;
}

void sync_talks_link(struct sync_talks *t, bool up, struct lb_time now)
{
	sync_talks_done(t);
	if (!up)
		return;
	t->link = ++t->links ? t->links : ++t->links;
	t->tokens = SYNC_TALK_RATE;
	t->tokens_at = now;
}

int sync_talks_put(struct sync_talks *t, uint32_t link, const struct sync_talk *m)
{
	if (!t->link || link != t->link)
		return 0;
	if (t->bytes + size_of(m) > SYNC_TALK_QUEUE)
		return -ENOBUFS;
	struct sync_talk_item *item = malloc(size_of(m));
	if (!item)
		return -ENOMEM;
	item->next = NULL;
	item->talk = *m;
	item->talk.text = item->text;
	memcpy(item->text, m->text, m->n);
	*(t->tail ? t->tail : &t->head) = item;
	t->tail = &item->next;
	t->bytes += size_of(m);
	return 0;
}

bool sync_talks_next(struct sync_talks *t, struct lb_writer *w)
{
	if (!t->head || w->end - w->p < (ptrdiff_t)(SYNC_TALK_HEAD + t->head->talk.n))
		return false;
	sync_msg_write(w, &(struct sync_msg){ SYNC_FRAME_TALK, .u.talk = t->head->talk });
	drop_first(t);
	return true;
}

bool sync_talks_came(struct sync_talks *t, struct lb_time now)
{
	int64_t us = lb_time_diff_us(now, t->tokens_at);
	if (us >= 1000000) {
		t->tokens = SYNC_TALK_RATE;
		t->tokens_at = now;
	}
	if (!t->tokens)
		return false;
	t->tokens--;
	return true;
}
