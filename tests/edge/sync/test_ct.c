/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection tracking of the real kernel, in networks of our own:
 *
 *   client -- c1 [one] s1 -- server      Both routers have the same addresses and the same rules: NAT, and whatever
 * does
 *          \- c2 [two] s2 -/             not begin with SYN and is not known is dropped. Which one is used is a route.
 */
#include "common/clock_io.h"
#include "common/err.h"
#include "lbd/sync/sync_ct_io.h"
#include "lbd/sync/sync_link.h"
#include "tests/edge/wait.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The limit is one of the whole machine: here it holds for those who are told. */
static const struct ct_io *full_one;
static unsigned creates; /* in vain */

void __real_ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n);
void __wrap_ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n);

void __wrap_ct_io_put(struct ct_io *c, struct ct_put *puts, unsigned n)
{
	if (c != full_one) {
		__real_ct_io_put(c, puts, n);
		return;
	}
	ct_io_update(c, puts, n);
	for (unsigned i = 0; i < n; i++)
		creates += puts[i].full;
}

enum { CLIENT, ONE, TWO, SERVER, NETS };
static int nets[NETS] = { -1, -1, -1, -1 };
static struct ev_loop *loop;
static ev_timer ticker;

/* ---- the world ---- */

static void enter(int n)
{
	ck_assert_int_eq(setns(nets[n], CLONE_NEWNET), 0);
}

__attribute__((format(printf, 2, 3))) static void sh(int n, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	enter(n);
	ck_assert_msg(system(line) == 0, "%s", line);
}

static void cable(int router, const char *end, const char *number, int other)
{
	sh(other, "ip link add %s%s type veth peer name %s netns /proc/%d/fd/%d", end, number, end, (int)getpid(),
		nets[router]);
	sh(other, "ip link set %s%s up", end, number);
	sh(router, "ip link set %s up", end);
}

static const char rules[] = "table inet t {\n"
			    " chain pre { type nat hook prerouting priority dstnat\n"
			    "  iifname c ip daddr 10.1.0.1 tcp dport 81 dnat ip to 10.2.0.2:8080\n }\n"
			    " chain post { type nat hook postrouting priority srcnat\n"
			    "  oifname s tcp dport 8081 masquerade fully-random\n"
			    "  oifname s ip saddr 10.1.0.0/24 snat ip to 10.2.0.9 fully-random\n"
			    "  oifname s ip6 saddr fd01::/64 snat ip6 to fd02::9 fully-random\n }\n"
			    " chain pass { type filter hook forward priority filter\n"
			    "  ct state established,related accept\n"
			    "  meta l4proto tcp tcp flags & (fin | syn | rst | ack) == syn accept\n"
			    "  meta l4proto udp accept\n"
			    "  meta l4proto tcp drop\n }\n"
			    "}\n";

static void router(int n, const char *number)
{
	char file[] = "/tmp/lbd-ct-XXXXXX";
	cable(n, "c", number, CLIENT);
	cable(n, "s", number, SERVER);
	sh(n, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0");
	sh(n, "ip addr add 10.1.0.1/24 dev c && ip addr add 10.2.0.1/24 dev s && ip addr add 10.2.0.9/24 dev s");
	sh(n, "ip -6 addr add fd01::1/64 dev c nodad && ip -6 addr add fd02::9/64 dev s nodad");
	int fd = mkstemp(file);
	ck_assert(fd >= 0 && write(fd, rules, sizeof(rules) - 1) == (ssize_t)sizeof(rules) - 1);
	close(fd);
	sh(n, "nft -f %s", file);
	unlink(file);
}

static void use(const char *number)
{
	sh(CLIENT, "ip route replace 10.2.0.0/24 via 10.1.0.1 dev c%s onlink", number);
	sh(CLIENT, "ip -6 route replace fd01::1/128 dev c%s", number);
	sh(CLIENT, "ip -6 route replace fd02::/64 via fd01::1 dev c%s", number);
	sh(CLIENT, "ip route replace 10.1.0.1/32 dev c%s", number);
	sh(SERVER, "ip route replace 10.2.0.0/24 dev s%s && ip -6 route replace fd02::9/128 dev s%s", number, number);
	sh(CLIENT, "ip neigh flush all");
	sh(SERVER, "ip neigh flush all");
}

/* Not in a test yet: it asserts nothing. */
static bool may(void)
{
	return unshare(CLONE_NEWNET) == 0 && system("nft list tables >/dev/null 2>&1") == 0;
}

static void make_world(void)
{
	for (int i = 0; i < NETS; i++) {
		ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
		nets[i] = open("/proc/thread-self/ns/net", O_RDONLY); /* iproute2 opens it through /proc: not CLOEXEC */
		ck_assert_int_ge(nets[i], 0);
		sh(i, "ip link set lo up && sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 "
		      "net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0");
	}
	router(ONE, "1");
	router(TWO, "2");
	sh(CLIENT, "ip addr add 10.1.0.2/32 dev lo");
	sh(SERVER, "ip addr add 10.2.0.2/32 dev lo");
	for (int i = 1; i <= 2; i++) {
		sh(CLIENT, "ip -6 addr add fd01::2/128 dev c%d nodad", i);
		sh(SERVER, "ip -6 addr add fd02::2/128 dev s%d nodad", i);
	}
	for (int i = ONE; i <= TWO; i++) {
		sh(i, "ip route add 10.1.0.2/32 dev c && ip -6 route add fd01::2/128 dev c");
		sh(i, "ip route add 10.2.0.2/32 dev s && ip -6 route add fd02::2/128 dev s");
	}
	use("1");
}

static void tick(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l, (void)t, (void)events;
}

static void begin(void)
{
	loop = ev_default_loop(EVFLAG_AUTO);
	ev_timer_init(&ticker, tick, 0.001, 0.001);
	ev_timer_start(loop, &ticker);
	make_world();
}

/* ---- connections ---- */

struct talk {
	int client, server, listener;
	uint16_t seen_port; /* of the client, as the server sees it */
	struct sockaddr_storage from;
	bool udp;
};

static socklen_t address(const char *ip, uint16_t port, struct sockaddr_storage *out)
{
	struct lb_ip a;
	ck_assert_int_eq(lb_ip_parse(ip, strlen(ip), &a), 0);
	memset(out, 0, sizeof(*out));
	if (lb_ip_is_v6(&a)) {
		struct sockaddr_in6 s = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
		memcpy(&s.sin6_addr, a.b, 16);
		memcpy(out, &s, sizeof(s));
		return sizeof(s);
	}
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_port = htons(port) };
	memcpy(&s.sin_addr, a.b, 4);
	memcpy(out, &s, sizeof(s));
	return sizeof(s);
}

