/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core process: the only place where topics meet. One libev loop; every path through it ends the same way:
 *
 *   something changed (verdict, command, timer, file, drift)  ->  a service is marked dirty
 *   before the loop sleeps (ev_prepare)                       ->  daemon_kernel_turn: settle, plan, diff, one batch
 *
 *   daemon.c         start, signals, timers, stop
 *   daemon_kernel.c  dirty services -> kernel; the audit that finds drift
 *   daemon_apply.c   a new configuration: load in slices, store, swap, or only compare
 *   daemon_compare.c what a configuration would change, told
 *   daemon_model.c   the model that runs: built, swapped, and the first one at start
 *   daemon_host.c    what the configuration needs of this host, and what the host lacks
 *   daemon_import.c  the configuration of another balancer as ours
 *   daemon_text.c    the texts of a configuration, and whether the file is still what runs
 *   daemon_probe.c   the rooms of the probes: targets out, verdicts in
 *   daemon_vrrp.c    the room of VRRP: instances, keys, tracking out; states, alarms, counters in
 *   daemon_track.c   what its instances track: whether it is up
 *   daemon_keys.c    keys in files of their own: the cluster's, read once; whether they are new
 *   daemon_pause.c   when links go, the rooms of the probes are told
 *   daemon_hook.c    programs that are told of changes
 *   daemon_peer.c    the same room: the other nodes, and the second path to them
 *   daemon_sync.c    the room of flow state: with whom flows are exchanged out; how that goes in
 *   daemon_conn.c    the same room: single connections that are shown or ended
 *   daemon_look.c    the same room: looks at all connections of the kernel
 *   daemon_talk.c    the core of the other node: commands for it and from it
 *   daemon_words.c   overrides that hold on both nodes
 *   daemon_pair.c    what runs on the other node, compared with what runs here
 *   daemon_both.c    one configuration on both nodes, or on neither
 *   daemon_log.c     events: to the log, to memory, to who watches
 *   daemon_metrics.c the endpoint of Prometheus
 *   daemon_life.c    what becomes of a generation: the deadline, rollback, what a start may run
 *   daemon_confirm.c confirm and rollback as they are asked for, here or on the other node
 *   daemon_nft.c     our table of nftables
 *   daemon_ctl.c     what commands may do: overrides, waits, repair, stop
 *   daemon_cards.c   network interfaces that are named and do not exist
 *   daemon_doctor.c  `lbd --doctor`: what the configuration asks of this host
 *   daemon_level.c   how much is logged, by part
 *   daemon_privs.c   directories made, rights given away, before anything runs
 *   daemon_state.c   the state directory: overrides, which listeners are ours
 *   daemon_moved.c   another directory in its place
 *   daemon_generation.c   generations on the disk
 *
 * Bulk work is cut into slices of about SLICE_US, so that `lbctl status` answers at once.
 */
#pragma once

#include "common/vec.h"
#include "lbd/check/check_msg.h"
#include "lbd/ctl/ctl_env.h"
#include "lbd/ctl/ctl_failover.h"
#include "lbd/ctl/ctl_io.h"
#include "lbd/ctl/ctl_remote.h"
#include "lbd/ctl/ctl_run.h"
#include "lbd/event.h"
#include "lbd/history.h"
#include "lbd/host/host.h"
#include "lbd/host/track_io.h"
#include "lbd/ipvs/ipvs_io.h"
#include "lbd/ipvs/ipvs_reconcile.h"
#include "lbd/ipvs/ipvs_slice.h"
#include "lbd/model.h"
#include "lbd/model_fit.h"
#include "lbd/model_hook.h"
#include "lbd/model_peer.h"
#include "lbd/model_sync.h"
#include "lbd/model_vrrp.h"
#include "lbd/nft/nft_io.h"
#include "lbd/override_word.h"
#include "lbd/state/generation.h"
#include "lbd/state/life.h"
#include "lbd/state/owned.h"
#include "lbd/trace.h"
#include "lbd/worker.h"

#include <ev.h>

#define SLICE_US         5000
#define DAEMON_EXIT_STOP 10 /* how `lbctl daemon stop` ends: the service manager must not restart it */
#define GENERATIONS_KEPT 50
#define FINDINGS_MAX     16
#define HOST_NOTE        480
#define DAEMON_GROUP     33

struct daemon_options {
	const char *config, *state_dir, *run_dir, *node, *user;
	enum lb_log_level level;
	bool level_set;
};

