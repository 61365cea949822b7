/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of daemon.h about the state directory, without the generations, which are in daemon_life.h. */
#pragma once

#include "lbd/daemon.h"

#include <errno.h>

/* Before anything else is read or touched. 0, or -errno: it must not go on without; -1: it has been said why. */
int daemon_state_start(struct daemon *d);
/* That file was written, or with -errno was not, and lacks something since. */
void daemon_saved(struct daemon *d, enum daemon_file file, int err);
bool daemon_all_saved(const struct daemon *d);
/* That file, or one in it of that name, is there and was read, or with -errno was not: what it says is not forgotten.
 * DAEMON_NEWER: it is of a later version, after the way back to an older package. */
#define DAEMON_NEWER (-EPROTONOSUPPORT)
void daemon_unread(struct daemon *d, enum daemon_file file, const char *name, int err);
/* Its name, and what is to be done; NULL = everything was read. */
const char *daemon_first_unread(const struct daemon *d);
void daemon_state_retry(struct daemon *d); /* writes what lacks something */
/* Opens it, for this process alone. The descriptor, or -errno and *e. */
int daemon_state_open(struct daemon *d, unsigned wait_ms, struct lb_err *e);
/* Whether it is still where it was: takes up another one that is there, at once or when it is at the next look, too. */
void daemon_state_look(struct daemon *d, bool at_once);
void daemon_state_tick(struct daemon *d);            /* the same when it is time, and reads what could not be read */
const char *daemon_overrides_save(struct daemon *d); /* NULL, or why not (static); it is tried again */
/* The same where something has changed since; each save writes all of them, so those of a turn are written once. */
const char *daemon_overrides_stored(struct daemon *d);

/* Whether a run had VRRP instances, and may have left addresses: a file that is there, or may be. note: written now, or
 * as soon as it can be. forget: nothing is left. */
bool daemon_vips_noted(const struct daemon *d);
void daemon_vips_note(struct daemon *d);
void daemon_vips_forget(struct daemon *d);

/* Listeners recorded as ours by an earlier run; then a fresh record begins, of all that is ours now. */
int daemon_owned_load(struct daemon *d, struct owned_keys *out);
void daemon_owned_restart(struct daemon *d);
void daemon_owned_note(struct daemon *d, const struct ipvs_key *key, bool add);
void daemon_owned_carry(struct daemon *d, int from); /* of another directory, as it is: nobody has read it yet */
void daemon_owned_flush(struct daemon *d);
