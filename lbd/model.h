/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's one picture of the world: configuration + health + overrides -> who is in the pool.
 *
 *   model_new       a model for a configuration, taking over what an older model knew (health of unchanged checks,
 *                   drain clocks); the older one stays whole, so a candidate can be planned and thrown away
 *   model_health    a verdict arrived -> services become dirty
 *   model_settle    for a dirty service: decide each backend again, report what changed
 *   plan_listener   (plan.h) the decided service -> rows for the kernel
 *
 * Pure: no fd, no clock, no log. Arrays are flat and indexed, because a model may hold 100,000 backends.
 */
#pragma once

#include "common/time.h"
#include "lbd/check/check_types.h"
#include "lbd/config/config.h"
#include "lbd/override.h"

#include <stdbool.h>
#include <stdint.h>

#define MODEL_NONE UINT32_MAX

/* Why a backend is in or out, a set (interface: "reasons"). The order is the order of importance. */
enum model_reason {
	MODEL_REASON_SERVICE_MAINT = 1 << 0,
	MODEL_REASON_ADMIN_MAINT = 1 << 1,
	MODEL_REASON_ADMIN_DRAIN = 1 << 2,
	MODEL_REASON_FORCED_DOWN = 1 << 3,
	MODEL_REASON_CHECK_FAILED = 1 << 4,
	MODEL_REASON_FLAPPING = 1 << 5,
	MODEL_REASON_NOT_CHECKED = 1 << 6, /* with in_pool: a restart found it serving, it stays until judged */
	MODEL_REASON_ZERO_WEIGHT = 1 << 7, /* configured or overridden to 0: no new flows by intent */
	MODEL_REASON_QUORUM_LOST = 1 << 8,
	MODEL_REASON_KERNEL_REFUSED = 1 << 9,
	/* in the pool, for information */
	MODEL_REASON_FAIL_OPEN = 1 << 10,
	MODEL_REASON_QUORUM_OPEN = 1 << 11,
	MODEL_REASON_FORCED_UP = 1 << 12,
	MODEL_REASON_CHECK_WEIGHT = 1 << 13,
	MODEL_REASON_SLOW_START = 1 << 14,
};
struct model_reason_row {
	enum model_reason bit;
	const char *name; /* "check_failed" */
	const char *help;
};
extern const struct model_reason_row model_reasons[];
extern const size_t model_reasons_n;
/* The name of the most important reason in a set, "" when it is empty. */
const char *model_reason_first(uint32_t reasons);

enum model_backend_state {
	MODEL_BACKEND_UP,
	MODEL_BACKEND_DOWN,
	MODEL_BACKEND_UNCHECKED,
	MODEL_BACKEND_DRAIN,
	MODEL_BACKEND_MAINT
};
const char *model_backend_state_name(enum model_backend_state s);

enum model_service_status {
	MODEL_SERVICE_UP,       /* every enabled backend is in the pool */
	MODEL_SERVICE_DEGRADED, /* some are not, or should not be */
	MODEL_SERVICE_SORRY,    /* the quorum is lost and the sorry server is in */
	MODEL_SERVICE_DOWN,     /* the quorum is lost */
	MODEL_SERVICE_MAINT     /* no backend is enabled */
};
#define MODEL_SERVICE_STATUS_COUNT 5
const char *model_service_status_name(enum model_service_status s);

struct model_damping {        /* of a target that flaps */
	uint32_t penalty;     /* 1000 for each fall */
	struct lb_time at;    /* when it was right, it decays since */
	struct lb_time until; /* before that it counts as down; us 0 = not damped */
};

/* Checks that differ in nothing but their damping are one probe: each way of damping has its own account of it. */
struct model_damper {
	uint32_t suppress, half_life_ms; /* of the checks that it is for */
	struct model_damping damping;
	struct model_damping unfallen; /* the same without its last fall */
	bool fall_counted;             /* that is in it */
	uint32_t next;                 /* next damper of the same target, MODEL_NONE = last */
};

