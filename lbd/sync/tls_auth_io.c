/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/sync/tls_auth_io.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#define LABEL_KEY "lbd sync v1"
#define LABEL_ID  "lbd sync v1 id"
#define ID_BYTES  (TLS_KEY_ID / 2)

/* A key belongs to one hash (RFC 8446 4.2.11), and ours to SHA-256: these are all the suites that have it. The first is
 * the fastest where the processor knows AES. */
#define SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256"
static const unsigned char suite_of_key[2] = { 0x13, 0x01 }; /* TLS_AES_128_GCM_SHA256 stands for the hash */

#define ALERT(name) (SSL_AD_REASON_OFFSET + SSL_AD_##name)

/* ---- keys ---- */

/* HKDF-SHA256 without salt: the cluster key is random already. */
static bool derive(const struct tls_key *from, const char *label, uint8_t *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "SHA256", info[sizeof(LABEL_ID)];
	uint8_t key[TLS_KEY_MAX];
	snprintf(info, sizeof(info), "%s", label);
	memcpy(key, from->bytes, sizeof(key));
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key, from->n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, strlen(info)),
		OSSL_PARAM_construct_end() };
	bool made = ctx && EVP_KDF_derive(ctx, out, n, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	OPENSSL_cleanse(key, sizeof(key));
	return made;
}

static bool key_init(struct tls_auth *a, const struct tls_key *from)
{
	uint8_t id[ID_BYTES];
	size_t at = a->n_keys;
	if (!derive(from, LABEL_KEY, a->keys[at].psk, TLS_PSK) || !derive(from, LABEL_ID, id, sizeof(id)))
		return false;
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(a->keys[at].id + 2 * i, 3, "%02x", id[i]);
	a->n_keys++;
	return true;
}

