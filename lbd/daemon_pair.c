/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lbctl peer diff`: what runs on the other node is fetched over the link, and compared here. And how the texts of a
 * configuration travel: {"source":NAME} {"text":..}... for each. */
#include "common/clock_io.h"
#include "lbd/ctl/ctl_sync.h"
#include "lbd/daemon.h"
#include "lbd/override_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts on their way ---- */

int daemon_text_put(struct ctl_conv *c, const struct daemon_text *t, struct lb_err *e)
{
	for (size_t i = 0; i < t->sources.n; i++) {
		const struct config_source *s = &t->sources.v[i];
		ctl_conv_put(c, json_pack("{s:s}", "source", s->name));
		if (!ctl_remote_put_text(c, s->text, s->len))
			return lb_err_set(e, LB_CODE_INVALID, "%s is not a text in UTF-8", s->name);
	}
	return 0;
}

bool daemon_text_take(struct daemon_text *t, const json_t *msg)
{
	const char *name = lb_proto_str(msg, "source");
	const json_t *text = json_object_get(msg, "text");
	size_t n = json_string_length(text);
	struct lb_text part = LB_TEXT_INIT;
	if (name)
		return t->sources.n < CONFIG_SOURCES_MAX && daemon_text_add(t, name, strlen(name), &part) == 0;
	if (!json_is_string(text))
		return true; /* something else */
	struct config_source *s = t->sources.n ? &t->sources.v[t->sources.n - 1] : NULL;
	size_t all = 0;
	lb_vec_foreach (one, &t->sources)
		all += one->len;
	bool fits = s && s->len + n <= CONFIG_FILE_MAX && all + n <= CONFIG_TEXTS_MAX;
	char *grown = fits ? realloc((void *)(uintptr_t)s->text, s->len + n + 1) : NULL;
	if (!grown)
		return false;
	memcpy(grown + s->len, json_string_value(text), n);
	s->len += n;
	grown[s->len] = '\0';
	s->text = grown;
	return true;
}

/* ---- what runs here, for the other node ---- */

static bool no_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	(void)c, (void)msg, (void)arg;
	return true;
}

static void no_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	(void)c, (void)e, (void)arg;
}

static const struct ctl_conv_calls describe_calls = { .line = no_line, .over = no_over };

int daemon_pair_describe(struct daemon *d, struct ctl_conv *c, struct lb_err *e)
{
	struct daemon_text t = { 0 };
	size_t i;
	json_t *word, *words = override_words_tell(d->words, d->overrides, NULL, d->sync.all.conf.self);
	int failed = daemon_text_from_generation(d, &t, d->generation, e);
	if (!failed) {
		ctl_conv_put(c, json_pack("{s:i}", "generation", (int)d->generation));
		failed = daemon_text_put(c, &t, e);
	}
	daemon_text_done(&t);
	json_array_foreach (words, i, word)
		if (!failed)
			ctl_conv_put(c, json_pack("{s:O}", "word", word));
	json_decref(words);
	if (failed)
		return -1;
	ctl_conv_end(c);
	ctl_conv_answer(c, &describe_calls, NULL);
	return 0;
}

/* ---- and compared with what runs there ---- */

struct pair_diff {
	struct daemon *d;
	struct ctl_conv *conv;
	struct ctl_reply *reply;
	struct ctl_peer who;
	struct daemon_text text;
	json_t *words; /* of the other node */
	uint32_t generation, changes;
	bool bad;
};

static void diff_free(struct pair_diff *p)
{
	daemon_text_done(&p->text);
	json_decref(p->words);
	free(p);
}

static void diff_gone(void *arg)
{
	struct pair_diff *p = arg;
	ctl_conv_close(p->conv);
	diff_free(p);
}

static bool diff_line(struct ctl_conv *c, const json_t *msg, void *arg)
{
	struct pair_diff *p = arg;
	json_t *word = json_object_get(msg, "word");
	(void)c;
	if (json_is_object(word))
		p->bad |= json_array_size(p->words) >= OVERRIDE_WORDS_MAX || json_array_append(p->words, word) != 0;
	p->generation = (uint32_t)lb_proto_int(msg, "generation", p->generation);
	p->bad |= !daemon_text_take(&p->text, msg);
	return true;
}

static void override_text(const json_t *word, char *out, size_t size)
{
	char value[24];
	const char *by = lb_proto_str(word, "by");
	if (!word || !override_word_value(word, value))
		snprintf(out, size, "none");
	else
		snprintf(out, size, "%s by %.64s", value, by ? by : "?");
}

static void override_row(const json_t *here, const json_t *there, void *arg)
{
	struct pair_diff *p = arg;
	const json_t *any = here ? here : there;
	const char *object = lb_proto_str(any, "object"), *item = lb_proto_str(any, "item");
	char a[24], b[24], name[OVERRIDE_LABEL_MAX], key[48], before[100], after[100];
	const char *x = here ? override_word_value(here, a) : NULL, *y = there ? override_word_value(there, b) : NULL;
	if (!object || !item || (!x && !y) || (x && y && strcmp(x, y) == 0))
		return;
	override_label(object, name);
	snprintf(key, sizeof(key), "override %.16s", item);
	override_text(x ? here : NULL, before, sizeof(before));
	override_text(y ? there : NULL, after, sizeof(after));
	p->changes++;
	ctl_reply_row(p->reply, json_pack("{s:s, s:s, s:s, s:s, s:s}", "op", "change", "object", name, "key", key,
					"before", before, "after", after));
}

/* 0, or -ENOMEM. */
static int diff_overrides(struct pair_diff *p)
{
	json_t *ours = override_words_tell(p->d->words, p->d->overrides, NULL, p->d->sync.all.conf.self);
	int err = ours ? override_pairs(ours, p->words, override_row, p) : -ENOMEM;
	json_decref(ours);
	return err;
}

static void diff_over(struct ctl_conv *c, const struct lb_err *e, void *arg)
{
	struct pair_diff *p = arg;
	struct daemon *d = p->d;
	struct ctl_reply *r = p->reply;
	const char *peer = d->sync.all.conf.peer;
	char text[300];
	(void)c;
	if (e) {
		snprintf(text, sizeof(text), "%s: %.200s", peer, e->text);
		ctl_reply_end(r, e->code, text, NULL);
	} else if (p->bad || !p->text.sources.n) {
		snprintf(text, sizeof(text), "%s did not say all of its configuration", peer);
		ctl_reply_end(r, LB_CODE_FAILED, text, NULL);
	} else if (diff_overrides(p)) {
		ctl_reply_end(r, LB_CODE_FAILED, "out of memory", NULL);
	} else {
		snprintf(text, sizeof(text), "from %s (generation %u) to %s (generation %u)", d->node, d->generation,
			peer, p->generation);
		const struct ctl_apply what = {
			.kind = CTL_DIFF, .fd = -1, .message = text, .changes = p->changes, .theirs = true
		};
		daemon_apply_text(d, &what, &p->text, &p->who, r);
	}
	diff_free(p);
}

static const struct ctl_conv_calls diff_calls = { .line = diff_line, .over = diff_over };

void daemon_pair_diff(struct daemon *d, const struct ctl_peer *who, struct ctl_reply *r)
{
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	struct pair_diff *p = calloc(1, sizeof(*p));
	if (p) {
		p->d = d;
		p->reply = r;
		p->who = *who;
		p->words = json_array();
		p->conv = ctl_talk_ask(d->talk.talk, json_pack("{s:s}", "talk", "describe"), &diff_calls, p, &e);
	}
	if (!p || !p->conv) {
		if (p)
			diff_free(p);
		ctl_reply_error(r, &e);
		return;
	}
	ctl_conv_end(p->conv);
	ctl_reply_hold(r, diff_gone, p);
}
