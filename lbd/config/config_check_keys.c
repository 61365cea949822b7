/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules across the keys of one check. */
#include "lbd/check/check_dns.h"
#include "lbd/check/check_http.h"
#include "lbd/check/check_regex.h"
#include "lbd/check/check_reply.h"
#include "lbd/config/config_build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void config_warn(struct config_builder *b, const struct config_node *at, const struct config_path *path,
	const char *text, const char *help)
{
	struct config_finding f = { .at = config_node_place(at), .path = path, .help = help, .warning = true };
	config_report_add(b->report, &f, "%s", text);
}

void config_never(struct config_builder *b, const struct config_node *at, const struct config_path *path,
	const char *text, const char *help)
{
	struct config_finding f = { .at = config_node_place(at), .path = path, .help = help, .warning = b->ran };
	config_report_add(b->report, &f, "%s", text);
}

/* Keys that this type does not have, those of the mappings inside included. */
static void rule_only(struct config_builder *b, const struct schema_object *keys, const struct config_path *path,
	enum check_type type)
{
	const struct schema_kind *kind = &schema_kinds[keys->kind];
	for (unsigned i = 0; i < kind->n; i++) {
		const struct schema_row *row = &kind->rows[i];
		const struct schema_value *v = &keys->v[i];
		if (!v->at)
			continue;
		if (row->only && !(row->only >> type & 1))
			config_say(b, v->at, path, NULL, "%s has no effect in a check of type %s", row->name,
				check_types[type].name);
		else if (row->type == SCHEMA_TYPE_OBJECT && v->set)
			rule_only(b, v->obj, path, type);
	}
}

/* The keys that a type cannot do without. */
static const struct {
	enum check_type type;
	unsigned key;
	const char *help;
} required_keys[] = {
	{ CHECK_TYPE_DNS, CHECK_KEY_QUERY, "what to ask for: `query: example.com A`" },
	{ CHECK_TYPE_SCRIPT, CHECK_KEY_PATH, "the program: `path: /usr/local/lib/lbd/smoke`" },
	{ CHECK_TYPE_FILE, CHECK_KEY_PATH, "the file: `path: /run/app/state`" },
};

const char *config_check_lacks(enum check_type type, const struct schema_value *v, const char **help)
{
	for (size_t i = 0; i < sizeof(required_keys) / sizeof(required_keys[0]); i++)
		if (required_keys[i].type == type && !v[required_keys[i].key].set && !v[required_keys[i].key].at) {
			*help = required_keys[i].help;
			return schema_check_rows[required_keys[i].key].name;
		}
	return NULL;
}

static void rule_weight(
	struct config_builder *b, const struct schema_value *w, const struct config_path *path, enum check_type type)
{
	bool http = type == CHECK_TYPE_HTTP || type == CHECK_TYPE_HTTPS, script = type == CHECK_TYPE_SCRIPT;
	if (!w->at || !w->set || !(schema_check_rows[CHECK_KEY_WEIGHT].only >> type & 1))
		return;
	const struct schema_value *v = w->obj->v, *from = &v[WEIGHT_FROM];
	const char *wanted = http ? "header or json" : script ? "exit or output" : "line";
	if (!from->set && (http || script)) {
		if (!from->wrong)
			config_say(b, w->at, path, NULL, "the weight of a check of type %s wants from: %s",
				check_types[type].name, wanted);
	} else if (from->set && !strstr(wanted, from->text)) {
		config_say(b, config_at_or(from, w->at), path, NULL, "a check of type %s takes its weight from %s",
			check_types[type].name, wanted);
	} else if (http && !v[WEIGHT_NAME].set && !v[WEIGHT_NAME].wrong) {
		config_say(b, w->at, path, NULL, "the weight has no name: of the header, or of the field");
	}
}

static void rule_weight_range(struct config_builder *b, const struct schema_value *w, const struct config_path *path)
{
	if (!w->at || !w->set)
		return;
	const struct schema_value *v = w->obj->v;
	if (v[WEIGHT_MIN].set && v[WEIGHT_MAX].set && v[WEIGHT_MIN].num > v[WEIGHT_MAX].num)
		config_say(b, config_at_or(&v[WEIGHT_MIN], w->at), path, NULL, "min is above max");
}

