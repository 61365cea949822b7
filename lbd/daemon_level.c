/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much is logged, by part: what the configuration says, or an operator for a while. The parts that are rooms are
 * told; lines of the core are sorted by what they are about (lb_log_part_of). */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"

static enum lb_log_level configured(const struct daemon *d)
{
	return d->opt->level_set || !d->model ? d->opt->level : d->model->config->log_level;
}

enum lb_log_level daemon_level(const struct daemon *d, enum lb_log_part part)
{
	return d->levels[part].given ? d->levels[part].level : configured(d);
}

void daemon_level_hold(struct daemon *d)
{
	lb_log_set_part(LB_LOG_OTHER, configured(d));
	for (int i = 0; i < LB_LOG_PARTS; i++)
		lb_log_set_part((enum lb_log_part)i, daemon_level(d, (enum lb_log_part)i));
	daemon_probe_log_level(d, daemon_level(d, LB_LOG_CHECK));
	daemon_vrrp_log_level(d, daemon_level(d, LB_LOG_VRRP));
	daemon_sync_log_level(d, daemon_level(d, LB_LOG_SYNC));
}

void daemon_level_set(struct daemon *d, enum lb_log_part part, enum lb_log_level level, int64_t for_ms)
{
	d->levels[part] =
		(struct daemon_level){ true, level, for_ms ? lb_time_add_ms(lb_clock_now(), for_ms) : LB_TIME_NEVER,
			for_ms ? lb_clock_wall_ms() + for_ms : 0 };
	daemon_level_hold(d);
}

void daemon_level_clear(struct daemon *d, enum lb_log_part part)
{
	d->levels[part] = (struct daemon_level){ 0 };
	daemon_level_hold(d);
}

void daemon_level_tick(struct daemon *d, struct lb_time now)
{
	for (int i = 0; i < LB_LOG_PARTS; i++) {
		const struct daemon_level *l = &d->levels[i];
		if (!l->given || lb_time_cmp(now, l->until) < 0)
			continue;
		daemon_level_clear(d, (enum lb_log_part)i);
		lb_log(LB_LOG_NOTICE, "log/%s: level %s again: the time of --for is over", lb_log_part_names[i],
			lb_log_level_name(daemon_level(d, (enum lb_log_part)i)));
	}
}
