/* SPDX-License-Identifier: GPL-2.0-or-later */
/* persistence_*: clients that stay with their backend. */
#include "lbd/import/ka.h"

#include <string.h>

#define SECOND    INT64_C(1000000)
#define DEFAULT_S 360

struct persisted { /* what is said of it; NULL = nothing */
	const struct ka_node *timeout, *engine, *grain;
};

/* One that keepalived does not understand is as none there. */
static const struct ka_node *granularity(struct ka *k, const struct ka_node *said)
{
	int64_t v6;
	if (!said || imp_mask_bits(ka_arg(said, 1)) || ka_parse_num(ka_arg(said, 1), 1, 128, &v6) == 0)
		return said;
	imp_say(k->im, &said->at, IMP_ERROR, "%s is neither a mask nor a prefix length",
		imp_shown(k->im, ka_arg(said, 1)));
	return NULL;
}

static void put_mask(struct ka *k, const struct ka_node *grain, struct y *to)
{
	int64_t v6;
	unsigned v4 = imp_mask_bits(ka_arg(grain, 1));
	if (v4)
		y_set(k->im, to, "mask4", "%u", v4);
	else if (ka_parse_num(ka_arg(grain, 1), 1, 128, &v6) == 0)
		y_set(k->im, to, "mask6", "%lld", (long long)v6);
}

/* 0 = none. A time that keepalived does not understand is as none there. */
static int64_t seconds_of(struct ka *k, const struct ka_node *vs, const struct persisted *p, bool every_port)
{
	int64_t seconds = DEFAULT_S;
	bool wrong = p->timeout && p->timeout->n > 1 && ka_parse_num(ka_arg(p->timeout, 1), 1, 2678400, &seconds);
	if (wrong)
		imp_say(k->im, &p->timeout->at, IMP_ERROR, "%s is not a time of 1 to 2678400 seconds",
			imp_shown(k->im, ka_arg(p->timeout, 1)));
	if (p->timeout && !wrong)
		return seconds;
	if (p->grain)
		imp_say(k->im, &p->grain->at, IMP_NOTE,
			"persistence_granularity alone: persistence of 360 s is added, as keepalived does");
	else if (every_port)
		imp_say(k->im, &vs->at, IMP_NOTE, "no port: persistence of 360 s is added, as keepalived does");
	return p->grain || every_port ? DEFAULT_S : 0;
}

void ka_persistence(struct ka *k, const struct ka_node *vs, bool every_port, bool udp, struct y *service)
{
	const struct persisted p = { ka_get(vs, KA_PERSISTENCE_TIMEOUT), ka_get(vs, KA_PERSISTENCE_ENGINE),
		granularity(k, ka_get(vs, KA_PERSISTENCE_GRANULARITY)) };
	int64_t seconds = seconds_of(k, vs, &p, every_port);
	if (!seconds && p.engine)
		imp_say(k->im, &p.engine->at, IMP_LOST, "persistence_engine: nothing without persistence_timeout");
	if (!seconds)
		return;
	struct y *y = y_map(k->im, service, "persistence");
	y->flow = true;
	y_time(k->im, y, "timeout", seconds * SECOND);
	if (p.grain)
		put_mask(k, p.grain, y);
	if (p.engine && strcmp(ka_arg(p.engine, 1), "sip") == 0 && udp)
		y_set(k->im, y, "engine", "sip");
	else if (p.engine)
		imp_say(k->im, &p.engine->at, IMP_LOST, "persistence_engine: only sip is known, for UDP");
	if (y->child == y->last) {
		y->kind = Y_SCALAR;
		y->value = y->child->value;
		y->child = y->last = NULL;
	}
}
