/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The probes that ride on libcurl, each alone on a loop, against servers that follow scripts. */
#include "common/buf.h"
#include "common/clock_io.h"
#include "lbd/check/check_io.h"
#include "lbd/check/check_probe.h"
#include "servers.h"

#include <arpa/inet.h>
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 300  /* where a deadline is what is tested */
#define PATIENT_MS 5000 /* where it is not: a busy machine is no failure */
#define LATE_MS    50

static struct ev_loop *loop;
static struct certs certs;
static struct lb_text params;
static struct check_trace trace;
static struct check_result result;
static unsigned n_done;
static unsigned n_polls; /* epoll sets that libev has made: its calls come here */
static bool reads_ahead; /* contexts do, as those of libcurl from 8.15 on: they are made here */

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(NULL, NULL, method);
	if (ctx && reads_ahead)
		SSL_CTX_set_read_ahead(ctx, 1);
	return ctx;
}

int epoll_create1(int flags)
{
	n_polls++;
	return (int)syscall(SYS_epoll_create1, flags);
}

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	check_worker_prepare(-1);
	loop = ev_loop_new(EVFLAG_AUTO);
	certs_make(&certs);
	n_done = 0;
}

static void teardown(void)
{
	ev_loop_destroy(loop);
	servers_stop();
	certs_free(&certs);
	lb_text_done(&params);
}

/* ---- running one ---- */

struct param {
	enum check_param key;
	const char *value;
};

static struct check_spec spec_of(enum check_type type, uint16_t port, const struct param *p)
{
	struct check_spec s = { .type = type, .port = port, .timeout_ms = PATIENT_MS, .interval_ms = 1000 };
	lb_ip_parse("127.0.0.1", 9, &s.addr);
	lb_text_clear(&params);
	for (; p && p->key; p++) {
		const char *v = strcmp(p->value, "CA") == 0    ? certs.ca
				: strcmp(p->value, "CRT") == 0 ? certs.crt
				: strcmp(p->value, "KEY") == 0 ? certs.key
							       : p->value;
		ck_assert_int_eq(check_param_put(&params, p->key, v, strlen(v)), 0);
	}
	s.params = (struct check_params){ (const uint8_t *)params.s, (uint32_t)params.n };
	ck_assert(check_params_ok(s.params.bytes, s.params.n));
	return s;
}

static void on_done(struct check_probe *p, const struct check_result *r, void *arg)
{
	ck_assert(arg == &n_done);
	n_done++;
	result = *r;
	free(p); /* as the contract allows: what is touched afterwards is found by the sanitizer */
	ev_break(loop, EVBREAK_ALL);
}

static struct check_probe *start(const struct check_spec *s)
{
	const struct check_ops *ops = check_ops[s->type];
	ck_assert_ptr_nonnull(ops);
	struct check_probe *p = calloc(1, ops->size);
	ck_assert_ptr_nonnull(p);
	memset(&trace, 0, sizeof(trace));
	memset(&result, 0, sizeof(result));
	p->loop = loop;
	p->ops = ops;
	p->spec = s;
	p->done = on_done;
	p->arg = &n_done;
	p->trace = &trace;
	unsigned before = n_done;
	ev_now_update(loop);
	ck_assert_int_eq(ops->start(p, lb_clock_now()), 0);
	ck_assert_uint_eq(n_done, before); /* start never calls back */
	return p;
}

static void probe_once(const struct check_spec *s)
{
	unsigned before = n_done;
	start(s);
	ev_run(loop, 0);
	ck_assert_uint_eq(n_done, before + 1);
	ev_run(loop, EVRUN_NOWAIT); /* nothing comes behind it */
	ck_assert_uint_eq(n_done, before + 1);
}

/* On a machine that is busy with other things a probe may say that it was late. That is right, and not what is tested.
 */
static void probe(const struct check_spec *s)
{
	for (int i = 0; i < 5; i++) {
		probe_once(s);
		if (strcmp(result.text, "probe ran too late") != 0)
			break;
	}
}

static bool asan(void)
{
	return dlsym(NULL, "__asan_init") != NULL;
}

/* Our sockets that are connected to a server of ours. */
static unsigned connected_to(uint16_t port)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; (e = readdir(d));) {
		struct sockaddr_in a = { 0 };
		socklen_t len = sizeof(a);
		int fd = (int)strtol(e->d_name, NULL, 10);
		n += e->d_name[0] != '.' && getpeername(fd, (struct sockaddr *)&a, &len) == 0 &&
		     ntohs(a.sin_port) == port;
	}
	closedir(d);
	return n;
}

struct row {
	const char *what;
	enum check_type type;
	struct param params[6];
	struct op ops[14];
	enum cert cert;
	enum check_code code;
	const char *text;
};

static bool timed_out(enum check_code code)
{
	return code == CHECK_CODE_L4TOUT || code == CHECK_CODE_L6TOUT || code == CHECK_CODE_L7TOUT;
}

static void expect(const struct row *row)
{
	struct server *srv = server_start(row->ops, certs.ctx[row->cert]);
	struct check_spec s = spec_of(row->type, srv->port, row->params);
	bool late = timed_out(row->code);
	int64_t ms = 0;
	if (late)
		s.timeout_ms = TIMEOUT_MS;
	for (int i = 0; i < 5; i++) { /* a busy machine may hold us up, but not each time */
		probe(&s);
		ms = result.latency_us / 1000;
		if (ms <= TIMEOUT_MS + LATE_MS)
			break;
	}
	ck_assert_msg(result.code == row->code && strcmp(result.text, row->text) == 0, "%s: %s (%s)", row->what,
		check_codes[result.code].name, result.text);
	ck_assert_msg(connected_to(srv->port) == 0, "%s: it stays connected", row->what);
	ck_assert_msg(ms <= TIMEOUT_MS + LATE_MS, "%s: it took %ld ms", row->what, (long)ms);
	ck_assert_msg(ms >= TIMEOUT_MS || !late, "%s: it took only %ld ms", row->what, (long)ms);
}

#define NO_PARAMS                                                                                                      \
	{                                                                                                              \
		{                                                                                                      \
			0                                                                                              \
		}                                                                                                      \
	}
#define OK_HEAD    "HTTP/1.1 200 OK\r\n"
#define LEN(n)     "Content-Length: " #n "\r\n"
#define ROWS(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

