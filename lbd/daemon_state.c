/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state directory: overrides, which listeners are ours; generations are daemon_generation.c. A disk that fails
 * changes nothing of what runs: it raises an alarm, and a change that must be stored first is refused. What is there
 * and cannot be read (restored as root, a disk that fails) stays as it is, and holds as soon as it can be read. */
#include "lbd/daemon_state.h"
#include "common/clock_io.h"
#include "common/json_text.h"
#include "common/log_io.h"
#include "lbd/daemon_life.h"
#include "lbd/host/host_io.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No more is written than a start reads. Every backend there may be can be drained with a reason of a line. */
#define OVERRIDES_MAX  (64u << 20)
#define OVERRIDES_FULL "all overrides together are more than 64 MiB"
#define STATE_MAX      (4u << 20)
#define OWNED_MAX      (16u << 20) /* twice what the most listeners there may be need in their compact form, and more */
#define OWNED_SLACK    (64u << 10)
#define RETRY_MS       10000
#define ENDING_MS      2000 /* a core that was killed is gone, and its children are workers */

static const char *const files[DAEMON_FILES] = { [DAEMON_FILE_OVERRIDES] = "overrides.json",
	[DAEMON_FILE_OWNED] = "owned",
	[DAEMON_FILE_GENERATIONS] = "generations",
	[DAEMON_FILE_VRRP] = "vrrp" };

#define NEWER " was written by a newer lbd: "
#define TO_DO "install that one again, or move it out of the state directory"
static const char *const newer[DAEMON_FILES] = { [DAEMON_FILE_OVERRIDES] = "overrides.json" NEWER TO_DO,
	[DAEMON_FILE_GENERATIONS] = "a file in generations" NEWER TO_DO };

void daemon_saved(struct daemon *d, enum daemon_file file, int err)
{
	bool was = d->unsaved[file];
	d->unsaved[file] = err != 0;
	if (err && !was) {
		lb_log(LB_LOG_ERROR,
			"state: %s/%s cannot be written: %s; what runs goes on, but would not survive a restart",
			d->opt->state_dir, files[file], strerror(-err));
		d->unsaved_due = lb_time_add_ms(lb_clock_now(), RETRY_MS);
	}
	if (!err && was)
		lb_log(LB_LOG_NOTICE, "state: %s/%s can be written again", d->opt->state_dir, files[file]);
}

bool daemon_all_saved(const struct daemon *d)
{
	for (size_t i = 0; i < DAEMON_FILES; i++)
		if (d->unsaved[i])
			return false;
	return !daemon_life_owes(d) && !d->state_lost[0] && !d->nowhere;
}

void daemon_unread(struct daemon *d, enum daemon_file file, const char *name, int err)
{
	int was = d->unread[file];
	d->unread[file] = err;
	if (err && !was) {
		lb_log(LB_LOG_ERROR, "state: %s/%s cannot be read: %s; it stays as it is and is tried again every 10 s",
			d->opt->state_dir, name, err == DAEMON_NEWER ? "a newer lbd wrote it; " TO_DO : strerror(-err));
		d->unsaved_due = lb_time_add_ms(lb_clock_now(), RETRY_MS);
	}
	if (!err && was)
		lb_log(LB_LOG_NOTICE, "state: %s/%s can be read again", d->opt->state_dir, files[file]);
}

const char *daemon_first_unread(const struct daemon *d)
{
	for (size_t i = 0; i < DAEMON_FILES; i++)
		if (d->unread[i])
			return d->unread[i] == DAEMON_NEWER ? newer[i] : files[i];
	return NULL;
}

/* A file that cannot be understood is kept for a person to look at, and the daemon starts without it. */
static void keep_aside(struct daemon *d, const char *name, const char *why)
{
	char aside[80];
	snprintf(aside, sizeof(aside), "%s.rejected", name);
	(void)renameat(d->state_dir, name, d->state_dir, aside);
	lb_log(LB_LOG_ERROR, "state: %s/%s is not used: %s; kept as %s", d->opt->state_dir, name, why, aside);
}

