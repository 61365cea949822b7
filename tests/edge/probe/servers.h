/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers on 127.0.0.1 that follow a script, in threads of the test: most of them do what no server should. */
#pragma once

#include <openssl/ssl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum op_type {
	OP_END,     /* closes */
	OP_REQUEST, /* reads up to an empty line */
	OP_LINE,    /* reads a line; text: it must begin so, else the server closes */
	OP_BYTES,   /* reads whatever comes, once */
	OP_SAY,     /* text, n bytes of it (0: all of the string) */
	OP_POUR,    /* text, again and again, until nobody reads any more */
	OP_REPEAT,  /* text, n times */
	OP_DRIP,    /* text, again and again, a byte every 20 ms */
	OP_TLS,     /* a handshake as server */
	OP_KEYS,    /* new keys (TLS 1.3), n times, all at once */
	OP_STALL,   /* a handshake as server whose bytes end after n */
	OP_HANG,    /* waits for the client to go */
	OP_RESET    /* closes with a reset */
};

struct op {
	enum op_type type;
	const char *text;
	size_t n;
};

#define REQUEST                                                                                                        \
	{                                                                                                              \
		OP_REQUEST, NULL, 0                                                                                    \
	}
#define ANY_LINE                                                                                                       \
	{                                                                                                              \
		OP_LINE, NULL, 0                                                                                       \
	}
#define LINE(t)                                                                                                        \
	{                                                                                                              \
		OP_LINE, t, 0                                                                                          \
	}
#define BYTES                                                                                                          \
	{                                                                                                              \
		OP_BYTES, NULL, 0                                                                                      \
	}
#define SAY(t)                                                                                                         \
	{                                                                                                              \
		OP_SAY, t, 0                                                                                           \
	}
#define SAY_N(t, n)                                                                                                    \
	{                                                                                                              \
		OP_SAY, t, n                                                                                           \
	}
#define POUR(t)                                                                                                        \
	{                                                                                                              \
		OP_POUR, t, 0                                                                                          \
	}
#define REPEAT(t, n)                                                                                                   \
	{                                                                                                              \
		OP_REPEAT, t, n                                                                                        \
	}
#define DRIP(t)                                                                                                        \
	{                                                                                                              \
		OP_DRIP, t, 0                                                                                          \
	}
#define DRIP_N(t, n)                                                                                                   \
	{                                                                                                              \
		OP_DRIP, t, n                                                                                          \
	}
#define TLS                                                                                                            \
	{                                                                                                              \
		OP_TLS, NULL, 0                                                                                        \
	}
#define KEYS(n)                                                                                                        \
	{                                                                                                              \
		OP_KEYS, NULL, n                                                                                       \
	}
#define STALL(n)                                                                                                       \
	{                                                                                                              \
		OP_STALL, NULL, n                                                                                      \
	}
#define HANG                                                                                                           \
	{                                                                                                              \
		OP_HANG, NULL, 0                                                                                       \
	}
#define RESET                                                                                                          \
	{                                                                                                              \
		OP_RESET, NULL, 0                                                                                      \
	}

struct server {
	int listener;
	uint16_t port;
	const struct op *ops;
	SSL_CTX *tls;
	unsigned accepted;
	pthread_t thread;
};

/* Serves each connection in a thread of its own, until servers_stop. ops end with OP_END. tls may be NULL. */
struct server *server_start(const struct op *ops, SSL_CTX *tls);

/* Ends all, whatever they are doing. */
void servers_stop(void);

/* ---- certificates, made now ---- */

enum cert { CERT_GOOD, CERT_EXPIRED, CERT_OTHER_NAME, CERT_SELF_SIGNED, CERT_FUTURE };
#define CERT_COUNT 5

struct certs {
	char dir[64], ca[96], crt[96], key[96]; /* files: the authority, and CERT_GOOD with its key */
	SSL_CTX *ctx[CERT_COUNT];
};

/* An authority, and server contexts for app.example and 127.0.0.1 that it has signed, as their names say. */
void certs_make(struct certs *c);
void certs_free(struct certs *c);
