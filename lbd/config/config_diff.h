/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two configurations, object by object, in the order people read: services, backends, checks,
 * VRRP instances, the rest. Pure; O(n) over both trees since services are sorted by name. */
#pragma once

#include "lbd/config/config.h"

enum config_change_op { CONFIG_CHANGE_ADD, CONFIG_CHANGE_CHANGE, CONFIG_CHANGE_REMOVE };

struct config_change {
	enum config_change_op op;
	char object[160]; /* "service/web", "backend/web/app1", "check/app", "vrrp/wan4", "peer/lb-a", "log" */
	const char *key;  /* "weight" for a change of one key, "" for a whole object; static */
	char before[96], after[96]; /* values as text, "" when not applicable; cut with "..." */
	bool secret;                /* they are not for who may only look */
};

/* Calls fn for each change. a may be NULL (nothing before). Returns the number of changes, -ENOMEM. */
typedef void config_diff_fn(const struct config_change *ch, void *arg);
long config_diff(const struct config *a, const struct config *b, config_diff_fn *fn, void *arg);
