/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check */
/* A server that says anything, in SMTP, IMAP, POP3, FTP and LDAP. The first byte chooses the protocol and whether there
 * is STARTTLS, the second how the rest is cut; the verdict may not depend on the cut. */
#include "lbd/check/check_talk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum check_type types[] = { CHECK_TYPE_SMTP, CHECK_TYPE_IMAP, CHECK_TYPE_POP3, CHECK_TYPE_FTP,
	CHECK_TYPE_LDAP };

/* Lines end in a pause, as a server that waits for its turn would make it; `cut` makes more of them. */
static enum check_talk_next talk(struct check_talk *t, uint8_t how, size_t cut, const uint8_t *data, size_t size)
{
	enum check_talk_next next = check_talk_open(t, types[how % 5], how & 0x80, "dc=example");
	while (size && next != CHECK_TALK_END) {
		const uint8_t *lf = memchr(data, '\n', size);
		size_t n = lf ? (size_t)(lf - data) + 1 : size;
		n = n > cut ? cut : n;
		if (next == CHECK_TALK_TLS)
			next = check_talk_secured(t);
		next = check_talk_feed(t, data, n);
		data += n;
		size -= n;
	}
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct check_talk a, b;
	struct check_result closed = { 0 };
	char waiting[CHECK_TEXT_MAX];
	if (size < 2)
		return 0;
	enum check_talk_next one = talk(&a, data[0], SIZE_MAX, data + 2, size - 2);
	enum check_talk_next two = talk(&b, data[0], data[1] + 1u, data + 2, size - 2);
	check_talk_closed(&a, &closed);
	check_talk_waiting(&a, waiting);
	if (types[data[0] % 5] == CHECK_TYPE_LDAP) /* there a pause can stand inside a message, or not */
		return 0;
	if (one != two || (one == CHECK_TALK_END && a.result.code != b.result.code))
		abort();
	return 0;
}
