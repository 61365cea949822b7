/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/help.h"

#include "common/buf.h"
#include "common/err.h"
#include "common/examples.h"
#include "common/proto.h"
#include "lbctl/cli.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH   22
#define OPTION_WIDTH 24

/* Text in lines of at most HELP_WIDTH columns from column `from` on; the first line is there already. */
static void wrap(const char *s, size_t from, struct lb_text *out)
{
	size_t column = from;
	while (*s) {
		size_t word = strcspn(s, " ");
		if (column > from && column + 1 + word > HELP_WIDTH) {
			lb_text_printf(out, "\n%*s", (int)from, "");
			column = from;
		} else if (column > from) {
			lb_text_puts(out, " ");
			column++;
		}
		lb_text_put(out, s, word);
		column += word;
		s += word + (s[word] == ' ');
	}
	lb_text_puts(out, "\n");
}

/* Each line of a text is a paragraph of its own. */
static void text_lines(const char *s, struct lb_text *out)
{
	char text[1024];
	while (*s) {
		size_t n = strcspn(s, "\n");
		snprintf(text, sizeof(text), "%.*s", (int)n, s);
		wrap(text, 0, out);
		s += n + (s[n] == '\n');
	}
}

static void line(const char *name, size_t width, const char *help, struct lb_text *out)
{
	size_t n = strlen(name);
	lb_text_printf(out, "  %s", name);
	if (n + 2 > width)
		lb_text_printf(out, "\n%*s", (int)width + 2, "");
	else
		lb_text_printf(out, "%*s", (int)(width - n), "");
	wrap(help, width + 2, out);
}

static void usage_word(const struct lb_arg *a, struct lb_text *out)
{
	const char *metavar = a->metavar ? a->metavar : "";
	char text[64];
	if (a->option)
		snprintf(text, sizeof(text), "--%s%s%s", a->option, *metavar ? " " : "", metavar);
	else
		snprintf(text, sizeof(text), "%s", metavar);
	lb_text_printf(out, a->required ? "%s" : "[%s]", text);
}

void help_usage(const struct lb_command *cmd, struct lb_text *out)
{
	char name[LB_COMMAND_NAMELEN];
	struct lb_text words = LB_TEXT_INIT;
	lb_text_printf(&words, "%s", lb_command_name(cmd, ' ', name));
	for (const struct lb_arg *a = cmd->args; a->name; a++) {
		if (a->hidden || a->or_before)
			continue;
		lb_text_puts(&words, " ");
		if (a[1].name && a[1].or_before)
			lb_text_printf(&words, "[%s|%s]", a->metavar, a[1].metavar);
		else
			usage_word(a, &words);
	}
	lb_text_puts(out, "lbctl ");
	wrap(words.bad ? "" : words.s, 6, out);
	lb_text_done(&words);
}

static const char *level_words(const struct lb_command *cmd)
{
	switch (cmd->level) {
	case LB_LEVEL_NONE: return "Needs no daemon and no rights.";
	case LB_LEVEL_OBSERVE: return "Looks only: for members of lbobserve and lbadmin.";
	case LB_LEVEL_ADMIN: return cmd->changed_by ? "Changes are for members of lbadmin." : "For members of lbadmin.";
	}
	return "";
}

static void arguments(const struct lb_command *cmd, struct lb_text *out)
{
	bool any = false;
	for (const struct lb_arg *a = cmd->args; a->name; a++) {
		char name[64];
		if (a->hidden)
			continue;
		if (!any)
			lb_text_puts(out, "\n");
		any = true;
		if (!a->option)
			snprintf(name, sizeof(name), "%s", a->metavar);
		else if (a->letter)
			snprintf(name, sizeof(name), "-%c, --%s%s%s", a->letter, a->option, a->metavar ? " " : "",
				a->metavar ? a->metavar : "");
		else
			snprintf(name, sizeof(name), "--%s%s%s", a->option, a->metavar ? " " : "",
				a->metavar ? a->metavar : "");
		line(name, OPTION_WIDTH, a->help, out);
	}
}

static void waits(struct lb_text *out)
{
	lb_text_puts(out, "\n");
	for (size_t i = 0; i < lb_waits_n; i++) {
		char name[64];
		const char *names = !lb_waits[i].named                         ? ""
				    : strcmp(lb_waits[i].kind, "backend") == 0 ? "/SERVICE/NAME"
									       : "/NAME";
		snprintf(name, sizeof(name), "%s%s %s", lb_waits[i].kind, names, lb_waits[i].condition);
		line(name, OPTION_WIDTH + 6, lb_waits[i].help, out);
	}
}

