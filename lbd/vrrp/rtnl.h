/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names in this folder for what netlink messages are made of. */
#pragma once

#include "common/nlmsg.h"

#define vip_batch  lb_nl_batch
#define rtnl_begin lb_nl_begin
#define rtnl_attr  lb_nl_attr
#define rtnl_u32   lb_nl_u32
#define rtnl_end   lb_nl_end
#define rtnl_parse lb_nl_parse
