/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an instance, or its group, tracks: interfaces, scripts, processes. */
#include "lbd/import/ka.h"

#include <string.h>

#define SECOND       INT64_C(1000000)
#define INTERVAL_MIN SECOND / 10
#define WEIGHT_LIMIT 253
#define ONE_NAME                                                                                                       \
	"track: process takes a name of at most 15 characters, and one process is enough; otherwise use a check of "   \
	"type script, with ProtectProc=default in a drop-in of lbd's unit"
#define IN_GROUP "counts none in a member of a sync group, unless the group says sync_group_tracking_weight"

/* "NAME weight N [reverse]": the weight, or what it is without. Returns whether lbd has it. */
static bool weight_of(struct ka *k, const struct ka_node *n, size_t from, int64_t absent, int64_t *weight)
{
	*weight = absent;
	for (size_t i = from; i < n->n; i++) {
		const char *w = n->w[i];
		if (strcmp(w, "weight") == 0 && i + 1 < n->n) {
			if (ka_parse_num(n->w[++i], -254, 254, weight)) {
				imp_say(k->im, &n->at, IMP_ERROR, "weight %s is not a number -254 to 254",
					imp_shown(k->im, n->w[i]));
				return false;
			}
		} else if (strcmp(w, "reverse") == 0) {
			imp_say(k->im, &n->at, IMP_LOST, "reverse: lbd tracks what works, not what fails");
			return false;
		} else if (strcmp(w, "noreverse") != 0 && strcmp(w, "no_reverse") != 0) {
			imp_say(k->im, &n->at, IMP_ERROR, "unknown word '%s'", imp_shown(k->im, w));
		}
	}
	*weight = *weight > WEIGHT_LIMIT ? WEIGHT_LIMIT : *weight < -WEIGHT_LIMIT ? -WEIGHT_LIMIT : *weight;
	return true;
}

static void put(struct ka *k, struct y *instance, const char *key, const char *value, int64_t weight)
{
	struct y *list = y_find(instance, "track");
	if (!list) {
		list = y_list(k->im, instance, "track");
		list->flow = false;
	}
	for (const struct y *y = list->child; y; y = y->next)
		if (strcmp(y->child->key, key) == 0 && strcmp(y->child->value, value) == 0)
			return; /* by the group, and by the member itself */
	struct y *y = y_map(k->im, list, NULL);
	y->flow = true;
	y_set(k->im, y, key, "%s", value);
	if (weight)
		y_set(k->im, y, "weight", "%lld", (long long)weight);
}

static void track_interface(struct ka *k, const struct ka_node *n, bool weights, struct y *instance)
{
	int64_t weight;
	if (!weight_of(k, n, 1, 0, &weight))
		return;
	if (weight && !weights) {
		imp_say(k->im, &n->at, IMP_NOTE, "track_interface %s has no weight: keepalived %s",
			imp_shown(k->im, ka_arg(n, 0)), IN_GROUP);
		weight = 0;
	}
	put(k, instance, "interface", ka_arg(n, 0), weight);
}

static void put_process(struct ka *k, const struct imp_place *at, struct y *instance, const char *name, int64_t weight)
{
	imp_say(k->im, at, IMP_NOTE,
		"track: process wants ProtectProc=default in a drop-in of lbd's unit; until then it is unknown, and "
		"counts "
		"for nothing");
	put(k, instance, "process", name, weight);
}

/* ---- scripts ---- */

/* The check of a vrrp_script; NULL: there is none that lbd could run. */
static const char *script_check(struct ka *k, const struct ka_node *s)
{
	const struct ka_node *line = ka_get(s, KA_SCRIPT), *limit = ka_get(s, KA_TIMEOUT);
	struct y *checks = y_at(k->im, &k->im->root, "checks");
	const char *name = ka_name_of(&k->scripts, ka_arg(s, 1));
	struct y keys = { .kind = Y_MAP };
	if (name)
		return name;
	if (!line) {
		imp_say(k->im, &s->at, IMP_ERROR, "vrrp_script without script");
		return NULL;
	}
	y_set(k->im, &keys, "type", "script");
	if (!ka_script(k, &line->at, ka_arg(line, 1), NULL, &keys))
		return NULL;
	ka_script_user(k, s);
	int64_t interval = ka_time(ka_get(s, KA_INTERVAL), SECOND), timeout = ka_time(limit, interval);
	interval = interval < INTERVAL_MIN ? INTERVAL_MIN : interval;
	y_time(k->im, &keys, "interval", interval);
	y_time(k->im, &keys, "timeout", timeout < SECOND / 100 ? interval : timeout);
	y_set(k->im, &keys, "rise", "%lld", (long long)ka_num(ka_get(s, KA_RISE), 1));
	y_set(k->im, &keys, "fall", "%lld", (long long)ka_num(ka_get(s, KA_FALL), 1));
	name = imp_name_in(k->im, checks, ka_arg(s, 1));
	y_set(k->im, &k->scripts, name, "%s", ka_arg(s, 1));
	struct y *y = y_map(k->im, checks, name);
	y->flow = true;
	y->child = keys.child;
	y->last = keys.last;
	return name;
}

