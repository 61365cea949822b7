/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A journal of a test's own, that comes and goes: whoever connects to the host's comes here, also from inside a room,
 * where nothing of the environment is left. One file of a program includes this. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int journal = -1;
static unsigned n_journal_connects;

/* The value of JOURNAL_STREAM is its name, which no file system knows. */
static socklen_t journal_address(struct sockaddr_un *to)
{
	static char name[64];
	if (!name[0] && getenv("JOURNAL_STREAM"))
		snprintf(name, sizeof(name), "%s", getenv("JOURNAL_STREAM"));
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(to->sun_path + 1, name, sizeof(name));
	return sizeof(*to);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)to;
	struct sockaddr_un ours;
	if (to->sa_family != AF_UNIX || strcmp(un->sun_path, "/run/systemd/journal/socket") != 0)
		return (int)syscall(SYS_connect, fd, to, len);
	n_journal_connects++;
	len = journal_address(&ours);
	return (int)syscall(SYS_connect, fd, &ours, len);
}

static inline void journal_named(void)
{
	char name[64];
	snprintf(name, sizeof(name), "lbd-test-journal-%d", (int)getpid());
	setenv("JOURNAL_STREAM", name, 1);
}

static inline void journal_open(void)
{
	struct sockaddr_un at;
	socklen_t len = journal_address(&at);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(journal, (struct sockaddr *)&at, len), 0);
}

static inline void journal_close(void)
{
	close(journal);
	journal = -1;
}

/* Whether it has this text; what came before it is gone. */
static inline bool journal_has(const char *text)
{
	char buf[2048];
	for (;;) {
		ssize_t n = recv(journal, buf, sizeof(buf) - 1, 0);
		if (n < 0)
			return false;
		buf[n] = '\0';
		if (strstr(buf, text))
			return true;
	}
}
