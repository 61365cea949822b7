/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/daemon_kernel.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_rooms.h"
#include "lbd/daemon_state.h"

#include "common/clock_io.h"
#include "common/log_io.h"
#include "common/rss_io.h"
#include "lbd/ctl/ctl_conn.h"
#include "lbd/ctl/ctl_watch.h"
#include "lbd/host/host_io.h"
#include "lbd/host/notify_io.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_S           1.0
#define STOP_DEADLINE_MS 2000
#define TALK_DEADLINE_MS 500
#define FLUSH_TRIES      3
#define USR_QUIET_MS     60000
#define PLACES_MS        3000

void daemon_more(struct daemon *d)
{
	/* an idle watcher makes the next poll return at once, and sockets are served between two slices */
	d->more = true;
	if (!ev_is_active(&d->idle))
		ev_idle_start(d->loop, &d->idle);
}

void daemon_deadline(struct daemon *d, struct lb_time t)
{
	if (t.us == LB_TIME_NEVER.us)
		return;
	int64_t in_us = lb_time_diff_us(t, lb_clock_now());
	double in = in_us < 1000 ? 0.001 : (double)in_us / 1e6;
	if (ev_is_active(&d->deadline) && ev_timer_remaining(d->loop, &d->deadline) <= in)
		return;
	ev_timer_stop(d->loop, &d->deadline);
	ev_now_update(d->loop);
	ev_timer_set(&d->deadline, in, 0.);
	ev_timer_start(d->loop, &d->deadline);
}

void daemon_env_refresh(struct daemon *d)
{
	d->env.model = d->model;
	d->env.ipvs = d->ipvs;
	d->env.overrides = d->overrides;
	d->env.words = d->words;
	d->env.turn = d->turn;
	d->env.generation = d->generation;
	d->env.file_differs = d->file_differs;
	d->env.converged = d->converged;
	d->env.kernel_missing = d->kernel_missing;
	d->env.state_not_saved = !daemon_all_saved(d);
	d->env.state_lost = d->state_lost[0] ? d->state_lost
			    : d->nowhere     ? "the configuration that runs is stored nowhere: apply it again"
					     : NULL;
	d->env.state_not_read = daemon_first_unread(d);
	d->env.last_reject = d->last_reject;
	d->env.hook_failed = d->hooks.failure[0] ? d->hooks.failure : NULL;
	d->env.hooks_dropped = d->hooks.dropped;
	if (d->ctl) {
		ctl_server_set_generation(d->ctl, d->generation);
		d->env.clients = ctl_server_clients(d->ctl);
	}
}

/* ---- one turn of the loop ---- */

/* What is not urgent, when the kernel has everything: what a start runs is written down, and memory is given back to
 * the host, which the tables would have to ask for again. */
static void after_kernel(struct daemon *d)
{
	daemon_generation_turn(d);
	if (d->trim_due)
		malloc_trim(0);
	d->trim_due = false;
}

/* Runs after all callbacks of a turn and before the loop sleeps: two hundred flips in one turn cost one batch. */
static void prepare_cb(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct daemon *d = w->data;
	(void)revents;
	d->more = false;                  /* what is said in this turn counts for the next one, whoever says it */
	(void)daemon_overrides_stored(d); /* who said it may have left before the answer */
	bool more = daemon_life_turn(d);
	more |= daemon_apply_turn(d);
	more |= daemon_kernel_turn(d);
	if (d->converged && d->traces->open)
		traces_close(d->traces, lb_clock_now());
	if (d->converged || d->kernel_error)
		after_kernel(d);
	daemon_env_refresh(d);
	daemon_track_turn(d);
	daemon_peer_turn(d);
	daemon_conn_turn(d);
	daemon_look_turn(d);
	daemon_waits_look(d, false);
	more |= daemon_both_turn(d);
	daemon_events_turn(d);
	daemon_talk_turn(d); /* last: it sends what all of these have said */
	d->changed = false;
	if (more)
		daemon_more(d);
	else if (!d->more)
		ev_idle_stop(loop, &d->idle);
}

