/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration needs of this host, and what the host lacks of it. */
#include "common/clock_io.h"
#include "common/log_io.h"
#include "lbd/daemon_rooms.h"
#include "lbd/host/host_io.h"

#include <stdio.h>
#include <string.h>

#define HOST_LOOK_MS 30000

/* The first service that has a need stands for all of them. */
static void need(struct host_needs *needs, enum host_need which, const struct config_service *s)
{
	if (!needs->service[which])
		needs->service[which] = s->name;
}

static bool pings(const struct config_check *check)
{
	return check && check->spec.type == CHECK_TYPE_ICMP;
}

void daemon_host_needs(const struct config *c, struct host_needs *needs)
{
	*needs = (struct host_needs){ .probe_gid = sandbox_gid(daemon_probe_user()) };
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		if (c->vrrp[i].virtual_mac && c->vrrp[i].priority != VRRP_PRIO_OWNER)
			needs->service[HOST_NEED_MAC] = c->vrrp[i].name;
		for (uint32_t k = 0; k < c->vrrp[i].n_tracks; k++)
			if (pings(c->vrrp[i].tracks[k].check))
				needs->service[HOST_NEED_PING_VRRP] = c->vrrp[i].name;
	}
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		need(needs, HOST_NEED_ANY, s);
		need(needs, HOST_NEED_STATS, s);
		if (c->multicast.interface[0])
			need(needs, HOST_NEED_MULTICAST, s);
		if (s->source_nat.family)
			need(needs, HOST_NEED_SNAT, s);
		if (s->flags & IPVS_FLAG_PERSISTENT)
			need(needs, HOST_NEED_PERSISTENCE, s);
		for (uint32_t k = 0; k < s->n_checks; k++)
			if (pings(s->checks[k]))
				need(needs, HOST_NEED_PING, s);
		for (uint32_t k = 0; k < s->n_backends; k++)
			if (s->backends[k].method == IPVS_METHOD_NAT)
				need(needs, lb_ip_is_v6(&s->backends[k].addr) ? HOST_NEED_NAT6 : HOST_NEED_NAT4, s);
	}
}

/* The text about a sysctl may have a number that is another one each time; what mends it stays. */
static bool known_finding(const struct host_finding *old, size_t n, const struct host_finding *f)
{
	bool sysctl = strncmp(f->fix, "sysctl ", 7) == 0;
	for (size_t i = 0; i < n; i++)
		if (sysctl ? strcmp(old[i].fix, f->fix) == 0 : strcmp(old[i].text, f->text) == 0)
			return true;
	return false;
}

/* For the alarm, which is not of advice. */
static void note_findings(struct daemon *d)
{
	const struct host_finding *first = NULL;
	size_t more = 0;
	char and[32] = "";
	for (size_t i = 0; i < d->n_findings; i++) {
		if (!d->findings[i].stops)
			continue;
		more += first != NULL;
		first = first ? first : &d->findings[i];
	}
	if (more)
		snprintf(and, sizeof(and), "; and %zu more", more);
	d->host_note[0] = '\0';
	if (first)
		snprintf(d->host_note, sizeof(d->host_note), "%s; to mend: %s%s", first->text, first->fix, and);
}

/* Read again at every apply, at every look of an operator, and from time to time: who sets the sysctls of a host anew
 * (`sysctl --system`) tells nobody. Said in the log once. */
void daemon_host_look(struct daemon *d)
{
	struct host_finding old[FINDINGS_MAX];
	size_t n_old = d->n_findings;
	memcpy(old, d->findings, sizeof(old));
	d->needs.sync = model_sync_flows(&d->sync.all) || d->model->config->multicast.interface[0];
	size_t n = host_read(&d->needs, d->findings, FINDINGS_MAX);
	d->n_findings = n < FINDINGS_MAX ? n : FINDINGS_MAX;
	if (d->nft.finding.text[0] && d->n_findings < FINDINGS_MAX)
		d->findings[d->n_findings++] = d->nft.finding;
	d->n_findings +=
		daemon_cards_absent(d->model->config, d->findings + d->n_findings, FINDINGS_MAX - d->n_findings);
	for (size_t i = 0; i < d->n_findings; i++)
		if (!known_finding(old, n_old, &d->findings[i]))
			lb_log(LB_LOG_WARNING, "%s: %s; to mend: %s", d->findings[i].object, d->findings[i].text,
				d->findings[i].fix);
	note_findings(d);
	d->host_due = lb_time_add_ms(lb_clock_now(), HOST_LOOK_MS);
}

void daemon_host_tick(struct daemon *d)
{
	if (lb_time_cmp(lb_clock_now(), d->host_due) >= 0)
		daemon_host_look(d);
}
