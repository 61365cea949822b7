/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of metrics and what each of them says. */
#include "lbd/ctl/metrics.h"

#include "lbd/ctl/ctl_alarm.h"
#include "lbd/ctl/ctl_rows.h"
#include "lbd/ctl/ctl_state.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const double ctl_lag_bounds[CTL_LAG_BUCKETS] = { 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1 };

void ctl_lag_add(struct ctl_lag *lag, uint32_t us)
{
	unsigned i = 0;
	while (i < CTL_LAG_BUCKETS && us > ctl_lag_bounds[i] * 1e6)
		i++;
	lag->n[i]++;
	lag->sum_us += us;
}

typedef struct metric_line line;

static void simple(const struct metrics *m, struct lb_text *out, double v)
{
	line l = metric_sample(m, out, "");
	metric_number(&l, v);
}

static line labelled(const struct metrics *m, struct lb_text *out, const char *name, const char *value)
{
	line l = metric_sample(m, out, "");
	metric_label(&l, name, value);
	return l;
}

/* ---- the daemon ---- */

static void build_info(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	(void)i;
	line l = labelled(m, out, "version", m->env->version);
	metric_count(&l, 1);
}

enum { ONE_READY, ONE_START, ONE_GENERATION, ONE_RELOADED, ONE_RELOAD_TIME, ONE_OVERRIDES, ONE_CLIENTS };

static void one(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct ctl_env *env = m->env;
	(void)i;
	switch (m->now->which) {
	case ONE_READY: simple(m, out, ctl_ready(env)); return;
	case ONE_START: simple(m, out, (double)env->started_wall_ms / 1e3); return;
	case ONE_GENERATION: simple(m, out, env->generation); return;
	case ONE_RELOADED: simple(m, out, env->last_reject == NULL); return;
	case ONE_RELOAD_TIME: simple(m, out, (double)env->applied_wall_ms / 1e3); return;
	case ONE_OVERRIDES: simple(m, out, (double)overrides_count(env->overrides)); return;
	case ONE_CLIENTS: simple(m, out, env->clients); return;
	default: return;
	}
}

static void requests(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	static const char *const levels[] = { "observe", "admin" };
	(void)i;
	for (unsigned k = 0; k < 2; k++) {
		line l = labelled(m, out, "level", levels[k]);
		metric_count(&l, m->env->requests[k]);
	}
}

static bool raised(const struct metrics *m, const char *alarm)
{
	size_t k;
	json_t *v;
	json_array_foreach (m->alarms, k, v)
		if (lb_alarm_is(json_string_value(v), alarm))
			return true;
	return false;
}

static void alarm(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	line l = labelled(m, out, "alarm", lb_alarms[i].name);
	metric_count(&l, raised(m, lb_alarms[i].name));
}

enum { KERNEL_REPAIRS, KERNEL_WRITES, KERNEL_REFUSED, KERNEL_OVERRUNS };

static void kernel(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct ipvs_counters *c = ipvs_counters(m->env->ipvs);
	line l = metric_sample(m, out, "");
	(void)i;
	if (m->now->which == KERNEL_OVERRUNS)
		metric_label(&l, "socket", "ipvs");
	metric_count(&l, m->now->which == KERNEL_REPAIRS   ? c->repairs
			 : m->now->which == KERNEL_WRITES  ? c->writes
			 : m->now->which == KERNEL_REFUSED ? c->refused
							   : c->overruns);
}

enum { WORKER_UP, WORKER_RESTARTS, WORKER_RSS };

static void worker(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct ctl_worker_info *w = &m->workers[i];
	if (m->now->which == WORKER_RSS && !w->rss_kib)
		return; /* it has not said */
	line l = labelled(m, out, "worker", w->name);
	metric_count(&l, m->now->which == WORKER_UP         ? w->up
			 : m->now->which == WORKER_RESTARTS ? w->restarts
							    : (uint64_t)w->rss_kib * 1024);
}

