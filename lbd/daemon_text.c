/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The texts of a configuration: the file with conf.d beside it, what came over the socket, what a generation holds. */
#include "common/text.h"
#include "lbd/daemon.h"
#include "lbd/daemon_life.h"
#include "lbd/state/state_io.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void daemon_text_done(struct daemon_text *t)
{
	lb_vec_foreach (s, &t->sources) {
		free((void *)(uintptr_t)s->name);
		free((void *)(uintptr_t)s->text);
	}
	lb_vec_done(&t->sources);
	lb_text_done(&t->unread);
}

/* One that fits into a generation, where it is a line, and into what is said of it, which is UTF-8. */
static char *name_copy(const char *name, size_t n)
{
	char *copy = n && n <= GENERATION_NAME_MAX ? strndup(name, n) : strdup("<input>");
	for (char *p = copy; p && *p;) {
		size_t len = *p == '\n' ? 0 : lb_utf8_len(p, strlen(p));
		if (!len)
			*p = '?';
		p += len ? len : 1;
	}
	return copy;
}

int daemon_text_add(struct daemon_text *t, const char *name, size_t name_len, struct lb_text *raw)
{
	char *copy = name_copy(name, name_len);
	struct config_source *s = copy && !raw->bad ? lb_vec_push(&t->sources) : NULL;
	if (!s) {
		free(copy);
		lb_text_done(raw);
		return -ENOMEM;
	}
	*s = (struct config_source){ copy, raw->s ? raw->s : strdup(""), raw->n };
	*raw = LB_TEXT_INIT;
	return 0;
}

/* err: how reading it into raw went. */
static int add_read(struct daemon_text *t, const char *name, int err, struct lb_text *raw, struct lb_err *e)
{
	if (!err)
		err = daemon_text_add(t, name, strlen(name), raw);
	lb_text_done(raw);
	if (err == -EFBIG)
		return lb_err_set(e, LB_CODE_INVALID, "%s: larger than 16 MiB", name);
	return err ? lb_err_file(e, LB_CODE_INVALID, name, -err) : 0;
}

static int read_one(const char *path, struct daemon_text *t, struct lb_err *e)
{
	struct lb_text raw = LB_TEXT_INIT;
	return add_read(t, path, state_read_path(path, CONFIG_FILE_MAX, &raw), &raw, e);
}

int daemon_text_read_word(const char *word, struct daemon_text *t, struct lb_err *e)
{
	struct lb_text raw = LB_TEXT_INIT;
	const char *name;
	int err = state_read_word(word, CONFIG_FILE_MAX, &raw, &name);
	return add_read(t, name, err, &raw, e);
}

static int only_yaml(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

/* What is not read, and has an ending with which somebody may have meant it to be. */
static int nearly_yaml(const struct dirent *d)
{
	static const char *const endings[] = { ".yml", ".yaml", ".json", ".conf" };
	const char *dot = strrchr(d->d_name, '.');
	bool nearly = false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		nearly |= dot && strcasecmp(dot, endings[i]) == 0;
	return d->d_name[0] != '.' && nearly && !only_yaml(d);
}

static void note_unread(const char *dir, struct lb_text *out)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, nearly_yaml, alphasort);
	for (int i = 0; i < n; i++) {
		lb_text_escape(out, dir, strlen(dir), 0);
		lb_text_puts(out, "/");
		lb_text_escape(out, list[i]->d_name, strlen(list[i]->d_name), 0);
		lb_text_puts(out, ": warning: this file is not read: its name must end in .yaml\n");
		free(list[i]);
	}
	free(list);
}

static void conf_d(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	snprintf(out, size, "%.*sconf.d", slash ? (int)(slash + 1 - path) : 0, path);
}

static uint64_t stamp_add(uint64_t h, const char *path)
{
	struct stat st = { 0 };
	int64_t seen[5] = { -1, 0, 0, 0, 0 };
	if (stat(path, &st) == 0) {
		seen[0] = st.st_size;
		seen[1] = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		seen[2] = (int64_t)st.st_ino;
		seen[3] = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec; /* also of who may read it */
		seen[4] = st.st_mode;
	}
	h = generation_hash(path, strlen(path), h);
	return generation_hash((const char *)seen, sizeof(seen), h);
}

