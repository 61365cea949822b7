/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node and others that are none: what does not prove the key is bounded in time and number, and reaches nobody. */
#include "raw.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RIGHT   "lbd/1/7/alpha/beta/%s"
#define STRANGE "127.0.0.9"

static struct node a, b;
static struct raw r, r2;

static void beta_alone(void)
{
	begin();
	beta_init(&b);
	node_start(&b);
}

static void nobody_came(const struct node *n)
{
	ck_assert_uint_eq(n->ups + n->frames, 0);
	ck_assert(!tls_link_up(n->link));
}

/* ---- somebody dials ---- */

static const struct {
	const char *what, *identity;
	int version;
	uint8_t key;
	enum tls_reason why;
} hellos[] = {
	{ "TLS 1.2", NULL, TLS1_2_VERSION, 1, TLS_REASON_PROTOCOL },
	{ "no key at all", NULL, TLS1_3_VERSION, 1, TLS_REASON_PROTOCOL },
	{ "the right name, another key", RIGHT, TLS1_3_VERSION, 0x12, TLS_REASON_KEY },
	{ "the right name of the key, another key", "lbd/1/7/alpha/beta/ID", TLS1_3_VERSION, 0x12, TLS_REASON_KEY },
	{ "the right key, the roles changed", "lbd/1/7/beta/alpha/%s", TLS1_3_VERSION, 0x11, TLS_REASON_KEY },
	{ "the right key, another cluster", "lbd/1/77/alpha/beta/%s", TLS1_3_VERSION, 0x11, TLS_REASON_KEY },
	{ "the right key, another version of the link", "lbd/2/7/alpha/beta/%s", TLS1_3_VERSION, 0x11, TLS_REASON_KEY },
	{ "a name that only begins right", "lbd/1/7/alpha/beta/", TLS1_3_VERSION, 0x11, TLS_REASON_KEY },
	{ "a name that goes on", "lbd/1/7/alpha/beta/%sx", TLS1_3_VERSION, 0x11, TLS_REASON_KEY },
};

START_TEST(who_proves_nothing_gets_nowhere)
{
	char id[9], identity[64];
	uint8_t psk[32];
	beta_alone();
	raw_psk(0x11, psk, id);
	bool exact = hellos[_i].identity && strstr(hellos[_i].identity, "/ID");
	snprintf(identity, sizeof(identity), "lbd/1/7/alpha/beta/%s", id);
	raw_tls(&r, ALPHA, BETA, exact ? identity : hellos[_i].identity, hellos[_i].key, hellos[_i].version);
	WAIT((raw_pump(&r), r.ended), 5000);
	for (int why = 0; why < TLS_REASON_COUNT; why++)
		ck_assert_msg(tls_link_stats(b.link)->ended[why] == (why == (int)hellos[_i].why), "%s: %s %s",
			hellos[_i].what, tls_reasons[why], b.text);
	ck_assert(!SSL_is_init_finished(r.ssl));
	nobody_came(&b);
	raw_done(&r);
	node_stop(&b);
}
END_TEST

/* The others are only as good as this one. */
START_TEST(who_has_the_key_is_let_in)
{
	beta_alone();
	r.drip = _i;
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	r.drip = _i; /* every byte in a segment of its own */
	WAIT((raw_pump(&r), b.ups == 1), 5000);
	uint8_t frame[4 + 300] = { 0, 0, 1, 44 };
	memset(frame + 4, 'x', 300);
	raw_write(&r, frame, sizeof(frame));
	raw_write(&r, "\0\0\0\1y\0\0\0\1", 9); /* one, and most of the next one */
	WAIT((raw_pump(&r), b.frames == 2), 5000);
	ck_assert(b.last_n == 1 && b.last[0] == 'y' && b.bytes == 301);
	raw_write(&r, "z", 1);
	WAIT((raw_pump(&r), b.frames == 3), 5000);
	ck_assert_int_eq(tls_link_send(b.link, (const uint8_t *)"hello", 5), 0);
	char got[16] = "";
	WAIT((raw_pump(&r), SSL_read(r.ssl, got, sizeof(got)) == 9), 5000);
	ck_assert_int_eq(memcmp(got, "\0\0\0\5hello", 9), 0);
	ck_assert_str_eq(SSL_get_cipher(r.ssl), "TLS_AES_128_GCM_SHA256");
	ck_assert_int_eq(SSL_session_reused(r.ssl), 1);
	ck_assert_int_eq((int)(SSL_get_negotiated_group(r.ssl) & 0xffff), NID_X25519);
	raw_done(&r);
	WAIT(b.downs == 1, 5000);
	node_stop(&b);
}
END_TEST

