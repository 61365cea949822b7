/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon without its world: a model made of a text, a kernel made of rows, and what else commands ask for. */
#pragma once

#include "lbd/ipvs/ipvs_reconcile.h"
#include "tests/unit/lbd_ctl/commands.h"
#include "tests/unit/lbd_model/cluster.h"

#include <errno.h>
#include <sys/socket.h>

#define ROWS 16u

static struct {
	struct world w;
	struct ctl_env env;
	struct ctl_collect c;
	struct ipvs_row rows[ROWS]; /* the kernel */
	size_t n_rows;
	int err;          /* of what reads the kernel */
	int err_of_dests; /* of what reads destinations alone */
	uint16_t refused; /* what is about this port is refused with EINVAL */
	struct ctl_apply applied;
	char applied_name[64];
	enum ctl_exit exit;
	bool repaired, confirmed;
	bool reloads; /* while the kernel is read */
	long rolled_back;
	struct life life;
	struct lb_time boot;
	size_t n_generations, n_damaged;
	struct ctl_worker_info sync; /* no name: it is not wanted */
} k;

/* ---- the kernel ---- */

static inline struct ipvs_row *row_of(const struct ipvs_key *key)
{
	for (size_t i = 0; i < k.n_rows; i++)
		if (ipvs_key_cmp(&k.rows[i].svc.key, key) == 0)
			return &k.rows[i];
	return NULL;
}

static inline int k_write(void *arg, const struct ipvs_op *ops, size_t n, int *errs)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		const struct ipvs_op *op = &ops[i];
		struct ipvs_row *row = row_of(&op->svc.key);
		uint16_t port = op->type >= IPVS_OP_DEST_ADD ? op->dest.port : op->svc.key.port;
		errs[i] = port == k.refused && k.refused ? EINVAL : 0;
		if (!errs[i] && !row) {
			ck_assert_uint_lt(k.n_rows, ROWS);
			row = &k.rows[k.n_rows++];
		}
		if (!errs[i])
			errs[i] = -ipvs_row_apply(row, op);
	}
	return 0;
}

/* Numbers that tell each listener and each destination apart. */
static inline struct ipvs_stats numbers(uint64_t from)
{
	return (struct ipvs_stats){ .conns = from,
		.in_packets = from + 1,
		.out_packets = from + 2,
		.in_bytes = from + 3,
		.out_bytes = from + 4,
		.cps = from + 5,
		.in_pps = from + 6,
		.out_pps = from + 7,
		.in_bps = from + 8,
		.out_bps = from + 9 };
}

static inline int k_services(void *arg, ipvs_service_fn *fn, void *fn_arg)
{
	(void)arg;
	for (size_t i = 0; !k.err && i < k.n_rows; i++) {
		struct ipvs_stats st = numbers(100 * i);
		fn(&k.rows[i].svc, &st, fn_arg);
	}
	return k.err;
}

static inline int k_dests(void *arg, const struct ipvs_key *key, ipvs_dest_fn *fn, void *fn_arg)
{
	(void)arg;
	const struct ipvs_row *row = row_of(key);
	const struct ipvs_counts counts = { .active = 2, .inactive = 3, .persistent = 1 };
	int err = k.err ? k.err : k.err_of_dests;
	k.env.turn += k.reloads;
	for (size_t i = 0; !err && row && i < row->dests.n; i++) {
		struct ipvs_stats st = numbers(1000 * (i + 1));
		fn(&row->dests.v[i], &counts, &st, fn_arg);
	}
	return err;
}

static inline int k_service(void *arg, const struct ipvs_key *key, struct ipvs_service *out)
{
	(void)arg;
	const struct ipvs_row *row = row_of(key);
	if (k.err || !row)
		return k.err ? k.err : -ESRCH;
	*out = row->svc;
	return 0;
}

static inline void on_event(void *arg, const struct ipvs_key *key, enum ipvs_drift what)
{
	(void)arg, (void)key, (void)what;
}

static inline void on_stale(void *arg, const struct ipvs_key *key)
{
	(void)arg, (void)key;
}