/* Names, times and sizes of the file and of conf.d. */
static uint64_t file_stamp(const char *path)
{
	char dir[4096], file[4400];
	uint64_t h = stamp_add(GENERATION_HASH_INIT, path);
	struct dirent **list = NULL;
	conf_d(path, dir, sizeof(dir));
	int n = scandir(dir, &list, only_yaml, alphasort);
	if (n < 0 && errno != ENOENT) /* neither as if it were missing, nor as it was when it could be read */
		h = generation_hash(dir, strlen(dir), h);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, list[i]->d_name);
		h = stamp_add(h, file);
		free(list[i]);
	}
	free(list);
	return h;
}

int daemon_text_read(const char *path, struct daemon_text *out, struct lb_err *e)
{
	out->stamp = file_stamp(path); /* before it is read: who edits it meanwhile has another one */
	if (read_one(path, out, e))
		return -1;
	char dir[4096], file[4400];
	conf_d(path, dir, sizeof(dir));
	struct dirent **list = NULL;
	int n = scandir(dir, &list, only_yaml, alphasort), err = 0;
	if (n < 0 && errno != ENOENT) /* as if it were empty, its services would be removed */
		return lb_err_file(e, LB_CODE_INVALID, dir, errno);
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, list[i]->d_name);
		if (!err)
			err = read_one(file, out, e);
		free(list[i]);
	}
	free(list);
	note_unread(dir, &out->unread);
	return err;
}

uint64_t daemon_text_hash(const struct daemon_text *t)
{
	uint64_t h = GENERATION_HASH_INIT;
	for (size_t i = 0; i < t->sources.n; i++)
		h = generation_hash(t->sources.v[i].text, t->sources.v[i].len, h);
	return h;
}

void daemon_file_remember(struct daemon *d, const struct daemon_text *t, bool own_file)
{
	d->config_hash = daemon_text_hash(t);
	d->file_differs = !own_file;
	d->config_stamp = own_file ? t->stamp : 0;
	if (!own_file) /* it may say the same */
		daemon_file_look(d);
}

void daemon_file_look(struct daemon *d)
{
	if (file_stamp(d->opt->config) == d->config_stamp)
		return;
	struct daemon_text t = { 0 };
	struct lb_err e;
	int failed = daemon_text_read(d->opt->config, &t, &e);
	d->file_differs = failed || daemon_text_hash(&t) != d->config_hash;
	d->config_stamp = failed ? 0 : t.stamp; /* what was wrong may be over without a trace in it */
	daemon_text_done(&t);
}

int daemon_text_from_generation(struct daemon *d, struct daemon_text *t, uint32_t number, struct lb_err *e)
{
	struct lb_text raw = LB_TEXT_INIT;
	struct generation g = { 0 };
	int err = daemon_generation_load(d, number, &raw, &g, e);
	for (size_t i = 0; !err && i < g.sources.n; i++) {
		struct lb_text part = LB_TEXT_INIT;
		lb_text_put(&part, g.sources.v[i].text, g.sources.v[i].len);
		if (daemon_text_add(t, g.sources.v[i].name, g.sources.v[i].name_len, &part))
			err = lb_err_set(e, LB_CODE_FAILED, "out of memory");
	}
	generation_done(&g);
	lb_text_done(&raw);
	return err;
}

static int text_from_fd(struct daemon_text *out, const struct ctl_apply *what, struct lb_err *e)
{
	struct lb_text raw = LB_TEXT_INIT;
	int err = state_read_fd(what->fd, CONFIG_FILE_MAX, &raw);
	if (err) {
		lb_text_done(&raw);
		return lb_err_set(e, LB_CODE_INVALID, "the file cannot be read: %s",
			err == -EFBIG ? "larger than 16 MiB" : strerror(-err));
	}
	const char *name = what->name ? what->name : "<input>";
	return daemon_text_add(out, name, strlen(name), &raw) ? lb_err_set(e, LB_CODE_FAILED, "out of memory") : 0;
}

int daemon_text_meant(struct daemon *d, const struct ctl_apply *what, struct daemon_text *out, struct lb_err *e)
{
	int failed;
	if (what->fd >= 0)
		failed = text_from_fd(out, what, e);
	else if (what->generation)
		failed = daemon_text_from_generation(d, out, what->generation, e);
	else
		failed = daemon_text_read(d->opt->config, out, e);
	if (what->fd >= 0)
		close(what->fd);
	char sha[GENERATION_SHA_LEN + 1];
	if (failed || !what->digest)
		return failed;
	if (daemon_text_sha256(out, sha))
		return lb_err_set(e, LB_CODE_FAILED, "out of memory");
	return strcmp(sha, what->digest) == 0
		       ? 0
		       : lb_err_set(e, LB_CODE_REFUSED,
				 "this is not the text whose plan was shown: it was changed since; look at it again");
}
