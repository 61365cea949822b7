/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checkers of a real server. keepalived probes at delay_loop, and a failing server faster, at delay_before_retry;
 * lbd has one interval while a backend is up. The interval that is taken finds a failure in the same time:
 * (delay_loop + retry x delay_before_retry) / (retry + 1), and fall = retry + 1. It may be shorter than the timeout,
 * which counts for a server that hangs alone: there lbd, as keepalived, starts no probe before the last one has ended.
 */
#include "lbd/import/ka.h"

#include <stdlib.h>
#include <string.h>

#define S(n)         ((n)*INT64_C(1000000))
#define INTERVAL_MIN S(1) / 10
#define INTERVAL_MAX S(86400)
#define FALL_MAX     1000
#define HOST_MAX     253
#define HEX          "0123456789abcdefABCDEF"
#define SEND_MAX     4096 /* bytes of send_hex */
#define REPLY_MAX    255  /* four characters each in expect_regex, which takes 1024 */

struct builder {
	struct ka *k;
	const struct ka_checked *of;
	struct ka_chain chain; /* the checker or its part, the checker, RS, VS */
	struct ka_built *out;
};

static const char *text_of(struct ka *k, const struct y *keys)
{
	struct lb_text t = LB_TEXT_INIT;
	y_print(keys, 4, &t);
	k->im->oom = k->im->oom || t.bad;
	const char *p = imp_strn(k->im, t.s ? t.s : "", t.n);
	lb_text_done(&t);
	return p;
}

