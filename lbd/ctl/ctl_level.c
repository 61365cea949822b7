/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_level.h"

#include "common/time.h"
#include "lbd/ctl/ctl_rows.h"

#include <stdio.h>
#include <string.h>

static json_t *level_row(struct ctl_env *env, enum lb_log_part part)
{
	struct ctl_level_info l;
	env->ops->level_get(env->arg, part, &l);
	json_t *row = json_pack("{s:s, s:s, s:s}", "subsystem", lb_log_part_names[part], "level",
		lb_log_level_name(l.level), "configured", lb_log_level_name(l.configured));
	if (l.given && l.until_wall_ms) {
		int64_t left = l.until_wall_ms - env->ops->wall_ms(env->arg);
		ctl_put(row, "left", ctl_seconds(left > 0 ? left : 0));
		ctl_put(row, "expires", ctl_time(l.until_wall_ms));
	}
	return row;
}

static void change(struct ctl_env *env, struct ctl_request *rq, enum lb_log_part part, const char *level)
{
	int value = lb_log_level_parse(level, strlen(level));
	if (value < 0) /* the table of commands takes nothing else but auto */
		env->ops->level_clear(env->arg, part);
	else
		env->ops->level_set(env->arg, part, (enum lb_log_level)value, ctl_arg_ms(rq, "for"));
}

static void closing_line(struct ctl_request *rq, const char *which, const char *level, struct ctl_reply *r)
{
	char text[200], d[LB_DURATION_STRLEN];
	int64_t ms = ctl_arg_ms(rq, "for");
	if (!which || strcmp(which, "all") == 0)
		which = "everything";
	if (strcmp(level, "auto") == 0)
		snprintf(text, sizeof(text), "%s is logged as the configuration says", which);
	else if (ms)
		snprintf(text, sizeof(text), "%s is logged at level %s for %s, then as the configuration says", which,
			level, lb_duration_str(ms, d));
	else
		snprintf(text, sizeof(text), "%s is logged at level %s, until it is set to auto or the daemon ends",
			which, level);
	ctl_reply_end(r, LB_CODE_OK, text, NULL);
}

void ctl_log_level(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r)
{
	const char *which = ctl_arg_str(rq, "subsystem"), *level = ctl_arg_str(rq, "level");
	for (int i = 0; i < LB_LOG_PARTS; i++) {
		if (which && strcmp(which, "all") != 0 && strcmp(which, lb_log_part_names[i]) != 0)
			continue;
		if (level)
			change(env, rq, (enum lb_log_part)i, level);
		ctl_reply_row(r, level_row(env, (enum lb_log_part)i));
	}
	if (level)
		closing_line(rq, which, level, r);
	else
		ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}
