/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* The first byte says which: an ARP message or an ICMPv6 one. What is accepted is what can be found in the bytes, and
 * what it leads to has an end. */
#include "lbd/vrrp/vrrp_dup.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void lead(const struct vrrp_sight *s)
{
	struct vrrp_dup d = { 0 };
	struct lb_time now = { 1000000000 };
	uint8_t frame[VRRP_DUP_PROBE_MAX];
	char text[80];
	struct vrrp_sight other;
	must(vrrp_dup_seen(&d, s, 10000, (struct lb_time){ 0 }, now) == VRRP_DUP_DEFEND);
	now.us += 20000;
	must(vrrp_dup_timer(&d, now) == VRRP_DUP_PROBE);
	must(vrrp_dup_seen(&d, s, 10000, (struct lb_time){ 0 }, now) == (VRRP_DUP_DEFEND | VRRP_DUP_RAISE));
	vrrp_dup_text(&d.who, text, sizeof(text));
	must(strlen(text) > 20 && strlen(text) < 79);
	size_t n = vrrp_dup_probe(&d.who.ip, s->mac, frame);
	must(n == (s->ip.family == AF_INET ? 42 : 78));
	must(vrrp_dup_arp(frame + 14, n - 14, &other) != 0 && vrrp_dup_na(frame + n - 24, 24, &other) != 0);
	must(vrrp_dup_stop(&d) == VRRP_DUP_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_sight s = { 0 };
	if (size < 1)
		return 0;
	bool nd = data[0] & 1;
	size_t n = size - 1;
	uint8_t *bytes = malloc(n ? n : 1); /* exactly as large */
	must(bytes != NULL);
	memcpy(bytes, data + 1, n);
	int err = nd ? vrrp_dup_na(bytes, n, &s) : vrrp_dup_arp(bytes, n, &s);
	if (!err) {
		size_t width = nd ? 16 : 4;
		must(s.ip.family == (nd ? AF_INET6 : AF_INET) && !(s.mac[0] & 1));
		must(memcmp(bytes + (nd ? 8 : 14), s.ip.b, width) == 0);
		lead(&s);
	}
	free(bytes);
	return 0;
}
