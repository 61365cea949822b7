/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Talkers by the thousand, and who answers them.
 *
 *   talk serve NAME PORT...    each line of a connection to one of the ports, and each datagram, comes back with NAME
 * in front: on all addresses, of both families talk hold RATE             keeps talkers, as stdin says, one command a
 * line; each is answered
 *
 *   add GROUP KIND ADDRESS PORT N [SOURCE SOURCES FIRST]
 *                              N talkers, and the first word of each. They come from SOURCE and the SOURCES - 1
 *                              addresses behind it in turn, each address with the ports FIRST, FIRST + 1 ... (0: any)
 *   ask SECONDS                every talker says a word and waits for its answer; given up when for SECONDS none came
 *
 * A KIND is busy: a connection; between the commands it says a word whenever it is its turn, RATE words a second in
 * all. idle: a connection that says what it is asked to. datagram: says it once a second until there is an answer.
 * again: a new connection for every word, from the same address; all are to come to one server.
 *
 * Both commands print for each group that they are about
 *
 *   group GROUP OF LOST silent N reset N closed N moved N garbled N
 *
 * and at last "done". Lost is who has no answer, or another server's; it is closed and counts once, at the next of
 * these lines. Of the first ones there is also a line "lost GROUP FATE port N server NAME".
 *
 * The order in which they speak is another one each time: with round robin, even a node that knows nothing sends each
 * to its server when they come in the order in which they came first.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GROUPS   64
#define TALKERS  65536
#define SERVERS  16
#define EVENTS   256
#define WINDOW   128  /* words without an answer: more would be lost in the queues of an emulated machine */
#define HURRY_MS 200  /* without any answer for so long the window opens again: those it waits for may be lost */
#define AGAIN_MS 1000 /* datagrams */
#define LOOK_MS  200  /* whether one of them is due */
#define SHOWN    3    /* of what was lost in a group */
#define WORDS    8    /* of a command, behind its name */
#define LINE     128
#define PATIENCE 20 /* s, for the first words */

