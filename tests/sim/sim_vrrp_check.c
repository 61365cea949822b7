/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/sim/sim_vrrp.h"
#include "tests/unit/lbd_vrrp/vrrp_words.h"

#include <inttypes.h>
#include <stdarg.h>

/* Allocations, counted while in_step. */
static volatile bool in_step; /* volatile: the compiler believes that malloc does not look at it */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

void *__wrap_malloc(size_t n)
{
	sim.allocations += in_step;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	sim.allocations += in_step;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	sim.allocations += in_step;
	return __real_realloc(p, n);
}

void __wrap_free(void *p)
{
	sim.allocations += in_step;
	__real_free(p);
}

void sim_check_counter(void)
{
	void *volatile p; /* volatile: an allocation that is freed at once must not be optimised away */
	in_step = true;
	p = malloc(1);
	free(p);
	in_step = false;
	if (sim.allocations != 2)
		sim_fail("allocations are not counted: %" PRIu64 " of 2", sim.allocations);
	sim.allocations = 0;
}

/* The state machine itself, between two guards. */
void __real_vrrp_step(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out);
void __wrap_vrrp_step(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out);

void __wrap_vrrp_step(struct vrrp *v, const struct vrrp_event *ev, struct lb_time now, struct vrrp_acts *out)
{
	struct {
		uint64_t before;
		struct vrrp_acts acts;
		uint64_t after;
	} room = { .before = 0x1122334455667788, .after = 0x8877665544332211 };
	room.acts.n = 77; /* it must set it */
	sim.cells[v->state][ev->type]++;
	sim.member_steps++;
	__real_vrrp_step(v, ev, now, &room.acts);
	if (room.before != 0x1122334455667788 || room.after != 0x8877665544332211 || room.acts.n > VRRP_ACTS_MAX)
		sim_fail("a step wrote %zu actions", room.acts.n);
	if (room.acts.n > sim.acts_max)
		sim.acts_max = room.acts.n;
	out->n = room.acts.n;
	for (size_t i = 0; i < out->n; i++)
		out->v[i] = room.acts.v[i];
}

static void print_past(const struct sim_past *p)
{
	static const char *const names[VRRP_EVENT_COUNT] = { "start", "timer", "advert", "prio", "source", "fault",
		"resign", "arm", "peer", "join", "yield", "rules", "slept", "stop" };
	char ip[LB_IP_STRLEN];
	printf("%14.3f ms  node %u.%u %-6s -> %-6s  %s", (double)p->now / 1000, p->node, p->inst,
		vrrp_state_names[p->was], vrrp_state_names[p->is], names[p->ev.type]);
	if (p->ev.type == VRRP_EVENT_ADVERT || p->ev.type == VRRP_EVENT_PEER)
		printf(" %s prio %u from %s", p->ev.on ? "on" : "-", p->ev.prio, lb_ip_str(&p->ev.from, ip));
	else if (p->ev.type == VRRP_EVENT_PRIO || p->ev.type == VRRP_EVENT_FAULT)
		printf(" %u %s", p->ev.prio, p->ev.on ? "on" : "off");
	for (size_t i = 0; i < p->n; i++) {
		char text[64] = "";
		words_act(&p->acts[i].act, text, sizeof(text));
		printf("%s .%zu %s", i ? "," : ":", p->acts[i].member, text);
	}
	printf("\n");
}

void sim_fail(const char *fmt, ...)
{
	va_list ap;
	in_step = false;
	uint64_t from = sim.n_past > SIM_HISTORY ? sim.n_past - SIM_HISTORY : 0;
	for (uint64_t i = from; i < sim.n_past; i++)
		print_past(&sim.past[i % SIM_HISTORY]);
	for (unsigned i = 0; i < sim.n_nodes; i++)
		for (unsigned k = 0; k < sim.n_inst; k++) {
			const struct vrrp *v = &sim.node[i].v[k];
			printf("node %u.%u: %s, %s, prio %u%s%s%s%s, deadline in %.3f ms, v%u, %u cs (learned %u)%s\n",
				i, k, sim.node[i].alive ? "alive" : "dead", vrrp_state_names[v->state], v->prio,
				v->rules.preempt ? "" : ", nopreempt", v->resigned ? ", resigned" : "",
				v->held ? ", held" : "", sim.node[i].g.own_fault[k] ? ", own fault" : "",
				(double)(v->deadline.us - sim.now) / 1000, v->rules.version, v->rules.interval_cs,
				v->master_interval_cs, v->alarms & 1u << VRRP_ALARM_PATH_DOWN ? ", path down" : "");
		}
	printf("sim_vrrp: failed at %.3f ms%s%s: ", (double)sim.now / 1000, sim.chaos ? " (chaos)" : " (quiet)",
		sim.guarded ? " (guarded)" : "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nagain: sim_vrrp --seed %" PRIu64 " --world %" PRIu64, sim.seed, sim.world);
	if (sim.want_nodes)
		printf(" --nodes %u", sim.want_nodes);
	printf("\n");
	exit(1);
}