struct model_target { /* one probe, shared by every backend that asks the same of the same address and port */
	uint32_t id;  /* on the channel; never reused within a run of the core */
	const struct config_check *check; /* borrowed from the configuration */
	struct lb_ip addr;
	uint16_t port;
	uint32_t after; /* 1 + id of the stage before it, 0 = none */
	uint16_t n;     /* rise/fall counter as the probe process reported it */
	bool judged, up;
	bool tracked; /* by a VRRP instance: wanted without any backend */
	bool sent;    /* its room was told to probe it, and not to stop */
	uint8_t code; /* enum check_code */
	uint32_t latency_us;
	uint32_t first_link;
	uint32_t wanted_by;                 /* so many of its links: those of backends that are not in maintenance */
	int64_t since_wall_ms;              /* of the last change of up */
	char *text;                         /* of the last result, NULL = none; owned */
	struct check_weight weight;         /* what the backend asks for */
	struct lb_time failing_since;       /* the first FAIL that still counts; us 0 = none */
	struct lb_time error_since;         /* its last words are all of a fault of our own; us 0 = not so */
	uint32_t error_before, error_after; /* in the list of those: model_error.h */
	uint32_t first_damper;              /* MODEL_NONE = nobody damps it */
};

struct model_link { /* backend b uses target t */
	uint32_t backend, target;
	uint32_t damper; /* MODEL_NONE = its check has no damping */
	uint32_t next;   /* next link of the same target, MODEL_NONE = last */
};

struct model_backend {
	const struct config_backend *cfg;
	uint32_t service;
	uint32_t first_link;        /* its links stand together: service->cfg->n_checks of them */
	const struct override *ov;  /* NULL = none; borrowed from the overrides, refreshed by model_override_changed */
	struct lb_time drain_since; /* us 0 = not draining */
	int64_t drain_set_wall_ms;  /* of the override that the clock runs for, 0 = the configuration's drain */
	int64_t since_wall_ms;      /* of the last change of state */
	struct lb_time ramp_since;  /* slow start; us 0 = has its full weight */
	struct lb_time ramp_paused; /* when it left the pool in the middle of that; us 0 = it has not */
	bool was_out;               /* down, drained or in maintenance, and not in the pool since: it will come back */
	struct lb_time failing_since; /* fail-open: of its checks together; us 0 = they do not fail */
	bool was_in;                  /* it was in the pool when they began to */
	bool held;                    /* their failure is not believed */
	bool service_maint;           /* an operator has put its whole service in maintenance; as ov */
	bool wants;                   /* its links count in wanted_by of their targets; as ov */
	/* decided by model_settle: */
	uint32_t weight; /* effective: what the kernel gets */
	uint8_t state;   /* enum model_backend_state */
	uint16_t reasons;
	bool in_table; /* has a row in the kernel */
	bool in_pool;  /* may get new flows */
	bool settled;  /* decided at least once */
	bool trusted;  /* a start, or a reload of its check, found it serving: it stays until it is judged */
	bool was_down; /* a reload changed the check that had it down: so it stays until it is judged */
	/* The weight that the kernel had it with then: not more until its checks may have asked for theirs; 0 = not so.
	 */
	uint32_t adopted;
	bool ramp_unknown; /* that may be a step of a slow start that this run has not seen begin */
};

struct model_service {
	const struct config_service *cfg;
	uint32_t first_backend; /* cfg->n_backends of them */
	uint32_t in_pool;
	uint8_t status; /* enum model_service_status */
	bool quorum_lost;
	bool sorry; /* the sorry server is in the pool */
	bool dirty, settled;
	bool lost;                     /* it is down or sorry, and that is certain: see first_lost */
	struct lb_time lost_since;     /* it is down or sorry; us 0 = it is not */
	uint32_t lost_prev, lost_next; /* of those that are lost; MODEL_NONE = no other */
	int64_t since_wall_ms;
	const struct override *ov; /* as of a backend */
	struct lb_time deadline;   /* when time alone changes its plan (end of a drain); LB_TIME_NEVER = never */
};

struct model_listener { /* index from a kernel key to the service */
	struct ipvs_key key;
	uint32_t service;
};

