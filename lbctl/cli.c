/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/cli.h"

#include "common/buf.h"
#include "common/proto.h"
#include "common/text.h"
#include "common/time.h"

#include <string.h>

const char *const cli_form_names[] = {
	[CLI_FORM_TABLE] = "table",
	[CLI_FORM_WIDE] = "wide",
	[CLI_FORM_JSON] = "json",
	[CLI_FORM_JSONL] = "jsonl",
	[CLI_FORM_TSV] = "tsv",
	[CLI_FORM_IPVSADM] = "ipvsadm",
};
_Static_assert(sizeof(cli_form_names) / sizeof(cli_form_names[0]) == CLI_FORM_COUNT, "one name per form");

const char *const cli_colour_names[] = {
	[CLI_COLOUR_AUTO] = "auto",
	[CLI_COLOUR_ALWAYS] = "always",
	[CLI_COLOUR_NEVER] = "never",
};
_Static_assert(sizeof(cli_colour_names) / sizeof(cli_colour_names[0]) == CLI_COLOUR_COUNT, "one name per mode");

static const char *const form_words[] = { "table", "wide", "json", "jsonl", "tsv", "ipvsadm", NULL };
static const char *const colour_words[] = { "auto", "always", "never", NULL };

const struct cli_option cli_options[] = {
	{ "output", 'o', CLI_TAKES_VALUE, "FORM", form_words, "table, wide, json, jsonl, tsv or ipvsadm" },
	{ "json", 'j', CLI_TAKES_NONE, NULL, NULL, "the same as -o json" },
	{ "pretty", 'p', CLI_TAKES_NONE, NULL, NULL, "indent JSON" },
	{ "no-header", 'H', CLI_TAKES_NONE, NULL, NULL, "no header and no footer" },
	{ "numeric", 'N', CLI_TAKES_NONE, NULL, NULL, "numbers as they are, not 1.2M" },
	{ "iec", 0, CLI_TAKES_NONE, NULL, NULL, "scale in steps of 1024" },
	{ "watch", 'w', CLI_TAKES_MAYBE, "TIME", NULL, "repeat, every 2s unless told (-w5s)" },
	{ "colour", 'c', CLI_TAKES_VALUE, "WHEN", colour_words, "auto, always or never" },
	{ "timeout", 't', CLI_TAKES_VALUE, "TIME", NULL, "give up after this time (exit status 9)" },
	{ "wait", 0, CLI_TAKES_MAYBE, "TIME", NULL, "return when a change has taken effect" },
	{ "dry-run", 'n', CLI_TAKES_NONE, NULL, NULL, "only say what would happen" },
	{ "yes", 'y', CLI_TAKES_NONE, NULL, NULL, "answer every question with yes" },
	{ "if-generation", 0, CLI_TAKES_VALUE, "GEN", NULL, "refuse (7) unless this generation runs" },
	{ "peer", 0, CLI_TAKES_NONE, NULL, NULL, "the other node of the pair does it" },
	{ "socket", 0, CLI_TAKES_VALUE, "PATH", NULL, "control socket of the daemon" },
	{ "quiet", 'q', CLI_TAKES_NONE, NULL, NULL, "no messages about what is now true" },
	{ "help", 'h', CLI_TAKES_NONE, NULL, NULL, "help for the command" },
	{ "version", 'V', CLI_TAKES_NONE, NULL, NULL, "version of lbctl" },
};
const size_t cli_options_n = sizeof(cli_options) / sizeof(cli_options[0]);

#define WATCH_DEFAULT_MS 2000
#define WATCH_MIN_MS     100

struct parser {
	int argc;
	char *const *argv;
	int at;
	bool terminal;
	struct cli *c;
	const struct lb_arg *next; /* the positional argument that a word may be */
	struct lb_err *e;
};

static bool is_glob(const char *word)
{
	return strpbrk(word, "*?[") != NULL;
}

