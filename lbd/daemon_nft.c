/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our table of nftables (nft/nft_text.h): written when the configuration wants another one, and again every minute, as
 * whoever loads a ruleset of his own mostly removes all others first. Nothing waits for it: services and addresses are
 * up before and without it. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon.h"
#include "lbd/nft/nft_text.h"
#include "lbd/sandbox.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#define AGAIN_MS 60000
#define MARK     "nft" /* in the state directory: a table of ours may be in the kernel */

/* ---- what is wanted ---- */

struct wanted {
	LB_VEC(struct lb_ip) closed;
	LB_VEC(struct nft_port) open;
	LB_VEC(uint32_t) marks;
	bool bad;
};

/* An owner's addresses are this host's own. */
static bool is_closed(const struct config_vrrp *v)
{
	return !v->accept && v->priority != VRRP_PRIO_OWNER;
}

static void add_closed(struct wanted *w, const struct config_vip *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct lb_ip *ip = lb_vec_push(&w->closed);
		w->bad |= !ip;
		if (ip)
			*ip = v[i].ip;
	}
}

static void add_listen(struct wanted *w, const struct ipvs_key *k)
{
	if (k->fwmark) {
		uint32_t *mark = lb_vec_push(&w->marks);
		w->bad |= !mark;
		if (mark)
			*mark = k->fwmark;
		return;
	}
	struct nft_port *p = lb_vec_push(&w->open);
	w->bad |= !p;
	if (p)
		*p = (struct nft_port){ .ip = k->addr, .protocol = k->protocol, .port = k->port };
}

/* Sticky error in out. */
static void text_of(const struct config *c, struct lb_text *out)
{
	struct wanted w = { 0 };
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		if (is_closed(&c->vrrp[i])) {
			add_closed(&w, c->vrrp[i].addresses, c->vrrp[i].n_addresses);
			add_closed(&w, c->vrrp[i].excluded, c->vrrp[i].n_excluded);
		}
	for (uint32_t i = 0; w.closed.n && i < c->n_services; i++)
		for (uint32_t k = 0; k < c->services[i].n_listens; k++)
			add_listen(&w, &c->services[i].listens[k]);
	const struct nft_want all = { .closed = w.closed.v,
		.n_closed = w.closed.n,
		.open = w.open.v,
		.n_open = w.open.n,
		.marks = w.marks.v,
		.n_marks = w.marks.n };
	nft_text(&all, out);
	out->bad |= w.bad;
	lb_vec_done(&w.closed);
	lb_vec_done(&w.open);
	lb_vec_done(&w.marks);
}

static const struct config_vrrp *first_closed(const struct config *c)
{
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		if (is_closed(&c->vrrp[i]))
			return &c->vrrp[i];
	return NULL;
}

/* ---- loading it ---- */

static void before_exec(void)
{
	sandbox_pre_exec(1ull << CAP_NET_ADMIN);
}

/* What an operator reads among the findings of the host. */
static void say(struct daemon *d, int err, const char *says)
{
	struct host_finding f = { 0 };
	const struct config_vrrp *v = first_closed(d->model->config);
	bool missing = err == -ENOENT;
	if (err && v) {
		snprintf(f.object, sizeof(f.object), "vrrp/%s", v->name);
		snprintf(f.text, sizeof(f.text), "accept: false does not hold: %.120s",
			missing             ? "nft is not installed"
			: err == -EIO       ? says[0] ? says : "nft failed"
			: err == -ETIMEDOUT ? "nft took too long"
					    : strerror(-err));
		snprintf(f.fix, sizeof(f.fix), "%s",
			missing ? "apt install nftables" : "nft list ruleset; journalctl -u lbd");
	} else if (err) {
		lb_log(LB_LOG_WARNING, "nft: table inet lbd is not removed: %s", says[0] ? says : strerror(-err));
	}
	if (strcmp(d->nft.finding.text, f.text) == 0)
		return;
	d->nft.finding = f;
	daemon_host_look(d);
}

static void done(int err, const char *says, void *arg)
{
	struct daemon *d = arg;
	if (!err && !d->nft.wanted && d->state_dir >= 0)
		(void)state_remove(d->state_dir, MARK);
	d->nft.there = d->nft.there && (err || d->nft.wanted);
	if (!d->stopping)
		say(d, err, says);
	daemon_nft_turn(d);
}

static void start(struct daemon *d)
{
	struct lb_text text = LB_TEXT_INIT;
	if (d->nft.wanted)
		text_of(d->model->config, &text);
	else
		nft_text(&(struct nft_want){ 0 }, &text);
	if (!d->nft.there && d->state_dir >= 0)
		(void)state_write(d->state_dir, MARK, "", 0, false);
	d->nft.there = true;
	int err = text.bad ? -ENOMEM : nft_run_start(&d->nft.run, d->loop, text.s, text.n, before_exec, done, d);
	lb_text_done(&text);
	if (err && !d->stopping)
		say(d, err, "");
}

void daemon_nft_turn(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	bool again = d->nft.wanted && !d->stopping && lb_time_cmp(now, d->nft.again_at) >= 0;
	if (d->nft.run.pid || (!d->nft.due && !again))
		return;
	d->nft.due = false;
	d->nft.again_at = lb_time_add_ms(now, AGAIN_MS);
	start(d);
}

void daemon_nft_model(struct daemon *d)
{
	struct lb_text mark = LB_TEXT_INIT;
	if (!d->nft.looked && d->state_dir >= 0) /* one that a process before us left */
		d->nft.there = state_read(d->state_dir, MARK, 16, &mark) == 0;
	lb_text_done(&mark);
	d->nft.looked = true;
	d->nft.wanted = first_closed(d->model->config) != NULL;
	d->nft.due = d->nft.wanted || d->nft.there;
	daemon_nft_turn(d);
}

void daemon_nft_flush(struct daemon *d)
{
	d->nft.wanted = false;
	d->nft.due = d->nft.there;
	daemon_nft_turn(d);
}

bool daemon_nft_busy(const struct daemon *d)
{
	return d->nft.run.pid != 0;
}

void daemon_nft_done(struct daemon *d)
{
	nft_run_stop(&d->nft.run);
}
