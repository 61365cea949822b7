/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_hook_io.h"

#include "common/clock_io.h"
#include "lbd/check/check_path_io.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_script.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

static void send_done(struct check_hook *h, uint32_t id, const struct check_result *r, int64_t took_us)
{
	struct check_msg m = { .type = CHECK_MSG_HOOK_DONE };
	m.u.hook_done.id = id;
	m.u.hook_done.result = *r;
	m.u.hook_done.result.latency_us = took_us < 0 ? 0 : took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;
	h->send(&m, h->arg);
}

static void on_ended(void *arg)
{
	struct check_hook *h = arg;
	static const struct check_spec plain; /* no weight is wanted of it */
	const struct check_script_said said = check_program_said(&h->program);
	struct check_result r = { 0 };
	h->ended = h->ended || (!h->expired && check_program_report(&h->program, &h->end));
	if (h->ended)
		check_script_result(&plain, &h->end, &said, &r);
	else if (h->expired)
		check_script_text(&r, CHECK_CODE_PROCTOUT, "killed at the deadline", &said);
	else
		check_result_set(&r, CHECK_CODE_SOCKERR, "its keeper was killed");
	check_hook_close(h);
	send_done(h, h->id, &r, lb_time_diff_us(lb_clock_now(), h->started));
}

/* It may have ended while something that it started sleeps in the kernel: that does not change its word. */
static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct check_hook *h = (struct check_hook *)((char *)timer - offsetof(struct check_hook, timer));
	int64_t left_us = lb_time_diff_us(h->deadline, lb_clock_now());
	if (left_us > 0) { /* a timer counts from the loop's time, which may have been old when it was armed */
		ev_timer_set(timer, (double)left_us / 1e6, 0.0);
		ev_timer_start(loop, timer);
		return;
	}
	h->ended = check_program_report(&h->program, &h->end);
	h->expired = !h->ended;
	check_program_kill(&h->program);
}

static int start(struct check_hook *h, const struct check_msg_hook_run *run, int program)
{
	struct check_msg_hook_run own = *run; /* an argument vector is not const */
	char *argv[CHECK_HOOK_ARGS + 2] = { own.path };
	for (uint32_t i = 0; i < own.n_args; i++)
		argv[i + 1] = own.args[i];
	return check_program_start(&h->program, program, argv, on_ended, h);
}

void check_hook_init(struct check_hook *h)
{
	ev_init(&h->timer, on_timer);
	check_program_init(&h->program, h->loop);
}

void check_hook_run(struct check_hook *h, const struct check_msg_hook_run *run)
{
	struct check_result r = { 0 };
	if (h->runs) {
		check_result_set(&r, CHECK_CODE_SOCKERR, "the one before has not ended");
		send_done(h, run->id, &r, 0);
		return;
	}
	int program = check_path_open(run->path, &r);
	if (program < 0) {
		send_done(h, run->id, &r, 0);
		return;
	}
	check_program_init(&h->program, h->loop);
	int rc = start(h, run, program);
	close(program);
	if (rc) {
		check_program_close(&h->program);
		check_result_errno(&r, CHECK_CODE_SOCKERR, -rc);
		send_done(h, run->id, &r, 0);
		return;
	}
	h->runs = true;
	h->ended = h->expired = false;
	h->id = run->id;
	h->started = lb_clock_now();
	h->deadline = lb_time_add_ms(h->started, run->timeout_ms);
	ev_timer_set(&h->timer, run->timeout_ms / 1e3, 0.0);
	ev_timer_start(h->loop, &h->timer);
}

void check_hook_close(struct check_hook *h)
{
	ev_timer_stop(h->loop, &h->timer);
	check_program_close(&h->program);
	h->runs = false;
}
