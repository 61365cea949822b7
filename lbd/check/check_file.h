/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a file says of a backend: up, down, drain, a weight or N%, in the words of an agent. */
#pragma once

#include "lbd/check/check_types.h"

/* Judges the beginning of the file: L7OK, L7OKC when it asks for less than everything, L7STS for down, L7RSP for what
 * no agent would say. */
void check_file_result(const char *bytes, size_t n, struct check_result *r);

/* It is not there, or cannot be read, or is not a file: L7STS with the reason; SOCKERR when we were out of
 * descriptors or memory. */
void check_file_failed(int err, struct check_result *r);
