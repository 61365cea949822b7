/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host in which everything is well, one thing changed: exactly that is found, with the line that mends it. */
#include "lbd/host/doctor.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static struct lb_ip ip(const char *s)
{
	struct lb_ip out = { 0 };
	ck_assert_int_eq(lb_ip_parse(s, strlen(s), &out), 0);
	return out;
}

static void well(struct doctor *d)
{
	*d = (struct doctor){ .user = "lbd",
		.probe_user = "lbd-probe",
		.state_dir = "/var/lib/lbd",
		.groups = { "lbadmin", "lbobserve" },
		.port = 8898,
		.pair = true,
		.vrrp = true,
		.nft = true,
		.user_there = { true, true },
		.group_there = { true, true },
		.uid = 61,
		.gid = 61,
		.state_uid = 61,
		.clock_synced = true,
		.nft_there = true,
		.firewall_read = true };
	struct doctor_module *m = lb_vec_push(&d->modules);
	*m = (struct doctor_module){ .name = "ip_vs_mh", .why = "why", .object = "service/web", .loaded = true };
	struct doctor_address *a = lb_vec_push(&d->addresses);
	*a = (struct doctor_address){ .ip = ip("203.0.113.10"), .object = "service/web", .carried = true, .dr = true };
	struct doctor_card *c = lb_vec_push(&d->cards);
	*c = (struct doctor_card){ .name = "wan0",
		.object = "vrrp/wan4",
		.family = AF_INET,
		.there = true,
		.up = true,
		.carrier = true,
		.address = true };
	struct doctor_backend *b = lb_vec_push(&d->backends);
	*b = (struct doctor_backend){ .ip = ip("10.0.0.11"),
		.service = "web",
		.object = "backend/web/app1",
		.dr = true,
		.dev = "lan0",
		.mtu = 1500 };
	struct doctor_probe *p = lb_vec_push(&d->probes);
	*p = (struct doctor_probe){ .check = "app", .proto = 6, .port = 80, .dev = "lan0" };
	struct doctor_file *f = lb_vec_push(&d->files);
	*f = (struct doctor_file){ .path = "/etc/lbd/pair.key", .object = "cluster", .mode = 0100640, .gid = 61 };
	d->sockets[0] = (struct doctor_socket){
		.path = "/run/lbd/control.sock", .group = "lbadmin", .there = true, .mode = 0140660
	};
	struct doctor_chain *ch = lb_vec_push(&d->firewall.chains);
	*ch = (struct doctor_chain){ .family = "inet",
		.table = "filter",
		.name = "input",
		.drops = true,
		.accepts = true,
		.vrrp = true,
		.port = true };
}

