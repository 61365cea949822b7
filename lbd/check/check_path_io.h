/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the path of a program to a descriptor that may be executed: what is judged is what will run, whatever happens
 * to the path meanwhile.
 *
 * The path is walked one component at a time, each looked up in the descriptor of the one before. Every directory on
 * the way and the program itself must be owned by root and writable by nobody else, so that only root chooses what
 * runs; /tmp is therefore refused. A symbolic link is followed by the same rules: only root can have put it there,
 * because its directory was judged, and where it points to is walked like the rest.
 */
#pragma once

#include "lbd/check/check_types.h"

/* A descriptor (O_PATH, close-on-exec) of an executable regular file, or -1 and the reason in *r: PROCERR naming the
 * place that must be mended, SOCKERR when we were out of descriptors or memory. */
int check_path_open(const char *path, struct check_result *r);