struct model {
	struct config *config; /* owned */
	const struct overrides *overrides;
	struct model_service *services;
	struct model_backend *backends;
	struct model_link *links;
	struct model_target *targets; /* sorted by id */
	struct model_damper *dampers;
	struct model_listener *listeners; /* sorted by key */
	uint32_t n_services, n_backends, n_links, n_targets, n_dampers, n_listeners;
	/* Services that are down or sorry, in the order in which they became so. One whose backends have not been heard
	 * is none yet: at a start nothing is lost. Neither is one in maintenance: an operator has asked for that. */
	uint32_t first_lost, last_lost, n_lost;
	uint32_t *dirty; /* indices of dirty services, a ring with a place for each: who came first is served first */
	uint32_t first_dirty, n_dirty;
	struct model_decision *scratch; /* room for the backends of any one service */
	struct lb_time *times;          /* the same */
	uint32_t *by_place; /* for each service, from first_backend on: which of its backends, by address and port */
	uint32_t *target_slots; /* open addressing over targets by what they probe */
	uint32_t n_slots;
	uint32_t first_error; /* of the list of targets with error_since, MODEL_NONE = empty */
};

/* Asked at model_new for backends that nobody has judged: the weight that the kernel has this destination with, 0 when
 * it has none. */
typedef uint32_t model_in_kernel_fn(const struct ipvs_key *key, const struct lb_ip *addr, uint16_t port, void *arg);

struct model_input {
	struct config *config;   /* owned by the model from now on, also when model_new fails */
	const struct model *old; /* NULL at start */
	const struct overrides *overrides;
	model_in_kernel_fn *in_kernel; /* NULL = nothing there */
	void *arg;
	uint32_t *next_id; /* of targets; advanced */
	struct lb_time now;
	int64_t wall_ms;
};

/* Every service is dirty, except those whose configuration is the same as in `old` and that were settled there.
 * NULL: no memory. */
struct model *model_new(const struct model_input *in);
void model_free(struct model *m);

void model_dirty(struct model *m, uint32_t service);
/* The next dirty service, no longer marked so; MODEL_NONE when there is none. */
uint32_t model_next_dirty(struct model *m);

/* Whether anybody wants this probe: not when every backend that uses it is in maintenance and no VRRP instance tracks
 * it. */
bool model_target_wanted(const struct model_target *t);

/* The target whose first verdict is still to come before there is one of this: itself, or a stage before it. NULL: it
 * has one, nobody wants it, or it rests, as a stage after one that failed. */
const struct model_target *model_target_awaited(const struct model *m, const struct model_target *t);

/* Whether a target without a verdict has no prospect of one: its probes end in a fault of our own, time and again. */
bool model_target_stuck(const struct model_target *t, struct lb_time now);
/* When it is to be taken for that, if nothing happens before; LB_TIME_NEVER: no reason to. */
struct lb_time model_target_stuck_at(const struct model_target *t);

/* What its room is to be told of a target, so that it is probed exactly while somebody wants it. */
enum model_tell { MODEL_TELL_NOTHING, MODEL_TELL_SET, MODEL_TELL_DEL };
/* Decides that for the target at this index, and takes it as told. What is known of one that nobody wants is forgotten:
 * when somebody wants it again, the first verdict decides anew. */
enum model_tell model_target_tell(struct model *m, uint32_t target);

/* The probe process' word on a target. Returns false when the id is unknown (it was removed meanwhile: ignore). */
bool model_health(
	struct model *m, uint32_t target_id, const struct check_state *state, struct lb_time now, int64_t wall_ms);

/* ---- flap damping (model_damp.c) ---- */
/* The target fell: its penalty grows, and it may have to stay out for a while. */
void model_damp(struct model *m, const struct model_target *t, struct lb_time now);
/* The fall that the target of this link is down since is not believed where the link's damping is in use: all is as if
 * it had not been. Nothing happens when it is up. */
void model_damp_back(struct model *m, const struct model_link *l);
/* The falls of the target are forgotten. */
void model_undamp(struct model *m, const struct model_target *t);
/* What is left of the penalty, 1000 per fall. */
uint32_t model_penalty(const struct model_damper *d, struct lb_time now);
/* What another damper of the same target knows, by the rules of this one. */
void model_damper_from(struct model_damper *d, const struct model_damper *old, struct lb_time now);
/* The damper of a target for a check; MODEL_NONE: it has none like that. */
uint32_t model_damper_of(const struct model *m, const struct model_target *t, const struct config_check *check);