/* Texts that were loaded together: what a generation stores. Owns them. */
struct daemon_text {
	LB_VEC(struct config_source) sources;
	uint64_t stamp; /* of the file and conf.d, when that is where they are from: as config_stamp */
	struct lb_text
		unread; /* a line for each file of conf.d that is passed over for its name, though it may be meant */
};

struct daemon_apply;  /* a load in progress */
struct life_look;     /* daemon_life.c */
struct life_ask;      /* daemon_confirm.c */
struct daemon_both;   /* one on both nodes, that was asked for here */
struct daemon_follow; /* or there */

struct daemon_wait {
	struct ctl_reply *reply; /* NULL = over */
	int (*cond)(void *state);
	ctl_free_fn *free_state;
	void *state;
	struct lb_time deadline;
	struct daemon *d;
};

struct daemon_audit {
	bool running; /* a round is on its way */
	struct lb_time started;
	uint64_t repairs_before;
	struct ctl_reply *reply; /* of `kernel repair`, NULL = none */
	bool looked;             /* its round is over, and the kernel is being repaired */
	uint64_t found;          /* by that round */
	bool asked;              /* a new round was asked for while one was running */
	uint32_t put_off;        /* how often the next round gave way to what is on its way to the kernel */
};

/* Of the state directory. */
enum daemon_file { DAEMON_FILE_OVERRIDES, DAEMON_FILE_OWNED, DAEMON_FILE_GENERATIONS, DAEMON_FILE_VRRP };
#define DAEMON_FILES (DAEMON_FILE_VRRP + 1)

struct daemon_place {
	dev_t dev;
	ino_t ino;
};

/* What is ours leaves the kernel before the daemon ends. */
struct daemon_flush {
	bool due;     /* when the addresses have gone */
	bool running; /* the turns of the kernel do it */
	uint8_t tries;
	struct ctl_reply *reply; /* who asked for it; NULL = has gone */
};

/* A process in which checks are probed, by enum check_room. */
struct daemon_room {
	struct daemon *d;
	struct worker worker;
	uint32_t next_id;           /* targets below it have been looked at since the room or the model was new */
	struct check_msg_pong pong; /* the last one */
	struct ctl_lag lag;
};

struct daemon_interface {
	const char *name; /* borrowed from the configuration */
	enum host_word is;
};

/* The process that holds virtual addresses. */
struct daemon_vrrp {
	struct worker worker;
	bool started; /* the daemon has: from now on it comes and goes with the configuration */
	bool unknown; /* of some processes nothing can be seen: it was said */
	bool beside;  /* services may be reached here whoever is master */
	bool look;    /* what is tracked is to be looked at before the loop sleeps */
	bool noted;   /* on the disk: from now on there may be addresses of ours (daemon_vips_note) */
	bool left; /* there is no instance, and there may be some of an earlier run: the process looks for them once */
	struct lb_time next_look;
	struct model_vrrps all;
	struct model_fit fit;
	struct vrrp_conf *next; /* of a configuration that is about to run; owned */
	uint32_t n_next;
	struct vrrp_msg_pong pong; /* the last one */
	struct ctl_lag lag;
	LB_VEC(struct host_process) processes;
	LB_VEC(struct daemon_interface) interfaces;
};

/* The other nodes. */
struct daemon_peer {
	struct model_peers all;
	struct vrrp_peers next; /* of a configuration that is about to run */
};

/* The process that copies flow state. */
struct daemon_sync {
	struct worker worker;
	bool started;                    /* as in struct daemon_vrrp */
	bool left;                       /* by one that was killed, perhaps: the next one sees to it */
	bool of_kernel;                  /* it was started for the kernel's own synchronisation */
	struct sync_multicast multicast; /* of it: what the process was told; port 0 = nothing yet */
	struct model_sync all;
	struct sync_conf next; /* of a configuration that is about to run */
	struct sync_msg_pong pong;
	struct ctl_lag lag;
};

/* Flows to be ended: their backend has left the kernel's table. */
struct daemon_cut {
	struct conn_match match;
	uint32_t id; /* of the message that says so; 0 = to be said */
	bool first;  /* of that message */
	uint8_t tries;
	struct lb_time due;
};
struct daemon_conn {
	LB_VEC(struct daemon_cut) cuts;
	LB_VEC(struct conn_match) rows; /* destinations that are new in the kernel, and the room is to be told */
	bool again;                     /* what is cut is cut once more: it may have come back */
	bool begun;                     /* so it was after the start */
	bool in_the_way;                /* the room ends as soon as nothing is cut or asked */
	uint32_t last_id;
	struct lb_time used_at; /* the room was asked last; us 0 = never, or its time is over */
};

