/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of keys has no holes, and what is printed from it is well-formed. */
#include "lbd/config/schema.h"
#include "lbd/config/schema_read.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

START_TEST(no_holes)
{
	for (unsigned k = 0; k < SCHEMA_KIND_COUNT; k++) {
		const struct schema_kind *kind = &schema_kinds[k];
		ck_assert_msg(kind->name && kind->rows && kind->n && kind->n <= SCHEMA_ROWS_MAX, "kind %u", k);
		ck_assert_int_lt(kind->main, (int)kind->n);
		ck_assert_int_lt(kind->also, (int)kind->n);
		ck_assert_int_eq(kind->also >= 0, kind->also_word != NULL);
		for (unsigned i = 0; i < kind->n; i++) {
			const struct schema_row *r = &kind->rows[i];
			ck_assert_msg(r->name && r->help && r->help[0], "%s row %u", kind->name, i);
			ck_assert_msg(schema_find(kind, r->name, strlen(r->name)) == (int)i, "%s.%s twice", kind->name,
				r->name);
			ck_assert_msg((r->type == SCHEMA_TYPE_WORD) == (r->word != NULL), "%s.%s: words", kind->name,
				r->name);
			bool ranged = r->type == SCHEMA_TYPE_UINT || r->type == SCHEMA_TYPE_INT ||
				      r->type == SCHEMA_TYPE_INTERFACE || r->type == SCHEMA_TYPE_DURATION ||
				      r->type == SCHEMA_TYPE_TEXT || r->type == SCHEMA_TYPE_GROUP;
			ck_assert_msg(!ranged || r->max > r->min, "%s.%s: range", kind->name, r->name);
			ranged |= r->type == SCHEMA_TYPE_RATE;
			bool mapping = r->type == SCHEMA_TYPE_OBJECT || r->type == SCHEMA_TYPE_NAMED;
			ck_assert_msg(mapping == (r->of != SCHEMA_ROOT), "%s.%s: of", kind->name, r->name);
			ck_assert_msg(!(r->fallback && r->absent), "%s.%s: two defaults", kind->name, r->name);
			/* absence means something: a default, a sentence about it, an error, or an empty mapping */
			ck_assert_msg(r->fallback || r->absent || mapping || (r->flags & SCHEMA_REQUIRED),
				"%s.%s: default", kind->name, r->name);
		}
	}
}
END_TEST

START_TEST(fallbacks_are_legal)
{
	struct config_report report;
	struct lb_arena arena = LB_ARENA_INIT;
	struct schema_reader rd = { .report = &report, .arena = &arena };
	config_report_init(&report, NULL, 0);
	ck_assert_int_eq(schema_reader_init(&rd), 0);
	for (unsigned k = 0; k < SCHEMA_KIND_COUNT; k++)
		for (unsigned i = 0; i < schema_kinds[k].n; i++)
			ck_assert_int_eq(rd.base[k].v[i].set, schema_kinds[k].rows[i].fallback != NULL);
	/* an object by its shorthand also has the defaults of its other keys */
	const struct schema_object *drain = rd.base[SCHEMA_SERVICE].v[SERVICE_DRAIN].obj;
	ck_assert_int_eq(drain->v[DRAIN_TIMEOUT].num, 300000);
	ck_assert_int_eq(drain->v[DRAIN_THEN].num, CONFIG_THEN_CUT);
	ck_assert(drain->v[DRAIN_THEN].set);
	lb_arena_done(&arena);
	config_report_done(&report);
}
END_TEST

