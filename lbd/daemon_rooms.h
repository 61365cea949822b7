/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of daemon.h about the other processes: when they run, what the core tells them, and what they say. */
#pragma once

#include "lbd/daemon.h"

/* ---- daemon_probe.c ---- */
extern const struct worker_row daemon_probe_rows[CHECK_ROOM_COUNT];
const char *daemon_probe_user(void); /* whom probes run as */
/* Starts the rooms that the model needs: that of the network always, that of scripts when it has one. */
void daemon_probe_start(struct daemon *d);
void daemon_probe_stop(struct daemon *d);
bool daemon_probe_stopped(const struct daemon *d);
void daemon_probe_done(struct daemon *d);
void daemon_probe_log_level(struct daemon *d, enum lb_log_level level);
/* One entry for each room that runs; returns how many there are. */
size_t daemon_probe_info(const struct daemon *d, struct ctl_worker_info *out, size_t n);
/* The model was replaced: tell the rooms what went and what came, and start or stop that of scripts. old may be NULL.
 */
void daemon_probe_model(struct daemon *d, const struct model *old);
/* The overrides of that object are others now: backends may have gone into maintenance, or come back. */
void daemon_probe_override(struct daemon *d, const char *object);
/* Asks the worker to probe this target now, for `check run`. 0 or -errno: it is not there. */
int daemon_probe_run(struct daemon *d, uint32_t token, uint32_t target_id);

/* ---- daemon_pause.c ---- */
/* Tells the rooms of the probes when links go, and come back. Called by daemon_track.c. */
void daemon_pause_turn(struct daemon *d);
void daemon_pause_tell(struct daemon_room *room); /* that one, which is new */

/* ---- daemon_vrrp.c ---- */
extern const struct worker_row daemon_vrrp_row;
/* Reads the keys of c, which is about to run: before daemon_model_swap, always. 0, or -1 and *e. */
int daemon_vrrp_prepare(struct daemon *d, const struct config *c, struct lb_err *e);
void daemon_vrrp_unprepare(struct daemon *d); /* it does not run after all */
/* c, which was prepared, runs: its instances are told what is new to them. The configuration before it must still be
 * there. 0, or -ENOMEM and nothing has changed. */
int daemon_vrrp_model(struct daemon *d, const struct config *c);
/* The same configuration was prepared again: takes up its keys. How many instances have others than before, and whether
 * the cluster has. */
uint32_t daemon_vrrp_keys(struct daemon *d, bool *cluster);
/* Starts the room when there is an instance, stops it when there is none. */
void daemon_vrrp_start(struct daemon *d);
/* leave: addresses go and the other node is told; else they stay for the time of their lease, for whoever follows. */
void daemon_vrrp_stop(struct daemon *d, bool leave);
bool daemon_vrrp_stopped(const struct daemon *d);
void daemon_vrrp_done(struct daemon *d);
void daemon_vrrp_log_level(struct daemon *d, enum lb_log_level level);
size_t daemon_vrrp_info(const struct daemon *d, struct ctl_worker_info *out, size_t n);
void daemon_vrrp_override(struct daemon *d); /* an override came or went */
/* An operator's word; for_ms where it takes a time. 0 or -errno: the room is not there. */
int daemon_vrrp_do(struct daemon *d, uint32_t id, enum vrrp_do what, uint32_t for_ms);
/* line is room for it. 0 or -errno. */
int daemon_vrrp_send(struct daemon *d, const struct vrrp_msg *m, struct lb_text *line);
/* What of all that is due, if the room is ready. */
void daemon_vrrp_send_due(struct daemon *d);

/* ---- daemon_keys.c ---- */
/* The key of the cluster while a configuration is prepared: its file is read once, so that what speaks over the link
 * and what speaks over the second path have the same, though the file be replaced meanwhile. */
struct daemon_key {
	struct lb_text text;
	bool there;
};
int daemon_key_read(
	const char *path, struct lb_text *out, struct lb_err *e, void *arg); /* model_vrrp_key_fn; arg: it */
void daemon_key_done(struct daemon_key *key);                                /* it does not stay in memory */
/* Whether c, which was prepared, has other keys from the same files as what runs: going back does not bring the old
 * ones back. *cluster: it is the cluster, or too. */
bool daemon_vrrp_new_keys(const struct daemon *d, const struct config *c, bool *cluster);
/* Whether what was prepared has another key of the cluster than what runs, from whatever file. */
bool daemon_cluster_new_key(const struct daemon *d);

/* ---- daemon_track.c ---- */
/* The instances are others: what is asked of the host for them. */
void daemon_track_collect(struct daemon_vrrp *v);
void daemon_track_tick(struct daemon *d); /* once a second: asks the host */
void daemon_track_turn(struct daemon *d);

