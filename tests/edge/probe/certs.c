/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "servers.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY 86400L

static const struct {
	const char *name, *san;
	long from, to; /* days from now */
	int self;
} kinds[CERT_COUNT] = {
	[CERT_GOOD] = { "app.example", "DNS:app.example,IP:127.0.0.1", -1, 30, 0 },
	[CERT_EXPIRED] = { "app.example", "DNS:app.example,IP:127.0.0.1", -30, -1, 0 },
	[CERT_OTHER_NAME] = { "other.example", "DNS:other.example", -1, 30, 0 },
	[CERT_SELF_SIGNED] = { "app.example", "DNS:app.example,IP:127.0.0.1", -1, 30, 1 },
	[CERT_FUTURE] = { "app.example", "DNS:app.example,IP:127.0.0.1", 1, 30, 0 },
};

static void extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	ck_assert(e && X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

static X509 *make(const char *name, const char *san, long from, long to, EVP_PKEY *key, X509 *issuer, EVP_PKEY *by)
{
	static long serial = 1;
	X509 *x = X509_new();
	ck_assert_ptr_nonnull(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), from * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), to * DAY);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	if (san)
		extend(x, NID_subject_alt_name, san);
	else
		extend(x, NID_basic_constraints, "critical,CA:TRUE");
	ck_assert(X509_sign(x, by, EVP_sha256()));
	return x;
}

static void write_pem(const char *path, X509 *x, EVP_PKEY *key)
{
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert(x ? PEM_write_X509(f, x) : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	fclose(f);
}

void certs_make(struct certs *c)
{
	snprintf(c->dir, sizeof(c->dir), "/tmp/lbd-test-certs-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(c->dir));
	ck_assert_int_eq(chmod(c->dir, 0755), 0); /* a worker of another user reads it */
	snprintf(c->ca, sizeof(c->ca), "%s/ca.pem", c->dir);
	snprintf(c->crt, sizeof(c->crt), "%s/crt.pem", c->dir);
	snprintf(c->key, sizeof(c->key), "%s/key.pem", c->dir);
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = make("lbd test authority", NULL, -60, 60, ca_key, NULL, ca_key);
	write_pem(c->ca, ca, NULL);
	write_pem(c->key, NULL, key);
	for (int i = 0; i < CERT_COUNT; i++) {
		X509 *x = make(kinds[i].name, kinds[i].san, kinds[i].from, kinds[i].to, key, kinds[i].self ? NULL : ca,
			kinds[i].self ? key : ca_key);
		c->ctx[i] = SSL_CTX_new(TLS_server_method());
		ck_assert(SSL_CTX_use_certificate(c->ctx[i], x) && SSL_CTX_use_PrivateKey(c->ctx[i], key));
		if (i == CERT_GOOD)
			write_pem(c->crt, x, NULL);
		X509_free(x);
	}
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

void certs_free(struct certs *c)
{
	for (int i = 0; i < CERT_COUNT; i++)
		SSL_CTX_free(c->ctx[i]);
	unlink(c->ca);
	unlink(c->crt);
	unlink(c->key);
	rmdir(c->dir);
}
