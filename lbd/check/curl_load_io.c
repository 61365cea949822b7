/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcurl, loaded by the process that probes and by no other. Linked in, it brings some thirty libraries (TLS twice,
 * Kerberos, LDAP, SSH) into every process of the binary: two thirds of what starting one takes, page faults as well as
 * time, private memory in each, and code in the core that it must never run.
 *
 * The names below are libcurl's own and are declared by its header, so callers do not see the difference. Without the
 * library each answers as libcurl does when memory runs out, and curl_load has said why.
 */
#define CURL_DISABLE_TYPECHECK 1 /* the header's checks are macros over the names that are defined here */
#include "lbd/check/curl_load_io.h"

#include "common/log_io.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stddef.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_share_setopt

/* The name is its binary interface, the same for all releases since 2006. */
#define CURL_LIBRARY "libcurl.so.4"

static struct {
	CURLcode (*global_init)(long);
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	CURLcode (*easy_send)(CURL *, const void *, size_t, size_t *);
	CURLcode (*easy_recv)(CURL *, void *, size_t, size_t *);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_cleanup)(CURLM *);
	CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
	CURLMcode (*multi_add_handle)(CURLM *, CURL *);
	CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
	CURLMcode (*multi_assign)(CURLM *, curl_socket_t, void *);
	CURLMsg *(*multi_info_read)(CURLM *, int *);
	CURLMcode (*multi_socket_action)(CURLM *, curl_socket_t, int, int *);
	CURLSH *(*share_init)(void);
	CURLSHcode (*share_cleanup)(CURLSH *);
	CURLSHcode (*share_setopt)(CURLSH *, CURLSHoption, ...);
	struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
	void (*slist_free_all)(struct curl_slist *);
	long (*ssl_ctx_ctrl)(void *, int, long, void *); /* NULL: another library of TLS than OpenSSL */
} real;

#define ROW(name)                                                                                                      \
	{                                                                                                              \
		"curl_" #name, (void **)(void *)&real.name                                                             \
	}

static const struct {
	const char *name;
	void **at;
} rows[] = { ROW(global_init), ROW(easy_init), ROW(easy_cleanup), ROW(easy_setopt), ROW(easy_getinfo), ROW(easy_send),
	ROW(easy_recv), ROW(multi_init), ROW(multi_cleanup), ROW(multi_setopt), ROW(multi_add_handle),
	ROW(multi_remove_handle), ROW(multi_assign), ROW(multi_info_read), ROW(multi_socket_action), ROW(share_init),
	ROW(share_cleanup), ROW(share_setopt), ROW(slist_append), ROW(slist_free_all) };

bool curl_load(void)
{
	static bool tried, loaded;
	if (tried)
		return loaded;
	tried = true;
	/* for the rest of the process: OpenSSL leaves handlers that run at its end */
	void *lib = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	loaded = lib != NULL;
	for (size_t i = 0; loaded && i < sizeof(rows) / sizeof(rows[0]); i++) {
		*rows[i].at = dlsym(lib, rows[i].name);
		loaded = *rows[i].at != NULL;
	}
	if (loaded) /* a handle finds what its library depends on, too */
		*(void **)(void *)&real.ssl_ctx_ctrl = dlsym(lib, "SSL_CTX_ctrl");
	else
		lb_log(LB_LOG_ERROR, "probe: libcurl cannot be used: %s; checks of HTTP, TLS, mail and FTP will fail",
			dlerror());
	return loaded;
}

CURLcode curl_load_read_one_record(CURL *easy, void *ssl_ctx, void *arg)
{
	(void)easy, (void)arg;
	if (!real.ssl_ctx_ctrl)
		return CURLE_OK;
	/* SSL_CTX_clear_mode and SSL_CTX_set_read_ahead are macros for this. libcurl sets the latter from 8.15 on, and
	 * a read goes on behind a record while there is another one in the buffer. */
	real.ssl_ctx_ctrl(ssl_ctx, SSL_CTRL_CLEAR_MODE, SSL_MODE_AUTO_RETRY, NULL);
	real.ssl_ctx_ctrl(ssl_ctx, SSL_CTRL_SET_READ_AHEAD, 0, NULL);
	return CURLE_OK;
}

