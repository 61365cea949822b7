/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/buf.h"
#include "common/log_io.h"
#include "common/proto.h"
#include "common/text.h"
#include "lbd/ctl/metrics.h"
#include "lbd/daemon_apply.h"
#include "lbd/daemon_rooms.h"
#include "lbd/host/notify_io.h"
#include "lbd/import/import.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define CONFIG_PATH "/etc/lbd/lbd.yaml"
#define NOT_RUN     1
#define HOLD_OFF_MS 7000 /* more than StartLimitIntervalSec / StartLimitBurst of the unit */

enum {
	OPT_CHECK = 256,
	OPT_JSON,
	OPT_DOCTOR,
	OPT_PRINT,
	OPT_RUN_DIR,
	OPT_STATE_DIR,
	OPT_USER,
	OPT_LOG_LEVEL,
	OPT_IMPORT,
	OPT_ID
};

static const struct option longs[] = {
	{ "foreground", no_argument, NULL, 'f' },
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "doctor", no_argument, NULL, OPT_DOCTOR },
	{ "node", required_argument, NULL, 'n' },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "user", required_argument, NULL, OPT_USER },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "print", required_argument, NULL, OPT_PRINT },
	{ "import", required_argument, NULL, OPT_IMPORT },
	{ "id", required_argument, NULL, OPT_ID },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"Usage: lbd [--foreground] [OPTIONS]\n"
	"       lbd --check [FILE...]       check a configuration, no daemon needed\n"
	"       lbd --doctor                what this host lacks for it, as JSON: see lbctl doctor\n"
	"       lbd --import=keepalived|ipvsadm [--id NAME] [FILE]   print it as lbd.yaml\n"
	"       lbd --print=schema|keys|reasons|metrics|events|alarms|keepalived\n"
	"\n"
	"  -c, --config FILE     configuration (" CONFIG_PATH "); conf.d/*.yaml beside it is read, too\n"
	"  -n, --node NAME       name of this node (short host name)\n"
	"      --user NAME       to run as when started by root (lbd)\n"
	"      --run-dir DIR     control sockets (/run/lbd)\n"
	"      --state-dir DIR   overrides and generations (/var/lib/lbd)\n"
	"      --log-level LEVEL error warning notice info debug; overrules the file\n"
	"      --print=WHAT      schema: JSON Schema of lbd.yaml; keys: its keys;\n"
	"                        reasons: words that lbctl shows; metrics, events,\n"
	"                        alarms: what there is of them; keepalived: what the\n"
	"                        import knows\n"
	"  -h, --help            this text\n"
	"  -V, --version\n"
	"\n"
	"lbd stays in the foreground: a service manager starts it and starts it again.\n"
	"Talk to it with lbctl.\n";

static int put(const struct lb_text *t, FILE *to)
{
	if (t->n && fwrite(t->s, 1, t->n, to) != t->n)
		return 1;
	return fflush(to) ? 1 : 0;
}

/* For programs, lbctl among them: what people are told, and each finding of what is refused by itself. */
static void put_findings(const struct config_load *l, bool refused, struct lb_text *said)
{
	struct lb_text line = LB_TEXT_INIT;
	size_t n = 0, more;
	const struct config_error *v = l && refused ? config_load_errors(l, &n, &more) : NULL;
	json_t *rows = n ? json_array() : NULL;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, daemon_apply_finding(&v[i]));
	while (said->n && said->s[said->n - 1] == '\n')
		said->s[--said->n] = '\0';
	json_t *all = json_pack("{s:s, s:o*}", "message", said->s ? said->s : "", "errors", rows);
	lb_proto_dump(all, &line);
	json_decref(all);
	(void)put(&line, stdout);
	lb_text_done(&line);
}

