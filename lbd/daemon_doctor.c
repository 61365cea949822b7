/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lbd --doctor`: what a configuration asks of this host, looked at and judged; a line of JSON for each finding, which
 * `lbctl doctor` puts beside what the daemon says. */
#include "common/proto.h"
#include "lbd/daemon.h"
#include "lbd/host/doctor_io.h"
#include "lbd/state/state_io.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IPIP_V4      20u /* bytes in front of a packet */
#define IPIP_V6      40u
#define GUE_BYTES    12u /* UDP and GUE without options */
#define GRE_BYTES    4u
#define CSUM_MORE    4u
#define REMCSUM_MORE 8u /* private flags, and the option: GUE_LEN_PRIV + GUE_PLEN_REMCSUM of the kernel's net/gue.h */
#define KEY_FILE_MAX 65536u

/* ---- what is asked for ---- */

static void add_module(struct doctor *d, const char *name, const char *why, const char *kind, const char *object)
{
	lb_vec_foreach (m, &d->modules)
		if (strcmp(m->name, name) == 0)
			return;
	struct doctor_module *m = lb_vec_push(&d->modules);
	if (!m)
		return;
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->why = why;
	snprintf(m->object, sizeof(m->object), "%s/%s", kind, object);
}

static bool carried(const struct config *c, const struct lb_ip *ip)
{
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		const struct config_vrrp *v = &c->vrrp[i];
		for (uint32_t k = 0; k < v->n_addresses; k++)
			if (lb_ip_cmp(&v->addresses[k].ip, ip) == 0)
				return true;
		for (uint32_t k = 0; k < v->n_excluded; k++)
			if (lb_ip_cmp(&v->excluded[k].ip, ip) == 0)
				return true;
	}
	return false;
}

static void add_listens(struct doctor *d, const struct config *c, const struct config_service *s)
{
	const struct lb_ip *before = NULL; /* they are sorted by address */
	for (uint32_t i = 0; i < s->n_listens; i++) {
		const struct ipvs_key *key = &s->listens[i];
		if (key->fwmark || (before && lb_ip_cmp(before, &key->addr) == 0))
			continue;
		before = &key->addr;
		struct doctor_address *a = lb_vec_push(&d->addresses);
		if (!a)
			return;
		a->ip = key->addr;
		a->carried = carried(c, &key->addr);
		a->dr = s->method == IPVS_METHOD_DR;
		snprintf(a->object, sizeof(a->object), "service/%s", s->name);
	}
}

static unsigned tunnel_bytes(const struct config_backend *b)
{
	unsigned n = lb_ip_is_v6(&b->addr) ? IPIP_V6 : IPIP_V4;
	if (b->method != IPVS_METHOD_TUN)
		return 0;
	if (b->tunnel.type == IPVS_TUNNEL_GUE)
		n += GUE_BYTES + (b->tunnel.csum == IPVS_TUNNEL_REMCSUM ? REMCSUM_MORE : 0);
	else if (b->tunnel.type == IPVS_TUNNEL_GRE)
		n += GRE_BYTES + (b->tunnel.csum ? CSUM_MORE : 0);
	return n;
}

static uint8_t transport_of(const struct check_spec *s, bool v6)
{
	const char *dns = check_param(&s->params, CHECK_PARAM_TRANSPORT);
	if (s->type == CHECK_TYPE_ICMP)
		return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	bool udp = s->type == CHECK_TYPE_UDP || (s->type == CHECK_TYPE_DNS && !(dns && strcmp(dns, "tcp") == 0));
	return udp ? IPPROTO_UDP : IPPROTO_TCP;
}

/* Of those that lbd itself sends, to the address that the traffic goes to. */
static void add_probe(struct doctor *d, const struct config_check *c, const struct config_backend *b)
{
	enum check_type type = c->spec.type;
	if (c->spec.addr.family || type == CHECK_TYPE_SCRIPT || type == CHECK_TYPE_FILE)
		return;
	struct doctor_probe *p = lb_vec_push(&d->probes);
	if (!p)
		return;
	p->backend = d->backends.n - 1;
	p->check = c->name;
	p->source = c->spec.source;
	p->interface = check_param(&c->spec.params, CHECK_PARAM_INTERFACE);
	p->proto = transport_of(&c->spec, lb_ip_is_v6(&b->addr));
	p->port = type == CHECK_TYPE_ICMP ? 0 : c->spec.port ? c->spec.port : b->port;
}

static void add_backends(struct doctor *d, const struct config_service *s)
{
	for (uint32_t i = 0; i < s->n_backends; i++) {
		const struct config_backend *from = &s->backends[i];
		struct doctor_backend *b = lb_vec_push(&d->backends);
		if (!b)
			return;
		b->ip = from->addr;
		b->service = s->name;
		b->dr = from->method == IPVS_METHOD_DR;
		b->nat = from->method == IPVS_METHOD_NAT;
		b->tunnel = tunnel_bytes(from);
		snprintf(b->object, sizeof(b->object), "backend/%.63s/%.63s", s->name, from->name);
		for (uint32_t k = 0; k < s->n_checks; k++)
			add_probe(d, s->checks[k], from);
	}
}

static void add_services(struct doctor *d, const struct config *c)
{
	char module[32];
	for (uint32_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		add_module(d, "ip_vs", "nothing is balanced", "service", s->name);
		snprintf(module, sizeof(module), "ip_vs_%s", s->scheduler);
		add_module(d, module, "it is a scheduler that is used", "service", s->name);
		if (s->source_nat.family)
			d->nft = true;
		add_listens(d, c, s);
		add_backends(d, s);
	}
	if (d->needs.service[HOST_NEED_SNAT])
		add_module(d, "nf_conntrack", "source_nat does nothing", "service", d->needs.service[HOST_NEED_SNAT]);
}

static void add_file(struct doctor *d, const char *path, enum doctor_file_kind kind, const char *object)
{
	lb_vec_foreach (f, &d->files)
		if (strcmp(f->path, path) == 0)
			return;
	struct doctor_file *f = path[0] ? lb_vec_push(&d->files) : NULL;
	if (!f)
		return;
	f->path = path;
	f->kind = kind;
	snprintf(f->object, sizeof(f->object), "%s", object);
}

static void add_tracks(struct doctor *d, const struct config_vrrp *v)
{
	for (uint32_t i = 0; i < v->n_tracks; i++) {
		bool other =
			v->tracks[i].type == CONFIG_TRACK_INTERFACE && strcmp(v->tracks[i].name, v->interface) != 0;
		struct doctor_card *card = other ? lb_vec_push(&d->cards) : NULL;
		if (!card)
			continue;
		card->name = v->tracks[i].name;
		card->tracked = true;
		snprintf(card->object, sizeof(card->object), "vrrp/%s", v->name);
	}
}

static void add_vrrp(struct doctor *d, const struct config *c)
{
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		const struct config_vrrp *v = &c->vrrp[i];
		struct doctor_card *card = lb_vec_push(&d->cards);
		if (!card)
			return;
		card->name = v->interface;
		card->family = v->family;
		card->source = v->source.family != 0;
		snprintf(card->object, sizeof(card->object), "vrrp/%s", v->name);
		add_file(d, v->key_file, DOCTOR_KEY, card->object);
		add_tracks(d, v);
		if (v->virtual_mac)
			add_module(d, "macvlan", "virtual_mac is a device of it", "vrrp", v->name);
		d->nft |= !v->accept;
	}
	d->vrrp = c->n_vrrp > 0;
}

static void ask_for(struct doctor *d, const struct config *c)
{
	daemon_host_needs(c, &d->needs);
	d->needs.sync = config_flows(c) == CONFIG_FLOWS_COPIED || c->multicast.interface[0];
	d->groups[0] = c->admin_group;
	d->groups[1] = c->observe_group;
	d->pair = c->cluster.n_nodes > 1;
	d->port = d->pair ? c->cluster.port : 0;
	if (config_flows(c) == CONFIG_FLOWS_COPIED)
		add_module(d, "nf_tables", "without it no flow is copied", "sync", "flows");
	add_file(d, c->cluster.key_file, DOCTOR_KEY, "cluster");
	add_file(d, c->state_hook.path, DOCTOR_PROGRAM, "hook/state");
	add_vrrp(d, c);
	add_services(d, c);
}

/* ---- what is found ---- */

static void print_row(const char *check, bool skipped, const char *object, const char *text, const char *fix)
{
	struct lb_text line = LB_TEXT_INIT;
	json_t *row = lb_finding_json(check, skipped, object, text, fix);
	if (row)
		lb_proto_dump(row, &line);
	if (!line.bad && line.n)
		fwrite(line.s, 1, line.n, stdout);
	json_decref(row);
	lb_text_done(&line);
}

static void found(void *arg, int id, const char *object, const char *text, const char *fix)
{
	(void)arg;
	print_row(id < 0 ? "host" : lb_findings[id].name, id < 0, object, text, fix);
}

/* Of one that is not there, or that we may not read, has been told. */
static int read_key(const char *path, struct lb_text *out, struct lb_err *e, void *arg)
{
	(void)arg;
	int err = state_read_path(path, KEY_FILE_MAX, out);
	if (!err)
		return 0;
	bool told = err == -ENOENT || err == -EACCES;
	return lb_err_set(e, told ? LB_CODE_DENIED : LB_CODE_INVALID, "%s: %s", path, strerror(-err));
}

static void tell_key(const char *object, const struct lb_err *e)
{
	const char *const args[LB_FINDING_ARGS] = { e->text };
	char text[DOCTOR_TEXT_MAX];
	lb_finding_fill(lb_findings[LB_FINDING_FILE_KEY].text, args, text, sizeof(text));
	if (e->code == LB_CODE_INVALID)
		found(NULL, LB_FINDING_FILE_KEY, object, text, lb_findings[LB_FINDING_FILE_KEY].mend);
}

/* With a key that is none lbd does not start. */
static void judge_keys(const struct config *c)
{
	char object[DOCTOR_OBJECT_MAX];
	struct peer_key key = { .n = 0 };
	struct lb_err e;
	if (c->cluster.key_file[0] && model_peer_key(c, read_key, NULL, &key, &e))
		tell_key("cluster", &e);
	explicit_bzero(&key, sizeof(key));
	for (uint32_t i = 0; i < c->n_vrrp; i++) {
		snprintf(object, sizeof(object), "vrrp/%s", c->vrrp[i].name);
		if (c->vrrp[i].key_file[0] && model_vrrp_key_check(&c->vrrp[i], read_key, NULL, &e))
			tell_key(object, &e);
	}
}

#define EXAMPLE "/usr/share/lbd/examples/nat/lbd.yaml"

/* The first finding about the file stands for all: `config check` tells the rest. */
static struct config *load(const struct daemon_options *opt, struct daemon_text *t)
{
	struct lb_err e = { LB_CODE_INVALID, "" };
	struct lb_text report = LB_TEXT_INIT;
	char text[DOCTOR_TEXT_MAX], fix[DOCTOR_TEXT_MAX];
	int err = daemon_text_read(opt->config, t, &e);
	struct config *c = err ? NULL : config_load_again(t->sources.v, t->sources.n, opt->node, &report);
	const char *first = err ? e.text : report.s ? report.s : "out of memory";
	if (!c) {
		char line[DOCTOR_TEXT_MAX];
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(first, "\n"), first);
		const char *const args[LB_FINDING_ARGS] = { line, opt->config };
		lb_finding_fill(lb_findings[LB_FINDING_CONFIG].mend, args, fix, sizeof(fix));
		if (err && access(opt->config, F_OK)) /* checking it would say the same again */
			snprintf(fix, sizeof(fix), "cp " EXAMPLE " %s   # then change it", opt->config);
		print_row(lb_findings[LB_FINDING_CONFIG].name, e.code == LB_CODE_DENIED, opt->config,
			lb_finding_fill(lb_findings[LB_FINDING_CONFIG].text, args, text, sizeof(text)), fix);
	}
	lb_text_done(&report);
	return c;
}

int daemon_doctor(const struct daemon_options *opt)
{
	static const char *const sockets[] = { "control.sock", "observe.sock" };
	struct daemon_text t = { 0 };
	struct doctor d = { .user = opt->user,
		.probe_user = "lbd-probe",
		.state_dir = opt->state_dir,
		.groups = { "lbadmin", "lbobserve" } };
	struct config *c = load(opt, &t);
	if (c)
		ask_for(&d, c);
	for (size_t i = 0; i < 2; i++) {
		snprintf(d.sockets[i].path, sizeof(d.sockets[i].path), "%.100s/%s", opt->run_dir, sockets[i]);
		d.sockets[i].group = d.groups[i];
	}
	doctor_look(&d);
	doctor_judge(&d, found, NULL);
	doctor_done(&d);
	if (c)
		judge_keys(c);
	config_free(c);
	daemon_text_done(&t);
	return fflush(stdout) ? LB_CODE_FAILED : LB_CODE_OK;
}
