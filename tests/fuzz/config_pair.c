/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_model */
/* Bytes as two configurations and what happens meanwhile: the old one runs, checks pass and fail, the new one is
 * loaded. What the kernel has after the operations is what the new one wants, no listener is left over, and of two
 * equal configurations nothing differs and nothing is written. */
#include "lbd/config/config.h"
#include "lbd/config/config_diff.h"
#include "lbd/ipvs/ipvs_diff.h"
#include "lbd/model.h"
#include "lbd/plan.h"

#include <stdlib.h>
#include <string.h>

#define SERVICES 4
#define PLACES   (2 * SERVICES) /* listeners, of both configurations */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
	const uint8_t *p, *end;
};

struct kernel {
	LB_VEC(struct ipvs_row) rows;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static unsigned byte(struct bytes *b)
{
	return b->p < b->end ? *b->p++ : 0;
}

/* ---- a configuration ---- */

static void put_backends(struct bytes *in, struct lb_text *out)
{
	unsigned n = byte(in) % 5;
	lb_text_puts(out, "    backends:");
	lb_text_puts(out, n ? "\n" : " {}\n");
	for (unsigned i = 0; i < n; i++) {
		unsigned b = byte(in), w = byte(in);
		/* another name at the same address is refused, so the name says the address */
		lb_text_printf(out, "      b%u%u: { address: 10.0.0.%u, port: %u, weight: %u%s }\n", i, b % 3,
			i * 3 + b % 3 + 1, 8000 + (b >> 2) % 2, w % 4, w & 128 ? ", drain: true" : "");
	}
}

static void put_service(struct bytes *in, unsigned i, struct lb_text *out)
{
	static const char *const schedulers[] = { "wlc", "rr", "mh", "sh" }, *const modes[] = { "nat", "dr", "tun" },
				 *const losses[] = { "sorry", "rest", "open", "withdraw" };
	unsigned b = byte(in), c = byte(in);
	lb_text_printf(out, "  s%u:\n    listen: 203.0.113.%u:%u\n    scheduler: %s\n    mode: %s\n", i, i + 1,
		80 + (b & 1), schedulers[b >> 1 & 3], modes[(b >> 3) % 3]);
	lb_text_printf(out, "    check: %s\n", b & 64 ? "none" : "c");
	if (b & 128)
		lb_text_printf(out, "    persistence: %us\n", 1 + c % 9);
	if (c & 16)
		lb_text_printf(out, "    quorum: %u\n    on_loss: %s\n", 1 + (c & 1), losses[1 + (c >> 1) % 3]);
	if (c & 32)
		lb_text_puts(out, "    sorry: 10.0.9.9:80\n");
	if (c & 64)
		lb_text_puts(out, "    slow_start: 10s\n");
	if (c & 128)
		lb_text_puts(out, "    on_fail: cut\n");
	put_backends(in, out);
}

static struct config *config_of(struct bytes *in, struct lb_text *text)
{
	struct lb_text report = LB_TEXT_INIT;
	unsigned which = byte(in);
	lb_text_puts(text, "checks:\n  c: { type: tcp, rise: 1, fall: 1 }\nservices:");
	lb_text_puts(text, which % (1u << SERVICES) ? "\n" : " {}\n");
	for (unsigned i = 0; i < SERVICES; i++)
		if (which & 1u << i)
			put_service(in, i, text);
	struct config_source source = { "fuzz.yaml", text->s, text->n };
	struct config *c = config_load(&source, 1, "node", &report);
	lb_text_done(&report);
	return c;
}

/* ---- the kernel ---- */

static struct ipvs_row *find(struct kernel *k, const struct ipvs_key *key)
{
	lb_vec_foreach (row, &k->rows)
		if (ipvs_key_cmp(&row->svc.key, key) == 0)
			return row;
	return NULL;
}

static size_t apply(struct kernel *k, const struct ipvs_row *want, const struct ipvs_key *key)
{
	struct ipvs_ops ops = { 0 };
	struct ipvs_row *have = find(k, key);
	must(ipvs_diff(want, have, &ops) == 0);
	size_t n = ops.ops.n;
	if (!have && want) {
		have = lb_vec_push(&k->rows);
		must(have != NULL);
		*have = (struct ipvs_row){ .svc = { .key = *key } };
	}
	lb_vec_foreach (op, &ops.ops) {
		if (op->type == IPVS_OP_SERVICE_ADD)
			have->svc = op->svc;
		else
			must(ipvs_row_apply(have, op) == 0);
	}
	if (!want && have) {
		ipvs_row_done(have);
		*have = k->rows.v[--k->rows.n];
	}
	lb_vec_done(&ops.ops);
	return n;
}

static size_t settle(struct kernel *k, struct model *m, struct lb_time now)
{
	struct ipvs_row row = { 0 };
	size_t writes = 0;
	for (uint32_t s; (s = model_next_dirty(m)) != MODEL_NONE;) {
		model_settle(m, s, now, 1700000000000, NULL, NULL);
		for (uint32_t i = 0; i < m->services[s].cfg->n_listens; i++) {
			must(plan_listener(m, s, i, &row) == 0);
			writes += apply(k, &row, &row.svc.key);
		}
	}
	ipvs_row_done(&row);
	return writes;
}

static size_t drop(struct kernel *k, const struct model *m)
{
	size_t writes = 0;
	for (size_t i = k->rows.n; i-- > 0;) {
		struct ipvs_key key = k->rows.v[i].svc.key;
		if (model_listener_service(m, &key) == MODEL_NONE)
			writes += apply(k, NULL, &key);
	}
	return writes;
}

/* Planned anew, each row is in the kernel, and nothing else is. */
static void is_what_is_wanted(struct kernel *k, const struct model *m)
{
	struct ipvs_row row = { 0 };
	struct ipvs_ops ops = { 0 };
	for (uint32_t s = 0; s < m->n_services; s++)
		for (uint32_t i = 0; i < m->services[s].cfg->n_listens; i++) {
			must(plan_listener(m, s, i, &row) == 0);
			must(find(k, &row.svc.key) != NULL);
			must(ipvs_diff(&row, find(k, &row.svc.key), &ops) == 0 && ops.ops.n == 0);
			lb_vec_foreach (d, &row.dests) {
				struct model_backend *b = NULL;
				uint32_t at = model_backend_at(m, s, &row.svc.key, &d->addr, d->port);
				if (at != MODEL_NONE)
					b = &m->backends[at];
				must(!b || (b->in_table && b->weight == d->weight));
			}
		}
	must(k->rows.n == m->n_listeners);
	lb_vec_done(&ops.ops);
	ipvs_row_done(&row);
}

/* ---- what happens ---- */

static void verdicts(struct bytes *in, struct model *m, struct lb_time now)
{
	for (uint32_t i = 0; i < m->n_targets; i++) {
		unsigned b = byte(in);
		struct check_state s = { .n = 1, .judged = true, .up = b & 1 };
		if (b & 2)
			model_health(m, m->targets[i].id, &s, now, 1700000000000);
	}
}

static struct model *load(
	struct config *c, const struct model *old, const struct overrides *ov, uint32_t *next_id, struct lb_time now)
{
	const struct model_input in = {
		.config = c, .old = old, .overrides = ov, .next_id = next_id, .now = now, .wall_ms = 1700000000000
	};
	struct model *m = model_new(&in);
	must(m != NULL);
	return m;
}

static void count(const struct config_change *ch, void *arg)
{
	must(ch->object[0]);
	++*(unsigned *)arg;
}

static void run(struct bytes *in, struct config *first, struct config *second, bool same)
{
	struct kernel k = { 0 };
	struct lb_time now = { 1000000000 };
	struct overrides *ov = overrides_new();
	uint32_t next_id = 1;
	unsigned n = 0;
	must(config_diff(first, second, count, &n) >= 0 && (!same || n == 0));
	struct model *m = load(first, NULL, ov, &next_id, now);
	(void)settle(&k, m, now);
	verdicts(in, m, now);
	(void)settle(&k, m, now);
	now.us += byte(in) * 100000;
	is_what_is_wanted(&k, m);
	struct model *next = load(second, m, ov, &next_id, now);
	model_free(m);
	size_t writes = settle(&k, next, now) + drop(&k, next);
	must(!same || writes == 0);
	is_what_is_wanted(&k, next);
	verdicts(in, next, now);
	(void)settle(&k, next, now);
	is_what_is_wanted(&k, next);
	model_free(next);
	overrides_free(ov);
	lb_vec_foreach (row, &k.rows)
		ipvs_row_done(row);
	lb_vec_done(&k.rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = { data, data + size }, again;
	struct lb_text one = LB_TEXT_INIT, two = LB_TEXT_INIT;
	bool same = byte(&in) % 4 == 0;
	again = in;
	struct config *first = config_of(&in, &one);
	struct config *second = config_of(same ? &again : &in, &two);
	if (first && second) {
		run(&in, first, second, same);
	} else {
		config_free(first);
		config_free(second);
	}
	lb_text_done(&one);
	lb_text_done(&two);
	return 0;
}