static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static int duration(struct parser *p, const char *option, const char *value, int64_t *ms)
{
	if (!value || lb_duration_parse(value, strlen(value), ms) || *ms <= 0)
		return lb_err_set(p->e, LB_CODE_USAGE, "--%s takes a time with a unit, as in 500ms, 5s, 2m", option);
	return 0;
}

static int take_form(struct parser *p, const char *value)
{
	int form = word_index(form_words, value);
	if (form < 0)
		return lb_err_set(p->e, LB_CODE_USAGE, "-o takes table, wide, json, jsonl, tsv or ipvsadm");
	p->c->opt.form = (enum cli_form)form;
	return 0;
}

static int take_colour(struct parser *p, const char *value)
{
	int when = word_index(colour_words, value);
	if (when < 0)
		return lb_err_set(p->e, LB_CODE_USAGE, "-c takes auto, always or never");
	p->c->opt.colour = (enum cli_colour)when;
	p->c->opt.colour_given = true;
	return 0;
}

static int take_generation(struct parser *p, const char *value)
{
	static const struct lb_arg count = { .name = "--if-generation", .kind = LB_ARG_COUNT };
	json_t *v = lb_arg_parse(&count, value, NULL, p->e);
	if (!v)
		return -1;
	p->c->opt.if_generation = json_integer_value(v);
	json_decref(v);
	return 0;
}

static int take_watch(struct parser *p, const char *value)
{
	p->c->opt.watch_ms = WATCH_DEFAULT_MS;
	if (value && duration(p, "watch", value, &p->c->opt.watch_ms))
		return -1;
	if (p->c->opt.watch_ms < WATCH_MIN_MS)
		return lb_err_set(p->e, LB_CODE_USAGE, "-w repeats every 100ms at most");
	return 0;
}

static int take_global(struct parser *p, const struct cli_option *o, const char *value)
{
	struct cli_options *opt = &p->c->opt;
	if (o->takes == CLI_TAKES_VALUE && !value)
		return lb_err_set(p->e, LB_CODE_USAGE, "--%s needs a value", o->name);
	switch (o->letter) {
	case 'o': return take_form(p, value);
	case 'j': opt->form = CLI_FORM_JSON; return 0;
	case 'p': opt->pretty = true; return 0;
	case 'H': opt->no_header = true; return 0;
	case 'N': opt->unscaled = true; return 0;
	case 'w': return take_watch(p, value);
	case 'c': return take_colour(p, value);
	case 't': return duration(p, "timeout", value, &opt->timeout_ms);
	case 'n': opt->dry_run = true; return 0;
	case 'y': opt->yes = true; return 0;
	case 'q': opt->quiet = true; return 0;
	case 'h': opt->help = true; return 0;
	case 'V': opt->version = true; return 0;
	default: break;
	}
	if (strcmp(o->name, "iec") == 0) {
		opt->iec = true;
	} else if (strcmp(o->name, "peer") == 0) {
		opt->peer = true;
	} else if (strcmp(o->name, "socket") == 0) {
		opt->socket = value;
	} else if (strcmp(o->name, "if-generation") == 0) {
		return take_generation(p, value);
	} else if (strcmp(o->name, "wait") == 0) {
		opt->wait = true;
		return value ? duration(p, "wait", value, &opt->wait_ms) : 0;
	}
	return 0;
}

static int put_arg(struct parser *p, const struct lb_arg *a, const char *word)
{
	struct cli *c = p->c;
	if (json_object_get(c->args, a->name) || c->glob == a)
		return lb_err_set(p->e, LB_CODE_USAGE, "%s%s is given twice", a->option ? "--" : "", a->name);
	if ((a->kind == LB_ARG_SERVICE || a->kind == LB_ARG_BACKEND) && is_glob(word)) {
		c->glob = a;
		c->glob_word = word;
		return 0;
	}
	const char *name = word;
	if (a->kind == LB_ARG_FILE) {
		c->file = word;
		if (strcmp(word, "-") == 0)
			name = "<stdin>";
	}
	json_t *v = lb_arg_parse(a, name, c->args, p->e);
	if (!v)
		return -1;
	if (json_object_set_new(c->args, a->name, v))
		return lb_err_set(p->e, LB_CODE_FAILED, "out of memory");
	return 0;
}

