/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one says to a word that is no command. */
#include "common/buf.h"
#include "common/text.h"
#include "lbctl/cli.h"

#include <string.h>

/* What others call it. Distance alone would offer `drain` to who wants its contrary. */
static const char *const other_words[][2] = {
	{ "undrain", "enable" },
	{ "disable", "maint" },
	{ "test", "check" },
	{ "validate", "check" },
	{ "verify", "check" },
	{ "load", "apply" },
	{ "commit", "confirm" },
	{ "revert", "rollback" },
	{ "flush", "kill" },
	{ "switchover", "failover" },
};

static const char *our_word(const char *got)
{
	for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++)
		if (strcmp(got, other_words[i][0]) == 0)
			return other_words[i][1];
	return got;
}

static const char *known_as(const char *got, const char *const *words, size_t n)
{
	const char *ours = our_word(got);
	for (size_t k = 0; k < n; k++)
		if (strcmp(words[k], ours) == 0)
			return words[k];
	return lb_text_suggest(got, strlen(got), words, n);
}

/* The commands where this word, or ours for it, stands: `drain`, `undrain`, `config reload`. */
static void say_elsewhere(const char *got, const char *otherwise, struct lb_text *text)
{
	const char *ours = our_word(got);
	bool any = false;
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++) {
		const struct lb_command *cmd = &lb_commands[i];
		char name[LB_COMMAND_NAMELEN];
		if (cmd->hidden || strcmp(*cmd->verb ? cmd->verb : cmd->noun, ours) != 0)
			continue;
		lb_text_printf(text, "%s%s", any ? ", " : "; elsewhere: ", lb_command_name(cmd, ' ', name));
		any = true;
	}
	if (!any)
		lb_text_puts(text, otherwise);
}

void cli_unknown_word(const char *noun, const char *got, const char *const *words, size_t n, struct lb_err *e)
{
	struct lb_text text = LB_TEXT_INIT;
	const char *near = known_as(got, words, n);
	lb_text_printf(&text, "unknown %s '", noun ? "verb" : "command");
	lb_text_escape(&text, got, strlen(got), 64);
	lb_text_printf(&text, "'%s%s", noun ? " of " : "", noun ? noun : "");
	if (near)
		lb_text_printf(&text, "; did you mean '%s'?", near);
	for (size_t i = 0; i < n && !near && noun; i++)
		lb_text_printf(&text, "%s%s", i ? ", " : "; there is: ", words[i]);
	if (!near)
		say_elsewhere(got, noun ? "" : "; see lbctl help", &text);
	lb_err_set(e, LB_CODE_USAGE, "%s", text.bad ? "unknown word" : text.s);
	lb_text_done(&text);
}