/* Files given together are checked as a set, like a file and its conf.d. */
static int check(const struct daemon_options *opt, char **files, int n, bool json)
{
	struct daemon_text t = { 0 };
	struct lb_err e = { LB_CODE_FAILED, "out of memory" };
	struct lb_text report = LB_TEXT_INIT, well = LB_TEXT_INIT;
	int err = n ? 0 : daemon_text_read(opt->config, &t, &e);
	for (int i = 0; i < n && !err; i++)
		err = daemon_text_read_word(files[i], &t, &e);
	struct config_load *l = err ? NULL : config_load_new(t.sources.v, t.sources.n, opt->node);
	while (l && config_load_step(l, 4096) > 0)
		;
	struct config *c = l ? config_load_take(l) : NULL;
	if (l)
		(void)config_load_report(l, &report);
	else
		lb_text_printf(&report, "%s\n", e.text);
	lb_text_put(&report, t.unread.s ? t.unread.s : "", t.unread.n);
	if (c)
		lb_text_printf(json ? &report : &well, "%s: ok (%u service%s, %u backend%s)\n", t.sources.v[0].name,
			c->n_services, c->n_services == 1 ? "" : "s", c->n_backends, c->n_backends == 1 ? "" : "s");
	if (json)
		put_findings(l, !c, &report);
	else
		(void)(put(&well, stdout) | put(&report, stderr));
	int code = c ? LB_CODE_OK : LB_CODE_INVALID;
	config_free(c);
	config_load_free(l);
	lb_text_done(&well);
	lb_text_done(&report);
	daemon_text_done(&t);
	return code;
}

static void print_reasons(struct lb_text *out)
{
	for (size_t i = 0; i < model_reasons_n; i++)
		lb_text_printf(out, "%s\t%s\n", model_reasons[i].name, model_reasons[i].help);
	for (size_t i = 0; i < CHECK_CODE_COUNT; i++)
		lb_text_printf(out, "%s\t%s\n", check_codes[i].name, check_codes[i].help);
}

static void print_metrics(struct lb_text *out)
{
	for (size_t i = 0; i < metrics_n; i++) {
		const struct metric *m = &metrics_table[i];
		lb_text_printf(out, "%s\t%s\t%s\t%s\n", m->name, metric_types[m->type], m->labels, m->help);
	}
}

static void print_events(struct lb_text *out)
{
	for (size_t i = 0; i < LB_EVENT_COUNT; i++)
		lb_text_printf(out, "%s\t%s\t%s\t%s\n", lb_events[i].name, lb_log_level_name(lb_events[i].level),
			lb_events[i].id, lb_events[i].help);
}

static void print_alarms(struct lb_text *out)
{
	for (size_t i = 0; i < lb_alarms_n; i++)
		lb_text_printf(out, "%s\t%s\n", lb_alarms[i].name, lb_alarms[i].help);
}

static int print(const char *what)
{
	static const struct {
		const char *word;
		void (*fn)(struct lb_text *out);
	} rows[] = {
		{ "schema", config_print_schema },
		{ "keys", config_print_keys },
		{ "reasons", print_reasons },
		{ "metrics", print_metrics },
		{ "events", print_events },
		{ "alarms", print_alarms },
		{ "keepalived", import_print_keywords },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].word, what) != 0)
			continue;
		struct lb_text out = LB_TEXT_INIT;
		rows[i].fn(&out);
		int err = put(&out, stdout);
		lb_text_done(&out);
		return err;
	}
	fprintf(stderr,
		"lbd: nothing to print under '%s': schema, keys, reasons, metrics, events, alarms, keepalived\n", what);
	return LB_CODE_USAGE;
}

/* After the complaint of getopt_long() about `got`, an option that there is not, or one that lacks its value (""). */
static int try_help(const char *got)
{
	const char *words[sizeof(longs) / sizeof(*longs)];
	size_t n = 0;
	while (longs[n].name) {
		words[n] = longs[n].name;
		n++;
	}
	got += strspn(got, "-");
	const char *near = lb_text_suggest(got, strcspn(got, "="), words, n);
	if (near)
		fprintf(stderr, "Did you mean '--%s'? ", near);
	fputs("Try 'lbd --help'.\n", stderr);
	return LB_CODE_USAGE;
}

static int unexpected(const char *got, const char *instead)
{
	fprintf(stderr, "lbd: unexpected argument '%s'; %s\n", got, instead);
	return LB_CODE_USAGE;
}

/* A service manager starts us again at once, and gives up for good after a few times: that is meant for a daemon that
 * crashes, whose node had better stay out of the pair. What we lack may be there in a minute (memory, descriptors), so
 * a start that was not possible takes so long that it is tried until it is. */
