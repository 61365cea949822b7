/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *unit;
	int64_t ms;
} units[] = {
	/* longest first, which lb_duration_str relies on */
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

#define DURATION_MAX_MS (3660LL * 86400000)

/* The fraction of a unit is exact or refused: 0.0005s has no place in a millisecond. */
static int scale(int64_t whole, int64_t frac, int64_t frac_unit, int64_t unit, int64_t *ms)
{
	if (whole > DURATION_MAX_MS / unit)
		return -ERANGE;
	int64_t part = frac * unit;
	if (part % frac_unit)
		return -ERANGE;
	*ms = whole * unit + part / frac_unit;
	return *ms > DURATION_MAX_MS ? -ERANGE : 0;
}

int lb_duration_parse(const char *s, size_t n, int64_t *ms)
{
	size_t i = 0;
	int64_t whole = 0, frac = 0, frac_unit = 1;
	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
		whole = whole * 10 + (s[i] - '0');
		if (whole > DURATION_MAX_MS)
			return -ERANGE;
	}
	if (i == 0)
		return -EINVAL;
	if (i < n && s[i] == '.') {
		size_t start = ++i;
		for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
			if (i - start >= 9)
				return -ERANGE;
			frac = frac * 10 + (s[i] - '0');
			frac_unit *= 10;
		}
		if (i == start)
			return -EINVAL;
	}
	for (unsigned u = 0; u < sizeof(units) / sizeof(units[0]); u++)
		if (strlen(units[u].unit) == n - i && memcmp(units[u].unit, s + i, n - i) == 0)
			return scale(whole, frac, frac_unit, units[u].ms, ms);
	return -EINVAL;
}

const char *lb_duration_str(int64_t ms, char out[LB_DURATION_STRLEN])
{
	unsigned u = 0;
	while (u + 1 < sizeof(units) / sizeof(units[0]) && (ms < units[u].ms || ms % units[u].ms))
		u++;
	if (ms == 0)
		snprintf(out, LB_DURATION_STRLEN, "0s");
	else
		snprintf(out, LB_DURATION_STRLEN, "%lld%s", (long long)(ms / units[u].ms), units[u].unit);
	return out;
}

/* Days since 1970 to a civil date (the proleptic Gregorian calendar; H. Hinnant's algorithm): gmtime_r reads the time
 * zone files, which pure code must not. */
static void civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

const char *lb_wall_str(int64_t wall_ms, char out[LB_WALL_STRLEN])
{
	int64_t day_ms = 86400000, days = wall_ms / day_ms, rest = wall_ms % day_ms;
	if (rest < 0) {
		rest += day_ms;
		days--;
	}
	int64_t y;
	unsigned m, d;
	civil(days, &y, &m, &d);
	snprintf(out, LB_WALL_STRLEN, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", (long long)y, m, d,
		(unsigned)(rest / 3600000), (unsigned)(rest / 60000 % 60), (unsigned)(rest / 1000 % 60),
		(unsigned)(rest % 1000));
	return out;
}
