/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our table of nftables (nft/nft_text.h): written when the configuration wants another one, and again when it is gone,
 * as whoever loads a ruleset of his own mostly removes all others first, and every minute whatever is in it. What is
 * not wanted any more is removed, and that is tried until it is gone: it goes on dropping. Addresses are up before and
 * without it, and so are services; but a connection that begins before the rules of source_nat are there never gets its
 * source. So what is new for the kernel waits for them a moment. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "common/sort.h"
#include "lbd/daemon.h"
#include "lbd/nft/nft_look_io.h"
#include "lbd/nft/nft_text.h"
#include "lbd/sandbox.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 60000
#define RETRY_MS 5000  /* after it failed */
#define HOLD_MS  3000  /* so long what is new for IPVS waits, at most */
#define MARK     "nft" /* in the state directory: a table of ours may be in the kernel */

/* ---- what is wanted ---- */

struct wanted {
	LB_VEC(struct lb_ip) closed;
	LB_VEC(struct nft_port) open;
	LB_VEC(uint32_t) marks;
	struct nft_snat *snats;
	size_t n_snats;
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

static void add_snats(struct wanted *w, const struct config *c)
{
	const size_t n = config_snats(c, NULL, 0);
	struct config_snat *all = n ? calloc(n, sizeof(*all)) : NULL;
	w->snats = n ? calloc(n, sizeof(*w->snats)) : NULL;
	if (all && w->snats) {
		w->n_snats = config_snats(c, all, n);
		for (size_t i = 0; i < n; i++) {
			const struct ipvs_key *k = all[i].listen;
			w->snats[i] = (struct nft_snat){ { k->addr, k->protocol, k->port }, all[i].to };
		}
	}
	w->bad |= n && (!all || !w->snats);
	free(all);
}

static int ip_cmp(const void *x, const void *y)
{
	return lb_ip_cmp(x, y);
}

static int port_cmp(const void *x, const void *y)
{
	return nft_port_cmp(x, y);
}

static int snat_cmp(const void *x, const void *y)
{
	const struct nft_snat *a = x, *b = y;
	return nft_port_cmp(&a->at, &b->at);
}

static void sort(struct wanted *w)
{
	lb_sort(w->closed.v, w->closed.n, sizeof(*w->closed.v), ip_cmp);
	lb_sort(w->open.v, w->open.n, sizeof(*w->open.v), port_cmp);
	lb_sort(w->snats, w->n_snats, sizeof(*w->snats), snat_cmp);
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
	for (uint32_t i = 0; i < c->n_services; i++)
		for (uint32_t k = 0; k < c->services[i].n_listens; k++)
			add_listen(&w, &c->services[i].listens[k]);
	add_snats(&w, c);
	sort(&w);
	const struct nft_want all = { .closed = w.closed.v,
		.n_closed = w.closed.n,
		.open = w.open.v,
		.n_open = w.open.n,
		.marks = w.marks.v,
		.n_marks = w.marks.n,
		.snats = w.snats,
		.n_snats = w.n_snats };
	nft_text(&all, out);
	out->bad |= w.bad;
	lb_vec_done(&w.closed);
	lb_vec_done(&w.open);
	lb_vec_done(&w.marks);
	free(w.snats);
}

static const struct config_vrrp *first_closed(const struct config *c)
{
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		if (is_closed(&c->vrrp[i]))
			return &c->vrrp[i];
	return NULL;
}

static const struct config_service *first_translated(const struct config *c)
{
	struct config_snat first;
	if (!config_snats(c, &first, 1))
		return NULL;
	for (uint32_t i = 0; i < c->n_services; i++)
		if (c->services[i].source_nat.family)
			return &c->services[i];
	return NULL;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return h;
}

/* Which sources are wanted; 0 = none. */
static uint64_t snats_digest(const struct config *c)
{
	uint64_t h = 0;
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		for (uint32_t k = 0; s->source_nat.family && k < s->n_listens; k++) {
			const struct ipvs_key *l = &s->listens[k];
			h = mix(h ? h : UINT64_C(0xcbf29ce484222325), l->addr.b, sizeof(l->addr.b));
			h = mix(mix(h, &l->protocol, 1), &l->port, sizeof(l->port));
			h = mix(h, s->source_nat.b, sizeof(s->source_nat.b)) | 1;
		}
	}
	return h;
}

/* ---- loading it ---- */

static void before_exec(void)
{
	sandbox_pre_exec(1ull << CAP_NET_ADMIN);
}

static const char *why_not(int err, const char *says)
{
	switch (err) {
	case -ENOENT: return "nft is not installed";
	case -EIO: return says[0] ? says : "nft failed";
	case -ETIMEDOUT: return "nft took too long";
	default: return strerror(-err);
	}
}

static const char *unwanted(int there)
{
	return there == 1 ? "table inet lbd is not removed and goes on dropping"
			  : "table inet lbd may be left and go on dropping";
}