/* ---- options ---- */

struct option_match {
	const struct cli_option *global;
	const struct lb_arg *arg;
};

static bool takes_value(const struct option_match *m)
{
	return m->global ? m->global->takes == CLI_TAKES_VALUE : m->arg->kind != LB_ARG_FLAG;
}

static bool find_long(const struct parser *p, const char *name, size_t n, struct option_match *m)
{
	for (const struct lb_arg *a = p->c->cmd ? p->c->cmd->args : NULL; a && a->name; a++)
		if (a->option && strlen(a->option) == n && memcmp(a->option, name, n) == 0) {
			*m = (struct option_match){ .arg = a };
			return true;
		}
	for (size_t i = 0; i < cli_options_n; i++)
		if (strlen(cli_options[i].name) == n && memcmp(cli_options[i].name, name, n) == 0) {
			*m = (struct option_match){ .global = &cli_options[i] };
			return true;
		}
	return false;
}

static bool find_letter(const struct parser *p, char letter, struct option_match *m)
{
	for (const struct lb_arg *a = p->c->cmd ? p->c->cmd->args : NULL; a && a->name; a++)
		if (a->letter == letter) {
			*m = (struct option_match){ .arg = a };
			return true;
		}
	for (size_t i = 0; i < cli_options_n; i++)
		if (cli_options[i].letter == letter) {
			*m = (struct option_match){ .global = &cli_options[i] };
			return true;
		}
	return false;
}

/* Nothing is like it: where the options stand. */
static void unknown_option_help(struct parser *p, const char *dashes, const char *got)
{
	char name[LB_COMMAND_NAMELEN] = "";
	if (p->c->cmd)
		lb_command_name(p->c->cmd, ' ', name);
	lb_err_set(
		p->e, LB_CODE_USAGE, "unknown option '%s%s'; see lbctl help%s%s", dashes, got, *name ? " " : "", name);
}

static int unknown_option(struct parser *p, const char *name, size_t n)
{
	const char *words[64];
	size_t count = 0;
	for (size_t i = 0; i < cli_options_n; i++)
		words[count++] = cli_options[i].name;
	for (const struct lb_arg *a = p->c->cmd ? p->c->cmd->args : NULL; a && a->name; a++)
		if (a->option)
			words[count++] = a->option;
	const char *near = lb_text_suggest(name, n, words, count);
	struct lb_text got = LB_TEXT_INIT;
	lb_text_escape(&got, name, n, 64);
	if (near)
		lb_err_set(p->e, LB_CODE_USAGE, "unknown option '--%s'; did you mean '--%s'?", got.bad ? "?" : got.s,
			near);
	else
		unknown_option_help(p, "--", got.bad ? "?" : got.s);
	lb_text_done(&got);
	return -1;
}

static int take_option(struct parser *p, const struct option_match *m, const char *value)
{
	return m->global ? take_global(p, m->global, value) : put_arg(p, m->arg, value ? value : "");
}

static int long_option(struct parser *p, const char *name)
{
	size_t n = strcspn(name, "=");
	const char *value = name[n] ? name + n + 1 : NULL;
	struct option_match m;
	if (n == 5 && memcmp(name, "color", n) == 0)
		name = "colour", n = 6;
	if (!find_long(p, name, n, &m))
		return unknown_option(p, name, n);
	bool flag = m.global ? m.global->takes == CLI_TAKES_NONE : m.arg->kind == LB_ARG_FLAG;
	if (value && flag)
		return lb_err_set(p->e, LB_CODE_USAGE, "--%.*s takes no value", (int)n, name);
	if (!value && takes_value(&m)) {
		if (p->at >= p->argc)
			return lb_err_set(p->e, LB_CODE_USAGE, "--%.*s needs a value", (int)n, name);
		value = p->argv[p->at++];
	}
	return take_option(p, &m, value);
}

