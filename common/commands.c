/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/commands.h"

#include "common/buf.h"
#include "common/err.h"
#include "common/text.h"
#include "common/time.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX   256
#define PATH_MAX_  4096
#define COUNT_MAX  1000000000LL
#define WEIGHT_MAX 65535u
#define SHARE_MAX  1000u /* percent */

static const char *const shells[] = { "bash", "zsh", "fish", NULL };
static const char *const exports[] = { "ipvsadm", NULL };

/* The same argument means the same everywhere, so it is written once. */
#define ARG_KERNEL                                                                                                     \
	{                                                                                                              \
		.name = "kernel", .kind = LB_ARG_FLAG, .hidden = true, .help = "rows of the kernel in dump order"      \
	}
#define ARG_RATE                                                                                                       \
	{                                                                                                              \
		.name = "rate", .kind = LB_ARG_FLAG, .option = "rate", .help = "per second instead of totals"          \
	}
#define ARG_SERVICE_FILTER                                                                                             \
	{                                                                                                              \
		.name = "service", .kind = LB_ARG_SERVICE, .metavar = "SERVICE", .help = "only this service"           \
	}
#define ARG_BACKEND                                                                                                    \
	{                                                                                                              \
		.name = "backend", .kind = LB_ARG_BACKEND, .required = true, .metavar = "SERVICE/BACKEND",             \
		.help = "the backend; a shell glob may name several"                                                   \
	}
#define ARG_FOR                                                                                                        \
	{                                                                                                              \
		.name = "for", .kind = LB_ARG_DURATION, .option = "for", .metavar = "TIME",                            \
		.help = "go back to the configuration after this time (30m)"                                           \
	}
#define ARG_REASON                                                                                                     \
	{                                                                                                              \
		.name = "reason", .kind = LB_ARG_TEXT, .option = "reason", .metavar = "TEXT",                          \
		.help = "why, for those who look at it later"                                                          \
	}

