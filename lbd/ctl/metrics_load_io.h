/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libmicrohttpd is not linked but loaded, by the core, when somebody comes to read metrics for the first time: it
 * brings nine libraries (GnuTLS and what that needs) into a process, and every room runs the same binary. */
#pragma once

#include <microhttpd.h>

#define METRICS_MHD_ROWS(ROW)                                                                                          \
	ROW(start_daemon)                                                                                              \
	ROW(stop_daemon)                                                                                               \
	ROW(run)                                                                                                       \
	ROW(get_timeout)                                                                                               \
	ROW(get_daemon_info)                                                                                           \
	ROW(get_connection_info)                                                                                       \
	ROW(add_connection)                                                                                            \
	ROW(create_response_from_callback)                                                                             \
	ROW(create_response_from_buffer)                                                                               \
	ROW(add_response_header)                                                                                       \
	ROW(queue_response)                                                                                            \
	ROW(destroy_response)

#define METRICS_MHD_POINTER(name) __typeof__(&MHD_##name) name;
struct metrics_mhd {
	METRICS_MHD_ROWS(METRICS_MHD_POINTER)
};

/* NULL: it cannot be had, *why says why (static, or of the loader). Looked for until it is found. */
const struct metrics_mhd *metrics_mhd(const char **why);
