/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS probes against name servers of any temper on the loopback: a child that answers from a table, over UDP and, at
 * the same port, over TCP. */
#include "common/buf.h"
#include "lbd/check/check_probe.h"
#include "tests/edge/probe/one_probe.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the server ---- */

/* What becomes of a query; several make several replies. */
enum deed {
	END,
	ABSENT,   /* as the first: nobody listens */
	ANSWER,   /* 192.0.2.1 */
	NXDOMAIN, /* no such name */
	CUT,      /* nothing, it did not fit */
	WRONG_ID,
	WRONG_NAME,
	NOT_DNS, /* the query comes back */
	PAUSE,   /* some milliseconds */
	CLOSE,   /* over TCP: hangs up */
	HALF,    /* over TCP: not all of the answer */
	PIECES,  /* over TCP: the answer, byte by byte */
	FLOOD    /* a hundred times the wrong id */
};
#define DEEDS 5

static pid_t server;

static size_t answer(enum deed deed, const uint8_t *query, size_t n, uint8_t *out)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1 };
	bool with = deed != NXDOMAIN && deed != CUT && deed != NOT_DNS;
	memcpy(out, query, n);
	if (deed == NOT_DNS)
		return n;
	out[2] = deed == CUT ? 0x87 : 0x85;
	out[3] = deed == NXDOMAIN ? 0x83 : 0x80;
	out[7] = with;
	if (deed == WRONG_ID || deed == FLOOD)
		out[0] ^= 1;
	if (deed == WRONG_NAME)
		out[13] ^= 1;
	if (with)
		memcpy(out + n, record, sizeof(record));
	return n + (with ? sizeof(record) : 0);
}

static void put_bytes(int fd, const uint8_t *bytes, size_t n, bool pieces)
{
	for (size_t i = 0; pieces && i < n; i++) {
		send(fd, bytes + i, 1, MSG_NOSIGNAL);
		poll(NULL, 0, 1);
	}
	if (!pieces)
		send(fd, bytes, n, MSG_NOSIGNAL);
}

/* False: it hangs up. */
static bool serve(int fd, bool stream, const enum deed *deeds, const uint8_t *query, size_t n)
{
	uint8_t out[1024];
	for (; *deeds != END; deeds++) {
		if (*deeds == PAUSE)
			poll(NULL, 0, 20);
		if (*deeds == CLOSE)
			return false;
		if (*deeds == PAUSE)
			continue;
		size_t size = answer(*deeds, query, n, out + 2), skip = stream ? 0 : 2;
		out[0] = (uint8_t)(size >> 8);
		out[1] = (uint8_t)size;
		for (int i = 0; i < (*deeds == FLOOD ? 100 : 1); i++)
			put_bytes(fd, out + skip, size + 2 - skip - (*deeds == HALF ? 3 : 0), *deeds == PIECES);
	}
	return true;
}

static void serve_tcp(int listener, const enum deed *deeds)
{
	uint8_t query[512];
	int fd = accept(listener, NULL, NULL);
	/* loopback: a query comes whole */
	ssize_t n = recv(fd, query, sizeof(query), 0);
	if (n > 14 && serve(fd, true, deeds, query + 2, (size_t)n - 2))
		while (recv(fd, query, sizeof(query), 0) > 0)
			;
	close(fd);
}

static void serve_udp(int fd, const enum deed *deeds)
{
	uint8_t query[512];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &len);
	if (n < 12)
		return;
	if (connect(fd, (struct sockaddr *)&from, len))
		return;
	serve(fd, false, deeds, query, (size_t)n);
	from.sin_family = AF_UNSPEC;
	(void)connect(fd, (struct sockaddr *)&from, len);
}

static void serve_both(int udp, int tcp, const enum deed *udp_deeds, const enum deed *tcp_deeds)
{
	alarm(30);
	for (;;) {
		struct pollfd fds[2] = { { udp, POLLIN, 0 }, { tcp, POLLIN, 0 } };
		poll(fds, 2, -1);
		if (fds[0].revents)
			serve_udp(udp, udp_deeds);
		if (fds[1].revents)
			serve_tcp(tcp, tcp_deeds);
	}
}

