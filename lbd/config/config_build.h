/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the node trees of all files to the structs of config.h. The state of a build, shared by
 *   config_merge  collects the top levels of the files
 *   config_build  makes the structs, one service or some backends at a time; config_build_vrrp those of a pair
 *   config_check  judges: rules across keys, across backends, across services
 */
#pragma once

#include "common/vec.h"
#include "lbd/config/schema_read.h"

struct config_entry { /* `name: {...}` under checks or services */
	const struct config_node *key, *value;
};

typedef LB_VEC(struct config_entry) config_entries;

struct config_listener {
	struct ipvs_key key;
	const struct config_node *at;
	const struct config_service *service;
	bool long_list; /* its service lists more than SCHEMA_REPEATS_MAX */
};

/* What the listeners of a service have in common: asked for each backend, so counted once. */
struct config_facts {
	bool marked; /* a fwmark */
	bool tcp, udp, sctp;
	bool ipv4, ipv6;
	bool every_port; /* a listener without port */
	bool ports;      /* listeners of different ports */
	uint16_t port;   /* of the first */
};

/* A backend, or a sorry server, of another family than a listener of its service. */
struct config_mixed {
	const struct config_node *at;
	const struct config_service *service;
	const char *backend; /* NULL = the sorry server */
	bool four;           /* its own family */
};

/* A service with source_nat, and where that was written. */
struct config_translated {
	const struct config_node *at;
	const struct config_service *service;
};

/* The service being built. */
struct config_now {
	const struct config_entry *entry;
	struct config_path path;
	struct schema_object *keys;
	struct config_service *s;
	struct config_backend *backends;         /* room for every key of the map */
	const struct config_node **backend_keys; /* where each of s->backends was written */
	const struct config_node *next_backend;  /* key node; NULL = all read */
	struct schema_object *backend;           /* reused for each */
	struct config_facts facts;
	bool usable;
};

/* A VRRP instance as it was read: what it is on each node is asked with config_on_node. */
struct config_instance {
	const struct config_entry *entry;
	struct config_path path;
	const struct schema_object *keys;
	struct config_vrrp *v;
	struct config_track *tracks;        /* those of v */
	uint8_t priority[CONFIG_PEERS_MAX]; /* on each node */
};

struct config_builder {
	const char *node; /* the name of this one, NULL = of none */
	bool ran;         /* config_load_ran */
	struct config_report *report;
	struct lb_arena *tree;   /* lives as long as the load */
	struct lb_arena scratch; /* lives as long as one service */
	struct schema_reader rd;
	struct config *c;
	struct schema_object *root;
	const struct config_node *root_keys[ROOT_COUNT]; /* where each was written first */
	struct schema_object *check_keys;                /* reused for each check */
	struct schema_object *check_defaults, *service_defaults, *vrrp_defaults;
	config_entries checks, services, vrrp; /* of all files, sorted by name, no duplicates */
	struct config_instance *instances;     /* those of b->vrrp that could be read */
	uint32_t n_instances;
	bool self_missed;           /* that this node is not among them was said */
	struct config_check *slots; /* checks and bare types, sorted by name */
	bool *slot_used;
	uint32_t n_slots;
	struct config_service *built;
	uint32_t n_built;
	LB_VEC(uint32_t) check_ids; /* slots of all services one after the other */
	LB_VEC(struct config_listener) listeners;
	LB_VEC(struct config_mixed) mixed;
	LB_VEC(struct config_translated) translated;
	const char **files; /* source names with the life of the config */
	char *string_room;  /* names are packed: an arena rounds each allocation up */
	size_t string_left;
	struct config_now now;
};

/* 0 or -ENOMEM; c is borrowed. */
int config_builder_init(struct config_builder *b, struct config_report *r, struct lb_arena *tree, struct config *c);
void config_builder_done(struct config_builder *b);

/* config_merge.c: one file's top level; then sorting and duplicates across files. */
void config_merge_file(struct config_builder *b, const struct config_node *root);
void config_merge_finish(struct config_builder *b);

/* config_build.c, in this order. */
void config_build_settings(struct config_builder *b);
void config_build_checks(struct config_builder *b);
int config_build_services(struct config_builder *b, unsigned budget); /* 1 more is left, 0 done */
void config_build_finish(struct config_builder *b);

/* config_build_vrrp.c, after the settings and after the checks. */
void config_build_cluster(struct config_builder *b);
void config_build_vrrp(struct config_builder *b);
void config_build_hooks(struct config_builder *b);
/* The value of a key on the node'th node: its own where it is given by node. NULL: there is none. */
const struct schema_value *config_on_node(const struct config_builder *b, const struct schema_value *v, uint32_t node);
/* Where the adverts of an instance go on a node, CONFIG_UNICAST_MAX at most. Returns how many; 0 = multicast. */
uint32_t config_peers(
	const struct config_builder *b, const struct schema_value *keys, uint32_t node, struct lb_ip *out);

/* A copy with the life of the config. Never NULL. */
const char *config_keep(struct config_builder *b, const char *s, size_t n);