static void for_a_while(int fd, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
}

static bool goes(int from, int to, const char *word, int ms, struct sockaddr_storage *who)
{
	char got[64] = "";
	socklen_t n = sizeof(*who);
	for_a_while(to, ms);
	if (send(from, word, strlen(word), MSG_NOSIGNAL) < 0)
		return false;
	return recvfrom(to, got, sizeof(got) - 1, 0, (struct sockaddr *)who, who ? &n : NULL) ==
		       (ssize_t)strlen(word) &&
	       strcmp(got, word) == 0;
}

/* There and back. UDP: the answer goes to whoever it came from. */
static bool says(struct talk *t, const char *word, int ms)
{
	struct sockaddr_storage who = { 0 };
	if (!goes(t->client, t->server, word, ms, t->udp ? &who : NULL))
		return false;
	if (t->udp) {
		t->from = who;
		socklen_t n = who.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
		ck_assert(connect(t->server, (struct sockaddr *)&who, n) == 0);
		bool back = goes(t->server, t->client, word, ms, NULL);
		struct sockaddr none = { .sa_family = AF_UNSPEC };
		connect(t->server, &none, sizeof(none));
		return back;
	}
	return goes(t->server, t->client, word, ms, NULL);
}

static uint16_t port_of(const struct sockaddr_storage *a)
{
	uint16_t port; /* in the same place in both families */
	memcpy(&port, (const uint8_t *)a + 2, 2);
	return ntohs(port);
}

static void talk_begin(struct talk *t, const char *from, const char *to, uint16_t port, const char *server,
	uint16_t server_port, bool udp)
{
	struct sockaddr_storage a;
	socklen_t n = address(server, server_port, &a);
	int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, on = 1;
	*t = (struct talk){ .udp = udp, .listener = -1 };
	enter(SERVER);
	int listener = socket(a.ss_family, type, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&a, n), 0);
	if (!udp)
		ck_assert_int_eq(listen(listener, 5), 0);
	enter(CLIENT);
	t->client = socket(a.ss_family, type, 0);
	for_a_while(t->client, 5000);
	n = address(from, 0, &a);
	ck_assert_int_eq(bind(t->client, (struct sockaddr *)&a, n), 0);
	n = address(to, port, &a);
	ck_assert_msg(connect(t->client, (struct sockaddr *)&a, n) == 0, "%s: %s", to, strerror(errno));
	socklen_t len = sizeof(t->from);
	t->server = udp ? listener : accept4(listener, (struct sockaddr *)&t->from, &len, SOCK_CLOEXEC);
	t->listener = udp ? -1 : listener;
	ck_assert_int_ge(t->server, 0);
	ck_assert(says(t, "hello", 5000));
	t->seen_port = port_of(&t->from);
}

