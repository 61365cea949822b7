/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a file before libyaml sees them. libyaml 0.2.5 lets NUL through, reads UTF-16 and takes quadratic time
 * on some inputs (long runs of blanks inside long text, many directives); all of that is refused here. */
#pragma once

#include "lbd/config/config_report.h"

struct config_scan {
	const char *text;
	size_t len, off;
	uint32_t file;
	size_t words, blanks, breaks; /* words so far; the run of blanks and of line breaks at off */
	bool wide;                    /* some character has more than one byte */
	size_t run_max, run_at;       /* the longest run of either kind and where it ends */
};

void config_scan_init(struct config_scan *s, uint32_t file, const struct config_source *source);

/* Looks at about `bytes` bytes more. 1 more is left, 0 the file is fine, -1 it is not and the report says why. */
int config_scan_step(struct config_scan *s, size_t bytes, struct config_report *r);

/* The byte at a character of a file that passed the scan; 0 past the end. */
char config_scan_byte(const struct config_scan *s, size_t offset);

/* After the end of the document only comments may follow. offset is in characters, as libyaml counts. 0 or -1. */
int config_scan_rest(const struct config_scan *s, size_t offset, struct config_report *r);