static void idle_cb(struct ev_loop *loop, ev_idle *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

static void note_lag(struct daemon *d, struct lb_time now)
{
	int64_t late = lb_time_diff_us(now, d->ticked) - (int64_t)(TICK_S * 1e6);
	if (d->ticked.us)
		ctl_lag_add(&d->lag, late > 0 ? (uint32_t)late : 0);
	d->ticked = now;
}

/* libev hears of signals, and so of workers that ended, through a pipe of its own. Where the kernel did not watch that
 * pipe, nobody would ever know. This makes libev look by itself: then it ends the process, with its line, and the
 * service manager starts another; or it has an answer to it. */
static void wake_cb(struct ev_loop *loop, ev_async *w, int revents)
{
	(void)loop, (void)w, (void)revents;
}

/* Others may clear or replace our directories, and nobody tells us. */
static void look_at_places(struct daemon *d, struct lb_time now)
{
	if (lb_time_cmp(now, d->places_due) < 0)
		return;
	d->places_due = lb_time_add_ms(now, PLACES_MS);
	ctl_server_look(d->ctl);
	daemon_state_look(d, false);
}

static void tick_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct daemon *d = w->data;
	(void)loop;
	(void)revents;
	note_lag(d, lb_clock_now());
	ev_async_send(d->loop, &d->wake);
	daemon_kernel_tick(d);
	daemon_track_tick(d);
	daemon_peer_tick(d);
	daemon_sync_tick(d);
	daemon_words_tick(d);
	daemon_nft_turn(d);
	daemon_life_tick(d);
	daemon_state_tick(d);
	daemon_file_look(d);
	daemon_host_tick(d);
	look_at_places(d, lb_clock_now());
	daemon_log_tick(d, lb_clock_now());
	daemon_level_tick(d, lb_clock_now());
	d->env.rss_kib = lb_rss_kib();
	if (d->env.table_size == 0)
		(void)ipvs_io_info(d->kernel_io, &d->env.ipvs_version, &d->env.table_size);
}

static void deadline_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct daemon *d = w->data;
	(void)loop;
	(void)revents;
	struct lb_time now = lb_clock_now();
	daemon_override_deadline(d);
	daemon_deadline(d, model_tick(d->model, now));
	daemon_more(d);
}

static void wait_timer_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	daemon_waits_look(w->data, true);
}

static void watchdog_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
	notify_send("WATCHDOG=1");
}

/* ---- stopping ---- */

static void stop_now(struct daemon *d)
{
	ev_break(d->loop, EVBREAK_ALL);
}

/* Not while clients are sent here: without listeners their connections would be reset. The other node has the addresses
 * when ours have gone; one that does not let go of them in time does not keep us. */
static bool flushing(struct daemon *d, int64_t spent)
{
	if (d->flush.due && (daemon_vrrp_stopped(d) || spent > STOP_DEADLINE_MS)) {
		d->flush.due = false;
		daemon_kernel_flush(d);
	}
	return d->flush.due || d->flush.running;
}

static void flush_answer(struct daemon *d, enum lb_code code, const char *text)
{
	struct ctl_reply *r = d->flush.reply;
	d->flush.reply = NULL;
	if (r)
		ctl_reply_end(r, code, text, NULL);
}

void daemon_flushed(struct daemon *d, int err)
{
	char why[120] = "";
	bool none = err == -ENOPROTOOPT; /* a kernel without IPVS has nothing of ours, whatever it refused once */
	size_t refused = none ? 0 : ipvs_refused_listeners(d->ipvs);
	err = none ? 0 : err;
	if (err && ++d->flush.tries < FLUSH_TRIES) {
		d->flush.due = true;
		return;
	}
	if (err)
		snprintf(why, sizeof(why), "%s", strerror(-err));
	else if (refused)
		snprintf(why, sizeof(why), "the kernel refused to remove %zu", refused);
	if (why[0]) {
		lb_log(LB_LOG_ERROR, "daemon: services of ours are left in the kernel: %s", why);
		char text[200];
		snprintf(text, sizeof(text), "the daemon has stopped, but services of it are left in the kernel: %s",
			why);
		flush_answer(d, LB_CODE_FAILED, text);
	} else {
		lb_log(LB_LOG_NOTICE, "daemon: removed every service of ours from the kernel");
		flush_answer(d, LB_CODE_OK, "the daemon has stopped and removed its services from the kernel");
	}
	daemon_nft_flush(d);
	d->stopping_since = lb_clock_now(); /* what still ends has its time from here */
}

