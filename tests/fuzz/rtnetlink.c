/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* Any bytes as datagrams of rtnetlink: what is read is whole, and the book of cards and addresses stays in order. */
#include "lbd/vrrp/vip_book.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vip_book b = { 0 };
	struct vip_slot *s = vip_book_get(&b, "eth0");
	struct vip_heard h;
	size_t at = 0, before = 0;
	int r;
	while (s && (r = vip_msg_next(data, size, &at, &h)) > 0) {
		if (at <= before || at > size || h.err < 0 || !memchr(h.name, 0, sizeof(h.name)))
			abort();
		before = at;
		vip_book_hear(&b, &h);
		if (h.type == VIP_HEARD_ADDR && (h.seq & 3))
			(void)vip_book_ask(&b, s, &h.addr, 1, h.seq & 1);
		if (h.type == VIP_HEARD_STATUS)
			vip_book_dump_begin(&b), vip_book_links_end(&b);
		if (h.type == VIP_HEARD_DONE)
			vip_book_dump_end(&b, h.seq & 1);
		(void)vip_book_tell(&b, s);
	}
	vip_book_done(&b);
	return 0;
}