const struct lb_command lb_commands[] = {
	[LB_COMMAND_STATUS] = { "status", "", LB_LEVEL_OBSERVE, .bare = true, .view = LB_VIEW_STATUS,
		.row = LB_ROW_STATUS, .help = "one screen: what runs, what is not well",
		.text = "Says which configuration runs, how many services and backends are up, names what is "
			"not, and lists what should be looked at with the command that mends it.",
		.args = { { .name = "check",
			.kind = LB_ARG_FLAG,
			.option = "check",
			.help = "exit status 1 if there is an alarm" } } },

	[LB_COMMAND_SERVICE_LIST] = { "service", "list", LB_LEVEL_OBSERVE, .bare = true, .ipvsadm = true,
		.view = LB_VIEW_TABLE, .row = LB_ROW_SERVICE, .help = "all services, one line each",
		.text = "With -o ipvsadm it prints what `ipvsadm -Ln` prints: all services of the kernel.",
		.args = { ARG_KERNEL } },
	[LB_COMMAND_SERVICE_SHOW] = { "service", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_SERVICE,
		.help = "everything about a service", .text = "Its settings, its backends and why it is as it is.",
		.args = { { .name = "service",
			.kind = LB_ARG_SERVICE,
			.required = true,
			.metavar = "SERVICE",
			.help = "the service; a shell glob may name several" } } },
	[LB_COMMAND_SERVICE_STATS] = { "service", "stats", LB_LEVEL_OBSERVE, .ipvsadm = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_SERVICE_STATS, .help = "connections, packets and bytes per listener",
		.text = "The kernel adds up new traffic every 2 seconds: a fresh zero says nothing. Rates are "
			"averages over about 8 seconds. With -o ipvsadm it prints what `ipvsadm -Ln --stats` (or "
			"--rate) prints.",
		.args = { ARG_SERVICE_FILTER, ARG_RATE, ARG_KERNEL } },

	[LB_COMMAND_BACKEND_LIST] = { "backend", "list", LB_LEVEL_OBSERVE, .bare = true, .ipvsadm = true,
		.view = LB_VIEW_TABLE, .row = LB_ROW_BACKEND, .help = "all backends, one line each",
		.text = "A * marks a value that an operator has set and the configuration does not have.",
		.args = { ARG_SERVICE_FILTER, ARG_KERNEL } },
	[LB_COMMAND_BACKEND_SHOW] = { "backend", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_BACKEND,
		.help = "everything about a backend",
		.text = "Its state, why it is in or out, its check and its overrides.", .args = { ARG_BACKEND } },
	[LB_COMMAND_BACKEND_STATS] = { "backend", "stats", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE,
		.row = LB_ROW_BACKEND_STATS, .help = "connections, packets and bytes per backend",
		.text = "One row per backend and listener. The kernel adds up new traffic every 2 seconds.",
		.args = { ARG_SERVICE_FILTER, ARG_RATE } },
	[LB_COMMAND_BACKEND_ENABLE] = { "backend", "enable", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "up", .help = "let a backend serve again",
		.text = "Ends a drain or a maintenance. Health and weight decide again.",
		.args = { ARG_BACKEND, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_DRAIN] = { "backend", "drain", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "drained", .help = "no new flows, keep the ones it has",
		.text = "Its weight in the kernel becomes 0. Flows go on until they end, or until the drain "
			"timeout of the service is over. Checks go on. --wait returns when no flow is left.",
		.args = { ARG_BACKEND, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_MAINT] = { "backend", "maint", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "down", .help = "take a backend out at once, flows included",
		.text = "It leaves the kernel tables and is not checked until `backend enable`.",
		.args = { ARG_BACKEND, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_WEIGHT] = { "backend", "weight", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "ready", .help = "give a backend another weight",
		.text = "A number, a share of the configured weight, or auto for the configured weight.",
		.args = { ARG_BACKEND,
			{ .name = "weight",
				.kind = LB_ARG_WEIGHT,
				.required = true,
				.metavar = "N|N%|auto",
				.help = "0 to 65535, 0% to 1000%, auto" },
			ARG_FOR, ARG_REASON } },

	[LB_COMMAND_CONFIG_CHECK] = { "config", "check", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "say what is wrong with a file; no daemon needed",
		.text = "Runs `lbd --check` as the caller. Without FILE: /etc/lbd/lbd.yaml.",
		.args = { { .name = "file",
			.kind = LB_ARG_FILE,
			.metavar = "FILE|-",
			.help = "the file, - for standard input" } } },
	[LB_COMMAND_CONFIG_SHOW] = { "config", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_TEXT, .row = LB_ROW_TEXT,
		.help = "the configuration that runs, or an older one",
		.text = "The text as it was applied. `config show 17 > /etc/lbd/lbd.yaml` puts it back.",
		.args = { { .name = "generation",
				  .kind = LB_ARG_COUNT,
				  .metavar = "GEN",
				  .help = "number of a generation" },
			{ .name = "effective",
				.kind = LB_ARG_FLAG,
				.option = "effective",
				.help = "with every default written out" } } },
	[LB_COMMAND_CONFIG_DIFF] = { "config", "diff", LB_LEVEL_ADMIN, .view = LB_VIEW_DIFF, .row = LB_ROW_CHANGE,
		.help = "what `config apply` would change",
		.text = "Compares with what runs. Exit status 1 if there is a difference. Without an argument: "
			"the file the daemon was started with.",
		.args = { { .name = "generation",
				  .kind = LB_ARG_COUNT,
				  .metavar = "GEN",
				  .help = "number of a generation" },
			{ .name = "file",
				.kind = LB_ARG_FILE,
				.or_before = true,
				.metavar = "FILE|-",
				.help = "a file, - for standard input" },
			{ .name = "ops",
				.kind = LB_ARG_FLAG,
				.option = "ops",
				.help = "the operations on the kernel" } } },
	[LB_COMMAND_CONFIG_APPLY] = { "config", "apply", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "make a configuration the one that runs",
		.text = "On a terminal it shows the plan and asks. A configuration with an error changes "
			"nothing. Without FILE: the file the daemon was started with.",
		.args = { { .name = "file",
				  .kind = LB_ARG_FILE,
				  .metavar = "FILE|-",
				  .help = "a file, - for standard input" },
			{ .name = "message",
				.kind = LB_ARG_TEXT,
				.option = "message",
				.letter = 'm',
				.metavar = "TEXT",
				.help = "what it is for, kept with the generation" } } },
	[LB_COMMAND_CONFIG_SCHEMA] = { "config", "schema", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "JSON Schema of lbd.yaml; no daemon needed",
		.text = "For editors that check and complete while one writes. Runs `lbd --print=schema`." },
	[LB_COMMAND_CONFIG_EXPORT] = { "config", "export", LB_LEVEL_OBSERVE, .view = LB_VIEW_IPVSADM,
		.help = "the kernel tables as rules of another tool",
		.text = "`config export ipvsadm` prints what `ipvsadm -Sn` prints; `ipvsadm -R` takes it.",
		.args = { { .name = "format",
			.kind = LB_ARG_CHOICE,
			.required = true,
			.metavar = "ipvsadm",
			.choices = exports,
			.help = "rules for ipvsadm -R" } } },

	[LB_COMMAND_KERNEL_DIFF] = { "kernel", "diff", LB_LEVEL_OBSERVE, .view = LB_VIEW_DIFF, .row = LB_ROW_CHANGE,
		.help = "how the kernel differs from what should be there",
		.text = "Reads the kernel tables anew. Exit status 1 if there is a difference." },
	[LB_COMMAND_KERNEL_REPAIR] = { "kernel", "repair", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "put the kernel right now",
		.text = "What the daemon does by itself from time to time." },

	[LB_COMMAND_DAEMON_INFO] = { "daemon", "info", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_DAEMON,
		.help = "version, processes, memory, kernel",
		.text = "What one asks for first when something is odd." },
	[LB_COMMAND_DAEMON_RELOAD] = { "daemon", "reload", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "apply the file the daemon was started with",
		.text = "The same as `config apply` without FILE, without a question." },
	[LB_COMMAND_DAEMON_RESTART] = { "daemon", "restart", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "ready", .help = "start the daemon anew, traffic goes on",
		.text = "The kernel tables stay and are taken over. --wait returns when it is ready again." },
	[LB_COMMAND_DAEMON_STOP] = { "daemon", "stop", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.ask = "Stop the daemon? The kernel goes on forwarding, nothing checks the backends.",
		.help = "end the daemon; the kernel goes on forwarding",
		.text = "Nothing checks the backends after that. With --flush what is ours leaves the kernel "
			"too and traffic stops.",
		.args = { { .name = "flush",
			.kind = LB_ARG_FLAG,
			.option = "flush",
			.ask = "Stop the daemon and remove our services from the kernel? Traffic stops.",
			.help = "remove our services from the kernel" } } },

	[LB_COMMAND_WAIT] = { "wait", "", LB_LEVEL_OBSERVE, .view = LB_VIEW_MESSAGE,
		.help = "return when something is true",
		.text = "Exit status 0: it is true; 1: it can never become true; 9: the time of -t is over.",
		.args = { { .name = "object",
				  .kind = LB_ARG_OBJECT,
				  .required = true,
				  .metavar = "OBJECT",
				  .help = "service/NAME, backend/SERVICE/NAME, daemon" },
			{ .name = "condition",
				.kind = LB_ARG_CONDITION,
				.required = true,
				.metavar = "CONDITION",
				.help = "what it should be" },
			{ .name = "timeout",
				.kind = LB_ARG_DURATION,
				.hidden = true,
				.help = "answer with timeout after it" } } },

	[LB_COMMAND_VERSION] = { "version", "", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "of lbctl and of the daemon", .text = "The daemon is named only if it answers." },
	[LB_COMMAND_COMPLETION] = { "completion", "", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "a script that completes lbctl commands",
		.text = "bash: eval \"$(lbctl completion bash)\"\n"
			"zsh:  eval \"$(lbctl completion zsh)\"\n"
			"fish: lbctl completion fish | source",
		.args = { { .name = "shell",
			.kind = LB_ARG_CHOICE,
			.required = true,
			.metavar = "bash|zsh|fish",
			.choices = shells,
			.help = "the shell it is for" } } },
	[LB_COMMAND_COMPLETE] = { "complete", "", LB_LEVEL_NONE, .hidden = true, .view = LB_VIEW_TEXT,
		.help = "words that may stand next; for the completion scripts",
		.text = "WORDS are those after lbctl; the last one, maybe empty, is being written. Each line is "
			"a word, or a word, a tab and what it means. `:files` asks for file names.",
		.args = { { .name = "words",
			.kind = LB_ARG_WORDS,
			.metavar = "-- WORDS",
			.help = "the words so far" } } },
	[LB_COMMAND_HELP] = { "help", "", LB_LEVEL_NONE, .view = LB_VIEW_TEXT, .help = "commands, or one of them",
		.text = "The same as -h after the command.",
		.args = { { .name = "noun", .kind = LB_ARG_TEXT, .metavar = "NOUN", .help = "commands of this noun" },
			{ .name = "verb", .kind = LB_ARG_TEXT, .metavar = "VERB", .help = "this command" } } },
};
_Static_assert(sizeof(lb_commands) / sizeof(lb_commands[0]) == LB_COMMAND_COUNT, "one row per command");

const struct lb_wait lb_waits[] = {
	{ "service", true, "up", "every enabled backend is in the pool" },
	{ "service", true, "quorum", "enough backends are in the pool" },
	{ "backend", true, "up", "in the pool" },
	{ "backend", true, "down", "out of the pool" },
	{ "backend", true, "drained", "weight 0 and no flow left" },
	{ "daemon", false, "ready", "first verdicts in, kernel as desired" },
};
const size_t lb_waits_n = sizeof(lb_waits) / sizeof(lb_waits[0]);

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

const struct lb_arg *lb_command_arg(const struct lb_command *cmd, const char *name)
{
	for (const struct lb_arg *a = cmd->args; a->name; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

int lb_backend_parse(const char *s, char service[64], char backend[64])
{
	const char *slash = strchr(s, '/');
	if (!slash || !lb_name_ok(s, (size_t)(slash - s)) || !lb_name_ok(slash + 1, strlen(slash + 1)))
		return -EINVAL;
	size_t n = (size_t)(slash - s);
	memcpy(service, s, n);
	service[n] = '\0';
	strcpy(backend, slash + 1);
	return 0;
}

static int digits_parse(const char *s, size_t n, long long max, long long *out)
{
	long long v = 0;
	if (n == 0 || n > 10 || (n > 1 && s[0] == '0'))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (s[i] - '0');
	}
	if (v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

int lb_weight_parse(const char *s, struct lb_weight *out)
{
	size_t n = strlen(s);
	bool share = n && s[n - 1] == '%';
	long long v = 0;
	if (strcmp(s, "auto") == 0) {
		*out = (struct lb_weight){ LB_WEIGHT_AUTO, 0 };
		return 0;
	}
	if (digits_parse(s, share ? n - 1 : n, share ? SHARE_MAX : WEIGHT_MAX, &v))
		return -EINVAL;
	*out = (struct lb_weight){ share ? LB_WEIGHT_SHARE : LB_WEIGHT_NUMBER, (uint32_t)v };
	return 0;
}

/* The kind of an object and what stands after its slash; NULL when no row has such an object. */
static const struct lb_wait *object_row(const char *object)
{
	char service[64], backend[64];
	for (size_t i = 0; i < lb_waits_n; i++) {
		const struct lb_wait *w = &lb_waits[i];
		size_t n = strlen(w->kind);
		if (strncmp(object, w->kind, n) != 0)
			continue;
		if (!w->named && object[n] == '\0')
			return w;
		if (!w->named || object[n] != '/')
			continue;
		const char *name = object + n + 1;
		if (strcmp(w->kind, "backend") == 0 ? lb_backend_parse(name, service, backend) == 0
						    : lb_name_ok(name, strlen(name)))
			return w;
	}
	return NULL;
}

const struct lb_wait *lb_wait_find(const char *object, const char *condition)
{
	const struct lb_wait *kind = object_row(object);
	for (size_t i = 0; kind && i < lb_waits_n; i++)
		if (strcmp(lb_waits[i].kind, kind->kind) == 0 && strcmp(lb_waits[i].condition, condition) == 0)
			return &lb_waits[i];
	return NULL;
}

static int choice_check(const struct lb_arg *arg, const char *s, struct lb_err *e)
{
	struct lb_text all = LB_TEXT_INIT;
	for (const char *const *c = arg->choices; *c; c++) {
		if (strcmp(*c, s) == 0) {
			lb_text_done(&all);
			return 0;
		}
		lb_text_printf(&all, "%s%s", c == arg->choices ? "" : ", ", *c);
	}
	lb_err_set(e, LB_CODE_USAGE, "%s is one of: %s", arg->name, all.bad ? "?" : all.s);
	lb_text_done(&all);
	return -1;
}

static int condition_check(const char *s, const json_t *args, struct lb_err *e)
{
	const char *object = json_string_value(json_object_get(args, "object"));
	const struct lb_wait *kind = object ? object_row(object) : NULL;
	if (!kind)
		return lb_err_set(e, LB_CODE_USAGE, "a condition needs its object before it");
	if (lb_wait_find(object, s))
		return 0;
	struct lb_text all = LB_TEXT_INIT;
	for (size_t i = 0; i < lb_waits_n; i++)
		if (strcmp(lb_waits[i].kind, kind->kind) == 0)
			lb_text_printf(&all, "%s%s", all.n ? ", " : "", lb_waits[i].condition);
	lb_err_set(e, LB_CODE_USAGE, "a %s can be waited for to be: %s", kind->kind, all.bad ? "?" : all.s);
	lb_text_done(&all);
	return -1;
}

static int text_check(const struct lb_arg *arg, const char *s, size_t n, size_t max, struct lb_err *e)
{
	if (n == 0 || n > max)
		return lb_err_set(e, LB_CODE_USAGE, "%s takes 1 to %zu bytes", arg->name, max);
	for (size_t i = 0; i < n;) {
		size_t len = lb_utf8_len(s + i, n - i);
		if (len == 0 || (unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return lb_err_set(e, LB_CODE_USAGE, "%s takes printable text, UTF-8", arg->name);
		i += len;
	}
	return 0;
}

static int string_check(const struct lb_arg *arg, const char *s, size_t n, const json_t *args, struct lb_err *e)
{
	char service[64], backend[64];
	struct lb_weight weight;
	switch (arg->kind) {
	case LB_ARG_TEXT: return text_check(arg, s, n, TEXT_MAX, e);
	case LB_ARG_FILE: return text_check(arg, s, n, PATH_MAX_, e);
	case LB_ARG_CHOICE: return choice_check(arg, s, e);
	case LB_ARG_CONDITION: return condition_check(s, args, e);
	case LB_ARG_SERVICE:
		if (lb_name_ok(s, n))
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "that is no name of a service");
	case LB_ARG_BACKEND:
		if (lb_backend_parse(s, service, backend) == 0)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "a backend is named SERVICE/BACKEND, as in web/app1");
	case LB_ARG_OBJECT:
		if (object_row(s))
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "an object is service/NAME, backend/SERVICE/NAME or daemon");
	case LB_ARG_WEIGHT:
		if (lb_weight_parse(s, &weight) == 0)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "a weight is 0 to %u, 0%% to %u%%, or auto", WEIGHT_MAX, SHARE_MAX);
	case LB_ARG_DURATION:
	case LB_ARG_COUNT:
	case LB_ARG_FLAG:
	case LB_ARG_WORDS: break;
	}
	return lb_err_set(e, LB_CODE_USAGE, "%s is no string", arg->name);
}

#define DURATION_MAX_S (3660.0 * 86400)

static int value_check(const struct lb_arg *arg, const json_t *v, const json_t *args, struct lb_err *e)
{
	switch (arg->kind) {
	case LB_ARG_FLAG:
		if (json_is_boolean(v))
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "%s is true or false", arg->name);
	case LB_ARG_COUNT:
		if (json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= COUNT_MAX)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "%s is a whole number from 1", arg->name);
	case LB_ARG_DURATION:
		if (json_is_number(v) && json_number_value(v) > 0 && json_number_value(v) <= DURATION_MAX_S)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "%s is a number of seconds above 0", arg->name);
	case LB_ARG_WORDS: return lb_err_set(e, LB_CODE_USAGE, "%s is no argument of a request", arg->name);
	case LB_ARG_TEXT:
	case LB_ARG_CHOICE:
	case LB_ARG_SERVICE:
	case LB_ARG_BACKEND:
	case LB_ARG_OBJECT:
	case LB_ARG_CONDITION:
	case LB_ARG_WEIGHT:
	case LB_ARG_FILE:
		if (json_is_string(v))
			return string_check(arg, json_string_value(v), json_string_length(v), args, e);
		return lb_err_set(e, LB_CODE_USAGE, "%s is a string", arg->name);
	}
	return -1;
}

int lb_command_check_args(const struct lb_command *cmd, const json_t *args, struct lb_err *e)
{
	if (!json_is_object(args))
		return lb_err_set(e, LB_CODE_USAGE, "args is an object");
	size_t known = 0;
	for (const struct lb_arg *a = cmd->args; a->name; a++) {
		const json_t *v = json_object_get(args, a->name);
		if (!v) {
			if (a->required)
				return lb_err_set(e, LB_CODE_USAGE, "%s is missing", a->name);
			continue;
		}
		known++;
		if (a->or_before && json_object_get(args, a[-1].name))
			return lb_err_set(e, LB_CODE_USAGE, "%s and %s exclude each other", a[-1].name, a->name);
		if (value_check(a, v, args, e))
			return -1;
	}
	if (known == json_object_size(args))
		return 0;
	json_t *obj = (json_t *)(uintptr_t)args; /* iterating does not change it */
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
		if (lb_command_arg(cmd, json_object_iter_key(it)))
			continue;
		char name[LB_COMMAND_NAMELEN];
		struct lb_text key = LB_TEXT_INIT;
		lb_text_escape(&key, json_object_iter_key(it), strlen(json_object_iter_key(it)), 64);
		lb_err_set(e, LB_CODE_USAGE, "%s takes no argument '%s'", lb_command_name(cmd, '.', name),
			key.bad ? "?" : key.s);
		lb_text_done(&key);
		break;
	}
	return -1;
}