/* ---- HTTP ---- */

static const struct row http_rows[] = {
	{ "a good reply", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, SAY(OK_HEAD LEN(2) "\r\nok"), HANG }, 0,
		CHECK_CODE_L7OK, "200" },
	{ "without a length the end is the end", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, SAY(OK_HEAD "\r\nok") }, 0,
		CHECK_CODE_L7OK, "200" },
	{ "the request is as asked", CHECK_TYPE_HTTP,
		{ { CHECK_PARAM_METHOD, "PUT" }, { CHECK_PARAM_PATH, "/a/../b?x=%20#y" },
			{ CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_HEADER, "X-Probe: 1" },
			{ CHECK_PARAM_DATA, "ping\r\n" } },
		{ LINE("PUT /a/../b?x=%20#y HTTP/1.1\r\n"), LINE("Host: app.example:"), LINE("User-Agent: lbd\r\n"),
			LINE("Accept: */*\r\n"), LINE("X-Probe: 1\r\n"), LINE("Content-Length: 6\r\n"),
			LINE("Content-Type: application/x-www-form-urlencoded\r\n"), LINE("\r\n"), LINE("ping\r\n"),
			SAY(OK_HEAD LEN(0) "\r\n"), HANG },
		0, CHECK_CODE_L7OK, "200" },
	{ "a Host among the headers is the only one", CHECK_TYPE_HTTP,
		{ { CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_HEADER, "Host: app.example:80" } },
		{ LINE("GET / HTTP/1.1\r\n"), LINE("Host: app.example:80\r\n"), LINE("User-Agent: lbd\r\n"),
			LINE("Accept: */*\r\n"), LINE("\r\n"), SAY(OK_HEAD LEN(0) "\r\n"), HANG },
		0, CHECK_CODE_L7OK, "200" },
	{ "HEAD has no body", CHECK_TYPE_HTTP, { { CHECK_PARAM_METHOD, "HEAD" } },
		{ LINE("HEAD / HTTP/1.1\r\n"), REQUEST, SAY(OK_HEAD LEN(9) "\r\n"), HANG }, 0, CHECK_CODE_L7OK, "200" },
	{ "a bad status says its name, at once", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY("HTTP/1.1 503 Service Unavailable\r\n\r\n"), POUR("x") }, 0, CHECK_CODE_L7STS,
		"503 Service Unavailable" },
	{ "a redirect is not followed", CHECK_TYPE_HTTP, { { CHECK_PARAM_STATUS, "200" } },
		{ REQUEST, SAY("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), HANG }, 0,
		CHECK_CODE_L7STS, "302 Found" },
	{ "a redirect alone is a fine answer", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), HANG }, 0,
		CHECK_CODE_L7OK, "302" },
	{ "the body is found across chunks, at once", CHECK_TYPE_HTTP, { { CHECK_PARAM_BODY, "ready" } },
		{ REQUEST, SAY(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n"), HANG }, 0,
		CHECK_CODE_L7OK, "200" },
	{ "the body is not what is wanted", CHECK_TYPE_HTTP, { { CHECK_PARAM_BODY, "ready" } },
		{ REQUEST, SAY(OK_HEAD LEN(4) "\r\nread"), HANG }, 0, CHECK_CODE_L7STS,
		"200, but the wanted text is not in the body" },
	{ "the regex matches", CHECK_TYPE_HTTP, { { CHECK_PARAM_BODY_REGEX, "^r[a-z]+y$" } },
		{ REQUEST, SAY(OK_HEAD LEN(5) "\r\nready"), HANG }, 0, CHECK_CODE_L7OK, "200" },
	{ "the regex does not match", CHECK_TYPE_HTTP, { { CHECK_PARAM_BODY_REGEX, "^x" } },
		{ REQUEST, SAY(OK_HEAD LEN(5) "\r\nready"), HANG }, 0, CHECK_CODE_L7STS,
		"200, but body_regex does not match" },
	{ "a weight in a header", CHECK_TYPE_HTTP,
		{ { CHECK_PARAM_WEIGHT_FROM, "header" }, { CHECK_PARAM_WEIGHT_NAME, "x-weight" } },
		{ REQUEST, SAY(OK_HEAD "X-Weight: 75%\r\n" LEN(0) "\r\n"), HANG }, 0, CHECK_CODE_L7OKC,
		"200, weight 75%" },
	{ "a weight in JSON", CHECK_TYPE_HTTP,
		{ { CHECK_PARAM_WEIGHT_FROM, "json" }, { CHECK_PARAM_WEIGHT_NAME, "load.free" } },
		{ REQUEST, SAY(OK_HEAD "\r\n{\"load\":{\"free\":12}}") }, 0, CHECK_CODE_L7OKC, "200, weight 12" },
	{ "another protocol is a reply, and it does not end", CHECK_TYPE_HTTP,
		{ { CHECK_PARAM_HEADER, "Upgrade: websocket" }, { CHECK_PARAM_STATUS, "101" } },
		{ REQUEST, SAY("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"), HANG }, 0,
		CHECK_CODE_L7OK, "101" },
	{ "silence", CHECK_TYPE_HTTP, NO_PARAMS, { HANG }, 0, CHECK_CODE_L7TOUT, "connected, no reply came" },
	{ "it closes without a word", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST }, 0, CHECK_CODE_L7RSP,
		"closed, no byte came" },
	{ "a byte now and then", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, DRIP("HTTP/1.1 200 OK\r\n") }, 0,
		CHECK_CODE_L7TOUT, "the headers of the reply did not end" },
	{ "a byte of the body now and then", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, SAY(OK_HEAD "\r\n"), DRIP("x") }, 0,
		CHECK_CODE_L7TOUT, "200, but the body did not end" },
	{ "a body without end", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, SAY(OK_HEAD "\r\n"), POUR("xxxxxxx") }, 0,
		CHECK_CODE_L7OK, "200" },
	{ "a body without end and without the text", CHECK_TYPE_HTTP,
		{ { CHECK_PARAM_BODY, "xxy" }, { CHECK_PARAM_MAX_BODY, "100000" } },
		{ REQUEST, SAY(OK_HEAD "\r\n"), POUR("xxxxxxx") }, 0, CHECK_CODE_L7STS,
		"200, but the wanted text is not in the body" },
	{ "a chunk without end", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY(OK_HEAD "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"), POUR("xxxxxxx") }, 0,
		CHECK_CODE_L7OK, "200" },
	{ "headers without end", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY(OK_HEAD), POUR("X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n") }, 0, CHECK_CODE_L7RSP,
		"more than 64 KiB of headers" },
	{ "100,000 headers", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY(OK_HEAD), REPEAT("A: b\r\n", 100000), SAY("\r\n") }, 0, CHECK_CODE_L7RSP,
		"more than 64 KiB of headers" },
	{ "a header line without end", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY(OK_HEAD "A: "), POUR("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb") }, 0, CHECK_CODE_L7RSP,
		"a header line is too long" },
	{ "interim replies without end", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, POUR("HTTP/1.1 100 Continue\r\n\r\n") },
		0, CHECK_CODE_L7RSP, "more than 64 KiB of headers" },
	{ "NULs in headers", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY_N("HTTP/1.1 200 OK\r\nA: \0b\r\n\r\n", 26), HANG }, 0, CHECK_CODE_L7RSP, "not HTTP" },
	{ "NULs in the body", CHECK_TYPE_HTTP, { { CHECK_PARAM_BODY, "b" } },
		{ REQUEST, SAY_N("HTTP/1.1 200 OK\r\n\r\n\0\0b", 22), HANG }, 0, CHECK_CODE_L7OK, "200" },
	{ "gzip is not unpacked", CHECK_TYPE_HTTP, { { CHECK_PARAM_BODY, "\x1f\x8b" } },
		{ REQUEST, SAY(OK_HEAD "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08") }, 0, CHECK_CODE_L7OK, "200" },
	{ "not HTTP at all", CHECK_TYPE_HTTP, NO_PARAMS, { SAY("SSH-2.0-OpenSSH_9.2\r\n"), HANG }, 0, CHECK_CODE_L7RSP,
		"not HTTP" },
	{ "a reset in the middle of the body", CHECK_TYPE_HTTP, NO_PARAMS,
		{ REQUEST, SAY(OK_HEAD LEN(9) "\r\nab"), RESET }, 0, CHECK_CODE_L7RSP, "connection reset by peer" },
	{ "the end in the middle of the body", CHECK_TYPE_HTTP, NO_PARAMS, { REQUEST, SAY(OK_HEAD LEN(9) "\r\nab") }, 0,
		CHECK_CODE_L7RSP, "closed in the middle" },
	{ "it speaks TLS, and we do not", CHECK_TYPE_HTTP, NO_PARAMS, { SAY_N("\x15\x03\x03\0\2\2\x28", 7), HANG }, 0,
		CHECK_CODE_L7RSP, "not HTTP" },
	{ "HTTP/2 asked of a server that does not know it", CHECK_TYPE_HTTP, { { CHECK_PARAM_HTTP_VERSION, "2" } },
		{ BYTES, SAY("HTTP/1.1 400 Bad Request\r\n\r\n"), HANG }, 0, CHECK_CODE_L7RSP, "not HTTP/2" },
	{ "a path that cannot be sent", CHECK_TYPE_HTTP, { { CHECK_PARAM_PATH, "/a b" } }, { HANG }, 0,
		CHECK_CODE_SOCKERR, "path: a blank or control character is in it" },
	{ "a host that is none", CHECK_TYPE_HTTP, { { CHECK_PARAM_HOST, "a@b" } }, { HANG }, 0, CHECK_CODE_SOCKERR,
		"host: not a name or an address" },
};

