/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where Prometheus reads: one endpoint, at the address of the configuration. */
#include "common/log_io.h"
#include "lbd/ctl/metrics_io.h"
#include "lbd/daemon.h"

static void say(enum lb_log_level level, const char *text)
{
	lb_log(level, "metrics: %s", text);
}

void daemon_metrics_model(struct daemon *d)
{
	const struct config *c = d->model->config;
	const struct metrics_server_config want = {
		.ip = c->metrics, .port = c->metrics_port, .env = &d->env, .say = say
	};
	if (!d->ctl) /* the first configuration: not before commands are answered, too */
		return;
	if (d->metrics && metrics_server_is(d->metrics, &want))
		return;
	daemon_metrics_done(d);
	if (!c->metrics.family)
		return;
	d->metrics = metrics_server_new(d->loop, &want);
	if (!d->metrics)
		say(LB_LOG_ERROR, "out of memory");
}

void daemon_metrics_done(struct daemon *d)
{
	metrics_server_free(d->metrics);
	d->metrics = NULL;
}