/* A look at the kernel's connections. */
struct daemon_look {
	bool due, first;  /* ways are to be told; from the beginning */
	uint32_t id;      /* who waits has this number; 0 = nobody does */
	uint32_t last_id; /* that was given */
	struct model_sync_at at;
	uint64_t turn; /* of the configuration that at is in */
	bool restarted;
};

/* What we say to the core of the other node, and it to us. */
struct daemon_talk {
	struct ctl_talk *talk;
	struct lb_time slice; /* when answers to the other node began to take time */
	struct ctl_remote *remote;
	uint32_t link;  /* the number of the one that carries it, 0 = none does */
	bool words_due; /* it has not been told of all overrides */
};

/* What an operator wants to read of one part of the log. */
struct daemon_level {
	bool given; /* else the configuration says */
	enum lb_log_level level;
	struct lb_time until;  /* LB_TIME_NEVER = until the daemon ends */
	int64_t until_wall_ms; /* for people; 0 = the same */
};

/* A generation that is to be marked as rolled back, and the disk did not take it. */
struct daemon_mark {
	uint32_t number;
	char why[GENERATION_MESSAGE_MAX + 1];
};

/* What becomes of generations. */
struct daemon_life {
	struct life life;
	LB_VEC(struct daemon_mark) owed;
	struct ctl_reply *reply;  /* who asked for the rollback; NULL = nobody, or has gone */
	bool trial;               /* what is being swapped in is pending: what it lacks may come back */
	uint32_t run;             /* to be loaded, as soon as no other load is under way; 0 = none */
	struct life_look *look;   /* the kernel is being compared */
	struct life_ask *ask;     /* the other node is being asked to confirm */
	struct life_asked *asked; /* it asks us to, and has no answer yet */
	bool older;               /* the start could not use a newer confirmed one than it runs */
	char note[400];           /* as struct ctl_env has it */
};

/* Our table of nftables. */
struct daemon_nft {
	struct nft_run run;
	bool looked; /* whether a process before us left one */
	bool wanted; /* the configuration needs one */
	bool there;  /* one of ours may be in the kernel */
	bool due;    /* to be written or removed, when nothing runs */
	bool loaded; /* it was written, the last time */
	struct lb_time again_at;
	struct lb_time hold_until;        /* us 0 = nothing waits for it */
	uint64_t snats_there, snats_next; /* digests of the sources that are in the kernel, and on their way */
	struct host_finding finding;      /* text "" = none */
};

struct daemon {
	const struct daemon_options *opt;
	struct ev_loop *loop;
	char node[64], kernel_release[HOST_KERNEL_MAX];
	pid_t pid;
	struct lb_time started;
	int64_t started_wall_ms;

	struct model *model;
	struct overrides *overrides;
	struct override_words *words;
	struct lb_time override_due;   /* CLOCK_BOOTTIME: when the next of them ends */
	bool overrides_due;            /* an operator said something that is not stored yet */
	bool overrides_late;           /* some have ended, which is stored with the next second */
	const char *overrides_unsaved; /* what the last save of them said, NULL = all is well */
	struct history *history;
	struct traces *traces; /* where the time of the last changes went */
	struct ctl_runs *runs;
	struct ctl_failovers *failovers;
	struct ctl_conns *conns;
	struct events *events;
	struct ctl_watches *watches;
	bool watched; /* there are events that nobody was sent yet */
	bool watching_ends;
	json_t *alarms; /* that were told as raised (ctl_alarm.h) */
	struct metrics_server *metrics;
	struct ctl_lag lag;
	struct lb_time ticked;
	uint32_t next_target_id;
	uint64_t turn;
	uint32_t generation;
	bool changed; /* since waits were last looked at */

	struct ipvs_io *kernel_io;
	struct ipvs_kernel kernel; /* of kernel_io, unwrapped */
	struct ipvs_reconciler *ipvs;
	struct ipvs_slice slice; /* of what is written there */
	bool kernel_missing, converged;
	struct lb_time kernel_retry;   /* us 0 = not waiting */
	int kernel_error;              /* -errno of the last failure, 0 = it answers */
	LB_VEC(struct ipvs_key) drops; /* listeners to remove, after everything was added */
	struct ipvs_row row;           /* reused by every plan */
	struct daemon_audit audit;
	uint64_t refused_in_apply;

