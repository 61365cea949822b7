/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/ctl_state.h"

const struct ipvs_refusal *ctl_refusal(
	const struct ctl_env *env, const struct config_service *s, const struct model_backend *b)
{
	if (!ipvs_refused_listeners(env->ipvs))
		return NULL;
	for (uint32_t i = 0; i < s->n_listens; i++) {
		size_t n;
		const struct ipvs_refusal *r = ipvs_refusals(env->ipvs, &s->listens[i], &n);
		for (size_t k = 0; k < n; k++) {
			bool whole = r[k].op.type == IPVS_OP_SERVICE_ADD;
			bool this_one = b && r[k].op.type >= IPVS_OP_DEST_ADD &&
					lb_ip_cmp(&r[k].op.dest.addr, &b->cfg->addr) == 0 &&
					r[k].op.dest.port == model_backend_port(b, &s->listens[i]);
			if (whole || this_one)
				return &r[k];
		}
	}
	return NULL;
}

bool ctl_refused_something(const struct ctl_env *env, const struct config_service *s)
{
	size_t n = 0;
	if (!ipvs_refused_listeners(env->ipvs))
		return false;
	for (uint32_t i = 0; i < s->n_listens && n == 0; i++)
		(void)ipvs_refusals(env->ipvs, &s->listens[i], &n);
	return n > 0;
}

enum model_service_status ctl_service_status(const struct ctl_env *env, const struct model_service *s)
{
	if (ctl_refusal(env, s->cfg, NULL))
		return MODEL_SERVICE_DOWN;
	if (s->status == MODEL_SERVICE_UP && ctl_refused_something(env, s->cfg))
		return MODEL_SERVICE_DEGRADED;
	return (enum model_service_status)s->status;
}

uint32_t ctl_service_in_pool(const struct ctl_env *env, const struct model_service *s)
{
	if (!ctl_refused_something(env, s->cfg))
		return s->in_pool;
	uint32_t n = 0;
	for (uint32_t i = 0; i < s->cfg->n_backends; i++)
		n += ctl_backend_in_pool(env, &env->model->backends[s->first_backend + i]);
	return n;
}

bool ctl_backend_in_pool(const struct ctl_env *env, const struct model_backend *b)
{
	return b->in_pool && !ctl_refusal(env, env->model->services[b->service].cfg, b);
}

enum model_backend_state ctl_backend_state(const struct ctl_env *env, const struct model_backend *b)
{
	if (b->in_pool && !ctl_backend_in_pool(env, b))
		return MODEL_BACKEND_DOWN;
	return (enum model_backend_state)b->state;
}

struct model_totals ctl_totals(const struct ctl_env *env)
{
	const struct model *m = env->model;
	if (!ipvs_refused_listeners(env->ipvs))
		return model_totals(m);
	struct model_totals t = { 0 };
	for (uint32_t i = 0; i < m->n_services; i++)
		t.services[ctl_service_status(env, &m->services[i])]++;
	for (uint32_t i = 0; i < m->n_backends; i++)
		t.backends[ctl_backend_state(env, &m->backends[i])]++;
	return t;
}
