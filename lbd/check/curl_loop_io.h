/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcurl on libev. There is one multi handle per loop and trust store, made with the first probe that needs it and
 * freed with the loop. A multi handle keeps one parsed trust store and reads it again when a transfer names another;
 * that of the system takes 40 ms and more, in which nothing else is probed, hence one handle for each. A file that has
 * changed is another trust store: at each transfer it is looked whether it is the one that was read. libcurl tells for
 * which sockets and which moment it waits, and the loop wakes it. Deadlines are not libcurl's: the probe's own timer
 * ends a transfer (check_probe.h).
 */
#pragma once

#include <curl/curl.h>
#include <ev.h>

struct curl_loop;

/* Before the system call filter: libcurl and OpenSSL read their configuration and may load code. Idempotent. */
void curl_loop_prepare(void);

/* The multi handle of this loop for transfers that trust this file as it is now; "": for those without TLS. NULL: out
 * of memory. It stays until it is given back, and while the file is the same until the loop ends. When a transfer ends,
 * `done` of the curl_link that is its CURLOPT_PRIVATE is called, from the loop and with nothing of libcurl on the
 * stack. */
struct curl_loop *curl_loop_take(struct ev_loop *loop, const char *ca_file);
CURLM *curl_loop_multi(const struct curl_loop *c);

/* No transfer of its taker is in it any more. NULL is fine. */
void curl_loop_give(struct curl_loop *c);
