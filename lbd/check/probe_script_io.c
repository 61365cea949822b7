/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The script probe: a program says whether a backend is well. When the probe is over nothing of it is left
 * (check_program_io.h).
 *
 * A program with an interpreter sees itself as /dev/fd/3: it is executed by the descriptor that was judged, so it does
 * not find files that lie beside it by its own name.
 */
#include "common/buf.h"
#include "lbd/check/check_path_io.h"
#include "lbd/check/check_probe.h"
#include "lbd/check/check_program_io.h"
#include "lbd/check/check_result.h"
#include "lbd/check/check_script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct script {
	struct check_probe probe;
	struct check_program program;
};

static void script_cancel(struct check_probe *p)
{
	struct script *s = (struct script *)p;
	check_probe_end(p);
	check_program_close(&s->program);
}

static void finish(struct script *s, const struct check_script_end *end)
{
	const struct check_script_said said = check_program_said(&s->program);
	struct check_result r = { 0 };
	if (end)
		check_script_result(s->probe.spec, end, &said, &r);
	else
		check_script_text(&r, CHECK_CODE_PROCTOUT, "killed at the deadline", &said);
	check_probe_finish(&s->probe, &r);
}

static void on_ended(void *arg)
{
	struct script *s = arg;
	struct check_script_end end;
	if (check_program_report(&s->program, &end))
		finish(s, &end);
	else
		check_probe_finish_code(&s->probe, CHECK_CODE_SOCKERR, "its keeper was killed");
}

/* It may have ended, and one of its children sleeps in the kernel and cannot be ended: that does not change its word.
 */
static void script_expired(struct check_probe *p)
{
	struct script *s = (struct script *)p;
	struct check_script_end end;
	finish(s, check_program_report(&s->program, &end) ? &end : NULL);
}

static int start_with_args(struct script *s, int program)
{
	struct lb_text strings = LB_TEXT_INIT;
	size_t n = check_script_args(s->probe.spec, &strings);
	char **argv = strings.bad ? NULL : calloc(n + 1, sizeof(*argv));
	int rc = argv ? 0 : -ENOMEM;
	if (argv) {
		char *at = strings.s;
		for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
			argv[i] = at;
		rc = check_program_start(&s->program, program, argv, on_ended, s);
	}
	free(argv);
	lb_text_done(&strings);
	return rc;
}

static int script_start(struct check_probe *p, struct lb_time now)
{
	struct script *s = (struct script *)p;
	const char *path = check_param(&p->spec->params, CHECK_PARAM_PATH);
	struct check_result r = { 0 };
	check_program_init(&s->program, p->loop);
	check_probe_begin(p, now);
	int program = check_path_open(path ? path : "", &r);
	if (program < 0) {
		check_probe_early(p, &r);
		return 0;
	}
	int rc = start_with_args(s, program);
	close(program);
	if (rc)
		script_cancel(p);
	else
		check_probe_step(p, "started");
	return rc;
}

const struct check_ops check_script_ops = { sizeof(struct script), script_start, script_cancel, script_expired };
