/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/sync_io.h"

#include "common/err.h"
#include "common/log_io.h"
#include "lbd/sync/sync_within_io.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define FRAMES_PER_TURN 32

/* ---- what the cores say to each other ---- */

static bool on_talk(const struct sync_talk *t, void *arg)
{
	struct sync_room *r = arg;
	const struct sync_room_msg m = { .type = SYNC_MSG_TALK_IN,
		.u.talk = { .id = t->id, .flags = t->flags, .text = t->text, .n = t->n } };
	if (!r->talks.said)
		sync_room_tell_talk(r); /* HELLO and this came in one turn */
	if (!sync_talks_came(&r->talks, r->base.now) || lb_room_pending(&r->base) > SYNC_TALK_PENDING)
		return false;
	if (r->talks.link)
		sync_room_send(r, &m);
	return true;
}

static bool on_talk_out(struct lb_writer *w, void *arg)
{
	struct sync_room *r = arg;
	return sync_talks_next(&r->talks, w);
}

static void talk(struct sync_room *r, const struct sync_msg_talk *m)
{
	const struct sync_talk t = { .id = m->id, .flags = m->flags, .n = (uint16_t)m->n, .text = m->text };
	int err = r->conf ? sync_talks_put(&r->talks, m->link, &t) : 0;
	if (!err)
		return;
	/* the peer would miss a piece of it and not know */
	lb_log(LB_LOG_ERROR, "what the cores say to each other: %s", strerror(-err));
	sync_link_end(&r->link, SYNC_WHY_PROTOCOL, r->base.now);
}

/* ---- the link ---- */

static enum sync_why why_of(enum tls_reason t)
{
	switch (t) {
	case TLS_REASON_KEY: return SYNC_WHY_KEY;
	case TLS_REASON_TIMEOUT: return SYNC_WHY_SILENT;
	case TLS_REASON_NONE:
	case TLS_REASON_REFUSED:
	case TLS_REASON_UNREACHABLE:
	case TLS_REASON_CLOSED:
	case TLS_REASON_PROTOCOL:
	case TLS_REASON_REPLACED:
	case TLS_REASON_OURS: break;
	}
	return SYNC_WHY_CLOSED;
}

static void on_up(void *arg)
{
	struct sync_room *r = arg;
	r->transport = TLS_REASON_NONE;
	r->transport_text[0] = '\0';
	r->look = true;
	sync_link_up(&r->link, r->base.now);
	sync_room_tell_talk(r); /* it took the place of one that talked */
}

static void on_down(enum tls_reason why, const char *text, void *arg)
{
	struct sync_room *r = arg;
	r->transport = why;
	snprintf(r->transport_text, sizeof(r->transport_text), "%s", text);
	r->look = true;
	sync_link_down(&r->link, why_of(why), r->base.now);
	sync_room_tell_talk(r); /* before the next one can be up */
}

static void on_frame(const uint8_t *p, size_t n, void *arg)
{
	struct sync_room *r = arg;
	r->look = true;
	(void)sync_link_frame(&r->link, p, n, r->base.now); /* that it is over is seen before the loop sleeps */
}

static void on_can_write(void *arg)
{
	(void)arg; /* the turn ends with a look at what there is to say */
}

static const struct tls_calls tls_calls = { on_up, on_down, on_frame, on_can_write };

static int on_flow(const struct flow *flow, const struct sync_from *from, void *arg)
{
	struct sync_room *r = arg;
	if (!sync_is_news(flow_table_find(r->kernel.table, &flow->key), from, r->base.now))
		return 1;
	return sync_kernel_peer(&r->kernel, flow, r->base.now);
}

static int on_conntrack(const uint8_t *p, size_t n, void *arg)
{
	struct sync_room *r = arg;
	return sync_ct_peer(&r->ct, p, n, &r->link.in[SYNC_STREAM_CONNTRACK], r->base.now);
}

/* Whatever there is to say, as far as it can be carried. True: there may be more. */
static bool say(struct sync_room *r)
{
	for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
		struct lb_writer w = { r->frame, r->frame + sizeof(r->frame), false };
		if (tls_link_room(r->tls) < sizeof(r->frame) || sync_link_produce(&r->link, &w, r->base.now) <= 0)
			return false;
		if (tls_link_send(r->tls, r->frame, (size_t)(w.p - r->frame)))
			return false;
	}
	return true;
}

