/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "common/buf.h"

/* Runs a program without standard input and takes what it prints, at most `max` bytes, for at most `ms`. 0 when it
 * ended well; -errno, or -EIO when it did not: its output is worthless then. */
int doctor_child(const char *const *argv, int ms, size_t max, struct lb_text *out);
