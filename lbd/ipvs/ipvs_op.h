/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One write to the kernel. Ops are what ipvs_diff decides, ipvs_msg encodes and `config diff --ops` prints. */
#pragma once

#include "common/vec.h"
#include "lbd/ipvs/ipvs_table.h"

#include <stdbool.h>

enum ipvs_op_type {
	IPVS_OP_SERVICE_ADD,
	IPVS_OP_SERVICE_SET,
	IPVS_OP_SERVICE_DEL,
	IPVS_OP_DEST_ADD,
	IPVS_OP_DEST_SET,
	IPVS_OP_DEST_DEL
};

struct ipvs_op {
	enum ipvs_op_type type;
	struct ipvs_service svc; /* for destinations only the key counts */
	struct ipvs_dest dest;   /* zero for services */
};

struct ipvs_ops {
	LB_VEC(struct ipvs_op) ops;
};

#define IPVS_OP_STRLEN 256
/* In ipvsadm's words, because people know them: "-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 1". Returns out. */
const char *ipvs_op_str(const struct ipvs_op *op, char out[IPVS_OP_STRLEN]);

/* Whether it was refused because one of the kernel's sync daemons runs: with them it takes no backend of another family
 * than its service. err is a positive errno. */
bool ipvs_op_minds_daemons(const struct ipvs_op *op, int err);

/* What a refusal of the kernel means and what mends it, for people. err is a positive errno. */
void ipvs_op_explain(const struct ipvs_op *op, int err, char *out, size_t size);
