/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another directory in the place of the state directory (a backup that was put back, a move and a copy): what is held
 * by its descriptor no start will see. All that holds is written anew into the one that is there now: overrides, the
 * record of what is ours, that VRRP has run and that there is a table of nftables from memory, the configuration that
 * runs from the directory of before, or, where that is empty, from the file. The history in it is its own. One that was
 * emptied counts as another one. */
#include "common/log_io.h"
#include "lbd/daemon_life.h"
#include "lbd/daemon_state.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Told once of each reason; the alarm has the same words. */
__attribute__((format(printf, 2, 3))) static void lose(struct daemon *d, const char *fmt, ...)
{
	char why[sizeof(d->state_lost)];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (strcmp(why, d->state_lost) == 0)
		return;
	memcpy(d->state_lost, why, sizeof(why));
	lb_log(LB_LOG_ERROR, "state: %s", d->state_lost);
}

static void found(struct daemon *d)
{
	d->state_other = (struct daemon_place){ 0 };
	if (d->state_lost[0])
		lb_log(LB_LOG_NOTICE, "state: %s is there again as it was", d->opt->state_dir);
	d->state_lost[0] = '\0';
}

/* Of what runs, while the old directory is still the one that is read; empty: nobody has it. */
static void text_that_runs(struct daemon *d, struct daemon_text *t)
{
	struct lb_err e;
	*t = (struct daemon_text){ 0 };
	if (d->unstored.sources.n || daemon_text_from_generation(d, t, d->generation, &e) == 0)
		return;
	daemon_text_done(t);
	if (daemon_text_read(d->opt->config, t, &e) || daemon_text_hash(t) != d->config_hash)
		daemon_text_done(t);
}

/* What nobody could read yet is read from the new one, when it can be. */
static void save_all(struct daemon *d, int from, bool vips)
{
	if (d->owned_fd >= 0)
		close(d->owned_fd);
	d->owned_fd = -1;
	(void)daemon_overrides_save(d);
	if (d->left_over_due)
		daemon_owned_carry(d, from);
	else
		daemon_owned_restart(d);
	if (vips)
		daemon_vips_note(d);
	daemon_nft_note(d);
}

/* The descriptor, or -errno and *e. */
static int open_there(struct daemon *d, bool emptied, struct lb_err *e)
{
	if (!emptied)
		return daemon_state_open(d, 0, e);
	int err = state_fill(d->state_dir, d->opt->state_dir, e);
	return err ? err : d->state_dir;
}

static void take(struct daemon *d, bool emptied)
{
	struct lb_err e;
	struct daemon_text t;
	int from = d->state_dir, dir = open_there(d, emptied, &e);
	bool writable = dir >= 0 && faccessat(dir, ".", W_OK, 0) == 0;
	if (dir >= 0 && !writable)
		lb_err_set(&e, LB_CODE_FAILED, "%s: %s", d->opt->state_dir, strerror(errno));
	if (!writable) {
		if (dir >= 0 && !emptied)
			close(dir);
		lose(d,
			emptied ? "somebody has emptied it: %s"
				: "another directory is in the place of the one that lbd holds, and cannot be used: "
				  "%s; what is saved would be lost: restart lbd",
			e.text);
		return;
	}
	bool vips = d->vrrp.noted || daemon_vips_noted(d);
	text_that_runs(d, &t);
	d->state_dir = dir;
	d->state_other = (struct daemon_place){ 0 };
	d->state_lost[0] = '\0';
	save_all(d, from, vips);
	daemon_generation_moved(d, from, &t);
	daemon_text_done(&t);
	if (!emptied)
		close(from);
	lb_log(LB_LOG_WARNING, "state: %s %s: what holds was saved there anew%s",
		emptied ? "somebody has emptied" : "another directory is in the place of", d->opt->state_dir,
		daemon_all_saved(d) ? "" : ", not all of it");
}

static struct daemon_place place_of(const struct stat *st)
{
	return (struct daemon_place){ st->st_dev, st->st_ino };
}

static bool same_place(struct daemon_place a, struct daemon_place b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

void daemon_state_look(struct daemon *d, bool at_once)
{
	struct stat is, was;
	if (d->state_dir < 0 || fstat(d->state_dir, &was))
		return;
	int err = stat(d->opt->state_dir, &is) ? errno : 0;
	bool same = !err && same_place(place_of(&is), place_of(&was)), emptied = same && state_is_emptied(d->state_dir);
	if (err == ENOENT || err == ENOTDIR) { /* not made here: who moves it away is about to put another one there */
		lose(d, "%s is gone: make it again, for the user of lbd and with mode 0700", d->opt->state_dir);
		d->state_other = (struct daemon_place){ 0 };
	} else if (same && !emptied) {
		found(d);
	} else if (!err && !at_once && !same_place(place_of(&is), d->state_other)) {
		d->state_other = place_of(&is); /* who copies it there may not be done yet */
	} else if (!err && (d->apply || (d->life.life.phase != LIFE_RUNS && d->life.life.phase != LIFE_STUCK))) {
		lose(d, "%s is %s, which is taken up when what is under way with generation %u is over",
			d->opt->state_dir, emptied ? "emptied" : "another directory", d->life.life.runs);
	} else if (!err) {
		take(d, emptied);
	}
}