/* The weight of the script itself: "weight -4", "weight 4 reverse". */
static bool script_weight(struct ka *k, const struct ka_node *s, int64_t *weight)
{
	const struct ka_node *said = ka_get(s, KA_WEIGHT);
	*weight = 0;
	if (!said)
		return true;
	if (strcmp(ka_arg(said, 2), "reverse") == 0) {
		imp_say(k->im, &said->at, IMP_LOST, "reverse: lbd tracks what works, not what fails");
		return false;
	}
	if (ka_parse_num(ka_arg(said, 1), -254, 254, weight)) {
		imp_say(k->im, &said->at, IMP_ERROR, "weight %s is not a number -254 to 254",
			imp_shown(k->im, ka_arg(said, 1)));
		return false;
	}
	return true;
}

static void track_script(struct ka *k, const struct ka_node *n, bool weights, struct y *instance)
{
	const struct ka_node *s = ka_named_node(k, KA_VRRP_SCRIPT, ka_arg(n, 0));
	int64_t own, weight;
	if (!s) {
		imp_say(k->im, &n->at, IMP_ERROR, "there is no vrrp_script %s", imp_shown(k->im, ka_arg(n, 0)));
		return;
	}
	if (!script_weight(k, s, &own) || !weight_of(k, n, 1, own, &weight))
		return;
	if (weight && !weights) {
		imp_say(k->im, &n->at, IMP_NOTE, "track_script %s is left out: it has a weight, and keepalived %s",
			imp_shown(k->im, ka_arg(n, 0)), IN_GROUP);
		return;
	}
	const struct ka_node *line = ka_get(s, KA_SCRIPT);
	struct ka_look look;
	if (line && ka_script_looks(k, ka_arg(line, 1), &look)) {
		if (!look.name) {
			imp_say(k->im, &line->at, IMP_LOST, ONE_NAME);
			return;
		}
		if (ka_num(ka_get(s, KA_RISE), 1) > 1 || ka_num(ka_get(s, KA_FALL), 1) > 1)
			imp_say(k->im, &s->at, IMP_NOTE,
				"rise and fall are left out: a process is looked at each second; see debounce under "
				"track");
		if (look.part)
			imp_say(k->im, &line->at, IMP_NOTE,
				"without -x a part of the name would do: track: process wants the whole one, as ps -e "
				"has it");
		put_process(k, &line->at, instance, look.name, weight);
		return;
	}
	const char *name = script_check(k, s);
	if (name)
		put(k, instance, "check", name, weight);
}

/* ---- processes ---- */

static const struct ka_node *entry(const struct ka_node *list, const char *word)
{
	const struct ka_node *n = list->child;
	while (n && strcmp(ka_arg(n, 0), word) != 0)
		n = n->next;
	return n;
}

static void track_process(struct ka *k, const struct ka_node *n, struct y *instance)
{
	static const char *const known[] = { "process", "weight", "quorum", "delay", "fork_delay", "terminate_delay" };
	const struct ka_node *p = ka_named_node(k, KA_VRRP_TRACK_PROCESS, ka_arg(n, 0)), *what, *w;
	int64_t own = 0, weight, quorum = 1; /* keepalived.conf(5) of old ones says weight 1; all take 0 */
	if (!p) {
		imp_say(k->im, &n->at, IMP_ERROR, "there is no vrrp_track_process %s", imp_shown(k->im, ka_arg(n, 0)));
		return;
	}
	for (const struct ka_node *e = p->child; e; e = e->next) {
		size_t i = 0;
		while (i < 6 && strcmp(known[i], ka_arg(e, 0)) != 0)
			i++;
		if (i >= 3)
			imp_say(k->im, &e->at, IMP_LOST, "%s: see debounce under track",
				imp_shown(k->im, ka_arg(e, 0)));
	}
	what = entry(p, "process");
	const char *name = what ? ka_base_of(ka_arg(what, 1)) : NULL;
	w = entry(p, "weight");
	if (entry(p, "quorum"))
		(void)ka_parse_num(ka_arg(entry(p, "quorum"), 1), 0, 1000000, &quorum);
	if (!what || what->n != 2 || !*name || strlen(name) > 15 || quorum != 1 || entry(p, "full_command")) {
		imp_say(k->im, &p->at, IMP_LOST, ONE_NAME);
		return;
	}
	if (w && (strcmp(ka_arg(w, 2), "reverse") == 0 || ka_parse_num(ka_arg(w, 1), -254, 254, &own))) {
		imp_say(k->im, &w->at, IMP_LOST, "weight: not understood, or reverse");
		return;
	}
	if (!weight_of(k, n, 1, own, &weight))
		return;
	put_process(k, &p->at, instance, name, weight);
}

void ka_track(struct ka *k, const struct ka_node *from, bool weights, struct y *instance)
{
	const struct ka_node *list;
	for (list = ka_first(from, KA_TRACK_INTERFACE); list; list = ka_next(list))
		for (const struct ka_node *n = list->child; n; n = n->next)
			if (n->n)
				track_interface(k, n, weights, instance);
	for (list = ka_first(from, KA_TRACK_SCRIPT); list; list = ka_next(list))
		for (const struct ka_node *n = list->child; n; n = n->next)
			if (n->n)
				track_script(k, n, weights, instance);
	for (list = ka_first(from, KA_TRACK_PROCESS); list; list = ka_next(list))
		for (const struct ka_node *n = list->child; n; n = n->next)
			if (n->n)
				track_process(k, n, instance);
}
