/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of one value. */
#include "lbd/config/config_value.h"
#include "lbd/config/schema_read.h"

#include "common/text.h"
#include "common/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX  64u
#define LISTED_MAX 12u

struct say {
	char *text, *help;
};

/* What keepalived and ipvsadm call it: who writes a first file has their words in mind. */
static const char *const other_words[][2] = {
	{ "virtual_server", "services" },
	{ "real_server", "backends" },
	{ "real_servers", "backends" },
	{ "servers", "backends" },
	{ "lb_algo", "scheduler" },
	{ "lvs_sched", "scheduler" },
	{ "lb_kind", "mode" },
	{ "lvs_method", "mode" },
	{ "persistence_timeout", "persistence" },
	{ "sorry_server", "sorry" },
	{ "uthreshold", "max_connections" },
	{ "lthreshold", "resume_below" },
	{ "masq", "nat" },
	{ "gate", "dr" },
	{ "ipip", "tun" },
	{ "delay_loop", "interval" },
	{ "connect_timeout", "timeout" },
	{ "retry", "fall" },
	{ "http_get", "http" },
	{ "ssl_get", "https" },
	{ "tcp_check", "tcp" },
	{ "udp_check", "udp" },
	{ "dns_check", "dns" },
	{ "smtp_check", "smtp" },
	{ "ping_check", "icmp" },
	{ "misc_check", "script" },
	{ "file_check", "file" },
	{ "vrrp_instance", "vrrp" },
	{ "vrrp_script", "checks" },
	{ "virtual_router_id", "vrid" },
	{ "advert_int", "advert_interval" },
	{ "authentication", "auth" },
	{ "virtual_ipaddress", "addresses" },
	{ "virtual_ipaddress_excluded", "excluded" },
	{ "virtual_routes", "routes" },
	{ "virtual_rules", "rules" },
	{ "unicast_peer", "unicast" },
	{ "unicast_src_ip", "source" },
	{ "mcast_src_ip", "source" },
	{ "track_script", "track" },
	{ "track_interface", "track" },
	{ "notify", "hooks" },
};

static bool same_word(const char *got, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(got, word, n) == 0;
}

/* NULL: nothing of it is among the words. */
static const char *known_as(const char *got, size_t got_len, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_word(got, got_len, words[i]))
			return words[i];
	for (size_t i = 0; i < sizeof(other_words) / sizeof(other_words[0]); i++)
		for (size_t k = 0; k < n && same_word(got, got_len, other_words[i][0]); k++)
			if (strcmp(words[k], other_words[i][1]) == 0)
				return words[k];
	return lb_text_suggest(got, got_len, words, n);
}

void schema_suggest(const char *got, size_t got_len, const char *const *words, size_t n, char help[SCHEMA_SAY])
{
	const char *near = known_as(got, got_len, words, n);
	if (near) {
		snprintf(help, SCHEMA_SAY, "did you mean '%s'?", near);
		return;
	}
	size_t used = (size_t)snprintf(help, SCHEMA_SAY, n ? "one of" : "there is none");
	for (size_t i = 0; i < n && i < LISTED_MAX && used < SCHEMA_SAY; i++)
		used += (size_t)snprintf(help + used, SCHEMA_SAY - used, "%s %s", i ? "," : "", words[i]);
	if (n > LISTED_MAX && used < SCHEMA_SAY)
		snprintf(help + used, SCHEMA_SAY - used, ", ...");
}

