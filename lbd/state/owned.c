/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/state/owned.h"

#include "common/sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "lbd-owned 1 "

void owned_write_head(struct lb_text *out, const char *boot_id)
{
	lb_text_printf(out, MAGIC "%s\n", boot_id);
}

static void write_line(struct lb_text *out, char sign, const struct ipvs_key *key)
{
	char line[1 + IPVS_KEY_STRLEN + 1] = { sign };
	size_t n = 1 + strlen(ipvs_key_str(key, line + 1));
	line[n++] = '\n';
	lb_text_put(out, line, n);
}

void owned_write_add(struct lb_text *out, const struct ipvs_key *key)
{
	write_line(out, '+', key);
}

void owned_write_del(struct lb_text *out, const struct ipvs_key *key)
{
	write_line(out, '-', key);
}

/* A record with its place in the file: the last one of a key counts. */
struct record {
	struct ipvs_key key;
	uint32_t at;
	bool add;
};

static int record_cmp(const void *a, const void *b)
{
	const struct record *x = a, *y = b;
	int c = ipvs_key_cmp(&x->key, &y->key);
	return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

static bool head_ok(const char *text, size_t n, const char *boot_id, size_t *at)
{
	size_t magic = strlen(MAGIC), id = strlen(boot_id);
	if (n < magic + id + 1 || memcmp(text, MAGIC, magic) != 0 || memcmp(text + magic, boot_id, id) != 0 ||
		text[magic + id] != '\n')
		return false;
	*at = magic + id + 1;
	return true;
}

int owned_read(const char *text, size_t n, const char *boot_id, struct owned_keys *out)
{
	LB_VEC(struct record) recs = { 0 };
	size_t at = 0;
	int err = 0;
	*out = (struct owned_keys){ 0 };
	if (!head_ok(text, n, boot_id, &at))
		return 0;
	while (at < n && !err) {
		const char *line = text + at, *nl = memchr(line, '\n', n - at);
		if (!nl)
			break; /* cut by a crash: its op was never sent */
		size_t len = (size_t)(nl - line);
		struct ipvs_key key;
		if (len > 1 && (line[0] == '+' || line[0] == '-') && ipvs_key_parse(line + 1, len - 1, &key) == 0) {
			struct record *r = lb_vec_push(&recs);
			if (r)
				*r = (struct record){ key, (uint32_t)recs.n, line[0] == '+' };
			else
				err = -ENOMEM;
		}
		at += len + 1;
	}
	lb_sort(recs.v, recs.n, sizeof(*recs.v), record_cmp);
	for (size_t i = 0; i < recs.n && !err; i++) {
		bool last = i + 1 == recs.n || ipvs_key_cmp(&recs.v[i].key, &recs.v[i + 1].key) != 0;
		struct ipvs_key *k = last && recs.v[i].add ? lb_vec_push(&out->keys) : NULL;
		if (k)
			*k = recs.v[i].key;
		else if (last && recs.v[i].add)
			err = -ENOMEM;
	}
	lb_vec_done(&recs);
	if (err)
		owned_done(out);
	return err;
}

void owned_done(struct owned_keys *o)
{
	lb_vec_done(&o->keys);
}
