/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/check/curl_link_io.h"

#include "lbd/check/check_http.h"
#include "lbd/check/check_result.h"
#include "lbd/check/curl_load_io.h"
#include "lbd/check/curl_loop_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Looked for each time: that of the system may be installed while we run. */
static const char *ca_file(const struct curl_link *k)
{
	const char *own = check_param(&k->probe->spec->params, CHECK_PARAM_TLS_CA);
	return own ? own : check_curl_ca(is_file);
}

/* Whatever libcurl has made of the host: nothing but the target is connected to. */
static bool is_target(const struct check_spec *s, const struct curl_sockaddr *to)
{
	union check_peer peer;
	socklen_t len = check_probe_peer(s, &peer);
	const union check_peer *at = (const union check_peer *)(const void *)&to->addr;
	if (to->family != peer.any.sa_family || to->addrlen < len)
		return false;
	if (to->family == AF_INET)
		return at->in.sin_port == peer.in.sin_port && at->in.sin_addr.s_addr == peer.in.sin_addr.s_addr;
	return at->in6.sin6_port == peer.in6.sin6_port &&
	       memcmp(&at->in6.sin6_addr, &peer.in6.sin6_addr, sizeof(peer.in6.sin6_addr)) == 0;
}

/* 0 = it is no socket. */
static ino_t socket_ino(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

/* libcurl 7.88 says nothing when it closes a socket that never connected, and the number may be another one's by now.
 */
static bool is_open(const struct curl_link_socket *s)
{
	return s && s->fd >= 0 && (!s->given || socket_ino(s->fd) == s->ino);
}

static bool is_connected(int fd)
{
	union check_peer peer;
	socklen_t len = sizeof(peer);
	return getpeername(fd, &peer.any, &len) == 0;
}

static curl_socket_t give(struct curl_link *k, int fd)
{
	k->socket->fd = fd;
	k->socket->ino = socket_ino(fd);
	k->socket->given = true;
	return fd;
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct curl_link *k = arg;
	const struct check_spec *s = k->probe->spec;
	if (purpose != CURLSOCKTYPE_IPCXN || k->socket->given || !is_target(s, to)) {
		k->socket_err = EINVAL; /* one probe, one connection */
		return CURL_SOCKET_BAD;
	}
	if (k->adopted)
		return give(k, k->socket->fd);
	int fd = check_probe_socket(s, SOCK_STREAM, IPPROTO_TCP);
	if (fd < 0) {
		k->socket_err = -fd;
		return CURL_SOCKET_BAD;
	}
	struct linger reset = { .l_onoff = 1, .l_linger = 0 }; /* as the TCP probe: no TIME_WAIT is left behind */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return give(k, fd);
}

static int on_socket_made(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)fd, (void)purpose;
	const struct curl_link *k = arg;
	return k->adopted ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

/* Of the connection, which may outlive its link: arg is no link. */
static int on_socket_close(void *arg, curl_socket_t fd)
{
	struct curl_link_socket *s = arg;
	bool kept = s->kept;
	s->connected = is_connected(fd);
	s->fd = -1;
	if (s->left)
		free(s);
	return !kept && close(fd) ? 1 : 0;
}

/* libcurl says when these happen only here; installed when somebody watches the probe. */
static int on_debug(CURL *easy, curl_infotype type, char *text, size_t n, void *arg)
{
	(void)easy;
	static const char tls[] = "SSL connection using ";
	const struct curl_link *k = arg;
	if (type != CURLINFO_TEXT)
		return 0;
	int len = (int)(n && text[n - 1] == '\n' ? n - 1 : n);
	if (len > 13 && memcmp(text, "Connected to ", 13) == 0 && !k->adopted)
		check_probe_step(k->probe, "connected");
	else if (len > (int)strlen(tls) && memcmp(text, tls, strlen(tls)) == 0)
		check_probe_step(k->probe, "TLS done: %.*s", len - (int)strlen(tls), text + strlen(tls));
	return 0;
}

static int set_target(struct curl_link *k)
{
	const struct check_spec *s = k->probe->spec;
	const char *host = check_param(&s->params, CHECK_PARAM_HOST);
	char ip[LB_IP_STRLEN], at[LB_ENDPOINT_STRLEN], url[CURL_NAME_MAX + 32], to[LB_ENDPOINT_STRLEN + 8];
	lb_ip_str(&s->addr, ip);
	lb_endpoint_str(&s->addr, s->port, at);
	struct lb_ip literal;
	if (!host || strcmp(host, ip) == 0)
		host = ip;
	if (!check_http_host_ok(host) || (size_t)snprintf(k->name, sizeof(k->name), "%s", host) >= sizeof(k->name))
		return -EINVAL;
	bool v6 = lb_ip_parse(host, strlen(host), &literal) == 0 && lb_ip_is_v6(&literal);
	snprintf(url, sizeof(url), "%s://%s%s%s:%u/", k->tls ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "",
		s->port);
	snprintf(to, sizeof(to), "::%s", at); /* for any host and port: no name is ever looked up */
	k->to = curl_slist_append(NULL, to);
	if (!k->to)
		return -ENOMEM;
	int rc = (int)curl_easy_setopt(k->easy, CURLOPT_URL, url);
	rc |= (int)curl_easy_setopt(k->easy, CURLOPT_CONNECT_TO, k->to);
	return rc ? -ENOMEM : 0;
}

static int set_common(struct curl_link *k, bool connect_only)
{
	CURL *e = k->easy;
	int rc = (int)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, k->tls ? "https" : "http");
	rc |= (int)curl_easy_setopt(e, CURLOPT_PRIVATE, k);
	rc |= (int)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, k->why);
	rc |= (int)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_PROXY, "");
	rc |= (int)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	rc |= (int)curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	rc |= (int)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	/* a connection that is only opened must outlive its transfer; no other link takes it, as each wants a fresh one
	 */
	rc |= (int)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, connect_only ? 0L : 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 0L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	rc |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, k);
	rc |= (int)curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	rc |= (int)curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, k);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_socket_close);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, k->socket);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, connect_only ? 1L : 0L);
	if (k->probe->trace) {
		rc |= (int)curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_debug);
		rc |= (int)curl_easy_setopt(e, CURLOPT_DEBUGDATA, k);
		rc |= (int)curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);
	}
	return rc ? -ENOMEM : 0;
}

