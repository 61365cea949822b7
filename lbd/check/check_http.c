/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/check_http.h"

#include "common/addr.h"
#include "common/json_text.h"
#include "lbd/check/check_regex.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_weight.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- what may be asked ---- */

bool check_http_host_ok(const char *host)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	struct lb_ip ip;
	size_t n = strlen(host);
	return n && (host[strspn(host, plain)] == '\0' || lb_ip_parse(host, n, &ip) == 0);
}

bool check_http_word_ok(const char *word)
{
	for (const char *c = word; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return *word != '\0';
}

bool check_http_field_ok(const char *line)
{
	const char *colon = strchr(line, ':');
	if (!colon || colon == line)
		return false;
	for (const char *c = line; *c; c++)
		if (((unsigned char)*c < ' ' && (*c != '\t' || c < colon)) || *c == 0x7f || (*c == ' ' && c < colon))
			return false;
	return true;
}

bool check_http_status_wanted(const struct check_params *params, unsigned status)
{
	const char *one = check_param_next(params, CHECK_PARAM_STATUS, NULL, NULL);
	if (!one)
		return status >= 200 && status <= 399;
	for (; one; one = check_param_next(params, CHECK_PARAM_STATUS, one, NULL)) {
		char *end;
		unsigned long from = strtoul(one, &end, 10), to = *end == '-' ? strtoul(end + 1, NULL, 10) : from;
		if (status >= from && status <= to)
			return true;
	}
	return false;
}

/* ---- weights ---- */

static bool number_weight(const json_t *v, struct check_weight *out)
{
	double d = json_number_value(v);
	if (!(d >= 0.0 && d < 65535.5))
		return false;
	*out = (struct check_weight){ .kind = CHECK_WEIGHT_VALUE, .value = (uint16_t)(d + 0.5) };
	return true;
}

bool check_http_json_weight(const char *text, size_t n, const char *path, struct check_weight *out)
{
	json_t *root = lb_json_parse(text, n, JSON_DECODE_ANY, NULL);
	const json_t *v = root;
	char name[128];
	while (v && *path) {
		size_t len = strcspn(path, ".");
		int put = snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name)), path);
		v = put < (int)sizeof(name) ? json_object_get(v, name) : NULL;
		path += len + (path[len] == '.');
	}
	bool ok = false;
	if (json_is_number(v))
		ok = number_weight(v, out);
	else if (json_is_string(v))
		ok = check_weight_parse(json_string_value(v), json_string_length(v), out);
	json_decref(root);
	return ok;
}

static bool weight_from(const struct check_http *h, const char *where)
{
	const char *from = check_param(h->params, CHECK_PARAM_WEIGHT_FROM);
	return from && strcmp(from, where) == 0;
}

/* ---- the reply ---- */

int check_http_init(struct check_http *h, const struct check_params *params)
{
	*h = (struct check_http){ .params = params };
	h->body_max = check_param_num(params, CHECK_PARAM_MAX_BODY, CHECK_HTTP_BODY_MAX);
	size_t n = 0;
	const char *want = check_param_next(params, CHECK_PARAM_BODY, NULL, &n);
	int rc = 0;
	if (want && n) {
		rc = check_match_init(&h->match, want, n);
		h->matching = rc == 0;
	}
	const char *regex = check_param_next(params, CHECK_PARAM_BODY_REGEX, NULL, &n);
	if (rc == 0 && regex)
		rc = check_regex_new(regex, n, &h->regex, NULL, NULL);
	h->keeps = h->regex || weight_from(h, "json");
	if (rc)
		check_http_done(h);
	return rc;
}

void check_http_done(struct check_http *h)
{
	if (h->matching)
		check_match_done(&h->match);
	check_regex_free(h->regex);
	free(h->body);
	*h = (struct check_http){ 0 };
}

static bool stop(struct check_http *h)
{
	h->stopped = true;
	return false;
}

/* "HTTP/1.1 503 Service Unavailable", "HTTP/2 200" */
static void status_line(struct check_http *h, const char *line, size_t n)
{
	const char *end = line + n, *at = memchr(line, ' ', n);
	h->status = 0;
	h->http2 = n > 5 && line[5] == '2';
	h->headers_done = false;
	h->weight = (struct check_weight){ 0 }; /* one of an interim reply does not count */
	if (!at || end - at < 4)
		return;
	unsigned status = 0;
	for (int i = 1; i <= 3; i++) {
		if (at[i] < '0' || at[i] > '9')
			return;
		status = status * 10 + (unsigned)(at[i] - '0');
	}
	size_t put = 0;
	for (at += 4; at < end && *at == ' '; at++)
		;
	for (; at < end && put < sizeof(h->reason) - 1; at++)
		h->reason[put++] = *at >= 0x20 && *at < 0x7f ? *at : '?';
	while (put && h->reason[put - 1] == ' ')
		put--;
	h->reason[put] = '\0';
	h->status = (uint16_t)status;
}