static int parse_bool(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	if ((n == 4 && !memcmp(s, "true", 4)) || (n == 5 && !memcmp(s, "false", 5))) {
		out->num = n == 4;
		return 0;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is neither true nor false", row->name, config_shown(s, n).s);
	return -EINVAL;
}

/* UINT, INT. "-0" is none. */
static int parse_uint(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	int64_t v = 0;
	bool below = row->type == SCHEMA_TYPE_INT && n && s[0] == '-';
	size_t i = below;
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++)
		v = v < INT64_C(100000000000000000) ? v * 10 + (s[i] - '0') : v;
	if (i < n || n == below || (n - below > (below ? 0 : 1) && s[below] == '0')) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a decimal number", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "%lld to %lld, digits only, no leading 0", (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	v = below ? -v : v;
	if (v < row->min || v > row->max) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is outside %lld..%lld", row->name, config_shown(s, n).s,
			(long long)row->min, (long long)row->max);
		return -EINVAL;
	}
	out->num = v;
	return 0;
}

static int parse_duration(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	char lo[LB_DURATION_STRLEN], hi[LB_DURATION_STRLEN];
	int64_t ms = 0;
	int rc = lb_duration_parse(s, n, &ms);
	if (rc == -EINVAL) {
		bool digits = n && strspn(s, "0123456789") == n;
		snprintf(say.text, SCHEMA_SAY, digits ? "%s '%s' has no unit" : "%s '%s' is not a duration", row->name,
			config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "a number and one of ms, s, m, h, d: 5s");
		return rc;
	}
	if (rc || ms < row->min || ms > row->max) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is outside %s..%s or finer than 1ms", row->name,
			config_shown(s, n).s, lb_duration_str(row->min, lo), lb_duration_str(row->max, hi));
		if (!rc)
			*strstr(say.text, " or finer") = '\0';
		return -EINVAL;
	}
	if ((row->flags & SCHEMA_SECONDS) && ms % 1000) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is not in whole seconds", row->name, config_shown(s, n).s);
		return -EINVAL;
	}
	if ((row->flags & SCHEMA_TENS) && ms % 10) {
		snprintf(say.text, SCHEMA_SAY, "%s %s is not in steps of 10ms", row->name, config_shown(s, n).s);
		return -EINVAL;
	}
	out->num = ms;
	return 0;
}

static int parse_word(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	const char *words[WORDS_MAX];
	size_t count = 0;
	int64_t value;
	for (const char *w; count < WORDS_MAX && (w = row->word(count, &value)); words[count++] = w) {
		if (strlen(w) == n && memcmp(w, s, n) == 0) {
			out->num = value;
			out->text = w;
			out->n = (uint32_t)n;
			return 0;
		}
	}
	snprintf(say.text, SCHEMA_SAY, "unknown %s '%s'", row->noun ? row->noun : row->name, config_shown(s, n).s);
	schema_suggest(s, n, words, count, say.help);
	return -EINVAL;
}

static bool group_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!lb_name_ok(s + i, 1) && s[i] != '_' && (i == 0 || (s[i] != '-' && s[i] != '.')))
			return false;
	return true;
}

static int parse_text(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool name = row->type == SCHEMA_TYPE_NAME;
	if (!name && ((int64_t)n < row->min || (int64_t)n > row->max)) {
		snprintf(say.text, SCHEMA_SAY, "%s has %zu bytes, not %lld to %lld", row->name, n, (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	if ((name && !lb_name_ok(s, n)) || (row->type == SCHEMA_TYPE_GROUP && !group_ok(s, n))) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a name", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "letters, digits, '.', '_' and '-'");
		return -EINVAL;
	}
	out->text = s;
	out->n = (uint32_t)n;
	return 0;
}

static int parse_endpoint(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool bare = row->type == SCHEMA_TYPE_ADDRESS;
	if (bare ? !lb_ip_parse(s, n, &out->ip)
		 : !lb_endpoint_parse(s, n, row->flags & SCHEMA_ZERO_PORT, &out->ip, &out->port))
		return 0;
	struct lb_ip ip;
	uint16_t port;
	if (bare && !lb_endpoint_parse(s, n, true, &ip, &port)) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' has a port", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY,
			row->flags & (SCHEMA_LIST | SCHEMA_BY_NODE) ? "without a port"
								    : "write the port in the key port");
		return -EINVAL;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not an IP address%s", row->name, config_shown(s, n).s,
		row->flags & SCHEMA_ZERO_PORT ? " and port" : "");
	snprintf(say.help, SCHEMA_SAY,
		bare ? "192.0.2.1 or 2001:db8::1; names are not resolved"
		     : "192.0.2.1:80 or \"[2001:db8::1]:80\"; ports are 1 to 65535, names are not resolved");
	return -EINVAL;
}

