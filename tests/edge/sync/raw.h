/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Somebody who speaks to a node and is none: sockets by hand, and a TLS of its own whose bytes the test passes on as it
 * likes. It makes key and identity by itself, from what is written about them. */
#pragma once

#include "node.h"

#include <openssl/ssl.h>

/* The key that belongs to a cluster key of 32 equal bytes, and its name. */
void raw_psk(uint8_t key, uint8_t psk[32], char id[9]);

struct raw {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl; /* NULL: no TLS */
	BIO *in, *out;
	char identity[160];
	uint8_t psk[32];
	bool drip;  /* one byte at a time */
	bool ended; /* the other side closed */
	uint8_t waits[65536];
	size_t waits_n, got;
};

/* A socket from one address to another. */
int raw_try(const char *from, const char *to); /* blocking, asserts nothing; -1 */
int raw_connect(const char *from, const char *to);
int raw_listen(const char *at);

/* A TLS client from..to with this identity ("%s" in it is the name of the key; NULL: it has none). */
void raw_tls(struct raw *r, const char *from, const char *to, const char *identity, uint8_t key, int version);

/* Passes on what can be passed on. True once the handshake is over on this side. */
bool raw_pump(struct raw *r);

/* What it would say first. Returns the length. */
size_t raw_hello(struct raw *r, uint8_t *out, size_t max);

void raw_write(struct raw *r, const void *p, size_t n); /* behind the handshake */
void raw_done(struct raw *r);

bool raw_is_closed(int fd); /* by the other side; reads what there is */
