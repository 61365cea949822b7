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
	const char *before, *after; /* values as text, "" when not applicable; borrowed for the call; see below */
	bool secret;                /* they are not for who may only look */
};

/* A value is whole, also a list of thousands, as long as it fits into an answer and all of a difference into memory:
 * longer ones, and long ones behind so much, are cut with "...", to where the two differ. */
#define CONFIG_DIFF_VALUE_MAX (128u * 1024u) /* twice that, escaped, is half of LB_PROTO_LINE_MAX */
#define CONFIG_DIFF_WHOLE_MAX (16u * 1024u * 1024u)
#define CONFIG_DIFF_VALUE_MIN 96u

/* Calls fn for each change. a may be NULL (nothing before). Returns the number of changes, -ENOMEM. */
typedef void config_diff_fn(const struct config_change *ch, void *arg);
long config_diff(const struct config *a, const struct config *b, config_diff_fn *fn, void *arg);
