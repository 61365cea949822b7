/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules as `ipvsadm -Sn` prints them and `ipvsadm -R` takes them, one per line. */
#include "common/addr.h"
#include "lbd/import/imp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define WORDS_MAX 64

enum opt {
	OPT_ADD_SERVICE,
	OPT_ADD_SERVER,
	OPT_TCP,
	OPT_UDP,
	OPT_SCTP,
	OPT_MARK,
	OPT_IPV6,
	OPT_SCHEDULER,
	OPT_PERSISTENT,
	OPT_MASK,
	OPT_ENGINE,
	OPT_FLAGS,
	OPT_ONE_PACKET,
	OPT_SERVER,
	OPT_NAT,
	OPT_DR,
	OPT_TUN,
	OPT_WEIGHT,
	OPT_UPPER,
	OPT_LOWER,
	OPT_TUN_TYPE,
	OPT_TUN_PORT,
	OPT_NOCSUM,
	OPT_CSUM,
	OPT_REMCSUM,
	OPT_NUMERIC
};
#define OPT_COUNT 26

enum takes { TAKES_NOTHING, TAKES_WORD, TAKES_MAYBE };

static const struct {
	const char *letter, *word;
	enum takes takes;
} opts[] = {
	[OPT_ADD_SERVICE] = { "-A", "--add-service", TAKES_NOTHING },
	[OPT_ADD_SERVER] = { "-a", "--add-server", TAKES_NOTHING },
	[OPT_TCP] = { "-t", "--tcp-service", TAKES_WORD },
	[OPT_UDP] = { "-u", "--udp-service", TAKES_WORD },
	[OPT_SCTP] = { "--sctp-service", "--sctp-service", TAKES_WORD },
	[OPT_MARK] = { "-f", "--fwmark-service", TAKES_WORD },
	[OPT_IPV6] = { "-6", "--ipv6", TAKES_NOTHING },
	[OPT_SCHEDULER] = { "-s", "--scheduler", TAKES_WORD },
	[OPT_PERSISTENT] = { "-p", "--persistent", TAKES_MAYBE },
	[OPT_MASK] = { "-M", "--netmask", TAKES_WORD },
	[OPT_ENGINE] = { "--pe", "--pe", TAKES_WORD },
	[OPT_FLAGS] = { "-b", "--sched-flags", TAKES_WORD },
	[OPT_ONE_PACKET] = { "-o", "--ops", TAKES_NOTHING },
	[OPT_SERVER] = { "-r", "--real-server", TAKES_WORD },
	[OPT_NAT] = { "-m", "--masquerading", TAKES_NOTHING },
	[OPT_DR] = { "-g", "--gatewaying", TAKES_NOTHING },
	[OPT_TUN] = { "-i", "--ipip", TAKES_NOTHING },
	[OPT_WEIGHT] = { "-w", "--weight", TAKES_WORD },
	[OPT_UPPER] = { "-x", "--u-threshold", TAKES_WORD },
	[OPT_LOWER] = { "-y", "--l-threshold", TAKES_WORD },
	[OPT_TUN_TYPE] = { "--tun-type", "--tun-type", TAKES_WORD },
	[OPT_TUN_PORT] = { "--tun-port", "--tun-port", TAKES_WORD },
	[OPT_NOCSUM] = { "--tun-nocsum", "--tun-nocsum", TAKES_NOTHING },
	[OPT_CSUM] = { "--tun-csum", "--tun-csum", TAKES_NOTHING },
	[OPT_REMCSUM] = { "--tun-remcsum", "--tun-remcsum", TAKES_NOTHING },
	[OPT_NUMERIC] = { "-n", "--numeric", TAKES_NOTHING },
};
_Static_assert(sizeof(opts) / sizeof(opts[0]) == OPT_COUNT, "one row per option");

struct rule {
	const char *v[OPT_COUNT]; /* NULL: not there; "" without a value */
};

struct known { /* a service that has been made */
	const char *key;
	struct y *y, *backends;
	const char *mode; /* NULL: no backend so far */
};

struct rules {
	struct imp *im;
	struct y *services;
	LB_VEC(struct known) made;
};

/* ---- words ---- */

