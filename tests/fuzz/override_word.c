/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_model */
/*
 * What the other node says of overrides, one word per line, and any bytes as the list of words in the state file. A
 * word that holds is no news the second time; what is told is understood as the same; and what is stored reads back.
 */
#include "lbd/override_word.h"
#include "common/json_text.h"
#include "lbd/override.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS 1790000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct node {
	struct overrides *o;
	struct override_words *ws;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool known(const char *object, void *arg)
{
	(void)arg;
	return strncmp(object, "gone", 4) != 0;
}

static const struct override_merge merge = { .known = known, .wall_ms = WALL_MS, .now = { 1000000 } };

static struct node node_new(void)
{
	struct node n = { overrides_new(), override_words_new() };
	must(n.o && n.ws);
	return n;
}

static void node_done(struct node *n)
{
	override_words_free(n->ws);
	overrides_free(n->o);
}

static void hear(struct node *n, const json_t *word)
{
	const char *object = NULL;
	int r = override_words_merge(n->ws, n->o, word, &merge, &object);
	must(r == 1 || r == 0 || r == -EBADMSG);
	if (r == 1)
		must(object && override_words_merge(n->ws, n->o, word, &merge, &object) == 0);
}

static void read_lines(struct node *n, const char *s, const char *end)
{
	while (s < end) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t len = (size_t)((nl ? nl : end) - s);
		json_error_t e;
		json_t *word = lb_json_parse(s, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
		if (word)
			hear(n, word);
		json_decref(word);
		s += len + 1;
	}
}

/* All that one knows, told to one that knows nothing, and to itself. */
static void check_told(struct node *n)
{
	struct node other = node_new();
	const char *object;
	json_t *word, *words = override_words_tell(n->ws, n->o, NULL, "lb-a");
	size_t i;
	must(words != NULL);
	json_array_foreach (words, i, word) {
		char text[24];
		(void)override_word_value(word, text);
		must(override_words_merge(other.ws, other.o, word, &merge, &object) >= 0);
	}
	must(overrides_count(other.o) <= overrides_count(n->o));
	json_decref(words);
	node_done(&other);
}

static void check_stored(struct node *n)
{
	json_t *once = override_words_to_json(n->ws);
	struct override_words *back = override_words_new();
	must(once && back);
	override_words_from_json(back, once);
	json_t *twice = override_words_to_json(back);
	must(twice && json_equal(once, twice));
	override_words_free(back);
	json_decref(once);
	json_decref(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node n = node_new();
	const char *s = (const char *)data, *end = s + size;
	if (size && s[0] == '[') {
		json_error_t e;
		json_t *list = lb_json_parse(s, size, JSON_REJECT_DUPLICATES, &e);
		override_words_from_json(n.ws, list);
		json_decref(list);
	} else {
		read_lines(&n, s, end);
		(void)override_words_look(n.ws, n.o, WALL_MS + 1);
		check_told(&n);
	}
	check_stored(&n);
	override_words_prune(n.ws, known, NULL, WALL_MS + 40LL * 86400 * 1000);
	check_stored(&n);
	node_done(&n);
	return 0;
}
