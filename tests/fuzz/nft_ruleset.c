/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_host */
/* Any bytes as what `nft list ruleset` prints. */
#include "lbd/host/doctor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct doctor_firewall f = { 0 };
	(void)doctor_firewall_read(&f, (const char *)data, size, 8898);
	lb_vec_done(&f.chains);
	return 0;
}