int64_t sim_interval_us(unsigned inst)
{
	uint32_t cs = 0;
	for (unsigned i = 0; i < sim.n_nodes; i++)
		if (sim.node[i].v[inst].rules.interval_cs > cs)
			cs = sim.node[i].v[inst].rules.interval_cs;
	return (int64_t)cs * 10000;
}

int64_t sim_down_us(unsigned inst)
{
	int64_t interval = sim_interval_us(inst);
	return 3 * interval + (sim.version[inst] == 2 ? 1000000 : interval);
}

/* What the actions of one member say against what was known of it. */
static void check_act(unsigned node, unsigned inst, const struct vrrp_act *a, bool still_master)
{
	struct sim_node *n = &sim.node[node];
	const struct vrrp *v = &n->v[inst];
	switch (a->type) {
	case VRRP_ACT_ADVERT:
		if (still_master && sim.now < n->may_send_at[inst])
			sim_fail("node %u.%u: an advert %" PRId64 " us too early", node, inst,
				n->may_send_at[inst] - sim.now);
		if (a->prio != 0 && a->prio != v->prio)
			sim_fail("node %u.%u: an advert with priority %u", node, inst, a->prio);
		n->may_send_at[inst] = sim.now + (int64_t)v->rules.interval_cs * 1000;
		n->must_send_by[inst] = sim.now + (int64_t)v->rules.interval_cs * 10000;
		return;
	case VRRP_ACT_ADDRS:
		if (a->on == n->addrs[inst])
			sim_fail("node %u.%u: addresses %s twice", node, inst, a->on ? "on" : "off");
		n->addrs[inst] = a->on;
		return;
	case VRRP_ACT_REPORT:
		sim.causes[a->cause]++;
		sim.reports++;
		return;
	case VRRP_ACT_ALARM: sim.alarms[a->alarm] += a->on; return;
	case VRRP_ACT_ANNOUNCE:
		if (!n->addrs[inst])
			sim_fail("node %u.%u: announces what it does not have", node, inst);
		return;
	}
}

static void check_reports(unsigned node, unsigned inst, const struct vrrp_group_acts *acts)
{
	struct sim_node *n = &sim.node[node];
	size_t reports = 0;
	for (size_t i = 0; i < acts->n; i++) {
		if (acts->v[i].member != inst || acts->v[i].act.type != VRRP_ACT_REPORT)
			continue;
		if (reports == 0 && acts->v[i].act.was != n->told[inst])
			sim_fail("node %u.%u: reports it was %s", node, inst, vrrp_state_names[acts->v[i].act.was]);
		reports++;
	}
	if ((reports == 0) && n->told[inst] != n->v[inst].state)
		sim_fail("node %u.%u: a change that was not reported", node, inst);
	n->told[inst] = n->v[inst].state;
}

/* Silence is no reason where the second path works and a master says there that it is well, since long enough. */
static void check_take_over(unsigned node, unsigned inst, const struct vrrp_group_acts *acts)
{
	bool master = false;
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		const struct vrrp *v = &sim.node[i].v[inst];
		if (i == node || !sim.node[i].alive)
			continue;
		master |= v->state == VRRP_STATE_MASTER && sim.now - v->since.us > 2 * sim_interval_us(inst);
	}
	for (size_t i = 0; master && i < acts->n; i++)
		if (acts->v[i].member == inst && acts->v[i].act.type == VRRP_ACT_REPORT &&
			acts->v[i].act.cause == VRRP_CAUSE_NO_ADVERT)
			sim_fail("node %u.%u: took over although the master is well", node, inst);
}

