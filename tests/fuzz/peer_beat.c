/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* The first byte says how: as it came, or signed here first, so that what stands behind the signature is reached. What
 * is accepted is written again as the same bytes; then it arrives, twice, at a node that knows nobody. */
#include "lbd/vrrp/peer_link.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define SIGNED  0x01u /* here */
#define CLUSTER 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static const struct peer_key key = { .n = 32, .bytes = { 1, 2, 3 } };

static void arrive(const struct peer_beat *b)
{
	struct peer_self self = { .session = UINT64_C(0x1122334455667788) };
	struct peer_link l = { .node = b->node, .dead_after_ms = 1000, .n_paths = 1 };
	struct lb_time now = { 1000000000 };
	enum peer_refusal why;
	struct peer_change change;
	peer_link_init(&l, now);
	for (int i = 0; i < 9; i++)
		(void)peer_self_next(&self, now);
	now.us += 1000;
	enum peer_take first = peer_link_take(&l, &self, b, 0, now, 0, &why, &change);
	must(first == (b->echo_session == self.session && b->echo_seq <= 9 ? PEER_TAKE_NEWS : PEER_TAKE_ASK));
	must(why == PEER_OK && l.up == (first == PEER_TAKE_NEWS) && change.node == l.up && l.last.n == 0);
	must(peer_link_take(&l, &self, b, 0, now, 0, &why, &change) == PEER_TAKE_OLD);
	must(why == (l.up ? PEER_REPLAY : PEER_OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer_beat b; /* what another input left must not show */
	uint8_t again[PEER_PKT_MAX];
	if (size < 1)
		return 0;
	bool sign = data[0] & SIGNED;
	size_t n = size - 1, len = n + (sign ? PEER_SIGNATURE : 0);
	uint8_t *bytes = malloc(len ? len : 1); /* exactly as large */
	must(bytes != NULL);
	memcpy(bytes, data + 1, n);
	if (sign)
		must(HMAC(EVP_sha256(), key.bytes, (int)key.n, bytes, n, bytes + n, NULL) != NULL);
	enum peer_refusal why = peer_pkt_read(bytes, len, CLUSTER, &key, &b);
	must((unsigned)why < PEER_REPLAY && (!sign || why != PEER_KEY));
	if (why == PEER_OK) {
		must(sign); /* nobody guesses a HMAC */
		must(peer_pkt_write(&b, &key, again) == len && memcmp(again, bytes, len) == 0);
		arrive(&b);
	}
	free(bytes);
	return 0;
}