/* What the kernel takes as the name of a network device. */
static int parse_interface(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool ok = (int64_t)n >= row->min && (int64_t)n <= row->max && !(n <= 2 && memcmp(s, "..", n) == 0);
	for (size_t i = 0; ok && i < n; i++)
		ok = (uint8_t)s[i] > 0x20 && s[i] != 0x7f && s[i] != '/' && s[i] != ':';
	if (!ok) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not the name of an interface", row->name,
			config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "%lld to %lld bytes without blanks, '/' and ':'", (long long)row->min,
			(long long)row->max);
		return -EINVAL;
	}
	out->text = s;
	out->n = (uint32_t)n;
	return 0;
}

/* "192.0.2.1/24" or "192.0.2.1" */
static int parse_prefix(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	const char *slash = memchr(s, '/', n);
	size_t len = slash ? (size_t)(slash - s) : n, digits = slash ? n - len - 1 : 0;
	struct lb_ip ip;
	int64_t bits = 0;
	bool ok = lb_ip_parse(s, len, &ip) == 0;
	int64_t most = ok && lb_ip_is_v6(&ip) ? 128 : 32;
	for (size_t i = 1; i <= digits && i <= 4; i++)
		bits = slash[i] >= '0' && slash[i] <= '9' && (bits || slash[i] != '0') ? bits * 10 + slash[i] - '0'
										       : most + 1;
	if (ok && (!slash || (bits >= 1 && bits <= most))) {
		out->ip = ip;
		out->num = slash ? bits : most;
		return 0;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not an IP address with a prefix", row->name, config_shown(s, n).s);
	if (ok)
		snprintf(say.help, SCHEMA_SAY, "a prefix of 1 to %lld", (long long)most);
	else
		snprintf(say.help, SCHEMA_SAY, "192.0.2.1/24 or 2001:db8::1/64; names are not resolved");
	return -EINVAL;
}

/* "192.0.2.0/24", "0.0.0.0/0"; "default" leaves the family to others. */
static int parse_network(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	static const char all[] = "default", nothing[] = "/0";
	size_t len = sizeof(nothing) - 1;
	struct lb_ip ip = { 0 };
	bool zero = n > len && memcmp(s + n - len, nothing, len) == 0 && lb_ip_parse(s, n - len, &ip) == 0;
	if (zero || (n == sizeof(all) - 1 && memcmp(s, all, n) == 0)) {
		out->ip = ip;
		out->num = 0;
	} else if (parse_prefix(row, s, n, out, say)) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a network", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "192.0.2.0/24, 2001:db8::/32 or default");
		return -EINVAL;
	}
	if (lb_ip_is_net(&out->ip, (unsigned)out->num))
		return 0;
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a network", row->name, config_shown(s, n).s);
	snprintf(say.help, SCHEMA_SAY, "the bits of the address behind its prefix are 0: 192.0.2.0/24");
	return -EINVAL;
}