static void check_member(unsigned node, unsigned inst, int64_t deadline_was, bool by_timer)
{
	const struct sim_node *n = &sim.node[node];
	const struct vrrp *v = &n->v[inst];
	int64_t at = v->deadline.us;
	if (n->addrs[inst] != (v->state == VRRP_STATE_MASTER))
		sim_fail("node %u.%u: has addresses: %d", node, inst, n->addrs[inst]);
	if (v->state == VRRP_STATE_FAULT && at != INT64_MAX)
		sim_fail("node %u.%u: a deadline in FAULT", node, inst);
	if (v->state == VRRP_STATE_FAULT || (v->state == VRRP_STATE_INIT && (at == INT64_MAX || at == 0)))
		return; /* stopped, or not started yet */
	if (at == 0 || at == INT64_MAX)
		sim_fail("node %u.%u: no deadline", node, inst);
	if (at < sim.now && at != deadline_was)
		sim_fail("node %u.%u: a deadline in the past", node, inst);
	if (by_timer && at <= sim.now)
		sim_fail("node %u.%u: the timer was not moved", node, inst);
	if (v->state == VRRP_STATE_MASTER && at > n->must_send_by[inst])
		sim_fail("node %u.%u: the next advert is %" PRId64 " us late", node, inst, at - n->must_send_by[inst]);
	if (v->state == VRRP_STATE_BACKUP && at != deadline_was) {
		int64_t most = 0;
		for (unsigned k = 0; k < sim.n_inst; k++)
			most = sim_down_us(k) > most ? sim_down_us(k) : most;
		/* an interval learned before a reload may have been longer: all are within four of the base */
		if (at > sim.now + 4 * most + 1000)
			sim_fail("node %u.%u: waits for %" PRId64 " us", node, inst, at - sim.now);
	}
}

static void remember(unsigned node, unsigned inst, enum vrrp_state was, const struct vrrp_event *ev,
	const struct vrrp_group_acts *acts)
{
	struct sim_past *p = &sim.past[sim.n_past++ % SIM_HISTORY];
	p->now = sim.now;
	p->node = (uint8_t)node;
	p->inst = (uint8_t)inst;
	p->was = was;
	p->is = sim.node[node].v[inst].state;
	p->ev = *ev;
	for (p->n = 0; p->n < acts->n && p->n < 16; p->n++) {
		p->acts[p->n].member = acts->v[p->n].member;
		p->acts[p->n].act = acts->v[p->n].act;
	}
}

void sim_step(unsigned node, unsigned inst, const struct vrrp_event *ev, struct vrrp_group_acts *out)
{
	struct sim_node *n = &sim.node[node];
	enum vrrp_state was[SIM_INSTANCES];
	int64_t deadline[SIM_INSTANCES];
	for (unsigned k = 0; k < sim.n_inst; k++) {
		was[k] = n->v[k].state;
		deadline[k] = n->v[k].deadline.us;
	}
	bool late = was[inst] == VRRP_STATE_MASTER && sim.now - deadline[inst] > vrrp_down_us(&n->v[inst]);
	bool preempting = n->v[inst].passed_prio != 0;
	sim.steps++;
	in_step = true;
	vrrp_group_step(&n->g, inst, ev, (struct lb_time){ sim.now }, out);
	in_step = false;
	remember(node, inst, was[inst], ev, out);
	if (sim.allocations)
		sim_fail("a step allocated");
	if (late && (out->n == 0 || out->v[0].act.type != VRRP_ACT_ADDRS))
		sim_fail("node %u.%u: is late and does not let go first", node, inst);
	if (sim.guarded && !preempting)
		check_take_over(node, inst, out);
	bool still_master[SIM_INSTANCES];
	unsigned masters = 0, others = 0;
	for (unsigned k = 0; k < sim.n_inst; k++) {
		still_master[k] = was[k] == VRRP_STATE_MASTER && n->v[k].state == VRRP_STATE_MASTER;
		masters += n->v[k].state == VRRP_STATE_MASTER;
		others += n->v[k].state != VRRP_STATE_MASTER;
	}
	for (size_t i = 0; i < out->n; i++)
		if (out->v[i].act.type == VRRP_ACT_REPORT)
			still_master[out->v[i].member] = false;
	for (size_t i = 0; i < out->n; i++)
		check_act(node, (unsigned)out->v[i].member, &out->v[i].act, still_master[out->v[i].member]);
	for (unsigned k = 0; k < sim.n_inst; k++) {
		check_reports(node, k, out);
		check_member(node, k, deadline[k], k == inst && ev->type == VRRP_EVENT_TIMER && deadline[k] <= sim.now);
	}
	if (masters && others)
		sim_fail("node %u: %u of %u members are master", node, masters, sim.n_inst);
}

