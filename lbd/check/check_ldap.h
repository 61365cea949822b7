/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few LDAP messages of a probe (RFC 4511; BER as its section 5.1 limits it): one search of one entry, StartTLS, and
 * the good-bye. libcurl's own LDAP is not used: its library looks up the name of this host and reads files when it is
 * first used, which may block for as long as a resolver does.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CHECK_LDAP_BASE_MAX 4096u
#define CHECK_LDAP_OUT_MAX  (CHECK_LDAP_BASE_MAX + 96u)

/* protocolOp tags of RFC 4511 4.2 */
#define CHECK_LDAP_ENTRY     0x64
#define CHECK_LDAP_DONE      0x65
#define CHECK_LDAP_EXTENDED  0x78
#define CHECK_LDAP_REFERENCE 0x73

/* Each writes one message with this id (1-127) and returns its length. The search asks for the entry `base` itself
 * (empty: the root of the server) and for none of its attributes; 0: base is longer than CHECK_LDAP_BASE_MAX. */
size_t check_ldap_search(uint8_t out[CHECK_LDAP_OUT_MAX], uint8_t id, const char *base);
size_t check_ldap_starttls(uint8_t out[CHECK_LDAP_OUT_MAX], uint8_t id);
size_t check_ldap_unbind(uint8_t out[CHECK_LDAP_OUT_MAX], uint8_t id);

struct check_ldap_msg {
	uint32_t id;
	uint8_t op;
	uint32_t result; /* of DONE and EXTENDED; 0 = success */
};

/* Reads one message from the front of n bytes, max of which are the most that a message may have. The number of its
 * bytes; 0: it is not whole yet; -EMSGSIZE: longer than max; -EBADMSG: not LDAP, and on these *out is untouched. */
long check_ldap_read(const uint8_t *bytes, size_t n, size_t max, struct check_ldap_msg *out);

/* "noSuchObject" of 32; "result 4711" of what is not in RFC 4511. */
const char *check_ldap_result(uint32_t result, char buf[24]);
