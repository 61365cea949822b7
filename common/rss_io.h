/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>

/* For a process that may open nothing later, as soon as it is one: the file is about who opens it. */
void lb_rss_open(void);
/* Memory of this process that is resident now, in KiB; 0 = unknown. */
uint32_t lb_rss_kib(void);
