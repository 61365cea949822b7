/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/fields.h"

#include <stdlib.h>
#include <string.h>

bool lb_field_has(const struct lb_fields *f, const char *key)
{
	return json_object_get(f->from, key) != NULL;
}

int64_t lb_field_int(struct lb_fields *f, const char *key, int64_t min, int64_t max)
{
	const json_t *v = json_object_get(f->from, key);
	json_int_t n = json_integer_value(v);
	if (!json_is_integer(v) || n < min || n > max) {
		f->bad = true;
		return min;
	}
	return n;
}

uint64_t lb_field_counter(struct lb_fields *f, const char *key)
{
	return (uint64_t)lb_field_int(f, key, 0, INT64_MAX);
}

uint32_t lb_field_u32(struct lb_fields *f, const char *key, uint32_t min, uint32_t max)
{
	return (uint32_t)lb_field_int(f, key, min, max);
}

bool lb_field_bool(struct lb_fields *f, const char *key)
{
	const json_t *v = json_object_get(f->from, key);
	f->bad |= !json_is_boolean(v);
	return json_is_true(v);
}

const char *lb_field_str(struct lb_fields *f, const char *key, size_t max)
{
	const json_t *v = json_object_get(f->from, key);
	if (!json_is_string(v) || json_string_length(v) > max) {
		f->bad = true;
		return "";
	}
	return json_string_value(v);
}

void lb_field_text(struct lb_fields *f, const char *key, char *out, size_t max)
{
	const char *text = lb_field_str(f, key, max - 1);
	size_t i = 0;
	for (; text[i]; i++) {
		f->bad |= text[i] < 0x20 || text[i] >= 0x7f;
		out[i] = text[i];
	}
	out[i] = '\0';
}

void lb_field_name(struct lb_fields *f, const char *key, char *out, size_t max)
{
	lb_field_text(f, key, out, max);
	f->bad |= out[0] == '\0';
}

void lb_field_line(struct lb_fields *f, const char *key, char *out, size_t max)
{
	const char *text = lb_field_str(f, key, max - 1);
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];
		/* U+0080 to U+009F are controls, too */
		f->bad |= c < 0x20 || c == 0x7f || (c == 0xc2 && (uint8_t)text[i + 1] < 0xa0);
	}
	memcpy(out, text, n + 1);
}

void lb_field_device(struct lb_fields *f, const char *key, char out[LB_DEVICE_MAX])
{
	const char *name = lb_field_str(f, key, LB_DEVICE_MAX - 1);
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		f->bad |= (uint8_t)name[i] <= 0x20 || name[i] == 0x7f || name[i] == '/' || name[i] == ':';
	f->bad |= n == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
	memcpy(out, name, n + 1);
}

size_t lb_field_bytes(struct lb_fields *f, const char *key, uint8_t *out, size_t min, size_t max)
{
	const char *hex = lb_field_str(f, key, 2 * max);
	size_t n = strlen(hex);
	f->bad |= n < 2 * min || !lb_hex_read(hex, n, out);
	return n / 2;
}

uint64_t lb_field_u64(struct lb_fields *f, const char *key)
{
	uint8_t b[8] = { 0 };
	uint64_t v = 0;
	(void)lb_field_bytes(f, key, b, sizeof(b), sizeof(b));
	for (unsigned i = 0; i < sizeof(b); i++)
		v = v << 8 | b[i];
	return v;
}

unsigned lb_field_word(struct lb_fields *f, const char *key, const char *const *words, size_t n)
{
	const char *word = lb_field_str(f, key, LB_FIELD_WORD_MAX);
	for (unsigned i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	f->bad = true;
	return 0;
}

enum lb_log_level lb_field_level(struct lb_fields *f, const char *key)
{
	const char *word = lb_field_str(f, key, 16);
	int level = lb_log_level_parse(word, strlen(word));
	f->bad |= level < 0;
	return level < 0 ? LB_LOG_INFO : (enum lb_log_level)level;
}

struct lb_ip lb_field_ip(struct lb_fields *f, const char *key)
{
	struct lb_ip ip = { 0 };
	const char *text = lb_field_str(f, key, LB_IP_STRLEN);
	f->bad |= lb_ip_parse(text, strlen(text), &ip) != 0;
	return ip;
}

const json_t *lb_field_list(struct lb_fields *f, const char *key, size_t max)
{
	const json_t *v = json_object_get(f->from, key);
	if (json_is_array(v) && json_array_size(v) <= max)
		return v;
	f->bad = true;
	return NULL;
}

uint32_t lb_field_paths(struct lb_fields *f, const char *key, struct lb_path *out, size_t max)
{
	const json_t *list = lb_field_list(f, key, max);
	uint32_t n = (uint32_t)json_array_size(list);
	for (uint32_t i = 0; i < n; i++) {
		struct lb_fields one = { json_array_get(list, i), false };
		struct lb_path *p = &out[i];
		p->ours = lb_field_ip(&one, "ours");
		p->theirs = lb_field_ip(&one, "theirs");
		f->bad |= one.bad || p->ours.family != p->theirs.family || lb_ip_cmp(&p->ours, &p->theirs) == 0;
	}
	return n;
}

json_t *lb_hex_write(const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(2 * n + 1);
	if (!hex)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	json_t *v = json_stringn_nocheck(hex, 2 * n);
	free(hex);
	return v;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool lb_hex_read(const char *hex, size_t n, uint8_t *out)
{
	for (size_t i = 0; i + 1 < n; i += 2) {
		int hi = digit(hex[i]), lo = digit(hex[i + 1]);
		if (hi < 0 || lo < 0)
			return false;
		out[i / 2] = (uint8_t)((unsigned)hi << 4 | (unsigned)lo);
	}
	return n % 2 == 0;
}

void lb_put(struct lb_members *o, const char *key, json_t *value)
{
	o->bad |= json_object_set_new(o->to, key, value) != 0;
}

void lb_put_int(struct lb_members *o, const char *key, int64_t value)
{
	lb_put(o, key, json_integer(value));
}

void lb_put_bool(struct lb_members *o, const char *key, bool value)
{
	lb_put(o, key, json_boolean(value));
}

void lb_put_str(struct lb_members *o, const char *key, const char *value)
{
	lb_put(o, key, json_string(value));
}

void lb_put_ip(struct lb_members *o, const char *key, const struct lb_ip *ip)
{
	char text[LB_IP_STRLEN];
	if (ip->family)
		lb_put_str(o, key, lb_ip_str(ip, text));
}

void lb_put_u64(struct lb_members *o, const char *key, uint64_t value)
{
	uint8_t b[8];
	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(value >> (56 - 8 * i));
	lb_put(o, key, lb_hex_write(b, sizeof(b)));
}

void lb_put_paths(struct lb_members *o, const char *key, const struct lb_path *paths, size_t n)
{
	json_t *list = json_array();
	bool whole = true;
	for (size_t i = 0; whole && i < n; i++) {
		struct lb_members one = { json_object(), false };
		lb_put_ip(&one, "ours", &paths[i].ours);
		lb_put_ip(&one, "theirs", &paths[i].theirs);
		whole = lb_list_add(list, lb_members_end(&one));
	}
	lb_put(o, key, whole ? list : NULL);
}

bool lb_list_add(json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return true;
	json_decref(list);
	return false;
}

json_t *lb_members_end(struct lb_members *o)
{
	json_t *whole = o->bad ? NULL : o->to;
	if (o->bad)
		json_decref(o->to);
	*o = (struct lb_members){ NULL, true };
	return whole;
}