/* Nothing is wrong with the files: who starts again finds them as they are. */
static bool passes(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

/* What a file of overrides says. */
struct said {
	struct overrides *o;
	struct override_words *words;
};

static void said_done(struct said *s)
{
	overrides_free(s->o);
	override_words_free(s->words);
	*s = (struct said){ 0 };
}

/* 0 and *out; -EBADMSG and *e: it is damaged; DAEMON_NEWER; -ENOMEM. */
static int parse_overrides(const struct lb_text *text, struct said *out, struct lb_err *e)
{
	json_error_t je;
	json_t *j = lb_json_parse(text->s ? text->s : "", text->n, JSON_REJECT_DUPLICATES, &je);
	if (json_integer_value(json_object_get(j, "version")) > OVERRIDES_VERSION) {
		json_decref(j);
		return DAEMON_NEWER;
	}
	struct said s = { .o = j ? overrides_from_json(j, lb_clock_wall_ms(), lb_clock_boot(), e) : NULL,
		.words = override_words_new() };
	int err = !j ? lb_err_set(e, LB_CODE_INVALID, "%s", je.text) : 0;
	if (s.o && s.words) {
		override_words_from_json(s.words, json_object_get(j, "words"));
		(void)override_words_look(s.words, s.o, lb_clock_wall_ms());
		*out = s;
	} else {
		err = s.o || (!err && e->code == LB_CODE_FAILED) ? -ENOMEM : -EBADMSG;
		said_done(&s);
	}
	json_decref(j);
	return err;
}

/* 0 and *out, which is empty when there is no file or only one that is damaged, and was set aside; -errno: it cannot be
 * known what operators had said, and that is not to be forgotten. */
static int read_overrides(struct daemon *d, struct said *out)
{
	struct lb_text text = LB_TEXT_INIT;
	struct lb_err e;
	int err = state_read(d->state_dir, files[DAEMON_FILE_OVERRIDES], OVERRIDES_MAX, &text);
	*out = (struct said){ 0 };
	if (err)
		lb_err_set(&e, LB_CODE_FAILED, "%s", strerror(-err));
	else
		err = parse_overrides(&text, out, &e);
	lb_text_done(&text);
	if (err == -EBADMSG || err == -EFBIG)
		keep_aside(d, files[DAEMON_FILE_OVERRIDES], e.text);
	return err == -EBADMSG || err == -EFBIG || err == -ENOENT ? 0 : err;
}

/* 0, or -errno: it must not go on. A balancer starts without what nobody can read, and does not forget it. */
static int load_overrides(struct daemon *d)
{
	struct said s;
	int err = read_overrides(d, &s);
	daemon_unread(d, DAEMON_FILE_OVERRIDES, files[DAEMON_FILE_OVERRIDES], err);
	if (s.o) {
		overrides_free(d->overrides);
		override_words_free(d->words);
		d->overrides = s.o;
		d->words = s.words;
	}
	return passes(err) ? err : 0;
}

/* What a newer lbd wrote may be large, and stays what it is until it is another file. */
static bool is_same_file(struct daemon *d)
{
	struct stat st;
	if (d->unread[DAEMON_FILE_OVERRIDES] != DAEMON_NEWER ||
		fstatat(d->state_dir, files[DAEMON_FILE_OVERRIDES], &st, AT_SYMLINK_NOFOLLOW))
		return false;
	bool same = st.st_ino == d->newer.ino && st.st_ctim.tv_sec == d->newer.changed.tv_sec &&
		    st.st_ctim.tv_nsec == d->newer.changed.tv_nsec;
	d->newer = (struct daemon_seen){ st.st_ino, st.st_ctim };
	return same;
}

/* Who set some meanwhile spoke last. */
static void load_overrides_again(struct daemon *d)
{
	struct said s;
	if (is_same_file(d))
		return;
	int err = read_overrides(d, &s);
	if (s.o)
		err = daemon_words_back(d, s.words, s.o);
	said_done(&s);
	daemon_unread(d, DAEMON_FILE_OVERRIDES, files[DAEMON_FILE_OVERRIDES], err);
	if (err)
		return;
	(void)daemon_overrides_save(d);
	daemon_words_all(d);
}

/* Of a directory that cannot be opened nobody knows what is in it. That VRRP has run is asked when it matters. */
static void all_unread(struct daemon *d)
{
	for (size_t i = 0; i < DAEMON_FILES; i++)
		d->unread[i] = i != DAEMON_FILE_VRRP;
}

/* Which ctl_listen locks by itself, for a moment: a second descriptor is somebody else. */
static bool is_run_dir(const struct daemon *d, int dir)
{
	struct stat a, b;
	return fstat(dir, &a) == 0 && stat(d->opt->run_dir, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* 0, also where nothing can be locked; -EWOULDBLOCK and *e: somebody has it. */
static int own(struct daemon *d, int dir, unsigned wait_ms, struct lb_err *e)
{
	char who[40] = "";
	bool both = is_run_dir(d, dir);
	int err = both ? -EINVAL : state_lock(dir, wait_ms);
	if (err && err != -EWOULDBLOCK && !d->unlockable) {
		d->unlockable = true;
		lb_log(LB_LOG_WARNING, "state: %s cannot be locked: %s; nothing keeps another lbd out of it",
			d->opt->state_dir, both ? "it is the run directory, too" : strerror(-err));
	}
	if (err != -EWOULDBLOCK)
		return 0;
	long pid = state_lock_holder(dir);
	if (pid)
		snprintf(who, sizeof(who), " (process %ld)", pid);
	lb_err_set(e, LB_CODE_REFUSED,
		"%s is in use by another lbd%s, which goes on; to mend: stop that one, or give this one a --state-dir "
		"and a --run-dir of its own",
		d->opt->state_dir, who);
	return err;
}

/* Two cores in one directory would write over what the other one has said, and take its services for left over. The
 * descriptor, or -errno and *e. */
int daemon_state_open(struct daemon *d, unsigned wait_ms, struct lb_err *e)
{
	int dir = state_open(d->opt->state_dir, e);
	int err = dir < 0 ? dir : own(d, dir, wait_ms, e);
	if (dir >= 0 && err)
		close(dir);
	return err ? err : dir;
}

int daemon_state_start(struct daemon *d)
{
	struct lb_err e;
	d->owned_fd = -1;
	host_boot_id(d->boot_id);
	d->state_dir = daemon_state_open(d, ENDING_MS, &e);
	if (d->state_dir >= 0)
		return load_overrides(d);
	if (passes(d->state_dir) || d->state_dir == -EWOULDBLOCK) {
		lb_log(LB_LOG_ERROR, "state: %s", e.text);
		return passes(d->state_dir) ? d->state_dir : -1;
	}
	lb_log(LB_LOG_ERROR, "state: %s; overrides and generations will not survive a restart", e.text);
	if (access(d->opt->state_dir, F_OK) == 0 || errno != ENOENT)
		all_unread(d);
	d->unsaved[DAEMON_FILE_OVERRIDES] = true;
	return 0;
}

/* ---- which listeners are ours ---- */

int daemon_owned_load(struct daemon *d, struct owned_keys *out)
{
	struct lb_text text = LB_TEXT_INIT;
	*out = (struct owned_keys){ 0 };
	int err = d->state_dir < 0 ? -ENOENT : state_read(d->state_dir, files[DAEMON_FILE_OWNED], OWNED_MAX, &text);
	bool unread = err && err != -ENOENT && err != -EFBIG;
	if (!err)
		err = owned_read(text.s ? text.s : "", text.n, d->boot_id, out);
	else if (err == -EFBIG)
		lb_log(LB_LOG_WARNING,
			"state: %s/%s: %s; services that left the file while lbd was down stay in the kernel",
			d->opt->state_dir, files[DAEMON_FILE_OWNED], strerror(-err));
	lb_text_done(&text);
	if (d->state_dir >= 0)
		daemon_unread(d, DAEMON_FILE_OWNED, files[DAEMON_FILE_OWNED], unread ? err : 0);
	return unread || err == -ENOMEM ? err : 0;
}

struct left {
	const struct model *m;
	struct lb_text *out;
};

static void put_left(const struct ipvs_row *row, bool ours, void *arg)
{
	const struct left *l = arg;
	if (ours && model_listener_service(l->m, &row->svc.key) == MODEL_NONE)
		owned_write_add(l->out, &row->svc.key);
}

/* The compact form of the record: what is wanted and what is still to be removed. The descriptor stays open for what
 * comes after. */
void daemon_owned_restart(struct daemon *d)
{
	struct lb_text text = LB_TEXT_INIT;
	const struct model *m = d->model;
	const char *name = files[DAEMON_FILE_OWNED];
	if (d->state_dir < 0 || d->unread[DAEMON_FILE_OWNED])
		return;
	owned_write_head(&text, d->boot_id);
	for (uint32_t i = 0; i < m->n_listeners; i++)
		if (ipvs_is_ours(d->ipvs, &m->listeners[i].key))
			owned_write_add(&text, &m->listeners[i].key);
	lb_vec_foreach (key, &d->drops) /* also those of which nobody knows whether they are there */
		if (ipvs_is_ours(d->ipvs, key))
			owned_write_add(&text, key);
	ipvs_each(d->ipvs, put_left, &(struct left){ m, &text });
	/* not durable: a table does not survive the power cut that this record would not survive */
	size_t n = text.n;
	int err = text.bad ? -ENOMEM : state_write(d->state_dir, name, text.s, n, false);
	lb_text_done(&text);
	if (!err) {
		if (d->owned_fd >= 0)
			close(d->owned_fd);
		d->owned_fd = state_append_existing(d->state_dir, name);
		d->owned_compact = n;
		d->owned_appended = 0;
		err = d->owned_fd < 0 ? d->owned_fd : 0;
	}
	if (!err)
		lb_text_clear(&d->owned_pending); /* it is in there */
	daemon_saved(d, DAEMON_FILE_OWNED, err);
}

void daemon_owned_carry(struct daemon *d, int from)
{
	struct lb_text text = LB_TEXT_INIT;
	const char *name = files[DAEMON_FILE_OWNED];
	if (state_read(from, name, OWNED_MAX, &text) == 0)
		daemon_saved(
			d, DAEMON_FILE_OWNED, state_write(d->state_dir, name, text.s ? text.s : "", text.n, false));
	lb_text_done(&text);
}

void daemon_owned_note(struct daemon *d, const struct ipvs_key *key, bool add)
{
	if (add)
		owned_write_add(&d->owned_pending, key);
	else
		owned_write_del(&d->owned_pending, key);
}

/* Where it cannot be written the record lacks something from then on, and its last line may be half of one: nothing is
 * put behind it, daemon_state_retry writes all of it anew. */
void daemon_owned_flush(struct daemon *d)
{
	struct lb_text *t = &d->owned_pending;
	if (t->n == 0 && !t->bad)
		return;
	if (d->owned_fd >= 0 && !d->unsaved[DAEMON_FILE_OWNED]) {
		ssize_t n = t->bad ? 0 : write(d->owned_fd, t->s, t->n);
		int err = t->bad ? -ENOMEM : n < 0 ? -errno : n < (ssize_t)t->n ? -ENOSPC : 0;
		daemon_saved(d, DAEMON_FILE_OWNED, err);
		d->owned_appended += t->n;
	}
	lb_text_clear(t);
}

/* ---- overrides ---- */

static const char *overrides_write(struct daemon *d)
{
	if (d->state_dir < 0)
		return "the state directory cannot be used";
	if (d->unread[DAEMON_FILE_OVERRIDES])
		return "those of before cannot be read";
	json_t *j = overrides_to_json(d->overrides);
	if (j && json_object_set_new(j, "words", override_words_to_json(d->words))) {
		json_decref(j);
		j = NULL;
	}
	char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	size_t n = text ? strlen(text) : 0;
	bool full = n > OVERRIDES_MAX;
	int err = full   ? -EFBIG
		  : text ? state_write(d->state_dir, files[DAEMON_FILE_OVERRIDES], text, n, true)
			 : -ENOMEM;
	free(text);
	json_decref(j);
	daemon_saved(d, DAEMON_FILE_OVERRIDES, err);
	return full               ? OVERRIDES_FULL
	       : err              ? "the state directory cannot be written"
	       : d->state_lost[0] ? "the state directory is gone, or another one"
				  : NULL;
}

const char *daemon_overrides_save(struct daemon *d)
{
	d->overrides_due = d->overrides_late = false;
	d->overrides_unsaved = overrides_write(d);
	return d->overrides_unsaved;
}

const char *daemon_overrides_stored(struct daemon *d)
{
	return d->overrides_due ? daemon_overrides_save(d) : d->overrides_unsaved;
}

/* ---- whether there may be addresses of ours ---- */

/* Who cannot read that looks, too: what others have is not touched, and what is ours would stay for good. */
bool daemon_vips_noted(const struct daemon *d)
{
	struct lb_text text = LB_TEXT_INIT;
	if (d->state_dir < 0)
		return d->unread[DAEMON_FILE_OVERRIDES]; /* the directory is there */
	int err = state_read(d->state_dir, files[DAEMON_FILE_VRRP], STATE_MAX, &text);
	lb_text_done(&text);
	return err != -ENOENT;
}

void daemon_vips_note(struct daemon *d)
{
	static const char text[] = "VRRP has run: lbd without an instance looks for addresses that this left\n";
	if (d->state_dir < 0) {
		d->unsaved[DAEMON_FILE_VRRP] = true; /* said at the start, of the whole directory */
		return;
	}
	/* not durable: no address survives the power cut that this file would not survive */
	daemon_saved(
		d, DAEMON_FILE_VRRP, state_write(d->state_dir, files[DAEMON_FILE_VRRP], text, sizeof(text) - 1, false));
}

void daemon_vips_forget(struct daemon *d)
{
	if (d->state_dir >= 0)
		(void)state_remove(d->state_dir, files[DAEMON_FILE_VRRP]); /* else it is looked once more */
	d->unsaved[DAEMON_FILE_VRRP] = false;
}

/* ---- again ---- */

/* A generation that found no place was refused, unless it is the one of a start, which is tried elsewhere: nothing is
 * to be written of it, but for marks that are owed. The disk takes something again, and that is what its alarm was
 * about. */
void daemon_state_retry(struct daemon *d)
{
	if (d->state_dir < 0)
		return;
	daemon_life_pay(d);
	bool refused = d->unsaved[DAEMON_FILE_GENERATIONS] && !d->unstored.sources.n && !daemon_life_owes(d);
	if ((d->unsaved[DAEMON_FILE_OVERRIDES] || refused) && !daemon_overrides_save(d) && refused)
		daemon_saved(d, DAEMON_FILE_GENERATIONS, 0);
	if (d->unsaved[DAEMON_FILE_OWNED])
		daemon_owned_restart(d);
	if (d->unsaved[DAEMON_FILE_VRRP])
		daemon_vips_note(d);
}

static void read_again(struct daemon *d)
{
	struct lb_err e;
	if (d->state_dir < 0) {
		d->state_dir = daemon_state_open(d, 0, &e);
		if (d->state_dir == -EWOULDBLOCK && !d->in_use)
			lb_log(LB_LOG_ERROR, "state: %s", e.text);
		d->in_use = d->state_dir == -EWOULDBLOCK;
		if (d->state_dir < 0)
			return;
		lb_log(LB_LOG_NOTICE, "state: %s can be used again", d->opt->state_dir);
		all_unread(d);
		daemon_nft_note(d);
	}
	if (d->unread[DAEMON_FILE_OVERRIDES])
		load_overrides_again(d);
	if (d->unread[DAEMON_FILE_OWNED]) {
		d->unread[DAEMON_FILE_OWNED] = !d->kernel_error; /* it is read when the kernel answers */
		daemon_left_over(d);
	}
	if (d->unread[DAEMON_FILE_GENERATIONS] || d->unsure)
		daemon_life_again(d);
}

/* What reloads append says little that still holds: the record is written anew before it is more than twice as long. */
static bool owned_is_long(const struct daemon *d)
{
	return !d->unsaved[DAEMON_FILE_OWNED] && !d->unread[DAEMON_FILE_OWNED] &&
	       d->owned_appended > d->owned_compact + OWNED_SLACK;
}

void daemon_state_tick(struct daemon *d)
{
	struct lb_time now = lb_clock_now();
	bool read = d->state_dir >= 0 && !daemon_first_unread(d) && !d->unsure;
	if (owned_is_long(d))
		daemon_owned_restart(d);
	if (d->overrides_late)
		(void)daemon_overrides_save(d);
	if ((read && daemon_all_saved(d)) || lb_time_cmp(now, d->unsaved_due) < 0)
		return;
	d->unsaved_due = lb_time_add_ms(now, RETRY_MS);
	if (!read)
		read_again(d);
	daemon_state_retry(d);
}