START_TEST(http)
{
	expect(&http_rows[_i]);
}
END_TEST

/* ---- TLS ---- */

#define CA_HOST                                                                                                        \
	{                                                                                                              \
		{ CHECK_PARAM_HOST, "app.example" },                                                                   \
		{                                                                                                      \
			CHECK_PARAM_TLS_CA, "CA"                                                                       \
		}                                                                                                      \
	}
#define CA_IP                                                                                                          \
	{                                                                                                              \
		{                                                                                                      \
			CHECK_PARAM_TLS_CA, "CA"                                                                       \
		}                                                                                                      \
	}
#define SERVE                                                                                                          \
	{                                                                                                              \
		TLS, REQUEST, SAY(OK_HEAD LEN(2) "\r\nok"), HANG                                                       \
	}

static const struct row tls_rows[] = {
	{ "a good certificate for the name", CHECK_TYPE_TLS, CA_HOST, { TLS, HANG }, CERT_GOOD, CHECK_CODE_L6OK,
		"handshake done, certificate good" },
	{ "a good certificate for the address", CHECK_TYPE_TLS, CA_IP, { TLS, HANG }, CERT_GOOD, CHECK_CODE_L6OK,
		"handshake done, certificate good" },
	{ "expired", CHECK_TYPE_TLS, CA_HOST, { TLS, HANG }, CERT_EXPIRED, CHECK_CODE_L6RSP,
		"certificate has expired" },
	{ "not yet", CHECK_TYPE_TLS, CA_HOST, { TLS, HANG }, CERT_FUTURE, CHECK_CODE_L6RSP,
		"certificate is not yet valid" },
	{ "of another name", CHECK_TYPE_TLS, CA_HOST, { TLS, HANG }, CERT_OTHER_NAME, CHECK_CODE_L6RSP,
		"certificate is not for app.example" },
	{ "of another address", CHECK_TYPE_TLS, CA_IP, { TLS, HANG }, CERT_OTHER_NAME, CHECK_CODE_L6RSP,
		"certificate is not for 127.0.0.1" },
	{ "self-signed", CHECK_TYPE_TLS, CA_HOST, { TLS, HANG }, CERT_SELF_SIGNED, CHECK_CODE_L6RSP,
		"self-signed certificate" },
	{ "of an authority that this system does not know", CHECK_TYPE_TLS, { { CHECK_PARAM_HOST, "app.example" } },
		{ TLS, HANG }, CERT_GOOD, CHECK_CODE_L6RSP, "unknown issuer" },
	{ "anything goes when it is not verified", CHECK_TYPE_TLS, { { CHECK_PARAM_TLS_VERIFY, "0" } }, { TLS, HANG },
		CERT_EXPIRED, CHECK_CODE_L6OK, "handshake done" },
	{ "no such file of authorities", CHECK_TYPE_TLS, { { CHECK_PARAM_TLS_CA, "/nowhere" } }, { TLS, HANG },
		CERT_GOOD, CHECK_CODE_SOCKERR, "ca_file cannot be used" },
	{ "no such client certificate", CHECK_TYPE_TLS, { { CHECK_PARAM_TLS_CERT, "/nowhere" } }, { TLS, HANG },
		CERT_GOOD, CHECK_CODE_SOCKERR, "cert_file or key_file cannot be used" },
	{ "a client certificate", CHECK_TYPE_TLS,
		{ { CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_TLS_CA, "CA" }, { CHECK_PARAM_TLS_CERT, "CRT" },
			{ CHECK_PARAM_TLS_KEY, "KEY" }, { CHECK_PARAM_TLS_MIN, "1.3" } },
		{ TLS, HANG }, CERT_GOOD, CHECK_CODE_L6OK, "handshake done, certificate good" },
	{ "silence", CHECK_TYPE_TLS, CA_HOST, { HANG }, CERT_GOOD, CHECK_CODE_L6TOUT,
		"connected, but the handshake did not end" },
	{ "it closes", CHECK_TYPE_TLS, CA_HOST, { BYTES }, CERT_GOOD, CHECK_CODE_L6RSP, "closed in the handshake" },
	{ "it resets", CHECK_TYPE_TLS, CA_HOST, { BYTES, RESET }, CERT_GOOD, CHECK_CODE_L6RSP,
		"connection reset in the handshake" },
	{ "it speaks HTTP", CHECK_TYPE_TLS, CA_HOST, { BYTES, SAY("HTTP/1.1 400 Bad Request\r\n\r\n") }, CERT_GOOD,
		CHECK_CODE_L6RSP, "not TLS" },
	{ "it says why not", CHECK_TYPE_TLS, CA_HOST, { BYTES, SAY_N("\x15\x03\x03\0\2\2\x28", 7) }, CERT_GOOD,
		CHECK_CODE_L6RSP, "alert: handshake failure" },
	{ "it drips", CHECK_TYPE_TLS, CA_HOST, { BYTES, DRIP_N("\x16\x03\x03\x40\0\x02\0\x3f\xfc", 9) }, CERT_GOOD,
		CHECK_CODE_L6TOUT, "connected, but the handshake did not end" },
	{ "HTTPS", CHECK_TYPE_HTTPS, CA_HOST, SERVE, CERT_GOOD, CHECK_CODE_L7OK, "200" },
	{ "HTTPS, expired", CHECK_TYPE_HTTPS, CA_HOST, SERVE, CERT_EXPIRED, CHECK_CODE_L6RSP,
		"certificate has expired" },
	{ "HTTPS, and then silence", CHECK_TYPE_HTTPS, CA_HOST, { TLS, HANG }, CERT_GOOD, CHECK_CODE_L7TOUT,
		"connected, no reply came" },
	{ "HTTPS, stalled handshake", CHECK_TYPE_HTTPS, CA_HOST, { BYTES, HANG }, CERT_GOOD, CHECK_CODE_L6TOUT,
		"connected, but the handshake did not end" },
	{ "HTTPS, a body without end", CHECK_TYPE_HTTPS, CA_HOST,
		{ TLS, REQUEST, SAY(OK_HEAD "\r\n"), POUR("xxxxxxxxxxxxxxxxxxxxxxxxxx") }, CERT_GOOD, CHECK_CODE_L7OK,
		"200" },
};

