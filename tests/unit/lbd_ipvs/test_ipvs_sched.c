/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of schedulers against the modules of net/netfilter/ipvs/. */
#include "tests/unit/lbd_ipvs/fixture.h"

static const struct {
	const char *name, *flag1, *flag2; /* the words of IP_VS_SVC_F_SCHED1 and _SCHED2 */
	const char *since;
} kernel[] = {
	{ "rr", NULL, NULL, "" },
	{ "wrr", NULL, NULL, "" },
	{ "lc", NULL, NULL, "" },
	{ "wlc", NULL, NULL, "" },
	{ "lblc", NULL, NULL, "" },
	{ "lblcr", NULL, NULL, "" },
	{ "dh", NULL, NULL, "" },
	{ "sh", "sh-fallback", "sh-port", "" },
	{ "mh", "mh-fallback", "mh-port", "" },
	{ "sed", NULL, NULL, "" },
	{ "nq", NULL, NULL, "" },
	{ "fo", NULL, NULL, "" },
	{ "ovf", NULL, NULL, "" },
	{ "twos", NULL, NULL, "6.2" },
};

START_TEST(every_scheduler_of_the_kernel_has_a_row)
{
	ck_assert_uint_eq(ipvs_scheds_n, COUNT(kernel));
	for (size_t i = 0; i < COUNT(kernel); i++) {
		const struct ipvs_sched_row *row = ipvs_sched_find(kernel[i].name, strlen(kernel[i].name));
		ck_assert_msg(row != NULL, "no row for %s", kernel[i].name);
		ck_assert_str_eq(row->name, kernel[i].name);
		ck_assert_str_eq(row->since, kernel[i].since);
		const char *const words[] = { kernel[i].flag1, kernel[i].flag2 };
		const uint32_t bits[] = { IPVS_FLAG_SCHED1, IPVS_FLAG_SCHED2 };
		for (size_t k = 0; k < 2; k++) {
			uint32_t got = words[k] ? ipvs_sched_flag_bit(row, words[k], strlen(words[k])) : 0;
			ck_assert_msg(got == (words[k] ? bits[k] : 0), "%s %s: bit %u", row->name, words[k], got);
		}
	}
}
END_TEST

START_TEST(the_table_has_no_holes)
{
	for (size_t i = 0; i < ipvs_scheds_n; i++) {
		const struct ipvs_sched_row *row = &ipvs_scheds[i];
		ck_assert_msg(row->name && row->name[0] && strlen(row->name) < IPVS_NAME_MAX,
			"row %zu has no usable name", i);
		ck_assert_msg(row->since && row->help && strlen(row->help) > 10, "%s has no help", row->name);
		ck_assert_msg(
			row->flags[0].name || !row->flags[1].name, "%s: flags begin at the second place", row->name);
		for (size_t k = 0; k < 2; k++)
			ck_assert_msg(!row->flags[k].name == !row->flags[k].bit, "%s: flag %zu is half written",
				row->name, k);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(strcmp(row->name, ipvs_scheds[j].name) != 0, "%s is there twice", row->name);
	}
}
END_TEST

START_TEST(only_whole_names_are_found)
{
	static const char *const wrong[] = { "", "w", "wl", "wlcc", "WLC", "none", "mh-port" };
	for (size_t i = 0; i < COUNT(wrong); i++)
		ck_assert_msg(!ipvs_sched_find(wrong[i], strlen(wrong[i])), "'%s' was found", wrong[i]);
	ck_assert_str_eq(ipvs_sched_find("lblcr", 4)->name, "lblc"); /* the length counts, not a NUL */
	const struct ipvs_sched_row *mh = ipvs_sched_find("mh", 2), *sh = ipvs_sched_find("sh", 2);
	ck_assert_uint_eq(ipvs_sched_flag_bit(mh, "sh-port", 7), 0);
	ck_assert_uint_eq(ipvs_sched_flag_bit(sh, "sh-por", 6), 0);
	ck_assert_uint_eq(ipvs_sched_flag_bit(ipvs_sched_find("rr", 2), "", 0), 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { every_scheduler_of_the_kernel_has_a_row, the_table_has_no_holes,
		only_whole_names_are_found };
	return run_suite("ipvs_sched", tests, COUNT(tests));
}