/* ---- daemon_peer.c: called by daemon_vrrp.c, in the same places ---- */
int daemon_peer_prepare(struct daemon *d, const struct config *c, struct daemon_key *key, struct lb_err *e);
void daemon_peer_unprepare(struct daemon *d);
/* What was prepared holds. True when it is another one, or has another key. */
bool daemon_peer_take(struct daemon *d);
void daemon_peer_send(struct daemon *d, struct lb_text *line);     /* if it is due */
bool daemon_peer_said(struct daemon *d, const struct vrrp_msg *m); /* false: it was about something else */
void daemon_peer_forget(struct daemon *d, const char *why);
void daemon_peer_tick(struct daemon *d);
void daemon_peer_turn(struct daemon *d);
void daemon_peer_done(struct daemon *d);

/* ---- daemon_sync.c: prepare, unprepare and model are called by daemon_vrrp.c, in the same places ---- */
extern const struct worker_row daemon_sync_row;
int daemon_sync_prepare(struct daemon *d, const struct config *c, struct daemon_key *key, struct lb_err *e);
void daemon_sync_unprepare(struct daemon *d);
void daemon_sync_model(struct daemon *d, const struct config *c); /* what was prepared, of c, holds */
void daemon_sync_start(struct daemon *d);
void daemon_sync_stop(struct daemon *d);
bool daemon_sync_stopped(const struct daemon *d);
void daemon_sync_done(struct daemon *d);
void daemon_sync_log_level(struct daemon *d, enum lb_log_level level);
size_t daemon_sync_info(const struct daemon *d, struct ctl_worker_info *out, size_t n);
void daemon_sync_tick(struct daemon *d);
void daemon_sync_role(struct daemon *d); /* an instance may be another one */
/* An operator's word. 0 or -errno: the room is not there. */
int daemon_sync_do(struct daemon *d, const struct sync_msg_do *what);
bool daemon_sync_talking(const struct daemon *d);
/* A message; the room is started if need be. 0; -EAGAIN: daemon_conn_ready follows; -errno: none can be started just
 * now. */
int daemon_sync_ask(struct daemon *d, const struct sync_room_msg *m);
void daemon_sync_restart(struct daemon *d, const char *why);
bool daemon_sync_has_room(const struct daemon *d); /* for more of a long message */
/* A piece of text for the core of the other node, on that link. 0 or -errno. */
int daemon_sync_talk(struct daemon *d, uint32_t link, uint32_t id, uint8_t flags, const char *text, size_t n);

/* ---- daemon_look.c: said and lost are called by daemon_sync.c ---- */
/* Everything of now is to be known to the other node. *id, where it is not NULL: ctl_failovers_looked gets it. 0, or
 * -ENOTCONN: there is no room. */
int daemon_look_ask(struct daemon *d, uint32_t *id);
void daemon_look_turn(struct daemon *d);
void daemon_look_said(struct daemon *d, const struct sync_room_msg *m); /* LOOK_x */
void daemon_look_lost(struct daemon *d);

/* ---- daemon_conn.c: ready, lost and said are called by daemon_sync.c ---- */
/* The kernel has acknowledged op; or those of n that have no error. */
void daemon_conn_deleted(struct daemon *d, const struct ipvs_op *op);
void daemon_conn_added(struct daemon *d, const struct ipvs_op *ops, size_t n, const int *errs);
void daemon_conn_master(struct daemon *d); /* an instance has become master */
void daemon_conn_copied(struct daemon *d); /* what the other node knows of is in the kernel, of cut backends too */
/* The kernel refuses a backend because of the daemons with which flows are ended. */
void daemon_conn_in_the_way(struct daemon *d);
/* The room is needed, or was a moment ago. */
bool daemon_conn_wanted(const struct daemon *d);
int daemon_conn_ask(struct daemon *d, const struct sync_room_msg *m);
void daemon_conn_turn(struct daemon *d);
void daemon_conn_ready(struct daemon *d);
void daemon_conn_lost(struct daemon *d);
void daemon_conn_said(struct daemon *d, const struct sync_room_msg *m); /* CONN_x */
void daemon_conn_done(struct daemon *d);

/* ---- daemon_hook.c ---- */
/* Whether the configuration has a hook that anything can happen to. */
bool daemon_hook_wanted(const struct daemon *d);
/* v says m, which has not been taken up yet. */
void daemon_hook_state(struct daemon *d, const struct model_vrrp *v, const struct vrrp_msg_state *m);
/* Starts the next one when it can: the room of scripts is ready, or the one before has ended. */
void daemon_hook_more(struct daemon *d);
void daemon_hook_done(struct daemon *d, const struct check_msg_hook_done *m);
void daemon_hook_lost(struct daemon *d);  /* the room of scripts is gone */
void daemon_hook_model(struct daemon *d); /* the configuration is another one */