START_TEST(tls)
{
	expect(&tls_rows[_i]);
}
END_TEST

/* The handshake stops after each number of bytes, in both versions of the protocol: until all of it has got out, that
 * is the handshake's fault, and from then on the reply's. */
START_TEST(tls_stalls_at_each_step)
{
	static struct op ops[40][2];
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION, steps = 0;
	const struct param p[] = { { CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_TLS_CA, "CA" }, { 0 } };
	SSL_CTX_set_max_proto_version(certs.ctx[CERT_GOOD], version);
	SSL_CTX_set_min_proto_version(certs.ctx[CERT_GOOD], version);
	for (size_t n = 1; steps < 40; n += n < 6 ? 1 : 40, steps++) {
		ops[steps][0] = (struct op){ OP_STALL, NULL, n };
		struct check_spec s =
			spec_of(CHECK_TYPE_HTTPS, server_start(ops[steps], certs.ctx[CERT_GOOD])->port, p);
		s.timeout_ms = 100;
		probe(&s);
		if (result.code == CHECK_CODE_L7TOUT)
			break;
		ck_assert_msg(result.code == CHECK_CODE_L6TOUT, "%zu bytes: %s (%s)", n, check_codes[result.code].name,
			result.text);
		ck_assert_uint_lt(result.latency_us, 200000);
	}
	ck_assert_msg(steps > 15 && steps < 40, "%d steps", steps);
}
END_TEST

/* ---- dialogues ---- */

#define STARTTLS                                                                                                       \
	{                                                                                                              \
		{ CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_TLS_MODE, "starttls" },                             \
		{                                                                                                      \
			CHECK_PARAM_TLS_CA, "CA"                                                                       \
		}                                                                                                      \
	}
#define IMPLICIT                                                                                                       \
	{                                                                                                              \
		{ CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_TLS_MODE, "implicit" },                             \
		{                                                                                                      \
			CHECK_PARAM_TLS_CA, "CA"                                                                       \
		}                                                                                                      \
	}
#define ENTRY     "\x30\x09\x02\x01\x02\x64\x04\x04\0\x30\0"
#define DONE      "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\0\x04\0\x04\0"
#define NO_OBJECT "\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x20\x04\0\x04\0"
#define TLS_YES   "\x30\x84\0\0\0\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0"
#define TLS_NO    "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\0\x04\0"

