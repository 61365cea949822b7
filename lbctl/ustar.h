/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An archive as tar reads it (POSIX.1-1988 ustar), made in memory: a header of 512 bytes, the file, zeros to the next
 * 512; two blocks of zeros at the end. Pure: nothing of what is put in stands on a disk on the way. */
#pragma once

#include "common/buf.h"

#include <stdint.h>

/* Appends a file: name of at most 100 bytes, mode 0600, owner 0. 0; -EINVAL: the name does not fit. */
int ustar_file(struct lb_text *out, const char *name, const char *text, size_t n, int64_t mtime_s);
void ustar_end(struct lb_text *out);