static void lag(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct ctl_worker_info *w = &m->workers[i];
	uint64_t sum = 0;
	line l;
	if (!w->lag)
		return;
	for (unsigned k = 0; k <= CTL_LAG_BUCKETS; k++) {
		char le[24] = "+Inf";
		if (k < CTL_LAG_BUCKETS)
			snprintf(le, sizeof(le), "%g", ctl_lag_bounds[k]);
		sum += w->lag->n[k];
		l = metric_sample(m, out, "_bucket");
		metric_label(&l, "worker", w->name);
		metric_label(&l, "le", le);
		metric_count(&l, sum);
	}
	l = metric_sample(m, out, "_sum");
	metric_label(&l, "worker", w->name);
	metric_number(&l, (double)w->lag->sum_us / 1e6);
	l = metric_sample(m, out, "_count");
	metric_label(&l, "worker", w->name);
	metric_count(&l, sum);
}

/* ---- VRRP ---- */

static line vrrp_line(const struct metrics *m, const struct model_vrrp *v, struct lb_text *out)
{
	return labelled(m, out, "vrrp", v->cfg->name);
}

static void vrrp_info(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct config_vrrp *c = m->env->vrrps->v[i].cfg;
	char vrid[8];
	snprintf(vrid, sizeof(vrid), "%u", c->vrid);
	line l = vrrp_line(m, &m->env->vrrps->v[i], out);
	metric_label(&l, "interface", c->interface);
	metric_label(&l, "vrid", vrid);
	metric_label(&l, "family", c->family == AF_INET6 ? "ipv6" : "ipv4");
	metric_label(&l, "group", c->group);
	metric_count(&l, 1);
}

static void vrrp_state(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_vrrp *v = &m->env->vrrps->v[i];
	for (unsigned k = 0; k < VRRP_STATE_COUNT; k++) {
		line l = vrrp_line(m, v, out);
		metric_label(&l, "state", vrrp_state_names[k]);
		metric_count(&l, v->spoke && v->state.state == k);
	}
}

static void vrrp_transitions(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_vrrp *v = &m->env->vrrps->v[i];
	for (unsigned k = 0; k < VRRP_STATE_COUNT; k++) {
		line l = vrrp_line(m, v, out);
		metric_label(&l, "to", vrrp_state_names[k]);
		metric_count(&l, v->transitions[k]);
	}
}

enum { VRRP_PRIORITY, VRRP_SINCE, VRRP_SENT, VRRP_RECEIVED, VRRP_RENEWALS };

static void vrrp(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_vrrp *v = &m->env->vrrps->v[i];
	bool known = m->now->which <= VRRP_SINCE ? v->spoke : v->has_stats;
	if (!known)
		return;
	line l = vrrp_line(m, v, out);
	switch (m->now->which) {
	case VRRP_PRIORITY: metric_count(&l, v->state.prio); return;
	case VRRP_SINCE: metric_number(&l, (double)v->since_wall_ms / 1e3); return;
	case VRRP_SENT: metric_count(&l, v->stats.sent); return;
	case VRRP_RECEIVED: metric_count(&l, v->stats.received); return;
	default: metric_count(&l, v->stats.renewals); return;
	}
}

static void vrrp_conflicts(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_vrrp *v = &m->env->vrrps->v[i];
	if (!v->has_stats)
		return;
	line l = vrrp_line(m, v, out);
	metric_label(&l, "kind", "duplicate_address");
	metric_count(&l, v->stats.conflicts);
}

static void vrrp_discarded(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_vrrp *v = &m->env->vrrps->v[i];
	for (unsigned k = VRRP_DISCARD_NONE + 1; k < VRRP_DISCARD_COUNT_OF && v->has_stats; k++) {
		line l = vrrp_line(m, v, out);
		metric_label(&l, "reason", vrrp_discards[k].name);
		metric_count(&l, v->stats.discarded[k]);
	}
}

/* ---- services ---- */

enum {
	COUNT_CONNS,
	COUNT_IN_PACKETS,
	COUNT_OUT_PACKETS,
	COUNT_IN_BYTES,
	COUNT_OUT_BYTES,
	COUNT_ACTIVE,
	COUNT_INACTIVE,
	COUNT_PERSISTENT
};