static const struct row talk_rows[] = {
	{ "smtp", CHECK_TYPE_SMTP, NO_PARAMS,
		{ SAY("220-hello\r\n220 ready\r\n"), LINE("EHLO localhost\r\n"),
			SAY("250-me\r\n250-SIZE 9\r\n250 HELP\r\n"), LINE("NOOP\r\n"), SAY("250 ok\r\n"), HANG },
		0, CHECK_CODE_L7OK, "good answers" },
	{ "smtp, STARTTLS", CHECK_TYPE_SMTP, STARTTLS,
		{ SAY("220 ready\r\n"), LINE("EHLO"), SAY("250-me\r\n250 STARTTLS\r\n"), LINE("STARTTLS\r\n"),
			SAY("220 go\r\n"), TLS, LINE("EHLO"), SAY("250 me\r\n"), LINE("NOOP"), SAY("250 ok\r\n"),
			HANG },
		CERT_GOOD, CHECK_CODE_L7OK, "good answers, TLS" },
	{ "smtp, STARTTLS with an expired certificate", CHECK_TYPE_SMTP, STARTTLS,
		{ SAY("220 ready\r\n"), LINE("EHLO"), SAY("250 STARTTLS\r\n"), LINE("STARTTLS\r\n"), SAY("220 go\r\n"),
			TLS, HANG },
		CERT_EXPIRED, CHECK_CODE_L6RSP, "certificate has expired" },
	{ "smtp, STARTTLS refused", CHECK_TYPE_SMTP, STARTTLS,
		{ SAY("220 ready\r\n"), LINE("EHLO"), SAY("250 me\r\n"), LINE("STARTTLS\r\n"),
			SAY("502 no such command\r\n"), HANG },
		CERT_GOOD, CHECK_CODE_L7STS, "STARTTLS: 502 no such command" },
	{ "smtp, stalled handshake", CHECK_TYPE_SMTP, STARTTLS,
		{ SAY("220 ready\r\n"), LINE("EHLO"), SAY("250 me\r\n"), LINE("STARTTLS\r\n"), SAY("220 go\r\n"),
			STALL(100) },
		CERT_GOOD, CHECK_CODE_L6TOUT, "connected, but the handshake did not end" },
	{ "smtp, words before the handshake", CHECK_TYPE_SMTP, STARTTLS,
		{ SAY("220 ready\r\n"), LINE("EHLO"), SAY("250 me\r\n"), LINE("STARTTLS\r\n"),
			SAY("220 go\r\n250 injected\r\n"), HANG },
		CERT_GOOD, CHECK_CODE_L7RSP, "bytes between the answer and the handshake" },
	{ "smtp, implicit TLS", CHECK_TYPE_SMTP, IMPLICIT,
		{ TLS, SAY("220 ready\r\n"), LINE("EHLO"), SAY("250 me\r\n"), LINE("NOOP"), SAY("250 ok\r\n"), HANG },
		CERT_GOOD, CHECK_CODE_L7OK, "good answers" },
	{ "smtp, too busy", CHECK_TYPE_SMTP, NO_PARAMS, { SAY("421 too busy\r\n"), HANG }, 0, CHECK_CODE_L7STS,
		"greeting: 421 too busy" },
	{ "smtp that is ssh", CHECK_TYPE_SMTP, NO_PARAMS, { SAY("SSH-2.0-x\r\n"), HANG }, 0, CHECK_CODE_L7RSP,
		"not smtp: SSH-2.0-x" },
	{ "smtp, silence", CHECK_TYPE_SMTP, NO_PARAMS, { HANG }, 0, CHECK_CODE_L7TOUT, "connected, no greeting" },
	{ "smtp, a byte now and then", CHECK_TYPE_SMTP, NO_PARAMS, { DRIP("220-hello\r\n") }, 0, CHECK_CODE_L7TOUT,
		"the greeting did not end" },
	{ "smtp, a greeting without end", CHECK_TYPE_SMTP, NO_PARAMS, { POUR("220-hello\r\n") }, 0, CHECK_CODE_L7RSP,
		"more than 64 KiB and no answer" },
	{ "smtp, no answer to EHLO", CHECK_TYPE_SMTP, NO_PARAMS, { SAY("220 ready\r\n"), HANG }, 0, CHECK_CODE_L7TOUT,
		"no answer to EHLO" },
	{ "smtp, closed", CHECK_TYPE_SMTP, NO_PARAMS, { SAY("220 ready\r\n"), ANY_LINE }, 0, CHECK_CODE_L7RSP,
		"closed, no answer to EHLO" },
	{ "smtp, reset", CHECK_TYPE_SMTP, NO_PARAMS, { SAY("220 ready\r\n"), ANY_LINE, RESET }, 0, CHECK_CODE_L7RSP,
		"connection reset by peer" },
	{ "imap", CHECK_TYPE_IMAP, NO_PARAMS,
		{ SAY("* OK hello\r\n* CAPABILITY IMAP4rev1\r\n"), LINE("a2 NOOP\r\n"),
			SAY("* 3 EXISTS\r\na2 OK done\r\n"), HANG },
		0, CHECK_CODE_L7OK, "good answers" },
	{ "imap, STARTTLS", CHECK_TYPE_IMAP, STARTTLS,
		{ SAY("* OK hello\r\n"), LINE("a1 STARTTLS\r\n"), SAY("a1 OK go\r\n"), TLS, LINE("a2 NOOP\r\n"),
			SAY("a2 OK\r\n"), HANG },
		CERT_GOOD, CHECK_CODE_L7OK, "good answers, TLS" },
	{ "pop3", CHECK_TYPE_POP3, NO_PARAMS,
		{ SAY("+OK hello\r\n"), LINE("CAPA\r\n"), SAY("+OK\r\nUIDL\r\n.\r\n"), HANG }, 0, CHECK_CODE_L7OK,
		"good answers" },
	{ "pop3, STLS", CHECK_TYPE_POP3, STARTTLS,
		{ SAY("+OK hello\r\n"), LINE("STLS\r\n"), SAY("+OK\r\n"), TLS, LINE("CAPA\r\n"), SAY("+OK\r\n.\r\n"),
			HANG },
		CERT_GOOD, CHECK_CODE_L7OK, "good answers, TLS" },
	{ "ftp", CHECK_TYPE_FTP, NO_PARAMS, { SAY("220-Welcome\r\n to me\r\nall\r\n220 go\r\n"), HANG }, 0,
		CHECK_CODE_L7OK, "good answers" },
	{ "ftp, AUTH TLS", CHECK_TYPE_FTP, STARTTLS,
		{ SAY("220 go\r\n"), LINE("AUTH TLS\r\n"), SAY("234 go\r\n"), TLS, HANG }, CERT_GOOD, CHECK_CODE_L7OK,
		"good answers, TLS" },
	{ "ldap", CHECK_TYPE_LDAP, NO_PARAMS, { BYTES, SAY_N(ENTRY, 11), SAY_N(DONE, 14), HANG }, 0, CHECK_CODE_L7OK,
		"good answers" },
	{ "ldap, no such entry", CHECK_TYPE_LDAP, { { CHECK_PARAM_PATH, "dc=example" } },
		{ BYTES, SAY_N(NO_OBJECT, 14), HANG }, 0, CHECK_CODE_L7STS, "search: noSuchObject" },
	{ "ldap, StartTLS", CHECK_TYPE_LDAP, STARTTLS,
		{ BYTES, SAY_N(TLS_YES, 18), TLS, BYTES, SAY_N(ENTRY, 11), SAY_N(DONE, 14), HANG }, CERT_GOOD,
		CHECK_CODE_L7OK, "good answers, TLS" },
	{ "ldap, StartTLS refused", CHECK_TYPE_LDAP, STARTTLS, { BYTES, SAY_N(TLS_NO, 14), HANG }, 0, CHECK_CODE_L7STS,
		"StartTLS: unavailable" },
	{ "ldaps", CHECK_TYPE_LDAP, IMPLICIT, { TLS, BYTES, SAY_N(ENTRY, 11), SAY_N(DONE, 14), HANG }, CERT_GOOD,
		CHECK_CODE_L7OK, "good answers" },
	{ "ldap that is http", CHECK_TYPE_LDAP, NO_PARAMS, { BYTES, SAY("HTTP/1.1 400\r\n"), HANG }, 0,
		CHECK_CODE_L7RSP, "not ldap: HTTP/1.1 400\\x0d\\x0a" },
	{ "ldap, half an answer", CHECK_TYPE_LDAP, NO_PARAMS, { BYTES, SAY_N(ENTRY, 5), HANG }, 0, CHECK_CODE_L7TOUT,
		"no answer to search" },
};

