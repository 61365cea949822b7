/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of a check that become params of its spec. */
#include "common/buf.h"
#include "lbd/config/config_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Writes bytes that stand in hexadecimal, blanks between them, to out; returns how many. */
static size_t unhex(const char *s, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	size_t k = 0;
	unsigned high = 16;
	for (size_t i = 0; i < n; i++) {
		const char *d = s[i] == ' ' ? NULL : strchr(digits, s[i]);
		if (!d)
			continue;
		unsigned v = (unsigned)(d - digits) % 16;
		if (high == 16) {
			high = v;
		} else {
			out[k++] = (char)(high << 4 | v);
			high = 16;
		}
	}
	return k;
}

/* One value in the form of the spec. */
static int put_param(struct lb_text *t, const struct schema_row *row, const struct schema_value *v)
{
	char buf[CHECK_PARAM_VALUE_MAX];
	switch (row->type) {
	case SCHEMA_TYPE_BOOL:
	case SCHEMA_TYPE_UINT:
	case SCHEMA_TYPE_INT:
	case SCHEMA_TYPE_DURATION:
	case SCHEMA_TYPE_SIZE:
		return check_param_put(
			t, row->param, buf, (size_t)snprintf(buf, sizeof(buf), "%lld", (long long)v->num));
	case SCHEMA_TYPE_HEX: return check_param_put(t, row->param, buf, unhex(v->text, v->n, buf));
	case SCHEMA_TYPE_TEXT:
	case SCHEMA_TYPE_WORD:
	case SCHEMA_TYPE_REGEX:
	case SCHEMA_TYPE_PATH:
	case SCHEMA_TYPE_TOKEN:
	case SCHEMA_TYPE_STATUS:
	case SCHEMA_TYPE_MAP: return check_param_put(t, row->param, v->text, v->n);
	case SCHEMA_TYPE_GROUP:
	case SCHEMA_TYPE_NAME:
	case SCHEMA_TYPE_INTERFACE:
	case SCHEMA_TYPE_ADDRESS:
	case SCHEMA_TYPE_PREFIX:
	case SCHEMA_TYPE_NETWORK:
	case SCHEMA_TYPE_ENDPOINT:
	case SCHEMA_TYPE_RATE:
	case SCHEMA_TYPE_SHARE:
	case SCHEMA_TYPE_PERCENT:
	case SCHEMA_TYPE_OBJECT:
	case SCHEMA_TYPE_NAMED: break;
	}
	return -EINVAL;
}

struct param_source { /* what the file, or a default, says of one param */
	const struct schema_row *row;
	const struct schema_value *v;
};

/* Of two keys that say the same in different words (send, send_hex) the check's own counts, not the inherited one. */
static void note_param(struct param_source *found, const struct schema_row *row, const struct schema_value *v)
{
	if (!found->v || v->at || !found->v->at)
		*found = (struct param_source){ row, v };
}

/* Collects the keys of a mapping that this type has; those of mappings inside it, too. */
static void find_params(
	const struct schema_object *keys, enum check_type type, struct param_source found[CHECK_PARAM_COUNT])
{
	const struct schema_kind *kind = &schema_kinds[keys->kind];
	for (unsigned i = 0; i < kind->n; i++) {
		const struct schema_row *row = &kind->rows[i];
		if (!keys->v[i].set || (row->only && !(row->only >> type & 1)))
			continue;
		/* where TLS is a choice, its other keys mean nothing until it is chosen */
		if (row->of == SCHEMA_TLS && (schema_tls_rows[TLS_MODE].only >> type & 1) &&
			!keys->v[i].obj->v[TLS_MODE].set)
			continue;
		if (row->type == SCHEMA_TYPE_OBJECT)
			find_params(keys->v[i].obj, type, found);
		else if (row->param)
			note_param(&found[row->param], row, &keys->v[i]);
	}
}

/* In the order of enum check_param, which makes equal settings equal bytes. */
static int put_params(struct lb_text *t, const struct param_source found[CHECK_PARAM_COUNT])
{
	int rc = 0;
	for (unsigned p = 0; p < CHECK_PARAM_COUNT && !rc; p++) {
		const struct schema_row *row = found[p].row;
		const struct schema_value *v = found[p].v;
		bool many = row && ((row->flags & SCHEMA_LIST) || row->type == SCHEMA_TYPE_MAP);
		for (uint32_t i = 0; many && i < v->n && !rc; i++)
			rc = put_param(t, row, &v->list[i]);
		if (row && !many)
			rc = put_param(t, row, v);
	}
	return rc;
}

void config_build_params(struct config_builder *b, const struct schema_object *keys, struct check_spec *s,
	const struct config_node *where)
{
	struct lb_text t = LB_TEXT_INIT;
	struct param_source found[CHECK_PARAM_COUNT] = { 0 };
	find_params(keys, s->type, found);
	int rc = put_params(&t, found);
	b->report->oom |= rc == -ENOMEM;
	if (rc == -EINVAL && where)
		config_say(
			b, where, NULL, NULL, "the settings of this check are longer than %u bytes", CHECK_PARAMS_MAX);
	s->params = (struct check_params){ t.n ? (const uint8_t *)config_keep(b, t.s, t.n) : NULL, (uint32_t)t.n };
	lb_text_done(&t);
}
