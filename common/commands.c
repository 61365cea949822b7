/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/commands.h"

#include "common/events.h"

static const char *const shells[] = { "bash", "zsh", "fish", NULL };
static const char *const forces[] = { "up", "down", "auto", NULL };
static const char *const flows[] = { "ipvs", "conntrack", NULL };
static const char *const tops[] = { "service", "backend", NULL };
static const char *const traced[] = { "flip", "config", "takeover", NULL };
static const char *const top_sorts[] = { "name", "conns", "inpkts", "outpkts", "inbytes", "outbytes", "active", NULL };
static const char *const log_parts[] = { "all", "config", "ipvs", "check", "vrrp", "sync", "ctl", NULL };
static const char *const log_levels[] = { "error", "warning", "notice", "info", "debug", "auto", NULL };
static const char *const exports[] = { "ipvsadm", NULL };
static const char *const imports[] = { "keepalived", "ipvsadm", NULL };

/* The same argument means the same everywhere, so it is written once. */
#define ARG_KERNEL                                                                                                     \
	{                                                                                                              \
		.name = "kernel", .kind = LB_ARG_FLAG, .hidden = true, .help = "rows of the kernel in dump order"      \
	}
#define ARG_RATE                                                                                                       \
	{                                                                                                              \
		.name = "rate", .kind = LB_ARG_FLAG, .option = "rate", .help = "per second instead of totals"          \
	}
#define ARG_SERVICE_FILTER                                                                                             \
	{                                                                                                              \
		.name = "service", .kind = LB_ARG_SERVICE, .metavar = "SERVICE", .help = "only this service"           \
	}
#define ARG_SERVICE                                                                                                    \
	{                                                                                                              \
		.name = "service", .kind = LB_ARG_SERVICE, .required = true, .metavar = "SERVICE",                     \
		.help = "the service; a shell glob may name several"                                                   \
	}
#define ARG_BACKEND                                                                                                    \
	{                                                                                                              \
		.name = "backend", .kind = LB_ARG_BACKEND, .required = true, .metavar = "SERVICE/BACKEND",             \
		.help = "the backend; a shell glob may name several"                                                   \
	}
#define ARGS_CONN(must)                                                                                                \
	{ .name = "service",                                                                                           \
		.kind = LB_ARG_SERVICE,                                                                                \
		.option = "service",                                                                                   \
		.one_of = (must),                                                                                      \
		.metavar = "NAME",                                                                                     \
		.help = "of this service" },                                                                           \
		{ .name = "backend",                                                                                   \
			.kind = LB_ARG_BACKEND,                                                                        \
			.option = "backend",                                                                           \
			.one_of = (must),                                                                              \
			.metavar = "SERVICE/BACKEND",                                                                  \
			.help = "of this backend" },                                                                   \
	{                                                                                                              \
		.name = "client", .kind = LB_ARG_CLIENT, .option = "client", .one_of = (must),                         \
		.metavar = "ADDRESS[/BITS][:PORT]",                                                                    \
		.help = "of these clients: 10.0.0.7, 10.0.0.0/24, 10.0.0.7:40000, [2001:db8::7]:40000"                 \
	}
#define ARG_VRRP                                                                                                       \
	{                                                                                                              \
		.name = "vrrp", .kind = LB_ARG_VRRP, .required = true, .metavar = "NAME", .help = "the instance"       \
	}
#define ARG_FOR                                                                                                        \
	{                                                                                                              \
		.name = "for", .kind = LB_ARG_DURATION, .option = "for", .metavar = "TIME",                            \
		.help = "go back to the configuration after it, as in 30m"                                             \
	}
#define ARG_FLOWS                                                                                                      \
	{                                                                                                              \
		.name = "kind", .kind = LB_ARG_CHOICE, .metavar = "ipvs|conntrack", .choices = flows,                  \
		.help = "only these flows"                                                                             \
	}
#define ARG_KIND(key, says)                                                                                            \
	{                                                                                                              \
		.name = (key), .kind = LB_ARG_CHOICE, .metavar = "KIND", .choices = lb_event_words, .help = (says)     \
	}
#define ARG_REASON                                                                                                     \
	{                                                                                                              \
		.name = "reason", .kind = LB_ARG_TEXT, .option = "reason", .metavar = "TEXT",                          \
		.help = "why, for those who look at it later"                                                          \
	}