/* config_params.c: what s->type has of these keys, into s->params. where: for what is too long; NULL for a bare type.
 */
void config_build_params(struct config_builder *b, const struct schema_object *keys, struct check_spec *s,
	const struct config_node *where);

/* The check of a name, written out or a bare type; NULL = there is none. */
const struct config_check *config_check_slot(const struct config_builder *b, const char *name, size_t n);
bool config_is_none(const struct schema_value *name); /* the word that stands for no check */

/* Where a key was written; the key of the object when it is a default. */
static inline const struct config_node *config_at_or(const struct schema_value *v, const struct config_node *where)
{
	return v->at ? v->at : where;
}

/* Seconds of lease with which there is no gap between a crash and the takeover, for adverts every interval_cs. */
uint32_t config_vrrp_lease_enough(uint32_t interval_cs);

/* config_check_keys.c */
void config_warn(struct config_builder *b, const struct config_node *at, const struct config_path *path,
	const char *text, const char *help);
/* What nothing can ever pass, though all of it can be read: an error, but a warning only where that text ran before. */
void config_never(struct config_builder *b, const struct config_node *at, const struct config_path *path,
	const char *text, const char *help);
/* The key that a check of this type cannot do without and that v, its keys, does not have; NULL = none. */
const char *config_check_lacks(enum check_type type, const struct schema_value *v, const char **help);

/* Whether silence is what it passes on. */
bool config_check_is_quiet(const struct check_spec *s);
/* Of such a check, when it does not wait long enough for an error. */
void config_rules_quiet(struct config_builder *b, const struct config_check *ck, const struct config_node *at,
	const struct config_path *path);

/* config_check.c and config_check_keys.c. Each reports what it finds. */
/* ck NULL: defaults, whose keys are for the types that have them. */
void config_rules_check(struct config_builder *b, const struct schema_object *keys, const struct config_path *path,
	const struct config_check *ck, const struct config_node *where);
void config_rules_defaults(struct config_builder *b, const struct schema_object *defaults);
void config_rules_head(struct config_builder *b);                                    /* the keys of b->now */
void config_rules_backend(struct config_builder *b, const struct config_backend *bk, /* one backend of b->now */
	const struct config_node *where, const struct config_path *path);
void config_rules_service(struct config_builder *b);      /* b->now with all backends */
void config_rules_check_source(struct config_builder *b); /* the same: what its checks can reach */
void config_rules_all(struct config_builder *b);          /* across services */
/* config_check_weight.c */
void config_rules_weights(struct config_builder *b); /* b->now with all backends */
void config_rules_weights_defaults(
	struct config_builder *b, const struct schema_value *v, const struct config_path *service);
/* config_check_vrrp.c */
void config_rules_vrrp_defaults(struct config_builder *b, const struct schema_object *keys);
void config_rules_instance(struct config_builder *b, const struct config_instance *in);
void config_rules_tracks(struct config_builder *b);                                  /* after all services */
void config_rules_hooks(struct config_builder *b, const struct schema_value *state); /* the program for vrrp */
bool config_is_host(const struct lb_ip *ip); /* it can be the address of one host */
bool config_is_link_local(const struct lb_ip *ip);
/* config_check_pair.c */
void config_rules_peer(struct config_builder *b, const struct schema_object *keys, const struct config_path *path);
void config_rules_cluster(struct config_builder *b, const struct schema_object *keys, const struct config_entry *nodes);
/* What is given by node, in an instance or in the defaults. path: of the mapping. */
void config_rules_by_node(struct config_builder *b, const struct schema_object *keys, const struct config_path *path);
void config_rules_instances(struct config_builder *b); /* across instances and nodes */

/* config_source_nat.c */
void config_rules_source_nat(struct config_builder *b); /* of b->now */
void config_rules_source_nat_backend(struct config_builder *b, const struct config_backend *bk,
	const struct config_node *at, const struct config_path *path);
void config_rules_sources(struct config_builder *b); /* after all services and instances */

/* config_multicast.c: after the cluster and the instances. */
void config_build_multicast(struct config_builder *b);

/* config_check_sync.c */
void config_rules_sync(struct config_builder *b); /* after all services */

/* One finding at a place of the file. */
__attribute__((format(printf, 5, 6))) void config_say(struct config_builder *b, const struct config_node *at,
	const struct config_path *path, const char *help, const char *fmt, ...);

/* config_digest.c: over a tree as it was written, in slices. */
#define CONFIG_WALK_MAX (CONFIG_DEPTH_MAX + 2u)
struct config_walk {
	const struct config_node *next[CONFIG_WALK_MAX]; /* at each depth the sibling that follows */
	unsigned depth;
	uint64_t h;
};
void config_walk_init(struct config_walk *w, const struct config_node *root);
/* About `budget` nodes. 1 while more is left; 0: w->h is the digest. */
int config_walk_step(struct config_walk *w, unsigned budget);

/* Over every effective value, names included. (config_digest.c) */
uint64_t config_service_digest(const struct config_service *s);
uint64_t config_vrrp_digest(const struct config_vrrp *v);
