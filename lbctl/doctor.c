/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbctl/doctor.h"

#include "common/events.h"
#include "common/finding.h"
#include "common/proto.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX      512
#define CLOCK_APART_S 1.0 /* signed adverts and beats are refused from a few seconds on */

static bool known(const struct doctor_findings *f, const char *object, const char *text)
{
	size_t i;
	json_t *row;
	json_array_foreach (f->rows, i, row) {
		const char *o = lb_proto_str(row, "object"), *t = lb_proto_str(row, "text");
		if (o && t && strcmp(o, object) == 0 && strcmp(t, text) == 0)
			return true;
	}
	return false;
}

static void add(struct doctor_findings *f, const char *check, bool skipped, const char *object, const char *text,
	const char *fix)
{
	if (known(f, object, text))
		return;
	json_t *row = lb_finding_json(check, skipped, object, text, fix);
	if (row && json_array_append_new(f->rows, row) == 0)
		f->found += !skipped;
}

static void tell(struct doctor_findings *f, enum lb_finding_id id, bool skipped, const char *object,
	const char *const args[LB_FINDING_ARGS])
{
	char text[TEXT_MAX], fix[TEXT_MAX];
	lb_finding_fill(lb_findings[id].text, args, text, sizeof(text));
	lb_finding_fill(lb_findings[id].mend, args, fix, sizeof(fix));
	add(f, lb_findings[id].name, skipped, object, text, skipped ? "" : fix);
}

#define TELL(f, id, object, ...) tell(f, id, false, object, (const char *const[LB_FINDING_ARGS]){ __VA_ARGS__ })

void doctor_take(struct doctor_findings *f, const json_t *row)
{
	const char *check = lb_proto_str(row, "check"), *result = lb_proto_str(row, "result");
	const char *object = lb_proto_str(row, "object"), *text = lb_proto_str(row, "text");
	if (check && result && object && text)
		add(f, check, strcmp(result, "skipped") == 0, object, text, lb_proto_str(row, "fix"));
}

void doctor_no_daemon(struct doctor_findings *f, const char *why, bool skipped)
{
	tell(f, LB_FINDING_DAEMON, skipped, "daemon", (const char *const[LB_FINDING_ARGS]){ why });
}

#define NO_IPVS_MEND "modprobe ip_vs"

/* Of a kernel without IPVS there is nothing to compare. An alarm of a newer daemon is not known here. */
static const char *mend_of(const char *raised)
{
	if (lb_alarm_is(raised, "kernel_refused") && strstr(raised, "has no IPVS"))
		return NO_IPVS_MEND;
	if (lb_alarm_is(raised, "state_not_read") && strstr(raised, "newer lbd"))
		return "apt list -a lbd   # or move what it names out of the state directory";
	for (size_t i = 0; i < lb_alarms_n; i++)
		if (lb_alarm_is(raised, lb_alarms[i].name))
			return lb_alarms[i].mend;
	return "lbctl status";
}

static const char *mend_of_finding(const char *text, const char *fix)
{
	if (fix && *fix)
		return fix;
	return strstr(text, "has no IPVS") ? NO_IPVS_MEND : "lbctl kernel diff";
}

void doctor_status(struct doctor_findings *f, const json_t *status, const char *installed)
{
	const char *version = lb_proto_str(status, "version");
	const json_t *list = json_object_get(status, "alarms"), *file = json_object_get(status, "file");
	size_t i;
	json_t *one;
	if (version && installed && strcmp(version, installed) != 0)
		TELL(f, LB_FINDING_VERSION, "daemon", version, installed);
	json_array_foreach (list, i, one)
		if (json_is_string(one))
			TELL(f, LB_FINDING_ALARM, "daemon", json_string_value(one), mend_of(json_string_value(one)));
	list = json_object_get(status, "findings");
	json_array_foreach (list, i, one) {
		const char *object = lb_proto_str(one, "object"), *text = lb_proto_str(one, "text");
		const char *fix = lb_proto_str(one, "fix");
		if (object && text)
			add(f, lb_findings[LB_FINDING_SYSCTL].name, false, object, text, mend_of_finding(text, fix));
	}
	const char *path = lb_proto_str(file, "path"), *error = lb_proto_str(file, "error");
	if (path && error)
		TELL(f, LB_FINDING_CONFIG, path, error, path);
	else if (path && lb_proto_bool(file, "differs", 0))
		TELL(f, LB_FINDING_DIFFERS, path, path);
}

void doctor_peer(struct doctor_findings *f, const json_t *peer, const char *version)
{
	const char *name = lb_proto_str(peer, "peer"), *theirs = lb_proto_str(peer, "version");
	double apart = json_number_value(json_object_get(peer, "clock"));
	char object[96], seconds[32];
	if (!name)
		return;
	snprintf(object, sizeof(object), "peer/%.80s", name);
	if (theirs && version && strcmp(theirs, version) != 0)
		TELL(f, LB_FINDING_PEER_VERSION, object, name, theirs, version);
	if (fabs(apart) >= CLOCK_APART_S) {
		snprintf(seconds, sizeof(seconds), "%.1f", fabs(apart));
		TELL(f, LB_FINDING_PEER_CLOCK, object, name, seconds);
	}
}