void sim_check_masters(void)
{
	for (unsigned k = 0; k < sim.n_inst; k++) {
		unsigned masters = 0;
		int64_t skew = 0;
		for (unsigned i = 0; i < sim.n_nodes; i++)
			if (sim.node[i].alive && sim.node[i].v[k].state == VRRP_STATE_MASTER) {
				int64_t s = vrrp_skew_us(&sim.node[i].v[k]);
				skew = s > skew ? s : skew;
				masters++;
			}
		if (masters < 2)
			sim.two_since[k] = 0;
		else if (sim.two_since[k] == 0)
			sim.two_since[k] = sim.now;
		else if (sim.guarded && sim.now - sim.two_since[k] > sim_interval_us(k) + skew)
			sim_fail(
				"instance %u: two masters for %.3f ms", k, (double)(sim.now - sim.two_since[k]) / 1000);
	}
}

bool sim_can(unsigned node)
{
	const struct sim_node *n = &sim.node[node];
	if (!n->alive)
		return false;
	for (unsigned k = 0; k < sim.n_inst; k++)
		if (n->g.own_fault[k] || n->v[k].state == VRRP_STATE_INIT)
			return false;
	return true;
}

void sim_check_quiet(void)
{
	int master = -1;
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		if (!sim.node[i].alive || sim.node[i].v[0].state != VRRP_STATE_MASTER)
			continue;
		if (master >= 0)
			sim_fail("nodes %d and %u are both master after a quiet time", master, i);
		master = (int)i;
	}
	for (unsigned i = 0; i < sim.n_nodes; i++) {
		const struct vrrp *v = &sim.node[i].v[0];
		if (!sim_can(i))
			continue;
		if (master < 0)
			sim_fail("node %u could be master, and nobody is", i);
		for (unsigned k = 0; k < sim.n_inst; k++) {
			uint8_t prio = sim.node[i].v[k].prio;
			if (prio > sim.node[master].v[k].prio && !v->resigned && (v->rules.preempt || prio == 255))
				sim_fail("node %u.%u should have preempted node %d", i, k, master);
			if (sim.node[i].v[k].alarms & 1u << VRRP_ALARM_PATH_DOWN)
				sim_fail("node %u.%u: the path is not down", i, k);
		}
	}
	sim.nobody += master < 0;
	sim.quiets++;
}

void sim_summary(void)
{
	printf("%" PRIu64 " steps (%" PRIu64 " of members), %" PRIu64 " worlds, %" PRIu64 " quiet times (%" PRIu64
	       " with nobody able, %" PRIu64
	       " with a member that hears nothing), at most %zu actions in a step\ncauses:",
		sim.steps, sim.member_steps, sim.worlds, sim.quiets, sim.nobody, sim.mutes, sim.acts_max);
	for (unsigned i = 0; i < VRRP_CAUSE_COUNT; i++)
		printf(" %s %" PRIu64, vrrp_causes[i], sim.causes[i]);
	printf("\nalarms:");
	for (unsigned i = 0; i < VRRP_ALARM_COUNT; i++)
		printf(" %s %" PRIu64, vrrp_alarms[i], sim.alarms[i]);
	printf("\n");
	/* a run of that length that never saw one of them tested less than it says */
	if (sim.steps < 1000000 || sim.want_nodes)
		return;
	if (!sim.mutes)
		sim_fail("there was never a member that hears nothing");
	for (unsigned i = 0; i < VRRP_CAUSE_COUNT; i++)
		if (!sim.causes[i])
			sim_fail("no state ever changed because of %s", vrrp_causes[i]);
	for (unsigned i = 0; i < VRRP_ALARM_EDGE; i++) /* those behind it are no step's */
		if (!sim.alarms[i])
			sim_fail("there was never an alarm %s", vrrp_alarms[i]);
	for (unsigned s = 0; s < VRRP_STATE_COUNT; s++)
		for (unsigned e = 0; e < VRRP_EVENT_COUNT; e++)
			if (!sim.cells[s][e] && e != VRRP_EVENT_SOURCE && e != VRRP_EVENT_JOIN &&
				e != VRRP_EVENT_YIELD && e != VRRP_EVENT_START)
				sim_fail("event %u never came in state %s", e, vrrp_state_names[s]);
}