/* one row per way a value can be right or wrong */
static const struct {
	enum schema_kind_id kind;
	unsigned key;
	const char *s;
	bool quoted;
	int64_t want; /* when it is not refused */
	const char *text, *help;
} values[] = {
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "0", false, 0, "", "" },
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "65535", false, 65535, "", "" },
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "65536", false, -1, "weight 65536 is outside 0..65535", "" },
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "18446744073709551617", false, -1,
		"weight 18446744073709551617 is outside 0..65535", "" },
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "1", true, -1, "weight is text here, but it is a number",
		"take the quotes away" },
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "010", false, -1, "weight '010' is not a decimal number",
		"0 to 65535, digits only, no leading 0" },
	{ SCHEMA_SERVICE, SERVICE_ONE_PACKET, "true", false, 1, "", "" },
	{ SCHEMA_SERVICE, SERVICE_ONE_PACKET, "false", false, 0, "", "" },
	{ SCHEMA_SERVICE, SERVICE_ONE_PACKET, "yes", false, -1, "one_packet 'yes' is neither true nor false", "" },
	{ SCHEMA_CHECK, CHECK_KEY_INTERVAL, "1.5s", false, 1500, "", "" },
	{ SCHEMA_CHECK, CHECK_KEY_INTERVAL, "2s", true, 2000, "", "" },
	{ SCHEMA_CHECK, CHECK_KEY_INTERVAL, "99ms", false, -1, "interval 99ms is outside 100ms..1d", "" },
	{ SCHEMA_CHECK, CHECK_KEY_INTERVAL, "5", false, -1, "interval '5' has no unit",
		"a number and one of ms, s, m, h, d: 5s" },
	{ SCHEMA_PERSISTENCE, PERSISTENCE_TIMEOUT, "1500ms", false, -1, "timeout 1500ms is not in whole seconds", "" },
	{ SCHEMA_SERVICE, SERVICE_MODE, "dr", false, IPVS_METHOD_DR, "", "" },
	{ SCHEMA_SERVICE, SERVICE_MODE, "dr", true, IPVS_METHOD_DR, "", "" },
	{ SCHEMA_SERVICE, SERVICE_MODE, "tnu", false, -1, "unknown mode 'tnu'", "did you mean 'tun'?" },
	{ SCHEMA_SERVICE, SERVICE_MODE, "NAT", false, -1, "unknown mode 'NAT'", "did you mean 'nat'?" },
	{ SCHEMA_SERVICE, SERVICE_MODE, "masq", false, -1, "unknown mode 'masq'", "did you mean 'nat'?" },
	{ SCHEMA_SERVICE, SERVICE_MODE, "bridged", false, -1, "unknown mode 'bridged'", "one of nat, dr, tun" },
	{ SCHEMA_SCHEDULER, SCHEDULER_FLAGS, "mh_port", false, -1, "unknown flag 'mh_port'",
		"did you mean 'mh-port'?" },
	{ SCHEMA_CHECK, CHECK_KEY_ADDRESS, "10.0.0.1:80", false, -1, "address '10.0.0.1:80' has a port",
		"write the port in the key port" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "1/s", false, 1, "", "" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "10000000/s", true, 10000000, "", "" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "0/s", false, -1, "rate_limit 0/s is outside 1/s..10000000/s", "" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "10000001/s", false, -1, "rate_limit 10000001/s is outside 1/s..10000000/s",
		"" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "50000", false, -1, "rate_limit '50000' is not a rate",
		"a number per second: 50000/s" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "/s", false, -1, "rate_limit '/s' is not a rate",
		"a number per second: 50000/s" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "01/s", false, -1, "rate_limit '01/s' is not a rate",
		"a number per second: 50000/s" },
	{ SCHEMA_SYNC, SYNC_RATE_LIMIT, "1/sec", false, -1, "rate_limit '1/sec' is not a rate",
		"a number per second: 50000/s" },
	{ SCHEMA_SERVICE, SERVICE_SYNC, "all", false, CONFIG_SYNC_ALL, "", "" },
	{ SCHEMA_SERVICE, SERVICE_SYNC, "some", false, -1, "unknown word for sync 'some'",
		"one of off, established, all" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "-253", false, -253, "", "" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "253", false, 253, "", "" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "0", false, 0, "", "" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "-254", false, -1, "weight -254 is outside -253..253", "" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "-18446744073709551616", false, -1,
		"weight -18446744073709551616 is outside -253..253", "" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "-0", false, -1, "weight '-0' is not a decimal number",
		"-253 to 253, digits only, no leading 0" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "--1", false, -1, "weight '--1' is not a decimal number",
		"-253 to 253, digits only, no leading 0" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "-", false, -1, "weight '-' is not a decimal number",
		"-253 to 253, digits only, no leading 0" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "+1", false, -1, "weight '+1' is not a decimal number",
		"-253 to 253, digits only, no leading 0" },
	{ SCHEMA_TRACK, TRACK_WEIGHT, "-1", true, -1, "weight is text here, but it is a number",
		"take the quotes away" },
	{ SCHEMA_BACKEND, BACKEND_WEIGHT, "-1", false, -1, "weight '-1' is not a decimal number",
		"0 to 65535, digits only, no leading 0" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1", false, 32, "", "" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1/1", false, 1, "", "" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1/32", false, 32, "", "" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "2001:db8::1", false, 128, "", "" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "2001:db8::1/128", true, 128, "", "" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1/0", false, -1,
		"addresses '192.0.2.1/0' is not an IP address with a prefix", "a prefix of 1 to 32" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1/33", false, -1,
		"addresses '192.0.2.1/33' is not an IP address with a prefix", "a prefix of 1 to 32" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1/4294967297", false, -1,
		"addresses '192.0.2.1/4294967297' is not an IP address with a prefix", "a prefix of 1 to 32" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "2001:db8::1/129", false, -1,
		"addresses '2001:db8::1/129' is not an IP address with a prefix", "a prefix of 1 to 128" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "192.0.2.1/24x", false, -1,
		"addresses '192.0.2.1/24x' is not an IP address with a prefix", "a prefix of 1 to 32" },
	{ SCHEMA_VRRP, INSTANCE_ADDRESSES, "/24", false, -1, "addresses '/24' is not an IP address with a prefix",
		"192.0.2.1/24 or 2001:db8::1/64; names are not resolved" },
	{ SCHEMA_ROUTE, ROUTE_TO, "default", false, 0, "", "" },
	{ SCHEMA_ROUTE, ROUTE_TO, "0.0.0.0/0", false, 0, "", "" },
	{ SCHEMA_ROUTE, ROUTE_TO, "::/0", true, 0, "", "" },
	{ SCHEMA_ROUTE, ROUTE_TO, "128.0.0.0/1", false, 1, "", "" },
	{ SCHEMA_ROUTE, ROUTE_TO, "192.0.2.7", false, 32, "", "" },
	{ SCHEMA_ROUTE, ROUTE_TO, "192.0.2.7/31", false, -1, "to '192.0.2.7/31' is not a network",
		"the bits of the address behind its prefix are 0: 192.0.2.0/24" },
	{ SCHEMA_ROUTE, ROUTE_TO, "192.0.2.7/0", false, -1, "to '192.0.2.7/0' is not a network",
		"the bits of the address behind its prefix are 0: 192.0.2.0/24" },
	{ SCHEMA_ROUTE, ROUTE_TO, "192.0.2.0/33", false, -1, "to '192.0.2.0/33' is not a network",
		"192.0.2.0/24, 2001:db8::/32 or default" },
	{ SCHEMA_ROUTE, ROUTE_TO, "/0", false, -1, "to '/0' is not a network",
		"192.0.2.0/24, 2001:db8::/32 or default" },
	{ SCHEMA_ROUTE, ROUTE_TO, "defaults", false, -1, "to 'defaults' is not a network",
		"192.0.2.0/24, 2001:db8::/32 or default" },
	{ SCHEMA_VRRP, INSTANCE_INTERFACE, "abcdefghijklmno", false, 0, "", "" },
	{ SCHEMA_VRRP, INSTANCE_INTERFACE, "eth0.100@if7", true, 0, "", "" },
	{ SCHEMA_VRRP, INSTANCE_INTERFACE, "abcdefghijklmnop", false, -1,
		"interface 'abcdefghijklmnop' is not the name of an interface",
		"1 to 15 bytes without blanks, '/' and ':'" },
	{ SCHEMA_VRRP, INSTANCE_INTERFACE, "..", false, -1, "interface '..' is not the name of an interface",
		"1 to 15 bytes without blanks, '/' and ':'" },
	{ SCHEMA_VRRP, INSTANCE_ADVERT_INTERVAL, "10ms", false, 10, "", "" },
	{ SCHEMA_VRRP, INSTANCE_ADVERT_INTERVAL, "15ms", false, -1, "advert_interval 15ms is not in steps of 10ms",
		"" },
	{ SCHEMA_CHECK, CHECK_KEY_PATH, "live?key=pw1", true, -1, "path 'live?(hidden)' is not a path",
		"it starts with '/' and has no blanks; in the path of a URL write %20" },
	{ SCHEMA_CHECK, CHECK_KEY_SEND, "no", false, 0, "", "" },
	{ SCHEMA_CHECK, CHECK_KEY_SEND, "", true, -1, "send has 0 bytes, not 1 to 4096", "" },
};