/* An open connection stands in a cache, and there libcurl takes one for dead whose server has said something: any new
 * transfer closes it. So it is the only one in a cache of its own. */
static int set_apart(struct curl_link *k)
{
	k->own = curl_share_init();
	if (!k->own)
		return -ENOMEM;
	int rc = (int)curl_share_setopt(k->own, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
	rc |= (int)curl_easy_setopt(k->easy, CURLOPT_SHARE, k->own);
	return rc ? -ENOMEM : 0;
}

static int set_tls(struct curl_link *k, const char *ca, bool connect_only)
{
	CURL *e = k->easy;
	const struct check_params *p = &k->probe->spec->params;
	long verify = check_param_num(p, CHECK_PARAM_TLS_VERIFY, 1) ? 1 : 0;
	const char *cert = check_param(p, CHECK_PARAM_TLS_CERT);
	const char *key = check_param(p, CHECK_PARAM_TLS_KEY), *min = check_param(p, CHECK_PARAM_TLS_MIN);
	bool v13 = min && strcmp(min, "1.3") == 0;
	int rc = (int)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, verify);
	rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, verify * 2);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CAINFO, ca);
	/* without a folder: one that is searched in keeps libcurl from keeping the parsed file */
	rc |= (int)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, -1L); /* one that changes has another handle */
	/* a resumed session would pass with a certificate that has expired meanwhile */
	rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	rc |= (int)curl_easy_setopt(
		e, CURLOPT_SSLVERSION, (long)(v13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2));
	/* not an option of every library of TLS */
	(void)curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, curl_load_read_one_record);
	if (connect_only) /* it is not HTTP that will be spoken */
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);
	if (cert)
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSLCERT, cert);
	if (key)
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSLKEY, key);
	return rc ? -ENOMEM : 0;
}