/* Overrides of this object changed (or went): take them up and mark its service. */
void model_override_changed(struct model *m, const char *object);
/* Whether the configuration has the backend or the service that an override is about. */
bool model_override_known(const struct model *m, const char *object);
/* How many backends an override of this object is about, from *first on; 0 = none. */
uint32_t model_override_backends(const struct model *m, const char *object, uint32_t *first);
/* Takes up the overrides of a service, for all its backends. */
void model_service_override(struct model *m, uint32_t service);
/* The backend may be in maintenance now, or not any more: whether it wants its targets to be probed is counted anew. */
void model_backend_wants(struct model *m, struct model_backend *b);

/* What changed when a service was decided again. */
struct model_change {
	const struct model *m;
	uint32_t service, backend;    /* backend MODEL_NONE: the service itself */
	uint8_t old_state, new_state; /* enum model_backend_state or model_service_status */
	uint32_t old_weight, new_weight;
};
typedef void model_change_fn(const struct model_change *ch, void *arg);

/* Decides every backend of a service from configuration, overrides, health and time (model_pool.c). Calls fn (may be
 * NULL) for each backend whose state or weight differs from the last decision and for the service if its status does;
 * not for the very first decision of either. */
void model_settle(
	struct model *m, uint32_t service, struct lb_time now, int64_t wall_ms, model_change_fn *fn, void *arg);

/* Marks services whose deadline is due; returns the earliest deadline left. O(services). */
struct lb_time model_tick(struct model *m, struct lb_time now);

/* ---- finding ---- */
uint32_t model_service_find(const struct model *m, const char *name); /* MODEL_NONE */
uint32_t model_backend_find(const struct model *m, const char *service, const char *backend);
/* "web/app1" -> index; MODEL_NONE and *e (LB_CODE_NOT_FOUND, with the nearest name) when there is none. */
uint32_t model_object_find(const struct model *m, const char *object, struct lb_err *e);
uint32_t model_listener_service(const struct model *m, const struct ipvs_key *key);
/* The backend (an index into m->backends) that the kernel's destination addr:port behind this listener of the service
 * is, by bisection; MODEL_NONE when it is none. Behind a firewall mark a backend without a port has every port. */
uint32_t model_backend_at(const struct model *m, uint32_t service, const struct ipvs_key *listener,
	const struct lb_ip *addr, uint16_t port);
/* Builds what model_backend_at looks into. Once, by model_new, when the service has its backends. */
void model_at_build(struct model *m, const struct model_service *s);
const struct model_target *model_target_by_id(const struct model *m, uint32_t id);
const struct model_target *model_backend_target(const struct model *m, uint32_t backend, uint32_t check);

/* The probe of a check that a VRRP instance tracks, at the check's own address; NULL when nobody tracks it. */
const struct model_target *model_tracked_target(const struct model *m, const struct config_check *check);

/* The check that decides about a backend: the first that says of it what they all together do. So one that is not
 * known is not blamed for what another one found. NULL: it has none. */
const struct model_target *model_deciding_target(const struct model *m, uint32_t backend, struct lb_time now);

/* The effective admin state and the configured-or-overridden weight before health. */
enum config_state model_admin_state(const struct model_backend *b);
uint32_t model_admin_weight(const struct model_backend *b);
enum model_forced { MODEL_FORCED_NOT, MODEL_FORCED_UP, MODEL_FORCED_DOWN };
enum model_forced model_forced(const struct model_backend *b); /* an operator overrules the checks */

/* The port a backend has behind this listener. */
uint16_t model_backend_port(const struct model_backend *b, const struct ipvs_key *listener);

struct model_totals {
	uint32_t services[MODEL_SERVICE_STATUS_COUNT];
	uint32_t backends[5]; /* by enum model_backend_state */
};
struct model_totals model_totals(const struct model *m);

/* The spec the probe process gets for a target. Borrowed strings. */
void model_target_spec(const struct model_target *t, struct check_spec *out);
/* What it gets to go on from: what it said last. */
void model_target_state(const struct model_target *t, struct check_state *out);