static void talk_end(struct talk *t)
{
	const int fds[] = { t->client, t->server, t->listener };
	for (size_t i = 0; i < LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* ---- what the kernel says ---- */

#define HEARD_MAX 20000
struct heard {
	struct flow flows[64]; /* the first of them that are not of a port that nobody cares about */
	unsigned n, changed, gone, there, lost, looks, strict;
	int look_err;
};

static void on_flow(const struct flow *f, enum ct_said said, bool strict, void *arg)
{
	struct heard *h = arg;
	h->changed += said == CT_SAID_CHANGED;
	h->gone += said == CT_SAID_GONE;
	h->there += said == CT_SAID_THERE;
	h->strict += strict;
	if (h->n < LEN(h->flows))
		h->flows[h->n++] = *f;
}

static void on_lost(void *arg)
{
	struct heard *h = arg;
	h->lost++;
}

static void on_looked(int err, void *arg)
{
	struct heard *h = arg;
	h->looks++;
	h->look_err = err;
}

static void on_broken(const char *why, void *arg)
{
	(void)arg;
	ck_abort_msg("%s", why);
}

static struct ct_io *listen_at(int net, struct heard *h, int receive_bytes)
{
	struct lb_err e;
	const struct ct_io_conf conf = { on_flow, on_lost, on_looked, on_broken, h, receive_bytes };
	memset(h, 0, sizeof(*h));
	enter(net);
	struct ct_io *c = ct_io_start(loop, &conf, &e);
	ck_assert_msg(c != NULL, "%s", e.text);
	return c;
}

/* What is there now, at most 64 of it. */
static void look_at(struct ct_io *c, struct heard *h)
{
	unsigned before = h->looks;
	h->n = h->there = 0;
	ck_assert_int_eq(ct_io_look(c), 0);
	ck_assert_int_eq(ct_io_look(c), -EBUSY);
	WAIT(h->looks > before, 5000);
	ck_assert_int_eq(h->look_err, 0);
}

static const struct flow *find(const struct heard *h, uint8_t protocol, uint16_t virtual_port)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->flows[i].key.protocol == protocol && h->flows[i].key.virtual_port == virtual_port)
			return &h->flows[i];
	return NULL;
}

static int put(struct ct_io *c, const struct flow *f)
{
	struct ct_put p = { .flow = *f };
	ct_io_put(c, &p, 1);
	return p.err;
}

/* As it comes to the other node. */
static struct flow carried(const struct flow *f)
{
	uint8_t bytes[SYNC_RECORD_MAX];
	struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
	struct sync_from from = { 0 };
	struct flow out;
	sync_ct_write(&w, f, &from);
	ck_assert(!w.bad && sync_ct_read(bytes, (size_t)(w.p - bytes), &out, &from) == 0);
	return out;
}

/* ---- tests ---- */

static const struct {
	const char *what, *from, *to;
	uint16_t port;
	const char *server;
	uint16_t server_port;
	bool udp;
	uint32_t nat;
} ways[] = {
	{ "TCP, source NAT", "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false, CT_SRC_NAT },
	{ "TCP, masquerade", "10.1.0.2", "10.2.0.2", 8081, "10.2.0.2", 8081, false, CT_SRC_NAT },
	{ "TCP, both translations", "10.1.0.2", "10.1.0.1", 81, "10.2.0.2", 8080, false, CT_SRC_NAT | CT_DST_NAT },
	{ "TCP over IPv6, source NAT", "fd01::2", "fd02::2", 8080, "fd02::2", 8080, false, CT_SRC_NAT },
	{ "UDP, source NAT", "10.1.0.2", "10.2.0.2", 8082, "10.2.0.2", 8082, true, CT_SRC_NAT },
};

/* The one that this is all about. */
START_TEST(a_connection_goes_on_elsewhere)
{
	struct heard one, two;
	struct talk t, left;
	begin();
	struct ct_io *at_one = listen_at(ONE, &one, 0), *at_two = listen_at(TWO, &two, 0);
	talk_begin(&t, ways[_i].from, ways[_i].to, ways[_i].port, ways[_i].server, ways[_i].server_port, ways[_i].udp);
	talk_begin(&left, "10.1.0.2", "10.2.0.2", 8090, "10.2.0.2", 8090, false);
	look_at(at_one, &one);
	const struct flow *f = find(&one, ways[_i].udp ? IPPROTO_UDP : IPPROTO_TCP, ways[_i].port);
	ck_assert_msg(f && (f->flags & (CT_SRC_NAT | CT_DST_NAT)) == ways[_i].nat, "%s", ways[_i].what);
	ck_assert_msg(f->ct.to_port == t.seen_port && f->dest_port == ways[_i].server_port, "%s", ways[_i].what);
	struct flow sent = carried(f), again;
	ck_assert_int_eq(put(at_two, &sent), 0);
	look_at(at_two, &two);
	f = find(&two, sent.key.protocol, ways[_i].port);
	ck_assert_msg(f && ct_flow_same(f, &sent), "%s: it is another one there", ways[_i].what);
	ck_assert_uint_le(f->timeout_s, sent.timeout_s);
	ck_assert_uint_ge(f->timeout_s + 3, sent.timeout_s);
	again = sent;
	ck_assert_int_eq(put(at_two, &again), 0); /* it may come twice */
	use("2");
	ck_assert_msg(says(&t, "as if nothing was", 5000), "%s", ways[_i].what);
	if (t.udp)
		ck_assert_msg(port_of(&t.from) == t.seen_port, "%s: another port", ways[_i].what);
	for (int i = 0; i < 20; i++)
		ck_assert_msg(says(&t, "and on and on", 5000), "%s", ways[_i].what);
	ck_assert_msg(!says(&left, "lost", 400), "a connection that was not carried went on: this test sees nothing");
	talk_end(&t);
	talk_end(&left);
	ct_io_stop(at_one);
	ct_io_stop(at_two);
}
END_TEST

START_TEST(what_is_told_and_what_is_not)
{
	struct heard h, other;
	struct talk t;
	begin();
	struct ct_io *c = listen_at(ONE, &h, 0), *somebody = listen_at(ONE, &other, 0);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false);
	WAIT(h.changed >= 3, 2000); /* SYN is a new one, the answer, established */
	const struct flow *f = &h.flows[h.n - 1];
	ck_assert_uint_eq(f->state, CT_TCP_ESTABLISHED);
	ck_assert_uint_eq(f->key.virtual_port, 8080);
	struct flow mine = carried(f);
	WAIT(other.changed == h.changed, 2000);
	/* an order of ours is no word of the kernel's; to anybody else it is */
	unsigned before = h.changed, before_other = other.changed;
	mine.fwmark = 77;
	ck_assert_int_eq(put(c, &mine), 0);
	mine.key.client_port ^= 1;
	mine.ct.to_port ^= 1;
	ck_assert_int_eq(put(c, &mine), 0);
	ck_assert_int_eq(ct_io_drop(c, &mine), 0);
	WAIT(other.changed >= before_other + 2 && other.gone == 1, 2000);
	ck_assert_uint_eq(h.changed, before);
	ck_assert_uint_eq(h.gone, 0);
	ck_assert_int_eq(ct_io_drop(c, &mine), 0); /* it has gone: as it should be */
	sh(ONE, "conntrack -D -p tcp --dport 8080 >/dev/null 2>&1");
	WAIT(h.gone == 1, 2000);
	/* this host with itself is not told at all */
	before = h.changed;
	sh(ONE, "nft add rule inet t pass counter && nft add chain inet t in '{ type filter hook input priority 0; }' "
		"&& "
		"nft add rule inet t in ct state new accept");
	sh(ONE, "printf x | timeout 1 nc -u -w1 127.0.0.1 9 2>/dev/null; true");
	sh(ONE, "ping -c1 -W1 10.1.0.2 >/dev/null"); /* nor what has no ports */
	talk_end(&t);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8083, "10.2.0.2", 8083, true);
	WAIT(h.changed > before, 2000);
	for (unsigned i = 0; i < h.n; i++)
		ck_assert(h.flows[i].key.client.b[0] != 127 && h.flows[i].key.virtual_port != 9);
	talk_end(&t);
	ct_io_stop(c);
	ct_io_stop(somebody);
}
END_TEST

