/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/sim_vrrp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct sim sim;

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* 0..below-1 */
static uint64_t rnd(uint64_t below)
{
	sim.random += 0x9e3779b97f4a7c15;
	return below ? mix(sim.random) % below : 0;
}

static bool chance(unsigned pct)
{
	return rnd(100) < pct;
}

#define PICK(...) (((const uint32_t[]){ __VA_ARGS__ })[rnd(sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)])

static int64_t base_us(unsigned inst)
{
	return (int64_t)sim.base_cs[inst] * 10000;
}

/* The queue: a heap by time. */
static bool earlier(const struct sim_msg *a, const struct sim_msg *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim_msg m)
{
	if (sim.n_queue == SIM_QUEUE)
		sim_fail("the network is full: somebody floods");
	m.order = sim.order++;
	size_t i = sim.n_queue++;
	for (; i > 0 && earlier(&m, &sim.queue[(i - 1) / 2]); i = (i - 1) / 2)
		sim.queue[i] = sim.queue[(i - 1) / 2];
	sim.queue[i] = m;
}

static struct sim_msg pop(void)
{
	struct sim_msg first = sim.queue[0], last = sim.queue[--sim.n_queue];
	size_t i = 0;
	for (;;) {
		size_t k = 2 * i + 1;
		if (k >= sim.n_queue)
			break;
		if (k + 1 < sim.n_queue && earlier(&sim.queue[k + 1], &sim.queue[k]))
			k++;
		if (!earlier(&sim.queue[k], &last))
			break;
		sim.queue[i] = sim.queue[k];
		i = k;
	}
	sim.queue[i] = last;
	return first;
}

static void multicast(unsigned from, unsigned inst, uint8_t prio)
{
	const struct vrrp *v = &sim.node[from].v[inst];
	for (unsigned to = 0; to < sim.n_nodes; to++) {
		if (to == from || !sim.link[from][to] || sim.mute >> inst & 1 || chance(sim.loss_pct))
			continue;
		struct sim_msg m = { .from = (uint8_t)from, .to = (uint8_t)to, .inst = (uint8_t)inst };
		m.ev.type = VRRP_EVENT_ADVERT;
		m.ev.prio = prio;
		m.ev.interval_cs = v->rules.interval_cs;
		m.ev.from = v->source;
		for (int times = chance(sim.twice_pct) ? 2 : 1; times > 0; times--) {
			m.at = sim.now + 1 + (int64_t)rnd((uint64_t)(base_us(inst) * sim.delay_pct / 100));
			push(m);
		}
	}
}

/* "I am master", or not, to all over the second path, which keeps the order. */
static void tell_peers(unsigned from, unsigned inst)
{
	const struct vrrp *v = &sim.node[from].v[inst];
	for (unsigned to = 0; to < sim.n_nodes; to++) {
		if (to == from || !sim.link2[from][to])
			continue;
		struct sim_msg m = { .from = (uint8_t)from, .to = (uint8_t)to, .inst = (uint8_t)inst };
		m.ev.type = VRRP_EVENT_PEER;
		m.ev.on = v->state == VRRP_STATE_MASTER;
		m.ev.prio = v->prio;
		m.ev.from = v->source;
		m.ev.for_ms = (int64_t)v->rules.interval_cs * 20;
		m.at = sim.now + 1 + (int64_t)rnd((uint64_t)(base_us(inst) * sim.delay_pct / 100));
		if (m.at <= sim.last2[from][to])
			m.at = sim.last2[from][to] + 1;
		sim.last2[from][to] = m.at;
		push(m);
	}
}

static void arm_timers(struct sim_node *n)
{
	for (unsigned k = 0; k < sim.n_inst; k++) {
		int64_t at = n->v[k].deadline.us;
		if (at == n->fire_for[k])
			continue;
		n->fire_for[k] = at;
		n->fire_at[k] = at == 0 || at == INT64_MAX
					? INT64_MAX
					: at + (int64_t)rnd((uint64_t)(base_us(k) * sim.late_pct / 100));
		if (n->fire_at[k] < sim.now)
			n->fire_at[k] = sim.now;
	}
}

