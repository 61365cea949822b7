/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Help printed from the tables of commands and options; at most 80 columns. */
#pragma once

#include "common/commands.h"

struct cli;
struct lb_err;
struct lb_text;

#define HELP_WIDTH 80

void help_all(struct lb_text *out);                    /* every command, one line each, and the options */
void help_noun(const char *noun, struct lb_text *out); /* the commands of a noun */
void help_command(const struct lb_command *cmd, struct lb_text *out);
void help_usage(const struct lb_command *cmd, struct lb_text *out); /* "lbctl backend drain SERVICE/BACKEND ..." */

/* What -h or `help` asks for. 0; -1 with *e (LB_CODE_USAGE) when there is no such command. */
int help_print(const struct cli *c, struct lb_text *out, struct lb_err *e);
