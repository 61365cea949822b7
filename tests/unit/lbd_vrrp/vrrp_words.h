/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events and actions of the VRRP state machine as words, so that a test reads as a story:
 *
 *   1000 start; 2000 advert 150 1; 5218.75 timer          milliseconds, event, what it carries
 *   advert 100, addrs on, announce, backup no_advert      what came out ("backup": the state before; then the cause)
 *
 *   advert PRIO HOST [CS]   from 10.9.0.HOST, interval 100 cs       prio N      source HOST      fault, ok      resign
 *   arm MS                  peer MS PRIO HOST (is master for MS), nopeer PRIO HOST      join
 *   yield MS, leave MS (with priority 0)      rules WORDS (as words_rules)      slept MS      start, timer, stop
 */
#pragma once

#include "lbd/vrrp/vrrp_fsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WORDS_BASE_US 1000000000 /* what the tests call 0: a clock is never at its own zero */

static inline struct lb_time words_time(double ms)
{
	return (struct lb_time){ WORDS_BASE_US + (int64_t)(ms * 1000 + (ms < 0 ? -0.5 : 0.5)) };
}

static inline struct lb_ip words_ip(unsigned host)
{
	return host ? (struct lb_ip){ .family = AF_INET, .b = { 10, 9, 0, (uint8_t)host } } : (struct lb_ip){ 0 };
}

/* "v2 interval=100 nopreempt delay=5000 startup=2000 prio=200 source=3 held": what is not named stays. */
static inline bool words_rules(struct vrrp *v, const char *words)
{
	char text[128], *save = NULL;
	snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(w, '=');
		long n = eq ? strtol(eq + 1, NULL, 10) : 0;
		if (strcmp(w, "v2") == 0)
			v->rules.version = 2;
		else if (strcmp(w, "preempt") == 0 || strcmp(w, "nopreempt") == 0)
			v->rules.preempt = w[0] == 'p';
		else if (strcmp(w, "held") == 0)
			v->held = true;
		else if (strncmp(w, "interval=", 9) == 0)
			v->rules.interval_cs = (uint32_t)n;
		else if (strncmp(w, "delay=", 6) == 0)
			v->rules.preempt_delay_ms = n;
		else if (strncmp(w, "startup=", 8) == 0)
			v->rules.startup_delay_ms = n;
		else if (strncmp(w, "prio=", 5) == 0)
			v->prio = (uint8_t)n;
		else if (strncmp(w, "source=", 7) == 0)
			v->source = words_ip((unsigned)n);
		else
			return false;
	}
	return true;
}

/* A new instance: version 3, 100 cs, priority 100, preempting, 10.9.0.2; and what the words change. */
static inline bool words_vrrp(struct vrrp *v, const char *words)
{
	*v = (struct vrrp){ .rules = { .version = 3, .interval_cs = 100, .preempt = true }, .prio = 100 };
	v->source = words_ip(2);
	return words_rules(v, words);
}

/* One event; the words of "rules" go into v. */
static inline bool words_event(const char *text, struct vrrp *v, struct vrrp_event *ev)
{
	static const char *const names[VRRP_EVENT_COUNT] = {
		[VRRP_EVENT_START] = "start",
		[VRRP_EVENT_TIMER] = "timer",
		[VRRP_EVENT_ADVERT] = "advert",
		[VRRP_EVENT_PRIO] = "prio",
		[VRRP_EVENT_SOURCE] = "source",
		[VRRP_EVENT_FAULT] = "fault",
		[VRRP_EVENT_RESIGN] = "resign",
		[VRRP_EVENT_ARM] = "arm",
		[VRRP_EVENT_PEER] = "peer",
		[VRRP_EVENT_JOIN] = "join",
		[VRRP_EVENT_YIELD] = "yield",
		[VRRP_EVENT_RULES] = "rules",
		[VRRP_EVENT_SLEPT] = "slept",
		[VRRP_EVENT_STOP] = "stop",
	};
	char name[16];
	unsigned n[3] = { 0, 0, 100 };
	int at = 0;
	if (sscanf(text, "%15s%n %u %u %u", name, &at, &n[0], &n[1], &n[2]) < 1)
		return false;
	*ev = (struct vrrp_event){ .on = strcmp(name, "fault") == 0 || strcmp(name, "peer") == 0 };
	if (strcmp(name, "resume") == 0) {
		*ev = (struct vrrp_event){ .type = VRRP_EVENT_START, .on = true };
		return true;
	}
	if (strcmp(name, "nopeer") == 0) {
		*ev = (struct vrrp_event){ .type = VRRP_EVENT_PEER, .prio = (uint8_t)n[0], .from = words_ip(n[1]) };
		return true;
	}
	if (strcmp(name, "ok") == 0 || strcmp(name, "leave") == 0) {
		ev->type = name[0] == 'o' ? VRRP_EVENT_FAULT : VRRP_EVENT_YIELD;
		ev->on = name[0] == 'l';
		ev->for_ms = n[0];
		return true;
	}
	for (unsigned i = 0; i < VRRP_EVENT_COUNT; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		ev->type = (enum vrrp_event_type)i;
		if (i == VRRP_EVENT_ADVERT || i == VRRP_EVENT_PRIO)
			ev->prio = (uint8_t)n[0];
		if (i == VRRP_EVENT_ADVERT)
			ev->interval_cs = n[2];
		if (i == VRRP_EVENT_ADVERT || i == VRRP_EVENT_SOURCE)
			ev->from = words_ip(i == VRRP_EVENT_ADVERT ? n[1] : n[0]);
		if (i == VRRP_EVENT_ARM || i == VRRP_EVENT_PEER || i == VRRP_EVENT_YIELD || i == VRRP_EVENT_SLEPT)
			ev->for_ms = n[0];
		if (i == VRRP_EVENT_PEER) {
			ev->prio = (uint8_t)n[1];
			ev->from = words_ip(n[2]);
		}
		return i != VRRP_EVENT_RULES || words_rules(v, text + at);
	}
	return false;
}

/* Appends one action to the text in out. */
static inline void words_act(const struct vrrp_act *a, char *out, size_t size)
{
	char text[40] = "?";
	switch (a->type) {
	case VRRP_ACT_ADVERT: snprintf(text, sizeof(text), "advert %u", a->prio); break;
	case VRRP_ACT_ADDRS: snprintf(text, sizeof(text), "addrs %s", a->on ? "on" : "off"); break;
	case VRRP_ACT_ANNOUNCE: snprintf(text, sizeof(text), "announce"); break;
	case VRRP_ACT_REPORT:
		snprintf(text, sizeof(text), "%s %s", vrrp_state_names[a->was], vrrp_causes[a->cause]);
		break;
	case VRRP_ACT_ALARM: snprintf(text, sizeof(text), "%s %s", vrrp_alarms[a->alarm], a->on ? "on" : "off"); break;
	}
	size_t n = strlen(out);
	snprintf(out + n, size - n, "%s%s", n && out[n - 1] != ' ' ? ", " : "", text);
}
