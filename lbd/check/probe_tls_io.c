/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TLS probe: a handshake and the check of the certificate, without a word inside. */
#include "lbd/check/check_result.h"
#include "lbd/check/curl_link_io.h"

struct tls {
	struct check_probe probe;
	struct curl_link link;
};

static void tls_cancel(struct check_probe *p)
{
	struct tls *t = (struct tls *)p;
	check_probe_end(p);
	curl_link_end(&t->link);
}

static void on_done(struct curl_link *k, CURLcode rc)
{
	bool verify = check_param_num(&k->probe->spec->params, CHECK_PARAM_TLS_VERIFY, 1) != 0;
	struct check_result r = { 0 };
	if (rc == CURLE_OK)
		check_result_set(&r, CHECK_CODE_L6OK, verify ? "handshake done, certificate good" : "handshake done");
	else
		curl_link_failed(k, rc, &r);
	check_probe_finish(k->probe, &r);
}

static void tls_expired(struct check_probe *p)
{
	const struct tls *t = (struct tls *)p;
	enum check_phase phase = curl_link_phase(&t->link);
	struct check_result r = { 0 };
	check_curl_expired(phase == CHECK_PHASE_TALK ? CHECK_PHASE_TLS : phase, "", &r);
	check_probe_finish(p, &r);
}

static int tls_start(struct check_probe *p, struct lb_time now)
{
	struct tls *t = (struct tls *)p;
	t->link.done = on_done;
	return curl_link_open(&t->link, p, now, true);
}

const struct check_ops check_tls_ops = { sizeof(struct tls), tls_start, tls_cancel, tls_expired };