static void end_link(struct sync_room *r)
{
	enum sync_why why = r->link.why;
	(void)say(r); /* the reason */
	tls_link_drop(r->tls, why == SYNC_WHY_SILENT);
	sync_link_down(&r->link, why, r->base.now);
	sync_room_tell_talk(r);
	r->look = true;
}

/* ---- a look at the kernel ---- */

static void on_look(void *arg)
{
	struct sync_room *r = arg;
	sync_look_want(&r->at_kernel);
}

static void on_look_want(void *arg)
{
	sync_room_send(arg, &(struct sync_room_msg){ .type = SYNC_MSG_LOOK_WANT });
}

static void on_theirs(void *arg)
{
	struct sync_room *r = arg;
	sync_out_found(&r->link.out[SYNC_STREAM_IPVS]);
}

void sync_room_found(void *room)
{
	struct sync_room *r = room;
	sync_link_onward(&r->link, SYNC_STREAM_CONNTRACK);
}

/* The nodes take a new configuration one after the other. */
void sync_room_missed(void *room)
{
	struct sync_room *r = room;
	sync_link_ask(&r->link, SYNC_STREAM_CONNTRACK);
}

static void tell_looked(struct sync_room *r)
{
	sync_room_send(r, &(struct sync_room_msg){ .type = SYNC_MSG_LOOK_END, .u.looked = r->looked });
	r->looked = (struct conn_looked){ .id = 0 };
}

static void on_looked(const struct conn_looked *l, void *arg)
{
	struct sync_room *r = arg;
	r->look = true; /* whether everything was sent */
	if (l->found)
		sync_link_onward(&r->link, SYNC_STREAM_IPVS);
	r->looked = *l;
	r->looked_to[SYNC_STREAM_IPVS] = flow_table_last(r->kernel.table);
	r->looked_to[SYNC_STREAM_CONNTRACK] = r->ct.conf ? flow_table_last(r->ct.table) : 0;
	if (l->err || !l->id)
		tell_looked(r);
}

/* Who waits hears of it when the peer has acknowledged; or at once where there is no link that could carry it. */
static void look_at_looked(struct sync_room *r)
{
	if (!r->looked.id)
		return;
	if (!r->tls || r->link.state != SYNC_LINK_OPEN)
		r->looked.err = ENOTCONN;
	for (unsigned k = 0; k < SYNC_KIND_COUNT && !r->looked.err; k++) {
		enum sync_stream s = sync_room_streams[k];
		if (k == SYNC_CONNTRACK && sync_room_stopped(r, SYNC_CONNTRACK)) /* nobody wants it to be there */
			continue;
		if (!sync_link_has(&r->link, s, r->looked_to[s]))
			return;
	}
	tell_looked(r);
}

static void arm(struct sync_room *r, bool more)
{
	struct lb_time next = r->tls ? sync_link_deadline(&r->link, r->base.now) : LB_TIME_NEVER;
	double after = (double)lb_time_diff_us(next, r->base.now) / 1e6;
	ev_timer_stop(r->base.loop, &r->deadline);
	if (after < 60.0) {
		ev_timer_set(&r->deadline, after > 0.0 ? after : 0.0, 0.0);
		ev_timer_start(r->base.loop, &r->deadline);
	}
	if (more)
		ev_idle_start(r->base.loop, &r->more);
	else
		ev_idle_stop(r->base.loop, &r->more);
}

static void on_deadline(struct ev_loop *loop, ev_timer *ev, int events)
{
	(void)loop, (void)events;
	struct sync_room *r = ev->data;
	r->look = true;
	(void)sync_link_tick(&r->link, r->base.now);
}

static void on_more(struct ev_loop *loop, ev_idle *ev, int events)
{
	(void)loop, (void)ev, (void)events; /* its only use is that the loop turns */
}

