/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dirty services to the kernel, and the audit that finds what others changed there. */
#include "lbd/daemon_kernel.h"
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"
#include "lbd/daemon_state.h"
#include "lbd/model_cut.h"
#include "lbd/plan.h"

#include <errno.h>
#include <string.h>

/* Pauses of the audit are AUDIT_DUTY times as long as the slice before: a fortieth of a processor. What is forwarded
 * has to have the rest of it, also where thousands of listeners take longer to look at than the second that a look is
 * due. Processor time: a machine that has no time for us in the middle of a slice shall not put off the next one. */
#define AUDIT_EVERY_MS  1000 /* a change under our feet is repaired within two of them */
#define AUDIT_SLICE_US  2000
#define AUDIT_DUTY      39
#define AUDIT_STEP      8 /* services between two looks at the clock */
#define PUT_OFF_MS      100
#define PUT_OFF_MAX     50 /* times */
#define KERNEL_RETRY_MS 1000
#define QUEUE_OPS       256 /* no more is planned before these are written: a start does not hold all of its ops */

/* ---- what the reconciler tells ---- */

static void dirty_key(struct daemon *d, const struct ipvs_key *key)
{
	uint32_t s = d->model ? model_listener_service(d->model, key) : MODEL_NONE;
	if (s != MODEL_NONE) {
		model_dirty(d->model, s);
	} else if (ipvs_is_ours(d->ipvs, key)) { /* its removal did not come through */
		struct ipvs_key *place = lb_vec_push(&d->drops);
		if (place)
			*place = *key;
	}
	daemon_more(d);
}

static void on_drift(void *arg, const struct ipvs_key *key, enum ipvs_drift what)
{
	static const char *const words[] = { "the service is gone", "the service was changed",
		"backends were changed" };
	struct daemon *d = arg;
	char k[IPVS_KEY_STRLEN];
	uint32_t s = d->model ? model_listener_service(d->model, key) : MODEL_NONE;
	daemon_event(d, &(struct event){ .id = LB_EVENT_KERNEL_DRIFT, .reason = words[what] },
		"service/%s: the kernel differs (%s, listen=%s): repairing",
		s != MODEL_NONE ? d->model->services[s].cfg->name : "-", words[what], ipvs_key_str(key, k));
	dirty_key(d, key);
}

static void on_stale(void *arg, const struct ipvs_key *key)
{
	dirty_key(arg, key);
}

static void on_refused(void *arg, const struct ipvs_op *op, int err)
{
	struct daemon *d = arg;
	char why[200], text[IPVS_OP_STRLEN];
	ipvs_op_explain(op, err, why, sizeof(why));
	uint32_t s = d->model ? model_listener_service(d->model, &op->svc.key) : MODEL_NONE;
	const char *name = s != MODEL_NONE ? d->model->services[s].cfg->name : "-";
	ipvs_op_str(op, text);
	daemon_apply_refused(d, name, text, why);
	if (ipvs_op_minds_daemons(op, err))
		daemon_conn_in_the_way(d);
	daemon_event(d, &(struct event){ .id = LB_EVENT_KERNEL_REFUSED, .reason = why },
		"service/%s: refused by the kernel (%s): %s", name, text, why);
}

/* The record of what is ours is on disk before the kernel hears of it: a crash in between leaves a record of
 * something that is not there, which the next start forgets, and never a service that nobody knows. */
static int write_recorded(void *arg, const struct ipvs_op *ops, size_t n, int *errs)
{
	struct daemon *d = arg;
	daemon_owned_flush(d);
	struct lb_time from = lb_clock_now();
	int err = d->kernel.write(d->kernel.arg, ops, n, errs);
	traces_kernel(d->traces, lb_time_diff_us(lb_clock_now(), from));
	for (size_t i = 0; i < n && !err; i++) {
		if (ops[i].type == IPVS_OP_SERVICE_DEL && (errs[i] == 0 || errs[i] == ESRCH))
			daemon_owned_note(d, &ops[i].svc.key, false);
		if (errs[i])
			continue;
		daemon_conn_deleted(d, &ops[i]);
	}
	if (!err)
		daemon_conn_added(d, ops, n, errs);
	return err;
}

static int read_services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	struct daemon *d = arg;
	return d->kernel.services(d->kernel.arg, fn, fn_arg);
}

static int read_dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	struct daemon *d = arg;
	return d->kernel.dests(d->kernel.arg, key, fn, fn_arg);
}

static int read_service(void *arg, const struct ipvs_key *key, struct ipvs_service *out)
{
	struct daemon *d = arg;
	return d->kernel.service(d->kernel.arg, key, out);
}

