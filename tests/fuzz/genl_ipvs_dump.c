/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_ipvs */
/* Any bytes as a datagram of the IPVS family. What is read must be whole, and must fit a request again. */
#include "lbd/ipvs/ipvs_msg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void send_back(const struct ipvs_answer *a)
{
	static _Alignas(8) uint8_t buf[2 * IPVS_MSG_OP_MAX];
	struct ipvs_batch b = { .buf = buf, .cap = sizeof(buf), .family = 28 };
	struct ipvs_op op = { .type = a->kind == IPVS_ANSWER_SERVICE ? IPVS_OP_SERVICE_ADD : IPVS_OP_DEST_ADD,
		.svc = a->svc,
		.dest = a->dest };
	char text[IPVS_OP_STRLEN], key[IPVS_KEY_STRLEN];
	must(ipvs_msg_op(&b, 1, &op) == 0 && b.len <= IPVS_MSG_OP_MAX);
	must(strlen(ipvs_op_str(&op, text)) < sizeof(text) && strlen(ipvs_key_str(&a->svc.key, key)) < sizeof(key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t families[] = { AF_INET, AF_INET6, 0 };
	for (size_t i = 0; i < sizeof(families); i++) {
		struct ipvs_answer a;
		size_t at = 0, before = 0;
		int r;
		while ((r = ipvs_msg_next(data, size, &at, families[i], &a)) > 0) {
			must(at > before && at <= size);
			before = at;
			must(a.err >= 0 && a.err <= 4095);
			must(memchr(a.svc.scheduler, 0, IPVS_NAME_MAX) && memchr(a.svc.engine, 0, IPVS_NAME_MAX));
			must(a.kind != IPVS_ANSWER_SERVICE || a.svc.key.addr.family == AF_INET ||
				a.svc.key.addr.family == AF_INET6);
			must(a.kind != IPVS_ANSWER_DEST || a.dest.addr.family == AF_INET ||
				a.dest.addr.family == AF_INET6);
			send_back(&a);
		}
		must(r == 0 ? at == size : r < 0);
	}
	return 0;
}