static void stop_timer_cb(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct daemon *d = w->data;
	(void)loop;
	(void)revents;
	/* answers that are still on their way get a moment, the workers their time to end */
	int64_t spent = lb_time_diff_us(lb_clock_now(), d->stopping_since) / 1000;
	if (flushing(d, spent))
		return;
	if (!daemon_talk_busy(d) || spent > TALK_DEADLINE_MS)
		daemon_sync_stop(d); /* not before who asked from the other node has the answer */
	bool waiting = ctl_server_pending(d->ctl) || !daemon_probe_stopped(d) || !daemon_vrrp_stopped(d) ||
		       !daemon_sync_stopped(d) || daemon_nft_busy(d);
	if (!waiting || spent > STOP_DEADLINE_MS)
		stop_now(d);
}

void daemon_exit(struct daemon *d, enum ctl_exit how)
{
	if (d->stopping)
		return;
	d->stopping = true;
	d->flush.due = how == CTL_EXIT_STOP_FLUSH;
	d->exit_status = how == CTL_EXIT_RESTART || how == CTL_EXIT_SIGNAL ? 0 : DAEMON_EXIT_STOP;
	const char *why = how == CTL_EXIT_RESTART      ? "restart"
			  : how == CTL_EXIT_STOP_FLUSH ? "flush"
						       : "the kernel keeps what it has";
	daemon_event(d, &(struct event){ .id = LB_EVENT_DAEMON_STOPPING, .reason = why }, "daemon: stopping (%s)", why);
	notify_send("STOPPING=1");
	daemon_apply_cancel(d);
	d->watching_ends = true; /* with what is told from here on until the loop sleeps */
	d->stopping_since = lb_clock_now();
	daemon_audit_stop(d);
	ev_timer_stop(d->loop, &d->tick);
	daemon_vrrp_stop(d, how != CTL_EXIT_RESTART); /* first: the other node takes over while the rest ends */
	daemon_probe_stop(d);
	daemon_state_look(d, true);
	daemon_state_retry(d); /* who starts again reads it */
	ev_timer_set(&d->stop_timer, 0.01, 0.02);
	ev_timer_start(d->loop, &d->stop_timer);
}

static void asker_gone(void *arg)
{
	struct daemon *d = arg;
	d->flush.reply = NULL;
}

void daemon_exit_flush(struct daemon *d, struct ctl_reply *r)
{
	if (d->stopping) {
		ctl_reply_end(r, LB_CODE_REFUSED, "the daemon is stopping already", NULL);
		return;
	}
	d->flush.reply = r;
	ctl_reply_hold(r, asker_gone, d);
	daemon_exit(d, CTL_EXIT_STOP_FLUSH);
}

static void term_cb(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct daemon *d = w->data;
	(void)loop;
	(void)revents;
	daemon_exit(d, CTL_EXIT_SIGNAL); /* status 0: the service manager knows that it asked */
}

static void hup_cb(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct daemon *d = w->data;
	(void)loop;
	(void)revents;
	d->reload_due = true; /* nobody waits for an answer: what is being loaded goes first */
	daemon_more(d);
}

/* keepalived writes a file for them, and scripts that were made for it go on sending them. */
static void usr_cb(struct ev_loop *loop, ev_signal *w, int revents)
{
	struct daemon *d = w->data;
	struct lb_time now = lb_clock_now();
	(void)loop;
	(void)revents;
	if (d->usr_told.us && lb_time_cmp(now, lb_time_add_ms(d->usr_told, USR_QUIET_MS)) < 0)
		return;
	d->usr_told = now;
	lb_log(LB_LOG_NOTICE,
		"daemon: SIG%s does nothing here: lbctl status, lbctl service stats and lbctl config show tell what "
		"runs",
		w->signum == SIGUSR1 ? "USR1" : "USR2");
}

/* ---- starting ---- */

static void dispatch(struct ctl_request *rq, struct ctl_reply *r, void *arg)
{
	struct daemon *d = arg;
	daemon_env_refresh(d);
	d->env.requests[rq->peer->level]++;
	ctl_cmd(&d->env, rq, r);
}