static void event(unsigned node, unsigned inst, const struct vrrp_event *ev)
{
	static struct vrrp_group_acts acts;
	struct sim_node *n = &sim.node[node];
	sim_step(node, inst, ev, &acts);
	for (size_t i = 0; i < acts.n; i++) {
		unsigned k = (unsigned)acts.v[i].member;
		if (acts.v[i].act.type == VRRP_ACT_ADVERT)
			multicast(node, k, acts.v[i].act.prio);
		if (acts.v[i].act.type == VRRP_ACT_REPORT)
			n->peer_at[k] = sim.now;
	}
	arm_timers(n);
	sim_check_masters();
}

static void event_all(unsigned node, const struct vrrp_event *ev)
{
	for (unsigned k = 0; k < sim.n_inst; k++)
		event(node, k, ev);
}

static uint8_t effective_prio(const struct sim_node *n, unsigned inst)
{
	int64_t add = 0;
	for (unsigned k = 0; k < sim.n_inst; k++) {
		add += n->add[k];
		if (n->configured[k] == 255)
			return n->configured[inst] == 255 ? 255 : 254;
	}
	return vrrp_effective_prio(vrrp_group_prio(n->configured, n->set, sim.n_inst), add);
}

static void configure(struct sim_node *n)
{
	unsigned level = (unsigned)rnd(SIM_NODES);
	bool owner = chance(8);
	for (unsigned k = 0; k < sim.n_inst; k++)
		n->configured[k] = owner && sim.owned >> k & 1 ? 255 : sim.levels[k][owner ? SIM_NODES - 1 : level];
}

/* An operator, or something that is tracked, at one member. */
static void change_prio(unsigned node)
{
	struct sim_node *n = &sim.node[node];
	unsigned inst = (unsigned)rnd(sim.n_inst);
	if (chance(50))
		n->set[inst] = (uint8_t)PICK(0, 0, 1, 50, 100, 150, 254);
	else
		n->add[inst] = (int)rnd(5) * 50 - 100;
	for (unsigned k = 0; k < sim.n_inst; k++)
		event(node, k, &(struct vrrp_event){ .type = VRRP_EVENT_PRIO, .prio = effective_prio(n, k) });
}

/* back: it was killed a moment ago. */
static void boot(unsigned node, bool back)
{
	struct sim_node *n = &sim.node[node];
	bool preempt = chance(70);
	uint32_t delay = chance(30) ? (uint32_t)(base_us(0) / 1000 * (1 + (int64_t)rnd(4))) : 0;
	*n = (struct sim_node){ .alive = true, .g = { .n = sim.n_inst } };
	configure(n);
	for (unsigned k = 0; k < sim.n_inst; k++) {
		n->v[k] = (struct vrrp){ .prio = effective_prio(n, k), .source = sim.ip[node] };
		n->v[k].rules = (struct vrrp_rules){ .version = sim.version[k],
			.interval_cs = sim.base_cs[k],
			.preempt = preempt,
			.preempt_delay_ms = delay,
			.startup_delay_ms = chance(20) ? base_us(k) / 1000 * (int64_t)rnd(6) : 0 };
		n->g.v[k] = &n->v[k];
		n->fire_at[k] = INT64_MAX;
		n->peer_at[k] = sim.now + (int64_t)rnd((uint64_t)base_us(k) / 2);
	}
	struct vrrp_event ev = { .type = VRRP_EVENT_FAULT, .on = true };
	if (chance(10))
		event(node, (unsigned)rnd(sim.n_inst), &ev);
	if (chance(5))
		event(node, 0, &(struct vrrp_event){ .type = VRRP_EVENT_RESIGN });
	event_all(node, &(struct vrrp_event){ .type = VRRP_EVENT_START, .on = back });
}

static void shut_down(unsigned node, bool kill)
{
	struct sim_node *n = &sim.node[node];
	if (!kill)
		event_all(node, &(struct vrrp_event){ .type = VRRP_EVENT_STOP });
	n->alive = false;
	for (unsigned k = 0; k < sim.n_inst; k++)
		n->v[k].state = VRRP_STATE_INIT;
	sim_check_masters();
}