static const struct {
	const char *what;
	size_t hello;     /* bytes of a right first message, SIZE_MAX = all of it */
	const char *then; /* a record of TLS says its length itself */
	size_t then_n;
	enum tls_reason why;
} pieces[] = {
	{ "silence from the beginning", 0, NULL, 0, TLS_REASON_TIMEOUT },
	{ "silence in the middle of the first message", 100, NULL, 0, TLS_REASON_TIMEOUT },
	{ "silence after the first message", SIZE_MAX, NULL, 0, TLS_REASON_TIMEOUT },
	{ "another protocol", 0, "GET / HTTP/1.1\r\nHost: beta\r\n\r\n", 30, TLS_REASON_PROTOCOL },
	{ "garbage", 0, "\x93\x02\xff\x10\x47 and it goes on", 20, TLS_REASON_PROTOCOL },
	{ "a record that is too long", 0, "\x16\x03\x01\xff\xff 0123456789", 16, TLS_REASON_PROTOCOL },
	{ "a frame of ours instead of TLS", 0, "\0\0\0\5hello", 9, TLS_REASON_PROTOCOL },
	{ "garbage instead of the end of the handshake", SIZE_MAX,
		"\x17\x03\x03\0\x20\x30\x31\x32\x33\x34\x35\x36\x37\x38\x39 abcdef abcdef abcdef", 37,
		TLS_REASON_PROTOCOL },
};

START_TEST(silence_and_garbage_in_each_step)
{
	uint8_t hello[2048];
	beta_alone();
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	size_t n = raw_hello(&r, hello, sizeof(hello));
	n = pieces[_i].hello < n ? pieces[_i].hello : n;
	int64_t from = lb_clock_now().us;
	ck_assert_int_eq(send(r.fd, hello, n, 0), n);
	PASS(50);
	if (pieces[_i].then) {
		ck_assert_int_eq(send(r.fd, pieces[_i].then, pieces[_i].then_n, 0), pieces[_i].then_n);
	}
	WAIT(raw_is_closed(r.fd), 6000);
	int64_t took_us = lb_clock_now().us - from;
	WAIT(tls_link_stats(b.link)->ended[pieces[_i].why] == 1, 100);
	if (pieces[_i].why == TLS_REASON_TIMEOUT)
		ck_assert_msg(took_us > 2900000 && took_us < 4000000, "%s: %ld us", pieces[_i].what, (long)took_us);
	else
		ck_assert_msg(took_us < 1000000, "%s: %ld us", pieces[_i].what, (long)took_us);
	nobody_came(&b);
	ck_assert_uint_eq(b.downs, 0); /* anybody can do this */
	raw_done(&r);
	node_stop(&b);
}
END_TEST

/* ---- somebody listens ---- */

enum listener { MUTE, NOBODY_ACCEPTS, GARBAGE, CLOSES, CERTIFICATE };

static const struct {
	const char *what;
	enum listener is;
	enum tls_reason why;
} listeners[] = {
	{ "it says nothing", MUTE, TLS_REASON_TIMEOUT },
	{ "nobody accepts", NOBODY_ACCEPTS, TLS_REASON_TIMEOUT },
	{ "it speaks another protocol", GARBAGE, TLS_REASON_PROTOCOL },
	{ "it closes", CLOSES, TLS_REASON_CLOSED },
	{ "it has a certificate and not the key", CERTIFICATE, TLS_REASON_KEY },
};

static SSL_CTX *with_certificate(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	ck_assert(ctx && key && x);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	ck_assert(X509_sign(x, key, EVP_sha256()));
	ck_assert(SSL_CTX_use_certificate(ctx, x) && SSL_CTX_use_PrivateKey(ctx, key));
	X509_free(x);
	EVP_PKEY_free(key);
	return ctx;
}

