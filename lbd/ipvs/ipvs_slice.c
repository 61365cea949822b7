/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lbd/ipvs/ipvs_slice.h"

#define FIRST_OPS 64u /* of a kernel that nothing is known of */
#define LEAST_OPS 8u  /* a turn of the loop costs as much as some of them; of the slowest it is 40 ms */

/* After a datagram of so many operations that took so long. A short one says nothing about longer ones. */
static void adapt(struct ipvs_slice *s, size_t sent, int64_t took_us)
{
	if (took_us > s->us)
		s->most = sent / 2 > LEAST_OPS ? sent / 2 : LEAST_OPS;
	else if (sent == s->most && took_us <= s->us / 4 && s->most < IPVS_BATCH_OPS)
		s->most = s->most * 2 < IPVS_BATCH_OPS ? s->most * 2 : IPVS_BATCH_OPS;
}

int ipvs_send_slice(struct ipvs_reconciler *r, struct ipvs_slice *s, struct lb_time since)
{
	struct lb_time from, now = s->clock();
	int more;
	s->most = s->most ? s->most : FIRST_OPS;
	do {
		const struct ipvs_counters was = *ipvs_counters(r);
		from = now;
		more = ipvs_send_some(r, from, s->most);
		now = s->clock();
		if (ipvs_counters(r)->waits == was.waits) /* how long the kernel waited says nothing of other ops */
			adapt(s, (size_t)(ipvs_counters(r)->writes - was.writes), lb_time_diff_us(now, from));
	} while (more > 0 && lb_time_diff_us(now, since) < s->us);
	return more;
}