static void all_well(struct doctor *d)
{
	(void)d;
}
static void no_module(struct doctor *d)
{
	d->modules.v[0].loaded = false;
}
static void a_sysctl(struct doctor *d)
{
	d->n_host = 1;
	d->host[0] = (struct host_finding){ "service/web", "it is 0", "sysctl -w it=1", false };
}
static void no_address(struct doctor *d)
{
	d->addresses.v[0].carried = false;
}
static void address_on_loopback(struct doctor *d)
{
	struct doctor_address *a = &d->addresses.v[0];
	a->carried = false;
	a->local = true;
	strcpy(a->dev, "lo");
}
static void quiet_on_loopback(struct doctor *d)
{
	address_on_loopback(d);
	d->addresses.v[0].arp_ignore = 1;
	d->addresses.v[0].arp_announce = 2;
}
static void alone_on_loopback(struct doctor *d)
{
	address_on_loopback(d);
	d->pair = false;
}
static void no_card(struct doctor *d)
{
	d->cards.v[0].there = d->cards.v[0].up = d->cards.v[0].address = false;
}
static void tracked(struct doctor *d, bool there)
{
	*(struct doctor_card *)lb_vec_push(&d->cards) =
		(struct doctor_card){ .name = "lan0", .object = "vrrp/wan4", .tracked = true, .there = there };
}
static void no_tracked_card(struct doctor *d)
{
	tracked(d, false);
}
static void tracked_card_down(struct doctor *d)
{
	tracked(d, true);
}
static void card_down(struct doctor *d)
{
	d->cards.v[0].up = d->cards.v[0].carrier = false;
}
static void no_carrier(struct doctor *d)
{
	d->cards.v[0].carrier = false;
}
static void no_source(struct doctor *d)
{
	d->cards.v[0].address = false;
}
static void no_route(struct doctor *d)
{
	d->backends.v[0].err = ENETUNREACH;
}
static void not_asked(struct doctor *d)
{
	d->backends.v[0].err = -1;
}
static void gateway(struct doctor *d)
{
	d->backends.v[0].via = d->probes.v[0].via = ip("10.0.0.1");
}
static void gateway_of_both(struct doctor *d)
{
	gateway(d);
	d->backends.v[0].dr = false;
}
static void probes_elsewhere(struct doctor *d)
{
	strcpy(d->probes.v[0].dev, "mgmt0");
}
static void probes_over_another(struct doctor *d)
{
	gateway_of_both(d);
	d->probes.v[0].via = ip("10.0.0.2");
	d->probes.v[0].source = ip("10.0.0.3");
}
static void probes_nowhere(struct doctor *d)
{
	d->probes.v[0].err = ENODEV;
	d->probes.v[0].interface = "lan7";
}
static void probes_unknown(struct doctor *d)
{
	probes_elsewhere(d);
	d->probes.v[0].err = -1;
}
static void nothing_goes(struct doctor *d)
{
	no_route(d);
	d->probes.v[0].err = ENETUNREACH;
}
static void tunnel(struct doctor *d)
{
	d->backends.v[0].dr = false;
	d->backends.v[0].tunnel = 20;
}
static void tunnel_fits(struct doctor *d)
{
	tunnel(d);
	d->backends.v[0].mtu = 1520;
}
static void firewall_vrrp(struct doctor *d)
{
	d->firewall.chains.v[0].vrrp = false;
}
static void firewall_open(struct doctor *d)
{
	d->firewall.chains.v[0].vrrp = d->firewall.chains.v[0].port = d->firewall.chains.v[0].drops = false;
}
static void firewall_port(struct doctor *d)
{
	d->firewall.chains.v[0].port = false;
}
static void firewall_forward(struct doctor *d)
{
	d->firewall.chains.v[0].forward = true;
	d->firewall.chains.v[0].accepts = false;
	d->backends.v[0].dr = false;
	d->backends.v[0].nat = true;
}
static void firewall_unread(struct doctor *d)
{
	d->firewall_read = false;
}
static void no_nft(struct doctor *d)
{
	d->nft_there = false;
}
static void no_clock(struct doctor *d)
{
	d->clock_synced = false;
}
static void no_user(struct doctor *d)
{
	d->user_there[1] = false;
}
static void no_group(struct doctor *d)
{
	d->group_there[1] = false;
}
static void nobody_looked(struct doctor *d)
{
	d->user = "";
	d->user_there[0] = d->user_there[1] = d->group_there[0] = false;
}
static void no_key(struct doctor *d)
{
	d->files.v[0].err = ENOENT;
}
static void open_key(struct doctor *d)
{
	d->files.v[0].mode = 0100644;
}
static void closed_key(struct doctor *d)
{
	d->files.v[0].mode = 0100600;
}
static void hidden_key(struct doctor *d)
{
	d->files.v[0].err = EACCES;
}
static void no_state(struct doctor *d)
{
	d->state_err = ENOENT;
}
static void foreign_state(struct doctor *d)
{
	d->state_uid = 0;
}
static void six_without_address(struct doctor *d)
{
	d->addresses.v[0].ip = ip("2001:db8::1");
	d->addresses.v[0].carried = false;
}
static void six_on_loopback(struct doctor *d)
{
	address_on_loopback(d);
	d->addresses.v[0].ip = ip("2001:db8::1");
}
static void moved_on_loopback(struct doctor *d)
{
	address_on_loopback(d);
	d->addresses.v[0].moved = true;
}
static void loopback_unread(struct doctor *d)
{
	address_on_loopback(d);
	d->addresses.v[0].arp_ignore = -1;
}
static void half_quiet_on_loopback(struct doctor *d)
{
	address_on_loopback(d);
	d->addresses.v[0].arp_ignore = 1;
	d->addresses.v[0].arp_announce = 1;
}
static void no_source_6(struct doctor *d)
{
	no_source(d);
	d->cards.v[0].family = AF_INET6;
}
static void source_said(struct doctor *d)
{
	no_source(d);
	d->cards.v[0].source = true;
}
static void gateway_in_nat(struct doctor *d)
{
	gateway(d);
	d->backends.v[0].dr = false;
}
static void tunnel_unmeasured(struct doctor *d)
{
	tunnel(d);
	d->backends.v[0].mtu = 0;
}
static void two_tunnels_one_card(struct doctor *d)
{
	tunnel(d);
	struct doctor_backend *b = lb_vec_push(&d->backends);
	*b = d->backends.v[0];
}
static void forward_6(struct doctor *d)
{
	firewall_forward(d);
	d->backends.v[0].ip = ip("2001:db8::5");
}
static void forward_6_in_4(struct doctor *d)
{
	forward_6(d);
	strcpy(d->firewall.chains.v[0].family, "ip");
}
static void forward_of_nobody(struct doctor *d)
{
	firewall_forward(d);
	d->backends.v[0].nat = false;
}
static void key_of_lbd(struct doctor *d)
{
	d->files.v[0].uid = 61;
	d->files.v[0].mode = 0100400;
}
static void key_of_others(struct doctor *d)
{
	d->files.v[0].gid = 0;
}
static void state_unreadable(struct doctor *d)
{
	d->state_err = EACCES;
}
static void state_without_user(struct doctor *d)
{
	nobody_looked(d);
	d->state_err = ENOENT;
}
static void open_socket(struct doctor *d)
{
	d->sockets[0].mode = 0140666;
}

