/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/config/schema_read.h"

#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const type_nouns[] = {
	[SCHEMA_TYPE_BOOL] = "true or false",
	[SCHEMA_TYPE_UINT] = "a number",
	[SCHEMA_TYPE_INT] = "a number",
	[SCHEMA_TYPE_DURATION] = "a duration",
	[SCHEMA_TYPE_TEXT] = "text",
	[SCHEMA_TYPE_GROUP] = "the name of a group",
	[SCHEMA_TYPE_NAME] = "a name",
	[SCHEMA_TYPE_WORD] = "a word",
	[SCHEMA_TYPE_INTERFACE] = "the name of an interface",
	[SCHEMA_TYPE_ADDRESS] = "an IP address",
	[SCHEMA_TYPE_PREFIX] = "an address",
	[SCHEMA_TYPE_NETWORK] = "a network",
	[SCHEMA_TYPE_ENDPOINT] = "an address",
	[SCHEMA_TYPE_SIZE] = "a size",
	[SCHEMA_TYPE_RATE] = "a rate",
	[SCHEMA_TYPE_HEX] = "hexadecimal bytes",
	[SCHEMA_TYPE_REGEX] = "a regular expression",
	[SCHEMA_TYPE_PATH] = "a path",
	[SCHEMA_TYPE_TOKEN] = "a word",
	[SCHEMA_TYPE_STATUS] = "a status code",
	[SCHEMA_TYPE_SHARE] = "a number or a share",
	[SCHEMA_TYPE_PERCENT] = "a share",
	[SCHEMA_TYPE_MAP] = "a mapping of headers",
	[SCHEMA_TYPE_OBJECT] = "a mapping",
	[SCHEMA_TYPE_NAMED] = "a mapping of names",
};
_Static_assert(sizeof(type_nouns) / sizeof(type_nouns[0]) == SCHEMA_TYPE_COUNT, "one noun per type");

static const char *const node_nouns[] = {
	[CONFIG_NODE_SCALAR] = "one value",
	[CONFIG_NODE_MAP] = "a mapping",
	[CONFIG_NODE_SEQ] = "a list",
};

/* What may be written where the file has something that is no mapping. */
static const char *const samples[] = {
	[SCHEMA_ROOT] = "{ services: {} }",
	[SCHEMA_CONTROL] = "{ admin_group: lbadmin }",
	[SCHEMA_LOG] = "{ level: debug }",
	[SCHEMA_DEFAULTS] = "{ service: { scheduler: rr } }",
	[SCHEMA_CHECK] = "{ type: tcp }",
	[SCHEMA_SERVICE] = "{ listen: 192.0.2.1:80, backends: { a: 10.0.0.1 } }",
	[SCHEMA_SCHEDULER] = "wlc",
	[SCHEMA_PERSISTENCE] = "5m",
	[SCHEMA_DRAIN] = "5m",
	[SCHEMA_TUNNEL] = "ipip",
	[SCHEMA_BACKEND] = "10.0.0.1:80",
	[SCHEMA_CHECKS] = "tcp",
	[SCHEMA_QUORUM] = "50%",
	[SCHEMA_TLS] = "{ ca_file: /etc/ssl/ca.pem }",
	[SCHEMA_WEIGHT] = "{ from: header, name: X-Weight }",
	[SCHEMA_DAMPING] = "3",
	[SCHEMA_CLUSTER] = "{ id: 1, nodes: { lb-a: 10.0.0.2, lb-b: 10.0.0.3 } }",
	[SCHEMA_NODE] = "10.0.0.2",
	[SCHEMA_VRRP] = "{ interface: eth0, vrid: 51, addresses: 192.0.2.1/24 }",
	[SCHEMA_AUTH] = "{ type: hmac, key_file: /etc/lbd/vrrp.key }",
	[SCHEMA_ANNOUNCE] = "5",
	[SCHEMA_TRACK] = "{ interface: eth0 }",
	[SCHEMA_ROUTE] = "{ to: default, via: 192.0.2.254 }",
	[SCHEMA_RULE] = "{ from: 192.0.2.1, table: 100, priority: 1000 }",
	[SCHEMA_HOOKS] = "{ state: /usr/local/lib/lbd/notify }",
	[SCHEMA_HOOK] = "/usr/local/lib/lbd/notify",
	[SCHEMA_SYNC] = "{ conntrack: all }",
	[SCHEMA_MULTICAST] = "eth0",
	[SCHEMA_METRICS] = "127.0.0.1:9788",
};
_Static_assert(sizeof(samples) / sizeof(samples[0]) == SCHEMA_KIND_COUNT, "one sample per kind");