static inline void on_refused(void *arg, const struct ipvs_op *op, int err)
{
	(void)arg, (void)op, (void)err;
}

/* What the loop does: everything that is planned goes to the kernel. */
static inline void reconcile(void)
{
	struct ipvs_row row = { 0 };
	world_settle(&k.w);
	for (uint32_t s = 0; s < k.w.m->n_services; s++)
		for (uint32_t i = 0; i < k.w.m->services[s].cfg->n_listens; i++) {
			ck_assert_int_eq(plan_listener(k.w.m, s, i, &row), 0);
			ck_assert_int_eq(ipvs_want(k.env.ipvs, &row, k.w.now), 0);
		}
	ck_assert_int_eq(ipvs_send(k.env.ipvs, k.w.now), 0);
	ipvs_row_done(&row);
	k.env.converged = true;
}

/* ---- the daemon ---- */

static inline struct lb_time op_now(void *arg)
{
	(void)arg;
	return k.w.now;
}

static inline int64_t op_wall_ms(void *arg)
{
	(void)arg;
	return k.w.wall;
}

static inline struct lb_time op_boot(void *arg)
{
	(void)arg;
	return k.boot;
}

static inline void op_override_changed(
	void *arg, const char *object, enum override_kind kind, const struct override_who *who)
{
	(void)arg;
	static const char *const kinds[] = { "state", "weight", "force", "priority" };
	snprintf(operator_said, sizeof(operator_said), "%s of %s by %s: %s", kinds[kind], object, who->by,
		who->reason ? who->reason : "-");
	model_override_changed(k.w.m, object);
	reconcile();
}

static inline void op_apply(void *arg, const struct ctl_apply *what, const struct ctl_peer *who, struct ctl_reply *r)
{
	(void)arg, (void)who;
	k.applied = *what;
	snprintf(k.applied_name, sizeof(k.applied_name), "%s", what->name ? what->name : "-");
	ctl_reply_end(r, LB_CODE_OK, "taken", NULL);
}

static inline int op_generation_texts(void *arg, uint32_t generation, struct ctl_texts *out, struct lb_err *e)
{
	(void)arg;
	if (generation > 3)
		return lb_err_set(e, LB_CODE_NOT_FOUND, "there is no generation %u", generation);
	struct lb_text text = LB_TEXT_INIT;
	for (int i = 0; generation == 1 && i < 50000; i++) /* one line */
		lb_text_puts(&text, i ? "\xc3\xa4" : "#");
	for (int i = 0; i < 2000; i++) /* more than one part */
		lb_text_printf(&text, "# line %d of a long file that is shown in parts\n", i);
	out->text.bad |= text.bad;
	ctl_texts_add(out, "/etc/lbd/lbd.yaml", 17, text.s ? text.s : "", text.n);
	lb_text_done(&text);
	if (generation == 2) { /* has more than one file, the last of which ends in the middle of a line */
		ctl_texts_add(out, "/etc/lbd/conf.d/empty.yaml", 26, "", 0);
		ctl_texts_add(out, "/etc/lbd/conf.d/mail.yaml", 25, "services: {}", 12);
	}
	return 0;
}