START_TEST(single_values)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct schema_row *row = &schema_kinds[values[i].kind].rows[values[i].key];
		struct schema_value v = { 0 };
		char text[SCHEMA_SAY], help[SCHEMA_SAY];
		int rc = schema_parse(row, values[i].s, strlen(values[i].s), values[i].quoted, &v, text, help);
		ck_assert_msg((rc == 0) == !values[i].text[0], "%s: %s", values[i].s, text);
		ck_assert_msg(rc || v.num == values[i].want, "%s: %lld", values[i].s, (long long)v.num);
		ck_assert_str_eq(text, values[i].text);
		ck_assert_str_eq(help, values[i].help);
	}
}
END_TEST

/* A message is read by who may only look: what may be a password is not in it. */
START_TEST(no_message_has_a_secret)
{
	static const char *const wrong[] = { "live?key=pw1", "pw1", "/a?b c=pw1", "pw1 \n" };
	for (unsigned k = 0; k < SCHEMA_KIND_COUNT; k++)
		for (unsigned i = 0; i < schema_kinds[k].n; i++) {
			const struct schema_row *row = &schema_kinds[k].rows[i];
			for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
				struct schema_value v = { 0 };
				char text[SCHEMA_SAY], help[SCHEMA_SAY];
				bool query = row->flags & SCHEMA_QUERY && strchr(wrong[w], '?');
				if (!query && !(row->flags & SCHEMA_SECRET))
					continue;
				(void)schema_parse(row, wrong[w], strlen(wrong[w]), false, &v, text, help);
				ck_assert_msg(!strstr(text, "pw1") && !strstr(help, "pw1"), "%s", text);
			}
		}
}
END_TEST

