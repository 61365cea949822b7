/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/flow_table.h"
