/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What command handlers may see and do. The daemon fills it; tests fill it with a model made from text and a kernel
 * made of arrays. Pointers in it change when a configuration is applied: a handler reads them anew in every turn and
 * a streaming answer compares `turn` to see whether its indices still mean the same.
 */
#pragma once

#include "common/events.h"
#include "lbd/config/config_diff.h"
#include "lbd/ctl/ctl.h"
#include "lbd/event.h"
#include "lbd/history.h"
#include "lbd/ipvs/ipvs_reconcile.h"
#include "lbd/model.h"
#include "lbd/model_peer.h"
#include "lbd/model_sync.h"
#include "lbd/model_vrrp.h"
#include "lbd/override_word.h"
#include "lbd/state/life.h"
#include "lbd/trace.h"

/* How late the loop of a process was: the worst of each second. Upper bounds in seconds: ctl_lag_bounds. */
#define CTL_LAG_BUCKETS 8u
struct ctl_lag {
	uint64_t n[CTL_LAG_BUCKETS + 1]; /* the last: above all bounds */
	uint64_t sum_us;
};
extern const double ctl_lag_bounds[CTL_LAG_BUCKETS];
void ctl_lag_add(struct ctl_lag *lag, uint32_t us);

struct ctl_worker_info {
	const char *name;
	pid_t pid; /* 0 = not running */
	uint32_t restarts;
	uint32_t rss_kib;
	uint32_t probes;                   /* started since the worker began */
	uint32_t instances, lag_us;        /* of vrrp: what it holds, the worst delay of its loop in the last second */
	uint32_t late_p50_us, late_p99_us; /* how late they started, over the last 10 to 20 seconds */
	bool turns;                        /* lag_us counts, and nothing about probes */
	bool up;
	struct lb_time down_since; /* it is wanted, and not up; us 0 = it is */
	int refused;               /* -errno: none can be started just now */
	const char *without;       /* what is not done then; NULL = not known */
	const struct ctl_lag *lag; /* NULL = not known */
};
#define CTL_WORKERS_MAX 5u

struct ctl_finding {     /* something about the host that keeps a service from working; texts are static or borrowed */
	char object[80]; /* "service/web", "kernel" */
	char text[200];
	char fix[120]; /* the line that mends it, "" = none */
};

struct ctl_level_info { /* of one part of the log */
	enum lb_log_level level, configured;
	int64_t until_wall_ms; /* 0 = no time was given */
	bool given;            /* by an operator */
};

enum ctl_apply_kind {
	CTL_APPLY,
	CTL_DIFF,
	CTL_RELOAD,
	CTL_BACK /* a rollback loads .generation: it is not stored again, and nobody is refused it */
};
struct ctl_apply {
	enum ctl_apply_kind kind;
	int fd;                     /* >= 0: the text, now owned by the callee */
	const char *name;           /* of that text, for messages; borrowed */
	uint32_t generation;        /* > 0 and fd < 0: that stored one; both unset: the daemon's own file */
	const char *digest;         /* the text must have it, as daemon_text_sha256; NULL = any; borrowed (CTL_APPLY) */
	bool with_ops;              /* kernel operations as rows, too (CTL_DIFF) */
	bool both;                  /* on both nodes of the pair (CTL_APPLY), or for that (CTL_DIFF) */
	uint32_t if_here, if_there; /* of both: only while these generations run; 0 = any */
	int64_t confirm_ms;  /* it goes back after that time unless it is confirmed; 0 = it does not (CTL_APPLY) */
	bool held;           /* and until the other node has it, too */
	const char *message; /* for the generation, or of the answer of CTL_DIFF; may be NULL; borrowed */
	uint32_t changes;    /* CTL_DIFF: so many have been told already */
	bool theirs;         /* CTL_DIFF: what runs on the other node, whose keys are not looked for here */
};

#define CTL_CONFIRM_MAX_MS 86400000 /* a day: who has not come back by then will not */

