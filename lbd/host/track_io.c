/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/track_io.h"

#include <ctype.h>
#include <dirent.h>
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

/* "PID (COMM) STATE ...": COMM may hold anything, so its end is the last ')'. */
static bool runs(pid_t pid, const char *name)
{
	char path[40], buf[256];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	char *from = strchr(buf, '('), *to = strrchr(buf, ')');
	if (!from || !to || to < from || to[1] != ' ')
		return false;
	bool dead = to[2] == 'Z' || to[2] == 'X';
	return !dead && (size_t)(to - from - 1) == strlen(name) && memcmp(from + 1, name, strlen(name)) == 0;
}

static void look_at(pid_t pid, struct host_process *v, size_t n, size_t *missing)
{
	char path[40], buf[32];
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return;
	buf[got] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (v[i].is == HOST_UP || strcmp(v[i].name, buf) != 0 || !runs(pid, v[i].name))
			continue;
		v[i].is = HOST_UP;
		v[i].pid = pid;
		(*missing)--;
	}
}

void host_processes(struct host_process *v, size_t n)
{
	size_t missing = 0;
	for (size_t i = 0; i < n; i++) {
		v[i].is = v[i].pid && runs(v[i].pid, v[i].name) ? HOST_UP : HOST_DOWN;
		missing += v[i].is != HOST_UP;
	}
	if (!missing)
		return;
	DIR *proc = opendir("/proc");
	for (const struct dirent *d; proc && missing && (d = readdir(proc));)
		if (isdigit((unsigned char)d->d_name[0]))
			look_at((pid_t)strtol(d->d_name, NULL, 10), v, n, &missing);
	if (proc)
		closedir(proc);
	/* the first process of all is always there: who does not see it does not see the others either */
	bool hidden = access("/proc/1/comm", R_OK) != 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].is == HOST_UP)
			continue;
		v[i].pid = 0;
		v[i].is = hidden ? HOST_UNKNOWN : HOST_DOWN;
	}
}