static int accept_from_alpha(int fd)
{
	int peer = -1;
	WAIT((peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0, 5000);
	return peer;
}

START_TEST(a_listener_that_is_none)
{
	begin();
	alpha_init(&a);
	int fd = raw_listen(BETA), peer = -1;
	SSL_CTX *ctx = listeners[_i].is == CERTIFICATE ? with_certificate() : NULL;
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	node_start(&a);
	if (listeners[_i].is != NOBODY_ACCEPTS)
		peer = accept_from_alpha(fd);
	switch (listeners[_i].is) {
	case MUTE:
	case NOBODY_ACCEPTS: break;
	case GARBAGE: ck_assert_int_eq(send(peer, "220 smtp.example\r\n", 18, 0), 18); break;
	case CLOSES:
		PASS(50);
		shutdown(peer, SHUT_RDWR);
		break;
	case CERTIFICATE:
		SSL_set_fd(ssl, peer);
		WAIT((SSL_accept(ssl), a.downs), 5000);
		break;
	}
	WAIT(a.downs, 6000);
	ck_assert_msg(a.because[listeners[_i].why] == 1, "%s: %s", listeners[_i].what, a.text);
	nobody_came(&a);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	if (peer >= 0)
		close(peer);
	close(fd);
	node_stop(&a);
}
END_TEST

/* What alpha says to beta, said to alpha itself from beta's address: its own key must not let it in. */
START_TEST(what_it_says_is_not_played_back_to_it)
{
	begin();
	alpha_init(&a);
	int fd = raw_listen(BETA);
	node_start(&a);
	int out = accept_from_alpha(fd), back = raw_connect(BETA, ALPHA);
	uint8_t bytes[4096];
	ssize_t n;
	WAIT((n = recv(out, bytes, sizeof(bytes), 0)) > 0, 5000);
	ck_assert_int_eq(send(back, bytes, (size_t)n, 0), n);
	WAIT(raw_is_closed(back), 5000);
	ck_assert_uint_eq(tls_link_stats(a.link)->ended[TLS_REASON_KEY], 1);
	nobody_came(&a);
	close(out);
	close(back);
	close(fd);
	node_stop(&a);
}
END_TEST

/* ---- with the key, and broken ---- */

static const struct {
	const char *what;
	uint8_t bytes[8];
	size_t n;
	enum tls_reason why;
} broken[] = {
	{ "a frame of no bytes", { 0, 0, 0, 0 }, 4, TLS_REASON_PROTOCOL },
	{ "a frame that is a byte too long", { 0, 1, 0, 1, 'x' }, 5, TLS_REASON_PROTOCOL },
	{ "a frame without end", { 0xff, 0xff, 0xff, 0xff }, 4, TLS_REASON_PROTOCOL },
	{ "it is gone in the middle of a frame", { 0, 0, 1, 0, 'x' }, 5, TLS_REASON_CLOSED },
	{ "it is gone in the middle of a length", { 0, 0 }, 2, TLS_REASON_CLOSED },
};

START_TEST(a_peer_that_is_broken)
{
	beta_alone();
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	WAIT((raw_pump(&r), b.ups == 1), 5000);
	raw_write(&r, broken[_i].bytes, broken[_i].n);
	if (broken[_i].why == TLS_REASON_CLOSED)
		raw_done(&r);
	WAIT(b.downs == 1, 5000);
	ck_assert_msg(b.because[broken[_i].why] == 1, "%s: %s", broken[_i].what, b.text);
	ck_assert_uint_eq(b.frames, 0);
	if (broken[_i].why != TLS_REASON_CLOSED)
		raw_done(&r);
	node_stop(&b);
}
END_TEST

/* Records without data do not keep a read from ending. */
START_TEST(new_keys_do_not_hold_up_the_loop)
{
	beta_alone();
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	WAIT((raw_pump(&r), b.ups == 1), 5000);
	for (int i = 0; i < 2000; i++) {
		SSL_key_update(r.ssl, SSL_KEY_UPDATE_NOT_REQUESTED);
		SSL_do_handshake(r.ssl);
	}
	unsigned before = ev_iteration(loop);
	raw_write(&r, "\0\0\0\1y", 5);
	WAIT((raw_pump(&r), b.frames == 1), 10000);
	ck_assert_uint_gt(ev_iteration(loop) - before, 1000);
	raw_done(&r);
	WAIT(b.downs == 1, 5000);
	node_stop(&b);
}
END_TEST

/* Something on the way changes a byte of a record. */
START_TEST(what_was_changed_on_its_way_ends_it)
{
	uint8_t bytes[64];
	beta_alone();
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	WAIT((raw_pump(&r), b.ups == 1), 5000);
	ck_assert_int_eq(SSL_write(r.ssl, "\0\0\0\1x", 5), 5);
	int n = BIO_read(r.out, bytes, sizeof(bytes));
	ck_assert_int_gt(n, 5);
	bytes[6] ^= 1;
	ck_assert_int_eq(send(r.fd, bytes, (size_t)n, 0), n);
	WAIT(b.downs == 1, 5000);
	ck_assert_msg(b.because[TLS_REASON_PROTOCOL] == 1 && b.frames == 0, "%s", b.text);
	raw_done(&r);
	node_stop(&b);
}
END_TEST

/* The old connection is dead and nobody has noticed; the peer comes anew. */
START_TEST(a_new_connection_takes_the_place_of_the_old_one)
{
	beta_alone();
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	WAIT((raw_pump(&r), b.ups == 1), 5000);
	/* who proves nothing replaces nobody */
	raw_tls(&r2, ALPHA, BETA, RIGHT, 0x12, TLS1_3_VERSION);
	WAIT((raw_pump(&r2), r2.ended), 5000);
	raw_done(&r2);
	ck_assert(b.downs == 0 && b.ups == 1);
	raw_tls(&r2, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	WAIT((raw_pump(&r2), b.ups == 2), 5000);
	ck_assert(b.downs == 1 && b.because[TLS_REASON_REPLACED] == 1);
	WAIT(raw_is_closed(r.fd), 5000);
	raw_write(&r2, "\0\0\0\1x", 5);
	WAIT(b.frames == 1, 5000);
	raw_done(&r);
	raw_done(&r2);
	WAIT(b.downs == 2, 5000);
	node_stop(&b);
}
END_TEST

/* ---- too many ---- */

static void echo(struct node *n)
{
	ck_assert_int_eq(tls_link_send(n->link, n->last, n->last_n), 0);
}

/* Frames that went there and back in this time, and the longest that one took. */
static unsigned echoes(int ms, int64_t *longest_us)
{
	int64_t until = lb_clock_now().us + ms * 1000;
	unsigned n = 0;
	*longest_us = 0;
	b.on_frame = echo;
	while (lb_clock_now().us < until) {
		int64_t from = lb_clock_now().us;
		unsigned before = a.frames;
		ck_assert_int_eq(tls_link_send(a.link, (const uint8_t *)"ping", 4), 0);
		WAIT(a.frames > before, 5000);
		int64_t took_us = lb_clock_now().us - from;
		*longest_us = took_us > *longest_us ? took_us : *longest_us;
		n++;
	}
	return n;
}

static void pair(void)
{
	begin();
	alpha_init(&a);
	beta_init(&b);
	node_start(&b);
	node_start(&a);
	WAIT(tls_link_up(a.link) && tls_link_up(b.link), 5000);
}

START_TEST(two_hundred_idle_connections)
{
	int fds[200];
	int64_t longest_us;
	const char *from = _i ? STRANGE : ALPHA;
	pair();
	const struct tls_stats *s = tls_link_stats(b.link);
	size_t before = count_fds();
	for (int i = 0; i < 200; i++) {
		fds[i] = raw_connect(from, BETA);
		if (i % 16 == 15)
			PASS(2);
	}
	echoes(300, &longest_us);
	size_t open = 0;
	for (int i = 0; i < 200; i++)
		open += !raw_is_closed(fds[i]);
	ck_assert_uint_eq(open, _i ? 0 : 4); /* of one address no more, of a stranger none */
	ck_assert_uint_eq(count_fds(), before + 200 + open);
	ck_assert_uint_eq(s->foreign, _i ? 200 : 0);
	ck_assert_uint_eq(s->crowded, _i ? 0 : 196);
	WAIT(s->ended[TLS_REASON_TIMEOUT] == open, 5000);
	ck_assert_uint_eq(count_fds(), before + 200);
	ck_assert_uint_eq(a.downs + b.downs, 0);
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	node_stop(&a);
	node_stop(&b);
}
END_TEST

/* Several addresses of the peer, eight in all; and one that seems to have the key is not pushed out by idle ones. */
START_TEST(eight_in_all)
{
	int fds[12];
	beta_init(&b);
	begin();
	conf_path(&b.conf, BETA, "127.0.0.3");
	conf_path(&b.conf, BETA, "127.0.0.4");
	node_start(&b);
	uint8_t hello[2048];
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION); /* the oldest */
	size_t n = raw_hello(&r, hello, sizeof(hello));
	ck_assert_int_eq(send(r.fd, hello, n, 0), n);
	PASS(50);
	for (int i = 0; i < 12; i++) {
		static const char *const from[] = { ALPHA, "127.0.0.3", "127.0.0.4" };
		fds[i] = raw_connect(from[i % 3], BETA);
		PASS(5);
	}
	size_t open = 0;
	for (int i = 0; i < 12; i++)
		open += !raw_is_closed(fds[i]);
	ck_assert_uint_eq(open, 7);
	WAIT(raw_pump(&r) && b.ups == 1, 2000);
	for (int i = 0; i < 12; i++)
		close(fds[i]);
	raw_done(&r);
	node_stop(&b);
}
END_TEST

/* Another process connects as fast as it can, from the address of the peer, and says something that is nothing. */
static pid_t flood(const char *from)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;) {
		int fd = raw_try(from, BETA);
		const struct linger now = { .l_onoff = 1 };
		(void)!write(fd, "\x16\x03\x01\x02\x00\x01", 6);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd);
	}
}

