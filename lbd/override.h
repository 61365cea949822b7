/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What operators decided by hand, apart from the configuration: an admin state, a weight and a word instead of the
 * checks per backend, maintenance of a whole service, a priority per VRRP instance, each with who, when, why and until
 * when. They survive reload and restart (the caller keeps the JSON in the state directory) and never hide: every view
 * marks an overridden value.
 *
 * An expiry is kept twice: as wall-clock time for the disk and for people, as time since the boot for deciding, so that
 * a stepped clock neither ends nor prolongs it. What was set here has so many minutes, whatever the clock says: when it
 * is set, the wall-clock time follows (overrides_clock). Of what comes from the disk or from the other node only the
 * wall-clock time is known, so there it is the other way round: a clock that was wrong at a boot is forgiven.
 *
 * Whatever is `now` here is CLOCK_BOOTTIME: the minutes pass while the machine sleeps, as they do on the other node,
 * and a machine that wakes up is not taken for one whose clock was set.
 */
#pragma once

#include "common/err.h"
#include "common/time.h"
#include "lbd/config/config.h"

#include <jansson.h>
#include <uthash.h>

enum override_kind { OVERRIDE_STATE, OVERRIDE_WEIGHT, OVERRIDE_FORCE, OVERRIDE_PRIO };

struct override_item {
	bool set;
	int64_t set_wall_ms, expires_wall_ms; /* expires 0 = never */
	struct lb_time deadline;              /* CLOCK_BOOTTIME; LB_TIME_NEVER = never */
	bool by_wall;                         /* it follows expires_wall_ms, not the other way round */
	char *by, *reason;                    /* owned; reason may be "" */
};

enum override_weight { OVERRIDE_WEIGHT_VALUE, OVERRIDE_WEIGHT_PERCENT };
enum override_force { OVERRIDE_FORCE_UP, OVERRIDE_FORCE_DOWN };
#define OVERRIDE_FORCE_COUNT (OVERRIDE_FORCE_DOWN + 1)
extern const char *const override_forces[OVERRIDE_FORCE_COUNT]; /* "up" "down" */

struct override {
	char *object; /* "web/app1", or "vrrp:wan4" or "service:web", which no backend can be named; the key */
	struct override_item state_item;
	enum config_state state;
	struct override_item weight_item;
	enum override_weight weight_kind;
	uint32_t weight; /* value, or percent 0..1000 of the configured weight */
	struct override_item force_item;
	enum override_force force;      /* what holds instead of the verdict of the checks */
	struct override_item prio_item; /* of a VRRP instance */
	uint8_t prio;                   /* 1..254 */
	UT_hash_handle hh;
};

struct overrides; /* a set, looked up by object; whoever goes through it sees them in the order of setting */

struct override_who {
	const char *by, *reason;
	int64_t wall_ms;
	struct lb_time now;
	int64_t for_ms; /* 0 = until changed */
	bool by_wall;
};

struct overrides *overrides_new(void); /* NULL: no memory */
void overrides_free(struct overrides *o);
size_t overrides_count(const struct overrides *o); /* objects with at least one item */

/* NULL when there is none; borrowed until the set changes. */
const struct override *overrides_find(const struct overrides *o, const char *object);

/* Set one item, replacing it. 0 or -ENOMEM (unchanged). ENABLED is stored like the others: it overrules a `state` of
 * the configuration; overrides_clear_state takes it away. */
int overrides_set_state(
	struct overrides *o, const char *object, enum config_state state, const struct override_who *who);
int overrides_set_weight(struct overrides *o, const char *object, enum override_weight kind, uint32_t weight,
	const struct override_who *who);
int overrides_set_force(
	struct overrides *o, const char *object, enum override_force force, const struct override_who *who);
int overrides_set_prio(struct overrides *o, const char *object, uint8_t prio, const struct override_who *who);
/* Whether there was one. */
bool overrides_clear_state(struct overrides *o, const char *object);
bool overrides_clear_weight(struct overrides *o, const char *object);
bool overrides_clear_force(struct overrides *o, const char *object);
bool overrides_clear_prio(struct overrides *o, const char *object);

#define OVERRIDE_VRRP "vrrp:" /* in front of the name of an instance */
/* The name of the instance that an object is, NULL when it is a backend. */
const char *override_vrrp(const char *object);

#define OVERRIDE_SERVICE                                                                                               \
	"service:" /* in front of the name of a service: its state_item, MAINT, is of all its backends */
/* The name of the service that an object is, NULL when it is none. */
const char *override_service(const char *object);

#define OVERRIDE_LABEL_MAX 160
/* "backend/web/app1", "service/web", "vrrp/wan4", as logs and answers name it. Returns out. */
const char *override_label(const char *object, char out[OVERRIDE_LABEL_MAX]);

/* The item that holds instead of what the configuration says of that key; NULL: none. object as config_diff has it,
 * "backend/web/app1" or "vrrp/wan4". Borrowed. */
const struct override_item *overrides_hide(const struct overrides *o, const char *object, const char *key);

/* Removes what is due and calls fn for each object that changed; returns the next deadline or LB_TIME_NEVER, or the
 * earlier one of an override that has been taken away since. Looks at none of them before one can be due. */
typedef void override_fn(const struct override *ov, void *arg);
struct lb_time overrides_expire(struct overrides *o, struct lb_time now, override_fn *fn, void *arg);

/* Call about once a second. When the wall clock was set since, by a second or more, expiries follow it, and true; then
 * some may be due, and others have another wall-clock time. */
bool overrides_clock(struct overrides *o, int64_t wall_ms, struct lb_time now);

void overrides_each(const struct overrides *o, override_fn *fn, void *arg);

/* Keeps only objects for which keep() is true; calls dropped for the others before they go. */
void overrides_prune(struct overrides *o, bool (*keep)(const char *object, void *arg), override_fn *dropped, void *arg);

#define OVERRIDES_VERSION 1
/* {"version":1,"overrides":[...]}: new reference, NULL no memory. A key that an older lbd does not know is one it
 * leaves alone, so a further kind of item needs no new version. */
json_t *overrides_to_json(const struct overrides *o);
/* Refuses another version and anything malformed as a whole (*e says what); items that are over by wall_ms are left
 * out. */
struct overrides *overrides_from_json(const json_t *j, int64_t wall_ms, struct lb_time now, struct lb_err *e);