/* Before the loop sleeps. */
static void on_flush(void *arg)
{
	struct sync_room *r = arg;
	bool more = false;
	if (!r->conf && r->look)
		sync_room_tell_state(r);
	if (!r->conf)
		return;
	sync_conn_turn(r->conn);
	more |= sync_kernel_turn(&r->kernel);
	more |= sync_ct_turn(&r->ct);
	if (r->tls && tls_link_up(r->tls))
		more |= say(r);
	if (r->tls && r->link.state == SYNC_LINK_OVER)
		end_link(r);
	const struct sync_out *ct = &r->link.out[SYNC_STREAM_CONNTRACK];
	sync_ct_reached(&r->ct, ct->sent, sync_out_heard(ct));
	look_at_looked(r);
	sync_room_tell_talk(r);
	if (r->look)
		sync_room_tell_state(r);
	arm(r, more);
}

static void link_close(struct sync_room *r)
{
	if (!r->tls)
		return;
	sync_link_end(&r->link, SYNC_WHY_SHUTDOWN, r->base.now);
	if (tls_link_up(r->tls))
		(void)say(r);
	tls_link_free(r->tls);
	r->tls = NULL;
	for (unsigned k = 0; k < SYNC_KIND_COUNT; k++)
		sync_room_count(r, (enum sync_kind)k, &r->before[k]);
	for (unsigned s = 0; s < SYNC_STREAM_COUNT; s++)
		r->had[s] = sync_link_had(&r->link, (enum sync_stream)s);
	sync_link_done(&r->link);
	r->link = (struct sync_link){ .state = SYNC_LINK_DOWN };
	sync_flow_source_done(&r->ct_source);
	sync_room_tell_talk(r);
}

/* ---- the configuration ---- */

static void tls_conf_of(const struct sync_conf *c, uint32_t seed, struct tls_conf *out)
{
	*out = (struct tls_conf){ .cluster = c->cluster, .port = c->port, .n_paths = c->n_paths, .seed = seed };
	memcpy(out->self, c->self, sizeof(out->self));
	memcpy(out->peer, c->peer, sizeof(out->peer));
	for (uint32_t i = 0; i < c->n_paths; i++)
		out->paths[i] = c->paths[i];
	out->keys[0].n = c->key_n;
	memcpy(out->keys[0].bytes, c->key, c->key_n);
}

static int link_open(struct sync_room *r)
{
	struct tls_conf tls;
	const struct sync_conf *c = r->conf;
	struct sync_link_conf link = { .epoch = r->epoch,
		.version_min = SYNC_VERSION_MIN,
		.version_max = SYNC_VERSION_MAX,
		.rate = c->rate,
		.config = c->config,
		.generation = c->generation,
		.flows = r->kernel.table,
		.calls = { .flow = on_flow, .talk = on_talk, .talk_out = on_talk_out, .arg = r } };
	if (r->ct.conf) {
		sync_ct_source_init(&r->ct_source, r->ct.table);
		link.conntrack = &r->ct_source.source;
		link.calls.conntrack = on_conntrack;
	}
	memcpy(link.had, r->had, sizeof(link.had));
	memcpy(link.self, c->self, sizeof(link.self));
	memcpy(link.peer, c->peer, sizeof(link.peer));
	sync_link_init(&r->link, &link, r->base.now);
	tls_conf_of(c, (uint32_t)(r->epoch >> 32), &tls);
	r->tls = tls_link_new(r->base.loop, &tls, &tls_calls, r);
	explicit_bzero(&tls, sizeof(tls));
	r->transport = TLS_REASON_NONE;
	r->transport_text[0] = '\0';
	return r->tls ? 0 : -ENOMEM;
}

/* With whom, what of, and how: whatever else changes, the link stays. */
static bool same_peer(const struct sync_conf *a, const struct sync_conf *b)
{
	return a->cluster == b->cluster && a->port == b->port && a->key_n == b->key_n && a->n_paths == b->n_paths &&
	       strcmp(a->self, b->self) == 0 && strcmp(a->peer, b->peer) == 0 &&
	       sync_conf_tracks(a) == sync_conf_tracks(b) && memcmp(a->key, b->key, a->key_n) == 0 &&
	       memcmp(a->paths, b->paths, sizeof(a->paths)) == 0;
}

static void conf_free(struct sync_conf *c)
{
	if (c)
		sync_conf_done(c);
	free(c);
}