static void die(const char *what, int err)
{
	fprintf(stderr, "talk: %s: %s\n", what, strerror(err));
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void watch(int poll, int fd, uint32_t events, void *who, int op)
{
	struct epoll_event e = { .events = events, .data.ptr = who };
	if (epoll_ctl(poll, op, fd, &e))
		die("epoll_ctl", errno);
}

/* What came of a line until now. */
struct line {
	size_t n;
	char text[LINE];
};

/* The next whole line of what was read, without its end; NULL: none. It is valid until the next call. */
static char *line_take(struct line *l, const char **at, const char *end)
{
	while (*at < end) {
		char c = *(*at)++;
		if (c == '\n' || l->n == sizeof(l->text) - 1) {
			l->text[l->n] = 0;
			l->n = 0;
			return l->text;
		}
		l->text[l->n++] = c;
	}
	return NULL;
}

/* ---- who answers ---- */

struct ear {
	void (*hear)(int poll, struct ear *e, const char *name);
	int fd;
	struct line line;
};

static struct ear *ear_new(int poll, int fd, void (*hear)(int, struct ear *, const char *))
{
	struct ear *e = calloc(1, sizeof(*e));
	if (!e)
		die("memory", ENOMEM);
	*e = (struct ear){ .hear = hear, .fd = fd };
	watch(poll, fd, EPOLLIN, e, EPOLL_CTL_ADD);
	return e;
}

static void hear_lines(int poll, struct ear *e, const char *name)
{
	char in[4096], out[LINE + 64], *word;
	const char *at = in;
	ssize_t n = recv(e->fd, in, sizeof(in), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	while (n > 0 && (word = line_take(&e->line, &at, in + n))) {
		int len = snprintf(out, sizeof(out), "%s %s\n", name, word);
		if (send(e->fd, out, (size_t)len, MSG_NOSIGNAL) != len)
			n = -1;
	}
	if (n > 0)
		return;
	(void)epoll_ctl(poll, EPOLL_CTL_DEL, e->fd, NULL);
	close(e->fd);
	free(e);
}

static void hear_callers(int poll, struct ear *e, const char *name)
{
	(void)name;
	int fd;
	while ((fd = accept4(e->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		(void)ear_new(poll, fd, hear_lines);
}

/* The answer comes from the address that was asked, by whichever card leads there. */
static void hear_datagram(int poll, struct ear *e, const char *name)
{
	(void)poll;
	char in[LINE], out[LINE + 64];
	_Alignas(struct cmsghdr) char control[128];
	struct sockaddr_in6 from;
	struct iovec v = { in, sizeof(in) - 1 };
	struct msghdr m = { &from, sizeof(from), &v, 1, control, sizeof(control), 0 };
	ssize_t n = recvmsg(e->fd, &m, 0);
	if (n < 0)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
	in[n] = 0;
	v = (struct iovec){ out, (size_t)snprintf(out, sizeof(out), "%s %s", name, in) };
	m.msg_flags = 0;
	(void)!sendmsg(e->fd, &m, 0);
}

static int bound(uint16_t port, int type)
{
	const struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int on = 1, fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket", errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) || (type == SOCK_STREAM && listen(fd, 4096)))
		die("bind", errno);
	return fd;
}

static void serve(const char *name, char **ports)
{
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event got[EVENTS];
	if (poll < 0)
		die("epoll", errno);
	for (; *ports; ports++) {
		uint16_t port = (uint16_t)strtoul(*ports, NULL, 10);
		(void)ear_new(poll, bound(port, SOCK_STREAM), hear_callers);
		(void)ear_new(poll, bound(port, SOCK_DGRAM), hear_datagram);
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(poll, got, EVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("epoll_wait", errno);
		for (int i = 0; i < n; i++) {
			struct ear *e = got[i].data.ptr;
			e->hear(poll, e, name);
		}
	}
}

/* ---- talkers ---- */

enum kind { KIND_BUSY, KIND_IDLE, KIND_DATAGRAM, KIND_AGAIN };
#define KIND_COUNT (KIND_AGAIN + 1)

static const char *const kinds[] = {
	[KIND_BUSY] = "busy",
	[KIND_IDLE] = "idle",
	[KIND_DATAGRAM] = "datagram",
	[KIND_AGAIN] = "again",
};
_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == KIND_COUNT, "one word per kind");

enum fate { FATE_SILENT, FATE_RESET, FATE_CLOSED, FATE_MOVED, FATE_GARBLED };
#define FATE_COUNT (FATE_GARBLED + 1)

static const char *const fates[] = {
	[FATE_SILENT] = "silent",
	[FATE_RESET] = "reset",
	[FATE_CLOSED] = "closed",
	[FATE_MOVED] = "moved",
	[FATE_GARBLED] = "garbled",
};
_Static_assert(sizeof(fates) / sizeof(fates[0]) == FATE_COUNT, "one word per fate");

struct group {
	char name[32];
	enum kind kind;
	struct sockaddr_in6 to, source; /* of either family; source without one: whichever the route says */
	uint32_t sources, first_port, n;
	uint32_t lost[FATE_COUNT]; /* not told of yet */
};

struct talker {
	struct group *group;
	uint32_t in_group, turn; /* its number there; of its last word */
	int fd;                  /* -1: none */
	uint8_t server;          /* 1 + the number of its name; 0: not known yet */
	bool lost, due, waiting, connecting;
	int64_t said_ms;
	struct line line;
};

struct hold {
	int poll;
	struct group group[GROUPS];
	struct talker *talker;
	uint32_t n_groups, n, *order; /* the order in which they speak */
	uint32_t at, waiting, room;   /* next in that order; without an answer; of those there may be so many more */
	char server[SERVERS][32];
	int64_t heard_ms; /* the last answer of anybody */
	int64_t looked_ms;
	double rate, credit;
	int64_t credit_ms;
};

static socklen_t size_of(const struct sockaddr_in6 *a)
{
	return a->sin6_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static bool parse_address(const char *text, uint16_t port, struct sockaddr_in6 *out)
{
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)out;
	*out = (struct sockaddr_in6){ .sin6_port = htons(port) }; /* both families have it in the same place */
	if (inet_pton(AF_INET6, text, &out->sin6_addr) == 1)
		out->sin6_family = AF_INET6;
	else if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
		four->sin_family = AF_INET;
	return out->sin6_family != 0;
}

static void hang_up(struct hold *h, struct talker *t)
{
	if (t->waiting)
		h->waiting--;
	t->waiting = t->connecting = false;
	t->line.n = 0;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void lose(struct hold *h, struct talker *t, enum fate fate)
{
	struct sockaddr_in6 own = { 0 };
	socklen_t len = sizeof(own);
	const struct linger at_once = { .l_onoff = 1 };
	uint32_t *lost = t->group->lost, before = 0;
	for (unsigned i = 0; i < FATE_COUNT; i++)
		before += lost[i];
	if (before < SHOWN && t->fd >= 0 && getsockname(t->fd, (struct sockaddr *)&own, &len) == 0)
		printf("lost %s %s port %u server %s\n", t->group->name, fates[fate], ntohs(own.sin6_port),
			t->server ? h->server[t->server - 1] : "-");
	lost[fate]++;
	if (t->fd >= 0)
		(void)setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	hang_up(h, t);
	t->lost = true;
	t->due = false;
}

/* In front of connect: the own address and port. */
static int bind_source(const struct talker *t, int fd)
{
	const struct group *g = t->group;
	struct sockaddr_in6 a = g->source;
	int on = 1;
	if (!a.sin6_family)
		return 0;
	uint8_t *last = a.sin6_family == AF_INET6 ? &a.sin6_addr.s6_addr[15]
						  : (uint8_t *)&((struct sockaddr_in *)(void *)&a)->sin_addr + 3;
	*last = (uint8_t)(*last + t->in_group % g->sources);
	a.sin6_port = htons((uint16_t)(g->first_port ? g->first_port + t->in_group / g->sources : 0));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (const struct sockaddr *)&a, size_of(&a));
}

static void call(struct hold *h, struct talker *t)
{
	const struct group *g = t->group;
	int type = g->kind == KIND_DATAGRAM ? SOCK_DGRAM : SOCK_STREAM;
	t->fd = socket(g->to.sin6_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || bind_source(t, t->fd))
		die(g->name, errno);
	if (connect(t->fd, (const struct sockaddr *)&g->to, size_of(&g->to)) && errno != EINPROGRESS)
		die(g->name, errno);
	t->connecting = type == SOCK_STREAM;
	watch(h->poll, t->fd, t->connecting ? EPOLLOUT : EPOLLIN, t, EPOLL_CTL_ADD);
}

static int word_of(const struct hold *h, const struct talker *t, char out[32])
{
	return snprintf(out, 32, "%u.%u\n", (unsigned)(t - h->talker), t->turn);
}

static void send_word(struct hold *h, struct talker *t)
{
	char word[32];
	int len = word_of(h, t, word);
	t->said_ms = now_ms();
	/* of a datagram the next one may come through; a connection is over */
	if (send(t->fd, word, (size_t)len, MSG_NOSIGNAL) != len && t->group->kind != KIND_DATAGRAM)
		lose(h, t, FATE_RESET);
}

static void say(struct hold *h, struct talker *t)
{
	t->due = false;
	t->waiting = true;
	h->waiting++;
	t->turn++;
	if (t->fd < 0)
		call(h, t);
	if (!t->connecting)
		send_word(h, t);
}

static uint8_t server_of(struct hold *h, const char *name)
{
	for (uint8_t i = 0; i < SERVERS; i++) {
		if (!h->server[i][0])
			snprintf(h->server[i], sizeof(h->server[i]), "%.31s", name);
		if (strcmp(h->server[i], name) == 0)
			return (uint8_t)(i + 1);
	}
	die("servers", E2BIG);
	return 0;
}

static void answered(struct hold *h, struct talker *t, char *line)
{
	char word[32], *rest = strchr(line, ' ');
	word[word_of(h, t, word) - 1] = 0;
	if (rest)
		*rest++ = 0;
	if (!rest || strcmp(rest, word) != 0 || !t->waiting) {
		if (t->group->kind != KIND_DATAGRAM) /* of those the answer to an earlier one may come twice */
			lose(h, t, FATE_GARBLED);
		return;
	}
	uint8_t server = server_of(h, line);
	if (t->server && t->server != server) {
		lose(h, t, FATE_MOVED);
		return;
	}
	t->server = server;
	t->waiting = false;
	h->waiting--;
	h->room += h->room < WINDOW;
	h->heard_ms = now_ms();
	if (t->group->kind == KIND_AGAIN)
		hang_up(h, t);
	if (t->due)
		say(h, t);
}

static void connected(struct hold *h, struct talker *t)
{
	int err = 0;
	socklen_t len = sizeof(err);
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err) {
		lose(h, t, FATE_RESET);
		return;
	}
	t->connecting = false;
	watch(h->poll, t->fd, EPOLLIN, t, EPOLL_CTL_MOD);
	send_word(h, t);
}

static void hear(struct hold *h, struct talker *t)
{
	char in[512], *line;
	const char *at = in;
	const bool datagram = t->group->kind == KIND_DATAGRAM;
	if (t->connecting) {
		connected(h, t);
		return;
	}
	ssize_t n = recv(t->fd, in, sizeof(in), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || datagram)) /* "port unreachable": asked again */
		return;
	if (n <= 0) {
		lose(h, t, n ? FATE_RESET : FATE_CLOSED);
		return;
	}
	while (t->fd >= 0 && (line = line_take(&t->line, &at, in + n)))
		answered(h, t, line);
}

/* ---- what is due ---- */

static void shuffle(struct hold *h)
{
	for (uint32_t i = h->n; i > 1; i--) {
		uint32_t k = (uint32_t)random() % i, x = h->order[i - 1];
		h->order[i - 1] = h->order[k];
		h->order[k] = x;
	}
	h->at = 0;
}

/* Datagrams that nobody answered. */
static void say_again(struct hold *h)
{
	int64_t now = now_ms();
	if (now - h->looked_ms < LOOK_MS)
		return;
	h->looked_ms = now;
	for (struct talker *t = h->talker; t < h->talker + h->n; t++)
		if (t->group->kind == KIND_DATAGRAM && t->waiting && now - t->said_ms >= AGAIN_MS)
			send_word(h, t);
}

/* Whether there is a command, too. */
static bool turn(struct hold *h, int patience_ms)
{
	struct epoll_event got[EVENTS];
	bool told = false;
	int n = epoll_wait(h->poll, got, EVENTS, patience_ms);
	if (n < 0 && errno != EINTR)
		die("epoll_wait", errno);
	for (int i = 0; i < n; i++) {
		struct talker *t = got[i].data.ptr;
		told |= !t;
		if (t && t->fd >= 0)
			hear(h, t);
	}
	say_again(h);
	return told;
}

/* Until all that are due have their answer, or for a while nobody had one. */
static void round_of_all(struct hold *h, int seconds)
{
	h->room = WINDOW;
	h->heard_ms = now_ms();
	int64_t opened_ms = h->heard_ms;
	for (;;) {
		while (h->room && h->at < h->n) {
			struct talker *t = &h->talker[h->order[h->at++]];
			if (!t->due || t->waiting) /* who waits says it when the answer has come */
				continue;
			h->room--;
			say(h, t);
		}
		if (h->at == h->n && !h->waiting)
			return;
		(void)turn(h, HURRY_MS / 4);
		int64_t now = now_ms();
		if (!h->room && now - h->heard_ms > HURRY_MS && now - opened_ms > HURRY_MS) {
			h->room = WINDOW;
			opened_ms = now;
		}
		if (h->at == h->n && now - h->heard_ms > seconds * 1000 && now - opened_ms > seconds * 1000)
			break;
	}
	for (struct talker *t = h->talker; t < h->talker + h->n; t++)
		if (t->waiting)
			lose(h, t, FATE_SILENT);
}

/* Between the commands: whose turn it is, among the busy ones. */
static void chat(struct hold *h)
{
	int64_t now = now_ms();
	h->credit += h->rate * (double)(now - h->credit_ms) / 1000;
	h->credit_ms = now;
	if (h->credit > WINDOW)
		h->credit = WINDOW;
	for (uint32_t i = 0; i < h->n && h->credit >= 1; i++) {
		if (h->at >= h->n)
			shuffle(h);
		struct talker *t = &h->talker[h->order[h->at++]];
		if (t->group->kind != KIND_BUSY || t->lost || t->waiting)
			continue;
		say(h, t);
		h->credit--;
	}
}

/* ---- commands ---- */

static void tell(struct group *g)
{
	uint32_t lost = 0;
	for (unsigned i = 0; i < FATE_COUNT; i++)
		lost += g->lost[i];
	printf("group %s %u %u", g->name, g->n, lost);
	for (unsigned i = 0; i < FATE_COUNT; i++)
		printf(" %s %u", fates[i], g->lost[i]);
	printf("\n");
	g->n -= lost;
	memset(g->lost, 0, sizeof(g->lost));
}

static bool parse_kind(const char *word, enum kind *out)
{
	for (unsigned k = 0; k < KIND_COUNT; k++)
		if (strcmp(word, kinds[k]) == 0) {
			*out = (enum kind)k;
			return true;
		}
	return false;
}

static uint32_t number(const char *word)
{
	return (uint32_t)strtoul(word, NULL, 10);
}

/* GROUP KIND ADDRESS PORT N [SOURCE SOURCES FIRST] */
static bool parse_add(struct group *g, char *text)
{
	char *word[WORDS + 1], *rest = NULL;
	size_t n = 0;
	for (char *w = strtok_r(text, " ", &rest); w && n <= WORDS; w = strtok_r(NULL, " ", &rest))
		word[n++] = w;
	if ((n != 5 && n != WORDS) || !parse_kind(word[1], &g->kind) ||
		!parse_address(word[2], (uint16_t)number(word[3]), &g->to))
		return false;
	snprintf(g->name, sizeof(g->name), "%s", word[0]);
	g->n = number(word[4]);
	if (n == 5)
		return true;
	g->sources = number(word[6]);
	g->first_port = number(word[7]);
	return g->sources && parse_address(word[5], 0, &g->source);
}

static void command_add(struct hold *h, char *text)
{
	struct group *g = &h->group[h->n_groups];
	if (h->n_groups == GROUPS || !parse_add(g, text) || g->n > TALKERS - h->n)
		die("add", EINVAL);
	h->n_groups++;
	h->at = h->n;
	for (uint32_t i = 0; i < g->n; i++, h->n++) {
		h->talker[h->n] = (struct talker){ .group = g, .in_group = i, .fd = -1, .due = true };
		h->order[h->n] = h->n;
	}
	round_of_all(h, PATIENCE);
	tell(g);
	shuffle(h);
}

static void command_ask(struct hold *h, char *text)
{
	shuffle(h);
	for (uint32_t i = 0; i < h->n; i++)
		h->talker[i].due = !h->talker[i].lost;
	round_of_all(h, (int)number(text));
	for (uint32_t i = 0; i < h->n_groups; i++)
		tell(&h->group[i]);
}

static void command(struct hold *h, char *text)
{
	if (strncmp(text, "add ", 4) == 0)
		command_add(h, text + 4);
	else if (strncmp(text, "ask ", 4) == 0)
		command_ask(h, text + 4);
	else
		die(text, EINVAL);
	puts("done");
	fflush(stdout);
	h->credit_ms = now_ms();
}

/* One at a time: who asks waits for "done". False: the end of stdin. */
static bool obey(struct hold *h, struct line *l)
{
	char in[LINE], *text;
	const char *at = in;
	ssize_t n = read(STDIN_FILENO, in, sizeof(in));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	while ((text = line_take(l, &at, in + n)))
		command(h, text);
	return n > 0;
}

static int hold_all(double rate)
{
	static struct hold h;
	struct line line = { 0 };
	h = (struct hold){ .poll = epoll_create1(EPOLL_CLOEXEC), .rate = rate, .credit_ms = now_ms() };
	h.talker = calloc(TALKERS, sizeof(*h.talker));
	h.order = calloc(TALKERS, sizeof(*h.order));
	if (h.poll < 0 || !h.talker || !h.order)
		die("start", errno);
	srandom(1); /* every run in the same orders */
	watch(h.poll, STDIN_FILENO, EPOLLIN, NULL, EPOLL_CTL_ADD);
	do
		chat(&h);
	while (!turn(&h, 10) || obey(&h, &line));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "serve") == 0)
		serve(argv[2], argv + 3);
	if (argc == 3 && strcmp(argv[1], "hold") == 0)
		return hold_all(strtod(argv[2], NULL));
	fputs("usage: talk serve NAME PORT... | talk hold RATE\n", stderr);
	return 2;
}
