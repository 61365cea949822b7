/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_sched.h"

uint64_t check_rand(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int64_t grid(uint32_t interval_ms)
{
	return interval_ms >= CHECK_GRID_FROM_MS ? CHECK_GRID_US : 1;
}

static struct lb_time on_grid(int64_t us, uint32_t interval_ms, struct lb_time now)
{
	us -= us % grid(interval_ms);
	return (struct lb_time){ us < now.us ? now.us : us };
}

struct lb_time check_sched_first(uint32_t interval_ms, struct lb_time now, uint64_t *rand)
{
	uint64_t span = (uint64_t)interval_ms * 1000;
	return on_grid(now.us + (int64_t)(check_rand(rand) % span), interval_ms, now);
}

int64_t check_sched_step_us(enum check_type type)
{
	static const int64_t other[CHECK_TYPE_COUNT] = { [CHECK_TYPE_TLS] = CHECK_TURN_TLS_US,
		[CHECK_TYPE_HTTPS] = CHECK_TURN_TLS_US,
		[CHECK_TYPE_SMTP] = CHECK_TURN_TLS_US, /* these mostly with TLS */
		[CHECK_TYPE_IMAP] = CHECK_TURN_TLS_US,
		[CHECK_TYPE_POP3] = CHECK_TURN_TLS_US,
		[CHECK_TYPE_LDAP] = CHECK_TURN_TLS_US,
		[CHECK_TYPE_FTP] = CHECK_TURN_TLS_US,
		[CHECK_TYPE_SCRIPT] = CHECK_TURN_SCRIPT_US };
	return other[type] ? other[type] : CHECK_TURN_US;
}

struct lb_time check_sched_new(
	struct lb_time *turn, int64_t step_us, uint32_t interval_ms, struct lb_time now, uint64_t *rand)
{
	struct lb_time mine = { turn->us + step_us };
	if (lb_time_cmp(mine, now) < 0)
		mine = now;
	if (lb_time_diff_us(mine, now) >= (int64_t)interval_ms * 1000)
		return check_sched_first(interval_ms, now, rand);
	*turn = mine;
	return on_grid(mine.us, interval_ms, now);
}

struct lb_time check_sched_next(struct lb_time due, uint32_t interval_ms, struct lb_time now, uint64_t *rand)
{
	int64_t step = (int64_t)interval_ms * 1000, passed = lb_time_diff_us(now, due) / step;
	/* drawn from a range that is shorter by what rounding down may add */
	uint64_t sooner = check_rand(rand) % (uint64_t)(step / 10 + 2 - grid(interval_ms));
	if (passed < 0)
		passed = 0;
	return on_grid(due.us + (passed + 1) * step - (int64_t)sooner, interval_ms, now);
}