static int zero_service(void *arg, const struct ipvs_key *key)
{
	struct daemon *d = arg;
	return d->kernel.zero(d->kernel.arg, key);
}

/* ---- who asked for a repair ---- */

static void repair_failed(struct daemon *d, const char *what, const char *why)
{
	struct ctl_reply *r = d->audit.reply;
	struct lb_err e;
	d->audit.reply = NULL;
	if (!r)
		return;
	lb_err_set(&e, LB_CODE_FAILED, "%s: %s", what, why);
	ctl_reply_error(r, &e);
}

/* Not before the kernel has what it should have. */
static void repair_answer(struct daemon *d)
{
	struct ctl_reply *r = d->audit.reply;
	uint64_t n = d->audit.found;
	char text[80];
	if (!r || !d->audit.looked)
		return;
	d->audit.reply = NULL;
	if (n)
		snprintf(text, sizeof(text), "%llu listener%s differed and %s repaired", (unsigned long long)n,
			n == 1 ? "" : "s", n == 1 ? "was" : "were");
	else
		snprintf(text, sizeof(text), "the kernel has what it should have");
	ctl_reply_row(r, json_pack("{s:I}", "repairs", (json_int_t)n));
	ctl_reply_end(r, LB_CODE_OK, text, NULL);
}

/* ---- a kernel that is not there, or does not answer ---- */

/* Said once per kind of failure: the next look comes in a second and would say the same. */
static void say_failure(const struct daemon *d, int err)
{
	if (err == d->kernel_error)
		return;
	if (err == -ENOPROTOOPT)
		lb_log(LB_LOG_ERROR, "kernel: this kernel has no IPVS: modprobe ip_vs (Debian: any linux-image "
				     "package); looking again");
	else if (err == -EPERM)
		lb_log(LB_LOG_ERROR,
			"kernel: not permitted: IPVS wants CAP_NET_ADMIN in the initial user namespace; looking again");
	else
		lb_log(LB_LOG_ERROR, "kernel: IPVS netlink failed: %s; looking again", strerror(-err));
}

static void kernel_failed(struct daemon *d, int err)
{
	say_failure(d, err);
	d->kernel_error = err;
	d->kernel_missing = err == -ENOPROTOOPT;
	d->converged = false;
	d->kernel_retry = lb_time_add_ms(lb_clock_now(), KERNEL_RETRY_MS);
	traces_failed(d->traces);
	daemon_apply_kernel_failed(d, err);
	if (d->audit.looked)
		repair_failed(d, "the kernel could not be written", strerror(-err));
}

static void all_dirty(struct daemon *d)
{
	for (uint32_t i = 0; d->model && i < d->model->n_services; i++)
		model_dirty(d->model, i);
	daemon_more(d);
}

int daemon_kernel_start(struct daemon *d)
{
	d->kernel_io = ipvs_io_new();
	if (!d->kernel_io)
		return -ENOMEM;
	d->kernel = ipvs_io_kernel(d->kernel_io);
	d->slice = (struct ipvs_slice){ .clock = lb_clock_now, .us = SLICE_US };
	const struct ipvs_kernel recorded = { d, write_recorded, read_services, read_dests, read_service,
		zero_service };
	const struct ipvs_events events = { d, on_drift, on_stale, on_refused };
	d->ipvs = ipvs_new(&recorded, &events);
	if (!d->ipvs)
		return -ENOMEM;
	int err = ipvs_load(d->ipvs);
	if (err == -ENOMEM)
		return err;
	if (err)
		kernel_failed(d, err);
	return 0;
}

void daemon_kernel_tick(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	if (d->kernel_retry.us && lb_time_cmp(now, d->kernel_retry) >= 0) {
		d->kernel_retry = (struct lb_time){ 0 };
		int err = ipvs_load(d->ipvs);
		if (err) {
			kernel_failed(d, err);
			return;
		}
		lb_log(LB_LOG_NOTICE, "kernel: IPVS answers again");
		d->kernel_missing = false;
		d->kernel_error = 0;
		if (d->left_over_due)
			daemon_left_over(d);
		all_dirty(d);
	}
	ipvs_retry(d->ipvs, now);
}

uint32_t daemon_in_kernel(const struct ipvs_key *key, const struct lb_ip *addr, uint16_t port, void *arg)
{
	struct daemon *d = arg;
	struct ipvs_dest want = { .addr = *addr, .port = port };
	const struct ipvs_row *row = ipvs_actual(d->ipvs, key);
	const struct ipvs_dest *have = row ? ipvs_row_find(row, &want) : NULL;
	return have ? have->weight : 0;
}

/* ---- one turn ---- */

