/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Weights of the backends of a service, and what asks for a share of them. */
#include "lbd/config/config_build.h"
#include "lbd/ipvs/ipvs_sched.h"

#include <stdio.h>
#include <string.h>

#define SHARES_OF 10u /* a smaller weight has too few shares: a slow start has so many steps */

/* NULL: none. The exit code of a script is no share. */
static const struct config_check *asks_for_shares(const struct config_builder *b)
{
	uint32_t n = b->now.s->n_checks;
	for (uint32_t i = 0; i < n; i++) {
		const struct config_check *ck = &b->slots[b->check_ids.v[b->check_ids.n - n + i]];
		const char *from = check_param(&ck->spec.params, CHECK_PARAM_WEIGHT_FROM);
		if (check_spec_weighs(&ck->spec) && !(from && strcmp(from, "exit") == 0))
			return ck;
	}
	return NULL;
}

/* The kernel's weights are whole numbers, and a share of one is 1 at least: of weight 1 all are the same. One backend
 * has all flows whatever its weight. */
static void rule_few_shares(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	const struct config_check *ck = s->slow_start_ms ? NULL : asks_for_shares(b);
	const struct schema_value *v = b->now.keys->v, *why = &v[ck ? SERVICE_CHECK : SERVICE_SLOW_START];
	const struct config_backend *least = NULL;
	for (uint32_t i = 0; i < s->n_backends; i++)
		if (s->backends[i].weight && (!least || s->backends[i].weight < least->weight))
			least = &s->backends[i];
	if ((!ck && !s->slow_start_ms) || s->n_backends < 2 || !least || least->weight >= SHARES_OF)
		return;
	char text[200], more[16] = "none";
	if (least->weight > 1)
		snprintf(more, sizeof(more), "only %u", least->weight);
	snprintf(text, sizeof(text), "%s%s%s a share of the weight, and weight %u (backend %s) has %s",
		ck ? "check " : "slow_start", ck ? ck->name : "", ck ? " may ask for" : " gives", least->weight,
		least->name, more);
	config_warn(b, config_at_or(why, b->now.entry->key), &b->now.path, text,
		"give its backends larger weights in the same ratio, such as `weight: 100` for all");
}

static void warn_ignored(struct config_builder *b, const struct ipvs_sched_row *row, const struct config_node *at,
	const struct config_path *path, const char *what)
{
	char text[160], help[60];
	snprintf(text, sizeof(text), "scheduler %s takes no account of weights: %s", row->name, what);
	snprintf(help, sizeof(help), "%s does", row->weighted);
	config_warn(b, at, path, text, help);
}

static bool weights_differ(const struct config_service *s)
{
	uint32_t weight = 0; /* which is one that every scheduler knows: no new connections */
	for (uint32_t i = 0; i < s->n_backends; i++) {
		uint32_t w = s->backends[i].weight;
		if (w && weight && w != weight)
			return true;
		weight = w ? w : weight;
	}
	return false;
}

/* Once for a service. A slow start that it only inherits is for others; that of the defaults is judged there. */
static void rule_ignored(struct config_builder *b, const struct ipvs_sched_row *row)
{
	const struct schema_value *v = b->now.keys->v;
	const struct config_service *s = b->now.s;
	const struct config_node *where = b->now.entry->key;
	const struct config_check *ck = asks_for_shares(b);
	char what[100];
	if (weights_differ(s)) {
		warn_ignored(b, row, config_at_or(&v[SERVICE_SCHEDULER], where), &b->now.path,
			"those of these backends differ");
	} else if (ck && s->n_backends > 1) {
		snprintf(what, sizeof(what), "what check %.60s asks for has no effect", ck->name);
		warn_ignored(b, row, config_at_or(&v[SERVICE_CHECK], where), &b->now.path, what);
	} else if (s->slow_start_ms && v[SERVICE_SLOW_START].at && s->n_backends > 1) {
		warn_ignored(b, row, v[SERVICE_SLOW_START].at, &b->now.path, "slow_start has no effect");
	}
}

void config_rules_weights(struct config_builder *b)
{
	const char *name = b->now.s->scheduler;
	const struct ipvs_sched_row *row = ipvs_sched_find(name, strlen(name));
	if (row && row->weighted)
		rule_ignored(b, row);
	else
		rule_few_shares(b);
}

void config_rules_weights_defaults(
	struct config_builder *b, const struct schema_value *v, const struct config_path *service)
{
	const struct schema_value *slow = &v[SERVICE_SLOW_START], *scheduler = &v[SERVICE_SCHEDULER];
	if (!slow->at || !slow->set || !scheduler->at || !scheduler->set || !scheduler->obj->v[SCHEDULER_NAME].set)
		return;
	const struct ipvs_sched_row *row = &ipvs_scheds[scheduler->obj->v[SCHEDULER_NAME].num];
	if (row->weighted)
		warn_ignored(b, row, slow->at, service, "slow_start has no effect");
}
