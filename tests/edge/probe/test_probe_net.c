/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single probes on a loop of their own, against servers of any temper on the loopback. */
#include "common/buf.h"
#include "lbd/check/check_probe.h"
#include "tests/edge/probe/one_probe.h"
#include "tests/edge/unwatched.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- servers: one child each, which serves until it is ended ---- */

enum temper {
	ABSENT, /* a port where nobody listens */
	SILENT,
	SAYS,   /* its text; '|' is a pause */
	CLOSES, /* the same, then it hangs up */
	ECHOES,
	DRIPS, /* single bytes for ever */
	POURS
};

static pid_t server;

/* to: NULL on a connection */
static void say(int fd, const char *text, const struct sockaddr_in *to)
{
	while (*text) {
		size_t n = strcspn(text, "|");
		sendto(fd, text, n, MSG_NOSIGNAL, (const struct sockaddr *)to, to ? sizeof(*to) : 0);
		text += n;
		if (*text == '|') {
			poll(NULL, 0, 15);
			text++;
		}
	}
}

static void serve_tcp(int listener, enum temper temper, const char *text)
{
	static char buf[32768];
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n = 1;
		if (temper == SAYS || temper == CLOSES)
			say(fd, text, NULL);
		memset(buf, 'x', sizeof(buf));
		while (temper == DRIPS && send(fd, "x", 1, MSG_NOSIGNAL) == 1)
			poll(NULL, 0, 1);
		while (temper == POURS && send(fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
			;
		while (temper != CLOSES && (n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (temper == ECHOES)
				send(fd, buf, (size_t)n, MSG_NOSIGNAL);
		close(fd);
	}
}

static void serve_udp(int fd, enum temper temper, const char *text)
{
	char buf[4096];
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			continue;
		if (temper == SAYS)
			say(fd, text, &from);
		for (int i = 0; temper == POURS && i < 100; i++)
			say(fd, "x", &from);
		if (temper == ECHOES)
			sendto(fd, buf, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&from, len);
	}
}

/* Returns its port. */
static uint16_t serve(int type, enum temper temper, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	if (temper != ABSENT) {
		ck_assert(type == SOCK_DGRAM || listen(fd, 16) == 0);
		server = fork();
		if (server == 0) {
			alarm(30);
			if (type == SOCK_DGRAM)
				serve_udp(fd, temper, text);
			serve_tcp(fd, temper, text);
		}
	}
	close(fd);
	return ntohs(a.sin_port);
}

static void end_server(void)
{
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

static struct lb_text bytes;

static void put(enum check_param key, const char *value)
{
	if (value)
		ck_assert_int_eq(check_param_put(&bytes, key, value, strlen(value)), 0);
}

static struct check_spec spec_of(enum check_type type, const char *addr, uint16_t port, uint32_t timeout_ms)
{
	struct check_spec s = { .type = type, .port = port, .timeout_ms = timeout_ms };
	ck_assert_int_eq(lb_ip_parse(addr, strlen(addr), &s.addr), 0);
	s.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
	return s;
}

/* Descriptors that are open: none may be left behind by a probe. */
static int open_fds(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- TCP, UDP and agents ---- */

#define TCP   CHECK_TYPE_TCP
#define UDP   CHECK_TYPE_UDP
#define AGENT CHECK_TYPE_AGENT

static const struct {
	const char *what;
	enum check_type type;
	enum temper temper;
	const char *text, *send, *expect, *regex;
	enum check_code code;
	const char *result;
} rows[] = {
	{ "a plain connection", TCP, SILENT, NULL, NULL, NULL, NULL, CHECK_CODE_L4OK, "connected" },
	{ "nobody listens", TCP, ABSENT, NULL, NULL, NULL, "x", CHECK_CODE_L4CON, "connection refused" },
	{ "a pattern over pieces", TCP, SAYS, "2|20 ma|il ES|MTP", NULL, NULL, "^220 .*ESMTP", CHECK_CODE_L7OK,
		"expected bytes seen" },
	{ "a pattern on the last byte, after a long reply and a pause", TCP, SAYS,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|b", NULL, NULL, "ab$", CHECK_CODE_L7OK,
		"expected bytes seen" },
	{ "bytes and a pattern", TCP, SAYS, "220 |mail", NULL, "220", "mail", CHECK_CODE_L7OK, "expected bytes seen" },
	{ "only the pattern", TCP, CLOSES, "220 mail", NULL, "250", "mail", CHECK_CODE_L7RSP, "closed: 220 mail" },
	{ "only the bytes", TCP, CLOSES, "220 mail", NULL, "220", "^mail", CHECK_CODE_L7RSP, "closed: 220 mail" },
	{ "a pattern that never comes", TCP, SAYS, "220 mail", NULL, NULL, "SSH", CHECK_CODE_L7TOUT,
		"connected, expected bytes did not come" },
	{ "single bytes for ever", TCP, DRIPS, NULL, NULL, NULL, "y", CHECK_CODE_L7TOUT,
		"connected, expected bytes did not come" },
	{ "too much", TCP, POURS, NULL, NULL, NULL, "y", CHECK_CODE_L7RSP,
		"not in 64 KiB: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." },
	{ "too costly", TCP, POURS, NULL, NULL, NULL, "[a-z]+[0-9]", CHECK_CODE_L7RSP,
		"pattern takes too long: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." },
	{ "a pattern that is none", TCP, SILENT, NULL, NULL, NULL, "(", CHECK_CODE_SOCKERR,
		"expect or expect_regex is not valid" },

	{ "an agent that is up", AGENT, CLOSES, "up\n", NULL, NULL, NULL, CHECK_CODE_L7OK, "up" },
	{ "without a line end", AGENT, CLOSES, "75%", NULL, NULL, NULL, CHECK_CODE_L7OKC, "weight 75%" },
	{ "in pieces, and it stays", AGENT, SAYS, "re|ady 4|2\r|\n", NULL, NULL, NULL, CHECK_CODE_L7OKC, "weight 42" },
	{ "drain", AGENT, SAYS, "drain\n", NULL, NULL, NULL, CHECK_CODE_L7OKC, "drain" },
	{ "down and why", AGENT, SAYS, "down # disk\x01\n", NULL, NULL, NULL, CHECK_CODE_L7STS, "disk\\x01" },
	{ "nonsense", AGENT, SAYS, "SSH-2.0-x\r\n", NULL, NULL, NULL, CHECK_CODE_L7RSP, "not an agent: SSH-2.0-x" },
	{ "asked first", AGENT, ECHOES, NULL, "up 7\n", NULL, NULL, CHECK_CODE_L7OKC, "weight 7" },
	{ "half a line", AGENT, SAYS, "up", NULL, NULL, NULL, CHECK_CODE_L7TOUT, "connected, the line did not end" },
	{ "no line", AGENT, SILENT, NULL, NULL, NULL, NULL, CHECK_CODE_L7TOUT, "connected, no byte came" },
	{ "closed at once", AGENT, CLOSES, "", NULL, NULL, NULL, CHECK_CODE_L7RSP, "not an agent, no byte came" },
	{ "a line without end", AGENT, POURS, NULL, NULL, NULL, NULL, CHECK_CODE_L7RSP,
		"no line in 256 bytes: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..." },
	{ "no agent", AGENT, ABSENT, NULL, NULL, NULL, NULL, CHECK_CODE_L4CON, "connection refused" },

	{ "a closed port", UDP, ABSENT, NULL, NULL, NULL, NULL, CHECK_CODE_L4CON, "connection refused" },
	{ "a closed port, with expect", UDP, ABSENT, NULL, "x", "x", NULL, CHECK_CODE_L4CON, "connection refused" },
	{ "silence is good without expect", UDP, SILENT, NULL, NULL, NULL, NULL, CHECK_CODE_L4OK, "no error came" },
	{ "any answer to nothing", UDP, ECHOES, NULL, NULL, NULL, NULL, CHECK_CODE_L4OK, "it answers" },
	{ "silence is bad with it", UDP, SILENT, NULL, "x", "x", NULL, CHECK_CODE_L7TOUT, "no reply came" },
	{ "the wanted reply", UDP, ECHOES, NULL, "PING", "ING", NULL, CHECK_CODE_L7OK, "expected bytes seen" },
	{ "one of several", UDP, SAYS, "abc|def|ghi", "x", "e", NULL, CHECK_CODE_L7OK, "expected bytes seen" },
	{ "not across two", UDP, SAYS, "abc|def", "x", "cd", NULL, CHECK_CODE_L7RSP, "no reply matches: def" },
	{ "a pattern", UDP, SAYS, "abc|def", "x", NULL, "^d.f$", CHECK_CODE_L7OK, "expected bytes seen" },
	{ "a flood", UDP, POURS, NULL, "x", "y", NULL, CHECK_CODE_L7RSP, "no reply of 64 matches: x" },
};

static void check_row(int i, double run_ms)
{
	bytes.n = 0;
	put(CHECK_PARAM_SEND, rows[i].send);
	put(CHECK_PARAM_EXPECT, rows[i].expect);
	put(CHECK_PARAM_EXPECT_REGEX, rows[i].regex);
	uint16_t port = serve(rows[i].type == UDP ? SOCK_DGRAM : SOCK_STREAM, rows[i].temper, rows[i].text);
	struct check_spec s = spec_of(rows[i].type, "127.0.0.1", port, 400);
	int fds = open_fds();
	struct outcome o = probe(&s, run_ms);
	ck_assert_msg(open_fds() == fds, "%s: a descriptor is left", rows[i].what);
	if (run_ms > 1000)
		ck_assert_msg(o.done == 1 && o.r.code == rows[i].code && strcmp(o.r.text, rows[i].result) == 0,
			"%s: %u, %s '%s'", rows[i].what, o.done, check_codes[o.r.code].name, o.r.text);
	end_server();
}

START_TEST(every_temper)
{
	check_row(_i, 5000);
}
END_TEST

/* Cancelled after some milliseconds, wherever it is then: nothing is left, nobody is told twice. */
START_TEST(cancelled_on_the_way)
{
	check_row(_i, 0);
	check_row(_i, 10);
}
END_TEST

START_TEST(a_weight_comes_along)
{
	bytes.n = 0;
	struct check_spec s = spec_of(AGENT, "127.0.0.1", serve(SOCK_STREAM, SAYS, "up 30%\n"), 400);
	struct outcome o = probe(&s, 5000);
	ck_assert_int_eq(o.r.weight.kind, CHECK_WEIGHT_PERCENT);
	ck_assert_uint_eq(o.r.weight.value, 30);
	end_server();
}
END_TEST

/* An error may take as long as it wants, up to the timeout. */
START_TEST(udp_silence_is_good_at_the_timeout)
{
	bytes.n = 0;
	struct check_spec s = spec_of(UDP, "127.0.0.1", serve(SOCK_DGRAM, SILENT, NULL), 1500);
	struct outcome o = probe(&s, 5000);
	ck_assert_int_eq(o.r.code, CHECK_CODE_L4OK);
	ck_assert_uint_ge(o.r.latency_us, 1400000);
	end_server();
}
END_TEST

static const struct {
	const char *what;
	enum check_type type;
	int kind; /* of the server */
	enum temper temper;
	const char *send;
} watched[] = {
	{ "a connection that talks", TCP, SOCK_STREAM, SAYS, "x" },
	{ "a weight", AGENT, SOCK_STREAM, SAYS, NULL },
	{ "a datagram", UDP, SOCK_DGRAM, ECHOES, "x" },
	{ "a datagram that needs no answer", UDP, SOCK_DGRAM, SILENT, NULL },
};

/* Nothing is known of a backend whose socket the kernel does not watch: that is no verdict, and not a good one. */
START_TEST(a_socket_that_is_not_watched_is_our_error)
{
	bytes.n = 0;
	put(CHECK_PARAM_SEND, watched[_i].send);
	struct check_spec s =
		spec_of(watched[_i].type, "127.0.0.1", serve(watched[_i].kind, watched[_i].temper, "up 30%\n"), 1000);
	unwatched = UNWATCHED_ALL;
	struct outcome o = probe(&s, 5000);
	unwatched = UNWATCHED_NONE;
	ck_assert_msg(o.done == 1 && o.r.code == CHECK_CODE_SOCKERR, "%s: %u, %s '%s'", watched[_i].what, o.done,
		check_codes[o.r.code].name, o.r.text);
	ck_assert_uint_gt(n_unwatched, 0);
	end_server();
}
END_TEST

/* ---- ICMP and unreachable hosts, in a network namespace of the test's own ---- */

static bool run(const char *command)
{
	return system(command) == 0; /* NOLINT(cert-env33-c): fixed commands, in a namespace of their own */
}

static bool enter_namespace(const char *ping_range)
{
	if (unshare(CLONE_NEWNET) || !run("ip link set lo up"))
		return false;
	int fd = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, ping_range, strlen(ping_range)) > 0;
	if (fd >= 0)
		close(fd);
	return ok && run("ip link add d0 type veth peer name d1 && ip link set d0 up && ip link set d1 up &&"
			 "ip addr add 192.0.2.1/24 dev d0 && ip -6 addr add 2001:db8::1/64 dev d0 nodad &&"
			 "ip route add unreachable 198.51.100.1 && ip route add prohibit 198.51.100.2 &&"
			 "ip route add blackhole 198.51.100.3 && ip -6 route add blackhole 2001:db8:1::3 &&"
			 "ip ntable change name arp_cache dev d0 retrans 20 &&"
			 "ip ntable change name ndisc_cache dev d0 retrans 20");
}

static const struct {
	const char *what;
	enum check_type type;
	const char *addr, *send, *range;
	enum check_code code;
	const char *text;
} hosts[] = {
	{ "this host", CHECK_TYPE_ICMP, "127.0.0.1", NULL, "0 0", CHECK_CODE_L3OK, "echo reply" },
	{ "this host over IPv6", CHECK_TYPE_ICMP, "::1", NULL, "0 0", CHECK_CODE_L3OK, "echo reply" },
	{ "a host that is not there", CHECK_TYPE_ICMP, "192.0.2.9", NULL, "0 0", CHECK_CODE_L3CON,
		"host unreachable, says 192.0.2.1" },
	{ "one over IPv6", CHECK_TYPE_ICMP, "2001:db8::9", NULL, "0 0", CHECK_CODE_L3CON,
		"address unreachable, says 2001:db8::1" },
	{ "no route", CHECK_TYPE_ICMP, "203.0.113.1", NULL, "0 0", CHECK_CODE_L3CON, "network is unreachable" },
	{ "a route that says no", CHECK_TYPE_ICMP, "198.51.100.1", NULL, "0 0", CHECK_CODE_L3CON, "no route to host" },
	{ "a route that forbids", CHECK_TYPE_ICMP, "198.51.100.2", NULL, "0 0", CHECK_CODE_SOCKERR,
		"permission denied" },
	{ "for tcp", CHECK_TYPE_TCP, "198.51.100.2", NULL, "0 0", CHECK_CODE_SOCKERR, "permission denied" },
	{ "a route to nowhere", CHECK_TYPE_ICMP, "198.51.100.3", NULL, "0 0", CHECK_CODE_SOCKERR, "invalid argument" },
	{ "over IPv6", CHECK_TYPE_ICMP, "2001:db8:1::3", NULL, "0 0", CHECK_CODE_SOCKERR, "invalid argument" },
	{ "for tcp", CHECK_TYPE_TCP, "198.51.100.3", NULL, "0 0", CHECK_CODE_SOCKERR, "invalid argument" },
	{ "for tcp with bytes", CHECK_TYPE_TCP, "2001:db8:1::3", "x", "0 0", CHECK_CODE_SOCKERR, "invalid argument" },
	{ "for udp", CHECK_TYPE_UDP, "198.51.100.3", "x", "0 0", CHECK_CODE_SOCKERR, "invalid argument" },
	{ "for libcurl", CHECK_TYPE_HTTP, "198.51.100.3", NULL, "0 0", CHECK_CODE_SOCKERR, "invalid argument" },
	{ "a link-local address of no card", CHECK_TYPE_TCP, "fe80::9", NULL, "0 0", CHECK_CODE_SOCKERR,
		"invalid argument" },
	{ "not our group", CHECK_TYPE_ICMP, "127.0.0.1", NULL, "1 0", CHECK_CODE_SOCKERR,
		"ping sockets are not allowed: net.ipv4.ping_group_range" },
	{ "a datagram to a host that is not there", CHECK_TYPE_UDP, "192.0.2.9", "x", "0 0", CHECK_CODE_L4CON,
		"no route to host" },
	{ "one over IPv6", CHECK_TYPE_UDP, "2001:db8::9", "x", "0 0", CHECK_CODE_L4CON, "no route to host" },
	{ "a datagram without a route", CHECK_TYPE_UDP, "203.0.113.1", "x", "0 0", CHECK_CODE_L4CON,
		"network is unreachable" },
};

START_TEST(hosts_and_routes)
{
	if (!enter_namespace(hosts[_i].range)) {
		printf("skipped: no network namespace here\n");
		return;
	}
	bytes.n = 0;
	put(CHECK_PARAM_SEND, hosts[_i].send);
	struct check_spec s = spec_of(hosts[_i].type, hosts[_i].addr, 9, 2000);
	int fds = open_fds();
	struct outcome o = probe(&s, 5000);
	ck_assert_msg(o.done == 1 && o.r.code == hosts[_i].code && strcmp(o.r.text, hosts[_i].text) == 0,
		"%s: %u, %s '%s'", hosts[_i].what, o.done, check_codes[o.r.code].name, o.r.text);
	bool two_meanings = strcmp(o.r.text, "invalid argument") == 0 || strcmp(o.r.text, "permission denied") == 0;
	ck_assert_msg(o.r.ask_route == two_meanings, "%s", hosts[_i].what);
	if (hosts[_i].type != CHECK_TYPE_HTTP) /* libcurl keeps some */
		ck_assert_int_eq(open_fds(), fds);
}
END_TEST

START_TEST(an_echo_that_is_not_watched_is_our_error)
{
	if (!enter_namespace("0 0")) {
		printf("skipped: no network namespace here\n");
		return;
	}
	bytes.n = 0;
	struct check_spec s = spec_of(CHECK_TYPE_ICMP, "127.0.0.1", 0, 500);
	unwatched = UNWATCHED_ALL;
	struct outcome o = probe(&s, 5000);
	ck_assert_int_eq(o.r.code, CHECK_CODE_SOCKERR);
}
END_TEST

/* Nobody answers, and nobody says so: the kernel is told to keep quiet. */
START_TEST(icmp_silence)
{
	if (!enter_namespace("0 0") || !run("sysctl -qw net.ipv4.icmp_echo_ignore_all=1")) {
		printf("skipped: no network namespace here\n");
		return;
	}
	bytes.n = 0;
	struct check_spec s = spec_of(CHECK_TYPE_ICMP, "127.0.0.1", 0, 100);
	struct outcome o = probe(&s, 5000);
	ck_assert_int_eq(o.r.code, CHECK_CODE_L3TOUT);
	ck_assert_str_eq(o.r.text, "no echo reply");
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *s = suite_create("probe_net");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, end_server);
	tcase_add_loop_test(tc, every_temper, 0, LEN(rows));
	tcase_add_loop_test(tc, cancelled_on_the_way, 0, LEN(rows));
	tcase_add_test(tc, a_weight_comes_along);
	tcase_add_test(tc, udp_silence_is_good_at_the_timeout);
	tcase_add_loop_test(tc, hosts_and_routes, 0, LEN(hosts));
	tcase_add_loop_test(tc, a_socket_that_is_not_watched_is_our_error, 0, LEN(watched));
	tcase_add_test(tc, an_echo_that_is_not_watched_is_our_error);
	tcase_add_test(tc, icmp_silence);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	lb_text_done(&bytes);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