static uint64_t counter(const struct ipvs_stats *s, const struct ipvs_counts *c, unsigned which)
{
	switch (which) {
	case COUNT_CONNS: return s->conns;
	case COUNT_IN_PACKETS: return s->in_packets;
	case COUNT_OUT_PACKETS: return s->out_packets;
	case COUNT_IN_BYTES: return s->in_bytes;
	case COUNT_OUT_BYTES: return s->out_bytes;
	case COUNT_ACTIVE: return c->active;
	case COUNT_INACTIVE: return c->inactive;
	default: return c->persistent;
	}
}

static line listener_line(const struct metrics *m, uint32_t listener, struct lb_text *out)
{
	const struct model_listener *ml = &m->env->model->listeners[listener];
	char text[IPVS_KEY_STRLEN];
	line l = labelled(m, out, "service", m->env->model->services[ml->service].cfg->name);
	metric_label(&l, "listen", ipvs_key_str(&ml->key, text));
	return l;
}

static void service_count(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	static const struct ipvs_counts none;
	if (!m->listeners[i].there)
		return;
	line l = listener_line(m, i, out);
	metric_count(&l, counter(&m->listeners[i].stats, &none, m->now->which));
}

static void service_status(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_service *s = &m->env->model->services[i];
	unsigned status = ctl_service_status(m->env, s);
	for (unsigned k = 0; k < MODEL_SERVICE_STATUS_COUNT; k++) {
		line l = labelled(m, out, "service", s->cfg->name);
		metric_label(&l, "status", model_service_status_name((enum model_service_status)k));
		metric_count(&l, s->settled && status == k);
	}
}

static void service_backends(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_service *s = &m->env->model->services[i];
	uint32_t in_pool = ctl_service_in_pool(m->env, s);
	line l = labelled(m, out, "service", s->cfg->name);
	metric_label(&l, "in_pool", "true");
	metric_count(&l, in_pool);
	l = labelled(m, out, "service", s->cfg->name);
	metric_label(&l, "in_pool", "false");
	metric_count(&l, s->cfg->n_backends - in_pool);
}

enum { SERVICE_QUORUM_REACHED, SERVICE_SORRY_ACTIVE };

static void service(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_service *s = &m->env->model->services[i];
	line l = labelled(m, out, "service", s->cfg->name);
	metric_count(&l, m->now->which == SERVICE_QUORUM_REACHED ? !s->quorum_lost : s->sorry);
}

/* ---- backends ---- */

static line backend_line(const struct metrics *m, const struct model_backend *b, struct lb_text *out)
{
	line l = labelled(m, out, "service", m->env->model->services[b->service].cfg->name);
	metric_label(&l, "backend", b->cfg->name);
	return l;
}

static void backend_count(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct metrics_dest *d = &m->dests[i];
	const struct model *model = m->env->model;
	if (!d->there)
		return;
	const struct model_service *s = &model->services[model->listeners[m->listener].service];
	line l = listener_line(m, m->listener, out);
	metric_label(&l, "backend",
		model->backends[s->first_backend + (i - m->listeners[m->listener].first_dest)].cfg->name);
	metric_count(&l, counter(&d->stats, &d->counts, m->now->which));
}

enum { OF_BACKEND_IN_POOL, OF_BACKEND_WEIGHT, OF_BACKEND_CONFIGURED };

static void backend(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_backend *b = &m->env->model->backends[i];
	line l = backend_line(m, b, out);
	metric_count(&l, m->now->which == OF_BACKEND_IN_POOL  ? ctl_backend_in_pool(m->env, b)
			 : m->now->which == OF_BACKEND_WEIGHT ? b->weight
							      : b->cfg->weight);
}

static void backend_admin(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_backend *b = &m->env->model->backends[i];
	for (unsigned k = 0; k < CONFIG_STATE_COUNT; k++) {
		line l = backend_line(m, b, out);
		metric_label(&l, "state", config_states[k]);
		metric_count(&l, (unsigned)model_admin_state(b) == k);
	}
}