/* Returns its port, the same for both. */
static uint16_t start_server(const enum deed *udp_deeds, const enum deed *tcp_deeds)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	int udp = -1, tcp = -1, rc = -1;
	for (int tries = 0; tries < 20 && rc; tries++) {
		close(udp);
		close(tcp);
		a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(udp, (struct sockaddr *)&a, len), 0);
		ck_assert_int_eq(getsockname(udp, (struct sockaddr *)&a, &len), 0);
		rc = bind(tcp, (struct sockaddr *)&a, len);
	}
	ck_assert_int_eq(rc, 0);
	if (*udp_deeds == ABSENT)
		close(udp);
	ck_assert(*tcp_deeds == ABSENT || listen(tcp, 16) == 0);
	server = fork();
	if (server == 0)
		serve_both(*udp_deeds == ABSENT ? -1 : udp, *tcp_deeds == ABSENT ? -1 : tcp, udp_deeds, tcp_deeds);
	if (*udp_deeds != ABSENT)
		close(udp);
	close(tcp);
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

static int open_fds(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* ---- the rows ---- */

static const struct {
	const char *what, *transport, *answer, *rcode;
	enum deed udp[DEEDS], tcp[DEEDS];
	enum check_code code;
	const char *text;
} rows[] = {
	{ "a good answer", NULL, "192.0.2.1", NULL, { ANSWER }, { ABSENT }, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "udp by its name", "udp", NULL, NULL, { ANSWER }, { ABSENT }, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "another answer", NULL, "192.0.2.2", NULL, { ANSWER }, { ABSENT }, CHECK_CODE_L7STS,
		"no answer 192.0.2.2 among 1" },
	{ "no such name, as wanted", NULL, NULL, "NXDOMAIN", { NXDOMAIN }, { ABSENT }, CHECK_CODE_L7OK, "NXDOMAIN" },
	{ "no such name", NULL, NULL, NULL, { NXDOMAIN }, { ABSENT }, CHECK_CODE_L7STS, "NXDOMAIN" },
	{ "a wrong id, then the right one", NULL, NULL, NULL, { WRONG_ID, PAUSE, ANSWER }, { ABSENT }, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "another name, then the right one", NULL, NULL, NULL, { WRONG_NAME, ANSWER }, { ABSENT }, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "only wrong ids", NULL, NULL, NULL, { WRONG_ID, WRONG_ID }, { ABSENT }, CHECK_CODE_L7TOUT,
		"only replies to other questions" },
	{ "very many of them", NULL, NULL, NULL, { FLOOD }, { ABSENT }, CHECK_CODE_L7RSP,
		"64 replies to other questions" },
	{ "an echo", NULL, NULL, NULL, { NOT_DNS }, { ABSENT }, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "silence", NULL, NULL, NULL, { PAUSE }, { ABSENT }, CHECK_CODE_L7TOUT, "no reply" },
	{ "a closed port", NULL, NULL, NULL, { ABSENT }, { ABSENT }, CHECK_CODE_L4CON, "connection refused" },
	{ "cut off, whole over TCP", NULL, "192.0.2.1", NULL, { CUT }, { ANSWER }, CHECK_CODE_L7OK,
		"NOERROR, 1 answer" },
	{ "cut off, and no TCP", NULL, NULL, NULL, { CUT }, { ABSENT }, CHECK_CODE_L4CON, "connection refused" },
	{ "cut off, and silence over TCP", NULL, NULL, NULL, { CUT }, { PAUSE }, CHECK_CODE_L7TOUT, "no reply" },
	{ "TCP", "tcp", "192.0.2.1", NULL, { ABSENT }, { ANSWER }, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "a bit that means nothing over TCP", "tcp", NULL, NULL, { ABSENT }, { CUT }, CHECK_CODE_L7STS, "no answers" },
	{ "TCP in pieces", "tcp", NULL, NULL, { ABSENT }, { PIECES }, CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "over TCP a wrong id, then the right one", "tcp", NULL, NULL, { ABSENT }, { WRONG_ID, ANSWER },
		CHECK_CODE_L7OK, "NOERROR, 1 answer" },
	{ "TCP, very many wrong ids", "tcp", NULL, NULL, { ABSENT }, { FLOOD }, CHECK_CODE_L7RSP,
		"64 replies to other questions" },
	{ "TCP, an echo", "tcp", NULL, NULL, { ABSENT }, { NOT_DNS }, CHECK_CODE_L7RSP, "not a DNS reply" },
	{ "TCP, half an answer", "tcp", NULL, NULL, { ABSENT }, { HALF }, CHECK_CODE_L7TOUT, "the reply did not end" },
	{ "TCP, half an answer and the end", "tcp", NULL, NULL, { ABSENT }, { HALF, PAUSE, CLOSE }, CHECK_CODE_L7RSP,
		"closed within the reply" },
	{ "TCP, no answer and the end", "tcp", NULL, NULL, { ABSENT }, { CLOSE }, CHECK_CODE_L7RSP,
		"closed without a reply" },
	{ "TCP, silence", "tcp", NULL, NULL, { ABSENT }, { PAUSE }, CHECK_CODE_L7TOUT, "no reply" },
	{ "TCP, a closed port", "tcp", NULL, NULL, { ABSENT }, { ABSENT }, CHECK_CODE_L4CON, "connection refused" },
};

static struct lb_text bytes;

static void put(enum check_param key, const char *value)
{
	if (value)
		ck_assert_int_eq(check_param_put(&bytes, key, value, strlen(value)), 0);
}

static void check_row(int i, double run_ms)
{
	bytes.n = 0;
	put(CHECK_PARAM_QUERY, "Example.com a");
	put(CHECK_PARAM_ANSWER, rows[i].answer);
	put(CHECK_PARAM_RCODE, rows[i].rcode);
	put(CHECK_PARAM_TRANSPORT, rows[i].transport);
	struct check_spec s = { .type = CHECK_TYPE_DNS, .timeout_ms = 400 };
	ck_assert_int_eq(lb_ip_parse("127.0.0.1", 9, &s.addr), 0);
	s.port = start_server(rows[i].udp, rows[i].tcp);
	s.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
	int fds = open_fds();
	struct outcome o = probe(&s, run_ms);
	ck_assert_msg(open_fds() == fds, "%s: a descriptor is left", rows[i].what);
	if (run_ms > 1000)
		ck_assert_msg(o.done == 1 && o.r.code == rows[i].code && strcmp(o.r.text, rows[i].text) == 0,
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

/* Nobody should be able to tell the next one. */
START_TEST(ids_differ)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), same = 0;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	bytes.n = 0;
	put(CHECK_PARAM_QUERY, ". NS");
	struct check_spec s = { .type = CHECK_TYPE_DNS, .timeout_ms = 400, .port = ntohs(a.sin_port) };
	ck_assert_int_eq(lb_ip_parse("127.0.0.1", 9, &s.addr), 0);
	s.params = (struct check_params){ (const uint8_t *)bytes.s, (uint32_t)bytes.n };
	uint8_t last[2] = { 0 }, query[512];
	for (int i = 0; i < 8; i++) {
		probe(&s, 0);
		ck_assert_int_eq(recv(fd, query, sizeof(query), 0), 17);
		same += i && memcmp(last, query, 2) == 0;
		memcpy(last, query, 2);
	}
	ck_assert_int_le(same, 1); /* by chance, now and then */
	close(fd);
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *s = suite_create("probe_dns");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, NULL, end_server);
	tcase_add_loop_test(tc, every_temper, 0, LEN(rows));
	tcase_add_loop_test(tc, cancelled_on_the_way, 0, LEN(rows));
	tcase_add_test(tc, ids_differ);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	lb_text_done(&bytes);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