struct place { /* what is being read */
	const struct config_node *node;
	const struct config_path *path;
};

static void say(struct schema_reader *rd, const struct place *p, const char *text, const char *help)
{
	struct config_finding f = { .at = config_node_place(p->node), .path = p->path, .help = help };
	config_report_add(rd->report, &f, "%s", text);
}

/* sample: what could stand there, if named under a name; NULL: none. */
static void wrong_node(struct schema_reader *rd, const struct place *p, const char *name, const char *wanted,
	const char *sample, bool named)
{
	char text[160], help[SCHEMA_SAY];
	const char *key = p->path ? p->path->name : NULL; /* NULL: of a list */
	snprintf(text, sizeof(text), "%s is %s, not %s", name, node_nouns[p->node->kind], wanted);
	if (sample)
		snprintf(help, sizeof(help), "such as `%s%s%s%s%s`", key ? config_shown(key, p->path->len).s : "",
			key ? ": " : "", named ? "{ a: " : "", sample, named ? " }" : "");
	say(rd, p, text, sample ? help : NULL);
}

/* Defaults have no keys that only one of its kind can have: there is no sample that fits everywhere. */
static const char *sample_of(enum schema_kind_id kind, bool in_defaults)
{
	return in_defaults && (schema_inherits(kind) || kind == SCHEMA_CHECK) ? NULL : samples[kind];
}

static struct schema_value *values_new(struct schema_reader *rd, size_t n)
{
	struct schema_value *v = lb_arena_alloc(rd->arena, n * sizeof(*v));
	rd->report->oom |= !v;
	return v;
}

struct schema_object *schema_object_new(struct schema_reader *rd, enum schema_kind_id kind)
{
	struct schema_object *o = lb_arena_alloc(rd->arena, sizeof(*o));
	rd->report->oom |= !o;
	struct schema_value *v = o ? values_new(rd, schema_kinds[kind].n) : NULL;
	if (!v)
		return NULL;
	*o = (struct schema_object){ kind, v };
	if (rd->base[kind].v)
		schema_object_reset(o, &rd->base[kind]);
	return o;
}

void schema_object_reset(struct schema_object *dst, const struct schema_object *src)
{
	memcpy(dst->v, src->v, schema_kinds[dst->kind].n * sizeof(*dst->v));
	for (unsigned i = 0; i < schema_kinds[dst->kind].n; i++)
		dst->v[i].at = NULL;
}

/* Also in quotes, as JSON has it: no value of those keys is a text that could be this one. */
static bool is_word(const struct config_node *n, const char *word)
{
	return n->kind == CONFIG_NODE_SCALAR && strcmp(n->text, word) == 0;
}

static bool read_scalar(
	struct schema_reader *rd, const struct schema_row *row, const struct place *p, struct schema_value *out)
{
	const struct config_node *n = p->node;
	if (n->bad)
		return false;
	if (n->kind != CONFIG_NODE_SCALAR) {
		wrong_node(rd, p, row->name, type_nouns[row->type], NULL, false);
		return false;
	}
	char text[SCHEMA_SAY], help[SCHEMA_SAY];
	struct schema_value v = { .at = n, .set = true };
	if (schema_parse(row, n->text, n->len, n->quoted, &v, text, help)) {
		say(rd, p, text, help);
		return false;
	}
	*out = v;
	return true;
}