static void on_change(const struct model_change *ch, void *arg)
{
	daemon_log_change(ch, arg);
	if (model_cut_is_late(ch))
		daemon_conn_copied(arg);
}

static int want_service(struct daemon *d, uint32_t s, struct lb_time now)
{
	model_settle(d->model, s, now, lb_clock_wall_ms(), on_change, d);
	daemon_deadline(d, d->model->services[s].deadline);
	for (uint32_t i = 0; i < d->model->services[s].cfg->n_listens; i++) {
		int err = plan_listener(d->model, s, i, &d->row);
		if (err)
			return err;
		if (!ipvs_is_ours(d->ipvs, &d->row.svc.key))
			daemon_owned_note(d, &d->row.svc.key, true);
		err = ipvs_want(d->ipvs, &d->row, now);
		if (err)
			return err;
	}
	return 0;
}

static bool slice_over(struct lb_time since)
{
	return lb_time_diff_us(lb_clock_now(), since) >= SLICE_US;
}

/* What was never there, as the kernel refused it, leaves the record at once: somebody else may make it from now on, and
 * the next start would take it for a left-over of ours. */
static int drop_one(struct daemon *d, const struct ipvs_key *key, struct lb_time now)
{
	int err = ipvs_drop(d->ipvs, key, now);
	if (!err && !ipvs_is_ours(d->ipvs, key))
		daemon_owned_note(d, key, false);
	return err;
}

/* Without memory for the queue it goes now: a moment without a listener is less than one that stays until the next
 * start. */
void daemon_kernel_drop(struct daemon *d, const struct ipvs_key *key)
{
	struct ipvs_key *place = lb_vec_push(&d->drops);
	if (place)
		*place = *key;
	else
		(void)drop_one(d, key, lb_clock_now());
}

/* Removals come last, so that an address which moves from one service to another is never without a listener. */
static int drop_some(struct daemon *d, struct lb_time now)
{
	while (d->drops.n) {
		struct ipvs_key key = d->drops.v[d->drops.n - 1];
		/* a later configuration may want it again */
		bool wanted = !d->flush.running && model_listener_service(d->model, &key) != MODEL_NONE;
		int err = wanted ? 0 : drop_one(d, &key, now);
		if (err)
			return err;
		d->drops.n--;
		if (slice_over(now) || ipvs_queued(d->ipvs) >= QUEUE_OPS)
			break;
	}
	if (d->drops.n == 0)
		lb_vec_done(&d->drops);
	return 0;
}

/* 1 when the kernel has enough to do for this turn, 0, or -errno. */
static int plan_some(struct daemon *d, struct lb_time now)
{
	int r = 0;
	while (r == 0 && d->model->n_dirty && !slice_over(now)) {
		uint32_t s = model_next_dirty(d->model);
		r = want_service(d, s, now);
		if (r)
			model_dirty(d->model, s);
		else if (ipvs_queued(d->ipvs) >= QUEUE_OPS)
			r = ipvs_send_slice(d->ipvs, &d->slice, now);
	}
	return r;
}

static bool is_settled(const struct daemon *d)
{
	return d->converged && d->model->n_dirty == 0 && d->drops.n == 0;
}

/* The same of a flush, in which nothing is wanted any more. */
static bool flush_turn(struct daemon *d, struct lb_time now)
{
	int r = ipvs_send_slice(d->ipvs, &d->slice, now);
	if (r == 0)
		r = drop_some(d, now);
	if (r == 0)
		r = ipvs_send_slice(d->ipvs, &d->slice, now);
	if (r > 0 || (r == 0 && d->drops.n))
		return true;
	d->flush.running = false;
	daemon_owned_flush(d);
	daemon_flushed(d, r);
	return false;
}

bool daemon_kernel_turn(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	if (d->flush.running)
		return flush_turn(d, now);
	if (d->kernel_retry.us)
		daemon_apply_kernel_failed(d, d->kernel_error);
	if (!d->model || d->stopping || d->kernel_retry.us || daemon_nft_holds(d) || is_settled(d))
		return false;
	d->converged = false;
	d->changed = true;
	traces_begin(d->traces, now);
	/* what the turn before has left comes first: what is planned is the difference to what the kernel has */
	int r = ipvs_send_slice(d->ipvs, &d->slice, now);
	if (r == 0)
		r = plan_some(d, now);
	if (r == 0)
		r = ipvs_send_slice(d->ipvs, &d->slice, now);
	if (r == 0 && d->model->n_dirty == 0)
		r = drop_some(d, now);
	if (r == 0)
		r = ipvs_send_slice(d->ipvs, &d->slice, now);
	if (r < 0) {
		kernel_failed(d, r);
		return false;
	}
	if (r > 0 || d->model->n_dirty || d->drops.n)
		return true;
	d->converged = true;
	daemon_owned_flush(d);
	daemon_apply_kernel_done(d);
	repair_answer(d);
	return false;
}

