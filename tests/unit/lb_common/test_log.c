/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/log.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *line;
	enum lb_log_part part;
} parts[] = {
	{ "backend/web/app1: up -> down", LB_LOG_CHECK },
	{ "config/17: applied by root", LB_LOG_CONFIG },
	{ "kernel: this kernel has no IPVS", LB_LOG_IPVS },
	{ "service/web: the kernel differs", LB_LOG_IPVS },
	{ "vrrp/wan4: backup -> master", LB_LOG_VRRP },
	{ "peer/lb-b: up -> down", LB_LOG_VRRP },
	{ "sync: link to lb-b is up", LB_LOG_SYNC },
	{ "conn: 3 flows ended", LB_LOG_SYNC },
	{ "override: 2 of those of lb-b cannot be taken", LB_LOG_CTL },
	{ "backends: a word that only begins like one", LB_LOG_OTHER },
	{ "", LB_LOG_OTHER },
};

START_TEST(lines_belong_to_parts)
{
	ck_assert_msg(lb_log_part_of(parts[_i].line) == parts[_i].part, "'%s'", parts[_i].line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *c = tcase_create("log");
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, lines_belong_to_parts, 0, sizeof(parts) / sizeof(parts[0]));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
