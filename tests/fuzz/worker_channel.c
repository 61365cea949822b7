/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check */
/* Any bytes as one line on the channel between core and probe worker, in both directions. What is accepted must be
 * writable again and then read as the same bytes: a message has one meaning. */
#include "common/buf.h"
#include "lbd/check/check_msg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int read_fn(const json_t *line, struct check_msg *m);

static void twice(const json_t *line, read_fn *reader)
{
	struct check_msg m;
	if (reader(line, &m))
		return;
	struct lb_text first = LB_TEXT_INIT, second = LB_TEXT_INIT;
	check_msg_write(&m, &first);
	check_msg_done(&m);
	json_t *again = first.bad ? NULL : lb_proto_parse(first.s, first.n - 1, NULL);
	if (!again || reader(again, &m))
		abort();
	check_msg_write(&m, &second);
	check_msg_done(&m);
	if (first.n != second.n || memcmp(first.s, second.s, first.n) != 0)
		abort();
	json_decref(again);
	lb_text_done(&first);
	lb_text_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *line = lb_proto_parse((const char *)data, size, NULL);
	if (!line)
		return 0;
	twice(line, check_msg_read_probe);
	twice(line, check_msg_read_core);
	json_decref(line);
	return 0;
}
