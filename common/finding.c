/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/finding.h"

#include <string.h>

const struct lb_finding_row lb_findings[] = {
	[LB_FINDING_DAEMON] = { "daemon", "whether the daemon answers", "{0}", "systemctl start lbd" },
	[LB_FINDING_VERSION] = { "daemon", "whether it is the version that is installed",
		"version {0} runs, {1} is installed", "lbctl daemon restart --wait" },
	[LB_FINDING_CONFIG] = { "config", "whether the configuration can be read and is right", "{0}",
		"lbctl config check {1}" },
	[LB_FINDING_DIFFERS] = { "config", "whether the file is what runs", "{0} is not what runs",
		"lbctl config diff" },
	[LB_FINDING_ALARM] = { "alarm", "alarms that the daemon has raised", "{0}", "{1}" },
	[LB_FINDING_PEER_VERSION] = { "peer", "the version of the other node", "{0} runs lbd {1}, this node {2}",
		"lbctl --peer daemon restart --wait" },
	[LB_FINDING_PEER_CLOCK] = { "clock", "the clocks of the nodes",
		"the clock of {0} is {1} s away from the one of this node", "timedatectl set-ntp true" },
	[LB_FINDING_MODULE] = { "module", "kernel modules that are needed", "module {0} is not loaded: {1}",
		"modprobe {0}" },
	[LB_FINDING_SYSCTL] = { "sysctl", "settings of the kernel that are needed", "{0}", "{1}" },
	[LB_FINDING_ARP] = { "arp", "who answers ARP for addresses of mode dr",
		"{0} stands on {1} and this node answers for it, master or not (arp_ignore {2}, arp_announce {3})",
		"sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2" },
	[LB_FINDING_ADDRESS] = { "address", "whether somebody has the addresses of the services",
		"{0} is on no card of this host and no vrrp entry has it: nothing arrives",
		"ip address add {0}/{1} dev lo   # or name it in vrrp.NAME.addresses" },
	[LB_FINDING_NO_CARD] = { "interface", "the cards of VRRP", "there is no interface {0}", "ip link show" },
	[LB_FINDING_CARD_DOWN] = { "interface", "whether they are up", "interface {0} is down",
		"ip link set dev {0} up" },
	[LB_FINDING_CARRIER] = { "interface", "whether they have a carrier",
		"interface {0} has no carrier: no advert leaves", "ethtool {0}   # then the cable and the switch" },
	[LB_FINDING_SOURCE] = { "interface", "whether there is an address to send adverts from",
		"interface {0} has no {1} address of its own to send adverts from",
		"ip address add ADDRESS/PREFIX dev {0}" },
	[LB_FINDING_ROUTE] = { "route", "routes to the backends", "there is no way to {0}: {1}", "ip route get {0}" },
	[LB_FINDING_GATEWAY] = { "route", "whether backends of mode dr are in the same segment",
		"{0} is behind the gateway {1}: mode dr reaches its own segment only",
		"lbctl config apply   # with mode: tun or nat in services.{2}" },
	[LB_FINDING_CHECK_ROUTE] = { "route", "whether checks go the way that the traffic goes",
		"check {0} goes to {1} {2}, the traffic {3}", "{4}" },
	[LB_FINDING_MTU] = { "mtu", "whether whole packets fit through tunnels",
		"packets of {0} bytes and {3} of tunnel do not fit through {1}, whose MTU is {2}",
		"ip link set dev {1} mtu {4}" },
	[LB_FINDING_FIREWALL_VRRP] = { "firewall", "whether adverts come in",
		"chain {0} drops what it does not know and its table does not name VRRP",
		"nft insert rule {0} meta l4proto 112 accept" },
	[LB_FINDING_FIREWALL_PEER] = { "firewall", "whether the other node comes in",
		"chain {0} drops what it does not know and its table does not name port {1}",
		"nft insert rule {0} meta l4proto { tcp, udp } th dport {1} accept" },
	[LB_FINDING_FIREWALL_FORWARD] = { "firewall", "whether mode nat may forward",
		"chain {0} lets nothing through: mode nat forwards", "nft insert rule {0} {1} daddr {2} accept" },
	[LB_FINDING_PROGRAM] = { "program", "programs that are needed", "{0} is not installed: {1}",
		"apt-get install {2}" },
	[LB_FINDING_CLOCK] = { "clock", "whether the clock of this host is synchronised",
		"the clock is not synchronised; the nodes of a pair compare theirs", "timedatectl set-ntp true" },
	[LB_FINDING_USER] = { "user", "the users that lbd runs as", "there is no user {0}", "systemd-sysusers" },
	[LB_FINDING_GROUP] = { "user", "the groups of those who may talk to it", "there is no group {0}: {1}",
		"groupadd --system {0}" },
	[LB_FINDING_NO_FILE] = { "file", "files that the configuration names", "{0}: {1}", "ls -l {0}" },
	[LB_FINDING_FILE_SECRET] = { "file", "who may read keys", "{0} can be read by everybody (mode {1})",
		"chmod o= {0}" },
	[LB_FINDING_FILE_READ] = { "file", "whether lbd may read them", "user {1} may not read {0}",
		"chown root:{1} {0} && chmod 640 {0}" },
	[LB_FINDING_FILE_KEY] = { "file", "whether keys are such", "{0}", "man 5 lbd.yaml   # key_file" },
	[LB_FINDING_STATE_DIR] = { "file", "the directory of state",
		"{0} {1}: overrides and generations end with the daemon", "install -d -o {2} -g {2} -m 700 {0}" },
	[LB_FINDING_SOCKET] = { "file", "the control sockets", "{0} has mode {1} and is of group {2}, not 660 of {3}",
		"lbctl daemon restart --wait" },
};
_Static_assert(sizeof(lb_findings) / sizeof(lb_findings[0]) == LB_FINDING_COUNT, "one row per finding");

const char *lb_finding_fill(const char *template, const char *const args[LB_FINDING_ARGS], char *out, size_t size)
{
	size_t at = 0;
	while (*template && at + 1 < size) {
		bool place = template[0] == '{' && template[1] >= '0' && template[1] < '0' + LB_FINDING_ARGS &&
			     template[2] == '}';
		const char *s = place ? args[template[1] - '0'] : template;
		size_t n = place ? (s ? strlen(s) : 0) : 1;
		if (n > size - 1 - at)
			n = size - 1 - at;
		if (n)
			memcpy(out + at, s, n);
		at += n;
		template += place ? 3 : 1;
	}
	out[at] = '\0';
	return out;
}

json_t *lb_finding_json(const char *check, bool skipped, const char *object, const char *text, const char *fix)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "check", check, "result", skipped ? "skipped" : "found",
		"object", object, "text", text);
	if (row && fix && *fix)
		json_object_set_new(row, "fix", json_string(fix));
	return row;
}
