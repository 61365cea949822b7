/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `lbctl top`: asks for counters every second, and on a terminal takes keys in between. The terminal gets back what it
 * was, however this ends. */
#include "lbctl/top_io.h"

#include "common/proto.h"
#include "lbctl/session_io.h"
#include "lbctl/top.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define EVERY_MS   1000
#define ALL_MAX    500u /* listeners: of so many all backends are asked for; of more, those of the busiest services */
#define BUSY_MAX   100u
#define LINES_USED 3 /* of the screen: state, head, help */

struct topping {
	struct session *s;
	struct top *services, *backends; /* the first also says whose backends are worth asking */
	struct top_view view;
	const char *only, *glob;
	int64_t every_ms;
	char trouble[256]; /* why the last look failed, "" = it did not */
	bool busiest;      /* not all backends are shown */
};

static volatile sig_atomic_t suspended, ended;

static void on_suspend(int number)
{
	(void)number;
	suspended = 1;
}

static void on_end(int number)
{
	(void)number;
	ended = 1;
	conn_interrupted = 1;
}

static void on_resize(int number)
{
	(void)number; /* it interrupts the wait */
}

/* ---- asking ---- */

struct lines {
	struct topping *t;
	struct top *to;
};

/* A glob is ours to judge: the daemon knows names. Names have no tab, so a line begins with one. */
static void take(const json_t *row, void *arg)
{
	struct lines *l = arg;
	const json_t *text = json_object_get(row, "text");
	const char *s = json_string_value(text);
	size_t n = json_string_length(text);
	if (!s)
		return;
	if (!l->t->glob) {
		top_lines(l->to, s, n);
		return;
	}
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) + 1 : n, name = 0;
		char word[64];
		while (name < len && name < sizeof(word) - 1 && s[name] != '\t' && s[name] != '/')
			name++;
		memcpy(word, s, name);
		word[name] = '\0';
		if (fnmatch(l->t->glob, word, 0) == 0)
			top_lines(l->to, s, len);
		s += len;
		n -= len;
	}
}

static int ask(struct topping *t, struct top *to, const char *kind, const char *service, struct lb_err *e)
{
	struct lines l = { t, to };
	json_t *end = NULL, *args = json_pack("{s:s}", "kind", kind);
	if (args && service)
		json_object_set_new(args, "service", json_string(service));
	int code = args ? session_request(t->s, "top", args, -1, take, &l, &end, e)
			: lb_err_set(e, LB_CODE_FAILED, "out of memory");
	json_decref(end);
	json_decref(args);
	return code;
}

/* Of ten thousand services few are busy, and only what is busy is on the screen. */
static int ask_busiest(struct topping *t, struct lb_err *e)
{
	char name[64], before[64] = "";
	int code = 0;
	size_t n = 0;
	enum top_column by = t->view.by == TOP_NAME || t->view.by == TOP_ACTIVE ? TOP_CONNS : t->view.by;
	top_sort(t->services, by, false);
	for (size_t i = 0; code <= LB_CODE_NO && i < top_count(t->services) && n < BUSY_MAX; i++) {
		top_service(t->services, i, name);
		if (strcmp(name, before) == 0) /* another listener of the same */
			continue;
		strcpy(before, name);
		n++;
		code = ask(t, t->backends, "backend", name, e);
	}
	return code;
}

static int look(struct topping *t, struct lb_err *e)
{
	int code = 0;
	struct lb_time now = lb_clock_now();
	bool services = !t->view.backends || !t->only;
	t->busiest = false;
	if (services) {
		top_begin(t->services, now);
		code = ask(t, t->services, "service", t->only, e);
		(void)top_end(t->services);
	}
	if (!t->view.backends || code > LB_CODE_NO)
		return code;
	t->busiest = !t->only && top_count(t->services) > ALL_MAX;
	top_begin(t->backends, lb_clock_now());
	code = t->busiest ? ask_busiest(t, e) : ask(t, t->backends, "backend", t->only, e);
	(void)top_end(t->backends);
	return code;
}

