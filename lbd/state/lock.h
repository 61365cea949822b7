/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a lock: /proc/locks as text. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The process that holds the flock(2) of that inode; 0 = none does, or it is not seen from here. */
long lock_holder(const char *text, size_t n, unsigned major, unsigned minor, uint64_t inode);
