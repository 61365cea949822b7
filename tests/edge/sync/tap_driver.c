/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipvs_tap_io.c and conn_read_io.c behind lines of text, for tests that need a kernel with IPVS:
 *   tap_driver TAP_ID INJECT_ID
 * It writes `ready`, or `error TEXT` and ends; then `flow F` for each record of the tap, and what the callbacks say.
 * It takes `put F`, `close F`, `fill N F` (N clients from F's on), `read`, `check`, `counts`, `stop`, `leave`.
 * F is: PROTOCOL t|c CLIENT VIRTUAL DEST FLAGS STATE FWMARK TIMEOUT; - for an unset endpoint; flags in hex.
 */
#include "common/clock_io.h"
#include "lbd/sync/conn_read_io.h"
#include "lbd/sync/ipvs_tap_io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct driver {
	struct ev_loop *loop;
	struct ipvs_tap *tap;
	int read_fd;
	struct lb_time read_from;
	struct flow fill; /* the next one to put */
	unsigned fill_left;
	char in[65536];
	size_t in_n;
};

static void print_flow(const char *word, const struct flow *f)
{
	char client[LB_ENDPOINT_STRLEN], virtual[LB_ENDPOINT_STRLEN], dest[LB_ENDPOINT_STRLEN];
	printf("%s %u %c %s %s %s %x %u %u %u", word, f->key.protocol, f->key.template ? 't' : 'c',
		lb_endpoint_str(&f->key.client, f->key.client_port, client),
		lb_endpoint_str(&f->key.virtual, f->key.virtual_port, virtual),
		lb_endpoint_str(&f->dest, f->dest_port, dest), f->flags, f->state, f->fwmark, f->timeout_s);
	if (f->pe_name_n)
		printf(" %.*s", f->pe_name_n, f->pe_name);
	printf("\n");
}

static void say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static void on_flow(const struct flow *f, void *arg)
{
	(void)arg;
	print_flow("flow", f);
	fflush(stdout);
}

static void on_conn(const struct flow *f, void *arg)
{
	(void)arg;
	print_flow("conn", f);
}

static void on_lost(uint64_t n, void *arg)
{
	(void)arg;
	printf("lost %" PRIu64 "\n", n);
	fflush(stdout);
}

static void on_settled(uint64_t n, void *arg)
{
	(void)arg;
	printf("settled %" PRIu64 "\n", n);
	fflush(stdout);
}

static void on_broken(const char *why, void *arg)
{
	(void)arg;
	printf("broken %s\n", why);
	fflush(stdout);
}

static void on_read_done(const struct conn_read_end *end, void *arg)
{
	struct driver *d = arg;
	printf("conns %d %" PRIu64 " %" PRIu64 " us=%" PRId64 "\n", end->err, end->given, end->refused,
		lb_time_diff_us(lb_clock_now(), d->read_from));
	fflush(stdout);
	close(d->read_fd);
}

static bool read_flow(char *text, struct flow *f)
{
	char client[64], virtual[64], dest[64], kind;
	unsigned protocol, flags, state, fwmark, timeout;
	if (sscanf(text, "%u %c %63s %63s %63s %x %u %u %u", &protocol, &kind, client, virtual, dest, &flags, &state,
		    &fwmark, &timeout) != 9)
		return false;
	*f = (struct flow){ .key.protocol = (uint8_t)protocol,
		.key.template = kind == 't',
		.flags = flags,
		.state = (uint16_t)state,
		.fwmark = fwmark,
		.timeout_s = timeout };
	return lb_endpoint_parse(client, strlen(client), true, &f->key.client, &f->key.client_port) == 0 &&
	       lb_endpoint_parse(virtual, strlen(virtual), true, &f->key.virtual, &f->key.virtual_port) == 0 &&
	       lb_endpoint_parse(dest, strlen(dest), true, &f->dest, &f->dest_port) == 0;
}

/* The next client: ports of one address, then the next address. */
static void next_client(struct flow *f)
{
	if (++f->key.client_port < 60000)
		return;
	f->key.client_port = 1024;
	f->key.client.b[f->key.client.family == 10 ? 15 : 3]++;
}

static void fill(struct driver *d)
{
	while (d->fill_left) {
		int err = ipvs_tap_put(d->tap, &d->fill);
		if (err == -EAGAIN)
			return;
		if (err) {
			printf("refused %d\n", -err);
			d->fill_left = 0;
		} else if (--d->fill_left)
			next_client(&d->fill);
	}
	say("filled");
}