static const struct {
	const char *what;
	void (*change)(struct doctor *d);
	const char *object, *fix; /* of the one finding; object NULL = none; fix NULL = it could not be looked at */
} rows[] = {
	{ "all is well", all_well, NULL, NULL },
	{ "a module", no_module, "service/web", "modprobe ip_vs_mh" },
	{ "a setting", a_sysctl, "service/web", "sysctl -w it=1" },
	{ "an address that nobody has", no_address, "service/web",
		"ip address add 203.0.113.10/32 dev lo   # or name it in vrrp.NAME.addresses" },
	{ "one that both nodes answer for", address_on_loopback, "service/web",
		"sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2" },
	{ "that keep quiet about it", quiet_on_loopback, NULL, NULL },
	{ "that has no other node", alone_on_loopback, NULL, NULL },
	{ "no card", no_card, "vrrp/wan4", "ip link show" },
	{ "none that is tracked", no_tracked_card, "vrrp/wan4", "ip link show" },
	{ "a tracked one may be down: that is what it is tracked for", tracked_card_down, NULL, NULL },
	{ "a card that is down", card_down, "vrrp/wan4", "ip link set dev wan0 up" },
	{ "no carrier", no_carrier, "vrrp/wan4", "ethtool wan0   # then the cable and the switch" },
	{ "no address to send from", no_source, "vrrp/wan4", "ip address add ADDRESS/PREFIX dev wan0" },
	{ "no route", no_route, "backend/web/app1", "ip route get 10.0.0.11" },
	{ "a route that could not be asked for is not said to be missing", not_asked, NULL, NULL },
	{ "dr through a gateway", gateway, "backend/web/app1",
		"lbctl config apply   # with mode: tun or nat in services.web" },
	{ "nat through a gateway", gateway_of_both, NULL, NULL },
	{ "probes by another card", probes_elsewhere, "backend/web/app1", "ip rule show" },
	{ "over another gateway", probes_over_another, "backend/web/app1",
		"lbctl config apply   # without source and interface in checks.app" },
	{ "by a card that is not there", probes_nowhere, "backend/web/app1",
		"lbctl config apply   # without source and interface in checks.app" },
	{ "nobody knows how", probes_unknown, NULL, NULL },
	{ "one route is missing, not two", nothing_goes, "backend/web/app1", "ip route get 10.0.0.11" },
	{ "a tunnel without room", tunnel, "backend/web/app1", "ip link set dev lan0 mtu 1520" },
	{ "and with", tunnel_fits, NULL, NULL },
	{ "adverts are dropped", firewall_vrrp, "firewall",
		"nft insert rule inet filter input meta l4proto 112 accept" },
	{ "nothing is dropped", firewall_open, NULL, NULL },
	{ "the other node is dropped", firewall_port, "firewall",
		"nft insert rule inet filter input meta l4proto { tcp, udp } th dport 8898 accept" },
	{ "forwarding is dropped", firewall_forward, "firewall",
		"nft insert rule inet filter input ip daddr 10.0.0.11 accept" },
	{ "rules that may not be read", firewall_unread, "host", NULL },
	{ "no nft", no_nft, "host", "apt-get install nftables" },
	{ "a clock", no_clock, "host", "timedatectl set-ntp true" },
	{ "a user", no_user, "host", "systemd-sysusers" },
	{ "a group", no_group, "host", "groupadd --system lbobserve" },
	{ "a daemon of root has no users to look at", nobody_looked, NULL, NULL },
	{ "no key", no_key, "cluster", "ls -l /etc/lbd/pair.key" },
	{ "a key for everybody", open_key, "cluster", "chmod o= /etc/lbd/pair.key" },
	{ "a key that lbd cannot read", closed_key, "cluster",
		"chown root:lbd /etc/lbd/pair.key && chmod 640 /etc/lbd/pair.key" },
	{ "a key that we may not look at", hidden_key, "host", NULL },
	{ "no directory of state", no_state, "host", "install -d -o lbd -g lbd -m 700 /var/lib/lbd" },
	{ "one of somebody else", foreign_state, "host", "install -d -o lbd -g lbd -m 700 /var/lib/lbd" },
	{ "an address of IPv6", six_without_address, "service/web",
		"ip address add 2001:db8::1/128 dev lo   # or name it in vrrp.NAME.addresses" },
	{ "IPv6 has no ARP", six_on_loopback, NULL, NULL },
	{ "what VRRP moves is on one node only", moved_on_loopback, NULL, NULL },
	{ "a setting that cannot be read is not judged", loopback_unread, NULL, NULL },
	{ "half of both is not enough", half_quiet_on_loopback, "service/web",
		"sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2" },
	{ "no address of IPv6", no_source_6, "vrrp/wan4", "ip address add ADDRESS/PREFIX dev wan0" },
	{ "source is configured", source_said, NULL, NULL },
	{ "nat may have a gateway", gateway_in_nat, NULL, NULL },
	{ "an MTU that is not known is not judged", tunnel_unmeasured, NULL, NULL },
	{ "a card is told once", two_tunnels_one_card, "backend/web/app1", "ip link set dev lan0 mtu 1520" },
	{ "forwarding of IPv6 is dropped", forward_6, "firewall",
		"nft insert rule inet filter input ip6 daddr 2001:db8::5 accept" },
	{ "a table of IPv4 drops no IPv6", forward_6_in_4, NULL, NULL },
	{ "nobody is forwarded to", forward_of_nobody, NULL, NULL },
	{ "a key of its own", key_of_lbd, NULL, NULL },
	{ "a key of another group", key_of_others, "cluster",
		"chown root:lbd /etc/lbd/pair.key && chmod 640 /etc/lbd/pair.key" },
	{ "a directory that we may not look at", state_unreadable, NULL, NULL },
	{ "no directory, and a daemon of root", state_without_user, "host",
		"install -d -o lbd -g lbd -m 700 /var/lib/lbd" },
	{ "a socket for everybody", open_socket, "host", "lbctl daemon restart --wait" },
};

