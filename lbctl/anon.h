/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other addresses in place of the real ones, the same everywhere: what is equal stays equal, and nothing else is left
 * of them. IPv4 addresses come from 198.18.0.0/15, IPv6 from 2001:db8::/32, MACs from 02:00:00; those that mean the
 * same everywhere (0.0.0.0, loopback, multicast, masks and the like) stay. Pure.
 */
#pragma once

#include "common/buf.h"

struct anon; /* what stands for what */

struct anon *anon_new(void); /* NULL: no memory */
void anon_free(struct anon *a);

/* Appends text with its addresses replaced. Any bytes. Out of memory is the sticky error of out. */
void anon_text(struct anon *a, const char *text, size_t n, struct lb_text *out);

/* Appends text without what may be a secret: the value behind words like password, secret, token,
 * authorization, cookie, as YAML, JSON, headers or addresses of pages have it. Any bytes. */
void anon_secrets(const char *text, size_t n, struct lb_text *out);

/* Appends the text of `config show --effective` without what probes say to backends: their headers, data, arguments and
 * the query of their path. What a check sends may be a password under any name. */
void anon_config(const char *text, size_t n, struct lb_text *out);
