/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that runs out at any point of an import: an error, never half a configuration, and nothing stays behind. */
#include "lbd/import/import.h"
#include "tests/unit/memory.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char keepalived[] =
	"global_defs { vrrp_version 3\n  notification_email { a@b }\n}\n"
	"$RS=real_server ${IP} 80 { TCP_CHECK { connect_timeout 2 } }\n$IP=10.1.0.1\n"
	"include more\n"
	"vrrp_script gw { script \"/usr/lib/gw 1\"\n interval 2\n weight -20 }\n"
	"vrrp_track_process p { process haproxy }\n"
	"vrrp_instance a { interface eth0\n virtual_router_id 5\n priority 120\n advert_int 0.25\n"
	"  virtual_ipaddress { 10.0.0.100/24 dev eth0\n fd00::1 }\n track_script { gw weight 3 }\n"
	"  track_process { p }\n track_interface { eth1 }\n"
	"  virtual_routes { 10.4.0.0/16 via 10.0.0.254 }\n virtual_rules { from 10.0.0.0/24 table 7 }\n}\n"
	"virtual_server 10.0.0.2 80 { protocol TCP\n lb_algo sh\n lb_kind NAT\n delay_loop 6\n quorum 2\n"
	"  persistence_timeout 50\n sorry_server 10.1.0.9 80\n wieght 3\n"
	"  $RS\n ~LST({a,w}, {7,2}, {8,3}) real_server 10.1.0.${a} 80 { weight $w\n"
	"    HTTP_GET { url { path /a\n status_code 200 300-399\n regex \"ok\" } retry 2 } }\n}\n"
	"virtual_server fwmark 7 { lb_algo rr\n lb_kind DR\n real_server 10.1.0.4 0 { MISC_CHECK { misc_path \"/x y\" "
	"} } }\n"
	"virtual_server 10.0.0.3 25 { lb_algo mh\n lb_kind NAT\n protocol TCP\n mh-port\n alpha\n"
	"  real_server 10.1.0.5 25 { SMTP_CHECK { host { connect_ip 10.1.0.6\n connect_port 26 } } }\n"
	"  real_server 10.1.0.6 25 { UDP_CHECK { payload 4142\n require_reply } } }\n"
	"vrrp_sync_group s { group { a\n b\n } }\n"
	"vrrp_instance b { interface eth0\n virtual_router_id 6\n unicast_src_ip 10.0.0.1\n unicast_peer { 10.0.0.2 }\n"
	"  virtual_ipaddress { 10.0.0.101/24 }\n virtual_ipaddress_excluded { 10.0.0.102/24 }\n"
	"  authentication { auth_type PASS\n auth_pass x }\n}\n";
static const char more[] = "virtual_server_group g { 10.0.8.1 80\n fwmark 9 }\n"
			   "virtual_server group g { lb_algo rr\n lb_kind NAT\n protocol UDP\n ops\n"
			   "  real_server 10.1.8.1 53 { DNS_CHECK { name x.example } } }\n";
static const char ipvsadm[] =
	"-A -t 10.0.0.1:80 -s sh -b sh-port,sh-fallback -p 50 -M 255.255.255.0\n"
	"-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 1\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 5 -x 10 -y 5\n"
	"-A -u [fd00::1]:53 -s rr --ops\n-a -u [fd00::1]:53 -r [fd00::2]:53 -i --tun-type gue --tun-port 6080\n"
	"-A -f 3 -6 -s wlc\n-A -t www.example:http -s rr\n-A -t 10.0.0.2:80 -s rr --magic\n";

static int include(void *arg, const char *from, const char *pattern, import_take_fn *take, void *to)
{
	(void)arg, (void)from;
	return strcmp(pattern, "more") == 0 && take(to, "more", more, strlen(more)) == 0;
}

typedef int import_fn(const struct import_source *source, struct import_result *out);

static const struct {
	const char *what, *text;
	import_fn *fn;
} rows[] = {
	{ "keepalived", keepalived, import_keepalived },
	{ "ipvsadm", ipvsadm, import_ipvsadm },
};

/* The n-th allocation fails, and so many in all. */
static int run(size_t row, long n, long fail, struct import_result *out)
{
	const struct import_source source = { .name = "test.conf",
		.text = rows[row].text,
		.len = strlen(rows[row].text),
		.id = "lb-a",
		.include = include };
	starving = fail;
	left = n;
	int rc = rows[row].fn(&source, out);
	left = -1;
	starving = LONG_MAX;
	return rc;
}

static void sweep(size_t row, long fail, const struct import_result *whole)
{
	struct import_result r;
	long before = live, n = 0;
	int rc = -ENOMEM;
	for (; REPLACED && rc && n < 100000; n++) {
		rc = run(row, n, fail, &r);
		bool same = rc || (r.yaml.n == whole->yaml.n && memcmp(r.yaml.s, whole->yaml.s, r.yaml.n) == 0);
		import_result_done(&r);
		long after = live;
		ck_assert_msg(rc == 0 || rc == -ENOMEM, "%s: allocation %ld: %d", rows[row].what, n, rc);
		ck_assert_msg(same, "%s: allocation %ld failed, and the result is another one", rows[row].what, n);
		ck_assert_msg(
			after == before, "%s: allocation %ld: %ld stay behind", rows[row].what, n, after - before);
	}
	ck_assert_msg(!REPLACED || (rc == 0 && n > 20), "%s: %ld allocations", rows[row].what, n);
}

START_TEST(every_allocation)
{
	struct import_result whole;
	ck_assert_int_eq(run((size_t)_i, -1, LONG_MAX, &whole), 0);
	ck_assert(!whole.empty && whole.yaml.n > 400);
	sweep((size_t)_i, LONG_MAX, &whole); /* and all after it */
	sweep((size_t)_i, 1, &whole);        /* that one alone */
	import_result_done(&whole);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("import_memory");
	TCase *c = tcase_create("import_memory");
	tcase_set_timeout(c, 60);
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, every_allocation, 0, sizeof(rows) / sizeof(rows[0]));
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