START_TEST(a_flood_does_not_hold_the_link_up)
{
	int64_t quiet_us, longest_us;
	pair();
	const struct tls_stats *s = tls_link_stats(b.link);
	size_t before = count_fds();
	unsigned quiet = echoes(1000, &quiet_us);
	pid_t pid = flood(_i ? STRANGE : ALPHA);
	WAIT(s->accepted + s->foreign > 100, 5000);
	uint64_t was = s->accepted + s->foreign;
	unsigned n = echoes(3000, &longest_us);
	printf("flood of %.0f connections/s: %u echoes/s, the longest %.1f ms; without: %u/s, %.1f ms\n",
		(double)(s->accepted + s->foreign - was) / 3, n / 3, (double)longest_us / 1e3, quiet,
		(double)quiet_us / 1e3);
	ck_assert_uint_eq(a.downs + b.downs, 0);
	ck_assert_uint_le(count_fds(), before + 9);
	ck_assert_int_lt(longest_us, 500000); /* a second of silence is what a peer may have */
	/* and it comes back while it goes on */
	tls_link_drop(a.link, false);
	WAIT(tls_link_up(a.link) && tls_link_up(b.link) && b.ups > 1, 20000);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	node_stop(&a);
	node_stop(&b);
}
END_TEST

static unsigned turns;

