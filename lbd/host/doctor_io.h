/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lbd/host/doctor.h"

/* Looks at this host: fills what stands behind the lines in struct doctor. What cannot be read stays as if it were all
 * right, or is said where doctor_judge knows of it. Takes as long as it takes: some 20 us per backend. */
void doctor_look(struct doctor *d);