START_TEST(long_word_lists_are_cut)
{
	char help[SCHEMA_SAY];
	const char *words[20];
	for (unsigned i = 0; i < 20; i++)
		words[i] = "wwwwwwwwwwww";
	schema_suggest("completely-different", 20, words, 20, help);
	unsigned commas = 0;
	for (const char *p = help; *p; p++)
		commas += *p == ',';
	ck_assert_uint_eq(commas, 12);
	ck_assert_ptr_nonnull(strstr(help, ", ..."));
	schema_suggest("x", 1, words, 0, help);
	ck_assert_str_eq(help, "there is none");
}
END_TEST

/* Every key is in the JSON Schema, with its help. */
static void check_def(const json_t *defs, const char *def, enum schema_kind_id kind, unsigned without)
{
	const json_t *d = json_object_get(defs, def), *obj = d;
	while (obj && !json_object_get(obj, "properties"))
		obj = json_array_get(json_object_get(obj, "anyOf"), 0);
	ck_assert_msg(obj != NULL, "%s", def);
	ck_assert(json_is_false(json_object_get(obj, "additionalProperties")));
	for (unsigned i = 0; i < schema_kinds[kind].n; i++) {
		const struct schema_row *row = &schema_kinds[kind].rows[i];
		const json_t *p = json_object_get(json_object_get(obj, "properties"), row->name);
		if (row->flags & without) {
			ck_assert_ptr_null(p);
			continue;
		}
		ck_assert_msg(p != NULL, "%s.%s", def, row->name);
		ck_assert_str_eq(json_string_value(json_object_get(p, "description")), row->help);
	}
}

START_TEST(json_schema)
{
	struct lb_text t = LB_TEXT_INIT;
	json_error_t err;
	config_print_schema(&t);
	json_t *root = json_loads(t.s, JSON_REJECT_DUPLICATES, &err);
	ck_assert_msg(root != NULL, "%s", err.text);
	const json_t *defs = json_object_get(root, "$defs");
	for (unsigned k = SCHEMA_ROOT + 1; k < SCHEMA_KIND_COUNT; k++)
		check_def(defs, schema_kinds[k].name, k, 0);
	check_def(defs, "service_defaults", SCHEMA_SERVICE, SCHEMA_OWN);
	check_def(defs, "instance_defaults", SCHEMA_VRRP, SCHEMA_OWN);
	json_decref(root);
	lb_text_done(&t);
}
END_TEST

/* What of JSON Schema decides about a number or a boolean. */
static bool accepts(const json_t *s, const json_t *value)
{
	const json_t *type = json_object_get(s, "type"), *words = json_object_get(s, "enum"), *w;
	const json_t *any = json_object_get(s, "anyOf"), *min = json_object_get(s, "minimum");
	const json_t *max = json_object_get(s, "maximum"), *one = json_object_get(s, "const");
	const char *const is[] = { json_is_boolean(value) ? "boolean" : "number",
		json_is_integer(value) ? "integer" : "none" };
	bool ok = !type && !words && !any && !one;
	size_t i;
	for (i = 0; i < 2; i++) {
		size_t k;
		ok |= json_is_string(type) && strcmp(json_string_value(type), is[i]) == 0;
		json_array_foreach (type, k, w)
			ok |= strcmp(json_string_value(w), is[i]) == 0;
	}
	json_array_foreach (words, i, w)
		ok |= json_equal(w, value);
	json_array_foreach (any, i, w)
		ok |= accepts(w, value);
	if (json_is_number(value))
		ok &= (!min || json_number_value(value) >= json_number_value(min)) &&
		      (!max || json_number_value(value) <= json_number_value(max));
	return ok;
}

