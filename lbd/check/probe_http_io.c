/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The HTTP and HTTPS probes: one request, and check_http judges the reply while it comes. Nothing is followed, cached
 * or unpacked, and no more is read than the verdict needs.
 */
#include "lbd/check/check_http.h"
#include "lbd/check/check_result.h"
#include "lbd/check/curl_link_io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct http {
	struct check_probe probe;
	struct curl_link link;
	struct check_http reply;
	bool in_reply, told_status, prior_2;
};

static void http_cancel(struct check_probe *p)
{
	struct http *h = (struct http *)p;
	check_probe_end(p);
	curl_link_end(&h->link);
	if (h->in_reply)
		check_http_done(&h->reply);
	h->in_reply = false;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	(void)one;
	struct http *h = arg;
	bool more = check_http_header(&h->reply, line, n);
	if (h->reply.headers_done && check_http_status_final(h->reply.status) && !h->told_status) {
		h->told_status = true;
		check_probe_step(&h->probe, "status %u %s", h->reply.status, h->reply.reason);
	}
	return more ? n : 0;
}

static size_t on_body(char *piece, size_t one, size_t n, void *arg)
{
	(void)one;
	struct http *h = arg;
	return check_http_body(&h->reply, piece, n) ? n : 0;
}

static void on_done(struct curl_link *k, CURLcode rc)
{
	struct http *h = (struct http *)k->probe;
	struct check_result r = { 0 };
	if (h->told_status)
		check_probe_step(&h->probe, "%zu bytes of body", h->reply.body_bytes);
	/* what libcurl says of a server that answers HTTP/2 with something else */
	if (rc == CURLE_GOT_NOTHING && h->prior_2)
		rc = CURLE_HTTP2;
	if (!check_http_judge(&h->reply, rc == CURLE_OK, &r)) {
		if (rc == CURLE_OK)
			check_result_set(&r, CHECK_CODE_L7RSP, "not HTTP");
		else
			curl_link_failed(k, rc, &r);
	}
	check_probe_finish(&h->probe, &r);
}

static void http_expired(struct check_probe *p)
{
	struct http *h = (struct http *)p;
	struct check_result r = { 0 };
	char talk[CHECK_TEXT_MAX];
	check_http_waiting(&h->reply, talk);
	check_curl_expired(curl_link_phase(&h->link), talk, &r);
	check_probe_finish(p, &r);
}

/* What a spec may say and a request may not contain: NULL = nothing. */
static const char *wrong(const struct check_params *p)
{
	const char *path = check_param(p, CHECK_PARAM_PATH), *method = check_param(p, CHECK_PARAM_METHOD);
	if (path && !check_http_word_ok(path))
		return "path: a blank or control character is in it";
	if (method && !check_http_word_ok(method))
		return "method: not a word";
	for (const char *f = NULL; (f = check_param_next(p, CHECK_PARAM_HEADER, f, NULL));)
		if (!check_http_field_ok(f))
			return "headers: not in the form Name: value";
	return NULL;
}

static int set_headers(struct http *h)
{
	const struct check_params *p = &h->probe.spec->params;
	for (const char *f = NULL; (f = check_param_next(p, CHECK_PARAM_HEADER, f, NULL));) {
		char empty[256]; /* libcurl writes a header without a value only when it ends in ';' */
		const char *colon = strchr(f, ':');
		bool bare = colon[1 + strspn(colon + 1, " \t")] == '\0';
		if (bare)
			snprintf(empty, sizeof(empty), "%.*s;", (int)(colon - f), f);
		struct curl_slist *more = curl_slist_append(h->link.headers, bare ? empty : f);
		if (!more)
			return -ENOMEM;
		h->link.headers = more;
	}
	return curl_easy_setopt(h->link.easy, CURLOPT_HTTPHEADER, h->link.headers) ? -ENOMEM : 0;
}

static int set_request(struct http *h)
{
	CURL *e = h->link.easy;
	const struct check_params *p = &h->probe.spec->params;
	const char *path = check_param(p, CHECK_PARAM_PATH), *method = check_param(p, CHECK_PARAM_METHOD);
	const char *version = check_param(p, CHECK_PARAM_HTTP_VERSION);
	size_t data_n = 0;
	const char *data = check_param_next(p, CHECK_PARAM_DATA, NULL, &data_n);
	long v = CURL_HTTP_VERSION_1_1;
	h->prior_2 = !h->link.tls && version && strcmp(version, "2") == 0;
	if (version && strcmp(version, "2") == 0)
		v = h->link.tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	int rc = (int)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, v);
	rc |= (int)curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_REQUEST_TARGET, path ? path : "/"); /* as written */
	rc |= (int)curl_easy_setopt(e, CURLOPT_USERAGENT, "lbd");
	rc |= (int)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	rc |= (int)curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	rc |= (int)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	rc |= (int)curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	rc |= (int)curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 0L);
	if (data) {
		rc |= (int)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)data_n);
		rc |= (int)curl_easy_setopt(e, CURLOPT_POSTFIELDS, data); /* the spec outlives the probe */
	}
	if (method && strcmp(method, "HEAD") == 0 && !data)
		rc |= (int)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (method || data)
		rc |= (int)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method ? method : "GET");
	return rc ? -ENOMEM : set_headers(h);
}

static int http_start(struct check_probe *p, struct lb_time now)
{
	struct http *h = (struct http *)p;
	const char *why = wrong(&p->spec->params);
	h->link.done = on_done;
	int rc = check_http_init(&h->reply, &p->spec->params);
	h->in_reply = rc == 0;
	if (rc == -EINVAL && !why)
		why = "body_regex: not a regular expression";
	if (rc == 0 && !why)
		rc = curl_link_new(&h->link, p, p->spec->type == CHECK_TYPE_HTTPS, false);
	if (rc == -EINVAL && !why)
		why = "host: not a name or an address";
	if (rc == 0 && !why)
		rc = set_request(h);
	check_probe_begin(p, now);
	if (why) {
		struct check_result r = { 0 };
		check_result_set(&r, CHECK_CODE_SOCKERR, why);
		check_probe_early(p, &r);
		return 0;
	}
	if (rc == 0)
		rc = curl_link_go(&h->link);
	if (rc)
		http_cancel(p);
	return rc;
}

const struct check_ops check_http_ops = { sizeof(struct http), http_start, http_cancel, http_expired };
