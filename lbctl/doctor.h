/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `lbctl doctor`, the half that the daemon knows: what its answers to `status` and `peer status` say that should be
 * looked at, each with the line that mends it. The other half, the host, is `lbd --doctor`. Pure.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Appends rows of LB_ROW_FINDING. */
struct doctor_findings {
	json_t *rows; /* array, owned by the caller */
	size_t found; /* of them; the others could not be looked at */
};

/* A row of somebody else: taken unless it is no finding, or the same was said already. */
void doctor_take(struct doctor_findings *f, const json_t *row);
/* No daemon: why. skipped: it is there, but not for us. */
void doctor_no_daemon(struct doctor_findings *f, const char *why, bool skipped);
void doctor_status(struct doctor_findings *f, const json_t *status, const char *installed);
/* version: of this node's daemon. */
void doctor_peer(struct doctor_findings *f, const json_t *peer, const char *version);