static struct flow made(unsigned i)
{
	struct flow f = { .has_ct = true,
		.key = { .protocol = IPPROTO_TCP,
			.client = { AF_INET, { 10, 1, (uint8_t)(i >> 8), (uint8_t)i } },
			.virtual = { AF_INET, { 10, 2, 0, 2 } },
			.client_port = (uint16_t)(1024 + i % 50000),
			.virtual_port = 80 },
		.dest = { AF_INET, { 10, 2, 0, 2 } },
		.dest_port = 80,
		.ct = { .to = { AF_INET, { 10, 2, 0, 9 } },
			.to_port = (uint16_t)(1024 + i),
			.tcp_flags = { 3, 3 },
			.tcp_scale = { 7, 9 } },
		.flags = CT_SEEN_REPLY | CT_ASSURED | CT_SRC_NAT,
		.state = CT_TCP_ESTABLISHED,
		.timeout_s = 1000 };
	return f;
}

static void make_many(struct ct_io *c, unsigned from, unsigned n)
{
	struct ct_put batch[CT_IO_BATCH];
	for (unsigned i = 0; i < n;) {
		unsigned k = 0;
		for (; k < CT_IO_BATCH && i < n; k++, i++)
			batch[k].flow = made(from + i);
		ct_io_put(c, batch, k);
		for (unsigned j = 0; j < k; j++)
			ck_assert_int_eq(batch[j].err, 0);
	}
}

START_TEST(an_entry_in_the_way)
{
	struct heard h;
	begin();
	struct ct_io *c = listen_at(TWO, &h, 0);
	struct flow a = made(1), b = made(2);
	ck_assert_int_eq(put(c, &a), 0);
	/* what is known of it is less than what the kernel knows: it stays so */
	struct flow less = a;
	less.flags &= ~CT_ASSURED;
	less.fwmark = 5;
	ck_assert_int_eq(put(c, &less), 0);
	look_at(c, &h);
	ck_assert(h.there == 1 && h.flows[0].fwmark == 5 && h.flows[0].flags == a.flags);
	/* the port of the translation is another connection's by now */
	b.ct.to_port = a.ct.to_port;
	ck_assert_int_eq(put(c, &b), 0);
	look_at(c, &h);
	ck_assert(h.there == 1 && ct_flow_same(&h.flows[0], &b));
	/* one that has gone is not made, only made short */
	struct flow gone = a;
	gone.flags |= CT_GONE;
	gone.timeout_s = 7;
	ck_assert_int_eq(put(c, &gone), 0);
	look_at(c, &h);
	ck_assert_uint_eq(h.there, 1);
	b.flags |= CT_GONE;
	b.timeout_s = 7;
	ck_assert_int_eq(put(c, &b), 0);
	look_at(c, &h);
	ck_assert(h.there == 1 && h.flows[0].timeout_s <= 7 && h.flows[0].state == CT_TCP_ESTABLISHED);
	/* as IPVS leaves it: the answer comes from elsewhere, and that is no translation of the kernel's */
	struct flow v = made(3);
	v.dest = (struct lb_ip){ AF_INET, { 10, 2, 0, 3 } };
	v.dest_port = 8080;
	ck_assert_int_eq(put(c, &v), 0);
	look_at(c, &h);
	const struct flow *f = h.flows[0].key.client_port == v.key.client_port ? &h.flows[0] : &h.flows[1];
	ck_assert(h.there == 2 && ct_flow_same(f, &v));
	uint32_t count = 0, max = 0;
	ck_assert(ct_io_count(c, &count, &max) == 0 && count == 2 && max > 2);
	ct_io_stop(c);
}
END_TEST

