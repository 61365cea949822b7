/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ops as people read them, and what a refusal means. */
#include "tests/unit/lbd_ipvs/fixture.h"

#include "lbd/ipvs/ipvs_op.h"

#include <errno.h>

static struct ipvs_op op_of(enum ipvs_op_type type, const char *key, const char *scheduler)
{
	return (struct ipvs_op){ .type = type, .svc = svc_of(key, scheduler) };
}

static void expect(const struct ipvs_op *op, const char *text)
{
	char out[IPVS_OP_STRLEN];
	ck_assert_str_eq(ipvs_op_str(op, out), text);
}

START_TEST(services_in_the_words_of_ipvsadm)
{
	struct ipvs_op op = op_of(IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp", "wlc");
	expect(&op, "-A -t 203.0.113.1:80 -s wlc");
	op = op_of(IPVS_OP_SERVICE_SET, "[2001:db8::1]:53/udp", "rr");
	op.svc.flags = IPVS_FLAG_ONEPACKET;
	expect(&op, "-E -u [2001:db8::1]:53 -s rr -o");
	op = op_of(IPVS_OP_SERVICE_DEL, "203.0.113.1:5060/sctp", "wlc");
	expect(&op, "-D --sctp-service 203.0.113.1:5060");
	op = op_of(IPVS_OP_SERVICE_ADD, "fwmark:7/ipv4", "lc");
	expect(&op, "-A -f 7 -s lc");
	op = op_of(IPVS_OP_SERVICE_ADD, "fwmark:4294967295/ipv6", "lc");
	expect(&op, "-A -f 4294967295 -6 -s lc");
}
END_TEST

START_TEST(flags_and_persistence_as_ipvsadm_takes_them)
{
	struct ipvs_op op = op_of(IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp", "mh");
	op.svc.flags = IPVS_FLAG_SCHED2;
	expect(&op, "-A -t 203.0.113.1:80 -s mh -b mh-port");
	op.svc.flags = IPVS_FLAG_SCHED1 | IPVS_FLAG_SCHED2; /* one option: ipvsadm refuses a second -b */
	expect(&op, "-A -t 203.0.113.1:80 -s mh -b mh-fallback,mh-port");
	op.svc.flags = IPVS_FLAG_PERSISTENT;
	op.svc.timeout = 300;
	expect(&op, "-A -t 203.0.113.1:80 -s mh -p 300 -M 255.255.255.255");
	op.svc.prefix = 20; /* for IPv4 ipvsadm would read a bare 20 as the mask 0.0.0.20 */
	expect(&op, "-A -t 203.0.113.1:80 -s mh -p 300 -M 255.255.240.0");
	op.svc.prefix = 0;
	expect(&op, "-A -t 203.0.113.1:80 -s mh -p 300 -M 0.0.0.0");
	op.svc = svc_of("[2001:db8::1]:5060/udp", "rr");
	op.svc.flags = IPVS_FLAG_PERSISTENT;
	op.svc.timeout = 60;
	op.svc.prefix = 64;
	strcpy(op.svc.engine, "sip");
	expect(&op, "-A -u [2001:db8::1]:5060 -s rr -p 60 -M 64 --pe sip");
	op.svc.flags = IPVS_FLAG_SCHED1; /* rr has no word for it */
	op.svc.engine[0] = '\0';
	expect(&op, "-A -u [2001:db8::1]:5060 -s rr");
}
END_TEST

static const struct {
	const char *what;
	struct ipvs_dest d;
	const char *text;
} dest_rows[] = {
	{ "nat", { .method = IPVS_METHOD_NAT, .weight = 1 }, "-m -w 1" },
	{ "dr", { .method = IPVS_METHOD_DR, .weight = 0 }, "-g -w 0" },
	{ "ipip", { .method = IPVS_METHOD_TUN, .weight = 2 }, "-i -w 2" },
	{ "gue", { .method = IPVS_METHOD_TUN, .weight = 2, .tunnel = { IPVS_TUNNEL_GUE, IPVS_TUNNEL_CSUM, 6080 } },
		"-i -w 2 --tun-type gue --tun-port 6080 --tun-csum" },
	{ "gre", { .method = IPVS_METHOD_TUN, .weight = 2, .tunnel = { IPVS_TUNNEL_GRE, IPVS_TUNNEL_REMCSUM, 0 } },
		"-i -w 2 --tun-type gre --tun-remcsum" },
	{ "a tunnel's details say nothing on nat", { .method = IPVS_METHOD_NAT, .tunnel = { 1, 1, 1 } }, "-m -w 0" },
	{ "thresholds", { .upper = 100, .lower = 75, .weight = 1 }, "-m -w 1 -x 100 -y 75" },
	{ "only the upper one", { .upper = 4294967295, .weight = 1 }, "-m -w 1 -x 4294967295 -y 0" },
	{ "a method no kernel has", { .method = 7, .weight = 1 }, "-m -w 1" },
};

START_TEST(destinations_in_the_words_of_ipvsadm)
{
	char want[256], out[IPVS_OP_STRLEN];
	for (size_t i = 0; i < COUNT(dest_rows); i++) {
		struct ipvs_op op = op_of(IPVS_OP_DEST_ADD, "203.0.113.1:80/tcp", "wlc");
		op.dest = dest_rows[i].d;
		op.dest.addr = dest_of("10.1.0.1:1", 0).addr;
		op.dest.port = 8080;
		snprintf(want, sizeof(want), "-a -t 203.0.113.1:80 -r 10.1.0.1:8080 %s", dest_rows[i].text);
		ck_assert_msg(strcmp(ipvs_op_str(&op, out), want) == 0, "%s: '%s' and not '%s'", dest_rows[i].what, out,
			want);
		op.type = IPVS_OP_DEST_SET;
		want[1] = 'e';
		ck_assert_msg(strcmp(ipvs_op_str(&op, out), want) == 0, "%s: '%s' and not '%s'", dest_rows[i].what, out,
			want);
		op.type = IPVS_OP_DEST_DEL;
		ck_assert_str_eq(ipvs_op_str(&op, out), "-d -t 203.0.113.1:80 -r 10.1.0.1:8080");
	}
}
END_TEST

START_TEST(the_longest_op_fits_and_a_name_without_end_is_cut)
{
	char out[IPVS_OP_STRLEN];
	struct ipvs_op op = op_of(IPVS_OP_DEST_ADD, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535/sctp", "wlc");
	op.dest = dest_of("[1111:2222:3333:4444:5555:6666:7777:9999]:65535", 2147483647);
	op.dest.method = IPVS_METHOD_TUN;
	op.dest.tunnel = (struct ipvs_tunnel){ IPVS_TUNNEL_GUE, IPVS_TUNNEL_REMCSUM, 65535 };
	op.dest.upper = op.dest.lower = 4294967295;
	ipvs_op_str(&op, out);
	ck_assert_msg(strstr(out, "-y 4294967295") && strlen(out) < IPVS_OP_STRLEN - 1, "it was cut: %s", out);
}
END_TEST

static const struct {
	const char *what;
	enum ipvs_op_type type;
	const char *scheduler, *engine;
	uint8_t method;
	const char *backend;
	int err;
	const char *says; /* words that must be there */
} explain_rows[] = {
	{ "a scheduler that is not loaded", IPVS_OP_SERVICE_ADD, "wlc", "", 0, "10.1.0.1:80", ENOENT,
		"modprobe ip_vs_wlc" },
	{ "a scheduler of newer kernels", IPVS_OP_SERVICE_SET, "twos", "", 0, "10.1.0.1:80", ENOENT,
		"Linux 6.2 or later" },
	{ "scheduler or engine", IPVS_OP_SERVICE_ADD, "wlc", "sip", 0, "10.1.0.1:80", ENOENT, "ip_vs_pe_sip" },
	{ "no IPv6", IPVS_OP_SERVICE_ADD, "wlc", "", 0, "10.1.0.1:80", EAFNOSUPPORT, "no IPv6" },
	{ "too many for mh", IPVS_OP_SERVICE_SET, "mh", "", 0, "10.1.0.1:80", EINVAL, "4093" },
	{ "another errno of a service", IPVS_OP_SERVICE_ADD, "wlc", "", 0, "10.1.0.1:80", EIO, "Input/output error" },
	{ "no right", IPVS_OP_DEST_ADD, "wlc", "", 0, "10.1.0.1:80", EPERM, "CAP_NET_ADMIN" },
	{ "no memory", IPVS_OP_DEST_ADD, "mh", "", 0, "10.1.0.1:80", ENOMEM, "out of memory" },
	{ "an address that is not unicast", IPVS_OP_DEST_ADD, "wlc", "", 0, "224.0.0.1:80", EINVAL, "unicast" },
	{ "an address of the other family", IPVS_OP_DEST_ADD, "wlc", "", IPVS_METHOD_TUN, "[2001:db8::2]:80", EINVAL,
		"sync daemon" },
	{ "a tunnel of the same family", IPVS_OP_DEST_ADD, "wlc", "", IPVS_METHOD_TUN, "10.1.0.1:80", EINVAL,
		"unicast" },
	{ "a weight out of range", IPVS_OP_DEST_SET, "wlc", "", 0, "10.1.0.1:80", ERANGE, "range" },
	{ "another errno of a backend", IPVS_OP_DEST_DEL, "wlc", "", 0, "10.1.0.1:80", EBUSY, "busy" },
};

START_TEST(a_refusal_says_what_it_means_and_what_mends_it)
{
	for (size_t i = 0; i < COUNT(explain_rows); i++) {
		struct ipvs_op op = op_of(explain_rows[i].type, "203.0.113.1:80/tcp", explain_rows[i].scheduler);
		snprintf(op.svc.engine, sizeof(op.svc.engine), "%s", explain_rows[i].engine);
		op.dest = dest_of(explain_rows[i].backend, 1);
		op.dest.method = explain_rows[i].method;
		char out[256];
		ipvs_op_explain(&op, explain_rows[i].err, out, sizeof(out));
		ck_assert_msg(strstr(out, explain_rows[i].says) != NULL, "%s: '%s' does not say '%s'",
			explain_rows[i].what, out, explain_rows[i].says);
	}
}
END_TEST

static const struct {
	enum ipvs_op_type type;
	enum ipvs_method method;
	const char *backend;
	int err;
	bool minds;
} daemon_rows[] = {
	{ IPVS_OP_DEST_ADD, IPVS_METHOD_TUN, "[2001:db8::2]:80", EINVAL, true },
	{ IPVS_OP_DEST_SET, IPVS_METHOD_TUN, "[2001:db8::2]:80", EINVAL, true },
	{ IPVS_OP_DEST_DEL, IPVS_METHOD_TUN, "[2001:db8::2]:80", EINVAL, false }, /* it asks for no such thing there */
	{ IPVS_OP_SERVICE_SET, IPVS_METHOD_TUN, "[2001:db8::2]:80", EINVAL, false },
	{ IPVS_OP_DEST_ADD, IPVS_METHOD_NAT, "[2001:db8::2]:80", EINVAL, false }, /* without them, too */
	{ IPVS_OP_DEST_ADD, IPVS_METHOD_TUN, "10.1.0.1:80", EINVAL, false },
	{ IPVS_OP_DEST_ADD, IPVS_METHOD_TUN, "[2001:db8::2]:80", ERANGE, false },
	{ IPVS_OP_DEST_ADD, IPVS_METHOD_TUN, "[2001:db8::2]:80", 0, false },
};

START_TEST(who_is_refused_because_of_the_sync_daemons)
{
	for (size_t i = 0; i < COUNT(daemon_rows); i++) {
		struct ipvs_op op = op_of(daemon_rows[i].type, "203.0.113.1:80/tcp", "wlc");
		op.dest = dest_of(daemon_rows[i].backend, 1);
		op.dest.method = daemon_rows[i].method;
		ck_assert_msg(ipvs_op_minds_daemons(&op, daemon_rows[i].err) == daemon_rows[i].minds, "row %zu", i);
	}
}
END_TEST

START_TEST(a_small_buffer_cuts_the_text)
{
	struct ipvs_op op = op_of(IPVS_OP_SERVICE_ADD, "203.0.113.1:80/tcp", "wlc");
	char full[256];
	ipvs_op_explain(&op, ENOENT, full, sizeof(full));
	for (size_t size = 1; size <= 40; size++) {
		char *out = malloc(size); /* exact, for the sanitizer */
		ipvs_op_explain(&op, ENOENT, out, size);
		ck_assert_msg(strlen(out) == size - 1 && memcmp(out, full, size - 1) == 0, "size %zu: '%s'", size, out);
		free(out);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { services_in_the_words_of_ipvsadm, flags_and_persistence_as_ipvsadm_takes_them,
		destinations_in_the_words_of_ipvsadm, the_longest_op_fits_and_a_name_without_end_is_cut,
		a_refusal_says_what_it_means_and_what_mends_it, who_is_refused_because_of_the_sync_daemons,
		a_small_buffer_cuts_the_text };
	return run_suite("ipvs_op", tests, COUNT(tests));
}
