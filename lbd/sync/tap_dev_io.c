/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tap_dev_io.h"

#include "lbd/sync/tap_link_msg.h"
#include "lbd/sync/tap_nft_msg.h"

#include <errno.h>
#include <string.h>

#define OWNER "lbd: sync" /* the alias of a device that is ours */

struct found {
	struct tap_link link;
	bool ok;
};

static void take_link(const struct lb_nl_msg *m, void *arg)
{
	struct found *f = arg;
	f->ok = f->ok || tap_link_read(m, &f->link) == 0;
}

/* 0 and *out; -ENODEV; -errno. */
static int look(struct tap_nl *n, const char *name, struct tap_link *out)
{
	struct found f = { 0 };
	uint32_t seq = tap_nl_next(n);
	int err = tap_nl_ask(n, tap_link_msg_get(&n->b, seq, name), take_link, &f);
	if (err || !f.ok)
		return err ? err : -EBADMSG;
	*out = f.link;
	return 0;
}

/* One that was killed between making the device and naming it leaves it down and without a name. */
static bool ours(const struct tap_link *l)
{
	return strcmp(l->kind, "dummy") == 0 &&
	       (strcmp(l->alias, OWNER) == 0 || (!l->alias[0] && !l->up && l->mtu == TAP_DEV_MTU));
}

static int make(struct tap_nl *n, const char *name, struct tap_link *out, struct lb_err *e)
{
	uint32_t seq = tap_nl_next(n);
	int err = tap_nl_ask(n, tap_link_msg_new(&n->b, seq, name, TAP_DEV_MTU), NULL, NULL);
	if (err == -EOPNOTSUPP)
		return lb_err_set(e, LB_CODE_FAILED,
			"interface %s cannot be made: this kernel has no dummy interfaces; load the module dummy",
			name);
	if (err == -EPERM)
		return lb_err_set(e, LB_CODE_DENIED, "interface %s cannot be made: CAP_NET_ADMIN is needed", name);
	err = err ? err : look(n, name, out);
	return err ? lb_err_set(e, LB_CODE_FAILED, "interface %s cannot be made: %s", name, strerror(-err)) : 0;
}

static int set_up(struct tap_nl *n, const struct tap_link *l, const struct lb_ip *ip4)
{
	uint32_t seq = tap_nl_next(n);
	(void)tap_nl_ask(n, tap_link_msg_quiet(&n->b, seq, l->index), NULL, NULL); /* no IPv6, no need */
	seq = tap_nl_next(n);
	int err = tap_nl_ask(n, tap_link_msg_up(&n->b, seq, l->index, OWNER), NULL, NULL);
	if (err || !ip4)
		return err;
	seq = tap_nl_next(n);
	err = tap_nl_ask(n, tap_link_msg_addr(&n->b, seq, l->index, ip4), NULL, NULL);
	return err == -EEXIST ? 0 : err;
}

int tap_dev_make(struct tap_nl *route, const char *name, const struct lb_ip *ip4, struct tap_dev *out, struct lb_err *e)
{
	struct tap_link l = { 0 };
	int err = look(route, name, &l);
	bool found = !err;
	if (err && err != -ENODEV)
		return lb_err_set(e, LB_CODE_FAILED, "interface %s cannot be looked for: %s", name, strerror(-err));
	if (found && !ours(&l))
		return lb_err_set(e, LB_CODE_REFUSED,
			"interface %s is there and is not ours (kind \"%s\", alias \"%s\"); remove it or rename it",
			name, l.kind, l.alias);
	if (!found && make(route, name, &l, e))
		return -1;
	err = set_up(route, &l, ip4);
	if (err)
		return lb_err_set(e, LB_CODE_FAILED, "interface %s cannot be set up: %s", name, strerror(-err));
	*out = (struct tap_dev){ l.index, found };
	return 0;
}

int tap_dev_guard(struct tap_nl *route, const char *name, int index, uint32_t mark, struct lb_err *e)
{
	static const char *const steps[] = { "sch_ingress", "cls_matchall and act_gact", "cls_fw" };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint32_t seq = tap_nl_next(route);
		int wrote = i == 0   ? tap_link_msg_ingress(&route->b, seq, index)
			    : i == 1 ? tap_link_msg_drop(&route->b, seq, index)
				     : tap_link_msg_pass(&route->b, seq, index, mark);
		int err = tap_nl_ask(route, wrote, NULL, NULL);
		if (err == -ENOENT || err == -EOPNOTSUPP)
			return lb_err_set(e, LB_CODE_FAILED,
				"interface %s cannot be closed to other programs: load the module %s", name, steps[i]);
		if (err && err != -EEXIST)
			return lb_err_set(e, LB_CODE_FAILED, "interface %s cannot be closed to other programs: %s",
				name, strerror(-err));
	}
	return 0;
}

int tap_dev_mute(struct tap_nl *filter, const char *name, struct lb_err *e)
{
	uint32_t seq = tap_nl_next(filter);
	int err = tap_nl_ask(filter, tap_nft_msg_guard(&filter->b, seq, name), NULL, NULL);
	/* EINVAL: before 5.12 no table had an owner */
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -EINVAL)
		return lb_err_set(e, LB_CODE_FAILED,
			"interface %s cannot be closed to other programs: load the module nf_tables (of Linux 5.12 or "
			"later)",
			name);
	if (err == -EEXIST || err == -EPERM)
		return lb_err_set(e, LB_CODE_REFUSED,
			"interface %s cannot be closed to other programs: a table ip " TAP_NFT_TABLE
			" of nftables is there and is not ours, or CAP_NET_ADMIN is missing",
			name);
	return err ? lb_err_set(e, LB_CODE_FAILED, "interface %s cannot be closed to other programs: %s", name,
			     strerror(-err))
		   : 0;
}

int tap_dev_remove(struct tap_nl *route, const char *name)
{
	struct tap_link l = { 0 };
	int err = look(route, name, &l);
	if (err)
		return err == -ENODEV ? 0 : err;
	if (!ours(&l))
		return 0;
	uint32_t seq = tap_nl_next(route);
	return tap_nl_ask(route, tap_link_msg_del(&route->b, seq, l.index), NULL, NULL);
}
