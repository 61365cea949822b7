/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/override_pair.h"

#include "common/buf.h"
#include "common/proto.h"

#include <errno.h>

/* What the word is about, as one text; NULL: it does not say, or memory is out (key->bad). */
static const char *key_of(const json_t *word, struct lb_text *key)
{
	const char *object = lb_proto_str(word, "object"), *item = lb_proto_str(word, "item");
	lb_text_clear(key);
	if (!object || !item)
		return NULL;
	lb_text_printf(key, "%s\n%s", item, object);
	return key->bad ? NULL : key->s;
}

/* Words by what they are about: new reference, NULL no memory. */
static json_t *index_of(const json_t *words)
{
	struct lb_text key = LB_TEXT_INIT;
	json_t *index = json_object(), *word;
	bool bad = !index;
	size_t i;
	json_array_foreach (words, i, word) {
		const char *about = key_of(word, &key);
		if (about && !json_object_get(index, about))
			bad |= json_object_set(index, about, word) != 0;
	}
	bad |= key.bad;
	lb_text_done(&key);
	if (!bad)
		return index;
	json_decref(index);
	return NULL;
}

int override_pairs(const json_t *ours, const json_t *theirs,
	void (*fn)(const json_t *here, const json_t *there, void *arg), void *arg)
{
	json_t *here = index_of(ours), *there = index_of(theirs), *word;
	const char *about;
	int err = here && there ? 0 : -ENOMEM;
	/* jansson keeps the order in which members were put */
	json_object_foreach (here, about, word)
		if (!err)
			fn(word, json_object_get(there, about), arg);
	json_object_foreach (there, about, word)
		if (!err && !json_object_get(here, about))
			fn(NULL, word, arg);
	json_decref(here);
	json_decref(there);
	return err;
}
