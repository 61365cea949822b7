/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command line as keepalived has it: words, quotes, backslashes. lbd starts a program with arguments, and no shell.
 */
#include "lbd/import/ka.h"

#include <string.h>

#define ARGS_MAX 64
#define COMM_MAX 15 /* what the kernel keeps of a name */

/* The next word. NULL at the end. */
static const char *next_word(struct ka *k, const char **line)
{
	struct lb_text t = LB_TEXT_INIT;
	const char *s = *line + strspn(*line, " \t\n");
	char quote = 0;
	bool any = *s != '\0';
	for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? 0 : *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			lb_text_put(&t, ++s, 1);
		else
			lb_text_put(&t, s, 1);
	}
	*line = s;
	k->im->oom = k->im->oom || t.bad;
	const char *p = any ? imp_strn(k->im, t.s ? t.s : "", t.n) : NULL;
	lb_text_done(&t);
	return p;
}

/* Whether a shell would be needed: outside of quotes it would mean something. */
static bool wants_shell(const char *line)
{
	char quote = 0;
	for (; *line; line++) {
		if (quote ? *line == quote : *line == '"' || *line == '\'')
			quote = quote ? 0 : *line;
		else if (!quote && strchr("<>|&;`$*?()", *line))
			return true;
	}
	return false;
}

/* %a and %p for what is the server's own, so that servers share a check; a percent sign is two. */
static const char *argument(struct ka *k, const char *word, const struct ka_self *self)
{
	if (self && self->ip && strcmp(word, self->ip) == 0)
		return "%a";
	if (self && self->port && strcmp(word, self->port) == 0)
		return "%p";
	struct lb_text t = LB_TEXT_INIT;
	for (; *word; word++)
		lb_text_put(&t, *word == '%' ? "%%" : word, *word == '%' ? 2 : 1);
	k->im->oom = k->im->oom || t.bad;
	const char *p = imp_strn(k->im, t.s ? t.s : "", t.n);
	lb_text_done(&t);
	return p;
}

bool ka_script(struct ka *k, const struct imp_place *at, const char *line, const struct ka_self *self, struct y *out)
{
	const char *rest = line, *path = next_word(k, &rest), *word;
	if (!path || *path != '/' || wants_shell(line)) {
		imp_say(k->im, at, IMP_LOST, "%s: lbd runs a program by its full path, without a shell; %s",
			imp_shown(k->im, line), "put this into a script and name that");
		return false;
	}
	y_set(k->im, out, "path", "%s", path);
	struct y *args = NULL;
	for (size_t n = 0; n < ARGS_MAX && (word = next_word(k, &rest)); n++) {
		args = args ? args : y_list(k->im, out, "args");
		y_set(k->im, args, NULL, "%s", argument(k, word, self));
	}
	return true;
}

/* ---- programs that look for a process ---- */

static const struct {
	const char *program, *options[4]; /* that change nothing about it */
	bool kills;                       /* with -0 it only looks */
	const char *whole;                /* without it a part of a name will do */
} lookers[] = {
	{ "killall", { "-q", "-e" }, true, NULL },
	{ "pkill", { "-x" }, true, "-x" },
	{ "pgrep", { "-x", "-c", "-l" }, false, "-x" },
	{ "pidof", { "-s", "-x", "-q" }, false, NULL },
};

const char *ka_base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_option(size_t looker, const char *word)
{
	for (size_t i = 0; i < 4 && lookers[looker].options[i]; i++)
		if (strcmp(word, lookers[looker].options[i]) == 0)
			return true;
	return false;
}

/* A name as it is, and no expression. */
static bool is_name(const char *s)
{
	size_t n = strlen(s);
	return n > 0 && n <= COMM_MAX && *s != '-' && !strpbrk(s, "^$[]\\+{},\"' \t");
}

bool ka_script_looks(struct ka *k, const char *line, struct ka_look *out)
{
	const char *rest = line, *program = next_word(k, &rest), *word;
	size_t i = 0, n = sizeof(lookers) / sizeof(lookers[0]);
	*out = (struct ka_look){ 0 };
	if (!program)
		return false;
	while (i < n && strcmp(ka_base_of(program), lookers[i].program) != 0)
		i++;
	if (i == n)
		return false;
	bool looks = !lookers[i].kills, plain = !wants_shell(line);
	out->part = lookers[i].whole != NULL;
	while ((word = next_word(k, &rest))) {
		if (lookers[i].whole && strcmp(word, lookers[i].whole) == 0)
			out->part = false;
		if (lookers[i].kills && strcmp(word, "-0") == 0)
			looks = true;
		else if (!out->name && is_name(ka_base_of(word)))
			out->name = ka_base_of(word);
		else if (!is_option(i, word))
			plain = false;
	}
	out->name = plain ? out->name : NULL;
	return looks;
}

/* ---- who runs it ---- */

void ka_script_user(struct ka *k, const struct ka_node *of)
{
	const struct ka_node *own = ka_get(of, KA_USER), *said = own ? own : ka_global(k, KA_USER);
	const struct imp_place *at = said ? &said->at : &of->at;
	if (said && strcmp(ka_arg(said, 1), "root") != 0)
		imp_say(k->im, at, IMP_NOTE, "programs run as lbd-probe");
	else
		imp_say(k->im, at, IMP_NOTE,
			"%s runs as lbd-probe: the unit shows it no processes of others (ProtectProc=invisible), and "
			"no sudo gives it rights (NoNewPrivileges=yes); what needs them fails, always",
			said ? "what root ran" : "what root ran, where there is no user keepalived_script,");
}
