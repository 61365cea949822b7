/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/track_io.h"

#include "common/interface_io.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum host_word host_interface(const char *name)
{
	struct ifreq rq = { 0 };
	int index = lb_interface(name);
	if (index <= 0)
		return index ? HOST_UNKNOWN : HOST_DOWN;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return HOST_UNKNOWN;
	snprintf(rq.ifr_name, sizeof(rq.ifr_name), "%s", name);
	bool there = ioctl(fd, SIOCGIFFLAGS, &rq) == 0;
	close(fd);
	/* RUNNING: up, with carrier, and no lower interface of it is down (operstate up or unknown) */
	const short need = IFF_UP | IFF_RUNNING;
	return there && (rq.ifr_flags & need) == need ? HOST_UP : HOST_DOWN;
}

/* The text of a file of that process, its length; 0: there is none, -errno: that cannot be known. */
static int read_of(pid_t pid, const char *file, char *buf, size_t size)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
	int err = n < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (err == EMFILE || err == ENFILE || err == ENOMEM)
		return -err;
	buf[n < 0 ? 0 : n] = '\0';
	return n < 0 ? 0 : (int)n;
}

/* "PID (COMM) STATE ...": COMM may hold anything, so its end is the last ')'. *err is set when that cannot be known. */
static bool runs(pid_t pid, const char *name, int *err)
{
	char buf[256];
	int n = read_of(pid, "stat", buf, sizeof(buf));
	if (n < 0)
		*err = n;
	if (n <= 0)
		return false;
	char *from = strchr(buf, '('), *to = strrchr(buf, ')');
	if (!from || !to || to < from || to[1] != ' ')
		return false;
	bool dead = to[2] == 'Z' || to[2] == 'X';
	return !dead && (size_t)(to - from - 1) == strlen(name) && memcmp(from + 1, name, strlen(name)) == 0;
}

static void look_at(pid_t pid, struct host_process *v, size_t n, size_t *missing, int *err)
{
	char buf[32];
	int got = read_of(pid, "comm", buf, sizeof(buf));
	if (got < 0)
		*err = got;
	if (got <= 0)
		return;
	buf[strcspn(buf, "\n")] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (v[i].is == HOST_UP || strcmp(v[i].name, buf) != 0 || !runs(pid, v[i].name, err))
			continue;
		v[i].is = HOST_UP;
		v[i].pid = pid;
		(*missing)--;
	}
}

/* All that run, until none is missing. 0; -errno: not all could be looked at. */
static int look_at_all(struct host_process *v, size_t n, size_t missing)
{
	const struct dirent *d = NULL;
	int err = 0;
	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	while (missing && (errno = 0, d = readdir(proc)))
		if (isdigit((unsigned char)d->d_name[0]))
			look_at((pid_t)strtol(d->d_name, NULL, 10), v, n, &missing, &err);
	if (missing && !d && errno)
		err = -errno;
	closedir(proc);
	return err;
}

int host_processes(struct host_process *v, size_t n)
{
	size_t missing = 0;
	int err = 0;
	for (size_t i = 0; i < n; i++) {
		v[i].is = v[i].pid && runs(v[i].pid, v[i].name, &err) ? HOST_UP : HOST_DOWN;
		missing += v[i].is != HOST_UP;
	}
	if (!missing)
		return 0;
	err = look_at_all(v, n, missing);
	/* the first process of all is always there: who does not see it does not see the others either */
	bool hidden = access("/proc/1/comm", R_OK) != 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].is == HOST_UP)
			continue;
		v[i].pid = 0;
		v[i].is = hidden || err ? HOST_UNKNOWN : HOST_DOWN;
	}
	return err;
}