static void on_turn(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l, (void)w, (void)events;
	turns++;
}

START_TEST(without_descriptors_accept_does_not_spin)
{
	struct rlimit limit, low;
	ev_prepare count;
	beta_alone();
	const struct tls_stats *s = tls_link_stats(b.link);
	ev_prepare_init(&count, on_turn);
	ev_prepare_start(loop, &count);
	turns = 0;
	PASS(500);
	unsigned quiet = turns; /* of the tick */
	raw_tls(&r, ALPHA, BETA, RIGHT, 0x11, TLS1_3_VERSION);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = (struct rlimit){ .rlim_cur = (rlim_t)r.fd + 1, .rlim_max = limit.rlim_max };
	int hole = dup(r.fd); /* -1 where there is none below */
	ck_assert_int_gt(hole, r.fd);
	close(hole);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	turns = 0;
	PASS(500);
	ck_assert_msg(turns < quiet * 3 / 2 + 20, "%u turns of the loop, %u without", turns, quiet);
	ck_assert_uint_eq(s->accepted, 0);
	ck_assert_msg(s->accept_errors >= 3 && s->accept_errors <= 6, "%lu", (unsigned long)s->accept_errors);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	WAIT((raw_pump(&r), b.ups == 1), 5000);
	ev_prepare_stop(loop, &count);
	raw_done(&r);
	node_stop(&b);
}
END_TEST

