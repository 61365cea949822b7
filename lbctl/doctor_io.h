/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <jansson.h>

struct session;

/* What it finds, as rows appended to an array. Returns how many of them are findings. */
size_t doctor_look(struct session *s, json_t *rows);

/* `lbctl doctor`: asks the daemon if there is one, and runs `lbd --doctor` beside it. Returns the exit status. */
int doctor_run(struct session *s);
