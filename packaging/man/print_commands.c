/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands and options of lbctl as a part of a manual page in scdoc, from the tables that lbctl itself reads. */
#include "common/buf.h"
#include "common/examples.h"
#include "common/finding.h"
#include "lbctl/cli.h"
#include "lbctl/help.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* scdoc reads *, _ and \ as its own, and # or . at the start of a line. */
static void put(const char *s)
{
	for (size_t i = 0; s[i]; i++) {
		if (strchr("*_\\`<>[]#~", s[i]) || ((s[i] == '.' || s[i] == '-') && i == 0))
			putchar('\\');
		putchar(s[i]);
	}
}

static void put_sentence(const char *s)
{
	char first[2] = { (char)toupper((unsigned char)s[0]), '\0' };
	put(first);
	put(s + 1);
	printf(".");
}

/* help_usage breaks its line to fit a terminal; a manual page fills lines by itself. */
static void put_usage(const struct lb_command *cmd)
{
	struct lb_text t = LB_TEXT_INIT;
	help_usage(cmd, &t);
	printf("*");
	for (size_t i = 0; !t.bad && i < t.n; i++) {
		char c[2] = { t.s[i], '\0' };
		if (c[0] == '\n' || c[0] == ' ') {
			while (i + 1 < t.n && (t.s[i + 1] == ' ' || t.s[i + 1] == '\n'))
				i++;
			if (i + 1 < t.n)
				putchar(' ');
		} else {
			put(c);
		}
	}
	printf("*\n");
	lb_text_done(&t);
}

/* Each goes on the line after a forced break, so the last line of an entry has none: scdoc refuses that. */
static void put_arguments(const struct lb_command *cmd)
{
	for (const struct lb_arg *a = cmd->args; a->name; a++) {
		if (a->hidden)
			continue;
		printf("++\n_");
		if (a->option && a->letter)
			printf("\\-%c, ", a->letter);
		if (a->option)
			printf("\\--%s%s", a->option, a->metavar ? " " : "");
		put(a->metavar ? a->metavar : "");
		printf("_: ");
		put(a->help);
	}
}

static void put_commands(void)
{
	printf("# COMMANDS\n\n");
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++) {
		const struct lb_command *cmd = &lb_commands[i];
		put_usage(cmd);
		printf("\t");
		put_sentence(cmd->help);
		for (const char *s = cmd->text; *s;) {
			char line[1024];
			size_t n = strcspn(s, "\n");
			snprintf(line, sizeof(line), "%.*s", (int)n, s);
			if (n) {
				printf("++\n");
				put(line);
			}
			s += n + (s[n] == '\n');
		}
		put_arguments(cmd);
		if (lb_example_of(cmd)) {
			printf("++\nExample: *");
			put(lb_example_of(cmd));
			printf("*");
		}
		printf("\n\n");
	}
}

/* What doctor looks at, each kind once with all that belongs to it. */
static void put_findings(void)
{
	printf("# WHAT DOCTOR LOOKS AT\n\n");
	for (size_t i = 0; i < LB_FINDING_COUNT; i++) {
		bool more = i && strcmp(lb_findings[i].name, lb_findings[i - 1].name) == 0;
		if (!more)
			printf("%s*%s*\n\t", i ? "\n\n" : "", lb_findings[i].name);
		if (more)
			printf("; ");
		put(lb_findings[i].looks_at);
	}
	printf("\n\n");
}

static void put_waits(void)
{
	printf("# CONDITIONS\n\nWhat *lbctl wait* waits for:\n\n");
	for (size_t i = 0; i < lb_waits_n; i++) {
		const struct lb_wait *w = &lb_waits[i];
		printf("*%s%s %s*\n\t", w->kind,
			!w->named                         ? ""
			: strcmp(w->kind, "backend") == 0 ? "/SERVICE/NAME"
							  : "/NAME",
			w->condition);
		put_sentence(w->help);
		printf("\n\n");
	}
}

static void put_options(void)
{
	printf("# OPTIONS\n\n");
	for (size_t i = 0; i < cli_options_n; i++) {
		const struct cli_option *o = &cli_options[i];
		printf("*");
		if (o->letter)
			printf("\\-%c, ", o->letter);
		printf("\\--%s*", o->name);
		if (o->metavar)
			printf(o->takes == CLI_TAKES_MAYBE ? "[=_%s_]" : " _%s_", o->metavar);
		printf("\n\t");
		put(o->help);
		printf("\n\n");
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (strcmp(what, "commands") == 0) {
		put_commands();
		put_waits();
		put_findings();
	} else if (strcmp(what, "options") == 0) {
		put_options();
	} else {
		fprintf(stderr, "usage: print_commands commands|options\n");
		return 2;
	}
	return fflush(stdout) ? 1 : 0;
}
