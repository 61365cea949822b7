/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/fields.h"

#include "common/buf.h"
#include "common/proto.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const char *const words[] = { "off", "on", "perhaps" };

static json_t *parse(const char *text)
{
	json_t *o = lb_proto_parse(text, strlen(text), NULL);
	ck_assert_msg(o != NULL, "no JSON: %s", text);
	return o;
}

enum kind { U32, INT, COUNTER, U64, BYTES, BOOL, STR, TEXT, NAME, LINE, DEVICE, WORD, LEVEL, IP, PATHS, LIST };

#define PATH(ours, theirs) "{\"ours\":\"" ours "\",\"theirs\":\"" theirs "\"}"

/* The member "k" of that object, read as that; number: what came, or what comes where it is wrong. */
static const struct {
	const char *what, *object;
	enum kind kind;
	bool bad;
	int64_t number;
} rows[] = {
	{ "a number", "{\"k\":7}", U32, false, 7 },
	{ "the smallest", "{\"k\":5}", U32, false, 5 },
	{ "the largest", "{\"k\":4294967295}", U32, false, 4294967295 },
	{ "below the smallest", "{\"k\":4}", U32, true, 5 },
	{ "below zero", "{\"k\":-1}", U32, true, 5 },
	{ "beyond the type", "{\"k\":4294967296}", U32, true, 5 },
	{ "a real number", "{\"k\":7.0}", U32, true, 5 },
	{ "a number in a string", "{\"k\":\"7\"}", U32, true, 5 },
	{ "no number", "{}", U32, true, 5 },
	{ "null", "{\"k\":null}", U32, true, 5 },
	{ "a number below zero", "{\"k\":-9}", INT, false, -9 },
	{ "the end of a range below zero", "{\"k\":-10}", INT, false, -10 },
	{ "beyond it", "{\"k\":-11}", INT, true, -10 },
	{ "the largest of 64 bits", "{\"k\":9223372036854775807}", INT, false, INT64_MAX },
	{ "a counter", "{\"k\":9223372036854775807}", COUNTER, false, INT64_MAX },
	{ "a counter below zero", "{\"k\":-1}", COUNTER, true, 0 },
	{ "16 digits", "{\"k\":\"00000000deadbeef\"}", U64, false, 0xdeadbeef },
	{ "15 digits", "{\"k\":\"0000000deadbeef\"}", U64, true, -1 },
	{ "17 digits", "{\"k\":\"000000000deadbeef\"}", U64, true, -1 },
	{ "one of them is none", "{\"k\":\"00000000deadbeeg\"}", U64, true, -1 },
	{ "digits as a number", "{\"k\":1234567890123456}", U64, true, -1 },
	{ "the fewest bytes", "{\"k\":\"00ff\"}", BYTES, false, 2 },
	{ "the most", "{\"k\":\"00010203\"}", BYTES, false, 4 },
	{ "too few", "{\"k\":\"00\"}", BYTES, true, 1 },
	{ "too many", "{\"k\":\"0001020304\"}", BYTES, true, 0 },
	{ "half a byte", "{\"k\":\"00010\"}", BYTES, true, 2 },
	{ "bytes in capitals", "{\"k\":\"00FF\"}", BYTES, true, 2 },
	{ "no bytes", "{}", BYTES, true, 0 },
	{ "true", "{\"k\":true}", BOOL, false, 1 },
	{ "false", "{\"k\":false}", BOOL, false, 0 },
	{ "1 is not true", "{\"k\":1}", BOOL, true, 0 },
	{ "nor is what is not there", "{}", BOOL, true, 0 },
	{ "a string", "{\"k\":\"abcd\"}", STR, false, 4 },
	{ "an empty string", "{\"k\":\"\"}", STR, false, 0 },
	{ "bytes are counted, not characters", "{\"k\":\"\xc3\xbc\xc3\xbc\"}", STR, false, 4 },
	{ "a string that is too long", "{\"k\":\"abcde\"}", STR, true, 0 },
	{ "no string", "{\"k\":[]}", STR, true, 0 },
	{ "no string at all", "{}", STR, true, 0 },
	{ "text with room for its NUL", "{\"k\":\"abc\"}", TEXT, false, 3 },
	{ "text without", "{\"k\":\"abcd\"}", TEXT, true, 0 },
	{ "the first and the last printable", "{\"k\":\" ~\"}", TEXT, false, 2 },
	{ "an escape", "{\"k\":\"\\u001b[\"}", TEXT, true, -1 },
	{ "DEL", "{\"k\":\"\\u007f\"}", TEXT, true, -1 },
	{ "text that is not ASCII", "{\"k\":\"\xc3\xbc\"}", TEXT, true, -1 },
	{ "a name", "{\"k\":\"abc\"}", NAME, false, 3 },
	{ "an empty name", "{\"k\":\"\"}", NAME, true, 0 },
	{ "a name without room for its NUL", "{\"k\":\"abcd\"}", NAME, true, 0 },
	{ "a line", "{\"k\":\"\xc3\xbc~\"}", LINE, false, 3 },
	{ "a line without room for its NUL", "{\"k\":\"abcd\"}", LINE, true, 0 },
	{ "an escape in a line", "{\"k\":\"\\u001b[\"}", LINE, true, -1 },
	{ "DEL in a line", "{\"k\":\"\\u007f\"}", LINE, true, -1 },
	{ "the last control character", "{\"k\":\"\\u009f\"}", LINE, true, -1 },
	{ "what comes after it", "{\"k\":\"\\u00a0\"}", LINE, false, 2 },
	{ "no line", "{\"k\":7}", LINE, true, 0 },
	{ "a device", "{\"k\":\"eth0.7\"}", DEVICE, false, 6 },
	{ "a device of the most bytes", "{\"k\":\"123456789012345\"}", DEVICE, false, 15 },
	{ "one more", "{\"k\":\"1234567890123456\"}", DEVICE, true, 0 },
	{ "a device that is not ASCII", "{\"k\":\"caf\xc3\xa9\"}", DEVICE, false, 5 },
	{ "a device without a name", "{\"k\":\"\"}", DEVICE, true, 0 },
	{ "a device with a blank", "{\"k\":\"eth 0\"}", DEVICE, true, 5 },
	{ "a device with a line in it", "{\"k\":\"eth\\n0\"}", DEVICE, true, 5 },
	{ "a device with DEL", "{\"k\":\"\\u007f\"}", DEVICE, true, 1 },
	{ "a device with a slash", "{\"k\":\"a/b\"}", DEVICE, true, 3 },
	{ "a device with a colon", "{\"k\":\"eth0:1\"}", DEVICE, true, 6 },
	{ "the folder of devices", "{\"k\":\".\"}", DEVICE, true, 1 },
	{ "what that is in", "{\"k\":\"..\"}", DEVICE, true, 2 },
	{ "three dots", "{\"k\":\"...\"}", DEVICE, false, 3 },
	{ "a word", "{\"k\":\"perhaps\"}", WORD, false, 2 },
	{ "the first word", "{\"k\":\"off\"}", WORD, false, 0 },
	{ "a part of a word", "{\"k\":\"perhap\"}", WORD, true, 0 },
	{ "no such word", "{\"k\":\"\"}", WORD, true, 0 },
	{ "a word that is a number", "{\"k\":1}", WORD, true, 0 },
	{ "a level", "{\"k\":\"debug\"}", LEVEL, false, LB_LOG_DEBUG },
	{ "no such level", "{\"k\":\"loud\"}", LEVEL, true, LB_LOG_INFO },
	{ "a level that is a number", "{\"k\":7}", LEVEL, true, LB_LOG_INFO },
	{ "an address", "{\"k\":\"192.0.2.1\"}", IP, false, AF_INET },
	{ "an address of IPv6", "{\"k\":\"2001:db8::1\"}", IP, false, AF_INET6 },
	{ "no address", "{\"k\":\"host\"}", IP, true, 0 },
	{ "an address with a port", "{\"k\":\"192.0.2.1:80\"}", IP, true, 0 },
	{ "an address that is a number", "{\"k\":1}", IP, true, 0 },
	{ "a path", "{\"k\":[" PATH("192.0.2.1", "192.0.2.2") "]}", PATHS, false, 1 },
	{ "two", "{\"k\":[" PATH("192.0.2.1", "192.0.2.2") "," PATH("fd00::1", "fd00::2") "]}", PATHS, false, 2 },
	{ "the same to two", "{\"k\":[" PATH("::1", "::2") "," PATH("::1", "::3") "]}", PATHS, false, 2 },
	{ "three", "{\"k\":[" PATH("::1", "::2") "," PATH("::1", "::3") "," PATH("::1", "::4") "]}", PATHS, true, 0 },
	{ "no path", "{\"k\":[]}", PATHS, false, 0 },
	{ "a path of two families", "{\"k\":[" PATH("192.0.2.1", "fd00::2") "]}", PATHS, true, 1 },
	{ "a path to ourselves", "{\"k\":[" PATH("::1", "::2") "," PATH("::1", "::1") "]}", PATHS, true, 2 },
	{ "half a path", "{\"k\":[{\"ours\":\"::1\"}]}", PATHS, true, 1 },
	{ "a path from nowhere", "{\"k\":[{\"theirs\":\"::1\"}]}", PATHS, true, 1 },
	{ "a path that is a number", "{\"k\":[5]}", PATHS, true, 1 },
	{ "a list", "{\"k\":[1,2]}", LIST, false, 2 },
	{ "an empty list", "{\"k\":[]}", LIST, false, 0 },
	{ "a list that is too long", "{\"k\":[1,2,3]}", LIST, true, 0 },
	{ "no list", "{\"k\":{}}", LIST, true, 0 },
	{ "no list at all", "{}", LIST, true, 0 },
};