static void weight_header(struct check_http *h, const char *line, size_t n)
{
	const char *name = check_param(h->params, CHECK_PARAM_WEIGHT_NAME);
	size_t len = name ? strlen(name) : 0;
	if (len == 0 || n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
		return;
	check_weight_parse(line + len + 1, n - len - 1, &h->weight);
}

bool check_http_header(struct check_http *h, const char *line, size_t n)
{
	h->header_bytes += n;
	if (h->header_bytes > CHECK_HTTP_HEADERS_MAX)
		return stop(h);
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (h->headers_done && check_http_status_final(h->status))
		return true; /* a trailer */
	if (n > 5 && memcmp(line, "HTTP/", 5) == 0) {
		status_line(h, line, n);
	} else if (n == 0) {
		h->headers_done = true;
		bool wanted = check_http_status_wanted(h->params, h->status);
		if (h->status == 101 || (h->status >= 200 && !wanted))
			return stop(h); /* behind 101 no end would come */
	} else if (weight_from(h, "header")) {
		weight_header(h, line, n);
	}
	return true;
}

static bool keep(struct check_http *h, const char *piece, size_t n)
{
	size_t need = h->body_bytes + n;
	if (need > h->body_cap) {
		size_t cap = h->body_cap ? h->body_cap * 2 : 1024;
		cap = cap < need ? need : cap;
		cap = cap > h->body_max ? h->body_max : cap;
		char *more = realloc(h->body, cap);
		if (!more)
			return false;
		h->body = more;
		h->body_cap = cap;
	}
	memcpy(h->body + h->body_bytes, piece, n);
	return true;
}

bool check_http_body(struct check_http *h, const char *piece, size_t n)
{
	size_t room = h->body_max - h->body_bytes;
	n = n < room ? n : room;
	if (h->keeps && n && !keep(h, piece, n)) {
		h->no_memory = true;
		return stop(h);
	}
	h->body_bytes += n;
	if (h->matching && !h->matched) {
		for (size_t at = 0; at < n && !h->matched; at += CHECK_REPLY_MAX) {
			h->match.seen = 0; /* the limit here is max_body, not that of a TCP reply */
			h->matched = check_match_feed(
				&h->match, piece + at, n - at < CHECK_REPLY_MAX ? n - at : CHECK_REPLY_MAX);
		}
		if (h->matched && !h->keeps)
			return stop(h); /* what was asked for is there */
	}
	return h->body_bytes < h->body_max ? true : stop(h);
}

static bool say(struct check_result *r, enum check_code code, const struct check_http *h, const char *more)
{
	char text[CHECK_TEXT_MAX];
	snprintf(text, sizeof(text), "%u%s%.56s", h->status, *more == ',' ? "" : " ", more);
	size_t n = strlen(text);
	if (text[n - 1] == ' ')
		text[n - 1] = '\0';
	check_result_set(r, code, text);
	return true;
}

/* PASS, with what the reply says of its weight. */
static bool passes(const struct check_http *h, struct check_result *r)
{
	char more[32];
	const char *path = check_param(h->params, CHECK_PARAM_WEIGHT_NAME);
	r->weight = h->weight;
	if (h->body && weight_from(h, "json"))
		check_http_json_weight(h->body, h->body_bytes, path ? path : "", &r->weight);
	if (r->weight.kind == CHECK_WEIGHT_NONE)
		return say(r, CHECK_CODE_L7OK, h,
			weight_from(h, "json") || weight_from(h, "header") ? ", without a weight" : "");
	snprintf(more, sizeof(more), ", weight %u%s", r->weight.value,
		r->weight.kind == CHECK_WEIGHT_PERCENT ? "%" : "");
	return say(r, CHECK_CODE_L7OKC, h, more);
}

bool check_http_judge(struct check_http *h, bool whole, struct check_result *r)
{
	if (h->header_bytes > CHECK_HTTP_HEADERS_MAX) {
		check_result_set(r, CHECK_CODE_L7RSP, "more than 64 KiB of headers");
		return true;
	}
	if (h->no_memory) {
		check_result_connect(r, ENOMEM, CHECK_FROM_US);
		return true;
	}
	if (h->status == 0 || (!h->headers_done && !whole))
		return false;
	/* over TLS libcurl takes what the server chose */
	const char *version = check_param(h->params, CHECK_PARAM_HTTP_VERSION);
	if (version && strcmp(version, "2") == 0 && !h->http2) {
		check_result_set(r, CHECK_CODE_L7RSP, "the server speaks HTTP/1.1, not HTTP/2");
		return true;
	}
	if (!check_http_status_wanted(h->params, h->status))
		return say(r, CHECK_CODE_L7STS, h, h->reason);
	if (!whole && !h->stopped)
		return false;
	if (h->matching && !h->matched)
		return say(r, CHECK_CODE_L7STS, h, ", but the wanted text is not in the body");
	if (h->regex) {
		int found = check_regex_search(h->regex, h->body ? h->body : "", h->body ? h->body_bytes : 0);
		if (found == -ENOMEM)
			check_result_connect(r, ENOMEM, CHECK_FROM_US);
		else if (found < 0)
			say(r, CHECK_CODE_L7STS, h, ", body_regex takes too many steps");
		else if (found == 0)
			say(r, CHECK_CODE_L7STS, h, ", but body_regex does not match");
		if (found != 1)
			return true;
	}
	return passes(h, r);
}

void check_http_waiting(const struct check_http *h, char out[CHECK_TEXT_MAX])
{
	if (h->header_bytes == 0)
		snprintf(out, CHECK_TEXT_MAX, "connected, no reply came");
	else if (!h->headers_done || h->status < 200)
		snprintf(out, CHECK_TEXT_MAX, "the headers of the reply did not end");
	else
		snprintf(out, CHECK_TEXT_MAX, "%u, but the body did not end", h->status);
}
