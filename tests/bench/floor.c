/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of the programming benchmark, and its stop watch.
 *
 *   floor fill N M          program N services x M backends: the same operations as everybody else, in
 *                           batches of 128 with an ACK for the last one only. Nothing can be faster that
 *                           uses the kernel's interface, so it is what the others are measured against.
 *   floor count             how many services and backends the kernel has
 *   floor time N M -- CMD   start CMD; print when the kernel had N services x M backends, which process that
 *                           was and what it had used. It stays.
 *   floor wait N M -- CMD   the same, and wait for the end of CMD, too
 *   floor serve PORT        accept and close
 *
 * Service i listens on 10.0.0.0 + i, port 80; its backends are 172.16.0.0 + i * M + j, port 8080.
 *
 * The watch asks for the backends of the last service only, every few milliseconds: a dump of everything
 * holds the lock that the writers need. When the last one is there, everything is counted once; if that is
 * not all yet, counting goes on until it is. /proc/net/ip_vs is no help: reading it skips entries.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH    128
#define POLL_US  3000
#define GIVE_UP  900.0 /* seconds */
#define SVC_BASE 0x0a000000u
#define DST_BASE 0xac100000u

static int fd;
static uint16_t family;
static uint32_t seq;
static _Alignas(8) uint8_t out[65536], in[262144];
static size_t out_n;

static void die(const char *what, int err)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(err));
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- messages ---- */

static struct nlmsghdr *begin(uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(out + out_n);
	struct genlmsghdr *g = NLMSG_DATA(h);
	*h = (struct nlmsghdr){ NLMSG_LENGTH(GENL_HDRLEN), type, NLM_F_REQUEST | flags, ++seq, 0 };
	*g = (struct genlmsghdr){ cmd, 1, 0 };
	return h;
}

static struct nlattr *put(struct nlmsghdr *h, uint16_t type, const void *data, size_t n)
{
	struct nlattr *a = (struct nlattr *)((uint8_t *)h + NLMSG_ALIGN(h->nlmsg_len));
	*a = (struct nlattr){ (uint16_t)(NLA_HDRLEN + n), type };
	memset((uint8_t *)a + NLA_HDRLEN, 0, NLA_ALIGN(n));
	if (n)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, n);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + (uint32_t)(NLA_HDRLEN + NLA_ALIGN(n));
	return a;
}

static void close_nest(struct nlmsghdr *h, struct nlattr *a)
{
	a->nla_len = (uint16_t)((uint8_t *)h + h->nlmsg_len - (uint8_t *)a);
}

static void put_u16(struct nlmsghdr *h, uint16_t type, uint16_t v)
{
	put(h, type, &v, sizeof(v));
}

static void put_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	put(h, type, &v, sizeof(v));
}

static void put_addr(struct nlmsghdr *h, uint16_t type, uint32_t host_order)
{
	uint32_t a[4] = { htonl(host_order) };
	put(h, type, a, sizeof(a));
}

static void put_service(struct nlmsghdr *h, uint32_t i, bool full)
{
	struct nlattr *n = put(h, IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED, NULL, 0);
	put_u16(h, IPVS_SVC_ATTR_AF, AF_INET);
	put_u16(h, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
	put_addr(h, IPVS_SVC_ATTR_ADDR, SVC_BASE + i);
	put_u16(h, IPVS_SVC_ATTR_PORT, htons(80));
	if (full) {
		const uint32_t flags[2] = { 0, ~0u };
		put(h, IPVS_SVC_ATTR_SCHED_NAME, "rr", 3);
		put(h, IPVS_SVC_ATTR_FLAGS, flags, sizeof(flags));
		put_u32(h, IPVS_SVC_ATTR_TIMEOUT, 0);
		put_u32(h, IPVS_SVC_ATTR_NETMASK, ~0u);
	}
	close_nest(h, n);
}

static void put_dest(struct nlmsghdr *h, uint32_t number)
{
	struct nlattr *n = put(h, IPVS_CMD_ATTR_DEST | NLA_F_NESTED, NULL, 0);
	put_addr(h, IPVS_DEST_ATTR_ADDR, DST_BASE + number);
	put_u16(h, IPVS_DEST_ATTR_PORT, htons(8080));
	put_u32(h, IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
	put_u32(h, IPVS_DEST_ATTR_WEIGHT, 1);
	put_u32(h, IPVS_DEST_ATTR_U_THRESH, 0);
	put_u32(h, IPVS_DEST_ATTR_L_THRESH, 0);
	close_nest(h, n);
}

static void end(struct nlmsghdr *h)
{
	out_n += NLMSG_ALIGN(h->nlmsg_len);
}

static void transmit(void)
{
	if (send(fd, out, out_n, 0) != (ssize_t)out_n)
		die("send", errno);
	out_n = 0;
}

/* Until the answer to the last request is complete. Returns its error (positive). */
typedef void answer_fn(const struct nlmsghdr *h, void *arg);

static int answers(answer_fn *fn, void *arg)
{
	for (;;) {
		ssize_t n = recv(fd, in, sizeof(in), 0);
		if (n < 0)
			die("recv", errno);
		struct nlmsghdr *h = (struct nlmsghdr *)in;
		for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_ERROR) {
				int err = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
				if (err || h->nlmsg_seq == seq)
					return err;
			} else if (h->nlmsg_type == NLMSG_DONE) {
				return -*(int *)NLMSG_DATA(h);
			} else if (fn) {
				fn(h, arg);
			}
		}
	}
}

