/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `lbctl support`: what the daemon answers, what the host prints, each a file of an archive that is made in memory.
 * Everything passes anon_secrets, and anon_text with --anonymize. The configuration is the one that --effective prints:
 * it names key files, and nothing here opens one; what probes say passes anon_config.
 */
#include "lbctl/support_io.h"

#include "common/proto.h"
#include "common/time.h"
#include "lbctl/anon.h"
#include "lbctl/doctor_io.h"
#include "lbctl/lbd_io.h"
#include "lbctl/session_io.h"
#include "lbctl/ustar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS   30000
#define PART_MAX (256u << 20)

#define CONFIG_FILE "config-effective.yaml"

/* One of a command that this lbctl does not have, or the daemon refuses, is named in the list with the reason. */
static const struct {
	const char *file, *wire, *flag; /* an argument that is true, NULL = none */
	bool text;                      /* the texts of the rows, not the rows */
} answers[] = {
	{ "status.jsonl", "status", NULL, false },
	{ "daemon.jsonl", "daemon.info", NULL, false },
	{ CONFIG_FILE, "config.show", "effective", true },
	{ "generations.jsonl", "config.history", NULL, false },
	{ "services.jsonl", "service.list", NULL, false },
	{ "backends.jsonl", "backend.list", NULL, false },
	{ "checks.jsonl", "check.list", NULL, false },
	{ "check-history.jsonl", "check.history", NULL, false },
	{ "vrrp.jsonl", "vrrp.show", NULL, false },
	{ "peers.jsonl", "peer.status", NULL, false },
	{ "sync.jsonl", "sync.status", NULL, false },
	{ "service-counters.jsonl", "service.stats", NULL, false },
	{ "backend-counters.jsonl", "backend.stats", NULL, false },
	{ "connections.jsonl", "conn.count", NULL, false },
	{ "kernel-tables.jsonl", "service.list", "kernel", false },
	{ "kernel-diff.jsonl", "kernel.diff", NULL, false },
	{ "log-levels.jsonl", "log.level", NULL, false },
	{ "metrics.txt", "metrics", NULL, true },
};

static const struct {
	const char *file;
	const char *argv[10]; /* ends with NULL */
} programs[] = {
	{ "host-uname.txt", { "uname", "-a" } },
	{ "host-release.txt", { "cat", "/etc/os-release" } },
	{ "host-modules.txt", { "cat", "/proc/modules" } },
	{ "host-sysctl-vs.txt", { "grep", "-r", ".", "/proc/sys/net/ipv4/vs" } },
	{ "host-ip-vs-stats.txt", { "cat", "/proc/net/ip_vs_stats" } },
	{ "host-addresses.txt", { "ip", "-d", "address" } },
	{ "host-links.txt", { "ip", "-s", "link" } },
	{ "host-routes.txt", { "ip", "route", "show", "table", "all" } },
	{ "host-rules.txt", { "ip", "rule" } },
	{ "host-firewall.txt", { "nft", "list", "ruleset" } },
	{ "log.txt", { "journalctl", "-u", "lbd", "-n", "5000", "--no-pager", "-o", "short-iso" } },
};

struct support {
	struct session *s;
	struct anon *anon; /* NULL = addresses stay */
	struct lb_text archive, part, clean, list;
	int64_t now_s;
	unsigned files;
	bool text;
};

static void put_row(const json_t *row, void *arg)
{
	struct support *u = arg;
	const json_t *text = json_object_get(row, "text");
	if (u->text)
		lb_text_put(&u->part, json_string_value(text) ? json_string_value(text) : "", json_string_length(text));
	else
		lb_proto_dump(row, &u->part);
}

static void put_line(const char *line, size_t n, void *arg)
{
	struct support *u = arg;
	if (u->part.n + n <= PART_MAX)
		lb_text_put(&u->part, line, n);
}

/* What is in u->part, as a file; why: what kept some of it away, NULL = nothing. */
static void add(struct support *u, const char *file, const char *why)
{
	bool config = strcmp(file, CONFIG_FILE) == 0;
	lb_text_printf(&u->list, "%-24s %s\n", file, why ? why : "ok");
	if (config) {
		lb_text_clear(&u->clean);
		anon_config(u->part.s ? u->part.s : "", u->part.n, &u->clean);
		lb_text_clear(&u->part);
		lb_text_put(&u->part, u->clean.s ? u->clean.s : "", u->clean.n);
	}
	lb_text_clear(&u->clean);
	anon_secrets(u->part.s ? u->part.s : "", u->part.n, &u->clean);
	lb_text_clear(&u->part);
	if (u->anon)
		anon_text(u->anon, u->clean.s ? u->clean.s : "", u->clean.n, &u->part);
	const struct lb_text *from = u->anon ? &u->part : &u->clean;
	if (from->n && ustar_file(&u->archive, file, from->s, from->n, u->now_s) == 0)
		u->files++;
	if (from->bad)
		u->archive.bad = true;
	lb_text_clear(&u->part);
}

