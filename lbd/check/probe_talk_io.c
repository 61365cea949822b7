/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SMTP, IMAP, POP3, FTP and LDAP probes: libcurl opens the connection and makes it a TLS one, at once or in the
 * middle (STARTTLS); check_talk says what to send and what an answer means.
 */
#include "lbd/check/check_conn_io.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_talk.h"
#include "lbd/check/curl_link_io.h"

#include <stddef.h>
#include <string.h>

struct talk {
	struct check_probe probe;
	struct curl_link link;
	ev_io io; /* while the two talk; before, libcurl watches */
	bool open;
	size_t sent;
	struct check_talk talk;
};

static void go_on(struct talk *t, enum check_talk_next next);

static void talk_cancel(struct check_probe *p)
{
	struct talk *t = (struct talk *)p;
	check_probe_end(p);
	ev_io_stop(p->loop, &t->io);
	curl_link_end(&t->link);
}

static void watch(struct talk *t, int events)
{
	ev_io_stop(t->probe.loop, &t->io);
	ev_io_set(&t->io, curl_link_fd(&t->link), events);
	ev_io_start(t->probe.loop, &t->io);
}

static void fails(struct talk *t, CURLcode rc)
{
	struct check_result r = { 0 };
	curl_link_failed(&t->link, rc, &r);
	check_probe_finish(&t->probe, &r);
}

/* true: all of it is out. false: the socket is full, or the probe has ended. */
static bool send_out(struct talk *t)
{
	while (t->sent < t->talk.out_n) {
		size_t n = 0;
		CURLcode rc = curl_easy_send(t->link.easy, t->talk.out + t->sent, t->talk.out_n - t->sent, &n);
		if (rc == CURLE_AGAIN) {
			watch(t, EV_WRITE);
			return false;
		}
		if (rc) {
			fails(t, rc);
			return false;
		}
		t->sent += n;
	}
	t->talk.out_n = t->sent = 0;
	watch(t, EV_READ);
	return true;
}

/* Until the socket is empty: what TLS has already decrypted wakes nobody. The dialogue's own limit bounds it. */
static void read_some(struct talk *t)
{
	char piece[4096];
	enum check_talk_next next = CHECK_TALK_READ;
	while (next == CHECK_TALK_READ) {
		size_t n = 0;
		CURLcode rc = curl_easy_recv(t->link.easy, piece, sizeof(piece), &n);
		if (rc == CURLE_AGAIN)
			return;
		if (rc) {
			fails(t, rc);
			return;
		}
		if (n == 0) {
			struct check_result r = { 0 };
			check_talk_closed(&t->talk, &r);
			check_probe_finish(&t->probe, &r);
			return;
		}
		next = check_talk_feed(&t->talk, piece, n);
	}
	go_on(t, next);
}

static void finish(struct talk *t)
{
	struct check_result r = t->talk.result;
	check_talk_bye(&t->talk);
	size_t n = 0;
	/* best effort: what does not fit at once is not said */
	if (curl_easy_send(t->link.easy, t->talk.out, t->talk.out_n, &n) == CURLE_OK)
		curl_link_keep_sent(&t->link);
	check_probe_finish(&t->probe, &r);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	struct talk *t = (struct talk *)((char *)io - offsetof(struct talk, io));
	if (!check_conn_watched(&t->probe, events))
		return;
	if (t->talk.out_n == 0 || send_out(t))
		read_some(t);
}

static void on_done(struct curl_link *k, CURLcode rc)
{
	struct talk *t = (struct talk *)k->probe;
	const struct check_params *p = &t->probe.spec->params;
	if (rc) {
		fails(t, rc);
		return;
	}
	if (t->open) {
		go_on(t, check_talk_secured(&t->talk));
		return;
	}
	const char *mode = check_param(p, CHECK_PARAM_TLS_MODE);
	t->open = true;
	go_on(t, check_talk_open(&t->talk, t->probe.spec->type, mode && strcmp(mode, "starttls") == 0,
			 check_param(p, CHECK_PARAM_PATH)));
}

static void secure(struct talk *t)
{
	struct curl_link plain = t->link;
	check_probe_step(&t->probe, "TLS starts");
	ev_io_stop(t->probe.loop, &t->io);
	int rc = curl_link_secure(&t->link, &plain);
	if (rc == 0)
		rc = curl_link_go(&t->link);
	if (rc) {
		struct check_result r = { 0 };
		check_result_errno(&r, CHECK_CODE_SOCKERR, -rc);
		check_probe_finish(&t->probe, &r);
	}
}

static void go_on(struct talk *t, enum check_talk_next next)
{
	switch (next) {
	case CHECK_TALK_READ: watch(t, EV_READ); return;
	case CHECK_TALK_SEND:
		check_probe_step(&t->probe, "sends %s", check_talk_about(&t->talk));
		send_out(t);
		return;
	case CHECK_TALK_TLS: secure(t); return;
	case CHECK_TALK_END: finish(t); return;
	}
}

static void talk_expired(struct check_probe *p)
{
	struct talk *t = (struct talk *)p;
	struct check_result r = { 0 };
	char text[CHECK_TEXT_MAX] = "connected, no greeting";
	if (t->open)
		check_talk_waiting(&t->talk, text);
	check_curl_expired(curl_link_phase(&t->link), text, &r);
	check_probe_finish(p, &r);
}

static int talk_start(struct check_probe *p, struct lb_time now)
{
	struct talk *t = (struct talk *)p;
	const char *mode = check_param(&p->spec->params, CHECK_PARAM_TLS_MODE);
	ev_init(&t->io, on_io);
	t->link.done = on_done;
	return curl_link_open(&t->link, p, now, mode && strcmp(mode, "implicit") == 0);
}

const struct check_ops check_talk_ops = { sizeof(struct talk), talk_start, talk_cancel, talk_expired };
