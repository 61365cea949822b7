/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of states, causes and alarms. */
#include "lbd/vrrp/vrrp_fsm.h"

const char *const vrrp_state_names[] = {
	[VRRP_STATE_INIT] = "init",
	[VRRP_STATE_BACKUP] = "backup",
	[VRRP_STATE_MASTER] = "master",
	[VRRP_STATE_FAULT] = "fault",
};
_Static_assert(sizeof(vrrp_state_names) / sizeof(vrrp_state_names[0]) == VRRP_STATE_COUNT, "one word per state");

const char *const vrrp_causes[] = {
	[VRRP_CAUSE_STARTED] = "started",
	[VRRP_CAUSE_NO_ADVERT] = "no_advert",
	[VRRP_CAUSE_LEFT] = "left",
	[VRRP_CAUSE_PLANNED] = "planned",
	[VRRP_CAUSE_BETTER] = "better",
	[VRRP_CAUSE_PEER] = "peer",
	[VRRP_CAUSE_FAULT] = "fault",
	[VRRP_CAUSE_RECOVERED] = "recovered",
	[VRRP_CAUSE_RESIGNED] = "resigned",
	[VRRP_CAUSE_GROUP] = "group",
	[VRRP_CAUSE_LATE] = "late",
	[VRRP_CAUSE_STOPPED] = "stopped",
	[VRRP_CAUSE_RESUMED] = "resumed",
};
_Static_assert(sizeof(vrrp_causes) / sizeof(vrrp_causes[0]) == VRRP_CAUSE_COUNT, "one word per cause");

const char *const vrrp_alarms[] = {
	[VRRP_ALARM_TWO_MASTERS] = "two_masters",
	[VRRP_ALARM_PATH_DOWN] = "vrrp_path_down",
	[VRRP_ALARM_SAME_ADDRESS] = "same_address",
	[VRRP_ALARM_TWO_OWNERS] = "two_owners",
	[VRRP_ALARM_AUTH_FAILED] = "auth_failed",
	[VRRP_ALARM_ADDRESSES_DIFFER] = "addresses_differ",
	[VRRP_ALARM_INTERVAL_DIFFERS] = "interval_differs",
	[VRRP_ALARM_UNKNOWN_OWNER] = "unknown_owner",
	[VRRP_ALARM_DUPLICATE] = "duplicate_address",
	[VRRP_ALARM_NO_VIRTUAL_MAC] = "no_virtual_mac",
	[VRRP_ALARM_UNSENT] = "adverts_unsent",
	[VRRP_ALARM_REFUSED] = "address_refused",
};
_Static_assert(sizeof(vrrp_alarms) / sizeof(vrrp_alarms[0]) == VRRP_ALARM_COUNT, "one word per alarm");
