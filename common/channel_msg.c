/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/channel_msg.h"

#include "common/buf.h"
#include "common/proto.h"

#include <errno.h>
#include <string.h>

void lb_msg_line(struct lb_members *o, struct lb_text *out)
{
	json_t *line = lb_members_end(o);
	if (line)
		lb_proto_dump(line, out);
	else
		out->bad = true;
	json_decref(line);
}

void lb_msg_write(const struct lb_msg_row *row, const void *u, struct lb_text *out)
{
	struct lb_members o = { json_object(), false };
	lb_put_str(&o, "msg", row->name);
	row->write(u, &o);
	lb_msg_line(&o, out);
}

int lb_msg_find(const struct lb_msg_row *rows, size_t n, bool to_worker, const json_t *line)
{
	struct lb_fields f = { .from = line };
	const char *name = lb_field_str(&f, "msg", LB_FIELD_WORD_MAX);
	for (size_t i = 0; i < n; i++)
		if (rows[i].to_worker == to_worker && strcmp(rows[i].name, name) == 0)
			return (int)i;
	return -EBADMSG;
}

int lb_msg_read(const struct lb_msg_row *row, const json_t *line, void *u)
{
	struct lb_fields f = { .from = line };
	int rc = row->read(&f, u);
	return rc == 0 && f.bad ? -EBADMSG : rc;
}

void lb_msg_hello_write(const void *hello, struct lb_members *o)
{
	const struct lb_msg_hello *h = hello;
	lb_put_int(o, "version", h->version);
	lb_put_str(o, "level", lb_log_level_name(h->level));
}

int lb_msg_hello_read(struct lb_fields *f, void *hello)
{
	struct lb_msg_hello *h = hello;
	h->version = lb_field_u32(f, "version", 1, UINT32_MAX);
	h->level = lb_field_level(f, "level");
	return 0;
}

void lb_msg_log_write(const void *level, struct lb_members *o)
{
	lb_put_str(o, "level", lb_log_level_name(*(const enum lb_log_level *)level));
}

int lb_msg_log_read(struct lb_fields *f, void *level)
{
	*(enum lb_log_level *)level = lb_field_level(f, "level");
	return 0;
}

void lb_msg_ping_write(const void *n, struct lb_members *o)
{
	lb_put_int(o, "n", *(const uint32_t *)n);
}

int lb_msg_ping_read(struct lb_fields *f, void *n)
{
	*(uint32_t *)n = lb_field_u32(f, "n", 0, UINT32_MAX);
	return 0;
}

void lb_msg_ready_write(const void *ready, struct lb_members *o)
{
	const struct lb_msg_ready *r = ready;
	lb_put_int(o, "version", r->version);
	lb_put_int(o, "pid", r->pid);
}

int lb_msg_ready_read(struct lb_fields *f, void *ready)
{
	struct lb_msg_ready *r = ready;
	r->version = lb_field_u32(f, "version", 1, UINT32_MAX);
	r->pid = (int32_t)lb_field_u32(f, "pid", 1, INT32_MAX);
	return 0;
}
