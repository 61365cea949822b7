/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/import/ka.h"
void ka_vrrp(struct ka *k)
{
	(void)k;
}
