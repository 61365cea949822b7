/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two cores of a pair say to each other: pieces of text to and from the room of flow state, which has the
 * link; and what a conversation can be about. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_rooms.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- to and from the room ---- */

static int op_send(void *arg, uint32_t id, unsigned flags, const char *text, size_t n)
{
	struct daemon *d = arg;
	return daemon_sync_talk(d, d->talk.link, id, (uint8_t)flags, text, n);
}

void daemon_talk_link(struct daemon *d, uint32_t link, const char *why)
{
	if (!d->talk.talk || (!link && !d->talk.link))
		return;
	d->talk.link = link;
	ctl_talk_link(d->talk.talk, link != 0, why);
	d->changed = true;
	if (link)
		daemon_words_all(d);
}

void daemon_talk_in(struct daemon *d, const struct sync_msg_talk *m)
{
	if (d->talk.link)
		ctl_talk_in(d->talk.talk, m->id, m->flags, m->text, m->n);
}

void daemon_talk_turn(struct daemon *d)
{
	d->talk.slice = lb_clock_now();
	ctl_remote_set_generation(d->talk.remote, d->generation);
	ctl_remote_turn(d->talk.remote);
	ctl_talk_flush(d->talk.talk);
}

bool daemon_talk_busy(const struct daemon *d)
{
	return d->talk.link && ctl_talk_busy(d->talk.talk);
}

/* ---- what the other node asks ---- */

static int op_asked(void *arg, struct ctl_conv *c, const json_t *header, struct lb_err *e)
{
	struct daemon *d = arg;
	const char *about = lb_proto_str(header, "talk");
	if (about && strcmp(about, "command") == 0)
		return ctl_remote_asked(d->talk.remote, c, header, d->sync.all.conf.peer, d->generation, e);
	if (about && strcmp(about, "overrides") == 0)
		return daemon_words_asked(d, c, header, e);
	if (about && strcmp(about, "describe") == 0)
		return daemon_pair_describe(d, c, e);
	if (about && strcmp(about, "apply") == 0)
		return daemon_both_asked(d, c, header, e);
	if (about && (strcmp(about, "confirm") == 0 || strcmp(about, "rollback") == 0))
		return daemon_confirm_asked(d, c, header, e);
	return lb_err_set(e, LB_CODE_USAGE, "node %s runs a version of lbd that does not know this", d->node);
}

static void op_dispatch(struct ctl_request *rq, struct ctl_reply *r, void *arg)
{
	struct daemon *d = arg;
	daemon_env_refresh(d);
	ctl_cmd(&d->env, rq, r);
}

static int op_file_read(void *arg, int fd, size_t max, struct lb_text *out)
{
	(void)arg;
	return state_read_fd(fd, max, out);
}

static bool op_later(void *arg)
{
	struct daemon *d = arg;
	if (lb_time_diff_us(lb_clock_now(), d->talk.slice) < SLICE_US)
		return false;
	daemon_more(d);
	return true;
}

/* In memory: it came over the link and is on no disk. */
static int op_file_make(void *arg, const char *s, size_t n)
{
	(void)arg;
	int fd = memfd_create("lbd-request", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < n;) {
		ssize_t put = write(fd, s + at, n - at);
		if (put <= 0) {
			close(fd);
			return -ENOMEM;
		}
		at += (size_t)put;
	}
	if (lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -EIO;
}

static void op_file_close(void *arg, int fd)
{
	(void)arg;
	close(fd);
}

/* ---- the whole ---- */

int daemon_talk_start(struct daemon *d)
{
	const struct ctl_talk_ops talk = { .send = op_send, .asked = op_asked, .arg = d };
	const struct ctl_remote_ops remote = { .dispatch = op_dispatch,
		.file_read = op_file_read,
		.file_make = op_file_make,
		.file_close = op_file_close,
		.later = op_later,
		.arg = d };
	d->talk.talk = ctl_talk_new(&talk);
	d->talk.remote = d->talk.talk ? ctl_remote_new(d->talk.talk, &remote) : NULL;
	return d->talk.remote ? 0 : -ENOMEM;
}

void daemon_talk_done(struct daemon *d)
{
	d->talk.link = 0;
	ctl_talk_free(d->talk.talk);
	ctl_remote_free(d->talk.remote);
	d->talk.talk = NULL;
	d->talk.remote = NULL;
}
