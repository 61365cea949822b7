/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Unix socket at a fixed place with a fixed mode and group, and who is calling on it. */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "lbd/ctl/ctl_fd_io.h"

#include <stdbool.h>
#include <sys/types.h>

typedef void ctl_warn_fn(const char *text, void *arg);

struct ctl_listener {
	int fd; /* -1 = closed */
	char path[108];
	gid_t group; /* (gid_t)-1: the group does not exist, nobody but root and our own uid gets in */
	dev_t dev;
	ino_t ino;
	struct lb_err failed; /* what was said of its file, which is lost; text "" = nothing */
};

/* Listens on dir/name, 0660, group `group`. dir is made (0755) when it is missing; it and the socket must not be
 * symbolic links, and nobody but root and us may write to dir. A socket on which nobody answers is replaced, one on
 * which somebody answers is an error (LB_CODE_REFUSED). A group that is missing or may not be given is only warned
 * about. 0; -1 with *e. */
int ctl_listen(const char *dir, const char *name, const char *group, ctl_warn_fn *warn, void *arg,
	struct ctl_listener *out, struct lb_err *e);

/* Whether its file is not where it was put, or is another one. What cannot be known is not lost. */
bool ctl_listen_lost(struct ctl_listener *l);

/* Listens there again, with the same mode and group, and closes what nobody reaches any more (ctl_unlisten); that is
 * told by warn. Where it cannot, *l stays as it is, and fail is told once of each reason. Nothing here waits: who
 * answers there without a word is somebody (LB_CODE_REFUSED). */
void ctl_listen_mend(struct ctl_listener *l, const char *dir, ctl_warn_fn *warn, ctl_warn_fn *fail, void *arg,
	struct ctl_leaving *leaving);

/* Closes it, and whoever waits there, and removes the file if it is still ours. Idempotent. */
void ctl_unlisten(struct ctl_listener *l, struct ctl_leaving *leaving);

/* The other end is closed, and not only done with what it says. */
bool ctl_hung_up(int fd);

/* Who is on the other end, as the kernel says. 0 or -errno. */
struct ctl_creds {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups; /* supplementary; owned */
	size_t n_groups;
};
int ctl_creds_read(int fd, struct ctl_creds *out);
void ctl_creds_done(struct ctl_creds *c);

/* Root, our own uid, or a member of the group. */
bool ctl_creds_may(const struct ctl_creds *c, gid_t group);

/* The name of a uid as /etc/passwd has it, else its number. Other name services are not asked: one that hangs would
 * hang the daemon. */
void ctl_user_name(uid_t uid, char out[33]);

/* The first line to who comes in; bad: no memory. */
void ctl_greeting(struct lb_text *out, const char *version, const char *node, bool admin);

/* Says why and hangs up: one write, whatever becomes of it. Closes fd (ctl_leave). */
__attribute__((format(printf, 4, 5))) void ctl_turn_away(
	int fd, struct ctl_leaving *leaving, enum lb_code code, const char *fmt, ...);
