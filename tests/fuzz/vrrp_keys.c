/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBS: lbd_vrrp */
/* Any bytes as a key file. What is refused changes nothing and tells nothing of a key; what is taken and written again
 * is read as the same, and its digits stand in the input. */
#include "common/buf.h"
#include "lbd/vrrp/vrrp_auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* No eight characters in a row of what was read are in what is said of it, unless they are words of ours. */
static void tells_nothing(const char *said, const char *data, size_t size)
{
	for (const char *s = said; *s; s++)
		must(*s >= 0x20 && *s < 0x7f);
	for (size_t i = 0; i + 8 <= size; i++) {
		bool digits = true;
		for (size_t j = i; j < i + 8; j++)
			digits = digits && strchr("0123456789abcdefABCDEF", data[j]) && data[j];
		must(!digits || !memmem(said, strlen(said), data + i, 8));
	}
}

/* By other means than the reader's, which is wrong in the same way twice. */
static void stands_in(const char *digits, const uint8_t *data, size_t size)
{
	for (size_t at = 0, n = strlen(digits); at + n <= size; at++)
		if (strncasecmp((const char *)data + at, digits, n) == 0)
			return;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_auth a, b;
	struct lb_err e = { .text = "" };
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.mode = b.mode = VRRP_AUTH_ENFORCE;
	const struct vrrp_auth before = a;
	if (vrrp_auth_keys(&a, (const char *)data, size, &e)) {
		must(e.code == LB_CODE_INVALID && memcmp(&a, &before, sizeof(a)) == 0);
		tells_nothing(e.text, (const char *)data, size);
		return 0;
	}
	struct lb_text t = LB_TEXT_INIT;
	must(a.n_keys >= 1 && a.n_keys <= VRRP_KEYS_MAX && a.mode == VRRP_AUTH_ENFORCE);
	for (size_t i = 0; i < a.n_keys; i++) {
		must(a.keys[i].id && a.keys[i].n >= VRRP_KEY_MIN && a.keys[i].n <= VRRP_KEY_MAX);
		lb_text_printf(&t, "%u ", a.keys[i].id);
		size_t digits = t.n;
		for (size_t j = 0; j < a.keys[i].n; j++)
			lb_text_printf(&t, "%02x", a.keys[i].bytes[j]);
		must(!t.bad);
		stands_in(t.s + digits, data, size);
		lb_text_puts(&t, "\n");
	}
	must(!t.bad && vrrp_auth_keys(&b, t.s, t.n, &e) == 0);
	must(memcmp(&a, &b, sizeof(a)) == 0);
	lb_text_done(&t);
	return 0;
}
