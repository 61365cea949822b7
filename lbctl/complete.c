/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/complete.h"

#include "common/buf.h"
#include "common/proto.h"
#include "lbctl/cli.h"

#include <stdio.h>
#include <string.h>

/* What is before the word being written. */
struct place {
	const char *noun;
	const struct lb_command *cmd;
	int positionals;
	const char *first;              /* first positional word */
	const struct cli_option *wants; /* the option before it wants a value */
	const struct lb_arg *wants_arg;
	bool no_options;
};

static void candidate(const char *prefix, const char *word, const char *help, struct lb_text *out)
{
	if (strncmp(word, prefix, strlen(prefix)) != 0)
		return;
	lb_text_puts(out, word);
	if (help)
		lb_text_printf(out, "\t%s", help);
	lb_text_puts(out, "\n");
}

static void option_word(struct place *p, const char *word)
{
	const char *name = word + 2;
	bool is_long = word[1] == '-';
	if (strchr(word, '='))
		return;
	for (const struct lb_arg *a = p->cmd ? p->cmd->args : NULL; a && a->name; a++)
		if (a->option && a->kind != LB_ARG_FLAG &&
			(is_long ? strcmp(a->option, name) == 0 : a->letter == word[1] && !word[2])) {
			p->wants_arg = a;
			return;
		}
	for (size_t i = 0; i < cli_options_n; i++)
		if (cli_options[i].takes == CLI_TAKES_VALUE && (is_long ? strcmp(cli_options[i].name, name) == 0
									: cli_options[i].letter == word[1] && !word[2]))
			p->wants = &cli_options[i];
}

static void plain_word(struct place *p, const char *word)
{
	if (!p->noun) {
		p->noun = word;
		p->cmd = lb_command_find(word, "");
	} else if (!p->cmd) {
		p->cmd = lb_command_find(p->noun, word);
	} else if (p->positionals++ == 0) {
		p->first = word;
	}
}

static void read_words(struct place *p, char *const *words, int n)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(words[i], "=") == 0) /* bash makes three words of --output=json */
			continue;
		if (p->wants || p->wants_arg)
			p->wants = NULL, p->wants_arg = NULL;
		else if (!p->no_options && strcmp(words[i], "--") == 0)
			p->no_options = true;
		else if (!p->no_options && words[i][0] == '-' && words[i][1])
			option_word(p, words[i]);
		else
			plain_word(p, words[i]);
	}
}

static void nouns(const char *prefix, struct lb_text *out)
{
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++) {
		const struct lb_command *c = &lb_commands[i];
		if (i && strcmp(c[-1].noun, c->noun) == 0)
			continue;
		if (!c->hidden)
			candidate(prefix, c->noun, *c->verb ? NULL : c->help, out);
	}
}

static void verbs(const char *noun, const char *prefix, struct lb_text *out)
{
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++)
		if (strcmp(lb_commands[i].noun, noun) == 0 && *lb_commands[i].verb)
			candidate(prefix, lb_commands[i].verb, lb_commands[i].help, out);
}

static void options(const struct lb_command *cmd, const char *prefix, struct lb_text *out)
{
	char word[64] = "--";
	for (const struct lb_arg *a = cmd ? cmd->args : NULL; a && a->name; a++)
		if (a->option) {
			strcpy(word + 2, a->option);
			candidate(prefix, word, a->help, out);
		}
	for (size_t i = 0; i < cli_options_n; i++) {
		strcpy(word + 2, cli_options[i].name);
		candidate(prefix, word, cli_options[i].help, out);
	}
}

static void conditions(const char *object, const char *prefix, struct lb_text *out)
{
	for (size_t i = 0; object && i < lb_waits_n; i++)
		if (lb_wait_find(object, lb_waits[i].condition) == &lb_waits[i])
			candidate(prefix, lb_waits[i].condition, lb_waits[i].help, out);
}

static enum complete_objects argument(
	const struct lb_arg *a, const struct place *p, const char *prefix, struct lb_text *out)
{
	switch (a->kind) {
	case LB_ARG_CHOICE:
		for (const char *const *c = a->choices; *c; c++)
			candidate(prefix, *c, NULL, out);
		break;
	case LB_ARG_SERVICE: return COMPLETE_SERVICES;
	case LB_ARG_BACKEND: return COMPLETE_BACKENDS;
	case LB_ARG_CHECK: return COMPLETE_CHECKS;
	case LB_ARG_VRRP: return COMPLETE_VRRP;
	case LB_ARG_OBJECT:
		candidate(prefix, "daemon", NULL, out);
		candidate(prefix, "peer", NULL, out);
		candidate(prefix, "sync", NULL, out);
		return COMPLETE_WAIT_OBJECTS;
	case LB_ARG_CONDITION: conditions(p->first, prefix, out); break;
	case LB_ARG_WEIGHT: candidate(prefix, "auto", "the configured weight", out); break;
	case LB_ARG_PRIORITY: candidate(prefix, "auto", "the configured priority", out); break;
	case LB_ARG_FILE: lb_text_puts(out, ":files\n"); break;
	case LB_ARG_TEXT:
		if (p->cmd && lb_command_id(p->cmd) == LB_COMMAND_HELP && p->positionals == 0)
			nouns(prefix, out);
		else if (p->cmd && lb_command_id(p->cmd) == LB_COMMAND_HELP && p->first)
			verbs(p->first, prefix, out);
		break;
	case LB_ARG_CLIENT:
	case LB_ARG_DURATION:
	case LB_ARG_COUNT:
	case LB_ARG_FLAG:
	case LB_ARG_WORDS: break;
	}
	return COMPLETE_NONE;
}

