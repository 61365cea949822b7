/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ct_net.h"

#include "common/err.h"
#include "lbd/sync/sync_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int nets[NETS] = { -1, -1, -1, -1 };
struct ev_loop *loop;
static ev_timer ticker;

/* ---- the world ---- */

void enter(int n)
{
	ck_assert_int_eq(setns(nets[n], CLONE_NEWNET), 0);
}

void sh(int n, const char *fmt, ...)
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

void use(const char *number)
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
bool may(void)
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

void begin(void)
{
	loop = ev_default_loop(EVFLAG_AUTO);
	ev_timer_init(&ticker, tick, 0.001, 0.001);
	ev_timer_start(loop, &ticker);
	make_world();
}

/* ---- connections ---- */

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

void for_a_while(int fd, int ms)
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
bool says(struct talk *t, const char *word, int ms)
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

uint16_t port_of(const struct sockaddr_storage *a)
{
	uint16_t port; /* in the same place in both families */
	memcpy(&port, (const uint8_t *)a + 2, 2);
	return ntohs(port);
}

void talk_begin(struct talk *t, const char *from, const char *to, uint16_t port, const char *server,
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

void talk_end(struct talk *t)
{
	const int fds[] = { t->client, t->server, t->listener };
	for (size_t i = 0; i < LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* ---- what the kernel says ---- */

static void on_flow(const struct flow *f, enum ct_said said, bool strict, void *arg)
{
	struct heard *h = arg;
	h->changed += said == CT_SAID_CHANGED;
	h->gone += said == CT_SAID_GONE;
	h->there += said == CT_SAID_THERE;
	h->strict += strict;
	if (h->n < LEN(h->flows) && (said == CT_SAID_THERE || !h->looking))
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

struct ct_io *listen_at(int net, struct heard *h, int receive_bytes)
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
void look_at(struct ct_io *c, struct heard *h)
{
	unsigned before = h->looks;
	h->n = h->there = 0;
	h->looking = true;
	ck_assert_int_eq(ct_io_look(c), 0);
	ck_assert_int_eq(ct_io_look(c), -EBUSY);
	WAIT(h->looks > before, 5000);
	ck_assert_int_eq(h->look_err, 0);
	h->looking = false;
}

int put(struct ct_io *c, const struct flow *f)
{
	struct ct_put p = { .flow = *f };
	ct_io_put(c, &p, 1);
	return p.err;
}

struct flow made(unsigned i)
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

void make_many(struct ct_io *c, unsigned from, unsigned n)
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

/* ---- with a table ---- */

struct sync_conf conf_all = { .conntrack = SYNC_CONNTRACK_ALL };
unsigned found;

static void on_any(void *arg)
{
	(void)arg;
}

static void on_found(void *arg)
{
	(void)arg;
	found++;
}

void side_begin(struct sync_ct *s, int net, int receive_bytes)
{
	*s = (struct sync_ct){ .changed = on_any,
		.troubled = on_any,
		.found = on_found,
		.missed = on_any,
		.seed = 5,
		.receive_bytes = receive_bytes };
	found = 0;
	enter(net);
	sync_ct_open(s, loop);
	ck_assert_int_eq(sync_ct_conf(s, &conf_all), 0);
	ck_assert_msg(s->io != NULL, "%s", s->trouble);
}

void side_open(struct sync_ct *s, int net, int receive_bytes)
{
	side_begin(s, net, receive_bytes);
	WAIT(!sync_ct_turn(s) && sync_ct_settled(s), 5000);
}

unsigned carry_in(struct sync_flow_source *from, struct sync_ct *to, const struct sync_in *in)
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

unsigned carry(struct sync_flow_source *from, struct sync_ct *to)
{
	return carry_in(from, to, &(struct sync_in){ 0 });
}

void heard_all(struct sync_ct *s)
{
	sync_ct_reached(s, flow_table_last(s->table), flow_table_last(s->table));
}

bool turned(struct sync_ct *a, bool done)
{
	(void)sync_ct_turn(a);
	return done;
}

void next_look(struct sync_ct *s)
{
	uint64_t looks = s->looks;
	s->look_at = (struct lb_time){ 0 };
	WAIT(turned(s, s->looks > looks && !s->looking && !s->sweep.table), 5000);
}

void three_copied(struct sync_ct *a, struct sync_ct *b, struct sync_flow_source *out, struct ct_io *somebody)
{
	side_open(a, ONE, 0);
	side_open(b, TWO, 0);
	sync_ct_source_init(out, a->table);
	out->source.seek(&out->source, 0);
	make_many(somebody, 0, 3);
	WAIT(flow_table_count(a->table, FLOW_LOCAL) == 3, 2000);
	ck_assert_uint_eq(carry(out, b), 3);
}

void all_end(
	struct sync_ct *a, struct sync_ct *b, struct sync_flow_source *out, struct ct_io *somebody, struct ct_io *there)
{
	sync_flow_source_done(out);
	sync_ct_close(a);
	sync_ct_close(b);
	ct_io_stop(somebody);
	ct_io_stop(there);
}