void help_command(const struct lb_command *cmd, struct lb_text *out)
{
	help_usage(cmd, out);
	lb_text_printf(out, "\n%c%s.\n", cmd->help[0] >= 'a' && cmd->help[0] <= 'z' ? cmd->help[0] - 32 : cmd->help[0],
		cmd->help + 1);
	text_lines(cmd->text, out);
	arguments(cmd, out);
	if (lb_command_id(cmd) == LB_COMMAND_WAIT)
		waits(out);
	if (lb_example_of(cmd))
		lb_text_printf(out, "\nExample: %s\n", lb_example_of(cmd));
	lb_text_printf(out, "\n%s\n", level_words(cmd));
}

static void command_line(const struct lb_command *cmd, struct lb_text *out)
{
	char name[LB_COMMAND_NAMELEN];
	line(lb_command_name(cmd, ' ', name), NAME_WIDTH, cmd->help, out);
}

void help_noun(const char *noun, struct lb_text *out)
{
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		if (strcmp(lb_commands[i].noun, noun) == 0)
			command_line(&lb_commands[i], out);
	lb_text_printf(out, "\nlbctl help %s VERB tells more about one of them.\n", noun);
}

/* Of `drain`: the commands with that verb. */
static bool help_verb(const char *verb, struct lb_text *out)
{
	bool any = false;
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		if (!lb_commands[i].hidden && strcmp(lb_commands[i].verb, verb) == 0) {
			command_line(&lb_commands[i], out);
			any = true;
		}
	if (any)
		lb_text_printf(out, "\nlbctl help NOUN %s tells more about one of them.\n", verb);
	return any;
}

void help_all(struct lb_text *out)
{
	lb_text_puts(out, "lbctl [OPTIONS] NOUN VERB [OBJECT] [OPTIONS]\n\n");
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++) {
		if (lb_commands[i].hidden)
			continue;
		if (i && strcmp(lb_commands[i].noun, lb_commands[i - 1].noun) != 0 && *lb_commands[i].verb)
			lb_text_puts(out, "\n");
		if (i && *lb_commands[i - 1].verb && !*lb_commands[i].verb)
			lb_text_puts(out, "\n");
		command_line(&lb_commands[i], out);
	}
	lb_text_puts(out, "\nA noun alone means list or status; nothing at all means status. OBJECT may be a\n"
			  "shell glob in quotes ('web/app*').\n\n");
	for (size_t i = 0; i < cli_options_n; i++) {
		char name[64];
		const struct cli_option *o = &cli_options[i];
		char letter[4] = { '-', o->letter, ',', '\0' };
		snprintf(name, sizeof(name), "%s --%s%s%s%s", o->letter ? letter : "   ", o->name,
			o->takes == CLI_TAKES_MAYBE   ? "[="
			: o->takes == CLI_TAKES_VALUE ? " "
						      : "",
			o->metavar ? o->metavar : "", o->takes == CLI_TAKES_MAYBE ? "]" : "");
		line(name, OPTION_WIDTH + 2, o->help, out);
	}
	lb_text_puts(out, "\nExit status: 0 ok, 1 no, 2 usage, 3 unreachable, 4 not found, 5 denied,\n"
			  "6 invalid, 7 refused, 8 failed, 9 timeout, 130 interrupted.\n"
			  "Environment: LBCTL_SOCKET, LBCTL_COLOR, NO_COLOR, LBD_BIN.\n");
}

int help_print(const struct cli *c, struct lb_text *out, struct lb_err *e)
{
	const char *noun = lb_proto_str(c->args, "noun"), *verb = lb_proto_str(c->args, "verb");
	bool known = false;
	if (c->opt.help)
		noun = c->noun;
	if (c->opt.help && c->cmd) {
		help_command(c->cmd, out);
		return 0;
	}
	const struct lb_command *cmd = noun ? lb_command_find(noun, verb ? verb : "") : NULL;
	for (size_t i = 0; noun && i < LB_COMMAND_COUNT; i++)
		known = known || strcmp(lb_commands[i].noun, noun) == 0;
	if (!noun)
		help_all(out);
	else if (cmd)
		help_command(cmd, out);
	else if (known && !verb)
		help_noun(noun, out);
	else if (verb || !help_verb(noun, out))
		return lb_err_set(e, LB_CODE_USAGE, "no command '%.40s%s%.40s'; see lbctl help", noun, verb ? " " : "",
			verb ? verb : "");
	return 0;
}
