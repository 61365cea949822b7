/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_daemon_io.h"

#include <errno.h>
#include <string.h>

static void take_family(const struct lb_nl_msg *m, void *arg)
{
	(void)ipvs_daemon_read_family(m, arg);
}

int tap_daemon_family(struct tap_nl *generic, uint16_t *family, struct lb_err *e)
{
	uint16_t id = 0;
	uint32_t seq = tap_nl_next(generic);
	int err = tap_nl_ask(generic, ipvs_daemon_msg_family(&generic->b, seq), take_family, &id);
	if (err || !id)
		return lb_err_set(e, LB_CODE_FAILED, "the kernel has no IPVS (%s); load the module ip_vs",
			strerror(err ? -err : ENOENT));
	*family = id;
	return 0;
}

struct search {
	enum ipvs_daemon_role role;
	struct ipvs_daemon found;
	bool there, unread;
};

static void take_daemon(const struct lb_nl_msg *m, void *arg)
{
	struct search *s = arg;
	struct ipvs_daemon d;
	if (ipvs_daemon_read(m, &d))
		s->unread = true;
	else if (d.role == s->role) {
		s->found = d;
		s->there = true;
	}
}

/* 1 and *out: it runs; 0: it does not; -1 and *e. */
static int look(
	struct tap_nl *n, uint16_t family, enum ipvs_daemon_role role, struct ipvs_daemon *out, struct lb_err *e)
{
	struct search s = { .role = role };
	uint32_t seq = tap_nl_next(n);
	int err = tap_nl_ask(n, ipvs_daemon_msg_dump(&n->b, seq, family), take_daemon, &s);
	if (!err && s.unread)
		err = -EBADMSG;
	if (err)
		return lb_err_set(e, err == -EPERM ? LB_CODE_DENIED : LB_CODE_FAILED,
			"the kernel does not say which sync daemons run: %s", strerror(-err));
	if (s.there)
		*out = s.found;
	return s.there;
}

static bool same_device(const struct ipvs_daemon *a, const struct ipvs_daemon *b)
{
	return strncmp(a->device, b->device, sizeof(a->device)) == 0;
}

/* What was left to the kernel is as it is. */
static bool as_wanted(const struct ipvs_daemon *is, const struct ipvs_daemon *want)
{
	return same_device(is, want) && is->sync_id == want->sync_id &&
	       (!want->max_bytes || is->max_bytes == want->max_bytes) &&
	       (!want->group.family || lb_ip_cmp(&is->group, &want->group) == 0) &&
	       (!want->port || is->port == want->port);
}

static int refuse(const struct ipvs_daemon *is, const struct ipvs_daemon *want, struct lb_err *e)
{
	const char *role = ipvs_daemon_role_name(is->role);
	return lb_err_set(e, LB_CODE_REFUSED,
		"a %s sync daemon of somebody else runs on %s with id %u, and the kernel has room for one: stop it "
		"with "
		"\"ipvsadm --stop-daemon %s\" (ours is to run on %s with id %u)",
		role, is->device, is->sync_id, role, want->device, want->sync_id);
}

static int ask_stop(struct tap_nl *n, uint16_t family, enum ipvs_daemon_role role)
{
	uint32_t seq = tap_nl_next(n);
	int err = tap_nl_ask(n, ipvs_daemon_msg_stop(&n->b, seq, family, role), NULL, NULL);
	/* One that was only just started is stopped without an answer: the kernel swallows -EINTR. */
	return err == -ENOMSG || err == -ESRCH ? 0 : err;
}

static int start_failed(struct tap_nl *n, uint16_t family, const struct ipvs_daemon *want, int err, struct lb_err *e)
{
	struct ipvs_daemon is = *want;
	const char *role = ipvs_daemon_role_name(want->role);
	if (err == -EEXIST && look(n, family, want->role, &is, e) > 0)
		return refuse(&is, want, e);
	if (err == -EINVAL)
		return lb_err_set(e, LB_CODE_FAILED,
			"the %s sync daemon on %s is refused: where a service has a server of the other address family "
			"no sync daemon can run",
			role, want->device);
	return lb_err_set(e, LB_CODE_FAILED, "the %s sync daemon on %s cannot be started: %s", role, want->device,
		strerror(-err));
}

/* The same, of one on our device; -1 and *e also for one on another. */
static int look_for_ours(
	struct tap_nl *n, uint16_t family, const struct ipvs_daemon *want, struct ipvs_daemon *out, struct lb_err *e)
{
	int there = look(n, family, want->role, out, e);
	return there > 0 && !same_device(out, want) ? refuse(out, want, e) : there;
}

int tap_daemon_room(struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *want, struct lb_err *e)
{
	struct ipvs_daemon is = *want;
	return look_for_ours(generic, family, want, &is, e) < 0 ? -1 : 0;
}

int tap_daemon_start(
	struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *want, bool keep, struct lb_err *e)
{
	struct ipvs_daemon is = *want;
	int there = look_for_ours(generic, family, want, &is, e);
	if (there < 0)
		return -1;
	if (there && keep && as_wanted(&is, want))
		return 0;
	int err = there ? ask_stop(generic, family, want->role) : 0;
	if (!err) {
		uint32_t seq = tap_nl_next(generic);
		err = tap_nl_ask(generic, ipvs_daemon_msg_start(&generic->b, seq, family, want), NULL, NULL);
	}
	return err ? start_failed(generic, family, want, err, e) : 0;
}

int tap_daemon_stop(struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *d, struct lb_err *e)
{
	struct ipvs_daemon is;
	int there = look(generic, family, d->role, &is, e);
	if (there < 0)
		return -1;
	if (!there || !same_device(&is, d))
		return 0;
	int err = ask_stop(generic, family, d->role);
	if (!err && look(generic, family, d->role, &is, e) > 0)
		err = -EBUSY;
	return err ? lb_err_set(e, LB_CODE_FAILED, "the %s sync daemon on %s does not stop: %s",
			     ipvs_daemon_role_name(d->role), d->device, strerror(-err))
		   : 0;
}

int tap_daemon_check(struct tap_nl *generic, uint16_t family, const struct ipvs_daemon *d, struct lb_err *e)
{
	struct ipvs_daemon is = *d;
	int there = look(generic, family, d->role, &is, e);
	if (there < 0)
		return -1;
	if (!there)
		return lb_err_set(e, LB_CODE_FAILED, "the %s sync daemon on %s does not run any more",
			ipvs_daemon_role_name(d->role), d->device);
	return as_wanted(&is, d) ? 0 : refuse(&is, d, e);
}