/* YAML has numbers where nobody wrote quotes; the daemon takes them as the text that they are. */
static void numbers_of_row(const json_t *schema, const struct schema_row *row, const char *def)
{
	static const char *const plain[] = { "0", "1.1", "1.3", "2", "5", "200", "65536", "true" };
	char text[SCHEMA_SAY], help[SCHEMA_SAY];
	struct schema_value v;
	if (row->type == SCHEMA_TYPE_OBJECT || row->type == SCHEMA_TYPE_NAMED)
		return;
	if (row->type == SCHEMA_TYPE_MAP) {
		schema = json_object_get(schema, "additionalProperties");
		ck_assert_ptr_nonnull(schema);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		json_t *value = json_loads(plain[i], JSON_DECODE_ANY, NULL);
		bool map = row->type == SCHEMA_TYPE_MAP;
		if (map || schema_parse(row, plain[i], strlen(plain[i]), false, &v, text, help) == 0)
			ck_assert_msg(accepts(schema, value), "%s.%s: %s", def, row->name, plain[i]);
		json_decref(value);
	}
}

START_TEST(what_is_taken_without_quotes_is_in_the_json_schema)
{
	struct lb_text t = LB_TEXT_INIT;
	config_print_schema(&t);
	ck_assert_ptr_nonnull(strstr(t.s, " 1.1,"));
	json_t *root = json_loads(t.s, 0, NULL);
	ck_assert_ptr_nonnull(root);
	for (unsigned k = SCHEMA_ROOT + 1; k < SCHEMA_KIND_COUNT; k++) {
		const json_t *obj = json_object_get(json_object_get(root, "$defs"), schema_kinds[k].name);
		while (obj && !json_object_get(obj, "properties"))
			obj = json_array_get(json_object_get(obj, "anyOf"), 0);
		for (unsigned i = 0; i < schema_kinds[k].n; i++)
			numbers_of_row(
				json_object_get(json_object_get(obj, "properties"), schema_kinds[k].rows[i].name),
				&schema_kinds[k].rows[i], schema_kinds[k].name);
	}
	json_decref(root);
	lb_text_done(&t);
}
END_TEST

START_TEST(man_page_keys)
{
	static const char *const some[] = { "*version*: number 1 to 4294967295\n",
		"*services.NAME.listen*: ", "*services.NAME.backends.NAME.max\\_connections*: number 0 to 65535\n",
		"*services.NAME.drain*: mapping, or its timeout alone, or keep\n",
		"*services.NAME.persistence*: mapping, or its timeout alone, or off\n",
		"*services.NAME.tunnel.checksum*: ", "*defaults.service*: mapping\n", "*defaults.vrrp*: mapping\n",
		"*cluster.nodes.NAME.address*: address; one or a list\n",
		"*vrrp.NAME.interface*: interface; or a mapping by node\n",
		"*vrrp.NAME.addresses*: address, with or without prefix; one or a list\n",
		"*vrrp.NAME.unicast*: address, or off; one or a list; or a mapping by node\n",
		"*vrrp.NAME.track*: mapping; one or a list\n", "*vrrp.NAME.track.weight*: number -253 to 253\n",
		"*vrrp.NAME.announce*: mapping, or its count alone\n" };
	struct lb_text t = LB_TEXT_INIT;
	config_print_keys(&t);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		ck_assert_msg(strstr(t.s, some[i]) != NULL, "%s is not in\n%s", some[i], t.s);
	lb_text_done(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("schema");
	TCase *tc = tcase_create("schema");
	suite_add_tcase(s, tc);
	tcase_add_test(tc, no_holes);
	tcase_add_test(tc, fallbacks_are_legal);
	tcase_add_test(tc, single_values);
	tcase_add_test(tc, no_message_has_a_secret);
	tcase_add_test(tc, long_word_lists_are_cut);
	tcase_add_test(tc, json_schema);
	tcase_add_test(tc, what_is_taken_without_quotes_is_in_the_json_schema);
	tcase_add_test(tc, man_page_keys);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