static void fill_finding(const struct config *c, int err, const char *says, struct host_finding *f)
{
	const struct config_vrrp *v = first_closed(c);
	const struct config_service *s = first_translated(c);
	const char *what = v && s ? "accept: false and source_nat do not hold"
			   : v    ? "accept: false does not hold"
			   : s    ? "source_nat does not hold"
				  : unwanted(nft_look());
	if (v || s)
		snprintf(f->object, sizeof(f->object), "%s/%s", v ? "vrrp" : "service", v ? v->name : s->name);
	else
		snprintf(f->object, sizeof(f->object), "nft");
	f->stops = true;
	snprintf(f->text, sizeof(f->text), "%s: %.120s", what, why_not(err, says));
	snprintf(f->fix, sizeof(f->fix), "%s",
		err == -ENOENT ? "apt install nftables"
		: v || s       ? "nft list ruleset; journalctl -u lbd"
			       : "nft delete table inet lbd");
}

/* What an operator reads among the findings of the host. */
static void say(struct daemon *d, int err, const char *says)
{
	struct host_finding f = { 0 };
	if (d->stopping)
		return;
	if (err)
		fill_finding(d->model->config, err, says, &f);
	if (strcmp(d->nft.finding.text, f.text) == 0)
		return;
	d->nft.finding = f;
	daemon_host_look(d);
}

static void let_go(struct daemon *d)
{
	if (!d->nft.hold_until.us)
		return;
	d->nft.hold_until.us = 0;
	daemon_more(d);
}

/* It is known that none of ours is in the kernel. */
static void removed(struct daemon *d)
{
	d->nft.there = false;
	d->nft.snats_there = 0;
	if (d->state_dir >= 0)
		(void)state_remove(d->state_dir, MARK);
}

static void done(int err, const char *says, void *arg)
{
	struct daemon *d = arg;
	if (!err && !d->nft.wanted)
		removed(d);
	say(d, err, says);
	d->nft.loaded = !err && d->nft.wanted;
	if (err)
		d->nft.again_at = lb_time_add_ms(lb_clock_now(), RETRY_MS);
	if (!err)
		d->nft.snats_there = d->nft.snats_next;
	if (!d->nft.due)
		let_go(d);
	daemon_nft_turn(d);
}

void daemon_nft_note(struct daemon *d)
{
	if (d->nft.there && d->state_dir >= 0)
		(void)state_write(d->state_dir, MARK, "", 0, false);
}

static void start(struct daemon *d)
{
	struct lb_text text = LB_TEXT_INIT;
	bool noted = d->nft.there;
	if (d->nft.wanted)
		text_of(d->model->config, &text);
	else
		nft_text(&(struct nft_want){ 0 }, &text);
	d->nft.there = true;
	if (!noted)
		daemon_nft_note(d);
	d->nft.snats_next = d->nft.wanted ? snats_digest(d->model->config) : 0;
	int err = text.bad ? -ENOMEM : nft_run_start(&d->nft.run, d->loop, text.s, text.n, before_exec, done, d);
	lb_text_done(&text);
	if (err) {
		say(d, err, "");
		d->nft.loaded = false;
		d->nft.again_at = lb_time_add_ms(lb_clock_now(), RETRY_MS);
		let_go(d);
	}
}

/* One that could not be written is not looked for. */
static bool is_gone(const struct daemon *d)
{
	return d->nft.loaded && d->nft.wanted && !d->nft.due && !d->stopping && nft_look() == 0;
}

/* Somebody else has removed it; or it never was: a kernel without nf_tables has none. */
static bool is_removed(void)
{
	int there = nft_look();
	return there == 0 || there == -EINVAL || there == -EPROTONOSUPPORT;
}

void daemon_nft_turn(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	bool again = (d->nft.wanted || d->nft.there) && !d->stopping && lb_time_cmp(now, d->nft.again_at) >= 0;
	if (d->nft.hold_until.us && lb_time_cmp(now, d->nft.hold_until) >= 0) {
		lb_log(LB_LOG_WARNING, "nft: takes its time: services begin before the rules of source_nat are there");
		let_go(d);
	}
	if (d->nft.run.pid)
		return;
	if (is_gone(d)) {
		lb_log(LB_LOG_NOTICE, "nft: table inet lbd was removed by somebody: written again");
		d->nft.due = true;
	}
	if (!d->nft.due && !again)
		return;
	d->nft.due = false;
	if (!d->nft.wanted && is_removed()) {
		removed(d);
		say(d, 0, "");
		return;
	}
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
	const uint64_t snats = snats_digest(d->model->config);
	d->nft.wanted = first_closed(d->model->config) || snats;
	d->nft.due = d->nft.wanted || d->nft.there;
	if (snats && snats != d->nft.snats_there)
		d->nft.hold_until = lb_time_add_ms(lb_clock_now(), HOLD_MS);
	else
		let_go(d);
	daemon_nft_turn(d);
}

bool daemon_nft_holds(const struct daemon *d)
{
	return d->nft.hold_until.us != 0;
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