static struct top *shown(const struct topping *t)
{
	return t->view.backends ? t->backends : t->services;
}

/* ---- tables, one after the other ---- */

static void print_rows(struct topping *t)
{
	struct out *o = &t->s->out;
	struct top *top = shown(t);
	top_sort(top, t->view.by, t->view.reverse);
	if (o->opt->form == CLI_FORM_TABLE || o->opt->form == CLI_FORM_WIDE) {
		top_print(top, 0, top_count(top), t->view.by, &o->look, &o->text);
		session_print(&o->text);
		return;
	}
	for (size_t i = 0; i < top_count(top); i++) {
		json_t *row = top_row(top, i);
		if (row)
			out_row(o, row);
		json_decref(row);
	}
	out_finish(o);
	session_print(&o->text);
}

static int run_plain(struct topping *t)
{
	struct lb_err e = { 0 };
	int code = look(t, &e);
	do {
		if (code <= LB_CODE_NO && conn_pause(t->every_ms, t->s->deadline, &e))
			return session_error(t->s, e.code, e.text, NULL);
		code = code > LB_CODE_NO ? code : look(t, &e);
		if (code > LB_CODE_NO)
			return session_error(t->s, code, e.text, NULL);
		print_rows(t);
	} while (t->s->cli->opt.watch_ms);
	return 0;
}

/* ---- the screen ---- */

static struct termios before_us;

static void screen_on(void)
{
	struct termios raw = before_us;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	(void)!write(STDOUT_FILENO, "\033[?1049h\033[?25l", 14);
}

static void screen_off(void)
{
	(void)!write(STDOUT_FILENO, "\033[?25h\033[?1049l", 14);
	tcsetattr(STDIN_FILENO, TCSANOW, &before_us);
}

static size_t page_of(unsigned *width)
{
	struct winsize w = { 0 };
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_row == 0) {
		*width = 80;
		return 24 - LINES_USED;
	}
	*width = w.ws_col;
	return w.ws_row > LINES_USED ? (size_t)w.ws_row - LINES_USED : 1u;
}

/* Lines end by clearing the rest, so that nothing flickers. */
static void put_screen(struct lb_text *lines)
{
	struct lb_text out = LB_TEXT_INIT;
	lb_text_puts(&out, "\033[H");
	for (const char *s = lines->bad || !lines->s ? "" : lines->s; *s;) {
		size_t n = strcspn(s, "\n");
		lb_text_put(&out, s, n);
		lb_text_puts(&out, "\033[K");
		s += n;
		if (*s) {
			lb_text_puts(&out, "\r\n");
			s++;
		}
	}
	lb_text_puts(&out, "\033[J");
	if (!out.bad)
		session_print(&out);
	lb_text_done(&out);
}

static void draw(struct topping *t)
{
	struct lb_text lines = LB_TEXT_INIT;
	struct columns_look look = t->s->out.look;
	struct top *top = shown(t);
	char state[400];
	size_t page = page_of(&look.width), count = top_count(top);
	top_sort(top, t->view.by, t->view.reverse);
	if (t->view.from >= count)
		t->view.from = 0;
	if (t->trouble[0])
		snprintf(state, sizeof(state), "%s", t->trouble);
	else
		snprintf(state, sizeof(state), "%.64s  %zu %s%s by %s, per second over %.1f s%s",
			t->s->conn.node ? t->s->conn.node : "lbd", count, t->view.backends ? "backend" : "listener",
			count == 1 ? "" : "s", top_columns[t->view.by], (double)t->every_ms / 1000,
			t->busiest           ? ", of the busiest services"
			: top_has_rates(top) ? ""
					     : ", soon");
	lb_text_printf(&lines, "%.*s\n", (int)look.width, state);
	top_print(top, t->view.from, page, t->view.by, &look, &lines);
	lb_text_printf(&lines, "%.*s", (int)look.width, TOP_HELP);
	put_screen(&lines);
	lb_text_done(&lines);
}

