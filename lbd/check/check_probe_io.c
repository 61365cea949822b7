/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/clock_io.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_sched.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint32_t since_us(const struct check_probe *p, struct lb_time now)
{
	int64_t us = lb_time_diff_us(now, p->started);
	return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct check_probe *p = (struct check_probe *)((char *)timer - offsetof(struct check_probe, timer));
	int64_t left = lb_time_diff_us(p->deadline, lb_clock_now());
	if (p->early) {
		check_probe_finish(p, &p->result);
	} else if (left > 0) { /* a timer counts from the loop's time, which may have been old when it was armed */
		ev_timer_set(timer, (double)left / 1e6, 0.0);
		ev_timer_start(loop, timer);
	} else {
		p->ops->expired(p);
	}
}

void check_probe_begin(struct check_probe *p, struct lb_time now)
{
	p->started = now;
	p->deadline = lb_time_add_ms(now, p->spec->timeout_ms);
	ev_init(&p->timer, on_timer);
	/* After the loop was late, what is in the sockets is looked at before any deadline (libev: timers first). */
	ev_set_priority(&p->timer, -1);
	ev_timer_set(&p->timer, p->spec->timeout_ms / 1000.0, 0.0);
	ev_timer_start(p->loop, &p->timer);
}

void check_probe_early(struct check_probe *p, const struct check_result *r)
{
	p->early = true;
	p->result = *r;
	ev_timer_stop(p->loop, &p->timer);
	ev_feed_event(p->loop, &p->timer, EV_CUSTOM);
}

void check_probe_end(struct check_probe *p)
{
	ev_timer_stop(p->loop, &p->timer); /* also forgets a fed event */
	ev_clear_pending(p->loop, &p->timer);
}

void check_probe_finish(struct check_probe *p, const struct check_result *result)
{
	struct check_result r = *result;
	struct lb_time now = lb_clock_now();
	/* An answer after the deadline tells nothing: it may have been there in time, while we did not look. */
	if (check_late(p->deadline, now))
		check_result_set(&r, CHECK_CODE_SOCKERR, "probe ran too late");
	r.latency_us = since_us(p, now);
	check_probe_step(p, "%s: %s", check_codes[r.code].name, r.text);
	p->ops->cancel(p);
	p->done(p, &r, p->arg);
}

void check_probe_finish_code(struct check_probe *p, enum check_code code, const char *text)
{
	struct check_result r = { 0 };
	check_result_set(&r, code, text);
	check_probe_finish(p, &r);
}

void check_probe_step(struct check_probe *p, const char *fmt, ...)
{
	struct check_trace *t = p->trace;
	if (!t || t->n == CHECK_STEPS_MAX)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(t->steps[t->n].text, sizeof(t->steps[t->n].text), fmt, ap);
	va_end(ap);
	t->steps[t->n++].at_us = since_us(p, lb_clock_now());
}

static socklen_t endpoint(const struct lb_ip *ip, uint16_t port, union check_peer *out)
{
	*out = (union check_peer){ 0 };
	if (lb_ip_is_v6(ip)) {
		out->in6.sin6_family = AF_INET6;
		out->in6.sin6_port = htons(port);
		memcpy(&out->in6.sin6_addr, ip->b, 16);
		return sizeof(out->in6);
	}
	out->in.sin_family = AF_INET;
	out->in.sin_port = htons(port);
	memcpy(&out->in.sin_addr, ip->b, 4);
	return sizeof(out->in);
}

socklen_t check_probe_peer(const struct check_spec *s, union check_peer *out)
{
	return endpoint(&s->addr, s->port, out);
}

/* Without a port, and told so: it is chosen at connect, when the kernel knows the other end and may take one that is
 * in use towards somebody else. */
static int bind_source(int fd, const struct lb_ip *source)
{
	union check_peer from;
	socklen_t len = endpoint(source, 0, &from);
	int on = 1;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, &from.any, len) ? -errno : 0;
}

int check_probe_socket(const struct check_spec *s, int type, int protocol)
{
	int family = lb_ip_is_v6(&s->addr) ? AF_INET6 : AF_INET, rc = 0;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -errno;
	const char *interface = check_param(&s->params, CHECK_PARAM_INTERFACE);
	if (interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)))
		rc = -errno;
	if (rc == 0 && s->source.family)
		rc = bind_source(fd, &s->source);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