static bool same_value(const struct schema_row *row, const struct schema_value *a, const struct schema_value *b)
{
	if (row->type == SCHEMA_TYPE_ENDPOINT || row->type == SCHEMA_TYPE_ADDRESS || row->type == SCHEMA_TYPE_PREFIX)
		return lb_ip_cmp(&a->ip, &b->ip) == 0 && a->port == b->port;
	return a->n == b->n && memcmp(a->text, b->text, a->n) == 0;
}

static void read_list(
	struct schema_reader *rd, const struct schema_row *row, const struct place *p, struct schema_value *out)
{
	const struct config_node *n = p->node;
	bool seq = n->kind == CONFIG_NODE_SEQ;
	if (seq && (n->len == 0 || n->len > CONFIG_LISTENS_MAX)) {
		char text[96];
		snprintf(text, sizeof(text), n->len ? "%s is too long a list" : "%s is an empty list", row->name);
		say(rd, p, text, row->type == SCHEMA_TYPE_NAME && !n->len ? "write none" : NULL);
		return;
	}
	struct schema_value *list = values_new(rd, seq ? n->len : 1);
	if (!list)
		return;
	struct schema_value v = { .at = n, .set = true, .list = list };
	struct config_path path = { .up = p->path, .item = 0 };
	for (const struct config_node *item = seq ? n->child : n; item; item = seq ? item->next : NULL) {
		struct place at = { item, seq ? &path : p->path };
		if (read_scalar(rd, row, &at, &list[v.n])) {
			for (uint32_t i = 0; i < v.n && v.n < SCHEMA_REPEATS_MAX; i++)
				if (same_value(row, &list[i], &list[v.n])) {
					say(rd, &at, "this is in the list already", NULL);
					break;
				}
			v.n++;
		} else {
			v.wrong = true;
		}
		path.item++;
	}
	if (v.n)
		*out = v;
}

/* RFC 9110 5.6.2: what the name of a header is made of. */
static bool header_name_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!s[i] || (!strchr("!#$%&'*+-.^_`|~", s[i]) && !lb_name_ok(s + i, 1)))
			return false;
	return n > 0;
}

static bool header_value_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)s[i] < 0x20 && s[i] != '\t')
			return false;
	return true;
}

/* "Name: value" in *out; false: reported. */
static bool read_header(struct schema_reader *rd, const struct config_node *key, const struct config_path *path,
	struct schema_value *out)
{
	const struct config_node *value = key->next;
	struct config_path self = { path, key->text, key->len, 0 };
	struct place at_key = { key, path }, at = { value, &self };
	if (!header_name_ok(key->text, key->len)) {
		say(rd, &at_key, "this is not the name of a header", NULL);
		return false;
	}
	if (value->kind != CONFIG_NODE_SCALAR || value->bad || !header_value_ok(value->text, value->len)) {
		if (!value->bad)
			say(rd, &at, "the value of a header is one line of text", NULL);
		return false;
	}
	size_t n = key->len + 2 + (size_t)value->len;
	char *text = lb_arena_alloc(rd->arena, n + 1);
	if (!text) {
		rd->report->oom = true;
		return false;
	}
	snprintf(text, n + 1, "%s: %s", key->text, value->text);
	*out = (struct schema_value){ .at = value, .set = true, .text = text, .n = (uint32_t)n };
	return true;
}

