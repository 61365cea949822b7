/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

/* json_loadb, but for one thing: when memory is out while it parses the process ends, with a line on stderr. jansson
 * 2.14 ignores that the buffer of a token could not grow, and then reads and writes beyond it. NULL: the text is no
 * JSON, and *err says why. Not for a process with threads. */
json_t *lb_json_parse(const char *text, size_t n, size_t flags, json_error_t *err);
