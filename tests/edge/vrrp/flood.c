/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flood INTERFACE RATE SECONDS <FRAMES: sends the Ethernet frames of its input (one per line, in hexadecimal) in turn,
 * RATE per second, evenly, and says how many left. A system call per tick: the flood must not take the machine from
 * those who are to withstand it.
 */
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define FRAMES_MAX 64
#define FRAME_MAX  1514
#define BATCH_MAX  256
#define TICK_NS    2000000 /* 500 ticks in a second */
#define SECOND_NS  1000000000

static uint8_t frames[FRAMES_MAX][FRAME_MAX];
static size_t lengths[FRAMES_MAX], n_frames;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Its bytes, up to what is no pair of digits. */
static size_t read_frame(const char *line, uint8_t *out)
{
	size_t n = 0;
	for (const char *at = line; n < FRAME_MAX && at[0] && at[1]; at += 2) {
		const char two[] = { at[0], at[1], '\0' };
		char *end;
		unsigned long byte = strtoul(two, &end, 16);
		if (end != two + 2)
			break;
		out[n++] = (uint8_t)byte;
	}
	return n;
}

static void read_frames(void)
{
	char line[2 * FRAME_MAX + 2];
	while (n_frames < FRAMES_MAX && fgets(line, sizeof(line), stdin)) {
		lengths[n_frames] = read_frame(line, frames[n_frames]);
		n_frames += lengths[n_frames] > 0;
	}
}

static int open_card(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	to.sll_ifindex = (int)if_nametoindex(name);
	int fd = socket(AF_PACKET, SOCK_RAW, 0); /* of no protocol: it receives nothing */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&to, sizeof(to)))
		die(name);
	return fd;
}

/* The next frames in turn. How many the card took. */
static unsigned send_some(int fd, unsigned count, size_t *turn)
{
	struct mmsghdr batch[BATCH_MAX] = { 0 };
	struct iovec parts[BATCH_MAX];
	for (unsigned i = 0; i < count; i++) {
		size_t k = (*turn)++ % n_frames;
		parts[i] = (struct iovec){ frames[k], lengths[k] };
		batch[i].msg_hdr.msg_iov = &parts[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	int sent = sendmmsg(fd, batch, count, 0);
	return sent < 0 ? 0 : (unsigned)sent;
}

static void later(struct timespec *at, long ns)
{
	at->tv_nsec += ns;
	if (at->tv_nsec >= SECOND_NS) {
		at->tv_nsec -= SECOND_NS;
		at->tv_sec++;
	}
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: flood INTERFACE RATE SECONDS <FRAMES\n");
		return 2;
	}
	unsigned long rate = strtoul(argv[2], NULL, 10), per_s = SECOND_NS / TICK_NS;
	unsigned long ticks = (unsigned long)(strtod(argv[3], NULL) * (double)per_s), sent = 0, due = 0;
	size_t turn = 0;
	struct timespec at;
	read_frames();
	if (!n_frames || rate > per_s * BATCH_MAX)
		return 2;
	int fd = open_card(argv[1]);
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (unsigned long i = 1; i <= ticks; i++) {
		unsigned long until = rate * i / per_s;
		sent += send_some(fd, (unsigned)(until - due), &turn);
		due = until;
		later(&at, TICK_NS);
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	printf("%lu\n", sent);
	return 0;
}