void daemon_kernel_flush(struct daemon *d)
{
	d->flush.running = true;
	for (uint32_t i = 0; i < d->model->n_listeners; i++)
		daemon_kernel_drop(d, &d->model->listeners[i].key);
	daemon_more(d);
}

/* ---- the audit ---- */

static void audit_arm(struct daemon *d, int64_t ms)
{
	ev_timer_stop(d->loop, &d->audit_timer);
	ev_now_update(d->loop);
	ev_timer_set(&d->audit_timer, (double)(ms < 1 ? 1 : ms) / 1e3, 0.);
	ev_timer_start(d->loop, &d->audit_timer);
}

/* What was found is dirty now and is repaired in slices, and then the answer says so. */
static void audit_over(struct daemon *d, int err)
{
	d->audit.running = false;
	if (d->audit.reply && !d->audit.looked && !err) {
		d->audit.looked = true;
		d->audit.found = ipvs_counters(d->ipvs)->repairs - d->audit.repairs_before;
	}
	if (err) {
		kernel_failed(d, err);
		repair_failed(d, "the kernel could not be read",
			err == -ENOPROTOOPT ? "this kernel has no IPVS (modprobe ip_vs)" : strerror(-err));
	} else if (is_settled(d)) {
		repair_answer(d);
	}
	int64_t spent = lb_time_diff_us(lb_clock_now(), d->audit.started) / 1000;
	audit_arm(d, d->audit.asked ? 1 : AUDIT_EVERY_MS - spent);
	d->audit.asked = false;
}

/* Somebody waits for the round. */
static bool is_asked(const struct daemon *d)
{
	return d->audit.reply && !d->audit.looked;
}

/* While a configuration is being written the kernel differs from it anyway: to look would take the kernel's time from
 * the writing, and find nothing that is worth it. Not for ever: something may always be on its way. */
static bool put_off(struct daemon *d)
{
	if (d->converged || d->audit.running || is_asked(d) || d->audit.put_off == PUT_OFF_MAX) {
		d->audit.put_off = 0;
		return false;
	}
	d->audit.put_off++;
	audit_arm(d, PUT_OFF_MS);
	return true;
}

void daemon_audit_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct daemon *d = w->data;
	(void)loop;
	(void)revents;
	struct lb_time from = lb_clock_now(), cpu = lb_clock_cpu();
	if (d->kernel_retry.us && !is_asked(d)) {
		audit_arm(d, AUDIT_EVERY_MS);
		return;
	}
	if (put_off(d))
		return;
	int r = 1;
	if (!d->audit.running) {
		d->audit.running = true;
		d->audit.started = from;
		d->audit.repairs_before = ipvs_counters(d->ipvs)->repairs;
		r = ipvs_audit_begin(d->ipvs);
	}
	uint64_t found = ipvs_counters(d->ipvs)->repairs;
	while (r > 0 && lb_time_diff_us(lb_clock_now(), from) < AUDIT_SLICE_US)
		r = ipvs_audit_step(d->ipvs, AUDIT_STEP);
	if (r <= 0) {
		audit_over(d, r);
		return;
	}
	int64_t spent = lb_time_diff_us(lb_clock_cpu(), cpu);
	/* no pauses for somebody who waits for the answer, nor where something is wrong: there may be more of it */
	bool on = is_asked(d) || ipvs_counters(d->ipvs)->repairs != found;
	audit_arm(d, on ? 1 : spent * AUDIT_DUTY / 1000);
}

static void repair_gone(void *arg)
{
	struct daemon *d = arg;
	d->audit.reply = NULL;
}

void daemon_audit_ask(struct daemon *d, struct ctl_reply *r)
{
	if (d->audit.reply || d->stopping) {
		ctl_reply_end(r, LB_CODE_REFUSED,
			d->stopping ? "the daemon is stopping" : "a repair is running already", NULL);
		return;
	}
	d->audit.reply = r;
	d->audit.looked = false;
	ctl_reply_hold(r, repair_gone, d);
	d->audit.asked = d->audit.running;
	d->audit.running = false; /* begin anew: what is on its way may have passed the change already */
	audit_arm(d, 1);
}

void daemon_audit_stop(struct daemon *d)
{
	ev_timer_stop(d->loop, &d->audit_timer);
	repair_failed(d, "not repaired", "the daemon is stopping");
}