	int state_dir;                   /* below 0 = none */
	bool unlockable;                 /* it was said that nothing keeps others out of it */
	bool in_use;                     /* it was said that another lbd has it */
	char state_lost[800];            /* why a start would not find it; "" = it would */
	struct daemon_place state_other; /* was there at the last look; 0 = it was */
	int owned_fd;
	size_t owned_compact, owned_appended; /* bytes of the record: as it was written anew, and since */
	struct lb_text owned_pending;
	char boot_id[40];
	bool unsaved[DAEMON_FILES]; /* what is on the disk lacks something */
	int unread[DAEMON_FILES];   /* != 0: it has something that could not be read, and stays as it is */
	struct daemon_seen {
		ino_t ino;
		struct timespec changed;
	} newer;                    /* the overrides that a newer lbd wrote */
	struct lb_time unsaved_due; /* when either is tried again */
	uint64_t config_hash;       /* of the text that runs */
	uint64_t config_stamp;      /* of the file and conf.d as last looked at: names, times, sizes */
	bool file_differs;
	bool reload_due; /* a signal came while another one was being loaded */
	char *last_reject;
	bool trim_due;               /* two whole configurations were in memory */
	struct daemon_text unstored; /* what a start runs and is no generation yet: daemon_generation_first */
	struct lb_time unstored_due; /* when that is tried (again) */
	bool nowhere;                /* what runs is not stored, and nobody has its text */
	bool unsure;                 /* another one may be the one to run: known when every generation can be read */
	bool left_over_due;          /* the kernel could not be read at start: look when it answers */
	bool fallback;               /* the file could not be used at start: a stored generation runs */

	struct daemon_room rooms[CHECK_ROOM_COUNT];
	struct check_cuts cuts; /* what the rooms of the probes were told */
	struct daemon_vrrp vrrp;
	struct model_hooks hooks;
	struct daemon_peer peer;
	struct daemon_sync sync;
	struct daemon_conn conn;
	struct daemon_look look;
	struct daemon_talk talk;
	struct daemon_nft nft;
	struct daemon_level levels[LB_LOG_PARTS];
	struct daemon_life life;

	struct lb_time places_due;    /* when our directories are looked at */
	char groups[2][DAEMON_GROUP]; /* of the sockets, admin and observe, as it started */
	struct ctl_server *ctl;
	struct ctl_env env;
	struct daemon_apply *apply;
	struct daemon_both *both;
	struct daemon_follow *follow;
	LB_VEC(struct daemon_wait *) waits;
	struct host_needs needs; /* of the model that runs, whose names these are */
	struct host_finding findings[FINDINGS_MAX];
	size_t n_findings;
	char host_note[HOST_NOTE]; /* of them, for the alarm; "" = there is none */
	struct lb_time host_due;

	bool stopping;
	struct lb_time stopping_since;
	int exit_status;
	struct daemon_flush flush;

	ev_prepare prepare;
	ev_idle idle;
	bool more; /* daemon_more was called in this turn */
	ev_timer tick, deadline, audit_timer, wait_timer, watchdog, stop_timer;
	ev_signal sigterm, sigint, sighup, sigusr1, sigusr2;
	struct lb_time usr_told; /* when a line was about these */
	ev_async wake;           /* see wake_cb */
};

/* Runs until told to stop; returns the exit status. */
int daemon_run(const struct daemon_options *opt);

/* ---- daemon.c ---- */
/* Something is left for the next turn: the loop must not sleep. */
void daemon_more(struct daemon *d);
/* Time alone will change something at t: look again then. */
void daemon_deadline(struct daemon *d, struct lb_time t);
void daemon_env_refresh(struct daemon *d);
void daemon_exit(struct daemon *d, enum ctl_exit how);
/* Stops, and when clients are sent elsewhere removes what is ours from the kernel; then answers. */
void daemon_exit_flush(struct daemon *d, struct ctl_reply *r);
void daemon_flushed(struct daemon *d, int err); /* 0 or -errno: something is left, and to be tried again */

/* ---- daemon_apply.c ---- */
void daemon_apply_start(
	struct daemon *d, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r);
/* The same of texts that were read already; they are taken over. */
void daemon_apply_text(struct daemon *d, const struct ctl_apply *what, struct daemon_text *text,
	const struct ctl_peer *who, struct ctl_reply *r);
bool daemon_apply_turn(struct daemon *d); /* one slice; true while it goes on */
void daemon_apply_kernel_done(struct daemon *d);
void daemon_apply_kernel_failed(struct daemon *d, int err);
/* The kernel refused op for this service: who waits for the answer of a change is told, object by object. */
void daemon_apply_refused(struct daemon *d, const char *service, const char *op, const char *why);
void daemon_apply_cancel(struct daemon *d);