static int short_options(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		struct option_match m;
		if (!find_letter(p, *letters, &m)) {
			struct lb_text got = LB_TEXT_INIT;
			lb_text_escape(&got, letters, 1, 0);
			unknown_option_help(p, "-", got.bad ? "?" : got.s);
			lb_text_done(&got);
			return -1;
		}
		bool maybe = m.global && m.global->takes == CLI_TAKES_MAYBE;
		if (!maybe && !takes_value(&m)) {
			if (take_option(p, &m, NULL))
				return -1;
			continue;
		}
		const char *value = letters[1] ? letters + 1 : NULL;
		if (!value && !maybe) {
			if (p->at >= p->argc)
				return lb_err_set(p->e, LB_CODE_USAGE, "-%c needs a value", *letters);
			value = p->argv[p->at++];
		}
		return take_option(p, &m, value);
	}
	return 0;
}

/* ---- words ---- */

/* The verbs of a noun, or without a noun all nouns, each once. Returns how many. */
static size_t word_list(const char *noun, const char *words[LB_COMMAND_COUNT])
{
	size_t n = 0;
	for (size_t i = 0; i < LB_COMMAND_COUNT; i++) {
		const char *word = noun ? lb_commands[i].verb : lb_commands[i].noun;
		if (lb_commands[i].hidden || (noun && strcmp(lb_commands[i].noun, noun) != 0))
			continue;
		if (n == 0 || strcmp(words[n - 1], word) != 0)
			words[n++] = word;
	}
	return n;
}

/* The noun, or the verb of a noun, that `got` is, or on a terminal the only one it begins. NULL with *e. */
static const char *resolve(struct parser *p, const char *noun, const char *got)
{
	const char *words[LB_COMMAND_COUNT];
	size_t n = word_list(noun, words), prefixes = 0;
	const char *prefixed = NULL;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i], got) == 0)
			return words[i];
		if (strncmp(words[i], got, strlen(got)) == 0) {
			prefixed = words[i];
			prefixes++;
		}
	}
	if (p->terminal && prefixes == 1 && *got)
		return prefixed;
	cli_unknown_word(noun, got, words, n, p->e);
	return NULL;
}

static void set_command(struct parser *p, const struct lb_command *cmd)
{
	p->c->cmd = cmd;
	p->next = cmd->args;
}

static int take_noun(struct parser *p, const char *word)
{
	const struct lb_command *alone = lb_command_find(word, "");
	p->c->noun = alone ? alone->noun : resolve(p, NULL, word);
	if (!p->c->noun)
		return -1;
	alone = lb_command_find(p->c->noun, "");
	if (alone)
		set_command(p, alone);
	return 0;
}

static int take_verb(struct parser *p, const char *word)
{
	const char *verb = resolve(p, p->c->noun, word);
	if (!verb)
		return -1;
	set_command(p, lb_command_find(p->c->noun, verb));
	return 0;
}

/* Whether a word can be that argument at all: a generation is digits, so a file in its place is not one; a backend that
 * stands before something else has a slash. */
static bool fits(const struct lb_arg *a, const char *word)
{
	if (a->kind == LB_ARG_BACKEND && a[1].or_before)
		return strchr(word, '/') != NULL;
	return a->kind != LB_ARG_COUNT || strspn(word, "0123456789") == strlen(word);
}

static int too_much(struct parser *p, const char *word)
{
	struct lb_text got = LB_TEXT_INIT;
	char name[LB_COMMAND_NAMELEN];
	lb_text_escape(&got, word, strlen(word), 64);
	lb_err_set(p->e, LB_CODE_USAGE, "'%s' is too much for '%s'", got.bad ? "?" : got.s,
		lb_command_name(p->c->cmd, ' ', name));
	lb_text_done(&got);
	return -1;
}