CURLcode curl_global_init(long flags)
{
	return curl_load() ? real.global_init(flags) : CURLE_FAILED_INIT;
}

/* Without these there are no handles and no lists, and nothing below is called. */

CURL *curl_easy_init(void)
{
	return curl_load() ? real.easy_init() : NULL;
}

CURLM *curl_multi_init(void)
{
	return curl_load() ? real.multi_init() : NULL;
}

CURLSH *curl_share_init(void)
{
	return curl_load() ? real.share_init() : NULL;
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *s)
{
	return curl_load() ? real.slist_append(list, s) : NULL;
}

/* free of nothing is allowed, and comes from paths that never had any */
void curl_slist_free_all(struct curl_slist *list)
{
	if (list)
		real.slist_free_all(list);
}

void curl_easy_cleanup(CURL *e)
{
	if (e)
		real.easy_cleanup(e);
}

CURLSHcode curl_share_cleanup(CURLSH *s)
{
	return s ? real.share_cleanup(s) : CURLSHE_OK;
}

/* For CURLSHOPT_SHARE, whose argument is a number. */
CURLSHcode curl_share_setopt(CURLSH *s, CURLSHoption option, ...)
{
	va_list ap;
	va_start(ap, option);
	CURLSHcode rc = real.share_setopt(s, option, va_arg(ap, int));
	va_end(ap);
	return rc;
}

/* The option says of which type its argument is: its number is made of that (curl.h). */
_Static_assert(sizeof(long) == sizeof(curl_off_t), "options of type off_t could be passed on as a long");

static bool is_number(int option)
{
	int type = option / 10000 * 10000;
	return type == CURLOPTTYPE_LONG || type == CURLOPTTYPE_OFF_T;
}

CURLcode curl_easy_setopt(CURL *e, CURLoption option, ...)
{
	va_list ap;
	CURLcode rc;
	va_start(ap, option);
	if (is_number((int)option)) {
		long number = va_arg(ap, long);
		rc = real.easy_setopt(e, option, number);
	} else {
		void *pointer = va_arg(ap, void *);
		rc = real.easy_setopt(e, option, pointer);
	}
	va_end(ap);
	return rc;
}

CURLMcode curl_multi_setopt(CURLM *m, CURLMoption option, ...)
{
	va_list ap;
	CURLMcode rc;
	va_start(ap, option);
	if (is_number((int)option)) {
		long number = va_arg(ap, long);
		rc = real.multi_setopt(m, option, number);
	} else {
		void *pointer = va_arg(ap, void *);
		rc = real.multi_setopt(m, option, pointer);
	}
	va_end(ap);
	return rc;
}

/* Always a pointer to where the answer goes. */
CURLcode curl_easy_getinfo(CURL *e, CURLINFO info, ...)
{
	va_list ap;
	va_start(ap, info);
	CURLcode rc = real.easy_getinfo(e, info, va_arg(ap, void *));
	va_end(ap);
	return rc;
}

CURLcode curl_easy_send(CURL *e, const void *buf, size_t n, size_t *sent)
{
	return real.easy_send(e, buf, n, sent);
}

CURLcode curl_easy_recv(CURL *e, void *buf, size_t n, size_t *got)
{
	return real.easy_recv(e, buf, n, got);
}

CURLMcode curl_multi_cleanup(CURLM *m)
{
	return real.multi_cleanup(m);
}

CURLMcode curl_multi_add_handle(CURLM *m, CURL *e)
{
	return real.multi_add_handle(m, e);
}

CURLMcode curl_multi_remove_handle(CURLM *m, CURL *e)
{
	return real.multi_remove_handle(m, e);
}

CURLMcode curl_multi_assign(CURLM *m, curl_socket_t fd, void *p)
{
	return real.multi_assign(m, fd, p);
}

CURLMsg *curl_multi_info_read(CURLM *m, int *left)
{
	return real.multi_info_read(m, left);
}

CURLMcode curl_multi_socket_action(CURLM *m, curl_socket_t fd, int events, int *running)
{
	return real.multi_socket_action(m, fd, events, running);
}