static void backend_info(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_backend *b = &m->env->model->backends[i];
	char ip[LB_IP_STRLEN], port[8] = "";
	if (b->cfg->port)
		snprintf(port, sizeof(port), "%u", b->cfg->port);
	line l = backend_line(m, b, out);
	metric_label(&l, "address", lb_ip_str(&b->cfg->addr, ip));
	metric_label(&l, "port", port);
	metric_label(&l, "mode", ipvs_method_name(b->cfg->method));
	metric_count(&l, 1);
}

enum { CHECK_UP, CHECK_DURATION, CHECK_SINCE, CHECK_ERROR };

static bool check_says(const struct model_target *t, unsigned which)
{
	return which == CHECK_ERROR ? t->error_since.us != 0 : t->judged && (which != CHECK_SINCE || t->since_wall_ms);
}

static void check(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model *model = m->env->model;
	const struct model_backend *b = &model->backends[i];
	for (uint32_t k = 0; k < model->services[b->service].cfg->n_checks; k++) {
		const struct model_target *t = model_backend_target(model, i, k);
		/* not t->check: of checks with equal settings one target has the name of one */
		const char *name = model->services[b->service].cfg->checks[k]->name;
		if (!t || !check_says(t, m->now->which))
			continue;
		line l = backend_line(m, b, out);
		metric_label(&l, "check", name);
		switch (m->now->which) {
		case CHECK_UP: metric_count(&l, t->up); break;
		case CHECK_DURATION: metric_number(&l, t->latency_us / 1e6); break;
		case CHECK_ERROR:
			metric_number(&l, (double)lb_time_diff_us(m->env->ops->now(m->env->arg), t->error_since) / 1e6);
			break;
		default: metric_number(&l, (double)t->since_wall_ms / 1e3); break;
		}
	}
}

/* ---- flows and nodes ---- */

enum { SYNC_ENTRIES, SYNC_SENT, SYNC_RECEIVED, SYNC_RESYNCS };

static void flows(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct sync_msg_stats *s = &m->env->sync->stats[i];
	if (!m->env->sync->has_stats[i])
		return;
	line l = labelled(m, out, "kind", sync_kinds[i]);
	switch (m->now->which) {
	case SYNC_ENTRIES: metric_count(&l, s->local + s->peer); return;
	case SYNC_SENT: metric_count(&l, s->sent); return;
	case SYNC_RECEIVED: metric_count(&l, s->received); return;
	default: metric_count(&l, s->resyncs); return;
	}
}

static void flows_lag(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	uint32_t lag_ms;
	if (!model_sync_kind_lag(m->env->sync, (enum sync_kind)i, &lag_ms))
		return;
	line l = labelled(m, out, "kind", sync_kinds[i]);
	metric_number(&l, lag_ms / 1e3);
}

static void flows_dropped(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct sync_msg_stats *s = &m->env->sync->stats[i];
	const struct {
		const char *reason;
		uint64_t n;
	} rows[] = { { "refused", s->refused }, { "lost", s->lost }, { "full", s->full } };
	for (unsigned k = 0; k < 3 && m->env->sync->has_stats[i]; k++) {
		line l = labelled(m, out, "kind", sync_kinds[i]);
		metric_label(&l, "reason", rows[k].reason);
		metric_count(&l, rows[k].n);
	}
}

static void flows_up(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_sync *s = m->env->sync;
	(void)i;
	if (!s || !model_sync_flows(s))
		return;
	line l = labelled(m, out, "peer", s->conf.peer);
	metric_count(&l, model_sync_up(s));
}

static void peer_up(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_peer *p = &m->env->peers->v[i];
	line l = labelled(m, out, "peer", p->name);
	metric_count(&l, p->state == MODEL_PEER_UP);
}

static void peer_info(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_peer *p = &m->env->peers->v[i];
	if (!p->is.version[0])
		return;
	line l = labelled(m, out, "peer", p->name);
	metric_label(&l, "version", p->is.version);
	metric_count(&l, 1);
}

enum { PEER_PATHS, PEER_OFFSET };

static void peer(const struct metrics *m, uint32_t i, struct lb_text *out)
{
	const struct model_peer *p = &m->env->peers->v[i];
	if (p->state != MODEL_PEER_UP)
		return;
	line l = labelled(m, out, "peer", p->name);
	if (m->now->which == PEER_PATHS)
		metric_count(&l, model_peer_paths_up(p));
	else
		metric_number(&l, (double)p->is.offset_us / 1e6);
}