static void on_room(void *arg)
{
	struct driver *d = arg;
	if (d->fill_left)
		fill(d);
}

static void print_counts(const struct ipvs_tap_counts *c)
{
	printf("counts tap_datagrams=%" PRIu64 " tap_flows=%" PRIu64 " tap_lost=%" PRIu64 " tap_refused=%" PRIu64
	       " tap_bad=%" PRIu64 " tap_foreign=%" PRIu64 " put_flows=%" PRIu64 " put_datagrams=%" PRIu64
	       " put_dropped=%" PRIu64 " send_errno=%d\n",
		c->tap_datagrams, c->tap_flows, c->tap_lost, c->tap_refused, c->tap_bad, c->tap_foreign, c->put_flows,
		c->put_datagrams, c->put_dropped, c->send_errno);
	fflush(stdout);
}

static void start_read(struct driver *d)
{
	int err = 0;
	d->read_from = lb_clock_now();
	d->read_fd = conn_read_open();
	if (d->read_fd < 0)
		err = d->read_fd;
	if (err || !conn_read_start(d->loop, (const int[]){ d->read_fd, -1 }, 1, on_conn, on_read_done, d, &err)) {
		printf("conns %d 0 0 us=0\n", err);
		fflush(stdout);
	}
}

static void leave(struct driver *d, bool stop)
{
	struct lb_err e = { 0 };
	int failed = 0;
	if (stop)
		failed = ipvs_tap_stop(d->tap, &e);
	else
		ipvs_tap_leave(d->tap);
	printf(failed ? "error %s\n" : "bye%s\n", e.text);
	fflush(stdout);
	_exit(failed ? 1 : 0);
}

static void answer(int err)
{
	printf("put %d\n", -err);
	fflush(stdout);
}

static void command(struct driver *d, char *line)
{
	struct flow f;
	struct lb_err e = { 0 };
	if (strncmp(line, "put ", 4) == 0 && read_flow(line + 4, &f))
		answer(ipvs_tap_put(d->tap, &f));
	else if (strncmp(line, "close ", 6) == 0 && read_flow(line + 6, &f))
		answer(ipvs_tap_close(d->tap, &f));
	else if (strncmp(line, "fill ", 5) == 0) {
		char *rest;
		d->fill_left = (unsigned)strtoul(line + 5, &rest, 10);
		if (!read_flow(rest, &d->fill))
			say("error no flow");
		else
			fill(d);
	} else if (strcmp(line, "read") == 0)
		start_read(d);
	else if (strcmp(line, "counts") == 0)
		print_counts(ipvs_tap_counts(d->tap));
	else if (strcmp(line, "check") == 0)
		say(ipvs_tap_check(d->tap, &e) ? e.text : "check ok");
	else if (strcmp(line, "stop") == 0)
		leave(d, true);
	else if (strcmp(line, "leave") == 0)
		leave(d, false);
	else
		printf("error what: %s\n", line), fflush(stdout);
}

static void on_input(struct ev_loop *loop, ev_io *w, int events)
{
	struct driver *d = w->data;
	(void)loop, (void)events;
	ssize_t n = read(w->fd, d->in + d->in_n, sizeof(d->in) - d->in_n - 1);
	if (n <= 0)
		leave(d, true);
	d->in_n += (size_t)n;
	d->in[d->in_n] = '\0';
	char *at = d->in, *nl;
	while ((nl = strchr(at, '\n'))) {
		*nl = '\0';
		command(d, at);
		at = nl + 1;
	}
	d->in_n -= (size_t)(at - d->in);
	memmove(d->in, at, d->in_n);
}

int main(int argc, char **argv)
{
	static struct driver d;
	struct lb_err e = { 0 };
	ev_io input;
	if (argc != 3)
		return 2;
	d.loop = ev_default_loop(0);
	struct ipvs_tap_conf conf = { .tap_id = (uint8_t)atoi(argv[1]),
		.inject_id = (uint8_t)atoi(argv[2]),
		.flow = on_flow,
		.lost = on_lost,
		.room = on_room,
		.settled = on_settled,
		.broken = on_broken,
		.arg = &d };
	d.tap = ipvs_tap_start(d.loop, &conf, &e);
	if (!d.tap) {
		printf("error %s\n", e.text);
		return 1;
	}
	ev_io_init(&input, on_input, 0, EV_READ);
	input.data = &d;
	ev_io_start(d.loop, &input);
	say("ready");
	ev_run(d.loop, 0);
	return 0;
}