static int64_t read_as(enum kind kind, struct lb_fields *f)
{
	char text[4] = "xxx", device[LB_DEVICE_MAX];
	uint8_t bytes[4];
	struct lb_path paths[2];
	switch (kind) {
	case U32: return lb_field_u32(f, "k", 5, UINT32_MAX);
	case INT: return lb_field_int(f, "k", -10, INT64_MAX);
	case COUNTER: return (int64_t)lb_field_counter(f, "k");
	case U64: return (int64_t)lb_field_u64(f, "k");
	case BYTES: return (int64_t)lb_field_bytes(f, "k", bytes, 2, sizeof(bytes));
	case BOOL: return lb_field_bool(f, "k");
	case STR: return (int64_t)strlen(lb_field_str(f, "k", 4));
	case TEXT: lb_field_text(f, "k", text, sizeof(text)); return (int64_t)strlen(text);
	case NAME: lb_field_name(f, "k", text, sizeof(text)); return (int64_t)strlen(text);
	case LINE: lb_field_line(f, "k", text, sizeof(text)); return (int64_t)strlen(text);
	case DEVICE: lb_field_device(f, "k", device); return (int64_t)strlen(device);
	case WORD: return lb_field_word(f, "k", words, LEN(words));
	case LEVEL: return lb_field_level(f, "k");
	case IP: return lb_field_ip(f, "k").family;
	case PATHS: return lb_field_paths(f, "k", paths, LEN(paths));
	case LIST: return (int64_t)json_array_size(lb_field_list(f, "k", 2));
	}
	return -1;
}

