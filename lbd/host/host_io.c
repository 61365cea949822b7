/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/host/host_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* One short file of /proc, terminated. False when it is not there. */
static bool slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, buf, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	return true;
}

bool host_number(const char *path, long *value)
{
	char buf[64];
	if (!slurp(path, buf, sizeof(buf)))
		return false;
	*value = strtol(buf, NULL, 10);
	return true;
}

bool host_sysctl(const char *name, long *value)
{
	char path[160] = "/proc/sys/";
	size_t at = strlen(path);
	for (; *name && at + 1 < sizeof(path); name++)
		path[at++] = *name == '.' ? '/' : *name;
	path[at] = '\0';
	return host_number(path, value);
}

static void add(struct host_finding *out, size_t max, size_t *n, const struct host_finding *f)
{
	if (*n < max)
		out[*n] = *f;
	++*n;
}

size_t host_read(const struct host_needs *needs, struct host_finding *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < host_rows_n; i++) {
		long value = 0;
		bool there = host_sysctl(host_rows[i].sysctl, &value);
		struct host_finding f;
		if (!host_judge(&host_rows[i], needs, !there, value, &f))
			continue;
		add(out, max, &n, &f);
	}
	struct host_finding ra;
	long accept_ra = 0, forwarding = 0;
	(void)host_sysctl("net.ipv6.conf.default.accept_ra", &accept_ra);
	(void)host_sysctl("net.ipv6.conf.all.forwarding", &forwarding);
	if (host_judge_ra(needs, accept_ra, forwarding, &ra)) {
		if (n < max)
			out[n] = ra;
		n++;
	}
	char range[64], threshold[64], refresh[64];
	struct host_finding f;
	long entries = 0, used = 0;
	(void)host_sysctl("net.netfilter.nf_conntrack_max", &entries);
	(void)host_sysctl("net.netfilter.nf_conntrack_count", &used);
	if (host_judge_tracked(needs, entries, used, &f))
		add(out, max, &n, &f);
	bool there = slurp("/proc/sys/net/ipv4/ping_group_range", range, sizeof(range));
	if (host_judge_ping(needs, there ? range : NULL, &f))
		add(out, max, &n, &f);
	there = slurp("/proc/sys/net/ipv4/vs/sync_threshold", threshold, sizeof(threshold)) &&
		slurp("/proc/sys/net/ipv4/vs/sync_refresh_period", refresh, sizeof(refresh));
	if (host_judge_sync(needs, there ? threshold : NULL, there ? refresh : NULL, &f))
		add(out, max, &n, &f);
	return n;
}

void host_boot_id(char out[40])
{
	if (!slurp("/proc/sys/kernel/random/boot_id", out, 40))
		strcpy(out, "unknown");
	out[strcspn(out, "\n")] = '\0';
}

void host_kernel(char out[HOST_KERNEL_MAX])
{
	struct utsname u;
	snprintf(out, HOST_KERNEL_MAX, "%s", uname(&u) ? "" : u.release);
}