static inline void op_confirm(void *arg, const struct ctl_peer *who, struct ctl_reply *r)
{
	(void)arg, (void)who;
	k.confirmed = true;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

static inline void op_rollback(void *arg, uint32_t generation, const struct ctl_peer *who, struct ctl_reply *r)
{
	(void)arg, (void)who;
	k.rolled_back = generation;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

static inline size_t op_generations(void *arg, struct generation *out, size_t n)
{
	(void)arg;
	if (n < k.n_generations)
		abort(); /* an assertion would allocate */
	for (uint32_t i = 0; i < k.n_generations; i++)
		out[i] = (struct generation){ .number = 2 * i + 2,
			.wall_ms = WALL + i,
			.state = i ? GENERATION_ROLLED_BACK : GENERATION_CONFIRMED,
			.by = "alice",
			.message = "for the day",
			.why = "not confirmed",
			.sha256 = "abc" };
	return k.n_generations;
}

static inline size_t op_damaged(void *arg, uint32_t *out, size_t n)
{
	(void)arg, (void)n;
	for (uint32_t i = 0; i < k.n_damaged; i++)
		out[i] = 4 * i + 1; /* 1, 5 */
	return k.n_damaged;
}

static inline void op_repair(void *arg, struct ctl_reply *r)
{
	(void)arg;
	k.repaired = true;
	ctl_reply_end(r, LB_CODE_OK, NULL, NULL);
}

static inline void op_exit(void *arg, enum ctl_exit how)
{
	(void)arg;
	k.exit = how;
}

static inline void op_exit_flush(void *arg, struct ctl_reply *r)
{
	(void)arg;
	k.exit = CTL_EXIT_STOP_FLUSH;
	ctl_reply_end(r, LB_CODE_FAILED, "something is left", NULL);
}

static inline size_t op_findings(void *arg, struct ctl_finding *out, size_t n)
{
	(void)arg, (void)n;
	out[0] = (struct ctl_finding){ "service/web", "nothing will pass", "sysctl -w x=1" };
	return 1;
}

static inline size_t op_workers(void *arg, struct ctl_worker_info *out, size_t n)
{
	(void)arg, (void)n;
	out[0] = (struct ctl_worker_info){ .name = "probe", .pid = 41, .rss_kib = 2, .probes = 9, .up = true };
	out[1] = (struct ctl_worker_info){
		.name = "vrrp", .restarts = 1, .instances = 2, .lag_us = 3000, .turns = true
	};
	out[2] = k.sync;
	return k.sync.name ? 3 : 2;
}

static const struct ctl_ops ops = { .now = op_now,
	.wall_ms = op_wall_ms,
	.boot = op_boot,
	.apply = op_apply,
	.generation_texts = op_generation_texts,
	.confirm = op_confirm,
	.rollback = op_rollback,
	.generations = op_generations,
	.generations_damaged = op_damaged,
	.asked = op_asked_for,
	.override_changed = op_override_changed,
	.overrides_stored = op_overrides_stored,
	.repair = op_repair,
	.exit = op_exit,
	.exit_flush = op_exit_flush,
	.wait = op_wait,
	.findings = op_findings,
	.workers = op_workers };

static inline void node_start(const char *text)
{
	static const struct model_vrrps vrrps;
	static const struct model_peers peers;
	static const struct model_sync sync;
	static const struct ipvs_kernel kernel = {
		.write = k_write, .services = k_services, .dests = k_dests, .service = k_service
	};
	static const struct ipvs_events events = { NULL, on_event, on_stale, on_refused };
	memset(&k, 0, sizeof(k));
	k.rolled_back = -1;
	world_load(&k.w, text);
	k.life = (struct life){ .phase = LIFE_RUNS, .runs = 3 };
	k.env = (struct ctl_env){ .model = k.w.m,
		.overrides = k.w.ov,
		.ipvs = ipvs_new(&kernel, &events),
		.ops = &ops,
		.life = &k.life,
		.vrrps = &vrrps,
		.peers = &peers,
		.sync = &sync,
		.generation = 3,
		.node = "lb-a",
		.version = "1",
		.config_path = "/etc/lbd/lbd.yaml",
		.state_dir = "/var/lib/lbd",
		.kernel = "6.1.0",
		.started_wall_ms = 1700000000000,
		.applied_wall_ms = 1700000001000,
		.clients = 2,
		.ipvs_version = 0x010201,
		.table_size = 4096,
		.pid = 7 };
	reconcile();
}

static inline void node_end(void)
{
	ipvs_free(k.env.ipvs);
	for (size_t i = 0; i < k.n_rows; i++)
		ipvs_row_done(&k.rows[i]);
	world_end(&k.w);
}

static inline void ask(const char *name, const char *args)
{
	command(&k.env, &k.c, name, args);
}

static inline void done(void)
{
	ctl_collect_done(&k.c);
}