/* ---- the table ---- */

#define COUNTER METRIC_COUNTER
#define GAUGE   METRIC_GAUGE
#define OVER(x) METRIC_OVER_##x
#define L_B     "service, listen, backend"

const struct metric metrics_table[] = {
	{ "lbd_build_info", GAUGE, OVER(ONE), build_info, 0, "version",
		"Always 1; the version of the daemon that runs." },
	{ "lbd_start_time_seconds", GAUGE, OVER(ONE), one, ONE_START, "", "When the core started, by the wall clock." },
	{ "lbd_ready", GAUGE, OVER(ONE), one, ONE_READY, "",
		"1 when the first verdicts are in and the kernel has what is wanted." },
	{ "lbd_alarm_raised", GAUGE, OVER(ALARMS), alarm, 0, "alarm",
		"1 while the alarm is raised; as in lbctl status." },
	{ "lbd_overrides", GAUGE, OVER(ONE), one, ONE_OVERRIDES, "", "Objects with a value that an operator has set." },
	{ "lbd_control_clients", GAUGE, OVER(ONE), one, ONE_CLIENTS, "", "Clients of the control sockets." },
	{ "lbd_control_requests_total", COUNTER, OVER(ONE), requests, 0, "level",
		"Requests on the control sockets, by the right that the socket gives." },
	{ "lbd_config_generation", GAUGE, OVER(ONE), one, ONE_GENERATION, "",
		"Number of the configuration that runs." },
	{ "lbd_config_last_reload_successful", GAUGE, OVER(ONE), one, ONE_RELOADED, "",
		"0 when the file of the daemon was rejected, and no configuration was taken up since." },
	{ "lbd_config_last_reload_success_timestamp_seconds", GAUGE, OVER(ONE), one, ONE_RELOAD_TIME, "",
		"When the configuration that runs was taken up." },
	{ "lbd_kernel_drift_repairs_total", COUNTER, OVER(ONE), kernel, KERNEL_REPAIRS, "",
		"Times that the audit found IPVS other than wanted, and repaired it." },
	{ "lbd_kernel_writes_total", COUNTER, OVER(ONE), kernel, KERNEL_WRITES, "", "Operations sent to IPVS." },
	{ "lbd_kernel_refusals_total", COUNTER, OVER(ONE), kernel, KERNEL_REFUSED, "",
		"Operations that IPVS refused." },
	{ "lbd_netlink_overruns_total", COUNTER, OVER(ONE), kernel, KERNEL_OVERRUNS, "socket",
		"Answers of the kernel that were lost." },
	{ "lbd_worker_up", GAUGE, OVER(WORKERS), worker, WORKER_UP, "worker", "1 while the process runs and answers." },
	{ "lbd_worker_restarts_total", COUNTER, OVER(WORKERS), worker, WORKER_RESTARTS, "worker",
		"Times that the process was started again by the core." },
	{ "lbd_worker_resident_memory_bytes", GAUGE, OVER(WORKERS), worker, WORKER_RSS, "worker",
		"Resident memory of the process, as it says itself." },
	{ "lbd_worker_loop_lag_seconds", METRIC_HISTOGRAM, OVER(WORKERS), lag, 0, "worker",
		"How late the loop of the process was, the worst of each second." },
	{ "lbd_vrrp_info", GAUGE, OVER(VRRPS), vrrp_info, 0, "vrrp, interface, vrid, family, group",
		"Always 1; what the configuration says of the instance." },
	{ "lbd_vrrp_state", GAUGE, OVER(VRRPS), vrrp_state, 0, "vrrp, state",
		"1 for the state that the instance is in; all 0 while it is not known." },
	{ "lbd_vrrp_priority", GAUGE, OVER(VRRPS), vrrp, VRRP_PRIORITY, "vrrp",
		"Effective priority, tracking included." },
	{ "lbd_vrrp_last_transition_timestamp_seconds", GAUGE, OVER(VRRPS), vrrp, VRRP_SINCE, "vrrp",
		"When the state changed last." },
	{ "lbd_vrrp_transitions_total", COUNTER, OVER(VRRPS), vrrp_transitions, 0, "vrrp, to",
		"Changes of state since the core started." },
	{ "lbd_vrrp_advertisements_sent_total", COUNTER, OVER(VRRPS), vrrp, VRRP_SENT, "vrrp", "Adverts sent." },
	{ "lbd_vrrp_advertisements_received_total", COUNTER, OVER(VRRPS), vrrp, VRRP_RECEIVED, "vrrp",
		"Adverts received and taken." },
	{ "lbd_vrrp_advertisements_discarded_total", COUNTER, OVER(VRRPS), vrrp_discarded, 0, "vrrp, reason",
		"Adverts received and refused." },
	{ "lbd_vrrp_conflicts_total", COUNTER, OVER(VRRPS), vrrp_conflicts, 0, "vrrp, kind",
		"Times that somebody else said it has an address of this master." },
	{ "lbd_vip_lease_renewals_total", COUNTER, OVER(VRRPS), vrrp, VRRP_RENEWALS, "vrrp",
		"Renewals of the leases of virtual addresses, all of an instance at once." },
	{ "lbd_service_status", GAUGE, OVER(SERVICES), service_status, 0, "service, status",
		"1 for the status that the service has; all 0 while it is not known." },
	{ "lbd_service_backends", GAUGE, OVER(SERVICES), service_backends, 0, "service, in_pool",
		"Configured backends, by whether they may get new flows." },
	{ "lbd_service_quorum_reached", GAUGE, OVER(SERVICES), service, SERVICE_QUORUM_REACHED, "service",
		"0 while too few backends are in the pool." },
	{ "lbd_service_sorry_active", GAUGE, OVER(SERVICES), service, SERVICE_SORRY_ACTIVE, "service",
		"1 while the sorry server has taken over." },
	{ "lbd_service_connections_total", COUNTER, OVER(LISTENERS), service_count, COUNT_CONNS, "service, listen",
		"Connections scheduled, counted by IPVS." },
	{ "lbd_service_incoming_packets_total", COUNTER, OVER(LISTENERS), service_count, COUNT_IN_PACKETS,
		"service, listen", "Packets from clients, counted by IPVS." },
	{ "lbd_service_outgoing_packets_total", COUNTER, OVER(LISTENERS), service_count, COUNT_OUT_PACKETS,
		"service, listen", "Packets to clients (mode nat), counted by IPVS." },
	{ "lbd_service_incoming_bytes_total", COUNTER, OVER(LISTENERS), service_count, COUNT_IN_BYTES,
		"service, listen", "Bytes from clients, counted by IPVS." },
	{ "lbd_service_outgoing_bytes_total", COUNTER, OVER(LISTENERS), service_count, COUNT_OUT_BYTES,
		"service, listen", "Bytes to clients (mode nat), counted by IPVS." },
	{ "lbd_backend_in_pool", GAUGE, OVER(BACKENDS), backend, OF_BACKEND_IN_POOL, "service, backend",
		"1 when the backend may get new flows." },
	{ "lbd_backend_weight", GAUGE, OVER(BACKENDS), backend, OF_BACKEND_WEIGHT, "service, backend",
		"The weight that the kernel is to have." },
	{ "lbd_backend_weight_configured", GAUGE, OVER(BACKENDS), backend, OF_BACKEND_CONFIGURED, "service, backend",
		"The weight in the configuration." },
	{ "lbd_backend_admin_state", GAUGE, OVER(BACKENDS), backend_admin, 0, "service, backend, state",
		"1 for what the configuration or an operator says: enabled, drain, maint." },
	{ "lbd_backend_info", GAUGE, OVER(BACKENDS), backend_info, 0, "service, backend, address, port, mode",
		"Always 1; port is empty when it is that of the listener." },
	{ "lbd_backend_connections_total", COUNTER, OVER(DESTS), backend_count, COUNT_CONNS, L_B,
		"Connections scheduled, counted by IPVS." },
	{ "lbd_backend_incoming_packets_total", COUNTER, OVER(DESTS), backend_count, COUNT_IN_PACKETS, L_B,
		"Packets from clients, counted by IPVS." },
	{ "lbd_backend_outgoing_packets_total", COUNTER, OVER(DESTS), backend_count, COUNT_OUT_PACKETS, L_B,
		"Packets to clients (mode nat), counted by IPVS." },
	{ "lbd_backend_incoming_bytes_total", COUNTER, OVER(DESTS), backend_count, COUNT_IN_BYTES, L_B,
		"Bytes from clients, counted by IPVS." },
	{ "lbd_backend_outgoing_bytes_total", COUNTER, OVER(DESTS), backend_count, COUNT_OUT_BYTES, L_B,
		"Bytes to clients (mode nat), counted by IPVS." },
	{ "lbd_backend_connections_active", GAUGE, OVER(DESTS), backend_count, COUNT_ACTIVE, L_B,
		"Established connections, counted by IPVS." },
	{ "lbd_backend_connections_inactive", GAUGE, OVER(DESTS), backend_count, COUNT_INACTIVE, L_B,
		"Connections in any other state, counted by IPVS." },
	{ "lbd_backend_connections_persistent", GAUGE, OVER(DESTS), backend_count, COUNT_PERSISTENT, L_B,
		"Clients that are kept at the backend, counted by IPVS." },
	{ "lbd_check_up", GAUGE, OVER(BACKENDS), check, CHECK_UP, "service, backend, check",
		"1 when the check has passed often enough; absent until it was judged." },
	{ "lbd_check_duration_seconds", GAUGE, OVER(BACKENDS), check, CHECK_DURATION, "service, backend, check",
		"How long the last probe took that the probe process told of." },
	{ "lbd_check_last_change_timestamp_seconds", GAUGE, OVER(BACKENDS), check, CHECK_SINCE,
		"service, backend, check", "When the check went up or down last." },
	{ "lbd_check_error_seconds", GAUGE, OVER(BACKENDS), check, CHECK_ERROR, "service, backend, check",
		"How long its probes have ended in nothing but a fault of our own; absent when they do not." },
	{ "lbd_sync_up", GAUGE, OVER(ONE), flows_up, 0, "peer",
		"1 while there is the link to the other node over which flows are copied; absent where none are." },
	{ "lbd_sync_entries", GAUGE, OVER(KINDS), flows, SYNC_ENTRIES, "kind", "Flows known, of both nodes." },
	{ "lbd_sync_lag_seconds", GAUGE, OVER(KINDS), flows_lag, 0, "kind",
		"Age of the oldest record that the peer has not acknowledged; without a link, since there is none. "
		"Absent while an operator has paused it." },
	{ "lbd_sync_messages_sent_total", COUNTER, OVER(KINDS), flows, SYNC_SENT, "kind", "Records sent to the peer." },
	{ "lbd_sync_messages_received_total", COUNTER, OVER(KINDS), flows, SYNC_RECEIVED, "kind",
		"Records received from the peer." },
	{ "lbd_sync_messages_dropped_total", COUNTER, OVER(KINDS), flows_dropped, 0, "kind, reason",
		"Records that the kernel refused, that were lost, or that found a full table." },
	{ "lbd_sync_full_resyncs_total", COUNTER, OVER(KINDS), flows, SYNC_RESYNCS, "kind",
		"Times that all flows were copied anew." },
	{ "lbd_peer_up", GAUGE, OVER(PEERS), peer_up, 0, "peer", "1 while the other node is heard on any path." },
	{ "lbd_peer_info", GAUGE, OVER(PEERS), peer_info, 0, "peer, version", "Always 1; absent until it was heard." },
	{ "lbd_peer_paths_up", GAUGE, OVER(PEERS), peer, PEER_PATHS, "peer",
		"Paths on which the other node is heard." },
	{ "lbd_peer_clock_offset_seconds", GAUGE, OVER(PEERS), peer, PEER_OFFSET, "peer",
		"Its wall clock minus that of this node." },
};
const size_t metrics_n = sizeof(metrics_table) / sizeof(metrics_table[0]);
