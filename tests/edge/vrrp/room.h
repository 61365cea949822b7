/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vrrp process as its core sees it: a child of the test in a network namespace of its own (apart.h), messages to it
 * and from it, its log, and what it says over the second path. Once for a program: the linker wraps what the kernel may
 * refuse.
 */
#pragma once

#include "common/buf.h"
#include "common/clock_io.h"
#include "common/err.h"
#include "common/frame_io.h"
#include "common/log_io.h"
#include "lbd/vrrp/peer_pkt.h"
#include "lbd/vrrp/vip_msg.h"
#include "lbd/vrrp/vrrp_io.h"
#include "lbd/vrrp/vrrp_msg.h"
#include "tests/edge/vrrp/apart.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define INSTANCES   3 /* ids 0.. */
#define DEADLINE_MS 10000
#define PING_MS     20
#define PEER_PORT   46111

static struct {
	pid_t pid;
	struct lb_frame channel;
	int log; /* a file in memory */
	uint32_t pings;
} room;

static struct {
	unsigned pongs;
	struct {
		struct vrrp_msg_state state;
		struct vrrp_msg_stats stats;
		uint32_t alarms, raised; /* on now; ever */
		char alarm_text[VRRP_REASON_MAX];
		struct vrrp_msg_taken taken;
		unsigned takeovers;
	} of[INSTANCES];
} heard;

/* ---- what the kernel refuses (the linker's --wrap) ---- */

/* An errno, as long as it is not 0. Shared with the process. */
static struct {
	volatile int sockets, filters; /* for adverts */
	volatile int sends;            /* of adverts over IPv4, and of frames */
	volatile bool once;            /* only the next of those */
	volatile unsigned unsent;
	volatile unsigned filtered; /* filters that it took */
	volatile int64_t slept_us;  /* refuses nothing: as if the machine had slept */
} * refuse;

int __real_socket(int family, int type, int protocol);
int __real_setsockopt(int fd, int level, int name, const void *v, socklen_t len);
ssize_t __real_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len);
int __wrap_socket(int family, int type, int protocol);
int64_t __real_lb_clock_slept_us(void);
int64_t __wrap_lb_clock_slept_us(void);
int __wrap_setsockopt(int fd, int level, int name, const void *v, socklen_t len);
ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len);

ssize_t __wrap_sendto(int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
	bool beat = to->sa_family == AF_INET && ((const struct sockaddr_in *)(const void *)to)->sin_port;
	if (beat || !refuse->sends)
		return __real_sendto(fd, p, n, flags, to, len);
	errno = refuse->sends;
	if (refuse->once)
		refuse->sends = 0;
	refuse->unsent++;
	return -1;
}

int __wrap_socket(int family, int type, int protocol)
{
	if (protocol != VRRP_PROTOCOL || !refuse->sockets)
		return __real_socket(family, type, protocol);
	errno = refuse->sockets;
	return -1;
}

int __wrap_setsockopt(int fd, int level, int name, const void *v, socklen_t len)
{
	bool filter = level == SOL_SOCKET && name == SO_ATTACH_FILTER;
	if (filter && refuse->filters) {
		errno = refuse->filters;
		return -1;
	}
	int rc = __real_setsockopt(fd, level, name, v, len);
	refuse->filtered += filter && rc == 0;
	return rc;
}

int64_t __wrap_lb_clock_slept_us(void)
{
	return __real_lb_clock_slept_us() + refuse->slept_us;
}

/* ---- to it ---- */

static inline void say(const struct vrrp_msg *m)
{
	struct lb_text line = LB_TEXT_INIT;
	vrrp_msg_write(m, &line);
	ck_assert(!line.bad);
	ck_assert_int_eq(lb_frame_queue(&room.channel, line.s, line.n), 0);
	ck_assert_int_eq(lb_frame_write(&room.channel), 0);
	lb_text_done(&line);
}

static inline void set(const struct vrrp_conf *c)
{
	struct vrrp_conf copy = *c;
	say(&(struct vrrp_msg){ .type = VRRP_MSG_SET, .u.set = &copy });
}

/* ---- from it ---- */