/* As the core does: of another peer, and of what is not copied any more, nothing is known. */
static void forget_counts(struct sync_room *r, const struct sync_conf *old)
{
	if (old && strcmp(old->peer, r->conf->peer) != 0) {
		memset(r->before, 0, sizeof(r->before));
		memset(r->had, 0, sizeof(r->had));
		r->ct.reach = (struct ct_reach){ 0 };
	}
	if (!sync_conf_tracks(r->conf)) {
		r->before[SYNC_CONNTRACK] = (struct sync_counts){ 0 };
		r->had[SYNC_STREAM_CONNTRACK] = (struct sync_had){ 0 };
	}
}

/* Takes it over. */
static int set(struct sync_room *r, struct sync_conf *conf)
{
	struct sync_conf *old = r->conf;
	bool same = old && same_peer(old, conf), alone = conf->n_paths == 0;
	r->conf = conf;
	r->look = true;
	if (!same)
		link_close(r);
	forget_counts(r, old);
	sync_kernel_conf(&r->kernel, conf);
	int err = sync_ct_conf(&r->ct, conf);
	if (same && !alone) {
		sync_link_set_rate(&r->link, conf->rate, r->base.now);
		sync_link_set_config(&r->link, conf->config, conf->generation);
	}
	conf_free(old);
	if (!err && !same && !alone)
		err = link_open(r);
	for (unsigned k = 0; k < SYNC_KIND_COUNT && r->tls; k++)
		sync_link_pause(&r->link, sync_room_streams[k], conf->paused[k]);
	return err;
}

/* The state says that it was done, where there is nothing to do, too. */
static void run(struct sync_room *r, const struct sync_msg_do *d)
{
	r->order = d->number;
	r->look = true;
	for (unsigned k = 0; k < SYNC_KIND_COUNT && r->tls; k++) {
		if (!d->kinds[k])
			continue;
		switch (d->what) {
		case SYNC_DO_RESYNC:
			sync_link_resync(&r->link, sync_room_streams[k], r->base.now);
			if (k == SYNC_IPVS)
				sync_kernel_again(&r->kernel);
			else
				sync_ct_again(&r->ct);
			break;
		case SYNC_DO_PAUSE: sync_link_pause(&r->link, sync_room_streams[k], true); break;
		case SYNC_DO_RESUME: sync_link_pause(&r->link, sync_room_streams[k], false); break;
		}
	}
}

/* ---- from the core ---- */

static int hello(struct sync_room *r, const struct lb_msg_hello *h)
{
	const struct sync_room_msg m = { .type = SYNC_MSG_READY,
		.u.ready = { .version = LB_PROTO_VERSION, .pid = (int32_t)getpid() } };
	int err = lb_room_hello(&r->base, h);
	if (!err)
		sync_room_send(r, &m);
	return err;
}

static int dispatch(struct sync_room *r, struct sync_room_msg *m)
{
	if (m->type != SYNC_MSG_HELLO && !r->base.greeted)
		return -EPROTO;
	switch (m->type) {
	case SYNC_MSG_HELLO: return hello(r, &m->u.hello);
	case SYNC_MSG_SET: {
		struct sync_conf *conf = m->u.set;
		m->u.set = NULL;
		return set(r, conf);
	}
	case SYNC_MSG_DO: run(r, &m->u.run); return 0;
	case SYNC_MSG_MULTICAST:
		sync_multicast_set(&r->multicast, &m->u.multicast);
		r->look = true;
		return 0;
	case SYNC_MSG_LOG: lb_log_set_level(m->u.log); return 0;
	case SYNC_MSG_PING: sync_room_pong(r, m->u.ping); return 0;
	case SYNC_MSG_CONN_LIST:
	case SYNC_MSG_CONN_MORE:
	case SYNC_MSG_CONN_STOP:
	case SYNC_MSG_CONN_KILL: return sync_conn_take(r->conn, m, r->base.now);
	case SYNC_MSG_CONN_BIND: sync_kernel_rows(&r->kernel, &m->u.conn_ask.filter); return 0;
	case SYNC_MSG_TALK_OUT: talk(r, &m->u.talk); return 0;
	case SYNC_MSG_LOOK_WAYS: return sync_look_ways(&r->at_kernel, &m->u.ways);
	case SYNC_MSG_READY:
	case SYNC_MSG_STATE:
	case SYNC_MSG_STATS:
	case SYNC_MSG_TALK_LINK:
	case SYNC_MSG_TALK_IN:
	case SYNC_MSG_PONG:
	case SYNC_MSG_CONN_ROWS:
	case SYNC_MSG_CONN_END:
	case SYNC_MSG_LOOK_WANT:
	case SYNC_MSG_LOOK_END: break;
	}
	return -EPROTO;
}

