/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How each type is probed. */
#include "lbd/check/check_cut_io.h"
#include "lbd/check/check_io.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/curl_loop_io.h"

const struct check_ops *const check_ops[CHECK_TYPE_COUNT] = {
	[CHECK_TYPE_TCP] = &check_tcp_ops,
	[CHECK_TYPE_UDP] = &check_udp_ops,
	[CHECK_TYPE_ICMP] = &check_icmp_ops,
	[CHECK_TYPE_AGENT] = &check_agent_ops,
	[CHECK_TYPE_TLS] = &check_tls_ops,
	[CHECK_TYPE_HTTP] = &check_http_ops,
	[CHECK_TYPE_HTTPS] = &check_http_ops,
	[CHECK_TYPE_SMTP] = &check_talk_ops,
	[CHECK_TYPE_IMAP] = &check_talk_ops,
	[CHECK_TYPE_POP3] = &check_talk_ops,
	[CHECK_TYPE_LDAP] = &check_talk_ops,
	[CHECK_TYPE_FTP] = &check_talk_ops,
	[CHECK_TYPE_DNS] = &check_dns_ops,
	[CHECK_TYPE_SCRIPT] = &check_script_ops,
	[CHECK_TYPE_FILE] = &check_file_ops,
};

void check_worker_prepare(int helper)
{
	(void)helper; /* a probe waits for nobody */
	curl_loop_prepare();
	check_cut_prepare();
}