static void reload(unsigned node)
{
	struct sim_node *n = &sim.node[node];
	bool preempt = chance(60);
	unsigned factor = PICK(1, 1, 2, 4);
	bool nothing = chance(30);
	for (unsigned k = 0; k < sim.n_inst; k++) {
		struct vrrp_rules *r = &n->v[k].rules;
		if (!nothing) {
			r->preempt = preempt;
			r->preempt_delay_ms = chance(50) ? base_us(0) / 1000 * (int64_t)rnd(5) : 0;
			/* version 2 has one interval for all: the others would refuse our adverts */
			if (r->version == 3)
				r->interval_cs = sim.base_cs[k] * factor;
			/* the tenth of the shorter interval, since the last advert */
			int64_t tenth = n->v[k].sent_at.us + (int64_t)r->interval_cs * 1000;
			if (tenth < n->may_send_at[k])
				n->may_send_at[k] = tenth;
		}
		struct vrrp_rules was = *r;
		struct vrrp before = n->v[k];
		event(node, k, &(struct vrrp_event){ .type = VRRP_EVENT_RULES });
		if (nothing && before.state == n->v[k].state &&
			(before.deadline.us != n->v[k].deadline.us || memcmp(&was, r, sizeof(was)) != 0))
			sim_fail("node %u.%u: a reload of nothing moved the timer", node, k);
	}
}

static void set_links(bool links[SIM_NODES][SIM_NODES], unsigned how)
{
	unsigned side = (unsigned)rnd(1u << sim.n_nodes);
	for (unsigned i = 0; i < sim.n_nodes; i++)
		for (unsigned k = 0; k < sim.n_nodes; k++)
			links[i][k] = how == 0   ? true                               /* healed */
				      : how == 1 ? (side >> i & 1) == (side >> k & 1) /* parted */
				      : how == 2 ? chance(70)                         /* some, one way */
						 : false;
}

/* The master gives up for somebody who was told to be ready. */
static void hand_over(void)
{
	unsigned to = (unsigned)rnd(sim.n_nodes);
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		if (i == to || !sim.node[i].alive || !sim.node[to].alive ||
			sim.node[i].v[0].state != VRRP_STATE_MASTER || sim.node[i].paused_until > sim.now ||
			sim.node[to].paused_until > sim.now)
			continue;
		struct vrrp_event ev = { .type = VRRP_EVENT_ARM, .for_ms = base_us(0) / 500 };
		event_all(to, &ev);
		ev = (struct vrrp_event){ .type = VRRP_EVENT_RESIGN };
		event(i, 0, &ev);
		return;
	}
}

/* A stranger's advert, or one of ours that comes back. */
static void forge(unsigned node, unsigned inst)
{
	struct vrrp_event ev = { .type = VRRP_EVENT_ADVERT, .interval_cs = sim.base_cs[inst] };
	ev.from = (struct lb_ip){ AF_INET, { 10, 9, 0, chance(50) ? 1 : 250 } };
	ev.prio = (uint8_t)PICK(0, 0, 1, 100, 254, 255);
	if (chance(30)) {
		ev.prio = sim.node[node].v[inst].prio;
		ev.from = sim.node[node].v[inst].source;
	}
	for (unsigned times = PICK(1, 1, 20); times > 0; times--)
		event(node, inst, &ev);
}

/* It may be back before anybody has missed it, with the addresses that it left. */
static void kill_node(unsigned node)
{
	bool master = sim.node[node].v[0].state == VRRP_STATE_MASTER;
	shut_down(node, true);
	if (master && chance(50))
		boot(node, true);
}

