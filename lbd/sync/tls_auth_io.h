/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may speak on the link: the keys, the identities, and the TLS that is made of them. */
#pragma once

#include "lbd/sync/tls_io.h"

struct ssl_st;
struct ssl_ctx_st;

#define TLS_KEYS_MAX     2
#define TLS_PSK          32
#define TLS_KEY_ID       8 /* hexadecimal digits */
#define TLS_ROLES_MAX    (11 + 2 * TLS_NAME_MAX)
#define TLS_IDENTITY_MAX (TLS_ROLES_MAX + TLS_KEY_ID)

struct tls_auth {
	char dialled[TLS_ROLES_MAX], accepted[TLS_ROLES_MAX]; /* identities without the name of the key */
	size_t n_keys;
	struct {
		uint8_t psk[TLS_PSK];
		char id[TLS_KEY_ID + 1];
	} keys[TLS_KEYS_MAX];
	struct ssl_ctx_st *ctx;
};

enum tls_seen {
	TLS_SEEN_NOTHING,
	TLS_SEEN_OTHER, /* an identity of another cluster, another node, another role */
	TLS_SEEN_NAME   /* the right one; whether it has the key is for TLS to say */
};

struct tls_try { /* of one connection */
	const struct tls_auth *auth;
	char identity[TLS_IDENTITY_MAX]; /* with which we dial */
	size_t key;
	enum tls_seen seen;
};

/* 0 or -ENOMEM; *a is to be given to tls_auth_done either way. */
int tls_auth_init(struct tls_auth *a, const struct tls_conf *conf);
void tls_auth_done(struct tls_auth *a);

/* A TLS of this side; t outlives it. NULL: no memory. */
struct ssl_st *tls_auth_ssl(struct tls_try *t, bool dials);

/* The handshake is over: whether it was ours, with a key that both have. */
bool tls_auth_proved(struct ssl_st *ssl);

/* What an error of libssl in the handshake means; *text is constant. Takes it from the queue of the thread. */
enum tls_reason tls_auth_error(const struct tls_try *t, const char **text);
