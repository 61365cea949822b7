/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alarms: what is raised, and what of that has been told. Who raises one may tell of it at once, where it happens. What
 * nobody tells of is told by comparing: alarms that are read off a state, and those whose owner is not there any more
 * (an instance that left the configuration, a process that ended). */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* What is raised: strings that begin with a word of lb_alarms, then maybe ": what about". */
json_t *ctl_alarms(const struct ctl_env *env);

/* An alarm of an object was told as raised, or as over. told is an object that the caller keeps. -1: no memory. */
int ctl_alarm_told(json_t *told, const char *name, const char *object, bool on);

#define CTL_ALARM_NAME 40
#define CTL_ALARM_LINE 600
struct ctl_alarm_news {
	bool on;
	char name[CTL_ALARM_NAME];
	char line[CTL_ALARM_LINE]; /* its object stands before ": " */
};
/* The next thing in which told and what is raised differ, as a line; it counts as told then. False: nothing more, or no
 * memory for it. */
bool ctl_alarm_next(json_t *told, const json_t *raised, struct ctl_alarm_news *out);
