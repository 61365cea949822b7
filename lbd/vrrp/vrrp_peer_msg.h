/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of vrrp.peers and vrrp.node, each with its writer and its reader. */
#pragma once

#include "common/fields.h"
#include "lbd/vrrp/vrrp_msg.h"

void vrrp_peers_write(const struct vrrp_peers *p, struct lb_members *o);
void vrrp_peers_read(struct lb_fields *f, struct vrrp_peers *p); /* *p is zero */

void vrrp_node_write(const struct vrrp_msg_node *n, struct lb_members *o);
void vrrp_node_read(struct lb_fields *f, struct vrrp_msg_node *n); /* *n is zero */
