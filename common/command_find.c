/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the table of commands by what people and the wire call them. */
#include "common/commands.h"

#include <string.h>

const struct lb_command *lb_command_find(const char *noun, const char *verb)
{
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		if (strcmp(lb_commands[i].noun, noun) == 0 && strcmp(lb_commands[i].verb, verb) == 0)
			return &lb_commands[i];
	return NULL;
}

const char *lb_command_name(const struct lb_command *cmd, char sep, char out[LB_COMMAND_NAMELEN])
{
	size_t n = strlen(cmd->noun);
	memcpy(out, cmd->noun, n);
	if (*cmd->verb)
		out[n++] = sep;
	strcpy(out + n, cmd->verb);
	return out;
}

const struct lb_command *lb_command_wire(const char *name)
{
	char text[LB_COMMAND_NAMELEN];
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		if (strcmp(lb_command_name(&lb_commands[i], '.', text), name) == 0)
			return &lb_commands[i];
	return NULL;
}

bool lb_command_changes(const struct lb_command *cmd, const json_t *args)
{
	return cmd->changes && (!cmd->changed_by || json_object_get(args, cmd->changed_by));
}

enum lb_level lb_command_level(const struct lb_command *cmd, const json_t *args)
{
	return cmd->changes && !lb_command_changes(cmd, args) ? LB_LEVEL_OBSERVE : cmd->level;
}

const struct lb_arg *lb_command_arg(const struct lb_command *cmd, const char *name)
{
	for (const struct lb_arg *a = cmd->args; a->name; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}