static int not_run(void)
{
	if (notify_is_managed()) {
		signal(SIGHUP, SIG_DFL); /* the loop that would tell us of them is gone */
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGUSR1, SIG_IGN);
		signal(SIGUSR2, SIG_IGN);
		(void)poll(NULL, 0, HOLD_OFF_MS);
	}
	return NOT_RUN;
}

static int run(struct daemon_options *opt)
{
	struct lb_err e;
	signal(SIGUSR1, SIG_IGN); /* until the loop runs, which tells that they do nothing */
	signal(SIGUSR2, SIG_IGN);
	notify_init();
	int err = worker_init();
	if (err) {
		lb_log(LB_LOG_ERROR, "cannot open my own program: %s", strerror(-err));
		return NOT_RUN;
	}
	unsigned seed = 0;
	if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		json_object_seed(seed | 1); /* hash tables of hostile keys must not be foreseeable */
	if (daemon_privs_drop(opt, &e)) {
		lb_log(LB_LOG_ERROR, "%s", e.text);
		return NOT_RUN;
	}
	return daemon_run(opt);
}

/* What may run with --worker=. */
static const struct worker_row *const workers[] = {
	&daemon_probe_rows[CHECK_ROOM_NET],
	&daemon_probe_rows[CHECK_ROOM_SCRIPT],
	&daemon_vrrp_row,
	&daemon_sync_row,
};

int main(int argc, char **argv)
{
	if (worker_child_wanted(argc, argv))
		return worker_child_main(workers, sizeof(workers) / sizeof(workers[0]), argc, argv);
	struct daemon_options opt = { .config = CONFIG_PATH,
		.state_dir = "/var/lib/lbd",
		.run_dir = "/run/lbd",
		.user = "lbd",
		.node = getenv("LBD_NODE"),
		.level = LB_LOG_INFO };
	bool checking = false, json = false, doctor = false;
	const char *import = NULL, *id = NULL;
	int c, level;
	while ((c = getopt_long(argc, argv, "fc:n:hV", longs, NULL)) != -1) {
		switch (c) {
		case 'f': break; /* the only way there is: named for the reader of a unit file */
		case 'c': opt.config = optarg; break;
		case 'n': opt.node = optarg; break;
		case OPT_CHECK: checking = true; break;
		case OPT_JSON: json = true; break;
		case OPT_DOCTOR: doctor = true; break;
		case OPT_RUN_DIR: opt.run_dir = optarg; break;
		case OPT_STATE_DIR: opt.state_dir = optarg; break;
		case OPT_USER: opt.user = optarg; break;
		case OPT_PRINT: return print(optarg);
		case OPT_IMPORT: import = optarg; break;
		case OPT_ID: id = optarg; break;
		case OPT_LOG_LEVEL:
			level = lb_log_level_parse(optarg, strlen(optarg));
			if (level < 0) {
				fprintf(stderr, "lbd: no log level '%s': error, warning, notice, info, debug\n",
					optarg);
				return LB_CODE_USAGE;
			}
			opt.level = (enum lb_log_level)level;
			opt.level_set = true;
			break;
		case 'h': return fputs(usage, stdout) < 0;
		case 'V': return printf("lbd %s\n", LBD_VERSION) < 0;
		default: return try_help(c == '?' && !optopt ? argv[optind - 1] : "");
		}
	}
	if (checking)
		return check(&opt, argv + optind, argc - optind, json);
	if (doctor && optind == argc)
		return daemon_doctor(&opt);
	if (import && optind + 1 >= argc)
		return daemon_import(import, optind < argc ? argv[optind] : "-", id);
	if (json)
		return unexpected("--json", "it goes with --check");
	if (id && !import)
		return unexpected("--id", "--import=ipvsadm|keepalived --id NAME FILE");
	if (optind < argc)
		return import   ? unexpected(argv[optind + 1], "--import reads one FILE")
		       : doctor ? unexpected(argv[optind], "--doctor reads the configuration: --config FILE")
				: unexpected(argv[optind], "to check a file: lbd --check FILE");
	lb_log_init("lbd", opt.level);
	int status = run(&opt);
	return status == NOT_RUN ? not_run() : status;
}
