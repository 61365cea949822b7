/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core knows of each VRRP instance: what its process was told (configuration, keys, tracking), and what the
 * process said (state, alarms, counters). The process decides; nothing here does.
 *
 *   model_vrrp_confs    a configuration and its keys -> what the process gets; all of it, or why not
 *   model_vrrps_take    that becomes what runs: who came, changed, went
 *   model_vrrp_said_*   a message -> what is known, and the line that tells it
 *
 * Pure; lives as long as the core, while models come and go.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"
#include "common/events.h"
#include "common/log.h"
#include "lbd/model_track.h"
#include "lbd/override.h"
#include "lbd/vrrp/vrrp_msg.h"

#define MODEL_VRRP_LINE 400

struct model_line { /* what changed: for people, and as an event */
	enum lb_log_level level;
	enum lb_event_id event;
	const char *old, *new;        /* words of states; NULL = none. Static */
	char reason[VRRP_REASON_MAX]; /* of an alarm: its name */
	char text[MODEL_VRRP_LINE];   /* "" = nothing */
};

struct model_vrrp {
	const struct config_vrrp *cfg; /* borrowed from the configuration that runs */
	struct vrrp_conf *conf;       /* what the process gets: id, base priority of its group, resigned in it; owned */
	struct model_track *tracks;   /* cfg->n_tracks; owned */
	struct model_track_sum track; /* add: of its whole group */
	bool conf_due, track_due;     /* the process is to be told */
	bool spoke;                   /* it has said how this instance is */
	bool back;                    /* it is at fault, or was and does not preempt yet */
	struct vrrp_msg_state state;
	int64_t since_wall_ms;                  /* of the state */
	uint64_t transitions[VRRP_STATE_COUNT]; /* to it, of all processes that there were */
	uint32_t alarms;                        /* bits 1 << enum vrrp_alarm */
	char alarm_text[VRRP_ALARM_COUNT][VRRP_REASON_MAX];
	bool has_stats;
	struct vrrp_msg_stats stats;
};

struct model_vrrps {
	struct model_vrrp *v; /* sorted by name, as in the configuration; owned */
	uint32_t n;
	uint32_t next_id;               /* on the channel; never used again within a run of the core */
	uint32_t gone[CONFIG_VRRP_MAX]; /* ids that the process must let go of */
	uint32_t n_gone;
	struct model_vrrp *ended; /* those that model_vrrps_ended tells of; without cfg; owned */
	uint32_t n_ended, n_told;
	bool hold; /* nobody preempts for now */
};

/* Reads the file of a key: appends its text. 0, or -1 and *e, which names the file and what to do. */
typedef int model_vrrp_key_fn(const char *path, struct lb_text *out, struct lb_err *e, void *arg);

/* What the process will get for each instance of c (ids are 0 yet), c->n_vrrp of them. NULL and *e: a key cannot be
 * had, or no memory. To be freed with model_vrrp_confs_free. c without instances: an array of none. */
struct vrrp_conf *model_vrrp_confs(const struct config *c, model_vrrp_key_fn *read, void *arg, struct lb_err *e);
/* Whether the key of v, which has one, is such: 0, or -1 and *e. */
int model_vrrp_key_check(const struct config_vrrp *v, model_vrrp_key_fn *read, void *arg, struct lb_err *e);
/* Keys do not stay in freed memory. */
void model_vrrp_confs_free(struct vrrp_conf *confs, uint32_t n);

/* c runs from now on, with these confs (of the same c; copied). Who is in it already keeps id, state and what was seen
 * of its tracks. 0, or -ENOMEM with nothing changed but next_id. */
int model_vrrps_take(
	struct model_vrrps *vs, const struct config *c, const struct vrrp_conf *confs, const struct overrides *ov);
/* The next of those that the last take took away in a state that was told of, to be used until the next call, and *m,
 * the last word about it: what the process says, when nobody knows of it any more. NULL: there is none. */
struct model_vrrp *model_vrrps_ended(struct model_vrrps *vs, struct vrrp_msg_state *m);
/* How many instances that are there already would have other keys from the same file. confs: of c. */
uint32_t model_vrrps_new_keys(const struct model_vrrps *vs, const struct config *c, const struct vrrp_conf *confs);
/* Only keys may have changed. How many instances have new ones. */
uint32_t model_vrrps_take_keys(struct model_vrrps *vs, const struct vrrp_conf *confs);
/* Whether instances that may preempt wait with it. */
void model_vrrps_hold(struct model_vrrps *vs, bool hold);
/* v is at fault: from now on it does not preempt, until model_vrrps_over after the fault. */
void model_vrrp_at_fault(struct model_vrrps *vs, struct model_vrrp *v);
/* Who was at fault and is no longer may preempt. Whether nobody is any more. */
bool model_vrrps_over(struct model_vrrps *vs);
/* Overrides changed: a priority may be another one, that of a whole group. */
void model_vrrps_override(struct model_vrrps *vs, const struct overrides *ov);
/* Tracks were looked at: what they make of the priority and of faults. What is added is one sum for a whole group. */
void model_vrrps_weigh(struct model_vrrps *vs);
/* Whether packets come to this node: an instance is master here, or there is none. */
bool model_vrrps_forwards(const struct model_vrrps *vs);
/* The process is new: it knows nothing, and nothing is known of it. */
void model_vrrps_forget(struct model_vrrps *vs);
void model_vrrps_done(struct model_vrrps *vs);

struct model_vrrp *model_vrrp_by_id(struct model_vrrps *vs, uint32_t id);                 /* NULL: it is gone */
const struct model_vrrp *model_vrrp_find(const struct model_vrrps *vs, const char *name); /* NULL */
/* Who owns its addresses in the group of v, or is v: priorities are for others to have. NULL: nobody. */
const struct model_vrrp *model_vrrp_owner(const struct model_vrrps *vs, const struct model_vrrp *v);

/* Whether m tells of another state than is known, and which that is: to be asked before it is taken up. */
bool model_vrrp_changes(const struct model_vrrp *v, const struct vrrp_msg_state *m, enum vrrp_state *from);

/* Takes up what the process said. *out: what is to be told of it. */
void model_vrrp_said_state(
	struct model_vrrp *v, const struct vrrp_msg_state *m, int64_t wall_ms, struct model_line *out);
void model_vrrp_said_alarm(struct model_vrrp *v, const struct vrrp_msg_alarm *m, struct model_line *out);

/* An alarm is raised, or is over: all but the text. */
void model_alarm_line(struct model_line *out, const char *alarm, bool on);

/* "master" ...; "unknown" before the process has spoken. */
const char *model_vrrp_state_word(const struct model_vrrp *v);
/* Why: the reason of a fault, else the cause of the last change; "" before the process has spoken. */
const char *model_vrrp_cause_word(const struct model_vrrp *v);
