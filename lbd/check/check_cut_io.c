/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_cut_io.h"

#include "common/route_io.h"
#include "lbd/check/check_result.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static int prepared = -1;

void check_cut_prepare(void)
{
	prepared = lb_route_open();
}

void check_cut_open(struct check_cut_watch *c)
{
	*c = (struct check_cut_watch){ .fd = prepared >= 0 ? prepared : lb_route_open() };
	prepared = -1;
}

void check_cut_close(struct check_cut_watch *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void check_cut_set(struct check_cut_watch *c, const struct check_cuts *now_cut, struct lb_time now)
{
	c->on = now_cut->n > 0;
	c->until = now;
	if (c->on)
		c->cuts = *now_cut;
}

static int route(const struct check_cut_watch *c, const struct check_spec *s, struct lb_way *way)
{
	const struct lb_packet packet = { .to = &s->addr, .from = &s->source };
	return lb_route(c->fd, &packet, way);
}

uint32_t check_cut_way(const struct check_cut_watch *c, const struct check_spec *s)
{
	struct lb_way way = { 0 };
	if (s->type == CHECK_TYPE_FILE || check_param(&s->params, CHECK_PARAM_INTERFACE) || route(c, s, &way))
		return 0;
	return way.index;
}

static const struct check_cut *cut_of(const struct check_cut_watch *c, const struct check_spec *s, uint32_t passed)
{
	const char *bound = check_param(&s->params, CHECK_PARAM_INTERFACE);
	struct lb_way way = { 0 };
	int err = bound ? 0 : route(c, s, &way);
	return check_cut_of(&c->cuts, bound, err, way.index, passed);
}

void check_cut_distrust(const struct check_cut_watch *c, const struct check_spec *s, uint32_t passed,
	struct lb_time began, struct check_result *r)
{
	bool then = c->on || (c->cuts.n && lb_time_cmp(began, c->until) < 0);
	if (!then || s->type == CHECK_TYPE_FILE || check_codes[r->code].verdict != CHECK_VERDICT_FAIL)
		return;
	const struct check_cut *cut = cut_of(c, s, passed);
	if (!cut)
		return;
	char text[CHECK_TEXT_MAX];
	check_cut_text(cut, text);
	check_result_set(r, CHECK_CODE_SOCKERR, text);
}

void check_cut_route(const struct check_cut_watch *c, const struct check_spec *s, struct check_result *r)
{
	/* as IPVS asks: from no address, and for root, who no rule about the user of probes is for */
	const struct lb_packet packet = { .to = &s->addr, .owned = true };
	struct lb_way way;
	bool goes_there = check_types[s->type].room == CHECK_ROOM_NET && s->type != CHECK_TYPE_FILE;
	if (!r->ask_route || !goes_there)
		return;
	r->ask_route = false;
	int err = lb_route(c->fd, &packet, &way);
	if (err != -EINVAL && err != -EACCES)
		return;
	check_result_set(r, s->type == CHECK_TYPE_ICMP ? CHECK_CODE_L3CON : CHECK_CODE_L4CON,
		err == -EINVAL ? "no route: blackhole" : "no route: prohibit");
}