enum ctl_exit {
	CTL_EXIT_STOP,
	CTL_EXIT_STOP_FLUSH,
	CTL_EXIT_RESTART, /* comes back: virtual addresses stay for the time of their lease */
	CTL_EXIT_SIGNAL,  /* not by a command */
};

/* Files of a configuration, one behind the other. */
struct ctl_text {
	size_t name, end; /* where its name begins; where its text ends */
};
struct ctl_texts {
	struct lb_text text, names; /* each name with its NUL */
	LB_VEC(struct ctl_text) v;
};
void ctl_texts_add(struct ctl_texts *t, const char *name, size_t name_n, const char *text, size_t n);

struct ctl_ops {
	struct lb_time (*now)(void *arg);
	int64_t (*wall_ms)(void *arg);
	/* Loads a candidate and compares or applies it. Holds the reply and ends it itself: rows of findings and
	 * changes, then 0, 1 (CTL_DIFF: there is a difference), 6 rejected, 7 another load is running, 8 failed. */
	void (*apply)(void *arg, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r);
	/* The texts of a stored generation (0 = the one that runs), ctl_texts_add for each. 0, or -1 and *e. */
	int (*generation_texts)(void *arg, uint32_t generation, struct ctl_texts *out, struct lb_err *e);
	/* What waits for a confirm is kept; what runs gives way to that generation, 0 = the one before. They hold the
	 * reply and end it themselves. */
	void (*confirm)(void *arg, const struct ctl_peer *who, struct ctl_reply *r);
	void (*rollback)(void *arg, uint32_t generation, const struct ctl_peer *who, struct ctl_reply *r);
	/* Heads of the newest generations that are stored, by number; how many. damaged: numbers of those that were set
	 * aside instead. */
	size_t (*generations)(void *arg, struct generation *out, size_t n);
	size_t (*generations_damaged)(void *arg, uint32_t *out, size_t n);
	/* CLOCK_BOOTTIME, of struct life and of overrides */
	struct lb_time (*boot)(void *arg);
	/* An operator set or cleared an override: plan again, and store it before the loop sleeps. */
	void (*override_changed)(
		void *arg, const char *object, enum override_kind kind, const struct override_who *who);
	/* All of them are stored, now if they are not. Returns NULL, or why they could not be (they hold anyway). */
	ctl_stored_fn *overrides_stored;
	/* An operator asked for something that leaves no other record with the name of the user. */
	void (*asked)(void *arg, const char *what, const struct ctl_peer *who);
	/* A whole audit round now; ends the reply with what it found. */
	void (*repair)(void *arg, struct ctl_reply *r);
	/* Ends the daemon after the reply has been written. */
	void (*exit)(void *arg, enum ctl_exit how);
	/* The same with CTL_EXIT_STOP_FLUSH. Holds the reply and ends it itself when nothing of ours is in the kernel
	 * any more: 0; 7 it is stopping already; 8 something is left. */
	void (*exit_flush)(void *arg, struct ctl_reply *r);
	/* Waits for a condition: cond() is asked after each turn in which something changed.
	 * 1 true, 0 not yet, -1 can never become true. Ends the reply with 0 or 1. deadline_ms 0 = none (then 9). */
	void (*wait)(void *arg, struct ctl_reply *r, int (*cond)(void *state), ctl_free_fn *free_state, void *state,
		int64_t deadline_ms);
	/* Fills at most n; returns how many there are. */
	size_t (*findings)(void *arg, struct ctl_finding *out, size_t n);
	/* Asks for one probe of this target now; the answer comes through ctl_run_result with the token. 0 or -errno.
	 */
	int (*probe_run)(void *arg, uint32_t token, uint32_t target_id);
	size_t (*workers)(void *arg, struct ctl_worker_info *out, size_t n);
	/* Hands an operator's word to the process of VRRP; for_ms where it takes a time. 0 or -errno: it is not there.
	 */
	int (*vrrp_do)(void *arg, uint32_t id, enum vrrp_do what, uint32_t for_ms);
	/* The same to the process that copies flows. */
	int (*sync_do)(void *arg, const struct sync_msg_do *what);
	/* It looks at all connections of the kernel, and the peer gets what was not known: ctl_failovers_looked with
	 * *id follows. 0 or -errno: it cannot be. */
	int (*sync_look)(void *arg, uint32_t *id);
	/* A message CONN_x to it; it is started if need be. 0; -EAGAIN it is being started, ctl_conns_ready follows;
	 * -errno: it cannot be. */
	int (*conn_ask)(void *arg, const struct sync_room_msg *m);
	/* Compares what runs here with what runs on the other node, to which there is a link; as `apply` with CTL_DIFF.
	 */
	void (*peer_diff)(void *arg, const struct ctl_peer *who, struct ctl_reply *r);
	/* How much is logged of a part; and set it (for_ms 0 = until the daemon ends) or give it back. */
	void (*level_get)(void *arg, enum lb_log_part part, struct ctl_level_info *out);
	void (*level_set)(void *arg, enum lb_log_part part, enum lb_log_level level, int64_t for_ms);
	void (*level_clear)(void *arg, enum lb_log_part part);
};