START_TEST(talk)
{
	expect(&talk_rows[_i]);
}
END_TEST

/* A loop of many sockets would put all of them into a new epoll set. */
START_TEST(starttls_leaves_the_epoll_set)
{
	static const struct row *const row = &talk_rows[1];
	struct server *srv = server_start(row->ops, certs.ctx[CERT_GOOD]);
	struct check_spec s = spec_of(row->type, srv->port, row->params);
	unsigned before = n_polls;
	ck_assert_uint_gt(before, 0);
	for (int i = 0; i < 20; i++) {
		probe(&s);
		ck_assert_msg(result.code == CHECK_CODE_L7OK, "%s (%s)", check_codes[result.code].name, result.text);
		ck_assert_uint_eq(connected_to(srv->port), 0);
	}
	ck_assert_uint_eq(n_polls, before);
}
END_TEST

/* ---- the contract ---- */

static const enum check_type all_types[] = { CHECK_TYPE_TLS, CHECK_TYPE_HTTP, CHECK_TYPE_HTTPS, CHECK_TYPE_SMTP,
	CHECK_TYPE_IMAP, CHECK_TYPE_POP3, CHECK_TYPE_LDAP, CHECK_TYPE_FTP };

static uint16_t closed_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

START_TEST(no_connection)
{
	struct check_spec s = spec_of(all_types[_i], closed_port(), NULL);
	probe(&s);
	ck_assert_msg(result.code == CHECK_CODE_L4CON && strcmp(result.text, "connection refused") == 0, "%s (%s)",
		check_codes[result.code].name, result.text);
	/* a full accept queue: Linux then drops the SYN */
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];
	ck_assert(bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 0) == 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		ck_assert_int_ne(fill[i], -1);
		(void)!connect(fill[i], (struct sockaddr *)&a, sizeof(a));
	}
	s = spec_of(all_types[_i], ntohs(a.sin_port), NULL);
	s.timeout_ms = TIMEOUT_MS;
	probe(&s);
	ck_assert_msg(result.code == CHECK_CODE_L4TOUT && strcmp(result.text, "no answer to connect") == 0, "%s (%s)",
		check_codes[result.code].name, result.text);
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
	/* our own faults are no verdict */
	s = spec_of(all_types[_i], closed_port(), NULL);
	lb_ip_parse("192.0.2.77", 10, &s.source);
	probe(&s);
	ck_assert_msg(result.code == CHECK_CODE_SOCKERR, "%s (%s)", check_codes[result.code].name, result.text);
	ck_assert_str_eq(result.text, "cannot assign requested address");
}
END_TEST

static unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Cancelled after any number of turns, twice; nothing is left, and nobody is called. */
START_TEST(cancel_at_any_time)
{
	static const struct op ops[] = { TLS, SAY("220 ready\r\n"), HANG };
	static const struct op plain[] = { SAY("220 ready\r\n"), HANG };
	const struct param secure[] = { { CHECK_PARAM_TLS_MODE, "implicit" }, { CHECK_PARAM_TLS_VERIFY, "0" }, { 0 } };
	bool is_tls = all_types[_i] != CHECK_TYPE_HTTP;
	struct server *srv = server_start(is_tls ? ops : plain, certs.ctx[CERT_GOOD]);
	struct check_spec s = spec_of(all_types[_i], srv->port, is_tls ? secure : NULL);
	const struct check_ops *o = check_ops[s.type];
	for (int turns = 0; turns < 12; turns++) {
		unsigned before = n_done;
		struct check_probe *p = start(&s);
		for (int i = 0; i < turns && n_done == before; i++)
			ev_run(loop, EVRUN_ONCE);
		if (n_done != before)
			break;
		o->cancel(p);
		o->cancel(p);
		free(p);
		ev_run(loop, EVRUN_NOWAIT);
		ck_assert_uint_eq(n_done, before);
		ck_assert_uint_eq(connected_to(srv->port), 0);
	}
}
END_TEST

static long resident_pages(void)
{
	char line[128] = "";
	FILE *f = fopen("/proc/self/statm", "re");
	ck_assert(f && fgets(line, sizeof(line), f));
	fclose(f);
	return strtol(strchr(line, ' '), NULL, 10);
}