static void change_node(unsigned node)
{
	struct vrrp_event ev = { 0 };
	unsigned inst = (unsigned)rnd(sim.n_inst);
	if (!sim.node[node].alive) {
		boot(node, false);
		return;
	}
	if (sim.node[node].paused_until > sim.now)
		return;
	switch (rnd(14)) {
	case 0: kill_node(node); return;
	case 1: shut_down(node, false); return;
	case 2:
	case 3: change_prio(node); return;
	case 4:
		ev.type = VRRP_EVENT_RESIGN;
		event(node, inst, &ev);
		return;
	case 5:
		ev.type = VRRP_EVENT_ARM;
		ev.for_ms = base_us(inst) / 1000 * (int64_t)rnd(5);
		event(node, inst, &ev);
		return;
	case 6:
		ev.type = VRRP_EVENT_FAULT;
		ev.on = true;
		event(node, inst, &ev);
		return;
	case 7:
	case 8:
		ev.type = VRRP_EVENT_FAULT;
		event_all(node, &ev);
		return;
	case 9: reload(node); return;
	case 10:
		if (!sim.guarded)
			sim.node[node].paused_until = sim.now + (int64_t)rnd((uint64_t)base_us(0) * 12);
		return;
	case 11: /* a timer that nobody armed */
		ev.type = VRRP_EVENT_TIMER;
		sim.node[node].fire_for[inst] = -1;
		event(node, inst, &ev);
		return;
	case 12: forge(node, inst); return;
	case 13:
		ev.type = VRRP_EVENT_SLEPT;
		ev.for_ms = base_us(0) / 1000 * (int64_t)rnd(12);
		if (!sim.guarded)
			event(node, inst, &ev);
		return;
	}
}

static void change(void)
{
	switch (rnd(6)) {
	case 0:
		if (!sim.guarded && sim.second)
			set_links(sim.link2, (unsigned)rnd(4));
		return;
	case 1: set_links(sim.link, (unsigned)rnd(4)); break;
	case 2: hand_over(); break;
	case 3:
	case 4:
	case 5: change_node((unsigned)rnd(sim.n_nodes)); break;
	}
	/* who has the better claim may have changed */
	for (unsigned k = 0; k < sim.n_inst; k++)
		sim.two_since[k] = 0;
	sim_check_masters();
}

static void deliver(struct sim_msg m)
{
	struct sim_node *n = &sim.node[m.to];
	if (!n->alive)
		return;
	if (n->paused_until > sim.now) {
		/* it waits in the socket, if there is room: the newest are lost */
		if (n->waiting++ < 16) {
			m.at = n->paused_until + (int64_t)rnd(200);
			push(m);
		}
		return;
	}
	n->waiting = 0;
	event(m.to, m.inst, &m.ev);
}

/* The next thing that happens before `until`: a message, a timer, a word to the peers, a change. */
static bool happen(int64_t until)
{
	enum { NOTHING, MESSAGE, TIMER, PEERS, CHANGE } what = NOTHING;
	int64_t at = until;
	unsigned node = 0, inst = 0;
	if (sim.n_queue && sim.queue[0].at < at) {
		at = sim.queue[0].at;
		what = MESSAGE;
	}
	if (sim.chaos && sim.change_at < at) {
		at = sim.change_at;
		what = CHANGE;
	}
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		const struct sim_node *n = &sim.node[i];
		for (unsigned k = 0; k < sim.n_inst && n->alive; k++) {
			int64_t fire = n->fire_at[k] < n->paused_until ? n->paused_until : n->fire_at[k];
			int64_t peer = n->peer_at[k] < n->paused_until ? n->paused_until : n->peer_at[k];
			if (fire < at || (sim.second && peer < at)) {
				what = sim.second && peer < fire ? PEERS : TIMER;
				at = what == PEERS ? peer : fire;
				node = i;
				inst = k;
			}
		}
	}
	sim.same_time = at > sim.now ? 0 : sim.same_time + 1;
	if (sim.same_time > 1000)
		sim_fail("time stands still");
	if (at > sim.now)
		sim.now = at;
	switch (what) {
	case NOTHING: return false;
	case MESSAGE: deliver(pop()); return true;
	case TIMER:
		sim.node[node].fire_for[inst] = -1; /* armed anew, whatever it does to its deadline */
		event(node, inst, &(struct vrrp_event){ .type = VRRP_EVENT_TIMER });
		return true;
	case PEERS:
		tell_peers(node, inst);
		sim.node[node].peer_at[inst] = sim.now + (int64_t)sim.node[node].v[inst].rules.interval_cs * 5000;
		return true;
	case CHANGE:
		change();
		sim.change_at = sim.now + 1 + (int64_t)rnd((uint64_t)sim.change_gap);
		return true;
	}
	return false;
}