struct ctl_runs;      /* ctl_run.h */
struct ctl_failovers; /* ctl_failover.h */
struct ctl_conns;     /* ctl_conn.h */
struct ctl_watches;   /* ctl_watch.h */

#define CTL_CONN_ID_MAX 0x7fffffffu /* numbers above are not of commands */
struct ctl_talk;                    /* ctl_talk.h */
struct ctl_remote;                  /* ctl_remote.h */

struct ctl_env {
	const struct model *model;
	struct ipvs_reconciler *ipvs;
	struct overrides *overrides;
	const struct override_words *words; /* of them, for the other node; NULL = not known */
	const struct history *history;
	const struct traces *traces;
	struct ctl_runs *runs;
	struct ctl_failovers *failovers;
	struct ctl_conns *conns;
	struct ctl_watches *watches;
	unsigned n_waits; /* that ctl_wait holds */
	const struct events *events;
	const struct model_vrrps *vrrps;
	const struct model_peers *peers;
	const struct model_sync *sync;
	const struct life *life; /* of the generation that runs */
	const char *life_note; /* behind "generation N": why something else runs than the file says; "" = it does not */
	const char *host_note; /* what the host lacks for what runs, with the line that mends it; "", NULL = nothing */
	struct ctl_talk *talk; /* with the core of the other node */
	struct ctl_remote *remote;
	uint64_t turn;       /* changes whenever model is replaced */
	uint32_t generation; /* of the configuration that runs */
	const char *node, *version, *config_path, *state_dir;
	const char *kernel; /* its release, NULL or "" = not known */
	pid_t pid;
	struct lb_time started;
	int64_t started_wall_ms;
	bool file_differs;          /* the file is not what runs */
	bool converged;             /* kernel equals desired, nothing queued */
	bool kernel_missing;        /* no IPVS in this kernel */
	struct lb_time checks_from; /* they do not pause since; LB_TIME_NEVER = they do, us 0 = they never did */
	bool state_not_saved;       /* the state directory cannot be written */
	const char *state_lost;     /* why what is written there is not found by a start; NULL = it is */
	const char *state_not_read; /* what of it cannot be read; NULL = nothing */
	const char *last_reject;    /* what is wrong with the file, as it was last offered; NULL = nothing */
	const char *hook_failed;    /* what the last run of a hook was about and why it failed, NULL = it did not */
	uint64_t hooks_dropped;     /* runs that gave way because too many waited */
	uint32_t ipvs_version, table_size;
	uint32_t rss_kib;
	const struct ctl_lag *lag; /* of the core */
	int64_t applied_wall_ms;   /* when the configuration that runs was taken up */
	uint32_t clients;          /* of the control sockets */
	uint64_t requests[2];      /* since the start, by enum ctl_level */
	const struct ctl_ops *ops;
	void *arg;
};

/* The handler for a request: answers, streams, holds or ends. Never blocks. */
void ctl_cmd(struct ctl_env *env, struct ctl_request *rq, struct ctl_reply *r);
