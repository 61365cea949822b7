/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/many_io.h"

#include <stdio.h>

#define UNDER_WAY_MAX   64
#define UNDER_WAY_SHARE 8 /* one of that many */

struct many {
	struct session *s;
	const json_t *found;
	size_t n, sent, answered;
	long long first_id;
};

static const char *name_of(const struct many *m, size_t i)
{
	return json_string_value(json_array_get(m->found, i));
}

/* Some were changed and others were not; of those in between nobody knows. */
static void say_how_far(const struct many *m, int code)
{
	const struct session *s = m->s;
	struct lb_text text = LB_TEXT_INIT, line = LB_TEXT_INIT;
	size_t open = m->sent - m->answered;
	lb_text_printf(&text, "stopped after %zu of %zu %ss", m->answered, m->n, s->cli->cmd->noun);
	if (open)
		lb_text_printf(&text, "; whether it was done for %s", name_of(m, m->answered));
	if (open > 1)
		lb_text_printf(&text, " to %s, %zu of them,", name_of(m, m->sent - 1), open);
	lb_text_puts(&text, open ? " is to be looked at" : "");
	if (!text.bad)
		out_error(&s->cli->opt, code, text.s, NULL, &line);
	if (!text.bad && !line.bad)
		fputs(line.s, stderr);
	lb_text_done(&text);
	lb_text_done(&line);
}

static bool has_room(const struct many *m)
{
	size_t open = m->sent - m->answered, share = m->answered / UNDER_WAY_SHARE;
	return m->sent < m->n && open < UNDER_WAY_MAX && (open == 0 || open < share);
}

/* A code; what is wrong has been said. */
static int send_next(struct many *m, const char *wire)
{
	struct session *s = m->s;
	struct lb_err e = { 0 };
	json_object_set(s->cli->args, s->cli->glob->name, json_array_get(m->found, m->sent));
	if (session_send(s, wire, s->cli->args, -1, &e) == 0) {
		m->sent++;
		return 0;
	}
	if (session_is_over(e.code))
		m->sent += s->conn.sent;
	else
		m->n = m->sent; /* no memory: what is under way is waited for */
	return session_error(s, e.code, e.text, NULL);
}

static int take_next(struct many *m, session_row_fn *fn, void *arg)
{
	struct session *s = m->s;
	struct lb_err e = { 0 };
	json_t *end = NULL;
	int code = session_answer(s, m->first_id + (long long)m->answered, fn, arg, &end, &e);
	if (code > LB_CODE_NO)
		session_error(s, code, e.text, end);
	else if (end)
		out_end(&s->out, end);
	json_decref(end);
	m->answered += !session_is_over(code);
	return code;
}

int many_change(struct session *s, const json_t *found, session_row_fn *fn, void *arg)
{
	struct many m = { .s = s, .found = found, .n = json_array_size(found), .first_id = s->last_id + 1 };
	char wire[LB_COMMAND_NAMELEN];
	int worst = 0, last = 0;
	lb_command_name(s->cli->cmd, '.', wire);
	while (m.answered < m.n && !session_is_over(last)) {
		last = has_room(&m) ? send_next(&m, wire) : take_next(&m, fn, arg);
		worst = last > worst ? last : worst;
	}
	if (session_is_over(last))
		say_how_far(&m, last);
	return worst;
}
