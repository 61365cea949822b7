/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of one value. */
#include "lbd/config/schema_read.h"

#include "common/text.h"
#include "common/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX  64u
#define LISTED_MAX 12u

struct say {
	char *text, *help;
};

void schema_suggest(const char *got, size_t got_len, const char *const *words, size_t n, char help[SCHEMA_SAY])
{
	const char *near = lb_text_suggest(got, got_len, words, n);
	if (near) {
		snprintf(help, SCHEMA_SAY, "did you mean '%s'?", near);
		return;
	}
	size_t used = (size_t)snprintf(help, SCHEMA_SAY, n ? "one of" : "there is none");
	for (size_t i = 0; i < n && i < LISTED_MAX && used < SCHEMA_SAY; i++)
		used += (size_t)snprintf(help + used, SCHEMA_SAY - used, "%s %s", i ? "," : "", words[i]);
	if (n > LISTED_MAX && used < SCHEMA_SAY)
		snprintf(help + used, SCHEMA_SAY - used, ", ...");
}

static int parse_bool(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	if ((n == 4 && !memcmp(s, "true", 4)) || (n == 5 && !memcmp(s, "false", 5))) {
		out->num = n == 4;
		return 0;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is neither true nor false", row->name, config_shown(s, n).s);
	return -EINVAL;
}

static int parse_uint(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	int64_t v = 0;
	size_t i = 0;
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
		v = v < INT64_C(100000000000000000) ? v * 10 + (s[i] - '0') : v;
	if (i < n || n == 0 || (n > 1 && s[0] == '0')) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a decimal number", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "%lld to %lld, digits only, no leading 0", (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	if (v < row->min || v > row->max) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is outside %lld..%lld", row->name, config_shown(s, n).s,
			(long long)row->min, (long long)row->max);
		return -EINVAL;
	}
	out->num = v;
	return 0;
}

static int parse_duration(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	char lo[LB_DURATION_STRLEN], hi[LB_DURATION_STRLEN];
	int64_t ms = 0;
	int rc = lb_duration_parse(s, n, &ms);
	if (rc == -EINVAL) {
		bool digits = n && strspn(s, "0123456789") == n;
		snprintf(say.text, SCHEMA_SAY, digits ? "%s '%s' has no unit" : "%s '%s' is not a duration", row->name,
			config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "a number and one of ms, s, m, h, d: 5s");
		return rc;
	}
	if (rc || ms < row->min || ms > row->max) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is outside %s..%s or finer than 1ms", row->name,
			config_shown(s, n).s, lb_duration_str(row->min, lo), lb_duration_str(row->max, hi));
		if (!rc)
			*strstr(say.text, " or finer") = '\0';
		return -EINVAL;
	}
	if ((row->flags & SCHEMA_SECONDS) && ms % 1000) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is not in whole seconds", row->name, config_shown(s, n).s);
		return -EINVAL;
	}
	out->num = ms;
	return 0;
}

static int parse_word(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	const char *words[WORDS_MAX];
	size_t count = 0;
	int64_t value;
	for (const char *w; count < WORDS_MAX && (w = row->word(count, &value)); words[count++] = w) {
		if (strlen(w) == n && memcmp(w, s, n) == 0) {
			out->num = value;
			out->text = w;
			out->n = (uint32_t)n;
			return 0;
		}
	}
	snprintf(say.text, SCHEMA_SAY, "unknown %s '%s'", row->noun ? row->noun : row->name, config_shown(s, n).s);
	schema_suggest(s, n, words, count, say.help);
	return -EINVAL;
}

static bool group_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!lb_name_ok(s + i, 1) && s[i] != '_' && (i == 0 || (s[i] != '-' && s[i] != '.')))
			return false;
	return true;
}

static int parse_text(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool name = row->type == SCHEMA_TYPE_NAME;
	if (!name && ((int64_t)n < row->min || (int64_t)n > row->max)) {
		snprintf(say.text, SCHEMA_SAY, "%s has %zu bytes, not %lld to %lld", row->name, n, (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	if ((name && !lb_name_ok(s, n)) || (row->type == SCHEMA_TYPE_GROUP && !group_ok(s, n))) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a name", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "letters, digits, '.', '_' and '-'");
		return -EINVAL;
	}
	out->text = s;
	out->n = (uint32_t)n;
	return 0;
}

static int parse_endpoint(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool bare = row->type == SCHEMA_TYPE_ADDRESS;
	if (bare ? !lb_ip_parse(s, n, &out->ip)
		 : !lb_endpoint_parse(s, n, row->flags & SCHEMA_ZERO_PORT, &out->ip, &out->port))
		return 0;
	struct lb_ip ip;
	uint16_t port;
	if (bare && !lb_endpoint_parse(s, n, true, &ip, &port)) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' has a port", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "write the port in the key port");
		return -EINVAL;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not an IP address%s", row->name, config_shown(s, n).s,
		row->flags & SCHEMA_ZERO_PORT ? " and port" : "");
	snprintf(say.help, SCHEMA_SAY,
		bare ? "192.0.2.1 or 2001:db8::1; names are not resolved"
		     : "192.0.2.1:80 or \"[2001:db8::1]:80\"; ports are 1 to 65535, names are not resolved");
	return -EINVAL;
}

int schema_parse(const struct schema_row *row, const char *s, size_t n, bool quoted, struct schema_value *out,
	char text[SCHEMA_SAY], char help[SCHEMA_SAY])
{
	struct say say = { text, help };
	text[0] = help[0] = '\0';
	if (quoted && (row->type == SCHEMA_TYPE_UINT || row->type == SCHEMA_TYPE_BOOL)) {
		snprintf(text, SCHEMA_SAY, "%s is text here, but it is %s", row->name,
			row->type == SCHEMA_TYPE_UINT ? "a number" : "true or false");
		snprintf(help, SCHEMA_SAY, "take the quotes away");
		return -EINVAL;
	}
	switch (row->type) {
	case SCHEMA_TYPE_BOOL: return parse_bool(row, s, n, out, say);
	case SCHEMA_TYPE_UINT: return parse_uint(row, s, n, out, say);
	case SCHEMA_TYPE_DURATION: return parse_duration(row, s, n, out, say);
	case SCHEMA_TYPE_TEXT:
	case SCHEMA_TYPE_GROUP:
	case SCHEMA_TYPE_NAME: return parse_text(row, s, n, out, say);
	case SCHEMA_TYPE_WORD: return parse_word(row, s, n, out, say);
	case SCHEMA_TYPE_ADDRESS:
	case SCHEMA_TYPE_ENDPOINT: return parse_endpoint(row, s, n, out, say);
	case SCHEMA_TYPE_OBJECT:
	case SCHEMA_TYPE_NAMED: break;
	}
	return -EINVAL;
}