/* What TLS takes for a session that was there before. NULL: no memory. */
static SSL_SESSION *session_of(SSL *ssl, const struct tls_auth *a, size_t key)
{
	const SSL_CIPHER *suite = SSL_CIPHER_find(ssl, suite_of_key);
	SSL_SESSION *s = SSL_SESSION_new();
	if (s && suite && SSL_SESSION_set1_master_key(s, a->keys[key].psk, TLS_PSK) &&
		SSL_SESSION_set_cipher(s, suite) && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* ---- what libssl asks ---- */

/* Who dials. md is known the second time only, after a retry: a suite with another hash has no use for the key. */
static int on_use(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_n, SSL_SESSION **session)
{
	const struct tls_try *t = SSL_get_app_data(ssl);
	*session = NULL;
	if (md && !EVP_MD_is_a(md, "SHA256"))
		return 1;
	*id = (const unsigned char *)t->identity;
	*id_n = strlen(t->identity);
	*session = session_of(ssl, t->auth, t->key);
	return *session != NULL;
}

/* Who accepts. The right name with a key that we do not know is answered with one of ours: so both sides hear that it
 * is the key that does not fit. */
static int on_find(SSL *ssl, const unsigned char *id, size_t id_n, SSL_SESSION **session)
{
	struct tls_try *t = SSL_get_app_data(ssl);
	const struct tls_auth *a = t->auth;
	size_t name_n = strlen(a->accepted), key = 0;
	*session = NULL;
	if (id_n != name_n + TLS_KEY_ID || memcmp(id, a->accepted, name_n) != 0) {
		if (t->seen == TLS_SEEN_NOTHING)
			t->seen = TLS_SEEN_OTHER;
		return 1;
	}
	for (size_t i = 0; i < a->n_keys; i++)
		if (memcmp(id + name_n, a->keys[i].id, TLS_KEY_ID) == 0)
			key = i;
	t->seen = TLS_SEEN_NAME;
	*session = session_of(ssl, a, key);
	return *session != NULL;
}

/* ---- the TLS of a link ---- */

static SSL_CTX *context_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	char groups[] = GROUPS; /* the macro that takes it casts a const away */
	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_clear_options(ctx, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	SSL_CTX_set_mode(
		ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY); /* a read ends with every record: new keys may come without end */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_psk_use_session_callback(ctx, on_use);
	SSL_CTX_set_psk_find_session_callback(ctx, on_find);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
		SSL_CTX_set_ciphersuites(ctx, SUITES) && SSL_CTX_set1_groups_list(ctx, groups) &&
		SSL_CTX_set_num_tickets(ctx, 0) && SSL_CTX_set_max_early_data(ctx, 0))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

int tls_auth_init(struct tls_auth *a, const struct tls_conf *conf)
{
	*a = (struct tls_auth){ 0 };
	snprintf(a->dialled, sizeof(a->dialled), "lbd/1/%u/%s/%s/", conf->cluster, conf->self, conf->peer);
	snprintf(a->accepted, sizeof(a->accepted), "lbd/1/%u/%s/%s/", conf->cluster, conf->peer, conf->self);
	a->ctx = context_new();
	bool made = a->ctx != NULL;
	for (size_t i = 0; i < TLS_KEYS_MAX && made; i++)
		made = conf->keys[i].n == 0 || key_init(a, &conf->keys[i]);
	return made ? 0 : -ENOMEM;
}

void tls_auth_done(struct tls_auth *a)
{
	SSL_CTX_free(a->ctx);
	OPENSSL_cleanse(a, sizeof(*a));
}

SSL *tls_auth_ssl(struct tls_try *t, bool dials)
{
	SSL *ssl = SSL_new(t->auth->ctx);
	if (!ssl)
		return NULL;
	SSL_set_app_data(ssl, t);
	snprintf(t->identity, sizeof(t->identity), "%s%s", t->auth->dialled, t->auth->keys[t->key].id);
	if (dials) {
		/* there is no certificate that we would believe: who shows one instead of the key is not our peer */
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		SSL_set_connect_state(ssl);
	} else {
		SSL_set_accept_state(ssl);
	}
	return ssl;
}

bool tls_auth_proved(SSL *ssl)
{
	return SSL_session_reused(ssl) && SSL_version(ssl) == TLS1_3_VERSION && !SSL_get0_peer_certificate(ssl);
}

/* ---- what went wrong ---- */

static enum tls_reason is_key(const char **text, const char *what)
{
	*text = what;
	return TLS_REASON_KEY;
}

enum tls_reason tls_auth_error(const struct tls_try *t, const char **text)
{
	unsigned long err = ERR_get_error(); /* the first is the cause */
	int reason = ERR_GET_REASON(err);
	const char *said = ERR_reason_error_string(err);
	ERR_clear_error();
	if (t->seen == TLS_SEEN_OTHER)
		return is_key(text, "it asks for another cluster or another node");
	*text = said ? said : "no TLS";
	if (reason == ERR_R_MALLOC_FAILURE)
		return TLS_REASON_OURS;
	if (ERR_GET_LIB(err) != ERR_LIB_SSL)
		return TLS_REASON_PROTOCOL;
	switch (reason) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING: *text = "it closed the connection"; return TLS_REASON_CLOSED;
	case SSL_R_BINDER_DOES_NOT_VERIFY:
	case SSL_R_DIGEST_CHECK_FAILED:
	case ALERT(DECRYPT_ERROR):
	case ALERT(ILLEGAL_PARAMETER): return is_key(text, "it has another key");
	case ALERT(HANDSHAKE_FAILURE):
	case ALERT(UNKNOWN_PSK_IDENTITY): return is_key(text, "it knows no such cluster or node");
	case SSL_R_CERTIFICATE_VERIFY_FAILED: return is_key(text, "it shows a certificate instead of the key");
	default: return TLS_REASON_PROTOCOL;
	}
}

/* ---- before the filter ---- */

/* Both sides in memory, turn by turn, until one has had enough. */
static void shake(SSL *a, SSL *b)
{
	for (int turn = 0; turn < 4; turn++)
		if ((SSL_do_handshake(a) != 1 && SSL_want(a) == SSL_NOTHING) ||
			(SSL_do_handshake(b) != 1 && SSL_want(b) == SSL_NOTHING))
			return;
}

/* A handshake with the other side's key or another one, and what is said then. */
static bool rehearse(const struct tls_conf *from, const struct tls_conf *to, bool fits)
{
	struct tls_auth a, b;
	int bad = tls_auth_init(&a, from) | tls_auth_init(&b, to);
	struct tls_try dials = { .auth = &a }, accepts = { .auth = &b };
	SSL *one = bad ? NULL : tls_auth_ssl(&dials, true), *other = bad ? NULL : tls_auth_ssl(&accepts, false);
	BIO *left = NULL, *right = NULL;
	const char *text;
	char said = 0;
	bool good = false;
	if (one && other && BIO_new_bio_pair(&left, 0, &right, 0)) {
		SSL_set_bio(one, left, left);
		SSL_set_bio(other, right, right);
		shake(one, other);
		good = SSL_is_init_finished(one) && tls_auth_proved(one) && SSL_write(one, "x", 1) == 1 &&
		       SSL_read(other, &said, 1) == 1 && said == 'x';
		if (!fits)
			good = !good && tls_auth_error(&accepts, &text) == TLS_REASON_KEY;
	}
	SSL_free(one);
	SSL_free(other);
	tls_auth_done(&a);
	tls_auth_done(&b);
	ERR_clear_error();
	return good;
}

bool tls_prepare(void)
{
	struct tls_conf a = { .self = "a", .peer = "b", .cluster = 1, .keys = { { .n = TLS_KEY_MIN } } };
	struct tls_conf b = { .self = "b", .peer = "a", .cluster = 1, .keys = { { .n = TLS_KEY_MIN } } };
	/* what the two nodes speak is not a matter of the file of one of them */
	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL))
		return false;
	bool works = rehearse(&a, &b, true);
	b.keys[0].bytes[0] = 1;
	return works && rehearse(&a, &b, false);
}