struct got {
	size_t n;
	int id;
	char object[DOCTOR_OBJECT_MAX], fix[DOCTOR_TEXT_MAX], text[DOCTOR_TEXT_MAX];
};

static void take(void *arg, int id, const char *object, const char *text, const char *fix)
{
	struct got *g = arg;
	g->n++;
	g->id = id;
	snprintf(g->object, sizeof(g->object), "%s", object);
	snprintf(g->fix, sizeof(g->fix), "%s", fix);
	snprintf(g->text, sizeof(g->text), "%s", text);
	ck_assert_msg(!strchr(text, '{') && !strstr(text, "(null)"), "%s", text);
}

START_TEST(one_thing_is_found)
{
	struct doctor d;
	struct got g = { 0 };
	well(&d);
	rows[_i].change(&d);
	doctor_judge(&d, take, &g);
	doctor_done(&d);
	ck_assert_msg(g.n == (rows[_i].object != NULL), "%s: %zu findings, the last: %s", rows[_i].what, g.n, g.text);
	if (!g.n)
		return;
	ck_assert_msg(strcmp(g.object, rows[_i].object) == 0, "%s: of %s", rows[_i].what, g.object);
	ck_assert_msg((g.id < 0) == !rows[_i].fix, "%s", rows[_i].what);
	ck_assert_msg(strcmp(g.fix, rows[_i].fix ? rows[_i].fix : "") == 0, "%s: %s", rows[_i].what, g.fix);
}
END_TEST