START_TEST(nothing_is_left_behind)
{
	static const struct op bomb[] = { REQUEST, SAY(OK_HEAD "\r\n"), POUR("xxxxxxxxxxxxxxxx") };
	static const struct op good[] = { TLS, REQUEST, SAY(OK_HEAD LEN(0) "\r\n"), HANG };
	const struct param p[] = { { CHECK_PARAM_BODY_REGEX, "nothing" }, { 0 } };
	const struct param ca[] = { { CHECK_PARAM_TLS_CA, "CA" }, { 0 } };
	uint16_t bombs = server_start(bomb, NULL)->port, goods = server_start(good, certs.ctx[CERT_GOOD])->port;
	unsigned fds = 0;
	long rss = 0, first = 0;
	for (int i = 0; i < 400; i++) {
		struct check_spec s = i % 2 ? spec_of(CHECK_TYPE_HTTP, bombs, p) : spec_of(CHECK_TYPE_HTTPS, goods, ca);
		probe(&s);
		ck_assert_msg(result.code == (i % 2 ? CHECK_CODE_L7STS : CHECK_CODE_L7OK), "%s (%s)",
			check_codes[result.code].name, result.text);
		rss = resident_pages();
		if (i == 100) {
			first = rss;
			fds = open_fds();
		}
	}
	ck_assert_msg(asan() || rss < first + 1024, "%ld pages more", rss - first);
	ck_assert_msg(open_fds() < fds + 20, "%u descriptors more", open_fds() - fds); /* of the servers, too */
}
END_TEST

/* Slow ones do not hold up a quick one. */
/* The store of the system takes long to read, and a loop that reads it probes nothing: with another one in between,
 * too, it is read once. */
START_TEST(a_trust_store_is_read_once)
{
	static const struct op ops[] = { TLS, HANG };
	const struct param ca[] = { { CHECK_PARAM_TLS_CA, certs.ca }, { 0 } };
	uint16_t port = server_start(ops, certs.ctx[CERT_GOOD])->port;
	uint32_t first = 0, best = UINT32_MAX;
	for (int i = 0; i < 20; i++) {
		struct check_spec own = spec_of(CHECK_TYPE_TLS, port, ca);
		probe(&own);
		ck_assert_int_eq(result.code, CHECK_CODE_L6OK);
		struct check_spec whole = spec_of(CHECK_TYPE_TLS, port, NULL);
		probe(&whole);
		ck_assert_str_eq(result.text, "unknown issuer");
		if (i == 0)
			first = result.latency_us;
		else if (result.latency_us < best)
			best = result.latency_us;
	}
	ck_assert_msg(best < first / 2, "first %u us, then %u us", first, best);
}
END_TEST

static void copy(const char *from, const char *to, const char *mode)
{
	char text[4096];
	FILE *in = fopen(from, "re"), *out = fopen(to, mode);
	ck_assert(in && out);
	size_t n = fread(text, 1, sizeof(text), in);
	ck_assert(n && fwrite(text, 1, n, out) == n);
	fclose(in);
	fclose(out);
}

/* Authorities change while everything runs: what was read before neither counts nor stays. */
START_TEST(a_changed_trust_store_counts_at_once)
{
	static const struct op ops[] = { TLS, HANG };
	struct certs other;
	certs_make(&other);
	char file[128];
	snprintf(file, sizeof(file), "%s/changes.pem", certs.dir);
	const struct param ca[] = { { CHECK_PARAM_TLS_CA, file }, { 0 } };
	uint16_t old = server_start(ops, certs.ctx[CERT_GOOD])->port;
	uint16_t new = server_start(ops, other.ctx[CERT_GOOD])->port;
	long first = 0;
	for (int i = 0; i < 150; i++) {
		copy(certs.ca, file, "we");
		struct check_spec s = spec_of(CHECK_TYPE_TLS, old, ca);
		probe(&s);
		ck_assert_msg(result.code == CHECK_CODE_L6OK, "the old one, %d: %s", i, result.text);
		copy(other.ca, file, "we");
		copy(other.ca, file, "ae"); /* of another length: two writes may be at one moment */
		s = spec_of(CHECK_TYPE_TLS, new, ca);
		probe(&s);
		ck_assert_msg(result.code == CHECK_CODE_L6OK, "the new one, %d: %s", i, result.text);
		s = spec_of(CHECK_TYPE_TLS, old, ca);
		probe(&s);
		ck_assert_msg(result.code == CHECK_CODE_L6RSP, "the old one is gone, %d: %s", i, result.text);
		if (i == 20)
			first = resident_pages();
	}
	ck_assert_msg(asan() || resident_pages() < first + 512, "%ld pages more", resident_pages() - first);
	unlink(file);
	certs_free(&other);
}
END_TEST

/* libcurl looks through its open connections once a second, when another one begins; that the server has said something
 * is no reason to close one. After how many turns it has, and we have not read it, depends on the release. */
START_TEST(an_open_connection_is_not_taken_away)
{
	static const struct op smtp[] = { SAY("220 ready\r\n"), LINE("EHLO"), SAY("250 me\r\n"), LINE("NOOP"),
		SAY("250 ok\r\n"), HANG };
	static const struct op good[] = { REQUEST, SAY(OK_HEAD LEN(0) "\r\n"), HANG };
	struct check_spec mail = spec_of(CHECK_TYPE_SMTP, server_start(smtp, NULL)->port, NULL);
	struct check_spec quick = spec_of(CHECK_TYPE_HTTP, server_start(good, NULL)->port, NULL);
	probe(&quick);
	start(&mail);
	for (int i = 0; i < _i && n_done == 1; i++)
		ev_run(loop, EVRUN_ONCE);
	poll(NULL, 0, 1100);
	start(&quick);
	while (n_done < 3) {
		ev_run(loop, 0);
		ck_assert_msg(result.code == CHECK_CODE_L7OK, "%s (%s)", check_codes[result.code].name, result.text);
	}
}
END_TEST