/* ---- daemon_model.c ---- */
/* The first configuration, before the loop runs. 0, or -1 and the report on standard error. */
int daemon_model_first(struct daemon *d);
/* Drops overrides of what the configuration does not have. */
void daemon_overrides_prune(struct daemon *d);
struct daemon_lost {
	char text[400]; /* "backend/web/b (maint) and 3 more", "" = none */
};
/* Which ones that would be, were it c. */
void daemon_overrides_lost(const struct daemon *d, const struct config *c, struct daemon_lost *out);
/* Queues the removal of what an earlier run left in the kernel and the file no longer has. */
void daemon_left_over(struct daemon *d);
/* A model for c, taking over what the one that runs knows; c is the model's, also on failure. NULL: no memory. */
struct model *daemon_model_build(struct daemon *d, struct config *c, uint32_t *next_id);
/* c becomes what runs. 0, or -ENOMEM with nothing changed (c is freed). */
int daemon_model_swap(struct daemon *d, struct config *c);

/* ---- daemon_host.c ---- */
void daemon_host_needs(const struct config *c, struct host_needs *needs); /* all but needs->sync */
/* What the host lacks for the services that run. tick: the same when it is time. */
void daemon_host_look(struct daemon *d);
void daemon_host_tick(struct daemon *d);

/* ---- daemon_import.c ---- */
/* The configuration of another balancer as lbd.yaml on standard output, what is to be said of it on standard error.
 * path "-": standard input; id: which lines of keepalived with @id count, NULL = of no known one. The exit status: 0
 * all was carried over, 1 something was not, 6 the result is nothing lbd could run. */
int daemon_import(const char *what, const char *path, const char *id);

/* ---- daemon_text.c ---- */
int daemon_text_read(const char *path, struct daemon_text *out, struct lb_err *e);      /* file and conf.d beside it */
int daemon_text_read_word(const char *word, struct daemon_text *out, struct lb_err *e); /* one of a command line */
/* Takes the bytes of raw. 0 or -ENOMEM. */
int daemon_text_add(struct daemon_text *t, const char *name, size_t name_len, struct lb_text *raw);
uint64_t daemon_text_hash(const struct daemon_text *t);
/* The texts of a stored generation. 0, or -1 and *e. */
int daemon_text_from_generation(struct daemon *d, struct daemon_text *t, uint32_t number, struct lb_err *e);
/* The texts that are meant; takes what->fd. 0, or -1 and *e. */
int daemon_text_meant(struct daemon *d, const struct ctl_apply *what, struct daemon_text *out, struct lb_err *e);
void daemon_text_done(struct daemon_text *t);
/* t is what runs from now on; own_file: it was read from the daemon's own file. */
void daemon_file_remember(struct daemon *d, const struct daemon_text *t, bool own_file);
/* Whether the file (and conf.d) is still what runs: reads it only when its times or sizes changed. */
void daemon_file_look(struct daemon *d);

/* ---- daemon_talk.c ---- */
int daemon_talk_start(struct daemon *d); /* 0 or -ENOMEM */
void daemon_talk_done(struct daemon *d);
/* The room has a link of this number that carries it; 0 = it has none, why. */
void daemon_talk_link(struct daemon *d, uint32_t link, const char *why);
void daemon_talk_in(struct daemon *d, const struct sync_msg_talk *m);
void daemon_talk_turn(struct daemon *d); /* before the loop sleeps */
bool daemon_talk_busy(const struct daemon *d);

/* ---- daemon_pair.c ---- */
/* The texts of a configuration as lines of a conversation. 0, or -1 and *e: one is no text. */
int daemon_text_put(struct ctl_conv *c, const struct daemon_text *t, struct lb_err *e);
/* Such a line; any other is left alone. False: too much, or no memory. */
bool daemon_text_take(struct daemon_text *t, const json_t *msg);
/* As struct ctl_talk_ops asked: says what runs here. */
int daemon_pair_describe(struct daemon *d, struct ctl_conv *c, struct lb_err *e);
/* Compares. Ends r as `config diff` does. */
void daemon_pair_diff(struct daemon *d, const struct ctl_peer *who, struct ctl_reply *r);

