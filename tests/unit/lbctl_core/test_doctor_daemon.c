/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon's answers say that should be looked at. */
#include "lbctl/doctor.h"

#include "common/events.h"
#include "common/proto.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *what, *status, *peer; /* answers; NULL = none */
	const char *check, *text, *fix;   /* of the one finding; NULL = none */
} rows[] = {
	{ "all is well", "{\"version\":\"1.0.0\",\"alarms\":[],\"file\":{\"path\":\"/l.yaml\",\"differs\":false}}",
		"{\"peer\":\"lb-b\",\"version\":\"1.0.0\",\"clock\":0.3}", NULL, NULL, NULL },
	{ "an old daemon", "{\"version\":\"0.9.0\"}", NULL, "daemon", "version 0.9.0 runs, 1.0.0 is installed",
		"lbctl daemon restart --wait" },
	{ "an alarm", "{\"alarms\":[\"two_masters: vrrp/wan4 (by lb-b)\"]}", NULL, "alarm",
		"two_masters: vrrp/wan4 (by lb-b)", "lbctl --peer vrrp list   # who does not hear whom?" },
	{ "what another version wrote is not mended by rights",
		"{\"alarms\":[\"state_not_read: overrides.json was written by a newer lbd: install that one again\"]}",
		NULL, "alarm", "state_not_read: overrides.json was written by a newer lbd: install that one again",
		"apt list -a lbd   # or move what it names out of the state directory" },
	{ "one that speaks of another one", "{\"alarms\":[\"hook_failed: state, for two_masters\"]}", NULL, "alarm",
		"hook_failed: state, for two_masters", "journalctl -u lbd -g hook/ -n 20" },
	{ "the kernel refuses something", "{\"alarms\":[\"kernel_refused\"]}", NULL, "alarm", "kernel_refused",
		"lbctl kernel diff" },
	{ "the kernel has no IPVS", "{\"alarms\":[\"kernel_refused: this kernel has no IPVS (modprobe ip_vs)\"]}", NULL,
		"alarm", "kernel_refused: this kernel has no IPVS (modprobe ip_vs)", "modprobe ip_vs" },
	{ "one that nobody knows", "{\"alarms\":[\"moon_is_full\"]}", NULL, "alarm", "moon_is_full", "lbctl status" },
	{ "a finding of the daemon", "{\"findings\":[{\"object\":\"service/web\",\"text\":\"t\",\"fix\":\"f\"}]}", NULL,
		"sysctl", "t", "f" },
	{ "one of a kernel without IPVS, which has nothing to compare",
		"{\"findings\":[{\"object\":\"sync\",\"text\":\"the kernel has no IPVS (ip_vs)\"}]}", NULL, "sysctl",
		"the kernel has no IPVS (ip_vs)", "modprobe ip_vs" },
	{ "one that says nothing of its mend", "{\"findings\":[{\"object\":\"sync\",\"text\":\"t\"}]}", NULL, "sysctl",
		"t", "lbctl kernel diff" },
	{ "another file", "{\"file\":{\"path\":\"/l.yaml\",\"differs\":true}}", NULL, "config",
		"/l.yaml is not what runs", "lbctl config diff" },
	{ "a file that was refused", "{\"file\":{\"path\":\"/l.yaml\",\"differs\":true,\"error\":\"bad\"}}", NULL,
		"config", "bad", "lbctl config check /l.yaml" },
	{ "the other node is older", "{\"version\":\"1.0.0\"}", "{\"peer\":\"lb-b\",\"version\":\"0.9.0\"}", "peer",
		"lb-b runs lbd 0.9.0, this node 1.0.0", "lbctl --peer daemon restart --wait" },
	{ "its clock is behind", "{\"version\":\"1.0.0\"}", "{\"peer\":\"lb-b\",\"clock\":-2.25}", "clock",
		"the clock of lb-b is 2.2 s away from the one of this node", "timedatectl set-ntp true" },
	{ "answers of a stranger", "{\"alarms\":7,\"findings\":[1,{}],\"file\":[]}", "{\"peer\":3}", NULL, NULL, NULL },
};

START_TEST(one_thing_is_found)
{
	struct doctor_findings f = { json_array(), 0 };
	json_t *status = json_loads(rows[_i].status, 0, NULL);
	json_t *peer = rows[_i].peer ? json_loads(rows[_i].peer, 0, NULL) : NULL;
	doctor_status(&f, status, "1.0.0");
	if (peer)
		doctor_peer(&f, peer, "1.0.0");
	ck_assert_msg(f.found == (rows[_i].check != NULL), "%s: %zu findings", rows[_i].what, f.found);
	const json_t *row = json_array_get(f.rows, 0);
	if (rows[_i].check) {
		ck_assert_str_eq(lb_proto_str(row, "check"), rows[_i].check);
		ck_assert_str_eq(lb_proto_str(row, "text"), rows[_i].text);
		ck_assert_str_eq(lb_proto_str(row, "fix"), rows[_i].fix);
		doctor_take(&f, row); /* the host has found the same */
		ck_assert_uint_eq(f.found, 1);
	}
	json_decref(status);
	json_decref(peer);
	json_decref(f.rows);
}
END_TEST

START_TEST(each_alarm_has_a_mend)
{
	for (size_t i = 0; i < lb_alarms_n; i++) {
		char raised[80];
		struct doctor_findings f = { json_array(), 0 };
		snprintf(raised, sizeof(raised), "%s: vrrp/two_masters (it is)", lb_alarms[i].name);
		json_t *status = json_pack("{s:[s]}", "alarms", raised);
		doctor_status(&f, status, NULL);
		const char *fix = lb_proto_str(json_array_get(f.rows, 0), "fix");
		ck_assert_msg(fix && *fix && strcmp(fix, lb_alarms[i].mend) == 0, "%s", raised);
		ck_assert_str_ne(fix, "lbctl status"); /* what is said of one that nobody knows */
		json_decref(status);
		json_decref(f.rows);
	}
}
END_TEST

START_TEST(what_was_not_looked_at_is_no_finding)
{
	struct doctor_findings f = { json_array(), 0 };
	json_t *row =
		json_pack("{s:s, s:s, s:s, s:s}", "check", "host", "result", "skipped", "object", "host", "text", "t");
	doctor_take(&f, row);
	doctor_no_daemon(&f, "you are in no group", 1);
	ck_assert_uint_eq(f.found, 0);
	ck_assert_uint_eq(json_array_size(f.rows), 2);
	doctor_no_daemon(&f, "nobody listens", 0);
	ck_assert_uint_eq(f.found, 1);
	json_decref(row);
	json_decref(f.rows);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor of the daemon");
	TCase *c = tcase_create("doctor");
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, one_thing_is_found, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, each_alarm_has_a_mend);
	tcase_add_test(c, what_was_not_looked_at_is_no_finding);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
