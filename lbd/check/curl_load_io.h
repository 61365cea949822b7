/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcurl is not linked: what calls it does so by its own names, and they are found when the first is needed. */
#pragma once

#include <stdbool.h>

/* Loads libcurl, once; says so in the log when that fails. Before the system call filter, which knows no loading. */
bool curl_load(void);