START_TEST(many_of_a_kind_are_counted)
{
	struct doctor d;
	struct got g = { 0 };
	well(&d);
	d.backends.v[0].err = ENETUNREACH;
	for (int i = 0; i < 999; i++) {
		struct doctor_backend *b = lb_vec_push(&d.backends);
		*b = d.backends.v[0];
	}
	doctor_judge(&d, take, &g);
	ck_assert_uint_eq(g.n, 4);
	ck_assert_str_eq(g.text, "997 more of the same");
	doctor_done(&d);
}
END_TEST

/* ---- what nft prints ---- */

static const char ruleset[] = "table inet filter {\n"
			      "\tset clients {\n"
			      "\t\ttype ipv4_addr\n"
			      "\t\telements = { 10.0.0.1,\n"
			      "\t\t\t     10.0.0.2 }\n"
			      "\t}\n"
			      "\n"
			      "\tchain input {\n"
			      "\t\ttype filter hook input priority filter; policy drop;\n"
			      "\t\tct state established,related accept\n"
			      "\t\tip protocol vrrp accept\n"
			      "\t\tudp dport { 53, 8898 } accept\n"
			      "\t}\n"
			      "\n"
			      "\tchain forward {\n"
			      "\t\ttype filter hook forward priority filter; policy accept;\n"
			      "\t\tcounter packets 0 bytes 0 drop\n"
			      "\t}\n"
			      "}\n"
			      "table ip nat {\n"
			      "\tchain post {\n"
			      "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
			      "\t\tmasquerade\n"
			      "\t}\n"
			      "}\n"
			      "table ip old {\n"
			      "\tchain INPUT {\n"
			      "\t\ttype filter hook input priority 0; policy accept;\n"
			      "\t\tjump mine\n"
			      "\t\tdrop\n"
			      "\t}\n"
			      "\tchain mine {\n"
			      "\t\tmeta l4proto 112 accept\n"
			      "\t}\n"
			      "}\n";

START_TEST(chains_are_read)
{
	struct doctor_firewall f = { 0 };
	ck_assert_int_eq(doctor_firewall_read(&f, ruleset, strlen(ruleset), 8898), 0);
	ck_assert_uint_eq(f.chains.n, 3);
	const struct doctor_chain *c = f.chains.v;
	ck_assert_str_eq(c[0].table, "filter");
	ck_assert_str_eq(c[0].name, "input");
	ck_assert(c[0].drops && c[0].vrrp && c[0].port && c[0].accepts && !c[0].forward);
	ck_assert(c[1].forward && !c[1].accepts && c[1].drops);
	ck_assert_str_eq(c[2].family, "ip");
	ck_assert(c[2].drops && c[2].vrrp && !c[2].port && c[2].accepts);
	lb_vec_done(&f.chains);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("doctor");
	TCase *c = tcase_create("doctor");
	suite_add_tcase(s, c);
	tcase_add_loop_test(c, one_thing_is_found, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, many_of_a_kind_are_counted);
	tcase_add_test(c, chains_are_read);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