static void read_map(
	struct schema_reader *rd, const struct schema_row *row, const struct place *p, struct schema_value *out)
{
	const struct config_node *n = p->node;
	if (n->kind != CONFIG_NODE_MAP) {
		wrong_node(rd, p, row->name, type_nouns[row->type], "{ Accept: text/html }", false);
		return;
	}
	struct schema_value v = { .at = n, .set = true };
	if ((int64_t)n->len / 2 > row->max) {
		char text[96];
		snprintf(text, sizeof(text), "%s has more than %lld entries", row->name, (long long)row->max);
		say(rd, p, text, NULL);
		return;
	}
	struct schema_value *list = values_new(rd, n->len / 2 + 1);
	if (!list)
		return;
	v.list = list;
	for (const struct config_node *k = n->child; k && k->next; k = k->next->next) {
		if (!k->bad && read_header(rd, k, p->path, &list[v.n]))
			v.n++;
		else
			v.wrong = true;
	}
	if (v.n)
		*out = v;
}

static void read_object(struct schema_reader *rd, const struct schema_row *row, const struct place *p, bool in_defaults,
	struct schema_value *out)
{
	struct schema_object *o = schema_object_new(rd, row->of);
	if (o && schema_read(rd, p->node, p->node, p->path, in_defaults, o))
		*out = (struct schema_value){ .at = p->node, .set = true, .obj = o };
}

/* A list of mappings; one may stand without its list. */
static void read_objects(
	struct schema_reader *rd, const struct schema_row *row, const struct place *p, struct schema_value *out)
{
	const struct config_node *n = p->node;
	bool seq = n->kind == CONFIG_NODE_SEQ;
	if (seq && n->len == 0) {
		say(rd, p, "this is an empty list", NULL);
		return;
	}
	struct schema_value *list = values_new(rd, seq ? n->len : 1);
	if (!list)
		return;
	struct schema_value v = { .at = n, .list = list };
	struct config_path path = { .up = p->path, .item = 0 };
	for (const struct config_node *item = seq ? n->child : n; item; item = seq ? item->next : NULL) {
		struct place at = { item, seq ? &path : p->path };
		read_object(rd, row, &at, false, &list[v.n]);
		if (list[v.n].set)
			v.n++;
		else
			v.wrong = true;
		path.item++;
	}
	v.set = v.n > 0;
	if (v.set)
		*out = v;
}

/* One value for each node. Which nodes there are is a rule's business. */
static void read_by_node(
	struct schema_reader *rd, const struct schema_row *row, const struct place *p, struct schema_value *out)
{
	const struct config_node *n = p->node;
	struct schema_row one = *row;
	one.flags &= ~(unsigned)(SCHEMA_BY_NODE | SCHEMA_LIST | SCHEMA_OFF);
	if (n->len == 0) {
		say(rd, p, "this mapping names no node", NULL);
		return;
	}
	struct schema_value *list = values_new(rd, n->len / 2);
	if (!list)
		return;
	struct schema_value v = { .at = n, .list = list, .by_node = true };
	schema_check_names(rd, n, p->path);
	for (const struct config_node *k = n->child; k && k->next; k = k->next->next) {
		struct config_path path = { p->path, k->text, k->len, 0 };
		struct place at = { k->next, &path };
		if (!k->bad && read_scalar(rd, &one, &at, &list[v.n]))
			list[v.n++].node = k;
		else
			v.wrong = true;
	}
	v.set = v.n > 0;
	if (v.set)
		*out = v;
}

static void read_value(struct schema_reader *rd, const struct schema_row *row, const struct place *p, bool in_defaults,
	struct schema_value *out)
{
	if ((row->flags & SCHEMA_OFF) && is_word(p->node, "off"))
		*out = (struct schema_value){ .at = p->node, .off = true };
	else if ((row->flags & SCHEMA_BY_NODE) && p->node->kind == CONFIG_NODE_MAP)
		read_by_node(rd, row, p, out);
	else if (row->type == SCHEMA_TYPE_OBJECT && (row->flags & SCHEMA_LIST))
		read_objects(rd, row, p, out);
	else if (row->type == SCHEMA_TYPE_OBJECT)
		read_object(rd, row, p, in_defaults, out);
	else if (row->type == SCHEMA_TYPE_MAP)
		read_map(rd, row, p, out);
	else if (row->type != SCHEMA_TYPE_NAMED && (row->flags & SCHEMA_LIST))
		read_list(rd, row, p, out);
	else if (row->type != SCHEMA_TYPE_NAMED)
		read_scalar(rd, row, p, out);
	else if (p->node->kind != CONFIG_NODE_MAP)
		wrong_node(rd, p, row->name, type_nouns[row->type], sample_of(row->of, in_defaults), true);
	else
		*out = (struct schema_value){ .at = p->node, .set = true, .named = p->node };
	/* the file said something here, if something wrong: no further complaint that it is missing */
	if (!out->at) {
		out->at = p->node;
		out->wrong = true;
	}
}