START_TEST(a_member_is_read)
{
	json_t *o = parse(rows[_i].object);
	struct lb_fields f = { .from = o };
	int64_t n = read_as(rows[_i].kind, &f);
	ck_assert_msg(f.bad == rows[_i].bad, "%s: %s", rows[_i].what, f.bad ? "bad" : "taken");
	ck_assert_msg(rows[_i].number == -1 || n == rows[_i].number, "%s: %lld", rows[_i].what, (long long)n);
	f.bad = true; /* it stays so, whatever comes after it */
	(void)read_as(rows[_i].kind, &f);
	ck_assert_msg(f.bad, "%s: good again", rows[_i].what);
	json_decref(o);
}
END_TEST

START_TEST(nothing_is_in_what_is_no_object)
{
	json_t *const values[] = { NULL, json_null(), json_array(), json_string("k"), json_integer(1) };
	for (size_t i = 0; i < LEN(values); i++) {
		for (int kind = U32; kind <= LIST; kind++) {
			struct lb_fields f = { .from = values[i] };
			(void)read_as((enum kind)kind, &f);
			ck_assert_msg(f.bad, "value %zu, kind %d", i, kind);
			ck_assert(!lb_field_has(&f, "k"));
		}
		json_decref(values[i]);
	}
	json_t *o = parse("{\"k\":null}");
	struct lb_fields f = { .from = o };
	ck_assert(lb_field_has(&f, "k") && !lb_field_has(&f, "l") && !f.bad);
	json_decref(o);
}
END_TEST

