/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An example of every command that help lists, printed behind it by help and the manual page. They are run by tests: a
 * command without one, or one that lbctl does not take, fails. The objects in them are those of the lab: a service
 * web with the backends app1 and app2, an instance wan4, a check of tcp.
 */
#pragma once

#include "common/commands.h"

struct lb_example {
	enum lb_command_id id;
	const char *line; /* for a shell */
};

extern const struct lb_example lb_examples[];
extern const size_t lb_examples_n;

/* The example of a command, NULL when it has none. */
const char *lb_example_of(const struct lb_command *cmd);
