/* SPDX-License-Identifier: GPL-2.0-or-later */
/* THE table of keepalived's keywords. A word that may stand in several places with the same meaning is one row. */
#include "common/text.h"
#include "lbd/import/ka.h"

#include <string.h>

#define IN(x)     (1u << KA_IN_##x)
#define S(n)      ((n)*INT64_C(1000000))
#define CHECKS    (IN(TCP) | IN(HTTP) | IN(DNS) | IN(SMTP) | IN(UDP) | IN(PING))
#define TIMED     (CHECKS | IN(MISC))
#define SERVERS   (IN(VS) | IN(RS))
#define ANYWHERE  (SERVERS | TIMED)
#define PLACES    (IN(VRRP) | IN(SYNC))
#define COUNT_MAX INT64_C(4294967295)

/* name, where, word, what follows, what becomes of it */
#define TAKES(n, at, w, a, key)                                                                                        \
	{                                                                                                              \
		n, at, KA_##w, KA_ARG_##a, 0, 0, KA_IN_NOTHING, KA_TAKES, key                                          \
	}
#define NUMBER(n, at, w, lo, hi, key)                                                                                  \
	{                                                                                                              \
		n, at, KA_##w, KA_ARG_NUM, lo, hi, KA_IN_NOTHING, KA_TAKES, key                                        \
	}
#define TIME(n, at, w, lo, hi, key)                                                                                    \
	{                                                                                                              \
		n, at, KA_##w, KA_ARG_TIME, lo, hi, KA_IN_NOTHING, KA_TAKES, key                                       \
	}
#define BLOCK(n, at, w, a, in, key)                                                                                    \
	{                                                                                                              \
		n, at, KA_##w, KA_ARG_##a, 0, 0, KA_IN_##in, KA_TAKES, key                                             \
	}
#define SAME(n, at, why)                                                                                               \
	{                                                                                                              \
		n, at, KA_NONE, KA_ARG_MAYBE, 0, 0, KA_IN_NOTHING, KA_SAME, why                                        \
	}
#define LOST(n, at, why)                                                                                               \
	{                                                                                                              \
		n, at, KA_NONE, KA_ARG_MAYBE, 0, 0, KA_IN_NOTHING, KA_LOST, why                                        \
	}

#define MAIL    "lbd sends no mail; `lbctl watch -j` and metrics feed what does"
#define SNMP    "lbd speaks no SNMP; see metrics and lbctl -j"
#define PROCESS "the processes of lbd have their priorities and limits by themselves"
#define SOCKETS "the buffers of lbd need no setting"
#define TOLD                                                                                                           \
	"hooks.state is one program for all instances, called with vrrp NAME OLD NEW CAUSE PRIORITY NODE; "            \
	"`lbctl watch -j` tells the rest"
#define TOLD_LVS "lbd runs no program for services and backends; `lbctl watch -j` tells of them"
#define BODY     "the body of the answer is not compared that way; see body and body_regex"
#define HOST     "configuration of the host: move it to the tool that configures its network"
#define GARP     "only announce.count, delay and refresh are there"
#define FILES    "`lbctl vrrp priority NAME N`, `lbctl backend drain` and `weight` do that at run time"
#define BFD      "lbd speaks no BFD"
#define NFT      "lbd has a table of nftables of its own and no setting for it"
#define RELOAD   "`lbctl config apply --both` does that"

