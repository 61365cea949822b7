/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces that the configuration names and that do not exist, or have another name. It may be right to name
 * one that comes later, so that is no error; but until it comes nobody would say why a node never has its addresses.
 */
#include "common/interface_io.h"
#include "lbd/daemon.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Each text once. Returns how many there are now. */
static size_t add(const char *instance, const char *name, bool tracked, struct host_finding *out, size_t n, size_t max)
{
	struct host_finding f = { 0 };
	char real[IF_NAMESIZE];
	int index = n == max || !name[0] ? -EINVAL : lb_interface(name);
	if (index == 0)
		host_no_interface(instance, name, tracked, &f);
	else if (index > 0 && !tracked && if_indextoname((unsigned)index, real) && strcmp(name, real) != 0)
		host_other_name(instance, name, real, &f); /* a track asks the kernel by name, which takes both */
	else
		return n; /* what cannot be asked may well exist */
	for (size_t i = 0; i < n; i++)
		if (strcmp(out[i].text, f.text) == 0)
			return n;
	out[n] = f;
	return n + 1;
}

size_t daemon_cards_absent(const struct config *c, struct host_finding *out, size_t max)
{
	size_t n = 0;
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		n = add(c->vrrp[i].name, c->vrrp[i].interface, false, out, n, max);
	for (uint32_t i = 0; i < c->n_vrrp; i++)
		for (uint32_t k = 0; k < c->vrrp[i].n_tracks; k++)
			if (c->vrrp[i].tracks[k].type == CONFIG_TRACK_INTERFACE &&
				strcmp(c->vrrp[i].tracks[k].name, c->vrrp[i].interface) != 0)
				n = add(c->vrrp[i].name, c->vrrp[i].tracks[k].name, true, out, n, max);
	return n;
}

void daemon_cards_note(const struct config *c, char *out, size_t size)
{
	struct host_finding f[FINDINGS_MAX];
	size_t n = daemon_cards_absent(c, f, FINDINGS_MAX);
	char more[40] = "";
	out[0] = '\0';
	if (n > 1)
		snprintf(more, sizeof(more), " (and %zu more)", n - 1);
	if (n)
		snprintf(out, size, "%s: %s%s", f[0].object, f[0].text, more);
}
