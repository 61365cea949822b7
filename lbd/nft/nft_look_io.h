/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether our table is in the kernel: who loads a ruleset of his own mostly removes all others first. */
#pragma once

/* 1; 0: it is not there; -errno: it cannot be asked, -EINVAL and -EPROTONOSUPPORT where the kernel has no nf_tables.
 * The kernel answers at once, without any of its locks. */
int nft_look(void);
