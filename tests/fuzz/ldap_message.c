/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_check */
/* Any bytes as LDAP messages. A message is as long as it says, and a prefix of a good one is never a good one. */
#include "lbd/check/check_ldap.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct check_ldap_msg m, again;
	for (long n; (n = check_ldap_read(data, size, 4096, &m)) > 0; data += n, size -= (size_t)n)
		if ((size_t)n > size || n > 4096 || check_ldap_read(data, (size_t)n - 1, 4096, &again) > 0)
			abort();
	return 0;
}