const struct lb_command lb_commands[] = {
	[LB_COMMAND_STATUS] = { "status", "", LB_LEVEL_OBSERVE, .bare = true, .view = LB_VIEW_STATUS,
		.row = LB_ROW_STATUS, .help = "one screen: what runs, what is not well",
		.text = "Says which configuration runs, how many services and backends are up, names what is "
			"not, and lists what should be looked at with the command that mends it.",
		.args = { { .name = "check",
			.kind = LB_ARG_FLAG,
			.option = "check",
			.help = "exit status 1 if there is an alarm" } } },

	[LB_COMMAND_TOP] = { "top", "", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE, .row = LB_ROW_SERVICE_RATE,
		.help = "what is busy now, by listener or backend",
		.text = "Rates are what the kernel counted between two looks, a second apart or as -w says. On a "
			"terminal it "
			"goes on until q: s sorts by the next column, r turns the order, b and v show backends and "
			"services. "
			"Elsewhere it prints one table, or one after the other with -w.",
		.args = { { .name = "kind",
				  .kind = LB_ARG_CHOICE,
				  .metavar = "service|backend",
				  .choices = tops,
				  .help = "rows are listeners of services (the default), or backends" },
			{ .name = "sort",
				.kind = LB_ARG_CHOICE,
				.option = "sort",
				.metavar = "COLUMN",
				.choices = top_sorts,
				.help = "name, conns, inpkts, outpkts, inbytes (the default), outbytes, active" },
			{ .name = "service",
				.kind = LB_ARG_SERVICE,
				.option = "service",
				.metavar = "NAME",
				.help = "only this service, or those of a shell glob" } } },
	[LB_COMMAND_DOCTOR] = { "doctor", "", LB_LEVEL_NONE, .view = LB_VIEW_FINDINGS, .row = LB_ROW_FINDING,
		.help = "what keeps this node from working, and what mends it",
		.text = "Looks at kernel modules, sysctls, ARP, routes, tunnels, the firewall, clocks, users, files "
			"and the "
			"other node, as the configuration needs them. Without a daemon it looks at the rest. What "
			"needs root "
			"is named when it was not looked at. Exit status 1 if something was found." },
	[LB_COMMAND_SUPPORT] = { "support", "", LB_LEVEL_NONE, .view = LB_VIEW_MESSAGE,
		.help = "collect what one needs to look into a problem",
		.text = "Writes a tar file: the configuration that runs with its secrets hidden, what the daemon "
			"knows, the "
			"kernel tables, the log, versions. Keys are never in it. A file of that name is not "
			"overwritten.",
		.args = { { .name = "out",
				  .kind = LB_ARG_TEXT,
				  .option = "out",
				  .metavar = "FILE",
				  .help = "the file (lbd-support-NODE-TIME.tar)" },
			{ .name = "anonymize",
				.kind = LB_ARG_FLAG,
				.option = "anonymize",
				.help = "other addresses in place of the real ones, the same everywhere" } } },

	[LB_COMMAND_SERVICE_LIST] = { "service", "list", LB_LEVEL_OBSERVE, .bare = true, .ipvsadm = true,
		.view = LB_VIEW_TABLE, .row = LB_ROW_SERVICE, .help = "all services, one line each",
		.text = "With -o ipvsadm it prints what `ipvsadm -Ln` prints: all services of the kernel.",
		.args = { ARG_KERNEL } },
	[LB_COMMAND_SERVICE_SHOW] = { "service", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_SERVICE,
		.help = "everything about a service", .text = "Its settings, its backends and why it is as it is.",
		.args = { ARG_SERVICE } },
	[LB_COMMAND_SERVICE_STATS] = { "service", "stats", LB_LEVEL_OBSERVE, .ipvsadm = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_SERVICE_STATS, .help = "connections, packets and bytes per listener",
		.text = "The kernel adds up new traffic every 2 seconds: a fresh zero says nothing. Rates are "
			"averages over about 8 seconds. With -o ipvsadm it prints what `ipvsadm -Ln --stats` (or "
			"--rate) prints.",
		.args = { ARG_SERVICE_FILTER, ARG_RATE, ARG_KERNEL } },

	[LB_COMMAND_SERVICE_ENABLE] = { "service", "enable", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_SERVICE, .wait = "ready", .help = "end the maintenance of a service",
		.text = "Its backends are checked again; what is set for them by themselves holds again.",
		.args = { ARG_SERVICE } },
	[LB_COMMAND_SERVICE_MAINT] = { "service", "maint", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_SERVICE, .wait = "ready", .help = "take a whole service out at once, flows included",
		.text = "All its backends leave the kernel tables and are not checked until `service enable`, or until "
			"the time of --for is over. Its sorry server takes over if it has one.",
		.args = { ARG_SERVICE, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_SERVICE_ZERO] = { "service", "zero", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_SERVICE, .wait = "ready", .help = "count from 0 anew",
		.text = "Sets the kernel's counters of its listeners and their backends to 0.",
		.args = { ARG_SERVICE } },

	[LB_COMMAND_BACKEND_LIST] = { "backend", "list", LB_LEVEL_OBSERVE, .bare = true, .ipvsadm = true,
		.view = LB_VIEW_TABLE, .row = LB_ROW_BACKEND, .help = "all backends, one line each",
		.text = "A * marks a value that an operator has set and the configuration does not have.",
		.args = { ARG_SERVICE_FILTER, ARG_KERNEL } },
	[LB_COMMAND_BACKEND_SHOW] = { "backend", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_BACKEND,
		.help = "everything about a backend",
		.text = "Its state, why it is in or out, its check and its overrides.", .args = { ARG_BACKEND } },
	[LB_COMMAND_BACKEND_STATS] = { "backend", "stats", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE,
		.row = LB_ROW_BACKEND_STATS, .help = "connections, packets and bytes per backend",
		.text = "One row per backend and listener. The kernel adds up new traffic every 2 seconds.",
		.args = { ARG_SERVICE_FILTER, ARG_RATE } },
	[LB_COMMAND_BACKEND_ENABLE] = { "backend", "enable", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "up", .help = "let a backend serve again",
		.text = "Ends a drain or a maintenance. Health and weight decide again.",
		.args = { ARG_BACKEND, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_DRAIN] = { "backend", "drain", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "drained", .help = "no new flows, keep the ones it has",
		.text = "Its weight in the kernel becomes 0. Flows go on until they end, or until the drain "
			"timeout of the service is over. Checks go on. --wait returns when no flow is left.",
		.args = { ARG_BACKEND, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_MAINT] = { "backend", "maint", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "down", .help = "take a backend out at once, flows included",
		.text = "It leaves the kernel tables and is not checked until `backend enable`.",
		.args = { ARG_BACKEND, ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_WEIGHT] = { "backend", "weight", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "ready", .help = "give a backend another weight",
		.text = "A number, a share of the configured weight, or auto for the configured weight.",
		.args = { ARG_BACKEND,
			{ .name = "weight",
				.kind = LB_ARG_WEIGHT,
				.required = true,
				.metavar = "N|N%|auto",
				.help = "0 to 65535, 0% to 1000%, auto" },
			ARG_FOR, ARG_REASON } },
	[LB_COMMAND_BACKEND_FORCE] = { "backend", "force", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_BACKEND, .wait = "ready", .help = "overrule the checks of a backend",
		.text = "It counts as up or down whatever its checks find; auto lets them decide again. Checks go "
			"on. Drain and maintenance still come first.",
		.args = { ARG_BACKEND,
			{ .name = "force",
				.kind = LB_ARG_CHOICE,
				.required = true,
				.metavar = "up|down|auto",
				.choices = forces,
				.help = "what holds instead of the checks" },
			ARG_FOR, ARG_REASON } },

	[LB_COMMAND_CHECK_LIST] = { "check", "list", LB_LEVEL_OBSERVE, .bare = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_TARGET, .help = "what is probed, one line each",
		.text = "Equal checks of the same address and port are one probe, however many backends use it. "
			"`fall 2/3` is 2 failures in a row of the 3 that take it down, `rise 1/2` the way back.",
		.args = { { .name = "names",
			.kind = LB_ARG_FLAG,
			.hidden = true,
			.help = "one row per check, with its name and type" } } },
	[LB_COMMAND_CHECK_SHOW] = { "check", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_CHECK,
		.help = "everything about a check", .text = "Its settings, defaults included, and what it probes.",
		.args = { { .name = "check",
			.kind = LB_ARG_CHECK,
			.required = true,
			.metavar = "CHECK",
			.help = "the check: a name of `checks`, or a type that is used by its bare name" } } },
	[LB_COMMAND_CHECK_HISTORY] = { "check", "history", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE,
		.row = LB_ROW_TRANSITION, .help = "what went up and down, newest last",
		.text = "The last 4096 changes since the daemon started, of one check or one backend if it is named.",
		.args = { { .name = "backend",
				  .kind = LB_ARG_BACKEND,
				  .metavar = "SERVICE/BACKEND",
				  .help = "only this backend" },
			{ .name = "check",
				.kind = LB_ARG_CHECK,
				.or_before = true,
				.metavar = "CHECK",
				.help = "only this check" },
			{ .name = "last",
				.kind = LB_ARG_COUNT,
				.option = "last",
				.metavar = "N",
				.help = "the newest N (50)" } } },
	[LB_COMMAND_CHECK_RUN] = { "check", "run", LB_LEVEL_ADMIN, .view = LB_VIEW_RUN, .row = LB_ROW_RUN,
		.help = "probe a backend now and print each step",
		.text = "Every check of the backend, beside the probes that run anyway: nothing is counted. Exit "
			"status 1 if one did not pass.",
		.args = { ARG_BACKEND } },

	[LB_COMMAND_CONN_LIST] = { "conn", "list", LB_LEVEL_OBSERVE, .bare = true, .ipvsadm = true,
		.view = LB_VIEW_TABLE, .row = LB_ROW_CONN, .help = "the connections that the kernel has, one line each",
		.text = "Read from the kernel when it is asked for; what comes and goes meanwhile may be missed or "
			"seen "
			"twice. A template says where the next connection of a client goes. With -o ipvsadm it prints "
			"what `ipvsadm -Lnc` prints.",
		.args = { ARGS_CONN(false) } },
	[LB_COMMAND_CONN_COUNT] = { "conn", "count", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE, .row = LB_ROW_CONN_COUNT,
		.help = "how many connections there are, by backend and state",
		.text = "Counts what `conn list` shows.", .args = { ARGS_CONN(false) } },
	[LB_COMMAND_CONN_KILL] = { "conn", "kill", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "ready", .ask = "End all connections that match? Their clients are cut off.",
		.help = "end connections, here and on the other node",
		.text = "A client of TCP or SCTP gets a reset when it sends something. Of UDP the kernel forgets where "
			"the client went; one that sends several times a second may go on, as each packet renews its "
			"flow: take the backend out first (`backend maint`), then nothing does. Persistence templates "
			"that match are ended, too. What clients open meanwhile is left alone. Where connections come "
			"and go faster than the kernel can list them, it says that it is not sure of all (exit status "
			"8); run it again then.",
		.args = { ARGS_CONN(true) } },

	[LB_COMMAND_VRRP_LIST] = { "vrrp", "list", LB_LEVEL_OBSERVE, .bare = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_VRRP, .help = "all VRRP instances, one line each",
		.text = "A * marks a priority that an operator has set and the configuration does not have." },
	[LB_COMMAND_VRRP_SHOW] = { "vrrp", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_VRRP,
		.help = "everything about a VRRP instance",
		.text = "Its state and why, what is tracked, its counters. Without NAME: of all of them.",
		.args = { { .name = "vrrp", .kind = LB_ARG_VRRP, .metavar = "NAME", .help = "the instance" } } },
	[LB_COMMAND_VRRP_RESIGN] = { "vrrp", "resign", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_VRRP, .wait = "backup", .help = "give up being master, with its whole group",
		.text = "The other node takes over within moments, and this one does not take back what it gave "
			"up until the other fails. If nobody takes over it becomes master again. An owner cannot.",
		.args = { ARG_VRRP } },
	[LB_COMMAND_VRRP_ANNOUNCE] = { "vrrp", "announce", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_VRRP, .wait = "ready", .help = "tell all neighbours where the addresses are now",
		.text = "What a new master does: gratuitous ARP, unsolicited neighbour advertisements.",
		.args = { ARG_VRRP } },
	[LB_COMMAND_VRRP_PRIORITY] = { "vrrp", "priority", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_VRRP, .wait = "ready", .help = "give an instance another priority",
		.text = "It takes the place of the configured one; what tracking adds comes on top. A group has one "
			"priority, that of all its instances: where several of them were given one the least "
			"counts. auto: the configured one. It is kept with the other overrides, until auto or the time "
			"of --for.",
		.args = { ARG_VRRP,
			{ .name = "priority",
				.kind = LB_ARG_PRIORITY,
				.required = true,
				.metavar = "N|auto",
				.help = "1 to 254, auto" },
			ARG_FOR, ARG_REASON } },

	[LB_COMMAND_FAILOVER] = { "failover", "", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_MOVE, .wait = "moved", .help = "hand everything over to the other node, or take it",
		.text = "What this node is master of goes to the other node, as soon as that says that it is ready; "
			"where this node is master of nothing, all that the other is master of comes here. Refused "
			"where the other is gone, runs another configuration or could not take over, and where fewer "
			"services would be served: it is asked over the link of the two nodes. An owner (priority "
			"255) keeps its addresses: refused, and with --force the others go. Where flows are "
			"copied, the other node first gets those that began a moment ago, for which it has three "
			"seconds; the answer says when that did not work. --wait (5s) returns when it is done, and "
			"says how long nobody had the addresses.",
		.args = { { .name = "force",
				  .kind = LB_ARG_FLAG,
				  .option = "force",
				  .help = "even so; without a node that is ready: give up all the same" },
			{ .name = "wait",
				.kind = LB_ARG_DURATION,
				.hidden = true,
				.help = "hold the answer until it is done" } } },

	[LB_COMMAND_PEER_STATUS] = { "peer", "status", LB_LEVEL_OBSERVE, .bare = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_PEER, .help = "the other nodes, as the second path knows them",
		.text = "Whether a node is there, by which of the paths, whether it runs the same configuration, how "
			"far its clock is ahead of ours, and what each instance is there." },
	[LB_COMMAND_PEER_DIFF] = { "peer", "diff", LB_LEVEL_OBSERVE, .view = LB_VIEW_DIFF, .row = LB_ROW_CHANGE,
		.help = "what the other node has that this one has not",
		.text = "Compares the configuration that runs there and its overrides with those of this node. Exit "
			"status 1 if there is a difference. Who may only look is told that what a check sends differs, "
			"not what it is." },

	[LB_COMMAND_SYNC_STATUS] = { "sync", "status", LB_LEVEL_OBSERVE, .bare = true, .view = LB_VIEW_TABLE,
		.row = LB_ROW_SYNC, .help = "flows copied to the other node, and how far it lags",
		.text = "Without a copy it says why there is none, and what is missing." },
	[LB_COMMAND_SYNC_RESYNC] = { "sync", "resync", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "ready", .help = "copy all flows anew, both ways",
		.text = "What it does by itself when a node has missed something. Flows go on meanwhile.",
		.args = { ARG_FLOWS } },
	[LB_COMMAND_SYNC_PAUSE] = { "sync", "pause", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "ready", .help = "copy no flow until `sync resume`",
		.text = "The other node keeps what it has until it is too old. If it takes over meanwhile, flows that "
			"began after this are cut. A restart of the daemon ends the pause, a reload does not.",
		.args = { ARG_FLOWS } },
	[LB_COMMAND_SYNC_RESUME] = { "sync", "resume", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "in-sync", .help = "go on copying flows",
		.text = "What changed during the pause is copied first; --wait returns when all is in sync again. "
			"A pause ends on the node where it began: `lbctl --peer sync resume` for the other one's.",
		.args = { ARG_FLOWS } },

	[LB_COMMAND_CONFIG_CHECK] = { "config", "check", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "say what is wrong with a file; no daemon needed",
		.text = "Runs `lbd --check` as the caller. Without FILE: /etc/lbd/lbd.yaml with conf.d, as the "
			"daemon reads them.",
		.args = { { .name = "file",
			.kind = LB_ARG_FILE,
			.metavar = "FILE|-",
			.help = "the file, - for standard input" } } },
	[LB_COMMAND_CONFIG_SHOW] = { "config", "show", LB_LEVEL_OBSERVE, .view = LB_VIEW_TEXT, .row = LB_ROW_TEXT,
		.help = "the configuration that runs, or an older one",
		.text = "The text as it was applied. `config show 17 > /etc/lbd/lbd.yaml` puts it back. Several files "
			"are "
			"shown one behind the other, to be read; each is put back by itself: `config show 17 --file "
			"mail.yaml > /etc/lbd/conf.d/mail.yaml`. Who may only look sees what is --effective, without "
			"what checks "
			"send to backends: it may be a password.",
		.args = { { .name = "generation",
				  .kind = LB_ARG_COUNT,
				  .metavar = "GEN",
				  .help = "number of a generation" },
			{ .name = "effective",
				.kind = LB_ARG_FLAG,
				.option = "effective",
				.help = "with every default written out" },
			{ .name = "file",
				.kind = LB_ARG_TEXT,
				.option = "file",
				.metavar = "NAME",
				.help = "only this file, as it was" } } },
	[LB_COMMAND_CONFIG_DIFF] = { "config", "diff", LB_LEVEL_ADMIN, .view = LB_VIEW_DIFF, .row = LB_ROW_CHANGE,
		.help = "what `config apply` would change",
		.text = "Compares with what runs. Exit status 1 if there is a difference. Without an argument: "
			"the file the daemon was started with.",
		.args = { { .name = "generation",
				  .kind = LB_ARG_COUNT,
				  .metavar = "GEN",
				  .help = "number of a generation" },
			{ .name = "file",
				.kind = LB_ARG_FILE,
				.or_before = true,
				.metavar = "FILE|-",
				.help = "a file, - for standard input" },
			{ .name = "ops",
				.kind = LB_ARG_FLAG,
				.option = "ops",
				.help = "the operations on the kernel" } } },
	[LB_COMMAND_CONFIG_APPLY] = { "config", "apply", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "make a configuration the one that runs",
		.text = "On a terminal it shows the plan and asks, with --both also for the other node when there is a "
			"FILE. "
			"A configuration with an error changes nothing. Without FILE: the file the daemon was started "
			"with; it is refused when it was changed since it was shown.",
		.args = { { .name = "file",
				  .kind = LB_ARG_FILE,
				  .metavar = "FILE|-",
				  .help = "a file, - for standard input" },
			{ .name = "message",
				.kind = LB_ARG_TEXT,
				.option = "message",
				.letter = 'm',
				.metavar = "TEXT",
				.help = "what it is for, kept with the generation" },
			{ .name = "both",
				.kind = LB_ARG_FLAG,
				.option = "both",
				.help = "on both nodes of the pair, or on neither" },
			{ .name = "confirm",
				.kind = LB_ARG_DURATION,
				.option = "confirm",
				.metavar = "TIME",
				.help = "go back after this time, as 2m, unless `config confirm` says to keep it" },
			{ .name = "if_digest",
				.kind = LB_ARG_TEXT,
				.hidden = true,
				.help = "only the text whose plan was shown" },
			{ .name = "if_there",
				.kind = LB_ARG_COUNT,
				.hidden = true,
				.help = "with both: only while this generation runs on the other node" } } },
	[LB_COMMAND_CONFIG_CONFIRM] = { "config", "confirm", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "ready", .help = "keep what was applied with --confirm",
		.text = "With `--both` one confirm reaches both nodes." },
	[LB_COMMAND_CONFIG_ROLLBACK] = { "config", "rollback", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "go back to an older generation",
		.text = "Without GEN: to the one before. What came after it is marked as rolled back; then the kernel "
			"is compared, and the answer says whether it is as it was.",
		.args = { { .name = "generation",
			.kind = LB_ARG_COUNT,
			.metavar = "GEN",
			.help = "number of a confirmed generation" } } },
	[LB_COMMAND_CONFIG_HISTORY] = { "config", "history", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE,
		.row = LB_ROW_GENERATION, .help = "who applied what, when, and what became of it",
		.text = "The last 50 generations. `config show GEN` prints one." },
	[LB_COMMAND_CONFIG_SCHEMA] = { "config", "schema", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "JSON Schema of lbd.yaml; no daemon needed",
		.text = "For editors that check and complete while one writes. Runs `lbd --print=schema`." },
	[LB_COMMAND_CONFIG_EXPORT] = { "config", "export", LB_LEVEL_OBSERVE, .view = LB_VIEW_IPVSADM,
		.help = "the kernel tables as rules of another tool",
		.text = "`config export ipvsadm` prints what `ipvsadm -Sn` prints; `ipvsadm -R` takes it.",
		.args = { { .name = "format",
			.kind = LB_ARG_CHOICE,
			.required = true,
			.metavar = "ipvsadm",
			.choices = exports,
			.help = "rules for ipvsadm -R" } } },
	[LB_COMMAND_CONFIG_IMPORT] = { "config", "import", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "print the configuration of another balancer as lbd.yaml; no daemon needed",
		.text = "What has no counterpart is listed with file and line, and as comments on top of the result. "
			"Without FILE: /etc/keepalived/keepalived.conf, or for ipvsadm standard input, where `ipvsadm "
			"-Sn` "
			"writes. Exit status 1 if something is listed, 6 if lbd would not start with the result. Runs "
			"`lbd --import` as the caller; see lbd-migrating(7).",
		.args = { { .name = "format",
				  .kind = LB_ARG_CHOICE,
				  .required = true,
				  .metavar = "keepalived|ipvsadm",
				  .choices = imports,
				  .help = "what the file is" },
			{ .name = "file",
				.kind = LB_ARG_FILE,
				.metavar = "FILE|-",
				.help = "the file, - for standard input" },
			{ .name = "id",
				.kind = LB_ARG_TEXT,
				.option = "id",
				.metavar = "NAME",
				.help = "the id that keepalived runs with: which lines with @NAME count" } } },

	[LB_COMMAND_KERNEL_DIFF] = { "kernel", "diff", LB_LEVEL_OBSERVE, .view = LB_VIEW_DIFF, .row = LB_ROW_CHANGE,
		.help = "how the kernel differs from what should be there",
		.text = "Reads the kernel tables anew. Exit status 1 if there is a difference." },
	[LB_COMMAND_KERNEL_REPAIR] = { "kernel", "repair", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "put the kernel right now",
		.text = "What the daemon does by itself from time to time." },

	[LB_COMMAND_LOG_LEVEL] = { "log", "level", LB_LEVEL_ADMIN, .changes = true, .changed_by = "level", .bare = true,
		.view = LB_VIEW_TABLE, .row = LB_ROW_LOG, .wait = "ready", .help = "how much is logged, by part",
		.text = "Without LEVEL it shows, to members of lbobserve, too. What is set holds until auto, the time "
			"of --for or the end of the daemon; the processes of checks, VRRP and flows are told, too.",
		.args = { { .name = "subsystem",
				  .kind = LB_ARG_CHOICE,
				  .metavar = "SUBSYSTEM",
				  .choices = log_parts,
				  .help = "all, config, ipvs, check, vrrp, sync, ctl" },
			{ .name = "level",
				.kind = LB_ARG_CHOICE,
				.metavar = "LEVEL",
				.choices = log_levels,
				.help = "error, warning, notice, info, debug; auto: as configured" },
			{ .name = "for",
				.kind = LB_ARG_DURATION,
				.option = "for",
				.metavar = "TIME",
				.help = "go back to the configured level after it, as in 10m" } } },

	[LB_COMMAND_DAEMON_INFO] = { "daemon", "info", LB_LEVEL_OBSERVE, .view = LB_VIEW_SHOW, .row = LB_ROW_DAEMON,
		.help = "version, processes, memory, kernel",
		.text = "What one asks for first when something is odd." },
	[LB_COMMAND_DAEMON_RELOAD] = { "daemon", "reload", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.row = LB_ROW_CHANGE, .wait = "ready", .help = "apply the file the daemon was started with",
		.text = "The same as `config apply` without FILE, without a question." },
	[LB_COMMAND_DAEMON_RESTART] = { "daemon", "restart", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.wait = "ready", .help = "start the daemon anew, traffic goes on",
		.text = "The kernel tables stay and are taken over. --wait returns when it is ready again." },
	[LB_COMMAND_DAEMON_STOP] = { "daemon", "stop", LB_LEVEL_ADMIN, .changes = true, .view = LB_VIEW_MESSAGE,
		.ask = "Stop the daemon? The kernel goes on forwarding, nothing checks the backends.",
		.help = "end the daemon; the kernel goes on forwarding",
		.text = "Nothing checks the backends after that. With --flush what is ours leaves the kernel "
			"too and traffic stops, on a master when its addresses have gone.",
		.args = { { .name = "flush",
			.kind = LB_ARG_FLAG,
			.option = "flush",
			.ask = "Stop the daemon and remove our services from the kernel? Traffic stops.",
			.help = "remove our services from the kernel" } } },

	[LB_COMMAND_METRICS] = { "metrics", "", LB_LEVEL_OBSERVE, .view = LB_VIEW_TEXT, .row = LB_ROW_TEXT,
		.help = "all counters and states as text of Prometheus",
		.text = "What http://127.0.0.1:9788/metrics says (metrics.listen), for a textfile collector or a look. "
			"lbd-metrics(7) explains each.",
		.args = { { .name = "prefix",
			.kind = LB_ARG_TEXT,
			.metavar = "PREFIX",
			.help = "only those whose names begin so: lbd_backend" } } },
	[LB_COMMAND_WATCH] = { "watch", "", LB_LEVEL_OBSERVE, .view = LB_VIEW_WATCH, .row = LB_ROW_EVENT,
		.help = "changes of state as they happen",
		.text = "One line per event, until it is interrupted or the daemon ends. KIND is the first word of an "
			"event (backend) or all of it (backend.health); up to four of them. With -j one JSON object "
			"per "
			"line. Who reads too slowly misses some: events.lost says how many.",
		.args = { ARG_KIND("kind", "only these events: backend, vrrp.state"), ARG_KIND("or", "or these"),
			ARG_KIND("or_else", "or these"), ARG_KIND("or_last", "or these"),
			{ .name = "since",
				.kind = LB_ARG_DURATION,
				.option = "since",
				.metavar = "TIME",
				.help = "first what happened in this time (10m), as far as it is in memory" } } },
	[LB_COMMAND_TRACE] = { "trace", "", LB_LEVEL_OBSERVE, .view = LB_VIEW_TABLE, .row = LB_ROW_TRACE,
		.help = "where the time of the last changes went, newest last",
		.text = "Of the last 128: each in the parts of its way, in milliseconds. What was on its way to the "
			"kernel together has the whole length of it.",
		.args = { { .name = "kind",
			.kind = LB_ARG_CHOICE,
			.choices = traced,
			.metavar = "flip|config|takeover",
			.help = "only these" } } },
	[LB_COMMAND_WAIT] = { "wait", "", LB_LEVEL_OBSERVE, .view = LB_VIEW_MESSAGE,
		.help = "return when something is true",
		.text = "Exit status 0: it is true; 1: it can never become true; 9: the time of -t is over.",
		.args = { { .name = "object",
				  .kind = LB_ARG_OBJECT,
				  .required = true,
				  .metavar = "OBJECT",
				  .help = "service/NAME, backend/SERVICE/NAME, vrrp/NAME, peer, peer/NAME, sync, "
					  "config, daemon" },
			{ .name = "condition",
				.kind = LB_ARG_CONDITION,
				.required = true,
				.metavar = "CONDITION",
				.help = "what it should be" },
			{ .name = "timeout",
				.kind = LB_ARG_DURATION,
				.hidden = true,
				.help = "answer with timeout after it" } } },

	[LB_COMMAND_VERSION] = { "version", "", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "of lbctl and of the daemon", .text = "The daemon is named only if it answers." },
	[LB_COMMAND_COMPLETION] = { "completion", "", LB_LEVEL_NONE, .view = LB_VIEW_TEXT,
		.help = "a script that completes lbctl commands",
		.text = "bash: eval \"$(lbctl completion bash)\"\n"
			"zsh:  eval \"$(lbctl completion zsh)\"\n"
			"fish: lbctl completion fish | source",
		.args = { { .name = "shell",
			.kind = LB_ARG_CHOICE,
			.required = true,
			.metavar = "bash|zsh|fish",
			.choices = shells,
			.help = "the shell it is for" } } },
	[LB_COMMAND_COMPLETE] = { "complete", "", LB_LEVEL_NONE, .hidden = true, .view = LB_VIEW_TEXT,
		.help = "words that may stand next; for the completion scripts",
		.text = "WORDS are those after lbctl; the last one, maybe empty, is being written. Each line is "
			"a word, or a word, a tab and what it means. `:files` asks for file names.",
		.args = { { .name = "words",
			.kind = LB_ARG_WORDS,
			.metavar = "-- WORDS",
			.help = "the words so far" } } },
	[LB_COMMAND_HELP] = { "help", "", LB_LEVEL_NONE, .view = LB_VIEW_TEXT, .help = "commands, or one of them",
		.text = "The same as -h after the command.",
		.args = { { .name = "noun", .kind = LB_ARG_TEXT, .metavar = "NOUN", .help = "commands of this noun" },
			{ .name = "verb", .kind = LB_ARG_TEXT, .metavar = "VERB", .help = "this command" } } },
};
_Static_assert(sizeof(lb_commands) / sizeof(lb_commands[0]) == LB_COMMAND_COUNT, "one row per command");
