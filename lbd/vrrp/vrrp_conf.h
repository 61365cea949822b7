/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of an instance in vrrp.set: writer and reader, for vrrp_msg.c. */
#pragma once

#include "common/fields.h"
#include "lbd/vrrp/vrrp_msg.h"

/* Everything of *c that an instance needs. Of auth: mode, window and keys, unless it is off. */
void vrrp_conf_write(const struct vrrp_conf *c, struct lb_members *o);

/* *c is zero. It is legal unless f->bad. */
void vrrp_conf_read(struct lb_fields *f, struct vrrp_conf *c);