const char *ka_check_name(struct ka *k, struct y *keys)
{
	const char *text = text_of(k, keys), *type = keys->child ? keys->child->value : "check";
	uint32_t hash = 2166136261u;
	unsigned same = 1;
	for (const char *c = text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	lb_vec_foreach (c, &k->checks) {
		if (c->hash == hash && strcmp(c->text, text) == 0)
			return c->name;
		same += strncmp(c->name, type, strlen(type)) == 0 && c->name[strlen(type)] == '-';
	}
	struct ka_known *c = lb_vec_push(&k->checks);
	struct y *checks = y_at(k->im, &k->im->root, "checks");
	const char *name = imp_name_in(k->im, checks, imp_str(k->im, "%s-%u", type, same));
	if (!c) {
		k->im->oom = true;
		return name;
	}
	*c = (struct ka_known){ hash, text, name };
	struct y *y = y_map(k->im, checks, name);
	y->flow = true;
	y->child = keys->child;
	y->last = keys->last;
	return name;
}

/* ---- what all have ---- */

static struct y *begin(struct builder *b, const char *type)
{
	struct y *y = imp_alloc(b->k->im, sizeof(*y));
	if (!y || b->out->n == KA_CHECKS_MAX) {
		if (y)
			imp_say(b->k->im, &b->of->rs->at, IMP_LOST, "more than %d checks of one server", KA_CHECKS_MAX);
		return NULL;
	}
	y->kind = Y_MAP;
	b->out->keys[b->out->n++] = y;
	y_set(b->k->im, y, "type", "%s", type);
	return y;
}

enum port {
	PORT_NONE,
	PORT_ANY,
	PORT_TCP /* of something that speaks TCP: the port of another service is not its port */
};

/* Where it probes, if that is not where the backend is. */
static void where(struct builder *b, struct y *y, enum port kind)
{
	struct imp *im = b->k->im;
	const struct ka_node *ip = ka_find(&b->chain, KA_CONNECT_IP), *port = ka_find(&b->chain, KA_CONNECT_PORT);
	const struct ka_node *source = ka_find(&b->chain, KA_BINDTO), *card = ka_find(&b->chain, KA_BIND_IF);
	struct lb_ip to;
	if (ip && lb_ip_parse(ka_arg(ip, 1), strlen(ka_arg(ip, 1)), &to) == 0 && lb_ip_cmp(&to, &b->of->ip) != 0)
		y_set(im, y, "address", "%s", ka_arg(ip, 1));
	int64_t to_port = ka_num(port, b->of->asked);
	if (kind != PORT_NONE && to_port && (to_port != b->of->port || (kind == PORT_TCP && !b->of->tcp)))
		y_set(im, y, "port", "%lld", (long long)to_port);
	if (source)
		y_set(im, y, "source", "%s", ka_arg(source, 1));
	if (card)
		y_set(im, y, "interface", "%s", ka_arg(card, 1));
}

struct times {
	int64_t retry, before, timeout; /* what stands for absence; before, timeout -1: as delay_loop */
	bool connects;                  /* connect_timeout is its timeout: not of a script */
};

static int64_t between(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static void when(struct builder *b, struct y *y, const struct times *t)
{
	struct imp *im = b->k->im;
	const struct ka_node *retries = ka_find(&b->chain, KA_RETRY);
	int64_t loop = ka_time(ka_find(&b->chain, KA_DELAY_LOOP), S(60));
	int64_t retry = between(ka_num(retries, t->retry), 0, FALL_MAX - 1);
	int64_t before = ka_time(ka_find(&b->chain, KA_DELAY_BEFORE_RETRY), t->before < 0 ? loop : t->before);
	int64_t timeout = ka_time(
		t->connects ? ka_find(&b->chain, KA_CONNECT_TIMEOUT) : NULL, t->timeout < 0 ? loop : t->timeout);
	timeout = between(timeout, S(1) / 100, INTERVAL_MAX);
	int64_t interval = between((loop + retry * before) / (retry + 1), INTERVAL_MIN, INTERVAL_MAX);
	y_time(im, y, "interval", interval);
	loop = between(loop, INTERVAL_MIN, INTERVAL_MAX);
	if (loop / 1000 != interval / 1000)
		y_time(im, y, "interval_down", loop);
	y_time(im, y, "timeout", timeout);
	y_set(im, y, "rise", "1");
	y_set(im, y, "fall", "%lld", (long long)retry + 1);
	if (retry && before != loop)
		imp_say(im, &b->chain.of[b->chain.of[1] ? 1 : 0]->at, IMP_NOTE,
			"keepalived probes a failing server faster (delay_before_retry); interval and fall find a "
			"failure in the "
			"same time");
}

/* ---- HTTP ---- */

/* A second line adds to the first, but lbd wants each of them once. */
static void statuses(struct builder *b, struct y *y, const struct ka_node *of)
{
	struct imp *im = b->k->im;
	const struct ka_node *said = ka_first(of, KA_STATUS_CODE);
	if (!said) {
		y_set(im, y, "status", "200-299");
		return;
	}
	struct y *list = said->n > 2 || ka_next(said) ? y_list(im, y, "status") : NULL;
	for (; said; said = ka_next(said))
		for (size_t i = 1; i < said->n; i++) {
			y_set(im, list ? list : y, list ? NULL : "status", "%s", said->w[i]);
			if (list)
				y_once(list);
		}
}

/* What lbd takes for host: as check_http_host_ok. */
static bool is_host(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	struct lb_ip ip;
	return *s && (s[strspn(s, plain)] == '\0' || lb_ip_parse(s, strlen(s), &ip) == 0);
}

/* keepalived sends it as it is written. lbd makes the header of host and, unless that is the usual one, of the port
 * where it probes; what else there is to be in it is a header of its own. */
static void put_host(struct builder *b, struct y *y, const struct ka_node *said, bool tls)
{
	struct imp *im = b->k->im;
	const char *s = ka_arg(said, 1), *colon = strrchr(s, ':'), *c = s;
	int64_t probed = ka_num(ka_find(&b->chain, KA_CONNECT_PORT), b->of->asked), port;
	while ((unsigned char)*c > ' ' && *c != 0x7f)
		c++;
	if (*c || !*s || strlen(s) > HOST_MAX) {
		imp_say(im, &said->at, IMP_ERROR, "virtualhost %s is not the name of a host", imp_shown(im, s));
		return;
	}
	if (is_host(s)) {
		y_set(im, y, "host", "%s", s);
		return;
	}
	if (colon && ka_parse_num(colon + 1, 1, 65535, &port) == 0) {
		size_t box = *s == '[' && colon[-1] == ']';
		const char *name = imp_strn(im, s + box, (size_t)(colon - s) - 2 * box);
		if (is_host(name)) {
			y_set(im, y, "host", "%s", name);
			if (port == probed && port != (tls ? 443 : 80))
				return;
		}
	}
	struct y *headers = y_map(im, y, "headers");
	headers->flow = true;
	y_set(im, headers, "Host", "%s", s);
}

static void http_url(struct builder *b, const struct ka_node *checker, const struct ka_node *url, bool tls)
{
	struct imp *im = b->k->im;
	b->chain.of[0] = url;
	struct y *y = begin(b, tls ? "https" : "http");
	if (!y)
		return;
	const struct ka_node *path = ka_get(url, KA_PATH), *host = ka_find(&b->chain, KA_VIRTUALHOST);
	const struct ka_node *ssl = ka_get(b->k->root, KA_SSL);
	if (path && ka_arg(path, 1)[0] == '/')
		y_set(im, y, "path", "%s", ka_arg(path, 1));
	else if (path)
		imp_say(im, &path->at, IMP_ERROR, "path %s does not begin with a slash",
			imp_shown(im, ka_arg(path, 1)));
	if (host)
		put_host(b, y, host, tls);
	statuses(b, y, ka_first(url, KA_STATUS_CODE) ? url : checker);
	if (tls) {
		struct y *t = y_map(im, y, "tls");
		t->flow = true;
		y_set(im, t, "verify", "false");
		if (ka_get(ssl, KA_CERTIFICATE))
			y_set(im, t, "cert_file", "%s", ka_arg(ka_get(ssl, KA_CERTIFICATE), 1));
		if (ka_get(ssl, KA_KEY))
			y_set(im, t, "key_file", "%s", ka_arg(ka_get(ssl, KA_KEY), 1));
	}
	where(b, y, PORT_TCP);
	when(b, y, &(struct times){ 1, S(3), S(5), true });
}

static void http(struct builder *b, const struct ka_node *checker, bool tls)
{
	const struct ka_node *url = ka_first(checker, KA_URL);
	if (!url)
		imp_say(b->k->im, &checker->at, IMP_ERROR, "%s without a url", checker->row->name);
	for (; url; url = ka_next(url))
		http_url(b, checker, url, tls);
}

/* ---- the others ---- */

static void dns(struct builder *b, const struct ka_node *checker)
{
	struct y *y = begin(b, "dns");
	const struct ka_node *name = ka_get(checker, KA_DNS_NAME), *type = ka_get(checker, KA_DNS_TYPE);
	if (!y)
		return;
	y_set(b->k->im, y, "query", "%s %s", name ? ka_arg(name, 1) : ".", type ? ka_arg(type, 1) : "SOA");
	/* "www.example.com SOA" has an empty answer: up in keepalived, down in lbd */
	imp_say(b->k->im, &checker->at, IMP_LOST,
		"DNS_CHECK passes with any NOERROR, a check of type dns wants an answer of the type that is asked for "
		"(SOA, if nothing else is said): see that query is one that the servers have");
	where(b, y, PORT_ANY);
	when(b, y, &(struct times){ 3, -1, S(5), true });
}

static void smtp(struct builder *b, const struct ka_node *checker)
{
	const struct ka_node *host = ka_first(checker, KA_HOST);
	do {
		b->chain.of[0] = host;
		struct y *y = begin(b, "smtp");
		if (!y)
			return;
		where(b, y, PORT_TCP);
		when(b, y, &(struct times){ 1, S(1), S(5), true });
		host = host ? ka_next(host) : NULL;
	} while (host);
}

static void misc(struct builder *b, const struct ka_node *checker)
{
	struct imp *im = b->k->im;
	const struct ka_node *path = ka_get(checker, KA_MISC_PATH), *limit = ka_get(checker, KA_MISC_TIMEOUT);
	char ip[LB_IP_STRLEN];
	struct ka_self self = { lb_ip_str(&b->of->ip, ip), NULL };
	struct ka_look look;
	bool ran = false;
	if (!path) {
		imp_say(im, &checker->at, IMP_ERROR, "MISC_CHECK without misc_path");
		return;
	}
	struct y *y = begin(b, "script");
	if (!y)
		return;
	if (b->of->asked && b->of->asked == b->of->port) /* else %p would be another number, or none */
		self.port = ka_arg(b->of->rs, 2);
	if (ka_script_looks(b->k, ka_arg(path, 1), &look))
		imp_say(im, &path->at, IMP_LOST,
			"%s: a check of lbd sees no processes of this host (ProtectProc=invisible of its unit); a "
			"check of "
			"what the process answers tells more",
			imp_shown(im, ka_arg(path, 1)));
	else if (ka_script(b->k, &path->at, ka_arg(path, 1), &self, y))
		ran = true;
	if (!ran) {
		b->out->n--;
		return;
	}
	ka_script_user(b->k, checker);
	if (ka_bool(ka_get(checker, KA_MISC_DYNAMIC)))
		y_set(im, y, "weight", "exit");
	when(b, y, &(struct times){ 0, S(1), ka_time(limit, -1), false });
}

/* The digits of all words; the last one of a word may be a byte of its own: "Ab12f 3" is Ab 12 0f 03. */
static const char *hex_of(struct ka *k, const struct ka_node *said)
{
	struct lb_text t = LB_TEXT_INIT;
	for (size_t i = 1; i < said->n; i++)
		for (const char *w = said->w[i]; *w; w += strspn(w, " \t")) {
			size_t n = strcspn(w, " \t"), alone = n % 2;
			lb_text_put(&t, w, n - alone);
			if (alone)
				lb_text_printf(&t, "0%c", w[n - 1]);
			w += n;
		}
	k->im->oom = k->im->oom || t.bad;
	const char *hex = imp_strn(k->im, t.s ? t.s : "", t.n);
	lb_text_done(&t);
	return hex;
}

static void put_payload(struct builder *b, const struct ka_node *said, const struct ka_node *checker, struct y *y)
{
	struct imp *im = b->k->im;
	const char *hex = said ? hex_of(b->k, said) : "";
	if (said && (!*hex || hex[strspn(hex, HEX)]))
		imp_say(im, &said->at, IMP_ERROR, "payload: not bytes in hexadecimal");
	else if (strlen(hex) > 2 * SEND_MAX)
		imp_say(im, &said->at, IMP_LOST, "payload: at most %d bytes", SEND_MAX);
	else if (said)
		y_set(im, y, "send_hex", "%s", hex);
	else if (ka_get(checker, KA_REQUIRE_REPLY))
		imp_say(im, &checker->at, IMP_LOST,
			"UDP_CHECK without payload: keepalived sends random bytes, lbd an empty datagram; see send_hex "
			"if "
			"no answer comes to that");
	else
		imp_say(im, &checker->at, IMP_NOTE,
			"UDP_CHECK without payload: keepalived sends random bytes, lbd an empty datagram");
}

/* It is compared from the first byte on; where it cannot be, an answer has to come nevertheless. */
static void put_reply(struct builder *b, const struct ka_node *said, struct y *y)
{
	struct imp *im = b->k->im;
	const char *hex = hex_of(b->k, said);
	struct lb_text t = LB_TEXT_INIT;
	if (hex[strspn(hex, HEX)]) {
		bool masked = hex[strspn(hex, HEX "xX")] == '\0';
		imp_say(im, &said->at, masked ? IMP_LOST : IMP_ERROR, "require_reply: %s; any answer passes",
			masked ? "only whole bytes are compared, see expect_regex" : "not bytes in hexadecimal");
		hex = "";
	} else if (strlen(hex) > 2 * REPLY_MAX) {
		imp_say(im, &said->at, IMP_LOST, "require_reply: at most %d bytes are compared; any answer passes",
			REPLY_MAX);
		hex = "";
	}
	lb_text_puts(&t, "\\A");
	for (; *hex; hex += 2)
		lb_text_printf(&t, "\\x%.2s", hex);
	im->oom = im->oom || t.bad;
	y_set(im, y, "expect_regex", "%s", t.s ? t.s : "");
	lb_text_done(&t);
}

static void udp(struct builder *b, const struct ka_node *checker)
{
	const struct ka_node *reply = ka_get(checker, KA_REQUIRE_REPLY);
	struct y *y = begin(b, "udp");
	if (!y)
		return;
	put_payload(b, ka_get(checker, KA_PAYLOAD), checker, y);
	if (reply)
		put_reply(b, reply, y);
	where(b, y, PORT_ANY);
	when(b, y, &(struct times){ 1, S(1), S(5), true });
}

static void plain(struct builder *b, const char *type, enum port kind)
{
	struct y *y = begin(b, type);
	if (!y)
		return;
	where(b, y, kind);
	when(b, y, &(struct times){ 1, S(1), S(5), true });
}

static void build_one(struct builder *b, const struct ka_node *n)
{
	b->chain = (struct ka_chain){ { NULL, n, b->of->rs, b->of->vs } };
	enum ka_word word = n->row ? n->row->word : KA_NONE;
	if (word == KA_TCP_CHECK)
		plain(b, "tcp", PORT_TCP);
	else if (word == KA_PING_CHECK)
		plain(b, "icmp", PORT_NONE);
	else if (word == KA_HTTP_GET || word == KA_SSL_GET)
		http(b, n, word == KA_SSL_GET);
	else if (word == KA_DNS_CHECK)
		dns(b, n);
	else if (word == KA_SMTP_CHECK)
		smtp(b, n);
	else if (word == KA_MISC_CHECK)
		misc(b, n);
	else if (word == KA_UDP_CHECK)
		udp(b, n);
}

void ka_check_build(struct ka *k, const struct ka_checked *of, struct ka_built *out)
{
	struct builder b = { .k = k, .of = of, .out = out };
	struct lb_text all = LB_TEXT_INIT;
	for (const struct ka_node *n = of->rs->child; n && !k->im->oom; n = n->next)
		build_one(&b, n);
	for (size_t i = 0; i < out->n; i++)
		lb_text_puts(&all, text_of(k, out->keys[i]));
	k->im->oom = k->im->oom || all.bad;
	out->text = imp_strn(k->im, all.s ? all.s : "", all.n);
	lb_text_done(&all);
}