static json_t *duration_value(const struct lb_arg *arg, const char *word, struct lb_err *e)
{
	int64_t ms = 0;
	if (lb_duration_parse(word, strlen(word), &ms) || ms <= 0) {
		lb_err_set(e, LB_CODE_USAGE, "%s%s takes a time with a unit, as in 90s, 30m, 2h, 1d",
			arg->option ? "--" : "", arg->name);
		return NULL;
	}
	return ms % 1000 ? json_real((double)ms / 1000) : json_integer(ms / 1000);
}

json_t *lb_arg_parse(const struct lb_arg *arg, const char *word, const json_t *before, struct lb_err *e)
{
	json_t *v = NULL;
	long long n = 0;
	switch (arg->kind) {
	case LB_ARG_FLAG: v = json_true(); break;
	case LB_ARG_DURATION:
		v = duration_value(arg, word, e);
		if (!v)
			return NULL;
		break;
	case LB_ARG_COUNT:
		if (digits_parse(word, strlen(word), COUNT_MAX, &n) || n == 0) {
			lb_err_set(e, LB_CODE_USAGE, "%s takes a whole number from 1", arg->name);
			return NULL;
		}
		v = json_integer(n);
		break;
	case LB_ARG_TEXT:
	case LB_ARG_CHOICE:
	case LB_ARG_SERVICE:
	case LB_ARG_BACKEND:
	case LB_ARG_OBJECT:
	case LB_ARG_CONDITION:
	case LB_ARG_WEIGHT:
	case LB_ARG_FILE:
	case LB_ARG_WORDS:
		if (string_check(arg, word, strlen(word), before, e))
			return NULL;
		v = json_string(word);
		break;
	}
	if (!v)
		lb_err_set(e, LB_CODE_FAILED, "out of memory");
	return v;
}
