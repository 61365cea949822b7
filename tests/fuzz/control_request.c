/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_ctl */
/* Any bytes as one line of the control socket, for an admin and for an observer. What is accepted must pass the check
 * of its arguments again, and an observer is never let through where an admin is not. */
#include "lbd/ctl/ctl_request.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_message admin, observer;
	struct lb_err e;
	int a = ctl_message_parse((const char *)data, size, CTL_LEVEL_ADMIN, &admin, &e);
	int o = ctl_message_parse((const char *)data, size, CTL_LEVEL_OBSERVE, &observer, &e);
	if (o == 0 && (a != 0 || observer.cmd->level != LB_LEVEL_OBSERVE))
		abort();
	if (a == 0 && (admin.cmd->level == LB_LEVEL_NONE || lb_command_check_args(admin.cmd, admin.args, &e)))
		abort();
	if (a == 0)
		ctl_message_done(&admin);
	if (o == 0)
		ctl_message_done(&observer);
	return 0;
}