static void unknown_key(struct schema_reader *rd, const struct schema_kind *kind, const struct config_node *key,
	const struct config_path *path, bool in_defaults)
{
	struct config_path self = { path, key->text, key->len, 0 };
	struct config_finding f = { .at = config_node_place(key), .path = &self, .path_in_text = true };
	if (!config_report_wants(rd->report, false, f.at))
		return;
	const char *words[SCHEMA_ROWS_MAX];
	size_t n = 0;
	for (unsigned i = 0; i < kind->n; i++)
		if (!in_defaults || !(kind->rows[i].flags & SCHEMA_OWN))
			words[n++] = kind->rows[i].name;
	char help[SCHEMA_SAY];
	schema_suggest(key->text, key->len, words, n, help);
	f.help = help;
	config_report_add(rd->report, &f, "unknown key '%s' in %s", config_shown(key->text, key->len).s,
		config_path_shown(path).s);
}

static void required(struct schema_reader *rd, const struct schema_object *obj, const struct place *where)
{
	const struct schema_kind *kind = &schema_kinds[obj->kind];
	for (unsigned i = 0; i < kind->n; i++) {
		if (!(kind->rows[i].flags & SCHEMA_REQUIRED) || obj->v[i].at)
			continue;
		char text[160];
		snprintf(text, sizeof(text), "this %s has no %s", kind->name, kind->rows[i].name);
		say(rd, where, text, kind->rows[i].help);
	}
}

/* One value in place of the mapping. */
static bool read_shorthand(struct schema_reader *rd, const struct place *p, struct schema_object *obj)
{
	const struct schema_kind *kind = &schema_kinds[obj->kind];
	if (kind->also >= 0 && is_word(p->node, kind->also_word))
		return read_scalar(rd, &kind->rows[kind->also], p, &obj->v[kind->also]);
	/* messages name the key people wrote ("scheduler"), not the one it stands for ("name") */
	struct schema_row row = kind->rows[kind->main];
	struct schema_value *out = &obj->v[kind->main];
	row.name = kind->key ? kind->key : kind->name;
	if (!(row.flags & SCHEMA_LIST))
		return read_scalar(rd, &row, p, out);
	read_list(rd, &row, p, out);
	if (out->at)
		return true;
	out->at = p->node;
	out->wrong = true;
	return false;
}

/* Whether keys that only one object can have are refused. */
static bool only_shared(const struct schema_object *obj, bool in_defaults)
{
	return in_defaults && schema_inherits(obj->kind);
}

void schema_read_key(struct schema_reader *rd, const struct config_node *key, const struct config_path *path,
	bool in_defaults, struct schema_object *obj)
{
	const struct schema_kind *kind = &schema_kinds[obj->kind];
	if (key->bad)
		return;
	bool shared = only_shared(obj, in_defaults);
	int i = schema_find(kind, key->text, key->len);
	if (i < 0 || (shared && (kind->rows[i].flags & SCHEMA_OWN))) {
		unknown_key(rd, kind, key, path, shared);
		return;
	}
	struct config_path self = { path, key->text, key->len, 0 };
	struct place value = { key->next, &self };
	if (key->next->bad) {
		obj->v[i].at = key->next;
		obj->v[i].wrong = true;
		return;
	}
	read_value(rd, &kind->rows[i], &value, in_defaults || obj->kind == SCHEMA_DEFAULTS, &obj->v[i]);
}