static int opt_of(const char *w)
{
	for (int i = 0; i < OPT_COUNT; i++)
		if (strcmp(opts[i].letter, w) == 0 || strcmp(opts[i].word, w) == 0)
			return i;
	return -1;
}

static size_t words(struct imp *im, const char *s, size_t n, const char **out)
{
	size_t count = 0;
	for (size_t i = 0; i < n;) {
		size_t from = i;
		while (i < n && s[i] != ' ' && s[i] != '\t' && s[i] != '\r')
			i++;
		if (i > from && count < WORDS_MAX)
			out[count++] = imp_strn(im, s + from, i - from);
		i += i == from;
	}
	return count;
}

/* 0, or -1 and it has been said. */
static int read_rule(struct imp *im, const struct imp_place *at, const char *const *w, size_t n, struct rule *r)
{
	*r = (struct rule){ { 0 } };
	for (size_t i = strcmp(w[0], "ipvsadm") == 0; i < n; i++) {
		int o = opt_of(w[i]);
		bool more = i + 1 < n && (w[i + 1][0] != '-' || o < 0);
		if (o < 0) {
			imp_say(im, at, IMP_ERROR, "unknown word '%s'; the line is left out", imp_shown(im, w[i]));
			return -1;
		}
		if (opts[o].takes == TAKES_WORD && !more) {
			imp_say(im, at, IMP_ERROR, "%s without a value; the line is left out", w[i]);
			return -1;
		}
		r->v[o] = opts[o].takes != TAKES_NOTHING && more ? w[++i] : "";
	}
	if (r->v[OPT_ADD_SERVICE] || r->v[OPT_ADD_SERVER])
		return 0;
	imp_say(im, at, IMP_ERROR, "neither -A nor -a; the line is left out");
	return -1;
}

/* ---- services ---- */

static const char *const kinds[] = { "tcp", "udp", "sctp", "fwmark" };

/* Which of OPT_TCP.. OPT_MARK the rule has; -1 none, and it has been said. */
static int kind_of(struct imp *im, const struct imp_place *at, const struct rule *r)
{
	struct lb_ip ip;
	uint16_t port;
	for (int k = 0; k < 4; k++) {
		const char *v = r->v[OPT_TCP + k];
		if (!v)
			continue;
		bool good = k == 3 ? strspn(v, "0123456789") == strlen(v)
				   : lb_endpoint_parse(v, strlen(v), true, &ip, &port) == 0;
		if (good)
			return k;
		imp_say(im, at, IMP_ERROR, "%s is not an address with its port in numbers: take `ipvsadm -Sn`",
			imp_shown(im, v));
		return -1;
	}
	imp_say(im, at, IMP_ERROR, "a rule without a service: -t, -u, --sctp-service or -f");
	return -1;
}

