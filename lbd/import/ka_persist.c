/* SPDX-License-Identifier: GPL-2.0-or-later */
/* persistence_*: clients that stay with their backend. */
#include "lbd/import/ka.h"

#include <string.h>

#define SECOND INT64_C(1000000)

static void put_mask(struct ka *k, const struct ka_node *grain, struct y *to)
{
	int64_t v6 = 0;
	unsigned v4 = imp_mask_bits(ka_arg(grain, 1));
	if (v4)
		y_set(k->im, to, "mask4", "%u", v4);
	else if (ka_parse_num(ka_arg(grain, 1), 1, 128, &v6) == 0)
		y_set(k->im, to, "mask6", "%lld", (long long)v6);
	else
		imp_say(k->im, &grain->at, IMP_ERROR, "%s is neither a mask nor a prefix length",
			imp_shown(k->im, ka_arg(grain, 1)));
}

static int64_t seconds_of(struct ka *k, const struct ka_node *vs, const struct ka_node *said)
{
	int64_t seconds = 360;
	if (!said)
		imp_say(k->im, &vs->at, IMP_NOTE, "no port: persistence of 360 s is added, as keepalived does");
	else if (said->n > 1 && ka_parse_num(ka_arg(said, 1), 1, 2678400, &seconds))
		imp_say(k->im, &said->at, IMP_ERROR, "%s is not a time of 1 to 2678400 seconds; 360 is taken",
			imp_shown(k->im, ka_arg(said, 1)));
	return seconds;
}

static void pointless(struct ka *k, const struct ka_node *n, const char *word)
{
	if (n)
		imp_say(k->im, &n->at, IMP_LOST, "%s: nothing without persistence_timeout", word);
}

void ka_persistence(struct ka *k, const struct ka_node *vs, bool every_port, bool udp, struct y *service)
{
	const struct ka_node *said = ka_get(vs, KA_PERSISTENCE_TIMEOUT), *engine = ka_get(vs, KA_PERSISTENCE_ENGINE),
			     *grain = ka_get(vs, KA_PERSISTENCE_GRANULARITY);
	if (!said && !every_port) {
		pointless(k, engine, "persistence_engine");
		pointless(k, grain, "persistence_granularity");
		return;
	}
	int64_t seconds = seconds_of(k, vs, said);
	struct y *y = y_map(k->im, service, "persistence");
	y->flow = true;
	y_time(k->im, y, "timeout", seconds * SECOND);
	if (grain)
		put_mask(k, grain, y);
	if (engine && strcmp(ka_arg(engine, 1), "sip") == 0 && udp)
		y_set(k->im, y, "engine", "sip");
	else if (engine)
		imp_say(k->im, &engine->at, IMP_LOST, "persistence_engine: only sip is known, for UDP");
	if (y->child == y->last) {
		y->kind = Y_SCALAR;
		y->value = y->child->value;
		y->child = y->last = NULL;
	}
}