/* ---- with a table ---- */

static struct sync_conf conf_all = { .conntrack = SYNC_CONNTRACK_ALL };
static unsigned found; /* looks that were for what was not known */

static void on_any(void *arg)
{
	(void)arg;
}

static void on_found(void *arg)
{
	(void)arg;
	found++;
}

static void side_open(struct sync_ct *s, int net, int receive_bytes)
{
	*s = (struct sync_ct){
		.changed = on_any, .troubled = on_any, .found = on_found, .seed = 5, .receive_bytes = receive_bytes
	};
	found = 0;
	enter(net);
	sync_ct_open(s, loop);
	ck_assert_int_eq(sync_ct_conf(s, &conf_all), 0);
	ck_assert_msg(s->io != NULL, "%s", s->trouble);
	WAIT(!sync_ct_turn(s) && sync_ct_settled(s), 5000);
}

/* What one has behind the last time goes to the other. */
static unsigned carry_in(struct sync_flow_source *from, struct sync_ct *to, const struct sync_in *in)
{
	struct sync_item item;
	struct lb_time now = lb_clock_now();
	unsigned n = 0;
	while (from->source.next(&from->source, now, &item)) {
		uint8_t bytes[SYNC_RECORD_MAX];
		struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
		struct sync_from age = { (uint32_t)(lb_time_diff_us(now, item.put_at) / 1000), item.theirs };
		if (item.gone || (item.theirs && !in->knew_at.us))
			continue;
		from->source.write(&from->source, &item, &age, now, &w);
		ck_assert_int_ge(sync_ct_peer(to, bytes, (size_t)(w.p - bytes), in, now), 0);
		n++;
	}
	while (sync_ct_turn(to)) {
	}
	return n;
}

static unsigned carry(struct sync_flow_source *from, struct sync_ct *to)
{
	return carry_in(from, to, &(struct sync_in){ 0 });
}

static void heard_all(struct sync_ct *s)
{
	sync_ct_reached(s, flow_table_last(s->table), flow_table_last(s->table));
}

static bool turned(struct sync_ct *a, bool done)
{
	(void)sync_ct_turn(a);
	return done;
}

START_TEST(words_that_are_lost)
{
	struct heard h;
	struct sync_ct s;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0);
	make_many(somebody, 0, 3); /* there before us */
	side_open(&s, ONE, 2048);
	ck_assert_uint_eq(flow_table_count(s.table, FLOW_LOCAL), 3);
	ck_assert(found == 1 && !sync_ct_seeks(&s));
	int64_t began = lb_clock_now().us;
	make_many(somebody, 3, 4000);
	printf("FIGURES 4000 entries put in %lld us\n", (long long)(lb_clock_now().us - began));
	WAIT(s.lost > 0, 2000);
	ck_assert(sync_ct_seeks(&s));
	WAIT(turned(&s, flow_table_count(s.table, FLOW_LOCAL) == 4003), 15000);
	WAIT(turned(&s, !sync_ct_seeks(&s)), 15000);
	ck_assert_uint_gt(found, 1);
	/* and those that go while nobody listens */
	WAIT(turned(&s, !s.looking && !s.sweep.table), 15000);
	heard_all(&s);
	uint64_t lost = s.lost, looks = s.looks;
	for (unsigned i = 0; i < 2000; i++) {
		struct flow f = made(i);
		ck_assert_int_eq(ct_io_drop(somebody, &f), 0);
	}
	WAIT(s.lost > lost, 2000);
	WAIT(turned(&s, s.looks > looks && !s.sweep.table), 15000);
	for (unsigned i = 0; i < 4003; i++) {
		struct flow f = made(i);
		const struct flow_entry *e = flow_table_find(s.table, &f.key);
		ck_assert(e && !(e->flags & CT_GONE) == (i >= 2000));
	}
	sync_ct_close(&s);
	ct_io_stop(somebody);
}
END_TEST

static void next_look(struct sync_ct *s)
{
	uint64_t looks = s->looks;
	s->look_at = (struct lb_time){ 0 };
	WAIT(turned(s, s->looks > looks && !s->looking && !s->sweep.table), 5000);
}