/* ---- daemon_both.c ---- */
void daemon_both_start(struct daemon *d, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r);
/* As struct ctl_talk_ops asked. */
int daemon_both_asked(struct daemon *d, struct ctl_conv *c, const json_t *header, struct lb_err *e);
bool daemon_both_turn(struct daemon *d); /* before the loop sleeps; true: it began something */
void daemon_both_done(struct daemon *d);

/* ---- daemon_words.c ---- */
/* An operator set or cleared that of the object. */
void daemon_words_said(struct daemon *d, const char *object, enum override_kind kind);
void daemon_words_all(struct daemon *d); /* both nodes tell each other everything */
void daemon_words_tick(struct daemon *d);
/* Overrides that the disk gives back, and their words: of each the newest holds. 0 or -ENOMEM: not all of them do. */
int daemon_words_back(struct daemon *d, const struct override_words *words, const struct overrides *o);
void daemon_words_prune(struct daemon *d); /* overrides were dropped, which nobody has taken away */
void daemon_words_model(struct daemon *d); /* the configuration is another one */
/* As struct ctl_talk_ops asked. */
int daemon_words_asked(struct daemon *d, struct ctl_conv *c, const json_t *header, struct lb_err *e);

/* ---- daemon_nft.c ---- */
void daemon_nft_model(struct daemon *d); /* the configuration is another one */
void daemon_nft_turn(struct daemon *d);  /* once a second: what is due */
void daemon_nft_flush(struct daemon *d); /* removes what is there */
bool daemon_nft_busy(const struct daemon *d);
bool daemon_nft_holds(const struct daemon *d); /* services are not to begin yet */
void daemon_nft_note(struct daemon *d);        /* in the state directory, that a table of ours may be there */
void daemon_nft_done(struct daemon *d);

/* ---- daemon_ctl.c ---- */
extern const struct ctl_ops daemon_ctl_ops;
void daemon_waits_look(struct daemon *d, bool timer);
/* What is known of any worker; row: of the one that is not there, too. */
void daemon_worker_info(const struct worker *w, const struct worker_row *row, struct ctl_worker_info *out);
void daemon_override_deadline(struct daemon *d); /* what is due ends */
/* The overrides of that object are others now: plan again. Not stored, and nobody is told. */
void daemon_override_holds(struct daemon *d, const char *object, const struct override_who *who);
/* The same of many, where each would go through all of them: took for each object, and then hold. */
void daemon_override_took(struct daemon *d, const char *object, const struct override_who *who);
void daemon_overrides_hold(struct daemon *d);

/* ---- daemon_level.c ---- */
enum lb_log_level daemon_level(const struct daemon *d, enum lb_log_part part); /* that holds now */
void daemon_level_hold(struct daemon *d); /* the configuration may be another one */
void daemon_level_set(
	struct daemon *d, enum lb_log_part part, enum lb_log_level level, int64_t for_ms); /* 0 = for good */
void daemon_level_clear(struct daemon *d, enum lb_log_part part); /* as the configuration says */
void daemon_level_tick(struct daemon *d, struct lb_time now);

/* ---- daemon_cards.c ---- */
/* Those of instances and tracks that do not exist; how many. */
size_t daemon_cards_absent(const struct config *c, struct host_finding *out, size_t max);
void daemon_cards_note(const struct config *c, char *out, size_t size); /* of them, for an answer; "" = none */

/* ---- daemon_doctor.c ---- */
int daemon_doctor(const struct daemon_options *opt); /* no daemon runs in this process; returns the exit status */

/* ---- daemon_privs.c ---- */
/* Makes the directories, then becomes opt->user with what the core needs and nothing else. 0, or -1 and *e. */
int daemon_privs_drop(const struct daemon_options *opt, struct lb_err *e);

/* ---- daemon_log.c ---- */
/* A change of state: the line is for people, "OBJECT: what happened", and rate limited in the log; takes e->data. */
__attribute__((format(printf, 3, 4))) void daemon_event(struct daemon *d, const struct event *e, const char *fmt, ...);
void daemon_event_line(struct daemon *d, const struct model_line *l, json_t *data);
void daemon_event_worker(struct daemon *d, const struct worker *w, const struct worker_news *news);
void daemon_log_check(struct daemon *d, const struct history_record *r);
void daemon_events_turn(struct daemon *d);                        /* before the loop sleeps: to who watches */
void daemon_log_change(const struct model_change *ch, void *arg); /* model_change_fn */
void daemon_log_tick(struct daemon *d, struct lb_time now);

/* ---- daemon_metrics.c ---- */
void daemon_metrics_model(struct daemon *d); /* the configuration may say another address */
void daemon_metrics_done(struct daemon *d);