static void chaos(void)
{
	sim.chaos = true;
	sim.loss_pct = PICK(0, 10, 30, 60, 100);
	sim.twice_pct = PICK(0, 0, 20);
	sim.delay_pct = sim.guarded ? 5 : PICK(1, 10, 50, 100);
	sim.late_pct = sim.guarded ? 5 : PICK(1, 5, 40, 200);
	sim.change_gap = base_us(0) * PICK(1, 4, 20);
	sim.change_at = sim.now + 1;
	int64_t until = sim.now + base_us(0) * (5 + (int64_t)rnd(100));
	while (happen(until))
		;
}

/* Who stood still reads what was waiting in its socket. */
static void wake_all(void)
{
	static struct sim_msg all[SIM_QUEUE];
	bool paused[SIM_NODES];
	size_t n = sim.n_queue;
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		paused[i] = sim.node[i].paused_until > sim.now;
		if (paused[i])
			sim.node[i].paused_until = sim.now;
	}
	memcpy(all, sim.queue, n * sizeof(all[0]));
	sim.n_queue = 0;
	for (size_t i = 0; i < n; i++) {
		if (paused[all[i].to])
			all[i].at = sim.now + (int64_t)rnd(200);
		push(all[i]);
	}
}

/* The network of one member is cut, and there is no second path: the others hear who is master, and that is no reason
 * to take the group from it. Not where its adverts come so fast that the others' are too rare to tell, and not of one
 * that has an owner, who follows nobody. */
static void mute_one(int64_t for_us)
{
	unsigned inst = (unsigned)rnd(sim.n_inst), others = 0;
	bool second = sim.second;
	for (unsigned k = 0; k < sim.n_inst; k++)
		others += k != inst && sim_interval_us(k) <= sim_interval_us(inst);
	if (!others || sim.owned >> inst & 1)
		return;
	uint64_t reports = sim.reports;
	sim.second = false;
	sim.mute = 1u << inst;
	for (int64_t until = sim.now + for_us; happen(until);)
		;
	sim.mute = 0;
	if (sim.reports != reports)
		sim_fail("a state changed while one member heard nothing");
	for (int64_t until = sim.now + sim_interval_us(inst) * 2; happen(until);)
		;
	sim.second = second;
	sim_check_quiet();
	sim.mutes++;
}

/* Who preempts waits out the down interval of whoever it heard before, which a reload may have made shorter since. */
static int64_t preempting_until(void)
{
	int64_t until = 0;
	for (unsigned i = 0; i < sim.n_nodes; i++)
		for (unsigned k = 0; k < sim.n_inst; k++) {
			const struct vrrp *v = &sim.node[i].v[k];
			if (sim.node[i].alive && v->state == VRRP_STATE_BACKUP && v->passed_prio &&
				v->deadline.us > until)
				until = v->deadline.us;
		}
	return until;
}

static void quiet(void)
{
	sim.chaos = false;
	sim.loss_pct = sim.twice_pct = 0;
	sim.delay_pct = sim.late_pct = 3;
	set_links(sim.link, 0);
	set_links(sim.link2, sim.second ? 0 : 3);
	int64_t down = 0, delay = 0, interval = 0;
	for (unsigned k = 0; k < sim.n_inst; k++) {
		down = sim_down_us(k) > down ? sim_down_us(k) : down;
		interval = sim_interval_us(k) > interval ? sim_interval_us(k) : interval;
		for (unsigned i = 0; i < sim.n_nodes; i++) {
			const struct vrrp_rules *r = &sim.node[i].v[k].rules;
			int64_t ms = r->preempt_delay_ms + r->startup_delay_ms;
			delay = ms * 1000 > delay ? ms * 1000 : delay;
		}
	}
	wake_all();
	int64_t until = sim.now + 3 * down + delay + interval;
	while (happen(until))
		;
	if (preempting_until() > sim.now)
		for (until = preempting_until() + down; happen(until);)
			;
	sim_check_quiet();
	/* and it stays so */
	uint64_t reports = sim.reports;
	until = sim.now + 2 * down;
	while (happen(until))
		;
	sim_check_quiet();
	if (sim.reports != reports)
		sim_fail("a state changed after a quiet time");
	mute_one(3 * down);
}