static void ctl_warn(const char *text, void *arg)
{
	(void)arg;
	lb_log(LB_LOG_WARNING, "control: %s", text);
}

static void ctl_fail(const char *text, void *arg)
{
	(void)arg;
	lb_log(LB_LOG_ERROR, "control: %s", text);
}

static int start_ctl(struct daemon *d)
{
	struct lb_err e;
	/* a reload frees the configuration that they come from */
	snprintf(d->groups[0], sizeof(d->groups[0]), "%s", d->model->config->admin_group);
	snprintf(d->groups[1], sizeof(d->groups[1]), "%s", d->model->config->observe_group);
	const struct ctl_server_config config = {
		.dir = d->opt->run_dir,
		.admin_group = d->groups[0],
		.observe_group = d->groups[1],
		.version = LBD_VERSION,
		.node = d->node,
		.dispatch = dispatch,
		.warn = ctl_warn,
		.fail = ctl_fail,
		.arg = d,
	};
	d->ctl = ctl_server_new(d->loop, &config, &e);
	if (d->ctl)
		return 0;
	lb_log(LB_LOG_ERROR, "control: %s", e.text);
	return -1;
}

static void start_signal(struct daemon *d, ev_signal *w, void (*cb)(struct ev_loop *, ev_signal *, int), int sig)
{
	ev_signal_init(w, cb, sig);
	w->data = d;
	ev_signal_start(d->loop, w);
}

static void start_watchers(struct daemon *d)
{
	ev_prepare_init(&d->prepare, prepare_cb);
	ev_idle_init(&d->idle, idle_cb);
	ev_timer_init(&d->tick, tick_cb, TICK_S, TICK_S);
	ev_timer_init(&d->deadline, deadline_cb, 0., 0.);
	ev_timer_init(&d->audit_timer, daemon_audit_cb, TICK_S, 0.);
	ev_timer_init(&d->wait_timer, wait_timer_cb, 0., 0.);
	ev_timer_init(&d->stop_timer, stop_timer_cb, 0., 0.);
	ev_timer_init(&d->watchdog, watchdog_cb, 0., 0.);
	d->prepare.data = d->idle.data = d->tick.data = d->deadline.data = d->audit_timer.data = d->wait_timer.data =
		d->stop_timer.data = d->watchdog.data = d;
	start_signal(d, &d->sigterm, term_cb, SIGTERM);
	start_signal(d, &d->sigint, term_cb, SIGINT);
	start_signal(d, &d->sighup, hup_cb, SIGHUP);
	start_signal(d, &d->sigusr1, usr_cb, SIGUSR1);
	start_signal(d, &d->sigusr2, usr_cb, SIGUSR2);
	ev_async_init(&d->wake, wake_cb);
	ev_async_start(d->loop, &d->wake);
	ev_prepare_start(d->loop, &d->prepare);
	ev_timer_start(d->loop, &d->tick);
	ev_timer_start(d->loop, &d->audit_timer);
	double every = notify_watchdog_interval();
	if (every > 0) {
		ev_timer_set(&d->watchdog, every, every);
		ev_timer_start(d->loop, &d->watchdog);
	}
}

static void name_node(struct daemon *d)
{
	if (d->opt->node && d->opt->node[0])
		snprintf(d->node, sizeof(d->node), "%s", d->opt->node);
	else if (gethostname(d->node, sizeof(d->node) - 1))
		snprintf(d->node, sizeof(d->node), "localhost");
	else
		d->node[strcspn(d->node, ".")] = '\0';
}

static bool new_parts(struct daemon *d)
{
	d->loop = ev_default_loop(EVFLAG_AUTO);
	d->overrides = overrides_new();
	d->words = override_words_new();
	d->history = history_new(HISTORY_RECORDS);
	d->traces = calloc(1, sizeof(*d->traces));
	d->runs = ctl_runs_new();
	d->failovers = ctl_failovers_new();
	d->conns = ctl_conns_new();
	d->events = events_new(EVENTS_KEPT);
	d->watches = ctl_watches_new();
	d->alarms = json_object();
	return d->loop && d->overrides && d->words && d->history && d->traces && d->runs && d->failovers && d->conns &&
	       d->events && d->watches && d->alarms && daemon_talk_start(d) == 0;
}

