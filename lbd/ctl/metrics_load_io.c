/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ctl/metrics_load_io.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

/* The name is its binary interface. */
#define MHD_LIBRARY "libmicrohttpd.so.12"

static struct metrics_mhd real;

#define METRICS_MHD_ROW(name) { "MHD_" #name, (void **)(void *)&real.name },

static const struct {
	const char *name;
	void **at;
} rows[] = { METRICS_MHD_ROWS(METRICS_MHD_ROW) };

const struct metrics_mhd *metrics_mhd(const char **why)
{
	static bool loaded;
	if (loaded)
		return &real;
	/* for the rest of the process: GnuTLS leaves handlers that run at its end */
	void *lib = dlopen(MHD_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	loaded = lib != NULL;
	for (size_t i = 0; loaded && i < sizeof(rows) / sizeof(rows[0]); i++) {
		*rows[i].at = dlsym(lib, rows[i].name);
		loaded = *rows[i].at != NULL;
	}
	if (!loaded)
		*why = dlerror();
	return loaded ? &real : NULL;
}
