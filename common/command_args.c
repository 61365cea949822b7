/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of commands: what a word on the command line or a value on the wire must look like. */
#include "common/buf.h"
#include "common/commands.h"
#include "common/err.h"
#include "common/text.h"
#include "common/time.h"

#include <errno.h>
#include <string.h>

#define PATH_MAX_  4096
#define COUNT_MAX  1000000000LL
#define WEIGHT_MAX 65535u
#define SHARE_MAX  1000u /* percent */
#define PRIO_MAX   254u  /* 255 is of who always has the addresses: a matter of the configuration */

const struct lb_wait lb_waits[] = {
	{ "service", true, "up", "every enabled backend is in the pool" },
	{ "service", true, "quorum", "enough backends are in the pool" },
	{ "backend", true, "up", "in the pool" },
	{ "backend", true, "down", "out of the pool" },
	{ "backend", true, "drained", "weight 0 and no flow left" },
	{ "vrrp", true, "master", "this node has its addresses" },
	{ "vrrp", true, "backup", "it waits for the master to fail" },
	{ "peer", false, "up", "every other node is heard over the second path" },
	{ "peer", true, "up", "this other node is" },
	{ "sync", false, "in-sync", "all flows have been copied, both ways" },
	{ "config", false, "confirmed", "nothing waits for a confirm; never true once it was rolled back" },
	{ "daemon", false, "ready", "first verdicts in, kernel as desired" },
};
const size_t lb_waits_n = sizeof(lb_waits) / sizeof(lb_waits[0]);

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

int lb_priority_parse(const char *s, uint8_t *out)
{
	long long v = 0;
	if (strcmp(s, "auto") != 0 && (digits_parse(s, strlen(s), PRIO_MAX, &v) || v == 0))
		return -EINVAL;
	*out = (uint8_t)v;
	return 0;
}

/* The port of "10.0.0.0/8:443", "[2001:db8::/32]:443"; where there is none, all is address. */
static bool split_client(const char **s, size_t *n, long long *port)
{
	const char *close = **s == '[' ? strchr(*s, ']') : NULL;
	const char *colon = close ? close + 1 : strchr(*s, ':');
	size_t all = strlen(*s), at = colon ? (size_t)(colon - *s) : all;
	*port = 0;
	*n = all;
	if (**s == '[' && !close)
		return false;
	if (!close && colon && strchr(colon + 1, ':')) /* IPv6 without brackets has no port */
		return true;
	if (*(*s + at) && (*(*s + at) != ':' || digits_parse(*s + at + 1, all - at - 1, UINT16_MAX, port) || !*port))
		return false;
	*n = close ? at - 2 : at;
	*s += close != NULL;
	return true;
}