static int on_line(const json_t *line, struct lb_err *e, void *arg)
{
	struct sync_room_msg m;
	int rc = sync_room_msg_read_sync(line, &m);
	if (rc)
		return rc;
	rc = dispatch(arg, &m);
	if (rc)
		snprintf(e->text, sizeof(e->text), "%s at the wrong time or of another version",
			sync_room_msg_name(m.type));
	sync_room_msg_done(&m);
	return rc;
}

/* ---- the process ---- */

static void on_changed(void *arg)
{
	(void)arg; /* the turn ends with a look at what there is to say */
}

static void on_troubled(void *arg)
{
	struct sync_room *r = arg;
	r->look = true;
}

static const struct lb_room_calls room_calls = { .line = on_line, .flush = on_flush };

void sync_worker_prepare(int helper)
{
	(void)helper;
	sync_conn_prepare();
	sync_look_prepare();
	if (tls_prepare())
		return;
	/* libcrypto does not try again what failed at its first use: the next process may be luckier */
	lb_log(LB_LOG_ERROR, "the TLS library does not work (no memory, or it is not whole): flows are not copied");
	_exit(1);
}

static int room_open(struct sync_room *r, int fd, void (*alive)(void))
{
	uint64_t random[2] = { 1, 1 };
	int err = lb_room_open(&r->base, fd, alive, &room_calls, r);
	if (err)
		return err;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	r->epoch = random[0] | 1;
	r->kernel.alive = alive;
	r->kernel.changed = on_changed;
	r->kernel.troubled = on_troubled;
	r->kernel.look = on_look;
	r->kernel.arg = r->ct.arg = r->multicast.arg = r;
	r->ct.changed = on_changed;
	r->ct.troubled = on_troubled;
	r->ct.found = sync_room_found;
	r->ct.missed = sync_room_missed;
	r->ct.seed = random[1];
	r->multicast.troubled = on_troubled;
	sync_multicast_open(&r->multicast, r->base.loop);
	r->deadline.data = r->more.data = r;
	ev_timer_init(&r->deadline, on_deadline, 0.0, 0.0);
	ev_idle_init(&r->more, on_more);
	ev_set_priority(&r->more, EV_MINPRI);
	r->at_kernel.kernel = &r->kernel;
	r->at_kernel.want = on_look_want;
	r->at_kernel.ended = on_looked;
	r->at_kernel.theirs = on_theirs;
	r->at_kernel.arg = r;
	sync_look_open(&r->at_kernel, r->base.loop);
	sync_ct_open(&r->ct, r->base.loop);
	r->conn = sync_conn_new(r->base.loop, &r->kernel, sync_room_say, r);
	return r->conn ? sync_kernel_open(&r->kernel, r->base.loop, random[1]) : -ENOMEM;
}

/* The devices go when the core ended in order, and when it was killed: whoever follows makes them again. What is in the
 * kernel's table stays there. */
int sync_worker_main(int channel_fd, void (*alive)(void))
{
	struct sync_room *r = calloc(1, sizeof(*r));
	if (!r)
		return 1;
	/* who ends this process closes the channel: the peer is told, and the devices go */
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	int err = room_open(r, channel_fd, alive);
	if (err)
		lb_log(LB_LOG_ERROR, "cannot begin: %s", strerror(-err));
	else
		lb_room_run(&r->base);
	link_close(r);
	sync_conn_free(r->conn);
	sync_look_close(&r->at_kernel);
	sync_ct_close(&r->ct);
	sync_multicast_close(&r->multicast, r->base.status == 0);
	sync_kernel_close(&r->kernel, r->base.status == 0);
	conf_free(r->conf);
	sync_talks_done(&r->talks);
	lb_text_done(&r->told);
	int status = lb_room_close(&r->base);
	free(r);
	return status;
}
