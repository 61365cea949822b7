/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every transfer of a probe has in common. A link is one transfer, or one connection that is only opened
 * (connect_only) and then read and written by its owner with curl_easy_recv and curl_easy_send. Its socket is made by
 * the link, never by libcurl: it gets the source and the interface of the spec, no name is looked up, and an open
 * connection can be handed to a second link, which is how TLS begins in the middle of one (STARTTLS). From then on it
 * is libcurl's until libcurl says that it is to be closed: before its transfer is done, when the link ends, or after
 * that. Nothing here is called while libcurl is on the stack, except the callbacks that are given to it; those never
 * end or free a link.
 */
#pragma once

#include "lbd/check/check_curl.h"
#include "lbd/check/check_probe.h"

#include <curl/curl.h>
#include <sys/types.h>

#define CURL_NAME_MAX 256

/* Outlives its link when libcurl has not closed it by then. */
struct curl_link_socket {
	int fd;         /* -1 = none yet, or closed */
	ino_t ino;      /* which one it is, when it was given */
	bool given;     /* to libcurl */
	bool connected; /* when it was closed */
	bool left;      /* by its link: who closes it frees this */
	bool kept;      /* libcurl only lets go of it: another link has it */
};

struct curl_link {
	struct check_probe *probe;
	CURL *easy;
	struct curl_slist *to, *headers; /* headers: set by the owner */
	struct curl_loop *loop;          /* taken */
	CURLM *multi;                    /* borrowed: of the loop */
	CURLSH *own;                     /* a cache for an open connection (connect_only) */
	struct curl_link_socket *socket;
	bool tls, adopted, added;
	int socket_err; /* errno: why there is no socket */
	/* The transfer has ended. From the loop; the link may be ended and freed in it. */
	void (*done)(struct curl_link *k, CURLcode rc);
	char name[CURL_NAME_MAX]; /* of the certificate and the Host header */
	char why[CURL_ERROR_SIZE];
};

/* A handle with everything that keeps a transfer on its one socket and within its one protocol; tls from the spec's
 * params. p->started must be set by check_probe_begin before curl_link_go. 0; -EINVAL: the host in the spec is none;
 * -ENOMEM. After a failure curl_link_end is allowed, not needed. */
int curl_link_new(struct curl_link *k, struct check_probe *p, bool tls, bool connect_only);

/* Goes on with a connection that `from` has opened, on the same descriptor; `from` is ended. Returns as curl_link_new
 * with tls and connect_only. */
int curl_link_secure(struct curl_link *k, struct curl_link *from);

/* Starts. 0 or -ENOMEM. done comes later, from the loop. */
int curl_link_go(struct curl_link *k);

/* A probe whose first step is a connection (connect_only) begins now. 0, also when the host in the spec is none: then
 * that is its result; -ENOMEM: nothing is left of it. */
int curl_link_open(struct curl_link *k, struct check_probe *p, struct lb_time now, bool tls);

/* Of an open connection (connect_only); -1: there is none, or libcurl has closed it. */
int curl_link_fd(const struct curl_link *k);

/* How far it came: for the deadline. */
enum check_phase curl_link_phase(const struct curl_link *k);

/* What its end means. rc is not CURLE_OK. */
void curl_link_failed(const struct curl_link *k, CURLcode rc, struct check_result *r);

/* From now on the socket is closed with FIN, not with a reset: something that was just sent shall arrive. */
void curl_link_keep_sent(struct curl_link *k);

/* Removes, frees, closes, or leaves it to libcurl to close it. Idempotent; also on a link of zeroes. */
void curl_link_end(struct curl_link *k);