static void rule_twice(struct config_builder *b, const struct schema_value *v, unsigned text, unsigned hex,
	const struct config_path *path)
{
	if (v[text].at && v[hex].at)
		config_say(b, v[hex].at, path, NULL, "%s and %s in one check", schema_check_rows[text].name,
			schema_check_rows[hex].name);
}

/* libcurl would wait for the body that an answer announces, and there is none; one that announces none is whole. Also
 * where one of them is inherited. */
static void rule_head(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	const struct schema_value *method = &v[CHECK_KEY_METHOD], *data = &v[CHECK_KEY_DATA];
	const struct config_node *at = data->at ? data->at : method->at;
	if (at && data->set && method->set && strcmp(method->text, "HEAD") == 0)
		config_warn(b, at, path, "method HEAD and data in one check",
			"it passes only where the answer announces no body (status 204): write `method: POST`, or "
			"leave out data");
}

/* A range that begins or ends with one passes for the others in it, so it is enough that one can. */
static void rule_status(
	struct config_builder *b, const struct schema_value *v, const struct config_path *path, bool in_defaults)
{
	const struct schema_value *status = &v[CHECK_KEY_STATUS];
	bool passes = !status->at || !status->set || status->wrong || !status->n;
	for (uint32_t i = 0; !passes && i < status->n; i++) { /* "200" or "200-299", as schema_parse has found */
		const char *from = status->list[i].text, *to = from + status->list[i].n - 3;
		passes = memcmp(to, "200", 3) >= 0 || (memcmp(from, "101", 3) <= 0 && memcmp(to, "101", 3) >= 0);
	}
	if (!passes) /* another one of its own is what a check may have */
		(in_defaults ? config_warn : config_never)(b, status->at, path, "no whole reply has such a status",
			"101, 200 to 599, or a range of them: 200-299");
}

static void rule_regex(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	struct check_regex *re = NULL;
	char why[96], help[128];
	size_t where = 0;
	int rc = v->at && v->set ? check_regex_new(v->text, v->n, &re, why, &where) : 0;
	b->report->oom |= rc == -ENOMEM;
	if (rc == -EINVAL) {
		snprintf(help, sizeof(help), "%s, at character %zu", why, where + 1);
		config_say(b, v->at, path, help, "this is not a regular expression");
	}
	check_regex_free(re);
}

static void rule_query(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	if (v->at && v->set && (strlen(v->text) != v->n || check_dns_query(v->text, 0, NULL, NULL, NULL)))
		config_say(b, v->at, path,
			"a name of at most 253 characters; after a blank A, AAAA, MX, NS, TXT, SOA, CNAME, PTR or SRV",
			"this is not a DNS question");
}

static void rule_tls(
	struct config_builder *b, const struct schema_value *tls, const struct config_path *path, enum check_type type)
{
	bool both = schema_tls_rows[TLS_MODE].only >> type & 1;
	if (tls->at && tls->set && both && !tls->obj->v[TLS_MODE].set && !tls->obj->v[TLS_MODE].wrong)
		config_say(b, tls->at, path, "mode: starttls or mode: implicit", "how does this %s server speak TLS?",
			check_types[type].name);
}

/* What is wrong in a check of any type. */
static void rule_values(
	struct config_builder *b, const struct schema_value *v, const struct config_path *path, bool in_defaults)
{
	rule_weight_range(b, &v[CHECK_KEY_WEIGHT], path);
	rule_twice(b, v, CHECK_KEY_SEND, CHECK_KEY_SEND_HEX, path);
	rule_twice(b, v, CHECK_KEY_EXPECT, CHECK_KEY_EXPECT_HEX, path);
	rule_head(b, v, path);
	rule_status(b, v, path, in_defaults);
	rule_regex(b, &v[CHECK_KEY_EXPECT_REGEX], path);
	rule_regex(b, &v[CHECK_KEY_BODY_REGEX], path);
	rule_query(b, &v[CHECK_KEY_QUERY], path);
}

bool config_check_is_quiet(const struct check_spec *s)
{
	return s->type == CHECK_TYPE_UDP && !check_reply_wanted(&s->params);
}

void config_rules_quiet(struct config_builder *b, const struct config_check *ck, const struct config_node *at,
	const struct config_path *path)
{
	if (config_check_is_quiet(&ck->spec) && ck->spec.timeout_ms < CHECK_REPLY_QUIET_MS)
		config_warn(b, at, path, "this check does not see that a host is gone",
			"without expect it passes when no error comes within timeout, and the kernel may need 3s for "
			"one: timeout 4s or more, or say what to expect");
}