static const struct nlattr *find(const struct nlattr *a, size_t n, uint16_t type)
{
	while (n >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= n) {
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		size_t step = NLA_ALIGN(a->nla_len);
		if (step >= n)
			break;
		n -= step;
		a = (const struct nlattr *)((const uint8_t *)a + step);
	}
	return NULL;
}

static const struct nlattr *top(const struct nlmsghdr *h, uint16_t type)
{
	return find((const struct nlattr *)((const uint8_t *)NLMSG_DATA(h) + GENL_HDRLEN),
		h->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), type);
}

static void take_family(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *a = top(h, CTRL_ATTR_FAMILY_ID);
	(void)arg;
	if (a)
		memcpy(&family, a + 1, sizeof(family));
}

static void connect_ipvs(void)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int size = 4 << 20, on = 1;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)))
		die("netlink", errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	struct nlmsghdr *h = begin(GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	put(h, CTRL_ATTR_FAMILY_NAME, "IPVS", 5);
	end(h);
	transmit();
	int err = answers(take_family, NULL);
	if (err || !family)
		die("this kernel has no IPVS", err ? err : ENOENT);
}

/* ---- fill ---- */

static void batch_room(unsigned *in_batch, struct nlmsghdr *h, bool last)
{
	if (++*in_batch == BATCH || last)
		h->nlmsg_flags |= NLM_F_ACK;
	end(h);
	if (*in_batch < BATCH && !last)
		return;
	*in_batch = 0;
	transmit();
	int err = answers(NULL, NULL);
	if (err)
		die("the kernel refused", err);
}

static void fill(uint32_t n, uint32_t m)
{
	unsigned in_batch = 0;
	for (uint32_t i = 1; i <= n; i++) {
		struct nlmsghdr *h = begin(family, 0, IPVS_CMD_NEW_SERVICE);
		put_service(h, i, true);
		batch_room(&in_batch, h, i == n && m == 0);
		for (uint32_t j = 0; j < m; j++) {
			h = begin(family, 0, IPVS_CMD_NEW_DEST);
			put_service(h, i, false);
			put_dest(h, i * m + j);
			batch_room(&in_batch, h, i == n && j + 1 == m);
		}
	}
}

/* ---- count ---- */

struct addrs {
	uint32_t *v;
	size_t n, room;
};

static void take_service(const struct nlmsghdr *h, void *arg)
{
	struct addrs *s = arg;
	const struct nlattr *svc = top(h, IPVS_CMD_ATTR_SERVICE), *addr;
	if (!svc || !(addr = find(svc + 1, svc->nla_len - NLA_HDRLEN, IPVS_SVC_ATTR_ADDR)))
		return;
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->v = realloc(s->v, s->room * sizeof(*s->v));
		if (!s->v)
			die("memory", ENOMEM);
	}
	memcpy(&s->v[s->n++], addr + 1, sizeof(uint32_t));
}

static void take_dest(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	++*(size_t *)arg;
}

/* The backends of service i; 0 when it is not there. */
static size_t dests_of(uint32_t i)
{
	size_t n = 0;
	struct nlmsghdr *h = begin(family, NLM_F_DUMP, IPVS_CMD_GET_DEST);
	put_service(h, i, false);
	end(h);
	transmit();
	return answers(take_dest, &n) ? 0 : n;
}

static void count(size_t *services, size_t *dests)
{
	struct addrs s = { 0 };
	end(begin(family, NLM_F_DUMP, IPVS_CMD_GET_SERVICE));
	transmit();
	int err = answers(take_service, &s);
	if (err)
		die("dump", err);
	*services = s.n;
	*dests = 0;
	for (size_t i = 0; i < s.n; i++)
		*dests += dests_of(ntohl(s.v[i]) - SVC_BASE);
	free(s.v);
}

