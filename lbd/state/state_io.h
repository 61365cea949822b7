/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the state directory, always reached through a held descriptor of it: written beside and renamed, never
 * followed through a link, 0600. */
#pragma once

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens (and makes, with its sub-directory generations/) the state directory. -errno and *e on failure. */
int state_open(const char *path, struct lb_err *e);
int state_fill(int dir, const char *path, struct lb_err *e); /* the same of the sub-directory alone */
bool state_is_emptied(int dir);                              /* the sub-directory is gone */

/* Nobody else gets it (flock) until the descriptor is closed, also by the end of this process, however it comes. Waits
 * so long for somebody who has it. 0; -EWOULDBLOCK: he still has; -errno: it cannot be locked. */
int state_lock(int dir, unsigned wait_ms);
long state_lock_holder(int dir); /* his process; 0 = not known */

/* Replaces name with the text. durable: it survives a power cut when this returns (fsync of file and directory), else
 * only the end of this process. 0 or -errno; the old file is whole in any case. */
int state_write(int dir, const char *name, const char *text, size_t n, bool durable);

/* Appends the content, at most max bytes. 0; -ENOENT; -EFBIG; -errno. */
int state_read(int dir, const char *name, size_t max, struct lb_text *out);

/* The same of its first bytes only, at most max; *size is that of the whole file. */
int state_read_begin(int dir, const char *name, size_t max, struct lb_text *out, size_t *size);

int state_remove(int dir, const char *name);
int state_rename(int dir, const char *name, const char *to);

/* Opens an existing file for appending. The descriptor, or -errno. */
int state_append_existing(int dir, const char *name);

/* Numbers of the generations there are, ascending; at most max of the newest, *n are. damaged: of those that were set
 * aside, whose names end in STATE_DAMAGED. 0; -errno: nobody knows, and *n is 0. */
int state_generations(int dir, bool damaged, uint32_t *out, size_t max, size_t *n);
#define STATE_DAMAGED ".damaged"

/* Reads a whole stream or file of the host (configuration, /proc), at most max bytes. 0 or -errno. */
int state_read_fd(int fd, size_t max, struct lb_text *out);
int state_read_path(const char *path, size_t max, struct lb_text *out);
/* The same of a word of a command line: "-" is standard input. *name: what to call it. */
int state_read_word(const char *word, size_t max, struct lb_text *out, const char **name);

/* A file with a secret: it belongs to root or to us, nobody else may write it and it is not for everybody to read. 0,
 * or -1 and *e, which names the file and what to do. make: what to write into one that is missing. */
int state_read_secret(const char *path, size_t max, const char *make, struct lb_text *out, struct lb_err *e);
