/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of its own, with a veth pair v0, v1: v0 is the card of ours, 10.0.0.1. */
#pragma once

#include <check.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void sh(const char *command)
{
	int rc = system(command);
	ck_assert_msg(rc == 0, "%s: %d", command, rc);
}

static inline void set_apart(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	sh("ip link set lo up && ip link add v0 type veth peer name v1 &&"
	   "ip link set v0 addrgenmode none && ip link set v1 addrgenmode none &&"
	   "ip link set v0 up && ip link set v1 up && ip addr add 10.0.0.1/24 dev v0");
}

static inline bool can_run(void)
{
	pid_t child = fork();
	int status = -1;
	if (child == 0)
		_exit(unshare(CLONE_NEWNET) || system("ip link add v0 type veth peer name v1 2>/dev/null") ? 1 : 0);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}
