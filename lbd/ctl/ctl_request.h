/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line of the control socket as a request that was checked against the table of commands. Pure: what the kernel
 * says of the caller and the descriptor that came along are added by the edge. */
#pragma once

#include "common/commands.h"
#include "common/err.h"
#include "common/proto.h"
#include "lbd/ctl/ctl.h"

struct ctl_message {
	long long id; /* 0 when the line did not say */
	const struct lb_command *cmd;
	json_t *args;            /* owned, an object */
	long long if_generation; /* 0 = any */
	bool peer;               /* the other node is to do it */
	bool wants_fd;           /* one of the arguments is a file: a descriptor must have come with the line */
};

/* Accepts any n bytes. 0: *out is filled, the caller ends it with ctl_message_done. -1 with *e (LB_CODE_USAGE, or
 * LB_CODE_DENIED when level is not enough): out->id is set as far as the line gave it, the rest is untouched. */
int ctl_message_parse(const char *line, size_t n, enum ctl_level level, struct ctl_message *out, struct lb_err *e);
/* The same of a message that was parsed; borrowed. */
int ctl_message_read(json_t *msg, enum ctl_level level, struct ctl_message *out, struct lb_err *e);
void ctl_message_done(struct ctl_message *m);