static int parse_size(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	static const struct {
		const char *unit;
		int shift;
	} units[] = { { "", 0 }, { "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 } };
	size_t digits = 0;
	int64_t v = 0;
	for (; digits < n && s[digits] >= '0' && s[digits] <= '9'; digits++)
		v = v < INT64_C(100000000000) ? v * 10 + (s[digits] - '0') : v;
	for (size_t i = 0; digits && i < sizeof(units) / sizeof(units[0]); i++) {
		if (n - digits != strlen(units[i].unit) || memcmp(s + digits, units[i].unit, n - digits) != 0)
			continue;
		v = v < INT64_C(1) << 32 ? v << units[i].shift : v;
		if (v < row->min || v > row->max) {
			snprintf(say.text, SCHEMA_SAY, "%s %s is outside %lld..%lld bytes", row->name,
				config_shown(s, n).s, (long long)row->min, (long long)row->max);
			return -EINVAL;
		}
		out->num = v;
		return 0;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a size", row->name, config_shown(s, n).s);
	snprintf(say.help, SCHEMA_SAY, "bytes, or a number and one of KiB, MiB, GiB: 64KiB");
	return -EINVAL;
}

/* "50000/s" */
static int parse_rate(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	struct schema_row number = *row;
	bool per_second = n > 2 && s[n - 2] == '/' && s[n - 1] == 's';
	number.type = SCHEMA_TYPE_UINT;
	if (per_second && parse_uint(&number, s, n - 2, out, say) == 0)
		return 0;
	if (per_second && !say.help[0]) { /* a number it is */
		snprintf(say.text, SCHEMA_SAY, "%s %s is outside %lld/s..%lld/s", row->name, config_shown(s, n).s,
			(long long)row->min, (long long)row->max);
		return -EINVAL;
	}
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a rate", row->name, config_shown(s, n).s);
	snprintf(say.help, SCHEMA_SAY, "a number per second: %s", row->fallback ? row->fallback : "100/s");
	return -EINVAL;
}

static int parse_share(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	struct schema_row number = *row;
	bool percent = n > 1 && s[n - 1] == '%';
	if (percent && number.max > 100)
		number.max = 100;
	if (parse_uint(&number, s, percent ? n - 1 : n, out, say)) {
		if (!say.help[0])
			snprintf(say.help, SCHEMA_SAY, "a number, or a share: 50%%");
		return -EINVAL;
	}
	out->percent = percent;
	return 0;
}

/* Where a number without % could be taken for a count. */
static int parse_percent(
	const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	snprintf(say.help, SCHEMA_SAY, "%lld%% to %lld%%", (long long)row->min, (long long)row->max);
	if (n > 1 && s[n - 1] == '%')
		return parse_share(row, s, n, out, say);
	bool digits = n && n <= 2 && strspn(s, "0123456789") == n;
	snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a share", row->name, config_shown(s, n).s);
	snprintf(say.help, SCHEMA_SAY, "write `%.*s%%`", digits ? (int)n : 2, digits ? s : "50");
	return -EINVAL;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int parse_hex(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	size_t digits = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_hex(s[i]))
			digits++;
		else if (s[i] != ' ' || digits % 2) {
			digits = 1;
			break;
		}
	}
	if (digits % 2 || (int64_t)digits / 2 < row->min || (int64_t)digits / 2 > row->max) {
		snprintf(say.text, SCHEMA_SAY, "%s is not %lld to %lld bytes in hexadecimal", row->name,
			(long long)row->min, (long long)row->max);
		snprintf(say.help, SCHEMA_SAY, "pairs of digits, blanks between them if you like: \"0d 0a\"");
		return -EINVAL;
	}
	out->text = s;
	out->n = (uint32_t)n;
	return 0;
}

/* "200" or "200-299" */
static int parse_status(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool range = n == 7 && s[3] == '-';
	int from = 0, to = 0;
	bool ok = n == 3 || range;
	for (size_t i = 0; ok && i < n; i++)
		ok = (range && i == 3) || (s[i] >= '0' && s[i] <= '9');
	if (ok) {
		from = (s[0] - '0') * 100 + (s[1] - '0') * 10 + s[2] - '0';
		to = range ? (s[4] - '0') * 100 + (s[5] - '0') * 10 + s[6] - '0' : from;
	}
	if (!ok || from < 100 || to > 599 || from > to) {
		snprintf(say.text, SCHEMA_SAY, "%s '%s' is not a status code", row->name, config_shown(s, n).s);
		snprintf(say.help, SCHEMA_SAY, "100 to 599, or a range of them: 200-299");
		return -EINVAL;
	}
	out->text = s;
	out->n = (uint32_t)n;
	return 0;
}

/* PATH and TOKEN: no blank and no control character, which would end a line of the protocol it travels in. */
static int parse_token(const struct schema_row *row, const char *s, size_t n, struct schema_value *out, struct say say)
{
	bool path = row->type == SCHEMA_TYPE_PATH, ok = !path || (n && s[0] == '/');
	for (size_t i = 0; i < n; i++)
		ok &= (uint8_t)s[i] > 0x20 && s[i] != 0x7f;
	if (ok)
		return parse_text(row, s, n, out, say);
	size_t seen = config_value_seen(row, s, n); /* who may only look reads this, too: status, events */
	snprintf(say.text, SCHEMA_SAY, "%s '%s%s' is not %s", row->name, config_shown(s, seen).s,
		seen < n ? CONFIG_HIDDEN : "", path ? "a path" : "a word");
	snprintf(say.help, SCHEMA_SAY,
		path ? "it starts with '/' and has no blanks; in the path of a URL write %%20" : "without blanks");
	return -EINVAL;
}

int schema_parse(const struct schema_row *row, const char *s, size_t n, bool quoted, struct schema_value *out,
	char text[SCHEMA_SAY], char help[SCHEMA_SAY])
{
	struct say say = { text, help };
	text[0] = help[0] = '\0';
	bool number = row->type == SCHEMA_TYPE_UINT || row->type == SCHEMA_TYPE_INT;
	if (quoted && (number || row->type == SCHEMA_TYPE_BOOL)) {
		snprintf(text, SCHEMA_SAY, "%s is text here, but it is %s", row->name,
			number ? "a number" : "true or false");
		snprintf(help, SCHEMA_SAY, "take the quotes away");
		return -EINVAL;
	}
	switch (row->type) {
	case SCHEMA_TYPE_BOOL: return parse_bool(row, s, n, out, say);
	case SCHEMA_TYPE_UINT:
	case SCHEMA_TYPE_INT: return parse_uint(row, s, n, out, say);
	case SCHEMA_TYPE_DURATION: return parse_duration(row, s, n, out, say);
	case SCHEMA_TYPE_SIZE: return parse_size(row, s, n, out, say);
	case SCHEMA_TYPE_RATE: return parse_rate(row, s, n, out, say);
	case SCHEMA_TYPE_SHARE: return parse_share(row, s, n, out, say);
	case SCHEMA_TYPE_PERCENT: return parse_percent(row, s, n, out, say);
	case SCHEMA_TYPE_HEX: return parse_hex(row, s, n, out, say);
	case SCHEMA_TYPE_STATUS: return parse_status(row, s, n, out, say);
	case SCHEMA_TYPE_PATH:
	case SCHEMA_TYPE_TOKEN: return parse_token(row, s, n, out, say);
	case SCHEMA_TYPE_TEXT:
	case SCHEMA_TYPE_REGEX:
	case SCHEMA_TYPE_GROUP:
	case SCHEMA_TYPE_NAME: return parse_text(row, s, n, out, say);
	case SCHEMA_TYPE_WORD: return parse_word(row, s, n, out, say);
	case SCHEMA_TYPE_INTERFACE: return parse_interface(row, s, n, out, say);
	case SCHEMA_TYPE_PREFIX: return parse_prefix(row, s, n, out, say);
	case SCHEMA_TYPE_NETWORK: return parse_network(row, s, n, out, say);
	case SCHEMA_TYPE_ADDRESS:
	case SCHEMA_TYPE_ENDPOINT: return parse_endpoint(row, s, n, out, say);
	case SCHEMA_TYPE_MAP:
	case SCHEMA_TYPE_OBJECT:
	case SCHEMA_TYPE_NAMED: break;
	}
	return -EINVAL;
}