static inline void take_line(const char *line, size_t n)
{
	struct lb_err e = { 0 };
	struct vrrp_msg m;
	json_t *json = lb_proto_parse(line, n, &e);
	ck_assert_msg(json && vrrp_msg_read_core(json, &m) == 0, "%.*s", (int)n, line);
	json_decref(json);
	if (m.type == VRRP_MSG_STATE) {
		heard.of[m.u.state.id].state = m.u.state;
	} else if (m.type == VRRP_MSG_STATS) {
		heard.of[m.u.stats.id].stats = m.u.stats;
	} else if (m.type == VRRP_MSG_TAKEN) {
		heard.of[m.u.taken.id].taken = m.u.taken;
		heard.of[m.u.taken.id].takeovers++;
	} else if (m.type == VRRP_MSG_PONG) {
		heard.pongs++;
	} else if (m.type == VRRP_MSG_ALARM) {
		uint32_t bit = 1u << m.u.alarm.alarm, *on = &heard.of[m.u.alarm.id].alarms;
		*on = m.u.alarm.on ? *on | bit : *on & ~bit;
		heard.of[m.u.alarm.id].raised += m.u.alarm.on;
		if (m.u.alarm.on)
			snprintf(heard.of[m.u.alarm.id].alarm_text, VRRP_REASON_MAX, "%s", m.u.alarm.text);
	}
	vrrp_msg_done(&m);
}

/* A ping, and what comes in a moment. */
static inline void listen_a_moment(void)
{
	struct pollfd p = { room.channel.fd, POLLIN, 0 };
	const char *line;
	size_t n;
	say(&(struct vrrp_msg){ .type = VRRP_MSG_PING, .u.ping = ++room.pings });
	(void)poll(&p, 1, PING_MS);
	long got = lb_frame_read(&room.channel);
	ck_assert_msg(got > 0 || got == -EAGAIN, "the room has ended: %ld", got);
	while (lb_frame_line(&room.channel, &line, &n) == 1)
		take_line(line, n);
	(void)poll(NULL, 0, PING_MS);
}

/* How often its log has that. */
static inline unsigned logged(const char *text)
{
	char all[65536];
	unsigned times = 0;
	ssize_t n = pread(room.log, all, sizeof(all) - 1, 0);
	all[n > 0 ? n : 0] = '\0';
	for (const char *at = all; (at = strstr(at, text)); at += strlen(text))
		times++;
	return times;
}

static inline void show_log(void)
{
	char all[65536];
	ssize_t n = pread(room.log, all, sizeof(all), 0);
	(void)!write(2, all, n > 0 ? (size_t)n : 0);
}

#define MUST(condition)                                                                                                \
	do {                                                                                                           \
		struct lb_time end_ = lb_time_add_ms(lb_clock_now(), DEADLINE_MS);                                     \
		while (!(condition) && lb_time_cmp(lb_clock_now(), end_) < 0)                                          \
			listen_a_moment();                                                                             \
		if (!(condition))                                                                                      \
			show_log();                                                                                    \
		ck_assert_msg(condition, "%s", #condition);                                                            \
	} while (0)

static inline bool is(uint32_t id, enum vrrp_state state)
{
	return heard.of[id].state.state == state;
}

/* ---- instances ---- */

static inline struct lb_ip ip(const char *text)
{
	struct lb_ip out;
	ck_assert_int_eq(lb_ip_parse(text, strlen(text), &out), 0);
	return out;
}

/* With the address 10.77.0.VRID, ten adverts a second. */
static inline struct vrrp_conf conf(uint32_t id, uint8_t vrid)
{
	struct vrrp_conf c = { .id = id,
		.interface = "v0",
		.family = AF_INET,
		.version = 3,
		.vrid = vrid,
		.prio = 150,
		.rules = { .version = 3, .interval_cs = 10, .preempt = true },
		.n_addrs = 1,
		.min_ttl = 255 };
	snprintf(c.name, sizeof(c.name), "i%u", id);
	c.addrs[0] = (struct vip){ .ip = ip("10.77.0.0"), .prefix = 32 };
	c.addrs[0].ip.b[3] = vrid;
	return c;
}

/* An advert of 10.0.0.2, or fe80::2, for that instance reaches v0. */
static inline void advert(const struct vrrp_conf *c, uint8_t prio)
{
	static const uint8_t mac[] = { 0, 0, 0x5e, 0, 1, 1 };
	bool six = c->family == AF_INET6;
	size_t head = six ? VRRP_IP6_HEADER : VRRP_IP4_HEADER;
	uint8_t frame[VRRP_ETHER + VRRP_IP6_HEADER + VRRP_PKT_MAX], *packet = frame + VRRP_ETHER;
	struct lb_ip addr = c->addrs[0].ip, group = vrrp_group_address(c->family);
	struct vrrp_wire w = {
		.family = c->family, .version = 3, .vrid = c->vrid, .interval_cs = c->rules.interval_cs
	};
	w.source = ip(six ? "fe80::2" : "10.0.0.2");
	w.addrs = &addr;
	w.n_addrs = 1;
	size_t n = vrrp_pkt_write(&w, prio, &group, packet + head);
	vrrp_pkt_ether(c->family, mac, frame);
	if (six) {
		vrrp_pkt_sum6(&w.source, &group, packet + head, n);
		vrrp_pkt_ip6_header(&w.source, &group, n, packet);
	} else {
		vrrp_pkt_ip4_header(&w.source, &group, 1, n, packet);
	}
	n += VRRP_ETHER + head;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("v1") };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(sendto(fd, frame, n, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)n);
	close(fd);
}