static void stop_here(void)
{
	suspended = 0;
	screen_off();
	raise(SIGSTOP);
	screen_on();
}

/* Until the next look, or a key. False: quit. */
static bool wait_keys(struct topping *t, struct lb_time until)
{
	char keys[64];
	unsigned width;
	for (;;) {
		int64_t left = lb_time_diff_us(until, lb_clock_now()) / 1000;
		struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
		if (left <= 0)
			return true;
		int r = poll(&p, 1, (int)left);
		if (ended || conn_interrupted)
			return false;
		if (suspended)
			stop_here();
		if (r == 0) /* time for the next look, which draws */
			return true;
		if (r < 0 && errno != EINTR)
			return false;
		bool kind = t->view.backends;
		if (r > 0) {
			ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));
			if (n <= 0 || !top_keys(&t->view, keys, (size_t)n, page_of(&width), top_count(shown(t))))
				return false;
		}
		draw(t); /* a key, or the window has another size */
		if (kind != t->view.backends)
			return true;
	}
}

/* A daemon that is started anew comes back: until then the screen says what is the matter. */
static void look_again(struct topping *t)
{
	struct lb_err e = { 0 };
	struct session *s = t->s;
	t->trouble[0] = '\0';
	s->conn.deadline = lb_time_add_ms(lb_clock_now(), 10 * EVERY_MS);
	int code = session_connect(s, &e);
	if (!code)
		code = look(t, &e);
	if (code <= LB_CODE_NO || ended)
		return;
	snprintf(t->trouble, sizeof(t->trouble), "%.255s", e.text);
	if (s->connected && (code == LB_CODE_UNREACHABLE || code == LB_CODE_TIMEOUT)) {
		conn_close(&s->conn);
		s->connected = false;
		s->conn.node = NULL;
	}
}

static int run_screen(struct topping *t)
{
	const struct sigaction resize = { .sa_handler = on_resize }, stop = { .sa_handler = on_suspend },
			       end = { .sa_handler = on_end };
	const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	if (tcgetattr(STDIN_FILENO, &before_us))
		return run_plain(t);
	sigaction(SIGWINCH, &resize, NULL);
	sigaction(SIGTSTP, &stop, NULL);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &end, NULL);
	screen_on();
	do {
		look_again(t);
		if (!ended)
			draw(t);
	} while (!ended && lb_time_cmp(lb_clock_now(), t->s->deadline) < 0 &&
		 wait_keys(t, lb_time_add_ms(lb_clock_now(), t->every_ms)));
	screen_off();
	return 0;
}

static enum top_column column_of(const char *word)
{
	for (size_t i = 0; word && i < TOP_COLUMNS; i++)
		if (strcmp(top_columns[i], word) == 0)
			return (enum top_column)i;
	return TOP_INBYTES;
}

int top_run(struct session *s)
{
	const struct cli *c = s->cli;
	const char *kind = lb_proto_str(c->args, "kind");
	struct topping t = { .s = s,
		.services = top_new(false),
		.backends = top_new(true),
		.only = lb_proto_str(c->args, "service"),
		.glob = c->glob ? c->glob_word : NULL,
		.every_ms = c->opt.watch_ms ? c->opt.watch_ms : EVERY_MS };
	t.view.by = column_of(lb_proto_str(c->args, "sort"));
	t.view.backends = kind && strcmp(kind, "backend") == 0;
	if (t.view.backends)
		s->out.type = LB_ROW_BACKEND_RATE;
	bool screen = s->terminal && s->stdout_terminal && c->opt.form <= CLI_FORM_WIDE;
	int code = t.services && t.backends ? (screen ? run_screen(&t) : run_plain(&t))
					    : session_error(s, LB_CODE_FAILED, "out of memory", NULL);
	top_free(t.services);
	top_free(t.backends);
	return code;
}