static int take_positional(struct parser *p, const char *word)
{
	const struct lb_arg *a = p->next, *misfit = NULL;
	for (; a->name && (a->option || a->hidden || !fits(a, word)); a++)
		if (!a->option && !a->hidden && !misfit)
			misfit = a;
	if (!a->name && !misfit)
		return too_much(p, word);
	if (!a->name)
		a = misfit; /* its own words about it are better */
	p->next = a + 1;
	while (p->next->name && p->next->or_before) /* its place is taken */
		p->next++;
	return put_arg(p, a, word);
}

static int take_word(struct parser *p, const char *word)
{
	if (!p->c->noun)
		return take_noun(p, word);
	if (!p->c->cmd)
		return take_verb(p, word);
	return take_positional(p, word);
}

static int missing(struct parser *p)
{
	for (const struct lb_arg *a = p->c->cmd->args; a->name; a++)
		if (a->required && !json_object_get(p->c->args, a->name) && p->c->glob != a) {
			char name[LB_COMMAND_NAMELEN];
			return lb_err_set(p->e, LB_CODE_USAGE, "'%s' needs %s; see lbctl help %s",
				lb_command_name(p->c->cmd, ' ', name), a->metavar, name);
		}
	if (p->c->glob && p->c->glob->one_of)
		return 0;
	return lb_command_one_of(p->c->cmd, p->c->args) ? 0 : lb_command_one_of_missing(p->c->cmd, p->e);
}

static int needs_verb(struct parser *p)
{
	const char *words[LB_COMMAND_COUNT];
	size_t n = word_list(p->c->noun, words);
	struct lb_text text = LB_TEXT_INIT;
	for (size_t i = 0; i < n; i++)
		lb_text_printf(&text, "%s%s", i ? ", " : "", words[i]);
	lb_err_set(p->e, LB_CODE_USAGE, "'%s' needs a verb: %s", p->c->noun, text.bad ? "?" : text.s);
	lb_text_done(&text);
	return -1;
}

/* Options that make no sense together, told before anything is sent. */
static int check_options(struct parser *p)
{
	struct cli *c = p->c;
	if (c->opt.form == CLI_FORM_IPVSADM && !c->cmd->ipvsadm && c->cmd->view != LB_VIEW_IPVSADM)
		return lb_err_set(p->e, LB_CODE_USAGE,
			"-o ipvsadm goes with service list, service stats, backend list, conn list and config "
			"export");
	bool kernel = c->cmd->ipvsadm && lb_command_arg(c->cmd, "kernel");
	if (c->opt.form == CLI_FORM_IPVSADM && kernel && (json_object_get(c->args, "service") || c->glob))
		return lb_err_set(p->e, LB_CODE_USAGE, "-o ipvsadm prints all services, leave out the name");
	if (c->opt.peer && c->cmd->level == LB_LEVEL_NONE && lb_command_id(c->cmd) != LB_COMMAND_VERSION)
		return lb_err_set(p->e, LB_CODE_USAGE, "lbctl does this alone, --peer has no meaning");
	if (c->opt.watch_ms && (lb_command_changes(c->cmd, c->args) || c->cmd->level == LB_LEVEL_NONE || c->file))
		return lb_err_set(p->e, LB_CODE_USAGE, "-w repeats what only looks; this does not");
	if (c->opt.wait && !c->cmd->wait)
		return lb_err_set(p->e, LB_CODE_USAGE, "--wait goes with a command that changes something");
	if (c->opt.form == CLI_FORM_IPVSADM && kernel && json_object_set_new(c->args, "kernel", json_true()))
		return lb_err_set(p->e, LB_CODE_FAILED, "out of memory");
	return 0;
}

static int finish(struct parser *p)
{
	struct cli *c = p->c;
	if (c->opt.version || (c->opt.help && !c->cmd))
		return 0;
	if (!c->noun)
		c->noun = "status";
	for (size_t i = 0; !c->cmd && i < LB_COMMAND_COUNT; i++)
		if (lb_commands[i].bare && strcmp(lb_commands[i].noun, c->noun) == 0)
			set_command(p, &lb_commands[i]);
	if (!c->cmd)
		return needs_verb(p);
	if (c->opt.help)
		return 0;
	return missing(p) ? -1 : check_options(p);
}