/* Whether the card has the address; with its prefix, where one is given. */
static inline bool there(const char *dev, const char *addr)
{
	char command[128];
	snprintf(command, sizeof(command), "ip -o addr show dev %s 2>/dev/null | grep -q ' %s%s'", dev, addr,
		strchr(addr, '/') ? " " : "/");
	return system(command) == 0;
}

/* As a process that was killed leaves it: for good, with our label. */
static inline void leave_behind(const struct vip *v)
{
	uint8_t bytes[VIP_MSG_MAX];
	struct vip_batch b = { .buf = bytes, .cap = sizeof(bytes) };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ck_assert_int_eq(vip_msg_add(&b, 1, (int)if_nametoindex("v0"), v, 0, 0), 0);
	ck_assert_int_eq(sendto(fd, bytes, b.len, 0, (struct sockaddr *)&to, sizeof(to)), (ssize_t)b.len);
	close(fd);
}

/* ---- beginning and end ---- */

static inline void begin(void)
{
	int pair[2];
	set_apart();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	refuse = mmap(NULL, sizeof(*refuse), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(refuse != MAP_FAILED);
	room.log = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(room.log, 0);
	room.pid = fork();
	if (room.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		dup2(room.log, 2);
		unsetenv("JOURNAL_STREAM");
		lb_log_init("vrrp", LB_LOG_INFO);
		vrrp_worker_prepare(-1);
		_exit(vrrp_worker_main(pair[1], NULL));
	}
	close(pair[1]);
	lb_frame_init(&room.channel, pair[0], LB_PROTO_LINE_MAX);
	say(&(struct vrrp_msg){ .type = VRRP_MSG_HELLO, .u.hello = { LB_PROTO_VERSION, LB_LOG_INFO } });
	MUST(heard.pongs);
}

/* The channel ends, with or without the word that the node leaves; once the process is gone. */
static inline void end(bool leaves)
{
	int status = -1;
	if (leaves)
		say(&(struct vrrp_msg){ .type = VRRP_MSG_END });
	lb_frame_done(&room.channel);
	ck_assert_int_eq(waitpid(room.pid, &status, 0), room.pid);
	ck_assert_int_eq(status, 0);
	close(room.log);
}

/* ---- the other node ---- */

/* A socket of node B at 127.0.0.1, to which the room beats from 127.0.0.2. */
static inline int begin_peer(struct peer_key *key)
{
	struct vrrp_peers p = { .self = "A", .cluster = 1, .port = PEER_PORT, .heartbeat_ms = 10000, .n_nodes = 1 };
	p.dead_after_ms = 30000;
	p.key.n = PEER_KEY_MIN;
	snprintf(p.nodes[0].name, sizeof(p.nodes[0].name), "B");
	p.nodes[0].n_paths = 1;
	p.nodes[0].paths[0] = (struct lb_path){ .ours = ip("127.0.0.2"), .theirs = ip("127.0.0.1") };
	*key = p.key;
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(PEER_PORT) };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	say(&(struct vrrp_msg){ .type = VRRP_MSG_PEERS, .u.peers = &p });
	return fd;
}

/* The next beat that has come. False: none. */
static inline bool next_beat(int fd, const struct peer_key *key, struct peer_beat *b)
{
	uint8_t bytes[PEER_PKT_MAX];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return false;
	ck_assert_int_eq(peer_pkt_read(bytes, (size_t)n, 1, key, b), PEER_OK);
	return true;
}
