/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/ipvs_sync_msg.h"