/* 0, or -errno; -1: it has been said why. */
static int start(struct daemon *d)
{
	if (!new_parts(d))
		return -ENOMEM;
	name_node(d);
	host_kernel(d->kernel_release);
	d->pid = getpid();
	d->started = lb_clock_now();
	d->started_wall_ms = lb_clock_wall_ms();
	d->next_target_id = 1;
	start_watchers(d);
	int err;
	if ((err = daemon_state_start(d)) || (err = daemon_kernel_start(d)) || (err = daemon_model_first(d)))
		return err;
	d->env = (struct ctl_env){ .node = d->node,
		.version = LBD_VERSION,
		.config_path = d->opt->config,
		.state_dir = d->opt->state_dir,
		.pid = d->pid,
		.started = d->started,
		.started_wall_ms = d->started_wall_ms,
		.kernel = d->kernel_release,
		.rss_kib = lb_rss_kib(),
		.history = d->history,
		.traces = d->traces,
		.runs = d->runs,
		.failovers = d->failovers,
		.conns = d->conns,
		.events = d->events,
		.watches = d->watches,
		.lag = &d->lag,
		.applied_wall_ms = d->env.applied_wall_ms,
		.vrrps = &d->vrrp.all,
		.peers = &d->peer.all,
		.sync = &d->sync.all,
		.life = &d->life.life,
		.life_note = d->life.note,
		.host_note = d->host_note,
		.talk = d->talk.talk,
		.remote = d->talk.remote,
		.ops = &daemon_ctl_ops,
		.arg = d };
	(void)ipvs_io_info(d->kernel_io, &d->env.ipvs_version, &d->env.table_size);
	daemon_env_refresh(d);
	if (start_ctl(d))
		return -1;
	daemon_metrics_model(d);
	daemon_probe_start(d);
	daemon_sync_start(d);
	daemon_vrrp_start(d);
	daemon_override_deadline(d);
	daemon_more(d);
	return 0;
}

static void finish(struct daemon *d)
{
	if (d->overrides_due || d->overrides_late)
		(void)daemon_overrides_save(d);
	daemon_probe_done(d);
	daemon_vrrp_done(d);
	daemon_sync_done(d);
	daemon_nft_done(d);
	daemon_metrics_done(d);
	if (d->ctl)
		ctl_server_free(d->ctl);
	daemon_text_done(&d->unstored);
	daemon_talk_done(d);
	daemon_both_done(d);
	daemon_life_done(d);
	lb_vec_foreach (w, &d->waits)
		free(*w);
	lb_vec_done(&d->waits);
	lb_vec_done(&d->drops);
	ipvs_row_done(&d->row);
	model_free(d->model);
	overrides_free(d->overrides);
	override_words_free(d->words);
	history_free(d->history);
	free(d->traces);
	ctl_runs_free(d->runs);
	ctl_failovers_free(d->failovers);
	ctl_conns_free(d->conns);
	ctl_watches_free(d->watches);
	events_free(d->events);
	json_decref(d->alarms);
	ipvs_free(d->ipvs);
	ipvs_io_free(d->kernel_io);
	lb_text_done(&d->owned_pending);
	free(d->last_reject);
	if (d->owned_fd >= 0)
		close(d->owned_fd);
	if (d->state_dir >= 0)
		close(d->state_dir);
}

int daemon_run(const struct daemon_options *opt)
{
	static struct daemon d; /* zeroed, and too large for a stack that a sanitizer watches */
	d.opt = opt;
	d.owned_fd = d.state_dir = -1;
	d.exit_status = 1;
	int err = start(&d);
	if (err) {
		lb_log(LB_LOG_ERROR, "daemon: not started: %s", err == -1 ? "see above" : strerror(-err));
	} else {
		daemon_event(&d, &(struct event){ .id = LB_EVENT_DAEMON_STARTED },
			"daemon: started (lbd %s, node %s, generation %u, services %u, backends %u)", LBD_VERSION,
			d.node, d.generation, d.model->n_services, d.model->n_backends);
		notify_send("READY=1");
		ev_run(d.loop, 0);
		daemon_generation_first_store(&d); /* of one that did not start nothing is stored */
	}
	finish(&d);
	ev_loop_destroy(d.loop);
	return d.exit_status;
}