static enum complete_objects positional(const struct place *p, const char *prefix, struct lb_text *out)
{
	int at = 0;
	enum complete_objects objects = COMPLETE_NONE;
	for (const struct lb_arg *a = p->cmd->args; a->name; a++) {
		if (a->option || a->hidden)
			continue;
		if (!a->or_before)
			at++;
		if (at != p->positionals + 1)
			continue;
		enum complete_objects before = objects;
		objects = argument(a, p, prefix, out);
		if (before == COMPLETE_BACKENDS && objects == COMPLETE_CHECKS)
			objects = COMPLETE_CHECKS_AND_BACKENDS;
	}
	return objects;
}

enum complete_objects complete_words(char *const *words, int n, struct lb_text *out)
{
	struct place p = { 0 };
	const char *prefix = n > 0 && strcmp(words[n - 1], "=") != 0 ? words[n - 1] : "";
	read_words(&p, words, n > 0 ? n - 1 : 0);
	if (p.wants_arg)
		return argument(p.wants_arg, &p, prefix, out);
	if (p.wants) {
		for (const char *const *c = p.wants->choices; c && *c; c++)
			candidate(prefix, *c, NULL, out);
		if (p.wants->choices == NULL && strcmp(p.wants->name, "socket") == 0)
			lb_text_puts(out, ":files\n");
		return COMPLETE_NONE;
	}
	if (!p.no_options && prefix[0] == '-') {
		options(p.cmd, prefix, out);
		return COMPLETE_NONE;
	}
	if (!p.noun)
		nouns(prefix, out);
	else if (!p.cmd)
		verbs(p.noun, prefix, out);
	else
		return positional(&p, prefix, out);
	return COMPLETE_NONE;
}

void complete_objects(enum complete_objects what, const char *prefix, const json_t *row, struct lb_text *out)
{
	char word[160];
	const char *service = lb_proto_str(row, "service"), *backend = lb_proto_str(row, "backend");
	const char *check = lb_proto_str(row, "check");
	if (check && !service && what >= COMPLETE_CHECKS)
		candidate(prefix, check, lb_proto_str(row, "type"), out);
	const char *vrrp = lb_proto_str(row, "vrrp");
	if (vrrp && !service && (what == COMPLETE_VRRP || what == COMPLETE_WAIT_OBJECTS)) {
		snprintf(word, sizeof(word), "%s%s", what == COMPLETE_WAIT_OBJECTS ? "vrrp/" : "", vrrp);
		candidate(prefix, word, lb_proto_str(row, "state"), out);
	}
	const char *kind = what == COMPLETE_WAIT_OBJECTS ? (backend ? "backend/" : "service/") : "";
	if (!service || (what == COMPLETE_BACKENDS && !backend))
		return;
	snprintf(word, sizeof(word), "%s%s%s%s", kind, service, backend ? "/" : "", backend ? backend : "");
	candidate(prefix, word, lb_proto_str(row, backend ? "state" : "status"), out);
}

/* The shells ask lbctl itself, so a script never has to be made anew for a new command. */
static const char bash_script[] =
	"# bash completion for lbctl\n"
	"_lbctl() {\n"
	"\tlocal cur=\"${COMP_WORDS[COMP_CWORD]}\" line\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tif [[ $line == :files ]]; then\n"
	"\t\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\t\twhile IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen -f -- \"$cur\")\n"
	"\t\telse\n"
	"\t\t\tCOMPREPLY+=(\"${line%%$'\\t'*}\")\n"
	"\t\tfi\n"
	"\tdone < <(\"${COMP_WORDS[0]}\" complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _lbctl lbctl\n";

static const char zsh_script[] = "#compdef lbctl\n"
				 "# zsh completion for lbctl\n"
				 "_lbctl() {\n"
				 "\tlocal line\n"
				 "\tlocal -a lines\n"
				 "\twhile IFS= read -r line; do\n"
				 "\t\tif [[ $line == :files ]]; then\n"
				 "\t\t\t_files\n"
				 "\t\telif [[ $line == *$'\\t'* ]]; then\n"
				 "\t\t\tlines+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
				 "\t\telse\n"
				 "\t\t\tlines+=(\"${line//:/\\\\:}\")\n"
				 "\t\tfi\n"
				 "\tdone < <(\"${words[1]}\" complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
				 "\t(( ${#lines} )) && _describe -V lbctl lines\n"
				 "}\n"
				 "if [[ $funcstack[1] == _lbctl ]]; then\n"
				 "\t_lbctl \"$@\"\n"
				 "else\n"
				 "\tcompdef _lbctl lbctl\n"
				 "fi\n";

static const char fish_script[] = "# fish completion for lbctl\n"
				  "function __lbctl_complete\n"
				  "\tset -l words (commandline -opc)\n"
				  "\tset -l cur (commandline -ct)\n"
				  "\tfor line in (command $words[1] complete -- $words[2..-1] \"$cur\" 2>/dev/null)\n"
				  "\t\tif test \"$line\" = :files\n"
				  "\t\t\t__fish_complete_path \"$cur\"\n"
				  "\t\telse\n"
				  "\t\t\tprintf '%s\\n' $line\n"
				  "\t\tend\n"
				  "\tend\n"
				  "end\n"
				  "complete -c lbctl -f -a '(__lbctl_complete)'\n";

const char *complete_script(const char *shell)
{
	return strcmp(shell, "bash") == 0   ? bash_script
	       : strcmp(shell, "zsh") == 0  ? zsh_script
	       : strcmp(shell, "fish") == 0 ? fish_script
					    : NULL;
}