START_TEST(bytes_as_digits)
{
	uint8_t all[256], back[256];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	for (size_t n = 0; n <= sizeof(all); n++) {
		json_t *hex = lb_hex_write(all, n);
		ck_assert_uint_eq(json_string_length(hex), 2 * n);
		memset(back, 0xa5, sizeof(back));
		ck_assert(lb_hex_read(json_string_value(hex), 2 * n, back));
		ck_assert(memcmp(all, back, n) == 0 && (n == sizeof(back) || back[n] == 0xa5));
		json_decref(hex);
	}
	static const char *const none[] = { "0", "0g", "g0", "0A", "A0", "0 ", "/0", ":0", "`0", "001" };
	for (size_t i = 0; i < LEN(none); i++)
		ck_assert_msg(!lb_hex_read(none[i], strlen(none[i]), back), "%s", none[i]);
	ck_assert(lb_hex_read("09af", 4, back) && back[0] == 0x09 && back[1] == 0xaf);
}
END_TEST

START_TEST(members_are_put)
{
	struct lb_members o = { json_object(), false };
	const struct lb_ip ip = { .family = AF_INET, .b = { 192, 0, 2, 1 } }, none = { 0 };
	lb_put_int(&o, "int", -5);
	lb_put_bool(&o, "bool", true);
	lb_put_str(&o, "str", "a\"b");
	lb_put_ip(&o, "ip", &ip);
	lb_put_ip(&o, "none", &none);
	const struct lb_path path = { ip, { .family = AF_INET, .b = { 192, 0, 2, 2 } } };
	lb_put_paths(&o, "paths", &path, 1);
	lb_put_u64(&o, "u64", UINT64_C(0xfedcba9876543210));
	json_t *list = json_array();
	ck_assert(lb_list_add(list, json_integer(1)) && lb_list_add(list, json_true()));
	lb_put(&o, "list", list);
	json_t *whole = lb_members_end(&o);
	struct lb_text out = LB_TEXT_INIT;
	lb_proto_dump(whole, &out);
	ck_assert_str_eq(out.s,
		"{\"int\":-5,\"bool\":true,\"str\":\"a\\\"b\",\"ip\":\"192.0.2.1\","
		"\"paths\":[" PATH("192.0.2.1", "192.0.2.2") "],\"u64\":\"fedcba9876543210\",\"list\":[1,true]}\n");
	lb_text_done(&out);
	json_decref(whole);
	ck_assert_ptr_null(lb_members_end(&o)); /* it can be taken once */
}
END_TEST

START_TEST(one_that_cannot_be_put_spoils_all)
{
	struct lb_members o = { json_object(), false };
	lb_put(&o, "a", NULL);
	ck_assert(o.bad);
	lb_put_int(&o, "b", 1);
	ck_assert(o.bad);
	ck_assert_ptr_null(lb_members_end(&o));
	o = (struct lb_members){ json_object(), false };
	lb_put_str(&o, "a", "\xff");
	ck_assert_ptr_null(lb_members_end(&o));
	o = (struct lb_members){ NULL, false };
	lb_put_str(&o, "a", "b");
	ck_assert(o.bad);
	ck_assert_ptr_null(lb_members_end(&o));
	ck_assert(!lb_list_add(json_array(), NULL)); /* the list is gone with it */
	ck_assert(!lb_list_add(NULL, json_true()));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fields");
	TCase *tc = tcase_create("fields");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, a_member_is_read, 0, LEN(rows));
	tcase_add_test(tc, nothing_is_in_what_is_no_object);
	tcase_add_test(tc, bytes_as_digits);
	tcase_add_test(tc, members_are_put);
	tcase_add_test(tc, one_that_cannot_be_put_spoils_all);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
