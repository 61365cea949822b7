/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/local_io.h"
#include "lbctl/run_io.h"
#include "lbctl/session_io.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static void on_signal(int number)
{
	(void)number;
	conn_interrupted = 1;
}

/* The person's own time zone: today's times without the day. */
static void local_clock(int64_t wall_ms, char *out, unsigned size)
{
	time_t then = (time_t)(wall_ms / 1000), now = time(NULL);
	struct tm a, b;
	if (!localtime_r(&then, &a) || !localtime_r(&now, &b)) {
		out[0] = '\0';
		return;
	}
	bool today = a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
	if (today)
		strftime(out, size, "%H:%M", &a);
	else
		strftime(out, size, a.tm_year == b.tm_year ? "%e %b %H:%M" : "%Y-%m-%d %H:%M", &a);
}

/* Columns of the terminal, 0 when the output goes elsewhere: nothing is cut there. */
static unsigned terminal_width(bool stdout_terminal)
{
	struct winsize size;
	return stdout_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int main(int argc, char **argv)
{
	struct cli cli;
	struct lb_err e = { 0 };
	struct sigaction interrupt = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN };
	struct session s = { .cli = &cli, .file = -1, .deadline = LB_TIME_NEVER, .socket = getenv("LBCTL_SOCKET") };
	int code;
	sigaction(SIGINT, &interrupt, NULL);
	sigaction(SIGTERM, &interrupt, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	s.stdout_terminal = isatty(STDOUT_FILENO);
	s.terminal = s.stdout_terminal && isatty(STDIN_FILENO);
	if (cli_parse(argc, argv, s.terminal, &cli, &e)) {
		code = session_error(&s, e.code, e.text, NULL);
		cli_done(&cli);
		return code;
	}
	if (cli.opt.socket)
		s.socket = cli.opt.socket;
	if (s.socket && !*s.socket)
		s.socket = NULL;
	if (cli.opt.timeout_ms)
		s.deadline = lb_time_add_ms(lb_clock_now(), cli.opt.timeout_ms);
	out_init(&s.out, cli.cmd ? cli.cmd : lb_commands, cli.args, &cli.opt, NULL);
	s.out.look.colour = cli_wants_colour(&cli.opt, getenv("LBCTL_COLOR"), getenv("NO_COLOR"), s.stdout_terminal);
	s.out.look.now_wall_ms = lb_clock_wall_ms();
	s.out.look.clock = local_clock;
	s.out.look.width = terminal_width(s.stdout_terminal);
	s.out.installed = LBD_VERSION;
	code = local_is(&s) ? local_run(&s) : run(&s);
	session_done(&s);
	cli_done(&cli);
	return code;
}
