/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_script.h"

#include "common/buf.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_weight.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *check_script_untrusted(mode_t mode, uid_t owner)
{
	if (owner != 0) /* an owner can make it writable whenever he likes */
		return "not owned by root";
	/* Group root included: with an access control list these bits are the mask of what anybody else was granted. */
	if (mode & (S_IWGRP | S_IWOTH))
		return "writable by group or others";
	return NULL;
}

static void put_arg(const char *arg, const struct check_spec *s, struct lb_text *out)
{
	char ip[LB_IP_STRLEN];
	for (; *arg; arg++) {
		if (arg[0] != '%') {
			lb_text_put(out, arg, 1);
			continue;
		}
		switch (arg[1]) {
		case 'a':
			if (s->addr.family)
				lb_text_puts(out, lb_ip_str(&s->addr, ip));
			break;
		case 'p':
			if (s->port)
				lb_text_printf(out, "%u", s->port);
			break;
		case '%': lb_text_puts(out, "%"); break;
		default: lb_text_puts(out, "%"); continue;
		}
		arg++;
	}
	lb_text_put(out, "", 1);
}

size_t check_script_args(const struct check_spec *s, struct lb_text *out)
{
	const char *path = check_param(&s->params, CHECK_PARAM_PATH);
	size_t n = 1;
	lb_text_puts(out, path ? path : "");
	lb_text_put(out, "", 1);
	for (const char *arg = NULL; (arg = check_param_next(&s->params, CHECK_PARAM_ARG, arg, NULL)); n++)
		put_arg(arg, s, out);
	return n;
}

/* The first line that is not empty. */
static const char *first_line(const char *s, size_t n, size_t *len)
{
	size_t at = 0;
	while (at < n && strchr("\r\n \t", s[at]))
		at++;
	size_t end = at;
	while (end < n && s[end] != '\n' && s[end] != '\r')
		end++;
	*len = end - at;
	return s + at;
}

void check_script_text(
	struct check_result *r, enum check_code code, const char *why, const struct check_script_said *said)
{
	size_t n = 0;
	const char *line = said->n_out ? first_line(said->out, said->n_out, &n) : NULL;
	if (n == 0 && said->n_err)
		line = first_line(said->err, said->n_err, &n);
	check_result_set(r, code, why);
	if (n)
		check_result_quote(r, line, n, false);
}

/* An errno of ours (no process, no memory, our own filter), or one that tells what is wrong with the program. */
static void not_started(int err, struct check_result *r)
{
	switch (err) {
	case EACCES: check_result_set(r, CHECK_CODE_PROCERR, "may not be executed: permission denied"); break;
	case ENOEXEC: check_result_set(r, CHECK_CODE_PROCERR, "not a program: no #! line and no known format"); break;
	case ENOENT: check_result_set(r, CHECK_CODE_PROCERR, "its interpreter does not exist"); break;
	case ETXTBSY: check_result_set(r, CHECK_CODE_PROCERR, "is being written to"); break;
	case E2BIG:
	case EINVAL:
	case EIO:
	case EISDIR:
	case ELIBBAD:
	case ELOOP: check_result_errno(r, CHECK_CODE_PROCERR, err); break;
	default: check_result_errno(r, CHECK_CODE_SOCKERR, err); break;
	}
}

static bool wants(const struct check_spec *s, const char *from)
{
	const char *is = check_param(&s->params, CHECK_PARAM_WEIGHT_FROM);
	return is && strcmp(is, from) == 0;
}

/* 0 is up with everything, 1 is down, 2 to 255 are up with a weight of two less: what keepalived's scripts say. */
static void exit_is_weight(int status, const struct check_script_said *said, struct check_result *r)
{
	char why[24];
	snprintf(why, sizeof(why), "exit %d", status);
	check_script_text(r, status == 1 ? CHECK_CODE_PROCERR : CHECK_CODE_PROCOK, why, said);
	if (status > 1)
		r->weight = (struct check_weight){ CHECK_WEIGHT_VALUE, (uint16_t)(status - 2) };
}

/* It ended well; its first line is that of an agent. */
static void output_is_weight(const struct check_script_said *said, struct check_result *r)
{
	struct check_agent a;
	if (!check_agent_parse(said->out, said->n_out, &a)) {
		check_script_text(r, CHECK_CODE_PROCERR, "no weight in its output", said);
		return;
	}
	check_script_text(r, a.word == CHECK_WORD_DOWN ? CHECK_CODE_PROCERR : CHECK_CODE_PROCOK, "it says", said);
	if (a.word != CHECK_WORD_DOWN)
		r->weight = a.weight;
}

void check_script_result(const struct check_spec *s, const struct check_script_end *end,
	const struct check_script_said *said, struct check_result *r)
{
	char why[24];
	r->weight = (struct check_weight){ CHECK_WEIGHT_NONE, 0 };
	if (end->how == CHECK_SCRIPT_NOT_STARTED) {
		not_started(end->value, r);
	} else if (end->how == CHECK_SCRIPT_KILLED) {
		snprintf(why, sizeof(why), "signal %d", end->value);
		check_script_text(r, CHECK_CODE_PROCERR, why, said);
	} else if (wants(s, "exit")) {
		exit_is_weight(end->value, said, r);
	} else if (wants(s, "output") && end->value == 0) {
		output_is_weight(said, r);
	} else {
		snprintf(why, sizeof(why), "exit %d", end->value);
		check_script_text(r, end->value ? CHECK_CODE_PROCERR : CHECK_CODE_PROCOK, why, said);
	}
}