START_TEST(probes_do_not_wait_for_each_other)
{
	static const struct op silent[] = { HANG };
	static const struct op good[] = { REQUEST, SAY(OK_HEAD LEN(0) "\r\n"), HANG };
	struct check_spec slow = spec_of(CHECK_TYPE_HTTP, server_start(silent, NULL)->port, NULL);
	struct check_spec quick = spec_of(CHECK_TYPE_HTTP, server_start(good, NULL)->port, NULL);
	slow.timeout_ms = 1000;
	for (int i = 0; i < 100; i++)
		start(&slow);
	probe(&quick);
	ck_assert_int_eq(result.code, CHECK_CODE_L7OK);
	ck_assert_uint_lt(result.latency_us, 500000);
	while (n_done < 101)
		ev_run(loop, 0);
	ck_assert_int_eq(result.code, CHECK_CODE_L7TOUT);
}
END_TEST

/* Records without data do not keep a read from ending: each is one turn of the loop, in which others have theirs. */
START_TEST(new_keys_do_not_hold_up_the_loop)
{
	static const struct param ca[] = { { CHECK_PARAM_TLS_CA, "CA" }, { 0, NULL } };
	static const struct op ops[] = { TLS, REQUEST, KEYS(3000), SAY(OK_HEAD LEN(0) "\r\n"), HANG };
	struct server *s = server_start(ops, certs.ctx[CERT_GOOD]);
	struct check_spec spec = spec_of(CHECK_TYPE_HTTPS, s->port, ca);
	unsigned before = ev_iteration(loop);
	reads_ahead = _i == 1;
	probe(&spec);
	ck_assert_int_eq(result.code, CHECK_CODE_L7OK);
	ck_assert_uint_gt(ev_iteration(loop) - before, 1000);
}
END_TEST

START_TEST(the_steps_are_told)
{
	static const struct op good[] = { TLS, REQUEST, SAY(OK_HEAD LEN(2) "\r\nok"), HANG };
	static const char *const want[] = { "connected", "TLS done: TLSv1.3 / ", "status 200 OK", "2 bytes of body",
		"L7OK: 200" };
	const struct param ca[] = { { CHECK_PARAM_TLS_CA, "CA" }, { 0 } };
	struct check_spec s = spec_of(CHECK_TYPE_HTTPS, server_start(good, certs.ctx[CERT_GOOD])->port, ca);
	probe(&s);
	ck_assert_uint_eq(trace.n, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_msg(strncmp(trace.steps[i].text, want[i], strlen(want[i])) == 0, "step %d: %s", i,
			trace.steps[i].text);
}
END_TEST

/* ---- a real server ---- */

START_TEST(real_nginx)
{
	if (access("/usr/sbin/nginx", X_OK))
		return;
	uint16_t plain = closed_port(), secure = closed_port(), h2 = closed_port();
	char name[128];
	snprintf(name, sizeof(name), "%s/nginx.conf", certs.dir);
	FILE *f = fopen(name, "we");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"pid %s/nginx.pid; error_log stderr; worker_processes 1; daemon off; events {}\n"
		"http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n"
		"uwsgi_temp_path u; scgi_temp_path s;\n"
		"server { listen 127.0.0.1:%u; listen 127.0.0.1:%u ssl http2;\n"
		"ssl_certificate %s; ssl_certificate_key %s;\n"
		"location / { return 200 \"ready $server_protocol\"; } }\n"
		"server { listen 127.0.0.1:%u http2; location / { return 503; } } }\n",
		certs.dir, plain, secure, certs.crt, certs.key, h2);
	fclose(f);
	pid_t pid = fork();
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		execl("/usr/sbin/nginx", "nginx", "-p", certs.dir, "-c", name, NULL);
		_exit(127);
	}
	const struct param p1[] = { { CHECK_PARAM_BODY, "ready HTTP/1.1" }, { 0 } };
	const struct param p2[] = { { CHECK_PARAM_HOST, "app.example" }, { CHECK_PARAM_BODY, "ready HTTP/2.0" },
		{ CHECK_PARAM_HTTP_VERSION, "2" }, { CHECK_PARAM_TLS_CA, "CA" }, { 0 } };
	const struct param p3[] = { { CHECK_PARAM_HTTP_VERSION, "2" }, { 0 } };
	struct check_spec s = spec_of(CHECK_TYPE_HTTP, plain, p1);
	for (int64_t until = lb_clock_now().us + 5000000; lb_clock_now().us < until;) {
		probe(&s);
		if (result.code != CHECK_CODE_L4CON)
			break;
		poll(NULL, 0, 20);
	}
	ck_assert_msg(result.code == CHECK_CODE_L7OK, "HTTP/1.1: %s", result.text);
	s = spec_of(CHECK_TYPE_HTTPS, secure, p2);
	probe(&s);
	ck_assert_msg(result.code == CHECK_CODE_L7OK, "HTTP/2 over TLS: %s", result.text);
	s = spec_of(CHECK_TYPE_HTTP, h2, p3);
	probe(&s);
	ck_assert_msg(result.code == CHECK_CODE_L7STS && strcmp(result.text, "503") == 0, "HTTP/2: %s", result.text);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	static const char *const made[] = { "nginx.conf", "nginx.pid" };
	static const char *const dirs[] = { "b", "p", "f", "u", "s" };
	char path[128];
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", certs.dir, made[i]);
		unlink(path);
	}
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", certs.dir, dirs[i]);
		rmdir(path);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("probe_curl");
	TCase *tc = tcase_create("all");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, http, 0, ROWS(http_rows));
	tcase_add_loop_test(tc, tls, 0, ROWS(tls_rows));
	tcase_add_loop_test(tc, tls_stalls_at_each_step, 0, 2);
	tcase_add_loop_test(tc, talk, 0, ROWS(talk_rows));
	tcase_add_test(tc, starttls_leaves_the_epoll_set);
	tcase_add_loop_test(tc, no_connection, 0, ROWS(all_types));
	tcase_add_loop_test(tc, cancel_at_any_time, 0, ROWS(all_types));
	tcase_add_test(tc, nothing_is_left_behind);
	tcase_add_test(tc, a_trust_store_is_read_once);
	tcase_add_test(tc, a_changed_trust_store_counts_at_once);
	tcase_add_loop_test(tc, an_open_connection_is_not_taken_away, 1, 5);
	tcase_add_test(tc, probes_do_not_wait_for_each_other);
	tcase_add_loop_test(tc, new_keys_do_not_hold_up_the_loop, 0, 2);
	tcase_add_test(tc, the_steps_are_told);
	tcase_add_test(tc, real_nginx);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
