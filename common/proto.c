/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/proto.h"

#include "common/buf.h"
#include "common/err.h"
#include "common/json_text.h"

#include <stdbool.h>

/* jansson's own limit is 2048 levels and fixed when it was compiled: ours is checked before it allocates anything. */
static bool depth_ok(const char *s, size_t n)
{
	unsigned depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < n; i++) {
		if (in_string) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				in_string = false;
		} else if (s[i] == '"') {
			in_string = true;
		} else if (s[i] == '{' || s[i] == '[') {
			if (++depth > LB_PROTO_DEPTH_MAX)
				return false;
		} else if ((s[i] == '}' || s[i] == ']') && depth) {
			depth--;
		}
	}
	return true;
}

json_t *lb_proto_parse(const char *line, size_t n, struct lb_err *e)
{
	if (n > LB_PROTO_LINE_MAX) {
		lb_err_set(e, LB_CODE_USAGE, "line longer than %u bytes", LB_PROTO_LINE_MAX);
		return NULL;
	}
	if (!depth_ok(line, n)) {
		lb_err_set(e, LB_CODE_USAGE, "more than %u levels", LB_PROTO_DEPTH_MAX);
		return NULL;
	}
	json_error_t err;
	json_t *msg = lb_json_parse(line, n, JSON_REJECT_DUPLICATES, &err);
	if (!msg) {
		lb_err_set(e, LB_CODE_USAGE, "not JSON: %s at byte %d", err.text, err.position);
		return NULL;
	}
	if (!json_is_object(msg)) {
		json_decref(msg);
		lb_err_set(e, LB_CODE_USAGE, "a message is one JSON object");
		return NULL;
	}
	return msg;
}

static int dump_part(const char *s, size_t n, void *arg)
{
	struct lb_text *out = arg;
	lb_text_put(out, s, n);
	return out->bad ? -1 : 0;
}

void lb_proto_dump(const json_t *msg, struct lb_text *out)
{
	if (json_dump_callback(msg, dump_part, out, JSON_COMPACT))
		out->bad = true;
	lb_text_put(out, "\n", 1);
}

const char *lb_proto_str(const json_t *msg, const char *key)
{
	return json_string_value(json_object_get(msg, key));
}

long long lb_proto_int(const json_t *msg, const char *key, long long absent)
{
	const json_t *v = json_object_get(msg, key);
	return json_is_integer(v) ? json_integer_value(v) : absent;
}

int lb_proto_bool(const json_t *msg, const char *key, int absent)
{
	const json_t *v = json_object_get(msg, key);
	return json_is_boolean(v) ? json_is_true(v) : absent;
}
