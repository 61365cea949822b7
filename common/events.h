/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of events and of alarms. An event is one change of state: never one per packet, never one per probe. The
 * daemon writes it into its log, keeps it in memory and sends it to who watches; lbctl takes the words from here.
 */
#pragma once

#include "common/log.h"

#include <stddef.h>

enum lb_event_id {
	LB_EVENT_DAEMON_STARTED,
	LB_EVENT_DAEMON_STOPPING,
	LB_EVENT_WORKER_STARTED,
	LB_EVENT_WORKER_EXITED,
	LB_EVENT_CONFIG_APPLIED,
	LB_EVENT_CONFIG_REJECTED,
	LB_EVENT_CONFIG_PENDING,
	LB_EVENT_CONFIG_CONFIRMED,
	LB_EVENT_CONFIG_ROLLED_BACK,
	LB_EVENT_CONFIG_BOTH,
	LB_EVENT_CONFIG_STATE,
	LB_EVENT_CONFIG_NOT_MARKED,
	LB_EVENT_CONFIG_DAMAGED,
	LB_EVENT_CONFIG_START,
	LB_EVENT_OVERRIDE_SET,
	LB_EVENT_OVERRIDE_EXPIRED,
	LB_EVENT_OPERATOR,
	LB_EVENT_SERVICE_STATUS,
	LB_EVENT_BACKEND_HEALTH,
	LB_EVENT_BACKEND_ADMIN,
	LB_EVENT_BACKEND_WEIGHT,
	LB_EVENT_CHECK_CHANGED,
	LB_EVENT_VRRP_STATE,
	LB_EVENT_VRRP_TRACK,
	LB_EVENT_VRRP_MOVED,
	LB_EVENT_SYNC_STATE,
	LB_EVENT_SYNC_RESYNC,
	LB_EVENT_SYNC_TROUBLE,
	LB_EVENT_PEER_STATE,
	LB_EVENT_HOOK_RAN,
	LB_EVENT_HOOK_FAILED,
	LB_EVENT_HOOK_DROPPED,
	LB_EVENT_CONN_CUT,
	LB_EVENT_KERNEL_DRIFT,
	LB_EVENT_KERNEL_REFUSED,
	LB_EVENT_ALARM_RAISED,
	LB_EVENT_ALARM_CLEARED,
	LB_EVENT_LOST
};
#define LB_EVENT_COUNT (LB_EVENT_LOST + 1)

struct lb_event {
	const char *name;        /* "backend.health": KIND.WHAT */
	enum lb_log_level level; /* unless it says another one: what goes down is a warning */
	const char *id;          /* MESSAGE_ID of the journal: 32 hexadecimal digits, never changed, never used again */
	const char *help;
};

extern const struct lb_event lb_events[LB_EVENT_COUNT];

/* Every kind ("backend") and every name ("backend.health"), each once, then NULL: what can be asked for. */
extern const char *const lb_event_words[];

/* Whether the event belongs to such a word. */
int lb_event_is(enum lb_event_id id, const char *word);

struct lb_alarm {
	const char *name; /* "two_masters" */
	const char *help;
	const char *mend; /* a line that ends it, or that shows why it is */
};

extern const struct lb_alarm lb_alarms[];
extern const size_t lb_alarms_n;

/* Whether a raised one, "NAME" or "NAME: what about", is of that name. */
int lb_alarm_is(const char *raised, const char *name);