/* Of checks with a type. What a type has no use for is passed over where it is inherited: defaults are for all types.
 */
static void rule_type(struct config_builder *b, const struct schema_object *keys, const struct config_path *path,
	const struct config_check *ck, const struct config_node *where)
{
	const struct schema_value *v = keys->v;
	const char *help = NULL, *missing = config_check_lacks(ck->spec.type, v, &help);
	rule_only(b, keys, path, ck->spec.type);
	if (missing)
		config_say(
			b, where, path, help, "a check of type %s wants %s", check_types[ck->spec.type].name, missing);
	rule_weight(b, &v[CHECK_KEY_WEIGHT], path, ck->spec.type);
	rule_tls(b, &v[CHECK_KEY_TLS], path, ck->spec.type);
	config_rules_quiet(b, ck, config_at_or(&v[CHECK_KEY_TIMEOUT], where), path);
	if (ck->spec.source.family && ck->spec.addr.family && ck->spec.source.family != ck->spec.addr.family)
		config_say(b, config_at_or(&v[CHECK_KEY_SOURCE], where), path, NULL,
			"source and address of different families");
}

/* Else each probe of it would end in a fault of our own, and tell nothing about the backend. */
static void rule_host(struct config_builder *b, const struct schema_value *v, const struct config_path *path)
{
	if (v->at && v->set && !check_http_host_ok(v->text))
		config_say(b, v->at, path,
			"without a port, brackets or `*`; a name that is not ASCII as DNS has it: xn--...",
			"host is a name or an address");
}

/* What stands in defaults is judged there once (config_rules_defaults), not again for everything that inherits it. */
void config_rules_check(struct config_builder *b, const struct schema_object *keys, const struct config_path *path,
	const struct config_check *ck, const struct config_node *where)
{
	const struct schema_value *address = &keys->v[CHECK_KEY_ADDRESS];
	const struct schema_value *timeout = &keys->v[CHECK_KEY_TIMEOUT], *interval = &keys->v[CHECK_KEY_INTERVAL];
	if (address->at && address->set && (lb_ip_is_any(&address->ip) || lb_ip_is_multicast(&address->ip)))
		config_say(b, address->at, path, NULL, "this address cannot be probed");
	rule_host(b, &keys->v[CHECK_KEY_HOST], path);
	if ((timeout->at || interval->at) && timeout->num > interval->num)
		config_warn(b, timeout->at ? timeout->at : interval->at, path, "timeout is longer than interval",
			"the next probe starts when the one before it has ended");
	rule_values(b, keys->v, path, !ck);
	if (ck)
		rule_type(b, keys, path, ck, where);
}

/* Nothing can be sent from an address of one family to one of the other: such a backend would never be judged. */
void config_rules_check_source(struct config_builder *b)
{
	const struct config_service *s = b->now.s;
	const struct config_node *at = config_at_or(&b->now.keys->v[SERVICE_CHECK], b->now.entry->key);
	struct config_path path = { &b->now.path, "check", 5, 0 };
	for (uint32_t i = 0; i < s->n_checks; i++) {
		const struct config_check *ck = &b->slots[b->check_ids.v[b->check_ids.n - s->n_checks + i]];
		uint8_t family = ck->spec.addr.family ? 0 : ck->spec.source.family;
		const char *first = NULL;
		uint32_t n = 0;
		if (!family || !(schema_check_rows[CHECK_KEY_SOURCE].only >> ck->spec.type & 1))
			continue;
		for (uint32_t k = 0; k < s->n_backends; k++) {
			if (!s->backends[k].addr.family || s->backends[k].addr.family == family)
				continue;
			first = n++ ? first : s->backends[k].name;
		}
		if (!first)
			continue;
		bool others = n < s->n_backends || (s->check_mode == CONFIG_CHECK_ANY && s->n_checks > 1);
		char text[SCHEMA_SAY];
		snprintf(text, sizeof(text), "the check %s leaves from an IPv%c address and cannot reach backend %s",
			ck->name, family == AF_INET ? '4' : '6', first);
		(others ? config_warn : config_never)(
			b, at, &path, text, "a check without `source`, or a service and a check for each family");
	}
}