/* That of every CT_AUDIT_S is none: in sync is who has no more to send than what changes. */
START_TEST(a_look_for_what_is_not_known)
{
	struct heard h;
	struct sync_ct s;
	struct sync_conf same = conf_all, other = { .conntrack = SYNC_CONNTRACK_AUTO, .n_nats = 1 };
	struct sync_skip nat = { .what = SYNC_ALL, .protocol = IPPROTO_TCP, .addr = { AF_INET, { 10, 2, 0, 2 } } };
	begin();
	other.nats = &nat;
	struct ct_io *somebody = listen_at(ONE, &h, 0);
	side_open(&s, ONE, 0);
	make_many(somebody, 0, 3);
	next_look(&s);
	ck_assert_uint_eq(flow_table_count(s.table, FLOW_LOCAL), 3);
	ck_assert_int_eq(sync_ct_conf(&s, &same), 0);
	ck_assert(found == 1 && !sync_ct_seeks(&s));
	sync_ct_again(&s);
	ck_assert(sync_ct_seeks(&s));
	next_look(&s);
	ck_assert(found == 2 && !sync_ct_seeks(&s));
	ck_assert_int_eq(sync_ct_conf(&s, &other), 0);
	ck_assert(sync_ct_seeks(&s));
	next_look(&s);
	ck_assert(found == 3 && !sync_ct_seeks(&s));
	ck_assert_int_eq(sync_ct_conf(&s, NULL), 0);
	ck_assert(!sync_ct_seeks(&s));
	sync_ct_close(&s);
	ct_io_stop(somebody);
}
END_TEST

START_TEST(from_one_kernel_to_another)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	struct talk t;
	begin();
	side_open(&a, ONE, 0);
	side_open(&b, TWO, 0);
	sync_ct_source_init(&out, a.table);
	out.source.seek(&out.source, 0);
	talk_begin(&t, "10.1.0.2", "10.2.0.2", 8080, "10.2.0.2", 8080, false);
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 1, 2000);
	WAIT(turned(&a, flow_table_last(a.table) >= 1), 2000);
	ck_assert_uint_eq(carry(&out, &b), 1);
	heard_all(&a);
	ck_assert_uint_eq(b.injected, 1);
	ck_assert_uint_eq(flow_table_count(b.table, FLOW_LOCAL), 0); /* no echo */
	struct ct_io *watch = listen_at(ONE, &h, 0);
	(void)sync_ct_turn(&a);
	look_at(watch, &h);
	ck_assert_msg(h.there >= 1 && h.strict == 0, "windows are watched where it came from");
	ct_io_stop(watch);
	/* lost there: the next look finds it */
	sh(TWO, "conntrack -D -p tcp --dport 8080 >/dev/null 2>&1");
	sync_ct_again(&b);
	WAIT(turned(&b, b.injected >= 2 && sync_ct_settled(&b)), 5000);
	use("2");
	ck_assert(says(&t, "here I am", 5000));
	/* packets come by at the other one now: its look finds that, and what the first one says of an end is not
	 * believed */
	sleep(8);
	ck_assert(says(&t, "still here", 5000));
	b.look_at = (struct lb_time){ 0 };
	WAIT(turned(&b, flow_table_count(b.table, FLOW_LOCAL) == 1), 5000);
	sh(ONE, "conntrack -F >/dev/null 2>&1");
	WAIT(flow_table_last(a.table) > 1, 2000);
	struct ct_io *c = listen_at(TWO, &h, 0);
	(void)carry(&out, &b);
	look_at(c, &h);
	ck_assert(h.there >= 1 && h.flows[0].timeout_s > 1000);
	ck_assert(says(&t, "and here", 5000));
	/* but the first one has it no more, and hears of it again as soon as it is seen to live */
	uint64_t last = flow_table_last(b.table);
	sleep(6);
	ck_assert(says(&t, "still", 5000));
	next_look(&b);
	ck_assert_uint_gt(flow_table_last(b.table), last);
	const struct flow_entry *e = flow_table_find(b.table, &h.flows[0].key);
	ck_assert(e && lb_time_diff_us(lb_clock_now(), e->put_at) < 5000000 && !(e->flags & CT_DOUBT));
	talk_end(&t);
	ct_io_stop(c);
	sync_flow_source_done(&out);
	sync_ct_close(&a);
	sync_ct_close(&b);
}
END_TEST

/* Both sides, and three entries of somebody that b knows from a. */
static void three_copied(struct sync_ct *a, struct sync_ct *b, struct sync_flow_source *out, struct ct_io *somebody)
{
	side_open(a, ONE, 0);
	side_open(b, TWO, 0);
	sync_ct_source_init(out, a->table);
	out->source.seek(&out->source, 0);
	make_many(somebody, 0, 3);
	WAIT(flow_table_count(a->table, FLOW_LOCAL) == 3, 2000);
	ck_assert_uint_eq(carry(out, b), 3);
}

static void all_end(
	struct sync_ct *a, struct sync_ct *b, struct sync_flow_source *out, struct ct_io *somebody, struct ct_io *there)
{
	sync_flow_source_done(out);
	sync_ct_close(a);
	sync_ct_close(b);
	ct_io_stop(somebody);
	ct_io_stop(there);
}