/* False: there is nobody any more who answers, or an answer that came too late would be taken for the next one. */
static bool ask(struct support *u, size_t i)
{
	struct lb_err e = { 0 };
	json_t *end = NULL, *args = json_object();
	if (answers[i].flag)
		json_object_set_new(args, answers[i].flag, json_true());
	u->text = answers[i].text;
	u->s->conn.deadline = lb_time_add_ms(lb_clock_now(), ASK_MS);
	int code = session_request(u->s, answers[i].wire, args, -1, put_row, u, &end, &e);
	add(u, answers[i].file, code > LB_CODE_NO ? e.text : NULL);
	json_decref(end);
	json_decref(args);
	return code != LB_CODE_TIMEOUT && code != LB_CODE_UNREACHABLE;
}

static void collect_daemon(struct support *u)
{
	struct lb_err e = { 0 };
	u->s->deadline = lb_time_add_ms(lb_clock_now(), ASK_MS);
	int code = session_connect(u->s, &e);
	if (code)
		lb_text_printf(&u->list, "the daemon was not asked: %s\n", e.text);
	bool more = code == 0;
	for (size_t i = 0; more && i < sizeof(answers) / sizeof(answers[0]); i++)
		if (lb_command_wire(answers[i].wire))
			more = ask(u, i);
	if (!code && !more)
		lb_text_puts(&u->list, "the daemon was asked nothing more\n");
}

static void collect_host(struct support *u)
{
	size_t i;
	json_t *row, *rows = json_array();
	struct lb_err e = { 0 };
	u->text = false;
	(void)doctor_look(u->s, rows);
	json_array_foreach (rows, i, row)
		put_row(row, u);
	json_decref(rows);
	add(u, "doctor.jsonl", NULL);
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		int failed = program_lines(programs[i].argv, put_line, u, &e);
		add(u, programs[i].file,
			failed ? "not complete: the program is missing, failed or was too slow" : NULL);
	}
}

static int write_all(int fd, const struct lb_text *t)
{
	for (size_t at = 0; at < t->n;) {
		ssize_t n = write(fd, t->s + at, t->n - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A program has the sentence, and the name, in an answer like any other. */
static void say_saved(struct session *s, const char *path, const char *text)
{
	if (!cli_form_is_json(s->cli->opt.form)) {
		lb_text_printf(&s->out.text, "%s\n", text);
		return;
	}
	json_t *end = json_pack("{s:s, s:s}", "message", text, "file", path);
	out_end(&s->out, end);
	out_finish(&s->out);
	json_decref(end);
}

static int save(struct support *u, const char *path)
{
	struct session *s = u->s;
	char text[600];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = fd < 0 ? -errno : write_all(fd, &u->archive);
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (fd >= 0 && err)
		unlink(path);
	if (err) {
		snprintf(text, sizeof(text), "%.400s: %s", path, strerror(-err));
		return session_error(s, LB_CODE_FAILED, text, NULL);
	}
	snprintf(text, sizeof(text),
		"%.400s: %u files, %zu KiB. Keys are not in it%s.\nLook through it before you give it away.", path,
		u->files, (u->archive.n + 1023) / 1024,
		u->anon ? ", and addresses are others" : "; addresses are (--anonymize)");
	say_saved(s, path, text);
	session_print(&s->out.text);
	return 0;
}

/* lbd-support-lb-a-20260131T143200Z.tar; without a daemon there is no name of a node. */
static void default_name(const struct support *u, char *out, size_t size)
{
	char wall[LB_WALL_STRLEN], when[20];
	const char *node = u->s->conn.node && !u->anon ? u->s->conn.node : NULL;
	size_t n = 0;
	lb_wall_str(u->now_s * 1000, wall);
	for (const char *s = wall; *s && *s != '.' && n < sizeof(when) - 2; s++)
		if (*s != '-' && *s != ':' && *s != 'Z')
			when[n++] = *s;
	when[n] = '\0';
	snprintf(out, size, "lbd-support-%s%s%sZ.tar", node ? node : "", node ? "-" : "", when);
}

int support_run(struct session *s)
{
	const char *out = lb_proto_str(s->cli->args, "out");
	bool anonymize = lb_proto_bool(s->cli->args, "anonymize", 0);
	struct support u = { .s = s, .anon = anonymize ? anon_new() : NULL, .now_s = lb_clock_wall_ms() / 1000 };
	char name[160];
	if (s->cli->opt.peer)
		return session_error(
			s, LB_CODE_USAGE, "support collects of its own host: run it on the other node", NULL);
	lb_text_printf(&u.list, "lbctl " LBD_VERSION "%s\n\n", anonymize ? ", addresses are others" : "");
	collect_daemon(&u);
	default_name(&u, name, sizeof(name));
	collect_host(&u);
	lb_text_put(&u.part, u.list.s ? u.list.s : "", u.list.n);
	add(&u, "LIST.txt", NULL);
	ustar_end(&u.archive);
	bool bad = u.archive.bad || u.list.bad || u.clean.bad || u.part.bad || (anonymize && !u.anon);
	int code = bad ? session_error(s, LB_CODE_FAILED, "out of memory", NULL) : save(&u, out ? out : name);
	anon_free(u.anon);
	lb_text_done(&u.archive);
	lb_text_done(&u.part);
	lb_text_done(&u.clean);
	lb_text_done(&u.list);
	return code;
}