int curl_link_new(struct curl_link *k, struct check_probe *p, bool tls, bool connect_only)
{
	void (*done)(struct curl_link *, CURLcode) = k->done;
	*k = (struct curl_link){ .probe = p, .tls = tls, .done = done };
	const char *ca = tls ? ca_file(k) : "";
	k->socket = calloc(1, sizeof(*k->socket));
	if (k->socket)
		k->socket->fd = -1;
	k->loop = k->socket ? curl_loop_take(p->loop, ca) : NULL;
	k->multi = k->loop ? curl_loop_multi(k->loop) : NULL;
	k->easy = k->multi ? curl_easy_init() : NULL;
	int rc = k->easy ? set_target(k) : -ENOMEM;
	if (rc == 0)
		rc = set_common(k, connect_only);
	if (rc == 0 && connect_only)
		rc = set_apart(k);
	if (rc == 0 && tls)
		rc = set_tls(k, ca, connect_only);
	if (rc)
		curl_link_end(k);
	return rc;
}

int curl_link_secure(struct curl_link *k, struct curl_link *from)
{
	int rc = curl_link_new(k, from->probe, true, true);
	if (rc == 0) {
		/* under its number: of two of one socket the kernel goes on to report the one that is closed, and libev
		 * can end that only by a new epoll set, into which it puts every socket again */
		k->adopted = true;
		k->socket->fd = curl_link_fd(from);
		from->socket->kept = true;
	}
	curl_link_end(from);
	return rc;
}

int curl_link_go(struct curl_link *k)
{
	if (curl_multi_add_handle(k->multi, k->easy))
		return -ENOMEM;
	k->added = true;
	return 0;
}

int curl_link_open(struct curl_link *k, struct check_probe *p, struct lb_time now, bool tls)
{
	int rc = curl_link_new(k, p, tls, true);
	if (rc && rc != -EINVAL)
		return rc;
	check_probe_begin(p, now);
	if (rc == -EINVAL) {
		struct check_result r = { 0 };
		check_result_set(&r, CHECK_CODE_SOCKERR, "host: not a name or an address");
		check_probe_early(p, &r);
		return 0;
	}
	rc = curl_link_go(k);
	if (rc) {
		check_probe_end(p);
		curl_link_end(k);
	}
	return rc;
}

int curl_link_fd(const struct curl_link *k)
{
	return k->socket ? k->socket->fd : -1;
}

enum check_phase curl_link_phase(const struct curl_link *k)
{
	const struct curl_link_socket *s = k->socket;
	if (is_open(s) ? !is_connected(s->fd) : !s || !s->connected)
		return CHECK_PHASE_CONNECT;
	curl_off_t done = 0;
	if (k->tls && (curl_easy_getinfo(k->easy, CURLINFO_APPCONNECT_TIME_T, &done) || done == 0))
		return CHECK_PHASE_TLS;
	return CHECK_PHASE_TALK;
}

void curl_link_failed(const struct curl_link *k, CURLcode rc, struct check_result *r)
{
	long err = 0;
	curl_easy_getinfo(k->easy, CURLINFO_OS_ERRNO, &err);
	const struct check_curl_end end = { .code = (int)rc,
		.phase = curl_link_phase(k),
		.socket_err = k->socket_err,
		.os_err = (int)err,
		.why = k->why,
		.name = k->name,
		.system_ca = !check_param(&k->probe->spec->params, CHECK_PARAM_TLS_CA) };
	check_curl_result(&end, r);
}

void curl_link_keep_sent(struct curl_link *k)
{
	struct linger keep = { 0 };
	if (curl_link_fd(k) >= 0)
		setsockopt(curl_link_fd(k), SOL_SOCKET, SO_LINGER, &keep, sizeof(keep));
}

/* What was given to libcurl is closed by libcurl. Since release 8.9 that may come later: it waits up to 2 s for the
 * server's goodbye in TLS. Our own has been said, so the wait ends with the next turn of the loop. */
static void leave(struct curl_link_socket *s)
{
	if (is_open(s) && s->given) {
		s->left = true;
		shutdown(s->fd, SHUT_RDWR);
		return;
	}
	if (is_open(s))
		close(s->fd);
	free(s);
}

void curl_link_end(struct curl_link *k)
{
	if (k->added)
		curl_multi_remove_handle(k->multi, k->easy);
	k->added = false;
	if (k->easy)
		curl_easy_cleanup(k->easy);
	curl_share_cleanup(k->own);
	if (k->socket)
		leave(k->socket);
	curl_loop_give(k->loop);
	k->loop = NULL;
	k->easy = NULL;
	k->own = NULL;
	k->socket = NULL;
	curl_slist_free_all(k->to);
	curl_slist_free_all(k->headers);
	k->to = k->headers = NULL;
}
