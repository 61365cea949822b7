/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcurl is not linked: what calls it does so by its own names, and they are found when the first is needed. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

/* Loads libcurl, once; says so in the log when that fails. Before the system call filter, which knows no loading. */
bool curl_load(void);

/* For CURLOPT_SSL_CTX_FUNCTION, in the libssl that libcurl uses: a read ends with every record, also one without data,
 * of which a server may send new ones (keys, tickets) as fast as they are read. Without OpenSSL it does nothing. */
CURLcode curl_load_read_one_record(CURL *easy, void *ssl_ctx, void *arg);
