/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What services and backends are, for everybody who asks: as the model has it, less what the kernel refused. All of it
 * costs nothing where nothing is refused. */
#pragma once

#include "lbd/ctl/ctl_env.h"

/* The refusal that concerns this backend, or its whole service; NULL for b: only that. Borrowed until the next change
 * of the reconciler; NULL = none. */
const struct ipvs_refusal *ctl_refusal(
	const struct ctl_env *env, const struct config_service *s, const struct model_backend *b);

/* Any refusal at all, an edit of a running service included. */
bool ctl_refused_something(const struct ctl_env *env, const struct config_service *s);

/* A service that the kernel does not take is down; one that it serves in part, or as it was before, is degraded. */
enum model_service_status ctl_service_status(const struct ctl_env *env, const struct model_service *s);
uint32_t ctl_service_in_pool(const struct ctl_env *env, const struct model_service *s);

/* One that the kernel does not take is down, not up. */
enum model_backend_state ctl_backend_state(const struct ctl_env *env, const struct model_backend *b);
bool ctl_backend_in_pool(const struct ctl_env *env, const struct model_backend *b);

struct model_totals ctl_totals(const struct ctl_env *env);