static struct known *find(struct rules *r, const char *key)
{
	lb_vec_foreach (s, &r->made)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

static const char *key_of(struct imp *im, int kind, const struct rule *r)
{
	return imp_str(im, "%s %s%s", kinds[kind], r->v[OPT_TCP + kind], kind == 3 && r->v[OPT_IPV6] ? " 6" : "");
}

static const char *name_of(struct imp *im, int kind, const char *where)
{
	char ip_text[LB_IP_STRLEN];
	struct lb_ip ip;
	uint16_t port = 0;
	if (kind == 3 || lb_endpoint_parse(where, strlen(where), true, &ip, &port))
		return imp_str(im, "fwmark-%s", where);
	const char *tail = kind ? imp_str(im, "-%s", kinds[kind]) : "";
	return port ? imp_str(im, "%s-%u%s", lb_ip_str(&ip, ip_text), port, tail)
		    : imp_str(im, "%s%s", lb_ip_str(&ip, ip_text), tail);
}

static void put_persistence(struct imp *im, const struct rule *r, struct y *to)
{
	const char *timeout = r->v[OPT_PERSISTENT], *mask = r->v[OPT_MASK], *engine = r->v[OPT_ENGINE];
	if (!timeout)
		return;
	timeout = *timeout ? timeout : "300";
	if (!mask && !engine) {
		y_set(im, to, "persistence", "%ss", timeout);
		return;
	}
	struct y *y = y_map(im, to, "persistence");
	y->flow = true;
	y_set(im, y, "timeout", "%ss", timeout);
	if (mask && strchr(mask, '.'))
		y_set(im, y, "mask4", "%u", imp_mask_bits(mask));
	else if (mask)
		y_set(im, y, "mask6", "%s", mask);
	if (engine)
		y_set(im, y, "engine", "%s", engine);
}

static void put_scheduler(struct imp *im, const struct rule *r, struct y *to)
{
	const char *name = r->v[OPT_SCHEDULER] ? r->v[OPT_SCHEDULER] : "wlc", *flags = r->v[OPT_FLAGS];
	if (!flags) {
		imp_scheduler(im, to, name);
		return;
	}
	struct y *y = y_map(im, to, "scheduler");
	y->flow = true;
	y_set(im, y, "name", "%s", name);
	struct y *list = y_list(im, y, "flags");
	while (*flags) {
		size_t n = strcspn(flags, ",");
		y_set(im, list, NULL, "%.*s", (int)n, flags);
		flags += n + (flags[n] == ',');
	}
}

static void add_service(struct rules *rs, const struct imp_place *at, const struct rule *r)
{
	struct imp *im = rs->im;
	int kind = kind_of(im, at, r);
	struct lb_ip ip;
	uint16_t port = 0;
	char text[LB_ENDPOINT_STRLEN];
	if (kind < 0)
		return;
	const char *key = key_of(im, kind, r), *where = r->v[OPT_TCP + kind];
	if (find(rs, key)) {
		imp_say(im, at, IMP_ERROR, "the service %s is there already", key);
		return;
	}
	struct known *k = lb_vec_push(&rs->made);
	if (!k) {
		im->oom = true;
		return;
	}
	*k = (struct known){ .key = key,
		.y = y_map(im, rs->services, imp_name_in(im, rs->services, name_of(im, kind, where))) };
	k->y->comment = imp_str(im, "%s:%u", imp_shown(im, imp_file(im, at->file)), at->line);
	if (kind == 3) {
		y_set(im, k->y, "fwmark", "%s", where);
		if (r->v[OPT_IPV6])
			y_set(im, k->y, "family", "ipv6");
	} else {
		(void)lb_endpoint_parse(where, strlen(where), true, &ip, &port);
		y_set(im, k->y, "listen", "%s", lb_endpoint_str(&ip, port, text));
		if (kind)
			y_set(im, k->y, "protocol", "%s", kinds[kind]);
	}
	put_scheduler(im, r, k->y);
	put_persistence(im, r, k->y);
	if (r->v[OPT_ONE_PACKET])
		y_set(im, k->y, "one_packet", "true");
}

/* ---- servers ---- */

static void put_tunnel(struct imp *im, const struct rule *r, struct y *to)
{
	static const char *const sums[] = { "nocsum", "csum", "remcsum" };
	if (!r->v[OPT_TUN_TYPE] || strcmp(r->v[OPT_TUN_TYPE], "ipip") == 0)
		return;
	struct y *y = y_map(im, to, "tunnel");
	y->flow = true;
	y_set(im, y, "type", "%s", r->v[OPT_TUN_TYPE]);
	if (r->v[OPT_TUN_PORT])
		y_set(im, y, "port", "%s", r->v[OPT_TUN_PORT]);
	for (int i = 0; i < 3; i++)
		if (r->v[OPT_NOCSUM + i] && i)
			y_set(im, y, "checksum", "%s", sums[i]);
}

static void put_limits(struct imp *im, const struct rule *r, struct y *to)
{
	static const struct {
		enum opt o;
		const char *key, *absent;
	} rows[] = { { OPT_WEIGHT, "weight", "1" }, { OPT_UPPER, "max_connections", "0" },
		{ OPT_LOWER, "resume_below", "0" } };
	for (size_t i = 0; i < 3; i++)
		if (r->v[rows[i].o] && strcmp(r->v[rows[i].o], rows[i].absent) != 0)
			y_set(im, to, rows[i].key, "%s", r->v[rows[i].o]);
}

static struct y *backend(struct rules *rs, struct known *k, const struct lb_ip *ip, uint16_t port)
{
	char text[LB_IP_STRLEN];
	if (!k->backends) {
		y_set(rs->im, k->y, "check", "none")->comment = "ipvsadm checks nothing; tcp would";
		k->backends = y_map(rs->im, k->y, "backends");
	}
	const char *name = imp_name(rs->im, lb_ip_str(ip, text));
	if (y_find(k->backends, name))
		name = imp_name_in(rs->im, k->backends, imp_str(rs->im, "%s-%u", name, port));
	struct y *y = y_map(rs->im, k->backends, name);
	y->flow = true;
	return y;
}

static void add_server(struct rules *rs, const struct imp_place *at, const struct rule *r)
{
	struct imp *im = rs->im;
	int kind = kind_of(im, at, r);
	struct known *k = kind < 0 ? NULL : find(rs, key_of(im, kind, r));
	const char *where = r->v[OPT_SERVER], *mode = r->v[OPT_NAT] ? "nat" : r->v[OPT_TUN] ? "tun" : "dr";
	struct lb_ip ip;
	uint16_t port;
	char text[LB_ENDPOINT_STRLEN];
	if (kind < 0)
		return;
	if (!k) {
		imp_say(im, at, IMP_ERROR, "there is no service %s before this line",
			imp_shown(im, key_of(im, kind, r)));
		return;
	}
	if (!where || lb_endpoint_parse(where, strlen(where), true, &ip, &port)) {
		imp_say(im, at, IMP_ERROR, "%s is not an address with its port in numbers: take `ipvsadm -Sn`",
			where ? imp_shown(im, where) : "-r");
		return;
	}
	if (!k->mode) {
		k->mode = mode;
		if (strcmp(mode, "nat") != 0)
			y_set(im, k->y, "mode", "%s", mode);
	}
	struct y *y = backend(rs, k, &ip, port);
	y_set(im, y, "address", "%s", lb_endpoint_str(&ip, strcmp(mode, "nat") == 0 ? port : 0, text));
	put_limits(im, r, y);
	if (strcmp(mode, k->mode) != 0)
		y_set(im, y, "mode", "%s", mode);
	if (strcmp(mode, "tun") == 0)
		put_tunnel(im, r, y);
	if (y->child == y->last) {
		y->kind = Y_SCALAR;
		y->value = y->child->value;
		y->child = y->last = NULL;
	}
}

static void take_line(struct rules *rs, const struct imp_place *at, const char *s, size_t n)
{
	const char *w[WORDS_MAX];
	struct rule r;
	size_t count = memchr(s, '\0', n) ? 0 : words(rs->im, s, n, w);
	if (count == 0 && n && memchr(s, '\0', n))
		imp_say(rs->im, at, IMP_ERROR, "a NUL byte; the line is left out");
	if (count == 0 || w[0][0] == '#' || read_rule(rs->im, at, w, count, &r))
		return;
	if (r.v[OPT_ADD_SERVICE])
		add_service(rs, at, &r);
	else
		add_server(rs, at, &r);
}

/* A service that nothing was added to is in the kernel, and nothing that lbd has. */
static void without_servers(struct rules *rs)
{
	lb_vec_foreach (k, &rs->made)
		if (!k->backends)
			y_map(rs->im, k->y, "backends")->flow = true;
}

int import_ipvsadm(const struct import_source *source, struct import_result *out)
{
	struct imp im;
	imp_init(&im, source->name);
	*out = (struct import_result){ 0 };
	struct rules rs = { .im = &im, .services = y_map(&im, &im.root, "services") };
	struct imp_place at = { source->name, 0, 0 };
	const char *s = source->text;
	for (size_t len = source->len; len && !im.oom;) {
		const char *eol = memchr(s, '\n', len);
		size_t n = eol ? (size_t)(eol - s) : len;
		at.line++;
		take_line(&rs, &at, s, n);
		s += n + (eol != NULL);
		len -= n + (eol != NULL);
	}
	without_servers(&rs);
	int err = imp_finish(&im, "ipvsadm", out);
	lb_vec_done(&rs.made);
	imp_done(&im);
	return err;
}