int cli_parse(int argc, char *const *argv, bool terminal, struct cli *out, struct lb_err *e)
{
	static const struct lb_arg no_args = { .name = NULL };
	*out = (struct cli){ .args = json_object() };
	struct parser p = {
		.argc = argc, .argv = argv, .at = 1, .terminal = terminal, .c = out, .next = &no_args, .e = e
	};
	if (!out->args)
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	bool words_only = false;
	while (p.at < argc) {
		const char *word = argv[p.at++];
		int failed;
		if (out->cmd && out->cmd->args[0].name && out->cmd->args[0].kind == LB_ARG_WORDS) {
			if (strcmp(word, "--") != 0)
				p.at--;
			out->words = argv + p.at;
			out->n_words = argc - p.at;
			return 0;
		}
		if (words_only || word[0] != '-' || !word[1])
			failed = take_word(&p, word);
		else if (strcmp(word, "--") == 0)
			words_only = true, failed = 0;
		else if (word[1] == '-')
			failed = long_option(&p, word + 2);
		else
			failed = short_options(&p, word + 1);
		if (failed)
			return -1;
	}
	return finish(&p);
}

void cli_done(struct cli *c)
{
	json_decref(c->args);
	c->args = NULL;
}

void cli_request(long long id, const char *wire, const json_t *args, const struct cli_options *opt, struct lb_text *out)
{
	json_t *copy =
		args ? json_copy((json_t *)(uintptr_t)args) : json_object(); /* jansson copies, it does not change */
	json_t *rq = json_pack("{s:I, s:s, s:o}", "id", (json_int_t)id, "cmd", wire, "args", copy);
	if (rq && opt->if_generation && json_object_set_new(rq, "if_generation", json_integer(opt->if_generation)))
		out->bad = true;
	if (rq && opt->peer && json_object_set_new(rq, "peer", json_true()))
		out->bad = true;
	if (rq)
		lb_proto_dump(rq, out);
	else
		out->bad = true;
	json_decref(rq);
}

static void value_words(const struct lb_arg *a, const json_t *v, struct lb_text *out)
{
	char text[LB_DURATION_STRLEN];
	const char *s = json_string_value(v);
	if (a->kind == LB_ARG_DURATION) {
		lb_text_puts(out, lb_duration_str((int64_t)(json_number_value(v) * 1000 + 0.5), text));
	} else if (s && strpbrk(s, " '\"\\$*?")) {
		lb_text_puts(out, "'");
		lb_text_escape(out, s, strlen(s), 0);
		lb_text_puts(out, "'");
	} else if (s) {
		lb_text_escape(out, s, strlen(s), 0);
	} else if (json_is_integer(v)) {
		lb_text_printf(out, "%lld", (long long)json_integer_value(v));
	}
}

void cli_words(const struct lb_command *cmd, const json_t *args, struct lb_text *out)
{
	char name[LB_COMMAND_NAMELEN];
	lb_text_puts(out, lb_command_name(cmd, ' ', name));
	for (const struct lb_arg *a = cmd->args; a->name; a++) {
		const json_t *v = json_object_get(args, a->name);
		if (!v || a->hidden)
			continue;
		lb_text_puts(out, " ");
		if (a->option)
			lb_text_printf(out, "--%s%s", a->option, a->kind == LB_ARG_FLAG ? "" : " ");
		value_words(a, v, out);
	}
}

bool cli_wants_colour(
	const struct cli_options *opt, const char *lbctl_color, const char *no_color, bool stdout_terminal)
{
	enum cli_colour when = opt->colour;
	int env = lbctl_color ? word_index(colour_words, lbctl_color) : -1;
	if (!opt->colour_given && env >= 0)
		when = (enum cli_colour)env;
	if (when == CLI_COLOUR_ALWAYS)
		return true;
	return when == CLI_COLOUR_AUTO && stdout_terminal && !(no_color && *no_color) &&
	       (opt->form == CLI_FORM_TABLE || opt->form == CLI_FORM_WIDE);
}