bool schema_read(struct schema_reader *rd, const struct config_node *node, const struct config_node *where,
	const struct config_path *path, bool in_defaults, struct schema_object *obj)
{
	const struct schema_kind *kind = &schema_kinds[obj->kind];
	struct place p = { node, path }, at = { where, path };
	if (node->bad)
		return false;
	bool list = kind->main >= 0 && (kind->rows[kind->main].flags & SCHEMA_LIST);
	if (kind->main >= 0 && (node->kind == CONFIG_NODE_SCALAR || (list && node->kind == CONFIG_NODE_SEQ)))
		return read_shorthand(rd, &p, obj);
	if (node->kind != CONFIG_NODE_MAP) {
		wrong_node(rd, &p, kind->key ? kind->key : kind->name, "a mapping", sample_of(obj->kind, in_defaults),
			false);
		return false;
	}
	for (const struct config_node *k = node->child; k && k->next; k = k->next->next)
		schema_read_key(rd, k, path, in_defaults, obj);
	if (!only_shared(obj, in_defaults))
		required(rd, obj, &at);
	return true;
}

void schema_check_names(struct schema_reader *rd, const struct config_node *map, const struct config_path *path)
{
	for (struct config_node *k = map->child; k && k->next; k = k->next->next) {
		if (k->bad || lb_name_ok(k->text, k->len))
			continue;
		k->bad = true;
		struct config_path self = { path, k->text, k->len, 0 };
		struct config_finding f = { .at = config_node_place(k),
			.path = &self,
			.path_in_text = true,
			.help = "1 to 63 letters, digits, '.', '_' and '-', the first a letter or a digit" };
		if (config_report_wants(rd->report, false, f.at))
			config_report_add(rd->report, &f, "'%s' is not a name in %s", config_shown(k->text, k->len).s,
				config_path_shown(path).s);
	}
}

static int base_value(struct schema_reader *rd, const struct schema_row *row, struct schema_value *out)
{
	char text[SCHEMA_SAY], help[SCHEMA_SAY];
	if (!row->fallback)
		return 0;
	struct schema_value v = { .set = true };
	const char *s = row->fallback;
	if (row->type == SCHEMA_TYPE_OBJECT) {
		struct schema_object *o = schema_object_new(rd, row->of);
		if (!o)
			return -ENOMEM;
		int rc = schema_parse(
			&schema_kinds[row->of].rows[schema_kinds[row->of].main], s, strlen(s), false, &v, text, help);
		v.set = true;
		o->v[schema_kinds[row->of].main] = v;
		*out = (struct schema_value){ .set = true, .obj = o };
		return rc;
	}
	int rc = schema_parse(row, s, strlen(s), false, &v, text, help);
	if (!rc && (row->flags & SCHEMA_LIST)) {
		struct schema_value *list = values_new(rd, 1);
		if (!list)
			return -ENOMEM;
		*list = v;
		v = (struct schema_value){ .set = true, .list = list, .n = 1 };
	}
	*out = v;
	return rc;
}

int schema_reader_init(struct schema_reader *rd)
{
	/* kinds with fallbacks that are objects come after those objects' kinds have theirs */
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned k = 0; k < SCHEMA_KIND_COUNT; k++) {
			rd->base[k] = (struct schema_object){ .kind = k, .v = NULL };
			struct schema_object *o = schema_object_new(rd, k);
			if (!o)
				return -ENOMEM;
			for (unsigned i = 0; i < schema_kinds[k].n; i++)
				if (base_value(rd, &schema_kinds[k].rows[i], &o->v[i]))
					return -ENOMEM;
			rd->base[k] = *o;
		}
	}
	return 0;
}