/* The other node's stay as its last word and this kernel have left them, and do not come back. */
START_TEST(a_reload_that_copies_less)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	struct sync_conf less = { .conntrack = SYNC_CONNTRACK_AUTO, .n_nats = 1 };
	struct sync_skip nat = { .what = SYNC_ALL, .protocol = IPPROTO_TCP, .addr = { AF_INET, { 10, 9, 9, 9 } } };
	begin();
	less.nats = &nat;
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	ck_assert_int_eq(sync_ct_conf(&b, &less), 0);
	next_look(&b);
	struct flow f = made(0); /* the other node reloads later, and tells of what closes there */
	f.state = 7;
	f.timeout_s = 100;
	ck_assert_int_eq(put(somebody, &f), 0);
	WAIT(flow_table_last(a.table) >= 4, 2000);
	ck_assert_uint_eq(carry(&out, &b), 1);
	f = made(1); /* this one closes here, and one goes */
	f.state = 7;
	f.timeout_s = 100;
	ck_assert_int_eq(put(there, &f), 0);
	f = made(2);
	ck_assert_int_eq(ct_io_drop(there, &f), 0);
	next_look(&b);
	next_look(&b);
	look_at(there, &h);
	ck_assert(h.there == 2 && h.flows[0].state == 7 && h.flows[1].state == 7);
	ck_assert_uint_eq(flow_table_count(b.table, FLOW_PEER), 2);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

/* Who comes back has kept what it heard before. */
START_TEST(what_ended_while_the_other_was_away)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	heard_all(&a);
	make_many(somebody, 3, 3); /* of these it hears nothing */
	for (unsigned i = 0; i < 6; i++) {
		struct flow f = made(i);
		f.state = 7; /* TIME_WAIT */
		f.timeout_s = 1;
		ck_assert_int_eq(put(somebody, &f), 0);
	}
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 6, 2000);
	sleep(3);
	look_at(somebody, &h);
	ck_assert_uint_eq(h.there, 0);
	WAIT(turned(&a, flow_table_count(a.table, FLOW_LOCAL) == 3), 5000);
	ck_assert_uint_eq(carry(&out, &b), 3);
	look_at(there, &h);
	ck_assert_uint_eq(h.there, 3);
	for (unsigned i = 0; i < h.there; i++)
		ck_assert_uint_le(h.flows[i].timeout_s, 30);
	heard_all(&a);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

/* The standby begins anew: its kernel has what the master told, and what of that has ended since. */
START_TEST(what_a_standby_finds_is_not_new_to_the_master)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out, back;
	struct sync_in knew = { 0 };
	begin();
	struct ct_io *one = listen_at(ONE, &h, 0), *two = listen_at(TWO, &h, 0);
	conf_all.forwards = true;
	side_open(&a, ONE, 0);
	knew.knew_at = lb_clock_now();
	make_many(two, 0, 3); /* the master has told them, they have ended there, and of one it knows that */
	struct flow f = made(2);
	f.flags |= CT_GONE;
	ck_assert_int_eq(flow_table_put(a.table, &f, FLOW_LOCAL, lb_clock_now(), NULL), 0);
	side_open(&b, TWO, 0);
	f = made(9); /* and one that came before that */
	ck_assert_int_eq(flow_table_put(b.table, &f, FLOW_PEER, lb_clock_now(), NULL), 0);
	sync_ct_source_init(&out, a.table);
	sync_ct_source_init(&back, b.table);
	out.source.seek(&out.source, 0);
	back.source.seek(&back.source, 0);
	ck_assert_uint_eq(carry_in(&back, &a, &knew), 4);
	look_at(one, &h);
	ck_assert_uint_eq(h.there, 2);
	for (unsigned i = 0; i < h.there; i++)
		ck_assert(h.flows[i].timeout_s <= 300 && h.flows[i].key.client_port != f.key.client_port);
	ck_assert_uint_eq(carry(&out, &b), 1);
	look_at(two, &h);
	unsigned ending = 0;
	for (unsigned i = 0; i < h.there; i++)
		ending += h.flows[i].timeout_s <= 300;
	ck_assert_uint_eq(ending, 1);
	sync_flow_source_done(&out);
	sync_flow_source_done(&back);
	sync_ct_close(&a);
	sync_ct_close(&b);
	ct_io_stop(one);
	ct_io_stop(two);
}
END_TEST

