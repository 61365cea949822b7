/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_trace.h"

#include "common/buf.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/trace.h"

#include <string.h>

struct telling {
	const char *kind; /* NULL = all */
	struct ctl_reply *r;
};

static void put_ms(struct lb_text *out, const char *name, uint32_t us)
{
	lb_text_printf(out, "%s%s %u.%02u", out->n ? ", " : "", name, us / 1000, us % 1000 / 10);
}

static void tell(const struct trace *one, void *arg)
{
	const struct telling *t = arg;
	const struct trace_row *row = &trace_rows[one->kind];
	if (t->kind && strcmp(t->kind, row->name) != 0)
		return;
	json_t *out = json_object(), *parts = json_object();
	struct lb_text text = LB_TEXT_INIT;
	uint64_t total = 0;
	for (size_t i = 0; i < TRACE_PARTS && row->parts[i].name; i++) {
		total += one->us[i];
		ctl_put(parts, row->parts[i].name, json_real(one->us[i] / 1e6));
		put_ms(&text, row->parts[i].name, one->us[i]);
	}
	ctl_put(out, "time", ctl_time(one->wall_ms));
	ctl_put(out, "kind", json_string(row->name));
	ctl_put(out, "object", json_string(one->object));
	ctl_put(out, "total", json_real((double)total / 1e6));
	ctl_put(out, "parts", parts);
	ctl_put(out, "text", json_stringn(text.s ? text.s : "", text.n));
	lb_text_done(&text);
	ctl_reply_row(t->r, out);
}

void ctl_trace(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	struct telling t = { ctl_arg_str(rq, "kind"), r };
	traces_each(env->traces, tell, &t);
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}