int lb_client_parse(const char *s, struct lb_client *out)
{
	struct lb_client c = { .port = 0 };
	long long port, prefix;
	size_t n;
	bool brackets = *s == '[';
	if (!split_client(&s, &n, &port))
		return -EINVAL;
	const char *slash = memchr(s, '/', n);
	if (lb_ip_parse(s, slash ? (size_t)(slash - s) : n, &c.ip) || (brackets && !lb_ip_is_v6(&c.ip)))
		return -EINVAL;
	long long whole = lb_ip_is_v6(&c.ip) ? 128 : 32;
	prefix = whole;
	if (slash && digits_parse(slash + 1, n - (size_t)(slash + 1 - s), whole, &prefix))
		return -EINVAL;
	c.prefix = (uint8_t)prefix;
	c.port = (uint16_t)port;
	if (!lb_ip_is_net(&c.ip, c.prefix))
		return -EINVAL;
	*out = c;
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

/* `peer` and `peer/NAME` are two of them. */
static bool same_kind(const struct lb_wait *a, const struct lb_wait *b)
{
	return strcmp(a->kind, b->kind) == 0 && a->named == b->named;
}

const struct lb_wait *lb_wait_find(const char *object, const char *condition)
{
	const struct lb_wait *kind = object_row(object);
	for (size_t i = 0; kind && i < lb_waits_n; i++)
		if (same_kind(&lb_waits[i], kind) && strcmp(lb_waits[i].condition, condition) == 0)
			return &lb_waits[i];
	return NULL;
}

static int choice_check(const struct lb_arg *arg, const char *s, struct lb_err *e)
{
	struct lb_text all = LB_TEXT_INIT;
	size_t n = 0;
	const char *finer = NULL; /* kinds of events have events with a dot in their names, too many to list */
	for (; arg->choices[n]; n++) {
		const char *c = arg->choices[n];
		if (strcmp(c, s) == 0) {
			lb_text_done(&all);
			return 0;
		}
		if (strchr(c, '.'))
			finer = c;
		else
			lb_text_printf(&all, "%s%s", n ? ", " : "", c);
	}
	const char *near = lb_text_suggest(s, strlen(s), arg->choices, n);
	if (near)
		lb_text_printf(&all, "; did you mean '%s'?", near);
	else if (finer)
		lb_text_printf(&all, "; or one of what these tell, like %s", finer);
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
		if (same_kind(&lb_waits[i], kind))
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
	struct lb_client client;
	uint8_t prio;
	switch (arg->kind) {
	case LB_ARG_TEXT: return text_check(arg, s, n, LB_TEXT_MAX, e);
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
	case LB_ARG_CHECK:
		if (lb_name_ok(s, n))
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "that is no name of a check, as lbctl check list has them%s",
			strchr(s, '/') ? "; of a backend: lbctl backend show" : "");
	case LB_ARG_VRRP:
		if (lb_name_ok(s, n))
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "that is no name of a VRRP instance");
	case LB_ARG_CLIENT:
		if (lb_client_parse(s, &client) == 0)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE,
			"a client is an address, or a network without host bits, and a port if need be: 10.0.0.7, "
			"10.0.0.0/24, 10.0.0.7:40000, [2001:db8::7]:40000");
	case LB_ARG_OBJECT:
		if (object_row(s))
			return 0;
		return lb_err_set(e, LB_CODE_USAGE,
			"an object is service/NAME, backend/SERVICE/NAME, vrrp/NAME, peer, peer/NAME, sync, "
			"config or daemon");
	case LB_ARG_WEIGHT:
		if (lb_weight_parse(s, &weight) == 0)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "a weight is 0 to %u, 0%% to %u%%, or auto", WEIGHT_MAX, SHARE_MAX);
	case LB_ARG_PRIORITY:
		if (lb_priority_parse(s, &prio) == 0)
			return 0;
		return lb_err_set(e, LB_CODE_USAGE, "a priority is 1 to %u, or auto", PRIO_MAX);
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
	case LB_ARG_CHECK:
	case LB_ARG_VRRP:
	case LB_ARG_CLIENT:
	case LB_ARG_OBJECT:
	case LB_ARG_CONDITION:
	case LB_ARG_WEIGHT:
	case LB_ARG_PRIORITY:
	case LB_ARG_FILE:
		if (json_is_string(v))
			return string_check(arg, json_string_value(v), json_string_length(v), args, e);
		return lb_err_set(e, LB_CODE_USAGE, "%s is a string", arg->name);
	}
	return -1;
}

bool lb_command_one_of(const struct lb_command *cmd, const json_t *args)
{
	bool wanted = false;
	for (const struct lb_arg *a = cmd->args; a->name; a++) {
		if (a->one_of && json_object_get(args, a->name))
			return true;
		wanted |= a->one_of;
	}
	return !wanted;
}

int lb_command_one_of_missing(const struct lb_command *cmd, struct lb_err *e)
{
	struct lb_text all = LB_TEXT_INIT;
	char name[LB_COMMAND_NAMELEN];
	for (const struct lb_arg *a = cmd->args; a->name; a++)
		if (a->one_of)
			lb_text_printf(&all, "%s--%s", all.n ? ", " : "", a->option);
	lb_err_set(e, LB_CODE_USAGE, "'%s' needs at least one of: %s", lb_command_name(cmd, ' ', name),
		all.bad ? "?" : all.s);
	lb_text_done(&all);
	return -1;
}

int lb_command_check_args(const struct lb_command *cmd, const json_t *args, struct lb_err *e)
{
	if (!json_is_object(args))
		return lb_err_set(e, LB_CODE_USAGE, "args is an object");
	size_t known = 0;
	if (!lb_command_one_of(cmd, args))
		return lb_command_one_of_missing(cmd, e);
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
	case LB_ARG_CHECK:
	case LB_ARG_VRRP:
	case LB_ARG_CLIENT:
	case LB_ARG_OBJECT:
	case LB_ARG_CONDITION:
	case LB_ARG_WEIGHT:
	case LB_ARG_PRIORITY:
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