/* ---- another program ---- */

static pid_t start(const char *const *argv, int *in, int *out)
{
	int to[2], from[2];
	ck_assert(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	*in = to[1];
	*out = from[0];
	return pid;
}

static void finish(pid_t pid, int in, int out)
{
	close(in);
	close(out);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void identity_of(char identity[64], char key[65])
{
	uint8_t psk[32];
	char id[9];
	raw_psk(0x11, psk, id);
	snprintf(identity, 64, RIGHT, id);
	for (int i = 0; i < 32; i++)
		snprintf(key + 2 * i, 3, "%02x", psk[i]);
}

static bool has_said(int out, const char *what, size_t n)
{
	static char got[512];
	static size_t got_n;
	ssize_t more = read(out, got + got_n, sizeof(got) - got_n);
	got_n += more > 0 ? (size_t)more : 0;
	return memmem(got, got_n, what, n) != NULL;
}

static void talk(struct node *n, int in, int out)
{
	WAIT(n->ups == 1, 10000);
	ck_assert_int_eq(write(in, "\0\0\0\6salve\n", 10), 10);
	WAIT(n->frames == 1, 5000);
	ck_assert(n->last_n == 6 && memcmp(n->last, "salve\n", 6) == 0);
	ck_assert_int_eq(tls_link_send(n->link, (const uint8_t *)"servus", 6), 0);
	WAIT(has_said(out, "\0\0\0\6servus", 10), 5000);
}

START_TEST(openssl_dials)
{
	char identity[64], key[65];
	int in, out;
	identity_of(identity, key);
	const char *const argv[] = { "openssl", "s_client", "-quiet", "-connect", BETA ":9789", "-bind", ALPHA ":0",
		"-tls1_3", "-psk_identity", identity, "-psk", key, NULL };
	beta_alone();
	pid_t pid = start(argv, &in, &out);
	talk(&b, in, out);
	finish(pid, in, out);
	WAIT(b.downs == 1, 5000);
	node_stop(&b);
}
END_TEST

START_TEST(openssl_listens)
{
	char identity[64], key[65];
	int in, out;
	identity_of(identity, key);
	const char *const argv[] = { "openssl", "s_server", "-quiet", "-accept", BETA ":9789", "-nocert", "-tls1_3",
		"-psk_identity", identity, "-psk", key, NULL };
	begin();
	alpha_init(&a);
	pid_t pid = start(argv, &in, &out);
	node_start(&a);
	talk(&a, in, out);
	finish(pid, in, out);
	WAIT(a.downs >= 1, 5000);
	node_stop(&a);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

static Suite *make_suite(void)
{
	Suite *s = suite_create("tls_hostile");
	TCase *tc = tcase_create("all");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, who_has_the_key_is_let_in, 0, 2);
	tcase_add_loop_test(tc, who_proves_nothing_gets_nowhere, 0, ROWS(hellos));
	tcase_add_loop_test(tc, silence_and_garbage_in_each_step, 0, ROWS(pieces));
	tcase_add_loop_test(tc, a_listener_that_is_none, 0, ROWS(listeners));
	tcase_add_test(tc, what_it_says_is_not_played_back_to_it);
	tcase_add_loop_test(tc, a_peer_that_is_broken, 0, ROWS(broken));
	tcase_add_test(tc, new_keys_do_not_hold_up_the_loop);
	tcase_add_test(tc, what_was_changed_on_its_way_ends_it);
	tcase_add_test(tc, a_new_connection_takes_the_place_of_the_old_one);
	tcase_add_loop_test(tc, two_hundred_idle_connections, 0, 2);
	tcase_add_test(tc, eight_in_all);
	tcase_add_loop_test(tc, a_flood_does_not_hold_the_link_up, 0, 2);
	tcase_add_test(tc, without_descriptors_accept_does_not_spin);
	tcase_add_test(tc, openssl_dials);
	tcase_add_test(tc, openssl_listens);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	if (!world_make()) {
		printf("skipped: no right to make a network namespace\n");
		return 77;
	}
	SRunner *runner = srunner_create(make_suite());
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
