/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reverse of config_build: the value of each key of the schema out of the structs, as text. */
#pragma once

#include "common/buf.h"
#include "lbd/config/schema.h"

/* What stands for a mapping of a kind: CONTROL, LOG: struct config; CLUSTER: config_cluster; NODE: config_peer; VRRP,
 * AUTH, ANNOUNCE: config_vrrp; TRACK: config_track; CHECK, TLS, WEIGHT, DAMPING: config_check; BACKEND: config_backend;
 * SERVICE, CHECKS, QUORUM, SCHEDULER, PERSISTENCE, DRAIN: config_service; TUNNEL: ipvs_tunnel. Appends the items of the
 * value of a key, each with a NUL behind it, as they would be written without quotes. Returns how many: 0 = absent. Not
 * for rows of the types OBJECT and NAMED. */
unsigned config_value(enum schema_kind_id kind, const void *obj, unsigned key, struct lb_text *out);

/* What stands for the i'th mapping in the value of a key of type OBJECT, which has one unless it is a list; NULL =
 * there are no more. */
const void *config_value_object(enum schema_kind_id kind, const void *obj, unsigned key, unsigned i);

/* How much of an item of a value who may only look sees: all of it, or what stands in front of CONFIG_HIDDEN. Of a
 * header it is the name, of a path what is no query. */
size_t config_value_seen(const struct schema_row *row, const char *item, size_t n);
/* The n items of a value as he sees them, in place. */
void config_value_hide(const struct schema_row *row, struct lb_text *items, unsigned n);