/* The link is there before the first look has seen all: an end counts for what it has not come to yet. */
START_TEST(an_end_during_the_first_look)
{
	struct heard h;
	struct sync_ct b;
	const struct sync_in in = { 0 };
	begin();
	struct ct_io *two = listen_at(TWO, &h, 0);
	make_many(two, 0, 3);
	b = (struct sync_ct){ .changed = on_any, .troubled = on_any, .found = on_found, .seed = 5 };
	sync_ct_open(&b, loop);
	ck_assert_int_eq(sync_ct_conf(&b, &conf_all), 0);
	ck_assert(b.looking && !b.looked);
	for (unsigned i = 1; i < 5; i += 3) { /* and one that is not there */
		uint8_t bytes[SYNC_RECORD_MAX];
		struct lb_writer w = { bytes, bytes + sizeof(bytes), false };
		struct flow f = made(i);
		f.flags |= CT_GONE;
		f.timeout_s = 300;
		sync_ct_write(&w, &f, &(struct sync_from){ 0 });
		ck_assert_int_eq(sync_ct_peer(&b, bytes, (size_t)(w.p - bytes), &in, lb_clock_now()), 0);
	}
	WAIT(turned(&b, sync_ct_settled(&b)), 5000);
	ck_assert(flow_table_count(b.table, FLOW_LOCAL) == 2 && flow_table_count(b.table, FLOW_PEER) == 2);
	look_at(two, &h);
	ck_assert_uint_eq(h.there, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert((h.flows[i].timeout_s <= 300) == (h.flows[i].ct.to_port == made(1).ct.to_port));
	sync_ct_close(&b);
	ct_io_stop(two);
}
END_TEST

/* The master's process is new, and its kernel has one that began while the standby could not hear of it. */
START_TEST(what_a_standby_has_missed_is_not_short)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *one = listen_at(ONE, &h, 0), *two = listen_at(TWO, &h, 0);
	conf_all.forwards = _i;
	side_open(&b, TWO, 0);
	/* it becomes master after the last time that it had everything, or is none */
	const struct sync_in knew = { .knew_at = lb_time_add_ms(b.forwards_since, -1) };
	ck_assert((b.forwards_since.us != 0) == _i);
	conf_all.forwards = true;
	make_many(one, 0, 1);
	side_open(&a, ONE, 0);
	sync_ct_source_init(&out, a.table);
	out.source.seek(&out.source, 0);
	ck_assert_uint_eq(carry_in(&out, &b, &knew), 1);
	look_at(two, &h);
	ck_assert(h.there == 1 && h.flows[0].timeout_s > 900);
	sync_flow_source_done(&out);
	sync_ct_close(&a);
	sync_ct_close(&b);
	ct_io_stop(one);
	ct_io_stop(two);
}
END_TEST

/* What changes and what ends does not wait behind what finds no room. */
START_TEST(a_kernel_without_room)
{
	struct heard h;
	struct sync_ct a, b;
	struct sync_flow_source out;
	begin();
	struct ct_io *somebody = listen_at(ONE, &h, 0), *there = listen_at(TWO, &h, 0);
	three_copied(&a, &b, &out, somebody);
	ck_assert(sync_ct_settled(&b));
	full_one = b.io;
	creates = 0;
	make_many(somebody, 100, 100);
	WAIT(flow_table_count(a.table, FLOW_LOCAL) == 103, 2000);
	ck_assert_uint_eq(carry(&out, &b), 100);
	ck_assert(!sync_ct_settled(&b) && sync_ct_kernel_full(&b, lb_clock_now()) && b.full == 100);
	ck_assert_uint_le(creates, CT_IO_BATCH); /* the others do not even try */
	for (unsigned i = 0; i < 3; i++) {
		struct flow f = made(i);
		f.state = 7;
		f.timeout_s = 20;
		ck_assert_int_eq(put(somebody, &f), 0);
	}
	WAIT(flow_table_last(a.table) >= 106, 2000);
	ck_assert_uint_eq(carry(&out, &b), 3);
	look_at(there, &h);
	ck_assert(h.there == 3 && h.flows[0].state == 7 && h.flows[1].state == 7 && h.flows[2].state == 7);
	full_one = NULL; /* there is room again: a look soon finds what is missing */
	WAIT(turned(&b, sync_ct_settled(&b)), 10000);
	look_at(there, &h);
	ck_assert_uint_eq(h.there, 103);
	full_one = b.io;
	/* while a look goes on: the next one is for these */
	b.look_at = (struct lb_time){ 0 };
	WAIT(turned(&b, b.looking), 5000);
	for (unsigned i = 200; i < 210; i++) {
		struct flow f = made(i);
		ck_assert_int_eq(flow_table_put(b.table, &f, FLOW_PEER, lb_clock_now(), NULL), 0);
	}
	WAIT(turned(&b, !b.looking && !b.sweep.table), 5000);
	ck_assert(!sync_ct_settled(&b));
	full_one = NULL;
	WAIT(turned(&b, sync_ct_settled(&b)), 10000);
	all_end(&a, &b, &out, somebody, there);
}
END_TEST

int main(void)
{
	if (!may()) {
		printf("skipped: no right to a network namespace with nft\n");
		return 77;
	}
	Suite *s = suite_create("ct");
	TCase *c = tcase_create("kernel");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, a_connection_goes_on_elsewhere, 0, LEN(ways));
	tcase_add_test(c, what_is_told_and_what_is_not);
	tcase_add_test(c, an_entry_in_the_way);
	tcase_add_test(c, words_that_are_lost);
	tcase_add_test(c, a_look_for_what_is_not_known);
	tcase_add_test(c, from_one_kernel_to_another);
	tcase_add_test(c, a_reload_that_copies_less);
	tcase_add_test(c, a_kernel_without_room);
	tcase_add_test(c, what_ended_while_the_other_was_away);
	tcase_add_test(c, what_a_standby_finds_is_not_new_to_the_master);
	tcase_add_test(c, an_end_during_the_first_look);
	tcase_add_loop_test(c, what_a_standby_has_missed_is_not_short, 0, 2);
	suite_add_tcase(s, c);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
