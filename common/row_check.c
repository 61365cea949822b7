/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a row is what the table of its columns says. */
#include "common/err.h"
#include "common/rows.h"

#include <stdint.h>

static bool strings_only(const json_t *list)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v)
		if (!json_is_string(v))
			return false;
	return json_is_array(list);
}

static bool kind_ok(enum lb_field_kind kind, const json_t *v)
{
	switch (kind) {
	case LB_FIELD_TEXT:
	case LB_FIELD_WORDS:
	case LB_FIELD_STATE:
	case LB_FIELD_TIME: return json_is_string(v);
	case LB_FIELD_BOOL: return json_is_boolean(v);
	case LB_FIELD_NUMBER:
	case LB_FIELD_COUNTER:
	case LB_FIELD_BYTES: return json_is_integer(v) && json_integer_value(v) >= 0;
	case LB_FIELD_RATE:
	case LB_FIELD_SECONDS: return json_is_number(v);
	case LB_FIELD_LIST: return strings_only(v);
	case LB_FIELD_OVERRIDES:
	case LB_FIELD_COUNTS:
	case LB_FIELD_OBJECT: return json_is_object(v);
	case LB_FIELD_ROWS: return json_is_array(v);
	}
	return false;
}

int lb_row_check(enum lb_row_type type, const json_t *row, struct lb_err *e)
{
	/* jansson's iteration takes no const object, but does not change it */
	json_t *obj = (json_t *)(uintptr_t)row;
	if (!json_is_object(row))
		return lb_err_set(e, LB_CODE_FAILED, "a row is an object");
	for (void *it = json_object_iter(obj); it; it = json_object_iter_next(obj, it)) {
		const char *key = json_object_iter_key(it);
		const struct lb_field *f = lb_row_field(type, key);
		if (!f)
			return lb_err_set(e, LB_CODE_FAILED, "'%s' is no key of a %s row", key, lb_rows[type].name);
		if (!kind_ok(f->kind, json_object_iter_value(it)))
			return lb_err_set(
				e, LB_CODE_FAILED, "'%s' of a %s row has another type", key, lb_rows[type].name);
	}
	return 0;
}