/* ---- the watch ---- */

static volatile sig_atomic_t child_ended;
static double child_ended_at;

static void child_signal(int sig)
{
	(void)sig;
	child_ended_at = now();
	child_ended = 1;
}

static pid_t launch(char **argv)
{
	const struct sigaction a = { .sa_handler = child_signal, .sa_flags = SA_RESTART | SA_NOCLDSTOP };
	sigaction(SIGCHLD, &a, NULL);
	pid_t pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (pid == 0) {
		/* whoever reads our line must not wait for the end of a daemon */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], argv);
		die(argv[0], errno);
	}
	return pid;
}

/* What a process (or one that has ended: *ended) has spent in user mode and in the kernel, in ms. */
static void spent(pid_t pid, const struct rusage *ended, double *user, double *sys)
{
	char path[64], text[1024];
	unsigned long u = 0, s = 0;
	*user = (double)ended->ru_utime.tv_sec * 1e3 + (double)ended->ru_utime.tv_usec / 1e3;
	*sys = (double)ended->ru_stime.tv_sec * 1e3 + (double)ended->ru_stime.tv_usec / 1e3;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	const char *p = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	fclose(f);
	if (!p || sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &s) != 2)
		return;
	if (!*user && !*sys) {
		double tick = 1e3 / (double)sysconf(_SC_CLK_TCK);
		*user = (double)u * tick;
		*sys = (double)s * tick;
	}
}

/* Prints: ms until the kernel had all of it; ms until CMD ended (0: still there); process id of CMD; ms of processor
 * time it had taken by then, in user mode and in the kernel. */
static int watch(uint32_t n, uint32_t m, bool to_end, char **argv)
{
	size_t services = 0, dests = 0, want = (size_t)n * m;
	double from = now(), seen = 0, user = 0, sys = 0;
	struct rusage used = { 0 };
	int status = 0;
	pid_t pid = launch(argv);
	while ((!seen || (to_end && !child_ended)) && now() - from < GIVE_UP) {
		if (child_ended && wait4(pid, &status, WNOHANG, &used) == pid && status != 0)
			break;
		if (!seen && dests_of(n) == m) {
			seen = now() - from;
			spent(pid, &used, &user, &sys);
		}
		usleep(POLL_US);
	}
	while (seen && now() - from < GIVE_UP) {
		double at = now() - from;
		count(&services, &dests);
		if (services == n && dests == want)
			break;
		seen = at; /* the last one was there and others were not: the moment is when the count is right */
	}
	if (child_ended)
		(void)waitpid(pid, &status, WNOHANG);
	printf("%.1f %.1f %d %.0f %.0f\n", seen * 1e3, child_ended ? (child_ended_at - from) * 1e3 : 0., (int)pid, user,
		sys);
	if (services == n && dests == want && status == 0)
		return 0;
	fprintf(stderr, "floor: %zu services and %zu backends instead of %u and %zu, status %d\n", services, dests, n,
		want, status);
	return 1;
}

/* Accepts connections and closes them: what TCP checks are pointed at. */
static void serve(uint16_t port)
{
	const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l, (const struct sockaddr *)&a, sizeof(a)) || listen(l, 4096))
		die("listen", errno);
	for (;;) {
		int c = accept(l, NULL, NULL);
		if (c >= 0)
			close(c);
	}
}

static uint32_t number(const char *s)
{
	char *e;
	unsigned long v = strtoul(s, &e, 10);
	if (*e || e == s || v > 65535)
		die(s, EINVAL);
	return (uint32_t)v;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "fill") == 0) {
		connect_ipvs();
		fill(number(argv[2]), number(argv[3]));
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "count") == 0) {
		size_t s, d;
		connect_ipvs();
		count(&s, &d);
		return printf("%zu %zu\n", s, d) < 0;
	}
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve((uint16_t)number(argv[2]));
	bool wait_too = argc > 5 && strcmp(argv[1], "wait") == 0;
	if (argc > 5 && (wait_too || strcmp(argv[1], "time") == 0) && strcmp(argv[4], "--") == 0) {
		connect_ipvs();
		return watch(number(argv[2]), number(argv[3]), wait_too, argv + 5);
	}
	fputs("usage: floor fill N M | count | time|wait N M -- CMD... | serve PORT\n", stderr);
	return 2;
}