const struct ka_row ka_words[] = {
	/* ---- top level ---- */
	BLOCK("global_defs", IN(ROOT), GLOBAL_DEFS, BLOCK, GLOBAL, "keys of their own"),
	BLOCK("virtual_server", IN(ROOT), VIRTUAL_SERVER, WORD, VS, "services"),
	BLOCK("virtual_server_group", IN(ROOT), VIRTUAL_SERVER_GROUP, WORD, LIST, "listen of the service"),
	BLOCK("vrrp_instance", IN(ROOT), VRRP_INSTANCE, WORD, VRRP, "vrrp"),
	BLOCK("vrrp_sync_group", IN(ROOT), VRRP_SYNC_GROUP, WORD, SYNC, "group of each instance"),
	BLOCK("vrrp_script", IN(ROOT), VRRP_SCRIPT, WORD, SCRIPT, "checks, type script"),
	BLOCK("vrrp_track_process", IN(ROOT), VRRP_TRACK_PROCESS, WORD, LIST, "track: process"),
	BLOCK("SSL", IN(ROOT), SSL, BLOCK, SSL, "tls of the https checks"),
	LOST("static_ipaddress", IN(ROOT), HOST),
	LOST("static_routes", IN(ROOT), HOST),
	LOST("static_rules", IN(ROOT), HOST),
	LOST("track_group", IN(ROOT), HOST),
	LOST("interface_up_down_delays", IN(ROOT), "see debounce of a tracked interface"),
	LOST("track_file", IN(ROOT), FILES),
	LOST("vrrp_track_file", IN(ROOT), FILES),
	LOST("bfd_instance", IN(ROOT), BFD),
	LOST("garp_group", IN(ROOT), GARP),
	LOST("linkbeat_use_polling", IN(ROOT), "the kernel tells of links; polling is not needed"),
	LOST("linkbeat_interfaces", IN(ROOT), "the kernel tells of links; polling is not needed"),
	LOST("net_namespace", IN(ROOT) | IN(GLOBAL), "start lbd in that namespace: NetworkNamespacePath= of its unit"),
	LOST("net_namespace_ipvs", IN(ROOT) | IN(GLOBAL), "lbd has IPVS in the namespace that it runs in"),
	LOST("namespace_with_ipsets", IN(ROOT) | IN(GLOBAL), "lbd needs no ipsets"),
	SAME("instance", IN(ROOT) | IN(GLOBAL), "a second lbd has a --run-dir and a --state-dir of its own"),
	SAME("use_pid_dir", IN(ROOT) | IN(GLOBAL), "lbd has no PID files"),

	/* ---- global_defs ---- */
	TAKES("lvs_sync_daemon", IN(GLOBAL), LVS_SYNC_DAEMON, WORD, "sync.multicast"),
	NUMBER("vrrp_version", IN(GLOBAL), VRRP_VERSION, 2, 3, "version of each instance"),
	TIME("vrrp_startup_delay", IN(GLOBAL), VRRP_STARTUP_DELAY, 0, S(3600), "defaults.vrrp.startup_delay"),
	TAKES("vrrp_strict", IN(GLOBAL), VRRP_STRICT, BOOL,
		"accept: false of each instance; neither auth nor preempt_delay"),
	TIME("vrrp_garp_master_delay", IN(GLOBAL), GARP_DELAY, 0, S(3600), "announce.delay"),
	NUMBER("vrrp_garp_master_repeat", IN(GLOBAL), GARP_REPEAT, 0, 1000, "announce.count"),
	TIME("vrrp_garp_master_refresh", IN(GLOBAL), GARP_REFRESH, 0, S(86400), "announce.refresh"),
	LOST("vrrp_garp_master_refresh_repeat", IN(GLOBAL), GARP),
	LOST("vrrp_garp_lower_prio_delay", IN(GLOBAL), GARP),
	LOST("vrrp_garp_lower_prio_repeat", IN(GLOBAL), GARP),
	LOST("vrrp_garp_interval", IN(GLOBAL), GARP),
	LOST("vrrp_gna_interval", IN(GLOBAL), GARP),
	LOST("vrrp_min_garp", IN(GLOBAL), GARP),
	LOST("vrrp_garp_extra_if", IN(GLOBAL), GARP),
	LOST("vrrp_lower_prio_no_advert", IN(GLOBAL), "lbd answers a weaker master with an advert"),
	LOST("vrrp_higher_prio_send_advert", IN(GLOBAL), "lbd goes quiet for a stronger master"),
	SAME("vrrp_skip_check_adv_addr", IN(GLOBAL), "lbd never drops an advert for its addresses"),
	LOST("vrrp_check_unicast_src", IN(GLOBAL), "lbd takes adverts of the peers it was told of, and min_ttl"),
	LOST("vrrp_down_timer_adverts", IN(GLOBAL), "it is always 3, as the RFC has it"),
	LOST("vrrp_owner_ignore_adverts", IN(GLOBAL), "an owner follows the RFC"),
	LOST("vrrp_delay_after_boot", IN(GLOBAL), "see startup_delay"),
	LOST("vrrp_mcast_group4", IN(GLOBAL), "lbd sends to 224.0.0.18, as the RFC says"),
	LOST("vrrp_mcast_group6", IN(GLOBAL), "lbd sends to ff02::12, as the RFC says"),
	LOST("vrrp_iptables", IN(GLOBAL), NFT),
	LOST("vrrp_ipsets", IN(GLOBAL), NFT),
	LOST("nftables", IN(GLOBAL), NFT),
	LOST("nftables_counters", IN(GLOBAL), NFT),
	LOST("nftables_ifindex", IN(GLOBAL), NFT),
	LOST("nftables_priority", IN(GLOBAL), NFT),
	LOST("nftables_ipvs", IN(GLOBAL), "each address of a group is a listener: no marks are needed"),
	LOST("nftables_ipvs_priority", IN(GLOBAL), NFT),
	LOST("nftables_ipvs_start_fwmark", IN(GLOBAL), NFT),
	LOST("lvs_timeouts", IN(GLOBAL), "set them at boot: ipvsadm --set TCP TCPFIN UDP"),
	LOST("lvs_flush", IN(GLOBAL), "lbd takes over what is there and removes only what is its own"),
	LOST("lvs_flush_on_stop", IN(GLOBAL), "a stop leaves traffic alone; `lbctl daemon stop --flush` does not"),
	SAME("router_id", IN(GLOBAL), "lbd names nodes under cluster.nodes"),
	LOST("notification_email", IN(GLOBAL), MAIL),
	LOST("notification_email_from", IN(GLOBAL), MAIL),
	LOST("smtp_server", IN(GLOBAL), MAIL),
	LOST("smtp_helo_name", IN(GLOBAL), MAIL),
	LOST("smtp_connect_timeout", IN(GLOBAL), MAIL),
	LOST("smtp_alert_checker", IN(GLOBAL), MAIL),
	LOST("smtp_alert_vrrp", IN(GLOBAL), MAIL),
	LOST("no_email_faults", IN(GLOBAL), MAIL),
	LOST("email_faults", IN(GLOBAL), MAIL),
	LOST("no_checker_emails", IN(GLOBAL), MAIL),
	LOST("checker_emails", IN(GLOBAL), MAIL),
	LOST("smtp_alert", IN(GLOBAL) | PLACES | SERVERS, MAIL),
	TAKES("script_user", IN(GLOBAL), USER, WORD, "nothing: programs run as lbd-probe"),
	SAME("enable_script_security", IN(GLOBAL), "always so: a program that others may change is not run"),
	LOST("startup_script", IN(GLOBAL), "ExecStartPre= of lbd.service"),
	LOST("startup_script_timeout", IN(GLOBAL), "ExecStartPre= of lbd.service"),
	LOST("shutdown_script", IN(GLOBAL), "ExecStopPost= of lbd.service"),
	LOST("shutdown_script_timeout", IN(GLOBAL), "ExecStopPost= of lbd.service"),
	LOST("notify_fifo", IN(GLOBAL), "`lbctl watch -j` prints a line per event, in order"),
	LOST("notify_fifo_script", IN(GLOBAL), "`lbctl watch -j` prints a line per event, in order"),
	LOST("vrrp_notify_fifo", IN(GLOBAL), "`lbctl watch -j` prints a line per event, in order"),
	LOST("vrrp_notify_fifo_script", IN(GLOBAL), "`lbctl watch -j` prints a line per event, in order"),
	LOST("lvs_notify_fifo", IN(GLOBAL), "`lbctl watch -j` prints a line per event, in order"),
	LOST("lvs_notify_fifo_script", IN(GLOBAL), "`lbctl watch -j` prints a line per event, in order"),
	LOST("vrrp_notify_priority_changes", IN(GLOBAL), TOLD),
	LOST("fifo_write_vrrp_states_on_reload", IN(GLOBAL), "a reload changes no state"),
	LOST("enable_snmp_keepalived", IN(GLOBAL), SNMP),
	LOST("enable_snmp_vrrp", IN(GLOBAL), SNMP),
	LOST("enable_snmp_checker", IN(GLOBAL), SNMP),
	LOST("enable_snmp_rfc", IN(GLOBAL), SNMP),
	LOST("enable_snmp_rfcv2", IN(GLOBAL), SNMP),
	LOST("enable_snmp_rfcv3", IN(GLOBAL), SNMP),
	LOST("enable_traps", IN(GLOBAL), SNMP),
	LOST("snmp_socket", IN(GLOBAL), SNMP),
	LOST("snmp_vs_stats_update_interval", IN(GLOBAL), SNMP),
	LOST("snmp_rs_stats_update_interval", IN(GLOBAL), SNMP),
	LOST("enable_dbus", IN(GLOBAL), "lbctl -j and its socket are there"),
	LOST("dbus_service_name", IN(GLOBAL), "lbctl -j and its socket are there"),
	SAME("vrrp_priority", IN(GLOBAL), PROCESS),
	SAME("vrrp_rt_priority", IN(GLOBAL), PROCESS),
	SAME("vrrp_no_swap", IN(GLOBAL), PROCESS),
	SAME("vrrp_rlimit_rttime", IN(GLOBAL), PROCESS),
	SAME("vrrp_rlimit_rtime", IN(GLOBAL), PROCESS),
	SAME("vrrp_cpu_affinity", IN(GLOBAL), PROCESS),
	SAME("vrrp_process_name", IN(GLOBAL), PROCESS),
	SAME("checker_priority", IN(GLOBAL), PROCESS),
	SAME("checker_rt_priority", IN(GLOBAL), PROCESS),
	SAME("checker_no_swap", IN(GLOBAL), PROCESS),
	SAME("checker_rlimit_rttime", IN(GLOBAL), PROCESS),
	SAME("checker_rlimit_rtime", IN(GLOBAL), PROCESS),
	SAME("checker_cpu_affinity", IN(GLOBAL), PROCESS),
	SAME("checker_process_name", IN(GLOBAL), PROCESS),
	SAME("bfd_priority", IN(GLOBAL), PROCESS),
	SAME("bfd_rt_priority", IN(GLOBAL), PROCESS),
	SAME("bfd_no_swap", IN(GLOBAL), PROCESS),
	SAME("bfd_rlimit_rttime", IN(GLOBAL), PROCESS),
	SAME("bfd_rlimit_rtime", IN(GLOBAL), PROCESS),
	SAME("bfd_cpu_affinity", IN(GLOBAL), PROCESS),
	SAME("bfd_process_name", IN(GLOBAL), PROCESS),
	SAME("process_names", IN(GLOBAL), PROCESS),
	SAME("process_name", IN(GLOBAL), PROCESS),
	SAME("max_auto_priority", IN(GLOBAL), PROCESS),
	SAME("min_auto_priority_delay", IN(GLOBAL), PROCESS),
	SAME("child_wait_time", IN(GLOBAL), "lbd waits for nothing when it ends"),
	SAME("checker_log_all_failures", IN(GLOBAL), "`lbctl check history` shows them"),
	SAME("reload_check_config", IN(GLOBAL), "always so: a file with an error changes nothing"),
	LOST("reload_file", IN(GLOBAL), RELOAD),
	LOST("reload_time_file", IN(GLOBAL), RELOAD),
	LOST("reload_repeat", IN(GLOBAL), RELOAD),
	LOST("config_save_dir", IN(GLOBAL), "`lbctl config history` keeps what ran"),
	SAME("data_use_instance", IN(GLOBAL), "lbd writes no dump files"),
	SAME("json_version", IN(GLOBAL), "lbctl -j has a schema of its own"),
	SAME("tmp_config_directory", IN(GLOBAL), "lbd writes no copy of its configuration"),
	SAME("umask", IN(GLOBAL), "lbd writes into its own directory only"),
	SAME("dynamic_interfaces", IN(GLOBAL), "an interface may come and go"),
	SAME("allow_if_changes", IN(GLOBAL), "an interface may come and go"),
	LOST("default_interface", IN(GLOBAL), "write interface in each instance"),
	SAME("disable_local_igmp", IN(GLOBAL), "lbd joins nothing on other interfaces"),
	SAME("random_seed", IN(GLOBAL), "a test setting"),
	SAME("debug", IN(GLOBAL), "log.level"),
	SAME("log_unknown_vrids", IN(GLOBAL), "`lbctl vrrp show` counts them"),
	LOST("vmac_prefix", IN(GLOBAL), "the interface of a virtual MAC has a name of lbd's"),
	LOST("vmac_addr_prefix", IN(GLOBAL), "the interface of a virtual MAC has a name of lbd's"),
	SAME("rs_init_notifies", IN(GLOBAL), "`lbctl watch` tells of first results"),
	SAME("lvs_netlink_cmd_rcv_bufs", IN(GLOBAL), SOCKETS),
	SAME("lvs_netlink_cmd_rcv_bufs_force", IN(GLOBAL), SOCKETS),
	SAME("lvs_netlink_monitor_rcv_bufs", IN(GLOBAL), SOCKETS),
	SAME("lvs_netlink_monitor_rcv_bufs_force", IN(GLOBAL), SOCKETS),
	SAME("vrrp_netlink_cmd_rcv_bufs", IN(GLOBAL), SOCKETS),
	SAME("vrrp_netlink_cmd_rcv_bufs_force", IN(GLOBAL), SOCKETS),
	SAME("vrrp_netlink_monitor_rcv_bufs", IN(GLOBAL), SOCKETS),
	SAME("vrrp_netlink_monitor_rcv_bufs_force", IN(GLOBAL), SOCKETS),
	SAME("process_monitor_rcv_bufs", IN(GLOBAL), SOCKETS),
	SAME("process_monitor_rcv_bufs_force", IN(GLOBAL), SOCKETS),
	SAME("vrrp_rx_bufs_policy", IN(GLOBAL), SOCKETS),
	SAME("vrrp_rx_bufs_multiplier", IN(GLOBAL), SOCKETS),

	/* ---- virtual servers, and what their real servers and checks inherit ---- */
	TAKES("protocol", IN(VS), PROTOCOL, WORD, "protocol"),
	TAKES("lb_algo", IN(VS), LVS_SCHED, WORD, "scheduler"),
	TAKES("lvs_sched", IN(VS), LVS_SCHED, WORD, "scheduler"),
	TAKES("hashed", IN(VS), SCHED_FLAG, NONE, "nothing: that flag does nothing in the kernel"),
	TAKES("flag-1", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("flag-2", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("flag-3", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("sh-port", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("sh-fallback", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("mh-port", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("mh-fallback", IN(VS), SCHED_FLAG, NONE, "scheduler.flags"),
	TAKES("ops", IN(VS), OPS, BOOL, "one_packet"),
	TAKES("lb_kind", SERVERS, LVS_METHOD, WORD, "mode, tunnel"),
	TAKES("lvs_method", SERVERS, LVS_METHOD, WORD, "mode, tunnel"),
	{ "persistence_timeout", IN(VS), KA_PERSISTENCE_TIMEOUT, KA_ARG_MAYBE, 0, 0, KA_IN_NOTHING, KA_TAKES,
		"persistence.timeout" },
	TAKES("persistence_granularity", IN(VS), PERSISTENCE_GRANULARITY, WORD, "persistence.mask4, mask6"),
	TAKES("persistence_engine", IN(VS), PERSISTENCE_ENGINE, WORD, "persistence.engine"),
	TAKES("ip_family", IN(VS), IP_FAMILY, WORD, "family"),
	NUMBER("weight", SERVERS, WEIGHT, 0, INT32_MAX, "backends.NAME.weight"),
	NUMBER("uthreshold", SERVERS, UTHRESHOLD, 0, COUNT_MAX, "backends.NAME.max_connections"),
	NUMBER("lthreshold", SERVERS, LTHRESHOLD, 0, COUNT_MAX, "backends.NAME.resume_below"),
	TAKES("inhibit_on_failure", SERVERS, INHIBIT, BOOL, "on_fail: drain"),
	NUMBER("quorum", IN(VS), QUORUM, 1, COUNT_MAX, "quorum.up"),
	NUMBER("hysteresis", IN(VS), HYSTERESIS, 0, COUNT_MAX, "quorum.hysteresis"),
	TAKES("sorry_server", IN(VS), SORRY_SERVER, WORD, "sorry"),
	LOST("sorry_server_inhibit", IN(VS), "the sorry server is there only when it is used"),
	LOST("sorry_server_lvs_method", IN(VS), "the sorry server is reached as the backends are: mode"),
	LOST("quorum_up", IN(VS), TOLD_LVS),
	LOST("quorum_down", IN(VS), TOLD_LVS),
	LOST("notify_up", SERVERS, TOLD_LVS),
	LOST("notify_down", SERVERS, TOLD_LVS),
	SAME("alpha", ANYWHERE, "always so: a backend serves when its checks have passed"),
	LOST("omega", IN(VS), "a stop changes nothing, and tells nobody"),
	LOST("ha_suspend", IN(VS), "checks go on on both nodes: the one that takes over knows its backends"),
	TAKES("virtualhost", SERVERS | IN(HTTP) | IN(URL), VIRTUALHOST, WORD, "checks.NAME.host, headers"),
	LOST("snmp_name", SERVERS, SNMP),
	BLOCK("real_server", IN(VS), REAL_SERVER, WORD, RS, "backends"),
	SAME("nat_mask", IN(VS), "it has done nothing for long"),

	/* ---- checks ---- */
	TIME("delay_loop", ANYWHERE, DELAY_LOOP, 1, S(4294967), "checks.NAME.interval"),
	TIME("connect_timeout", SERVERS | CHECKS | IN(HOST), CONNECT_TIMEOUT, 1, S(4294967), "checks.NAME.timeout"),
	NUMBER("retry", ANYWHERE, RETRY, 0, 4294967295, "checks.NAME.fall"),
	NUMBER("nb_get_retry", IN(HTTP), RETRY, 0, 4294967295, "checks.NAME.fall"),
	TIME("delay_before_retry", ANYWHERE, DELAY_BEFORE_RETRY, 0, S(4294967), "checks.NAME.interval"),
	SAME("warmup", ANYWHERE, "probes are spread over their interval"),
	SAME("log_all_failures", ANYWHERE, "`lbctl check history` shows them"),
	TAKES("connect_ip", CHECKS | IN(HOST), CONNECT_IP, IP, "checks.NAME.address"),
	NUMBER("connect_port", CHECKS | IN(HOST), CONNECT_PORT, 1, 65535, "checks.NAME.port"),
	TAKES("bindto", CHECKS | IN(HOST), BINDTO, IP, "checks.NAME.source"),
	TAKES("bind_if", CHECKS | IN(HOST), BIND_IF, WORD, "checks.NAME.interface"),
	LOST("bind_port", CHECKS | IN(HOST), "the kernel chooses the port that probes leave from"),
	LOST("fwmark", CHECKS | IN(HOST), "probes carry no mark; see source and interface"),
	BLOCK("TCP_CHECK", IN(RS), TCP_CHECK, BLOCK, TCP, "checks, type tcp"),
	BLOCK("HTTP_GET", IN(RS), HTTP_GET, BLOCK, HTTP, "checks, type http, one per url"),
	BLOCK("SSL_GET", IN(RS), SSL_GET, BLOCK, HTTP, "checks, type https with tls.verify: false"),
	BLOCK("DNS_CHECK", IN(RS), DNS_CHECK, BLOCK, DNS, "checks, type dns"),
	BLOCK("SMTP_CHECK", IN(RS), SMTP_CHECK, BLOCK, SMTP, "checks, type smtp"),
	BLOCK("MISC_CHECK", IN(RS), MISC_CHECK, BLOCK, MISC, "checks, type script"),
	BLOCK("UDP_CHECK", IN(RS), UDP_CHECK, BLOCK, UDP, "checks, type udp"),
	BLOCK("PING_CHECK", IN(RS), PING_CHECK, BLOCK, PING, "checks, type icmp"),
	LOST("FILE_CHECK", IN(RS), "`lbctl backend force` and `weight` do that at run time; or a check of type file"),
	LOST("BFD_CHECK", IN(RS), BFD),
	BLOCK("url", IN(HTTP), URL, BLOCK, URL, "a check of its own"),
	TAKES("path", IN(URL), PATH, WORD, "checks.NAME.path"),
	TAKES("status_code", IN(URL) | IN(HTTP), STATUS_CODE, WORD, "checks.NAME.status"),
	LOST("digest", IN(URL), BODY),
	LOST("regex", IN(URL), BODY),
	LOST("regex_no_match", IN(URL), BODY),
	LOST("regex_options", IN(URL), BODY),
	LOST("regex_stack", IN(URL), BODY),
	LOST("regex_min_offset", IN(URL), BODY),
	LOST("regex_max_offset", IN(URL), BODY),
	LOST("tls_compliant", IN(URL) | IN(HTTP), "a TLS connection may end without a goodbye"),
	LOST("http_protocol", IN(HTTP) | SERVERS, "probes speak HTTP 1.1; see http_version"),
	SAME("enable_sni", IN(HTTP), "always so: the name is that of host"),
	LOST("sni_name", IN(HTTP), "the name in the handshake is that of host"),
	LOST("fast_recovery", IN(HTTP), "see interval_down and rise"),
	TAKES("type", IN(DNS), DNS_TYPE, WORD, "checks.NAME.query"),
	TAKES("name", IN(DNS), DNS_NAME, WORD, "checks.NAME.query"),
	LOST("helo_name", IN(SMTP), "probes say EHLO with a name of their own"),
	BLOCK("host", IN(SMTP), HOST, BLOCK, HOST, "a check of its own"),
	TAKES("misc_path", IN(MISC), MISC_PATH, WORD, "checks.NAME.path, args"),
	TIME("misc_timeout", IN(MISC), MISC_TIMEOUT, 1, S(4294967), "checks.NAME.timeout"),
	TAKES("misc_dynamic", IN(MISC), MISC_DYNAMIC, BOOL, "checks.NAME.weight: exit"),
	TAKES("user", IN(MISC) | IN(SCRIPT), USER, WORD, "nothing: programs run as lbd-probe"),
	TAKES("payload", IN(UDP), PAYLOAD, WORD, "checks.NAME.send_hex"),
	TAKES("require_reply", IN(UDP), REQUIRE_REPLY, MAYBE, "checks.NAME.expect_regex"),
	LOST("min_reply_length", IN(UDP), "the length of an answer is not looked at"),
	LOST("max_reply_length", IN(UDP), "the length of an answer is not looked at"),
	TAKES("certificate", IN(SSL), CERTIFICATE, WORD, "tls.cert_file"),
	TAKES("key", IN(SSL), KEY, WORD, "tls.key_file"),
	LOST("password", IN(SSL), "the key file of a check has no password"),
	LOST("ca", IN(SSL), "keepalived verifies no certificate; to do so set tls: {verify: true, ca_file: FILE}"),

	/* ---- VRRP ---- */
	TAKES("state", IN(VRRP), STATE, WORD, "nothing: the priority decides"),
	TAKES("interface", IN(VRRP), INTERFACE, WORD, "interface"),
	NUMBER("virtual_router_id", IN(VRRP), VRID, 1, 255, "vrid"),
	NUMBER("version", IN(VRRP), VERSION, 2, 3, "version"),
	NUMBER("priority", IN(VRRP), PRIORITY, 1, 255, "priority"),
	TIME("advert_int", IN(VRRP), ADVERT_INT, 10000, S(255), "advert_interval"),
	TAKES("nopreempt", IN(VRRP), NOPREEMPT, BOOL, "preempt: false"),
	SAME("preempt", IN(VRRP), "it is the default"),
	TIME("preempt_delay", IN(VRRP), PREEMPT_DELAY, 0, S(1000), "preempt_delay"),
	BLOCK("authentication", IN(VRRP), AUTHENTICATION, BLOCK, AUTH, "auth"),
	TAKES("auth_type", IN(AUTH), AUTH_TYPE, WORD, "auth.type"),
	TAKES("auth_pass", IN(AUTH), AUTH_PASS, WORD, "the file auth.key_file"),
	LOST("auth_hmac", IN(VRRP) | IN(AUTH),
		"auth: {type: hmac, key_file: FILE}, with a line `ID HEX` per key in it"),
	BLOCK("virtual_ipaddress", IN(VRRP), VIRTUAL_IPADDRESS, BLOCK, LIST, "addresses"),
	BLOCK("virtual_ipaddress_excluded", IN(VRRP), VIRTUAL_IPADDRESS_EXCLUDED, BLOCK, LIST, "excluded"),
	BLOCK("unicast_peer", IN(VRRP), UNICAST_PEER, BLOCK, LIST, "unicast"),
	TAKES("unicast_src_ip", IN(VRRP), UNICAST_SRC_IP, IP, "source"),
	TAKES("mcast_src_ip", IN(VRRP), MCAST_SRC_IP, IP, "source"),
	LOST("mcast_dst_ip", IN(VRRP), "adverts go to 224.0.0.18 or ff02::12, as the RFC says"),
	LOST("unicast_ttl", IN(VRRP), "adverts leave with 255; see min_ttl for those that come"),
	LOST("check_unicast_src", IN(VRRP), "lbd takes adverts of the peers it was told of, and min_ttl"),
	LOST("unicast_fault_no_peer", IN(VRRP), "an instance with unicast and without a peer is an error"),
	LOST("track_src_ip", IN(VRRP), "see track: interface"),
	LOST("vrf", IN(VRRP), "lbd knows no VRF; name the interface in it"),
	TIME("garp_master_delay", IN(VRRP), GARP_DELAY, 0, S(3600), "announce.delay"),
	NUMBER("garp_master_repeat", IN(VRRP), GARP_REPEAT, 0, 1000, "announce.count"),
	TIME("garp_master_refresh", IN(VRRP), GARP_REFRESH, 0, S(86400), "announce.refresh"),
	LOST("garp_master_refresh_repeat", IN(VRRP), GARP),
	LOST("garp_lower_prio_delay", IN(VRRP), GARP),
	LOST("garp_lower_prio_repeat", IN(VRRP), GARP),
	LOST("garp_extra_if", IN(VRRP), GARP),
	LOST("lower_prio_no_advert", IN(VRRP), "lbd answers a weaker master with an advert"),
	LOST("higher_prio_send_advert", IN(VRRP), "lbd goes quiet for a stronger master"),
	SAME("skip_check_adv_addr", IN(VRRP), "lbd never drops an advert for its addresses"),
	LOST("down_timer_adverts", IN(VRRP), "it is always 3, as the RFC has it"),
	LOST("timer_expired_backup", IN(VRRP), "a process that stood still finds that by itself"),
	SAME("thread_timer_expired", IN(VRRP), "a process that stood still finds that by itself"),
	LOST("owner_ignore_adverts", IN(VRRP), "an owner follows the RFC"),
	TAKES("v3_checksum_as_v2", IN(VRRP), V3_CHECKSUM, BOOL, "checksum: rfc9568"),
	LOST("old_unicast_checksum", IN(VRRP), "adverts with that sum are taken; those sent have the right one"),
	TAKES("use_vmac", IN(VRRP), USE_VMAC, MAYBE, "virtual_mac"),
	LOST("vmac_xmit_base", IN(VRRP), "the card sends, always"),
	LOST("use_vmac_addr", IN(VRRP), "addresses are on the card or on the virtual MAC's interface"),
	LOST("use_ipvlan", IN(VRRP), "see virtual_mac"),
	BLOCK("virtual_routes", IN(VRRP), VIRTUAL_ROUTES, BLOCK, LIST, "routes"),
	BLOCK("virtual_rules", IN(VRRP), VIRTUAL_RULES, BLOCK, LIST, "rules"),
	BLOCK("track_interface", PLACES, TRACK_INTERFACE, BLOCK, LIST, "track: interface"),
	BLOCK("track_script", PLACES, TRACK_SCRIPT, BLOCK, LIST, "track: check"),
	BLOCK("track_process", PLACES, TRACK_PROCESS, BLOCK, LIST, "track: process"),
	LOST("track_file", PLACES, FILES),
	LOST("track_bfd", PLACES, BFD),
	LOST("dont_track_primary", IN(VRRP), "the interface of an instance is always tracked"),
	LOST("linkbeat_use_polling", IN(VRRP), "the kernel tells of links; polling is not needed"),
	BLOCK("group", IN(SYNC), GROUP, BLOCK, LIST, "group of each instance"),
	TAKES("sync_group_tracking_weight", IN(SYNC), GROUP_WEIGHT, MAYBE, "track: weight"),
	TAKES("global_tracking", IN(SYNC), GROUP_WEIGHT, MAYBE, "track: weight"),
	LOST("notify", PLACES, TOLD),
	LOST("notify_master", PLACES, TOLD),
	LOST("notify_backup", PLACES, TOLD),
	LOST("notify_fault", PLACES, TOLD),
	LOST("notify_stop", PLACES, TOLD),
	LOST("notify_deleted", IN(VRRP), TOLD),
	LOST("notify_master_rx_lower_pri", IN(VRRP), TOLD),
	LOST("notify_priority_changes", PLACES, TOLD),
	TAKES("accept", IN(VRRP), ACCEPT, BOOL, "accept: true, which is the default"),
	TAKES("no_accept", IN(VRRP), NO_ACCEPT, BOOL, "accept: false"),
	TAKES("strict_mode", IN(VRRP), STRICT_MODE, BOOL, "accept: false; neither auth nor preempt_delay"),
	LOST("kernel_rx_buf_size", IN(VRRP), SOCKETS),
	LOST("promote_secondaries", IN(VRRP), "a sysctl of the host: net.ipv4.conf.IF.promote_secondaries"),
	SAME("debug", IN(VRRP), "log.level"),
	SAME("native_ipv6", IN(VRRP), "the addresses tell the family"),
	TAKES("lvs_sync_daemon_interface", IN(VRRP), SYNC_DAEMON_OLD, WORD, "sync.multicast"),
	TAKES("lvs_sync_daemon_inteface", IN(VRRP), SYNC_DAEMON_OLD, WORD, "sync.multicast"),

	/* ---- what is tracked ---- */
	TAKES("script", IN(SCRIPT), SCRIPT, WORD, "checks.NAME.path, args"),
	TIME("interval", IN(SCRIPT), INTERVAL, 1, S(4294967), "checks.NAME.interval"),
	TIME("timeout", IN(SCRIPT), TIMEOUT, 0, S(4294967), "checks.NAME.timeout"),
	TAKES("weight", IN(SCRIPT), WEIGHT, WORD, "track: weight"),
	NUMBER("rise", IN(SCRIPT), RISE, 1, INT32_MAX, "checks.NAME.rise"),
	NUMBER("fall", IN(SCRIPT), FALL, 1, INT32_MAX, "checks.NAME.fall"),
	SAME("init_fail", IN(SCRIPT), "the first result decides at once"),
};
const size_t ka_words_n = sizeof(ka_words) / sizeof(ka_words[0]);

const struct ka_row *ka_word_find(const char *name, enum ka_in where)
{
	for (size_t i = 0; i < ka_words_n; i++)
		if (ka_words[i].where & 1u << where && strcmp(ka_words[i].name, name) == 0)
			return &ka_words[i];
	return NULL;
}

const char *ka_word_near(const char *name, enum ka_in where)
{
	const char *words[sizeof(ka_words) / sizeof(ka_words[0])];
	size_t n = 0;
	for (size_t i = 0; i < ka_words_n; i++)
		if (ka_words[i].where & 1u << where)
			words[n++] = ka_words[i].name;
	return lb_text_suggest(name, strlen(name), words, n);
}

bool ka_word_anywhere(const char *name)
{
	for (size_t i = 0; i < ka_words_n; i++)
		if (strcmp(ka_words[i].name, name) == 0)
			return true;
	return false;
}

/* ---- the manual page ---- */

static void put(const char *s, struct lb_text *out)
{
	for (; *s; s++) {
		if (strchr("*_\\`<>[]#~", *s))
			lb_text_puts(out, "\\");
		lb_text_put(out, s, 1);
	}
}

static void put_rows(enum ka_does does, const char *title, const char *intro, struct lb_text *out)
{
	lb_text_printf(out, "## %s\n\n%s\n\n", title, intro);
	for (size_t i = 0; i < ka_words_n; i++) {
		if (ka_words[i].does != does)
			continue;
		lb_text_puts(out, "*");
		put(ka_words[i].name, out);
		lb_text_puts(out, "*\n\t");
		put(ka_words[i].text, out);
		lb_text_puts(out, ".\n\n");
	}
}

void import_print_keywords(struct lb_text *out)
{
	lb_text_puts(out, "# KEYWORDS OF KEEPALIVED\n\n");
	put_rows(KA_TAKES, "Carried over", "With the key of lbd.yaml that each becomes.", out);
	put_rows(KA_SAME, "Not needed", "What lbd does anyway. The import notes the line.", out);
	put_rows(KA_LOST, "Without a counterpart", "The import lists the line, with what to do instead.", out);
}