static void world(uint64_t number)
{
	sim.world = number;
	sim.random = mix(sim.seed * 1000003 + number);
	sim.now = 1000000000;
	sim.n_queue = 0;
	sim.n_past = 0;
	memset(sim.node, 0, sizeof(sim.node));
	memset(sim.last2, 0, sizeof(sim.last2));
	memset(sim.two_since, 0, sizeof(sim.two_since));
	sim.n_nodes = 2 + (unsigned)rnd(4);
	if (sim.want_nodes)
		sim.n_nodes = sim.want_nodes;
	sim.n_inst = 1 + (unsigned)rnd(SIM_INSTANCES);
	sim.second = chance(60);
	sim.guarded = sim.second && chance(50);
	uint32_t first_cs = PICK(1, 5, 10, 50, 100, 100, 200);
	for (unsigned k = 0; k < sim.n_inst; k++) {
		sim.version[k] = first_cs % 100 == 0 && chance(30) ? 2 : 3;
		sim.base_cs[k] = chance(70) ? first_cs : first_cs * 2;
	}
	for (unsigned k = 0; k < sim.n_inst; k++)
		for (unsigned i = 0; i < SIM_NODES; i++) {
			uint8_t least = i ? sim.levels[k][i - 1] : 1;
			sim.levels[k][i] = (uint8_t)(least + (chance(70) ? rnd((255u - least) / 2) : 0));
		}
	sim.owned = 1 + (unsigned)rnd((1u << sim.n_inst) - 1);
	/* unsigned order: both halves of a byte, and not the order of the nodes */
	unsigned turn = (unsigned)rnd(SIM_NODES);
	for (unsigned i = 0; i < SIM_NODES; i++)
		sim.ip[i] = (struct lb_ip){ AF_INET, { 10, 9, 0, (uint8_t)(20 + 50 * ((i + turn) % SIM_NODES)) } };
	set_links(sim.link, 0);
	set_links(sim.link2, sim.second ? 0 : 3);
	sim.delay_pct = sim.late_pct = 5;
	sim.chaos = true;
	for (unsigned i = 0; i < sim.n_nodes; i++)
		boot(i, false);
	for (uint64_t phases = 1 + rnd(8); phases > 0; phases--) {
		chaos();
		quiet();
	}
	sim.worlds++;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);
	if (!*text || *end) {
		fprintf(stderr, "sim_vrrp: not a number: %s\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t steps = 150000, only = UINT64_MAX;
	sim.seed = 1;
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--steps") == 0)
			steps = number(value);
		else if (strcmp(argv[i], "--seed") == 0)
			sim.seed = number(value);
		else if (strcmp(argv[i], "--nodes") == 0)
			sim.want_nodes = (unsigned)number(value);
		else if (strcmp(argv[i], "--world") == 0)
			only = number(value);
		else
			sim.want_nodes = UINT32_MAX;
	}
	if (sim.want_nodes && (sim.want_nodes < 2 || sim.want_nodes > SIM_NODES)) {
		fprintf(stderr, "usage: sim_vrrp [--steps N] [--seed S] [--nodes 2..%d] [--world W]\n", SIM_NODES);
		return 2;
	}
	printf("sim_vrrp: seed %" PRIu64 "\n", sim.seed);
	sim_check_counter();
	if (only != UINT64_MAX)
		world(only);
	for (uint64_t w = 0; only == UINT64_MAX && sim.steps < steps; w++)
		world(w);
	sim_summary();
	return 0;
}
